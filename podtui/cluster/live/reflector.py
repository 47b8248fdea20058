"""One namespace (or all of them) and one selector, kept equal to what the server has: list in pages, then watch.

The rules are those of client-go's reflector: watch from the list's resourceVersion, resume from the last one seen after a dropped
connection, list again only when the server says that it is too old (410). Nothing is ever asked again without a delay.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Literal, Protocol

from podtui.cluster.connection.connection_errors import status_error
from podtui.cluster.live.tables import ACCEPT, Column, NotATable, Row, RowMaker, Table, TableRow, decode_event, decode_table, wire_uid
from podtui.errors import (
    ConnectionFailed,
    CredentialError,
    Forbidden,
    Gone,
    Invalid,
    NotFound,
    PodtuiError,
    ServerError,
    Unauthorized,
)
from podtui.kube.resources import Resource

State = Literal["connecting", "loading", "live", "stale", "denied", "failed"]
Query = Sequence[tuple[str, str]]

_LONGEST_LINE = 32 << 20  # bytes of one watch event; etcd's own limit for an object is 1.5 MiB
_MOST_WAIT = 300.0  # seconds; a Retry-After beyond is not believed
_DOUBTS = 3
_TURN = 200  # rows or events handled before other tasks get their turn: some 2 ms


@dataclass(frozen=True, slots=True)
class Timing:
    """How large the pages are and how long things may take, in seconds; tests make it all shorter."""

    page: int = 500
    request: float | None = None  # of one page; None leaves it to the connection
    watch: tuple[int, int] = (290, 590)  # timeoutSeconds of a watch, chosen at random between the two
    idle: float = 90.0  # without a byte, a watch has stalled: bookmarks come about once a minute
    backoff_first: float = 0.25
    backoff_most: float = 30.0
    healthy: float = 10.0  # after so long a watch the back-off begins anew
    denied: float = 30.0  # between attempts that only somebody else can make succeed: a right granted, a namespace made
    batch: float = 0.06
    keep: float = 60.0  # how long the rows of a scope left behind stay at hand


class Chunks(Protocol):
    def __aiter__(self) -> AsyncIterator[bytes]: ...


class Server(Protocol):
    """What is needed of a Connection."""

    async def request(
        self,
        method: str,
        path: str,
        *,
        query: Query = (),
        accept: str = ...,
        timeout: float | None = None,  # noqa: ASYNC109
    ) -> bytes: ...

    def stream(
        self, path: str, *, query: Query = (), accept: str = ..., idle_timeout: float | None = None
    ) -> AbstractAsyncContextManager[Chunks]: ...


class Listener(Protocol):
    """Who is told what changes; all calls come from the reflector's own task."""

    def columns_told(self, reflector: Reflector, columns: list[Column]) -> None: ...
    def row_put(self, reflector: Reflector, row: Row) -> None: ...
    def row_gone(self, reflector: Reflector, uid: str) -> None: ...
    def page_done(self, reflector: Reflector) -> None:
        """The first page, or the last one, has been told: a good moment to show it."""

    def state_changed(self, reflector: Reflector) -> None: ...


