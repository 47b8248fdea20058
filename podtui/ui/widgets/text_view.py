"""A text to read, with scrolling, wrapping and search, for YAML, annotations, containers and the help.

It draws line by line (Textual's Line API) and asks its document only for lines in view; a change repaints each line from
the first cell that differs. Without wrapping, `‹` and `›` show that a line continues to the left or the right.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.actions import SkipAction
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.widgets import Input

from podtui.ui.commands import bindings
from podtui.ui.widgets.key_hints import first_key
from podtui.ui.widgets.text_body import TextBody
from podtui.ui.widgets.text_document import Document, Highlight, Line, Match, Part
from podtui.ui.widgets.text_line import TextLine

__all__ = ["Highlight", "Line", "Part", "TextView"]

MOST_MATCHES = 10_000
_NEAR = 200  # lines: how far to search for a line that moved


class SearchLine(Horizontal):
    """The search input at the bottom."""

    DEFAULT_CSS = """
    SearchLine { height: 1; background: $panel; display: none; }
    SearchLine > #slash { width: 1; }
    SearchLine > #count { width: 18; }
    SearchLine > Input { width: 1fr; }
    """

    def __init__(self) -> None:
        super().__init__()
        self.input = Input(compact=True, select_on_focus=False)
        self.input.cursor_blink = False  # each blink would send bytes to the terminal
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
        """The lines, or those in view, changed: see `shown`."""

        def __init__(self, view: TextView) -> None:
            super().__init__()
            self.view = view

        def can_replace(self, message: Message) -> bool:
            return isinstance(message, TextView.Scrolled) and message.view is self.view

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.body = TextBody()
        self._search = SearchLine()
        self._needle = ""
        self._matches: list[Match] = []
        self._place = -1  # index of the current match

    def compose(self) -> ComposeResult:
        yield self.body
        yield self._search

    def focus(self, scroll_visible: bool = True) -> TextView:
        self.body.focus(scroll_visible)
        return self

    # -- display ------------------------------------------------------------------------------------------------
    def set_lines(self, lines: Sequence[Line], *, highlight: Highlight | None = None, keep: bool = False) -> None:
        """Show other lines, each without a line end. `keep` preserves the reader's place: it searches for the first line in view
        near its old place. `highlight` provides the parts of a plain line when it is first in view."""
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

    @property
    def at_end(self) -> bool:
        """Whether the last line is in view."""
        return self.shown[1] >= self.shown[2]

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
        """Whether the text is paler, for an object that no longer exists."""
        return self.body.dimmed

    @dimmed.setter
    def dimmed(self, value: bool) -> None:
        if value != self.body.dimmed:
            self.body.dimmed = value
            self.body.refresh()

    @property
    def shown(self) -> tuple[int, int, int]:
        """The first and the last line in view, counted from 1, and the number of lines."""
        return self.body.shown

    def scroll_to_line(self, number: int) -> None:
        """Scroll that line (counted from 0) to the top."""
        self.body.top = (max(0, number), 0)
        self.body.show()

    def on_text_body_moved(self, message: TextBody.Moved) -> None:
        message.stop()
        self.post_message(self.Scrolled(self))

    # -- commands -----------------------------------------------------------------------------------------------
    def action_rows(self, by: int) -> None:
        self.body.scroll_rows(by)

    def action_page(self, direction: int) -> None:
        self.body.scroll_rows(direction * max(1, self.body.size.height - 1))

    def action_first(self) -> None:
        self.body.left = 0
        self.scroll_to_line(0)

    def action_last(self) -> None:
        self.body.top = (max(0, len(self.lines) - 1), 0)
        self.body.scroll_rows(1 << 30)

    def action_columns(self, direction: int) -> None:
        self.body.scroll_cells(direction * max(8, self.body.size.width // 2))

    def action_wrap(self) -> None:
        self.wrap = not self.wrap

    # -- search -------------------------------------------------------------------------------------------------
    def action_search(self) -> None:
        self._search.display = True
        self._search.input.value = self._needle
        self._search.input.focus()

    def action_match(self, direction: int) -> None:
        if not self._needle:
            self.app.notify(f"no search yet; {first_key(self.app, 'text.search')} searches", markup=False)
        if self._matches:
            self._place = (self._place + direction) % len(self._matches)
            self._go()
            self.body.show()

    def action_close_search(self) -> None:
        if not self._search.display:
            raise SkipAction  # leave Esc to the widgets around this one
        self._search.display = False
        self.search("")
        self.body.focus()

    def search(self, needle: str) -> int:
        """Highlight all matches of `needle` and go to the next from here; returns their number (at most 10,000)."""
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
    """The new number of the line that was at `number`: the nearest equal line, else the same number."""
    for distance in range(_NEAR):
        for place in (number - distance, number + distance):
            if 0 <= place < len(lines) and lines[place] == line:
                return place
    return number
