"""The server's Table format (meta.k8s.io/v1), decoded directly into small rows.

The server renders the columns that `kubectl get` prints, for any kind, custom resources included. With `includeObject=Metadata` each
row also carries its object's metadata. Only the needed fields are declared here, so that msgspec skips the rest (annotations and
managedFields are most of the bytes) without building it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, TypeVar

import msgspec

from podtui.cluster.connection.decoding import UnreadableAnswer
from podtui.cluster.connection.listing import ListMeta
from podtui.errors import SelectorError
from podtui.kube.ages import age, age_step, parse_age
from podtui.kube.selectors import parse
from podtui.text import harmless

_T = TypeVar("_T")
AGE, RESTARTS = "Age", "Restarts"  # the columns whose text changes without the server
_RESTARTS = re.compile(r"([0-9]+)(?: \(([0-9a-z]+) ago\))?")  # as the server prints a pod's restarts: "3" or "3 (5m ago)"
_STRINGS, _LABEL_SETS = 8192, 1024  # how many are shared, so that hours of churn cannot fill the memory
NO_LABELS = b"{}"
_UNIQUE = ("Name", "IP", AGE)  # columns whose strings hardly repeat: sharing them would only fill the pool


class NotATable(UnreadableAnswer):
    """The answer is not from an API server, or from one without the Table format."""


# -- the wire format


class _Metadata(msgspec.Struct, gc=False):
    name: str = ""
    namespace: str = ""
    uid: str = ""
    resource_version: str = msgspec.field(default="", name="resourceVersion")
    created: datetime | None = msgspec.field(default=None, name="creationTimestamp")
    deleted: str | None = msgspec.field(default=None, name="deletionTimestamp")
    labels: msgspec.Raw = msgspec.Raw()


class _Object(msgspec.Struct, gc=False):
    metadata: _Metadata


class TableRow(msgspec.Struct, gc=False):
    """A row as received: cells in the order of the columns, and the object's metadata."""

    cells: list[Any]
    object: _Object


class Column(msgspec.Struct, frozen=True):
    """A column as the server defines it; `priority` is 0 for the default columns and higher for `-o wide`."""

    name: str
    type: str = "string"
    priority: int = 0


class Table(msgspec.Struct, gc=False):
    """A page of a list, the one-row table of a watch event, or (in an ERROR event) a Status; with the fields that it has."""

    kind: str = ""
    metadata: ListMeta = msgspec.field(default_factory=ListMeta)
    columns: list[Column] | None = msgspec.field(default=None, name="columnDefinitions")
    rows: list[TableRow] | None = None
    code: int = 0
    reason: str = ""
    message: str = ""
    details: dict[str, Any] | None = None


class WatchEvent(msgspec.Struct, gc=False):
    """One line of a watch."""

    type: str
    object: Table


_table = msgspec.json.Decoder(Table)
_event = msgspec.json.Decoder(WatchEvent)
_labels = msgspec.json.Decoder(dict[str, str])


def decode_table(body: bytes, what: str) -> Table:
    """Decode a page of a list. `what` names the list for NotATable, which is raised for anything but a Table."""
    table = _decoded(_table, body, what)
    if table.kind != "Table":
        raise NotATable(
            f"the server lists {what} as {harmless(table.kind)[:40] or 'something'} and not as a Table",
            "podtui needs API servers that print columns themselves (since Kubernetes 1.15, and since then aggregated ones too)",
        )
    return table


def decode_event(line: bytes, what: str) -> WatchEvent:
    """Decode one line of a watch; NotATable for anything but a Table."""
    event = _decoded(_event, line, what)
    if event.object.kind not in ("Table", "Status"):
        raise NotATable(f"the server sends changes of {what} as {harmless(event.object.kind)[:40] or 'something'} and not as a Table")
    return event


def _decoded(decoder: msgspec.json.Decoder[_T], body: bytes, what: str) -> _T:
    try:
        return decoder.decode(body)
    except Exception as error:
        if body[:200].strip()[:1] == b"<":
            hint = "check for a proxy or a login page between podtui and the API server"
            raise NotATable(f"the answer for {what} is HTML", hint) from error
        raise NotATable(f"the answer for {what} cannot be read: {harmless(str(error))[:120]}") from error


# -- podtui's format


class Row(msgspec.Struct, gc=False):
    """One object of a list. All views share it, so it must not be changed.

    `created` and `restarted` (the last restart; 0 for none) are epoch seconds. `cells` correspond to the columns; the Age cell is None and
    a pod's Restarts cell is its count, since `text` renders both anew. Labels stay as the server writes them, in a third of the memory
    of a dict, and many rows may share them: few rows are ever asked for theirs.
    """

    uid: str
    namespace: str
    name: str
    resource_version: str
    written_labels: bytes  # a JSON object
    created: float
    deleted: bool
    cells: tuple[Any, ...]
    restarts: int = 0
    restarted: float = 0.0

    @property
    def labels(self) -> dict[str, str]:
        return _labels.decode(self.written_labels)


def wire_uid(wire: TableRow) -> str:
    """The key of the object: its UID; namespace and name for one without a UID (metrics are not stored)."""
    meta = wire.object.metadata
    return meta.uid or f"{meta.namespace}/{meta.name}"


