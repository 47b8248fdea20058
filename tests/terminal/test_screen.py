"""The program in a terminal, on a real server: it opens at every size, shows pods, and leaves nothing behind."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

import pytest

from tests.terminal.conftest import Open

pytestmark = pytest.mark.usefixtures("kubeconfig")
NAMESPACE_PREFIX = "cli-"
POD = """\
apiVersion: v1
kind: Pod
metadata: {{name: {name}, labels: {{app: {name}}}}}
spec:
  containers: [{{name: main, image: example/web}}]
"""


@pytest.fixture
def pods(namespace: str, kubectl: Callable[..., str]) -> str:
    """A namespace with the pods web-1 and db-1."""
    kubectl("create", "-n", namespace, "-f", "-", input="---\n".join(POD.format(name=name) for name in ("web-1", "db-1")))
    return namespace


def test_the_pods_of_a_namespace_are_shown_at_every_size(open_podtui: Open, pods: str, size: tuple[int, int]) -> None:
    terminal = open_podtui("-n", pods, size=size)
    terminal.wait_for("web-1")
    terminal.wait_for("db-1")
    terminal.wait_for(r"\blive\b")


def test_only_the_pods_of_the_selector_are_shown(open_podtui: Open, pods: str) -> None:
    terminal = open_podtui("-n", pods, "-l", "app in (web-1,other),!canary")
    terminal.wait_for("web-1")
    assert not terminal.shows("db-1")


@pytest.mark.parametrize("key", ["q", "ctrl+c"])
def test_quitting_leaves_the_terminal_as_it_was_and_no_process(open_podtui: Open, pods: str, key: str) -> None:
    terminal = open_podtui("-n", pods)
    terminal.wait_for("web-1")
    assert terminal.modes["1049"]
    terminal.press(key)
    assert terminal.wait_exit() == 0
    assert terminal.restored() == []
    assert terminal.processes() == []
    assert "Traceback" not in terminal.raw.decode(errors="replace")


def test_a_resized_terminal_is_redrawn_whatever_columns_and_lines_say(open_podtui: Open, pods: str) -> None:
    terminal = open_podtui("-n", pods, size=(200, 50), env={"COLUMNS": "200", "LINES": "50"})
    terminal.wait_for("web-1")
    terminal.resize(80, 24)
    terminal.wait_for("web-1")
    terminal.resize(160, 40)
    terminal.wait_for("web-1")


def test_a_dashboard_that_is_stopped_and_continued_shows_the_same_screen(open_podtui: Open, pods: str) -> None:
    terminal = open_podtui("-n", pods, size=(80, 24))
    terminal.wait_for("web-1")
    terminal.settle()
    pid = terminal.process.pid
    threads = len(os.listdir(f"/proc/{pid}/task"))
    os.kill(pid, signal.SIGSTOP)
    terminal.screen.reset()  # another program wrote here meanwhile
    os.kill(pid, signal.SIGCONT)
    terminal.wait_for("web-1")
    terminal.wait_for("Help")
    terminal.settle()
    assert len(os.listdir(f"/proc/{pid}/task")) == threads and terminal.modes["1049"]
    terminal.press("q")
    assert terminal.wait_exit() == 0
    assert terminal.restored() == [] and terminal.processes() == []


def test_podtui_ends_when_its_terminal_goes_away(open_podtui: Open, pods: str) -> None:
    terminal = open_podtui("-n", pods)
    terminal.wait_for("web-1")
    terminal.hang_up()
    terminal.process.wait(20)
    assert terminal.process.returncode == 0 and terminal.processes() == []
