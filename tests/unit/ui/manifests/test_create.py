"""What the create dialog does beside reading a file: pastes, the editor, what exists already, where things go; and new namespaces."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from textual import events
from textual.pilot import Pilot
from textual.widgets import Input, OptionList
from textual.widgets._toggle_button import ToggleButton

from podtui.cluster.changes.apply import FieldConflict, Preview
from podtui.cluster.changes.creation import Outcome
from podtui.config import Config
from podtui.errors import Conflict, Invalid
from podtui.kube.manifests import documents as manifests
from podtui.kube.manifests.documents import Document
from podtui.kube.manifests.faults import Fault
from podtui.kube.manifests.three_way import difference
from podtui.kube.resources import NAMESPACES, PODS, SECRETS, ObjectRef
from podtui.ui.editor.screen import EditorScreen
from podtui.ui.manifests.create import CreateDialog
from podtui.ui.manifests.create_namespace import CreateNamespaceDialog
from podtui.ui.manifests.templates import TEMPLATES
from tests.support.screens import Shown, confirm, text, typed
from tests.support.waiting import settle, until
from tests.unit.ui.dialogs.test_dialogs import Objects, faked_creation, session

__all__ = ["faked_creation"]

POD = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: b\n"


def existing(document: Document, *conflicts: FieldConflict) -> Outcome:
    ref = ObjectRef(PODS, "b", "default", "u1", "7")
    lines = ("@@ -1,1 +1,1 @@", "-    image: one", "+    image: two")
    return Outcome(document, "exists", ref, preview=Preview(ref, {}, {}, lines, conflicts))


def opened(objects: Objects, namespace: str = "default") -> tuple[CreateDialog, Any]:
    made = session(objects)
    made.settings.namespace = "of-the-context"
    made.known_namespaces = ["default", "kube-system"]
    dialog = CreateDialog(made, namespace)
    app = Shown(dialog)
    app.options = SimpleNamespace(config=Config(editor="built-in"))  # type: ignore[attr-defined]
    app.terminal = SimpleNamespace(usable=False)  # type: ignore[attr-defined]
    return dialog, app


async def checked(pilot: Pilot[None], content: str) -> None:
    pilot.app.post_message(events.Paste(content))
    await settle(pilot)


async def test_a_paste_of_several_lines_is_tried_at_once_and_created() -> None:
    objects = Objects()
    dialog, app = opened(objects)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await checked(pilot, POD.replace("\n", "\r"))  # as terminals send it
        assert objects.calls == [("check", "default", 1)] and "✓ pod/b" in text(dialog, "#create-documents")
        assert dialog.commands == ["kubectl --context dev create -n default -f -"]
        await pilot.press("tab", "enter")
        await settle(pilot)
        assert app.results == [1] and app.told == ["pod/b created"]


async def test_a_paste_of_one_line_is_a_path_unless_it_is_json() -> None:
    dialog, app = opened(Objects())
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await checked(pilot, "/tmp/pod.yaml\n")
        assert dialog.path == "/tmp/pod.yaml"
        await checked(pilot, '{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "b"}}')
        assert dialog.path == "" and "✓ pod/b" in text(dialog, "#create-documents")


async def test_enter_without_a_path_offers_the_templates_and_checks_what_the_editor_saves() -> None:
    objects = Objects()
    objects.outcomes = [lambda one: Outcome(one, "refused", error=Invalid(422, "Invalid", "no"), faults=(Fault(4, "no such name"),))]
    dialog, app = opened(objects)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        assert str(confirm(dialog).label) == "Editor"
        await pilot.press("enter")
        await pilot.pause()
        assert app.screen.query_one(OptionList).option_count == len(TEMPLATES)
        await pilot.press("enter")
        await pilot.pause()
        assert isinstance(app.screen, EditorScreen) and app.screen.area.content == TEMPLATES["pod"]
        app.screen.area.content = POD
        await pilot.press("ctrl+s")
        await settle_editor(pilot)
        assert isinstance(app.screen, EditorScreen) and app.screen.area.messages == {3: "no such name"}
        await pilot.press("ctrl+s")  # the second time it is well
        await settle(pilot)
        assert app.screen_stack[-1] is dialog and str(confirm(dialog).label) == "Create"
        await pilot.press("tab", "enter")
        await settle(pilot)
        assert objects.calls[-1] == ("create", "default", 1) and app.results == [1]


async def settle_editor(pilot: Pilot[None]) -> None:
    """As settle, but the dialog's own worker waits for the editor."""
    for _ in range(10):
        await pilot.pause()


