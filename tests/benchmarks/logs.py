"""podtui's logs beside `kubectl logs -f` (and stern and k9s) on one API server in one run.

    python -m tests.benchmarks logs [--lines 1000000] [--kubectl PATH] [--stern PATH] [--k9s PATH] [--repeat 3]
    python -m tests.benchmarks.logs --quick

The server is the built-in one with pods that write as fast as one reads (log_source.py): it costs every program the same. podtui and
k9s run on a pseudo-terminal of 120x36, kubectl and stern write into a pipe that is read as fast as it can be. `--quick` is what a check
has time for: it fails when lines are missing or memory is beyond the buffer. With `--kubeconfig FILE --node NAME` a busybox on a real
node is followed too, beside kubectl.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from tests.benchmarks.figures import PODTUI, Figure, Table, environment, median
from tests.benchmarks.log_source import RATE
from tests.benchmarks.measured import ROOT, Measured, cpu_of, memory_of

LIMIT = 1800.0  # seconds that any one measurement may take
BUFFER = 64  # MiB that podtui keeps by default
_SIZE = (120, 36)
_QUICK = 200_000  # lines
_KUBECTL, _STERN, _K9S = "kubectl", "stern", "k9s"


class Figures(NamedTuple):
    """Seconds until the last line, CPU seconds, MB afterwards, bytes to the terminal, the longest stall in ms: wall, CPU."""

    seconds: float
    cpu: float
    memory: float
    written: int
    stall: tuple[float, float] = (0.0, 0.0)


@contextmanager
def source(lines: int, folder: Path) -> Iterator[str]:
    """The server in a process of its own; the path of its kubeconfig."""
    command = [sys.executable, "-m", "tests.benchmarks.log_source", "--lines", str(lines), "--folder", str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdin is not None and process.stdout is not None
        try:
            kubeconfig = process.stdout.readline().strip()
            if not kubeconfig:
                raise SystemExit("the server did not start")
            yield kubeconfig
        finally:
            process.stdin.close()


def podtui(kubeconfig: str, folder: Path, pod: str, namespace: str = "bench") -> tuple[Measured, Path]:
    """podtui with the pod under the cursor."""
    stalls = folder / f"stalls-{secrets.token_hex(4)}"
    command = [sys.executable, "-m", "tests.benchmarks.watched", str(stalls), "-n", namespace]
    session = Measured(command, kubeconfig, _SIZE, folder)
    session.wait_for(rf"{pod} +1/1 +Running", 120)
    session.press("/")
    session.type(pod)
    session.press("enter")
    session.wait_for(rf"1 of \d+|1/\d+ pods|{pod} +1/1", 30)
    session.settle(1.0)
    return session, stalls


def longest(stalls: Path, since: float, until: float) -> tuple[float, float]:
    """Of the callbacks in this time the longest, in milliseconds: by the clock, and by the thread's CPU time."""
    held = [tuple(map(float, line.split())) for line in stalls.read_text().splitlines()]
    within = [(took, cpu) for began, took, cpu in held if since <= began <= until]
    return max((took for took, _ in within), default=0.0) * 1000, max((cpu for _, cpu in within), default=0.0) * 1000


def flood(kubeconfig: str, folder: Path, lines: int) -> Figures:
    """podtui takes in everything and shows the last line: this server's tail is the whole log."""
    session, stalls = podtui(kubeconfig, folder, "flood")
    before, written, began = session.cpu(), session.written, time.monotonic()
    session.press("l")
    session.wait_for(r"│?\s*last\s*[│█]?$", LIMIT)
    seconds = session.last - began
    figures = Figures(seconds, session.cpu() - before, session.memory(), session.written - written)
    session.settle(1.0, 5)  # the foot is painted after the lines
    shown = re.search(r"([\d,]+) lines?(?: \(([\d,]+) older ones dropped\))?", session.text)
    count = sum(int(number.replace(",", "")) for number in (shown.groups() if shown else ()) if number)
    if count != lines + 1:
        raise SystemExit(f"{lines + 1:,} lines were written, podtui has or dropped {count:,}:\n{session.framed()}")
    session.press("ctrl+c")
    session.wait_exit(30)
    session.close()
    return figures._replace(stall=longest(stalls, began, began + seconds))


def steady(kubeconfig: str, folder: Path, seconds: float) -> tuple[float, float, tuple[float, float]]:
    """CPU in percent and bytes a second to the terminal while 1,000 lines a second are followed, and the longest stall."""
    session, stalls = podtui(kubeconfig, folder, "steady")
    session.press("l")
    session.wait_for("following|reading", 30)
    session.watch(3)
    began = time.monotonic()
    cpu, written = session.watch(seconds)
    session.press("ctrl+c")
    session.wait_exit(30)
    session.close()
    return cpu, written, longest(stalls, began, began + seconds)


