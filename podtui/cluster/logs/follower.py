"""Follow the log of one container through dropped connections, rotations and restarts without losing or repeating a line.

The end of a stream says little: the container may have ended, its log may have been rotated, the
API server or the kubelet may have been restarted. So the follower reads the pod: if the same run of the container is still running,
it resumes after the last line; if that run has ended, it reads the rest and reports how it ended; if there is another run, it reads
the rest of the old one (`previous=true`) and then the new one from its beginning.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from podtui.cluster.connection.decoding import UnreadableAnswer
from podtui.cluster.logs.batches import Batches, LogBatch, Sink
from podtui.cluster.logs.lines import MAX_LINE
from podtui.cluster.logs.position import Position
from podtui.cluster.logs.reader import LogReader
from podtui.cluster.logs.stamps import LogLine, local_time, parse_line
from podtui.cluster.logs.status import LogOptions, LogStatus, State
from podtui.cluster.pods.container_runs import (
    ContainerRuns,
    Run,
    containers_of,
    default_container,
    missing_default,
    over,
    runs_of,
)
from podtui.errors import (
    PASSING,
    CredentialError,
    Forbidden,
    Gone,
    Invalid,
    NotFound,
    PodtuiError,
    Unauthorized,
)
from podtui.kube.objects import controller_of
from podtui.kube.resources import ObjectRef
from podtui.reports import unforeseen
from podtui.signals import Signal
from podtui.tasks import comes, end_tasks

if TYPE_CHECKING:
    from podtui.cluster.connection.connection import Connection
    from podtui.cluster.logs.shared_reads import SharedReads

__all__ = ["LogBatch", "LogFollower", "LogLine", "LogOptions", "LogStatus", "State", "parse_line"]

QUIET = 120.0
"""Seconds without a byte after which the stream is reopened: a follow can go silent after a log rotation."""
_FIRST_BACKOFF, _LONGEST_BACKOFF, _HEALTHY = 0.25, 30.0, 10.0
_LIVELY = 1.0
"""Seconds for which a stream must have brought lines before its end counts as the first one: some servers end every stream at once."""
_SURE = 6  # reads of a pod after which its status is no longer behind
_BELIEVED = (0.25, 0.5, 1.0)  # seconds between the refusals of a previous run's log after which it counts as gone
_TRIES = 5  # for a request that the server finds invalid, before any data arrived
_NEW_NAMES = ("ReplicaSet", "ReplicationController", "DaemonSet", "Job")  # controllers that never give a pod's name to another one


class LogFollower:
    """Reads the log of one container of one pod (by UID: a recreated pod of the same name is another)."""

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
        """Without `container`, it is kubectl's default: the annotated one or the first. `pace` scales the waits
        (tests shorten them), `quiet` is in seconds, lines of more than `line_limit` bytes come in pieces.

        With `caught_up`, the follower reads the existing log to its end before it follows, and then calls `caught_up`.
        `pod` is the pod as just read."""
        self.ref = ref
        self.container = container
        self.containers: list[str] = []  # the pod's, known once it was read
        self.options = options or LogOptions()
        self.status = LogStatus()
        self._connection = connection
        self._pace = pace
        self._reader = LogReader(
            connection, ref, container, self.options, quiet=quiet, pace=pace, line_limit=line_limit, opened=self._opened
        )
        self._statuses: Signal[LogStatus] = Signal()
        self._restarts = 0  # of the container, when that run was found
        self._later: Position | None = None  # of the next run, whose first lines arrived before the last ones of this one
        self._read_out = False  # an ended run was read completely
        self._attempt = 0
        self._refused = 0  # requests in a row that the server found invalid
        self._heard = False  # whether any log has arrived
        self._polls = 0
        self._caught_up = caught_up
        self._pod = pod
        self._awake = asyncio.Event()
        self._wished = asyncio.Event()  # the user wishes another attempt
        self.calm = 1.0  # scales the delay between reads of the pod

    def subscribe(self, listener: Callable[[LogStatus], None]) -> Callable[[], None]:
        """Call `listener` on every change of the status; the result ends it."""
        return self._statuses.subscribe(listener)

    def wake(self) -> None:
        """The pod has changed: read it now, if the follower is only waiting."""
        self._awake.set()

    def retry(self) -> None:
        """Ask again now, if the follower waits after a failure."""
        self._wished.set()
        self._awake.set()

    async def run(self, sink: Sink) -> None:
        """Read into `sink` until nothing more can come; the last status says why. To stop, cancel it.

        Raises only what the sink raises. While the sink waits, nothing is read.
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
            await end_tasks(flusher, reader)

    # -- what to do next ------------------------------------------------------------------------------------------

    async def _follow(self, batches: Batches) -> None:
        while not self.status.final:
            try:
                await self._step(batches)
            except (*PASSING, Gone) as error:
                await batches.flush()
                await self._back_off(error)
            except NotFound as error:  # no log, though the pod exists: the kubelet has lost it, or is not ready yet
                await self._back_off(error)
            except Invalid as error:
                await batches.flush()
                self._refused += 1
                if self.options.previous or (self._refused > _TRIES and not self._heard):
                    self._say("failed", error.what, error=error, final=True)
                else:  # between two runs of a container, its pod and the kubelet may disagree briefly
                    await self._back_off(error)
            except (CredentialError, Unauthorized, Forbidden) as error:
                await batches.flush()
                if self._reader.run is None or (isinstance(error, Forbidden) and not self._heard):
                    self._say("failed", error.what, error=error, final=True)
                else:  # it was allowed before: a plugin or a token may recover, and a right may be given back
                    await self._back_off(error)
            except PodtuiError as error:
                await batches.flush()
                self._say("failed", error.what, error=error, final=True)
            except Exception as error:
                if batches.failed:  # it is the sink's
                    raise
                await self._back_off(unforeseen(f"following the log of {self.ref}", error))  # the next answer may be good

    async def _step(self, batches: Batches) -> None:
        """Read the pod, and act on its state."""
        try:
            pod, self._pod = self._pod or await self._connection.json("GET", self.ref.path), None
        except NotFound:
            await self._reader.note_unread_end(batches)
            before = f"{self.status.why}; " if self.status.state == "ended" else ""
            return await self._end(batches, f"{before}the pod is gone")
        except Forbidden:
            return await self._unknown(batches)
        uid, self.containers = (pod.get("metadata") or {}).get("uid"), containers_of(pod)
        if not isinstance(uid, str) or not uid or not self.containers:
            raise UnreadableAnswer(f"the API server's answer for {self.ref} is not a pod")
        self._reader.uid = self._reader.uid or uid
        if uid != self._reader.uid:
            await self._reader.note_unread_end(batches)
            return await self._end(batches, "the pod is gone; another one has its name now")
        self._reader.may_recur = controller_of(pod).get("kind", "") not in _NEW_NAMES
        if not self.container:
            self.container = default_container(pod)
            if warning := missing_default(pod):
                await batches.note(warning)
        self._reader.container = self.container
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
        if self._reader.run is None:
            await self._first_run(batches, runs)
        elif run.id != self._reader.run.id:
            await self._next_run(batches, runs)
        if not run.running or not self.options.follow:
            if not self._read_out:
                await self._reader.read(batches, follow=False)
                self._read_out = True
                await batches.flush()
            if not run.running or not self.options.follow:
                why = run.ending() if not run.running else "all lines were read"
                if runs.waiting:  # the first word of `CrashLoopBackOff: back-off 10s restarting failed container=...`
                    why = f"{why}; {runs.waiting.partition(':')[0]}"
                final = over(pod) or not self.options.follow or self.options.limit is not None
                if final or self._polls >= _SURE:
                    await self._reader.note_gaps(batches)
                self._say("ended", why, final=final)
                self._attempt = 0
                if not final:
                    await self._pause()
            return
        if self._caught_up is not None:
            await self._reader.read(batches, follow=False, whole=False)
            await batches.flush()
            self._catch_up()
        await self._reader.read(batches, follow=True)
        if self.options.limit is not None:
            await batches.flush()
            return self._say("ended", f"the first {self.options.limit} bytes were read", final=True)
        if self._reader.complaint:
            await batches.flush()
            return await self._back_off(PodtuiError(self._reader.complaint), told=True)
        # The stream ended on its own: either the container ended, as its status will soon say, or the stream must be reopened.
        if self._reader.lasted > _LIVELY:
            self._attempt = 0
        self._attempt += 1
        if self._attempt > 3:
            self._say("reconnecting", "the server ended the stream")
        await asyncio.sleep(self._pace * min(5.0, 0.2 * 2 ** (self._attempt - 1)))

    async def _first_run(self, batches: Batches, runs: ContainerRuns) -> None:
        """Begin with the first run; for a container that is read from its start, with the run before it."""
        self._restarts = runs.restarts
        before = runs.previous if runs.previous.id != runs.current.id else Run()
        if not self.options.from_start or not runs.restarts:
            return self._begin(runs.current, first=True)
        if runs.restarts > bool(before.id):
            since = before.started or runs.current.started
            missing = f"lines before {local_time(since)} may be missing"
            await batches.note(f"container {self.container} was restarted before it was found; {missing}")
        if before.id:
            await batches.note(await self._all_of_previous(batches, runs))
        self._begin(runs.current, first=False)

    async def _next_run(self, batches: Batches, runs: ContainerRuns) -> None:
        """The container was restarted: read the rest of the followed run, add a note, and switch to the new one."""
        assert self._reader.run is not None
        before = self._reader.run
        if self._later is None and (ahead := await self._reader.ahead(runs.current)) is not None:
            self._reader.no_gap(runs.current)
            self._later, self._reader.position, self._read_out = self._reader.position, ahead, False
        await self._reader.note_gaps(batches)
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
            self._reader.position, self._later = self._later, None  # these lines of the new run have already arrived

    async def _run_between(self, batches: Batches, runs: ContainerRuns) -> str:
        """The previous run is not the followed one: read all of it, and note what is unavailable."""
        came = self._reader.position
        try:
            begun = await self._reader.ahead(runs.previous, previous=True) is not None
        except (Invalid, NotFound):
            begun = False  # its log is no longer kept, as reading it shows
        if not self._read_out or runs.restarts - self._restarts != 2:
            words = f"container {self.container} was restarted several times; lines in between may be missing"
            await batches.note(words + self._between(runs.previous))
        return await self._all_of_previous(batches, runs, came if begun else None)

    async def _all_of_previous(self, batches: Batches, runs: ContainerRuns, came: Position | None = None) -> str:
        """Read the whole previous run, or the part after `came`; returns how it ended, in words."""
        self._begin(runs.previous, first=False)
        self._reader.position = came or self._reader.position
        if refusal := await self._read_previous(batches):
            await batches.note(f"the previous run is missing{self._between(runs.current)}: {refusal}")
        return f"container {self.container} restarted ({runs.previous.ending()})"

    async def _read_previous(self, batches: Batches) -> str:
        """Read the previous run; returns why it is no longer kept, or "" when it was read.

        Right after a restart, the kubelet may not know it for a moment, so the first refusals are retried.
        """
        words = ""
        for wait in (0.0, *_BELIEVED):
            await asyncio.sleep(self._pace * wait)
            try:
                await self._reader.read(batches, follow=False, previous=True)
            except (Invalid, NotFound) as error:
                words = error.what
            else:
                await self._reader.note_gaps(batches)
                return ""
        return words

    def _between(self, run: Run) -> str:
        """The time from the last line that was read to the beginning of a run, in words."""
        since = self._reader.position.reached
        return f" ({local_time(since)} to {local_time(run.started)})" if since and run.started else ""

    def _begin(self, run: Run, *, first: bool) -> None:
        self._read_out = False
        self._polls = self._attempt = 0
        self._reader.begin(run, first=first)

    async def _previous(self, batches: Batches, runs: ContainerRuns) -> None:
        if self._reader.run is None:
            self._begin(runs.previous, first=True)
        elif self._reader.run.id != runs.previous.id:
            return await self._end(batches, "the container was restarted; this run's log is no longer kept")
        await self._reader.read(batches, follow=False, previous=True)
        await self._end(batches, runs.previous.ending())

    async def _waiting(self, pod: dict[str, Any], runs: ContainerRuns) -> None:
        """No run yet: the server's refusal has the best message. Request one byte, in case there is a log."""
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
        """The user may read the log, but not the pod: follow it, and accept an end that brings nothing new."""
        if self._reader.run is None:
            self._begin(Run("?", running=True), first=True)
        previous = self.options.previous
        await self._reader.read(batches, follow=self.options.follow and not previous, previous=previous)
        if previous or not self.options.follow or self.options.limit is not None or not self._reader.came:
            return await self._end(batches, "the stream ended (the reason is unknown: this user may not get the pod)")
        await asyncio.sleep(self._pace)

    async def _end(self, batches: Batches, why: str) -> None:
        await batches.flush()
        await self._reader.note_gaps(batches)
        self._say("ended", why, final=True)

    # -- waiting and reporting --------------------------------------------------------------------------------------

    async def _back_off(self, error: PodtuiError, *, told: bool = False) -> None:
        """Full jitter, so that a thousand followers do not retry at once; the server's own delay takes precedence, and the user's wish
        over both, once a second."""
        if self._reader.lasted > _HEALTHY:  # it worked before: this counts as the first failure
            self._attempt, self._reader.lasted = 0, 0.0
        longest = min(_LONGEST_BACKOFF, _FIRST_BACKOFF * 2**self._attempt)
        self._attempt += 1
        delay = getattr(error, "retry_after", None) or self._pace * random.uniform(_FIRST_BACKOFF / 2, longest)
        self._say("reconnecting", error.what, retry_at=time.monotonic() + delay, error=error, told=told)
        least = min(delay, self._pace)
        await asyncio.sleep(least)
        self._wished.clear()
        await comes(self._wished, delay - least)

    async def _pause(self) -> None:
        """Wait until the next read of the pod: a second at first, later five."""
        self._polls += 1
        self._awake.clear()
        await comes(self._awake, self._pace * self.calm * min(5.0, 1.0 + 0.1 * self._polls))

    def _opened(self, follow: bool, sure: bool) -> None:
        """The server has accepted a request."""
        if sure:
            self._refused, self._heard = 0, True
            if follow and self._reader.position.complaint:
                return  # only an answer that lasts is a log again
        if follow:
            self._say("following")
        elif self.status.state != "following":  # then it is only the rest of a run that just ended
            self._say("reading")

    def _catch_up(self) -> None:
        if (caught_up := self._caught_up) is not None:
            self._caught_up = None
            caught_up()

    def _say(
        self,
        state: State,
        why: str = "",
        *,
        retry_at: float | None = None,
        error: PodtuiError | None = None,
        final: bool = False,
        told: bool = False,
    ) -> None:
        status = LogStatus(state, why, retry_at, error, final, told)
        if status != self.status:
            self.status = status
            if state in ("waiting", "ended", "failed"):
                self._catch_up()
            self._statuses.emit(status)
