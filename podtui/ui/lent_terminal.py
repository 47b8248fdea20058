"""The terminal, lent to another program (an editor) and taken back as it was, however that program ends.

The other program runs in podtui's own process group, so that Ctrl+Z stops both, and a shell's `fg` continues both.
"""

from __future__ import annotations

import asyncio
import os
import signal
import termios
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from podtui.errors import EditorMissing
from podtui.text import harmless

if TYPE_CHECKING:
    from textual.app import App

_GRACE = 3.0  # seconds that a program gets to end when podtui was told to

# What a program that crashed may have left on: the alternate screen, a hidden cursor, the mouse, bracketed paste,
# application keys, colours, another character set.
_SANE = "\x1b[?1049l\x1b[?25h\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1006l\x1b[?2004l\x1b[?1l\x1b>\x1b[0m\x1b(B"


class LentTerminal:
    """`run()` lends the terminal. While it is `lent`, nothing may be written to it."""

    def __init__(self, app: App[int], repaint: Callable[[], None]) -> None:
        """`repaint` writes the whole screen anew."""
        self._app = app
        self._repaint = repaint
        self._process: asyncio.subprocess.Process | None = None
        self._told_to_end = False
        self.lent = False

    @property
    def usable(self) -> bool:
        """Whether there is a terminal that can be lent: a snapshot and a test have none."""
        driver = self._app._driver
        return not self._app.is_headless and driver is not None and driver.can_suspend and os.isatty(_FILE)

    async def run(self, command: Sequence[str]) -> int:
        """Run a program on the terminal until it ends; its exit code, negative for the signal that ended it.

        Raises EditorMissing when it cannot be started. Whatever happens, the screen is podtui's again afterwards.
        """
        if self.lent:
            raise EditorMissing(f"cannot start {harmless(command[0])}: another program has the terminal")
        failed: BaseException | None = None
        code = 0
        self.lent = True
        with self._app.suspend():  # what leaves this block as an exception would leave the terminal suspended
            try:
                code = await self._run(command)
            except BaseException as error:  # raised again below
                failed = error
            self.lent = False
        self._repaint()
        if self._told_to_end:
            self._app.exit(0)
        if failed is not None:
            raise failed
        return code

    async def _run(self, command: Sequence[str]) -> int:
        before = termios.tcgetattr(_FILE)
        with _signals_of_the_terminal():
            try:
                self._process = process = await asyncio.create_subprocess_exec(*command)
            except (OSError, ValueError) as error:
                words = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
                raise EditorMissing(f"cannot start {harmless(command[0])}: {words.lower()}") from None
            try:
                code = await process.wait()
            finally:
                if process.returncode is None:  # podtui ends
                    await _ended(process)
                self._process = None
                _restore(before, crashed=bool(process.returncode and process.returncode < 0))
        return code

    def end(self, number: int) -> None:
        """podtui was told to end by a signal: the other program is too, and podtui ends when it has the terminal back."""
        process = self._process
        if process is None or process.returncode is not None:
            self._app.exit(0)
            return
        self._told_to_end = True
        process.send_signal(number)
        asyncio.get_running_loop().call_later(_GRACE, lambda: process.kill() if process.returncode is None else None)


_FILE = 0


async def _ended(process: asyncio.subprocess.Process) -> None:
    process.terminate()
    try:
        async with asyncio.timeout(_GRACE):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()


@contextmanager
def _signals_of_the_terminal() -> Iterator[None]:
    """Ctrl+C and Ctrl+\\ are meant for the program that has the terminal. A handler is not inherited, as ignoring would be."""
    before = {number: signal.signal(number, _nothing) for number in (signal.SIGINT, signal.SIGQUIT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _nothing(number: int, frame: object) -> None:
    pass


def _restore(attributes: list[Any], *, crashed: bool) -> None:
    """The line discipline as it was, and podtui in the foreground again, whoever took that."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTTOU})
    try:
        os.tcsetpgrp(_FILE, os.getpgrp())
        termios.tcsetattr(_FILE, termios.TCSADRAIN, attributes)
        if crashed:
            os.write(_FILE, _SANE.encode())
    except (OSError, termios.error):
        pass  # the terminal is gone; SIGHUP tells podtui so
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTTOU})
