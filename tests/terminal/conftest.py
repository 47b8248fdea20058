"""Fixtures of the terminal tests: the installed program on a pseudo-terminal. Those that need a server take `kubeconfig`."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

import pytest

from tests.contract.conftest import cluster, connection, kubeconfig, kubectl, namespace, pace, pytest_collection_modifyitems, real_node
from tests.terminal.pty_session import PtySession

__all__ = ["cluster", "connection", "kubeconfig", "kubectl", "namespace", "pace", "pytest_collection_modifyitems", "real_node"]

Open = Callable[..., PtySession]
SIZES = {"200x50": (200, 50), "120x36": (120, 36), "80x24": (80, 24)}


@pytest.fixture(params=SIZES)
def size(request: pytest.FixtureRequest) -> tuple[int, int]:
    """Columns and lines: a large terminal, a usual one, and the smallest that must be fully usable."""
    return SIZES[request.param]


def program() -> list[str]:
    """The installed `podtui`, of the environment that runs the tests."""
    beside = Path(sys.executable).with_name("podtui")
    found = str(beside) if beside.exists() else shutil.which("podtui")
    return [found] if found else [sys.executable, "-m", "podtui"]


def create(terminal: PtySession, pod: str, path: Path) -> None:
    """Creates a pod: `n`, the path of its file, the dry run, and the button that is not the safe one."""
    terminal.press("n")
    terminal.wait_for("Create in namespace")
    terminal.type(str(path))
    terminal.press("enter")
    terminal.wait_for(f"✓ pod/{pod}")
    terminal.press("tab", "enter")
    terminal.wait_without("Create in namespace")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """An empty home folder for the program."""
    folder = tmp_path / "home"
    folder.mkdir()
    return folder


@pytest.fixture
def open_podtui(request: pytest.FixtureRequest, home: Path) -> Iterator[Open]:
    """`open_podtui(*words, size=(120, 36), env={...})` starts podtui in a terminal; it is ended with the test.

    The program has an empty home; it gets `--kubeconfig` when the test takes the fixture `kubeconfig`. A failing test shows the screens.
    """
    sessions: list[PtySession] = []
    given = request.getfixturevalue("kubeconfig") if "kubeconfig" in request.fixturenames else None

    def opened(*words: str, size: tuple[int, int] = (120, 36), env: dict[str, str] | None = None) -> PtySession:
        foreign = ("KUBE", "XDG_", "LC_", "TEXTUAL", "NO_COLOR", "TMUX")
        clean = {key: value for key, value in os.environ.items() if not key.startswith(foreign)}
        own = {"HOME": str(home), "TERM": "xterm-256color", "COLORTERM": "truecolor", "LANG": "C.UTF-8", "TZ": "UTC"}
        root = str(Path(__file__).resolve().parents[2])
        command = [*program(), *(["--kubeconfig", given] if given else []), *words]
        session = PtySession(command, columns=size[0], lines=size[1], env={**clean, **own, "PYTHONPATH": root, **(env or {})})
        sessions.append(session)
        request.node.stash[_SESSIONS] = sessions
        return session

    yield opened
    for session in sessions:
        session.close()


_SESSIONS = pytest.StashKey[list[PtySession]]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.when == "call" and report.failed:
        for session in item.stash.get(_SESSIONS, []):
            report.sections.append(("the screen at the end", session.framed()))
    return report
