"""podtui's logs beside `kubectl logs -f` (and stern and k9s) on one API server in one run.

    python -m tests.benchmarks.logs [--lines 1000000 | --full | --quick] [--kubectl PATH] [--stern PATH] [--k9s PATH] [--repeat 3]

The server is the built-in one with pods that write as fast as one reads (log_source.py): it costs every program the same. podtui and
k9s run on a pseudo-terminal of 120x36, kubectl and stern write into a pipe that is read as fast as it can be. `--full` is 10,000,000
lines, `--quick` what a check has time for: it fails when lines are missing or memory is beyond the buffer. Prints a table in Markdown.
With `--kubeconfig FILE --node NAME` podtui follows a busybox on a real node for a minute instead, beside kubectl.
"""

from __future__ import annotations

import argparse
import os
import re
import secrets
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from tests.benchmarks.live_list import PAGE, TICKS, Measured
from tests.benchmarks.log_source import RATE

LIMIT = 1800.0  # seconds that any one measurement may take
BUFFER = 64  # MiB that podtui keeps by default
ROOT = Path(__file__).parents[2]
Row = tuple[str, ...]


class Figures(NamedTuple):
    """Seconds until the last line, CPU seconds, MB afterwards, bytes to the terminal, the longest stall in ms: wall, CPU."""

    seconds: float
    cpu: float
    memory: float
    written: int
    stall: tuple[float, float] | None = None


class Terminal(Measured):
    """A program on a terminal of 120x36."""

    def __init__(self, command: list[str], kubeconfig: str, home: Path) -> None:
        self._home = home
        self.started = self.last = time.monotonic()
        foreign = ("KUBE", "XDG_", "TEXTUAL", "NO_COLOR", "PODTUI", "TMUX")
        clean = {key: value for key, value in os.environ.items() if not key.startswith(foreign)}
        env = {**clean, "HOME": str(home), "KUBECONFIG": kubeconfig, "TERM": "xterm-256color", "COLORTERM": "truecolor", "LANG": "C.UTF-8"}
        super(Measured, self).__init__(command, columns=120, lines=36, env={**env, "PYTHONPATH": str(ROOT)})


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


def podtui(kubeconfig: str, folder: Path, pod: str, namespace: str = "bench") -> tuple[Terminal, Path]:
    """podtui with the pod under the cursor."""
    stalls = folder / f"stalls-{secrets.token_hex(4)}"
    command = [sys.executable, "-m", "tests.benchmarks.watched", str(stalls), "-n", namespace]
    session = Terminal(command, kubeconfig, folder)
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
    session.settle(1.0, 5)  # the foot is painted behind the lines
    shown = re.search(r"([\d,]+) lines?(?: \(([\d,]+) older ones dropped\))?", session.text)
    count = sum(int(number.replace(",", "")) for number in (shown.groups() if shown else ()) if number)
    if count != lines + 1:
        raise SystemExit(f"{lines + 1:,} lines were written, podtui has or dropped {count:,}:\n{session.framed()}")
    session.press("q")
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
    session.press("q")
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
    session.press("q")
    session.wait_exit(30)
    session.close()
    return figures._replace(stall=longest(stalls, began, began + figures.seconds))


def piped(command: list[str], kubeconfig: str, end: bytes = b"last\n") -> Figures:
    """A program that writes lines: into a pipe that is read at once, until the last line is there."""
    began = time.monotonic()
    env = {**os.environ, "KUBECONFIG": kubeconfig}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=env) as process:
        assert process.stdout is not None
        count, tail = 0, b""
        while not tail.endswith(end):
            data = os.read(process.stdout.fileno(), 1 << 20)
            if not data:
                raise SystemExit(f"{command[0]} ended early")
            count += len(data)
            tail = (tail + data)[-len(end) :]
        seconds = time.monotonic() - began
        fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
        memory = int(Path(f"/proc/{process.pid}/statm").read_text().split()[1]) * PAGE / 1e6
        process.kill()
    return Figures(seconds, (int(fields[11]) + int(fields[12])) / TICKS, memory, count)


