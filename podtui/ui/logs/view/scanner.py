"""Continues the searches of a log view in small steps, with keys and other work in between."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from textual.timer import Timer
from textual.widget import Widget

from podtui.ui.logs.view.match_cursor import MatchCursor
from podtui.ui.logs.view.window import LogWindow

STEP = 0.008  # seconds of a step, and between two steps


class Scanner:
    """Scans for the lines that the window shows and for the cursor's matches."""

    def __init__(self, widget: Widget, window: LogWindow, cursor: MatchCursor, resume: Callable[[], None]) -> None:
        """`resume` is called when the next step is due."""
        self.done = asyncio.Event()  # set while the shown lines are known
        self.done.set()
        self._widget = widget
        self._window = window
        self._cursor = cursor
        self._resume = resume
        self._timer: Timer | None = None

    @property
    def is_waiting(self) -> bool:
        """Whether a next step is due."""
        return self._timer is not None

    def step(self) -> bool:
        """Scan for one step; the rest follows later. False if there is no search."""
        self._timer = None
        only, search = self._window.only, self._cursor.search
        searches = [only, search] if only is not search else [only]
        wanted = [each for each in searches if each is not None]
        # Each search advances, however long the other takes.
        if any([each.scan(STEP / len(wanted)) for each in wanted]):
            self._timer = self._widget.set_timer(STEP, self._resume)
            self.done.clear()
        else:
            self.done.set()
        return bool(wanted)