class Reflector:
    """Keeps `rows` (by UID) equal to the server's. `run` goes on until it is cancelled; it raises nothing else.

    `known` is True once the server has told the complete set. `rows` may be given what is known already, which the list then replaces; with
    a `resource_version` they are the server's complete set of that moment, and only what came after is asked for.
    """

    def __init__(
        self,
        resource: Resource,
        namespace: str,
        selector: str,
        *,
        listener: Listener,
        maker: RowMaker,
        timing: Timing | None = None,
        turn: asyncio.Semaphore | None = None,
        rows: dict[str, Row] | None = None,
        resource_version: str = "",
        state: State = "connecting",
        stale_since: float | None = None,
        fields: str = "",
    ) -> None:
        """`fields` is a field selector.

        `stale_since` (epoch seconds) says since when the server has not been heard about the rows that are given.
        """
        self.resource = resource
        self.namespace = namespace
        self.selector = selector
        self.fields = fields
        self.timing = timing or Timing()
        self.rows: dict[str, Row] = {} if rows is None else rows
        self.resource_version = resource_version  # "" means that the set must be listed
        self.columns: list[Column] | None = None
        self.known = False
        self.state: State = state
        self.since = time.time()
        self.error: PodtuiError | None = None
        self.loaded = 0
        self.remaining: int | None = None
        self.retry_at: float | None = None
        self._listener = listener
        self._maker = maker
        self._turn = turn or asyncio.Semaphore(1)
        self._path = resource.path(namespace)
        self._what = f"{resource.plural} of {namespace}" if namespace else resource.plural
        self._attempts = 0
        self._complete = False  # whether the server has told this reflector itself a complete set
        self._expired = False  # whether a version has expired since the last healthy watch
        self._doubts = 0  # how many refusals more are not believed
        self._slow = False  # whether only somebody else can make the next attempt succeed
        self._page = self.timing.page
        self._heard = 0.0  # epoch seconds of the last byte of the watch
        self._stale_since = stale_since
        self._anew = False
        self._wake = asyncio.Event()

    @property
    def stale_since(self) -> float | None:
        """Since when the server has not been heard, in epoch seconds; None while it is."""
        return self._stale_since

    def retry(self) -> None:
        """End the present delay, if there is one."""
        self._wake.set()

    async def run(self, server: Server) -> None:
        while True:
            error: PodtuiError | None = None
            watching, listed = False, not self.resource_version
            try:
                if listed:
                    async with self._turn:
                        await self._list(server)
                watching = True
                await self._watch(server)
            except PodtuiError as caught:
                error = caught
            self._failed(error, watching, listed)
            await self._pause(error)

    # -- states

    def _enter(self, state: State, error: PodtuiError | None = None, since: float | None = None) -> None:
        if state != self.state or since is not None:
            self.since = time.time() if since is None else since
        self.state, self.error = state, error
        self._listener.state_changed(self)

    def _failed(self, error: PodtuiError | None, watching: bool, listed: bool) -> None:
        """Say what an attempt's end means. None: the server ended the watch in good order.

        `watching` tells a watch's end from a list's; `listed`, whether the watch came directly after a list.
        """
        self._slow = False
        if isinstance(error, Gone):
            if not watching:
                self._page = min(2 * self._page, 10 * self.timing.page)  # too slow for the token's life: fewer, larger pages
            self.resource_version = ""
            self.known = self.known and self._complete
            if not self._expired:
                self._attempts = min(self._attempts, 1)  # the server answers: the first list need not wait as for one that is down
            self._expired = True
            if self._stale_since is None:
                self._enter("loading")
            return
        if error is None:
            if self._attempts < 2:
                return  # its time was up
            error = ConnectionFailed(f"the server ends each watch of {self._what} at once")
        # A server that has just started does not know every kind and right yet.
        doubted = isinstance(error, Forbidden | NotFound) and self._doubts > 0
        self._doubts = _DOUBTS if isinstance(error, ConnectionFailed | ServerError) else self._doubts - doubted
        self._slow = isinstance(error, Forbidden | Unauthorized | NotFound | Invalid | CredentialError) and not doubted
        if isinstance(error, Forbidden) and watching and not doubted:
            self.resource_version = ""  # who may list but not watch gets the list again and again
            self._slow = listed
        elif isinstance(error, Forbidden | Unauthorized) and not doubted:
            self._enter("denied", error)
            return
        elif isinstance(error, NotATable | Invalid | NotFound) and watching and not doubted:
            self.resource_version = ""  # what was missed is not known
        if self._stale_since is None:
            now = time.time()
            stalled = watching and self._heard and now - self._heard >= 0.9 * self.timing.idle
            self._stale_since = self._heard if stalled else now
        if self.known or self.rows:
            self._enter("stale", error, self._stale_since)
        else:
            self._enter("failed", error)

    async def _pause(self, error: PodtuiError | None) -> None:
        """Full-jitter back-off, or longer when the server asks for it."""
        timing = self.timing
        if self._slow:
            delay = random.uniform(0.8, 1.2) * timing.denied
        else:
            most = min(timing.backoff_most, timing.backoff_first * 2.0 ** min(self._attempts, 30))
            delay = max(timing.backoff_first / 5, random.uniform(0.0, most))
        self._attempts += 1
        retry_after: float | None = getattr(error, "retry_after", None)
        if retry_after:
            delay += min(retry_after, _MOST_WAIT)
        self._wake.clear()
        self.retry_at = time.time() + delay
        if self.state != "live":
            self._listener.state_changed(self)
        try:
            async with asyncio.timeout(delay):
                await self._wake.wait()
        except TimeoutError:
            pass
        self.retry_at = None
        if self.state != "live":
            self._listener.state_changed(self)

    # -- list

    async def _list(self, server: Server) -> None:
        """Tell the first page at once and the rest as it comes; then what the server did not list is gone."""
        seen: set[str] = set()
        self.loaded, self.remaining = 0, None
        # The next page is on its way while this one becomes rows.
        coming: asyncio.Task[bytes] | None = asyncio.create_task(self._ask(server, ""))
        try:
            while coming is not None:
                body = await coming
                coming = None
                table = decode_table(body, self._what)
                token = table.metadata.continue_token
                if token:
                    coming = asyncio.create_task(self._ask(server, token))
                await self._take_page(table, seen, first=not self.loaded)
        finally:
            if coming is not None:
                coming.cancel()
                await asyncio.gather(coming, return_exceptions=True)
        for uid in [uid for uid in self.rows if uid not in seen]:
            self._drop(uid)
        self.resource_version = table.metadata.resource_version or "0"
        self.known = self._complete = True
        self.remaining = 0
        self._page = self.timing.page
        self._listener.page_done(self)
        self._listener.state_changed(self)

    async def _ask(self, server: Server, token: str) -> bytes:
        query = [("includeObject", "Metadata"), ("limit", str(self._page))]
        if self.selector:
            query.append(("labelSelector", self.selector))
        if self.fields:
            query.append(("fieldSelector", self.fields))
        if token:
            query.append(("continue", token))
        return await server.request("GET", self._path, query=query, accept=ACCEPT, timeout=self.timing.request)

    async def _take_page(self, table: Table, seen: set[str], first: bool) -> None:
        if first and table.columns is not None:
            self._tell_columns(table.columns)
        now = time.time()
        rows = table.rows or []
        for start in range(0, len(rows), _TURN):
            for wire in rows[start : start + _TURN]:
                seen.add(self._put(wire, now, self._anew))
            await asyncio.sleep(0)
        self.loaded, self.remaining = len(seen), table.metadata.remaining if table.metadata.continue_token else 0
        self._enter("loading")
        if first:
            self._listener.page_done(self)

    def _tell_columns(self, columns: list[Column]) -> None:
        self._anew = columns != (self.columns or self._maker.columns)  # rows of other columns cannot stay, though the object is the same
        if columns != self.columns:
            self.columns = columns
            self._maker.set_columns(columns)
            self._listener.columns_told(self, columns)

    # -- watch

    async def _watch(self, server: Server) -> None:
        """Follow the changes until the server ends the watch; a watch that lasted resets the back-off."""
        timing = self.timing
        query = [
            ("watch", "1"),
            ("includeObject", "Metadata"),
            ("allowWatchBookmarks", "true"),
            ("resourceVersion", self.resource_version),
            ("timeoutSeconds", str(random.randint(*timing.watch))),
        ]
        if self.selector:
            query.append(("labelSelector", self.selector))
        if self.fields:
            query.append(("fieldSelector", self.fields))
        clock = asyncio.get_running_loop().time
        began_at = self.resource_version
        opened: float | None = None
        try:
            async with server.stream(self._path, query=query, accept=ACCEPT, idle_timeout=timing.idle) as stream:
                opened = clock()
                self._heard = time.time()
                self._stale_since = None
                self._doubts = 0
                self.known = True
                self._enter("live")
                await self._follow(stream)
        finally:
            if opened is not None:
                if clock() - opened >= timing.healthy:
                    self._attempts = 0
                    self._expired = False
                elif self.resource_version not in ("", began_at):
                    self._attempts = min(self._attempts, 1)  # short, but it brings news: a proxy with little patience

    async def _follow(self, stream: Chunks) -> None:
        parts: list[bytes] = []
        held = 0
        async for chunk in stream:
            self._heard = time.time()
            held += len(chunk)
            if held > _LONGEST_LINE:
                raise NotATable(f"the watch of {self._what} brought a line without an end")
            if b"\n" not in chunk:
                parts.append(chunk)
                continue
            parts.append(chunk)
            lines = b"".join(parts).split(b"\n")
            parts = [lines.pop()]
            held = len(parts[0])
            for count, line in enumerate(lines):
                if line.strip():
                    self._take_event(line)
                if count % _TURN == _TURN - 1:
                    await asyncio.sleep(0)
            if not self.resource_version:
                return
            await asyncio.sleep(0)  # chunks that are there already do not wait: a flood must not hold up the screen
        # An unfinished last line is a change that was not told: resuming from the last resourceVersion brings it again.

    def _take_event(self, line: bytes) -> None:
        event = decode_event(line, self._what)
        table, kind = event.object, event.type
        if kind == "ERROR" or table.kind == "Status":
            told = {"code": table.code or 500, "reason": table.reason, "message": table.message, "details": table.details}
            raise status_error(told)
        version = table.metadata.resource_version
        rows = table.rows or []
        if not version and rows:
            version = rows[-1].object.metadata.resource_version
        if table.columns and table.columns != self.columns:
            if self.columns is not None:
                self.resource_version = ""  # the kind's columns were changed: the rows must come anew
                return
            self._tell_columns(table.columns)
        if kind in ("ADDED", "MODIFIED"):
            for wire in rows:
                self._put(wire, self._heard, anew=True)
        elif kind == "DELETED":
            for wire in rows:
                self._drop(wire_uid(wire))
        elif kind != "BOOKMARK":
            raise NotATable(f"the watch of {self._what} brought an event of an unknown type")
        if version:
            self.resource_version = version

    # -- rows

    def _put(self, wire: TableRow, now: float, anew: bool) -> str:
        """Make and keep a row, and tell it, unless it is there in the same version (and not wanted `anew`). Its UID."""
        uid = wire_uid(wire)
        previous = self.rows.get(uid)
        if previous is not None and not anew and previous.resource_version == wire.object.metadata.resource_version != "":
            return previous.uid
        row = self.rows[uid] = self._maker.make(wire, now, previous)
        self._listener.row_put(self, row)
        return row.uid

    def _drop(self, uid: str) -> None:
        if self.rows.pop(uid, None) is not None:
            self._listener.row_gone(self, uid)
