"""JSON in one line laid out over several to be read and edited, and put into one line again, with every token kept as it was written.

Only the white space between tokens changes: numbers (`1e5`, `1.0`), escapes (`\\u00e9`) and the order of keys stay, so that what
was not edited is the same to the byte.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+', re.DOTALL)
_SPACE = " \t\r\n"
INDENT = "  "


def indented(text: str) -> str:
    """The text laid out, if it is an object or an array in one line; any other text as it is.

    White space before and after it is left out: `flattened` puts it back.
    """
    if not is_document(text) or "\n" in text.strip(_SPACE):
        return text
    return "".join(_laid_out(_tokens(text)))


def flattened(edited: str, like: str) -> str:
    """What was edited, in one line with the white space that `like` has, if `like` was laid out and this is JSON still; else as it is."""
    if indented(like) == like or not is_document(edited):
        return edited
    begin = like[: len(like) - len(like.lstrip(_SPACE))]
    end = like[len(like.rstrip(_SPACE)) :]
    after_comma, after_colon = _style(like)
    line = "".join({",": after_comma, ":": after_colon}.get(token, token) for token in _tokens(edited))
    return f"{begin}{line}{end}"


def edited_back(shown: str, edited: str, original: str) -> str:
    """What an editor made of `original`, which it was given as `shown`: the original itself, to the byte, when nothing was edited."""
    return original if edited == shown else flattened(edited, original)


def is_document(text: str) -> bool:
    """Whether the text is a JSON object or array. Only then is white space outside its strings nothing but layout."""
    if text.strip(_SPACE)[:1] not in ("{", "["):
        return False
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _tokens(text: str) -> list[str]:
    return _TOKEN.findall(text)


def _laid_out(tokens: list[str]) -> Iterator[str]:
    depth = 0
    for number, token in enumerate(tokens):
        following = tokens[number + 1] if number + 1 < len(tokens) else ""
        if token in ("{", "["):
            yield token
            if following not in ("}", "]"):
                depth += 1
                yield "\n" + INDENT * depth
        elif token in ("}", "]"):
            if tokens[number - 1] not in ("{", "["):
                depth -= 1
                yield "\n" + INDENT * depth
            yield token
        elif token == ",":
            yield ",\n" + INDENT * depth
        elif token == ":":
            yield ": "
        else:
            yield token


def _style(line: str) -> tuple[str, str]:
    """How the line writes a comma and a colon: with the white space that follows the first of each."""
    found = {",": ",", ":": ":"}
    seen: set[str] = set()
    for match in _TOKEN.finditer(line):
        token = match.group()
        if token in found and token not in seen:
            seen.add(token)
            rest = line[match.end() :]
            found[token] = token + rest[: len(rest) - len(rest.lstrip(" "))]
    return found[","], found[":"]
