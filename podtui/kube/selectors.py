"""Label selectors: the grammar that the API server accepts, what a selector matches, and errors that point.

The rules are those of `k8s.io/apimachinery/pkg/labels`, which both the API server and kubectl use, with its corners: a selector
is a list of requirements that must all hold, separated by commas.

    KEY  !KEY  KEY=V  KEY==V  KEY!=V  KEY in (V,V)  KEY notin (V,V)  KEY>N  KEY<N

`!=` and `notin` also hold for an object that lacks the key. `in` and `notin` are keywords only where an operator can
stand, so they may be keys and values too. Nothing is quoted; there are no wildcards and no `or`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from podtui.errors import SelectorError
from podtui.kube.names import check_key, check_value, quoted

_SPACE = " \t\r\n"
_SYMBOLS = "=!(),<>"
_INTEGER = re.compile(r"[+-]?[0-9]+")
_INT64 = range(-(2**63), 2**63)


class Operator(Enum):
    """What a requirement asks of a label; the value is how it is written."""

    EXISTS = ""
    NOT_EXISTS = "!"
    EQUALS = "="
    DOUBLE_EQUALS = "=="
    NOT_EQUALS = "!="
    IN = "in"
    NOT_IN = "notin"
    GREATER = ">"
    LESS = "<"


_LISTS = (Operator.IN, Operator.NOT_IN)
_NEGATIVE = (Operator.NOT_EQUALS, Operator.NOT_IN)
_NUMERIC = (Operator.GREATER, Operator.LESS)
_BINARY = {operator.value: operator for operator in Operator if operator not in (Operator.EXISTS, Operator.NOT_EXISTS)}


def _int64(text: str) -> int | None:
    """`text` as Go's ParseInt(text, 10, 64) reads it; None where that is an error."""
    if not _INTEGER.fullmatch(text) or len(text) > 4096:
        return None
    number = int(text)
    return number if number in _INT64 else None


@dataclass(frozen=True, slots=True)
class Requirement:
    """One condition on one label. `values` is sorted and without repeats; empty for `KEY` and `!KEY`."""

    key: str
    operator: Operator
    values: tuple[str, ...] = ()

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether an object with these labels fulfils the requirement, as the server decides it."""
        value = labels.get(self.key)
        operator = self.operator
        if operator is Operator.NOT_EXISTS:
            return value is None
        if value is None:
            return operator in _NEGATIVE
        if operator is Operator.EXISTS:
            return True
        if operator in _NUMERIC:
            number, bound = _int64(value), _int64(self.values[0])
            if number is None or bound is None:
                return False
            return number > bound if operator is Operator.GREATER else number < bound
        return (value in self.values) is not (operator in _NEGATIVE)

    def __str__(self) -> str:
        if self.operator is Operator.EXISTS:
            return self.key
        if self.operator is Operator.NOT_EXISTS:
            return f"!{self.key}"
        if self.operator in _LISTS:
            return f"{self.key} {self.operator.value} ({','.join(self.values)})"
        return f"{self.key}{self.operator.value}{self.values[0]}"


@dataclass(frozen=True, slots=True)
class Selector:
    """Requirements that must all hold, sorted by key; none at all matches everything."""

    requirements: tuple[Requirement, ...] = ()

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether the server would return an object with these labels."""
        return all(requirement.matches(labels) for requirement in self.requirements)

    def __str__(self) -> str:
        """The selector as the server prints it: requirements by key, values sorted, a space only around `in` and `notin`."""
        return ",".join(map(str, self.requirements))

    def __bool__(self) -> bool:
        """False for the empty selector."""
        return bool(self.requirements)


class Token(NamedTuple):
    """A symbol, a word (key, value or keyword) or, with empty text, the end; `start` and `end` are 0-based offsets."""

    text: str
    start: int
    end: int

    @property
    def is_word(self) -> bool:
        return bool(self.text) and self.text[0] not in _SYMBOLS


def tokens(text: str) -> Iterator[Token]:
    """The tokens of any text, right or wrong; the last one is the end.

    As in the server's lexer a NUL right after a token is nothing, and any other one is the end.
    """
    position, length = 0, len(text)
    while True:
        while position < length and text[position] in _SPACE:
            position += 1
        if position == length or text[position] == "\0":
            yield Token("", position, position)
            return
        start = position
        if text[start] in _SYMBOLS:
            position += 2 if text[start : start + 2] in ("==", "!=") else 1
            end = position
        else:
            while position < length and text[position] not in _SYMBOLS and text[position] not in _SPACE and text[position] != "\0":
                position += 1
            end = position
        yield Token(text[start:end], start, end)
        if position < length and text[position] == "\0":
            position += 1


def parse(text: str) -> Selector:
    """Read a selector as the API server does.

    Raises SelectorError, whose `position` is the 0-based character at fault (`len(text)` when something is missing at the end).
    """
    requirements = _Parser(text).selector()
    return Selector(tuple(sorted(requirements, key=lambda requirement: requirement.key)))


