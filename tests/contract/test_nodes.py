"""Nodes: cordoned and labelled as kubectl does it, never another one than was meant, and their page beside `kubectl describe node`."""

from __future__ import annotations

import asyncio
import json
import re
import secrets
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import pytest_asyncio

from podtui.cluster.changes.objects import Objects
from podtui.cluster.connection.connection import Connection
from podtui.cluster.live.live_objects import LiveObjects
from podtui.cluster.live.store import RowStore
from podtui.cluster.pods.nodes import describe_node, pod_rows
from podtui.cluster.pods.partial_objects import pod_on_node
from podtui.errors import NotFound, Replaced
from podtui.kube.quantities import value
from podtui.kube.resources import NODES, PODS, ObjectRef, Scope

Kubectl = Callable[..., str]
NAMESPACE_PREFIX = "nodes-"
UNSCHEDULABLE = "node.kubernetes.io/unschedulable"


@pytest_asyncio.fixture
async def node(connection: Connection) -> AsyncIterator[ObjectRef]:
    """A node of its own, that no kubelet runs: nothing is put there."""
    body = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": f"cordon-{secrets.token_hex(4)}"}}
    made = (await connection.json("POST", NODES.path(), body=body))["metadata"]
    ref = ObjectRef(NODES, made["name"], "", made["uid"], made["resourceVersion"])
    try:
        yield ref
    finally:
        await connection.request("DELETE", ref.path)


async def once(connection: Connection, ref: ObjectRef, holds: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """The object once it is as it should be."""
    for _ in range(300):
        found: dict[str, Any] = await connection.json("GET", ref.path)
        if holds(found):
            return found
        await asyncio.sleep(0.1)
    raise AssertionError(found)


def taints(found: dict[str, Any]) -> list[str]:
    return [taint["key"] for taint in found["spec"].get("taints") or ()]


async def test_a_node_is_cordoned_and_uncordoned_as_kubectl_does_it(connection: Connection, node: ObjectRef, kubectl: Kubectl) -> None:
    objects = Objects(connection)
    await objects.cordon(node, True)
    found = await once(connection, node, lambda found: UNSCHEDULABLE in taints(found))
    assert found["spec"]["unschedulable"] is True
    assert "SchedulingDisabled" in kubectl("get", "node", node.name)
    assert describe_node(found).status.endswith(",SchedulingDisabled")
    assert kubectl("cordon", node.name).strip() == f"node/{node.name} already cordoned"

    await objects.cordon(node, False)
    found = await once(connection, node, lambda found: UNSCHEDULABLE not in taints(found))
    assert "unschedulable" not in found["spec"]
    assert kubectl("uncordon", node.name).strip() == f"node/{node.name} already uncordoned"
    kubectl("cordon", node.name)
    assert (await objects.get(node))["spec"]["unschedulable"] is True


async def test_a_node_that_was_made_anew_is_not_cordoned(connection: Connection, node: ObjectRef) -> None:
    objects = Objects(connection)
    other = ObjectRef(NODES, node.name, "", "00000000-0000-4000-8000-000000000000")
    with pytest.raises(Replaced):
        await objects.cordon(other, True)
    assert "unschedulable" not in (await objects.get(node))["spec"]
    with pytest.raises(NotFound):
        await objects.cordon(ObjectRef(NODES, "there-is-no-such-node"), True)


async def test_the_page_of_a_node_adds_up_what_kubectl_adds_up(
    connection: Connection, namespace: str, real_node: str, kubectl: Kubectl
) -> None:
    asks = {"cpu": "15m", "memory": "20Mi"}
    container = {"image": "busybox", "command": ["sh", "-c", "sleep 3600"], "resources": {"requests": asks}}
    sidecar = {"name": "s", "restartPolicy": "Always", **container}
    spec = {
        "nodeName": real_node,
        "containers": [{"name": "c", **container}],
        "initContainers": [sidecar],
        "terminationGracePeriodSeconds": 1,
    }
    await connection.json("POST", PODS.path(namespace), body={"metadata": {"name": "asking"}, "spec": spec})
    live = LiveObjects(PODS.path(), f"spec.nodeName={real_node}", lambda: None, pod_on_node)
    running = asyncio.create_task(live.run(connection))
    try:
        for _ in range(60):  # pods of other tests come and go in between
            told = allocated(kubectl("describe", "node", real_node))
            found = json.loads(kubectl("get", "node", real_node, "-o", "json"))
            rows = pod_rows(live.items.values())
            mine = {each.resource: each.requested for each in describe_node(found, rows).resources}
            if any(row.name == "asking" and row.namespace == namespace for row in rows) and all(
                mine[key] == value(told[key]) for key in ("cpu", "memory")
            ):
                break
            await asyncio.sleep(0.5)
        assert {key: mine[key] for key in ("cpu", "memory")} == {key: value(told[key]) for key in ("cpu", "memory")}
        asking = next(row for row in rows if row.name == "asking" and row.namespace == namespace)
        assert asking.requests == {"cpu": value("30m"), "memory": value("40Mi")}
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


def allocated(described: str) -> dict[str, str]:
    """The requests under `Allocated resources`, by resource."""
    table = described.partition("Allocated resources:")[2]
    return dict(re.findall(r"^ +([a-z0-9-]+) +(\S+) \(\d+%\)", table, re.MULTILINE))


async def test_the_pods_of_a_node_are_narrowed_by_the_server(connection: Connection, namespace: str, real_node: str) -> None:
    for name, where in (("there", {"nodeName": real_node}), ("nowhere", {"nodeSelector": {"nowhere": "at-all"}})):
        spec = {"containers": [{"name": "c", "image": "busybox"}], "terminationGracePeriodSeconds": 1, **where}
        await connection.json("POST", PODS.path(namespace), body={"metadata": {"name": name}, "spec": spec})
    store = RowStore(PODS, Scope((namespace,), "", real_node))
    store.start(connection)
    try:
        for _ in range(300):
            if store.known and store.rows:
                break
            await asyncio.sleep(0.1)
        assert {row.name for row in store.rows.values()} == {"there"}
        store.set_scope(Scope((namespace,)))
        for _ in range(300):
            if len(store.rows) == 2:
                break
            await asyncio.sleep(0.1)
        assert {row.name for row in store.rows.values()} == {"there", "nowhere"}
    finally:
        await store.close()
