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
