"""What goes wrong with a log and no proxy can do to a real one; tests/contract/test_log_faults.py has the rest."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from aiohttp import web

from tests.support.api_server import connected, status
from tests.support.log_server import REF, ContainerRun, LogServer
from tests.support.taken_logs import following_log
from tests.support.waiting import until
from tests.unit.cluster.logs.test_follower import numbered, raw


async def _begun(request: web.Request, data: bytes, **more: Any) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "text/plain", **more})
    await response.prepare(request)
    await response.write(data)
    return response


async def forever() -> web.StreamResponse:
    await asyncio.Event().wait()
    raise AssertionError


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
        return await forever()

    server.current = ContainerRun("c1", numbered(1))
    server.handlers[f"{REF.path}/log"] = endless
    async with connected(server) as connection, following_log(connection, REF, "app", pace=0.01) as (_, taker):
        await until(lambda: answers == 4 and taker.lines and len(taker.lines[0]) >= len(line))
    assert [len(each) for each in taker.lines] == [len(line)] and taker.lines == [line]
    assert max(len(piece) for batch in taker.batches for piece in batch.lines) <= 65_536


async def test_bytes_that_are_not_text_are_resumed_like_others() -> None:
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
        return await forever()

    server.handlers[f"{REF.path}/log"] = answer
    async with connected(server) as connection, following_log(connection, REF, "app", pace=0.01, quiet=0.1) as (_, taker):
        await until(lambda: len(taker.lines) >= 4)
    assert taker.lines == [line.decode("utf-8", "replace") for line in lines]


async def test_the_wait_that_the_server_asks_for_is_honoured() -> None:
    server = LogServer()
    server.current = ContainerRun("c1", numbered(1))
    server.refusals = [status(429, "TooManyRequests", "later", headers={"Retry-After": "7"})]
    async with connected(server) as connection, following_log(connection, REF, "app", pace=0.01) as (follower, _):
        await until(lambda: follower.status.state == "reconnecting")
        assert follower.status.retry_at is not None
        assert 5 < follower.status.retry_at - time.monotonic() <= 7
