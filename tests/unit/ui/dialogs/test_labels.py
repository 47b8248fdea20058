"""The annotate dialog: the room that is left, values in an editor, completion, and a second look after a conflict."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from textual.widgets import Button, Input

from podtui.errors import Changed, EditorFailed, Forbidden
from podtui.kube.label_changes import ANNOTATIONS_SIZE
from podtui.kube.resources import NAMESPACES, NODES, PODS, ObjectRef
from podtui.ui.dialogs.choose import Chooser
from podtui.ui.dialogs.labels.dialog import LabelDialog
from podtui.ui.dialogs.labels.values import word_at
from podtui.ui.editor import editing
from tests.support.screens import confirm, running, text, typed
from tests.support.waiting import settle
from tests.unit.ui.dialogs.test_dialogs import Objects, kubia, meta, session


class Editor:
    """Stands for `edit_text`: what it was given, and what comes back."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *answers: Any) -> None:
        self.given: list[tuple[str, str, str, bool]] = []
        self._answers = list(answers)
        monkeypatch.setattr(editing, "edit_text", self)

    async def __call__(self, app: Any, text: str, name: str, title: str, *, built_in: bool) -> str | None:
        self.given.append((text, name, title, built_in))
        answer = self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        edited: str | None = answer(text) if callable(answer) else answer
        return edited


def annotating(objects: Objects, *names: str) -> LabelDialog:
    return LabelDialog(session(objects), [ObjectRef(PODS, name, "default") for name in names or ("kubia",)], "annotations")


async def test_json_is_edited_laid_out_and_sent_in_one_line_with_its_bytes_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    value = '{"a":1.0,"b":"\\u00e9"}\n'
    objects = Objects(kubia=meta(annotations={"example.com/config": value, "note": "x"}))
    editor = Editor(monkeypatch, lambda shown: shown.replace("1.0", "2"))
    dialog = annotating(objects)
    async with running(dialog) as pilot:
        await settle(pilot)
        await typed(pilot, "#label-changes", "example.com/config")
        await pilot.press("f4")
        await settle(pilot)
        assert editor.given == [('{\n  "a": 1.0,\n  "b": "\\u00e9"\n}', "config.json", "Annotation example.com/config", False)]
        assert dialog.query_one("#label-changes", Input).value == "" and dialog.change.overwrite
        difference = text(dialog, "#label-difference")
        assert '-  "a": 1.0,' in difference and '+  "a": 2,' in difference
        dialog.action_confirm()
        await settle(pilot)
        assert objects.calls[0][3] == {"example.com/config": '{"a":2,"b":"\\u00e9"}\n'}


async def test_a_value_that_was_not_edited_is_no_change(monkeypatch: pytest.MonkeyPatch) -> None:
    objects = Objects(kubia=meta(annotations={"config": '{"a" :1}'}))
    editor = Editor(monkeypatch, lambda shown: shown, None)
    dialog = annotating(objects)
    async with running(dialog) as pilot:
        await settle(pilot)
        for key in ("f3", "f4"):
            await pilot.press(key)  # the only annotation: there is nothing to choose
            await settle(pilot)
            assert not dialog.edited and confirm(dialog).has_class("-blocked")
        assert [built_in for *_, built_in in editor.given] == [True, False]


async def test_a_new_annotation_of_several_lines_is_written_in_the_editor(monkeypatch: pytest.MonkeyPatch) -> None:
    objects = Objects(kubia=meta(annotations={"a": "1"}))
    editor = Editor(monkeypatch, "two\nlines\n")
    dialog = annotating(objects)
    async with running(dialog) as pilot:
        await settle(pilot)
        await typed(pilot, "#label-changes", "other=x note='begun here' last-")
        dialog.query_one("#label-changes", Input).cursor_position = 15
        await pilot.press("f4")
        await settle(pilot)
        assert editor.given[0][:2] == ("begun here", "note.txt")
        assert dialog.query_one("#label-changes", Input).value == "other=x last-"
        assert "+ note:" in text(dialog, "#label-difference") and "+two" in text(dialog, "#label-difference")
        assert not dialog.change.overwrite
        await typed(pilot, "#label-changes", "note=again")
        assert "was edited in the editor" in text(dialog, "#label-fault") and confirm(dialog).has_class("-blocked")
        await typed(pilot, "#label-changes", "")
        dialog.action_confirm()
        await settle(pilot)
        assert objects.calls[0][3] == {"note": "two\nlines\n"}


async def test_which_annotation_is_edited_is_chosen_from_those_of_all_objects(monkeypatch: pytest.MonkeyPatch) -> None:
    objects = Objects(a=meta("ua", annotations={"one": "1"}), b=meta("ub", annotations={"one": "2", "two": "x"}))
    editor = Editor(monkeypatch, "3")
    dialog = annotating(objects, "a", "b")
    async with running(dialog) as pilot:
        await settle(pilot)
        await pilot.press("f4")
        await pilot.pause()
        assert isinstance(pilot.app.screen, Chooser)
        await pilot.press("enter")
        await settle(pilot)
        assert editor.given[0][0] == "1" and "(one of several: the objects' values differ)" in editor.given[0][2]
        assert "~ one: 1 → 3" in text(dialog, "#label-difference") and "~ one: 2 → 3" in text(dialog, "#label-difference")


async def test_an_editor_that_fails_is_reported_and_nothing_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    Editor(monkeypatch, EditorFailed("vi ended with exit code 1"))
    dialog = annotating(Objects(kubia=meta(annotations={"a": "1"})))
    async with running(dialog) as pilot:
        await settle(pilot)
        await typed(pilot, "#label-changes", "a=typed")
        await pilot.press("f4")
        await settle(pilot)
        assert "vi ended with exit code 1" in text(dialog, "#dialog-status-text")
        assert dialog.query_one("#label-changes", Input).value == "a=typed"


