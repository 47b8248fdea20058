"""A local copy of one collection of the API: list in pages, then watch.

The rules are those of client-go's reflector: watch from the list's resourceVersion, resume from the last one after a dropped
connection, list again only when the server says that it is too old (410). Every retry waits.
"""

from __future__ import annotations

import asyncio
import random
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass
from typing import ClassVar, Generic, Literal

from podtui.cluster.connection.listing import JSON, ListMeta, P, Query, Server, UnreadableAnswer, pages, selecting
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

State = Literal["connecting", "loading", "live", "stale", "denied", "failed"]

_LONGEST_LINE = 32 << 20  # bytes of one watch event; etcd's own limit for an object is 1.5 MiB
_MOST_WAIT = 300.0  # seconds; a longer Retry-After is capped
_DOUBTS = 3
TURN = 200  # rows or events handled before other tasks get their turn: some 2 ms


@dataclass(frozen=True, slots=True)
class Timing:
    """The size of pages and the time limits, in seconds; tests shorten them all."""

    page: int = 500
    request: float | None = None  # for one page; None uses the connection's
    watch: tuple[int, int] = (290, 590)  # timeoutSeconds of a watch, chosen at random between the two
    idle: float = 90.0  # without a byte, a watch has stalled: bookmarks arrive about once a minute
    backoff_first: float = 0.25
    backoff_most: float = 30.0
    healthy: float = 10.0  # a watch of this length resets the back-off
    denied: float = 30.0  # between attempts that need someone else to act: to grant a right, to create a namespace
    batch: float = 0.06
    keep: float = 60.0  # how long the rows of a previous scope are kept


