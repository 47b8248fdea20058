"""Tasks that live long: how they start again after an error, and how they end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from podtui.errors import PodtuiError
from podtui.reports import unforeseen

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


async def end_tasks(*tasks: asyncio.Future[Any] | None) -> None:
    """Cancel the tasks, and return when they have ended; None stands for one that was never started."""
    started = [task for task in tasks if task is not None]
    for task in started:
        task.cancel()
    await asyncio.gather(*started, return_exceptions=True)
