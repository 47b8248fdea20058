"""Creating: named, defaulted, admitted, prepared, validated and stored, as `rest.BeforeCreate` and the admission plugins do it."""

from __future__ import annotations

from typing import Any

from podtui.demo.rules import defaults
from podtui.demo.rules.pod_validation import warnings_of
from podtui.demo.rules.schema import type_of, zero
from podtui.demo.rules.validation import create_causes
from podtui.demo.storage.errors import ApiError, already_exists, forbidden, invalid, not_found
from podtui.demo.storage.kinds import JOBS, NAMESPACES, NODES, PODS, SERVICEACCOUNTS, SERVICES, Kind
from podtui.demo.storage.state import State
from podtui.demo.writes import managed
from podtui.demo.writes.incoming import place
from podtui.demo.writes.namespaces import Namespaces

Object = dict[str, Any]

_GENERATED = 58
"""How much of generateName is kept before the five letters that the server adds."""
_ATTEMPTS = 8
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


class Creation:
    def __init__(self, state: State, namespaces: Namespaces) -> None:
        self.state = state
        self.namespaces = namespaces

    def create(
        self, kind: Kind, namespace: str, found: Object, warnings: list[str], dry_run: bool, manager: str, appliers: managed.Owners | None
    ) -> tuple[Object, list[str]]:
        """Makes a decoded object, and adds to the warnings. `appliers` own its fields when it comes from an apply, else `manager` does.

        ApiError 403, 404, 409, 422 or 500.
        """
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
            owners.update(kind.kind, zero(type_of(kind.kind)), found, owner, managed.ignored(kind, ""))
        self._admit(kind, namespace, found)
        self._prepare(kind, found)
        causes = create_causes(kind.kind, found, kind.namespaced)
        if causes:
            raise invalid(kind, metadata.get("name", ""), causes)
        if entries := owners.entries(self.state.clock.timestamp()):
            metadata["managedFields"] = entries
        warnings += warnings_of(kind, found)
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
        if kind.has_status and kind is not NODES:
            obj["status"] = zero(type_of(kind.kind)).get("status", {})
        if kind is NAMESPACES:
            given = obj["spec"].get("finalizers") or []
            obj["spec"]["finalizers"] = given if "kubernetes" in given else [*given, "kubernetes"]
            obj["status"] = {"phase": "Active"}
        elif kind is SERVICES:
            defaults.allocate_service(obj, self.state.clock.random, lambda: self.state.list(SERVICES))
        elif kind is JOBS:
            obj["metadata"]["uid"] = self.state.new_uid()
            defaults.label_job(obj)
