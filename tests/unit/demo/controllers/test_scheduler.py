"""Which node a pod gets, and what is said when there is none."""

from __future__ import annotations

from typing import Any

from podtui.demo.controllers.scheduler import Scheduler
from podtui.demo.kubelet.nodes import node
from podtui.demo.storage.clock import Clock
from podtui.demo.storage.kinds import EVENTS, NAMESPACES, NODES, PODS
from podtui.demo.storage.recorder import Recorder
from podtui.demo.storage.state import State


class Cluster:
    def __init__(self, *nodes: dict[str, Any]) -> None:
        self.clock = Clock(speed=0, start=1_700_000_000)
        self.state = State(self.clock)
        self.state.create(NAMESPACES, {"metadata": {"name": "shop"}})
        for each in nodes:
            self.state.create(NODES, each)
        self.scheduler = Scheduler(self.state, self.clock, Recorder(self.state, self.clock))
        self.scheduler.start()

    def pod(self, name: str, cpu: str = "", **spec: Any) -> None:
        container: dict[str, Any] = {"name": "app", "image": "x"}
        if cpu:
            container["resources"] = {"requests": {"cpu": cpu}}
        metadata = {"name": name, "namespace": "shop"}
        obj = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": metadata,
            "spec": {"containers": [container], **spec},
            "status": {"phase": "Pending"},
        }
        self.state.create(PODS, obj)
        self.clock.advance(1)

    def where(self, name: str) -> str:
        pod = self.state.get(PODS, "shop", name)
        assert pod is not None
        return str(pod["spec"].get("nodeName", ""))

    def why(self, name: str) -> str:
        pod = self.state.get(PODS, "shop", name)
        assert pod is not None
        (condition,) = pod["status"]["conditions"]
        return str(condition.get("message", condition["status"]))

    def events(self) -> list[tuple[str, str, int]]:
        """Reason, pod, and how often."""
        return [
            (event["reason"], event["involvedObject"]["name"], event.get("series", {"count": 1})["count"])
            for event in self.state.list(EVENTS)
        ]


def make(name: str, number: int = 0, **more: Any) -> dict[str, Any]:
    return node(name, number, "2026-01-01T00:00:00Z", **more)


def test_pods_are_spread_over_the_nodes() -> None:
    cluster = Cluster(make("a"), make("b", 1))
    for number in range(4):
        cluster.pod(f"web-{number}")
    assert sorted(cluster.where(f"web-{number}") for number in range(4)) == ["a", "a", "b", "b"]
    assert ("Scheduled", "web-0", 1) in cluster.events() and cluster.why("web-0") == "True"


def test_a_node_selector_that_no_node_has_waits_until_one_is_labelled() -> None:
    cluster = Cluster(make("a"), make("b", 1))
    cluster.pod("gpu", nodeSelector={"gpu": "true"})
    assert cluster.why("gpu") == (
        "0/2 nodes are available: 2 node(s) didn't match Pod's node affinity/selector. "
        "preemption: 0/2 nodes are available: 2 Preemption is not helpful for scheduling."
    )
    assert cluster.events() == [("FailedScheduling", "gpu", 1)]
    cluster.state.update(NODES, make("b", 1, labels={"gpu": "true"}))
    cluster.clock.advance(1)
    assert cluster.where("gpu") == "b"


def test_requests_must_fit_and_a_pod_that_goes_makes_room() -> None:
    cluster = Cluster(make("a", cpu=2))
    cluster.pod("first", cpu="1500m")
    cluster.pod("second", cpu="1")
    assert cluster.why("second").startswith(
        "0/1 nodes are available: 1 Insufficient cpu. preemption: 0/1 nodes are available: 1 No preemption"
    )
    cluster.state.remove(PODS, "shop", "first")
    cluster.clock.advance(1)
    assert cluster.where("second") == "a"


def test_taints_keep_pods_away_unless_they_tolerate_them() -> None:
    taint = {"key": "dedicated", "value": "db", "effect": "NoSchedule"}
    cluster = Cluster(make("a", taints=[taint]))
    cluster.pod("web")
    cluster.pod("db", tolerations=[{"key": "dedicated", "operator": "Equal", "value": "db", "effect": "NoSchedule"}])
    assert "1 node(s) had untolerated taint(s)" in cluster.why("web") and cluster.where("db") == "a"


