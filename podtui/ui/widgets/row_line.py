"""Rows and headers as strips: cells in columns, cut and padded by the width of their characters."""

from __future__ import annotations

from dataclasses import dataclass

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from podtui.text import harmless
from podtui.ui.themes import Palette, on
from podtui.ui.widgets.columns import GUTTER, Arrangement, TableColumn


@dataclass(frozen=True)
class Cell:
    """A cell's text and the name of its style in the palette; `spans` are the characters that a filter matches."""

    text: str
    style: str = ""
    spans: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True)
class RowLine:
    """The content of one screen line; equal lines need no repaint."""

    key: str
    cells: tuple[Cell, ...]
    cursor: bool
    marked: bool


def width_of(text: str) -> int:
    """The cells of a harmless text. (Of whatever is not ASCII rich remembers thousands, ages of seconds among them.)"""
    return len(text) if text.isascii() else cell_len(text)


def row_strip(line: RowLine, arranged: Arrangement, focused: bool, base: Style, styles: Palette) -> Strip:
    """The full line of the row, as wide as its columns."""
    filled = line.cursor and focused  # the cursor's row has one ground from end to end, and no colour that cannot be read on it
    ground = base + (styles["cursor"] if filled else Style(bold=line.cursor or line.marked))
    segments = [Segment("▌" if line.cursor else " ", ground), Segment(" ", ground)]
    if line.marked:
        segments[1] = Segment("●", ground + (on(ground, styles["mark"]) if filled else styles["mark"]))
    cells, columns = line.cells, arranged.columns
    for place in arranged.places:
        if place.index >= len(cells):
            break
        cell = cells[place.index]
        if place.skipped:
            cell = Cell(_end(cell.text, place.skipped), cell.style)
        style = ground
        if cell.style:
            style = ground + on(ground, styles[cell.style]) if filled else ground + styles[cell.style]
        _cell(segments, cell, place.width, columns[place.index], style, ground + styles["match"])
        segments.append(Segment(" " * arranged.gap, ground))
    return Strip(segments)


def _end(text: str, skipped: int) -> str:
    """The text without that many cells at its start, with a sign that they are missing."""
    if cell_len(text) <= skipped:
        return ""
    at = used = 0
    while used <= skipped:  # one more, for the sign
        used += cell_len(text[at])
        at += 1
    return "…" + " " * (used - skipped - 1) + text[at:]


def _cell(segments: list[Segment], cell: Cell, width: int, column: TableColumn, style: Style, match: Style) -> None:
    text, spans, right = cell.text, cell.spans, column.right
    length = width_of(text)
    if length > width:
        tail = text[-(width // 2) :] if column.flexible and text.isascii() and width > 2 else ""
        text, length, spans = set_cell_size(text, max(0, width - 1 - len(tail))) + "…" + tail, width, ()
    pad = " " * (width - length)
    if right:
        segments.append(Segment(pad, style))
    at = 0
    for start, end in spans:
        segments += [Segment(text[at:start], style), Segment(text[start:end], match)]
        at = end
    segments.append(Segment(text[at:], style))
    if not right:
        segments.append(Segment(pad, style))


def header_strip(arranged: Arrangement, sorted_by: str, descending: bool, style: Style) -> Strip:
    """The titles, with an arrow at the column that sorts the rows, which is never cut, and signs where there is more."""
    more_left, more_right = arranged.more
    segments = [Segment("‹" if more_left else " ", style), Segment(" " * (GUTTER - 1), style)]
    for place in arranged.places:
        column, width = arranged.columns[place.index], place.width
        title, sign = harmless(column.title), ("↓" if descending else "↑") if column.key == sorted_by else ""
        room = max(0, width - len(sign))
        text = (title if cell_len(title) <= room else set_cell_size(title, max(0, room - 1)) + "…") + sign
        pad = " " * max(0, width - cell_len(text))
        segments.append(Segment(set_cell_size(pad + text if column.right else text + pad, width) + " " * arranged.gap, style))
    strip = Strip(segments)
    return Strip([*strip.crop_extend(0, arranged.room - 1, style), Segment("›", style)]) if more_right else strip
