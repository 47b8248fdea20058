"""The journal and the undo dialog at 80x24: what they show, what they take back, what they never do."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest
from textual.widgets import Button, Input

from podtui.cluster.changes import journal_file
from podtui.cluster.changes.journal import Entry, Journal, Kept
from podtui.cluster.impact.related import Surroundings
from podtui.config import Config
from podtui.errors import Changed, ConfigError, Forbidden
from podtui.kube.resources import NAMESPACES, PODS, ObjectRef
from podtui.ui.journal.screen import JournalScreen
from podtui.ui.journal.undo_dialog import UndoDialog, undo_last
from podtui.ui.terminal.app import TerminalApp
from podtui.ui.terminal.picture import as_text
from podtui.ui.widgets.row_table import RowTable
from podtui.ui.widgets.text_line import TextLine
from podtui.ui.widgets.text_view import TextView
from tests.support.api_server import not_found, settings
from tests.support.screens import Shown, running, text
from tests.support.waiting import settle, until
from tests.unit.cluster.impact.test_effects import around, service, slice_of
from tests.unit.cluster.impact.test_effects import pod as impact_pod

KUBIA = ObjectRef(PODS, "kubia", "default", "u1")


class Objects:
    """What the undo calls: objects by their name, and what was done to them."""

    def __init__(self, **metadatas: dict[str, Any]) -> None:
        self.metadatas = metadatas
        self.calls: list[tuple[Any, ...]] = []
        self.failures: list[Exception] = []
        self.surroundings = Surroundings("default")

    async def metadata(self, ref: ObjectRef) -> dict[str, Any]:
        if ref.name not in self.metadatas:
            raise not_found("pods", ref.name)
        return {"uid": "u1", "resourceVersion": "7", **self.metadatas[ref.name]}

    async def patch_metadata(self, ref: ObjectRef, labels: Mapping[str, str | None], *, command: str, before: Any) -> dict[str, Any]:
        self.calls.append(("patch", ref.name, ref.uid, ref.resource_version, dict(labels or {})))
        if self.failures:
            raise self.failures.pop(0)
        self.metadatas[ref.name] = {"labels": {**self.metadatas[ref.name].get("labels", {}), **(labels or {})}}
        return {}

    async def delete(self, ref: ObjectRef, *, command: str) -> None:
        self.calls.append(("delete", ref.name, ref.uid))

    async def make(self, ref: ObjectRef, value: Mapping[str, Any], command: str) -> dict[str, Any]:
        self.calls.append(("make", ref.name, dict(value)))
        return {}


def session(objects: Objects, path: Path, **more: Any) -> Any:
    found = settings("http://x")

    async def around(pods: list[ObjectRef], *, adopters: bool) -> list[Surroundings]:
        return [objects.surroundings]

    more = {"around": around, **more}
    return SimpleNamespace(settings=found, config=Config(), objects=objects, journal=Journal(found, path), read_only_refusal="", **more)


async def written(session: Any, verb: str = "label", ref: ObjectRef = KUBIA, form: Any = "changes", **fields: Any) -> Entry:
    """An entry as a change leaves it."""
    ending, words = fields.pop("ending", "done"), fields.pop("words", "")
    command = fields.pop("command", "")
    entry: Entry = session.journal.new(verb, form, ref, command=command, kept=Kept(**fields))
    await session.journal.begin(entry)
    if ending != "pending":
        session.journal.end(entry, ending, words)
    entries: list[Entry] = (await session.journal.entries())[0]
    return entries[-1]


def labels(before: dict[str, str | None], after: dict[str, str | None]) -> dict[str, Any]:
    """The fields of an entry about labels."""
    return {"before": {"metadata": {"labels": before}}, "after": {"metadata": {"labels": after}}}


def rows(screen: JournalScreen) -> list[list[str]]:
    table = screen.query_one(RowTable)
    return [[cell.text for cell in screen._cells(key)][1:5] for key in table.keys]


def entry_text(screen: JournalScreen) -> str:
    view = screen.query_one(TextView)
    return "\n".join(view.body.document.text(number) for number in range(len(view.lines)))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.jsonl"


async def test_an_undo_shows_what_it_will_do_and_does_it_when_confirmed(path: Path) -> None:
    objects = Objects(kubia={"labels": {"env": "prod", "theirs": "1"}})
    found = session(objects, path)
    entry = await written(found, **labels({"env": "debug"}, {"env": "prod"}))
    dialog = UndoDialog(found, [entry])
    async with running(dialog) as pilot:
        await settle(pilot)
        assert "~ metadata.labels.env: prod → debug" in text(dialog, "#undo-steps")
        assert dialog.commands == ["kubectl --context dev label pod -n default kubia env=debug --overwrite"]
        assert isinstance(dialog.focused, Button) and dialog.focused.id == "dialog-cancel"
        assert objects.calls == []
        await pilot.press("tab", "enter")
        await settle(pilot)
        assert objects.calls == [("patch", "kubia", "u1", "7", {"env": "debug"})]
        assert pilot.app.results == [1] and pilot.app.told == ["undone: label pod/kubia in default"]


async def test_a_field_that_someone_changed_cannot_be_taken_back(path: Path) -> None:
    objects = Objects(kubia={"labels": {"env": "theirs"}})
    found = session(objects, path)
    dialog = UndoDialog(found, [await written(found, **labels({"env": "debug"}, {"env": "prod"}))])
    async with running(dialog) as pilot:
        await settle(pilot)
        assert "metadata.labels.env is theirs now; this change left prod" in text(dialog, "#undo-steps")
        assert dialog.query_one("#dialog-confirm", Button).has_class("-blocked") and dialog.commands == []
        await pilot.press("tab", "enter", "escape")
        await settle(pilot)
        assert objects.calls == [] and pilot.app.results == [None]


async def test_several_are_taken_back_after_their_number_was_typed_and_what_failed_stays(path: Path) -> None:
    objects = Objects(kubia={"labels": {"a": "1"}}, other={"labels": {"a": "1"}})
    found = session(objects, path)
    refs = [ObjectRef(PODS, name, "default", "u1") for name in ("kubia", "other")]
    entries = [await written(found, ref=ref, **labels({"a": None}, {"a": "1"})) for ref in refs]
    dialog = UndoDialog(found, entries)
    async with running(dialog) as pilot:
        await settle(pilot)
        assert dialog.query_one("#dialog-confirm", Button).has_class("-blocked")
        objects.failures = [Forbidden(403, "Forbidden", "you may not")]
        await pilot.press("2", "enter", "enter")
        await settle(pilot)
        assert [call[1] for call in objects.calls] == ["kubia", "other"]
        assert "✓ label pod/other in default  undone" in text(dialog, "#undo-steps")
        assert "✗ you may not" in text(dialog, "#undo-steps")
        assert dialog.confirm_label == "Retry"
        dialog.action_confirm()
        await settle(pilot)
        assert pilot.app.results == [2] and objects.metadatas["kubia"] == {"labels": {"a": None}}


async def test_a_change_in_other_fields_meanwhile_is_no_obstacle(path: Path) -> None:
    objects = Objects(kubia={"labels": {"a": "1"}})
    found = session(objects, path)
    dialog = UndoDialog(found, [await written(found, **labels({"a": None}, {"a": "1"}))])
    objects.failures = [Changed(409, "Conflict", "changed")]
    async with running(dialog) as pilot:
        await settle(pilot)
        await pilot.press("tab", "enter")
        await settle(pilot)
        assert len(objects.calls) == 2 and pilot.app.results == [1]


async def test_a_deleted_pod_is_made_again_and_said_to_be_a_new_one(path: Path) -> None:
    objects = Objects()
    found = session(objects, path)
    value = {"metadata": {"name": "kubia"}, "spec": {"a": 1}}
    dialog = UndoDialog(found, [await written(found, "delete", form="deletes", before=value)])
    async with running(dialog) as pilot:
        await settle(pilot)
        assert "this creates a new pod, with another UID" in text(dialog, "#undo-steps")
        await pilot.press("tab", "enter")
        await settle(pilot)
        assert objects.calls == [("make", "kubia", value)]


async def test_taking_back_a_created_namespace_asks_for_its_name(path: Path) -> None:
    objects = Objects(shop={})
    found = session(objects, path)
    entry = await written(found, "create", ObjectRef(NAMESPACES, "shop", "", "u1"), "creates", after={})
    dialog = UndoDialog(found, [entry])
    async with running(dialog) as pilot:
        await settle(pilot)
        assert dialog.danger and "with everything in it" in text(dialog, "#undo-steps")
        assert dialog.query_one("#dialog-confirm", Button).has_class("-blocked")
        dialog.query_one("#dialog-word-0", Input).value = "shop"
        await pilot.pause()
        dialog.action_confirm()
        await settle(pilot)
        assert objects.calls == [("delete", "shop", "u1")]


async def test_the_key_u_undoes_the_last_change_that_can_be_undone_and_says_which_cannot(path: Path) -> None:
    found = session(Objects(kubia={"labels": {"a": "1"}}), path)
    await written(found, **labels({"a": None}, {"a": "1"}))
    owners = [{"kind": "ReplicaSet", "name": "web-5d4", "controller": True}]
    await written(found, "delete", form="deletes", before={"metadata": {"ownerReferences": owners}})
    async with Shown().run_test(size=(80, 24)) as pilot:
        await undo_last(cast(TerminalApp, pilot.app), found)
        await settle(pilot)
        shown = text(pilot.app.screen, "#undo-steps")
        assert "! A later change cannot be undone: delete pod/kubia in default: its ReplicaSet/web-5d4 creates another one" in shown
        assert "- metadata.labels.a: 1" in shown


async def test_the_key_u_says_why_there_is_nothing_to_undo(path: Path) -> None:
    found = session(Objects(), path)
    app = Shown()
    async with app.run_test(size=(80, 24)) as pilot:
        await undo_last(cast(TerminalApp, app), found)
        await written(found, "delete", form="deletes", before=None)
        await undo_last(cast(TerminalApp, app), found)
        await pilot.pause()
    assert app.told == [
        "Nothing to undo: the journal has no change to this cluster",
        "Nothing to undo. delete pod/kubia in default: its manifest could not be read before",
    ]


async def test_the_journal_shows_filters_and_copies(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = session(Objects(), path)
    first = await written(found, command="kubectl label pod kubia env=prod", **labels({"env": None}, {"env": "prod"}))
    await written(found, "delete", ending="refused", words="\x1b[31m[b]you may not[/b]", form="deletes")
    journal_file.append(path, {"id": "x"})
    dead = Journal(settings("http://x"), path)  # of a program that died
    await dead.begin(dead.new("annotate", "changes", KUBIA))
    elsewhere = Journal(settings("http://elsewhere"), path)
    await elsewhere.begin(elsewhere.new("cordon", "changes", KUBIA))
    screen = JournalScreen(found)
    copied: list[str] = []
    monkeypatch.setattr(Shown, "copy_to_clipboard", lambda self, words: copied.append(words))
    async with running(screen) as pilot:
        await settle(pilot)
        assert rows(screen) == [
            ["? unknown", "annotate", "pod/kubia", "default"],
            ["✗ refused", "delete", "pod/kubia", "default"],
            ["✓ done", "label", "pod/kubia", "default"],
        ]
        assert screen.query_one("#journal-title", TextLine).text.split() == "Journal 3 changes to dev 1 unreadable line".split()
        await pilot.press("j")
        await pilot.pause()
        assert "␛[31m[b]you may not[/b]" in entry_text(screen)
        assert "cannot be undone: it was refused: nothing was changed" in entry_text(screen)
        await pilot.press("u")
        assert pilot.app.told == ["delete pod/kubia in default: it was refused: nothing was changed"]
        await pilot.press("slash", *"LABEL", "space", *"!annotate", "enter")
        await settle(pilot)
        assert [row[1] for row in rows(screen)] == ["label"]
        await pilot.press("c", "enter")
        await pilot.pause()
        assert copied == [first.command]
        assert "+ metadata.labels.env: prod" in entry_text(screen) and not screen.query_one(RowTable).display
        await pilot.press("escape", "escape")
        await pilot.pause()
        assert len(rows(screen)) == 3
        await pilot.press("a")
        await pilot.pause()
        assert rows(screen)[0] == ["? unknown", "cordon", "pod/kubia", "default"]
        await pilot.press("escape")
        await pilot.pause()
        assert pilot.app.results == [None]


async def test_the_journal_follows_what_is_done_and_says_what_is_under_way(path: Path) -> None:
    found = session(Objects(kubia={"labels": {"a": "1"}}), path)
    screen = JournalScreen(found)
    async with running(screen) as pilot:
        await settle(pilot)
        entry = found.journal.new("label", "changes", KUBIA, kept=Kept(**labels({"a": None}, {"a": "1"})))
        await found.journal.begin(entry)
        await settle(pilot)
        assert rows(screen)[0][0] == "… pending"
        found.journal.end(entry, "done")
        await settle(pilot)
        assert rows(screen)[0][0] == "✓ done"
        await pilot.press("u")
        await settle(pilot)
        assert isinstance(pilot.app.screen, UndoDialog)


async def test_nothing_is_undone_while_podtui_is_read_only(path: Path) -> None:
    found = session(Objects(kubia={"labels": {"a": "1"}}), path)
    await written(found, **labels({"a": None}, {"a": "1"}))
    found.read_only_refusal = "podtui is read-only (r turns it off)"
    screen = JournalScreen(found)
    async with running(screen) as pilot:
        await settle(pilot)
        await pilot.press("u")
        assert pilot.app.told == ["Undo: podtui is read-only (r turns it off)"]


async def test_a_text_of_several_lines_is_compared_line_by_line_and_json_indented(path: Path) -> None:
    found = session(Objects(), path)
    before, after = '{"a":1,"b":[1,2]}', '{"a":2,"b":[1,2]}'
    await written(found, before={"metadata": {"annotations": {"x": before}}}, after={"metadata": {"annotations": {"x": after + " " * 60}}})
    screen = JournalScreen(found)
    async with running(screen) as pilot:
        await settle(pilot)
        shown = entry_text(screen)
        assert '-  "a": 1,' in shown and '+  "a": 2,' in shown and '    "b": [' in shown


async def test_a_journal_that_cannot_be_read_is_said_to_be(tmp_path: Path) -> None:
    (tmp_path / "journal.jsonl").mkdir()
    found = session(Objects(), tmp_path / "journal.jsonl")
    screen = JournalScreen(found)
    async with running(screen) as pilot:
        await settle(pilot)
        assert "! it cannot be read" in screen.query_one("#journal-title", TextLine).text
        assert any("it is a folder" in line for line in screen.query_one(RowTable)._empty)


# -- the effects of an undo, and large values ---------------------------------------------------------------------


async def test_undoing_a_label_says_its_effects(tmp_path: Path) -> None:
    objects = Objects(kubia={"labels": {"app": "debug"}})
    objects.surroundings = around(
        impact_pod("kubia", {"app": "debug"}), services=[service("debug", {"app": "debug"})], slices=[slice_of("debug", kubia=True)]
    )
    pod = objects.surroundings.pods[0]
    objects.surroundings.pods = [msgspec.structs.replace(pod, metadata=msgspec.structs.replace(pod.metadata, uid="u1"))]
    objects.surroundings.slices = [slice_of("debug", u1=True)]
    found = session(objects, tmp_path / "journal.jsonl")
    dialog = UndoDialog(found, [await written(found, **labels({"app": None}, {"app": "debug"}))])
    async with running(dialog) as pilot:
        await settle(pilot)
        assert "! service/debug loses 1 endpoint: no ready endpoint is left" in text(dialog, "#undo-impact")


async def test_undoing_a_creation_says_who_holds_the_pod_and_that_nothing_recreates_it(tmp_path: Path) -> None:
    objects = Objects(kubia={})
    pod = impact_pod("kubia", finalizers={"farm.example/vet": "vet"})
    objects.surroundings = around(msgspec.structs.replace(pod, metadata=msgspec.structs.replace(pod.metadata, uid="u1")))
    found = session(objects, tmp_path / "journal.jsonl")
    dialog = UndoDialog(found, [await written(found, "create", form="creates")])
    async with running(dialog) as pilot:
        await settle(pilot)
        shown = text(dialog, "#undo-impact")
        assert "! No controller owns it: nothing recreates it" in shown and "A finalizer holds it: farm.example/vet (set by vet)" in shown


@pytest.mark.parametrize("value", ["x" * 200_000, "\n".join(["line"] * 20_000)])
async def test_a_large_annotation_does_not_push_the_buttons_off_the_screen(tmp_path: Path, value: str) -> None:
    objects = Objects(kubia={"annotations": {"note": value}})
    found = session(objects, tmp_path / "journal.jsonl")
    fields: dict[str, Any] = {
        "before": {"metadata": {"annotations": {"note": "old"}}},
        "after": {"metadata": {"annotations": {"note": value}}},
    }
    dialog = UndoDialog(found, [await written(found, "annotate", **fields)])
    async with running(dialog) as pilot:
        await settle(pilot)
        for button in dialog.query(Button):
            assert dialog.region.contains_region(button.region) and button.region.height


async def test_a_journal_that_could_not_be_written_does_not_say_that_there_was_no_change(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise ConfigError(f"cannot write {path}: No space left on device")

    monkeypatch.setattr(journal_file, "append", full)
    used = session(Objects(), path)
    await used.journal.begin(used.journal.new("label", "changes", KUBIA))
    await until(lambda: used.journal.trouble is not None)
    async with running(JournalScreen(used)) as pilot:
        await until(lambda: "No space left on device" in " ".join(as_text(pilot.app).split()))  # a long path may break the line
        assert "no change yet" not in as_text(pilot.app) and "! it cannot be written" in as_text(pilot.app)
