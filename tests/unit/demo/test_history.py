"""One seed, one history: what happens in the built-in cluster, and in which order, does not depend on the computer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import aiohttp
import pytest

from podtui.demo.scenarios import loading
from podtui.demo.server import DemoServer
from podtui.demo.storage.kinds import EVENTS, KINDS, PODS
from podtui.demo.storage.state import Change

START = 1_700_000_000.0
Told = list[tuple[str, str, str, str]]


async def history(
    name: str, speed: float, seed: int, seconds: float, start: float = START, look: Callable[[DemoServer], Awaitable[None]] | None = None
) -> Told:
    """Everything that is there at the start and changes in the first `seconds`: how, the kind, the name, and of an event what it says."""
    server = DemoServer(loading.load(name), speed=speed, seed=seed, start=start)
    await server.open()
    told: Told = [("", kind.kind, obj["metadata"]["uid"], str(obj.get("message", ""))) for kind in KINDS for obj in server.state.list(kind)]

    def tell(change: Change) -> None:
        if server.clock.now() < start + seconds:
            event = change.kind is EVENTS
            about = change.new["involvedObject"] if event else change.new["metadata"]
            told.append((change.type, change.kind.kind, about["name"], f"{change.new['reason']}: {change.new['message']}" if event else ""))

    server.state.subscribe(tell)
    if look is not None:
        await look(server)
    over = asyncio.Event()
    server.clock.call_later(start + seconds - server.clock.now(), over.set)
    await over.wait()
    await server.close()
    return told


@pytest.mark.parametrize("name", ["default", "incident"])
async def test_what_happens_is_the_same_at_another_speed_and_at_another_hour(name: str) -> None:
    one = await history(name, 60, 7, 50)
    assert one == await history(name, 200, 7, 50, START + 86_400.4)
    assert len([event for event in one if event[0]]) > 20, "it is not that nothing happens"


async def test_built_in_clusters_with_different_seeds_have_different_histories() -> None:
    assert await history("incident", 200, 7, 30) != await history("incident", 200, 8, 30)


async def test_requests_change_nothing_of_what_happens() -> None:
    async def look(server: DemoServer) -> None:
        async with aiohttp.ClientSession() as session:
            for path in ("/api/v1/pods", "/apis", "/apis/metrics.k8s.io/v1beta1/pods"):
                async with session.get(server.url + path) as response:
                    await response.read()
            for pod in server.state.list(PODS, "shop"):
                async with session.get(f"{server.url}/api/v1/namespaces/shop/pods/{pod['metadata']['name']}/log") as response:
                    assert response.status == 200

    assert await history("incident", 60, 7, 40, look=look) == await history("incident", 200, 7, 40)
