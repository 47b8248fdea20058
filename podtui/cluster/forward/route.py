"""Which pod a forward leads to: the one it was started for, by UID, and when that is replaced, its successor.

A pod that a controller made is followed (see `lineage`): as soon as it is told to end, or is gone, the forward goes on with another pod of
the same controller that is ready. One that nobody controls has no successor: another pod of its name is another pod.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Protocol

from podtui.cluster.pods.lineage import Lineage, bare, lineage_of
from podtui.cluster.pods.running_pod import Pod, is_leaving, is_ready, ref_of, running_pod
from podtui.cluster.pods.successor import PodCandidate, changes, find
from podtui.errors import PodLost, PodtuiError
from podtui.kube.resources import PODS, ObjectRef

if TYPE_CHECKING:
    from podtui.cluster.connection.connection import Connection

POLL = 5.0  # seconds between looks at a pod of which nobody else tells
RETRY = 3.0  # seconds between looks for a successor when no change is told
_SPACING = 0.2  # seconds from one look to the next, however much changes
HOLD = 10.0
"""Seconds that a connection waits for a successor before it is reset."""

Arrive = Callable[[ObjectRef, Pod], Awaitable[None]]
"""Tries the way to another pod; a PodtuiError says why it cannot be taken."""


class RouteOwner(Protocol):
    """What a route needs of the manager of the forwards."""

    def connection(self) -> Connection: ...
    def pod_alive(self, ref: ObjectRef) -> bool | None: ...
    def successor_of(self, uid: str) -> str: ...
    def succeeded(self, before: ObjectRef, after: ObjectRef) -> None: ...


class Route:
    """All attributes are to be read only.

    `ref` is the pod now, or the last one while the route is `waiting` for a successor; `why` then says what is known of it.
    `previous` is the pod before `ref`, and `moved_at` (epoch seconds) when the route went on to `ref`.
    """

    def __init__(self, ref: ObjectRef, owner: RouteOwner, changed: Callable[[], None], standing: Lineage | None = None) -> None:
        """`changed` is called when `waiting` or `why` has changed. `standing` says once and for all which pods are meant, whatever their
        controllers are: that of a saved forward. `ref` may then be without a name."""
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
        self._asked = "", float("-inf")  # the UID of the pod that was asked for last and was there, and when

    @property
    def target(self) -> str:
        """The pod, or while there never was one, what it must be."""
        return str(self.ref) if self.ref.name else str(self.lineage)

    async def first(self, connection: Connection) -> Pod | None:
        """The pod to begin with; None when one of its lineage is to be waited for. Raises PodLost, and the errors of the requests."""
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
        """Returns when there is a pod; PodtuiError when there is none at that moment (of `time.monotonic()`)."""
        try:
            async with asyncio.timeout(max(0.0, until - time.monotonic())):
                await self._there.wait()
        except TimeoutError:
            raise PodtuiError(f"a connection found no pod: {self.why}") from None
        if self._over:
            raise PodtuiError(self.why)

    def give_up(self, why: str) -> None:
        """There will be no pod any more: who waits for one is told so."""
        self.waiting, self.why, self._over = False, why, True
        self._there.set()

    def nudge(self) -> None:
        """Something may have happened to the pod: look at it now."""
        self._nudged.set()

    def lost(self, ref: ObjectRef, error: PodLost) -> None:
        """That pod is gone: the route waits for its successor, unless it leads to another one by now. Raises the error when there is
        none to wait for."""
        if ref.uid != self.ref.uid:
            return
        if not self.lineage.follows:
            raise error
        if not self.waiting:
            self._wait(error.what)

    async def confirm(self, connection: Connection, ref: ObjectRef, since: float) -> None:
        """Returns if the pod was still the same at a moment after `since`; PodLost if not."""
        if not self._owner.pod_alive(ref):  # a list that lags behind is not believed when it says no
            await self.ask(connection, ref, since)

    async def ask(self, connection: Connection, ref: ObjectRef, since: float) -> None:
        """Asks the API server for the pod, unless that was done after `since`: many connections at once share a request."""
        async with self._asking:
            uid, at = self._asked
            if uid != ref.uid or at < since:
                now = time.monotonic()
                await running_pod(connection, ref)
                self._asked = ref.uid, now

    async def follow(self, arrive: Arrive) -> None:
        """Keeps the pod in view and goes on to its successors, until it is cancelled. PodLost when the last pod is gone."""
        while True:
            if not self.waiting:
                await self._until_it_goes()
            await self._succeed(arrive)

    async def _until_it_goes(self) -> None:
        """Returns when the pod is gone, or was told to end; PodLost for one that is gone and has no successor."""
        while not self.waiting:
            nudged = await _wait_for(self._nudged, POLL)
            self._nudged.clear()
            if self.waiting or not (nudged or not self._owner.pod_alive(self.ref)):
                continue
            try:
                pod = await running_pod(self._owner.connection(), self.ref)
            except PodLost as error:
                self.lost(self.ref, error)
            except PodtuiError:
                continue  # not known now; a connection that fails will tell why
            else:
                self._was_ready |= is_ready(pod)
                if is_leaving(pod) and self.lineage.follows:
                    return

    async def _succeed(self, arrive: Arrive) -> None:
        """Returns when the route leads to another pod. One that is terminating is led to until there is another, or it is gone."""
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
                await _wait_for(changed, RETRY)
                await asyncio.sleep(_SPACING)

    async def _still_there(self, connection: Connection) -> None:
        if not self.waiting:
            try:
                await running_pod(connection, self.ref)
            except PodLost as error:
                self.lost(self.ref, error)

    async def _go_on(self, connection: Connection, arrive: Arrive) -> bool:
        """Whether a successor was found and taken. PodLost when there will be none."""
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
        except PodtuiError as error:  # PodLost too: it went while it was looked at
            self._set_reason(error.what)
            return False
        if before.uid:
            self.previous, self.moved_at = before, time.time()
        self._take(pod, lineage)
        self._owner.succeeded(before, self.ref)
        return True

    def _take(self, pod: Pod, lineage: Lineage) -> None:
        self.ref, self.lineage, self._was_ready = ref_of(pod), lineage, is_ready(pod)
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


async def _wait_for(event: asyncio.Event, seconds: float) -> bool:
    """Whether the event came within that time."""
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return False
    return True
