"""The columns and cells that the API server prints for each kind when a client asks for a Table, as `kubectl get` does.

The rules are those of k8s.io/kubernetes/pkg/printers/internalversion. A printer gives its cells and, through `Ages`, how long they stay
true.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from podtui.cluster.ages import age, next_change
from podtui.demo import kinds
from podtui.demo.kinds import Kind

Object = Mapping[str, Any]
NONE = "<none>"
UNKNOWN = "<unknown>"


class Column(NamedTuple):
    """A column's definition. `priority` 0 is always shown, 1 only by `-o wide`."""

    name: str
    description: str
    priority: int = 0
    type: str = "string"
    format: str = ""


class Ages:
    """Durations at the time `now` (seconds since 1970). `until` is when the first of the given texts changes."""

    def __init__(self, now: float) -> None:
        self.now = now
        self.until = math.inf

    def since(self, timestamp: str | None) -> str:
        """The age of an RFC 3339 time, `<unknown>` when there is none."""
        if not timestamp:
            return UNKNOWN
        seconds = self.now - parse_time(timestamp)
        self.until = min(self.until, self.now + next_change(seconds))
        return age(seconds)


def parse_time(timestamp: str) -> float:
    """Seconds since 1970 of an RFC 3339 time."""
    if len(timestamp) == 20 and timestamp[-1] == "Z":
        return datetime(*_digits(timestamp), tzinfo=UTC).timestamp()
    return datetime.fromisoformat(timestamp).timestamp()


def _digits(stamp: str) -> tuple[int, int, int, int, int, int]:
    return int(stamp[:4]), int(stamp[5:7]), int(stamp[8:10]), int(stamp[11:13]), int(stamp[14:16]), int(stamp[17:19])


_NAME = Column("Name", "Name must be unique within a namespace.", format="name")
_AGE = Column("Age", "The time since this object was created.")
_CONTAINERS = Column("Containers", "Names of each container in the template.", 1)
_IMAGES = Column("Images", "Images referenced by each container in the template.", 1)
_SELECTOR = Column("Selector", "Selects the pods of this object.", 1)


# -- pods


def _pod(pod: Object, ages: Ages) -> list[Any]:
    metadata, spec, status = pod["metadata"], pod.get("spec") or {}, pod.get("status") or {}
    ready, total, reason, restarts, last_restart = _pod_state(metadata, spec, status)
    told = str(restarts)
    if restarts and last_restart:
        told = f"{restarts} ({ages.since(last_restart)} ago)"
    gates = spec.get("readinessGates") or ()
    shown_gates = NONE
    if gates:
        true = {c["type"] for c in status.get("conditions") or () if c.get("status") == "True"}
        shown_gates = f"{sum(gate.get('conditionType') in true for gate in gates)}/{len(gates)}"
    addresses = status.get("podIPs") or ()
    return [
        metadata.get("name", ""),
        f"{ready}/{total}",
        reason,
        told,
        ages.since(metadata.get("creationTimestamp")),
        (addresses[0].get("ip", "") if addresses else "") or status.get("podIP") or NONE,
        spec.get("nodeName") or NONE,
        status.get("nominatedNodeName") or NONE,
        shown_gates,
    ]


