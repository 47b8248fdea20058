"""What keeps as many pods as asked for, and counts them for Services and budgets."""

from __future__ import annotations

from typing import Any

from podtui.demo.controllers.manager import Controllers
from podtui.demo.kubelet.nodes import node
from podtui.demo.storage.clock import Clock
from podtui.demo.storage.kinds import (
    DEPLOYMENTS,
    ENDPOINTSLICES,
    EVENTS,
    JOBS,
    NAMESPACES,
    NODES,
    PODDISRUPTIONBUDGETS,
    PODS,
    REPLICASETS,
    SERVICEACCOUNTS,
    SERVICES,
    Kind,
)
from podtui.demo.storage.recorder import Recorder
from podtui.demo.storage.state import Change, State
from podtui.demo.writes.writes import Writes

Object = dict[str, Any]
TEMPLATE: Object = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "app", "image": "example/web:1"}]}}


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


def condition(obj: Object, type_: str) -> Object:
    return next(one for one in obj["status"]["conditions"] if one["type"] == type_)


def events(cluster: Cluster, name: str) -> list[tuple[str, str]]:
    return [(one["reason"], one["message"]) for one in cluster.state.list(EVENTS) if one["involvedObject"]["name"] == name]


def on_node(cluster: Cluster, pod: Object, name: str) -> None:
    cluster.state.update(PODS, {**cluster.get(PODS, pod["metadata"]["name"]), "spec": {**pod["spec"], "nodeName": name}})
    cluster.clock.advance(1)


def deployment(count: int, **more: Any) -> Object:
    return {**replica_set(count), **more}


def test_controllers_write_events_about_the_pods_that_they_create_and_delete() -> None:
    cluster = Cluster()
    cluster.create(REPLICASETS, "web", replica_set(1))
    (pod,) = cluster.pods()
    assert events(cluster, "web") == [("SuccessfulCreate", f"Created pod: {pod['metadata']['name']}")]
    now = cluster.get(REPLICASETS, "web")
    cluster.state.update(REPLICASETS, {**now, "spec": {**now["spec"], "replicas": 0}})
    cluster.clock.advance(1)
    assert events(cluster, "web")[1:] == [("SuccessfulDelete", f"Deleted pod: {pod['metadata']['name']}")]


def test_when_there_are_too_many_pods_those_that_work_stay() -> None:
    cluster = Cluster()
    cluster.create(REPLICASETS, "web", replica_set(3))
    works = cluster.pods()[1]
    on_node(cluster, works, "node-1")
    now = cluster.get(REPLICASETS, "web")
    cluster.state.update(REPLICASETS, {**now, "spec": {**now["spec"], "replicas": 1}})
    cluster.clock.advance(1)
    assert [pod["metadata"]["name"] for pod in cluster.pods()] == [works["metadata"]["name"]]


def test_a_replica_set_that_may_not_make_pods_says_why_and_tries_again() -> None:
    cluster = Cluster()
    template = {**TEMPLATE, "spec": {**TEMPLATE["spec"], "serviceAccountName": "robot"}}
    cluster.create(REPLICASETS, "web", {**replica_set(1), "template": template})
    reason, message = events(cluster, "web")[-1]
    assert reason == "FailedCreate" and message.startswith('Error creating: pods "web-') and "robot" in message
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "robot"}}
    cluster.writes.create(SERVICEACCOUNTS, "shop", account)
    cluster.clock.advance(10)
    assert len(cluster.pods()) == 1


def test_a_deployment_that_does_not_get_on_says_so_after_its_deadline() -> None:
    cluster = Cluster()
    cluster.works = False
    cluster.create(DEPLOYMENTS, "web", deployment(1, progressDeadlineSeconds=60))
    (one,) = cluster.state.list(REPLICASETS, "shop")
    named = f'ReplicaSet "{one["metadata"]["name"]}"'
    assert condition(cluster.get(DEPLOYMENTS, "web"), "Progressing")["message"] == f"{named} is progressing."
    cluster.clock.advance(60)
    late = condition(cluster.get(DEPLOYMENTS, "web"), "Progressing")
    assert (late["status"], late["reason"]) == ("False", "ProgressDeadlineExceeded")
    assert late["message"] == f"{named} has timed out progressing."
    cluster.finish(cluster.pods()[0], "Running")
    cluster.clock.advance(1)
    assert condition(cluster.get(DEPLOYMENTS, "web"), "Progressing")["reason"] == "NewReplicaSetAvailable"