def long_lines(kubeconfig: str, folder: Path) -> Figures:
    """20 lines of 1 MiB, wrapped and searched."""
    session, stalls = podtui(kubeconfig, folder, "long")
    began = time.monotonic()
    session.press("l")
    session.wait_for(r"last\s*[│█]?$", 120)
    for key in ("w", "pageup", "pageup", "w", "/", "x", "enter", "n", "G"):
        session.press(key)
        session.settle(0.3, 5)
    figures = Figures(time.monotonic() - began, session.cpu(), session.memory(), session.written)
    session.press("ctrl+c")
    session.wait_exit(30)
    session.close()
    return figures._replace(stall=longest(stalls, began, began + figures.seconds))


def piped(command: list[str], kubeconfig: str, end: bytes = b"last\n") -> Figures:
    """A program that writes lines: into a pipe that is read at once, until the last line is there."""
    began = time.monotonic()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment(KUBECONFIG=kubeconfig)) as process:
        assert process.stdout is not None
        count, tail = 0, b""
        while not tail.endswith(end):
            data = os.read(process.stdout.fileno(), 1 << 20)
            if not data:
                raise SystemExit(f"{command[0]} ended early")
            count += len(data)
            tail = (tail + data)[-len(end) :]
        seconds = time.monotonic() - began
        cpu, memory = cpu_of([process.pid]), memory_of([process.pid])
        process.kill()
    return Figures(seconds, cpu, memory, count)


def followed(command: list[str], kubeconfig: str, seconds: float) -> tuple[float, float]:
    """CPU in percent and bytes a second of a program that writes lines."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment(KUBECONFIG=kubeconfig)) as process:
        assert process.stdout is not None
        os.read(process.stdout.fileno(), 1)
        before, count, began = cpu_of([process.pid]), 0, time.monotonic()
        while time.monotonic() - began < seconds:
            count += len(os.read(process.stdout.fileno(), 1 << 20))
        cpu = (cpu_of([process.pid]) - before) / seconds * 100
        process.kill()
    return cpu, count / seconds


def k9s_steady(k9s: str, kubeconfig: str, folder: Path, seconds: float) -> str:
    """CPU in percent, KB a second to the terminal, and MB of k9s while it follows 1,000 lines a second.

    It paints when no line has come for a moment (0.50.16): at this rate it may show none, which the words then say.
    """
    session = Measured([k9s, "-n", "bench", "--headless", "-c", "pods"], kubeconfig, _SIZE, folder)
    session.wait_for("steady", 60)
    session.press("/")
    session.type("steady")
    session.press("enter")
    session.settle(1.0)
    session.press("l")
    session.wait_for("Waiting for logs|request served", 60)
    session.watch(3)
    cpu, written = session.watch(seconds)
    memory = session.memory()
    shows = session.shows("request served")
    session.close()
    return f"{cpu:.0f} %, {written / 1000:.0f} ({memory:.0f} MB)" + ("" if shows else "; shows no line")


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--lines", type=int, default=1_000_000, help="log lines of the flood")


def measure(options: argparse.Namespace) -> list[Table]:
    """The built-in cluster's floods; with a node, a chatty container on it too."""
    with tempfile.TemporaryDirectory() as folder:
        tables = [_built_in(options, Path(folder))]
        if options.kubeconfig and options.node:
            tables.append(_real(options, Path(folder)))
    return tables


def _speed(lines: int, taken: list[Figures]) -> Figure:
    return median((lines / one.seconds for one in taken), "", 0)


