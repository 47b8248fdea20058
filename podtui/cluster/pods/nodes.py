"""The contents of a Node object, with the requests of the pods on it, in the order of `kubectl describe node`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from podtui.cluster.pods.details import Condition
from podtui.kube.json_values import mapping, mappings, string, time
from podtui.kube.resource_requests import Amounts, Load, amounts, is_over, requests
from podtui.kube.scheduling import labels_of, taint_text

_FIRST = ("cpu", "memory", "pods", "ephemeral-storage")
_ROLE = "node-role.kubernetes.io/"


@dataclass(frozen=True)
class NodeResource:
    """One resource of a node: its capacity, what pods may use of it, and the requests of those on it (None: unknown)."""

    resource: str
    capacity: Fraction
    allocatable: Fraction
    requested: Fraction | None


@dataclass(frozen=True)
class PodRow:
    """A pod that counts on the node."""

    namespace: str
    name: str
    uid: str
    phase: str
    requests: Amounts


@dataclass(frozen=True)
class NodeDetails:
    """`status` is that of `kubectl get nodes` (`Ready,SchedulingDisabled`); `facts` are addresses and versions, by their names."""

    name: str
    uid: str
    status: str
    roles: tuple[str, ...]
    created: float | None
    resources: tuple[NodeResource, ...]
    taints: tuple[str, ...]
    labels: Mapping[str, str]
    conditions: tuple[Condition, ...]
    facts: tuple[tuple[str, str], ...]

    @property
    def is_ready(self) -> bool:
        return self.status.split(",")[0] == "Ready"


def describe_node(node: Mapping[str, Any], pods: Sequence[Mapping[str, Any]] | None = None) -> NodeDetails:
    """The details of a Node (decoded JSON of core/v1) with the pods on it, None when they are unknown; never raises."""
    meta, spec, status = mapping(node.get("metadata")), mapping(node.get("spec")), mapping(node.get("status"))
    conditions = tuple(_condition(one) for one in mappings(status.get("conditions")))
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
        conditions=conditions,
        facts=_facts(spec, status),
    )


def pod_rows(pods: Iterable[Mapping[str, Any]]) -> list[PodRow]:
    """The unfinished pods of a node, by namespace and name."""
    found = []
    for pod in pods:
        meta = mapping(pod.get("metadata"))
        if not is_over(pod):
            phase = string(mapping(pod.get("status")).get("phase"))
            found.append(PodRow(string(meta.get("namespace")), string(meta.get("name")), string(meta.get("uid")), phase, requests(pod)))
    return sorted(found, key=lambda pod: (pod.namespace, pod.name))


def _condition(item: Mapping[str, Any]) -> Condition:
    kind, status, reason, message = (string(item.get(key)) for key in ("type", "status", "reason", "message"))
    return Condition(kind, status, reason, message, time(item.get("lastTransitionTime")))


def _status(conditions: Sequence[Condition], spec: Mapping[str, Any]) -> str:
    ready = next((one.status for one in conditions if one.type == "Ready"), "")
    word = "Unknown" if not ready else "Ready" if ready == "True" else "NotReady"
    return f"{word},SchedulingDisabled" if spec.get("unschedulable") is True else word


def _roles(labels: Mapping[str, str]) -> tuple[str, ...]:
    roles = {key.removeprefix(_ROLE) for key in labels if key.startswith(_ROLE) and key != _ROLE}
    return tuple(sorted(roles | ({labels["kubernetes.io/role"]} if labels.get("kubernetes.io/role") else set())))


def _resources(status: Mapping[str, Any], pods: Sequence[Mapping[str, Any]] | None) -> tuple[NodeResource, ...]:
    capacity, allocatable = amounts(status.get("capacity")), amounts(status.get("allocatable"))
    load = Load()
    for pod in pods or ():
        load.add(pod)
    names = sorted(capacity.keys() | allocatable.keys(), key=lambda name: (_FIRST.index(name) if name in _FIRST else len(_FIRST), name))
    nothing = Fraction(0)
    return tuple(
        NodeResource(name, capacity.get(name, nothing), allocatable.get(name, nothing), None if pods is None else load.of(name))
        for name in names
        if capacity.get(name) or allocatable.get(name) or load.of(name)
    )


def _facts(spec: Mapping[str, Any], status: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    info = mapping(status.get("nodeInfo"))
    addresses = [(string(one.get("type")), string(one.get("address"))) for one in mappings(status.get("addresses"))]
    facts = [
        ("Kubelet", string(info.get("kubeletVersion"))),
        ("Runtime", string(info.get("containerRuntimeVersion"))),
        ("OS", " ".join(filter(None, [string(info.get("osImage")), string(info.get("architecture"))]))),
        ("Kernel", string(info.get("kernelVersion"))),
        ("Pod CIDR", string(spec.get("podCIDR"))),
        ("Provider ID", string(spec.get("providerID"))),
    ]
    return tuple((key, value) for key, value in [*addresses, *facts] if value)
