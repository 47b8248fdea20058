"""The rows that the server prints are those that the built-in cluster would print of the same objects."""

from __future__ import annotations

import time
from typing import Any

import pytest

from podtui.cluster.connection.connection import Connection
from podtui.demo.storage.kinds import KINDS, Kind
from podtui.demo.tables import columns as printing

NAMESPACE_PREFIX = "printing-"
AS_TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"
AGES = ("Age", "Last Seen", "First Seen", "Duration")


def pod(name: str, **spec: Any) -> dict[str, Any]:
    spec.setdefault("containers", [{"name": "c", "image": "busybox"}])
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}


def service(name: str, **spec: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec}


TEMPLATE: dict[str, Any] = {
    "metadata": {"labels": {"a": "b"}},
    "spec": {"containers": [{"name": "c", "image": "x"}, {"name": "d", "image": "y"}]},
}
SELECTOR = {
    "matchLabels": {"a": "b"},
    "matchExpressions": [
        {"key": "q", "operator": "NotIn", "values": ["v", "u"]},
        {"key": "w", "operator": "DoesNotExist"},
        {"key": "a", "operator": "Exists"},
    ],
}
JOB_TEMPLATE = {"spec": {**TEMPLATE["spec"], "restartPolicy": "Never"}}
OBJECTS: list[tuple[str, dict[str, Any]]] = [
    ("/api/v1/namespaces/{}/pods", pod("no-node", nodeSelector={"no.such/label": "true"})),
    ("/api/v1/namespaces/{}/pods", pod("gated", schedulingGates=[{"name": "a/b"}], readinessGates=[{"conditionType": "x/y"}])),
    ("/api/v1/namespaces/{}/services", service("ports", type="NodePort", selector={"c": "d", "a": "b"}, ports=[{"port": 80}])),
    ("/api/v1/namespaces/{}/services", service("elsewhere", type="ExternalName", externalName="e.example.com")),
    ("/api/v1/namespaces/{}/services", service("balanced", type="LoadBalancer", ports=[{"port": 80, "protocol": "UDP"}])),
    ("/api/v1/namespaces/{}/services", service("headless", clusterIP="None", ports=[{"port": 80}])),
    (
        "/apis/apps/v1/namespaces/{}/deployments",
        {"metadata": {"name": "d"}, "spec": {"replicas": 0, "selector": SELECTOR, "template": TEMPLATE}},
    ),
    (
        "/apis/apps/v1/namespaces/{}/replicasets",
        {"metadata": {"name": "r"}, "spec": {"replicas": 0, "selector": SELECTOR, "template": TEMPLATE}},
    ),
    (
        "/apis/batch/v1/namespaces/{}/jobs",
        {"metadata": {"name": "s"}, "spec": {"suspend": True, "completions": 3, "template": JOB_TEMPLATE}},
    ),
    (
        "/apis/policy/v1/namespaces/{}/poddisruptionbudgets",
        {"metadata": {"name": "p"}, "spec": {"maxUnavailable": "50%", "selector": {"matchLabels": {"a": "b"}}}},
    ),
    ("/api/v1/namespaces/{}/secrets", {"metadata": {"name": "s"}, "stringData": {"a": "b"}}),
    (
        "/api/v1/namespaces/{}/events",
        {
            "metadata": {"name": "e"},
            "involvedObject": {"kind": "Pod", "name": "p", "namespace": "{}", "fieldPath": "spec.containers{c}"},
            "reason": "Tested",
            "message": "a message\n",
            "type": "Warning",
            "source": {"component": "tests", "host": "h"},
            "count": 3,
            "firstTimestamp": "2024-01-01T00:00:00Z",
            "lastTimestamp": "2024-01-02T00:00:00Z",
        },
    ),
]


async def compared(connection: Connection, kind: Kind) -> int:
    """Checks all rows of a kind and gives how many there are."""
    query = [("includeObject", "Object")]
    table = await connection.json("GET", kind.path(), query=query, accept=AS_TABLE)
    now = time.time()
    names = [column["name"] for column in table["columnDefinitions"]]
    fields = ("name", "type", "format", "priority")
    ours = printing.columns(kind)
    assert [[c[f] for f in fields] for c in ours] == [[c[f] for f in fields] for c in table["columnDefinitions"]]
    for row in table["rows"]:
        obj = row["object"]
        cells, _ = printing.cells(kind, obj, now)
        for name, theirs, cell in zip(names, row["cells"], cells, strict=True):
            if name not in AGES and not str(theirs).endswith(" ago)"):  # the clocks are not the same to the second
                assert (type(cell), cell) == (type(theirs), theirs), (kind, obj["metadata"]["name"], name)
        assert printing.row_conditions(kind, obj) == row.get("conditions", [])
    return len(table["rows"])


@pytest.fixture
async def objects(connection: Connection, namespace: str) -> None:
    for path, obj in OBJECTS:
        if "involvedObject" in obj:
            obj = {**obj, "involvedObject": {**obj["involvedObject"], "namespace": namespace}}
        await connection.json("POST", path.format(namespace), body=obj)


async def test_every_kind_is_printed_as_the_server_prints_it(connection: Connection, namespace: str, objects: None) -> None:
    rows = {kind.kind: await compared(connection, kind) for kind in KINDS}
    assert rows["Service"] >= 4 and rows["Pod"] >= 2 and rows["Event"] >= 1
