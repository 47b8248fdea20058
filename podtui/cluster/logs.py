"""The log of one container, followed through dropped connections, rotations and restarts with no line lost or twice.

A stream of the API server that ends says little: the container may have ended, its log may have been rotated, the
API server or the kubelet may have been restarted. So the pod is asked: the same run of the container still going
means go on behind the last line; ended means read what is left and say how it ended; another run means the rest of
the old one (`previous=true`) and then the new one from its beginning.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from podtui.cluster.log_batches import Batches, LogBatch, Sink
from podtui.cluster.log_lines import MAX_LINE, LineSplitter, LogLine, Position, Resume, moment, parse_line, stamp_of
from podtui.cluster.log_reads import Reads
from podtui.cluster.log_status import LogOptions, LogStatus, State
from podtui.cluster.log_times import told
from podtui.cluster.resources import ObjectRef
from podtui.cluster.runs import ContainerRuns, Run, containers_of, controller_of, default_container, over, runs_of
from podtui.errors import (
    ConnectionFailed,
    CredentialError,
    Forbidden,
    Invalid,
    NotFound,
    PodtuiError,
    ServerError,
    TooManyRequests,
    Unauthorized,
)

if TYPE_CHECKING:
    from podtui.cluster.connection import Connection
    from podtui.cluster.shared_reads import SharedReads
    from podtui.cluster.streams import ByteStream

__all__ = ["LogBatch", "LogFollower", "LogLine", "LogOptions", "LogStatus", "State", "parse_line"]

QUIET = 120.0
"""Seconds without a byte after which the stream is asked for anew: a follow can go dumb after a log rotation."""
_FIRST_BACKOFF, _LONGEST_BACKOFF, _HEALTHY = 0.25, 30.0, 10.0
_CHECKS = (2.0, 8.0)  # seconds; a pod's status is behind its containers by little, but after an outage of the API server
_SURE = 6  # looks at a pod after which its status is no longer behind
_BELIEVED = (0.25, 0.5, 1.0)  # seconds between the refusals of a previous run's log after which it is believed to be gone
_TRIES = 5  # of a request that the server finds invalid, before anything was got
_NEW_NAMES = ("ReplicaSet", "ReplicationController", "DaemonSet", "Job")  # controllers that never give a pod's name to another one
_PASSING = (ConnectionFailed, ServerError, TooManyRequests)


class LogFollower:
    """Reads the log of one container of one pod (its UID counts: one recreated under the same name is another)."""

    def __init__(
        self,
        connection: Connection | SharedReads,
        ref: ObjectRef,
        container: str = "",
        options: LogOptions | None = None,
        *,
        quiet: float = QUIET,
        pace: float = 1.0,
        line_limit: int = MAX_LINE,
        caught_up: Callable[[], None] | None = None,
        pod: dict[str, Any] | None = None,
    ) -> None:
        """Without `container` it is the one that kubectl takes: the annotated one or the first. `pace` scales the waits
        (tests make them short), `quiet` is in seconds, lines of more than `line_limit` characters come in pieces.

        With `caught_up`, what there is at first is read to its end before it is followed, and then that is called.
        `pod` is the pod as it was got a moment ago."""
        self.ref = ref
        self.container = container
        self.containers: list[str] = []  # the pod's, known once it was asked
        self.options = options or LogOptions()
        self.status = LogStatus()
        self._connection = connection
        self._quiet = quiet
        self._pace = pace
        self._line_limit = line_limit
        self._listeners: list[Callable[[LogStatus], None]] = []
        self._uid = ref.uid
        self._run: Run | None = None
        self._restarts = 0  # of the container, when that run was found
        self._first = True  # the run that was found at first, to which `tail` and the like apply
        self._position = Position()
        self._later: Position | None = None  # of the next run, whose first lines came before the last ones of this one
        self._reads = Reads()
        self._read_out = False  # everything of a run that ended has been read
        self._attempt = 0
        self._refused = 0  # requests in a row that the server found invalid
        self._heard = False  # whether any log has ever been got
        self._polls = 0
        self._came = False  # whether the latest stream brought anything
        self._gap = ""  # from when to when lines may be missing
        self._broke = False  # the latest stream did not end, it was cut off
        self._may_recur = False  # whether another pod may come to have the name
        self._caught_up = caught_up
        self._pod = pod
        self._awake = asyncio.Event()
        self.calm = 1.0  # how much longer than usual a pod that ended is left in peace

    def subscribe(self, listener: Callable[[LogStatus], None]) -> Callable[[], None]:
        """Be told of every change of the status; the result ends it."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def wake(self) -> None:
        """Something about the pod has changed: look now, if it is only waited."""
        self._awake.set()

    async def run(self, sink: Sink) -> None:
        """Read into `sink` until there can be nothing more; the last status says why. To stop: cancel it.

        Raises nothing but what the sink raises. While the sink waits, nothing is read.
        """
        batches = Batches(sink)
        flusher = asyncio.create_task(batches.run())
        reader = asyncio.create_task(self._follow(batches))
        try:
            await asyncio.wait((flusher, reader), return_when=asyncio.FIRST_COMPLETED)
            if flusher.done():  # the sink failed
                await flusher
            await reader
        finally:
            for task in (flusher, reader):
                task.cancel()
            await asyncio.gather(flusher, reader, return_exceptions=True)

    # -- what to do next ------------------------------------------------------------------------------------------

    async def _follow(self, batches: Batches) -> None:
        while not self.status.final:
            try:
                await self._step(batches)
            except _PASSING as error:
                await batches.flush()
                await self._back_off(error)
            except NotFound as error:  # of the log, though the pod is there: the kubelet has lost it, or is not ready yet
                await self._back_off(error)
            except Invalid as error:
                await batches.flush()
                self._refused += 1
                if self.options.previous or (self._refused > _TRIES and not self._heard):
                    self._say("failed", error.what, error=error, final=True)
                else:  # between two runs of a container its pod and the kubelet may disagree for a moment
                    await self._back_off(error)
            except (CredentialError, Unauthorized) as error:
                await batches.flush()
                if self._run is None:
                    self._say("failed", error.what, error=error, final=True)
                else:  # it was allowed before: a plugin or a token may work again
                    await self._back_off(error)
            except PodtuiError as error:
                await batches.flush()
                self._say("failed", error.what, error=error, final=True)

    async def _step(self, batches: Batches) -> None:
        """Ask the pod, and do what its state asks for."""
        try:
            pod, self._pod = self._pod or await self._connection.json("GET", self.ref.path), None
        except NotFound:
            await self._tell_unheard(batches)
            before = f"{self.status.why}; " if self.status.state == "ended" else ""
            return await self._end(batches, f"{before}the pod is gone")
        except Forbidden:
            return await self._unknown(batches)
        uid = (pod.get("metadata") or {}).get("uid", "")
        self._uid = self._uid or uid
        if uid != self._uid:
            await self._tell_unheard(batches)
            return await self._end(batches, "the pod is gone; another one has its name now")
        self._may_recur = controller_of(pod) not in _NEW_NAMES
        self.containers = containers_of(pod)
        self.container = self.container or default_container(pod)
        if self.container not in self.containers:
            what = f"{self.ref} has no container {self.container}"
            return self._say("failed", what, error=PodtuiError(what), final=True)
        runs = runs_of(pod, self.container)
        if self.options.previous:
            return await self._previous(batches, runs)
        if not runs.current.id:
            return await self._waiting(pod, runs)
        await self._current(batches, pod, runs)

    async def _current(self, batches: Batches, pod: dict[str, Any], runs: ContainerRuns) -> None:
        run = runs.current
        if self._run is None:
            await self._first_run(batches, runs)
        elif run.id != self._run.id:
            await self._next_run(batches, runs)
        if not run.running or not self.options.follow:
            if not self._read_out:
                await self._read(batches, follow=False)
                self._read_out = True
                await batches.flush()
            if not run.running or not self.options.follow:
                why = run.ending() if not run.running else "everything there was is read"
                if runs.waiting:  # of `CrashLoopBackOff: back-off 10s restarting failed container=...` the first word
                    why = f"{why}; {runs.waiting.partition(':')[0]}"
                final = over(pod) or not self.options.follow or self.options.limit is not None
                if final or self._polls >= _SURE:
                    await self._tell_gap(batches)
                self._say("ended", why, final=final)
                self._attempt = 0
                if not final:
                    await self._pause()
            return
        if self._caught_up is not None:
            await self._read(batches, follow=False, whole=False)
            await batches.flush()
            self._catch_up()
        if await self._read(batches, follow=True):
            self._attempt = 0
        if self.options.limit is not None:
            await batches.flush()
            return self._say("ended", f"the first {self.options.limit} bytes are read", final=True)
        # It ended of itself: the container did, and its status will tell soon, or it is to be asked for again.
        self._attempt += 1
        if self._attempt > 3:
            self._say("reconnecting", "the server ended the stream")
        await asyncio.sleep(self._pace * min(5.0, 0.2 * 2 ** (self._attempt - 1)))

    async def _first_run(self, batches: Batches, runs: ContainerRuns) -> None:
        """The run to begin with; of a container that is to be read from its start, the one before it first."""
        self._restarts = runs.restarts
        before = runs.previous if runs.previous.id != runs.current.id else Run()
        if not self.options.from_start or not runs.restarts:
            return self._begin(runs.current, first=True)
        if runs.restarts > bool(before.id):
            since = before.started or runs.current.started
            await batches.note(f"container {self.container} was restarted before it was found; lines before {told(since)} may be missing")
        if before.id:
            await batches.note(await self._all_of_previous(batches, runs))
        self._begin(runs.current, first=False)

    async def _next_run(self, batches: Batches, runs: ContainerRuns) -> None:
        """The container was restarted: the rest of the run that was followed, a note, and on to the new one."""
        assert self._run is not None
        before = self._run
        if self._later is None and (ahead := await self._ahead(runs.current)) is not None:
            self._gap = ""  # it was no gap: what came behind it is of the new run
            self._later, self._position, self._read_out = self._position, ahead, False
        await self._tell_gap(batches)
        if runs.previous.id == before.id:
            before = runs.previous
            if not self._read_out and (refusal := await self._read_previous(batches)):
                await batches.note(f"the rest of the previous run is missing{self._between(runs.current)}: {refusal}")
            note = f"container {self.container} restarted ({before.ending()})"
        elif runs.previous.id:
            note = await self._run_between(batches, runs)
        else:
            note = f"container {self.container} restarted"
        await batches.note(note)
        self._begin(runs.current, first=False)
        self._restarts = runs.restarts
        if self._later is not None:
            self._position, self._later = self._later, None  # these lines of the new run came already

    async def _run_between(self, batches: Batches, runs: ContainerRuns) -> str:
        """The run before the current one is not the one that was followed: all of it, and a note of what cannot be had."""
        came = self._position
        try:
            begun = await self._ahead(runs.previous, previous=True) is not None
        except (Invalid, NotFound):
            begun = False  # its log is no longer kept, which reading it tells
        if not self._read_out or runs.restarts - self._restarts != 2:
            words = f"container {self.container} was restarted several times; lines in between may be missing"
            await batches.note(words + self._between(runs.previous))
        return await self._all_of_previous(batches, runs, came if begun else None)

    async def _all_of_previous(self, batches: Batches, runs: ContainerRuns, came: Position | None = None) -> str:
        """Read the whole run before the current one, what is behind `came` of it; the words for its end."""
        self._begin(runs.previous, first=False)
        self._position = came or self._position
        if refusal := await self._read_previous(batches):
            await batches.note(f"the previous run is missing{self._between(runs.current)}: {refusal}")
        return f"container {self.container} restarted ({runs.previous.ending()})"

    async def _read_previous(self, batches: Batches) -> str:
        """Read the run before the current one; why it is not kept any more, "" when it was read.

        Right after a restart the kubelet may not know it for a moment, so the first refusal is not believed.
        """
        words = ""
        for wait in (0.0, *_BELIEVED):
            await asyncio.sleep(self._pace * wait)
            try:
                await self._read(batches, follow=False, previous=True)
            except (Invalid, NotFound) as error:
                words = error.what
            else:
                await self._tell_gap(batches)
                return ""
        return words

    def _between(self, run: Run) -> str:
        """From the last line that was read to the beginning of a run, in words."""
        since = self._position.since
        return f" ({told(since)} to {told(run.started)})" if since and run.started else ""

    async def _tell_gap(self, batches: Batches) -> None:
        """Say what may be missing, once it is sure that the lines behind the gap are of the same run."""
        if self._gap:
            gap, self._gap = self._gap, ""
            await batches.note(f"lines {gap} may be missing: the log was rotated meanwhile")

    async def _tell_unheard(self, batches: Batches) -> None:
        """Say, of a pod that is gone, that its last stream had not come to its end."""
        if self._broke and self._position.since:
            await batches.note(f"the pod went while it was not heard: lines after {told(self._position.since)} may be missing")

    async def _ahead(self, run: Run, *, previous: bool = False) -> Position | None:
        """Where the old run's log had been read to, if lines of the new run came behind it (see `log_reads`)."""
        latest = self._position.since
        if not latest or moment(latest)[0] < moment(run.started)[0]:
            return None
        query = [("timestamps", "true"), ("container", self.container), ("limitBytes", "40")]
        if previous:
            query.append(("previous", "true"))
        async with self._connection.stream(f"{self.ref.path}/log", query=query, accept="*/*") as stream:
            begin = b"".join([chunk async for chunk in stream])
        first = stamp_of(begin[:40].decode("utf-8", "replace").partition(" ")[0])
        return self._reads.before(first) if first else None

    def _begin(self, run: Run, *, first: bool) -> None:
        self._run = run
        self._first = first
        self._read_out = False
        self._polls = 0
        self._reads = Reads()
        self._position = Position(whole=not (first and (self.options.tail is not None or self.options.since is not None)))

    async def _previous(self, batches: Batches, runs: ContainerRuns) -> None:
        if self._run is None:
            self._begin(runs.previous, first=True)
        elif self._run.id != runs.previous.id:
            return await self._end(batches, "the container was restarted; this run's log is no longer kept")
        await self._read(batches, follow=False, previous=True)
        await self._end(batches, runs.previous.ending())

    async def _waiting(self, pod: dict[str, Any], runs: ContainerRuns) -> None:
        """No run yet: the server's refusal has the best words. It is asked for a byte, in case that there is a log."""
        try:
            query = [("container", self.container), ("limitBytes", "1")]
            async with self._connection.stream(f"{self.ref.path}/log", query=query, accept="*/*"):
                words = runs.waiting or "the container is starting"
        except Invalid as error:
            words = error.what
        if over(pod):
            status = pod["status"]
            why = ": ".join(filter(None, (status.get("reason"), status.get("message")))) or words
            return self._say("ended", f"the container never ran; {why}", final=True)
        if not self.options.follow:
            return self._say("failed", words, error=PodtuiError(words), final=True)
        self._say("waiting", words)
        self._attempt = 0
        await self._pause()

    async def _unknown(self, batches: Batches) -> None:
        """The log may be read, but not the pod: follow what comes, and believe an end that brings nothing new."""
        if self._run is None:
            self._begin(Run("?", running=True), first=True)
        previous = self.options.previous
        await self._read(batches, follow=self.options.follow and not previous, previous=previous)
        if previous or not self.options.follow or self.options.limit is not None or not self._came:
            return await self._end(batches, "the stream ended (why is not known: this user may not get the pod)")
        await asyncio.sleep(self._pace)

    async def _end(self, batches: Batches, why: str) -> None:
        await batches.flush()
        await self._tell_gap(batches)
        self._say("ended", why, final=True)

    # -- reading --------------------------------------------------------------------------------------------------

    def _query(self, follow: bool, previous: bool) -> list[tuple[str, str]]:
        options = self.options
        query = [("timestamps", "true")]
        if self.container:
            query.append(("container", self.container))
        if follow:
            query.append(("follow", "true"))
        if previous:
            query.append(("previous", "true"))
        if self._position.since:
            query.append(("sinceTime", self._position.since))
        elif self._first:
            if options.tail is not None:
                query.append(("tailLines", str(options.tail)))
            if options.since is not None:
                query.append(("sinceSeconds", str(options.since)))
        if options.limit is not None and self._first:
            query.append(("limitBytes", str(options.limit)))
        return query

    async def _read(self, batches: Batches, *, follow: bool, previous: bool = False, whole: bool = True) -> bool:
        """Read behind the position until the server ends the stream. True if anything new came.

        `whole`: without `follow`, whether a last line without a newline is taken for one that will not go on.
        """
        splitter, resume, position = LineSplitter(self._line_limit), Resume(self._position), self._position
        self._came, self._broke = False, follow
        since, answered = position.since, False
        self._reads.begin(position)
        started = latest = time.monotonic()
        loop = asyncio.get_running_loop()
        # A quiet container's answer has no header even, so silence means that the server accepted.
        accepted = loop.call_later(1.0, self._say, "following") if follow else None
        try:
            async with (
                self._connection.stream(
                    f"{self.ref.path}/log", query=self._query(follow, previous), accept="*/*", idle_timeout=self._quiet
                ) as stream,
                aclosing(self._of_this_run(stream, batches) if follow else _all(stream)) as chunks,
            ):
                if self._may_recur and not await self._still_it():
                    self._broke = True
                    return False
                self._refused, self._heard = 0, True
                if follow:
                    self._say("following")
                elif self.status.state != "following":  # there it is only the rest of a run that ended just now
                    self._say("reading")
                async for chunk in chunks:
                    latest, answered = time.monotonic(), True
                    came = splitter.feed(chunk)
                    if not resume.done:
                        came = resume.drop(came)
                        if resume.gap and not self._gap:
                            self._gap = f"from {told(position.since)} to {told(resume.gap)}"
                    if came.lines:
                        self._came = True
                        self._reads.take(came)
                        position.take(came)
                        await batches.put(came)
                    if self._attempt and latest - started > _HEALTHY:
                        self._attempt = 0
            self._broke = False
            if not follow and whole and since and not answered and not self._gap:  # not even the line that was read last
                self._gap = f"after {told(since)}"
            if not follow and whole:  # the last line may have no newline; while the container runs it may yet be continued
                came = resume.drop(splitter.feed(b"", final=True))
                self._reads.take(came)
                position.take(came)
                await batches.put(came)
        except ConnectionFailed:
            if time.monotonic() - latest < self._quiet - 1:
                raise
            self._came = True  # nothing failed: it was quiet, and is asked for again
        finally:
            if accepted is not None:
                accepted.cancel()
        return self._came

    async def _still_it(self) -> bool:
        """Whether a log that was opened just now is this pod's: it is asked for by the name, which another one may have meanwhile."""
        try:
            pod = await self._connection.json("GET", self.ref.path)
        except NotFound:  # then there was no other when the log was opened
            return True
        return bool((pod.get("metadata") or {}).get("uid") == self._uid)

    async def _of_this_run(self, stream: ByteStream, batches: Batches) -> AsyncGenerator[bytes, None]:
        """A followed stream, which is left when the pod tells a little later that there is another run."""
        check = asyncio.create_task(self._another_run())
        coming: asyncio.Future[bytes] | None = None
        try:
            while not check.done():
                coming = asyncio.ensure_future(anext(stream))
                await asyncio.wait((coming, check), return_when=asyncio.FIRST_COMPLETED)
                if not coming.done() and check.result():
                    return
                if check.done() and not check.result():
                    await self._tell_gap(batches)
                try:
                    yield await coming
                except StopAsyncIteration:
                    return
            if not check.result():
                await self._tell_gap(batches)
                async for chunk in stream:
                    yield chunk
                    await self._tell_gap(batches)  # the first line after a quiet time may be the one that shows it
        finally:
            ends = [task for task in (check, coming) if task is not None]
            for task in ends:
                task.cancel()
            await asyncio.gather(*ends, return_exceptions=True)

    async def _another_run(self) -> bool:
        """Whether the stream that began just now may be of a run that the pod's status, which is behind, did not tell of yet."""
        for delay in _CHECKS:
            await asyncio.sleep(self._pace * delay)
            try:
                pod = await self._connection.json("GET", self.ref.path)
            except PodtuiError:  # whether it is there or may be asked is not the question here
                continue
            if self._run is not None and runs_of(pod, self.container).current.id not in (self._run.id, ""):
                return True
        return False

    # -- waiting and telling --------------------------------------------------------------------------------------

    async def _back_off(self, error: PodtuiError) -> None:
        """Full jitter, so that a thousand followers do not come back at once; the server's own wish counts first."""
        longest = min(_LONGEST_BACKOFF, _FIRST_BACKOFF * 2**self._attempt)
        self._attempt += 1
        delay = getattr(error, "retry_after", None) or self._pace * random.uniform(_FIRST_BACKOFF / 2, longest)
        self._say("reconnecting", error.what, retry_at=time.monotonic() + delay, error=error)
        await asyncio.sleep(delay)

    async def _pause(self) -> None:
        """Until the pod is asked again: after a second at first, later after five."""
        self._polls += 1
        self._awake.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._pace * self.calm * min(5.0, 1.0 + 0.1 * self._polls)):
                await self._awake.wait()

    def _catch_up(self) -> None:
        if (caught_up := self._caught_up) is not None:
            self._caught_up = None
            caught_up()

    def _say(
        self, state: State, why: str = "", *, retry_at: float | None = None, error: PodtuiError | None = None, final: bool = False
    ) -> None:
        status = LogStatus(state, why, retry_at, error, final)
        if status != self.status:
            self.status = status
            if state in ("waiting", "ended", "failed"):
                self._catch_up()
            for listener in list(self._listeners):
                listener(status)


async def _all(stream: ByteStream) -> AsyncGenerator[bytes, None]:
    async for chunk in stream:
        yield chunk
