"""What podtui writes to the terminal, without ever waiting for it.

A terminal may stop reading: Ctrl+S, an SSH connection that hangs, a window whose program is busy. A write would then wait, and with it
everything else in podtui: forwards, logs, SIGTERM. So the terminal is opened once more for writing that does not wait, and what it does not
accept yet is sent when it reads again. `behind` tells that some is left: whoever paints then drops the frame instead of queueing it.
"""

from __future__ import annotations

import asyncio
import codecs
import os
import select
import termios
import time
from collections.abc import Callable

from rich.cells import get_character_cell_size

_CHUNK = 1 << 16
_SMALL = 256  # bytes that a terminal which is ready for writing accepts without waiting (WAKEUP_CHARS in Linux' n_tty.c)

CUT = b"\x1b\\\x1b[?2026l\x1b[0m"
"""Ends whatever sequence, synchronized update and colour the terminal was left in when the rest of the output was discarded."""

_LIKE = {
    "-": "─━═╌╍┄┈–—", "|": "│┃║╎╏┆┊▎▌▏▕▐", "+": "┌┐└┘├┤┬┴┼╭╮╯╰╔╗╚╝╠╣╦╩╬┏┓┗┛┣┫┳┻╋✓", "#": "█▇▆▅▄▃▂▁▉▊▋▍",
    ">": "▸▶›→", "<": "◂◀‹←", "^": "↑▲", "v": "↓▼", ".": "…·", "*": "●", "o": "○", "x": "✗", "'": "\u2018\u2019", '"': "\u201c\u201d",
}  # fmt: skip
_SUBSTITUTES = {ord(symbol): character for character, symbols in _LIKE.items() for symbol in symbols}


def _substituted(error: UnicodeError) -> tuple[str, int]:
    """Characters that the terminal's encoding lacks, replaced by others of the same width, so that columns stay straight."""
    assert isinstance(error, UnicodeEncodeError)
    text = error.object[error.start : error.end].translate(_SUBSTITUTES)
    return "".join(each if each.isascii() else "?" * get_character_cell_size(each) for each in text), error.end


codecs.register_error("podtui.terminal", _substituted)


def open_terminal(file: int) -> int:
    """Open the terminal of a descriptor once more, for reading and writing that never waits. Raises OSError."""
    flags = os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        return os.open(os.ttyname(file), flags)
    except OSError:  # a terminal without a name here, as in some containers, or of another user, as after su
        return os.open("/dev/tty", flags)


class TerminalOutput:
    """Use it in a running event loop, from the loop's thread.

    `file` is a descriptor of the terminal, `encoding` the terminal's. `drained` is called when the terminal has taken everything after
    it had been `behind`.
    """

    def __init__(self, file: int, encoding: str, drained: Callable[[], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._drained = drained
        self._encoding = encoding
        try:
            self._file, self._most = open_terminal(file), _CHUNK
        except OSError:  # it may be written to, but not be opened again: small pieces, each when it is ready
            self._file, self._most = os.dup(file), _SMALL
        self._unsent: list[str] = []
        self._left = b""  # what the terminal has not accepted
        self._waits = self._scheduled = False
        self._gone = False  # nobody reads any more

    @property
    def behind(self) -> bool:
        """Whether the terminal has not accepted everything yet. False for a terminal that is gone: it accepts anything."""
        return bool(self._left)

    def write(self, text: str) -> None:
        """Send a text with the next `flush`, at the latest when the loop comes round."""
        self._unsent.append(text)
        if not self._scheduled:
            self._scheduled = True
            self._loop.call_soon(self.flush)

    def flush(self) -> None:
        """Send what the terminal accepts now."""
        self._scheduled = False
        self._encode()
        self._send()
        if self._left and not self._waits:
            self._waits = True
            self._loop.add_writer(self._file, self._ready)

    def finish(self, seconds: float) -> None:
        """Send the rest, and wait at most that long for a terminal that does not read; the rest is then discarded.

        This blocks. What the system keeps for the terminal is discarded too, so that the next output fits there, and the terminal
        gets that when it reads again.
        """
        deadline = time.monotonic() + seconds
        self._encode()
        self._send()
        while self._left and (patience := deadline - time.monotonic()) > 0:
            select.select([], [self._file], [], patience)
            self._send()
        if self._left:
            try:
                termios.tcflush(self._file, termios.TCOFLUSH)
            except termios.error:
                self._gone = True
            self._left = b"" if self._gone else CUT
        self._stop_waiting()

    def close(self) -> None:
        """Release the terminal; what is left is discarded."""
        self._stop_waiting()
        self._left, self._gone = b"", True
        os.close(self._file)

    # -- sending ------------------------------------------------------------------------------------------------
    def _encode(self) -> None:
        if self._unsent:
            text = "".join(self._unsent)
            self._unsent.clear()
            self._left += text.encode(self._encoding, "podtui.terminal")

    def _send(self) -> None:
        while self._left and not self._gone:
            if self._most == _SMALL and not select.select([], [self._file], [], 0)[1]:
                return
            try:
                self._left = self._left[os.write(self._file, self._left[: self._most]) :]
            except BlockingIOError:
                return
            except InterruptedError:
                continue
            except OSError:  # EIO: the terminal is gone, and SIGHUP ends podtui
                self._gone = True
        if self._gone:
            self._left = b""

    def _ready(self) -> None:
        self._send()
        if not self._left:
            self._stop_waiting()
            self._drained()

    def _stop_waiting(self) -> None:
        if self._waits:
            self._waits = False
            self._loop.remove_writer(self._file)
