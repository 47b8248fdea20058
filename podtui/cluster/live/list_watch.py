"""A local copy of one collection of the API: list in pages, then watch.

The rules are those of client-go's reflector: watch from the list's resourceVersion, resume from the last one after a dropped
connection, list again when the server says that it is too old (410). Every retry waits. Two rules are podtui's own, since a person looks
at the copy: a version is trusted only while the server that sent it is the same (an etcd that was restored from a backup goes back, and a
watch from a version in its future is silent forever), and what is called live has been proven to be.
"""

from __future__ import annotations

import asyncio
import random
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from typing import ClassVar, Generic, Literal

from podtui.cluster.connection.bounds import LONGEST_WAIT
from podtui.cluster.connection.decoding import UnreadableAnswer, readable
from podtui.cluster.connection.listing import JSON, ListMeta, P, Query, Server, lines_of, pages, selecting
from podtui.cluster.live.pacing import PacedServer, Timing
from podtui.errors import (
    ConnectionFailed,
    CredentialError,
    Forbidden,
    Gone,
    Invalid,
    NotServed,
    PodtuiError,
    ServerAway,
    ServerError,
    Unauthorized,
)
from podtui.reports import unforeseen
from podtui.tasks import comes, end_tasks

State = Literal["connecting", "loading", "live", "polling", "stale", "denied", "failed"]

