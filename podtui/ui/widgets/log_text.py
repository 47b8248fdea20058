"""A line made into what stands on the screen: controls harmless, colours kept or not, cut into rows; and its time in words."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from rich.cells import cell_len, get_character_cell_size
from rich.style import Style

from podtui.text import harmless
from podtui.ui.widgets import log_ansi

TAB = 8


class Span(NamedTuple):
    """Characters from `start` up to `end` in a style: a name of the palette, or the program's own."""

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
    """The line as it stands on the screen, on one row of any length.

    Colour sequences (SGR) are left out, other control characters become harmless pictures, tabs go to the next
    multiple of 8. Of a line that was written over, as progress bars are, the last text is shown, behind a picture of
    the carriage return.
    """
    if "\r" in text:
        text = _written_over(text)
    if "\x1b" in text:
        text = log_ansi.without(text)
    return harmless(text, tab=TAB)


def coloured(text: str) -> tuple[str, list[Span]]:
    """The same text, and the colours that the program gave it."""
    if "\x1b" not in text:
        return shown(text), []
    if "\r" in text:
        text = _written_over(text)
    out: list[str] = []
    spans: list[Span] = []
    column = length = 0  # in the text before and after it is made harmless: tabs are counted in the one before
    for part, style in log_ansi.parts(text):
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
    """Where the rows begin when a text is wrapped at `width` cells; a wide character is never cut in two."""
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
    """Cells that the text takes."""
    return len(text) if text.isascii() else cell_len(text)


def cut_spans(spans: list[Span], start: int, end: int) -> Iterator[Span]:
    """The characters from `start` up to `end` in runs of one style; a later span lies over an earlier one."""
    edges = {start, end}
    within = [span for span in spans if span.start < end and span.end > start]
    for span in within:
        edges.update((max(start, span.start), min(end, span.end)))
    ordered = sorted(edges)
    for left, right in pairwise(ordered):
        style: str | Style = ""
        for span in within:
            if span.start <= left and span.end >= right:
                style = span.style
        yield Span(left, right, style)