def _pod_state(metadata: Object, spec: Object, status: Object) -> tuple[int, int, str, int, str]:
    """Ready containers, all containers, the word of the Status column, restarts, and the time of the last one."""
    phase = status.get("phase", "")
    reason: str = status.get("reason") or phase
    conditions = status.get("conditions") or ()
    for condition in conditions:
        if condition.get("type") == "PodScheduled" and condition.get("reason") == "SchedulingGated":
            reason = "SchedulingGated"
    inits = spec.get("initContainers") or ()
    sidecars = {container.get("name") for container in inits if container.get("restartPolicy") == "Always"}
    total = len(spec.get("containers") or ()) + len(sidecars)
    ready = restarts = sidecar_restarts = 0
    last = sidecar_last = ""
    initializing = False
    for index, container in enumerate(status.get("initContainerStatuses") or ()):
        sidecar = container.get("name") in sidecars
        restarts += container.get("restartCount", 0)
        last = max(last, _ended(container))
        if sidecar:
            sidecar_restarts += container.get("restartCount", 0)
            sidecar_last = max(sidecar_last, _ended(container))
        state = container.get("state") or {}
        terminated, waiting = state.get("terminated"), state.get("waiting")
        if terminated and not terminated.get("exitCode"):
            continue
        if sidecar and container.get("started"):
            ready += bool(container.get("ready"))
            continue
        if terminated:
            reason = "Init:" + (terminated.get("reason") or _exit(terminated))
        elif waiting and waiting.get("reason") and waiting["reason"] != "PodInitializing":
            reason = "Init:" + waiting["reason"]
        else:
            reason = f"Init:{index}/{len(inits)}"
        initializing = True
        break
    if not initializing or _is_true(conditions, "Initialized"):
        restarts, last = sidecar_restarts, sidecar_last
        running = False
        for container in reversed(status.get("containerStatuses") or ()):
            restarts += container.get("restartCount", 0)
            last = max(last, _ended(container))
            state = container.get("state") or {}
            terminated, waiting = state.get("terminated"), state.get("waiting")
            if waiting and waiting.get("reason"):
                reason = waiting["reason"]
            elif terminated:
                reason = terminated.get("reason") or _exit(terminated)
            elif container.get("ready") and "running" in state:
                running = True
                ready += 1
        if reason == "Completed" and running:
            reason = "Running" if _is_true(conditions, "Ready") else "NotReady"
    if metadata.get("deletionTimestamp"):
        if status.get("reason") == "NodeLost":
            reason = "Unknown"
        elif phase not in ("Succeeded", "Failed"):
            reason = "Terminating"
    return ready, total, reason, restarts, last


def _ended(container: Object) -> str:
    """When the container's last run ended. Times of one format compare as text."""
    return ((container.get("lastState") or {}).get("terminated") or {}).get("finishedAt") or ""


def _exit(terminated: Object) -> str:
    return f"Signal:{terminated['signal']}" if terminated.get("signal") else f"ExitCode:{terminated.get('exitCode', 0)}"


def _is_true(conditions: Sequence[Object], name: str) -> bool:
    return any(condition.get("type") == name and condition.get("status") == "True" for condition in conditions)


def row_conditions(kind: Kind, obj: Object) -> list[dict[str, str]]:
    """The conditions of a Table's row: a pod that is over is marked so."""
    phase = (obj.get("status") or {}).get("phase") if kind is kinds.PODS else ""
    if phase == "Succeeded":
        return [{"type": "Completed", "status": "True", "reason": "Succeeded", "message": "The pod has completed successfully."}]
    if phase == "Failed":
        return [{"type": "Completed", "status": "True", "reason": "Failed", "message": "The pod failed."}]
    return []


# -- the other kinds


def _node(node: Object, ages: Ages) -> list[Any]:
    metadata, spec, status = node["metadata"], node.get("spec") or {}, node.get("status") or {}
    ready = [condition.get("status") == "True" for condition in status.get("conditions") or () if condition.get("type") == "Ready"]
    word = ("Ready" if ready[0] else "NotReady") if ready else "Unknown"
    roles = set()
    for key, value in (metadata.get("labels") or {}).items():
        if key.startswith("node-role.kubernetes.io/") and len(key) > 24:
            roles.add(key[24:])
        elif key == "kubernetes.io/role" and value:
            roles.add(value)
    info = status.get("nodeInfo") or {}
    addresses = {address.get("type"): address.get("address") for address in reversed(status.get("addresses") or ())}
    kernel = info.get("kernelVersion") or UNKNOWN
    return [
        metadata.get("name", ""),
        word + (",SchedulingDisabled" if spec.get("unschedulable") else ""),
        ",".join(sorted(roles)) or NONE,
        ages.since(metadata.get("creationTimestamp")),
        info.get("kubeletVersion", ""),
        addresses.get("InternalIP") or NONE,
        addresses.get("ExternalIP") or NONE,
        info.get("osImage") or UNKNOWN,
        f"{kernel} ({info['architecture']})" if info.get("architecture") else kernel,
        info.get("containerRuntimeVersion") or UNKNOWN,
    ]


def _namespace(namespace: Object, ages: Ages) -> list[Any]:
    return [_name(namespace), (namespace.get("status") or {}).get("phase", ""), _born(namespace, ages)]


