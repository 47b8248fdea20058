"""The parts of objects that have a path of their own: status, scale, binding, finalize; reviews of others' rights, and metrics."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from podtui.cluster.connection.connection import Connection
from podtui.errors import ApiError, Conflict, Invalid, NotFound, NotServed
from podtui.kube.resources import PODS
from tests.contract.test_endpoints import MERGE, config_map, is_gone, maps, pod
from tests.support.waiting import until_answer

NAMESPACE_PREFIX = "sub-"
Object = dict[str, Any]


def deployments(namespace: str, name: str = "") -> str:
    return f"/apis/apps/v1/namespaces/{namespace}/deployments" + (f"/{name}" if name else "")


def deployment(replicas: int = 0) -> Object:
    template = {"metadata": {"labels": {"app": "web"}}, "spec": pod("")["spec"]}
    return {"metadata": {"name": "web"}, "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": "web"}}, "template": template}}


async def test_the_status_is_written_by_its_own_path_alone(connection: Connection, namespace: str) -> None:
    await connection.json("POST", PODS.path(namespace), body=pod("a"))
    path, change = PODS.path(namespace, "a"), {"metadata": {"labels": {"a": "1"}}, "status": {"message": "told"}}
    after = await connection.json("PATCH", path, body=change, content_type=MERGE)
    assert after["metadata"]["labels"] == {"a": "1"} and "message" not in after["status"]
    change = {"spec": {"activeDeadlineSeconds": 5}, "status": {"message": "told"}}
    after = await connection.json("PATCH", f"{path}/status", body=change, content_type=MERGE)
    assert after["status"]["message"] == "told" and "activeDeadlineSeconds" not in after["spec"]
    read = await connection.json("GET", f"{path}/status")
    assert (read["kind"], read["status"]["message"]) == ("Pod", "told")
    (entry,) = (one for one in read["metadata"]["managedFields"] if one.get("subresource") == "status")
    assert entry["fieldsV1"] == {"f:status": {"f:message": {}}}


async def test_the_scale_of_a_deployment_is_read_replaced_and_patched(connection: Connection, namespace: str) -> None:
    await connection.json("POST", deployments(namespace), body=deployment())
    path = f"{deployments(namespace, 'web')}/scale"
    scale = await connection.json("GET", path)
    assert (scale["kind"], scale["apiVersion"], scale["metadata"]["name"]) == ("Scale", "autoscaling/v1", "web")
    assert scale["spec"] == {} and scale["status"]["selector"] == "app=web"
    metadata = {"name": "web", "namespace": namespace}  # without a version: its controller may have written meanwhile
    after = await connection.json("PUT", path, body={**scale, "metadata": metadata, "spec": {"replicas": 2}})
    assert after["spec"] == {"replicas": 2}
    assert (await connection.json("PATCH", path, body={"spec": {"replicas": 1}}, content_type=MERGE))["spec"] == {"replicas": 1}
    assert (await connection.json("GET", deployments(namespace, "web")))["spec"]["replicas"] == 1
    with pytest.raises(Invalid, match="must be greater than or equal to 0"):
        await connection.json("PATCH", path, body={"spec": {"replicas": -1}}, content_type=MERGE)


async def test_a_second_binding_of_a_pod_is_a_conflict(connection: Connection, namespace: str) -> None:
    await connection.json("POST", PODS.path(namespace), body=pod("a"))
    path = f"{PODS.path(namespace, 'a')}/binding"
    target = {"apiVersion": "v1", "kind": "Node", "name": "no-such-node"}
    binding = {"apiVersion": "v1", "kind": "Binding", "metadata": {"name": "a"}, "target": target}
    assert (await connection.json("POST", path, body=binding))["status"] == "Success"
    bound = await connection.json("GET", PODS.path(namespace, "a"))
    assert bound["spec"]["nodeName"] == "no-such-node"
    assert [(one["type"], one["status"]) for one in bound["status"]["conditions"]] == [("PodScheduled", "True")]
    with pytest.raises(Conflict, match='pod a is already assigned to node "no-such-node"'):
        await connection.json("POST", path, body=binding)
    await connection.request("DELETE", PODS.path(namespace, "a"), query=[("gracePeriodSeconds", "0")])


async def test_a_namespace_goes_once_nobody_finalizes_it_any_more(connection: Connection, namespace: str) -> None:
    other, path, waits = f"{namespace}-b", f"/api/v1/namespaces/{namespace}-b", "example.com/wait"
    made = await connection.json("POST", "/api/v1/namespaces", body={"metadata": {"name": other}, "spec": {"finalizers": [waits]}})
    assert made["spec"]["finalizers"] == [waits, "kubernetes"]
    await connection.request("DELETE", path)

    async def emptied() -> bool:
        return bool((await connection.json("GET", path))["spec"].get("finalizers") == [waits])

    await until_answer(emptied)
    held = await connection.json("GET", path)
    assert held["status"]["phase"] == "Terminating"
    await connection.json("PUT", f"{path}/finalize", body={**held, "spec": {}})
    await until_answer(lambda: is_gone(connection, path))


async def test_the_rights_of_others_can_be_reviewed(connection: Connection, namespace: str) -> None:
    group, attributes = "/apis/authorization.k8s.io/v1", {"namespace": namespace, "verb": "get", "resource": "pods"}
    spec = {"user": "nobody", "resourceAttributes": attributes}
    review: Object = {"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": spec}
    assert (await connection.json("POST", f"{group}/subjectaccessreviews", body=review))["status"] == {"allowed": False}
    spec["groups"] = ["system:masters"]
    review = {**review, "kind": "LocalSubjectAccessReview", "metadata": {"namespace": namespace}}
    path = f"{group}/namespaces/{namespace}/localsubjectaccessreviews"
    assert (await connection.json("POST", path, body=review))["status"]["allowed"] is True


async def test_the_usage_of_pods_and_nodes_is_measured(connection: Connection, namespace: str, real_node: str) -> None:
    """Where somebody measures it: a real cluster needs a metrics server for that."""
    group = "/apis/metrics.k8s.io/v1beta1"
    try:
        await connection.json("GET", group)
    except NotServed:
        pytest.skip("this cluster has no metrics server")
    body = pod("a")
    body["spec"]["nodeName"] = real_node
    await connection.json("POST", PODS.path(namespace), body=body)

    async def measured() -> Any:
        return (await connection.json("GET", f"{group}/namespaces/{namespace}/pods"))["items"]

    (found,) = await until_answer(measured)
    assert found["metadata"]["name"] == "a" and found["window"]
    (container,) = found["containers"]
    assert container["name"] == "main" and container["usage"].keys() == {"cpu", "memory"}
    alone = await connection.json("GET", f"{group}/namespaces/{namespace}/pods/a")
    assert (alone["kind"], alone["metadata"]["name"]) == ("PodMetrics", "a")
    nodes = (await connection.json("GET", f"{group}/nodes"))["items"]
    assert real_node in {node["metadata"]["name"] for node in nodes}
    with pytest.raises(NotFound):
        await connection.json("GET", f"{group}/namespaces/{namespace}/pods/none")


async def test_an_unknown_subresource_is_not_found(connection: Connection, namespace: str) -> None:
    await connection.json("POST", maps(namespace), body=config_map("a"))
    for part in ("status", "scale", "nothing"):
        with pytest.raises(ApiError) as caught:
            await connection.json("GET", f"{maps(namespace, 'a')}/{part}")
        assert caught.value.status == 404, part
        await asyncio.sleep(0)
