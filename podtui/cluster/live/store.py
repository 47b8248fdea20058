"""The rows of a scope, by UID: one reflector per namespace (or one for all), merged; changes in batches; health.

The scope may change at any time. Loaded rows that belong to the new scope stay visible until the server has sent its own
complete set, so that changing a selector is instant and still ends in the server's state.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from functools import partial

import msgspec

from podtui.cluster.connection.listing import Server
from podtui.cluster.live.list_watch import State
from podtui.cluster.live.pacing import Timing
from podtui.cluster.live.reflector import Reflector
from podtui.cluster.live.tables import Column, Row, RowMaker, narrowed
from podtui.errors import ConnectionFailed, PodtuiError, ServerError
from podtui.kube.resources import Resource, Scope
from podtui.signals import Signal
from podtui.tasks import supervised

_LISTS_AT_ONCE = 6
_KEPT = 8  # previous scopes to keep

Key = tuple[str, str, str]  # namespace ("" for all), selector, field selector


class Health(msgspec.Struct, frozen=True):
    """How close `rows` are to the server's.

    connecting: no answer yet. loading: the list is arriving (`loaded` rows; `remaining` more, None when the server does not say).
    live: the watch is open. polling: watches do not work, and the rows are those of a list at `since`; `error` says why. stale: there are
    rows, but the server has been silent since `since`. denied: this user may not list them. failed: there are no rows because of `error`.
    `since` (when the state began) and `retry_at` are epoch seconds.
    """

    state: State = "connecting"
    since: float = 0.0
    error: PodtuiError | None = None
    loaded: int = 0
    remaining: int | None = None
    retry_at: float | None = None


class Batch(msgspec.Struct):
    """The changes since the last batch, by UID. `changed` includes new rows; after a `reset`, read all rows and columns again."""

    reset: bool = False
    changed: set[str] = msgspec.field(default_factory=set)
    removed: set[str] = msgspec.field(default_factory=set)

    def __bool__(self) -> bool:
        return self.reset or bool(self.changed) or bool(self.removed)


class RowStore:
    """The live list of one kind in one scope. All methods belong to the event loop's thread.

    `rows` and `columns` may be read at any time; they change only together with the batch that reports it. `known` is True once the server
    has sent the complete set of this scope (of the namespaces that the user may list): only then no rows means that there are none.
    `denied` has the refusal for each namespace ("" for all).
    """

    def __init__(self, resource: Resource, scope: Scope | None = None, *, timing: Timing | None = None) -> None:
        self.resource = resource
        self.timing = timing or Timing()
        self.scope = scope or Scope()
        self.columns: list[Column] = []
        self.rows: dict[str, Row] = {}
        self.health = Health(since=time.time())
        self.known = False
        self.denied: dict[str, PodtuiError] = {}
        self._maker = RowMaker()
        self._server: Server | None = None
        self._turn = asyncio.Semaphore(_LISTS_AT_ONCE)
        self._active: dict[Key, Reflector] = {}
        self._kept: dict[Key, tuple[float, Reflector]] = {}  # the previous scopes, oldest first, with the loop time
        self._tasks: dict[Reflector, asyncio.Task[None]] = {}
        self._ending: set[asyncio.Task[None]] = set()
        self._batch = Batch()
        self._columns: list[Column] = []  # the next value of `columns`
        self._coming: dict[str, Row] = {}  # the rows of the next batch
        self._flush_timer: asyncio.TimerHandle | None = None
        self._keep_timer: asyncio.TimerHandle | None = None
        self._batches: Signal[Batch] = Signal()
        self._healths: Signal[Health] = Signal()
        self._closed = False

    def subscribe(self, fn: Callable[[Batch], None]) -> Callable[[], None]:
        """Call `fn` with every batch, about one per `timing.batch` seconds except for first pages; returns a function that ends it."""
        return self._batches.subscribe(fn)

    def subscribe_health(self, fn: Callable[[Health], None]) -> Callable[[], None]:
        """Call `fn` with each new health; returns a function that ends it."""
        return self._healths.subscribe(fn)

    def start(self, server: Server) -> None:
        """Start to list and watch, in the running event loop."""
        if self._closed or self._server is not None:
            raise RuntimeError("a row store is started once")
        self._server = server
        self._turn_to({})

    async def close(self) -> None:
        """End every task; the rows stay readable. May be called again."""
        self._closed = True
        for timer in (self._flush_timer, self._keep_timer):
            if timer is not None:
                timer.cancel()
        for reflector in list(self._tasks):
            self._stop(reflector)
        self._kept.clear()
        while self._ending:
            await asyncio.gather(*self._ending, return_exceptions=True)

    def retry(self) -> None:
        """Retry now instead of waiting for the end of a back-off: the server is back."""
        for reflector in self._active.values():
            reflector.retry()

    def refresh(self) -> None:
        """List everything again now, whatever is in progress; the rows stay until the server has sent its own."""
        self._distrust_kept()
        for reflector in self._active.values():
            reflector.refresh()

    def set_scope(self, scope: Scope) -> None:
        """Show another scope: at once with the loaded rows that belong to it, then as the server sends them."""
        if scope == self.scope:
            return
        self.scope = scope
        if self._server is not None and not self._closed:
            self._turn_to(self._active)

    # -- scopes

    def _keys(self) -> list[Key]:
        namespaces = self.scope.namespaces if self.resource.namespaced else ()
        fields = f"spec.nodeName={self.scope.node}" if self.scope.node else ""
        return [(namespace, self.scope.selector.strip(), fields) for namespace in dict.fromkeys(namespaces or ("",))]

    def _turn_to(self, old: dict[Key, Reflector]) -> None:
        """Replace the reflectors by those of the scope; ones that it shares with the last scope continue undisturbed."""
        assert self._server is not None
        loop = asyncio.get_running_loop()
        self._forget()
        keys = self._keys()
        heard = any(reflector.known or reflector.loaded for reflector in old.values())
        silent = min((reflector.stale_since for reflector in old.values() if reflector.stale_since is not None), default=None)
        active: dict[Key, Reflector] = {}
        new: list[Reflector] = []
        for key in keys:
            if key in old:
                active[key] = old[key]
                continue
            kept = self._kept.get(key)
            # An empty set is cheap to list, and may no longer be empty.
            resume = kept is not None and kept[1].rows and kept[1].resource_version
            rows = dict(kept[1].rows) if kept is not None and resume else self._at_hand(key, old)
            reflector = active[key] = Reflector(
                self.resource,
                *key[:2],
                fields=key[2],
                listener=self,
                maker=self._maker,
                timing=self.timing,
                turn=self._turn,
            )
            reflector.rows = rows
            reflector.resource_version = kept[1].resource_version if kept is not None and resume else ""
            reflector.state = "loading" if heard or rows else "connecting"
            reflector.stale_since = silent if rows else None  # another scope does not make rows from before an outage any fresher
            new.append(reflector)
        for key, reflector in old.items():
            if key not in active:
                self._stop(reflector)
                self._kept.pop(key, None)
                self._kept[key] = (loop.time(), reflector)
        for key in active:
            self._kept.pop(key, None)
        while len(self._kept) > _KEPT:
            del self._kept[next(iter(self._kept))]
        self._active = active
        self.rows.clear()
        for reflector in active.values():
            self.rows.update(reflector.rows)
        self._batch = Batch(reset=True)
        self._coming.clear()
        for reflector in new:
            self._run(reflector)
        if self._kept and self._keep_timer is None:
            self._keep_timer = loop.call_later(self.timing.keep, self._forget_later)
        self._update_health()  # last, as a subscriber may set the scope again
        self._flush()

    def _at_hand(self, key: Key, old: dict[Key, Reflector]) -> dict[str, Row]:
        """The loaded rows that belong to a namespace and selector, as far as podtui can tell without the server.

        Rows of a previous scope count unless a complete set that would contain them no longer does. Rows lack the fields that a
        field selector uses: rows of another field selector cannot be narrowed to it, only be a subset of all.
        """
        found: dict[str, Row] = {}
        *place, fields = key
        for (namespace, selector, others), reflector in old.items():
            if reflector.known and namespace in ("", key[0]) and selector in ("", key[1]) and others == fields:
                return narrowed(reflector.rows.values(), *place)
        for _, reflector in self._kept.values():
            if fields in ("", reflector.fields):
                found.update(narrowed(reflector.rows.values(), *place))
        for reflector in old.values():
            if found and reflector.known and reflector.fields in ("", fields):
                for uid in narrowed(found.values(), reflector.namespace, reflector.selector):
                    if uid not in reflector.rows:
                        del found[uid]
            if fields in ("", reflector.fields):
                found.update(narrowed(reflector.rows.values(), *place))
        return found

    def _distrust_kept(self) -> None:
        """List the previous scopes again when they are shown: the server that comes back may not be the one that sent their rows."""
        for _, reflector in self._kept.values():
            reflector.resource_version = ""

    def _forget(self) -> None:
        """Drop the scopes that were left too long ago."""
        oldest = asyncio.get_running_loop().time() - self.timing.keep
        for key in [key for key, (left, _) in self._kept.items() if left <= oldest]:
            del self._kept[key]

    def _forget_later(self) -> None:
        self._keep_timer = None
        self._forget()
        if self._kept:
            self._keep_timer = asyncio.get_running_loop().call_later(self.timing.keep / 4, self._forget_later)

    # -- tasks

    def _run(self, reflector: Reflector) -> None:
        assert self._server is not None
        run = supervised(f"the list of {reflector.what}", partial(reflector.run, self._server), partial(self._faulty, reflector))
        self._tasks[reflector] = asyncio.create_task(run, name=f"reflector of {reflector.what}")

    def _stop(self, reflector: Reflector) -> None:
        task = self._tasks.pop(reflector, None)
        if task is not None and not task.done():
            self._ending.add(task)
            task.add_done_callback(self._ending.discard)
            task.cancel()

    def _faulty(self, reflector: Reflector, error: PodtuiError) -> None:
        """The reflector ended, which it never does: a bug in podtui must be visible, not a frozen list."""
        reflector.state, reflector.since, reflector.error = "failed", time.time(), error
        self._update_health()

    # -- calls of the reflectors (those of a previous scope are ignored)

    def _is_active(self, reflector: Reflector) -> bool:
        return self._active.get((reflector.namespace, reflector.selector, reflector.fields)) is reflector

    def columns_changed(self, reflector: Reflector, columns: list[Column]) -> None:
        if self._is_active(reflector) and columns != self._columns:
            self._columns = columns
            self._batch.reset = True
            self._flush_soon()

    def row_put(self, reflector: Reflector, row: Row) -> None:
        if self._is_active(reflector):
            self._coming[row.uid] = row
            self._batch.changed.add(row.uid)
            self._batch.removed.discard(row.uid)
            self._flush_soon()

    def row_gone(self, reflector: Reflector, uid: str) -> None:
        if self._is_active(reflector):
            self._coming.pop(uid, None)
            self._batch.changed.discard(uid)
            if uid in self.rows:
                self._batch.removed.add(uid)
                self._flush_soon()

    def page_done(self, reflector: Reflector) -> None:
        if self._is_active(reflector):
            self._flush()  # first: a subscriber that learns that the set is known must see its rows
            self._update_health()

    def state_changed(self, reflector: Reflector) -> None:
        if self._is_active(reflector):
            if reflector.state == "live":  # the server is back: for the others too
                for other in self._active.values():
                    if isinstance(other.error, ConnectionFailed | ServerError):
                        other.retry()
            elif reflector.state in ("stale", "failed"):
                self._distrust_kept()
            self._update_health()

    # -- batches and health

    def _flush_soon(self) -> None:
        if self._flush_timer is None and not self._closed:
            self._flush_timer = asyncio.get_running_loop().call_later(self.timing.batch, self._flush)

    def _flush(self) -> None:
        if self._flush_timer is not None:
            self._flush_timer.cancel()
            self._flush_timer = None
        if self._batch and not self._closed:
            batch, self._batch = self._batch, Batch()
            for uid in batch.removed:
                self.rows.pop(uid, None)
            self.rows.update(self._coming)
            self._coming.clear()
            self.columns = self._columns
            self._batches.emit(batch)

    def _update_health(self) -> None:
        if self._closed:
            return
        reflectors = list(self._active.values())
        self.denied = {r.namespace: r.error for r in reflectors if r.state == "denied" and r.error is not None}
        heard = [r for r in reflectors if r.state != "denied"]
        self.known = bool(heard) and all(r.known for r in heard)
        health = merged_health(heard or reflectors)
        if health != self.health:
            self.health = health
            self._healths.emit(health)


_WORST_FIRST: tuple[State, ...] = ("stale", "failed", "denied", "loading", "connecting", "polling", "live")


def merged_health(reflectors: list[Reflector]) -> Health:
    """The health of several reflectors as one: the worst state, since the earliest moment."""
    states = {r.state for r in reflectors}
    state = next(state for state in _WORST_FIRST if state in states)
    if state == "connecting" and not states.isdisjoint(("live", "polling")):
        state = "loading"
    those = [r for r in reflectors if r.state == state] or reflectors
    remaining = [r.remaining for r in reflectors]
    return Health(
        state,
        min(r.since for r in those),
        next((r.error for r in those if r.error is not None), None),
        sum(r.loaded for r in reflectors),
        None if None in remaining else sum(n for n in remaining if n is not None),
        min((r.retry_at for r in those if r.retry_at is not None), default=None),
    )
