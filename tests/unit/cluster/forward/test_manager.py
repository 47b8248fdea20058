"""Port-forwards against a small server: the bytes, the ends of connections, what is refused, and that nothing is left behind."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from aiohttp import web

from podtui.cluster.connection.transport import session_pool
from podtui.cluster.forward import local_ports
from podtui.cluster.forward import manager as forward_module
from podtui.cluster.forward import route as route_module
from podtui.cluster.forward import tunnel as tunnel_module
from podtui.cluster.forward.forward import Forward
from podtui.cluster.forward.local_ports import TcpTable, is_free, listen, next_free, owner_of
from podtui.cluster.forward.manager import ForwardManager
from podtui.cluster.forward.saved import Profile, profiles
from podtui.config import ForwardConfig
from podtui.errors import ConnectionFailed, Forbidden, PodLost, PodtuiError, PortBusy, PortSpecError, ServerError
from podtui.kube.ports import PortSpec
from tests.support.api_server import page, settings, status
from tests.support.forward_server import OWNER, POD, Pod, Wire, descriptors, echo, forwarding, free_port
from tests.support.waiting import until

MEGABYTE = 1 << 20


async def connect(forward: Forward, host: str = "127.0.0.1") -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection(host, forward.local_port)


async def read_all(reader: asyncio.StreamReader) -> bytes:
    async with asyncio.timeout(20):
        return await reader.read()


async def exchange(forward: Forward, data: bytes) -> bytes:
    """What an echo answers to `data`."""
    reader, writer = await connect(forward)
    writer.write(data)
    async with asyncio.timeout(30):
        answer = await reader.readexactly(len(data))
    writer.close()
    return answer


# -- bytes ------------------------------------------------------------------------------------------------------------
async def test_bytes_pass_unchanged_both_ways_and_are_counted() -> None:
    data = os.urandom(5 * MEGABYTE)
    pod = Pod()
    async with forwarding(pod) as manager:
        forward = await manager.start(POD, ":8080")
        assert await exchange(forward, data) == data
        await until(lambda: forward.connections == 0)
        assert (forward.bytes_in, forward.bytes_out, forward.served) == (len(data), len(data), 1)
        assert (forward.state, forward.error) == ("active", "")
        assert pod.upgrades == [8080]
        assert pod.protocols == ["SPDY/3.1+portforward.k8s.io,v4.channel.k8s.io", "v4.channel.k8s.io"]  # the server chose the older one


async def test_the_numbers_that_open_the_channels_are_no_data_even_in_front_of_data() -> None:
    async def greet(wire: Wire) -> None:
        await wire.write(b"hello")
        await wire.websocket.send_bytes(b"")
        await wire.write(b"")
        await wire.write(b" there")

    async with forwarding(Pod(greet)) as manager:
        reader, _ = await connect(await manager.start(POD, ":8080"))
        assert await read_all(reader) == b"hello there"


async def test_only_channel_zero_is_written_to() -> None:
    wires: list[Wire] = []

    async def program(wire: Wire) -> None:
        wires.append(wire)
        await echo(wire)

    async with forwarding(Pod(program)) as manager:
        assert await exchange(await manager.start(POD, ":8080"), b"\1\2\3") == b"\1\2\3"
    assert wires[0].channels == {0}


async def test_two_hundred_connections_at_once_keep_their_bytes_apart() -> None:
    pod = Pod()
    async with forwarding(pod) as manager:
        forward = await manager.start(POD, ":8080")
        opened = await asyncio.gather(*(connect(forward) for _ in range(200)))
        await until(lambda: pod.open == 200)
        assert forward.connections == 200
        texts = [os.urandom(3000 + i) for i in range(200)]
        for (_, writer), text in zip(opened, texts, strict=True):
            writer.write(text)
        answers = await asyncio.gather(*(reader.readexactly(len(text)) for (reader, _), text in zip(opened, texts, strict=True)))
        assert answers == texts
        for _, writer in opened:
            writer.close()
        await until(lambda: forward.connections == 0 and pod.open == 0)


async def test_both_addresses_of_localhost_are_listened_on() -> None:
    async with forwarding(Pod()) as manager:
        forward = await manager.start(POD, ":8080")
        hosts = ["127.0.0.1"]
        if not is_free("::1", forward.local_port):
            hosts.append("::1")
        assert ("::1" in hosts) == ipv6()
        for host in hosts:
            reader, writer = await connect(forward, host)
            writer.write(b"x")
            assert await reader.readexactly(1) == b"x"
            writer.close()


def ipv6() -> bool:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


# -- back-pressure ----------------------------------------------------------------------------------------------------
async def settled(value: list[int]) -> int:
    """The number once it has not changed for a while."""
    before = -1
    while value[0] != before:
        before = value[0]
        await asyncio.sleep(0.5)
    return before


async def test_a_client_that_does_not_read_holds_the_pod_back() -> None:
    sent = [0]

    async def flood(wire: Wire) -> None:
        for _ in range(200):
            await wire.write(bytes(MEGABYTE))
            sent[0] += MEGABYTE

    async with forwarding(Pod(flood)) as manager:
        forward = await manager.start(POD, ":8080")
        reader, writer = await connect(forward)
        held = await settled(sent)
        assert held < 40 * MEGABYTE  # what the sockets on the way hold, and no more
        total = 0
        while chunk := await reader.read(MEGABYTE):
            total += len(chunk)
        assert total == 200 * MEGABYTE
        writer.close()


async def test_a_pod_that_does_not_read_holds_the_client_back() -> None:
    go_on = asyncio.Event()
    got = [0]

    async def slow(wire: Wire) -> None:
        await go_on.wait()
        while data := await wire.read():
            got[0] += len(data)

    async with forwarding(Pod(slow)) as manager:
        forward = await manager.start(POD, ":8080")
        _, writer = await connect(forward)
        sent = [0]

        async def send() -> None:
            for _ in range(200):
                writer.write(bytes(MEGABYTE))
                await writer.drain()
                sent[0] += MEGABYTE

        sending = asyncio.create_task(send())
        assert await settled(sent) < 40 * MEGABYTE
        go_on.set()
        await sending
        await until(lambda: got[0] == 200 * MEGABYTE)
        writer.close()


# -- ends -------------------------------------------------------------------------------------------------------------
class Clock:
    """The time of the tunnels, which passes only when a test says so. How often they looked at it is the sign that they know it."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.looks = 0

    def monotonic(self) -> float:
        self.looks += 1
        self.now += 1e-6  # an answer is later than its question
        return self.now

    async def passes(self, seconds: float) -> None:
        """Lets the time pass for a tunnel whose client has stopped sending: once it looks, and until it has seen what time it is now."""
        await self._looked_at()
        self.now += seconds
        await self._looked_at()

    async def _looked_at(self) -> None:
        looks = self.looks
        await until(lambda: self.looks > looks + 4)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(tunnel_module, "time", made)
    monkeypatch.setattr(tunnel_module, "_LOOK", 0.01)
    return made


