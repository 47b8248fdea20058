"""`pods/portforward` over a WebSocket, as the API server and the kubelet serve it.

The protocol is `SPDY/3.1+portforward.k8s.io` (KEP-4006): the messages are pieces of one SPDY connection (see `podtui.kube.spdy`), in
which each forwarded connection is a pair of streams. The older `v4.channel.k8s.io` is not served: kubectl and podtui prefer the tunnel.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import Protocol

from aiohttp import WSMsgType, web

from podtui.demo.storage.errors import ApiError
from podtui.kube.spdy import Opened, Received, Reset, Session, SpdyError
from podtui.tasks import end_tasks

TUNNEL = "SPDY/3.1+portforward.k8s.io"
_LONGEST_MESSAGE = 4 << 20
_CLOSE = 1.0  # seconds for a client to answer a close
_GRACE = 1.0  # seconds that containerd leaves the pod to answer once the client has ended its side


class PodConnection(Protocol):
    """A program's end of a TCP connection. What is fed is taken at once; `read` gives b"" at the end."""

    def feed(self, data: bytes) -> None: ...
    def eof(self) -> None: ...
    async def read(self) -> bytes: ...
    def close(self) -> None: ...


class Ports(Protocol):
    """What a port-forward needs of a kubelet. Raises ConnectionRefusedError when nothing listens, ApiError when there is no such pod."""

    def connect(self, namespace: str, pod: str, port: int) -> PodConnection: ...


async def portforward(request: web.Request, ports: Ports, namespace: str, pod: str) -> web.StreamResponse:
    """Serves the request until either side closes."""
    offered = [word.strip() for word in request.headers.get("Sec-WebSocket-Protocol", "").split(",")]
    if request.headers.get("Upgrade", "").lower() != "websocket" or TUNNEL not in offered:
        raise ApiError(400, "BadRequest", "Upgrade request required")
    websocket = web.WebSocketResponse(protocols=[TUNNEL], max_msg_size=_LONGEST_MESSAGE, timeout=_CLOSE)
    await websocket.prepare(request)
    await _Tunnel(websocket, ports, namespace, pod).run()
    await websocket.close()
    return websocket


def refused(pod: str, port: int) -> str:
    """What the kubelet says when nothing listens on a port."""
    return (
        f"error forwarding port {port} to pod {pod}, uid : failed to connect to localhost:{port} inside the pod's network namespace: "
        f"dial tcp 127.0.0.1:{port}: connect: connection refused"
    )


class _Tunnel:
    """SPDY in the messages of a WebSocket."""

    def __init__(self, websocket: web.WebSocketResponse, ports: Ports, namespace: str, pod: str) -> None:
        self._websocket = websocket
        self._ports = ports
        self._where = namespace, pod
        self._session = Session()
        self._errors: dict[str, int] = {}  # request id: its error stream
        self._open: dict[int, PodConnection] = {}  # by the data stream
        self._pumps: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        try:
            async for message in self._websocket:
                if message.type is not WSMsgType.BINARY:
                    return
                for event in self._session.feed(message.data):
                    await self._take(event)
                if self._session.answers:
                    await self._websocket.send_bytes(bytes(self._session.answers))
                    self._session.answers.clear()
        except (SpdyError, ConnectionError):
            return  # the caller closes the socket
        finally:
            for connection in self._open.values():
                connection.close()
            await end_tasks(*self._pumps)

    async def _take(self, event: object) -> None:
        if isinstance(event, Opened):
            await self._websocket.send_bytes(self._session.accept(event.stream))
            request = event.headers.get("requestid", "")
            if event.headers.get("streamtype") == "error":
                self._errors[request] = event.stream
            else:
                await self._connect(event, self._errors.pop(request, 0))
        elif isinstance(event, Received) and (connection := self._open.get(event.stream)) is not None:
            if event.data:
                connection.feed(event.data)
            if event.final:
                connection.eof()
                asyncio.get_running_loop().call_later(_GRACE, connection.close)
        elif isinstance(event, Reset) and (connection := self._open.pop(event.stream, None)) is not None:
            connection.close()

    async def _connect(self, event: Opened, errors: int) -> None:
        port = int(event.headers.get("port", "") or 0)
        try:
            connection = self._open[event.stream] = self._ports.connect(*self._where, port)
        except (ConnectionRefusedError, ApiError) as error:
            words = error.message if isinstance(error, ApiError) else refused(self._where[1], port)
            said = self._session.data(errors, words.encode()) + self._session.reset(errors) if errors else b""
            await self._websocket.send_bytes(self._session.data(event.stream, b"", final=True) + said)  # in the order of containerd
            return
        pump = asyncio.create_task(self._pump(event.stream, errors, connection))
        self._pumps.add(pump)
        pump.add_done_callback(self._pumps.discard)

    async def _pump(self, stream: int, errors: int, connection: PodConnection) -> None:
        with contextlib.suppress(ConnectionError):  # the client went
            while data := await connection.read():
                await self._websocket.send_bytes(self._session.data(stream, data))
            ends = self._session.data(errors, b"", final=True) if errors else b""
            await self._websocket.send_bytes(self._session.data(stream, b"", final=True) + ends)
        self._open.pop(stream, None)
        connection.close()
