"""Why a container does not run, runs but is not ready, or keeps restarting.

The reasons are the kubelet's words: those of waiting states (`ImagePullBackOff`), terminated states (`OOMKilled`) and events.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from podtui.cluster.diagnose.endings import ended_with, ending
from podtui.cluster.diagnose.findings import Action, Facts, Finding
from podtui.cluster.diagnose.unscheduled import event_line
from podtui.cluster.pods.containers import Container, State, containers
from podtui.cluster.pods.exit_codes import is_placeholder
from podtui.kube.ages import age
from podtui.kube.json_values import mapping, mappings, string
from podtui.kube.resources import ObjectRef

IMAGE = {"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "ImageInspectError", "RegistryUnavailable",
         "SignatureValidationFailed"}  # fmt: skip
CONFIG = {"CreateContainerConfigError", "CreateContainerError", "RunContainerError", "PreCreateHookError", "PreStartHookError",
          "PostStartHookError"}  # fmt: skip
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

_PULLING = (
    (r"unauthorized|denied|forbidden|authentication required|authorization failed|\b401\b|\b403\b",
     "the registry denies access: the image does not exist, or it requires credentials that the pod does not have",
     "Check the image name; for a private image, the pod needs imagePullSecrets with valid credentials."),
    (r"not found|manifest unknown|NotFound|name unknown|\b404\b",
     "the registry has no such image or tag", "Correct the image name or tag, or push the image."),
    (r"no such host|server misbehaving", "the node cannot resolve the name of the registry",
     "Check the part of the image name before the first slash, and DNS on the node."),
    (r"toomanyrequests|rate limit|\b429\b", "the registry limits the number of pulls",
     "Wait, or pull with credentials (imagePullSecrets), or from a mirror."),
    (r"x509|certificate", "the node does not trust the registry's certificate", "Add the registry's certificate authority to the nodes."),
    (r"no match for platform|no matching manifest|exec format", "the image does not support the node's architecture",
     "Use an image for that architecture, or a nodeSelector with kubernetes.io/arch."),
    (r"no space left", "the node's disk is full", "Free disk space on the node."),
    (r"connection refused|timeout|timed out|deadline|unreachable|reset by peer|EOF",
     "the node cannot reach the registry", "Check the network between the node and the registry."),
)  # fmt: skip


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
        yield _image(facts, container)
    elif state.kind == "waiting" and reason in CONFIG:
        yield _config(facts, container)
    elif reason == RESTARTING_ALL:
        words = "A container ended with an exit code for which restartPolicyRules restart all containers of the pod."
        yield Finding("info", f"{_what(container)} is restarted with all others", words, _lines(state.message))
    elif state.kind == "waiting" and (reason == "CrashLoopBackOff" or container.last_state.kind == "terminated"):
        yield _crash(facts, container, container.last_state, ref)
    elif state.kind == "terminated":
        yield from _terminated(facts, container, ref)
    elif state.kind == "waiting" and reason not in STARTING:
        yield Finding("error", f"{_what(container)}: {reason}", state.message, _said(facts, container, warnings=True), _LOOK_AT_EVENTS)
    elif state.kind == "running" and container.kind == "init":
        since = f" for {age(max(0.0, facts.now - state.started))}" if state.started else ""
        yield Finding(
            "info",
            f"{_what(container)} runs{since}",
            "The containers after it wait until it completes.",
            _said(facts, container, warnings=True),
            "If it takes long, look at its logs.",
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
        words = "The kubelet starts it again." if again else "It does not start again; the pod runs until the other containers have ended."
        yield Finding("info", f"{_what(container)} has completed", words)


def _main_containers_go_on(facts: Facts) -> bool:
    """Whether an ordinary container runs or may run again."""
    ordinary = [one for one in containers(facts.pod) if one.kind == "container"]
    return any(one.state.kind != "terminated" or one.restarts_after(one.state.exit_code or 0, facts.restart_policy) for one in ordinary)


def _of_ephemeral(facts: Facts, container: Container, ref: ObjectRef) -> Iterator[Finding]:
    """An ephemeral container is for debugging: it has no probes, never starts again, and the pod runs without it."""
    state = container.state
    if state.kind == "waiting" and state.reason in IMAGE | CONFIG:
        one = _image(facts, container) if state.reason in IMAGE else _config(facts, container)
        yield replace(one, severity="warn", words=f"{one.words} The pod itself is not affected.")
    elif state.kind == "terminated" and state.exit_code:
        words, _ = ending(facts, container, state)
        yield Finding(
            "info",
            f"{_what(container)} has ended",
            f"{words}. The pod itself is not affected.",
            (ended_with(state, windows=facts.is_windows), *_lines(state.message)),
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
            _missing_advice(facts),
        )
        return
    pulling = [event for event in facts.events if event.reason in ("Pulling", "Pulled")]
    since = max((event.last for event in facts.events if event.reason in ("Scheduled", "Pulling")), default=0.0)
    took = facts.now - since if since else 0.0
    if pulling and pulling[-1].reason == "Pulling":
        image = f"The kubelet is pulling an image{f' for {age(took)}' if took > 1 else ''}"
        yield Finding("info", "Starting", image, (event_line(pulling[-1], facts.now),))
    elif all(one.state.reason != "PodInitializing" for one in waiting):
        severity = "warn" if took > _LONG else "info"
        words = f"Node {node} is creating its containers" + (f", for {age(took)} already." if took > _LONG else ".")
        yield Finding(severity, "Starting", words)  # type: ignore[arg-type]


def missing_references(facts: Facts) -> list[str]:
    """The ConfigMaps and Secrets that the pod needs but that do not exist, as `Kind/name`."""
    return [key for key, found in facts.objects.items() if found is None and key.split("/")[0] in ("ConfigMap", "Secret")]


def references(pod: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Kind and name of every ConfigMap and Secret that must exist for the pod to start."""
    spec, found = mapping(pod.get("spec")), []

    def take(source: object, kind: str, key: str = "name") -> None:
        one = mapping(source)
        if string(one.get(key)) and one.get("optional") is not True:
            found.append((kind, string(one.get(key))))

    for container in [*mappings(spec.get("initContainers")), *mappings(spec.get("containers"))]:
        for variable in mappings(container.get("env")):
            take(mapping(variable.get("valueFrom")).get("configMapKeyRef"), "ConfigMap")
            take(mapping(variable.get("valueFrom")).get("secretKeyRef"), "Secret")
        for variables in mappings(container.get("envFrom")):
            take(variables.get("configMapRef"), "ConfigMap")
            take(variables.get("secretRef"), "Secret")
    for volume in mappings(spec.get("volumes")):
        take(volume.get("configMap"), "ConfigMap")
        take(volume.get("secret"), "Secret", "secretName")
        for source in mappings(mapping(volume.get("projected")).get("sources")):
            take(source.get("configMap"), "ConfigMap")
            take(source.get("secret"), "Secret")
    return list(dict.fromkeys(found))


