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
        return _of_pod(pod, state.clock.now(), state.clock.format)
    now = state.clock.now()
    return _list("PodMetricsList", [_of_pod(pod, now, state.clock.format) for pod in state.list(PODS, namespace) if _runs(pod)])


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


def _use(container: dict[str, Any], pod: str, now: float) -> tuple[float, float]:
    """Cores and bytes."""
    requests = (container.get("resources") or {}).get("requests") or {}
    cpu = float(value(requests["cpu"])) if "cpu" in requests else _CPU
    memory = float(value(requests["memory"])) if "memory" in requests else float(_MEMORY)
    place = zlib.crc32(f"{pod}/{container['name']}".encode()) / 2**32  # of this container, between 0 and 1
    swing = math.sin(now / 90 + place * 2 * math.pi)
    return cpu * (0.15 + 0.5 * place + 0.1 * swing), memory * (0.45 + 0.4 * place + 0.03 * swing)


def _usage(cpu: float, memory: float) -> dict[str, str]:
    return {"cpu": f"{int(cpu * 1e9)}n", "memory": f"{int(memory) >> 10}Ki"}


def _of_pod(pod: dict[str, Any], now: float, written: Any) -> dict[str, Any]:
    metadata, name = pod["metadata"], pod["metadata"]["name"]
    moment = written(now - now % _WINDOW)
    kept = {key: metadata[key] for key in ("name", "namespace", "labels") if key in metadata}
    containers = [
        {"name": container["name"], "usage": _usage(*_use(container, name, now - now % _WINDOW))} for container in pod["spec"]["containers"]
    ]
    return {
        "kind": "PodMetrics",
        "apiVersion": GROUP_VERSION,
        "metadata": {**kept, "creationTimestamp": moment},
        "timestamp": moment,
        "window": f"{_WINDOW}s",
        "containers": containers,
    }


def _of_node(state: State, node: dict[str, Any]) -> dict[str, Any]:
    now = state.clock.now()
    moment = state.clock.format(now - now % _WINDOW)
    cpu, memory = _SYSTEM_CPU, float(_SYSTEM_MEMORY)
    for pod in state.by_node(node["metadata"]["name"]):
        if _runs(pod):
            for container in pod["spec"]["containers"]:
                used = _use(container, pod["metadata"]["name"], now - now % _WINDOW)
                cpu, memory = cpu + used[0], memory + used[1]
    kept = {key: node["metadata"][key] for key in ("name", "labels") if key in node["metadata"]}
    return {
        "kind": "NodeMetrics",
        "apiVersion": GROUP_VERSION,
        "metadata": {**kept, "creationTimestamp": moment},
        "timestamp": moment,
        "window": f"{_WINDOW}s",
        "usage": _usage(cpu, memory),
    }
