"""The objects of the built-in cluster: versions, history, owners, and who is told of what."""

from __future__ import annotations

from typing import Any

import pytest

from podtui.demo.storage.clock import Clock
from podtui.demo.storage.errors import ApiError
from podtui.demo.storage.kinds import CONFIGMAPS, NODES, PODS, REPLICASETS, kind_at, kind_of
from podtui.demo.storage.state import Change, State


def pod(name: str, namespace: str = "default", **metadata: Any) -> dict[str, Any]:
    return {"metadata": {"name": name, "namespace": namespace, **metadata}, "spec": {"containers": [{"name": "c"}]}}


@pytest.fixture
def state() -> State:
    return State(Clock(0, 1_700_000_000), history=10)


def test_a_new_object_gets_what_the_server_gives_it(state: State) -> None:
    made = state.create(PODS, pod("a"))
    metadata = made["metadata"]
    assert (made["kind"], made["apiVersion"]) == ("Pod", "v1")
    assert metadata["creationTimestamp"] == "2023-11-14T22:13:20Z"
    assert metadata["resourceVersion"] == str(state.version) and metadata["generation"] == 1
    assert len(metadata["uid"]) == 36 and metadata["uid"][14] == "4"


def test_what_an_object_was_born_with_is_kept_if_it_is_given(state: State) -> None:
    metadata = state.create(PODS, pod("a", uid="u", creationTimestamp="2020-01-01T00:00:00Z"))["metadata"]
    assert (metadata["uid"], metadata["creationTimestamp"]) == ("u", "2020-01-01T00:00:00Z")


def test_a_taken_name_is_refused(state: State) -> None:
    state.create(PODS, pod("a"))
    with pytest.raises(ApiError) as caught:
        state.create(PODS, pod("a"))
    assert (caught.value.code, caught.value.reason) == (409, "AlreadyExists")
    assert state.create(PODS, pod("a", "other"))["metadata"]["namespace"] == "other"


def test_an_update_that_changes_nothing_keeps_the_version(state: State) -> None:
    made = state.create(PODS, pod("a"))
    assert state.update(PODS, {**made}) is made
    changed = state.update(PODS, {**made, "status": {"phase": "Running"}})
    assert changed["metadata"]["resourceVersion"] != made["metadata"]["resourceVersion"]
    assert made.get("status") is None, "what a reader holds is not touched"


def test_the_generation_counts_changes_of_spec_and_the_beginning_of_the_end(state: State) -> None:
    made = state.create(PODS, pod("a"))
    changed = state.update(PODS, {**made, "spec": {"containers": []}})
    assert changed["metadata"]["generation"] == 2
    labelled = state.update(PODS, {**changed, "metadata": {**changed["metadata"], "labels": {"a": "b"}}})
    assert labelled["metadata"]["generation"] == 2
    ending = state.update(PODS, {**labelled, "metadata": {**labelled["metadata"], "deletionTimestamp": "2023-11-14T22:13:20Z"}})
    assert ending["metadata"]["generation"] == 3


def test_an_update_does_not_change_the_identity_of_an_object(state: State) -> None:
    made = state.create(PODS, pod("a"))
    same = state.update(PODS, pod("a", uid="another", creationTimestamp="2020-01-01T00:00:00Z", labels={"a": "b"}))
    assert same["metadata"]["uid"] == made["metadata"]["uid"]
    assert same["metadata"]["creationTimestamp"] == made["metadata"]["creationTimestamp"]


def test_what_is_not_there_is_neither_updated_nor_removed(state: State) -> None:
    with pytest.raises(ApiError) as updated:
        state.update(PODS, pod("a"))
    with pytest.raises(ApiError) as removed:
        state.remove(PODS, "default", "a")
    assert updated.value.code == removed.value.code == 404


def test_lists_are_in_order_of_namespace_and_name(state: State) -> None:
    for namespace, name in (("b", "a"), ("a", "b"), ("a", "a"), ("a-b", "c")):
        state.create(PODS, pod(name, namespace))
    state.create(NODES, {"metadata": {"name": "n"}})

    def named(namespace: str = "") -> list[tuple[str, str]]:
        return [(one["metadata"]["namespace"], one["metadata"]["name"]) for one in state.list(PODS, namespace)]

    assert named() == [("a", "a"), ("a", "b"), ("a-b", "c"), ("b", "a")]
    assert named("a") == [("a", "a"), ("a", "b")]
    assert len(state.list(NODES, "a")) == 1, "a cluster-scoped kind has no namespaces"


