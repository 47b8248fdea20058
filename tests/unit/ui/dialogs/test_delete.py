"""What the delete dialog offers besides a plain deletion, at 80x24: evictions, dependents, its effects, and many by a selector."""

from __future__ import annotations

from typing import Any

from textual.widgets import Input

from podtui.cluster.impact.related import Surroundings
from podtui.errors import TooManyRequests
from podtui.kube.kubectl import Selected
from podtui.kube.resources import NAMESPACES, PODS, ObjectRef
from podtui.text import harmless
from podtui.ui.dialogs.delete import DeleteDialog
from podtui.ui.dialogs.labels.dialog import LabelDialog
from podtui.ui.dialogs.select_pods import SelectPodsDialog
from podtui.ui.widgets.choice import Choice
from podtui.ui.widgets.toggle import Toggle
from tests.support.screens import confirm, running, text, typed
from tests.support.waiting import settle
from tests.unit.cluster.impact.test_effects import around, budget, controller, pod, service, slice_of
from tests.unit.ui.dialogs.test_dialogs import Objects, kubia, meta, session

SHOP = [ObjectRef(PODS, name, "default", f"u{name}") for name in "abc"]
REFUSED = "Cannot evict pod as it would violate the pod's disruption budget. The disruption budget web needs 2 healthy pods"


def surroundings(**more: Any) -> Surroundings:
    found = around(pod("kubia", owner=("ReplicaSet", "x")), services=[service()], slices=[slice_of("web", kubia=True, b=True)], **more)
    found.owners = [("ReplicaSet", controller("x"))]
    return found


# -- its effects ---------------------------------------------------------------------------------------------------


async def test_a_deletion_tells_its_effects_and_what_could_not_be_read() -> None:
    objects = Objects()
    objects.surroundings = [surroundings(budgets=[budget(allowed=0, current=2)], unread=[("jobs", "you lack permission to list")])]
    dialog = DeleteDialog(session(objects), [kubia()])
    async with running(dialog) as pilot:
        await settle(pilot)
        lines = text(dialog, "#delete-impact").split("\n")
        assert lines[0].startswith("── effects ─")
        assert lines[1].startswith("! poddisruptionbudget/web counts it: an eviction would be refused")
        assert "· service/web loses 1 endpoint: 1 ready endpoint is left" in lines
        assert "· replicaset/x creates another in its place" in lines
        assert lines[-1] == "? unknown: in shop you lack permission to list jobs"


async def test_a_label_change_tells_its_effects_as_it_is_typed() -> None:
    objects = Objects(kubia=meta(labels={"app": "web"}))
    objects.surroundings = [surroundings()]
    dialog = LabelDialog(session(objects), [kubia()])
    async with running(dialog) as pilot:
        await settle(pilot)
        note = dialog.query_one("ImpactNote")
        assert not note.display, "nothing is typed yet"
        await typed(pilot, "#label-changes", "app=debug")
        await settle(pilot)
        shown = str(note.render())
        assert "service/web loses 1 endpoint" in shown and "replicaset/x releases it, and creates another" in shown
        await typed(pilot, "#label-changes", "tier=front")
        await settle(pilot)
        assert "= unchanged: service/web, replicaset/x" in str(note.render())
        await typed(pilot, "#label-changes", "tier")
        await settle(pilot)
        assert not note.display, "what does not parse has no effects"


async def test_surroundings_that_cannot_be_had_are_reported_and_hinder_nothing() -> None:
    objects = Objects()
    objects.failures["around"] = [TooManyRequests(429, "TooManyRequests", "slow down")]
    dialog = DeleteDialog(session(objects), [kubia()])
    async with running(dialog) as pilot:
        await settle(pilot)
        assert "? unknown: slow down" in text(dialog, "#delete-impact")
        dialog.action_confirm()
        await settle(pilot)
        assert pilot.app.results == [1]


async def test_the_deletion_of_a_namespace_counts_what_is_in_it() -> None:
    dialog = DeleteDialog(session(Objects()), [ObjectRef(NAMESPACES, "shop", "", "u")])
    async with running(dialog) as pilot:
        await settle(pilot)
        shown = text(dialog, "#delete-impact")
        assert "· pods: 12, persistentvolumeclaims: 1" in shown and "! the data of its volumes is deleted too" in shown
        assert "? unknown: you lack permission to list secrets" in shown
        assert not dialog.query("#delete-evict") and not dialog.query("#delete-cascade"), "a namespace takes all of it along"


