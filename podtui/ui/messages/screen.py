"""The history of all messages of this run, newest first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding
from textual.screen import ModalScreen

from podtui.text import counted
from podtui.ui.commands import bindings
from podtui.ui.messages.history import MARKS, Said
from podtui.ui.widgets.key_hints import KeyHints
from podtui.ui.widgets.text_document import Line
from podtui.ui.widgets.text_line import TextLine
from podtui.ui.widgets.text_view import TextView


class MessagesScreen(ModalScreen[None]):
    BINDINGS: ClassVar[list[Binding]] = bindings("messages", "app.help")  # type: ignore[assignment]

    DEFAULT_CSS = """
    MessagesScreen { background: $background; layout: vertical; }
    MessagesScreen TextView { background: $surface; }
    """

    def __init__(self, messages: Sequence[Said]) -> None:
        super().__init__()
        self._messages = messages
        self._text = TextView(id="messages")

    def compose(self) -> ComposeResult:
        yield TextLine(id="messages-title")
        yield self._text
        yield KeyHints()

    def on_mount(self) -> None:
        number = len(self._messages)
        self.query_one("#messages-title", TextLine).show([(" Messages ", "title"), (f"{counted(number, 'message')}, newest first", "dim")])
        self._text.wrap = True
        self._text.set_lines([line for said in reversed(self._messages) for line in _lines(said)] or [[("no messages yet", "dim")]])
        self._text.focus()

    def action_close(self) -> None:
        self.dismiss()


def _lines(said: Said) -> list[Line]:
    sign, style = MARKS[said.severity]
    first, *rest = said.words.split("\n")
    shade = "" if said.severity == "information" else style
    return [[(f" {said.at:%H:%M:%S} ", "dim"), (f"{sign} ", style), (first, shade)], *([(f"            {line}", shade)] for line in rest)]