# -- each kind of trouble


def _image(facts: Facts, container: Container) -> Finding:
    reason, message = container.state.reason, container.state.message
    own = [event for event in facts.events if event.is_warning and event.part == container.name]
    pulls = [event for event in own if not event.message.startswith("Error: ") and event.reason != "BackOff"]
    said = "\n".join([message, *(event.message for event in pulls)])
    words, advice = f"Image {container.image} cannot be pulled", "Check the image name, and that the node can reach the registry."
    if reason == "InvalidImageName":
        words, advice = f"{container.image} is not a valid image name", "Correct the name."
    elif reason == "ErrImageNeverPull":
        words = f"Image {container.image} is not on the node, and imagePullPolicy Never forbids pulling it"
        advice = "Load the image onto the node, or set imagePullPolicy to IfNotPresent."
    elif found := next(((why, todo) for pattern, why, todo in _PULLING if re.search(pattern, said)), None):
        words, advice = f"Image {container.image}: {found[0]}", found[1]
    secrets = [string(one.get("name")) for one in mappings(mapping(facts.pod.get("spec")).get("imagePullSecrets"))]
    missing = [f"Secret/{name}" for name in secrets if f"Secret/{name}" in facts.objects and facts.objects[f"Secret/{name}"] is None]
    if missing:
        words += f"; {', '.join(missing)}, named in imagePullSecrets, does not exist"
    elif secrets:
        words += f" (imagePullSecrets: {', '.join(secrets)})"
    evidence = tuple(event_line(event, facts.now) for event in pulls[-2:]) or _lines(message)
    return Finding("error", f"{_what(container)}: {reason}", f"{words}.", evidence, advice)


