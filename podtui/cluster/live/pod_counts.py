"""The number of pods per namespace: counted locally where the store has all of a namespace's, otherwise requested from the server."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterable

from podtui.cluster.connection.listing import Server, count_objects
from podtui.cluster.live.store import Batch, RowStore
from podtui.errors import Forbidden, PodtuiError
from podtui.signals import Signal

_AT_ONCE = 4
_BELIEVED = 30.0  # seconds for which an answer is valid
_RECOUNT = 0.5  # seconds between two counts of the local rows


class PodCounts:
    """`counts` has the number of pods of each known namespace; it omits those whose pods the user may not list.

    With all namespaces and no selector in the store, `complete` is True and a missing namespace has none.
    """

    def __init__(self, pods: RowStore) -> None:
        self.counts: dict[str, int] = {}
        self.complete = False
        self._pods = pods
        self._all_known = -_BELIEVED  # when the rows last told the pods of all namespaces, in monotonic seconds
        self._asked: dict[str, float] = {}  # when each namespace was last requested, in monotonic seconds; refused ones too
        self._changed: Signal[dict[str, int]] = Signal()
        self._timer: asyncio.TimerHandle | None = None
        self._rows = -1
        self._ends = [pods.subscribe(self._batch), pods.subscribe_health(lambda _: self._batch(Batch()))]

    def of(self, namespace: str) -> int | None:
        """The number of its pods, None when it is not known."""
        had_none = namespace not in self._asked and time.monotonic() < self._all_known + _BELIEVED
        return self.counts.get(namespace, 0 if self.complete or had_none else None)

    def subscribe(self, fn: Callable[[dict[str, int]], None]) -> Callable[[], None]:
        """Call `fn` with the counts when they change; returns a function that ends it."""
        return self._changed.subscribe(fn)

    def close(self) -> None:
        for end in self._ends:
            end()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    async def refresh(self, connection: Server, namespaces: Iterable[str]) -> None:
        """Request the counts that are unknown or older than half a minute.

        A namespace whose count is denied loses its count. Other errors are raised after all requests.
        """
        if self._counted_here():
            self._count()
            return
        self.complete = False
        now, here = time.monotonic(), self._of_the_rows()
        wanted = [name for name in dict.fromkeys(namespaces) if name not in here and self._asked.get(name, -_BELIEVED) <= now - _BELIEVED]
        counts = dict(self.counts)
        failures: list[PodtuiError] = []
        waiting = iter(wanted)

        async def ask() -> None:
            for namespace in waiting:
                try:
                    counts[namespace] = await count_objects(connection, self._pods.resource.path(namespace))
                except Forbidden:
                    counts.pop(namespace, None)
                except PodtuiError as error:
                    failures.append(error)
                    continue
                self._asked[namespace] = time.monotonic()

        async with asyncio.TaskGroup() as group:
            for _ in range(min(_AT_ONCE, len(wanted))):
                group.create_task(ask())
        if not self._counted_here():
            self._set_counts({**counts, **self._of_the_rows()})
        if failures:
            raise failures[0]

    def _is_whole(self) -> bool:
        """Whether the store has all pods of the namespaces in its scope."""
        scope = self._pods.scope
        return not scope.selector.strip() and not scope.node and self._pods.known

    def _counted_here(self) -> bool:
        return self._pods.scope.all_namespaces and self._is_whole()

    def _of_the_rows(self) -> dict[str, int]:
        """The counts that the rows tell, {} while the store does not have all pods of its scope."""
        if not self._is_whole():
            return {}
        listed = [name for name in self._pods.scope.namespaces if name not in self._pods.denied]
        return {**dict.fromkeys(listed, 0), **Counter(row.namespace for row in self._pods.rows.values())}

    def _batch(self, batch: Batch) -> None:
        """Only added or removed rows change a count: nothing to do when there are as many rows as before and none was removed."""
        if not self._counted_here():
            if self.complete:
                self.complete = False
                self._asked.clear()  # the counts from the rows are out of date from now on
                self._all_known = time.monotonic()
                self._asked.update(dict.fromkeys(self.counts, self._all_known))
            if not self._is_whole():
                return
        began = self._counted_here() and not self.complete
        if (batch.reset or batch.removed or len(self._pods.rows) != self._rows or began) and self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(0.0 if began else _RECOUNT, self._count)

    def _count(self) -> None:
        self._timer = None
        if self._is_whole():
            self._rows = len(self._pods.rows)
            self.complete = self._pods.scope.all_namespaces
            self._set_counts({**({} if self.complete else self.counts), **self._of_the_rows()})

    def _set_counts(self, counts: dict[str, int]) -> None:
        if counts != self.counts:
            self.counts = counts
            self._changed.emit(counts)
