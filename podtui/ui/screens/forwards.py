"""The list of port-forwards: what runs, what ended and why."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from podtui.cluster.forward import Forward, State
from podtui.cluster.portspec import PortSpec, kubectl_port_forward
from podtui.errors import PodtuiError
from podtui.text import harmless
from podtui.ui.commands import bindings
from podtui.ui.widgets.key_hints import KeyHints
from podtui.ui.widgets.row_table import Cell, RowTable, TableColumn
from podtui.ui.widgets.text_line import TextLine

# The sign tells the state where colours cannot.
STATES: dict[State, tuple[str, str]] = {
    "starting": ("… starting", "status.wait"),
    "active": ("● active", "status.ok"),
    "failed": ("✗ failed", "status.error"),
    "lost": ("✗ lost", "status.error"),
    "stopped": ("- stopped", "status.done"),
}
# What changes often stands at the right, so that little is painted again.
COLUMNS = (
    TableColumn("state", "STATE", 10),
    TableColumn("local", "LOCAL", 47),
    TableColumn("port", "PORT", 5, right=True),
    TableColumn("pod", "POD", 32),
    TableColumn("namespace", "NAMESPACE", 24),
    TableColumn("connections", "CONN", 5, right=True),
    TableColumn("in", "IN", 9, right=True),
    TableColumn("out", "OUT", 9, right=True),
)


class ForwardsScreen(ModalScreen[None]):
    """Over the main screen; `session.forwards` is the ForwardManager. The forwards go on when the screen is left."""

    BINDINGS: ClassVar[list[Binding]] = bindings("forwards")  # type: ignore[assignment]
    AUTO_FOCUS = "#forwards"

    DEFAULT_CSS = """
    ForwardsScreen { background: $background; }
    ForwardsScreen #forwards { height: 1fr; min-height: 4; }
    ForwardsScreen #forwards-detail {
        height: auto; max-height: 7; border-top: solid $primary; background: $surface; scrollbar-size-vertical: 1;
    }
    ForwardsScreen #forwards-detail Static { height: auto; }
    """

    def __init__(self, session: Any) -> None:
        super().__init__()
        self.session = session
        self._unsubscribe: Callable[[], None] = lambda: None
        self._detail_shown = ""

    def compose(self) -> ComposeResult:
        yield TextLine(id="forwards-title")
        yield RowTable(self._cells, id="forwards")
        with VerticalScroll(id="forwards-detail", can_focus=False):
            yield Static(id="forwards-words")
        yield KeyHints()

    def on_mount(self) -> None:
        table = self._table
        table.set_columns(COLUMNS)
        table.set_empty("No port-forwards.", "Put the cursor on a pod and press Shift+F to start one.")
        self._unsubscribe = self.session.forwards.subscribe(self._changed)
        self._changed()

    def on_unmount(self) -> None:
        self._unsubscribe()

    @property
    def _table(self) -> RowTable:
        return self.query_one("#forwards", RowTable)

    # -- what is shown ------------------------------------------------------------------------------------------
    def _changed(self) -> None:
        forwards = self.session.forwards.forwards
        table = self._table
        keys = [str(forward.id) for forward in forwards]
        if list(table.keys) != keys:
            table.set_keys(keys)
        else:
            table.refresh_rows()
        running = sum(forward.running for forward in forwards)
        self.query_one("#forwards-title", TextLine).show([(" Port-forwards ", "title"), (f" {running} running", "")])
        self._show_detail()

    def _forward(self, key: str) -> Forward | None:
        return next((forward for forward in self.session.forwards.forwards if str(forward.id) == key), None)

    def _cells(self, key: str) -> Sequence[Cell]:
        forward = self._forward(key)
        if forward is None:
            return [Cell("")] * len(COLUMNS)
        word, style = STATES[forward.state]
        if forward.state == "active" and forward.error:
            word, style = "! active", "status.warn"
        return [
            Cell(word, style),
            Cell(forward.local_address),
            Cell(str(forward.remote_port or forward.spec.remote)),
            Cell(forward.ref.name),
            Cell(forward.ref.namespace),
            Cell(str(forward.connections)),
            Cell(amount(forward.bytes_in)),
            Cell(amount(forward.bytes_out)),
        ]

    def on_row_table_cursor_moved(self) -> None:
        self._show_detail()

    def _show_detail(self) -> None:
        forward = self._forward(self._table.cursor_key)
        words = "" if forward is None else self._words(forward)
        self.query_one("#forwards-detail").display = bool(words)
        if words != self._detail_shown:
            self._detail_shown = words
            self.query_one("#forwards-words", Static).update(Text(words))

    def _words(self, forward: Forward) -> str:
        spec = PortSpec(forward.local_port, forward.remote_port or forward.spec.remote)
        options = self.session.settings.kubectl_options
        lines = [f"$ {kubectl_port_forward(forward.ref, [spec], options=options, address=forward.address)}"]
        if forward.error:
            lines.append(f"{'last error' if forward.running else forward.state}: {harmless(forward.error)}")
        return "\n".join(lines)

    # -- what is done -------------------------------------------------------------------------------------------
    def _do(self, work: Callable[[Forward], Awaitable[None]]) -> None:
        """For the marked forwards, or the one under the cursor."""
        table = self._table
        chosen = [key for key in table.keys if key in table.marked] or [table.cursor_key]
        for key in chosen:
            if (forward := self._forward(key)) is not None:
                self.run_worker(self._try(work, forward), group=f"forward-{key}", exclusive=True, exit_on_error=False)

    async def _try(self, work: Callable[[Forward], Awaitable[None]], forward: Forward) -> None:
        try:
            await work(forward)
        except PodtuiError as error:
            self.app.notify(str(error), severity="error", markup=False)

    def action_stop(self) -> None:
        manager = self.session.forwards
        self._do(lambda forward: manager.stop(forward.id) if forward.running else manager.remove(forward.id))

    def action_restart(self) -> None:
        self._do(lambda forward: self.session.forwards.restart(forward.id))

    def action_copy(self) -> None:
        forward = self._forward(self._table.cursor_key)
        if forward is not None and forward.local_port:
            self.app.copy_to_clipboard(forward.local_address)
            self.app.notify(f"Sent {forward.local_address} to the terminal's clipboard", markup=False)

    def action_close(self) -> None:
        self.dismiss()


def amount(count: int) -> str:
    """Bytes as a person reads them: B, KiB, MiB, GiB."""
    if count < 1024:
        return f"{count} B"
    size = float(count)
    for unit in ("KiB", "MiB", "GiB", "TiB"):
        size /= 1024
        if size < 1000 or unit == "TiB":
            break
    return f"{size:.1f} {unit}"
