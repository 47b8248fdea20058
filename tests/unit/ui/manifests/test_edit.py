"""Editing an object, from the key to the server's answer, in podtui's own editor and with a server in memory."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from textual.pilot import Pilot
from textual.widgets import Static

from podtui.cluster.session import Session
from podtui.config import Config
from podtui.errors import Changed, Forbidden, Invalid
from podtui.kube.merge_patch import merged
from podtui.kube.resources import PODS, SECRETS, ObjectRef
from podtui.ui.editor.screen import EditorScreen
from podtui.ui.manifests.edit import EditDialog, start_editing
from podtui.ui.terminal.app import TerminalApp
from tests.support.api_server import not_found
from tests.support.screens import Shown, text
from tests.support.waiting import until

REF = ObjectRef(PODS, "web", "default", "u1")


class Server:
    """One pod; a change of it bumps its version."""

    def __init__(self) -> None:
        self.pod: dict[str, Any] = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "web", "namespace": "default", "uid": "u1", "resourceVersion": "1", "labels": {"app": "web"}},
            "spec": {"containers": [{"name": "main", "image": "a"}]},
        }
        self.sent: list[Mapping[str, Any]] = []
        self.failures: list[Exception] = []

    def change(self, patch: Mapping[str, Any]) -> None:
        self.pod = merged(self.pod, patch)
        self.pod["metadata"]["resourceVersion"] = str(int(self.pod["metadata"]["resourceVersion"]) + 1)

    async def get(self, ref: ObjectRef) -> dict[str, Any]:
        if not self.pod:
            raise not_found("pods", "web")
        return copy.deepcopy(self.pod)

    async def try_edit(self, ref: ObjectRef, patch: Mapping[str, Any]) -> dict[str, Any]:
        if ref.resource_version != self.pod["metadata"]["resourceVersion"]:
            raise Changed(409, "Conflict", "modified")
        if self.failures:
            raise self.failures.pop(0)
        return merged(self.pod, patch)

    async def edit(self, ref: ObjectRef, patch: Mapping[str, Any], command: str, *, before: Any) -> dict[str, Any]:
        await self.try_edit(ref, patch)
        assert before == self.pod
        self.sent.append(patch)
        self.change(patch)
        return self.pod


class Editing(Shown):
    def __init__(self, server: Server, ref: ObjectRef = REF) -> None:
        super().__init__()
        self.ref = ref
        self.options = SimpleNamespace(config=Config())
        self.terminal = SimpleNamespace(usable=False)  # as in a snapshot: podtui's own editor serves
        settings = SimpleNamespace(context="dev", kubectl_options=())
        self.session = SimpleNamespace(objects=server, settings=settings, config=Config(), around=self.around)

    def on_mount(self) -> None:
        start_editing(cast(TerminalApp, self), cast(Session, self.session), self.ref)

    async def around(self, refs: Any, *, adopters: bool) -> Any:
        raise Forbidden(403, "Forbidden", f"services of {refs[0].name} may not be listed")


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return tmp_path / "podtui"


async def opened(pilot: Pilot[None], kind: type[Any]) -> Any:
    """The screen of that kind, when it has come."""
    await until(lambda: isinstance(pilot.app.screen, kind))
    await pilot.pause()
    return pilot.app.screen


async def saved(pilot: Pilot[None], old: str, new: str) -> None:
    editor = await opened(pilot, EditorScreen)
    assert old in editor.area.content
    editor.area.content = editor.area.content.replace(old, new)
    await pilot.press("ctrl+s")


async def until_shown(pilot: Pilot[None], words: str) -> None:
    await until(lambda: any(words in str(static.render()) for static in pilot.app.screen.query(Static)))


async def told(pilot: Pilot[None], words: str) -> None:
    await until(lambda: any(words in text for text in cast(Shown, pilot.app).told))


async def test_the_difference_is_shown_before_it_is_sent() -> None:
    server = Server()
    async with Editing(server).run_test(size=(80, 24)) as pilot:
        await saved(pilot, "image: a", "image: b")
        dialog = await opened(pilot, EditDialog)
        shown = text(dialog, "#edit-difference")
        assert "-  - image: a" in shown and "+  - image: b" in shown
        patch = """kubectl patch pod -n default web --type=merge -p '{"spec": {"containers": [{"image": "b", "name": "main"}]}}'"""
        assert dialog.commands == [patch]
        assert dialog.focused is dialog.query_one("#dialog-cancel") and server.sent == []
        await pilot.press("tab", "enter")
        await told(pilot, "pod/web edited")
        assert server.sent == [{"spec": {"containers": [{"image": "b", "name": "main"}]}}]


async def test_what_someone_else_changed_meanwhile_is_shown_with_both_versions() -> None:
    server = Server()
    async with Editing(server).run_test(size=(80, 24)) as pilot:
        await saved(pilot, "app: web", "app: shop")
        dialog = await opened(pilot, EditDialog)
        server.change({"metadata": {"labels": {"app": "theirs"}}, "status": {"phase": "Running"}})
        await pilot.press("tab", "enter")
        for _ in range(1000):
            await pilot.pause(0.01)
            if "theirs" in text(dialog, "#edit-difference"):
                break
        shown = text(dialog, "#edit-difference")
        assert '! metadata.labels.app was changed meanwhile: "web" → "theirs"' in shown and "-    app: theirs" in shown
        assert "changed meanwhile by someone else" in text(dialog, "#dialog-status-text") and server.sent == []
        dialog.action_confirm()
        await told(pilot, "pod/web edited")
        assert server.pod["metadata"]["labels"] == {"app": "shop"} and server.pod["status"] == {"phase": "Running"}


async def test_what_the_server_refuses_is_edited_again_and_kept_when_it_is_left(state: Path) -> None:
    server = Server()
    server.failures = [Invalid(422, "Invalid", "no", {"causes": [{"field": "spec.containers[0].image", "message": "Required value"}]})]
    async with Editing(server).run_test(size=(80, 24)) as pilot:
        await saved(pilot, "image: a", "image: ''")
        editor = await opened(pilot, EditorScreen)
        for _ in range(1000):
            await pilot.pause(0.01)
            if editor.area.messages:
                break
        ((line, words),) = editor.area.messages.items()
        assert words == "spec.containers[0].image: Required value" and "image: ''" in editor.area.document.get_line(line)
        await pilot.press("escape", "escape")
        await told(pilot, "What you typed is kept in")
        (kept,) = (state / "kept").iterdir()
        assert "image: ''" in kept.read_text() and server.sent == []


async def test_a_cancelled_difference_keeps_the_text_and_f4_goes_on_editing(state: Path) -> None:
    server = Server()
    async with Editing(server).run_test(size=(80, 24)) as pilot:
        await saved(pilot, "app: web", "app: shop")
        await opened(pilot, EditDialog)
        await until_shown(pilot, "services of web may not be listed")  # the effects of a change of labels
        await pilot.press("f4")
        await saved(pilot, "app: shop", "app: other")
        dialog = await opened(pilot, EditDialog)
        assert "+    app: other" in text(dialog, "#edit-difference")
        await pilot.press("escape")
        await told(pilot, "Edit cancelled. What you typed is kept in")
        (kept,) = (state / "kept").iterdir()
        assert "app: other" in kept.read_text() and server.sent == []


async def test_values_of_a_secret_are_masked_in_the_difference_and_in_what_is_kept(state: Path) -> None:
    server = Server()
    server.pod = {**server.pod, "kind": "Secret", "data": {"k": "aHVudGVyMg=="}}
    async with Editing(server, ObjectRef(SECRETS, "web", "default", "u1")).run_test(size=(80, 24)) as pilot:
        await saved(pilot, "aHVudGVyMg==", "Y29ycmVjdA==")
        dialog = await opened(pilot, EditDialog)
        shown = text(dialog, "#edit-difference")
        assert "-  k: '*** (before)'" in shown and "+  k: '*** (after)'" in shown and "masked; F6 shows them" in shown
        assert dialog.commands == ["kubectl edit secret -n default web"]
        await pilot.press("f6")
        await until_shown(pilot, "-  k: aHVudGVyMg==")
        server.change({"data": {"k": "b3RoZXI="}})
        dialog.action_confirm()
        await until_shown(pilot, "data.k was changed meanwhile")
        assert "b3RoZXI=" not in text(dialog, "#edit-difference")
        await pilot.press("escape")
        await told(pilot, "What you typed is kept without the values of its Secrets in")
        (kept,) = (state / "kept").iterdir()
        assert "k: '***'" in kept.read_text() and "Y29ycmVjdA==" not in kept.read_text()


async def test_quitting_podtui_at_the_difference_keeps_the_text(state: Path) -> None:
    app = Editing(Server())
    async with app.run_test(size=(80, 24)) as pilot:
        await saved(pilot, "image: a", "image: b")
        await opened(pilot, EditDialog)
        app.exit()
    (kept,) = (state / "kept").iterdir()
    assert "image: b" in kept.read_text() and app.farewell == [f"What you typed is kept in {kept}"]


async def test_the_key_pressed_twice_opens_one_editor() -> None:
    server = Server()
    app = Editing(server)
    async with app.run_test(size=(80, 24)) as pilot:
        start_editing(cast(TerminalApp, app), cast(Session, app.session), REF)  # the second time
        await saved(pilot, "app: web", "app:  web")
        await told(pilot, "Edit cancelled, no changes made.")
        await pilot.pause(0.2)
        assert not isinstance(app.screen, EditorScreen)


async def test_an_edit_without_a_change_is_cancelled() -> None:
    server = Server()
    async with Editing(server).run_test(size=(80, 24)) as pilot:
        await saved(pilot, "app: web", "app:  web")
        await told(pilot, "Edit cancelled, no changes made.")


async def test_what_cannot_be_read_is_not_edited() -> None:
    server = Server()
    server.pod = {}
    async with Editing(server).run_test(size=(80, 24)) as pilot:
        await told(pilot, 'pods "web" not found')


async def test_a_missing_right_is_reported_in_the_editor_and_nothing_is_lost() -> None:
    server = Server()
    server.failures = [Forbidden(403, "Forbidden", 'pods "web" is forbidden: User "x" cannot patch')]
    async with Editing(server).run_test(size=(80, 24)) as pilot:
        await saved(pilot, "app: web", "app: shop")
        editor = await opened(pilot, EditorScreen)
        for _ in range(1000):
            await pilot.pause(0.01)
            if "cannot patch" in text(editor, "#editor-messages"):
                break
        assert "cannot patch" in text(editor, "#editor-messages") and "app: shop" in editor.area.content
