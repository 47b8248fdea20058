"""What is offered at a place in a selector, from the labels that are there."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podtui.cluster.live.selector_completion import LabelCounts, complete, complete_keys
from podtui.completion import Candidate, Completion
from podtui.errors import SelectorError
from podtui.kube.selectors import parse
from tests.support.selector_strategies import texts

COUNTS = LabelCounts(
    [
        {"app": "web", "env": "prod"},
        {"app": "web", "env": "dev", "example.com/app": "x"},
        {"app": "db", "env": "prod", "rev": "3"},
        {"app": "webhook", "rev": ""},
    ]
)


def taken(text: str, completion: Completion, candidate: Candidate) -> str:
    """The text once the candidate is chosen."""
    return text[: completion.start] + candidate.text + text[completion.end :]


def offered(marked: str, counts: LabelCounts = COUNTS) -> list[str]:
    """The candidates at the '|'."""
    return [one.text for one in complete(marked.replace("|", ""), marked.index("|"), counts).candidates]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("|", ["app", "env", "rev", "example.com/app"]),
        ("e|", ["env", "example.com/app", "rev"]),
        ("APP|", ["app", "example.com/app"]),
        ("env=prod,|", ["app", "rev", "example.com/app", "env"]),
        ("env=prod, r|", ["rev"]),
        ("|,app", ["env", "rev", "example.com/app", "app"]),
        ("!|", ["app", "env", "rev", "example.com/app"]),
        ("!en|", ["env"]),
        ("!env|", []),
        ("!env |", []),
        ("!env=|", []),
        ("nothing|", []),
    ],
)
def test_keys_come_at_the_start_after_a_comma_and_after_not(text: str, expected: list[str]) -> None:
    assert offered(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("env|", ["env=", "env!=", "env in (", "env notin ("]),
        ("app|", ["app=", "app!=", "app in (", "app notin (", "example.com/app"]),
        ("rev|", ["rev=", "rev!=", "rev in (", "rev notin (", "rev>", "rev<"]),
        ("app|=web", ["example.com/app"]),
        ("env |", ["=", "!=", "in (", "notin ("]),
        ("rev |", ["=", "!=", "in (", "notin (", ">", "<"]),
        ("env i|", ["in ("]),
        ("env in|", ["in ("]),
        ("env n|", ["notin ("]),
        ("env in |", ["("]),
        ("env in x|", []),
    ],
)
def test_operators_come_after_a_whole_key(text: str, expected: list[str]) -> None:
    assert offered(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("app=|", ["web", "db", "webhook"]),
        ("app = |", ["web", "db", "webhook"]),
        ("app==w|", ["web", "webhook"]),
        ("app!=b|", ["web", "db", "webhook"]),
        ("app=web|", ["webhook"]),
        ("app=web |", []),
        ("env=prod,app=|", ["web", "db", "webhook"]),
        ("app in (|", ["web", "db", "webhook"]),
        ("app in (web,|", ["db", "webhook"]),
        ("app in (web, d|", ["db"]),
        ("app notin (|,web)", ["db", "webhook"]),
        ("app in (|,env", ["web", "db", "webhook"]),
        ("app in (web)|", []),
        ("app in (web),env=|", ["prod", "dev"]),
        ("rev>|", ["3"]),
        ("rev=|", ["3"]),
        ("nothing=|", []),
    ],
)
def test_values_come_after_an_operator_but_none_that_the_list_has(text: str, expected: list[str]) -> None:
    assert offered(text) == expected


def test_the_most_frequent_comes_first_and_what_begins_alike_before_what_contains() -> None:
    counts = LabelCounts([{"a": "xweb"}] * 3 + [{"a": "web-1"}] + [{"a": "web-2"}] * 2 + [{"a": "db"}] * 9)
    found = complete("a=web", 5, counts).candidates
    assert [(one.text, one.count) for one in found] == [("web-2", 2), ("web-1", 1), ("xweb", 3)]


def test_the_whole_word_under_the_cursor_is_replaced() -> None:
    completion = complete("ap=web,env", 1, COUNTS)
    assert (completion.start, completion.end) == (0, 2)
    assert taken("ap=web,env", completion, completion.candidates[0]) == "app=web,env"


def test_operators_have_no_count_and_keys_and_values_have() -> None:
    assert {one.count for one in complete("env", 3, COUNTS).candidates} == {None}
    assert [one.count for one in complete("", 0, COUNTS).candidates] == [4, 3, 2, 1]


def test_a_label_that_no_selector_can_name_is_not_offered() -> None:
    counts = LabelCounts([{"a": "\x1b[31m", "b\x1b": "x", "c": "한글"}])
    assert offered("|", counts) == ["a", "c"]
    assert offered("a=|", counts) == offered("c=|", counts) == []


def test_at_most_a_hundred_are_offered() -> None:
    counts = LabelCounts({"pod": f"p{n}"} for n in range(1000))
    assert len(complete("pod=", 4, counts).candidates) == 100


def test_counts_are_of_objects_by_key_and_by_value() -> None:
    counts = LabelCounts([{"a": "1", "b": "1"}])
    counts.add({"a": "2"})
    counts.add({"a": "1"})
    assert (counts.keys, counts.values("a"), counts.values("c")) == ({"a": 3, "b": 1}, {"1": 2, "2": 1}, {})


@given(texts(), st.integers(0, 60))
def test_any_text_at_any_place_can_be_asked_for(text: str, cursor: int) -> None:
    completion = complete(text, cursor, COUNTS)
    assert 0 <= completion.start <= min(cursor, len(text)) <= completion.end <= len(text)


@given(texts(), st.integers(0, 60))
def test_taking_a_value_or_a_key_breaks_nothing_that_was_right(text: str, cursor: int) -> None:
    try:
        parse(text)
    except SelectorError:
        return
    completion = complete(text, cursor, COUNTS)
    for candidate in completion.candidates:
        if candidate.count is not None and text[completion.start : completion.end]:
            parse(taken(text, completion, candidate))


def test_keys_of_label_columns_are_completed_between_their_commas() -> None:
    counts = LabelCounts([{"app": "a", "env": "x"}, {"app": "b"}, {"example.com/tier": "t"}])
    for text, cursor, start, end, words in (
        ("", 0, 0, 0, ["app", "env", "example.com/tier"]),
        ("e", 1, 0, 1, ["env", "example.com/tier"]),
        ("app, t", 6, 5, 6, ["example.com/tier"]),
        ("app,", 4, 4, 4, ["env", "example.com/tier", "app"]),
        ("en,app", 2, 0, 2, ["env"]),
    ):
        found = complete_keys(text, cursor, counts)
        assert (found.start, found.end, [one.text for one in found.candidates]) == (start, end, words), text
    assert complete_keys("a", 1, counts).candidates[0].count == 2
