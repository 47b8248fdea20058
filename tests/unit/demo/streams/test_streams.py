"""Logs, port-forwards and commands over HTTP and WebSockets, in front of programs of the test."""

from __future__ import annotations

import asyncio
import json
import struct
import zlib
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import web

from podtui.demo.storage.errors import ApiError
from podtui.demo.streams.exec import exec_
from podtui.demo.streams.logs import log
from podtui.demo.streams.port_forward import TUNNEL, portforward
from podtui.kube.spdy import DICTIONARY


class Echo:
    """Sends back what it is sent, in upper case; ends when it is told so."""

    def __init__(self) -> None:
        self.queue: asyncio.Queue[bytes] = asyncio.Queue()
        self.closed = False

    def feed(self, data: bytes) -> None:
        self.queue.put_nowait(data.upper())

    def eof(self) -> None:
        self.queue.put_nowait(b"")

    async def read(self) -> bytes:
        return await self.queue.get()

    def close(self) -> None:
        self.closed = True
        self.queue.put_nowait(b"")


class Command:
    def __init__(self, words: list[str], tty: bool) -> None:
        self.words = words
        self.tty = tty
        self.exit_code: int | None = None
        self.failure = ""
        self.stdin = b""
        self.done = asyncio.Event()
        self.said = False
        self.size = (0, 0)

    def feed(self, data: bytes) -> None:
        self.stdin += data

    def eof(self) -> None:
        self.done.set()

    def resize(self, columns: int, rows: int) -> None:
        self.size = columns, rows

    async def read(self) -> tuple[int, bytes] | None:
        await self.done.wait()
        if self.said:
            self.exit_code = int(self.words[-1])
            return None
        self.said = True
        return 2, b"got " + self.stdin + (b" on %dx%d" % self.size if self.tty else b"")


class Kubelet:
    def __init__(self) -> None:
        self.connections: list[Echo] = []
        self.ended = asyncio.Event()

    def connect(self, namespace: str, pod: str, port: int) -> Echo:
        if port != 8080:
            raise ConnectionRefusedError
        self.connections.append(Echo())
        return self.connections[-1]

    def check(self, namespace: str, pod: str, container: str) -> None:
        if container == "nil":
            raise ApiError(400, "BadRequest", "container nil is not valid for pod web")

    def shell(self, namespace: str, pod: str, container: str, command: list[str], *, tty: bool) -> Command:
        self.check(namespace, pod, container)
        return Command(command, tty)

    def log(self, namespace: str, pod: str, query: Mapping[str, str]) -> AsyncGenerator[bytes, None]:
        if query.get("container") == "nil":
            raise ApiError(400, "BadRequest", "container nil is not valid for pod web")
        return self._lines()

    async def _lines(self) -> AsyncGenerator[bytes, None]:
        try:
            yield b"one\n"
            await asyncio.Event().wait()
        finally:
            self.ended.set()


@asynccontextmanager
async def serving(kubelet: Kubelet) -> AsyncIterator[tuple[aiohttp.ClientSession, str]]:
    async def handle(request: web.Request) -> web.StreamResponse:
        try:
            match request.match_info["what"]:
                case "portforward":
                    return await portforward(request, kubelet, "shop", "web")
                case "exec":
                    return await exec_(request, kubelet, "shop", "web")
                case _:
                    return await log(request, kubelet, "shop", "web")
        except ApiError as error:
            return web.json_response(error.status(), status=error.code)

    app = web.Application()
    app.router.add_get("/{what}", handle)
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.2)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        async with asyncio.timeout(20), aiohttp.ClientSession() as session:
            yield session, f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


