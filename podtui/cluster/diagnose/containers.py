"""Why a container does not run, runs but is not ready, or keeps restarting.

The reasons are the kubelet's words: those of waiting states (`ImagePullBackOff`), terminated states (`OOMKilled`) and events.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from podtui.cluster.diagnose.creating import CONFIG, IMAGE, config_finding, image_finding, missing_advice
from podtui.cluster.diagnose.endings import ended_with, ending
from podtui.cluster.diagnose.evidence import event_line, lines_of, said_of, titled
from podtui.cluster.diagnose.findings import Action, Facts, Finding
from podtui.cluster.pods.containers import Container, State, containers
from podtui.cluster.pods.exit_codes import is_placeholder
from podtui.kube.ages import age
from podtui.kube.resources import ObjectRef

STARTING = {"", "ContainerCreating", "PodInitializing"}
_MOUNTING = {
    "FailedMount",
    "FailedAttachVolume",
    "FailedMapVolume",
    "FailedCreatePodSandBox",
    "NetworkNotReady",
    "FailedPrepareDynamicResources",
}
RESTARTING_ALL = "RestartingAllContainers"
_EVENT_DELAY = 5.0  # seconds by which the time of an event and that of the run that it is about may differ
_LOOK_AT_EVENTS = "Look at the pod's events and at its node."
_LONG = 60.0  # seconds of starting after which a finding mentions it


def container_findings(facts: Facts, containers: Sequence[Container], ref: ObjectRef) -> Iterator[Finding]:
    """Of a pod that has not ended, in start order; a container that only waits for an init container or a sidecar has no finding."""
    for container in containers:
        if container.kind == "ephemeral":
            yield from _of_ephemeral(facts, container, ref)
            continue
        found = list(_of_one(facts, container, ref))
        yield from found
        holds_back = (container.kind == "init" and container.state.exit_code != 0) or (
            container.kind == "sidecar" and not container.started
        )
        if holds_back and any(one.severity == "error" for one in found):
            return


def failure_findings(facts: Facts, containers: Sequence[Container], ref: ObjectRef, *, ended_as_a_whole: bool) -> Iterator[Finding]:
    """Of a pod that has failed: the runs that ended badly by themselves.

    What was killed or lost when the pod `ended_as_a_whole` (evicted, preempted, ...) is a consequence; so is every end of a sidecar by a
    signal, as the kubelet stops the sidecars of a pod that has ended.
    """
    for container in containers:
        state = container.state
        if container.kind == "ephemeral" or state.kind != "terminated" or not (state.exit_code or state.reason == "OOMKilled"):
            continue
        stopped = is_placeholder(state) or (state.exit_code in (137, 143) and state.reason != "OOMKilled")
        if not (stopped and (ended_as_a_whole or container.kind == "sidecar")):
            yield _crash(facts, container, state, ref)


def _of_one(facts: Facts, container: Container, ref: ObjectRef) -> Iterator[Finding]:
    state, reason = container.state, container.state.reason
    if state.kind == "waiting" and reason in IMAGE:
        yield image_finding(facts, container)
    elif state.kind == "waiting" and reason in CONFIG:
        yield config_finding(facts, container)
    elif reason == RESTARTING_ALL:
        words = "A container ended with an exit code for which restartPolicyRules restart all containers of the pod."
        yield Finding("info", f"{titled(container)} is restarted with all others", words, lines_of(state.message))
    elif state.kind == "waiting" and (reason == "CrashLoopBackOff" or container.last_state.kind == "terminated"):
        yield _crash(facts, container, container.last_state, ref)
    elif state.kind == "terminated":
        yield from _terminated(facts, container, ref)
    elif state.kind == "waiting" and reason not in STARTING:
        yield Finding("error", f"{titled(container)}: {reason}", state.message, said_of(facts, container, warnings=True), _LOOK_AT_EVENTS)
    elif state.kind == "running" and container.kind == "init":
        since = f"has been running for {age(max(0.0, facts.now - state.started))}" if state.started else "is running"
        yield Finding(
            "info",
            f"{titled(container)} {since}",
            "The containers after it wait until it completes.",
            said_of(facts, container, warnings=True),
            "If it takes a long time, look at its logs.",
            (_logs(ref, container),),
        )
    elif state.kind == "running":
        yield from _running(facts, container, ref)


def _terminated(facts: Facts, container: Container, ref: ObjectRef) -> Iterator[Finding]:
    """A container whose pod goes on, or is about to be restarted or to end."""
    state = container.state
    again = container.restarts_after(state.exit_code or 0, facts.restart_policy)
    if container.kind == "sidecar" and not _main_containers_go_on(facts):
        return  # the kubelet stops the sidecars when the last container has ended: however they end, it does not count
    if state.exit_code or state.reason in ("OOMKilled", "Error") or (again and container.restarts):
        yield _crash(facts, container, state, ref)
    elif container.kind == "container":
        words = "It does not start again; the pod runs until the other containers have ended."
        if not _main_containers_go_on(facts):
            words = "It does not start again: the kubelet stops what still runs beside it, then the pod has ended."
        yield Finding("info", f"{titled(container)} has completed", "The kubelet starts it again." if again else words)


def _main_containers_go_on(facts: Facts) -> bool:
    """Whether an ordinary container runs or may run again."""
    ordinary = [one for one in containers(facts.pod) if one.kind == "container"]
    return any(one.state.kind != "terminated" or one.restarts_after(one.state.exit_code or 0, facts.restart_policy) for one in ordinary)


def _of_ephemeral(facts: Facts, container: Container, ref: ObjectRef) -> Iterator[Finding]:
    """An ephemeral container is for debugging: it has no probes, never starts again, and the pod runs without it."""
    state = container.state
    if state.kind == "waiting" and state.reason in IMAGE | CONFIG:
        one = image_finding(facts, container) if state.reason in IMAGE else config_finding(facts, container)
        yield replace(one, severity="warn", words=f"{one.words} The pod itself is not affected.")
    elif state.kind == "terminated" and state.exit_code:
        words, _ = ending(facts, container, state)
        yield Finding(
            "info",
            f"{titled(container)} has ended",
            f"{words}. The pod itself is not affected.",
            (ended_with(state, windows=facts.is_windows), *lines_of(state.message)),
            "It does not start again: kubectl debug adds another one.",
            (_logs(ref, container),),
        )


def starting_findings(facts: Facts, containers: Sequence[Container], node: str) -> Iterator[Finding]:
    """For a pod with a node whose containers are not created yet: volumes, network, a slow pull."""
    waiting = [one for one in containers if (one.state.kind == "waiting" and one.state.reason in STARTING) or not one.state.kind]
    if not waiting or not node:
        return
    troubles = {(event.reason, event.message): event for event in facts.events if event.reason in _MOUNTING}
    if troubles:
        latest = list(troubles.values())[-3:]
        kind = "network" if any("Sandbox" in event.reason or "Network" in event.reason for event in latest) else "volumes"
        yield Finding(
            "error",
            f"Its {kind} cannot be set up on {node}",
            "No container can start before that.",
            tuple(event_line(event, facts.now) for event in latest),
            missing_advice(facts),
        )
        return
    pulling = [event for event in facts.events if event.reason in ("Pulling", "Pulled")]
    since = max((event.last for event in facts.events if event.reason in ("Scheduled", "Pulling")), default=0.0)
    took = facts.now - since if since else 0.0
    if pulling and pulling[-1].reason == "Pulling":
        image = f"The kubelet has been pulling an image for {age(took)}" if took > 1 else "The kubelet is pulling an image"
        yield Finding("info", "Starting", image, (event_line(pulling[-1], facts.now),))
    elif all(one.state.reason != "PodInitializing" for one in waiting):
        severity = "warn" if took > _LONG else "info"
        words = f"Node {node} " + (f"has been creating its containers for {age(took)}." if took > _LONG else "is creating its containers.")
        yield Finding(severity, "Starting", words)  # type: ignore[arg-type]


def _crash(facts: Facts, container: Container, run: State, ref: ObjectRef) -> Finding:
    restarts = f", {container.restarts} restart{'s' if container.restarts != 1 else ''}" if container.restarts else ""
    took = f" after {age(run.finished - run.started)}" if run.started and run.finished and run.finished > run.started > 0 else ""
    ended = f", {age(max(0.0, facts.now - run.finished))} ago" if run.finished else ""
    title = f"{titled(container)}: {container.state.reason or 'ended'}{restarts}"
    words, advice = ending(facts, container, run)
    back_off = re.search(r"back-off (\S+)", container.state.message)
    next_try = ""
    if container.state.kind == "waiting" and back_off:
        next_try = f" The kubelet restarts it after a back-off of {back_off[1]}."
    elif container.state.kind == "terminated" and not container.restarts_after(run.exit_code or 0, facts.restart_policy):
        next_try = f" It does not start again (restartPolicy {container.policy(facts.restart_policy)})."
    evidence = [f"the last run ended{took}{ended} with {ended_with(run, windows=facts.is_windows)}", *lines_of(run.message)]
    begun = (run.started or run.finished or 0.0) - _EVENT_DELAY  # a program that could not be started has the time 0
    evidence += said_of(facts, container, warnings=True, known=run.message, since=begun)
    log = facts.logs.get(container.name)
    if log:
        evidence += ["its last lines:", *(f"  {line}" for line in log)]
    elif log is not None:
        evidence.append("it logged nothing")
    kind = "previous-logs" if container.state.kind == "waiting" else "logs"
    action = Action(kind, f"logs of {container.name}'s last run", ref, container.name)  # type: ignore[arg-type]
    return Finding("error", title, f"{words}.{next_try}", tuple(evidence), advice, (action,))


def _running(facts: Facts, container: Container, ref: ObjectRef) -> Iterator[Finding]:
    failing = [event for event in facts.events if event.reason == "Unhealthy" and event.part == container.name]
    if not container.ready or container.started is False:
        kind = "startup" if container.started is False else "readiness"
        probe = next((f"{probe.kind} probe: {probe.text}" for probe in container.probes if probe.kind == kind), "")
        evidence = tuple(filter(None, [probe, *(event_line(event, facts.now) for event in failing[-2:])]))
        words = f"Its {kind} probe has not succeeded" if probe else "The kubelet does not report it as ready yet"
        words += ", so no Service sends traffic to it." if probe and container.kind == "container" else "."
        if container.kind == "sidecar" and not container.started:
            words += " The containers after it wait until it has started."
        yield Finding(
            "warn",
            f"{titled(container)} runs but is not ready",
            words,
            evidence,
            "Check that the program answers on the probe's port and path; look at its logs." if probe else "",
            (_logs(ref, container),),
        )
    elif any(facts.now - event.last < 60 for event in failing):
        yield Finding(
            "warn",
            f"{titled(container)}: a probe fails from time to time",
            "",
            tuple(event_line(event, facts.now) for event in failing[-2:]),
        )
    last = container.last_state
    if container.restarts and last.kind == "terminated" and (last.exit_code or last.reason == "OOMKilled"):
        words, advice = ending(facts, container, last)
        ended = f", {age(max(0.0, facts.now - last.finished))} ago" if last.finished else ""
        log = facts.logs.get(container.name) or ()
        evidence = (
            f"the previous run ended with {ended_with(last, windows=facts.is_windows)}{ended}",
            *lines_of(last.message),
            *(f"  {line}" for line in log),
        )
        action = Action("previous-logs", f"logs of {container.name}'s previous run", ref, container.name)
        times = f"{container.restarts} time{'s' if container.restarts != 1 else ''}"
        yield Finding("warn", f"{titled(container)} was restarted {times}", f"{words}.", evidence, advice, (action,))


def _logs(ref: ObjectRef, container: Container) -> Action:
    return Action("logs", f"logs of {container.name}", ref, container.name)
