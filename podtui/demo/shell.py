"""Commands in a simulated container."""

from __future__ import annotations

import asyncio
from collections import deque

from podtui.demo.programs import Body, Context, Program


def knows(word: str) -> bool:
    """Whether there is such a command."""
    return True


class Script(Program):
    stop_after = None

    def run(self) -> Body:
        yield None
        return 0


def run_at_once(context: Context, command: list[str]) -> tuple[int, bytes]:
    """Exit code and output of a command that does not sleep."""
    return 0, b""


class Process:
    """A command that somebody runs in a container."""

    def __init__(self, context: Context, command: list[str]) -> None:
        self.exit_code: int | None = None
        self._out: deque[tuple[int, bytes]] = deque()
        self._waiting: asyncio.Future[None] | None = None

    def feed(self, data: bytes) -> None: ...

    def eof(self) -> None: ...

    async def read(self) -> tuple[int, bytes] | None:
        return None
