"""The terminal in raw mode for a coroutine: bytes pass unchanged, and the event loop never waits for them."""

from __future__ import annotations

import asyncio
import os
import signal
import termios
import tty
from collections.abc import Callable
from types import TracebackType
from typing import Any

from podtui.errors import PodtuiError
from podtui.ui.terminal.output import open_terminal

_FILE = 0
_CHUNK = 16 << 10
_SIGNALS = (signal.SIGWINCH, signal.SIGCONT)


class RawTerminal:
    """A context manager that sets raw mode and restores the mode at the end. `size` is columns and rows.

    It opens the terminal again, since O_NONBLOCK belongs to the open file, which podtui's other descriptors and its parent shell
    share.
    """

    def __init__(self) -> None:
        """Raises PodtuiError when the terminal cannot be opened."""
        try:
            self._file = open_terminal(_FILE)
        except OSError as error:
            raise PodtuiError(f"the terminal cannot be opened: {(error.strerror or str(error)).lower()}") from None
        self._before = termios.tcgetattr(self._file)
        self._loop = asyncio.get_running_loop()
        self._resized = asyncio.Event()
        self._handlers: dict[int, Any] = {}

    def __enter__(self) -> RawTerminal:
        tty.setraw(self._file, termios.TCSANOW)
        self._handlers = {number: signal.getsignal(number) for number in _SIGNALS}
        self._loop.add_signal_handler(signal.SIGWINCH, self._resized.set)
        self._loop.add_signal_handler(signal.SIGCONT, self._continued)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for number, handler in self._handlers.items():
            self._loop.remove_signal_handler(number)
            signal.signal(number, handler)
        try:
            termios.tcsetattr(self._file, termios.TCSANOW, self._before)
        except termios.error:
            pass  # the terminal is gone; SIGHUP ends podtui
        os.close(self._file)

    @property
    def size(self) -> tuple[int, int]:
        """80 and 24 if the system does not know the size, as on a serial line."""
        try:
            found = os.get_terminal_size(self._file)
        except OSError:
            return 80, 24
        return found.columns or 80, found.lines or 24

    async def resized(self) -> None:
        """Wait until the size may have changed since the last call."""
        await self._resized.wait()
        self._resized.clear()

    async def read(self) -> bytes:
        """Wait for input from the user, at least one byte; b"" when the terminal is gone."""
        while True:
            try:
                return os.read(self._file, _CHUNK)
            except BlockingIOError:
                await self._ready(self._loop.add_reader, self._loop.remove_reader)
            except OSError:
                return b""

    async def write(self, data: bytes) -> None:
        """Write all of the data. Raises PodtuiError when the terminal is gone."""
        left = memoryview(data)
        while left:
            try:
                left = left[os.write(self._file, left) :]
            except BlockingIOError:
                await self._ready(self._loop.add_writer, self._loop.remove_writer)
            except OSError as error:
                raise PodtuiError(f"the terminal is gone: {(error.strerror or str(error)).lower()}") from None

    def write_at_once(self, data: bytes) -> None:
        """Write as much as the terminal accepts now, without waiting or raising an error."""
        try:
            os.write(self._file, data)
        except OSError:
            pass  # it accepts nothing now, or is gone: no one would see the output

    async def _ready(self, add: Callable[..., object], remove: Callable[[int], object]) -> None:
        ready = asyncio.Event()
        add(self._file, ready.set)
        try:
            await ready.wait()
        finally:
            remove(self._file)

    def _continued(self) -> None:
        """podtui continues after a stop: another program may have changed the terminal's mode meanwhile."""
        try:
            tty.setraw(self._file, termios.TCSANOW)
        except termios.error:
            return  # it is gone; the next read reports that
        self._resized.set()
