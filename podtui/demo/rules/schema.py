"""The types of the objects: reading JSON as the API server's Go structs read it, and what patches must know of lists.

`decode` drops what a real server drops (unknown fields, which it reports; empty values of `omitempty` fields), refuses wrong types in
Go's words, and gives the fields in the order in which the server writes them. The table is schema.txt beside this module.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from podtui.kube import quantities

_GO = {"s": "string", "b": "bool", "i": "int32", "l": "int64", "x": "intstr.IntOrString", "y": "[]uint8"}
_GO |= {"q": "resource.Quantity", "t": "v1.Time", "u": "v1.MicroTime"}
_PLAIN: dict[str, Any] = {"s": str, "b": bool, "i": int, "l": int}
_LIMITS = {"i": 2**31, "l": 2**63}
_RFC3339 = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d+)?(Z|[+-]\d\d:\d\d)")
_FIELD = re.compile(r"(\w+)([?*0]*):([^~&%!]+)(.*)")
_OMITTED = object()


class DecodeError(ValueError):
    """JSON of the wrong shape, in the words of Go's encoding/json."""


@dataclass(slots=True)
class Type:
    """`code` as in schema.txt: a scalar's letter, "[" a list and "{" a map of `item`, or "" for a struct with `fields`."""

    code: str
    name: str = ""
    item: Type | None = None
    fields: dict[str, Field] = field(default_factory=dict)
    atomic: bool = False
    """A manager of fields owns it as a whole."""

    @property
    def go(self) -> str:
        """How Go calls it in an error."""
        if self.code == "[" and self.item:
            return f"[]{self.item.go}"
        if self.code == "{" and self.item:
            return f"map[string]{self.item.go}"
        return _GO.get(self.code) or f"v1.{self.name}"


@dataclass(slots=True)
class Field:
    name: str
    type: Type
    pointer: bool
    omitempty: bool
    omitzero: bool
    merge_key: str | None
    """Of a strategic merge patch: None replaces the list, "" merges it as a set, else the key of its items."""
    list_type: str
    """"atomic", "map" or "set": how managers of fields own it."""
    list_keys: tuple[str, ...]


@cache
def _lines() -> dict[str, str]:
    text = (Path(__file__).parent / "schema.txt").read_text(encoding="utf-8")
    return {line.split(" ", 1)[0].rstrip("!"): line for line in text.splitlines() if line and line[0] != "#"}


_types: dict[str, Type] = {}


def type_of(name: str) -> Type:
    """The struct of this name ("Pod", "ObjectMeta"); KeyError when there is none. Parsed when first asked for."""
    if (made := _types.get(name)) is not None:
        return made
    title, *words = _lines()[name].split(" ")
    made = _types[name] = Type("", name, atomic=title.endswith("!"))
    for word in words:
        match = _FIELD.fullmatch(word)
        assert match, word
        key, marks, code, suffix = match.groups()
        merge = re.search(r"~(\w*)", suffix)
        owned = re.search(r"%([\w,]*)", suffix)
        kind = _coded(code)
        if suffix.endswith("!"):
            kind = Type(kind.code, kind.name, kind.item, kind.fields, atomic=True)
        made.fields[key] = Field(
            key,
            kind,
            "*" in marks,
            "?" in marks,
            "0" in marks,
            merge[1] if merge else None,
            ("map" if owned[1] else "set") if owned else "atomic",
            tuple(owned[1].split(",")) if owned and owned[1] else (),
        )
    return made


def _coded(code: str) -> Type:
    if code[0] == "[":
        return Type("[", item=_coded(code[1:-1]))
    if code[0] == "{":
        return Type("{", item=_coded(code[1:-1]))
    return Type(code) if len(code) == 1 else type_of(code)


def clone(value: Any) -> Any:
    """A copy of JSON that shares no list and no map with it."""
    if isinstance(value, dict):
        return {key: clone(one) if isinstance(one, dict | list) else one for key, one in value.items()}
    if isinstance(value, list):
        return [clone(one) if isinstance(one, dict | list) else one for one in value]
    return value


# -- reading


def decode(name: str, value: Any) -> tuple[dict[str, Any], list[str]]:
    """The object as the server keeps it and the paths of its unknown fields (`spec.containers[0].foo`). Raises DecodeError."""
    unknown: list[str] = []
    found = _struct(type_of(name), value, "", "", unknown, name)
    return found, unknown


def json_type(value: Any) -> str:
    """What Go calls a value of decoded JSON."""
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, str):
        return "string"
    if isinstance(value, int | float):
        return "number"
    return "array" if isinstance(value, list) else "object"


