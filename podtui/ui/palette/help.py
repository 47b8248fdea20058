"""Every key and what it does, from the Command objects and the user's keymap."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.screen import ModalScreen

from podtui import __version__
from podtui.ui.commands import BY_ID, COMMANDS, Command
from podtui.ui.widgets.key_hints import key_name
from podtui.ui.widgets.row_table import Cell, RowTable, TableColumn
from podtui.ui.widgets.text_line import TextLine

WHERE = {
    "app": "Everywhere",
    "main": "Main screen",
    "table": "Lists",
    "list": "Lists",
    "text": "Texts",
    "details": "Details",
    "logs": "Logs",
    "histogram": "Logs: histogram",
    "forwards": "Port-forwards",
    "journal": "Journal",
    "messages": "Messages",
    "dialog": "Dialogs",
    "annotate": "Annotations",
    "create": "Create",
    "edit": "Edit",
    "editor": "Editor",
    "bar": "Bars",
    "choose": "Choices",
    "sources": "Containers of a log",
}


def keys_of(command: Command, keymap: dict[str, str]) -> str:
    """The keys of a command as a person reads them, from the user's keymap if set there."""
    return " ".join(key_name(key.strip()) for key in keymap.get(command.id, command.key or "colon").split(","))


class HelpScreen(ModalScreen[None]):
    """A list with the keys of any list; Esc, ? or q leaves. Omits commands that are not `offered`."""

    BINDINGS: ClassVar[list[Binding]] = [Binding("escape,question_mark,q", "close", "Back", show=True)]  # type: ignore[assignment]

    DEFAULT_CSS = """
    HelpScreen { align: center middle; background: $background 60%; }
    HelpScreen > Vertical { width: 100; max-width: 100%; height: 90%; background: $surface; border: solid $primary; }
    """

    def __init__(self, offered: Callable[[Command], bool] | None = None) -> None:
        super().__init__()
        commands = [command for command in COMMANDS if offered is None or offered(command)]
        self._commands = [command.id for where in WHERE for command in commands if command.where == where]

    def compose(self) -> ComposeResult:
        with Vertical():
            yield TextLine(id="help-title")
            yield RowTable(self._cells, id="help")

    def on_mount(self) -> None:
        title = self.query_one(TextLine)
        title.show([(f" podtui {__version__}: keys ", "title")], [("rebind by id in config.yaml, Esc: back ", "dim")])
        table = self.query_one(RowTable)
        self._lay_out()
        table.set_keys(self._commands, anew=True)
        table.focus()

    def on_resize(self) -> None:
        self._lay_out()

    def _lay_out(self) -> None:
        """On a narrow screen the sentences come before less important columns; the right arrow scrolls to the rest."""
        columns = (("where", "WHERE", 14), ("keys", "KEYS", 16), ("help", "WHAT IT DOES", 74), ("id", "ID", 30))
        self._order = ["where", "keys", "help", "id"] if self.size.width >= 100 else ["keys", "help", "where", "id"]
        by_key = {key: TableColumn(key, heading, width) for key, heading, width in columns}
        self.query_one(RowTable).set_columns([by_key[key] for key in self._order])

    def _cells(self, key: str) -> Sequence[Cell]:
        command = BY_ID[key]
        keymap = dict(getattr(self.app, "_keymap", {}))
        cells = {
            "where": Cell(WHERE[command.where], "dim"),
            "keys": Cell(keys_of(command, keymap), "label.key"),
            "help": Cell(command.help, "danger" if command.changes else ""),
            "id": Cell(command.id, "dim"),
        }
        return [cells[key] for key in self._order]

    def action_close(self) -> None:
        self.dismiss()
