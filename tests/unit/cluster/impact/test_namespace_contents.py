"""What the preview of a namespace's deletion says about its contents."""

from __future__ import annotations

from typing import Any

from podtui.cluster.connection.access import Access
from podtui.cluster.connection.discovery import Discovery
from podtui.cluster.impact.namespace_contents import count
from podtui.errors import ServerError
from tests.support.api_server import ApiServer


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
