"""The journal: every change that podtui made or tried, in `journal.jsonl` in the state folder.

A change is written as `pending` before it is sent, and again when it has ended, so that a program that dies in between leaves
a trace: an entry that stays pending may have been carried out. Values of Secrets are never written. A journal that cannot be written
does not stop a change; `Journal.troubles` reports it.
"""

from __future__ import annotations

import asyncio
import re
import secrets
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import msgspec

from podtui.cluster.kubeconfig.settings import ConnectionSettings
from podtui.errors import ApiError, ConfigError, ConnectionFailed, PodtuiError, ServerError
from podtui.folders import state_folder
from podtui.kube import merge_patch
from podtui.kube.resources import ObjectRef, Resource
from podtui.signals import Signal
from podtui.text import harmless

Form = Literal["creates", "changes", "deletes"]
Ending = Literal["pending", "done", "refused", "unknown"]

LARGEST = 1 << 20
"""The most bytes of JSON in an entry; a larger one loses before and after."""
NAME = "journal.jsonl"

_ADMISSION = re.compile(r"failed calling webhook|^admission webhook .* denied the request")
_writer = ThreadPoolExecutor(max_workers=1, thread_name_prefix="journal")  # in order, so that a read follows the writes before it
_action: ContextVar[str] = ContextVar("_action", default="")
_undoes: ContextVar[str] = ContextVar("_undoes", default="")


class RecordedObject(msgspec.Struct, frozen=True, rename="camel"):
    """The object of an entry, as its manifest names it."""

    api_version: str
    kind: str
    resource: str
    name: str
    namespace: str = ""
    uid: str = ""
    namespaced: bool = True

    @property
    def ref(self) -> ObjectRef:
        group, _, version = self.api_version.rpartition("/")
        return ObjectRef(Resource(group, version, self.resource, self.kind, self.namespaced), self.name, self.namespace, self.uid)

    def __str__(self) -> str:
        return str(self.ref)


class Entry(msgspec.Struct, frozen=True, omit_defaults=True):
    """One change of one object.

    `action` is the same for everything that a user did at once (a label on five marked pods), and `command` is the kubectl command that
    podtui showed, which may name several of these objects. `verb` is kubectl's word, `form` what
    it does to the object. For a change, `before` and `after` are merge patches of the fields concerned (None: the field
    did not exist); for a deletion, `before` is the manifest, and `pods` are those deleted with a namespace; for a creation,
    `after` is the manifest. `withheld` says why a part of them is missing. `ending`: `done`, `refused` (`words` are the
    server's), `unknown` (no answer, or none that tells: it may have been carried out), `pending` (in progress, or the program died).
    `undoes` is the id of the entry that this one undid.
    """

    id: str
    action: str
    time: str
    context: str
    server: str
    user: str
    verb: str
    form: Form
    object: RecordedObject
    ending: Ending
    command: str = ""
    before: dict[str, Any] | None = None
    after: dict[str, Any] | None = None
    pods: list[dict[str, Any]] = []
    withheld: str = ""
    undoes: str = ""
    words: str = ""


class Mutation(msgspec.Struct, frozen=True):
    """One request that changes one object, in the form in which the journal gets it before it is sent.

    `verb` is kubectl's word (label, edit, apply, cordon, evict, ...), `form` what it does to the object, `command` the exact kubectl
    command. `before` is the object before the change (or the part with `fields` in it), None when unknown. `fields` is a merge
    patch: only these fields are recorded; without it, all fields in which `before` and the answer differ. `pods` are the bare pods
    that are deleted with a namespace.
    """

    verb: str
    form: Form
    ref: ObjectRef
    command: str = ""
    before: Mapping[str, Any] | None = None
    fields: Mapping[str, Any] | None = None
    pods: Sequence[Mapping[str, Any]] = ()


class Kept(msgspec.Struct, frozen=True):
    """What an entry keeps of the objects: the fields of that name of `Entry`."""

    before: dict[str, Any] | None = None
    after: dict[str, Any] | None = None
    pods: list[dict[str, Any]] = []
    withheld: str = ""