def _struct(kind: Type, value: Any, path: str, dotted: str, unknown: list[str], owner: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _mismatch(value, kind, dotted, owner)
    fields = kind.fields
    read: dict[str, Any] = {}
    for key, given in value.items():  # in the order of the request, so that its first fault is reported
        declared = fields.get(key)
        if declared is None:
            unknown.append(f"{path}.{key}" if path else key)
        elif given is not None:
            inner = f"{path}.{key}" if path else key
            read[key] = _value(declared.type, given, inner, f"{dotted}.{key}" if dotted else key, unknown, kind.name)
    found: dict[str, Any] = {}
    for key, declared in fields.items():
        if key in read:
            given = read[key]
            if declared.omitempty and not declared.pointer and not given and declared.type.code != "":
                continue  # Go's omitempty: "", 0, false and empty lists and maps are not written
            if not given and not declared.omitempty and declared.type.code in "[{" and declared.type.code:
                given = None  # the storage keeps no empty lists: they come back as null
        else:
            given = _absent(declared)
            if given is _OMITTED:
                continue
        found[key] = given
    return found


def _absent(declared: Field) -> Any:
    """What Go writes for a field that was not given."""
    code = declared.type.code
    if declared.pointer or declared.omitzero:
        return _OMITTED if declared.omitempty or declared.omitzero else None
    if code == "":
        return zero(declared.type)
    if code in "tu":
        return None
    if declared.omitempty:
        return _OMITTED
    return _ZEROS.get(code)


_ZEROS: dict[str, Any] = {"s": "", "b": False, "i": 0, "l": 0, "q": "0", "x": 0}


def zero(kind: Type) -> dict[str, Any]:
    """An empty struct as Go writes it."""
    return {key: given for key, declared in kind.fields.items() if (given := _absent(declared)) is not _OMITTED}


def _value(kind: Type, value: Any, path: str, dotted: str, unknown: list[str], owner: str) -> Any:
    code = kind.code
    if (plain := _PLAIN.get(code)) is not None:
        limit = _LIMITS.get(code)
        if type(value) is not plain or (limit is not None and not -limit <= value < limit):
            raise _mismatch(value, kind, dotted, owner)
        return value
    if code == "":
        return _struct(kind, value, path, dotted, unknown, owner)
    item = kind.item
    if code == "[":
        if not isinstance(value, list):
            raise _mismatch(value, kind, dotted, owner)
        assert item is not None
        return [
            _null(item) if one is None else _value(item, one, f"{path}[{index}]", dotted, unknown, owner) for index, one in enumerate(value)
        ]
    if code == "{":
        if not isinstance(value, dict):
            raise _mismatch(value, kind, dotted, owner)
        assert item is not None
        read = {
            key: _null(item) if one is None else _value(item, one, f"{path}.{key}", dotted, unknown, owner) for key, one in value.items()
        }
        return dict(sorted(read.items()))  # as Go writes a map
    if code == "o":
        return value
    return _SCALARS[code](kind, value, dotted, owner)


def _null(kind: Type) -> Any:
    if kind.code == "":
        return zero(kind)
    return _ZEROS.get(kind.code)


def _mismatch(value: Any, kind: Type, dotted: str, owner: str) -> DecodeError:
    where = f"struct field {owner}.{dotted}" if dotted else "value"
    return DecodeError(f"json: cannot unmarshal {json_type(value)} into Go {where} of type {kind.go}")


def _quantity(kind: Type, value: Any, dotted: str, owner: str) -> Any:
    if type(value) in (int, float):
        value = repr(value)
    if type(value) is not str:
        raise DecodeError(quantities.BAD)
    try:
        return quantities.canonical(value)
    except ValueError as error:
        raise DecodeError(str(error)) from None


def _int_or_string(kind: Type, value: Any, dotted: str, owner: str) -> Any:
    if type(value) is str:
        return value
    return _value(Type("i"), value, "", dotted, [], owner)


def _time(kind: Type, value: Any, dotted: str, owner: str) -> Any:
    if type(value) is not str:
        raise _mismatch(value, Type("s"), "", "")
    match = _RFC3339.fullmatch(value)
    try:
        if match is None:
            raise ValueError
        moment = datetime.fromisoformat(match[1] + match[3].replace("Z", "+00:00")).astimezone(UTC)
    except ValueError:
        shown = value.replace('"', '\\"')
        raise DecodeError(f'parsing time "{shown}" as "2006-01-02T15:04:05Z07:00": cannot parse "{shown}" as "2006"') from None
    told = moment.strftime("%Y-%m-%dT%H:%M:%S")
    if kind.code == "u":
        return f"{told}.{(match[2] or '.')[1:7].ljust(6, '0')}Z"
    return f"{told}Z"


def _bytes(kind: Type, value: Any, dotted: str, owner: str) -> Any:
    if type(value) is not str:
        raise _mismatch(value, kind, dotted, owner)
    try:
        base64.b64decode(value, validate=True)
    except binascii.Error:
        raise DecodeError("illegal base64 data") from None
    return value


_SCALARS: dict[str, Callable[[Type, Any, str, str], Any]] = {
    "q": _quantity,
    "x": _int_or_string,
    "t": _time,
    "u": _time,
    "y": _bytes,
}
