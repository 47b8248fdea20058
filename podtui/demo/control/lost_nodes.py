"""Nodes that are not heard of: their pods are not ready any more, and go after the time that they tolerate it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from podtui.demo.control.base import Controller, Key, Object, condition, ending
from podtui.demo.kinds import NODES, PODS
from podtui.demo.scheduler import tolerated
from podtui.demo.state import Change


class LostNodes(Controller):
    kind = NODES
    component = "node-controller"

    def keys(self, change: Change) -> Iterable[Key]:
        if (
            change.kind is NODES
            and change.type == "MODIFIED"
            and change.old
            and change.old["spec"].get("taints") != change.new["spec"].get("taints")
        ):
            yield "", change.new["metadata"]["name"]

    def sync(self, namespace: str, name: str) -> None:
        node = self.state.get(NODES, "", name)
        if node is None:
            return
        taints = [one for one in node["spec"].get("taints") or () if one["effect"] == "NoExecute"]
        lost = any(one["type"] == "Ready" and one["status"] == "Unknown" for one in node["status"]["conditions"])
        for pod in list(self.state.by_node(name)):
            if lost:
                self._not_ready(pod)
            for taint in taints:
                self._evict(pod, name, taint)

    def _not_ready(self, pod: Object) -> None:
        status = pod.get("status") or {}
        fields = {"status": "False", "lastProbeTime": None}
        if any(one["type"] == "Ready" and one["status"] == "True" for one in status.get("conditions") or ()):
            told = condition(status["conditions"], "Ready", fields, self.clock.timestamp())  # type: ignore[arg-type]
            self.recorder.record(pod, "Warning", "NodeNotReady", "Node is not ready", self.component)
            self.state.update(PODS, {**pod, "status": {**status, "conditions": told}})

    def _evict(self, pod: Object, node: str, taint: Object) -> None:
        if ending(pod):
            return
        tolerations = [one for one in pod["spec"].get("tolerations") or () if tolerated(taint, [one])]
        times = [one["tolerationSeconds"] for one in tolerations if one.get("tolerationSeconds") is not None]
        if tolerations and not times:
            return
        since = taint.get("timeAdded")
        begun = datetime.fromisoformat(since.replace("Z", "+00:00")).timestamp() if since else self.clock.now()
        left = begun + min(times, default=0) - self.clock.now()
        if left > 0:
            self.again.append((left, ("", node)))
            return
        self.recorder.record(
            pod,
            "Normal",
            "TaintManagerEviction",
            f"Marking for deletion Pod {pod['metadata']['namespace']}/{pod['metadata']['name']}",
            self.component,
        )
        self.writes.delete(PODS, pod["metadata"]["namespace"], pod["metadata"]["name"], {})
