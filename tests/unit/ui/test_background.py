"""Work in the background of a widget."""

from __future__ import annotations

import asyncio
import gc
import warnings
import weakref
from contextvars import Context, copy_context

from textual.app import App

from podtui.ui.background import work, work_instead


class Held:
    """Something that work has, as a group of logs."""


async def test_work_that_was_cancelled_holds_nothing_while_a_connection_that_it_opened_stays() -> None:
    began = asyncio.Event()
    of_a_connection: list[Context] = []
    held: list[weakref.ref[Held]] = []

    async def follow() -> None:
        mine = Held()
        held.append(weakref.ref(mine))
        of_a_connection.append(copy_context())  # as each callback of a transport has one
        began.set()
        await asyncio.Event().wait()

    app: App[None] = App()
    async with app.run_test() as pilot:
        following = work(app, "logs", follow)
        await began.wait()
        following.cancel()
        await pilot.pause()
        assert following.is_cancelled
        gc.collect()
        assert held[0]() is None


async def test_work_that_is_replaced_before_it_has_begun_leaves_no_complaint() -> None:
    done: list[str] = []

    async def note(what: str, *, twice: bool = False) -> None:
        done.extend([what] * (2 if twice else 1))

    app: App[None] = App()
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        async with app.run_test() as pilot:
            work_instead(app, "notes", note, "the first")
            last = work_instead(app, "notes", note, "the second", twice=True)
            await last.wait()
            await pilot.pause()
        gc.collect()
    assert done == ["the second", "the second"]
    assert not [str(each.message) for each in told if "never awaited" in str(each.message)]
