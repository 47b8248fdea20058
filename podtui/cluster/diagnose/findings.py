"""The parts of a pod's diagnosis: findings with evidence and advice, and the verdict on each node.

The texts are for the user and contain unescaped text of the cluster: the code that shows them makes them harmless.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from podtui.cluster.pods.events import Event
from podtui.cluster.pods.operating_system import is_windows
from podtui.kube.json_values import mapping, string
from podtui.kube.resources import ObjectRef

if TYPE_CHECKING:  # not needed for the first rows
    from podtui.cluster.pods.placement import Refusal
    from podtui.kube.resource_requests import Load

Severity = Literal["error", "warn", "info", "ok"]
ActionKind = Literal["label-node", "uncordon", "show-node", "logs", "previous-logs", "delete"]


@dataclass(frozen=True)
class Action:
    """An action that may help: it opens a dialog or a view, and changes nothing itself.

    `ref` is the node or the pod; `text` is the labels as typed (`gpu=true`), or the name of the container.
    """

    kind: ActionKind
    title: str
    ref: ObjectRef
    text: str = ""


@dataclass(frozen=True)
class Finding:
    """error: it does not run because of this. warn: it runs, but not as it should. info: in progress, or good to know. ok: no problem.

    `title` is a few words, `words` a sentence or two on what it means, `evidence` lines from the cluster, `advice` what to do.
    """

    severity: Severity
    title: str
    words: str = ""
    evidence: tuple[str, ...] = ()
    advice: str = ""
    actions: tuple[Action, ...] = ()


@dataclass(frozen=True)
class NodeVerdict:
    """Why a node does not accept the pod; without refusals, podtui sees no reason."""

    ref: ObjectRef
    refusals: tuple[Refusal, ...]
    wanted_labels: Mapping[str, str] = field(default_factory=dict)
    """The labels that the user may set so that the selector and the affinity match."""


@dataclass(frozen=True)
class Diagnosis:
    """`findings`, at least one, the most severe first; `nodes` only for a pod without a node; `unread` what could not be read, and why."""

    ref: ObjectRef
    findings: tuple[Finding, ...]
    nodes: tuple[NodeVerdict, ...] = ()
    unread: tuple[str, ...] = ()
    at: float = 0.0

    @property
    def actions(self) -> tuple[Action, ...]:
        """Every action, each once."""
        return tuple(dict.fromkeys(action for finding in self.findings for action in finding.actions))


@dataclass
class Facts:
    """The input of a diagnosis: objects as decoded JSON. Objects that were not requested or could not be read are None or missing.

    `objects` maps `Kind/name` to what the pod refers to, None if it does not exist. `logs` maps the container's name to the last lines
    of a run. `node` is the pod's node.
    """

    pod: Mapping[str, Any]
    now: float
    events: Sequence[Event] = ()
    owner_events: Sequence[Event] = ()
    nodes: Sequence[Mapping[str, Any]] | None = None
    loads: Mapping[str, Load] | None = None
    node: Mapping[str, Any] | None = None
    objects: Mapping[str, Mapping[str, Any] | None] = field(default_factory=dict)
    logs: Mapping[str, Sequence[str]] = field(default_factory=dict)
    unread: list[str] = field(default_factory=list)

    @property
    def is_windows(self) -> bool:
        return is_windows(self.pod, self.node)

    @property
    def restart_policy(self) -> str:
        """The pod's."""
        return string(mapping(self.pod.get("spec")).get("restartPolicy"))
