"""The small list under an entry: candidates with counts, one of them marked, and lines of text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from podtui.text import harmless

ROWS = 8  # visible candidates; more of them scroll


class DropDown(Widget, can_focus=False):
    """Overlays the screen below its owner; never has the focus. Candidates are pairs (text, count or None)."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"drop-down--marked", "drop-down--count", "drop-down--note", "drop-down--error"}

    DEFAULT_CSS = """
    DropDown {
        overlay: screen; constrain: inside none; display: none;
        width: auto; height: auto; background: $panel-lighten-1; color: $foreground;
        & > .drop-down--marked {
            background: $block-cursor-background; color: $block-cursor-foreground; text-style: $block-cursor-text-style;
        }
        & > .drop-down--count, & > .drop-down--note { text-style: dim; }
        & > .drop-down--error { color: $text-error; }
    }
    """

    class Picked(Message):
        """The user clicked a candidate."""

        def __init__(self, index: int) -> None:
            super().__init__()
            self.index = index

    def __init__(self) -> None:
        super().__init__()
        self.candidates: list[tuple[str, str]] = []
        self.words: list[tuple[str, bool]] = []
        self.marked = 0
        self.top = 0

    def show(self, candidates: Sequence[tuple[str, int | None]], marked: int, words: Sequence[tuple[str, bool]]) -> None:
        """Show candidates, with `marked` as the index of the current one, and lines of text, each with whether it is an error.

        Hides itself without either. The owner sets the position afterwards, from `columns` and `rows`.
        """
        self.candidates = [(harmless(text), "" if count is None else str(count)) for text, count in candidates]
        self.words = [(harmless(text), error) for text, error in words]
        self.top = 0
        self.mark(marked)
        self.display = bool(self.rows)
        self.refresh(layout=True)

    def mark(self, index: int) -> None:
        """Move the mark, and scroll it into view."""
        self.marked = max(0, min(index, len(self.candidates) - 1))
        self.top = max(min(self.top, self.marked), self.marked - ROWS + 1)
        self.refresh()

    @property
    def lines(self) -> list[tuple[str, bool]]:
        """The lines under the candidates: the position in a long list, and the text."""
        long = len(self.candidates) > ROWS
        count = str(len(self.candidates))
        return [*([(f"{self.marked + 1:>{len(count)}} of {count}", False)] if long else []), *self.words]

    @property
    def rows(self) -> int:
        return min(len(self.candidates), ROWS) + len(self.lines)

    @property
    def columns(self) -> int:
        count = max((len(count) for _, count in self.candidates), default=0)
        rows = [cell_len(text) + (count + 2 if count else 0) for text, _ in self.candidates]
        return min(self.app.size.width, 3 + max([*rows, *(cell_len(text) for text, _ in self.lines)], default=0))

    def get_content_width(self, container: object, viewport: object) -> int:
        return self.columns

    def get_content_height(self, container: object, viewport: object, width: int) -> int:
        return self.rows

    def render_line(self, y: int) -> Strip:
        base, width = self.rich_style, self.size.width
        index = self.top + y
        if y < ROWS and index < len(self.candidates):
            text, count = self.candidates[index]
            style = base + self._part("drop-down--marked") if index == self.marked else base
            # The mark must be visible without colours.
            row = [Segment(f"{'›' if index == self.marked else ' '} ", style)]
            room = max(0, width - 3 - (len(count) + 2 if count else 0))
            row.append(Segment(_fit(text, room), style))
            if count:
                row.append(Segment(f"  {count}", style if index == self.marked else base + self._part("drop-down--count")))
            return Strip([*row, Segment(" ", style)]).crop_extend(0, width, base)
        row_of_words = y - min(len(self.candidates), ROWS)
        lines = self.lines
        if row_of_words >= len(lines):
            return Strip.blank(width, base)
        text, error = lines[row_of_words]
        style = base + self._part("drop-down--error" if error else "drop-down--note")
        return Strip([Segment(f"  {_fit(text, width - 3)} ", style)]).crop_extend(0, width, base)

    def _part(self, name: str) -> Style:
        return self.get_component_rich_style(name, partial=True)

    def on_click(self, event: events.Click) -> None:
        event.stop()
        if event.y < min(len(self.candidates), ROWS):
            self.post_message(self.Picked(self.top + event.y))

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        event.stop()
        self.mark(self.marked + 1)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        event.stop()
        self.mark(self.marked - 1)


def _fit(text: str, width: int) -> str:
    """`text` in exactly `width` cells, with … where it is cut."""
    return set_cell_size(text, width) if cell_len(text) <= width else set_cell_size(text, max(0, width - 1)) + "…"[:width]
