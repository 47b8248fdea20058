"""A sorted and filtered view of a row store: UIDs in order, updated in small steps.

Each row keeps its sort key. A row whose key did not change does not move, and a few changes among many thousand rows cost
a few bisections, never a full sort.
"""

from __future__ import annotations

import ipaddress
import re
from bisect import bisect_left
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

from podtui.cluster.live.store import Batch
from podtui.cluster.live.tables import Column, Row
from podtui.kube.ages import parse_age
from podtui.kube.status_words import status_style

Key = tuple[Any, ...]  # (what the column sorts by,) namespace and name (or one string of both), uid
Filter = Callable[[Row], bool]

STARTS_REVERSED = ("restarts",)
"""The columns that a user wants in reverse first: the most restarts are what one looks for."""

_LAST = (2, "")  # rows without a value sort last
_SICKEST = ("error", "warn", "gone", "wait", "ok", "done")
_INVERTED = bytes(max(0, 254 - byte) for byte in range(256))  # UTF-8 has no bytes above 0xf4, so 0xff is free for the end
_IPV4 = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}")  # ipaddress takes some ten times as long
_MEMO = 4096


class Rows(Protocol):
    """What a view needs of a RowStore."""

    @property
    def rows(self) -> dict[str, Row]: ...
    @property
    def columns(self) -> list[Column]: ...


def _cell(row: Row, index: int) -> Any:
    return row.cells[index] if index < len(row.cells) else None


def _plain(value: Any) -> Key:
    """A cell of a column without special meaning: numbers by size, then text, then empty cells."""
    if value is None or value == "" or value == "<none>":
        return _LAST
    return (0, value) if isinstance(value, int | float) else (1, str(value))


def _ready(value: Any) -> Key:
    """`1/2`: those that lack most first, then by the total."""
    ready, slash, total = str(value).partition("/")
    if not (slash and ready.isdigit() and total.isdigit()):
        return _plain(value)
    return (0, int(ready) - int(total), int(total))


def _address(value: Any) -> Key:
    """IP addresses by number, version 4 first."""
    if isinstance(value, str) and _IPV4.fullmatch(value):
        a, b, c, d = map(int, value.split("."))
        return (0, 4, a << 24 | b << 16 | c << 8 | d)
    try:
        address = ipaddress.ip_address(str(value))
    except ValueError:
        return _plain(value)
    return (0, address.version, int(address))


def _duration(value: Any) -> Key:
    """A column of dates, which the server writes as durations."""
    seconds = parse_age(value) if isinstance(value, str) else None
    return _plain(value) if seconds is None else (0, seconds)


def _descending(part: Any) -> Any:
    """A key that sorts in reverse: numbers negated, text as inverted UTF-8 (which sorts like its characters)."""
    if isinstance(part, str):
        return part.encode("utf-8", "surrogatepass").translate(_INVERTED) + b"\xff"
    if isinstance(part, tuple):
        return tuple(_descending(inner) for inner in part)
    return -part


class SortRule(NamedTuple):
    """`value` is what a row is sorted by, `key` makes it comparable; most columns have few different values."""

    value: Callable[[Row], Any]
    key: Callable[[Any], Key]


def _by_age(created: float) -> Key:
    return (0, -created) if created else _LAST


def _by_status(value: tuple[Any, Any]) -> Key:
    """The sickest first, then by the word."""
    status, ready = value
    if status is None or status == "":
        return _LAST
    return (0, _SICKEST.index(status_style(str(status), str(ready or ""))), str(status))


def _by_restarts(value: tuple[Any, float]) -> Key:
    """Among rows with as many restarts, the last restarted one sorts last: reversed, the most troubled is on top."""
    return (0, *value) if isinstance(value[0], int) else _plain(value[0])


def sort_rule(sort: str, columns: Sequence[Column]) -> SortRule | None:
    """The rule for `age`, `restarts`, `label:KEY`, or any column's name in any case; None when there is no such column.

    Ascending order puts the youngest, the fewest restarts, the least ready, the sickest status first.
    """
    wanted = sort.lower()
    if wanted == "age":
        return SortRule(lambda row: row.created, _by_age)
    if wanted.startswith("label:"):
        label = sort[len("label:") :]
        return SortRule(lambda row: row.labels.get(label), _plain)
    index = next((index for index, column in enumerate(columns) if column.name.lower() == wanted), -1)
    if index < 0:
        return None
    if wanted == "restarts":
        return SortRule(lambda row: (_cell(row, index), row.restarted), _by_restarts)
    if wanted == "status":
        ready = next((place for place, column in enumerate(columns) if column.name == "Ready"), len(columns))
        return SortRule(lambda row: (_cell(row, index), _cell(row, ready)), _by_status)
    key = {"ready": _ready, "ip": _address, "internal-ip": _address}.get(wanted, _plain)
    if columns[index].type in ("date", "date-time"):
        key = _duration
    return SortRule(lambda row: _cell(row, index), key)


