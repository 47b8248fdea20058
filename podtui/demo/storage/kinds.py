"""The kinds that the built-in cluster serves, under the names that a real API server gives them in discovery."""

from __future__ import annotations

from dataclasses import dataclass

ALL_VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")
"""What can be done with nearly every kind, in the order of discovery."""


@dataclass(frozen=True, eq=False)
class Kind:
    """One kind of object. There is one instance of each, so kinds are compared and hashed by identity."""

    group: str
    """The API group; "" for the core one."""
    version: str
    kind: str
    plural: str
    """The resource, as it stands in paths and in access reviews."""
    singular: str
    short: tuple[str, ...]
    namespaced: bool
    verbs: tuple[str, ...] = ALL_VERBS
    categories: tuple[str, ...] = ()
    subresources: tuple[tuple[str, str, tuple[str, ...]], ...] = ()
    """Name, kind and verbs of each subresource; the kind is `Group/version/Kind` where it is not the resource's own."""
    generation: bool = True
    """Whether metadata.generation counts the changes of spec."""

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

PODS = Kind(
    "", "v1", "Pod", "pods", "pod", ("po",), True, categories=("all",),
    subresources=(
        ("binding", "Binding", ("create",)),
        ("eviction", "policy/v1/Eviction", ("create",)),
        ("exec", "PodExecOptions", ("create", "get")),
        ("log", "Pod", ("get",)),
        ("portforward", "PodPortForwardOptions", ("create", "get")),
        ("status", "Pod", _STATUS),
    ),
)  # fmt: skip
NODES = Kind("", "v1", "Node", "nodes", "node", ("no",), False, subresources=(("status", "Node", _STATUS),), generation=False)
NAMESPACES = Kind(
    "", "v1", "Namespace", "namespaces", "namespace", ("ns",), False,
    verbs=tuple(verb for verb in ALL_VERBS if verb != "deletecollection"),
    subresources=(("finalize", "Namespace", ("update",)), ("status", "Namespace", _STATUS)),
    generation=False,
)  # fmt: skip
SERVICES = Kind(
    "", "v1", "Service", "services", "service", ("svc",), True, categories=("all",),
    subresources=(("status", "Service", _STATUS),), generation=False,
)  # fmt: skip
EVENTS = Kind("", "v1", "Event", "events", "event", ("ev",), True, generation=False)
CONFIGMAPS = Kind("", "v1", "ConfigMap", "configmaps", "configmap", ("cm",), True, generation=False)
SECRETS = Kind("", "v1", "Secret", "secrets", "secret", (), True, generation=False)
SERVICEACCOUNTS = Kind("", "v1", "ServiceAccount", "serviceaccounts", "serviceaccount", ("sa",), True, generation=False)
DEPLOYMENTS = Kind(
    "apps",
    "v1",
    "Deployment",
    "deployments",
    "deployment",
    ("deploy",),
    True,
    categories=("all",),
    subresources=(
        _SCALE,
        ("status", "Deployment", _STATUS),
    ),
)
REPLICASETS = Kind(
    "apps",
    "v1",
    "ReplicaSet",
    "replicasets",
    "replicaset",
    ("rs",),
    True,
    categories=("all",),
    subresources=(
        _SCALE,
        ("status", "ReplicaSet", _STATUS),
    ),
)
JOBS = Kind("batch", "v1", "Job", "jobs", "job", (), True, categories=("all",), subresources=(("status", "Job", _STATUS),))
ENDPOINTSLICES = Kind("discovery.k8s.io", "v1", "EndpointSlice", "endpointslices", "endpointslice", (), True)
PODDISRUPTIONBUDGETS = Kind(
    "policy", "v1", "PodDisruptionBudget", "poddisruptionbudgets", "poddisruptionbudget", ("pdb",), True,
    subresources=(("status", "PodDisruptionBudget", _STATUS),),
)  # fmt: skip

_RBAC = "rbac.authorization.k8s.io"
CLUSTERROLEBINDINGS = Kind(_RBAC, "v1", "ClusterRoleBinding", "clusterrolebindings", "clusterrolebinding", (), False, generation=False)
CLUSTERROLES = Kind(_RBAC, "v1", "ClusterRole", "clusterroles", "clusterrole", (), False, generation=False)
ROLEBINDINGS = Kind(_RBAC, "v1", "RoleBinding", "rolebindings", "rolebinding", (), True, generation=False)
ROLES = Kind(_RBAC, "v1", "Role", "roles", "role", (), True, generation=False)

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
