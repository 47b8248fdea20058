"""The details of pods that really run, and of one whose annotations are as large as the API server allows."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from textual.app import App, ComposeResult

from podtui.cluster.connection.connection import Connection
from podtui.cluster.live.store import RowStore
from podtui.cluster.pods.details import PodDetails, describe
from podtui.errors import Invalid
from podtui.kube.resources import NAMESPACES, NODES, PODS, ObjectRef
from podtui.signals import Signal
from podtui.ui.details.pane import DetailsPane
from tests.support.waiting import workers_end

NAMESPACE_PREFIX = "det-"
LIMIT = 256 * 1024  # bytes of all keys and values of annotations
SHELL = {"image": "busybox", "command": ["sh", "-c", "while true; do sleep 1; done"]}


async def wait_for(connection: Connection, ref: ObjectRef, ready: Callable[[PodDetails], bool]) -> tuple[dict[str, Any], PodDetails]:
    for _ in range(240):
        obj = await connection.json("GET", ref.path)
        if ready(found := describe(obj)):
            return obj, found
        await asyncio.sleep(0.25)
    raise AssertionError(f"{ref} did not get there: {found}")


async def create(connection: Connection, namespace: str, name: str, spec: dict[str, Any], **meta: Any) -> ObjectRef:
    body = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, **meta}, "spec": spec}
    made = await connection.json("POST", PODS.path(namespace), body=body)
    return ObjectRef(PODS, name, namespace, made["metadata"]["uid"], made["metadata"]["resourceVersion"])


async def test_the_details_of_a_running_pod_show_containers_and_volumes(
    connection: Connection, namespace: str, real_node: str, kubectl: Callable[..., str]
) -> None:
    mount = {"name": "shared", "mountPath": "/data"}
    probe = {"exec": {"command": ["test", "-d", "/data"]}, "periodSeconds": 5}
    spec = {
        "nodeName": real_node,
        "hostname": "www",
        "terminationGracePeriodSeconds": 0,
        "volumes": [{"name": "shared", "emptyDir": {"sizeLimit": "1Mi"}}],
        "initContainers": [
            {"name": "setup", "image": "busybox", "command": ["true"]},
            {"name": "mesh", "restartPolicy": "Always", **SHELL},
        ],
        "containers": [
            {
                "name": "web",
                **SHELL,
                "ports": [{"name": "http", "containerPort": 8080}],
                "livenessProbe": probe,
                "readinessProbe": {"httpGet": {"path": "/healthz", "port": "http"}, "initialDelaySeconds": 3},
                "startupProbe": {"tcpSocket": {"port": 8080}, "failureThreshold": 99},
                "volumeMounts": [mount],
                "resources": {"requests": {"cpu": "10m"}, "limits": {"memory": "32Mi"}},
            },
            {"name": "proxy", **SHELL, "ports": [{"containerPort": 8080}], "volumeMounts": [{**mount, "readOnly": True}]},
        ],
    }
    ref = await create(connection, namespace, "two", spec)
    _, found = await wait_for(connection, ref, lambda pod: all(c.state.kind == "running" for c in pod.containers if c.kind != "init"))
    containers = {container.name: container for container in found.containers}
    assert [(c.name, c.kind) for c in found.containers] == [
        ("setup", "init"),
        ("mesh", "sidecar"),
        ("web", "container"),
        ("proxy", "container"),
    ]
    assert containers["setup"].state.reason == "Completed" and containers["setup"].state.exit_code == 0
    assert containers["web"].state.started and containers["web"].image_id
    assert found.ips and found.node == real_node and found.host_name == "www" and found.qos == "Burstable"
    assert found.conflicts[0].containers == ("web", "proxy")
    shared = found.volumes[0]
    assert (shared.type, shared.detail, shared.shared) == ("emptyDir", "at most 1Mi", True)
    described = kubectl("describe", "pod", "two", "-n", namespace)
    for probe_found in containers["web"].probes:
        assert re.search(rf"{probe_found.kind.capitalize()}: +{re.escape(probe_found.text)}\n", described)


async def test_the_details_of_a_failed_container_show_its_last_state(connection: Connection, namespace: str, real_node: str) -> None:
    spec = {
        "nodeName": real_node,
        "terminationGracePeriodSeconds": 0,
        "containers": [{"name": "crash", "image": "busybox", "command": ["sh", "-c", "exit 3"]}],
    }
    ref = await create(connection, namespace, "crash", spec)
    _, found = await wait_for(connection, ref, lambda pod: pod.containers[0].restarts > 0 and pod.containers[0].state.kind == "waiting")
    crash = found.containers[0]
    assert crash.state.reason == "CrashLoopBackOff" and crash.state.message
    assert (crash.last_state.kind, crash.last_state.reason, crash.last_state.exit_code) == ("terminated", "Error", 3)
    assert not crash.ready


class Window(App[None]):
    def __init__(self, connection: Connection) -> None:
        super().__init__()
        session = SimpleNamespace(
            connection=connection, error=None, opened_signal=Signal(), pods=RowStore(PODS), namespaces=RowStore(NAMESPACES)
        )
        self.pane = DetailsPane(session)  # type: ignore[arg-type]

    def compose(self) -> ComposeResult:
        yield self.pane

    async def text(self, ref: ObjectRef, tab: str) -> str:
        self.pane.show(ref, tab)
        await workers_end(self)
        return "\n".join(self.pane.view.body.document.text(number) for number in range(len(self.pane.view.lines)))


async def test_annotations_of_256_kib_in_one_line_are_shown_and_searched(
    connection: Connection, namespace: str, kubectl: Callable[..., str]
) -> None:
    value = "".join(f"{number:>7} " for number in range(LIMIT // 8))[: LIMIT - len("big") - len("needle")] + "needle"
    spec = {"schedulingGates": [{"name": "example.com/never"}], "containers": [{"name": "a", **SHELL}]}
    ref = await create(connection, namespace, "big", spec, annotations={"big": value})
    app = Window(connection)
    async with app.run_test(size=(80, 24)) as pilot:
        annotations = await app.text(ref, "annotations")
        assert "256.0 KiB of 256 KiB" in annotations and value in annotations
        app.pane.focus()
        await pilot.press("slash", *"needle", "enter")
        rows = [app.pane.view.body.render_line(y).text for y in range(app.pane.view.body.size.height)]
        assert any("needle" in row for row in rows)
        await pilot.press("escape", "w", "G")
        yaml = await app.text(ref, "yaml")
        assert yaml + "\n" == kubectl("get", "pod", "big", "-n", namespace, "-o", "yaml")
        assert "held back by scheduling gates: example.com/never" in await app.text(ref, "containers")


async def test_the_api_server_takes_no_more_than_256_kib(connection: Connection, namespace: str) -> None:
    spec = {"schedulingGates": [{"name": "example.com/never"}], "containers": [{"name": "a", **SHELL}]}
    try:
        await create(connection, namespace, "too-big", spec, annotations={"big": "x" * (LIMIT - 2)})
    except Invalid as error:
        assert "annotations" in error.message
    else:
        raise AssertionError("a pod with more annotations was created")


async def test_namespaces_and_nodes_are_shown_as_kubectl_prints_them(
    connection: Connection, namespace: str, real_node: str, kubectl: Callable[..., str]
) -> None:
    app = Window(connection)
    async with app.run_test(size=(80, 24)):
        assert await app.text(ObjectRef(NAMESPACES, namespace), "yaml") + "\n" == kubectl("get", "namespace", namespace, "-o", "yaml")
        for attempt in range(5):  # a node's heartbeat may come between the two
            shown = await app.text(ObjectRef(NODES, real_node, uid=str(attempt)), "yaml")
            if shown + "\n" == kubectl("get", "node", real_node, "-o", "yaml"):
                break
        else:
            raise AssertionError("the node's YAML differs")
