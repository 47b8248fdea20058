"""Formats the time of a line, and parses the time that a user types."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Literal

Times = Literal["off", "local", "utc", "relative"]
TIMES: tuple[Times, ...] = ("off", "local", "utc", "relative")

SECOND = 1_000_000_000  # nanoseconds
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_SPAN = re.compile(r"(?:\d{1,9}(?:\.\d+)?[smhd])+\Z")
_PART = re.compile(r"(\d+(?:\.\d+)?)([smhd])")
_CLOCK = re.compile(r"(\d{1,2}):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?(Z)?\Z", re.IGNORECASE)


@lru_cache(maxsize=512)
def _second(seconds: int, utc: bool) -> tuple[str, str]:
    """A second in words, and the text after its fraction: the offset, as in ISO 8601."""
    at = datetime.fromtimestamp(seconds, UTC)
    if utc:
        return f"{at:%Y-%m-%dT%H:%M:%S}", "Z"
    local = at.astimezone()
    return f"{local:%Y-%m-%dT%H:%M:%S}", f"{local:%z}"[:3] + ":" + f"{local:%z}"[3:5]


def time_words(at: int, times: Times, now: float | None = None) -> str:
    """Nanoseconds since the epoch in the form `times`; "" for an unknown time (0) and for "off".

    Absolute times have milliseconds; a relative time is an age, five cells wide.
    """
    if not at or times == "off":
        return ""
    seconds, rest = divmod(at, SECOND)
    if times == "relative":
        return f"{ago((time.time() if now is None else now) - at / SECOND):>5}"
    try:
        words, zone = _second(seconds, times == "utc")
    except (ValueError, OverflowError, OSError):  # a year outside datetime's range
        return ""
    return f"{words}.{rest // 1_000_000:03}{zone}"


def ago(seconds: float) -> str:
    """An age of at most five characters: `3s`, `12m`; just `5h`, since `23h02m` would be too wide."""
    if seconds < 0:
        return f"-{ago(-seconds)}" if seconds <= -1 else "0s"
    for unit, size, most in (("s", 1, 100), ("m", 60, 100), ("h", 3600, 48), ("d", 86_400, 10_000)):
        if seconds < size * most:
            return f"{int(seconds // size)}{unit}"
    return "long"


def parse_span(text: str) -> float | None:
    """The seconds of a duration such as `90s`, `1h30m`, `2d`; None if the text is not a duration."""
    if not _SPAN.match(text):
        return None
    return sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(text))


def parse_time(text: str, now: float | None = None) -> int:
    """A moment in nanoseconds since the epoch: a clock time (`14:05`, `14:05:30.5`; with Z in UTC, else local; the latest
    one in the past), a date and time as in RFC 3339 (local without an offset), or how long ago (`-10m`, `10m`).

    Raises ValueError with a message for a person.
    """
    text = text.strip()
    now = time.time() if now is None else now
    span = parse_span(text.lstrip("-"))
    if span is not None:
        return int((now - span) * SECOND)
    clock = _CLOCK.match(text)
    if clock is not None:
        return _clock(clock, now)
    try:
        at = datetime.fromisoformat(text.replace(" ", "T", 1) if "T" not in text else text)
        at = at if at.tzinfo is not None else at.astimezone()
        return (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1) * 1000
    except (ValueError, OverflowError, OSError):
        raise ValueError("a time is 14:05, 14:05:30, 2026-01-31T14:05:30Z, or 10m for ten minutes ago") from None


def _clock(match: re.Match[str], now: float) -> int:
    hour, minute, second = int(match[1]), int(match[2]), int(match[3] or 0)
    if hour > 23 or minute > 59 or second > 59:
        raise ValueError("that is not a time of day")
    today = datetime.fromtimestamp(now, UTC)
    if not match[5]:
        today = today.astimezone()
    at = today.replace(hour=hour, minute=minute, second=second, microsecond=0)
    fraction = int((match[4] or "0").ljust(9, "0"))
    if at.timestamp() + fraction / SECOND > now:
        at -= timedelta(days=1)
    return int(at.timestamp()) * SECOND + fraction
