"""The colours in a program's own lines: SGR sequences, limited to colours, weight and underline.

Every other escape sequence stays in the text, visible and harmless. ECMA-48 8.3.117 and ITU-T T.416 define the parameters;
blinking, concealed and crossed-out text are omitted on purpose, and so is text in the colour of its background: nothing
may hide from the reader of a log.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from rich.color import Color
from rich.style import Style

SGR = re.compile(r"\x1b\[([0-9;:]*)m")
_MOST = 1000  # sequences applied in one line; the text after them keeps the last style
_WEIGHTS = {1: "bold", 2: "dim", 3: "italic", 4: "underline", 7: "reverse"}
_ENDS = {22: ("bold", "dim"), 23: ("italic",), 24: ("underline",), 27: ("reverse",)}
_LONGEST = 64  # characters of parameters


class Pen(NamedTuple):
    """A text style. A colour is a number of the terminal's 256, a triple of red, green and blue, or None."""

    colour: int | tuple[int, int, int] | None = None
    back: int | tuple[int, int, int] | None = None
    weights: frozenset[str] = frozenset()

    @property
    def style(self) -> Style | None:
        """None for plain text."""
        return None if self == _PLAIN else _style(self)


_PLAIN = Pen()


def parts(text: str) -> Iterator[tuple[str, Style | None]]:
    """The text between SGR sequences, each part with its style; each line begins without one."""
    pen, end = _PLAIN, 0
    for count, match in enumerate(SGR.finditer(text)):
        if match.start() > end:
            yield text[end : match.start()], pen.style
        if count < _MOST and len(match[1]) <= _LONGEST:
            pen = turned(pen, match[1])
        end = match.end()
    if end < len(text):
        yield text[end:], pen.style


def without(text: str) -> str:
    """The text without its SGR sequences."""
    return SGR.sub("", text)


@lru_cache(maxsize=512)
def turned(pen: Pen, parameters: str) -> Pen:
    """The pen after the parameters of one sequence; unknown parameters change nothing."""
    codes = _codes(parameters)
    while codes:
        code, *more = codes.pop(0)
        if code == 0:
            pen = _PLAIN
        elif code == 4 and more and more[0] == 0:  # 4:0 turns underline off, 4:1 to 4:5 are kinds of it
            pen = pen._replace(weights=pen.weights - {"underline"})
        elif code in _WEIGHTS:
            pen = pen._replace(weights=pen.weights | {_WEIGHTS[code]})
        elif code in _ENDS:
            pen = pen._replace(weights=pen.weights.difference(_ENDS[code]))
        elif code in (38, 48):
            found, known = _extended(more, codes)
            if known:
                pen = pen._replace(colour=found) if code == 38 else pen._replace(back=found)
        elif code in (39, 49):
            pen = pen._replace(colour=None) if code == 39 else pen._replace(back=None)
        elif 30 <= code <= 37 or 90 <= code <= 97:
            pen = pen._replace(colour=code - 30 if code < 90 else code - 82)
        elif 40 <= code <= 47 or 100 <= code <= 107:
            pen = pen._replace(back=code - 40 if code < 100 else code - 92)
    return pen


def _codes(parameters: str) -> list[list[int]]:
    """Each parameter with its sub-parameters (after colons); an empty one is 0."""
    return [[int(number or 0) for number in code.split(":")] for code in parameters.split(";")]


def _extended(more: list[int], codes: list[list[int]]) -> tuple[int | tuple[int, int, int] | None, bool]:
    """A colour of 256 (`5;n`) or of red, green and blue (`2;r;g;b`), in either spelling; leaves the rest of `codes`."""
    if not more:
        kind = codes.pop(0)[0] if codes else 0
        wanted = {5: 1, 2: 3}.get(kind, 0)
        values = [codes.pop(0)[0] for _ in range(min(wanted, len(codes)))]
    else:
        kind = more[0]
        values = more[-3:] if kind == 2 and len(more) >= 4 else more[1:2]  # 2::r:g:b has a colour space, 2:r:g:b none
    if any(value > 255 for value in values):
        return None, False
    if kind == 5 and len(values) == 1:
        return values[0], True
    if kind == 2 and len(values) == 3:
        return (values[0], values[1], values[2]), True
    return None, False


@lru_cache(maxsize=1024)
def _style(pen: Pen) -> Style:
    colour, back = pen.colour, pen.back
    if colour is not None and colour == back:
        colour = back = None
    return Style(
        color=None if colour is None else _colour(colour),
        bgcolor=None if back is None else _colour(back),
        **{name: True for name in pen.weights},  # type: ignore[arg-type]
    )


def _colour(value: int | tuple[int, int, int]) -> Color:
    return Color.from_ansi(value) if isinstance(value, int) else Color.from_rgb(*value)
