"""The logs of many containers as one: of named pods, or of every pod in a scope, including later ones.

Each container has its own follower, which loses and repeats nothing; a merger orders their lines by the server's times.
At most `LIMIT` streams are open at once: others are listed as left out, and get their turn when streams have ended.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from podtui.cluster.live.store import Batch, Health, RowStore
from podtui.cluster.live.tables import Row
from podtui.cluster.logs.batches import LogBatch
from podtui.cluster.logs.follower import LogFollower, LogOptions, LogStatus
from podtui.cluster.logs.merge import PATIENCE, WINDOW, LineSink, LogLines, Merger
from podtui.cluster.logs.shared_reads import SharedReads
from podtui.cluster.logs.successors import Successors
from podtui.cluster.pods.container_runs import containers_of
from podtui.errors import PASSING, Forbidden, PodtuiError
from podtui.kube.resources import PODS, ObjectRef, Scope
from podtui.signals import Signal
from podtui.tasks import comes, supervised

if TYPE_CHECKING:
    from podtui.cluster.connection.connection import Connection

LIMIT = 200
"""The most streams at once."""
_ALL_TAILS = 20_000  # the most lines of the initial tails of all sources
_SHORTEST_TAIL = 10  # lines; as `kubectl logs -l` shows per pod
_FRESH = 2.0  # seconds for which starting followers use the same answer about a pod
_LOOK_AGAIN = 10.0  # seconds after which a pod is checked for new containers (`kubectl debug` adds some)
_NUMBERS = 1 << 16  # sources, in the two bytes that a line has for its source


class LogTarget(msgspec.Struct, frozen=True):
    """Whose logs: of `pods`, or of every pod in `scope` whose namespace and name pass `passes`.

    For each pod, these are the containers `containers`, with `every` all of them (init and ephemeral ones too, as `--all-containers`), and
    without either kubectl's default. `chosen` names them for single pods, by their UIDs.
    """

    pods: tuple[ObjectRef, ...] = ()
    scope: Scope | None = None
    containers: tuple[str, ...] = ()
    every: bool = False
    passes: Callable[[str, str], bool] | None = None
    chosen: dict[str, tuple[str, ...]] = {}

    @property
    def live(self) -> bool:
        """Whether pods may be added later."""
        return self.scope is not None

    def now(self, sources: Sequence[LogSource]) -> LogTarget:
        """The same target fixed as it is now: exactly these sources, and no later pod."""
        chosen: dict[str, list[str]] = {}
        for source in sources:
            chosen.setdefault(source.ref.uid, []).append(source.container)
        refs = {source.ref.uid: source.ref for source in sources}
        return LogTarget(tuple(refs.values()), chosen={uid: tuple(names) for uid, names in chosen.items()})


class LogSource:
    """One container of one pod. `lines` counts the received lines; `container` is "" until kubectl's default is known."""

    def __init__(self, number: int, ref: ObjectRef, container: str) -> None:
        self.number = number
        self.ref = ref
        self.container = container
        self.status = LogStatus()
        self.lines = 0
        self.follower: LogFollower | None = None

    @property
    def final(self) -> bool:
        return self.status.final


class _Pod:
    """A pod whose containers are followed."""

    def __init__(self, ref: ObjectRef, options: LogOptions, place_of: str) -> None:
        self.ref = ref
        self.place_of = place_of
        self.options = options
        self.sources: dict[str, LogSource] = {}  # by container; "" before kubectl's default is known
        self.changed = asyncio.Event()
        self.found: dict[str, Any] | None = None  # the pod, as just read


