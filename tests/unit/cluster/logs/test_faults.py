"""Whatever goes wrong between podtui and the server: afterwards the log is whole, no line came twice, and the server was not pestered."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from podtui.cluster.kubeconfig.settings import UserSpec
from podtui.cluster.logs.follower import LogFollower, LogOptions
from tests.support.api_server import connected, status
from tests.support.log_server import REF, ContainerRun, LogServer
from tests.support.taken_logs import TakenLog, following_log
from tests.support.waiting import until
from tests.unit.cluster.logs.test_follower import numbered, raw

Fault = Callable[[web.Request, bytes], Awaitable[web.StreamResponse]]
MOST = 6
"""Log requests until the log is whole again: three that the fault spoils, the one that heals, and two looks at a quiet one."""


class FaultyServer(LogServer):
    """The first three requests that follow the log meet the fault; then all is well."""

    def __init__(self, fault: Fault) -> None:
        super().__init__()
        self.current = ContainerRun("c1", numbered(6))
        self.handlers[f"{REF.path}/log"] = self.answer_or_fail
        self.spoilt = 0
        self._fault = fault

    async def answer_or_fail(self, request: web.Request) -> web.StreamResponse:
        if request.query.get("follow") != "true" or self.spoilt == 3:
            return await self.get_log(request)
        self.spoilt += 1
        self.queries.append(dict(request.query))
        return await self._fault(request, "".join(line + "\n" for line in raw(self.run.lines)).encode())


async def _begun(request: web.Request, data: bytes, **more: Any) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "text/plain", **more})
    await response.prepare(request)
    await response.write(data)
    return response


async def reset(request: web.Request, log: bytes) -> web.StreamResponse:
    response = await _begun(request, log[:100])
    assert request.transport is not None
    request.transport.abort()
    return response


async def truncated(request: web.Request, log: bytes) -> web.StreamResponse:
    """Fewer bytes than its header says."""
    response = await _begun(request, log[:100], **{"Content-Length": str(len(log))})
    assert request.transport is not None
    request.transport.close()
    return response


async def cut_off(request: web.Request, log: bytes) -> web.StreamResponse:
    """A proxy that ends the answer in good order, within a line."""
    return web.Response(body=log[:100], content_type="text/plain")


async def no_answer(request: web.Request, log: bytes) -> web.StreamResponse:
    """The connection is half open: nothing comes, and nobody says so."""
    await asyncio.Event().wait()
    raise AssertionError


async def silence_after_some_lines(request: web.Request, log: bytes) -> web.StreamResponse:
    await _begun(request, log[:100])
    return await no_answer(request, log)


async def page(request: web.Request, log: bytes) -> web.StreamResponse:
    return web.Response(text="<html><title>Sign in</title></html>\n", content_type="text/html")


async def bad_gateway(request: web.Request, log: bytes) -> web.StreamResponse:
    return web.Response(text="<html><title>502</title></html>", status=502, content_type="text/html")


async def packed(request: web.Request, log: bytes) -> web.StreamResponse:
    """An encoding that nobody asked for."""
    return web.Response(body=b"\x1f\x8b" + log, headers={"Content-Encoding": "gzip"})


async def too_many(request: web.Request, log: bytes) -> web.StreamResponse:
    return status(429, "TooManyRequests", "later", headers={"Retry-After": "0"})


async def nonsense_to_wait(request: web.Request, log: bytes) -> web.StreamResponse:
    return status(429, "TooManyRequests", "later", headers={"Retry-After": "Sat, 99 Nov 0000 99:99:99 GMT"})


async def broken(request: web.Request, log: bytes) -> web.StreamResponse:
    return status(500, "InternalError", "dial tcp 10.0.0.1:10250: connect: connection refused")


async def unavailable(request: web.Request, log: bytes) -> web.StreamResponse:
    return web.Response(status=503)


async def empty(request: web.Request, log: bytes) -> web.StreamResponse:
    return web.Response(content_type="text/plain")


async def unauthorized(request: web.Request, log: bytes) -> web.StreamResponse:
    return status(401, "Unauthorized", "Unauthorized")


FAULTS = [
    reset, truncated, cut_off, no_answer, silence_after_some_lines, page, bad_gateway, packed, too_many, nonsense_to_wait, broken,
    unavailable, empty, unauthorized,
]  # fmt: skip


@asynccontextmanager
async def following(server: LogServer, **more: Any) -> AsyncIterator[tuple[LogFollower, TakenLog]]:
    async with connected(server) as connection, following_log(connection, REF, "app", LogOptions(), pace=0.01, quiet=0.1, **more) as found:
        yield found


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
async def test_after_a_fault_the_log_is_whole_and_no_line_came_twice(fault: Fault) -> None:
    server = FaultyServer(fault)
    async with following(server) as (follower, taker):
        await until(lambda: len(taker.lines) >= 6)
        assert (server.spoilt, follower.status.state) == (3, "following")
        assert len(server.queries) <= MOST
        server.run.lines += numbered(1, start=6)
        server.changes()
        await until(lambda: len(taker.lines) >= 7)
    assert (taker.lines, taker.notes) == (raw(server.run.lines), [])


async def test_a_line_without_end_is_taken_in_pieces_and_goes_on_after_a_break() -> None:
    server = LogServer()
    line = numbered(1)[0][0] + " " + "x" * 3_000_000
    answers = 0

    async def endless(request: web.Request) -> web.StreamResponse:
        nonlocal answers
        if request.query.get("follow") != "true":  # a look at its last line
            return web.Response(content_type="text/plain")
        answers += 1
        response = await _begun(request, line[: 1_000_000 * answers].encode())
        if answers < 4:
            assert request.transport is not None
            request.transport.abort()
            return response
        await response.write(b"\n")
        return await no_answer(request, b"")

    server.current = ContainerRun("c1", numbered(1))
    server.handlers[f"{REF.path}/log"] = endless
    async with connected(server) as connection, following_log(connection, REF, "app", pace=0.01) as (_, taker):
        await until(lambda: answers == 4 and taker.lines and len(taker.lines[0]) >= len(line))
    assert [len(each) for each in taker.lines] == [len(line)] and taker.lines == [line]
    assert max(len(piece) for batch in taker.batches for piece in batch.lines) <= 65_536


async def test_bytes_that_are_no_text_are_resumed_like_others() -> None:
    server = LogServer()
    server.current = ContainerRun("c1", numbered(4))
    lines = [line.encode() + b" \xff\xc3 \xed\xa0\x80" for line in raw(server.current.lines)]
    answers = 0

    async def answer(request: web.Request) -> web.StreamResponse:
        nonlocal answers
        if request.query.get("follow") != "true":
            return web.Response(content_type="text/plain")
        answers += 1
        response = await _begun(request, b"".join(line + b"\n" for line in lines[:answers]) + lines[min(answers, 3)][:40])
        if answers < 4:
            assert request.transport is not None
            request.transport.abort()
            return response
        return await no_answer(request, b"")

    server.handlers[f"{REF.path}/log"] = answer
    async with following(server) as (_, taker):
        await until(lambda: len(taker.lines) >= 4)
    assert taker.lines == [line.decode("utf-8", "replace") for line in lines]


async def test_the_wait_that_the_server_asks_for_is_honoured() -> None:
    server = LogServer()
    server.current = ContainerRun("c1", numbered(1))
    server.refusals = [status(429, "TooManyRequests", "later", headers={"Retry-After": "7"})]
    async with following(server) as (follower, _):
        await until(lambda: follower.status.state == "reconnecting")
        assert follower.status.retry_at is not None
        assert 5 < follower.status.retry_at - time.monotonic() <= 7


async def test_a_token_that_expires_while_a_log_is_followed_is_read_again(tmp_path: Path) -> None:
    server = LogServer()
    server.current = ContainerRun("c1", numbered(2))
    token, valid, refused = tmp_path / "token", "old", 0
    token.write_text("old\n")

    async def guarded(request: web.Request) -> web.StreamResponse:
        nonlocal refused
        if request.headers.get("Authorization") != f"Bearer {valid}":
            refused += 1
            return status(401, "Unauthorized", "Unauthorized")
        return await server(request)

    async with connected(guarded, credentials=UserSpec(token_file=str(token))) as connection:
        async with following_log(connection, REF, "app", pace=0.01) as (follower, taker):
            await until(lambda: len(taker.lines) == 2)
            valid = "new"
            token.write_text("new\n")
            server.run.lines += numbered(2, start=2)
            server.abort()
            await until(lambda: len(taker.lines) == 4)
            await until(lambda: follower.status.state == "following")
    assert taker.lines == raw(server.run.lines)
    assert 1 <= refused <= 2