def _service(service: Object, ages: Ages) -> list[Any]:
    spec, status = service.get("spec") or {}, service.get("status") or {}
    kind = spec.get("type", "")
    external = ",".join(spec.get("externalIPs") or ()) or NONE
    if kind == "ExternalName":
        external = spec.get("externalName", "")
    elif kind == "LoadBalancer":
        given = [one.get("ip") or one.get("hostname", "") for one in (status.get("loadBalancer") or {}).get("ingress") or ()]
        external = ",".join([*given, *(spec.get("externalIPs") or ())]) or "<pending>"
    ports = []
    for port in spec.get("ports") or ():
        node_port = f":{port['nodePort']}" if port.get("nodePort") else ""
        ports.append(f"{port.get('port')}{node_port}/{port.get('protocol', 'TCP')}")
    cluster_ip = spec.get("clusterIP") or NONE
    return [_name(service), kind, cluster_ip, external, ",".join(ports) or NONE, _born(service, ages), _labels(spec.get("selector"))]


def _event(event: Object, ages: Ages) -> list[Any]:
    about, source = event.get("involvedObject") or {}, event.get("source") or {}
    first = ages.since(event.get("firstTimestamp") or event.get("eventTime"))
    last = ages.since(event["lastTimestamp"]) if event.get("lastTimestamp") else first
    count = event.get("count") or 1
    if series := event.get("series"):
        last, count = ages.since(series.get("lastObservedTime")), series.get("count", 0)
    target = str(about.get("kind", "")).lower() + (f"/{about['name']}" if about.get("name") else "")
    component = source.get("component") or event.get("reportingComponent") or ""
    host = source.get("host") or event.get("reportingInstance") or ""
    return [
        last,
        event.get("type", ""),
        event.get("reason", ""),
        target,
        about.get("fieldPath", ""),
        f"{component}, {host}" if host else component,
        str(event.get("message", "")).strip(),
        first,
        count,
        _name(event),
    ]


def _configmap(configmap: Object, ages: Ages) -> list[Any]:
    return [_name(configmap), len(configmap.get("data") or ()) + len(configmap.get("binaryData") or ()), _born(configmap, ages)]


def _secret(secret: Object, ages: Ages) -> list[Any]:
    return [_name(secret), secret.get("type", ""), len(secret.get("data") or ()), _born(secret, ages)]


def _plain(obj: Object, ages: Ages) -> list[Any]:
    return [_name(obj), _born(obj, ages)]


def _created(obj: Object, ages: Ages) -> list[Any]:
    return [_name(obj), obj["metadata"].get("creationTimestamp", "")]


def _binding(binding: Object, ages: Ages) -> list[Any]:
    role = binding.get("roleRef") or {}
    subjects: dict[str, list[str]] = {"User": [], "Group": [], "ServiceAccount": []}
    for subject in binding.get("subjects") or ():
        name = subject.get("name", "")
        subjects.setdefault(subject.get("kind", ""), []).append(
            f"{subject.get('namespace', '')}/{name}" if subject.get("kind") == "ServiceAccount" else name
        )
    people = (", ".join(subjects[kind]) for kind in ("User", "Group", "ServiceAccount"))
    return [_name(binding), f"{role.get('kind', '')}/{role.get('name', '')}", _born(binding, ages), *people]


def _deployment(deployment: Object, ages: Ages) -> list[Any]:
    spec, status = deployment.get("spec") or {}, deployment.get("status") or {}
    numbers = [
        f"{status.get('readyReplicas', 0)}/{spec.get('replicas', 1)}",
        status.get("updatedReplicas", 0),
        status.get("availableReplicas", 0),
    ]
    return [_name(deployment), *numbers, _born(deployment, ages), *_template(spec)]


def _replicaset(replicaset: Object, ages: Ages) -> list[Any]:
    spec, status = replicaset.get("spec") or {}, replicaset.get("status") or {}
    numbers = [spec.get("replicas", 1), status.get("replicas", 0), status.get("readyReplicas", 0)]
    return [_name(replicaset), *numbers, _born(replicaset, ages), *_template(spec)]


def _job(job: Object, ages: Ages) -> list[Any]:
    spec, status = job.get("spec") or {}, job.get("status") or {}
    conditions = status.get("conditions") or ()
    word = "Running"
    if _is_true(conditions, "Complete"):
        word = "Complete"
    elif _is_true(conditions, "Failed"):
        word = "Failed"
    elif job["metadata"].get("deletionTimestamp"):
        word = "Terminating"
    else:
        for name, told in (("Suspended", "Suspended"), ("FailureTarget", "FailureTarget"), ("SuccessCriteriaMet", "SuccessCriteriaMet")):
            if _is_true(conditions, name):
                word = told
                break
    done, wanted, together = status.get("succeeded", 0), spec.get("completions"), spec.get("parallelism") or 0
    completions = f"{done}/{wanted}" if wanted is not None else f"{done}/1 of {together}" if together > 1 else f"{done}/1"
    duration = ""
    if started := status.get("startTime"):
        ended = status.get("completionTime") or next(
            (c.get("lastTransitionTime") for c in conditions if c.get("type") == "Failed" and c.get("status") == "True"), None
        )
        duration = age(parse_time(ended) - parse_time(started)) if ended else ages.since(started)
    return [_name(job), word, completions, duration, _born(job, ages), *_template(spec)]


