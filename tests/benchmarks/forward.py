"""podtui's port-forwards beside `kubectl port-forward`, on one pod in one run; and how soon traffic goes on when its pod is replaced.

    python -m tests.benchmarks forward --kubeconfig FILE [--node NAME] [--image busybox] [--megabytes 256] [--repeat 3]

The node must run what a pod's command says (`sh`, `nc`, `httpd` of busybox). podtui is the whole program, on a pseudo-terminal, with saved
forwards that start by themselves. Everything stays on this machine: an API server elsewhere is refused. Figures are medians of the
repeats; the programs take turns. It makes a namespace of its own and deletes it.
"""

from __future__ import annotations

import argparse
import json
import re
import secrets
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from podtui.cluster.kubeconfig.contexts import Kubeconfig
from tests.benchmarks.figures import PODTUI, Figure, Table, median, percentile
from tests.benchmarks.measured import Measured, cpu_of
from tests.benchmarks.measured import podtui as command

MB = 1_000_000
LIMIT = 180.0  # seconds that any one measurement may take
STUCK = 30.0  # seconds without a byte after which one of many connections counts as failed
ECHO, SOURCE, SINK, WEB = 9000, 9001, 9002, 8080
AT_ONCE = 200
REQUESTS, CLIENTS = 400, 8
_KUBECTL = "kubectl"


def programs(size: int) -> str:
    """What the pod runs: an echo, `size` bytes for who connects, one who takes as many and says so, and a web server.

    The number of times that busybox's nc is told to listen is how many connections may wait for it to accept them.
    """
    return f"""
mkdir -p /tmp/www; hostname >/tmp/www/index.html
nc -{"l" * AT_ONCE} -p {ECHO} -e cat &
nc -ll -p {SOURCE} -e sh -c 'head -c {size} /dev/zero' &
nc -ll -p {SINK} -e sh -c 'head -c {size} >/dev/null; echo taken' &
exec httpd -f -p {WEB} -h /tmp/www
"""


