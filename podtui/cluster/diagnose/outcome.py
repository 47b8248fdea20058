"""What became of a pod as a whole: it completed, failed for a reason of its own, is about to be ended, or is being resized.

The reasons are those of `status.reason`, which the kubelet writes when it ends or refuses a pod, and of the conditions
DisruptionTarget, PodResizePending and PodResizeInProgress (k8s.io/kubernetes/pkg/kubelet, and the controllers that delete pods).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from podtui.cluster.diagnose.containers import failure_findings
from podtui.cluster.diagnose.endings import ended_with
from podtui.cluster.diagnose.findings import Facts, Finding
from podtui.cluster.pods.containers import Container
from podtui.cluster.pods.exit_codes import is_placeholder
from podtui.kube.json_values import mapping, string
from podtui.kube.objects import condition_of, is_true
from podtui.kube.resources import ObjectRef

_AGAIN = "It does not start again. If it has a controller, that creates another one; if not, create it again."
_CHOOSE = (
    "It does not start again. If it has a controller, that creates another one; if not, create it again, without spec.nodeName in its "
    "manifest, so that the scheduler chooses a node that fits."
)
_PRIORITY = "Give it a higher priority (priorityClassName), or add capacity to the cluster."
_FAILED = {
    "Evicted": ("The kubelet evicted it because its node was short of a resource, or it used more than it is allowed to",
                f"Request what it needs (resources.requests), or free resources on its node. {_AGAIN}"),
    "Preempting": ("The kubelet ended it to make room for a critical pod", _PRIORITY),
    "Preempted": ("A pod of higher priority took its place", _PRIORITY),
    "DeadlineExceeded": ("It ran longer than activeDeadlineSeconds allows", "Give it more time, or find out why it takes so long."),
    "NodeLost": ("Its node does not answer, so what became of it is not known", "Bring the node back, or delete the pod."),
    "Terminated": ("Its node shut down", _AGAIN),
    "Shutdown": ("Its node shut down", _AGAIN),
    "NodeShutdown": ("Its node was shutting down, and took no more pods", _AGAIN),
    "NodeAffinity": ("The kubelet refused it: its node does not have the labels that it requires", _CHOOSE),
    "NodeName": ("The kubelet refused it: it names another node", _CHOOSE),
    "NodePorts": ("The kubelet refused it: a host port that it wants is in use on its node", _CHOOSE),
    "TaintToleration": ("The kubelet refused it: it does not tolerate a taint of its node", _CHOOSE),
    "NodeUnschedulable": ("The kubelet refused it: its node is cordoned", _CHOOSE),
    "PodOSNotSupported": ("The kubelet refused it: spec.os.name is not the operating system of its node",
                          "Correct spec.os.name, or add a nodeSelector for kubernetes.io/os."),
    "PodOSSelectorNodeLabelDoesNotMatch": ("The kubelet refused it: its nodeSelector for kubernetes.io/os does not fit its node", _CHOOSE),
    "TopologyAffinityError": ("The kubelet refused it: its resources do not fit the node's topology policy (NUMA)", _CHOOSE),
    "SMTAlignmentError": ("The kubelet refused it: the node gives out whole CPU cores only", "Request a whole number of cores."),
    "SysctlForbidden": ("The kubelet refused it: it sets a sysctl that the node does not allow",
                        "Leave out the sysctl, or allow it on the node (--allowed-unsafe-sysctls)."),
    "AppArmor": ("The kubelet refused it: its AppArmor profile cannot be enforced on the node", "Load the profile on the node."),
    "VolumeAttachmentLimitExceeded": ("The kubelet refused it: the node has as many volumes as it can attach", _CHOOSE),
    "UnexpectedAdmissionError": ("The kubelet did not admit it", f"Look at its node's events. {_AGAIN}"),
}  # fmt: skip
_DISRUPTIONS = {
    "PreemptionByScheduler": ("a pod of higher priority takes its place", _PRIORITY),
    "DeletionByTaintManager": ("its node has a taint (NoExecute) that it does not tolerate",
                               "Look at the node: it is often not ready, or someone has tainted it."),
    "EvictionByEvictionAPI": ("somebody evicts it through the API, as kubectl drain and autoscalers do", ""),
    "DeletionByPodGC": ("its node does not exist any more", ""),
    "TerminationByKubelet": ("the kubelet ends it: its node is short of a resource or shuts down, or a critical pod needs its place",
                             "Look at its node."),
}  # fmt: skip


def completed(facts: Facts, containers: Sequence[Container]) -> Finding:
    """The verdict on a pod that has succeeded: nothing of it has crashed, however its sidecars were ended."""
    lasting = [one for one in containers if one.kind in ("init", "container")]
    well = all(one.state.exit_code in (0, None) for one in lasting)
    evidence = []
    for one in containers:
        if one.kind == "sidecar" and one.state.exit_code:
            words = ended_with(one.state, windows=facts.is_windows)
            evidence.append(f"sidecar {one.name} was stopped when the other containers had ended ({words}), which does not count")
        elif one in lasting and one.restarts:
            evidence.append(f"container {one.name} succeeded after {one.restarts} restart{'s' if one.restarts != 1 else ''}")
        elif one in lasting and one.state.exit_code:
            evidence.append(f"container {one.name} ended with {ended_with(one.state, windows=facts.is_windows)}")
    every = "Every container" if not any(one.kind == "sidecar" for one in containers) else "Every container that is not a sidecar"
    words = f"{every} ended with exit code 0." if well else "Its phase is Succeeded, which is final: it does not run again."
    return Finding("ok", "It completed", words, tuple(evidence))


def failed(facts: Facts, containers: Sequence[Container], ref: ObjectRef) -> Iterator[Finding]:
    """The verdict on a pod that has failed: the reason of the whole, then the containers that failed by themselves."""
    status = mapping(facts.pod.get("status"))
    reason, message = string(status.get("reason")), string(status.get("message"))
    disrupted = _condition(facts, "DisruptionTarget")
    why = string(disrupted.get("reason"))
    whole = reason or why
    own = list(failure_findings(facts, containers, ref, ended_as_a_whole=bool(whole)))
    if whole or not own:
        if reason.startswith("OutOf"):
            words, advice = f"Its node had too little {reason.removeprefix('OutOf')} left for it", _CHOOSE
        elif reason in _FAILED:
            words, advice = _FAILED[reason]
        elif why in _DISRUPTIONS:
            because, advice = _DISRUPTIONS[why]
            words = because[0].upper() + because[1:]
        elif reason:
            words, advice = "The kubelet ended or refused it for this reason", f"Look at its events and at its node. {_AGAIN}"
        else:
            words, advice = "Nothing says why", f"Look at its events and at its node. {_AGAIN}"
        said = [line.strip() for line in (message, string(disrupted.get("message")))]
        ends = [f"container {one.name} ended with {_end(one, facts)}" for one in containers if one.state.kind == "terminated"]
        evidence = (*(line for line in said[:1] if line), *(line for line in said[1:] if line not in said[0]), *ends)
        yield Finding("error", f"Failed: {whole}" if whole else "Failed", f"{words}.", evidence, advice or _AGAIN)
    yield from own


def _end(container: Container, facts: Facts) -> str:
    if is_placeholder(container.state):
        return f"an unknown exit code ({container.state.reason})"
    return ended_with(container.state, windows=facts.is_windows)


def disruption(facts: Facts) -> Iterator[Finding]:
    """A pod that still runs, but that somebody is about to end, or has begun to."""
    deleted = mapping(facts.pod.get("metadata")).get("deletionTimestamp")
    target = _condition(facts, "DisruptionTarget")
    reason = string(target.get("reason"))
    if reason:
        because, advice = _DISRUPTIONS.get(reason, ("", ""))
        words = f"{because[0].upper()}{because[1:]}." if because else ""
        message = string(target.get("message"))
        yield Finding("warn", f"{'Being' if deleted else 'About to be'} terminated: {reason}", words, (message,) if message else (), advice)


def unknown_state(facts: Facts, known: Sequence[Finding]) -> Iterator[Finding]:
    """A pod whose kubelet no longer reports, unless that is known from its node."""
    status = mapping(facts.pod.get("status"))
    reason, message = string(status.get("reason")), string(status.get("message"))
    lost = reason == "NodeLost" or string(status.get("phase")) == "Unknown"
    if lost and not any(one.severity == "error" for one in known):
        evidence = (message,) if message else ()
        yield Finding("error", "Its state is unknown", "Its node does not answer.", evidence, "Bring the node back, or delete the pod.")


def resize(facts: Facts) -> Iterator[Finding]:
    """A resize in place that is not done yet, in the conditions of Kubernetes 1.33 or in the field `status.resize` before."""
    status = mapping(facts.pod.get("status"))
    pending, running = _condition(facts, "PodResizePending"), _condition(facts, "PodResizeInProgress")
    before = string(status.get("resize"))
    if pending or before in ("Deferred", "Infeasible", "Proposed"):
        evidence = (string(pending.get("message")),) if pending.get("message") else ()
        if (string(pending.get("reason")) or before) == "Infeasible":
            words = "The node can never give it the resources that its spec asks for now: the containers keep what they had."
            advice = "Ask for less, or delete the pod, so that the scheduler finds another node for its successor."
            yield Finding("warn", "Its resize is infeasible", words, evidence, advice)
        else:
            words = "The node does not have enough free resources now: the kubelet tries again when some become free."
            yield Finding("info", "Its resize is pending", words, evidence, "Free resources on the node, or ask for less.")
    if running or before == "InProgress":
        evidence = (string(running.get("message")),) if running.get("message") else ()
        if string(running.get("reason")) == "Error":
            words = "The kubelet cannot set the containers' new resources; it tries again."
            yield Finding("warn", "Its resize fails", words, evidence, "Look at the pod's events and at its node.")
        else:
            yield Finding("info", "It is being resized", "The kubelet is setting the containers' new resources.", evidence)


def _condition(facts: Facts, kind: str) -> Mapping[str, Any]:
    """The pod's condition of that type if it is true, else {}."""
    return condition_of(facts.pod, kind) if is_true(facts.pod, kind) else {}
