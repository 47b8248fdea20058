"""An editable text with line numbers and the faults of each line beside it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from rich.text import Text
from textual import events
from textual.geometry import Size
from textual.widgets import TextArea

from podtui.text import harmless, piled_marks
from podtui.ui.themes import palette
from podtui.ui.widgets.yaml_highlight import entry_parts

_LONGEST = 2000  # characters of a line that get colours
_FIRST_PRIVATE = 0xE000  # of the code points that are private use in Unicode


class EditArea(TextArea):
    """Textual's TextArea with YAML's colours and with messages at lines. Bytes are kept: see `Substitutes`.

    `messages` maps a line (from 0) to its faults.
    """

    DEFAULT_CSS = """
    EditArea, EditArea:focus { border: none; padding: 0; background: $surface; }
    """

    def __init__(self, text: str, *, yaml: bool = True) -> None:
        super().__init__(show_line_numbers=True, tab_behavior="indent", soft_wrap=False)
        self.indent_width = 2
        self.cursor_blink = False  # each blink would send bytes to the terminal
        self._yaml = yaml
        self._messages: Mapping[int, str] = {}
        self._substitutes = Substitutes()
        self.content = text

    @property
    def content(self) -> str:
        """The text, with its original characters."""
        return self._substitutes.back(self.text)

    @content.setter
    def content(self, text: str) -> None:
        self._substitutes = Substitutes()
        self.load_text(self._substitutes.put(text))

    @property
    def hidden_characters(self) -> bool:
        """Whether the text has substituted characters."""
        return self._substitutes.used

    @property
    def messages(self) -> Mapping[int, str]:
        return self._messages

    @messages.setter
    def messages(self, messages: Mapping[int, str]) -> None:
        self._messages = messages
        self._line_cache.clear()
        self.refresh()

    def get_line(self, line_index: int) -> Text:
        styles = palette(self.app)
        line = self.document.get_line(line_index)
        if self._yaml and len(line) <= _LONGEST:
            text = Text.assemble(*((part, styles[style] if style else "") for part, style in entry_parts(line)), end="", no_wrap=True)
        else:
            text = Text(line, end="", no_wrap=True)
        if line_index in self._messages:
            text.append(f"  ◀ {harmless(self._messages[line_index])}", styles["error"])
        return text

    def _refresh_size(self) -> None:
        super()._refresh_size()
        width, height = self.virtual_size  # at least the widget's, so that a message after a short line is not cut
        self.virtual_size = Size(max(width, self.scrollable_content_region.width), height)

    async def _on_key(self, event: events.Key) -> None:
        """Enter keeps the indentation. Runs before TextArea's own handler, which starts the line at the left edge."""
        if event.key == "enter" and self._yaml and not self.read_only:
            event.stop()
            event.prevent_default()
            row, column = min(self.selection)
            before = self.document.get_line(row)[:column]
            self._replace_via_keyboard("\n" + before[: len(before) - len(before.lstrip(" "))], *self.selection)

    async def _on_paste(self, event: events.Paste) -> None:
        """Runs before TextArea's own handler. Terminals send a pasted line end as a carriage return."""
        event.text = self._substitutes.put(event.text.replace("\r\n", "\n").replace("\r", "\n"))


class Substitutes:
    """Replaces control characters, and marks in any number, with visible ones and restores them at the end: an unedited text comes back
    unchanged.

    Each character has one substitute that does not occur in the text. Line ends and tabs stay.
    """

    def __init__(self) -> None:
        self._forth: dict[int, str] = {}
        self._back: dict[int, str] = {}

    def put(self, text: str) -> str:
        """The text with substitutes; may be called again with more text (a paste)."""
        taken = {*text, *self._forth.values()}
        piled = piled_marks(text)
        for character in sorted(set(text)):
            if character in "\n\t" or ord(character) in self._forth:
                continue
            if character in piled or harmless(character) != character:
                substitute = next(found for found in _candidates(character) if found not in taken)
                taken.add(substitute)
                self._forth[ord(character)] = substitute
                self._back[ord(substitute)] = character
        return text.translate(self._forth)

    def back(self, text: str) -> str:
        return text.translate(self._back)

    @property
    def used(self) -> bool:
        """Whether any character was replaced."""
        return bool(self._forth)


def _candidates(character: str) -> Iterator[str]:
    picture = harmless(character)
    if len(picture) == 1:
        yield picture
    yield from map(chr, range(_FIRST_PRIVATE, 0xF8FF))
