"""The built-in cluster with three pods whose logs come as fast as a benchmark wants them.

    python -m tests.benchmarks.log_source --lines N --folder FOLDER

Prints the path of its kubeconfig and serves until standard input ends. Namespace `bench`: pod `flood` has N numbered lines, as fast
as they are taken; `steady` writes 1,000 a second; `long` has lines of 1 MiB. A `last` at its end says that a flood is over.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections.abc import AsyncGenerator, Mapping
from pathlib import Path

from podtui.demo.kubelet.kubelet import Kubelet
from podtui.demo.kubelet.pod_logs import stamp
from podtui.demo.scenarios import loading
from podtui.demo.server import DemoServer

SCENARIO = """\
title: Logs for a benchmark
nodes: [{name: node-1}]
objects:
  - {apiVersion: v1, kind: Namespace, metadata: {name: bench}}
  - {apiVersion: v1, kind: Pod, metadata: {name: flood, namespace: bench}, spec: {containers: [{name: app, image: x}]}}
  - {apiVersion: v1, kind: Pod, metadata: {name: long, namespace: bench}, spec: {containers: [{name: app, image: x}]}}
  - {apiVersion: v1, kind: Pod, metadata: {name: steady, namespace: bench}, spec: {containers: [{name: app, image: x}]}}
"""
RATE = 1000  # lines a second
_CHUNK = 1000  # lines
BODY = b" INFO request served path=/items/17 status=200 duration=12.5ms user=anna bytes=4711 upstream=10.64.2.19:8080 id="


async def _nothing() -> AsyncGenerator[bytes, None]:
    """What there is before anybody follows."""
    if False:
        yield b""


def _template(times: bool) -> bytes:
    """Numbered lines, with a zero byte in place of the time's beginning (up to the microsecond), and a one in that of the thousands."""
    return b"".join(
        b"%s\x01%03d%s%08x\n" % (b"\x00%03dZ " % number if times else b"", number, BODY, number * 2654435761 % 2**32)
        for number in range(_CHUNK)
    )


async def _flood(count: int, times: bool) -> AsyncGenerator[bytes, None]:
    """Cheaper to make than to send, so that who reads is the limit."""
    template = _template(times)
    for thousand, start in enumerate(range(0, count, _CHUNK)):
        chunk = template.replace(b"\x01", b"%05d" % thousand).replace(b"\x00", stamp(time.time_ns())[:26])
        if count - start < _CHUNK:
            chunk = b"".join(chunk.splitlines(keepends=True)[: count - start])
        yield chunk
    yield (stamp(time.time_ns()) + b" " if times else b"") + b"last\n"
    await asyncio.Event().wait()


async def _steady(times: bool) -> AsyncGenerator[bytes, None]:
    began, written = time.monotonic(), 0
    while True:
        await asyncio.sleep(0.02)
        due = int((time.monotonic() - began) * RATE) - written
        head = stamp(time.time_ns()) + b" " if times else b""
        yield b"".join(b"%s%08d%s%08x\n" % (head, written + n, BODY, n) for n in range(due))
        written += due


async def _long(times: bool) -> AsyncGenerator[bytes, None]:
    for number in range(20):
        yield (stamp(time.time_ns()) + b" " if times else b"") + b"%d " % number + b"x" * (1 << 20) + b"\n"
    yield (stamp(time.time_ns()) + b" " if times else b"") + b"last\n"
    await asyncio.Event().wait()


def serve(lines: int, folder: Path) -> DemoServer:
    """The server, not yet started."""

    def log(self: Kubelet, namespace: str, pod: str, query: Mapping[str, str]) -> AsyncGenerator[bytes, None]:
        times = query.get("timestamps") == "true"
        if query.get("follow") != "true":
            return _nothing()
        return _flood(lines, times) if pod == "flood" else _long(times) if pod == "long" else _steady(times)

    Kubelet.log = log  # type: ignore[method-assign]
    path = folder / "bench.yaml"
    path.write_text(SCENARIO)
    return DemoServer(loading.load(str(path)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lines", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path, required=True, help="for its files")
    options = parser.parse_args()
    with serve(options.lines, options.folder) as server:
        print(server.kubeconfig, flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
