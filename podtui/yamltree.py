"""The one way in which podtui reads YAML: into a tree of nodes whose size is bounded, and from there into JSON's types by kubectl's rules.

PyYAML parses; what it would make of the events differs from what kubectl makes of them (go-yaml's version 2, behind sigs.k8s.io/yaml):
an anchor may be defined again, and a tag of which JSON knows nothing does not matter. A tree has no cycle, is no deeper than
DEEPEST, and its aliases, written out, stay within go-yaml's limits and LARGEST: whoever walks it needs no guard.
"""

from __future__ import annotations

import base64
import binascii
import math
import re
import struct
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from podtui.text import harmless

LARGEST = 16 << 20
"""Characters of a text that is read, and of all that its aliases stand for. The API server takes 3 MiB at once, etcd 1.5 MiB an object."""
DEEPEST = 200

PLAIN = ""
"""The tag of a scalar without quotes and tag: what it is depends on who reads it."""
_TAG = "tag:yaml.org,2002:"
STRING, MAP, SEQUENCE = f"{_TAG}str", f"{_TAG}map", f"{_TAG}seq"
_BINARY, _TIMESTAMP, _NONE, _MERGE = (f"{_TAG}{name}" for name in ("binary", "timestamp", "null", "merge"))
_KINDS: dict[str, tuple[type, ...]] = {f"{_TAG}int": (int,), f"{_TAG}float": (int, float), f"{_TAG}bool": (bool,), _NONE: (type(None),)}

