"""The list of nodes: the server's own columns, as `kubectl get nodes` prints them."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import ClassVar

from textual.app import ComposeResult
from textual.containers import Vertical

from podtui.cluster.live.name_filter import NameFilter, parse_filter
from podtui.cluster.live.store import Batch, RowStore
from podtui.cluster.live.tables import Row, text
from podtui.cluster.live.view import View
from podtui.cluster.session import Session
from podtui.kube.resources import NODES, ObjectRef
from podtui.kube.selectors import parse
from podtui.kube.status_words import status_style
from podtui.ui.widgets.row_table import Cell, RowTable, TableColumn
from podtui.ui.widgets.text_line import TextLine


class NodesPane(Vertical):
    """Shows `store`, a live list of nodes."""

    WIDEST: ClassVar[dict[str, int]] = {"Name": 63, "Status": 40}

    DEFAULT_CSS = """
    NodesPane { height: 1fr; }
    NodesPane > TextLine { background: $panel; }
    NodesPane:focus-within > TextLine { background: $primary; color: $background; }
    """

    def __init__(self, session: Session, store: RowStore, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.session = session
        self.store = store
        self.view = View(store)
        self.wide = False
        self.labels = False
        self.filter: NameFilter = parse_filter("")
        self.table = RowTable(self._cells, id="nodes")
        self._title = TextLine()
        self._shown: list[tuple[int, str]] = []
        self._wanted = ""  # the node that the cursor shall be on, until the list has it
        self._ends: list[Callable[[], None]] = []

    def compose(self) -> ComposeResult:
        yield self._title
        yield self.table

    def on_mount(self) -> None:
        self._ends = [self.store.subscribe(self._take), self.store.subscribe_health(lambda _: self._tell())]
        self.set_interval(1.0, self._tick)
        self._take(Batch(reset=True))  # the list may have come before this pane

    def on_unmount(self) -> None:
        for end in self._ends:
            end()

    # -- from the store -----------------------------------------------------------------------------------------
    def _take(self, batch: Batch) -> None:
        moved = self.view.update(batch)
        if batch.reset:
            self._columns()
        if moved or batch.reset:
            self.table.set_keys(self.view.uids, anew=batch.reset)
        else:
            self.table.refresh_rows(batch.changed)
        if self._wanted:
            self.go_to(self._wanted)
        self._tell()

    def _tick(self) -> None:
        self.table.refresh_rows()
        if self.store.health.state != "live":
            self._tell()

    def _tell(self) -> None:
        health, count = self.store.health, len(self.store.rows)
        shown = len(self.view)
        known = "" if not count and not self.store.known else str(count) if shown == count else f"{shown} of {count}"
        marked = f"  {len(self.table.marked)} marked" if self.table.marked else ""
        right = "" if health.state == "live" else f"{health.state} "
        filter = f"  /{self.filter.text}" if self.filter.text else ""
        self._title.show([(" Nodes ", "title"), (known, ""), (filter, "match"), (marked, "mark")], [(right, "warn")])
        self.table.set_empty(*self._nothing())

    def _nothing(self) -> tuple[str, ...]:
        """What stands in place of rows."""
        health = self.store.health
        if self.store.rows:
            return ("no node matches the filter", "Esc clears it")
        words = tuple(word for word in (health.error.what, health.error.hint) if word) if health.error is not None else ()
        if health.state == "denied":
            return ("you may not list nodes", *words, "a pod's Why tab shows what is known without them")
        if self.store.known:
            return ("no nodes",)
        return words or ("loading nodes ...",)

    # -- columns and cells --------------------------------------------------------------------------------------
    def _columns(self) -> None:
        known = list(enumerate(self.store.columns))
        self._shown = [(place, column.name) for place, column in known if column.priority == 0 or self.wide]
        columns = [TableColumn(name, name.upper(), self.WIDEST.get(name, 40), flexible=name == "Name", least=20) for _, name in self._shown]
        if self.labels:
            columns.append(TableColumn("labels", "LABELS", 400))
        self.table.set_columns(columns, {"name": "Name", "status": "Status", "age": "Age"}.get(self.view.sort, ""), self.view.reverse)

    def _cells(self, uid: str) -> list[Cell]:
        row = self.store.rows.get(uid)
        if row is None:
            return []
        now, columns = time.time(), self.store.columns
        values = [(name, text(row, place, columns[place], now)) for place, name in self._shown]
        style = f"status.{status_style(status_of(self.store, row))}"
        spans = tuple(self.filter.spans(row.name))
        cells = [Cell(value, style if name in ("Name", "Status") else "", spans if name == "Name" else ()) for name, value in values]
        if self.labels:
            cells.append(Cell(",".join(f"{key}={value}" for key, value in sorted(row.labels.items())), "label.value"))
        return cells

    # -- what a user chooses ------------------------------------------------------------------------------------
    def set_filter(self, filter: NameFilter) -> None:
        """Show only the nodes that pass; a label selector is evaluated here, since every node of the cluster is here."""
        self.filter = filter
        matches = parse(filter.selector).matches if filter.selector is not None else None
        if not filter.text:
            self.view.set_filter(None)
        elif matches is not None:
            self.view.set_filter(lambda row: matches(row.labels))
        else:
            self.view.set_filter(lambda row: filter.matches("", row.name))
        self.table.set_keys(self.view.uids)
        self.table.refresh_rows()
        self._tell()

    def go_to(self, name: str) -> None:
        """The cursor to the node of that name, as soon as the list has it."""
        found = next((uid for uid, row in self.store.rows.items() if row.name == name), "")
        self._wanted = "" if found and self.table.select(found) else name

    def sort(self, by: str) -> None:
        self.view.set_sort(by, not self.view.reverse if self.view.sort == by else False)
        self._columns()
        self.table.set_keys(self.view.uids)

    def toggle_wide(self) -> None:
        self.wide = not self.wide
        self._columns()

    def toggle_labels(self) -> None:
        self.labels = not self.labels
        self._columns()

    def on_row_table_header_clicked(self, event: RowTable.HeaderClicked) -> None:
        event.stop()
        if event.key != "labels":
            self.sort(event.key.lower())

    def on_row_table_marks_changed(self) -> None:
        self._tell()

    # -- which nodes are meant ----------------------------------------------------------------------------------
    @property
    def current(self) -> ObjectRef | None:
        """The node under the cursor."""
        row = self.store.rows.get(self.table.cursor_key)
        return None if row is None else _ref(row)

    @property
    def targets(self) -> list[ObjectRef]:
        """The marked nodes in their order; without marks, the one under the cursor."""
        chosen = [uid for uid in self.view.uids if uid in self.table.marked] or [self.table.cursor_key]
        return [_ref(row) for uid in chosen if (row := self.store.rows.get(uid)) is not None]

    @property
    def open_nodes(self) -> list[str]:
        """The names of the nodes that the scheduler uses now."""
        return [row.name for row in self.store.rows.values() if status_of(self.store, row) == "Ready"]

    def is_cordoned(self, ref: ObjectRef) -> bool:
        row = self.store.rows.get(ref.uid)
        return row is not None and "SchedulingDisabled" in status_of(self.store, row)


def status_of(store: RowStore, row: Row) -> str:
    """`Ready,SchedulingDisabled`, as the list has it."""
    place = next((place for place, column in enumerate(store.columns) if column.name == "Status"), -1)
    return str(row.cells[place]) if 0 <= place < len(row.cells) else ""


def _ref(row: Row) -> ObjectRef:
    return ObjectRef(NODES, row.name, "", row.uid, row.resource_version)
