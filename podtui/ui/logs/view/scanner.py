"""The searches of a log view, continued in small steps: keys and other work come between."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from textual.timer import Timer
from textual.widget import Widget

from podtui.ui.logs.view.match_cursor import MatchCursor
from podtui.ui.logs.view.window import LogWindow

STEP = 0.008  # seconds that a step takes, and between two


class Scanner:
    """Scans for what the window shows and for what the cursor searches for."""

    def __init__(self, widget: Widget, window: LogWindow, cursor: MatchCursor, resume: Callable[[], None]) -> None:
        """`resume` is called when the next step is due."""
        self.done = asyncio.Event()  # set while it is known which lines are shown
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
        """Scan on for a while; the rest follows later. False when there is no search."""
        self._timer = None
        only, search = self._window.only, self._cursor.search
        searches = [only, search] if only is not search else [only]
        wanted = [each for each in searches if each is not None]
        # Each goes on, however long the other took.
        if any([each.scan(STEP / len(wanted)) for each in wanted]):
            self._timer = self._widget.set_timer(STEP, self._resume)
            self.done.clear()
        else:
            self.done.set()
        return bool(wanted)
