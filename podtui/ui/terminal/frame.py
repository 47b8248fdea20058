"""The cells that the terminal shows, so that podtui writes only those that differ.

Textual repaints whole regions: a partial update goes from a widget's left edge to the changed cell, and a scrolled list is
written in full. Over a slow link every byte counts, so podtui keeps the cells of the last frame and writes only differences.

This builds on two internal classes of Textual, LayoutUpdate and ChopsUpdate (the only two that a full-screen app writes);
anything else is passed on unchanged, and clears the kept cells.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any

from rich.cells import get_character_cell_size
from rich.console import Console
from rich.control import Control
from rich.segment import Segment
from rich.style import Style
from textual import strip as textual_strip
from textual._compositor import ChopsUpdate, CompositorUpdate, LayoutUpdate
from textual.strip import Strip

from podtui.text import MARKS, single_cells

Cell = tuple[str, Style | None]  # a wide character's second cell has no text

_GAP = 8  # unchanged cells that are cheaper to write than to jump over

_size = lru_cache(maxsize=8192)(get_character_cell_size)


class _KeptNothing:
    """The cache of all lines. Textual gives each line seven of its own, which take a kilobyte while they are empty, and 2 MB for a screen;
    to divide and crop a line anew costs no more than to create them."""

    def get(self, key: object, default: object = None) -> object:
        return default

    def __setitem__(self, key: object, value: object) -> None:
        pass


_KEPT_NOTHING = _KeptNothing()
textual_strip.FIFOCache = lambda maxsize: _KEPT_NOTHING  # type: ignore[assignment, attr-defined, return-value]


def cells_of(segments: Iterable[Segment]) -> list[Cell]:
    """The cells of a line of segments. Zero-width characters join the cell before them, as many as a script needs; none is a control
    character."""
    cells: list[Cell] = []
    for text, style, control in segments:
        if control:
            continue
        if not text.isprintable():
            text = single_cells(text)  # from a paste into an input: whatever comes from a cluster is harmless before
        if text.isascii():
            cells += map({character: (character, style) for character in set(text)}.__getitem__, text)  # equal cells are one object
            continue
        for character in text:
            size = _size(character)
            if size:
                cells.append((character, style))
                cells += [("", style)] * (size - 1)
            elif cells:
                at = len(cells) - 1
                while at and not cells[at][0]:
                    at -= 1
                if len(cells[at][0]) <= MARKS:  # more are drawn over other lines; a paste may hold them, too
                    cells[at] = (cells[at][0] + character, cells[at][1])
    return cells


class Changes(CompositorUpdate):
    """An update that is already rendered."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __rich_console__(self, console: Any, options: Any) -> Iterator[Segment]:
        yield Segment(self._text)

    def render_segments(self, console: Console) -> str:
        return self._text


class Frame:
    """The cells on the terminal, by line; an unknown line is written in full."""

    def __init__(self) -> None:
        self._lines: dict[int, list[Cell | None]] = {}
        self._size = (0, 0)

    def forget(self) -> None:
        """The terminal may show something else: write the next update in full."""
        self._lines.clear()

    def changes(self, update: CompositorUpdate, console: Console, size: tuple[int, int]) -> CompositorUpdate | None:
        """The update without the cells that the terminal shows already; None when nothing is left. `size` is the screen's, in cells."""
        if size != self._size:
            self._size = size
            self.forget()
        if isinstance(update, LayoutUpdate):
            lines = self._of_layout(update)
        elif isinstance(update, ChopsUpdate):
            lines = self._of_chops(update)
        else:
            self.forget()
            return update
        # A layout for a larger terminal would otherwise be written over the last line.
        text = "".join(self._line(console, y, x, cells) for y, x, cells in lines if y < size[1])
        return Changes(text) if text else None

    @staticmethod
    def _of_layout(update: LayoutUpdate) -> Iterator[tuple[int, int, list[Cell]]]:
        for y, strips in enumerate(update.strips, update.region.y):
            yield y, update.region.x, cells_of(segment for strip in strips for segment in strip)

    @staticmethod
    def _of_chops(update: ChopsUpdate) -> Iterator[tuple[int, int, list[Cell]]]:
        for y, x1, x2 in update.spans:
            for end, (x, strip) in zip(update.chop_ends[y], update.chops[y].items(), strict=False):
                if strip is None or x >= x2 or end <= x1:
                    continue
                first, last = max(x, x1), min(end, x2)
                cells = cells_of(strip)
                if first > x and first - x < len(cells) and not cells[first - x][0]:
                    first -= 1  # a wide character is written in full or not at all
                if last - x < len(cells) and not cells[last - x][0]:
                    last += 1
                yield y, first, cells[first - x : last - x]

    def _line(self, console: Console, y: int, x: int, cells: list[Cell]) -> str:
        width = self._size[0]
        cells = cells[: max(0, width - x)]
        known = self._lines.setdefault(y, [None] * width)
        written = []
        for start, end in self._runs(known[x : x + len(cells)], cells):
            run = cells[start:end]
            written.append(Control.move_to(x + start, y).segment.text)
            written.append(Strip(_segments(run), len(run)).render(console))
        known[x : x + len(cells)] = cells
        return "".join(written)

    @staticmethod
    def _runs(known: list[Cell | None], cells: list[Cell]) -> list[tuple[int, int]]:
        """The spans in which the two differ, with small gaps filled and wide characters kept whole."""
        if known == cells:
            return []
        runs: list[tuple[int, int]] = []
        for at, (old, new) in enumerate(zip(known, cells, strict=True)):
            if old == new:
                continue
            if runs and at - runs[-1][1] <= _GAP:
                runs[-1] = (runs[-1][0], at + 1)
            else:
                runs.append((at, at + 1))
        whole: list[tuple[int, int]] = []
        for start, end in runs:
            # Half of a wide character cannot be written, and overwriting one half deletes the other.
            while start > 0 and (not cells[start][0] or (known[start] or " ")[0] == ""):
                start -= 1
            while end < len(cells) and (not cells[end][0] or (known[end] or " ")[0] == ""):
                end += 1
            if whole and start <= whole[-1][1]:
                whole[-1] = (whole[-1][0], end)
            else:
                whole.append((start, end))
        return whole


def _segments(cells: list[Cell]) -> list[Segment]:
    """The cells as segments, one for each run of one style."""
    segments: list[Segment] = []
    text, last = "", None
    for character, style in cells:
        if style != last and text:
            segments.append(Segment(text, last))
            text = ""
        text += character
        last = style
    if text:
        segments.append(Segment(text, last))
    return segments
