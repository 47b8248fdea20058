"""Lines that the reader marked, and lines selected to copy or save."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterator
from dataclasses import dataclass

from podtui.ui.logs.view.window import LogWindow, Row


class Marks:
    """Numbers of the marked lines, in order; marks of dropped lines are forgotten."""

    def __init__(self) -> None:
        self.current: int | None = None  # the mark that the reader went to
        self._lines: list[int] = []

    def __len__(self) -> int:
        return len(self._lines)

    def __contains__(self, line: int) -> bool:
        place = bisect_left(self._lines, line)
        return place < len(self._lines) and self._lines[place] == line

    def toggle(self, line: int) -> bool:
        """Mark a line or remove its mark; True if it is marked now."""
        if line in self:
            self._lines.remove(line)
            return False
        insort(self._lines, line)
        return True

    def next(self, line: int, direction: int) -> int | None:
        """The nearest marked line below (1) or above (-1); wraps around at the ends."""
        if not self._lines:
            return None
        place = bisect_right(self._lines, line) if direction > 0 else bisect_left(self._lines, line) - 1
        return self._lines[place % len(self._lines)]

    def forget_before(self, first: int) -> None:
        del self._lines[: bisect_left(self._lines, first)]

    def clear(self) -> None:
        self._lines.clear()


@dataclass
class Selection:
    """The lines from `start` to `end`, both included; `end` moves."""

    start: int
    end: int

    def __contains__(self, line: int) -> bool:
        return min(self.start, self.end) <= line <= max(self.start, self.end)

    def lines(self, window: LogWindow) -> Iterator[int]:
        """The selected lines that are shown, in order."""
        first = min(self.start, self.end)
        line: int | None = first
        if window.only is not None and not window.only.has(first):
            line = window.after(first)
        while line is not None and line <= max(self.start, self.end):
            if line >= window.buffer.first:
                yield line
            line = window.after(line)

    def places(self, window: LogWindow) -> dict[int, frozenset[int]]:
        """The selected lines that are shown, as places by the first number of their block."""
        found: dict[int, list[int]] = {}
        for line in self.lines(window):
            first = window.buffer.block_of(line).first
            found.setdefault(first, []).append(line - first)
        return {first: frozenset(places) for first, places in found.items()}

    def move(self, window: LogWindow, lines: int) -> None:
        """Move the end by that many shown lines, down or (negative) up, and bring it into view."""
        for _ in range(abs(lines)):
            beyond = window.after(self.end) if lines > 0 else window.before(self.end)
            if beyond is None or beyond < window.buffer.first:
                break
            self.end = beyond
        window.to_line(self.end)

    def forget_before(self, first: int) -> None:
        """Forget lines that the buffer has dropped."""
        self.start, self.end = max(first, self.start), max(first, self.end)


def here(window: LogWindow, rows: list[Row], match: int | None) -> int | None:
    """The line that a key applies to: the current match if in view, the last line while following, otherwise the first line
    in view. None if there is no line."""
    lines = [row.line for row in rows if row.line >= window.buffer.first]
    if not lines:
        return None
    if match is not None and match in lines:
        return match
    return lines[-1] if window.following else lines[0]
