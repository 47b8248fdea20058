"""How far a log was read, and how to resume after it in a new stream without loss or repeats.

Lines are identified by their times and texts. A line may have an earlier time than the one before it: containerd takes the times of
stdout and stderr in two goroutines, and a node's clock may be set back.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection
from copy import copy

from podtui.cluster.logs.lines import Lines
from podtui.cluster.logs.stamps import SECOND, nanoseconds, stamp_at, stamp_in

_REMEMBERED = 1000  # the most lines of one time, and without one, to remember by their text
_RECENT = 1 << 14  # bytes in which to look for lines with a later time than the last one


class Position:
    """How far a container's log has been read, so that a new request can resume after it.

    `stamp` is the time of the last complete line that had one, `count` the number of consecutive lines with it, `texts` the last of
    them; `unstamped` is the number of lines without a time after them, `said` the last of these, `pieces` the number of pieces taken of
    the next, unfinished line. A stream that began with `tailLines` (`whole` is false) may begin within several lines of one time, so
    that their number alone does not identify them. Without any times, a stream is resumed by the number and the texts of its lines.

    `complaint` is what the server said last in place of lines or after them.
    """

    def __init__(self, *, whole: bool = True) -> None:
        self.whole = whole
        self.stamp = ""
        self.count = 0
        self.unstamped = 0
        self.pieces = 0
        self.complaint = b""
        self.texts: deque[bytes] = deque(maxlen=_REMEMBERED)
        self.said: deque[bytes] = deque(maxlen=_REMEMBERED)
        self.counted = whole  # whether every line of that time was seen
        self._latest = -1
        self._recent: deque[bytes] = deque()
        self._recent_size = 0
        self._first = b""  # the first piece of the unfinished line

    @property
    def reached(self) -> str:
        """The time of the last line, or of the unfinished one if none is complete; "" without any."""
        return self.stamp or (stamp_in(self._first) if self.pieces else "")

    @property
    def since(self) -> str:
        """For `sinceTime`: a second before the last line, since the next ones may have slightly earlier times. "" without any time."""
        at = nanoseconds(self.reached)
        return stamp_at(at - SECOND) if at >= SECOND else self.reached

    @property
    def latest(self) -> int:
        """The latest time of any line, in nanoseconds since the epoch; -1 without any."""
        times = (nanoseconds(stamp_in(line)) for data in self._recent for line in data.split(b"\n"))
        return max(self._latest, nanoseconds(self.reached), *times, -1)

    @property
    def set_back(self) -> bool:
        """Whether lines much later than the last one came before it: the node's clock was set back."""
        return bool(self.reached) and self.latest - nanoseconds(self.reached) > SECOND

    def copy(self) -> Position:
        """Another one at the same position, which stays there."""
        other = copy(self)
        other.texts, other.said = deque(self.texts, self.texts.maxlen), deque(self.said, self.said.maxlen)
        other._latest, other._recent, other._recent_size = self.latest, deque(), 0
        return other

    def take(self, taken: Lines) -> None:
        """Advance to the end of these lines."""
        data = taken.data
        if not data:
            return
        self._remember(data)
        if taken.continued or self.pieces:
            self._take_pieces(taken.split(), taken.continued)
            return
        # The usual case costs nothing per line: only the last lines of one time are examined.
        last: list[bytes] = []
        stamp, end = b"", len(data) - 1
        while end >= 0:
            start = data.rfind(b"\n", 0, end) + 1
            last.append(data[start:end])
            if stamp and not last[-1].startswith(stamp):
                break
            stamp = stamp or stamp_in(last[-1]).encode()
            end = start - 1
        for line in reversed(last):
            self._complete(line)

    def _remember(self, data: bytes) -> None:
        """Keep the last lines. Of those before, only the time of the first is needed: lines that are out of order are close together."""
        self._latest = max(self._latest, nanoseconds(stamp_in(data)))
        if len(data) > _RECENT:
            data = data[data.find(b"\n", len(data) - _RECENT) + 1 :]
        self._recent.append(data)
        self._recent_size += len(data)
        while self._recent_size - len(self._recent[0]) > _RECENT:
            past = self._recent.popleft()
            self._recent_size -= len(past)
            self._latest = max(self._latest, nanoseconds(stamp_in(past[past.rfind(b"\n", 0, len(past) - 1) + 1 :])))

    def _take_pieces(self, lines: list[bytes], continued: Collection[int]) -> None:
        for index, line in enumerate(lines):
            if not self.pieces:
                self._first = line
            if index in continued:
                self.pieces += 1
            else:
                self.pieces = 0
                self._complete(self._first)

    def _complete(self, line: bytes) -> None:
        stamp = stamp_in(line)
        if not stamp:
            self.unstamped += 1
            self.said.append(line)
            return
        if stamp != self.stamp:
            self.counted = self.counted or bool(self.stamp)
            self.stamp, self.count = stamp, 0
            self.texts.clear()
        self.count += 1
        self.unstamped = 0
        self.said.clear()
        self.texts.append(line)


