"""What leaves podtui by other ways than the screen."""

from __future__ import annotations

from podtui.ui.options import Options
from tests.unit.ui.messages.test_messages import options, started

__all__ = ["options"]


async def test_what_is_copied_passes_the_filter_of_the_screen(options: Options) -> None:
    async with started(options) as (app, _):
        app.copy_to_clipboard("name: a\x1b[201~\rrm -rf ~\n\tb\x9b\u202e")
        assert app.clipboard == "name: a␛[201~␍rm -rf ~\n\tb<9B><U+202E>"
