"""A row of a log view as a strip: signs at the left, then the styled text, cut to the window."""

from __future__ import annotations

from typing import NamedTuple

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from podtui.ui.logs.lines.text import characters_at, cut_spans
from podtui.ui.logs.search.matchers import Pattern
from podtui.ui.logs.view.window import LogWindow, Row
from podtui.ui.themes import Palette, on

GUTTER = 2
"""Cells at the left: one for the reader's sign (selected, marked, found), one for the line's level or for a piece of a long line."""


class Paint(NamedTuple):
    """The settings for painting rows. `left` is the first column in view when lines do not wrap; `colours` is whether to show the
    program's own."""

    styles: Palette
    base: Style
    left: int
    pattern: Pattern | None
    colours: bool


class Signs(NamedTuple):
    """The reader's signs on a line: the current match, a mark, or the selection."""

    current: bool = False
    marked: bool = False
    selected: bool = False


PLAIN = Signs()


def paint_row(window: LogWindow, row: Row, paint: Paint, signs: Signs = PLAIN) -> list[Segment]:
    """A row as segments, as wide as the window and its gutter."""
    shown = window.shown(row.line)
    text, parts = shown.text, shown.parts
    base = paint.base + paint.styles["cursor"] if signs.selected else paint.base
    spans = shown.spans if paint.colours else [span for span in shown.spans if isinstance(span.style, str)]
    start = parts[row.part]
    end = parts[row.part + 1] if row.part + 1 < len(parts) else len(text)
    wraps = window.wraps(row.line)
    plain, left = text.isascii(), 0 if wraps else paint.left
    if not wraps:  # only the part in view of a very long line
        if plain:
            start = min(start + left, end)
            end = min(end, start + window.width)
        else:
            first, behind, before = characters_at(text[start:end], left, window.width)
            start, end, left = start + first, start + behind, left - before
    if paint.pattern is not None and not window.is_remark(row.line):
        body = shown.body
        style = "match.current" if signs.current else "match"
        spans = [*spans, *paint.pattern.spans(text[body:], style, max(0, start - body), max(0, end - body), body)]
    segments = []
    for span in cut_spans(spans, start, end):
        look = _style(paint, span.style) if span.style else Style.null()
        segments.append(Segment(text[span.start : span.end], base + (on(base, look) if signs.selected else look)))
    if plain:
        segments.append(Segment(" " * (window.width - (end - start)), base))
    else:
        segments = list(Strip(segments).crop_extend(left, left + window.width, base))
    return [*_gutter(window, row, paint, signs), *segments]


def _gutter(window: LogWindow, row: Row, paint: Paint, signs: Signs) -> list[Segment]:
    styles, base = paint.styles, paint.base
    first = row.part == 0
    if signs.selected:
        sign = Segment("▌", base + styles["mark"])
    elif first and signs.marked:
        sign = Segment("◆", base + styles["mark"])
    elif first and signs.current:
        sign = Segment("▸", base + styles["mark"])
    else:
        sign = Segment(" ", base)
    if window.buffer.first <= row.line and window.buffer.is_continuation(row.line):
        return [sign, Segment("↪" if first else " ", base + styles["dim"])]
    level = window.shown(row.line).level
    if level is None or not first or level.sign == " ":
        return [sign, Segment(" ", base)]
    return [sign, Segment(level.sign, base + styles[level.style])]


def _style(paint: Paint, style: str | Style) -> Style:
    return paint.styles[style] if isinstance(style, str) else style


def thumb_of(height: int, above: int, below: int, count: int) -> tuple[int, int]:
    """The first row and the height of the thumb of a scroll bar, for the lines above and below the window."""
    if not height or not count:
        return 0, 0
    size = max(1, min(height, height * (count - above - below) // count))
    if not below:
        return height - size, size
    return max(0, min(height - size - 1, (height - size) * above // max(1, above + below))), size
