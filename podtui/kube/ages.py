"""Durations as kubectl writes them, and when that text changes next.

The rule is `HumanDuration` of k8s.io/apimachinery/pkg/util/duration: seconds to two minutes, then two units while the number is small.
"""

from __future__ import annotations

import math
import re

MINUTE, HOUR, DAY = 60, 3600, 86400
YEAR = 365 * DAY

_UNITS = {"s": 1, "m": MINUTE, "h": HOUR, "d": DAY, "y": YEAR}
_DURATION = re.compile(r"(?:[0-9]{1,9}[smhdy]){1,3}")
_PART = re.compile(r"([0-9]+)([smhdy])")


def _two(whole: int, unit: str, rest: int, rest_unit: str) -> str:
    return f"{whole}{unit}{rest}{rest_unit}" if rest else f"{whole}{unit}"


def age(seconds: float) -> str:
    """A duration in seconds as kubectl's AGE column shows it; `<invalid>` when it is two seconds or more below zero."""
    total = int(seconds)
    if total < -1:
        return "<invalid>"
    if total <= 0:
        return "0s"
    if total < 2 * MINUTE:
        return f"{total}s"
    if total < 10 * MINUTE:
        return _two(total // MINUTE, "m", total % MINUTE, "s")
    if total < 3 * HOUR:
        return f"{total // MINUTE}m"
    if total < 8 * HOUR:
        return _two(total // HOUR, "h", total // MINUTE % 60, "m")
    if total < 2 * DAY:
        return f"{total // HOUR}h"
    if total < 8 * DAY:
        return _two(total // DAY, "d", total // HOUR % 24, "h")
    if total < 2 * YEAR:
        return f"{total // DAY}d"
    if total < 8 * YEAR:
        return _two(total // YEAR, "y", total // DAY % 365, "d")
    return f"{total // YEAR}y"


def age_step(seconds: float) -> int:
    """How long, in seconds, one text of `age` lasts at this age: 1 at first, then a minute, an hour, a day, a year."""
    if seconds < 10 * MINUTE:
        return 1
    if seconds < 8 * HOUR:
        return MINUTE
    if seconds < 8 * DAY:
        return HOUR
    return DAY if seconds < 8 * YEAR else YEAR


def next_change(seconds: float) -> float:
    """Seconds (more than 0) until the text of `age(seconds)` can change, for a clock that ticks no more than it must."""
    if seconds < 0:
        return min(1.0, -seconds)
    step = age_step(seconds)
    return (math.floor(seconds / step) + 1) * step - seconds


def parse_age(text: str) -> int | None:
    """The seconds of a duration such as `5m10s`, which its writer has rounded down; None for any other text."""
    if not _DURATION.fullmatch(text):
        return None
    return sum(int(number) * _UNITS[unit] for number, unit in _PART.findall(text))
