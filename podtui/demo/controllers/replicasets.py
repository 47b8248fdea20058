"""ReplicaSets: keep as many pods as asked for, adopt those that match and release those that no longer do."""

from __future__ import annotations

from collections.abc import Iterable

from podtui.demo.controllers.base import Controller, Key, Object, ending, is_active, key_of
from podtui.demo.rules.validation import selected
from podtui.demo.storage.clock import Clock
from podtui.demo.storage.kinds import PODS, REPLICASETS
from podtui.demo.storage.state import Change
from podtui.demo.writes.garbage import disowned
from podtui.kube.objects import controller_of, is_true

BURST = 500  # pods made or deleted in one turn, as the real one


class ReplicaSets(Controller):
    kind = REPLICASETS
    component = "replicaset-controller"

    def keys(self, change: Change) -> Iterable[Key]:
        yield from super().keys(change)
        if change.kind is not PODS:
            return
        yield from self.owners(change)
        if not controller_of(change.new) and change.type != "DELETED":
            labels = change.new["metadata"].get("labels") or {}
            if labels:
                namespace = change.new["metadata"]["namespace"]
                yield from (key_of(one) for one in self.state.list(REPLICASETS, namespace) if selected(one["spec"].get("selector"), labels))

    def sync(self, namespace: str, name: str) -> None:
        found = self.state.get(REPLICASETS, namespace, name)
        if found is None:
            return
        pods = self._claimed(found)
        if not ending(found):
            pods = self._scaled(found, pods)
        self._update_status(found, pods)

    def _claimed(self, found: Object) -> list[Object]:
        """The pods that are its own after adopting and releasing."""
        selector, namespace = found["spec"].get("selector"), found["metadata"]["namespace"]
        mine = []
        for pod in self.owned(found, PODS):
            if selected(selector, pod["metadata"].get("labels") or {}):
                mine.append(pod)
            elif not ending(pod):
                self.state.update(PODS, disowned(pod, found["metadata"]["uid"]))
        if ending(found):
            return mine
        for pod in self.state.list(PODS, namespace):
            if not controller_of(pod) and is_active(pod) and selected(selector, pod["metadata"].get("labels") or {}):
                mine.append(self.adopt(found, PODS, pod))
        return mine

    def _scaled(self, found: Object, pods: list[Object]) -> list[Object]:
        active = [pod for pod in pods if is_active(pod)]
        missing = found["spec"].get("replicas", 1) - len(active)
        if missing > 0:
            for _ in range(min(missing, BURST)):
                if not self.create_pod(found, found["spec"]["template"]):
                    self.again.append((5.0, key_of(found)))
                    break
        elif missing < 0:
            for pod in sorted(active, key=_worth)[: min(-missing, BURST)]:
                self.delete_pod(found, pod)
        return self.owned(found, PODS) if missing else pods

    def _update_status(self, found: Object, pods: list[Object]) -> None:
        counted = [pod for pod in pods if is_active(pod)]
        labels = ((found["spec"]["template"].get("metadata") or {}).get("labels") or {}).items()
        full = [pod for pod in counted if labels <= (pod["metadata"].get("labels") or {}).items()]
        number_ready = sum(is_true(pod, "Ready") for pod in counted)
        terminating = sum(ending(pod) for pod in pods)
        status: Object = {"replicas": len(counted)}
        status |= {"fullyLabeledReplicas": len(full)} if full else {}
        status |= {"readyReplicas": number_ready, "availableReplicas": number_ready} if number_ready else {}
        status |= {"terminatingReplicas": terminating}
        status |= {"observedGeneration": found["metadata"].get("generation", 1)}
        current = self.state.get(REPLICASETS, *key_of(found))
        if current is not None:
            self.set_status(current, status)


def _worth(pod: Object) -> tuple[bool, bool, bool, int, float]:
    """Which pods go first when there are too many: not scheduled, pending, not ready, restarted, newest (controller.ActivePods)."""
    status = pod.get("status") or {}
    restarts = max((one.get("restartCount", 0) for one in status.get("containerStatuses") or ()), default=0)
    made = Clock.parse(pod["metadata"]["creationTimestamp"])
    return bool(pod["spec"].get("nodeName")), status.get("phase") == "Running", is_true(pod, "Ready"), -restarts, -made
