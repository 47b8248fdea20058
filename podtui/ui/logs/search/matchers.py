"""Matchers choose lines of a log: by a text or an expression, a filter on fields, sources, and combinations of these.

A matcher looks at no more than `step` lines of a block at a time, so that no look takes long.
"""

from __future__ import annotations

import inspect
import re
import signal
import threading
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import NamedTuple, Protocol

from podtui.ui.logs.lines.buffer import Block
from podtui.ui.logs.lines.text import Span, shown
from podtui.ui.logs.search.field_filter import FieldFilter

REGEX = "~"  # the first character of a pattern that is a regular expression
_SLOW_LINES = 5  # after this many slow lines an expression is abandoned
_LONG, _MARGIN = 4096, 1000  # characters of a text, and around its painted part
_LOOK, _PAINT = 0.015, 0.005  # seconds of CPU time for an expression in one look, and on one painted line


class TooSlow(Exception):
    """An expression exceeded its time limit."""


class _Watch:
    """The process's only timer that interrupts regular expressions: Python's `re` can take forever on a short text.

    `re` checks for signals while it works. The timer counts the process's CPU time (`ITIMER_VIRTUAL`), so that a busy machine does
    not shorten the limit. Nested limits have no effect.
    """

    def __init__(self) -> None:
        self.armed = False
        self._ready = False
        self._own = {inspect.unwrap(limited).__code__, _Watch.start.__code__, _Watch.stop.__code__}

    def _expired(self, number: int, frame: FrameType | None) -> None:
        """Raise TooSlow, but only out of podtui's own code that searches and out of `re`.

        Anywhere else it would do harm: in `stop` it would leave the timer running, which ends the process once Python has restored
        the default handler; in a finalizer, which the garbage collector may run at any time, it would be lost with a warning.
        """
        if not self.armed or frame is None or frame.f_code in self._own:
            return
        if frame.f_globals.get("__name__", "").partition(".")[0] in ("podtui", "re"):
            raise TooSlow

    def start(self, seconds: float) -> None:
        if not self._ready:
            signal.signal(signal.SIGVTALRM, self._expired)
            self._ready = True
        self.armed = True
        # Repeats: the first signal may arrive where nothing can be interrupted.
        signal.setitimer(signal.ITIMER_VIRTUAL, seconds, seconds)

    def stop(self) -> None:
        self.armed = False
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)


@contextmanager
def limited(seconds: float) -> Iterator[None]:
    """Raise TooSlow if the block takes more CPU seconds. Python handles signals only in the main thread: others have no limit."""
    if _watch.armed or threading.current_thread() is not threading.main_thread():
        yield
        return
    try:
        _watch.start(seconds)
        yield
    finally:
        _watch.stop()


_watch = _Watch()


class Places(NamedTuple):
    """The places of the chosen lines in a block, in order, and the first place not looked at."""

    found: list[int]
    reached: int


class Matcher(Protocol):
    """See the module."""

    @property
    def step(self) -> int: ...

    def places(self, block: Block, start: int, end: int) -> Places:
        """Look at the lines from `start` up to at most `end`; at one line at least."""
        ...

    def keeps(self, block: Block, place: int) -> bool:
        """Look at one line."""
        ...