class Resume:
    """Drops what was read before from a new stream: every line up to the position.

    `gap` is the time of the first new line when the last lines read before did not appear again: the log was rotated in the meantime,
    and lines written in between may be lost. `there` is for a log whose position is known to be in the stream: then no time shows a
    gap.
    """

    def __init__(self, position: Position, *, there: bool = False) -> None:
        self.gap = ""
        self.held: list[bytes] = []  # lines without a time that are new only when no older line with a time follows
        timeless = not position.reached
        self._behind = timeless and not (position.unstamped or position.pieces)  # whether every further line is new
        self.reached = timeless  # whether the lines of the position's time have passed
        self._at = nanoseconds(position.reached)
        self._latest = None if there else position.latest
        self._count = position.count
        self._texts = list(position.texts)
        self._by_number = position.counted and position.count > len(self._texts)
        self._passed = 0
        self._seen: deque[bytes] = deque(maxlen=max(1, len(self._texts)))
        self._unstamped = position.unstamped
        self._said = list(position.said)
        self._pieces = 0 if self._behind else position.pieces
        self._inside: bool | None = None  # within a long line: whether to drop its pieces

    @property
    def done(self) -> bool:
        """Whether nothing is left to drop."""
        return self._behind and self._inside is None and not self._pieces

    def drop(self, came: Lines) -> Lines:
        """The new ones of these lines."""
        kept: list[bytes] = []
        continued: set[int] = set()
        offset = 0
        for index, line in enumerate(came.split()):
            if self.done:
                continued.update(len(kept) + each - index for each in came.continued if each >= index)
                return Lines(b"".join(kept) + came.data[offset:], continued)
            offset += len(line) + 1
            goes_on = index in came.continued
            if self._inside is None:
                dropped = not self._behind and self._is_old(line)
                if not dropped and self.held:
                    kept += [each + b"\n" for each in self.held]
                    self.held = []
            else:
                dropped = self._inside
            self._inside = dropped if goes_on else None
            if not dropped and self._pieces:  # the line that was taken in part
                self._pieces -= 1
                if not goes_on:
                    self._pieces = 0
                continue
            if not dropped:
                if goes_on:
                    continued.add(len(kept))
                kept.append(line + b"\n")
        return Lines(b"".join(kept), continued)

    def _is_old(self, line: bytes) -> bool:
        stamp = stamp_in(line)
        if self.reached:
            if not stamp and self._unstamped and self._was_said(line):
                self._unstamped -= 1
                return True
            self._behind = True
            return False
        if not stamp:
            self.held.append(line)
            return True
        at = nanoseconds(stamp)
        if self._latest is not None and at > self._latest:
            if self._count:
                self.gap = stamp
            self.reached = self._behind = True
            return False
        if at == self._at and not self._count:  # only pieces of a line of this time were taken
            self.reached = self._behind = True
            return False
        self.held = []
        if at == self._at:
            self._pass(line)
        return True

    def _was_said(self, line: bytes) -> bool:
        """Whether this is the next of the lines without a time; the first of very many are known only by their number."""
        place = len(self._said) - self._unstamped
        return place < 0 or self._said[place] == line

    def _pass(self, line: bytes) -> None:
        """Count one more line of the position's time."""
        self._passed += 1
        self._seen.append(line)
        self.reached = self._passed >= self._count if self._by_number else list(self._seen) == self._texts
