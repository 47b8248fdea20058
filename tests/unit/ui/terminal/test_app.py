"""What leaves podtui by other ways than the screen."""

from __future__ import annotations

import pytest

from podtui.errors import EditorMissing, PodtuiError
from podtui.ui.options import Options
from podtui.ui.terminal.raw_terminal import RawTerminal
from tests.unit.ui.messages.test_messages import options, started

__all__ = ["options"]


async def test_what_is_copied_passes_the_filter_of_the_screen(options: Options) -> None:
    async with started(options) as (app, _):
        app.copy_to_clipboard("name: a\x1b[201~\rrm -rf ~\n\tb\x9b\u202e")
        assert app.clipboard == "name: a␛[201~␍rm -rf ~\n\tb<9B><U+202E>"


async def test_a_terminal_that_is_lent_is_lent_to_nobody_else(options: Options) -> None:
    async def use(terminal: RawTerminal) -> None:
        pytest.fail("two have the terminal")

    async with started(options) as (app, _):
        app.terminal.lent = True
        with pytest.raises(EditorMissing, match="cannot start true: another program has the terminal"):
            await app.terminal.run(["true"])
        with pytest.raises(PodtuiError, match=r"^another program has the terminal"):
            await app.terminal.lend(use)
        app.terminal.lent = False
