"""`podtui demo`: the dashboard on the built-in cluster, the cluster alone for kubectl, and that nothing of either is left."""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import stat
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.contract.conftest import _kubectl_program
from tests.terminal.conftest import Open, program

Serve = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def serve(home: Path) -> Iterator[Serve]:
    """`serve("--scenario", "textbook")` starts `podtui demo --serve`."""
    started: list[subprocess.Popen[str]] = []

    def start(*words: str) -> subprocess.Popen[str]:
        root = Path(__file__).resolve().parents[2]
        env = {"PATH": os.environ["PATH"], "HOME": str(home), "TMPDIR": str(home), "LANG": "C.UTF-8", "PYTHONPATH": str(root)}
        command = [*program(), "demo", "--serve", *words]
        pipe = subprocess.PIPE
        process = subprocess.Popen(command, cwd=root, env=env, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe, text=True)
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


def path_of(process: subprocess.Popen[str]) -> Path:
    """The line that it prints."""
    assert process.stdout is not None and process.stderr is not None
    assert select.select([process.stdout], [], [], 30)[0], "nothing is printed"
    line = process.stdout.readline()
    assert line, process.stderr.read()
    return Path(line.strip())


def kubectl(kubeconfig: Path, *words: str) -> str:
    command = [_kubectl_program(), f"--kubeconfig={kubeconfig}", *words]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def until(condition: Callable[[], bool], otherwise: str) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, otherwise
        time.sleep(0.05)


# -- with a screen ----------------------------------------------------------------------------------------------------
def test_the_default_scenario_opens_on_its_pods_and_leaves_nothing(open_podtui: Open, home: Path) -> None:
    terminal = open_podtui("demo", size=(80, 24), env={"TMPDIR": str(home)})
    terminal.wait_for(r"\blive\b")
    terminal.wait_for("podtui-demo")
    terminal.wait_for(r"kubia-manual\s+1/1\s+Running")
    kubeconfigs = [path for path in home.rglob("*") if path.is_file() and b"podtui-demo" in path.read_bytes()]
    assert len(kubeconfigs) == 1
    terminal.press("q")
    assert terminal.wait_exit() == 0
    assert terminal.restored() == [] and terminal.processes() == []
    until(lambda: not kubeconfigs[0].parent.exists(), "the kubeconfig is still there")


def test_sick_pods_are_sick_from_the_first_moment_and_options_are_those_of_the_dashboard(open_podtui: Open) -> None:
    terminal = open_podtui("demo", "-n", "shop,batch", "-l", "tier in (back,batch)", size=(200, 50))
    for words in (
        r"recommender.*(CrashLoopBackOff|Error|Running)",
        r"mailer.*ImagePullBackOff|mailer.*ErrImagePull",
        r"image-search.*Pending",
    ):
        terminal.wait_for(words)
    terminal.wait_for(r"cleanup.*Completed")
    assert not terminal.shows(r"web-|kubia"), "another tier, another namespace"


def test_new_pods_crash_in_the_scenario_incident(open_podtui: Open) -> None:
    terminal = open_podtui("demo", "--scenario", "incident", "--speed", "5", size=(200, 50))
    terminal.wait_for(r"checkout-2-3-1-\S+\s+1/1\s+Running")
    terminal.wait_for(r"checkout-2-4-0-\S+.*(Error|CrashLoopBackOff)", 40)


def test_killing_the_dashboard_ends_the_built_in_cluster(open_podtui: Open, home: Path) -> None:
    terminal = open_podtui("demo", "--scenario", "textbook", env={"TMPDIR": str(home)})
    terminal.wait_for(r"\blive\b")
    (kubeconfig,) = (path for path in home.rglob("*") if path.is_file() and b"podtui-demo" in path.read_bytes())
    terminal.process.kill()
    terminal.process.wait()
    until(lambda: not kubeconfig.exists(), "the cluster is still there")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--scenario", "textbok"], "did you mean `textbook`?"),
        (["--scenario", "scale:none"], "is not a scale"),
        (["--speed", "fast"], "--speed: 'fast' is not a speed"),
        (["--seed", "x"], "--seed: 'x' is not a seed"),
        (["--context", "prod"], "the demo brings its own cluster"),
    ],
)
def test_wrong_options_of_the_demo_exit_with_2_and_start_nothing(serve: Serve, words: list[str], told: str) -> None:
    process = serve(*words)
    output, errors = process.communicate(timeout=30)
    assert (process.returncode, output) == (2, "")
    assert told in errors and "Traceback" not in errors


# -- --serve ----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_demo_serve_prints_a_private_kubeconfig_and_ends_cleanly_at_a_signal(serve: Serve, number: int) -> None:
    process = serve("--scenario", "textbook")
    path = path_of(process)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert kubectl(path, "get", "nodes", "-o", "name").split() == ["node/node-1", "node/node-2", "node/node-3"]
    server = json.loads(path.read_text())["clusters"][0]["cluster"]["server"]
    with socket.create_connection(("127.0.0.1", urlsplit(server).port or 0)) as garbage:
        garbage.sendall(b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\n\r\n")
        assert garbage.recv(1000).startswith(b"HTTP/1.0 400 ")
    process.send_signal(number)
    output, errors = process.communicate(timeout=30)
    assert (process.returncode, output) == (0, "")
    assert f"KUBECONFIG={path}" in errors and "Traceback" not in errors
    assert not path.parent.exists()


def test_a_scenario_file_with_a_mistake_ends_the_demo_with_the_mistakes_line(serve: Serve, tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("title: x\nnodes: [{name: n}]\nobjects:\n- {apiVersion: v1, kind: Podd, metadata: {name: x}}\n")
    process = serve("--scenario", str(file))
    output, errors = process.communicate(timeout=30)
    assert (process.returncode, output) == (1, "")
    assert errors.startswith(f"podtui: {file}:4: there is no kind `Podd`, did you mean `Pod`?")


def test_ten_thousand_pods_are_served_to_kubectl(serve: Serve) -> None:
    path = path_of(serve("--scenario", "scale:10000"))
    assert kubectl(path, "get", "pods", "-A", "--no-headers").count(" Running ") == 10_000
