"""Deletions and evictions by keys alone, with the API server as the witness: never another pod, never past a right or a budget."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.terminal.conftest import Open
from tests.terminal.pty_session import PtySession

pytestmark = pytest.mark.usefixtures("kubeconfig")
NAMESPACE_PREFIX = "del-"
Kubectl = Callable[..., str]
LIMIT = 60.0


def pod(name: str, **labels: str) -> dict[str, Any]:
    spec = {"terminationGracePeriodSeconds": 1, "containers": [{"name": "main", "image": "example/web"}]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": labels}, "spec": spec}


def create(kubectl: Kubectl, namespace: str, *values: dict[str, Any]) -> None:
    kubectl("create", "-n", namespace, "-f", "-", input="\n---\n".join(map(json.dumps, values)))


def living(kubectl: Kubectl, namespace: str) -> dict[str, str]:
    """The pods that nobody has asked to delete, and their UIDs."""
    listed = json.loads(kubectl("get", "pods", "-n", namespace, "-o", "json"))["items"]
    return {one["metadata"]["name"]: one["metadata"]["uid"] for one in listed if "deletionTimestamp" not in one["metadata"]}


@pytest.fixture
def shop(namespace: str, kubectl: Kubectl) -> str:
    """A namespace with the pods old, web-1, web-2 and web-3, the Service web, and a budget that spares none of the three."""
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"}}
    budget = {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "web"}}
    create(
        kubectl,
        namespace,
        {**service, "spec": {"selector": {"app": "web"}, "ports": [{"port": 80}]}},
        {**budget, "spec": {"minAvailable": 3, "selector": {"matchLabels": {"app": "web"}}}},
        pod("old"),
        *(pod(f"web-{n}", app="web", keep="yes" if n == 3 else "no") for n in (1, 2, 3)),
    )
    kubectl("wait", "-n", namespace, "--for=condition=Ready", "pod", "--all", "--timeout=60s")
    return namespace


def filtered(terminal: PtySession, name: str) -> None:
    """Only the pod of this name stands in the list, under the cursor."""
    terminal.press("/")
    terminal.type(name)
    terminal.press("enter")
    terminal.wait_without(r"old .*Running" if name != "old" else r"web-1 .*Running", LIMIT)


def test_no_other_pod_is_deleted_no_budget_is_passed_and_a_selector_is_counted_first(
    open_podtui: Open, shop: str, kubectl: Kubectl
) -> None:
    terminal = open_podtui("-n", shop, size=(80, 24))
    terminal.wait_for(r"web-3 .*Running", LIMIT)

    # a pod that is made anew under the same name while the dialog shows the old one
    filtered(terminal, "old")
    terminal.press("ctrl+d")
    terminal.wait_for("nothing recreates it", LIMIT)
    before = living(kubectl, shop)
    kubectl("delete", "pod", "-n", shop, "old", "--grace-period=0", "--force")
    create(kubectl, shop, pod("old"))
    terminal.press("tab", "enter")
    terminal.wait_for("deleted and recreated", LIMIT)
    after = living(kubectl, shop)
    assert after["old"] != before["old"], "the new one lives"
    terminal.press("escape", "escape")

    # a budget that allows no disruption
    filtered(terminal, "web-1")
    terminal.press("ctrl+d")
    terminal.wait_for("service/web loses 1 endpoint: 2 ready endpoints are left", LIMIT)
    terminal.wait_for("an eviction would be refused", LIMIT)
    terminal.press("shift+tab", "shift+tab", "space")
    terminal.wait_for("Evict pod web-1", LIMIT)
    terminal.wait_for("the eviction is refused", LIMIT)
    terminal.press("tab", "tab", "enter")
    terminal.wait_for("Cannot evict pod as it would violate", LIMIT)
    assert living(kubectl, shop) == after
    terminal.press("escape", "escape")

    # all that a selector matches
    terminal.wait_for(r"old .*Running", LIMIT)
    terminal.press("D")
    terminal.wait_for("Delete pods by selector", LIMIT)
    terminal.type("app=web,keep!=yes")
    terminal.press("enter")
    terminal.wait_for("Delete all 2 pods", LIMIT)
    terminal.wait_for("no controller owns|No controller owns", LIMIT)
    terminal.type("2")
    terminal.press("enter", "enter")
    terminal.wait_without("Delete all 2 pods", LIMIT)
    left = living(kubectl, shop)
    assert left == {"old": after["old"], "web-3": after["web-3"]}


def test_a_user_of_few_rights_sees_which_are_missing_and_gets_them_without_a_new_start(
    open_podtui: Open, shop: str, kubectl: Kubectl
) -> None:
    someone = f"someone-{shop}"
    kubectl("create", "role", "few", "-n", shop, "--verb=get,list,watch,delete", "--resource=pods")
    kubectl("create", "rolebinding", "few", "-n", shop, "--role=few", f"--user={someone}")
    terminal = open_podtui("-n", shop, "--as", someone, size=(120, 36))
    terminal.wait_for(r"web-3 .*Running", LIMIT)
    terminal.wait_for(r" x Why .*\(L\) Label", LIMIT)  # while there is no pod, every key is dimmed
    terminal.press("L")
    terminal.wait_for("Label: you lack permission to patch pods", LIMIT)

    terminal.press("ctrl+d")
    terminal.wait_for("you lack permission to create pods/eviction", LIMIT)
    terminal.wait_for("unknown: .*you lack permission to list", LIMIT)
    terminal.press("escape")
    terminal.wait_without("Grace period", LIMIT)

    kubectl("create", "role", "more", "-n", shop, "--verb=patch", "--resource=pods")
    kubectl("create", "rolebinding", "more", "-n", shop, "--role=more", f"--user={someone}")
    kubectl("auth", "can-i", "patch", "pods", "-n", shop, f"--as={someone}")
    terminal.press("ctrl+r")
    terminal.wait_for(r" L Label", LIMIT)
    assert len(living(kubectl, shop)) == 4