def _budget(budget: Object, ages: Ages) -> list[Any]:
    spec, status = budget.get("spec") or {}, budget.get("status") or {}
    bounds = [str(spec[field]) if spec.get(field) is not None else "N/A" for field in ("minAvailable", "maxUnavailable")]
    return [_name(budget), *bounds, status.get("disruptionsAllowed", 0), _born(budget, ages)]


def _endpointslice(endpoints: Object, ages: Ages) -> list[Any]:
    ports = [str(port["port"]) if port.get("port") is not None else "*" for port in endpoints.get("ports") or ()]
    addresses = [address for endpoint in endpoints.get("endpoints") or () for address in endpoint.get("addresses") or ()]
    return [_name(endpoints), endpoints.get("addressType", ""), _few(ports), _few(addresses), _born(endpoints, ages)]


def _few(words: Sequence[str]) -> str:
    shown = ",".join(words[:3])
    return (f"{shown} + {len(words) - 3} more..." if len(words) > 3 else shown) or "<unset>"


def _name(obj: Object) -> str:
    name: str = obj["metadata"].get("name", "")
    return name


def _born(obj: Object, ages: Ages) -> str:
    return ages.since(obj["metadata"].get("creationTimestamp"))


def _labels(labels: Mapping[str, str] | None) -> str:
    return ",".join(f"{key}={value}" for key, value in sorted((labels or {}).items())) or NONE


def _template(spec: Object) -> list[str]:
    """Containers, images and the selector."""
    containers = ((spec.get("template") or {}).get("spec") or {}).get("containers") or ()
    selector = spec.get("selector") or {}
    terms = [(key, f"{key}={value}") for key, value in (selector.get("matchLabels") or {}).items()]
    for one in selector.get("matchExpressions") or ():
        operator, key = one.get("operator"), one.get("key", "")
        if operator in ("In", "NotIn"):
            terms.append((key, f"{key} {operator.lower()} ({','.join(sorted(one.get('values') or ()))})"))
        else:
            terms.append((key, key if operator == "Exists" else f"!{key}"))
    shown = [text for _, text in sorted(terms, key=lambda term: term[0])]
    return [",".join(c.get("name", "") for c in containers), ",".join(c.get("image", "") for c in containers), ",".join(shown) or NONE]


Printer = Callable[[Object, Ages], list[Any]]

