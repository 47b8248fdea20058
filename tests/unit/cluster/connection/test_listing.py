"""Lists that come in pages: all of them, one at a time ahead, and what happens when a continue token expires."""

from __future__ import annotations

import asyncio
import json
from contextlib import aclosing
from typing import Any

import msgspec
import pytest

from podtui.cluster.connection.decoding import UnreadableAnswer
from podtui.cluster.connection.listing import METADATA_LIST, count_objects, decode_page, list_objects, pages, select
from podtui.errors import Gone, api_error
from podtui.kube.resources import PODS


class Named(msgspec.Struct):
    metadata: dict[str, Any]


class Pages:
    """A collection of `count` objects; `expired` is how many requests with a continue token are refused."""

    def __init__(self, count: int, expired: int = 0) -> None:
        self.names = [f"pod-{number}" for number in range(count)]
        self.expired = expired
        self.asked: list[dict[str, str]] = []

    async def request(self, method: str, path: str, *, query: Any = (), accept: str = "", **_: Any) -> bytes:
        asked = dict(query)
        self.asked.append({**asked, "accept": accept})
        await asyncio.sleep(0)
        if "continue" in asked and self.expired:
            self.expired -= 1
            raise api_error(410, "Expired", "The provided continue parameter is too old")
        start, limit = int(asked.get("continue", 0)), int(asked["limit"])
        names, left = self.names[start : start + limit], len(self.names) - start - limit
        metadata = {"continue": str(start + limit), "remainingItemCount": left} if left > 0 else {}
        items = [{"metadata": {"name": name, "namespace": "shop", "uid": f"uid-{name}"}} for name in names]
        return json.dumps({"metadata": metadata, "items": items or None}).encode()

    def stream(self, *_: Any, **__: Any) -> Any:
        raise AssertionError("nothing is watched")


async def names(server: Pages, limit: int) -> list[str]:
    return [one.metadata["name"] for one in await list_objects(server, "/api/v1/pods", Named, limit=limit)]


@pytest.mark.parametrize("count", [0, 1, 4, 5])
async def test_a_list_has_the_objects_of_all_its_pages(count: int) -> None:
    server = Pages(count)
    assert await names(server, 2) == server.names
    assert [asked.get("continue") for asked in server.asked] == [None, "2", "4"][: max(1, (count + 1) // 2)]


async def test_the_next_page_is_asked_for_while_one_is_worked_on_and_leaving_ends_that() -> None:
    server = Pages(6)
    async with aclosing(pages(server, "/api/v1/pods", lambda content: decode_page(content, Named, "pods"), limit=2)) as listed:
        async for page in listed:
            assert len(page.items or ()) == 2
            await asyncio.sleep(0)
            assert len(server.asked) == 2
            break
    assert len(asyncio.all_tasks()) == 1


async def test_a_list_whose_token_has_expired_begins_anew_with_larger_pages() -> None:
    server = Pages(5, expired=1)
    assert await names(server, 2) == server.names
    assert [asked["limit"] for asked in server.asked] == ["2", "2", "20"]


async def test_a_list_that_expires_again_is_an_error() -> None:
    with pytest.raises(Gone):
        await names(Pages(50, expired=9), 2)


@pytest.mark.parametrize("count", [0, 1, 7])
async def test_objects_are_counted_without_being_listed(count: int) -> None:
    server = Pages(count)
    assert await count_objects(server, "/api/v1/pods") == count
    assert server.asked == [{"limit": "1", "accept": METADATA_LIST}]


async def test_a_selection_asks_each_namespace_for_metadata_alone() -> None:
    server = Pages(2)
    found = await select(server, PODS, ["a", "b"], "app=web")
    assert [ref.name for ref in found] == ["pod-0", "pod-0", "pod-1", "pod-1"]
    assert all(asked["labelSelector"] == "app=web" and asked["accept"] == METADATA_LIST for asked in server.asked)


async def test_what_is_not_a_list_is_an_error_that_names_what_was_asked_for() -> None:
    with pytest.raises(UnreadableAnswer, match="answer for /api/v1/pods cannot be read"):
        decode_page(b"<html>", Named, "/api/v1/pods")
