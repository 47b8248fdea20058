"""What `kubectl top` reads: metrics.k8s.io/v1beta1, made up from what the containers request.

A container uses a share of its request that swings slowly around a value of its own, by the time and its name alone: whoever
asks at the same moment gets the same figures.
"""

from __future__ import annotations

import math
import zlib
from typing import Any

from podtui.demo.storage.errors import ApiError
from podtui.demo.storage.kinds import NODES, PODS
from podtui.demo.storage.state import State
from podtui.kube.quantities import value

GROUP_VERSION = "metrics.k8s.io/v1beta1"
_WINDOW = 15  # seconds, as metrics-server's
_CPU, _MEMORY = 0.05, 48 << 20  # cores and bytes of a container that requests nothing
_SYSTEM_CPU, _SYSTEM_MEMORY = 0.12, 600 << 20  # what a node uses by itself


def pod_metrics(state: State, namespace: str, name: str = "") -> dict[str, Any]:
    """PodMetrics of one pod, or the list of a namespace ("": of all). Raises ApiError 404."""
    if name:
        pod = state.get(PODS, namespace, name)
        if pod is None or not _runs(pod):
            raise _missing("podmetrics", f"{namespace}/{name}", "pods")
        return _of_pod(state, pod)
    return _list("PodMetricsList", [_of_pod(state, pod) for pod in state.list(PODS, namespace) if _runs(pod)])


def node_metrics(state: State, name: str = "") -> dict[str, Any]:
    """NodeMetrics of one node, or of all. Raises ApiError 404."""
    if name:
        node = state.get(NODES, "", name)
        if node is None:
            raise _missing("nodemetrics", name, "nodes")
        return _of_node(state, node)
    return _list("NodeMetricsList", [_of_node(state, node) for node in state.list(NODES)])


def _missing(what: str, name: str, resource: str) -> ApiError:
    details = {"name": name, "group": "metrics.k8s.io", "kind": resource}
    return ApiError(404, "NotFound", f'{what}.metrics.k8s.io "{name}" not found', details)


def _runs(pod: dict[str, Any]) -> bool:
    return bool((pod.get("status") or {}).get("phase") == "Running")


def _list(kind: str, items: list[dict[str, Any]]) -> dict[str, Any]:
    return {"kind": kind, "apiVersion": GROUP_VERSION, "metadata": {}, "items": items}


def _use(container: dict[str, Any], pod: dict[str, Any], now: float) -> tuple[float, float]:
    """Cores and bytes."""
    requests = (container.get("resources") or {}).get("requests") or {}
    cpu = float(value(requests["cpu"])) if "cpu" in requests else _CPU
    memory = float(value(requests["memory"])) if "memory" in requests else float(_MEMORY)
    place = zlib.crc32(f"{pod['metadata']['name']}/{container['name']}".encode()) / 2**32  # of this container, between 0 and 1
    swing = math.sin(now / 90 + place * 2 * math.pi)
    return cpu * (0.15 + 0.5 * place + 0.1 * swing), memory * (0.45 + 0.4 * place + 0.03 * swing)


def _usage(cpu: float, memory: float) -> dict[str, str]:
    return {"cpu": f"{int(cpu * 1e9)}n", "memory": f"{int(memory) >> 10}Ki"}


def _of_pod(state: State, pod: dict[str, Any]) -> dict[str, Any]:
    containers = [
        {"name": container["name"], "usage": _usage(*_use(container, pod, _moment(state)))} for container in pod["spec"]["containers"]
    ]
    return _measured("PodMetrics", state, pod, {"containers": containers})


def _of_node(state: State, node: dict[str, Any]) -> dict[str, Any]:
    cpu, memory = _SYSTEM_CPU, float(_SYSTEM_MEMORY)
    for pod in filter(_runs, state.by_node(node["metadata"]["name"])):
        for container in pod["spec"]["containers"]:
            used = _use(container, pod, _moment(state))
            cpu, memory = cpu + used[0], memory + used[1]
    return _measured("NodeMetrics", state, node, {"usage": _usage(cpu, memory)})


def _moment(state: State) -> float:
    now = state.clock.now()
    return now - now % _WINDOW


def _measured(kind: str, state: State, obj: dict[str, Any], what: dict[str, Any]) -> dict[str, Any]:
    moment = state.clock.format(_moment(state))
    kept = {key: obj["metadata"][key] for key in ("name", "namespace", "labels") if key in obj["metadata"]}
    metadata = {**kept, "creationTimestamp": moment}
    return {"kind": kind, "apiVersion": GROUP_VERSION, "metadata": metadata, "timestamp": moment, "window": f"{_WINDOW}s", **what}
