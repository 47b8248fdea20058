"""What a cluster begins with and what happens to it, checked and ready to be played; `scenarios` has those that there are."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from podtui.demo.storage.kinds import Kind


@dataclass(frozen=True)
class Manifest:
    """An object to create, and where it is in its file."""

    kind: Kind
    obj: dict[str, Any]
    line: int = 0

    @property
    def namespace(self) -> str:
        return (self.obj["metadata"].get("namespace") or "default") if self.kind.namespaced else ""


@dataclass(frozen=True)
class StepTarget:
    """Which objects a step means: the one of this name, or all that the selector matches."""

    kind: Kind
    namespace: str
    name: str = ""
    selector: str = ""


@dataclass(frozen=True)
class Step:
    """One step of the script. `at` and `every` (0: once) are simulated seconds; `line` is where it is in the file."""

    at: float
    every: float = 0.0
    create: tuple[Manifest, ...] = ()
    patch: tuple[StepTarget, Mapping[str, Any]] | None = None
    delete: StepTarget | None = None
    line: int = 0


@dataclass(frozen=True)
class Scenario:
    """A cluster to begin with.

    `nodes(now)` makes its Node objects, ready at the time `now`. `manifests` are created as a user would, in their order, and come to
    life `warmup` simulated seconds before the start. `ready` makes objects that are already in the state in which they are to be found:
    they are stored as they are. `churn` is how many pods a second are replaced.
    """

    name: str
    title: str = ""
    path: str = ""
    show: str = ""
    warmup: float = 0.0
    nodes: Callable[[str], Iterable[dict[str, Any]]] = lambda now: ()
    manifests: tuple[Manifest, ...] = ()
    script: tuple[Step, ...] = ()
    ready: Callable[[float], Iterable[tuple[Kind, dict[str, Any]]]] = lambda now: ()
    churn: float = 0.0

    @property
    def objects(self) -> list[dict[str, Any]]:
        """The objects of its file."""
        return [manifest.obj for manifest in self.manifests]
