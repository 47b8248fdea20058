"""podtui's port-forwards beside `kubectl port-forward`, on one pod in one run; and how soon traffic goes on when its pod is replaced.

    python -m tests.benchmarks.forward --kubeconfig FILE [--node NAME] [--image busybox] [--megabytes 256] [--repeat 3]

The node must run what a pod's command says (`sh`, `nc`, `httpd` of busybox). podtui is the whole program, on a pseudo-terminal, with saved
forwards that start by themselves. Everything stays on this machine: an API server elsewhere is refused. Figures are medians of the
repeats; the programs take turns. Prints a table in Markdown. It makes a namespace of its own and deletes it.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import secrets
import shutil
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
from tests.terminal.pty_session import PtySession

MB = 1_000_000
TICKS = os.sysconf("SC_CLK_TCK")
LIMIT = 180.0  # seconds that any one measurement may take
STUCK = 30.0  # seconds without a byte after which one of many connections counts as failed
ECHO, SOURCE, SINK, WEB = 9000, 9001, 9002, 8080
AT_ONCE = 200
REQUESTS, CLIENTS = 400, 8


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
        total = 0
        for pid in self._processes():
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            total += int(fields[11]) + int(fields[12])
        return total / TICKS


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
        env = {**os.environ, "HOME": home, "KUBECONFIG": kubeconfig, "TERM": "xterm-256color", "LANG": "C.UTF-8"}
        root = str(Path(__file__).resolve().parents[2])
        command = [sys.executable, "-m", "podtui", "-n", namespace, "--config", str(config)]
        session = PtySession(command, columns=120, lines=36, env={**env, "PYTHONPATH": root})
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


def timed(forwarder: Forwarder, work: Callable[[], int | None]) -> tuple[float, float, float]:
    """Seconds, the CPU seconds of the forwarding program in them, and how many connections failed."""
    cpu, began = forwarder.cpu(), time.monotonic()
    failed = work() or 0
    return time.monotonic() - began, forwarder.cpu() - cpu, failed


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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kubeconfig", required=True)
    parser.add_argument(
        "--kubectl", default=os.environ.get("KUBECTL") or shutil.which("kubectl") or str(Path.home() / ".cache/podtui-cluster/bin/kubectl")
    )
    parser.add_argument("--node", default="", help="the node that runs the pod")
    parser.add_argument("--image", default="busybox")
    parser.add_argument("--megabytes", type=int, default=256, choices=range(1, 2001), metavar="1..2000")
    parser.add_argument("--repeat", type=int, default=3, choices=range(1, 21), metavar="1..20")
    options = parser.parse_args()
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
                        works: dict[str, Callable[[], int | None]] = {
                            "from the pod": lambda each=each: download(each.ports[SOURCE], size),  # type: ignore[misc]
                            "to the pod": lambda each=each: upload(each.ports[SINK], size),  # type: ignore[misc]
                            "requests": lambda each=each: requests(each.ports[WEB]),  # type: ignore[misc]
                            "at once": lambda each=each: many(each.ports[ECHO]),  # type: ignore[misc]
                        }
                        for what, work in works.items():
                            taken = timed(each, work)
                            print(f"{each.name}, {what}: {taken[0]:.2f} s, CPU {taken[1]:.2f} s, {taken[2]:.0f} failed", file=sys.stderr)
                            seconds.setdefault((each.name, what), []).append(taken)
            for _ in range(options.repeat):
                successors.append(replaced(kubectl, namespace, ours.ports[WEB]))
    finally:
        run("delete", "namespace", namespace, "--wait=false")

    def row(title: str, what: str, shown: Callable[[float, float, float], str]) -> str:
        cells = []
        for name in ("podtui", "kubectl"):
            taken = [statistics.median(values) for values in zip(*seconds[name, what], strict=True)]
            cells.append(shown(*taken))
        return f"| {title} | {cells[0]} | {cells[1]} |"

    def rate(wall: float, cpu: float, _: float) -> str:
        return f"{size / wall / MB:.0f} MB/s, {cpu / size * 1000 * MB:.2f} s"

    print(f"\n| port-forward, {options.megabytes} MB | podtui | kubectl port-forward |\n|---|---|---|")
    print(row("from the pod; CPU for 1 GB", "from the pod", rate))
    print(row("to the pod; CPU for 1 GB", "to the pod", rate))
    print(
        row(
            f"HTTP requests, each a connection, {CLIENTS} at once; CPU for 1,000",
            "requests",
            lambda wall, cpu, _: f"{REQUESTS / wall:.0f} /s, {cpu / REQUESTS * 1000:.2f} s",
        )
    )
    print(
        row(
            f"{AT_ONCE} connections open at once, 16 KiB both ways on each; CPU; how many failed",
            "at once",
            lambda wall, cpu, failed: f"{wall:.2f} s, {cpu:.2f} s, {failed:.0f}",
        )
    )
    ready, later, failed = (statistics.median(values) for values in zip(*successors, strict=True))
    print(
        "| pod deleted: its successor ready after; from then to its first answer; requests failed | "
        f"{ready:.1f} s; {later:.2f} s; {failed:.0f} | the forward ends |"
    )


if __name__ == "__main__":
    main()