class Journal:
    """The journal of one user on this machine; any number of podtui processes write to it.

    `troubles` emits an error when the journal cannot be written, once until it can be again; `trouble` is that error, or None. `changed`
    emits when an entry of this process was added or has ended. All methods belong to the event loop's thread; another thread reads and
    writes files.
    """

    def __init__(self, settings: ConnectionSettings, path: Path | None = None) -> None:
        """`path` is the file; None means `journal.jsonl` in the state folder."""
        self.settings = settings
        self.troubles: Signal[ConfigError] = Signal()
        self.trouble: ConfigError | None = None
        self.changed: Signal[None] = Signal()
        self.under_way: set[str] = set()
        self._path = path
        self._unwritten: set[str] = set()  # entries whose first line could not be written: the last one repeats it all

    @property
    def path(self) -> Path:
        if self._path is None:
            self._path = state_folder() / NAME
        return self._path

    async def begin(self, entry: Entry) -> None:
        """Record that a change is about to be sent. Returns when it is written, or when `troubles` has reported that it cannot be."""
        self.under_way.add(entry.id)
        if not await asyncio.wrap_future(self._submit(entry, msgspec.to_builtins(_bounded(entry)))):
            self._unwritten.add(entry.id)
        self.changed.emit(None)

    def end(self, entry: Entry, ending: Ending, words: str = "", *, object: RecordedObject | None = None, kept: Kept | None = None) -> None:
        """Record how it ended, with the object and what is kept of it once these are known.

        Does not wait: it is also called on cancellation.
        """
        self.under_way.discard(entry.id)
        now = _keeping(entry, kept) if kept is not None else entry
        ended = _bounded(msgspec.structs.replace(now, ending=ending, words=words, object=object or entry.object))
        line = msgspec.to_builtins(ended)
        if entry.id not in self._unwritten:
            before = msgspec.to_builtins(_bounded(entry))
            line = {"id": entry.id, **{key: value for key, value in line.items() if before.get(key) != value}}
        self._unwritten.discard(entry.id)
        self._submit(ended, line)
        self.changed.emit(None)

    def new(self, verb: str, form: Form, ref: ObjectRef, *, command: str = "", kept: Kept | None = None) -> Entry:
        """A new entry with the current time, user and context."""
        settings, resource = self.settings, ref.resource
        target = RecordedObject(resource.api_version, resource.kind, resource.plural, ref.name, ref.namespace, ref.uid, resource.namespaced)
        found = f"{time.time_ns():x}-{secrets.token_hex(4)}"
        acting = settings.impersonation.user
        entry = Entry(
            id=found,
            action=_action.get() or found,
            time=datetime.now(UTC).isoformat(timespec="milliseconds"),
            context=settings.context,
            server=settings.server,
            user=f"{acting} (impersonated by {settings.user})" if acting else settings.user,
            verb=verb,
            form=form,
            object=target,
            ending="pending",
            command=command,
            undoes=_undoes.get(),
        )
        return entry if kept is None else _keeping(entry, kept)

    async def entries(self) -> tuple[list[Entry], int]:
        """All entries, oldest first, and the number of unreadable lines. Raises ConfigError."""
        path = self.path
        return await asyncio.wrap_future(_writer.submit(_read, path))

    def _submit(self, entry: Entry, line: dict[str, Any]) -> Future[bool]:
        loop, path = asyncio.get_running_loop(), self.path

        def work() -> bool:
            from podtui.cluster.changes import journal_file  # not before the first rows

            error = None
            try:
                journal_file.append(path, line)
            except ConfigError as caught:
                error = caught
            except (TypeError, ValueError) as caught:  # a name that is not text: report it, since no caller awaits this
                error = ConfigError(f"cannot write {harmless(str(path))}: {caught}")
            try:
                loop.call_soon_threadsafe(self._written, entry, error)
            except RuntimeError:
                pass  # the program has ended in the meantime: nothing is left to notify
            return error is None

        return _writer.submit(work)

    def _written(self, entry: Entry, error: ConfigError | None) -> None:
        if error is None:
            self.trouble = None
        elif self.trouble is None:
            words = f"{entry.verb} {entry.object} is not in the journal: {error.what}"
            self.trouble = ConfigError(words, "podtui still makes changes, but cannot undo them from the journal")
            self.troubles.emit(self.trouble)


@contextmanager
def one_action(action: str) -> Iterator[None]:
    """Changes made inside, also by tasks started there, are one action: `u` undoes it as a whole."""
    token = _action.set(action)
    try:
        yield
    finally:
        _action.reset(token)


def new_action() -> str:
    """The id of a new action."""
    return f"{time.time_ns():x}-{secrets.token_hex(4)}"