async def test_who_holds_an_object_stands_in_the_preview() -> None:
    objects = Objects()
    objects.surroundings = [around(pod("kubia", finalizers={"farm.example/vet": "vet-controller"}))]
    dialog = DeleteDialog(session(objects), [kubia()])
    async with running(dialog) as pilot:
        await settle(pilot)
        dialog.query_one("#delete-force", Toggle).value = True
        await settle(pilot)
        shown = text(dialog, "#delete-impact")
        assert "! A finalizer holds it: farm.example/vet (set by vet-controller)" in shown and "force does not change that" in shown


async def test_a_namespace_that_is_being_deleted_already_says_what_it_waits_for() -> None:
    objects = Objects()
    objects.holding = ["Some content in the namespace has finalizers remaining: farm.example/vet in 1 resource instances"]
    dialog = DeleteDialog(session(objects), [ObjectRef(NAMESPACES, "shop", "", "u")])
    async with running(dialog) as pilot:
        await settle(pilot)
        shown = text(dialog, "#delete-impact")
        assert "! it is being deleted already" in shown and "! Some content in the namespace has finalizers remaining: farm" in shown


async def test_force_empties_the_grace_period_that_the_dialog_offered_but_not_one_that_was_typed() -> None:
    dialog = DeleteDialog(session(Objects()), [kubia()], grace=1)
    async with running(dialog) as pilot:
        await settle(pilot)
        dialog.query_one("#delete-force", Toggle).value = True
        await settle(pilot)
        assert dialog.query_one("#delete-grace", Input).value == "" and not dialog.blocked()
        assert dialog.commands[0].endswith("--grace-period=0 --force")
        await typed(pilot, "#delete-grace", "9")
        await settle(pilot)
        assert dialog.blocked() == "Force allows no grace period: leave that field empty"


# -- eviction ------------------------------------------------------------------------------------------------------


async def test_an_eviction_is_sent_with_the_uid_and_shown_as_the_request_it_is() -> None:
    objects = Objects()
    objects.surroundings = [surroundings(budgets=[budget()])]
    dialog = DeleteDialog(session(objects), [kubia()])
    async with running(dialog) as pilot:
        await settle(pilot)
        await typed(pilot, "#delete-grace", "5")
        dialog.query_one("#delete-force", Toggle).value = True
        dialog.query_one("#delete-evict").focus()
        await pilot.press("space")
        await settle(pilot)
        assert dialog.query_one("#delete-force", Toggle).disabled and not dialog.query_one("#delete-force", Toggle).value
        assert "Evict pod kubia in default?" in text(dialog, "#dialog-title")
        assert "the eviction is allowed" in text(dialog, "#delete-impact")
        (command,) = dialog.commands
        assert command.startswith('echo \'{"apiVersion":"policy/v1","kind":"Eviction"')
        assert command.endswith("| kubectl --context dev create --raw /api/v1/namespaces/default/pods/kubia/eviction -f -")
        confirm(dialog).focus()
        await pilot.press("enter")
        await settle(pilot)
        assert objects.calls == [("evict", "kubia", "u1", 5)]
        assert pilot.app.told == ['pod "kubia" evicted from default namespace']


async def test_a_budgets_refusal_is_reported_in_the_servers_words_and_can_be_tried_again() -> None:
    objects = Objects()
    objects.failures["b"] = [TooManyRequests(429, "TooManyRequests", REFUSED)]
    dialog = DeleteDialog(session(objects), SHOP)
    async with running(dialog) as pilot:
        await settle(pilot)
        dialog.query_one("#delete-evict", Toggle).value = True
        await typed(pilot, "#dialog-word-0", "3")
        dialog.action_confirm()
        await settle(pilot)
        assert text(dialog, "#delete-list").split("\n")[0] == harmless(f"default/b  ✗ {REFUSED}"), "what failed stands first"
        assert "2 evicted, 1 not" in text(dialog, "#dialog-title") and str(confirm(dialog).label) == "Retry"
        dialog.action_confirm()
        await settle(pilot)
        assert pilot.app.results == [3] and pilot.app.told == ["3 pods evicted"]