def test_a_list_can_be_had_as_it_was(state: State) -> None:
    made = state.create(PODS, pod("a"))
    state.create(PODS, pod("b"))
    before = state.version
    state.update(PODS, {**made, "status": {"phase": "Running"}})
    state.remove(PODS, "default", "b")
    state.create(PODS, pod("c"))
    assert [entry.name for entry in state.entries(PODS)] == ["a", "c"]
    then = state.entries_at(PODS, "", before)
    assert [entry.name for entry in then] == ["a", "b"] and then[0].obj is made


def test_subscribers_see_changes_in_one_order_whoever_makes_them(state: State) -> None:
    seen: list[tuple[str, str]] = []

    def controller(change: Change) -> None:
        if change.type == "ADDED" and change.kind is PODS:
            state.create(CONFIGMAPS, {"metadata": {"name": change.new["metadata"]["name"], "namespace": "default"}})

    state.subscribe(controller)
    end = state.subscribe(lambda change: seen.append((change.type, change.kind.kind)))
    state.create(PODS, pod("a"))
    assert seen == [("ADDED", "Pod"), ("ADDED", "ConfigMap")]
    end()
    state.create(PODS, pod("b"))
    assert len(seen) == 2


def test_a_subscriber_that_fails_does_not_keep_a_change_from_the_others(state: State) -> None:
    seen: list[Change] = []

    def broken(change: Change) -> None:
        raise RuntimeError("broken")

    state.subscribe(broken)
    state.subscribe(seen.append)
    with pytest.raises(RuntimeError, match="broken"):
        state.create(PODS, pod("a"))
    assert len(seen) == 1 and state.get(PODS, "default", "a") is not None


def test_the_change_of_a_removed_object_has_the_version_of_its_end(state: State) -> None:
    made = state.create(PODS, pod("a"))
    before = state.version
    gone = state.remove(PODS, "default", "a")
    (change,) = state.since(before)
    assert change.type == "DELETED" and change.old is made and change.new is gone
    assert gone["metadata"]["resourceVersion"] == str(state.version) == str(before + 1)
    assert state.get(PODS, "default", "a") is None


def test_history_reaches_back_as_far_as_it_is_long(state: State) -> None:
    first = state.version
    for number in range(10):
        state.create(PODS, pod(f"p{number}"))
    assert len(state.since(first)) == 10
    state.create(PODS, pod("one-more"))
    with pytest.raises(ApiError) as caught:
        state.since(first)
    assert (caught.value.code, caught.value.reason) == (410, "Expired")
    assert len(state.since(first + 1)) == 10
    assert state.since(state.version) == []


def test_a_compaction_forgets_what_was(state: State) -> None:
    before = state.version
    state.create(PODS, pod("a"))
    state.forget()
    with pytest.raises(ApiError):
        state.since(before)
    assert state.since(state.version) == []


def test_owners_and_nodes_know_their_own(state: State) -> None:
    owner = [{"kind": "ReplicaSet", "name": "r", "uid": "u"}]
    made = state.create(PODS, pod("a", ownerReferences=owner))
    state.create(REPLICASETS, {"metadata": {"name": "r2", "namespace": "default", "ownerReferences": owner}})
    assert [kind.kind for kind, _ in state.by_owner("u")] == ["Pod", "ReplicaSet"]
    assert state.by_node("n") == []
    bound = state.update(PODS, {**made, "spec": {**made["spec"], "nodeName": "n"}})
    assert state.by_node("n") == [bound]
    state.remove(PODS, "default", "a")
    assert state.by_node("n") == [] and len(state.by_owner("u")) == 1


def test_one_seed_makes_the_same_names() -> None:
    uids = [State(Clock(0, 0, seed=7)).new_uid() for _ in range(2)]
    assert uids[0] == uids[1] != State(Clock(0, 0, seed=8)).new_uid()


def test_kinds_are_found_by_name_and_by_path() -> None:
    assert kind_of("v1", "Pod") is PODS is kind_at("", "v1", "pods")
    assert kind_of("apps/v1", "ReplicaSet") is REPLICASETS
    assert kind_of("v1", "Nope") is None
    assert PODS.path("default", "a") == "/api/v1/namespaces/default/pods/a"
    assert REPLICASETS.path() == "/apis/apps/v1/replicasets"