_MARKS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))
_BARE_TAG = re.compile(r"(&\S+\s+)?!\s")
_NOT_YAML = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_PARSER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_TRUE = frozenset("y Y yes Yes YES true True TRUE on On ON".split())
_FALSE = frozenset("n N no No NO false False FALSE off Off OFF".split())
_NULL = frozenset(["", "~", "null", "Null", "NULL"])
_INFINITE = frozenset(f"{sign}{word}" for sign in ("", "+", "-") for word in (".inf", ".Inf", ".INF")) | {".nan", ".NaN", ".NAN"}
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_INTEGER = re.compile(r"([-+]?)(?:0[xX]([0-9a-fA-F]+)|0[oO]?([0-7]+)|0[bB]([01]+)|([1-9][0-9]*|0))")
_LOOSE = re.compile(r"(?<![0-9])_|_(?![0-9])")  # an underscore that is not between digits
_DATE = re.compile(r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([Tt ][0-9]{1,2}:[0-9]{1,2}:[0-9]{1,2}(\.[0-9]+)?(Z|[-+][0-9]{2}:[0-9]{2})?)?")
_NO_MERGE = "map merge requires map or sequence of maps as the value"
_MOST_DIGITS = 400  # of an integer: a float has at most 309


class YamlFault(Exception):
    """What is wrong with a text: `words` are harmless, `line` is 1-based, 0 when it is about the whole."""

    def __init__(self, line: int, words: str, hint: str = "") -> None:
        super().__init__(words)
        self.line = line
        self.words = words
        self.hint = hint


def tree(content: bytes | str, *, line: int = 1, single: bool = False, resolve: Callable[[str], str] | None = None) -> Node | None:
    """The first document of a text, None when there is none; `single` refuses another one after it. Raises YamlFault.

    `line` is the number of the first line, for the lines of faults; the marks of nodes count from 0 in this text. A scalar
    without quotes and tag has the tag that `resolve` finds for it, otherwise PLAIN. The same anchor gives the same node.
    """
    if len(content) > LARGEST:
        raise YamlFault(0, f"larger than {LARGEST >> 20} MiB")
    text = decoded(content) if isinstance(content, bytes) else content
    try:
        parser = _PARSER(text)
        try:
            return _Composer(parser, text, resolve).document(single)
        finally:
            parser.dispose()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        words = " ".join(part for part in (error.problem, error.context) if part) or "it cannot be parsed"
        raise YamlFault(mark.line + line if mark else 0, f"not valid YAML: {harmless(words)}", _tab(text, mark)) from None
    except (yaml.YAMLError, UnicodeError):
        bad = _NOT_YAML.search(text)
        hint = "is it UTF-16 without a byte order mark? Save it as UTF-8" if "\0" in text else ""
        at = text.count("\n", 0, bad.start()) + line if bad else 0
        raise YamlFault(at, "not valid YAML: a control character", hint) from None
    except YamlFault as fault:
        fault.line += line - 1 if fault.line else 0
        raise


def decoded(content: bytes) -> str:
    """A text in the encoding that its byte order mark names, otherwise in UTF-8; without the mark. Raises YamlFault with the line."""
    mark, encoding = next((pair for pair in _MARKS if content.startswith(pair[0])), (b"", "utf-8"))
    try:
        return content[len(mark) :].decode(encoding)
    except UnicodeDecodeError as error:
        line = error.object[: error.start].decode(encoding, "replace").count("\n") + 1
        raise YamlFault(line, f"is not {encoding[:6].upper().rstrip('-')} text") from None


def _tab(text: str, mark: yaml.Mark | None) -> str:
    lines = text.split("\n")
    tab = mark is not None and mark.line < len(lines) and re.match(r" *\t", lines[mark.line])
    return "YAML is indented with spaces, not with tabs" if tab else ""


class _Composer:
    """Makes nodes of the parser's events; counts as go-yaml does what it takes to write out every alias."""

    def __init__(self, parser: Any, text: str, resolve: Callable[[str], str] | None) -> None:
        self._parser = parser
        self._text = text if _BARE_TAG.search(text) else ""
        self._resolve = resolve
        self._anchors: dict[str, list[tuple[Node, int, int]]] = {}  # an empty list: the node is not complete yet
        self._made = self._aliased = self._characters = self._depth = 0

    def document(self, single: bool) -> Node | None:
        self._parser.get_event()  # the beginning of the stream
        if self._parser.check_event(yaml.StreamEndEvent):
            return None
        self._parser.get_event()  # of the document
        node = self._node()
        self._bounded(node)
        self._parser.get_event()
        if single and not self._parser.check_event(yaml.StreamEndEvent):
            raise YamlFault(
                self._parser.get_event().start_mark.line + 1, "not valid YAML: expected a single document, but found another one"
            )
        return node

    def _node(self) -> Node:
        event = self._parser.get_event()
        self._made += 1
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event)
        made, characters = self._made - 1, self._characters
        anchored: list[tuple[Node, int, int]] = []
        if event.anchor is not None:
            self._anchors[event.anchor] = anchored
        node = self._scalar(event) if isinstance(event, yaml.ScalarEvent) else self._collection(event)
        anchored.append((node, self._made - made, self._characters - characters))
        return node

    def _alias(self, event: Any) -> Node:
        line = event.start_mark.line + 1
        if event.anchor not in self._anchors:
            raise YamlFault(line, f"not valid YAML: found undefined alias {harmless(event.anchor)!r}")
        found = self._anchors[event.anchor]
        if not found:
            raise YamlFault(line, f"the alias *{harmless(event.anchor)} contains itself")
        node, made, characters = found[0]
        self._made += made
        self._aliased += made
        self._characters += characters
        self._bounded(node, line)
        return node

    def _bounded(self, node: Node, line: int = 0) -> None:
        """go-yaml's limit of what may come from aliases: 99 % of 400,000 values, falling to 10 % of 4,000,000."""
        share = 0.99 - 0.89 * min(1.0, max(0.0, (self._made - 400_000) / 3_600_000))
        many = self._aliased > 100 and self._made > 1000 and self._aliased > share * self._made
        if many or self._characters > LARGEST:
            raise YamlFault(line or node.start_mark.line + 1, "too large once its aliases are written out")

    def _scalar(self, event: Any) -> Node:
        tag = event.tag
        if tag is None and (event.style or self._bare_tag(event)):
            tag = STRING  # `!` alone is for go-yaml a tag as any other; libyaml leaves it out
        elif tag is None:
            tag = PLAIN if self._resolve is None else self._resolve(event.value)
        self._characters += len(event.value) + 1
        return ScalarNode(tag, event.value, event.start_mark, event.end_mark, event.style)

    def _bare_tag(self, event: Any) -> bool:
        return bool(self._text and _BARE_TAG.match(self._text, event.start_mark.index))

    def _collection(self, event: Any) -> Node:
        start: Any = event.start_mark
        self._depth += 1
        if self._depth > DEEPEST:
            raise YamlFault(start.line + 1, f"nested deeper than {DEEPEST} levels")
        node: Node
        if isinstance(event, yaml.SequenceStartEvent):
            items: list[Node] = []
            while not self._parser.check_event(yaml.SequenceEndEvent):
                items.append(self._node())
            node = SequenceNode(event.tag or SEQUENCE, items, start, None)
        else:
            pairs: list[tuple[Node, Node]] = []
            while not self._parser.check_event(yaml.MappingEndEvent):
                key = self._node()
                merged = isinstance(key, ScalarNode) and _merges(key) and self._parser.check_event(yaml.AliasEvent)
                value = self._node()
                if merged and not isinstance(value, MappingNode):
                    raise YamlFault(key.start_mark.line + 1, _NO_MERGE)
                pairs.append((key, value))
            node = MappingNode(event.tag or MAP, pairs, start, None)
        node.end_mark = self._parser.get_event().end_mark
        self._depth -= 1
        return node


def _merges(key: ScalarNode) -> bool:
    return key.value == "<<" and key.tag in (PLAIN, _MERGE)


def value_of(node: Node | None, *, line: int = 1, duplicates: bool = False) -> Any:
    """The value of a tree of plain nodes (`tree` without `resolve`) as JSON has it, by kubectl's rules. Raises YamlFault.

    What other readers make dates stays text. `yes`, `on` and `y` are true, `017` is 15 and `1e3` is 1000. A tag that JSON knows
    nothing of does not count. With `duplicates` the last of equal keys counts, as for kubectl; otherwise they are a fault, and so is what
    kubectl would silently spoil: base64 of something that is not text. `line` is as for `tree`.
    """
    return None if node is None else _Values(line, duplicates).value(node)


