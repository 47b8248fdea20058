"""Carries out keys that arrive together one after the other.

Textual passes every key at once to the widget that has the focus then. Over a slow link several keys arrive together, and
letters typed after the key that opens a dialog would act as commands of the screen below it. Here a key waits until all
handlers of the key before it have run, and what that key opened has the focus. The first key never waits.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any

from textual.app import App
from textual.events import Key
from textual.message_pump import MessagePump

_LOOK = 0.1  # seconds between two looks whether a key still waits
_LOOKS = 50  # after so many it waits no longer: something is busy or gone


class KeyOrder:
    """Call `admit` for each key, and `handed_on` when Textual has an admitted key."""

    def __init__(self, app: App[Any]) -> None:
        self._app = app
        self._waiting: deque[Key] = deque()
        self.busy = False  # whether a key is being carried out
        self._next: Key | None = None
        self._turn = 0  # number of the current key, so that a late callback of an earlier one has no effect
        self._watchdog: asyncio.TimerHandle | None = None

    def admit(self, event: Key) -> bool:
        """Whether the key may be handled now; otherwise it is kept and posted again later."""
        if self.busy and event is not self._next:
            self._waiting.append(event)
            if self._watchdog is None:
                self._watch(self._turn)
            return False
        self._next = None
        self.busy = True
        self._turn += 1
        return True

    def handed_on(self, target: MessagePump | None) -> None:
        """The key is in the queue of `target` and bubbles up from there: follow it to the application."""
        path: list[MessagePump] = []
        while target is not None:
            path.append(target)
            target = target._parent
        if not path or path[-1] is not self._app:
            path.append(self._app)
        path += path  # the second time after the messages that the key made them post: a submitted input, a pressed button
        self._follow(path, 0, self._turn, self._place())

    def _place(self) -> tuple[object, object]:
        app = self._app
        return (app.screen_stack[-1] if app.screen_stack else None, app.focused if app.screen_stack else None)

    def _follow(self, path: list[MessagePump], at: int, turn: int, before: tuple[object, object]) -> None:
        """One hop: queue a callback after the key itself; skip widgets that take none any more."""
        while at < len(path) and not path[at].call_later(self._follow, path, at + 1, turn, before):
            at += 1
        if at < len(path):
            return
        if self._place() == before or not self._app.screen.call_after_refresh(self._app.call_later, self._release, turn):
            self._release(turn)

    def _release(self, turn: int) -> None:
        if turn != self._turn:
            return
        if self._watchdog is not None:
            self._watchdog.cancel()
            self._watchdog = None
        if not self._waiting:
            self.busy = False
            return
        self._next = self._waiting.popleft()
        if self._waiting:
            self._watch(self._turn + 1)
        self._app.post_message(self._next)

    def _watch(self, turn: int, looks: int = _LOOKS) -> None:
        """Release the key that waits for `turn` in five seconds of this loop's time. A machine that stands still meanwhile, or a podtui
        that was stopped, is one look: the key before has had no chance either."""
        next_look = (self._watch, turn, looks - 1) if looks > 1 else (self._release, turn)
        self._watchdog = asyncio.get_running_loop().call_later(_LOOK, *next_look)
