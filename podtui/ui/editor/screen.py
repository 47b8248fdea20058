"""podtui's own editor: a text with line numbers, the server's messages at its lines, and no way to lose it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static, TextArea

from podtui.errors import PodtuiError
from podtui.kube.manifests.faults import Fault
from podtui.ui.background import work
from podtui.ui.commands import bindings
from podtui.ui.editor.edit_area import EditArea
from podtui.ui.editor.outside_editor import BUILT_IN, edit_outside, editor_command, kept_words
from podtui.ui.terminal.app import TerminalApp
from podtui.ui.themes import palette
from podtui.ui.widgets.key_hints import KeyHints
from podtui.ui.widgets.text_line import TextLine

Check = Callable[[str], Awaitable[Sequence[Fault]]]


class EditorScreen(ModalScreen[str | None]):
    """Dismissed with the text when it is saved and `check` finds no faults, with None when the user leaves.

    If the user leaves a changed text, also by quitting podtui, it is kept in the state folder, and a message says where.
    """

    BINDINGS: ClassVar[list[Binding]] = bindings("editor")  # type: ignore[assignment]

    DEFAULT_CSS = """
    EditorScreen { layout: vertical; background: $surface; }
    EditorScreen > TextLine { background: $primary; color: $background; }
    EditorScreen > EditArea { height: 1fr; }
    EditorScreen > VerticalScroll { height: auto; max-height: 30%; background: $panel; display: none; }
    EditorScreen > VerticalScroll > Static { height: auto; padding: 0 1; }
    """

    def __init__(
        self, text: str, name: str, title: str, *, check: Check | None = None, original: str | None = None, note: str = ""
    ) -> None:
        """`name` is the name of a file with the text; `title` describes the text; `original` is its first version; `note` is the initial
        message."""
        super().__init__()
        self.area = EditArea(text, yaml=not name.endswith((".txt", ".json")))
        self._file_name = name
        self._heading = title
        self._check = check
        self._faults: list[Fault] = []
        self._original = text if original is None else original
        self._note = note
        self._busy = False
        self._warned = False  # of leaving
        self._done = False
        self._bar = TextLine()

    app: TerminalApp

    def compose(self) -> ComposeResult:
        yield self._bar
        yield self.area
        with VerticalScroll(can_focus=False):
            yield Static(id="editor-messages")
        yield KeyHints()

    def on_mount(self) -> None:
        self.area.focus()
        self._refresh_bar()
        if self._note:
            self._say(self._note, "warn")
        elif self.area.hidden_characters:
            self._say("Control characters appear as symbols (␛) here; the text keeps them.")

    def on_unmount(self) -> None:
        if not self._done and self._changed:
            kept_words(self.app, self.area.content, self._file_name)

    @property
    def _changed(self) -> bool:
        return self.area.content != self._original

    # -- display ------------------------------------------------------------------------------------------------
    @on(TextArea.Changed)
    @on(TextArea.SelectionChanged)
    def _refresh_bar(self) -> None:
        row, column = self.area.cursor_location
        changed = "changed " if self._changed else ""
        self._bar.show([(f" {self._heading} ", "")], [(f"{changed}{row + 1}:{column + 1} ", "")])
        self._warned = self._warned and self._changed

    def _say(self, words: str, style: str = "") -> None:
        text = Text()
        for line in words.split("\n"):
            text.append(f"{line}\n", palette(self.app)[style] if style else "")
        text.rstrip()
        self._put(text)

    def _put(self, text: Text) -> None:
        self.query_one("#editor-messages", Static).update(text)
        self.query_one(VerticalScroll).display = bool(text)

    def _show_faults(self, faults: Sequence[Fault]) -> None:
        styles = palette(self.app)
        self._faults = sorted(faults, key=lambda fault: fault.line)
        by_line: dict[int, str] = {}
        text = Text()
        for fault in self._faults:
            if fault.line:
                by_line[fault.line - 1] = f"{by_line[fault.line - 1]}; {fault.words}" if fault.line - 1 in by_line else fault.words
            text.append(f"✗ {fault.line}: " if fault.line else "✗ ", styles["label.key"]).append(f"{fault.words}\n", styles["error"])
        text.rstrip()
        self.area.messages = by_line
        self._put(text)
        self.action_next_message()

    # -- commands -----------------------------------------------------------------------------------------------
    def action_next_message(self) -> None:
        """Go to the next line with a message, from the last to the first."""
        row = self.area.cursor_location[0]
        lines = sorted({fault.line - 1 for fault in self._faults if fault.line})
        if lines:
            line = min(next((line for line in lines if line > row), lines[0]), self.area.document.line_count - 1)
            text = self.area.document.get_line(line)
            self.area.move_cursor((line, len(text) - len(text.lstrip())), center=True)

    def action_save(self) -> None:
        if not self._busy:
            self._busy = True
            work(self, "editor", self._save)

    async def _save(self) -> None:
        text = self.area.content
        faults: Sequence[Fault] = ()
        try:
            if self._check is not None:
                self._say("Asking the server…")
                faults = await self._check(text)
        except PodtuiError as error:
            faults = [Fault(0, str(error).replace("\n", " - "))]
        finally:
            self._busy = False
        if faults:
            self._show_faults(faults)
        elif text == self.area.content:
            self._done = True
            self.dismiss(text)
        else:
            self._say("The text changed while the server checked it: save it again.")

    def action_leave(self) -> None:
        if not self._changed:
            self._done = True
            self.dismiss(None)
        elif not self._warned:
            self._warned = True
            self._say("Not saved. Esc again leaves the editor and keeps what you typed in a file of the state folder.", "warn")
        else:
            self._done = True
            self.app.notify(kept_words(self.app, self.area.content, self._file_name), markup=False)
            self.dismiss(None)

    def action_outside(self) -> None:
        if not self._busy:
            self._busy = True
            work(self, "editor", self._outside)

    async def _outside(self) -> None:
        """Edit the text in the user's own editor, then return here."""
        try:
            configured = self.app.options.config.editor
            command = editor_command("" if configured == BUILT_IN else configured) or editor_command("vi")
            if not self.app.terminal.usable:
                self._say("There is no terminal for an editor.", "warn")
                return
            edited = await edit_outside(self.app, self.area.content, self._file_name, command)
        except PodtuiError as error:
            self._say(f"✗ {error}", "error")
        else:
            if edited != self.area.content:
                location = self.area.cursor_location
                self.area.content = edited
                self.area.move_cursor(location)
                self.area.messages = {}
                self._faults = []
                self._put(Text())
        finally:
            self._busy = False
