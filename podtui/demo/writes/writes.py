"""Every write of the API: create, replace, patch, apply, delete, bind and evict, from what a request holds to what is stored.

The steps are those of the real server: decode, default, admit, prepare, validate, note who owns which field, store. All of it is
synchronous. What it answers is stored or shared, so nobody may change it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypedDict, Unpack

from podtui.demo.rules import defaults
from podtui.demo.rules.field_paths import owned
from podtui.demo.rules.pod_validation import warnings_of
from podtui.demo.rules.schema import DecodeError, decode
from podtui.demo.rules.validation import update_causes
from podtui.demo.storage.errors import (
    ApiError,
    Body,
    conflict,
    field_forbidden,
    invalid,
    invalid_value,
    not_found,
    quoted,
    required,
    unsupported_media_type,
)
from podtui.demo.storage.kinds import NAMESPACES, PODS, SERVICES, Kind
from podtui.demo.storage.state import State
from podtui.demo.writes import managed, patches
from podtui.demo.writes.creation import Creation
from podtui.demo.writes.deletion import Deletion
from podtui.demo.writes.eviction import SUCCESS, evict
from podtui.demo.writes.garbage import Collector
from podtui.demo.writes.incoming import applied, check_name, decoded, normal, patched
from podtui.demo.writes.namespaces import Namespaces

Object = dict[str, Any]
OwnerKey = tuple[str, str, str, str]


class WriteOptions(TypedDict, total=False):
    """The query of a write. Without `field_manager`, the `user_agent` names the manager; `field_validation` is Warn at first."""

    dry_run: bool
    field_manager: str
    field_validation: str
    force: bool
    user_agent: str


class _PodBinding:
    group, kind, plural = "", "Binding", "pods/binding"


class Writes:
    """The writing half of the API, with the controllers that follow a deletion, over one state."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.deletion = Deletion(state)
        self.namespaces = Namespaces(state, self.deletion)
        self.creation = Creation(state, self.namespaces)
        self.collector = Collector(state, self.deletion)

    def close(self) -> None:
        """Ends what follows the state."""
        self.namespaces.close()
        self.collector.close()

    # -- create

    def create(self, kind: Kind, namespace: str, obj: Any, **options: Unpack[WriteOptions]) -> tuple[Object, list[str]]:
        """The new object, and warnings. ApiError 400, 403, 404, 409 or 422."""
        found, warnings = decoded(kind, obj, options.get("field_validation", "Warn"))
        return self.creation.create(kind, namespace, found, warnings, options.get("dry_run", False), _manager(options), None)

    # -- replace and patch

    def replace(
        self,
        kind: Kind,
        namespace: str,
        name: str,
        obj: Any,
        subresource: str = "",
        **options: Unpack[WriteOptions],
    ) -> tuple[Object, list[str]]:
        """The object after a PUT, and warnings. ApiError 400, 404, 409 or 422."""
        found, warnings = decoded(kind, obj, options.get("field_validation", "Warn"))
        metadata = found["metadata"]
        check_name(kind, namespace, name, metadata)
        old = self.state.existing(kind, namespace, name)
        uid = metadata.get("uid")
        if uid and uid != old["metadata"]["uid"]:
            path = f"/registry/{kind.plural}/{f'{namespace}/' if kind.namespaced else ''}{name}"
            failed = f"Precondition failed: UID in precondition: {uid}, UID in object meta: {old['metadata']['uid']}"
            why = f"StorageError: invalid object, Code: 4, Key: {path}, ResourceVersion: 0, AdditionalErrorMsg: {failed}"
            raise conflict(kind, name, why)
        defaults.set_defaults(kind.kind, found)
        key = (_manager(options), "Update", kind.api_version, subresource)
        stored = self._update(kind, old, normal(kind, old), found, key, options, None)
        return stored, warnings + warnings_of(kind, found)

    def patch(
        self,
        kind: Kind,
        namespace: str,
        name: str,
        patch_type: str,
        body: bytes,
        subresource: str = "",
        **options: Unpack[WriteOptions],
    ) -> tuple[Object, list[str], bool]:
        """The object after a PATCH, warnings, and whether an apply has created it. ApiError 400, 404, 409, 415 or 422."""
        if patch_type not in patches.PATCH_TYPES:
            raise unsupported_media_type()
        applying = patch_type == patches.APPLY_PATCH
        force, field_validation = options.get("force", False), options.get("field_validation", "Warn")
        if applying and not options.get("field_manager"):
            raise invalid(Body("PatchOptions"), "", [required("fieldManager", "is required for apply patch")])
        if force and not applying:
            raise invalid(Body("PatchOptions"), "", [field_forbidden("force", "may not be specified for non-apply patch")])
        old = self.state.get(kind, namespace, name)
        manager = _manager(options)
        key = (manager, "Apply" if applying else "Update", kind.api_version, subresource)
        owners: managed.Owners | None = None
        unknown: list[str] = []
        if applying:
            config = applied(kind, namespace, name, body)
            if old is None:
                return *self._create_applied(kind, namespace, name, config, key, options), True
            base, owners = normal(kind, old), managed.Owners(old["metadata"].get("managedFields"))
            yielded = managed.yielded_fields(kind.kind, manager, base)
            value: Any = managed.apply(kind.kind, base, config, owners, key, managed.ignored(kind, subresource), force, yielded)
            managed.keep_last_applied(manager, base, config, value)
        elif old is None:
            raise not_found(kind, name)
        else:
            base = normal(kind, old)
            value, unknown = patched(kind, base, patch_type, body)
        if isinstance(value, dict) and isinstance(value.get("metadata", {}), dict):
            check_name(kind, old["metadata"].get("namespace", ""), name, value.get("metadata") or {})
        try:
            found, fields = decode(kind.kind, value)
        except DecodeError as error:
            raise invalid(_PATCH, "", [invalid_value("patch", body.decode(), str(error))]) from None
        found["kind"], found["apiVersion"] = kind.kind, kind.api_version
        faults = unknown + [f"unknown field {quoted(field)}" for field in fields]
        if faults and field_validation == "Strict":
            raise invalid(_PATCH, "", [invalid_value("patch", body.decode(), f"strict decoding error: {', '.join(faults)}")])
        warnings = faults if field_validation in ("Warn", "") else []
        defaults.set_defaults(kind.kind, found)
        stored = self._update(kind, old, base, found, key, options, owners)
        return stored, warnings + warnings_of(kind, found), False

    def _create_applied(
        self, kind: Kind, namespace: str, name: str, config: Object, key: OwnerKey, options: WriteOptions
    ) -> tuple[Object, list[str]]:
        """The object that an apply creates, and warnings."""
        if key[3]:  # a subresource of what is not there
            raise not_found(kind, name)
        if uid := (config.get("metadata") or {}).get("uid"):
            raise conflict(kind, name, f"uid mismatch: the provided object specified uid {uid}, and no existing object was found")
        first = managed.Owners(())
        first.sets[key] = {path for path in owned(kind.kind, config) if path[0] != "f:status"}
        found, warnings = decoded(kind, config, options.get("field_validation", "Warn"))
        return self.creation.create(kind, namespace, found, warnings, options.get("dry_run", False), key[0], first)

    def _update(
        self, kind: Kind, old: Object, base: Object, new: Object, key: OwnerKey, options: WriteOptions, owners: managed.Owners | None
    ) -> Object:
        """Stores `new` (decoded and defaulted) in place of `old`, which read again is `base`; `owners` are those of an apply."""
        subresource = key[3]
        was, metadata = base["metadata"], new["metadata"]
        name = was["name"]
        if version := metadata.get("resourceVersion"):
            if not version.isdecimal():
                raise ApiError(500, "", f"strconv.ParseUint: parsing {quoted(version)}: invalid syntax")
            if version != was["resourceVersion"]:
                raise conflict(kind, name)
        given = managed.given(metadata.get("managedFields"))
        for field in ("resourceVersion", "generation", "managedFields"):
            metadata.pop(field, None)
            if field in was:
                metadata[field] = was[field]
        for field in ("uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds"):
            if field not in metadata and field in was:
                metadata[field] = was[field]
        new = self._kept(kind, base, new, subresource)
        causes = update_causes(kind.kind, new, base)
        if causes:
            raise invalid(kind, name, causes)
        if owners is None:
            if given is None or given == was.get("managedFields"):
                if _same(base, new):
                    return old
                given = was.get("managedFields")
            owners = managed.Owners(given)
            owners.update(kind.kind, base, new, key, managed.ignored(kind, subresource))
        entries = owners.entries("" if _same(base, new) else self.state.clock.timestamp())
        new["metadata"] = {field: value for field, value in new["metadata"].items() if field != "managedFields"}
        if entries:
            new["metadata"]["managedFields"] = entries
        if _same(base, new) and _without_times(entries) == _without_times(was.get("managedFields") or []):
            return old
        if options.get("dry_run"):
            if kind.generation and new.get("spec") != base.get("spec"):
                new["metadata"]["generation"] = was.get("generation", 0) + 1
            return new
        stored = self.state.update(kind, new)
        if was.get("deletionTimestamp") and (was.get("finalizers") or subresource == "finalize"):
            self.deletion.finish(kind, stored)
        return stored

    def _kept(self, kind: Kind, base: Object, new: Object, subresource: str) -> Object:
        """The new object with those parts of the old one that this request cannot change."""
        if subresource in ("status", "finalize"):
            found = dict(base)
            metadata = dict(base["metadata"])
            if subresource == "status":
                for field in ("labels", "annotations", "finalizers"):
                    metadata.pop(field, None)
                    if new["metadata"].get(field):
                        metadata[field] = new["metadata"][field]
                found["status"] = new.get("status", {})
            else:
                found["spec"] = new.get("spec", {})
            metadata["uid"] = new["metadata"]["uid"]
            return {**found, "metadata": metadata}
        if kind.has_status:
            new.pop("status", None)
            if "status" in base:
                new["status"] = base["status"]
        if kind is NAMESPACES:
            new["spec"] = base.get("spec", {})
        if kind is PODS:
            defaults.tolerate(new["spec"])
        if kind is SERVICES:
            for field in ("clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"):
                if field not in new["spec"] and field in base["spec"]:
                    new["spec"][field] = base["spec"][field]
            for port, before in zip(new["spec"].get("ports") or (), base["spec"].get("ports") or (), strict=False):
                if "nodePort" in before and port.get("port") == before.get("port"):
                    port.setdefault("nodePort", before["nodePort"])
            defaults.allocate_service(new, self.state.clock.random, lambda: self._other_services(new))
        return new

    def _other_services(self, service: Object) -> list[Object]:
        uid = service["metadata"].get("uid")
        return [one for one in self.state.list(SERVICES) if one["metadata"]["uid"] != uid]

    # -- delete, bind, evict

    def delete(self, kind: Kind, namespace: str, name: str, options: Object | None = None, *, dry_run: bool = False) -> Object:
        """What the server answers to DELETE: the object or a Status. ApiError 400, 403, 404, 409 or 422."""
        return self.deletion.delete(kind, namespace, name, options, dry_run=dry_run)

    def bind(self, namespace: str, name: str, body: Mapping[str, Any], *, dry_run: bool = False) -> Object:
        """Puts a pod on a node, as a scheduler does. ApiError 404, 409 when it is on one already, 422 without a target."""
        pod = self.state.existing(PODS, namespace, name)
        target = body.get("target") or {}
        if not target.get("name"):
            raise invalid(Body("Binding", "", "bindings"), name, [required("target.name")])
        spec = pod.get("spec") or {}
        if spec.get("nodeName"):
            raise conflict(_PodBinding(), name, f'pod {name} is already assigned to node "{spec["nodeName"]}"')
        if "deletionTimestamp" in pod["metadata"]:
            raise conflict(_PodBinding(), name, f"pod {name} is being deleted, cannot be assigned to a host")
        if not dry_run:
            status = pod.get("status") or {}
            scheduled: Object = {"type": "PodScheduled", "status": "True", "lastProbeTime": None}
            scheduled["lastTransitionTime"] = self.state.clock.timestamp()
            others = [one for one in status.get("conditions") or () if one.get("type") != "PodScheduled"]
            bound = {**pod, "spec": {**spec, "nodeName": target["name"]}, "status": {**status, "conditions": [*others, scheduled]}}
            self.state.update(PODS, bound)
        return dict(SUCCESS)

    def evict(self, namespace: str, pod: str, body: Mapping[str, Any], dry_run: bool = False) -> Object:
        """Deletes a pod as far as its PodDisruptionBudget allows. ApiError 404, 409 or 429."""
        return evict(self.state, self.deletion, namespace, pod, dict(body), dry_run=dry_run)


_PATCH = Body("", "")


def _manager(options: WriteOptions) -> str:
    return managed.manager_name(options.get("field_manager", ""), options.get("user_agent", ""))


def _same(old: Object, new: Object) -> bool:
    """Equal but for managedFields."""

    def bare(obj: Object) -> Object:
        return {**obj, "metadata": {key: value for key, value in obj["metadata"].items() if key != "managedFields"}}

    return bare(old) == bare(new)


def _without_times(entries: list[Object]) -> list[Object]:
    return [{key: value for key, value in entry.items() if key != "time"} for entry in entries]