async def test_what_was_written_and_is_not_created_is_offered_again() -> None:
    dialog, app = opened(Objects())
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("enter")
        await pilot.pause()
        await pilot.press("enter")
        await pilot.pause()
        app.screen.area.content = POD
        await pilot.press("ctrl+s")
        await settle(pilot)
        assert app.screen is dialog
        await pilot.press("escape")
        await pilot.pause()
        assert app.told == ["Nothing was created. The text is offered again next time."]
        again = await next_dialog(pilot, Objects())
        assert again.query_one("#create-path", Input).placeholder == "4 lines from before; a path replaces them"
        await pilot.press("f4")
        await settle_editor(pilot)
        assert isinstance(app.screen, EditorScreen) and app.screen.area.content == POD


async def next_dialog(pilot: Pilot[None], objects: Objects) -> CreateDialog:
    """The dialog that the same application opens next."""
    dialog, _ = opened(objects)
    await pilot.app.push_screen(dialog)
    await settle(pilot)
    return dialog


async def test_a_paste_that_is_cancelled_is_offered_again_until_it_is_created() -> None:
    _dialog, app = opened(Objects())
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await checked(pilot, POD)
        await pilot.press("escape")
        await pilot.pause()
        objects = Objects()
        again = await next_dialog(pilot, objects)
        assert "F4 edits the text, F5 puts it aside" in text(again, "#create-hint") and objects.calls == []
        await pilot.press("enter")
        await settle(pilot)
        assert objects.calls == [("check", "default", 1)] and "✓ pod/b" in text(again, "#create-documents")
        await pilot.press("tab", "enter")
        await settle(pilot)
        assert objects.calls[-1] == ("create", "default", 1) and app.drafts == {}
        assert (await next_dialog(pilot, Objects())).query_one("#create-path", Input).placeholder.startswith("the path of")


async def test_a_dialog_that_something_else_closes_leaves_its_paste_too() -> None:
    _dialog, app = opened(Objects())
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await checked(pilot, POD)
        await app.pop_screen()
        assert app.drafts["manifest.yaml"].text == POD


async def test_a_path_takes_the_place_of_a_paste_which_is_back_without_it() -> None:
    dialog, app = opened(Objects())
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await checked(pilot, POD)
        await typed(pilot, "#create-path", "x.yaml")
        assert dialog.commands == ["kubectl --context dev create -n default -f x.yaml"]
        await typed(pilot, "#create-path", "")
        assert dialog.commands == ["kubectl --context dev create -n default -f -"]


async def test_a_text_that_is_put_aside_is_in_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    dialog, app = opened(Objects())
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await checked(pilot, POD)
        await pilot.press("f5")
        await pilot.pause()
        (kept,) = (tmp_path / "podtui" / "kept").iterdir()
        assert kept.read_text() == POD and app.told == [f"What you typed is kept in {kept}"]
        assert str(confirm(dialog).label) == "Editor" and app.drafts == {}


async def test_a_refused_file_is_corrected_in_the_editor_and_stays_as_it_was(tmp_path: Path) -> None:
    file = tmp_path / "pod.yaml"
    file.write_text(POD)
    objects = Objects()
    objects.outcomes = [lambda one: Outcome(one, "refused", error=Invalid(422, "Invalid", "no"), faults=(Fault(4, "no such name"),))]
    dialog, app = opened(objects)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await typed(pilot, "#create-path", str(file))
        await pilot.press("enter")
        await settle(pilot)
        assert "line 4: no such name" in text(dialog, "#create-documents")
        await pilot.press("f4")
        await settle_editor(pilot)
        assert isinstance(app.screen, EditorScreen)
        app.screen.area.content = POD.replace("b", "c")
        await pilot.press("ctrl+s")
        await settle(pilot)
        assert "✓ pod/c" in text(dialog, "#create-documents") and file.read_text() == POD


