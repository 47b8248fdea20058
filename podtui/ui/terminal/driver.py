"""The driver between Textual and the terminal: modes, input, output, and the signals that concern the terminal.

Textual's own driver reads in one thread, which wakes ten times a second and ends at the first byte that is not UTF-8, and writes in
another, for which the event loop waits when the terminal does not read. Here the event loop does both, and never waits (see `output`).
"""

from __future__ import annotations

import asyncio
import codecs
import os
import re
import select
import signal
import sys
import termios
from collections.abc import Callable
from typing import Any

from textual import constants
from textual._xterm_parser import XTermParser
from textual.app import App
from textual.driver import Driver
from textual.events import Key, Paste, Resize
from textual.geometry import Size
from textual.message import Message

from podtui.ui.terminal.output import CUT, TerminalOutput

_CHUNK = 1 << 16
_TOGETHER = 0.01  # seconds within which changes of the size are one
_PATIENCE = 0.3  # seconds to wait at the end, and at Ctrl+Z, for a terminal that does not read

_PLAIN = ("", "dumb", "unknown", "linux", "cons25")
"""Values of TERM of terminals that would print a part of the sequences which ask for kitty's keys and synchronized updates."""

_ESCAPE_KEY = re.compile("\x1b(?=[^\x1b\\[\\]OP\x7f\x08])")
"""Esc and the next key that came together, as over a slow link: not Alt and a key, since no command has one unless the user chose it."""

_PASTE, _PASTED = "\x1b[200~", "\x1b[201~"
_CUT_PASTE = re.compile("\x1b(\\[(2(00?)?)?)?\\Z")

_MOUSE = ("1000", "1003", "1015", "1006")  # buttons, movements, and in which form they are reported


