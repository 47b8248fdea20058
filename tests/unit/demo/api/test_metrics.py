"""The figures that `kubectl top` prints."""

from __future__ import annotations

import pytest

from podtui.demo.api.metrics import node_metrics, pod_metrics
from podtui.demo.storage.clock import Clock
from podtui.demo.storage.errors import ApiError
from podtui.demo.storage.kinds import NODES, PODS
from podtui.demo.storage.state import State
from podtui.kube.quantities import value


def state() -> State:
    made = State(Clock(speed=0, start=1_700_000_000))
    made.create(NODES, {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "node-1"}})
    for name, phase in (("web", "Running"), ("waiting", "Pending")):
        resources = {"requests": {"cpu": "500m", "memory": "256Mi"}}
        spec = {"nodeName": "node-1", "containers": [{"name": "app", "resources": resources}, {"name": "side"}]}
        obj = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "shop", "labels": {"app": name}}, "spec": spec}
        made.create(PODS, {**obj, "status": {"phase": phase}})
    return made


def test_running_pods_use_a_part_of_what_they_request() -> None:
    (item,) = pod_metrics(state(), "")["items"]
    assert (item["metadata"]["name"], item["metadata"]["labels"]) == ("web", {"app": "web"})
    app, side = item["containers"]
    assert 0 < value(app["usage"]["cpu"]) < value("500m") and 0 < value(app["usage"]["memory"]) < value("256Mi")
    assert (app["name"], side["name"]) == ("app", "side") and value(side["usage"]["cpu"]) > 0


def test_a_node_uses_more_than_its_pods() -> None:
    cluster = state()
    pod = sum(value(container["usage"]["cpu"]) for container in pod_metrics(cluster, "shop", "web")["containers"])
    assert value(node_metrics(cluster, "node-1")["usage"]["cpu"]) > pod
    assert [item["metadata"]["name"] for item in node_metrics(cluster)["items"]] == ["node-1"]


def test_figures_move_with_time_and_not_otherwise() -> None:
    cluster = state()
    before = pod_metrics(cluster, "shop", "web")
    assert pod_metrics(cluster, "shop", "web") == before
    cluster.clock.advance(60)
    assert pod_metrics(cluster, "shop", "web")["containers"] != before["containers"]


def test_what_does_not_run_has_no_figures() -> None:
    with pytest.raises(ApiError, match=r'podmetrics.metrics.k8s.io "shop/waiting" not found'):
        pod_metrics(state(), "shop", "waiting")
    with pytest.raises(ApiError, match=r'nodemetrics.metrics.k8s.io "node-9" not found'):
        node_metrics(state(), "node-9")
