"""The contents of a Node object, with the requests of the pods on it, in the order of `kubectl describe node`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from podtui.cluster.pods.details import Condition, read_condition
from podtui.kube.json_values import mapping, mappings, string, strings, time
from podtui.kube.resource_requests import Amounts, amounts, is_over, limits, requests, summed
from podtui.kube.scheduling import labels_of, taint_text

_FIRST = ("cpu", "memory", "pods", "ephemeral-storage")
_ROLE = "node-role.kubernetes.io/"


@dataclass(frozen=True)
class NodeResource:
    """One resource of a node: its capacity, what pods may use of it, and the requests and limits of those on it (None: unknown)."""

    resource: str
    capacity: Fraction
    allocatable: Fraction
    requested: Fraction | None
    limited: Fraction | None = None


@dataclass(frozen=True)
class PodRow:
    """A pod that counts on the node."""

    namespace: str
    name: str
    uid: str
    phase: str
    requests: Amounts
    limits: Amounts
    created: float | None = None


@dataclass(frozen=True)
class NodeDetails:
    """`status` is that of `kubectl get nodes` (`Ready,SchedulingDisabled`); `facts` are addresses, versions and ids, by their names."""

    name: str
    uid: str
    status: str
    roles: tuple[str, ...]
    created: float | None
    resources: tuple[NodeResource, ...]
    taints: tuple[str, ...]
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    conditions: tuple[Condition, ...]
    facts: tuple[tuple[str, str], ...]

    @property
    def is_ready(self) -> bool:
        return self.status.split(",")[0] == "Ready"


def describe_node(node: Mapping[str, Any], pods: Sequence[PodRow] | None = None) -> NodeDetails:
    """The details of a Node (decoded JSON of core/v1) with the `pod_rows` of it, None when they are unknown; never raises."""
    meta, spec, status = mapping(node.get("metadata")), mapping(node.get("spec")), mapping(node.get("status"))
    conditions = tuple(read_condition(one) for one in mappings(status.get("conditions")))
    labels = labels_of(node)
    return NodeDetails(
        name=string(meta.get("name")),
        uid=string(meta.get("uid")),
        status=_status(conditions, spec),
        roles=_roles(labels),
        created=time(meta.get("creationTimestamp")),
        resources=_resources(status, pods),
        taints=tuple(taint_text(taint) for taint in mappings(spec.get("taints"))),
        labels=labels,
        annotations={key: string(value) for key, value in mapping(meta.get("annotations")).items()},
        conditions=conditions,
        facts=_facts(spec, status),
    )


def pod_rows(pods: Iterable[Mapping[str, Any]]) -> list[PodRow]:
    """The unfinished pods of a node, by namespace and name."""
    return PodRows().of(pods)


class PodRows:
    """The `pod_rows` of a node again and again: a pod that has not changed since is not read anew."""

    def __init__(self) -> None:
        self._read: dict[int, tuple[Mapping[str, Any], PodRow | None]] = {}  # by the identity of the pod, which is held

    def of(self, pods: Iterable[Mapping[str, Any]]) -> list[PodRow]:
        """A changed pod must be another object, as those of LiveObjects are."""
        read = [self._read.get(id(pod)) or (pod, _pod_row(pod)) for pod in pods]
        self._read = {id(one[0]): one for one in read}
        return sorted((row for _, row in read if row is not None), key=lambda row: (row.namespace, row.name))


def _pod_row(pod: Mapping[str, Any]) -> PodRow | None:
    """None for a pod that has finished."""
    if is_over(pod):
        return None
    meta = mapping(pod.get("metadata"))
    phase = string(mapping(pod.get("status")).get("phase"))
    namespace, name, uid = (string(meta.get(key)) for key in ("namespace", "name", "uid"))
    return PodRow(namespace, name, uid, phase, requests(pod), limits(pod), time(meta.get("creationTimestamp")))


@dataclass(frozen=True)
class Lease:
    """The lease of a node (coordination.k8s.io/v1, in kube-node-lease), which its kubelet renews every ten seconds to say that it lives."""

    holder: str
    acquired: float | None
    renewed: float | None


def read_lease(lease: Mapping[str, Any]) -> Lease:
    spec = mapping(lease.get("spec"))
    return Lease(string(spec.get("holderIdentity")), time(spec.get("acquireTime")), time(spec.get("renewTime")))


def device_pools(slices: Iterable[Mapping[str, Any]]) -> list[tuple[str, str, int, int]]:
    """The pools of devices of a node, from its ResourceSlices (resource.k8s.io/v1): driver, pool, number of slices and of devices."""
    found: dict[tuple[str, str], tuple[int, int]] = {}
    for one in slices:
        spec = mapping(one.get("spec"))
        key = string(spec.get("driver")), string(mapping(spec.get("pool")).get("name"))
        count, devices = found.get(key, (0, 0))
        found[key] = count + 1, devices + len(mappings(spec.get("devices")))
    return [(*key, *counts) for key, counts in sorted(found.items())]


def _status(conditions: Sequence[Condition], spec: Mapping[str, Any]) -> str:
    ready = next((one.status for one in conditions if one.type == "Ready"), "")
    word = "Unknown" if not ready else "Ready" if ready == "True" else "NotReady"
    return f"{word},SchedulingDisabled" if spec.get("unschedulable") is True else word


def _roles(labels: Mapping[str, str]) -> tuple[str, ...]:
    roles = {key.removeprefix(_ROLE) for key in labels if key.startswith(_ROLE) and key != _ROLE}
    return tuple(sorted(roles | ({labels["kubernetes.io/role"]} if labels.get("kubernetes.io/role") else set())))


def _resources(status: Mapping[str, Any], pods: Sequence[PodRow] | None) -> tuple[NodeResource, ...]:
    capacity, allocatable = amounts(status.get("capacity")), amounts(status.get("allocatable"))
    requested = {**summed(pod.requests for pod in pods or ()), "pods": Fraction(len(pods or ()))}
    limited = summed(pod.limits for pod in pods or ())
    allocatable = allocatable or capacity  # an old kubelet reports nothing more
    names = sorted(capacity.keys() | allocatable.keys(), key=lambda name: (_FIRST.index(name) if name in _FIRST else len(_FIRST), name))
    nothing = Fraction(0)
    return tuple(
        NodeResource(
            name,
            capacity.get(name, nothing),
            allocatable.get(name, nothing),
            None if pods is None else requested.get(name, nothing),
            None if pods is None else limited.get(name, nothing),
        )
        for name in names
    )


def _facts(spec: Mapping[str, Any], status: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    info = mapping(status.get("nodeInfo"))
    addresses = [(string(one.get("type")), string(one.get("address"))) for one in mappings(status.get("addresses"))]
    cidrs = ", ".join(strings(spec.get("podCIDRs"))) or string(spec.get("podCIDR"))
    facts = [
        ("Kubelet", string(info.get("kubeletVersion"))),
        ("Runtime", string(info.get("containerRuntimeVersion"))),
        ("OS", ", ".join(string(info.get(key)) for key in ("osImage", "operatingSystem", "architecture") if string(info.get(key)))),
        ("Kernel", string(info.get("kernelVersion"))),
        ("Pod CIDR", cidrs),
        ("Provider ID", string(spec.get("providerID"))),
        ("Machine ID", string(info.get("machineID"))),
        ("System UUID", string(info.get("systemUUID"))),
        ("Boot ID", string(info.get("bootID"))),
    ]
    return tuple((key, value) for key, value in [*addresses, *facts] if value)
