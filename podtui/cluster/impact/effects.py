"""The effects of a change of pods: which Services lose or gain an endpoint, which controllers create, adopt or release pods, and
which budgets and policies count or select them.

Pure functions over the result of `related.read`. They follow the endpointslice, replicaset, statefulset, daemonset and job
controllers of kube-controller-manager and the eviction subresource of the API server; other controllers are unknown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Literal

import msgspec

from podtui.cluster.impact import owners
from podtui.cluster.impact.finalizers import holders
from podtui.cluster.impact.objects import Budget, Pod
from podtui.cluster.impact.related import Surroundings, endpoints
from podtui.kube.selectors import Selector
from podtui.text import counted, harmless

Weight = Literal["warning", "change", "same"]
Changes = Mapping[str, str | None]  # a label's new value, None to remove it


class Effect(msgspec.Struct, frozen=True):
    """One effect: `about` names the object (`service/web`, "" for none), `words` describe in harmless text what happens to it.

    A `warning` must not be overlooked; `same` means no change.
    """

    about: str
    words: str
    weight: Weight = "change"
    namespace: str = ""

    def __str__(self) -> str:
        return f"{self.about} {self.words}" if self.about else self.words


def deletion(around: Surroundings, *, evict: bool = False) -> list[Effect]:
    """The effects of deleting (or evicting) the pods of `around`."""
    pods = [pod for pod in around.pods if not pod.terminating]
    found = [
        *_services(around, pods, lambda _: None),
        *owners.replaced(around, pods),
        *_evictions(around, pods, evict),
        *_policies(around, pods),
        *holders(around.pods),
    ]
    leaving = [pod for pod in around.pods if pod.terminating]
    if leaving:
        free = any(not pod.metadata.finalizers for pod in leaving)
        words = f"{len(leaving)} of {counted(len(around.pods), 'pod')} {'is' if len(leaving) == 1 else 'are'} terminating already"
        found.append(("", f"{words}: only a shorter grace period changes that" if free else words))
    return _effects(around, found)


def relabelling(around: Surroundings, changes: Changes) -> list[Effect]:
    """The effects of changing labels of the pods of `around`."""
    pods = [pod for pod in around.pods if not pod.terminating]

    def after(pod: Pod) -> Mapping[str, str]:
        return relabelled(pod.labels, changes)

    found = [
        *_services(around, pods, after),
        *owners.handed_over(around, pods, after),
        *_counted(around, pods, after),
        *_selected(around, pods, after),
    ]
    return _effects(around, found)


def relabelled(labels: Mapping[str, str], changes: Changes) -> dict[str, str]:
    """The labels after the changes."""
    kept = {key: value for key, value in labels.items() if key not in changes}
    return kept | {key: value for key, value in changes.items() if value is not None}


def eviction_refusal(budgets: Sequence[Budget], pod: Pod, allowed: int | None = None) -> str:
    """Why the API server would refuse to evict the pod now, in a few words; "" when it would not.

    `budgets` are those that count the pod; `allowed` replaces the disruptions that a single budget allows.
    """
    if not guarded(pod) or not budgets:
        return ""
    if len(budgets) > 1:
        return "more than one budget counts the pod, which an eviction does not support"
    status = budgets[0].status
    if not _takes_a_disruption(budgets[0], pod):
        return ""
    if status.observed_generation < budgets[0].metadata.generation:
        return "it is still being processed by the server"
    if (status.disruptions_allowed if allowed is None else allowed) > 0:
        return ""
    failed = next((one for one in status.conditions or () if one.type == "DisruptionAllowed" and one.reason == "SyncFailed"), None)
    if failed is not None:
        return f"it failed sync: {harmless(failed.message)}"
    return f"it needs {status.desired_healthy} healthy pods and has {status.current_healthy}"


def guarded(pod: Pod) -> bool:
    """Whether an eviction of the pod consults budgets at all."""
    return not pod.terminating and pod.status.phase not in ("Succeeded", "Failed", "Pending")


def _takes_a_disruption(budget: Budget, pod: Pod) -> bool:
    """Whether an eviction uses up a disruption: one of an unready pod does not, where the budget's policy or state allows that."""
    if pod.ready:
        return True
    if budget.spec.unhealthy_pod_eviction_policy == "AlwaysAllow":
        return False
    return not budget.status.current_healthy >= budget.status.desired_healthy > 0


def selects(selector: Selector | None, labels: Mapping[str, str] | None) -> bool:
    """Whether it selects an object with these labels. None means a deleted object, or a selector of nothing."""
    return selector is not None and labels is not None and selector.matches(labels)


# -- Services ------------------------------------------------------------------------------------------------------

Found = tuple[str, str] | tuple[str, str, Weight]
After = Callable[[Pod], Mapping[str, str] | None]


