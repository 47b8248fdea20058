"""The terminal of a command in a simulated container, as Linux keeps one in canonical mode (N_TTY, termios(3)): what is typed is echoed,
edited and handed on by the line, and what is written gets a carriage return before each line feed.
"""

from __future__ import annotations

import re
import unicodedata
from collections import deque
from collections.abc import Callable, Generator

from podtui.demo.shell.streams import Input, Output

INTERRUPT, END, ERASE, BACKSPACE, KILL, ERASE_WORD = 0x03, 0x04, 0x7F, 0x08, 0x15, 0x17
_KEYS = re.compile(rb"\x1b(?:\[[0-?]*[ -/]*[@-~]|O.|.)?", re.DOTALL)  # arrows and the like, which edit nothing here


class TerminalInput(Input):
    """What a terminal hands on: a read gives a line at most, and Ctrl+D at the start of one ends that read, not those after it."""

    def __init__(self) -> None:
        super().__init__(closed=False)
        self.size = 0, 0
        self._pieces: deque[bytes] = deque()

    def put(self, piece: bytes) -> None:
        """A line, a part of one, or b"" for an end."""
        self._pieces.append(piece)

    def drop(self) -> None:
        """Discards what has not been read yet."""
        self._pieces.clear()

    def line(self) -> Generator[float | None, None, bytes]:
        while not self._pieces and not self.closed:
            yield None
        return self._pieces.popleft() if self._pieces else b""

    def some(self) -> Generator[float | None, None, bytes]:
        return (yield from self.line())

    def all(self) -> Generator[float | None, None, bytes]:
        found = b""
        while piece := (yield from self.line()):
            found += piece
        return found


class Terminal:
    """`type` takes what the user's side sends, `write` what the command writes; `show` is what the user's side gets of both."""

    def __init__(self, show: Output, interrupt: Callable[[], None]) -> None:
        """`interrupt` is called for Ctrl+C: the signal to what runs in front."""
        self.input = TerminalInput()
        self._show = show
        self._interrupt = interrupt
        self._line = bytearray()
        self._echo = bytearray()

    def write(self, data: bytes) -> None:
        self._show(bytes(data).replace(b"\n", b"\r\n"))

    def resize(self, columns: int, rows: int) -> None:
        self.input.size = columns, rows

    def type(self, data: bytes) -> None:
        for byte in _KEYS.sub(b"", data):
            self._take(byte)
        self._show_echo()

    def _show_echo(self) -> None:
        shown = bytes(self._echo)
        self._echo.clear()
        self._show(shown)

    def _take(self, byte: int) -> None:
        if byte in (0x0D, 0x0A):
            self._echo += b"\r\n"
            self._hand_on(b"\n")
        elif byte == INTERRUPT:
            self._echo += b"^C"
            self._line.clear()
            self.input.drop()
            self._show_echo()
            self._interrupt()
        elif byte == END:
            self._hand_on(b"")
        elif byte in (ERASE, BACKSPACE):
            self._erase(1)
        elif byte == KILL:
            self._erase(len(self._text))
        elif byte == ERASE_WORD:
            text = self._text
            self._erase(len(text) - len(re.sub(r"\S*\s*\Z", "", text)))
        else:
            self._line.append(byte)
            self._echo += bytes([byte]) if byte >= 0x20 or byte == 0x09 else b"^" + bytes([byte + 0x40])

    def _hand_on(self, end: bytes) -> None:
        self.input.put(bytes(self._line) + end)
        self._line.clear()

    @property
    def _text(self) -> str:
        return self._line.decode("utf-8", "replace")

    def _erase(self, count: int) -> None:
        """Takes the last characters of the line away, on the screen too."""
        for _ in range(min(count, len(self._text))):
            text = self._text
            character = text[-1]
            self._line = bytearray(text[:-1].encode())
            cells = 0 if unicodedata.combining(character) else 2 if unicodedata.east_asian_width(character) in "WF" else 1
            cells += character < " " and character != "\t"  # it is shown as ^ and a letter
            self._echo += b"\b \b" * cells
