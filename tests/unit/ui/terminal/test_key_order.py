"""Keys that arrive together do what they would do one by one."""

from __future__ import annotations

import asyncio
import time
from typing import Any, ClassVar

import pytest
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.events import Event, Key
from textual.message import Message
from textual.screen import ModalScreen
from textual.widget import Widget
from textual.widgets import Input

from podtui.ui.terminal import key_order
from podtui.ui.terminal.key_order import KeyOrder
from tests.support.waiting import until


class AskScreen(ModalScreen[None]):
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "close", "Back")]

    def compose(self) -> ComposeResult:
        yield Input()
        yield Input(id="second")

    def on_input_submitted(self) -> None:
        self.query_one("#second").focus()

    def action_close(self) -> None:
        self.app.answers.append([entry.value for entry in self.query(Input)])  # type: ignore[attr-defined]
        self.dismiss()


class Pane(Widget, can_focus=True):
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("L", "ask", "Ask"),
        Binding("h", "hang", "Hang"),
        Binding("x", "app.note('x')", "Note"),
    ]

    stall = 0.0

    class Asked(Message):
        """As of a pressed button: another handler opens the dialog."""

    def __init__(self) -> None:
        super().__init__()
        self.goes_on = asyncio.Event()

    def action_ask(self) -> None:
        self.post_message(self.Asked())

    async def on_pane_asked(self) -> None:
        if self.stall:
            await self.app.kept.wait()  # type: ignore[attr-defined]
            time.sleep(self.stall)  # noqa: ASYNC251 - the machine stands still
            await asyncio.sleep(self.stall / 100)
        self.app.push_screen(AskScreen())

    async def action_hang(self) -> None:
        await self.goes_on.wait()


class OrderedApp(App[None]):
    def __init__(self) -> None:
        super().__init__()
        self.keys = KeyOrder(self)
        self.kept = asyncio.Event()  # a key waits
        self.answers: list[list[str]] = []
        self.notes: list[str] = []

    def compose(self) -> ComposeResult:
        yield Pane()
        yield Input(id="other")

    def action_note(self, text: str) -> None:
        self.notes.append(text)

    async def on_event(self, event: Event) -> None:
        if not isinstance(event, Key) or event.is_forwarded:
            await super().on_event(event)
        elif self.keys.admit(event):
            target = self.focused or self.screen
            await super().on_event(event)
            self.keys.handed_on(target)
        else:
            self.kept.set()


def all_at_once(app: App[Any], keys: list[str]) -> None:
    for key in keys:
        app.post_message(Key(key, key if len(key) == 1 else None))


async def test_letters_after_the_key_that_opens_a_dialog_go_into_the_dialog() -> None:
    app = OrderedApp()
    async with app.run_test() as pilot:
        app.query_one(Pane).focus()
        await pilot.pause()
        all_at_once(app, ["x", "L", *"axe", "tab", *"xb", "escape", "x"])
        await until(lambda: app.notes == ["x", "x"])
        assert app.answers == [["axe", "xb"]]


async def test_a_binding_between_letters_keeps_its_place() -> None:
    app = OrderedApp()
    async with app.run_test() as pilot:
        app.query_one(Pane).focus()
        await pilot.pause()
        all_at_once(app, ["L", *"abc", "ctrl+u", *"de", "escape"])
        await until(lambda: bool(app.answers))
        assert app.answers == [["de", ""]]


async def test_what_a_message_of_the_key_before_focuses_gets_the_next_key() -> None:
    app = OrderedApp()
    async with app.run_test() as pilot:
        app.query_one(Pane).focus()
        await pilot.pause()
        all_at_once(app, ["L", *"ab", "enter", *"cd", "escape"])
        await until(lambda: bool(app.answers))
        assert app.answers == [["ab", "cd"]]


async def test_a_key_alone_never_waits() -> None:
    app = OrderedApp()
    async with app.run_test() as pilot:
        app.query_one(Pane).focus()
        for _ in range(5):
            await pilot.press("x")
        assert app.notes == ["x"] * 5


async def test_a_machine_that_stands_still_lets_no_letter_act_on_the_screen_below(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(key_order, "_LOOK", 0.01)
    monkeypatch.setattr(Pane, "stall", 0.01 * key_order._LOOKS + 0.1)
    app = OrderedApp()
    async with app.run_test() as pilot:
        app.query_one(Pane).focus()
        await pilot.pause()
        all_at_once(app, ["L", *"xx", "escape"])
        await until(lambda: bool(app.answers))
        assert (app.answers, app.notes) == ([["xx", ""]], [])


async def test_a_key_waits_no_longer_for_one_that_never_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(key_order, "_LOOK", 0.001)
    app = OrderedApp()
    async with app.run_test() as pilot:
        pane, other = app.query_one(Pane), app.query_one("#other", Input)
        pane.focus()
        await pilot.pause()
        all_at_once(app, ["h", "a"])
        other.focus()
        await until(lambda: other.value == "a")
        pane.goes_on.set()
