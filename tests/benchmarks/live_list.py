"""podtui beside kubectl (and k9s) on one API server in one run: until rows are there, and what it costs afterwards.

    python -m tests.benchmarks.live_list --kubeconfig FILE [--k9s PATH] [--churn 200] [--repeat 3]

The cluster should hold about 10,000 pods. Each program runs on a pseudo-terminal of 200x50; figures are medians of the
repeats. Prints a table in Markdown. The pod whose changes are made must be free to change: they get a label `bench`.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import shutil
import statistics
import subprocess
import sys
import time
from multiprocessing import Process
from pathlib import Path

from podtui.cluster.connection.connection import Connection
from podtui.cluster.kubeconfig.contexts import Kubeconfig
from tests.terminal.pty_session import PtySession

SIZE = (200, 50)
TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")

LIVE = r"● live.* \d+ pods"  # while pages still come it says `loading`


class Measured(PtySession):
    """A program on a terminal, with the time of each piece it wrote."""

    def __init__(self, command: list[str], kubeconfig: str) -> None:
        self.started = self.last = time.monotonic()
        env = {**os.environ, "KUBECONFIG": kubeconfig, "TERM": "xterm-256color", "COLORTERM": "truecolor", "LANG": "C.UTF-8"}
        super().__init__(command, columns=SIZE[0], lines=SIZE[1], env=env)

    def _interpret(self, text: str) -> None:
        self.last = time.monotonic()
        super()._interpret(text)

    def seconds_until(self, pattern: str, limit: float = 120) -> float:
        """Seconds from the start to the write that made the screen match."""
        self.wait_for(pattern, limit)
        return self.last - self.started

    def cpu(self) -> float:
        """CPU seconds of the program and its children that are alive."""
        total = 0
        for pid in self.processes():
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            total += int(fields[11]) + int(fields[12])
        return total / TICKS

    def memory(self) -> float:
        """Resident MB of the program and its children."""
        return sum(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in self.processes()) * PAGE / 1e6

    def watch(self, seconds: float) -> tuple[float, float]:
        """CPU share in percent and bytes a second over a time in which nothing is pressed."""
        cpu, written, until = self.cpu(), self.written, time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            self._read(left)
        return (self.cpu() - cpu) / seconds * 100, (self.written - written) / seconds

    def latencies(self, keys: str, times: int) -> list[float]:
        """Milliseconds from a key to the first byte that is written after it, sorted."""
        found = []
        for number in range(times):
            while self._read(0.02):
                continue
            sent = time.monotonic()
            self.write(keys[number % len(keys)].encode())
            self._read(2)
            found.append((self.last - sent) * 1000)
        return sorted(found)


async def _change(kubeconfig: str, rate: int, seconds: float) -> None:
    """About `rate` label changes a second on pods of all namespaces."""
    connection = await Connection.open(Kubeconfig.load(kubeconfig).settings())
    listed = await connection.json(
        "GET", "/api/v1/pods", query=[("limit", "2000")], accept="application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"
    )
    paths = [f"/api/v1/namespaces/{item['metadata']['namespace']}/pods/{item['metadata']['name']}" for item in listed["items"]]
    started, made = time.monotonic(), 0

    async def one(number: int) -> None:
        body = {"metadata": {"labels": {"bench": str(number)}}}
        await connection.request("PATCH", paths[number % len(paths)], body=body, content_type="application/merge-patch+json")

    while time.monotonic() - started < seconds:
        due = int((time.monotonic() - started) * rate) - made
        await asyncio.gather(*(one(made + i) for i in range(due)))
        made += due
        await asyncio.sleep(0.02)
    await connection.close()


def change(kubeconfig: str, rate: int, seconds: float) -> None:
    asyncio.run(_change(kubeconfig, rate, seconds))


def start(program: list[str], kubeconfig: str, first: str, loaded: str) -> tuple[float, float, float, Measured]:
    """Seconds until the first row and until all rows, CPU seconds by then, and the program."""
    session = Measured(program, kubeconfig)
    row = session.seconds_until(first)
    every = session.seconds_until(loaded)
    return row, every, session.cpu(), session


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kubeconfig", required=True)
    parser.add_argument(
        "--kubectl", default=os.environ.get("KUBECTL") or shutil.which("kubectl") or str(Path.home() / ".cache/podtui-cluster/bin/kubectl")
    )
    parser.add_argument("--k9s", default=shutil.which("k9s"))
    parser.add_argument("--churn", type=int, default=200, help="label changes a second")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--namespace", default="team-01", help="a namespace of about 200 pods")
    options = parser.parse_args()
    podtui = str(Path(sys.executable).with_name("podtui"))
    kubectl = [options.kubectl, f"--kubeconfig={options.kubeconfig}"]
    count = len(
        subprocess.run([*kubectl, "get", "pods", "-A", "-o", "name"], capture_output=True, text=True, check=True).stdout.splitlines()
    )

    rows: list[tuple[str, ...]] = []
    takes: list[float] = []
    ours: list[tuple[float, float, float]] = []
    small: list[float] = []
    memory = 0.0
    for _ in range(options.repeat):
        began = time.monotonic()
        subprocess.run([*kubectl, "get", "pods", "-A"], stdout=subprocess.DEVNULL, check=True)
        takes.append(time.monotonic() - began)
        first, every, cpu, session = start([podtui, "-A"], options.kubeconfig, r"\d/\d +Running|\d/\d +\S+ing", LIVE)
        ours.append((first, every, cpu))
        memory = session.memory()
        session.close()
        one = Measured([podtui, "-n", options.namespace], options.kubeconfig)
        small.append(one.seconds_until(r"\d/\d +Running"))
        one.close()
    _, _, _, session = start([podtui, "-A"], options.kubeconfig, "Running", LIVE)
    session.settle(1.5)
    idle = session.watch(20)
    calm = session.latencies("jjkk", 60)
    churn = Process(target=change, args=(options.kubeconfig, options.churn, 40))
    churn.start()
    session.watch(5)
    busy = session.watch(15)
    pressed = session.latencies("jjkk", 100)
    churn.terminate()
    churn.join()
    later = session.memory()
    session.close()

    median = statistics.median
    rows += [
        ("first rows painted, all namespaces", f"{median(t[0] for t in ours):.2f} s", ""),
        ("all rows loaded and sorted", f"{median(t[1] for t in ours):.2f} s", f"{median(takes):.2f} s"),
        ("CPU until loaded", f"{median(t[2] for t in ours):.2f} s", ""),
        (f"first rows painted, one namespace ({options.namespace})", f"{median(small):.2f} s", ""),
        ("memory, all loaded / after the changes", f"{memory:.0f} / {later:.0f} MB", ""),
        ("idle: CPU, bytes/s to the terminal", f"{idle[0]:.1f} %, {idle[1]:.0f}", ""),
        ("key to paint, calm: median, p99", f"{median(calm):.1f}, {calm[int(len(calm) * 0.99)]:.1f} ms", ""),
        (f"{options.churn} changes/s: CPU, KB/s to the terminal", f"{busy[0]:.0f} %, {busy[1] / 1000:.1f}", ""),
        (f"{options.churn} changes/s: key to paint, median, p99", f"{median(pressed):.1f}, {pressed[int(len(pressed) * 0.99)]:.1f} ms", ""),
    ]
    if options.k9s:
        k9s = Measured([options.k9s, "-A", "--headless"], options.kubeconfig)
        try:
            first = k9s.seconds_until("Running")
            cpu_loaded = k9s.cpu()
            k9s.watch(5)
            told = k9s.watch(15)
            rows.append(
                (
                    "k9s: first rows, CPU, memory, idle",
                    f"{first:.2f} s, {cpu_loaded:.1f} s, {k9s.memory():.0f} MB, {told[0]:.0f} % {told[1]:.0f} B/s",
                    "",
                )
            )
        finally:
            k9s.close()
        k9s = Measured([options.k9s, "-n", options.namespace, "--headless"], options.kubeconfig)
        try:
            rows.append((f"k9s: first rows, one namespace ({options.namespace})", f"{k9s.seconds_until('Running'):.2f} s", ""))
        finally:
            k9s.close()
    print(f"\n| {count:,} pods | podtui | kubectl |\n|---|---|---|")
    for row in rows:
        print("| " + " | ".join(re.sub(r"\s+", " ", cell) for cell in row) + " |")


if __name__ == "__main__":
    main()
