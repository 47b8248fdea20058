"""What is written to a terminal never waits for it, whatever the terminal does."""

from __future__ import annotations

import os
import select
import termios
from collections.abc import Iterator

import pytest

from podtui.ui.terminal import output
from podtui.ui.terminal.output import CUT, TerminalOutput
from tests.support.forward_server import descriptors
from tests.support.waiting import until


class Pty:
    """A terminal that reads only when told to."""

    def __init__(self) -> None:
        self.master, self.slave = os.openpty()
        attributes = termios.tcgetattr(self.slave)
        attributes[1] &= ~termios.OPOST
        termios.tcsetattr(self.slave, termios.TCSANOW, attributes)
        self.drained = 0

    def output(self, encoding: str = "utf-8") -> TerminalOutput:
        return TerminalOutput(self.slave, encoding, self._note)

    def _note(self) -> None:
        self.drained += 1

    def read(self) -> bytes:
        """What has come until now."""
        got = b""
        while select.select([self.master], [], [], 0)[0]:
            got += os.read(self.master, 1 << 16)
        return got

    def hang_up(self) -> None:
        os.close(self.master)
        self.master = -1


@pytest.fixture
def pty() -> Iterator[Pty]:
    made = Pty()
    yield made
    for file in (made.master, made.slave):
        if file >= 0:
            os.close(file)


BIG = "0123456789" * 30_000
WAYS = pytest.mark.parametrize("reopens", [True, False], ids=["opened once more", "not to be opened again"])


async def test_what_is_written_comes_at_once_and_together(pty: Pty) -> None:
    before = descriptors()
    out = pty.output()
    out.write("one ")
    out.write("가 ●")
    assert pty.read() == b""
    out.flush()
    assert pty.read() == "one 가 ●".encode() and not out.behind
    out.write("later")
    await until(lambda: pty.read() == b"later")
    out.close()
    assert descriptors() == before and pty.drained == 0


@WAYS
async def test_a_terminal_that_does_not_read_holds_up_nobody_and_gets_all_in_order_later(
    pty: Pty, monkeypatch: pytest.MonkeyPatch, reopens: bool
) -> None:
    if not reopens:

        def refused(_: int) -> int:
            raise PermissionError

        monkeypatch.setattr(output, "open_terminal", refused)
    out = pty.output()
    out.write(BIG)
    out.flush()
    assert out.behind and pty.drained == 0
    out.write("end")
    got = b""

    def all_came() -> bool:
        nonlocal got
        got += pty.read()
        return pty.drained == 1

    await until(all_came)
    assert (got + pty.read()).decode() == BIG + "end" and not out.behind
    out.close()


async def test_what_a_terminal_does_not_read_at_the_end_is_discarded_and_what_restores_it_is_not(pty: Pty) -> None:
    out = pty.output()
    out.write(BIG)
    out.finish(0.01)
    out.write("\x1b[?1049l")
    out.finish(0)
    assert not out.behind
    out.close()
    left = pty.read()
    assert left.endswith(CUT + b"\x1b[?1049l") and len(left) < 10_000


async def test_a_terminal_that_is_gone_takes_anything(pty: Pty) -> None:
    out = pty.output()
    out.write(BIG)
    out.flush()
    pty.hang_up()
    await until(lambda: not out.behind)
    out.write("more")
    out.finish(0)
    assert not out.behind
    out.close()


async def test_characters_that_the_encoding_lacks_keep_their_width(pty: Pty) -> None:
    out = pty.output("latin-1")
    out.write("▎● live │ café 가나 e\u0301 \ud800 …")
    out.flush()
    assert pty.read() == "|* live | café ???? e ? .".encode("latin-1")
    out.close()
