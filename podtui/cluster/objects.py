"""Objects read and changed one at a time, never another one than the one that was shown.

Every change carries the UID (and, for a patch, the resourceVersion) of what was seen as a precondition: an object that was
recreated under the same name is never touched, and one that was changed meanwhile is not overwritten unseen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from podtui.cluster import creation
from podtui.cluster.connection import Connection
from podtui.cluster.creation import Outcome
from podtui.cluster.discovery import Discovery
from podtui.cluster.manifests import Document
from podtui.cluster.resources import ObjectRef
from podtui.errors import Changed, Conflict, Invalid, NotFound, Replaced, UsageError
from podtui.text import harmless

_METADATA = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"


class Objects:
    """What can be done with single objects over one connection. Every method raises podtui.errors only."""

    def __init__(self, connection: Connection) -> None:
        self.discovery = Discovery(connection)
        self._connection = connection

    async def get(self, ref: ObjectRef) -> dict[str, Any]:
        """The whole object that has the name of `ref` now; NotFound when there is none. It may be another one than `ref.uid`."""
        return _map(await self._connection.json("GET", ref.path))

    async def metadata(self, ref: ObjectRef) -> dict[str, Any]:
        """The `metadata` alone (PartialObjectMetadata), which is all that an edit of labels needs."""
        return _map(_map(await self._connection.json("GET", ref.path, accept=f"{_METADATA},application/json")).get("metadata"))

    async def patch_metadata(
        self, ref: ObjectRef, labels: Mapping[str, str | None] | None = None, annotations: Mapping[str, str | None] | None = None
    ) -> dict[str, Any]:
        """Set labels and annotations, or remove them where the value is None; gives the object afterwards.

        `ref.uid` and `ref.resource_version` are preconditions where they are not "". Raises Replaced when another object has
        the name now, Changed when this one was changed since, NotFound when it is gone.
        """
        metadata: dict[str, Any] = {}
        if labels:
            metadata["labels"] = dict(labels)
        if annotations:
            metadata["annotations"] = dict(annotations)
        if ref.uid:
            metadata["uid"] = ref.uid
        if ref.resource_version:
            metadata["resourceVersion"] = ref.resource_version
        try:
            changed = await self._connection.json(
                "PATCH",
                ref.path,
                query=[("fieldManager", "podtui")],
                body={"metadata": metadata},
                content_type="application/merge-patch+json",
            )
        except Conflict as error:
            raise await self._told_apart(ref, error) from error
        except Invalid as error:
            # Without a resourceVersion to stumble over first, another UID is "field is immutable".
            fields = [cause.get("field") for cause in error.details.get("causes") or () if isinstance(cause, dict)]
            raise (_replaced(ref, error) if ref.uid and "metadata.uid" in fields else error) from error
        return _map(changed)

    async def delete(
        self, ref: ObjectRef, grace_seconds: int | None = None, force: bool = False, propagation: str = "Background"
    ) -> None:
        """Ask the server to delete the object. `grace_seconds` None is the object's own period.

        As kubectl does: `force` means a grace period of 0 and cannot go with another one; 0 without `force` is taken for 1.
        Raises Replaced when another object has the name now, NotFound when it is gone already.
        """
        if force and grace_seconds:
            raise UsageError("--force and --grace-period greater than 0 cannot be specified together")
        if force:
            grace_seconds = 0
        elif grace_seconds == 0:
            grace_seconds = 1
        options: dict[str, Any] = {"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": propagation}
        if grace_seconds is not None:
            options["gracePeriodSeconds"] = grace_seconds
        if ref.uid:
            options["preconditions"] = {"uid": ref.uid}
        try:
            await self._connection.request("DELETE", ref.path, body=options)
        except Conflict as error:
            raise await self._told_apart(ref, error) from error

    async def check(self, documents: Sequence[Document], namespace: str, *, enforce: bool = True) -> list[Outcome]:
        """What the server says to creating these (dry run, unknown fields refused); see `creation.check`."""
        return await creation.check(self._connection, self.discovery, documents, namespace, enforce=enforce)

    async def create(self, documents: Sequence[Document], namespace: str, *, enforce: bool = True) -> list[Outcome]:
        """Create these, in order; see `creation.create`."""
        return await creation.create(self._connection, self.discovery, documents, namespace, enforce=enforce)

    async def _told_apart(self, ref: ObjectRef, error: Conflict) -> Exception:
        """What a 409 means: the server says the same of a changed object and of a recreated one."""
        if not ref.uid:
            return _changed(ref, error)
        try:
            now = await self.metadata(ref)
        except NotFound as gone:
            return gone
        if now.get("uid") != ref.uid:
            return _replaced(ref, error)
        return _changed(ref, error) if ref.resource_version and now.get("resourceVersion") != ref.resource_version else error


def _changed(ref: ObjectRef, error: Conflict) -> Changed:
    return Changed(error.status, error.reason, error.message, error.details, hint=f"{harmless(str(ref))} was changed since it was read")


def _replaced(ref: ObjectRef, error: Conflict | Invalid) -> Replaced:
    words = f"{harmless(str(ref))} was deleted and created anew since: this is another one"
    return Replaced(409, "Conflict", words, error.details, hint="it was not touched")


def _map(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
