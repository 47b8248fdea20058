"""The number of lines and of errors over time, for a whole log buffer, counted in small steps."""

from __future__ import annotations

import time
from bisect import bisect_right
from collections import Counter
from typing import NamedTuple

from podtui.ui.logs.lines.buffer import Block, LogBuffer
from podtui.ui.logs.lines.levels import Level, find_level
from podtui.ui.logs.lines.text import shown
from podtui.ui.logs.lines.times import SECOND

_STEP = 256  # lines between looks at the clock
_LONGEST = 2000  # characters of a line to search for its level
_SIZES = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400)  # seconds of a bucket


class Bucket(NamedTuple):
    """A span of time: its start in seconds since the epoch, its size in seconds, the number of lines, and of errors among them."""

    begin: int
    size: int
    lines: int
    errors: int


class Histogram:
    """`count()` counts new lines, and subtracts those that the buffer has dropped."""

    def __init__(self, buffer: LogBuffer) -> None:
        self._buffer = buffer
        self._seen: dict[int, int] = {}  # by the first number of a block: the number of its lines seen
        self._lines: dict[int, Counter[int]] = {}  # likewise: lines by the second of their time
        self._errors: dict[int, Counter[int]] = {}
        self.done = False

    def count(self, seconds: float) -> bool:
        """Continue for about that many seconds; True if there is more to do. Newest lines first."""
        until = time.perf_counter() + seconds
        self._forget()
        for block in reversed(self._buffer.blocks):
            while self._seen.get(block.first, 0) < len(block):
                if time.perf_counter() > until:
                    self.done = False
                    return True
                self._look(block)
        self.done = True
        return False

    def _look(self, block: Block) -> None:
        start = self._seen.get(block.first, 0)
        end = min(len(block), start + _STEP)
        lines = self._lines.setdefault(block.first, Counter())
        errors = self._errors.setdefault(block.first, Counter())
        times = block.times
        for place, text in enumerate(block.lines(start)[: end - start], start):
            at = times[place] // SECOND
            # A remark is not a line, and the pieces of a long line are one.
            if not at or place in block.notes or place - 1 in block.continued:
                continue
            lines[at] += 1
            found = find_level(shown(text[:_LONGEST]))
            if found is not None and found.level >= Level.ERROR:
                errors[at] += 1
        self._seen[block.first] = end

    def _forget(self) -> None:
        if len(self._seen) > len(self._buffer.blocks):
            for first in [first for first in self._seen if first < self._buffer.first]:
                del self._seen[first]
                del self._lines[first]
                del self._errors[first]

    def buckets(self, most: int) -> list[Bucket]:
        """At most that many spans of one size, without gaps, from the first line to the last."""
        lines: Counter[int] = Counter()
        errors: Counter[int] = Counter()
        for counted in self._lines.values():
            lines.update(counted)
        for counted in self._errors.values():
            errors.update(counted)
        if not lines or most < 1:
            return []
        first, last = min(lines), max(lines)
        size = next((size for size in _SIZES if last // size - first // size < most), _SIZES[-1])
        while last // size - first // size >= most:
            size *= 2
        begin = first // size * size
        count = (last - begin) // size + 1
        sums, faults = [0] * count, [0] * count
        for at, number in lines.items():
            sums[(at - begin) // size] += number
        for at, number in errors.items():
            faults[(at - begin) // size] += number
        return [Bucket(begin + place * size, size, sums[place], faults[place]) for place in range(count)]


def bucket_at(buckets: list[Bucket], seconds: float) -> int:
    """The index of the bucket with a time, or of the nearest one."""
    return max(0, min(len(buckets) - 1, bisect_right(buckets, seconds, key=lambda bucket: bucket.begin) - 1))
