"""The terminal in raw mode for a coroutine, on a pseudo-terminal: it neither blocks the loop nor leaves anything changed."""

from __future__ import annotations

import asyncio
import fcntl
import os
import signal
import struct
import termios
from collections.abc import Iterator

import pytest

from podtui.errors import PodtuiError
from podtui.ui.terminal import raw_terminal
from podtui.ui.terminal.raw_terminal import RawTerminal
from tests.support.forward_server import descriptors


class Pty:
    def __init__(self) -> None:
        self.master, self.slave = os.openpty()

    @property
    def attributes(self) -> list[object]:
        return termios.tcgetattr(self.slave)

    def resize(self, columns: int, rows: int) -> None:
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def hang_up(self) -> None:
        os.close(self.master)
        self.master = -1


@pytest.fixture
def pty(monkeypatch: pytest.MonkeyPatch) -> Iterator[Pty]:
    made = Pty()
    monkeypatch.setattr(raw_terminal, "_FILE", made.slave)
    yield made
    for file in (made.master, made.slave):
        if file >= 0:
            os.close(file)


async def test_keys_and_bytes_pass_as_they_are_and_all_is_as_before_afterwards(pty: Pty) -> None:
    before, files = pty.attributes, descriptors()
    handlers = [signal.getsignal(number) for number in (signal.SIGWINCH, signal.SIGCONT)]
    async with asyncio.timeout(30):
        with RawTerminal() as terminal:
            os.write(pty.master, b"\x03\r\x1b[A")
            assert await terminal.read() == b"\x03\r\x1b[A"
            await terminal.write(b"one\ntwo\x1b[0m")
            assert os.read(pty.master, 100) == b"one\ntwo\x1b[0m", "a line feed stays one"
            assert not fcntl.fcntl(pty.slave, fcntl.F_GETFL) & os.O_NONBLOCK, "others' file does not block still"
            assert pty.attributes != before
    assert pty.attributes == before and descriptors() == files
    assert [signal.getsignal(number) for number in (signal.SIGWINCH, signal.SIGCONT)] == handlers


async def test_a_change_of_the_size_is_reported(pty: Pty) -> None:
    async with asyncio.timeout(30):
        with RawTerminal() as terminal:
            assert terminal.size == (80, 24), "what the system does not know is the usual"
            pty.resize(100, 30)
            os.kill(os.getpid(), signal.SIGWINCH)
            await terminal.resized()
            assert terminal.size == (100, 30)


async def test_the_terminal_is_raw_again_after_podtui_was_stopped(pty: Pty) -> None:
    async with asyncio.timeout(30):
        before = termios.tcgetattr(pty.slave)
        with RawTerminal() as terminal:
            raw = pty.attributes
            termios.tcsetattr(pty.slave, termios.TCSANOW, before)
            os.kill(os.getpid(), signal.SIGCONT)
            await terminal.resized()
            assert pty.attributes == raw


async def test_a_terminal_that_takes_nothing_blocks_nobody_else(pty: Pty) -> None:
    async with asyncio.timeout(30):
        with RawTerminal() as terminal:
            data = bytes(range(256)) * 4096
            writing = asyncio.create_task(terminal.write(data))
            await asyncio.sleep(0)
            os.write(pty.master, b"key")
            assert await terminal.read() == b"key" and not writing.done()
            got = b""
            while len(got) < len(data):
                got += await asyncio.to_thread(os.read, pty.master, 1 << 16)
            await writing
            assert got == data
            writing = asyncio.create_task(terminal.write(data))
            await asyncio.sleep(0)
            writing.cancel()
            with pytest.raises(asyncio.CancelledError):
                await writing
            for _ in range(16):
                terminal.write_at_once(data)  # it is full, and nobody waits


async def test_a_terminal_that_is_gone_is_an_end_and_an_error_in_words(pty: Pty) -> None:
    async with asyncio.timeout(30):
        with RawTerminal() as terminal:
            reading = asyncio.create_task(terminal.read())
            await asyncio.sleep(0)
            pty.hang_up()
            assert await reading == b""
            with pytest.raises(PodtuiError, match="the terminal is gone"):
                await terminal.write(b"x")
            terminal.write_at_once(b"x")


async def test_an_error_restores_the_terminal_too(pty: Pty) -> None:
    before = pty.attributes
    with pytest.raises(ZeroDivisionError), RawTerminal():
        raise ZeroDivisionError
    assert pty.attributes == before
