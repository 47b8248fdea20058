"""Scenarios: what lives in the built-in cluster and what happens to it, from a YAML file or from `scale:N`.

A file is a title, nodes, Kubernetes objects as in a manifest, and a script of what changes when. Every mistake in it is told
with the file, the line and the nearest known word.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path
from typing import Annotated, Any, NoReturn

import msgspec
from msgspec import Meta

from podtui.demo.kubelet.nodes import node
from podtui.demo.scenarios.model import Manifest, Scenario, Step, StepTarget
from podtui.demo.scenarios.scale import scale
from podtui.demo.storage.kinds import KINDS, Kind, kind_of
from podtui.errors import SelectorError, UsageError
from podtui.kube import selectors
from podtui.kube.scheduling import TAINT_EFFECTS
from podtui.text import harmless
from podtui.yamlcheck import Checked, Problem, near, read

FOLDER = Path(__file__).parent
DEFAULT = "default"


# -- the file, as it is written ---------------------------------------------------------------------------------------
class NodeFile(msgspec.Struct, frozen=True, kw_only=True):
    """A node. `taints` are as kubectl writes them: `key=value:Effect`."""

    name: str
    labels: dict[str, str] = {}
    taints: list[str] = []
    cpu: Annotated[int, Meta(ge=1, le=1024)] = 4
    memory: str = "16Gi"
    pods: Annotated[int, Meta(ge=0, le=10_000)] = 110


class TargetFile(msgspec.Struct, frozen=True, kw_only=True):
    """Objects of a kind (`Pod`): one by its name, or all of the selector."""

    kind: str
    namespace: str = ""
    name: str = ""
    selector: str = ""


class PatchFile(msgspec.Struct, frozen=True, kw_only=True):
    """A merge patch for one object."""

    kind: str
    name: str
    merge: Any
    namespace: str = ""


class StepFile(msgspec.Struct, frozen=True, kw_only=True):
    """What happens `at` a time after the start, and again `every` so often. One step may do several of these things."""

    at: str
    every: str = ""
    create: list[Any] = []
    patch: PatchFile | None = None
    delete: TargetFile | None = None


class ScenarioFile(msgspec.Struct, frozen=True, kw_only=True):
    """A scenario's file."""

    title: str
    nodes: list[NodeFile]
    warmup: str = ""
    """How long the cluster has been running before anybody sees it."""
    show: str = ""
    """The namespaces that the dashboard shows at first: names with commas, or `all`."""
    objects: list[Any] = []
    script: list[StepFile] = []


# -- those that there are -------------------------------------------------------------------------------------------
def load(name: str = DEFAULT) -> Scenario:
    """The scenario of that name, of that file (it has a `/` or ends in .yaml), or `scale:N[,churn=R]`.

    Raises UsageError for a name that there is not, ConfigError for a file with mistakes.
    """
    if name.startswith("scale"):
        return scale(name)
    if "/" in name or name.endswith((".yaml", ".yml")):
        return _checked(read(Path(name).expanduser(), ScenarioFile), Path(name).stem)
    if name not in shipped():
        raise UsageError(
            f"--scenario: there is no scenario {harmless(name)!r}{near(name, [*shipped(), 'scale:N'])}", "a file needs its .yaml"
        )
    return _checked(read(FOLDER / f"{name}.yaml", ScenarioFile), name)


