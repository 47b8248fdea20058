"""The kubectl command that a dialog shows is byte for byte the one that the journal keeps, for every kind of change and for its undo.

The dialogs are driven as a person drives them, with the built-in cluster as the API server.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from textual import events
from textual.pilot import Pilot
from textual.widgets import Input

from podtui.cluster.changes import creation
from podtui.cluster.changes.edit import Edit
from podtui.cluster.changes.journal import Entry
from podtui.cluster.changes.objects import Objects
from podtui.cluster.changes.undo import last_action
from podtui.cluster.kubeconfig.contexts import Kubeconfig
from podtui.cluster.session import Session
from podtui.config import Config
from podtui.demo.server import DemoServer
from podtui.demo.storage import kinds
from podtui.kube.kubectl import Selected
from podtui.kube.manifests.documents import parse
from podtui.kube.names import Kind
from podtui.kube.resources import NAMESPACES, NODES, PODS, ObjectRef, Resource, Scope
from podtui.ui.dialogs.cordon import CordonDialog
from podtui.ui.dialogs.delete import DeleteDialog
from podtui.ui.dialogs.dialog import Dialog
from podtui.ui.dialogs.labels.dialog import LabelDialog
from podtui.ui.journal.undo_dialog import UndoDialog
from podtui.ui.manifests.create import CreateDialog
from podtui.ui.manifests.create_namespace import CreateNamespaceDialog
from podtui.ui.manifests.edit import EditDialog
from podtui.ui.widgets.choice import Choice
from podtui.ui.widgets.toggle import Toggle
from tests.support.screens import Shown, text
from tests.support.waiting import settle

CONFIG_MAPS = Resource("", "v1", "configmaps", "ConfigMap")
SECRETS = Resource("", "v1", "secrets", "Secret")
NAMESPACE = "apiVersion: v1\nkind: Namespace\nmetadata: {name: new}\n"
POD = "apiVersion: v1\nkind: Pod\nmetadata: {{name: new, namespace: {namespace}}}\nspec: {{containers: [{{name: a, image: b}}]}}\n"


def settings(name: str, value: str = "1") -> str:
    """The manifest of a ConfigMap."""
    return f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\ndata: {{a: '{value}'}}\n"


@dataclass
class Cluster:
    """The built-in cluster, a session on it, and a folder for manifests."""

    server: DemoServer
    session: Session
    folder: Path

    async def ref(self, resource: Resource, name: str, namespace: str = "") -> ObjectRef:
        found = await self.session.objects.metadata(ObjectRef(resource, name, namespace))
        return ObjectRef(resource, name, namespace, str(found["uid"]))

    async def pods(self, *names: str) -> list[ObjectRef]:
        """`shop/a` is a pod in another namespace than `default`."""
        places = [name.rpartition("/") for name in names]
        return [await self.ref(PODS, name, namespace or "default") for namespace, _, name in places]


@pytest.fixture
async def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Cluster]:
    """Pods a, b, c in default and a in shop, the nodes one and two; nothing happens by itself."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    server = DemoServer(behaviour=False)
    await server.open()
    server.writes.create(kinds.NAMESPACES, "", {"metadata": {"name": "shop"}})
    spec = {"containers": [{"name": "main", "image": "nginx"}]}
    for namespace, name in (("default", "a"), ("default", "b"), ("default", "c"), ("shop", "a")):
        metadata = {"name": name, "labels": {"app": "web", "env": "debug"}, "annotations": {"note": "old"}}
        server.writes.create(kinds.PODS, namespace, {"metadata": metadata, "spec": spec})
    for name in ("one", "two"):
        server.writes.create(kinds.NODES, "", {"metadata": {"name": name}})
    kubeconfig = Kubeconfig.load(server.kubeconfig)
    session = Session(kubeconfig.settings(), Scope(()), config=Config())
    opened = asyncio.Event()
    session.opened_signal.subscribe(lambda error: opened.set())
    session.start()
    try:
        await opened.wait()
        yield Cluster(server, session, tmp_path / "manifests")
    finally:
        await session.close()
        await server.close()


Fill = Callable[[Pilot[None]], Awaitable[None]]
Filled = tuple[Dialog[Any], Fill]
Case = Callable[[Cluster], Awaitable[Filled]]


