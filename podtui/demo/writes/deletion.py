"""Deleting: grace, preconditions, finalizers and propagation, as `rest.BeforeDelete` and the generic store of the API server do it.

A Pod that runs on a node is only marked (deletionTimestamp, deletionGracePeriodSeconds); its kubelet takes it away by deleting it once
more with no grace. What has finalizers is marked too and goes when the last of them is gone.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from podtui.demo.rules.schema import DecodeError, decode
from podtui.demo.storage.errors import (
    ApiError,
    Body,
    Cause,
    bad_request,
    conflict,
    forbidden,
    invalid,
    not_supported,
)
from podtui.demo.storage.kinds import JOBS, NAMESPACES, PODS, SERVICEACCOUNTS, SERVICES, Kind
from podtui.demo.storage.state import State

Object = dict[str, Any]

ORPHAN, FOREGROUND = "orphan", "foregroundDeletion"
_RETURNED = (PODS, SERVICES, SERVICEACCOUNTS)
"""Kinds of which the server answers with the object, not with a Status."""
_IMMORTAL = {"default", "kube-system", "kube-public"}
_OPTIONS = Body("DeleteOptions")


class _Resource:
    """How the server names the object in a failed precondition: by its kind."""

    def __init__(self, kind: Kind) -> None:
        self.group = kind.group
        self.kind = self.plural = kind.kind


class Deletion:
    def __init__(self, state: State) -> None:
        self.state = state

    def delete_collection(self, kind: Kind, items: Sequence[Object], options: Object | None = None, *, dry_run: bool = False) -> Object:
        """The list of what was deleted of `items`. ApiError as of `delete`; one that is gone already is passed over."""
        gone = []
        for obj in items:
            metadata = obj["metadata"]
            try:
                answer = self.delete(kind, metadata.get("namespace", ""), metadata["name"], options, dry_run=dry_run)
            except ApiError as error:
                if error.code != 404:
                    raise
                continue
            gone.append(obj if answer.get("kind") == "Status" else answer)
        listed = [{key: value for key, value in one.items() if key not in ("kind", "apiVersion")} for one in gone]
        title = {"kind": kind.list_kind, "apiVersion": kind.api_version}
        return {**title, "metadata": {"resourceVersion": str(self.state.version)}, "items": listed}

    def delete(self, kind: Kind, namespace: str, name: str, options: Object | None = None, *, dry_run: bool = False) -> Object:
        """What the server answers: the object where it stays for now (and pods in any case), else a Status. ApiError 404, 409, 422."""
        options = read_options(options)
        dry_run = dry_run or options.get("dryRun") == ["All"]
        if kind is NAMESPACES and name in _IMMORTAL:
            raise forbidden(kind, name, "this namespace may not be deleted")
        old = self.state.existing(kind, namespace, name)
        check_preconditions(kind, old, options)
        if kind is NAMESPACES:
            return self._namespace(old, dry_run)
        marked = self._marked(kind, old, options)
        if marked is not None:
            if marked is old or dry_run:
                return marked
            return self.state.update(kind, marked)
        if not dry_run:
            gone = self.state.remove(kind, namespace, name)
        else:
            gone = old
        if kind is PODS:
            gone = _with(gone, **_ended(old, self.state.clock.timestamp()))
        return gone if kind in _RETURNED else success(kind, old)

    def delete_if_there(self, kind: Kind, obj: Object, options: Object) -> bool:
        """Deletes this object; False when it has gone by itself, or was made anew."""
        metadata = obj["metadata"]
        options = {**options, "preconditions": {"uid": metadata["uid"]}}
        try:
            self.delete(kind, metadata.get("namespace", ""), metadata["name"], options)
        except ApiError:
            return False
        return True

    def _marked(self, kind: Kind, old: Object, options: Object) -> Object | None:
        """The object as it stays after the request; None when it goes at once."""
        metadata = old["metadata"]
        finalizers = _finalizers(kind, old, options)
        marked: Object | None = None
        if kind is PODS:
            marked = self._graceful(old, options)
        if finalizers == list(metadata.get("finalizers") or ()) and marked is not None:
            return marked
        if not finalizers:
            if finalizers != list(metadata.get("finalizers") or ()) and marked is not None:
                return _with(marked, finalizers=[])
            return marked
        if marked is None:
            changes = {"deletionGracePeriodSeconds": 0, "finalizers": finalizers}
            if "deletionTimestamp" not in metadata:
                changes["deletionTimestamp"] = self.state.clock.timestamp()
            elif metadata.get("deletionGracePeriodSeconds") == 0 and finalizers == metadata.get("finalizers"):
                return old
            return _with(old, **changes)
        return _with(marked, finalizers=finalizers)

    def _graceful(self, pod: Object, options: Object) -> Object | None:
        """The pod with its grace, or as it is when that is pending already; None when nothing has to be waited for."""
        metadata, spec = pod["metadata"], pod.get("spec") or {}
        asked = options.get("gracePeriodSeconds")
        if asked is not None and asked < 0:
            asked = 1
        if "deletionTimestamp" in metadata:
            pending = metadata.get("deletionGracePeriodSeconds") or 0
            if not pending:
                return None
            if asked is None or asked >= pending:
                return pod
            if asked == 0:
                return None
            moment = _time(metadata["deletionTimestamp"]) - timedelta(seconds=pending - asked)
            now = _time(self.state.clock.timestamp())
            if moment < now:
                moment, asked = now, 1
            return _with(pod, deletionTimestamp=_shown(moment), deletionGracePeriodSeconds=asked)
        grace = spec.get("terminationGracePeriodSeconds", 0) if asked is None else asked
        if not spec.get("nodeName") or (pod.get("status") or {}).get("phase") in ("Failed", "Succeeded"):
            grace = 0
        if grace < 0:
            grace = 1
        if not grace:
            return None
        moment = _time(self.state.clock.timestamp()) + timedelta(seconds=grace)
        return _with(pod, deletionTimestamp=_shown(moment), deletionGracePeriodSeconds=grace)

    def _namespace(self, old: Object, dry_run: bool) -> Object:
        if "deletionTimestamp" in old["metadata"]:
            return old
        marked = _with(old, deletionTimestamp=self.state.clock.timestamp())
        marked["status"] = {**(old.get("status") or {}), "phase": "Terminating"}
        return marked if dry_run else self.state.update(NAMESPACES, marked)

    def unfinalize(self, kind: Kind, obj: Object, finalizer: str) -> None:
        """Removes a finalizer; the object goes with its last one."""
        left = [one for one in obj["metadata"].get("finalizers") or () if one != finalizer]
        updated = self.state.update(kind, _with(obj, finalizers=left))
        self.finish(kind, updated)

    def finish(self, kind: Kind, obj: Object) -> bool:
        """Removes an object that is marked for deletion once nothing holds it; returns whether it did."""
        metadata = obj["metadata"]
        if "deletionTimestamp" not in metadata or metadata.get("finalizers") or metadata.get("deletionGracePeriodSeconds"):
            return False
        if kind is NAMESPACES and (obj.get("spec") or {}).get("finalizers"):
            return False
        self.state.remove(kind, metadata.get("namespace", ""), metadata["name"])
        return True


def read_options(options: Object | None) -> Object:
    """DeleteOptions from a request. ApiError 400 for what is not one, 422 for what contradicts itself."""
    if not options:
        return {}
    try:
        found, _ = decode("DeleteOptions", options)
    except DecodeError as error:
        raise bad_request(f'DeleteOptions in version "v1" cannot be handled as a DeleteOptions: {error}') from None
    causes: list[Cause] = []
    policy = found.get("propagationPolicy")
    if policy not in (None, "Foreground", "Background", "Orphan"):
        choices = '"Foreground", "Background", "Orphan", "nil"'
        causes.append(Cause("FieldValueNotSupported", "propagationPolicy", not_supported("", policy, ()).message + choices))
    if found.get("dryRun") not in (None, ["All"]):
        causes.append(not_supported("dryRun", found["dryRun"], ["All"]))
    if causes:
        raise invalid(_OPTIONS, "", causes)
    return found


def check_preconditions(kind: Kind, obj: Object, options: Object) -> None:
    """ApiError 409 when the object is not the one, or not in the version, that the options name."""
    metadata, wanted = obj["metadata"], options.get("preconditions") or {}
    name = metadata["name"]
    if wanted.get("uid") and wanted["uid"] != metadata["uid"]:
        words = f"the UID in the precondition ({wanted['uid']}) does not match the UID in record ({metadata['uid']})"
        raise conflict(_Resource(kind), name, f"{words}. The object might have been deleted and then recreated")
    if wanted.get("resourceVersion") and wanted["resourceVersion"] != metadata["resourceVersion"]:
        words = f"the ResourceVersion in the precondition ({wanted['resourceVersion']}) does not match the ResourceVersion in record"
        raise conflict(_Resource(kind), name, f"{words} ({metadata['resourceVersion']}). The object might have been modified")


def success(kind: Kind, obj: Object) -> Object:
    """The Status of a deletion that is done."""
    metadata = obj["metadata"]
    details = {"name": metadata["name"], "group": kind.group, "kind": kind.plural, "uid": metadata["uid"]}
    details = {key: value for key, value in details.items() if value}
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}


def _finalizers(kind: Kind, obj: Object, options: Object) -> list[str]:
    """The object's finalizers with those that the propagation policy asks for."""
    found = [one for one in obj["metadata"].get("finalizers") or () if one not in (ORPHAN, FOREGROUND)]
    had = set(obj["metadata"].get("finalizers") or ())
    policy = options.get("propagationPolicy")
    if policy is None:
        kept = [one for one in (ORPHAN, FOREGROUND) if one in had]
        policy = {ORPHAN: "Orphan", FOREGROUND: "Foreground"}[kept[0]] if kept else "Orphan" if kind is JOBS else "Background"
    if policy == "Orphan":
        found.append(ORPHAN)
    elif policy == "Foreground":
        found.append(FOREGROUND)
    return found


def _ended(pod: Object, now: str) -> Object:
    """What the answer says about a pod that went at once; its last state for watchers is the one before."""
    metadata = pod["metadata"]
    if "deletionTimestamp" in metadata:
        return {"deletionGracePeriodSeconds": 0}
    return {"deletionTimestamp": now, "deletionGracePeriodSeconds": 0, "generation": metadata.get("generation", 0) + 1}


def _with(obj: Object, **changes: Any) -> Object:
    metadata = {**obj["metadata"], **changes}
    if not metadata.get("finalizers"):
        metadata.pop("finalizers", None)
    return {**obj, "metadata": metadata}


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def _shown(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
