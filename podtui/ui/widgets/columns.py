"""Where columns stand in the cells of a line: narrowed, put in order, scrolled sideways."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

GUTTER = 2  # cells at the left: the cursor's bar and the mark
GAP, NARROW_GAP = 2, 1  # cells between columns, and where that brings all of them into view
WHOLE = 16  # a column of at most that many cells is shown whole or not at all: a part of an age or a number would be wrong
_LEAST_CUT = 12  # cells that are worth showing of a wider column


@dataclass(frozen=True)
class TableColumn:
    """A column: its key (reported by a click on the header), its title and its maximum width in cells.

    A `flexible` column shrinks, down to `least` cells, to keep the others in view; its text is cut in the middle, since names
    differ at their ends. A `frozen` column stays in view while the others scroll. One that was `asked` for comes right after
    the frozen one where not all have room.
    """

    key: str
    title: str
    widest: int = 60
    right: bool = False
    flexible: bool = False
    least: int = 12
    frozen: bool = False
    asked: bool = False


@dataclass(frozen=True)
class Place:
    """A column on the screen: its index, its width there, and how many cells of its text are scrolled out at the left."""

    index: int
    width: int
    skipped: int = 0


@dataclass(frozen=True)
class Arrangement:
    """The columns in `room` cells, scrolled to `position`: how many of those that are not frozen are scrolled out at the left, and
    how many cells of the next one. An illegal position is made legal."""

    columns: tuple[TableColumn, ...]
    widths: tuple[int, ...]
    room: int
    wanted: tuple[int, int] = (0, 0)

    @cached_property
    def gap(self) -> int:
        """The cells between two columns."""

        def fits(gap: int) -> bool:
            return _needed(fitted(self.columns, self.widths, self.room, gap), gap) <= self.room

        return NARROW_GAP if fits(NARROW_GAP) and not fits(GAP) else GAP

    @cached_property
    def fitted(self) -> list[int]:
        return fitted(self.columns, self.widths, self.room, self.gap)

    @cached_property
    def _order(self) -> list[int]:
        """All columns from left to right; with little room the frozen one, those before it and those that were asked for come first."""
        every = list(range(len(self.columns)))
        if self._needed(every) <= self.room:
            return every
        frozen = max((i for i in every if self.columns[i].frozen), default=-1)
        return sorted(every, key=lambda i: (i > frozen, i > frozen and not self.columns[i].asked))

    def _needed(self, indices: Sequence[int]) -> int:
        return _needed([self.fitted[i] for i in indices], self.gap)

    @cached_property
    def _scrolling(self) -> list[int]:
        return [i for i in self._order if not self.columns[i].frozen]

    def _left_at(self, count: int) -> list[int]:
        """The columns that remain when `count` are scrolled out."""
        gone = set(self._scrolling[:count])
        return [i for i in self._order if i not in gone]

    @cached_property
    def _most(self) -> int:
        """How many columns can be scrolled out: all that follow are in view then."""
        counts = range(len(self._scrolling))
        return next((n for n in counts if self._needed(self._left_at(n)) <= self.room), len(counts) - 1)

    @cached_property
    def position(self) -> tuple[int, int]:
        count, cells = self.wanted
        count = max(0, min(count, self._most))
        return count, max(0, min(cells, self._hidden_cells(count)))

    def _room(self, sign: bool) -> int:
        """The cells beside the frozen columns; `sign` is whether the last cell of the header is taken by the sign that there is more."""
        frozen = sum(self.fitted[i] + self.gap for i in self._order if self.columns[i].frozen)
        return self.room - sign - GUTTER - frozen

    def _hidden_cells(self, count: int) -> int:
        """How many cells of the first column that scrolls have no room."""
        if count >= len(self._scrolling):
            return 0
        first, room = self._scrolling[count], self._room(count < len(self._scrolling) - 1)
        return max(0, self.fitted[first] - room) if self._can_cut(first, room) else 0

    def _can_cut(self, i: int, room: int) -> bool:
        text = self.columns[i].flexible or self.fitted[i] > WHOLE
        return (text and room >= _LEAST_CUT) or room == self.room - GUTTER

    @cached_property
    def places(self) -> list[Place]:
        """The columns on the screen: the frozen ones, and the others as far as there is room."""
        count, cells = self.position
        there = self._left_at(count)
        left = self._room(self._needed(there) - cells > self.room)
        found: list[Place] = []
        for i in there:
            skipped = cells if [i] == self._scrolling[count : count + 1] else 0
            width = self.fitted[i] - skipped
            if self.columns[i].frozen:
                found.append(Place(i, min(width, self.room - GUTTER)))
            elif width <= left:
                found.append(Place(i, width, skipped))
                left -= width + self.gap
            else:
                if left > 0 and self._can_cut(i, left):
                    found.append(Place(i, left, skipped))
                left = -1  # what follows is out of view
        return found

    @property
    def more(self) -> tuple[bool, bool]:
        """Whether there is more at the left, and at the right."""
        count, cells = self.position
        last = self._order[-1] if self._order else -1
        whole = bool(self.places) and self.places[-1].index == last and self.places[-1].width + self.places[-1].skipped >= self.fitted[last]
        return (count, cells) != (0, 0), bool(self._order) and not whole

    def scrolled(self, direction: int) -> tuple[int, int]:
        """The position one step further to the right (1) or to the left (-1)."""
        count, cells = self.position
        step = max(8, self.room // 2)
        if direction > 0:
            if cells < self._hidden_cells(count):
                return count, cells + step
            return (count + 1, 0) if count < self._most else (count, cells)
        return (count, max(0, cells - step)) if cells else (max(0, count - 1), 0)

    @property
    def first(self) -> str:
        """The key of the first column that scrolls and is in view."""
        count = self.position[0]
        return self.columns[self._scrolling[count]].key if count < len(self._scrolling) else ""

    def position_of(self, key: str) -> int | None:
        """How many columns must be scrolled out for that one to be the first; None if it does not scroll."""
        return next((n for n, i in enumerate(self._scrolling) if self.columns[i].key == key), None)


def _needed(widths: Sequence[int], gap: int) -> int:
    return GUTTER + sum(widths) + gap * (len(widths) - 1)


def fitted(columns: Sequence[TableColumn], widths: Sequence[int], room: int, gap: int = GAP) -> list[int]:
    """The widths; if they exceed `room` cells, with the flexible columns narrowed, the widest first."""
    over = _needed(widths, gap) - room
    found = list(widths)
    for place in sorted((i for i in range(len(found)) if columns[i].flexible), key=lambda i: -widths[i]):
        less = min(max(0, over), max(0, found[place] - columns[place].least))
        found[place] -= less
        over -= less
    return found