def filled(dialog: Dialog[Any], *toggles: str, **values: str) -> Filled:
    """The dialog, and what fills in the inputs and choices that have these ids (with dashes for underscores) and turns the toggles on."""

    async def fill(pilot: Pilot[None]) -> None:
        for name, value in values.items():
            widget = dialog.query_one(f"#{name.replace('_', '-')}")
            assert isinstance(widget, Input | Choice)
            widget.value = value
        for name in toggles:
            dialog.query_one(f"#{name}", Toggle).value = True
        await settle(pilot)

    return dialog, fill


async def label(cluster: Cluster, text: str, *toggles: str, names: Sequence[str] = ("a",), kind: Kind = "labels") -> Filled:
    return filled(LabelDialog(cluster.session, await cluster.pods(*names), kind), *toggles, label_changes=text)


async def delete(cluster: Cluster, *toggles: str, names: Sequence[str] = ("a",), **values: str) -> Filled:
    return filled(DeleteDialog(cluster.session, await cluster.pods(*names)), *toggles, **values)


async def delete_selected(cluster: Cluster, namespaces: tuple[str, ...], selector: str) -> Filled:
    found = await cluster.session.objects.select(PODS, namespaces, selector)
    return filled(DeleteDialog(cluster.session, found, Selected(namespaces, selector)))


async def delete_namespace(cluster: Cluster) -> Filled:
    return filled(DeleteDialog(cluster.session, [await cluster.ref(NAMESPACES, "shop")]))


async def cordon(cluster: Cluster, *names: str, unschedulable: bool = True) -> Filled:
    refs = [await cluster.ref(NODES, name) for name in names]
    for ref in refs:
        await Objects(cluster.session.opened).cordon(ref, not unschedulable)
    return filled(CordonDialog(cluster.session, refs, unschedulable))


async def create(
    cluster: Cluster, *toggles: str, path: str = "one.yaml", text: str = settings("x"), namespace: str = "default", pasted: bool = False
) -> Filled:
    dialog = CreateDialog(cluster.session, namespace)
    (cluster.folder / path).parent.mkdir(parents=True, exist_ok=True)
    (cluster.folder / path).write_text(text)

    async def fill(pilot: Pilot[None]) -> None:
        if pasted:
            pilot.app.post_message(events.Paste(text))
        else:
            dialog.query_one("#create-path", Input).value = str((cluster.folder / path).parent if "/" in path else cluster.folder / path)
            await settle(pilot)
            dialog.action_confirm()
        await settle(pilot)
        for toggle in toggles:
            dialog.query_one(f"#{toggle}", Toggle).value = True
            await settle(pilot)

    return dialog, fill


async def apply(cluster: Cluster, *toggles: str, owner: str = "") -> Filled:
    """To a ConfigMap that podtui has created, and `owner` has changed."""
    await creation.create(cluster.session.objects, parse(settings("x")), "default")
    if owner:
        body, query = {"data": {"a": "theirs"}}, [("fieldManager", owner)]
        path = ObjectRef(CONFIG_MAPS, "x", "default").path
        await cluster.session.opened.json("PATCH", path, body=body, content_type="application/merge-patch+json", query=query)
    return await create(cluster, "create-apply", *toggles, text=settings("x", "2") + "---\n" + settings("new"))


async def edit(cluster: Cluster, resource: Resource, name: str, old: str, new: str) -> Filled:
    session = cluster.session
    change = await Edit.begin(session.objects, await cluster.ref(resource, name, "default"), session.settings.kubectl_options)
    assert old in change.text and await change.check(change.text.replace(old, new)) == []
    return filled(EditDialog(session, change, "Edit"))


async def edit_secret(cluster: Cluster) -> Filled:
    secret = "{apiVersion: v1, kind: Secret, metadata: {name: s}, data: {k: aHVzaA==}}"
    await creation.create(cluster.session.objects, parse(secret), "default")
    return await edit(cluster, SECRETS, "s", "aHVzaA==", "bG91ZA==")


