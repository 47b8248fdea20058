"""A WebSocket that carries nothing any more is found out, and one that only waits is left alone. In virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import WSMessage, WSMsgType

from podtui.cluster.connection.connection_errors import failure
from podtui.cluster.connection.streams import WebSocket
from podtui.errors import ConnectionFailed
from tests.support.api_server import settings
from tests.support.virtual_time import run

HOUR = 3600


class Upgraded:
    """aiohttp's end of a WebSocket. The server answers pings while `answers`; while `full`, whatever is sent waits."""

    protocol = "v4.channel.k8s.io"

    def __init__(self, *, answers: bool = True, full: bool = False) -> None:
        self.answers, self.full = answers, full
        self.messages: asyncio.Queue[WSMessage] = asyncio.Queue()
        self.pings: list[float] = []
        self.pongs: list[bytes] = []
        self.closed_at: float | None = None

    async def receive(self) -> WSMessage:
        return await self.messages.get()

    async def ping(self, data: bytes) -> None:
        self.pings.append(now())
        if self.answers:
            self.come(WSMsgType.PONG, data)
        if self.full:
            await asyncio.Event().wait()

    async def pong(self, data: bytes) -> None:
        self.pongs.append(data)

    async def send_bytes(self, data: bytes) -> None:
        pass

    async def close(self) -> None:
        self.closed_at = now()
        self.come(WSMsgType.CLOSING, None)

    def come(self, kind: WSMsgType, data: Any) -> None:
        self.messages.put_nowait(WSMessage(kind, data, None))


def now() -> float:
    return asyncio.get_running_loop().time()


@asynccontextmanager
async def watched(upgraded: Upgraded) -> AsyncIterator[WebSocket]:
    socket = WebSocket(upgraded, lambda error, limit: failure(settings("https://api.example"), error, limit))  # type: ignore[arg-type]
    watching = asyncio.create_task(socket.watch())
    try:
        async with asyncio.timeout(3 * HOUR):
            yield socket
    finally:
        watching.cancel()


@pytest.mark.parametrize(("data", "found", "limit"), [(b"", 20, 15), (b"data", 65, 60)])
def test_a_silent_websocket_is_closed_later_where_its_ping_waits_behind_data(data: bytes, found: int, limit: int) -> None:
    async def is_found() -> None:
        upgraded = Upgraded(answers=False)
        async with watched(upgraded) as socket:
            if data:
                await socket.send(data)
            with pytest.raises(ConnectionFailed, match=f"api.example did not answer within {limit} s"):
                await socket.receive()
            assert upgraded.closed_at == now() == found and upgraded.pings == [5]

    run(is_found())


def test_a_websocket_whose_ping_cannot_be_sent_is_closed() -> None:
    async def is_found() -> None:
        upgraded = Upgraded(answers=False, full=True)
        async with watched(upgraded) as socket:
            await socket.send(b"data")
            with pytest.raises(ConnectionFailed, match="did not answer within 60 s"):
                await socket.receive()
            assert now() == 70

    run(is_found())


def test_a_websocket_that_answers_stays_open_for_hours_in_which_nothing_happens() -> None:
    async def stays() -> None:
        upgraded = Upgraded()
        async with watched(upgraded) as socket:
            await socket.send(b"data")
            receiving = asyncio.create_task(socket.receive())
            await asyncio.sleep(HOUR)
            assert upgraded.closed_at is None and len(upgraded.pings) == HOUR / 5 - 1
            upgraded.answers = False  # what was sent has arrived: it does not hold the next ping up
            with pytest.raises(ConnectionFailed, match="did not answer within 15 s"):
                await receiving
            assert now() <= HOUR + 20

    run(stays())


def test_the_answer_to_an_earlier_ping_does_not_show_that_the_data_after_it_has_arrived() -> None:
    async def is_patient() -> None:
        upgraded = Upgraded(answers=False)
        async with watched(upgraded) as socket:
            receiving = asyncio.create_task(socket.receive())
            await asyncio.sleep(6)
            await socket.send(b"data")
            upgraded.come(WSMsgType.PONG, b"1")
            with pytest.raises(ConnectionFailed, match="did not answer within 60 s"):
                await receiving
            assert now() == 70

    run(is_patient())


def test_data_is_a_sign_of_life_too() -> None:
    async def lives() -> None:
        upgraded = Upgraded(answers=False)
        async with watched(upgraded) as socket:
            for number in range(100):
                receiving = asyncio.create_task(socket.receive())
                await asyncio.sleep(14)
                upgraded.come(WSMsgType.BINARY, b"%d" % number)
                assert await receiving == b"%d" % number
            assert upgraded.closed_at is None

    run(lives())


def test_who_does_not_read_hears_nothing_and_that_is_no_silence() -> None:
    async def waits() -> None:
        upgraded = Upgraded()
        async with watched(upgraded) as socket:
            await asyncio.sleep(HOUR)
            assert upgraded.closed_at is None
            upgraded.come(WSMsgType.BINARY, b"data")
            assert await socket.receive() == b"data"

    run(waits())


def test_the_time_for_which_podtui_was_stopped_is_no_silence() -> None:
    async def is_stopped() -> None:
        upgraded = Upgraded(answers=False)
        async with watched(upgraded) as socket:
            receiving = asyncio.create_task(socket.receive())
            await asyncio.sleep(6)
            asyncio.get_running_loop()._virtual.now += HOUR  # type: ignore[attr-defined]
            await asyncio.sleep(0)
            upgraded.come(WSMsgType.PONG, b"1")
            await asyncio.sleep(6)
            assert upgraded.closed_at is None and not receiving.done()

    run(is_stopped())


def test_the_pings_of_the_server_are_answered() -> None:
    async def answers() -> None:
        upgraded = Upgraded()
        async with watched(upgraded) as socket:
            upgraded.come(WSMsgType.PING, b"there?")
            upgraded.come(WSMsgType.BINARY, b"data")
            assert await socket.receive() == b"data" and upgraded.pongs == [b"there?"]

    run(answers())
