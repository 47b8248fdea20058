"""Colours for YAML as kubectl prints it, line by line.

Whether a line belongs to a block scalar or to a folded string depends on the lines before it. One quick pass over the
lines finds that out; the parts of a line are made when it is in view.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from podtui.ui.widgets.text_document import Part

_ENTRY = re.compile(
    r"""(?P<indent>\ *)(?P<dashes>(?:-\ +)*)(?:(?P<question>\?\ )|(?P<colon>:\ ))?
    (?:(?P<key>"(?:[^"\\]|\\.)*"|'(?:[^']|'')*'|[^\s"'][^:]*(?::(?!\ |\Z)[^:]*)*):(?:\ +|\Z))?(?P<value>.*)""",
    re.VERBOSE,
)
_NUMBER = re.compile(r"[-+]?(?:0x[0-9a-fA-F]+|(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?|\.inf|\.nan)\Z")
_MARKS = frozenset(("- ", "? ", ": "))
_KEYWORDS = frozenset(("true", "false", "null", "~"))
_EMPTY = frozenset(("{}", "[]", "|", "|-", "|+", ">", ">-", "|2", "|2-", "|2+", "---"))


class YamlHighlight:
    """`highlight(number, text)` for a TextView, bound to the lines that it shows."""

    def __init__(self, lines: Sequence[str]) -> None:
        self._strings = _continued(lines)

    def __call__(self, number: int, text: str) -> Sequence[Part]:
        if number < len(self._strings) and self._strings[number]:
            return ((text, "yaml.string"),)
        return entry_parts(text)


def entry_parts(text: str) -> Sequence[Part]:
    """The parts of a line that begins an entry (a key, an item, a comment), or of any other line."""
    stripped = text.lstrip(" ")
    if stripped.startswith("#"):
        return ((text, "dim"),)
    match = _ENTRY.match(text)
    if match is None:
        return ((text, ""),)
    parts: list[Part] = [(match["indent"], "")] if match["indent"] else []
    if marks := match["dashes"] + (match["question"] or match["colon"] or ""):
        parts.append((marks, "yaml.punctuation"))
    value = match["value"]
    if match["key"] is not None:
        parts.append((match["key"], "yaml.key"))
        parts.append((text[match.end("key") : match.start("value")], "yaml.punctuation"))
    elif value == "-":
        return [*parts, (value, "yaml.punctuation")]
    if value:
        parts.append((value, _style(value)))
    return parts


def _style(value: str) -> str:
    if value in _EMPTY:
        return "yaml.punctuation"
    if value in _KEYWORDS:
        return "yaml.keyword"
    return "yaml.number" if len(value) < 40 and _NUMBER.match(value) else "yaml.string"


def _continued(lines: Sequence[str]) -> bytearray:
    """1 for each line that only continues the string of an earlier one: a block scalar or a folded string.

    Only an entry with a value on its own line can continue below it; `key:` alone opens a deeper level.
    """
    found = bytearray(len(lines))
    column = -1  # of the entry whose string may continue; -1: there is none
    for number, line in enumerate(lines):
        text = line.lstrip(" ")
        indent = len(line) - len(text)
        if column >= 0 and (indent > column or not text):
            found[number] = 1
            continue
        column = indent
        marked = text[:2] in _MARKS
        if marked or text[-1:] == ":":
            while text[:2] in _MARKS:
                column = indent
                rest = text[2:].lstrip(" ")
                indent += len(text) - len(rest)
                text = rest
            match = _ENTRY.match(text)
            if match is not None and match["key"] is not None:
                column = indent if match["value"] else -1
    return found
