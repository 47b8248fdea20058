"""A screen without a terminal is drawn for who reads it, and for nobody else."""

from __future__ import annotations

from textual.app import App, ComposeResult
from textual.widget import Widget

from podtui.ui.terminal.picture import as_text


class Counter(Widget):
    drawn = 0

    def render(self) -> str:
        self.drawn += 1
        return f"drawn {self.drawn} times"


class CountingApp(App[None]):
    def compose(self) -> ComposeResult:
        yield Counter()


async def test_what_nobody_reads_is_not_drawn_and_what_is_read_is_up_to_date() -> None:
    app = CountingApp()
    async with app.run_test(size=(30, 3)) as pilot:
        widget = app.query_one(Counter)
        for _ in range(3):
            widget.refresh()
            await pilot.pause()
        assert widget.drawn == 0
        assert as_text(app).startswith("drawn 1 times")
        widget.refresh()
        await pilot.pause()
        assert widget.drawn == 1
        assert as_text(app).startswith("drawn 2 times")
