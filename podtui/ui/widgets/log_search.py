"""A search in a log's lines that goes on in small steps, so that a big buffer never blocks the screen."""

from __future__ import annotations

import re
import time
from array import array
from bisect import bisect_left, bisect_right, insort

from podtui.ui.widgets.log_buffer import Block, LogBuffer
from podtui.ui.widgets.log_text import Span, shown

REGEX = "~"  # the first character of a pattern that is a regular expression


class Pattern:
    """What is searched for: a text in which case does not count, or behind `~` a regular expression.

    Raises ValueError with words for a person when the expression is none.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.regex = text.startswith(REGEX) and len(text) > 1
        words = text[1:] if self.regex else text
        self.ascii = words.isascii()
        try:
            self._expression = re.compile(words if self.regex else re.escape(words), re.IGNORECASE | (re.ASCII if self.ascii else 0))
        except re.error as error:
            raise ValueError(f"no regular expression: {error.msg}" + ("" if error.pos is None else f" at {error.pos + 1}")) from error
        self._lower = words.lower().encode()

    def matches(self, text: str) -> bool:
        return self._expression.search(text) is not None

    def spans(self, text: str, style: str, offset: int = 0) -> list[Span]:
        """Where it is found in a text, counted from `offset` characters before it."""
        found = (match.span() for match in self._expression.finditer(text))
        return [Span(offset + start, offset + end, style) for start, end in found if end > start]

    def places(self, block: Block, start: int, end: int) -> list[int]:
        """The places of the lines from `start` up to `end` of a block that match as they are shown."""
        if end <= start:
            return []
        if not self.regex and self.ascii:
            data = block.packed(start)
            if b"\x1b" not in data and b"\t" not in data:
                return self._quick(data, start, end)
        return [start + place for place, line in enumerate(block.lines(start)[: end - start]) if self.matches(shown(line))]

    def _quick(self, data: bytes, start: int, end: int) -> list[int]:
        """Plain text in plain lines is found in the whole block at once; only lines with a find are looked at."""
        lower, wanted = data.lower(), self._lower
        found: list[int] = []
        place, line_start = start, 0
        at = lower.find(wanted)
        while at >= 0:
            place += lower.count(b"\n", line_start, at)
            line_end = lower.find(b"\n", at)
            if place >= end:
                break
            found.append(place)
            if line_end < 0:
                break
            at = lower.find(wanted, line_end)
            place, line_start = place + 1, line_end + 1
        return found


class Search:
    """The lines of a buffer that match. `scan()` finds them bit by bit, the newest first; then `done` is true."""

    def __init__(self, buffer: LogBuffer, pattern: Pattern) -> None:
        self.pattern = pattern
        self.count = 0
        self.done = False
        self._buffer = buffer
        self._scanned: dict[int, int] = {}  # by the first number of a block: how many of its lines were looked at
        self._found: dict[int, array[int]] = {}  # likewise: the places that match
        self._firsts: list[int] = []  # of the blocks with matches, in order

    def scan(self, seconds: float) -> bool:
        """Go on for about so long (at least one block); True when there is more to do."""
        until = time.perf_counter() + seconds
        self._forget()
        for block in reversed(self._buffer.blocks):
            if self._scanned.get(block.first, 0) < len(block):
                if time.perf_counter() > until:
                    self.done = False
                    return True
                self._scan_block(block)
        self.done = True
        return False

    def _scan_block(self, block: Block) -> None:
        start, end = self._scanned.get(block.first, 0), len(block)
        places = self.pattern.places(block, start, end)
        self._scanned[block.first] = end
        if places:
            if block.first not in self._found:
                self._found[block.first] = array("I")
                insort(self._firsts, block.first)
            self._found[block.first].extend(places)
            self.count += len(places)

    def _forget(self) -> None:
        """What the buffer has dropped is found no more."""
        while self._firsts and self._firsts[0] < self._buffer.first:
            self.count -= len(self._found.pop(self._firsts.pop(0)))
        if len(self._scanned) > len(self._buffer.blocks):
            for first in [first for first in self._scanned if first < self._buffer.first]:
                del self._scanned[first]

    def after(self, number: int) -> int | None:
        """The first line behind `number` that is known to match."""
        self._forget()
        place = max(0, bisect_right(self._firsts, number) - 1)
        for first in self._firsts[place:]:
            found = self._found[first]
            at = bisect_right(found, number - first) if number >= first else 0
            if at < len(found):
                return first + found[at]
        return None

    def before(self, number: int) -> int | None:
        """The last line before `number` that is known to match."""
        self._forget()
        for place in range(bisect_left(self._firsts, number) - 1, -1, -1):
            first = self._firsts[place]
            found = self._found[first]
            at = bisect_left(found, number - first)
            if at:
                return first + found[at - 1]
        return None

    def rank(self, number: int) -> int:
        """How many lines before `number` are known to match."""
        self._forget()
        place = bisect_left(self._firsts, number)
        count = sum(len(self._found[first]) for first in self._firsts[: max(0, place - 1)])
        if place:
            first = self._firsts[place - 1]
            count += bisect_left(self._found[first], number - first)
        return count
