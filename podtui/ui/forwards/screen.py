"""The list of port-forwards: running, ended (with the reason), and saved in the configuration."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from podtui.cluster.forward.forward import Forward
from podtui.cluster.forward.saved import Profile
from podtui.cluster.session import Session
from podtui.errors import PodtuiError
from podtui.text import harmless
from podtui.ui.background import work_instead
from podtui.ui.commands import bindings
from podtui.ui.forwards.text import cells, columns, saved_cells, saved_words, title, words
from podtui.ui.widgets.key_hints import KeyHints
from podtui.ui.widgets.row_table import Cell, RowTable
from podtui.ui.widgets.text_line import TextLine
from podtui.yamlcheck import near

_TICK = 1.0  # seconds between updates of rates
_SAVED = "saved:"  # prefix of the keys of rows for saved forwards


class ForwardsScreen(ModalScreen[None]):
    """Lies over the main screen; `session.forwards` is the ForwardManager. Forwards keep running when the screen closes.

    A saved forward has a row of its own while none of its ports is in the list.
    """

    BINDINGS: ClassVar[list[Binding]] = bindings("forwards", "app.help")  # type: ignore[assignment]
    AUTO_FOCUS = "#forwards"

    DEFAULT_CSS = """
    ForwardsScreen { background: $background; }
    ForwardsScreen #forwards { height: 1fr; min-height: 4; }
    ForwardsScreen #forwards-detail {
        height: auto; max-height: 9; border-top: solid $primary; background: $surface; scrollbar-size-vertical: 1;
    }
    ForwardsScreen #forwards-detail Static { height: auto; }
    """

    def __init__(self, session: Session, start: Sequence[str] = ()) -> None:
        """`start` names saved forwards to start at once."""
        super().__init__()
        self.session = session
        self._start = start
        self._hints = KeyHints(self.refusal)
        self._unsubscribe: Callable[[], None] = lambda: None
        self._detail_shown = ""

    def compose(self) -> ComposeResult:
        yield TextLine(id="forwards-title")
        yield RowTable(self._cells, id="forwards")
        with VerticalScroll(id="forwards-detail", can_focus=False):
            yield Static(id="forwards-words")
        yield self._hints

    def on_mount(self) -> None:
        table = self._table
        table.set_empty("No port-forwards.", "Move the cursor to a pod and press Shift+F to start one.")
        self._unsubscribe = self.session.forwards.subscribe(lambda _: self._changed())
        self.set_interval(_TICK, self._tick)
        self._changed()
        for name in self._start:
            self._start_named(name)

    def on_unmount(self) -> None:
        self._unsubscribe()

    @property
    def _table(self) -> RowTable:
        return self.query_one("#forwards", RowTable)

    # -- display ------------------------------------------------------------------------------------------------
    def _changed(self) -> None:
        forwards, table = self.session.forwards.forwards, self._table
        begun = {forward.name for forward in forwards}
        saved = [profile.name for profile in self.session.forwards.profiles if profile.name not in begun]
        table.set_columns(columns(named=bool(self.session.forwards.profiles)))
        keys = [str(forward.id) for forward in forwards] + [f"{_SAVED}{name}" for name in saved]
        if list(table.keys) != keys:
            table.set_keys(keys)
        else:
            table.refresh_rows()
        self.query_one("#forwards-title", TextLine).show(title(forwards))
        self._show_detail()

    def _tick(self) -> None:
        """Update the rates, which fall by themselves; unchanged cells are not painted again."""
        self._table.refresh_rows()
        self._show_detail()

    def _forward(self, key: str) -> Forward | None:
        return next((forward for forward in self.session.forwards.forwards if str(forward.id) == key), None)

    def _profile(self, key: str) -> Profile | None:
        name = key.removeprefix(_SAVED)
        return next((each for each in self.session.forwards.profiles if key != name and each.name == name), None)

    def _cells(self, key: str) -> Sequence[Cell]:
        named = bool(self.session.forwards.profiles)
        if (forward := self._forward(key)) is not None:
            return cells(forward, named=named)
        if (profile := self._profile(key)) is not None:
            return saved_cells(profile)
        return [Cell("")] * len(columns(named=named))

    @on(RowTable.CursorMoved)
    def _show_detail(self) -> None:
        key = self._table.cursor_key
        forward, profile = self._forward(key), self._profile(key)
        options = self.session.settings.kubectl_options
        shown = words(forward, options) if forward is not None else saved_words(profile) if profile is not None else ""
        self.query_one("#forwards-detail").display = bool(shown)
        if shown != self._detail_shown:
            self._detail_shown = shown
            self.query_one("#forwards-words", Static).update(Text(shown))
        self._hints.refresh_hints()

    def refusal(self, command_id: str) -> str:
        """Why the command cannot run for the selected row, or ""."""
        if not self.is_mounted:
            return ""
        key = self._table.cursor_key
        forward, profile = self._forward(key), self._profile(key)
        if forward is None and profile is None:
            return "nothing is selected" if command_id.startswith("forwards.") and command_id != "forwards.close" else ""
        if command_id == "forwards.stop" and forward is None:
            return "the port-forward is not running"
        if command_id == "forwards.restart" and profile is not None and profile.elsewhere:
            return f"the saved forward {profile.name} {profile.elsewhere}"
        if command_id == "forwards.free-port" and (forward is None or not forward.free):
            return "no other program uses its local port"
        if command_id == "forwards.copy" and (forward is None or not forward.local_port):
            return "the port-forward has no local address yet"
        return ""

    # -- the work ----------------------------------------------------------------------------------------------
    def _chosen(self) -> list[str]:
        """The marked rows, or the selected one."""
        table = self._table
        return [key for key in table.keys if key in table.marked] or [table.cursor_key]

    def _do(self, key: str, work: Callable[[], Awaitable[None]]) -> None:
        work_instead(self, f"forward-{key}", self._try, work)

    async def _try(self, work: Callable[[], Awaitable[None]]) -> None:
        try:
            await work()
        except PodtuiError as error:
            self.app.notify(str(error), severity="error", markup=False)

    def _refused(self, command_id: str) -> bool:
        why = self.refusal(command_id)
        if why:
            self.app.notify(why, severity="warning", markup=False)
        return bool(why)

    def _start_named(self, name: str) -> None:
        profiles = {profile.name: profile for profile in self.session.forwards.profiles}
        if name in profiles:
            self._do(f"{_SAVED}{name}", partial(self.session.forwards.start_profile, profiles[name]))
        else:
            what = f"config.yaml has no forward `{harmless(name)}`{near(name, profiles) if profiles else ''}"
            self.app.notify(what, severity="error", markup=False)

    def action_stop(self) -> None:
        manager = self.session.forwards
        for key in self._chosen():
            if (forward := self._forward(key)) is not None:
                self._do(key, partial(manager.stop if forward.running else manager.remove, forward.id))

    def action_restart(self) -> None:
        for key in self._chosen():
            if (forward := self._forward(key)) is not None:
                self._do(key, partial(self.session.forwards.restart, forward.id))
            elif (profile := self._profile(key)) is not None:
                self._start_named(profile.name)

    def action_free_port(self) -> None:
        forward = self._forward(self._table.cursor_key)
        if not self._refused("forwards.free-port") and forward is not None:
            self._do(str(forward.id), partial(self.session.forwards.restart_on, forward.id, forward.free))

    @on(RowTable.Opened)
    def _opened(self, event: RowTable.Opened) -> None:
        """Enter starts a forward that is not running."""
        forward = self._forward(event.key)
        if forward is None or not forward.running:
            self.action_restart()

    def action_copy(self) -> None:
        forward = self._forward(self._table.cursor_key)
        if not self._refused("forwards.copy") and forward is not None:
            self.app.copy_to_clipboard(forward.local_address)
            self.app.notify(f"Sent {forward.local_address} to the terminal's clipboard", markup=False)

    def action_close(self) -> None:
        self.dismiss()
