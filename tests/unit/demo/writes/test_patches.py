"""Patches as the API server applies them: JSON patch, merge patch, strategic merge patch."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podtui.demo.storage.errors import ApiError
from podtui.demo.writes.patches import json_patch, merge_patch, strategic_merge_patch

SCALARS = st.none() | st.booleans() | st.integers(-5, 5) | st.text("ab/~", max_size=3)
KEYS = st.text("abc/~", max_size=2)
JSON = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3), max_leaves=8)
OBJECTS = st.dictionaries(KEYS, JSON, max_size=4)


def patched(obj: Any, *operations: Any) -> Any:
    return json_patch(obj, json.dumps(operations).encode())[0]


def merged(obj: Any, patch: Any) -> Any:
    return merge_patch(obj, json.dumps(patch).encode())


def pod(*containers: dict[str, Any], **metadata: Any) -> dict[str, Any]:
    return {"metadata": metadata, "spec": {"containers": list(containers)}}


def containers(obj: dict[str, Any]) -> list[str]:
    return [one["name"] for one in obj["spec"]["containers"]]


# -- JSON patch


def test_a_path_is_unescaped_once() -> None:
    assert patched({"a": {}}, {"op": "add", "path": "/a/x~1y~0z", "value": 1}) == {"a": {"x/y~z": 1}}


def test_an_item_is_inserted_at_its_index_and_appended_at_the_dash() -> None:
    operations = [{"op": "add", "path": "/a/0", "value": 0}, {"op": "add", "path": "/a/-", "value": 3}]
    assert patched({"a": [1, 2]}, *operations) == {"a": [0, 1, 2, 3]}


def test_a_test_that_fails_refuses_the_whole_patch() -> None:
    obj = {"a": 1}
    with pytest.raises(ApiError) as caught:
        patched(obj, {"op": "replace", "path": "/a", "value": 2}, {"op": "test", "path": "/a", "value": 1})
    assert (caught.value.code, caught.value.reason, caught.value.details) == (422, "Invalid", {})
    assert caught.value.message == "the server rejected our request due to an error in our request"
    assert obj == {"a": 1}


def test_a_json_patch_tells_true_from_the_number_one() -> None:
    with pytest.raises(ApiError):
        patched({"a": True}, {"op": "test", "path": "/a", "value": 1})


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "remove", "path": "/nope"},
        {"op": "add", "path": "/nope/deeper", "value": 1},
        {"op": "add", "path": "/list/9", "value": 1},
        {"op": "remove", "path": "/list/x"},
        {"op": "move", "from": "/nope", "path": "/a"},
        {"op": "dance", "path": "/a"},
        {"path": "/a"},
        {"op": "add", "value": 1},
        {"op": "add", "path": "a", "value": 1},
        {"op": "remove", "path": ""},
    ],
)
def test_what_does_not_fit_is_refused(operation: dict[str, Any]) -> None:
    with pytest.raises(ApiError) as caught:
        patched({"a": 1, "list": []}, operation)
    assert caught.value.code == 422


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"[", "invalid JSON patch"),
        (b"{}", "error decoding patch: json: cannot unmarshal object into Go value of type []handlers.jsonPatchOp"),
        (b"[1]", "error decoding patch: json: cannot unmarshal number into Go value of type handlers.jsonPatchOp"),
    ],
)
def test_a_body_that_is_not_a_json_patch_is_refused(body: bytes, words: str) -> None:
    with pytest.raises(ApiError) as caught:
        json_patch({}, body)
    assert (caught.value.code, caught.value.message) == (400, words)


def test_unknown_fields_of_an_operation_are_reported() -> None:
    _, unknown = json_patch({}, b'[{"op": "add", "path": "/a", "value": 1, "foo": 2}]')
    assert unknown == ['json patch unknown field "[0].foo"']


@given(OBJECTS, JSON)
def test_what_was_added_is_found_and_taken_away_again(obj: dict[str, Any], value: Any) -> None:
    obj.pop("new", None)
    before = copy.deepcopy(obj)
    added = patched(obj, {"op": "add", "path": "/new", "value": value}, {"op": "test", "path": "/new", "value": value})
    assert added == {**before, "new": value}
    assert patched(added, {"op": "remove", "path": "/new"}) == before == obj


# -- merge patch


@given(OBJECTS, OBJECTS)
def test_a_merge_patch_is_rfc_7386(obj: dict[str, Any], patch: dict[str, Any]) -> None:
    def model(target: Any, patch: Any) -> Any:
        if not isinstance(patch, dict):
            return patch
        found = dict(target) if isinstance(target, dict) else {}
        for key, value in patch.items():
            if value is None:
                found.pop(key, None)
            else:
                found[key] = model(found.get(key), value)
        return found

    before = copy.deepcopy(obj)
    assert merged(obj, patch) == model(obj, patch)
    assert obj == before


@given(OBJECTS, OBJECTS)
def test_a_merge_patch_twice_is_the_patch_once(obj: dict[str, Any], patch: dict[str, Any]) -> None:
    once = merged(obj, patch)
    assert merged(once, patch) == once


@pytest.mark.parametrize(("body", "words"), [(b"null", "Invalid JSON Patch"), (b"{", "invalid JSON patch")])
def test_what_is_not_a_merge_patch_is_refused(body: bytes, words: str) -> None:
    with pytest.raises(ApiError) as caught:
        merge_patch({}, body)
    assert (caught.value.code, caught.value.message) == (400, words)


# -- strategic merge patch


def test_a_container_is_merged_by_its_name() -> None:
    obj = pod({"name": "a", "image": "1", "tty": True}, {"name": "b", "image": "2"})
    after = strategic_merge_patch("Pod", obj, pod({"name": "b", "image": "3"}))
    assert after["spec"]["containers"] == [{"name": "a", "image": "1", "tty": True}, {"name": "b", "image": "3"}]


def test_a_new_container_stands_before_those_that_the_patch_does_not_name() -> None:
    assert containers(strategic_merge_patch("Pod", pod({"name": "a"}), pod({"name": "b"}))) == ["b", "a"]


def test_the_patch_may_say_in_which_order_they_stand() -> None:
    patch = {"spec": {"$setElementOrder/containers": [{"name": "a"}, {"name": "b"}], "containers": [{"name": "b"}]}}
    assert containers(strategic_merge_patch("Pod", pod({"name": "a"}, {"name": "z"}), patch)) == ["a", "b", "z"]
    only = {"spec": {"$setElementOrder/containers": [{"name": "b"}, {"name": "a"}]}}
    assert containers(strategic_merge_patch("Pod", pod({"name": "a"}, {"name": "b"}), only)) == ["b", "a"]


def test_an_item_is_deleted_by_its_key() -> None:
    patch = pod({"name": "a", "$patch": "delete"})
    assert containers(strategic_merge_patch("Pod", pod({"name": "a"}, {"name": "b"}), patch)) == ["b"]


def test_a_list_is_replaced_when_the_patch_says_so() -> None:
    patch = {"spec": {"containers": [{"name": "c"}, {"$patch": "replace"}]}}
    assert containers(strategic_merge_patch("Pod", pod({"name": "a"}), patch)) == ["c"]


def test_a_map_is_replaced_when_the_patch_says_so() -> None:
    obj = {"spec": {"selector": {"a": "1", "b": "2"}}}
    patch = {"spec": {"selector": {"c": "3", "$patch": "replace"}}}
    assert strategic_merge_patch("Service", obj, patch) == {"spec": {"selector": {"c": "3"}}}


def test_only_the_retained_keys_stay() -> None:
    obj = {"spec": {"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}}}}
    patch = {"spec": {"strategy": {"$retainKeys": ["type"], "type": "Recreate"}}}
    assert strategic_merge_patch("Deployment", obj, patch) == {"spec": {"strategy": {"type": "Recreate"}}}


def test_ports_are_merged_by_their_number_and_variables_by_their_name() -> None:
    obj = pod({"name": "a", "ports": [{"containerPort": 80, "name": "http"}], "env": [{"name": "A", "value": "1"}]})
    change = {"name": "a", "ports": [{"containerPort": 80, "name": "web"}], "env": [{"name": "A", "value": "2"}]}
    (after,) = strategic_merge_patch("Pod", obj, pod(change))["spec"]["containers"]
    assert (after["ports"], after["env"]) == ([{"containerPort": 80, "name": "web"}], [{"name": "A", "value": "2"}])


def test_tolerations_are_replaced_as_a_whole() -> None:
    obj = {"spec": {"tolerations": [{"key": "a"}]}}
    assert strategic_merge_patch("Pod", obj, {"spec": {"tolerations": [{"key": "b"}]}}) == {"spec": {"tolerations": [{"key": "b"}]}}


def test_conditions_are_merged_by_their_type() -> None:
    obj = {"status": {"conditions": [{"type": "Ready", "status": "True"}, {"type": "PodScheduled", "status": "True"}]}}
    after = strategic_merge_patch("Pod", obj, {"status": {"conditions": [{"type": "Ready", "status": "False"}]}})
    assert [(one["type"], one["status"]) for one in after["status"]["conditions"]] == [("Ready", "False"), ("PodScheduled", "True")]


def test_finalizers_are_merged_as_a_set() -> None:
    obj = pod(finalizers=["x/a", "x/b"])
    patch = {"metadata": {"finalizers": ["x/c"], "$deleteFromPrimitiveList/finalizers": ["x/a"]}}
    assert sorted(strategic_merge_patch("Pod", obj, patch)["metadata"]["finalizers"]) == ["x/b", "x/c"]


def test_an_item_without_its_key_is_refused_in_the_servers_words() -> None:
    with pytest.raises(ApiError) as caught:
        strategic_merge_patch("Pod", pod(), pod({"image": "c"}))
    assert (caught.value.code, caught.value.message) == (500, "map: map[image:c] does not contain declared merge key: name")


NAMES = st.lists(st.sampled_from("abcdef"), unique=True, max_size=5)


@given(NAMES, NAMES)
def test_a_list_by_key_loses_nothing_and_ends_with_the_values_of_the_patch(live: list[str], patch: list[str]) -> None:
    obj = pod(*({"name": name, "image": "old", "tty": True} for name in live))
    after = strategic_merge_patch("Pod", obj, pod(*({"name": name, "image": "new"} for name in patch)))
    assert sorted(containers(after)) == sorted({*live, *patch})
    assert {one["name"] for one in after["spec"]["containers"] if one["image"] == "new"} == set(patch)
    assert [name for name in containers(after) if name in patch] == patch
    assert [name for name in containers(after) if name not in patch] == [name for name in live if name not in patch]
    assert all(("tty" in one) == (one["name"] in live) for one in after["spec"]["containers"])


@given(st.dictionaries(st.text("ab", max_size=2), st.text("xy", max_size=1) | st.none(), max_size=4), NAMES)
def test_labels_are_merged_as_by_a_merge_patch(labels: dict[str, str | None], live: list[str]) -> None:
    obj = {"metadata": {"labels": {name: "old" for name in live}}}
    assert strategic_merge_patch("Pod", obj, {"metadata": {"labels": labels}}) == merged(obj, {"metadata": {"labels": labels}})
