"""Port-forwards by keys: a saved one that starts by itself, one of the dialog, their pod replaced, and nothing left at the end."""

from __future__ import annotations

import json
import re
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

from podtui.cluster.forward.local_ports import is_free
from tests.contract.test_following import deployment
from tests.terminal.conftest import Open
from tests.terminal.pty_session import PtySession

NAMESPACE_PREFIX = "fwd-"
Kubectl = Callable[..., str]
SAVED = """\
forwards:
  mine: {{selector: app=web, ports: [":http"], start: true}}
  later: {{pod: web-0, ports: [":9090"], namespace: {namespace}}}
  other: {{pod: web-0, ports: ["5432"], context: elsewhere}}
"""


def answer(port: int) -> str:
    """Which pod answers on a local port, once one does: until the new pod's program listens it refuses."""
    deadline = time.monotonic() + 60
    while True:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=30) as got:
                body: bytes = got.read()
                return body.decode().partition("You've hit ")[2].strip()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)


def ports(terminal: PtySession) -> list[int]:
    """The local ports of the active forwards on the screen."""
    return [int(port) for port in re.findall(r"● active .*?127\.0\.0\.1:(\d+)", terminal.text)]


def test_forwards_go_on_with_the_next_pod_and_end_with_podtui(
    open_podtui: Open, namespace: str, kubectl: Kubectl, kubeconfig: str, home: Path, real_node: str
) -> None:
    folder = home / ".config" / "podtui"
    folder.mkdir(parents=True)
    (folder / "config.yaml").write_text(SAVED.format(namespace=namespace))
    kubectl("create", "-n", namespace, "-f", "-", input=json.dumps(deployment("web", real_node)))
    kubectl("wait", "-n", namespace, "--for=condition=Available", "--timeout=60s", "deployment/web")
    context = kubectl("config", "current-context").strip()
    own = Path(home, "kubeconfig")
    own.write_text(kubectl("config", "view", "--raw", "--flatten"))
    own.write_text(_in_namespace(own.read_text(), context, namespace))
    own.chmod(0o600)

    terminal = open_podtui("--kubeconfig", str(own), size=(80, 24))
    terminal.wait_for(r"1 forward\b", 40)
    first = terminal.wait_for(r"web-\S+ +1/1", 40)
    pod = re.search(r"web-\S+", first)[0]  # type: ignore[index]
    terminal.press("F")
    terminal.wait_for("When it is replaced, podtui forwards to a pod of deployment/web")
    terminal.press("ctrl+u")
    terminal.type(":8080")
    terminal.press("enter")
    terminal.wait_without("Forward local ports")  # the first line counts the forward while the dialog still stands
    terminal.wait_for(r"2 forwards\b")
    terminal.press("f")
    terminal.wait_for(r"2 running")
    terminal.wait_until(lambda: len(ports(terminal)) == 2, "two forwards are not active")
    terminal.wait_for(r"○ saved +later")
    assert [answer(port) for port in ports(terminal)] == [pod] * 2
    before = ports(terminal)

    kubectl("delete", "pod", "-n", namespace, pod, "--wait=false")
    terminal.wait_for(rf"pod/web-\S+ replaced pod/{pod}", 60)
    terminal.wait_until(lambda: len(ports(terminal)) == 2, "the forwards did not go on", 60)
    successor = kubectl("get", "pods", "-n", namespace, "-o", "jsonpath={.items[?(@.status.phase=='Running')].metadata.name}").split()
    assert ports(terminal) == before
    assert answer(before[0]) == answer(before[1]) in {*successor} - {pod}
    terminal.fill()
    assert answer(before[0]) in successor, "a terminal that does not read holds up no forward"

    terminal.press("G")
    terminal.wait_for("is for the context elsewhere")
    terminal.press("k", "enter")  # the saved one for a pod that is not there: it waits
    terminal.wait_for(r"… waiting +later")
    terminal.wait_for(r"3 running, 1 waiting")
    terminal.press("escape", "q")
    terminal.wait_for("3 port-forwards end")
    terminal.press("down", "enter")
    assert terminal.wait_exit() == 0
    assert terminal.restored() == [] and terminal.processes() == []
    assert all(is_free("127.0.0.1", port) for port in before)


def _in_namespace(kubeconfig: str, context: str, namespace: str) -> str:
    import yaml

    found = yaml.safe_load(kubeconfig)
    for each in found["contexts"]:
        if each["name"] == context:
            each["context"]["namespace"] = namespace
    return yaml.safe_dump(found)
