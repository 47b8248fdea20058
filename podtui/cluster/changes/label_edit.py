"""The objects of a label dialog: what each has now, what others changed meanwhile, and its patch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from podtui.cluster.changes.conflicts import on_newest_version, require_same
from podtui.errors import PodtuiError
from podtui.kube.label_changes import Change, LabelChanges
from podtui.kube.names import Kind
from podtui.kube.resources import ObjectRef


@dataclass
class Target:
    """One object: what it has now, and what became of it."""

    ref: ObjectRef  # with the UID and resourceVersion that were read last
    kind: Kind
    current: dict[str, str] = field(default_factory=dict)
    read: bool = False
    done: bool = False
    fault: str = ""
    lost: bool = False  # gone, or another object has its name: nothing to try again
    since: list[Change] = field(default_factory=list)  # what others changed since it was shown

    def effective(self, changes: LabelChanges) -> bool:
        """Whether the changes would change anything here."""
        return any(change.sign != "=" for change in changes.difference(self.current))

    async def look(self, objects: Any) -> None:
        """Read what the object has now, and what changed since the last time. Replaced when it is another object."""
        metadata: Mapping[str, Any] = await objects.metadata(self.ref)
        ref = self.ref
        require_same(ref, metadata)
        current = {key: str(value) for key, value in (metadata.get(self.kind) or {}).items()}
        if self.read:
            keys = sorted(current.keys() | self.current.keys())
            changed = [Change(key, self.current.get(key), current.get(key)) for key in keys]
            self.since = [change for change in changed if change.sign != "="]
        self.ref = ObjectRef(ref.resource, ref.name, ref.namespace, metadata.get("uid", ""), metadata.get("resourceVersion", ""))
        self.current, self.read = current, True

    async def change(self, objects: Any, changes: LabelChanges, *, overwrite: bool) -> None:
        """Patch the object; when it was changed meanwhile but not in what this is about, again on the newer one.

        Raises PodtuiError when it was changed in just that: `since` then has both versions, and a retry is on the new one.
        """
        patch = changes.patch()
        self.fault, self.since = "", []
        if not self.effective(changes):
            self.done = True
            return

        async def look_again() -> None:
            before = {key: self.current.get(key) for key in patch}
            await self.look(objects)
            self.since = [change for change in self.since if change.key in patch]
            if before != {key: self.current.get(key) for key in patch}:
                raise PodtuiError("it was changed meanwhile: look at the difference anew, and confirm again") from None
            if refusals := changes.refusals(self.current, overwrite=overwrite):
                raise PodtuiError(refusals[0]) from None

        await on_newest_version(self.ref, lambda: objects.patch_metadata(self.ref, **{self.kind: patch}), look_again)
        self.done = True
