"""What keeps as many pods as asked for, and counts them for Services and budgets."""

from __future__ import annotations

from typing import Any

from podtui.demo.clock import Clock
from podtui.demo.controllers import Controllers
from podtui.demo.events import Recorder
from podtui.demo.kinds import DEPLOYMENTS, ENDPOINTSLICES, JOBS, NAMESPACES, PODDISRUPTIONBUDGETS, PODS, REPLICASETS, SERVICES, Kind
from podtui.demo.state import Change, State
from podtui.demo.writes import Writes

Object = dict[str, Any]
TEMPLATE = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "app", "image": "example/web:1"}]}}


class Cluster:
    """Controllers, and a kubelet in a few lines: every new pod is ready at once, unless `works` is false."""

    def __init__(self) -> None:
        self.clock = Clock(speed=0, start=1_700_000_000)
        self.state = State(self.clock)
        self.writes = Writes(self.state)
        self.works = True
        self.number = 0
        self.writes.create(NAMESPACES, "", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}})
        self.clock.advance(5)
        self.controllers = Controllers(self.state, self.writes, self.clock, Recorder(self.state, self.clock))
        self.controllers.start()
        self.state.subscribe(self._changed)

    def _changed(self, change: Change) -> None:
        if change.kind is PODS and change.type == "ADDED" and self.works:
            self.finish(change.new, "Running")

    def finish(self, pod: Object, phase: str) -> None:
        self.number += 1
        status = {**(pod.get("status") or {}), "phase": phase, "podIP": f"10.0.0.{self.number}"}
        status["conditions"] = [{"type": "Ready", "status": "True" if phase == "Running" else "False"}]
        self.state.update(PODS, {**pod, "status": status})

    def create(self, kind: Kind, name: str, spec: Object) -> None:
        body = {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": {"name": name, "namespace": "shop"}, "spec": spec}
        self.writes.create(kind, "shop", body)
        self.clock.advance(10)

    def get(self, kind: Kind, name: str) -> Object:
        found = self.state.get(kind, "shop", name)
        assert found is not None
        return found

    def pods(self) -> list[Object]:
        return [pod for pod in self.state.list(PODS, "shop") if "deletionTimestamp" not in pod["metadata"]]

    def label(self, pod: Object, **labels: str) -> None:
        self.state.update(PODS, {**pod, "metadata": {**pod["metadata"], "labels": labels}})
        self.clock.advance(10)


def replica_set(count: int) -> Object:
    return {"replicas": count, "selector": {"matchLabels": {"app": "web"}}, "template": TEMPLATE}


def test_a_replica_set_keeps_its_number_of_pods() -> None:
    cluster = Cluster()
    cluster.create(REPLICASETS, "web", replica_set(3))
    assert len(cluster.pods()) == 3 and cluster.get(REPLICASETS, "web")["status"]["readyReplicas"] == 3
    cluster.state.remove(PODS, "shop", cluster.pods()[0]["metadata"]["name"])
    cluster.clock.advance(10)
    assert len(cluster.pods()) == 3
    now = cluster.get(REPLICASETS, "web")
    cluster.state.update(REPLICASETS, {**now, "spec": {**now["spec"], "replicas": 1}})
    cluster.clock.advance(10)
    assert len(cluster.pods()) == 1


def test_a_pod_whose_label_is_changed_is_released_replaced_and_taken_back() -> None:
    cluster = Cluster()
    cluster.create(REPLICASETS, "web", replica_set(1))
    (pod,) = cluster.pods()
    cluster.label(pod, app="debug")
    released = cluster.get(PODS, pod["metadata"]["name"])
    assert "ownerReferences" not in released["metadata"] and len(cluster.pods()) == 2
    cluster.label(released, app="web")
    assert len(cluster.pods()) == 1 and all(pod["metadata"]["ownerReferences"] for pod in cluster.pods())


def test_a_deployment_rolls_to_a_new_template_without_losing_what_works() -> None:
    cluster = Cluster()
    cluster.create(DEPLOYMENTS, "web", {"replicas": 4, "selector": {"matchLabels": {"app": "web"}}, "template": TEMPLATE})
    status = cluster.get(DEPLOYMENTS, "web")["status"]
    assert (status["readyReplicas"], status["updatedReplicas"]) == (4, 4)
    (first,) = cluster.state.list(REPLICASETS, "shop")
    assert first["metadata"]["name"] == f"web-{first['metadata']['labels']['pod-template-hash']}"
    changed = {**TEMPLATE, "spec": {"containers": [{"name": "app", "image": "example/web:2"}]}}
    now = cluster.get(DEPLOYMENTS, "web")
    cluster.works = False  # the new pods do not become ready: most of the old ones must stay
    cluster.state.update(DEPLOYMENTS, {**now, "spec": {**now["spec"], "template": changed}})
    cluster.clock.advance(60)
    assert cluster.get(DEPLOYMENTS, "web")["status"]["readyReplicas"] == 3
    cluster.works = True
    for pod in cluster.pods():
        if not (pod.get("status") or {}).get("podIP"):
            cluster.finish(pod, "Running")
    cluster.clock.advance(60)
    images = {pod["spec"]["containers"][0]["image"] for pod in cluster.pods()}
    assert images == {"example/web:2"} and len(cluster.pods()) == 4
    assert sorted(each["spec"]["replicas"] for each in cluster.state.list(REPLICASETS, "shop")) == [0, 4]


def test_a_job_runs_until_it_is_complete_and_gives_up_after_its_limit() -> None:
    cluster = Cluster()
    template = {"spec": {"restartPolicy": "Never", "containers": [{"name": "app", "image": "example/job"}]}}
    cluster.create(JOBS, "good", {"completions": 2, "template": template})
    for _ in range(2):
        cluster.finish(next(pod for pod in cluster.pods() if pod["status"]["phase"] == "Running"), "Succeeded")
        cluster.clock.advance(10)
    good = cluster.get(JOBS, "good")["status"]
    assert good["succeeded"] == 2 and good["conditions"][-1]["type"] == "Complete"
    cluster.create(JOBS, "bad", {"backoffLimit": 0, "template": template})
    cluster.finish(next(pod for pod in cluster.pods() if pod["status"]["phase"] == "Running"), "Failed")
    cluster.clock.advance(10)
    assert cluster.get(JOBS, "bad")["status"]["conditions"][-1]["reason"] == "BackoffLimitExceeded"


def test_a_service_has_the_addresses_of_its_ready_pods() -> None:
    cluster = Cluster()
    cluster.create(SERVICES, "web", {"selector": {"app": "web"}, "ports": [{"name": "http", "port": 80, "targetPort": 8080}]})
    cluster.create(REPLICASETS, "web", replica_set(2))
    (found,) = cluster.state.list(ENDPOINTSLICES, "shop")
    assert [each["conditions"]["ready"] for each in found["endpoints"]] == [True, True]
    assert found["ports"] == [{"name": "http", "port": 8080, "protocol": "TCP"}]
    cluster.label(cluster.pods()[0], app="debug")
    (found,) = cluster.state.list(ENDPOINTSLICES, "shop")
    assert len(found["endpoints"]) == 2, "the replica set made another one"


def test_a_budget_allows_what_is_left_over() -> None:
    cluster = Cluster()
    cluster.create(REPLICASETS, "web", replica_set(3))
    cluster.create(PODDISRUPTIONBUDGETS, "web", {"minAvailable": 2, "selector": {"matchLabels": {"app": "web"}}})
    status = cluster.get(PODDISRUPTIONBUDGETS, "web")["status"]
    assert (status["currentHealthy"], status["desiredHealthy"], status["disruptionsAllowed"]) == (3, 2, 1)
