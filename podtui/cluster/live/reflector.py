"""The rows of one namespace (or of all) and one selector, kept in sync with the server, as its Table prints them."""

from __future__ import annotations

import asyncio
import time
from typing import Protocol

from podtui.cluster.connection.connection_errors import status_error
from podtui.cluster.connection.listing import TABLE
from podtui.cluster.live.list_watch import TURN, ListWatch
from podtui.cluster.live.pacing import Timing
from podtui.cluster.live.tables import Column, NotATable, Row, RowMaker, Table, TableRow, decode_event, decode_table, wire_uid
from podtui.kube.resources import Resource


class Listener(Protocol):
    """Receives the changes; all calls come from the reflector's own task."""

    def columns_changed(self, reflector: Reflector, columns: list[Column]) -> None: ...
    def row_put(self, reflector: Reflector, row: Row) -> None: ...
    def row_gone(self, reflector: Reflector, uid: str) -> None: ...
    def page_done(self, reflector: Reflector) -> None:
        """The first page, or the last one, was delivered: a good moment to show it."""

    def state_changed(self, reflector: Reflector) -> None: ...


class Reflector(ListWatch[Table]):
    """Keeps `rows` (by UID) in sync with the server.

    Set `rows` before the start to show known rows, which the list then replaces; with a `resource_version`, they are the server's
    complete set at that version, and only later changes are requested.
    """

    list_accept = watch_accept = TABLE

    def __init__(
        self,
        resource: Resource,
        namespace: str,
        selector: str,
        *,
        listener: Listener,
        maker: RowMaker,
        timing: Timing | None = None,
        turn: asyncio.Semaphore | None = None,
        fields: str = "",
    ) -> None:
        super().__init__(
            resource.path(namespace),
            f"{resource.plural} of {namespace}" if namespace else resource.plural,
            selector=selector,
            fields=fields,
            query=[("includeObject", "Metadata")],
            timing=timing,
            turn=turn,
        )
        self.namespace = namespace
        self.rows: dict[str, Row] = {}
        self.columns: list[Column] | None = None
        self._listener = listener
        self._maker = maker
        self._seen: set[str] = set()  # by the list in progress
        self._anew = False

    @property
    def is_empty(self) -> bool:
        return not self.rows

    def state_changed(self) -> None:
        self._listener.state_changed(self)

    # -- list

    def decode_page(self, content: bytes) -> Table:
        return decode_table(content, self.what)

    async def take_page(self, page: Table, first: bool) -> int:
        if first:
            self._seen = set()
            if page.columns is not None:
                self._set_columns(page.columns)
        now = time.time()
        rows = page.rows or []
        for start in range(0, len(rows), TURN):
            for wire in rows[start : start + TURN]:
                self._seen.add(self._put(wire, now, self._anew))
            await asyncio.sleep(0)
        return len(self._seen)

    def page_done(self) -> None:
        self._listener.page_done(self)

    def list_done(self) -> None:
        for uid in [uid for uid in self.rows if uid not in self._seen]:
            self._drop(uid)
        self._seen = set()
        self._listener.page_done(self)

    def _set_columns(self, columns: list[Column]) -> None:
        self._anew = columns != (self.columns or self._maker.columns)  # new columns need new rows, even of unchanged objects
        if columns != self.columns:
            self.columns = columns
            self._maker.set_columns(columns)
            self._listener.columns_changed(self, columns)

    # -- watch

    def take_event(self, line: bytes) -> None:
        event = decode_event(line, self.what)
        table, kind = event.object, event.type
        if kind == "ERROR" or table.kind == "Status":
            status = {"code": table.code or 500, "reason": table.reason, "message": table.message, "details": table.details}
            raise status_error(status)
        version = table.metadata.resource_version
        rows = table.rows or []
        if not version and rows:
            version = rows[-1].object.metadata.resource_version
        if table.columns and table.columns != self.columns:
            if self.columns is not None:
                self.resource_version = ""  # the kind's columns have changed: list the rows again
                return
            self._set_columns(table.columns)
        self.advance(version)
        if kind in ("ADDED", "MODIFIED"):
            for wire in rows:
                self._put(wire, self.heard, anew=True)
        elif kind == "DELETED":
            for wire in rows:
                self._drop(wire_uid(wire))
        elif kind != "BOOKMARK":
            raise NotATable(f"the watch of {self.what} sent an event of an unknown type")

    # -- rows

    def _put(self, wire: TableRow, now: float, anew: bool) -> str:
        """Make, keep and report a row, unless the same version is here (and `anew` is False). Returns its UID."""
        uid = wire_uid(wire)
        previous = self.rows.get(uid)
        if previous is not None and not anew and previous.resource_version == wire.object.metadata.resource_version != "":
            return previous.uid
        row = self.rows[uid] = self._maker.make(wire, now, previous)
        self._listener.row_put(self, row)
        return row.uid

    def _drop(self, uid: str) -> None:
        if self.rows.pop(uid, None) is not None:
            self._listener.row_gone(self, uid)
