"""Reads scripts for the little shell of the simulated containers: the part of POSIX sh that `sh -c` in a manifest is written in.

Words keep their parts, since the values of variables are known only when a command runs.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NoReturn

from podtui.demo.shell.lexer import Part, ShellSyntaxError, Token, Unfinished, Word, tokens_of

_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=")
_CLOSERS = frozenset("then do done fi else elif".split())


@dataclass(frozen=True)
class Redirect:
    operator: str
    target: Word = ()


@dataclass(frozen=True)
class Simple:
    assignments: tuple[tuple[str, Word], ...] = ()
    words: tuple[Word, ...] = ()
    redirects: tuple[Redirect, ...] = ()


@dataclass(frozen=True)
class Pipe:
    parts: tuple[Node, ...]


@dataclass(frozen=True)
class AndOr:
    first: Node
    rest: tuple[tuple[str, Node], ...]


@dataclass(frozen=True)
class Sequence:
    items: tuple[tuple[Node, bool], ...]
    """Each with whether it runs in the background."""


@dataclass(frozen=True)
class If:
    branches: tuple[tuple[Node, Node], ...]
    otherwise: Node | None = None


@dataclass(frozen=True)
class While:
    condition: Node
    body: Node


@dataclass(frozen=True)
class For:
    name: str
    words: tuple[Word, ...]
    body: Node


Node = Simple | Pipe | AndOr | Sequence | If | While | For


def parse(script: str) -> Node:
    """Raises ShellSyntaxError."""
    parser = _Parser(tokens_of(script))
    node = parser.sequence(())
    if parser.place < len(parser.tokens):
        parser.unexpected()
    return node


# -- commands


class _Parser:
    def __init__(self, tokens: list[Token]) -> None:
        self.tokens = tokens
        self.place = 0

    def peek(self) -> Token | None:
        return self.tokens[self.place] if self.place < len(self.tokens) else None

    def take(self) -> Token:
        token = self.peek()
        if token is None:
            self.unexpected()
        self.place += 1
        return token

    def keyword(self) -> str:
        """The next token if it is a plain word, or ""."""
        token = self.peek()
        if isinstance(token, tuple) and len(token) == 1 and token[0].kind == "text" and not token[0].quoted:
            return token[0].text
        return ""

    def unexpected(self) -> NoReturn:
        token = self.peek()
        if token is None:
            raise Unfinished("syntax error: unexpected end of file")
        shown = {"\n": "newline"}.get(token, f'"{token}"') if isinstance(token, str) else f'"{"".join(part.text for part in token)}"'
        raise ShellSyntaxError(f"syntax error: unexpected {shown}")

    def expect(self, word: str) -> None:
        if self.keyword() != word and self.peek() != word:
            self.unexpected()
        self.place += 1

    def newlines(self) -> None:
        while self.peek() == "\n":
            self.place += 1

    def sequence(self, ends: tuple[str, ...]) -> Sequence:
        items: list[tuple[Node, bool]] = []
        while True:
            while self.peek() in ("\n", ";"):
                self.place += 1
            token = self.peek()
            if token is None or token == ")" or self.keyword() in ends or self.keyword() in _CLOSERS:
                return Sequence(tuple(items))
            node = self.and_or()
            background = self.peek() == "&"
            items.append((node, background))
            if self.peek() in ("&", ";", "\n"):
                self.place += 1
            elif self.peek() is not None and self.peek() != ")" and self.keyword() not in ends:
                self.unexpected()

    def and_or(self) -> Node:
        first, rest = self.pipe(), []
        while (operator := self.peek()) in ("&&", "||"):
            self.place += 1
            self.newlines()
            rest.append((str(operator), self.pipe()))
        return AndOr(first, tuple(rest)) if rest else first

    def pipe(self) -> Node:
        parts = [self.command()]
        while self.peek() == "|":
            self.place += 1
            self.newlines()
            parts.append(self.command())
        return Pipe(tuple(parts)) if len(parts) > 1 else parts[0]

    def command(self) -> Node:
        word = self.keyword()
        if word in ("if", "while", "for"):
            self.place += 1
            return self.if_() if word == "if" else self.for_() if word == "for" else While(self.sequence(("do",)), self.do())
        if word in _CLOSERS:
            self.unexpected()
        return self.simple()

    def do(self) -> Node:
        self.expect("do")
        body = self.sequence(("done",))
        self.expect("done")
        return body

    def if_(self) -> Node:
        branches: list[tuple[Node, Node]] = []
        while True:
            condition = self.sequence(("then",))
            self.expect("then")
            branches.append((condition, self.sequence(("elif", "else", "fi"))))
            word = self.keyword()
            if word != "elif":
                break
            self.place += 1
        otherwise = None
        if word == "else":
            self.place += 1
            otherwise = self.sequence(("fi",))
        self.expect("fi")
        return If(tuple(branches), otherwise)

    def for_(self) -> Node:
        name = self.keyword()
        self.take()
        self.newlines()
        self.expect("in")
        words: list[Word] = []
        while isinstance(token := self.peek(), tuple):
            words.append(token)
            self.place += 1
        while self.peek() in (";", "\n"):
            self.place += 1
        return For(name, tuple(words), self.do())

    def redirects(self) -> tuple[Redirect, ...]:
        found: list[Redirect] = []
        while isinstance(operator := self.peek(), str) and operator in (">", ">>", "<", "2>", "2>&1", ">&2"):
            self.place += 1
            target: Word = ()
            if not operator.endswith(("&1", "&2")):
                token = self.take()
                if isinstance(token, str):
                    self.place -= 1
                    self.unexpected()
                else:
                    target = token
            found.append(Redirect(operator, target))
        return tuple(found)

    def simple(self) -> Node:
        assignments: list[tuple[str, Word]] = []
        words: list[Word] = []
        redirects: list[Redirect] = []
        while True:
            redirects.extend(self.redirects())
            token = self.peek()
            if not isinstance(token, tuple):
                break
            self.place += 1
            if not words and token and token[0].kind == "text" and not token[0].quoted and (match := _ASSIGNMENT.match(token[0].text)):
                rest = token[0].text[match.end() :]
                assignments.append((match[0][:-1], ((Part("text", rest),) if rest else ()) + token[1:]))
            else:
                words.append(token)
        if not (assignments or words or redirects):
            self.unexpected()
        return Simple(tuple(assignments), tuple(words), tuple(redirects))