class ListWatch(ABC, Generic[P]):
    """Lists a collection and watches it. `run` continues until cancelled, and raises nothing else. A subclass stores the objects.

    `known` is True once the server has sent the complete set. `state` is as in `Health`, since `since`; `error` is the current error.
    During a list, `loaded` objects have arrived and `remaining` follow, None when the server does not say. Times are epoch seconds.
    """

    list_accept: ClassVar[str] = JSON
    watch_accept: ClassVar[str] = JSON

    def __init__(
        self,
        path: str,
        what: str,
        *,
        selector: str = "",
        fields: str = "",
        query: Query = (),
        timing: Timing | None = None,
        turn: asyncio.Semaphore | None = None,
        resource_version: str = "",
        state: State = "connecting",
        stale_since: float | None = None,
    ) -> None:
        """`path` is the collection's, `what` its name in errors. `selector` and `fields` select its objects by labels and by fields,
        `query` adds parameters for the form of the answers. With a `resource_version`, the set of that version is here, and only later
        changes are requested. `turn` limits concurrent lists. `stale_since` is since when the server has been silent.
        """
        self.selector = selector
        self.fields = fields
        self.timing = timing or Timing()
        self.resource_version = resource_version  # "" means that a list is needed
        self.known = False
        self.state: State = state
        self.since = time.time()
        self.error: PodtuiError | None = None
        self.loaded = 0
        self.remaining: int | None = None
        self.retry_at: float | None = None
        self._path = path
        self._what = what
        self._query = [*query, *selecting(selector, fields)]
        self._turn = turn or asyncio.Semaphore(1)
        self._attempts = 0
        self._complete = False  # whether the server has sent this object itself a complete set
        self._expired = False  # whether a version has expired since the last healthy watch
        self._doubts = 0  # how many more refusals are ignored
        self._slow = False  # whether the next attempt needs someone else to act first
        self._page = self.timing.page
        self._heard = 0.0  # epoch seconds of the last byte of the watch
        self._stale_since = stale_since
        self._wake = asyncio.Event()

    # -- what a subclass implements

    @property
    @abstractmethod
    def is_empty(self) -> bool:
        """Whether no object is here."""

    @abstractmethod
    def decode_page(self, content: bytes) -> P:
        """Decode one answer to the list. Raises UnreadableAnswer."""

    @abstractmethod
    async def take_page(self, page: P, first: bool) -> int:
        """Take the objects of a page; returns how many the list has brought by now. `first`: a new list begins with it."""

    @abstractmethod
    def page_done(self) -> None:
        """The first page was taken: a good moment to show it."""

    @abstractmethod
    def list_done(self) -> None:
        """The list is complete: objects that it did not contain are gone."""

    @abstractmethod
    def take_event(self, line: bytes) -> None:
        """Take one event of the watch and set `resource_version` to its version, or to "" when a new list is needed.

        Raises UnreadableAnswer, and the error of an ERROR event.
        """

    def chunk_taken(self) -> None:
        """The events that arrived together were taken."""

    @abstractmethod
    def state_changed(self) -> None:
        """`state`, `known` or related attributes may have changed."""

    # -- life

    @property
    def stale_since(self) -> float | None:
        """Since when the server has been silent, in epoch seconds; None while it is not."""
        return self._stale_since

    def retry(self) -> None:
        """End the current delay, if there is one."""
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

    def _enter(self, state: State, error: PodtuiError | None = None, since: float | None = None) -> None:
        if state != self.state or since is not None:
            self.since = time.time() if since is None else since
        self.state, self.error = state, error
        self.state_changed()

    def _failed(self, error: PodtuiError | None, watching: bool, listed: bool) -> None:
        """Handle the end of an attempt. `error` None: the server ended the watch in good order.

        `watching` distinguishes a watch's end from a list's; `listed` is whether the watch directly followed a list.
        """
        self._slow = False
        if isinstance(error, Gone):
            if not watching:
                self._page = min(2 * self._page, 10 * self.timing.page)  # too slow for the token's life: fewer, larger pages
            self.resource_version = ""
            self.known = self.known and self._complete
            if not self._expired:
                self._attempts = min(self._attempts, 1)  # the server answers: the first list need not wait as for an unavailable one
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
            self.resource_version = ""  # a user who may list but not watch gets repeated lists
            self._slow = listed
        elif isinstance(error, Forbidden | Unauthorized) and not doubted:
            self._enter("denied", error)
            return
        elif isinstance(error, UnreadableAnswer | Invalid | NotFound) and watching and not doubted:
            self.resource_version = ""  # the missed changes are unknown
        if self._stale_since is None:
            now = time.time()
            stalled = watching and self._heard and now - self._heard >= 0.9 * self.timing.idle
            self._stale_since = self._heard if stalled else now
        if self.known or not self.is_empty:
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
            self.state_changed()
        try:
            async with asyncio.timeout(delay):
                await self._wake.wait()
        except TimeoutError:
            pass
        self.retry_at = None
        if self.state != "live":
            self.state_changed()

    async def _list(self, server: Server) -> None:
        """Take the first page at once and the rest as it arrives; then drop the objects that the server did not list."""
        self.loaded, self.remaining = 0, None
        metadata = ListMeta()
        listed = pages(
            server,
            self._path,
            self.decode_page,
            query=self._query,
            accept=self.list_accept,
            limit=self._page,
            timeout=self.timing.request,
        )
        async with aclosing(listed):
            async for page in listed:
                first, metadata = not self.loaded, page.metadata
                self.loaded = await self.take_page(page, first)
                self.remaining = metadata.remaining if metadata.continue_token else 0
                self._enter("loading")
                if first:
                    self.page_done()
        self.resource_version = metadata.resource_version or "0"
        self.known = self._complete = True
        self.remaining = 0
        self._page = self.timing.page
        self.list_done()
        self.state_changed()

    async def _watch(self, server: Server) -> None:
        """Follow the changes until the server ends the watch; a watch that lasted resets the back-off."""
        timing = self.timing
        query = [
            ("watch", "1"),
            ("allowWatchBookmarks", "true"),
            ("resourceVersion", self.resource_version),
            ("timeoutSeconds", str(random.randint(*timing.watch))),
            *self._query,
        ]
        clock = asyncio.get_running_loop().time
        began_at = self.resource_version
        opened: float | None = None
        try:
            async with server.stream(self._path, query=query, accept=self.watch_accept, idle_timeout=timing.idle) as stream:
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
                    self._attempts = min(self._attempts, 1)  # short, but with events: an impatient proxy

    async def _follow(self, stream: AsyncIterator[bytes]) -> None:
        parts: list[bytes] = []
        held = 0
        async for chunk in stream:
            self._heard = time.time()
            held += len(chunk)
            if held > _LONGEST_LINE:
                raise UnreadableAnswer(f"the watch of {self._what} sent a line without an end")
            if b"\n" not in chunk:
                parts.append(chunk)
                continue
            parts.append(chunk)
            lines = b"".join(parts).split(b"\n")
            parts = [lines.pop()]
            held = len(parts[0])
            for count, line in enumerate(lines):
                if line.strip():
                    self.take_event(line)
                if count % TURN == TURN - 1:
                    await asyncio.sleep(0)
            self.chunk_taken()
            if not self.resource_version:
                return
            await asyncio.sleep(0)  # available chunks do not yield: a flood must not block the screen
        # Resuming from the last resourceVersion brings an unfinished last line again.
