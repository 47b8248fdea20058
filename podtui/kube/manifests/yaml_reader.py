"""YAML read into JSON's types by kubectl's rules (sigs.k8s.io/yaml: YAML 1.1 of Go), with the line of what is wrong.

What other readers make dates stays text. `yes`, `on` and `y` are true, `017` is 15 and `1e3` is 1000, as for kubectl.
Unlike there, a key that is given twice, and a tag that JSON has no type for are errors.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
import re
from collections.abc import Iterator
from typing import Any

import msgspec
import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from podtui.errors import ManifestError
from podtui.text import harmless

_MOST_NODES = 1_000_000
"""Values that a file may hold once its aliases are written out: a few lines of aliases can stand for billions."""
_DEEPEST = 200

_BASE: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_TRUE = frozenset("y Y yes Yes YES true True TRUE on On ON".split())
_FALSE = frozenset("n N no No NO false False FALSE off Off OFF".split())
_NULL = frozenset(["", "~", "null", "Null", "NULL"])
_INFINITE = frozenset(f"{sign}{word}" for sign in ("", "+", "-") for word in (".inf", ".Inf", ".INF")) | {".nan", ".NaN", ".NAN"}
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_INTEGER = re.compile(r"([-+]?)(?:0[xX]([0-9a-fA-F]+)|0[oO]?([0-7]+)|0[bB]([01]+)|([1-9][0-9]*|0))")
_STRING, _INT, _FLOATS, _BOOL, _NONE = (f"tag:yaml.org,2002:{name}" for name in ("str", "int", "float", "bool", "null"))
_BINARY, _MAP, _SEQUENCE, _SET, _TIMESTAMP = (f"tag:yaml.org,2002:{name}" for name in ("binary", "map", "seq", "set", "timestamp"))
_PLAIN = "plain"


class _Loader(_BASE):  # type: ignore[misc]
    """Leaves open what a scalar without quotes and tag is; by itself PyYAML would make it what it thinks right."""

    def resolve(self, kind: type[Node], value: str | None, implicit: Any) -> str:
        if kind is ScalarNode:
            return _PLAIN if implicit[0] else _STRING
        return _SEQUENCE if kind is SequenceNode else _MAP


class Found(msgspec.Struct, frozen=True):
    """A document, or an item of its `items`: its value, the 1-based line where it begins, and the lines of its items."""

    value: Any
    line: int
    items: tuple[int, ...] = ()


def read(text: str, source: str) -> Iterator[Found]:
    """The documents of `text`, JSON or YAML, empty ones (nothing but comments) left out. Raises ManifestError with the line."""
    if text.lstrip(" \t\r\n\ufeff").startswith("{"):
        found = _json(text.lstrip("\ufeff"), source)
        if found is not None:
            return iter(found)
    return _yaml(text, source)


def _json(text: str, source: str) -> list[Found] | None:
    """A file of JSON objects, one after the other; None when it is not JSON (it may be YAML that begins with a brace)."""
    decoder = json.JSONDecoder(object_pairs_hook=_no_duplicates, parse_constant=_no_constant)
    found: list[Found] = []
    at = 0
    while match := re.compile(r"[ \t\r\n]*").match(text, at):
        at = match.end()
        if at == len(text):
            return found
        line = text.count("\n", 0, at) + 1
        try:
            value, at = decoder.raw_decode(text, at)
        except _Duplicate as error:
            raise ManifestError(source, line, f'key "{harmless(str(error))}" is given twice in one object') from None
        except RecursionError:
            raise ManifestError(source, line, "the document is nested too deep") from None
        except ValueError:
            return None
        found.append(Found(value, line, (line,) * len(_items(value))))
    return found


class _Duplicate(Exception):
    pass


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        keys = [key for key, _ in pairs]
        raise _Duplicate(next(key for key in keys if keys.count(key) > 1))
    return made


def _no_constant(word: str) -> Any:
    raise ValueError(word)  # NaN and Infinity are no JSON


def _items(value: Any) -> list[Any]:
    items = value.get("items") if isinstance(value, dict) else None
    return items if isinstance(items, list) else []


def _yaml(text: str, source: str) -> Iterator[Found]:
    loader = _Loader(text)
    try:
        build = _Builder(source)
        while loader.check_node():
            node = loader.get_node()
            if isinstance(node, ScalarNode) and not node.value and node.tag == _PLAIN:
                continue
            items: tuple[int, ...] = ()
            if isinstance(node, MappingNode):
                for key, value in node.value:
                    if key.value == "items" and isinstance(value, SequenceNode):
                        items = tuple(item.start_mark.line + 1 for item in value.value)
            yield Found(build.value(node), node.start_mark.line + 1, items)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise ManifestError(source, mark.line + 1 if mark else 0, f"not YAML: {_problem(error)}", _hint(text, mark)) from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1 if isinstance(error.position, int) else 0
        raise ManifestError(source, line, "a control character that YAML does not allow") from None
    except RecursionError:
        raise ManifestError(source, 0, "the document is nested too deep") from None
    finally:
        loader.dispose()


def _problem(error: yaml.MarkedYAMLError) -> str:
    return harmless(" ".join(part for part in (error.problem, error.context) if part) or "it does not parse")


def _hint(text: str, mark: yaml.Mark | None) -> str:
    lines = text.split("\n")
    if mark is not None and mark.line < len(lines) and re.match(r" *\t", lines[mark.line]):
        return "YAML is indented with blanks, not with tabs"
    return ""


class _Builder:
    """Makes values of nodes, as many as a file may hold."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._made = 0
        self._depth = 0

    def value(self, node: Node) -> Any:
        self._made += 1
        if self._made > _MOST_NODES:
            raise self._error(node, f"more than {_MOST_NODES:,} values: aliases make it too large")
        if isinstance(node, ScalarNode):
            return self._scalar(node)
        self._depth += 1
        if self._depth > _DEEPEST:
            raise self._error(node, "nested too deep, or an alias holds itself")
        try:
            if isinstance(node, SequenceNode):
                self._known(node, _SEQUENCE)
                return [self.value(item) for item in node.value]
            assert isinstance(node, MappingNode)
            self._known(node, _MAP, _SET)
            return self._mapping(node)
        finally:
            self._depth -= 1

    def _mapping(self, node: MappingNode) -> dict[str, Any]:
        made: dict[str, Any] = {}
        own: set[str] = set()
        for key_node, value_node in node.value:
            if key_node.tag == _PLAIN and key_node.value == "<<":
                sources = value_node.value if isinstance(value_node, SequenceNode) else [value_node]
                for one in reversed(sources):  # the first one counts; keys before the merge do not, as in Go's YAML
                    if not isinstance(one, MappingNode):
                        raise self._error(one, "map merge requires map or sequence of maps as the value")
                    made.update(self.value(one))
                continue
            key = self._key(key_node)
            if key in own:
                raise self._error(key_node, f'key "{harmless(key)}" already set in map')
            own.add(key)
            made[key] = self.value(value_node)
        return made

    def _key(self, node: Node) -> str:
        if isinstance(node, ScalarNode):
            value = self._scalar(node)
            if isinstance(value, str):
                return value
            if isinstance(value, bool):
                return "true" if value else "false"
            if isinstance(value, (int, float)):
                return f"{value:g}" if isinstance(value, float) else str(value)
        raise self._error(node, "a key must be a text, not a list, a map or null")

    def _scalar(self, node: ScalarNode) -> Any:
        if node.tag == _STRING:  # quoted, a block, or tagged so
            return node.value
        if node.tag in (_PLAIN, _TIMESTAMP):
            return self._plain(node, node.value)
        if node.tag == _BINARY:
            return self._binary(node, node.value)
        kinds: dict[str, tuple[type, ...]] = {_INT: (int,), _FLOATS: (int, float), _BOOL: (bool,), _NONE: (type(None),)}
        if node.tag not in kinds:
            raise self._unknown_tag(node)
        value = self._plain(node, node.value)
        if not isinstance(value, kinds[node.tag]) or isinstance(value, bool) != (node.tag == _BOOL):
            raise self._error(node, f"cannot decode {harmless(node.value)!r} as a {node.tag.rpartition(':')[2]}")
        return value

    def _plain(self, node: Node, text: str) -> Any:
        """A scalar without quotes: what Go's YAML resolves it to."""
        if text in _NULL:
            return None
        if text in _TRUE or text in _FALSE:
            return text in _TRUE
        if text in _INFINITE:
            raise self._error(node, f"{text} has no place in JSON", "quote it if a text is meant")
        if text[0] not in "+-.0123456789":
            return text
        plain = text.replace("_", "")
        if match := _INTEGER.fullmatch(plain):
            sign, hexadecimal, octal, binary, decimal = match.groups()
            for digits, base in ((hexadecimal, 16), (octal, 8), (binary, 2), (decimal, 10)):
                if digits is not None:
                    number = int(digits, base) * (-1 if sign == "-" else 1) if len(digits) < 100 else 1 << 64
                    if -(1 << 63) <= number < (1 << 64):
                        return number
        if _FLOAT.fullmatch(plain):
            real = float(plain)
            if math.isinf(real):
                return text
            return int(real) if real.is_integer() and abs(real) < 1e21 else real
        return text

    def _binary(self, node: Node, text: str) -> str:
        try:
            return base64.b64decode("".join(text.split()), validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            raise self._error(node, "!!binary is not base64 of a text") from None

    def _known(self, node: Node, *tags: str) -> None:
        if node.tag not in tags:
            raise self._unknown_tag(node)

    def _unknown_tag(self, node: Node) -> ManifestError:
        tag = node.tag.replace("tag:yaml.org,2002:", "!!")
        return self._error(node, f"the tag {harmless(tag)} has no meaning in a manifest")

    def _error(self, node: Node, what: str, hint: str = "") -> ManifestError:
        return ManifestError(self._source, node.start_mark.line + 1, what, hint)