async def test_an_answer_that_comes_after_the_client_stopped_sending_arrives(clock: Clock) -> None:
    asked, go_on = asyncio.Event(), asyncio.Event()

    async def late(wire: Wire) -> None:
        await wire.read()
        asked.set()
        await go_on.wait()
        await wire.write(b"late")

    async with forwarding(Pod(late)) as manager:
        reader, writer = await connect(await manager.start(POD, ":8080"))
        writer.write(b"question")
        writer.write_eof()
        await asked.wait()
        await clock.passes(tunnel_module.QUIET_ANSWERED + 1)  # longer than the silence that ends an answered connection
        go_on.set()
        assert await read_all(reader) == b"late"


async def test_a_pod_that_has_answered_and_is_quiet_ends_a_half_closed_connection(clock: Clock) -> None:
    pod = Pod()
    async with forwarding(pod) as manager:
        reader, writer = await connect(await manager.start(POD, ":8080"))
        writer.write(b"echo")
        assert await reader.readexactly(4) == b"echo"
        writer.write_eof()
        await clock.passes(tunnel_module.QUIET_ANSWERED - 1)
        assert pod.open == 1
        clock.now += 2
        assert await read_all(reader) == b""
        await until(lambda: pod.open == 0)


async def test_a_slow_client_is_no_silence_of_the_pod(clock: Clock) -> None:
    sent = [0]

    async def flood(wire: Wire) -> None:
        await wire.read()
        for _ in range(60):
            await wire.write(bytes(MEGABYTE))
            sent[0] += MEGABYTE

    async with forwarding(Pod(flood)) as manager:
        reader, writer = await connect(await manager.start(POD, ":8080"))
        writer.write(b"all")
        writer.write_eof()
        assert 0 < await settled(sent) < 60 * MEGABYTE
        await clock.passes(tunnel_module.QUIET_UNANSWERED + 1)
        assert len(await read_all(reader)) == 60 * MEGABYTE


async def test_a_client_that_closed_its_socket_is_not_waited_for(clock: Clock) -> None:
    pod = Pod(lambda wire: wait_for_the_end(wire))
    async with forwarding(pod) as manager:
        _, writer = await connect(await manager.start(POD, ":8080"))
        writer.write(b"long poll")
        await until(lambda: pod.open == 1)
        writer.close()
        await clock.passes(tunnel_module.QUIET_CLOSED - 1)
        assert pod.open == 1
        clock.now += 2  # far from the silence that ends a connection whose answer is still due
        await until(lambda: pod.open == 0)


async def wait_for_the_end(wire: Wire) -> None:
    while await wire.read():
        pass


