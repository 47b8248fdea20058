"""Screens in an app of their own, at 80x24: what they show, their results, and what they tell the user."""

from __future__ import annotations

from typing import Any

from textual.app import App
from textual.pilot import Pilot
from textual.screen import Screen
from textual.widgets import Button, Input, Static

from podtui.ui.dialogs.dialog import Dialog


class Shown(App[None]):
    """Shows one screen and keeps its results; notifications are kept as text."""

    def __init__(self, screen: Screen[Any] | None = None) -> None:
        super().__init__()
        self.first = screen
        self.results: list[Any] = []
        self.told: list[str] = []
        self.farewell: list[str] = []
        self.drafts: dict[str, Any] = {}
        self.recorded = False

    def on_mount(self) -> None:
        if self.first is not None:
            self.push_screen(self.first, self.results.append)

    def check_path(self, path: str) -> None:
        """As TerminalApp."""

    def notify(self, message: str, **kwargs: Any) -> None:
        assert kwargs.get("markup") is False
        self.told.append(message)


def running(screen: Screen[Any]) -> Any:
    """A pilot, whose `app` is a Shown."""
    return Shown(screen).run_test(size=(80, 24))


def text(screen: Screen[Any], selector: str) -> str:
    return str(screen.query_one(selector, Static).render())


def confirm(dialog: Dialog[Any]) -> Button:
    return dialog.query_one("#dialog-confirm", Button)


async def typed(pilot: Pilot[None], selector: str, value: str) -> None:
    """Put `value` into an input, as pasted."""
    widget = pilot.app.screen.query_one(selector, Input)
    widget.focus()
    widget.value = value
    await pilot.pause()
