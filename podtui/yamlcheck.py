"""A YAML file of podtui's own checked against a msgspec Struct: every mistake with its line, in words for a person.

The configuration and the themes are written by hand. So nothing is guessed: an unknown key, a key written twice and a
value of another type are mistakes, and the nearest known word is offered. A key without a value means its default.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import msgspec
import yaml

from podtui.errors import ConfigError
from podtui.folders import read_own
from podtui.text import harmless
from podtui.yamltree import YamlFault, tree

_RESOLVER: Any = yaml.resolver.Resolver()
_TAG = "tag:yaml.org,2002:"
_WRONG = object()
_T = TypeVar("_T")
Path_ = tuple[str | int, ...]


@dataclass(frozen=True)
class Problem:
    """One mistake; `line` counts from 1."""

    line: int
    text: str


@dataclass(frozen=True)
class Checked(Generic[_T]):
    """A file that was read. `value` is None when there are problems; `lines` has the line of each path of keys.

    `known` is the content without what is wrong, for more checks; None when nothing is left of it.
    """

    path: str
    value: _T | None
    problems: list[Problem]
    lines: dict[Path_, int]
    known: _T | None = None

    def line(self, *path: str | int) -> int:
        """The line of the value at `path`, or the nearest one around it."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)

    def error(self, lists: str = "") -> ConfigError:
        """The first problem as an error, and how many more there are; `lists` is the command that lists all of them."""
        first, more = self.problems[0], len(self.problems) - 1
        all_of_them = f": `{lists}` lists all" if lists else ""
        hint = f"and {more} more mistake{'s' if more > 1 else ''} in this file{all_of_them}" if more else ""
        return ConfigError(f"{harmless(self.path)}:{first.line}: {first.text}", hint)


def near(word: str, known: Collection[str], likeness: float = 0.55) -> str:
    """`, did you mean ...?` with the known word most like `word`, whatever its case; otherwise the list of a few, or nothing."""
    import difflib  # for a mistake alone

    by_lower = {name.lower(): name for name in reversed([*known])}
    found = difflib.get_close_matches(word.lower(), by_lower, n=1, cutoff=likeness)
    if found:
        return f", did you mean `{by_lower[found[0]]}`?"
    return f" (known: {', '.join(known)})" if 0 < len(known) <= 12 else ""


def read(path: Path, kind: type[_T], *, own: bool = False) -> Checked[_T]:
    """Reads the file at `path` as a `kind`, a msgspec.Struct. Raises ConfigError only when it cannot be read at all.

    `own` is for a file in the user's configuration folder: see `folders.read_own`.
    """
    try:
        content = read_own(path) if own else path.read_bytes()
    except OSError as error:
        raise ConfigError(f"cannot read {harmless(str(path))}: {error.strerror}") from None
    return check(content, kind, str(path))


def check(content: bytes | str, kind: type[_T], path: str) -> Checked[_T]:
    """Checks the content of a file; an empty file is one without keys."""
    try:
        root = tree(content, single=True, resolve=_implicit)
    except YamlFault as fault:
        return Checked(path, None, [Problem(max(1, fault.line), f"{fault.words}, {fault.hint}" if fault.hint else fault.words)], {})
    walker = _Walker()
    if root is None or (_tag(root) == "null" and not root.value):
        root = yaml.MappingNode(f"{_TAG}map", [], yaml.Mark(path, 0, 0, 0, None, 0))
    value = walker.value(root, kind, ())
    walker.problems.sort(key=lambda problem: problem.line)
    known = None if value is _WRONG else typing.cast(_T, value)
    return Checked(path, None if walker.problems else known, walker.problems, walker.lines, known)


def _implicit(text: str) -> str:
    """The tag of a value without quotes, by YAML 1.1 as PyYAML has it: `y` is a text, `yes` is not."""
    return str(_RESOLVER.resolve(yaml.ScalarNode, text, (True, False)))


