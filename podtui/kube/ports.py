"""What to forward: a local port and a port of the pod, in the words of `kubectl port-forward`.

`8888:8080` listens on 8888 and leads to 8080, `8080` uses the same number on both sides, `:8080` (and `0:8080`) takes a free local
port, and instead of a number the pod's side may be a port's name from its containers.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from podtui.errors import PortSpecError
from podtui.kube.json_values import mappings
from podtui.kube.resources import ObjectRef
from podtui.text import harmless

HIGHEST_PORT = 65535
LOCALHOST = "localhost"  # kubectl's default address: 127.0.0.1 and ::1

_SEPARATORS = re.compile(r"[\s,]+")
_DIGITS = re.compile(r"[0-9]+")
_SIGNED = re.compile(r"[-+]?[0-9.]+")
# IANA_SVC_NAME, which the API server asks of a container port's name.
_NAME = re.compile(r"(?=[a-z0-9-]*[a-z])[a-z0-9](?:-?[a-z0-9])*")


@dataclass(frozen=True)
class ContainerPort:
    """A port that a container of the pod declares. `name` may be empty."""

    number: int
    name: str
    protocol: str
    container: str

    def __str__(self) -> str:
        label = f"{self.number} {self.name}".rstrip()
        return harmless(label if self.protocol == "TCP" else f"{label} ({self.protocol})")


def container_ports(pod: Mapping[str, Any]) -> list[ContainerPort]:
    """The ports that the pod (a v1 Pod as JSON) declares, in its order, those of restartable init containers (sidecars) too."""
    spec = pod.get("spec") or {}
    containers = [*mappings(spec.get("containers"))]
    containers += [container for container in mappings(spec.get("initContainers")) if container.get("restartPolicy") == "Always"]
    return [
        ContainerPort(int(port["containerPort"]), port.get("name") or "", port.get("protocol") or "TCP", container.get("name") or "")
        for container in containers
        for port in mappings(container.get("ports"))
        if port.get("containerPort")
    ]


@dataclass(frozen=True)
class PortSpec:
    """One port to forward. `local` 0 means a free port; `remote` is a number, or a name until it is resolved.

    `same` says that the local port was not given and is the pod's (`8080`, `http`).
    """

    local: int
    remote: int | str
    same: bool = False

    @classmethod
    def parse(cls, text: str) -> PortSpec:
        """One `LOCAL:REMOTE`, `:REMOTE` or `REMOTE`; PortSpecError says what is wrong with it."""
        text = text.strip()
        if not text:
            raise PortSpecError("no port given", "Write LOCAL:POD, for instance 8888:8080")
        parts = text.split(":")
        if len(parts) > 2:
            raise PortSpecError(f"'{harmless(text)}' has more than one ':'", "Write LOCAL:POD, for instance 8888:8080")
        if len(parts) == 1:
            remote = _remote(text)
            return cls(remote if isinstance(remote, int) else 0, remote, True)
        if not parts[1]:
            raise PortSpecError(f"the pod's port is missing after '{harmless(text)}'", "Write LOCAL:POD, for instance 8888:8080")
        return cls(_number(parts[0], "local port", 0) if parts[0] else 0, _remote(parts[1]))

    def resolve(self, ports: Sequence[ContainerPort], pod: str = "the pod") -> PortSpec:
        """The same with a number for the pod's side; PortSpecError names the ports there are.

        A number that is declared for UDP or SCTP alone is refused, as kubectl does: only TCP can be forwarded. One that is declared for
        TCP too may be named by any of its names (checkUDPPortInPod of k8s.io/kubectl/pkg/cmd/portforward).
        """
        found = [port for port in ports if self.remote in (port.number, port.name)]
        tcp = {port.number for port in ports if port.protocol == "TCP"}
        if found and not any(port.number in tcp for port in found):
            raise PortSpecError(f"port {self.remote} of {pod} is {found[0].protocol}, only TCP can be forwarded")
        if isinstance(self.remote, int):
            return self
        if not found:
            raise PortSpecError(f"{pod} has no port named '{harmless(self.remote)}'", _there_are(ports))
        number = next(port.number for port in found if port.number in tcp)
        return PortSpec(number if self.same else self.local, number, self.same)

    def __str__(self) -> str:
        """As kubectl takes it."""
        if self.same:
            return str(self.remote)
        return f"{self.local or ''}:{self.remote}"


def parse_ports(text: str) -> tuple[PortSpec, ...]:
    """Several ports, separated by spaces or commas. The same local port twice, or none at all, is an error."""
    specs = tuple(PortSpec.parse(word) for word in _SEPARATORS.split(text.strip(" \t,")))
    seen: set[int] = set()
    for spec in specs:
        if spec.local and spec.local in seen:
            raise PortSpecError(f"local port {spec.local} is given twice")
        seen.add(spec.local)
    return specs


def kubectl_port_forward(ref: ObjectRef, specs: Iterable[PortSpec], *, options: Sequence[str] = (), address: str = LOCALHOST) -> str:
    """The kubectl command that does the same, quoted for a shell."""
    words = ["kubectl", *options, "port-forward", "-n", ref.namespace or "default"]
    if address != LOCALHOST:
        words += ["--address", address]
    return harmless(shlex.join([*words, str(ref), *map(str, specs)]))


def _number(text: str, what: str, lowest: int) -> int:
    if not _DIGITS.fullmatch(text):
        raise PortSpecError(f"{what} '{harmless(text)}' is not a number")
    # Compared by length first: int() of thousands of digits is slow, and refused from 4300 on.
    digits = text.lstrip("0") or "0"
    if len(digits) > 5 or not lowest <= int(digits) <= HIGHEST_PORT:
        shown = digits if len(digits) <= 12 else f"{digits[:12]}…"
        raise PortSpecError(f"{what} {shown} is not between {max(lowest, 1)} and {HIGHEST_PORT}")
    return int(digits)


def _remote(text: str) -> int | str:
    if _DIGITS.fullmatch(text):
        return _number(text, "the pod's port", 1)
    if _SIGNED.fullmatch(text):
        raise PortSpecError(f"the pod's port '{harmless(text)}' is not a number between 1 and {HIGHEST_PORT}")
    if not _NAME.fullmatch(text) or len(text) > 15:
        raise PortSpecError(
            f"the pod's port '{harmless(text)}' is neither a number nor a port name", "A name has at most 15 of a-z, 0-9 and '-'"
        )
    return text


def _there_are(ports: Sequence[ContainerPort]) -> str:
    named = [port for port in ports if port.name]
    if named:
        return "There are: " + ", ".join(f"{harmless(port.name)} ({port.number})" for port in named)
    if ports:
        return "Its ports have no names: " + ", ".join(map(str, ports))
    return "Its containers declare no ports; give the number"
