"""Undo changes from the journal: an undo is a change like any other, planned first, and refused where it would do harm.

Changed fields are reverted by the inverse merge patch, but only on the same object (its UID) and only if these fields have not
changed since; other fields do not matter. Created objects are deleted, by UID. Deleted objects are recreated from
the kept manifest, as new objects.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from functools import partial
from typing import Any

import msgspec

from podtui.cluster.changes import recreate
from podtui.cluster.changes.change import Change, Foretold, Note, silent
from podtui.cluster.changes.conflicts import is_gone, on_newest_version, replaced
from podtui.cluster.changes.journal import Entry, RecordedObject, taken_back, undoing
from podtui.cluster.changes.many import STOPS, Result, each
from podtui.cluster.changes.objects import Objects
from podtui.cluster.impact import effects
from podtui.cluster.impact.related import Surroundings
from podtui.cluster.kubeconfig.settings import ConnectionSettings
from podtui.errors import Forbidden, NotFound, PodtuiError
from podtui.kube import merge_patch
from podtui.kube.kubectl import distinct, kubectl_cordon, kubectl_create_object, kubectl_delete, kubectl_label, kubectl_patch
from podtui.kube.label_changes import LabelChanges
from podtui.kube.names import Kind
from podtui.kube.resources import NAMESPACES, NODES, PODS, ObjectRef
from podtui.text import counted, harmless

_AGAIN = 0.5  # seconds between two checks whether an object is gone
_ACCOUNT = 30.0  # seconds to wait for the service account of a new namespace, which pods need
_LONGEST_WAIT = 600.0  # seconds to wait until the old object is gone


class FieldChange(msgspec.Struct, frozen=True):
    """What an undo does to one field; None means that the field does not exist."""

    field: str
    now: Any
    then: Any


class Step(msgspec.Struct, frozen=True):
    """What undoing one entry will do.

    `refusal` says why it is impossible; `nothing` why it is unnecessary. `ref` is the object as it is now, `changes` the fields that
    change, `value` the manifest to recreate, `pods` those of a namespace. `notes` are remarks to read first.
    """

    entry: Entry
    ref: ObjectRef
    refusal: str = ""
    nothing: str = ""
    changes: tuple[FieldChange, ...] = ()
    value: dict[str, Any] | None = None
    pods: tuple[dict[str, Any], ...] = ()
    notes: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()
    before: dict[str, Any] | None = None  # the object, or its metadata, in the version that was read
    waits: bool = False  # until the old object of this name is gone

    @property
    def possible(self) -> bool:
        return not self.refusal and not self.nothing


def why_not(entry: Entry, settings: ConnectionSettings, undone: set[str]) -> str:
    """Why the entry cannot be undone, as far as is known without the server; "" when it may be."""
    if entry.ending == "refused":
        return "it was refused: nothing was changed"
    if entry.id in undone:
        return "it has already been undone"
    if entry.server != settings.server:
        return f"it was made on {harmless(entry.context)}: open that context first"
    if entry.form == "creates":
        return "" if entry.object.uid else "whether it was made is unknown"
    if entry.withheld and (entry.before is None or entry.form == "deletes" or entry.object.resource == "secrets"):
        return entry.withheld
    if entry.form == "deletes":
        if entry.before is None:
            return "its manifest could not be read before"
        return recreate.why_not(entry.object.ref, entry.before)
    if entry.before is None:
        return "what was there before could not be read"
    if entry.after is None:
        return "what it changed is unknown"
    return "" if entry.before != entry.after else "it changed nothing"


def last_action(entries: Sequence[Entry], settings: ConnectionSettings) -> tuple[list[Entry], list[tuple[Entry, str]]]:
    """The entries of the last action on this cluster that can be undone, the latest first, and later ones that cannot, with the reasons.

    Undos do not count, so that repeated undos go back step by step. The journal can undo an undo.
    """
    undone = taken_back(entries)
    passed: list[tuple[Entry, str]] = []
    found: list[Entry] = []
    for entry in reversed(entries):
        if found and entry.action != found[0].action:
            break
        if entry.server != settings.server or entry.undoes or entry.id in undone or entry.ending == "refused":
            continue
        if why := why_not(entry, settings, undone):
            passed.append((entry, why))
        else:
            found.append(entry)
    return found, passed


# -- planning -----------------------------------------------------------------------------------------------------
async def plan(objects: Objects, settings: ConnectionSettings, entry: Entry) -> Step:
    """What undoing the entry will do now. Raises the errors of reading the object, except those that make the undo impossible."""
    ref = entry.object.ref
    if entry.form == "changes":
        return await _plan_change(objects, settings, entry, ref)
    if entry.form == "creates":
        return await _plan_deletion(objects, settings, entry, ref)
    return await _plan_making(objects, settings, entry, ref)


async def _plan_change(objects: Objects, settings: ConnectionSettings, entry: Entry, ref: ObjectRef) -> Step:
    before, after = entry.before or {}, entry.after or {}
    try:
        now = {"metadata": await objects.metadata(ref)} if before.keys() == {"metadata"} else await objects.get(ref)
    except NotFound:
        return Step(entry, ref, f"{harmless(str(ref))} is gone")
    metadata = now.get("metadata") or {}
    if metadata.get("uid") != ref.uid:
        return Step(entry, ref, replaced(ref).what)
    changes, since = [], []
    for path, then in merge_patch.leaves(before):
        is_now, left = merge_patch.at(now, path), merge_patch.at(after, path)
        if merge_patch.same(is_now, then):
            continue
        name = merge_patch.field_name(path)
        if not merge_patch.same(is_now, left):
            since.append(f"{name} is {merge_patch.value_text(is_now)} now; this change left {merge_patch.value_text(left)}")
        changes.append(FieldChange(name, is_now, then))
    ref = msgspec.structs.replace(ref, resource_version=metadata.get("resourceVersion") or "")
    if since:
        return Step(entry, ref, f"it was changed since: {'; '.join(since)}")
    if not changes:
        return Step(entry, ref, nothing="it is already as it was before")
    return Step(entry, ref, changes=tuple(changes), commands=tuple(_commands(ref, before, now, settings)), before=now)


def _commands(ref: ObjectRef, patch: Mapping[str, Any], now: Mapping[str, Any], settings: ConnectionSettings) -> list[str]:
    options = settings.kubectl_options
    if kinds := _label_patches(patch):
        made = []
        for kind, part in kinds.items():
            changes = LabelChanges.of(part, kind)
            current = (now.get("metadata") or {}).get(kind) or {}
            overwrite = any(change.sign == "~" for change in changes.difference(current))
            made += distinct(kubectl_label([ref], changes, overwrite=overwrite, options=options))
        return made
    if _is_cordon(ref, patch):
        return distinct(kubectl_cordon([ref], bool(patch["spec"]["unschedulable"]), options=options))
    return [kubectl_patch(ref, patch, options=options)]


def _label_patches(patch: Mapping[str, Any]) -> dict[Kind, dict[str, str | None]]:
    """The labels and annotations of a merge patch that changes nothing else; empty for any other."""
    metadata = patch.get("metadata")
    if patch.keys() != {"metadata"} or not isinstance(metadata, dict) or not metadata.keys() <= {"labels", "annotations"}:
        return {}
    kinds: tuple[Kind, ...] = ("labels", "annotations")
    return {kind: metadata[kind] for kind in kinds if metadata.get(kind)}


def _is_cordon(ref: ObjectRef, patch: Mapping[str, Any]) -> bool:
    return ref.resource == NODES and patch.keys() == {"spec"} and patch["spec"].keys() == {"unschedulable"}


async def _plan_deletion(objects: Objects, settings: ConnectionSettings, entry: Entry, ref: ObjectRef) -> Step:
    try:
        metadata = await objects.metadata(ref)
    except NotFound:
        return Step(entry, ref, nothing=f"{harmless(str(ref))} is already gone")
    if metadata.get("uid") != ref.uid:
        return Step(entry, ref, replaced(ref).what)
    if metadata.get("deletionTimestamp"):
        return Step(entry, ref, nothing=f"{harmless(str(ref))} is already being deleted")
    notes = []
    if ref.resource == NAMESPACES:
        notes.append("with everything in it")
    elif ref.resource != PODS:
        notes.append("with all that it owns")
    return Step(entry, ref, notes=tuple(notes), commands=tuple(distinct(kubectl_delete([ref], options=settings.kubectl_options))))


async def _plan_making(objects: Objects, settings: ConnectionSettings, entry: Entry, ref: ObjectRef) -> Step:
    value, options = entry.before or {}, settings.kubectl_options
    pods = tuple(entry.pods)
    notes = [f"this creates a new {ref.resource.kind.lower()}, with another UID, from the kept manifest"]
    commands = [kubectl_create_object(ref, value, options=options)]
    if ref.resource == NAMESPACES:
        what = f"only the {counted(len(pods), 'pod')} without a controller come back" if pods else "nothing comes back"
        notes.append(f"of what was in it, {what}")
        commands += [kubectl_create_object(_ref_of(pod, ref.name), pod, options=options) for pod in pods]
    if entry.withheld:
        notes.append(entry.withheld)
    step = Step(entry, msgspec.structs.replace(ref, uid=""), value=value, pods=pods, notes=tuple(notes), commands=tuple(commands))
    try:
        metadata = await objects.metadata(ref)
    except NotFound:
        return step
    except Forbidden:
        if ref.resource != NAMESPACES:
            raise
        return step  # most users may not read a missing namespace
    if metadata.get("deletionTimestamp"):
        notes.append("the old one is still terminating: podtui recreates it once the old one is gone")
        return msgspec.structs.replace(step, notes=tuple(notes), waits=True)
    if metadata.get("uid") == ref.uid:
        return Step(entry, ref, nothing=f"{harmless(str(ref))} is still there")
    if ref.resource == NAMESPACES and pods:  # someone recreated it: its pods can come back
        return msgspec.structs.replace(step, value=None, commands=step.commands[1:], notes=step.notes[1:])
    return Step(entry, ref, f"another {harmless(str(ref))} is there now")


def _ref_of(pod: Mapping[str, Any], namespace: str) -> ObjectRef:
    return ObjectRef(PODS, str((pod.get("metadata") or {}).get("name") or ""), namespace)


# -- sending ------------------------------------------------------------------------------------------------------
async def carry_out(objects: Objects, settings: ConnectionSettings, step: Step, note: Note = silent) -> None:
    """Undo the entry as planned; `note` gets what it waits for. Raises PodtuiError; Changed for a field that changed in the meantime."""
    with undoing(step.entry):
        if step.entry.form == "changes":
            await _change_back(objects, settings, step)
        elif step.entry.form == "creates":
            try:
                await objects.delete(step.ref, command=step.commands[0])
            except NotFound as error:
                if not is_gone(step.ref, error):
                    raise
                return  # gone with its namespace, or with its owner
        else:
            await _make_again(objects, step, note)


async def _change_back(objects: Objects, settings: ConnectionSettings, step: Step) -> None:
    command = "\n".join(step.commands)

    async def send() -> None:
        patch = step.entry.before or {}
        if step.nothing:
            return  # someone else has undone it
        if kinds := _label_patches(patch):
            await objects.patch_metadata(step.ref, **kinds, command=command, before=step.before)
        else:
            verb = "patch"
            if _is_cordon(step.ref, patch):
                verb = "cordon" if patch["spec"]["unschedulable"] else "uncordon"
            await objects.patch(step.ref, patch, verb, command, before=step.before)

    async def look_again() -> None:
        nonlocal step
        step = await plan(objects, settings, step.entry)
        if step.refusal:
            raise PodtuiError(f"not undone: {step.refusal}") from None

    await on_newest_version(step.ref, send, look_again)


async def _make_again(objects: Objects, step: Step, note: Note) -> None:
    ref = step.ref
    if step.waits:
        await _until_gone(objects, step.entry.object.ref, note)
    if step.value is not None:
        await objects.make(ref, step.value, step.commands[0])
    if not step.pods:
        return
    failed: list[str] = []
    commands = step.commands[-len(step.pods) :]
    for number, (pod, command) in enumerate(zip(step.pods, commands, strict=True)):
        note(f"recreating pod {number + 1} of {len(step.pods)}")
        target = _ref_of(pod, ref.name)
        try:
            await _make_when_admitted(objects, target, pod, command)
        except PodtuiError as error:
            failed.append(f"{harmless(target.name)}: {error.what}")
    if failed:
        made = len(step.pods) - len(failed)
        raise PodtuiError(f"podtui recreated {made} of {len(step.pods)} pods, but not: {'; '.join(failed[:3])}")


async def _make_when_admitted(objects: Objects, ref: ObjectRef, pod: Mapping[str, Any], command: str) -> None:
    """Create a pod in a namespace that may not have its service account yet; retries until it has."""
    waited = 0.0
    while True:
        try:
            await objects.make(ref, pod, command)
            return
        except Forbidden as error:
            if "serviceaccount" not in error.message or waited >= _ACCOUNT:
                raise
        await asyncio.sleep(_AGAIN)
        waited += _AGAIN


async def _until_gone(objects: Objects, ref: ObjectRef, note: Note) -> None:
    waited = 0.0
    while waited < _LONGEST_WAIT:
        try:
            metadata = await objects.metadata(ref)
        except NotFound:
            return
        if metadata.get("uid") != ref.uid:
            raise PodtuiError(f"another {harmless(str(ref))} is there now")
        note(f"waiting until the old {harmless(str(ref))} is gone")
        await asyncio.sleep(_AGAIN)
        waited += _AGAIN
    raise PodtuiError(f"the old {harmless(str(ref))} is still terminating", "Try again when it is gone")


def _foretell(
    around: Surroundings, *, deleted: Collection[str], relabelled: Sequence[tuple[str, Mapping[str, str | None]]]
) -> list[effects.Effect]:
    """The effects in one namespace; pods whose labels change alike are looked at together."""

    def of(uids: Collection[str]) -> Surroundings:
        return msgspec.structs.replace(around, pods=[pod for pod in around.pods if pod.metadata.uid in uids])

    found = effects.deletion(of(deleted)) if any(pod.metadata.uid in deleted for pod in around.pods) else []
    alike: list[tuple[Mapping[str, str | None], set[str]]] = []
    for uid, changes in relabelled:
        group = next((uids for others, uids in alike if others == changes), None)
        if group is None:
            alike.append((changes, {uid}))
        else:
            group.add(uid)
    for changes, uids in alike:
        found += effects.relabelling(of(uids), changes)
    return found


# -- several entries ----------------------------------------------------------------------------------------------
class Undo(Change):
    """Undo entries of the journal: a few objects at a time, the entries of one object in order, the latest first.

    `passed` are later changes that cannot be undone, with the reasons. After `read`, `steps` say what undoing the remaining
    entries will do; `results` are by the entries' ids.
    """

    def __init__(self, entries: Sequence[Entry], settings: ConnectionSettings, passed: Sequence[tuple[Entry, str]] = ()) -> None:
        self.entries = list(entries)
        self.passed = list(passed)
        self.steps: list[Step] = []
        self.results: dict[str, Result] = {}
        self.reading = True
        self._settings = settings

    @property
    def done(self) -> list[Entry]:
        return [entry for entry in self.entries if (result := self.results.get(entry.id)) is not None and result.well]

    @property
    def failed(self) -> list[Result]:
        return [result for result in self.results.values() if not result.well]

    @property
    def commands(self) -> list[str]:
        return [command for step in self.steps if step.possible for command in step.commands]

    @property
    def foretold(self) -> Foretold | None:
        """The effects of the possible steps: pods that are deleted again, and pods whose labels change back."""
        possible = [step for step in self.steps if step.possible and step.ref.resource == PODS]
        deleted = {step.ref.uid for step in possible if step.entry.form == "creates"}
        relabelled = [(step.ref.uid, changes) for step in possible if (changes := _label_patches(step.entry.before or {}).get("labels"))]
        return partial(_foretell, deleted=deleted, relabelled=relabelled) if deleted or relabelled else None

    @property
    def refusal(self) -> str:
        if self.reading:
            return "reading the current state…"
        return "" if any(step.possible for step in self.steps) else "nothing can be undone"

    async def read(self, objects: Objects) -> None:
        left = {entry.id: entry for entry in self.entries if entry not in self.done}
        results = await each(left, lambda id: plan(objects, self._settings, left[id]))
        self.steps = [
            results.done[id] if (error := results.error(id)) is None else Step(entry, entry.object.ref, f"it cannot be read: {error.what}")
            for id, entry in left.items()
        ]
        self.reading = False

    async def send(self, objects: Objects, note: Note = silent) -> None:
        by_object: dict[RecordedObject, list[Step]] = {}
        for step in self.steps:
            if step.possible:
                by_object.setdefault(msgspec.structs.replace(step.entry.object, uid=""), []).append(step)

        async def take_back(target: RecordedObject) -> None:
            for number, step in enumerate(by_object[target]):
                try:
                    if number:  # the previous undo has changed the object
                        step = await _planned_again(objects, self._settings, step)
                    await carry_out(objects, self._settings, step, note)
                except STOPS:
                    raise
                except PodtuiError as error:
                    self.results[step.entry.id] = Result("failed", str(error))
                    return
                self.results[step.entry.id] = Result("done")

        results = await each(by_object, take_back)
        if results.stopped is not None or self.failed:
            self.reading = True
            await self.read(objects)
        if results.stopped is not None:
            raise results.stopped


async def _planned_again(objects: Objects, settings: ConnectionSettings, step: Step) -> Step:
    """The step planned anew, with the commands that were shown."""
    again = await plan(objects, settings, step.entry)
    if not again.possible:
        raise PodtuiError(again.refusal or again.nothing)
    return msgspec.structs.replace(again, commands=step.commands) if step.entry.form == "changes" else again
