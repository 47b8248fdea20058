"""Which reads of a log brought lines of the next run already.

A pod's status is behind its containers: while it still names the run that ended, the kubelet may give the log of the new
one. Each read is of one run, so the time of a read's first line tells whose it was, once the new run's first is known.
"""

from __future__ import annotations

from collections import deque

from podtui.cluster.logs.lines import Lines, Position, moment, stamp_of

_KEPT = 16  # reads: a status is behind by a few at most


class Reads:
    """The latest reads of one run: where each began, and the time of the first line that it brought."""

    def __init__(self) -> None:
        self._reads: deque[tuple[tuple[float, int], Position]] = deque(maxlen=_KEPT)
        self._before: Position | None = None

    def begin(self, position: Position) -> None:
        """A read begins at `position`."""
        self._before = position.copy()

    def take(self, came: Lines) -> None:
        """The read brought lines: only its first ones matter."""
        if self._before is not None and came.lines:
            self._reads.append((moment(stamp_of(came.lines[0])), self._before))
            self._before = None

    def before(self, stamp: str) -> Position | None:
        """Where the first read began that brought lines of `stamp` or later; None when there was none."""
        at = moment(stamp)
        return next((position for first, position in self._reads if first >= at), None)
