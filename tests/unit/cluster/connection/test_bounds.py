"""What a server may do to podtui has bounds: how long it takes, how much it sends, how long it asks podtui to wait."""

from __future__ import annotations

import asyncio
import gzip
import time
import tracemalloc
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import msgspec
import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from podtui.cluster.connection import bounds
from podtui.cluster.connection.connection import Connection
from podtui.cluster.connection.connection_errors import status_error
from podtui.cluster.connection.decoding import UnreadableAnswer, decode, readable
from podtui.errors import ApiError, ConnectionFailed, ServerError
from tests.support.api_server import connected, raw_server, settings, status

ZEROS = b"0" * (1 << 20)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("", None),
        ("0", None),
        ("-5", None),
        ("7", 7.0),
        (" 7 ", 7.0),
        ("301", bounds.LONGEST_WAIT),
        ("9" * 5_000, bounds.LONGEST_WAIT),
        ("nan", None),
        ("1e3", None),
        ("٧", None),
        ("Mon, 01 Jan 0001 00:00:00 GMT", None),
        ("Fri, 31 Dec 9999 23:59:59 -1400", bounds.LONGEST_WAIT),
        ("Mon, 99 Jan 2026 00:00:00 GMT", None),
        ("Thu, 01 Jan 1970 00:00:00 GMT", None),
    ],
)
def test_a_retry_after_is_honoured_within_its_bound(header: str, seconds: float | None) -> None:
    assert bounds.retry_after(header) == seconds


def test_a_retry_after_that_is_a_date_far_away_is_capped() -> None:
    assert bounds.retry_after(format_datetime(datetime.now(UTC) + timedelta(days=400))) == bounds.LONGEST_WAIT


@given(st.one_of(st.text(), st.from_regex(r"[0-9]{1,30}", fullmatch=True), st.datetimes().map(format_datetime)))
def test_no_retry_after_is_an_error(header: str) -> None:
    found = bounds.retry_after(header)
    assert found is None or 0 < found <= bounds.LONGEST_WAIT


@pytest.mark.parametrize("seconds", [10**400, 2**63, 1e308, 301, float("inf")])
@pytest.mark.parametrize("code", [429, 10**400, -1, 200, True])
def test_a_status_asks_for_no_longer_wait_than_is_honoured_and_has_a_code_of_http(seconds: float, code: int) -> None:
    error = status_error({"code": code, "message": "no", "details": {"retryAfterSeconds": seconds}})
    assert error.retry_after == bounds.LONGEST_WAIT
    assert error.status in (429, 500)


@pytest.mark.parametrize("seconds", [0, -1, True, "5", None, float("nan"), [], {}])
def test_a_status_that_asks_for_no_wait_gets_none(seconds: Any) -> None:
    assert status_error({"details": {"retryAfterSeconds": seconds}}).retry_after is None


@pytest.mark.parametrize(
    "body",
    [
        b'{"kind": "Status", "code": ' + b"9" * 5_000 + b"}",
        b'{"kind": "Status", "message": ' + b"[" * 100_000,
        b'{"kind": "Status", "details": 1, "reason": {}, "message": [1]}',
        b'{"kind": "Status", "details": {"retryAfterSeconds": 1e999}}',
        b'{"kind": "Status", "message": "\xff"}',
    ],
    ids=["digits", "deep", "types", "infinite", "encoding"],
)
async def test_a_refusal_with_anything_in_it_is_the_error_of_its_code(body: bytes) -> None:
    async def handler(request: web.Request) -> web.Response:
        if request.path == "/well":
            return web.json_response({"a": 1})
        return web.Response(status=503, body=body, content_type="application/json", headers={"Retry-After": "9" * 400})

    async with connected(handler) as connection:
        with pytest.raises(ServerError) as caught:
            await connection.json("GET", "/")
        assert caught.value.status == 503
        assert caught.value.retry_after == bounds.LONGEST_WAIT
        assert await connection.json("GET", "/well") == {"a": 1}


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b'{"a":' * 100_000, "nested too deeply"),
        (b"[]", "array"),
        (b'"text"', "str"),
        (b"1" * 5_000, "cannot be read|not JSON"),
        (b'{"a": 1' + b"0" * 5_000 + b"}", "out of range"),
        (b'{"a": "\xff"}', "not JSON"),
        (b"", "not JSON"),
    ],
    ids=["deep", "list", "text", "digits", "digits inside", "encoding", "nothing"],
)
async def test_an_answer_with_anything_in_it_is_unreadable_and_the_next_one_heals(body: bytes, words: str) -> None:
    answers = [body, b'{"a": 1}']

    async def handler(request: web.Request) -> web.Response:
        return web.Response(body=answers.pop(0), content_type="application/json")

    async with connected(handler) as connection:
        with pytest.raises(UnreadableAnswer, match=words):
            await connection.json("GET", "/")
        assert await connection.json("GET", "/") == {"a": 1}


