"""The successors of followed pods: a terminating pod is succeeded by the pod that its controller creates for it.

A controller has as many places as followed pods. A place is free when its pod is terminating, has ended or is gone; the oldest pod of
that lineage that did not exist when the following began takes it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import msgspec

from podtui.cluster.connection.listing import METADATA_LIST, list_objects, selecting
from podtui.cluster.pods.lineage import Lineage, ObjectMeta, bare, lineage_of
from podtui.cluster.pods.successor import changes
from podtui.errors import PASSING, Forbidden, NotFound, PodtuiError
from podtui.kube.resources import PODS, REPLICASETS, ObjectRef
from podtui.tasks import end_tasks

if TYPE_CHECKING:
    from podtui.cluster.connection.connection import Connection

_CALM = 1.0  # the least seconds between two checks
_AGAIN = 30.0  # seconds after which to check without a change: a watch may be unavailable
_RETRY = 5.0  # seconds between attempts to read a followed pod and its owner


class _Named(msgspec.Struct):
    metadata: ObjectMeta


class Successors:
    """Fills the places of `refs`. `gone` is whether a pod, by its UID, has ended permanently; `follow` is called with each
    successor, and the UID of the pod that it replaces."""

    def __init__(
        self, connection: Connection, gone: Callable[[str], bool], follow: Callable[[ObjectRef, str], None], *, pace: float = 1.0
    ) -> None:
        self._connection = connection
        self._gone = gone
        self._follow = follow
        self._pace = pace
        self._ended = asyncio.Event()
        self._controllers: dict[str, str] = {}  # of ReplicaSets, both by UID; "" for none

    def check(self) -> None:
        """A pod has ended: check now."""
        self._ended.set()

    async def run(self, refs: Iterable[ObjectRef]) -> None:
        """Run until cancelled, or return when none of these pods can have a successor."""
        places: dict[Lineage, list[str]] = {}
        for ref in refs:
            try:
                lineage = await self._lineage(ref)
            except PodtuiError:  # the pod's own follower reports it; without its owner, nothing takes its place
                continue
            if lineage.owner is not None:
                places.setdefault(msgspec.structs.replace(lineage, note=""), []).append(ref.uid)
        async with asyncio.TaskGroup() as tasks:
            for lineage, uids in places.items():
                tasks.create_task(self._places(lineage, uids), name=f"successors of {lineage}")

    async def _lineage(self, ref: ObjectRef) -> Lineage:
        """That of a followed pod, as soon as it can be read; one without an owner when another pod has the name now."""
        while True:
            try:
                pod = await self._connection.json("GET", ref.path)
                return await lineage_of(self._connection, pod) if (pod.get("metadata") or {}).get("uid") == ref.uid else bare(ref)
            except PASSING:  # the followers report it
                await asyncio.sleep(_RETRY * self._pace)

    async def _places(self, lineage: Lineage, uids: list[str]) -> None:
        """Keep the places of one lineage filled. `uids` are the followed pods, the newest last."""
        before: set[str] | None = None
        async with changes(self._connection, lineage) as changed:
            while True:
                changed.clear()
                try:
                    pods = {pod.uid: pod for pod in await self._pods(lineage)}
                except Forbidden:
                    return
                except PodtuiError:  # an outage: the followers report it
                    pods = None
                if pods is not None:
                    if before is None:
                        before = set(pods)
                    self._take(pods, before, uids)
                await asyncio.sleep(_CALM * self._pace)
                await self._until(changed)

    def _take(self, pods: dict[str, ObjectMeta], before: set[str], uids: list[str]) -> None:
        seats = [uid for uid in uids if uid not in pods or pods[uid].deletion_timestamp is not None or self._gone(uid)]
        new = [pod for pod in pods.values() if pod.uid not in before and pod.uid not in uids and pod.deletion_timestamp is None]
        new.sort(key=lambda pod: (pod.creation_timestamp or "", pod.name))
        for uid, pod in zip(seats, new, strict=False):
            uids[uids.index(uid)] = pod.uid
            self._follow(ObjectRef(PODS, pod.name, pod.namespace, pod.uid), uid)

    async def _until(self, changed: asyncio.Event) -> None:
        self._ended.clear()
        waits = [asyncio.create_task(event.wait()) for event in (changed, self._ended)]
        try:
            await asyncio.wait(waits, timeout=_AGAIN * self._pace, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await end_tasks(*waits)

    async def _pods(self, lineage: Lineage) -> list[ObjectMeta]:
        """The existing pods of that lineage."""
        fields = f"metadata.name={lineage.name}" if lineage.name else f"spec.nodeName={lineage.node}" if lineage.node else ""
        query = selecting(lineage.selector, fields)
        listed = await list_objects(self._connection, PODS.path(lineage.namespace), _Named, query=query, accept=METADATA_LIST)
        return [each.metadata for each in listed if await self._belongs(each.metadata, lineage)]

    async def _belongs(self, pod: ObjectMeta, lineage: Lineage) -> bool:
        """Whether its controller is the lineage's, or another ReplicaSet of the same owner."""
        owner = pod.controller
        if owner is None or lineage.owner is None:
            return False
        if owner.uid == lineage.owner.uid or lineage.parent is None:
            return owner.uid == lineage.owner.uid
        if owner.uid not in self._controllers:
            parent = ""
            if owner.resource is REPLICASETS:
                try:
                    found = await self._connection.json("GET", owner.path(lineage.namespace))
                    above = msgspec.convert(found.get("metadata") or {}, ObjectMeta).controller
                    parent = above.uid if above is not None else ""
                except (Forbidden, NotFound):
                    pass  # then it only counts as another one
            self._controllers[owner.uid] = parent
        return self._controllers[owner.uid] == lineage.parent.uid
