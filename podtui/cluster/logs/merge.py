"""Merge the lines of many logs by the server's times, within a window that is small while they are followed.

While sources catch up (their tails are finite), lines come out up to the earliest time that one of them has reached:
the order is exact. While they are followed, a line waits `WINDOW` seconds for earlier ones of other sources, and no longer: lines that
arrive later, after an outage of their source, come out late. Nodes' clocks may differ; a line never overtakes one of its own source.
"""

from __future__ import annotations

import asyncio
import time
from array import array
from bisect import bisect_right
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

from podtui.cluster.logs.batches import LogBatch
from podtui.cluster.logs.stamps import Times, nanoseconds, stamp_in

WINDOW = 0.4
"""Seconds for which a followed line waits for earlier ones of other sources."""
PATIENCE = 3.0
"""Seconds for which all wait for sources that are catching up when none of these brings anything."""
_LONGEST_WAIT = 15.0  # seconds for which all wait for one of them
_TICK = 0.1
_MOST_OF_ONE = 2 << 20  # the most waiting characters of one source; then its stream waits
_MOST = 32 << 20  # the most waiting characters of all sources
_AT_ONCE = 3_000  # the most lines to hand on without a pause
_LONGEST = 4 << 20  # the most characters of an unfinished line to wait for


class LogLines:
    """Lines of several sources in order, with their times (nanoseconds since the epoch, 0: unknown) and the numbers of their sources.

    `continued` are the indices of lines that go on in the next line, `notes` those of podtui's own remarks. `stamped` are lines of one
    source, the number `source`, as they came: with their times, and without pieces and remarks. Who wants to see them takes `lines`.
    """

    def __init__(self, stamped: bytes = b"", source: int = 0) -> None:
        self.stamped = stamped
        self.source = source
        self.continued: set[int] = set()
        self.notes: set[int] = set()
        if not stamped:
            self.lines, self.times, self.sources = [], array("q"), array("H")

    @cached_property
    def lines(self) -> list[str]:
        return self._parts[1]

    @cached_property
    def times(self) -> array[int]:
        return self._parts[0]

    @cached_property
    def sources(self) -> array[int]:
        return array("H", (self.source,)) * len(self.lines)

    @cached_property
    def _parts(self) -> tuple[array[int], list[str]]:
        return Times().part(LogBatch(self.stamped).lines)


LineSink = Callable[[LogLines], None]


@dataclass(slots=True)
class _Chunk:
    """Lines that arrived at once. `keys` are their sort keys: times that never decrease."""

    keys: array[int]
    lines: list[str]
    times: array[int]
    continued: set[int]
    note: bool
    arrived: float
    start: int = 0  # how many of them were handed on


