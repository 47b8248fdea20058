"""What networks, proxies and servers do to WebSockets: those of a port-forward and of a shell. The user is told why, the server is asked
few times, nothing is left behind, and once the fault is over both work again. A forward that stands when it begins stays.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from podtui.cluster.connection import bounds
from podtui.cluster.connection.connection import Connection
from podtui.cluster.exec import shells, terminal_session
from podtui.cluster.exec.terminal_session import Ended
from podtui.cluster.forward.forward import Forward
from podtui.cluster.forward.manager import ForwardManager
from podtui.cluster.kubeconfig.contexts import Kubeconfig
from podtui.errors import ConnectionFailed, PodtuiError
from podtui.kube.resources import ObjectRef
from tests.contract.test_forward import echoed, pod, run
from tests.support.fault_proxy import Fault, FaultProxy, fault_proxy
from tests.support.faults import (
    BOMB,
    PAGE,
    UNTRUSTED,
    answers,
    not_found,
    of_upgrades,
    refuses,
    reset,
    silence,
    streams,
    trickle,
    wrong_type,
)
from tests.support.tls import Authority
from tests.support.user_terminal import UserTerminal
from tests.support.waiting import until

NAMESPACE_PREFIX = "upgrades-"
PROGRAM = ["sh", "-c", "nc -llllllll -p 9000 -e cat"]
MOST = 6
"""Requests for a start or a connection that fails: looks at the pod and its owners before, the WebSocket, a look at what became of it."""
FAULTS: dict[str, tuple[Fault, str]] = {
    "no answer": (silence, "did not answer"),
    "a slow trickle": (trickle, "did not open a WebSocket: it answered 200"),
    "reset": (reset, "closed the connection|reset the connection"),
    "a page with 200": (answers(200, PAGE, "text/html"), "did not open a WebSocket: it answered 200"),
    "a page with 502": (answers(502, PAGE, "text/html"), "502 .*a web page, 'Sign in'"),
    "an end without an answer": (streams(), "did not open a WebSocket: it answered 200"),
    "a gzip bomb": (answers(200, BOMB, Content_Encoding="gzip"), "did not open a WebSocket: it answered 200"),
    "a gzip bomb with 502": (answers(502, BOMB, Content_Encoding="gzip"), "answered 502"),
    "not UTF-8": (answers(500, b'{"kind":"\xff\xfe"}'), "answered 500"),
    "half of a Status": (answers(500, b'{"kind":"Status","mess'), "answered 500"),
    "401": (refuses(401, "Unauthorized"), "Unauthorized"),
    "403": (refuses(403, "Forbidden"), "Forbidden"),
    "404": (not_found("pods", "programs"), "NotFound"),
    "a page with 404": (answers(404, PAGE, "text/html"), "404 .*a web page, 'Sign in'"),
    "410": (refuses(410, "Expired"), "Expired"),
    "429, soon": (refuses(429, "TooManyRequests", Retry_After="1"), "TooManyRequests"),
    "429, in 30 years": (refuses(429, "TooManyRequests", Retry_After="999999999"), "TooManyRequests"),
    "429, nonsense": (refuses(429, "TooManyRequests", Retry_After="soon"), "TooManyRequests"),
    "500": (refuses(500, "InternalError"), "InternalError"),
    "503": (refuses(503, "ServiceUnavailable"), "ServiceUnavailable"),
    "a wrong content type": (wrong_type, ""),
}
"""The fault, and the words in which the user is told of it; "" where there is nothing to tell."""


class Scene(NamedTuple):
    """A pod whose program echoes, and what reaches it through the proxy alone."""

    ref: ObjectRef
    proxy: FaultProxy
    through: Connection
    manager: ForwardManager


@asynccontextmanager
async def reached(kubeconfig: str, authority: Authority, ref: ObjectRef, folder: Path, **front: Any) -> AsyncIterator[Scene]:
    """The pod through a proxy."""
    async with fault_proxy(kubeconfig, authority) as proxy:
        through = await Connection.open(Kubeconfig.load(proxy.kubeconfig(folder, **front)).settings())
        manager = ForwardManager(lambda: through)
        try:
            yield Scene(ref, proxy, through, manager)
        finally:
            await manager.close()
            await through.close()


@pytest.fixture
async def ref(connection: Connection, namespace: str, real_node: str) -> ObjectRef:
    return await run(connection, namespace, pod("programs", real_node, PROGRAM))


@pytest.fixture
async def scene(kubeconfig: str, authority: Authority, ref: ObjectRef, tmp_path: Path) -> AsyncIterator[Scene]:
    async with reached(kubeconfig, authority, ref, tmp_path) as found:
        yield found


async def command(connection: Connection, ref: ObjectRef) -> Ended:
    return await terminal_session.run(connection, ref, "main", ["sh", "-c", "exit 4"], UserTerminal())


async def is_reset(forward: Forward) -> bool:
    """Whether a client of the forward learns that nothing comes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", forward.local_port)
    try:
        return await reader.read() == b""
    except ConnectionResetError:
        return True
    finally:
        writer.close()


