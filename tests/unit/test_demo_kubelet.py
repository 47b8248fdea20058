"""How pods live on their nodes in the built-in cluster: started, ended, started again, deleted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from podtui.demo.clock import Clock
from podtui.demo.errors import ApiError
from podtui.demo.events import Recorder
from podtui.demo.kinds import EVENTS, NAMESPACES, NODES, PODS
from podtui.demo.kubelet import Kubelet
from podtui.demo.nodes import node
from podtui.demo.state import Change, State
from podtui.demo.writes import Writes

Object = dict[str, Any]
START = 1_800_000_000.0


class Cluster:
    """A node, its kubelet, and time that goes on only when a test says so."""

    def __init__(self) -> None:
        self.clock = Clock(speed=0, start=START)
        self.state = State(self.clock)
        self.writes = Writes(self.state)
        self.kubelet = Kubelet(self.state, self.writes, self.clock, Recorder(self.state, self.clock))
        self.state.create(NAMESPACES, {"metadata": {"name": "default"}})
        self.state.create(NODES, node("node-1", 0, self.clock.timestamp()))
        self.kubelet.start()
        self.changes: list[Change] = []
        self.state.subscribe(self.changes.append)

    def run(self, *containers: Object, name: str = "web", **spec: Any) -> None:
        """Creates a pod that is bound to the node."""
        obj = {"metadata": {"name": name}, "spec": {"nodeName": "node-1", "containers": list(containers), **spec}}
        self.writes.create(PODS, "default", obj)

    def pod(self, name: str = "web") -> Object:
        found = self.state.get(PODS, "default", name)
        assert found is not None
        return found

    def status(self, name: str = "web") -> Object:
        return self.pod(name)["status"]

    def container(self, index: int = 0, key: str = "containerStatuses") -> Object:
        return self.status()[key][index]

    def conditions(self, name: str = "web") -> dict[str, str]:
        return {one["type"]: one["status"] for one in self.status(name)["conditions"]}

    def events(self) -> list[tuple[str, str]]:
        return [
            (one["reason"], one["message"])
            for one in sorted(self.state.list(EVENTS), key=lambda one: int(one["metadata"]["resourceVersion"]))
        ]

    def states(self, name: str = "web") -> list[str]:
        """What the pod's first container went through, without repetitions."""
        seen: list[str] = []
        for change in self.changes:
            if change.kind is PODS and change.new["metadata"]["name"] == name and "containerStatuses" in change.new["status"]:
                (state, told), *_ = change.new["status"]["containerStatuses"][0]["state"].items()
                word = told.get("reason") or state
                if not seen or seen[-1] != word:
                    seen.append(word)
        return seen

    async def log(self, name: str = "web", **query: str) -> str:
        return b"".join([chunk async for chunk in self.kubelet.log("default", name, query)]).decode()

    def refusal(self, name: str = "web", **query: str) -> str:
        with pytest.raises(ApiError) as caught:
            self.kubelet.log("default", name, query)
        return caught.value.message

    def delete(self, name: str = "web", **options: Any) -> None:
        self.writes.delete(PODS, "default", name, options)


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    made = Cluster()
    yield made
    made.kubelet.close()


KUBIA = {"name": "kubia", "image": "luksa/kubia"}


def sh(script: str, name: str = "main", **more: Any) -> Object:
    return {"name": name, "image": "busybox", "command": ["sh", "-c", script], **more}


def test_a_bound_pod_waits_for_its_container_and_then_runs_with_an_address(cluster: Cluster) -> None:
    cluster.run(KUBIA)
    assert cluster.container()["state"] == {"waiting": {"reason": "ContainerCreating"}}
    assert cluster.status()["phase"] == "Pending"
    assert "podIP" not in cluster.status()
    cluster.clock.advance(10)
    status = cluster.status()
    assert (status["phase"], status["podIP"], status["hostIP"]) == ("Running", "10.64.0.2", "192.168.10.2")
    assert set(cluster.conditions().values()) == {"True"}
    found = cluster.container()
    assert found["image"] == "docker.io/luksa/kubia:latest"
    assert (found["ready"], found["started"], found["restartCount"]) == (True, True, 0)
    assert "running" in found["state"]
    assert [reason for reason, _ in cluster.events()] == ["Pulling", "Pulled", "Created", "Started"]


async def test_the_log_of_a_program_is_what_it_wrote(cluster: Cluster) -> None:
    cluster.run(KUBIA)
    assert cluster.refusal() == 'container "kubia" in pod "web" is waiting to start: ContainerCreating'
    cluster.clock.advance(10)
    assert await cluster.log() == "Kubia server starting...\n"
    assert cluster.refusal(previous="true") == 'previous terminated container "kubia" in pod "web" not found'
    assert cluster.refusal(container="none") == "container none is not valid for pod web"


def test_a_program_that_listens_to_sigterm_ends_before_its_grace_is_over(cluster: Cluster) -> None:
    cluster.run({"name": "web", "image": "example/unknown:1"})
    cluster.clock.advance(10)
    cluster.delete()
    assert "deletionTimestamp" in cluster.pod()["metadata"]
    cluster.clock.advance(2)
    assert cluster.state.get(PODS, "default", "web") is None
    last = [change for change in cluster.changes if change.kind is PODS][-1]
    assert last.type == "DELETED"
    assert last.new["status"]["phase"] == "Succeeded"
    assert last.new["metadata"]["deletionGracePeriodSeconds"] == 0
    assert ("Killing", "Stopping container web") in cluster.events()


def test_a_program_that_does_not_listen_to_sigterm_is_killed_when_the_grace_is_over(cluster: Cluster) -> None:
    cluster.run(KUBIA)
    cluster.clock.advance(10)
    cluster.delete()
    cluster.clock.advance(29)
    assert cluster.container()["state"].keys() == {"running"}
    cluster.clock.advance(2)
    assert cluster.state.get(PODS, "default", "web") is None
    last = [change for change in cluster.changes if change.kind is PODS][-1].new["status"]
    assert last["phase"] == "Failed"
    assert last["containerStatuses"][0]["state"]["terminated"]["exitCode"] == 137


def test_the_grace_can_be_shortened_while_a_pod_ends(cluster: Cluster) -> None:
    cluster.run(KUBIA)
    cluster.clock.advance(10)
    cluster.delete()
    cluster.clock.advance(1)
    cluster.delete(gracePeriodSeconds=3)
    cluster.clock.advance(4)
    assert cluster.state.get(PODS, "default", "web") is None


def test_a_pod_without_grace_is_gone_at_once(cluster: Cluster) -> None:
    cluster.run(KUBIA)
    cluster.clock.advance(10)
    cluster.delete(gracePeriodSeconds=0)
    assert cluster.state.get(PODS, "default", "web") is None
    before = cluster.state.version
    cluster.clock.advance(100)
    assert cluster.state.version == before
