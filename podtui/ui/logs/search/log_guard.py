"""A limit of time for a regular expression: Python's `re` can take for ever on a short text, and nothing else runs meanwhile.

`re` looks for signals while it works, so a timer's signal can end it. The timer counts the program's own CPU time
(`ITIMER_VIRTUAL`): a busy machine cuts nothing short, and an expression that does not end cannot hide. Signals reach only
the main thread; elsewhere nothing is limited, so expressions are not for other threads.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

LIMIT = 0.03  # seconds of CPU time


class TooSlow(Exception):
    """The limit was reached."""


class _Watch:
    """The process's one timer. A guard within a guard is the outer one."""

    def __init__(self) -> None:
        self.armed = False
        self._ready = False

    def _expired(self, number: int, frame: FrameType | None) -> None:
        if self.armed:
            raise TooSlow

    def start(self, seconds: float) -> None:
        if not self._ready:
            signal.signal(signal.SIGVTALRM, self._expired)
            self._ready = True
        self.armed = True
        # Again and again: a signal that comes while nothing can be interrupted must not be the only one.
        signal.setitimer(signal.ITIMER_VIRTUAL, seconds, seconds)

    def stop(self) -> None:
        self.armed = False
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)


_watch = _Watch()


@contextmanager
def limited(seconds: float = LIMIT) -> Iterator[None]:
    """Raises TooSlow when what is done within takes longer, as far as it looks for signals (Python code and `re` do)."""
    if _watch.armed or threading.current_thread() is not threading.main_thread():
        yield
        return
    try:
        _watch.start(seconds)
        yield
    finally:
        _watch.stop()
