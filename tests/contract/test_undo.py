"""Changes and their undos on the server: what others did meanwhile stays, and nothing is done to another object."""

from __future__ import annotations

import asyncio
import secrets
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from podtui.cluster.changes import creation
from podtui.cluster.changes.journal import Entry, Journal, Mutation, new_action, one_action, taken_back
from podtui.cluster.changes.objects import Objects
from podtui.cluster.changes.undo import Step, carry_out, last_action, plan, why_not
from podtui.cluster.connection.connection import Connection
from podtui.errors import NotFound, PodtuiError
from podtui.kube.kubectl import kubectl_create_object, kubectl_patch
from podtui.kube.manifests.documents import parse
from podtui.kube.resources import NAMESPACES, NODES, PODS, ObjectRef
from tests.contract.test_objects import CONFIG_MAPS, made, pod, ref_of

Kubectl = Callable[..., str]
NAMESPACE_PREFIX = "act-undo-"


@dataclass
class Undoing:
    """Objects with a journal of their own, and what a user does with it."""

    connection: Connection
    journal: Journal
    objects: Objects = field(init=False)

    def __post_init__(self) -> None:
        self.objects = Objects(self.connection, self.journal)

    async def entries(self) -> list[Entry]:
        return (await self.journal.entries())[0]

    async def plan(self, entry: Entry) -> Step:
        return await plan(self.objects, self.connection.settings, entry)

    async def undo(self, entry: Entry | None = None) -> Step:
        """Take an entry back, or the last action (of one entry) as `u` does."""
        if entry is None:
            (entry,), _ = last_action(await self.entries(), self.connection.settings)
        step = await self.plan(entry)
        if step.possible:
            await carry_out(self.objects, self.connection.settings, step)
        return step

    async def labels(self, ref: ObjectRef) -> dict[str, str]:
        return (await self.objects.metadata(ref)).get("labels") or {}


@pytest.fixture
def undoing(connection: Connection, tmp_path: Path) -> Undoing:
    return Undoing(connection, Journal(connection.settings, tmp_path / "journal.jsonl"))


async def gone(objects: Objects, ref: ObjectRef) -> None:
    for _ in range(600):
        try:
            await objects.metadata(ref)
        except NotFound:
            return
        await asyncio.sleep(0.1)
    raise AssertionError(f"{ref} is still there")


async def test_labels_go_back_and_what_others_set_meanwhile_stays(undoing: Undoing, namespace: str) -> None:
    ref = await made(undoing.connection, namespace, labels={"env": "debug", "app": "x"})
    await undoing.objects.patch_metadata(ref, labels={"env": "prod", "app": None, "tier": "web"})
    await Objects(undoing.connection).patch_metadata(ObjectRef(CONFIG_MAPS, ref.name, namespace), labels={"theirs": "1"})
    step = await undoing.undo()
    assert await undoing.labels(ref) == {"env": "debug", "app": "x", "theirs": "1"}
    assert {(change.field, change.now, change.then) for change in step.changes} == {
        ("metadata.labels.env", "prod", "debug"),
        ("metadata.labels.app", None, "x"),
        ("metadata.labels.tier", "web", None),
    }
    assert step.commands[0].endswith(f"label configmap -n {namespace} x env=debug app=x tier- --overwrite")
    redo = (await undoing.entries())[-1]
    assert await undoing.undo(redo)
    assert await undoing.labels(ref) == {"env": "prod", "tier": "web", "theirs": "1"}


async def test_a_field_that_the_change_left_as_it_was_is_no_matter_of_its_undo(undoing: Undoing, namespace: str) -> None:
    ref = await made(undoing.connection, namespace, labels={"env": "debug"})
    await undoing.objects.patch_metadata(ref, labels={"env": "debug", "tier": "web", "old": None})
    await Objects(undoing.connection).patch_metadata(ObjectRef(CONFIG_MAPS, ref.name, namespace), labels={"env": "theirs", "old": "1"})
    step = await undoing.undo()
    assert step.commands[0].endswith(f"label configmap -n {namespace} x tier-")
    assert await undoing.labels(ref) == {"env": "theirs", "old": "1"}


async def test_a_field_that_someone_changed_since_is_not_overwritten(undoing: Undoing, namespace: str) -> None:
    ref = await made(undoing.connection, namespace, labels={"env": "debug"})
    await undoing.objects.patch_metadata(ref, labels={"env": "prod", "tier": "web"})
    await Objects(undoing.connection).patch_metadata(ObjectRef(CONFIG_MAPS, ref.name, namespace), labels={"env": "theirs"})
    step = await undoing.undo()
    assert step.refusal == "it was changed since: metadata.labels.env is theirs now; this change left prod"
    assert await undoing.labels(ref) == {"env": "theirs", "tier": "web"}


