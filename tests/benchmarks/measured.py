"""A program on a pseudo-terminal, with its costs: CPU time and memory from /proc, and the time of each piece that it wrote."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from tests.benchmarks.figures import environment
from tests.terminal.pty_session import PtySession

TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")
ROOT = Path(__file__).parents[2]


def podtui(*words: str) -> list[str]:
    """The command of podtui in this environment, as its user types it."""
    return [str(Path(sys.executable).with_name("podtui")), *words]


def cpu_of(pids: Sequence[int]) -> float:
    """CPU seconds of these processes. Those that ended are not counted."""
    total = 0
    for pid in pids:
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except FileNotFoundError:
            continue
        total += int(fields[11]) + int(fields[12])
    return total / TICKS


def memory_of(pids: Sequence[int]) -> float:
    """Resident MB of these processes."""
    total = 0
    for pid in pids:
        try:
            total += int(Path(f"/proc/{pid}/statm").read_text().split()[1])
        except FileNotFoundError:
            continue
    return total * PAGE / 1e6


class Measured(PtySession):
    """A program on a terminal of `size`, from its start."""

    def __init__(self, command: Sequence[str], kubeconfig: str, size: tuple[int, int] = (200, 50), home: Path | None = None) -> None:
        self.started = self.last = time.monotonic()
        homes = {"HOME": str(home)} if home is not None else {}
        env = environment(KUBECONFIG=kubeconfig, PYTHONPATH=str(ROOT), **homes)
        super().__init__(command, columns=size[0], lines=size[1], env=env)

    def _interpret(self, text: str) -> None:
        self.last = time.monotonic()
        super()._interpret(text)

    def seconds_until(self, pattern: str, limit: float = 120) -> float:
        """Seconds from the start to the write that made the screen match."""
        self.wait_for(pattern, limit)
        return self.last - self.started

    def cpu(self) -> float:
        """CPU seconds of the program and its children that are alive."""
        return cpu_of(self.processes())

    def memory(self) -> float:
        """Resident MB of the program and its children."""
        return memory_of(self.processes())

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
