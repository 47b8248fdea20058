"""Whether a silent watch is still alive: bookmarks come only about once a minute, and a half-open connection never sends anything."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, aclosing
from typing import Protocol

import msgspec

from podtui.cluster.connection.decoding import decode, readable
from podtui.cluster.connection.listing import lines_of
from podtui.cluster.live.pacing import PacedServer, Timing
from podtui.errors import ConnectionFailed, TooManyRequests


class Watch(Protocol):
    """What an inquiry needs of a ListWatch."""

    timing: Timing
    what: str
    heard: float

    async def compare(self, server: PacedServer) -> None: ...
    def opened(self, server: PacedServer, seconds: float) -> AbstractAsyncContextManager[AsyncIterator[bytes]]: ...
    def take_event(self, line: bytes) -> None: ...


class _Head(msgspec.Struct):
    type: str


class SilentWatch(ConnectionFailed):
    """There are changes that an open watch does not bring."""


async def inquire(watch: Watch, server: PacedServer) -> None:
    """Open a short watch beside the silent one, which must not bring a change that the silent one does not bring.

    So half-open connections are found, and proxies that hold answers back. A bookmark of the short one moves the version on. Raises
    SilentWatch when the silent one is dead, Gone when it must be listed again, and the errors of a server that does not answer;
    one that is too busy to answer is alive.
    """
    timing = watch.timing
    try:
        async with asyncio.timeout(timing.inquiry + 2 * timing.answer):
            await _compare_streams(watch, server)
    except TooManyRequests:
        pass
    except TimeoutError:
        raise ConnectionFailed(f"the server does not say whether {watch.what} have changed") from None


async def _compare_streams(watch: Watch, server: PacedServer) -> None:
    heard = watch.heard
    await watch.compare(server)
    async with watch.opened(server, watch.timing.inquiry) as stream, aclosing(lines_of(stream, watch.what)) as arriving:
        try:
            async with asyncio.timeout(watch.timing.inquiry + watch.timing.answer / 2):
                await _compare_changes(watch, arriving, heard)
        except TimeoutError:
            raise SilentWatch(f"the watches of {watch.what} neither bring anything nor end: something holds them back") from None


async def _compare_changes(watch: Watch, arriving: AsyncIterator[list[bytes]], heard: float) -> None:
    async for lines in arriving:
        for line in lines:
            bookmark = decode(line, _Head, watch.what).type in ("BOOKMARK", "ERROR")
            if not bookmark:
                await asyncio.sleep(watch.timing.inquiry / 3)  # the change may only just have been made
            if watch.heard != heard:
                return
            if not bookmark:
                raise SilentWatch(f"the watch of {watch.what} has fallen silent")
            with readable(watch.what):
                watch.take_event(line)
