"""$((...)) of the little shell."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable

_SYMBOL = re.compile(r"\s*(\d+|[A-Za-z_]\w*|<=|>=|==|!=|&&|\|\||[-+*/%()<>!])")
_LEVELS = (("||",), ("&&",), ("==", "!="), ("<=", ">=", "<", ">"), ("+", "-"), ("*", "/", "%"))
_COMPUTE: dict[str, Callable[[int, int], int]] = {
    "||": lambda a, b: int(bool(a or b)),
    "&&": lambda a, b: int(bool(a and b)),
    "==": lambda a, b: int(a == b),
    "!=": lambda a, b: int(a != b),
    "<=": lambda a, b: int(a <= b),
    ">=": lambda a, b: int(a >= b),
    "<": lambda a, b: int(a < b),
    ">": lambda a, b: int(a > b),
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: int(a / b) if b else 0,
    "%": lambda a, b: a - b * int(a / b) if b else 0,
}


def arithmetic(text: str, variable: Callable[[str], str]) -> int:
    """The value of an expression in whole numbers; what is no number counts as 0."""
    symbols: deque[str] = deque(match[1] for match in _SYMBOL.finditer(text))

    def level(depth: int) -> int:
        if depth == len(_LEVELS):
            return unary()
        value = level(depth + 1)
        while symbols and symbols[0] in _LEVELS[depth]:
            operator = symbols.popleft()
            value = _COMPUTE[operator](value, level(depth + 1))
        return value

    def unary() -> int:
        if not symbols:
            return 0
        symbol = symbols.popleft()
        if symbol == "-":
            return -unary()
        if symbol == "+":
            return unary()
        if symbol == "!":
            return int(not unary())
        if symbol == "(":
            value = level(0)
            if symbols and symbols[0] == ")":
                symbols.popleft()
            return value
        word = symbol if symbol.isdigit() else variable(symbol)
        return int(word) if re.fullmatch(r"-?\d{1,18}", word) else 0

    return level(0)
