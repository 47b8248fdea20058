"""The Table format: what is decoded, what is kept, and what a cell says as time goes on."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podtui.cluster.connection.decoding import UnreadableAnswer, readable
from podtui.cluster.live.tables import (
    NO_LABELS,
    Column,
    NotATable,
    Row,
    RowMaker,
    age_text,
    decode_event,
    decode_table,
    narrowed,
    parse_restarts,
    text,
)
from podtui.kube.ages import age, next_change, parse_age
from tests.support.list_server import COLUMNS, Thing, bookmark, error_event, table

NOW = 1_800_000_000.0
PLAIN = [Column(column["name"], column["type"], column["priority"]) for column in COLUMNS]


def made(thing: Thing, now: float = NOW, previous: Row | None = None, maker: RowMaker | None = None) -> Row:
    page = decode_table(json.dumps(table([thing.row()], 5)).encode(), "pods")
    assert page.columns is not None and page.rows is not None
    return (maker or RowMaker(page.columns)).make(page.rows[0], now, previous)


def thing(**changes: Any) -> Thing:
    return Thing(**{"namespace": "shop", "name": "web-1", "uid": "u1", "labels": {"app": "web"}, "version": 7, **changes})


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-5, "<invalid>"),
        (-1.5, "0s"),
        (0, "0s"),
        (0.9, "0s"),
        (119, "119s"),
        (120, "2m"),
        (125, "2m5s"),
        (599, "9m59s"),
        (600, "10m"),
        (179 * 60 + 59, "179m"),
        (180 * 60, "3h"),
        (7 * 3600 + 60, "7h1m"),
        (8 * 3600 + 60, "8h"),
        (47 * 3600, "47h"),
        (48 * 3600, "2d"),
        (49 * 3600, "2d1h"),
        (8 * 86400 - 1, "7d23h"),
        (8 * 86400, "8d"),
        (729 * 86400, "729d"),
        (730 * 86400, "2y"),
        (731 * 86400, "2y1d"),
        (8 * 365 * 86400, "8y"),
        (9 * 365 * 86400 + 86400, "9y"),
    ],
)
def test_an_age_reads_as_kubectl_writes_it(seconds: float, words: str) -> None:
    assert age(seconds) == words


@given(st.integers(0, 10**9))
def test_an_age_that_is_read_back_is_less_than_one_unit_off(seconds: int) -> None:
    told = parse_age(age(seconds))
    assert (told is not None and told <= seconds < told + next_change(told) + 1e-6) or seconds > 8 * 365 * 86400


@given(st.floats(0, 10**9))
def test_an_age_stays_the_same_until_its_next_change(seconds: float) -> None:
    left = next_change(seconds)
    assert left > 0
    assert age(seconds + left * 0.999 - 1e-6) == age(seconds) or left < 1e-3


def test_what_is_not_a_duration_is_not_read_as_one() -> None:
    assert [parse_age(word) for word in ("", "<unknown>", "5", "m", "5m 10s", "1.5h", "5m10s")] == [None] * 6 + [310]


def test_a_row_has_what_the_list_shows_and_nothing_more() -> None:
    row = made(thing(restarts="2"))
    assert row == Row(
        "u1", "shop", "web-1", "7", b'{"app": "web"}', 1767323045.0, False, ("web-1", "1/1", "Running", 2, None, "10.0.0.1", "node-1"), 2
    )
    assert row.labels == {"app": "web"}


def test_strings_and_labels_that_repeat_are_kept_once() -> None:
    maker = RowMaker(PLAIN)
    one, two = made(thing(), maker=maker), made(thing(name="web-2", uid="u2"), maker=maker)
    assert one.written_labels is two.written_labels
    assert one.namespace is two.namespace
    assert one.cells[2] is two.cells[2]
    assert one.cells[0] is one.name


def test_hours_of_churn_do_not_fill_what_is_shared() -> None:
    maker = RowMaker(PLAIN)
    for number in range(20_000):
        page = decode_table(json.dumps(table([thing(labels={"pod": str(number)}, status=f"s{number}").row()], 5)).encode(), "pods")
        assert page.rows is not None
        maker.make(page.rows[0], NOW)
    assert len(maker._strings) <= 8192
    assert len(maker._label_sets) <= 1024


def test_an_object_that_is_being_deleted_is_distinguished_from_one_that_exists() -> None:
    wire = thing().row()
    wire["object"]["metadata"]["deletionTimestamp"] = "2026-01-02T03:04:05Z"
    page = decode_table(json.dumps(table([wire], 5)).encode(), "pods")
    assert page.rows is not None
    assert RowMaker(PLAIN).make(page.rows[0], NOW).deleted


def test_an_object_without_uid_labels_or_creation_time_is_a_row_too() -> None:
    wire = {
        "cells": ["n1", None, 3, 1.5, True],
        "object": {"metadata": {"name": "n1", "namespace": "a", "labels": None, "creationTimestamp": None}},
    }
    page = decode_table(json.dumps(table([wire], 5)).encode(), "things")
    assert page.rows is not None
    row = RowMaker(PLAIN).make(page.rows[0], NOW)
    assert (row.uid, row.labels, row.created) == ("a/n1", {}, 0.0)
    assert age_text(row, NOW) == "<unknown>"


def test_the_age_of_a_row_ticks_without_the_server() -> None:
    row = made(thing())
    index, column = 4, PLAIN[4]
    assert text(row, index, column, row.created + 5) == "5s"
    assert text(row, index, column, row.created + 3600) == "60m"
    assert text(row, index, column, row.created - 30) == "0s", "the server's clock runs ahead"


def test_the_time_since_the_last_restart_ticks_without_the_server() -> None:
    row = made(thing(restarts="3 (5m ago)"))
    assert (row.restarts, row.restarted) == (3, NOW - 300)
    assert row.cells[3] == 3
    assert text(row, 3, PLAIN[3], NOW + 61) == "3 (6m1s ago)"
    assert text(made(thing(restarts="0")), 3, PLAIN[3], NOW) == "0"


def test_a_restart_told_again_later_keeps_its_moment() -> None:
    first = made(thing(restarts="3 (59m ago)"))
    again = made(thing(restarts="3 (60m ago)"), NOW + 100, first)
    assert again.restarted == first.restarted
    other = made(thing(restarts="3 (5s ago)"), NOW + 100, first)
    assert other.restarted == NOW + 95, "as many restarts, but another one was the last"
    more = made(thing(restarts="4 (60m ago)"), NOW + 100, first)
    assert more.restarted == NOW + 100 - 3600


@pytest.mark.parametrize(
    ("cell", "told"), [("0", (0, 0.0)), (7, (7, 0.0)), ("12 (2d3h ago)", (12, NOW - 183600)), ("<none>", None), (None, None)]
)
def test_restarts_are_read_from_every_form_of_the_cell(cell: object, told: tuple[int, float] | None) -> None:
    assert parse_restarts(cell, NOW) == told


def test_a_cell_is_harmless_and_on_one_line() -> None:
    row = made(thing(status="\x1b[31mred\nsecond line"))
    assert text(row, 2, PLAIN[2], NOW) == "␛[31mred..."


def test_cells_of_other_types_read_as_kubectl_prints_them() -> None:
    row = Row("u", "", "n", "1", NO_LABELS, 0.0, False, (None, True, 3, 1.5))
    column = Column("Thing")
    assert [text(row, index, column, NOW) for index in range(5)] == ["", "true", "3", "1.5", ""]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"<html><body>Sign in</body></html>", "HTML"),
        (b"", "cannot be read"),
        (b'{"kind": "Table", "rows": [', "cannot be read"),
        (b'{"kind": "PodList", "metadata": {}, "items": []}', "as PodList and not as a Table"),
        (b"[]", "cannot be read"),
        (b"\xff\xfe", "cannot be read"),
    ],
)
def test_an_answer_that_is_not_a_table_is_an_error_in_words(body: bytes, words: str) -> None:
    with pytest.raises(NotATable, match=words):
        decode_table(body, "pods")
    with pytest.raises(NotATable):
        decode_event(body, "pods")


def test_labels_that_are_no_labels_are_an_error_in_words() -> None:
    page = decode_table(json.dumps(table([thing(labels={"a": 1}).row()], 5)).encode(), "pods")
    assert page.rows is not None
    with pytest.raises(UnreadableAnswer), readable("pods"):
        RowMaker(PLAIN).make(page.rows[0], NOW)


def test_bookmarks_and_errors_of_a_watch_are_events() -> None:
    assert decode_event(bookmark(12), "pods").object.metadata.resource_version == "12"
    told = decode_event(error_event(410, "Expired"), "pods")
    assert (told.type, told.object.code, told.object.reason) == ("ERROR", 410, "Expired")


def test_rows_narrow_as_a_selector_and_a_namespace_say() -> None:
    rows = [made(thing(uid="a")), made(thing(uid="b", namespace="other")), made(thing(uid="c", labels={"app": "db"}))]
    assert set(narrowed(rows, "", "")) == {"a", "b", "c"}
    assert set(narrowed(rows, "shop", "app!=db")) == {"a"}
    assert narrowed(rows, "", "app in (") == {}
