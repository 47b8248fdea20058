"""Read one log, from one request to the next: behind the last line that was read, and only that pod's and that run's.

The log API knows only names. The reader therefore checks the pod and the run of a stream after it was opened, since the pod's status
and the list of names lag behind the kubelet.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import TYPE_CHECKING

from podtui.cluster.logs.batches import Batches
from podtui.cluster.logs.lines import Lines, LineSplitter, Position, Resume, local_time, nanoseconds, stamp_of
from podtui.cluster.logs.status import LogOptions
from podtui.cluster.pods.container_runs import Run, runs_of
from podtui.errors import ConnectionFailed, NotFound, PodtuiError
from podtui.kube.resources import ObjectRef

if TYPE_CHECKING:
    from podtui.cluster.connection.connection import Connection
    from podtui.cluster.connection.streams import ByteStream
    from podtui.cluster.logs.shared_reads import SharedReads

_KEPT = 16  # reads: a status lags behind by a few at most
_CHECKS = (2.0, 8.0)  # seconds; a pod's status lags little, except after an outage of the API server


class LogReader:
    """`run` is whose log it is, `position` how far it was read. For the latest stream, `came` is whether it brought anything new, `lasted`
    its length in seconds, and `broke` whether it was cut off instead of ending."""

    def __init__(
        self,
        connection: Connection | SharedReads,
        ref: ObjectRef,
        container: str,
        options: LogOptions,
        *,
        quiet: float,
        pace: float,
        line_limit: int,
        opened: Callable[[bool, bool], None],
    ) -> None:
        """`opened` is called when the server has accepted a request: with whether it follows, and whether that is certain (a quiet
        container's answer has not even a header, so silence means yes). The other arguments are those of `LogFollower`."""
        self.container = container
        self.uid = ref.uid
        self.may_recur = False  # whether another pod may get the name
        self.run: Run | None = None
        self.first = True  # the first run, to which `tail` and the like apply
        self.position = Position()
        self.came = self.broke = False
        self.lasted = 0.0
        self._gaps: list[tuple[str, str]] = []  # between which times lines may be missing; "" for the end of the run
        self._connection = connection
        self._ref = ref
        self._options = options
        self._quiet = quiet
        self._pace = pace
        self._line_limit = line_limit
        self._opened = opened
        self._reads = Reads()

    def begin(self, run: Run, *, first: bool) -> None:
        """Switch to the log of this run, from its beginning or where the options say."""
        self.run = run
        self.first = first
        self._reads = Reads()
        self.position = Position(whole=not (first and (self._options.tail is not None or self._options.since is not None)))

    def _query(self, follow: bool, previous: bool) -> list[tuple[str, str]]:
        options = self._options
        query = [("timestamps", "true")]
        if self.container:
            query.append(("container", self.container))
        if follow:
            query.append(("follow", "true"))
        if previous:
            query.append(("previous", "true"))
        if self.position.since:
            query.append(("sinceTime", self.position.since))
        elif self.first:
            if options.tail is not None:
                query.append(("tailLines", str(options.tail)))
            if options.since is not None:
                query.append(("sinceSeconds", str(options.since)))
        if options.limit is not None and self.first:
            query.append(("limitBytes", str(options.limit)))
        return query

    async def read(self, batches: Batches, *, follow: bool, previous: bool = False, whole: bool = True) -> bool:
        """Read behind the position until the server ends the stream. True if anything new arrived.

        `whole`: without `follow`, whether a last line without a newline counts as complete.
        """
        splitter, resume, position = LineSplitter(self._line_limit), Resume(self.position), self.position
        self.came, self.broke, self.lasted = False, follow, 0.0
        since, answered = position.since, False
        self._reads.begin(position)
        started = latest = time.monotonic()
        loop = asyncio.get_running_loop()
        accepted = loop.call_later(1.0, self._opened, True, False) if follow else None
        try:
            async with (
                self._connection.stream(
                    f"{self._ref.path}/log", query=self._query(follow, previous), accept="*/*", idle_timeout=self._quiet
                ) as stream,
                aclosing(self._of_this_run(stream, batches) if follow else _all(stream)) as chunks,
            ):
                if self.may_recur and not await self._still_it():
                    self.broke = True
                    return False
                self._opened(follow, True)
                async for chunk in chunks:
                    latest, answered = time.monotonic(), True
                    came = splitter.feed(chunk)
                    if not resume.done:
                        came = resume.drop(came)
                        if resume.gap:
                            self._miss(since, resume.gap)
                    if came.lines:
                        self.came = True
                        self._reads.take(came)
                        position.take(came)
                        await batches.put(came)
                    self.lasted = latest - started
            self.broke = False
            if not follow and whole and since and not answered:  # not even the line that was last read
                self._miss(since, "")
            if not follow and whole:  # the last line may have no newline; while the container runs, it may still continue
                came = resume.drop(splitter.feed(b"", final=True))
                self._reads.take(came)
                position.take(came)
                await batches.put(came)
        except ConnectionFailed:
            if time.monotonic() - latest < self._quiet - 1:
                raise
            self.came = True  # nothing failed: it was quiet, so reopen it
        finally:
            if accepted is not None:
                accepted.cancel()
        return self.came

    async def _still_it(self) -> bool:
        """Whether a just opened log is this pod's: the request names the pod, and another one may have the name now."""
        try:
            pod = await self._connection.json("GET", self._ref.path)
        except NotFound:  # then no other had the name when the log was opened
            return True
        return bool((pod.get("metadata") or {}).get("uid") == self.uid)

    async def _of_this_run(self, stream: ByteStream, batches: Batches) -> AsyncGenerator[bytes, None]:
        """A followed stream, which ends when the pod shows a little later that there is another run."""
        check = asyncio.create_task(self._another_run())
        coming: asyncio.Future[bytes] | None = None
        try:
            while not check.done():
                coming = asyncio.ensure_future(anext(stream))
                await asyncio.wait((coming, check), return_when=asyncio.FIRST_COMPLETED)
                if not coming.done() and check.result():
                    return
                if check.done() and not check.result():
                    await self.note_gaps(batches)
                try:
                    yield await coming
                except StopAsyncIteration:
                    return
            if not check.result():
                await self.note_gaps(batches)
                async for chunk in stream:
                    yield chunk
                    await self.note_gaps(batches)  # the first line after a quiet time may show it
        finally:
            ends = [task for task in (check, coming) if task is not None]
            for task in ends:
                task.cancel()
            await asyncio.gather(*ends, return_exceptions=True)

    async def _another_run(self) -> bool:
        """Whether the just opened stream may belong to a run that the pod's status, which lags behind, does not show yet."""
        for delay in _CHECKS:
            await asyncio.sleep(self._pace * delay)
            try:
                pod = await self._connection.json("GET", self._ref.path)
            except PodtuiError:  # whether it exists or may be read does not matter here
                continue
            if self.run is not None and runs_of(pod, self.container).current.id not in (self.run.id, ""):
                return True
        return False

    async def ahead(self, run: Run, *, previous: bool = False) -> Position | None:
        """Where the old run's log had been read to, if lines of the new run followed it (see `Reads`)."""
        latest = self.position.since
        if not latest or _second(latest) < _second(run.started):
            return None
        query = [("timestamps", "true"), ("container", self.container), ("limitBytes", "40")]
        if previous:
            query.append(("previous", "true"))
        async with self._connection.stream(f"{self._ref.path}/log", query=query, accept="*/*") as stream:
            begin = b"".join([chunk async for chunk in stream])
        first = stamp_of(begin[:40].decode("utf-8", "replace").partition(" ")[0])
        return self._reads.before(first) if first else None

    def _miss(self, since: str, until: str) -> None:
        if (since, until) not in self._gaps:
            self._gaps.append((since, until))

    def no_gap(self, run: Run) -> None:
        """The lines behind a gap were of this run, the next one: there was no gap."""
        self._gaps = [(since, until) for since, until in self._gaps if until and _second(until) < _second(run.started)]

    async def note_gaps(self, batches: Batches) -> None:
        """Note what may be missing, once it is certain that the lines behind each gap belong to the same run."""
        gaps, self._gaps = self._gaps, []
        for since, until in gaps:
            between = f"from {local_time(since)} to {local_time(until)}" if until else f"after {local_time(since)}"
            await batches.note(f"lines {between} may be missing: the log was rotated meanwhile")

    async def note_unread_end(self, batches: Batches) -> None:
        """Note, for a deleted pod, that its last stream was not read to its end."""
        if self.broke and self.position.since:
            await batches.note(
                f"the pod was deleted while its log could not be read: lines after {local_time(self.position.since)} may be missing"
            )


async def _all(stream: ByteStream) -> AsyncGenerator[bytes, None]:
    async for chunk in stream:
        yield chunk


def _second(stamp: str) -> int:
    return nanoseconds(stamp) // 1_000_000_000


class Reads:
    """The latest reads of one run: where each began, and the time of the first line that it brought.

    A pod's status lags behind its containers: while it still names the ended run, the kubelet may serve the log of the new one. Each read
    is of one run, so the time of its first line identifies it, once the time of the new run's first line is known.
    """

    def __init__(self) -> None:
        self._reads: deque[tuple[int, Position]] = deque(maxlen=_KEPT)
        self._before: Position | None = None

    def begin(self, position: Position) -> None:
        """A read begins at `position`."""
        self._before = position.copy()

    def take(self, came: Lines) -> None:
        """The read brought lines: only its first ones matter."""
        if self._before is not None and came.lines:
            self._reads.append((nanoseconds(stamp_of(came.lines[0])), self._before))
            self._before = None

    def before(self, stamp: str) -> Position | None:
        """Where the first read began that brought lines of `stamp` or later; None when there was none."""
        at = nanoseconds(stamp)
        return next((position for first, position in self._reads if first >= at), None)
