"""A few objects kept equal to the server's: listed, watched, resumed, listed anew, and never a loop without a delay."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from podtui.cluster.live.live_objects import LiveObjects
from podtui.cluster.live.pacing import Timing
from podtui.cluster.pods.partial_objects import pod_on_node
from podtui.errors import ConnectionFailed, api_error
from tests.support.api_server import ApiServer
from tests.support.waiting import in_background, until

EVENTS = "/api/v1/events"
FAST = Timing(backoff_first=0.005, backoff_most=0.3, pace=0.005, poll=0.02)


def serving(*names: str) -> ApiServer:
    """Has objects of these names, and gives them two a page."""
    server = ApiServer({EVENTS: [thing(name) for name in names]})
    server.page = 2
    return server


def thing(name: str, version: str = "1", **more: Any) -> dict[str, Any]:
    return {"metadata": {"uid": name, "name": name, "resourceVersion": version}, **more}


@asynccontextmanager
async def following(server: ApiServer, changed: Callable[[], None] = lambda: None, **more: Any) -> AsyncIterator[LiveObjects]:
    live = LiveObjects(EVENTS, "involvedObject.uid=u", changed, timing=FAST, **more)
    async with in_background(live.run(server)):
        yield live


async def test_all_pages_are_listed_and_what_comes_is_taken_in() -> None:
    server = serving("a", "b", "c")
    async with following(server) as live:
        await until(lambda: live.known and set(live.items) == {"a", "b", "c"})
        assert all(one["fieldSelector"] == "involvedObject.uid=u" for one in server.lists + server.watches)
        server.send("ADDED", thing("d", "11"))
        server.send("MODIFIED", thing("a", "12", count=2))
        server.send("DELETED", thing("b", "13"))
        await until(lambda: set(live.items) == {"a", "c", "d"})
        assert live.items["a"]["count"] == 2


async def test_a_watch_that_ends_goes_on_where_it_was() -> None:
    server = serving("a")
    async with following(server) as live:
        await until(lambda: server.watches)
        server.version = "40"
        server.send("BOOKMARK", thing("x", "40"))
        server.events.put_nowait(None)
        await until(lambda: len(server.watches) == 2)
        assert server.watches[1]["resourceVersion"] == "40"
        assert [asked["limit"] for asked in server.lists] == ["500", "1"]
        assert set(live.items) == {"a"} and live.error is None


async def test_what_is_too_old_is_listed_anew() -> None:
    server = serving("a")
    async with following(server) as live:
        await until(lambda: server.watches)
        server.objects[EVENTS] = [thing("b")]
        server.send("ERROR", {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old"})
        await until(lambda: set(live.items) == {"b"})
        assert live.error is None


async def test_an_outage_is_reported_and_ends() -> None:
    server = serving("a")
    reported: list[tuple[str, set[str]]] = []  # the error, and the items that are known
    async with following(server, lambda: reported.append((str(live.error or ""), set(live.items)))) as live:
        await until(lambda: live.known)
        server.faults = [ConnectionFailed("refused")] * 2
        server.events.put_nowait(ConnectionFailed("broken"))
        await until(lambda: live.error is None and len(server.watches) == 2)
    assert ("broken", {"a"}) in reported and reported[-1] == ("", {"a"})  # what is known stays


async def test_a_refusal_is_reported_and_asked_again_only_after_long() -> None:
    server = serving()
    server.faults = [api_error(403, "Forbidden", "no")] * 50
    async with following(server) as live:
        await until(lambda: live.error is not None)
        await asyncio.sleep(0.05)
        assert len(server.lists) == 1 and not live.known


async def test_only_what_is_needed_of_a_pod_is_kept() -> None:
    server = serving()
    server.objects[EVENTS] = [
        thing("p", spec={"nodeName": "n", "containers": [{"name": "c", "image": "x", "env": [1]}]}, status={"phase": "Running"})
    ]
    async with following(server, decoder=pod_on_node) as live:
        await until(lambda: live.known)
        assert live.items["p"]["spec"] == {"nodeName": "n", "containers": [{"name": "c"}]}
