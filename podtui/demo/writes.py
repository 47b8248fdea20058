"""Every write of the API: create, replace, patch, apply, delete, bind and evict, from what a request holds to what is stored.

The steps are those of the real server: decode, default, admit, prepare, validate, note who owns which field, store. All of it is
synchronous. What it answers is stored or shared, so nobody may change it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from podtui.demo import defaults, last_applied, managed, patches
from podtui.demo.binding import bind
from podtui.demo.deletion import Deletion
from podtui.demo.errors import (
    ApiError,
    Body,
    already_exists,
    conflict,
    field_forbidden,
    forbidden,
    invalid,
    invalid_value,
    not_found,
    quoted,
    required,
    unsupported_media_type,
)
from podtui.demo.eviction import evict
from podtui.demo.field_paths import Path, owned
from podtui.demo.garbage import Collector
from podtui.demo.incoming import applied, check_name, decoded, normal, patched, place
from podtui.demo.kinds import JOBS, NAMESPACES, NODES, PODS, SERVICEACCOUNTS, SERVICES, Kind
from podtui.demo.namespaces import Namespaces
from podtui.demo.podvalidation import warnings as pod_warnings
from podtui.demo.schema import DecodeError, decode
from podtui.demo.state import State
from podtui.demo.validation import create_causes, update_causes

Object = dict[str, Any]
OwnerKey = tuple[str, str, str, str]

_GENERATED = 58
"""How much of generateName is kept before the five letters that the server adds."""
_ATTEMPTS = 8
_STATUS_ONLY = (("f:status",),)
_ALL_BUT_STATUS = (("f:spec",), ("f:metadata", "f:ownerReferences"), ("f:metadata", "f:deletionTimestamp"))
_SET_BY_SERVER = (
    "uid",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "selfLink",
    "resourceVersion",
    "generation",
    "managedFields",
)


class Writes:
    """The writing half of the API, with the controllers that follow a deletion, over one state."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.deletion = Deletion(state)
        self.namespaces = Namespaces(state, self.deletion)
        self.collector = Collector(state, self.deletion)

    def close(self) -> None:
        """Ends what follows the state."""
        self.namespaces.close()
        self.collector.close()

    # -- create

    def create(
        self,
        kind: Kind,
        namespace: str,
        obj: Any,
        *,
        dry_run: bool = False,
        field_validation: str = "Warn",
        field_manager: str = "",
    ) -> tuple[Object, list[str]]:
        """The new object, and warnings. ApiError 400, 403, 404, 409 or 422."""
        found, warnings = decoded(kind, obj, field_validation)
        return self._create(kind, namespace, found, warnings, dry_run, managed.manager_name(field_manager), None)

    def _create(
        self, kind: Kind, namespace: str, found: Object, warnings: list[str], dry_run: bool, manager: str, appliers: managed.Owners | None
    ) -> tuple[Object, list[str]]:
        metadata = found["metadata"]
        place(kind, namespace, metadata)
        if metadata.get("resourceVersion") and not dry_run:
            raise ApiError(500, "", "resourceVersion should not be set on objects to be created")
        for key in _SET_BY_SERVER:
            metadata.pop(key, None)
        generated = not metadata.get("name") and bool(metadata.get("generateName"))
        if kind.namespaced:
            self._check_namespace(kind, namespace, metadata.get("name", ""))
        if generated:
            metadata["name"] = self._generated(kind, namespace, metadata["generateName"])
        defaults.set_defaults(kind.kind, found)
        owners = appliers
        if owners is None:
            owners = managed.Owners(())
            owner = (manager, "Update", kind.api_version, "")
            owners.update(kind.kind, managed.empty(kind.kind), found, owner, _ignored(kind, ""))
        self._admit(kind, namespace, found)
        self._prepare(kind, found)
        causes = create_causes(kind.kind, found, kind.namespaced)
        if causes:
            raise invalid(kind, metadata.get("name", ""), causes)
        if entries := owners.entries(self.state.clock.timestamp()):
            metadata["managedFields"] = entries
        warnings += _warnings(kind, found)
        if self.state.get(kind, namespace, metadata["name"]) is not None:
            raise already_exists(kind, metadata["name"])
        if not dry_run:
            return self.state.create(kind, found), warnings
        metadata.setdefault("uid", self.state.new_uid())
        metadata["creationTimestamp"] = self.state.clock.timestamp()
        if kind.generation:
            metadata["generation"] = 1
        return found, warnings

    def _generated(self, kind: Kind, namespace: str, prefix: str) -> str:
        for _ in range(_ATTEMPTS):
            name = prefix[:_GENERATED] + defaults.suffix(self.state.clock.random)
            if self.state.get(kind, namespace, name) is None:
                break
        return name

    def _check_namespace(self, kind: Kind, namespace: str, name: str) -> None:
        if self.state.get(NAMESPACES, "", namespace) is None:
            raise not_found(NAMESPACES, namespace)
        if self.namespaces.terminating(namespace):
            why = f"unable to create new content in namespace {namespace} because it is being terminated"
            error = forbidden(kind, name, why)
            cause = {"reason": "NamespaceTerminating", "message": f"namespace {namespace} is being terminated"}
            error.details = {**(error.details or {}), "causes": [{**cause, "field": "metadata.namespace"}]}
            raise error

    def _admit(self, kind: Kind, namespace: str, obj: Object) -> None:
        """What admission adds and refuses."""
        if kind is not PODS:
            return
        spec, name = obj["spec"], obj["metadata"].get("name", "")
        account = spec.get("serviceAccountName", "default")
        found = self.state.get(SERVICEACCOUNTS, namespace, account)
        if found is None:
            why = f'error looking up service account {namespace}/{account}: serviceaccount "{account}" not found'
            raise forbidden(kind, name, why)
        wanted = spec.get("priorityClassName", "")
        if wanted and wanted not in defaults.PRIORITIES:
            raise forbidden(kind, name, f"no PriorityClass with name {wanted} was found")
        computed = defaults.PRIORITIES.get(wanted, 0)
        if spec.get("priority", computed) != computed:
            raise forbidden(
                kind,
                name,
                f"the integer value of priority ({spec['priority']}) must not be provided in pod spec; "
                f"priority admission controller computed {computed} from the given PriorityClass name",
            )
        defaults.admit_pod(obj, self.state.clock.random, found.get("automountServiceAccountToken", True))

    def _prepare(self, kind: Kind, obj: Object) -> None:
        """What a new object begins with, whatever the request says."""
        if kind is PODS:
            obj["status"] = {"phase": "Pending", "qosClass": defaults.qos_class(obj["spec"])}
            return
        if _has_status(kind) and kind is not NODES:
            obj["status"] = managed.empty(kind.kind).get("status", {})
        if kind is NAMESPACES:
            given = obj["spec"].get("finalizers") or []
            obj["spec"]["finalizers"] = given if "kubernetes" in given else [*given, "kubernetes"]
            obj["status"] = {"phase": "Active"}
        elif kind is SERVICES:
            defaults.allocate_service(obj, self.state.clock.random, lambda: self.state.list(SERVICES))
        elif kind is JOBS:
            obj["metadata"]["uid"] = self.state.new_uid()
            defaults.label_job(obj)

    # -- replace and patch

    def replace(
        self,
        kind: Kind,
        namespace: str,
        name: str,
        obj: Any,
        *,
        subresource: str = "",
        dry_run: bool = False,
        field_validation: str = "Warn",
        field_manager: str = "",
    ) -> tuple[Object, list[str]]:
        """The object after a PUT, and warnings. ApiError 400, 404, 409 or 422."""
        found, warnings = decoded(kind, obj, field_validation)
        metadata = found["metadata"]
        check_name(kind, namespace, name, metadata)
        old = self.state.get(kind, namespace, name)
        if old is None:
            raise not_found(kind, name)
        uid = metadata.get("uid")
        if uid and uid != old["metadata"]["uid"]:
            path = f"/registry/{kind.plural}/{f'{namespace}/' if kind.namespaced else ''}{name}"
            failed = f"Precondition failed: UID in precondition: {uid}, UID in object meta: {old['metadata']['uid']}"
            why = f"StorageError: invalid object, Code: 4, Key: {path}, ResourceVersion: 0, AdditionalErrorMsg: {failed}"
            raise conflict(kind, name, why)
        defaults.set_defaults(kind.kind, found)
        key = (managed.manager_name(field_manager), "Update", kind.api_version, subresource)
        stored = self._update(kind, old, normal(kind, old), found, subresource, key, dry_run, None)
        return stored, warnings + _warnings(kind, found)

    def patch(
        self,
        kind: Kind,
        namespace: str,
        name: str,
        patch_type: str,
        body: bytes,
        *,
        subresource: str = "",
        dry_run: bool = False,
        field_manager: str = "",
        force: bool = False,
        field_validation: str = "Warn",
        user_agent: str = "",
    ) -> tuple[Object, list[str], bool]:
        """The object after a PATCH, warnings, and whether an apply has created it. ApiError 400, 404, 409, 415 or 422."""
        if patch_type not in patches.PATCH_TYPES:
            raise unsupported_media_type()
        applying = patch_type == patches.APPLY_PATCH
        if applying and not field_manager:
            raise invalid(Body("PatchOptions"), "", [required("fieldManager", "is required for apply patch")])
        if force and not applying:
            raise invalid(Body("PatchOptions"), "", [field_forbidden("force", "may not be specified for non-apply patch")])
        old = self.state.get(kind, namespace, name)
        manager = managed.manager_name(field_manager, user_agent)
        key = (manager, "Apply" if applying else "Update", kind.api_version, subresource)
        if applying:
            config = applied(kind, namespace, name, body)
            if old is None:
                if subresource:
                    raise not_found(kind, name)
                if uid := (config.get("metadata") or {}).get("uid"):
                    raise conflict(kind, name, f"uid mismatch: the provided object specified uid {uid}, and no existing object was found")
                first = managed.Owners(())
                first.sets[key] = {path for path in owned(kind.kind, config) if path[0] != "f:status"}
                found, warnings = decoded(kind, config, field_validation)
                made, warnings = self._create(kind, namespace, found, warnings, dry_run, manager, first)
                return made, warnings, True
            owners: managed.Owners | None
            base, owners = normal(kind, old), managed.Owners(old["metadata"].get("managedFields"))
            yielding = last_applied.yielding(kind.kind, manager, base)
            value: Any = managed.apply(kind.kind, base, config, owners, key, _ignored(kind, subresource), force, yielding)
            last_applied.keep(manager, base, config, value)
            unknown: list[str] = []
            shown = ""
        else:
            if old is None:
                raise not_found(kind, name)
            base, owners = normal(kind, old), None
            value, unknown, shown = patched(kind, base, patch_type, body)
        stored, warnings = self._store_patched(
            kind,
            old,
            base,
            value,
            unknown,
            shown,
            subresource,
            key,
            dry_run,
            owners,
            field_validation,
            patch_type == patches.STRATEGIC_MERGE_PATCH,
        )
        return stored, warnings, False

    def _store_patched(
        self,
        kind: Kind,
        old: Object,
        base: Object,
        value: Any,
        unknown: list[str],
        shown: str,
        subresource: str,
        key: OwnerKey,
        dry_run: bool,
        owners: managed.Owners | None,
        field_validation: str,
        strategic: bool,
    ) -> tuple[Object, list[str]]:
        name, namespace = old["metadata"]["name"], old["metadata"].get("namespace", "")
        if isinstance(value, dict) and isinstance(value.get("metadata", {}), dict):
            check_name(kind, namespace, name, value.get("metadata") or {})
        try:
            found, fields = decode(kind.kind, value)
        except DecodeError as error:
            words = error.converting if strategic else str(error)
            raise invalid(_PATCH, "", [invalid_value("patch", shown, words)]) from None
        found["kind"], found["apiVersion"] = kind.kind, kind.api_version
        faults = unknown + [f"unknown field {quoted(field)}" for field in fields]
        if faults and field_validation == "Strict":
            raise invalid(_PATCH, "", [invalid_value("patch", shown, f"strict decoding error: {', '.join(faults)}")])
        warnings = faults if field_validation in ("Warn", "") else []
        defaults.set_defaults(kind.kind, found)
        stored = self._update(kind, old, base, found, subresource, key, dry_run, owners)
        return stored, warnings + _warnings(kind, found)

    def _update(
        self,
        kind: Kind,
        old: Object,
        base: Object,
        new: Object,
        subresource: str,
        key: OwnerKey,
        dry_run: bool,
        owners: managed.Owners | None,
    ) -> Object:
        """Stores `new` (decoded and defaulted) in the place of `old`, which read again is `base`; `owners` are those of an apply."""
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
            owners.update(kind.kind, base, new, key, _ignored(kind, subresource))
        entries = owners.entries("" if _same(base, new) else self.state.clock.timestamp())
        new["metadata"] = {field: value for field, value in new["metadata"].items() if field != "managedFields"}
        if entries:
            new["metadata"]["managedFields"] = entries
        if _same(base, new) and _without_times(entries) == _without_times(was.get("managedFields") or []):
            return old
        if dry_run:
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
        if _has_status(kind):
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

    def delete_collection(
        self,
        kind: Kind,
        namespace: str,
        label_selector: str = "",
        field_selector: str = "",
        options: Object | None = None,
        dry_run: bool = False,
        *,
        items: list[Object] | None = None,
    ) -> Object:
        """The list of what was deleted. `items` are what the selectors choose; without them the label selector is evaluated here."""
        if items is None:
            items = self._chosen(kind, namespace, label_selector, field_selector)
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

    def _chosen(self, kind: Kind, namespace: str, label_selector: str, field_selector: str) -> list[Object]:
        from podtui.cluster.selectors import parse

        selector = parse(label_selector)
        fields = dict(one.replace("==", "=").split("=", 1) for one in field_selector.split(",") if "=" in one)
        found = [one for one in self.state.list(kind, namespace) if selector.matches(one["metadata"].get("labels") or {})]
        return [one for one in found if all(_at(one, path) == value for path, value in fields.items())]

    def bind(self, namespace: str, name: str, body: Mapping[str, Any], *, dry_run: bool = False) -> Object:
        """Puts a pod on a node, as a scheduler does. ApiError 404, 409 when it is on one already, 422 without a target."""
        return bind(self.state, namespace, name, body, dry_run=dry_run)

    def evict(self, namespace: str, pod: str, body: Mapping[str, Any], dry_run: bool = False) -> Object:
        """Deletes a pod as far as its PodDisruptionBudget allows. ApiError 404, 409 or 429."""
        return evict(self.state, self.deletion, namespace, pod, dict(body), dry_run=dry_run)


