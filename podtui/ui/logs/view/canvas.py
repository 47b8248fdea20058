"""The rows of a log window on the screen: what differs is painted, nothing else, beside a scroll bar of one column."""

from __future__ import annotations

from rich.segment import Segment
from rich.style import Style
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from podtui.ui.logs.lines.buffer import LogBuffer
from podtui.ui.logs.view.marks import Marks, Selection
from podtui.ui.logs.view.match_cursor import MatchCursor
from podtui.ui.logs.view.strips import GUTTER, Paint, Signs, paint_row, thumb_of
from podtui.ui.logs.view.window import LogWindow, Row
from podtui.ui.themes import Palette, palette

BAR = 1  # cells of the scroll bar at the right
_STRIPS = 400


class LogCanvas(Widget):
    """Shows a window on a buffer, with a search's matches, the marks and the selection. `_sync()` brings the screen up to date."""

    def __init__(self, limit: int, *, id: str | None = None) -> None:
        """`limit` is in bytes."""
        super().__init__(id=id)
        self.buffer = LogBuffer(limit)
        self.marks = Marks()
        self.selection: Selection | None = None
        self._window = LogWindow(self.buffer)
        self._cursor = MatchCursor(self._window)
        self._empty: tuple[str, ...] = ()
        self._rows: list[Row] = []
        self._head: int | None = None  # the line that says how many were dropped
        self._thumb = (0, 0)
        self._painted: dict[Row, list[Segment]] = {}
        self._styles: tuple[Style, Palette, Segment, Segment, Segment] | None = None

    @property
    def below(self) -> int:
        """How many lines are below the window."""
        if not self._rows:
            return 0
        return max(0, self._window.count() - self._window.rank(self._rows[-1].line) - 1)

    # -- bringing the screen up to date -----------------------------------------------------------------------------

    def _sync(self, *, anew: bool = False) -> None:
        """Paint the rows that differ from what is on the screen."""
        if not self.is_attached:
            return
        self.marks.forget_before(self.buffer.first)
        if self.selection is not None:
            self.selection.forget_before(self.buffer.first)
        before, self._rows = self._rows, self._window.rows()
        if self._head != self._window.head:
            self._head = self._window.head
            if self._rows and self._rows[0].line == self._head:  # what was a line of the log says now how many went
                self._painted.pop(self._rows[0], None)
                self.refresh(Region(0, 0, max(1, self.size.width - BAR), 1))
        if anew or bool(before) != bool(self._rows):
            self.refresh()
        else:
            changed = [y for y in range(max(len(before), len(self._rows))) if before[y : y + 1] != self._rows[y : y + 1]]
            if len(changed) > self.size.height * 3 // 4:
                self.refresh()
            else:
                width = max(1, self.size.width - BAR)
                for y in changed:
                    self.refresh(Region(0, y, width, 1))
        self._sync_bar()

    def _sync_bar(self) -> None:
        """Paint the cells of the scroll bar that differ: a line is written up to its end for each."""
        before, self._thumb = self._thumb, self._thumb_place()
        if before != self._thumb:
            for y in range(self.size.height):
                if _bar_cell(before, y) != _bar_cell(self._thumb, y):
                    self.refresh(Region(self.size.width - BAR, y, BAR, 1))

    def _thumb_place(self) -> tuple[int, int]:
        if not self._rows:
            return 0, 0
        above = self._window.rank(self._rows[0].line)
        if not above and not self.below and len(self._rows) < self.size.height:
            return 0, 0
        return thumb_of(self.size.height, above, self.below, self._window.count())

    # -- painting -------------------------------------------------------------------------------------------------

    def render_lines(self, crop: Region) -> list[Strip]:
        """The styles are looked up once for all lines: that costs more than a line itself."""
        self._styles = self._look_up()
        return super().render_lines(crop)

    def _look_up(self) -> tuple[Style, Palette, Segment, Segment, Segment]:
        base, styles = self.rich_style, palette(self.app)
        bar = base + styles["dim"]
        return base, styles, Segment("█", bar), Segment("│", bar), Segment(" ", base)

    def render_line(self, y: int) -> Strip:
        width = max(0, self.size.width - BAR)
        base, styles, thumb, track, nothing = self._styles = self._styles or self._look_up()
        if y < len(self._rows):
            row = self._rows[y]
            strip = self._painted.get(row)
            if strip is None:
                if len(self._painted) >= _STRIPS:
                    self._painted.clear()
                strip = paint_row(self._window, row, self._paint(base, styles), self._signs(row.line))
                self._painted[row] = strip
        else:
            strip = list(self._blank(y, width))
        cell = _bar_cell(self._thumb, y)
        return Strip([*strip, nothing if cell is None else thumb if cell else track], width + BAR)

    def _paint(self, base: Style, styles: Palette) -> Paint:
        return Paint(styles, base, self._cursor.left, self._cursor.pattern, not self.app.no_color)

    def _signs(self, line: int) -> Signs:
        selected = self.selection is not None and line in self.selection
        return Signs(line == self._cursor.line, line in self.marks, selected)

    def _blank(self, y: int, width: int) -> Strip:
        base, styles, *_ = self._styles or self._look_up()
        if self._rows or not 0 <= y - 1 < len(self._empty):
            return Strip.blank(width, base)
        style = base + styles["dim"]
        return Strip([Segment(" " * GUTTER + self._empty[y - 1], style)]).crop_extend(0, width, base)

    def notify_style_update(self) -> None:
        """Another theme, or the focus came or went: strips hold colours."""
        super().notify_style_update()
        self._painted.clear()
        self._styles = None


def _bar_cell(thumb: tuple[int, int], y: int) -> bool | None:
    """Whether a row of the scroll bar is in the thumb; None where there is no bar."""
    start, size = thumb
    return start <= y < start + size if size else None