async def test_what_exists_is_left_until_its_difference_is_to_be_applied() -> None:
    objects = Objects()
    objects.outcomes = [existing, lambda one: Outcome(one, "applied", ObjectRef(PODS, "b", "default"))]
    dialog, app = opened(objects)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await checked(pilot, POD)
        listed = text(dialog, "#create-documents")
        assert "~ pod/b already exists" in listed and "-    image: one" in listed and "+    image: two" in listed
        assert confirm(dialog).has_class("-blocked") and "it already exists" in text(dialog, "#dialog-hint")
        assert dialog.focused is dialog.query_one("#create-apply")
        await pilot.press("space")
        assert not dialog.query_one("#create-force").display and str(confirm(dialog).label) == "Apply"
        assert dialog.commands == ["kubectl --context dev apply -n default --server-side --field-manager=podtui -f -"]
        dialog.action_confirm()
        await settle(pilot)
        assert objects.choices == [(True, True, False)] and app.told == ["pod/b serverside-applied"]


async def test_values_of_a_secret_are_masked_in_its_difference_and_shown_at_a_key_unless_the_screen_is_recorded() -> None:
    before = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "b"}, "data": {"k": "aHVudGVyMg=="}}
    after = {**before, "data": {"k": "Y29ycmVjdA=="}}
    ref = ObjectRef(SECRETS, "b", "default", "u1", "7")
    objects = Objects()
    objects.outcomes = [lambda one: Outcome(one, "exists", ref, preview=Preview(ref, before, after, tuple(difference(before, after))))]
    dialog, app = opened(objects)
    app.recorded = True
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await checked(pilot, POD.replace("Pod", "Secret"))
        await pilot.press("f6")
        await settle(pilot)
        listed = text(dialog, "#create-documents")
        assert "k: '*** (before)'" in listed and "k: '*** (after)'" in listed and "masked; F6 shows them" in listed
        assert "not shown where the screen is recorded" in text(dialog, "#dialog-status-text")
        app.recorded = False
        await pilot.press("f6")
        await settle(pilot)
        listed = text(dialog, "#create-documents")
        assert "-  k: aHVudGVyMg==" in listed and "+  k: Y29ycmVjdA==" in listed and "F6 masks them" in listed
        await pilot.press("f6")
        await settle(pilot)
        assert "aHVudGVyMg==" not in text(dialog, "#create-documents")


