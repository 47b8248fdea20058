"""Every state in which the kubelet, the scheduler and the controllers leave a pod: the verdict on each, and the advice.

A row is a pod's state and what `x` must say first: severity, title, a part of its words, a part of its advice ("" for none).
"""

from __future__ import annotations

from typing import Any

import pytest

from podtui.cluster.diagnose.diagnose import diagnose
from podtui.cluster.diagnose.findings import Diagnosis, Facts
from tests.unit.cluster.diagnose.test_diagnose import NOW, ended, node_with, said, stamp, waiting
from tests.unit.cluster.pods.test_placement import pod

Object = dict[str, Any]
UNKNOWN = ended(
    137, "ContainerStatusUnknown", "The container could not be located when the pod was terminated", startedAt=None, finishedAt=None
)
RUNS = {"running": {"startedAt": stamp(600)}}
DONE = ended(0, "Completed")
KILLED = ended(137)
FIELDS = {"app": "containerStatuses", "other": "containerStatuses", "side": "initContainerStatuses", "init": "initContainerStatuses",
          "debug": "ephemeralContainerStatuses"}  # fmt: skip


def status_of(name: str, state: Object, **more: Any) -> Object:
    return {"name": name, "state": state, "lastState": {}, "restartCount": 0, "ready": state is RUNS, "started": state is RUNS, **more}


def made(phase: str, *statuses: Object, policy: str = "Always", conditions: tuple[Object, ...] = (), **status: Any) -> Object:
    """A pod on node `n`. Its containers are named by what they are: app, other, side (a sidecar), init, debug (ephemeral)."""
    wanted = pod(where="n", restartPolicy=policy)
    names = [one["name"] for one in statuses]
    spec = wanted["spec"]
    spec["containers"] += [{"name": "other", "image": "x"}] if "other" in names else []
    spec["initContainers"] = [{"name": "init", "image": "x"}] if "init" in names else []
    spec["initContainers"] += [{"name": "side", "image": "x", "restartPolicy": "Always"}] if "side" in names else []
    spec["ephemeralContainers"] = [{"name": "debug", "image": "x"}] if "debug" in names else []
    wanted["status"] = {"phase": phase, "conditions": list(conditions), **status}
    for one in statuses:
        wanted["status"].setdefault(FIELDS[one["name"]], []).append(one)
    return wanted


def with_rules(wanted: Object, *rules: Object, policy: str = "Never") -> Object:
    wanted["spec"]["containers"][0] |= {"restartPolicy": policy, "restartPolicyRules": list(rules)}
    return wanted


def condition(kind: str, reason: str = "", message: str = "") -> Object:
    return {"type": kind, "status": "True", "reason": reason, "message": message}


def leaving(wanted: Object) -> Object:
    wanted["metadata"]["deletionTimestamp"] = stamp(60)
    return wanted


RESTART_ON_42 = {"action": "Restart", "exitCodes": {"operator": "In", "values": [42]}}
BACK_OFF = waiting("CrashLoopBackOff", "back-off 5m0s restarting failed container")
app = status_of("app", RUNS)

