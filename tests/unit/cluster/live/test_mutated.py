"""Answers like none that an API server sends, through lists and watches: the next good answer heals each, and none ends the list."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from podtui.cluster.live.live_objects import LiveObjects
from podtui.cluster.live.pacing import Timing
from podtui.cluster.live.store import RowStore
from podtui.cluster.live.tables import age_text, text
from podtui.cluster.pods.partial_objects import pod_on_node
from podtui.errors import ConnectionFailed
from podtui.kube.resources import PODS
from tests.support import virtual_time
from tests.support.api_server import ApiServer
from tests.support.list_server import Thing, bookmark, error_event, table
from tests.support.mutated_json import mutated
from tests.support.waiting import in_background
from tests.unit.cluster.live.test_requests import Faulty

MORE: dict[str, Any] = {"continue": "more", "remainingItemCount": 7}
THINGS = [Thing("ns-0", f"pod-{number}", f"uid-{number}", {"app": "web"}, 5 + number) for number in range(3)]
LIST = json.dumps(table([thing.row() for thing in THINGS], 10, **MORE)).encode()
LINES = [
    *(json.dumps({"type": kind, "object": table([THINGS[0].row()], 11)}).encode() for kind in ("ADDED", "MODIFIED", "DELETED")),
    error_event(410, "Expired").strip(),
    bookmark(12).strip(),
]


def play(answer: Callable[[Faulty, dict[str, str]], Any]) -> None:
    """Some of the answers of a server are mutated for a minute; then the rows are the server's again, and can be shown."""
    random.seed(1)

    async def run() -> None:
        server = Faulty(answer)
        for number in range(3):
            server.real.put("ns-0", f"pod-{number}", {"app": "web"})
        store = RowStore(PODS, timing=Timing())
        store.start(server)

        def settled() -> bool:
            rows = {uid: row.resource_version for uid, row in store.rows.items()}
            return store.health.state == "live" and rows == {uid: str(thing.version) for uid, thing in server.real.things.items()}

        await virtual_time.until(settled)
        server.wrong = True
        server.real.cut(ConnectionFailed("reset"))
        await asyncio.sleep(60)
        now = asyncio.get_running_loop().time()
        for row in list(store.rows.values()):  # whatever came can be shown
            assert all(text(row, place, column, now).isprintable() for place, column in enumerate(store.columns)), row
            age_text(row, now)
        server.wrong = False
        server.real.put("ns-0", "afterwards")
        store.refresh()  # an answer may have been a lie that can be read
        await virtual_time.until(settled)
        assert store.health.error is None
        await store.close()

    virtual_time.run(run())


@settings(max_examples=100)
@given(mutated(LIST))
def test_the_next_good_list_heals_a_mutated_one(body: bytes) -> None:
    play(lambda server, asked: None if "watch" in asked else body)


@settings(max_examples=100)
@given(st.lists(st.sampled_from(LINES).flatmap(mutated), min_size=1, max_size=3))
def test_the_next_good_watch_heals_a_mutated_one(lines: list[bytes]) -> None:
    play(lambda server, asked: b"\n".join(lines) + b"\n" if "watch" in asked else None)


POD = {"metadata": {"uid": "p", "name": "p", "resourceVersion": "9"}, "spec": {"nodeName": "n", "containers": [{"name": "c"}]}}
PODS_LIST = json.dumps({"kind": "List", "metadata": {"resourceVersion": "10"}, "items": [POD]}).encode()
POD_LINE = json.dumps({"type": "ADDED", "object": {**POD, "status": {"phase": "Running"}}}).encode()


@pytest.mark.parametrize("decoder", [None, pod_on_node], ids=["whole", "what is needed"])
@settings(max_examples=60)
@given(body=mutated(PODS_LIST), line=mutated(POD_LINE))
def test_the_next_good_answer_heals_live_objects(decoder: Any, body: bytes, line: bytes) -> None:
    random.seed(1)

    async def run() -> None:
        server = ApiServer({"/pods": body})
        timing = Timing(idle=10_000.0)  # the fake has one queue of events for all watches
        live = LiveObjects("/pods", "", lambda: None, *([decoder] if decoder else []), timing=timing)
        async with in_background(live.run(server)):
            await asyncio.sleep(60)
            server.objects["/pods"] = [POD]
            live.refresh()  # an answer may be a lie that can be read
            await virtual_time.until(lambda: live.known and live.error is None and set(live.items) == {"p"})
            server.events.put_nowait(line + b"\n")
            await asyncio.sleep(60)
            server.version = "50"
            live.refresh()
            await virtual_time.until(lambda: live.error is None and set(live.items) == {"p"})
            server.send("ADDED", {"metadata": {"uid": "q", "resourceVersion": "51"}})
            await virtual_time.until(lambda: "q" in live.items)

    virtual_time.run(run())


def test_the_good_answers_are_good() -> None:
    assert msgspec.json.decode(LIST) and all(msgspec.json.decode(line) for line in LINES)