class Pattern:
    """A search: a text, ignoring case, or after `~` a regular expression.

    An expression that takes too long on some lines is abandoned, and then finds nothing. Raises ValueError with a message for
    a person if the expression is invalid.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.regex = text.startswith(REGEX) and len(text) > 1
        self.slow = 0  # lines on which the expression took too long
        words = text[1:] if self.regex else text
        self.ascii = words.isascii()
        try:
            self._expression = re.compile(words if self.regex else re.escape(words), re.IGNORECASE | (re.ASCII if self.ascii else 0))
        except (re.error, OverflowError, RecursionError) as error:
            where = f" at {error.pos + 1}" if isinstance(error, re.error) and error.pos is not None else ""
            raise ValueError(f"not a regular expression: {getattr(error, 'msg', error)}{where}") from error
        self._lower = words.lower().encode()

    @property
    def step(self) -> int:
        return 256 if self.regex else 1024

    @property
    def given_up(self) -> bool:
        return self.slow >= _SLOW_LINES

    def spans(self, text: str, style: str, start: int = 0, end: int | None = None, offset: int = 0) -> list[Span]:
        """The matches in the shown part of a text, from `start` up to `end`, in characters plus `offset`.

        In a very long text it looks only near that part.
        """
        found: list[Span] = []
        if self.given_up:
            return found
        end = len(text) if end is None else end
        if len(text) > _LONG:
            text, begin = text[max(0, start - _MARGIN) : end + _MARGIN], max(0, start - _MARGIN)
        else:
            begin = 0
        try:
            with limited(_PAINT):
                for match in self._expression.finditer(text):
                    first, behind = match.start() + begin, match.end() + begin
                    if first >= end:
                        break
                    if behind > max(first, start):
                        found.append(Span(offset + first, offset + behind, style))
        except TooSlow:
            self.slow += self.regex
        return found

    def first(self, text: str) -> tuple[int, int] | None:
        """The first match in a shown text; None also if the expression takes too long."""
        try:
            with limited(_LOOK):
                match = None if self.given_up else self._expression.search(text)
                return match.span() if match is not None else None
        except TooSlow:
            self.slow += self.regex
            return None

    def places(self, block: Block, start: int, end: int) -> Places:
        """The places of the lines that match, as shown."""
        if end <= start or self.given_up:
            return Places([], end)
        if not self.regex and self.ascii:
            data = block.packed(start)
            if b"\x1b" not in data and b"\t" not in data and b"\r" not in data:
                return Places(self._quick(data, start, end), end)
        return self._look(block.lines(start)[: end - start], start)

    def keeps(self, block: Block, place: int) -> bool:
        return not self.given_up and bool(self._look([block.line(place)], place).found)

    def _look(self, lines: Sequence[str], start: int) -> Places:
        """Matches line by line, up to the time limit; skips a line that takes all of it by itself."""
        found: list[int] = []
        place = 0
        try:
            with limited(_LOOK):
                for place, line in enumerate(lines):
                    if self._expression.search(shown(line)) is not None:
                        found.append(start + place)
        except TooSlow:
            if found and found[-1] == start + place:
                return Places(found, start + place + 1)
            if place:
                return Places(found, start + place)
            self.slow += self.regex
            return Places([], start + 1)
        return Places(found, start + len(lines))

    def _quick(self, data: bytes, start: int, end: int) -> list[int]:
        """Searches a block of plain lines for plain text in one go; looks only at lines with a match."""
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


class Fields:
    """Lines whose fields satisfy a filter, and remarks between the lines."""

    step = 128

    def __init__(self, wanted: FieldFilter) -> None:
        self.filter = wanted

    def places(self, block: Block, start: int, end: int) -> Places:
        matches = self.filter.matches
        lines = block.lines(start)[: end - start]
        found = [place for place, line in enumerate(lines, start) if place in block.notes or matches(shown(line))]
        return Places(found, end)

    def keeps(self, block: Block, place: int) -> bool:
        return place in block.notes or self.filter.matches(shown(block.line(place)))


class Not:
    """The lines that a matcher does not choose."""

    def __init__(self, other: Matcher) -> None:
        self._other = other

    @property
    def step(self) -> int:
        return self._other.step

    def places(self, block: Block, start: int, end: int) -> Places:
        found, reached = self._other.places(block, start, end)
        left_out = set(found)
        return Places([place for place in range(start, reached) if place not in left_out], reached)

    def keeps(self, block: Block, place: int) -> bool:
        return not self._other.keeps(block, place)


class Without:
    """The lines of all sources except some."""

    step = 1024

    def __init__(self, sources: Collection[int]) -> None:
        self._sources = frozenset(sources)

    def places(self, block: Block, start: int, end: int) -> Places:
        hidden = self._sources
        return Places([place for place, source in enumerate(block.sources[start:end], start) if source not in hidden], end)

    def keeps(self, block: Block, place: int) -> bool:
        return block.sources[place] not in self._sources


class All:
    """The lines that all matchers choose; the fastest should come first."""

    def __init__(self, matchers: Sequence[Matcher]) -> None:
        self._first, *self._others = matchers

    @property
    def step(self) -> int:
        return min(128, self._first.step)

    def places(self, block: Block, start: int, end: int) -> Places:
        found, reached = self._first.places(block, start, end)
        return Places([place for place in found if all(other.keeps(block, place) for other in self._others)], reached)

    def keeps(self, block: Block, place: int) -> bool:
        return self._first.keeps(block, place) and all(other.keeps(block, place) for other in self._others)