STATES: dict[str, tuple[Object, str, str, str, str]] = {
    # -- a pod that succeeded
    "succeeded": (made("Succeeded", status_of("app", DONE), policy="Never"), "ok", "It completed", "exit code 0", ""),
    "succeeded, then its sidecar was killed": (
        made("Succeeded", status_of("app", DONE), status_of("side", KILLED), policy="Never"), "ok", "It completed", "exit code 0", ""),
    "succeeded, then its sidecar was asked to stop": (
        made("Succeeded", status_of("app", DONE), status_of("side", ended(143)), policy="Never"), "ok", "It completed", "", ""),
    "succeeded after restarts": (
        made("Succeeded", status_of("app", DONE, restartCount=2, lastState=ended(1)), policy="OnFailure"), "ok", "It completed", "", ""),
    "succeeded beside an ephemeral container that failed": (
        made("Succeeded", status_of("app", DONE), status_of("debug", KILLED), policy="Never"), "ok", "It completed", "exit code 0", ""),
    # -- a pod that failed by a container
    "failed by its container": (
        made("Failed", status_of("app", ended(1)), policy="Never"),
        "error", "Container app: Error", "exited with an error. It does not start again (restartPolicy Never)", "Look at its logs"),
    "failed by its init container": (
        made("Failed", status_of("init", ended(2)), status_of("app", waiting("PodInitializing")), policy="Never"),
        "error", "Init container init: Error", "does not start again", "Look at its logs"),
    "failed for lack of memory": (
        made("Failed", status_of("app", ended(137, "OOMKilled")), policy="Never"),
        "error", "Container app: OOMKilled", "more memory than its limit", "Raise resources.limits.memory"),
    "failed, and its sidecar was killed after it": (
        made("Failed", status_of("app", ended(1)), status_of("side", KILLED), policy="Never"),
        "error", "Container app: Error", "exited with an error", "Look at its logs"),
    "failed, and how is not known": (
        made("Failed", status_of("app", UNKNOWN), policy="Never"),
        "error", "Container app: ContainerStatusUnknown", "How it ended is not known", "Look at its node"),
    "failed, and nothing says why": (made("Failed", policy="Never"), "error", "Failed", "Nothing says why", "Look at its events"),
    # -- a pod that failed as a whole
    "evicted by the kubelet": (
        made("Failed", status_of("app", KILLED), reason="Evicted", message="The node was low on resource: memory.",
             conditions=(condition("DisruptionTarget", "TerminationByKubelet", "The node was low on resource: memory."),)),
        "error", "Failed: Evicted", "short of a resource", "resources.requests"),
    "evicted, and its container was lost": (
        made("Failed", status_of("app", UNKNOWN), reason="Evicted"),
        "error", "Failed: Evicted", "short of a resource", "resources.requests"),
    "preempted by the kubelet": (
        made("Failed", status_of("app", KILLED), reason="Preempting", message="Preempted in order to admit critical pod"),
        "error", "Failed: Preempting", "critical pod", "higher priority"),
    "preempted by the scheduler": (
        made("Failed", status_of("app", ended(143)), conditions=(condition("DisruptionTarget", "PreemptionByScheduler"),)),
        "error", "Failed: PreemptionByScheduler", "A pod of higher priority takes its place", "higher priority"),
    "its node shut down": (
        made("Failed", status_of("app", KILLED), reason="Terminated", message="Pod was terminated in response to imminent node shutdown."),
        "error", "Failed: Terminated", "Its node shut down", "does not start again"),
    "came while its node shut down": (made("Failed", reason="NodeShutdown"), "error", "Failed: NodeShutdown", "shutting down", "again"),
    "its deadline passed": (
        made("Failed", status_of("app", ended(143)), reason="DeadlineExceeded"),
        "error", "Failed: DeadlineExceeded", "longer than activeDeadlineSeconds", "more time"),
    "its node was deleted": (
        made("Failed", app, conditions=(condition("DisruptionTarget", "DeletionByPodGC", "PodGC: node no longer exists"),)),
        "error", "Failed: DeletionByPodGC", "Its node does not exist any more", "does not start again"),
    "too little CPU at admission": (made("Failed", reason="OutOfcpu"), "error", "Failed: OutOfcpu", "too little cpu", "scheduler chooses"),
    "its node has another label": (made("Failed", reason="NodeAffinity"), "error", "Failed: NodeAffinity", "labels", "scheduler chooses"),
    "it is for another operating system": (
        made("Failed", reason="PodOSNotSupported"), "error", "Failed: PodOSNotSupported", "operating system", "spec.os.name"),
    "refused for its CPUs": (made("Failed", reason="SMTAlignmentError"), "error", "Failed: SMTAlignmentError", "whole CPU", "whole number"),
    "refused for a reason of the future": (
        made("Failed", reason="MoonPhase", message="wrong moon"), "error", "Failed: MoonPhase", "for this reason", "Look at its events"),
    # -- containers of a pod that goes on
    "running": (made("Running", app), "ok", "No problem found", "every container is ready", ""),
    "one of two has completed": (
        made("Running", app, status_of("other", DONE), policy="OnFailure"),
        "info", "Container other has completed", "until the other containers have ended", ""),
    "one of two has failed for good": (
        made("Running", app, status_of("other", ended(1)), policy="Never"),
        "error", "Container other: Error", "It does not start again (restartPolicy Never)", "Look at its logs"),
    "completes again and again": (
        made("Running", status_of("app", BACK_OFF, lastState=DONE, restartCount=4)),
        "error", "Container app: CrashLoopBackOff, 4 restarts", "restartPolicy Always restarts it each time", "in a Job"),
    "restarted by a rule for its exit code": (
        with_rules(made("Running", status_of("app", ended(42)), policy="Never"), RESTART_ON_42),
        "error", "Container app: Error", "exited with an error.", "Look at its logs"),
    "not restarted by a rule for another exit code": (
        with_rules(made("Running", app, status_of("app", ended(41)), policy="Always"), RESTART_ON_42),
        "error", "Container app: Error", "It does not start again (restartPolicy Never)", "Look at its logs"),
    "all containers are restarted by a rule": (
        made("Running", status_of("app", waiting("RestartingAllContainers"), lastState=ended(137, "RestartingAllContainers"))),
        "info", "Container app is restarted with all others", "restartPolicyRules", ""),
    "runs again after the node was restarted": (
        made("Running", status_of("app", RUNS, lastState=ended(255, "Unknown"), restartCount=1, ready=True)),
        "warn", "Container app was restarted 1 time", "How it ended is not known", "restart of the node"),
    "runs again after the kubelet lost its container": (
        made("Running", status_of("app", RUNS, lastState=UNKNOWN, restartCount=1, ready=True)),
        "warn", "Container app was restarted 1 time", "How it ended is not known", "restart of the node"),
    "an error of a reason of the future": (
        made("Pending", status_of("app", waiting("MoonPhaseError", "wrong moon"))),
        "error", "Container app: MoonPhaseError", "wrong moon", "Look at the pod's events"),
    # -- sidecars
    "a sidecar crashes": (
        made("Running", app, status_of("side", BACK_OFF, lastState=ended(1), restartCount=3)),
        "error", "Sidecar side: CrashLoopBackOff, 3 restarts", "exited with an error", "Look at its logs"),
    "a sidecar completes, whatever the pod's policy": (
        made("Running", app, status_of("side", BACK_OFF, lastState=DONE, restartCount=3), policy="Never"),
        "error", "Sidecar side: CrashLoopBackOff, 3 restarts", "restartPolicy Always restarts it", "keeps running"),
    "a sidecar has not started, so the others wait": (
        made("Pending", status_of("side", {"running": {}}, started=False), status_of("app", waiting("PodInitializing"))),
        "warn", "Sidecar side runs but is not ready", "The containers after it wait until it has started.", ""),
    "a sidecar is stopped while its pod ends": (
        made("Running", status_of("app", DONE), status_of("side", KILLED), policy="Never"), "info", "Container app has completed", "", ""),
    "a sidecar still runs when all else has ended": (
        made("Running", status_of("app", DONE), status_of("side", RUNS), policy="Never"),
        "info", "Container app has completed", "the kubelet stops what still runs beside it", ""),
    # -- ephemeral containers
    "a debugger runs": (
        made("Running", app, status_of("debug", RUNS, ready=False)), "ok", "No problem found", "every container is ready", ""),
    "a debugger ended well": (made("Running", app, status_of("debug", DONE)), "ok", "No problem found", "every container is ready", ""),
    "a debugger was killed": (
        made("Running", app, status_of("debug", KILLED)),
        "info", "Ephemeral container debug has ended", "The pod itself is not affected", "kubectl debug"),
    "a debugger's image does not exist": (
        made("Running", app, status_of("debug", waiting("ErrImagePull", "manifest unknown"))),
        "warn", "Ephemeral container debug: ErrImagePull", "The pod itself is not affected", "Correct the image"),
    # -- the node, and who ends the pod
    "its node is lost": (
        made("Running", app, reason="NodeLost", message="Node n which was running pod p is unresponsive"),
        "error", "Its state is unknown", "does not answer", "Bring the node back"),
    "its phase is unknown": (made("Unknown", app), "error", "Its state is unknown", "does not answer", "Bring the node back"),
    "it is about to be evicted": (
        made("Running", app, conditions=(condition("DisruptionTarget", "EvictionByEvictionAPI", "Eviction API: evicting"),)),
        "warn", "About to be terminated: EvictionByEvictionAPI", "kubectl drain", ""),
    "its node is lost while it is being deleted": (
        leaving(made("Running", app, reason="NodeLost", message="Node n which was running pod p is unresponsive")),
        "error", "Terminating, and its node is lost", "does not answer", "Bring the node back"),
    "it is about to be preempted": (
        made("Running", app, conditions=(condition("DisruptionTarget", "PreemptionByScheduler"),)),
        "warn", "About to be terminated: PreemptionByScheduler", "higher priority takes its place", "higher priority"),
    # -- resize in place
    "a resize that the node can never do": (
        made("Running", app, conditions=(condition("PodResizePending", "Infeasible", "Node didn't have enough capacity"),)),
        "warn", "Its resize is infeasible", "keep what they had", "Ask for less"),
    "a resize that waits": (
        made("Running", app, conditions=(condition("PodResizePending", "Deferred", "Node didn't have enough resource"),)),
        "info", "Its resize is pending", "tries again", "Free resources"),
    "a resize before Kubernetes 1.33": (made("Running", app, resize="Infeasible"), "warn", "Its resize is infeasible", "", "Ask for less"),
    "a resize under way": (
        made("Running", app, conditions=(condition("PodResizeInProgress"),)), "info", "It is being resized", "setting", ""),
    "a resize that fails": (
        made("Running", app, conditions=(condition("PodResizeInProgress", "Error", "cannot set memory"),)),
        "warn", "Its resize fails", "tries again", "Look at the pod's events"),
}  # fmt: skip