def test_every_fault_of_decoding_is_one_kind_of_error() -> None:
    for content in (b"[" * 100_000, b"9" * 5_000, b"\xff", b"{", b"1"):
        with pytest.raises(UnreadableAnswer, match="answer for /x cannot be read"):
            decode(content, dict[str, Any], "/x")


@pytest.mark.parametrize("fault", [RecursionError(), OverflowError("x"), AttributeError("x"), KeyError("\x1b"), msgspec.DecodeError("x")])
def test_whatever_goes_wrong_with_the_content_is_unreadable(fault: Exception) -> None:
    with pytest.raises(UnreadableAnswer) as caught, readable("/x"):
        raise fault
    assert "\x1b" not in caught.value.what


def test_an_error_that_says_what_is_wrong_passes_the_gate() -> None:
    with pytest.raises(ApiError), readable("/x"):
        raise ServerError(500, "", "x")


# --- how much


@asynccontextmanager
async def compressing(monkeypatch: pytest.MonkeyPatch, handler: Callable[[web.Request], Any]) -> AsyncIterator[Connection]:
    monkeypatch.setattr("podtui.cluster.connection.connection._is_loopback", lambda server: False)
    async with connected(handler) as connection:
        yield connection


def encoded(body: bytes, encoding: str, code: int = 200) -> Callable[[web.Request], Any]:
    async def handler(request: web.Request) -> web.Response:
        return web.Response(status=code, body=body, headers={"Content-Encoding": encoding}, content_type="application/json")

    return handler


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "zstd"])
async def test_an_encoding_that_was_not_asked_for_is_refused_before_it_is_unpacked(encoding: str) -> None:
    bomb = gzip.compress(ZEROS * 64)
    async with connected(encoded(bomb, encoding)) as connection:
        tracemalloc.start()
        try:
            with pytest.raises(ConnectionFailed, match=f"encoded its answer as {encoding}, but podtui asked for none"):
                await connection.request("GET", "/")
            with pytest.raises(ConnectionFailed, match=f"encoded its answer as {encoding}"):
                async with connection.stream("/"):
                    pass
            assert tracemalloc.get_traced_memory()[1] < 8 << 20
        finally:
            tracemalloc.stop()


async def test_an_encoded_refusal_is_its_code_without_words() -> None:
    async with connected(encoded(gzip.compress(b'{"kind": "Status", "message": "x"}'), "gzip", 502)) as connection:
        with pytest.raises(ServerError, match=r"answered 502 Bad Gateway$"):
            await connection.request("GET", "/")


async def test_a_compressed_refusal_says_its_words_where_compression_was_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    body = gzip.compress(msgspec.json.encode({"kind": "Status", "message": "no way", "code": 500}))
    async with compressing(monkeypatch, encoded(body, "gzip", 500)) as connection:
        with pytest.raises(ServerError, match="no way"):
            await connection.request("GET", "/")


