"""What a container wrote, and how much of it a request for its log gets.

The rules are those of the kubelet (`pkg/kubelet/kuberuntime/logs`) and of PodLogOptions in the API server: the last lines are
counted first, then those that are too old are left out, and the limit of bytes counts the timestamps too.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice

from podtui.demo.storage.errors import ApiError, integer

LIMIT = 1 << 20
"""Bytes that are kept of one run of a container; a line counts a little more than its text."""
_OVERHEAD = 64
_CHUNK = 64 * 1024

Line = tuple[int, bytes]
"""When (nanoseconds since the epoch) and what, with its newline unless the run ended in the middle of a line."""


class ContainerLog:
    """The log of one run of a container. The oldest lines go when it is full."""

    __slots__ = ("_partial", "_size", "_waiting", "ended", "first", "limit", "lines")

    def __init__(self, limit: int = LIMIT) -> None:
        self.lines: deque[Line] = deque()
        self.first = 0
        """How many lines are gone: the number of the first one that is left."""
        self.limit = limit
        self.ended = False
        self._size = 0
        self._partial = b""
        self._waiting: list[asyncio.Future[None]] = []

    def write(self, now: float, data: bytes) -> None:
        """Adds what was written at `now` (Unix seconds); a line is in the log when it is complete."""
        if self.ended:
            return
        if self._partial:
            data = self._partial + data
        whole, found, self._partial = data.rpartition(b"\n")
        if found:
            moment = int(now * 1e9)
            self._add([(moment, line + b"\n") for line in whole.split(b"\n")])

    def end(self, now: float) -> None:
        """Ends the log; readers that follow it get the rest."""
        if self._partial:
            self._add([(int(now * 1e9), self._partial)])
            self._partial = b""
        self.ended = True
        self._wake()

    @property
    def count(self) -> int:
        """How many lines there have been."""
        return self.first + len(self.lines)

    def tail(self, lines: int, limit: int) -> str:
        """The last lines as text, at most `limit` bytes: for a termination message."""
        return b"".join(line for _, line in islice(self.lines, max(0, len(self.lines) - lines), None))[-limit:].decode("utf-8", "replace")

    async def more(self, count: int) -> None:
        """Waits until there are more than `count` lines or the run has ended."""
        if self.ended or self.count > count:
            return
        waiter = asyncio.get_running_loop().create_future()
        self._waiting.append(waiter)
        try:
            await waiter
        finally:
            if waiter in self._waiting:
                self._waiting.remove(waiter)

    def _add(self, lines: list[Line]) -> None:
        self.lines.extend(lines)
        self._size += sum(len(line) for _, line in lines) + _OVERHEAD * len(lines)
        while self._size > self.limit and len(self.lines) > 1:
            self._size -= len(self.lines.popleft()[1]) + _OVERHEAD
            self.first += 1
        if self._waiting:
            self._wake()

    def _wake(self) -> None:
        waiting, self._waiting = self._waiting, []
        for waiter in waiting:
            if not waiter.done():
                waiter.set_result(None)


@dataclass(frozen=True, slots=True)
class LogOptions:
    """PodLogOptions. `since` is Unix nanoseconds, `tail` and `limit` None is no limit."""

    container: str = ""
    follow: bool = False
    previous: bool = False
    timestamps: bool = False
    since: int = 0
    tail: int | None = None
    limit: int | None = None

    @classmethod
    def of(cls, query: Mapping[str, str], now: float) -> LogOptions:
        """From a request's query. ApiError 400 for a malformed number or time."""
        tail, seconds, limit = (integer(query[key]) if query.get(key) else None for key in ("tailLines", "sinceSeconds", "limitBytes"))
        since_time = query.get("sinceTime") or ""
        moment = _moment(since_time) if since_time else 0
        if seconds is not None:
            moment = int((now - seconds) * 1e9)
        switches = {key: _true(query, key) for key in ("follow", "previous", "timestamps")}
        return cls(query.get("container") or "", since=moment, tail=tail, limit=limit, **switches)


async def read(log: ContainerLog, options: LogOptions) -> AsyncGenerator[bytes, None]:
    """The log in chunks; with `follow` until the run has ended."""
    left = options.limit
    place = log.first if options.tail is None else max(log.first, log.count - options.tail)
    while True:
        chunk = bytearray()
        for line in _lines(log, place, options):
            chunk += line if left is None else line[:left]
            if left is not None:
                left -= min(left, len(line))
                if not left:
                    yield bytes(chunk)
                    return
        place = log.count
        for start in range(0, len(chunk), _CHUNK):
            yield bytes(chunk[start : start + _CHUNK])
        if log.count > place:  # written while the reader was slow
            continue
        if log.ended or not options.follow:
            return
        await log.more(place)


async def nothing() -> AsyncGenerator[bytes, None]:
    """The log of a pod that has no node yet."""
    return
    yield b""


def _lines(log: ContainerLog, place: int, options: LogOptions) -> Iterator[bytes]:
    for moment, line in islice(log.lines, max(0, place - log.first), None):
        if moment >= options.since:
            yield stamp(moment) + b" " + line if options.timestamps else line


def stamp(moment: int) -> bytes:
    """RFC 3339 with nine digits, as the kubelet writes it (`RFC3339NanoFixed`)."""
    seconds, nanoseconds = divmod(moment, 1_000_000_000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{nanoseconds:09}Z".encode()


def _true(query: Mapping[str, str], key: str) -> bool:
    """As the server reads booleans in a query: all but these words is true."""
    return query.get(key, "0").lower() not in ("0", "false")


def _moment(text: str) -> int:
    """A time of the query in nanoseconds. It travels to the kubelet in whole seconds."""
    try:
        found = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        found = None
    if found is None or found.tzinfo is None or "T" not in text:
        raise ApiError(400, "BadRequest", f'parsing time "{text}" as "2006-01-02T15:04:05Z07:00": cannot parse "{text}" as "2006"')
    return int(found.timestamp()) * 1_000_000_000
