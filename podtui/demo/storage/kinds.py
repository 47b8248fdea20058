"""The kinds that the built-in cluster serves, under the names that a real API server gives them in discovery."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

ALL_VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")
"""What can be done with nearly every kind, in the order of discovery."""


@dataclass(frozen=True, eq=False)
class Kind:
    """One kind of object, in version v1. There is one instance of each, so kinds are compared and hashed by identity."""

    group: str
    """The API group; "" for the core one."""
    kind: str
    short: tuple[str, ...] = ()
    namespaced: bool = True
    verbs: tuple[str, ...] = ALL_VERBS
    categories: tuple[str, ...] = ()
    subresources: tuple[tuple[str, str, tuple[str, ...]], ...] = ()
    """Name, kind and verbs of each subresource; the kind is `Group/version/Kind` where it is not the resource's own."""
    generation: bool = True
    """Whether metadata.generation counts the changes of spec."""
    version: ClassVar[str] = "v1"

    @property
    def singular(self) -> str:
        return self.kind.lower()

    @property
    def plural(self) -> str:
        """The resource, as it stands in paths and in access reviews."""
        return f"{self.singular}s"

    @property
    def api_version(self) -> str:
        """`v1`, `apps/v1`: what stands in an object."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def list_kind(self) -> str:
        return f"{self.kind}List"

    @property
    def has_status(self) -> bool:
        """Whether the status is written by a request of its own."""
        return any(name == "status" for name, *_ in self.subresources)

    def path(self, namespace: str = "", name: str = "") -> str:
        """The URL's path from `/api` or `/apis` on; the whole collection in all namespaces when nothing is named."""
        parts = ["/apis" if self.group else "/api", self.api_version]
        if self.namespaced and namespace:
            parts += ["namespaces", namespace]
        parts.append(self.plural)
        if name:
            parts.append(name)
        return "/".join(parts)

    def __repr__(self) -> str:
        return f"<{self.api_version} {self.kind}>"


_STATUS = ("get", "patch", "update")
_SCALE = ("scale", "autoscaling/v1/Scale", _STATUS)
_ALL = ("all",)

PODS = Kind(
    "",
    "Pod",
    ("po",),
    categories=_ALL,
    subresources=(
        ("binding", "Binding", ("create",)),
        ("eviction", "policy/v1/Eviction", ("create",)),
        ("exec", "PodExecOptions", ("create", "get")),
        ("log", "Pod", ("get",)),
        ("portforward", "PodPortForwardOptions", ("create", "get")),
        ("status", "Pod", _STATUS),
    ),
)
NODES = Kind("", "Node", ("no",), namespaced=False, subresources=(("status", "Node", _STATUS),), generation=False)
NAMESPACES = Kind(
    "",
    "Namespace",
    ("ns",),
    namespaced=False,
    verbs=tuple(verb for verb in ALL_VERBS if verb != "deletecollection"),
    subresources=(("finalize", "Namespace", ("update",)), ("status", "Namespace", _STATUS)),
    generation=False,
)
SERVICES = Kind("", "Service", ("svc",), categories=_ALL, subresources=(("status", "Service", _STATUS),), generation=False)
EVENTS = Kind("", "Event", ("ev",), generation=False)
CONFIGMAPS = Kind("", "ConfigMap", ("cm",), generation=False)
SECRETS = Kind("", "Secret", generation=False)
SERVICEACCOUNTS = Kind("", "ServiceAccount", ("sa",), generation=False)
DEPLOYMENTS = Kind("apps", "Deployment", ("deploy",), categories=_ALL, subresources=(_SCALE, ("status", "Deployment", _STATUS)))
REPLICASETS = Kind("apps", "ReplicaSet", ("rs",), categories=_ALL, subresources=(_SCALE, ("status", "ReplicaSet", _STATUS)))
JOBS = Kind("batch", "Job", categories=_ALL, subresources=(("status", "Job", _STATUS),))
ENDPOINTSLICES = Kind("discovery.k8s.io", "EndpointSlice")
PODDISRUPTIONBUDGETS = Kind("policy", "PodDisruptionBudget", ("pdb",), subresources=(("status", "PodDisruptionBudget", _STATUS),))

_RBAC = "rbac.authorization.k8s.io"
CLUSTERROLEBINDINGS = Kind(_RBAC, "ClusterRoleBinding", namespaced=False, generation=False)
CLUSTERROLES = Kind(_RBAC, "ClusterRole", namespaced=False, generation=False)
ROLEBINDINGS = Kind(_RBAC, "RoleBinding", generation=False)
ROLES = Kind(_RBAC, "Role", generation=False)

KINDS: tuple[Kind, ...] = (
    CONFIGMAPS,
    EVENTS,
    NAMESPACES,
    NODES,
    PODS,
    SECRETS,
    SERVICEACCOUNTS,
    SERVICES,
    DEPLOYMENTS,
    REPLICASETS,
    JOBS,
    PODDISRUPTIONBUDGETS,
    ENDPOINTSLICES,
    CLUSTERROLEBINDINGS,
    CLUSTERROLES,
    ROLEBINDINGS,
    ROLES,
)

_BY_NAME = {(kind.api_version, kind.kind): kind for kind in KINDS}
_BY_PLURAL = {(kind.group, kind.version, kind.plural): kind for kind in KINDS}


def kind_of(api_version: str, kind: str) -> Kind | None:
    """The kind that an object's apiVersion and kind name."""
    return _BY_NAME.get((api_version, kind))


def kind_at(group: str, version: str, plural: str) -> Kind | None:
    """The kind that a path names: `kind_at("apps", "v1", "replicasets")`."""
    return _BY_PLURAL.get((group, version, plural))
