"""Cordoned nodes get the taint that goes with it, and lose it again: what the node lifecycle controller does, with the kubelet's event."""

from __future__ import annotations

from collections.abc import Iterable

from podtui.demo.controllers.base import Controller, Key
from podtui.demo.storage.kinds import NODES
from podtui.demo.storage.state import Change

TAINT = "node.kubernetes.io/unschedulable"


class Cordons(Controller):
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
        if cordoned == any(taint["key"] == TAINT for taint in taints):
            return
        kept = [taint for taint in taints if taint["key"] != TAINT]
        if cordoned:
            kept.append({"key": TAINT, "effect": "NoSchedule", "timeAdded": self.clock.timestamp()})
        spec = {key: value for key, value in node["spec"].items() if key != "taints"}
        changed = self.state.update(NODES, {**node, "spec": {**spec, "taints": kept} if kept else spec})
        word = "NodeNotSchedulable" if cordoned else "NodeSchedulable"
        self.recorder.record(changed, "Normal", word, f"Node {name} status is now: {word}", "kubelet", host=name)
