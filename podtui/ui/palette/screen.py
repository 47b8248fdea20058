"""The command palette: every command by name, and the short forms `:po`, `:ns`, `:ctx`, `:pf`, `:q`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input

from podtui.ui.commands import BY_ID, COMMANDS
from podtui.ui.palette.help import keys_of
from podtui.ui.palette.prompt import FORMS, VERBS, Request, error_words, read_prompt
from podtui.ui.widgets.row_table import Cell, RowTable, TableColumn
from podtui.ui.widgets.text_line import TextLine


class PaletteScreen(ModalScreen[Request | str]):
    """Type to narrow, Up and Down to choose, Enter to run. Dismissed with a request, or the id of a command; with None after Esc."""

    BINDINGS: ClassVar[list[Binding]] = [  # type: ignore[assignment]
        Binding("escape", "close", "Back"),
        Binding("down", "move(1)", "Down", priority=True),
        Binding("up", "move(-1)", "Up", priority=True),
    ]

    DEFAULT_CSS = """
    PaletteScreen { align: center top; background: $background 60%; }
    PaletteScreen > Vertical { width: 90; max-width: 100%; height: 70%; background: $surface; border: solid $primary; }
    PaletteScreen Input { padding: 0 1; background: $panel; }
    """

    def __init__(self, refusal: Callable[[str], str], names: Callable[[str], Sequence[str]]) -> None:
        """`refusal` returns why the command with an id cannot run, or ""; `names` has the names that may follow a verb of FORMS."""
        super().__init__()
        self._refusal = refusal
        self._names = names

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Input(placeholder="a command, or: po -n x -l y | ns x | ctx x | no | pf | q", compact=True)
            yield TextLine(id="palette-words")
            yield RowTable(self._cells, id="palette")

    def on_mount(self) -> None:
        table = self.query_one(RowTable)
        table.can_focus = False
        table.set_columns([TableColumn("keys", "KEYS", 14), TableColumn("title", "COMMAND", 18), TableColumn("help", "WHAT IT DOES", 70)])
        self._offer("")
        self.query_one(Input).focus()

    def _cells(self, key: str) -> Sequence[Cell]:
        command = BY_ID[key]
        refusal = self._refusal(command.id)
        style = "dim" if refusal else ""
        keymap = dict(getattr(self.app, "_keymap", {}))
        return [Cell(keys_of(command, keymap), "label.key"), Cell(command.title, style), Cell(refusal or command.help, style)]

    def _offer(self, text: str) -> None:
        words = text.lower().split()
        offered = [
            command
            for command in COMMANDS
            if command.where in ("app", "main", "list")
            and command.id != "app.palette"
            and all(word in f"{command.title} {command.help} {command.id}".lower() for word in words)
        ]
        typed = " ".join(words)  # a typed command's name means that command, not one with the word in its help
        offered.sort(key=lambda command: (command.title.lower() != typed, not command.title.lower().startswith(typed)) if typed else ())
        self.query_one(RowTable).set_keys([command.id for command in offered], anew=True)
        self.query_one(RowTable).move_to(0)

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        text = event.value.removeprefix(":").strip()
        wrong = error_words(text)
        if wrong:
            self.query_one(TextLine).show([(f" {wrong}{self._known(text)}", "error")])
            return
        request = read_prompt(text)
        self.query_one(TextLine).show([] if request is None else [(f" {FORMS[request.verb]}{self._known(text)}", "dim")])
        self._offer(text if request is None else "\0")

    def _known(self, text: str) -> str:
        """The names that can follow the verb, those that begin as typed first."""
        word, _, typed = text.partition(" ")
        known = sorted(self._names(VERBS.get(word.lower(), "")), key=lambda name: (not name.startswith(typed.strip()), name))
        return f"  ({', '.join(known)})" if known else ""

    @on(Input.Submitted)
    def _entered(self, event: Input.Submitted) -> None:
        if error_words(event.value.strip()):
            return  # a line shows the fault
        if chosen := read_prompt(event.value.strip()) or self.query_one(RowTable).cursor_key:
            self.dismiss(chosen)

    def action_move(self, by: int) -> None:
        table = self.query_one(RowTable)
        table.move_to(table.position[0] - 1 + by)

    @on(RowTable.Opened)
    def _clicked(self, event: RowTable.Opened) -> None:
        event.stop()
        self.dismiss(event.key)

    def action_close(self) -> None:
        self.dismiss(None)