@pytest.mark.parametrize("name", FAULTS)
async def test_a_forward_and_a_shell_say_what_went_wrong_and_work_afterwards(
    name: str, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    fault, words = FAULTS[name]
    ref, proxy, through, manager = scene
    standing = await manager.start(ref, ":9000")
    assert await echoed(standing, b"before")
    if fault is silence:
        monkeypatch.setattr(bounds, "READ_TIMEOUT", 1.0)
    proxy.fault = of_upgrades(fault)
    proxy.cut()
    if words:
        proxy.requests.clear()
        assert await is_reset(standing)
        await until(lambda: re.search(words, standing.error))
        assert standing.state == "active"
        assert len(proxy.requests) <= MOST, proxy.requests
        proxy.requests.clear()
        with pytest.raises(PodtuiError, match=words):
            await manager.start(ref, ":9000")
        assert manager.forwards == [standing]
        with pytest.raises(PodtuiError, match=words):
            await command(through, ref)
        assert len(proxy.requests) <= MOST + 1, proxy.requests
        proxy.fault = None
    assert await echoed(standing, b"after") and await echoed(await manager.start(ref, ":9000"), b"after")
    assert (await command(through, ref)).exit_code == 4


async def test_what_breaks_in_the_middle_ends_and_the_next_one_works(scene: Scene) -> None:
    ref, proxy, through, manager = scene
    forward, terminal = await manager.start(ref, ":9000"), UserTerminal()
    reader, writer = await asyncio.open_connection("127.0.0.1", forward.local_port)
    writer.write(b"x")
    assert await reader.readexactly(1) == b"x"
    shell = asyncio.create_task(terminal_session.run(through, ref, "main", ["sh"], terminal))
    terminal.type("echo $((40 + 2))\r")
    await terminal.shows("42\r\n")
    proxy.cut()
    with pytest.raises(ConnectionResetError):  # a part must not be taken for the whole
        await reader.read()
    with pytest.raises(ConnectionFailed, match=r"closed the connection|reset the connection|broke off"):
        await shell
    assert forward.error and forward.state == "active"
    assert await echoed(forward, b"again") and (await command(through, ref)).exit_code == 4


async def test_a_forward_and_a_shell_work_where_one_of_two_addresses_of_a_server_is_dead(
    kubeconfig: str, authority: Authority, ref: ObjectRef, tmp_path: Path, half_dead_host: str
) -> None:
    async with reached(kubeconfig, authority, ref, tmp_path, host=half_dead_host) as (_, proxy, through, manager):
        forward = await manager.start(ref, ":9000")
        assert await echoed(forward, b"before")
        proxy.cut()
        assert await echoed(forward, b"after") and (await command(through, ref)).exit_code == 4


async def test_a_page_with_404_in_place_of_the_api_server_is_no_sign_that_the_pod_is_gone(scene: Scene) -> None:
    ref, proxy, through, manager = scene
    standing = await manager.start(ref, ":9000")
    proxy.fault = answers(404, PAGE, "text/html")
    proxy.cut()
    proxy.requests.clear()
    assert await is_reset(standing)
    await until(lambda: "answered 404" in standing.error)
    for asked in (manager.start(ref, ":9000"), command(through, ref), shells.places(through, ref)):
        with pytest.raises(PodtuiError, match="answered 404"):
            await asked
    assert standing.state == "active" and len(proxy.requests) <= 2 * MOST, proxy.requests
    proxy.fault = None
    assert await echoed(standing, b"after")


async def test_a_half_open_connection_is_found_out_and_the_next_one_works(scene: Scene, monkeypatch: pytest.MonkeyPatch, pace: int) -> None:
    """A link that takes everything and carries nothing any more: neither side hears of it."""
    ref, proxy, through, manager = scene
    patience = 3.0 if pace == 1 else 0.3  # a real API server takes its time on a busy machine
    for name, seconds in (("PING_INTERVAL", 0.1), ("PONG_TIMEOUT", patience), ("BUSY_PONG_TIMEOUT", 1.5 * patience)):
        monkeypatch.setattr(bounds, name, seconds)
    forward, terminal = await manager.start(ref, ":9000"), UserTerminal()
    idle, asking = [await asyncio.open_connection("127.0.0.1", forward.local_port) for _ in range(2)]
    for reader, writer in (idle, asking):
        writer.write(b"x")
        assert await reader.readexactly(1) == b"x"
    shell = asyncio.create_task(terminal_session.run(through, ref, "main", ["sh"], terminal))
    terminal.type("echo $((40 + 2))\r")
    await terminal.shows("42\r\n")
    proxy.mute()
    proxy.requests.clear()
    asking[1].write(b"y")
    async with asyncio.timeout(30):
        for reader, _ in (idle, asking):
            with pytest.raises(ConnectionResetError):
                await reader.read()
        with pytest.raises(ConnectionFailed, match=r"did not answer within \d"):
            await shell
    await until(lambda: forward.connections == 0)
    assert re.search(r"did not answer within \d", forward.error) and forward.state == "active"
    assert len(proxy.requests) <= MOST, proxy.requests
    await until(lambda: not proxy.muted)  # nothing of them is left
    assert await echoed(forward, b"again") and (await command(through, ref)).exit_code == 4


@pytest.mark.parametrize(("certificate", "why"), [("", "refuses the connection"), *UNTRUSTED.items()])
async def test_no_byte_goes_to_a_server_that_is_away_or_not_trusted(certificate: str, why: str, scene: Scene) -> None:
    ref, proxy, through, manager = scene
    forward = await manager.start(ref, ":9000")
    await proxy.stop()
    if certificate:
        await proxy.start(certificate)
    proxy.requests.clear()
    assert await is_reset(forward)
    await until(lambda: re.search(why, forward.error))
    with pytest.raises(ConnectionFailed, match=why):
        await manager.start(ref, ":9000")
    with pytest.raises(ConnectionFailed, match=why):
        await command(through, ref)
    assert proxy.requests == [] and manager.forwards == [forward] and forward.state == "active"
    await proxy.stop()
    await proxy.start()
    assert await echoed(forward, b"again") and (await command(through, ref)).exit_code == 4
