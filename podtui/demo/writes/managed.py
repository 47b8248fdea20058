"""Who owns which field: `metadata.managedFields`, and server-side apply.

The rules are those of sigs.k8s.io/structured-merge-diff: who updates a field takes it from everyone, who applies a field with another value
than it has gets a conflict with its other owners, who applies the same value shares it, and what an applier no longer names goes away
unless someone else owns it. Kept simpler than there: entries are never dropped for their number, nor converted between versions.
"""

from __future__ import annotations

import json
from typing import Any

from podtui.demo.rules.field_paths import (
    ABSENT,
    UNTYPED,
    Path,
    Paths,
    compare,
    from_fields,
    item_key,
    owned,
    remove,
    shown,
    to_fields,
)
from podtui.demo.rules.schema import Field, Type, clone, type_of
from podtui.demo.storage.errors import ApiError, apply_conflict, quoted
from podtui.demo.storage.kinds import Kind

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
"""The annotation in which `kubectl apply` keeps what it applied."""
_KUBECTL = "kubectl"
_STATUS_ONLY = (("f:status",),)
_ALL_BUT_STATUS = (("f:spec",), ("f:metadata", "f:ownerReferences"), ("f:metadata", "f:deletionTimestamp"))


def ignored(kind: Kind, subresource: str) -> tuple[Path, ...]:
    """Fields that a request to this subresource cannot set, so that it does not own them either."""
    if subresource == "status":
        return _ALL_BUT_STATUS
    return _STATUS_ONLY if kind.has_status else ()


def manager_name(field_manager: str, user_agent: str = "") -> str:
    """The manager of a request: what it names, or the beginning of its user agent."""
    return field_manager or user_agent.split("/", 1)[0][:128] or "unknown"


def given(entries: Any) -> list[dict[str, Any]] | None:
    """The managedFields that a client sends, where they say who owns what: [] for the list of one empty entry, which resets them."""
    if entries == [{}]:
        return []
    usable = (
        isinstance(entries, list)
        and entries
        and all(
            isinstance(one, dict) and one.get("operation") in ("Apply", "Update") and isinstance(one.get("fieldsV1"), dict)
            for one in entries
        )
    )
    return list(entries) if usable else None


class Owners:
    """The managedFields of an object: sets by manager, operation, apiVersion and subresource."""

    def __init__(self, entries: Any) -> None:
        self.sets: dict[tuple[str, str, str, str], Paths] = {}
        self.times: dict[tuple[str, str, str, str], str] = {}
        self.raw: dict[tuple[str, str, str, str], tuple[frozenset[Path], dict[str, Any]]] = {}
        for entry in entries or ():
            key = (entry.get("manager", ""), entry.get("operation", ""), entry.get("apiVersion", ""), entry.get("subresource", ""))
            self.sets[key] = from_fields(entry.get("fieldsV1"))
            self.times[key] = entry.get("time", "")
            self.raw[key] = (frozenset(self.sets[key]), entry["fieldsV1"] if "fieldsV1" in entry else {})

    def entries(self, now: str) -> list[dict[str, Any]]:
        """As managedFields: what changed gets the time `now` (none for ""), and managers that own nothing are left out."""
        found = []
        for key, paths in self.sets.items():
            before = self.raw.get(key)
            same = before is not None and before[0] == paths
            if not paths and not (same and key[1] == "Apply"):
                continue
            manager, operation, version, subresource = key
            entry: dict[str, Any] = {"manager": manager, "operation": operation, "apiVersion": version}
            if time := self.times[key] if same else now:
                entry["time"] = time
            entry["fieldsType"] = "FieldsV1"
            entry["fieldsV1"] = before[1] if same and before else to_fields(paths)
            if subresource:
                entry["subresource"] = subresource
            found.append(entry)
        found.sort(key=lambda one: (one["operation"], one.get("time", ""), one["manager"], one.get("subresource", "")))
        return found

    def update(
        self, kind: str, old: dict[str, Any], new: dict[str, Any], key: tuple[str, str, str, str], ignored: tuple[Path, ...]
    ) -> None:
        """Gives the fields that a write other than an apply has changed to its manager alone."""
        added, modified, removed = (_without(paths, ignored) for paths in compare(kind, old, new))
        changed = added | modified
        if not changed and not removed:
            return
        for other in list(self.sets):
            self.sets[other] = self.sets[other] - removed - (changed if other != key else set())
        if changed or key in self.sets:
            self.sets[key] = self.sets.get(key, set()) | changed


def _without(paths: Paths, ignored: tuple[Path, ...]) -> Paths:
    if not ignored:
        return paths
    return {path for path in paths if not any(path[: len(prefix)] == prefix for prefix in ignored)}


# -- apply


def apply(
    kind: str,
    live: dict[str, Any],
    config: dict[str, Any],
    owners: Owners,
    key: tuple[str, str, str, str],
    ignored: tuple[Path, ...],
    force: bool,
    yielding: frozenset[Path] | Paths = frozenset(),
) -> dict[str, Any]:
    """The live object with what is applied merged into it; `owners` then says who owns what. ApiError 409 for conflicts.

    Over the fields `yielding` there is none.
    """
    mine = _without(owned(kind, config), ignored)
    merged: dict[str, Any] = _merge(type_of(kind), None, live, config)
    others = {other: paths for other, paths in owners.sets.items() if other != key}
    kept = _with_structs(kind, mine.union(*others.values()))
    for path in sorted(_with_structs(kind, owners.sets.get(key, set())) - kept, key=len):  # what holds the others first
        remove(type_of(kind), merged, path)
    added, modified, removed = (_without(paths, ignored) for paths in compare(kind, live, merged))
    changed = added | modified
    conflicts = [(other, path) for other, paths in others.items() for path in sorted(paths & changed - yielding, key=_place)]
    if conflicts and not force:
        raise _conflict(conflicts)
    for other in others:
        owners.sets[other] = owners.sets[other] - changed - removed
    owners.sets[key] = mine
    return merged


