"""A list of a log's containers, with the number of lines of each, to hide and show them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar, NamedTuple

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Static

from podtui.ui.commands import bindings
from podtui.ui.widgets.row_table import Cell, RowTable, TableColumn
from podtui.ui.widgets.text_line import TextLine

_TICK = 1.0  # seconds between updates of the counts


class SourceRow(NamedTuple):
    """A row of the list. `key` identifies the source; `shown` is whether its lines are shown."""

    key: str
    pod: str
    container: str
    lines: int | None  # None: it is not read
    state: str
    style: str
    shown: bool


class LogSourcesScreen(ModalScreen[str | None]):
    """The marked rows are the shown sources: `show` receives each change. Dismissed with the key of the only one to show, or None."""

    BINDINGS: ClassVar[list[Binding]] = bindings("sources")  # type: ignore[assignment]
    AUTO_FOCUS = "#sources"

    DEFAULT_CSS = """
    LogSourcesScreen { align: center middle; background: $background 60%; }
    LogSourcesScreen > Vertical {
        width: 100; max-width: 100%; height: auto; max-height: 90%; background: $surface; border: round $primary;
    }
    LogSourcesScreen Static { height: auto; padding: 0 1; }
    LogSourcesScreen #sources { height: auto; max-height: 24; }
    """

    def __init__(
        self,
        title: str,
        rows: Callable[[], Sequence[SourceRow]],
        show: Callable[[Sequence[str], bool], None],
        current: str = "",
        left_out: Callable[[], Sequence[str]] = lambda: (),
    ) -> None:
        """`rows` returns the current sources; `show` shows (True) or hides those with the given keys."""
        super().__init__()
        self._title = title
        self._ask = rows
        self._show = show
        self._current = current
        self._left_out = left_out
        self._rows: dict[str, SourceRow] = {}
        self._table = RowTable(self._cells, id="sources")

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Static(Text(self._title, style="bold"))
            yield self._table
            yield Static(id="sources-left-out")
            yield TextLine(id="sources-keys")

    def on_mount(self) -> None:
        self._table.set_columns(
            [
                TableColumn("pod", "POD", 63, flexible=True, least=24),
                TableColumn("container", "CONTAINER", 40, flexible=True, least=10),
                TableColumn("lines", "LINES", 12),
                TableColumn("state", "STATE", 60, flexible=True, least=14),
            ]
        )
        words = (("Space", "show or hide"), ("Enter", "only this one"), ("^A", "all"), ("Esc", "back"))
        parts = [part for key, word in words for part in ((f" {key}", "label.key"), (f" {word} ", ""))]
        self.query_one("#sources-keys", TextLine).show(parts)
        self._refresh_sources()
        self._table.select(self._current)
        self.set_interval(_TICK, self._refresh_sources)

    def _refresh_sources(self) -> None:
        self._rows = {row.key: row for row in self._ask()}
        keys = list(self._rows)
        if keys != list(self._table.keys):
            self._table.set_keys(keys, anew=True)
        self._mark()
        names = self._left_out()
        words = f"{len(names)} left out, because too many are open already: {', '.join(names[:5])}{' …' if len(names) > 5 else ''}"
        self.query_one("#sources-left-out", Static).update(Text(words if names else ""))

    def _cells(self, key: str) -> Sequence[Cell]:
        row = self._rows.get(key)
        if row is None:
            return []
        dim = "" if row.shown else "dim"
        lines = "" if row.lines is None else f"{row.lines:,}"
        return [Cell(row.pod, dim), Cell(row.container, dim), Cell(lines, dim), Cell(row.state, row.style)]

    def _mark(self) -> None:
        self._table.marked = {row.key for row in self._rows.values() if row.shown}
        self._table.refresh_rows()

    @on(RowTable.MarksChanged)
    def _marked(self, event: RowTable.MarksChanged) -> None:
        event.stop()
        marked, shown = self._table.marked, {row.key for row in self._rows.values() if row.shown}
        for keys, wanted in ((marked - shown, True), (shown - marked, False)):
            if keys:
                self._show(sorted(keys), wanted)
        self._refresh_sources()

    @on(RowTable.Opened)
    def _only(self, event: RowTable.Opened) -> None:
        event.stop()
        self.dismiss(event.key)

    def action_close(self) -> None:
        self.dismiss(None)
