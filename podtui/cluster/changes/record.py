"""What a change of one object is, and what of it is kept in the journal: enough to take it back, and no value of a Secret."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import msgspec

from podtui.cluster.changes.recreate import manifest
from podtui.kube import merge_patch
from podtui.kube.resources import ObjectRef

Form = Literal["creates", "changes", "deletes"]

_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


class Change(msgspec.Struct, frozen=True):
    """What the journal is told of a change before it is sent.

    `verb` is kubectl's word (label, edit, apply, cordon, evict, ...), `form` what it does to the object, `command` the exact kubectl
    command. `before` is the object as it was (or the part with `fields` in it), None when it is not known. `fields` is a merge
    patch: only these fields are recorded; without it, all in which `before` and the answer differ. `pods` are the bare pods that
    go with a namespace.
    """

    verb: str
    form: Form
    ref: ObjectRef
    command: str = ""
    before: Mapping[str, Any] | None = None
    fields: Mapping[str, Any] | None = None
    pods: Sequence[Mapping[str, Any]] = ()


def recorded(change: Change, body: object, answer: Mapping[str, Any] | None) -> dict[str, Any]:
    """`before`, `after`, `pods` and `withheld` of the change's entry; `answer` is None while there is none yet."""
    before, after = change.before, answer
    if change.form == "creates":
        before, after = None, manifest(answer if answer else body if isinstance(body, Mapping) else {})
    elif change.form == "deletes":
        before, after = None if before is None else manifest(before), None
    elif change.fields is not None:
        before = None if before is None else merge_patch.project(before, change.fields)
        after = dict(change.fields) if answer is None else merge_patch.project(answer, change.fields)
    elif before is not None:
        before, after = (manifest(before), None) if answer is None else merge_patch.difference(before, answer)
    kept_before, kept_after = without_values(change.ref, before), without_values(change.ref, after)
    less = kept_before != before or kept_after != after
    withheld = "the values of a Secret are not kept" if less else ""
    return {"before": kept_before, "after": kept_after, "pods": [manifest(pod) for pod in change.pods], "withheld": withheld}


def without_values(ref: ObjectRef, value: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """An object, or a part of one, without the values of a Secret; any other kind as it is."""
    if value is None:
        return None
    made = dict(value)
    if (ref.resource.group, ref.resource.plural) == ("", "secrets"):
        made = {key: part for key, part in made.items() if key not in ("data", "stringData")}
        metadata = made.get("metadata")
        annotations = metadata.get("annotations") if isinstance(metadata, dict) else None
        if isinstance(metadata, dict) and isinstance(annotations, dict) and _APPLIED in annotations:  # it has them once more
            made["metadata"] = {**metadata, "annotations": {key: text for key, text in annotations.items() if key != _APPLIED}}
    return made
