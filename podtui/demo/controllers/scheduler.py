"""Binds pods to nodes, and says why it cannot, in the words of kube-scheduler.

The filters are those of its plugins NodeUnschedulable, TaintToleration, NodeAffinity (nodeSelector and required terms) and
NodeResourcesFit, in this order: a node counts with the first that refuses it. Among those that pass, the one with the
fewest pods is taken.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from podtui.demo.storage.clock import Clock, Handle
from podtui.demo.storage.kinds import NODES, PODS
from podtui.demo.storage.recorder import Recorder
from podtui.demo.storage.state import Change, State
from podtui.kube.objects import condition_of
from podtui.kube.quantities import NANO
from podtui.kube.resource_requests import amounts, is_over, requests
from podtui.kube.scheduling import CORDONED, UNMATCHED, UNTOLERATED, required_terms, term_matches, tolerated, tolerates_cordon

NAME = "default-scheduler"
Object = dict[str, Any]
Amounts = dict[str, int]
"""By resource (cores, bytes, `pods`), in billionths: whole numbers are exact as the quantities are, and add up quickly."""


class Scheduler:
    """Schedules pods that name this scheduler and have no node; tries unschedulable ones again when something changes."""

    def __init__(self, state: State, clock: Clock, recorder: Recorder) -> None:
        self._state = state
        self._clock = clock
        self._recorder = recorder
        self._queue: dict[tuple[str, str], None] = {}
        self._pending: dict[tuple[str, str], None] = {}  # tried, and no node was right
        self._used: dict[str, Amounts] = {}  # by node: what its pods count for, added up when first asked for, kept since
        self._handle: Handle | None = None
        self._end: Callable[[], None] = lambda: None

    def start(self) -> None:
        for pod in self._state.list(PODS):
            self._consider(pod)
        self._end = self._state.subscribe(self._changed)

    def close(self) -> None:
        self._end()
        if self._handle is not None:
            self._handle.cancel()

    # -- what to try
    def _changed(self, change: Change) -> None:
        if change.kind is PODS:
            self._account(change)
            pod = change.new
            key = pod["metadata"].get("namespace", ""), pod["metadata"]["name"]
            if change.type == "DELETED" or pod["spec"].get("nodeName"):
                self._queue.pop(key, None)
                self._pending.pop(key, None)
                if change.type == "DELETED" or (is_over(pod) and not (change.old and is_over(change.old))):
                    self._retry()  # there is room again
            elif key not in self._pending or change.type == "ADDED" or change.old is None or change.old["spec"] != change.new["spec"]:
                self._consider(pod)
        elif change.kind is NODES and change.type == "DELETED":
            self._used.pop(change.new["metadata"]["name"], None)
            self._retry()
        elif change.kind is NODES and (change.type != "MODIFIED" or _decides(change.old) != _decides(change.new)):
            self._retry()

    def _consider(self, pod: Object) -> None:
        spec, metadata = pod["spec"], pod["metadata"]
        gated = spec.get("schedulingGates") or "deletionTimestamp" in metadata
        if spec.get("nodeName") or gated or spec.get("schedulerName", NAME) != NAME:
            return
        self._queue[metadata.get("namespace", ""), metadata["name"]] = None
        self._soon()

    def _retry(self) -> None:
        if self._pending:
            self._queue.update(self._pending)
            self._pending.clear()
            self._soon()

    def _soon(self) -> None:
        if self._handle is None:
            self._handle = self._clock.call_later(0.02, self._run)

    def _run(self) -> None:
        self._handle = None
        queue, self._queue = self._queue, {}
        nodes = [(node, _allocatable(node)) for node in self._state.list(NODES)]
        for key in queue:
            pod = self._state.get(PODS, *key)
            if pod is not None and not pod["spec"].get("nodeName") and "deletionTimestamp" not in pod["metadata"]:
                self._schedule(key, pod, nodes)

    # -- one pod
    def _schedule(self, key: tuple[str, str], pod: Object, nodes: list[tuple[Object, Amounts]]) -> None:
        wanted = _wanted(pod)
        reasons: Counter[str] = Counter()
        helpless = 0  # nodes on which no pod's going would help
        fitting: list[tuple[int, float, str]] = []
        for node, allocatable in nodes:
            name = node["metadata"]["name"]
            reason = _unfit(pod, node)
            if reason:
                reasons[reason] += 1
                helpless += 1
                continue
            used = self._used_on(name)
            lacking = _lacking(wanted, used, allocatable)
            if lacking:
                reasons.update(lacking)
                helpless += any(amount > allocatable.get(what, 0) for what, amount in wanted.items())
                continue
            fitting.append((used["pods"], self._clock.random.random(), name))
        if not fitting:
            self._pending[key] = None
            self._refuse(pod, len(nodes), reasons, helpless)
            return
        self._bind(pod, min(fitting)[2])

    def _used_on(self, node: str) -> Amounts:
        used = self._used.get(node)
        if used is None:
            used = self._used[node] = {"pods": 0}
            for pod in self._state.by_node(node):
                _count(used, pod, 1)
        return used

    def _account(self, change: Change) -> None:
        """Keeps the sums of the nodes. (Adding up anew for each pod would take a large cluster all its time.)"""
        before, after = change.old, None if change.type == "DELETED" else change.new
        if before and after and is_over(before) == is_over(after) and before["spec"] == after["spec"]:
            return
        for pod, sign in ((before, -1), (after, 1)):
            if pod is not None and (used := self._used.get(pod["spec"].get("nodeName") or "")) is not None:
                _count(used, pod, sign)

    def _bind(self, pod: Object, node: str) -> None:
        condition = self._condition(pod, {"status": "True"})
        bound = self._state.update(PODS, {**pod, "spec": {**pod["spec"], "nodeName": node}, "status": condition})
        metadata = pod["metadata"]
        words = f"Successfully assigned {metadata['namespace']}/{metadata['name']} to {node}"
        self._recorder.record(bound, "Normal", "Scheduled", words, NAME, action="Binding")

    def _refuse(self, pod: Object, count: int, reasons: Counter[str], helpless: int) -> None:
        if count:
            each = ", ".join(sorted(f"{number} {reason}" for reason, number in reasons.items()))
            victims = count - helpless
            preemption = [f"{victims} No preemption victims found for incoming pod"] if victims else []
            preemption += [f"{helpless} Preemption is not helpful for scheduling"] if helpless else []
            words = f"0/{count} nodes are available: {each}. preemption: 0/{count} nodes are available: {', '.join(sorted(preemption))}."
        else:
            words = "no nodes available to schedule pods"
        status = self._condition(pod, {"status": "False", "reason": "Unschedulable", "message": words})
        told = self._state.update(PODS, {**pod, "status": status})
        self._recorder.record(told, "Warning", "FailedScheduling", words, NAME, action="Scheduling")

    def _condition(self, pod: Object, fields: Mapping[str, str]) -> Object:
        """The pod's status with this condition PodScheduled."""
        status = pod.get("status") or {}
        conditions = status.get("conditions") or []
        before = condition_of(pod, "PodScheduled")
        same = before.get("status") == fields["status"]
        since = before["lastTransitionTime"] if same else self._clock.timestamp()
        new = {"type": "PodScheduled", "observedGeneration": pod["metadata"].get("generation", 1)}
        new |= {"lastProbeTime": None, "lastTransitionTime": since, **fields}
        return {**status, "conditions": [*(condition for condition in conditions if condition["type"] != "PodScheduled"), new]}