async def test_a_change_between_the_look_and_the_undo_is_seen(undoing: Undoing, namespace: str) -> None:
    ref = await made(undoing.connection, namespace, annotations={"note": "a"})
    unguarded = ObjectRef(CONFIG_MAPS, ref.name, namespace)
    await undoing.objects.patch_metadata(ref, annotations={"note": "b\nb"})
    (entry,) = await undoing.entries()
    step = await undoing.plan(entry)
    await Objects(undoing.connection).patch_metadata(unguarded, annotations={"other": "1"})
    await carry_out(undoing.objects, undoing.connection.settings, step)
    assert (await undoing.objects.metadata(ref))["annotations"] == {"note": "a", "other": "1"}
    step = await undoing.plan((await undoing.entries())[-1])
    await Objects(undoing.connection).patch_metadata(unguarded, annotations={"note": "c"})
    with pytest.raises(PodtuiError, match="not undone: it was changed since"):
        await carry_out(undoing.objects, undoing.connection.settings, step)
    assert (await undoing.objects.metadata(ref))["annotations"]["note"] == "c"


async def test_an_undo_does_not_touch_a_recreated_object_of_the_same_name(undoing: Undoing, namespace: str) -> None:
    ref = await made(undoing.connection, namespace)
    await undoing.objects.patch_metadata(ref, labels={"a": "1"})
    await Objects(undoing.connection).delete(ref)
    (entry,) = await undoing.entries()
    assert (await undoing.undo(entry)).refusal == "configmap/x is gone"
    new = await made(undoing.connection, namespace, labels={"a": "1"})
    assert "a different object has its name now" in (await undoing.undo(entry)).refusal
    assert await undoing.labels(new) == {"a": "1"}


async def test_an_edit_goes_back_field_by_field(undoing: Undoing, namespace: str) -> None:
    ref = await made(undoing.connection, namespace)
    await undoing.objects.patch(ObjectRef(CONFIG_MAPS, "x", namespace), {"data": {"a": "1", "b": "2"}})
    before = await undoing.objects.get(ref)
    command = kubectl_patch(ref, {"data": {"a": "9", "b": None}})
    change = Mutation("edit", "changes", ref, command, before)
    body = {"data": {"a": "9", "b": None}}
    await undoing.objects.mutate(change, "PATCH", ref.path, body=body, content_type="application/merge-patch+json")
    await Objects(undoing.connection).patch(ObjectRef(CONFIG_MAPS, "x", namespace), {"data": {"theirs": "x"}})
    step = await undoing.undo()
    assert (await undoing.objects.get(ref))["data"] == {"a": "1", "b": "2", "theirs": "x"}
    assert step.commands == (
        shlex.join([*_kubectl(undoing), "patch", "configmap", "-n", namespace, "x", "--type=merge", "-p"])
        + """ '{"data": {"a": "1", "b": "2"}}'""",
    )


def _kubectl(undoing: Undoing) -> Sequence[str]:
    return ["kubectl", *undoing.connection.settings.kubectl_options]


async def test_undoing_a_cordon_uncordons_the_node(undoing: Undoing) -> None:
    nodes = await undoing.connection.json("GET", NODES.path())
    if not nodes["items"]:
        pytest.skip("there are no nodes")
    ref = ObjectRef(NODES, nodes["items"][-1]["metadata"]["name"])
    await undoing.objects.patch(ref, {"metadata": {"annotations": {"act-undo.podtui.test/mark": "x"}}})
    step = await undoing.undo()
    assert step.commands[0].endswith(f"annotate node {ref.name} act-undo.podtui.test/mark-")
    before = (await undoing.objects.get(ref))["spec"].get("unschedulable")
    await undoing.objects.patch(ref, {"spec": {"unschedulable": True}}, "cordon")
    if not before:
        step = await undoing.undo()
        assert step.commands[0].endswith(f"uncordon {ref.name}")
        assert not (await undoing.objects.get(ref))["spec"].get("unschedulable")