async def test_the_meter_tells_the_room_that_is_left_and_that_it_is_too_much() -> None:
    objects = Objects(kubia=meta(annotations={"big": "x" * (ANNOTATIONS_SIZE - 100)}), small=meta("us"))
    dialog = annotating(objects, "kubia", "small")
    async with running(dialog) as pilot:
        await settle(pilot)
        assert "255.9 of 256 KiB, 100 % (the fullest)" in text(dialog, "#label-meter")
        await typed(pilot, "#label-changes", f"note={'y' * 150}")
        assert "57 bytes too many" in text(dialog, "#label-meter")
        assert confirm(dialog).has_class("-blocked")
        await typed(pilot, "#label-changes", f"note={'y' * 150} big-")
        assert "0.2 of 256 KiB" in text(dialog, "#label-meter") and not dialog.blocked()


async def test_labels_have_no_meter_and_no_editor(monkeypatch: pytest.MonkeyPatch) -> None:
    editor = Editor(monkeypatch)
    dialog = LabelDialog(session(Objects(kubia=meta(labels={"a": "1"}))), [kubia()])
    async with running(dialog) as pilot:
        await settle(pilot)
        await pilot.press("f4", "f3")
        await settle(pilot)
        assert editor.given == [] and not dialog.query_one("#label-meter").display


async def test_keys_and_values_in_use_are_offered_with_their_number() -> None:
    objects = Objects(kubia=meta(annotations={"a": "1"}))
    objects.used = [{"team": "red"}, {"team": "blue"}, {"team": "blue", "tier": "web"}]
    dialog = annotating(objects)
    async with running(dialog) as pilot:
        await settle(pilot)
        await typed(pilot, "#label-changes", "t")
        assert text(dialog, "#label-candidates").split(": ")[1].split() == ["team", "(3)", "tier", "(1)"]
        await typed(pilot, "#label-changes", "x=1 team=")
        assert text(dialog, "#label-candidates").split(": ")[1].split() == ["blue", "(2)", "red", "(1)"]
        suggester = dialog.query_one("#label-changes", Input).suggester
        assert suggester is not None
        assert await suggester.get_suggestion("x=1 team=") == "x=1 team=blue"
        assert await suggester.get_suggestion("x=1 team=r") == "x=1 team=red"


async def test_the_pod_that_is_labelled_is_counted_once_among_those_that_have_a_label() -> None:
    objects = Objects(kubia=meta(labels={"release": "canary"}))
    opened = session(objects)
    opened.pods.rows["u1"] = SimpleNamespace(labels={"release": "canary"})
    dialog = LabelDialog(opened, [ObjectRef(PODS, "kubia", "default", "u1")])
    async with running(dialog) as pilot:
        await settle(pilot)
        assert "release (2)" in text(dialog, "#label-candidates")


@pytest.mark.parametrize("resource", [NODES, NAMESPACES])
async def test_nodes_and_namespaces_are_completed_from_their_own_kind(resource: Any) -> None:
    objects = Objects(n=meta("un", labels={"a": "1"}))
    objects.used = [{"zone": "x"}]
    dialog = LabelDialog(session(objects), [ObjectRef(resource, "n", "", "un")])
    async with running(dialog) as pilot:
        await settle(pilot)
        await typed(pilot, "#label-changes", "zo" if resource == NODES else "te")
        assert ("zone (1)" if resource == NODES else "team (1)") in text(dialog, "#label-candidates")
        assert "release" not in text(dialog, "#label-candidates")


async def test_who_may_not_list_types_without_help() -> None:
    objects = Objects(kubia=meta(annotations={"a": "1"}))
    objects.failures["in_use"] = [Forbidden(403, "Forbidden", "you may not list")]
    dialog = annotating(objects)
    async with running(dialog) as pilot:
        await settle(pilot)
        await typed(pilot, "#label-changes", "b=1")
        assert not dialog.blocked() and text(dialog, "#dialog-status-text") == ""


async def test_after_a_conflict_both_versions_are_shown_and_the_retry_is_on_the_new_one() -> None:
    objects = Objects(kubia=meta(annotations={"note": "mine"}))
    dialog = annotating(objects)
    async with running(dialog) as pilot:
        await settle(pilot)
        objects.failures["kubia"] = [Changed(409, "Conflict", "modified")]
        objects.metadatas["kubia"] = meta(version="8", annotations={"note": "theirs"})
        dialog.query_one("#label-overwrite").focus()
        await pilot.press("space")
        await typed(pilot, "#label-changes", "note=new")
        dialog.action_confirm()
        await settle(pilot)
        difference = text(dialog, "#label-difference")
        assert "! changed meanwhile: ~ note: mine → theirs" in difference and "~ note: theirs → new" in difference
        assert str(dialog.query_one("#dialog-confirm", Button).label) == "Retry"
        dialog.action_confirm()
        await settle(pilot)
        assert [call[2] for call in objects.calls] == ["7", "8"] and pilot.app.results == [1]


@pytest.mark.parametrize(
    ("typed_text", "cursor", "expected"),
    [
        ("", 0, ("", 0, 0)),
        ("a=1 b=2", 7, ("b=2", 4, 7)),
        ("a=1 b=2", 1, ("a=1", 0, 3)),
        ("a='x y'  b", 3, ("a=x y", 0, 7)),
        ("a='x", 2, ("", 2, 2)),
    ],
)
def test_the_word_at_the_cursor_is_found(typed_text: str, cursor: int, expected: tuple[str, int, int]) -> None:
    assert word_at(typed_text, cursor) == expected
