"""The status of a pod as the kubelet writes it (`pkg/kubelet/status`, `generateAPIPodStatus`)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from podtui.demo.kubelet.container import Container

Object = dict[str, Any]
_OWN = ("PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled")


def phase(inits: Sequence[Container], mains: Sequence[Container], policy: str, *, final: bool) -> str:
    """The pod's phase by its containers (`getPhase`). `final`: no container is started again."""
    if final:
        done = mains and all(one.state == "terminated" and not _failed(one) for one in mains)
        return "Succeeded" if done else "Failed"
    begun = any(one.run is not None for one in mains)
    if policy == "Never" and any(one.kind == "init" and one.state == "terminated" and _failed(one) for one in inits):
        return "Failed"
    if not begun and any(one.state == "running" and one.kind == "init" for one in inits):
        return "Pending"
    if any(one.state == "waiting" and one.last is None for one in mains):
        return "Pending"
    if policy == "Always" or any(one.state == "running" for one in mains):
        return "Running"
    failed = any(_failed(one) for one in mains)
    if not failed and all(one.state == "terminated" for one in mains):
        return "Succeeded"
    return "Failed" if policy == "Never" else "Running"


def _failed(container: Container) -> bool:
    return container.run is not None and container.run.exit_code != 0


def status(
    pod: Object,
    inits: Sequence[Container],
    mains: Sequence[Container],
    *,
    phase: str,
    over: str,
    now: str,
    host_ip: str,
    ip: str,
    sandbox: str,
    reason: str = "",
    message: str = "",
) -> Object:
    """The whole status, its fields in the order in which the server writes them.

    `sandbox` is what keeps it from being ready ("" when it is). What others have noted there (their conditions, the class of quality)
    stays, and a condition that says the same as before keeps its time. `over` is the phase in which it ends, which its phase says a little
    later; "" while it goes on.
    """
    before = pod.get("status") or {}
    spec, generation = pod["spec"], pod["metadata"].get("generation", 1)
    old = {condition["type"]: condition for condition in before.get("conditions") or ()}
    counted = [one for one in inits if one.kind == "sidecar"] + list(mains)
    unready = [one.name for one in counted if not one.ready]
    conditions: list[Object] = []

    def add_condition(kind: str, good: bool, why: str = "", words: str = "") -> None:
        was = old.get(kind, {})
        value = "True" if good else "False"
        since = was.get("lastTransitionTime", now) if was.get("status") == value else now
        said: Object = {"type": kind, "observedGeneration": generation, "status": value, "lastProbeTime": None, "lastTransitionTime": since}
        said.update({key: text for key, text in (("reason", why), ("message", words)) if text})
        conditions.append(said)

    add_condition("PodReadyToStartContainers", not sandbox, "PodSandboxNotReady" if sandbox else "", sandbox)
    waiting = [one.name for one in inits if not (one.ready if one.kind == "init" else one.started)]
    over = {"Succeeded": "PodCompleted", "Failed": "PodFailed"}.get(over, "")
    begun = any(one.run is not None for one in mains)
    if waiting and not begun and over != "PodCompleted":
        add_condition(
            "Initialized",
            False,
            over or "ContainersNotInitialized",
            "" if over else f"containers with incomplete status: [{' '.join(waiting)}]",
        )
    else:
        add_condition("Initialized", True, "PodCompleted" if over == "PodCompleted" else "")
    words = f"containers with unready status: [{' '.join(unready)}]"
    gates = [gate["conditionType"] for gate in spec.get("readinessGates") or ()]
    closed = [gate for gate in gates if (old.get(gate) or {}).get("status") != "True"]
    if over:
        add_condition("Ready", False, over)
        add_condition("ContainersReady", False, over)
    else:
        if unready:
            add_condition("Ready", False, "ContainersNotReady", words)
        elif closed:
            told = "; ".join(
                f'the status of pod readiness gate "{gate}" is not "True", but {old[gate]["status"]}'
                if gate in old
                else f'corresponding condition of pod readiness gate "{gate}" does not exist.'
                for gate in closed
            )
            add_condition("Ready", False, "ReadinessGatesNotReady", told)
        else:
            add_condition("Ready", True)
        add_condition("ContainersReady", not unready, "ContainersNotReady" if unready else "", words if unready else "")
    scheduled = old.get("PodScheduled", {})
    conditions.append({"lastProbeTime": None, "lastTransitionTime": now, **scheduled, "type": "PodScheduled", "status": "True"})
    conditions[-1]["observedGeneration"] = generation
    conditions.extend(condition for kind, condition in old.items() if kind not in _OWN)
    found: Object = {"observedGeneration": generation, "phase": phase, "conditions": conditions}
    for key, text in (("message", message or before.get("message")), ("reason", reason or before.get("reason"))):
        if text:
            found[key] = text
    found.update(hostIP=host_ip, hostIPs=[{"ip": host_ip}])
    if ip:
        found.update(podIP=ip, podIPs=[{"ip": ip}])
    found["startTime"] = before.get("startTime", now)
    if inits:
        found["initContainerStatuses"] = [one.status() for one in inits]
    found["containerStatuses"] = [one.status() for one in sorted(mains, key=lambda one: one.name)]
    return {**found, **{key: before[key] for key in ("qosClass", "nominatedNodeName", "ephemeralContainerStatuses") if key in before}}
