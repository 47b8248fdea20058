"""Views: every order, every filter, kept by small steps exactly as a full sort would."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from podtui.cluster.live.store import Batch
from podtui.cluster.live.tables import Column, Row
from podtui.cluster.live.view import View

COLUMNS = [Column(name) for name in ("Name", "Ready", "Status", "Restarts", "Age", "IP", "Node", "Size")] + [Column("Seen", "date")]


@dataclass
class Rows:
    rows: dict[str, Row] = field(default_factory=dict)
    columns: list[Column] = field(default_factory=lambda: list(COLUMNS))

    def put(self, name: str, *, uid: str = "", namespace: str = "ns", created: float = 100.0, **cells: Any) -> str:
        uid = uid or f"u-{namespace}-{name}"
        defaults = {"Name": name, "Ready": "1/1", "Status": "Running", "Restarts": 0, "Age": None, "IP": "<none>", "Node": "n1", "Size": 0}
        values = {**defaults, "Seen": None, **{key: value for key, value in cells.items() if key not in ("labels", "restarted")}}
        row_cells = tuple(values[column.name] for column in COLUMNS)
        restarts = values["Restarts"] if isinstance(values["Restarts"], int) else 0
        labels, restarted = cells.get("labels", {}), cells.get("restarted", 0.0)
        self.rows[uid] = Row(uid, namespace, name, "1", msgspec.json.encode(labels), created, False, row_cells, restarts, restarted)
        return uid


def shown(view: View) -> list[Row]:
    return [view.store.rows[uid] for uid in view.uids]


def names(view: View) -> list[str]:
    return [row.name for row in shown(view)]


def test_rows_are_in_the_order_of_namespace_and_name() -> None:
    rows = Rows()
    for namespace, name in (("b", "1"), ("a", "2"), ("a-b", "0"), ("a", "10")):
        rows.put(name, namespace=namespace)
    view = View(rows)
    assert [(row.namespace, row.name) for row in shown(view)] == [("a", "10"), ("a", "2"), ("a-b", "0"), ("b", "1")]
    view.set_sort("namespace", True)
    assert names(view) == ["1", "0", "2", "10"]


def test_by_name_alone_the_namespaces_do_not_separate_the_rows() -> None:
    rows = Rows()
    for namespace, name in (("b", "1"), ("a", "2"), ("a-b", "0"), ("a", "10"), ("a", "1")):
        rows.put(name, namespace=namespace)
    view = View(rows, "name")
    assert [(row.namespace, row.name) for row in shown(view)] == [
        ("a-b", "0"), ("a", "1"), ("b", "1"), ("a", "10"), ("a", "2"),
    ]  # fmt: skip
    view.set_sort("name", True)
    assert names(view) == ["2", "10", "1", "1", "0"]


def test_by_status_the_sickest_are_first() -> None:
    rows = Rows()
    cells = {"done": ("Completed", "0/1"), "fine": ("Running", "1/1"), "unready": ("Running", "0/1"), "new": ("Pending", "0/1"),
             "leaving": ("Terminating", "1/1"), "crash": ("CrashLoopBackOff", "0/1"), "image": ("ImagePullBackOff", "0/1")}  # fmt: skip
    for name, (status, ready) in cells.items():
        rows.put(name, Status=status, Ready=ready)
    assert names(View(rows, "status")) == ["crash", "image", "unready", "leaving", "new", "fine", "done"]


ORDERS: list[tuple[str, str, list[Any], Callable[[Any], dict[str, Any]]]] = [
    ("age", "the youngest first", [300.0, 200.0, 100.0, 0.0], lambda value: {"created": value}),
    ("restarts", "the fewest first", [(0, 0.0), (2, 50.0), (2, 70.0), (10, 9.0)], lambda v: {"Restarts": v[0], "restarted": v[1]}),
    ("ready", "those that lack most first", ["0/3", "0/1", "1/2", "0/0", "1/1", "3/3"], lambda value: {"Ready": value}),
    ("ip", "by number", ["9.0.0.1", "10.0.0.2", "10.0.0.10", "::1", "fd00::2", "<none>"], lambda value: {"IP": value}),
    ("STATUS", "the sickest first", ["Error", "Pending", "Running", "Completed", ""], lambda value: {"Status": value}),
    ("node", "by the word, none last", ["a", "b", "n1", "<none>"], lambda value: {"Node": value}),
    ("size", "numbers, then words, then nothing", [1, 1.5, 20, "a", None], lambda value: {"Size": value}),
    ("seen", "dates as durations", ["5s", "2m", "3h", "2d1h", None], lambda value: {"Seen": value}),
    ("label:app", "by the label, without it last", ["", "a", "b", None][1:], lambda v: {"labels": {} if v is None else {"app": v}}),
]


@pytest.mark.parametrize(("sort", "rule", "values", "cells"), ORDERS)
def test_every_column_has_its_order(sort: str, rule: str, values: list[Any], cells: Callable[[Any], dict[str, Any]]) -> None:
    rows = Rows()
    for index in (3, 1, 0, 5, 2, 4):
        if index < len(values):
            rows.put(f"p{9 - index}", **cells(values[index]))
    expected = [f"p{9 - index}" for index in range(len(values))]
    assert names(View(rows, sort)) == expected, rule
    assert names(View(rows, sort, reverse=True)) == expected[::-1]


def test_rows_that_are_equal_stay_in_the_order_of_their_names_when_reversed() -> None:
    rows = Rows()
    for name, status in (("c", "Error"), ("a", "Running"), ("b", "Error"), ("d", "Running")):
        rows.put(name, Status=status)
    assert names(View(rows, "status")) == ["b", "c", "a", "d"]
    assert names(View(rows, "status", reverse=True)) == ["a", "d", "b", "c"]


@given(st.lists(st.text(max_size=4), max_size=12))
def test_reversed_text_is_the_exact_reverse(words: list[str]) -> None:
    rows = Rows()
    for number, word in enumerate(words):
        rows.put(f"p{number:02}", Size=f"x{word}")
    up = [rows.rows[uid].cells[7] for uid in View(rows, "size").uids]
    down = [rows.rows[uid].cells[7] for uid in View(rows, "size", reverse=True).uids]
    assert up == sorted(up) and down == up[::-1]


def test_a_column_that_is_not_there_yet_sorts_by_name_until_it_is() -> None:
    rows = Rows(columns=[])
    view = View(rows, "status")
    rows.columns = list(COLUMNS)
    rows.put("a", Status="Running")
    rows.put("b", Status="Error")
    assert view.update(Batch(reset=True))
    assert names(view) == ["b", "a"]


def test_a_row_whose_key_did_not_change_does_not_move() -> None:
    rows = Rows()
    uid = rows.put("a")
    rows.put("b")
    view = View(rows)
    before = view.uids
    rows.put("a", Status="Error")
    assert view.update(Batch(changed={uid})) is False
    assert view.uids is before
    view.set_sort("status")
    assert names(view) == ["a", "b"]
    rows.put("a", Status="Completed")
    assert view.update(Batch(changed={uid})) is True
    assert names(view) == ["b", "a"]


def test_a_row_enters_and_leaves_the_filter_as_it_changes() -> None:
    rows = Rows()
    uid = rows.put("a", Status="Error")
    view = View(rows, filter=lambda row: row.cells[2] == "Error")
    assert view.uids == [uid]
    rows.put("a", Status="Running")
    assert view.update(Batch(changed={uid})) is True
    assert not view.uids and len(view) == 0
    view.set_filter(None)
    assert view.uids == [uid]
    del rows.rows[uid]
    assert view.update(Batch(removed={uid})) is True
    assert view.update(Batch(removed={uid})) is False


CHANGES = st.lists(
    st.lists(
        st.tuples(
            st.integers(0, 60), st.sampled_from(["put", "put", "delete"]), st.integers(0, 3), st.sampled_from(["Running", "Error", ""])
        ),
        max_size=70,
    ),
    max_size=6,
)
SORTS = st.sampled_from(["name", "namespace", "status", "restarts", "age", "ready", "ip", "node", "size", "label:app", "nothing"])


@given(CHANGES, SORTS, st.booleans(), st.booleans())
def test_small_steps_end_where_a_full_sort_does(changes: list[Any], sort: str, reverse: bool, filtered: bool) -> None:
    rows = Rows()
    for number in range(0, 60, 2):
        rows.put(f"p{number}", created=float(number % 5))
    passes = (lambda row: row.cells[2] != "Error") if filtered else None
    view = View(rows, sort, reverse, passes)
    for batch_of in changes:
        batch = Batch()
        for number, what, count, status in batch_of:
            name = f"p{number}"
            if what == "put":
                labels = {"app": status} if count else {}
                uid = rows.put(
                    name, Status=status, Restarts=count, Ready=f"{count}/3", Size=count or None, labels=labels, created=float(count)
                )
                batch.changed.add(uid)
                batch.removed.discard(uid)
            elif rows.rows.pop(f"u-ns-{name}", None):
                batch.removed.add(f"u-ns-{name}")
                batch.changed.discard(f"u-ns-{name}")
        before = list(view.uids)
        moved = view.update(batch)
        assert view.uids == View(rows, sort, reverse, passes).uids
        assert set(view.uids) == {uid for uid, row in rows.rows.items() if passes is None or passes(row)}
        assert moved or view.uids == before
