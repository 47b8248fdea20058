"""The garbage collector: deletes or orphans the dependents of deleted owners, as ownerReferences and finalizers say."""

from __future__ import annotations

from functools import partial
from typing import Any

from podtui.demo.storage.kinds import Kind, kind_of
from podtui.demo.storage.state import Change, State
from podtui.demo.writes.deletion import FOREGROUND, ORPHAN, Deletion

Object = dict[str, Any]
DELAY = 0.05
"""Simulated seconds until the collector gets to a change."""


class Collector:
    """Follows the state by itself until `close`."""

    def __init__(self, state: State, deletion: Deletion) -> None:
        self.state = state
        self.deletion = deletion
        self.close = state.subscribe(self._changed)

    def _changed(self, change: Change) -> None:
        metadata = change.new["metadata"]
        namespace = metadata.get("namespace", "")
        if change.type == "DELETED":
            self.state.clock.call_later(DELAY, partial(self._owner_gone, metadata["uid"]))
            for owner in metadata.get("ownerReferences") or ():
                self._look_later(owner, namespace)
        elif "deletionTimestamp" in metadata and {ORPHAN, FOREGROUND} & set(metadata.get("finalizers") or ()):
            self.state.clock.call_later(DELAY, partial(self._finalize, change.kind, namespace, metadata["name"]))
        elif change.type == "ADDED":
            for owner in metadata.get("ownerReferences") or ():
                if not self._exists(owner, namespace):
                    self.state.clock.call_later(DELAY, partial(self._owner_gone, owner.get("uid", "")))

    def _look_later(self, owner: Object, namespace: str) -> None:
        kind = kind_of(owner.get("apiVersion", ""), owner.get("kind", ""))
        if kind is not None:
            self.state.clock.call_later(DELAY, partial(self._finalize, kind, namespace, owner.get("name", "")))

    def _exists(self, owner: Object, namespace: str) -> bool:
        kind = kind_of(owner.get("apiVersion", ""), owner.get("kind", ""))
        if kind is None:
            return True  # of a kind that is not served here: nothing is known, so nothing is done
        found = self.state.get(kind, namespace if kind.namespaced else "", owner.get("name", ""))
        return found is not None and found["metadata"]["uid"] == owner.get("uid")

    def _owner_gone(self, uid: str) -> None:
        """Deletes or orphans the dependents of an owner that is gone."""
        for kind, obj in self.state.by_owner(uid):
            metadata = obj["metadata"]
            owners = metadata.get("ownerReferences") or []
            namespace = metadata.get("namespace", "")
            alive = [owner for owner in owners if self._exists(owner, namespace)]
            if len(alive) == len(owners):
                continue
            if alive:
                self.state.update(kind, {**obj, "metadata": {**metadata, "ownerReferences": alive}})
            elif "deletionTimestamp" not in metadata:
                self.deletion.delete_if_there(kind, obj, {"propagationPolicy": "Background"})

    def _finalize(self, kind: Kind, namespace: str, name: str) -> None:
        """Does what an owner's finalizer waits for, and takes it off once that is done."""
        obj = self.state.get(kind, namespace if kind.namespaced else "", name)
        if obj is None or "deletionTimestamp" not in obj["metadata"]:
            return
        finalizers = obj["metadata"].get("finalizers") or ()
        uid = obj["metadata"]["uid"]
        owned = self.state.by_owner(uid)
        if ORPHAN in finalizers:
            for inner, one in owned:
                self.state.update(inner, disowned(one, uid))
            self.deletion.unfinalize(kind, obj, ORPHAN)
        elif FOREGROUND in finalizers:
            blocking = False
            for inner, one in owned:
                owner = next(owner for owner in one["metadata"]["ownerReferences"] if owner.get("uid") == uid)
                blocking = blocking or bool(owner.get("blockOwnerDeletion"))
                if "deletionTimestamp" not in one["metadata"]:
                    deeper = bool(self.state.by_owner(one["metadata"]["uid"]))
                    self.deletion.delete_if_there(inner, one, {"propagationPolicy": "Foreground" if deeper else "Background"})
            left_over = [
                one
                for _, one in self.state.by_owner(uid)
                if any(owner.get("uid") == uid and owner.get("blockOwnerDeletion") for owner in one["metadata"]["ownerReferences"])
            ]
            if not left_over:
                self.deletion.unfinalize(kind, obj, FOREGROUND)


def disowned(obj: Object, uid: str) -> Object:
    """The object without the ownerReference of this UID."""
    owners = [owner for owner in obj["metadata"]["ownerReferences"] if owner.get("uid") != uid]
    metadata = {key: value for key, value in obj["metadata"].items() if key != "ownerReferences"}
    return {**obj, "metadata": {**metadata, **({"ownerReferences": owners} if owners else {})}}
