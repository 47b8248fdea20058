"""What the printers of all kinds share: ages with the time until which they hold, names, labels."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from podtui.demo.storage.clock import Clock
from podtui.kube.ages import age, next_change

Object = Mapping[str, Any]
NONE = "<none>"
UNKNOWN = "<unknown>"


class Ages:
    """Durations at the time `now` (seconds since 1970). `until` is when the first of the given texts changes."""

    def __init__(self, now: float) -> None:
        self.now = now
        self.until = math.inf

    def since(self, timestamp: str | None) -> str:
        """The age of an RFC 3339 time, `<unknown>` when there is none."""
        if not timestamp:
            return UNKNOWN
        seconds = self.now - Clock.parse(timestamp)
        self.until = min(self.until, self.now + next_change(seconds))
        return age(seconds)


def name_of(obj: Object) -> str:
    name: str = obj["metadata"].get("name", "")
    return name


def born(obj: Object, ages: Ages) -> str:
    return ages.since(obj["metadata"].get("creationTimestamp"))


def labels_of(labels: Mapping[str, str] | None) -> str:
    return ",".join(f"{key}={value}" for key, value in sorted((labels or {}).items())) or NONE