class _Walker:
    """Turns nodes into values of the wanted types and collects what is wrong."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self.lines: dict[Path_, int] = {}

    def value(self, node: yaml.Node, kind: Any, path: Path_) -> Any:
        """The node's value as a `kind`, or _WRONG after noting why not."""
        self.lines.setdefault(path, node.start_mark.line + 1)
        if kind is Any:
            return self._plain(node, path)
        origin, arguments = typing.get_origin(kind), typing.get_args(kind)
        if origin is typing.Annotated:
            return self._bounded(node, self.value(node, arguments[0], path), arguments[1], path)
        if origin in (types.UnionType, typing.Union):
            if _tag(node) == "null" and type(None) in arguments:
                return None
            return self.value(node, _fitting(node, [argument for argument in arguments if argument is not type(None)]), path)
        if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
            return self._struct(node, kind, path)
        if origin is dict:
            return self._mapping(node, arguments[1], path)
        if origin in (list, tuple):
            return self._sequence(node, arguments[0], path)
        return self._scalar(node, kind, path)

    def _wrong(self, node: yaml.Node, text: str) -> Any:
        self.problems.append(Problem(node.start_mark.line + 1, text))
        return _WRONG

    def _pairs(self, node: yaml.Node, path: Path_) -> Iterator[tuple[str, yaml.Node, yaml.Node]]:
        """The keys of a mapping with their nodes; a key that is not text, or appears twice, is reported and left out."""
        seen: dict[str, int] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                self._wrong(key, "a key must be a string")
                continue
            name, line = str(key.value), key.start_mark.line + 1
            if name in seen:
                self._wrong(key, f"{_shown((*path, name))} appears twice, first on line {seen[name]}")
                continue
            seen[name] = line
            self.lines[(*path, name)] = line
            yield name, key, value

    def _struct(self, node: yaml.Node, kind: type[msgspec.Struct], path: Path_) -> Any:
        if not isinstance(node, yaml.MappingNode):
            return self._wrong(node, f"{_shown(path)} must hold keys and values, not {_described(node)}")
        fields = {field.encode_name: field for field in msgspec.structs.fields(kind)}
        values, lacking = {}, False
        for name, key, value in self._pairs(node, path):
            if name not in fields:
                self._wrong(key, f"unknown key {_shown((*path, name))}{near(name, fields)}")
            elif _tag(value) != "null" or fields[name].required:
                found = self.value(value, fields[name].type, (*path, name))
                if found is not _WRONG:
                    values[fields[name].name] = found
                lacking = lacking or (found is _WRONG and fields[name].required)
        for name, field in fields.items():
            if field.required and (*path, name) not in self.lines:
                self._wrong(node, f"{_shown((*path, name))} is missing")
                lacking = True
        return _WRONG if lacking else kind(**values)

    def _mapping(self, node: yaml.Node, kind: Any, path: Path_) -> Any:
        if not isinstance(node, yaml.MappingNode):
            return self._wrong(node, f"{_shown(path)} must hold keys and values, not {_described(node)}")
        found = {name: self.value(value, kind, (*path, name)) for name, _, value in self._pairs(node, path)}
        return {name: value for name, value in found.items() if value is not _WRONG}

    def _sequence(self, node: yaml.Node, kind: Any, path: Path_) -> Any:
        if not isinstance(node, yaml.SequenceNode):
            hint = f": write [{harmless(str(node.value))}]" if isinstance(node, yaml.ScalarNode) else ""
            return self._wrong(node, f"{_shown(path)} must be a list, not {_described(node)}{hint}")
        found = [self.value(item, kind, (*path, index)) for index, item in enumerate(node.value)]
        return _WRONG if _WRONG in found else found

    def _plain(self, node: yaml.Node, path: Path_) -> Any:
        """The value as JSON has it, for a field of type Any; a time stays the text that it was."""
        if isinstance(node, yaml.MappingNode):
            return {name: self.value(value, Any, (*path, name)) for name, _, value in self._pairs(node, path)}
        if isinstance(node, yaml.SequenceNode):
            return [self.value(item, Any, (*path, index)) for index, item in enumerate(node.value)]
        if _tag(node) not in ("bool", "int", "float", "null"):
            return node.value
        try:
            return yaml.SafeLoader("").construct_object(node)
        except ValueError:
            return self._wrong(node, f"{_shown(path)} is not a value: {_described(node)}")

    def _scalar(self, node: yaml.Node, kind: type, path: Path_) -> Any:
        tag = _tag(node)
        if kind is str:
            if tag == "str":
                return node.value
            hint = f': write "{harmless(str(node.value))}"' if isinstance(node, yaml.ScalarNode) and node.value else ""
            return self._wrong(node, f"{_shown(path)} must be text, not {_described(node)}{hint}")
        wanted = {bool: ("bool",), int: ("int",), float: ("float", "int")}[kind]
        if tag not in wanted:
            return self._wrong(node, f"{_shown(path)} must be {_WORDS[kind]}, not {_described(node)}")
        constructor = yaml.SafeLoader("")
        try:
            return kind(constructor.construct_object(node))
        except ValueError:
            return self._wrong(node, f"{_shown(path)} must be {_WORDS[kind]}, not {_described(node)}")

    def _bounded(self, node: yaml.Node, value: Any, bounds: msgspec.Meta, path: Path_) -> Any:
        if value is _WRONG:
            return value
        if bounds.ge is not None and value < bounds.ge:
            return self._wrong(node, f"{_shown(path)} must be at least {bounds.ge}, not {value}")
        if bounds.le is not None and value > bounds.le:
            return self._wrong(node, f"{_shown(path)} must be at most {bounds.le}, not {value}")
        return value


def _fitting(node: yaml.Node, kinds: list[Any]) -> Any:
    """Of several types, the one that has the shape of the node: `str | list[str]`, `str | dict[str, str]`."""
    wanted = (dict,) if isinstance(node, yaml.MappingNode) else (list, tuple) if isinstance(node, yaml.SequenceNode) else (None,)
    return next((kind for kind in kinds if typing.get_origin(kind) in wanted), kinds[0])


_WORDS: dict[type, str] = {bool: "true or false", int: "a whole number", float: "a number"}
_KINDS = {"map": "keys and values", "seq": "a list", "null": "nothing"}


def _tag(node: yaml.Node) -> str:
    return str(node.tag).removeprefix(_TAG)


def _described(node: yaml.Node) -> str:
    """What a node is, for a message: its text, or its kind."""
    tag = _tag(node)
    if tag in _KINDS:
        return _KINDS[tag]
    shown = harmless(str(node.value)) if isinstance(node, yaml.ScalarNode) else tag
    return f'"{shown}"' if tag == "str" else shown


def _shown(path: Path_) -> str:
    """`log.tail`, `columns[2]`, or `the file` for the whole."""
    if not path:
        return "the file"
    text = ""
    for part in path:
        text += f"[{part + 1}]" if isinstance(part, int) else f"{'.' if text else ''}{harmless(part)}"
    return f"`{text}`"
