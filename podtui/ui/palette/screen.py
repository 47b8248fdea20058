"""The command palette: every command by name, and the short forms `:po`, `:ns`, `:ctx`, `:pf`, `:q`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input

from podtui.kube.resources import Scope
from podtui.ui.commands import BY_ID, COMMANDS
from podtui.ui.palette.help import keys_of
from podtui.ui.palette.prompt import FORMS, Request, error_words, read_prompt
from podtui.ui.widgets.row_table import Cell, RowTable, TableColumn
from podtui.ui.widgets.text_line import TextLine

if TYPE_CHECKING:
    from podtui.ui.main.screen import MainScreen


class PaletteScreen(ModalScreen[None]):
    """Type to narrow, Up and Down to choose, Enter to run."""

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

    def __init__(self, main: MainScreen) -> None:
        super().__init__()
        self._main = main

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
        refusal = self._main.refusal(command.id)
        style = "dim" if refusal else ""
        keymap = dict(getattr(self.app, "_keymap", {}))
        return [Cell(keys_of(command, keymap), "label.key"), Cell(command.title, style), Cell(refusal or command.help, style)]

    def _offer(self, text: str) -> None:
        words = text.lower().split()
        offered = [
            command
            for command in COMMANDS
            if command.where in ("app", "main", "pods")
            and command.id != "app.palette"
            and all(word in f"{command.title} {command.help} {command.id}".lower() for word in words)
        ]
        typed = " ".join(words)  # who types a command's name means that command, not one whose sentence has the word in it
        offered.sort(key=lambda command: (command.title.lower() != typed, not command.title.lower().startswith(typed)) if typed else ())
        self.query_one(RowTable).set_keys([command.id for command in offered], anew=True)
        self.query_one(RowTable).move_to(0)

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        text = event.value.removeprefix(":").strip()
        wrong = error_words(text)
        if wrong:
            self.query_one(TextLine).show([(f" {wrong}{self._names(text)}", "error")])
            return
        request = read_prompt(text)
        self.query_one(TextLine).show([] if request is None else [(f" {FORMS[request.verb]}{self._names(text)}", "dim")])
        self._offer(text if request is None else "\0")

    def _names(self, text: str) -> str:
        """The names that can stand behind `ctx` and `pf`, those first that go on as it begins."""
        verb, _, typed = text.partition(" ")
        if verb.lower() in ("ctx", "context"):
            known = list(self.app.options.kubeconfig.contexts)  # type: ignore[attr-defined]
        elif verb.lower() == "pf":
            known = [profile.name for profile in self._main.session.forwards.profiles]
        else:
            return ""
        known.sort(key=lambda name: (not name.startswith(typed.strip()), name))
        return f"  ({', '.join(known)})" if known else ""

    @on(Input.Submitted)
    async def _entered(self, event: Input.Submitted) -> None:
        if error_words(event.value.strip()):
            return  # it stands there
        request = read_prompt(event.value.strip())
        table = self.query_one(RowTable)
        if request is not None:
            self.dismiss()
            await self._carry_out(request)
        elif table.cursor_key:
            key = table.cursor_key
            self.dismiss()
            self._main.call_after_refresh(self._main.run_command, key)

    async def _carry_out(self, request: Request) -> None:
        main = self._main
        if request.verb == "quit":
            self.app.exit(0)
        elif request.verb == "nodes":
            main.call_after_refresh(main.show_nodes, request.node)
        elif request.verb == "forwards":
            main.call_after_refresh(main.open_forwards, request.forwards)
        elif request.context:
            scope = None if request.namespaces is None else Scope(request.namespaces, request.selector or "")
            self.app.call_later(self.app.open_context, request.context, scope)  # type: ignore[attr-defined]
        elif request.verb == "namespace" and request.namespaces is None:
            main.call_after_refresh(main.go, "namespaces")
        else:
            main.show_scope(request.namespaces, request.selector)
            main.call_after_refresh(main.go, "pods")

    def action_move(self, by: int) -> None:
        table = self.query_one(RowTable)
        table.move_to(table.position[0] - 1 + by)

    @on(RowTable.Opened)
    def _clicked(self, event: RowTable.Opened) -> None:
        event.stop()
        self.dismiss()
        self._main.call_after_refresh(self._main.run_command, event.key)

    def action_close(self) -> None:
        self.dismiss()
