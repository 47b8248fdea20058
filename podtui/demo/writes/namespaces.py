"""Namespaces: creates the objects of a new one, and drains and removes a deleted one.

What the controllers for namespaces and service accounts, and the publisher of the root certificate, do in a real cluster.
"""

from __future__ import annotations

from typing import Any

from podtui.demo.storage.kinds import CONFIGMAPS, KINDS, NAMESPACES, SERVICEACCOUNTS, Kind
from podtui.demo.storage.state import Change, State
from podtui.demo.writes.deletion import Deletion

Object = dict[str, Any]
DELAY = 0.2
"""Simulated seconds from a deletion to the drain, and from the end of the last object to the end of the namespace."""
_CERTIFICATE = "kube-root-ca.crt"
_FIXED = (
    ("NamespaceDeletionDiscoveryFailure", "False", "ResourcesDiscovered", "All resources successfully discovered"),
    ("NamespaceDeletionGroupVersionParsingFailure", "False", "ParsedGroupVersions", "All legacy kube types successfully parsed"),
    (
        "NamespaceDeletionContentFailure",
        "False",
        "ContentDeleted",
        "All content successfully deleted, may be waiting on finalization",
    ),
)


class Namespaces:
    """Follows the state by itself until `close`."""

    def __init__(self, state: State, deletion: Deletion) -> None:
        self.state = state
        self.deletion = deletion
        self._waiting: set[str] = set()
        self.close = state.subscribe(self._changed)
        for namespace in state.list(NAMESPACES):
            self._furnish(namespace["metadata"]["name"])

    def terminating(self, name: str) -> bool:
        namespace = self.state.get(NAMESPACES, "", name)
        return namespace is not None and (namespace.get("status") or {}).get("phase") == "Terminating"

    def _changed(self, change: Change) -> None:
        metadata = change.new["metadata"]
        if change.kind is NAMESPACES:
            name = metadata["name"]
            if change.type == "ADDED":
                self._furnish(name)
            elif change.type == "MODIFIED" and "deletionTimestamp" in metadata:
                old = change.old
                if old is not None and "deletionTimestamp" not in old["metadata"]:
                    self._later(name)
            return
        namespace = metadata.get("namespace", "")
        if change.type == "DELETED" and namespace:
            if self.terminating(namespace):
                self._later(namespace)
            elif (change.kind is SERVICEACCOUNTS and metadata["name"] == "default") or (
                change.kind is CONFIGMAPS and metadata["name"] == _CERTIFICATE
            ):
                self._furnish(namespace)

    def _furnish(self, name: str) -> None:
        """The service account that pods run as, and the certificate that their token volume names."""
        if self.terminating(name) or self.state.get(NAMESPACES, "", name) is None:
            return
        if self.state.get(SERVICEACCOUNTS, name, "default") is None:
            self.state.create(SERVICEACCOUNTS, {"metadata": {"name": "default", "namespace": name}})
        if self.state.get(CONFIGMAPS, name, _CERTIFICATE) is None:
            note = "Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints"
            metadata = {"name": _CERTIFICATE, "namespace": name, "annotations": {"kubernetes.io/description": note}}
            self.state.create(CONFIGMAPS, {"metadata": metadata, "data": {"ca.crt": ""}})

    def _later(self, name: str) -> None:
        if name not in self._waiting:
            self._waiting.add(name)
            self.state.clock.call_later(DELAY, lambda: self._drain(name))

    def _drain(self, name: str) -> None:
        """Deletes what is in it; ends the namespace when nothing is."""
        self._waiting.discard(name)
        namespace = self.state.get(NAMESPACES, "", name)
        if namespace is None or "deletionTimestamp" not in namespace["metadata"]:
            return
        for kind in KINDS:
            if kind.namespaced:
                for obj in self.state.list(kind, name):
                    if "deletionTimestamp" not in obj["metadata"]:
                        self.deletion.delete_if_there(kind, obj, {"propagationPolicy": "Background"})
        left = {kind: found for kind in KINDS if kind.namespaced and (found := self.state.list(kind, name))}
        namespace = self.state.get(NAMESPACES, "", name)
        if namespace is None:
            return
        namespace = self.state.update(NAMESPACES, self._with_conditions(namespace, left))
        if not left:
            spec = dict(namespace.get("spec") or {})
            others = [one for one in spec.pop("finalizers", ()) if one != "kubernetes"]
            if others:  # of who waits for the end, too
                spec["finalizers"] = others
            self.deletion.finish(NAMESPACES, self.state.update(NAMESPACES, {**namespace, "spec": spec}))

    def _with_conditions(self, namespace: Object, left: dict[Kind, list[Object]]) -> Object:
        """The namespace with the conditions that say what is left in it."""
        resources = ", ".join(f"{kind.plural}.{kind.group} has {len(found)} resource instances" for kind, found in left.items())
        held: dict[str, int] = {}
        for found in left.values():
            for obj in found:
                for finalizer in obj["metadata"].get("finalizers") or ():
                    held[finalizer] = held.get(finalizer, 0) + 1
        waiting = ", ".join(f"{finalizer} in {count} resource instances" for finalizer, count in sorted(held.items()))
        rows = list(_FIXED)
        if left:
            rows.append(("NamespaceContentRemaining", "True", "SomeResourcesRemain", f"Some resources are remaining: {resources}"))
        else:
            rows.append(("NamespaceContentRemaining", "False", "ContentRemoved", "All content successfully removed"))
        if held:
            words = f"Some content in the namespace has finalizers remaining: {waiting}"
            rows.append(("NamespaceFinalizersRemaining", "True", "SomeFinalizersRemain", words))
        else:
            words = "All content-preserving finalizers finished"
            rows.append(("NamespaceFinalizersRemaining", "False", "ContentHasNoFinalizers", words))
        status = namespace.get("status") or {}
        before = {one["type"]: one for one in status.get("conditions") or ()}
        conditions = []
        for type_, state, reason, message in rows:
            was = before.get(type_)
            since = was["lastTransitionTime"] if was and was["status"] == state else self.state.clock.timestamp()
            conditions.append({"type": type_, "status": state, "lastTransitionTime": since, "reason": reason, "message": message})
        return {**namespace, "status": {**status, "conditions": conditions}}
