"""Connections that share a few WebSockets (lines): kept and reused, held up by a client that does not read, broken, and none left."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable

import pytest
from aiohttp import web

from podtui.cluster.forward import multiplex as lines_module
from podtui.cluster.forward import tunnel as tunnel_module
from podtui.cluster.forward.forward import Forward
from podtui.cluster.forward.local_ports import is_free
from podtui.cluster.forward.tunnel import Channels
from podtui.demo.streams import port_forward as served
from podtui.kube.spdy import Session
from tests.support.forward_server import POD, Pod, descriptors, forwarding
from tests.support.waiting import until
from tests.unit.cluster.forward.test_manager import connect, exchange, read_all, reset

MEGABYTE = 1 << 20


class Program:
    """The pod's end of a connection: an echo, or what `make` does."""

    def __init__(self) -> None:
        self.news = asyncio.Event()
        self.pieces: list[bytes] = []
        self.ended = False
        self.taken = 0

    def feed(self, data: bytes) -> None:
        self.taken += len(data)
        self.pieces.append(data)
        self.news.set()

    def eof(self) -> None:
        self.close()

    def close(self) -> None:
        self.ended = True
        self.news.set()

    async def read(self) -> bytes:
        while not self.pieces and not self.ended:
            self.news.clear()
            await self.news.wait()
        return self.pieces.pop(0) if self.pieces else b""


class Sink(Program):
    """Takes everything and says nothing."""

    async def read(self) -> bytes:
        while not self.ended:
            self.news.clear()
            await self.news.wait()
        return b""


class Flood(Program):
    """Sends forever."""

    sent = 0

    async def read(self) -> bytes:
        if self.ended:
            return b""
        self.sent += 65536
        await asyncio.sleep(0)
        return bytes(65536)


class Kubelet(Pod):
    """A server with one pod whose port-forwards are tunnelled; `programs` are its connections, `sockets` the WebSockets that are open."""

    def __init__(self, make: Callable[[], Program] = Program) -> None:
        super().__init__()
        self.make = make
        self.programs: list[Program] = []
        self.upgrading: list[web.Request] = []
        self.open = 0

    def connect(self, namespace: str, pod: str, port: int) -> Program:
        if port == 81:
            raise ConnectionRefusedError
        program = Flood() if port == 82 else self.make()
        self.programs.append(program)
        return program

    async def forward(self, request: web.Request) -> web.StreamResponse:
        self.upgrading.append(request)
        self.open += 1
        try:
            return await served.portforward(request, self, "shop", "web-1")
        finally:
            self.open -= 1


def lines(forward: Forward) -> int:
    return len(forward._lines._lines)


async def test_connections_one_after_the_other_share_a_websocket() -> None:
    """A client that closes is not lingered for: the end that the pod is told comes after all that was sent."""
    kubelet = Kubelet()
    async with forwarding(kubelet) as manager:
        forward = await manager.start(POD, ":8080")
        for number in range(5):
            data = os.urandom(100_000 + number)
            assert await exchange(forward, data) == data
            await until(lambda: forward.connections == 0)
        assert len(kubelet.upgrading) == 2  # the start's, and one for all connections
        await until(lambda: len(kubelet.programs) == 5 and all(program.ended for program in kubelet.programs))
        assert forward.error == ""


async def test_what_a_client_sent_before_it_closed_reaches_the_pod_whole() -> None:
    kubelet = Kubelet(Sink)
    async with forwarding(kubelet) as manager:
        forward = await manager.start(POD, ":8080")
        _, writer = await connect(forward)
        data = os.urandom(3 * MEGABYTE)
        writer.write(data)
        await writer.drain()
        writer.close()
        await until(lambda: kubelet.programs and kubelet.programs[0].ended)
        assert kubelet.programs[0].taken == len(data)


def test_what_is_read_at_once_from_a_client_goes_as_one_frame() -> None:
    assert len(Session.data(1, bytes(tunnel_module.CHUNK))) == tunnel_module.CHUNK + 8


async def test_a_client_that_only_stopped_sending_gets_its_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tunnel_module, "QUIET_ANSWERED", 0.3)
    kubelet = Kubelet()
    async with forwarding(kubelet) as manager:
        reader, writer = await connect(await manager.start(POD, ":8080"))
        writer.write(b"echo")
        writer.write_eof()
        assert await read_all(reader) == b"echo"
        await until(lambda: kubelet.programs[0].ended)


async def test_many_connections_at_once_share_a_few_and_keep_their_bytes_apart() -> None:
    kubelet = Kubelet()
    async with forwarding(kubelet) as manager:
        forward = await manager.start(POD, ":8080")
        opened = await asyncio.gather(*(connect(forward) for _ in range(200)))
        texts = [os.urandom(3000 + i) for i in range(200)]
        for (_, writer), text in zip(opened, texts, strict=True):
            writer.write(text)
        async with asyncio.timeout(60):
            answers = await asyncio.gather(*(reader.readexactly(len(text)) for (reader, _), text in zip(opened, texts, strict=True)))
        assert answers == texts
        assert forward.connections == 200 and len(kubelet.programs) == 200
        assert lines(forward) == lines_module.MOST
        for _, writer in opened:
            reset(writer)
        await until(lambda: forward.connections == 0 and all(program.ended for program in kubelet.programs))


