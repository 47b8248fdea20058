"""A few objects kept equal to the server's: listed, watched, resumed, listed anew, and never a loop without a delay."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from podtui.cluster.live.list_watch import Timing
from podtui.cluster.live.live_objects import LiveObjects
from podtui.cluster.pods.partial_objects import pod_on_node
from podtui.errors import ConnectionFailed, PodtuiError, api_error
from tests.unit.list_server import until

Query = Any


FAST = Timing(backoff_first=0.005, backoff_most=0.3)


class Server:
    """Lists `items` in pages of two, and a watch that gives what is put into `coming`."""

    def __init__(self, *names: str) -> None:
        self.items = {name: thing(name) for name in names}
        self.coming: asyncio.Queue[bytes | PodtuiError | None] = asyncio.Queue()
        self.lists: list[dict[str, str]] = []
        self.watches: list[dict[str, str]] = []
        self.faults: list[PodtuiError] = []

    async def request(self, method: str, path: str, *, query: Query = (), **_: Any) -> bytes:
        asked = dict(query)
        self.lists.append(asked)
        await asyncio.sleep(0)
        if self.faults:
            raise self.faults.pop(0)
        start = int(asked.get("continue", 0))
        found = list(self.items.values())[start : start + 2]
        more = str(start + 2) if len(self.items) > start + 2 else ""
        return json.dumps({"metadata": {"resourceVersion": "10", "continue": more}, "items": found or None}).encode()

    @asynccontextmanager
    async def stream(self, path: str, *, query: Query = (), **_: Any) -> AsyncIterator[AsyncIterator[bytes]]:
        self.watches.append(dict(query))
        yield self._chunks()

    async def _chunks(self) -> AsyncIterator[bytes]:
        while (chunk := await self.coming.get()) is not None:
            if isinstance(chunk, PodtuiError):
                raise chunk
            yield chunk

    def tell(self, kind: str, obj: dict[str, Any]) -> None:
        line = json.dumps({"type": kind, "object": obj}).encode() + b"\n"
        for half in (line[: len(line) // 2], line[len(line) // 2 :]):  # a chunk is not a line
            self.coming.put_nowait(half)


def thing(name: str, version: str = "1", **more: Any) -> dict[str, Any]:
    return {"metadata": {"uid": name, "name": name, "resourceVersion": version}, **more}


@asynccontextmanager
async def following(server: Server, **more: Any) -> AsyncIterator[LiveObjects]:
    live = LiveObjects("/api/v1/events", "involvedObject.uid=u", lambda: None, timing=FAST, **more)
    running = asyncio.create_task(live.run(server))
    try:
        yield live
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_all_pages_are_listed_and_what_comes_is_taken_in() -> None:
    server = Server("a", "b", "c")
    async with following(server) as live:
        await until(lambda: live.known and set(live.items) == {"a", "b", "c"})
        assert all(one["fieldSelector"] == "involvedObject.uid=u" for one in server.lists + server.watches)
        server.tell("ADDED", thing("d", "11"))
        server.tell("MODIFIED", thing("a", "12", count=2))
        server.tell("DELETED", thing("b", "13"))
        await until(lambda: set(live.items) == {"a", "c", "d"})
        assert live.items["a"]["count"] == 2


async def test_a_watch_that_ends_goes_on_where_it_was() -> None:
    server = Server("a")
    async with following(server) as live:
        await until(lambda: server.watches)
        server.tell("BOOKMARK", thing("x", "40"))
        server.coming.put_nowait(None)
        await until(lambda: len(server.watches) == 2)
        assert server.watches[1]["resourceVersion"] == "40" and len(server.lists) == 1
        assert set(live.items) == {"a"} and live.error is None


async def test_what_is_too_old_is_listed_anew() -> None:
    server = Server("a")
    async with following(server) as live:
        await until(lambda: server.watches)
        server.items = {"b": thing("b")}
        server.tell("ERROR", {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old"})
        await until(lambda: set(live.items) == {"b"})
        assert live.error is None


async def test_an_outage_is_told_and_ends() -> None:
    server = Server("a")
    async with following(server) as live:
        await until(lambda: live.known)
        server.faults = [ConnectionFailed("refused")] * 2
        server.coming.put_nowait(ConnectionFailed("broken"))
        await until(lambda: live.error is not None)
        assert set(live.items) == {"a"}  # what is known stays
        await until(lambda: live.error is None and len(server.watches) == 2)


async def test_a_refusal_is_told_and_asked_again_only_after_long() -> None:
    server = Server()
    server.faults = [api_error(403, "Forbidden", "no")] * 50
    async with following(server) as live:
        await until(lambda: live.error is not None)
        await asyncio.sleep(0.05)
        assert len(server.lists) == 1 and not live.known


async def test_only_what_is_needed_of_a_pod_is_kept() -> None:
    server = Server()
    server.items = {
        "p": thing("p", spec={"nodeName": "n", "containers": [{"name": "c", "image": "x", "env": [1]}]}, status={"phase": "Running"})
    }
    async with following(server, decoder=pod_on_node) as live:
        await until(lambda: live.known)
        assert live.items["p"]["spec"] == {"nodeName": "n", "containers": [{"name": "c"}]}
