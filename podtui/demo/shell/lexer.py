"""The words and operators of a shell script."""

from __future__ import annotations

import re
from dataclasses import dataclass

_OPERATORS = re.compile(r"&&|\|\||>>|2>&1|>&2|2>|>|<|;|&|\||\(|\)|\n")
_NAME = re.compile(r"[A-Za-z_]\w*")


class ShellSyntaxError(Exception):
    """The script makes no sense to the shell; the message is what busybox would say of it."""


class Unfinished(ShellSyntaxError):
    """It makes no sense yet: more lines may complete it."""


@dataclass(frozen=True)
class Part:
    """A piece of a word. `kind`: text, variable (its name), command or arithmetic."""

    kind: str
    text: str
    quoted: bool = False


Word = tuple[Part, ...]

Token = str | Word
"""An operator (a str) or a word."""


def tokens_of(script: str) -> list[Token]:
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
        elif character == "`":
            raise ShellSyntaxError("syntax error: write $(...) instead of `...`")
        elif character == "$":
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
        raise Unfinished("syntax error: unterminated quoted string")
    return end


def _double(script: str, place: int) -> tuple[list[Part], int]:
    parts: list[Part] = []
    text = ""
    while place < len(script) and script[place] != '"':
        character = script[place]
        if character == "\\" and script[place + 1 : place + 2] in ("$", "`", '"', "\\", "\n"):
            text += "" if script[place + 1] == "\n" else script[place + 1]
            place += 2
        elif character == "$":
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
        raise Unfinished("syntax error: unterminated quoted string")
    return [*parts, Part("text", text, quoted=True)], place + 1


def _dollar(script: str, place: int, *, quoted: bool) -> tuple[Part | None, int]:
    """What begins with $ at this place; None when it is only that character."""
    if script.startswith("$((", place) and (end := script.find("))", place)) > 0:
        return Part("arithmetic", script[place + 3 : end], quoted), end + 2
    if script.startswith("$(", place):
        end = _matching(script, place + 2, "(", ")")
        return Part("command", script[place + 2 : end], quoted), end + 1
    if script.startswith("${", place):
        end = _matching(script, place + 2, "{", "}")
        if not _NAME.fullmatch(script, place + 2, end):
            raise ShellSyntaxError(f"syntax error: bad substitution: {script[place : end + 1]}")
        return Part("variable", script[place + 2 : end], quoted), end + 1
    if match := _NAME.match(script, place + 1):
        return Part("variable", match[0], quoted), match.end()
    if script.startswith("$?", place):
        return Part("variable", "?", quoted), place + 2
    if script[place + 1 : place + 2] and script[place + 1] in "#@*!$0123456789":
        raise ShellSyntaxError(f"syntax error: this shell has no {script[place : place + 2]}")
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
    raise Unfinished(f'syntax error: unexpected end of file (expecting "{closes}")')


def words_of(text: str) -> tuple[Word, ...]:
    """The words of a text in which operators mean nothing: what stands inside $((...))."""
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
