"""A view of many lines that keep coming: follow, wrap, times, search. It knows nothing of where they come from.

However fast lines come it paints at most five times a second, and then only the rows that differ. Memory stays
within a limit: the oldest lines go, and the view says how many went.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip
from textual.timer import Timer
from textual.widget import Widget

from podtui.ui.themes import Palette, palette
from podtui.ui.widgets.log_buffer import LogBuffer
from podtui.ui.widgets.log_cursor import MatchCursor
from podtui.ui.widgets.log_names import SourceNames
from podtui.ui.widgets.log_search import Pattern
from podtui.ui.widgets.log_strips import paint_row, thumb_of
from podtui.ui.widgets.log_window import LogWindow, Row

PAINT = 0.2  # seconds between two paints while lines come
SCAN = 0.008  # seconds that a search may take at a time
WHEEL = 3  # rows
BAR = 1  # cells of the scroll bar at the right
_STRIPS = 400


class LogView(Widget, can_focus=True):
    """See the module. Its owner binds keys to the methods and hears `Changed`."""

    DEFAULT_CSS = """
    LogView { height: 1fr; background: $surface; color: $foreground; }
    """

    class Changed(Message):
        """Counts, position, following or the search changed: at most five times a second while lines come."""

        def __init__(self, view: LogView) -> None:
            super().__init__()
            self.view = view

        @property
        def control(self) -> LogView:
            return self.view

        def can_replace(self, message: Message) -> bool:
            return isinstance(message, LogView.Changed)

    def __init__(self, limit: int = 32 << 20, *, times: bool = False, wrap: bool = False, id: str | None = None) -> None:
        """`limit` is in bytes."""
        super().__init__(id=id)
        self.buffer = LogBuffer(limit)
        self._window = LogWindow(self.buffer)
        self._window.times, self._window.wrap = times, wrap
        self._cursor = MatchCursor(self._window)
        self._empty: tuple[str, ...] = ()
        self._rows: list[Row] = []
        self._thumb = (0, 0)
        self._painted: dict[Row, list[Segment]] = {}
        self._styles: tuple[Style, Palette, Segment, Segment, Segment] | None = None
        self._timer: Timer | None = None
        self._scanner: Timer | None = None
        self._updated = 0.0

    # -- lines ----------------------------------------------------------------------------------------------------

    def append(
        self,
        lines: Sequence[str],
        continued: Collection[int] = (),
        *,
        times: Sequence[int] | None = None,
        sources: Sequence[int] | int = 0,
        notes: Collection[int] = (),
    ) -> None:
        """Add lines at the end, as `LogBuffer.append` takes them."""
        self.buffer.append(lines, continued, times=times, sources=sources, notes=notes)
        self._later()

    def set_names(self, names: SourceNames) -> None:
        """What stands before each line for its source."""
        self._window.set_names(names)
        self._again()

    def clear(self) -> None:
        """Forget every line. Following and the search stay."""
        self.buffer.clear()
        self._window.forget()
        self._window.top = Row(0, 0)
        self._cursor.left = 0
        self._cursor.again()
        self._cursor.line = None
        self._again()

    def set_empty(self, *lines: str) -> None:
        """What stands in the place of lines while there are none."""
        if lines != self._empty:
            self._empty = lines
            if not self._rows:
                self.refresh()

    # -- what the owner shows -------------------------------------------------------------------------------------

    @property
    def following(self) -> bool:
        return self._window.following

    @property
    def wrap(self) -> bool:
        return self._window.wrap

    @property
    def times(self) -> bool:
        return self._window.times

    @property
    def only_matches(self) -> bool:
        return self._window.only is not None

    @property
    def dropped(self) -> int:
        """How many of the oldest lines went since the last `clear()`."""
        return self.buffer.first

    @property
    def column(self) -> int:
        """The first column in view, counted from 0."""
        return self._cursor.left

    @property
    def below(self) -> int:
        """How many lines are below the window."""
        if not self._rows:
            return 0
        return max(0, self._window.count() - self._window.rank(self._rows[-1].line) - 1)

    @property
    def pattern(self) -> Pattern | None:
        return self._cursor.pattern

    @property
    def matches(self) -> tuple[int, int, bool]:
        """The current match counted from 1 (0: none), the number of lines that match, whether all lines were looked at."""
        return self._cursor.place

    # -- following and scrolling ----------------------------------------------------------------------------------

    def follow(self, following: bool) -> None:
        """Stay at the end, or stand still."""
        self._window.following = following
        self._sync()

    def scroll_rows(self, rows: int) -> None:
        """Down, or up with a negative number; up ends following."""
        self._window.move(rows)
        self._sync()

    def scroll_page(self, direction: int) -> None:
        self.scroll_rows(direction * max(1, self._window.height - 1))

    def to_first(self) -> None:
        self._window.to_first()
        self._sync()

    def to_last(self) -> None:
        """To the end, and follow."""
        self.follow(True)

    def scroll_columns(self, direction: int) -> None:
        """A quarter of the width to the right (1) or left (-1), up to the widest line in view."""
        if self._cursor.scroll_columns(direction, self._rows):
            self._again()

    def set_wrap(self, wrap: bool) -> None:
        self._cursor.left = 0
        self._window.set_wrap(wrap)
        self._again()

    def set_times(self, times: bool) -> None:
        self._window.set_times(times)
        self._again()

    # -- searching ------------------------------------------------------------------------------------------------

    def search(self, text: str) -> None:
        """Mark what matches and go to a match: one in view, else the newest above, else the first below.

        ValueError, with words for a person, when an expression is wrong. "" ends the search.
        """
        self._cursor.look(Pattern(text) if text else None)
        self._again()

    def set_only_matches(self, only: bool) -> None:
        """Show only the lines that match, if there is a search."""
        self._cursor.set_only(only, self._rows)
        self._again()

    def next_match(self, direction: int = 1) -> str:
        """To the next match below (1) or above (-1); a word about it if it is not as usual ("" otherwise)."""
        word = self._cursor.go(direction, self._rows)
        self._again()
        return word

    # -- bringing the screen up to date -----------------------------------------------------------------------------

    def on_mount(self) -> None:
        self._later()

    def on_resize(self) -> None:
        self._window.resize(max(1, self.size.width - BAR), max(1, self.size.height))
        self._again()

    def _later(self) -> None:
        """Soon, but not too often."""
        if self._timer is None and self.is_attached:
            self._timer = self.set_timer(max(0.001, PAINT - (time.monotonic() - self._updated)), self._due)

    def _due(self) -> None:
        self._timer = None
        self._updated = time.monotonic()
        self._scan()
        self._sync()

    def _scan(self) -> None:
        """A step of the search; the rest later, so that keys and other work come between."""
        self._scanner = None
        cursor = self._cursor
        if cursor.search is None:
            return
        if cursor.search.scan(SCAN):
            self._scanner = self.set_timer(SCAN, self._scan_on)
        if cursor.seek(self._rows):
            self._painted.clear()
            self._sync(anew=True)

    def _scan_on(self) -> None:
        self._scan()
        if self._scanner is None or time.monotonic() - self._updated > PAINT:
            self._updated = time.monotonic()
            self._sync()

    def _again(self) -> None:
        """Everything may look different."""
        self._painted.clear()
        self._sync(anew=True)
        if self._scanner is None and self.is_attached:
            self._scan()

    def _sync(self, *, anew: bool = False) -> None:
        """Paint the rows that differ from what is on the screen."""
        if not self.is_attached:
            return
        before, self._rows = self._rows, self._window.rows()
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
        self.post_message(self.Changed(self))

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
                cursor = self._cursor
                strip = paint_row(self._window, row, styles, base, cursor.left, cursor.pattern, row.line == cursor.line)
                self._painted[row] = strip
        else:
            strip = list(self._blank(y, width))
        cell = _bar_cell(self._thumb, y)
        return Strip([*strip, nothing if cell is None else thumb if cell else track], width + BAR)

    def _blank(self, y: int, width: int) -> Strip:
        base, styles, *_ = self._styles or self._look_up()
        if self._rows or not 0 <= y - 1 < len(self._empty):
            return Strip.blank(width, base)
        style = base + styles["dim"]
        return Strip([Segment(f" {self._empty[y - 1]}", style)]).crop_extend(0, width, base)

    def notify_style_update(self) -> None:
        """Another theme, or the focus came or went: strips hold colours."""
        super().notify_style_update()
        self._painted.clear()
        self._styles = None

    # -- the mouse ------------------------------------------------------------------------------------------------

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        event.stop()
        if event.shift:
            self.scroll_columns(1)
        else:
            self.scroll_rows(WHEEL)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        event.stop()
        if event.shift:
            self.scroll_columns(-1)
        else:
            self.scroll_rows(-WHEEL)

    def on_mouse_down(self, event: events.MouseDown) -> None:
        if self._thumb[1] and event.x >= self.size.width - BAR:
            self.capture_mouse()
            self._drag(event.y)

    def on_mouse_move(self, event: events.MouseMove) -> None:
        if self.app.mouse_captured is self:
            self._drag(event.y)

    def on_mouse_up(self) -> None:
        if self.app.mouse_captured is self:
            self.release_mouse()

    def _drag(self, y: int) -> None:
        self._window.to_share(y / max(1, self.size.height - 1))
        self._sync()


def _bar_cell(thumb: tuple[int, int], y: int) -> bool | None:
    """Whether a row of the scroll bar is in the thumb; None where there is no bar."""
    start, size = thumb
    return start <= y < start + size if size else None
