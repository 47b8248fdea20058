"""A small dialog to choose one of a few names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from rich.cells import cell_len
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from podtui.text import harmless
from podtui.ui.commands import bindings


class Chooser(ModalScreen[str | None]):
    """Dismissed with the name, or None after Esc. A name that cannot be chosen is dimmed, in parentheses, followed by the reason.

    `▸` marks the one that Enter chooses, as in the buttons of a dialog, `●` the current one.
    """

    BINDINGS: ClassVar[list[BindingType]] = [*bindings("choose")]

    DEFAULT_CSS = """
    Chooser { align: center middle; }
    Chooser > Vertical {
        width: auto; min-width: 30; max-width: 90%; height: auto; max-height: 90%;
        border: round $primary; background: $surface; padding: 0 1;
    }
    Chooser Static { text-style: bold; height: auto; width: auto; max-width: 100%; }
    Chooser OptionList, Chooser OptionList:focus {
        width: auto; min-width: 26; height: auto; max-height: 16; border: none; padding: 0; background: $surface;
    }
    """

    def __init__(
        self, title: str, names: Sequence[str], current: str = "", *, notes: Mapping[str, str] | None = None, refused: Sequence[str] = ()
    ) -> None:
        """`notes` maps names to the text after them; the names in `refused` cannot be chosen."""
        super().__init__()
        self._title = title
        self._names = list(names)
        self._current = current
        self._notes = notes or {}
        self._refused = refused
        free = [place for place, name in enumerate(self._names) if name not in self._refused]
        self._marked = self._names.index(current) if current in self._names else min(free, default=0)  # the option with the cursor

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Static(Text(harmless(self._title)))
            yield OptionList(*(Option(self._line(place), disabled=name in self._refused) for place, name in enumerate(self._names)))

    def _line(self, place: int) -> Text:
        name = self._names[place]
        line = Text(f"{'▸' if place == self._marked else ' '}{'●' if name == self._current else ' '}{self._shown(name)}")
        if note := self._notes.get(name):
            widest = max(cell_len(self._shown(other)) for other in self._names if self._notes.get(other))
            line.append(" " * (widest - cell_len(self._shown(name)) + 2) + harmless(note), "dim")
        return line

    def _shown(self, name: str) -> str:
        return f"({harmless(name)})" if name in self._refused else harmless(name)

    def on_mount(self) -> None:
        options = self.query_one(OptionList)
        if self._current in self._names:
            options.highlighted = self._names.index(self._current)
        options.focus()

    def action_cancel(self) -> None:
        self.dismiss(None)

    def action_down(self) -> None:
        self.query_one(OptionList).action_cursor_down()

    def action_up(self) -> None:
        self.query_one(OptionList).action_cursor_up()

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        event.stop()
        before, self._marked = self._marked, event.option_index
        for place in {before, self._marked}:
            event.option_list.replace_option_prompt_at_index(place, self._line(place))

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self.dismiss(self._names[event.option_index])
