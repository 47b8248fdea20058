"""`podtui demo`: the dashboard on the built-in cluster, or with --serve the cluster alone, for kubectl."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
import threading
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from podtui.cli.arguments import program
from podtui.cli.output import tell
from podtui.demo.scenarios import loading
from podtui.demo.scenarios.model import Scenario
from podtui.errors import PodtuiError, UsageError
from podtui.text import harmless

_PATIENCE = 10.0  # seconds that the cluster has to end by itself


def run_demo(arguments: Namespace) -> int:
    """Run until the user quits, then remove the cluster and its folder. Returns the exit code."""
    name = arguments.scenario or loading.DEFAULT
    speed, seed = speed_of(arguments.speed), _seed(arguments.seed)
    for option in ("kubeconfig", "context"):
        if getattr(arguments, option):
            raise UsageError(
                f"--{option}: the demo brings its own cluster", f"for another cluster: {program()} --{option} {getattr(arguments, option)}"
            )
    scenario = loading.load(name)
    if arguments.serve:
        return _serve(scenario, speed, seed)
    from podtui.cli.launch import check_terminal, run_dashboard

    check_terminal()
    if scenario.show and not arguments.namespace and not arguments.all_namespaces:
        arguments.all_namespaces, arguments.namespace = scenario.show == "all", [] if scenario.show == "all" else [scenario.show]
    with running(name, speed, seed) as kubeconfig:
        arguments.kubeconfig = kubeconfig
        return run_dashboard(arguments)


def speed_of(text: str | None) -> float:
    """How many times faster than real time the cluster runs: 1 if nothing is asked for. Raises UsageError."""
    try:
        value = float(text or "1")
    except ValueError:
        value = math.nan
    if not 0.01 <= value <= 10_000:
        raise UsageError(f"--speed: {harmless(str(text))!r} is not a speed", "use a number of times faster than real time: 0.5, 1, 10")
    return value


def _seed(text: str | None) -> int:
    if text is not None and not (text.isascii() and text.isdigit() and len(text) < 19):
        raise UsageError(f"--seed: {harmless(text)!r} is not a seed", "use a whole number from 0 on; the same seed gives the same history")
    return int(text or 0)


def _serve(scenario: Scenario, speed: float, seed: int) -> int:
    """Run the cluster until SIGINT, SIGTERM or SIGHUP; the only line on standard output is the path of its kubeconfig."""
    from podtui.demo.server import DemoServer
    from podtui.reports import log_to_file

    log_to_file()  # what a client sends that is not HTTP is not for the terminal
    told_to_end = threading.Event()
    before = {number: signal.signal(number, lambda *_: told_to_end.set()) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        with DemoServer(scenario, speed=speed, seed=seed) as server:
            print(server.kubeconfig, flush=True)
            where = f"in another terminal: export KUBECONFIG={server.kubeconfig}; Ctrl+C stops it"
            tell(f"podtui: the cluster {scenario.name!r} is running; {where}")
            told_to_end.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    return 0


@contextmanager
def running(scenario: str, speed: float = 1.0, seed: int = 0, longest_grace: float = math.inf) -> Iterator[str]:
    """Run a cluster in a process of its own (see `podtui.demo.child`) and yield the path of its kubeconfig. Raises PodtuiError.

    `longest_grace` is as in `Kubelet`.
    """
    root = str(Path(__file__).resolve().parents[2])  # the folder that podtui is imported from
    process = subprocess.Popen(
        [sys.executable, "-m", "podtui.demo.child", scenario, repr(speed), str(seed), repr(longest_grace)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in (root, os.environ.get("PYTHONPATH", "")) if path)},
        start_new_session=True,  # Ctrl+C and the end of the terminal are the dashboard's to act on
    )
    assert process.stdin is not None and process.stdout is not None
    try:
        line = process.stdout.readline()
        told = json.loads(line) if line else {"error": f"the built-in cluster did not start (exit code {process.wait(_PATIENCE)})"}
        if "error" in told:
            raise PodtuiError(told["error"], told.get("hint", ""))
        yield told["kubeconfig"]
    finally:
        process.stdin.close()
        try:
            process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()
