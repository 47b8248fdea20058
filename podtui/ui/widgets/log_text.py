"""A line made into what stands on the screen: colours stripped, controls harmless, cut into rows; and its time in words."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from rich.cells import cell_len, get_character_cell_size

from podtui.text import harmless

TAB = 8
_COLOURS = re.compile(r"\x1b\[[0-9;:]*m")
_LEVEL_WINDOW = 160  # characters in which a level is looked for
# The words that loggers write for a level, quoted or bracketed or behind `level=`; and klog's `E0102 `.
_LEVEL = re.compile(
    r"""(?P<error>\b(?:error|err|fatal|panic|critical|severe)\b|^[EF](?=\d{4}\ ))
      | (?P<warn>\b(?:warn|warning)\b|^W(?=\d{4}\ ))
      | (?P<info>\b(?:info|notice)\b|^I(?=\d{4}\ ))
      | (?P<debug>\b(?:debug|trace|verbose)\b)""",
    re.VERBOSE | re.IGNORECASE,
)
_LEVEL_LIKE = re.compile(r"level|[\[<|]|^\w\d{4} ", re.IGNORECASE)


class Span(NamedTuple):
    """Characters from `start` up to `end` in a style of the palette."""

    start: int
    end: int
    style: str


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
    multiple of 8.
    """
    if text.endswith("\r"):
        text = text[:-1]
    if "\x1b" in text:
        text = _COLOURS.sub("", text)
    return harmless(text, tab=TAB)


def level_of(text: str, start: int = 0) -> Span | None:
    """The word that tells the level of a line, in upper case or where a logger would write it."""
    for match in _LEVEL.finditer(text, start, start + _LEVEL_WINDOW):
        word = match[0]
        before = text[max(start, match.start() - 8) : match.start()]
        if word.isupper() or _LEVEL_LIKE.search(before):
            return Span(match.start(), match.end(), f"log.{match.lastgroup}")
    return None


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
        style = ""
        for span in within:
            if span.start <= left and span.end >= right:
                style = span.style
        yield Span(left, right, style)
