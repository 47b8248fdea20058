"""One container of a pod as text: its state, ports, probes, resources, image, command, environment and mounts."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping

from podtui.cluster.pods.containers import Container, Port, State
from podtui.cluster.pods.environment import Variable, VariablesFrom
from podtui.cluster.pods.exit_codes import exit_words
from podtui.cluster.pods.volumes import Mount
from podtui.kube.ages import age
from podtui.ui.details.text import LineCollector, moment, since

_KINDS = {"init": "init container", "sidecar": "sidecar", "container": "", "ephemeral": "ephemeral container"}


def state_words(state: State, now: float, *, windows: bool = False) -> tuple[str, str]:
    """A container's state in words, and the style for it."""
    if state.kind == "running":
        return f"Running {since(state.started, now, 'for {}')}".rstrip(), "status.ok"
    if state.kind == "waiting":
        style = "status.wait" if state.reason in ("", "ContainerCreating", "PodInitializing") else "status.error"
        return f"Waiting: {state.reason or 'no reason given'}", style
    if state.kind == "terminated":
        words = [f"Terminated: {state.reason}" if state.reason else "Terminated", exit_words(state, windows=windows)]
        if state.started and state.finished and state.started > 0:
            words.append(f"ran {age(state.finished - state.started)} from {moment(state.started)}")
        words.append(since(state.finished, now, "ended {} ago"))
        return ", ".join(filter(None, words)), "status.done" if state.exit_code == 0 else "status.error"
    return "no state reported yet", "status.wait"


def add_container(
    out: LineCollector, container: Container, now: float, clashing: Collection[tuple[int, str]] = (), *, windows: bool, over: bool
) -> None:
    """`clashing` are the ports that another container declares too; `over` is whether the pod has succeeded."""
    out.title(container.name, _KINDS[container.kind])
    words, style = state_words(container.state, now, windows=windows)
    if over and container.kind == "sidecar" and style == "status.error":
        style = "status.done"  # the kubelet stops a sidecar when the other containers have ended: how it ends does not count
    readiness = "" if container.kind in ("init", "ephemeral") else ", ready" if container.ready else ", not ready"
    if container.started is False and container.state.kind == "running":
        readiness += ", not started"
    out.entry("State", words + readiness, style)
    out.entry("", container.state.message, "warn")
    if container.last_state.kind:
        out.entry("Last state", state_words(container.last_state, now, windows=windows)[0], "status.warn")
        out.entry("", container.last_state.message, "warn")
    out.entry("Restarts", str(container.restarts), "warn" if container.restarts else "")
    out.entry("Policy", _policy(container))
    for port in container.ports:
        clash = (port.number, port.protocol) in clashing
        out.entry("Port", _port(port) + ("  ! another container declares it too" if clash else ""), "error" if clash else "")
    for probe in container.probes:
        out.entry(probe.kind.capitalize(), probe.text)
    out.entry("Requests", amounts(container.requests))
    out.entry("Limits", amounts(container.limits))
    out.entry("Image", container.image + (f"  (pull policy {container.pull_policy})" if container.pull_policy else ""))
    out.entry("Image ID", container.image_id, "dim")
    out.entry("Container ID", container.container_id, "dim")
    out.entry("Command", json.dumps(container.command, ensure_ascii=False) if container.command else "")
    out.entry("Arguments", json.dumps(container.arguments, ensure_ascii=False) if container.arguments else "")
    out.entry("Working dir", container.working_dir)
    out.entry("Seccomp", container.seccomp)
    out.entry("Target", container.target)
    out.listed("Environment", [*map(_from, container.variables_from), *(line for one in container.variables for line in _variable(one))])
    out.listed("Mounts", [_mount(mount) for mount in container.mounts])


def amounts(found: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {amount}" for name, amount in found.items())


def _policy(container: Container) -> str:
    """Its own restart policy and rules; a sidecar is one because of its policy."""
    if container.kind == "sidecar" or not container.restart_policy:
        return ""
    rules = [
        f"{rule.action} after exit code {'' if rule.within else 'other than '}{', '.join(map(str, rule.codes))}"
        for rule in container.restart_rules
    ]
    return "; ".join([f"restarted {container.restart_policy}", *rules])


def _port(port: Port) -> str:
    words = f"{port.number}/{port.protocol}" + (f" {port.name}" if port.name else "")
    host = f"{port.host_ip}:{port.host_port}" if port.host_ip else str(port.host_port)
    return f"{words} (host port {host})" if port.host_port else words


def _from(one: VariablesFrom) -> str:
    words = f"all of {one.kind}/{one.name}" + (f" with prefix '{one.prefix}'" if one.prefix else "")
    return f"{words} (optional)" if one.optional else words


def _variable(one: Variable) -> list[str]:
    """Its value in lines, and where it comes from."""
    first, *rest = one.value.split("\n")
    source = f" ({one.source})" if one.source and (first or rest) else one.source
    return [f"{one.name}: {first}{source}".rstrip(), *(f"  {line}" for line in rest)]


def _mount(mount: Mount) -> str:
    if mount.device:
        return f"{mount.path} from {mount.volume} (device)"
    flags = ["ro" if mount.read_only else "rw", *([f'path="{mount.sub_path}"'] if mount.sub_path else [])]
    return f"{mount.path} from {mount.volume} ({','.join(flags)})"
