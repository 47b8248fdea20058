"""Split a log's bytes into lines, and resume reading at a position without loss or repeats.

The API server sends a log as plain bytes. With `timestamps=true` the kubelet puts an RFC 3339 time with
nanoseconds and a space before each line. Chunks may end anywhere, even within a character.
"""

from __future__ import annotations

import codecs
import re
from array import array
from collections import deque
from collections.abc import Collection
from copy import copy
from datetime import datetime
from typing import NamedTuple

MAX_LINE = 65_536  # characters; a longer line comes in several pieces
_REMEMBERED = 1000  # the most lines of one time to remember by their text
_STAMP = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d) ?")
_SECONDS = 512  # different seconds to cache: calendars are slow
_USUAL = 30  # characters of `2026-01-01T00:00:00.123456789Z`, as the kubelet writes it


class LogLine(NamedTuple):
    """A parsed line: `time` is the server's RFC 3339 time, or "" when the line does not begin with one."""

    time: str
    text: str


def parse_line(raw: str) -> LogLine:
    """Separate the time from the text. A line whose first word is not a time stays whole."""
    stamp = stamp_of(raw)
    return LogLine(stamp, raw[len(stamp) + 1 :]) if stamp else LogLine("", raw)


def stamp_of(raw: str) -> str:
    """The RFC 3339 time at the beginning of the line, or ""."""
    match = _STAMP.match(raw)
    if not match or not (match[0].endswith(" ") or match.end() == len(raw)):
        return ""
    return match[0].rstrip(" ")


def nanoseconds(stamp: str) -> int:
    """The RFC 3339 time at the beginning, in nanoseconds since the epoch; -1, before every other, for an invalid one (30 February)."""
    match = _STAMP.match(stamp)
    if match is None:
        return -1
    try:
        seconds = int(datetime.fromisoformat(match[1] + match[3].replace("Z", "+00:00")).timestamp())
    except ValueError:
        return -1
    return seconds * 1_000_000_000 + int((match[2] or "0").ljust(9, "0"))


