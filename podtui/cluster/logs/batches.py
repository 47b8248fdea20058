"""Hand lines on in batches: the first ones at once, then at most one batch per tenth of a second."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from podtui.cluster.logs.lines import Lines

INTERVAL = 0.1  # seconds
_MOST_LINES = 10_000
_MOST_CHARACTERS = 1 << 20


@dataclass(slots=True)
class LogBatch:
    """Lines in order, each as the server sent it, with time and text (`parse_line` separates them).

    Lines whose index is in `continued` go on in the next line: pieces of one very long line. A `note` is not a line
    of the log but podtui's own remark between two of them, such as that the container was restarted.
    """

    lines: list[str] = field(default_factory=list)
    continued: set[int] = field(default_factory=set)
    note: bool = False


Sink = Callable[[LogBatch], Awaitable[None]]


class Batches:
    """Between a reader and its sink. While the sink works or much is waiting, `put()` waits, and so does the server."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._batch = LogBatch()
        self._characters = 0
        self._some = asyncio.Event()
        self._busy = asyncio.Lock()

    async def put(self, came: Lines) -> None:
        lines, batch = came.lines, self._batch
        if not lines:
            return
        if came.continued:
            batch.continued.update(index + len(batch.lines) for index in came.continued)
        batch.lines += lines
        self._characters += sum(map(len, lines))
        self._some.set()
        if self._characters > _MOST_CHARACTERS or len(batch.lines) > _MOST_LINES:
            await self.flush()
            await asyncio.sleep(0)  # a sink that never waits must not block the loop

    async def note(self, text: str) -> None:
        await self.flush()
        async with self._busy:
            await self._sink(LogBatch([text], note=True))

    async def flush(self) -> None:
        """Hand on the waiting lines, and wait until the sink has taken them."""
        async with self._busy:
            batch, self._batch = self._batch, LogBatch()
            self._characters = 0
            self._some.clear()
            if batch.lines:
                await self._sink(batch)

    async def run(self) -> None:
        """Hand lines on as they arrive, until cancelled."""
        while True:
            await self._some.wait()
            await self.flush()
            await asyncio.sleep(INTERVAL)
