"""Read and change objects one at a time, never another object than the one that was shown.

Every change carries the UID (and, for a patch, the resourceVersion) that was shown as a precondition: it never touches an object
that was recreated under the same name, and never overwrites a change unseen.

Every change goes through `Objects.mutate`, which keeps the journal. A new kind of change sends its request through it:

    seen = await self.seen(ref)                      # the object before; None where it cannot be read
    change = Mutation("cordon", "changes", ref, command, before=seen)
    answer = await self.mutate(change, "PATCH", ref.path, body=..., content_type="application/merge-patch+json")

`Mutation` has what the journal cannot know: kubectl's word, whether the object is created, changed or deleted, the kubectl
command (that of the Change that the user saw), and the state before. The recorded change is the difference between `before`
and the answer, or, with `fields` (a merge patch), what both have in these fields. The journal leaves out the values of Secrets;
they must not appear in the command.
A dialog sends everything as one action (`journal.one_action`, called by `ui.dialogs.dialog`). Dry runs change nothing, so they go
over the connection directly.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Unpack

import msgspec

from podtui.cluster.changes.conflicts import changed, replaced, require_same
from podtui.cluster.changes.journal import Journal, Mutation, ending_of, recorded
from podtui.cluster.connection import listing
from podtui.cluster.connection.connection import Connection, RequestOptions
from podtui.errors import Conflict, Forbidden, Invalid, NotFound, PodtuiError, TooManyRequests, UsageError
from podtui.kube.json_values import mappings
from podtui.kube.names import Kind
from podtui.kube.resources import NAMESPACES, PODS, ObjectRef, Propagation, Resource
from podtui.text import harmless

if TYPE_CHECKING:
    from podtui.cluster.connection.discovery import Discovery

_STRICT = ("fieldValidation", "Strict")
_IN_USE = 500  # objects to read for the completion of typed text
_PODS_KEPT = 500  # of a deleted namespace: more would not fit into an entry


class Objects:
    """The operations on single objects over one connection. Every method raises podtui.errors only.

    Without a `journal`, nothing is recorded; podtui's own session always has one.
    """

    def __init__(self, connection: Connection, journal: Journal | None = None) -> None:
        self.journal = journal
        self.connection = connection

    @cached_property
    def discovery(self) -> Discovery:
        """The kinds of the connection, which are not asked for before someone needs them."""
        from podtui.cluster.connection.discovery import Discovery

        return Discovery(self.connection)

    # -- the path of every change -------------------------------------------------------------------------------
    async def mutate(self, change: Mutation, method: str, path: str, **options: Unpack[RequestOptions]) -> dict[str, Any]:
        """Send one change, with its entry in the journal before and after; returns the server's answer.

        Raises what `Connection.json` raises, with `may_be_done` where the change may have been made all the same; while podtui is
        read-only, it neither sends nor records anything.
        """
        self.connection.check(method, path, options.get("query", ()))
        if self.journal is None:
            return await self._send(method, path, **options)
        body = options.get("body")
        uid = change.ref.uid or _uid(change.before or {})
        entry = self.journal.new(
            change.verb,
            change.form,
            msgspec.structs.replace(change.ref, uid=uid),
            command=change.command,
            kept=recorded(change, body, None),
        )
        sent = False
        try:
            await self.journal.begin(entry)
            sent = True
            answer = await self._send(method, path, **options)
        except BaseException as error:
            self.journal.end(entry, *(ending_of(error) if sent else ("refused", "not sent: closed before")))
            raise
        named = answer if change.form != "deletes" else {}
        name = _map(named.get("metadata")).get("name") or entry.object.name  # the server generates it from generateName
        target = msgspec.structs.replace(entry.object, name=name, uid=_uid(named) or entry.object.uid)
        self.journal.end(entry, "done", object=target, kept=recorded(change, body, answer))
        return answer

    async def _send(self, method: str, path: str, **options: Unpack[RequestOptions]) -> dict[str, Any]:
        try:
            return _map(await self.connection.json(method, path, **options))
        except PodtuiError as error:
            error.may_be_done = ending_of(error)[0] == "unknown"
            raise

    async def seen(self, ref: ObjectRef, *, metadata: bool = False) -> dict[str, Any] | None:
        """The object before a change, for the journal; with `metadata`, only that part of it.

        None when the user may not read it, it is gone, or its UID is not `ref.uid`: the change itself then reports it.
        """
        try:
            found = {"metadata": await self.metadata(ref)} if metadata else await self.get(ref)
        except (Forbidden, NotFound):
            return None
        return found if ref.uid in ("", _uid(found)) else None

    async def _before(self, ref: ObjectRef, *, metadata: bool = False) -> dict[str, Any] | None:
        """As `seen`, but only for the journal: without a journal, or while podtui is read-only, it sends no request."""
        return None if self.journal is None or self.connection.read_only else await self.seen(ref, metadata=metadata)

    # -- reading --------------------------------------------------------------------------------------------------
    async def get(self, ref: ObjectRef) -> dict[str, Any]:
        """The whole object that has the name of `ref` now, whatever its UID; NotFound when there is none."""
        return _map(await self.connection.json("GET", ref.path))

    async def metadata(self, ref: ObjectRef) -> dict[str, Any]:
        """The `metadata` alone (PartialObjectMetadata), enough for an edit of labels."""
        return _map(_map(await self.connection.json("GET", ref.path, accept=listing.METADATA)).get("metadata"))

    async def select(self, resource: Resource, namespaces: Sequence[str], selector: str) -> list[ObjectRef]:
        """Every object in these namespaces (none: all) that the label selector matches; see `listing.select`."""
        return await listing.select(self.connection, resource, namespaces, selector)

    async def in_use(self, ref: ObjectRef, kind: Kind) -> list[dict[str, str]]:
        """The labels or annotations of one page of objects of `ref`'s kind in its namespace, as suggestions for new ones."""
        query = [("limit", str(_IN_USE))]
        listed = await self.connection.json("GET", ref.resource.path(ref.namespace), query=query, accept=listing.METADATA_LIST)
        return [_map(_map(item.get("metadata")).get(kind)) for item in _map(listed).get("items") or ()]

    # -- changing -------------------------------------------------------------------------------------------------
    async def patch_metadata(
        self,
        ref: ObjectRef,
        labels: Mapping[str, str | None] | None = None,
        annotations: Mapping[str, str | None] | None = None,
        *,
        command: str = "",
        before: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Set labels and annotations, or remove them where the value is None; returns the changed object. As `patch`."""
        given = {"labels": labels, "annotations": annotations}
        fields = {"metadata": {kind: dict(patch) for kind, patch in given.items() if patch}}
        return await self.patch(ref, fields, "annotate" if annotations and not labels else "label", command, before=before)

    async def patch(
        self,
        ref: ObjectRef,
        patch: Mapping[str, Any],
        verb: str = "patch",
        command: str = "",
        *,
        before: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Apply a merge patch (RFC 7386: None removes a field) to the object; returns the changed object.

        `ref.uid` and `ref.resource_version` are preconditions unless they are "". Raises Replaced when another object has
        the name now, Changed when this one was changed, NotFound when it is gone. `before` is the object of that version, at
        least with the fields of the patch; without it, the method reads the object.
        """
        if before is None:
            before = await self._before(ref, metadata=patch.keys() == {"metadata"})
        return await self._patch(Mutation(verb, "changes", ref, command, before, fields=patch))

    async def edit(
        self, ref: ObjectRef, patch: Mapping[str, Any], command: str = "", *, before: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """As `patch`, but a field that the server does not know is an error (Invalid). `before` is the object that was edited."""
        return await self._patch(Mutation("edit", "changes", ref, command, before, fields=patch), [_STRICT])

    async def try_edit(self, ref: ObjectRef, patch: Mapping[str, Any]) -> dict[str, Any]:
        """The result of `edit` by a dry run; raises the same errors."""
        return await self._patch(Mutation("edit", "changes", ref, fields=patch), [_STRICT], dry_run=True)

    async def cordon(self, ref: ObjectRef, unschedulable: bool, command: str = "") -> dict[str, Any]:
        """Set or clear `spec.unschedulable` of the node (`kubectl cordon`, `kubectl uncordon`); returns the changed node.

        Only the UID is a precondition: a node's status changes all the time, and the change does not depend on it.
        """
        patch = {"spec": {"unschedulable": True if unschedulable else None}}  # kubectl does not write false either
        verb = "cordon" if unschedulable else "uncordon"
        return await self.patch(msgspec.structs.replace(ref, resource_version=""), patch, verb, command)

    async def _patch(self, change: Mutation, query: Sequence[tuple[str, str]] = (), *, dry_run: bool = False) -> dict[str, Any]:
        ref, patch = change.ref, change.fields or {}
        preconditions = {"uid": ref.uid, "resourceVersion": ref.resource_version}
        metadata = {**_map(patch.get("metadata")), **{key: value for key, value in preconditions.items() if value}}
        query, body, kind = [("fieldManager", "podtui"), *query], {**patch, "metadata": metadata}, "application/merge-patch+json"
        try:
            if dry_run:
                return _map(await self.connection.json("PATCH", ref.path, query=[("dryRun", "All"), *query], body=body, content_type=kind))
            return await self.mutate(change, "PATCH", ref.path, query=query, body=body, content_type=kind)
        except NotFound as error:
            raise await self._without_namespace(ref, error) from error
        except Conflict as error:
            raise await self._meaning(ref, error) from error
        except Invalid as error:
            # Without a resourceVersion, which the server checks first, another UID fails as "field is immutable".
            causes = [cause.get("field") for cause in error.details.get("causes") or () if isinstance(cause, dict)]
            raise (replaced(ref, error) if ref.uid and "metadata.uid" in causes else error) from error

    async def delete(
        self,
        ref: ObjectRef,
        grace_seconds: int | None = None,
        force: bool = False,
        propagation: Propagation = "Background",
        *,
        command: str = "",
    ) -> None:
        """Ask the server to delete the object. `grace_seconds` None is the object's own period.

        As in kubectl, `force` means a grace period of 0 and excludes another one; 0 without `force` becomes 1.
        Raises Replaced when another object has the name now, NotFound when it is already gone.
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
            await self.mutate(await self.deletion(ref, "delete", command), "DELETE", ref.path, body=options)
        except NotFound as error:
            raise await self._without_namespace(ref, error) from error
        except Conflict as error:
            raise await self._meaning(ref, error) from error

    async def evict(self, ref: ObjectRef, grace_seconds: int | None = None, *, command: str = "") -> None:
        """Ask the server to delete the pod if its disruption budgets allow it (Eviction of policy/v1, as kubectl drain does).

        Raises TooManyRequests, in the server's words, when a budget does not allow it now; Replaced and NotFound as `delete`. An
        eviction with a wrong UID would fail too, but only after the budget has counted it for some minutes, so the method checks
        the UID first.
        """
        if ref.uid and not self.connection.read_only:
            await self._same(ref)
        options: dict[str, Any] = {}
        if grace_seconds is not None:
            options["gracePeriodSeconds"] = grace_seconds or 1  # 0 would force the deletion
        if ref.uid:
            options["preconditions"] = {"uid": ref.uid}
        eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": ref.name, "namespace": ref.namespace}}
        path = ref.resource.path(ref.namespace, ref.name, "eviction")
        try:
            await self.mutate(await self.deletion(ref, "evict", command), "POST", path, body={**eviction, "deleteOptions": options})
        except NotFound as error:
            raise await self._without_namespace(ref, error) from error
        except Conflict as error:
            raise await self._meaning(ref, error) from error
        except TooManyRequests as error:
            raise _with_causes(error) from error

    async def _same(self, ref: ObjectRef) -> None:
        """Raise Replaced when another object has the name now, NotFound when none has. If it is unreadable, the change itself fails."""
        try:
            now = await self.metadata(ref)
        except Forbidden:
            return
        require_same(ref, now)

    async def deletion(self, ref: ObjectRef, verb: str, command: str) -> Mutation:
        """The Mutation of a deletion or an eviction, with the object's manifest and, for a namespace, its bare pods."""
        return Mutation(verb, "deletes", ref, command, await self._before(ref), pods=await self._bare_pods(ref))

    async def _bare_pods(self, ref: ObjectRef) -> list[dict[str, Any]]:
        """The pods of a namespace that no controller recreates; none for another kind, or when the user may not list them."""
        if ref.resource != NAMESPACES or self.journal is None:
            return []
        try:
            listed = await self.connection.json("GET", PODS.path(ref.name), query=[("limit", str(_PODS_KEPT))])
        except Forbidden:
            return []
        kind = {"apiVersion": "v1", "kind": "Pod"}  # the items of a list leave these out
        from podtui.cluster.changes import recreate

        return [{**kind, **pod} for pod in listed.get("items") or () if not recreate.owner(pod)]

    async def make(self, ref: ObjectRef, value: Mapping[str, Any], command: str = "") -> dict[str, Any]:
        """Create one object of `ref`'s kind from its manifest; returns it as the server created it. Conflict when it exists."""
        body = {"apiVersion": ref.resource.api_version, "kind": ref.resource.kind, **value}
        change = Mutation("create", "creates", ref, command)
        return await self.mutate(change, "POST", ref.resource.path(ref.namespace), query=[("fieldManager", "podtui")], body=body)

    async def _without_namespace(self, ref: ObjectRef, error: NotFound) -> NotFound:
        """What a 404 means: when the whole namespace is gone, the server says only that the object is."""
        if not ref.namespace:
            return error
        try:
            await self.connection.json("GET", NAMESPACES.path("", ref.namespace), accept=listing.METADATA)
        except NotFound as gone:
            what = f"namespace {harmless(ref.namespace)} is gone, and {harmless(str(ref))} with it"
            return NotFound(gone.status, gone.reason, what, gone.details)
        except PodtuiError:  # what is known is the object's
            pass
        return error

    async def _meaning(self, ref: ObjectRef, error: Conflict) -> Exception:
        """What a 409 means: the server answers the same for a changed object and for a recreated one."""
        if not ref.uid:
            return changed(ref, error)
        try:
            now = await self.metadata(ref)
        except NotFound as gone:
            return gone
        if now.get("uid") != ref.uid:
            return replaced(ref, error)
        return changed(ref, error) if ref.resource_version and now.get("resourceVersion") != ref.resource_version else error


def _uid(value: Mapping[str, Any]) -> str:
    return str(_map(value.get("metadata")).get("uid") or "")


def _with_causes(error: TooManyRequests) -> TooManyRequests:
    """The refusal of an eviction with the budget's own message, which is among the causes."""
    causes = [harmless(cause["message"]) for cause in mappings(error.details.get("causes")) if isinstance(cause.get("message"), str)]
    return TooManyRequests(error.status, error.reason, " ".join([error.message, *causes]), error.details, error.retry_after)


def _map(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