async def test_a_deleted_pod_is_made_again_as_a_new_one(undoing: Undoing, namespace: str, kubectl: Kubectl) -> None:
    ref = await pod(undoing.connection, namespace, "kubia", labels={"app": "kubia"}, annotations={"note": "two\nlines"})
    await undoing.objects.delete(ref, grace_seconds=1)
    step = await undoing.undo()
    assert "a new pod, with another UID" in step.notes[0]
    again = await undoing.objects.get(ref)
    assert again["metadata"]["uid"] != ref.uid
    assert (again["metadata"]["labels"], again["metadata"]["annotations"]) == ({"app": "kubia"}, {"note": "two\nlines"})
    assert again["spec"]["containers"][0]["image"] == "none" and again["spec"]["nodeSelector"] == {"nowhere": "at-all"}
    creation = (await undoing.entries())[-1]
    await undoing.undo(creation)
    await gone(undoing.objects, ref)
    deletion = (await undoing.entries())[-1]
    assert (deletion.form, deletion.undoes, deletion.object.uid) == ("deletes", creation.id, again["metadata"]["uid"])
    arguments = shlex.split(kubectl_create_object(ref, deletion.before or {}))  # printf %s JSON | kubectl create -n NS -f -
    kubectl(*arguments[5:], input=arguments[2])
    assert (await undoing.labels(ref)) == {"app": "kubia"}


async def test_a_pod_that_has_its_node_and_token_is_made_without_them(undoing: Undoing, namespace: str) -> None:
    body = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "bound"}, "spec": {"containers": [{"name": "a", "image": "none"}]}}
    ref = ref_of(await undoing.connection.json("POST", PODS.path(namespace), body=body), PODS)
    for _ in range(600):
        if (await undoing.objects.get(ref))["spec"].get("nodeName"):
            break
        await asyncio.sleep(0.1)
    await undoing.objects.delete(ref, force=True)
    (entry,) = await undoing.entries()
    assert entry.before is not None and "nodeName" not in entry.before["spec"]
    assert "kube-api-access" not in str(entry.before)
    await undoing.undo()
    assert (await undoing.objects.metadata(ref))["uid"] != ref.uid


async def test_a_pod_of_a_controller_is_left_to_it(undoing: Undoing, namespace: str) -> None:
    owner = await made(undoing.connection, namespace, "owner")
    owners = [{"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": owner.uid, "controller": True}]
    ref = await pod(undoing.connection, namespace, "owned", ownerReferences=owners)
    await undoing.objects.patch_metadata(ObjectRef(PODS, "owned", namespace, ref.uid), labels={"a": "1"})
    await undoing.objects.delete(ref, force=True)
    *_, deletion = await undoing.entries()
    assert why_not(deletion, undoing.connection.settings, set()) == "its ConfigMap/owner creates another one"
    found, passed = last_action(await undoing.entries(), undoing.connection.settings)
    assert [entry.verb for entry in found] == ["label"]  # u goes on to what can be taken back, and says what cannot
    assert [(entry.verb, words) for entry, words in passed] == [("delete", "its ConfigMap/owner creates another one")]


async def test_what_was_created_is_deleted_and_made_again(undoing: Undoing, namespace: str) -> None:
    text = "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}, data: {k: v}}\n---\n"
    text += "{apiVersion: v1, kind: ConfigMap, metadata: {name: b}}"
    with one_action(new_action()):
        await creation.create(undoing.objects, parse(text), namespace)
    entries, _ = last_action(await undoing.entries(), undoing.connection.settings)
    assert [entry.object.name for entry in entries] == ["b", "a"]
    for entry in entries:
        await undoing.undo(entry)
    first = ObjectRef(CONFIG_MAPS, "a", namespace)
    with pytest.raises(NotFound):
        await undoing.objects.get(first)
    assert last_action(await undoing.entries(), undoing.connection.settings)[0] == []
    deletion = next(entry for entry in await undoing.entries() if entry.form == "deletes" and entry.object.name == "a")
    await undoing.undo(deletion)
    assert (await undoing.objects.get(first))["data"] == {"k": "v"}


async def test_a_namespace_comes_back_with_its_bare_pods(undoing: Undoing, namespace: str) -> None:
    name = f"{NAMESPACE_PREFIX}{secrets.token_hex(4)}"
    ref = ObjectRef(NAMESPACES, name)
    await undoing.objects.make(ref, {"metadata": {"name": name, "labels": {"team": "x"}}})
    try:
        for _ in range(300):  # a pod needs the service account
            try:
                one = await pod(undoing.connection, name, "bare", labels={"app": "x"})
                break
            except PodtuiError:
                await asyncio.sleep(0.1)
        await undoing.objects.delete(ref)
        step = await undoing.undo()
        assert any("only the 1 pod without a controller come back" in note for note in step.notes)
        assert (await undoing.labels(ref))["team"] == "x"
        again = await undoing.objects.metadata(ObjectRef(PODS, "bare", name))
        assert again["labels"] == {"app": "x"} and again["uid"] != one.uid
    finally:
        await Objects(undoing.connection).delete(ref)


