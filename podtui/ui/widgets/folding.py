"""Prose folded into lines by the cells that it takes on a terminal, so that Korean fits as English does."""

from __future__ import annotations

import textwrap

from rich.cells import cell_len, chop_cells


def folded(text: str, width: int) -> list[str]:
    """The lines of one line of prose, at least one; none is wider than `width` cells (24 at least)."""
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
