"""The protobuf form of objects, in which kubectl's typed commands (`create namespace`, `drain`, `auth can-i`) send them: read into JSON.

Only reading is needed: answers are JSON, which these clients accept too. The numbers of the fields are in wire.txt beside this
module, their types in schema.txt.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from podtui.demo.rules import schema

MAGIC = b"k8s\0"
_DEPTH = 64
_NONE = object()

Value = int | bytes


class WireError(ValueError):
    """Not the protobuf form of a known object."""


def decode(body: bytes) -> dict[str, Any]:
    """The object of a body that begins with MAGIC, with apiVersion and kind."""
    if not body.startswith(MAGIC):
        raise WireError("provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]")
    api_version = kind = ""
    raw = b""
    for number, value in _fields(body[len(MAGIC) :]):
        if number == 1:
            for inner, text in _fields(_bytes(value)):
                if inner == 1:
                    api_version = _text(text)
                elif inner == 2:
                    kind = _text(text)
        elif number == 2:
            raw = _bytes(value)
    if kind not in _numbers():
        raise WireError(f'no kind "{kind}" is registered for version "{api_version}"')
    return {"apiVersion": api_version, "kind": kind, **_message(schema.type_of(kind), kind, raw, 0)}


@cache
def _numbers() -> dict[str, dict[int, str]]:
    """Field names by number for each type; a name that begins with + is a type whose fields belong to the outer one."""
    text = (Path(__file__).parent / "wire.txt").read_text(encoding="utf-8")
    found: dict[str, dict[int, str]] = {}
    for line in text.splitlines():
        if line[:1] != "#":
            title, *words = line.split()
            found[title] = {int(number): name for name, _, number in (word.partition("=") for word in words)}
    return found


def _message(type_: schema.Type, title: str, data: bytes, depth: int) -> dict[str, Any]:
    """A message of the type as its JSON; `title` is the type of the wire, which differs for one that is inlined."""
    if depth > _DEPTH:
        raise WireError("too deep")
    names = _numbers().get(title, {})
    found: dict[str, Any] = {}
    for number, value in _fields(data):
        name = names.get(number)
        if name is None:
            continue  # a field that this version does not know
        if name.startswith("+"):
            found.update(_message(type_, name[1:], _bytes(value), depth + 1))
            continue
        field = type_.fields[name]
        kind = field.type
        if kind.code == "[" and kind.item is not None:
            found.setdefault(name, []).append(_value(kind.item, value, depth, True))
        elif kind.code == "{" and kind.item is not None:
            key, item = "", _NONE
            for inner, part in _fields(_bytes(value)):
                if inner == 1:
                    key = _text(part)
                elif inner == 2:
                    item = _value(kind.item, part, depth, True)
            found.setdefault(name, {})[key] = "" if item is _NONE else item
        else:
            one = _value(kind, value, depth, field.pointer)
            if one is not _NONE:
                found[name] = one
    return found


def _value(kind: schema.Type, value: Value, depth: int, keep: bool) -> Any:
    """A single value; _NONE for the zero of a type that JSON leaves out, unless it is to be kept."""
    match kind.code:
        case "":
            return _message(kind, kind.name, _bytes(value), depth + 1)
        case "s":
            return _text(value)
        case "b":
            return bool(value)
        case "i" | "l":
            number = _integer(value)
            return number - (1 << 64) if number >= 1 << 63 else number
        case "y":
            return base64.b64encode(_bytes(value)).decode()
        case "q":
            parts = dict(_fields(_bytes(value)))
            return _text(parts[1]) if 1 in parts else "0"
        case "x":
            parts = dict(_fields(_bytes(value)))
            if parts.get(1):
                return _text(parts.get(3, b""))
            number = _integer(parts.get(2, 0))
            return _NONE if not number and not keep else number - (1 << 64) if number >= 1 << 63 else number
        case "t" | "u":
            parts = dict(_fields(_bytes(value)))
            seconds, nanos = _integer(parts.get(1, 0)), _integer(parts.get(2, 0))
            if not seconds and not nanos:
                return _NONE
            try:
                moment = datetime.fromtimestamp(seconds, UTC)
            except (OverflowError, ValueError, OSError):
                raise WireError("a time out of range") from None
            return moment.strftime("%Y-%m-%dT%H:%M:%S") + (f".{nanos // 1000:06d}Z" if kind.code == "u" else "Z")
        case _:
            parts = dict(_fields(_bytes(value)))
            try:
                return json.loads(_bytes(parts.get(1, b"null")))
            except (ValueError, RecursionError):
                raise WireError("raw JSON that is none") from None


def _fields(data: bytes) -> Iterator[tuple[int, Value]]:
    """The fields of a message: number, and the bytes or the number that it holds."""
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        form, number = tag & 7, tag >> 3
        if form == 0:
            value, at = _varint(data, at)
            yield number, value
        elif form == 2:
            size, at = _varint(data, at)
            if at + size > len(data):
                raise WireError("unexpected EOF")
            yield number, data[at : at + size]
            at += size
        else:
            raise WireError(f"proto: illegal wireType {form}")


def _varint(data: bytes, at: int) -> tuple[int, int]:
    number = shift = 0
    while True:
        if at >= len(data):
            raise WireError("unexpected EOF")
        byte = data[at]
        at += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return number & (1 << 64) - 1, at
        shift += 7
        if shift > 63:
            raise WireError("proto: integer overflow")


def _bytes(value: Value) -> bytes:
    if not isinstance(value, bytes):
        raise WireError("proto: wrong wireType")
    return value


def _integer(value: Value) -> int:
    if isinstance(value, bytes):
        raise WireError("proto: wrong wireType")
    return value


def _text(value: Value) -> str:
    return _bytes(value).decode("utf-8", "replace")
