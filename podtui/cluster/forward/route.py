"""Which pod a forward leads to: the one for which it was started, by UID, and after a replacement, its successor.

A forward follows a pod that a controller created (see `lineage`): as soon as the pod is terminating or gone, it switches to another
ready pod of the same controller. A pod without a controller has no successor: another pod of its name is a different pod.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Protocol

from podtui.cluster.pods.lineage import Lineage, bare, lineage_of
from podtui.cluster.pods.running_pod import Pod, is_leaving, ref_of, running_pod
from podtui.cluster.pods.successor import PodCandidate, changes, find
from podtui.errors import PodLost, PodtuiError
from podtui.kube.objects import is_true
from podtui.kube.resources import PODS, ObjectRef
from podtui.tasks import comes

if TYPE_CHECKING:
    from podtui.cluster.connection.connection import Connection

POLL = 5.0  # seconds between checks of a pod without other sources of changes
RETRY = 3.0  # seconds between searches for a successor without a change
_SPACING = 0.2  # seconds between two checks, however much changes
HOLD = 10.0
"""Seconds for which a connection waits for a successor before it is reset."""

Arrive = Callable[[ObjectRef, Pod], Awaitable[None]]
"""Probes the connection to another pod; raises PodtuiError when the pod cannot be used."""


class RouteOwner(Protocol):
    """What a route needs of the manager of the forwards."""

    def connection(self) -> Connection: ...
    def pod_alive(self, ref: ObjectRef) -> bool | None: ...
    def successor_of(self, uid: str) -> str: ...
    def succeeded(self, before: ObjectRef, after: ObjectRef) -> None: ...


class Route:
    """All attributes are read-only.

    `ref` is the current pod, or the last one while the route is `waiting` for a successor; `why` then says why it waits.
    `previous` is the pod before `ref`, and `moved_at` (epoch seconds) is when the route switched to `ref`.
    """

    def __init__(self, ref: ObjectRef, owner: RouteOwner, changed: Callable[[], None], standing: Lineage | None = None) -> None:
        """`changed` is called when `waiting` or `why` has changed. `standing`, of a saved forward, fixes which pods are meant, whatever
        their controllers are. `ref` may then be without a name."""
        self.ref = ref
        self.waiting = False
        self.why = ""
        self.previous: ObjectRef | None = None
        self.moved_at = 0.0
        self.lineage = standing or bare(ref)
        self._standing = standing
        self._owner = owner
        self._changed = changed
        self._was_ready = False
        self._over = False
        self._there = asyncio.Event()
        self._nudged = asyncio.Event()
        self._asking = asyncio.Lock()
        self._asked = "", float("-inf")  # the UID of the pod that was last confirmed, and when

    @property
    def target(self) -> str:
        """The pod, or a description of the wanted pod while there never was one."""
        return str(self.ref) if self.ref.name else str(self.lineage)

    async def first(self, connection: Connection) -> Pod | None:
        """The pod to begin with; None when the route must wait for one of its lineage. Raises PodLost, and the errors of the requests."""
        self._over = False
        if self._standing is None:
            try:
                pod = await running_pod(connection, self.ref)
            except PodLost:
                if not self.lineage.follows:
                    raise
            else:
                self._take(pod, await lineage_of(connection, pod))
                return pod
        found = await find(connection, self.lineage, ready=False)
        if found.pod is None:
            self._wait(found.words)
            return None
        pod = await running_pod(connection, _ref(found.pod))
        self._take(pod, self._standing or await lineage_of(connection, pod))
        return pod

    async def there(self, until: float) -> None:
        """Returns when there is a pod; PodtuiError when there is none by `until` (`time.monotonic()`)."""
        if not await comes(self._there, max(0.0, until - time.monotonic())):
            raise PodtuiError(f"a connection found no pod: {self.why}")
        if self._over:
            raise PodtuiError(self.why)

    def give_up(self, why: str) -> None:
        """No pod will come any more: those who wait for one get an error."""
        self.waiting, self.why, self._over = False, why, True
        self._there.set()

    def nudge(self) -> None:
        """Check the pod now, since something may have happened to it."""
        self._nudged.set()

    def lost(self, ref: ObjectRef, error: PodLost) -> None:
        """That pod is gone: the route waits for its successor, unless it already leads to another one. Raises the error when there is
        none to wait for."""
        if ref.uid != self.ref.uid:
            return
        if not self.lineage.follows:
            raise error
        if not self.waiting:
            self._wait(error.what)

    async def confirm(self, connection: Connection, ref: ObjectRef, since: float) -> None:
        """Returns if the pod was still the same at a moment after `since`; PodLost if not."""
        if not self._owner.pod_alive(ref):  # the list may lag behind, so a "no" from it is not trusted
            await self.ask(connection, ref, since)

    async def ask(self, connection: Connection, ref: ObjectRef, since: float) -> None:
        """Ask the API server for the pod, unless that was done after `since`: many connections at once share a request."""
        async with self._asking:
            uid, at = self._asked
            if uid != ref.uid or at < since:
                now = time.monotonic()
                await running_pod(connection, ref)
                self._asked = ref.uid, now

    async def follow(self, arrive: Arrive) -> None:
        """Watch the pod and switch to its successors, until cancelled. PodLost when the last pod is gone."""
        while True:
            if not self.waiting:
                await self._until_it_goes()
            await self._succeed(arrive)

    async def _until_it_goes(self) -> None:
        """Returns when the pod is terminating or gone; PodLost for one that is gone without a successor."""
        while not self.waiting:
            nudged = await comes(self._nudged, POLL)
            self._nudged.clear()
            if self.waiting or not (nudged or not self._owner.pod_alive(self.ref)):
                continue
            try:
                pod = await running_pod(self._owner.connection(), self.ref)
            except PodLost as error:
                self.lost(self.ref, error)
            except PodtuiError:
                continue  # unknown now; a failing connection will report why
            else:
                self._was_ready |= is_true(pod, "Ready")
                if is_leaving(pod) and self.lineage.follows:
                    return

    async def _succeed(self, arrive: Arrive) -> None:
        """Returns when the route leads to another pod. It leads to a terminating one until there is another, or that one is gone."""
        connection = self._owner.connection()
        async with changes(connection, self.lineage) as changed:
            while True:
                changed.clear()
                self._nudged.clear()
                try:
                    await self._still_there(connection)
                    if await self._go_on(connection, arrive):
                        return
                except PodLost:
                    if self.waiting:
                        raise
                except PodtuiError as error:
                    self._set_reason(error.what)
                await comes(changed, RETRY)
                await asyncio.sleep(_SPACING)

    async def _still_there(self, connection: Connection) -> None:
        if not self.waiting:
            try:
                await running_pod(connection, self.ref)
            except PodLost as error:
                self.lost(self.ref, error)

    async def _go_on(self, connection: Connection, arrive: Arrive) -> bool:
        """Whether a successor was found and used. PodLost when there will be none."""
        before = self.ref
        found = await find(
            connection, self.lineage, other_than=before.uid, ready=self._was_ready, prefer=self._owner.successor_of(before.uid)
        )
        if found.pod is None:
            self._set_reason(found.words)
            return False
        ref = _ref(found.pod)
        try:
            pod = await running_pod(connection, ref)
            lineage = self._standing or await lineage_of(connection, pod)
            await arrive(ref, pod)
        except PodtuiError as error:  # PodLost too: it disappeared during the check
            self._set_reason(error.what)
            return False
        if before.uid:
            self.previous, self.moved_at = before, time.time()
        self._take(pod, lineage)
        self._owner.succeeded(before, self.ref)
        return True

    def _take(self, pod: Pod, lineage: Lineage) -> None:
        self.ref, self.lineage, self._was_ready = ref_of(pod), lineage, is_true(pod, "Ready")
        self.waiting, self.why = False, lineage.note
        self._there.set()
        self._changed()

    def _wait(self, why: str) -> None:
        self.waiting, self.why = True, why
        self._there.clear()
        self._nudged.set()
        self._changed()

    def _set_reason(self, why: str) -> None:
        if self.waiting and why != self.why:
            self.why = why
            self._changed()


def _ref(pod: PodCandidate) -> ObjectRef:
    return ObjectRef(PODS, pod.metadata.name, pod.metadata.namespace, pod.uid)
