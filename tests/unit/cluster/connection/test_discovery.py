"""Kinds resolved through aggregated discovery, and through the older one where there is no other."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from podtui.cluster.connection.decoding import UnreadableAnswer
from podtui.cluster.connection.discovery import Discovery
from podtui.errors import ConnectionFailed, PodtuiError, ServerError, UnknownKind
from podtui.kube.resources import PODS, Resource
from tests.support.api_server import ApiServer
from tests.support.mutated_answers import mutated


def kind(plural: str, name: str, scope: str = "Namespaced", verbs: tuple[str, ...] = ("get", "create"), group: str = "") -> dict[str, Any]:
    return {"resource": plural, "responseKind": {"group": group, "version": "", "kind": name}, "scope": scope, "verbs": list(verbs)}


def aggregated(*groups: tuple[str, str, list[dict[str, Any]]], freshness: str = "Current") -> dict[str, Any]:
    return {
        "kind": "APIGroupDiscoveryList",
        "items": [
            {
                "metadata": {"name": group} if group else {},
                "versions": [{"version": version, "resources": resources, "freshness": freshness}],
            }
            for group, version, resources in groups
        ],
    }


def discovery(server: ApiServer) -> Discovery:
    return Discovery(server)  # type: ignore[arg-type]


def modern() -> ApiServer:
    return ApiServer(
        {
            "/api": aggregated(("", "v1", [kind("pods", "Pod"), kind("namespaces", "Namespace", "Cluster")])),
            "/apis": aggregated(("apps", "v1", [kind("deployments", "Deployment"), kind("replicasets", "ReplicaSet")])),
        }
    )


async def test_kinds_are_asked_for_once_however_many_want_them() -> None:
    server = modern()
    kinds = discovery(server)
    pod, deployment = await asyncio.gather(kinds.resolve("v1", "Pod"), kinds.resolve("apps/v1", "Deployment"))
    assert pod == PODS
    assert deployment == Resource("apps", "v1", "deployments", "Deployment")
    assert (await kinds.resolve("v1", "Namespace")).namespaced is False
    assert server.asked == ["/api", "/apis"]


async def test_a_kind_that_came_later_is_found() -> None:
    server = modern()
    kinds = discovery(server)
    await kinds.resolve("v1", "Pod")
    server.objects["/apis"] = aggregated(("example.com", "v1", [kind("widgets", "Widget")]))
    assert (await kinds.resolve("example.com/v1", "Widget")).plural == "widgets"


@pytest.mark.parametrize(
    ("api_version", "name", "hint"),
    [
        ("v1", "Podd", "did you mean Pod?"),
        ("v1", "pod", "did you mean kind Pod in version v1?"),
        ("v1", "Deployment", "did you mean kind Deployment in version apps/v1?"),
        ("apps/v2", "Replicaset", "did you mean kind ReplicaSet in version apps/v1?"),
        ("example.com/v1", "Zebra", "the server does not serve it: is its CustomResourceDefinition installed?"),
    ],
)
async def test_an_unknown_kind_names_the_near_ones(api_version: str, name: str, hint: str) -> None:
    with pytest.raises(UnknownKind) as caught:
        await discovery(modern()).resolve(api_version, name)
    assert caught.value.what == f'no matches for kind "{name}" in version "{api_version}"'
    assert caught.value.hint == hint


async def test_a_stale_group_is_reported_as_such() -> None:
    server = modern()
    server.objects["/apis"] = aggregated(("metrics.example.com", "v1", []), freshness="Stale")
    with pytest.raises(UnknownKind) as caught:
        await discovery(server).resolve("metrics.example.com/v1", "NodeMetrics")
    assert caught.value.hint == "metrics.example.com/v1 could not be asked: its server does not answer"


async def test_of_two_resources_of_one_kind_the_readable_one_is_meant() -> None:
    server = modern()
    server.objects["/apis"] = aggregated(("x", "v1", [kind("echoes", "Echo", verbs=("create",)), kind("echos", "Echo")]))
    assert (await discovery(server).resolve("x/v1", "Echo")).plural == "echos"


def older() -> ApiServer:
    def resources(*found: tuple[str, str, bool]) -> dict[str, Any]:
        return {
            "kind": "APIResourceList",
            "resources": [{"name": name, "kind": kind, "namespaced": namespaced, "verbs": ["get"]} for name, kind, namespaced in found],
        }

    return ApiServer(
        {
            "/api": {"kind": "APIVersions", "versions": ["v1"]},
            "/apis": {
                "kind": "APIGroupList",
                "groups": [{"name": "apps", "versions": [{"version": "v1"}]}, {"name": "down.io", "versions": [{"version": "v1"}]}],
            },
            "/api/v1": resources(("pods", "Pod", True), ("pods/log", "Pod", True), ("nodes", "Node", False)),
            "/apis/apps/v1": resources(("deployments", "Deployment", True), ("deployments/scale", "Scale", True)),
            "/apis/down.io/v1": ServerError(503, "ServiceUnavailable", "the server is currently unable to handle the request"),
        }
    )


async def test_older_discovery_is_understood_and_subresources_are_no_kinds() -> None:
    kinds = discovery(older())
    assert await kinds.resolve("v1", "Pod") == PODS
    assert (await kinds.resolve("v1", "Node")).namespaced is False
    assert (await kinds.resolve("apps/v1", "Deployment")).path("x", "y") == "/apis/apps/v1/namespaces/x/deployments/y"
    assert {resource.kind for resource in await kinds.all()} == {"Pod", "Node", "Deployment"}


async def test_an_aggregated_server_that_is_down_hides_only_itself() -> None:
    kinds = discovery(older())
    with pytest.raises(UnknownKind) as caught:
        await kinds.resolve("down.io/v1", "Thing")
    assert caught.value.hint.startswith("down.io/v1 could not be asked: the server is currently unable")
    assert list(kinds.unasked) == ["down.io/v1"]
    assert (await kinds.resolve("apps/v1", "Deployment")).kind == "Deployment"


async def test_what_could_not_be_asked_is_named_until_it_answers() -> None:
    server = modern()
    kinds = discovery(server)
    server.objects["/apis"] = aggregated(("feed.example", "v1alpha1", []), freshness="Stale")
    assert {resource.kind for resource in await kinds.all()} == {"Pod", "Namespace"}
    assert dict(kinds.unasked) == {"feed.example/v1alpha1": "its server does not answer"}
    server.objects["/apis"] = aggregated(("feed.example", "v1alpha1", [kind("bags", "Bag")]))
    assert (await kinds.resolve("feed.example/v1alpha1", "Bag")).plural == "bags"
    assert dict(kinds.unasked) == {}


async def test_all_kinds_are_those_of_now_and_so_is_what_could_not_be_asked() -> None:
    server = modern()
    kinds = discovery(server)
    assert len(await kinds.all()) == 4
    server.objects["/apis"] = aggregated(("feed.example", "v1alpha1", []), freshness="Stale")
    assert {resource.kind for resource in await kinds.all()} == {"Pod", "Namespace"}
    assert list(kinds.unasked) == ["feed.example/v1alpha1"]
    server.objects["/apis"] = modern().objects["/apis"]
    assert len(await kinds.all()) == 4 and dict(kinds.unasked) == {}


@pytest.mark.parametrize(
    "fault",
    [ServerError(503, "ServiceUnavailable", "the groups are away"), UnreadableAnswer("the groups cannot be read")],
)
async def test_without_the_groups_the_core_is_there_and_the_rest_is_named(fault: PodtuiError) -> None:
    server = modern()
    server.objects["/apis"] = fault
    kinds = discovery(server)
    assert await kinds.resolve("v1", "Pod") == PODS
    with pytest.raises(UnknownKind) as caught:
        await kinds.resolve("apps/v1", "Deployment")
    assert caught.value.hint.startswith("the API groups could not be asked: the groups ")


async def test_a_server_that_is_away_is_its_own_error_and_the_next_answer_heals() -> None:
    server = modern()
    groups = server.objects["/apis"]
    server.objects["/apis"] = ConnectionFailed("away")
    kinds = discovery(server)
    with pytest.raises(ConnectionFailed, match="away"):
        await kinds.all()
    server.objects["/apis"] = groups
    assert len(await kinds.all()) == 4


async def test_a_kind_is_unknown_until_the_server_says_whether_its_objects_are_in_namespaces() -> None:
    for server, path in ((modern(), "/api"), (older(), "/api/v1")):
        good = server.objects[path]
        server.objects[path] = json.loads(json.dumps(good).replace('"namespaced": true', '"namespaced": null').replace("Namespaced", ""))
        kinds = discovery(server)
        with pytest.raises(UnknownKind):
            await kinds.resolve("v1", "Pod")
        server.objects[path] = good
        assert await kinds.resolve("v1", "Pod") == PODS


@settings(deadline=None, max_examples=60)
@given(data=st.data())
def test_no_answer_ends_discovery_for_good(data: st.DataObject) -> None:
    """A part of an answer is replaced by anything: pods that can be asked for, or an error of podtui that the next good answer heals."""

    async def check(good: Callable[[], ApiServer], path: str) -> None:
        server = good()
        answer = server.objects[path]
        other = mutated(data, answer)
        server.objects[path] = other if isinstance(other, dict) else UnreadableAnswer("no object")  # as Connection.json says it
        kinds = discovery(server)
        found: Resource | None = None
        with suppress(PodtuiError):
            found = await kinds.resolve("v1", "Pod")
        server.objects[path] = answer
        assert found is not None or await kinds.resolve("v1", "Pod") == PODS

    good, path = data.draw(st.sampled_from([*((modern, path) for path in ("/api", "/apis")), *((older, path) for path in older().objects)]))
    asyncio.run(check(good, path))
