"""The dialogs at 80x24 with a session that is not connected to anything: what they show, what they send, what they never do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widget import Widget
from textual.widgets import Button, Input, Static

from podtui.cluster.changes import creation
from podtui.cluster.changes.creation import Outcome
from podtui.cluster.impact.namespace_contents import Contents
from podtui.cluster.impact.related import Surroundings
from podtui.config import Config
from podtui.errors import UNKNOWN, Changed, ConnectionFailed, Forbidden, Invalid, NotFound, ReadOnlyError, Replaced
from podtui.kube.manifests.documents import Document
from podtui.kube.resources import NAMESPACES, PODS, ObjectRef
from podtui.ui.dialogs.delete import DeleteDialog
from podtui.ui.dialogs.dialog import Dialog
from podtui.ui.dialogs.labels.dialog import LabelDialog
from podtui.ui.manifests.create import CreateDialog
from podtui.ui.manifests.path_input import complete
from tests.support.api_server import not_found
from tests.support.screens import Shown, confirm, running, text, typed
from tests.support.waiting import settle


class Objects:
    """What the dialogs call. Each of `metadatas` is what one object has; failures are raised once, in their order."""

    def __init__(self, **metadatas: dict[str, Any]) -> None:
        self.metadatas = metadatas
        self.failures: dict[str, list[Exception]] = {}
        self.calls: list[tuple[Any, ...]] = []
        self.used: list[dict[str, str]] = []  # labels or annotations of other objects of the kind
        self.go = asyncio.Event()
        self.go.set()
        self.outcomes: list[Callable[[Document], Outcome]] = []
        self.choices: list[tuple[bool, bool, bool]] = []
        self.running = self.most = 0
        self.holding: list[str] = []  # what a namespace that is being deleted still waits for
        self.surroundings: list[Surroundings] = []
        self.forbidden: set[str] = set()

    async def _fail(self, name: str) -> None:
        self.running += 1
        self.most = max(self.most, self.running)
        await self.go.wait()
        await asyncio.sleep(0)
        self.running -= 1
        if self.failures.get(name):
            raise self.failures[name].pop(0)

    async def metadata(self, ref: ObjectRef) -> dict[str, Any]:
        if ref.name not in self.metadatas:
            raise not_found("pods", ref.name)
        return dict(self.metadatas[ref.name])

    async def patch_metadata(
        self, ref: ObjectRef, labels: Any = None, annotations: Any = None, *, command: str, before: Any
    ) -> dict[str, Any]:
        self.calls.append((ref.name, ref.uid, ref.resource_version, labels or annotations))
        await self._fail(ref.name)
        return {}

    async def in_use(self, ref: ObjectRef, kind: str) -> list[dict[str, str]]:
        if self.failures.get("in_use"):
            raise self.failures["in_use"].pop(0)
        return self.used

    async def delete(self, ref: ObjectRef, grace_seconds: int | None, force: bool, propagation: str, *, command: str) -> None:
        self.calls.append((ref.name, ref.uid, grace_seconds, force, *([] if propagation == "Background" else [propagation])))
        await self._fail(ref.name)

    async def evict(self, ref: ObjectRef, grace_seconds: int | None, *, command: str) -> None:
        self.calls.append(("evict", ref.name, ref.uid, grace_seconds))
        await self._fail(ref.name)

    async def select(self, resource: Any, namespaces: tuple[str, ...], selector: str) -> list[ObjectRef]:
        self.calls.append(("select", namespaces, selector))
        await self._fail("select")
        return [ObjectRef(resource, name, "default", f"u{name}") for name in self.metadatas]

    async def around(self, refs: list[ObjectRef], *, adopters: bool) -> list[Surroundings]:
        await self._fail("around")
        return self.surroundings

    async def contents(self, namespace: str) -> Contents:
        return Contents(
            namespace, {"pods": 12, "persistentvolumeclaims": 1}, ["you lack permission to list secrets"], bool(self.holding), self.holding
        )

    async def can(self, verb: str, resource: str, namespace: str, subresource: str = "", group: str = "") -> bool:
        return f"{verb} {resource}/{subresource} {namespace}" not in self.forbidden

    async def check(self, documents: list[Document], namespace: str, *, enforce: bool) -> list[Outcome]:
        self.calls.append(("check", namespace, len(documents)))
        await self._fail("check")
        return self._outcomes(documents, "checked")

    async def create(self, documents: list[Document], namespace: str, *, enforce: bool = True, **choice: Any) -> list[Outcome]:
        self.choices.append((enforce, choice.get("apply", False), choice.get("force", False)))
        self.calls.append(("create", namespace, len(documents)))
        await self._fail("create")
        return self._outcomes(documents, "created")

    def _outcomes(self, documents: list[Document], state: Any) -> list[Outcome]:
        made = [Outcome(one, state, ObjectRef(PODS, one.name, "default")) for one in documents]
        if self.outcomes:
            change = self.outcomes.pop(0)
            made = [change(one.document) if one.document.name == "b" else one for one in made]
        return made


@pytest.fixture(autouse=True)
def faked_creation(monkeypatch: pytest.MonkeyPatch) -> None:
    """The `Objects` of a test answer for the server, where they are these."""

    def answered(name: str, real: Any, objects: Any, *arguments: Any, **options: Any) -> Any:
        return getattr(objects, name, partial(real, objects))(*arguments, **options)

    for name in ("check", "create"):
        monkeypatch.setattr(creation, name, partial(answered, name, getattr(creation, name)))


def meta(uid: str = "u1", version: str = "7", **more: Any) -> dict[str, Any]:
    return {"uid": uid, "resourceVersion": version, **more}


def session(objects: Objects, protected: tuple[str, ...] = ()) -> Any:
    rows = {"r": SimpleNamespace(labels={"release": "stable"})}
    return SimpleNamespace(
        settings=SimpleNamespace(context="dev", namespace="default", kubectl_options=("--context", "dev")),
        known_namespaces=["default"],
        config=Config(protected_contexts=list(protected)),
        objects=objects,
        pods=SimpleNamespace(rows=rows),
        around=objects.around,
        contents=objects.contents,
        access=objects,
        namespaces=SimpleNamespace(rows={"n": SimpleNamespace(labels={"team": "blue"})}),
    )


@asynccontextmanager
async def labelling(objects: Objects) -> AsyncIterator[tuple[LabelDialog, Any]]:
    """The labels of the pod `kubia`, open and read."""
    dialog = LabelDialog(session(objects), [kubia()])
    async with running(dialog) as pilot:
        await settle(pilot)
        yield dialog, pilot


def kubia(**more: Any) -> ObjectRef:
    return ObjectRef(PODS, "kubia", "default", "u1", **more)


# -- labels -------------------------------------------------------------------------------------------------------


async def test_the_label_dialog_shows_the_difference_and_the_command_and_sends_both_preconditions() -> None:
    objects = Objects(kubia=meta(labels={"env": "debug", "canary": "true"}))
    async with labelling(objects) as (dialog, pilot):
        assert dialog.focused is dialog.query_one("#label-changes")
        assert "canary=true" in text(dialog, "#label-current") and "env=debug" in text(dialog, "#label-current")
        await typed(pilot, "#label-changes", "env=prod tier=web canary- nope-")
        difference = text(dialog, "#label-difference")
        for line in ("~ env: debug → prod", "+ tier=web", "- canary (was true)", '= label "nope" not found.'):
            assert line in difference
        assert "'env' already has a value (debug), and --overwrite is false" in difference
        assert confirm(dialog).has_class("-blocked")
        await pilot.press("enter")
        assert dialog.focused is dialog.query_one("#label-overwrite"), "which is missing"
        await pilot.press("space")
        assert dialog.commands == ["kubectl --context dev label pod -n default kubia env=prod tier=web canary- nope- --overwrite"]
        assert "$ kubectl --context dev label pod" in text(dialog, "#dialog-command-text")
        await pilot.press("tab", "tab", "enter")
        await settle(pilot)
        assert objects.calls == [("kubia", "u1", "7", {"env": "prod", "tier": "web", "canary": None, "nope": None})]
        assert (pilot.app.results, pilot.app.told) == ([1], ["pod/kubia labeled"])


async def test_enter_in_the_input_goes_to_the_button_and_changes_nothing_yet() -> None:
    objects = Objects(kubia=meta())
    async with labelling(objects) as (dialog, pilot):
        await typed(pilot, "#label-changes", "a=b")
        await pilot.press("enter")
        await settle(pilot)
        assert dialog.focused is confirm(dialog) and objects.calls == []
        await pilot.press("enter")
        await settle(pilot)
        assert pilot.app.results == [1]


async def test_a_mistake_is_pointed_at_and_cannot_be_confirmed() -> None:
    async with labelling(Objects(kubia=meta())) as (dialog, pilot):
        await typed(pilot, "#label-changes", "ok=1 _bad=2")
        lines = text(dialog, "#label-fault").split("\n")
        assert lines[0] == "ok=1 _bad=2" and lines[1] == "     ^"
        assert lines[2].startswith('✗ metadata.labels: Invalid value: "_bad": name part must consist of')
        assert confirm(dialog).has_class("-blocked")
        await pilot.press("enter")
        assert dialog.query_one("#label-changes", Input).value == "ok=1 _bad=2"


async def test_a_change_meanwhile_to_something_else_is_tried_again_unseen() -> None:
    objects = Objects(kubia=meta(labels={"env": "debug"}))
    async with labelling(objects) as (_, pilot):
        objects.failures["kubia"] = [Changed(409, "Conflict", "modified")]
        objects.metadatas["kubia"] = meta(version="8", labels={"env": "debug", "other": "1"})
        await typed(pilot, "#label-changes", "tier=web")
        await pilot.press("enter", "enter")
        await settle(pilot)
        assert [call[2] for call in objects.calls] == ["7", "8"] and pilot.app.results == [1]


async def test_a_conflict_shows_what_changed_keeps_the_text_and_asks_again() -> None:
    objects = Objects(kubia=meta(labels={"env": "debug"}))
    async with labelling(objects) as (dialog, pilot):
        objects.failures["kubia"] = [Changed(409, "Conflict", "modified")]
        objects.metadatas["kubia"] = meta(version="8", labels={"env": "canary"})
        await typed(pilot, "#label-changes", "env=prod")
        dialog.query_one("#label-overwrite").focus()
        await pilot.press("space")
        await typed(pilot, "#label-changes", "env=prod")
        await pilot.press("enter", "enter")
        await settle(pilot)
        assert pilot.app.results == []
        difference = text(dialog, "#label-difference")
        assert "! changed meanwhile: ~ env: debug → canary" in difference and "~ env: canary → prod" in difference
        assert "review the difference again" in text(dialog, "#dialog-status-text")
        assert dialog.query_one("#label-changes", Input).value == "env=prod"
        dialog.action_confirm()
        await settle(pilot)
        assert objects.calls[-1] == ("kubia", "u1", "8", {"env": "prod"}) and pilot.app.results == [1]


async def test_a_change_that_nobody_answered_is_said_to_be_unknown() -> None:
    objects = Objects(kubia=meta())
    lost = ConnectionFailed("the server closed the connection", "Check the network or the VPN.")
    lost.may_be_done = True
    objects.failures["kubia"] = [lost]
    async with labelling(objects) as (dialog, pilot):
        await typed(pilot, "#label-changes", "env=prod")
        await pilot.press("enter", "enter")
        await settle(pilot)
        assert text(dialog, "#dialog-status-text") == f"✗ the server closed the connection\n{UNKNOWN}\nCheck the network or the VPN."
        assert "✗ no answer: it may or may not have been changed" in text(dialog, "#label-difference")


async def test_a_namespace_that_is_gone_is_said_to_be_and_what_was_typed_stays(tmp_path: Path) -> None:
    gone = NotFound(404, "NotFound", "namespace default is gone, and pod/kubia with it", {"kind": "namespaces", "name": "default"})
    objects = Objects(kubia=meta())
    objects.failures["kubia"] = [gone]
    async with labelling(objects) as (dialog, pilot):
        await typed(pilot, "#label-changes", "env=prod")
        await pilot.press("enter", "enter")
        await settle(pilot)
        assert "namespace default is gone" in text(dialog, "#dialog-status-text")
        assert dialog.query_one("#label-changes", Input).value == "env=prod"
        dialog.action_confirm()
        await settle(pilot)
        assert pilot.app.results == [1]

    file = tmp_path / "pods.yaml"
    file.write_text(PODS_YAML)
    creation_dialog = CreateDialog(session(objects), "default")
    async with running(creation_dialog) as pilot:
        await settle(pilot)
        await typed(pilot, "#create-path", str(file))
        await pilot.press("enter")
        await settle(pilot)
        missing = not_found("namespaces", "default")
        objects.outcomes = [lambda one: Outcome(one, "refused", error=missing)]
        creation_dialog.action_confirm()
        await settle(pilot)
        assert 'namespaces "default" not found' in text(creation_dialog, "#create-documents")
        assert creation_dialog.query_one("#create-path", Input).value == str(file)
        creation_dialog.action_confirm()
        await settle(pilot)
        assert pilot.app.results == [2]

    objects.failures["kubia"] = [gone]
    async with running(DeleteDialog(session(objects), [kubia()])) as pilot:
        await settle(pilot)
        pilot.app.screen.action_confirm()
        await settle(pilot)
        assert pilot.app.told == ["kubia already gone with namespace default"]


async def test_a_recreated_pod_is_refused_in_words() -> None:
    objects = Objects(kubia=meta(uid="another"))
    async with labelling(objects) as (dialog, pilot):
        await typed(pilot, "#label-changes", "a=b")
        assert "pod/kubia was deleted and recreated since" in text(dialog, "#dialog-status-text")
        assert confirm(dialog).has_class("-blocked")
        dialog.action_confirm()
        await settle(pilot)
        assert objects.calls == []


async def test_several_pods_need_their_number_and_a_failed_one_can_be_tried_again() -> None:
    objects = Objects(a=meta("ua", labels={"env": "debug"}), b=meta("ub"), c=meta("uc"))
    refs = [ObjectRef(PODS, name, "default", f"u{name}") for name in "abc"]
    dialog = LabelDialog(session(objects), refs)
    async with running(dialog) as pilot:
        await settle(pilot)
        assert "env=debug  1 of 3" in text(dialog, "#label-current")
        dialog.query_one("#label-overwrite").focus()
        await pilot.press("space")
        await typed(pilot, "#label-changes", "env=prod")
        assert "a:" in text(dialog, "#label-difference") and "b, c:" in text(dialog, "#label-difference")
        assert confirm(dialog).has_class("-blocked") and "type 3 to confirm" in text(dialog, "#dialog-hint")
        await typed(pilot, "#dialog-word-0", "3")
        assert not confirm(dialog).has_class("-blocked")
        objects.failures["b"] = [Forbidden(403, "Forbidden", 'pods "b" is forbidden')]
        dialog.action_confirm()
        await settle(pilot)
        assert pilot.app.results == []
        assert "1 of 3 were not changed" in text(dialog, "#dialog-status-text")
        assert 'pods "b" is forbidden' in text(dialog, "#label-difference")
        assert dialog.commands == ["kubectl --context dev label pod -n default b env=prod --overwrite"]
        dialog.action_confirm()
        await settle(pilot)
        assert pilot.app.results == [3] and [call[0] for call in objects.calls].count("a") == 1


async def test_annotations_are_quoted_as_in_a_shell_and_abbreviated() -> None:
    objects = Objects(kubia=meta(annotations={"big": "x" * 5000}))
    dialog = LabelDialog(session(objects), [kubia()], "annotations")
    async with running(dialog) as pilot:
        await settle(pilot)
        assert "(4.9 KiB)" in text(dialog, "#label-current")
        await typed(pilot, "#label-changes", "note='two words'")
        assert "+ note=two words" in text(dialog, "#label-difference")
        assert dialog.commands == ["kubectl --context dev annotate pod -n default kubia 'note=two words'"]
        await pilot.press("enter", "enter")
        await settle(pilot)
        assert objects.calls == [("kubia", "u1", "7", {"note": "two words"})] and pilot.app.told == ["pod/kubia annotated"]


async def test_labels_with_escape_sequences_are_shown_harmless() -> None:
    dialog = LabelDialog(session(Objects(kubia=meta(annotations={"a": "\x1b[31m[bold]x[/bold]"}))), [kubia()], "annotations")
    async with running(dialog) as pilot:
        await settle(pilot)
        assert "a=␛[31m[bold]x[/bold]" in text(dialog, "#label-current")


async def test_a_key_in_use_is_offered() -> None:
    async with labelling(Objects(kubia=meta(labels={"env": "debug"}))) as (dialog, _):
        suggester = dialog.query_one("#label-changes", Input).suggester
        assert suggester is not None
        assert await suggester.get_suggestion("x=1 rel") == "x=1 release="
        assert await suggester.get_suggestion("env=d") == "env=debug"
        assert await suggester.get_suggestion("nothing") is None


# -- delete -------------------------------------------------------------------------------------------------------


async def test_the_delete_dialog_begins_at_cancel_and_esc_leaves_it() -> None:
    objects = Objects()
    dialog = DeleteDialog(session(objects), [kubia()])
    async with running(dialog) as pilot:
        await settle(pilot)
        assert dialog.focused is dialog.query_one("#dialog-cancel")
        assert dialog.commands == ["kubectl --context dev delete pod -n default kubia"]
        await pilot.press("enter")
        await settle(pilot)
        assert pilot.app.results == [None] and objects.calls == []


async def test_a_grace_period_and_force_are_sent_and_shown() -> None:
    objects = Objects()
    dialog = DeleteDialog(session(objects), [kubia()])
    async with running(dialog) as pilot:
        await settle(pilot)
        await typed(pilot, "#delete-grace", "5")
        assert dialog.commands == ["kubectl --context dev delete pod -n default kubia --grace-period=5"]
        dialog.query_one("#delete-force").focus()
        await pilot.press("space")
        await pilot.pause()
        assert confirm(dialog).has_class("-blocked")
        assert "may continue to run on the cluster indefinitely" in text(dialog, "#delete-meaning")
        await typed(pilot, "#delete-grace", "")
        assert dialog.commands == ["kubectl --context dev delete pod -n default kubia --grace-period=0 --force"]
        confirm(dialog).focus()
        await pilot.press("enter")
        await settle(pilot)
        assert objects.calls == [("kubia", "u1", None, True)]
        assert pilot.app.told == ['pod "kubia" force deleted from default namespace'] and pilot.app.results == [1]


async def test_several_are_deleted_a_few_at_a_time_after_their_number_is_typed() -> None:
    objects = Objects()
    refs = [ObjectRef(PODS, f"p{n:02}", "default", f"u{n}") for n in range(40)]
    objects.failures["p03"] = [not_found("pods", "p03")]
    dialog = DeleteDialog(session(objects), refs)
    async with running(dialog) as pilot:
        await settle(pilot)
        assert confirm(dialog).has_class("-blocked")
        await typed(pilot, "#dialog-word-0", "40")
        dialog.action_confirm()
        await settle(pilot)
        assert len(objects.calls) == 40 and 1 < objects.most <= 8
        assert pilot.app.results == [39] and pilot.app.told == ["39 pods deleted, p03 already gone"]


async def test_each_failure_is_shown_and_only_what_failed_is_tried_again() -> None:
    objects = Objects()
    refs = [ObjectRef(PODS, name, "default", f"u{name}") for name in "abc"]
    objects.failures = {"a": [Forbidden(403, "Forbidden", "not you")], "b": [Replaced(409, "Conflict", "this is another one")]}
    dialog = DeleteDialog(session(objects), refs)
    async with running(dialog) as pilot:
        await settle(pilot)
        await typed(pilot, "#dialog-word-0", "3")
        dialog.action_confirm()
        await settle(pilot)
        assert pilot.app.results == []
        listed = text(dialog, "#delete-list")
        assert "default/a  ✗ not you" in listed and "default/b  ✗ this is another one" in listed and "default/c  deleted" in listed
        assert "1 deleted, 2 not" in text(dialog, "#dialog-title")
        assert dialog.commands == ["kubectl --context dev delete pod -n default a"]
        dialog.action_confirm()
        await settle(pilot)
        assert [call[0] for call in objects.calls].count("a") == 2 and [call[0] for call in objects.calls].count("b") == 1


async def test_the_number_can_be_typed_at_once_while_the_safe_answer_has_the_focus() -> None:
    objects = Objects()
    dialog = DeleteDialog(session(objects), [ObjectRef(PODS, name, "default", f"u{name}") for name in "ab"])
    async with running(dialog) as pilot:
        await settle(pilot)
        assert dialog.focused is dialog.query_one("#dialog-cancel")
        await pilot.press("2")
        assert not confirm(dialog).has_class("-blocked") and dialog.query_one("#dialog-word-0", Input).value == "2"
        await pilot.press("enter")
        assert objects.calls == [] and dialog.focused is confirm(dialog), "Enter in the field does not delete yet"


async def test_tab_leads_to_the_button_also_when_it_does_not_work_yet_and_enter_there_says_why() -> None:
    objects = Objects()
    dialog = DeleteDialog(session(objects), [ObjectRef(PODS, name, "default", f"u{name}") for name in "ab"])
    async with running(dialog) as pilot:
        await settle(pilot)
        await pilot.press("tab")
        assert dialog.focused is confirm(dialog) and confirm(dialog).has_class("-blocked")
        await pilot.press("enter")
        assert text(dialog, "#dialog-status-text") == "✗ type 2 to confirm"
        assert objects.calls == [] and pilot.app.results == [], "neither confirmed nor cancelled"
        await pilot.press("2")
        assert not confirm(dialog).has_class("-blocked") and text(dialog, "#dialog-status-text") == ""


async def test_a_protected_context_and_a_namespace_are_typed() -> None:
    dialog = DeleteDialog(session(Objects(), ("d*",)), [ObjectRef(NAMESPACES, "shop", "", "u")])
    async with running(dialog) as pilot:
        await settle(pilot)
        assert [one.word for one in dialog.asked] == ["shop", "dev"]
        assert "Delete namespace shop? This also deletes the contents." in text(dialog, "#dialog-title")
        await typed(pilot, "#dialog-word-0", "shop")
        assert confirm(dialog).has_class("-blocked") and "type dev to confirm" in text(dialog, "#dialog-hint")
        await typed(pilot, "#dialog-word-1", "dev")
        assert not confirm(dialog).has_class("-blocked")


async def test_read_only_is_reported_in_words() -> None:
    objects = Objects()
    objects.failures["kubia"] = [ReadOnlyError("podtui is read-only: nothing was sent", "it stays read-only: started with --read-only")]
    dialog = DeleteDialog(session(objects), [kubia()])
    async with running(dialog) as pilot:
        await settle(pilot)
        dialog.action_confirm()
        await settle(pilot)
        assert (
            text(dialog, "#dialog-status-text") == "✗ podtui is read-only: nothing was sent\nit stays read-only: started with --read-only"
        )
        assert pilot.app.results == []


async def test_nothing_is_sent_twice_and_leaving_while_it_is_under_way_says_so() -> None:
    objects = Objects()
    objects.go.clear()
    dialog = DeleteDialog(session(objects), [kubia()])
    async with running(dialog) as pilot:
        await settle_without_workers(pilot)
        confirm(dialog).focus()
        await pilot.press("enter", "enter", "enter")
        dialog.action_confirm()
        await settle_without_workers(pilot)
        assert len(objects.calls) == 1 and dialog.busy and pilot.app.results == []
        await pilot.press("escape")
        assert "may or may not succeed" in text(dialog, "#dialog-status-text")
        await pilot.press("escape")
        await settle_without_workers(pilot)
        assert pilot.app.results == [None] and pilot.app.told == ["0 deleted; podtui did not wait for 1"]


async def settle_without_workers(pilot: Pilot[None]) -> None:
    for _ in range(5):
        await pilot.pause()


async def test_an_error_of_podtui_itself_is_reported_and_the_text_stays() -> None:
    objects = Objects(kubia=meta())
    async with labelling(objects) as (dialog, pilot):
        objects.failures["kubia"] = [ZeroDivisionError("oops")]
        await typed(pilot, "#label-changes", "a=b")
        await pilot.press("enter", "enter")
        await settle(pilot)
        assert "podtui itself failed: ZeroDivisionError: oops" in text(dialog, "#dialog-status-text")
        assert dialog.query_one("#label-changes", Input).value == "a=b" and not dialog.busy


async def test_the_command_can_be_copied() -> None:
    dialog = DeleteDialog(session(Objects()), [kubia()])
    async with running(dialog) as pilot:
        await settle(pilot)
        await pilot.press("ctrl+y")
        await pilot.pause()
        assert pilot.app.clipboard == "kubectl --context dev delete pod -n default kubia"


@pytest.mark.parametrize("size", [(80, 24), (120, 36), (60, 15)])
async def test_the_buttons_stay_on_the_screen_however_much_is_to_be_shown(size: tuple[int, int]) -> None:
    refs = [ObjectRef(PODS, f"a-long-name-of-a-pod-{n}", f"ns{n % 7}", "u") for n in range(100)]
    objects = Objects()
    objects.failures = {ref.name: [Forbidden(403, "Forbidden", "no " * 100)] for ref in refs}
    dialog = DeleteDialog(session(objects, ("*",)), refs)
    async with Shown(dialog).run_test(size=size) as pilot:
        await settle(pilot)
        await typed(pilot, "#dialog-word-0", "100")
        await typed(pilot, "#dialog-word-1", "dev")
        dialog.action_confirm()
        await settle(pilot)
        for selector in ("#dialog-cancel", "#dialog-confirm", "#dialog-title"):
            region = dialog.query_one(selector).region
            assert region.height and 0 <= region.y < size[1] - 1, selector
        top = dialog.query_one("#dialog-body").scroll_offset.y
        await pilot.press("pageup")
        await pilot.pause()
        assert dialog.query_one("#dialog-body").scroll_offset.y < top or top == 0


class Commands(Dialog[None]):
    """Nothing but a line and commands."""

    def compose_body(self) -> Iterable[Widget]:
        yield Static("a line")


async def test_all_commands_are_in_view_where_there_is_room() -> None:
    dialog = Commands("Title")
    async with running(dialog) as pilot:
        await settle(pilot)
        commands = dialog.query_one("#dialog-commands")
        for count in (12, 2, 18, 40):
            dialog.show_commands([f"kubectl {n}" for n in range(count)])
            await settle(pilot)
            assert commands.size.height == min(count, 24 - 2 - 3), "but for the border, the title, the body and the buttons"


async def test_every_command_can_be_scrolled_into_view_by_keys() -> None:
    """The commands have room for at least four lines, below the body, which scrolls first."""
    dialog = DeleteDialog(session(Objects()), [ObjectRef(PODS, f"a-long-name-of-a-pod-{n}", f"ns{n}", "u") for n in range(30)])
    async with running(dialog) as pilot:
        await settle(pilot)
        commands, body = dialog.query_one("#dialog-commands"), dialog.query_one("#dialog-body")
        assert len(dialog.commands) > 4 and commands.scroll_y == body.scroll_y == 0 < body.max_scroll_y
        for _ in range(40):
            before = commands.scroll_y
            await pilot.press("pagedown")
            await pilot.pause()
            assert commands.scroll_y == before or body.scroll_y == body.max_scroll_y
        assert commands.scroll_y == commands.max_scroll_y > 0
        for _ in range(40):
            await pilot.press("pageup")
            await pilot.pause()
        assert commands.scroll_y == body.scroll_y == 0


# -- create -------------------------------------------------------------------------------------------------------

PODS_YAML = "\n---\n".join(f"apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}}}" for name in "ab")


async def test_a_file_is_tried_shown_and_then_created(tmp_path: Path) -> None:
    file = tmp_path / "my pods.yaml"
    file.write_text(PODS_YAML)
    objects = Objects()
    dialog = CreateDialog(session(objects), "default")
    async with running(dialog) as pilot:
        await settle(pilot)
        assert dialog.focused is dialog.query_one("#create-path")
        await typed(pilot, "#create-path", str(file))
        assert dialog.commands == [f"kubectl --context dev create -n default -f '{file}'"]
        await pilot.press("enter")
        await settle(pilot)
        assert objects.calls == [("check", "default", 2)]
        listed = text(dialog, "#create-documents")
        assert "✓ pod/a  namespace default, line 1" in listed and "✓ pod/b  namespace default, line 5" in listed
        assert "Create 2 objects in namespace default" in text(dialog, "#dialog-title")
        assert str(confirm(dialog).label) == "Create" and dialog.focused is dialog.query_one("#dialog-cancel")
        file.write_text("something else")
        await pilot.press("tab", "enter")
        await settle(pilot)
        assert objects.calls[1:] == [("create", "default", 2)]
        assert pilot.app.results == [2] and pilot.app.told == ["pod/a created\npod/b created"]


async def test_a_refused_document_keeps_all_from_being_created(tmp_path: Path) -> None:
    file = tmp_path / "pods.yaml"
    file.write_text(PODS_YAML)
    objects = Objects()
    objects.outcomes = [lambda one: Outcome(one, "refused", error=Invalid(400, "BadRequest", 'unknown field "spec.port"'))]
    dialog = CreateDialog(session(objects), "default")
    async with running(dialog) as pilot:
        await settle(pilot)
        await typed(pilot, "#create-path", str(file))
        await pilot.press("enter")
        await settle(pilot)
        listed = text(dialog, "#create-documents")
        assert "✗ pod/b  line 5" in listed and 'unknown field "spec.port"' in listed
        assert "1 of 2 rejected; nothing was created" in text(dialog, "#dialog-status-text")
        assert str(confirm(dialog).label) == "Check" and dialog.focused is dialog.query_one("#create-path")
        await pilot.press("enter")  # the file is corrected now
        await settle(pilot)
        assert [call[0] for call in objects.calls] == ["check", "check"] and str(confirm(dialog).label) == "Create"


async def test_a_failure_half_way_says_what_was_made_and_tries_only_the_rest_again(tmp_path: Path) -> None:
    file = tmp_path / "pods.yaml"
    file.write_text(PODS_YAML)
    objects = Objects()
    dialog = CreateDialog(session(objects), "default")
    async with running(dialog) as pilot:
        await settle(pilot)
        await typed(pilot, "#create-path", str(file))
        await pilot.press("enter")
        await settle(pilot)
        objects.outcomes = [lambda one: Outcome(one, "unknown", error=ConnectionFailed("the server is gone"))]
        dialog.action_confirm()
        await settle(pilot)
        assert "1 created, 1 not, 1 of them possibly" in text(dialog, "#dialog-status-text")
        listed = text(dialog, "#create-documents")
        assert "✓ pod/a created" in listed and "? pod/b" in listed and "the server is gone" in listed
        dialog.action_confirm()
        await settle(pilot)
        assert objects.calls[-1] == ("create", "default", 1) and pilot.app.results == [2]


async def test_a_broken_file_is_reported_with_its_line_and_the_path_stays(tmp_path: Path) -> None:
    file = tmp_path / "pods.yaml"
    file.write_text("a: 1\nb: [\n")
    dialog = CreateDialog(session(Objects()), "default")
    async with running(dialog) as pilot:
        await settle(pilot)
        await typed(pilot, "#create-path", str(file))
        await pilot.press("enter")
        await settle(pilot)
        assert text(dialog, "#dialog-status-text").replace("\n", "").startswith(f"✗ {file}:3: not valid YAML:")
        assert dialog.query_one("#create-path", Input).value == str(file)
        await typed(pilot, "#create-path", str(file) + "x")
        assert text(dialog, "#dialog-status-text") == ""


async def test_a_protected_context_is_typed_before_creating_but_not_before_looking(tmp_path: Path) -> None:
    file = tmp_path / "pods.yaml"
    file.write_text(PODS_YAML)
    objects = Objects()
    dialog = CreateDialog(session(objects, ("dev",)), "default")
    async with running(dialog) as pilot:
        await settle(pilot)
        await typed(pilot, "#create-path", str(file))
        assert not dialog.query_one("#dialog-word-0").parent.display  # type: ignore[union-attr]
        await pilot.press("enter")
        await settle(pilot)
        assert [call[0] for call in objects.calls] == ["check"] and confirm(dialog).has_class("-blocked")
        assert dialog.focused is dialog.query_one("#dialog-word-0")
        await pilot.press("d", "e", "v", "enter")
        assert not confirm(dialog).has_class("-blocked") and dialog.focused is confirm(dialog)


async def test_tab_completes_a_path_and_shows_the_choice(tmp_path: Path) -> None:
    for name in ("pod-a.yaml", "pod-b.yaml", ".hidden", "other"):
        (tmp_path / name).touch()
    (tmp_path / "folder").mkdir()
    dialog = CreateDialog(session(Objects()), "default")
    async with running(dialog) as pilot:
        await settle(pilot)
        await typed(pilot, "#create-path", f"{tmp_path}/p")
        await pilot.press("tab")
        await settle(pilot)
        assert dialog.query_one("#create-path", Input).value == f"{tmp_path}/pod-"
        await pilot.press("tab")
        await settle(pilot)
        assert text(dialog, "#create-names") == "pod-a.yaml  pod-b.yaml"
        await typed(pilot, "#create-path", f"{tmp_path}/nothing")
        await pilot.press("tab")
        await settle(pilot)
        assert dialog.focused is not dialog.query_one("#create-path")


def test_a_path_is_completed_from_the_folder_that_it_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "한글 pod.yaml").touch()
    (tmp_path / ".config").touch()
    assert complete("~") == ("~/", [])
    assert complete("~/f") == ("~/folder/", [])
    assert complete("~/folder/") == ("~/folder/한글 pod.yaml", [])
    assert complete("~/.c") == ("~/.config", [])
    assert complete(str(tmp_path / "nope" / "x")) == (str(tmp_path / "nope" / "x"), [])


async def test_a_letter_on_a_button_does_nothing_where_no_word_is_asked_for() -> None:
    async with labelling(Objects(kubia=meta(labels={"env": "debug"}))) as (dialog, pilot):
        dialog.query_one("#dialog-cancel").focus()
        await pilot.press("J", "1")
        await settle(pilot)
        assert dialog.is_current and isinstance(dialog.focused, Button)


async def test_a_word_is_typed_whole_while_a_button_has_the_focus() -> None:
    dialog = DeleteDialog(session(Objects(), ("d*",)), [kubia()])
    async with running(dialog) as pilot:
        await settle(pilot)
        assert dialog.focused is not None and dialog.focused.id == "dialog-cancel"
        await pilot.press(*"dev")
        await settle(pilot)
        assert dialog.query_one("#dialog-word-0", Input).value == "dev"
