"""The API server goes away for more than ten seconds: the rows stay and say how old they are, and then all is right again."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from tests.terminal.conftest import Open

pytestmark = pytest.mark.usefixtures("kubeconfig")
NAMESPACE_PREFIX = "outage-"

COUNTING = """\
apiVersion: v1
kind: Pod
metadata: {{name: counting}}
spec:
  nodeName: {node}
  terminationGracePeriodSeconds: 1
  containers:
  - name: main
    image: example/shell
    command: [sh, -c, "i=0; while true; do echo number $i; i=$((i+1)); sleep 0.05; done"]
"""
OTHER = """\
apiVersion: v1
kind: Pod
metadata: {name: born-later}
spec: {containers: [{name: main, image: example/web}]}
"""

Kubectl = Callable[..., str]


def test_rows_stay_through_an_outage_and_logs_go_on_without_loss_or_repeats(
    open_podtui: Open, namespace: str, kubectl: Kubectl, real_node: str, cluster: Callable[[str, str], None], tmp_path: object
) -> None:
    kubectl("create", "-n", namespace, "-f", "-", input=COUNTING.format(node=real_node))
    terminal = open_podtui("-n", namespace, size=(120, 36))
    terminal.wait_for(r"counting\s+1/1\s+Running", 60)
    terminal.press("l")
    terminal.wait_for(r"number \d+")

    cluster("stop", "kube-apiserver")
    terminal.wait_for("stale for", 30)
    assert terminal.shows(r"counting\s+1/1\s+Running")
    assert not terminal.shows("no pods")
    terminal.wait_for(r"stale for [12]\ds", 30)

    cluster("start", "kube-apiserver")
    terminal.wait_for("● live", 90)
    kubectl("create", "-n", namespace, "-f", "-", input=OTHER)
    terminal.wait_for(r"born-later", 30)

    shown = max(int(number) for number in re.findall(r"number (\d+)", terminal.text))
    enough = max(shown + 40, 450)
    terminal.wait_until(lambda: any(int(n) > enough for n in re.findall(r"number (\d+)", terminal.text)), "the log stands still", 60)
    path = f"{tmp_path}/counting.log"
    terminal.press("ctrl+s")
    terminal.wait_for("counting-main.log|Save|save")
    terminal.press("ctrl+u")
    terminal.type(path)
    terminal.press("enter")
    terminal.wait_for(r"lines saved to")
    with open(path) as saved:
        numbers = [int(line.rpartition(" ")[2]) for line in saved if "number" in line]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    assert len(numbers) > 400
