"""Answers with something else in one of their places: an error of podtui at most, and the next good answer heals."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from podtui.cluster.connection.access import Access
from podtui.cluster.connection.decoding import UnreadableAnswer
from podtui.cluster.connection.discovery import Discovery
from podtui.cluster.connection.reading import read_object
from podtui.cluster.diagnose.diagnose import diagnose
from podtui.cluster.diagnose.facts import gather
from podtui.cluster.exec.shells import places
from podtui.cluster.impact.effects import deletion
from podtui.cluster.impact.namespace_contents import count
from podtui.cluster.impact.related import read
from podtui.cluster.pods.details import describe
from podtui.cluster.pods.lineage import lineage_of
from podtui.cluster.pods.partial_objects import pods_on_node
from podtui.cluster.pods.running_pod import is_leaving, ref_of, running_pod
from podtui.errors import PodtuiError
from podtui.kube.objects import is_true
from podtui.kube.resources import PODS, ObjectRef
from tests.support.api_server import ApiServer
from tests.support.mutated_answers import mutated

REF = ObjectRef(PODS, "web-1", "shop", "u1")
OWNER = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web", "uid": "r1", "controller": True}
STARTED = "2026-01-02T03:04:05Z"
POD: dict[str, Any] = {
    "kind": "Pod",
    "metadata": {
        **{"name": "web-1", "namespace": "shop", "uid": "u1", "generateName": "web-", "resourceVersion": "7", "creationTimestamp": STARTED},
        **{"labels": {"app": "web"}, "annotations": {"a": "b"}, "finalizers": ["f.example/x"], "ownerReferences": [OWNER]},
        "managedFields": [{"manager": "kubectl", "operation": "Update", "fieldsV1": {"f:metadata": {"f:finalizers": {}}}}],
    },
    "spec": {
        "nodeName": "n1",
        "containers": [
            {
                **{"name": "app", "image": "a:1", "ports": [{"containerPort": 80}], "env": [{"name": "A", "value": "b"}]},
                "resources": {"requests": {"cpu": "1", "memory": "1Gi"}},
                "livenessProbe": {"httpGet": {"path": "/", "port": 80}, "periodSeconds": 3},
                "volumeMounts": [{"name": "v", "mountPath": "/v"}],
            }
        ],
        "initContainers": [{"name": "init", "image": "b", "restartPolicy": "Always"}],
        "volumes": [{"name": "v", "configMap": {"name": "c"}}],
        "tolerations": [{"key": "k", "operator": "Exists", "tolerationSeconds": 3}],
    },
    "status": {
        "phase": "Running",
        "conditions": [{"type": "Ready", "status": "False", "lastTransitionTime": STARTED}],
        "containerStatuses": [
            {
                **{"name": "app", "ready": False, "restartCount": 3, "state": {"waiting": {"reason": "CrashLoopBackOff"}}},
                "lastState": {"terminated": {"exitCode": 1, "reason": "Error", "startedAt": STARTED, "finishedAt": STARTED}},
            }
        ],
    },
}
SELECTOR = {"matchLabels": {"app": "web"}, "matchExpressions": [{"key": "k", "operator": "In", "values": ["v"]}]}
REPLICASET: dict[str, Any] = {
    "kind": "ReplicaSet",
    "metadata": {"name": "web", "namespace": "shop", "uid": "r1", "ownerReferences": [{**OWNER, "kind": "Deployment", "uid": "d1"}]},
    "spec": {"replicas": 1, "selector": SELECTOR},
    "status": {"replicas": 1, "readyReplicas": 0},
}
NODE: dict[str, Any] = {
    "metadata": {"name": "n1", "labels": {"a": "b"}},
    "spec": {"taints": [{"key": "k", "effect": "NoSchedule"}]},
    "status": {"allocatable": {"cpu": "2", "memory": "4Gi", "pods": "110"}, "conditions": [{"type": "Ready", "status": "True"}]},
}
EVENT: dict[str, Any] = {
    **{"metadata": {"name": "e", "uid": "e1", "resourceVersion": "8"}, "type": "Warning", "reason": "BackOff", "message": "x", "count": 2},
    **{"lastTimestamp": STARTED, "firstTimestamp": STARTED, "source": {"component": "kubelet"}, "series": {"count": 3}},
    "involvedObject": {"kind": "Pod", "name": "web-1", "uid": "u1", "fieldPath": "spec.containers{app}"},
}
REVIEW = "/apis/authorization.k8s.io/v1/selfsubject"
RULES = {"incomplete": False, "resourceRules": [{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}], "nonResourceRules": []}


def listed(item: dict[str, Any]) -> dict[str, Any]:
    return {"kind": "List", "metadata": {"resourceVersion": "9", "remainingItemCount": 0}, "items": [item]}


def resources(*found: tuple[str, str]) -> dict[str, Any]:
    return {
        "kind": "APIResourceList",
        "resources": [{"name": name, "kind": kind, "namespaced": True, "verbs": ["get"]} for name, kind in found],
    }


GOOD: dict[str, dict[str, Any]] = {
    "/api": {"kind": "APIVersions", "versions": ["v1"]},
    "/apis": {"kind": "APIGroupList", "groups": [{"name": "apps", "versions": [{"version": "v1"}]}]},
    "/api/v1": resources(("pods", "Pod")),
    "/apis/apps/v1": resources(("replicasets", "ReplicaSet")),
    "/api/v1/namespaces/shop": {"metadata": {"name": "shop", "deletionTimestamp": STARTED}, "status": {"conditions": [{"type": "X"}]}},
    "/api/v1/namespaces/shop/pods": listed(POD),
    "/api/v1/namespaces/shop/pods/web-1": POD,
    "/api/v1/namespaces/shop/events": listed(EVENT),
    "/api/v1/namespaces/shop/services": listed({"metadata": {"name": "s", "uid": "s1"}, "spec": {"selector": {"app": "web"}}}),
    "/api/v1/namespaces/shop/configmaps/c": {"metadata": {"name": "c"}},
    "/apis/apps/v1/namespaces/shop/replicasets": listed(REPLICASET),
    "/apis/apps/v1/namespaces/shop/replicasets/web": REPLICASET,
    "/api/v1/nodes/n1": NODE,
    "/api/v1/nodes": listed(NODE),
    "/api/v1/pods": listed(POD),
    f"{REVIEW}rulesreviews": {"status": RULES},
    f"{REVIEW}accessreviews": {"status": {"allowed": True}},
}


async def _details(server: Any) -> object:
    obj, _ = await read_object(server, REF)
    return describe(obj)


async def _pod(server: Any) -> object:
    pod = await running_pod(server, REF)
    return ref_of(pod), is_true(pod, "Ready"), is_leaving(pod)


async def _lineage(server: Any) -> object:
    return await lineage_of(server, await server.json("GET", REF.path))


async def _diagnosis(server: Any) -> object:
    return diagnose(await gather(server, REF, 1_800_000_000.0))


async def _impact(server: Any) -> object:
    found = await read(server, Access(server), [REF])
    return [deletion(around) for around in found]


async def _contents(server: Any) -> object:
    return await count(server, Access(server), Discovery(server), "shop")


async def _rights(server: Any) -> object:
    access = Access(server)
    return await access.review("get", "pods", "shop"), await access.review("list", "nodes", "")


READERS: dict[str, tuple[Callable[[Any], Awaitable[object]], tuple[str, ...]]] = {
    "details": (_details, (REF.path,)),
    "pod": (_pod, (REF.path,)),
    "shells": (lambda server: places(server, REF), (REF.path,)),
    "lineage": (_lineage, (REF.path, "/apis/apps/v1/namespaces/shop/replicasets/web")),
    "diagnosis": (_diagnosis, (REF.path, "/api/v1/namespaces/shop/events", "/api/v1/nodes/n1")),
    "impact": (_impact, tuple(path for path in GOOD if "shop" in path or path.startswith(REVIEW))),
    "contents": (_contents, tuple(path for path in GOOD if path.startswith(("/api", REVIEW)) and "nodes" not in path)),
    "node": (lambda server: pods_on_node(server, "n1", 10), ("/api/v1/pods",)),
    "rights": (_rights, (f"{REVIEW}rulesreviews", f"{REVIEW}accessreviews")),
}


@pytest.mark.parametrize("reader", READERS)
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_no_answer_is_more_than_an_error_of_podtui_and_the_next_good_one_heals(reader: str, data: st.DataObject) -> None:
    read_it, paths = READERS[reader]
    path = data.draw(st.sampled_from(paths))
    other = mutated(data, GOOD[path])

    async def outcome(server: ApiServer) -> str:
        try:
            return repr(await read_it(server))
        except PodtuiError as error:
            return str(error)

    async def check() -> None:
        server = ApiServer(copy.deepcopy(GOOD))
        expected = await outcome(server)
        server.objects[path] = other if isinstance(other, dict) else UnreadableAnswer("no object")  # as Connection.json says it
        await outcome(server)
        server.objects[path] = GOOD[path]
        assert await outcome(server) == expected

    asyncio.run(check())
