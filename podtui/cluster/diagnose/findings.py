"""What a diagnosis of a pod is made of: findings with their evidence and what to do, and the verdict of each node.

The texts are for a person and hold words of the cluster as they came: who shows them makes them harmless.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from podtui.cluster.pods.events import Event
from podtui.kube.resources import ObjectRef

if TYPE_CHECKING:  # not needed for the first rows
    from podtui.cluster.pods.placement import Refusal
    from podtui.kube.resource_requests import Load

Severity = Literal["error", "warn", "info", "ok"]
ActionKind = Literal["label-node", "uncordon", "show-node", "logs", "previous-logs", "delete"]


@dataclass(frozen=True)
class Action:
    """An action that may help: it opens the dialog or view, so that nothing is done unseen.

    `ref` is the node or the pod; `text` the labels as they are typed (`gpu=true`), or the name of the container.
    """

    kind: ActionKind
    title: str
    ref: ObjectRef
    text: str = ""


@dataclass(frozen=True)
class Finding:
    """error: it does not run because of this. warn: it runs, but not as it should. info: on its way, or good to know. ok: nothing is wrong.

    `title` is a few words, `words` a sentence or two on what it means, `evidence` lines as they stand in the cluster, `advice` what to do.
    """

    severity: Severity
    title: str
    words: str = ""
    evidence: tuple[str, ...] = ()
    advice: str = ""
    actions: tuple[Action, ...] = ()


@dataclass(frozen=True)
class NodeVerdict:
    """Why a node does not take the pod; without refusals, podtui sees no reason."""

    ref: ObjectRef
    refusals: tuple[Refusal, ...]
    wanted_labels: Mapping[str, str] = field(default_factory=dict)
    """What a person may set so that the selector and the affinity match."""


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
    """What a diagnosis is made from: objects as decoded JSON. What was not asked for or could not be read is None or not there.

    `objects` has, by `Kind/name`, what the pod refers to: None for one that does not exist. `logs` has the last lines of a run by the
    container's name. `node` is the one that the pod is on.
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
