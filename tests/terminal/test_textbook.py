"""The chapter on Pods by keys alone, with the API server as the witness: create, find, read, forward, label, delete."""

from __future__ import annotations

import json
import socket
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.forward_server import free_port
from tests.terminal.conftest import Open, create
from tests.terminal.pty_session import PtySession

pytestmark = pytest.mark.usefixtures("kubeconfig")
NAMESPACE_PREFIX = "textbook-"

KUBIA = """\
apiVersion: v1
kind: Pod
metadata:
  name: kubia-manual
  labels:
    creation_method: manual
    env: debug
spec:
  nodeName: {node}
  terminationGracePeriodSeconds: 1
  containers:
  - image: luksa/kubia
    name: kubia
    ports:
    - containerPort: 8080
      protocol: TCP
"""

Kubectl = Callable[..., str]


def select(terminal: PtySession, selector: str) -> None:
    """The selector bar: what stands there is replaced."""
    terminal.press("=")
    terminal.wait_for("Esc Cancel")
    terminal.press("ctrl+u")
    terminal.type(selector)
    terminal.press("enter")


def change_labels(terminal: PtySession, changes: str, *, overwrite: bool = False) -> None:
    terminal.press("L")
    terminal.wait_for("Label pod kubia-manual")
    terminal.type(changes)
    terminal.wait_for(r"\$ kubectl (.|\n)*label pod")
    if overwrite:
        terminal.wait_for("--overwrite is false")
        terminal.press("tab", "space")
        terminal.wait_for(r"\$ kubectl (.|\n)*label pod(.|\n)*--overwrite ")
        terminal.press("tab", "tab")  # over Cancel, the safe answer
    else:
        terminal.wait_without("reading the labels")
        terminal.press("enter")  # to the button
    terminal.press("enter")
    terminal.wait_without("Label pod kubia-manual")


def test_the_pod_of_the_textbook_from_its_file_to_its_end(
    open_podtui: Open, namespace: str, kubectl: Kubectl, real_node: str, tmp_path: Path, size: tuple[int, int]
) -> None:
    path = tmp_path / "kubia-manual.yaml"
    path.write_text(KUBIA.format(node=real_node))
    terminal = open_podtui("-n", namespace, "-L", "env", size=size)
    terminal.wait_for(r"\blive\b")
    terminal.wait_for("no pods")

    create(terminal, "kubia-manual", path)
    terminal.wait_for(r"kubia-manual\s+1/1\s+Running", 60)

    select(terminal, "creation_method=manual,env in (debug,prod),!canary")
    terminal.wait_for("-l creation_method=manual")
    terminal.wait_for(r"kubia-manual\s+1/1\s+Running")

    terminal.press("y")
    terminal.wait_for("apiVersion: v1")
    terminal.press("escape")

    terminal.press("enter")
    terminal.wait_for("luksa/kubia")
    terminal.press("escape")

    terminal.press("l")
    terminal.wait_for("serving on 8080|Kubia server starting")  # the image of the test cluster, that of the textbook

    port = free_port()
    terminal.press("escape")
    terminal.press("F")
    terminal.wait_for("Forward local ports")
    terminal.wait_for("8080")
    terminal.press("ctrl+u")
    terminal.type(f"{port}:8080")
    terminal.wait_for(rf"\$ kubectl .*(.|\n)*{port}:8080")
    terminal.press("enter")
    terminal.wait_without("Forward local ports")
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=20) as answer:
        assert answer.read().decode() == "You've hit kubia-manual\n"
    terminal.press("f")
    terminal.wait_for(rf"active.*{port}")
    terminal.press("escape")
    terminal.press("l")
    terminal.wait_for("request: GET / HTTP/1.1|Received request from")
    terminal.press("escape")

    change_labels(terminal, "tier=web")
    assert labels(kubectl, namespace)["tier"] == "web"
    change_labels(terminal, "env=prod", overwrite=True)
    assert labels(kubectl, namespace)["env"] == "prod"
    terminal.wait_for(r"kubia-manual\s+1/1\s+Running.*\bprod\b")
    change_labels(terminal, "tier-")
    assert "tier" not in labels(kubectl, namespace)

    terminal.press("ctrl+d")
    terminal.wait_for("Delete pod kubia-manual")
    terminal.press("tab", "enter")
    terminal.wait_for("no pods", 60)
    assert kubectl("get", "pods", "-n", namespace, "-o", "name") == ""

    terminal.press("q")
    assert terminal.wait_exit() == 0
    assert terminal.restored() == []
    with socket.socket() as after:
        assert after.connect_ex(("127.0.0.1", port)) != 0


def labels(kubectl: Kubectl, namespace: str) -> dict[str, str]:
    """The pod's labels as the API server has them: the dialog goes when the change is there."""
    found: dict[str, str] = json.loads(kubectl("get", "pod", "-n", namespace, "kubia-manual", "-o", "jsonpath={.metadata.labels}"))
    return found
