"""podtui beside kubectl (and k9s) on one API server in one run: until rows are there, and what it costs afterwards.

    python -m tests.benchmarks list --kubeconfig FILE [--k9s PATH] [--churn 200] [--repeat 3]

The cluster should hold about 10,000 pods. Each program runs on a pseudo-terminal of 200x50; figures are medians of the repeats.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time

from tests.benchmarks.churn import churning
from tests.benchmarks.figures import PODTUI, Figure, Table, environment, median, percentile
from tests.benchmarks.measured import ROOT, Measured, podtui

LIVE = r"● live.* \d+ pods"  # while pages still come it says `loading`
_ROW = r"\d/\d +(Running|\S+ing)"
_KEYS = 60
_PAUSE = 3.0  # seconds in which the API server recovers from the program before
_KUBECTL, _K9S = "kubectl", "k9s"


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--churn", type=int, default=200, help="label changes a second")
    parser.add_argument("--namespace", default="team-01", help="a namespace of about 200 pods")
    parser.add_argument("--seconds", type=float, default=20, help="how long an idle program is watched")


def measure(options: argparse.Namespace) -> list[Table]:
    """The list of all pods, and of one namespace."""
    kubectl = [options.kubectl, f"--kubeconfig={options.kubeconfig}", "get", "pods"]
    names = subprocess.run([*kubectl, "-A", "-o", "name"], capture_output=True, text=True, check=True).stdout.splitlines()
    table = Table(f"{len(names):,} pods, terminal of 200x50", [PODTUI, _KUBECTL, _K9S])
    Measured(podtui("-A"), options.kubeconfig).close()  # so that the modules are compiled, as an installation does
    starts, small, whole, other = [], [], [], []
    for _ in range(options.repeat):
        time.sleep(_PAUSE)
        began = time.monotonic()
        subprocess.run([*kubectl, "-A"], stdout=subprocess.DEVNULL, check=True)
        whole.append(time.monotonic() - began)
        starts.append(_started(podtui("-A"), options.kubeconfig, _ROW, LIVE))
        small.append(_started(podtui("-n", options.namespace), options.kubeconfig, _ROW, LIVE))
        if options.k9s:
            everything = _started([options.k9s, "-A", "--headless"], options.kubeconfig, "Running", "Running")
            one = _started([options.k9s, "-n", options.namespace, "--headless"], options.kubeconfig, "Running", "Running")
            other.append((everything, one))
    table.add(
        "first rows painted, all namespaces",
        podtui=median((each[0] for each in starts), "s", 2),
        k9s=median((each[0][0] for each in other), "s", 2) if other else None,
    )
    table.add("all rows loaded and sorted", podtui=median((each[1] for each in starts), "s", 2), kubectl=median(whole, "s", 2))
    table.add(
        "CPU until then",
        podtui=median((each[2] for each in starts), "s", 2),
        k9s=median((each[0][2] for each in other), "s", 2) if other else None,
    )
    table.add(
        f"first rows painted, one namespace ({options.namespace})",
        podtui=median((each[0] for each in small), "s", 2),
        k9s=median((each[1][0] for each in other), "s", 2) if other else None,
    )
    table.add(
        "CPU until then",
        podtui=median((each[2] for each in small), "s", 2),
        k9s=median((each[1][2] for each in other), "s", 2) if other else None,
    )
    table.add(
        "memory: all namespaces, one namespace",
        podtui=[median((each[3] for each in starts), "MB", 0), median((each[3] for each in small), "MB", 0)],
        k9s=[median((each[0][3] for each in other), "MB", 0), median((each[1][3] for each in other), "MB", 0)] if other else None,
    )
    bare, ours = _imports("textual.app"), _imports("podtui.cli.launch", "podtui.ui.main.app")
    table.add("CPU of imports before the screen opens; of Textual alone", podtui=[Figure(ours, "s", 3), Figure(bare, "s", 3)])
    _afterwards(table, options)
    if options.k9s:
        _k9s_idle(table, options)
    return [table]


def _started(command: list[str], kubeconfig: str, first: str, loaded: str) -> tuple[float, float, float, float]:
    """Seconds until the first row and until all rows, CPU seconds by then, and MB."""
    time.sleep(_PAUSE)
    session = Measured(command, kubeconfig)
    try:
        row, every = session.seconds_until(first), session.seconds_until(loaded)
        return row, every, session.cpu(), session.memory()
    finally:
        session.close()


def _imports(*modules: str) -> float:
    """CPU seconds until a fresh interpreter has imported these modules: the median of 9."""
    script = f"import time, {', '.join(modules)}; print(time.process_time())"
    command, env = [sys.executable, "-c", script], environment(PYTHONPATH=str(ROOT))
    return statistics.median(float(subprocess.run(command, capture_output=True, text=True, check=True, env=env).stdout) for _ in range(9))


def _afterwards(table: Table, options: argparse.Namespace) -> None:
    """One podtui that stays open: idle, with a dialog, with keys, under churn."""
    session = Measured(podtui("-A"), options.kubeconfig)
    try:
        session.wait_for(LIVE, 120)
        session.settle(1.5)
        idle = session.watch(options.seconds)
        calm = session.latencies("jjkk", _KEYS)
        session.press("L")
        session.settle(1.5)
        dialog = session.watch(options.seconds)
        session.press("escape")
        session.settle(1.0)
        with churning(options.kubeconfig, options.churn):
            session.watch(5)
            busy = session.watch(15)
            pressed = session.latencies("jjkk", 100)
        memory = session.memory()
    finally:
        session.close()
    table.add("idle: CPU, written to the terminal", podtui=[Figure(idle[0], "%", 2), Figure(idle[1], "B/s", 0)])
    table.add("idle, a dialog open: CPU, written", podtui=[Figure(dialog[0], "%", 2), Figure(dialog[1], "B/s", 0)])
    for title, found in (("calm", calm), (f"at {options.churn} changes/s", pressed)):
        shown = [Figure(value, "ms") for value in (percentile(found, 0.5), percentile(found, 0.99), found[-1])]
        table.add(f"key to paint, {title}: median, 99th percentile, maximum", podtui=shown)
    table.add(f"{options.churn} changes/s: CPU, written", podtui=[Figure(busy[0], "%"), Figure(busy[1] / 1000, "KB/s")])
    table.add("memory after the changes", podtui=Figure(memory, "MB", 0))


def _k9s_idle(table: Table, options: argparse.Namespace) -> None:
    session = Measured([options.k9s, "-A", "--headless"], options.kubeconfig)
    try:
        session.wait_for("Running", 120)
        session.watch(5)
        idle = session.watch(options.seconds)
        calm = session.latencies("jjkk", _KEYS)
    finally:
        session.close()
    rows = {row.title: row for row in table.rows}
    rows["idle: CPU, written to the terminal"].cells[_K9S] = [Figure(idle[0], "%", 0), Figure(idle[1], "B/s", 0)]
    shown = [Figure(value, "ms") for value in (percentile(calm, 0.5), percentile(calm, 0.99), calm[-1])]
    rows["key to paint, calm: median, 99th percentile, maximum"].cells[_K9S] = shown
