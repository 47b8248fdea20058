"""The effects of a change of pods, decided over objects as the API writes them."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from podtui.cluster.impact.effects import Effect, deletion, eviction_refusal, relabelled, relabelling, selects
from podtui.cluster.impact.finalizers import what_holds_namespace
from podtui.cluster.impact.objects import Budget, Controller, LabelSelector, OldController, Pod, Policy, Service, Slice, Wire
from podtui.cluster.impact.related import Surroundings, unknown
from podtui.kube.selectors import parse

T = TypeVar("T", bound=Wire)
WEB = {"app": "web"}
READ = {"Service", "EndpointSlice", "PodDisruptionBudget", "NetworkPolicy", "ReplicaSet", "StatefulSet", "DaemonSet", "Job"}


def of(form: type[T], **value: Any) -> T:
    """An object as it comes from the server."""
    return msgspec.json.decode(msgspec.json.encode(value), type=form)


def pod(
    name: str,
    labels: dict[str, str] | None = None,
    owner: tuple[str, str] | None = None,
    finalizers: dict[str, str] | None = None,
    **status: Any,
) -> Pod:
    """A ready pod; `owner` is the kind and the name of its controller, `finalizers` has the manager that set each ("": unknown)."""
    fields = [
        {"manager": manager, "fieldsV1": {"f:metadata": {"f:finalizers": {".": {}, f'v:"{finalizer}"': {}}}}}
        for finalizer, manager in (finalizers or {}).items()
        if manager
    ]
    held = {"finalizers": list(finalizers), "managedFields": [{"manager": "kubelet", "fieldsV1": {}}, *fields]} if finalizers else {}
    owners = [{"kind": owner[0], "name": owner[1], "uid": f"u-{owner[1]}", "controller": True}] if owner else None
    told = {"phase": "Running", "podIP": "10.0.0.1", "conditions": [{"type": "Ready", "status": "True"}], **status}
    terminating = told.pop("terminating", None)
    metadata = {"name": name, "uid": name, "labels": WEB if labels is None else labels, "ownerReferences": owners, **held}
    return of(Pod, metadata={**metadata, "deletionTimestamp": terminating}, status=told)


UNREADY: dict[str, Any] = {"conditions": [{"type": "Ready", "status": "False"}]}


def service(name: str = "web", selector: dict[str, str] | None = None, **spec: Any) -> Service:
    return of(Service, metadata={"name": name}, spec={"selector": WEB if selector is None else selector, **spec})


def slice_of(name: str, **ready: bool | None) -> Slice:
    """The endpoints of a Service: the UIDs of their pods, and whether they are ready."""
    endpoints = [{"addresses": ["10.0.0.1"], "conditions": {"ready": fine}, "targetRef": {"uid": uid}} for uid, fine in ready.items()]
    return of(Slice, metadata={"labels": {"kubernetes.io/service-name": name}}, endpoints=endpoints or None)


def controller(name: str, want: int | None = 3, have: int = 3, labels: dict[str, str] | None = None, **more: Any) -> Controller:
    spec = {"replicas": want, "selector": {"matchLabels": WEB if labels is None else labels}, **more.pop("spec", {})}
    metadata = {"name": name, "uid": f"u-{name}", **more.pop("metadata", {})}
    return of(Controller, metadata=metadata, spec=spec, status={"replicas": have, **more.pop("status", {})})


def budget(name: str = "web", allowed: int = 1, current: int = 3, desired: int = 2, **spec: Any) -> Budget:
    status = {"disruptionsAllowed": allowed, "currentHealthy": current, "desiredHealthy": desired, "observedGeneration": 1}
    return of(Budget, metadata={"name": name, "generation": 1}, spec={"selector": {"matchLabels": WEB}, **spec}, status=status)


def policy(name: str, selector: dict[str, Any], *types: str) -> Policy:
    return of(Policy, metadata={"name": name}, spec={"podSelector": selector, "policyTypes": list(types)})


def around(*pods: Pod, **more: Any) -> Surroundings:
    return Surroundings("shop", pods=list(pods), looked_at=more.pop("looked_at", READ), **more)


def told(effects: list[Effect]) -> list[str]:
    return [str(effect) for effect in effects]


def warnings(effects: list[Effect]) -> list[str]:
    return [effect.about for effect in effects if effect.weight == "warning"]


# -- deleting ------------------------------------------------------------------------------------------------------


def test_a_service_that_loses_an_endpoint_tells_how_many_ready_ones_are_left() -> None:
    found = deletion(around(pod("a"), services=[service()], slices=[slice_of("web", a=True, b=True, c=None, d=False)]))
    assert "service/web loses 1 endpoint: 2 ready endpoints are left" in told(found)


def test_the_last_ready_endpoint_is_a_warning() -> None:
    found = deletion(around(pod("a"), services=[service()], slices=[slice_of("web", a=True, b=False)]))
    assert "service/web loses 1 endpoint: no ready endpoint is left" in told(found) and "service/web" in warnings(found)


def test_an_endpoint_that_is_not_ready_takes_nothing_from_the_others() -> None:
    for others, words in (({"b": True}, "1 ready endpoint is left"), ({}, "no ready endpoint exists")):
        found = deletion(around(pod("a", **UNREADY), services=[service()], slices=[slice_of("web", a=False, **others)]))
        assert f"service/web loses 1 endpoint without traffic: {words}" in told(found) and "service/web" not in warnings(found)


def test_services_without_a_selector_external_ones_and_others_are_not_named() -> None:
    services = [service("none", {}), service("ext", type="ExternalName"), service("other", {"app": "db"})]
    assert not [one for one in told(deletion(around(pod("a"), services=services))) if "service/" in one]


def test_endpoints_in_slices_of_both_families_count_once() -> None:
    slices = [slice_of("web", a=True, b=True), slice_of("web", a=True, b=True)]
    found = deletion(around(pod("a"), services=[service()], slices=slices))
    assert "service/web loses 1 endpoint: 1 ready endpoint is left" in told(found)


def test_without_the_right_to_read_endpoints_it_is_said_that_their_number_is_not_known() -> None:
    found = deletion(around(pod("a"), services=[service()], looked_at={"Service"}))
    assert "service/web loses 1 endpoint: the number of ready endpoints is unknown" in told(found)


VET = {"farm.example/vet": "vet-controller"}


@pytest.mark.parametrize(
    ("pods", "words"),
    [
        (
            [pod("a", finalizers=VET)],
            "A finalizer holds it: farm.example/vet (set by vet-controller): it stays Terminating until its controller takes it off, "
            "and force does not change that",
        ),
        (
            [pod("a", finalizers={"farm.example/vet": "", "x/y": ""}), pod("b")],
            "Finalizers hold 1 of 2: farm.example/vet, x/y: it stays Terminating until its controller takes them off, "
            "and force does not change that",
        ),
        (
            [pod("a", finalizers=VET), pod("b", finalizers={"farm.example/vet": "kubectl-edit"})],
            "A finalizer holds all 2: farm.example/vet (set by vet-controller, kubectl-edit): they stay Terminating until its controller "
            "takes it off, and force does not change that",
        ),
    ],
)
def test_finalizers_that_hold_pods_are_a_warning_that_names_who_set_them(pods: list[Pod], words: str) -> None:
    assert [str(effect) for effect in deletion(around(*pods)) if effect.weight == "warning" and "inalizer" in effect.words] == [words]


def test_a_pod_that_hangs_on_a_finalizer_already_does_not_offer_a_shorter_grace_period() -> None:
    terminating = "2026-01-01T00:00:00Z"
    held = told(deletion(around(pod("a", finalizers=VET, terminating=terminating))))
    assert "1 of 1 pod is terminating already" in held and any("A finalizer holds it" in one for one in held)
    assert "1 of 1 pod is terminating already: only a shorter grace period changes that" in told(
        deletion(around(pod("a", terminating=terminating)))
    )


def test_finalizers_of_kubernetes_own_controllers_are_no_warning() -> None:
    assert not [one for one in told(deletion(around(pod("a", finalizers={"foregroundDeletion": ""})))) if "inalizer" in one]
    (found,) = [one for one in deletion(around(pod("a", finalizers={"batch.kubernetes.io/job-tracking": ""}))) if "inalizer" in one.words]
    assert found.weight == "same" and "once it has counted it" in found.words


def test_a_namespace_that_hangs_says_on_what() -> None:
    remaining = "Some content in the namespace has finalizers remaining: farm.example/vet in 1 resource instances"
    conditions = [
        {"type": "NamespaceDeletionDiscoveryFailure", "status": "False", "message": "All resources successfully discovered"},
        {"type": "NamespaceFinalizersRemaining", "status": "True", "message": remaining},
    ]
    deleted: dict[str, Any] = {"name": "shop", "deletionTimestamp": "2026-01-01T00:00:00Z"}
    hanging = {"metadata": deleted, "spec": {"finalizers": ["kubernetes"]}, "status": {"conditions": conditions}}
    assert what_holds_namespace(hanging) == [remaining]
    hanging["metadata"] = {**deleted, "finalizers": ["x/y\x1b[31m"]}
    assert what_holds_namespace(hanging)[1] == "The namespace itself has finalizers: x/y␛[31m"
    hanging["metadata"] = {"name": "shop"}
    assert what_holds_namespace(hanging) == []


@pytest.mark.parametrize(
    ("owner", "one", "words"),
    [
        ("ReplicaSet", controller("x"), "creates another in its place"),
        ("ReplicaSet", controller("x", want=2), "has 3 and wants 2: it creates no other"),
        ("ReplicaSet", controller("x", want=None, have=1), "creates another in its place"),
        ("ReplicaSet", controller("x", metadata={"deletionTimestamp": "2026-01-01T00:00:00Z"}), "is being deleted itself"),
        ("StatefulSet", controller("x"), "recreates it under the same name"),
        ("StatefulSet", controller("x", want=1), "wants 1, without it: it creates no other"),
        ("StatefulSet", controller("x", want=1, spec={"ordinals": {"start": 1}}), "recreates it under the same name"),
        ("DaemonSet", controller("x"), "creates another on the same node"),
        ("Job", controller("x"), "counts it as failed, and creates another within its backoffLimit"),
        ("Job", controller("x", status={"conditions": [{"type": "Complete", "status": "True"}]}), "has finished: it creates no other"),
        ("Job", controller("x", spec={"suspend": True}), "is suspended: it creates no other"),
    ],
)
def test_what_an_owner_does_when_its_pod_goes(owner: str, one: Controller, words: str) -> None:
    (found,) = deletion(around(pod("x-1", owner=(owner, "x")), owners=[(owner, one)]))
    assert found.about == f"{owner.lower()}/x" and words in found.words


def test_an_owner_makes_as_many_as_it_is_then_short_of() -> None:
    pods = [pod(name, owner=("ReplicaSet", "x")) for name in "abc"]
    assert told(deletion(around(*pods, owners=[("ReplicaSet", controller("x", want=2))]))) == ["replicaset/x creates 2 others"]


def test_the_deployment_above_a_replica_set_is_named() -> None:
    above = {"ownerReferences": [{"kind": "Deployment", "name": "web", "uid": "d", "controller": True}]}
    found = deletion(around(pod("a", owner=("ReplicaSet", "x")), owners=[("ReplicaSet", controller("x", metadata=above))]))
    assert told(found) == ["replicaset/x (deployment/web) creates another in its place"]


def test_owners_that_are_gone_unread_or_of_another_kind_are_told_apart() -> None:
    gone = deletion(around(pod("a", owner=("ReplicaSet", "x"))))
    unread = deletion(around(pod("a", owner=("ReplicaSet", "x")), looked_at=set()))
    other = deletion(around(pod("a", owner=("Workflow", "x"))))
    static = deletion(around(pod("a", owner=("Node", "x"))))
    assert [one[0].words for one in (gone, unread, other, static)] == [
        "owned it and is gone: the garbage collector deletes it anyway",
        "owns it: whether it creates another is unknown",
        "owns it, and may create another",
        "runs it as static pods: its kubelet keeps running it",
    ]


def test_that_nothing_recreates_a_bare_pod_is_a_warning() -> None:
    found = deletion(around(pod("a"), pod("b", owner=("ReplicaSet", "x")), owners=[("ReplicaSet", controller("x"))]))
    assert found[0] == Effect("", "No controller owns 1 of them: nothing recreates it", "warning", "shop")


def test_pods_that_are_going_already_count_for_nothing() -> None:
    going = pod("a", terminating="2026-01-01T00:00:00Z")
    found = deletion(around(going, services=[service()], slices=[slice_of("web", a=False, b=True)], budgets=[budget()]))
    assert told(found) == ["1 of 1 pod is terminating already: only a shorter grace period changes that"]


def test_a_budget_tells_whether_an_eviction_would_be_allowed() -> None:
    allowed = deletion(around(pod("a"), budgets=[budget()]))
    assert "counts it: an eviction would be allowed (1 disruption is allowed now)" in allowed[-1].words
    refused = deletion(around(pod("a"), budgets=[budget(allowed=0, current=2)]))
    assert "poddisruptionbudget/web" in warnings(refused)
    assert any("an eviction would be refused, it needs 2 healthy pods and has 2; a deletion ignores it" in one.words for one in refused)
    both = deletion(around(pod("a"), pod("b"), budgets=[budget()]), evict=True)
    assert any("counts all 2: 1 of 2 evictions are refused, as 1 disruption is allowed now" in one.words for one in both)


@pytest.mark.parametrize(
    ("one", "budgets", "words"),
    [
        (pod("a"), [], ""),
        (pod("a"), [budget()], ""),
        (pod("a"), [budget(allowed=0, current=2)], "it needs 2 healthy pods and has 2"),
        (pod("a"), [budget(), budget("two")], "more than one budget"),
        (pod("a", phase="Pending"), [budget(allowed=0), budget("two")], ""),
        (pod("a", phase="Succeeded"), [budget(allowed=0)], ""),
        (pod("a", terminating="2026-01-01T00:00:00Z"), [budget(allowed=0)], ""),
        (pod("a", **UNREADY), [budget(allowed=0, current=2)], ""),
        (pod("a", **UNREADY), [budget(allowed=0, current=1)], "it needs 2 healthy pods and has 1"),
        (pod("a", **UNREADY), [budget(allowed=0, current=1, unhealthyPodEvictionPolicy="AlwaysAllow")], ""),
        (pod("a", **UNREADY), [budget(allowed=0, current=0, desired=0)], "it needs 0 healthy pods and has 0"),
    ],
)
def test_an_eviction_is_judged_as_the_server_judges_it(one: Pod, budgets: list[Budget], words: str) -> None:
    refusal = eviction_refusal(budgets, one)
    assert words in refusal and bool(words) == bool(refusal)


def test_a_budget_that_the_controller_has_not_seen_yet_refuses() -> None:
    unseen = of(Budget, metadata={"name": "b", "generation": 2}, status={"disruptionsAllowed": 3, "observedGeneration": 1})
    assert "still being processed" in eviction_refusal([unseen], pod("a"))


def test_a_budget_without_a_selector_counts_nothing_and_an_empty_one_everything() -> None:
    none, every = budget("none", selector=None), budget("every", selector={})
    found = [one.about for one in deletion(around(pod("a", {"x": "y"}), budgets=[none, every]))]
    assert "poddisruptionbudget/every" in found and "poddisruptionbudget/none" not in found


def test_policies_that_select_the_pod_are_named_with_their_directions() -> None:
    policies = [policy("deny", {}, "Ingress", "Egress"), policy("db", {"matchLabels": {"app": "db"}}, "Ingress")]
    assert told(deletion(around(pod("a"), policies=policies)))[1:] == ["networkpolicy/deny selects it (ingress, egress)"]


# -- labels --------------------------------------------------------------------------------------------------------


def test_a_pod_that_leaves_one_service_for_another() -> None:
    services = [service(), service("debug", {"app": "debug"})]
    slices = [slice_of("web", a=True, b=True), slice_of("debug")]
    found = relabelling(around(pod("a"), services=services, slices=slices), {"app": "debug"})
    assert told(found) == [
        "service/web loses 1 endpoint: 1 ready endpoint is left",
        "service/debug gains 1 endpoint: 1 ready endpoint afterwards",
    ]


def test_an_endpoint_that_comes_may_not_be_ready_yet() -> None:
    debug = service("debug", {"app": "debug"})
    found = relabelling(around(pod("a", **UNREADY), services=[debug]), {"app": "debug"})
    assert told(found)[0] == "service/debug gains 1 endpoint, not ready yet: no ready endpoint exists" and not warnings(found)
    published = service("debug", {"app": "debug"}, publishNotReadyAddresses=True)
    assert "gains 1 endpoint: 1 ready" in told(relabelling(around(pod("a", **UNREADY), services=[published]), {"app": "debug"}))[0]


def test_a_finished_pod_and_one_without_an_address_are_no_endpoints() -> None:
    debug = service("debug", {"app": "debug"})
    for one in (pod("a", phase="Succeeded"), pod("a", podIP="")):
        assert not [effect for effect in relabelling(around(one, services=[debug]), {"app": "debug"}) if effect.weight != "same"]


def test_the_owner_releases_the_pod_and_makes_another() -> None:
    found = relabelling(around(pod("a", owner=("ReplicaSet", "x")), owners=[("ReplicaSet", controller("x"))]), {"app": None})
    assert told(found) == [
        "replicaset/x releases it, and creates another",
        "No controller owns it afterwards: nothing recreates it",
    ]


def test_another_controller_adopts_what_is_released_and_may_have_too_many_then() -> None:
    owners = [("ReplicaSet", controller("x")), ("ReplicaSet", controller("y", want=1, have=1, labels={"app": "y"}))]
    found = relabelling(around(pod("a", owner=("ReplicaSet", "x")), owners=owners), {"app": "y"})
    assert told(found) == [
        "replicaset/y adopts it: with 2 pods and 1 wanted, it deletes 1",
        "replicaset/x releases it, and creates another",
    ]


def test_a_bare_pod_is_adopted_only_by_a_change_that_makes_it_match() -> None:
    owners = [("ReplicaSet", controller("y", want=2, have=1, labels={"app": "y"}))]
    assert told(relabelling(around(pod("a"), owners=owners), {"app": "y"})) == ["replicaset/y adopts it"]
    assert told(relabelling(around(pod("a", {"app": "y"}), owners=owners), {"tier": "x"})) == []


def test_a_stateful_set_adopts_only_pods_of_its_names_and_cannot_replace_one_that_keeps_its_name() -> None:
    owners = [("StatefulSet", controller("db", labels={"app": "db"}))]
    assert relabelling(around(pod("web-1"), owners=owners), {"app": "db"}) == []
    assert "statefulset/db adopts it" in told(relabelling(around(pod("db-2"), owners=owners), {"app": "db"}))[0]
    own = pod("db-0", {"app": "db"}, owner=("StatefulSet", "db"))
    released = told(relabelling(around(own, owners=owners), {"app": "x"}))[0]
    assert released == "statefulset/db releases it, and cannot create another while a pod has the name"


def test_a_replication_controller_selects_by_a_map() -> None:
    old = of(OldController, metadata={"name": "x", "uid": "u-x"}, spec={"selector": WEB, "replicas": 1}, status={"replicas": 1})
    found = relabelling(
        around(pod("a", owner=("ReplicationController", "x")), owners=[("ReplicationController", old.renewed())]), {"app": "y"}
    )
    assert "replicationcontroller/x releases it" in told(found)[0] and "creates another" in told(found)[0]


def test_controllers_that_are_going_and_finished_pods_are_left_out() -> None:
    going = controller("y", labels={"app": "y"}, metadata={"deletionTimestamp": "2026-01-01T00:00:00Z"})
    assert relabelling(around(pod("a"), owners=[("ReplicaSet", going)]), {"app": "y"}) == []
    taker = controller("y", labels={"app": "y"})
    assert relabelling(around(pod("a", phase="Succeeded"), owners=[("ReplicaSet", taker)]), {"app": "y"}) == []


def test_what_stays_is_reported_as_staying() -> None:
    found = relabelling(
        around(
            pod("a", owner=("ReplicaSet", "x")),
            services=[service()],
            slices=[slice_of("web", a=True)],
            owners=[("ReplicaSet", controller("x"))],
            budgets=[budget()],
            policies=[policy("deny", {}, "Ingress")],
        ),
        {"tier": "front"},
    )
    assert {effect.weight for effect in found} == {"same"}
    assert [effect.about for effect in found] == ["service/web", "replicaset/x", "poddisruptionbudget/web", "networkpolicy/deny"]


def test_budgets_and_policies_that_begin_or_cease_to_count_a_pod() -> None:
    policies = [policy("a", {"matchLabels": WEB}, "Ingress"), policy("b", {"matchLabels": {"app": "b"}}, "Egress")]
    found = relabelling(around(pod("a"), budgets=[budget()], policies=policies), {"app": "b"})
    assert told(found) == [
        "poddisruptionbudget/web no longer counts it",
        "networkpolicy/a no longer selects it",
        "networkpolicy/b selects it from now on (egress)",
    ]


def test_what_could_not_be_read_is_said_in_a_line_for_each_reason() -> None:
    lacking = "you lack permission to list"
    found = Surroundings("shop", unread=[("jobs", lacking), ("services", lacking), ("pod/a", "no route")])
    assert unknown([found]) == ["in shop you lack permission to list jobs, services", "pod/a in shop: no route"]


def test_names_from_the_cluster_are_made_harmless() -> None:
    found = deletion(around(pod("a"), services=[service("\x1b[31mweb")], slices=[slice_of("\x1b[31mweb", a=True)]))
    assert not any("\x1b" in str(effect) for effect in found)


# -- selectors, whatever they are ----------------------------------------------------------------------------------

KEYS, VALUES = st.sampled_from(["a", "b", "c"]), st.sampled_from(["", "1", "2"])
LABELS = st.dictionaries(KEYS, VALUES)
EXPRESSIONS = st.one_of(
    st.tuples(KEYS, st.sampled_from(["In", "NotIn"]), st.lists(VALUES, min_size=1, max_size=3)),
    st.tuples(KEYS, st.sampled_from(["Exists", "DoesNotExist"]), st.just(list[str]())),
)


def written(labels: dict[str, str], expressions: list[tuple[str, str, list[str]]]) -> str:
    """The same selector in the grammar of kubectl's -l."""
    forms = {"In": "{0} in ({1})", "NotIn": "{0} notin ({1})", "Exists": "{0}", "DoesNotExist": "!{0}"}
    parts = [f"{key}={value}" for key, value in labels.items()]
    return ",".join([*parts, *(forms[operator].format(key, ",".join(values)) for key, operator, values in expressions)])


