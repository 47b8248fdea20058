"""Lines as screen text: control characters made harmless, colours kept or not, cut into rows; and times in words."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from itertools import accumulate, groupby
from typing import NamedTuple

from rich.cells import cell_len, get_character_cell_size
from rich.style import Style

from podtui.text import harmless
from podtui.ui.logs.lines import ansi

TAB = 8
_PIECE = 256  # characters of a long text to measure at a time


class Span(NamedTuple):
    """A style for the characters from `start` up to `end`: a name in the palette, or the program's own style."""

    start: int
    end: int
    style: str | Style


@lru_cache(maxsize=256)
def _second(seconds: int) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}"


def time_text(time: int) -> str:
    """Nanoseconds since the epoch as the API server writes them: RFC 3339 in UTC with nine digits. "" for 0."""
    if not time:
        return ""
    seconds, rest = divmod(time, 1_000_000_000)
    return f"{_second(seconds)}.{rest:09}Z"


def shown(text: str) -> str:
    """The line as screen text, on one row of any length.

    It omits colour sequences (SGR), replaces other control characters with harmless symbols, and expands tabs to the next
    multiple of 8. Of an overwritten line, such as a progress bar, it shows the last text, after a symbol for the carriage
    return.
    """
    if "\r" in text:
        text = _written_over(text)
    if "\x1b" in text:
        text = ansi.without(text)
    return harmless(text, tab=TAB)


def coloured(text: str) -> tuple[str, list[Span]]:
    """The same text, and the program's own colours."""
    if "\x1b" not in text:
        return shown(text), []
    if "\r" in text:
        text = _written_over(text)
    out: list[str] = []
    spans: list[Span] = []
    column = length = 0  # in the text before and after it is made harmless: tabs depend on the former
    for part, style in ansi.parts(text):
        if "\t" in part:
            part = (" " * column + part).expandtabs(TAB)[column:]
        column += len(part)
        part = harmless(part)
        if style is not None and part:
            spans.append(Span(length, length + len(part), style))
        out.append(part)
        length += len(part)
    return "".join(out), spans


def _written_over(text: str) -> str:
    last = text.rstrip("\r")
    place = last.rfind("\r")
    return last if place < 0 else last[place:]


def rows_of(text: str, width: int) -> list[int]:
    """The offsets of the rows of a text wrapped at `width` cells; a wide character is never cut in two."""
    width = max(1, width)
    if text.isascii():
        return list(range(0, len(text), width)) or [0]
    starts = [0]
    used = 0
    for place, character in enumerate(text):
        size = get_character_cell_size(character)
        if used + size > width and used:
            starts.append(place)
            used = 0
        used += size
    return starts


def width_of(text: str) -> int:
    """The width of the text, in cells."""
    if text.isascii():
        return len(text)
    return cell_len(text) if len(text) <= _PIECE else _widths(text)[-1]


@lru_cache(maxsize=128)
def _widths(text: str) -> list[int]:
    """The cells before every 256th character of a long text, and in total: measured once, not on every paint."""
    return list(accumulate((cell_len(text[start : start + _PIECE]) for start in range(0, len(text), _PIECE)), initial=0))


def characters_at(text: str, left: int, width: int) -> tuple[int, int, int]:
    """The characters of a text in `width` cells from the cell `left`, with a few more on either side, and the cells before the
    first of them."""
    if len(text) <= 2 * _PIECE:
        return 0, len(text), 0
    widths = _widths(text)
    first = max(0, bisect_right(widths, left) - 1)
    last = bisect_right(widths, left + width)
    return min(len(text), first * _PIECE), min(len(text), last * _PIECE), widths[min(first, len(widths) - 1)]


def cut_spans(spans: Sequence[Span], start: int, end: int) -> Iterator[Span]:
    """The characters from `start` up to `end` in runs of one style; a later span lies over an earlier one."""
    within = [span for span in spans if span.start < end and span.end > start]
    if not within:
        yield Span(start, end, "")
        return
    styles: list[str | Style] = [""] * (end - start)
    for span in within:  # by characters, so that the cost is bounded by their number, not by that of the spans
        first, behind = max(start, span.start) - start, min(end, span.end) - start
        styles[first:behind] = [span.style] * (behind - first)
    at = start
    for style, run in groupby(styles):
        length = sum(1 for _ in run)
        yield Span(at, at + length, style)
        at += length