class _Source:
    """The waiting lines of one log."""

    def __init__(self, number: int, now: float) -> None:
        self.number = number
        self.times = Times()
        self.chunks: deque[_Chunk] = deque()
        self.key = 0  # of the last line that arrived
        self.waiting = 0  # characters
        self.catching_up = True
        self.since = now
        self.ended = False
        self.held: list[str] = []  # pieces of an unfinished line

    def passes(self, batch: LogBatch) -> bool:
        """Whether the lines can go on as they came, since nothing is waiting before them; notes their time."""
        if self.chunks or self.held or batch.note or batch.continued or self.times.goes_on:
            return False
        data = batch.data
        self.key = max(self.key, nanoseconds(stamp_in(data[data.rfind(b"\n", 0, len(data) - 1) + 1 :])))
        return True

    def put(self, batch: LogBatch, now: float) -> None:
        lines, continued = batch.lines, batch.continued
        if not batch.note:
            if self.held:
                shift = len(self.held)
                lines = self.held + lines
                continued = {*range(shift), *(place + shift for place in continued)}
                self.held = []
            if len(lines) - 1 in continued and (whole := self._whole(lines, continued)) is not None:
                self.held = lines[whole:]
                lines, continued = lines[:whole], {place for place in continued if place < whole}
        if lines:
            self._add(lines, continued, batch.note, now)

    @staticmethod
    def _whole(lines: list[str], continued: set[int]) -> int | None:
        """How many lines are whole; None when the last one is too long to wait for."""
        whole, size = len(lines), 0
        while whole and whole - 1 in continued:
            whole -= 1
            size += len(lines[whole])
        return None if size > _LONGEST else whole

    def let_go(self, now: float) -> None:
        """Hand on a line that will never become whole."""
        if self.held:
            held, self.held = self.held, []
            self._add(held, set(range(len(held))), False, now)

    def _add(self, lines: list[str], continued: set[int], note: bool, now: float) -> None:
        if note:
            keys = times = array("q", [self.key] * len(lines))
        else:
            times, lines = self.times.part(lines, continued)
            continued = continued - {len(lines) - 1}  # lines of other sources will separate it from its next piece
            keys = times
            previous = self.key
            if min(times) < previous or any(one > other for one, other in pairwise(times)):
                keys = array("q")
                for each in times:
                    previous = max(previous, each)
                    keys.append(previous)
        self.key = max(self.key, keys[-1])
        self.chunks.append(_Chunk(keys, lines, times, continued, note, now))
        self.waiting += sum(map(len, lines))

    def count(self, until: int) -> int:
        """How many lines are not later than `until`; not exact above `_AT_ONCE`."""
        found = 0
        for chunk in self.chunks:
            found += bisect_right(chunk.keys, until, chunk.start) - chunk.start
            if found > _AT_ONCE or chunk.keys[-1] > until:
                break
        return found

    def take(self, until: int, out: LogLines, keys: array[int]) -> None:
        """Append the lines that are not later than `until` to `out`."""
        while self.chunks:
            chunk = self.chunks[0]
            end = bisect_right(chunk.keys, until, chunk.start)
            if end == chunk.start:
                return
            at, start = len(out.lines), chunk.start
            whole = start == 0 and end == len(chunk.lines)
            lines = chunk.lines if whole else chunk.lines[start:end]
            out.lines += lines
            out.times += chunk.times if whole else chunk.times[start:end]
            keys += chunk.keys if whole else chunk.keys[start:end]
            out.sources += array("H", (self.number,)) * (end - start)
            if chunk.continued:
                out.continued.update(at + place - start for place in chunk.continued if start <= place < end)
            if chunk.note:
                out.notes.update(range(at, at + end - start))
            self.waiting -= sum(map(len, lines))
            if end < len(chunk.lines):
                chunk.start = end
                return
            self.chunks.popleft()


