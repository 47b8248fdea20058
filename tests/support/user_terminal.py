"""A user's terminal without a screen, for the tests of commands in a container: what is typed, and what was written to it."""

from __future__ import annotations

import asyncio


class UserTerminal:
    """`type` queues what the user types; `written` has all that came. `hold` keeps it from taking anything."""

    def __init__(self, columns: int = 80, rows: int = 24) -> None:
        self.size = columns, rows
        self.written = bytearray()
        self.reads = 0
        self._typed: asyncio.Queue[bytes] = asyncio.Queue()
        self._news = asyncio.Event()
        self._resized = asyncio.Event()
        self._takes = asyncio.Event()
        self._takes.set()

    # -- the user's side
    def type(self, text: str) -> None:
        """ "" is the end: the terminal is gone."""
        self._typed.put_nowait(text.encode())

    def hold(self, held: bool) -> None:
        self._takes.clear() if held else self._takes.set()

    def resize(self, columns: int, rows: int) -> None:
        self.size = columns, rows
        self._resized.set()

    async def shows(self, text: str, seconds: float = 60.0) -> str:
        """Waits until that was written; gives what was written up to it, and forgets it."""
        wanted = text.encode()
        try:
            async with asyncio.timeout(seconds):
                while (place := self.written.find(wanted)) < 0:
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            raise AssertionError(f"{text!r} was not written: {bytes(self.written)!r}") from None
        seen = bytes(self.written[: place + len(wanted)])
        del self.written[: len(seen)]
        return seen.decode("utf-8", "replace")

    # -- podtui.cluster.exec.terminal_session.Terminal
    async def read(self) -> bytes:
        self.reads += 1
        return await self._typed.get()

    async def write(self, data: bytes) -> None:
        await self._takes.wait()
        self.written += data
        self._news.set()

    async def resized(self) -> None:
        await self._resized.wait()
        self._resized.clear()
