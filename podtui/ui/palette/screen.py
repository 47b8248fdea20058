"""The command palette: every command by name, and the short forms `:po`, `:ns`, `:ctx`, `:no`, `:pf`, `:q`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input

from podtui.completion import Completion
from podtui.errors import PodtuiError, SelectorError
from podtui.text import harmless
from podtui.ui.commands import BY_ID, COMMANDS, Command
from podtui.ui.palette.completion import Names, complete_prompt
from podtui.ui.palette.help import keys_of
from podtui.ui.palette.prompt import FORMS, VERBS, Request, Unfinished, error_words, read_prompt
from podtui.ui.widgets.row_table import Cell, RowTable, TableColumn
from podtui.ui.widgets.text_line import TextLine
from podtui.yamlcheck import near

_COMMANDS = (TableColumn("keys", "KEYS", 14), TableColumn("title", "COMMAND", 18), TableColumn("help", "WHAT IT DOES", 70))
_CANDIDATES = (TableColumn("name", "NAME", 63), TableColumn("count", "PODS", 6, right=True))
_OFFERED = [command for command in COMMANDS if command.where in ("app", "main", "list") and command.id != "app.palette"]


class PaletteScreen(ModalScreen[Request | str]):
    """Type to narrow, Up and Down to choose, Tab to complete, Enter to run. Dismissed with a request, or the id of a command; with
    None after Esc."""

    BINDINGS: ClassVar[list[Binding]] = [  # type: ignore[assignment]
        Binding("escape", "close", "Back"),
        Binding("down", "move(1)", "Down", priority=True),
        Binding("up", "move(-1)", "Up", priority=True),
        Binding("tab", "complete", "Complete", priority=True),
        Binding("shift+tab", "move(-1)", "Up", priority=True),
    ]

    DEFAULT_CSS = """
    PaletteScreen { align: center top; background: $background 60%; }
    PaletteScreen > Vertical { width: 90; max-width: 100%; height: 70%; background: $surface; border: solid $primary; }
    PaletteScreen Input { padding: 0 1; background: $panel; }
    """

    def __init__(self, refusal: Callable[[str], str], names: Names) -> None:
        """`refusal` returns why the command with an id cannot run, or ""."""
        super().__init__()
        self._refusal = refusal
        self._names = names
        self._completion: Completion | None = None  # None: the table shows commands
        self._chosen = False  # whether the arrow keys moved to a candidate
        self._refused = ""  # the text with which Enter was pressed in vain

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Input(placeholder="a command, or: po -n x -l y | ns x | ctx x | no | pf | q", compact=True, select_on_focus=False)
            yield TextLine(id="palette-words")
            yield RowTable(self._cells, id="palette")

    def on_mount(self) -> None:
        self._table.can_focus = False
        self._input.cursor_blink = False  # an idle screen sends no bytes
        self._table.set_columns(_COMMANDS)
        self._show_commands("")
        self._input.focus()

    @property
    def _table(self) -> RowTable:
        return self.query_one(RowTable)

    @property
    def _input(self) -> Input:
        return self.query_one(Input)

    # -- what is offered ----------------------------------------------------------------------------------------
    def _cells(self, key: str) -> Sequence[Cell]:
        if self._completion is not None:
            candidate = next((one for one in self._completion.candidates if one.text == key), None)
            count = "" if candidate is None or candidate.count is None else str(candidate.count)
            return [Cell(key), Cell(count, "dim")]
        command = BY_ID[key]
        refusal = self._refusal(command.id)
        style = "dim" if refusal else ""
        return [Cell(keys_of(command, self.app._keymap), "label.key"), Cell(command.title, style), Cell(refusal or command.help, style)]

    @on(Input.Changed)
    def _typed(self) -> None:
        text = self._text
        self._chosen = False
        self._completion = complete_prompt(text, self._names)
        self._table.set_columns(_COMMANDS if self._completion is None else _CANDIDATES)
        if self._completion is None:
            self._show_commands(text)
        else:
            self._table.set_keys([candidate.text for candidate in self._completion.candidates], anew=True)
            self._table.move_to(0)
        self._say(text)

    def _show_commands(self, text: str) -> None:
        words = text.lower().split()
        offered = [] if _verb(text) else [command for command in _OFFERED if all(word in _searched(command) for word in words)]
        typed = " ".join(words)  # a typed command's name means that command, not one with the word in its help
        offered.sort(key=lambda command: (command.title.lower() != typed, not command.title.lower().startswith(typed)) if typed else ())
        self._table.set_keys([command.id for command in offered], anew=True)
        self._table.move_to(0)

    @property
    def _text(self) -> str:
        return self._input.value.removeprefix(":").lstrip()

    def _say(self, text: str) -> None:
        """Show the fault, or what may follow. What is merely unfinished is not a fault until Enter is pressed."""
        fault, form = self._fault(text), FORMS.get(_verb(text), "")
        if fault and (text == self._refused or not _is_unfinished(text)):
            self.query_one(TextLine).show([(f" ✗ {fault}", "error")])
        else:
            self.query_one(TextLine).show([(f" {form}", "dim")] if form else [])

    def _fault(self, text: str) -> str:
        """Why the text cannot be run, or ""."""
        if fault := error_words(text):
            return fault
        request = read_prompt(text)
        if request is None:
            return _unknown(text) if text.strip() and not self._table.keys else ""
        forwards = (("saved forward", name, self._names.forwards) for name in request.forwards)
        for what, name, known in (("context", request.context, self._names.contexts), *forwards):
            if name and name not in known and (known or what != "context"):
                return f"there is no {what} `{harmless(name)}`{near(name, known)}"
        return ""

    # -- keys ---------------------------------------------------------------------------------------------------
    @on(Input.Submitted)
    def _entered(self) -> None:
        if self._completion is not None and self._chosen and self._table.cursor_key:
            self.action_complete()
        text = self._text
        if self._fault(text):
            if _verb(text) and len(text.split()) == 1:
                text = f"{text.strip()} "  # shows what may follow
            self._refused = text
            self._fill(text)
        elif chosen := read_prompt(text) or self._table.cursor_key:
            self.dismiss(chosen)

    def action_move(self, by: int) -> None:
        self._chosen = True
        self._table.move_to(self._table.position[0] - 1 + by)

    def action_complete(self) -> None:
        """Insert the candidate at the cursor, or the name of the command."""
        key = self._table.cursor_key
        if self._completion is not None and key:
            lead = len(self._input.value) - len(self._text)
            start, end = self._completion.start + lead, self._completion.end + lead
            self._fill(f"{self._input.value[:start]}{key}{self._input.value[end:]}")
        elif self._completion is None and key:
            self._fill(BY_ID[key].title.lower())
        elif self._completion is None and _verb(self._text):
            self._fill(f"{self._input.value.rstrip()} ")

    def _fill(self, value: str) -> None:
        self._input.value = value
        self._input.cursor_position = len(value)
        self._typed()

    @on(RowTable.Opened)
    def _clicked(self, event: RowTable.Opened) -> None:
        event.stop()
        if self._completion is None:
            self.dismiss(event.key)
        else:
            self.action_complete()

    def action_close(self) -> None:
        self.dismiss(None)


def _verb(text: str) -> str:
    """The key of FORMS that the first word stands for, or ""."""
    return VERBS.get(text.split()[0].lower(), "") if text.split() else ""


def _is_unfinished(text: str) -> bool:
    try:
        read_prompt(text)
    except Unfinished:
        return True
    except SelectorError as error:
        return error.position >= len(error.text.rstrip())
    except PodtuiError:
        return False
    return False


def _searched(command: Command) -> str:
    return f"{command.title} {command.help} {command.id}".lower()


def _unknown(text: str) -> str:
    """What to say of a word that is neither a command nor a short form."""
    known = [word for word in dict.fromkeys([*VERBS, *(command.title.lower() for command in _OFFERED)]) if len(word) > 2]
    nearest = near(text.strip(), known, likeness=0.7)  # `secrets` is a kind that podtui does not list, and not `events` in a hurry
    return f"`{harmless(text.strip())}` is not a command{nearest or ': podtui lists pods, nodes, namespaces'}"
