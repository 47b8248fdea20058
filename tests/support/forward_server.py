"""A small API server with one pod, for the tests of port-forwards: its WebSockets lead to a function of the test."""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import WSMsgType, web

from podtui.cluster.forward.manager import ForwardManager
from podtui.errors import api_error
from podtui.kube.resources import PODS, ObjectRef
from tests.support.api_server import ApiServer, Request, connected, not_found, refused

POD = ObjectRef(PODS, "web-1", "shop", uid="uid-1")
PATH = "/api/v1/namespaces/shop/pods/web-1"


class Wire:
    """The pod's end of one forwarded connection: reads and writes bytes, as a program in the pod would."""

    def __init__(self, websocket: web.WebSocketResponse, port: int) -> None:
        self.websocket = websocket
        self.port = port
        self.channels: set[int] = set()

    async def read(self) -> bytes:
        """The next bytes from the client, b"" at the end."""
        message = await self.websocket.receive()
        if message.type is not WSMsgType.BINARY:
            return b""
        self.channels.add(message.data[0])
        return bytes(message.data[1:])

    async def write(self, data: bytes) -> None:
        await self.websocket.send_bytes(b"\0" + data)

    async def fail(self, words: str) -> None:
        """On the error channel, as the kubelet."""
        await self.websocket.send_bytes(b"\1" + words.encode())

    def cut(self) -> None:
        """The connection breaks, without a close message."""
        transport = self.websocket._req.transport  # type: ignore[union-attr]
        assert transport is not None
        transport.abort()


Program = Callable[[Wire], Awaitable[None]]


OWNER = {"apiVersion": "example.com/v1", "kind": "Keeper", "name": "web", "uid": "owner-1", "controller": True}
"""A controller that keeps a pod of one name, as a StatefulSet does."""


async def echo(wire: Wire) -> None:
    while data := await wire.read():
        await wire.write(data)


class Pod(ApiServer):
    """What the API server tells of the pod, and what it does with a port-forward. All may be changed at any time."""

    def __init__(self, program: Program = echo) -> None:
        super().__init__({PATH: self.read, PODS.path("shop"): self.listed})
        self.handlers[f"{PATH}/portforward"] = self.forward
        self.program = program
        self.uid = "uid-1"
        self.phase = "Running"
        self.exists = True
        self.leaving = False
        self.owners: list[dict[str, Any]] = []
        self.ports: list[dict[str, Any]] = [{"containerPort": 8080, "name": "http"}]
        self.refusal: Callable[[], web.Response] | None = None
        self.upgrades: list[int] = []
        self.protocols: list[str] = []
        self.reads = 0
        self.open = 0

    def body(self) -> dict[str, Any]:
        """The pod as JSON."""
        metadata: dict[str, Any] = {"name": "web-1", "namespace": "shop", "uid": self.uid, "ownerReferences": self.owners}
        if self.leaving:
            metadata["deletionTimestamp"] = "2026-01-01T00:00:00Z"
        spec = {"containers": [{"name": "app", "ports": self.ports}]}
        return {"kind": "Pod", "metadata": metadata, "spec": spec, "status": {"phase": self.phase}}

    def listed(self, request: Request) -> dict[str, Any]:
        """The pod, whatever is selected."""
        if "watch" in request.query:
            raise api_error(403, "Forbidden", "nobody may watch")
        return {"kind": "PodList", "items": [self.body()] if self.exists else []}

    def read(self, _: Request) -> dict[str, Any]:
        if not self.exists:
            raise not_found("pods", "web-1")
        self.reads += 1
        return self.body()

    async def forward(self, request: web.Request) -> web.StreamResponse:
        if not self.exists:
            return refused(not_found("pods", "web-1"))
        if self.refusal is not None:
            return self.refusal()
        port = int(request.query["ports"])
        self.protocols.append(request.headers["Sec-WebSocket-Protocol"])
        websocket = web.WebSocketResponse(protocols=["v4.channel.k8s.io"], max_msg_size=0, timeout=0.2)
        await websocket.prepare(request)
        for channel in (0, 1):
            await websocket.send_bytes(bytes([channel]) + struct.pack("<H", port))
        if port == 1:  # only to try the way
            await websocket.receive()
            return websocket
        self.upgrades.append(port)
        self.open += 1
        try:
            await self.program(Wire(websocket, port))
        except (ConnectionError, RuntimeError):  # the other side went
            pass
        finally:
            self.open -= 1
            await websocket.close()
        return websocket


@asynccontextmanager
async def forwarding(pod: Pod, **more: Any) -> AsyncIterator[ForwardManager]:
    """A ForwardManager connected to a server with that pod."""
    async with connected(pod) as connection:
        manager = ForwardManager(lambda: connection, **more)
        try:
            yield manager
        finally:
            await manager.close()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def descriptors() -> int:
    """How many files and sockets this process holds."""
    return len(os.listdir("/proc/self/fd"))
