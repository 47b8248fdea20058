"""Why a pod has no node: it is held back, waits for a volume, or each node refuses it for its own reasons."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from podtui.cluster.diagnose.evidence import event_line
from podtui.cluster.diagnose.findings import Action, Facts, Finding, NodeVerdict
from podtui.cluster.diagnose.scheduler_words import explained, read_message
from podtui.cluster.pods.events import Event
from podtui.cluster.pods.placement import beyond, labels_wanted, refusals
from podtui.kube.json_values import mapping, mappings, string
from podtui.kube.objects import condition_of
from podtui.kube.resource_requests import Load, host_ports, requests
from podtui.kube.resources import NODES, ObjectRef
from podtui.kube.scheduling import labels_of

_OFFERED = 6  # nodes for which a label is offered
_SCHEDULER = "default-scheduler"


def is_unplaced(pod: Mapping[str, Any]) -> bool:
    """Whether the pod waits for a node."""
    phase = string(mapping(pod.get("status")).get("phase"))
    return not string(mapping(pod.get("spec")).get("nodeName")) and phase in ("Pending", "")


def claims(pod: Mapping[str, Any]) -> dict[str, bool]:
    """The names of the PersistentVolumeClaims that the pod uses; True for one that is created for the pod (an ephemeral volume)."""
    found = {}
    name = string(mapping(pod.get("metadata")).get("name"))
    for volume in mappings(mapping(pod.get("spec")).get("volumes")):
        if isinstance(claim := volume.get("persistentVolumeClaim"), dict):
            found[string(claim.get("claimName"))] = False
        elif isinstance(volume.get("ephemeral"), dict):
            found[f"{name}-{string(volume.get('name'))}"] = True
    return found


def node_ref(node: Mapping[str, Any]) -> ObjectRef:
    meta = mapping(node.get("metadata"))
    return ObjectRef(NODES, string(meta.get("name")), "", string(meta.get("uid")), string(meta.get("resourceVersion")))


def verdicts(facts: Facts) -> list[NodeVerdict]:
    """Each node with its reasons: those that are nearest to accepting the pod first."""
    pod, found = facts.pod, []
    wanted, ports, volumes = requests(pod), host_ports(pod), _bound_volumes(facts)
    for node in facts.nodes or ():
        ref = node_ref(node)
        load = None if facts.loads is None else facts.loads.get(ref.name) or Load()
        reasons = tuple(refusals(pod, node, wanted, ports, load, volumes))
        found.append(NodeVerdict(ref, reasons, labels_wanted(pod, node) or {}))
    return sorted(found, key=lambda one: (len({reason.kind for reason in one.refusals}), _overwritten(one, facts), one.ref.name))


def placement_findings(facts: Facts, nodes: Sequence[NodeVerdict]) -> Iterator[Finding]:
    """For a pod without a node; `nodes` are its verdicts."""
    spec, status = mapping(facts.pod.get("spec")), mapping(facts.pod.get("status"))
    gates = [string(gate.get("name")) for gate in mappings(spec.get("schedulingGates"))]
    if gates:
        yield Finding(
            "info",
            "Held back by scheduling gates",
            "The scheduler does not consider the pod until they are removed.",
            tuple(gates),
            "Whatever set the gates has to remove them.",
        )
        return
    yield from _claim_findings(facts)
    condition = condition_of(facts.pod, "PodScheduled")
    events = [event for event in facts.events if event.reason in ("FailedScheduling", "NotTriggerScaleUp", "Preempted")]
    failed = [event.message for event in events if event.reason == "FailedScheduling"]
    message = string(condition.get("message")) or (failed[-1] if failed else "")  # the event may come before the condition
    scheduler = string(spec.get("schedulerName")) or _SCHEDULER
    if not condition and not events:
        others = f"the scheduler {scheduler}, which the pod names," if scheduler != _SCHEDULER else "the scheduler"
        advice = (
            f"Check that a scheduler named {scheduler} is running." if scheduler != _SCHEDULER else "Check that kube-scheduler is running."
        )
        yield Finding("warn", "Not scheduled yet", f"It has no node, and {others} has said nothing about it.", (), advice)
    elif string(condition.get("reason")) == "SchedulerError":
        yield Finding("error", "The scheduler failed", message, _event_lines(events, facts.now))
    else:
        yield _no_node(facts, nodes, message, events)
    if nominated := string(status.get("nominatedNodeName")):
        yield Finding(
            "info", f"The scheduler is making room on {nominated}", "Pods of lower priority have to stop there first (preemption)."
        )


def _no_node(facts: Facts, nodes: Sequence[NodeVerdict], message: str, events: Sequence[Event]) -> Finding:
    evidence = _event_lines(events, facts.now) or ((f"scheduler: {message}",) if message else ())
    words, advice = _summary(facts, nodes, message)
    actions = [*_labelling(facts, nodes), *_uncordoning(nodes)]
    return Finding("error", "No node takes it", words, evidence, advice, tuple(actions))


def _summary(facts: Facts, nodes: Sequence[NodeVerdict], message: str) -> tuple[str, str]:
    """What excludes the nodes, in a sentence, and what to do about it."""
    read = read_message(message)
    if facts.nodes is None:
        reasons = read.reasons if read is not None else {}
        parts = [f"{number or 'all'} of {read.total if read else '?'}: {explained(reason) or reason}" for reason, number in reasons.items()]
        return "; ".join(parts) or message, _advice({_refusal_kind(reason) for reason in reasons}, facts)
    if read is not None and read.reasons and not any(read.reasons.values()):
        return f"The scheduler cannot consider the nodes yet: {', '.join(read.reasons)}.", ""
    if not nodes:
        return "The cluster has no nodes at all.", "Add a node to the cluster, or wait for the autoscaler."
    counts = Counter(kind for node in nodes for kind in {refusal.kind for refusal in node.refusals})
    names = {
        "unschedulable": "cordoned", "taint": "with a taint that it does not tolerate", "selector": "without a label that it requires",
        "ports": "with its host port in use", "resources": "without the resources that it requests", "volume": "away from its volume",
        "name": "with another name",
    }  # fmt: skip
    parts = [f"{number} {names[kind]}" for kind, number in counts.most_common()]
    open_nodes = [node.ref.name for node in nodes if not node.refusals]
    words = f"Of {len(nodes)} node{'s' if len(nodes) > 1 else ''}: {', '.join(parts)}." if parts else ""
    if open_nodes:
        asks = beyond(facts.pod)
        why = (
            f"the pod requests {' and '.join(asks)}, which only the scheduler evaluates"
            if asks
            else "the scheduler may assign it at any moment"
        )
        listed = [f"{reason} ({means})" if (means := explained(reason)) else reason for reason in (read.reasons if read else ())]
        blocked = f" The scheduler says: {', '.join(listed)}." if listed else ""
        words += f" podtui sees no reason against {_few(open_nodes)}: {why}.{blocked}"
    return words.strip(), _advice(set(counts), facts)


def _advice(kinds: set[str], facts: Facts) -> str:
    spec = mapping(facts.pod.get("spec"))
    advice = []
    if "selector" in kinds:
        selector = " ".join(f"{key}={string(value)}" for key, value in mapping(spec.get("nodeSelector")).items())
        advice.append(f"Label a node{f' ({selector})' if selector else ''}, or change what the pod requires.")
    if "taint" in kinds:
        advice.append("Add a toleration to the pod, or remove the taint from a node.")
    if "unschedulable" in kinds:
        advice.append("Uncordon a node.")
    if "resources" in kinds:
        advice.append("Request less, free resources (delete or scale down other pods), or add a node.")
    if "ports" in kinds:
        advice.append("Do without the host port, or delete the pod that uses it.")
    return " ".join(advice)


def _refusal_kind(reason: str) -> str:
    """The kind of refusal in the scheduler's message."""
    parts = (
        ("affinity/selector", "selector"),
        ("taint", "taint"),
        ("unschedulable", "unschedulable"),
        ("Insufficient", "resources"),
        ("Too many pods", "resources"),
        ("free ports", "ports"),
    )
    return next((kind for part, kind in parts if part in reason), "")


