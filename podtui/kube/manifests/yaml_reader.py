"""The documents of a manifest, split and read as kubectl does (apimachinery's YAMLOrJSONDecoder), each with the line where it begins.

A line of dashes separates documents wherever it stands, in a block of text too, and what follows `...` in one does not count. A text that
begins with a brace is a stream of JSON, with YAML perhaps after the first object. Unlike there, a key that is given twice is an error.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import msgspec
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from podtui.errors import ManifestError
from podtui.text import harmless
from podtui.yamltree import YamlFault, number, tree, value_of

_SEPARATOR = re.compile(r"^---(.*)\n?", re.MULTILINE)
_MARK = re.compile("^\ufeff+", re.MULTILINE)
_BLANKS = re.compile(r"[ \t\r\n]*")  # between values of JSON
_REST = re.compile(r"[^\S\n]*\n?")  # of the line on which JSON ends
_NOT_UTF8 = "is not UTF-8 text"
_HALF = re.compile("[\ud800-\udfff]")


class Found(msgspec.Struct, frozen=True):
    """A document, or an item of its `items`: its value, the 1-based line where it begins, and the lines of its items."""

    value: Any
    line: int
    items: tuple[int, ...] = ()


def read(text: str, source: str, spoilt: frozenset[int] = frozenset()) -> Iterator[Found]:
    """The documents of `text`, JSON or YAML; empty ones (null, or nothing but comments) are left out. Raises ManifestError with the line.

    `spoilt` are the lines on which bytes that are not UTF-8 became replacement characters: only a comment may have them.
    """
    text, first = cleaned(text), 1
    if text.lstrip().startswith("{"):
        found, at = _json(text, source)
        first += text.count("\n", 0, at)
        if found and spoilt and min(spoilt) < first:
            raise ManifestError(source, min(spoilt), _NOT_UTF8)
        yield from found
        text = text[at:]
    try:
        for part, line in parts(text, first):
            node = tree(part, line=line)
            if spoilt and node is not None:
                _unspoilt(node, line, spoilt)
            value = value_of(node, line=line)
            if value is not None and node is not None:
                yield Found(value, node.start_mark.line + line, tuple(item.start_mark.line + line for item in _item_nodes(node)))
    except YamlFault as fault:
        raise ManifestError(source, fault.line, fault.words, fault.hint) from None


def cleaned(text: str) -> str:
    """With the line ends that count, and without byte order marks at the left edge: each of several files put together may have one."""
    return _MARK.sub("", text.replace("\r\n", "\n"))


def node_at(text: str, line: int) -> Node | None:
    """The node of the document in which that line is, its marks counted in the whole of `text`; None when it is not YAML."""
    try:
        for part, first in parts(cleaned(text), 1):
            if line < first + part.count("\n"):
                return tree("\n" * (first - 1) + part)
    except YamlFault:
        return None
    return None


def parts(text: str, line: int) -> Iterator[tuple[str, int]]:
    """The documents, each with the number of its first line. Raises YamlFault for more than a comment after the dashes."""
    text += "" if text.endswith("\n") else "\n"
    start = 0
    for match in _SEPARATOR.finditer(text):
        rest = match[1].strip()
        if rest and not rest.startswith("#"):
            at = line + text.count("\n", 0, match.start())
            raise YamlFault(at, f"invalid YAML document separator: {harmless(rest)}", "put the document on the next line")
        if match.start() > start:
            yield text[start : match.start()], line
            line += text.count("\n", start, match.end())
            start = match.end()
    if start < len(text):
        yield text[start:], line


def _json(text: str, source: str) -> tuple[list[Found], int]:
    """The values of a stream of JSON, and where the YAML after it begins. Where the first value is none, everything is YAML."""
    decoder = json.JSONDecoder(object_pairs_hook=_no_duplicates, parse_constant=_no_constant, parse_int=_number, parse_float=_number)
    found: list[Found] = []
    count = end = 0
    while True:
        at = _end(_BLANKS, text, end)
        if at == len(text):
            return found, at
        line = text.count("\n", 0, at) + 1
        try:
            value, end = decoder.raw_decode(text, at)
        except _Refused as error:
            raise ManifestError(source, line, str(error)) from None
        except RecursionError:
            raise ManifestError(source, line, "the document is nested too deeply") from None
        except ValueError as error:
            if count < 2:  # as for kubectl, after a second object it is no longer YAML
                return found, _end(_REST, text, end)
            line = error.lineno if isinstance(error, json.JSONDecodeError) else line
            raise ManifestError(source, line, "not JSON, unlike everything above it") from None
        count += 1
        if value is not None:
            items = value.get("items") if isinstance(value, dict) else None
            value = _whole(value) if "\\u" in text else value
            found.append(Found(value, line, (line,) * len(items) if isinstance(items, list) else ()))


def _end(pattern: re.Pattern[str], text: str, at: int) -> int:
    match = pattern.match(text, at)
    return match.end() if match else at


class _Refused(Exception):
    """What would not be YAML either."""


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        keys = [key for key, _ in pairs]
        raise _Refused(f'key "{harmless(next(key for key in keys if keys.count(key) > 1))}" is given twice in one object')
    return made


def _no_constant(word: str) -> Any:
    raise ValueError(word)  # NaN and Infinity are not JSON


def _number(digits: str) -> float:
    value = float(digits)
    if value in (float("inf"), float("-inf")):
        raise _Refused(f"the number {digits[:20]}… is too large" if len(digits) > 20 else f"the number {digits} is too large")
    return number(value if set(digits) & set(".eE") or len(digits) > 30 else int(digits))


def _whole(value: Any) -> Any:
    """The value with a replacement for each half of a surrogate pair, as Go's decoder has it."""
    if isinstance(value, str):
        return _HALF.sub("\ufffd", value)
    if isinstance(value, list):
        return [_whole(item) for item in value]
    return {_whole(key): _whole(item) for key, item in value.items()} if isinstance(value, dict) else value


def _unspoilt(node: Node, line: int, spoilt: frozenset[int]) -> None:
    if isinstance(node, ScalarNode):
        if "\ufffd" in node.value and (bad := spoilt & {*range(node.start_mark.line + line, node.end_mark.line + line + 1)}):
            raise YamlFault(min(bad), _NOT_UTF8)
    else:
        for item in node.value:
            for one in item if isinstance(item, tuple) else (item,):
                _unspoilt(one, line, spoilt)


def _item_nodes(node: Node) -> list[Node]:
    if not isinstance(node, MappingNode):
        return []
    return next((value.value for key, value in node.value if key.value == "items" and isinstance(value, SequenceNode)), [])
