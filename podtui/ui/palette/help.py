"""Every key and what it does, from the Command objects and the user's keymap: those of the focused pane first."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Mapping, Sequence
from itertools import zip_longest
from typing import ClassVar

from rich.cells import cell_len
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.screen import ModalScreen

from podtui import __version__
from podtui.ui.commands import COMMANDS, Command
from podtui.ui.widgets.key_hints import first_key, key_name
from podtui.ui.widgets.text_document import Part
from podtui.ui.widgets.text_line import TextLine
from podtui.ui.widgets.text_view import TextView

WHERE = {
    "main": "Main screen",
    "table": "Lists",
    "list": "Lists",
    "app": "Everywhere",
    "details": "Details",
    "text": "Texts",
    "logs": "Logs",
    "histogram": "Logs: histogram",
    "sources": "Containers of a log",
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
    "tour": "Walkthroughs",
}
TWO_COLUMNS = 160  # columns of the screen from which two stand side by side
_KEYS, _ID = 14, 27  # columns for the keys, and for the id where it has a column of its own
_ROOMY = 98  # columns of the text from which the id has one
_GAP = "   "

Row = list[Part]


def keys_of(command: Command, keymap: Mapping[str, str]) -> str:
    """The keys of a command as a person reads them, from the user's keymap if set there."""
    return " ".join(dict.fromkeys(key_name(key.strip()) for key in keymap.get(command.id, command.key or "colon").split(",")))


def sections(focused: Sequence[str], offered: Callable[[Command], bool]) -> dict[str, list[Command]]:
    """The offered commands by heading; first the headings of what is `focused`, from the inside to the outside (Command.where)."""
    found: dict[str, list[Command]] = {WHERE[where]: [] for where in (*focused, *WHERE) if where in WHERE}
    for command in COMMANDS:
        if offered(command):
            found[WHERE[command.where]].append(command)
    return {heading: commands for heading, commands in found.items() if commands}


def help_lines(found: Mapping[str, Sequence[Command]], keymap: Mapping[str, str], width: int) -> list[Row]:
    """The commands in lines of at most that many columns."""
    rows: list[Row] = []
    for heading, commands in found.items():
        rows += [*([[]] if rows else []), [(heading, "title")]]
        for command in commands:
            rows += _command_rows(command, keys_of(command, keymap), width)
    return rows


def _command_rows(command: Command, keys: str, width: int) -> list[Row]:
    """The keys, the sentence, and the id: in a column of its own if there is room, otherwise after the sentence."""
    style = "danger" if command.changes else ""
    roomy = width >= _ROOMY
    room = width - _KEYS - 1 - (_ID if roomy else 0)
    lines = textwrap.wrap(command.help, room)
    rows: list[Row] = [[(" " * (_KEYS + 1), ""), (line, style)] for line in lines]
    rows[0][0] = (f"{keys:<{_KEYS}} ", "label.key")
    if roomy:
        rows[0] += [(" " * (room - cell_len(lines[0])), ""), (command.id, "dim")]
    elif len(lines[-1]) + 2 + len(command.id) <= room:
        rows[-1].append((f"  {command.id}", "dim"))
    else:
        rows.append([(" " * (_KEYS + 1), ""), (command.id, "dim")])
    return rows


def side_by_side(rows: Sequence[Row], width: int) -> list[Row]:
    """Two columns of that width each; the second one begins with the heading that is nearest to the middle."""
    half = min((at for at, row in enumerate(rows) if not row), key=lambda at: abs(at - len(rows) // 2), default=len(rows))
    left, right = rows[:half], rows[half + 1 :]
    return [[*_filled(one or [], width), (_GAP, ""), *(two or [])] for one, two in zip_longest(left, right)]


def _filled(row: Row, width: int) -> Row:
    return [*row, (" " * max(0, width - sum(cell_len(text) for text, _ in row)), "")]


class HelpScreen(ModalScreen[None]):
    """A text to search; Esc, ? or q leaves. Omits commands that are not `offered`."""

    BINDINGS: ClassVar[list[Binding]] = [Binding("escape,question_mark,q", "close", "Back", show=True)]  # type: ignore[assignment]

    DEFAULT_CSS = """
    HelpScreen { align: center middle; background: $background 60%; }
    HelpScreen > Vertical { width: 112; max-width: 100%; height: 90%; background: $surface; border: solid $primary; }
    HelpScreen.-two > Vertical { width: 100%; }
    """

    def __init__(self, focused: Sequence[str] = (), offered: Callable[[Command], bool] = lambda _: True) -> None:
        """`focused` says where the user was (Command.where), from the inside to the outside."""
        super().__init__()
        self._sections = sections(focused, offered)
        self._width = 0

    def compose(self) -> ComposeResult:
        with Vertical():
            yield TextLine(id="help-title")
            yield TextLine(id="help-heading")
            yield TextView(id="help")

    def on_mount(self) -> None:
        find, back = first_key(self.app, "text.search"), "Esc"
        right = [(f"{find} searches, {back} goes back; rebind by id in config.yaml ", "dim")]
        self.query_one("#help-title", TextLine).show([(f" podtui {__version__}: keys ", "title")], right)
        heading = f"{'KEYS':<{_KEYS}} WHAT IT DOES, AND ITS ID"
        self.query_one("#help-heading", TextLine).show([(heading, "header")])
        self.query_one(TextView).focus()

    def on_resize(self) -> None:
        self.set_class(self.size.width >= TWO_COLUMNS, "-two")
        self.call_after_refresh(self._lay_out)

    def _lay_out(self) -> None:
        view = self.query_one(TextView)
        width = view.body.size.width
        if width == self._width or width < _KEYS * 2:
            return
        self._width = width
        keymap = self.app._keymap
        if self.size.width >= TWO_COLUMNS:
            column = (width - len(_GAP)) // 2
            view.set_lines(side_by_side(help_lines(self._sections, keymap, column), column), keep=True)
        else:
            view.set_lines(help_lines(self._sections, keymap, width), keep=True)

    def action_close(self) -> None:
        self.dismiss()
