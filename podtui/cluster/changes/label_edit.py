"""Change labels and annotations: what each object has now, what others changed in the meantime, and its patch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import msgspec

from podtui.cluster.changes.change import ChangedObject, ChangeOfMany, Foretold
from podtui.cluster.changes.conflicts import on_newest_version, require_same
from podtui.cluster.changes.many import Result
from podtui.cluster.changes.objects import Objects
from podtui.cluster.impact.effects import relabelling
from podtui.errors import PodtuiError
from podtui.kube.kubectl import Commands, kubectl_label
from podtui.kube.label_changes import LabelChange, LabelChanges
from podtui.kube.names import Kind
from podtui.kube.resources import ObjectRef


@dataclass(eq=False)
class LabelledObject(ChangedObject):
    """One object: `ref` has the UID and the resourceVersion of the last read, `current` the labels or annotations at that version."""

    kind: Kind = "labels"
    current: dict[str, str] = field(default_factory=dict)
    read: bool = False
    since: list[LabelChange] = field(default_factory=list)  # what others changed since it was shown

    def changed_by(self, changes: LabelChanges) -> bool:
        """Whether the changes have an effect on this object."""
        return any(change.sign != "=" for change in changes.difference(self.current))

    async def look(self, objects: Objects) -> None:
        """Read the object's labels or annotations, and what changed since the last read. Raises Replaced when it is a different object."""
        metadata: Mapping[str, Any] = await objects.metadata(self.ref)
        require_same(self.ref, metadata)
        current = {key: str(value) for key, value in (metadata.get(self.kind) or {}).items()}
        if self.read:
            keys = sorted(current.keys() | self.current.keys())
            changed = [LabelChange(key, self.current.get(key), current.get(key)) for key in keys]
            self.since = [change for change in changed if change.sign != "="]
        self.ref = msgspec.structs.replace(self.ref, uid=metadata.get("uid", ""), resource_version=metadata.get("resourceVersion", ""))
        self.current, self.read = current, True

    async def change(self, objects: Objects, changes: LabelChanges, command: str, *, overwrite: bool) -> None:
        """Patch the object; if only other fields changed in the meantime, retry on the newer version.

        Raises PodtuiError when the same keys were changed: `since` then has both versions, and a retry applies to the new one.
        """
        patch = changes.patch()
        self.since = []

        async def send() -> None:
            # The version that was read is a precondition: what it had is what the object has before the change.
            before = {"metadata": {"uid": self.ref.uid, self.kind: self.current}}
            labels, annotations = (patch, None) if self.kind == "labels" else (None, patch)
            await objects.patch_metadata(self.ref, labels, annotations, command=command, before=before)

        async def look_again() -> None:
            before = {key: self.current.get(key) for key in patch}
            await self.look(objects)
            self.since = [change for change in self.since if change.key in patch]
            if before != {key: self.current.get(key) for key in patch}:
                raise PodtuiError("it was changed meanwhile: review the difference again, and confirm again") from None
            if refusals := changes.refusals(self.current, overwrite=overwrite):
                raise PodtuiError(refusals[0]) from None

        if self.changed_by(changes):
            await on_newest_version(self.ref, send, look_again)


class LabelEdit(ChangeOfMany[LabelledObject]):
    """Set, overwrite and remove labels or annotations: `changes` on every object, `overwrite` as kubectl's `--overwrite`."""

    def __init__(self, refs: Sequence[ObjectRef], kind: Kind, options: Sequence[str]) -> None:
        super().__init__([LabelledObject(ref, kind=kind) for ref in refs], options)
        self.kind: Kind = kind
        self.changes = LabelChanges(kind=kind)
        self.overwrite = False
        self.reading = True

    @property
    def commands(self) -> list[str]:
        return super().commands if self.changes else []

    def kubectl(self, refs: Sequence[ObjectRef]) -> Commands:
        return kubectl_label(refs, self.changes, overwrite=self.overwrite, options=self.options)

    @property
    def refusal(self) -> str:
        if self.reading:
            return f"reading the {self.kind}…"
        if not self.left:
            return "nothing is left to change"
        if not self.changes:
            return "type a change"
        if self._refused(self.overwrite):
            return "refused: see above"
        return "" if any(one.changed_by(self.changes) for one in self.left) else "nothing would change"

    @property
    def needs_overwrite(self) -> bool:
        """Whether the changes are refused only because they would overwrite a value."""
        return not self.overwrite and self._refused(overwrite=False) and not self._refused(overwrite=True)

    def _refused(self, overwrite: bool) -> bool:
        return any(self.changes.refusals(one.current, overwrite=overwrite) for one in self.left)

    @property
    def foretold(self) -> Foretold | None:
        return partial(relabelling, changes=self.changes.patch()) if self.changes and self.kind == "labels" else None

    async def read(self, objects: Objects) -> None:
        await self.look(lambda one: one.look(objects))
        self.reading = False

    async def change(self, objects: Objects, one: LabelledObject, command: str) -> Result:
        await one.change(objects, self.changes, command, overwrite=self.overwrite)
        return Result("done")
