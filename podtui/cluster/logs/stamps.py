"""The times that the kubelet puts before each line of a log.

With `timestamps=true` the API server sends an RFC 3339 time with nanoseconds and a space before each line.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Collection
from datetime import UTC, datetime
from typing import NamedTuple

_STAMP = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d) ?", re.ASCII)
_BEGUN = re.compile(rb"\d{1,4}(-[\d:T.+-]{0,30})?")  # what may be the beginning of a time, cut off
_LONGEST = 40  # characters that hold every time and the space after it
_SECONDS = 512  # different seconds to cache: calendars are slow
_USUAL = 30  # characters of `2026-01-01T00:00:00.123456789Z`, as the kubelet writes it
SECOND = 1_000_000_000
"""Nanoseconds."""


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


def stamp_in(line: bytes) -> str:
    """As `stamp_of`, of a line as it came, or of the first of several."""
    return stamp_of(line[:_LONGEST].partition(b"\n")[0].decode("latin-1"))


def may_begin_stamp(line: bytes) -> bool:
    """Whether a line that is cut off may be the beginning of one with a time."""
    return bool(_BEGUN.fullmatch(line) or stamp_in(line))


def stamp_at(time: int) -> str:
    """An RFC 3339 time for `sinceTime`, which the API server truncates to the whole second."""
    return f"{datetime.fromtimestamp(time // SECOND, UTC):%Y-%m-%dT%H:%M:%SZ}"


def nanoseconds(stamp: str) -> int:
    """The RFC 3339 time at the beginning, in nanoseconds since the epoch; -1, before every other, for an invalid one (30 February)."""
    match = _STAMP.match(stamp)
    if match is None:
        return -1
    try:
        seconds = int(datetime.fromisoformat(match[1] + match[3].replace("Z", "+00:00")).timestamp())
    except (ValueError, OverflowError):
        return -1
    return seconds * SECOND + int((match[2] or "0").ljust(9, "0"))


def local_time(stamp: str) -> str:
    """An RFC 3339 time for display: to the second, in the local zone with its offset. Other text stays unchanged."""
    time = nanoseconds(stamp)
    try:
        return stamp if time <= 0 else datetime.fromtimestamp(time // SECOND).astimezone().isoformat(timespec="seconds")
    except (ValueError, OverflowError, OSError):  # the year 9999, in a zone where it is later
        return stamp


class Times:
    """Separates the lines of one log, as they arrive, into times and texts.

    A line without a time has 0. The pieces of a long line have the time of its first one; `goes_on` is whether another is to come.
    """

    def __init__(self) -> None:
        self._seconds: dict[str, int] = {}
        self.goes_on = False
        self._latest = 0

    def part(self, lines: list[str], continued: Collection[int] = ()) -> tuple[array[int], list[str]]:
        """`continued` are the indices of lines that go on in the next one, as in LogBatch."""
        times, texts = array("q"), []
        known = self._seconds
        pieces = bool(continued) or self.goes_on
        for place, line in enumerate(lines):
            if pieces:
                piece, self.goes_on = self.goes_on, place in continued
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
            self._seconds[line[:20]] = time - time % SECOND
        return time
