"""The containers of a Pod object: their spec and status, and port conflicts between them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from podtui.cluster.pods.environment import Variable, VariablesFrom, variables, variables_from
from podtui.cluster.pods.volumes import Mount
from podtui.kube.json_values import integer, mapping, mappings, string, strings, time

Kind = Literal["init", "sidecar", "container", "ephemeral"]


@dataclass(frozen=True)
class State:
    """A container's state: `kind` is running, waiting, terminated, or "" when the kubelet has not reported any."""

    kind: str = ""
    reason: str = ""
    message: str = ""
    started: float | None = None
    finished: float | None = None
    exit_code: int | None = None
    signal: int = 0


@dataclass(frozen=True)
class Port:
    number: int
    protocol: str = "TCP"
    name: str = ""
    host_port: int = 0
    host_ip: str = ""


@dataclass(frozen=True)
class Probe:
    """`kind` is liveness, readiness or startup; `text` is kubectl describe's line."""

    kind: str
    text: str


@dataclass(frozen=True)
class RestartRule:
    """A rule of `restartPolicyRules`: the kubelet takes `action` after an exit code that is (`within`) or is not among `codes`."""

    action: str
    codes: tuple[int, ...]
    within: bool = True

    def applies(self, code: int) -> bool:
        return (code in self.codes) is self.within


@dataclass(frozen=True)
class Container:
    """A container with its spec and status. `kind`: a sidecar is an init container with restartPolicy Always.

    `restart_policy` is its own, "" when the pod's applies.
    """

    name: str
    kind: Kind
    image: str = ""
    image_id: str = ""
    container_id: str = ""
    state: State = State()
    last_state: State = State()
    ready: bool = False
    started: bool | None = None
    restarts: int = 0
    ports: tuple[Port, ...] = ()
    probes: tuple[Probe, ...] = ()
    requests: Mapping[str, str] = field(default_factory=dict)
    limits: Mapping[str, str] = field(default_factory=dict)
    command: tuple[str, ...] = ()
    arguments: tuple[str, ...] = ()
    working_dir: str = ""
    variables: tuple[Variable, ...] = ()
    variables_from: tuple[VariablesFrom, ...] = ()
    mounts: tuple[Mount, ...] = ()
    pull_policy: str = ""
    target: str = ""
    restart_policy: str = ""
    restart_rules: tuple[RestartRule, ...] = ()
    seccomp: str = ""

    def policy(self, of_pod: str) -> str:
        """The restart policy that applies to it in a pod of that policy."""
        return "Never" if self.kind == "ephemeral" else self.restart_policy or of_pod or "Always"

    def restarts_after(self, code: int, of_pod: str) -> bool:
        """Whether the kubelet starts it again after this exit code (ContainerShouldRestart of k8s.io/kubernetes/pkg/api/v1/pod).

        A regular init container that succeeded does not run again whatever its policy says.
        """
        if self.kind == "init" and code == 0:
            return False
        rule = next((one for one in self.restart_rules if one.applies(code)), None)
        if rule is not None and rule.action in ("Restart", "RestartAllContainers"):
            return True
        policy = self.policy(of_pod)
        return policy == "Always" or (policy == "OnFailure" and code != 0)


@dataclass(frozen=True)
class PortConflict:
    """A port that two concurrently running containers declare."""

    number: int
    protocol: str
    containers: tuple[str, ...]

    @property
    def words(self) -> str:
        names = " and ".join([", ".join(self.containers[:-1]), self.containers[-1]])
        return (
            f"port {self.number}/{self.protocol} is declared by {names}: the containers of a pod share one IP, "
            "so only one of them can listen on it (the other gets 'address already in use')"
        )


def containers(pod: Mapping[str, Any]) -> tuple[Container, ...]:
    """Those of a Pod (decoded JSON of core/v1) in start order: init containers and sidecars, the ordinary ones, the ephemeral ones."""
    spec, status = mapping(pod.get("spec")), mapping(pod.get("status"))
    found = []
    for key, status_key, kind in (
        ("initContainers", "initContainerStatuses", "init"),
        ("containers", "containerStatuses", "container"),
        ("ephemeralContainers", "ephemeralContainerStatuses", "ephemeral"),
    ):
        statuses = {string(item.get("name")): item for item in mappings(status.get(status_key))}
        for item in mappings(spec.get(key)):
            own: Kind = "sidecar" if kind == "init" and item.get("restartPolicy") == "Always" else kind  # type: ignore[assignment]
            found.append(_container(pod, item, statuses.get(string(item.get("name")), {}), own))
    return tuple(found)


