"""Find the successor of a pod among those of its lineage: ready, and ranked as kubectl ranks them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import msgspec

from podtui.cluster.connection.listing import list_objects, read_as, selecting
from podtui.cluster.live.live_objects import LiveMetadata
from podtui.cluster.pods.lineage import AnnotatedMeta, Lineage, ObjectMeta, OwnerReference
from podtui.errors import Forbidden, NotFound, PodLost
from podtui.kube.objects import is_true
from podtui.kube.resources import PODS, REPLICASETS
from podtui.tasks import end_tasks
from podtui.text import harmless

if TYPE_CHECKING:
    from podtui.cluster.connection.connection import Connection

_PAGE = 250  # pods per page
_REVISION = "deployment.kubernetes.io/revision"
_PHASES = {"Pending": 0, "Unknown": 1, "Running": 2}


class _Condition(msgspec.Struct, frozen=True, rename="camel"):
    type: str = ""
    status: str = ""
    last_transition_time: str | None = None


class _Container(msgspec.Struct, frozen=True, rename="camel"):
    restart_count: int = 0


class _PodStatus(msgspec.Struct, frozen=True, rename="camel"):
    phase: str = ""
    conditions: list[_Condition] | None = None
    container_statuses: list[_Container] | None = None


class _PodSpec(msgspec.Struct, frozen=True, rename="camel"):
    node_name: str = ""


class PodCandidate(msgspec.Struct, frozen=True):
    """The parts of a v1 Pod that show whether it can be forwarded to, and how well."""

    metadata: AnnotatedMeta
    spec: _PodSpec = _PodSpec()
    status: _PodStatus = _PodStatus()

    @property
    def uid(self) -> str:
        return self.metadata.uid

    @property
    def leaving(self) -> bool:
        """Whether it is terminating (its `deletionTimestamp` is set)."""
        return self.metadata.deletion_timestamp is not None

    @property
    def running(self) -> bool:
        return self.status.phase == "Running" and not self.leaving

    @property
    def ready_since(self) -> str:
        """When its condition Ready became true, "" when it is not."""
        ready = (each for each in self.status.conditions or () if each.type == "Ready" and each.status == "True")
        return next((each.last_transition_time or "0" for each in ready), "")

    @property
    def words(self) -> str:
        """What it lacks, for the user."""
        name = f"pod/{harmless(self.metadata.name)}"
        if self.leaving:
            return f"{name} is terminating"
        if self.status.phase != "Running":
            return f"{name} is {harmless(self.status.phase) or 'not known'}"
        return f"{name} runs and is not ready" if not self.ready_since else f"{name} is ready"


class Found(msgspec.Struct, frozen=True):
    """The best candidate, or None and in `words` why there is none yet."""

    pod: PodCandidate | None
    words: str = ""


class _Named(msgspec.Struct):
    metadata: AnnotatedMeta


def best_first(pods: list[PodCandidate], revisions: dict[str, int] | None = None, prefer: str = "") -> list[PodCandidate]:
    """Sorted as `kubectl port-forward deployment/x` ranks them (podutils.ActivePods, reversed): on a node, running, ready, for the longest
    time, with the fewest restarts, the oldest. The revision of the ReplicaSet, by its UID, precedes the time: a pod of an old one
    will soon be gone too. The ready pod with the UID `prefer` comes first."""
    known = revisions or {}

    def rank(pod: PodCandidate) -> tuple[object, ...]:
        owner = pod.metadata.controller
        restarts = max((each.restart_count for each in pod.status.container_statuses or ()), default=0)
        ready = pod.ready_since
        return (
            pod.leaving,
            not pod.spec.node_name,
            -_PHASES.get(pod.status.phase, -1),
            not ready,
            pod.uid != prefer,
            -known.get(owner.uid if owner else "", 0),
            ready,
            restarts,
            pod.metadata.creation_timestamp or "~",
            pod.metadata.name,
        )

    return sorted(pods, key=rank)


async def find(connection: Connection, lineage: Lineage, *, other_than: str = "", ready: bool = True, prefer: str = "") -> Found:
    """The pod of that lineage to forward to. `ready` False accepts one that only runs; `other_than` excludes a UID.

    Raises PodLost when there will be none (its controller is gone), and the errors of the requests.
    """
    revisions = await _replica_sets(connection, lineage) if lineage.parent else {}
    pods = [pod for pod in await _pods(connection, lineage) if pod.uid != other_than and _belongs(pod, lineage, revisions)]
    ranked = best_first(pods, revisions, prefer)
    if ranked and ranked[0].running and (ranked[0].ready_since or not ready):
        return Found(ranked[0])
    wanted = await _wanted(connection, lineage)
    if ranked:
        return Found(None, ranked[0].words)
    return Found(None, wanted or f"there is no {str(lineage).removeprefix('a ')} yet")


def _belongs(pod: PodCandidate, lineage: Lineage, revisions: dict[str, int]) -> bool:
    owner = pod.metadata.controller
    if lineage.owner is not None and (owner is None or owner.uid not in (lineage.owner.uid, *revisions)):
        return False
    if lineage.node and pod.spec.node_name != lineage.node:
        return False
    index = (pod.metadata.annotations or {}).get("batch.kubernetes.io/job-completion-index", "")
    return not lineage.index or index == lineage.index


async def _pods(connection: Connection, lineage: Lineage) -> list[PodCandidate]:
    path = PODS.path(lineage.namespace)
    if lineage.name:
        try:
            return [await read_as(connection, f"{path}/{lineage.name}", PodCandidate)]
        except NotFound:
            return []
    return await list_objects(connection, path, PodCandidate, query=selecting(lineage.selector), limit=_PAGE)


async def _replica_sets(connection: Connection, lineage: Lineage) -> dict[str, int]:
    """The revisions of the ReplicaSets with the same controller, by UID; none when the user may not list them."""
    assert lineage.parent is not None
    try:
        listed = await list_objects(connection, REPLICASETS.path(lineage.namespace), _Named, query=selecting(lineage.selector))
    except Forbidden:
        return {}
    sets = [each.metadata for each in listed]
    return {one.uid: _revision(one) for one in sets if (owner := one.controller) is not None and owner.uid == lineage.parent.uid}


def _revision(metadata: AnnotatedMeta) -> int:
    text = (metadata.annotations or {}).get(_REVISION, "")
    return int(text) if text.isdecimal() and len(text) < 10 else 0


async def _wanted(connection: Connection, lineage: Lineage) -> str:
    """Why the controller creates no pods now, or "". PodLost when it never will again; unreadable objects give no reason."""
    owner = lineage.parent or lineage.owner
    path = owner.path(lineage.namespace) if owner else ""
    if owner is None or not path:
        return ""
    try:
        found = await connection.json("GET", path)
    except Forbidden:
        return ""
    except NotFound as error:
        raise _orphaned(owner, "is gone") from error
    metadata = msgspec.convert(found.get("metadata") or {}, ObjectMeta)
    if metadata.uid != owner.uid:
        raise _orphaned(owner, "was replaced by another one of the same name")
    finished = next((kind for kind in ("Complete", "Failed") if is_true(found, kind)), "")
    if owner.kind == "Job" and finished:
        raise _orphaned(owner, f"has finished ({finished})")
    if (found.get("spec") or {}).get("replicas") == 0:
        return f"{harmless(str(owner))} is scaled to 0"
    return ""


def _orphaned(owner: OwnerReference, what: str) -> PodLost:
    return PodLost(f"{harmless(str(owner))} {what}", "Start a forward to a pod that is there")


@contextlib.asynccontextmanager
async def changes(connection: Connection, lineage: Lineage) -> AsyncIterator[asyncio.Event]:
    """An event that is set whenever a pod of the lineage may have been added, changed or removed. Without a watch, it stays unset:
    callers also check from time to time."""
    changed = asyncio.Event()
    live = LiveMetadata(
        PODS.path(lineage.namespace),
        f"metadata.name={lineage.name}" if lineage.name else "",
        changed.set,
        selector="" if lineage.name else lineage.selector,
    )
    watching = asyncio.create_task(live.run(connection), name=f"watch for {lineage}")
    try:
        yield changed
    finally:
        await end_tasks(watching)
