"""A view of a stream of many lines: follow, wrap, times, search. It knows nothing about their origin.

However fast lines arrive, it paints at most five times a second, and only the rows that differ. Memory stays within a
limit: the oldest lines are dropped, and the view shows their number.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence

from textual import events
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip
from textual.timer import Timer
from textual.widget import Widget

from podtui.text import harmless
from podtui.ui.logs.lines.buffer import LogBuffer
from podtui.ui.logs.lines.layout import Columns, Records, learn
from podtui.ui.logs.lines.text import shown
from podtui.ui.logs.lines.times import Times
from podtui.ui.logs.search.field_filter import FieldFilter
from podtui.ui.logs.search.matchers import Pattern
from podtui.ui.logs.view.canvas import BAR, Brushes, LogCanvas
from podtui.ui.logs.view.choice import LineChoice, Matches
from podtui.ui.logs.view.marks import Marks, Selection, here
from podtui.ui.logs.view.match_cursor import MatchCursor
from podtui.ui.logs.view.scanner import Scanner
from podtui.ui.logs.view.source_names import SourceNames
from podtui.ui.logs.view.strips import GUTTER, Signs
from podtui.ui.logs.view.window import LogWindow, Row
from podtui.ui.themes import palette

PAINT = 0.2  # seconds between paints while lines arrive
WHEEL = 3  # rows
TICK = 1.0  # seconds between updates of relative times
_LONGEST_SAMPLE = 4000  # characters
_SAMPLE = 300  # lines that determine the columns


class LogView(Widget, can_focus=True):
    """See the module. Its owner binds keys to the methods and receives `Changed`.

    The window determines the rows in view, the choice the lines to show, and the cursor the current match; the scanner continues
    the searches, and the canvas paints. The view keeps them in step.
    """

    DEFAULT_CSS = """
    LogView { height: 1fr; background: $surface; color: $foreground; }
    """

    class Changed(Message):
        """Counts, position, following or the search changed: at most five times a second while lines arrive."""

        def __init__(self, view: LogView) -> None:
            super().__init__()
            self.view = view

        @property
        def control(self) -> LogView:
            return self.view

        def can_replace(self, message: Message) -> bool:
            return isinstance(message, LogView.Changed)

    class AtTop(Message):
        """The user scrolls up beyond the oldest line."""

    def __init__(self, limit: int = 32 << 20, *, times: Times = "off", wrap: bool = False, id: str | None = None) -> None:
        """`limit` is in bytes."""
        super().__init__(id=id)
        self.buffer = LogBuffer(limit)
        self.marks = Marks()
        self.selection: Selection | None = None
        self._window = LogWindow(self.buffer)
        self._window.look.times, self._window.wrap = times, wrap
        self._cursor = MatchCursor(self._window)
        self._choice = LineChoice(self._window, self._cursor)
        self._scanner = Scanner(self, self._window, self._cursor, self._scan_on)
        self._canvas = LogCanvas(self._window, self._cursor, self._signs)
        self._brushes: Brushes | None = None
        self._timer: Timer | None = None
        self._ticker: Timer | None = None
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

    def append_stamped(self, data: bytes, source: int = 0) -> None:
        """Add lines at the end, as `LogBuffer.append_stamped` takes them."""
        self.buffer.append_stamped(data, source)
        self._later()

    def prepend(self, lines: Sequence[str], continued: Collection[int], times: Sequence[int], source: int = 0) -> int:
        """Add older lines before all others, as `LogBuffer.prepend` takes them; the lines in view stay there."""
        count = self.buffer.prepend(lines, continued, times=times, source=source)
        self._window.following = False
        self._window.forget()
        self._again()
        return count

    def set_names(self, names: SourceNames) -> None:
        """Show the name of the source before each line."""
        self._window.set_names(names)
        self._again()

    def clear(self) -> None:
        """Remove all lines. Following and the search stay."""
        self.buffer.clear()
        self._window.forget()
        self._window.top = Row(0, 0)
        self._cursor.left = 0
        self._cursor.line = self.selection = None
        self.marks.clear()
        self._cursor.again()
        self._choose()

    def set_empty(self, *lines: str) -> None:
        """Show this text while there are no lines, wrapped."""
        lines = tuple(map(harmless, lines))
        if lines != self._canvas.empty:
            self._canvas.empty = lines
            if not self._canvas.rows:
                self.refresh()

    # -- state for the owner --------------------------------------------------------------------------------------

    @property
    def following(self) -> bool:
        return self._window.following

    @property
    def wrap(self) -> bool:
        return self._window.wrap

    @property
    def times(self) -> Times:
        return self._window.look.times

    @property
    def records(self) -> Records:
        return self._window.look.records

    @property
    def columns(self) -> Columns:
        """The columns of records; empty unless records are shown in columns."""
        return self._window.look.columns if self.records == "columns" else Columns()

    @property
    def shown_matches(self) -> Matches:
        """The lines that a search shows: all, only matching ones, or only others."""
        return self._choice.matches if self.pattern is not None else "all"

    @property
    def context(self) -> int:
        """The number of lines shown around each chosen line."""
        return self._choice.context

    @property
    def fields(self) -> FieldFilter | None:
        return self._choice.fields

    @property
    def hidden(self) -> frozenset[int]:
        """The numbers of the hidden sources."""
        return self._choice.hidden

    @property
    def chosen(self) -> tuple[int, bool] | None:
        """The number of lines that a filter or a search chooses (without those shown around them), and whether it is final; None when
        every line is shown."""
        only = self._window.only
        return None if only is None else (only.matching, only.done)

    async def choosing_done(self) -> None:
        """Wait until the shown lines are known."""
        await self._scanner.done.wait()

    @property
    def below(self) -> int:
        """The number of lines below the window."""
        return self._canvas.below

    @property
    def dropped(self) -> int:
        """The number of old lines dropped since the last `clear()`."""
        return self.buffer.dropped

    @property
    def column(self) -> int:
        """The first column in view, counted from 0."""
        return self._cursor.left

    @property
    def pattern(self) -> Pattern | None:
        return self._cursor.pattern

    @property
    def matches(self) -> tuple[int, int, bool]:
        """The current match counted from 1 (0: none), the number of matching lines, and whether the search is complete."""
        return self._cursor.place

    # -- following and scrolling ----------------------------------------------------------------------------------

    def follow(self, following: bool) -> None:
        """Set whether to stay at the end as lines arrive."""
        self._window.following = following
        self._sync()

    def scroll_rows(self, rows: int) -> None:
        """Scroll down, or (negative) up, which ends following. While lines are selected, move the end of the selection instead."""
        if self.selection is not None:
            self.selection.move(self._window, rows)
            self._again()
            return
        before = self._window.top
        self._window.move(rows)
        self._sync()
        if rows < 0 and self._window.top == before:
            self._ask_for_older()

    def _ask_for_older(self) -> None:
        if len(self.buffer):
            self.post_message(self.AtTop())

    def scroll_page(self, direction: int) -> None:
        self.scroll_rows(direction * max(1, self._window.height - 1))

    def to_first(self) -> None:
        self._window.to_first()
        if self.selection is not None:
            first = self._window.after(self.buffer.first - 1)
            self.selection.end = self.selection.end if first is None else first
            self._canvas.forget()
        self._ask_for_older()
        self._sync()

    def to_last(self) -> None:
        """Go to the end, and follow it."""
        last = self._window.last()
        if self.selection is not None and last is not None:
            self.selection.end = last
            self._window.to_line(last)
            self._again()
            return
        self.follow(True)

    def scroll_columns(self, direction: int) -> None:
        """Scroll a quarter of the width to the right (1) or left (-1), up to the widest line in view."""
        if self._cursor.scroll_columns(direction, self._canvas.rows):
            self._again()

    def set_wrap(self, wrap: bool) -> None:
        self._cursor.left = 0
        self._window.set_wrap(wrap)
        self._again()

    def set_times(self, times: Times) -> None:
        self._window.set_times(times)
        self._tick_or_not()
        self._again()

    def set_records(self, records: Records) -> None:
        """Show records (JSON, logfmt, klog) as they are, in columns or indented. The columns suit the lines around the view."""
        columns = Columns()
        if records == "columns":
            columns = learn(shown(line) for line in self.sample(_SAMPLE))
        self._cursor.left = 0
        self._window.set_records(records, columns)
        self._again()

    def sample(self, most: int) -> list[str]:
        """Up to `_SAMPLE` lines around the view, each cut to `_LONGEST_SAMPLE` characters."""
        buffer = self.buffer
        last = self._canvas.rows[-1].line if self._canvas.rows else buffer.end - 1
        end = min(buffer.end, last + most // 2)
        return [buffer.line(number)[:_LONGEST_SAMPLE] for number in range(max(buffer.first, end - most), end)]

    def over(self, header: str) -> str:
        """The header of the columns, aligned and cut like the first line in view."""
        body = " " * next((self._window.body(row.line) for row in self._canvas.rows if row.line >= self.buffer.first), 0)
        return " " * GUTTER + (body + header)[self._cursor.left :]

    # -- searching ------------------------------------------------------------------------------------------------

    def search(self, text: str) -> None:
        """Highlight the matches and go to one: in view, else the newest above, else the first below.

        "" ends the search. Raises ValueError with a message for a person if the expression is invalid.
        """
        self._cursor.look(Pattern(text) if text else None)
        self._choose()

    def end_search(self) -> None:
        """End the search, and show the lines that it alone had hidden."""
        self._choice.matches = "all"
        self.search("")

    def show_matches(self, matches: Matches) -> None:
        """With a search, show all lines, only matching ones, or only others."""
        self._choice.matches = matches
        self._choose()

    def set_context(self, lines: int) -> None:
        """Show that many lines around each line that a filter or a search chooses."""
        self._choice.context = lines
        self._choose()

    def set_fields(self, fields: FieldFilter | None) -> None:
        """Show only lines whose fields satisfy the filter."""
        self._choice.fields = fields
        self._choose()

    def hide(self, sources: Collection[int]) -> None:
        """Hide the lines of these sources, and show all others."""
        self._choice.hidden = frozenset(sources)
        self._choose()

    def _choose(self) -> None:
        self._choice.apply(self._canvas.rows)
        self._canvas.forget()
        self._scan()
        self._sync(anew=True)

    @property
    def place(self) -> tuple[Row, bool, int]:
        """The current position, to which `go_back()` returns when a search is cancelled."""
        return self._window.top, self.following, self._cursor.left

    def go_back(self, place: tuple[Row, bool, int]) -> None:
        self._window.top, self._window.following, self._cursor.left = place
        self._again()

    def next_match(self, direction: int = 1) -> str:
        """Go to the next match below (1) or above (-1); returns a message, "" in the usual case."""
        word = self._cursor.go(direction, self._canvas.rows)
        self._again()
        return word

    # -- going to lines, marking and selecting them -------------------------------------------------------------------

    def to_line(self, line: int) -> None:
        """Bring a line (or the next shown one) into view."""
        there = self._window.after(line - 1)
        if there is not None:
            self._window.to_line(there)
            self._again()

    def toggle_mark(self) -> bool | None:
        """Mark the line that a key applies to, or remove its mark; None if there is no line."""
        line = here(self._window, self._canvas.rows, self._cursor.line)
        if line is None:
            return None
        marked = self.marks.toggle(line)
        self._again()
        return marked

    def next_mark(self, direction: int) -> bool:
        """Go to the next mark below (1) or above (-1); False if there is none."""
        lines = [row.line for row in self._canvas.rows]
        line = self.marks.current if self.marks.current in lines else here(self._window, self._canvas.rows, None)
        found = self.marks.next(line, direction) if line is not None else None
        if found is None:
            return False
        self.marks.current = found
        self.to_line(found)
        return True

    def select(self, selecting: bool) -> bool:
        """Start or end selecting lines. False if there is no line."""
        if not selecting:
            self.selection = None
        else:
            line = here(self._window, self._canvas.rows, self._cursor.line)
            if line is None:
                return False
            self.selection = Selection(line, line)
            self._window.following = False
        self._again()
        return True

    def selected(self) -> list[int]:
        """The selected lines that are shown."""
        return list(self.selection.lines(self._window)) if self.selection is not None else []

    def chosen_places(self) -> dict[int, frozenset[int]] | None:
        """The selected lines, otherwise the lines known to be shown, in the form of `Search.chosen`; None for every line."""
        if self.selection is not None:
            return self.selection.places(self._window)
        only = self._window.only
        return None if only is None else only.chosen()

    # -- updating the screen ------------------------------------------------------------------------------------------

    def on_mount(self) -> None:
        self._later()
        self._tick_or_not()

    def _tick_or_not(self) -> None:
        """Start or stop the ticks, which only relative times need."""
        if self.times == "relative" and self._ticker is None and self.is_attached:
            self._ticker = self.set_interval(TICK, self._tick)
        elif self.times != "relative" and self._ticker is not None:
            self._ticker.stop()
            self._ticker = None

    def _tick(self) -> None:
        before = {row: self._window.text(row.line) for row in self._canvas.rows}
        self._window.forget()
        for y, row in enumerate(self._canvas.rows):
            if self._window.text(row.line) != before[row]:
                self._canvas.forget(row)
                self.refresh(Region(0, y, max(1, self.size.width - BAR), 1))

    def on_resize(self) -> None:
        self._window.resize(max(1, self.size.width - BAR - GUTTER), max(1, self.size.height))
        self._again()

    def _later(self) -> None:
        """Update the screen soon, but not too often."""
        if self._timer is None and self.is_attached:
            self._timer = self.set_timer(max(0.001, PAINT - (time.monotonic() - self._updated)), self._due)

    def _due(self) -> None:
        self._timer = None
        self._updated = time.monotonic()
        self._scan()
        self._sync()

    def _scan(self) -> None:
        """Continue the searches by a step, and go to the first match once it is found."""
        if self._scanner.step() and self._cursor.seek(self._canvas.rows):
            self._canvas.forget()
            self._sync(anew=True)

    def _scan_on(self) -> None:
        self._scan()
        if not self._scanner.is_waiting or time.monotonic() - self._updated > PAINT:
            self._updated = time.monotonic()
            self._sync()

    def _again(self) -> None:
        """Repaint everything, since it may look different."""
        self._canvas.forget()
        self._sync(anew=True)
        if not self._scanner.is_waiting and self.is_attached:
            self._scan()

    def _sync(self, *, anew: bool = False) -> None:
        """Paint what differs from the screen; with `anew`, everything."""
        if not self.is_attached:
            return
        self.marks.forget_before(self.buffer.first)
        if self.selection is not None:
            self.selection.forget_before(self.buffer.first)
        regions = self._canvas.update(self.size)
        if anew or regions is None:
            self.refresh()
        elif regions:
            self.refresh(*regions)
        self.post_message(self.Changed(self))

    # -- painting ---------------------------------------------------------------------------------------------------

    def render_lines(self, crop: Region) -> list[Strip]:
        self._brushes = self._find_brushes()
        return super().render_lines(crop)

    def render_line(self, y: int) -> Strip:
        brushes = self._brushes = self._brushes or self._find_brushes()
        return self._canvas.line(y, max(0, self.size.width - BAR), brushes)

    def _find_brushes(self) -> Brushes:
        return Brushes.of(self.rich_style, palette(self.app), colours=not self.app.no_color)

    def _signs(self, line: int) -> Signs:
        return Signs(line == self._cursor.line, line in self.marks, self.selection is not None and line in self.selection)

    def notify_style_update(self) -> None:
        """The theme or the focus changed: repaint, as strips contain colours."""
        super().notify_style_update()
        self._canvas.forget()
        self._brushes = None

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
        if self._canvas.thumb[1] and event.x >= self.size.width - BAR:
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