def found(wanted: Object, **more: Any) -> Diagnosis:
    return diagnose(Facts(wanted, NOW, **more))


@pytest.mark.parametrize("name", STATES)
def test_the_verdict_on_a_state_and_its_advice(name: str) -> None:
    wanted, severity, title, words, advice = STATES[name]
    finding = found(wanted).findings[0]
    assert (finding.severity, finding.title) == (severity, title)
    assert words in finding.words and advice in finding.advice and bool(advice) <= bool(finding.advice)


@pytest.mark.parametrize("name", [name for name, row in STATES.items() if row[1] in ("ok", "info")])
def test_a_state_that_is_no_trouble_has_no_second_finding_that_is_worse(name: str) -> None:
    assert {finding.severity for finding in found(STATES[name][0]).findings} <= {"ok", "info"}


@pytest.mark.parametrize("name", STATES)
def test_no_verdict_calls_a_placeholder_or_the_end_of_a_sidecar_a_kill(name: str) -> None:
    for finding in found(STATES[name][0]).findings:
        assert "SIGKILL" not in finding.words or "debug" in finding.title
        assert (
            finding.severity == "ok" or "side" not in finding.title or "CrashLoopBackOff" in finding.title or "not ready" in finding.title
        )


def test_how_a_sidecar_was_stopped_and_how_often_a_container_was_restarted_is_evidence_of_a_completed_pod() -> None:
    wanted = STATES["succeeded, then its sidecar was killed"][0]
    assert found(wanted).findings[0].evidence == (
        "sidecar side was stopped when the other containers had ended (exit code 137 (SIGKILL)), which does not count",
    )
    assert found(STATES["succeeded after restarts"][0]).findings[0].evidence == ("container app succeeded after 2 restarts",)


