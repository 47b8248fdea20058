"""How a shell fills in its words: variables and their defaults, arithmetic, the output of commands, names with `*`."""

from __future__ import annotations

import fnmatch
import posixpath
import re
from collections import deque
from collections.abc import Callable, Generator

from podtui.demo.programs.program import Context
from podtui.demo.shell.lexer import Word, words_of
from podtui.demo.shell.streams import Exit, Streams

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


class Expansion:
    """The variables, arguments and working directory of a shell, and what words come to with them."""

    def __init__(self, context: Context, parent: Expansion | None) -> None:
        self.context = context
        self.variables: dict[str, str] = dict(parent.variables if parent else context.env)
        self.arguments: list[str] = list(parent.arguments) if parent else ["sh"]
        self.cwd: str = parent.cwd if parent else "/"
        self.status = 0

    def output_of(self, script: str, streams: Streams) -> Generator[float | None, None, str]:
        """What a script writes in a shell of its own, without the newlines at its end."""
        raise NotImplementedError

    def path(self, name: str) -> str:
        return posixpath.normpath(posixpath.join(self.cwd, name))

    def text(self, word: Word, streams: Streams) -> Generator[float | None, None, str]:
        """A word with everything put in, as one text."""
        pieces = []
        for part in word:
            pieces.append(part.text if part.kind == "text" else (yield from self._value(part.kind, part.text, streams)))
        return "".join(pieces)

    def expand(self, words: tuple[Word, ...], streams: Streams) -> Generator[float | None, None, list[str]]:
        """The fields that words come to: values that are not quoted are split at blanks, and names with * looked up."""
        found: list[str] = []
        for word in words:
            fields = [""]
            given = False  # whether there is something, were it only ""
            pattern = False
            for part in word:
                if part.kind == "text":
                    text = part.text
                    if not part.quoted:
                        pattern = pattern or "*" in text or "?" in text
                        if text.startswith("~") and part is word[0] and (text == "~" or text[1] == "/"):
                            text = self.variables.get("HOME", "/root") + text[1:]
                    fields[-1] += text
                    given = True
                    continue
                if part.kind == "variable" and part.text == "@" and part.quoted:
                    head, *rest = self.arguments[1:] or [""]
                    fields[-1] += head
                    fields += rest
                    given = given or len(self.arguments) > 1
                    continue
                value = yield from self._value(part.kind, part.text, streams)
                if part.quoted:
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
                found += self._matching(fields[0]) if pattern and len(fields) == 1 else fields
        return found

    def _matching(self, pattern: str) -> list[str]:
        wanted = self.path(pattern)
        depth = wanted.count("/")
        names = {"/".join(path.split("/")[: depth + 1]) for path in self.context.files}
        found = sorted(name for name in names if fnmatch.fnmatchcase(name, wanted) and not posixpath.basename(name).startswith("."))
        return (found if pattern.startswith("/") else [posixpath.relpath(name, self.cwd) for name in found]) or [pattern]

    def _value(self, kind: str, text: str, streams: Streams) -> Generator[float | None, None, str]:
        if kind == "arithmetic":
            return str((yield from self._arithmetic(text, streams)))
        if kind == "command":
            return (yield from self.output_of(text, streams))
        if text.startswith("#") and len(text) > 1:
            return str(len(self._variable(text[1:])))
        match = re.fullmatch(r"(\w+|[?$#@*!])(?:(:?[-=+?]|%%|%|##|#)(.*))?", text, re.DOTALL)
        if match is None:
            return ""
        name, operator, word = match[1], match[2] or "", match[3] or ""
        value = self._variable(name)
        if operator.endswith(("-", "=", "+", "?")):
            other = yield from self._inner(word, streams)
            if operator.endswith("+"):
                return other if value else ""
            if value:
                return value
            if operator.endswith("?"):
                streams.complain(f"sh: {name}: {other or 'parameter not set'}")
                raise Exit(2)
            if operator.endswith("="):
                self.variables[name] = other
            return other
        if operator:
            return _trimmed(value, operator, (yield from self._inner(word, streams)))
        return value

    def _inner(self, word: str, streams: Streams) -> Generator[float | None, None, str]:
        """The word inside ${NAME:-word}."""
        return " ".join((yield from self.expand(words_of(word), streams))) if word else ""

    def _variable(self, name: str) -> str:
        special = {"?": str(self.status), "$": "1", "#": str(len(self.arguments) - 1), "!": "2"}
        if name in special:
            return special[name]
        if name in "@*":
            return " ".join(self.arguments[1:])
        if name.isdigit():
            return self.arguments[int(name)] if int(name) < len(self.arguments) else ""
        if name == "RANDOM":
            return str(self.context.random.randrange(32768))
        return self.cwd if name == "PWD" else self.variables.get(name, "")

    def _arithmetic(self, text: str, streams: Streams) -> Generator[float | None, None, int]:
        plain = " ".join((yield from self.expand(words_of(text), streams))) if "$" in text else text
        return arithmetic(plain, self._variable)


def _trimmed(value: str, operator: str, pattern: str) -> str:
    """${name%pattern} and its kin."""
    lengths = range(len(value) + 1)
    if operator.startswith("%"):
        cuts = [cut for cut in lengths if fnmatch.fnmatchcase(value[cut:], pattern)]
        return value[: (cuts[-1] if operator == "%" else cuts[0])] if cuts else value
    cuts = [cut for cut in lengths if fnmatch.fnmatchcase(value[:cut], pattern)]
    return value[(cuts[0] if operator == "#" else cuts[-1]) :] if cuts else value


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
