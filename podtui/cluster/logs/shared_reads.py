"""Share the API server fairly: limits the requests of many log followers, at once and per second.

The rate is that of kubectl's own discovery: 50 per second, after a burst of 300. Followers of one pod's containers that read the pod at
the same time share the answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TYPE_CHECKING, Any

from podtui.tasks import SharedCalls

if TYPE_CHECKING:
    from podtui.cluster.connection.connection import Connection
    from podtui.cluster.connection.streams import ByteStream

_AT_ONCE = 10
_RATE = 50.0  # requests a second
_BURST = 300
_OPENING = 0.25  # seconds after which a stream without an answer counts as open and quiet


class SharedReads:
    """A connection as `LogFollower` uses it."""

    def __init__(self, connection: Connection, *, rate: float = _RATE, burst: int = _BURST, at_once: int = _AT_ONCE) -> None:
        """`rate` in requests per second, after `burst` of them."""
        self._connection = connection
        self._turns = asyncio.Semaphore(at_once)
        self._step = 1 / rate
        self._credit = burst / rate
        self._next = 0.0
        self._asking: SharedCalls[str, Any] = SharedCalls()

    async def json(self, method: str, path: str) -> Any:
        """As Connection.json, for GET only; concurrent callers share an answer."""
        assert method == "GET"
        return await self._asking.call(path, lambda: self._get(path))

    async def _get(self, path: str) -> Any:
        async with self._turns:
            await self._turn()
            return await self._connection.json("GET", path)

    def stream(
        self, path: str, *, query: Sequence[tuple[str, str]] = (), accept: str = "application/json", idle_timeout: float | None = None
    ) -> AbstractAsyncContextManager[ByteStream]:
        """As Connection.stream; it counts against the concurrency limit until it is open."""
        return self._stream(path, query, accept, idle_timeout)

    @asynccontextmanager
    async def _stream(
        self, path: str, query: Sequence[tuple[str, str]], accept: str, idle_timeout: float | None
    ) -> AsyncIterator[ByteStream]:
        await self._turns.acquire()
        held = True

        def release() -> None:
            nonlocal held
            if held:
                held = False
                self._turns.release()

        timer: asyncio.TimerHandle | None = None
        try:
            await self._turn()
            timer = asyncio.get_running_loop().call_later(_OPENING, release)
            async with self._connection.stream(path, query=query, accept=accept, idle_timeout=idle_timeout) as stream:
                release()
                yield stream
        finally:
            if timer is not None:
                timer.cancel()
            release()

    async def _turn(self) -> None:
        """Wait for the rate limit."""
        now = asyncio.get_running_loop().time()
        self._next = max(self._next, now - self._credit) + self._step
        if self._next > now:
            await asyncio.sleep(self._next - now)

    async def close(self) -> None:
        """End the requests in progress."""
        await self._asking.close()
