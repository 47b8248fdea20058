"""The text behind a TextView: lines are made harmless, measured and highlighted only when viewed.

A line may be 256 KiB long (an annotation) and a document may have 50,000 lines, so only the search goes through all of it.
"""

from __future__ import annotations

import re
import textwrap
from array import array
from bisect import bisect_left, bisect_right
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate

from rich.cells import cell_len, chop_cells, get_character_cell_size, split_graphemes

from podtui.text import harmless

Part = tuple[str, str]
"""Text and the name of its style in the palette ("" for none)."""
Line = str | Sequence[Part]
Highlight = Callable[[int, str], Sequence[Part]]
"""Splits the harmless text of a line, given with its number (from 0), into parts."""
Match = tuple[int, int, int]
"""The line, the first character of a match, and the one after its last."""

TAB = 4
_KEPT = 512  # lines that stay prepared
_LONG = 20_000  # characters: longer lines measure emoji clusters character by character
_SINGLE = re.compile("[\x20-\x7e\xa0-\u02ff\u0370-\u0482\u2010-\u2027\u2030-\u205e\u2190-\u2319\u2400-\u2426\u2500-\u25fc]*\\Z")
_CLUSTERS = re.compile("[\ufe0e\ufe0f\U0001f1e6-\U0001f1ff\U0001f3fb-\U0001f3ff]")


class Prepared:
    """A line ready for cutting: its text, the start of each style, and the cell at which each character begins."""

    __slots__ = ("_offsets", "_starts", "_styles", "_wrapped", "_wrapped_at", "text")

    def __init__(self, parts: Sequence[Part]) -> None:
        starts, styles, at = [0], [""], 0
        for text, style in parts:
            if style != styles[-1]:
                starts.append(at)
                styles.append(style)
            at += len(text)
        self._starts, self._styles = starts, styles
        self.text = parts[0][0] if len(parts) == 1 else "".join(text for text, _ in parts)
        self._offsets = None if _SINGLE.match(self.text) else _offsets(self.text)
        self._wrapped: Sequence[int] = ()
        self._wrapped_at = 0

    @property
    def width(self) -> int:
        """The width in cells."""
        return self.cell(len(self.text))

    def cell(self, index: int) -> int:
        """The cell at which a character begins."""
        return index if self._offsets is None else self._offsets[index]

    def rows(self, width: int) -> Sequence[int]:
        """The first character of each row, wrapped at `width` cells; an empty line is one row."""
        if self._wrapped_at != width:
            self._wrapped, self._wrapped_at = self._wrap(max(1, width)), width
        return self._wrapped

    def _wrap(self, width: int) -> Sequence[int]:
        length = len(self.text)
        if self._offsets is None:
            return range(0, max(1, length), width)
        starts, at = [0], 0
        while True:
            end = bisect_right(self._offsets, self._offsets[at] + width) - 1
            end = max(end, at + 1)  # a wide character in a view of one cell
            if end >= length:
                return starts
            starts.append(end)
            at = end

    def row(self, number: int, width: int) -> tuple[int, int]:
        """The characters of one wrapped row."""
        rows = self.rows(width)
        return rows[number], rows[number + 1] if number + 1 < len(rows) else len(self.text)

    def window(self, left: int, width: int) -> tuple[int, int, int]:
        """The characters wholly within cells `left` to `left + width`, and the cells of half a character before them."""
        if self._offsets is None:
            return min(left, len(self.text)), min(left + width, len(self.text)), 0
        start = bisect_left(self._offsets, left)
        if start >= len(self._offsets):
            return len(self.text), len(self.text), 0
        end = max(start, bisect_right(self._offsets, left + width) - 1)
        return start, min(end, len(self.text)), min(self._offsets[start] - left, width)

    def parts(self, start: int, end: int) -> Iterator[tuple[int, int, str]]:
        """(start, end, style) of each run between two characters."""
        place = bisect_right(self._starts, start) - 1
        while start < end:
            until = self._starts[place + 1] if place + 1 < len(self._starts) else len(self.text)
            yield start, min(until, end), self._styles[place]
            start = until
            place += 1


def _offsets(text: str) -> array[int]:
    """The cell of each character and, last, of the end; the first character of a cluster has its whole width."""
    if len(text) < _LONG and _CLUSTERS.search(text):
        offsets, cell = array("I"), 0
        for start, end, size in split_graphemes(text)[0]:
            offsets.append(cell)
            cell += size
            offsets.extend([cell] * (end - start - 1))
        offsets.append(cell)
        return offsets
    return array("I", accumulate(map(get_character_cell_size, text), initial=0))


class Document:
    """Lines, prepared on demand."""

    def __init__(self, lines: Sequence[Line] = (), highlight: Highlight | None = None) -> None:
        self.lines = lines
        self._highlight = highlight
        self._prepared: OrderedDict[int, Prepared] = OrderedDict()
        self._searched: list[str] = []  # every line's text, from the first search on

    def __len__(self) -> int:
        return len(self.lines)

    def text(self, number: int) -> str:
        """A line's harmless text."""
        line = self.lines[number]
        if isinstance(line, str):
            return harmless(line, tab=TAB)
        return "".join(harmless(text, tab=TAB) for text, _ in line)

    def prepared(self, number: int) -> Prepared:
        found = self._prepared.get(number)
        if found is None:
            line = self.lines[number]
            if not isinstance(line, str):
                parts: Sequence[Part] = [(harmless(text, tab=TAB), style) for text, style in line]
            else:
                text = harmless(line, tab=TAB)
                parts = self._highlight(number, text) if self._highlight is not None else ((text, ""),)
            found = self._prepared[number] = Prepared(parts)
            if len(self._prepared) > _KEPT:
                self._prepared.popitem(last=False)
        return found

    def find(self, needle: str, limit: int) -> list[Match]:
        """The matches of `needle`, at most `limit`; case-sensitive only if it contains capitals."""
        if not needle:
            return []
        found: list[Match] = []
        exact = needle != needle.lower()
        pattern = re.compile(re.escape(needle), 0 if exact else re.IGNORECASE)
        if len(self._searched) != len(self.lines):
            self._searched = [self.text(number) for number in range(len(self.lines))]
        for number, text in enumerate(self._searched):
            if not text.isascii():
                found += [(number, match.start(), match.end()) for match in pattern.finditer(text)]
            else:
                where = text if exact else text.lower()
                at = where.find(needle)
                while at >= 0:
                    found.append((number, at, at + len(needle)))
                    if len(found) >= limit:
                        break
                    at = where.find(needle, at + len(needle))
            if len(found) >= limit:
                return found[:limit]
        return found


def cells_in_common(before: Sequence[tuple[str, ...]], after: Sequence[tuple[str, ...]]) -> int:
    """The cells before the first piece (a text and its styles) that differs between two lines, which need no repaint."""
    cells = 0
    for old, new in zip(before, after, strict=False):
        if old != new:
            break
        cells += cell_len(new[0])
    return cells


def folded(text: str, width: int) -> list[str]:
    """A line of prose folded by its width on a terminal, so that Korean fits as English does: at least one line, none wider than
    `width` cells (24 at least)."""
    width = max(24, width)
    if text.isascii():
        return textwrap.wrap(text, width, break_on_hyphens=False) or [""]
    lines, line = [], ""
    for word in text.split():
        joined = f"{line} {word}" if line else word
        if cell_len(joined) <= width:
            line = joined
            continue
        if line:
            lines.append(line)
        *whole, line = chop_cells(word, width)
        lines += whole
    return [*lines, line] if line or not lines else lines
