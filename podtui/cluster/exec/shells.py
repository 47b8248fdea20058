"""A shell in a container of a pod: which container, which command, and the explanation of failures."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from podtui.cluster.connection.decoding import readable
from podtui.cluster.connection.listing import METADATA
from podtui.cluster.exec import terminal_session
from podtui.cluster.exec.terminal_session import Ended
from podtui.cluster.pods.container_runs import containers_of, default_container, missing_default
from podtui.cluster.pods.containers import Container, Kind, State, containers
from podtui.cluster.pods.operating_system import WINDOWS, is_windows, operating_system
from podtui.cluster.pods.running_pod import Pod, is_leaving, same_pod
from podtui.errors import ApiError, ConnectionFailed, Forbidden, PodLost, PodtuiError
from podtui.kube.json_values import mapping, string
from podtui.kube.kubectl import kubectl_debug
from podtui.kube.resources import NODES, ObjectRef
from podtui.text import harmless

if TYPE_CHECKING:
    from podtui.cluster.connection.connection import Connection
    from podtui.cluster.exec.terminal_session import Terminal

COMMAND = ("sh", "-c", "command -v bash >/dev/null && exec bash || exec sh")
"""bash if the image has it, otherwise sh; as k9s opens a shell."""
WINDOWS_COMMANDS = (("powershell",), ("cmd",))
"""On Windows, one after the other: the smaller images have only the second."""

_NO_SHELL = re.compile(r'"sh": (executable file not found|stat sh: no such file)|executable file `sh` not found')  # runc, crun
_NO_WINDOWS_SHELL = re.compile(r"CreateProcess.*cannot find the file|CreateProcess.*0x2\b", re.DOTALL)  # containerd on Windows (hcsshim)
_NO_PROGRAM = (126, 127)  # some runtimes report a missing command by these exit codes
_PATIENCE = 5.0  # seconds to find out why a shell has ended
_KILLED = 128  # higher exit codes give the signal that ended it


@dataclass(frozen=True)
class Place:
    """A container for a shell. `refusal` says why none can be opened now, "" when it can; `id` identifies this run of the container
    (`containerID` of its status); `system` is the operating system that the pod names, "" for none.
    `warning` is what to say of the choice of a default container, "" for nothing."""

    name: str
    kind: Kind
    refusal: str = ""
    id: str = ""
    system: str = ""
    warning: str = ""

    @property
    def commands(self) -> tuple[tuple[str, ...], ...]:
        """What to try, one after the other."""
        return WINDOWS_COMMANDS if self.system == WINDOWS else (COMMAND,)


async def places(connection: Connection, ref: ObjectRef) -> list[Place]:
    """The containers of the pod: first kubectl's default one, then containers, init and ephemeral ones.

    Raises PodLost when the pod is gone or another one has its name now, PodtuiError when nothing runs in it, and the request's errors.
    """
    pod = await same_pod(connection, ref, "Open a shell in the new one")
    phase = string(mapping(pod.get("status")).get("phase"))
    if phase in ("Succeeded", "Failed"):
        raise PodtuiError(f"{ref} has finished ({phase}): nothing runs in it")
    found = _places(pod)
    if all(place.refusal for place in found):
        why = ", ".join(f"{place.name} {place.refusal}" for place in found)
        raise PodtuiError(f"no container of {ref} is running: {why}" if found else f"{ref} has no container", "x explains why")
    return found


def _places(pod: Pod) -> list[Place]:
    with readable("the pod"):
        return _all_places(pod)


def _all_places(pod: Pod) -> list[Place]:
    by_name = {each.name: each for each in containers(pod)}
    default = default_container(pod)
    names = [default, *(name for name in containers_of(pod) if name != default)]
    system, warning = operating_system(pod), missing_default(pod)
    return [_place(by_name[name], system, warning) for name in names if name in by_name]


def _place(container: Container, system: str, warning: str) -> Place:
    return Place(container.name, container.kind, _refusal(container.state), container.container_id, system, warning)


def _refusal(state: State) -> str:
    if state.kind == "running":
        return ""
    if state.kind == "terminated":
        return harmless(f"has ended ({state.reason or 'no reason given'}, exit code {state.exit_code})")
    return harmless(f"is waiting ({state.reason})") if state.reason else "has not started yet"


async def run(
    connection: Connection,
    ref: ObjectRef,
    place: Place,
    terminal: Terminal,
    instead: Callable[[Sequence[str]], Awaitable[None]] | None = None,
) -> Ended:
    """Open a shell in the container on the terminal; returns when it has ended. Raises the errors of `exec.run` unchanged:
    `explained` finds their cause once the terminal is free again. `instead` is called with each command that is tried in place of
    the first one, which the image does not have.

    When no shell of Linux can be started in a pod that does not name its system, the error or the label of its node tells Windows.
    """
    first, *others = place.commands
    ended = await _try(connection, ref, place, first, terminal)
    if _is_missing(ended) and not place.system and (_is_of_windows(ended) or await _is_on_windows(connection, ref)):
        others = list(WINDOWS_COMMANDS)
    for command in others:
        if not _is_missing(ended):
            break
        if instead is not None:
            await instead(command)
        ended = await _try(connection, ref, place, command, terminal)
    return ended


async def _try(connection: Connection, ref: ObjectRef, place: Place, command: tuple[str, ...], terminal: Terminal) -> Ended:
    try:
        return await terminal_session.run(connection, ref, place.name, command, terminal)
    except ApiError as error:  # some container runtimes refuse before the WebSocket is open
        if _is_missing(ended := Ended(failure=error)):
            return ended
        raise


def _is_missing(ended: Ended) -> bool:
    """Whether the image lacks the program."""
    if ended.failure is not None:
        return bool(_NO_SHELL.search(ended.failure.what)) or _is_of_windows(ended)
    return ended.exit_code in _NO_PROGRAM and not ended.typed


def _is_of_windows(ended: Ended) -> bool:
    return ended.failure is not None and bool(_NO_WINDOWS_SHELL.search(ended.failure.what))


async def _is_on_windows(connection: Connection, ref: ObjectRef) -> bool:
    """Whether the label of the pod's node says so; False when it cannot be read."""
    try:
        async with asyncio.timeout(_PATIENCE):
            pod = await same_pod(connection, ref, "")
            name = string(mapping(pod.get("spec")).get("nodeName"))
            return bool(name) and is_windows(pod, await connection.json("GET", NODES.path("", name), accept=METADATA))
    except (PodtuiError, TimeoutError):
        return False


