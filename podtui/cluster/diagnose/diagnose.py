"""Why a pod is pending, failing or restarting: a diagnosis reads only what it needs, and reports what it could not read.

`explain` fetches and judges; `diagnose` judges fetched facts without a server, so that tests can call it with plain objects.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from podtui.cluster.connection.connection import Connection
from podtui.cluster.diagnose.containers import container_findings, starting_findings
from podtui.cluster.diagnose.evidence import event_line
from podtui.cluster.diagnose.findings import Action, Diagnosis, Facts, Finding
from podtui.cluster.diagnose.outcome import completed, disruption, failed, resize, unknown_state
from podtui.cluster.diagnose.unscheduled import is_unplaced, node_ref, placement_findings, verdicts
from podtui.cluster.pods.containers import Container
from podtui.cluster.pods.containers import containers as containers_of
from podtui.kube.ages import age
from podtui.kube.json_values import integer, mapping, mappings, string, strings
from podtui.kube.json_values import time as moment
from podtui.kube.objects import condition_of, controller_of, is_true
from podtui.kube.resources import PODS, ObjectRef

_GRAVEST = ("error", "warn", "info", "ok")
_OVERDUE = 5.0  # seconds past its deletionTimestamp after which a pod counts as stuck


async def explain(connection: Connection, ref: ObjectRef) -> Diagnosis:
    """Fetch the pod and what explains its state, and diagnose it. Raises the errors of the request for the pod."""
    from podtui.cluster.diagnose.facts import gather

    return diagnose(await gather(connection, ref, time.time()))


def diagnose(facts: Facts) -> Diagnosis:
    """Never fails on data from a server; returns at least one finding."""
    pod = facts.pod
    ref = _ref(pod)
    status, spec = mapping(pod.get("status")), mapping(pod.get("spec"))
    found = containers_of(pod)
    node = string(spec.get("nodeName"))
    nodes = verdicts(facts) if is_unplaced(pod) else []
    findings = list(_terminating(facts, ref))
    deleted, phase = bool(mapping(pod.get("metadata")).get("deletionTimestamp")), string(status.get("phase"))
    if phase == "Succeeded":
        findings.append(completed(facts, found))
    elif phase == "Failed":
        findings += failed(facts, found, ref)
    elif is_unplaced(pod):
        if not deleted:
            findings += placement_findings(facts, nodes)
    else:
        findings += disruption(facts)
        findings += _node_findings(facts, node)
        if not deleted:  # ending containers are intended
            findings += unknown_state(facts, findings)
            findings += container_findings(facts, found, ref)
            findings += resize(facts)
        if phase == "Pending":
            findings += starting_findings(facts, found, node)
        findings += _readiness_gates(pod)
    findings += _owner(facts, pod)
    if not findings:
        findings.append(_well(facts, found))
    findings.sort(key=lambda finding: _GRAVEST.index(finding.severity))  # stable: order of discovery within a severity
    return Diagnosis(ref, tuple(findings), tuple(nodes), tuple(facts.unread), facts.now)


def _ref(pod: Mapping[str, Any]) -> ObjectRef:
    meta = mapping(pod.get("metadata"))
    return ObjectRef(PODS, *(string(meta.get(key)) for key in ("name", "namespace", "uid", "resourceVersion")))


def _terminating(facts: Facts, ref: ObjectRef) -> Iterator[Finding]:
    meta, spec = mapping(facts.pod.get("metadata")), mapping(facts.pod.get("spec"))
    until = moment(meta.get("deletionTimestamp"))
    if until is None:
        return
    finalizers = strings(meta.get("finalizers"))
    overdue = facts.now - until
    status = mapping(facts.pod.get("status"))
    silent = status.get("reason") == "NodeLost"  # STATUS is Unknown then
    lost = silent or (facts.node is not None and not is_true(facts.node, "Ready"))
    gone = facts.node is None and f"Node/{string(spec.get('nodeName'))}" in facts.objects
    if finalizers and overdue > _OVERDUE:
        yield Finding(
            "error",
            f"Terminating, held by finalizers for {age(overdue)}",
            "The pod stays until whatever set them removes them.",
            finalizers,
            "Check that the controller that set them is running. Removing them by hand (e, metadata.finalizers) skips its cleanup.",
        )
    elif lost or gone:
        state = "does not answer" if silent else "is not ready"
        words = "no longer exists" if gone else f"{state}, so its kubelet cannot report that the containers have stopped"
        yield Finding(
            "error",
            "Terminating, and its node is lost",
            f"Node {string(spec.get('nodeName'))} {words}.",
            tuple(filter(None, [string(status.get("message")) if silent else "", _ready_line(facts.node) if facts.node else ""])),
            "Bring the node back. If it is gone for good, force the deletion; otherwise, the containers may keep running.",
            (Action("delete", f"delete pod {ref.name} (with force)", ref),),
        )
    elif overdue > _OVERDUE:
        found = containers_of(facts.pod)
        running = [one.name for one in found if one.state.kind == "running"]
        still = "The kubelet has not reported yet that its containers have stopped."
        if running:
            still = f"Still running: {', '.join(running)}."
        elif found and all(one.state.kind == "terminated" for one in found):
            still = "Its containers have stopped, but the kubelet has not released the pod: perhaps its volumes or its network."
        begun = until - (integer(meta.get("deletionGracePeriodSeconds")) or 0)
        warnings = [event_line(event, facts.now) for event in facts.events if event.is_warning and event.last >= begun]
        yield Finding(
            "error",
            f"Terminating, overdue for {age(overdue)}",
            still,
            tuple(warnings[-3:]),
            "Look at the node and its kubelet.",
            (Action("delete", f"delete pod {ref.name} (with force)", ref),),
        )
    else:
        then = f"; then finalizers hold it: {', '.join(finalizers)}" if finalizers else ""
        yield Finding("info", "Terminating", f"It has {age(max(0.0, -overdue))} left to stop{then}.")


def _node_findings(facts: Facts, node: str) -> Iterator[Finding]:
    over = string(mapping(facts.pod.get("status")).get("phase")) in ("Succeeded", "Failed")
    deleted = mapping(facts.pod.get("metadata")).get("deletionTimestamp")
    if not node or over or deleted:
        return
    if facts.node is None and f"Node/{node}" in facts.objects:
        yield Finding("error", f"Its node {node} does not exist", "Nothing runs the pod. The garbage collector deletes it soon.")
    elif facts.node is not None and not is_true(facts.node, "Ready"):
        ref = node_ref(facts.node)
        yield Finding(
            "error",
            f"Its node {node} is not ready",
            "The pod's status may be out of date: the kubelet does not report, or is not healthy.",
            (_ready_line(facts.node),),
            "Look at the node.",
            (Action("show-node", f"show node {node}", ref),),
        )


def _ready_line(node: Mapping[str, Any]) -> str:
    condition = condition_of(node, "Ready")
    words = ": ".join(filter(None, [string(condition.get("reason")), string(condition.get("message"))]))
    return f"Ready={string(condition.get('status')) or 'unknown'} {words}".rstrip()


def _readiness_gates(pod: Mapping[str, Any]) -> Iterator[Finding]:
    gates = [string(one.get("conditionType")) for one in mappings(mapping(pod.get("spec")).get("readinessGates"))]
    missing = [gate for gate in gates if not is_true(pod, gate)]
    if missing and is_true(pod, "ContainersReady"):
        yield Finding(
            "warn",
            "A readiness gate is not satisfied",
            "The containers are ready; the pod is ready only when these conditions are True.",
            tuple(missing),
            "Check the controller that sets these conditions (often that of a load balancer).",
        )


def _owner(facts: Facts, pod: Mapping[str, Any]) -> Iterator[Finding]:
    """What keeps the pod's owner from creating more pods: usually a quota."""
    owner = controller_of(pod)
    failed = [event for event in facts.owner_events if event.reason in ("FailedCreate", "FailedDelete") and facts.now - event.last < 600]
    if failed:
        quota = any("exceeded quota" in event.message for event in failed)
        yield Finding(
            "warn",
            f"{string(owner.get('kind'))} {string(owner.get('name'))} cannot create more pods",
            "The namespace's ResourceQuota is used up." if quota else "The API server refuses them.",
            tuple(event_line(event, facts.now) for event in failed[-2:]),
            "Raise the quota, request less, or delete what is not needed." if quota else "",
        )


def _well(facts: Facts, found: Sequence[Container]) -> Finding:
    """Nothing else was found."""
    phase = string(mapping(facts.pod.get("status")).get("phase"))
    warnings = tuple(event_line(event, facts.now) for event in facts.events if event.is_warning)[-3:]
    if phase == "Running":
        ready = all(one.ready for one in found if one.kind in ("container", "sidecar"))
        return Finding("ok", "No problem found", "It runs and every container is ready." if ready else "It runs.", warnings)
    return Finding("ok", "No problem found", f"Its phase is {phase or 'not known yet'}.", warnings)
