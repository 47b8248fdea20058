"""Rows and headers as strips: cells in columns, cut and padded by the width of their characters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from podtui.text import harmless
from podtui.ui.themes import Palette

GUTTER = 2  # cells at the left: the cursor's bar and the mark
GAP = 2  # cells between columns


@dataclass(frozen=True)
class TableColumn:
    """A column: its key (reported by a click on the header), its title and its maximum width in cells.

    A `flexible` column shrinks, down to `least` cells, to keep the others in view; its text is cut in the middle, since names
    differ at their ends.
    """

    key: str
    title: str
    widest: int = 60
    right: bool = False
    flexible: bool = False
    least: int = 12


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


def fitted(columns: Sequence[TableColumn], widths: Sequence[int], room: int) -> list[int]:
    """The widths; if they exceed `room` cells, with the flexible columns narrowed, the widest first."""
    over = GUTTER + sum(widths) + GAP * (len(widths) - 1) - room
    found = list(widths)
    for place in sorted((i for i in range(len(found)) if columns[i].flexible), key=lambda i: -widths[i]):
        less = min(max(0, over), max(0, found[place] - columns[place].least))
        found[place] -= less
        over -= less
    return found


def row_strip(line: RowLine, columns: Sequence[TableColumn], widths: Sequence[int], focused: bool, base: Style, styles: Palette) -> Strip:
    """The full line of the row, as wide as its columns."""
    over = styles["cursor"] if line.cursor and focused else Style(bold=line.cursor or line.marked)
    segments = [Segment("▌" if line.cursor else " ", base + over), Segment("●" if line.marked else " ", base + over + styles["mark"])]
    for cell, width, column in zip(line.cells, widths, columns, strict=False):
        style = base + styles[cell.style] + over if cell.style else base + over
        _cell(segments, cell, width, column, style, base + over + styles["match"])
        segments.append(Segment(" " * GAP, base + over))
    return Strip(segments)


def _cell(segments: list[Segment], cell: Cell, width: int, column: TableColumn, style: Style, match: Style) -> None:
    text, spans, right = cell.text, cell.spans, column.right
    length = cell_len(text)
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


def header_strip(columns: Sequence[TableColumn], widths: Sequence[int], sorted_by: str, descending: bool, style: Style) -> Strip:
    """The titles, with an arrow at the column that sorts the rows."""
    segments = [Segment(" " * GUTTER, style)]
    for column, width in zip(columns, widths, strict=False):
        text = harmless(column.title) + (("↓" if descending else "↑") if column.key == sorted_by else "")
        pad = " " * max(0, width - cell_len(text))
        segments.append(Segment(set_cell_size(pad + text if column.right else text + pad, width) + " " * GAP, style))
    return Strip(segments)
