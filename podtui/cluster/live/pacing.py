"""When a list is asked for again: its time limits, and the floor below all of its loops."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Unpack

from podtui.cluster.connection.listing import JSON, Query, ReadOptions, Server

_BURST = 3  # requests that may follow one another at once


@dataclass(frozen=True, slots=True)
class Timing:
    """The size of pages and the time limits, in seconds; tests shorten them all."""

    page: int = 500
    request: float | None = None  # for one page; None uses the connection's
    watch: tuple[int, int] = (290, 590)  # timeoutSeconds of a watch, chosen at random between the two
    answer: float = 10.0  # until a watch is accepted or an inquiry is answered: the server does both at once
    idle: float = 30.0  # without a byte, a watch is asked whether it is alive: bookmarks arrive only about once a minute
    inquiry: float = 3.0  # timeoutSeconds of the watch that asks, a whole number for a real server
    trusted: float = 300.0  # after a longer silence, the resource version may be another incarnation's
    pace: float = 1.0  # a request for each of these seconds on average, unless requests bring something
    backoff_first: float = 0.25
    backoff_most: float = 30.0
    healthy: float = 10.0  # a watch of this length resets the back-off
    poll: float = 5.0  # between two lists while watches do not work
    denied: float = 30.0  # between attempts that need someone else to act: to grant a right, to create a namespace
    late: float = 1.0  # until an unanswered list that takes the place of a watch is said to be one
    batch: float = 0.06
    keep: float = 60.0  # how long the rows of a previous scope are kept


class PacedServer:
    """Sends requests to `server`, at most three at once and then one for each `every` seconds.

    It is the floor of every loop whose end the server decides, whatever the server answers and whoever ends a back-off early. A
    request that brought something new does not count: give it back with `progressed`.
    """

    def __init__(self, server: Server, every: float) -> None:
        self._server = server
        self._every = every
        self._free_at = 0.0  # loop time at which the requests sent so far are paid for
        self._turn = asyncio.Lock()

    def progressed(self) -> None:
        """The last request brought something that was not known before."""
        self._free_at -= self._every

    async def _pay(self) -> None:
        loop = asyncio.get_running_loop()
        async with self._turn:
            delay = self._free_at - (_BURST - 1) * self._every - loop.time()
            if delay > 0:
                await asyncio.sleep(delay)
            self._free_at = max(self._free_at, loop.time()) + self._every

    async def request(self, method: str, path: str, **options: Unpack[ReadOptions]) -> bytes:
        """As Server.request for a GET, when its turn has come."""
        assert method == "GET"
        await self._pay()
        return await self._server.request("GET", path, **options)

    @asynccontextmanager
    async def stream(
        self, path: str, *, query: Query = (), accept: str = JSON, idle_timeout: float | None = None
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        """As Server.stream, when its turn has come."""
        await self._pay()
        async with self._server.stream(path, query=query, accept=accept, idle_timeout=idle_timeout) as stream:
            yield stream