_PATCH = Body("", "")


def _has_status(kind: Kind) -> bool:
    return any(name == "status" for name, *_ in kind.subresources)


def _ignored(kind: Kind, subresource: str) -> tuple[Path, ...]:
    """Fields that this request cannot set, so that it does not own them either."""
    if subresource == "status":
        return _ALL_BUT_STATUS
    return _STATUS_ONLY if _has_status(kind) else ()


def _same(old: Object, new: Object) -> bool:
    """Equal but for who owns the fields."""

    def bare(obj: Object) -> Object:
        return {**obj, "metadata": {key: value for key, value in obj["metadata"].items() if key != "managedFields"}}

    return bare(old) == bare(new)


def _without_times(entries: list[Object]) -> list[Object]:
    return [{key: value for key, value in entry.items() if key != "time"} for entry in entries]


def _warnings(kind: Kind, obj: Object) -> list[str]:
    if kind is PODS:
        return pod_warnings(obj["spec"])
    template = (obj.get("spec") or {}).get("template") if isinstance(obj.get("spec"), dict) else None
    if isinstance(template, dict) and template.get("spec"):
        return pod_warnings(template["spec"], "spec.template.spec")
    return []


def _at(obj: Any, path: str) -> str:
    for key in path.split("."):
        obj = obj.get(key) if isinstance(obj, dict) else None
    return "" if obj is None else str(obj)
