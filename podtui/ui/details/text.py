"""Text that tabs of the details share: sizes, times, and lines of `key value`."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from datetime import datetime

from podtui.kube.ages import age
from podtui.ui.widgets.text_document import Line

_KEY_WIDTH = 12


def size(count: int) -> str:
    """Bytes as a person reads them: B, KiB, MiB."""
    if count < 1024:
        return f"{count} B"
    return f"{count / 1024:.1f} KiB" if count < 1 << 20 else f"{count / (1 << 20):.1f} MiB"


def moment(seconds: float) -> str:
    """A time as ISO 8601 in the local zone with its offset."""
    try:
        return datetime.fromtimestamp(seconds).astimezone().isoformat(timespec="seconds")
    except (OverflowError, ValueError, OSError):
        return f"{seconds:.0f} s since 1970"


def since(seconds: float | None, now: float, words: str = "{} ago") -> str:
    """`5m ago (2026-01-31T14:05:30+01:00)`, "" when the time is unknown."""
    return f"{words.format(age(now - seconds))} ({moment(seconds)})" if seconds is not None else ""


class LineCollector:
    """Collects lines of `key value`, values folded at `width` columns (0: never)."""

    def __init__(self, width: int) -> None:
        self.lines: list[Line] = []
        self._width = width

    def title(self, text: str, rest: str = "") -> None:
        if self.lines:
            self.lines.append("")
        self.lines.append([(text, "title"), (f"  {rest}" if rest else "", "dim")])

    def entry(self, key: str, value: str, style: str = "", indent: int = 2) -> None:
        """Add an entry, unless it has no value."""
        if not value:
            return
        head = " " * indent + key.ljust(_KEY_WIDTH) + " "
        for text in self._folded(value.rstrip("\n"), len(head)):
            self.lines.append([(head, "label.key"), (text, style)])
            head = " " * len(head)

    def listed(self, key: str, values: Sequence[str]) -> None:
        """Several values of one key, each from a line of its own on."""
        for value in values:
            self.entry(key, value or " ")
            key = ""

    def text(self, value: str, style: str, indent: int = 2) -> None:
        for text in self._folded(value, indent) if value else ():
            self.lines.append([(" " * indent, ""), (text, style)])

    def _folded(self, value: str, used: int) -> list[str]:
        """The lines of a value, such as the end of a log that a container left as its message, each folded."""
        return [part for line in value.split("\n") for part in self._fold(line, used)]

    def _fold(self, line: str, used: int) -> list[str]:
        if not self._width or len(line) <= self._width - used or len(line) > 4096:
            return [line]
        return textwrap.wrap(line, max(24, self._width - used), break_long_words=False, break_on_hyphens=False) or [line]
