"""Two changes of one object brought together, and how a difference is shown."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from podtui.kube import merge_patch as fields
from podtui.kube.manifests.three_way import ABSENT, Clash, difference, three_way
from podtui.kube.merge_patch import merged

SCALARS = st.integers(0, 3) | st.sampled_from(["x", "y"]) | st.booleans()
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.dictionaries(st.sampled_from("abc"), inner, max_size=3)
        | st.lists(SCALARS, max_size=2)
        | st.lists(st.fixed_dictionaries({"name": st.sampled_from("pqr"), "v": inner}), max_size=3, unique_by=lambda item: item["name"])
    ),
    max_leaves=12,
)
OBJECTS = st.dictionaries(st.sampled_from("abcd"), VALUES, max_size=4)


@given(OBJECTS, OBJECTS)
def test_a_field_that_only_one_side_changed_has_that_sides_value(before: dict[str, Any], after: dict[str, Any]) -> None:
    for mine, theirs in ((after, before), (before, after)):
        made, clashes = three_way(before, mine, theirs)
        assert fields.same(made, after) and clashes == []


@given(OBJECTS, OBJECTS)
def test_the_same_change_of_both_is_no_clash(before: dict[str, Any], after: dict[str, Any]) -> None:
    made, clashes = three_way(before, after, after)
    assert fields.same(made, after) and clashes == []


@given(OBJECTS, OBJECTS, OBJECTS)
def test_changes_of_different_fields_both_stay(before: dict[str, Any], mine: dict[str, Any], other: dict[str, Any]) -> None:
    theirs = {**before, "theirs": other}
    made, clashes = three_way(before, mine, theirs)
    assert fields.same(made, {**mine, "theirs": other}) and clashes == []


def container(name: str, image: str) -> dict[str, Any]:
    return {"name": name, "image": image}


def test_containers_are_brought_together_by_their_names() -> None:
    before = {"containers": [container("a", "1"), container("b", "1"), container("c", "1")]}
    mine = {"containers": [container("new", "1"), container("a", "2"), container("b", "1")]}
    theirs = {"containers": [container("a", "1"), container("b", "theirs"), container("c", "1"), container("more", "1")]}
    made, clashes = three_way(before, mine, theirs)
    assert made == {"containers": [container("new", "1"), container("a", "2"), container("b", "theirs"), container("more", "1")]}
    assert clashes == []


def test_the_same_field_changed_by_both_is_a_clash_with_its_path() -> None:
    before = {"spec": {"containers": [container("a", "1")]}, "gone": 1, "list": [1]}
    mine = {"spec": {"containers": [container("a", "2")]}, "gone": 2, "list": [1, 2]}
    theirs = {"spec": {"containers": [container("a", "3")]}, "list": [3]}
    made, clashes = three_way(before, mine, theirs)
    assert made == mine
    assert clashes == [Clash("spec.containers[name=a].image", "1", "3"), Clash("gone", 1, ABSENT), Clash("list", [1], [3])]


@given(OBJECTS, OBJECTS)
def test_a_merge_patch_makes_one_object_of_the_other(before: dict[str, Any], after: dict[str, Any]) -> None:
    assert fields.same(merged(before, fields.merge_patch(before, after)), after)


def test_a_difference_leaves_out_what_follows_from_any_change() -> None:
    before = {"metadata": {"name": "x", "resourceVersion": "1", "generation": 1, "labels": {"a": "1"}}}
    after = {"metadata": {"name": "x", "resourceVersion": "2", "generation": 2, "managedFields": [{}], "labels": {"a": "1"}}}
    assert difference(before, after) == []
    after["metadata"]["labels"] = {"a": "2"}
    assert [line for line in difference(before, after) if line[0] in "+-"] == ['-    a: "1"', '+    a: "2"']
