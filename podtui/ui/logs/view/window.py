"""The rows of a log in the window. It never lays out rows far from the window.

The window is anchored at its top: a line's number and, when lines wrap, a row within it. So new and dropped lines do not
move the text in view, and a hundred thousand wrapped lines cost no more than a screenful.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import NamedTuple

from podtui.ui.logs.lines.buffer import LogBuffer
from podtui.ui.logs.lines.layout import Columns, Records
from podtui.ui.logs.lines.times import Times
from podtui.ui.logs.search.search import Search
from podtui.ui.logs.view.look import LogLook, Shown
from podtui.ui.logs.view.source_names import SourceNames

_REMEMBERED = 600  # lines whose text is cached


class Row(NamedTuple):
    """A row of the window: the line's number and the index of its row."""

    line: int
    part: int


class LogWindow:
    """The geometry of a log view. Use the methods to set the attributes: they keep the top in place."""

    def __init__(self, buffer: LogBuffer) -> None:
        self.buffer = buffer
        self.width = 80
        self.height = 24
        self.wrap = False
        self.look = LogLook()
        self.only: Search | None = None  # if set, show only the lines that it finds
        self.following = True
        self.top = Row(0, 0)
        self._texts: dict[int, Shown] = {}

    # -- lines ----------------------------------------------------------------------------------------------------

    @property
    def head(self) -> int | None:
        """The number of the pseudo-line that shows the number of dropped lines, one before the first; None if there are none."""
        return self.buffer.first - 1 if self.buffer.dropped else None

    def text(self, line: int) -> str:
        """The whole line as shown, with its source and time."""
        return self.shown(line).text

    def parts(self, line: int) -> list[int]:
        """The offsets of the line's rows in its text; one row if lines do not wrap."""
        return self.shown(line).parts

    def shown(self, line: int) -> Shown:
        """The line as shown, without the styles of a search."""
        width = self.width if self.wraps(line) else None
        if line < self.buffer.first:  # possibly a dropped line of the log
            return self.look.remark(f"… {self.buffer.dropped:,} older lines dropped", width)
        found = self._texts.get(line)
        if found is None:
            if len(self._texts) >= _REMEMBERED:
                self._texts.clear()
            found = self._texts[line] = self.look.line(self.buffer, line, width)
        return found

    def wraps(self, line: int) -> bool:
        """Whether the line takes as many rows as it needs: podtui's own remarks always do, as an error's end is its cause."""
        return self.wrap or self.is_remark(line)

    def body(self, line: int) -> int:
        """The offset of the line's own text, after its source and time."""
        return self.shown(line).body

    def is_remark(self, line: int) -> bool:
        """Whether the line is podtui's own, not one of the log."""
        return line < self.buffer.first or self.buffer.is_note(line)

    def after(self, line: int) -> int | None:
        """The next shown line."""
        buffer = self.buffer
        if line < buffer.first - 1:
            return self.first()
        if self.only is not None:
            return self.only.after(line)
        return line + 1 if line + 1 < buffer.end else None

    def before(self, line: int) -> int | None:
        """The previous shown line, finally the pseudo-line."""
        buffer = self.buffer
        if line < buffer.first:
            return None
        found = self.only.before(line) if self.only is not None else line - 1 if line > buffer.first else None
        return self.head if found is None else found

    def first(self) -> int | None:
        return self.head if self.head is not None else self.after(self.buffer.first - 1)

    def last(self) -> int | None:
        return self.before(self.buffer.end)

    def count(self) -> int:
        """The number of shown lines, without the pseudo-line."""
        return len(self.buffer) if self.only is None else self.only.count

    def rank(self, line: int) -> int:
        """The number of shown lines before a line."""
        return max(0, line - self.buffer.first) if self.only is None else self.only.rank(line)

    # -- rows -----------------------------------------------------------------------------------------------------

    def rows(self) -> list[Row]:
        """The rows in the window, starting at the top: at most `height`."""
        bottom = self._bottom()
        if bottom is None:
            return []
        if self.following or self.top > bottom:
            self.top = bottom
        self._settle()
        rows: list[Row] = []
        line: int | None = self.top.line
        part = self.top.part
        while line is not None and len(rows) < self.height:
            count = len(self.parts(line))
            rows += [Row(line, each) for each in range(part, min(count, part + self.height - len(rows)))]
            line, part = self.after(line), 0
        return rows

    def _settle(self) -> None:
        """Move the top to a line that exists and is shown."""
        line, part = self.top
        buffer = self.buffer
        if line < buffer.first - 1 or (self.only is not None and line >= buffer.first and not self.only.has(line)):
            there = self.after(line - 1)
            if there is None:
                there = self.last()
            self.top = Row(there if there is not None else 0, 0)
        elif part >= len(self.parts(line)):
            self.top = Row(line, len(self.parts(line)) - 1)

    def _bottom(self) -> Row | None:
        """The top that puts the last row at the bottom. None if there are no rows."""
        line = self.last()
        if line is None:
            return None
        return self._up(Row(line, len(self.parts(line)) - 1), max(0, self.height - 1))

    def _up(self, row: Row, rows: int) -> Row:
        line, part = row
        while rows > part:
            rows -= part + 1
            before = self.before(line)
            if before is None:
                return Row(line, 0)
            line, part = before, len(self.parts(before)) - 1
        return Row(line, part - rows)

    def _down(self, row: Row, rows: int) -> Row:
        line, part = row
        while part + rows >= len(self.parts(line)):
            after = self.after(line)
            if after is None:
                return Row(line, len(self.parts(line)) - 1)
            rows -= len(self.parts(line)) - part
            line, part = after, 0
        return Row(line, part + rows)

    def move(self, rows: int) -> None:
        """Scroll by rows; scrolling up ends following."""
        shown_rows = self.rows()
        if not shown_rows:
            return
        if rows < 0:
            if self.following and shown_rows[0] == self._up(shown_rows[0], 1):
                return  # everything is in view, including the end
            self.following = False
            self.top = self._up(self.top, -rows)
        elif not self.following:
            self.top = self._down(self.top, rows)

    def to_first(self) -> None:
        self.following = False
        first = self.first()
        self.top = Row(first if first is not None else 0, 0)

    def to_line(self, line: int, part: int = 0) -> None:
        """Bring a line's row into view; if it was not, a third from the top."""
        rows = self.rows()
        if Row(line, part) in rows:
            self.following = False
            return
        self.following = False
        self.top = self._up(Row(line, min(part, len(self.parts(line)) - 1)), self.height // 3)

    def to_share(self, share: float) -> None:
        """Scroll so that a share (0 to 1) of the lines is above."""
        self.following = False
        if share >= 1:
            self.top = self._bottom() or self.top
            return
        buffer = self.buffer
        line = self.after(buffer.first - 1 + int(share * len(buffer)))
        self.top = Row(line, 0) if line is not None else self._bottom() or self.top
        if share <= 0:
            self.to_first()

    # -- changes to the rows --------------------------------------------------------------------------------------

    def forget(self) -> None:
        """Discard all cached texts."""
        self._texts.clear()

    def resize(self, width: int, height: int) -> None:
        self.height = height
        if width != self.width:
            with_offset = self._offset()
            self.width = width
            self.look.names.fit(width)
            self._again(with_offset)

    def set_wrap(self, wrap: bool) -> None:
        offset = self._offset()
        self.wrap = wrap
        self._again(offset)

    def set_times(self, times: Times) -> None:
        self.look.times = times
        self._again(0)

    def set_names(self, names: SourceNames) -> None:
        """Set the prefix of each line for its source."""
        self.look.names = names
        names.fit(self.width)
        self._again(0)

    def set_records(self, records: Records, columns: Columns) -> None:
        """Set the layout of records."""
        self.look.records, self.look.columns = records, columns
        self._again(0)

    def _offset(self) -> int:
        """The first character of the top line in the window."""
        line, part = self.top
        if part and self.buffer.first <= line < self.buffer.end:
            parts = self.parts(line)
            return parts[min(part, len(parts) - 1)]
        return 0

    def _again(self, offset: int) -> None:
        self.forget()
        line = self.top.line
        if offset and self.buffer.first <= line < self.buffer.end:
            self.top = Row(line, bisect_right(self.parts(line), offset) - 1)
        else:
            self.top = Row(line, 0)
