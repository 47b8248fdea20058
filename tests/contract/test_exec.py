"""Commands in a container: by kubectl what they print and how they end, by podtui on a terminal."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import subprocess
from collections.abc import Callable

import pytest

from podtui.cluster.connection.connection import Connection
from podtui.cluster.exec import shells, terminal_session
from podtui.cluster.exec.shells import Place
from podtui.cluster.exec.terminal_session import Ended
from podtui.errors import ApiError, ConnectionFailed, Invalid, NotFound, PodLost, PodtuiError
from podtui.kube.resources import PODS, ObjectRef
from tests.contract.conftest import _kubectl_program
from tests.support.user_terminal import UserTerminal

NAMESPACE_PREFIX = "exec-"
PROMPT = " # "  # after / or ~, where that is the home
Kubectl = Callable[..., str]


@pytest.fixture
def pod(namespace: str, kubectl: Kubectl, real_node: str) -> str:
    """A namespace with the running pod `box`."""
    container = {
        "name": "main",
        "image": "busybox",
        "command": ["sh", "-c", "while true; do sleep 1; done"],
        "env": [{"name": "WHO", "value": "한국"}],
    }
    spec = {"nodeName": real_node, "terminationGracePeriodSeconds": 0, "containers": [container]}
    document = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "box"}, "spec": spec}
    kubectl("create", "-n", namespace, "-f", "-", input=json.dumps(document))
    kubectl("wait", "-n", namespace, "--for=condition=Ready", "pod/box", "--timeout=60s")
    return namespace


def test_a_command_prints_and_its_environment_is_the_containers(pod: str, kubectl: Kubectl) -> None:
    assert kubectl("exec", "-n", pod, "box", "--", "echo", "two", "words") == "two words\n"
    assert kubectl("exec", "-n", pod, "box", "--", "hostname") == "box\n"
    assert "WHO=한국" in kubectl("exec", "-n", pod, "box", "--", "env").splitlines()
    assert kubectl("exec", "-n", pod, "box", "--", "sh", "-c", "echo I am $WHO") == "I am 한국\n"


def test_an_exec_into_a_pod_that_does_not_run_says_why(namespace: str, kubectl: Kubectl, kubeconfig: str, real_node: str) -> None:
    ended = {"name": "main", "image": "busybox", "command": ["sh", "-c", "exit 3"]}
    going = {"name": "other", "image": "busybox", "command": ["sh", "-c", "while true; do sleep 1; done"]}
    pods = {
        "waiting": {"schedulerName": "nobody", "containers": [ended]},
        "ended": {"nodeName": real_node, "restartPolicy": "Never", "containers": [ended]},
        "half": {"nodeName": real_node, "restartPolicy": "Never", "terminationGracePeriodSeconds": 0, "containers": [ended, going]},
    }
    for name, spec in pods.items():
        document = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}
        kubectl("create", "-n", namespace, "-f", "-", input=json.dumps(document))
    kubectl("wait", "-n", namespace, "--for=jsonpath={.status.phase}=Failed", "pod/ended", "--timeout=60s")
    code = "--for=jsonpath={.status.containerStatuses[0].state.terminated.exitCode}=3"
    kubectl("wait", "-n", namespace, code, "pod/half", "--timeout=60s")
    for name, words in (
        ("waiting", "pod waiting does not have a host assigned"),
        ("ended", "cannot exec into a container in a completed pod; current phase is Failed"),
        ("half", 'container not found ("main")'),
    ):
        command = [_kubectl_program(), f"--kubeconfig={kubeconfig}", "exec", "-n", namespace, name, "-c", "main", "--", "ls"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 1 and words in done.stderr, done.stderr


def test_a_missing_command_raises_the_runtimes_words(pod: str, kubeconfig: str) -> None:
    command = [_kubectl_program(), f"--kubeconfig={kubeconfig}", "exec", "-n", pod, "box", "--", "nonsense"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    words = "error: Internal error occurred: Internal error occurred: error executing command in container: failed to exec in container: "
    assert done.stderr.startswith(words) and 'exec: "nonsense": executable file not found in $PATH' in done.stderr


def test_a_command_reads_what_is_sent_to_its_standard_input(pod: str, kubectl: Kubectl) -> None:
    assert kubectl("exec", "-i", "-n", pod, "box", "--", "cat", input="one\ntwo\n") == "one\ntwo\n"


def test_an_exec_ends_with_the_exit_code_of_its_command(pod: str, kubeconfig: str) -> None:
    command = [_kubectl_program(), f"--kubeconfig={kubeconfig}", "exec", "-n", pod, "box", "--", "sh", "-c", "echo before; exit 3"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (3, "before\n")
    assert "command terminated with exit code 3" in done.stderr


# -- on a terminal, by podtui


async def interrupted(terminal: UserTerminal) -> None:
    """Ctrl+C until the prompt is back: one that comes while the shell starts its program is lost."""
    async with asyncio.timeout(60):
        while True:
            terminal.type("\x03")
            with contextlib.suppress(AssertionError):
                await terminal.shows(PROMPT, seconds=2)
                return


async def box(connection: Connection, namespace: str) -> ObjectRef:
    found = await connection.json("GET", PODS.path(namespace, "box"))
    return ObjectRef(PODS, "box", namespace, found["metadata"]["uid"])


async def test_a_shell_on_a_terminal_reads_what_is_typed_and_keys_have_their_meaning(pod: str, connection: Connection) -> None:
    ref, terminal = await box(connection, pod), UserTerminal(100, 30)
    (place,) = await shells.places(connection, ref)
    assert (place.name, place.refusal) == ("main", "")
    running = asyncio.create_task(shells.run(connection, ref, place, terminal))
    await terminal.shows(PROMPT)
    # What is computed cannot be found in the echo of what is typed.
    terminal.type("echo $((40 + 2)) $WHO; nonsense-$((1 + 1))\r")
    await terminal.shows("42 한국\r\n")
    await terminal.shows("nonsense-2: not found\r\n")
    terminal.type("stty size\r")
    await terminal.shows("30 100\r\n")
    terminal.resize(80, 24)
    async with asyncio.timeout(60):  # it takes its way through the API server and the kubelet
        seen = ""
        while "24 80\r\n" not in seen:
            terminal.type("stty size; echo $((50 + 5))x\r")
            seen = await terminal.shows("55x\r\n")
    terminal.type("echo $((2 * 3))going; sleep 1000\r")
    await terminal.shows("6going\r\n")
    await interrupted(terminal)
    terminal.type("echo $((7 * 7))cat; cat; echo $((3 * 3))over\r")
    await terminal.shows("49cat\r\n")
    terminal.type("said\r")
    await terminal.shows("said\r\nsaid\r\n")
    terminal.type("\x04")  # at the start of a line: the end of what cat reads
    await terminal.shows("9over\r\n")
    terminal.type("exit 3\r")
    ended = await running
    assert ended.exit_code == 3 and ended.typed
    assert await shells.how_it_ended(connection, ref, place, ended) == "the shell in container main of pod/box ended with exit code 3"

    terminal = UserTerminal()
    running = asyncio.create_task(shells.run(connection, ref, place, terminal))
    await terminal.shows(PROMPT)
    terminal.type("\x04")
    assert (await running).exit_code == 0


async def test_a_command_on_a_terminal_ends_with_its_exit_code_or_says_why_it_could_not_begin(pod: str, connection: Connection) -> None:
    ref, terminal = await box(connection, pod), UserTerminal()
    assert await terminal_session.run(connection, ref, "main", ["sh", "-c", "echo out; echo err >&2; exit 4"], terminal) == Ended(4)
    assert terminal.written == b"out\r\nerr\r\n", "a terminal has no stderr of its own"
    failed = await terminal_session.run(connection, ref, "main", ["nonsense"], terminal)
    assert failed.exit_code is None and failed.failure is not None
    words = failed.failure.what.replace('"nonsense"', '"sh"')
    assert words.startswith("error executing command in container: ") and shells._NO_SHELL.search(words), words
    with pytest.raises(Invalid, match="container other is not valid for pod box"):
        await terminal_session.run(connection, ref, "other", ["sh"], terminal)
    with pytest.raises(NotFound, match='pods "gone" not found'):
        await terminal_session.run(connection, ObjectRef(PODS, "gone", pod), "main", ["sh"], terminal)


async def test_a_shell_that_ends_with_its_pod_says_what_became_of_the_pod(pod: str, connection: Connection) -> None:
    ref, terminal = await box(connection, pod), UserTerminal()
    (place,) = await shells.places(connection, ref)
    running = asyncio.create_task(shells.run(connection, ref, place, terminal))
    await terminal.shows(PROMPT)
    await connection.request("DELETE", ref.path)
    async with asyncio.timeout(60):
        told = await how_it_ended(connection, ref, place, running)
    assert re.search(r"pod/box (is gone|is being deleted)|container main has ended", told), told
    async with asyncio.timeout(60):
        while (why := await why_not(connection, ref)) != "pod/box is gone":
            assert "no container of pod/box is running" in why or "has finished" in why or not why
            await asyncio.sleep(0.2)


async def how_it_ended(connection: Connection, ref: ObjectRef, place: Place, running: asyncio.Task[Ended]) -> str:
    """What is told of its end, in whatever way the shell was cut off."""
    try:
        return await shells.how_it_ended(connection, ref, place, await running)
    except (ApiError, ConnectionFailed) as error:
        return str(await shells.explained(connection, ref, place, error))
    except PodLost as error:
        return str(error)


async def why_not(connection: Connection, ref: ObjectRef) -> str:
    """Why there is no place for a shell in the pod, "" when there is one."""
    try:
        await shells.places(connection, ref)
    except PodtuiError as error:
        return error.what
    return ""
