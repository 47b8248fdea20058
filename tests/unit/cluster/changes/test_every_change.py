"""What holds for every command that is marked as changing the cluster, with the API server as the witness.

Read-only: nothing but reads arrives, whatever is done. Each command is driven as a user would, and past the screen's own refusal, with
the dialog filled in and confirmed, as if the screen had forgotten about read-only. Protected contexts: nothing is sent before the
context's name is typed. A new command, or a new method of `Objects`, is taken in by itself, or fails here until it is said how it
is driven.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from textual.widgets import Input, TextArea

from podtui.cluster.changes import creation
from podtui.cluster.changes.journal import Journal, Mutation
from podtui.cluster.changes.objects import Objects
from podtui.cluster.connection.connection import Connection
from podtui.cluster.kubeconfig.contexts import Kubeconfig
from podtui.cluster.session import Session
from podtui.config import Config
from podtui.demo.api.api import Api
from podtui.demo.server import DemoServer
from podtui.demo.storage.kinds import KINDS, NODES
from podtui.demo.storage.kinds import PODS as DEMO_PODS
from podtui.errors import ReadOnlyError
from podtui.kube.manifests.documents import parse as parse_manifests
from podtui.kube.resources import NODES as NODE_KIND
from podtui.kube.resources import PODS, ObjectRef, Scope
from podtui.ui.commands import COMMANDS, Command
from podtui.ui.dialogs.dialog import Dialog
from podtui.ui.editor.screen import EditorScreen
from podtui.ui.main.app import PodtuiApp
from podtui.ui.main.screen import MainScreen
from podtui.ui.options import Options
from podtui.ui.terminal.picture import as_text
from tests.support.waiting import shows, told

REVIEWS = ("selfsubjectaccessreviews", "selfsubjectrulesreviews", "selfsubjectreviews")
MANIFEST = "apiVersion: v1\nkind: Pod\nmetadata: {name: new}\nspec: {containers: [{name: a, image: b}]}\n"

REACH: dict[str, tuple[tuple[str, ...], str]] = {
    "pods": ((), "web-1"),
    "nodes": (("o",), "node-1"),
    "journal": (("J",), "pod/web-1"),
}
"""The keys that lead from the main screen to where a command's key works, and what stands there then: by kind, or the command's `where`."""

FILL: dict[str, dict[str, str]] = {
    "main.label": {"#label-changes": "new=label"},
    "main.annotate": {"#label-changes": "new=annotation"},
    "main.create": {"#create-path": "{folder}/pod.yaml"},
    "main.create-namespace": {"#namespace-name": "new"},
}
"""What is typed into a command's dialog, by the selector of the input, before it is confirmed."""

REF = ObjectRef(PODS, "web-1", "default")
CHANGING = [
    pytest.param(command, place, id=f"{command.id} {place}")
    for command in COMMANDS
    for place in (("pods", "nodes") if command.where == "main" else (command.where,))
    if command.changes and (command.where != "main" or command.is_for(place))
]


class Requests(list[str]):
    """What arrived at the API server: method and path with query."""

    @property
    def writes(self) -> list[str]:
        """All but plain reads, questions about one's rights and dry runs."""
        return [one for one in self if not self._reads(one)]

    @staticmethod
    def _reads(request: str) -> bool:
        method, _, path = request.partition(" ")
        plain, _, query = path.partition("?")
        if method in ("GET", "HEAD"):
            return plain.rpartition("/")[2] not in ("exec", "attach")
        return (method == "POST" and plain.endswith(REVIEWS)) or "dryRun=All" in query.split("&")