class RowMaker:
    """Converts the Table rows of one list to rows, and shares repeated strings and labels.

    The server rounds the age of the last restart. `make` gets the row that it replaces, so that the same restart keeps its time.
    """

    def __init__(self, columns: Sequence[Column] = ()) -> None:
        self._strings: dict[str, str] = {}
        self._label_sets: dict[bytes, bytes] = {}
        self.set_columns(columns)

    def set_columns(self, columns: Sequence[Column]) -> None:
        self.columns = list(columns)
        names = [column.name for column in columns]
        self._age = names.index(AGE) if AGE in names else -1
        self._restarts = names.index(RESTARTS) if RESTARTS in names else -1
        self._unique = {index for index, name in enumerate(names) if name in _UNIQUE}

    def make(self, wire: TableRow, now: float, previous: Row | None = None) -> Row:
        """Make a row; `now` is when it arrived, in epoch seconds."""
        meta = wire.object.metadata
        share = self._share
        cells = wire.cells
        name = previous.name if previous else meta.name
        restarts, restarted = 0, 0.0
        for index, cell in enumerate(cells):
            if index == self._age:
                cells[index] = None
            elif index == self._restarts and (parsed := parse_restarts(cell, now)) is not None:
                restarts, restarted = parsed
                cells[index] = restarts
            elif type(cell) is str:
                cells[index] = name if cell == name else cell if index in self._unique and cell[:1] != "<" else share(cell)
        if restarted and previous is not None and previous.restarts == restarts:
            restarted = _same_moment(previous.restarted, restarted, now)
        namespace = share(meta.namespace)
        return Row(
            previous.uid if previous else wire_uid(wire),
            namespace,
            name,
            meta.resource_version,
            self._labels(meta.labels),
            _timestamp(meta.created),
            meta.deleted is not None,
            tuple(cells),
            restarts,
            restarted,
        )

    def _share(self, text: str) -> str:
        shared = self._strings.get(text)
        if shared is None:
            if len(self._strings) >= _STRINGS:
                self._strings.clear()
            shared = self._strings[text] = text
        return shared

    def _labels(self, raw: msgspec.Raw) -> bytes:
        """The labels as written, once checked: they are an object of strings, or the answer is unreadable."""
        written = bytes(raw)
        if not written or written == b"null":
            return NO_LABELS
        shared = self._label_sets.get(written)
        if shared is None:
            _labels.decode(written)
            if len(self._label_sets) >= _LABEL_SETS:
                self._label_sets.clear()
            shared = self._label_sets[written] = written
        return shared


def _timestamp(time: datetime | None) -> float:
    """Epoch seconds; 0 for none and for one that no calendar has, such as a time zone's midnight of the year 1."""
    try:
        return time.timestamp() if time else 0.0
    except (ValueError, OverflowError):
        return 0.0


def parse_restarts(cell: object, now: float) -> tuple[int, float] | None:
    """The count and the time of the last restart (epoch seconds; 0 for none) of a Restarts cell; None for any other cell."""
    if type(cell) is int:  # servers before 1.22
        return cell, 0.0
    if not isinstance(cell, str) or (match := _RESTARTS.fullmatch(cell)) is None:
        return None
    ago = parse_age(match[2]) if match[2] else None
    return int(match[1]), 0.0 if ago is None else now - ago


def _same_moment(known: float, reported: float, now: float) -> float:
    """The known time if the reported one, rounded down to its unit, may be the same; otherwise the reported one."""
    slack = age_step(now - reported) + 2
    return known if known and abs(known - reported) <= slack else reported


def text(row: Row, index: int, column: Column, now: float) -> str:
    """The text of a cell at the time `now`, harmless; as kubectl prints it, but it ticks. Only the first of several lines."""
    cell = row.cells[index] if index < len(row.cells) else None
    if column.name == AGE:
        return age_text(row, now)
    if column.name == RESTARTS and row.restarted:
        return f"{row.restarts} ({age(max(0.0, now - row.restarted))} ago)"
    if cell is None:
        return ""
    if isinstance(cell, str):
        lines = cell.splitlines()
        return harmless(cell) if len(lines) < 2 else f"{harmless(lines[0])}..."
    if isinstance(cell, bool):
        return "true" if cell else "false"
    return harmless(str(cell))


def age_text(row: Row, now: float) -> str:
    """The age of the row's object; 0s if the server's clock is ahead."""
    return age(max(0.0, now - row.created)) if row.created else "<unknown>"


def narrowed(rows: Iterable[Row], namespace: str, selector: str) -> dict[str, Row]:
    """The rows in `namespace` ("" for any) that match the selector, by UID; none when the selector does not parse."""
    try:
        matches = parse(selector).matches
    except SelectorError:
        return {}
    verdicts: dict[bytes, bool] = {}  # many rows have the same labels
    found: dict[str, Row] = {}
    for row in rows:
        if namespace and row.namespace != namespace:
            continue
        verdict = verdicts.get(row.written_labels)
        if verdict is None:
            verdict = verdicts[row.written_labels] = matches(row.labels)
        if verdict:
            found[row.uid] = row
    return found