async def test_a_client_that_does_not_read_holds_up_its_own_line_and_no_other_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines_module, "MOST", 2)
    kubelet = Kubelet()
    async with forwarding(kubelet) as manager:
        flooded, echo = await manager.start_all(POD, ":82 :8080")
        stuck = [await connect(flooded) for _ in range(3)]
        await until(lambda: len(kubelet.programs) == 3)
        before = -1
        while before != (now := sum(program.sent for program in kubelet.programs if isinstance(program, Flood))):
            before = now
            await asyncio.sleep(0.5)
        assert now < 60 * MEGABYTE  # what the sockets on the way hold, and no more
        reader, writer = await connect(flooded)  # lines that are held up are not taken for it
        async with asyncio.timeout(20):
            assert await reader.readexactly(5 * MEGABYTE) == bytes(5 * MEGABYTE)
        reset(writer)
        assert await exchange(echo, b"x") == b"x"
        for _, held in stuck:
            reset(held)
        await until(lambda: flooded.connections == 0)


async def test_a_refused_port_is_reported_and_its_line_goes_on() -> None:
    kubelet = Kubelet()
    async with forwarding(kubelet) as manager:
        forward = await manager.start(POD, ":81")
        for _ in range(3):
            reader, _ = await connect(forward)
            with pytest.raises(ConnectionResetError):
                await read_all(reader)
        await until(lambda: forward.connections == 0)
        assert forward.error.startswith("nothing listens on port 81 in pod/web-1: error forwarding port 81 to pod web-1")
        assert (len(kubelet.upgrading), forward.state) == (2, "active")


async def test_the_pods_last_bytes_and_its_end_arrive() -> None:
    class Once(Program):
        async def read(self) -> bytes:
            data = await super().read()
            self.ended = True
            return data

    kubelet = Kubelet(Once)
    async with forwarding(kubelet) as manager:
        forward = await manager.start(POD, ":8080")
        data = os.urandom(1000)
        reader, writer = await connect(forward)
        writer.write(data)
        assert await read_all(reader) == data
        await until(lambda: forward.connections == 0)
        assert forward.error == ""


async def test_a_line_that_breaks_resets_its_connections_and_the_next_one_opens_another() -> None:
    kubelet = Kubelet()
    async with forwarding(kubelet) as manager:
        forward = await manager.start(POD, ":8080")
        reader, writer = await connect(forward)
        writer.write(b"x")
        await reader.readexactly(1)
        transport = kubelet.upgrading[-1].transport
        assert transport is not None
        transport.abort()
        with pytest.raises(ConnectionResetError):
            await read_all(reader)
        await until(lambda: forward.error)
        assert await exchange(forward, b"again") == b"again"
        assert len(kubelet.upgrading) == 3 and forward.state == "active"


async def test_a_line_that_broke_while_nobody_used_it_costs_no_connection() -> None:
    kubelet = Kubelet()
    async with forwarding(kubelet) as manager:
        forward = await manager.start(POD, ":8080")
        assert await exchange(forward, b"x") == b"x"
        await until(lambda: forward.connections == 0)
        transport = kubelet.upgrading[-1].transport
        assert transport is not None
        transport.abort()
        await until(lambda: lines(forward) == 0)
        assert await exchange(forward, b"again") == b"again"
        assert forward.error == ""


async def test_a_line_without_connections_is_closed_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines_module, "IDLE", 0.2)
    kubelet = Kubelet()
    async with forwarding(kubelet) as manager:
        forward = await manager.start(POD, ":8080")
        reader, writer = await connect(forward)
        await until(lambda: kubelet.open == 1)
        await asyncio.sleep(0.5)  # longer than an idle line is kept: this one is not idle
        writer.write(b"x")
        assert await reader.readexactly(1) == b"x"
        writer.close()
        await until(lambda: lines(forward) == 0 and kubelet.open == 0)
        assert await exchange(forward, b"again") == b"again"


async def test_close_leaves_no_line_no_task_and_no_socket() -> None:
    kubelet = Kubelet()
    before = (asyncio.all_tasks(), descriptors())
    async with forwarding(kubelet) as manager:
        forward = await manager.start(POD, ":8080")
        clients = [await connect(forward) for _ in range(12)]
        for _, writer in clients[:6]:
            writer.write(bytes(MEGABYTE))
        await until(lambda: len(kubelet.programs) == 12)
        late = [asyncio.create_task(connect(forward)) for _ in range(5)]  # some lines may still be opening
        await asyncio.sleep(0)
        await manager.close()
        assert (forward.state, forward.connections, lines(forward)) == ("stopped", 0, 0)
        assert is_free("localhost", forward.local_port)
        for task in late:
            try:
                clients.append(await task)
            except OSError:
                pass  # it came too late
        for _, writer in clients:
            writer.transport.abort()
        await until(lambda: kubelet.open == 0)
    await until(lambda: asyncio.all_tasks() <= before[0])
    await until(lambda: descriptors() <= before[1])


async def test_the_older_protocols_port_numbers_are_no_data_even_in_front_of_data() -> None:
    class Socket:
        def __init__(self) -> None:
            self.messages: list[bytes | None] = [b"\0\x90\x1fhello", b"", b"\1\x90\x1f", b"\0", b"\0 there", b"\1words", None]
            self.sent: list[bytes] = []

        async def receive(self) -> bytes | None:
            return self.messages.pop(0)

        async def send(self, data: bytes) -> None:
            self.sent.append(data)

    socket = Socket()
    channels = Channels(socket)
    got = [(kind, bytes(data)) for kind, data in [await channels.receive() or (9, b"") for _ in range(4)]]
    assert got == [(0, b"hello"), (0, b" there"), (1, b"words"), (9, b"")]
    await channels.send(b"\1\2")
    assert socket.sent == [b"\0\1\2"]
