"""A live list of any kind: the server's own columns, sorted and filtered, with labels as columns."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.message import Message

from podtui.cluster.live.name_filter import NameFilter, parse_filter
from podtui.cluster.live.store import Batch, RowStore
from podtui.cluster.live.tables import AGE, RESTARTS, Row, text
from podtui.cluster.live.view import STARTS_REVERSED, Filter, View
from podtui.cluster.session import Session
from podtui.kube.resources import ObjectRef, Resource
from podtui.kube.selectors import parse
from podtui.kube.status_words import status_style
from podtui.ui.commands import BY_ID, bindings
from podtui.ui.main.kinds import EVERY, Kind
from podtui.ui.main.status import empty_words, loading_words
from podtui.ui.widgets.row_table import Cell, RowTable, TableColumn
from podtui.ui.widgets.text_line import TextLine

NOTHING, CHOSEN, ALL = range(3)  # label columns: none, those of the chosen keys, all labels in one column
_LEAST_STATUS = 16  # cells: CrashLoopBackOff is whole
_SICK = ("status.warn", "status.error")
_WITH_STATUS = ("Ready", "Restarts")  # the columns in the colour of a sick status, as the name is


class ListPane(Vertical):
    """Shows `store` as `kind` describes it. Its owner handles the messages of its `table`, and reads `current` and `targets`."""

    BINDINGS: ClassVar[list[Binding]] = bindings("list")  # type: ignore[assignment]

    DEFAULT_CSS = """
    ListPane { height: 1fr; }
    ListPane > TextLine { background: $panel; }
    ListPane:focus-within > TextLine { background: $primary; color: $background; }
    """

    class Changed(Message):
        """The rows, their number or the state of the list changed."""

    class LabelColumnsAsked(Message):
        """The user is to choose the keys of the label columns."""

        def __init__(self, pane: ListPane) -> None:
            super().__init__()
            self.pane = pane

    def __init__(
        self,
        session: Session,
        store: RowStore,
        kind: Kind,
        *,
        columns: Sequence[str] = (),
        label_columns: Iterable[str] = (),
    ) -> None:
        """`columns`, by the server's names, replace the kind's own; `label_columns` are the keys of labels."""
        super().__init__()
        self.session = session
        self.store = store
        self.kind = kind
        self.source = store if kind.rows is None else kind.rows(session)
        self.view = View(self.source)
        self.filter: NameFilter = parse_filter("")
        self.only_faulty = False
        self.wide = False
        self._columns = columns or kind.columns
        self.label_columns = tuple(label_columns)
        self._labels = CHOSEN if self.label_columns else NOTHING
        self._title = TextLine()
        self.table = RowTable(self._cells, id=kind.plural, unmarkable=() if kind.every is None else (EVERY,))
        self._shown: list[tuple[int, str]] = []  # the server's columns shown: index and name
        self._ticked: list[str] = []
        self._sought: tuple[str, Callable[[], None]] = ("", lambda: None)
        self._ends: list[Callable[[], None]] = []

    def compose(self) -> ComposeResult:
        yield self._title
        yield self.table

    def on_mount(self) -> None:
        self._ends = [
            self.source.subscribe(self._take),
            self.store.subscribe_health(lambda _: self.refresh_title()),
            self.session.namespaces.subscribe_health(lambda _: self.refresh_title()),
            self.session.namespaces.subscribe(lambda _: self.refresh_title()),  # one that is shown may be deleted
        ]
        self.set_interval(1.0, self._tick)
        self._take(Batch(reset=True))  # the list may have come before this pane

    def on_unmount(self) -> None:
        for end in self._ends:
            end()

    # -- from the store -----------------------------------------------------------------------------------------
    def _take(self, batch: Batch) -> None:
        moved = self.view.update(batch)
        if batch.reset:
            self.lay_out()
        if moved or batch.reset:
            self._set_keys(anew=batch.reset)
        else:
            self.table.refresh_rows(batch.changed)
        self.refresh_title()

    def _set_keys(self, *, anew: bool = False) -> None:
        self.table.set_keys(self.view.uids if self.kind.every is None else [EVERY, *self.view.uids], anew=anew)

    def _tick(self) -> None:
        """Refresh the ages, but not below a dialog: each paint there would paint the dialog again."""
        if self.app.screen is self.screen and (ticking := self._ticking()) != self._ticked:
            self._ticked = ticking
            self.table.refresh_rows()
        if self.store.health.state in ("stale", "polling", "connecting"):
            self.refresh_title()

    def _ticking(self) -> list[str]:
        """The texts in view that change by themselves: to make every cell each second, mostly for nothing, costs ten times as much."""
        now, columns, rows = time.time(), self.source.columns, self.source.rows
        places = [place for place, name in self._shown if name in (AGE, RESTARTS)]
        return [text(row, place, columns[place], now) for key in self.table.keys_in_view if (row := rows.get(key)) for place in places]

    def refresh_title(self) -> None:
        """Show the title, and the text in place of rows: "no ..." only once the server has said so."""
        health = self.store.health
        shown, there = len(self.view), len(self.source.rows)
        parts: list[tuple[str, str]] = [(f" {self.kind.title} ", "title")]
        if there or self.store.known:
            parts.append((f"{shown}" if shown == there else f"{shown} of {there}", ""))
        if self.filter.text:
            parts += [("  /", "dim"), (self.filter.text, "match")]
        if self.only_faulty:
            parts.append(("  only faulty", "match"))
        if self.table.marked:
            parts.append((f"  {len(self.table.marked)} marked", "mark"))
        word = loading_words(health) if health.state == "loading" else self.kind.titles.get(health.state, "")
        self._title.show(parts, [(f"{word} ", "warn")] if word else [])
        if there and self.only_faulty and not self.filter.text:
            self.table.set_empty(f"no {self.kind.singular} is faulty", "Esc shows all")
        else:
            self.table.set_empty(*empty_words(self.session, self.store, self.kind))
        self._look_for_sought()
        self.post_message(self.Changed())

    # -- going to an object by its name -------------------------------------------------------------------------
    def seek(self, name: str, found: Callable[[], None] = lambda: None) -> None:
        """Move the cursor to the object of that name, and call `found`, as soon as the list has it; say so if it does not."""
        self._sought = name, found
        self._look_for_sought()

    def _look_for_sought(self) -> None:
        name, found = self._sought
        uid = next((uid for uid, row in self.source.rows.items() if row.name == name), "") if name else ""
        if not name or not (uid or self.store.known):
            return
        self._sought = "", found
        if not uid:
            self.app.notify(f"there is no {self.kind.singular} {name} here", severity="warning", markup=False)
        elif self.table.select(uid):
            found()
        else:
            self.app.notify(f"the filter hides {self.kind.singular} {name}", severity="warning", markup=False)

    # -- columns and cells --------------------------------------------------------------------------------------
    def lay_out(self) -> None:
        """Show the columns that the scope and the user's choice ask for."""
        # Names shrink first: the state of the objects must be in view at 80 columns too.
        columns = [TableColumn("Namespace", "NAMESPACE", 32, flexible=True, least=10)] if self._has_namespaces else []
        self._shown = self._chosen()
        types = self.source.columns
        columns += [
            TableColumn(
                name,
                name.upper(),
                63,
                right=types[place].type in ("integer", "number"),
                flexible=name in ("Name", "Status"),
                least=self.kind.name_width if name == "Name" else _LEAST_STATUS,
                frozen=name == "Name",
                asked=types[place].priority > 0 and name.lower() == self.view.sort,
            )
            for place, name in self._shown
        ]
        if self._labels == CHOSEN:
            columns += [TableColumn(f"label:{key}", key.rsplit("/", 1)[-1].upper(), 40, asked=True) for key in self.label_columns]
        elif self._labels == ALL:
            columns.append(TableColumn("labels", "LABELS", 400))
        by = next((column.key for column in columns if column.key.lower() == self._sort), "")
        self.table.set_columns(columns, by, self.view.reverse)

    def _chosen(self) -> list[tuple[int, str]]:
        """The columns to show, by index and name: those requested, otherwise those that kubectl shows, and the one that sorts the rows."""
        known = [(place, column.name) for place, column in enumerate(self.source.columns)]
        asked = [found for word in self._columns if not self.wide for found in known if found[1].lower() == word.lower()]
        shown = asked or [(place, name) for place, name in known if self.wide or self.source.columns[place].priority == 0]
        return shown + [column for column in known if column[1].lower() == self.view.sort and column not in shown]

    @property
    def _has_namespaces(self) -> bool:
        return self.kind.resource.namespaced and len(self.store.scope.namespaces) != 1

    def _cells(self, uid: str) -> list[Cell]:
        if uid == EVERY and self.kind.every is not None:
            every = self.kind.every(self.session)
            return [every.get(name, Cell("")) for _, name in self._shown]
        row = self.source.rows.get(uid)
        if row is None:
            return []
        now, columns, change = time.time(), self.source.columns, self.kind.cell
        status = self.value(row, "Status")
        style = f"status.{status_style(status, self.value(row, 'Ready'))}" if status else ""
        sick = style if style in _SICK else ""  # a healthy row is quiet, so that a sick one stands out
        cells = [Cell(row.namespace, "dim")] if self._has_namespaces else []
        for place, name in self._shown:
            value = text(row, place, columns[place], now)
            if name == "Name":
                cell = Cell(value, sick, tuple(self.filter.spans(row.name)))
            else:
                cell = Cell(value, style if name == "Status" else sick if name in _WITH_STATUS else "")
            cells.append(cell if change is None else change(self.session, row, name, cell))
        if self._labels == CHOSEN:
            labels = row.labels
            cells += [Cell(labels.get(key, "<none>"), "" if key in labels else "dim") for key in self.label_columns]
        elif self._labels == ALL:
            cells.append(Cell(",".join(f"{key}={value}" for key, value in sorted(row.labels.items())) or "<none>", "label.value"))
        return cells

    def value(self, row: Row, column: str) -> str:
        """The server's value in a column; "" if there is no such column."""
        place = next((place for place, each in enumerate(self.source.columns) if each.name == column), -1)
        return str(row.cells[place]) if 0 <= place < len(row.cells) else ""

    # -- the user's choices -------------------------------------------------------------------------------------
    def set_filter(self, filter: NameFilter) -> None:
        """Show only rows that match. A label selector is evaluated here; a list that the server narrows asks the server instead."""
        self.filter = filter
        self._apply_filter()

    def action_faulty(self) -> None:
        """Show only the rows whose status is not as it should be; again: all."""
        self.only_faulty = not self.only_faulty
        self._apply_filter()

    def clear_filter(self) -> bool:
        """Show the rows that the filter hides, then those that are not faulty; False if nothing is hidden."""
        if self.filter.text:
            self.set_filter(parse_filter(""))
        elif self.only_faulty:
            self.action_faulty()
        else:
            return False
        return True

    def _apply_filter(self) -> None:
        filter, is_faulty = self.filter, self._is_faulty
        matches: Filter | None = None
        if filter.selector is not None:
            selected = parse(filter.selector).matches
            matches = lambda row: selected(row.labels)  # noqa: E731
        elif filter.text:
            matches = lambda row: filter.matches(row.namespace, row.name)  # noqa: E731
        if self.only_faulty:
            named = matches
            matches = lambda row: is_faulty(row) and (named is None or named(row))  # noqa: E731
        self.view.set_filter(matches)
        self._set_keys()
        self.table.refresh_rows()
        self.refresh_title()

    def _is_faulty(self, row: Row) -> bool:
        """Whether the status is worse than ok or done: it failed, is not ready, is on its way, or is being deleted."""
        status = self.value(row, "Status")
        return bool(status) and status_style(status, self.value(row, "Ready")) not in ("ok", "done")

    @property
    def passes(self) -> Callable[[str, str], bool] | None:
        """Which objects, by namespace and name, the list shows, for what follows them; None if it hides none. Of the faulty ones, those
        that are faulty now."""
        filter = self.filter
        if self.only_faulty:
            rows = self.source.rows
            shown = {(rows[uid].namespace, rows[uid].name) for uid in self.view.uids}
            return lambda namespace, name: (namespace, name) in shown
        return filter.matches if filter.text else None

    @property
    def _sort(self) -> str:
        """What the rows are sorted by, as their columns show it: without the namespaces by name."""
        return "name" if self.view.sort == "namespace" and not self._has_namespaces else self.view.sort

    def action_sort(self, by: str) -> None:
        """Sort by a column (ignoring case) or by `label:KEY`; again: in reverse. A kind without the column stays as it is.

        The cursor stays on its row, but at the top it stays at the top: what the sort starts with would be out of view.
        """
        by = by if by.startswith("label:") else by.lower()
        command = BY_ID.get(f"list.sort-{by}")
        if command is not None and not command.is_for(self.kind.plural):
            self.app.notify(f"{command.title}: only for {' and '.join(command.kinds)}", severity="warning", markup=False)
            return
        if not (by.startswith("label:") or by == "namespace" or any(column.name.lower() == by for column in self.source.columns)):
            return
        at_top = self.table.at_top
        self.view.set_sort(by, not self.view.reverse if self._sort == by else by in STARTS_REVERSED)
        self.lay_out()
        self._set_keys()
        if at_top:
            self.table.action_first()

    def action_wide(self) -> None:
        self.wide = not self.wide
        self.lay_out()

    def action_label_columns(self) -> None:
        """None, the chosen keys, all labels; then ask for the keys."""
        if self._labels == ALL:
            self.post_message(self.LabelColumnsAsked(self))
            return
        self._labels = CHOSEN if self._labels == NOTHING and self.label_columns else ALL
        self.lay_out()

    def set_label_columns(self, keys: Sequence[str], *, shown: bool = True) -> None:
        """Choose the keys of the label columns, and show them."""
        self.label_columns = tuple(keys)
        self._labels = CHOSEN if keys and shown else NOTHING
        self.lay_out()

    def on_row_table_header_clicked(self, event: RowTable.HeaderClicked) -> None:
        event.stop()
        self.action_sort(event.key)

    def on_row_table_marks_changed(self) -> None:
        self.refresh_title()

    # -- selected objects ---------------------------------------------------------------------------------------
    @property
    def resource(self) -> Resource:
        return self.kind.resource

    @property
    def without(self) -> str:
        return f"no {self.kind.singular} is selected"

    def ref(self, uid: str) -> ObjectRef | None:
        """The object of a row; None for a row that did not come from the server."""
        row = self.source.rows.get(uid)
        if row is None or not row.resource_version:
            return None
        return ObjectRef(self.kind.resource, row.name, row.namespace, row.uid, row.resource_version)

    @property
    def current(self) -> ObjectRef | None:
        """The object at the cursor."""
        return self.ref(self.table.cursor_key)

    @property
    def shown(self) -> ObjectRef | None:
        return self.current

    @property
    def targets(self) -> list[ObjectRef]:
        """The marked objects in their order on the screen; without marks, the object at the cursor."""
        marked = [uid for uid in self.view.uids if uid in self.table.marked] if self.table.marked else []  # asked at every key
        found = [self.ref(uid) for uid in marked or [self.table.cursor_key]]
        return [ref for ref in found if ref is not None]