def _built_in(options: argparse.Namespace, folder: Path) -> Table:
    """Everything on the server that writes as fast as one reads."""
    lines, seconds = options.lines, 5 if options.lines <= _QUICK else 30
    table = Table(f"logs, {lines:,} lines", [PODTUI, _KUBECTL, _STERN, _K9S])
    with source(lines, folder) as kubeconfig:
        flag = f"--kubeconfig={kubeconfig}"
        commands = {
            _KUBECTL: [options.kubectl, flag, "logs", "-f", "-n", "bench"],
            _STERN: [options.stern, flag, "-n", "bench", "--color", "never"],
        }
        others = {name: command for name, command in commands.items() if command[0]}
        taken: dict[str, list[Figures]] = {PODTUI: [], **{name: [] for name in others}}
        for _ in range(options.repeat):  # in turns, since the machine's pace changes
            taken[PODTUI].append(flood(kubeconfig, folder, lines))
            for name, command in others.items():
                taken[name].append(piped([*command, "flood"], kubeconfig))
        ours = steady(kubeconfig, folder, seconds)
        calm = {
            name: followed([*command, "steady", *(["--tail=1"] if name == _KUBECTL else [])], kubeconfig, seconds)
            for name, command in others.items()
        }
        k9s = k9s_steady(options.k9s, kubeconfig, folder, seconds) if options.k9s else None
        huge = long_lines(kubeconfig, folder)

    def stall(longest: tuple[float, float]) -> list[Figure]:
        return [Figure(longest[0], "ms", 0), Figure(longest[1], "ms", 0)]

    table.add("lines a second taken in", **{name: _speed(lines, each) for name, each in taken.items()})
    table.add("CPU for 1 million lines", **{name: median((one.cpu / lines * 1e6 for one in each), "s", 2) for name, each in taken.items()})
    table.add("memory afterwards", **{name: median((one.memory for one in each), "MB", 0) for name, each in taken.items()})
    table.add("written for them", **{name: median((one.written / 1e6 for one in each), "MB", 2) for name, each in taken.items()})
    table.add("longest stall of the screen meanwhile; its CPU time", podtui=stall(max(one.stall for one in taken[PODTUI])))
    shown = {name: [Figure(cpu, "%"), Figure(written / 1000, "KB/s")] for name, (cpu, written) in calm.items()}
    table.add(f"following {RATE:,} lines/s: CPU, written", podtui=[Figure(ours[0], "%"), Figure(ours[1] / 1000, "KB/s")], k9s=k9s, **shown)
    table.add("the same: longest stall; its CPU time", podtui=stall(ours[2]))
    table.add("20 lines of 1 MiB, wrapped and searched: longest stall; its CPU time", podtui=stall(huge.stall))
    most = 2.5 * BUFFER * 1.048576 + 60  # the buffer in the allocator's pages, and the program itself
    worst = max(one.memory for one in taken[PODTUI])
    if worst > most:
        raise SystemExit(f"podtui has {worst:.0f} MB with a buffer of {BUFFER} MiB: more than {most:.0f}")
    return table


def _real(options: argparse.Namespace, folder: Path) -> Table:
    """A chatty busybox on a real node: what the kubelet gives is the limit."""
    kubectl = [options.kubectl, f"--kubeconfig={options.kubeconfig}"]
    name = f"bench-logs-{secrets.token_hex(3)}"
    subprocess.run([*kubectl, "create", "namespace", name], check=True, stdout=subprocess.DEVNULL)
    try:
        script = f"sleep 5; seq -f 'line %.0f {'x' * 100}' 1 {options.lines}; echo last; sleep 3600"
        node = json.dumps({"spec": {"nodeName": options.node}})
        run = ["run", "flood", "-n", name, "--image=busybox", f"--overrides={node}", "--restart=Never", "--", "sh", "-c", script]
        subprocess.run([*kubectl, *run], check=True, stdout=subprocess.DEVNULL)
        ready = ["wait", "-n", name, "--for=condition=Ready", "pod/flood", "--timeout=120s"]
        subprocess.run([*kubectl, *ready], check=True, stdout=subprocess.DEVNULL)
        session, stalls = podtui(options.kubeconfig, folder, "flood", name)
        began = time.monotonic()
        session.press("l")
        session.wait_for(r"last\s*[│█]?$", LIMIT)
        seconds, memory, written = session.last - began, session.memory(), session.written
        session.close()
        theirs = piped([*kubectl, "logs", "-f", "-n", name, "flood"], options.kubeconfig)
        stall = longest(stalls, began, began + seconds)
    finally:
        subprocess.run([*kubectl, "delete", "namespace", name, "--wait=false"], check=False, stdout=subprocess.DEVNULL)
    table = Table(f"logs of a real node, {options.lines:,} lines", [PODTUI, _KUBECTL])
    table.add(
        "until the last line: while it is written; afterwards, whole", podtui=Figure(seconds, "s"), kubectl=Figure(theirs.seconds, "s")
    )
    table.add("memory", podtui=Figure(memory, "MB", 0), kubectl=Figure(theirs.memory, "MB", 0))
    table.add("written", podtui=Figure(written / 1e6, "MB", 2), kubectl=Figure(theirs.written / 1e6, "MB", 0))
    table.add("longest stall; its CPU time", podtui=[Figure(stall[0], "ms", 0), Figure(stall[1], "ms", 0)])
    return table


def main() -> None:
    """The check: podtui alone, once."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", required=True, help=f"{_QUICK:,} lines, once, podtui alone")
    parser.parse_args()
    options = argparse.Namespace(lines=_QUICK, repeat=1, kubectl="", stern="", k9s="", kubeconfig=None, node="")
    for table in measure(options):
        print(table.markdown())


if __name__ == "__main__":
    main()
