"""One port-forward: a local port that leads to a port of a pod, as `kubectl port-forward`, or of its successor.

The `Route` decides which pod it is. The local port stays open while the forward waits for a successor.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any, Literal, Protocol

from podtui.cluster.forward import route
from podtui.cluster.forward.local_ports import TcpTable, listen, next_free, owner_of, reachable_by_others
from podtui.cluster.forward.multiplex import PROTOCOL as MULTIPLEXED
from podtui.cluster.forward.multiplex import LinePool
from podtui.cluster.forward.route import Route, RouteOwner
from podtui.cluster.forward.tunnel import CHUNK, PROTOCOL, Channel, Channels, End, Tunnel, reset_at_close
from podtui.cluster.pods.lineage import Lineage
from podtui.cluster.pods.running_pod import Pod, why_refused
from podtui.errors import ApiError, PodLost, PodtuiError, PortBusy
from podtui.kube.ports import LOCALHOST, PortSpec, container_ports
from podtui.kube.resources import ObjectRef
from podtui.reports import unforeseen
from podtui.tasks import end_tasks
from podtui.text import harmless

if TYPE_CHECKING:
    from podtui.cluster.connection.connection import Connection
    from podtui.cluster.connection.streams import WebSocket

State = Literal["starting", "active", "waiting", "failed", "lost", "stopped"]

# The forward probes the connection to the kubelet with a port that no program uses, so that a server in the pod that takes only one
# connection (`nc -l`) still has it afterwards; kubectl does not connect to the pod's port at the start either.
_PROBE_PORT = 1
_SPAN = 2  # whole seconds over which a rate is averaged


class Meter:
    """Counts bytes: `total` since the beginning, `rate` per second."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.total = 0
        self._clock = clock
        self._seconds: deque[list[int]] = deque(maxlen=_SPAN + 1)  # of each second with bytes: which one, how many

    def add(self, count: int) -> None:
        self.total += count
        second = int(self._clock())
        if self._seconds and self._seconds[-1][0] == second:
            self._seconds[-1][1] += count
        else:
            self._seconds.append([second, count])

    @property
    def rate(self) -> float:
        """Bytes per second over the last two whole seconds."""
        now = int(self._clock())
        return sum(count for second, count in self._seconds if now - _SPAN <= second < now) / _SPAN


class ForwardOwner(RouteOwner, Protocol):
    """What a forward needs of its manager."""

    table: TcpTable

    def changed(self) -> None: ...
    def finish(self, work: Coroutine[Any, Any, None]) -> None: ...
    def lost(self, forward: Forward) -> None: ...
    def on_port(self, port: int, asking: Forward) -> Forward | None: ...


