"""What is in a namespace, kind by kind, and what could not be counted."""

from __future__ import annotations

from typing import Any, cast

from podtui.cluster.connection.access import Access
from podtui.cluster.connection.connection import Connection
from podtui.cluster.connection.discovery import Discovery
from podtui.cluster.impact.namespace_contents import Contents, count
from podtui.errors import ConnectionFailed, ServerError, api_error
from tests.support.api_server import ApiServer, not_served, page
from tests.unit.cluster.connection.test_discovery import aggregated, kind

SHOP = "/api/v1/namespaces/shop"


def server(**namespace: Any) -> ApiServer:
    core = [kind(name, name.title()) for name in ("pods", "configmaps", "secrets", "events")]
    meta = {"name": "shop", **namespace}
    return ApiServer(
        {
            "/api": aggregated(("", "v1", core)),
            "/apis": aggregated(("apps", "v1", [kind("deployments", "Deployment")])),
            SHOP: {"metadata": meta},
            f"{SHOP}/pods": [{"metadata": {"name": name, "finalizers": ["farm.example/vet"]}} for name in "abcde"],
            f"{SHOP}/configmaps": [{"metadata": {"name": "c"}}],
            f"{SHOP}/secrets": [],
            "/apis/apps/v1/namespaces/shop/deployments": [],
        }
    )


class Rights:
    async def can(self, verb: str, resource: str, namespace: str = "", subresource: str = "", group: str = "") -> bool:
        return True


async def counted(given: ApiServer) -> Contents:
    connection = cast(Connection, given)
    return await count(connection, cast(Access, Rights()), Discovery(connection), "shop")


async def test_kinds_that_have_objects_are_counted_the_most_important_first() -> None:
    found = await counted(server())
    assert list(found.counts.items()) == [("pods", 5), ("configmaps", 1)]
    assert (found.unread, found.deleting, found.holding) == ([], False, [])


async def test_every_kind_that_could_not_be_counted_is_named_with_its_reason() -> None:
    given = server()
    given.objects[f"{SHOP}/secrets"] = ConnectionFailed("the connection was reset")
    given.objects[f"{SHOP}/configmaps"] = api_error(500, "InternalError", "etcd is away")
    given.objects["/apis/apps/v1/namespaces/shop/deployments"] = api_error(405, "MethodNotAllowed", "no list")
    given.forbidden = {f"{SHOP}/pods"}
    found = await counted(given)
    assert sorted(found.unread) == [
        "configmaps: etcd is away",
        "secrets: the connection was reset",
        "you lack permission to list pods",
    ]
    assert found.counts == {}


async def test_what_answers_404_in_place_of_the_api_server_does_not_say_that_a_namespace_is_empty() -> None:
    given = server()
    given.objects |= {SHOP: page(), f"{SHOP}/pods": page(), f"{SHOP}/configmaps": not_served()}
    found = await counted(given)
    assert found.counts == {}
    assert [line.partition(":")[0] for line in sorted(found.unread)] == [
        "configmaps",
        "pods",
        "whether the namespace is being deleted already",
    ]


async def test_a_namespace_that_may_not_be_read_is_counted_all_the_same() -> None:
    given = server()
    given.forbidden = {SHOP}
    found = await counted(given)
    assert found.counts["pods"] == 5 and "whether the namespace is being deleted already" in found.unread[0]


async def test_what_holds_a_namespace_that_is_being_deleted_is_named_where_its_conditions_are_silent() -> None:
    found = await counted(server(deletionTimestamp="2026-01-01T00:00:00Z"))
    assert found.deleting and found.counts["pods"] == 5
    assert found.holding == ["finalizer farm.example/vet holds pods/a, b, c and 2 more"]


async def test_kinds_that_could_not_be_asked_for_are_named_with_what_that_means_for_the_deletion() -> None:
    server: Any = ApiServer(
        {
            "/api": {"kind": "APIVersions", "versions": ["v1"]},
            "/apis": {"kind": "APIGroupList", "groups": [{"name": "feed.example", "versions": [{"version": "v1alpha1"}]}]},
            "/api/v1": {"resources": [{"name": "pods", "kind": "Pod", "namespaced": True, "verbs": ["list"]}]},
            "/apis/feed.example/v1alpha1": ServerError(503, "ServiceUnavailable", "the server is away"),
            "/api/v1/namespaces/shop": {"metadata": {"name": "shop"}},
            "/api/v1/namespaces/shop/pods": [{"metadata": {"name": "web"}}],
        }
    )
    found = await count(server, Access(server), Discovery(server), "shop")
    assert found.counts == {"pods": 1}
    assert found.unread == [
        "the kinds of feed.example/v1alpha1: the server is away; until it answers, the namespace controller does not finish the deletion"
    ]
