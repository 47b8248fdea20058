"""The times of log lines as numbers: nanoseconds since the epoch, which sort, and take eight bytes each."""

from __future__ import annotations

from array import array
from collections.abc import Collection
from datetime import datetime

from podtui.cluster.logs.lines import stamp_of

_SECONDS = 512  # different seconds that are remembered: calendars are slow
_USUAL = 30  # characters of `2026-01-01T00:00:00.123456789Z`, as the kubelet writes it


def nanoseconds(stamp: str) -> int:
    """An RFC 3339 time in nanoseconds since the epoch; 0 for one that only looks like a time (30 February)."""
    date, rest = stamp[:19], stamp[19:]
    digits = ""
    if rest.startswith("."):
        end = len(rest) - (1 if rest.endswith("Z") else 6)
        digits, rest = rest[1:end], rest[end:]
    try:
        seconds = int(datetime.fromisoformat(date + rest.replace("Z", "+00:00")).timestamp())
    except ValueError:
        return 0
    return seconds * 1_000_000_000 + int(digits.ljust(9, "0") if digits else 0)


def told(stamp: str) -> str:
    """An RFC 3339 time for a person: to the second, in the local zone with its offset."""
    time = nanoseconds(stamp)
    return datetime.fromtimestamp(time // 1_000_000_000).astimezone().isoformat(timespec="seconds") if time else stamp


class Times:
    """Parts the lines of one log, as they come, into times and texts.

    A line without a time has 0. The pieces of a long line have that of its first one.
    """

    def __init__(self) -> None:
        self._seconds: dict[str, int] = {}
        self._goes_on = False
        self._latest = 0

    def part(self, lines: list[str], continued: Collection[int] = ()) -> tuple[array[int], list[str]]:
        """`continued` are the places of lines that go on in the next one, as in LogBatch."""
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
        """The slow way, for the first line of a second and for unusual ones."""
        stamp = stamp_of(line)
        time = nanoseconds(stamp) if stamp else 0
        if not time:
            texts.append(line)
            return 0
        texts.append(line[len(stamp) + 1 :])
        if len(stamp) == _USUAL and stamp[-1] == "Z":
            if len(self._seconds) >= _SECONDS:
                self._seconds.clear()
            self._seconds[line[:20]] = time - time % 1_000_000_000
        return time
