"""Evictions: deleting a Pod only as far as its PodDisruptionBudget allows, with the words of the API server when it does not."""

from __future__ import annotations

from typing import Any

from podtui.demo.rules.validation import selected
from podtui.demo.storage.errors import ApiError, bad_request, too_many_requests
from podtui.demo.storage.kinds import PODDISRUPTIONBUDGETS, PODS
from podtui.demo.storage.state import State
from podtui.demo.writes.deletion import Deletion, check_preconditions, read_options
from podtui.kube.objects import is_true

Object = dict[str, Any]
_REFUSED = "Cannot evict pod as it would violate the pod's disruption budget."
SUCCESS: Object = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}


def evict(state: State, deletion: Deletion, namespace: str, name: str, body: Object, *, dry_run: bool = False) -> Object:
    """The Status of success. ApiError 404, 409, or 429 when a budget does not allow it now."""
    if (body.get("metadata") or {}).get("name", name) != name:
        raise bad_request("name in URL does not match name in Eviction object")
    options = read_options(body.get("deleteOptions"))
    dry_run = dry_run or options.get("dryRun") == ["All"]
    pod = state.existing(PODS, namespace, name)
    if not _unguarded(pod):
        budgets = [one for one in state.list(PODDISRUPTIONBUDGETS, namespace) if _guards(one, pod)]
        if len(budgets) > 1:
            raise ApiError(500, "", "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.")
        if budgets and not _may_go_unready(budgets[0], pod):
            _decrement(state, budgets[0], pod, dry_run)
    check_preconditions(PODS, pod, options)
    if not dry_run:
        pod = state.get(PODS, namespace, name) or pod
        state.update(PODS, disrupted(pod, "EvictionByEvictionAPI", "Eviction API: evicting", state.clock.timestamp()))
    options = {key: value for key, value in options.items() if key != "preconditions"}
    deletion.delete(PODS, namespace, name, options, dry_run=dry_run)
    return dict(SUCCESS)


def disrupted(pod: Object, reason: str, message: str, now: str) -> Object:
    """The pod with the condition that says why it is deleted."""
    status = pod.get("status") or {}
    condition = {"type": "DisruptionTarget", "status": "True", "lastProbeTime": None, "lastTransitionTime": now}
    others = [one for one in status.get("conditions") or () if one.get("type") != "DisruptionTarget"]
    return {**pod, "status": {**status, "conditions": [*others, {**condition, "reason": reason, "message": message}]}}


def _unguarded(pod: Object) -> bool:
    return (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed", "Pending") or "deletionTimestamp" in pod["metadata"]


def _guards(budget: Object, pod: Object) -> bool:
    return selected((budget.get("spec") or {}).get("selector"), pod["metadata"].get("labels") or {})


def _may_go_unready(budget: Object, pod: Object) -> bool:
    """A pod that is not ready counts for nothing, where the budget's policy or its state allows that."""
    if is_true(pod, "Ready"):
        return False
    if budget["spec"].get("unhealthyPodEvictionPolicy") == "AlwaysAllow":
        return True
    status = budget.get("status") or {}
    desired = status.get("desiredHealthy", 0)
    return bool(status.get("currentHealthy", 0) >= desired > 0)


def _decrement(state: State, budget: Object, pod: Object, dry_run: bool) -> None:
    name, status = budget["metadata"]["name"], budget.get("status") or {}
    if status.get("observedGeneration", 0) < budget["metadata"].get("generation", 0):
        raise _refusal(f"The disruption budget {name} is still being processed by the server.", 10)
    allowed = status.get("disruptionsAllowed", 0)
    if allowed == 0:
        current, desired = status.get("currentHealthy", 0), status.get("desiredHealthy", 0)
        words = f"The disruption budget {name} does not allow evicting pods currently"
        if current <= desired:
            words = f"The disruption budget {name} needs {desired} healthy pods and has {current} currently"
        raise _refusal(words, 0)
    if not dry_run:
        disrupted = {**(status.get("disruptedPods") or {}), pod["metadata"]["name"]: state.clock.timestamp()}
        changed = {**status, "disruptionsAllowed": allowed - 1, "disruptedPods": disrupted}
        state.update(PODDISRUPTIONBUDGETS, {**budget, "status": changed})


def _refusal(words: str, retry_after: int) -> ApiError:
    return too_many_requests(_REFUSED, retry_after, [{"reason": "DisruptionBudget", "message": words}])