class Spdy:
    """kubectl's side of a tunnel."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket
        self.deflate = zlib.compressobj(zdict=DICTIONARY)

    async def open(self, stream: int, kind: str, port: int) -> None:
        words = [word.encode() for word in ("streamtype", kind, "port", str(port), "requestid", "0")]
        plain = struct.pack(">I", 3) + b"".join(struct.pack(">I", len(word)) + word for word in words)
        block = self.deflate.compress(plain) + self.deflate.flush(zlib.Z_SYNC_FLUSH)
        body = struct.pack(">IIBB", stream, 0, 0, 0) + block
        await self.socket.send_bytes(struct.pack(">II", 0x80030001, len(body)) + body)
        assert (await self.socket.receive_bytes())[:4] == b"\x80\x03\0\2"

    async def send(self, stream: int, data: bytes, final: bool = False) -> None:
        await self.socket.send_bytes(struct.pack(">II", stream, final << 24 | len(data)) + data)

    async def until(self, count: int) -> list[tuple[int, bool, bytes]]:
        frames: list[tuple[int, bool, bytes]] = []
        while len(frames) < count:
            data = await self.socket.receive_bytes()
            while data:
                stream, rest = struct.unpack_from(">II", data)
                frames.append((stream, bool(rest >> 24), data[8 : 8 + (rest & 0xFFFFFF)]))
                data = data[8 + (rest & 0xFFFFFF) :]
        return frames


async def test_a_client_that_goes_closes_the_connection_in_the_pod() -> None:
    kubelet = Kubelet()
    async with serving(kubelet) as (session, url):
        async with session.ws_connect(f"{url}/portforward", protocols=[TUNNEL]) as socket:
            spdy = Spdy(socket)
            await spdy.open(1, "error", 8080)
            await spdy.open(3, "data", 8080)
        while not kubelet.connections[0].closed:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_kubectls_tunnel_carries_a_pair_of_streams_for_each_connection() -> None:
    kubelet = Kubelet()
    async with serving(kubelet) as (session, url), session.ws_connect(f"{url}/portforward", protocols=[TUNNEL]) as socket:
        client = Spdy(socket)
        await client.open(1, "error", 8080)
        await client.open(3, "data", 8080)
        await client.send(1, b"", final=True)
        await client.send(3, b"hello")
        assert await client.until(1) == [(3, False, b"HELLO")]
        await client.send(3, b"bye", final=True)
        assert await client.until(3) == [(3, False, b"BYE"), (3, True, b""), (1, True, b"")]
        await client.open(5, "error", 81)
        await client.open(7, "data", 81)
        end, error, (reset, *_) = await client.until(3)
        assert reset == 0x80030003
        assert error[:2] == (5, False) and b"error forwarding port 81 to pod web" in error[2] and end == (7, True, b"")


async def test_a_command_gets_its_input_and_the_client_its_exit_code() -> None:
    async with serving(Kubelet()) as (session, url):
        async with session.ws_connect(
            f"{url}/exec?command=exit&command=3&stdin=true&stderr=true", protocols=["v5.channel.k8s.io"]
        ) as socket:
            await socket.send_bytes(b"\0some words")
            await socket.send_bytes(b"\xff\0")
            assert await socket.receive_bytes() == b"\2got some words"
            ended = await socket.receive_bytes()
            assert ended[0] == 3 and json.loads(ended[1:])["details"]["causes"] == [{"reason": "ExitCode", "message": "3"}]
            assert (await socket.receive()).type is aiohttp.WSMsgType.CLOSE
        async with session.ws_connect(f"{url}/exec?command=exit&command=0&stderr=true", protocols=["v4.channel.k8s.io"]) as socket:
            await socket.receive_bytes()
            assert json.loads((await socket.receive_bytes())[1:])["status"] == "Success"


async def test_a_command_without_any_stream_is_refused() -> None:
    async with serving(Kubelet()) as (session, url), session.get(f"{url}/exec?command=ls") as answer:
        assert (answer.status, (await answer.json())["message"]) == (400, "you must specify at least 1 of stdin, stdout, stderr")


async def test_a_terminal_has_the_size_that_was_sent_last() -> None:
    query = "command=exit&command=0&stdin=true&stdout=true&tty=true"
    async with serving(Kubelet()) as (session, url), session.ws_connect(f"{url}/exec?{query}", protocols=["v5.channel.k8s.io"]) as socket:
        for size in (b'{"Width":80,"Height":24}', b"nonsense", b'{"Width":120,"Height":36}', b"[]"):
            await socket.send_bytes(b"\4" + size)
        await socket.send_bytes(b"\xff\0")
        assert await socket.receive_bytes() == b"\2got  on 120x36"


async def test_a_log_is_followed_until_the_client_goes() -> None:
    kubelet = Kubelet()
    async with serving(kubelet) as (session, url):
        async with session.get(f"{url}/log?follow=true") as answer:
            assert await answer.content.readline() == b"one\n"
        await kubelet.ended.wait()


@pytest.mark.parametrize("protocol", ["websocket", "SPDY/3.1"])
@pytest.mark.parametrize("what", ["log?container=nil", "exec?container=nil&command=ls&stdout=true"])
async def test_a_refusal_is_a_status(what: str, protocol: str) -> None:
    headers = {"Upgrade": protocol, "Connection": "Upgrade"}
    async with serving(Kubelet()) as (session, url), session.get(f"{url}/{what}", headers=headers) as answer:
        assert (answer.status, (await answer.json())["message"]) == (400, "container nil is not valid for pod web")
