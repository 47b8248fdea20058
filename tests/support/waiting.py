"""Waiting for a sign: until a condition holds, until a screen has settled. Never for a time."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, TypeVar, TypeVarTuple

from textual.app import App
from textual.pilot import Pilot
from textual.worker import Worker

from podtui.ui.details.tabs import TabWork
from podtui.ui.terminal.picture import as_text

if TYPE_CHECKING:
    from podtui.ui.terminal.app import TerminalApp

Value = TypeVar("Value")
Arguments = TypeVarTuple("Arguments")


async def until(holds: Callable[[*Arguments], object], *arguments: *Arguments, seconds: float = 60.0) -> None:
    """Waits until `holds(*arguments)` is true. In vain, it fails the test with the values that `holds` looks at.

    Looking takes a tenth of the loop at most: what is waited for goes on in it, too.
    """
    deadline = asyncio.get_running_loop().time() + seconds
    began = time.thread_time()
    while not holds(*arguments):
        took = time.thread_time() - began
        if asyncio.get_running_loop().time() > deadline:
            values: dict[str, object] = {**inspect.getclosurevars(holds).nonlocals, "arguments": arguments}
            seen = (f"{name}: {_described(value)[-2000:]}" for name, value in values.items())
            raise AssertionError("\n".join([f"not within {seconds:g} seconds", *seen]))
        await asyncio.sleep(max(0.002, 9 * took))
        began = time.thread_time()


async def until_answer(ask: Callable[[], Awaitable[Value]], seconds: float = 60.0) -> Value:
    """Asks until the answer is true; gives it. Controllers and kubelets take their time."""
    async with asyncio.timeout(seconds):
        while not (answer := await ask()):  # noqa: ASYNC110 - the answer is with a server
            await asyncio.sleep(0.1)
        return answer


@asynccontextmanager
async def in_background(work: Coroutine[Any, Any, object]) -> AsyncIterator[asyncio.Task[object]]:
    """Runs `work` until the end of the block; an error with which it ended by itself is raised there."""
    task = asyncio.create_task(work)
    try:
        yield task
    finally:
        failed = task.done() and not task.cancelled() and task.exception() is not None
        task.cancel()
        await asyncio.gather(task, return_exceptions=not failed)


async def shows(app: App[Any], holds: Callable[[str], bool]) -> str:
    """Waits until the screen's text is as it should be, and gives it."""
    deadline = asyncio.get_running_loop().time() + 60
    while not holds(text := as_text(app)):
        assert asyncio.get_running_loop().time() < deadline, text
        await asyncio.sleep(0.02)
    return text


async def told(app: TerminalApp, *words: str) -> None:
    """Waits until a message to the user has all of these words."""
    await until(lambda: any(all(word in said.text for word in words) for said in app.messages.all))


async def settle(pilot: Pilot[Any]) -> None:
    """Waits until the application has handled its messages and its workers have ended, and nothing has come of that."""
    quiet = 0
    while quiet < 2:
        await workers_end(pilot.app)
        await pilot.pause()
        quiet = 0 if _is_at_work(pilot.app) else quiet + 1


async def workers_end(app: App[Any]) -> None:
    """Waits until every worker has ended but what a tab of the details follows while it is shown, which has no end."""
    await asyncio.gather(*(worker.wait() for worker in _working(app)))


def _working(app: App[Any]) -> list[Worker[Any]]:
    return [worker for worker in app.workers if worker.group != TabWork.GROUP and not worker.is_finished]


def _is_at_work(app: App[Any]) -> bool:
    return bool(_working(app)) or any(pump.message_queue_size for pump in (app, *app.screen.walk_children(with_self=True)))


def _described(value: object) -> str:
    if isinstance(value, Pilot):
        value = value.app
    if isinstance(value, App):
        rows = value.screen._compositor.render_strips()
        return "\n" + "\n".join(strip.text.rstrip() for strip in rows)
    plain = type(value).__repr__ is object.__repr__ and hasattr(value, "__dict__")
    return repr(vars(value)) if plain else repr(value)