_DOUBTS = 3
_USELESS = 2  # watches in a row that brought nothing and did not last: then the list is polled
_EMPTY_PAGES = 20  # in a row, after which a list has no end
_LOOK = 5.0  # seconds between two looks at how long a watch has been silent: a machine that slept does not know it at once
TURN = 200  # rows or events handled before other tasks get their turn: some 2 ms


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
    ) -> None:
        """`path` is the collection's, `what` its name in errors. `selector` and `fields` select its objects by labels and by fields,
        `query` adds parameters for the form of the answers. `turn` limits concurrent lists.
        """
        self.selector = selector
        self.fields = fields
        self.timing = timing or Timing()
        self.resource_version = ""
        """The version of the set that is here, after which changes are requested; "" means that a list is needed."""
        self.known = False
        self.state: State = "connecting"
        self.since = time.time()
        self.error: PodtuiError | None = None
        self.loaded = 0
        self.remaining: int | None = None
        self.retry_at: float | None = None
        self.what = what
        self.heard = 0.0  # epoch seconds of the last byte of the watch, or of another proof that the set is the server's
        self._path = path
        self._query = [*query, *selecting(selector, fields)]
        self._turn = turn or asyncio.Semaphore(1)
        self._attempts = 0
        self._complete = False  # whether the server has sent this object itself a complete set
        self._expired = False  # whether a version has expired since the last healthy watch
        self._doubts = 0  # how many more refusals are ignored
        self._slow = False  # whether the next attempt needs someone else to act first
        self._page = self.timing.page
        self._useless = 0  # how many watches in a row have brought nothing and did not last
        self._silences = 0  # how many watches in a row have been open without bringing the changes that there were
        self._wished = False  # whether the user wishes a list
        self._watch_again = 0.0  # loop time before which a polled list is not watched
        self._listing = 0.0  # seconds that the last list took
        self.stale_since: float | None = None
        """Since when the server has been silent, in epoch seconds; None while it is not."""
        self._wake = asyncio.Event()
        self._attempt: asyncio.Timeout | None = None  # the attempt in progress: what ends it early
        self._verdict: BaseException | None = None  # why it was ended early; None for the user's wish

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
        """Take one event of the watch and `advance` to its version, or set `resource_version` to "" when a new list is needed.

        Raises UnreadableAnswer, and the error of an ERROR event.
        """

    def chunk_taken(self) -> None:
        """The events that arrived together were taken."""

    @abstractmethod
    def state_changed(self) -> None:
        """`state`, `known` or related attributes may have changed."""

    # -- life

    def retry(self) -> None:
        """End the current delay, if there is one and it is for an outage: the server is back."""
        if self.state in ("stale", "failed") and self._useless < _USELESS:
            self._wake.set()

    def refresh(self) -> None:
        """List again now, and try a watch: whatever is being waited for is given up. The rows stay until then."""
        self._wished = True  # an event that comes now would set the version
        self._attempts = 0
        self._watch_again = 0.0
        self._wake.set()
        self._cut(None)

    def advance(self, version: str) -> None:
        """The set here is that of `version`. Raises Gone when that is before the present one: the server is no longer the same."""
        # A server that does so again right after a list does not order its versions as etcd does.
        if is_older(version, self.resource_version) and not self._expired:
            raise _went_back(self.what)
        self.resource_version = version or self.resource_version

    async def run(self, server: Server) -> None:
        paced = PacedServer(server, self.timing.pace)
        while True:
            error: PodtuiError | None = None
            if self._wished:
                self._wished, self.resource_version = False, ""
            self._verdict, watching, listed = None, False, not self.resource_version
            try:
                async with asyncio.timeout(None) as self._attempt:
                    if listed:
                        async with self._turn:
                            await self._list(paced)
                    else:
                        await self.compare(paced)
                    if self._useless >= _USELESS and asyncio.get_running_loop().time() < self._watch_again:
                        await self._polled()
                        continue
                    watching = True
                    await self._watch(paced)
            except PodtuiError as caught:
                error = caught
            except Exception as fault:
                if self._attempt is not None and self._attempt.expired() and isinstance(fault, TimeoutError):
                    if self._verdict is None:
                        continue  # the user's wish
                    fault = self._verdict if isinstance(self._verdict, Exception) else fault
                error = fault if isinstance(fault, PodtuiError) else unforeseen(f"the list of {self.what}", fault)
            self._attempt = None
            self._failed(error, watching, listed)
            await self._pause(error)

    def _cut(self, why: BaseException | None) -> None:
        """End the attempt in progress; None: the user wishes another one."""
        if self._attempt is not None and not self._attempt.expired():
            self._verdict = why
            self._attempt.reschedule(asyncio.get_running_loop().time())

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
        if isinstance(error, Gone) and watching:
            if listed and self._useless >= _USELESS:  # of a version that was the newest just now
                self._poll(error)
                return
            self._useless *= listed
        nothing = listed and not watching and not self.loaded  # the first page of a list does not expire: something else answers
        if isinstance(error, Gone) and not nothing:
            if not watching and listed:
                self._page = min(2 * self._page, 10 * self.timing.page)  # too slow for the token's life: fewer, larger pages
            self.resource_version = ""
            self.known = self.known and self._complete
            if not self._expired:
                self._attempts = min(self._attempts, 1)  # the server answers: the first list need not wait as for an unavailable one
            self._expired = True
            if self.stale_since is None:
                self._enter("loading")
            return
        # A server that has just started does not know every kind and right yet.
        doubted = isinstance(error, Forbidden | NotServed) and self._doubts > 0
        if watching and not doubted:
            if isinstance(error, Forbidden):
                self._useless = _USELESS  # a user who may list but not watch
            if self._useless >= _USELESS:
                self._poll(error)
                return
        if error is None:
            return  # its time was up
        if not watching:
            self._useless = 0  # what is wrong with the lists explains the watches
        self._doubts = _DOUBTS if isinstance(error, ConnectionFailed | ServerError) else self._doubts - doubted
        self._slow = isinstance(error, Forbidden | Unauthorized | NotServed | Invalid | CredentialError) and not doubted
        if isinstance(error, Forbidden | Unauthorized) and not doubted:
            self._enter("denied", error)
            return
        unknown = isinstance(error, UnreadableAnswer | Invalid | NotServed) and watching and not doubted
        if unknown or isinstance(error, ServerAway | ServerError):
            self.resource_version = ""  # the missed changes are unknown, or another etcd may be behind the server that comes back
        if self.stale_since is None:
            unproven = self._verdict is not None or self.state == "polling"
            self.stale_since = self.heard if unproven else time.time()
        if self.known or not self.is_empty:
            self._enter("stale", error, self.stale_since)
        else:
            self._enter("failed", error)

    def _poll(self, error: PodtuiError | None) -> None:
        """Watches do not work but lists do: list again every few seconds, and try a watch now and then."""
        if error is None:
            error = ConnectionFailed(
                f"the server ends each watch of {self.what} at once",
                "A proxy between podtui and the API server may not be able to stream.",
            )
        self.resource_version = ""
        self.stale_since = None
        self._watch_again = asyncio.get_running_loop().time() + random.uniform(0.8, 1.2) * self.timing.denied
        self._enter("polling", error, self.heard)

    async def _polled(self) -> None:
        """A list of the polling has come: the state is as of now."""
        self.resource_version = ""
        self._enter("polling", self.error, self.heard)
        # A long list takes its time: the API server should not spend more than a tenth of its time on us.
        await self._wait(max(random.uniform(0.8, 1.2) * self.timing.poll, 10 * self._listing))

    async def _pause(self, error: PodtuiError | None) -> None:
        """Full-jitter back-off, or longer when the server asks for it."""
        timing = self.timing
        if self.state == "polling":
            delay = random.uniform(0.8, 1.2) * timing.poll
        elif self._slow:
            delay = random.uniform(0.8, 1.2) * timing.denied
        else:
            most = min(timing.backoff_most, timing.backoff_first * 2.0 ** min(self._attempts, 30))
            delay = max(timing.backoff_first / 5, random.uniform(0.0, most))
        self._attempts += 1
        retry_after: float | None = getattr(error, "retry_after", None)
        if retry_after:
            delay += min(retry_after, LONGEST_WAIT)
        await self._wait(delay)

    async def _wait(self, delay: float) -> None:
        """Wait that long, or until `retry` or `refresh`."""
        self._wake.clear()
        self.retry_at = time.time() + delay
        if self.state not in ("live", "polling"):
            self.state_changed()
        await comes(self._wake, delay)
        self.retry_at = None
        if self.state not in ("live", "polling"):
            self.state_changed()

    # -- list

    async def _list(self, server: PacedServer) -> None:
        """Take the first page at once and the rest as it arrives; then drop the objects that the server did not list."""
        clock = asyncio.get_running_loop().time
        began = clock()
        # A list that the user wished has ended the watch: what is here counts as live for a moment more.
        waiting = asyncio.get_running_loop().call_later(self.timing.late, self._enter, "loading") if self.state == "live" else None
        self.loaded, self.remaining = 0, None
        metadata, first, empty = ListMeta(), True, 0
        listed = pages(
            server,
            self._path,
            self.decode_page,
            query=self._query,
            accept=self.list_accept,
            limit=self._page,
            timeout=self.timing.request,
        )
        async with AsyncExitStack() as stack:
            if waiting is not None:
                stack.callback(waiting.cancel)
            async for page in await stack.enter_async_context(aclosing(listed)):
                before, metadata = self.loaded, page.metadata
                with readable(self.what):
                    self.loaded = await self.take_page(page, first)
                self.remaining = metadata.remaining if metadata.continue_token else 0
                if not (self.state == "polling" and self.known):
                    self._enter("loading")
                if first:
                    self.page_done()
                elif self.loaded > before:
                    server.progressed()
                empty = 0 if self.loaded > before else empty + 1
                if empty > _EMPTY_PAGES:
                    raise UnreadableAnswer(f"the list of {self.what} has no end: its pages bring nothing new")
                first = False
        self.resource_version = metadata.resource_version or "0"
        self.known = self._complete = True
        self.remaining = 0
        self._page = self.timing.page
        self._listing = clock() - began
        self.heard = time.time()
        self.list_done()
        self.state_changed()

    # -- watch

    async def compare(self, server: PacedServer) -> None:
        """Ask for the server's version by a list of one object. Raises Gone when it is before the set's: no watch would tell."""
        if self.heard and time.time() - self.heard > self.timing.trusted:
            raise Gone(410, "Expired", f"the last change of {self.what} came long ago")  # it may have been restored meanwhile
        query = [*self._query, ("limit", "1")]
        content = await server.request("GET", self._path, query=query, accept=self.list_accept, timeout=self.timing.answer)
        if is_older(self.decode_page(content).metadata.resource_version, self.resource_version):
            raise _went_back(self.what)

    @asynccontextmanager
    async def opened(self, server: PacedServer, seconds: float) -> AsyncIterator[AsyncIterator[bytes]]:
        """A watch from the present version that the server ends after that many seconds."""
        query = [
            ("watch", "1"),
            ("allowWatchBookmarks", "true"),
            ("resourceVersion", self.resource_version),
            ("timeoutSeconds", f"{seconds:g}"),
            *self._query,
        ]
        async with AsyncExitStack() as stack:
            try:
                async with asyncio.timeout(self.timing.answer):
                    stream = await stack.enter_async_context(server.stream(self._path, query=query, accept=self.watch_accept))
            except TimeoutError:
                raise ConnectionFailed(f"the server does not begin to answer a watch of {self.what}") from None
            yield stream

    async def _watch(self, server: PacedServer) -> None:
        """Follow the changes until the server ends the watch; a watch that lasted resets the back-off."""
        timing, loop = self.timing, asyncio.get_running_loop()
        began_at, opened = self.resource_version, 0.0
        self._useless += 1  # until it has proven itself
        proof = None
        try:
            async with self.opened(server, random.randint(*timing.watch)) as stream:
                opened = loop.time()
                # A proxy that holds answers back accepts watches, too: after it was found out, only changes are a proof.
                proof = loop.call_later(timing.healthy, self._prove) if self._silences < _USELESS else None
                self.heard = time.time()
                if self.state != "polling":  # which ends with a proof
                    self._live()
                guard = asyncio.create_task(self._guard(server), name=f"guard of {self.what}")
                try:
                    await self._follow(stream)
                finally:
                    await end_tasks(guard)
        finally:
            if proof is not None:
                proof.cancel()
            if opened:
                if loop.time() - opened >= timing.healthy:
                    self._attempts = 0
                    self._expired = False
                elif self.resource_version not in ("", began_at):
                    self._attempts = min(self._attempts, 1)  # short, but with events: an impatient proxy

    def _live(self) -> None:
        self.stale_since = None
        self._doubts = 0
        self.known = True
        if self.state != "live":
            self._enter("live")

    def _prove(self) -> None:
        """The watch works: it has brought something new, or has lasted."""
        self._useless = 0
        self._live()

    async def _guard(self, server: PacedServer) -> None:
        """Ask each time that the watch has been silent for long, and end it when something is wrong with it."""
        idle = self.timing.idle
        while True:
            silent = time.time() - self.heard
            if 0 <= silent < idle:
                await asyncio.sleep(min(idle - silent, _LOOK))
                continue
            from podtui.cluster.live.inquiry import SilentWatch, inquire  # half a minute after the start

            try:
                await inquire(self, server)
            except Exception as why:
                if isinstance(why, SilentWatch):
                    self.resource_version = ""  # a list brings the changes, whatever is wrong with the watches
                    self._silences += 1
                    if self._silences >= _USELESS:
                        self._useless = _USELESS
                self._cut(why)
                return
            self.heard = time.time()

    async def _follow(self, stream: AsyncIterator[bytes]) -> None:
        began_at = self.resource_version
        async with aclosing(lines_of(stream, self.what)) as arriving:
            async for lines in arriving:
                self.heard = time.time()
                with readable(self.what):
                    for count, line in enumerate(lines):
                        self.take_event(line)
                        if count % TURN == TURN - 1:
                            await asyncio.sleep(0)
                if (self._useless or self._silences) and self.resource_version not in ("", began_at):
                    self._silences = 0
                    self._prove()
                self.chunk_taken()
                if not self.resource_version:
                    return
                await asyncio.sleep(0)  # available chunks do not yield: a flood must not block the screen
        # Resuming from the last resourceVersion brings an unfinished last line again.


def is_older(version: str, than: str) -> bool:
    """Whether a resourceVersion is before another one: etcd's are numbers that grow; others cannot be compared."""
    return version.isdecimal() and than.isdecimal() and (len(version), version) < (len(than), than)


def _went_back(what: str) -> Gone:
    return Gone(410, "Expired", f"the versions of {what} went back: the server was restored to an earlier state")
