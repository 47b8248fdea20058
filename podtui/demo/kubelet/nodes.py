"""Node objects as a kubelet registers them, from the few fields that a scenario gives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

VERSION = "v1.37.1"
"""The Kubernetes version that the simulated cluster says it is."""

_READY = {"type": "Ready", "status": "True", "reason": "KubeletReady", "message": "kubelet is posting ready status"}
_PRESSURES = (
    ("MemoryPressure", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
    ("DiskPressure", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
    ("PIDPressure", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
)


def node(
    name: str,
    number: int,
    now: str,
    *,
    labels: Mapping[str, str] | None = None,
    taints: Sequence[Mapping[str, str]] = (),
    cpu: int = 4,
    memory: str = "16Gi",
    pods: int = 110,
) -> dict[str, Any]:
    """The Node object, ready. `number` (from 0) makes its addresses, `now` is the time of its conditions (RFC 3339)."""
    resources = {"cpu": str(cpu), "ephemeral-storage": "100Gi", "hugepages-2Mi": "0", "memory": memory, "pods": str(pods)}
    pod_cidr = f"10.{64 + number // 250}.{number % 250}.0/24"
    spec: dict[str, Any] = {"podCIDR": pod_cidr, "podCIDRs": [pod_cidr]}
    if taints:
        spec["taints"] = [dict(taint) for taint in taints]
    times = {"lastHeartbeatTime": now, "lastTransitionTime": now}
    conditions = [{"type": kind, "status": "False", "reason": reason, "message": message, **times} for kind, reason, message in _PRESSURES]
    own = {
        "beta.kubernetes.io/arch": "amd64",
        "beta.kubernetes.io/os": "linux",
        "kubernetes.io/arch": "amd64",
        "kubernetes.io/hostname": name,
        "kubernetes.io/os": "linux",
    }
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": {**own, **(labels or {})}},
        "spec": spec,
        "status": {
            "addresses": [
                {"type": "InternalIP", "address": f"192.168.{10 + number // 250}.{number % 250 + 2}"},
                {"type": "Hostname", "address": name},
            ],
            "allocatable": resources,
            "capacity": resources,
            "conditions": [*conditions, {**_READY, **times}],
            "daemonEndpoints": {"kubeletEndpoint": {"Port": 10250}},
            "nodeInfo": {
                "architecture": "amd64",
                "bootID": "",
                "containerRuntimeVersion": "podtui-demo://1",
                "kernelVersion": "6.12.0",
                "kubeProxyVersion": "",
                "kubeletVersion": VERSION,
                "machineID": "",
                "operatingSystem": "linux",
                "osImage": "a simulated node of podtui",
                "systemUUID": "",
            },
        },
    }


def unreachable(obj: Mapping[str, Any], now: str) -> dict[str, Any]:
    """The node as the node controller marks it when its kubelet no longer reports."""
    return _with_conditions(
        obj,
        now,
        {"status": "Unknown", "reason": "NodeStatusUnknown", "message": "Kubelet stopped posting node status."},
        [taint for taint in obj["spec"].get("taints", ()) if taint["key"] != _UNREACHABLE]
        + [{"key": _UNREACHABLE, "effect": effect, "timeAdded": now} for effect in ("NoSchedule", "NoExecute")],
    )


def reachable(obj: Mapping[str, Any], now: str) -> dict[str, Any]:
    """The node after its kubelet has come back."""
    return _with_conditions(obj, now, None, [taint for taint in obj["spec"].get("taints", ()) if taint["key"] != _UNREACHABLE])


_UNREACHABLE = "node.kubernetes.io/unreachable"


def _with_conditions(obj: Mapping[str, Any], now: str, lost: Mapping[str, str] | None, taints: list[dict[str, Any]]) -> dict[str, Any]:
    good = {kind: (reason, message, "False") for kind, reason, message in _PRESSURES}
    good["Ready"] = (_READY["reason"], _READY["message"], "True")
    conditions = []
    for condition in obj["status"]["conditions"]:
        reason, message, status = good.get(condition["type"], (condition["reason"], condition["message"], condition["status"]))
        wanted = lost or {"status": status, "reason": reason, "message": message}
        times = {} if condition["status"] == wanted["status"] else {"lastTransitionTime": now}
        heartbeat = {} if lost else {"lastHeartbeatTime": now}
        conditions.append({**condition, **wanted, **times, **heartbeat})
    spec = {key: value for key, value in obj["spec"].items() if key != "taints"}
    if taints:
        spec["taints"] = taints
    return {**obj, "spec": spec, "status": {**obj["status"], "conditions": conditions}}
