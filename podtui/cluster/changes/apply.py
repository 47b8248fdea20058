"""Change existing objects by server-side apply: show the difference first, then send it for exactly the object that was shown.

podtui applies as the field manager `podtui`. Fields that other managers own are conflicts; podtui takes them over only on request
(`force`). Fields that podtui itself set by creating or editing the object are its own, although the API server counts them apart.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from functools import partial
from typing import Any

import msgspec

from podtui.cluster.changes.conflicts import changed, on_newest_version
from podtui.cluster.connection.connection import Connection
from podtui.cluster.connection.server_warnings import heard
from podtui.errors import Conflict
from podtui.kube.manifests.secret_values import is_secret
from podtui.kube.manifests.three_way import difference
from podtui.kube.merge_patch import merge_patch, same
from podtui.kube.resources import ObjectRef
from podtui.text import harmless

MANAGER = "podtui"
APPLY = "application/apply-patch+yaml"
QUERY = (("fieldManager", MANAGER), ("fieldValidation", "Strict"))


class FieldConflict(msgspec.Struct, frozen=True):
    """A field that someone else owns: its path as the server writes it (`.spec.replicas`), and the owner in the server's words."""

    field: str
    owner: str


class Preview(msgspec.Struct, frozen=True):
    """The result of applying to an object. `ref` has the UID and the resourceVersion of `before`; `after` is the server's dry run with
    every field taken over; `lines` are the difference; `own` is whether podtui's own earlier writes conflict."""

    ref: ObjectRef
    before: dict[str, Any]
    after: dict[str, Any]
    lines: tuple[str, ...] = ()
    conflicts: tuple[FieldConflict, ...] = ()
    own: bool = False
    warnings: tuple[str, ...] = ()

    @property
    def unchanged(self) -> bool:
        return not self.lines

    def forces(self, asked: bool) -> bool:
        """Whether applying takes fields over from their managers (`--force-conflicts`): if it is `asked` for, or if all conflicts are with
        podtui's own earlier writes, which leave nothing to choose."""
        return asked or (self.own and not self.conflicts)

    @property
    def secret(self) -> bool:
        """Whether `lines` has masks for values."""
        return is_secret(self.before)

    async def difference(self, *, values: bool) -> tuple[str, ...]:
        """`lines`, with the values of a Secret or with their masks."""
        return tuple(await asyncio.to_thread(partial(difference, self.before, self.after, values=values)))

    def equals(self, other: Preview) -> bool:
        """Whether both are about the same object and the same change, whatever else has happened to it."""
        here, there = (merge_patch(_bare(one.before), _bare(one.after)) for one in (self, other))
        return self.ref.uid == other.ref.uid and self.conflicts == other.conflicts and same(here, there)


async def preview(connection: Connection, ref: ObjectRef, value: Mapping[str, Any]) -> Preview:
    """Ask the server (dry run) what applying `value` would make of the object that has its name now. Raises the server's errors.

    The status of a starting pod changes at any moment, so a change between the two requests leads to another attempt.
    """

    async def ask() -> Preview:
        try:
            return await _preview(connection, ref, value)
        except Conflict as error:
            raise changed(ref, error) if error.reason == "Conflict" else error from None

    return await on_newest_version(ref, ask, _nothing)


async def _nothing() -> None:
    """A preview reads the object on each attempt."""


async def _preview(connection: Connection, ref: ObjectRef, value: Mapping[str, Any]) -> Preview:
    before = await connection.json("GET", ref.path)
    metadata = before.get("metadata") or {}
    seen = msgspec.structs.replace(ref, uid=metadata.get("uid", ""), resource_version=metadata.get("resourceVersion", ""))
    body = bound(value, seen)
    conflicts: list[FieldConflict] = []
    with heard() as warned:
        try:
            after = await connection.json("PATCH", ref.path, query=[("dryRun", "All"), *QUERY], body=body, content_type=APPLY)
        except Conflict as error:
            conflicts = conflicts_of(error)
            if not conflicts:
                raise
            after = await connection.json(
                "PATCH", ref.path, query=[("dryRun", "All"), ("force", "true"), *QUERY], body=body, content_type=APPLY
            )
    others = tuple(one for one in conflicts if not _is_own(one))
    lines = tuple(await asyncio.to_thread(difference, before, after))
    return Preview(seen, before, after, lines, others, len(others) < len(conflicts), tuple(warned))


def bound(value: Mapping[str, Any], ref: ObjectRef) -> dict[str, Any]:
    """`value` in the form in which it is applied: only to the object with that UID, in the version that was shown."""
    preconditions = {"uid": ref.uid, "resourceVersion": ref.resource_version}
    return {**value, "metadata": {**(value.get("metadata") or {}), **{key: text for key, text in preconditions.items() if text}}}


def conflicts_of(error: Conflict) -> list[FieldConflict]:
    """The fields of a 409 of apply; none when it means something else (the object was changed, say)."""
    return [
        FieldConflict(harmless(str(cause.get("field") or "")), harmless(str(cause.get("message") or "").removeprefix("conflict with ")))
        for cause in error.details.get("causes") or ()
        if isinstance(cause, dict) and cause.get("reason") == "FieldManagerConflict"
    ]


def _is_own(conflict: FieldConflict) -> bool:
    return conflict.owner == f'"{MANAGER}"' or conflict.owner.startswith(f'"{MANAGER}" ')


def _bare(value: Mapping[str, Any]) -> dict[str, Any]:
    """Without what follows from any change, and without what the system reports."""
    made = {key: part for key, part in value.items() if key != "status"}
    metadata = {
        key: part for key, part in (value.get("metadata") or {}).items() if key not in ("managedFields", "resourceVersion", "generation")
    }
    return {**made, "metadata": metadata}
