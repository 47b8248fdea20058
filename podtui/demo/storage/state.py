"""What the built-in cluster holds: objects by kind, resource versions, the history of changes and their subscribers.

It stands in for etcd and the API server's storage. Everything is synchronous and belongs to one event loop. An object
that is stored is never changed again: every change is a new dict, so readers may keep what they got and bytes that
were encoded once stay true.
"""

from __future__ import annotations

import builtins
import uuid
from bisect import bisect_left, insort
from collections import deque
from collections.abc import Callable
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from podtui.demo.storage.errors import already_exists, expired, not_found
from podtui.demo.storage.kinds import KINDS, PODS, Kind

if TYPE_CHECKING:
    from podtui.demo.storage.clock import Clock

Object = dict[str, Any]
Key = tuple[str, str]
"""Namespace ("" for cluster-scoped kinds) and name."""

_METADATA_ORDER = (
    "name", "generateName", "namespace", "uid", "resourceVersion", "generation", "creationTimestamp", "deletionTimestamp",
    "deletionGracePeriodSeconds", "labels", "annotations", "ownerReferences", "finalizers", "managedFields",
)  # fmt: skip
"""The order in which the API server writes these fields."""


class Entry:
    """An object as it is stored, with what was encoded of it: kept for as long as the object is, shared by all readers."""

    __slots__ = ("cells", "cells_until", "labels", "metadata", "name", "namespace", "obj", "version")

    def __init__(self, obj: Object, version: int) -> None:
        metadata = obj["metadata"]
        self.obj = obj
        self.version = version
        self.namespace: str = metadata.get("namespace", "")
        self.name: str = metadata["name"]
        self.labels: dict[str, str] = metadata.get("labels") or {}
        self.metadata: bytes | None = None
        """JSON of the PartialObjectMetadata, made at the first request for it."""
        self.cells: bytes | None = None
        """JSON of the beginning of the Table's row, valid until `cells_until` (simulated time), as ages change."""
        self.cells_until = 0.0

    @property
    def key(self) -> Key:
        return self.namespace, self.name


class Change(NamedTuple):
    """One step of the history."""

    type: str
    """ADDED, MODIFIED or DELETED."""
    kind: Kind
    before: Entry | None
    after: Entry
    version: int

    @property
    def old(self) -> Object | None:
        """The object before, None for ADDED."""
        return self.before.obj if self.before else None

    @property
    def new(self) -> Object:
        """The object after; for DELETED its last state with the version of its end."""
        return self.after.obj


Subscriber = Callable[[Change], None]


