"""podtui with a watch on its event loop: how long each callback held it.

    python -m tests.benchmarks.watched FILE ARGUMENTS OF PODTUI...

At the end FILE has a line for each callback of more than 5 ms: when it began (CLOCK_MONOTONIC, seconds), how long it took, and how
much of that was the CPU time of the thread: on a busy machine the rest is time that other programs had.
"""

from __future__ import annotations

import asyncio
import atexit
import sys
import time
from pathlib import Path

from podtui.cli.main import main as podtui

_LEAST = 0.005  # seconds


def watch(path: Path) -> None:
    """Write to `path`, when the program ends, what held any event loop."""
    run = asyncio.Handle._run
    held: list[tuple[float, float, float]] = []

    def timed(self: asyncio.Handle) -> None:
        began, cpu = time.monotonic(), time.thread_time()
        run(self)
        took = time.monotonic() - began
        if took > _LEAST:
            held.append((began, took, time.thread_time() - cpu))

    asyncio.Handle._run = timed  # type: ignore[method-assign]
    atexit.register(lambda: path.write_text("".join(f"{began} {took} {cpu}\n" for began, took, cpu in held)))


if __name__ == "__main__":
    watch(Path(sys.argv[1]))
    sys.argv[:2] = ["podtui"]
    sys.exit(podtui())
