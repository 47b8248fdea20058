"""Textual's terminal driver, made to survive the loss of the terminal, as when an SSH connection breaks.

Textual writes in a thread, which a terminal error ends; a writer that fills the thread's queue then waits forever. And the kernel
sends SIGCONT with SIGHUP, which Textual takes for the end of Ctrl+Z: it would restart while it shuts down.
"""

from __future__ import annotations

import os
from typing import Any, TextIO, cast

from textual.app import App
from textual.drivers.linux_driver import LinuxDriver


class LastingFile:
    """A terminal's file for the writer thread. After a permanent failure it writes nothing more."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self.gone = False

    def write(self, text: str) -> None:
        self._try(lambda: self._file.write(text))

    def flush(self) -> None:
        self._try(self._file.flush)

    def fileno(self) -> int:
        return self._file.fileno()

    def isatty(self) -> bool:
        return self._file.isatty()

    def _try(self, write: Any) -> None:
        if not self.gone:
            try:
                write()
            except (OSError, ValueError):  # EIO: the terminal is gone, and SIGHUP ends podtui; ValueError: the file is closed
                self.gone = True


class TerminalDriver(LinuxDriver):
    def __init__(self, app: App[Any], **options: Any) -> None:
        super().__init__(app, **options)
        self._file = cast(Any, LastingFile(cast(TextIO, self._file)))

    def _sigcont_application(self, *_: object) -> None:
        """On SIGCONT resume application mode after Ctrl+Z; otherwise it was never left (SIGSTOP, or a hangup)."""
        if self._must_signal_resume:
            super()._sigcont_application()
        elif self._auto_restart:
            self._loop.call_soon_threadsafe(self._begin_anew)

    def _begin_anew(self) -> None:
        """Enter application mode again, as another program may have changed the terminal; skip a terminal that is gone."""
        if self._auto_restart and self._writer_thread is not None and self._writer_thread.is_alive() and os.isatty(self.fileno):
            self.suspend_application_mode()
            self._must_signal_resume = True
            self.resume_application_mode()