# -- any sequence -------------------------------------------------------------------------------------------------
KEYS, VALUES = ("a", "b"), (None, "1", "2", "3")
LABELS = st.fixed_dictionaries({}, optional={key: st.sampled_from(VALUES) for key in KEYS}).filter(bool)
ACTS = st.tuples(st.sampled_from(("change", "others", "u", "undo")), st.integers(0, 7), LABELS)


@dataclass
class Done:
    """A change as the model knows it: the labels that it changed, before and after, and whether it still counts."""

    which: int
    before: dict[str, str | None]
    after: dict[str, str | None]
    undoes: int | None = None
    counts: bool = True


class Model:
    """What labels two objects must have: a list of changes, each with its before and after."""

    def __init__(self) -> None:
        self.labels: list[dict[str, str | None]] = [dict.fromkeys(KEYS), dict.fromkeys(KEYS)]
        self.done: list[Done] = []

    def change(self, which: int, patch: dict[str, str | None], undoes: int | None = None) -> None:
        before = {key: self.labels[which][key] for key in patch if self.labels[which][key] != patch[key]}
        self.labels[which].update(patch)
        self.done.append(Done(which, before, {key: patch[key] for key in before}, undoes))

    def last(self) -> int | None:
        """What `u` is about: the last change that is no undo, still counts, and changed something."""
        places = [n for n, one in enumerate(self.done) if one.undoes is None and one.counts and one.before != one.after]
        return places[-1] if places else None

    def undo(self, place: int | None) -> None:
        if place is None:
            return
        one = self.done[place]
        if not one.counts or one.before == one.after:
            return
        has = self.labels[one.which]
        if any(has[key] not in (one.before[key], one.after[key]) for key in one.after):
            return  # someone changed it since
        if all(has[key] == one.before[key] for key in one.after):
            return  # it is so already
        self.change(one.which, one.before, place)
        counts = False
        at: int | None = place
        while at is not None:  # what an undo had taken back counts again when the undo is taken back, and so on
            self.done[at].counts, counts, at = counts, not counts, self.done[at].undoes


async def test_any_sequence_of_changes_and_undos_ends_where_the_model_says(undoing: Undoing, namespace: str, tmp_path: Path) -> None:
    refs = [await made(undoing.connection, namespace, name) for name in ("x", "y")]
    loop, numbers = asyncio.get_running_loop(), iter(range(10_000))

    async def play(acts: list[tuple[str, int, dict[str, str | None]]]) -> None:
        user = Undoing(undoing.connection, Journal(undoing.connection.settings, tmp_path / str(next(numbers)) / "journal.jsonl"))
        others, model = Objects(undoing.connection), Model()
        for ref in refs:
            await others.patch_metadata(ObjectRef(CONFIG_MAPS, ref.name, namespace), labels=dict.fromkeys(KEYS))
        for kind, number, patch in acts:
            if kind == "change":
                await user.objects.patch_metadata(ObjectRef(CONFIG_MAPS, refs[number % 2].name, namespace), labels=patch)
                model.change(number % 2, patch)
            elif kind == "others":
                await others.patch_metadata(ObjectRef(CONFIG_MAPS, refs[number % 2].name, namespace), labels=patch)
                model.labels[number % 2].update(patch)
            else:
                entries = await user.entries()
                place = number % len(entries) if entries else None
                if kind == "u":
                    place = model.last()
                    chosen, _ = last_action(entries, undoing.connection.settings)
                    assert [entry.id for entry in chosen] == ([] if place is None else [entries[place].id])
                if place is not None and not why_not(entries[place], undoing.connection.settings, taken_back(entries)):
                    await user.undo(entries[place])
                model.undo(place)
            for ref, labels in zip(refs, model.labels, strict=True):
                assert await user.labels(ref) == {key: value for key, value in labels.items() if value is not None}

    @given(st.lists(ACTS, min_size=6, max_size=16))
    @settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    def run(acts: list[tuple[str, int, dict[str, str | None]]]) -> None:
        asyncio.run_coroutine_threadsafe(play(acts), loop).result(120)

    await asyncio.to_thread(run)