class TerminalDriver(Driver):
    """`behind` tells that the terminal has not taken everything yet: a frame must be dropped. `on_drained` is called once it has.

    `on_end` gets the signal that ends podtui. `has_alt` is whether Alt and a key is bound; otherwise it is Esc and that key.
    """

    def __init__(self, app: App[Any], **options: Any) -> None:
        super().__init__(app, **options)
        assert sys.__stdin__ is not None and sys.__stderr__ is not None, "podtui starts in a terminal only"
        self._input, self._screen = sys.__stdin__, sys.__stderr__
        self.fileno = self._input.fileno()
        term = os.environ.get("TERM", "")
        self._is_plain = term in _PLAIN or term.startswith("vt")
        self._output: TerminalOutput | None = None
        self._attributes: list[Any] | None = None  # of the terminal, as they were before
        self._parser: XTermParser | None = None
        self._decode: Callable[[bytes], str] = bytes.decode
        self._timeout: asyncio.TimerHandle | None = None
        self._resizing: asyncio.TimerHandle | None = None
        self._resumes = False
        self._pasted: str | None = None  # what has arrived of a paste, while one arrives
        self._kept = ""  # a part of the sequence with which a paste begins
        self.has_alt = False
        self.on_end: Callable[[int], None] = lambda _: None
        self.on_drained: Callable[[], None] = lambda: None

    @property
    def can_suspend(self) -> bool:
        return True

    # -- output -------------------------------------------------------------------------------------------------
    @property
    def behind(self) -> bool:
        return self._output is not None and self._output.behind

    def write(self, data: str) -> None:
        if self._output is not None:
            self._output.write(data)

    def flush(self) -> None:
        if self._output is not None:
            self._output.flush()

    # -- modes --------------------------------------------------------------------------------------------------
    def start_application_mode(self) -> None:
        """Take the terminal: its modes, its input and its signals."""
        self._add_signals()
        self._output = TerminalOutput(self._screen.fileno(), self._screen.encoding or "utf-8", lambda: self.on_drained())
        self._attributes = self._set_raw()
        self.write("\x1b[?1049h\x1b[?25l\x1b[?1004h")  # the alternate screen, no cursor, reports of the focus
        if not self._is_plain:
            if not constants.DISABLE_KITTY_KEY:
                self.write("\x1b[>25u")  # kitty's keys: unambiguous, all as escape codes, with their text
            if os.environ.get("TERM_PROGRAM", "") != "Apple_Terminal":
                self.write("\x1b[?2026$p")  # does it know synchronized updates?
        self.write("\x1b[?2004h\x1b[?7l")  # bracketed paste, no wrapping of lines
        if self._mouse:  # last: iTerm 3.5.0 forgets it otherwise
            self.write("".join(f"\x1b[?{mode}h" for mode in _MOUSE))
        self.flush()
        self._send_size()
        self._read_input()
        if self._resumes:
            self._resumes = False
            self._app.post_message(self.SignalResume())

    def _set_raw(self) -> list[Any] | None:
        """Set the line discipline, and return what it was. None if the terminal is gone."""
        try:
            before = termios.tcgetattr(self.fileno)
            raw = termios.tcgetattr(self.fileno)
            raw[0] &= ~(termios.IXON | termios.IXOFF | termios.ICRNL | termios.INLCR | termios.IGNCR)
            raw[3] &= ~(termios.ECHO | termios.ICANON | termios.IEXTEN | termios.ISIG)
            raw[6][termios.VMIN], raw[6][termios.VTIME] = 1, 0
            termios.tcsetattr(self.fileno, termios.TCSANOW, raw)
        except termios.error:
            return None
        return before

    def _restore(self) -> str:
        """What resets the modes of the terminal, in the order in which it must be written."""
        mouse = "".join(f"\x1b[?{mode}l" for mode in _MOUSE) if self._mouse else ""
        # The clearing is for a terminal without an alternate screen; kitty keeps its keys for each of the two screens.
        leaving = "\x1b[0m\x1b[H\x1b[2J" if self._is_plain else "\x1b[<u"
        return f"\x1b[?2004l\x1b[?7h{mouse}{leaving}\x1b[?1049l\x1b[?25h\x1b[?1004l"

    def disable_input(self) -> None:
        if self._parser is None:
            return
        self._stop_reading()
        self._loop.remove_signal_handler(signal.SIGWINCH)
        if self._resizing is not None:
            self._resizing.cancel()
            self._resizing = None
        try:
            termios.tcflush(self.fileno, termios.TCIFLUSH)
        except termios.error:
            pass  # the terminal is gone

    def stop_application_mode(self) -> None:
        """Give the terminal back as it was. A terminal that does not read gets that when it reads again."""
        self.disable_input()
        if self._output is None:
            return
        self._output.finish(_PATIENCE)
        self._output.write(self._restore())
        self._output.finish(0)
        self._output.close()
        self._output = None
        self._reset_attributes()

    def _reset_attributes(self) -> None:
        if self._attributes is not None:
            try:
                termios.tcsetattr(self.fileno, termios.TCSANOW, self._attributes)
            except termios.error:
                pass  # the terminal is gone

    # -- input --------------------------------------------------------------------------------------------------
    def _read_input(self) -> None:
        self._parser = XTermParser(self._debug)
        self._decode = codecs.getincrementaldecoder(self._input.encoding or "utf-8")("replace").decode
        self._loop.add_reader(self.fileno, self._readable)

    def _stop_reading(self) -> None:
        self._loop.remove_reader(self.fileno)
        self._parser = None
        if self._timeout is not None:
            self._timeout.cancel()

    def _readable(self) -> None:
        try:
            data = os.read(self.fileno, _CHUNK)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:  # the terminal is gone, and SIGHUP may be ignored (nohup)
            self._stop_reading()
            self.on_end(signal.SIGHUP)
            return
        self._feed(self._decode(data))
        self._await_rest()

    def _feed(self, text: str) -> None:
        """Hand on the keys and pastes of a text. A paste is taken as it is: no sequence in it is a key."""
        text, self._kept = self._kept + text, ""
        while text:
            if self._pasted is None:
                keys, begins, text = text.partition(_PASTE)
                if begins:
                    self._pasted = ""
                elif cut := _CUT_PASTE.search(keys):
                    keys, self._kept = keys[: cut.start()], cut[0]
                self._feed_keys(keys)
            if self._pasted is not None:
                self._pasted, ends, text = (self._pasted + text).partition(_PASTED)
                if ends:
                    self.process_message(Paste(self._pasted.replace("\x00", "")))
                    self._pasted = None

    def _feed_keys(self, text: str) -> None:
        for number, piece in enumerate(_ESCAPE_KEY.split(text) if not self.has_alt else [text]):
            if number:
                self.process_message(Key("escape", "\x1b"))
            if piece and self._parser is not None:
                for message in self._parser.feed(piece):
                    self.process_message(message)

    def _await_rest(self) -> None:
        """Wait for the rest of a sequence that may have been cut."""
        if self._timeout is not None:
            self._timeout.cancel()
        self._timeout = self._loop.call_later(constants.ESCAPE_DELAY + 0.005, self._timed_out)

    def _timed_out(self) -> None:
        """An escape that nothing followed is the key."""
        kept, self._kept = self._kept, ""
        if self._parser is None:
            return
        if kept == "\x1b":
            self.process_message(Key("escape", kept))
        elif kept:
            self._feed_keys(kept)
            self._await_rest()
        for message in self._parser.tick():
            self.process_message(message)

    def send_message(self, message: Message) -> None:
        self._app.post_message(message)

    def _get_terminal_size(self) -> tuple[int, int]:
        """Columns and lines; 80 and 24 if the system does not know them, as on a serial line."""
        try:
            found = os.get_terminal_size(self._screen.fileno())
        except OSError:
            return 80, 24
        return found.columns or 80, found.lines or 24

    def _resized(self) -> None:
        """SIGWINCH: many come while a window is dragged."""
        if self._resizing is None:
            self._resizing = self._loop.call_later(_TOGETHER, self._send_size)

    def _send_size(self) -> None:
        self._resizing = None
        size = Size(*self._get_terminal_size())
        self.send_message(Resize(size, size))

    # -- signals ------------------------------------------------------------------------------------------------
    def _add_signals(self) -> None:
        """SIGINT and SIGQUIT bypass the loop: `lent_terminal` replaces them, and SIGQUIT is obeyed when the loop hangs."""
        for number in (signal.SIGTERM, signal.SIGHUP):
            self._loop.add_signal_handler(number, self._end, number)
        self._loop.add_signal_handler(signal.SIGTSTP, self._stop)
        self._loop.add_signal_handler(signal.SIGCONT, self._continue)
        self._loop.add_signal_handler(signal.SIGWINCH, self._resized)
        signal.signal(signal.SIGINT, self._interrupted)
        signal.signal(signal.SIGQUIT, self._quit)

    def _interrupted(self, number: int, _: object) -> None:
        if not self._loop.is_closed():  # when it is, podtui is ending: nothing is left to interrupt but what it puts in order
            self._loop.call_soon_threadsafe(self._end, number)

    def _end(self, number: int) -> None:
        self.on_end(number)

    def _stop(self) -> None:
        """Ctrl+Z, or SIGTSTP from another program: give the terminal back, and stop as that signal would."""
        if self._auto_restart:
            self.suspend_application_mode()
            self._resumes = True
        os.kill(os.getpid(), signal.SIGSTOP)

    def _continue(self) -> None:
        """Take the terminal again: after Ctrl+Z, but also after SIGSTOP, since another program may have changed it.

        The system sends SIGCONT with SIGHUP as well, when the terminal is gone.
        """
        left = self._output is None and not self._resumes  # podtui is ending
        if left or not self._auto_restart or not os.isatty(self.fileno):
            return
        try:
            foreground = os.tcgetpgrp(self.fileno) == os.getpgrp()
        except OSError:
            return  # it is gone
        if not foreground:  # the shell's `bg`
            os.kill(os.getpid(), signal.SIGSTOP)
            return
        if not self._resumes:
            self.suspend_application_mode()
            self._resumes = True
        self.resume_application_mode()

    def _quit(self, number: int, _: object) -> None:
        """End at once, as SIGQUIT does, also when the loop hangs; but the terminal gets its modes back."""
        screen = self._screen.fileno()
        try:
            termios.tcflush(screen, termios.TCOFLUSH)
            if select.select([], [screen], [], 0)[1]:
                os.write(screen, CUT + self._restore().encode())
        except (OSError, termios.error):
            pass  # the terminal is gone
        self._reset_attributes()
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