class Forward:
    """One local port. All attributes are read-only.

    `state` is starting, active, waiting (for a pod; `route.why` says why), failed (with `error`), lost (the pod is gone without a
    successor; `error` says how) or stopped; in a running forward, `error` is the last error of a connection, at `error_at`.
    `spec` is `asked` unless another local port was taken since. `local_port` is 0 until it is bound, `remote_port` until a named port is
    resolved in a pod. `received` counts the bytes from the pod, `sent` those to it. `free` is the local port to take instead of a busy
    one, or 0. Times are epoch seconds.
    """

    def __init__(
        self, id: int, ref: ObjectRef, spec: PortSpec, address: str, owner: ForwardOwner, *, standing: Lineage | None = None, name: str = ""
    ) -> None:
        """`standing` and `name` belong to a saved forward: the pods that it selects (see Route) and its name."""
        self.id = id
        self.name = name
        self.route = Route(ref, owner, self._rerouted, standing)
        self.asked = spec
        self.spec = spec
        self.address = address
        self.local_port = spec.local
        self.remote_port = spec.remote if isinstance(spec.remote, int) else 0
        self.state: State = "starting"
        self.error = ""
        self.error_at = 0.0
        self.connections = 0
        self.served = 0
        self.received = Meter()
        self.sent = Meter()
        self.free = 0
        self.started = time.time()
        self._owner = owner
        self._servers: list[asyncio.Server] = []
        self._tasks: set[asyncio.Task[None]] = set()  # one per connection
        self._follower: asyncio.Task[None] | None = None
        self._starting: asyncio.Task[None] | None = None
        self._life = asyncio.Lock()
        self._lines = LinePool()
        self._multiplexed = False  # whether the API server supports the newer protocol

    @property
    def ref(self) -> ObjectRef:
        """The current or last pod; without a name while there was none."""
        return self.route.ref

    @property
    def bytes_in(self) -> int:
        return self.received.total

    @property
    def bytes_out(self) -> int:
        return self.sent.total

    @property
    def host(self) -> str:
        """The address to connect to: 127.0.0.1 for localhost."""
        return "127.0.0.1" if self.address == LOCALHOST else self.address

    @property
    def local_address(self) -> str:
        """`127.0.0.1:8888`, or `[::1]:8888`."""
        return f"[{self.host}]:{self.local_port}" if ":" in self.host else f"{self.host}:{self.local_port}"

    @property
    def running(self) -> bool:
        return self.state in ("starting", "active", "waiting")

    @property
    def open_to_others(self) -> bool:
        """Whether it listens on an address that other machines may reach."""
        return reachable_by_others(self.address)

    def __str__(self) -> str:
        return f"{self.local_address} -> {self.route.target}:{self.remote_port or self.spec.remote}"

    # -- life: called by the manager ----------------------------------------------------------------------------
    async def start(self) -> None:
        """Check the pod, listen, and probe the connection to the kubelet. Raises PodtuiError, and then leaves nothing open."""
        async with self._life:
            self._starting = task = asyncio.create_task(self._begin(), name="start of a port-forward")
            try:
                await asyncio.wait({task})
            finally:
                self._starting = None
                if not task.done():
                    await end_tasks(task)
        if task.cancelled():
            raise PodtuiError(f"the port-forward to {self.route.target} was stopped before it had started")
        task.result()

    def count_anew(self) -> None:
        """Reset the counters of connections and bytes to 0."""
        self.connections = self.served = 0
        self.received, self.sent = Meter(), Meter()

    async def stop(self) -> None:
        """Close the port and every connection; nothing of either is left on return."""
        if self._starting is not None:
            self._starting.cancel()
        async with self._life:
            await self._end("stopped" if self.running else self.state)

    def lose(self, words: str) -> None:
        """Close the port because the pod is gone. Connections end on their own, after the pod's last bytes."""
        if self.running:
            self.state = "lost"
            self.route.give_up(words)
            self._set_error(words)
            self._owner.lost(self)
            self._owner.finish(self._close_port())

    async def _begin(self) -> None:
        self.state, self.error, self.free = "starting", "", 0
        self._owner.changed()
        try:
            connection = self._owner.connection()
            pod = await self.route.first(connection)
            local = self.spec.local
            if pod is not None:
                resolved = self._resolved(pod, self.ref)
                self.remote_port, local = int(resolved.remote), resolved.local
            elif self.spec.same and not local:
                what = f"only a pod can resolve the local port '{harmless(str(self.spec.remote))}', and there is none yet"
                raise PodtuiError(f"{what} ({self.route.why})", f"Write LOCAL:{self.spec.remote}")
            await self._listen(local)
            if pod is not None:
                await self._probe(connection, self.ref)
        except PodtuiError as error:
            self.free = error.free if isinstance(error, PortBusy) else 0
            await self._end("lost" if isinstance(error, PodLost) else "failed")
            self._set_error(error.what)
            raise
        except BaseException:
            await self._end("stopped")
            raise
        self.state, self.started = "waiting" if self.route.waiting else "active", time.time()
        self._follower = asyncio.create_task(self._follow(), name=f"follower of {self}")
        self._owner.changed()

    def _resolved(self, pod: Pod, ref: ObjectRef) -> PortSpec:
        """With the pod's port as a number; PortSpecError if it has none of that name. Another pod may have another number."""
        return self.spec.resolve(container_ports(pod), str(ref))

    async def _follow(self) -> None:
        try:
            await self.route.follow(self._arrive)
        except PodtuiError as error:
            self.lose(error.what)
        except Exception as error:  # a bug in podtui
            self.lose(unforeseen(f"following where {self} leads", error).what)

    async def _arrive(self, ref: ObjectRef, pod: Pod) -> None:
        """Prepare for the route to lead to this pod: resolve its port and probe the connection to it."""
        port = self._resolved(pod, ref).remote
        await self._probe(self._owner.connection(), ref)
        self.remote_port = int(port)

    def _rerouted(self) -> None:
        if self.state in ("active", "waiting"):
            self.state = "waiting" if self.route.waiting else "active"
        self._owner.changed()

    async def _end(self, state: State) -> None:
        self.state = state
        await self._close_port()
        await end_tasks(*self._tasks)
        await self._lines.close()
        servers, self._servers = self._servers, []
        for server in servers:
            await server.wait_closed()

    async def _close_port(self) -> None:
        for server in self._servers:
            server.close()
        follower, self._follower = self._follower, None
        await end_tasks(follower)
        self._owner.changed()

    async def _listen(self, wanted: int) -> None:
        if not wanted and self.local_port:  # restarted: keep the earlier free port if it is still free
            with contextlib.suppress(PortBusy):
                return await self._serve(listen(self.address, self.local_port))
        try:
            await self._serve(listen(self.address, wanted))
        except PortBusy:
            other = self._owner.on_port(wanted, self)
            owner = "" if other else await asyncio.to_thread(owner_of, wanted)
            if other:
                what = f"local port {wanted} already leads to {other.route.target}:{other.remote_port or other.spec.remote}"
            else:
                what = f"local port {wanted} is already in use{' by ' if owner else ''}{owner}"
            raise PortBusy(what, wanted, owner, await asyncio.to_thread(next_free, self.address, wanted)) from None

    async def _serve(self, sockets: list[socket.socket]) -> None:
        self.local_port = sockets[0].getsockname()[1]
        with contextlib.ExitStack() as unused:
            for each in sockets:
                unused.callback(each.close)
            for each in sockets:
                self._servers.append(await asyncio.start_server(self._accept, sock=each, limit=CHUNK))
            unused.pop_all()

    async def _probe(self, connection: Connection, ref: ObjectRef) -> None:
        """Open a WebSocket and close it: raises the refusal of the API server or the kubelet, and detects the protocol."""
        try:
            async with _open(connection, ref, _PROBE_PORT, MULTIPLEXED, PROTOCOL) as way:
                self._multiplexed = way.protocol == MULTIPLEXED
                await way.close()
        except ApiError as error:
            raise await why_refused(connection, ref, error) from error

    # -- connections --------------------------------------------------------------------------------------------
    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self.running:
            writer.transport.abort()
            return
        task = asyncio.create_task(self._carry(reader, writer), name=f"connection of {self}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        task.add_done_callback(lambda _: writer.transport.abort())  # a task cancelled before its first step runs no cleanup

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.served += 1
        self._owner.changed()
        whole = False
        try:
            end, ref = await self._lead(reader, writer)
            whole = True
            if end is End.BROKEN:  # is the pod gone?
                await self._ask(ref)
        except PodLost as error:
            self.lose(error.what)
        except PodtuiError as error:
            self._set_error(error.what)
        except Exception as error:  # a bug in podtui: report it, and keep the other connections
            self._set_error(f"podtui itself failed: {type(error).__name__}: {error}")
        finally:
            self.connections -= 1
            if not whole:
                reset_at_close(writer)
            self._owner.changed()

    async def _ask(self, ref: ObjectRef) -> None:
        try:
            await self.route.ask(self._owner.connection(), ref, time.monotonic())
        except PodLost as error:
            self.route.lost(ref, error)

    async def _lead(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> tuple[End, ObjectRef]:
        """Carry the connection to the pod. If the pod is gone, no byte was sent yet, and the connection waits for the successor.

        PodLost when there is no successor."""
        until = time.monotonic() + route.HOLD
        while True:
            await self.route.there(until)
            ref = self.ref
            try:
                return await self._tunnel(reader, writer, ref), ref
            except PodLost as error:
                self.route.lost(ref, error)
                if time.monotonic() >= until:
                    raise PodtuiError(error.what) from error

    async def _tunnel(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, ref: ObjectRef) -> End:
        """PodLost is raised only before any byte was sent."""
        connection, port = self._owner.connection(), self.remote_port
        try:
            async with self._channel(connection, ref, port) as channel:
                # Check after the WebSocket was opened: if the pod is ours now, it was ours then.
                await self.route.confirm(connection, ref, time.monotonic())
                tunnel = Tunnel(reader, writer, channel, received=self._count_in, sent=self._count_out, table=self._owner.table)
                end = await tunnel.run()
        except ApiError as error:
            raise await why_refused(connection, ref, error) from error
        if tunnel.error:
            self.route.nudge()  # a pod that is about to end also refuses connections
            refused = "connection refused" in tunnel.error
            self._set_error(f"nothing listens on port {port} in {ref}: {tunnel.error}" if refused else tunnel.error)
        return end

    @contextlib.asynccontextmanager
    async def _channel(self, connection: Connection, ref: ObjectRef, port: int) -> AsyncIterator[Channel]:
        if self._multiplexed:
            async with self._lines.stream(connection, ref, port) as stream:
                yield stream
        else:
            async with _open(connection, ref, port, PROTOCOL) as websocket:
                yield Channels(websocket)

    def _set_error(self, words: str) -> None:
        self.error, self.error_at = harmless(words), time.time()
        self._owner.changed()

    def _count_in(self, count: int) -> None:
        self.received.add(count)
        self._owner.changed()

    def _count_out(self, count: int) -> None:
        self.sent.add(count)
        self._owner.changed()


def _open(connection: Connection, ref: ObjectRef, port: int, *protocols: str) -> AbstractAsyncContextManager[WebSocket]:
    return connection.websocket(f"{ref.path}/portforward", query=[("ports", str(port))], protocols=protocols)
