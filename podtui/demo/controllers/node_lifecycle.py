"""Nodes: taints a cordoned one, evicts the pods that do not tolerate a taint, and collects those of a node that was deleted.

What the node lifecycle, taint eviction and pod garbage collection controllers do.
"""

from __future__ import annotations

from collections.abc import Iterable

from podtui.demo.controllers.base import FINISHED, Controller, Key, Object, ending
from podtui.demo.storage.clock import Clock
from podtui.demo.storage.kinds import NODES, PODS
from podtui.demo.storage.recorder import Recorder
from podtui.demo.storage.state import Change, State
from podtui.demo.writes.eviction import disrupted
from podtui.demo.writes.writes import Writes
from podtui.kube.scheduling import UNSCHEDULABLE, tolerated

QUARANTINE = 40.0
"""Seconds that the pods of a node that was deleted are kept (podgc)."""


class NodeLifecycle(Controller):
    """Evicts the pods that no longer tolerate the taints of their node, and deletes those of a node that is gone."""

    kind = NODES
    component = "node-controller"

    def __init__(self, state: State, writes: Writes, clock: Clock, recorder: Recorder) -> None:
        super().__init__(state, writes, clock, recorder)
        self._deleted: dict[str, float] = {}  # nodes by name, and when their orphaned pods go

    def keys(self, change: Change) -> Iterable[Key]:
        if change.kind is not NODES:
            return
        if change.type != "MODIFIED" or not change.old or change.old["spec"].get("taints") != change.new["spec"].get("taints"):
            yield "", change.new["metadata"]["name"]

    def sync(self, namespace: str, name: str) -> None:
        node = self.state.get(NODES, "", name)
        if node is None:
            self._collect(name)
            return
        self._deleted.pop(name, None)
        taints = [one for one in node["spec"].get("taints") or () if one["effect"] == "NoExecute"]
        for pod in self.state.by_node(name):
            for taint in taints:
                self._evict(pod["metadata"]["namespace"], pod["metadata"]["name"], name, taint)

    def _collect(self, name: str) -> None:
        """Deletes the pods of a node that is gone."""
        left = self._deleted.setdefault(name, self.clock.now() + QUARANTINE) - self.clock.now()
        if left > 0:
            self.again.append((left, ("", name)))
            return
        del self._deleted[name]
        for pod in self.state.by_node(name):
            if pod["status"].get("phase") not in FINISHED:
                gone = disrupted(pod, "DeletionByPodGC", "PodGC: node no longer exists", self.clock.timestamp())
                self.state.update(PODS, {**gone, "status": {**gone["status"], "phase": "Failed"}})
            self.writes.deletion.delete_if_there(PODS, pod, {"gracePeriodSeconds": 0})

    def _evict(self, namespace: str, name: str, node: str, taint: Object) -> None:
        pod = self.state.get(PODS, namespace, name)
        if pod is None or ending(pod):
            return
        tolerations = [one for one in pod["spec"].get("tolerations") or () if tolerated(taint, [one])]
        times = [one["tolerationSeconds"] for one in tolerations if one.get("tolerationSeconds") is not None]
        if tolerations and not times:
            return
        since = taint.get("timeAdded")
        begun = self.clock.parse(since) if since else self.clock.now()
        left = begun + min(times, default=0) - self.clock.now()
        if left > 0:
            self.again.append((left, ("", node)))
            return
        words = f"Marking for deletion Pod {namespace}/{name}"
        self.recorder.record(pod, "Normal", "TaintManagerEviction", words, "taint-eviction-controller")
        why = "Taint manager: deleting due to NoExecute taint"
        self.state.update(PODS, disrupted(pod, "DeletionByTaintManager", why, self.clock.timestamp()))
        self.writes.deletion.delete_if_there(PODS, pod, {})


class CordonTaints(Controller):
    """Adds the taint of a cordoned node and removes it again; the event names the kubelet, as in a real cluster."""

    kind = NODES
    component = "node-controller"

    def keys(self, change: Change) -> Iterable[Key]:
        if change.kind is NODES and change.type != "DELETED":
            old = change.old["spec"] if change.old is not None else {}
            if any(old.get(field) != change.new["spec"].get(field) for field in ("unschedulable", "taints")):
                yield "", change.new["metadata"]["name"]

    def sync(self, namespace: str, name: str) -> None:
        node = self.state.get(NODES, "", name)
        if node is None:
            return
        cordoned = node["spec"].get("unschedulable") is True
        taints = node["spec"].get("taints") or []
        if cordoned == any(taint["key"] == UNSCHEDULABLE for taint in taints):
            return
        kept = [taint for taint in taints if taint["key"] != UNSCHEDULABLE]
        if cordoned:
            kept.append({"key": UNSCHEDULABLE, "effect": "NoSchedule", "timeAdded": self.clock.timestamp()})
        spec = {key: value for key, value in node["spec"].items() if key != "taints"}
        changed = self.state.update(NODES, {**node, "spec": {**spec, "taints": kept} if kept else spec})
        word = "NodeNotSchedulable" if cordoned else "NodeSchedulable"
        self.recorder.record(changed, "Normal", word, f"Node {name} status is now: {word}", "kubelet", host=name)
