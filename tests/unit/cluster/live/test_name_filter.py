"""What can be typed into the `/` bar."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podtui.cluster.live.name_filter import check_filter, parse_filter
from podtui.cluster.live.selector_completion import LabelCounts, complete_filter
from podtui.errors import SelectorError

COUNTS = LabelCounts([{"app": "web"}, {"app": "db"}])


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("", ["prod/web-1", "prod/Web-2", "dev/db-1"]),
        ("  ", ["prod/web-1", "prod/Web-2", "dev/db-1"]),
        ("web", ["prod/web-1", "prod/Web-2"]),
        ("WEB-1 ", ["prod/web-1"]),
        ("!web", ["dev/db-1"]),
        ("! web", ["dev/db-1"]),
        ("!", ["prod/web-1", "prod/Web-2", "dev/db-1"]),
        ("dev", []),
        ("dev/", ["dev/db-1"]),
        ("d/web", ["prod/web-1", "prod/Web-2"]),
        ("!prod/", ["dev/db-1"]),
        ("-f wb1", ["prod/web-1"]),
        ("-f b1", ["prod/web-1", "dev/db-1"]),
        ("-f w b", ["prod/web-1", "prod/Web-2"]),
        ("-f 1b", []),
        ("-f", ["prod/web-1", "prod/Web-2", "dev/db-1"]),
        ("-f pd/w2", ["prod/Web-2"]),
        ("-1", ["prod/web-1", "dev/db-1"]),
        ("-l app", ["prod/web-1", "prod/Web-2", "dev/db-1"]),
    ],
)
def test_a_filter_shows_the_names_it_matches(text: str, shown: list[str]) -> None:
    found = parse_filter(text)
    assert [whole for whole in ("prod/web-1", "prod/Web-2", "dev/db-1") if found.matches(*whole.split("/"))] == shown


@pytest.mark.parametrize(
    ("text", "selector"),
    [
        ("-l app=web", "app=web"),
        ("-l  env in (a,b) ", "env in (a,b)"),
        ("-l app", "app"),
        ("-l", ""),
        ("-l ", ""),
        ("-l !app", "!app"),
        ("-lapp=web", "app=web"),
        ("app=web", "app=web"),
        (" app!=web,!x", "app!=web,!x"),
        ("!x,app=web", "!x,app=web"),
        ("app", None),
        ("!app", None),
        ("-logs", None),
        ("-list-1", None),
        ("-f a=b", None),
    ],
)
def test_a_selector_is_told_from_a_name(text: str, selector: str | None) -> None:
    assert parse_filter(text).selector == selector


@pytest.mark.parametrize(
    ("text", "name", "spans"),
    [
        ("web", "web-x-web", [(0, 3), (6, 9)]),
        ("WEB", "a-Web", [(2, 5)]),
        ("", "web", []),
        ("!web", "db", []),
        ("-l a", "a", []),
        ("-f wb1", "web-1", [(0, 1), (2, 3), (4, 5)]),
        ("-f wb", "w-w-wb", [(4, 6)]),
        ("-f zz", "web", []),
        ("d/we", "web-we", [(0, 2)]),
        ("d/", "web", []),
        ("a.b", "axb a.b", [(4, 7)]),
        ("x", "İx", [(1, 2)]),
    ],
)
def test_the_matching_parts_of_a_name_are_known(text: str, name: str, spans: list[tuple[int, int]]) -> None:
    assert parse_filter(text).spans(name) == spans


@given(st.text("aBb-/.f1İ", max_size=5), st.text("aBb-.1İ", max_size=8), st.booleans())
def test_what_matches_a_name_can_be_highlighted_in_it(text: str, name: str, fuzzy: bool) -> None:
    found = parse_filter(f"-f {text}" if fuzzy else text)
    spans = found.spans(name)
    assert all(0 <= start < end <= len(name) for start, end in spans)
    assert all(first[1] <= second[0] for first, second in pairwise(spans))
    if found.kind in ("contains", "fuzzy") and found.sought and "/" not in found.sought:
        assert bool(spans) is found.matches("ns", name)


def test_a_name_filter_keeps_its_text_as_typed() -> None:
    assert parse_filter(" !Web ").text == "!Web"
    assert parse_filter("-l a=B").text == "-l a=B"
    assert parse_filter("!Web") and not parse_filter("!") and not parse_filter("-l")


def test_a_wrong_selector_is_reported_with_its_place_in_the_filter() -> None:
    check_filter("web")
    check_filter("-l app=web")
    with pytest.raises(SelectorError) as caught:
        check_filter(" -l  a=b c")
    assert (caught.value.position, caught.value.text) == (9, " -l  a=b c")
    assert caught.value.what.startswith("expected ',' or the end here")


def test_the_selector_of_a_filter_is_completed() -> None:
    found = complete_filter("-l app=", 7, COUNTS)
    assert (found.start, found.end, [one.text for one in found.candidates]) == (7, 7, ["db", "web"])
    assert complete_filter("-l ", 3, COUNTS).candidates[0].text == "app"
    assert complete_filter("ap", 2, COUNTS).candidates == ()
    assert complete_filter("-l app", 1, COUNTS).candidates == ()