@pytest.fixture
async def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> AsyncIterator[tuple[DemoServer, Requests]]:
    """A cluster that stands still, with the node `node-1` and the pod `web-1`, which runs and whose label was changed once, and what is
    asked of it."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    requests, handle = Requests(), Api.handle

    async def recorded(self: Api, request: web.Request) -> web.StreamResponse:
        requests.append(f"{request.method} {request.raw_path.split('/', 2)[2]}")
        return await handle(self, request)

    monkeypatch.setattr(Api, "handle", recorded)
    made = DemoServer(behaviour=False)
    await made.open()
    spec = {"containers": [{"name": "main", "image": "nginx"}]}
    made.writes.create(NODES, "", {"metadata": {"name": "node-1"}})
    made.writes.create(DEMO_PODS, "default", {"metadata": {"name": "web-1", "labels": {"app": "web"}}, "spec": spec})
    (tmp_path / "pod.yaml").write_text(MANIFEST)
    connection = await Connection.open(Kubeconfig.load(made.kubeconfig).settings())
    journaled = Objects(connection, Journal(connection.settings))
    await journaled.patch_metadata(REF, labels={"to-be": "undone"})
    running = {"name": "main", "image": "nginx", "imageID": "", "ready": True, "restartCount": 0, "state": {"running": {}}}
    status = {"status": {"phase": "Running", "containerStatuses": [running]}}
    await connection.request("PATCH", f"{REF.path}/status", body=status, content_type="application/merge-patch+json")
    await connection.close()
    requests.clear()
    try:
        yield made, requests
    finally:
        await made.close()


@asynccontextmanager
async def started(made: DemoServer, **more: Any) -> AsyncIterator[tuple[PodtuiApp, Any]]:
    kubeconfig = Kubeconfig.load(made.kubeconfig)
    options = Options(kubeconfig.settings(), kubeconfig, Scope(("default",)), more.pop("config", Config()), **more)
    app = PodtuiApp(options)
    async with app.run_test(size=(100, 30)) as pilot:
        await shows(app, lambda text: "web-1" in text and "live" in text)
        yield app, pilot


def objects_of(made: DemoServer) -> list[tuple[str, str]]:
    """Every object with its version, the API's own."""
    found = (one["metadata"] for kind in KINDS for one in made.state.list(kind))
    return sorted((metadata["name"], metadata["resourceVersion"]) for metadata in found)


async def pressed(pilot: Any, command: Command, place: str) -> None:
    assert place in REACH, f"say in REACH which keys lead to where {command.id} is offered"
    keys, there = REACH[place]
    if isinstance(pilot.app.screen, MainScreen) and pilot.app.screen.lists.right.kind.plural != place:
        await pilot.press(*keys)
    await shows(pilot.app, lambda text: there in text)
    await pilot.press(*filter(None, command.key.split(",")[:1]))
    if not command.key:  # the palette's alone
        pilot.app.screen.call_later(pilot.app.screen.run_command, command.id)