CASES: dict[str, Case] = {
    "label": lambda cluster: label(cluster, "tier=web"),
    "label, nothing to overwrite though it is allowed": lambda cluster: label(cluster, "tier=web", "label-overwrite"),
    "label, overwrite": lambda cluster: label(cluster, "env=prod", "label-overwrite"),
    "label, remove": lambda cluster: label(cluster, "env- never-"),
    "label, several kinds of change": lambda cluster: label(cluster, "env=prod app- tier=web", "label-overwrite"),
    "label, several pods": lambda cluster: label(cluster, "tier=web", names=("a", "b", "shop/a")),
    "annotate": lambda cluster: label(cluster, "more='two words'", kind="annotations"),
    "annotate, overwrite": lambda cluster: label(cluster, 'note="it\'s" old-', "label-overwrite", kind="annotations"),
    "delete": delete,
    "delete, several pods": lambda cluster: delete(cluster, names=("a", "b", "shop/a")),
    "delete, grace period": lambda cluster: delete(cluster, delete_grace="5"),
    "delete, no grace period": lambda cluster: delete(cluster, delete_grace="0"),
    "delete, force": lambda cluster: delete(cluster, "delete-force"),
    "delete, orphan": lambda cluster: delete(cluster, delete_cascade="stays"),
    "delete, foreground": lambda cluster: delete(cluster, delete_cascade="goes first"),
    "delete by selector": lambda cluster: delete_selected(cluster, ("default", "shop"), "app=web,env in (debug)"),
    "delete by selector, all namespaces": lambda cluster: delete_selected(cluster, (), "app=web"),
    "delete all": lambda cluster: delete_selected(cluster, ("default",), ""),
    "delete a namespace": delete_namespace,
    "evict": lambda cluster: delete(cluster, "delete-evict", names=("a", "b")),
    "evict, grace period": lambda cluster: delete(cluster, "delete-evict", delete_grace="3"),
    "cordon": lambda cluster: cordon(cluster, "one"),
    "cordon, several nodes": lambda cluster: cordon(cluster, "one", "two"),
    "uncordon": lambda cluster: cordon(cluster, "one", "two", unschedulable=False),
    "create": create,
    "create, each document in its own namespace": lambda cluster: create(cluster, namespace="", text=POD.format(namespace="shop")),
    "create, a folder": lambda cluster: create(cluster, path="folder/one.yaml", text=settings("x") + "---\n" + settings("z")),
    "create, a name with a blank": lambda cluster: create(cluster, path="my file.yaml"),
    "create, pasted": lambda cluster: create(cluster, pasted=True, text=settings("x")),
    "create, pasted namespace": lambda cluster: create(cluster, pasted=True, text=NAMESPACE, namespace=""),
    "create a namespace": lambda cluster: namespace(cluster),
    "apply": apply,
    "apply, the fields of others": lambda cluster: apply(cluster, "create-force", owner="someone"),
    "edit": lambda cluster: edit(cluster, PODS, "a", "env: debug", "env: prod"),
    "edit, a field": lambda cluster: edit(cluster, PODS, "a", "image: nginx", "image: nginx:2"),
    "edit, a Secret": edit_secret,
}


async def namespace(cluster: Cluster) -> Filled:
    return filled(CreateNamespaceDialog(cluster.session), namespace_name="new")


async def confirmed(case: Filled, cluster: Cluster) -> tuple[list[str], list[Entry]]:
    """The commands that the dialog shows when it is confirmed, and the entries that come into the journal by it."""
    dialog, fill = case
    before, _ = await cluster.session.journal.entries()
    app = Shown(dialog)
    async with app.run_test(size=(100, 40)) as pilot:
        await settle(pilot)
        await fill(pilot)
        for number, confirmation in enumerate(dialog.asked):
            dialog.query_one(f"#dialog-word-{number}", Input).value = confirmation.word
        await settle(pilot)
        commands = list(dialog.commands)
        dialog.action_confirm()
        await settle(pilot)
        assert app.results and app.results[0], text(dialog, "#dialog-status-text")
    entries, _ = await cluster.session.journal.entries()
    return commands, entries[len(before) :]


def told_alike(commands: Sequence[str], entries: Sequence[Entry]) -> bool:
    """Whether the commands, in their order, are those of the entries, and no entry has another one."""
    shown, kept = "\n".join(commands), {entry.command for entry in entries}
    return all(kept) and "\n".join(sorted(kept, key=shown.find)) == shown


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
async def test_a_dialog_shows_the_command_that_the_journal_keeps_and_so_does_the_undo(case: Case, cluster: Cluster) -> None:
    session = cluster.session
    shown, entries = await confirmed(await case(cluster), cluster)
    assert entries and {entry.ending for entry in entries} == {"done"}
    assert told_alike(shown, entries), (shown, [entry.command for entry in entries])
    to_undo, _ = last_action((await session.journal.entries())[0], session.settings)
    if to_undo:
        shown, entries = await confirmed(filled(UndoDialog(session, to_undo)), cluster)
        assert entries and {entry.ending for entry in entries} == {"done"}
        assert told_alike(shown, entries), (shown, [entry.command for entry in entries])
