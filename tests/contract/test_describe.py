"""The tab Describe beside `kubectl describe` of the same objects: every fact that kubectl prints is there."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from podtui.cluster.connection.connection import Connection
from podtui.kube.resources import CONFIGMAPS, NAMESPACES, NODES, PODS, SECRETS, ObjectRef
from podtui.ui.details.kinds import tabs_of
from tests.support.described import missing
from tests.support.waiting import until_answer

NAMESPACE_PREFIX = "desc-"
Kubectl = Callable[..., str]
SHELL = {"image": "busybox", "command": ["sh", "-c", "while true; do sleep 1; done"]}
PROBE: dict[str, Any] = {"exec": {"command": ["sh", "-c", "exit 0"]}}


def env(name: str, **source: Any) -> dict[str, Any]:
    return {"name": name, "valueFrom": source}


def everything(node: str) -> dict[str, Any]:
    """A pod that has of everything that kubectl describe knows and that runs on any node."""
    volumes = [
        {"name": "data", "emptyDir": {"medium": "Memory", "sizeLimit": "1Mi"}},
        {"name": "cfg", "configMap": {"name": "cfg", "items": [{"key": "a", "path": "x"}]}},
        {"name": "sec", "secret": {"secretName": "sec", "optional": True}},
        {"name": "host", "hostPath": {"path": "/tmp", "type": "Directory"}},
        {"name": "down", "downwardAPI": {"items": [{"path": "labels", "fieldRef": {"fieldPath": "metadata.labels"}}]}},
        {"name": "all", "projected": {"sources": [{"configMap": {"name": "cfg"}}, {"secret": {"name": "sec"}}]}},
    ]
    main = {
        "name": "main",
        **SHELL,
        "args": ["--verbose"],
        "ports": [{"name": "http", "containerPort": 8080}, {"containerPort": 53, "protocol": "UDP"}],
        "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}, "limits": {"cpu": "500m", "memory": "64Mi"}},
        "livenessProbe": PROBE | {"periodSeconds": 5},
        "readinessProbe": PROBE | {"initialDelaySeconds": 1},
        "startupProbe": PROBE,
        "envFrom": [{"prefix": "P_", "configMapRef": {"name": "cfg"}}, {"secretRef": {"name": "none", "optional": True}}],
        "env": [
            {"name": "PLAIN", "value": "one\ntwo"},
            env("POD", fieldRef={"fieldPath": "metadata.name"}),
            env("IP", fieldRef={"fieldPath": "status.podIP"}),
            env("APP", fieldRef={"fieldPath": "metadata.labels['app']"}),
            env("CPU", resourceFieldRef={"resource": "limits.cpu"}),
            env("MEMORY", resourceFieldRef={"resource": "requests.memory", "divisor": "1Mi"}),
            env("PASSWORD", secretKeyRef={"name": "sec", "key": "password"}),
            env("A", configMapKeyRef={"name": "cfg", "key": "a", "optional": True}),
        ],
        "volumeMounts": [
            {"name": "data", "mountPath": "/data"},
            {"name": "cfg", "mountPath": "/cfg", "subPath": "x", "readOnly": True},
            *({"name": name, "mountPath": f"/{name}"} for name in ("sec", "host", "down", "all")),
        ],
    }
    spread = {"topologyKey": "zone", "maxSkew": 1, "whenUnsatisfiable": "ScheduleAnyway", "labelSelector": {"matchLabels": {"app": "web"}}}
    return {
        "nodeName": node,
        "terminationGracePeriodSeconds": 0,
        "securityContext": {"seccompProfile": {"type": "RuntimeDefault"}},
        "nodeSelector": {"kubernetes.io/os": "linux"},
        "tolerations": [{"key": "a", "operator": "Equal", "value": "b", "effect": "NoSchedule"}, {"key": "c", "operator": "Exists"}],
        "topologySpreadConstraints": [spread],
        "readinessGates": [{"conditionType": "example.com/ready"}],
        "volumes": volumes,
        "initContainers": [
            {"name": "init", "image": "busybox", "command": ["sh", "-c", "echo"]},
            {"name": "side", "restartPolicy": "Always", **SHELL},
        ],
        "containers": [main, {"name": "crash", "image": "busybox", "command": ["sh", "-c", "exit 3"]}],
    }


async def told(connection: Connection, ref: ObjectRef) -> str:
    """The text of the tab once all that it follows is known."""
    session = SimpleNamespace(opened=connection)
    host: Any = SimpleNamespace(session=session, refresh_tab=lambda: None, key_of=lambda tab: "", key_of_command=lambda command: "")
    description = tabs_of(ref.resource).find("describe")
    assert description is not None
    tab: Any = description.make(host)
    obj = await connection.json("GET", ref.path)
    work = asyncio.create_task(tab.work(ref, obj))
    try:
        async with asyncio.timeout(30):
            while not (tab._live and all(live.known or live.error for live in tab._live.values())):  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        return "\n".join(
            line if isinstance(line, str) else "".join(part for part, _ in line) for line in tab.text(obj, 1000).lines
        )  # no word is broken
    finally:
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)


async def until_complete(connection: Connection, ref: ObjectRef, kubectl: Kubectl, *words: str) -> str:
    """The text once it has every fact of `kubectl describe` and these words: between the two the object may change."""
    lacking: list[str] = []
    where = ["-n", ref.namespace] if ref.namespace else []

    async def complete() -> str:
        nonlocal lacking
        described = await asyncio.to_thread(kubectl, "describe", ref.resource.plural, ref.name, *where)
        text = await told(connection, ref)
        lacking = [*missing(described, text), *(word for word in words if word not in text or word not in described)]
        return "" if lacking else text

    try:
        return await until_answer(complete, 45)
    except TimeoutError:
        pytest.fail("\n".join(lacking))


async def test_every_fact_that_kubectl_prints_of_a_pod_is_told(
    connection: Connection, namespace: str, real_node: str, kubectl: Kubectl
) -> None:
    await connection.json("POST", CONFIGMAPS.path(namespace), body={"metadata": {"name": "cfg"}, "data": {"a": "1"}})
    await connection.json("POST", SECRETS.path(namespace), body={"metadata": {"name": "sec"}, "stringData": {"password": "hunter2"}})
    metadata = {"name": "all", "labels": {"app": "web"}, "annotations": {"note": "hello", "long": "x" * 300, "script": "one\ntwo"}}
    await connection.json("POST", PODS.path(namespace), body={"metadata": metadata, "spec": everything(real_node)})
    text = await until_complete(connection, ObjectRef(PODS, "all", namespace), kubectl, "CrashLoopBackOff")
    assert "hunter2" not in text


async def test_every_fact_that_kubectl_prints_of_a_pod_without_a_node_is_told(
    connection: Connection, namespace: str, kubectl: Kubectl
) -> None:
    spec = {"containers": [{"name": "a", "image": "x"}], "nodeSelector": {"nowhere": "at-all"}}
    await connection.json("POST", PODS.path(namespace), body={"metadata": {"name": "waits"}, "spec": spec})
    await until_complete(connection, ObjectRef(PODS, "waits", namespace), kubectl, "FailedScheduling", "nowhere=at-all")


async def test_every_fact_that_kubectl_prints_of_a_node_and_a_namespace_is_told(
    connection: Connection, namespace: str, real_node: str, kubectl: Kubectl
) -> None:
    resources = {"requests": {"cpu": "10m", "memory": "16Mi"}, "limits": {"memory": "64Mi"}}
    spec = {"nodeName": real_node, "terminationGracePeriodSeconds": 0, "containers": [{"name": "a", **SHELL, "resources": resources}]}
    await connection.json("POST", PODS.path(namespace), body={"metadata": {"name": "here"}, "spec": spec})
    await until_complete(connection, ObjectRef(NODES, real_node), kubectl, "here")
    await until_complete(connection, ObjectRef(NAMESPACES, namespace), kubectl)
