"""A shell in a container by its key: the terminal lent and taken back, resized, and as it was when podtui is told to end meanwhile."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable

from tests.terminal.conftest import Open
from tests.terminal.pty_session import ALTERNATE_SCREEN, PASTE, PtySession

NAMESPACE_PREFIX = "shell-"
Kubectl = Callable[..., str]
PATIENCE = 60.0
PROMPT = r"^[/~] #"


def interrupt(terminal: PtySession) -> None:
    """Ctrl+C until the prompt is back: one that comes while the shell starts its program is lost."""
    until = time.monotonic() + PATIENCE
    while not terminal.shows(r"\^C\n[/~] #"):
        assert time.monotonic() < until, terminal.framed()
        terminal.press("ctrl+c")
        terminal.settle(1.0, 2.0)


def test_a_shell_has_the_terminal_until_it_ends(open_podtui: Open, namespace: str, kubectl: Kubectl, real_node: str) -> None:
    container = {"name": "main", "image": "busybox", "command": ["sh", "-c", "while true; do sleep 1; done"]}
    spec = {"nodeName": real_node, "terminationGracePeriodSeconds": 0, "containers": [container, {**container, "name": "side"}]}
    document = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "box"}, "spec": spec}
    kubectl("create", "-n", namespace, "-f", "-", input=json.dumps(document))
    kubectl("wait", "-n", namespace, "--for=condition=Ready", "pod/box", "--timeout=60s")
    podtui = open_podtui("-n", namespace, size=(80, 24))
    podtui.wait_for(r"box\s+2/2\s+Running", PATIENCE)

    podtui.press("s")
    podtui.wait_for("Open a shell in which container of pod/box", PATIENCE)
    podtui.press("enter")
    podtui.wait_for(PROMPT, PATIENCE)
    assert not podtui.modes[ALTERNATE_SCREEN] and podtui.shows("podtui: a shell in container main of pod/box, namespace shell-")
    podtui.type("clear; echo hi $((40 + 2)); stty size\r")
    podtui.wait_for(r"^hi 42\n24 80$", PATIENCE)
    podtui.resize(100, 30)
    podtui.type("clear; sleep 1; stty size\r")
    podtui.wait_for(r"^30 100$", PATIENCE)
    podtui.type("sleep 1000\r")
    interrupt(podtui)
    podtui.type("printf '\\033[?2004h\\033[?25l'; exit 3\r")  # leaves the terminal in disorder
    podtui.wait_for("the shell in container main of pod/box ", PATIENCE)
    podtui.wait_for(r"box\s+2/2\s+Running", PATIENCE)
    assert podtui.modes[ALTERNATE_SCREEN]

    podtui.press("s")
    podtui.wait_for("Open a shell in which container of pod/box", PATIENCE)
    podtui.press("down", "enter")
    podtui.wait_for(r"container side of pod/box(.|\n)*^[/~] #", PATIENCE)
    os.kill(podtui.process.pid, signal.SIGTERM)
    assert podtui.wait_exit(PATIENCE) == 0
    assert podtui.restored() == [] and podtui.processes() == [] and not podtui.modes[PASTE]
