"""Who may do what: users by impersonation, roles and their bindings, as RBAC decides it in a real API server.

The kubeconfig makes its user the administrator. `--as USER` impersonates any other user, who may do what bindings grant: at first nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from podtui.demo.storage.kinds import CLUSTERROLEBINDINGS, CLUSTERROLES, ROLEBINDINGS, ROLES
from podtui.demo.storage.state import State

RBAC = "rbac.authorization.k8s.io"
MASTERS = "system:masters"
AUTHENTICATED = "system:authenticated"
_READ = ["get", "list", "watch"]
_WRITE = ["create", "delete", "deletecollection", "patch", "update"]
_BASIC_POSTS = {"selfsubjectaccessreviews", "selfsubjectrulesreviews", "selfsubjectreviews"}


@dataclass(frozen=True)
class User:
    """The user of a request. The groups hold `system:authenticated` where the server adds it."""

    name: str
    groups: tuple[str, ...] = ()

    @property
    def is_master(self) -> bool:
        return MASTERS in self.groups


ADMIN = User("podtui-demo", (MASTERS, AUTHENTICATED))


def impersonated(name: str, groups: Sequence[str]) -> User:
    """The user of the headers Impersonate-User and Impersonate-Group; without a name, the administrator."""
    if not name:
        return ADMIN
    given = list(dict.fromkeys(groups))
    if name == "system:anonymous":
        given += [group for group in ("system:unauthenticated",) if group not in given]
    elif AUTHENTICATED not in given:
        given.append(AUTHENTICATED)
    return User(name, tuple(given))


@dataclass(frozen=True)
class Attributes:
    """What is asked for. `subresource` is "log" of pods/log; `name` is "" for a collection, `namespace` for the cluster."""

    verb: str
    group: str
    resource: str
    subresource: str = ""
    namespace: str = ""
    name: str = ""

    @property
    def shown(self) -> str:
        return f"{self.resource}/{self.subresource}" if self.subresource else self.resource


class Authorizer:
    """Decides by the roles and bindings that exist at this moment."""

    def __init__(self, state: State) -> None:
        self._state = state

    def allows(self, user: User, asked: Attributes) -> bool:
        if user.is_master:
            return True
        if asked.verb == "create" and asked.resource in _BASIC_POSTS and AUTHENTICATED in user.groups:
            return True
        return any(_matches(rule, asked) for rule in self.rules(user, asked.namespace))

    def rules(self, user: User, namespace: str) -> Iterator[Mapping[str, Any]]:
        """The rules that bindings of the namespace and of the cluster grant to the user."""
        if user.is_master:
            yield {"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}
        for binding in self._state.list(CLUSTERROLEBINDINGS):
            if _is_bound(user, binding.get("subjects") or (), ""):
                yield from self._of(binding["roleRef"], "")
        for binding in self._state.list(ROLEBINDINGS, namespace) if namespace else ():
            if _is_bound(user, binding.get("subjects") or (), namespace):
                yield from self._of(binding["roleRef"], namespace)

    def _of(self, ref: Mapping[str, Any], namespace: str) -> Iterable[Mapping[str, Any]]:
        kind = ROLES if ref.get("kind") == "Role" else CLUSTERROLES
        role = self._state.get(kind, namespace if kind is ROLES else "", ref.get("name", ""))
        return (role or {}).get("rules") or ()


def refusal(user: User, asked: Attributes) -> str:
    """Why it is forbidden, in the server's words (`pods "x" is forbidden: ` comes before it)."""
    where = f'in the namespace "{asked.namespace}"' if asked.namespace else "at the cluster scope"
    return f'User "{user.name}" cannot {asked.verb} resource "{asked.shown}" in API group "{asked.group}" {where}'


def _is_bound(user: User, subjects: Iterable[Mapping[str, Any]], namespace: str) -> bool:
    for subject in subjects:
        kind, name = subject.get("kind"), subject.get("name")
        if kind == "User" and name == user.name:
            return True
        if kind == "Group" and name in user.groups:
            return True
        if kind == "ServiceAccount" and user.name == f"system:serviceaccount:{subject.get('namespace') or namespace}:{name}":
            return True
    return False


def _matches(rule: Mapping[str, Any], asked: Attributes) -> bool:
    def has(field: str, word: str) -> bool:
        words = rule.get(field) or ()
        return "*" in words or word in words

    resources = rule.get("resources") or ()
    named = "*" in resources or asked.shown in resources or (bool(asked.subresource) and f"*/{asked.subresource}" in resources)
    names = rule.get("resourceNames") or ()
    return has("verbs", asked.verb) and has("apiGroups", asked.group) and named and (not names or asked.name in names)


# -- what every cluster has -------------------------------------------------------------------------------------------
def _rule(group: str, resources: Sequence[str], verbs: Sequence[str]) -> dict[str, Any]:
    return {"apiGroups": [group], "resources": list(resources), "verbs": list(verbs)}


_CORE = [
    "configmaps",
    "endpoints",
    "persistentvolumeclaims",
    "pods",
    "pods/log",
    "pods/status",
    "serviceaccounts",
    "services",
    "services/status",
]
_VIEW = [
    _rule("", [*_CORE, "bindings", "events", "namespaces", "namespaces/status"], _READ),
    _rule("apps", ["deployments", "deployments/status", "replicasets", "replicasets/status", "statefulsets", "daemonsets"], _READ),
    _rule("batch", ["jobs", "jobs/status", "cronjobs"], _READ),
    _rule("discovery.k8s.io", ["endpointslices"], _READ),
    _rule("policy", ["poddisruptionbudgets", "poddisruptionbudgets/status"], _READ),
    _rule("metrics.k8s.io", ["pods", "nodes"], _READ),
]
_EDIT = [
    _rule("", ["pods/attach", "pods/exec", "pods/portforward", "pods/proxy", "secrets", "services/proxy"], _READ),
    _rule("", ["configmaps", "pods", "pods/attach", "pods/exec", "pods/portforward", "secrets", "serviceaccounts", "services"], _WRITE),
    _rule("", ["pods/eviction"], ["create"]),
    _rule("apps", ["deployments", "replicasets", "statefulsets", "daemonsets"], _WRITE),
    _rule("batch", ["jobs", "cronjobs"], _WRITE),
    _rule("policy", ["poddisruptionbudgets"], _WRITE),
    *_VIEW,
]
_ADMIN = [_rule(RBAC, ["roles", "rolebindings"], [*_READ, *_WRITE]), *_EDIT]
_ALL = [_rule("*", ["*"], ["*"]), {"nonResourceURLs": ["*"], "verbs": ["*"]}]


def default_roles() -> Iterator[dict[str, Any]]:
    """The ClusterRoles for people that a real API server makes for itself."""
    for name, rules in (("cluster-admin", _ALL), ("admin", _ADMIN), ("edit", _EDIT), ("view", _VIEW)):
        labels = {"kubernetes.io/bootstrapping": "rbac-defaults"}
        metadata = {"name": name, "labels": labels, "annotations": {"rbac.authorization.kubernetes.io/autoupdate": "true"}}
        yield {"apiVersion": f"{RBAC}/v1", "kind": "ClusterRole", "metadata": metadata, "rules": rules}