async def test_what_was_sent_before_the_client_closed_reaches_the_pod(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    got = bytearray()
    go_on, given_up = asyncio.Event(), asyncio.Event()

    async def finish(channels: tunnel_module.Channels) -> None:
        given_up.set()

    monkeypatch.setattr(tunnel_module.Channels, "finish", finish)

    async def slow(wire: Wire) -> None:
        await go_on.wait()
        while data := await wire.read():
            got.extend(data)

    data = os.urandom(MEGABYTE)
    async with forwarding(Pod(slow)) as manager:
        forward = await manager.start(POD, ":8080")
        _, writer = await connect(forward)
        writer.write(data)
        await writer.drain()
        writer.close()
        await until(lambda: forward.bytes_out == len(data))  # from now on, only the look for the end asks for the time
        await clock.passes(tunnel_module.QUIET_CLOSED - 1)
        assert not given_up.is_set()
        clock.now += 2
        await given_up.wait()
        go_on.set()
        await until(lambda: len(got) == len(data))
        assert bytes(got) == data


async def test_a_client_that_resets_ends_the_websocket_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tunnel_module, "QUIET_CLOSED", 3600)
    pod = Pod(wait_for_the_end)
    async with forwarding(pod) as manager:
        forward = await manager.start(POD, ":8080")
        _, writer = await connect(forward)
        await until(lambda: pod.open == 1)
        reset(writer)
        await until(lambda: pod.open == 0 and forward.connections == 0)
        assert forward.error == ""


def reset(writer: asyncio.StreamWriter) -> None:
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    writer.transport.abort()


async def test_the_pods_last_bytes_arrive_while_the_client_still_sends() -> None:
    answer = os.urandom(MEGABYTE)

    async def hang_up(wire: Wire) -> None:
        await wire.read()
        await wire.write(answer)

    async with forwarding(Pod(hang_up)) as manager:
        reader, writer = await connect(await manager.start(POD, ":8080"))
        writer.write(bytes(100_000))
        got = await read_all(reader)
        assert got == answer
        writer.close()


async def test_a_broken_way_resets_the_client_and_is_reported() -> None:
    async def cut(wire: Wire) -> None:
        await wire.write(b"half of it")
        await wire.read()
        wire.cut()

    async with forwarding(Pod(cut)) as manager:
        forward = await manager.start(POD, ":8080")
        reader, writer = await connect(forward)
        assert await reader.readexactly(10) == b"half of it"
        writer.write(b"more")
        with pytest.raises(ConnectionResetError):
            await read_all(reader)
        await until(lambda: forward.error)
        assert "connection" in forward.error
        assert forward.state == "active"


async def test_the_words_of_the_error_channel_become_the_forwards_error_made_harmless() -> None:
    async def refuse(wire: Wire) -> None:
        await wire.fail("dial tcp4 127.0.0.1:8080: connect: connection refused\x1b[2J\n")

    async with forwarding(Pod(refuse)) as manager:
        forward = await manager.start(POD, ":8080")
        reader, _ = await connect(forward)
        with pytest.raises(ConnectionResetError):
            await read_all(reader)
        await until(lambda: forward.error)
        assert forward.error == ("nothing listens on port 8080 in pod/web-1: dial tcp4 127.0.0.1:8080: connect: connection refused␛[2J")
        assert forward.state == "active" and forward.error_at > 0


async def test_an_endless_error_is_cut() -> None:
    async def chatter(wire: Wire) -> None:
        for _ in range(100):
            await wire.fail("x" * 1000)

    async with forwarding(Pod(chatter)) as manager:
        forward = await manager.start(POD, ":8080")
        await connect(forward)
        await until(lambda: forward.error)
        assert len(forward.error) < 6000


# -- nothing is left --------------------------------------------------------------------------------------------------
async def test_close_leaves_no_task_no_socket_and_no_port() -> None:
    async def mixed(wire: Wire) -> None:
        if wire.port == 8080:
            await echo(wire)
        elif wire.port == 8081:
            while True:
                await wire.write(bytes(MEGABYTE))
        else:
            await wait_for_the_end(wire)

    pod = Pod(mixed)
    before = (asyncio.all_tasks(), descriptors())
    async with forwarding(pod) as manager:
        forwards = await manager.start_all(POD, "0:8080 0:8081 0:8082")
        clients = [await connect(forward) for forward in forwards for _ in range(5)]
        for _, writer in clients[::3]:
            writer.write(bytes(MEGABYTE))
        await until(lambda: pod.open == 15)
        await manager.close()
        assert all(forward.state == "stopped" and forward.connections == 0 for forward in forwards)
        assert all(is_free("localhost", forward.local_port) for forward in forwards)
        for _, writer in clients:
            writer.transport.abort()
        await until(lambda: pod.open == 0)
    await until(lambda: asyncio.all_tasks() <= before[0])
    await until(lambda: descriptors() <= before[1])


async def test_connections_that_come_while_a_forward_stops_are_closed() -> None:
    async with forwarding(Pod()) as manager:
        forward = await manager.start(POD, ":8080")
        before = descriptors()
        clients = [socket.create_connection(("127.0.0.1", forward.local_port)) for _ in range(20)]
        await asyncio.sleep(0)  # some are accepted, none has got any further
        await manager.stop(forward.id)
        for client in clients:
            client.close()
        await until(lambda: descriptors() < before)
        assert forward.connections == 0


