"""A search in a log's lines in small steps, so that a large buffer never blocks the screen."""

from __future__ import annotations

import time
from array import array
from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable

from podtui.ui.logs.lines.buffer import Block, LogBuffer
from podtui.ui.logs.search.matchers import Matcher


class Search:
    """The lines of a buffer that a matcher chooses, and `context` lines before and after each.

    `scan()` finds them step by step, newest first; at the end `done` is true. `count` is the number of all of them, `matching` that
    without the context and without podtui's own remarks.
    """

    def __init__(self, buffer: LogBuffer, matcher: Matcher, context: int = 0) -> None:
        self.matcher = matcher
        self.context = context
        self.count = 0
        self.matching = 0
        self.done = False
        self._buffer = buffer
        self._scanned: dict[int, int] = {}  # by the first number of a block: the number of its lines seen
        self._found: dict[int, array[int]] = {}  # likewise: the chosen places
        self._matched: dict[int, int] = {}  # likewise: how many lines the matcher chose
        self._firsts: list[int] = []  # of the blocks with chosen lines, in order
        self._owed: set[int] = set()  # numbers of future lines that will be context

    def scan(self, seconds: float) -> bool:
        """Continue for about that many seconds (at least one step); True if there is more to do."""
        until = time.perf_counter() + seconds
        self._forget()
        if self._owed and min(self._owed) < self._buffer.end:
            owed, self._owed = self._owed, set()
            self._merge(owed)
        for block in reversed(self._buffer.blocks):
            while self._scanned.get(block.first, 0) < len(block):
                if time.perf_counter() > until:
                    self.done = False
                    return True
                self._scan_block(block)
        self.done = True
        return False

    def _scan_block(self, block: Block) -> None:
        start = self._scanned.get(block.first, 0)
        end = min(len(block), start + self.matcher.step)
        found, reached = self.matcher.places(block, start, end)
        self._scanned[block.first] = reached
        if found:
            matching = len(found) - len(block.notes.intersection(found))
            self._matched[block.first] = self._matched.get(block.first, 0) + matching
            self.matching += matching
        if self.context:
            self._add_around(block.first + place for place in found)
        elif found:
            if block.first not in self._found:
                self._found[block.first] = array("I")
                insort(self._firsts, block.first)
            self._found[block.first].extend(found)
            self.count += len(found)

    def _add_around(self, numbers: Iterable[int]) -> None:
        wanted: set[int] = set()
        for number in numbers:
            wanted.update(range(number - self.context, number + self.context + 1))
        self._merge(wanted)

    def _merge(self, numbers: Iterable[int]) -> None:
        """Add lines anywhere in the buffer to the chosen ones."""
        by_block: dict[int, set[int]] = {}
        for number in numbers:
            if number >= self._buffer.end:
                self._owed.add(number)
            elif number >= self._buffer.first:
                first = self._buffer.block_of(number).first
                by_block.setdefault(first, set()).add(number - first)
        for first, places in by_block.items():
            if first not in self._found:
                self._found[first] = array("I")
                insort(self._firsts, first)
            before = self._found[first]
            after = array("I", sorted(places.union(before)))
            self._found[first] = after
            self.count += len(after) - len(before)

    def _forget(self) -> None:
        """Forget the lines that the buffer has dropped."""
        while self._firsts and self._firsts[0] < self._buffer.first:
            first = self._firsts.pop(0)
            self.count -= len(self._found.pop(first))
            self.matching -= self._matched.pop(first, 0)
        if len(self._scanned) > len(self._buffer.blocks):
            for first in [first for first in self._scanned if first < self._buffer.first]:
                del self._scanned[first]

    def chosen(self) -> dict[int, frozenset[int]]:
        """A copy of the places known to be chosen, by the first number of their block."""
        self._forget()
        return {first: frozenset(found) for first, found in self._found.items()}

    def has(self, number: int) -> bool:
        """Whether a line is known to be chosen."""
        return self.after(number - 1) == number

    def after(self, number: int) -> int | None:
        """The first line after `number` known to be chosen."""
        self._forget()
        place = max(0, bisect_right(self._firsts, number) - 1)
        for first in self._firsts[place:]:
            found = self._found[first]
            at = bisect_right(found, number - first) if number >= first else 0
            if at < len(found):
                return first + found[at]
        return None

    def before(self, number: int) -> int | None:
        """The last line before `number` known to be chosen."""
        self._forget()
        for place in range(bisect_left(self._firsts, number) - 1, -1, -1):
            first = self._firsts[place]
            found = self._found[first]
            at = bisect_left(found, number - first)
            if at:
                return first + found[at - 1]
        return None

    def rank(self, number: int) -> int:
        """The number of lines before `number` known to be chosen."""
        self._forget()
        place = bisect_left(self._firsts, number)
        count = sum(len(self._found[first]) for first in self._firsts[: max(0, place - 1)])
        if place:
            first = self._firsts[place - 1]
            count += bisect_left(self._found[first], number - first)
        return count
