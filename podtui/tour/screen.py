"""The dashboard with a caption bar below it.

The bar is not a widget: the dashboard gets a terminal that is a few lines shorter, so that all its screens and dialogs
stand above the bar, and the bar is written to the remaining lines.
"""

from __future__ import annotations

import asyncio
import re
import signal
from collections.abc import Awaitable, Callable
from io import StringIO
from typing import Any, ClassVar

from rich.console import Console, RenderableType
from rich.segment import Segment
from rich.style import Style
from textual.binding import Binding
from textual.color import Color, ColorParseError
from textual.driver import Driver
from textual.drivers.headless_driver import HeadlessDriver
from textual.events import MouseEvent, Resize
from textual.geometry import Size
from textual.message import Message
from textual.screen import Screen
from textual.strip import Strip

from podtui.tasks import end_tasks
from podtui.text import harmless
from podtui.tour.caption import Caption, bar_height, bar_lines, words
from podtui.tour.file import Tour, said
from podtui.tour.keys import key_event, spoken
from podtui.tour.recorder import Cast, Pictures
from podtui.ui.commands import BY_ID, bindings
from podtui.ui.dialogs.dialog import Dialog
from podtui.ui.main.app import PodtuiApp
from podtui.ui.main.screen import MainScreen
from podtui.ui.options import Options
from podtui.ui.terminal.driver import TerminalDriver
from podtui.ui.terminal.picture import as_text
from podtui.ui.themes import palette

Play = Callable[["TourApp"], Awaitable[int | None]]


