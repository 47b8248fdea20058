"""A program on a pseudo-terminal of its own, seen as its user sees it: a screen of characters, keys, and how it leaves."""

from __future__ import annotations

import codecs
import fcntl
import os
import re
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Callable, Mapping, Sequence

import pyte

KEYS: dict[str, bytes] = {
    "enter": b"\r",
    "escape": b"\x1b",
    "tab": b"\t",
    "shift+tab": b"\x1b[Z",
    "space": b" ",
    "backspace": b"\x7f",
    "delete": b"\x1b[3~",
    "up": b"\x1b[A",
    "down": b"\x1b[B",
    "right": b"\x1b[C",
    "left": b"\x1b[D",
    "home": b"\x1b[H",
    "end": b"\x1b[F",
    "pageup": b"\x1b[5~",
    "pagedown": b"\x1b[6~",
    "ctrl+backslash": b"\x1c",
    **{f"ctrl+{letter}": bytes([ord(letter) - 96]) for letter in "abcdefghijklmnopqrstuvwxyz"},
}
"""The bytes of an xterm for the keys that are not characters."""

ALTERNATE_SCREEN, CURSOR_SHOWN, PASTE = "1049", "25", "2004"
MOUSE_MODES = ("1000", "1002", "1003", "1005", "1006", "1015", "1016")

_SEQUENCE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|P[^\x1b]*\x1b\\|[()][0-9A-Za-z]|[^\[\]P()])")
_ABORTED = re.compile(r"\x1b(?:\[[0-?]*[ -/]*)?(?=\x1b)")  # an escape ends the sequence before it
_MODES = re.compile(r"\x1b\[\?([0-9;]+)([hl])\Z")
_ASKED_MODE = re.compile(r"\x1b\[\?(\d+)\$p\Z")


class ScreenTimeout(AssertionError):
    """The screen did not come to show what was waited for; the message holds the screen."""