def test_a_complete_deployment_stays_so_when_a_pod_is_replaced() -> None:
    cluster = Cluster()
    cluster.create(DEPLOYMENTS, "web", deployment(2, progressDeadlineSeconds=60))
    cluster.works = False
    cluster.state.remove(PODS, "shop", cluster.pods()[0]["metadata"]["name"])
    cluster.clock.advance(600)
    status = cluster.get(DEPLOYMENTS, "web")["status"]
    assert (status["replicas"], status["availableReplicas"], status["unavailableReplicas"]) == (2, 1, 1)
    assert condition(cluster.get(DEPLOYMENTS, "web"), "Progressing")["reason"] == "NewReplicaSetAvailable"


def test_a_deployment_takes_over_the_replica_set_that_an_earlier_one_left() -> None:
    cluster = Cluster()
    cluster.create(DEPLOYMENTS, "web", deployment(2))
    before = {pod["metadata"]["uid"] for pod in cluster.pods()}
    cluster.writes.delete(DEPLOYMENTS, "shop", "web", {"propagationPolicy": "Orphan"})
    cluster.clock.advance(5)
    assert "ownerReferences" not in cluster.state.list(REPLICASETS, "shop")[0]["metadata"]
    cluster.create(DEPLOYMENTS, "web", deployment(2))
    (one,) = cluster.state.list(REPLICASETS, "shop")
    assert one["metadata"]["ownerReferences"][0]["uid"] == cluster.get(DEPLOYMENTS, "web")["metadata"]["uid"]
    assert {pod["metadata"]["uid"] for pod in cluster.pods()} == before


def test_a_deleted_deployment_takes_everything_with_it() -> None:
    cluster = Cluster()
    cluster.create(DEPLOYMENTS, "web", deployment(2))
    cluster.writes.delete(DEPLOYMENTS, "shop", "web", {})
    cluster.clock.advance(5)
    assert cluster.state.list(REPLICASETS, "shop") == [] and cluster.state.list(PODS, "shop") == []


def job(**spec: Any) -> Object:
    policy = spec.pop("policy", "Never")
    return {**spec, "template": {"spec": {"restartPolicy": policy, "containers": [{"name": "app", "image": "example/job"}]}}}


def test_a_pod_that_succeeded_counts_for_its_job_when_somebody_deletes_it() -> None:
    cluster = Cluster()
    cluster.create(JOBS, "count", job(completions=2))
    (first,) = cluster.pods()
    cluster.finish(first, "Succeeded")
    cluster.clock.advance(1)
    cluster.state.remove(PODS, "shop", first["metadata"]["name"])
    cluster.clock.advance(1)
    (second,) = cluster.pods()
    cluster.finish(second, "Succeeded")
    cluster.clock.advance(1)
    status = cluster.get(JOBS, "count")["status"]
    assert status["succeeded"] == 2 and condition(cluster.get(JOBS, "count"), "Complete")["status"] == "True"
    assert ("Completed", "Job completed") in events(cluster, "count")


def test_a_job_runs_as_many_pods_at_once_as_it_may() -> None:
    cluster = Cluster()
    cluster.create(JOBS, "wide", job(completions=5, parallelism=3))
    assert len(cluster.pods()) == 3 and cluster.get(JOBS, "wide")["status"]["active"] == 3
    for pod in cluster.pods():
        cluster.finish(pod, "Succeeded")
    cluster.clock.advance(1)
    assert cluster.get(JOBS, "wide")["status"]["active"] == 2


def test_restarts_in_place_count_against_the_limit_of_a_job() -> None:
    cluster = Cluster()
    cluster.create(JOBS, "again", job(policy="OnFailure", backoffLimit=2))
    for restarts in (1, 2):
        (pod,) = cluster.pods()
        status = {**pod["status"], "containerStatuses": [{"name": "app", "restartCount": restarts}]}
        cluster.state.update(PODS, {**pod, "status": status})
        cluster.clock.advance(1)
        assert ("conditions" in cluster.get(JOBS, "again")["status"]) is (restarts == 2)
    assert condition(cluster.get(JOBS, "again"), "Failed")["message"] == "Job has reached the specified backoff limit"
    assert cluster.pods() == []


def test_the_ports_of_a_service_are_those_that_its_pods_have() -> None:
    cluster = Cluster()
    ports = [{"name": "http", "port": 80, "targetPort": "web"}, {"name": "admin", "port": 81, "targetPort": "nobody"}]
    cluster.create(SERVICES, "web", {"selector": {"app": "web"}, "ports": ports})
    (empty,) = cluster.state.list(ENDPOINTSLICES, "shop")
    assert empty["endpoints"] is None and empty["ports"] is None
    container = {"name": "app", "image": "example/web:1", "ports": [{"name": "web", "containerPort": 8080}]}
    cluster.create(REPLICASETS, "web", {**replica_set(1), "template": {**TEMPLATE, "spec": {"containers": [container]}}})
    (found,) = cluster.state.list(ENDPOINTSLICES, "shop")
    assert found["ports"] == [{"name": "http", "port": 8080, "protocol": "TCP"}]