class TourApp(PodtuiApp):
    """The dashboard as the player's Stage. `play` runs once it is up; its exit code ends the dashboard, None does not.

    `expand` fills in the placeholders of captions, to find how high the bar must be.
    """

    BINDINGS: ClassVar[list[Binding]] = bindings("tour")

    def __init__(
        self,
        options: Options,
        tour: Tour,
        language: str,
        play: Play,
        *,
        cast: Cast | None = None,
        pictures: Pictures | None = None,
        expand: Callable[[str], str] = str,
    ) -> None:
        super().__init__(options)
        self.wishes: asyncio.Queue[str] = asyncio.Queue()
        self.cast, self.pictures = cast, pictures
        self._captions = [expand(said(scene.caption, language)) for scene in tour.scenes]
        self._words = words(language)
        self._play = play
        self._playing: asyncio.Task[None] | None = None
        self.trouble: Exception | None = None  # what ended the play early
        self._caption: Caption | None = None
        self._bar_shown = True
        self._drawn = ""
        self._paint = asyncio.Event()

    # -- life ---------------------------------------------------------------------------------------------------
    async def on_mount(self) -> None:
        """Textual runs the dashboard's own after it: each class's handler of an event is run."""
        if not isinstance(self._driver, TerminalDriver):  # which obeys them itself
            loop = asyncio.get_running_loop()
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                loop.add_signal_handler(number, self._end_by, 128 + number)
        self._playing = asyncio.create_task(self._run_play())

    def _end_by(self, code: int) -> None:
        self.exit(code, return_code=code)

    async def _run_play(self) -> None:
        try:
            await self.settled()
            code = await self._play(self)
        except Exception as error:
            self.trouble, code = error, 1
        if code is not None:
            self.exit(code, return_code=code)

    async def on_unmount(self) -> None:
        if self.cast is not None:
            self.cast.close()
        await end_tasks(self._playing)

    # -- the terminal -------------------------------------------------------------------------------------------
    def _build_driver(self, headless: bool, inline: bool, mouse: bool, size: tuple[int, int] | None) -> Driver:
        kind = _headless(self) if headless else _with_bar(self.get_driver_class(), self)
        driver = self._driver = kind(self, debug=False, mouse=mouse, size=None if size is None else self.above_bar(*size))
        if size is None:
            driver._size = driver._get_terminal_size()  # type: ignore[attr-defined]
        self.prepare_driver(driver)
        return driver

    def above_bar(self, width: int, height: int) -> tuple[int, int]:
        """The dashboard's part of a terminal of this size."""
        self._terminal = (width, height)
        if self.cast is not None:
            self.cast.resize(width, height)
        return width, height - self.bar_lines

    @property
    def bar_lines(self) -> int:
        return bar_height(self._captions, *self._terminal) if self._bar_shown else 0

    _terminal = (80, 24)

    def hide_bar(self) -> None:
        """Give the whole terminal to the dashboard."""
        self._bar_shown = False
        if self._driver is not None:
            size = Size(*self.above_bar(*self._terminal))
            self._driver.send_message(Resize(size, size))

    def on_resize(self) -> None:
        self._drawn = ""  # the terminal may have moved its lines
        self.call_after_refresh(self._draw)

    def _display(self, screen: Screen[object], renderable: RenderableType | None) -> None:
        super()._display(screen, renderable)
        if renderable is not None:
            self._paint.set()

    def caught_up(self) -> None:
        super().caught_up()
        self._draw()

    def repaint(self) -> None:
        super().repaint()
        self._drawn = ""
        self._draw()

    # -- the bar ------------------------------------------------------------------------------------------------
    def _draw(self) -> None:
        """Writes the bar, unless it is there already, and puts the terminal's cursor back."""
        driver = self._driver
        if self._caption is None or driver is None or self.is_headless or self._closed or not self._running:
            return
        if isinstance(driver, TerminalDriver) and driver.behind:
            return  # `caught_up` follows
        top = self._terminal[1] - self.bar_lines
        lines = (f"\x1b[{y};1H{strip.render(self.console)}" for y, strip in enumerate(self._strips(), top + 1))
        text = "".join(lines)
        if text and text != self._drawn:
            self._drawn = text
            driver.write(f"\x1b7{text}\x1b[0m\x1b8")
            driver.flush()

    def _strips(self) -> list[Strip]:
        width, _ = self._terminal
        if self._caption is None or not self.bar_lines:
            return []
        styles, first, rest = palette(self), palette(self)["cursor"], self._bar_style()
        found = []
        for number, line in enumerate(bar_lines(self._caption, width, self.bar_lines)):
            base = rest if number else rest + first
            found.append(Strip([Segment(text, base + styles[style] if style else base) for text, style in line], width))
        return found

    def _bar_style(self) -> Style:
        """The theme's panel colour; empty where there are no colours."""
        if self.no_color:
            return Style()
        variables = self.theme_variables
        try:
            colour, background = (Color.parse(variables[name]).rich_color for name in ("foreground", "panel"))
        except (KeyError, ColorParseError):
            return Style()
        return Style(color=colour, bgcolor=background)

    # -- the player's stage -------------------------------------------------------------------------------------
    def press(self, key: str) -> None:
        if self._driver is not None:
            event = key_event(key)
            event.set_sender(self)
            self._driver.send_message(event)

    def text(self) -> str:
        return as_text(self)

    async def ready(self, patience: float) -> None:
        """What lies below a dialog may show the outcome before the dialog has its answer and closes. Until then it swallows keys."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + patience
        while (self.keys_wait or (isinstance(self.screen, Dialog) and self.screen.busy)) and (left := deadline - loop.time()) > 0:
            await self._painted(min(left, 0.05))

    async def calm(self, quiet: float, patience: float) -> None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + patience
        while (left := deadline - loop.time()) > 0 and await self._painted(min(quiet, left)):
            continue

    async def painted(self, patience: float) -> None:
        await self._painted(patience)

    async def _painted(self, patience: float) -> bool:
        """Whether something was painted within that many seconds."""
        self._paint.clear()
        try:
            await asyncio.wait_for(self._paint.wait(), patience)
        except TimeoutError:
            return False
        return True

    def show(self, caption: Caption) -> None:
        before, self._caption = self._caption, caption
        if self.cast is not None and (before is None or before.number != caption.number):
            self.cast.marker(caption.text.replace("`", ""))
        self._draw()

    def picture(self, name: str) -> None:
        if self.pictures is not None:
            self.pictures.write(name, self.as_svg())

    def as_svg(self) -> str:
        """The screen with the bar, without links to fonts on the web (as `picture` does)."""
        width, height = self._terminal
        console = Console(
            width=width, height=height, file=StringIO(), force_terminal=True, color_system="truecolor", record=True,
            legacy_windows=False, safe_box=False,
        )  # fmt: skip
        console.print(self.screen._compositor.render_update(full=True, screen_stack=self._background_screens, simplify=True))
        for strip in self._strips():
            console.print(_Line(strip))
        drawn = console.export_svg(title=f"podtui: {harmless(self.options.settings.context)}")
        return re.sub(r',\s*url\("https?://[^"]*"\) format\("\w+"\)', "", drawn)

    def frame(self) -> str:
        """The dashboard and the bar as text."""
        return self.text() + "".join(f"{strip.text.rstrip()}\n" for strip in self._strips())

    async def restart(self) -> None:
        """A new main screen on the same session, with what the walkthrough began with."""
        while len(self.screen_stack) > 2:
            self.screen.dismiss(None)
            await asyncio.sleep(0)
        session, options = self.session, self.options
        if session.read_only and not session.read_only_reason:
            session.read_only = False
        await self.switch_screen(MainScreen(session, options.label_columns))
        session.show(namespaces=options.scope.namespaces, selector=options.scope.selector)
        await self.settled()

    @property
    def recorded(self) -> bool:
        return super().recorded or self.cast is not None or self.pictures is not None

    def hints(self, *verbs: str) -> tuple[tuple[str, str], ...]:
        """The keys of the bar for `next`, `again`, `previous` and `end`, labelled in the captions' language."""
        keymap = self.options.config.keymap
        asked = [(f"tour.{verb}", verb) for verb in verbs]
        return tuple((spoken(keymap.get(name, BY_ID[name].key).split(",")[0].strip()), self._words[word]) for name, word in asked)

    # -- the viewer's requests ----------------------------------------------------------------------------------
    def action_next(self) -> None:
        self.wishes.put_nowait("next")

    def action_again(self) -> None:
        self.wishes.put_nowait("again")

    def action_previous(self) -> None:
        self.wishes.put_nowait("previous")

    def action_end(self) -> None:
        self.wishes.put_nowait("end")


