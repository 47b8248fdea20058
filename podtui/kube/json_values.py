"""Reading decoded JSON whose shape is not sure: what is of another type than expected counts as not there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any


def mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def mappings(value: object) -> Sequence[Mapping[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def string(value: object) -> str:
    """A string, a number or a boolean as JSON writes it; "" for anything else."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else str(value) if isinstance(value, (int, float)) else ""


def strings(value: object) -> tuple[str, ...]:
    return tuple(string(item) for item in value) if isinstance(value, list) else ()


def integer(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def is_deeper_than(value: object, most: int) -> bool:
    """Whether objects and lists are nested in more than that many levels: more than a program that follows them may be able to."""
    level = [value]
    for _ in range(most + 1):
        level = [inner for each in level if isinstance(each, (dict, list)) for inner in (each.values() if isinstance(each, dict) else each)]
        if not level:
            return False
    return True


def time(value: object) -> float | None:
    """Seconds since the epoch of an RFC 3339 time."""
    if not isinstance(value, str):
        return None
    try:
        return datetime.fromisoformat(value).timestamp()
    except (ValueError, OverflowError):
        return None
