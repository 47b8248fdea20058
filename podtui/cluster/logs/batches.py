"""Hand lines on in batches: the first ones at once, then at most one batch per tenth of a second."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from podtui.cluster.logs.lines import Lines

INTERVAL = 0.1  # seconds
_MOST = 1 << 20  # bytes


@dataclass(slots=True)
class LogBatch:
    """Lines in order, each as the server sent it, with time and text (`parse_line` separates them), and with its newline.

    Lines whose index is in `continued` go on in the next line: pieces of one very long line. A `note` is not a line
    of the log but podtui's own remark between two of them, such as that the container was restarted.
    """

    data: bytes = b""
    continued: set[int] = field(default_factory=set)
    note: bool = False

    @classmethod
    def remark(cls, text: str) -> LogBatch:
        return cls(" ".join(text.split("\n")).encode("utf-8", "replace") + b"\n", note=True)

    @property
    def count(self) -> int:
        """The number of lines and pieces."""
        return self.data.count(b"\n")

    @property
    def lines(self) -> list[str]:
        """The lines as text; bytes that are not UTF-8 become U+FFFD."""
        lines = self.data.decode("utf-8", "replace").split("\n")
        lines.pop()
        return lines


Sink = Callable[[LogBatch], Awaitable[None]]


class Batches:
    """Between a reader and its sink. While the sink works or much is waiting, `put()` waits, and so does the server.

    `failed` is whether the sink raised an error.
    """

    def __init__(self, sink: Sink) -> None:
        self.failed = False
        self._sink = sink
        self._parts: list[bytes] = []
        self._continued: set[int] = set()
        self._size = 0
        self._some = asyncio.Event()
        self._busy = asyncio.Lock()

    async def put(self, came: Lines) -> None:
        if not came.data:
            return
        if came.continued:
            before = sum(part.count(b"\n") for part in self._parts)
            self._continued.update(index + before for index in came.continued)
        self._parts.append(came.data)
        self._size += len(came.data)
        self._some.set()
        if self._size > _MOST:
            await self.flush()
            await asyncio.sleep(0)  # a sink that never waits must not block the loop

    async def note(self, text: str) -> None:
        await self.flush()
        async with self._busy:
            await self._hand_on(LogBatch.remark(text))

    async def flush(self) -> None:
        """Hand on the waiting lines, and wait until the sink has taken them."""
        async with self._busy:
            parts, continued = self._parts, self._continued
            self._parts, self._continued, self._size = [], set(), 0
            self._some.clear()
            if parts:
                await self._hand_on(LogBatch(b"".join(parts), continued))

    async def _hand_on(self, batch: LogBatch) -> None:
        try:
            await self._sink(batch)
        except Exception:
            self.failed = True
            raise

    async def run(self) -> None:
        """Hand lines on as they arrive, until cancelled."""
        while True:
            await self._some.wait()
            await self.flush()
            await asyncio.sleep(INTERVAL)
