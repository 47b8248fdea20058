"""Options and fixtures of the whole suite: which cluster the contract and terminal tests talk to.

It is the one of `--kubeconfig FILE` or of the environment variable PODTUI_TEST_KUBECONFIG; without either it is the built-in cluster,
one for the whole run, so that a machine with nothing but Python runs every test.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import itertools
import os
import sys
import tempfile
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

from podtui.ui.terminal.picture import draw_only_when_read

if TYPE_CHECKING:
    from podtui.demo.server import DemoServer

pytest_plugins = ["tests.ci_rerun"]

# How long an example takes says how busy the machine is, and nothing about the program.
settings.register_profile("podtui", settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("podtui")

DEMO_NODE = "node-1"
"""The node of the scenario `textbook` that tests put their pods on."""


def pytest_xdist_auto_num_workers() -> int:
    """Three workers for each core: a test waits for a server or a terminal for longer than it computes."""
    return 3 * (os.cpu_count() or 1)


def pytest_configure(config: pytest.Config) -> None:
    """Where Python is kept from writing bytecode, the many processes of a run share it in a folder of their own: each of them would
    compile podtui again."""
    draw_only_when_read()
    gc.disable()  # until the tests are collected: see `pytest_collection_finish`
    if sys.dont_write_bytecode and not hasattr(config, "workerinput"):
        folder = tempfile.TemporaryDirectory(prefix="podtui-bytecode-")
        config.add_cleanup(folder.cleanup)
        os.environ["PYTHONPYCACHEPREFIX"] = folder.name
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


def pytest_sessionstart(session: pytest.Session) -> None:
    """The workers of a whole run collect the same modules at the same time. Each imports a share of them first, so that all find the
    others' bytecode, which takes far longer to make than to read."""
    worker = getattr(session.config, "workerinput", None)
    if worker is None or session.config.args != session.config.getini("testpaths"):
        return
    root, number = session.config.rootpath, int(worker["workerid"].removeprefix("gw"))
    for path in sorted((root / "tests").rglob("test_*.py"))[number :: worker["workercount"]]:
        with contextlib.suppress(Exception):  # which the collection tells
            importlib.import_module(".".join(path.relative_to(root).with_suffix("").parts))


def pytest_collection_finish() -> None:
    """What is there by now stays until the end: no collection of garbage looks at it again. A test throws away a whole application at
    once, so collecting pays only when there is a lot of it; with Python's own thresholds it would take a quarter of the time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 10)
    gc.enable()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--kubeconfig",
        metavar="FILE",
        default=None,
        help="run contract and terminal tests against this kubeconfig's cluster (else PODTUI_TEST_KUBECONFIG, else the built-in one)",
    )
    parser.addoption(
        "--only-cluster",
        action="store_true",
        help="leave out the tests that never reach the kubeconfig's cluster: they hold as they do without it",
    )


def given_kubeconfig(config: pytest.Config) -> str:
    """The kubeconfig of a cluster of the user's; "" when the built-in one is to be used."""
    return config.getoption("--kubeconfig") or os.environ.get("PODTUI_TEST_KUBECONFIG", "")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """On the built-in cluster, what can hold only on a real one is skipped with its reason.

    What takes the API server from all others that use it (the fixture `cluster`) is marked `alone`.
    """
    for item in items:
        if "cluster" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.alone)
    if config.getoption("--only-cluster"):
        reached = {item: "kubeconfig" in getattr(item, "fixturenames", ()) for item in items}
        config.hook.pytest_deselected(items=[item for item in items if not reached[item]])
        items[:] = [item for item in items if reached[item]]
    _give_each_worker_slow_tests_first(config, items)
    if given_kubeconfig(config):
        return
    for item in items:
        if (marker := item.get_closest_marker("real_cluster")) is not None:
            item.add_marker(pytest.mark.skip(reason=f"only on a real cluster: {marker.args[0]}"))


WAITING = ("test_tours.py", "test_outage.py")
"""Of the terminal tests those that mostly wait: for a walkthrough's cluster, and for an outage to last."""


def _give_each_worker_slow_tests_first(config: pytest.Config, items: list[pytest.Item]) -> None:
    """A worker gets a run of neighbours at first, and takes from the ends of others' runs later: so no slow test is left for the end.

    Half of the workers begin with what mostly waits: the others have the cores meanwhile. Were they to wait all at once, nobody would.
    """
    workers = int(getattr(config, "workerinput", {}).get("workercount", 1))
    if workers < 2:
        return
    terminal = config.rootpath / "tests" / "terminal"
    slow = [item for item in items if terminal in item.path.parents]
    waiting = [item for item in slow if item.path.name in WAITING]
    working = [item for item in slow if item.path.name not in WAITING]
    quick = (item for item in items if terminal not in item.path.parents)
    half = workers // 2
    ordered: list[pytest.Item] = []
    for n in range(workers):
        begins = waiting[n::half] if n < half else working[n - half :: workers - half]
        share = (len(items) - len(ordered)) // (workers - n)  # as many as xdist gives it
        ordered += [*begins, *itertools.islice(quick, max(0, share - len(begins)))]
    items[:] = [*ordered, *quick]


PACE = 5
"""How many seconds of the built-in cluster pass in one, unless a module says REAL_TIME = True: where the ages of objects are compared."""


@pytest.fixture(scope="session")
def demo() -> Iterator[DemoServer]:
    """The built-in cluster with nothing but nodes in it. Its time goes `PACE` times faster than ours."""
    yield from _serve(PACE)


@pytest.fixture(scope="session")
def demo_in_real_time() -> Iterator[DemoServer]:
    yield from _serve(1)


def _serve(speed: float) -> Iterator[DemoServer]:
    from podtui.demo.scenarios import loading
    from podtui.demo.server import DemoServer

    with DemoServer(loading.load("textbook"), speed=speed) as server:
        yield server


@pytest.fixture(scope="module")
def built_in(request: pytest.FixtureRequest) -> DemoServer:
    """The built-in cluster that this module's tests talk to."""
    server: DemoServer = request.getfixturevalue("demo_in_real_time" if getattr(request.module, "REAL_TIME", False) else "demo")
    return server


@pytest.fixture(autouse=True)
def nothing_concealed(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test sees the URLs whose paths another one has concealed."""
    monkeypatch.setattr("podtui.text._private", set())
