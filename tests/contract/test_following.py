"""Port-forwards that go on with the pod that takes another's place: of a Deployment, of a selector, of a name."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

from pytest import mark, raises

from podtui.cluster.connection.connection import Connection
from podtui.cluster.forward.forward import Forward
from podtui.cluster.forward.manager import ForwardManager
from podtui.cluster.forward.saved import Profile, profiles
from podtui.cluster.kubeconfig.settings import ConnectionSettings
from podtui.config import ForwardConfig
from podtui.errors import PodLost
from podtui.kube.resources import PODS, ObjectRef, Resource
from tests.contract.test_forward import get, manager, pod, run, until_gone
from tests.support.waiting import until

__all__ = ["manager"]
NAMESPACE_PREFIX = "follow-"
DEPLOYMENTS = Resource("apps", "v1", "deployments", "Deployment")
MERGE = "application/merge-patch+json"


def deployment(name: str, node: str) -> dict[str, Any]:
    """Of one pod that answers HTTP with its name; its port is called http."""
    template = {"metadata": {"labels": {"app": name}}, "spec": pod("x", node, ports=[{"containerPort": 8080, "name": "http"}])["spec"]}
    del template["spec"]["terminationGracePeriodSeconds"]
    template["spec"]["terminationGracePeriodSeconds"] = 1
    spec = {"replicas": 1, "selector": {"matchLabels": {"app": name}}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": spec}


async def pod_of(connection: Connection, namespace: str, app: str) -> ObjectRef:
    """Waits for a pod with that label that is ready."""
    async with asyncio.timeout(60):
        while True:
            listed = await connection.json("GET", PODS.path(namespace), query=[("labelSelector", f"app={app}")])
            for each in listed["items"]:
                conditions = {one["type"]: one["status"] for one in each["status"].get("conditions") or ()}
                if conditions.get("Ready") == "True" and not each["metadata"].get("deletionTimestamp"):
                    return ObjectRef(PODS, each["metadata"]["name"], namespace, each["metadata"]["uid"])
            await asyncio.sleep(0.2)


async def patch(connection: Connection, namespace: str, name: str, body: dict[str, Any]) -> None:
    await connection.request("PATCH", DEPLOYMENTS.path(namespace, name), body=body, content_type=MERGE)


async def name_of_the_pod(forward: Forward) -> str:
    """Which pod answers through the forward; a pod that has just become ready may refuse until its program listens."""
    async with asyncio.timeout(60):
        while True:
            with contextlib.suppress(OSError):
                answer = (await get(forward)).decode()
                if "You've hit " in answer:
                    return answer.rpartition("You've hit ")[2].strip()
            await asyncio.sleep(0.1)


async def test_a_forward_goes_on_with_the_next_pod_of_its_deployment(
    connection: Connection, namespace: str, manager: ForwardManager, real_node: str
) -> None:
    told: list[str] = []
    manager.notices.subscribe(told.append)
    await connection.json("POST", DEPLOYMENTS.path(namespace), body=deployment("web", real_node))
    first = await pod_of(connection, namespace, "web")
    forward, other = await manager.start_all(first, ":http :8080")
    port = forward.local_port
    assert await name_of_the_pod(forward) == first.name

    # Deleted: its ReplicaSet makes another one. A connection made while there is none waits for it.
    await until_gone(connection, first)
    assert await name_of_the_pod(forward) == forward.ref.name != first.name
    second = forward.ref
    await until(lambda: other.ref == second and other.state == "active")
    assert (forward.state, forward.local_port, forward.route.previous) == ("active", port, first)
    assert told == [f"Port-forward: {second} replaced {first}"]

    # A rollout: another ReplicaSet of the same Deployment.
    await patch(connection, namespace, "web", {"spec": {"template": {"metadata": {"annotations": {"example.com/release": "2"}}}}})
    await until(lambda: forward.ref.uid != second.uid and forward.state == "active")
    third = forward.ref
    assert third.name.rpartition("-")[0] != second.name.rpartition("-")[0]
    assert (await name_of_the_pod(forward), forward.local_port) == (third.name, port)

    # No pod at all for a while.
    await patch(connection, namespace, "web", {"spec": {"replicas": 0}})
    await until(lambda: forward.state == "waiting" and forward.route.why == "deployment/web is scaled to 0")
    await patch(connection, namespace, "web", {"spec": {"replicas": 1}})
    await until(lambda: forward.state == "active")
    assert await name_of_the_pod(forward) == forward.ref.name

    # And none forever.
    await connection.request("DELETE", DEPLOYMENTS.path(namespace, "web"))
    await until(lambda: forward.state == "lost" and other.state == "lost")
    assert forward.error == "deployment/web is gone"
    with raises(PodLost, match="deployment/web is gone"):
        await manager.restart(forward.id)


async def test_a_controllers_pod_with_a_name_of_its_own_is_followed_by_that_name(
    connection: Connection, namespace: str, manager: ForwardManager, real_node: str
) -> None:
    """As the pods of a StatefulSet are. Here a ConfigMap is the controller, and the test makes the pods in its place."""
    config = await connection.json("POST", f"/api/v1/namespaces/{namespace}/configmaps", body={"metadata": {"name": "db"}})
    owner = {"apiVersion": "v1", "kind": "ConfigMap", "name": "db", "uid": config["metadata"]["uid"], "controller": True}
    mine, sibling = pod("db-0", real_node), pod("db-1", real_node)
    for body in (mine, sibling):
        body["metadata"]["ownerReferences"] = [owner]
    ref = await run(connection, namespace, mine)
    await run(connection, namespace, sibling)
    forward = await manager.start(ref, ":8080")
    await until_gone(connection, ref)
    await until(lambda: forward.state == "waiting" and forward.route.why == "there is no pod/db-0 of configmap/db yet")
    again = await run(connection, namespace, mine)
    await until(lambda: forward.state == "active")
    assert (forward.ref, await name_of_the_pod(forward)) == (again, "db-0")


def saved(namespace: str, **more: Any) -> Profile:
    settings = ConnectionSettings(context="here", cluster="", user="", server="", namespace=namespace)
    return profiles({"mine": ForwardConfig(ports=[":8080"], **more)}, settings)[0]


@mark.parametrize("target", [{"selector": "app=web,tier!=back"}, {"pod": "web-1"}], ids=["selector", "name"])
async def test_a_saved_forward_waits_for_its_pod_and_goes_on_with_the_next_one(
    connection: Connection, namespace: str, manager: ForwardManager, real_node: str, target: dict[str, str]
) -> None:
    await manager.start_profile(saved(namespace, **target))
    (forward,) = manager.forwards
    assert (forward.state, forward.name) == ("waiting", "mine")
    waiting = asyncio.create_task(name_of_the_pod(forward))  # nobody owns these pods: what counts is what the configuration says
    body, other = pod("web-1", real_node), pod("other", real_node)
    body["metadata"]["labels"], other["metadata"]["labels"] = {"app": "web"}, {"app": "web", "tier": "back"}
    await run(connection, namespace, other)
    first = await run(connection, namespace, body)
    await until(lambda: forward.state == "active")
    assert (await waiting, forward.ref, forward.route.previous) == ("web-1", first, None)
    await until_gone(connection, first)
    await until(lambda: forward.state == "waiting")
    second = await run(connection, namespace, body)
    await until(lambda: forward.state == "active")
    assert (await name_of_the_pod(forward), forward.ref, forward.route.previous) == ("web-1", second, first)