_PRINTERS: dict[Kind, tuple[tuple[Column, ...], Printer]] = {
    kinds.PODS: (
        (
            _NAME,
            Column("Ready", "The aggregate readiness state of this pod for accepting traffic."),
            Column("Status", "The aggregate status of the containers in this pod."),
            Column("Restarts", "How often the containers in this pod have been restarted, and when the last one was."),
            _AGE,
            Column("IP", "The address of the pod, empty if not yet allocated.", 1),
            Column("Node", "The node that the pod is scheduled to.", 1),
            Column("Nominated Node", "The node on which this pod preempts others.", 1),
            Column("Readiness Gates", "How many of the pod's readiness gates are true.", 1),
        ),
        _pod,
    ),
    kinds.NODES: (
        (
            _NAME,
            Column("Status", "The status of the node"),
            Column("Roles", "The roles of the node"),
            _AGE,
            Column("Version", "Kubelet Version reported by the node."),
            Column("Internal-IP", "An address of the node inside of the cluster.", 1),
            Column("External-IP", "An address of the node outside of the cluster.", 1),
            Column("OS-Image", "OS Image reported by the node.", 1),
            Column("Kernel-Version", "Kernel Version reported by the node.", 1),
            Column("Container-Runtime", "ContainerRuntime Version reported by the node.", 1),
        ),
        _node,
    ),
    kinds.NAMESPACES: ((_NAME, Column("Status", "The status of the namespace"), _AGE), _namespace),
    kinds.SERVICES: (
        (
            _NAME,
            Column("Type", "How the Service is exposed."),
            Column("Cluster-IP", "The address of the service inside of the cluster."),
            Column("External-IP", "Addresses at which the service is reached from outside."),
            Column("Port(s)", "The list of ports that are exposed by this service."),
            _AGE,
            Column("Selector", "Traffic goes to the pods with these labels.", 1),
        ),
        _service,
    ),
    kinds.EVENTS: (
        (
            Column("Last Seen", "The time at which the most recent occurrence of this event was recorded."),
            Column("Type", "Type of this event (Normal, Warning)."),
            Column("Reason", "A short, machine understandable reason."),
            Column("Object", "The object that this event is about."),
            Column("Subobject", "The part of the object that this event is about.", 1),
            Column("Source", "The component reporting this event.", 1),
            Column("Message", "A human-readable description of the status of this operation."),
            Column("First Seen", "The time at which the event was first recorded.", 1),
            Column("Count", "The number of times this event has occurred.", 1),
            Column("Name", _NAME.description, 1, format="name"),
        ),
        _event,
    ),
    kinds.CONFIGMAPS: ((_NAME, Column("Data", "How many entries it holds."), _AGE), _configmap),
    kinds.SECRETS: ((_NAME, Column("Type", "What the data is for."), Column("Data", "How many entries it holds."), _AGE), _secret),
    kinds.DEPLOYMENTS: (
        (
            _NAME,
            Column("Ready", "Number of the pods with the Ready condition, of those wanted."),
            Column("Up-to-date", "Pods of the present template."),
            Column("Available", "Pods that have been ready for long enough."),
            _AGE,
            _CONTAINERS,
            _IMAGES,
            _SELECTOR,
        ),
        _deployment,
    ),
    kinds.REPLICASETS: (
        (
            _NAME,
            Column("Desired", "The number of wanted pods.", type="integer"),
            Column("Current", "The number of pods there are.", type="integer"),
            Column("Ready", "The number of pods that are ready.", type="integer"),
            _AGE,
            _CONTAINERS,
            _IMAGES,
            _SELECTOR,
        ),
        _replicaset,
    ),
    kinds.JOBS: (
        (
            _NAME,
            Column("Status", "Status of the job."),
            Column("Completions", "How many pods have succeeded, of those wanted."),
            Column("Duration", "Time required to complete the job."),
            _AGE,
            _CONTAINERS,
            _IMAGES,
            _SELECTOR,
        ),
        _job,
    ),
    kinds.PODDISRUPTIONBUDGETS: (
        (
            _NAME,
            Column("Min Available", "The minimum number of pods that must be available."),
            Column("Max Unavailable", "The maximum number of pods that may be unavailable."),
            Column("Allowed Disruptions", "Calculated number of pods that may be disrupted at this time.", type="integer"),
            _AGE,
        ),
        _budget,
    ),
    kinds.ENDPOINTSLICES: (
        (
            _NAME,
            Column("AddressType", "The type of address of the endpoints."),
            Column("Ports", "The network ports exposed by each endpoint."),
            Column("Endpoints", "The addresses of the endpoints."),
            _AGE,
        ),
        _endpointslice,
    ),
}
_ROLES = ((_NAME, Column("Created At", "When the role was created.", type="date")), _created)
_BINDINGS = (
    (
        _NAME,
        Column("Role", "The role that is granted."),
        _AGE,
        Column("Users", "Users in the binding.", 1),
        Column("Groups", "Groups in the binding.", 1),
        Column("ServiceAccounts", "ServiceAccounts in the binding.", 1),
    ),
    _binding,
)
_PRINTERS |= {kinds.ROLES: _ROLES, kinds.CLUSTERROLES: _ROLES, kinds.ROLEBINDINGS: _BINDINGS, kinds.CLUSTERROLEBINDINGS: _BINDINGS}
_PLAIN = ((_NAME, _AGE), _plain)


def columns(kind: Kind) -> list[dict[str, Any]]:
    """The columnDefinitions of a Table, with the fields in the server's order."""
    return [
        {"name": c.name, "type": c.type, "format": c.format, "description": c.description, "priority": c.priority}
        for c in _PRINTERS.get(kind, _PLAIN)[0]
    ]


def cells(kind: Kind, obj: Object, now: float) -> tuple[list[Any], float]:
    """The cells of an object's row at a time (seconds since 1970), and the time until which they stay as they are."""
    ages = Ages(now)
    found = _PRINTERS.get(kind, _PLAIN)[1](obj, ages)
    return found, ages.until