def test_an_eviction_says_how_its_containers_ended_once_and_without_blaming_them() -> None:
    findings = found(STATES["evicted by the kubelet"][0]).findings
    assert [finding.title for finding in findings] == ["Failed: Evicted"]
    assert findings[0].evidence == ("The node was low on resource: memory.", "container app ended with exit code 137 (SIGKILL)")
    lost = found(STATES["evicted, and its container was lost"][0]).findings
    assert [finding.title for finding in lost] == ["Failed: Evicted"]
    assert lost[0].evidence == ("container app ended with an unknown exit code (ContainerStatusUnknown)",)


def test_a_message_that_only_begins_another_one_is_no_evidence_of_its_own() -> None:
    long = "The node was low on resource: memory. Threshold quantity: 100Mi, available: 53Mi. "
    short = condition("DisruptionTarget", "TerminationByKubelet", "The node was low on resource: memory. ")
    wanted = made("Failed", reason="Evicted", message=long, conditions=(short,))
    assert found(wanted).findings[0].evidence == (long.strip(),)


def test_a_pod_that_is_being_deleted_is_not_said_to_be_about_to_end() -> None:
    wanted = leaving(made("Running", app, conditions=(condition("DisruptionTarget", "PreemptionByScheduler"),)))
    assert [finding.title for finding in found(wanted).findings] == [
        "Terminating, overdue for 60s",
        "Being terminated: PreemptionByScheduler",
    ]


