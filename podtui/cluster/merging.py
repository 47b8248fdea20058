"""What differs between two versions of an object, as the lines of a diff; and what someone else changed of what a patch is about."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from podtui.cluster.fields import field_name, same
from podtui.cluster.yamltext import to_yaml

ABSENT: Any = msgspec.UNSET
"""In a Clash: the field is not there."""
_SERVERS = ("managedFields", "resourceVersion", "generation")  # follow from any change: no news
_MOST_LINES = 20_000


class Clash(msgspec.Struct, frozen=True):
    """A field that a patch changes and that someone else changed meanwhile: its path, what it was, what it is now."""

    path: str
    before: Any
    now: Any


def clashes(patch: Mapping[str, Any], before: Mapping[str, Any], now: Mapping[str, Any]) -> list[Clash]:
    """What of the patch's fields is another in `now` than it was in `before`, from which the patch was made."""
    return list(_clashes(patch, before, now, ()))


def merged(target: Any, patch: Mapping[str, Any]) -> dict[str, Any]:
    """What a merge patch makes of an object (RFC 7386); neither is changed."""
    made = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            made.pop(key, None)
        else:
            made[key] = merged(made.get(key), value) if isinstance(value, dict) else value
    return made


def _clashes(patch: Mapping[str, Any], before: Any, now: Any, path: tuple[str, ...]) -> Iterator[Clash]:
    for key, value in patch.items():
        was, current = _field(before, key), _field(now, key)
        if isinstance(value, dict) and isinstance(was, dict) and isinstance(current, dict):
            yield from _clashes(value, was, current, (*path, key))
        elif (was is ABSENT) != (current is ABSENT) or (was is not ABSENT and not same(was, current)):
            yield Clash(field_name((*path, key)), was, current)


def _field(holder: Any, key: str) -> Any:
    return holder.get(key, ABSENT) if isinstance(holder, dict) else ABSENT


def difference(before: Mapping[str, Any], after: Mapping[str, Any], context: int = 3) -> list[str]:
    """The lines of a unified diff of the two as YAML, without the files' names; [] when they are equal.

    What follows from any change (resourceVersion, generation, managedFields) is left out. Slow for large objects: call it in a thread.
    """
    old, new = (_lines(version) for version in (before, after))
    if old == new:
        return []
    if len(old) + len(new) > _MOST_LINES:
        return [f"@@ {len(old)} lines become {len(new)}: too many to compare @@"]
    return [line.rstrip("\n") for line in list(difflib.unified_diff(old, new, n=context, lineterm=""))[2:]]


def _lines(version: Mapping[str, Any]) -> list[str]:
    metadata = version.get("metadata")
    if isinstance(metadata, dict):
        version = {**version, "metadata": {key: value for key, value in metadata.items() if key not in _SERVERS}}
    return to_yaml(version, managed_fields=True).split("\n")[:-1]