@pytest.mark.parametrize(("command", "place"), CHANGING)
async def test_a_changing_command_sends_nothing_but_reads(
    command: Command, place: str, server: tuple[DemoServer, Requests], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    made, requests = server
    before = objects_of(made)
    async with started(made, read_only=True) as (app, pilot):
        at_first = app.screen
        await pressed(pilot, command, place)
        await told(app, f"{command.title}: podtui is read-only")
        assert app.screen is at_first or command.where != "main", "no dialog opens for what cannot be done"
        monkeypatch.setattr(Session, "read_only", False)  # what the screens ask; the connection knows better
        await pressed(pilot, command, place)
        await confirmed(app, pilot, FILL.get(command.id, {}), str(tmp_path))
    assert requests and not requests.writes, requests.writes
    assert objects_of(made) == before


@pytest.mark.parametrize(("command", "place"), CHANGING)
async def test_in_a_protected_context_a_changing_command_waits_for_the_contexts_name(
    command: Command, place: str, server: tuple[DemoServer, Requests], tmp_path: Path
) -> None:
    made, requests = server
    before = objects_of(made)
    async with started(made, config=Config(protected_contexts=["podtui-d*"])) as (app, pilot):
        assert "podtui-demo PROTECTED" in as_text(app).splitlines()[0]
        await pressed(pilot, command, place)
        await confirmed(app, pilot, FILL.get(command.id, {}), str(tmp_path), but="podtui-demo")
        dialog = app.screen
        assert isinstance(dialog, Dialog) and dialog.asking and not dialog.busy, as_text(app)
        assert [one.word for one in dialog.asked][-1:] == ["podtui-demo"]
    assert not requests.writes and objects_of(made) == before


async def confirmed(app: PodtuiApp, pilot: Any, fill: dict[str, str], folder: str, but: str = "") -> str:
    """Fill in and confirm one dialog after the other until one tells that podtui is read-only; the screen then.

    With `but`, a word that is not typed: until a dialog waits for nothing else.
    """
    deadline = asyncio.get_running_loop().time() + 30
    while asyncio.get_running_loop().time() < deadline:
        await pilot.pause(0.02)
        text, dialog = as_text(app), app.screen
        if "podtui is read-only: " in text or (but and f"type {but} to confirm" in text):
            return text
        if isinstance(dialog, EditorScreen):
            area = dialog.query_one(TextArea)
            area.text = area.text.replace("metadata:\n", "metadata:\n  annotations: {new: annotation}\n", 1)
            await pilot.press("ctrl+s")
        if isinstance(dialog, Dialog) and not dialog.busy:
            for selector, value in fill.items():
                if found := list(dialog.query(selector).results(Input)):
                    found[0].value = value.format(folder=folder)
            for number, confirmation in enumerate(dialog.asked):
                if confirmation.word != but:
                    dialog.query_one(f"#dialog-word-{number}", Input).value = confirmation.word
            await pilot.pause()
            if not dialog.blocked():
                dialog.action_confirm()
    raise AssertionError(as_text(app))


@pytest.mark.parametrize(
    ("start", "reason"),
    [
        ({"read_only": True}, "started with --read-only"),
        ({"config": Config(read_only_contexts=["podtui-*"])}, "one of read_only_contexts"),
        ({"config": Config(read_only_contexts=["*"])}, "one of read_only_contexts"),
    ],
    ids=["flag", "context", "every context"],
)
async def test_the_key_does_not_undo_what_the_start_asked_for(
    start: dict[str, Any], reason: str, server: tuple[DemoServer, Requests]
) -> None:
    made, requests = server
    async with started(made, **start) as (app, pilot):
        await pilot.press("r")
        await told(app, "stays read-only", reason)
        await pilot.press("ctrl+d")
        await told(app, "Delete: podtui is read-only")
    assert not requests.writes


async def test_read_only_by_its_key_counts_for_a_dialog_that_is_open_already(server: tuple[DemoServer, Requests]) -> None:
    made, requests = server
    async with started(made) as (app, pilot):
        await pilot.press("ctrl+d")
        await shows(app, lambda text: "Delete pod web-1" in text)
        app.session.read_only = True
        tried = await confirmed(app, pilot, {}, "")
        assert "podtui is read-only: DELETE /api/v1/namespaces/default/pods/web-1 was not sent" in tried
    assert not requests.writes


# -- the cluster's side, without a screen ---------------------------------------------------------------------------

READS = {"in_use", "get", "metadata", "select", "seen", "deletion"}
"""The methods of Objects that change nothing."""

CALLS: dict[str, Callable[[Objects], Awaitable[Any]]] = {
    "mutate": lambda objects: objects.mutate(Mutation("delete", "deletes", REF), "DELETE", REF.path),
    "patch": lambda objects: objects.patch(REF, {"spec": {}}),
    "edit": lambda objects: objects.edit(REF, {"spec": {}}),
    "try_edit": lambda objects: objects.try_edit(REF, {"spec": {}}),
    "patch_metadata": lambda objects: objects.patch_metadata(REF, labels={"a": "b"}),
    "delete": lambda objects: objects.delete(REF),
    "cordon": lambda objects: objects.cordon(ObjectRef(NODE_KIND, "node-1"), True),
    "make": lambda objects: objects.make(REF, {"metadata": {"name": "web-1"}}),
    "evict": lambda objects: objects.evict(REF),
}


async def test_no_method_that_changes_an_object_sends_anything_but_reads(server: tuple[DemoServer, Requests]) -> None:
    made, requests = server
    before = objects_of(made)
    methods = {name for name, _ in inspect.getmembers(Objects, inspect.iscoroutinefunction) if not name.startswith("_")}
    assert methods == READS | CALLS.keys(), "say in READS or CALLS of a new method whether it changes anything, and how it is called"
    connection = await Connection.open(Kubeconfig.load(made.kubeconfig).settings(), read_only=True)
    try:
        objects = Objects(connection)
        for name, call in CALLS.items():
            with pytest.raises(ReadOnlyError):
                await call(objects)
                pytest.fail(f"{name} did something")
        outcomes = await creation.create(objects, parse_manifests(MANIFEST, "pod.yaml"), "default")
        assert [type(outcome.error) for outcome in outcomes] == [ReadOnlyError]
    finally:
        await connection.close()
    assert not requests.writes and objects_of(made) == before


def test_nothing_but_the_connection_sends_requests() -> None:
    """The gate is asked there, so that no other way leads to the API server."""
    package = Path(inspect.getfile(Connection)).parents[2]
    senders = {
        path.relative_to(package).as_posix()
        for path in package.rglob("*.py")
        for word in (
            "_rest.request(",
            "ws_connect(",
            "ClientSession(",
            "open_connection(",
            "create_connection(",
            "import requests",
            "urlopen(",
        )
        if "demo" not in path.parts and word in path.read_text(encoding="utf-8")
    }
    connects = "cluster/connection/transport/socks.py"  # for the session of the connection
    assert senders <= {"cluster/connection/connection.py", connects, "tour/acts.py"}, senders
