"""The buttons of a dialog: the one with the focus is filled and marked, so that a colour is not needed to tell them apart."""

from __future__ import annotations

from textual.content import Content
from textual.geometry import Size
from textual.widgets import Button


class DialogButton(Button):
    """`▸ Delete` filled with its colour when it has the focus, else `  Delete`. One line high."""

    DEFAULT_CSS = """
    DialogButton.-textual-compact, DialogButton.-textual-compact:hover, DialogButton.-textual-compact.-active {
        width: auto; min-width: 0; height: 1; margin-right: 2;
        border: none !important; tint: transparent; background: transparent; background-tint: transparent;
        color: $foreground; text-style: none;
    }
    DialogButton.-textual-compact.-danger { color: $text-error; }
    DialogButton.-textual-compact:hover { text-style: underline; }
    DialogButton.-textual-compact:focus { text-style: bold reverse; }
    DialogButton.-textual-compact.-blocked { text-opacity: 60%; }
    """

    def key_left(self) -> None:
        self._move(-1)

    def key_right(self) -> None:
        self._move(1)

    def _move(self, by: int) -> None:
        """To the button beside this one."""
        row = [one for one in self.screen.query(DialogButton) if one.parent is self.parent and one.focusable]
        row[(row.index(self) + by) % len(row)].focus()

    def render(self) -> Content:
        assert isinstance(self.label, Content)
        return Content.assemble("▸ " if self.has_focus else "  ", self.label)

    def get_content_width(self, container: Size, viewport: Size) -> int:
        assert isinstance(self.label, Content)
        return self.label.cell_length + 2 + 2 * self.styles.line_pad
