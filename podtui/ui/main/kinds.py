"""What a list needs to know about a kind beyond what the API server sends: which columns it shows, and how its rows look."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from msgspec import structs

from podtui.cluster.live.store import Batch
from podtui.cluster.live.tables import NO_LABELS, Column, Row, age_text
from podtui.cluster.session import Session
from podtui.kube.resources import NAMESPACES, NODES, PODS, Resource
from podtui.kube.status_words import status_style
from podtui.signals import Signal
from podtui.ui.widgets.row_table import Cell

EVERY = "*"  # the key of the row for all namespaces: no namespace can have this name
_COUNT = Column("Pods", "integer")
_PROVISIONAL = [Column("Name"), Column("Status"), Column("Age")]  # until the server has sent its columns


@dataclass(frozen=True)
class Kind:
    """A kind as a list shows it. Everything else is the same for every kind and comes from the server's Table.

    `columns` are the columns of the list by the server's names (none: those that kubectl shows; `w` shows all); `name_width` is the
    least width of a name, in cells, where there is little room. `titles` maps states of the list that the first line does not show to the
    word beside the title; `denied` says what to do without the right to list. `cell` changes the cell of a column; `every` returns the
    cells, by column, of a row above all others; `rows` creates the source of the rows if it is not the store.
    """

    resource: Resource
    columns: tuple[str, ...] = ()
    name_width: int = 20
    titles: Mapping[str, str] = field(default_factory=dict)
    denied: str = ""
    cell: Callable[[Session, Row, str, Cell], Cell] | None = None
    every: Callable[[Session], Mapping[str, Cell]] | None = None
    rows: Callable[[Session], NamespaceRows] | None = None

    @property
    def plural(self) -> str:
        return self.resource.plural

    @property
    def singular(self) -> str:
        return self.resource.kind.lower()

    @property
    def title(self) -> str:
        return self.plural.capitalize()


class NamespaceRows:
    """The rows of the known namespaces, each with its number of pods. Lives as long as the session.

    A namespace that the user named and the server does not list has a row without a resource version.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._store = session.namespaces
        self._changed: Signal[Batch] = Signal()
        self.subscribe = self._changed.subscribe
        self.rows: dict[str, Row] = {}
        session.namespaces.subscribe(lambda batch: self._read(batch.reset))
        session.pods.subscribe(lambda batch: self._read() if batch.reset else None)  # the scope may name others
        session.counts.subscribe(lambda _: self._read())
        for store in (session.namespaces, session.pods):
            store.subscribe_health(lambda _: self._read())
        self._read()

    @property
    def columns(self) -> list[Column]:
        return [*(self._store.columns or _PROVISIONAL), _COUNT]

    def _read(self, reset: bool = False) -> None:
        listed = {row.name: row for row in self._store.rows.values()}
        before, self.rows = self.rows, {}
        for name in self._session.known_namespaces:
            row = listed.get(name)
            cells = row.cells if row is not None else tuple(name if column.name == "Name" else None for column in self.columns[:-1])
            row = row or Row(f"name/{name}", "", name, "", NO_LABELS, 0.0, False, ())
            self.rows[row.uid] = structs.replace(row, cells=(*cells, self._session.counts.of(name)))
        # A change of any namespace may change the row for all namespaces and the marks of those shown.
        self._changed.emit(Batch(reset, {EVERY, *self.rows}, before.keys() - self.rows.keys()))


def _namespace_cell(session: Session, row: Row, column: str, cell: Cell) -> Cell:
    """Marks a namespace whose pods are shown; adds a status only if it is unusual."""
    if column == "Age":
        return Cell(age_text(row, time.time()) if row.created else "", "dim")
    if column != "Name":
        return cell
    name, style = row.name, ""
    if row.name in session.pods.scope.namespaces:
        name, style = f"{name} ←", "ok"
        if row.name in session.pods.denied:
            name, style = f"{name} denied", "error"
    place = next((place for place, column in enumerate(session.namespaces.columns) if column.name == "Status"), -1)
    status = str(row.cells[place]) if row.resource_version and place >= 0 else "Active"
    if status != "Active":
        name, style = f"{name} ({status})", f"status.{status_style(status)}"
    return Cell(name, style, cell.spans)


def _all_namespaces(session: Session) -> dict[str, Cell]:
    """Without the right to list namespaces the sum is unknown: there may be more than the user named."""
    counts = session.counts
    summed = counts.complete or (counts.counts and session.namespaces.health.state != "denied")
    total = str(sum(counts.counts.values())) if summed else ""
    return {"Name": Cell("all namespaces", "ok" if session.pods.scope.all_namespaces else ""), _COUNT.name: Cell(total)}


POD_LIST = Kind(PODS, denied="another namespace: start with -n NAMESPACE, or type :ns NAMESPACE")
NODE_LIST = Kind(NODES, denied="a pod's Why tab shows what is known without them")
NAMESPACE_LIST = Kind(
    NAMESPACES,
    columns=("Name", _COUNT.name, "Age"),
    name_width=12,
    titles={"denied": "named only", "polling": "polling", "stale": "stale", "failed": "?"},
    cell=_namespace_cell,
    every=_all_namespaces,
    rows=NamespaceRows,
)

IN_PLACE = {kind.plural: kind for kind in (NODE_LIST,)}
"""The kinds that are shown in place of the pods, by their plurals."""
