"""podtui over a thin link, as a bastion host is reached: 64 KB/s and a round trip of 150 ms, metered between pseudo-terminal and eye.

    python -m tests.benchmarks link --kubeconfig FILE [--churn 200]

Times are those at the far end, of the user. A key is answered when what it changed has arrived there.
"""

from __future__ import annotations

import argparse
import os
import select
import time
from collections import deque
from collections.abc import Sequence

from tests.benchmarks.churn import churning
from tests.benchmarks.figures import PODTUI, Figure, Table, median, percentile
from tests.benchmarks.live_list import LIVE
from tests.benchmarks.measured import Measured, podtui

RATE = 64_000.0  # bytes a second towards the user
ROUND_TRIP = 0.15  # seconds
_PACKET = 1400  # bytes
_KEYS = 40


class Linked(Measured):
    """A program behind such a link. What the link cannot take yet stays in the pseudo-terminal, which is full at 4 KiB."""

    def __init__(self, command: Sequence[str], kubeconfig: str, size: tuple[int, int]) -> None:
        self._outgoing: deque[tuple[float, bytes]] = deque()
        self._incoming: deque[tuple[float, bytes]] = deque()
        self._cursor = ("", False)
        self._free = 0.0  # when the link has sent what it was given
        super().__init__(command, kubeconfig, size)

    def write(self, data: bytes) -> None:
        self._outgoing.append((time.monotonic() + ROUND_TRIP / 2, data))

    def _read(self, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while True:
            now = time.monotonic()
            while self._outgoing and self._outgoing[0][0] <= now:
                os.write(self._master, self._outgoing.popleft()[1])
            if self._incoming and self._incoming[0][0] <= now:
                data = self._incoming.popleft()[1]
                self.raw += data
                self._interpret(self._decoder.decode(data))
                return True
            if now >= deadline:
                return False
            due = [deadline, *(queue[0][0] for queue in (self._outgoing, self._incoming) if queue)]
            if now < self._free:
                time.sleep(max(0.0, min(*due, self._free) - now))
            elif select.select([self._master], [], [], max(0.0, min(due) - now))[0]:
                data = os.read(self._master, _PACKET)
                self._free = max(time.monotonic(), self._free) + len(data) / RATE
                self._incoming.append((self._free + ROUND_TRIP / 2, data))

    def learn_cursor(self) -> None:
        """Find out what ground the list's cursor has: `j` moves it by a line."""
        before = self._grounds()
        self.write(b"j")
        self.settle(1.0)
        changed = [line for line, ground in enumerate(self._grounds()) if ground != before[line]]
        if len(changed) != 2 or changed[1] != changed[0] + 1:
            raise SystemExit(f"j changed the ground of the lines {changed}, not of two:\n{self.framed()}")
        self._cursor = self._grounds()[changed[1]]

    def answered(self, key: str) -> float:
        """Milliseconds from a key to the screen, at the user's end, on which the cursor has moved."""
        before, sent = self._cursor_lines(), time.monotonic()
        self.write(key.encode())
        self.wait_until(lambda: self._cursor_lines() not in (before, []), f"{key} did nothing", 20)
        return (self.last - sent) * 1000

    def _cursor_lines(self) -> list[int]:
        return [line for line, ground in enumerate(self._grounds()) if ground == self._cursor]

    def _grounds(self) -> list[tuple[str, bool]]:
        """The background of each line in the middle of the screen, and whether it is reversed."""
        cells = [self.screen.buffer[line][self.screen.columns // 2] for line in range(self.screen.lines)]
        return [(cell.bg, cell.reverse) for cell in cells]


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--churn", type=int, default=200, help="label changes a second")


def measure(options: argparse.Namespace) -> list[Table]:
    """Raises ScreenTimeout when podtui does not come to show its list."""
    table = Table(f"a link of {RATE / 1000:.0f} KB/s and {ROUND_TRIP * 1000:.0f} ms, terminal of 120x36", [PODTUI])
    starts = []
    for _ in range(options.repeat):
        session = Linked(podtui("-A"), options.kubeconfig, (120, 36))
        starts.append((session.seconds_until(r"\d/\d +(Running|\S+ing)"), session.written))
        session.close()
    session = Linked(podtui("-A"), options.kubeconfig, (120, 36))
    session.wait_for(LIVE, 120)
    session.settle(2.0)
    session.learn_cursor()
    calm = sorted(session.answered("jk"[number % 2]) for number in range(_KEYS))
    with churning(options.kubeconfig, options.churn):
        session.watch(3)
        _, written = session.watch(15)
        busy = sorted(session.answered("jk"[number % 2]) for number in range(_KEYS))
    session.close()
    table.add(
        "until the first rows; bytes for them",
        podtui=[median((first for first, _ in starts), "s", 2), median((sent / 1000 for _, sent in starts), "KB")],
    )
    for title, pressed in (("calm", calm), (f"at {options.churn} changes/s", busy)):
        table.add(
            f"key to its answer, {title}: median, 90th percentile",
            podtui=[Figure(percentile(pressed, 0.5), "ms", 0), Figure(percentile(pressed, 0.9), "ms", 0)],
        )
    table.add(f"{options.churn} changes/s: written", podtui=Figure(written / 1000, "KB/s"))
    return [table]
