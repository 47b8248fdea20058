"""How many requests each fault of a server costs, in virtual time: three in the first second, and then one a second on average."""

from __future__ import annotations

import asyncio
import itertools
import json
import random
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from podtui.cluster.live.pacing import Timing
from podtui.cluster.live.store import RowStore
from podtui.errors import ConnectionFailed, Gone, PodtuiError, ServerAway, api_error
from podtui.kube.resources import PODS
from tests.support import virtual_time
from tests.support.api_server import not_served
from tests.support.list_server import ListServer, Thing, bookmark, error_event, table

Query = Sequence[tuple[str, str]]
Fault = Callable[["Faulty", dict[str, str]], Any]

SECONDS = 300
"""How long a fault lasts: long enough for every back-off to reach its end."""


@dataclass
class Faulty:
    """A server in memory that goes wrong from `begin` to `end`, and when it was asked for what."""

    fault: Fault
    real: ListServer = field(default_factory=ListServer)
    wrong: bool = False
    version: int = 0  # when the fault began
    asked: list[tuple[float, dict[str, str]]] = field(default_factory=list)
    numbers: Any = field(default_factory=itertools.count)

    def _hear(self, path: str, query: Query) -> dict[str, str]:
        asked = {"path": path, **dict(query)}
        self.asked.append((asyncio.get_running_loop().time(), asked))
        return asked

    async def request(self, method: str, path: str, *, query: Query = (), accept: str = "", timeout: float | None = None) -> bytes:  # noqa: ASYNC109
        asked = self._hear(path, query)
        answer = await _awaited(self.fault(self, asked)) if self.wrong else None
        if answer is None:
            return await self.real.request(method, path, query=query, accept=accept)
        return bytes(answer)

    @asynccontextmanager
    async def stream(
        self, path: str, *, query: Query = (), accept: str = "", idle_timeout: float | None = None
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        asked = self._hear(path, query)
        answer = await _awaited(self.fault(self, asked)) if self.wrong else None
        if answer is None:
            async with self.real.stream(path, query=query, accept=accept) as chunks:
                yield chunks
        else:
            yield _sent(answer)


async def _awaited(answer: Any) -> Any:
    await asyncio.sleep(0)
    if isinstance(answer, float):
        await asyncio.sleep(answer)
        answer = ConnectionFailed("timed out")
    if isinstance(answer, Exception):
        raise answer
    return answer


async def _sent(answer: bytes | list[bytes | PodtuiError | float]) -> AsyncIterator[bytes]:
    for piece in [answer] if isinstance(answer, bytes) else answer:
        if isinstance(piece, float):
            await asyncio.sleep(piece)
        elif isinstance(piece, PodtuiError):
            raise piece
        else:
            yield piece


def everything(answer: Any) -> Fault:
    return lambda server, asked: answer


def watches(answer: Any) -> Fault:
    return lambda server, asked: answer if "watch" in asked else None


def lists(answer: Any) -> Fault:
    return lambda server, asked: None if "watch" in asked else answer


def pages(server: Faulty, token: str, rows: list[dict[str, Any]]) -> bytes:
    more: dict[str, Any] = {"continue": token}
    return json.dumps(table(rows, server.real.version, **more)).encode()


def same_token(server: Faulty, asked: dict[str, str]) -> bytes | None:
    return None if "watch" in asked else pages(server, "again", [])


def other_tokens(server: Faulty, asked: dict[str, str]) -> bytes | None:
    rows = [thing.row() for thing in server.real.things.values()]
    return None if "watch" in asked else pages(server, f"page {next(server.numbers)}", rows)


def an_event_each(server: Faulty, asked: dict[str, str]) -> bytes | None:
    """A proxy that ends each answer after its first bytes."""
    return bookmark(server.version) if "watch" in asked else None


def an_unknown_event_twice(server: Faulty, asked: dict[str, str]) -> list[bytes] | None:
    gone = Thing("ns-0", "unknown", "uid-0", {}, server.version)
    line = json.dumps({"type": "DELETED", "object": table([gone.row()], server.version)}).encode() + b"\n"
    return [line, line] if "watch" in asked else None


def version_goes_back(server: Faulty, asked: dict[str, str]) -> bytes | None:
    return bookmark(3) if "watch" in asked else None


HTML = b"<!doctype html><title>Sign in</title>"
DEEP = b'{"kind": "Table", "metadata": ' + b'{"a": ' * 100_000
DIGITS = b'{"kind": "Table", "metadata": {"remainingItemCount": ' + b"9" * 5000 + b"}}"
FAULTS: dict[str, Fault] = {
    "refused": everything(ServerAway("refused")),
    "reset": everything(ConnectionFailed("reset")),
    "timed out": everything(20.0),
    "a page instead of every answer": everything(HTML),
    "502": everything(api_error(502, "", "bad gateway")),
    "503": everything(api_error(503, "ServiceUnavailable", "no")),
    "500": everything(api_error(500, "InternalError", "no")),
    "429": everything(api_error(429, "TooManyRequests", "slow down", retry_after=1.0)),
    "429 without a time": everything(api_error(429, "TooManyRequests", "slow down")),
    "401": everything(api_error(401, "Unauthorized", "no")),
    "403": everything(api_error(403, "Forbidden", "no")),
    "404": everything(not_served()),
    "404 of a load balancer": everything(api_error(404, "", "no")),
    "400": everything(api_error(400, "BadRequest", "no")),
    "410 for everything": everything(Gone(410, "Expired", "too old")),
    "410 for each watch": watches(Gone(410, "Expired", "too old")),
    "410 as the event of each watch": watches(error_event(410, "Expired")),
    "500 as the event of each watch": watches(error_event(500, "InternalError")),
    "watches end at once": watches(b""),
    "watches end after an empty line": watches(b"\n"),
    "watches end after a bookmark": an_event_each,
    "watches bring what is unknown, twice": an_unknown_event_twice,
    "watches go back": version_goes_back,
    "watches break after a second": watches([1.0, ConnectionFailed("reset")]),
    "watches break off half a line": watches(b'{"type": "ADDED", "obj'),
    "watches are web pages": watches(HTML),
    "watches are refused": watches(api_error(403, "Forbidden", "no")),
    "watches are unavailable": watches(api_error(503, "", "no")),
    "watches are not accepted": watches(60.0),
    "watches are not UTF-8": watches(b'{"type": "ADDED", "object": {"kind": "\xff\xfe"}}\n'),
    "lists break off": lists(b'{"kind": "Table", "rows": [{"ce'),
    "lists are web pages": lists(HTML),
    "lists are empty answers": lists(b""),
    "lists nest too deeply": lists(DEEP),
    "lists have a number of 5,000 digits": lists(DIGITS),
    "lists are another kind": lists(b'{"kind": "PodList", "items": []}'),
    "one continue token forever": same_token,
    "continue tokens without an end": other_tokens,
    "an exception that nobody thought of": everything(OverflowError("date value out of range")),
}


def held_back(server: Faulty, asked: dict[str, str]) -> list[bytes | PodtuiError | float] | None:
    """A proxy that passes an answer on when it has ended: a long watch brings nothing."""
    return [1000.0] if int(asked.get("timeoutSeconds", "0")) > 100 else None


def held_for_ever(server: Faulty, asked: dict[str, str]) -> list[bytes | PodtuiError | float] | None:
    """A proxy that begins to answer each watch, and then neither passes anything on nor ends it."""
    return [100_000.0] if "watch" in asked else None


@pytest.mark.parametrize("fault", [held_back, held_for_ever])
def test_a_proxy_that_holds_watches_back_is_found_out_and_what_is_called_live_is_never_old(fault: Fault) -> None:
    random.seed(1)

    async def play() -> None:
        server = Faulty(fault, wrong=True)
        server.real.put("ns-0", "pod")
        store = RowStore(PODS, timing=Timing())
        store.start(server)
        clock = asyncio.get_running_loop().time
        changed: dict[str, float] = {}  # when the pod got each version
        states: list[tuple[float, str]] = []
        for second in range(600):
            if second % 20 == 0:
                changed[str(server.real.put("ns-0", "pod", status=f"s{second}").version)] = clock()
            await asyncio.sleep(1.0)
            states.append((clock(), store.health.state))
            here = [row.resource_version for row in store.rows.values()]
            missed = [when for version, when in changed.items() if not here or int(version) > int(here[0])]
            assert not missed or clock() - min(missed) <= 45, "no row is older than the inquiry takes"
        assert {state for when, state in states if when > 120} <= {"polling"}
        server.wrong = False
        for second in range(120):
            if second % 20 == 0:  # a change that comes is the proof, as a bookmark is
                server.real.put("ns-0", "pod", status=f"later {second}")
            await asyncio.sleep(1.0)
        assert store.health.state == "live"
        await store.close()

    virtual_time.run(play())


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_costs_few_requests_and_heals(name: str) -> None:
    random.seed(name)

    async def play() -> None:
        server = Faulty(FAULTS[name])
        for number in range(5):
            server.real.put(f"ns-{number % 2}", f"pod-{number}", {"app": "web"})
        store = RowStore(PODS, timing=Timing())
        store.start(server)

        def settled() -> bool:
            rows = {uid: row.resource_version for uid, row in store.rows.items()}
            things = {uid: str(thing.version) for uid, thing in server.real.things.items()}
            return store.health.state == "live" and store.known and rows == things

        await virtual_time.until(settled)
        await asyncio.sleep(60)
        clock = asyncio.get_running_loop().time
        server.wrong, server.version = True, server.real.version
        begins, before = clock(), len(server.asked)
        server.real.cut(ConnectionFailed("reset"))
        gone = next(iter(server.real.things.values()))
        server.real.delete(gone.namespace, gone.name)
        while clock() < begins + SECONDS:
            await asyncio.sleep(1.0)
            if store.health.state == "live" and clock() > begins + 45:
                assert gone.uid not in store.rows, f"a pod of {clock() - begins:.0f} s ago is called live"
        times = [when - begins for when, _ in server.asked[before:]]
        assert sum(when <= 1.0 for when in times) <= 3, times
        for first in range(len(times)):
            for last in range(first + 3, len(times)):
                assert last - first + 1 <= 3 + (times[last] - times[first]) / 0.999, "more than one a second after three"
        server.wrong = False
        server.real.put("ns-9", "afterwards")
        await virtual_time.until(settled, seconds=120)
        await store.close()

    virtual_time.run(play())
