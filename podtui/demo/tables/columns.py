"""The columns and cells that the API server prints for each kind when a client asks for a Table, as `kubectl get` does.

The rules are those of k8s.io/kubernetes/pkg/printers/internalversion. A printer gives its cells and, through `Ages`, how long they stay
true.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from podtui.demo.storage import kinds
from podtui.demo.storage.kinds import Kind
from podtui.demo.tables import kinds as printers
from podtui.demo.tables.cells import Ages, Object
from podtui.demo.tables.pods import pod_cells


class Column(NamedTuple):
    """A column's definition. `priority` 0 is always shown, 1 only by `-o wide`."""

    name: str
    description: str
    priority: int = 0
    type: str = "string"
    format: str = ""


_NAME = Column("Name", "Name must be unique within a namespace.", format="name")
_AGE = Column("Age", "The time since this object was created.")
_TEMPLATE = (
    Column("Containers", "Names of each container in the template.", 1),
    Column("Images", "Images referenced by each container in the template.", 1),
    Column("Selector", "Selects the pods of this object.", 1),
)

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
        pod_cells,
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
        printers.node_cells,
    ),
    kinds.NAMESPACES: ((_NAME, Column("Status", "The status of the namespace"), _AGE), printers.namespace_cells),
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
        printers.service_cells,
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
        printers.event_cells,
    ),
    kinds.CONFIGMAPS: ((_NAME, Column("Data", "How many entries it holds."), _AGE), printers.configmap_cells),
    kinds.SECRETS: (
        (_NAME, Column("Type", "What the data is for."), Column("Data", "How many entries it holds."), _AGE),
        printers.secret_cells,
    ),
    kinds.DEPLOYMENTS: (
        (
            _NAME,
            Column("Ready", "Number of the pods with the Ready condition, of those wanted."),
            Column("Up-to-date", "Pods of the present template."),
            Column("Available", "Pods that have been ready for long enough."),
            _AGE,
            *_TEMPLATE,
        ),
        printers.deployment_cells,
    ),
    kinds.REPLICASETS: (
        (
            _NAME,
            Column("Desired", "The number of wanted pods.", type="integer"),
            Column("Current", "The number of pods there are.", type="integer"),
            Column("Ready", "The number of pods that are ready.", type="integer"),
            _AGE,
            *_TEMPLATE,
        ),
        printers.replicaset_cells,
    ),
    kinds.JOBS: (
        (
            _NAME,
            Column("Status", "Status of the job."),
            Column("Completions", "How many pods have succeeded, of those wanted."),
            Column("Duration", "Time required to complete the job."),
            _AGE,
            *_TEMPLATE,
        ),
        printers.job_cells,
    ),
    kinds.PODDISRUPTIONBUDGETS: (
        (
            _NAME,
            Column("Min Available", "The minimum number of pods that must be available."),
            Column("Max Unavailable", "The maximum number of pods that may be unavailable."),
            Column("Allowed Disruptions", "Calculated number of pods that may be disrupted at this time.", type="integer"),
            _AGE,
        ),
        printers.budget_cells,
    ),
    kinds.ENDPOINTSLICES: (
        (
            _NAME,
            Column("AddressType", "The type of address of the endpoints."),
            Column("Ports", "The network ports exposed by each endpoint."),
            Column("Endpoints", "The addresses of the endpoints."),
            _AGE,
        ),
        printers.endpointslice_cells,
    ),
}
_ROLES = ((_NAME, Column("Created At", "When the role was created.", type="date")), printers.created_cells)
_BINDINGS = (
    (
        _NAME,
        Column("Role", "The role that is granted."),
        _AGE,
        Column("Users", "Users in the binding.", 1),
        Column("Groups", "Groups in the binding.", 1),
        Column("ServiceAccounts", "ServiceAccounts in the binding.", 1),
    ),
    printers.binding_cells,
)
_PRINTERS |= {kinds.ROLES: _ROLES, kinds.CLUSTERROLES: _ROLES, kinds.ROLEBINDINGS: _BINDINGS, kinds.CLUSTERROLEBINDINGS: _BINDINGS}
_PLAIN = ((_NAME, _AGE), printers.plain_cells)


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


def row_conditions(kind: Kind, obj: Object) -> list[dict[str, str]]:
    """The conditions of a Table's row: a pod that has finished is marked so."""
    phase = (obj.get("status") or {}).get("phase") if kind is kinds.PODS else ""
    if phase == "Succeeded":
        return [{"type": "Completed", "status": "True", "reason": "Succeeded", "message": "The pod has completed successfully."}]
    if phase == "Failed":
        return [{"type": "Completed", "status": "True", "reason": "Failed", "message": "The pod failed."}]
    return []