def shipped() -> list[str]:
    """The names of podtui's own scenarios."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


# -- checks -----------------------------------------------------------------------------------------------------------
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(s|m|h|d)?")
_SECONDS = {None: 1.0, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_TAINT = re.compile(r"(?P<key>[^=:\s]+)(?:=(?P<value>[^:\s]*))?:(?P<effect>\w+)")
_FIELDS = frozenset(
    "apiVersion kind metadata spec status data binaryData immutable type stringData subsets addressType endpoints ports secrets rules "
    "roleRef subjects reason message count involvedObject source firstTimestamp lastTimestamp".split()
)


def _checked(found: Checked[ScenarioFile], name: str) -> Scenario:
    if found.value is None:
        raise found.error()
    return _File(found, found.value).scenario(name)


class _File:
    """What the types alone do not say about a file: durations, kinds, selectors, names that do not fit together."""

    def __init__(self, found: Checked[ScenarioFile], file: ScenarioFile) -> None:
        self.found = found
        self.file = file

    def scenario(self, name: str) -> Scenario:
        names = [node.name for node in self.file.nodes]
        for index, name_of_node in enumerate(names):
            if name_of_node in names[:index]:
                self.fail(f"there are two nodes `{harmless(name_of_node)}`", "nodes", index, "name")
        taints = [
            [self.taint(text, "nodes", index, "taints", place) for place, text in enumerate(one.taints)]
            for index, one in enumerate(self.file.nodes)
        ]

        def nodes(now: str) -> list[dict[str, Any]]:
            return [
                node(one.name, number, now, labels=one.labels, taints=taints[number], cpu=one.cpu, memory=one.memory, pods=one.pods)
                for number, one in enumerate(self.file.nodes)
            ]

        return Scenario(
            name=name,
            title=self.file.title,
            path=self.found.path,
            show=self.file.show,
            warmup=self.seconds(self.file.warmup, "warmup") if self.file.warmup else 0.0,
            nodes=nodes,
            manifests=tuple(self.manifest(obj, "objects", index) for index, obj in enumerate(self.file.objects)),
            script=tuple(sorted((self.step(one, index) for index, one in enumerate(self.file.script)), key=lambda step: step.at)),
        )

    def fail(self, text: str, *path: str | int) -> NoReturn:
        raise Checked(self.found.path, None, [Problem(self.found.line(*path), text)], {}).error()

    def seconds(self, text: str, *path: str | int) -> float:
        match = _DURATION.fullmatch(text)
        if match is None:
            self.fail(f"`{path[-1]}`: {harmless(text)!r} is not a duration: write 20s, 5m or 1h", *path)
        return float(match[1]) * _SECONDS[match[2]]

    def taint(self, text: str, *path: str | int) -> dict[str, str]:
        match = _TAINT.fullmatch(text)
        if match is None:
            self.fail(f"{harmless(text)!r} is not a taint: write key=value:NoSchedule", *path)
        self.known("effect", match["effect"], TAINT_EFFECTS, *path)
        return {"key": match["key"], **({"value": match["value"]} if match["value"] else {}), "effect": match["effect"]}

    def known(self, what: str, word: str, words: Collection[str], *path: str | int) -> None:
        if word not in words:
            self.fail(f"there is no {what} `{harmless(word)}`{near(word, words)}", *path)

    def kind(self, word: str, *path: str | int) -> Kind:
        """The kind of a target, which has no apiVersion: `Pod`."""
        self.known("kind", word, [kind.kind for kind in KINDS], *path)
        return next(kind for kind in KINDS if kind.kind == word)

    def manifest(self, obj: Any, *path: str | int) -> Manifest:
        if not isinstance(obj, dict):
            self.fail("an object must hold apiVersion, kind and metadata", *path)
        for key in ("apiVersion", "kind", "metadata"):
            if key not in obj:
                self.fail(f"the object has no `{key}`", *path)
        api_version, word = obj["apiVersion"], obj["kind"]
        if not isinstance(word, str) or not isinstance(api_version, str):
            self.fail("`apiVersion` and `kind` must be text", *path, "kind")
        found = kind_of(api_version, word)
        if found is None:
            self.known("kind", word, [kind.kind for kind in KINDS], *path, "kind")
            versions = [kind.api_version for kind in KINDS if kind.kind == word]
            self.known(f"kind {word} in apiVersion", api_version, versions, *path, "apiVersion")
            self.fail(f"there is no kind {word} here", *path)
        for key in obj:
            self.known("field", key, _FIELDS, *path, key)
        metadata = obj["metadata"]
        if not isinstance(metadata, dict) or not (metadata.get("name") or metadata.get("generateName")):
            self.fail("the object has no `metadata.name`", *path, "metadata")
        return Manifest(found, obj, self.found.line(*path))

    def target(self, given: TargetFile, *path: str | int) -> StepTarget:
        kind = self.kind(given.kind, *path, "kind")
        if bool(given.name) == bool(given.selector):
            self.fail("it needs a `name` or a `selector`, one of both", *path)
        try:
            selectors.parse(given.selector)
        except SelectorError as error:
            self.fail(f"`selector`: {error.what}", *path, "selector")
        return StepTarget(kind, (given.namespace or "default") if kind.namespaced else "", given.name, given.selector)

    def step(self, given: StepFile, index: int) -> Step:
        path = ("script", index)
        if not (given.create or given.patch or given.delete):
            self.fail("the step does nothing: it needs create, patch or delete", *path)
        every = self.seconds(given.every, *path, "every") if given.every else 0.0
        if given.every and every < 1:
            self.fail("`every` must be at least 1s", *path, "every")
        patch = None
        if given.patch:
            if not isinstance(given.patch.merge, dict):
                self.fail("`merge` must hold keys and values", *path, "patch", "merge")
            target = TargetFile(kind=given.patch.kind, name=given.patch.name, namespace=given.patch.namespace)
            patch = (self.target(target, *path, "patch"), given.patch.merge)
        return Step(
            at=self.seconds(given.at, *path, "at"),
            every=every,
            create=tuple(self.manifest(obj, *path, "create", place) for place, obj in enumerate(given.create)),
            patch=patch,
            delete=self.target(given.delete, *path, "delete") if given.delete else None,
            line=self.found.line(*path),
        )
