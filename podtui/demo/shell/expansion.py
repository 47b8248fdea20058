"""How a shell expands its words: variables, arithmetic, the output of commands."""

from __future__ import annotations

import posixpath
import re
from collections import deque
from collections.abc import Callable, Generator

from podtui.demo.programs.program import Context
from podtui.demo.shell.lexer import Word, words_of
from podtui.demo.shell.streams import Streams

_SYMBOL = re.compile(r"\s*(\d+|[A-Za-z_]\w*|[-+*/%()])")
_LEVELS = (("+", "-"), ("*", "/", "%"))
_COMPUTE: dict[str, Callable[[int, int], int]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: int(a / b) if b else 0,
    "%": lambda a, b: a - b * int(a / b) if b else 0,
}


class Expansion:
    """The variables and the working directory of a shell, and how words expand with them."""

    def __init__(self, context: Context, parent: Expansion | None) -> None:
        self.context = context
        self.variables: dict[str, str] = dict(parent.variables if parent else context.env)
        self.cwd: str = parent.cwd if parent else "/"
        self.status = 0

    def output_of(self, script: str, streams: Streams) -> Generator[float | None, None, str]:
        """The output of a script in a shell of its own, without the newlines at its end."""
        raise NotImplementedError

    def path(self, name: str) -> str:
        return posixpath.normpath(posixpath.join(self.cwd, name))

    def text(self, word: Word, streams: Streams) -> Generator[float | None, None, str]:
        """A word after all expansions, as one text."""
        pieces = []
        for part in word:
            pieces.append(part.text if part.kind == "text" else (yield from self._value(part.kind, part.text, streams)))
        return "".join(pieces)

    def expand(self, words: tuple[Word, ...], streams: Streams) -> Generator[float | None, None, list[str]]:
        """The fields that words expand to: values that are not quoted are split at spaces."""
        found: list[str] = []
        for word in words:
            fields = [""]
            given = False  # whether there is something, were it only ""
            for part in word:
                value = part.text if part.kind == "text" else (yield from self._value(part.kind, part.text, streams))
                if part.quoted or part.kind == "text":
                    fields[-1] += value
                    given = True
                    continue
                pieces = value.split()
                if not pieces:
                    continue
                if value[0].isspace() and fields[-1]:
                    fields.append("")
                fields[-1] += pieces[0]
                fields += pieces[1:]
                if value[-1].isspace():
                    fields.append("")
                given = True
            if fields[-1] == "" and len(fields) > 1:
                fields.pop()
            if given:
                found += fields
        return found

    def _value(self, kind: str, text: str, streams: Streams) -> Generator[float | None, None, str]:
        if kind == "arithmetic":
            plain = " ".join((yield from self.expand(words_of(text), streams))) if "$" in text else text
            return str(arithmetic(plain, self._variable))
        if kind == "command":
            return (yield from self.output_of(text, streams))
        return self._variable(text)

    def _variable(self, name: str) -> str:
        if name == "?":
            return str(self.status)
        return self.cwd if name == "PWD" else self.variables.get(name, "")


def arithmetic(text: str, variable: Callable[[str], str]) -> int:
    """The value of an expression in whole numbers; anything else counts as 0."""
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
        if symbol == "(":
            value = level(0)
            if symbols and symbols[0] == ")":
                symbols.popleft()
            return value
        word = symbol if symbol.isdigit() else variable(symbol)
        return int(word) if re.fullmatch(r"-?\d{1,18}", word) else 0

    return level(0)
