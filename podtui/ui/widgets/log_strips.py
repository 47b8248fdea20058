"""What a row of a log view looks like: times, levels and matches in their styles, cut to the window."""

from __future__ import annotations

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from podtui.ui.themes import Palette
from podtui.ui.widgets.log_search import Pattern
from podtui.ui.widgets.log_text import Span, cut_spans, level_of
from podtui.ui.widgets.log_window import LogWindow, Row


def paint_row(
    window: LogWindow, row: Row, styles: Palette, base: Style, left: int, pattern: Pattern | None, current: bool
) -> list[Segment]:
    """A row as wide as the window, in segments. `left` is the first column in view when lines do not wrap; `current` is whether the
    line has the current match."""
    text, parts = window.text(row.line), window.parts(row.line)
    spans = _spans(window, row.line, text, pattern, current)
    start = parts[row.part]
    end = parts[row.part + 1] if row.part + 1 < len(parts) else len(text)
    plain = text.isascii()
    if plain and not window.wrap:  # of a very long line only what is in view
        end = min(end, left + window.width)
        start = min(left, end)
    segments = [
        Segment(text[span.start : span.end], base + styles[span.style] if span.style else base) for span in cut_spans(spans, start, end)
    ]
    if plain:
        segments.append(Segment(" " * (window.width - (end - start)), base))
        return segments
    return list(Strip(segments).crop_extend(left, left + window.width, base))


def _spans(window: LogWindow, line: int, text: str, pattern: Pattern | None, current: bool) -> list[Span]:
    body = window.body(line)
    spans = list(window.before_text(line))
    if window.is_remark(line):
        return [*spans, Span(body, len(text), "dim")]
    level = level_of(text, body)
    if level is not None:
        spans.append(level)
    if pattern is not None:
        spans += pattern.spans(text[body:], "match.current" if current else "match", body)
    return spans


def thumb_of(height: int, above: int, below: int, count: int) -> tuple[int, int]:
    """The thumb of a scroll bar of that height, for lines above and below the window: its first row and its height."""
    if not height or not count:
        return 0, 0
    size = max(1, min(height, height * (count - above - below) // count))
    if not below:
        return height - size, size
    return max(0, min(height - size - 1, (height - size) * above // max(1, above + below))), size