@contextmanager
def undoing(entry: Entry) -> Iterator[None]:
    """Changes made inside undo `entry`."""
    token = _undoes.set(entry.id)
    try:
        yield
    finally:
        _undoes.reset(token)


def ending_of(error: BaseException) -> tuple[Ending, str]:
    """The ending of a change that was sent and raised this error, and a message.

    A ServerError may be the answer of a proxy that lost the API server, or of an API server that lost etcd, after the change was made.
    Admission comes before.
    """
    if isinstance(error, ApiError):
        after = isinstance(error, ServerError) and not _ADMISSION.search(error.message)
        return ("unknown" if after else "refused"), error.what
    if isinstance(error, ConnectionFailed) and not error.unsent:
        return "unknown", error.what
    if isinstance(error, PodtuiError):
        return "refused", f"not sent: {error.what}"
    if isinstance(error, asyncio.CancelledError):
        return "unknown", "closed before the server answered"
    return "unknown", f"{type(error).__name__}: {error}"


def _keeping(entry: Entry, kept: Kept) -> Entry:
    return msgspec.structs.replace(entry, before=kept.before, after=kept.after, pods=kept.pods, withheld=kept.withheld)


def recorded(change: Mutation, body: object, answer: Mapping[str, Any] | None) -> Kept:
    """What is kept of a change; `answer` is None until there is one."""
    from podtui.cluster.changes.recreate import manifest  # once something is changed

    before, after = change.before, answer
    if change.form == "creates":
        before, after = None, manifest(answer if answer else body if isinstance(body, Mapping) else {})
    elif change.form == "deletes":
        before, after = None if before is None else manifest(before), None
    elif change.fields is not None:
        before = None if before is None else merge_patch.project(before, change.fields)
        after = dict(change.fields) if answer is None else merge_patch.project(answer, change.fields)
        if before is not None and answer is not None:  # a field that was so before is nothing to restore
            changed = merge_patch.merge_patch(before, after)
            before, after = merge_patch.project(before, changed), merge_patch.project(after, changed)
    elif before is not None:
        before, after = (manifest(before), None) if answer is None else merge_patch.difference(before, answer)
    kept_before, kept_after = without_values(change.ref, before), without_values(change.ref, after)
    less = kept_before != before or kept_after != after
    withheld = "the values of a Secret are not kept" if less else ""
    return Kept(kept_before, kept_after, [manifest(pod) for pod in change.pods], withheld)


def without_values(ref: ObjectRef, value: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """An object, or a part of one, without the values of a Secret; other kinds are unchanged."""
    if value is None or (ref.resource.group, ref.resource.plural) != ("", "secrets"):
        return None if value is None else dict(value)
    from podtui.kube.manifests import secret_values  # not before the first rows

    return secret_values.without_values(value)


def _bounded(entry: Entry) -> Entry:
    """The entry within LARGEST: drops pods first, beginning with the last, then before and after."""
    room = LARGEST - len(msgspec.json.encode((entry.before, entry.after)))
    if room < 0:
        withheld = f"before and after are larger than {LARGEST >> 20} MiB"
        return msgspec.structs.replace(entry, before=None, after=None, pods=[], withheld=withheld)
    pods: list[dict[str, Any]] = []
    for pod in entry.pods:
        room -= len(msgspec.json.encode(pod))
        if room < 0:
            withheld = f"{len(entry.pods) - len(pods)} of {len(entry.pods)} pods left out: they take more than {LARGEST >> 20} MiB"
            return msgspec.structs.replace(entry, pods=pods, withheld=withheld)
        pods.append(pod)
    return entry


def _read(path: Path) -> tuple[list[Entry], int]:
    from podtui.cluster.changes import journal_file

    lines, broken = journal_file.read(path)
    merged: dict[str, dict[str, Any]] = {}
    for line in lines:
        found = line.get("id")
        if isinstance(found, str):
            merged[found] = {**merged.get(found, {}), **line}
        else:
            broken += 1
    entries: list[Entry] = []
    for value in merged.values():
        try:
            entries.append(msgspec.convert(value, Entry))
        except (msgspec.ValidationError, RecursionError):
            broken += 1
    return entries, broken


def taken_back(entries: Sequence[Entry]) -> set[str]:
    """The ids of the undone entries: those with an undo that succeeded and was not itself undone."""
    undone: set[str] = set()
    for entry in reversed(entries):
        if entry.undoes and entry.ending == "done" and entry.id not in undone:
            undone.add(entry.undoes)
    return undone
