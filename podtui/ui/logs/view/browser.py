"""Where the reader of a log is, and what they chose to see: the position, the look, the search, the filter, marks and the selection.

It knows no widget: the screen that shows it is told what to paint again.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Protocol

from podtui.ui.logs.lines.buffer import LogBuffer
from podtui.ui.logs.lines.layout import Columns, Records, learn
from podtui.ui.logs.lines.text import shown
from podtui.ui.logs.lines.times import Times
from podtui.ui.logs.search.field_filter import FieldFilter
from podtui.ui.logs.search.matchers import Pattern
from podtui.ui.logs.view.choice import LineChoice, Matches
from podtui.ui.logs.view.marks import Marks, Selection, here
from podtui.ui.logs.view.match_cursor import MatchCursor
from podtui.ui.logs.view.source_names import SourceNames
from podtui.ui.logs.view.strips import GUTTER, Signs
from podtui.ui.logs.view.window import LogWindow, Row

_LONGEST_SAMPLE = 4000  # characters
_SAMPLE = 300  # lines that determine the columns


class Screen(Protocol):
    """What shows a browser."""

    def moved(self) -> None:
        """Other rows are in view."""

    def looks_different(self) -> None:
        """The rows in view look different."""

    def chooses_again(self) -> None:
        """Other lines are to be shown or found."""

    def at_top(self) -> None:
        """The reader wants what is before the oldest line."""


class LogBrowser:
    """The window determines the rows in view, the choice the lines to show, and the cursor the current match. `rows` are those on the
    screen."""

    def __init__(self, limit: int, screen: Screen) -> None:
        """`limit` is that of the buffer, in bytes."""
        self.buffer = LogBuffer(limit)
        self.window = LogWindow(self.buffer)
        self.cursor = MatchCursor(self.window)
        self.choice = LineChoice(self.window, self.cursor)
        self.marks = Marks()
        self.selection: Selection | None = None
        self.rows: list[Row] = []
        self._screen = screen

    # -- lines ----------------------------------------------------------------------------------------------------

    def prepend(self, lines: Sequence[str], continued: Collection[int], times: Sequence[int], source: int = 0) -> int:
        """Add older lines before all others, as `LogBuffer.prepend` takes them; the lines in view stay there."""
        count = self.buffer.prepend(lines, continued, times=times, source=source)
        self.window.following = False
        self.window.forget()
        self._screen.looks_different()
        return count

    def set_names(self, names: SourceNames) -> None:
        """Show the name of the source before each line."""
        self.window.set_names(names)
        self._screen.looks_different()

    def clear(self) -> None:
        """Remove all lines. Following and the search stay."""
        self.buffer.clear()
        self.window.forget()
        self.window.top = Row(0, 0)
        self.cursor.left = 0
        self.cursor.line = self.selection = None
        self.marks.clear()
        self.cursor.again()
        self._choose()

    # -- what there is to tell ------------------------------------------------------------------------------------

    @property
    def columns(self) -> Columns:
        """The columns of records; empty unless records are shown in columns."""
        return self.window.look.columns if self.window.look.records == "columns" else Columns()

    @property
    def shown_matches(self) -> Matches:
        """The lines that a search shows: all, only matching ones, or only others."""
        return self.choice.matches if self.cursor.pattern is not None else "all"

    @property
    def chosen(self) -> tuple[int, bool] | None:
        """The number of lines that a filter or a search chooses (without those shown around them), and whether it is final; None when
        every line is shown."""
        only = self.window.only
        return None if only is None else (only.matching, only.done)

    @property
    def below(self) -> int:
        """The number of lines below the window."""
        if not self.rows:
            return 0
        return max(0, self.window.count() - self.window.rank(self.rows[-1].line) - 1)

    # -- following and scrolling ----------------------------------------------------------------------------------

    def follow(self, following: bool) -> None:
        """Set whether to stay at the end as lines arrive."""
        self.window.following = following
        self._screen.moved()

    def scroll_rows(self, rows: int) -> None:
        """Scroll down, or (negative) up, which ends following. While lines are selected, move the end of the selection instead."""
        if self.selection is not None:
            self.selection.move(self.window, rows)
            self._screen.looks_different()
            return
        before = self.window.top
        self.window.move(rows)
        self._screen.moved()
        if rows < 0 and self.window.top == before:
            self._ask_for_older()

    def _ask_for_older(self) -> None:
        if len(self.buffer):
            self._screen.at_top()

    def scroll_page(self, direction: int) -> None:
        self.scroll_rows(direction * max(1, self.window.height - 1))

    def to_first(self) -> None:
        self.window.to_first()
        if self.selection is not None:
            first = self.window.after(self.buffer.first - 1)
            self.selection.end = self.selection.end if first is None else first
        self._ask_for_older()
        self._screen.looks_different()

    def to_last(self) -> None:
        """Go to the end, and follow it."""
        last = self.window.last()
        if self.selection is not None and last is not None:
            self.selection.end = last
            self.window.to_line(last)
            self._screen.looks_different()
            return
        self.follow(True)

    def scroll_columns(self, direction: int) -> None:
        """Scroll a quarter of the width to the right (1) or left (-1), up to the widest line in view."""
        if self.cursor.scroll_columns(direction, self.rows):
            self._screen.looks_different()

    def set_wrap(self, wrap: bool) -> None:
        self.cursor.left = 0
        self.window.set_wrap(wrap)
        self._screen.looks_different()

    def set_times(self, times: Times) -> None:
        self.window.set_times(times)
        self._screen.looks_different()

    def set_records(self, records: Records) -> None:
        """Show records (JSON, logfmt, klog) as they are, in columns or indented. The columns suit the lines around the view."""
        columns = Columns()
        if records == "columns":
            columns = learn(shown(line) for line in self.sample(_SAMPLE))
        self.cursor.left = 0
        self.window.set_records(records, columns)
        self._screen.looks_different()

    def sample(self, most: int) -> list[str]:
        """Up to `_SAMPLE` lines around the view, each cut to `_LONGEST_SAMPLE` characters."""
        buffer = self.buffer
        last = self.rows[-1].line if self.rows else buffer.end - 1
        end = min(buffer.end, last + most // 2)
        return [buffer.line(number)[:_LONGEST_SAMPLE] for number in range(max(buffer.first, end - most), end)]

    def over(self, header: str) -> str:
        """The header of the columns, aligned and cut like the first line in view."""
        body = " " * next((self.window.body(row.line) for row in self.rows if row.line >= self.buffer.first), 0)
        return " " * GUTTER + (body + header)[self.cursor.left :]

    # -- searching ------------------------------------------------------------------------------------------------

    def search(self, text: str) -> None:
        """Highlight the matches and go to one: in view, else the newest above, else the first below.

        "" ends the search. Raises ValueError with a message for a person if the expression is invalid.
        """
        self.cursor.look(Pattern(text) if text else None)
        self._choose()

    def end_search(self) -> None:
        """End the search, and show the lines that it alone had hidden."""
        self.choice.matches = "all"
        self.search("")

    def show_matches(self, matches: Matches) -> None:
        """With a search, show all lines, only matching ones, or only others."""
        self.choice.matches = matches
        self._choose()

    def set_context(self, lines: int) -> None:
        """Show that many lines around each line that a filter or a search chooses."""
        self.choice.context = lines
        self._choose()

    def set_fields(self, fields: FieldFilter | None) -> None:
        """Show only lines whose fields satisfy the filter."""
        self.choice.fields = fields
        self._choose()

    def hide(self, sources: Collection[int]) -> None:
        """Hide the lines of these sources, and show all others."""
        self.choice.hidden = frozenset(sources)
        self._choose()

    def _choose(self) -> None:
        self.choice.apply(self.rows)
        self._screen.chooses_again()

    @property
    def place(self) -> tuple[Row, bool, int]:
        """The current position, to which `go_back()` returns when a search is cancelled."""
        return self.window.top, self.window.following, self.cursor.left

    def go_back(self, place: tuple[Row, bool, int]) -> None:
        self.window.top, self.window.following, self.cursor.left = place
        self._screen.looks_different()

    def next_match(self, direction: int = 1) -> str:
        """Go to the next match below (1) or above (-1); returns a message, "" in the usual case."""
        word = self.cursor.go(direction, self.rows)
        self._screen.looks_different()
        return word

    # -- going to lines, marking and selecting them -------------------------------------------------------------------

    def to_line(self, line: int) -> None:
        """Bring a line (or the next shown one) into view."""
        there = self.window.after(line - 1)
        if there is not None:
            self.window.to_line(there)
            self._screen.looks_different()

    def toggle_mark(self) -> bool | None:
        """Mark the line that a key applies to, or remove its mark; None if there is no line."""
        line = here(self.window, self.rows, self.cursor.line)
        if line is None:
            return None
        marked = self.marks.toggle(line)
        self._screen.looks_different()
        return marked

    def next_mark(self, direction: int) -> bool:
        """Go to the next mark below (1) or above (-1); False if there is none."""
        lines = [row.line for row in self.rows]
        line = self.marks.current if self.marks.current in lines else here(self.window, self.rows, None)
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
            line = here(self.window, self.rows, self.cursor.line)
            if line is None:
                return False
            self.selection = Selection(line, line)
            self.window.following = False
        self._screen.looks_different()
        return True

    def selected(self) -> list[int]:
        """The selected lines that are shown."""
        return list(self.selection.lines(self.window)) if self.selection is not None else []

    def chosen_places(self) -> dict[int, frozenset[int]] | None:
        """The selected lines, otherwise the lines known to be shown, in the form of `Search.chosen`; None for every line."""
        if self.selection is not None:
            return self.selection.places(self.window)
        only = self.window.only
        return None if only is None else only.chosen()

    def signs(self, line: int) -> Signs:
        """The reader's signs on a line."""
        return Signs(line == self.cursor.line, line in self.marks, self.selection is not None and line in self.selection)

    def forget_dropped(self) -> None:
        """Forget the marks and the selection of lines that the buffer has dropped."""
        self.marks.forget_before(self.buffer.first)
        if self.selection is not None:
            self.selection.forget_before(self.buffer.first)