def _decides(node: Object | None) -> object:
    """What of a node decides about pods."""
    if node is None:
        return None
    spec = node["spec"]
    return node["metadata"].get("labels"), spec.get("taints"), spec.get("unschedulable"), node["status"].get("allocatable")


def _count(used: Amounts, pod: Object, sign: int) -> None:
    if not is_over(pod):
        for what, amount in _wanted(pod).items():
            used[what] = used.get(what, 0) + sign * amount


def _wanted(pod: Object) -> Amounts:
    """What a pod counts for on its node, itself included."""
    return {"pods": NANO, **{resource: int(number * NANO) for resource, number in requests(pod).items()}}


def _allocatable(node: Object) -> Amounts:
    return {resource: int(number * NANO) for resource, number in amounts(node["status"].get("allocatable")).items()}


def _lacking(wanted: Amounts, used: Amounts, allocatable: Amounts) -> list[str]:
    """What the node has too little of, in the scheduler's words."""
    lacking = [resource for resource, amount in wanted.items() if amount and used.get(resource, 0) + amount > allocatable.get(resource, 0)]
    return ["Too many pods" if resource == "pods" else f"Insufficient {resource}" for resource in lacking]


def _unfit(pod: Object, node: Object) -> str:
    """Why a node is not for the pod whatever runs on it; "" when it is."""
    spec = pod["spec"]
    tolerations = spec.get("tolerations") or []
    if node["spec"].get("unschedulable") and not tolerates_cordon(tolerations):
        return CORDONED
    taints = (taint for taint in node["spec"].get("taints") or () if taint["effect"] != "PreferNoSchedule")
    if not all(tolerated(taint, tolerations) for taint in taints):
        return UNTOLERATED
    labels, name = node["metadata"].get("labels") or {}, node["metadata"]["name"]
    if any(labels.get(key) != wanted for key, wanted in (spec.get("nodeSelector") or {}).items()):
        return UNMATCHED
    terms = required_terms(spec)
    return UNMATCHED if terms is not None and not any(term_matches(term, labels, name) for term in terms) else ""
