"""The namespaces with their pod counts: all of them, one, or several by marks."""

from __future__ import annotations

import time
from collections.abc import Callable

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.message import Message

from podtui.cluster.live.tables import Row, age_text
from podtui.cluster.session import Session
from podtui.kube.resources import NAMESPACES, ObjectRef
from podtui.kube.status_words import status_style
from podtui.ui.widgets.row_table import Cell, RowTable, TableColumn
from podtui.ui.widgets.text_line import TextLine

EVERY = "*"  # the key of the row for all namespaces: no namespace can be called so


class NamespacesPane(Vertical):
    """Shows `session.namespaces`; Enter chooses the row, or all the marked ones."""

    DEFAULT_CSS = """
    NamespacesPane { width: 30; height: 1fr; border-right: solid $panel; }
    NamespacesPane > TextLine { background: $panel; }
    NamespacesPane:focus-within > TextLine { background: $primary; color: $background; }
    """

    class Chosen(Message):
        """The pod list shall show these namespaces; none means all."""

        def __init__(self, namespaces: tuple[str, ...]) -> None:
            super().__init__()
            self.namespaces = namespaces

    def __init__(self, session: Session, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.session = session
        self._title = TextLine()
        self.table = RowTable(self._cells, id="namespaces")
        self._rows: dict[str, Row] = {}
        self._ends: list[Callable[[], None]] = []

    def compose(self) -> ComposeResult:
        yield self._title
        yield self.table

    def on_mount(self) -> None:
        session = self.session
        self._ends = [
            session.namespaces.subscribe(lambda _: self._take()),
            session.namespaces.subscribe_health(lambda _: self._take()),
            session.pods.subscribe(lambda batch: self._take() if batch.reset else None),  # the scope may name other ones
            session.pods.subscribe_health(lambda _: self.table.refresh_rows()),
            session.counts.subscribe(lambda _: self.table.refresh_rows()),
        ]
        self.set_interval(1.0, self.table.refresh_rows)
        name = TableColumn("name", "NAME", 63, flexible=True)
        self.table.set_columns([name, TableColumn("pods", "PODS", 7, right=True), TableColumn("age", "AGE", 8)])
        self._take()

    def on_unmount(self) -> None:
        for end in self._ends:
            end()

    def _take(self) -> None:
        self._rows = {row.name: row for row in self.session.namespaces.rows.values()}
        names = self.session.known_namespaces
        keys = [EVERY, *names]
        if keys != list(self.table.keys):
            self.table.set_keys(keys, anew=True)
        self.table.refresh_rows()
        health = self.session.namespaces.health
        right = {"denied": "named only ", "stale": "stale ", "failed": "? "}.get(health.state, "")
        self._title.show([(" Namespaces ", "title"), (str(len(names)), "")], [(right, "warn")])

    def rescoped(self) -> None:
        """The scope is another one."""
        self._take()

    def _cells(self, key: str) -> list[Cell]:
        scope, counts = self.session.pods.scope, self.session.counts
        if key == EVERY:
            # Of those that only somebody named no sum is made: there may be others.
            summed = counts.complete or (counts.counts and self.session.namespaces.health.state != "denied")
            total = sum(counts.counts.values()) if summed else None
            return [Cell("all namespaces", "ok" if scope.all_namespaces else ""), Cell("" if total is None else str(total)), Cell("")]
        row = self._rows.get(key)
        chosen = key in scope.namespaces
        style = "ok" if chosen else ""
        name = f"{key} ←" if chosen else key
        if chosen and key in self.session.pods.denied:
            name, style = f"{name} denied", "error"
        if row is not None and (status := self._status(row)) != "Active":
            name, style = f"{name} ({status})", f"status.{status_style(status)}"
        count = counts.counts.get(key, 0 if counts.complete else None)
        return [Cell(name, style), Cell("" if count is None else str(count)), Cell(age_text(row, time.time()) if row else "", "dim")]

    def _status(self, row: Row) -> str:
        for column, cell in zip(self.session.namespaces.columns, row.cells, strict=False):
            if column.name == "Status":
                return str(cell)
        return "Active"

    def on_row_table_opened(self, event: RowTable.Opened) -> None:
        event.stop()
        marked = [key for key in self.table.keys if key in self.table.marked]
        self.table.action_clear_marks()
        chosen = marked or [event.key]
        self.post_message(self.Chosen(() if EVERY in chosen else tuple(chosen)))

    @property
    def current(self) -> ObjectRef | None:
        """The namespace under the cursor, if it is one that the server listed."""
        return self._ref(self.table.cursor_key)

    @property
    def targets(self) -> list[ObjectRef]:
        """The marked namespaces in their order on the screen; without marks, the one under the cursor."""
        marked = [key for key in self.table.keys if key in self.table.marked]
        return [ref for key in marked or [self.table.cursor_key] if (ref := self._ref(key)) is not None]

    def _ref(self, name: str) -> ObjectRef | None:
        row = self._rows.get(name)
        return None if row is None else ObjectRef(NAMESPACES, row.name, "", row.uid, row.resource_version)
