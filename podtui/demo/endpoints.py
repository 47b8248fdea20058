"""EndpointSlices of Services, and what a PodDisruptionBudget allows: both count the ready pods that a selector picks."""

from __future__ import annotations

from typing import Any

from podtui.demo.defaults import suffix
from podtui.demo.kinds import ENDPOINTSLICES, PODDISRUPTIONBUDGETS, PODS, SERVICES
from podtui.demo.state import State
from podtui.demo.validation import selected
from podtui.demo.workloads import phase, ready

Object = dict[str, Any]
_SERVICE = "kubernetes.io/service-name"


def sync_service(state: State, service: Object) -> None:
    """One slice with all pods that the selector picks and that have an address. A service without a selector is left alone."""
    selector = service["spec"].get("selector")
    if not selector or "deletionTimestamp" in service["metadata"]:
        return
    namespace, name = service["metadata"]["namespace"], service["metadata"]["name"]
    pods = [
        pod
        for pod in state.list(PODS, namespace)
        if (pod.get("status") or {}).get("podIP")
        and phase(pod) not in ("Succeeded", "Failed")
        and selector.items() <= (pod["metadata"].get("labels") or {}).items()
    ]
    slices = [obj for kind, obj in state.by_owner(service["metadata"]["uid"]) if kind is ENDPOINTSLICES]
    content = {
        "addressType": "IPv4",
        "endpoints": [_endpoint(pod) for pod in pods] or None,
        "ports": [_port(port, pods) for port in service["spec"].get("ports") or ()] or None,
    }
    if slices:
        state.update(ENDPOINTSLICES, {**slices[0], **content})
        return
    owner = {"apiVersion": "v1", "kind": "Service", "name": name, "uid": service["metadata"]["uid"], "controller": True}
    metadata = {
        "name": f"{name}-{suffix(state.clock.random)}",
        "generateName": f"{name}-",
        "namespace": namespace,
        "labels": {"endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io", _SERVICE: name},
        "ownerReferences": [{**owner, "blockOwnerDeletion": True}],
    }
    state.create(ENDPOINTSLICES, {"metadata": metadata, **content})


def _endpoint(pod: Object) -> Object:
    going = "deletionTimestamp" in pod["metadata"]
    works = ready(pod)
    reference = {"kind": "Pod", "namespace": pod["metadata"]["namespace"], "name": pod["metadata"]["name"], "uid": pod["metadata"]["uid"]}
    return {
        "addresses": [pod["status"]["podIP"]],
        "conditions": {"ready": works and not going, "serving": works, "terminating": going},
        "nodeName": pod["spec"].get("nodeName"),
        "targetRef": reference,
    }


def _port(port: Object, pods: list[Object]) -> Object:
    target = port.get("targetPort", port["port"])
    if isinstance(target, str):
        named = (each for pod in pods for container in pod["spec"]["containers"] for each in container.get("ports") or ())
        target = next((each["containerPort"] for each in named if each.get("name") == target), None)
    return {"name": port.get("name", ""), "port": target, "protocol": port.get("protocol", "TCP")}


def sync_budget(state: State, budget: Object) -> None:
    """How many of the pods may be evicted now (policy/v1 PodDisruptionBudgetStatus)."""
    spec, metadata = budget["spec"], budget["metadata"]
    pods = [
        pod
        for pod in state.list(PODS, metadata["namespace"])
        if phase(pod) not in ("Succeeded", "Failed") and selected(spec.get("selector") or {}, pod["metadata"].get("labels") or {})
    ]
    working = sum(ready(pod) and "deletionTimestamp" not in pod["metadata"] for pod in pods)
    if "maxUnavailable" in spec:
        wanted = len(pods) - _share(spec["maxUnavailable"], len(pods))
    else:
        wanted = _share(spec.get("minAvailable", 1), len(pods))
    allowed = max(0, working - max(0, wanted)) if pods else 0
    now = state.clock.timestamp()
    status = "True" if allowed else "False"
    reason = "SufficientPods" if allowed else "InsufficientPods"
    before: Object = next((each for each in (budget.get("status") or {}).get("conditions") or ()), {})
    since = before.get("lastTransitionTime", now) if before.get("status") == status else now
    condition = {"type": "DisruptionAllowed", "status": status, "reason": reason, "message": "", "lastTransitionTime": since}
    counts = {"currentHealthy": working, "desiredHealthy": max(0, wanted), "disruptionsAllowed": allowed, "expectedPods": len(pods)}
    told = {**counts, "observedGeneration": metadata.get("generation", 1), "conditions": [condition]}
    state.update(PODDISRUPTIONBUDGETS, {**budget, "status": told})


def _share(wanted: int | str, count: int) -> int:
    """A number, or a percentage rounded up."""
    if isinstance(wanted, int):
        return wanted
    return -(-int(wanted.rstrip("%")) * count // 100) if wanted.endswith("%") else int(wanted)


def concerns(obj: Object, kind: object, labels: Object) -> bool:
    """Whether a Service or a budget picks pods with these labels."""
    if kind is SERVICES:
        selector = obj["spec"].get("selector")
        return bool(selector) and selector.items() <= labels.items()
    return selected(obj["spec"].get("selector") or {}, labels)