async def test_who_may_not_evict_sees_which_right_is_missing() -> None:
    objects = Objects()
    objects.forbidden = {"create pods/eviction default"}
    dialog = DeleteDialog(session(objects), [kubia()])
    async with running(dialog) as pilot:
        await settle(pilot)
        toggle = dialog.query_one("#delete-evict", Toggle)
        assert toggle.disabled and "you lack permission to create pods/eviction in namespace default" in str(toggle.label)


# -- dependents ----------------------------------------------------------------------------------------------------


async def test_what_a_pod_owns_goes_first_or_stays() -> None:
    objects = Objects()
    dialog = DeleteDialog(session(objects), [kubia()])
    async with running(dialog) as pilot:
        await settle(pilot)
        choice = dialog.query_one("#delete-cascade", Choice)
        choice.focus()
        await pilot.press("right", "right")
        await settle(pilot)
        assert "(•) stays" in str(choice.render()) and "without an owner" in text(dialog, "#delete-meaning")
        assert dialog.commands == ["kubectl --context dev delete pod -n default kubia --cascade=orphan"]
        await pilot.press("left")
        await settle(pilot)
        assert dialog.commands == ["kubectl --context dev delete pod -n default kubia --cascade=foreground"]
        dialog.action_confirm()
        await settle(pilot)
        assert objects.calls == [("kubia", "u1", None, False, "Foreground")]


# -- many at once --------------------------------------------------------------------------------------------------


async def test_a_selector_finds_its_pods_on_the_server_and_a_wrong_one_is_pointed_at() -> None:
    objects = Objects(a={}, b={})
    dialog = SelectPodsDialog(session(objects), ("default",), "app=web")
    async with running(dialog) as pilot:
        await settle(pilot)
        assert dialog.focused is dialog.query_one("#select-selector")
        await typed(pilot, "#select-selector", "app in web")
        assert "^" in text(dialog, "#select-fault") and confirm(dialog).has_class("-blocked")
        await pilot.press("enter")
        await settle(pilot)
        assert objects.calls == [] and dialog.query_one("#select-selector", Input).value == "app in web"
        await typed(pilot, "#select-selector", "app in (web)")
        await pilot.press("enter")
        await settle(pilot)
        assert objects.calls == [("select", ("default",), "app in (web)")]
        (found,) = pilot.app.results
        assert found == (Selected(("default",), "app in (web)"), [ObjectRef(PODS, name, "default", f"u{name}") for name in "ab"])


async def test_a_selector_that_matches_nothing_says_so_and_stays() -> None:
    dialog = SelectPodsDialog(session(Objects()), ("default",), "app=none")
    async with running(dialog) as pilot:
        await settle(pilot)
        await pilot.press("enter")
        await settle(pilot)
        assert "no pods in default with labels app=none" in text(dialog, "#dialog-status-text") and pilot.app.results == []


async def test_many_by_a_selector_are_counted_listed_and_deleted_one_by_one() -> None:
    objects = Objects()
    refs = [ObjectRef(PODS, f"p{n:02}", "default", f"u{n}") for n in range(20)]
    dialog = DeleteDialog(session(objects), refs, Selected(("default",), "app=web"))
    async with running(dialog) as pilot:
        await settle(pilot)
        assert "Delete all 20 pods in default with labels app=web?" in text(dialog, "#dialog-title")
        assert dialog.commands == ["kubectl --context dev delete pod -n default -l app=web"]
        assert "only what this list shows" in text(dialog, "#delete-meaning") and "default/p19" in text(dialog, "#delete-list")
        await typed(pilot, "#dialog-word-0", "20")
        objects.failures["p07"] = [TooManyRequests(429, "TooManyRequests", "slow down")]
        dialog.action_confirm()
        await settle(pilot)
        assert sorted(call[1] for call in objects.calls) == sorted(ref.uid for ref in refs)
        assert dialog.commands == ["kubectl --context dev delete pod -n default p07"], "only what failed is tried again"


async def test_all_of_a_namespace_is_said_as_kubectl_says_it() -> None:
    dialog = DeleteDialog(session(Objects()), SHOP, Selected(("default",), ""))
    async with running(dialog) as pilot:
        await settle(pilot)
        assert "Delete all 3 pods in default?" in text(dialog, "#dialog-title")
        assert dialog.commands == ["kubectl --context dev delete pod -n default --all"]
