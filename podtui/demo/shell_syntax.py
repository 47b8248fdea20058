"""Reads scripts for the little shell of the simulated containers: the part of POSIX sh that `sh -c` in a manifest is written in.

Words keep their parts, for what is put in for variables is only known when a command runs.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import NoReturn

_OPERATORS = re.compile(r"&&|\|\||;;|>>|2>&1|>&2|1>&2|2>>|2>|&>|>|<|;|&|\||\(|\)|\n")
_NAME = re.compile(r"[A-Za-z_]\w*")
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=")
_CLOSERS = frozenset("then do done fi else elif esac }".split())


class ShellSyntaxError(Exception):
    """The script makes no sense to the shell; the message is what busybox would say of it."""


@dataclass(frozen=True)
class Part:
    """A piece of a word. `kind`: text, variable (`name`, `name:-word`, `#name`), command or arithmetic."""

    kind: str
    text: str
    quoted: bool = False


Word = tuple[Part, ...]


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
    negated: bool = False


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
    until: bool = False


@dataclass(frozen=True)
class For:
    name: str
    words: tuple[Word, ...] | None
    body: Node


@dataclass(frozen=True)
class Case:
    word: Word
    branches: tuple[tuple[tuple[Word, ...], Node], ...]


@dataclass(frozen=True)
class Function:
    name: str
    body: Node


@dataclass(frozen=True)
class Group:
    body: Node
    redirects: tuple[Redirect, ...] = ()
    subshell: bool = field(default=False)


Node = Simple | Pipe | AndOr | Sequence | If | While | For | Case | Function | Group
Token = str | Word
"""An operator (a str) or a word."""


def parse(script: str) -> Node:
    """Raises ShellSyntaxError."""
    parser = _Parser(_tokens(script))
    node = parser.sequence(())
    if parser.place < len(parser.tokens):
        parser.unexpected()
    return node


# -- words


def _tokens(script: str) -> list[Token]:
    found: list[Token] = []
    place, end = 0, len(script)
    while place < end:
        character = script[place]
        if character in " \t" or script.startswith("\\\n", place):
            place += 1 if character in " \t" else 2
        elif character == "#":
            newline = script.find("\n", place)
            place = end if newline < 0 else newline
        elif match := _OPERATORS.match(script, place):
            found.append(match[0])
            place = match.end()
        else:
            word, place = _word(script, place)
            found.append(word)
    return found


def _word(script: str, place: int) -> tuple[Word, int]:
    parts: list[Part] = []
    text = ""

    def flush() -> None:
        nonlocal text
        if text:
            parts.append(Part("text", text))
            text = ""

    while place < len(script) and script[place] not in " \t\n;&|<>()":
        character = script[place]
        if character == "\\":
            flush()
            if script[place + 1 : place + 2] != "\n":
                parts.append(Part("text", script[place + 1 : place + 2], quoted=True))
            place += 2
        elif character == "'":
            end = _closing(script, "'", place + 1)
            flush()
            parts.append(Part("text", script[place + 1 : end], quoted=True))
            place = end + 1
        elif character == '"':
            flush()
            inside, place = _double(script, place + 1)
            parts.extend(inside)
        elif character in "$`":
            part, after = _dollar(script, place, quoted=False)
            if part is None:
                text += character
            else:
                flush()
                parts.append(part)
            place = after
        else:
            text += character
            place += 1
    flush()
    return tuple(parts), place


def _closing(script: str, what: str, place: int) -> int:
    end = script.find(what, place)
    if end < 0:
        raise ShellSyntaxError("syntax error: unterminated quoted string")
    return end


def _double(script: str, place: int) -> tuple[list[Part], int]:
    parts: list[Part] = []
    text = ""
    while place < len(script) and script[place] != '"':
        character = script[place]
        if character == "\\" and script[place + 1 : place + 2] in ("$", "`", '"', "\\", "\n"):
            text += "" if script[place + 1] == "\n" else script[place + 1]
            place += 2
        elif character in "$`":
            part, after = _dollar(script, place, quoted=True)
            if part is None:
                text += character
            else:
                parts += [Part("text", text, quoted=True), part] if text else [part]
                text = ""
            place = after
        else:
            text += character
            place += 1
    if place >= len(script):
        raise ShellSyntaxError("syntax error: unterminated quoted string")
    return [*parts, Part("text", text, quoted=True)], place + 1


def _dollar(script: str, place: int, *, quoted: bool) -> tuple[Part | None, int]:
    """What begins with $ or ` at this place; None when it is only that character."""
    if script[place] == "`":
        end = _closing(script, "`", place + 1)
        return Part("command", script[place + 1 : end], quoted), end + 1
    if script.startswith("$((", place) and (end := script.find("))", place)) > 0:
        return Part("arithmetic", script[place + 3 : end], quoted), end + 2
    if script.startswith("$(", place):
        end = _matching(script, place + 2, "(", ")")
        return Part("command", script[place + 2 : end], quoted), end + 1
    if script.startswith("${", place):
        end = _matching(script, place + 2, "{", "}")
        return Part("variable", script[place + 2 : end], quoted), end + 1
    if match := _NAME.match(script, place + 1):
        return Part("variable", match[0], quoted), match.end()
    if script[place + 1 : place + 2] and script[place + 1] in "?$#@*!0123456789":
        return Part("variable", script[place + 1], quoted), place + 2
    return None, place + 1