def deployment(name: str, node: str, image: str, script: str) -> dict[str, Any]:
    container = {
        "name": "main",
        "image": image,
        "command": ["sh", "-c", script],
        "readinessProbe": {"tcpSocket": {"port": WEB}, "periodSeconds": 1},
    }
    pod = {"terminationGracePeriodSeconds": 1, "containers": [container], **({"nodeName": node} if node else {})}
    template = {"metadata": {"labels": {"app": name}}, "spec": pod}
    spec = {"replicas": 1, "selector": {"matchLabels": {"app": name}}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": spec}


# -- the forwarding programs ------------------------------------------------------------------------------------------
class Forwarder:
    """A program that forwards: `ports` has the local port for each of the pod's. `cpu()` is in seconds."""

    def __init__(self, name: str, ports: dict[int, int], processes: Callable[[], list[int]]) -> None:
        self.name = name
        self.ports = ports
        self._processes = processes

    def cpu(self) -> float:
        return cpu_of(self._processes())


def free_ports(count: int) -> list[int]:
    with ExitStack() as held:
        sockets = [held.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [each.getsockname()[1] for each in sockets]


@contextmanager
def podtui(kubeconfig: str, namespace: str, selector: str, ports: list[int]) -> Iterator[Forwarder]:
    """The whole program, on a terminal whose output is read all the time."""
    local = dict(zip(ports, free_ports(len(ports)), strict=True))
    saved = {"bench": {"selector": selector, "ports": [f"{mine}:{theirs}" for theirs, mine in local.items()], "start": True}}
    with tempfile.TemporaryDirectory() as home:
        config = Path(home, "config.yaml")
        config.write_text(json.dumps({"forwards": {"bench": {**saved["bench"], "namespace": namespace}}}))
        session = Measured(command("-n", namespace, "--config", str(config)), kubeconfig, (120, 36), Path(home))
        ended = threading.Event()

        def read() -> None:
            while not ended.is_set():
                session.settle(0.2, 1.0)

        try:
            session.wait_for(rf"\b{len(ports)} forwards?\b", 60)
            reader = threading.Thread(target=read)
            reader.start()
            try:
                for port in local.values():
                    wait_open(port)
                yield Forwarder("podtui", local, session.processes)
            finally:
                ended.set()
                reader.join()
        finally:
            session.close()


@contextmanager
def kubectl_forward(kubectl: list[str], namespace: str, target: str, ports: list[int]) -> Iterator[Forwarder]:
    words = [*kubectl, "port-forward", "-n", namespace, "--address", "127.0.0.1", target, *(f":{port}" for port in ports)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            assert process.stdout is not None
            local: dict[int, int] = {}
            while len(local) < len(ports):
                line = process.stdout.readline()
                if not line:
                    raise SystemExit(f"kubectl port-forward ended with {process.wait()}")
                if found := re.match(r"Forwarding from 127\.0\.0\.1:(\d+) -> (\d+)", line):
                    local[int(found[2])] = int(found[1])
            drain = threading.Thread(target=process.stdout.read, daemon=True)  # it tells of every connection
            drain.start()
            yield Forwarder("kubectl", local, lambda: [process.pid] if process.poll() is None else [])
        finally:
            process.terminate()
            process.wait(30)


def connect(port: int) -> socket.socket:
    made = socket.create_connection(("127.0.0.1", port), timeout=LIMIT)
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return made


def wait_open(port: int) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            return connect(port).close()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


# -- what is measured: seconds each -----------------------------------------------------------------------------------
def download(port: int, size: int) -> None:
    buffer = bytearray(1 << 20)
    with connect(port) as made:
        got = 0
        while got < size:
            count = made.recv_into(buffer)
            if not count:
                raise SystemExit(f"the download ended after {got} of {size} bytes")
            got += count


def upload(port: int, size: int) -> None:
    block = bytes(1 << 20)
    with connect(port) as made:
        left = size
        while left:
            left -= made.send(memoryview(block)[: min(left, len(block))])
        answer = made.recv(100)
        if answer != b"taken\n":
            raise SystemExit(f"the upload was answered with {answer!r}")


def get(port: int) -> str:
    """The page, which is the pod's name. Not read to the connection's end: containerd takes a second to tell of it."""
    with connect(port) as made:
        made.sendall(b"GET / HTTP/1.0\r\n\r\n")
        answer = b""
        while not (length := re.search(rb"(?i)content-length: *(\d+).*?\r\n\r\n", answer, re.DOTALL)) or (
            len(answer) < length.end() + int(length[1])
        ):
            chunk = made.recv(65536)
            if not chunk:
                raise OSError(f"the web server's answer ended after {len(answer)} bytes")
            answer += chunk
    if b" 200 " not in answer.split(b"\r\n")[0]:
        raise OSError(f"the web server answered {answer[:80]!r}")
    return answer[length.end() :].decode().strip()


def requests(port: int) -> None:
    with ThreadPoolExecutor(CLIENTS) as pool:
        for _ in pool.map(lambda _: get(port), range(REQUESTS)):
            pass


def many(port: int) -> int:
    """AT_ONCE connections open at the same time, 16 KiB there and back on each; how many did not get it."""
    data = bytes(16384)
    opened = threading.Barrier(AT_ONCE, timeout=LIMIT)

    def one(_: int) -> bool:
        with connect(port) as made:
            opened.wait()
            made.settimeout(STUCK)
            try:
                made.sendall(data)
                got = 0
                while got < len(data) and (count := len(made.recv(65536))):
                    got += count
            except OSError:  # reset, or nothing came any more
                got = 0
            opened.wait()
            return got == len(data)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return AT_ONCE - sum(pool.map(one, range(AT_ONCE)))


def beside(source: int, web: int, size: int) -> float:
    """The 99th percentile, in milliseconds, of small requests that are made one after the other while a download runs."""
    taken: list[float] = []
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(download, source, size)
        while not running.done():
            began = time.monotonic()
            get(web)
            taken.append((time.monotonic() - began) * 1000)
        running.result()
    return percentile(sorted(taken), 0.99)


def timed(forwarder: Forwarder, work: Callable[[], float | None]) -> tuple[float, float, float]:
    """Seconds, the CPU seconds of the forwarding program in them, and what the work tells: connections that failed, or milliseconds."""
    cpu, began = forwarder.cpu(), time.monotonic()
    told = work() or 0
    return time.monotonic() - began, forwarder.cpu() - cpu, told


# -- the successor ----------------------------------------------------------------------------------------------------
def ready_pods(kubectl: list[str], namespace: str) -> dict[str, bool]:
    """The pods that are not terminating, and whether they are ready."""
    listed = subprocess.run([*kubectl, "get", "pods", "-n", namespace, "-o", "json"], capture_output=True, check=True, timeout=LIMIT)
    return {
        item["metadata"]["name"]: any(each["type"] == "Ready" and each["status"] == "True" for each in item["status"].get("conditions", ()))
        for item in json.loads(listed.stdout)["items"]
        if "deletionTimestamp" not in item["metadata"]
    }


def replaced(kubectl: list[str], namespace: str, port: int) -> tuple[float, float, int]:
    """Deletes the pod while requests are made one after the other.

    Seconds from the deletion until its successor was seen to be ready, from then to the first answer of it (0 if that came earlier),
    and how many requests failed.
    """
    (before,) = ready_pods(kubectl, namespace)
    stop, failed = threading.Event(), 0
    answered: dict[str, float] = {}

    def client() -> None:
        nonlocal failed
        while not stop.is_set():
            try:
                answered.setdefault(get(port), time.monotonic())
            except OSError:
                failed += 1
            stop.wait(0.05)

    asking = threading.Thread(target=client)
    asking.start()
    try:
        while before not in answered:
            stop.wait(0.05)
        began = time.monotonic()
        subprocess.run([*kubectl, "delete", "pod", "-n", namespace, before, "--wait=false"], check=True, capture_output=True, timeout=60)
        ready = 0.0
        while not ready or not answered.keys() - {before}:
            if time.monotonic() - began > LIMIT:
                return (ready - began if ready else float("inf")), float("inf"), failed
            if not ready and any(is_ready for name, is_ready in ready_pods(kubectl, namespace).items() if name != before):
                ready = time.monotonic()
            time.sleep(0.05)
    finally:
        stop.set()
        asking.join()
    first = min(at for name, at in answered.items() if name != before)
    return ready - began, max(0.0, first - ready), failed


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--image", default="busybox", help="of the pod that is forwarded to")
    parser.add_argument("--megabytes", type=int, default=256, choices=range(1, 2001), metavar="1..2000")


def measure(options: argparse.Namespace) -> list[Table]:
    """podtui and kubectl in turns, on one pod."""
    host = urlsplit(Kubeconfig.load(options.kubeconfig).settings().server).hostname or ""
    if host != "localhost" and not ip_address(host).is_loopback:
        raise SystemExit(f"the API server is at {host}: this sends much, and only to this machine")
    kubectl = [options.kubectl, f"--kubeconfig={options.kubeconfig}"]
    size = options.megabytes * MB
    namespace = f"bench-{secrets.token_hex(4)}"

    def run(*words: str, text: str = "") -> None:
        subprocess.run([*kubectl, *words], input=text, text=True, check=True, stdout=subprocess.DEVNULL, timeout=LIMIT)

    seconds: dict[tuple[str, str], list[tuple[float, float, float]]] = {}
    successors: list[tuple[float, float, int]] = []
    run("create", "namespace", namespace)
    try:
        run("create", "-n", namespace, "-f", "-", text=json.dumps(deployment("bench", options.node, options.image, programs(size))))
        run("wait", "-n", namespace, "--for=condition=Available", "--timeout=120s", "deployment/bench")
        ports = [ECHO, SOURCE, SINK, WEB]
        with podtui(options.kubeconfig, namespace, "app=bench", ports) as ours:
            (pod,) = ready_pods(kubectl, namespace)
            with kubectl_forward(kubectl, namespace, f"pod/{pod}", ports) as theirs:
                for _ in range(options.repeat):
                    for each in (ours, theirs):
                        for what, work in _works(each, size).items():
                            taken = timed(each, work)
                            print(f"{each.name}, {what}: {taken[0]:.2f} s, CPU {taken[1]:.2f} s, {taken[2]:.0f}", file=sys.stderr)
                            seconds.setdefault((each.name, what), []).append(taken)
            for _ in range(options.repeat):
                successors.append(replaced(kubectl, namespace, ours.ports[WEB]))
    finally:
        run("delete", "namespace", namespace, "--wait=false")
    return [_table(seconds, successors, size)]


def _works(each: Forwarder, size: int) -> dict[str, Callable[[], float | None]]:
    return {
        "from the pod": lambda: download(each.ports[SOURCE], size),
        "to the pod": lambda: upload(each.ports[SINK], size),
        "requests": lambda: requests(each.ports[WEB]),
        "beside a download": lambda: beside(each.ports[SOURCE], each.ports[WEB], size),
        "at once": lambda: many(each.ports[ECHO]),
    }


def _table(
    seconds: dict[tuple[str, str], list[tuple[float, float, float]]], successors: list[tuple[float, float, int]], size: int
) -> Table:
    table = Table(f"port-forward, {size // MB} MB", [PODTUI, _KUBECTL])

    def add(title: str, what: str, shown: Callable[[float, float, float], list[Figure]]) -> None:
        taken = {name: [statistics.median(values) for values in zip(*seconds[name, what], strict=True)] for name in (PODTUI, _KUBECTL)}
        table.add(title, **{name: shown(wall, cpu, failed) for name, (wall, cpu, failed) in taken.items()})

    for title in ("from the pod", "to the pod"):
        add(
            f"{title}; CPU for 1 GB",
            title,
            lambda wall, cpu, _: [Figure(size / wall / MB, "MB/s", 0), Figure(cpu / size * 1000 * MB, "s", 2)],
        )
    add(
        f"HTTP requests, each a connection, {CLIENTS} at once; CPU for 1,000",
        "requests",
        lambda wall, cpu, _: [Figure(REQUESTS / wall, "/s", 0), Figure(cpu / REQUESTS * 1000, "s", 2)],
    )
    add(
        "HTTP requests beside a download, 99th percentile; CPU until it ended",
        "beside a download",
        lambda _, cpu, worst: [Figure(worst, "ms"), Figure(cpu, "s", 2)],
    )
    add(
        f"{AT_ONCE} connections open at once, 16 KiB both ways on each; CPU; how many failed",
        "at once",
        lambda wall, cpu, failed: [Figure(wall, "s", 2), Figure(cpu, "s", 2), Figure(failed, "", 0)],
    )
    ready, later, failed = zip(*successors, strict=True)
    table.add(
        "pod deleted: its successor ready after; from then to its first answer; requests failed",
        podtui=[median(ready, "s"), median(later, "s", 2), median(failed, "", 0)],
        kubectl="the forward ends",
    )
    return table