def _config(facts: Facts, container: Container) -> Finding:
    missing = missing_references(facts)
    words = (
        f"It needs {' and '.join(missing)}, which {'do' if len(missing) > 1 else 'does'} not exist."
        if missing
        else "The kubelet cannot create it from its spec."
    )
    evidence = _lines(container.state.message) + _said(facts, container, warnings=True, known=container.state.message)
    return Finding("error", f"{_what(container)}: {container.state.reason}", words, evidence, _missing_advice(facts))


def _crash(facts: Facts, container: Container, run: State, ref: ObjectRef) -> Finding:
    restarts = f", {container.restarts} restart{'s' if container.restarts != 1 else ''}" if container.restarts else ""
    took = f" after {age(run.finished - run.started)}" if run.started and run.finished and run.finished > run.started > 0 else ""
    ended = f", {age(max(0.0, facts.now - run.finished))} ago" if run.finished else ""
    title = f"{_what(container)}: {container.state.reason or 'ended'}{restarts}"
    words, advice = ending(facts, container, run)
    back_off = re.search(r"back-off (\S+)", container.state.message)
    next_try = ""
    if container.state.kind == "waiting" and back_off:
        next_try = f" The kubelet restarts it after a back-off of {back_off[1]}."
    elif container.state.kind == "terminated" and not container.restarts_after(run.exit_code or 0, facts.restart_policy):
        next_try = f" It does not start again (restartPolicy {container.policy(facts.restart_policy)})."
    evidence = [f"the last run ended{took}{ended} with {ended_with(run, windows=facts.is_windows)}", *_lines(run.message)]
    begun = (run.started or run.finished or 0.0) - _EVENT_DELAY  # a program that could not be started has the time 0
    evidence += _said(facts, container, warnings=True, known=run.message, since=begun)
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
            f"{_what(container)} runs but is not ready",
            words,
            evidence,
            "Check that the program answers on the probe's port and path; look at its logs." if probe else "",
            (_logs(ref, container),),
        )
    elif any(facts.now - event.last < 60 for event in failing):
        yield Finding(
            "warn",
            f"{_what(container)}: a probe fails from time to time",
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
            *_lines(last.message),
            *(f"  {line}" for line in log),
        )
        action = Action("previous-logs", f"logs of {container.name}'s previous run", ref, container.name)
        times = f"{container.restarts} time{'s' if container.restarts != 1 else ''}"
        yield Finding("warn", f"{_what(container)} was restarted {times}", f"{words}.", evidence, advice, (action,))


# -- words


def _what(container: Container) -> str:
    kinds = {"init": "Init container", "sidecar": "Sidecar", "ephemeral": "Ephemeral container", "container": "Container"}
    return f"{kinds[container.kind]} {container.name}"


def _logs(ref: ObjectRef, container: Container) -> Action:
    return Action("logs", f"logs of {container.name}", ref, container.name)


def _said(facts: Facts, container: Container, *, warnings: bool, known: str = "", since: float = 0.0) -> tuple[str, ...]:
    """The container's latest events `since` then (Unix time), except those that only repeat its state or what is `known`."""
    own = [event for event in facts.events if event.part == container.name and event.reason != "BackOff" and event.last >= since]
    events = [event for event in own if event.is_warning is warnings and not (known and known in event.message)]
    return tuple(event_line(event, facts.now) for event in events[-2:])


def _missing_advice(facts: Facts) -> str:
    missing = missing_references(facts)
    return f"Create {' and '.join(missing)}, or correct the name in the pod." if missing else ""


def _lines(message: str) -> tuple[str, ...]:
    return tuple(line for line in message.splitlines() if line.strip())[-12:]
