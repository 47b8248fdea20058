"""The lines of a TextView on the screen: lays out those in view, and paints only what has changed."""

from __future__ import annotations

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.cache import LRUCache
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from podtui.ui.themes import palette
from podtui.ui.widgets.text_document import Document, Match, cells_in_common

_Piece = tuple[str, str, str]  # text, style, style over it (a match)
_Row = tuple[_Piece, ...]


class TextBody(Widget, can_focus=True):
    """The lines themselves. A place is a line and, if lines wrap, a row of it."""

    DEFAULT_CSS = """
    TextBody { height: 1fr; background: $surface; color: $foreground; }
    """
    ALLOW_SELECT = False

    class Moved(Message):
        """Other lines are in view."""

        def can_replace(self, message: Message) -> bool:
            return isinstance(message, TextBody.Moved)

    def __init__(self) -> None:
        super().__init__()
        self.document = Document()
        self.wrap = False
        self.dimmed = False
        self.top = (0, 0)
        self.left = 0
        self.matches: dict[int, list[Match]] = {}
        self.current: Match | None = None
        self._rows: list[tuple[int, int]] = []
        self._painted: list[_Row] = []
        self._strips: LRUCache[_Row, Strip] = LRUCache(256)
        self._drawn_with: tuple[object, ...] = ()

    # -- rows ---------------------------------------------------------------------------------------------------
    def _count(self, line: int) -> int:
        return len(self.document.prepared(line).rows(self.size.width)) if self.wrap else 1

    def _move(self, place: tuple[int, int], rows: int) -> tuple[int, int]:
        """The place that many rows further down (or, if negative, up), within the document."""
        line, row = place
        last = len(self.document) - 1
        if not self.wrap:
            return max(0, min(line + rows, last)), 0
        row += rows
        while row < 0 and line > 0:
            line -= 1
            row += self._count(line)
        while line < last and row >= (count := self._count(line)):
            row -= count
            line += 1
        return line, max(0, min(row, self._count(line) - 1))

    def _clamp(self) -> None:
        count, height = len(self.document), self.size.height
        if not count or not height or not self.size.width:
            self.top, self._rows = (0, 0), []
            return
        line = min(self.top[0], count - 1)
        top = (line, max(0, min(self.top[1], self._count(line) - 1)))
        end = self._move((count - 1, self._count(count - 1) - 1), 1 - height)
        self.top = min(top, end)
        self._rows = [self.top]
        while len(self._rows) < height:
            place = self._move(self._rows[-1], 1)
            if place == self._rows[-1]:
                break
            self._rows.append(place)
        if self.wrap:
            self.left = 0

    def _row(self, line: int, row: int) -> _Row:
        """The content of one screen line."""
        prepared, width = self.document.prepared(line), self.size.width
        before = after = ""
        if self.wrap:
            start, end = prepared.row(row, width)
        else:
            more = prepared.width > self.left + width
            before = "‹" if self.left and prepared.width else ""
            after = "›" if more else ""
            start, end, half = prepared.window(self.left + len(before), width - len(before) - len(after))
            before += " " * half
            if after:
                after = " " * (self.left + width - 1 - prepared.cell(end)) + after
        pieces: list[_Piece] = [(before, "dim", "")] if before else []
        matches = [match for match in self.matches.get(line, ()) if match[1] < end and match[2] > start]
        for at, until, style in prepared.parts(start, end):
            for match in matches:
                if match[1] >= until or match[2] <= at:
                    continue
                if match[1] > at:
                    pieces.append((prepared.text[at : match[1]], style, ""))
                cut = min(until, match[2])
                over = "match.current" if match == self.current else "match"
                pieces.append((prepared.text[max(at, match[1]) : cut], style, over))
                at = cut
            if at < until:
                pieces.append((prepared.text[at:until], style, ""))
        if after:
            pieces.append((after, "dim", ""))
        return tuple(pieces)

    @property
    def shown(self) -> tuple[int, int, int]:
        """The first and the last line in view, counted from 1, and the number of lines."""
        rows, count = self._rows, len(self.document)
        return (rows[0][0] + 1, rows[-1][0] + 1, count) if rows else (0, 0, count)

    # -- painting -----------------------------------------------------------------------------------------------
    def show(self) -> None:
        """Repaint only the lines that differ, from the first cell that does."""
        if not self.is_attached:
            return
        self._clamp()
        before, self._painted = self._painted, [self._row(*place) for place in self._rows]
        width = self.size.width
        for y in range(max(len(before), len(self._painted))):
            old = before[y] if y < len(before) else ()
            new = self._painted[y] if y < len(self._painted) else ()
            if old != new:
                x = cells_in_common(old, new)
                if x < width:
                    self.refresh(Region(x, y, width - x, 1))
        self.post_message(self.Moved())

    def repaint(self) -> None:
        """Paint everything."""
        self._painted = []
        self.show()
        self.refresh()

    def render_line(self, y: int) -> Strip:
        styles, base, width = palette(self.app), self.rich_style, self.size.width
        if self.dimmed:
            base += Style(dim=True)
        drawn_with = (styles, base, width)
        if drawn_with != self._drawn_with:
            self._strips.clear()
            self._drawn_with = drawn_with
        if y >= len(self._painted):
            return Strip.blank(width, base)
        row = self._painted[y]
        strip = self._strips.get(row)
        if strip is None:
            segments = []
            for text, style, over in row:
                full = base + styles[style] if style else base
                segments.append(Segment(text, full + styles[over] if over else full))
            strip = Strip(segments).crop_extend(0, width, base).simplify()
            self._strips[row] = strip
        return strip

    # -- moving -------------------------------------------------------------------------------------------------
    def scroll_rows(self, rows: int) -> None:
        if len(self.document):
            self.top = self._move(self.top, rows)
            self.show()

    def scroll_cells(self, cells: int) -> None:
        """Scroll to the right (or, if negative, left), up to the end of the longest line in view."""
        if self.wrap:
            return
        widest = max((self.document.prepared(line).width for line, _ in self._rows), default=0)
        left = max(0, min(self.left + cells, max(self.left if cells < 0 else 0, widest - self.size.width)))
        if left != self.left:
            self.left = left
            self.show()

    def reveal(self, match: Match) -> None:
        """Scroll a match into view if necessary, about a third from the top."""
        line, start, end = match
        if line >= len(self.document) or not self.size.width:
            return
        prepared, row = self.document.prepared(line), 0
        if self.wrap:
            rows = prepared.rows(self.size.width)
            row = next((number for number in range(len(rows) - 1, -1, -1) if rows[number] <= start), 0)
        else:
            first, last = prepared.cell(start), prepared.cell(end)
            if last <= self.size.width - 1:
                self.left = 0
            elif first < self.left + 1 or last > self.left + self.size.width - 1:
                self.left = max(0, first - self.size.width // 3)
        if (line, row) not in self._rows:
            self.top = self._move((line, row), -(self.size.height // 3))

    def on_resize(self) -> None:
        self.repaint()

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        self._wheel(event, 1)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        self._wheel(event, -1)

    def on_mouse_scroll_right(self, event: events.MouseScrollRight) -> None:
        event.stop()
        self.scroll_cells(8)

    def on_mouse_scroll_left(self, event: events.MouseScrollLeft) -> None:
        event.stop()
        self.scroll_cells(-8)

    def _wheel(self, event: events.MouseEvent, direction: int) -> None:
        event.stop()
        if event.shift:
            self.scroll_cells(8 * direction)
        else:
            self.scroll_rows(3 * direction)
