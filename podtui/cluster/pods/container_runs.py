"""The runs of a container, from a pod's status: a restarted container is another run with logs of its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from podtui.kube.json_values import mappings
from podtui.text import harmless

_DEFAULT = "kubectl.kubernetes.io/default-container"
_STATUSES = ("containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses")
_SPECS = ("containers", "initContainers", "ephemeralContainers")


class Run(msgspec.Struct, frozen=True):
    """One run of a container; its log is available while it is the current or the previous one.

    `id` distinguishes the runs of the container; "" means that there has been none yet.
    """

    id: str = ""
    started: str = ""  # RFC 3339, whole seconds
    running: bool = False
    exit_code: int | None = None
    signal: int = 0
    reason: str = ""
    message: str = ""

    def ending(self) -> str:
        """`exit code 1, Error`"""
        words = [] if self.exit_code is None else [f"exit code {self.exit_code}"]
        if self.signal:
            words.append(f"signal {self.signal}")
        if self.reason:
            words.append(self.reason)
        return ", ".join(words) or "terminated"


class ContainerRuns(msgspec.Struct, frozen=True):
    """The runs of one container in a pod's status. `waiting` is why it is not running, as `CrashLoopBackOff: back-off 10s ...`; `restarts`
    is its `restartCount`."""

    current: Run
    previous: Run
    waiting: str = ""
    restarts: int = 0


def containers_of(pod: Mapping[str, Any]) -> list[str]:
    """The names of a pod's containers in the order of `kubectl logs --all-containers`: containers, init, ephemeral ones.

    Raises TypeError for a name that is not a text.
    """
    spec = pod.get("spec") or {}
    names = [container["name"] for field in _SPECS for container in mappings(spec.get(field))]
    if not all(isinstance(name, str) and name for name in names):
        raise TypeError("the name of a container is not a text")
    return names


def default_container(pod: Mapping[str, Any]) -> str:
    """kubectl's default container when none is named: the annotated one, otherwise the first."""
    names, annotated = containers_of(pod), _annotated(pod)
    return annotated if annotated in names else names[0] if names else ""


def missing_default(pod: Mapping[str, Any]) -> str:
    """The default container that the pod's annotation names but that the pod does not have, in words; "" when there is nothing to say."""
    names, annotated = containers_of(pod), _annotated(pod)
    if not annotated or annotated in names or not names:
        return ""
    return harmless(f"default container {annotated} ({_DEFAULT}) is not in the pod: {names[0]} is used")


def _annotated(pod: Mapping[str, Any]) -> str:
    value = ((pod.get("metadata") or {}).get("annotations") or {}).get(_DEFAULT)
    return value if isinstance(value, str) else ""


def runs_of(pod: Mapping[str, Any], container: str) -> ContainerRuns:
    """The current and the previous run of a container.

    The current run is the one whose log the kubelet serves without `previous`: the running one, or else the one that ended
    last (a container that waits for a restart still has the log of its last run).
    """
    status = next((each for each in _statuses(pod) if each.get("name") == container), {})
    state = status.get("state") or {}
    last = (status.get("lastState") or {}).get("terminated")
    previous = _terminated(status, last, before=1) if last else Run()
    waiting = state.get("waiting") or {}
    why = ": ".join(word for word in (waiting.get("reason") or "", waiting.get("message") or "") if word)
    restarts = status.get("restartCount") or 0
    if running := state.get("running"):
        key = status.get("containerID") or f"{restarts}@{running.get('startedAt', '')}"
        return ContainerRuns(Run(key, running.get("startedAt") or "", running=True), previous, "", restarts)
    if terminated := state.get("terminated"):
        return ContainerRuns(_terminated(status, terminated), previous, "", restarts)
    return ContainerRuns(previous, previous, why, restarts)


def over(pod: Mapping[str, Any]) -> bool:
    """Whether none of the pod's containers will run again (phases Succeeded and Failed are final)."""
    return (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed")


def _statuses(pod: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    status = pod.get("status") or {}
    for field in _STATUSES:
        yield from mappings(status.get(field))


def _terminated(status: Mapping[str, Any], state: Mapping[str, Any], before: int = 0) -> Run:
    return Run(
        id=state.get("containerID") or f"{status.get('restartCount', 0) - before}@{state.get('startedAt', '')}",
        started=state.get("startedAt") or "",
        exit_code=state.get("exitCode"),
        signal=state.get("signal") or 0,
        reason=state.get("reason") or "",
        message=state.get("message") or "",
    )
