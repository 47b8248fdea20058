"""The messages of this run. A message is new until the next key; one that is told again counts up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

_MOST = 1000  # messages that are kept

MARKS = {"information": ("·", "dim"), "warning": ("!", "warn"), "error": ("✗", "error")}
"""The sign of each severity, since colour is never the only one, and its style."""


@dataclass(frozen=True)
class Said:
    """A message: `severity` is that of Textual's notifications, `at` the local time when it was told last, `count` how often in a row."""

    text: str
    severity: str
    at: datetime
    count: int = 1

    @property
    def words(self) -> str:
        return self.text if self.count == 1 else f"{self.text} (×{self.count})"


class History:
    def __init__(self) -> None:
        self._all: list[Said] = []
        self._new = 0  # how many at the end are new

    def __len__(self) -> int:
        return len(self._all)

    @property
    def all(self) -> Sequence[Said]:
        """Every message, oldest first."""
        return self._all

    @property
    def new(self) -> Sequence[Said]:
        """Those that no key followed yet, oldest first."""
        return self._all[len(self._all) - self._new :]

    def add(self, text: str, severity: str) -> None:
        """A message that is among the new ones, or is the last one, is told again: it counts up and goes to the end."""
        said = Said(text, severity, datetime.now().astimezone())
        for place in range(len(self._all) - 1, max(-1, len(self._all) - 1 - max(1, self._new)), -1):
            again = self._all[place]
            if (again.text, again.severity) == (text, severity):
                said = replace(said, count=again.count + 1)
                self._new -= place >= len(self._all) - self._new
                del self._all[place]
                break
        self._all.append(said)
        self._new += 1
        del self._all[:-_MOST]
        self._new = min(self._new, _MOST)

    def note(self, text: str, severity: str) -> None:
        """A message that is only for the history: the screen shows it already, in short."""
        self._all.insert(len(self._all) - self._new, Said(text, severity, datetime.now().astimezone()))
        del self._all[:-_MOST]

    def read(self) -> bool:
        """A key was pressed: none is new any more. Returns whether one was."""
        had, self._new = bool(self._new), 0
        return had
