"""Tasks: how they start again after an error, wait, are shared, and end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Hashable
from typing import Any, Generic, TypeVar

from podtui.errors import PodtuiError
from podtui.reports import unforeseen

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

_DELAY_FIRST, _DELAY_MOST = 1.0, 30.0  # seconds between two attempts of what is supervised


async def supervised(doing: str, attempt: Callable[[], Awaitable[None]], told: Callable[[PodtuiError], None]) -> None:
    """Await `attempt()` until it succeeds, with a growing delay after each error. `told` gets the error, also an unexpected one.

    For every task that lives long: one unexpected answer must not end it for good.
    """
    delay = _DELAY_FIRST
    while True:
        try:
            await attempt()
        except Exception as error:  # of every kind: what is expected is a PodtuiError
            told(error if isinstance(error, PodtuiError) else unforeseen(doing, error))
        else:
            return
        await asyncio.sleep(delay)
        delay = min(_DELAY_MOST, 2 * delay)


async def comes(event: asyncio.Event, within: float) -> bool:
    """Wait for the event, at most that many seconds; returns whether it came."""
    try:
        async with asyncio.timeout(within):
            await event.wait()
    except TimeoutError:
        return False
    return True


class SharedCalls(Generic[K, V]):
    """Calls by a key: callers at the same time share one. It is a task of its own, so that a cancelled caller leaves it to the others."""

    def __init__(self) -> None:
        self._running: dict[K, asyncio.Task[V]] = {}

    async def call(self, key: K, work: Callable[[], Coroutine[Any, Any, V]]) -> V:
        """The result of `work()`, or of the call with that key that is running."""
        task = self._running.get(key)
        if task is None:
            task = self._running[key] = asyncio.create_task(work())
            task.add_done_callback(lambda done: self._ended(key, done))
        return await asyncio.shield(task)

    def _ended(self, key: K, task: asyncio.Task[V]) -> None:
        del self._running[key]
        if not task.cancelled():
            task.exception()  # waiting callers get it; without any, it does not matter

    async def close(self) -> None:
        """End the calls in progress."""
        await end_tasks(*self._running.values())


async def end_tasks(*tasks: asyncio.Future[Any] | None) -> None:
    """Cancel the tasks, and return when they have ended; None stands for one that was never started."""
    started = [task for task in tasks if task is not None]
    for task in started:
        task.cancel()
    await asyncio.gather(*started, return_exceptions=True)
