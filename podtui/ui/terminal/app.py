"""An application on one terminal: its colours, the order of its keys, its output, and lending the terminal."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from rich.console import RenderableType
from textual import on
from textual._compositor import CompositorUpdate
from textual._styles_cache import StylesCache
from textual.app import App
from textual.await_complete import AwaitComplete
from textual.driver import Driver
from textual.drivers.linux_driver import LinuxDriver
from textual.events import Event, Key, MouseDown
from textual.notifications import Notify
from textual.screen import Screen

from podtui.errors import PodtuiError
from podtui.text import pasteable
from podtui.ui.options import Options
from podtui.ui.terminal.driver import TerminalDriver
from podtui.ui.terminal.frame import Frame
from podtui.ui.terminal.key_order import KeyOrder
from podtui.ui.terminal.lent_terminal import LentTerminal
from podtui.ui.themes import colours, install_themes
from podtui.ui.widgets.key_hints import first_key

if TYPE_CHECKING:
    from podtui.ui.messages.history import History


class Draft(NamedTuple):
    """A text that a dialog was left with, and whether it was written by hand: it is offered again, and kept in a file at the end."""

    text: str
    written: bool


class TerminalApp(App[int], inherit_bindings=False):
    """What screens and dialogs may use of their application. Textual's own keys are not bound: Ctrl+Q would end podtui at once."""

    TITLE = "podtui"
    ENABLE_COMMAND_PALETTE = False
    INLINE_PADDING = 0

    def __init__(self, options: Options) -> None:
        super().__init__(ansi_color=None if colours() else True)  # without colours Textual must not use greys
        self.options = options
        self._frame = Frame()
        self._keys = KeyOrder(self)
        self.terminal = LentTerminal(self, self.repaint)
        self._dropped = False  # whether the terminal lacks a frame, because it did not read
        self._history: History | None = None  # created with the first message
        self.farewell: list[str] = []  # messages to print after the screen closes, such as where a text is kept
        self._confined: tuple[str, str] | None = None
        self.drafts: dict[str, Draft] = {}  # by the name of a file
        install_themes(self, options.theme or options.config.theme, options.colours)

    def confine(self, folder: Path | None, who: str = "") -> None:
        """Let no path outside `folder` be read or written, and no program and no shell have the terminal: `who` may not do that.

        None lifts it.
        """
        self._confined = None if folder is None else (os.path.realpath(folder), who)
        self.terminal.refusal = "" if folder is None else f"{who} may start no editor, shell or pager"

    def check_path(self, path: str) -> None:
        """Raises PodtuiError for a path that may not be read or written; `~` is the home folder."""
        if self._confined is not None:
            folder, who = self._confined
            if os.path.commonpath([folder, os.path.realpath(os.path.expanduser(path))]) != folder:
                raise PodtuiError(f"{who} may use files in its own folder only ({folder})")

    @property
    def recorded(self) -> bool:
        """Whether what the screen shows goes into a file, as in a snapshot: the values of Secrets are then not shown."""
        return self.is_headless

    def get_driver_class(self) -> type[Driver]:
        found = super().get_driver_class()
        return TerminalDriver if found is LinuxDriver else found

    def _build_driver(self, headless: bool, inline: bool, mouse: bool, size: tuple[int, int] | None) -> Driver:
        driver = super()._build_driver(headless, inline, mouse, size)
        self.prepare_driver(driver)
        return driver

    def prepare_driver(self, driver: Driver) -> None:
        """Connect the driver of a terminal with this application."""
        if isinstance(driver, TerminalDriver):
            driver.on_end, driver.on_drained = self.terminal.end, self.caught_up
            driver.has_alt = any("alt+" in keys for keys in self.options.config.keymap.values())

    def key_of(self, command_id: str) -> str:
        """See `first_key`."""
        return first_key(self, command_id)

    @property
    def keys_wait(self) -> bool:
        """Whether a key is being carried out, or waits for that."""
        return self._keys.busy

    async def on_event(self, event: Event) -> None:
        if not isinstance(event, Key) or event.is_forwarded:
            if isinstance(event, MouseDown) and not event.is_forwarded:
                self._read_messages()
            await super().on_event(event)
        elif self.screen_stack and self._keys.admit(event):  # while podtui ends, keys may come after the last screen
            self._read_messages()
            target = self.focused or self.screen
            await super().on_event(event)
            self._keys.handed_on(target)

    def pop_screen(self) -> AwaitComplete:
        """Close the screen, and let go of what it painted: Textual's cache of colours keeps the lines of up to 1,024 closed widgets."""
        closed = super().pop_screen()
        StylesCache.get_inner_outer.cache_clear()
        return closed

    def _display(self, screen: Screen[object], renderable: RenderableType | None) -> None:
        """All output of Textual to the terminal passes here, without the cells that are there already (see `frame`)."""
        if self.terminal.lent:
            return  # another program has it; a full repaint follows
        if isinstance(self._driver, TerminalDriver) and self._driver.behind:
            self._dropped = True
            return  # frames are never queued: `caught_up` follows
        writes = self._running and not self._closed and not self.is_headless and self._driver is not None and not self._batch_count
        if writes and isinstance(renderable, CompositorUpdate):
            renderable = self._frame.changes(renderable, self.console, (self.size.width, self.size.height))
        super()._display(screen, renderable)

    def caught_up(self) -> None:
        """The terminal reads again and has everything that was written: write what changed meanwhile."""
        if self._dropped and self.screen_stack:
            self._dropped = False
            self._display(self.screen, self.screen._compositor.render_update(full=True, screen_stack=self._background_screens))

    def copy_to_clipboard(self, text: str) -> None:
        """Copy by OSC 52, which a terminal may ignore. The text passes the filter of the screen: a paste must not act."""
        super().copy_to_clipboard(pasteable(text))

    # -- messages -----------------------------------------------------------------------------------------------
    @property
    def messages(self) -> History:
        """All messages of this run: `notify` adds one."""
        if self._history is None:
            from podtui.ui.messages.history import History

            self._history = History()
        return self._history

    def on_notify(self, event: Notify) -> None:
        """Textual would lay a toast over the screen."""
        event.prevent_default()
        self.messages.add(event.notification.message, event.notification.severity)
        self._refresh_notifications()

    def _read_messages(self) -> None:
        if self._history is not None and self._history.read():
            self._refresh_notifications()

    def _refresh_notifications(self) -> None:
        """Show the new messages on the current screen, on it alone: one below a dialog would be seen until that closes.

        Textual calls this too, when another screen becomes the current one.
        """
        if self._history is not None and self.screen_stack:
            from podtui.ui.messages.line import show_messages

            for screen in self.screen_stack:
                new = self._history.new if screen is self.screen else ()
                screen.call_later(show_messages, screen, new, self.key_of("app.messages"))

    # -- painting again -----------------------------------------------------------------------------------------
    @on(Driver.SignalResume)
    def _continued(self) -> None:
        """Repaint: the terminal shows what the shell wrote, not what podtui wrote."""
        self.repaint()

    def repaint(self) -> None:
        """Write the whole screen again, whatever the terminal shows."""
        self._frame.forget()
        self.refresh(repaint=True, layout=True)
