"""How many pods each namespace has, counted here or asked of the server."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from podtui.cluster.live.pod_counts import PodCounts
from podtui.cluster.live.store import RowStore
from podtui.errors import ConnectionFailed, PodtuiError
from podtui.kube.resources import PODS, Scope
from tests.support.list_server import ListServer, refusal
from tests.support.waiting import until
from tests.unit.cluster.live.test_reflector import FAST, filled


class Counting(ListServer):
    """Answers `limit=1` as a PartialObjectMetadataList, and notes how many are asked at once."""

    at_once = most_at_once = asked = 0

    async def request(self, method: str, path: str, **options: Any) -> bytes:
        self.asked += 1
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await asyncio.sleep(0.002)
        self.at_once -= 1
        namespace = path.split("/")[4]
        self._refuse(namespace, self.refusals)
        count = len(self.uids(namespace))
        metadata = {"remainingItemCount": count - 1, "continue": "x"} if count > 1 else {}
        items: list[object] | None = [{}] * min(1, count) or None  # as the real server writes an empty list of this kind
        return json.dumps({"kind": "PartialObjectMetadataList", "metadata": metadata, "items": items}).encode()


def counting(count: int, namespaces: int) -> Counting:
    return Counting(things=filled(count, namespaces).things)


async def test_all_pods_in_the_list_are_counted_without_a_request() -> None:
    server = filled(7, 2)
    store = RowStore(PODS, timing=FAST)
    counts = PodCounts(store)
    told: list[dict[str, int]] = []
    counts.subscribe(told.append)
    store.start(server)
    await until(lambda: told)
    assert (counts.counts, counts.complete) == ({"ns-0": 4, "ns-1": 3}, True)
    requests = len(server.lists)
    await counts.refresh(server, ["ns-0", "ns-1"])
    server.put("ns-5", "new")
    server.delete("ns-0", "pod-0")
    await until(lambda: counts.counts == {"ns-0": 3, "ns-1": 3, "ns-5": 1})
    assert len(server.lists) == requests
    counts.close()
    await store.close()


async def test_a_list_that_is_not_complete_yet_is_not_counted() -> None:
    server = filled(7, 2)
    server.held = asyncio.Event()
    store = RowStore(PODS, timing=FAST)
    counts = PodCounts(store)
    store.start(server)
    await until(lambda: store.rows)
    await asyncio.sleep(0.02)
    assert (counts.counts, counts.complete) == ({}, False)
    server.held.set()
    await until(lambda: counts.complete)
    await store.close()
    counts.close()


async def test_the_pods_of_the_shown_namespace_are_counted_as_they_come_and_the_others_are_asked_about() -> None:
    server = filled(7, 2)
    store = RowStore(PODS, Scope(("ns-0",)), timing=FAST)
    counts = PodCounts(store)
    store.start(server)
    await until(lambda: counts.counts == {"ns-0": 4})
    others = counting(7, 2)
    await counts.refresh(others, ["ns-0", "ns-1"])
    assert (counts.counts, counts.complete, others.asked) == ({"ns-0": 4, "ns-1": 3}, False, 1)
    server.put("ns-0", "new")
    await until(lambda: counts.counts == {"ns-0": 5, "ns-1": 3})
    counts.close()
    await store.close()


async def test_with_a_selector_each_namespace_is_asked_about_a_few_at_a_time() -> None:
    server = counting(30, 12)
    counts = PodCounts(RowStore(PODS, Scope((), "app=web")))
    namespaces = [f"ns-{number}" for number in range(13)]
    await counts.refresh(server, namespaces)
    assert counts.counts == {**{f"ns-{number}": 3 if number < 6 else 2 for number in range(12)}, "ns-12": 0}
    assert server.most_at_once == 4
    assert not counts.complete
    await counts.refresh(server, namespaces)
    assert server.asked == 13, "believed for half a minute"


async def test_a_namespace_that_may_not_be_counted_is_unknown_and_not_empty() -> None:
    server = counting(4, 2)
    server.refusals["ns-1"] = refusal(403, "Forbidden")
    counts = PodCounts(RowStore(PODS, Scope(("ns-0",))))
    await counts.refresh(server, ["ns-0", "ns-1"])
    assert counts.counts == {"ns-0": 2}


async def test_another_failure_is_reported_after_the_rest_was_counted_and_tried_again() -> None:
    server = counting(4, 2)
    server.refusals["ns-0"] = ConnectionFailed("reset")
    counts = PodCounts(RowStore(PODS, Scope(("ns-0",))))
    with pytest.raises(ConnectionFailed):
        await counts.refresh(server, ["ns-0", "ns-1"])
    assert counts.counts == {"ns-1": 2}
    server.refusals.clear()
    await counts.refresh(server, ["ns-0", "ns-1"])
    assert counts.counts == {"ns-0": 2, "ns-1": 2}


async def test_an_answer_that_is_not_a_list_is_an_error_in_words() -> None:
    class Html(ListServer):
        async def request(self, method: str, path: str, **options: Any) -> bytes:
            return b"<html>"

    with pytest.raises(PodtuiError, match="cannot be read"):
        await PodCounts(RowStore(PODS, Scope(("a",)))).refresh(Html(), ["a"])


async def test_counts_of_the_list_stay_when_the_scope_narrows() -> None:
    server, other = filled(7, 2), counting(7, 2)
    store = RowStore(PODS, timing=FAST)
    counts = PodCounts(store)
    store.start(server)
    await until(lambda: counts.complete)
    store.set_scope(Scope(("ns-0",)))
    await until(lambda: not counts.complete)
    assert counts.counts == {"ns-0": 4, "ns-1": 3}
    assert counts.of("empty") == 0, "it had none a moment ago"
    other.refusals["empty"] = refusal(403, "Forbidden")
    await counts.refresh(other, ["empty"])
    assert counts.of("empty") is None
    store.set_scope(Scope())
    await until(lambda: counts.complete)
    await store.close()
    counts.close()
