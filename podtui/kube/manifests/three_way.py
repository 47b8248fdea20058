"""What differs between two versions of an object, as the lines of a diff; and two changes of one object brought together."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any

import msgspec

from podtui.kube.manifests.secret_values import masked_pair
from podtui.kube.manifests.yaml_writer import to_yaml
from podtui.kube.merge_patch import field_name, same

ABSENT: Any = msgspec.UNSET
"""A field that is not there."""
_SERVERS = ("managedFields", "resourceVersion", "generation")  # follow from any change: not worth showing
_MOST_LINES = 20_000
_NAMING = ("name", "mountPath", "devicePath", "containerPort", "port", "ip", "topologyKey", "uid", "type")  # the API's merge keys


class Clash(msgspec.Struct, frozen=True):
    """A field that two changed: its path, what it was, and what the other one made of it."""

    path: str
    before: Any
    now: Any


def three_way(before: Any, mine: Any, theirs: Any) -> tuple[Any, list[Clash]]:
    """What both made of `before`, and where they clash: there it is `mine`. ABSENT stands for what is not there, in and out.

    Maps are merged by their keys. So are lists of maps that a field names (containers by their name, ports by their number), as the
    server merges them; what each added stays, in the order of `mine`. Any other list is one value.
    """
    clashes: list[Clash] = []
    return _merge(before, mine, theirs, "", clashes), clashes


def _merge(before: Any, mine: Any, theirs: Any, path: str, clashes: list[Clash]) -> Any:
    if _alike(mine, before) or _alike(mine, theirs):
        return theirs
    if _alike(theirs, before):
        return mine
    if all(isinstance(one, dict) for one in (before, mine, theirs)):
        made = {}
        for key in dict.fromkeys((*mine, *theirs)):
            place = field_name((*([path] if path else []), key))
            value = _merge(before.get(key, ABSENT), mine.get(key, ABSENT), theirs.get(key, ABSENT), place, clashes)
            if value is not ABSENT:
                made[key] = value
        return made
    if named := _named(before, mine, theirs):
        key, (was, own, others) = named
        made_list = []
        for name in dict.fromkeys((*own, *others)):
            place = f"{path}[{key}={name}]"
            value = _merge(was.get(name, ABSENT), own.get(name, ABSENT), others.get(name, ABSENT), place, clashes)
            if value is not ABSENT:
                made_list.append(value)
        return made_list
    clashes.append(Clash(path, before, theirs))
    return mine


def _alike(one: Any, other: Any) -> bool:
    return one is other if one is ABSENT or other is ABSENT else same(one, other)


def _named(*lists: Any) -> tuple[str, list[dict[Any, Any]]] | None:
    """The field that identifies the items of all these lists, and the lists by it; None when there is no such field."""
    if not all(isinstance(one, list) and all(isinstance(item, dict) for item in one) for one in lists):
        return None
    for key in _NAMING:
        found = [{item.get(key): item for item in one} for one in lists]
        if all(
            len(items) == len(one) and all(isinstance(name, (str, int)) for name in items) for items, one in zip(found, lists, strict=True)
        ):
            return key, found
    return None


def difference(before: Mapping[str, Any], after: Mapping[str, Any], context: int = 3, *, values: bool = False) -> list[str]:
    """The lines of a unified diff of the two as YAML, without the files' names; [] when they are equal.

    What follows from any change (resourceVersion, generation, managedFields) is left out. The values of a Secret are masked, as `kubectl
    diff` does, unless `values` asks for them. Slow for large objects: call it in a thread.
    """
    old, new = (_lines(version) for version in ((before, after) if values else masked_pair(before, after)))
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
