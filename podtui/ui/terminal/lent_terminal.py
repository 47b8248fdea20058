"""Lends the terminal to another program (an editor) or to a part of podtui (a shell in a container), and restores it afterwards,
however that ends.

The other program runs in podtui's own process group, so that Ctrl+Z stops both, and a shell's `fg` continues both.
"""

from __future__ import annotations

import asyncio
import os
import signal
import termios
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from podtui.errors import EditorMissing, PodtuiError
from podtui.text import harmless

if TYPE_CHECKING:
    from textual.app import App

    from podtui.ui.terminal.raw_terminal import RawTerminal

_T = TypeVar("_T")
_GRACE = 3.0  # seconds for a program to end when podtui must end

# Resets what a crashed program may leave behind: half an escape sequence, the alternate screen, kitty's keys, a hidden cursor, the mouse,
# reports of the focus, bracketed paste, application keys, insertion, a part of the screen that scrolls, colours, another character set.
# Keeps the position of the cursor, which leaving the alternate screen and resetting the scroll region would move.
_SANE = (
    "\x1b\\\x1b7\x1b[?1049l\x1b7\x1b[r\x1b8\x1b[<u\x1b[?25h\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1006l\x1b[?1004l"
    "\x1b[?2004l\x1b[?1l\x1b>\x1b[4l\x1b[?7h\x1b[0m\x1b(B\x0f"
)


class LentTerminal:
    """`run()` lends the terminal to a program, `lend()` to a coroutine. While it is `lent`, nothing else may be written to it."""

    def __init__(self, app: App[int], repaint: Callable[[], None]) -> None:
        """`repaint` writes the whole screen again."""
        self._app = app
        self._repaint = repaint
        self._stop: Callable[[int], None] | None = None  # ends the user of the terminal, as that signal would
        self._told_to_end = False
        self.lent = False
        self.refusal = ""  # why nothing may have the terminal

    @property
    def usable(self) -> bool:
        """Whether there is a terminal to lend: a snapshot and a test have none."""
        driver = self._app._driver
        return not self._app.is_headless and driver is not None and driver.can_suspend and os.isatty(_FILE)

    async def run(self, command: Sequence[str]) -> int:
        """Run a program on the terminal until it ends; returns its exit code, negative for the signal that ended it.

        Raises EditorMissing when it cannot be started. Whatever happens, podtui has the screen again afterwards.
        """
        if why := self.refusal or (self.lent and "another program has the terminal"):
            raise EditorMissing(f"cannot start {harmless(command[0])}: {why}")
        return await self._lend(self._run(command))

    async def lend(self, use: Callable[[RawTerminal], Coroutine[Any, Any, _T]]) -> _T:
        """Lend the terminal in raw mode to a coroutine, and return its result. A signal that ends podtui cancels it.

        Raises PodtuiError when the terminal is already lent or cannot be opened. Whatever happens, podtui has the screen again afterwards.
        """
        if why := self.refusal or (self.lent and "another program has the terminal"):
            raise PodtuiError(why)
        return await self._lend(self._use(use))

    async def _lend(self, work: Awaitable[_T]) -> _T:
        failed: BaseException | None = None
        self.lent = True
        with self._app.suspend():  # an exception out of this block would leave the terminal suspended
            try:
                result = await work
            except BaseException as error:  # raised again below
                failed = error
            self.lent = False
        self._repaint()
        if self._told_to_end:
            self._app.exit(0)
        if failed is not None:
            raise failed
        return result

    async def _run(self, command: Sequence[str]) -> int:
        before = termios.tcgetattr(_FILE)
        with _signals_of_the_terminal():
            try:
                process = await asyncio.create_subprocess_exec(*command)
            except (OSError, ValueError) as error:
                words = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
                raise EditorMissing(f"cannot start {harmless(command[0])}: {words.lower()}") from None
            self._stop = lambda number: _stop(process, number)
            try:
                code = await process.wait()
            finally:
                if process.returncode is None:  # podtui ends
                    await _ended(process)
                self._stop = None
                _restore(before, crashed=bool(process.returncode and process.returncode < 0))
        return code

    async def _use(self, use: Callable[[RawTerminal], Coroutine[Any, Any, _T]]) -> _T:
        from podtui.ui.terminal.raw_terminal import RawTerminal

        with _signals_of_the_terminal(), RawTerminal() as terminal:
            task = asyncio.create_task(use(terminal), name="a part of podtui on the terminal")
            self._stop = lambda number: _cancel(task)
            try:
                return await task
            finally:
                self._stop = None
                terminal.write_at_once(_SANE.encode())

    def end(self, number: int) -> None:
        """End podtui on a signal: first the program that has the terminal, then podtui once it has the terminal back."""
        if self._stop is None:
            self._app.exit(0)
            return
        self._told_to_end = True
        self._stop(number)


_FILE = 0


def _cancel(task: asyncio.Task[Any]) -> None:
    task.cancel()


def _stop(process: asyncio.subprocess.Process, number: int) -> None:
    if process.returncode is None:
        process.send_signal(number)
        asyncio.get_running_loop().call_later(_GRACE, lambda: process.kill() if process.returncode is None else None)


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
    """Ctrl+C and Ctrl+\\ are meant for the program that has the terminal. A child does not inherit a handler, but would inherit SIG_IGN."""
    before = {number: signal.signal(number, _nothing) for number in (signal.SIGINT, signal.SIGQUIT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _nothing(number: int, frame: object) -> None:
    pass


def _restore(attributes: list[Any], *, crashed: bool) -> None:
    """Restore the line discipline, and bring podtui to the foreground again."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTTOU})
    try:
        os.tcsetpgrp(_FILE, os.getpgrp())
        termios.tcsetattr(_FILE, termios.TCSADRAIN, attributes)
        if crashed:
            os.write(_FILE, _SANE.encode())
    except (OSError, termios.error):
        pass  # the terminal is gone; SIGHUP ends podtui
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTTOU})
