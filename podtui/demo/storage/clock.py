"""Time and randomness of a simulated cluster: its time can run faster than real time, or only when `advance` is called.

Everything that happens later is a callback in one queue, ordered by its time and by when it was asked for, and everything
random comes from one seeded source. While a callback runs it is the time for which it was asked, however late the computer is:
so what follows from it is due at the same times in each run. One seed, one history.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

_TURN = 0.01  # seconds that the event loop is kept from others at a time, and that they then have for themselves
_LATE = 0.5  # seconds that the simulation may lag behind before its time goes more slowly


class Handle:
    """Something that is due later; `cancel()` takes it back."""

    __slots__ = ("callback", "when")

    def __init__(self, when: float, callback: Callable[[], None]) -> None:
        self.when = when
        self.callback: Callable[[], None] | None = callback

    def cancel(self) -> None:
        self.callback = None


NEVER = Handle(float("inf"), lambda: None)
"""Stands where nothing is due, so that it can be taken back all the same."""


class Clock:
    """Simulated time, in seconds since the epoch.

    `speed` 1 is real time, 60 lets a minute pass in a second. With `speed` 0 time stands still until `advance` is called, which
    runs what is due meanwhile: tests of a whole day take milliseconds. Otherwise callbacks run in the event loop that was
    running when the first of them was asked for.
    """

    def __init__(self, speed: float = 1.0, start: float | None = None, seed: int = 0) -> None:
        self.speed = speed
        self.random = random.Random(seed)
        self._start = time.time() if start is None else start
        self._began = time.monotonic()
        self._advanced = 0.0
        # Times are kept as seconds since the start: sums of them come out alike whenever that was.
        self._at: float | None = None  # what time it is meanwhile
        self._queue: list[tuple[float, int, Handle]] = []
        self._number = itertools.count()
        self._timer: asyncio.TimerHandle | None = None
        self._due = float("inf")  # when the timer rings
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closed = False

    # -- what time it is ----------------------------------------------------------------------------------------
    def now(self) -> float:
        """Seconds since the epoch."""
        return self._start + self._passed()

    def _passed(self) -> float:
        """Seconds since the start. It does not go past what is due and has not happened yet."""
        if self._at is not None:
            return self._at
        real = self._real()
        return min(real, self._queue[0][0]) if self._queue else real

    def _real(self) -> float:
        return self._advanced + (time.monotonic() - self._began) * self.speed

    @contextmanager
    def held(self) -> Iterator[None]:
        """Time stands still in the block but for `advance`: how long the computer takes for it plays no part."""
        self._at = self._passed()
        try:
            yield
        finally:
            self._advanced += self._at - self._real()
            self._at = None
            self._set_timer()

    def timestamp(self) -> str:
        """Now, as metav1.Time: RFC 3339 in whole seconds."""
        return self.format(self.now())

    def micro_timestamp(self) -> str:
        """Now, as metav1.MicroTime."""
        return datetime.fromtimestamp(self.now(), UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")

    @staticmethod
    def format(seconds: float) -> str:
        """A time as metav1.Time."""
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    @staticmethod
    def parse(timestamp: str) -> float:
        """Seconds since the epoch of a metav1.Time or MicroTime."""
        return datetime.fromisoformat(timestamp).timestamp()

    # -- what happens later -------------------------------------------------------------------------------------
    def call_later(self, seconds: float, callback: Callable[[], None]) -> Handle:
        """Calls `callback` after so many simulated seconds, unless the handle is cancelled or the clock closed before."""
        handle = Handle(self._passed() + max(0.0, seconds), callback)
        heapq.heappush(self._queue, (handle.when, next(self._number), handle))
        self._set_timer()
        return handle

    def advance(self, seconds: float) -> None:
        """Lets time pass at once, and what is due in it happen in order, each at its own time."""
        until = self._passed() + seconds
        while self._queue and self._queue[0][0] <= until:
            self._call(heapq.heappop(self._queue)[2])
        if self._at is not None:
            self._at = until
        else:
            self._advanced += max(0.0, until - self._real())
        self._set_timer()

    def close(self) -> None:
        """Drops everything that is due."""
        self._closed = True
        self._queue.clear()
        if self._timer is not None:
            self._timer.cancel()

    def _call(self, handle: Handle) -> None:
        """At the time for which it was asked. `advance` within it goes on from there."""
        callback, handle.callback = handle.callback, None
        if callback is None:
            return
        before, self._at = self._at, handle.when
        try:
            callback()
        finally:
            self._at = before

    def _set_timer(self, pause: float = 0.0) -> None:
        """For what is due next, but not before `pause` seconds of real time."""
        while self._queue and self._queue[0][2].callback is None:
            heapq.heappop(self._queue)
        if not self.speed or self._closed or not self._queue or self._at is not None:
            return  # while time is held, it is set afterwards
        when = self._queue[0][0]
        if self._timer is not None:
            if self._due <= when:
                return
            self._timer.cancel()
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
        self._due = when
        self._timer = self._loop.call_later(max(pause, (when - self._real()) / self.speed), self._ring)

    def _ring(self) -> None:
        """Does what is due, for a short time: then others have theirs. When it cannot keep up, time goes more slowly."""
        self._timer = None
        pause = 0.0
        until = time.monotonic() + _TURN
        try:
            while self._queue and (late := self._real() - self._queue[0][0]) >= 0:
                if late > _LATE * self.speed:
                    self._advanced -= late - _LATE * self.speed
                self._call(heapq.heappop(self._queue)[2])
                if time.monotonic() >= until:
                    pause = _TURN
                    break
        finally:  # one callback that fails is reported by the loop; the others are due all the same
            if self._timer is None:
                self._set_timer(pause)
