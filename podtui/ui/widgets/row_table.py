"""A table of many thousands of rows that paints only what changed.

A key identifies a row, never an index: the cursor, the marks and the scroll position stay with their rows while others
are added, removed and moved. The owner provides the keys in order and a function from a key to its cells, called only for
rows in view. A change repaints from the first cell that differs to the end of the line, so that a tick of one age costs a
slow link a few dozen bytes.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterable, Sequence
from typing import ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from textual import events
from textual.binding import Binding
from textual.geometry import Region, Size
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from podtui.text import harmless
from podtui.ui.commands import bindings
from podtui.ui.themes import palette
from podtui.ui.widgets.columns import GUTTER, Arrangement, TableColumn
from podtui.ui.widgets.row_line import Cell, RowLine, header_strip, row_strip, width_of

__all__ = ["Cell", "RowTable", "TableColumn"]

SAMPLE = 400  # rows to measure for the widths of a new set


class RowTable(Widget, can_focus=True):
    """See the module. Bindings are the `table` commands."""

    BINDINGS: ClassVar[list[Binding]] = bindings("table")  # type: ignore[assignment]

    DEFAULT_CSS = """
    RowTable { height: 1fr; background: $surface; color: $foreground; }
    """

    class OfKey(Message):
        """A message with the table and the key of a row or a column."""

        def __init__(self, table: RowTable, key: str) -> None:
            super().__init__()
            self.table = table
            self.key = key

    class Opened(OfKey):
        """Enter or a double click on a row."""

    class CursorMoved(OfKey):
        """The cursor moved to another row; `key` is "" if there is none."""

    class MarksChanged(Message):
        """A row was marked or unmarked."""

    class HeaderClicked(OfKey):
        """A click on a column's title; `key` is the column's."""

    def __init__(self, cells: Callable[[str], Sequence[Cell]], *, id: str | None = None, unmarkable: Iterable[str] = ()) -> None:
        """`unmarkable` are the keys of rows that stand for no object."""
        super().__init__(id=id)
        self._cells = cells
        self._unmarkable = frozenset(unmarkable)
        self._columns: tuple[TableColumn, ...] = ()
        self._widths: list[int] = []
        self._sorted = ("", False)
        self._keys: Sequence[str] = ()
        self._index = 0
        self._top = 0
        self._arranged: Arrangement | None = None
        self._painted: list[RowLine] = []
        self._empty: tuple[str, ...] = ()
        self.cursor_key = ""
        self.marked: set[str] = set()
        self._marked_last = ""  # where a range begins

    # -- display ------------------------------------------------------------------------------------------------
    @property
    def keys(self) -> Sequence[str]:
        return self._keys

    @property
    def keys_in_view(self) -> list[str]:
        return [line.key for line in self._painted]

    def set_columns(self, columns: Sequence[TableColumn], sorted_by: str = "", descending: bool = False) -> None:
        """Set other columns, or another order; measures and paints everything again."""
        columns = tuple(columns)
        if columns != self._columns:
            before, (count, cells) = self._arrangement.first, self._arrangement.position
            self._columns = columns
            self._measure(anew=True)
            place = self._arrangement.position_of(before) if count or cells else None  # what was scrolled to stays in view
            self._arrange((count, 0) if place is None else (place, cells))
        self._sorted = (sorted_by, descending)
        self._paint()

    def set_keys(self, keys: Sequence[str], *, anew: bool = False) -> None:
        """Set the rows in order. The cursor stays on its row and that row on its line; if the row is gone, the cursor moves to the
        one after it. `anew` measures the columns again, for example for another scope."""
        line = self._index - self._top
        place = self._find(keys)
        before, self._keys = len(self._keys), keys
        if place is None:
            place = min(self._index, len(keys) - 1)
            line = min(line, max(0, place))
        self._index = max(0, place)
        self._top = self._index - line
        present = set(keys) if self.marked else set()
        if self.marked - present:
            self.marked &= present
            self.post_message(self.MarksChanged())
        if anew and self._measure(anew=True):
            self.refresh()  # the titles too
        if len(keys) != before and (height := self.styles.height) is not None and height.is_auto:
            self.refresh(layout=True)  # it is as high as its rows
        self._moved()
        self._show()

    def refresh_rows(self, keys: Iterable[str] | None = None) -> None:
        """Paint what differs in these rows (default: all), whose cells may have changed."""
        if keys is not None:
            if set(self.keys_in_view).isdisjoint(keys):
                return
        self._show()

    def set_empty(self, *lines: str) -> None:
        """Show this text while there are no rows."""
        if lines != self._empty:
            self._empty = lines
            if not self._keys:
                self.refresh()

    def _find(self, keys: Sequence[str]) -> int | None:
        if not self.cursor_key:
            return None
        if self._index < len(keys) and keys[self._index] == self.cursor_key:
            return self._index
        try:
            return keys.index(self.cursor_key)
        except ValueError:
            return None

    # -- geometry -----------------------------------------------------------------------------------------------
    @property
    def at_top(self) -> bool:
        """Whether the cursor is on the first row."""
        return self._index == 0

    @property
    def _height(self) -> int:
        return max(0, self.size.height - 1)

    @property
    def _arrangement(self) -> Arrangement:
        if self._arranged is None or self._arranged.room != self.size.width:
            self._arrange((0, 0) if self._arranged is None else self._arranged.wanted)
        assert self._arranged is not None
        return self._arranged

    def _arrange(self, position: tuple[int, int]) -> None:
        self._arranged = Arrangement(self._columns, tuple(self._widths), self.size.width, position)

    def _measure(self, *, anew: bool = False) -> bool:
        """Fit the widths to the rows in view (they only grow, so that columns do not jump); True if one changed."""
        before = list(self._widths)
        if anew or len(self._widths) != len(self._columns):
            self._widths = [cell_len(column.title) + 1 for column in self._columns]
            keys = self._keys
            step = max(1, len(keys) // SAMPLE)
            rows: Iterable[Sequence[Cell]] = (self._row(key) for key in keys[::step])
        else:
            rows = (line.cells for line in self._painted)
        for cells in rows:
            for i, (cell, column) in enumerate(zip(cells, self._columns, strict=False)):
                width = min(width_of(cell.text), column.widest)
                if width > self._widths[i]:
                    self._widths[i] = width
        if self._widths == before:
            return False
        self._arrange((0, 0) if self._arranged is None else self._arranged.wanted)
        return True

    def _clamp(self) -> None:
        height, count = self._height, len(self._keys)
        self._index = max(0, min(self._index, count - 1))
        if height:
            self._top = max(self._index - height + 1, min(self._top, self._index))
            self._top = max(0, min(self._top, max(0, count - height)))

    def _row(self, key: str) -> tuple[Cell, ...]:
        """The cells of a row, made harmless; drops the spans of a cell whose text changes."""
        return tuple(cell if (text := harmless(cell.text)) == cell.text else Cell(text, cell.style) for cell in self._cells(key))

    def _lines(self) -> list[RowLine]:
        focus = self._index
        lines = []
        for i, key in enumerate(self._keys[self._top : self._top + self._height], self._top):
            lines.append(RowLine(key, self._row(key), i == focus, key in self.marked))
        return lines

    # -- painting -----------------------------------------------------------------------------------------------
    def _show(self) -> None:
        """Repaint only the lines that differ, from the first cell that does."""
        self._clamp()
        before, self._painted = self._painted, self._lines()
        if self._measure() or not before or not self._painted:
            self.refresh()
            return
        width = self.size.width
        for y in range(max(len(before), len(self._painted))):
            old = before[y] if y < len(before) else None
            new = self._painted[y] if y < len(self._painted) else None
            if old != new:
                x = self._first_difference(old, new)
                if x < width:
                    self.refresh(Region(x, y + 1, width - x, 1))

    def _first_difference(self, old: RowLine | None, new: RowLine | None) -> int:
        if old is None or new is None or (old.cursor, old.marked) != (new.cursor, new.marked):
            return 0
        x = GUTTER
        arrangement = self._arrangement
        for place in arrangement.places:
            if old.cells[place.index : place.index + 1] != new.cells[place.index : place.index + 1]:
                return x
            x += place.width + arrangement.gap
        return self.size.width  # what differs is out of view

    def _paint(self) -> None:
        self._clamp()
        self._painted = self._lines()
        self._measure()
        self.refresh()

    def render_line(self, y: int) -> Strip:
        styles = palette(self.app)
        base = self.rich_style
        width = self.size.width
        if y == 0:
            return header_strip(self._arrangement, *self._sorted, base + styles["header"]).crop_extend(0, width, base)
        if not self._keys:
            lines = self._empty_lines(width)
            text = lines[y - 2] if 0 <= y - 2 < len(lines) else ""
            indent = max(0, (width - cell_len(text)) // 2)
            return Strip([Segment(" " * indent, base), Segment(text, base + styles["dim"])]).crop_extend(0, width, base)
        if y - 1 >= len(self._painted):
            return Strip.blank(width, base)
        strip = row_strip(self._painted[y - 1], self._arrangement, self.has_focus, base, styles)
        return strip.crop_extend(0, width, base).simplify()

    def _empty_lines(self, width: int) -> list[str]:
        """The text in place of rows, in lines that fit."""
        lines = (textwrap.wrap(harmless(text), max(20, width - 4), break_on_hyphens=False) for text in self._empty)
        return [line for wrapped in lines for line in wrapped]

    # -- the cursor ---------------------------------------------------------------------------------------------
    def _moved(self) -> None:
        key = self._keys[self._index] if self._keys else ""
        if key != self.cursor_key:
            self.cursor_key = key
            self.post_message(self.CursorMoved(self, key))

    def move_to(self, index: int) -> None:
        """Move the cursor to an index, limited to the rows."""
        self._index = max(0, min(index, len(self._keys) - 1))
        self._moved()
        self._show()

    def select(self, key: str) -> bool:
        """Move the cursor to the row with that key; False if there is none."""
        try:
            self.move_to(self._keys.index(key))
        except ValueError:
            return False
        return True

    @property
    def position(self) -> tuple[int, int]:
        """The cursor's position, counted from 1, and the number of rows."""
        return (self._index + 1 if self._keys else 0, len(self._keys))

    def action_rows(self, by: int) -> None:
        self.move_to(self._index + by)

    def action_page(self, direction: int) -> None:
        self._top += direction * self._height
        self.move_to(self._index + direction * max(1, self._height))

    def action_first(self) -> None:
        self.move_to(0)

    def action_last(self) -> None:
        self.move_to(len(self._keys) - 1)

    def action_columns(self, direction: int) -> None:
        before = self._arrangement.position
        self._arrange(self._arrangement.scrolled(direction))
        if self._arrangement.position != before:
            self.refresh()

    def action_open(self) -> None:
        if self.cursor_key:
            self.post_message(self.Opened(self, self.cursor_key))

    # -- marks --------------------------------------------------------------------------------------------------
    def action_mark(self) -> None:
        if self.cursor_key:
            self.marked ^= {self.cursor_key} - self._unmarkable
            self._marked_last = self.cursor_key
            self.post_message(self.MarksChanged())
            self.move_to(self._index + 1)

    def action_mark_range(self) -> None:
        """Mark the rows from the last one that was marked to the one at the cursor; without one, this one."""
        if not self.cursor_key:
            return
        known = self._marked_last in self.marked and self._marked_last in self._keys
        first, last = sorted((self._keys.index(self._marked_last) if known else self._index, self._index))
        self._marked_last = self.cursor_key
        self._mark(self.marked | set(self._keys[first : last + 1]))

    def action_mark_all(self) -> None:
        self._mark(set(self._keys))

    def action_clear_marks(self) -> None:
        self._mark(set())

    def _mark(self, keys: set[str]) -> None:
        keys = keys - self._unmarkable
        if keys != self.marked:
            self.marked = keys
            self.post_message(self.MarksChanged())
            self._show()

    # -- events -------------------------------------------------------------------------------------------------
    def on_resize(self, _: events.Resize) -> None:
        self._paint()

    def on_focus(self) -> None:
        self._paint()

    def on_blur(self) -> None:
        self._paint()

    def on_click(self, event: events.Click) -> None:
        if event.y == 0:
            x = GUTTER
            for place in self._arrangement.places:
                end = x + place.width + self._arrangement.gap
                if x <= event.x < end:
                    self.post_message(self.HeaderClicked(self, self._columns[place.index].key))
                x = end
        elif (row := self._top + event.y - 1) < len(self._keys):
            self.move_to(row)
            if event.chain == 2:
                self.action_open()

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        event.stop()
        self._wheel(3)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        event.stop()
        self._wheel(-3)

    def _wheel(self, rows: int) -> None:
        """Scroll by rows; the cursor moves only if it would leave the view."""
        top = max(0, min(self._top + rows, len(self._keys) - self._height))
        self._top = top
        self.move_to(max(top, min(self._index, top + self._height - 1)))

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        return len(self._keys) + 1
