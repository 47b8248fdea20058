"""The port-forwards of a session, running and ended."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Collection, Coroutine, Iterable
from typing import TYPE_CHECKING, Any

from podtui.cluster.forward.local_ports import TcpTable
from podtui.cluster.forward.saved import Profile
from podtui.errors import ConnectionFailed, PodtuiError
from podtui.kube.ports import LOCALHOST, PortSpec, parse_ports
from podtui.kube.resources import ObjectRef
from podtui.signals import Signal
from podtui.text import harmless

if TYPE_CHECKING:
    from podtui.cluster.connection.connection import Connection
    from podtui.cluster.forward.forward import Forward

GetConnection = Callable[[], "Connection | None"]
PodAlive = Callable[[ObjectRef], "bool | None"]

COALESCE = 0.2  # seconds between two notifications


class ForwardManager:
    """The forwards of a session, running and ended, in the order of their start; `profiles` are those saved in the configuration.

    `connection` returns the open connection or None; `pod_alive(ref)` says from the loaded rows whether that pod (by UID) exists:
    True, False, or None when the rows cannot tell and the forward must ask the API server. `notices` emits a message when a forward has
    switched to another pod, or was lost.
    """

    def __init__(self, connection: GetConnection, pod_alive: PodAlive | None = None, profiles: Iterable[Profile] = ()) -> None:
        self.forwards: list[Forward] = []
        self.profiles = tuple(profiles)
        self.notices: Signal[str] = Signal()
        self._get_connection = connection
        self._pod_alive = pod_alive
        self.table = TcpTable()
        self._ids = itertools.count(1)
        self._changes: Signal[None] = Signal()
        self.subscribe = self._changes.subscribe
        """Be called after changes, at most five times a second; returns a function that ends it."""
        self._timer: asyncio.TimerHandle | None = None
        self._notified_at = float("-inf")
        self._successors: dict[str, str] = {}  # UID of a pod -> UID of its successor
        self._finishing: set[asyncio.Task[None]] = set()
        self._closed = False

    async def start(self, ref: ObjectRef, spec: PortSpec | str, address: str = LOCALHOST) -> Forward:
        """Start one forward. Raises PodtuiError (PortBusy, PodLost, Forbidden, ...) and then leaves nothing in the list."""
        return (await self.start_all(ref, [PortSpec.parse(spec) if isinstance(spec, str) else spec], address))[0]

    async def start_all(self, ref: ObjectRef, specs: Iterable[PortSpec] | str, address: str = LOCALHOST) -> list[Forward]:
        """Start several to one pod, all of them or none. `address` other than localhost lets others on the network in."""
        wanted = parse_ports(specs) if isinstance(specs, str) else tuple(specs)
        started: list[Forward] = []
        try:
            for spec in wanted:
                forward = self._add(ref, spec, address)
                started.append(forward)
                await forward.start()
        except BaseException:
            for forward in started:
                self.forwards.remove(forward)
                await forward.stop()
            self.changed()
            raise
        return started

    async def start_profile(self, profile: Profile) -> None:
        """Start the forwards of a saved profile that do not run yet. Those that cannot start stay in the list as failed or lost.

        Raises the PodtuiError of the first failure, after all were tried.
        """
        if why := profile.elsewhere:
            raise PodtuiError(f"the saved forward {harmless(profile.name)} {why}", f"Open it with :ctx {harmless(profile.context)}")
        errors: list[PodtuiError] = []
        for spec in profile.specs:
            forward = next((each for each in self.forwards if each.name == profile.name and each.asked == spec), None)
            if forward is None:
                forward = self._add(profile.ref, spec, profile.address, profile)
            elif forward.running:
                continue
            try:
                await forward.start()
            except PodtuiError as error:
                errors.append(error)
        if errors:
            raise PodtuiError(f"forward {harmless(profile.name)}: {errors[0].what}", errors[0].hint)

    def _add(self, ref: ObjectRef, spec: PortSpec, address: str, profile: Profile | None = None) -> Forward:
        """A forward in the list, not started. The first one loads the modules that forwards need."""
        from podtui.cluster.forward.forward import Forward

        standing, name = (None, "") if profile is None else (profile.lineage, profile.name)
        forward = Forward(next(self._ids), ref, spec, address, self, standing=standing, name=name)
        self.forwards.append(forward)
        return forward

    def get(self, id: int) -> Forward:
        """The forward with that id; KeyError if there is none."""
        for forward in self.forwards:
            if forward.id == id:
                return forward
        raise KeyError(id)

    async def stop(self, id: int) -> None:
        """Close the port and its connections. The forward stays in the list, to be restarted or removed."""
        await self.get(id).stop()

    async def restart(self, id: int) -> None:
        """Stop it if it runs and start it again, on the same local port. On a PodtuiError, the forward is failed or lost."""
        forward = self.get(id)
        await forward.stop()
        forward.count_anew()
        await forward.start()

    async def restart_on(self, id: int, local_port: int) -> None:
        """As `restart`, on another local port."""
        forward = self.get(id)
        forward.spec = PortSpec(local_port, forward.spec.remote)
        await self.restart(id)

    async def remove(self, id: int) -> None:
        """Stop it and remove it from the list."""
        forward = self.get(id)
        await forward.stop()
        if forward in self.forwards:
            self.forwards.remove(forward)
        self.changed()

    def check_pods(self, uids: Collection[str] | None = None) -> None:
        """The rows show a change of the pods with these UIDs (None: perhaps of all): their forwards check the pods at once."""
        for forward in self.forwards:
            if forward.running and (uids is None or forward.ref.uid in uids):
                forward.route.nudge()

    async def close(self) -> None:
        """End every forward; returns when nothing is left of them. May be called again."""
        self._closed = True
        await asyncio.gather(*(forward.stop() for forward in self.forwards))
        await asyncio.gather(*self._finishing, return_exceptions=True)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    # -- for the forwards ---------------------------------------------------------------------------------------
    def connection(self) -> Connection:
        connection = None if self._closed else self._get_connection()
        if connection is None:
            raise ConnectionFailed("not connected to the API server", "Try again when the first line says that it is connected")
        return connection

    def pod_alive(self, ref: ObjectRef) -> bool | None:
        return None if self._pod_alive is None else self._pod_alive(ref)

    def on_port(self, port: int, asking: Forward) -> Forward | None:
        others = (forward for forward in self.forwards if forward is not asking and forward.running)
        return next((forward for forward in others if forward.local_port == port), None)

    def successor_of(self, uid: str) -> str:
        """The UID of the successor with which another forward replaced that pod, or ""."""
        return self._successors.get(uid, "")

    def succeeded(self, before: ObjectRef, after: ObjectRef) -> None:
        if before.uid and self._successors.get(before.uid) != after.uid:
            self._successors[before.uid] = after.uid
            self.notices.emit(f"Port-forward: {after} replaced {before}")

    def lost(self, forward: Forward) -> None:
        self.notices.emit(f"Port-forward {forward.local_address} was lost: {forward.error}")

    def finish(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._finishing.add(task)
        task.add_done_callback(self._finishing.discard)

    def changed(self) -> None:
        if self._timer is None and not self._closed:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(max(0.0, self._notified_at + COALESCE - loop.time()), self._notify)

    def _notify(self) -> None:
        self._timer = None
        self._notified_at = asyncio.get_running_loop().time()
        self._changes.emit(None)
