"""The pod list: the server's own columns, sorted and filtered, with labels as columns."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.message import Message

from podtui.cluster.live.name_filter import NameFilter, parse_filter
from podtui.cluster.live.store import Batch
from podtui.cluster.live.tables import Row, text
from podtui.cluster.live.view import View
from podtui.cluster.session import Session
from podtui.errors import CredentialError, Unauthorized
from podtui.kube.ages import age
from podtui.kube.resources import PODS, ObjectRef
from podtui.kube.status_words import status_style
from podtui.ui.commands import bindings
from podtui.ui.widgets.row_table import Cell, RowTable, TableColumn
from podtui.ui.widgets.text_line import TextLine

SORTS = {"name": "Name", "status": "Status", "age": "Age", "restarts": "Restarts", "node": "Node", "ready": "Ready"}
SILENT = 3.0  # seconds without an answer after which that is said
NOTHING, CHOSEN, ALL = range(3)  # label columns: none, those asked for, all labels in one column


class PodsPane(Vertical):
    """Shows `session.pods`. The main screen hears `RowTable.Opened` and `RowTable.CursorMoved` of the table `#pods`."""

    BINDINGS: ClassVar[list[Binding]] = bindings("pods")  # type: ignore[assignment]

    DEFAULT_CSS = """
    PodsPane { height: 1fr; }
    PodsPane > TextLine { background: $panel; }
    PodsPane:focus-within > TextLine { background: $primary; color: $background; }
    """

    class Counted(Message):
        """The number of pods shown, or there, changed."""

    def __init__(self, session: Session, label_columns: Iterable[str] = (), *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.session = session
        self.store = session.pods
        self.view = View(self.store)
        self.filter: NameFilter = parse_filter("")
        self.wide = False
        self.label_columns = tuple(label_columns)
        self.labels = CHOSEN if self.label_columns else NOTHING
        self._title = TextLine()
        self.table = RowTable(self._cells, id="pods")
        self._shown: list[tuple[int, str]] = []  # the server's columns on show: place and key
        self._ends: list[object] = []

    def compose(self) -> ComposeResult:
        yield self._title
        yield self.table

    def on_mount(self) -> None:
        self._ends = [
            self.store.subscribe(self._take),
            self.store.subscribe_health(lambda _: self._tell()),
            self.session.namespaces.subscribe_health(lambda _: self._tell()),
        ]
        self.set_interval(1.0, self._tick)
        self._columns()
        self._tell()

    def on_unmount(self) -> None:
        for end in self._ends:
            end()  # type: ignore[operator]

    # -- from the store -----------------------------------------------------------------------------------------
    def _take(self, batch: Batch) -> None:
        moved = self.view.update(batch)
        if batch.reset:
            self._columns()
        if moved or batch.reset:
            self.table.set_keys(self.view.uids, anew=batch.reset)
        else:
            self.table.refresh_rows(batch.changed)
        self._tell()

    def _tick(self) -> None:
        self.table.refresh_rows()
        if self.store.health.state in ("stale", "connecting"):
            self._tell()

    def _tell(self) -> None:
        """The title, and what stands in place of rows: `no pods` only when the server has said so."""
        health, store = self.store.health, self.store
        shown, there = len(self.view), len(store.rows)
        parts: list[tuple[str, str]] = [(" Pods ", "title")]
        if there or store.known:  # 0 is said only when the server has said so
            parts.append((f"{shown}" if shown == there else f"{shown} of {there}", ""))
        if self.filter.text:
            parts += [("  /", "dim"), (self.filter.text, "match")]
        if self.table.marked:
            parts.append((f"  {len(self.table.marked)} marked", "mark"))
        right: list[tuple[str, str]] = []
        if health.state == "loading":
            right = [(f"loading {health.loaded}" + (f" of {health.loaded + health.remaining}" if health.remaining else "") + " ", "warn")]
        self._title.show(parts, right)
        self.table.set_empty(*self._nothing())
        self.post_message(self.Counted())

    def _nothing(self) -> tuple[str, ...]:
        health, scope = self.store.health, self.store.scope
        if self.store.rows:
            return ("no pod matches the filter", "Esc clears it")
        denied = sorted(self.store.denied)
        where = "in all namespaces" if scope.all_namespaces else f"in {', '.join(scope.namespaces)}"
        if self.store.known and health.state in ("live", "stale"):
            heard = [name for name in scope.namespaces if name not in denied]
            with_ = f" with labels {scope.selector}" if scope.selector else ""
            with_ += f" on node {scope.node} (Esc: on any node)" if scope.node else ""
            lines = [f"no pods {'in ' + ', '.join(heard) if heard else where}{with_}"]
            lines += [f"you may not list pods in {', '.join(denied)}"] if denied else []
            spaces = self.session.namespaces
            if spaces.known and spaces.health.state == "live":
                missing = [name for name in heard if name not in self.session.known_namespaces]
                lines += [f"there is no namespace {', '.join(missing)}"] if missing else []
            return tuple(lines)
        words = tuple(word for word in (health.error.what, health.error.hint) if word) if health.error else ()
        if health.state == "denied" and isinstance(health.error, Unauthorized | CredentialError):
            return ("the API server does not accept the credentials; trying again", *words)
        if health.state == "denied":
            return (f"you may not list pods {where}", *words, "another namespace: start with -n NAMESPACE, or type :ns NAMESPACE")
        if health.state in ("failed", "stale") and isinstance(health.error, CredentialError):
            return ("there are no credentials for the API server; trying again", *words)
        if health.state in ("failed", "stale"):
            return ("the API server cannot be reached; trying again", *words)
        if self.session.error is not None:
            return ("cannot connect yet; trying again", self.session.error.what, self.session.error.hint)
        if health.state == "loading":
            return ("loading pods ...",)
        if waits := self.session.waits_for:
            return (f"waiting for {waits[0]} ...", *waits[1:])
        waited = time.time() - health.since
        silent = (f"no answer for {age(waited)}",) if waited >= SILENT else ()
        return (f"connecting to {self.session.settings.server} ...", *silent)

    # -- columns and cells --------------------------------------------------------------------------------------
    def _columns(self) -> None:
        # Names give way first: what state the pods are in must be in view at 80 columns too.
        columns = [TableColumn("Namespace", "NAMESPACE", 32, flexible=True, least=10)] if self._spaces else []
        self._shown = self._chosen()
        columns += [TableColumn(name, name.upper(), 63, flexible=name == "Name", least=20) for _, name in self._shown]
        if self.labels == CHOSEN:
            columns += [TableColumn(f"label:{key}", key.rsplit("/", 1)[-1].upper(), 40) for key in self.label_columns]
        elif self.labels == ALL:
            columns.append(TableColumn("labels", "LABELS", 200))
        sort = "Name" if self.view.sort == "name" else next((v for k, v in SORTS.items() if k == self.view.sort.lower()), self.view.sort)
        self.table.set_columns(columns, sort, self.view.reverse)

    def _chosen(self) -> list[tuple[int, str]]:
        """The server's columns to show, by place and name: those that the configuration names, otherwise those that kubectl shows."""
        known = [(place, column.name) for place, column in enumerate(self.store.columns)]
        wide = ("IP", "Node", "Nominated Node", "Readiness Gates")
        if self.session.config.columns and not self.wide:
            chosen = [found for word in self.session.config.columns for found in known if found[1].lower() == word.lower()]
            if chosen:
                return chosen
        return [(place, name) for place, name in known if self.store.columns[place].priority == 0 or (self.wide and name in wide)]

    @property
    def _spaces(self) -> bool:
        return len(self.store.scope.namespaces) != 1

    def _cells(self, uid: str) -> list[Cell]:
        row = self.store.rows.get(uid)
        if row is None:
            return []
        now, columns = time.time(), self.store.columns
        values = {name: text(row, place, columns[place], now) for place, name in self._shown}
        status = values.get("Status", "")
        style = f"status.{status_style(status, values.get('Ready', ''))}"
        cells = [Cell(row.namespace, "dim")] if self._spaces else []
        for name, value in values.items():
            if name == "Name":
                cells.append(Cell(value, style, tuple(self.filter.spans(row.name))))
            else:
                cells.append(Cell(value, style if name in ("Status", "Ready", "Restarts") else ""))
        if self.labels == CHOSEN:
            cells += [Cell(row.labels.get(key, "<none>"), "" if key in row.labels else "dim") for key in self.label_columns]
        elif self.labels == ALL:
            cells.append(Cell(",".join(f"{key}={value}" for key, value in sorted(row.labels.items())) or "<none>", "label.value"))
        return cells

    # -- what a user chooses ------------------------------------------------------------------------------------
    def set_filter(self, filter: NameFilter) -> None:
        """Show only rows that pass; the selector of a filter is the main screen's affair."""
        self.filter = filter
        self.view.set_filter((lambda row: filter.matches(row.namespace, row.name)) if filter.text else None)
        self.table.set_keys(self.view.uids)
        self.table.refresh_rows()
        self._tell()

    def rescoped(self) -> None:
        """The scope is another one: the namespace column may come or go."""
        self._columns()
        self._tell()

    def _sort(self, by: str) -> None:
        reverse = not self.view.reverse if self.view.sort == by else False
        self.view.set_sort(by, reverse)
        self._columns()
        self.table.set_keys(self.view.uids)

    def action_sort_name(self) -> None:
        self._sort("name")

    def action_sort_status(self) -> None:
        self._sort("status")

    def action_sort_age(self) -> None:
        self._sort("age")

    def action_sort_restarts(self) -> None:
        self._sort("restarts")

    def action_sort_node(self) -> None:
        self.wide = True
        self._sort("node")

    def action_wide(self) -> None:
        self.wide = not self.wide
        self._columns()

    def action_label_columns(self) -> None:
        self.labels = (self.labels + 1) % 3
        if self.labels == CHOSEN and not self.label_columns:
            self.labels = ALL
        self._columns()

    def on_row_table_header_clicked(self, event: RowTable.HeaderClicked) -> None:
        event.stop()
        if event.key != "labels":
            by = next((key for key, title in SORTS.items() if title == event.key), event.key)
            self._sort(by)

    def on_row_table_marks_changed(self) -> None:
        self._tell()

    # -- which pods are meant -----------------------------------------------------------------------------------
    def ref(self, uid: str) -> ObjectRef | None:
        row = self.store.rows.get(uid)
        return None if row is None else ref_of(row)

    @property
    def current(self) -> ObjectRef | None:
        """The pod under the cursor."""
        return self.ref(self.table.cursor_key)

    @property
    def targets(self) -> list[ObjectRef]:
        """The marked pods in their order on the screen; without marks, the one under the cursor."""
        marked = [uid for uid in self.view.uids if uid in self.table.marked]
        found = [self.ref(uid) for uid in marked or [self.table.cursor_key]]
        return [ref for ref in found if ref is not None]

    @property
    def stale_for(self) -> str:
        """For how long the rows are stale, as an age; "" when they are not."""
        health = self.store.health
        return age(time.time() - health.since) if health.state == "stale" else ""


def ref_of(row: Row) -> ObjectRef:
    return ObjectRef(PODS, row.name, row.namespace, row.uid, row.resource_version)
