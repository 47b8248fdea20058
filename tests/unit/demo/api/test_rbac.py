"""Who may do what in the built-in cluster: the administrator everything, others what bindings grant."""

from __future__ import annotations

from typing import Any

import pytest

from podtui.demo.api.rbac import ADMIN, Attributes, Authorizer, default_roles, impersonated, refusal
from podtui.demo.storage.kinds import CLUSTERROLEBINDINGS, CLUSTERROLES, ROLEBINDINGS, ROLES


class Roles:
    """A state of roles and bindings alone."""

    def __init__(self) -> None:
        self.objects: dict[Any, list[dict[str, Any]]] = {kind: [] for kind in (CLUSTERROLEBINDINGS, ROLEBINDINGS, ROLES)}
        self.objects[CLUSTERROLES] = list(default_roles())

    def list(self, kind: Any, namespace: str = "") -> list[dict[str, Any]]:
        return [obj for obj in self.objects[kind] if not namespace or obj["metadata"].get("namespace") == namespace]

    def get(self, kind: Any, namespace: str, name: str) -> dict[str, Any] | None:
        return next((obj for obj in self.list(kind, namespace) if obj["metadata"]["name"] == name), None)

    def bind(self, role: str, *, namespace: str = "", kind: str = "ClusterRole", subject: tuple[str, str] = ("User", "alice")) -> None:
        binding = {
            "metadata": {"name": "b", "namespace": namespace},
            "roleRef": {"kind": kind, "name": role},
            "subjects": [{"kind": subject[0], "name": subject[1]}],
        }
        self.objects[ROLEBINDINGS if namespace else CLUSTERROLEBINDINGS].append(binding)


@pytest.fixture
def roles() -> Roles:
    return Roles()


def may(roles: Roles, verb: str, resource: str, namespace: str = "web", *, user: str = "alice", groups: tuple[str, ...] = ()) -> bool:
    name, _, subresource = resource.partition("/")
    return Authorizer(roles).allows(impersonated(user, groups), Attributes(verb, "", name, subresource, namespace))  # type: ignore[arg-type]


def test_the_administrator_may_do_everything(roles: Roles) -> None:
    assert Authorizer(roles).allows(ADMIN, Attributes("delete", "", "nodes"))  # type: ignore[arg-type]


def test_an_unknown_user_may_nothing_but_ask(roles: Roles) -> None:
    assert not may(roles, "list", "pods")
    assert may(roles, "create", "selfsubjectaccessreviews", "")


def test_a_binding_in_a_namespace_grants_nothing_outside_it(roles: Roles) -> None:
    roles.bind("view", namespace="web")
    assert may(roles, "list", "pods") and may(roles, "get", "pods/log")
    assert not may(roles, "list", "pods", "db") and not may(roles, "list", "pods", "")
    assert not may(roles, "delete", "pods") and not may(roles, "create", "pods/portforward")


def test_a_binding_of_the_cluster_grants_it_everywhere(roles: Roles) -> None:
    roles.bind("edit", subject=("Group", "dev"))
    assert may(roles, "delete", "pods", "db", groups=("dev",)) and may(roles, "create", "pods/exec", groups=("dev",))
    assert not may(roles, "delete", "pods", "db")


def test_a_role_names_its_resources_and_objects(roles: Roles) -> None:
    rule = {"apiGroups": [""], "resources": ["pods"], "verbs": ["get"], "resourceNames": ["one"]}
    roles.objects[ROLES].append({"metadata": {"name": "r", "namespace": "web"}, "rules": [rule]})
    roles.bind("r", namespace="web", kind="Role")
    authorizer = Authorizer(roles)  # type: ignore[arg-type]
    alice = impersonated("alice", ())
    assert authorizer.allows(alice, Attributes("get", "", "pods", namespace="web", name="one"))
    assert not authorizer.allows(alice, Attributes("get", "", "pods", namespace="web", name="two"))
    assert not authorizer.allows(alice, Attributes("get", "", "pods", "log", "web", "one"))


def test_a_refusal_is_worded_as_the_server_words_it() -> None:
    asked = Attributes("list", "apps", "deployments", namespace="web")
    expected = 'User "alice" cannot list resource "deployments" in API group "apps" in the namespace "web"'
    assert refusal(impersonated("alice", ()), asked) == expected
    assert refusal(impersonated("alice", ()), Attributes("get", "", "nodes")).endswith('in API group "" at the cluster scope')


def test_known_users_are_in_the_group_of_authenticated_users() -> None:
    assert impersonated("alice", ["dev"]).groups == ("dev", "system:authenticated")
    assert impersonated("", ["dev"]) is ADMIN