async def test_a_cancelled_start_leaves_nothing() -> None:
    pod = Pod()
    hang = asyncio.Event()
    reached = asyncio.Event()

    async def handler_that_hangs() -> None:
        reached.set()
        await hang.wait()

    async with forwarding(pod) as manager:
        original = Forward._probe

        async def probe(self: Forward, connection: object, ref: object) -> None:
            await handler_that_hangs()

        Forward._probe = probe  # type: ignore[method-assign]
        try:
            starting = asyncio.create_task(manager.start(POD, ":8080"))
            await reached.wait()
            port = manager.forwards[0].local_port
            assert not is_free("localhost", port)
            starting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await starting
        finally:
            Forward._probe = original  # type: ignore[method-assign]
        assert manager.forwards == []
        assert is_free("localhost", port)


async def test_a_forward_that_is_stopped_while_it_starts_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    reached = asyncio.Event()

    async def probe(self: Forward, connection: object, ref: object) -> None:
        reached.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(Forward, "_probe", probe)
    async with forwarding(Pod()) as manager:
        starting = asyncio.create_task(manager.start(POD, ":8080"))
        await reached.wait()
        await manager.stop(manager.forwards[0].id)
        with pytest.raises(PodtuiError, match="was stopped before it had started"):
            await starting
        assert manager.forwards == []


# -- the start --------------------------------------------------------------------------------------------------------
async def test_a_named_port_is_looked_up_in_the_pod() -> None:
    async with forwarding(Pod()) as manager:
        forward = await manager.start(POD, ":http")
        assert forward.remote_port == 8080
        with pytest.raises(PortSpecError, match="pod/web-1 has no port named 'https'"):
            await manager.start(POD, ":https")
        assert manager.forwards == [forward]


async def test_the_uid_is_taken_from_the_pod_when_none_is_given() -> None:
    async with forwarding(Pod()) as manager:
        forward = await manager.start(type(POD)(POD.resource, POD.name, POD.namespace), ":8080")
        assert forward.ref.uid == "uid-1"
        assert str(forward) == f"127.0.0.1:{forward.local_port} -> pod/web-1:8080"


@pytest.mark.parametrize(
    ("change", "kind", "words"),
    [
        ({"exists": False}, PodLost, "pod/web-1 is gone"),
        ({"uid": "uid-2"}, PodLost, "pod/web-1 was replaced by another pod of the same name"),
        ({"phase": "Succeeded"}, PodLost, "pod/web-1 has finished (Succeeded)"),
        ({"phase": "Pending"}, PodtuiError, "pod/web-1 is not running (its phase is Pending)"),
        ({"refusal": lambda: status(403, "Forbidden", "pods is forbidden: no create on pods/portforward")}, Forbidden, "pods is forbidden"),
        ({"refusal": lambda: web.Response(status=404, text="no such route")}, ServerError, "no such route"),
    ],
)
async def test_a_start_that_cannot_work_is_refused_and_leaves_nothing(
    change: dict[str, object], kind: type[PodtuiError], words: str
) -> None:
    pod = Pod()
    vars(pod).update(change)
    port = free_port()
    async with forwarding(pod) as manager:
        with pytest.raises(kind) as caught:
            await manager.start(POD, f"{port}:8080")
        assert words in caught.value.what
        assert manager.forwards == []
        assert is_free("localhost", port)


async def test_a_pod_that_goes_while_a_forward_starts_is_gone_in_the_kubelets_words_too() -> None:
    pod = Pod()

    def goes() -> web.Response:
        pod.exists = False
        return web.Response(status=404, text="pod does not exist\n")  # as it comes from the kubelet: no Status

    pod.refusal = goes
    async with forwarding(pod) as manager:
        with pytest.raises(PodLost, match="pod/web-1 is gone"):
            await manager.start(POD, ":8080")


async def test_the_start_tries_the_way_but_not_the_pods_port() -> None:
    pod = Pod()
    async with forwarding(pod) as manager:
        await manager.start(POD, ":8080")
        assert len(pod.protocols) == 1 and pod.upgrades == []


async def test_without_a_connection_the_start_says_so() -> None:
    manager = ForwardManager(lambda: None)
    with pytest.raises(ConnectionFailed, match="not connected"):
        await manager.start(POD, ":8080")
    await manager.close()


async def test_of_several_forwards_all_start_or_none() -> None:
    first, busy = free_port(), socket.create_server(("127.0.0.1", 0))
    taken = busy.getsockname()[1]
    with busy:
        async with forwarding(Pod()) as manager:
            with pytest.raises(PortBusy):
                await manager.start_all(POD, f"{first}:8080 {taken}:8080")
            assert manager.forwards == []
            assert is_free("localhost", first)


