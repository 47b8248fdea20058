"""The base of all controllers: it says which objects a change concerns, and brings each of them to the state that its spec asks for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from podtui.demo.storage.clock import Clock
from podtui.demo.storage.errors import ApiError
from podtui.demo.storage.kinds import PODS, Kind
from podtui.demo.storage.recorder import Recorder
from podtui.demo.storage.state import Change, State
from podtui.demo.writes.writes import Writes
from podtui.kube.objects import controller_of

Object = dict[str, Any]
Key = tuple[str, str]
"""Namespace and name."""
FINISHED = ("Succeeded", "Failed")


class Controller:
    """Reconciles the objects of one kind. `sync` may be called at any time and any number of times: it acts on what is there."""

    kind: Kind
    component: str

    def __init__(self, state: State, writes: Writes, clock: Clock, recorder: Recorder) -> None:
        self.state = state
        self.writes = writes
        self.clock = clock
        self.recorder = recorder
        self.again: list[tuple[float, Key]] = []
        """Keys that a `sync` asks to be called for again, after so many simulated seconds."""

    def keys(self, change: Change) -> Iterable[Key]:
        """The objects that a change concerns."""
        if change.kind is self.kind and change.type != "DELETED":
            yield key_of(change.new)

    def sync(self, namespace: str, name: str) -> None:
        """Reconciles one object, which may be gone."""
        raise NotImplementedError

    # -- what several of them do
    def owners(self, change: Change) -> Iterable[Key]:
        """The owners of this controller's kind that a change of something owned concerns."""
        for obj in (change.old, change.new):
            owner = controller_of(obj or {})
            if owner and owner["kind"] == self.kind.kind:
                yield change.new["metadata"].get("namespace", ""), owner["name"]

    def owned(self, owner: Object, kind: Kind) -> list[Object]:
        uid = owner["metadata"]["uid"]
        found = [obj for found_kind, obj in self.state.by_owner(uid) if found_kind is kind]
        return [obj for obj in found if controller_of(obj).get("uid") == uid]

    def create_pod(self, owner: Object, template: Mapping[str, Any]) -> bool:
        """A pod from the template, with the event about it; False when the server refused."""
        body = self.pod(owner, template)
        namespace = owner["metadata"]["namespace"]
        try:
            made, _ = self.writes.create(PODS, namespace, body, field_validation="Ignore", field_manager="kube-controller-manager")
        except ApiError as error:
            self.recorder.record(owner, "Warning", "FailedCreate", f"Error creating: {error.message}", self.component)
            return False
        self.recorder.record(owner, "Normal", "SuccessfulCreate", f"Created pod: {made['metadata']['name']}", self.component)
        return True

    def pod(self, owner: Object, template: Mapping[str, Any]) -> Object:
        metadata = template.get("metadata") or {}
        own: Object = {"generateName": f"{owner['metadata']['name']}-", "ownerReferences": [reference(owner)]}
        own |= {key: dict(metadata[key]) for key in ("labels", "annotations") if metadata.get(key)}
        return {"apiVersion": "v1", "kind": "Pod", "metadata": own, "spec": template["spec"]}

    def delete_pod(self, owner: Object, pod: Object) -> None:
        if self.writes.deletion.delete_if_there(PODS, pod, {}):
            self.recorder.record(owner, "Normal", "SuccessfulDelete", f"Deleted pod: {pod['metadata']['name']}", self.component)

    def adopt(self, owner: Object, kind: Kind, one: Object) -> Object:
        """Makes `owner` the controller of an object."""
        owners = [*(one["metadata"].get("ownerReferences") or ()), reference(owner)]
        return self.state.update(kind, {**one, "metadata": {**one["metadata"], "ownerReferences": owners}})

    def set_status(self, obj: Object, status: Mapping[str, Any]) -> Object:
        """Stores the fields of `status` that are not empty."""
        kept = {key: value for key, value in status.items() if value is not None and value != []}
        return self.state.update(self.kind, {**obj, "status": kept})


def key_of(obj: Object) -> Key:
    return obj["metadata"].get("namespace", ""), obj["metadata"]["name"]


def reference(owner: Object) -> Object:
    """The ownerReference of what `owner` controls."""
    metadata = owner["metadata"]
    named = {"apiVersion": owner["apiVersion"], "kind": owner["kind"], "name": metadata["name"], "uid": metadata["uid"]}
    return {**named, "controller": True, "blockOwnerDeletion": True}


def ending(obj: Object) -> bool:
    return "deletionTimestamp" in obj["metadata"]


def is_active(pod: Object) -> bool:
    """Whether the pod is neither finished nor being deleted (`IsPodActive`)."""
    return (pod.get("status") or {}).get("phase") not in FINISHED and not ending(pod)


def condition(
    before: Iterable[Mapping[str, Any]], type: str, fields: Mapping[str, str], now: str, *, updated: bool = False
) -> list[Object]:
    """The conditions with this one set; lastTransitionTime stays while the status is the same."""
    old: Mapping[str, Any] = next((one for one in before if one["type"] == type), {})
    same = old.get("status") == fields["status"]
    new: Object = {"type": type, "lastTransitionTime": old["lastTransitionTime"] if same else now, **fields}
    if updated:
        unchanged = same and old.get("reason") == fields.get("reason") and old.get("message") == fields.get("message")
        new["lastUpdateTime"] = old["lastUpdateTime"] if unchanged else now
    kept = [dict(one) for one in before]
    for place, one in enumerate(kept):
        if one["type"] == type:
            kept[place] = new
            return kept
    return [*kept, new]
