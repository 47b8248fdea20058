"""The textbook's part on nodes by keys alone: a pod that wants gpu=true waits, Why says for what, and the label on a node lets it run.

The API server is the witness. On a real cluster the label is one that no other test uses, and only nodes of the test are cordoned.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.terminal.conftest import Open, create
from tests.terminal.pty_session import PtySession

pytestmark = pytest.mark.usefixtures("kubeconfig")
NAMESPACE_PREFIX = "gpu-"
Kubectl = Callable[..., str]

GPU = """\
apiVersion: v1
kind: Pod
metadata:
  name: kubia-gpu
spec:
  nodeSelector:
    {key}: "true"
  terminationGracePeriodSeconds: 1
  containers:
  - image: luksa/kubia
    name: kubia
"""


@pytest.fixture
def key(kubectl: Kubectl) -> Iterator[str]:
    """A label's key that no node has; taken off every node at the end."""
    made = f"gpu-{secrets.token_hex(3)}"
    yield made
    kubectl("label", "nodes", "--all", f"{made}-")


@pytest.fixture
def bare_node(kubectl: Kubectl) -> Iterator[str]:
    """A node that no kubelet runs, so that nothing depends on it."""
    name = f"bare-{secrets.token_hex(3)}"
    kubectl("create", "-f", "-", input=json.dumps({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}}))
    yield name
    kubectl("delete", "node", name)


def test_a_pod_that_no_node_takes_is_explained_and_a_label_lets_it_run(
    open_podtui: Open, namespace: str, kubectl: Kubectl, real_node: str, key: str, bare_node: str, tmp_path: Path
) -> None:
    path = tmp_path / "kubia-gpu.yaml"
    path.write_text(GPU.format(key=key))
    terminal = open_podtui("-n", namespace, size=(80, 24))
    terminal.wait_for(r"\blive\b")
    create(terminal, "kubia-gpu", path)
    terminal.wait_for(r"kubia-gpu\s+0/1\s+Pending", 60)

    terminal.press("x")
    terminal.wait_for("No node takes it", 60)
    terminal.wait_for(f"nodeSelector requires {key}=true")
    terminal.press("enter")
    terminal.wait_for("Suggested actions")
    choose(terminal, rf"label node {re.escape(real_node)} {key}=true")
    terminal.wait_for(f"Label node {real_node}")
    terminal.wait_for(rf"\+ {key}=true")
    terminal.wait_for(rf"\$ kubectl (.|\n)*\b{re.escape(real_node)} {key}=true")
    terminal.wait_without("reading the labels")
    terminal.press("enter", "enter")  # to the button, and there
    terminal.wait_without("Label node")
    terminal.wait_for("No problem found", 90)
    pod = json.loads(kubectl("get", "pod", "-n", namespace, "kubia-gpu", "-o", "json"))
    assert pod["spec"]["nodeName"] == real_node

    terminal.press("v")
    terminal.wait_for("! FailedScheduling")
    terminal.wait_for("Scheduled(.|\n)*Started")
    terminal.press("escape")
    terminal.wait_for(r"kubia-gpu\s+1/1\s+Running")

    # -- the nodes: the cursor is on that of the pod; its page has the pod
    terminal.press("o")
    terminal.wait_for(rf"▌ {re.escape(real_node)} ")
    terminal.press("enter")
    terminal.wait_for("Resources")
    terminal.wait_for("requests and limits of its pods")
    terminal.press("escape")
    terminal.press("L")
    terminal.wait_for(f"Label node {real_node}")
    terminal.type(f"{key}-")
    terminal.wait_for(rf"- {key}")
    terminal.press("enter", "enter")
    terminal.wait_without("Label node")
    labels = json.loads(kubectl("get", "node", real_node, "-o", "jsonpath={.metadata.labels}"))
    assert key not in labels  # the pod stays where it is: only the scheduler asks for it

    # -- cordon and uncordon, shown before
    terminal.press("escape")
    terminal.wait_for("Pods")
    terminal.press(":")
    terminal.wait_for("no \\[NAME\\]|WHAT IT DOES")
    terminal.type(f"no {bare_node}")
    terminal.press("enter")
    terminal.wait_for(rf"▌ {bare_node} ")
    terminal.press("C")
    terminal.wait_for(f"Cordon node {bare_node}")
    terminal.wait_for(rf"\$ kubectl (.|\n)*\b{bare_node}\b")
    terminal.wait_for("→ (NotReady|Unknown),SchedulingDisabled")  # as it was read: before that nothing is confirmed
    terminal.press("tab", "enter")
    terminal.wait_for(rf"{bare_node} +NotReady,SchedulingDisabled|{bare_node} +Unknown,SchedulingDisabled")
    assert kubectl("get", "node", bare_node, "-o", "jsonpath={.spec.unschedulable}") == "true"
    terminal.press("u")  # as C would, by the journal
    terminal.wait_for(f"Undo cordon node/{bare_node}")
    terminal.wait_for(rf"\$ kubectl (.|\n)*uncordon {bare_node}")
    terminal.press("tab", "enter")
    terminal.wait_without("SchedulingDisabled")
    assert kubectl("get", "node", bare_node, "-o", "jsonpath={.spec.unschedulable}") == ""

    terminal.press("escape")
    terminal.wait_for(r"kubia-gpu\s+1/1\s+Running")
    terminal.press("q")
    assert terminal.wait_exit() == 0
    assert terminal.restored() == []


def choose(terminal: PtySession, pattern: str) -> None:
    """Moves the cursor of the chooser, whose rows come one below the other, to the row that matches."""
    terminal.wait_for(rf"│ [▸ ] *{pattern} *│(.|\n)*╰")
    rows = [line for line in terminal.lines if re.search(r"│ [▸ ] *label node .*│", line)]
    place = next(number for number, line in enumerate(rows) if re.search(pattern, line))
    for _ in range(place):
        terminal.press("j")
    terminal.settle(0.2)
    terminal.press("enter")