def _matching(script: str, place: int, opens: str, closes: str) -> int:
    depth, quote = 1, ""
    while place < len(script):
        character = script[place]
        if quote:
            quote = "" if character == quote else quote
        elif character in "'\"":
            quote = character
        elif character == "\\":
            place += 1
        elif character == opens:
            depth += 1
        elif character == closes:
            depth -= 1
            if not depth:
                return place
        place += 1
    raise ShellSyntaxError(f'syntax error: unexpected end of file (expecting "{closes}")')


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
            raise ShellSyntaxError("syntax error: unexpected end of file")
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
            if token is None or token in (")", ";;") or self.keyword() in ends or self.keyword() in _CLOSERS:
                return Sequence(tuple(items))
            node = self.and_or()
            background = self.peek() == "&"
            items.append((node, background))
            if self.peek() in ("&", ";", "\n"):
                self.place += 1
            elif self.peek() is not None and self.peek() not in (")", ";;") and self.keyword() not in ends:
                self.unexpected()

    def and_or(self) -> Node:
        first, rest = self.pipe(), []
        while (operator := self.peek()) in ("&&", "||"):
            self.place += 1
            self.newlines()
            rest.append((str(operator), self.pipe()))
        return AndOr(first, tuple(rest)) if rest else first

    def pipe(self) -> Node:
        negated = self.keyword() == "!"
        self.place += negated
        parts = [self.command()]
        while self.peek() == "|":
            self.place += 1
            self.newlines()
            parts.append(self.command())
        return Pipe(tuple(parts), negated) if negated or len(parts) > 1 else parts[0]

    def command(self) -> Node:
        word = self.keyword()
        if word in ("if", "while", "until", "for", "case", "{") or self.peek() == "(":
            node = self.compound(word)
            redirects = self.redirects()
            return Group(node, redirects) if redirects else node
        if word in _CLOSERS:
            self.unexpected()
        if word and self.tokens[self.place + 1 : self.place + 3] == ["(", ")"]:
            self.place += 3
            self.newlines()
            return Function(word, self.command())
        return self.simple()

    def compound(self, word: str) -> Node:
        self.place += 1
        if word == "if":
            return self.if_()
        if word in ("while", "until"):
            condition = self.sequence(("do",))
            return While(condition, self.do(), word == "until")
        if word == "for":
            return self.for_()
        if word == "case":
            return self.case()
        body = self.sequence(("}",) if word else ())
        self.expect("}" if word else ")")
        return Group(body, subshell=not word)

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
        words: list[Word] | None = None
        self.newlines()
        if self.keyword() == "in":
            self.place += 1
            words = []
            while isinstance(token := self.peek(), tuple):
                words.append(token)
                self.place += 1
        while self.peek() in (";", "\n"):
            self.place += 1
        return For(name, None if words is None else tuple(words), self.do())

    def case(self) -> Node:
        word = self.take()
        self.newlines()
        self.expect("in")
        branches: list[tuple[tuple[Word, ...], Node]] = []
        while True:
            self.newlines()
            if self.keyword() == "esac":
                self.place += 1
                return Case(word if isinstance(word, tuple) else (), tuple(branches))
            self.place += self.peek() == "("
            patterns: list[Word] = []
            while (token := self.take()) != ")":
                if isinstance(token, tuple):
                    patterns.append(token)
                elif token != "|":
                    self.place -= 1
                    self.unexpected()
            branches.append((tuple(patterns), self.sequence(("esac",))))
            if self.peek() == ";;":
                self.place += 1

    def redirects(self) -> tuple[Redirect, ...]:
        found: list[Redirect] = []
        while isinstance(operator := self.peek(), str) and operator in (">", ">>", "<", "2>", "2>>", "&>", "2>&1", ">&2", "1>&2"):
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


def words_of(text: str) -> tuple[Word, ...]:
    """The words of a text in which operators mean nothing: what stands inside ${NAME:-...} and $((...))."""
    found: list[Word] = []
    place = 0
    while place < len(text):
        if text[place].isspace():
            place += 1
        elif text[place] in ";&|<>()":
            found.append((Part("text", text[place]),))
            place += 1
        else:
            word, place = _word(text, place)
            found.append(word)
    return tuple(found)