class _Parser:
    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = list(tokens(text))
        self.index = 0

    @property
    def token(self) -> Token:
        return self.tokens[self.index]

    def take(self) -> Token:
        token = self.token
        if token.text:
            self.index += 1
        return token

    def error(self, what: str, token: Token, hint: str = "") -> SelectorError:
        found = f", found {quoted(token.text)}" if token.text else ""
        return SelectorError(f"expected {what} here{found}", self.text, token.start, hint)

    def selector(self) -> list[Requirement]:
        found: list[Requirement] = []
        if not self.token.text:
            return found
        while True:
            found.append(self.requirement())
            separator = self.take()
            if not separator.text:
                return found
            if separator.text != ",":
                raise self.error("',' or the end", separator, self.separator_hint(separator, found[-1]))

    def requirement(self) -> Requirement:
        negated = self.token.text == "!"
        if negated:
            self.take()
        key = self.take()
        if not key.is_word:
            wanted = "a label key" if negated else "a label key or '!'"
            raise self.error(wanted, key, self.key_hint(key, negated))
        check_key(key.text, self.text, key.start)
        if negated:
            return Requirement(key.text, Operator.NOT_EXISTS)
        if self.token.text in ("", ","):
            return Requirement(key.text, Operator.EXISTS)
        sign = self.take()
        operator = _BINARY.get(sign.text)
        if operator is None:
            raise self.error("an operator (= != in notin < >), ',' or the end", sign, self.operator_hint(key, sign))
        if operator in _LISTS:
            return Requirement(key.text, operator, self.values(key, sign))
        return Requirement(key.text, operator, (self.value(key, operator),))

    def value(self, key: Token, operator: Operator) -> str:
        token = self.token
        if token.text in ("", ","):
            if operator in _NUMERIC:
                raise self.error(f"a whole number after '{operator.value}'", Token("", token.start, token.start))
            return ""  # `key=` asks for the empty value
        if not token.is_word:
            hint = ""
            if operator in _NUMERIC and token.text in ("=", "=="):
                next_to = "below" if operator.value == ">" else "above"
                hint = f"there is no {operator.value}=; write {operator.value} and the whole number {next_to} it"
            elif token.text in ("=", "==") and operator is Operator.DOUBLE_EQUALS:
                hint = "two equals signs are enough"
            elif token.text == "(" and operator in (Operator.EQUALS, Operator.DOUBLE_EQUALS, Operator.NOT_EQUALS):
                hint = f"for one of several values write: {key.text} {'notin' if operator is Operator.NOT_EQUALS else 'in'} (a,b)"
            raise self.error("a whole number" if operator in _NUMERIC else "a value", token, hint)
        self.take()
        if operator in _NUMERIC and _int64(token.text) is None:
            what = f"'{operator.value}' compares with a 64-bit whole number, not {quoted(token.text)}"
            raise SelectorError(what, self.text, token.start)
        check_value(token.text, self.text, token.start)
        return token.text

    def values(self, key: Token, sign: Token) -> tuple[str, ...]:
        opening = self.take()
        if opening.text != "(":
            raise self.error("'('", opening, f"'{sign.text}' takes a list: {key.text} {sign.text} (a,b)")
        if self.token.text == ")":  # `in ()` means one value, the empty one
            self.take()
            return ("",)
        if not (self.token.is_word or self.token.text == ","):
            raise self.error("a value, ',' or ')'", self.token)
        found: set[str] = set()
        while True:
            token = self.take()
            if token.is_word:
                check_value(token.text, self.text, token.start)
                found.add(token.text)
                if self.token.text == ")":
                    break
                if self.token.text != ",":
                    raise self.error("',' or ')'", self.token)
            elif token.text == ",":
                if not found:
                    found.add("")
                if self.token.text == ")":
                    found.add("")
                    break
                if self.token.text == ",":
                    found.add("")
            else:
                raise self.error("a value or ','", token)
        self.take()
        return tuple(sorted(found))

    # -- hints

    def following(self) -> Token:
        return self.tokens[min(self.index, len(self.tokens) - 1)]

    def separator_hint(self, separator: Token, previous: Requirement) -> str:
        word = separator.text.lower()
        if word in ("&", "&&", "and"):
            return "requirements are joined by a comma"
        if word in ("|", "||", "or"):
            return f"a selector has no 'or'; for one of several values write: {previous.key} in (a,b)"
        if previous.operator is Operator.NOT_EXISTS and word in _BINARY:
            if word in ("in", "notin"):
                return f"for none of several values write: {previous.key} notin (a,b)"
            return f"for every value but one write: {previous.key}!=value"
        return "requirements are separated by commas" if separator.is_word or separator.text == "!" else ""

    def key_hint(self, key: Token, negated: bool) -> str:
        if negated and key.text == "!":
            return "one '!' is enough"
        if negated and key.text == "(":
            return "a selector has no groups"
        if key.text == "!=":
            return "the key comes before '!=': key!=value"
        if key.text == "(":
            return "a selector has no groups; parentheses hold the values of 'in' and 'notin'"
        return ""

    def operator_hint(self, key: Token, sign: Token) -> str:
        word = sign.text.lower()
        if word == "not" and self.following().text.lower() == "in":
            return "write 'notin' as one word"
        if word in ("in", "notin"):
            return f"operators are lower case: {word}"
        if sign.text == "!" and self.following().text.lower() in ("in", "notin"):
            return f"write: {key.text} notin (a,b)"
        if sign.text == "!":
            return f"for objects without the label write: !{key.text}"
        if sign.text == "(":
            return f"for one of several values write: {key.text} in (a,b)"
        if word in ("&", "&&", "and"):
            return "requirements are joined by a comma"
        if word in ("|", "||", "or"):
            return "a selector has no 'or'"
        return "requirements are separated by commas" if sign.is_word else ""
