"""Read one log, from one request to the next: after the last line that was read, and only that pod's and that run's.

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
from podtui.cluster.logs.lines import Lines, LineSplitter
from podtui.cluster.logs.position import Position, Resume
from podtui.cluster.logs.stamps import SECOND, local_time, may_begin_stamp, nanoseconds, stamp_in
from podtui.cluster.logs.status import LogOptions
from podtui.cluster.pods.container_runs import Run, runs_of
from podtui.errors import ConnectionFailed, NotFound, PodtuiError
from podtui.kube.resources import ObjectRef
from podtui.tasks import end_tasks

if TYPE_CHECKING:
    from podtui.cluster.connection.connection import Connection
    from podtui.cluster.connection.streams import ByteStream
    from podtui.cluster.logs.shared_reads import SharedReads

ACCEPTED_AFTER = 1.0  # seconds without an answer after which a request to follow counts as accepted: a quiet log has nothing to send
_KEPT = 16  # reads: a status lags behind by a few at most
_CHECKS = (2.0, 8.0)  # seconds; a pod's status lags little, except after an outage of the API server
_SHORT = 4096  # bytes; an answer without a time that is longer is a log without times


class LogReader:
    """`run` is whose log it is, `position` how far it was read. For the latest stream, `came` is whether it brought anything new, `lasted`
    its length in seconds, `broke` whether it was cut off instead of ending, and `complaint` what the server said in place of lines
    or after them: the kubelet answers 200 before it finds out that it cannot read a log."""

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
        self.complaint = ""
        self._followed = False  # whether an earlier stream was followed after the position
        self._from_beginning = False  # whether the next stream must begin there: the clock was set back since the position
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
        self._followed = self._from_beginning = False
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
        if self.position.reached:
            if not self._from_beginning:
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
        """Read on from the position until the server ends the stream. True if anything new arrived.

        `whole`: without `follow`, whether a last line without a newline counts as complete.
        """
        self.came, self.broke, self.lasted, self.complaint = False, follow, 0.0, ""
        splitter, position = LineSplitter(self._line_limit), self.position
        resume = await self._resume(previous)
        since, answer = position.reached, b""
        self._reads.begin(position)
        started = time.monotonic()
        loop = asyncio.get_running_loop()
        accepted = loop.call_later(ACCEPTED_AFTER, self._opened, True, False) if follow else None
        try:
            async with (
                self._connection.stream(
                    f"{self._ref.path}/log", query=self._query(follow, previous), accept="*/*", idle_timeout=self._quiet
                ) as stream,
                aclosing(self._of_this_run(stream, batches) if follow else _all(stream)) as chunks,
            ):
                self._from_beginning = False
                if self.may_recur and not await self._still_it():
                    self.broke = True
                    return False
                self._opened(follow, True)
                async for chunk in chunks:
                    self.lasted = time.monotonic() - started
                    if len(answer) <= _SHORT:
                        answer += chunk[: _SHORT + 1]
                    came = splitter.feed(chunk)
                    if not resume.done:
                        came = resume.drop(came)
                        if resume.gap:
                            self._miss(since, resume.gap)
                    await self._take(came, batches)
            self.broke = False
            if not follow and whole:
                if since and not resume.reached and not resume.gap:  # not even the line that was last read
                    self._miss(since, "")
                # The last line may have no newline; while the container runs, it may still continue.
                await self._take(resume.drop(splitter.feed(b"", final=True)), batches)
            await self._end_of_stream(batches, answer, splitter.rest, resume)
        except ConnectionFailed as error:
            if error.silent != self._quiet:
                raise
            self.came = True  # nothing failed: it was quiet, so reopen it
        finally:
            if accepted is not None:
                accepted.cancel()
        return self.came

    async def _take(self, came: Lines, batches: Batches) -> None:
        """Hand on new lines."""
        again = b"\n" + self.position.complaint + b"\n"
        if len(again) > 2 and self.position.stamp and (b"\n" + came.data[-len(again) :]).endswith(again):
            came = Lines(came.data[: 1 - len(again)], came.continued)  # lines of the container have times
        if came.data:
            self.came = True
            self._reads.take(came)
            self.position.take(came)
            await batches.put(came)

    async def _end_of_stream(self, batches: Batches, answer: bytes, rest: bytes, resume: Resume) -> None:
        """The server has ended the stream: see what it said besides lines. The same words again say nothing new."""
        position = self.position
        if resume.held:
            await self._take(Lines(b"".join(line + b"\n" for line in resume.held)), batches)
        words = b""
        if rest and not position.pieces and not may_begin_stamp(rest):
            words = rest
            if words != position.complaint:
                self.came = True
                await batches.note(f"the server ended the log: {_decoded(words)}")
        elif 0 < len(answer) <= _SHORT and not any(stamp_in(line) for line in answer.splitlines()):
            words = answer.splitlines()[-1]
        if words:
            position.complaint = words
            self.complaint = _decoded(words)

    async def _resume(self, previous: bool) -> Resume:
        """What drops the lines that were read before.

        When the node's clock was set back, times do not show whether the position is still in the log: look for it first.
        """
        position = self.position
        if not position.reached or not (self._from_beginning or position.set_back):
            return Resume(position)
        probe, splitter = Resume(position, there=True), LineSplitter(self._line_limit)
        query = self._query(False, previous)
        async with self._connection.stream(f"{self._ref.path}/log", query=query, accept="*/*", idle_timeout=self._quiet) as stream:
            async for chunk in stream:
                probe.drop(splitter.feed(chunk))
                if probe.reached:
                    return Resume(position, there=True)
        self._miss(position.reached, "")  # the log was rotated: all of the current file is new
        self._from_beginning = True
        return Resume(Position())

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
            await end_tasks(check, coming)

    async def _another_run(self) -> bool:
        """Whether the just opened stream must be given up: it may belong to a run that the pod's status, which lags behind, does not
        show yet; or it may leave lines out, because the node's clock was set back since the position."""
        may_leave_out, self._followed = self._followed, True
        for delay in _CHECKS:
            await asyncio.sleep(self._pace * delay)
            try:
                pod = await self._connection.json("GET", self._ref.path)
                if self.run is not None and runs_of(pod, self.container).current.id not in (self.run.id, ""):
                    return True
                if may_leave_out and await self._was_set_back():
                    self._from_beginning = True
                    return True
                may_leave_out = False
            except PodtuiError:  # whether it exists or may be read does not matter here
                continue
        return False

    async def _was_set_back(self) -> bool:
        """Whether the log's last line is before the time from which a stream that brought nothing was requested."""
        since = self.position.since
        if self.came or not since or self._options.limit is not None:
            return False
        last = await self._first_stamp([("timestamps", "true"), ("container", self.container), ("tailLines", "1"), ("limitBytes", "40")])
        return 0 < nanoseconds(last) < nanoseconds(since)

    async def _first_stamp(self, query: list[tuple[str, str]]) -> str:
        """The time of the first line of an answer, of which only the beginning is read."""
        begin = b""
        async with self._connection.stream(f"{self._ref.path}/log", query=query, accept="*/*", idle_timeout=self._quiet) as stream:
            async for chunk in stream:
                begin += chunk
                if len(begin) >= 40:
                    break
        return stamp_in(begin.partition(b" ")[0])

    async def ahead(self, run: Run, *, previous: bool = False) -> Position | None:
        """Where the old run's log had been read to, if lines of the new run followed it (see `Reads`)."""
        latest = self.position.reached
        if not latest or _second(latest) < _second(run.started):
            return None
        query = [("timestamps", "true"), ("container", self.container), ("limitBytes", "40")]
        if previous:
            query.append(("previous", "true"))
        first = await self._first_stamp(query)
        return self._reads.before(first) if first else None

    def _miss(self, since: str, until: str) -> None:
        if (since, until) not in self._gaps:
            self._gaps.append((since, until))

    def no_gap(self, run: Run) -> None:
        """The lines after a gap were of this run, the next one: there was no gap."""
        self._gaps = [(since, until) for since, until in self._gaps if until and _second(until) < _second(run.started)]

    async def note_gaps(self, batches: Batches) -> None:
        """Note what may be missing, once it is certain that the lines after each gap belong to the same run."""
        gaps, self._gaps = self._gaps, []
        for since, until in gaps:
            between = f"from {local_time(since)} to {local_time(until)}" if until else f"after {local_time(since)}"
            await batches.note(f"lines {between} may be missing: the log was rotated meanwhile")

    async def note_unread_end(self, batches: Batches) -> None:
        """Note, for a deleted pod, that its last stream was not read to its end."""
        if self.broke and self.position.reached:
            await batches.note(
                f"the pod was deleted while its log could not be read: lines after {local_time(self.position.reached)} may be missing"
            )


async def _all(stream: ByteStream) -> AsyncGenerator[bytes, None]:
    async for chunk in stream:
        yield chunk


def _second(stamp: str) -> int:
    return nanoseconds(stamp) // SECOND


def _decoded(words: bytes) -> str:
    return " ".join(words.decode("utf-8", "replace").split())


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
        if self._before is not None and came.data:
            self._reads.append((nanoseconds(stamp_in(came.data)), self._before))
            self._before = None

    def before(self, stamp: str) -> Position | None:
        """Where the first read began that brought lines of `stamp` or later; None when there was none."""
        at = nanoseconds(stamp)
        return next((position for first, position in self._reads if first >= at), None)
