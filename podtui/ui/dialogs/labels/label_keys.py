"""Completion while one types changes of labels: keys that are in use, and their values."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from itertools import islice

from textual.suggester import Suggester

_SAMPLE = 2000  # objects that are looked at


class Keys(Suggester):
    """Completes the last word: a key that is in use, and after `=` its most frequent value. `in_use` gives labels of objects."""

    def __init__(self, in_use: Callable[[], Iterable[Mapping[str, str]]]) -> None:
        super().__init__(use_cache=False, case_sensitive=True)
        self._in_use = in_use

    def candidates(self, value: str) -> list[tuple[str, int]]:
        """What the last word may become, with how many objects have it: values the most frequent first, keys by their name."""
        word = value.rpartition(" ")[2]
        if any(mark in word for mark in "'\"\\"):
            return []
        key, equals, begun = word.partition("=")
        counted: Counter[str] = Counter()
        for labels in islice(self._in_use(), _SAMPLE):
            if equals:
                counted.update(found for name, found in labels.items() if name == key and found.startswith(begun) and _plain(found))
            else:
                counted.update(name for name in labels if name.startswith(key))
        return sorted(counted.items(), key=lambda one: (-one[1], one[0]) if equals else (one[0],))

    async def get_suggestion(self, value: str) -> str | None:
        word = value.rpartition(" ")[2]
        found = self.candidates(value) if word else []
        if not found:
            return None
        _, equals, begun = word.partition("=")
        return f"{value}{found[0][0][len(begun) :]}" if equals else f"{value}{found[0][0][len(word) :]}="


def _plain(value: str) -> bool:
    """Whether a value is a word that needs no quotes, short enough to stand in a line."""
    return len(value) <= 63 and value.isascii() and all(c.isalnum() or c in "-_./:@,+" for c in value)