def _with_structs(kind: str, paths: Paths) -> Paths:
    """The paths with the structs that they stand in: an applier that names no field of a probe any more removes the probe."""
    found = set(paths)
    for path in paths:
        type_ = type_of(kind)
        for depth, element in enumerate(path[:-1], 1):
            field = type_.fields.get(element[2:]) if element[0] == "f" and type_.code == "" else None
            if field is not None:
                found.add(path[:depth])
            type_ = field.type if field else (type_.item or UNTYPED)
    return found


def _place(path: Path) -> list[tuple[int, str]]:
    """The place of a path in a set: the members of a node come before what is deeper."""
    return [(int(depth < len(path)), element) for depth, element in enumerate(path, 1)]


def _conflict(conflicts: list[tuple[tuple[str, str, str, str], Path]]) -> ApiError:
    def words(key: tuple[str, str, str, str]) -> str:
        manager, operation, version, subresource = key
        told = quoted(manager) + (f' with subresource "{subresource}"' if subresource else "")
        return f"{told} using {version}" if operation == "Update" else told

    causes = [(shown(path), f"conflict with {words(key)}") for key, path in conflicts]
    if len(conflicts) == 1:
        (key, path), *_ = conflicts
        return apply_conflict(causes, f"Apply failed with 1 conflict: conflict with {words(key)}: {shown(path)}")
    lines = []
    for key in sorted({key for key, _ in conflicts}):
        lines.append(f"conflicts with {words(key)}:")
        lines += [f"- {shown(path)}" for other, path in conflicts if other == key]
    return apply_conflict(causes, f"Apply failed with {len(conflicts)} conflicts: " + "\n".join(lines))


def _merge(kind: Type, declared: Field | None, live: Any, config: Any) -> Any:
    """`config` merged into a copy of `live`: structs and maps by key, lists by their items' keys, all else replaced."""
    if kind.atomic or config is None:
        return clone(config)
    if isinstance(config, dict) and isinstance(live, dict) and kind.code in ("", "{"):
        merged = dict(live)
        for key, value in config.items():
            field = kind.fields.get(key) if kind.code == "" else None
            inner = field.type if field else (kind.item or UNTYPED)
            merged[key] = _merge(inner, field, live.get(key, ABSENT), value)
        return clone(merged)
    if isinstance(config, list) and isinstance(live, list) and declared is not None and declared.list_type != "atomic":
        news = {item_key(declared, one): one for one in config}
        olds = {item_key(declared, one): one for one in live}
        item, order = kind.item or UNTYPED, _interleaved(list(olds), list(news))
        return [_merge(item, None, olds.get(key, ABSENT), news[key]) if key in news else clone(olds[key]) for key in order]
    return clone(config)


def _interleaved(live: list[str], config: list[str]) -> list[str]:
    """The order of a merged list: that of `config`, and what only `live` has before the shared item that it stands before.

    Where the two contradict each other the places are those that structured-merge-diff's walk over both lists gives.
    """
    merged: dict[str, None] = {}
    left, right = 0, 0
    shared = [key for key in config if key in set(live)]
    while left < len(live) or right < len(config):
        if left < len(live) and right < len(config):
            if live[left] == config[right]:
                merged[live[left]] = None
                left, right, shared = left + 1, right + 1, shared[1:]
                continue
            if live[left] in config and shared and shared[0] != live[left]:
                left += 1  # its place is a later one
                continue
        if left < len(live):
            if live[left] not in config:
                merged[live[left]] = None
                left += 1
                continue
            if live[left] in merged:
                left += 1
        if right < len(config):
            merged[config[right]] = None
            if shared and shared[0] == config[right]:
                shared = shared[1:]
            right += 1
    return list(merged)


# -- kubectl's annotation, which the API server knows too (`fieldmanager`, lastapplied*.go)
#
# A user who goes over from `kubectl apply` to `kubectl apply --server-side` owns the fields in it that have not changed since; and the
# server keeps the annotation up to date, so that the way back is open.


def yielded_fields(kind: str, manager: str, live: dict[str, Any]) -> Paths:
    """The fields over which there is no conflict with others."""
    text = _last_applied(live) if manager == _KUBECTL else ""
    try:
        config = json.loads(text) if text else None
    except ValueError:
        return set()
    if not isinstance(config, dict):
        return set()
    added, modified, removed = compare(kind, config, live)
    return owned(kind, config) - added - modified - removed


def keep_last_applied(manager: str, live: dict[str, Any], config: dict[str, Any], merged: dict[str, Any]) -> None:
    """Writes the annotation of `merged`, if it was there before."""
    if manager != _KUBECTL or not _last_applied(live):
        return
    metadata = dict(config.get("metadata") or {})
    annotations = {key: value for key, value in (metadata.pop("annotations", None) or {}).items() if key != LAST_APPLIED}
    if annotations:
        metadata["annotations"] = annotations
    text = json.dumps({**config, "metadata": metadata}, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    for letter in "<>&\u2028\u2029":
        text = text.replace(letter, f"\\u{ord(letter):04x}")
    metadata = merged["metadata"]
    merged["metadata"] = {**metadata, "annotations": {**(metadata.get("annotations") or {}), LAST_APPLIED: f"{text}\n"}}


def _last_applied(obj: dict[str, Any]) -> str:
    return str((obj["metadata"].get("annotations") or {}).get(LAST_APPLIED, ""))
