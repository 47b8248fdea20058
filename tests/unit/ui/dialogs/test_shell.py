"""`s`: in which pod and container a shell is opened, what is asked before, and what is told when there is none; on the built-in cluster."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from podtui.cluster.connection.connection import Connection
from podtui.cluster.exec import shells
from podtui.cluster.kubeconfig.contexts import Kubeconfig
from podtui.config import Config
from podtui.demo.scenarios import loading
from podtui.demo.server import DemoServer
from podtui.kube.resources import PODS, ObjectRef, Scope
from podtui.ui.dialogs.dialog import Dialog
from podtui.ui.main.app import PodtuiApp
from podtui.ui.options import Options
from podtui.ui.terminal.lent_terminal import LentTerminal
from podtui.ui.terminal.picture import as_text
from tests.support.user_terminal import UserTerminal
from tests.support.waiting import shows, told, workers_end

BUSY = ["sh", "-c", "while true; do sleep 3600; done"]
BOX = {"name": "box", "image": "busybox", "command": BUSY}
PAUSE = {"name": "pause", "image": "registry.k8s.io/pause:3.10"}
PODS_MADE: dict[str, dict[str, Any]] = {
    "one": {"nodeName": "node-1", "containers": [BOX]},
    "several": {
        "nodeName": "node-1",
        "initContainers": [{"name": "setup", "image": "busybox", "command": ["true"]}],
        "containers": [BOX, {**BOX, "name": "side"}, {"name": "broken", "image": "registry.invalid/x"}],
    },
    "bare": {"nodeName": "node-1", "containers": [PAUSE]},
    "waiting": {"schedulerName": "nobody", "containers": [BOX]},
}


@pytest.fixture(scope="module")
def made() -> Iterator[DemoServer]:
    """A cluster with the pods of PODS_MADE, each for itself in a namespace of its name."""
    with DemoServer(loading.load("textbook")) as server:
        asyncio.run(_fill(server))
        yield server


async def _fill(server: DemoServer) -> None:
    connection = await Connection.open(Kubeconfig.load(server.kubeconfig).settings())
    try:
        for name, spec in PODS_MADE.items():
            await connection.json("POST", "/api/v1/namespaces", body={"metadata": {"name": name}})
            pod = {"metadata": {"name": name}, "spec": {"terminationGracePeriodSeconds": 0, **spec}}
            await connection.json("POST", PODS.path(name), body=pod)
        async with asyncio.timeout(60):
            for name in ("one", "several", "bare"):
                while not await _runs(connection, name):  # noqa: ASYNC110 - the cluster sets no event here
                    await asyncio.sleep(0.1)
    finally:
        await connection.close()


async def _runs(connection: Connection, name: str) -> bool:
    pod = await connection.json("GET", PODS.path(name, name))
    running = [each for each in pod["status"].get("containerStatuses", ()) if "running" in each["state"]]
    return len(running) == len([each for each in pod["spec"]["containers"] if ".invalid" not in each["image"]])


@asynccontextmanager
async def started(made: DemoServer, namespace: str, **more: Any) -> AsyncIterator[tuple[PodtuiApp, Any]]:
    kubeconfig = Kubeconfig.load(made.kubeconfig)
    settings = kubeconfig.settings(impersonate=more.pop("impersonate", ""))
    app = PodtuiApp(Options(settings, kubeconfig, Scope((namespace,)), more.pop("config", Config()), **more))
    async with app.run_test(size=(120, 30)) as pilot:
        await shows(app, lambda text: f"{namespace} " in text and "live" in text)
        yield app, pilot


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> UserTerminal:
    """What the application lends, in place of the terminal that it does not have in a test."""
    user = UserTerminal(100, 30)

    async def lend(self: LentTerminal, use: Callable[[Any], Coroutine[Any, Any, Any]]) -> Any:
        return await use(user)

    monkeypatch.setattr(LentTerminal, "usable", True)
    monkeypatch.setattr(LentTerminal, "lend", lend)
    return user


async def test_the_shell_of_the_only_container_opens_at_once_and_an_exit_says_nothing(made: DemoServer, terminal: UserTerminal) -> None:
    async with started(made, "one") as (app, pilot):
        assert " s Shell " in as_text(app).splitlines()[-1]
        await pilot.press("s")
        await terminal.shows("podtui: a shell in container box of pod/one, namespace one. Leave it with exit or Ctrl+D. With ")
        command = "exec -it -n one one -c box -- sh -c 'command -v bash >/dev/null && exec bash || exec sh'\r\n"
        await terminal.shows(command)
        await terminal.shows("/ # ")
        terminal.type("stty size; hostname\r")
        await terminal.shows("30 100\r\none\r\n/ # ")
        terminal.type("exit\r")
        await workers_end(pilot.app)
        assert not app.messages.all
        await pilot.press("s")
        await terminal.shows("/ # ")
        terminal.type("exit 3\r")
        await told(app, "the shell in container box of pod/one ended with exit code 3")


async def test_of_several_containers_one_is_chosen_and_those_that_do_not_run_say_why(made: DemoServer, terminal: UserTerminal) -> None:
    async with started(made, "several") as (app, pilot):
        await pilot.press("s")
        text = await shows(app, lambda text: "Open a shell in which container of pod/several?" in text)
        assert "│ ▸●box " in text and "│   side " in text
        together = " ".join(text.split())
        assert "│ (setup) init container has ended (Completed, exit code 0) " in together
        assert "│ (broken) is waiting (" in together
        await pilot.press("down", "enter")
        await terminal.shows("container side of pod/several")
        await terminal.shows("/ # ")
        terminal.type("\x04")
        await workers_end(pilot.app)
        await pilot.press("s")
        await shows(app, lambda text: "Open a shell in which container" in text)
        await pilot.press("escape")
        await workers_end(pilot.app)
        assert not app.messages.all and not terminal.written


async def test_a_shell_in_an_image_without_one_is_reported(made: DemoServer, terminal: UserTerminal) -> None:
    async with started(made, "bare") as (app, pilot):
        await pilot.press("s")
        await told(app, "there is no shell in the image of container pause of pod/bare\nThis adds a container that has one: kubectl ")


async def test_a_pod_that_does_not_run_has_no_shell_and_says_so_before(made: DemoServer, terminal: UserTerminal) -> None:
    async with started(made, "waiting") as (app, pilot):
        await shows(app, lambda text: "(s) Shell" in text)
        await pilot.press("s")
        await told(app, "Shell: pod waiting is not running (Pending)")
    assert not terminal.written


@pytest.mark.parametrize(("verbs", "missing"), [(["get"], "create"), (["create"], "get")])
async def test_a_user_without_the_right_sees_which_one_is_missing(
    made: DemoServer, terminal: UserTerminal, verbs: list[str], missing: str
) -> None:
    connection = await Connection.open(Kubeconfig.load(made.kubeconfig).settings())
    user = f"lacks-{missing}"
    rbac = "/apis/rbac.authorization.k8s.io/v1/namespaces/one"
    rules = [{"apiGroups": [""], "resources": ["pods/exec"], "verbs": verbs}]
    await connection.json("POST", f"{rbac}/roles", body={"metadata": {"name": user}, "rules": rules})
    for kind, role in (("ClusterRole", "view"), ("Role", user)):
        granted = {"roleRef": {"kind": kind, "name": role}, "subjects": [{"kind": "User", "name": user}]}
        await connection.json("POST", f"{rbac}/rolebindings", body={"metadata": {"name": f"{user}-{role}"}, **granted})
    await connection.close()
    async with started(made, "one", impersonate=user) as (app, pilot):
        await shows(app, lambda text: "(s) Shell" in text)
        await pilot.press("s")
        await told(app, f"Shell: you lack permission to {missing} pods/exec in namespace one")
    assert not terminal.written


async def test_in_a_protected_context_its_name_comes_first(made: DemoServer, terminal: UserTerminal) -> None:
    async with started(made, "one", config=Config(protected_contexts=["podtui-*"])) as (app, pilot):
        await pilot.press("s")
        text = await shows(app, lambda text: "Open a shell in container box of pod/one" in text)
        assert "kubectl" in text and "does not record in the journal what you do there" in text and not terminal.written
        assert isinstance(app.screen, Dialog)
        await pilot.press(*"podtui", "minus", *"demo", "enter", "enter")
        await terminal.shows("/ # ")
        terminal.type("exit\r")
        await workers_end(pilot.app)


async def test_a_shell_that_is_late_does_not_take_the_keys_of_another_screen(
    made: DemoServer, terminal: UserTerminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    places, go_on = shells.places, asyncio.Event()

    async def late(connection: Connection, ref: ObjectRef) -> list[shells.Place]:
        await go_on.wait()
        return await places(connection, ref)

    monkeypatch.setattr(shells, "places", late)
    async with started(made, "one") as (app, pilot):
        await pilot.press("s", "question_mark")
        await shows(app, lambda text: "rebind by id" in text)
        go_on.set()
        await told(app, "podtui opened no shell: another screen opened before it was ready")
    assert not terminal.written


async def test_without_a_terminal_there_is_no_shell(made: DemoServer) -> None:
    async with started(made, "one") as (app, pilot):
        await pilot.press("s")
        await told(app, "there is no terminal for a shell")
