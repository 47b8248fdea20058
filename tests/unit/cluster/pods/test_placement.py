"""Why nodes do not take a pod: the same verdicts as the scheduler's, each in words, and which label would help."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from podtui.cluster.diagnose.scheduler_words import explained, read_message
from podtui.cluster.pods.placement import beyond, counted, labels_wanted, refusals
from podtui.demo.kubelet.nodes import node
from podtui.kube.resource_requests import host_ports, loads, requests
from tests.unit.demo.controllers.test_scheduler import Cluster

Object = dict[str, Any]


def pod(name: str = "p", *, cpu: str = "", memory: str = "", where: str = "", **spec: Any) -> Object:
    asked = {key: text for key, text in (("cpu", cpu), ("memory", memory)) if text}
    container = {"name": "app", "image": "x", **({"resources": {"requests": asked}} if asked else {})}
    if where:
        spec["nodeName"] = where
    metadata = {"name": name, "namespace": "shop"}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {"containers": [container], **spec}, "status": {}}


def make(name: str = "n", number: int = 0, *, unschedulable: bool = False, **more: Any) -> Object:
    made = node(name, number, "2026-01-01T00:00:00Z", **more)
    if unschedulable:
        taint = {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}
        made["spec"] |= {"unschedulable": True, "taints": [*made["spec"].get("taints", []), taint]}
    return made


def why(wanting: Object, on: Object, running: list[Object] | None = None, **more: Any) -> list[str]:
    load = None if running is None else loads(running).get(on["metadata"]["name"]) or loads([]).get("")
    return [one.words for one in refusals(wanting, on, requests(wanting), host_ports(wanting), load, **more)]


# -- against the scheduler of the built-in cluster
KEYS, VALUES = ("gpu", "disk", "zone"), ("true", "ssd", "1", "7")
labels = st.dictionaries(st.sampled_from(KEYS), st.sampled_from(VALUES), max_size=3)
effects = st.sampled_from(["NoSchedule", "NoExecute", "PreferNoSchedule"])
taints = st.builds(lambda key, value, effect: {"key": key, "value": value, "effect": effect},
                   st.sampled_from(KEYS), st.sampled_from(["", "ssd"]), effects)  # fmt: skip
tolerations = st.one_of(
    st.just({"operator": "Exists"}),
    st.builds(lambda key: {"key": key, "operator": "Exists"}, st.sampled_from([*KEYS, "node.kubernetes.io/unschedulable"])),
    st.builds(lambda key, effect: {"key": key, "operator": "Equal", "value": "ssd", "effect": effect}, st.sampled_from(KEYS), effects),
)
expressions = st.one_of(
    st.builds(lambda key, op: {"key": key, "operator": op}, st.sampled_from(KEYS), st.sampled_from(["Exists", "DoesNotExist"])),
    st.builds(
        lambda key, op, values: {"key": key, "operator": op, "values": values},
        st.sampled_from(KEYS),
        st.sampled_from(["In", "NotIn"]),
        st.lists(st.sampled_from(VALUES), min_size=1, max_size=2, unique=True),
    ),
    st.builds(lambda key, op: {"key": key, "operator": op, "values": ["3"]}, st.sampled_from(KEYS), st.sampled_from(["Gt", "Lt"])),
)
terms = st.lists(st.builds(lambda found: {"matchExpressions": found}, st.lists(expressions, max_size=2)), min_size=1, max_size=2)
nodes = st.builds(
    lambda labels, taints, cpu, pods, closed: {"labels": labels, "taints": taints, "cpu": cpu, "pods": pods, "unschedulable": closed},
    labels, st.lists(taints, max_size=2), st.integers(1, 2), st.integers(0, 2), st.booleans(),
)  # fmt: skip
amounts = st.sampled_from(["", "100m", "0.5", "1", "1500m", "3"])


@st.composite
def pods(draw: st.DrawFn) -> Object:
    spec: Object = {"nodeSelector": draw(labels), "tolerations": draw(st.lists(tolerations, max_size=2))}
    if draw(st.booleans()):
        required = {"nodeSelectorTerms": draw(terms)}
        spec["affinity"] = {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": required}}
    return pod("wanting", cpu=draw(amounts), memory=draw(st.sampled_from(["", "1Gi", "17Gi"])), **spec)


@settings(max_examples=150, deadline=None)
@given(pods(), st.lists(nodes, max_size=4), st.lists(st.tuples(st.integers(0, 3), amounts), max_size=4))
def test_the_verdicts_are_those_of_the_scheduler(wanting: Object, shapes: list[Object], running: list[tuple[int, str]]) -> None:
    made = [make(f"node-{number}", number, **shape) for number, shape in enumerate(shapes)]
    there = [pod(f"r{number}", cpu=cpu, where=f"node-{on}") for number, (on, cpu) in enumerate(running) if on < len(made)]
    cluster = Cluster(*made)
    from podtui.demo.storage.kinds import PODS

    for one in there:
        cluster.state.create(PODS, one)
    cluster.state.create(PODS, wanting)
    cluster.clock.advance(1)
    load = loads(there)
    verdicts = {
        each["metadata"]["name"]: refusals(wanting, each, requests(wanting), set(), load.get(each["metadata"]["name"])) for each in made
    }
    where = cluster.where("wanting")
    if where:
        assert verdicts[where] == []
        return
    assert all(verdicts.values())
    told = read_message(cluster.why("wanting"))
    if not made:
        assert told is None
        return
    assert told is not None and told.total == len(made)
    assert told.reasons == Counter(reason for found in verdicts.values() for reason in counted(found))


@settings(max_examples=150, deadline=None)
@given(pods(), nodes)
def test_a_node_with_the_labels_that_are_offered_matches(wanting: Object, shape: Object) -> None:
    on = make(**shape)
    wanted = labels_wanted(wanting, on)
    before = [one for one in refusals(wanting, on, {}, set(), None) if one.kind == "selector"]
    if wanted is not None:
        on["metadata"]["labels"] |= wanted
        assert [one for one in refusals(wanting, on, {}, set(), None) if one.kind == "selector"] == []
        assert bool(wanted) == bool(before)


# -- the words
def test_each_reason_is_reported_in_words() -> None:
    busy = [pod("a", cpu="3", where="n")]
    assert why(pod(nodeSelector={"gpu": "true"}), make()) == ["nodeSelector requires gpu=true: it has no label gpu"]
    assert why(pod(nodeSelector={"gpu": "true"}), make(labels={"gpu": "no"})) == ["nodeSelector requires gpu=true: it has gpu=no"]
    assert why(pod(cpu="2"), make(), busy) == ["too little cpu: 2 requested, 1 of 4 is free"]
    assert why(pod(cpu="5"), make(), busy) == ["too little cpu: 5 requested, the whole node has 4"]
    assert why(pod(memory="20Gi"), make()) == ["too little memory: 20Gi requested, the whole node has 16Gi"]
    assert why(pod(), make(pods=1), busy) == ["full: 1 of 1 pods run there"]
    assert why(pod(), make(unschedulable=True)) == ["cordoned: it is marked unschedulable"]
    taint = {"key": "dedicated", "value": "batch", "effect": "NoSchedule"}
    assert why(pod(), make(taints=[taint])) == ["taint dedicated=batch:NoSchedule is not tolerated"]
    lost = {"key": "node.kubernetes.io/unreachable", "effect": "NoSchedule"}
    assert why(pod(), make(taints=[lost])) == [
        "its kubelet does not report (taint node.kubernetes.io/unreachable:NoSchedule is not tolerated)"
    ]


def test_all_reasons_of_a_node_are_reported_and_the_scheduler_counts_the_first_plugins() -> None:
    taint = {"key": "dedicated", "value": "batch", "effect": "NoSchedule"}
    found = refusals(pod(cpu="9", nodeSelector={"gpu": "true"}), make(taints=[taint]), requests(pod(cpu="9")), set(), None)
    assert [one.kind for one in found] == ["taint", "selector", "resources"]
    assert counted(found) == {"node(s) had untolerated taint(s)"}


def test_without_sight_of_the_pods_there_only_what_can_never_fit_is_reported() -> None:
    assert why(pod(cpu="4"), make(), None) == []
    assert why(pod(cpu="5"), make(), None) == ["too little cpu: 5 requested, the whole node has 4"]


def test_a_host_port_is_taken_by_any_address_or_the_same() -> None:
    def with_port(ip: str = "", **more: Any) -> Object:
        made = pod(**more)
        made["spec"]["containers"][0]["ports"] = [{"containerPort": 80, "hostPort": 8080, "hostIP": ip}]
        return made

    assert why(with_port(), make(), [with_port(where="n")]) == ["port 8080/TCP of the node is taken"]
    assert why(with_port("10.0.0.1"), make(), [with_port(where="n")]) != []
    assert why(with_port("10.0.0.1"), make(), [with_port("10.0.0.2", where="n")]) == []


def test_a_volume_that_is_elsewhere_is_reported_with_where_it_wants_to_be() -> None:
    terms = [{"matchExpressions": [{"key": "kubernetes.io/hostname", "operator": "In", "values": ["other"]}]}]
    volume = {"spec": {"nodeAffinity": {"required": {"nodeSelectorTerms": terms}}}}
    assert why(pod(), make(), volumes=[("data-1", volume)]) == ["volume data-1 is not there: it requires kubernetes.io/hostname in (other)"]


def test_what_only_the_scheduler_can_judge_is_named() -> None:
    required = {"requiredDuringSchedulingIgnoredDuringExecution": [{"topologyKey": "zone"}]}
    asking = pod(affinity={"podAntiAffinity": required}, topologySpreadConstraints=[{"whenUnsatisfiable": "DoNotSchedule"}])
    assert beyond(asking) == ["pod anti-affinity", "topology spread constraints"]
    assert beyond(pod()) == []


def test_no_label_is_offered_that_belongs_to_the_kubelet() -> None:
    assert labels_wanted(pod(nodeSelector={"kubernetes.io/hostname": "other"}), make()) is None
    assert labels_wanted(pod(nodeSelector={"gpu": "true"}), make()) == {"gpu": "true"}
    assert labels_wanted(pod(nodeSelector={"example.com/gpu": "true"}), make()) == {"example.com/gpu": "true"}


# -- what a pod counts for
def test_init_containers_count_alone_and_sidecars_with_all_that_follow() -> None:
    def container(cpu: str, **more: Any) -> Object:
        return {"resources": {"requests": {"cpu": cpu}}, **more}

    spec = {"containers": [container("1"), container("500m")]}
    assert requests({"spec": spec}) == {"cpu": 1.5}
    assert requests({"spec": {**spec, "initContainers": [container("2")]}}) == {"cpu": 2}
    sidecar = container("1", restartPolicy="Always")
    assert requests({"spec": {**spec, "initContainers": [sidecar, container("2")]}}) == {"cpu": 3}
    assert requests({"spec": {**spec, "initContainers": [sidecar], "overhead": {"cpu": "250m"}}}) == {"cpu": 2.75}
    assert requests({"spec": {**spec, "resources": {"requests": {"cpu": "4", "x": "1"}}}}) == {"cpu": 4}


def test_a_pod_that_is_over_takes_nothing() -> None:
    done = pod("done", cpu="1", where="n") | {"status": {"phase": "Succeeded"}}
    assert loads([done, pod("on", cpu="1", where="n")])["n"].requests == {"cpu": 1}
    assert loads([done, pod("on", cpu="1", where="n")])["n"].pods == 1


# -- the scheduler's message
@pytest.mark.parametrize(
    ("message", "reasons"),
    [
        (
            "0/4 nodes are available: 1 Too many pods, 3 node(s) didn't match Pod's node affinity/selector. preemption: 0/4 nodes are "
            "available: 1 No preemption victims found for incoming pod, 3 Preemption is not helpful for scheduling.",
            {"Too many pods": 1, "node(s) didn't match Pod's node affinity/selector": 3},
        ),
        (
            "0/2 nodes are available: 1 node(s) had untolerated taint {a: b, c}, 1 node(s) had untolerated taint {x: }.",
            {"node(s) had untolerated taint {a: b, c}": 1, "node(s) had untolerated taint {x: }": 1},
        ),
        (
            '0/3 nodes are available: persistentvolumeclaim "data" not found. not found',  # as kube-scheduler 1.37 says it
            {'persistentvolumeclaim "data" not found': 0},
        ),
    ],
)
def test_the_schedulers_message_is_read(message: str, reasons: dict[str, int]) -> None:
    told = read_message(message)
    assert told is not None and told.reasons == reasons
    assert all(explained(reason) for reason in reasons)


def test_a_message_of_another_form_is_left_alone() -> None:
    assert read_message("no nodes available to schedule pods") is None
    assert read_message("") is None
