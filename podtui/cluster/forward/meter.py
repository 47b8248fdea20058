"""How many bytes have passed, and how many pass in a second."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

_SPAN = 2  # whole seconds that a rate is the mean of


class Meter:
    """`total` is in bytes since the beginning."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.total = 0
        self._clock = clock
        self._seconds: deque[list[int]] = deque(maxlen=_SPAN + 1)  # of each second with bytes: which one, how many

    def add(self, count: int) -> None:
        self.total += count
        second = int(self._clock())
        if self._seconds and self._seconds[-1][0] == second:
            self._seconds[-1][1] += count
        else:
            self._seconds.append([second, count])

    @property
    def rate(self) -> float:
        """Bytes a second over the last two whole seconds."""
        now = int(self._clock())
        return sum(count for second, count in self._seconds if now - _SPAN <= second < now) / _SPAN