class View:
    """`uids` in order, for a store's current rows. Call `update` with each batch.

    The sort `namespace` is by namespace, then name, as the server lists; `name` is by name alone. Both are reversed as a whole; otherwise
    rows that are equal in the column are in the order of namespace and name, even when `reverse` is set. A column that the store does not
    have (yet) sorts by namespace. `filter` must depend on the row alone; when its criteria change,
    set it again.
    """

    def __init__(self, store: Rows, sort: str = "namespace", reverse: bool = False, filter: Filter | None = None) -> None:
        self.store = store
        self.sort = sort
        self.reverse = reverse
        self.filter = filter
        self.uids: list[str] = []
        self._order: list[Key] = []  # goes with uids
        self._keys: dict[str, Key] = {}
        self._memo: dict[Any, Key] = {}  # by a row's value: comparing identical objects is also the fastest
        self._rule: SortRule | None = None
        self._names_first = False
        self.rebuild()

    def __len__(self) -> int:
        return len(self.uids)

    def set_sort(self, sort: str, reverse: bool = False) -> None:
        self.sort, self.reverse = sort, reverse
        self.rebuild()

    def set_filter(self, filter: Filter | None) -> None:
        self.filter = filter
        self.rebuild()

    def rebuild(self) -> bool:
        """Sort and filter everything anew; returns whether `uids` changed."""
        before = self.uids
        self._memo.clear()
        self._rule = None if self.sort.lower() in ("namespace", "name") else sort_rule(self.sort, self.store.columns)
        self._names_first = self.sort.lower() == "name"
        passes, key = self.filter, self._key
        self._keys = {uid: key(row) for uid, row in self.store.rows.items() if passes is None or passes(row)}
        self._order = sorted(self._keys.values())
        self.uids = [entry[-1] for entry in self._order]
        return self.uids != before

    def update(self, batch: Batch) -> bool:
        """Apply a batch of the store; returns whether a row was added, removed or moved (not whether only its text changed)."""
        if batch.reset:
            return self.rebuild()
        rows, passes = self.store.rows, self.filter
        leaving: list[Key] = []
        coming: list[Key] = []
        for uid in batch.removed:
            if (old := self._keys.pop(uid, None)) is not None:
                leaving.append(old)
        for uid in batch.changed:
            row = rows.get(uid)
            old = self._keys.get(uid)
            if row is None or not (passes is None or passes(row)):
                if old is not None:
                    del self._keys[uid]
                    leaving.append(old)
                continue
            key = self._key(row)
            if key == old:
                continue
            if old is not None:
                leaving.append(old)
            self._keys[uid] = key
            coming.append(key)
        if not leaving and not coming:
            return False
        if len(leaving) + len(coming) > 32 + len(self._order) // 64:
            self._merge(leaving, coming)
        else:
            self._splice(leaving, coming)
        return True

    def _key(self, row: Row) -> Key:
        rule = self._rule
        if rule is None:
            first, second = (row.name, row.namespace) if self._names_first else (row.namespace, row.name)
            return (_descending(f"{first}\0{second}"), row.uid) if self.reverse else (first, second, row.uid)
        value = rule.value(row)
        try:
            primary = self._memo.get(value)
        except TypeError:  # a cell that is a list or an object
            value = str(value)
            primary = self._memo.get(value)
        if primary is None:
            primary = rule.key(value)
            if self.reverse:
                primary = _descending(primary)
            if len(self._memo) < _MEMO:
                self._memo[value] = primary
        return (primary, row.namespace, row.name, row.uid)

    def _splice(self, leaving: list[Key], coming: list[Key]) -> None:
        order, uids = self._order, self.uids
        for key in leaving:
            at = bisect_left(order, key)
            del order[at], uids[at]
        for key in coming:
            at = bisect_left(order, key)
            order.insert(at, key)
            uids.insert(at, key[-1])

    def _merge(self, leaving: list[Key], coming: list[Key]) -> None:
        """For many changes at once: two sorted runs, which sort() merges in one pass."""
        if leaving:
            gone = set(leaving)
            self._order = [key for key in self._order if key not in gone]
        coming.sort()
        in_turn = not leaving and (not self._order or self._order[-1] < coming[0])  # as the pages of a list come
        self._order += coming
        if in_turn:
            self.uids += [key[-1] for key in coming]
            return
        self._order.sort()
        self.uids = [key[-1] for key in self._order]
