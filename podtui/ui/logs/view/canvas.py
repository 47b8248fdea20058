"""The rows of a log window on the screen, and a scroll bar of one column. Only what differs is painted."""

from __future__ import annotations

import textwrap
from itertools import pairwise
from typing import NamedTuple

from rich.segment import Segment
from rich.style import Style
from textual.geometry import Region, Size
from textual.strip import Strip

from podtui.ui.logs.lines.text import rows_of
from podtui.ui.logs.view.browser import LogBrowser
from podtui.ui.logs.view.strips import GUTTER, Paint, paint_row, thumb_of
from podtui.ui.logs.view.window import Row
from podtui.ui.themes import Palette

BAR = 1  # cells of the scroll bar at the right
_STRIPS = 400


class Brushes(NamedTuple):
    """The styles for all rows, looked up once, since a lookup costs more than painting a row."""

    base: Style
    styles: Palette
    thumb: Segment
    track: Segment
    nothing: Segment
    colours: bool

    @classmethod
    def of(cls, base: Style, styles: Palette, *, colours: bool) -> Brushes:
        """`colours` is whether to show the program's own colours."""
        bar = base + styles["dim"]
        return cls(base, styles, Segment("█", bar), Segment("│", bar), Segment(" ", base), colours)


class LogCanvas:
    """The rows on the screen, and the scroll bar beside them."""

    def __init__(self, browser: LogBrowser) -> None:
        self.thumb = (0, 0)  # of the scroll bar: its first row and its height
        self.empty: tuple[str, ...] = ()  # the text in place of lines while there are none
        self._browser = browser
        self._window = browser.window
        self._head: int | None = None  # the line that shows the number of dropped lines
        self._painted: dict[Row, list[Segment]] = {}

    def forget(self, row: Row | None = None) -> None:
        """Repaint the row, which looks different; None: every row."""
        if row is None:
            self._painted.clear()
        else:
            self._painted.pop(row, None)

    # -- updating ---------------------------------------------------------------------------------------------------

    def update(self, size: Size) -> list[Region] | None:
        """Take the current rows of the window; returns the regions where the screen differs, None for all of it."""
        before, self._browser.rows = self._browser.rows, self._window.rows()
        width = max(1, size.width - BAR)
        regions = [Region(size.width - BAR, y, BAR, 1) for y in self._bar_changes(size.height)]
        if self._head != self._window.head:
            self._head = self._window.head
            if (
                self._browser.rows and self._browser.rows[0].line == self._head
            ):  # a former line of the log now shows the number of dropped lines
                self.forget(self._browser.rows[0])
                regions.append(Region(0, 0, width, 1))
        changed = [y for y in range(max(len(before), len(self._browser.rows))) if before[y : y + 1] != self._browser.rows[y : y + 1]]
        if bool(before) != bool(self._browser.rows) or len(changed) > size.height * 3 // 4:
            return None
        return regions + [Region(0, y, width, 1) for y in changed]

    def _bar_changes(self, height: int) -> list[int]:
        """The rows of the scroll bar that differ; each costs writing a line to its end."""
        before, self.thumb = self.thumb, self._thumb_place(height)
        return [] if before == self.thumb else [y for y in range(height) if _bar_cell(before, y) != _bar_cell(self.thumb, y)]

    def _thumb_place(self, height: int) -> tuple[int, int]:
        if not self._browser.rows:
            return 0, 0
        above, below = self._window.rank(self._browser.rows[0].line), self._browser.below
        if not above and not below and len(self._browser.rows) < height:
            return 0, 0
        return thumb_of(height, above, below, self._window.count())

    # -- painting -------------------------------------------------------------------------------------------------

    def line(self, y: int, width: int, brushes: Brushes) -> Strip:
        """A line of the screen: `width` cells and the scroll bar."""
        if y < len(self._browser.rows):
            row = self._browser.rows[y]
            strip = self._painted.get(row)
            if strip is None:
                if len(self._painted) >= _STRIPS:
                    self._painted.clear()
                paint = Paint(brushes.styles, brushes.base, self._browser.cursor.left, self._browser.cursor.pattern, brushes.colours)
                strip = self._painted[row] = paint_row(self._window, row, paint, self._browser.signs(row.line))
        else:
            strip = list(self._blank(y, width, brushes))
        cell = _bar_cell(self.thumb, y)
        return Strip([*strip, brushes.nothing if cell is None else brushes.thumb if cell else brushes.track], width + BAR)

    def _blank(self, y: int, width: int, brushes: Brushes) -> Strip:
        base = brushes.base
        words = [] if self._browser.rows else [row for line in self.empty for row in _wrapped(line, max(1, width - 2 * GUTTER))]
        if not 0 <= y - 1 < len(words):
            return Strip.blank(width, base)
        text = " " * GUTTER + words[y - 1]
        return Strip([Segment(text, base + brushes.styles["dim"])]).crop_extend(0, width, base)


def _wrapped(text: str, width: int) -> list[str]:
    """The text in rows, between words where that is possible."""
    if text.isascii():
        return textwrap.wrap(text, width)
    return [text[start:end] for start, end in pairwise([*rows_of(text, width), len(text)])]


def _bar_cell(thumb: tuple[int, int], y: int) -> bool | None:
    """Whether a row of the scroll bar is in the thumb; None if there is no bar."""
    start, size = thumb
    return start <= y < start + size if size else None
