"""Work in the background of a widget, which ends with it; and imports, which a key would otherwise wait for."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from importlib import import_module
from typing import Any, ParamSpec

from textual.dom import DOMNode
from textual.worker import Worker

P = ParamSpec("P")

SLOW = 0.25  # seconds of work after which the screen says so


def work(node: DOMNode, group: str, function: Callable[P, Coroutine[Any, Any, None]], *args: P.args, **kwargs: P.kwargs) -> Worker[None]:
    """Run `function` beside what else is running in `group`; an exception is told by `node.on_worker_state_changed`."""
    return node.run_worker(partial(_leaving_nothing, function, *args, **kwargs), group=group, exit_on_error=False)


def work_instead(
    node: DOMNode, group: str, function: Callable[P, Coroutine[Any, Any, None]], *args: P.args, **kwargs: P.kwargs
) -> Worker[None]:
    """As `work`, and cancel what else is running in `group`.

    The function is handed on instead of a coroutine of it: one that is cancelled before it has begun would never be awaited, and
    Python complains about that on standard error, at the latest when it ends.
    """
    return node.run_worker(partial(_leaving_nothing, function, *args, **kwargs), group=group, exclusive=True, exit_on_error=False)


async def _leaving_nothing(function: Callable[P, Coroutine[Any, Any, None]], *args: P.args, **kwargs: P.kwargs) -> None:
    """Run `function`; when it is cancelled, keep nothing of it.

    Textual's worker keeps the error that ended it, which keeps the frames with all that the function held; and what was begun in the
    worker and goes on, such as an idle connection of a pool, keeps the worker in its context.
    """
    cancelled = False
    try:
        await function(*args, **kwargs)
    except asyncio.CancelledError:
        cancelled = True
    if cancelled:
        raise asyncio.CancelledError


@contextmanager
def when_slow(node: DOMNode, say: Callable[[], None]) -> Iterator[None]:
    """Call `say` if the block takes longer than `SLOW`."""
    timer = node.set_timer(SLOW, say)
    try:
        yield
    finally:
        timer.stop()


async def import_in_thread(modules: Sequence[str]) -> None:
    """Import modules in a thread, so that the screen goes on; one at a time, so that the program can end between two of them."""
    for module in modules:
        if module not in sys.modules:
            await asyncio.to_thread(import_module, module)