class _Line:
    """A strip on a line of its own, as rich prints it."""

    def __init__(self, strip: Strip) -> None:
        self._strip = strip

    def __rich_console__(self, console: Any, options: Any) -> Any:
        yield Segment.line()
        yield from self._strip


def _with_bar(base: type[Any], app: TourApp) -> type[Driver]:
    """The driver of the terminal, for all but the bar's lines; its output is recorded."""

    class BarDriver(base):  # type: ignore[misc]
        def _get_terminal_size(self) -> tuple[int, int]:
            return app.above_bar(*super()._get_terminal_size())

        def process_message(self, message: Message) -> None:
            if isinstance(message, Resize):  # a terminal that reports its size in band
                size = Size(*app.above_bar(message.size.width, message.size.height))
                message = Resize(size, size)
            elif isinstance(message, MouseEvent) and message.y >= app._terminal[1] - app.bar_lines:
                return
            super().process_message(message)

        def write(self, data: str) -> None:
            super().write(data)
            if app.cast is not None:
                app.cast.output(data)

    return BarDriver


def _headless(app: TourApp) -> type[Driver]:
    """A driver without a terminal; when recorded it passes for a terminal, since Textual writes nothing otherwise."""

    class RecordedDriver(HeadlessDriver):
        @property
        def is_headless(self) -> bool:
            return app.cast is None

        def write(self, data: str) -> None:
            if app.cast is not None:
                app.cast.output(data)

        def disable_input(self) -> None:
            pass

    return RecordedDriver
