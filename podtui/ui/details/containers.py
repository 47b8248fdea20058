"""The containers of a pod and what they share: the whole pod for a reader, refreshed as ages grow."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Mapping
from typing import Any

from podtui.cluster.pods.containers import Container, Port, State
from podtui.cluster.pods.details import PodDetails, describe
from podtui.cluster.pods.volumes import Volume
from podtui.kube.ages import age
from podtui.text import counted
from podtui.ui.details.tabs import Tab, TabHost, TabText
from podtui.ui.details.text import LineCollector, moment, since
from podtui.ui.widgets.text_document import Line

_KINDS = {"init": "init container", "sidecar": "sidecar", "container": "", "ephemeral": "ephemeral container"}


class ContainersTab(Tab):
    ages_when_gone = False

    def __init__(self, host: TabHost) -> None:
        super().__init__(host)
        self._described: tuple[Mapping[str, Any], PodDetails] | None = None  # a version of the pod, and its details

    def forget(self) -> None:
        self._described = None

    def text(self, obj: Mapping[str, Any], width: int) -> TabText:
        if self._described is None or self._described[0] is not obj:
            self._described = obj, describe(obj)
        return TabText(container_lines(self._described[1], width=width, why=self.host.key_of("why")))


def _exit(state: State) -> str:
    words = [f"exit code {state.exit_code}"] if state.exit_code is not None else []
    number = state.signal or (state.exit_code - 128 if state.exit_code is not None and 128 < state.exit_code < 160 else 0)
    if number:
        try:
            words.append(f"signal {number} {signal.Signals(number).name}")
        except ValueError:
            words.append(f"signal {number}")
    return ", ".join(words)


def state_words(state: State, now: float) -> tuple[str, str]:
    """A container's state in words, and the style for it."""
    if state.kind == "running":
        return f"Running {since(state.started, now, 'for {}')}".rstrip(), "status.ok"
    if state.kind == "waiting":
        style = "status.wait" if state.reason in ("", "ContainerCreating", "PodInitializing") else "status.error"
        return f"Waiting: {state.reason or 'no reason given'}", style
    if state.kind == "terminated":
        words = [f"Terminated: {state.reason}" if state.reason else "Terminated", _exit(state)]
        if state.started and state.finished and state.started > 0:
            words.append(f"ran {age(state.finished - state.started)}")
        words.append(since(state.finished, now, "ended {} ago"))
        return ", ".join(filter(None, words)), "status.done" if state.exit_code == 0 else "status.error"
    return "no state reported yet", "status.wait"


def _port(port: Port) -> str:
    words = f"{port.number}/{port.protocol}" + (f" {port.name}" if port.name else "")
    host = f"{port.host_ip}:{port.host_port}" if port.host_ip else str(port.host_port)
    return f"{words} (host port {host})" if port.host_port else words


