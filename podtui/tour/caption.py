"""The caption bar as lines of styled text: how captions wrap, what the bar says, and how high it is. This module draws nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from rich.cells import cell_len

from podtui.text import harmless

Piece = tuple[str, str]  # a text and the name of its style in the palette; "" is the bar's own
Line = list[Piece]

HIGHEST = 5  # lines of a caption, at most
DASHBOARD = 14  # lines that the dashboard always keeps
KEY = "label.key"

WORDS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "next": "next",
        "again": "restart step",
        "previous": "back",
        "end": "end",
        "wait": "waiting for:",
        "gone": "waiting until gone:",
        "over": "the end",
    },
    "ko": {
        "next": "다음",
        "again": "단계 다시 시작",
        "previous": "이전",
        "end": "종료",
        "wait": "나타나기를 기다리는 중:",
        "gone": "사라지기를 기다리는 중:",
        "over": "끝",
    },
}
"""The bar's own words; a language without its own uses the English ones."""

SIGNS = {"ready": ("▸", "label.key"), "playing": ("▶", "label.key"), "held": ("✓", "ok"), "failed": ("✗", "error")}


@dataclass(frozen=True)
class Caption:
    """What the bar shows: a caption, its number and the number of captions, the state of its step, and a note.

    `state` is a key of SIGNS. `hints` are pairs of a key and what it does.
    """

    text: str
    number: int
    count: int
    state: str = "ready"
    note: str = ""
    hints: tuple[tuple[str, str], ...] = field(default=())


def words(language: str) -> Mapping[str, str]:
    return WORDS.get(language.partition("-")[0], WORDS["en"])


def wrap(text: str, width: int) -> list[Line]:
    """The text in lines of at most `width` cells, broken between words; a word that is too long breaks anywhere. `code` is styled.

    Any run of white space becomes one space. Wide characters take two cells and are never cut.
    """
    width = max(width, 2)
    lines: list[list[tuple[str, bool]]] = [[]]
    used, styled = 0, False
    for word in harmless(" ".join(text.split())).split(" "):
        cells: list[tuple[str, bool]] = []
        for character in word:
            if character == "`":
                styled = not styled
            else:
                cells.append((character, styled))
        size = sum(cell_len(character) for character, _ in cells)
        if lines[-1] and used + 1 + size > width:
            lines.append([])
            used = 0
        elif lines[-1]:
            # A space inside `code` is code; a space before or after it is not.
            lines[-1].append((" ", bool(cells) and cells[0][1] and lines[-1][-1][1]))
            used += 1
        for cell in cells:
            size = cell_len(cell[0])
            if used + size > width:
                lines.append([])
                used = 0
            lines[-1].append(cell)
            used += size
    return [_pieces((character, KEY if code else "") for character, code in line) for line in lines]


def _pieces(cells: Iterable[Piece]) -> Line:
    line: Line = []
    for character, style in cells:
        if line and line[-1][1] == style:
            line[-1] = (line[-1][0] + character, style)
        else:
            line.append((character, style))
    return line


def bar_height(captions: Iterable[str], width: int, height: int) -> int:
    """The number of terminal lines for the bar: constant during a tour, so that nothing jumps. 0 where there is no room."""
    room = height - DASHBOARD
    if room < 2:
        return 0
    return 1 + min(HIGHEST, room - 1, max((len(wrap(text, width - 2)) for text in captions), default=1))


def bar_lines(caption: Caption, width: int, height: int) -> list[Line]:
    """The bar in `height` lines of exactly `width` cells: the state, then the caption."""
    body = wrap(caption.text, width - 2)[: height - 1]
    body += [[] for _ in range(height - 1 - len(body))]
    return [_first(caption, width), *(fitted([(" ", ""), *line], width) for line in body)]


def _first(caption: Caption, width: int) -> Line:
    sign, style = SIGNS[caption.state]
    left: Line = [(f" {caption.number}/{caption.count} ", "title"), (f"{sign} ", style), (harmless(caption.note), "")]
    right: Line = []
    for key, does in caption.hints:
        right += [(f" {key}", KEY), (f" {does} ", "")]
    room = width - _size(right)
    return fitted(left, room) + right if room >= 12 else fitted(left, width)


def fitted(line: Line, width: int) -> Line:
    """The line, cut with an ellipsis or padded to exactly `width` cells."""
    if _size(line) <= width:
        return [*line, (" " * (width - _size(line)), "")]
    cut: Line = []
    used = 0
    for text, style in line:
        kept = ""
        for character in text:
            size = cell_len(character)
            if used + size > width - 1:
                return [*cut, (kept, style), ("…" + " " * (width - used - 1), style)]
            kept += character
            used += size
        cut.append((kept, style))
    return cut


def _size(line: Line) -> int:
    return sum(cell_len(text) for text, _ in line)
