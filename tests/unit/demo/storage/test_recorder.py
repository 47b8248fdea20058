"""Events as the components of a cluster write them, for as long as the API server keeps them."""

from __future__ import annotations

from typing import Any

import pytest

from podtui.demo.storage.clock import Clock
from podtui.demo.storage.kinds import EVENTS, NAMESPACES, PODS
from podtui.demo.storage.recorder import KEPT, Recorder
from podtui.demo.storage.state import State

Object = dict[str, Any]


class Cluster:
    def __init__(self) -> None:
        self.clock = Clock(speed=0, start=1_700_000_000)
        self.state = State(self.clock)
        self.state.create(NAMESPACES, {"metadata": {"name": "shop"}})
        self.recorder = Recorder(self.state, self.clock)
        container = {"name": "web", "image": "example/web"}
        self.pod = self.state.create(PODS, {"metadata": {"name": "web", "namespace": "shop"}, "spec": {"containers": [container]}})

    def events(self, namespace: str = "shop") -> list[Object]:
        return self.state.list(EVENTS, namespace)

    def back_off(self, **more: Any) -> None:
        self.recorder.record(self.pod, "Warning", "BackOff", "Back-off restarting", "kubelet", host="node-1", **more)

    def scheduled(self) -> None:
        self.recorder.record(self.pod, "Normal", "Scheduled", "Successfully assigned shop/web", "default-scheduler", action="Binding")


@pytest.fixture
def cluster() -> Cluster:
    return Cluster()


def test_an_event_names_its_object_its_reporter_and_its_time(cluster: Cluster) -> None:
    cluster.back_off(field_path="spec.containers{web}")
    (event,) = cluster.events()
    metadata = cluster.pod["metadata"]
    assert event["involvedObject"] == {
        "kind": "Pod",
        "namespace": "shop",
        "name": "web",
        "uid": metadata["uid"],
        "apiVersion": "v1",
        "resourceVersion": metadata["resourceVersion"],
        "fieldPath": "spec.containers{web}",
    }
    assert event["source"] == {"component": "kubelet", "host": "node-1"}
    assert (event["reportingComponent"], event["reportingInstance"]) == ("kubelet", "node-1")
    assert event["firstTimestamp"] == event["lastTimestamp"] == "2023-11-14T22:13:20Z"
    assert (event["type"], event["reason"], event["count"], event["eventTime"]) == ("Warning", "BackOff", 1, None)


def test_the_scheduler_writes_the_newer_form(cluster: Cluster) -> None:
    cluster.scheduled()
    (event,) = cluster.events()
    assert (event["eventTime"], event["action"]) == ("2023-11-14T22:13:20.000000Z", "Binding")
    assert event["firstTimestamp"] is None and event["lastTimestamp"] is None and event["source"] == {} and "count" not in event
    cluster.clock.advance(60)
    cluster.scheduled()
    (event,) = cluster.events()
    assert event["series"] == {"count": 2, "lastObservedTime": "2023-11-14T22:14:20.000000Z"}


def test_the_events_of_an_object_stand_in_their_order(cluster: Cluster) -> None:
    reasons = ["Pulling", "Pulled", "Created", "Started"]
    for reason in reasons:
        cluster.recorder.record(cluster.pod, "Normal", reason, reason, "kubelet")
    assert [event["reason"] for event in cluster.events()] == reasons
    name, _, time = cluster.events()[0]["metadata"]["name"].rpartition(".")
    assert name == "web" and int(time, 16) == 1_700_000_000 * 10**9 and len(time) == 16


def test_the_same_event_again_is_counted(cluster: Cluster) -> None:
    for _ in range(3):
        cluster.back_off()
        cluster.clock.advance(10)
    (event,) = cluster.events()
    assert (event["count"], event["firstTimestamp"], event["lastTimestamp"]) == (3, "2023-11-14T22:13:20Z", "2023-11-14T22:13:40Z")


def test_an_event_goes_an_hour_after_it_happened_last(cluster: Cluster) -> None:
    cluster.scheduled()
    cluster.back_off()
    cluster.clock.advance(KEPT / 2)
    cluster.back_off()
    cluster.clock.advance(KEPT / 2 + 1)
    assert [event["reason"] for event in cluster.events()] == ["BackOff"]
    cluster.clock.advance(KEPT / 2)
    assert cluster.events() == []
    cluster.back_off()
    assert [event["count"] for event in cluster.events()] == [1]


def test_of_too_many_events_the_oldest_go(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("podtui.demo.storage.recorder.MOST", 2)
    for reason in ("Pulling", "Pulled", "Created", "Pulled", "Started"):
        cluster.recorder.record(cluster.pod, "Normal", reason, reason, "kubelet")
    assert [(event["reason"], event["count"]) for event in cluster.events()] == [("Pulled", 2), ("Started", 1)]
    cluster.recorder.record(cluster.pod, "Normal", "Created", "Created", "kubelet")
    assert [(event["reason"], event["count"]) for event in cluster.events()] == [("Started", 1), ("Created", 1)]


def test_an_event_that_somebody_deleted_begins_anew(cluster: Cluster) -> None:
    cluster.back_off()
    cluster.state.remove(EVENTS, "shop", cluster.events()[0]["metadata"]["name"])
    cluster.back_off()
    assert [event["count"] for event in cluster.events()] == [1]


def test_events_about_what_has_no_namespace_are_in_the_default_one(cluster: Cluster) -> None:
    node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "node-1", "uid": "u"}}
    cluster.recorder.record(node, "Normal", "NodeReady", "Node node-1 status is now: NodeReady", "kubelet")
    assert cluster.events("default") == [], "there is no such namespace yet"
    cluster.state.create(NAMESPACES, {"metadata": {"name": "default"}})
    cluster.recorder.record(node, "Normal", "NodeReady", "Node node-1 status is now: NodeReady", "kubelet")
    assert [event["involvedObject"] for event in cluster.events("default")] == [
        {"kind": "Node", "name": "node-1", "uid": "u", "apiVersion": "v1"}
    ]


def test_a_namespace_that_is_being_deleted_gets_no_events(cluster: Cluster) -> None:
    home = cluster.state.get(NAMESPACES, "", "shop")
    assert home is not None
    cluster.state.update(NAMESPACES, {**home, "metadata": {**home["metadata"], "deletionTimestamp": cluster.clock.timestamp()}})
    cluster.back_off()
    assert cluster.events() == []