class Slow(Objects):
    """The server answers when it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.answer = asyncio.Event()

    async def check(self, documents: list[Document], namespace: str, *, enforce: bool) -> list[Outcome]:
        await self.answer.wait()
        return await super().check(documents, namespace, enforce=enforce)


async def test_the_choice_that_has_the_focus_is_in_view_below_a_long_difference() -> None:
    lines = ("@@ -1,20 +1,20 @@", *(f"+    line: {number}" for number in range(20)))
    ref = ObjectRef(PODS, "b", "default", "u1", "7")
    objects = Slow()
    objects.outcomes = [lambda one: Outcome(one, "exists", ref, preview=Preview(ref, {}, {}, lines))]
    dialog, app = opened(objects)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        pilot.app.post_message(events.Paste(POD))
        await until(lambda: "Asking the server" in text(dialog, "#dialog-status-text"))
        for _ in range(5):
            await pilot.pause()  # painted
        objects.answer.set()
        await settle(pilot)
        choice, body = dialog.query_one("#create-apply"), dialog.query_one("#dialog-body")
        assert dialog.focused is choice
        assert body.region.contains_region(choice.region), (body.region, choice.region)


async def test_an_object_that_exists_and_cannot_be_changed_so_is_refused_with_both_reasons() -> None:
    objects = Objects()
    refusal = Invalid(422, "Invalid", "spec: Forbidden: pod updates may not add or remove containers")
    objects.outcomes = [lambda one: Outcome(one, "refused", ObjectRef(PODS, "b", "default"), refusal, existing=True)]
    dialog, app = opened(objects)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await checked(pilot, POD)
        listed = " ".join(text(dialog, "#create-documents").split())
        assert "✗ pod/b already exists, and cannot be changed into this" in listed and "may not add or remove containers" in listed


async def test_fields_of_others_are_taken_over_only_by_an_explicit_choice() -> None:
    objects = Objects()
    objects.outcomes = [lambda one: existing(one, FieldConflict(".spec.image", '"helm" using v1'))]
    dialog, app = opened(objects)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await checked(pilot, POD)
        assert '! .spec.image is owned by "helm" using v1' in text(dialog, "#create-documents")
        await pilot.press("space")
        assert confirm(dialog).has_class("-blocked") and "others own some of the fields" in text(dialog, "#dialog-hint")
        dialog.query_one("#create-force", ToggleButton).value = True
        await pilot.pause()
        assert not confirm(dialog).has_class("-blocked") and "--force-conflicts" in dialog.commands[0]
        dialog.action_confirm()
        await settle(pilot)
        assert objects.choices == [(True, True, True)]


async def test_with_others_to_create_what_exists_may_be_left() -> None:
    objects = Objects()
    objects.outcomes = [existing, lambda one: Outcome(one, "left", ObjectRef(PODS, "b", "default"))]
    dialog, app = opened(objects)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await checked(pilot, f"{POD}---\n{POD.replace('b', 'a')}")
        assert not confirm(dialog).has_class("-blocked") and "1 of 2 already exist" in text(dialog, "#dialog-status-text")
        dialog.action_confirm()
        await settle(pilot)
        assert objects.choices == [(True, False, False)] and app.told == ["pod/b left as it was\npod/a created"]


async def test_each_document_goes_to_its_own_namespace_when_none_is_given() -> None:
    objects = Objects()
    dialog, app = opened(objects, "")
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        assert dialog.query_one("#create-namespace", Input).value == ""
        await checked(pilot, POD)
        assert objects.calls == [("check", "of-the-context", 1)] and dialog.commands == ["kubectl --context dev create -f -"]
        await typed(pilot, "#create-namespace", "elsewhere")
        assert str(confirm(dialog).label) == "Check" and "in namespace elsewhere" in text(dialog, "#dialog-title")
        dialog.action_confirm()
        await settle(pilot)
        assert objects.calls[-1] == ("check", "elsewhere", 1)
        dialog.action_confirm()
        await settle(pilot)
        assert objects.choices == [(True, False, False)]


def test_every_template_is_a_manifest() -> None:
    for name, template in TEMPLATES.items():
        if name != "nothing":
            (document,) = manifests.parse(template)
            assert document.kind in ("Pod", "Namespace")


async def test_a_namespace_is_created_by_its_name() -> None:
    objects = Objects()
    made = session(objects)
    made.known_namespaces = ["default"]
    dialog = CreateNamespaceDialog(made)
    app = Shown(dialog)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        assert confirm(dialog).has_class("-blocked")
        await typed(pilot, "#namespace-name", "Not_Valid")
        assert confirm(dialog).has_class("-blocked") and "lower case alphanumeric" in text(dialog, "#dialog-status-text")
        await typed(pilot, "#namespace-name", "default")
        assert confirm(dialog).has_class("-blocked") and "it already exists" in text(dialog, "#dialog-hint")
        await typed(pilot, "#namespace-name", "b")
        assert dialog.commands == ["kubectl --context dev create namespace b"]
        taken = Conflict(409, "AlreadyExists", 'namespaces "b" already exists')
        objects.outcomes = [
            lambda one: Outcome(one, "refused", error=taken),
            lambda one: Outcome(one, "created", ObjectRef(NAMESPACES, "b")),
        ]
        await pilot.press("enter", "enter")
        await settle(pilot)
        assert 'namespaces "b" already exists' in text(dialog, "#dialog-status-text") and dialog.change.name == "b"
        dialog.action_confirm()
        await settle(pilot)
        assert app.results == ["b"] and app.told == ["namespace/b created"]
