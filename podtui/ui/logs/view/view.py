"""A view of a stream of many lines: follow, wrap, times, search. It knows nothing about their origin.

However fast lines arrive, it paints at most five times a second, and only the rows that differ. Memory stays within a
limit: the oldest lines are dropped, and the view shows their number.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence

from textual import events
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip
from textual.timer import Timer
from textual.widget import Widget

from podtui.text import harmless
from podtui.ui.logs.lines.times import Times
from podtui.ui.logs.view.browser import LogBrowser
from podtui.ui.logs.view.canvas import BAR, Brushes, LogCanvas
from podtui.ui.logs.view.scanner import Scanner
from podtui.ui.logs.view.strips import GUTTER
from podtui.ui.themes import palette

PAINT = 0.2  # seconds between paints while lines arrive
WHEEL = 3  # rows
TICK = 1.0  # seconds between updates of relative times
_LONGEST_SAMPLE = 4000  # characters
_SAMPLE = 300  # lines that determine the columns


class LogView(Widget, can_focus=True):
    """See the module. Its owner binds keys to the methods of `browser` and receives `Changed`.

    The browser is what is shown; the scanner continues its searches, and the canvas paints it. The view keeps them in step.
    """

    DEFAULT_CSS = """
    LogView { height: 1fr; background: $surface; color: $foreground; }
    """

    class Changed(Message):
        """Counts, position, following or the search changed: at most five times a second while lines arrive."""

        def can_replace(self, message: Message) -> bool:
            return isinstance(message, LogView.Changed)

    class AtTop(Message):
        """The user scrolls up beyond the oldest line."""

    def __init__(self, limit: int = 32 << 20, *, times: Times = "off", wrap: bool = False, id: str | None = None) -> None:
        """`limit` is in bytes."""
        super().__init__(id=id)
        self.browser = LogBrowser(limit, self)
        self._window = self.browser.window
        self._window.look.times, self._window.wrap = times, wrap
        self._scanner = Scanner(self, self._window, self.browser.cursor, self._scan_on)
        self._canvas = LogCanvas(self.browser)
        self._brushes: Brushes | None = None
        self._timer: Timer | None = None
        self._ticker: Timer | None = None
        self._updated = 0.0

    # -- lines ----------------------------------------------------------------------------------------------------

    def append(
        self,
        lines: Sequence[str],
        continued: Collection[int] = (),
        *,
        times: Sequence[int] | None = None,
        sources: Sequence[int] | int = 0,
        notes: Collection[int] = (),
    ) -> None:
        """Add lines at the end, as `LogBuffer.append` takes them."""
        self.browser.buffer.append(lines, continued, times=times, sources=sources, notes=notes)
        self._later()

    def append_stamped(self, data: bytes, source: int = 0) -> None:
        """Add lines at the end, as `LogBuffer.append_stamped` takes them."""
        self.browser.buffer.append_stamped(data, source)
        self._later()

    def set_empty(self, *lines: str) -> None:
        """Show this text while there are no lines, wrapped."""
        lines = tuple(map(harmless, lines))
        if lines != self._canvas.empty:
            self._canvas.empty = lines
            if not self.browser.rows:
                self.refresh()

    async def choosing_done(self) -> None:
        """Wait until the shown lines are known."""
        await self._scanner.done.wait()

    # -- updating the screen ------------------------------------------------------------------------------------------

    def on_mount(self) -> None:
        self._later()
        self._tick_or_not()

    def _tick_or_not(self) -> None:
        """Start or stop the ticks, which only relative times need."""
        if self._window.look.times == "relative" and self._ticker is None and self.is_attached:
            self._ticker = self.set_interval(TICK, self._tick)
        elif self._window.look.times != "relative" and self._ticker is not None:
            self._ticker.stop()
            self._ticker = None

    def _tick(self) -> None:
        before = {row: self._window.text(row.line) for row in self.browser.rows}
        self._window.forget()
        for y, row in enumerate(self.browser.rows):
            if self._window.text(row.line) != before[row]:
                self._canvas.forget(row)
                self.refresh(Region(0, y, max(1, self.size.width - BAR), 1))

    def on_resize(self) -> None:
        self._window.resize(max(1, self.size.width - BAR - GUTTER), max(1, self.size.height))
        self.looks_different()

    def _later(self) -> None:
        """Update the screen soon, but not too often."""
        if self._timer is None and self.is_attached:
            self._timer = self.set_timer(max(0.001, PAINT - (time.monotonic() - self._updated)), self._due)

    def _due(self) -> None:
        self._timer = None
        self._updated = time.monotonic()
        self._scan()
        self._sync()

    def _scan(self) -> None:
        """Continue the searches by a step, and go to the first match once it is found."""
        if self._scanner.step() and self.browser.cursor.seek(self.browser.rows):
            self._canvas.forget()
            self._sync(anew=True)

    def _scan_on(self) -> None:
        self._scan()
        if not self._scanner.is_waiting or time.monotonic() - self._updated > PAINT:
            self._updated = time.monotonic()
            self._sync()

    def looks_different(self) -> None:
        """Repaint everything."""
        self._tick_or_not()
        self._canvas.forget()
        self._sync(anew=True)
        if not self._scanner.is_waiting and self.is_attached:
            self._scan()

    def moved(self) -> None:
        self._sync()

    def chooses_again(self) -> None:
        self._canvas.forget()
        self._scan()
        self._sync(anew=True)

    def at_top(self) -> None:
        self.post_message(self.AtTop())

    def _sync(self, *, anew: bool = False) -> None:
        """Paint what differs from the screen; with `anew`, everything."""
        if not self.is_attached:
            return
        self.browser.forget_dropped()
        regions = self._canvas.update(self.size)
        if anew or regions is None:
            self.refresh()
        elif regions:
            self.refresh(*regions)
        self.post_message(self.Changed())

    # -- painting ---------------------------------------------------------------------------------------------------

    def render_lines(self, crop: Region) -> list[Strip]:
        self._brushes = self._find_brushes()
        return super().render_lines(crop)

    def render_line(self, y: int) -> Strip:
        brushes = self._brushes = self._brushes or self._find_brushes()
        return self._canvas.line(y, max(0, self.size.width - BAR), brushes)

    def _find_brushes(self) -> Brushes:
        return Brushes.of(self.rich_style, palette(self.app), colours=not self.app.no_color)

    def notify_style_update(self) -> None:
        """The theme or the focus changed: repaint, as strips contain colours."""
        super().notify_style_update()
        self._canvas.forget()
        self._brushes = None

    # -- the mouse ------------------------------------------------------------------------------------------------

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        event.stop()
        if event.shift:
            self.browser.scroll_columns(1)
        else:
            self.browser.scroll_rows(WHEEL)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        event.stop()
        if event.shift:
            self.browser.scroll_columns(-1)
        else:
            self.browser.scroll_rows(-WHEEL)

    def on_mouse_down(self, event: events.MouseDown) -> None:
        if self._canvas.thumb[1] and event.x >= self.size.width - BAR:
            self.capture_mouse()
            self._drag(event.y)

    def on_mouse_move(self, event: events.MouseMove) -> None:
        if self.app.mouse_captured is self:
            self._drag(event.y)

    def on_mouse_up(self) -> None:
        if self.app.mouse_captured is self:
            self.release_mouse()

    def _drag(self, y: int) -> None:
        self._window.to_share(y / max(1, self.size.height - 1))
        self._sync()