class _Values:
    def __init__(self, line: int, duplicates: bool) -> None:
        self._line = line
        self._duplicates = duplicates

    def value(self, node: Node) -> Any:
        if isinstance(node, ScalarNode):
            return self._scalar(node)
        if isinstance(node, SequenceNode):
            return [self.value(item) for item in node.value]
        made: dict[str, Any] = {}
        self._fill(made, node)
        return made

    def _fill(self, made: dict[str, Any], node: Node) -> None:
        """Sets the keys of a mapping in `made`, those that it merges at the place where it merges them, as go-yaml does."""
        own: set[str] = set()
        for key_node, value_node in node.value:
            if isinstance(key_node, ScalarNode) and _merges(key_node):
                sources = value_node.value if isinstance(value_node, SequenceNode) else [value_node]
                for source in reversed(sources):  # the first one counts
                    if not isinstance(source, MappingNode):
                        raise self._fault(source, _NO_MERGE)
                    self._fill(made, source)
                continue
            key = self._key(key_node)
            if key in own and not self._duplicates:
                raise self._fault(key_node, f'key "{harmless(key)}" already set in map')
            own.add(key)
            made[key] = self.value(value_node)

    def _key(self, node: Node) -> str:
        if isinstance(node, ScalarNode):
            if node.tag == PLAIN and node.value in _INFINITE:
                return str(node.value).lower().lstrip("+")
            value = self._resolved(node)
            if isinstance(value, str):
                return value
            if isinstance(value, bool):
                return "true" if value else "false"
            if isinstance(value, float):
                return _short(value)
            if isinstance(value, int) and value < 1 << 63:
                return str(value)
        raise self._fault(node, "a key must be text, not a list, a map or null")

    def _scalar(self, node: ScalarNode) -> Any:
        value = self._resolved(node)
        return number(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else value

    def _resolved(self, node: ScalarNode) -> Any:
        if node.tag == STRING:  # quoted, a block, or tagged so
            return node.value
        if node.tag == PLAIN:
            return self._plain(node)
        if node.tag == _BINARY:
            return self._binary(node)
        if node.tag not in _KINDS and (node.tag != _TIMESTAMP or _DATE.fullmatch(node.value)):
            return node.value
        value, kinds = self._plain(node), _KINDS.get(node.tag, ())
        if not isinstance(value, kinds) or isinstance(value, bool) != (bool in kinds):
            raise self._fault(node, f"cannot decode {harmless(node.value)!r} as a {node.tag.rpartition(':')[2]}")
        return value

    def _plain(self, node: ScalarNode) -> Any:
        """What go-yaml resolves a scalar without quotes to."""
        text: str = node.value
        if text in _NULL:
            return None
        if text in _TRUE or text in _FALSE:
            return text in _TRUE
        if text in _INFINITE:
            raise self._fault(node, f"JSON has no {text}", "put it in quotes if it is meant as text")
        if text[0] not in "+-.0123456789":
            return text
        if text[0] == "." and _LOOSE.search(text):
            return text
        plain = text.replace("_", "")
        if match := _INTEGER.fullmatch(plain):
            sign, hexadecimal, octal, binary, decimal = match.groups()
            for digits, base in ((hexadecimal, 16), (octal, 8), (binary, 2), (decimal, 10)):
                if digits is not None and len(digits) <= _MOST_DIGITS:
                    whole = int(digits, base) * (-1 if sign == "-" else 1)
                    if -(1 << 63) <= whole < 1 << 64 and not (sign == "+" and whole >= 1 << 63):
                        return whole
        if _FLOAT.fullmatch(plain) and not math.isinf(real := float(plain)):
            return real
        return text

    def _binary(self, node: ScalarNode) -> str:
        try:
            return base64.b64decode(re.sub(r"[\r\n]", "", node.value), validate=True).decode()
        except (binascii.Error, ValueError):
            raise self._fault(node, "!!binary is not the base64 of UTF-8 text") from None

    def _fault(self, node: Node, words: str, hint: str = "") -> YamlFault:
        return YamlFault(node.start_mark.line + self._line, words, hint)


def number(value: float) -> float:
    """A number as kubectl sends it: an integer of 64 bits if it is one, otherwise a float."""
    if isinstance(value, int):
        return value if -(1 << 63) <= value < 1 << 63 else float(value)
    return int(value) if value.is_integer() and -(1 << 63) < value < 1 << 63 else value


def _short(value: float) -> str:
    """A float as a key: the fewest digits that tell a float of 32 bits, as Go's FormatFloat(value, 'g', -1, 32)."""
    try:
        (single,) = struct.unpack("f", struct.pack("f", value))
    except OverflowError:
        return ".inf" if value > 0 else "-.inf"
    shortest = next(text for digits in range(9) if struct.pack("f", float(text := f"{single:.{digits}e}")) == struct.pack("f", single))
    mantissa, _, exponent = shortest.partition("e")
    return f"{Decimal(shortest):f}" if -4 <= int(exponent) < 6 else f"{mantissa}e{int(exponent):+03d}"
