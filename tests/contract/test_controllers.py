"""What the controllers of a cluster make of Deployments, Jobs and Services, alike on the built-in cluster and on a real one."""

from __future__ import annotations

from typing import Any

from podtui.cluster.connection.connection import Connection
from podtui.kube.resources import PODS
from tests.contract.test_endpoints import MERGE, is_gone, pod
from tests.contract.test_subresources import deployment, deployments
from tests.support.waiting import until_answer

NAMESPACE_PREFIX = "control-"
Object = dict[str, Any]


def on_node(node: str, *command: str) -> Object:
    container = {"name": "main", "image": "busybox", "command": ["sh", "-c", *command]}
    return {"nodeName": node, "terminationGracePeriodSeconds": 0, "containers": [container]}


async def test_a_deployment_is_rolled_out_by_replica_sets(connection: Connection, namespace: str, real_node: str) -> None:
    body = deployment(1)
    body["spec"]["template"]["spec"] = on_node(real_node, "while true; do sleep 1; done")
    await connection.json("POST", deployments(namespace), body=body)
    path = deployments(namespace, "web")

    async def rolled_out() -> Any:
        found = await connection.json("GET", path)
        status = found["status"]
        done = status.get("updatedReplicas") == status.get("availableReplicas") == status.get("replicas") == 1
        return found if done and status["observedGeneration"] == found["metadata"]["generation"] else None

    first = await until_answer(rolled_out)
    assert {one["type"]: (one["status"], one["reason"]) for one in first["status"]["conditions"]} == {
        "Available": ("True", "MinimumReplicasAvailable"),
        "Progressing": ("True", "NewReplicaSetAvailable"),
    }
    template = {"spec": {"template": {"metadata": {"labels": {"version": "2"}}}}}
    await connection.json("PATCH", path, body=template, content_type=MERGE)
    assert (await until_answer(rolled_out))["metadata"]["annotations"]["deployment.kubernetes.io/revision"] == "2"
    sets = (await connection.json("GET", f"/apis/apps/v1/namespaces/{namespace}/replicasets"))["items"]
    assert sorted((one["metadata"]["annotations"]["deployment.kubernetes.io/revision"], one["spec"]["replicas"]) for one in sets) == [
        ("1", 0),
        ("2", 1),
    ]
    await connection.request("DELETE", path, body={"propagationPolicy": "Foreground"})
    await until_answer(lambda: is_gone(connection, path))


async def test_a_job_counts_the_ends_of_its_pods(connection: Connection, namespace: str, real_node: str) -> None:
    path = f"/apis/batch/v1/namespaces/{namespace}/jobs"
    spec = {**on_node(real_node, "exit $CODE"), "restartPolicy": "Never"}
    for name, code in (("good", "0"), ("bad", "3")):
        container = {**spec["containers"][0], "env": [{"name": "CODE", "value": code}]}
        template = {"spec": {**spec, "containers": [container]}}
        await connection.json("POST", path, body={"metadata": {"name": name}, "spec": {"backoffLimit": 0, "template": template}})

    async def ended(name: str) -> Any:
        status = (await connection.json("GET", f"{path}/{name}"))["status"]
        return status if any(one["type"] in ("Complete", "Failed") for one in status.get("conditions") or ()) else None

    good, bad = await until_answer(lambda: ended("good")), await until_answer(lambda: ended("bad"))
    assert good["succeeded"] == 1 and good["completionTime"]
    assert {one["type"]: one["reason"] for one in good["conditions"]} == {
        "SuccessCriteriaMet": "CompletionsReached",
        "Complete": "CompletionsReached",
    }
    assert bad["failed"] == 1 and {one["reason"] for one in bad["conditions"]} == {"BackoffLimitExceeded"}


async def test_the_endpoints_of_a_service_are_its_pods(connection: Connection, namespace: str, real_node: str) -> None:
    service = {"metadata": {"name": "web"}, "spec": {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": 8080}]}}
    await connection.json("POST", f"/api/v1/namespaces/{namespace}/services", body=service)
    for name, app in (("a", "web"), ("b", "other")):
        body = pod(name, app=app)
        body["spec"] = on_node(real_node, "while true; do sleep 1; done")
        await connection.json("POST", PODS.path(namespace), body=body)
    slices = f"/apis/discovery.k8s.io/v1/namespaces/{namespace}/endpointslices"

    async def endpoints() -> Any:
        items = (await connection.json("GET", slices, query=[("labelSelector", "kubernetes.io/service-name=web")]))["items"]
        found = [one for item in items for one in item.get("endpoints") or () if one["conditions"]["ready"]]
        return (items[0], found) if found else None

    first, found = await until_answer(endpoints)
    assert [(one["targetRef"]["name"], one["nodeName"]) for one in found] == [("a", real_node)]
    assert [(port["port"], port["protocol"]) for port in first["ports"]] == [(8080, "TCP")]
    await connection.json("PATCH", PODS.path(namespace, "a"), body={"metadata": {"labels": {"app": "gone"}}}, content_type=MERGE)

    async def none() -> bool:
        return await endpoints() is None

    await until_answer(none)