def test_a_node_that_is_cordoned_gets_nothing() -> None:
    back = make("a")
    cluster = Cluster({**back, "spec": {**back["spec"], "unschedulable": True}})
    cluster.pod("web")
    assert "1 node(s) were unschedulable" in cluster.why("web")
    cluster.state.update(NODES, back)
    cluster.clock.advance(1)
    assert cluster.where("web") == "a"


def test_pods_of_another_scheduler_are_left_alone() -> None:
    cluster = Cluster(make("a"))
    cluster.pod("own", schedulerName="mine")
    assert cluster.where("own") == "" and cluster.events() == []


def test_affinity_to_nodes_is_kept() -> None:
    cluster = Cluster(make("a", labels={"zone": "east"}), make("b", 1, labels={"zone": "west"}))
    term = {"matchExpressions": [{"key": "zone", "operator": "NotIn", "values": ["east"]}, {"key": "gone", "operator": "DoesNotExist"}]}
    cluster.pod("web", affinity={"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [term]}}})
    assert cluster.where("web") == "b"


def test_the_scheduler_counts_a_node_with_the_first_reason_against_it() -> None:
    taint = {"key": "dedicated", "value": "db", "effect": "NoSchedule"}
    cluster = Cluster(make("a", taints=[taint]), make("b", 1), make("c", 2, cpu=1, labels={"disk": "ssd"}))
    cluster.pod("first", cpu="600m", nodeSelector={"disk": "ssd"})
    cluster.pod("second", cpu="600m", nodeSelector={"disk": "ssd"})
    assert cluster.why("second") == (
        "0/3 nodes are available: 1 Insufficient cpu, 1 node(s) didn't match Pod's node affinity/selector, "
        "1 node(s) had untolerated taint(s). preemption: 0/3 nodes are available: 1 No preemption victims found for incoming pod, "
        "2 Preemption is not helpful for scheduling."
    )


def test_a_pod_that_is_refused_again_counts_in_the_series_of_its_event() -> None:
    cluster = Cluster(make("a"))
    cluster.pod("gpu", nodeSelector={"gpu": "true"})
    cluster.state.update(NODES, make("a", labels={"color": "red"}))
    cluster.clock.advance(1)
    assert cluster.events() == [("FailedScheduling", "gpu", 2)]


def test_a_pod_that_is_over_makes_room() -> None:
    cluster = Cluster(make("a", pods=1))
    cluster.pod("first")
    cluster.pod("second")
    assert cluster.why("second").startswith("0/1 nodes are available: 1 Too many pods.")
    first = cluster.state.get(PODS, "shop", "first")
    assert first is not None
    cluster.state.update(PODS, {**first, "status": {**first["status"], "phase": "Succeeded"}})
    cluster.clock.advance(1)
    assert cluster.where("second") == "a"


def test_without_nodes_nothing_is_scheduled() -> None:
    cluster = Cluster()
    cluster.pod("web")
    assert cluster.why("web") == "no nodes available to schedule pods"
    cluster.state.create(NODES, make("a"))
    cluster.clock.advance(1)
    assert cluster.where("web") == "a"


def test_what_is_used_on_a_node_is_known_through_all_that_happens_to_its_pods() -> None:
    cluster = Cluster(make("a", cpu=4))
    for name, cpu in (("one", "1"), ("two", "1500m"), ("three", "1500m")):
        cluster.pod(name, cpu)
    cluster.pod("late", "1")
    assert [cluster.where(name) for name in ("one", "two", "three", "late")] == ["a", "a", "a", ""]
    two = cluster.state.get(PODS, "shop", "two")
    assert two is not None
    cluster.state.update(PODS, {**two, "status": {**two["status"], "phase": "Succeeded"}})
    cluster.clock.advance(1)
    assert cluster.where("late") == "a", "a pod that has ended needs nothing"
    cluster.state.remove(PODS, "shop", "two")
    cluster.clock.advance(1)
    cluster.pod("next", "1")
    assert cluster.where("next") == "", "what had ended is not counted out twice"
    cluster.state.remove(PODS, "shop", "three")
    cluster.clock.advance(1)
    assert cluster.where("next") == "a"
    cluster.state.remove(NODES, "", "a")
    cluster.state.create(NODES, make("a", cpu=2))
    cluster.pod("after", "1")
    assert cluster.where("after") == "", "its pods are still on a node that was made anew: one, late and next"
