"""The contents of a Pod object in a readable order: its containers, and what they share.

`describe()` takes the decoded JSON of a Pod and never fails: fields that are missing or deviate from the API
(the status of another kubelet, a field of a newer version) are left out. Times are seconds since the epoch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from podtui.cluster.pods.containers import Container, PortConflict, conflicts, containers, seccomp
from podtui.cluster.pods.operating_system import operating_system
from podtui.cluster.pods.volumes import Volume, volumes
from podtui.kube.json_values import integer, mapping, mappings, string, strings, time
from podtui.kube.scheduling import label_selector_text, toleration_text

_HOST_NAME_MAX = 63  # the kubelet cuts longer ones
_SHARED_NAMESPACES = {"hostPID": "the host's processes", "hostIPC": "the host's IPC", "shareProcessNamespace": "one process namespace"}


@dataclass(frozen=True)
class Condition:
    type: str
    status: str
    reason: str = ""
    message: str = ""
    changed: float | None = None
    heard: float | None = None
    """When the kubelet last reported it, for a Node."""


@dataclass(frozen=True)
class PodDetails:
    """See the module. `pending` is a message why a pod is not running yet, "" if it is or the reason is unknown.

    `tolerations` and `spread` (the topology spread constraints) are lines of `kubectl describe`; `readiness_gates` has each condition with
    its status; `requests` and `limits` are those of the pod as a whole.
    """

    name: str
    namespace: str
    uid: str
    resource_version: str
    phase: str
    reason: str
    message: str
    pending: str
    containers: tuple[Container, ...]
    volumes: tuple[Volume, ...]
    conflicts: tuple[PortConflict, ...]
    ips: tuple[str, ...]
    host_name: str
    subdomain: str
    host_network: bool
    shared_namespaces: tuple[str, ...]
    node: str
    nominated_node: str
    host_ips: tuple[str, ...]
    qos: str
    priority: str
    service_account: str
    restart_policy: str
    runtime_class: str
    owners: tuple[str, ...]
    finalizers: tuple[str, ...]
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    conditions: tuple[Condition, ...]
    node_selector: Mapping[str, str]
    tolerations: tuple[str, ...]
    spread: tuple[str, ...]
    readiness_gates: tuple[tuple[str, str], ...]
    scheduling_group: str
    scheduler: str
    seccomp: str
    requests: Mapping[str, str]
    limits: Mapping[str, str]
    operating_system: str
    created: float | None
    started: float | None
    deleted: float | None
    grace_period: int | None

    @property
    def is_troubled(self) -> bool:
        """Whether there is something to explain: it has no node, a container fails or is not ready, or it does not terminate."""
        if self.phase == "Succeeded":
            return False
        if self.phase not in ("Running",) or self.pending or self.deleted is not None:
            return True
        return any(not one.ready or one.restarts for one in self.containers if one.kind in ("container", "sidecar"))


def describe(pod: Mapping[str, Any]) -> PodDetails:
    """The details of a Pod (decoded JSON of core/v1); never raises."""
    meta, spec, status = mapping(pod.get("metadata")), mapping(pod.get("spec")), mapping(pod.get("status"))
    found = containers(pod)
    conditions = tuple(read_condition(item) for item in mappings(status.get("conditions")))
    resources = mapping(spec.get("resources"))
    host_network = spec.get("hostNetwork") is True
    ips = [string(ip.get("ip")) for ip in mappings(status.get("podIPs"))] or [string(status.get("podIP"))]
    host_ips = [string(ip.get("ip")) for ip in mappings(status.get("hostIPs"))] or [string(status.get("hostIP"))]
    return PodDetails(
        name=string(meta.get("name")),
        namespace=string(meta.get("namespace")),
        uid=string(meta.get("uid")),
        resource_version=string(meta.get("resourceVersion")),
        phase=string(status.get("phase")),
        reason=string(status.get("reason")),
        message=string(status.get("message")),
        pending=_pending(spec, status, conditions, found),
        containers=found,
        volumes=volumes(spec, [(container.name, container.mounts) for container in found]),
        conflicts=conflicts(found),
        ips=tuple(ip for ip in ips if ip),
        host_name=_host_name(meta, spec, host_network),
        subdomain=string(spec.get("subdomain")),
        host_network=host_network,
        shared_namespaces=tuple(words for key, words in _SHARED_NAMESPACES.items() if spec.get(key) is True),
        node=string(spec.get("nodeName")),
        nominated_node=string(status.get("nominatedNodeName")),
        host_ips=tuple(ip for ip in host_ips if ip),
        qos=string(status.get("qosClass")),
        priority=" ".join(filter(None, [string(spec.get("priority")), string(spec.get("priorityClassName"))])),
        service_account=string(spec.get("serviceAccountName")) or string(spec.get("serviceAccount")),
        restart_policy=string(spec.get("restartPolicy")),
        runtime_class=string(spec.get("runtimeClassName")),
        owners=tuple(_owner(owner) for owner in mappings(meta.get("ownerReferences"))),
        finalizers=strings(meta.get("finalizers")),
        labels={key: string(value) for key, value in mapping(meta.get("labels")).items()},
        annotations={key: string(value) for key, value in mapping(meta.get("annotations")).items()},
        conditions=conditions,
        node_selector={key: string(value) for key, value in mapping(spec.get("nodeSelector")).items()},
        tolerations=tuple(sorted(toleration_text(one) for one in mappings(spec.get("tolerations")))),
        spread=tuple(_spread(one) for one in mappings(spec.get("topologySpreadConstraints"))),
        readiness_gates=tuple(_gate(one, conditions) for one in mappings(spec.get("readinessGates"))),
        scheduling_group=string(mapping(spec.get("schedulingGroup")).get("podGroupName")),
        scheduler=string(spec.get("schedulerName")),
        seccomp=seccomp(spec),
        requests={key: string(value) for key, value in mapping(resources.get("requests")).items()},
        limits={key: string(value) for key, value in mapping(resources.get("limits")).items()},
        operating_system=operating_system(pod),
        created=time(meta.get("creationTimestamp")),
        started=time(status.get("startTime")),
        deleted=time(meta.get("deletionTimestamp")),
        grace_period=integer(meta.get("deletionGracePeriodSeconds")),
    )


def read_condition(item: Mapping[str, Any]) -> Condition:
    """A condition of a Pod, a Node or a Namespace."""
    kind, status, reason, message = (string(item.get(key)) for key in ("type", "status", "reason", "message"))
    return Condition(kind, status, reason, message, time(item.get("lastTransitionTime")), time(item.get("lastHeartbeatTime")))


def _owner(owner: Mapping[str, Any]) -> str:
    words = f"{string(owner.get('kind'))}/{string(owner.get('name'))}"
    return words if owner.get("controller") is True else f"{words} (not as its controller)"


def _gate(gate: Mapping[str, Any], conditions: Sequence[Condition]) -> tuple[str, str]:
    kind = string(gate.get("conditionType"))
    return kind, next((one.status for one in conditions if one.type == kind), "")


def _spread(constraint: Mapping[str, Any]) -> str:
    """`zone:DoNotSchedule when max skew 1 is exceeded for selector app=web`."""
    key, unsatisfiable, skew = (string(constraint.get(part)) for part in ("topologyKey", "whenUnsatisfiable", "maxSkew"))
    words = f"{key}:{unsatisfiable} when max skew {skew} is exceeded"
    selector = constraint.get("labelSelector")
    return f"{words} for selector {label_selector_text(selector) or '<none>'}" if isinstance(selector, dict) else words


def _host_name(meta: Mapping[str, Any], spec: Mapping[str, Any], host_network: bool) -> str:
    """The output of `hostname` in the containers; with the host's network, it is the node's name."""
    if name := string(spec.get("hostnameOverride")):
        return name
    if host_network:
        return string(spec.get("nodeName"))
    name = (string(spec.get("hostname")) or string(meta.get("name")))[:_HOST_NAME_MAX].rstrip("-.")
    if spec.get("setHostnameAsFQDN") is True and (subdomain := string(spec.get("subdomain"))):
        return f"{name}.{subdomain}.{string(meta.get('namespace'))}.svc.<cluster domain>"
    return name


def _pending(spec: Mapping[str, Any], status: Mapping[str, Any], conditions: Sequence[Condition], containers: Sequence[Container]) -> str:
    if string(status.get("phase")) not in ("Pending", ""):
        return ""
    if gates := [string(gate.get("name")) for gate in mappings(spec.get("schedulingGates"))]:
        return f"held back by scheduling gates: {', '.join(gates)}"
    for condition in conditions:
        if condition.type == "PodScheduled" and condition.status == "False":
            return ": ".join(filter(None, [condition.reason or "not scheduled", condition.message]))
    if not string(spec.get("nodeName")):
        return "no node has been chosen yet"
    for container in containers:
        if container.state.kind == "waiting" and container.state.reason not in ("", "PodInitializing"):
            return ": ".join(filter(None, [f"container {container.name}", container.state.reason, container.state.message]))
    for container in containers:
        if container.kind == "init" and container.state.kind == "running":
            return f"init container {container.name} is running"
    return ""