class Merger:
    """Takes the lines of the sources and hands them on in order. With one source, nothing ever waits."""

    def __init__(self, sink: LineSink, *, window: float = WINDOW, patience: float = PATIENCE, tick: float = _TICK) -> None:
        """`window`, `patience` and `tick` (the interval of handing on) are in seconds."""
        self._sink = sink
        self._window = window
        self._patience = patience
        self._tick = tick
        self._sources: dict[int, _Source] = {}
        self._progress = time.monotonic()  # when a source that is catching up last brought a line
        self._some = asyncio.Event()
        self._went = asyncio.Event()  # lines were handed on since it was last cleared

    def add(self, number: int, *, catching_up: bool = True) -> None:
        """A source begins: until it has caught up, the others wait for it, within limits."""
        source = self._sources[number] = _Source(number, time.monotonic())
        source.catching_up = catching_up
        self._progress = source.since

    def caught_up(self, number: int) -> None:
        """The existing lines of the source have arrived, or will not."""
        source = self._sources.get(number)
        if source is not None and source.catching_up:
            source.catching_up = False
            self._progress = time.monotonic()
            self._some.set()

    def end(self, number: int) -> None:
        """Nothing more will come from the source; its waiting lines still go out."""
        source = self._sources.get(number)
        if source is not None:
            source.let_go(time.monotonic())
            source.ended, source.catching_up = True, False
            self._some.set()

    def note(self, number: int, text: str) -> None:
        """Add a remark after the lines of the source."""
        source = self._sources.get(number)
        if source is not None:
            source.put(LogBatch.remark(text), time.monotonic())
            self._some.set()

    async def put(self, number: int, batch: LogBatch) -> None:
        """Add lines of one source, in its order; waits while too many lines do."""
        source, now = self._sources[number], time.monotonic()
        if source.catching_up:
            self._progress = now
        if len(self._sources) == 1 and source.passes(batch):
            self._sink(LogLines(batch.data, number))
            return
        source.put(batch, now)
        if len(self._sources) == 1:
            while self.flush():  # noqa: ASYNC110
                await asyncio.sleep(0)
            return
        self._some.set()
        while source.waiting > _MOST_OF_ONE or sum(each.waiting for each in self._sources.values()) > _MOST:
            self._went.clear()
            await self._went.wait()

    async def run(self) -> None:
        """Hand on the lines that are due, until cancelled."""
        while True:
            await self._some.wait()
            self._some.clear()
            more = self.flush()
            if any(source.chunks for source in self._sources.values()):
                self._some.set()
            await asyncio.sleep(0 if more else self._tick)  # with much due, keys and other work get their turn

    async def finish(self) -> None:
        """Hand on all lines."""
        more = True
        while more:
            more = self.flush(everything=True)
            await asyncio.sleep(0)

    def flush(self, *, everything: bool = False) -> bool:
        """Hand on some of the due lines, or some of all; True when there are more."""
        due = self._everything() if everything else self._due(time.monotonic())
        until = due if due is None else self._not_too_many(due)
        out, keys = LogLines(), array("q")
        ends = []
        if until is not None:
            for source in self._sources.values():
                source.take(until, out, keys)
                ends.append(len(keys))
        for number in [number for number, source in self._sources.items() if source.ended and not source.chunks]:
            del self._sources[number]
        if out.lines:
            if len(set(ends)) > 1 and any(left > right for left, right in pairwise(keys)):
                out = _sorted(out, keys)
            self._sink(out)
        self._went.set()
        return until != due

    def _not_too_many(self, due: int) -> int:
        """A key up to which about `_AT_ONCE` lines go out, and at least one does."""
        sources = [source for source in self._sources.values() if source.chunks]
        earliest = min(source.chunks[0].keys[source.chunks[0].start] for source in sources)
        while due > earliest and sum(source.count(due) for source in sources) > _AT_ONCE:
            due = (due + earliest) // 2
        return due

    def _everything(self) -> int | None:
        return max((source.chunks[-1].keys[-1] for source in self._sources.values() if source.chunks), default=None)

    def _due(self, now: float) -> int | None:
        """The key up to which lines may go out; None: none may."""
        patient = now - self._progress < self._patience
        behind = [source for source in self._sources.values() if source.catching_up and patient and now - source.since < _LONGEST_WAIT]
        due: int | None = None
        # Late lines wait as long as others: they may still be ordered among themselves.
        for source in self._sources.values():
            for chunk in reversed(source.chunks):
                if source.catching_up or now - chunk.arrived >= self._window or (len(self._sources) == 1):
                    due = chunk.keys[-1] if due is None else max(due, chunk.keys[-1])
                    break
        if due is None or not behind:
            return due
        reached = min(source.key for source in behind)
        return min(due, reached) if reached else None


def _sorted(out: LogLines, keys: array[int]) -> LogLines:
    """By key; lines of one key in the order of their sources, each source's in its own."""
    order = sorted(range(len(keys)), key=keys.__getitem__)
    lines, times, sources = out.lines, out.times, out.sources
    merged = LogLines()
    merged.lines = [lines[place] for place in order]
    merged.times = array("q", [times[place] for place in order])
    merged.sources = array("H", [sources[place] for place in order])
    if out.continued or out.notes:
        places = {old: new for new, old in enumerate(order)}
        merged.continued = {places[place] for place in out.continued}
        merged.notes = {places[place] for place in out.notes}
    return merged