def _container(pod: Mapping[str, Any], spec: Mapping[str, Any], status: Mapping[str, Any], kind: Kind) -> Container:
    resources = mapping(spec.get("resources"))
    started = status.get("started")
    return Container(
        name=string(spec.get("name")),
        kind=kind,
        image=string(spec.get("image")) or string(status.get("image")),
        image_id=string(status.get("imageID")),
        container_id=string(status.get("containerID")),
        state=_state(status.get("state")),
        last_state=_state(status.get("lastState")),
        ready=status.get("ready") is True,
        started=started if isinstance(started, bool) else None,
        restarts=integer(status.get("restartCount")) or 0,
        ports=tuple(
            Port(
                integer(port.get("containerPort")) or 0,
                string(port.get("protocol")) or "TCP",
                string(port.get("name")),
                integer(port.get("hostPort")) or 0,
                string(port.get("hostIP")),
            )
            for port in mappings(spec.get("ports"))
        ),
        probes=tuple(
            Probe(name, probe_text(probe)) for name in ("startup", "liveness", "readiness") if (probe := mapping(spec.get(f"{name}Probe")))
        ),
        requests={key: string(value) for key, value in mapping(resources.get("requests")).items()},
        limits={key: string(value) for key, value in mapping(resources.get("limits")).items()},
        command=strings(spec.get("command")),
        arguments=strings(spec.get("args")),
        working_dir=string(spec.get("workingDir")),
        variables=variables(spec, pod),
        variables_from=variables_from(spec),
        mounts=_mounts(spec),
        pull_policy=string(spec.get("imagePullPolicy")),
        target=string(spec.get("targetContainerName")),
        restart_policy=string(spec.get("restartPolicy")),
        seccomp=seccomp(spec),
        restart_rules=tuple(_rule(rule) for rule in mappings(spec.get("restartPolicyRules"))),
    )


def seccomp(spec: Mapping[str, Any]) -> str:
    """The seccomp profile of a pod's or a container's `securityContext`: its type, and the file of a Localhost one."""
    profile = mapping(mapping(spec.get("securityContext")).get("seccompProfile"))
    return " ".join(filter(None, [string(profile.get("type")), string(profile.get("localhostProfile"))]))


def _rule(rule: Mapping[str, Any]) -> RestartRule:
    on = mapping(rule.get("exitCodes"))
    values, operator = on.get("values"), string(on.get("operator"))
    known = values if isinstance(values, list) and operator in ("In", "NotIn") else []
    codes = tuple(code for value in known if (code := integer(value)) is not None)
    return RestartRule(string(rule.get("action")), codes, operator != "NotIn")


def _mounts(spec: Mapping[str, Any]) -> tuple[Mount, ...]:
    paths = [
        Mount(string(m.get("name")), string(m.get("mountPath")), bool(m.get("readOnly")), string(m.get("subPath") or m.get("subPathExpr")))
        for m in mappings(spec.get("volumeMounts"))
    ]
    devices = [Mount(string(d.get("name")), string(d.get("devicePath")), device=True) for d in mappings(spec.get("volumeDevices"))]
    return (*paths, *devices)


def _state(value: object) -> State:
    states = mapping(value)
    for kind in ("running", "waiting", "terminated"):
        if isinstance(state := states.get(kind), dict):
            return State(
                kind,
                string(state.get("reason")),
                string(state.get("message")),
                time(state.get("startedAt")),
                time(state.get("finishedAt")),
                (integer(state.get("exitCode")) or 0) if kind == "terminated" else None,
                integer(state.get("signal")) or 0,
            )
    return State()


def probe_text(probe: Mapping[str, Any]) -> str:
    """A probe in the format of `kubectl describe` (DescribeProbe of k8s.io/kubectl), with the API's defaults."""

    def count(key: str, default: int) -> int:
        value = integer(probe.get(key))
        return default if value is None else value

    attributes = (
        f"delay={count('initialDelaySeconds', 0)}s timeout={count('timeoutSeconds', 1)}s period={count('periodSeconds', 10)}s "
        f"successThreshold={count('successThreshold', 1)} failureThreshold={count('failureThreshold', 3)}"
    )
    if isinstance(action := probe.get("exec"), dict):
        return f"exec [{' '.join(strings(action.get('command')))}] {attributes}"
    if isinstance(action := probe.get("httpGet"), dict):
        host = string(action.get("host"))
        address = f"[{host}]" if ":" in host else host
        path = string(action.get("path"))
        path = path if not path or path.startswith("/") else "/" + path
        return f"http-get {(string(action.get('scheme')) or 'HTTP').lower()}://{address}:{string(action.get('port'))}{path} {attributes}"
    if isinstance(action := probe.get("tcpSocket"), dict):
        return f"tcp-socket {string(action.get('host'))}:{string(action.get('port'))} {attributes}"
    if isinstance(action := probe.get("grpc"), dict):
        return f"grpc <pod>:{string(action.get('port'))} {string(action.get('service'))} {attributes}"
    return f"unknown {attributes}"


def conflicts(containers: Sequence[Container]) -> tuple[PortConflict, ...]:
    """Ports declared by two containers that run at the same time. An init container ends before the next one
    starts, so it can conflict only with sidecars before it."""
    declared: dict[tuple[int, str], list[int]] = {}
    for place, container in enumerate(containers):
        for port in {(port.number, port.protocol) for port in container.ports}:
            declared.setdefault(port, []).append(place)
    found = []
    for (number, protocol), places in sorted(declared.items()):
        meeting = {
            place
            for place in places
            for other in places
            if place != other and _run_together(containers[min(place, other)].kind, containers[max(place, other)].kind)
        }
        if meeting:
            found.append(PortConflict(number, protocol, tuple(containers[place].name for place in sorted(meeting))))
    return tuple(found)


def _run_together(earlier: Kind, later: Kind) -> bool:
    return earlier != "init" and (later != "init" or earlier == "sidecar")
