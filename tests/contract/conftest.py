"""Fixtures of the contract suite, which runs against any cluster that a kubeconfig names.

The kubeconfig comes from `--kubeconfig FILE` or the environment variable PODTUI_TEST_KUBECONFIG. Without one,
nothing here is collected. Every test works in a namespace of its own that is deleted afterwards.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import shlex
import shutil
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from podtui.cluster.connection import Connection
from podtui.cluster.kubeconfig import Kubeconfig
from podtui.errors import NotFound

Kubectl = Callable[..., str]

REAL_NODE = "PODTUI_TEST_REAL_NODE"
"""Names a node with a real kubelet: pods that a test puts on it run, log, answer and end."""
CLUSTER = "PODTUI_TEST_CLUSTER"
"""A command that takes `stop kube-apiserver` and `start kube-apiserver`, for tests of outages."""


def _kubeconfig(config: pytest.Config) -> str:
    return config.getoption("--kubeconfig") or os.environ.get("PODTUI_TEST_KUBECONFIG", "")


def _kubectl_program() -> str:
    """The kubectl to compare with: $KUBECTL, the one of the test cluster, or the one on the PATH; "" when there is none."""
    built = Path.home() / ".cache" / "podtui-cluster" / "bin" / "kubectl"
    return os.environ.get("KUBECTL") or (str(built) if os.access(built, os.X_OK) else "") or shutil.which("kubectl") or ""


def pytest_ignore_collect(config: pytest.Config) -> bool | None:
    return None if _kubeconfig(config) else True


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Tests that compare with kubectl, need a real kubelet or stop the API server are left out where there is none to use."""
    lacking = {
        "kubectl": not _kubectl_program(),
        "real_node": not os.environ.get(REAL_NODE),
        "cluster": not (_kubectl_program() and os.environ.get(CLUSTER)),
    }
    missing = {name for name, lacks in lacking.items() if lacks}
    without = [item for item in items if missing.intersection(getattr(item, "fixturenames", ()))]
    if without:
        config.hook.pytest_deselected(items=without)
        items[:] = [item for item in items if item not in without]


@pytest.fixture(scope="session")
def kubeconfig(pytestconfig: pytest.Config) -> str:
    """The path of the kubeconfig of the cluster under test."""
    path = os.path.abspath(_kubeconfig(pytestconfig))
    assert os.path.isfile(path), f"{path} is no file"
    return path


@pytest.fixture(scope="session")
def real_node() -> str:
    """The name of the node with a real kubelet."""
    return os.environ[REAL_NODE]


@pytest.fixture
def cluster(kubeconfig: str) -> Iterator[Callable[[str, str], None]]:
    """`cluster("stop", "kube-apiserver")`, `start` or `restart`: back when it is ready, as it is again after the test."""
    ready = [_kubectl_program(), f"--kubeconfig={kubeconfig}", "get", "--raw", "/readyz"]

    def run(verb: str, component: str) -> None:
        subprocess.run([*shlex.split(os.environ[CLUSTER]), verb, component], check=True, timeout=60, stdin=subprocess.DEVNULL)
        until = time.monotonic() + 60
        while verb != "stop" and subprocess.run(ready, capture_output=True, timeout=60, check=False).returncode:
            assert time.monotonic() < until, f"{component} does not become ready"
            time.sleep(0.2)

    yield run
    run("restart", "kube-apiserver")


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
        for _ in range(100):  # a cluster that has no controllers makes no service account: go on after 10 s
            try:
                await connection.json("GET", f"/api/v1/namespaces/{name}/serviceaccounts/default")
                break
            except NotFound:
                await asyncio.sleep(0.1)
        yield name
    finally:
        connection.read_only = False
        await connection.request("DELETE", f"/api/v1/namespaces/{name}")


@pytest.fixture(scope="session")
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