async def test_an_answer_is_read_up_to_a_bound_packed_or_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "LARGEST_ANSWER", 2 << 20)
    async with compressing(monkeypatch, encoded(gzip.compress(ZEROS * 2), "gzip")) as connection:
        assert len(await connection.request("GET", "/")) == 2 << 20
    for body, encoding in ((gzip.compress(ZEROS * 3), "gzip"), (ZEROS * 3, "identity")):
        async with compressing(monkeypatch, encoded(body, encoding)) as connection:
            with pytest.raises(ConnectionFailed, match="is larger than 2 MiB"):
                await connection.request("GET", "/")


async def test_answers_that_come_together_have_a_bound_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "LARGEST_TOGETHER", 5 << 20)
    async with compressing(monkeypatch, encoded(ZEROS * 2, "identity")) as connection:
        for _ in range(3):
            assert len(await connection.request("GET", "/")) == 2 << 20, "what was read before does not count"
    async with compressing(monkeypatch, encoded(ZEROS * 6, "identity")) as connection:
        with pytest.raises(ConnectionFailed, match="are larger than 5 MiB together"):
            await connection.request("GET", "/")
        assert connection._room.taken == 0


@pytest.mark.parametrize(
    ("body", "words"), [(b"{}", "is not gzip"), (gzip.compress(b"{}") + ZEROS, "is not gzip"), (gzip.compress(ZEROS)[:-20], "broke off")]
)
async def test_a_packed_answer_that_cannot_be_unpacked_is_reported(body: bytes, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async with compressing(monkeypatch, encoded(body, "gzip")) as connection:
        with pytest.raises(ConnectionFailed, match=words):
            await connection.request("GET", "/")


async def test_of_a_refusal_only_the_beginning_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "REFUSAL_TIMEOUT", 1.0)

    async def handler(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(status=500)
        await response.prepare(request)
        await response.write(b"out of order")
        await asyncio.Event().wait()
        return response

    async with connected(handler) as connection:
        with pytest.raises(ServerError, match="out of order"):
            await connection.request("GET", "/")
        with pytest.raises(ServerError, match="out of order"):
            async with connection.stream("/"):
                pass


# --- how long


async def test_an_answer_that_trickles_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "READ_TIMEOUT", 1.0)  # so long may a busy machine stand still without the answer counting as silent

    async def handler(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b" ")
            await asyncio.sleep(0.02)

    async with connected(handler) as connection:
        with pytest.raises(ConnectionFailed, match="sends its answer too slowly"):
            await connection.request("GET", "/")


async def test_a_slow_answer_that_makes_progress_is_read_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "READ_TIMEOUT", 1.0)

    async def handler(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(12):
            await response.write(b"x" * 100 * bounds.SLOWEST)  # what may take 100 s
            await asyncio.sleep(0.1)
        return response

    began = time.monotonic()
    async with connected(handler) as connection:
        assert len(await connection.request("GET", "/")) == 1_200 * bounds.SLOWEST
    assert time.monotonic() - began > bounds.READ_TIMEOUT


@pytest.mark.parametrize("dribble", [b"X-Slow: 1\r\n", b"HTTP/1.1 100 Continue\r\n\r\n"], ids=["headers", "continue"])
async def test_a_head_that_never_ends_is_given_up(dribble: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "READ_TIMEOUT", 0.2)
    monkeypatch.setattr(bounds, "CONNECT_TIMEOUT", 0.1)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\n" if dribble.startswith(b"X") else b"")
        while True:
            writer.write(dribble)
            await writer.drain()
            await asyncio.sleep(0.02)

    async with raw_server(answer) as address:
        connection = await Connection.open(settings(f"http://{address}"))
        with pytest.raises(ConnectionFailed):
            await connection.request("GET", "/")
        with pytest.raises(ConnectionFailed):
            async with connection.stream("/", idle_timeout=0.2):
                pass
        await connection.close()


async def test_a_refusal_is_told_by_its_status_object() -> None:
    async def handler(request: web.Request) -> web.Response:
        return status(503, "ServiceUnavailable", "", details={"retryAfterSeconds": 4})

    async with connected(handler) as connection:
        with pytest.raises(ServerError, match="answered 503 Service Unavailable") as caught:
            await connection.request("GET", "/")
    assert caught.value.retry_after == 4
