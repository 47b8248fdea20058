"""Edit an object as YAML, as `kubectl edit` does: podtui sends only the difference, and only to the version that was edited.

The difference is a JSON merge patch with the UID and the resourceVersion that were read. Changes of others stay; where
they changed the same field, podtui shows both versions and the user decides again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import Any

from podtui.cluster.changes.change import Change, Foretold, Note, silent
from podtui.cluster.changes.conflicts import on_newest_version, require_same
from podtui.cluster.changes.objects import Objects
from podtui.cluster.impact.effects import relabelling
from podtui.errors import Changed, Invalid, ManifestError, PodtuiError
from podtui.kube.kubectl import kubectl_patch
from podtui.kube.manifests import documents as manifests
from podtui.kube.manifests.documents import Document
from podtui.kube.manifests.faults import Fault, faults
from podtui.kube.manifests.secret_values import is_secret
from podtui.kube.manifests.three_way import Clash, difference, three_way
from podtui.kube.manifests.yaml_writer import to_yaml
from podtui.kube.merge_patch import merge_patch, merged, same
from podtui.kube.resources import ObjectRef
from podtui.text import harmless

_NAMES = (("apiVersion", ""), ("kind", ""), ("metadata", "name"), ("metadata", "namespace"), ("metadata", "uid"))
_NO_DRY_RUN = "does not support dry run"  # as the API server says of an admission webhook

HEADING = (
    "Save and leave to continue: podtui shows the difference before it sends anything.",
    "Leave it as it is, or empty, to cancel. Comments are not kept.",
)


class Edit(Change):
    """One object that a user edits. `text` is the initial text of the editor; `check()` each saved text, then `send()`.

    After a check without faults, `patch` is what would be sent ({} for nothing), and `lines` the diff of the server's result.
    `clashes` are the fields that someone else changed in the meantime, until the next check.
    """

    def __init__(
        self, objects: Objects, ref: ObjectRef, live: dict[str, Any], text: str, original: dict[str, Any], options: Sequence[str]
    ) -> None:
        """Private: use `Edit.begin()`, which reads the object."""
        self.ref = ref
        self.text = text
        self.patch: dict[str, Any] = {}
        self.lines: list[str] = []
        self.clashes: list[Clash] = []
        self._objects = objects
        self._options = options
        self._live = live
        self._original = original  # the parsed text
        self._edited = original
        self._now = original  # `live`, parsed
        self._result = live  # the server's, for `lines`

    @classmethod
    async def begin(cls, objects: Objects, ref: ObjectRef, options: Sequence[str] = ()) -> Edit:
        """Read the object of `ref`, which must still have its UID. Raises Replaced, NotFound and their kin.

        `options` are those of `ConnectionSettings.kubectl_options`.
        """
        live = await _read(objects, ref)
        text = await asyncio.to_thread(to_yaml, live)
        original = await asyncio.to_thread(_as_text, live, str(ref))
        return cls(objects, _seen(ref, live), live, text, original, options)

    @property
    def name(self) -> str:
        """The name of a file with the text."""
        return f"{self.ref.resource.kind.lower()}-{self.ref.name}.yaml"

    @property
    def secret(self) -> bool:
        """Whether `lines` has masks for values."""
        return is_secret(self._live)

    @property
    def label_changes(self) -> dict[str, str | None]:
        """The labels that the patch sets, or removes (None)."""
        before, after = (value.get("metadata", {}).get("labels") or {} for value in (self._now, merged(self._now, self.patch)))
        return merge_patch(before, after)

    @staticmethod
    def cancels(text: str) -> bool:
        """Whether the text has only comments, which cancels the edit."""
        return all(not line.strip() or line.lstrip().startswith("#") or line.strip() == "---" for line in text.split("\n"))

    async def check(self, text: str) -> list[Fault]:
        """The faults of the edited text, found here and by the server (dry run, strict). Raises ConnectionFailed and its kin."""
        self.patch, self.lines, self.clashes = {}, [], []
        if text == self.text or self.cancels(text):
            return []
        try:
            documents = await asyncio.to_thread(manifests.parse, text, "edited")
        except ManifestError as error:
            return faults(error, text)
        document = documents[0]
        if len(documents) > 1:
            return [Fault(documents[1].line, "only one object can be edited here; this is another one")]
        if moved := self._moved(document):
            return await asyncio.to_thread(faults, moved, text, document.line)
        self._edited = document.value
        self._bring_together()
        if not self.patch:
            return []
        try:
            await self._try()
        except (Invalid, Changed) as error:
            return await asyncio.to_thread(faults, error, text, document.line)
        if not self.lines:
            return [Fault(0, "the server would change nothing: users cannot set these fields (such as status) here")]
        return []

    @property
    def commands(self) -> list[str]:
        return [kubectl_patch(self.ref, self.patch, options=self._options)]

    @property
    def refusal(self) -> str:
        return ""

    @property
    def foretold(self) -> Foretold | None:
        changes = self.label_changes
        return partial(relabelling, changes=changes) if changes else None

    async def send(self, objects: Objects, note: Note = silent) -> None:
        """Raises Changed when someone changed the same fields: `lines` and `clashes` are then about the newer version, to which the next
        call sends the patch."""

        async def send() -> None:
            await objects.edit(self.ref, self.patch, self.commands[0], before=self._live)

        async def look_again() -> None:
            known = self.clashes
            await self._catch_up()
            if self.clashes != known:
                await self._try()
                raise self._clashed() from None

        await on_newest_version(self.ref, send, look_again)

    async def _try(self) -> None:
        """Try the patch on the newest version (dry run), and keep the result."""
        try:
            result = await on_newest_version(self.ref, lambda: self._objects.try_edit(self.ref, self.patch), self._catch_up)
        except Invalid as error:
            if _NO_DRY_RUN not in error.message:
                raise
            result = merged(self._live, self.patch)
        if "status" in self.patch and same(self._live.get("status"), result.get("status")):
            del self.patch["status"]  # the kind has a status subresource, so the server ignores it here
        self._result = result
        self.lines = await asyncio.to_thread(difference, self._live, result)

    async def difference(self, *, values: bool) -> list[str]:
        """`lines`, with the values of a Secret or with their masks."""
        return await asyncio.to_thread(partial(difference, self._live, self._result, values=values))

    async def _catch_up(self) -> None:
        """Continue from the current state of the object."""
        live = await _read(self._objects, self.ref)
        self._now = await asyncio.to_thread(_as_text, live, str(self.ref))
        self._live, self.ref = live, _seen(self.ref, live)
        self._bring_together()

    def _bring_together(self) -> None:
        """Rebuild the patch so that it makes the user's changes to the newest version, beside those of others."""
        made, self.clashes = three_way(self._original, self._edited, self._now)
        patch = merge_patch(self._now, made)
        metadata = {
            key: value for key, value in (patch.pop("metadata", None) or {}).items() if key not in ("resourceVersion", "generation")
        }
        self.clashes = [clash for clash in self.clashes if clash.path not in ("metadata.resourceVersion", "metadata.generation")]
        self.patch = {**({"metadata": metadata} if metadata else {}), **patch}

    def _clashed(self) -> Changed:
        fields = ", ".join(harmless(clash.path) for clash in self.clashes[:3])
        what = f"{harmless(str(self.ref))}: {fields} was changed meanwhile by someone else"
        return Changed(409, "Conflict", what, hint="Review the difference from the new version, and confirm again.")

    def _moved(self, document: Document) -> PodtuiError | None:
        """An error when the edit changes what identifies the object."""
        for holder, key in _NAMES:
            before, after = self._original.get(holder), document.value.get(holder)
            if key:
                before, after = (one.get(key) if isinstance(one, dict) else None for one in (before, after))
            if before != after:
                path = f"{holder}.{key}" if key else holder
                what = f"{path} cannot be changed (it was {harmless(str(before))}): it names the object"
                return Invalid(422, "Invalid", what, {"causes": [{"field": path, "message": what}]})
        return None


async def _read(objects: Objects, ref: ObjectRef) -> dict[str, Any]:
    live = await objects.get(ref)
    require_same(ref, live.get("metadata") or {})
    return live


def _as_text(live: dict[str, Any], source: str) -> dict[str, Any]:
    """The object as parsed from its YAML, to compare an edited text with."""
    (document,) = manifests.parse(to_yaml(live), source)
    return document.value


def _seen(ref: ObjectRef, live: dict[str, Any]) -> ObjectRef:
    metadata = live.get("metadata") or {}
    return ObjectRef(ref.resource, ref.name, ref.namespace, metadata.get("uid", ""), metadata.get("resourceVersion", ""))