@given(LABELS, st.lists(EXPRESSIONS, max_size=3), LABELS)
def test_a_label_selector_selects_what_its_written_form_selects(
    labels: dict[str, str], expressions: list[tuple[str, str, list[str]]], on: dict[str, str]
) -> None:
    structure = {
        "matchLabels": labels,
        "matchExpressions": [{"key": key, "operator": operator, "values": values} for key, operator, values in expressions],
    }
    selector = of(LabelSelector, **structure).compiled()
    assert selects(selector, on) == parse(written(labels, expressions)).matches(on)


@pytest.mark.parametrize("broken", [{"operator": "Near"}, {"operator": "In"}, {"operator": "Exists", "values": ["x"]}])
def test_a_selector_that_is_not_valid_selects_nothing(broken: dict[str, Any]) -> None:
    selector = of(LabelSelector, matchExpressions=[{"key": "a", **broken}]).compiled()
    assert not selects(selector, {"a": "x"}) and not selects(selector, {})


CHANGES = st.dictionaries(KEYS, st.none() | VALUES)


@given(LABELS, CHANGES, CHANGES)
def test_changes_one_after_the_other_are_one_change(labels: dict[str, str], first: dict[str, Any], second: dict[str, Any]) -> None:
    assert relabelled(relabelled(labels, first), second) == relabelled(labels, first | second)