def test_a_pod_that_its_node_refused_is_not_said_to_name_a_node_itself() -> None:
    advice = found(STATES["too little CPU at admission"][0]).findings[0].advice
    assert advice.startswith("It does not start again. If it has a controller, that creates another one")


def test_a_kill_without_events_may_follow_a_failed_probe_where_there_is_one() -> None:
    wanted = made("Running", status_of("app", BACK_OFF, lastState=KILLED, restartCount=9))
    assert "probe" not in found(wanted).findings[0].words
    wanted["spec"]["containers"][0]["livenessProbe"] = {"tcpSocket": {"port": 80}}
    finding = found(wanted).findings[0]
    assert "at the end of the grace period after a failed liveness probe" in finding.words
    assert finding.advice == "Check whether the node is short of memory, and its liveness probe."


def test_a_container_that_failed_by_itself_before_its_pod_was_evicted_is_found_too() -> None:
    wanted = made("Failed", status_of("app", KILLED), status_of("other", ended(3)), reason="Evicted")
    assert [finding.title for finding in found(wanted).findings] == ["Failed: Evicted", "Container other: Error"]


def test_a_probe_that_ended_an_earlier_run_is_not_blamed_for_the_last_one() -> None:
    old = said("Killing", "Container app failed liveness probe, will be restarted", type="Normal", ago=3000)
    wanted = made("Running", status_of("app", BACK_OFF, lastState=ended(1), restartCount=9))
    assert "exited with an error" in found(wanted, events=[old]).findings[0].words


def test_a_lost_node_is_said_once() -> None:
    wanted = STATES["its node is lost"][0]
    assert [finding.title for finding in found(wanted, node=node_with("Unknown")).findings] == ["Its node n is not ready"]


@pytest.mark.parametrize(
    ("code", "words", "exit"),
    [
        (137, "exited with an error", "exit code 137"),
        (1067, "exited with an error", "exit code 1067"),
        (3221225786, "stopped by Ctrl+C", "exit code 3221225786 (0xC000013A)"),
        (-1073741819, "access violation", "exit code -1073741819 (0xC0000005)"),
    ],
)
def test_on_windows_nothing_is_said_about_signals_or_the_kernel(code: int, words: str, exit: str) -> None:
    wanted = made("Running", status_of("app", BACK_OFF, lastState=ended(code), restartCount=2))
    wanted["spec"]["os"] = {"name": "windows"}
    finding = found(wanted).findings[0]
    assert words in finding.words and exit in finding.evidence[0]
    assert not any(word in "\n".join([finding.words, *finding.evidence]) for word in ("SIG", "kernel"))