def _services(around: Surroundings, pods: Sequence[Pod], after: After) -> Iterator[Found]:
    known = "EndpointSlice" in around.looked_at
    for service in around.services:
        selector, about = service.selector, f"service/{harmless(service.metadata.name)}"
        now = endpoints(around, service.metadata.name)
        lost, gained, stay = [], [], False
        for pod in pods:
            before, then = selects(selector, pod.labels), selects(selector, after(pod))
            stay = stay or (before and then)
            if before and not then and (pod.metadata.uid in now if known else pod.reachable):
                lost.append(pod)
            elif then and not before and pod.reachable and pod.metadata.uid not in now:
                gained.append(pod)
        if not lost and not gained:
            if stay:
                yield about, "", "same"
            continue
        uids = {pod.metadata.uid for pod in lost}
        new = sum(pod.ready or service.spec.publish_not_ready_addresses for pod in gained)
        ready = new + sum(fine for key, fine in now.items() if key not in uids)
        parts = []
        served = known and any(now[uid] for uid in uids)
        if lost:
            parts.append(f"loses {_endpoints(len(lost))}{'' if served or not known else ' without traffic'}")
        if gained:
            parts.append(f"gains {_endpoints(len(gained))}{'' if new else ', not ready yet'}")
        words = ", ".join(parts)
        if not known:
            yield about, f"{words}: the number of ready endpoints is unknown"
        elif not ready:
            yield about, f"{words}: no ready endpoint {'is left' if served else 'exists'}", "warning" if served else "change"
        elif lost:
            yield about, f"{words}: {ready} ready {'endpoint is' if ready == 1 else 'endpoints are'} left"
        else:
            yield about, f"{words}: {ready} ready {'endpoint' if ready == 1 else 'endpoints'} afterwards"


def _endpoints(count: int) -> str:
    return "1 endpoint" if count == 1 else f"{count} endpoints"


# -- budgets -------------------------------------------------------------------------------------------------------


def _evictions(around: Surroundings, pods: Sequence[Pod], evict: bool) -> Iterator[Found]:
    """For each budget, how many of the pods it would let be evicted, one after the other."""
    selectors = [(budget, _compiled(budget)) for budget in around.budgets]
    counting = {id(pod): [budget for budget, selector in selectors if selects(selector, pod.labels)] for pod in pods}
    for budget in around.budgets:
        counted = [pod for pod in pods if any(one is budget for one in counting[id(pod)])]
        if not counted:
            continue
        about, allowed = f"poddisruptionbudget/{harmless(budget.metadata.name)}", budget.status.disruptions_allowed
        left, refusals = allowed, []
        for pod in counted:
            refusal = eviction_refusal(counting[id(pod)], pod, left)
            if refusal:
                refusals.append(refusal)
            elif guarded(pod) and _takes_a_disruption(budget, pod):
                left -= 1
        words = f"counts {_them(len(counted), len(pods))}"
        eviction = "the eviction is" if evict else "an eviction would be"
        now = f"{allowed} {'disruption is' if allowed == 1 else 'disruptions are'} allowed now"
        unasked = "" if evict else "; a deletion ignores it"
        if not refusals:
            yield about, f"{words}: {eviction} allowed ({now})", "same"
        elif len(refusals) == len(counted):
            yield about, f"{words}: {eviction} refused, {refusals[0]}{unasked}", "warning"
        else:
            count = f"{len(refusals)} of {len(counted)} evictions {'are' if evict else 'would be'} refused"
            yield about, f"{words}: {count}, as {now}{unasked}", "warning"


def _compiled(budget: Budget) -> Selector | None:
    return None if budget.spec.selector is None else budget.spec.selector.compiled()


def _counted(around: Surroundings, pods: Sequence[Pod], after: After) -> Iterator[Found]:
    for budget in around.budgets:
        about = f"poddisruptionbudget/{harmless(budget.metadata.name)}"
        yield from _turned(about, _compiled(budget), pods, after, "no longer counts", "counts", "from now on")


# -- network policies ----------------------------------------------------------------------------------------------


def _policies(around: Surroundings, pods: Sequence[Pod]) -> Iterator[Found]:
    for policy in around.policies:
        selector = policy.spec.pod_selector.compiled()
        count = sum(selects(selector, pod.labels) for pod in pods)
        if count:
            yield _policy(policy.metadata.name), f"selects {_them(count, len(pods))} ({_directions(policy.spec.policy_types)})", "same"


def _selected(around: Surroundings, pods: Sequence[Pod], after: After) -> Iterator[Found]:
    for policy in around.policies:
        then = f"from now on ({_directions(policy.spec.policy_types)})"
        selector = policy.spec.pod_selector.compiled()
        yield from _turned(_policy(policy.metadata.name), selector, pods, after, "no longer selects", "selects", then)


def _policy(name: str) -> str:
    return f"networkpolicy/{harmless(name)}"


def _directions(types: Sequence[str] | None) -> str:
    return harmless(", ".join(types or ("Ingress",)).lower())


# -- common --------------------------------------------------------------------------------------------------------


def _turned(
    about: str, selector: Selector | None, pods: Sequence[Pod], after: After, leaves: str, comes: str, then: str
) -> Iterator[Found]:
    """The effects of changed labels on a selection."""
    pairs = [(selects(selector, pod.labels), selects(selector, after(pod))) for pod in pods]
    gone, new = pairs.count((True, False)), pairs.count((False, True))
    if gone:
        yield about, f"{leaves} {_them(gone, len(pods))}"
    if new:
        yield about, f"{comes} {_them(new, len(pods))} {then}"
    if not gone and not new and (True, True) in pairs:
        yield about, "", "same"


def _them(count: int, total: int) -> str:
    return "it" if total == 1 else f"all {total}" if count == total else f"{count} of {total}"


def _effects(around: Surroundings, found: Sequence[Found]) -> list[Effect]:
    """Warnings first, unchanged ones last."""
    made = [Effect(one[0], one[1], one[2] if len(one) == 3 else "change", around.namespace) for one in found]
    return sorted(made, key=lambda effect: ("warning", "change", "same").index(effect.weight))