class State:
    """All objects. `history` is how many changes a watch can be resumed over."""

    def __init__(self, clock: Clock, history: int = 10_000) -> None:
        self.clock = clock
        self.version = 1
        self._entries: dict[Kind, dict[Key, Entry]] = {kind: {} for kind in KINDS}
        self._keys: dict[Kind, list[Key]] = {kind: [] for kind in KINDS}
        self._history: deque[Change] = deque(maxlen=history)
        self._forgotten = 1  # changes up to this version are no longer in the history
        self._subscribers: dict[object, Subscriber] = {}
        self._undelivered: deque[Change] = deque()
        self._notifying = False
        self._owned: dict[str, dict[tuple[Kind, Key], None]] = {}
        self._on_node: dict[str, dict[Key, None]] = {}

    # -- reading

    def entry(self, kind: Kind, namespace: str, name: str) -> Entry | None:
        return self._entries[kind].get((namespace if kind.namespaced else "", name))

    def get(self, kind: Kind, namespace: str, name: str) -> Object | None:
        """The object, not to be changed. The namespace is "" for cluster-scoped kinds."""
        found = self.entry(kind, namespace, name)
        return found.obj if found else None

    def existing(self, kind: Kind, namespace: str, name: str) -> Object:
        """As `get`; ApiError 404 when there is none."""
        if (obj := self.get(kind, namespace, name)) is None:
            raise not_found(kind, name)
        return obj

    def entries(self, kind: Kind, namespace: str = "") -> builtins.list[Entry]:
        """Ordered by namespace and name; "" is all namespaces."""
        keys, entries = self._keys[kind], self._entries[kind]
        if namespace and kind.namespaced:
            keys = keys[bisect_left(keys, (namespace, "")) : bisect_left(keys, (namespace + "\0", ""))]
        return [entries[key] for key in keys]

    def list(self, kind: Kind, namespace: str = "") -> builtins.list[Object]:
        """The objects ordered by namespace and name; "" is all namespaces."""
        return [entry.obj for entry in self.entries(kind, namespace)]

    def entries_at(self, kind: Kind, namespace: str, version: int) -> builtins.list[Entry]:
        """The entries as they were at an earlier version, for the next pages of a list. ApiError 410 when that is forgotten."""
        current = self.entries(kind, namespace)
        if version >= self.version:
            return current
        undone: dict[Key, Entry | None] = {}
        for change in reversed(self.since(version)):
            if change.kind is kind and (not namespace or change.after.namespace == namespace):
                undone[change.after.key] = change.before
        if not undone:
            return current
        kept = [entry for entry in current if entry.key not in undone]
        kept.extend(entry for entry in undone.values() if entry is not None)
        kept.sort(key=lambda entry: entry.key)
        return kept

    def by_owner(self, uid: str) -> builtins.list[tuple[Kind, Object]]:
        """What names this UID in its ownerReferences."""
        return [(kind, self._entries[kind][key].obj) for kind, key in self._owned.get(uid, ())]

    def by_node(self, node: str) -> builtins.list[Object]:
        """The pods that are bound to a node."""
        pods = self._entries[PODS]
        return [pods[key].obj for key in self._on_node.get(node, ())]

    def since(self, version: int) -> builtins.list[Change]:
        """All changes after a version; raises ApiError (410 Expired) when the history does not reach back so far."""
        if version < self._forgotten:
            raise expired(f"too old resource version: {version} ({self._forgotten})")
        # Versions go up by one with each change, so the distance to the end is the number of changes.
        missing = min(self.version - version, len(self._history))
        if missing <= 0:
            return []
        newest = list(islice(reversed(self._history), missing))
        newest.reverse()
        return newest

    def forget(self) -> None:
        """Drops the history, as a compaction of etcd does: older versions answer 410 from now on."""
        self._history.clear()
        self._forgotten = self.version

    # -- writing: these take an object over from the caller, who must not change it afterwards

    def create(self, kind: Kind, obj: Object) -> Object:
        """Stores a new object, with uid, creationTimestamp and generation where they are missing. ApiError 409 when the name is taken."""
        metadata = dict(obj["metadata"])
        key = (metadata.get("namespace", "") if kind.namespaced else "", metadata["name"])
        if key in self._entries[kind]:
            raise already_exists(kind, key[1])
        metadata.setdefault("uid", self.new_uid())
        metadata.setdefault("creationTimestamp", self.clock.timestamp())
        if kind.generation:
            metadata.setdefault("generation", 1)
        return self._store("ADDED", kind, None, obj, metadata)

    def update(self, kind: Kind, obj: Object) -> Object:
        """Stores the new state of an object under its name and gives it a new version; one that says what is there already keeps it.

        What an object is created with (uid, creationTimestamp) stays whatever `obj` says; generation goes up when spec
        changed or the deletion began. ApiError 404 when there is no such object.
        """
        metadata = dict(obj["metadata"])
        key = (metadata.get("namespace", "") if kind.namespaced else "", metadata["name"])
        before = self._entries[kind].get(key)
        if before is None:
            raise not_found(kind, key[1])
        was = before.obj["metadata"]
        for field in ("uid", "creationTimestamp", "resourceVersion", "generation"):
            if field in was:
                metadata[field] = was[field]
            else:
                metadata.pop(field, None)
        if "generation" in was:
            begins_to_end = "deletionTimestamp" in metadata and "deletionTimestamp" not in was
            if begins_to_end or _counted_spec(kind, obj) != _counted_spec(kind, before.obj):
                metadata["generation"] = was["generation"] + 1
        if metadata == was and {**obj, "metadata": was} == before.obj:
            return before.obj
        return self._store("MODIFIED", kind, before, obj, metadata)

    def remove(self, kind: Kind, namespace: str, name: str) -> Object:
        """Takes an object away at once and gives its last state, with the version of its end. ApiError 404 when there is none."""
        before = self.entry(kind, namespace, name)
        if before is None:
            raise not_found(kind, name)
        return self._store("DELETED", kind, before, before.obj, dict(before.obj["metadata"]))

    def _store(self, change: str, kind: Kind, before: Entry | None, obj: Object, metadata: Object) -> Object:
        version = self.version + 1
        metadata["resourceVersion"] = str(version)
        ordered = {field: metadata.pop(field) for field in _METADATA_ORDER if field in metadata}
        ordered.update(metadata)
        stored = {"kind": kind.kind, "apiVersion": kind.api_version, "metadata": ordered}
        stored.update((field, value) for field, value in obj.items() if field not in stored)
        after = Entry(stored, version)
        key = after.key
        if before is not None:
            self._index(kind, before, added=False)
        if change == "DELETED":
            del self._entries[kind][key]
            keys = self._keys[kind]
            del keys[bisect_left(keys, key)]
        else:
            self._entries[kind][key] = after
            self._index(kind, after, added=True)
            if before is None:
                insort(self._keys[kind], key)
        self.version = version
        if len(self._history) == self._history.maxlen:
            self._forgotten = self._history[0].version if self._history else version
        self._history.append(stored_change := Change(change, kind, before, after, version))
        self._notify(stored_change)
        return stored

    def _index(self, kind: Kind, entry: Entry, *, added: bool) -> None:
        for owner in entry.obj["metadata"].get("ownerReferences") or ():
            _note(self._owned, owner.get("uid", ""), (kind, entry.key), added)
        if kind is PODS and (node := (entry.obj.get("spec") or {}).get("nodeName")):
            _note(self._on_node, node, entry.key, added)

    # -- names

    def new_uid(self) -> str:
        """A random UID (version 4) from the clock's seed."""
        return str(uuid.UUID(int=self.clock.random.getrandbits(128), version=4))

    # -- subscribers

    def subscribe(self, callback: Subscriber) -> Callable[[], None]:
        """Calls back synchronously with every change from now on; the returned function ends that.

        Changes that a callback makes itself are delivered after the present one, so all subscribers see them in one order.
        """
        token = object()
        self._subscribers[token] = callback

        def unsubscribe() -> None:
            self._subscribers.pop(token, None)

        return unsubscribe

    def _notify(self, change: Change) -> None:
        self._undelivered.append(change)
        if self._notifying:
            return
        self._notifying = True
        failures: builtins.list[Exception] = []
        try:
            while self._undelivered:
                change = self._undelivered.popleft()
                for callback in tuple(self._subscribers.values()):
                    try:
                        callback(change)
                    except Exception as error:  # a subscriber that fails must not keep the change from the others
                        failures.append(error)
        finally:
            self._notifying = False
        if failures:
            raise failures[0]

    def __len__(self) -> int:
        return sum(map(len, self._entries.values()))


def _counted_spec(kind: Kind, obj: Object) -> Any:
    """The spec as far as its changes count in generation: that a pod is bound to a node does not."""
    spec = obj.get("spec")
    if kind is PODS and isinstance(spec, dict) and "nodeName" in spec:
        return {field: value for field, value in spec.items() if field != "nodeName"}
    return spec


K = TypeVar("K")


def _note(index: dict[str, dict[K, None]], word: str, key: K, added: bool) -> None:
    if added:
        index.setdefault(word, {})[key] = None
        return
    keys = index.get(word, {})
    keys.pop(key, None)
    if not keys:
        index.pop(word, None)