class LogGroup:
    """`sources` by their numbers; `left_out` names those above the limit; `error` is why the list of pods is unavailable.

    `changed` emits when one of these, or the status of a source, has changed.
    """

    def __init__(
        self,
        connection: Connection,
        target: LogTarget,
        options: LogOptions | None = None,
        *,
        limit: int = LIMIT,
        pace: float = 1.0,
        reads: SharedReads | None = None,
    ) -> None:
        """`options` are those of one log; with several sources, `tail` may be smaller. `pace` scales the waits (tests shorten them)."""
        self.target = target
        self.options = options or LogOptions()
        self.sources: list[LogSource] = []
        self.containers: list[str] = []  # of the only pod, once it was read
        self.left_out: list[str] = []
        self.error: PodtuiError | None = None
        self.health = Health()  # of the live list of pods, if any
        self.known = not target.live  # whether the first pods are known
        self.changed: Signal[None] = Signal()
        self.tail = self.options.tail  # of each source
        self._connection = connection
        self._reads = reads or SharedReads(connection)
        self._limit = limit
        self._pace = pace
        self._pods: dict[str, _Pod] = {}
        self._waiting: dict[tuple[str, str], tuple[_Pod, str]] = {}  # sources above the limit
        self._began = time.time()
        self._tasks: asyncio.TaskGroup | None = None
        self._work: set[asyncio.Task[None]] = set()
        self._done = asyncio.Event()
        self._merger: Merger | None = None
        self._successors: Successors | None = None

    # -- life -----------------------------------------------------------------------------------------------------

    async def run(self, sink: LineSink) -> None:
        """Read into `sink` until nothing more can come; to stop, cancel it. Raises what the sink raises."""
        pace = self._pace
        self._merger = merger = Merger(sink, window=pace * WINDOW, patience=pace * PATIENCE, tick=min(0.1, pace))
        store = RowStore(PODS, self.target.scope) if self.target.scope is not None else None
        try:
            async with asyncio.TaskGroup() as self._tasks:
                merging = self._tasks.create_task(merger.run())
                if store is not None:
                    self._follow_list(store)
                    await asyncio.Event().wait()  # pods may be added at any time
                self._start(self.target.pods)
                if self.options.follow and not self.options.previous:
                    self._successors = Successors(self._connection, self._is_gone, self._succeeds, pace=pace)
                    successors = self._successors
                    self._keep_going(lambda: successors.run(self.target.pods), "looking for the pods that take another's place")
                await self._done.wait()
                merging.cancel()
            await merger.finish()
        except BaseExceptionGroup as group:
            raise group.exceptions[0] from None
        finally:
            if store is not None:
                await store.close()
            await self._reads.close()

    def _is_gone(self, uid: str) -> bool:
        """Whether nothing more comes from a pod."""
        pod = self._pods.get(uid)
        return pod is not None and bool(pod.sources) and all(source.final for source in pod.sources.values())

    def _succeeds(self, ref: ObjectRef, uid: str) -> None:
        """Another pod has replaced a followed one: follow the same containers, from its beginning."""
        before = self._pods.get(uid)
        self.add_pod(ref, new=True, place_of=before.ref.name if before is not None else "")

    def _spawn(self, work: Any, name: str) -> None:
        assert self._tasks is not None
        try:
            task = self._tasks.create_task(work, name=name)
        except RuntimeError:  # the group is ending: its list may still tell of pods
            work.close()
            return
        self._work.add(task)
        task.add_done_callback(self._ended)

    def _keep_going(self, work: Callable[[], Awaitable[None]], doing: str) -> None:
        """As `_spawn`; an unexpected answer does not end it for good."""

        def faulty(error: PodtuiError) -> None:
            self.error = error
            self.changed.emit(None)

        self._spawn(supervised(doing, work, faulty), doing)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._work.discard(task)
        if not self._work:
            self._done.set()

    # -- pods -----------------------------------------------------------------------------------------------------

    def _follow_list(self, store: RowStore) -> None:
        """Follow every present and future pod of the list."""

        def take(batch: Batch) -> None:
            if not self.known:
                return  # the first ones start together
            for uid in store.rows if batch.reset else batch.changed:
                if (row := store.rows.get(uid)) is not None:
                    self._row(row)
            for uid in batch.removed:
                self._wake(uid)

        def health_changed(health: Health) -> None:
            self.health, self.error = health, health.error
            if store.known and not self.known:
                self.known = True
                found = [ref for row in store.rows.values() if (ref := self._passing(row)) is not None]
                self._start(sorted(found, key=lambda ref: (ref.namespace, ref.name)))
            self.changed.emit(None)

        store.subscribe(take)
        store.subscribe_health(health_changed)
        store.start(self._connection)

    def _passing(self, row: Row) -> ObjectRef | None:
        passes = self.target.passes
        if passes is not None and not passes(row.namespace, row.name):
            return None
        return ObjectRef(PODS, row.name, row.namespace, row.uid)

    def _row(self, row: Row) -> None:
        """A pod of the list is new or has changed."""
        if row.uid in self._pods:
            self._wake(row.uid)
        elif (ref := self._passing(row)) is not None:
            self.add_pod(ref, new=row.created >= self._began - 5)

    def _wake(self, uid: str) -> None:
        pod = self._pods.get(uid)
        if pod is not None:
            pod.changed.set()
            for source in pod.sources.values():
                if source.follower is not None:
                    source.follower.wake()

    def retry(self) -> None:
        """Ask again now for each log that is waited for after a failure."""
        for pod in self._pods.values():
            for source in pod.sources.values():
                if source.follower is not None:
                    source.follower.retry()

    def _start(self, refs: Iterable[ObjectRef]) -> None:
        refs = list(refs)
        if self.tail is not None and len(refs) > 1:
            self.tail = max(_SHORTEST_TAIL, min(self.tail, _ALL_TAILS // len(refs)))
        for ref in refs:
            self.add_pod(ref)
        if not refs:
            self._done.set()

    def add_pod(self, ref: ObjectRef, *, new: bool = False, place_of: str = "") -> None:
        """Follow this pod too. A `new` one, created since the group started, is read from its beginning. `place_of` names the pod that
        it replaces."""
        if ref.uid in self._pods:
            return
        previous, follow = self.options.previous, self.options.follow
        options = LogOptions(previous=previous, follow=follow, from_start=True) if new else self._options()
        pod = self._pods[ref.uid] = _Pod(ref, options, place_of)
        if self.target.every:
            self._keep_going(lambda: self._all_containers(pod), f"reading the containers of {ref}")
        else:
            for name in self.target.chosen.get(ref.uid) or self.target.containers or ("",):
                self._add(pod, name)

    def _options(self) -> LogOptions:
        return msgspec.structs.replace(self.options, tail=self.tail)

    async def _all_containers(self, pod: _Pod) -> None:
        """Follow each container of a pod, including later ones."""
        attempt = 0
        while True:
            pod.changed.clear()
            try:
                found = await self._reads.json("GET", pod.ref.path)
            except PASSING as error:
                attempt += 1
                self.error = error
                self.changed.emit(None)
                await asyncio.sleep(self._pace * random.uniform(0.2, min(30.0, 0.5 * 2**attempt)))
                continue
            except Forbidden:
                self._add(pod, "")  # the server picks the only container
                return
            except PodtuiError as error:
                if not pod.sources:
                    self._add(pod, "")  # whose follower says what is wrong, and whether it is permanent
                self.error = error
                return
            attempt, self.error = 0, self.health.error
            if (found.get("metadata") or {}).get("uid") == pod.ref.uid or not pod.ref.uid:
                pod.found = found
                for name in containers_of(found):
                    self._add(pod, name)
                asyncio.get_running_loop().call_later(_FRESH, setattr, pod, "found", None)
            elif not pod.sources:
                self._add(pod, "")  # whose follower says that another pod has its name now
            if pod.sources and all(source.final for source in pod.sources.values()):
                return
            await self._until_changed(pod)

    async def _until_changed(self, pod: _Pod) -> None:
        """Wait until the list reports the pod, or for a while. At least a second: status may change often."""
        calm = self._pace * self._calm
        await asyncio.sleep(calm)
        await comes(pod.changed, _LOOK_AGAIN * calm)

    @property
    def _calm(self) -> float:
        """How much less often to read each pod, given their number."""
        return max(1.0, len(self._pods) / 20)

    # -- sources ----------------------------------------------------------------------------------------------------

    def add_container(self, ref: ObjectRef, name: str) -> None:
        """Follow one more container of a followed pod, and of its successors."""
        pod = self._pods[ref.uid]
        self.target = msgspec.structs.replace(self.target, containers=(*pod.sources, name), chosen={})
        self._add(pod, name)

    def _add(self, pod: _Pod, container: str) -> None:
        key = pod.ref.uid, container
        if container in pod.sources or key in self._waiting:
            return
        if self.streams >= self._limit or len(self.sources) >= _NUMBERS:
            self._waiting[key] = pod, container
            self._update_left_out()
            return
        source = LogSource(len(self.sources), pod.ref, container)
        self.sources.append(source)
        pod.sources[container] = source
        assert self._merger is not None
        self._merger.add(source.number)
        if pod.place_of:
            self._merger.note(source.number, f"{pod.ref} takes the place of pod/{pod.place_of}")
        self._spawn(self._follow(pod, source), f"log of {pod.ref} {container}")
        self.changed.emit(None)

    @property
    def streams(self) -> int:
        """How many sources may still bring something."""
        return sum(not source.final for source in self.sources)

    def _update_left_out(self) -> None:
        self.left_out = [f"{pod.ref.name} {container}".rstrip() for pod, container in self._waiting.values()]
        self.changed.emit(None)

    async def _follow(self, pod: _Pod, source: LogSource) -> None:
        merger = self._merger
        assert merger is not None
        number = source.number
        follower = source.follower = LogFollower(
            self._reads,
            source.ref,
            source.container,
            pod.options,
            pace=self._pace,
            caught_up=lambda: merger.caught_up(number),
            pod=pod.found,
        )
        follower.subscribe(lambda status: self._status_changed(pod, source, status))

        async def take(batch: LogBatch) -> None:
            if not batch.note:
                source.lines += batch.count - len(batch.continued)
            await merger.put(number, batch)

        follower.calm = self._calm
        await follower.run(take)
        merger.end(number)
        self._next_waiting()
        if self._successors is not None:
            self._successors.check()

    def _status_changed(self, pod: _Pod, source: LogSource, status: LogStatus) -> None:
        before, source.status = source.status, status
        follower = source.follower
        assert follower is not None and self._merger is not None
        follower.calm = self._calm
        if follower.container and not source.container:
            source.container = follower.container
            pod.sources.pop("", None)
            pod.sources[source.container] = source
        if len(self._pods) == 1:
            self.containers = follower.containers or self.containers
        if len(self.sources) > 1 and status.state in ("ended", "failed") and (before.state != status.state or before.final != status.final):
            self._merger.note(source.number, f"{status.state}: {status.why}")
        self.changed.emit(None)

    def _next_waiting(self) -> None:
        """A stream has ended: start one that was left out."""
        if self._waiting:
            pod, container = self._waiting.pop(next(iter(self._waiting)))
            self._add(pod, container)
            self._update_left_out()


__all__ = ["LIMIT", "LogGroup", "LogLines", "LogSource", "LogTarget"]