def followed(command: list[str], kubeconfig: str, seconds: float) -> tuple[float, float]:
    """CPU in percent and bytes a second of a program that writes lines."""
    env = {**os.environ, "KUBECONFIG": kubeconfig}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=env) as process:
        assert process.stdout is not None
        os.read(process.stdout.fileno(), 1)

        def spent() -> float:
            fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
            return (int(fields[11]) + int(fields[12])) / TICKS

        before, count, began = spent(), 0, time.monotonic()
        while time.monotonic() - began < seconds:
            count += len(os.read(process.stdout.fileno(), 1 << 20))
        cpu = (spent() - before) / seconds * 100
        process.kill()
    return cpu, count / seconds


def k9s_steady(k9s: str, kubeconfig: str, folder: Path, seconds: float) -> str:
    """CPU in percent, KB a second to the terminal, and MB of k9s while it follows 1,000 lines a second.

    It paints when no line has come for a moment (0.50.16): at this rate it may show none, which the words then say.
    """
    session = Terminal([k9s, "-n", "bench", "--headless", "-c", "pods"], kubeconfig, folder)
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


def report(rows: list[Row], titles: Row) -> None:
    print(f"\n| {' | '.join(titles)} |\n|{'---|' * len(titles)}")
    for row in rows:
        print("| " + " | ".join(row) + " |")


def built_in(options: argparse.Namespace, folder: Path) -> None:
    """Everything on the server that writes as fast as one reads."""
    lines = options.lines
    seconds = 5 if options.quick else 30
    with source(lines, folder) as kubeconfig:
        flag = f"--kubeconfig={kubeconfig}"
        kubectl = [options.kubectl, flag, "logs", "-f", "-n", "bench"] if options.kubectl else []
        ours = [flood(kubeconfig, folder, lines) for _ in range(options.repeat)]
        theirs = [piped([*kubectl, "flood"], kubeconfig) for _ in range(options.repeat)] if kubectl else []
        stern = [options.stern, flag, "-n", "bench", "--color", "never"] if options.stern else []
        sterns = [piped([*stern, "flood"], kubeconfig) for _ in range(options.repeat)] if stern else []
        calm = steady(kubeconfig, folder, seconds)
        calm_kubectl = followed([*kubectl, "steady", "--tail=1"], kubeconfig, seconds) if kubectl else None
        calm_stern = followed([*stern, "steady"], kubeconfig, seconds) if stern else None
        calm_k9s = k9s_steady(options.k9s, kubeconfig, folder, seconds) if options.k9s else ""
        huge = long_lines(kubeconfig, folder)

    def median(figures: list[Figures], name: str) -> float:
        return float(statistics.median(getattr(one, name) for one in figures))

    def speed(figures: list[Figures]) -> str:
        return f"{lines / median(figures, 'seconds'):,.0f}" if figures else ""

    def megabytes(figures: list[Figures]) -> str:
        return f"{median(figures, 'memory'):.0f} MB" if figures else ""

    stalls = [one.stall for one in ours if one.stall is not None]
    worst = max(took for took, _ in stalls), max(cpu for _, cpu in stalls)
    rows: list[Row] = [
        ("lines a second taken in", speed(ours), speed(theirs), speed(sterns), ""),
        (
            f"CPU for {lines:,} lines",
            f"{median(ours, 'cpu'):.1f} s",
            f"{median(theirs, 'cpu'):.1f} s" if theirs else "",
            f"{median(sterns, 'cpu'):.1f} s" if sterns else "",
            "",
        ),
        (f"memory after {lines:,} lines", megabytes(ours), megabytes(theirs), megabytes(sterns), ""),
        (
            "bytes written for them",
            f"{median(ours, 'written') / 1e6:.2f} MB",
            f"{median(theirs, 'written') / 1e6:.0f} MB" if theirs else "",
            f"{median(sterns, 'written') / 1e6:.0f} MB" if sterns else "",
            "",
        ),
        ("longest stall of the screen meanwhile (its CPU time)", f"{worst[0]:.0f} ms ({worst[1]:.0f} ms)", "", "", ""),
        (
            f"following {RATE:,} lines/s: CPU, KB/s written",
            f"{calm[0]:.0f} %, {calm[1] / 1000:.0f}",
            f"{calm_kubectl[0]:.0f} %, {calm_kubectl[1] / 1000:.0f}" if calm_kubectl else "",
            f"{calm_stern[0]:.0f} %, {calm_stern[1] / 1000:.0f}" if calm_stern else "",
            calm_k9s,
        ),
        ("the same: longest stall (its CPU time)", f"{calm[2][0]:.0f} ms ({calm[2][1]:.0f} ms)", "", "", ""),
        (
            "20 lines of 1 MiB, wrapped and searched: longest stall (its CPU time)",
            f"{huge.stall[0]:.0f} ms ({huge.stall[1]:.0f} ms)" if huge.stall else "",
            "",
            "",
            "",
        ),
    ]
    report(rows, (f"{lines:,} lines", "podtui", "kubectl logs -f", "stern", "k9s"))
    most = 2.5 * BUFFER * 1.048576 + 60  # the buffer in the allocator's pages, and the program itself
    if median(ours, "memory") > most:
        raise SystemExit(f"podtui has {median(ours, 'memory'):.0f} MB with a buffer of {BUFFER} MiB: more than {most:.0f}")


