"""What followers and groups of logs bring, kept for a test to look at; each runs until the end of a block."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from podtui.cluster.connection.connection import Connection
from podtui.cluster.logs.batches import LogBatch
from podtui.cluster.logs.follower import LogFollower, LogOptions, LogStatus
from podtui.cluster.logs.merge import LogLines
from podtui.cluster.logs.stamps import parse_line
from podtui.kube.resources import ObjectRef
from tests.support.waiting import in_background


class TakenLog:
    """A sink that keeps what came: the lines (pieces put together again), the notes, and the states of the follower."""

    def __init__(self) -> None:
        self.batches: list[LogBatch] = []
        self.lines: list[str] = []
        self.notes: list[str] = []
        self.states: list[LogStatus] = []
        self._open = False

    async def __call__(self, batch: LogBatch) -> None:
        self.batches.append(batch)
        if batch.note:
            self.notes += batch.lines
            return
        for place, line in enumerate(batch.lines):
            if self._open:
                self.lines[-1] += line
            else:
                self.lines.append(line)
            self._open = place in batch.continued

    @property
    def texts(self) -> list[str]:
        return [parse_line(line).text for line in self.lines]

    @property
    def numbers(self) -> list[int]:
        """The number of each line, which is `line N`."""
        return [int(text.removeprefix("line ")) for text in self.texts]


class TakenGroup:
    """A group's sink: the texts of each source in the order in which they came, and the whole view."""

    def __init__(self) -> None:
        self.lines: list[tuple[int, str, int]] = []  # source, text, time
        self.notes: list[tuple[int, str]] = []

    def __call__(self, came: LogLines) -> None:
        for place, line in enumerate(came.lines):
            if place in came.notes:
                self.notes.append((came.sources[place], line))
            else:
                self.lines.append((came.sources[place], line, came.times[place]))

    def of(self, number: int) -> list[str]:
        return [text for source, text, _ in self.lines if source == number]

    @property
    def texts(self) -> list[str]:
        return [text for _, text, _ in self.lines]


@asynccontextmanager
async def following_log(
    connection: Connection, ref: ObjectRef, container: str = "", options: LogOptions | None = None, **more: Any
) -> AsyncIterator[tuple[LogFollower, TakenLog]]:
    """A follower at work, and what it brings."""
    follower, taken = LogFollower(connection, ref, container, options, **more), TakenLog()
    follower.subscribe(taken.states.append)
    async with in_background(follower.run(taken)):
        yield follower, taken