def local_time(stamp: str) -> str:
    """An RFC 3339 time for display: to the second, in the local zone with its offset. Other text stays unchanged."""
    time = nanoseconds(stamp)
    return stamp if time <= 0 else datetime.fromtimestamp(time // 1_000_000_000).astimezone().isoformat(timespec="seconds")


class Lines(NamedTuple):
    """Lines in order. Those whose index is in `continued` go on in the next one: they are pieces of one long line."""

    lines: list[str]
    continued: Collection[int] = ()


class LineSplitter:
    """Splits chunks of bytes into lines, without their newline; bytes that are not UTF-8 become U+FFFD.

    A line of more than `limit` characters comes in pieces of exactly `limit`, the last one shorter: the same
    pieces however the chunks were cut.
    """

    def __init__(self, limit: int = MAX_LINE) -> None:
        self._limit = limit
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._rest = ""

    def feed(self, chunk: bytes, *, final: bool = False) -> Lines:
        """The lines that are complete with `chunk`. With `final`, an unfinished last line too."""
        text = self._rest + self._decoder.decode(chunk, final)
        lines = text.split("\n")
        self._rest = lines.pop()
        if final and self._rest:
            lines.append(self._rest)
            self._rest = ""
        if len(text) <= self._limit:
            return Lines(lines)
        return self._cut(lines)

    def _cut(self, lines: list[str]) -> Lines:
        limit = self._limit
        if len(self._rest) <= limit and max(map(len, lines), default=0) <= limit:
            return Lines(lines)
        pieces: list[str] = []
        continued: set[int] = set()
        for line in lines:
            while len(line) > limit:
                continued.add(len(pieces))
                pieces.append(line[:limit])
                line = line[limit:]
            pieces.append(line)
        while len(self._rest) > limit:
            continued.add(len(pieces))
            pieces.append(self._rest[:limit])
            self._rest = self._rest[limit:]
        return Lines(pieces, continued)


class Position:
    """How far a container's log has been read, so that a new request can resume behind it.

    `stamp` is the time of the last complete line that had one, `count` the number of consecutive lines with it,
    `unstamped` the number of lines without a time after them, `pieces` the number of pieces taken of the next, unfinished
    line. A stream that began with `tailLines` (`whole` is false) may begin within several lines of one
    time; then their texts are remembered too, since their number alone does not identify them.
    Without any times, a stream that began at the beginning is resumed by the number of lines.
    """

    def __init__(self, *, whole: bool = True) -> None:
        self.whole = whole
        self.stamp = ""
        self.count = 0
        self.unstamped = 0
        self.pieces = 0
        self.texts: deque[str] | None = None if whole else deque(maxlen=_REMEMBERED)
        self._first = ""  # the first piece of the unfinished line

    @property
    def since(self) -> str:
        """For `sinceTime`; the API server truncates it to the whole second. "" when no line with a time was read."""
        return self.stamp or (stamp_of(self._first) if self.pieces else "")

    def copy(self) -> Position:
        """Another one at the same position, which stays there."""
        other = copy(self)
        other.texts = None if self.texts is None else deque(self.texts, self.texts.maxlen)
        return other

    def take(self, taken: Lines) -> None:
        """Advance behind these lines."""
        lines, continued = taken
        if continued or self.pieces:
            self._take_pieces(lines, continued)
            return
        # The usual case costs nothing per line: only the last lines of one time are examined.
        last = len(lines) - 1
        while last >= 0 and not stamp_of(lines[last]):
            last -= 1
        if last < 0:
            self.unstamped += len(lines)
            return
        start, stamp = last, stamp_of(lines[last])
        while start > 0 and lines[start - 1].startswith(stamp):
            start -= 1
        for line in lines[max(0, start - 1) : last + 1]:
            self._complete(line)
        self.unstamped = len(lines) - 1 - last

    def _take_pieces(self, lines: list[str], continued: Collection[int]) -> None:
        for index, line in enumerate(lines):
            if not self.pieces:
                self._first = line
            if index in continued:
                self.pieces += 1
            else:
                self.pieces = 0
                self._complete(self._first)

    def _complete(self, line: str) -> None:
        stamp = stamp_of(line)
        if not stamp:
            self.unstamped += 1
            return
        if stamp != self.stamp:
            if self.stamp:
                self.texts = None  # all lines of this time were seen
            self.stamp, self.count = stamp, 0
        self.count += 1
        self.unstamped = 0
        if self.texts is not None:
            self.texts.append(line)


class Resume:
    """Drops what was read before from a new stream: every line before the position, and exactly those on it.

    `gap` is the time of the first new line when the last lines read before did not appear again: the log was
    rotated in the meantime, and lines written in between may be lost.
    """

    def __init__(self, position: Position) -> None:
        self.gap = ""
        timeless = not position.since
        self.done = timeless and not (position.whole and (position.unstamped or position.pieces))
        self._at = nanoseconds(position.since)
        self._left = self._count = position.count
        self._unstamped = position.unstamped
        self._pieces = 0 if self.done else position.pieces
        self._texts = list(position.texts) if position.texts and position.count else None
        self._seen: deque[str] = deque(maxlen=len(self._texts or "x"))
        self._reached = timeless  # the lines of the position's time have passed
        self._inside: bool | None = None  # within a long line: whether to drop its pieces

    def drop(self, came: Lines) -> Lines:
        """The new ones of these lines. When `done` is true, nothing is left to drop, and further lines need no check."""
        kept: list[str] = []
        continued: set[int] = set()
        for index, line in enumerate(came.lines):
            goes_on = index in came.continued
            if self._inside is None:
                dropped = not self.done and self._is_old(line)
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
                kept.append(line)
        return Lines(kept, continued)

    def _is_old(self, line: str) -> bool:
        stamp = stamp_of(line)
        if self._reached:
            if not stamp and self._unstamped:
                self._unstamped -= 1
                return True
            self.done = True
            return False
        if not stamp:
            return True
        at = nanoseconds(stamp)
        if at > self._at or (at == self._at and not self._left):
            if at > self._at and self._count:
                self.gap = stamp
            self._reached = self.done = True
            return False
        if at == self._at:
            self._pass(line)
        return True

    def _pass(self, line: str) -> None:
        """Count one more line of the position's time."""
        self._seen.append(line)
        if self._texts is not None:
            self._reached = list(self._seen) == self._texts
        else:
            self._left -= 1
            self._reached = not self._left


class Times:
    """Separates the lines of one log, as they arrive, into times and texts.

    A line without a time has 0. The pieces of a long line have the time of its first one.
    """

    def __init__(self) -> None:
        self._seconds: dict[str, int] = {}
        self._goes_on = False
        self._latest = 0

    def part(self, lines: list[str], continued: Collection[int] = ()) -> tuple[array[int], list[str]]:
        """`continued` are the indices of lines that go on in the next one, as in LogBatch."""
        times, texts = array("q"), []
        known = self._seconds
        pieces = bool(continued) or self._goes_on
        for place, line in enumerate(lines):
            if pieces:
                piece, self._goes_on = self._goes_on, place in continued
                if piece:
                    times.append(self._latest)
                    texts.append(line)
                    continue
            seconds = known.get(line[:20])
            if seconds is not None and line[_USUAL - 1 : _USUAL + 1] == "Z " and (digits := line[20:29]).isdecimal() and digits.isascii():
                self._latest = seconds + int(digits)
                texts.append(line[_USUAL + 1 :])
            else:
                self._latest = self._look(line, texts)
            times.append(self._latest)
        return times, texts

    def _look(self, line: str, texts: list[str]) -> int:
        """The slow path, for the first line of a second and for unusual ones."""
        stamp = stamp_of(line)
        time = nanoseconds(stamp)
        if time <= 0:
            texts.append(line)
            return 0
        texts.append(line[len(stamp) + 1 :])
        if len(stamp) == _USUAL and stamp[-1] == "Z":
            if len(self._seconds) >= _SECONDS:
                self._seconds.clear()
            self._seconds[line[:20]] = time - time % 1_000_000_000
        return time
