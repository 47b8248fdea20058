"""Why a pod is as it is, from plain objects: what is found, what is offered, and what is said when something cannot be read."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from podtui.cluster.diagnose.creating import references
from podtui.cluster.diagnose.diagnose import diagnose
from podtui.cluster.diagnose.findings import Diagnosis, Facts, Finding
from podtui.cluster.pods.events import Event
from podtui.kube.resource_requests import loads
from tests.unit.cluster.pods.test_placement import make, pod

Object = dict[str, Any]
NOW = 1_800_000_000.0
FAILED = "0/2 nodes are available: 2 node(s) didn't match Pod's node affinity/selector. preemption: 0/2 nodes are available: 2 x."


def stamp(ago: float) -> str:
    from datetime import UTC, datetime

    return datetime.fromtimestamp(NOW - ago, UTC).isoformat()


def pending(message: str = FAILED, **spec: Any) -> Object:
    made = pod(**spec)
    condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}
    return made | {"status": {"phase": "Pending", "conditions": [condition]}}


def running(
    state: Object, *, last: Object | None = None, restarts: int = 0, ready: bool = False, phase: str = "Running", **spec: Any
) -> Object:
    """A pod on node `n` whose container `app` has this state."""
    made = pod(where="n", **spec)
    status = {"name": "app", "state": state, "lastState": last or {}, "restartCount": restarts, "ready": ready, "started": True}
    return made | {"status": {"phase": phase, "containerStatuses": [status]}}


def said(reason: str, message: str, part: str = "app", *, type: str = "Warning", ago: float = 10, count: int = 1) -> Event:
    return Event(type, reason, message, "kubelet", "n", part, count, NOW - ago, NOW - ago)


def waiting(reason: str, message: str = "") -> Object:
    return {"waiting": {"reason": reason, "message": message}}


def ended(code: int, reason: str = "Error", message: str = "", **more: Any) -> Object:
    return {"terminated": {"exitCode": code, "reason": reason, "message": message, "startedAt": stamp(65), "finishedAt": stamp(60), **more}}


def found(wanted: Object, **more: Any) -> Diagnosis:
    return diagnose(Facts(wanted, NOW, **more))


def first(wanted: Object, **more: Any) -> Finding:
    return found(wanted, **more).findings[0]


def text(finding: Finding) -> str:
    return "\n".join([finding.title, finding.words, *finding.evidence, finding.advice])


# -- no node
def test_a_label_is_offered_for_each_node_that_lacks_only_that() -> None:
    taint = {"key": "dedicated", "value": "batch", "effect": "NoSchedule"}
    wanted = pending(nodeSelector={"gpu": "true"})
    diagnosis = found(wanted, nodes=[make("a", taints=[taint]), make("b"), make("c", labels={"gpu": "no"})], loads={})
    assert [node.ref.name for node in diagnosis.nodes] == ["b", "c", "a"]
    assert [(action.kind, action.ref.name, action.text) for action in diagnosis.actions] == [
        ("label-node", "b", "gpu=true"),
        ("label-node", "c", "gpu=true"),
    ]
    finding = diagnosis.findings[0]
    assert finding.severity == "error" and finding.title == "No node takes it"
    assert finding.words == "Of 3 nodes: 3 without a label that it requires, 1 with a taint that it does not tolerate."
    assert "Label a node (gpu=true)" in finding.advice


def test_the_schedulers_own_words_are_the_evidence_with_count_and_age() -> None:
    event = Event("Warning", "FailedScheduling", FAILED, "default-scheduler", count=6, last=NOW - 300)
    assert first(pending(), events=[event], nodes=[make()], loads={}).evidence == (
        f"default-scheduler FailedScheduling (x6, 5m ago): {FAILED}",
    )


def test_who_may_not_list_nodes_gets_what_the_scheduler_counted() -> None:
    diagnosis = found(pending(nodeSelector={"gpu": "true"}), unread=["nodes: you may not read them"])
    assert diagnosis.findings[0].words == "2 of 2: they lack a label that its nodeSelector or node affinity requires"
    assert "Label a node (gpu=true)" in diagnosis.findings[0].advice
    assert diagnosis.unread == ("nodes: you may not read them",) and diagnosis.nodes == ()


def test_an_open_node_is_not_blamed() -> None:
    spread = [{"whenUnsatisfiable": "DoNotSchedule"}]
    words = first(pending("0/1 nodes are available: 1 x y.", topologySpreadConstraints=spread), nodes=[make()], loads={}).words
    assert words == (
        "podtui sees no reason against n: the pod requests topology spread constraints, which only the scheduler evaluates. "
        "The scheduler says: x y."
    )


def test_a_cordoned_node_is_offered_to_be_uncordoned() -> None:
    diagnosis = found(pending(), nodes=[make(unschedulable=True)], loads={})
    assert [(action.kind, action.ref.name) for action in diagnosis.actions] == [("uncordon", "n")]


def test_what_is_full_is_reported_by_what_runs_there() -> None:
    diagnosis = found(pending(cpu="2"), nodes=[make()], loads=loads([pod(cpu="3", where="n")]))
    assert [refusal.words for refusal in diagnosis.nodes[0].refusals] == ["too little cpu: 2 requested, 1 of 4 is free"]
    assert "free resources" in diagnosis.findings[0].advice


def test_a_cluster_without_nodes_says_so() -> None:
    assert "no nodes at all" in first(pending("no nodes available to schedule pods"), nodes=[]).words


def test_scheduling_gates_hold_a_pod_back() -> None:
    finding = first(pending(schedulingGates=[{"name": "example.com/wait"}]))
    assert (finding.severity, finding.evidence) == ("info", ("example.com/wait",))


def test_a_scheduler_that_is_not_there_is_suspected() -> None:
    assert "Check that a scheduler named other is running." in text(first(pod(schedulerName="other") | {"status": {"phase": "Pending"}}))


@pytest.mark.parametrize(
    ("objects", "words"),
    [
        ({"PersistentVolumeClaim/data": None}, "Claim data does not exist"),
        ({"PersistentVolumeClaim/data": {"status": {"phase": "Lost"}}}, "Claim data has lost its volume"),
        ({"PersistentVolumeClaim/data": {"status": {"phase": "Pending"}, "spec": {}}}, "it names no storage class"),
        (
            {
                "PersistentVolumeClaim/data": {"status": {"phase": "Pending"}, "spec": {"storageClassName": "fast"}},
                "StorageClass/fast": None,
            },
            "storage class fast does not exist",
        ),
    ],
)
def test_a_claim_without_a_volume_is_reported(objects: Object, words: str) -> None:
    wanted = pending(volumes=[{"name": "v", "persistentVolumeClaim": {"claimName": "data"}}])
    assert words in text(first(wanted, objects=objects, nodes=[make()], loads={}))


def test_a_claim_that_keeps_the_scheduler_from_looking_is_reported_and_no_node_is_blamed() -> None:
    wanted = pending('0/1 nodes are available: persistentvolumeclaim "data" not found. not found')
    words = first(wanted, nodes=[make()], loads={}).words
    assert words == 'The scheduler cannot consider the nodes yet: persistentvolumeclaim "data" not found.'


def test_the_event_speaks_for_the_scheduler_before_the_condition_is_there() -> None:
    told = said("FailedScheduling", '0/1 nodes are available: persistentvolumeclaim "data" not found. not found')
    words = first(pod() | {"status": {"phase": "Pending"}}, events=[told], nodes=[make()], loads={}).words
    assert words == 'The scheduler cannot consider the nodes yet: persistentvolumeclaim "data" not found.'


def test_a_claim_that_waits_for_its_first_pod_is_no_trouble() -> None:
    wanted = pending(volumes=[{"name": "v", "persistentVolumeClaim": {"claimName": "data"}}])
    claim = {"status": {"phase": "Pending"}, "spec": {"storageClassName": "late"}}
    objects = {"PersistentVolumeClaim/data": claim, "StorageClass/late": {"volumeBindingMode": "WaitForFirstConsumer"}}
    assert [finding.title for finding in found(wanted, objects=objects, nodes=[make()], loads={}).findings] == ["No node takes it"]


# -- containers
@pytest.mark.parametrize(
    ("message", "words"),
    [
        ('failed to resolve reference "x": x: not found', "no such image or tag"),
        ("pull access denied, repository does not exist or may require authorization", "requires credentials"),
        ("dial tcp: lookup registry.invalid: no such host", "cannot resolve"),
        ("toomanyrequests: You have reached your pull rate limit", "limits the number of pulls"),
        ("tls: failed to verify certificate: x509: unknown authority", "does not trust"),
        ("no match for platform in manifest", "node's architecture"),
        ("dial tcp 10.0.0.1:443: i/o timeout", "cannot reach"),
    ],
)
def test_why_an_image_cannot_be_had_is_reported(message: str, words: str) -> None:
    events = [said("Failed", f'Failed to pull image "x": {message}'), said("Failed", "Error: ErrImagePull")]
    finding = first(running(waiting("ImagePullBackOff"), phase="Pending"), events=events)
    assert finding.title == "Container app: ImagePullBackOff" and words in finding.words
    assert len(finding.evidence) == 1 and message in finding.evidence[0]


def test_a_secret_for_the_pull_that_does_not_exist_is_named() -> None:
    wanted = running(waiting("ErrImagePull", "unauthorized"), phase="Pending", imagePullSecrets=[{"name": "regcred"}])
    assert "Secret/regcred, named in imagePullSecrets, does not exist" in first(wanted, objects={"Secret/regcred": None}).words


@pytest.mark.parametrize(
    ("run", "words", "exit"),
    [
        (ended(137, "OOMKilled"), "more memory than its limit of 64Mi", "exit code 137 (SIGKILL), OOMKilled"),
        (ended(1), "exited with an error", "exit code 1"),
        (ended(0, "Completed"), "restartPolicy Always restarts it", "exit code 0"),
        (ended(127), "does not exist in the image", "exit code 127"),
        (ended(128, "StartError", 'exec: "nope": executable file not found in $PATH'), "does not exist in the image", "StartError"),
        (ended(139), "SIGSEGV", "exit code 139 (SIGSEGV)"),
        (ended(143), "asked to stop", "exit code 143 (SIGTERM)"),
    ],
)
def test_how_the_last_run_of_a_crash_loop_ended_is_reported(run: Object, words: str, exit: str) -> None:
    state = waiting("CrashLoopBackOff", "back-off 5m0s restarting failed container=app pod=p_shop(uid)")
    wanted = running(state, last=run, restarts=7, restartPolicy="Always")
    wanted["spec"]["containers"][0]["resources"] = {"limits": {"memory": "64Mi"}}
    finding = first(wanted, logs={"app": ["panic: truncated"]})
    assert finding.title == "Container app: CrashLoopBackOff, 7 restarts"
    assert words in finding.words and "restarts it after a back-off of 5m0s" in finding.words
    assert finding.evidence[0].startswith("the last run ended after 5s, 60s ago with ") and exit in finding.evidence[0]
    assert "  panic: truncated" in finding.evidence
    assert [(action.kind, action.text) for action in finding.actions] == [("previous-logs", "app")]


def test_an_image_that_was_pulled_in_the_end_is_no_cause_of_a_crash() -> None:
    events = [
        said("Failed", "Error: ErrImagePull", ago=90),
        said("Failed", "Error: failed to start container: no such file", ago=61),
    ]
    finding = first(running(waiting("CrashLoopBackOff"), last=ended(1), restarts=2), events=events)
    assert not any("ErrImagePull" in line for line in finding.evidence), "the run began after it"
    assert any("failed to start" in line for line in finding.evidence)
    unstarted = ended(128, "StartError", startedAt="1970-01-01T00:00:00Z")
    finding = first(running(waiting("CrashLoopBackOff"), last=unstarted, restarts=2), events=events)
    assert not any("ErrImagePull" in line for line in finding.evidence), "what never ran has no time of its own, only that of its end"


def test_a_container_that_its_liveness_probe_ended_is_told_so() -> None:
    events = [
        said("Unhealthy", "Liveness probe failed: HTTP probe failed with statuscode: 500", ago=20),
        said("Killing", "Container app failed liveness probe, will be restarted", type="Normal"),
    ]
    finding = first(running(waiting("CrashLoopBackOff"), last=ended(137), restarts=2), events=events)
    assert "because its liveness probe failed" in finding.words
    assert any("statuscode: 500" in line for line in finding.evidence)


def test_a_container_that_is_not_ready_shows_its_probe_and_what_failed() -> None:
    wanted = running({"running": {"startedAt": stamp(60)}})
    wanted["spec"]["containers"][0]["readinessProbe"] = {"httpGet": {"path": "/ready", "port": 80}}
    finding = first(wanted, events=[said("Unhealthy", "Readiness probe failed: connection refused", count=9)])
    assert finding.severity == "warn" and "not ready" in finding.title
    assert "http-get http://:80/ready" in finding.evidence[0]
    assert "(x9, 10s ago): Readiness probe failed: connection refused" in finding.evidence[1]


def test_a_restarted_container_that_runs_is_a_warning() -> None:
    finding = first(running({"running": {}}, last=ended(137, "OOMKilled"), restarts=3, ready=True))
    assert finding.severity == "warn" and "restarted 3 times" in finding.title


def test_a_config_map_that_does_not_exist_is_named() -> None:
    wanted = running(waiting("CreateContainerConfigError", 'configmap "settings" not found'), phase="Pending")
    wanted["spec"]["containers"][0]["envFrom"] = [{"configMapRef": {"name": "settings"}}]
    assert references(wanted) == [("ConfigMap", "settings")]
    finding = first(wanted, objects={"ConfigMap/settings": None})
    assert finding.words == "It needs ConfigMap/settings, which does not exist."
    assert finding.advice == "Create ConfigMap/settings, or correct the name in the pod."


_EXEC = "failed to create containerd task: failed to create shim task: OCI runtime create failed: unable to start container process: exec: "


@pytest.mark.parametrize(
    ("reason", "message", "words", "advice"),
    [
        (
            "CreateContainerConfigError",
            "couldn't find key mode in ConfigMap shop/settings",
            "ConfigMap settings has no key mode",
            "Add the key",
        ),
        ("CreateContainerConfigError", "container has runAsNonRoot and image will run as root", "would run as root", "runAsUser"),
        ("CreateContainerError", "failed to generate spec: no command specified", "the pod names none", "Set command"),
        ("CreateContainerError", 'failed to reserve container name "a": name "a" is reserved for "b"', "still there", "look at its node"),
        ("RunContainerError", f'{_EXEC}"/app": stat /app: no such file or directory: unknown', "does not exist in the image", "command"),
        ("RunContainerError", f'{_EXEC}"app": executable file not found in $PATH: unknown', "does not exist in the image", "command"),
        ("RunContainerError", f'{_EXEC}"/app": permission denied: unknown', "no permission to run", "the mode of the file"),
        ("RunContainerError", f"{_EXEC}exec format error", "another architecture", "Use an image"),
        ("CreateContainerError", "the moon is full", "cannot create it from its spec", "Look at the pod's events"),
    ],
)
def test_why_a_container_cannot_be_created_is_reported_with_advice(reason: str, message: str, words: str, advice: str) -> None:
    finding = first(running(waiting(reason, message), phase="Pending"))
    assert finding.title == f"Container app: {reason}" and finding.evidence == (message,)
    assert words in finding.words and advice in finding.advice


def test_all_that_a_pod_refers_to_is_looked_for_but_what_is_optional() -> None:
    wanted = pod(
        volumes=[
            {"secret": {"secretName": "tls"}},
            {"projected": {"sources": [{"configMap": {"name": "ca"}}, {"secret": {"name": "s", "optional": True}}]}},
        ]
    )
    wanted["spec"]["containers"][0]["env"] = [{"valueFrom": {"secretKeyRef": {"name": "db", "key": "k"}}}]
    wanted["spec"]["initContainers"] = [{"envFrom": [{"configMapRef": {"name": "maybe", "optional": True}}]}]
    assert references(wanted) == [("Secret", "db"), ("Secret", "tls"), ("ConfigMap", "ca")]


def test_volumes_that_cannot_be_set_up_keep_the_containers_waiting() -> None:
    event = said("FailedMount", 'MountVolume.SetUp failed for volume "v" : secret "tls" not found', "")
    finding = first(running(waiting("ContainerCreating"), phase="Pending"), events=[event], objects={"Secret/tls": None})
    assert finding.title == "Its volumes cannot be set up on n" and "Create Secret/tls" in finding.advice


def test_an_init_container_that_fails_is_reported_and_not_those_that_wait_for_it() -> None:
    wanted = running(waiting("PodInitializing"), phase="Pending")
    wanted["spec"]["initContainers"] = [{"name": "setup", "image": "x"}]
    wanted["status"]["initContainerStatuses"] = [{"name": "setup", "state": waiting("CrashLoopBackOff"), "lastState": ended(2)}]
    titles = [finding.title for finding in found(wanted).findings]
    assert titles == ["Init container setup: CrashLoopBackOff"]


def test_an_init_container_that_runs_is_on_its_way() -> None:
    wanted = running(waiting("PodInitializing"), phase="Pending")
    wanted["spec"]["initContainers"] = [{"name": "setup", "image": "x"}]
    wanted["status"]["initContainerStatuses"] = [{"name": "setup", "state": {"running": {"startedAt": stamp(120)}}}]
    assert (first(wanted).severity, first(wanted).title) == ("info", "Init container setup has been running for 2m")


# -- the pod as a whole
def deleted(ago: float, **metadata: Any) -> Object:
    made = running({"running": {}}, ready=True)
    made["metadata"] |= {"deletionTimestamp": stamp(ago), **metadata}
    return made


def node_with(ready: str) -> Object:
    made = make()
    made["status"]["conditions"] = [{"type": "Ready", "status": ready, "reason": "NodeStatusUnknown", "message": "Kubelet stopped."}]
    return made


def test_a_pod_that_hangs_on_a_finalizer_is_told_so() -> None:
    finding = first(deleted(100, finalizers=["example.com/keep"]))
    assert finding.title == "Terminating, held by finalizers for 100s" and finding.evidence == ("example.com/keep",)


def test_a_pod_on_a_lost_node_is_offered_to_be_forced() -> None:
    finding = first(deleted(100), node=node_with("Unknown"))
    assert finding.title == "Terminating, and its node is lost"
    assert [action.kind for action in finding.actions] == ["delete"]
    assert finding.evidence == ("Ready=Unknown NodeStatusUnknown: Kubelet stopped.",)


def test_a_pod_that_does_not_end_is_reported_with_what_still_runs_and_what_was_said_since() -> None:
    wanted = deleted(100)
    wanted["status"]["containerStatuses"][0]["ready"] = True
    events = [said("FailedScheduling", "long ago", ago=500), said("FailedKillPod", "cannot stop it", ago=50)]
    finding = first(wanted, events=events, node=node_with("True"))
    assert (finding.title, finding.words) == ("Terminating, overdue for 100s", "Still running: app.")
    assert len(finding.evidence) == 1 and "cannot stop it" in finding.evidence[0]
    wanted["status"]["containerStatuses"][0]["state"] = ended(0)
    assert "has not released the pod" in first(wanted).words


def test_containers_that_end_with_their_pod_are_no_trouble() -> None:
    wanted = deleted(-20)
    wanted["status"]["containerStatuses"][0]["state"] = ended(137)
    assert [finding.title for finding in found(wanted).findings] == ["Terminating"]


def test_a_pod_within_its_grace_period_is_on_its_way() -> None:
    assert (first(deleted(-20)).severity, first(deleted(-20)).words) == ("info", "It has 20s left to stop.")


def test_a_running_pod_on_a_node_that_is_not_ready_is_not_believed() -> None:
    finding = first(running({"running": {}}, ready=True), node=node_with("Unknown"))
    assert finding.title == "Its node n is not ready" and finding.actions[0].kind == "show-node"
    assert first(running({"running": {}}, ready=True), objects={"Node/n": None}).title == "Its node n does not exist"


def test_an_evicted_pod_shows_the_kubelets_words() -> None:
    gone = pod(where="n") | {"status": {"phase": "Failed", "reason": "Evicted", "message": "The node was low on resource: memory."}}
    finding = first(gone)
    assert finding.title == "Failed: Evicted" and finding.evidence == ("The node was low on resource: memory.",)
    assert "too little cpu" in first(pod(where="n") | {"status": {"phase": "Failed", "reason": "OutOfcpu"}}).words


def test_a_quota_that_keeps_the_owner_from_making_more_is_reported() -> None:
    wanted = running({"running": {}}, ready=True)
    wanted["metadata"]["ownerReferences"] = [{"kind": "ReplicaSet", "name": "web", "uid": "o", "controller": True}]
    finding = first(wanted, owner_events=[said("FailedCreate", 'pods "web-x" is forbidden: exceeded quota: q', "")])
    assert finding.title == "ReplicaSet web cannot create more pods" and "ResourceQuota" in finding.words


def test_a_healthy_pod_and_one_that_is_done_have_nothing_wrong() -> None:
    assert first(running({"running": {}}, ready=True)).title == "No problem found"
    assert first(pod(where="n") | {"status": {"phase": "Succeeded"}}).title == "It completed"


json = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.sampled_from(["", "Running", "Pending", "x", "2026-01-01T00:00:00Z"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(
        st.sampled_from(["metadata", "spec", "status", "containers", "state", "waiting", "conditions", "name", "type", "nodeSelector",
                         "affinity", "nodeName", "phase", "volumes", "containerStatuses", "deletionTimestamp", "tolerations"]),
        inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(st.sampled_from(["metadata", "spec", "status"]), json, max_size=3))
def test_no_shape_of_a_pod_makes_the_diagnosis_fail(wanted: Object) -> None:
    assert found(wanted, nodes=[make(), wanted], loads={}, node=wanted).findings
