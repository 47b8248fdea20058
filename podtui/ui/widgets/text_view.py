"""A text to read: scrolls, wraps, is searched. YAML, annotations, containers and the help are shown in it.

It draws itself line by line (Textual's Line API) and asks its document only for what is in view; a change repaints
each line from the first cell that differs. Without wrapping, `‹` and `›` stand where a line goes on to the left or the right.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.actions import SkipAction
from textual.app import ComposeResult
from textual.binding import Binding
from textual.cache import LRUCache
from textual.containers import Horizontal, Vertical
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget
from textual.widgets import Input

from podtui.ui.commands import bindings
from podtui.ui.themes import palette
from podtui.ui.widgets.text_document import Document, Highlight, Line, Match, Part
from podtui.ui.widgets.text_line import TextLine

__all__ = ["Highlight", "Line", "Part", "TextView"]

MOST_MATCHES = 10_000
_NEAR = 200  # lines: how far a line that moved is looked for
_Piece = tuple[str, str, str]  # text, style, style over it (a match)
_Row = tuple[_Piece, ...]


class TextBody(Widget, can_focus=True):
    """The lines themselves. A place is a line and, when wrapped, a row of it."""

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
        """The place some rows further down (up, if negative), within the document."""
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
        """What one screen line shows."""
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

    # -- painting -----------------------------------------------------------------------------------------------
    def show(self) -> None:
        """Bring the screen up to date: only the lines that differ, from the first cell that does."""
        if not self.is_attached:
            return
        self._clamp()
        before, self._painted = self._painted, [self._row(*place) for place in self._rows]
        width = self.size.width
        for y in range(max(len(before), len(self._painted))):
            old = before[y] if y < len(before) else ()
            new = self._painted[y] if y < len(self._painted) else ()
            if old != new:
                x = 0
                for one, other in zip(old, new, strict=False):
                    if one != other:
                        break
                    x += cell_len(one[0])
                if x < width:
                    self.refresh(Region(x, y, width - x, 1))
        self.post_message(self.Moved())

    def repaint(self) -> None:
        """Everything anew."""
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
        """To the right (left, if negative), no further than the longest line in view."""
        if self.wrap:
            return
        widest = max((self.document.prepared(line).width for line, _ in self._rows), default=0)
        left = max(0, min(self.left + cells, max(self.left if cells < 0 else 0, widest - self.size.width)))
        if left != self.left:
            self.left = left
            self.show()

    def reveal(self, match: Match) -> None:
        """Scroll, if need be, so that a match is in view, about a third from the top."""
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


class SearchLine(Horizontal):
    """The line at the bottom in which the search is typed."""

    DEFAULT_CSS = """
    SearchLine { height: 1; background: $panel; display: none; }
    SearchLine > #slash { width: 1; }
    SearchLine > #count { width: 18; }
    SearchLine > Input { width: 1fr; }
    """

    def __init__(self) -> None:
        super().__init__()
        self.input = Input(compact=True, select_on_focus=False)
        self.count = TextLine(id="count")

    def compose(self) -> ComposeResult:
        slash = TextLine(id="slash")
        slash.show([("/", "match")])
        yield slash
        yield self.input
        yield self.count


class TextView(Vertical):
    """See the module. Bindings are the `text` commands; `focus()` goes to the lines."""

    BINDINGS: ClassVar[list[Binding]] = bindings("text")  # type: ignore[assignment]

    DEFAULT_CSS = """
    TextView { height: 1fr; }
    """

    class Scrolled(Message):
        """Other lines are in view, or other lines are there: see `shown`."""

        def __init__(self, view: TextView) -> None:
            super().__init__()
            self.view = view

        @property
        def control(self) -> TextView:
            return self.view

        def can_replace(self, message: Message) -> bool:
            return isinstance(message, TextView.Scrolled) and message.view is self.view

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self.body = TextBody()
        self._search = SearchLine()
        self._needle = ""
        self._matches: list[Match] = []
        self._place = -1  # of the current match

    def compose(self) -> ComposeResult:
        yield self.body
        yield self._search

    def focus(self, scroll_visible: bool = True) -> TextView:
        self.body.focus(scroll_visible)
        return self

    # -- what is shown ------------------------------------------------------------------------------------------
    def set_lines(self, lines: Sequence[Line], *, highlight: Highlight | None = None, keep: bool = False) -> None:
        """Other lines, each without a line end. With `keep` the reader's place stays: the first line in view is looked
        for near where it was. `highlight` is asked for the parts of a plain line when it is first in view."""
        body = self.body
        top = body.document.lines[body.top[0]] if keep and body.top[0] < len(body.document) else None
        body.document = Document(lines, highlight)
        if not keep:
            body.top, body.left = (0, 0), 0
        elif top is not None:
            body.top = (_near(lines, top, body.top[0]), body.top[1])
        if self._needle:
            self._find(stay=True)
        body.show()

    @property
    def lines(self) -> Sequence[Line]:
        return self.body.document.lines

    def line_text(self, number: int) -> str:
        """A line as it is shown, without styles and however long."""
        return self.body.document.text(number)

    @property
    def wrap(self) -> bool:
        return self.body.wrap

    @wrap.setter
    def wrap(self, value: bool) -> None:
        self.body.wrap = value
        self.body.top = (self.body.top[0], 0)
        self.body.show()

    @property
    def dimmed(self) -> bool:
        """Everything paler: what is shown is no longer there."""
        return self.body.dimmed

    @dimmed.setter
    def dimmed(self, value: bool) -> None:
        if value != self.body.dimmed:
            self.body.dimmed = value
            self.body.refresh()

    @property
    def shown(self) -> tuple[int, int, int]:
        """The first and the last line in view, counted from 1, and how many there are."""
        rows = self.body._rows
        return (rows[0][0] + 1, rows[-1][0] + 1, len(self.lines)) if rows else (0, 0, len(self.lines))

    def scroll_to_line(self, number: int) -> None:
        """That line (from 0) to the top."""
        self.body.top = (max(0, number), 0)
        self.body.show()

    def on_text_body_moved(self, message: TextBody.Moved) -> None:
        message.stop()
        self.post_message(self.Scrolled(self))

    # -- commands -----------------------------------------------------------------------------------------------
    def action_down(self) -> None:
        self.body.scroll_rows(1)

    def action_up(self) -> None:
        self.body.scroll_rows(-1)

    def action_page_down(self) -> None:
        self.body.scroll_rows(max(1, self.body.size.height - 1))

    def action_page_up(self) -> None:
        self.body.scroll_rows(-max(1, self.body.size.height - 1))

    def action_first(self) -> None:
        self.body.left = 0
        self.scroll_to_line(0)

    def action_last(self) -> None:
        self.body.top = (max(0, len(self.lines) - 1), 0)
        self.body.scroll_rows(1 << 30)

    def action_left(self) -> None:
        self.body.scroll_cells(-max(8, self.body.size.width // 2))

    def action_right(self) -> None:
        self.body.scroll_cells(max(8, self.body.size.width // 2))

    def action_wrap(self) -> None:
        self.wrap = not self.wrap

    # -- search -------------------------------------------------------------------------------------------------
    def action_search(self) -> None:
        self._search.display = True
        self._search.input.value = self._needle
        self._search.input.focus()

    def action_next_match(self) -> None:
        self._step(1)

    def action_previous_match(self) -> None:
        self._step(-1)

    def action_close_search(self) -> None:
        if not self._search.display:
            raise SkipAction  # Esc is then for whoever is around
        self._search.display = False
        self.search("")
        self.body.focus()

    def search(self, needle: str) -> int:
        """Mark every place where `needle` stands and go to the first from here on; the number of them (at most 10,000)."""
        self._needle = needle
        self._find()
        self.body.show()
        return len(self._matches)

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        if self._search.display and event.value != self._needle:
            self.search(event.value)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.body.focus()
        if not self._needle:
            self.action_close_search()

    def _find(self, stay: bool = False) -> None:
        body, before = self.body, self.body.current
        self._matches = body.document.find(self._needle, MOST_MATCHES)
        body.matches = {}
        for match in self._matches:
            body.matches.setdefault(match[0], []).append(match)
        if stay and before is not None:
            origin = before
        else:
            origin = (body.top[0], 0, 0)
        self._place = next((place for place, match in enumerate(self._matches) if match >= origin), 0 if self._matches else -1)
        self._go(reveal=not stay)

    def _step(self, direction: int) -> None:
        if self._matches:
            self._place = (self._place + direction) % len(self._matches)
            self._go()
            self.body.show()

    def _go(self, reveal: bool = True) -> None:
        body = self.body
        body.current = self._matches[self._place] if self._matches else None
        if body.current is not None and reveal:
            body.reveal(body.current)
        if self._matches:
            most = "+" if len(self._matches) == MOST_MATCHES else ""
            words: tuple[str, str] = (f"{self._place + 1} of {len(self._matches)}{most} ", "dim")
        else:
            words = ("no match ", "warn") if self._needle else ("", "")
        self._search.count.show([], [words])




def _near(lines: Sequence[Line], line: Line, number: int) -> int:
    """Where a line that was at `number` is now: the nearest equal one, else the same number."""
    for distance in range(_NEAR):
        for place in (number - distance, number + distance):
            if 0 <= place < len(lines) and lines[place] == line:
                return place
    return number
