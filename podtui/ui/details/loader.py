"""The object that a widget shows: fetched when it is named, and again when a list has a newer version or an attempt failed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace
from textual.timer import Timer
from textual.widget import Widget
from textual.worker import Worker

from podtui.cluster.connection.reading import read_object
from podtui.errors import PASSING, NotFound, PodtuiError
from podtui.kube.json_values import mapping, string
from podtui.kube.resources import ObjectRef
from podtui.ui.background import when_slow, work_instead

if TYPE_CHECKING:
    from podtui.cluster.live.store import Batch, RowStore
    from podtui.cluster.session import Session

RETRY = 5.0  # seconds between attempts during an outage
REFUSED = 30.0  # and where someone else has to act first: to grant a right, to log in
DEBOUNCE = 0.3  # seconds between a change and its fetch
NOTHING = "nothing selected"


class ObjectLoader:
    """`show()` an object; `changed()` announces a newer version. What is known stays while another version is fetched, and
    when the object is `gone`.

    `say` is called when `notice`, `gone` or `placeholder` changes; `loaded` for each version that was read, with whether
    one was known before.
    """

    def __init__(self, widget: Widget, session: Session, *, say: Callable[[], None], loaded: Callable[[bool], Awaitable[None]]) -> None:
        """`widget` lends its workers and timers. While it is not displayed, nothing newer is fetched."""
        self._widget = widget
        self._session = session
        self._say = say
        self._loaded = loaded
        self.ref: ObjectRef | None = None
        self.obj: Mapping[str, Any] = {}
        """The object as it was read last; {} when nothing is known."""
        self.bytes = 0
        """The size of its JSON."""
        self.gone = False
        self.notice = ""
        """What the user should know about the object: it is gone, or cannot be read. "" for nothing."""
        self.placeholder: str | None = NOTHING
        """What to show instead of an object; None when there is one, or soon will be."""
        self._waiting = False  # for the connection
        self._fetch_worker: Worker[None] | None = None
        self._debounce: Timer | None = None
        self._retry: Timer | None = None
        self._ends: list[Callable[[], None]] = []

    def start(self) -> None:
        """Begin: the widget is mounted."""
        session = self._session
        self._ends = [
            *(self.follow(store) for store in (session.pods, session.namespaces)),
            session.opened_signal.subscribe(lambda _: self._load() if self._waiting else None),
        ]
        self._say()
        self._load()

    def stop(self) -> None:
        for end in self._ends:
            end()

    def show(self, ref: ObjectRef | None) -> None:
        """Fetch this object, unless it is known already; None: forget everything."""
        before, self.ref = self.ref, ref
        if ref is None or before is None or identity(before)[:3] != identity(ref)[:3]:
            self._forget(None if ref is not None else NOTHING)
        if ref is None:
            if self._fetch_worker is not None:
                self._fetch_worker.cancel()
        elif before is None or identity(before) != identity(ref) or not (self.obj or self._fetching):
            self._load()
        elif self.obj and ref.resource_version:
            self.changed(ref)

    def changed(self, ref: ObjectRef) -> None:
        """An object has a newer version: if it is the one shown, fetch it, at most every 0.3 s."""
        if self.ref is not None and identity(ref)[:3] == identity(self.ref)[:3] and ref.resource_version != self._version:
            self._load_soon()

    def follow(self, store: RowStore) -> Callable[[], None]:
        """Follow newer versions and deletions in this list too, while it is open; returns a function that stops this."""
        return store.subscribe(partial(self._rows_changed, store=store))

    @property
    def current(self) -> ObjectRef | None:
        """The object shown, as it was read; None when it is gone."""
        if self.ref is None or self.gone:
            return None
        return replace(self.ref, uid=self._uid, resource_version=self._version) if self._uid else self.ref

    @property
    def _uid(self) -> str:
        return string(mapping(self.obj.get("metadata")).get("uid"))

    @property
    def _version(self) -> str:
        return string(mapping(self.obj.get("metadata")).get("resourceVersion"))

    @property
    def _fetching(self) -> bool:
        return self._fetch_worker is not None and not self._fetch_worker.is_finished

    def _forget(self, placeholder: str | None) -> None:
        self.obj, self.gone = {}, False
        self._tell("", placeholder)

    def _tell(self, notice: str, placeholder: str | None) -> None:
        self.notice = notice
        self.placeholder = None if self.obj else placeholder
        self._say()

    def _rows_changed(self, batch: Batch, store: RowStore) -> None:
        ref = self.ref
        if ref is None or ref.resource != store.resource or not self.obj or not self._widget.display:
            return  # a hidden widget's object is fetched when it is shown again
        row = store.rows.get(self._uid)
        if row is not None and row.resource_version != self._version:
            self._load_soon()
        elif self._uid in batch.removed and not self.gone:
            self._load_soon()

    # -- fetching -----------------------------------------------------------------------------------------------
    def _load_soon(self) -> None:
        if self._debounce is None:
            self._debounce = self._widget.set_timer(DEBOUNCE, self._load_now)

    def _load_now(self) -> None:
        self._debounce = None
        if self._fetching:
            self._load_soon()  # one at a time: the current fetch may be older than this change
        else:
            self._load()

    def _load(self) -> None:
        if self._widget.is_attached and self.ref is not None:
            self._fetch_worker = work_instead(self._widget, "details", self._fetch, self.ref)

    async def _fetch(self, ref: ObjectRef) -> None:
        connection = self._session.connection
        self._waiting = connection is None
        if connection is None:
            self._tell(str(self._session.error or f"connecting to {self._session.settings.shown_server}…"), "")
            return
        try:
            with when_slow(self._widget, lambda: self._tell(self.notice, f"loading {ref}…")):
                obj, count = await read_object(connection, ref)
        except NotFound:
            self.gone = True
            self._tell(f"{ref} is gone: this is its last known state" if self.obj else f"{ref} is gone", "")
            if self._is_listed(ref):  # one of the two is wrong, for a while
                self._load_again(ref, RETRY)
        except PodtuiError as error:
            self._tell(str(error), "")
            self._load_again(ref, RETRY if isinstance(error, PASSING) else REFUSED)
        else:
            again = bool(self.obj)
            self.obj, self.bytes, self.gone = obj, count, False
            another = ref.uid not in ("", self._uid)
            self._tell(f"another {ref} of the same name: the selected one is gone, this one was created later" if another else "", None)
            await self._loaded(again)

    def _load_again(self, ref: ObjectRef, seconds: float) -> None:
        """Fetch it once more in that time, if it is still to be shown then; a hidden widget's when it is shown again."""

        def load() -> None:
            if ref is self.ref and not self._fetching:
                if self._widget.display:
                    self._load()
                else:
                    self._load_again(ref, seconds)

        if self._retry is not None:
            self._retry.stop()
        self._retry = self._widget.set_timer(seconds, load)

    def _is_listed(self, ref: ObjectRef) -> bool:
        return any(store.resource == ref.resource and ref.uid in store.rows for store in (self._session.pods, self._session.namespaces))


def identity(ref: ObjectRef) -> tuple[object, ...]:
    return ref.resource, ref.namespace, ref.name, ref.uid
