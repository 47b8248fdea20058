"""The commands that draw no full screen, on a real server: snapshot and doctor."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.terminal.conftest import program

NAMESPACE_PREFIX = "cli-"
Kubectl = Callable[..., str]
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def run(kubeconfig: str, home: Path) -> Run:
    """`run("doctor", ...)` with the kubeconfig under test and no terminal."""

    def done(*words: str) -> subprocess.CompletedProcess[str]:
        env = {"PATH": os.environ["PATH"], "HOME": str(home), "TERM": "xterm-256color", "LANG": "C.UTF-8"}
        command = [*program(), *words, "--kubeconfig", kubeconfig]
        root = Path(__file__).resolve().parents[2]
        return subprocess.run(command, cwd=root, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120)

    return done


@pytest.fixture
def pod(namespace: str, kubectl: Kubectl) -> str:
    """A namespace with the pod web-1, labeled tier=front, and the pod db-1."""
    for name, labels in (("web-1", {"tier": "front"}), ("db-1", {})):
        spec = {"containers": [{"name": "main", "image": "example/web"}]}
        document = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": labels}, "spec": spec}
        kubectl("create", "-n", namespace, "-f", "-", input=json.dumps(document))
    return namespace


def test_a_snapshot_is_the_screen_as_text(run: Run, pod: str) -> None:
    done = run("snapshot", "-n", pod, "--size", "100x20")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) == 20 and max(map(len, lines)) <= 100
    assert "live" in lines[0] and "web-1" in done.stdout and "db-1" in done.stdout


def test_a_snapshot_takes_the_options_of_the_dashboard(run: Run, pod: str) -> None:
    done = run("-n", pod, "-L", "tier", "snapshot", "-l", "tier in (front)")
    assert "web-1" in done.stdout and "front" in done.stdout and "db-1" not in done.stdout


def test_a_snapshot_can_press_keys_first(run: Run, pod: str) -> None:
    done = run("snapshot", "-n", pod, "--keys", "slash db enter")
    assert "db-1" in done.stdout and "web-1" not in done.stdout


def test_a_snapshot_as_svg_is_well_formed_and_asks_the_net_for_nothing(run: Run, pod: str, tmp_path: Path) -> None:
    picture = tmp_path / "pods.svg"
    done = run("snapshot", "-n", pod, "-o", str(picture))
    assert (done.returncode, done.stdout) == (0, "")
    text = picture.read_text()
    assert ElementTree.fromstring(text).tag.endswith("svg")
    assert "web-1" in text and "url(" not in text.replace("url(#", "")


def test_a_snapshot_of_what_may_not_be_seen_is_an_error_with_a_picture(run: Run, namespace: str) -> None:
    done = run("snapshot", "-n", namespace, "--as", "somebody-without-rights")
    assert done.returncode == 1
    assert "denied" in done.stdout
    assert done.stderr.startswith("podtui: ")


def test_a_snapshot_that_cannot_be_written_is_an_error(run: Run, namespace: str, tmp_path: Path) -> None:
    done = run("snapshot", "-n", namespace, "-o", str(tmp_path / "none" / "x.svg"))
    assert (done.returncode, done.stdout) == (1, "")
    assert "cannot write" in done.stderr


def test_doctor_finds_nothing_wrong_for_who_may_do_everything(run: Run, namespace: str) -> None:
    done = run("doctor", "-n", namespace)
    assert done.returncode == 0, done.stdout
    assert "Kubernetes v1." in done.stdout and "ms per request" in done.stdout
    assert f"ok   you may list pods in namespace {namespace}" in done.stdout
    assert "fail" not in done.stdout


def test_doctor_says_which_rights_are_missing_and_what_is_lost(run: Run, namespace: str) -> None:
    done = run("doctor", "-n", namespace, "--as", "somebody-without-rights")
    assert done.returncode == 1
    assert f"fail you may not list pods in namespace {namespace} - " in done.stdout
    assert "warn you may not list namespaces - " in done.stdout


def test_doctor_is_content_with_the_rights_of_one_namespace(run: Run, namespace: str, kubectl: Kubectl) -> None:
    kubectl("create", "rolebinding", "viewer", "-n", namespace, "--clusterrole=view", "--user=viewer")
    done = run("doctor", "-n", namespace, "--as", "viewer")
    assert done.returncode == 0, done.stdout
    assert "warn you may not list namespaces" in done.stdout
    assert f"warn you may not delete pods in namespace {namespace} - " in done.stdout