def _labelling(facts: Facts, nodes: Sequence[NodeVerdict]) -> Iterator[Action]:
    """Offer labels for the nodes where they help at once or, without such nodes, for those with the fewest other obstacles."""
    able = [node for node in nodes if node.wanted_labels]
    best = [node for node in able if all(refusal.kind == "selector" for refusal in node.refusals)] or able
    for node in best[:_OFFERED]:
        text = " ".join(f"{key}={value}" for key, value in node.wanted_labels.items())
        yield Action("label-node", f"label node {node.ref.name} {text}", node.ref, text)


def _uncordoning(nodes: Sequence[NodeVerdict]) -> Iterator[Action]:
    for node in nodes:
        if node.refusals and all(refusal.kind == "unschedulable" for refusal in node.refusals):
            yield Action("uncordon", f"uncordon node {node.ref.name}", node.ref)


def _overwritten(verdict: NodeVerdict, facts: Facts) -> int:
    """How many labels that the node already has would change."""
    labels = next((labels_of(node) for node in facts.nodes or () if node_ref(node) == verdict.ref), {})
    return sum(key in labels for key in verdict.wanted_labels)


# -- volumes


def _claim_findings(facts: Facts) -> Iterator[Finding]:
    for name, own in claims(facts.pod).items():
        if f"PersistentVolumeClaim/{name}" not in facts.objects:
            continue
        claim = facts.objects[f"PersistentVolumeClaim/{name}"]
        if claim is None:
            why = "the ephemeral volume controller has not created it yet" if own else "nothing creates it automatically"
            yield Finding(
                "error",
                f"Claim {name} does not exist",
                f"The pod waits for the PersistentVolumeClaim: {why}.",
                (),
                "" if own else "Create the claim, or correct its name in the pod.",
            )
            continue
        phase = string(mapping(claim.get("status")).get("phase"))
        class_name = string(mapping(claim.get("spec")).get("storageClassName"))
        storage = facts.objects.get(f"StorageClass/{class_name}")
        waits = storage is not None and storage.get("volumeBindingMode") == "WaitForFirstConsumer"
        if mapping(claim.get("metadata")).get("deletionTimestamp"):
            yield Finding("error", f"Claim {name} is being deleted", "The scheduler no longer uses it.")
        elif phase == "Lost":
            yield Finding("error", f"Claim {name} has lost its volume", "The PersistentVolume that it was bound to is gone.")
        elif phase == "Pending" and not waits:
            known = f"StorageClass/{class_name}" in facts.objects
            missing = not class_name or (known and storage is None)
            named = f"storage class {class_name} does not exist" if class_name else "it names no storage class, and there is no default one"
            yield Finding(
                "error",
                f"Claim {name} has no volume yet",
                f"No PersistentVolume is bound to it: {named}."
                if missing
                else f"No PersistentVolume is bound to it: storage class {class_name} has to provision one.",
                (),
                f"kubectl describe pvc {name} shows the events of the claim.",
            )


def _bound_volumes(facts: Facts) -> list[tuple[str, Mapping[str, Any]]]:
    found = []
    for name in claims(facts.pod):
        claim = facts.objects.get(f"PersistentVolumeClaim/{name}") or {}
        volume = string(mapping(claim.get("spec")).get("volumeName"))
        if volume and (obj := facts.objects.get(f"PersistentVolume/{volume}")):
            found.append((volume, obj))
    return found


# -- words


def _event_lines(events: Sequence[Event], now: float) -> tuple[str, ...]:
    return tuple(event_line(event, now) for event in events[-3:])


def _few(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
