"""The prefix of each line in a log of several sources: a short name, in one column for all of them."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len, set_cell_size

from podtui.text import harmless
from podtui.ui.logs.lines.text import Span

STYLES = tuple(f"log.source.{number}" for number in range(1, 7))
"""The names of the sources' styles in the palette; further sources reuse them in turn."""
_MOST, _LEAST = 40, 8  # cells
_EDGE = "│ "


class SourceNames:
    """The names by source number. With one source or none, lines have no prefix."""

    def __init__(self, names: Sequence[str] = ()) -> None:
        self._names = [harmless(name) for name in names]
        self._most = _MOST
        self._heads: dict[int, tuple[str, list[Span]]] = {}
        self._width = 0
        self.fit(4 * _MOST)

    def fit(self, width: int) -> None:
        """Fit the names into a quarter of a window of `width` cells."""
        self._most = max(_LEAST, min(_MOST, width // 4))
        self._width = min(self._most, max(map(cell_len, self._names), default=0))
        self._heads.clear()

    def head(self, source: int) -> tuple[str, list[Span]]:
        """The prefix of a line of the source, the same width for all, and its styles."""
        if len(self._names) < 2:
            return "", []
        found = self._heads.get(source)
        if found is None:
            name = self._names[source] if source < len(self._names) else "?"
            text = set_cell_size(shortened(name, self._width), self._width)
            found = text + _EDGE, [Span(0, len(text), STYLES[source % len(STYLES)]), Span(len(text), len(text) + len(_EDGE), "dim")]
            self._heads[source] = found
        return found


def shortened(name: str, cells: int) -> str:
    """The name in at most `room` cells, cut in the middle, since names of one owner's pods differ at their ends."""
    if cell_len(name) <= cells:
        return name
    room = max(0, cells - 1)
    start = _first(name, room // 3)
    return f"{start}…{_last(name, room - cell_len(start))}"


def _first(text: str, cells: int) -> str:
    end = used = 0
    for character in text:
        used += cell_len(character)
        if used > cells:
            break
        end += 1
    return text[:end]


def _last(text: str, cells: int) -> str:
    return _first(text[::-1], cells)[::-1]
