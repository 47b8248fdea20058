"""Sets of fields, as `metadata.managedFields` has them: paths, what an object holds at them, and what two objects differ in.

A set of fields is a Python set of paths; a path is a tuple of the elements that `fieldsV1` has: `f:spec`, `k:{"name":"a"}`, `v:"x"`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

from podtui.demo.rules.schema import Field, Type, type_of

Path = tuple[str, ...]
Paths = set[Path]
ABSENT = object()
_SERVERS = {"name", "namespace", "creationTimestamp", "selfLink", "uid", "generation", "managedFields", "resourceVersion"}
UNTYPED = Type("o")
_KEY_DEFAULTS = {"protocol": "TCP"}
"""Keys of items that may be left out of what is applied."""


def to_fields(paths: Iterable[Path]) -> dict[str, Any]:
    """Paths as `fieldsV1`."""
    root: dict[str, Any] = {}
    members: list[dict[str, Any]] = []
    for path in sorted(paths):
        node = root
        for element in path:
            node = node.setdefault(element, {})
        members.append(node)
    for node in members:
        if node:  # a member that has members: itself is the "."
            children = dict(node)
            node.clear()
            node["."] = {}
            node.update((key, value) for key, value in children.items() if key != ".")
    return root


def from_fields(fields: Any, path: Path = ()) -> Paths:
    """`fieldsV1` as paths."""
    if not isinstance(fields, dict):
        return set()
    if not fields:
        return {path} if path else set()
    found: Paths = set()
    for element, inner in fields.items():
        if element == ".":
            found.add(path)
        else:
            found |= from_fields(inner, (*path, element))
    return found


def shown(path: Path) -> str:
    """A path as the server prints it: .spec.containers[name="a"].image"""
    told = ""
    for element in path:
        kind, text = element[0], element[2:]
        if kind == "f":
            told += f".{text}"
        elif kind == "k":
            pairs = json.loads(text)
            told += "[" + ",".join(f"{key}={json.dumps(pairs[key])}" for key in sorted(pairs)) + "]"
        else:
            told += f"[{'=' if kind == 'v' else ''}{text}]"
    return told


def keyed(kind: str, obj: Any, field: str) -> str:
    """A field's path as `shown` prints it, from one with indexes: `.spec.containers[name="a"].x` of `spec.containers[0].x`."""
    type_, declared, told = type_of(kind), None, ""
    for name, number in re.findall(r"([^.\[\]]+)|\[(\d+)\]", field):
        if name:
            declared = type_.fields.get(name) if type_.code == "" else None
            type_ = declared.type if declared else (type_.item or UNTYPED)
            obj, told = obj.get(name) if isinstance(obj, dict) else None, f"{told}.{name}"
            continue
        one = obj[int(number)] if isinstance(obj, list) else None
        by_key = declared is not None and declared.list_type != "atomic"
        told += shown((item_key(declared, one),)) if declared and by_key else f"[{number}]"
        type_, declared, obj = type_.item or UNTYPED, None, one
    return told


def item_key(declared: Field, item: Any) -> str:
    if declared.list_type == "set":
        return f"v:{json.dumps(item, separators=(',', ':'))}"
    keys = {}
    for key in sorted(declared.list_keys):
        value = item.get(key, _KEY_DEFAULTS.get(key)) if isinstance(item, dict) else None
        if value is not None:
            keys[key] = value
    return f"k:{json.dumps(keys, separators=(',', ':'))}"


def _children(kind: Type, declared: Field | None, value: Any) -> dict[str, tuple[Any, Type, Field | None]] | None:
    """The parts of a value that can be owned one by one, by element; None for a leaf."""
    if kind.atomic:
        return None
    if isinstance(value, dict) and kind.code in ("", "{"):
        if kind.code == "{":
            return {f"f:{key}": (one, kind.item or UNTYPED, None) for key, one in value.items()}
        parts = {}
        for key, one in value.items():
            field = kind.fields.get(key)
            parts[f"f:{key}"] = (one, field.type if field else UNTYPED, field)
        return parts
    if isinstance(value, list) and kind.code == "[" and declared is not None and declared.list_type != "atomic":
        found: dict[str, tuple[Any, Type, Field | None]] = {}
        for one in value:
            found.setdefault(item_key(declared, one), (one, kind.item or UNTYPED, None))
        return found
    return None


def owned(kind: str, config: dict[str, Any]) -> Paths:
    """The fields that an applier of `config` owns: the leaves, and the items of lists."""
    found: Paths = set()

    def walk(type_: Type, declared: Field | None, value: Any, path: Path) -> None:
        parts = _children(type_, declared, value)
        if parts is None:
            if not (type_.code == "[" and value is None and declared and declared.list_type != "atomic"):
                found.add(path)
            return
        for element, (one, inner, field) in parts.items():
            deeper = (*path, element)
            walk(inner, field, one, deeper)
            if element[0] != "f" or one is None or one == {} or type_.code == "{":
                found.add(deeper)

    walk(type_of(kind), None, config, ())
    return _cleaned(found)


def compare(kind: str, old: dict[str, Any], new: dict[str, Any]) -> tuple[Paths, Paths, Paths]:
    """What was added, modified and removed between two states of an object."""
    added: Paths = set()
    modified: Paths = set()
    removed: Paths = set()

    def whole(type_: Type, declared: Field | None, value: Any, path: Path, into: Paths) -> None:
        into.add(path)
        for element, (one, inner, field) in (_children(type_, declared, value) or {}).items():
            whole(inner, field, one, (*path, element), into)

    def walk(type_: Type, declared: Field | None, before: Any, after: Any, path: Path) -> None:
        if before == after:
            return
        left, right = _children(type_, declared, before), _children(type_, declared, after)
        if before is None and right is not None:
            left = {}
        elif after is None and left is not None:
            right = {}
        if left is None or right is None:
            modified.add(path)
            return
        for element in left.keys() | right.keys():
            deeper = (*path, element)
            if element not in left:
                one, inner, field = right[element]
                whole(inner, field, one, deeper, added)
            elif element not in right:
                one, inner, field = left[element]
                whole(inner, field, one, deeper, removed)
            else:
                walk(right[element][1], right[element][2], left[element][0], right[element][0], deeper)

    walk(type_of(kind), None, old, new, ())
    return _cleaned(added), _cleaned(modified), _cleaned(removed)


def _cleaned(paths: Paths) -> Paths:
    """The paths without those that the server sets itself, which have no owner."""
    return {
        path
        for path in paths
        if path
        and path[0] not in ("f:apiVersion", "f:kind")
        and not (path[0] == "f:metadata" and (len(path) == 1 or path[1][2:] in _SERVERS))
    }


def remove(kind: Type, obj: Any, path: Path) -> None:
    """Removes the value at a path from `obj`, if there is one."""
    declared: Field | None = None
    container: Any = None
    place: Any = None
    for element in path:
        container = obj
        if element[0] == "f" and isinstance(obj, dict):
            place = element[2:]
            if place not in obj:
                return
            declared = kind.fields.get(place) if kind.code == "" else None
            kind = declared.type if declared else (kind.item or UNTYPED)
            obj = obj[place]
        elif isinstance(obj, list) and declared is not None:
            place = next((index for index, one in enumerate(obj) if item_key(declared, one) == element), None)
            if place is None:
                return
            kind, declared, obj = kind.item or UNTYPED, None, obj[place]
        else:
            return
    if container is not None:
        del container[place]
