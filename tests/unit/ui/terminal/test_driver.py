"""Keys and pastes, as their bytes come from a terminal."""

from __future__ import annotations

import asyncio
import os
import signal
from typing import Any, cast

import pytest
from textual import constants
from textual.events import Key, Paste
from textual.message import Message

from podtui.ui.terminal.driver import TerminalDriver
from tests.support.waiting import until


class FakeApp:
    """Takes the driver's messages: `heard` has the keys and pastes."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    def post_message(self, message: Message) -> None:
        self.heard.append(message.key if isinstance(message, Key) else f"paste {message.text!r}" if isinstance(message, Paste) else "")


class Typed:
    """A driver that reads from a pipe."""

    def __init__(self) -> None:
        self.app = FakeApp()
        self.ended: list[int] = []
        driver = TerminalDriver(cast(Any, self.app))
        driver.on_end = self.ended.append
        driver.fileno, self._typed = os.pipe()
        self.driver = driver
        driver._read_input()

    def type(self, data: bytes) -> list[str]:
        """The keys that these bytes are, come together."""
        self.app.heard.clear()
        os.write(self._typed, data)
        self.driver._readable()
        return self.app.heard

    def close(self) -> None:
        self.driver._stop_reading()
        os.close(self.driver.fileno)

    def hang_up(self) -> None:
        os.close(self._typed)


@pytest.mark.parametrize(
    ("data", "keys"),
    [
        (b"\x1bq", ["escape", "q"]),
        (b"\x1b\x1b[A\x1bq", ["escape", "up", "escape", "q"]),
        (b"\x1b\r", ["escape", "enter"]),
        (b"\x1b[Aq\x1bOPa", ["up", "q", "f1", "a"]),
        (b"\x1b\x7f", ["ctrl+w"]),
        (b"\xff\xe9q", ["replacement_character", "replacement_character", "q"]),
        ("가".encode(), ["가"]),
    ],
)
async def test_keys_that_come_together_are_those_that_were_pressed(data: bytes, keys: list[str]) -> None:
    typed = Typed()
    assert typed.type(data) == keys
    typed.hang_up()
    typed.close()


async def test_an_escape_alone_is_the_key_after_a_moment_and_the_start_of_a_sequence_before() -> None:
    typed = Typed()
    assert typed.type(b"\x1b") == []
    assert typed.type(b"[A") == ["up"]
    assert typed.type(b"\x1b") == []
    await until(lambda: typed.app.heard == ["escape"])
    assert constants.ESCAPE_DELAY <= 0.1
    typed.hang_up()
    typed.close()


async def test_alt_and_a_key_is_that_for_whoever_has_bound_one() -> None:
    typed = Typed()
    typed.driver.has_alt = True
    assert typed.type(b"\x1bx") == []
    await until(lambda: typed.app.heard == ["alt+x"])
    typed.hang_up()
    typed.close()


async def test_a_paste_is_one_text_however_it_is_cut_and_nothing_in_it_is_a_key() -> None:
    typed = Typed()
    data = b"a\x1b[200~one\x00\x1bx\x1b[A\n\x1b[201~q"
    for cut in range(1, len(data)):
        heard = [*typed.type(data[:cut]), *typed.type(data[cut:])]
        assert heard == ["a", "paste 'one\\x1bx\\x1b[A\\n'", "q"], cut
    assert typed.type(b"\x1b[200~one\x1b[201~\x1b[200~two\x1b[201~") == ["paste 'one'", "paste 'two'"]
    assert typed.type(b"\x1b[2") == []
    assert typed.type(b"~") == ["insert"]
    typed.hang_up()
    typed.close()


async def test_the_end_of_the_input_ends_podtui() -> None:
    typed = Typed()
    typed.hang_up()
    await until(lambda: typed.ended == [signal.SIGHUP])
    os.close(typed.driver.fileno)


def test_a_second_interrupt_while_podtui_ends_is_no_fault() -> None:
    loop = asyncio.new_event_loop()

    async def made() -> TerminalDriver:
        return TerminalDriver(cast(Any, FakeApp()))

    driver = loop.run_until_complete(made())
    loop.close()
    driver._interrupted(signal.SIGINT, None)