@pytest.fixture
def taken() -> Iterator[tuple[int, str]]:
    """A port that another process listens on, and how that process is told."""
    program = "import socket, sys, time; s = socket.create_server(('127.0.0.1', 0)); print(s.getsockname()[1], flush=True); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as owner:
        try:
            assert owner.stdout is not None
            port = int(owner.stdout.readline())
            with open(f"/proc/{owner.pid}/comm") as comm:
                yield port, f"{comm.read().strip()} (process {owner.pid})"
        finally:
            owner.kill()


async def test_a_busy_port_is_reported_with_its_owner_and_a_free_one(taken: tuple[int, str]) -> None:
    port, owner = taken
    async with forwarding(Pod()) as manager:
        with pytest.raises(PortBusy) as caught:
            await manager.start(POD, f"{port}:8080")
    error = caught.value
    assert error.what == f"local port {port} is already in use by {owner}"
    assert error.free > port and is_free("localhost", error.free)
    assert error.hint == f"Port {error.free} is free"


async def test_a_port_of_another_forward_is_reported_with_its_pod() -> None:
    async with forwarding(Pod()) as manager:
        first = await manager.start(POD, ":8080")
        with pytest.raises(PortBusy, match=f"local port {first.local_port} already leads to pod/web-1:8080"):
            await manager.start(POD, f"{first.local_port}:9090")


async def test_a_port_that_is_taken_on_one_address_of_localhost_is_busy() -> None:
    if not ipv6():
        return  # there is only one address
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as other:
        with pytest.raises(PortBusy):
            listen("localhost", other.getsockname()[1])


@pytest.mark.parametrize(
    ("address", "words"), [("example.org", "'example.org' is not an IP address"), ("192.0.2.1", "this machine has no address 192.0.2.1")]
)
async def test_an_address_that_is_not_this_machines_is_refused(address: str, words: str) -> None:
    async with forwarding(Pod()) as manager:
        with pytest.raises(PodtuiError, match=words):
            await manager.start(POD, ":8080", address)


async def test_another_address_is_listened_on_alone() -> None:
    async with forwarding(Pod()) as manager:
        forward = await manager.start(POD, ":8080", "127.0.0.2")
        assert forward.local_address == f"127.0.0.2:{forward.local_port}"
        assert is_free("127.0.0.1", forward.local_port)


async def test_read_only_does_not_forbid_a_forward() -> None:
    pod = Pod()
    async with forwarding(pod) as manager:
        manager.connection().read_only = True
        assert await exchange(await manager.start(POD, ":8080"), b"x") == b"x"


# -- the pod's end ----------------------------------------------------------------------------------------------------
async def test_nothing_is_sent_to_another_pod_of_the_same_name() -> None:
    got: list[bytes] = []

    async def program(wire: Wire) -> None:
        got.append(await wire.read())

    pod = Pod(program)
    async with forwarding(pod) as manager:
        forward = await manager.start(POD, ":8080")
        pod.uid = "uid-2"
        reader, writer = await connect(forward)
        writer.write(b"a password")
        with pytest.raises(ConnectionResetError):
            await read_all(reader)
        await until(lambda: forward.state == "lost")
        assert forward.error == "pod/web-1 was replaced by another pod of the same name"
        await until(lambda: pod.open == 0)
        assert got in ([], [b""])
        await until(lambda: is_free("localhost", forward.local_port))


async def test_a_pod_that_is_gone_is_noticed_without_a_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(route_module, "POLL", 0.02)
    pod = Pod()
    async with forwarding(pod) as manager:
        forward = await manager.start(POD, ":8080")
        pod.exists = False
        await until(lambda: forward.state == "lost")
        assert forward.error == "pod/web-1 is gone"
        await until(lambda: is_free("localhost", forward.local_port))


async def test_what_the_rows_tell_of_a_pod_is_looked_at_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(route_module, "POLL", 3600.0)
    pod = Pod()
    async with forwarding(pod) as manager:
        forward = await manager.start(POD, ":8080")
        reads = pod.reads
        manager.check_pods({"another"})
        manager.check_pods({"uid-1"})
        await until(lambda: pod.reads == reads + 1)
        assert forward.state == "active"
        pod.exists = False
        manager.check_pods()
        await until(lambda: forward.state == "lost")
        assert forward.error == "pod/web-1 is gone"


async def test_a_lost_forward_lets_its_connections_finish() -> None:
    go_on = asyncio.Event()

    async def last_words(wire: Wire) -> None:
        await wire.write(b"first and ")
        await go_on.wait()
        await wire.write(b"last words")

    pod = Pod(last_words)
    async with forwarding(pod) as manager:
        forward = await manager.start(POD, ":8080")
        reader, _ = await connect(forward)
        assert await reader.readexactly(10) == b"first and "  # it is known to lead to this pod
        pod.exists = False
        manager.check_pods({"uid-1"})
        await until(lambda: forward.state == "lost")
        go_on.set()
        assert await read_all(reader) == b"last words"


