"""The cells of a pod, and how the one word for its status is made (`printPod`)."""

from __future__ import annotations

from typing import Any

from podtui.demo.tables.cells import NONE, Ages, Object
from podtui.kube.objects import condition_of, is_true


def pod_cells(pod: Object, ages: Ages) -> list[Any]:
    metadata, spec, status = pod["metadata"], pod.get("spec") or {}, pod.get("status") or {}
    ready, total, reason, restarts, last_restart = _pod_state(pod)
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


def _pod_state(pod: Object) -> tuple[int, int, str, int, str]:
    """Ready containers, all containers, the word of the Status column, restarts, and the time of the last one."""
    metadata, spec, status = pod["metadata"], pod.get("spec") or {}, pod.get("status") or {}
    phase = status.get("phase", "")
    reason: str = status.get("reason") or phase
    if condition_of(pod, "PodScheduled").get("reason") == "SchedulingGated":
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
    if not initializing or is_true(pod, "Initialized"):
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
            reason = "Running" if is_true(pod, "Ready") else "NotReady"
    if metadata.get("deletionTimestamp") and phase not in ("Succeeded", "Failed"):
        reason = "Terminating"
    return ready, total, reason, restarts, last


def _ended(container: Object) -> str:
    """When the container's last run ended. Times of one format compare as text."""
    return ((container.get("lastState") or {}).get("terminated") or {}).get("finishedAt") or ""


def _exit(terminated: Object) -> str:
    return f"Signal:{terminated['signal']}" if terminated.get("signal") else f"ExitCode:{terminated.get('exitCode', 0)}"
