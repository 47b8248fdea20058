"""Long-lived answers: the bytes of an answer as they arrive, and a WebSocket. `Connection` makes both."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

from podtui.cluster.connection import bounds
from podtui.errors import ConnectionFailed, PodtuiError

if TYPE_CHECKING:
    import aiohttp

Explain = Callable[[BaseException, float | None], PodtuiError]
"""Converts an error of aiohttp or the system to podtui's own; the number is the time-out in seconds."""
_FAREWELL = 1.0
"""Seconds for the server to answer a close message."""


class ByteStream:
    """The answer to a GET: iteration yields non-empty chunks as they arrive, until the server ends it.

    Raises ConnectionFailed when the connection breaks, or no byte arrives within the time-out.
    """

    def __init__(self, response: aiohttp.ClientResponse, idle_timeout: float | None, explain: Explain) -> None:
        self.headers: Mapping[str, str] = response.headers
        self._content = response.content
        self._idle_timeout = idle_timeout
        self._explain = explain

    def __aiter__(self) -> ByteStream:
        return self

    async def __anext__(self) -> bytes:
        import aiohttp

        try:
            chunk = await self._content.readany()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise self._explain(error, self._idle_timeout) from error
        if not chunk:
            raise StopAsyncIteration
        return chunk


class WebSocket:
    """An open WebSocket; `protocol` is the one that the server chose.

    `watch` must run beside it. It finds out a half-open connection: a proxy that takes what is sent and passes nothing on, or that has
    forgotten the connection and tells nobody. To TCP, such a connection is in order.
    """

    def __init__(self, upgraded: aiohttp.ClientWebSocketResponse, explain: Explain) -> None:
        """`upgraded` must leave pings and pongs to this class (`autoping=False`)."""
        self.protocol: str = upgraded.protocol or ""
        self._upgraded = upgraded
        self._explain = explain
        self._ended = False
        self._silent: PodtuiError | None = None
        self._receiving = False
        self._heard = 0  # messages of any kind
        self._pings = 0
        self._data_since_ping = False
        self._behind_data = False  # whether the last ping was sent after data that the server may not have taken yet

    async def receive(self) -> bytes | None:
        """The next message; None once either side has closed. Raises ConnectionFailed when the connection breaks, or is silent.

        An end of the connection without the server's close message is also a break: the data may be incomplete.
        """
        import aiohttp

        while True:
            self._receiving = True
            try:
                message = await self._upgraded.receive()
            finally:
                self._receiving = False
            self._heard += 1
            if message.type is aiohttp.WSMsgType.BINARY:
                data: bytes = message.data
                return data
            if message.type is aiohttp.WSMsgType.PING:
                with contextlib.suppress(aiohttp.ClientError, OSError, RuntimeError):  # the next read says that it has broken
                    await self._upgraded.pong(message.data)
            elif message.type is aiohttp.WSMsgType.PONG:
                self._behind_data &= bytes(message.data) != b"%d" % self._pings
            else:
                break
        if message.type is aiohttp.WSMsgType.TEXT:
            return str(message.data).encode()
        if self._silent is not None:
            raise self._silent
        if self._ended or message.type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSING):
            self._ended = True  # whether or not our own close message was sent
            return None
        error = message.data if message.type is aiohttp.WSMsgType.ERROR else self._upgraded.exception()
        if isinstance(error, BaseException):
            raise self._explain(error, None) from error
        raise self._explain(aiohttp.ServerDisconnectedError(), None)

    async def send(self, data: bytes) -> None:
        """Send one binary message; waits while the connection is full. Raises ConnectionFailed when it is closed."""
        self._data_since_ping = True
        with self._sending():
            await self._upgraded.send_bytes(data)

    async def watch(self) -> None:
        """Send pings, which also show intermediaries that the connection is in use, until the connection has broken. One that is silent
        is closed: `receive` then raises ConnectionFailed.

        Silence is counted only while `receive` waits, since a server does not get through to whoever does not read, and in whole
        intervals, since podtui may have been stopped meanwhile.
        """
        silence = 0.0  # seconds since the last ping
        limit: float | None = None  # the most of them
        while True:
            heard, receiving = self._heard, self._receiving
            await asyncio.sleep(bounds.PING_INTERVAL)
            if limit is not None and receiving and self._receiving and self._heard == heard:
                silence += bounds.PING_INTERVAL
                if silence >= limit:
                    self._silent = self._explain(TimeoutError(), limit)
                    return await self.close()
                continue
            try:
                silence, limit = 0.0, await self._ping()
            except ConnectionFailed:
                return None  # `receive` says so too

    async def _ping(self) -> float:
        """Send a ping; returns the seconds for its answer."""
        self._pings += 1
        self._behind_data |= self._data_since_ping
        self._data_since_ping = False
        with contextlib.suppress(TimeoutError), self._sending():  # in time or not, it has its place behind what was sent before
            async with asyncio.timeout(bounds.PING_INTERVAL):
                await self._upgraded.ping(b"%d" % self._pings)
        return bounds.BUSY_PONG_TIMEOUT if self._behind_data else bounds.PONG_TIMEOUT

    @contextlib.contextmanager
    def _sending(self) -> Iterator[None]:
        import aiohttp

        try:
            yield
        except TimeoutError:
            raise
        except (aiohttp.ClientError, OSError, RuntimeError) as error:
            raise self._explain(ConnectionResetError("closed"), None) from error

    async def close(self) -> None:
        """Close it; waits at most a second for the server to agree. May be called again."""
        self._ended = True
        with contextlib.suppress(OSError):  # it is already gone, or the time is up
            async with asyncio.timeout(_FAREWELL):  # aiohttp would wait for as long as messages keep coming
                await self._upgraded.close()