@given(st.lists(LABELS, min_size=1, max_size=4), CHANGES, st.lists(LABELS.filter(bool), max_size=4), st.sets(st.integers(0, 3)))
def test_the_endpoints_that_are_foretold_are_those_of_the_changed_pods(
    pods: list[dict[str, str]], changes: dict[str, Any], wanted: list[dict[str, str]], unready: set[int]
) -> None:
    """A model: what each Service selects, before and after, pod by pod."""
    made = [pod(f"p{n}", labels, **(UNREADY if n in unready else dict[str, Any]())) for n, labels in enumerate(pods)]
    services = [service(f"s{n}", selector) for n, selector in enumerate(wanted)]

    def members(n: int, change: dict[str, Any]) -> dict[str, bool]:
        now = {one.metadata.name: {**relabelled(one.labels, change)} for one in made}
        return {name: int(name[1:]) not in unready for name, labels in now.items() if wanted[n].items() <= labels.items()}

    slices = [slice_of(f"s{n}", **members(n, {})) for n in range(len(wanted))]
    found = {one.about: one for one in relabelling(around(*made, services=services, slices=slices), changes) if one.weight != "same"}
    for n in range(len(wanted)):
        before, after = members(n, {}), members(n, changes)
        effect = found.pop(f"service/s{n}", None)
        assert (effect is not None) == (before.keys() != after.keys())
        if effect is None:
            continue
        lost, gained = len(before.keys() - after.keys()), len(after.keys() - before.keys())
        assert (f"loses {lost} endpoint" in effect.words) == bool(lost) and (f"gains {gained} endpoint" in effect.words) == bool(gained)
        ready = sum(after.values())
        assert (f": {ready} ready" in effect.words) if ready else ("no ready endpoint" in effect.words)
        assert (effect.weight == "warning") == (not ready and any(before[name] for name in before.keys() - after.keys()))
    assert not [about for about in found if about.startswith("service/")]