async def test_the_rows_save_a_request_and_are_not_believed_when_they_say_no() -> None:
    alive: list[bool | None] = [True]
    pod = Pod()
    async with forwarding(pod, pod_alive=lambda ref: alive[0]) as manager:
        forward = await manager.start(POD, ":8080")
        reads = pod.reads
        assert await exchange(forward, b"x") == b"x"
        assert pod.reads == reads
        alive[0] = False
        assert await exchange(forward, b"x") == b"x"
        assert pod.reads == reads + 1


async def test_connections_that_come_together_share_the_question_for_the_pod() -> None:
    pod = Pod()
    async with forwarding(pod) as manager:
        forward = await manager.start(POD, ":8080")
        reads = pod.reads
        answers = await asyncio.gather(*(exchange(forward, b"x") for _ in range(100)))
        assert answers == [b"x"] * 100
        assert pod.reads - reads < 100


# -- the list ---------------------------------------------------------------------------------------------------------
async def test_a_stopped_forward_stays_in_the_list_and_starts_again_on_its_port() -> None:
    async with forwarding(Pod()) as manager:
        forward = await manager.start(POD, ":8080")
        port = forward.local_port
        reader, _ = await connect(forward)
        await until(lambda: forward.connections == 1)
        await manager.stop(forward.id)
        with pytest.raises(ConnectionResetError):
            await read_all(reader)
        assert (forward.state, manager.forwards) == ("stopped", [forward])
        await manager.restart(forward.id)
        assert (forward.state, forward.local_port) == ("active", port)
        assert await exchange(forward, b"x") == b"x"
        await manager.remove(forward.id)
        assert manager.forwards == []


async def test_a_restart_that_fails_says_why_and_a_later_one_works() -> None:
    pod = Pod()
    async with forwarding(pod) as manager:
        forward = await manager.start(POD, ":8080")
        pod.exists = False
        with pytest.raises(PodLost):
            await manager.restart(forward.id)
        assert (forward.state, forward.error) == ("lost", "pod/web-1 is gone")
        await manager.stop(forward.id)
        assert forward.state == "lost"
        pod.exists = True
        await manager.restart(forward.id)
        assert (forward.state, forward.error) == ("active", "")


async def test_changes_are_reported_at_once_and_then_seldom(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forward_module, "COALESCE", 3600.0)
    told: list[int] = []
    async with forwarding(Pod()) as manager:
        unsubscribe = manager.subscribe(lambda _: told.append(len(manager.forwards)))
        manager.changed()
        await until(lambda: told)
        forward = await manager.start(POD, ":8080")
        await exchange(forward, os.urandom(MEGABYTE))
        assert told == [0]
        unsubscribe()


async def test_an_unsubscribed_listener_hears_nothing_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forward_module, "COALESCE", 0.0)
    told: list[str] = []
    manager = ForwardManager(lambda: None)
    stays, leaves = manager.subscribe(lambda _: told.append("stays")), manager.subscribe(lambda _: told.append("leaves"))
    leaves()
    leaves()
    manager.changed()
    await until(lambda: told)
    assert told == ["stays"]
    stays()
    await manager.close()


# -- local ports ------------------------------------------------------------------------------------------------------
def test_the_next_free_port_skips_those_that_are_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert next_free("localhost", port - 1) != port
    assert next_free("localhost", 65535) == 0
    assert next_free("localhost", 80) >= 1024


def test_a_port_of_this_process_is_reported_as_its_own() -> None:
    with socket.create_server(("127.0.0.1", 0)) as own:
        assert owner_of(own.getsockname()[1]) == "this podtui"
    assert owner_of(free_port()) == ""


def tcp_table(quick: bool) -> TcpTable:
    """One that asks the kernel about each connection, or one that reads /proc every time."""
    table = TcpTable(lifetime=0)
    assert table.quick
    table.quick = quick
    return table


@pytest.mark.parametrize("quick", [True, False], ids=["the kernel", "proc"])
@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_a_client_that_stopped_sending_is_distinguished_from_one_that_closed(host: str, quick: bool) -> None:
    if host == "::1" and not ipv6():
        return
    family, table = socket.AF_INET6 if host == "::1" else socket.AF_INET, tcp_table(quick)
    with socket.create_server((host, 0), family=family) as server:
        for _ in range(2):  # a connection that is younger than the table
            client = socket.create_connection(server.getsockname()[:2])
            accepted, peer = server.accept()
            ours = accepted.getsockname()[:2]
            with accepted:
                client.shutdown(socket.SHUT_WR)
                assert table.client_closed(ours, peer[:2]) is False
                client.close()
                assert table.client_closed(ours, peer[:2]) is True
            assert table.client_closed(ours, peer[:2]) is None
    assert table.client_closed(("192.0.2.1", 1), ("192.0.2.2", 2)) is None
    assert table.quick == quick


def test_a_kernel_that_does_not_tell_of_a_connection_is_not_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> bool:
        raise PermissionError

    monkeypatch.setattr(local_ports, "_is_held", refused)
    table = tcp_table(True)
    assert table.client_closed(("127.0.0.1", 1), ("127.0.0.1", 2)) is None
    assert not table.quick