def _amounts(amounts: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {amount}" for name, amount in amounts.items())


def container_lines(pod: PodDetails, now: float | None = None, width: int = 0, why: str = "") -> list[Line]:
    """Everything about a pod that its YAML hides in five places; prose folded at `width` columns (0: not at all).

    `why` is the key of the diagnosis, which the text mentions when something is wrong; "" for none.
    """
    now = time.time() if now is None else now
    out = LineCollector(width)
    _summary(out, pod, now)
    if why and pod.is_troubled:
        out.lines.append([(f"{why} ", "label.key"), ("explains why, and what to do", "dim")])
    for container in pod.containers:
        clashing = {(conflict.number, conflict.protocol) for conflict in pod.conflicts if container.name in conflict.containers}
        _container(out, container, now, clashing)
    _shared(out, pod)
    _pod(out, pod, now)
    return out.lines


def _summary(out: LineCollector, pod: PodDetails, now: float) -> None:
    lasting = [container for container in pod.containers if container.kind in ("container", "sidecar")]
    words = [f"{sum(container.ready for container in lasting)} of {len(lasting)} ready"] if lasting else []
    restarts = sum(container.restarts for container in pod.containers)
    words.append(counted(restarts, "restart"))
    if pod.created is not None:
        words.append(f"created {since(pod.created, now)}")
    status = pod.reason or pod.phase or "no status yet"
    out.lines.append([(status, _phase_style(pod)), ("  " + ", ".join(words), "dim")])
    if pod.deleted is not None:
        left = pod.deleted - now  # deletionTimestamp is when the grace period ends
        grace = f", {pod.grace_period}s of grace" if pod.grace_period is not None else ""
        when = f"{age(left)} left" if left > 0 else f"overdue for {age(-left)}"
        out.text(f"Terminating{grace}, {when} (until {moment(pod.deleted)})", "warn", 0)
        if pod.finalizers:
            out.text(f"waits for its finalizers: {', '.join(pod.finalizers)}", "warn", 0)
    if pod.message:
        out.text(pod.message, "warn", 0)
    if pod.pending:
        out.text(f"Pending: {pod.pending}", "warn", 0)
    for conflict in pod.conflicts:
        out.text(f"! Conflict: {conflict.words}", "error", 0)


def _phase_style(pod: PodDetails) -> str:
    if pod.deleted is not None:
        return "status.gone"
    styles = {"Running": "status.ok", "Succeeded": "status.done", "Failed": "status.error", "Pending": "status.wait"}
    return styles.get(pod.phase, "status.warn")


def _container(out: LineCollector, container: Container, now: float, clashing: set[tuple[int, str]]) -> None:
    out.title(container.name, _KINDS[container.kind])
    words, style = state_words(container.state, now)
    readiness = "" if container.kind == "init" else ", ready" if container.ready else ", not ready"
    if container.started is False and container.state.kind == "running":
        readiness += ", not started"
    out.entry("State", words + readiness, style)
    out.entry("", container.state.message, "warn")
    if container.last_state.kind:
        out.entry("Last state", state_words(container.last_state, now)[0], "status.warn")
        out.entry("", container.last_state.message, "warn")
    out.entry("Restarts", str(container.restarts), "warn" if container.restarts else "")
    for port in container.ports:
        clash = (port.number, port.protocol) in clashing
        out.entry("Port", _port(port) + ("  ! another container declares it too" if clash else ""), "error" if clash else "")
    for probe in container.probes:
        out.entry(probe.kind.capitalize(), probe.text)
    out.entry("Requests", _amounts(container.requests))
    out.entry("Limits", _amounts(container.limits))
    out.entry("Image", container.image + (f"  (pull policy {container.pull_policy})" if container.pull_policy else ""))
    out.entry("Image ID", container.image_id, "dim")
    out.entry("Container ID", container.container_id, "dim")
    out.entry("Command", json.dumps(container.command, ensure_ascii=False) if container.command else "")
    out.entry("Arguments", json.dumps(container.arguments, ensure_ascii=False) if container.arguments else "")
    out.entry("Working dir", container.working_dir)
    count = counted(container.variables, "variable") if container.variables else ""
    out.entry("Environment", ", ".join(filter(None, [count, *(f"all of {source}" for source in container.variables_from)])))
    out.entry("Target", container.target)
    for mount in container.mounts:
        extra = [f"only {mount.sub_path}"] * bool(mount.sub_path) + ["read-only"] * mount.read_only + ["device"] * mount.device
        out.entry("Mount", f"{mount.path} from {mount.volume}" + (f" ({', '.join(extra)})" if extra else ""))


def _shared(out: LineCollector, pod: PodDetails) -> None:
    out.title("Shared by the containers")
    out.entry("Pod IP", ", ".join(pod.ips) or "none yet", "" if pod.ips else "dim")
    note = " (the node's network: hostNetwork)" if pod.host_network else ""
    out.entry("Host name", (pod.host_name or "not known yet") + note)
    out.entry("Subdomain", pod.subdomain)
    out.entry("Namespaces", ", ".join(pod.shared_namespaces))
    for conflict in pod.conflicts:
        out.entry("Conflict", conflict.words, "error")
    for volume in pod.volumes:
        out.entry("Volume", _volume(volume), "" if volume.type else "error")
        for mount in volume.mounts:
            extra = [f"only {mount.sub_path}"] * bool(mount.sub_path) + ["read-only"] * mount.read_only
            out.entry("", f"  {mount.container} at {mount.path}" + (f" ({', '.join(extra)})" if extra else ""), indent=2)


def _volume(volume: Volume) -> str:
    kind = f"{volume.type} {volume.detail}".rstrip() if volume.type else "the pod has no such volume"
    by = "shared" if volume.shared else "" if volume.mounts else "mounted by no container"
    return f"{volume.name}: {kind}" + (f", {by}" if by else "")


def _pod(out: LineCollector, pod: PodDetails, now: float) -> None:
    out.title("Pod")
    out.entry("Node", pod.node + (f" ({', '.join(pod.host_ips)})" if pod.host_ips else "") if pod.node else "not scheduled yet")
    out.entry("Nominated", pod.nominated_node)
    out.entry("QoS class", pod.qos)
    out.entry("Owner", ", ".join(pod.owners) or "none: nothing recreates it")
    out.entry("Account", pod.service_account)
    out.entry("Restarted", pod.restart_policy)
    out.entry("Priority", pod.priority)
    out.entry("Runtime", pod.runtime_class)
    out.entry("Finalizers", ", ".join(pod.finalizers))
    out.entry("Created", since(pod.created, now))
    out.entry("Started", since(pod.started, now))
    out.entry("UID", pod.uid, "dim")
    if pod.conditions:
        out.title("Conditions")
    for condition in pod.conditions:
        well = condition.status == "True"
        out.lines.append(
            [
                (f"  {condition.type:<26} ", "label.key"),
                (f"{condition.status:<8}", "status.ok" if well else "status.warn"),
                (since(condition.changed, now), "dim"),
            ]
        )
        out.text(": ".join(filter(None, [condition.reason, condition.message])), "warn", 4)
