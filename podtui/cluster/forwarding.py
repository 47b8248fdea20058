"""One port-forward: a local port that leads to a port of one pod, as `kubectl port-forward`.

A forward belongs to the pod that it was started for, by UID: it is never led to another pod of the same name.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections.abc import Coroutine
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any, Literal, Protocol

from podtui.cluster.localports import TcpTable, listen, next_free, owner_of
from podtui.cluster.portspec import LOCALHOST, PortSpec, container_ports
from podtui.cluster.resources import ObjectRef
from podtui.cluster.tunnel import CHUNK, PROTOCOL, End, Tunnel, reset_at_close
from podtui.errors import NotFound, PodLost, PodtuiError, PortBusy
from podtui.text import harmless

if TYPE_CHECKING:
    from podtui.cluster.connection import Connection, WebSocket

State = Literal["starting", "active", "failed", "lost", "stopped"]

POLL = 10.0  # seconds between looks at a pod of which nobody else tells
# The way to the kubelet is tried at a port that no program uses, so that a server in the pod that takes one connection only
# (`nc -l`) still has it afterwards; kubectl does not connect to the pod's port at the start either.
_PROBE_PORT = 1


class Owner(Protocol):
    """What a forward needs of its manager."""

    table: TcpTable

    def connection(self) -> Connection: ...
    def pod_alive(self, ref: ObjectRef) -> bool | None: ...
    def changed(self) -> None: ...
    def finish(self, work: Coroutine[Any, Any, None]) -> None: ...
    def on_port(self, port: int, asking: Forward) -> Forward | None: ...


class Forward:
    """One local port. All attributes are to be read only.

    `state` is starting, active, failed (with `error`), lost (the pod is gone; `error` says how) or stopped; `error` of an active
    forward is what went wrong last with a connection, at `error_at`. `local_port` is 0 until it is bound. `bytes_in` come from the pod,
    `bytes_out` go to it. Times are epoch
    seconds.
    """

    def __init__(self, id: int, ref: ObjectRef, spec: PortSpec, address: str, owner: Owner) -> None:
        self.id = id
        self.ref = ref
        self.spec = spec
        self.address = address
        self.local_port = spec.local
        self.remote_port = spec.remote if isinstance(spec.remote, int) else 0
        self.state: State = "starting"
        self.error = ""
        self.error_at = 0.0
        self.connections = 0
        self.served = 0
        self.bytes_in = 0
        self.bytes_out = 0
        self.started = time.time()
        self._owner = owner
        self._servers: list[asyncio.Server] = []
        self._tasks: set[asyncio.Task[None]] = set()  # one for each connection
        self._watcher: asyncio.Task[None] | None = None
        self._starting: asyncio.Task[None] | None = None
        self._life = asyncio.Lock()
        self._asking = asyncio.Lock()
        self._asked_at = float("-inf")

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
        return self.state in ("starting", "active")

    def __str__(self) -> str:
        return f"{self.local_address} -> {self.ref}:{self.remote_port or self.spec.remote}"

    # -- life: called by the manager ----------------------------------------------------------------------------
    async def start(self) -> None:
        """Checks the pod, listens, and tries the way to the kubelet. Raises PodtuiError, with nothing left open."""
        async with self._life:
            self._starting = task = asyncio.create_task(self._begin(), name="start of a port-forward")
            try:
                await asyncio.wait({task})
            finally:
                self._starting = None
                if not task.done():
                    task.cancel()
                    await asyncio.gather(task, return_exceptions=True)
        if task.cancelled():
            raise PodtuiError(f"the port-forward to {self.ref} was stopped before it had started")
        task.result()

    async def stop(self) -> None:
        """Closes the port and every connection; on return nothing is left of either."""
        if self._starting is not None:
            self._starting.cancel()
        async with self._life:
            await self._end("stopped" if self.running else self.state)

    def lose(self, words: str) -> None:
        """The pod is gone: closes the port. Connections end by themselves, with what the pod still said."""
        if self.running:
            self.state = "lost"
            self._tell(words)
            self._owner.finish(self._close_port())

    async def _begin(self) -> None:
        self.state, self.error = "starting", ""
        self._owner.changed()
        try:
            connection = self._owner.connection()
            pod = await running_pod(connection, self.ref)
            self.ref = with_uid(self.ref, pod)
            self.spec = self.spec.resolve(container_ports(pod), str(self.ref))
            assert isinstance(self.spec.remote, int)  # resolved
            self.remote_port = self.spec.remote
            await self._listen()
            await self._probe(connection)
        except PodtuiError as error:
            await self._end("lost" if isinstance(error, PodLost) else "failed")
            self._tell(error.what)
            raise
        except BaseException:
            await self._end("stopped")
            raise
        self.state, self.started = "active", time.time()
        self._watcher = asyncio.create_task(self._watch(), name=f"watch of {self}")
        self._owner.changed()

    async def _end(self, state: State) -> None:
        self.state = state
        await self._close_port()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        servers, self._servers = self._servers, []
        for server in servers:
            await server.wait_closed()

    async def _close_port(self) -> None:
        for server in self._servers:
            server.close()
        watcher, self._watcher = self._watcher, None
        if watcher is not None:
            watcher.cancel()
            await asyncio.gather(watcher, return_exceptions=True)
        self._owner.changed()

    async def _listen(self) -> None:
        wanted = self.spec.local
        if not wanted and self.local_port:  # started again: keep the free port that it had, if it is still free
            with contextlib.suppress(PortBusy):
                return await self._serve(listen(self.address, self.local_port))
        try:
            await self._serve(listen(self.address, wanted))
        except PortBusy:
            other = self._owner.on_port(wanted, self)
            owner = "" if other else await asyncio.to_thread(owner_of, wanted)
            if other:
                what = f"local port {wanted} already leads to {other.ref}:{other.remote_port}"
            else:
                what = f"local port {wanted} is already used{' by ' if owner else ''}{owner}"
            raise PortBusy(what, wanted, owner, await asyncio.to_thread(next_free, self.address, wanted)) from None

    async def _serve(self, sockets: list[socket.socket]) -> None:
        self.local_port = sockets[0].getsockname()[1]
        with contextlib.ExitStack() as unused:
            for each in sockets:
                unused.callback(each.close)
            for each in sockets:
                self._servers.append(await asyncio.start_server(self._accept, sock=each, limit=CHUNK))
            unused.pop_all()

    async def _probe(self, connection: Connection) -> None:
        """Opens a WebSocket and closes it: what the API server or the kubelet refuses is raised."""
        try:
            async with self._open(connection, _PROBE_PORT) as way:
                await way.close()
        except NotFound as error:
            raise await _why_not_found(connection, self.ref, error) from error

    # -- connections --------------------------------------------------------------------------------------------
    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self.running:
            writer.transport.abort()
            return
        task = asyncio.create_task(self._carry(reader, writer), name=f"connection of {self}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        task.add_done_callback(lambda _: writer.transport.abort())  # one cancelled before its first step has run nothing

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.served += 1
        self._owner.changed()
        whole = False
        try:
            end = await self._tunnel(reader, writer)
            whole = True
            if end is End.BROKEN:  # is it the pod?
                await self._ask(self._owner.connection(), time.monotonic())
        except PodLost as error:
            self.lose(error.what)
        except PodtuiError as error:
            self._tell(error.what)
        except Exception as error:  # a fault of podtui's own: told, and no end of the other connections
            self._tell(f"podtui itself failed: {type(error).__name__}: {error}")
        finally:
            self.connections -= 1
            if not whole:
                reset_at_close(writer)
            self._owner.changed()

    async def _tunnel(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> End:
        connection = self._owner.connection()
        try:
            async with self._open(connection, self.remote_port) as channel:
                # Asked after the WebSocket was opened: if the pod is ours now, it was ours then.
                await self._confirm(connection, time.monotonic())
                tunnel = Tunnel(reader, writer, channel, received=self._count_in, sent=self._count_out, table=self._owner.table)
                end = await tunnel.run()
        except NotFound as error:
            raise await _why_not_found(connection, self.ref, error) from error
        if tunnel.error:
            refused = "connection refused" in tunnel.error
            self._tell(f"nothing listens on port {self.remote_port} in {self.ref}: {tunnel.error}" if refused else tunnel.error)
        return end

    def _open(self, connection: Connection, port: int) -> AbstractAsyncContextManager[WebSocket]:
        return connection.websocket(f"{self.ref.path}/portforward", query=[("ports", str(port))], protocols=[PROTOCOL])

    async def _confirm(self, connection: Connection, opened: float) -> None:
        """Returns if the pod was still ours at a moment after `opened`; PodLost if not."""
        if not self._owner.pod_alive(self.ref):  # a list that lags behind is not believed when it says no
            await self._ask(connection, opened)

    async def _ask(self, connection: Connection, since: float) -> None:
        """Asks the API server for the pod, unless that was done after `since`: many connections at once share a request."""
        async with self._asking:
            if self._asked_at < since:
                now = time.monotonic()
                await running_pod(connection, self.ref)
                self._asked_at = now

    async def _watch(self) -> None:
        """Looks at the pod from time to time, so that a forward without connections does not outlive it."""
        while True:
            await asyncio.sleep(POLL)
            if self._owner.pod_alive(self.ref):
                continue
            try:
                await running_pod(self._owner.connection(), self.ref)
            except PodLost as error:
                return self.lose(error.what)
            except PodtuiError:
                continue  # not known now; a connection that fails will tell why

    def _tell(self, words: str) -> None:
        self.error, self.error_at = harmless(words), time.time()
        self._owner.changed()

    def _count_in(self, count: int) -> None:
        self.bytes_in += count
        self._owner.changed()

    def _count_out(self, count: int) -> None:
        self.bytes_out += count
        self._owner.changed()


async def running_pod(connection: Connection, ref: ObjectRef) -> dict[str, Any]:
    """The pod as JSON, if it is the one of `ref.uid` (any, when that is empty) and can be forwarded to; else PodLost.

    PodtuiError when it is there but not running, as kubectl has it, and any error of the request but 404.
    """
    try:
        pod: dict[str, Any] = await connection.json("GET", ref.path)
    except NotFound as error:
        raise PodLost(f"{ref} is gone", "Choose the pod that took its place") from error
    uid = (pod.get("metadata") or {}).get("uid", "")
    if ref.uid and uid != ref.uid:
        raise PodLost(f"{ref} was replaced by another pod of the same name", "Start a forward to the new one")
    phase = (pod.get("status") or {}).get("phase", "")
    if phase in ("Succeeded", "Failed"):
        raise PodLost(f"{ref} has finished ({phase})", "Only a running pod can be forwarded to")
    if phase != "Running":
        raise PodtuiError(f"{ref} is not running (its phase is {harmless(phase) or 'unknown'})", "Wait until it runs")
    return pod


def with_uid(ref: ObjectRef, pod: dict[str, Any]) -> ObjectRef:
    """`ref` with the UID of the pod as it was read."""
    return ObjectRef(ref.resource, ref.name, ref.namespace, (pod.get("metadata") or {}).get("uid", ref.uid), ref.resource_version)


async def _why_not_found(connection: Connection, ref: ObjectRef, error: NotFound) -> PodtuiError:
    """A 404 is the pod's, or that of something on the way that knows no port-forward."""
    try:
        await running_pod(connection, ref)
    except PodtuiError as why:
        return why
    return error
