"""The line at the bottom of every screen that shows new messages until the next key.

It takes the place of the key hints, or its own room where there are none; nothing is ever laid over what is read or typed. A long message
gets up to three lines.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.cells import cell_len, chop_cells
from rich.segment import Segment
from textual.geometry import Size
from textual.screen import Screen
from textual.strip import Strip
from textual.widget import Widget

from podtui.text import harmless
from podtui.ui.messages.history import MARKS, Said
from podtui.ui.themes import palette
from podtui.ui.widgets.key_hints import KeyHints
from podtui.ui.widgets.text_document import Part

_MOST = 3  # lines


class MessageLine(Widget):
    DEFAULT_CSS = """
    MessageLine { dock: bottom; height: auto; background: $panel; color: $foreground; }
    """

    def __init__(self, key: str) -> None:
        """`key` shows all messages."""
        super().__init__()
        self._key = key
        self._messages: Sequence[Said] = ()
        self._laid: tuple[int, list[list[Part]]] = (0, [])

    def show(self, messages: Sequence[Said]) -> None:
        self._messages, self._laid = messages, (0, [])
        self.display = bool(messages)
        self.refresh(layout=True)

    @property
    def text(self) -> str:
        """What it shows, without styles."""
        return "\n".join("".join(text for text, _ in line).rstrip() for line in self._lines(self.size.width))

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        return max(1, len(self._lines(width)))

    def render_line(self, y: int) -> Strip:
        base, styles, width = self.rich_style, palette(self.app), self.size.width
        lines = self._lines(width)
        parts = lines[y] if y < len(lines) else []
        return Strip([Segment(text, base + styles[style] if style else base) for text, style in parts]).crop_extend(0, width, base)

    def _lines(self, width: int) -> list[list[Part]]:
        if self._laid[0] != width:
            self._laid = width, message_lines(self._messages, width, self._key)
        return self._laid[1]


def message_lines(messages: Sequence[Said], width: int, key: str) -> list[list[Part]]:
    """The newest messages that fit, oldest first, in at most three lines; the count of those left out, with the key that shows them.

    A warning or an error is rather cut than left out: what was told after it, such as that a change is done, would hide it.
    """
    found: list[list[Part]] = []
    left_out = 0
    for said in reversed(messages):
        sign, style = MARKS[said.severity]
        shade = "" if said.severity == "information" else style
        rows = [row for text in said.words.split("\n") for row in _wrapped(harmless(text, tab=4), max(1, width - 3))]
        lines: list[list[Part]] = [[(f" {sign} " if number == 0 else "   ", style), (row, shade)] for number, row in enumerate(rows)]
        room = _MOST - len(found)
        if not room or (found and len(lines) > room and said.severity == "information"):
            left_out += 1
            continue
        if len(lines) > room:
            lines, left_out = lines[:room], left_out + 1
        found = lines + found
    if left_out and found:
        more: Part = (f" … all: {key} ", "dim")
        _cut(found[-1], width - cell_len(more[0]))
        found[-1].append(more)
    return found


def _cut(line: list[Part], width: int) -> None:
    """Shorten or fill a line in place."""
    sign, (text, style) = line[0], line[1]
    room = max(0, width - cell_len(sign[0]))
    if cell_len(text) > room:
        text = next(iter(chop_cells(text, room)), "") if room else ""
    line[1:] = [(text + " " * (room - cell_len(text)), style)]


def _wrapped(text: str, width: int) -> list[str]:
    """A text in rows of that many cells, broken between words where possible."""
    rows, row = [], ""
    for word in text.split(" "):
        if row and cell_len(row) + 1 + cell_len(word) > width:
            rows.append(row)
            row = word
        else:
            row = f"{row} {word}" if row else word
        while cell_len(row) > width:
            first, *_ = chop_cells(row, width)
            rows.append(first)
            row = row[len(first) :]
    return [*rows, row]


async def show_messages(screen: Screen[Any], messages: Sequence[Said], key: str) -> None:
    """Show the messages on a screen, in its foot if it is a dialog; none: show the key hints again."""
    line = next(iter(screen.query(MessageLine)), None)
    if not messages and (line is None or not line.display):
        return
    if line is None:
        line = MessageLine(key)
        foot = next(iter(screen.query("#dialog-foot")), screen)
        await foot.mount(line)
    for hints in screen.query(KeyHints):
        hints.display = not messages
    line.show(messages)
