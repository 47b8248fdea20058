"""PodDisruptionBudgets: how many pods may be evicted at this moment."""

from __future__ import annotations

import math
from collections.abc import Iterable

from podtui.demo.controllers.base import Controller, Key, Object, condition, is_active, key_of
from podtui.demo.controllers.deployments import share
from podtui.demo.rules.validation import selected
from podtui.demo.storage.kinds import PODDISRUPTIONBUDGETS, PODS, kind_of
from podtui.demo.storage.state import Change
from podtui.kube.objects import controller_of, is_true


class Budgets(Controller):
    kind = PODDISRUPTIONBUDGETS
    component = "controllermanager"

    def keys(self, change: Change) -> Iterable[Key]:
        yield from super().keys(change)
        if change.kind is PODS:
            for budget in self.state.list(PODDISRUPTIONBUDGETS, change.new["metadata"]["namespace"]):
                if any(
                    pod and selected(budget["spec"].get("selector"), pod["metadata"].get("labels") or {})
                    for pod in (change.old, change.new)
                ):
                    yield key_of(budget)

    def sync(self, namespace: str, name: str) -> None:
        budget = self.state.get(PODDISRUPTIONBUDGETS, namespace, name)
        if budget is None:
            return
        spec, status = budget["spec"], budget.get("status") or {}
        pods = [pod for pod in self.state.list(PODS, namespace) if selected(spec.get("selector"), pod["metadata"].get("labels") or {})]
        counted = [pod for pod in pods if is_active(pod)]
        expected = self._expected(counted) if "maxUnavailable" in spec or isinstance(spec.get("minAvailable"), str) else len(counted)
        if "maxUnavailable" in spec:
            desired = max(0, expected - share(spec["maxUnavailable"], expected, math.ceil))
        else:
            desired = share(spec.get("minAvailable", 1), expected, math.ceil)
        disrupted = {
            key: when for key, when in (status.get("disruptedPods") or {}).items() if key in {pod["metadata"]["name"] for pod in counted}
        }
        healthy = sum(is_true(pod, "Ready") and pod["metadata"]["name"] not in disrupted for pod in counted)
        allowed = max(0, healthy - desired) if expected else 0
        generation = budget["metadata"].get("generation", 1)
        words = {"status": "True", "reason": "SufficientPods"} if allowed else {"status": "False", "reason": "InsufficientPods"}
        fields = {**words, "message": "", "observedGeneration": generation}
        new = {
            "conditions": condition(status.get("conditions") or (), "DisruptionAllowed", fields, self.clock.timestamp()),
            "currentHealthy": healthy,
            "desiredHealthy": desired,
            "disruptedPods": disrupted or None,
            "disruptionsAllowed": allowed,
            "expectedPods": expected,
            "observedGeneration": generation,
        }
        self.set_status(budget, new)

    def _expected(self, pods: list[Object]) -> int:
        """How many pods their controllers want; a pod without one counts as itself."""
        owners: dict[str, int] = {}
        for pod in pods:
            owner = controller_of(pod)
            if not owner:
                owners[pod["metadata"]["uid"]] = 1
                continue
            kind = kind_of(owner["apiVersion"], owner["kind"])
            found = self.state.get(kind, pod["metadata"]["namespace"], owner["name"]) if kind else None
            owners[owner["uid"]] = int(found["spec"].get("replicas", 1)) if found else 1
        return sum(owners.values())
