"""Parts of objects as JSON merge patches (RFC 7386): what a change is about, and how it is taken back.

A merge patch is a map of the fields to set; None removes one. An absent field and one that is null are the same here, as they
are to the API server. A list is one field: it is set as a whole.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from podtui.text import harmless

_SERVER_SET = ("resourceVersion", "generation", "managedFields", "uid", "creationTimestamp", "selfLink")


def same(one: Any, other: Any) -> bool:
    """Equal as JSON: true is not 1, and 1 is 1.0."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(value, other[key]) for key, value in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other)


def project(value: Any, patch: Mapping[str, Any]) -> dict[str, Any]:
    """What `value` has in the fields that `patch` is about, None where there is nothing: the patch that would set them so again."""
    held = value if isinstance(value, dict) else {}
    made: dict[str, Any] = {}
    for key, part in patch.items():
        found = held.get(key)
        descend = isinstance(part, dict) and part and (found is None or isinstance(found, dict))
        made[key] = project(found, part) if descend else found
    return made


def merge_patch(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """The smallest merge patch that makes `after` out of `before`; empty when nothing differs."""
    patch: dict[str, Any] = {}
    for key in dict.fromkeys((*before, *after)):
        old, new = before.get(key), after.get(key)
        if isinstance(old, dict) and isinstance(new, dict):
            if part := merge_patch(old, new):
                patch[key] = part
        elif not same(old, new):
            patch[key] = new
    return patch


def merged(target: Any, patch: Mapping[str, Any]) -> dict[str, Any]:
    """What a merge patch makes of an object (RFC 7386); neither is changed."""
    made = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            made.pop(key, None)
        else:
            made[key] = merged(made.get(key), value) if isinstance(value, dict) else value
    return made


def difference(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The fields in which two states of an object differ, before and after, each as a merge patch.

    What the server sets by itself (`status`, `managedFields`, `resourceVersion`, ...) does not count.
    """
    forward = merge_patch(_chosen(before), _chosen(after))
    return project(before, forward), project(after, forward)


def leaves(patch: Mapping[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every field of a merge patch with its value, the path as a tuple of keys."""
    for key, value in patch.items():
        if isinstance(value, dict) and value:
            yield from leaves(value, (*path, key))
        else:
            yield (*path, key), value


def at(value: Any, path: tuple[str, ...]) -> Any:
    """The value of a field, None where it is not there."""
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def field_name(path: tuple[str, ...]) -> str:
    """A path as kubectl writes it: `metadata.labels.env`, `metadata.annotations['example.com/note']`."""
    words = path[0]
    for key in path[1:]:
        words += f".{key}" if key.replace("-", "").replace("_", "").isalnum() else f"[{key!r}]"
    return words


_LONGEST_VALUE = 60  # characters


def value_text(value: object) -> str:
    """A field's value in a line: a text in quotes where it must be, anything else as JSON; `not there` for None."""
    if value is None:
        return "not there"
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    told = harmless(text if len(text) <= _LONGEST_VALUE else f"{text[: _LONGEST_VALUE - 1]}…")
    return shlex.quote(told) if isinstance(value, str) and (not told or " " in told) else told


def _chosen(value: Mapping[str, Any]) -> dict[str, Any]:
    """The object without what the server sets by itself."""
    made = {key: part for key, part in value.items() if key != "status"}
    if isinstance(metadata := made.get("metadata"), dict):
        made["metadata"] = {key: part for key, part in metadata.items() if key not in _SERVER_SET}
    return made
