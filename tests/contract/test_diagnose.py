"""The diagnosis of real pods: podtui's verdict on each node is what the scheduler itself counts, and it says what it may not read."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

import pytest
import pytest_asyncio

from podtui.cluster.connection.connection import Connection
from podtui.cluster.diagnose.diagnose import explain
from podtui.cluster.diagnose.findings import Diagnosis
from podtui.cluster.diagnose.scheduler_words import read_message
from podtui.cluster.kubeconfig.contexts import Kubeconfig
from podtui.cluster.live.live_objects import LiveObjects
from podtui.cluster.pods.events import events_of, read_events
from podtui.cluster.pods.placement import counted
from podtui.errors import PodtuiError
from podtui.kube.resources import PODS, ObjectRef

NAMESPACE_PREFIX = "why-"
Holds = Callable[[Diagnosis], bool]


async def create(connection: Connection, namespace: str, name: str, **spec: Any) -> ObjectRef:
    container = {"name": "app", "image": "busybox", **spec.pop("container", {})}
    spec = {"terminationGracePeriodSeconds": 1, "containers": [container], **spec}
    body = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}
    made = await connection.json("POST", PODS.path(namespace), body=body)
    return ObjectRef(PODS, name, namespace, made["metadata"]["uid"], made["metadata"]["resourceVersion"])


async def diagnosed(connection: Connection, ref: ObjectRef, holds: Holds) -> Diagnosis:
    """The diagnosis once it is as it should be."""
    for _ in range(300):
        found = await explain(connection, ref)
        if holds(found):
            return found
        await asyncio.sleep(0.2)
    raise AssertionError(found)


async def scheduler_told(connection: Connection, ref: ObjectRef) -> dict[str, int]:
    """The reasons of the scheduler's message, with the number of nodes of each.

    The scheduler writes its event and the pod's condition one beside the other: the condition may come after the event.
    """
    for _ in range(100):
        pod = await connection.json("GET", ref.path)
        conditions = {one["type"]: one for one in pod["status"].get("conditions", ())}
        if told := read_message(conditions.get("PodScheduled", {}).get("message", "")):
            return told.reasons
        await asyncio.sleep(0.2)
    raise AssertionError(conditions)


@pytest.mark.parametrize(
    "spec",
    [
        {"nodeSelector": {"why.podtui.test/label": "true"}},
        {"nodeSelector": {"kubernetes.io/os": "plan9"}, "tolerations": [{"operator": "Exists"}]},
        {"container": {"resources": {"requests": {"cpu": "100k", "memory": "1Ki"}}}},
        {"container": {"resources": {"requests": {"cpu": "100k", "memory": "100Pi"}}}, "tolerations": [{"operator": "Exists"}]},
        {
            "affinity": {
                "nodeAffinity": {
                    "requiredDuringSchedulingIgnoredDuringExecution": {
                        "nodeSelectorTerms": [
                            {"matchExpressions": [{"key": "kubernetes.io/os", "operator": "NotIn", "values": ["linux"]}]},
                            {"matchExpressions": [{"key": "why.podtui.test/number", "operator": "Gt", "values": ["3"]}]},
                        ]
                    }
                }
            }
        },
    ],
    ids=["selector", "every-taint-tolerated", "cpu", "cpu-and-memory", "affinity"],
)
async def test_the_verdicts_on_the_nodes_are_what_the_scheduler_counts(
    connection: Connection, namespace: str, spec: dict[str, Any]
) -> None:
    ref = await create(connection, namespace, "pending", **spec)
    for _ in range(10):  # another test's node may come or go in between
        found = await diagnosed(connection, ref, lambda found: bool(found.nodes) and bool(found.findings[0].evidence))
        told = await scheduler_told(connection, ref)
        mine = Counter(reason for node in found.nodes for reason in counted(node.refusals))
        if mine == told:
            break
        await asyncio.sleep(2)
    assert mine == told
    assert found.findings[0].title == "No node takes it" and "FailedScheduling" in found.findings[0].evidence[-1]
    assert found.unread == ()


async def test_a_label_is_offered_that_would_help(connection: Connection, namespace: str) -> None:
    ref = await create(connection, namespace, "gpu", nodeSelector={"why.podtui.test/gpu": "true"})
    found = await diagnosed(connection, ref, lambda found: bool(found.actions))
    assert {action.text for action in found.actions} == {"why.podtui.test/gpu=true"}
    assert all(action.kind == "label-node" and action.ref.uid for action in found.actions)


@pytest.mark.real_cluster("the built-in cluster has no volumes to claim")
async def test_a_missing_or_unbound_claim_is_named_in_the_diagnosis(connection: Connection, namespace: str) -> None:
    spec = {"accessModes": ["ReadWriteOnce"], "storageClassName": "none-such", "resources": {"requests": {"storage": "1Gi"}}}
    claim = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "unbound"}, "spec": spec}
    await connection.json("POST", f"/api/v1/namespaces/{namespace}/persistentvolumeclaims", body=claim)
    for name, title in (("missing", "Claim missing does not exist"), ("unbound", "Claim unbound has no volume yet")):
        volume = {"name": "v", "persistentVolumeClaim": {"claimName": name}}
        ref = await create(connection, namespace, name, volumes=[volume])
        found = await diagnosed(connection, ref, lambda found: len(found.findings) == 2 and bool(found.findings[1].evidence))
        assert found.findings[0].title == title
        assert "cannot consider the nodes yet" in found.findings[1].words


async def test_the_diagnosis_of_a_crash_loop_has_the_exit_code_and_last_lines(
    connection: Connection, namespace: str, real_node: str
) -> None:
    command = ["sh", "-c", "echo reading the configuration; echo no such thing; exit 3"]
    ref = await create(connection, namespace, "crash", nodeName=real_node, container={"command": command})
    found = await diagnosed(connection, ref, lambda found: "CrashLoopBackOff" in found.findings[0].title)
    finding = found.findings[0]
    assert finding.evidence[0].endswith("with exit code 3")
    assert "  no such thing" in finding.evidence
    assert [(action.kind, action.text) for action in finding.actions] == [("previous-logs", "app")]


async def test_a_config_map_that_is_not_there_is_named(connection: Connection, namespace: str, real_node: str) -> None:
    wanting = {"envFrom": [{"configMapRef": {"name": "settings"}}]}
    ref = await create(connection, namespace, "unset", nodeName=real_node, container=wanting)
    found = await diagnosed(connection, ref, lambda found: "CreateContainerConfigError" in found.findings[0].title)
    assert found.findings[0].words == "It needs ConfigMap/settings, which does not exist."


async def test_a_healthy_pod_has_nothing_wrong_once_it_is_ready(connection: Connection, namespace: str, real_node: str) -> None:
    ref = await create(connection, namespace, "well", nodeName=real_node, container={"command": ["sh", "-c", "sleep 3600"]})
    found = await diagnosed(connection, ref, lambda found: found.findings[0].severity == "ok")
    assert found.findings[0].title == "No problem found"


@pytest_asyncio.fixture
async def reader(connection: Connection, kubeconfig: str, namespace: str) -> AsyncIterator[Connection]:
    """A user who may read the pods of the namespace and nothing else."""
    rule = {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list"]}
    rbac = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}"
    api = "rbac.authorization.k8s.io"
    await connection.json(
        "POST", f"{rbac}/roles", body={"apiVersion": f"{api}/v1", "kind": "Role", "metadata": {"name": "r"}, "rules": [rule]}
    )
    binding = {
        "metadata": {"name": "r"},
        "subjects": [{"kind": "User", "name": "reader", "apiGroup": api}],
        "roleRef": {"kind": "Role", "name": "r", "apiGroup": api},
    }
    await connection.json("POST", f"{rbac}/rolebindings", body={"apiVersion": f"{api}/v1", "kind": "RoleBinding", **binding})
    settings = Kubeconfig.load(kubeconfig).settings()
    opened = await Connection.open(replace(settings, impersonation=replace(settings.impersonation, user="reader")))
    try:
        yield opened
    finally:
        await opened.close()


async def test_who_may_not_list_nodes_still_gets_a_diagnosis(connection: Connection, reader: Connection, namespace: str) -> None:
    ref = await create(connection, namespace, "pending", nodeSelector={"why.podtui.test/label": "true"})
    await diagnosed(connection, ref, lambda found: bool(found.nodes) and bool(found.findings[0].evidence))
    for _ in range(100):  # a right that was granted just now may take a moment
        try:
            found = await explain(reader, ref)
            break
        except PodtuiError:
            await asyncio.sleep(0.2)
    finding = found.findings[0]
    assert finding.title == "No node takes it" and found.nodes == ()
    assert "they lack a label that its nodeSelector or node affinity requires" in finding.words
    assert set(found.unread) == {"nodes: you may not read them", "events: you may not read them"}
    assert finding.evidence[0].startswith("scheduler: 0/")


async def test_the_events_of_a_pod_are_followed_while_they_come(connection: Connection, namespace: str, real_node: str) -> None:
    ref = await create(connection, namespace, "events", nodeName=real_node, container={"command": ["sh", "-c", "exit 1"]})
    live = LiveObjects(*events_of(ref), changed=lambda: None)
    running = asyncio.create_task(live.run(connection))
    try:
        for _ in range(300):
            events = read_events(live.items.values())
            if any(event.reason == "BackOff" for event in events) and any(event.count > 1 for event in events):
                break
            await asyncio.sleep(0.2)
        else:
            raise AssertionError(events)
        assert {"app"} <= {event.part for event in events} and live.known and live.error is None
        assert [event.last for event in events] == sorted(event.last for event in events)
        repeated = next(event for event in events if event.count > 1)
        assert repeated.first <= repeated.last
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