def test_an_endpoint_is_ready_while_its_pod_is_and_names_its_zone() -> None:
    cluster = Cluster()
    cluster.state.create(NODES, node("node-1", 0, cluster.clock.timestamp(), labels={"topology.kubernetes.io/zone": "east"}))
    cluster.create(SERVICES, "web", {"selector": {"app": "web"}, "ports": [{"port": 80}]})
    cluster.create(REPLICASETS, "web", replica_set(1))
    (pod,) = cluster.pods()
    on_node(cluster, pod, "node-1")
    ((endpoint,),) = [one["endpoints"] for one in cluster.state.list(ENDPOINTSLICES, "shop")]
    assert (endpoint["nodeName"], endpoint["zone"], endpoint["conditions"]["ready"]) == ("node-1", "east", True)
    cluster.writes.delete(PODS, "shop", pod["metadata"]["name"], {"gracePeriodSeconds": 30})
    cluster.clock.advance(1)
    ((first, *_),) = [one["endpoints"] for one in cluster.state.list(ENDPOINTSLICES, "shop")]
    names = {one["targetRef"]["name"]: one["conditions"] for one in cluster.state.list(ENDPOINTSLICES, "shop")[0]["endpoints"]}
    assert names[pod["metadata"]["name"]] == {"ready": False, "serving": True, "terminating": True} and first


def test_pods_go_when_they_have_tolerated_a_taint_of_their_node_for_as_long_as_they_do() -> None:
    cluster = Cluster()
    home = cluster.state.create(NODES, node("node-1", 0, cluster.clock.timestamp()))
    cluster.create(REPLICASETS, "web", replica_set(1))
    (pod,) = cluster.pods()
    on_node(cluster, pod, "node-1")
    taint = {"key": "node.kubernetes.io/unreachable", "effect": "NoExecute", "timeAdded": cluster.clock.timestamp()}
    cluster.state.update(NODES, {**home, "spec": {**home["spec"], "taints": [taint]}})
    name = pod["metadata"]["name"]
    cluster.clock.advance(291)
    assert "deletionTimestamp" not in cluster.get(PODS, name)["metadata"]
    cluster.clock.advance(20)
    gone = cluster.get(PODS, name)
    assert "deletionTimestamp" in gone["metadata"] and condition(gone, "DisruptionTarget")["reason"] == "DeletionByTaintManager"
    assert ("TaintManagerEviction", f"Marking for deletion Pod shop/{name}") in events(cluster, name)
    assert len(cluster.pods()) == 1, "there is another one"


def test_the_pods_of_a_node_that_was_deleted_are_collected() -> None:
    cluster = Cluster()
    cluster.state.create(NODES, node("node-1", 0, cluster.clock.timestamp()))
    cluster.create(REPLICASETS, "web", replica_set(1))
    (pod,) = cluster.pods()
    on_node(cluster, pod, "node-1")
    cluster.state.remove(NODES, "", "node-1")
    cluster.clock.advance(30)
    assert cluster.get(PODS, pod["metadata"]["name"])
    cluster.clock.advance(30)
    assert cluster.state.get(PODS, "shop", pod["metadata"]["name"]) is None and len(cluster.pods()) == 1


def test_a_stopped_clock_calls_nothing_back() -> None:
    cluster = Cluster()
    cluster.controllers.close()
    cluster.create(REPLICASETS, "web", replica_set(1))
    assert cluster.pods() == []


def test_a_cordoned_node_has_the_taint_for_as_long_as_it_is_cordoned() -> None:
    cluster = Cluster()
    cluster.state.create(NODES, node("n", 0, cluster.clock.timestamp(), taints=[{"key": "own", "effect": "NoSchedule"}]))
    for cordoned, keys in ((True, ["own", "node.kubernetes.io/unschedulable"]), (False, ["own"])):
        found = cluster.state.get(NODES, "", "n")
        assert found is not None
        cluster.state.update(NODES, {**found, "spec": {**found["spec"], "unschedulable": cordoned}})
        cluster.clock.advance(1)
        after = cluster.state.get(NODES, "", "n")
        assert after is not None and [taint["key"] for taint in after["spec"]["taints"]] == keys


def test_a_node_without_a_status_disturbs_no_controller() -> None:
    cluster = Cluster()
    bare = {"metadata": {"name": "bare"}, "spec": {"unschedulable": True}, "status": {}}
    cluster.state.create(NODES, {"apiVersion": "v1", "kind": "Node", **bare})
    cluster.clock.advance(1)
    found = cluster.state.get(NODES, "", "bare")
    assert found is not None and [taint["key"] for taint in found["spec"]["taints"]] == ["node.kubernetes.io/unschedulable"]