def test_a_port_below_1024_is_refused_in_words_to_a_user_who_may_not() -> None:
    with open("/proc/sys/net/ipv4/ip_unprivileged_port_start") as file:
        lowest = int(file.read())
    if os.geteuid() and lowest > 81:
        with pytest.raises(PodtuiError, match="this user may not use local port 81"):
            listen("127.0.0.1", 81)
    else:
        for opened in listen("127.0.0.1", 81):
            opened.close()


def test_a_port_spec_reads_as_kubectl_takes_it() -> None:
    assert [str(PortSpec.parse(text)) for text in ("8888:8080", ":80", "0:80", "80", "http")] == ["8888:8080", ":80", ":80", "80", "http"]


# -- successors -------------------------------------------------------------------------------------------------------
@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looks at the pod every moment: this server has no watch."""
    monkeypatch.setattr(route_module, "POLL", 0.02)
    monkeypatch.setattr(route_module, "RETRY", 0.02)
    monkeypatch.setattr(route_module, "_SPACING", 0.0)


@pytest.mark.usefixtures("quick")
async def test_a_connection_made_while_there_is_no_pod_waits_for_the_successor() -> None:
    pod = Pod()
    pod.owners = [OWNER]
    async with forwarding(pod) as manager:
        told: list[str] = []
        manager.notices.subscribe(told.append)
        forward = await manager.start(POD, ":http")
        port = forward.local_port
        pod.exists = False
        await until(lambda: forward.state == "waiting" and forward.route.why == "there is no pod/web-1 of keeper/web yet")
        asking = asyncio.create_task(exchange(forward, b"x"))
        await until(lambda: forward.connections == 1)
        pod.uid, pod.exists, pod.ports = "uid-2", True, [{"containerPort": 9090, "name": "http"}]
        assert await asking == b"x"
        assert (forward.state, forward.ref.uid, forward.local_port, forward.remote_port) == ("active", "uid-2", port, 9090)
        assert pod.upgrades == [9090]
        assert forward.route.previous == POD and forward.error == ""
        assert told == ["Port-forward: pod/web-1 replaced pod/web-1"]


async def test_a_pod_that_was_replaced_unnoticed_gets_nothing_and_its_successor_everything() -> None:
    """The first to notice is a connection: not a byte of it has gone to the wrong pod."""
    pod = Pod()
    pod.owners = [OWNER]
    async with forwarding(pod) as manager:
        forward = await manager.start(POD, ":8080")
        pod.uid = "uid-2"
        data = os.urandom(100_000)
        assert await exchange(forward, data) == data
        assert (forward.ref.uid, forward.bytes_out) == ("uid-2", len(data))


@pytest.mark.usefixtures("quick")
async def test_a_connection_that_waits_in_vain_is_reset_and_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(route_module, "HOLD", 0.1)
    pod = Pod()
    pod.owners = [OWNER]
    async with forwarding(pod) as manager:
        forward = await manager.start(POD, ":8080")
        pod.exists = False
        await until(lambda: forward.route.why == "there is no pod/web-1 of keeper/web yet")
        reader, _ = await connect(forward)
        with pytest.raises(ConnectionResetError):
            await read_all(reader)
        assert forward.error == "a connection found no pod: there is no pod/web-1 of keeper/web yet"
        assert forward.state == "waiting"


@pytest.mark.usefixtures("quick")
async def test_a_forward_goes_on_after_a_page_with_404_in_place_of_its_pods_controller() -> None:
    pod = Pod()
    pod.owners = [{**OWNER, "apiVersion": "apps/v1", "kind": "StatefulSet"}]
    controller = "/apis/apps/v1/namespaces/shop/statefulsets/web"
    pod.objects[controller] = {"metadata": {"name": "web", "uid": OWNER["uid"]}}
    async with forwarding(pod) as manager:
        forward = await manager.start(POD, ":8080")
        pod.objects[controller] = page()
        pod.exists = False
        await until(lambda: "answered 404" in forward.route.why)
        assert forward.state == "waiting"
        pod.uid, pod.exists = "uid-2", True
        assert await exchange(forward, b"x") == b"x"


@pytest.mark.usefixtures("quick")
async def test_a_terminating_pod_is_forwarded_to_until_its_successor_is_there() -> None:
    pod = Pod()
    pod.owners = [OWNER]
    async with forwarding(pod) as manager:
        forward = await manager.start(POD, ":8080")
        reader, writer = await connect(forward)
        pod.leaving = True
        reads = pod.reads
        await until(lambda: pod.reads > reads + 2)
        assert await exchange(forward, b"x") == b"x"
        assert (forward.state, forward.ref.uid) == ("active", "uid-1")
        pod.leaving, pod.uid = False, "uid-2"
        await until(lambda: forward.ref.uid == "uid-2")
        writer.write(b"still there")
        assert await reader.readexactly(11) == b"still there"
        writer.close()


@pytest.mark.usefixtures("quick")
async def test_a_successor_without_the_named_port_is_not_taken() -> None:
    pod = Pod()
    pod.owners = [OWNER]
    async with forwarding(pod) as manager:
        forward = await manager.start(POD, ":http")
        pod.uid, pod.ports = "uid-2", []
        await until(lambda: "no port named 'http'" in forward.route.why)
        assert forward.state == "waiting"
        pod.ports = [{"containerPort": 8080, "name": "http"}]
        await until(lambda: forward.state == "active")


@pytest.mark.usefixtures("quick")
async def test_nothing_is_left_of_a_forward_that_waited(monkeypatch: pytest.MonkeyPatch) -> None:
    pod = Pod()
    pod.owners = [OWNER]
    before = (asyncio.all_tasks(), descriptors())
    async with forwarding(pod) as manager:
        forward = await manager.start(POD, ":8080")
        pod.exists = False
        await until(lambda: forward.state == "waiting")
        clients = [await connect(forward) for _ in range(5)]
        await until(lambda: forward.connections == 5)
        await manager.close()
        assert (forward.state, forward.connections) == ("stopped", 0)
        assert is_free("localhost", forward.local_port)
        for _, writer in clients:
            writer.transport.abort()
    await until(lambda: asyncio.all_tasks() <= before[0])
    await until(lambda: descriptors() <= before[1])


# -- saved forwards ---------------------------------------------------------------------------------------------------
def profile(**more: Any) -> Profile:
    saved = ForwardConfig(**{"ports": [":8080"], "selector": "app=web", **more})
    return profiles({"web": saved}, settings("http://x", namespace="shop"))[0]


@pytest.mark.usefixtures("quick")
async def test_a_saved_forward_opens_its_port_before_there_is_a_pod() -> None:
    pod = Pod()
    pod.exists = False
    async with forwarding(pod) as manager:
        await manager.start_profile(profile(ports=[f"{free_port()}:http", ":9090"]))
        first, second = manager.forwards
        assert [forward.state for forward in manager.forwards] == ["waiting", "waiting"]
        assert str(first) == f"127.0.0.1:{first.local_port} -> a pod with app=web:http"
        pod.exists = True
        await until(lambda: first.state == "active" and second.state == "active")
        assert (first.remote_port, first.route.previous) == (8080, None)
        await manager.start_profile(profile(ports=[str(first.asked), ":9090"]))  # what runs goes on
        assert manager.forwards == [first, second]


async def test_a_saved_forward_of_another_context_is_refused() -> None:
    async with forwarding(Pod()) as manager:
        with pytest.raises(PodtuiError, match=r"the saved forward web is for the context prod-\*\nOpen it with :ctx prod-\*"):
            await manager.start_profile(profile(context="prod-*"))
        assert manager.forwards == []
        await manager.start_profile(profile(context="d?v"))
        assert len(manager.forwards) == 1


async def test_a_saved_forward_that_cannot_start_stays_in_the_list_with_its_error_and_a_free_port(taken: tuple[int, str]) -> None:
    port, owner = taken
    async with forwarding(Pod()) as manager:
        with pytest.raises(PodtuiError, match=f"forward web: local port {port} is already in use"):
            await manager.start_profile(profile(ports=[f"{port}:8080", ":9090"]))
        busy, other = manager.forwards
        assert (busy.state, other.state) == ("failed", "active")
        assert busy.error == f"local port {port} is already in use by {owner}"
        assert busy.free > port
        await manager.restart_on(busy.id, busy.free)
        assert (busy.state, busy.local_port > port, busy.free) == ("active", True, 0)


async def test_a_port_name_alone_needs_a_pod_to_say_which_local_port_it_is() -> None:
    pod = Pod()
    pod.exists = False
    async with forwarding(pod) as manager:
        with pytest.raises(PodtuiError, match="only a pod can resolve the local port 'http', and there is none yet"):
            await manager.start_profile(profile(ports=["http"]))
        assert manager.forwards[0].state == "failed"


async def test_a_program_that_reads_nothing_for_longer_than_the_system_waits_gets_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    """To the system, a server that takes nothing is as one that is gone."""
    reads = asyncio.Event()
    taken = bytearray()

    async def program(wire: Wire) -> None:
        await reads.wait()
        while data := await wire.read():
            taken.extend(data)

    options = tuple((level, name, 300 if name == "TCP_USER_TIMEOUT" else value) for level, name, value in session_pool._OPTIONS)
    monkeypatch.setattr(session_pool, "_OPTIONS", options)
    async with forwarding(Pod(program)) as manager:
        forward = await manager.start(POD, ":8080")
        _, writer = await connect(forward)
        writer.write(data := os.urandom(20_000_000))
        sending = asyncio.create_task(writer.drain())
        asyncio.get_running_loop().call_later(1.0, reads.set)
        await until(lambda: len(taken) == len(data) or forward.error)
        assert forward.error == "" and taken == data
        await sending
        reset(writer)
