"""Commands in a container, by kubectl: what they print and how they end."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable

import pytest

from tests.contract.conftest import _kubectl_program

NAMESPACE_PREFIX = "exec-"
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


def test_why_no_command_can_be_run_is_told(namespace: str, kubectl: Kubectl, kubeconfig: str, real_node: str) -> None:
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


def test_a_command_that_there_is_not_is_told_in_the_runtimes_words(pod: str, kubeconfig: str) -> None:
    command = [_kubectl_program(), f"--kubeconfig={kubeconfig}", "exec", "-n", pod, "box", "--", "nonsense"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    words = "error: Internal error occurred: Internal error occurred: error executing command in container: failed to exec in container: "
    assert done.stderr.startswith(words) and 'exec: "nonsense": executable file not found in $PATH' in done.stderr


def test_what_is_sent_is_read(pod: str, kubectl: Kubectl) -> None:
    assert kubectl("exec", "-i", "-n", pod, "box", "--", "cat", input="one\ntwo\n") == "one\ntwo\n"


def test_the_exit_code_is_the_commands(pod: str, kubeconfig: str) -> None:
    command = [_kubectl_program(), f"--kubeconfig={kubeconfig}", "exec", "-n", pod, "box", "--", "sh", "-c", "echo before; exit 3"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (3, "before\n")
    assert "command terminated with exit code 3" in done.stderr
