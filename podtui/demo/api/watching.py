"""One watch: which events a change makes for it, in order, with nothing kept beyond a bounded buffer."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator

from podtui.demo.api.encoding import bookmark, encode, object_bytes
from podtui.demo.api.list_options import ListOptions
from podtui.demo.storage.errors import ApiError
from podtui.demo.storage.kinds import Kind
from podtui.demo.storage.state import Change, Entry, State

BUFFER = 10_000
"""Changes that wait for a slow reader; a watch that falls further behind is dropped, and its client resumes or lists again."""
BOOKMARKS = 60.0
"""Seconds between bookmarks, in real time."""
TIMEOUT = 3600.0
"""Seconds that a watch lasts which names no timeout."""
_BATCH = 64
"""Events that are written at once, and so wait for a client that does not read."""


class Turn:
    """`async with turn:` around a piece of a long answer: one is made at a time, and between two of them everybody else is served.

    Otherwise hundreds of clients that list everything at once would hold up one that asks for little.
    """

    def __init__(self) -> None:
        self._lock = asyncio.Lock()

    async def __aenter__(self) -> None:
        await self._lock.acquire()

    async def __aexit__(self, *_: object) -> None:
        try:
            await asyncio.sleep(0)
        finally:
            self._lock.release()


class Watch:
    """Begins at once: what happens after the constructor is seen. `batches` gives the bytes; `close` ends it. ApiError 4xx."""

    def __init__(self, state: State, kind: Kind, options: ListOptions, form: str, turn: Turn | None = None) -> None:
        self._state, self._kind, self._options, self._form = state, kind, options, form
        self._turn = turn or Turn()
        self._waiting: deque[Change] = deque()
        self._news = asyncio.Event()
        self._columns = True
        self._overrun = False
        self._first: list[Entry] = []
        self._refusal: ApiError | None = None
        self._from = options.version or 0
        replay: list[Change] = []
        if options.initial_events or (options.initial_events is None and not options.version):
            self._first = [entry for entry in state.entries(kind, options.namespace) if options.selects(entry)]
            self._from = state.version
        elif not options.version:
            self._from = state.version
        else:
            try:
                replay = state.since(options.version)
            except ApiError as error:
                self._refusal = error
        self._waiting.extend(change for change in replay if self._concerns(change))
        self._version = max(state.version, self._from)
        self._unsubscribe = state.subscribe(self._changed)

    def close(self) -> None:
        self._unsubscribe()
        self._waiting.clear()

    def _concerns(self, change: Change) -> bool:
        if change.kind is not self._kind:
            return False
        namespace = self._options.namespace
        return not namespace or change.after.namespace == namespace

    def _changed(self, change: Change) -> None:
        if change.version <= self._from:
            return
        self._version = change.version
        if not self._concerns(change):
            return
        if len(self._waiting) >= BUFFER:
            self._overrun = True
        else:
            self._waiting.append(change)
        self._news.set()

    async def batches(self) -> AsyncIterator[bytes]:
        """Events, one a line, several at once where several are there. Ends with the timeout or when the reader is too slow."""
        loop = asyncio.get_running_loop()
        ends = loop.time() + (self._options.timeout or TIMEOUT)
        if self._refusal is not None:
            yield b'{"type":"ERROR","object":' + encode(self._refusal.status()) + b"}\n"
            return
        first, self._first = self._first, []
        for index in range(0, len(first), _BATCH):
            async with self._turn:
                batch = b"".join(self._line("ADDED", entry) for entry in first[index : index + _BATCH])
            yield batch
        if self._options.initial_events and self._options.bookmarks:
            # Changes that came while the first objects were written follow the bookmark: it must not claim to hold them.
            yield self._bookmark(self._from, initial=True)
        marks = loop.time() + BOOKMARKS
        while not self._overrun:
            self._news.clear()
            lines: list[bytes] = []
            while self._waiting and len(lines) < _BATCH:
                if line := self._event(self._waiting.popleft()):
                    lines.append(line)
            if lines:
                yield b"".join(lines)
            if self._waiting:
                await asyncio.sleep(0)  # to write does not wait as long as there is room in the socket
                continue
            now = loop.time()
            over = now >= ends
            if self._options.bookmarks and (over or now >= marks):
                marks = now + BOOKMARKS
                yield self._bookmark(self._version)
            if over:
                return
            if self._waiting:
                continue
            try:
                await asyncio.wait_for(self._news.wait(), max(0.0, min(ends, marks) - now))
            except TimeoutError:
                pass

    def _event(self, change: Change) -> bytes:
        """The line of a change; nothing when it is about an object that is not selected."""
        selects = self._options.selects
        before = change.before is not None and selects(change.before)
        after = change.type != "DELETED" and selects(change.after)
        if after:
            return self._line("MODIFIED" if before else "ADDED", change.after)
        if not before:
            return b""
        if change.type == "DELETED":
            return self._line("DELETED", change.after)
        # It has left the selector: the watcher gets what it knew last, with the version of the change.
        assert change.before is not None
        last = dict(change.before.obj)
        last["metadata"] = {**last["metadata"], "resourceVersion": str(change.version)}
        return self._line("DELETED", Entry(last, change.version))

    def _bookmark(self, version: int, initial: bool = False) -> bytes:
        return self._line("BOOKMARK", bookmark(self._kind, version, initial))

    def _line(self, event: str, entry: Entry) -> bytes:
        now = self._state.clock.now()
        body = object_bytes(self._kind, entry, self._form, self._options.include, now, self._columns)
        self._columns = False
        return b'{"type":"' + event.encode() + b'","object":' + body + b"}\n"
