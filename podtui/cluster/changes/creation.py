"""Create the objects of a manifest: first a dry run of all, then one after the other.

Objects that already exist are not created; podtui shows what server-side apply would change, and applies only on request.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypedDict, Unpack

import msgspec

from podtui.cluster.changes import apply as applying
from podtui.cluster.changes.apply import Preview
from podtui.cluster.changes.conflicts import changed, on_newest_version, require_same
from podtui.cluster.changes.journal import Mutation
from podtui.cluster.changes.many import STOPS, each
from podtui.cluster.changes.objects import Objects
from podtui.cluster.connection.server_warnings import heard
from podtui.errors import (
    Changed,
    Conflict,
    ConnectionFailed,
    CredentialError,
    Forbidden,
    Invalid,
    NotFound,
    PodtuiError,
    ReadOnlyError,
    Unauthorized,
    UnknownKind,
)
from podtui.kube.manifests.documents import Document, placed
from podtui.kube.manifests.faults import Fault, faults
from podtui.kube.resources import ObjectRef, Resource
from podtui.text import harmless

_STRICT = ("fieldValidation", "Strict")
_MANAGER = ("fieldManager", "podtui")
_ESTABLISHING = 10.0  # seconds to wait for the kind of a CustomResourceDefinition that was just created

_EXPLAINED = 20  # refused documents for which podtui locates the faults in the text

State = Literal["created", "applied", "unchanged", "left", "checked", "exists", "unchecked", "refused", "unknown", "untried"]


class Outcome(msgspec.Struct, frozen=True):
    """The result for one document.

    `checked`: the server would create it. `exists`: it already exists, and `preview` shows what applying would change. `unchecked`: a
    dry run cannot tell (`error` says why). `refused`: it was not created or applied. `unknown`: it was sent, and may be
    done. `untried`: not sent, because of an earlier failure. `applied`, `unchanged`: it existed, and was changed, or needed no change.
    `left`: it existed, and was not to be changed. `ref` has the name that the server gave; `warnings` are the server's; `faults` are
    those of the error, with the lines of the document's text. `existing`: a refused object exists, and cannot be changed into this.
    """

    document: Document
    state: State
    ref: ObjectRef | None = None
    error: PodtuiError | None = None
    warnings: tuple[str, ...] = ()
    preview: Preview | None = None
    faults: tuple[Fault, ...] = ()
    existing: bool = False

    @property
    def done(self) -> bool:
        """Whether nothing remains to be done for it."""
        return self.state in ("created", "applied", "unchanged", "left")

    @property
    def named(self) -> str:
        """The name as kubectl prints it: `pod/kubia`, `deployment.apps/web`."""
        if self.ref is None:
            return f"{harmless(self.document.kind.lower())}/{harmless(self.document.name)}"
        group = f".{self.ref.resource.group}" if self.ref.resource.group else ""
        return harmless(f"{self.ref.resource.kind.lower()}{group}/{self.ref.name}")

    def __str__(self) -> str:
        """One line (and the error's hint): `pod/kubia created`, or the place and the server's words."""
        if self.state == "created":
            return f"{self.named} created"
        if self.state == "applied":
            return f"{self.named} serverside-applied"
        if self.state in ("unchanged", "left"):
            return f"{self.named} {'unchanged' if self.state == 'unchanged' else 'left as it was'}"
        if self.state == "exists":
            return f"{self.named} already exists"
        if self.state == "checked":
            return f"{self.named} created (server dry run)"
        if self.state == "untried":
            return f"{self.named} was not tried"
        words = "unknown error" if self.error is None else "\n".join(filter(None, [self.error.what, self.error.hint]))
        place = f"{self.document.source}:{self.document.line}: "
        words = words if words.startswith(place) else f"{place}{words}"
        return f"{self.named} may or may not have been created: {words}" if self.state == "unknown" else words


async def check(objects: Objects, documents: Sequence[Document], namespace: str, *, enforce: bool = True) -> list[Outcome]:
    """Ask the server about every document by a dry run with strict validation; this creates nothing.

    For objects that already exist (`exists`), also ask for the difference that applying would make. Documents that depend on a Namespace
    or a CustomResourceDefinition of the same file are `unchecked`. Raises errors that stop the whole check:
    ConnectionFailed, Unauthorized, ReadOnlyError.
    """
    promised = _Promised(documents)
    results = await each(range(len(documents)), lambda number: _try(objects, documents[number], namespace, enforce, promised))
    for error in results.failed.values():
        raise error
    return await asyncio.to_thread(_explained, _twice([results.done[number] for number in range(len(documents))]))


def _explained(outcomes: Sequence[Outcome]) -> list[Outcome]:
    """The outcomes with the lines of the faults of the refused ones: reads their texts."""
    made: list[Outcome] = []
    room = _EXPLAINED
    for outcome in outcomes:
        if outcome.state == "refused" and outcome.error is not None and outcome.document.text and room:
            room -= 1
            found = tuple(faults(outcome.error, outcome.document.text, outcome.document.line))
            outcome = msgspec.structs.replace(outcome, faults=found)
        made.append(outcome)
    return made


class CreateOptions(TypedDict, total=False):
    """`command` is the kubectl command for all documents, for the journal; `enforce` refuses those that name another namespace.

    Objects that exist according to `checked` (of `check`) stay unchanged or, with `apply`, are changed as their previews show, with
    `force` also in the fields of other managers.
    """

    command: str
    enforce: bool
    checked: Sequence[Outcome]
    apply: bool
    force: bool


async def create(objects: Objects, documents: Sequence[Document], namespace: str, **options: Unpack[CreateOptions]) -> list[Outcome]:
    """Create the documents in order. Objects that exist, and are not in `checked`, are refused (AlreadyExists).

    As in kubectl, a refused document does not stop the others; when the server is lost or no longer accepts the credentials,
    the rest is `untried`. Never raises for one document.
    """
    command, enforce, apply = options.get("command", ""), options.get("enforce", True), options.get("apply", False)
    previews = {id(one.document): one.preview for one in options.get("checked", ()) if one.preview is not None}
    outcomes: list[Outcome] = []
    promised = _Promised(documents)
    lost = False
    for document in documents:
        if lost:
            outcomes.append(Outcome(document, "untried"))
            continue
        known = previews.get(id(document))
        try:
            if known is not None:
                _, value = placed(document, known.ref.resource, namespace, enforce=enforce)
                left = Outcome(document, "left", known.ref)
                force = options.get("force", False)
                outcomes.append(await _apply(objects, document, known, value, command, force) if apply else left)
                continue
            resource = await _resolve(objects, document, promised)
            target, value = placed(document, resource, namespace, enforce=enforce)
            change = Mutation("create", "creates", ObjectRef(resource, document.name, target), command)
            with heard() as warned:
                made = await objects.mutate(change, "POST", resource.path(target), query=[_MANAGER, _STRICT], body=value)
            ref, warnings = _ref(resource, target, made), tuple(warned)
        except PodtuiError as error:
            outcomes.append(Outcome(document, "unknown" if error.may_be_done else "refused", error=error))
            lost = isinstance(error, STOPS)
        else:
            outcomes.append(Outcome(document, "created", ref, warnings=warnings))
    return outcomes


async def _try(objects: Objects, document: Document, namespace: str, enforce: bool, promised: _Promised) -> Outcome:
    ref = None
    try:
        resource = await objects.discovery.resolve(document.api_version, document.kind)
        target, value = placed(document, resource, namespace, enforce=enforce)
        ref = ObjectRef(resource, document.name, target)
        with heard() as warned:
            tried = await objects.connection.json("POST", resource.path(target), query=[("dryRun", "All"), _MANAGER, _STRICT], body=value)
        found, warnings = _ref(resource, target, tried), tuple(warned)
    except STOPS:
        raise
    except PodtuiError as error:
        if ref is not None and not document.generated and await _is_there(objects, ref, error):
            return await _compared(objects, document, ref, value, error)
        why = promised.excuse(document, error)
        return Outcome(document, "unchecked" if why else "refused", ref, document.error(why) if why else error)
    if document.generated:
        found = ref  # the server will generate another name for the real request
    return Outcome(document, "checked", found, warnings=warnings)


async def _is_there(objects: Objects, ref: ObjectRef, error: PodtuiError) -> bool:
    """Whether the object exists although its creation was refused: a user who may not create it may still be allowed to change it."""
    if isinstance(error, Forbidden):
        try:
            await objects.get(ref)
        except (NotFound, Forbidden):
            return False
        return True
    return isinstance(error, Conflict) and error.reason == "AlreadyExists"


async def _compared(objects: Objects, document: Document, ref: ObjectRef, value: Mapping[str, Any], exists: PodtuiError) -> Outcome:
    """What applying would make of an existing object."""
    try:
        found = await applying.preview(objects.connection, ref, value)
    except (ConnectionFailed, Unauthorized, CredentialError):
        raise
    except ReadOnlyError:
        return Outcome(document, "refused", ref, exists)
    except PodtuiError as error:
        if isinstance(error, Conflict | Invalid):  # the change itself is what the server refuses
            error.hint = error.hint or "it already exists, and cannot be changed this way"
        return Outcome(document, "refused", ref, error, existing=True)
    return Outcome(document, "exists", found.ref, warnings=found.warnings, preview=found)


async def _apply(objects: Objects, document: Document, known: Preview, value: Mapping[str, Any], command: str, force: bool) -> Outcome:
    """Apply to the object that was shown. If other fields of it changed in the meantime, retry on the newer version."""
    if known.unchanged:
        return Outcome(document, "unchanged", known.ref)
    force = known.forces(force)

    async def send() -> Outcome:
        ref = known.ref
        change = Mutation("apply", "changes", ref, command, before=known.before)
        query = [*(("force", "true") for _ in range(force)), *applying.QUERY]
        try:
            with heard() as warned:
                body = applying.bound(value, ref)
                made = await objects.mutate(change, "PATCH", ref.path, query=query, body=body, content_type=applying.APPLY)
        except Conflict as error:
            raise error if applying.conflicts_of(error) else changed(ref, error) from None
        return Outcome(document, "applied", _ref(ref.resource, ref.namespace, made), warnings=tuple(warned))

    async def look_again() -> None:
        nonlocal known
        before, known = known, await applying.preview(objects.connection, known.ref, value)
        require_same(before.ref, {"uid": known.ref.uid})
        if not known.equals(before):
            what = f"{harmless(str(known.ref))} was changed since"
            raise Changed(409, "Conflict", what, hint="Review the difference again") from None

    try:
        return await on_newest_version(known.ref, send, look_again)
    except Changed as error:
        return Outcome(document, "refused", known.ref, error, preview=known)


def _ref(resource: Resource, namespace: str, made: Mapping[str, Any]) -> ObjectRef:
    """The object in the server's answer."""
    metadata = made.get("metadata") or {}
    return ObjectRef(
        resource,
        metadata.get("name", ""),
        metadata.get("namespace", namespace if resource.namespaced else ""),
        metadata.get("uid", ""),
        metadata.get("resourceVersion", ""),
    )


async def _resolve(objects: Objects, document: Document, promised: _Promised) -> Resource:
    """As Discovery.resolve, but waits a moment for a kind whose definition was just created."""
    waited = 0.0
    while True:
        try:
            return await objects.discovery.resolve(document.api_version, document.kind)
        except UnknownKind:
            if waited >= _ESTABLISHING or (document.api_version, document.kind) not in promised.kinds:
                raise
        await asyncio.sleep(0.25)
        waited += 0.25


class _Promised:
    """The namespaces and kinds that the documents themselves define."""

    def __init__(self, documents: Sequence[Document]) -> None:
        self.namespaces = {one.name for one in documents if (one.api_version, one.kind) == ("v1", "Namespace")}
        self.kinds: set[tuple[str, str]] = set()
        for one in documents:
            if one.kind == "CustomResourceDefinition":
                try:
                    self.kinds |= _defined(one)
                except (AttributeError, KeyError, TypeError):
                    continue  # not a well-formed definition: the server will say so

    def excuse(self, document: Document, error: PodtuiError) -> str:
        """Why this error of a dry run is not conclusive; "" when it is."""
        if isinstance(error, UnknownKind) and (document.api_version, document.kind) in self.kinds:
            return "not checked: its CustomResourceDefinition is in this file"
        if isinstance(error, NotFound) and error.details.get("kind") == "namespaces" and error.details.get("name") in self.namespaces:
            return "not checked: its namespace is in this file"
        if isinstance(error, Invalid) and "does not support dry run" in error.message:
            return f"not checked: {error.message}"
        return ""


def _defined(definition: Document) -> set[tuple[str, str]]:
    spec = definition.value["spec"]
    return {(f"{spec['group']}/{version['name']}", spec["names"]["kind"]) for version in spec["versions"]}


def _twice(outcomes: Sequence[Outcome]) -> list[Outcome]:
    """Refuse an object that appears twice in the file: the server would find it only once the first one exists."""
    seen: dict[tuple[str, str, str, str], Document] = {}
    made = []
    for outcome in outcomes:
        document, ref = outcome.document, outcome.ref
        if ref is not None and outcome.state in ("checked", "unchecked") and not document.generated:
            first = seen.setdefault((ref.resource.group, ref.resource.plural, ref.namespace, document.name), document)
            if first is not document:
                outcome = Outcome(document, "refused", ref, document.error(f"{outcome.named} is in the file already, at line {first.line}"))
        made.append(outcome)
    return made