class PtySession:
    """Runs `command` on a terminal of `columns` x `lines`. Everything waits by reading, so nothing is slept through.

    `modes` has the private modes that the program has set or reset (DECSET), by number; `written` counts its bytes.
    """

    def __init__(self, command: Sequence[str], *, columns: int = 120, lines: int = 36, env: Mapping[str, str] | None = None) -> None:
        self.screen = pyte.Screen(columns, lines)
        self._feed = pyte.Stream(self.screen).feed
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._pending = ""
        self.modes: dict[str, bool] = {}
        self.raw = bytearray()
        self._master, self._slave = os.openpty()
        self._set_size(columns, lines)
        self.attributes = termios.tcgetattr(self._slave)
        self._env = dict(env) if env is not None else None
        self.run(command)

    def run(self, command: Sequence[str]) -> None:
        """Runs a program on the terminal, as it was left."""
        self.process = subprocess.Popen(
            list(command),
            stdin=self._slave,
            stdout=self._slave,
            stderr=self._slave,
            env=self._env,
            start_new_session=True,
            preexec_fn=_take_terminal,
        )

    # -- what it shows ------------------------------------------------------------------------------------------
    @property
    def lines(self) -> list[str]:
        """The lines of the screen, without the spaces at their ends."""
        return [line.rstrip() for line in self.screen.display]

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    @property
    def written(self) -> int:
        return len(self.raw)

    def shows(self, pattern: str) -> bool:
        return re.search(pattern, self.text, re.MULTILINE) is not None

    def wait_for(self, pattern: str, seconds: float = 20.0) -> str:
        """Waits until the screen matches the regular expression; gives the screen."""
        return self.wait_until(lambda: self.shows(pattern), f"nothing matched {pattern!r}", seconds)

    def wait_without(self, pattern: str, seconds: float = 20.0) -> str:
        """Waits until nothing on the screen matches."""
        return self.wait_until(lambda: not self.shows(pattern), f"{pattern!r} still stands there", seconds)

    def wait_until(self, condition: Callable[[], bool], otherwise: str, seconds: float = 20.0) -> str:
        deadline = time.monotonic() + seconds
        while not condition():
            left = deadline - time.monotonic()
            if left <= 0:
                raise ScreenTimeout(f"after {seconds:g} s {otherwise}:\n{self.framed()}")
            if not self._read(min(left, 0.2)) and self.process.poll() is not None and not condition():
                raise ScreenTimeout(f"it ended with {self.process.returncode}, and {otherwise}:\n{self.framed()}")
        return self.text

    def settle(self, quiet: float = 0.3, seconds: float = 10.0) -> str:
        """Reads until nothing has come for `quiet` seconds (at most `seconds`: ages tick forever); gives the screen."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and self._read(quiet):
            continue
        return self.text

    def framed(self) -> str:
        """The screen with a frame, for the message of a failing test."""
        width = self.screen.columns
        return "\n".join([f"┌{'─' * width}┐", *(f"│{line:<{width}}│" for line in self.lines), f"└{'─' * width}┘"])

    # -- what is done to it -------------------------------------------------------------------------------------
    def press(self, *keys: str) -> None:
        """Presses keys by name (`enter`, `ctrl+d`), or single characters."""
        for key in keys:
            self.write(KEYS[key] if key in KEYS else key.encode())
            if key == "escape":
                self.settle(0.2, 2)  # Escape is a prefix too: with the next key on its heels it would be Alt and that key
            else:
                self._read(0.01)

    def type(self, text: str) -> None:
        """Types a text, character by character."""
        for character in text:
            self.write(character.encode())
            self._read(0.005)

    def write(self, data: bytes) -> None:
        while data:
            data = data[os.write(self._master, data) :]

    def resize(self, columns: int, lines: int) -> None:
        self._set_size(columns, lines)
        self.screen.resize(lines, columns)
        os.killpg(self.process.pid, signal.SIGWINCH)

    def fill(self, seconds: float = 20.0) -> None:
        """Reads nothing, as a terminal that hangs, until the program can write no more. Changes of the size make it paint."""
        deadline = time.monotonic() + seconds
        columns, lines = self.screen.columns, self.screen.lines
        while select.select([], [self._slave], [], 0.1)[1]:
            time.sleep(0.02)  # a whole frame for each size
            if time.monotonic() > deadline:
                raise ScreenTimeout(f"after {seconds:g} s the terminal still takes what the program writes")
            columns += 1 if columns == self.screen.columns else -1
            self._set_size(columns, lines)
            os.killpg(self.process.pid, signal.SIGWINCH)
        self._set_size(self.screen.columns, lines)
        os.killpg(self.process.pid, signal.SIGWINCH)

    def hang_up(self) -> None:
        """The terminal goes away, as with the connection to it. Nothing can be read any more."""
        os.close(self._slave)
        os.close(self._master)
        self._master = self._slave = -1

    # -- how it ends --------------------------------------------------------------------------------------------
    def wait_exit(self, seconds: float = 20.0) -> int:
        """Waits until the program has ended; its exit code."""
        deadline = time.monotonic() + seconds
        while self.process.poll() is None:
            if time.monotonic() > deadline:
                raise ScreenTimeout(f"it still runs after {seconds:g} s:\n{self.framed()}")
            self._read(0.05)
        while self._read(0.05):
            continue
        return self.process.returncode

    def processes(self) -> list[int]:
        """Every process of the program's session that is alive, its children too."""
        found = []
        for entry in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{entry}/stat") as opened:
                    fields = opened.read().rpartition(")")[2].split()
            except OSError:
                continue  # it has ended meanwhile
            if int(fields[3]) == self.process.pid and fields[0] != "Z":
                found.append(int(entry))
        return found

    def restored(self) -> list[str]:
        """What the program did not put back into the terminal; nothing when all is well."""
        left = [f"mode {mode} is still set" for mode in (ALTERNATE_SCREEN, PASTE, *MOUSE_MODES) if self.modes.get(mode)]
        if not self.modes.get(CURSOR_SHOWN, True):
            left.append("the cursor is hidden")
        if termios.tcgetattr(self._slave)[:4] != self.attributes[:4]:
            left.append("the line discipline (echo, signals) is not as before")
        return left

    def close(self) -> None:
        """Ends the program if it runs, and the terminal."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(5) if self._master < 0 else self.wait_exit(5)
            except (ScreenTimeout, subprocess.TimeoutExpired):
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()
        if self._master >= 0:
            self.hang_up()

    # -- the terminal's side ------------------------------------------------------------------------------------
    def _set_size(self, columns: int, lines: int) -> None:
        fcntl.ioctl(self._slave, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def _read(self, seconds: float) -> bool:
        """Takes what the program writes within `seconds`; whether anything came."""
        if not select.select([self._master], [], [], seconds)[0]:
            return False
        data = os.read(self._master, 1 << 16)
        self.raw += data
        self._interpret(self._decoder.decode(data))
        return bool(data)

    def _interpret(self, text: str) -> None:
        """Feeds the screen, sequence by sequence; one that is cut waits for its rest."""
        text, self._pending = self._pending + text, ""
        at = 0
        while at < len(text):
            escape = text.find("\x1b", at)
            if escape != at:
                self._feed(text[at : escape if escape >= 0 else len(text)])
                if escape < 0:
                    return
                at = escape
            if aborted := _ABORTED.match(text, at):
                at = aborted.end()
                continue
            found = _SEQUENCE.match(text, at)
            if found is None:
                self._pending = text[at:]
                return
            self._sequence(found[0])
            at = found.end()

    def _sequence(self, sequence: str) -> None:
        """One escape sequence: modes are noted, questions are answered as an xterm would, the rest is drawn."""
        modes, asked = _MODES.match(sequence), _ASKED_MODE.match(sequence)
        if modes:
            self.modes.update(dict.fromkeys(modes[1].split(";"), modes[2] == "h"))
        if sequence in ("\x1b[c", "\x1b[0c"):
            self.write(b"\x1b[?62;22c")
        elif sequence == "\x1b[6n":
            self.write(f"\x1b[{self.screen.cursor.y + 1};{self.screen.cursor.x + 1}R".encode())
        elif asked:
            self.write(f"\x1b[?{asked[1]};0$y".encode())  # a mode that this terminal does not know
        elif modes or not sequence.startswith(("\x1b]", "\x1bP", "\x1b[<", "\x1b[>", "\x1b[=", "\x1b[?")):
            self._feed(sequence)


def _take_terminal() -> None:
    """In the child: standard input becomes the controlling terminal, so that Ctrl+C and resizing reach it."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
