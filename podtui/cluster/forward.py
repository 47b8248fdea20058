"""The port-forwards of a session, running and ended."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Coroutine, Iterable
from typing import TYPE_CHECKING, Any

from podtui.cluster.forwarding import Forward, State, running_pod
from podtui.cluster.localports import TcpTable
from podtui.cluster.portspec import LOCALHOST, PortSpec, parse_ports
from podtui.cluster.resources import ObjectRef
from podtui.errors import ConnectionFailed

if TYPE_CHECKING:
    from podtui.cluster.connection import Connection

__all__ = ["Forward", "ForwardManager", "State", "running_pod"]

GetConnection = Callable[[], "Connection | None"]
PodAlive = Callable[[ObjectRef], "bool | None"]

COALESCE = 0.2  # seconds between two notifications


class ForwardManager:
    """The forwards of a session, running and ended, in the order they were started.

    `connection` gives the open connection or None; `pod_alive(ref)` says from the loaded rows whether that pod (by UID) is there:
    True, False, or None when the rows cannot tell, and then the API server is asked.
    """

    def __init__(self, connection: GetConnection, pod_alive: PodAlive | None = None) -> None:
        self.forwards: list[Forward] = []
        self._get_connection = connection
        self._pod_alive = pod_alive
        self.table = TcpTable()
        self._ids = itertools.count(1)
        self._subscribers: list[Callable[[], None]] = []
        self._timer: asyncio.TimerHandle | None = None
        self._told_at = float("-inf")
        self._finishing: set[asyncio.Task[None]] = set()
        self._closed = False

    async def start(self, ref: ObjectRef, spec: PortSpec | str, address: str = LOCALHOST) -> Forward:
        """Starts one forward. Raises PodtuiError (PortBusy, PodLost, Forbidden, ...) and leaves nothing in the list then."""
        return (await self.start_all(ref, [PortSpec.parse(spec) if isinstance(spec, str) else spec], address))[0]

    async def start_all(self, ref: ObjectRef, specs: Iterable[PortSpec] | str, address: str = LOCALHOST) -> list[Forward]:
        """Starts several to one pod, all of them or none. `address` other than localhost lets others on the network in."""
        wanted = parse_ports(specs) if isinstance(specs, str) else tuple(specs)
        started: list[Forward] = []
        try:
            for spec in wanted:
                forward = Forward(next(self._ids), ref, spec, address, self)
                self.forwards.append(forward)
                started.append(forward)
                await forward.start()
        except BaseException:
            for forward in started:
                self.forwards.remove(forward)
                await forward.stop()
            self.changed()
            raise
        return started

    def get(self, id: int) -> Forward:
        """KeyError if there is none of that id."""
        for forward in self.forwards:
            if forward.id == id:
                return forward
        raise KeyError(id)

    async def stop(self, id: int) -> None:
        """Closes the port and its connections. The forward stays in the list, to be started again or removed."""
        await self.get(id).stop()

    async def restart(self, id: int) -> None:
        """Stops it if it runs and starts it again, on the same local port. Raises PodtuiError; the forward is then failed or lost."""
        forward = self.get(id)
        await forward.stop()
        forward.connections = forward.served = forward.bytes_in = forward.bytes_out = 0
        await forward.start()

    async def remove(self, id: int) -> None:
        """Stops it and takes it out of the list."""
        forward = self.get(id)
        await forward.stop()
        if forward in self.forwards:
            self.forwards.remove(forward)
        self.changed()

    def pod_gone(self, uid: str, words: str = "") -> None:
        """The rows tell that the pod with this UID is gone: its forwards are lost at once."""
        for forward in self.forwards:
            if uid and forward.ref.uid == uid and forward.state == "active":
                forward.lose(words or f"{forward.ref} is gone")

    def subscribe(self, fn: Callable[[], None]) -> Callable[[], None]:
        """`fn()` is called when anything changed, at most five times a second; never while another call is running."""
        self._subscribers.append(fn)

        def unsubscribe() -> None:
            if fn in self._subscribers:
                self._subscribers.remove(fn)

        return unsubscribe

    async def close(self) -> None:
        """Ends every forward and waits until nothing is left of them. May be called again."""
        self._closed = True
        await asyncio.gather(*(forward.stop() for forward in self.forwards))
        await asyncio.gather(*self._finishing, return_exceptions=True)
        self._subscribers.clear()
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

    def finish(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._finishing.add(task)
        task.add_done_callback(self._finishing.discard)

    def changed(self) -> None:
        if self._timer is None and self._subscribers:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(max(0.0, self._told_at + COALESCE - loop.time()), self._tell)

    def _tell(self) -> None:
        self._timer = None
        self._told_at = asyncio.get_running_loop().time()
        for fn in tuple(self._subscribers):
            fn()