def real(options: argparse.Namespace, folder: Path) -> None:
    """A chatty busybox on a real node: what the kubelet gives is the limit."""
    kubectl = [options.kubectl, f"--kubeconfig={options.kubeconfig}"]
    name = f"bench-logs-{secrets.token_hex(3)}"
    spec = f'{{"spec":{{"nodeName":"{options.node}"}}}}' if options.node else "{}"
    subprocess.run([*kubectl, "create", "namespace", name], check=True, stdout=subprocess.DEVNULL)
    try:
        script = f"sleep 5; seq -f 'line %.0f {'x' * 100}' 1 {options.lines}; echo last; sleep 3600"
        run = ["run", "flood", "-n", name, "--image=busybox", f"--overrides={spec}", "--restart=Never", "--", "sh", "-c", script]
        subprocess.run([*kubectl, *run], check=True, stdout=subprocess.DEVNULL)
        ready = ["wait", "-n", name, "--for=condition=Ready", "pod/flood", "--timeout=120s"]
        subprocess.run([*kubectl, *ready], check=True, stdout=subprocess.DEVNULL)
        session, stalls = podtui(options.kubeconfig, folder, "flood", name)
        began = time.monotonic()
        session.press("l")
        session.wait_for(r"last\s*[│█]?$", LIMIT)
        seconds = session.last - began
        memory, written = session.memory(), session.written
        session.press("q")
        session.wait_exit(30)
        session.close()
        theirs = piped([*kubectl, "logs", "-f", "-n", name, "flood"], options.kubeconfig)
        stall = longest(stalls, began, began + seconds)
        rows: list[Row] = [
            ("seconds until the last line, while it is written / afterwards, whole", f"{seconds:.1f}", f"{theirs.seconds:.1f}"),
            ("memory", f"{memory:.0f} MB", f"{theirs.memory:.0f} MB"),
            ("bytes written", f"{written / 1e6:.2f} MB", f"{theirs.written / 1e6:.0f} MB"),
            ("longest stall (its CPU time)", f"{stall[0]:.0f} ms ({stall[1]:.0f} ms)", ""),
        ]
        report(rows, (f"a real node, {options.lines:,} lines", "podtui", "kubectl logs -f"))
    finally:
        subprocess.run([*kubectl, "delete", "namespace", name, "--wait=false"], check=False, stdout=subprocess.DEVNULL)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lines", type=int, default=1_000_000)
    parser.add_argument("--full", action="store_true", help="10,000,000 lines")
    parser.add_argument("--quick", action="store_true", help="200,000 lines, once, podtui alone")
    parser.add_argument("--kubectl", default=os.environ.get("KUBECTL") or shutil.which("kubectl") or "")
    parser.add_argument("--stern", default=shutil.which("stern") or "")
    parser.add_argument("--k9s", default=shutil.which("k9s") or "")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--kubeconfig", help="a real cluster instead")
    parser.add_argument("--node", help="its node")
    options = parser.parse_args()
    if options.full:
        options.lines = 10_000_000
    if options.quick:
        options.lines, options.repeat, options.kubectl, options.stern, options.k9s = 200_000, 1, "", "", ""
    with tempfile.TemporaryDirectory() as folder:
        (real if options.kubeconfig else built_in)(options, Path(folder))


if __name__ == "__main__":
    main()
