"""Work in the background of a widget."""

from __future__ import annotations

import gc
import warnings

from textual.app import App

from podtui.ui.background import work_instead


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
