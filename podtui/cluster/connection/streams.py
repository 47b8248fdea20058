"""Long-lived answers: the bytes of an answer as they arrive, and a WebSocket. `Connection` makes both."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from podtui.errors import PodtuiError

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
    """An open WebSocket; `protocol` is the one that the server chose."""

    def __init__(self, upgraded: aiohttp.ClientWebSocketResponse, explain: Explain) -> None:
        self.protocol: str = upgraded.protocol or ""
        self._upgraded = upgraded
        self._explain = explain
        self._ended = False

    async def receive(self) -> bytes | None:
        """The next message; None once either side has closed. Raises ConnectionFailed when the connection breaks.

        An end of the connection without the server's close message is also a break: the data may be incomplete.
        """
        import aiohttp

        message = await self._upgraded.receive()
        if message.type is aiohttp.WSMsgType.BINARY:
            data: bytes = message.data
            return data
        if message.type is aiohttp.WSMsgType.TEXT:
            return str(message.data).encode()
        if self._ended or message.type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSING):
            self._ended = True  # whether or not our own close message was sent
            return None
        error = message.data if message.type is aiohttp.WSMsgType.ERROR else self._upgraded.exception()
        if isinstance(error, BaseException):
            raise self._explain(error, None) from error
        raise self._explain(aiohttp.ServerDisconnectedError(), None)

    async def send(self, data: bytes) -> None:
        """Send one binary message; waits while the connection is full. Raises ConnectionFailed when it is closed."""
        import aiohttp

        try:
            await self._upgraded.send_bytes(data)
        except (aiohttp.ClientError, OSError, RuntimeError) as error:
            raise self._explain(ConnectionResetError("closed"), None) from error

    async def ping(self) -> None:
        """Show intermediaries that the connection is in use; nothing waits for the answer. Raises as `send`."""
        import aiohttp

        try:
            await self._upgraded.ping()
        except (aiohttp.ClientError, OSError, RuntimeError) as error:
            raise self._explain(ConnectionResetError("closed"), None) from error

    async def close(self) -> None:
        """Close it; waits at most a second for the server to agree. May be called again."""
        self._ended = True
        with contextlib.suppress(OSError):  # it is already gone, or the time is up
            async with asyncio.timeout(_FAREWELL):  # aiohttp would wait for as long as messages keep coming
                await self._upgraded.close()
