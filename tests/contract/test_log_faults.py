"""What networks, proxies and servers do to a log that is followed: the user is told why it stands still; afterwards it is whole, no line
came twice, and the server was not pestered.

What no proxy can do to a real log (a line of megabytes, bytes that are not text) is in tests/unit/cluster/logs/test_faults.py.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from podtui.cluster.connection.connection import Connection
from podtui.cluster.kubeconfig.contexts import Kubeconfig
from podtui.cluster.logs.follower import LogFollower, LogOptions
from podtui.kube.resources import ObjectRef
from tests.contract.test_logs import COUNT, container, create
from tests.support.fault_proxy import Exchange, Fault, FaultProxy, fault_proxy, status
from tests.support.faults import (
    BOMB,
    PAGE,
    UNKNOWN_PATH,
    UNTRUSTED,
    answers,
    not_found,
    refuses,
    reset,
    silence,
    streams,
    wrong_type,
)
from tests.support.taken_logs import TakenLog, following_log
from tests.support.tls import Authority
from tests.support.waiting import until

pytestmark = pytest.mark.usefixtures("real_node")
SPOILT = 3
"""How many requests that follow the log meet the fault."""
MOST = 2 * SPOILT + 2
"""Requests for the log until it is whole again: those, the one that heals, and looks at its end."""


async def reset_within_a_line(exchange: Exchange) -> None:
    await exchange.begin_to_pass_on()
    exchange.reset()


async def ended_within_a_line(exchange: Exchange) -> None:
    """In good order, as a proxy does that is told to stop."""
    await exchange.begin_to_pass_on()
    await exchange.chunk(b"")


async def shorter_than_its_head_says(exchange: Exchange) -> None:
    async with exchange.proxy.ask(exchange) as answer:
        await exchange.answer(200, await answer.content.readexactly(100), "text/plain", Content_Length="1000")


async def silent_within_a_line(exchange: Exchange) -> None:
    await exchange.begin_to_pass_on()
    await exchange.hang()


async def trickle_and_reset(exchange: Exchange) -> None:
    async with exchange.proxy.ask(exchange) as answer:
        await exchange.begin("text/plain")
        for _ in range(50):
            await exchange.chunk(await answer.content.readexactly(1))
    exchange.reset()


async def from_the_beginning(exchange: Exchange) -> None:
    """As a server that knows no sinceTime: lines come again."""
    exchange.target = re.sub(r"&?sinceTime=[^&]*|&?tailLines=[^&]*", "", exchange.target)
    await reset_within_a_line(exchange)


FAULTS: dict[str, tuple[Fault, str]] = {
    "reset": (reset, "closed the connection"),
    "reset within a line": (reset_within_a_line, "broke off|closed the connection|reset the connection"),
    "ended within a line": (ended_within_a_line, ""),
    "shorter than its head says": (shorter_than_its_head_says, "broke off"),
    "no answer": (silence, ""),
    "silent within a line": (silent_within_a_line, ""),
    "a slow trickle": (trickle_and_reset, "broke off|closed the connection|reset the connection"),
    "a page with 200": (answers(200, PAGE, "text/html"), "answered with a web page"),
    "a page with 502": (answers(502, PAGE, "text/html"), "502 .*a web page, 'Sign in'"),
    "a wrong content type": (wrong_type, ""),
    "gzip bomb": (answers(200, BOMB, Content_Encoding="gzip"), "encoded its answer as gzip"),
    "401": (refuses(401, "Unauthorized"), "Unauthorized"),
    "404 of the log": (not_found("pods/log", "count"), "NotFound"),
    "a page with 404": (answers(404, PAGE, "text/html"), "404 .*a web page, 'Sign in'"),
    "a path that is not served": (answers(404, UNKNOWN_PATH, "text/plain"), "404 page not found"),
    "410 of the log": (refuses(410, "Expired"), "Expired"),
    "429, soon": (refuses(429, "TooManyRequests", Retry_After="1"), "TooManyRequests"),
    "429, nonsense": (refuses(429, "TooManyRequests", Retry_After="Sat, 99 Nov 0000 99:99:99 GMT"), "TooManyRequests"),
    "500": (refuses(500, "InternalError"), "InternalError"),
    "503": (refuses(503, "ServiceUnavailable"), "ServiceUnavailable"),
    "empty": (streams(), ""),
    "lines that came before": (from_the_beginning, "broke off|closed the connection|reset the connection"),
}
"""The fault, and the words in which the user is told of it; "" where there is nothing to tell."""


@asynccontextmanager
async def followed(
    kubeconfig: str, authority: Authority, ref: ObjectRef, folder: Path, fault: Fault | None = None, quiet: float = 30.0, **front: Any
) -> AsyncIterator[tuple[FaultProxy, LogFollower, TakenLog]]:
    """A follower of the log behind a proxy, where the first requests meet the fault."""
    left = SPOILT

    async def at_first(exchange: Exchange) -> None:
        nonlocal left
        if fault is None or not left or exchange.query.get("follow") != "true":
            return await exchange.pass_on()
        left -= 1
        await fault(exchange)

    async with fault_proxy(kubeconfig, authority) as proxy:
        proxy.fault = at_first
        connection = await Connection.open(Kubeconfig.load(proxy.kubeconfig(folder, **front)).settings())
        try:
            options = LogOptions(from_start=True)
            async with following_log(connection, ref, "app", options, pace=0.01, quiet=quiet) as (follower, taken):
                yield proxy, follower, taken
        finally:
            await connection.close()


async def whole(follower: LogFollower, taken: TakenLog, more: int) -> None:
    """The log goes on for that many lines; not one is missing, and none came twice."""
    before = len(taken.lines)
    await until(lambda: len(taken.lines) >= before + more and follower.status.state == "following")
    assert taken.numbers == list(range(len(taken.lines)))
    assert taken.notes == []


async def test_after_a_fault_the_log_is_whole_and_no_line_came_twice(
    kubeconfig: str, authority: Authority, connection: Connection, namespace: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    ref = await create(connection, namespace, "count", container("app", COUNT))

    folders = [tmp_path_factory.mktemp("front") for _ in FAULTS]

    async def overcome(number: int, fault: Fault, words: str) -> None:
        quiet = 0.5 if fault in (silence, silent_within_a_line) else 30.0
        async with followed(kubeconfig, authority, ref, folders[number], fault, quiet) as (proxy, follower, taken):
            await until(lambda: len(taken.lines) >= 20)
            logs = [target for _, target in proxy.requests if "/log?" in target]
            asked = [target for target in logs if not target.endswith("limitBytes=1")]  # as while the container starts
            await whole(follower, taken, 20)
            assert len(asked) <= MOST, asked
            told = {status.why for status in taken.states if status.state == "reconnecting"}
            assert not words or any(re.search(words, why) for why in told), told

    ended = await asyncio.gather(*(overcome(number, *FAULTS[name]) for number, name in enumerate(FAULTS)), return_exceptions=True)
    failed = {name: error for name, error in zip(FAULTS, ended, strict=True) if error is not None}
    assert not failed, "\n".join(f"{name}: {error}" for name, error in failed.items())


async def test_a_token_that_expires_while_a_log_is_followed_is_read_again(
    kubeconfig: str, authority: Authority, connection: Connection, namespace: str, tmp_path: Path
) -> None:
    ref = await create(connection, namespace, "count", container("app", COUNT))
    token = tmp_path / "token"
    token.write_text("first\n")
    async with followed(kubeconfig, authority, ref, tmp_path, user={"tokenFile": str(token)}) as (proxy, follower, taken):
        proxy.token = "first"
        await until(lambda: len(taken.lines) >= 20)
        proxy.token = "second"
        proxy.cut()
        await until(lambda: follower.status.state == "reconnecting" and "Unauthorized" in follower.status.why)
        token.write_text("second\n")
        await whole(follower, taken, 20)


@pytest.mark.parametrize("of_the_pod_too", [False, True])
async def test_a_log_goes_on_when_the_right_to_read_it_was_taken_away_and_given_back(
    of_the_pod_too: bool, kubeconfig: str, authority: Authority, connection: Connection, namespace: str, tmp_path: Path
) -> None:
    ref = await create(connection, namespace, "count", container("app", COUNT))
    async with followed(kubeconfig, authority, ref, tmp_path) as (proxy, follower, taken):
        await until(lambda: len(taken.lines) >= 20)
        at_first = proxy.fault

        async def taken_away(exchange: Exchange) -> None:
            if of_the_pod_too or "/log?" in exchange.target:
                await exchange.answer(403, status(403, "Forbidden"))
            else:
                await exchange.pass_on()

        proxy.fault = taken_away
        proxy.requests.clear()
        proxy.cut()
        await until(lambda: [status.state for status in taken.states].count("reconnecting") >= 3 and "Forbidden" in follower.status.why)
        assert len(proxy.requests) <= 20, "each attempt asks for the pod, and for the log at its end and from there on"
        proxy.fault = at_first
        await whole(follower, taken, 20)


async def test_a_log_is_followed_where_one_of_two_addresses_of_a_server_is_dead(
    kubeconfig: str,
    authority: Authority,
    connection: Connection,
    namespace: str,
    tmp_path: Path,
    half_dead_host: str,
) -> None:
    ref = await create(connection, namespace, "count", container("app", COUNT))
    async with followed(kubeconfig, authority, ref, tmp_path, host=half_dead_host) as (proxy, follower, taken):
        await until(lambda: len(taken.lines) >= 20)
        proxy.cut()
        await whole(follower, taken, 20)


async def test_a_log_outlasts_a_page_with_404_in_place_of_the_api_server(
    kubeconfig: str, authority: Authority, connection: Connection, namespace: str, tmp_path: Path
) -> None:
    ref = await create(connection, namespace, "count", container("app", COUNT))
    async with followed(kubeconfig, authority, ref, tmp_path) as (proxy, follower, taken):
        await until(lambda: len(taken.lines) >= 20)
        proxy.fault = answers(404, PAGE, "text/html")
        proxy.requests.clear()
        proxy.cut()
        await until(lambda: follower.status.state == "reconnecting" and "answered 404" in follower.status.why)
        await until(lambda: [status.state for status in taken.states].count("reconnecting") >= 3)
        assert len(proxy.requests) <= 20
        proxy.fault = None
        await whole(follower, taken, 20)


async def test_a_log_outlasts_a_server_that_is_away_and_comes_back_with_another_certificate(
    kubeconfig: str, authority: Authority, connection: Connection, namespace: str, tmp_path: Path
) -> None:
    ref = await create(connection, namespace, "count", container("app", COUNT))
    async with followed(kubeconfig, authority, ref, tmp_path) as (proxy, follower, taken):
        await until(lambda: len(taken.lines) >= 20)
        await proxy.stop()
        await until(lambda: follower.status.state == "reconnecting" and "refuses the connection" in follower.status.why)
        for certificate, words in UNTRUSTED.items():
            await proxy.start(certificate)
            await until(lambda words=words: re.search(words, follower.status.why))  # type: ignore[misc]
            await proxy.stop()
        await proxy.start()
        await whole(follower, taken, 20)