async def how_it_ended(connection: Connection, ref: ObjectRef, place: Place, ended: Ended) -> str:
    """The message about an ended shell: "" after `exit` or Ctrl+D, its exit code, and what happened to the pod of a killed one.

    Raises PodtuiError for a shell that could not start, or that was cut off.
    """
    if _is_missing(ended):
        raise _no_shell(connection, ref, place, ended)
    if ended.failure is not None:
        raise await explained(connection, ref, place, ended.failure)
    if ended.exit_code is None:
        cut = ConnectionFailed(f"the connection to the shell in container {place.name} of {ref} was closed before the shell had ended")
        raise await explained(connection, ref, place, cut)
    if not ended.exit_code:
        return ""
    why = await _what_became(connection, ref, place) if ended.exit_code >= _KILLED else ""
    return f"the shell in container {place.name} of {ref} ended with exit code {ended.exit_code}" + (f": {why}" if why else "")


async def explained(connection: Connection, ref: ObjectRef, place: Place, error: PodtuiError) -> PodtuiError:
    """The error of a shell with its cause: what has happened to the pod or the container in the meantime."""
    if isinstance(error, Forbidden):
        return error
    why = await _what_became(connection, ref, place)
    return PodLost(f"the shell in container {place.name} of {ref} has ended: {why}") if why else error


def _no_shell(connection: Connection, ref: ObjectRef, place: Place, ended: Ended) -> PodtuiError:
    if place.system == WINDOWS or _is_of_windows(ended):
        names = " and no ".join(command[0] for command in WINDOWS_COMMANDS)
        hint = "kubectl debug adds a container that has one: its image has to fit the version of Windows on the node"
        return PodtuiError(f"there is no {names} in the image of container {place.name} of {ref}", hint)
    debug = kubectl_debug(ref, place.name, options=connection.settings.kubectl_options)
    return PodtuiError(f"there is no shell in the image of container {place.name} of {ref}", f"This adds a container that has one: {debug}")


async def _what_became(connection: Connection, ref: ObjectRef, place: Place) -> str:
    """What happened to the pod or the container since it was read; "" when nothing did, or it is unknown."""
    try:
        async with asyncio.timeout(_PATIENCE):
            pod = await same_pod(connection, ref, "")
    except PodLost as lost:
        return lost.what
    except (PodtuiError, TimeoutError):
        return ""  # the first error is the one to report
    if is_leaving(pod):
        return f"{ref} is being deleted"
    now = next((each for each in _places(pod) if each.name == place.name), None)
    if now is None or (now.id == place.id and not now.refusal):
        return ""
    return f"container {now.name} {now.refusal}" if now.refusal else f"container {now.name} was started again"
