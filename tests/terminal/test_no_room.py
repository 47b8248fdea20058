"""A disk that is full, and a home that cannot be written to: podtui works on and says so, and nothing is lost that was typed."""

from __future__ import annotations

import json
import re
import resource
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.terminal.conftest import Open

pytestmark = pytest.mark.usefixtures("kubeconfig")
SAYS = {"name": "main", "image": "example/shell", "command": ["sh", "-c", "echo hello; sleep 1000"]}

Kubectl = Callable[..., str]


@pytest.mark.parametrize("home_is_there", [True, False], ids=["a full disk", "a home that cannot be written to"])
def test_what_cannot_be_written_is_said_and_what_was_typed_is_kept(
    open_podtui: Open, namespace: str, kubectl: Kubectl, real_node: str, home: Path, tmp_path: Path, home_is_there: bool
) -> None:
    spec = {"nodeName": real_node, "terminationGracePeriodSeconds": 1, "containers": [SAYS]}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web"}, "spec": spec}
    kubectl("create", "-n", namespace, "-f", "-", input=json.dumps(pod))
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    env = {"TMPDIR": str(temporary), **({} if home_is_there else {"HOME": "/dev/null/home"})}
    terminal = open_podtui("-n", namespace, env=env, size=(200, 36))
    terminal.wait_for(r"web +1/1 +Running", 60)
    if home_is_there:  # the disk fills up while podtui runs
        resource.prlimit(terminal.process.pid, resource.RLIMIT_FSIZE, (0, 0))

    terminal.press("L")
    terminal.wait_for("Label pod web")
    terminal.type("zone=full")
    terminal.press("enter")
    terminal.wait_for(r"\+ zone=full")
    terminal.press("enter")
    terminal.wait_for("web is not in the journal: cannot (write|create)")
    assert kubectl("get", "pod", "web", "-n", namespace, "-o", "jsonpath={.metadata.labels.zone}") == "full"
    terminal.press("J")
    terminal.wait_for("it cannot be (read|written)")
    terminal.press("escape")

    if home_is_there:
        terminal.press("l")
        terminal.wait_for("hello")
        terminal.press("ctrl+s")
        terminal.wait_for("save to")
        terminal.press("ctrl+u")
        terminal.type(f"{tmp_path}/web.log")
        terminal.press("enter")
        terminal.wait_for(r"cannot write .*web\.log: ")
        terminal.press("escape", "escape")

    terminal.press("E")
    terminal.wait_for("Edit pod.web")
    terminal.type("# typed by hand")
    terminal.wait_for("# typed by hand")
    terminal.press("ctrl+c")
    assert terminal.wait_exit() in (0, 1)
    assert terminal.restored() == []
    said = terminal.raw.decode(errors="replace").rpartition("\x1b[?1049l")[2]
    assert "Traceback" not in said
    if home_is_there:
        assert "# typed by hand" in said, "no file takes it: the terminal has it"
    else:
        (kept,) = temporary.rglob("*.yaml")
        assert "# typed by hand" in kept.read_text() and re.sub(r"\s", "", str(kept)) in re.sub(r"\s", "", said)
