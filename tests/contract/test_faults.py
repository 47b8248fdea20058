"""What networks, proxies and servers do to the live list, to the objects that the details follow, and to discovery. During each fault
they tell the truth and requests are few; after it, what they have is the server's.

How many requests a fault costs in real time is counted in virtual time, in tests/unit/cluster/live/test_requests.py. Here times are a
twentieth, and through real sockets and TLS.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import re
import shutil
import stat
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from podtui.cluster.connection import bounds
from podtui.cluster.connection.connection import Connection
from podtui.cluster.connection.discovery import Discovery
from podtui.cluster.kubeconfig.contexts import Kubeconfig
from podtui.cluster.live.live_objects import LiveObjects
from podtui.cluster.live.pacing import Timing
from podtui.cluster.live.store import RowStore
from podtui.cluster.live.tables import age_text
from podtui.errors import ConnectionFailed, PodtuiError, Unauthorized
from podtui.kube.resources import PODS, Scope
from tests.contract.test_live_list import Pods
from tests.support.fault_proxy import Fault, FaultProxy, fault_proxy
from tests.support.faults import (
    BOMB,
    GONE,
    PAGE,
    UNKNOWN_PATH,
    UNTRUSTED,
    answers,
    endless_line,
    not_found,
    of_lists,
    of_pods,
    of_watches,
    refuses,
    reset,
    silence,
    skewed_clock,
    streams,
    trickle,
    truncated,
    twice_and_unknown,
    version_goes_back,
    without_metadata,
    wrong_type,
)
from tests.support.tls import Authority
from tests.support.waiting import in_background, until, until_answer

REAL_TIME = True
TIMING = Timing(
    pace=0.05, backoff_first=0.0125, backoff_most=1.0, healthy=0.5, poll=0.25, denied=0.5, idle=0.6, answer=0.5, inquiry=1, batch=0.01
)
WATCHED = 0.8
"""Seconds that a fault lasts at least, for its requests to be counted: 16 at a twentieth of the real pace."""


@dataclass
class Held:
    """A list through the proxy, and the same pods past it."""

    proxy: FaultProxy
    store: RowStore
    live: LiveObjects
    discovery: Discovery
    pods: Pods
    begun: float = 0.0  # loop time at which the fault began

    async def settled(self) -> bool:
        known = self.store.known and self.live.known and self.live.trouble is None
        return known and self.store.health.state in ("live", "polling") and await self.equal()

    async def equal(self) -> bool:
        listed = await self.pods.connection.json("GET", PODS.path(self.pods.namespace))
        theirs = {item["metadata"]["uid"]: item["metadata"]["resourceVersion"] for item in listed["items"]}
        ours = {uid: row.resource_version for uid, row in self.store.rows.items()}
        followed = {uid: item["metadata"]["resourceVersion"] for uid, item in self.live.items.items()}
        return theirs == ours == followed

    @property
    def state(self) -> str:
        return self.store.health.state


Opening = Callable[..., contextlib.AbstractAsyncContextManager[Held]]


@pytest.fixture
def held(kubeconfig: str, authority: Authority, connection: Connection, namespace: str, tmp_path: Path) -> Opening:
    """Opens the list of the test's own namespace behind a proxy; the words, such as `user`, are for its kubeconfig."""

    @contextlib.asynccontextmanager
    async def opened(**front: Any) -> AsyncIterator[Held]:
        pods = Pods(connection, namespace)
        for name in ("stays", "goes"):
            await pods.create(name)
        async with fault_proxy(kubeconfig, authority) as proxy:
            through = await Connection.open(Kubeconfig.load(proxy.kubeconfig(tmp_path, **front)).settings())
            store = RowStore(PODS, Scope((namespace,)), timing=TIMING)
            live = LiveObjects(PODS.path(namespace), "", lambda: None, timing=TIMING)
            run = Held(proxy, store, live, Discovery(through), pods)
            try:
                store.start(through)
                async with in_background(live.run(through)):
                    await until_answer(run.settled)
                    yield run
            finally:
                await store.close()
                await through.close()

    return opened


SHOWS: dict[str, tuple[Fault, str, str]] = {
    "timed out": (silence, "stale", "did not answer|does not answer"),
    "reset": (reset, "stale", "closed the connection"),
    "slow trickle": (trickle, "stale", "did not answer|too slowly"),
    "truncated JSON": (of_lists(truncated), "stale", "cannot be read|not JSON"),
    "not UTF-8": (of_lists(streams(b'{"kind":"\xff\xfe"}')), "stale", "cannot be read|not JSON"),
    "JSON of something else": (of_lists(answers(200, b'{"status":"maintenance"}')), "stale", "cannot be read|serves no kinds|as something"),
    "no end of the line": (of_lists(endless_line), "stale", "larger than"),
    "a page with 200": (answers(200, PAGE, "text/html"), "stale", "not JSON|is HTML"),
    "a page with 502": (answers(502, PAGE, "text/html"), "stale", "502 .*a web page, 'Sign in'"),
    "gzip bomb": (answers(200, BOMB, Content_Encoding="gzip"), "stale", "encoded its answer as gzip"),
    "401": (refuses(401, "Unauthorized"), "denied", "Unauthorized"),
    "403": (refuses(403, "Forbidden"), "denied", "Forbidden"),
    "404 of the namespace": (not_found("namespaces", "gone"), "stale", "NotFound"),
    "a page with 404": (answers(404, PAGE, "text/html"), "stale", "404 .*a web page, 'Sign in'"),
    "a path that is not served": (answers(404, UNKNOWN_PATH, "text/plain"), "stale", "404 page not found"),
    "410 for everything": (refuses(410, "Expired"), "stale", "Expired"),
    "429, soon": (refuses(429, "TooManyRequests", Retry_After="1"), "stale", "TooManyRequests"),
    "429, in 30 years": (refuses(429, "TooManyRequests", Retry_After="999999999"), "stale", "TooManyRequests"),
    "429, nonsense": (refuses(429, "TooManyRequests", Retry_After="soon"), "stale", "TooManyRequests"),
    "500": (refuses(500, "InternalError"), "stale", "InternalError"),
    "503": (refuses(503, "ServiceUnavailable"), "stale", "ServiceUnavailable"),
}
"""Faults that keep the changes away, what the screen says meanwhile, and in which words."""

SPOILT: dict[str, Callable[[list[Any]], list[Any] | None]] = {
    "one of them is null": lambda items: [None, *items],
    "all lack their metadata": without_metadata,
}
"""What becomes of the objects of each list."""

COPES: dict[str, Fault] = {
    "watches end at once": of_watches(streams()),
    "watches without an end of the line": of_watches(endless_line),
    "watches that are not UTF-8": of_watches(streams(b'{"type":"ADDED","object":{"kind":"\xff\xfe"}}\n')),
    "watches that break off within an event": of_watches(streams(b'{"type":"ADDED","obj')),
    "watches that are pages": of_watches(answers(200, PAGE, "text/html")),
    "watches that are refused": of_watches(refuses(403, "Forbidden")),
    "watches that are never accepted": of_watches(silence),
    "410 for each watch": of_watches(refuses(410, "Expired")),
    "410 as the event of each watch": of_watches(streams(GONE)),
    "a wrong content type": wrong_type,
    "events twice and of the unknown": twice_and_unknown,
    "a clock that is a thousand years ahead": skewed_clock,
    "a version that goes back": version_goes_back,
}
"""Faults through which the changes come all the same."""


@pytest.mark.parametrize("name", SHOWS)
async def test_a_fault_is_shown_and_overcome(held: Opening, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "LARGEST_ANSWER", 1 << 18)
    monkeypatch.setattr(bounds, "READ_TIMEOUT", TIMING.answer)
    async with held() as run:
        fault, state, words = SHOWS[name]
        await during(run, fault)
        said = re.compile(words)
        await until(lambda: run.state == state and all(said.search(str(error)) for error in (run.store.health.error, run.live.error)))
        assert len(run.store.rows) == len(run.live.items) == 2, "what is known stays"
        with pytest.raises(PodtuiError, match=words):
            await run.discovery.all()
        await few_requests(run)
        assert run.state == state
        run.proxy.fault = None
        if "30 years" in name:
            run.store.refresh()  # as Ctrl+R does
            run.live.refresh()
        await until_answer(run.settled)
        assert PODS in await run.discovery.all()


@pytest.mark.parametrize("name", COPES)
async def test_changes_come_through_a_fault(held: Opening, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "LARGEST_EVENT", 1 << 18)
    async with held() as run:
        await during(run, COPES[name])
        await until_answer(run.settled)
        await run.pods.label("stays", seen="later")
        await run.pods.create("later")
        await until_answer(run.settled)
        await few_requests(run)
        assert all(age_text(row, 0.0) == "0s" for row in run.store.rows.values())
        assert PODS in await run.discovery.all()
        run.proxy.fault = None
        await run.pods.delete("stays")
        await until_answer(run.settled)


@pytest.mark.parametrize("name", SPOILT)
async def test_a_list_with_an_object_that_is_none_is_not_believed(held: Opening, name: str) -> None:
    async with held() as run:
        before = set(run.store.rows)
        begin(run, of_pods(SPOILT[name]))
        run.store.refresh()
        run.live.refresh()
        await until(lambda: all("cannot be read" in str(error) for error in (run.store.health.error, run.live.error)))
        await few_requests(run)
        assert run.state == "stale" and set(run.store.rows) == set(run.live.items) == before
        run.proxy.fault = None
        await until_answer(run.settled)


async def test_a_list_whose_items_are_null_is_empty(held: Opening) -> None:
    """Go writes a list of nothing so."""
    async with held() as run:
        await during(run, of_pods(lambda _: None))
        run.store.refresh()
        run.live.refresh()
        await until(lambda: not run.store.rows and not run.live.items and run.state == "live")
        run.proxy.fault = None
        run.store.refresh()
        run.live.refresh()
        await until_answer(run.settled)


def begin(run: Held, fault: Fault) -> None:
    """The fault begins, for requests that come from now on."""
    run.proxy.fault = fault
    run.proxy.requests.clear()
    run.begun = asyncio.get_running_loop().time()


async def during(run: Held, fault: Fault) -> None:
    """The fault begins, every connection breaks, and the pods change."""
    begin(run, fault)
    run.proxy.cut()
    await run.pods.delete("goes")
    await run.pods.create("comes")


async def few_requests(run: Held) -> None:
    await asyncio.sleep(WATCHED)
    lasted = asyncio.get_running_loop().time() - run.begun
    asked = Counter("discovery" if "/pods" not in target else target.partition("&")[0] for _, target in run.proxy.requests)
    assert asked.pop("discovery", 0) <= 4, "two documents, and aiohttp repeats a GET once"
    assert asked.total() <= 2 * (3 + lasted / TIMING.pace)


async def test_a_server_that_refuses_connections_is_stale_and_comes_back(held: Opening, connection: Connection) -> None:
    async with held() as run:
        await run.proxy.stop()
        await run.pods.delete("goes")
        await until(lambda: run.state == "stale" and "refuses the connection" in f"{run.store.health.error}{run.live.error}")
        with pytest.raises(ConnectionFailed, match="refuses the connection"):
            await run.discovery.all()
        await run.proxy.start()
        await until_answer(run.settled)


async def test_a_half_open_watch_is_found_out(held: Opening) -> None:
    async with held() as run:
        states: list[str] = []
        run.store.subscribe_health(lambda health: states.append(health.state))
        run.proxy.mute()
        await run.pods.delete("goes")
        await until_answer(run.settled)
        assert "stale" in states


async def test_a_silent_watch_of_a_quiet_list_is_live_and_is_not_opened_again(held: Opening) -> None:
    async with held() as run:
        states: set[str] = set()
        run.store.subscribe_health(lambda health: states.add(health.state))
        inquiries = 2
        await until(lambda: sum("limit=1" in target.split("&") for _, target in run.proxy.requests) >= inquiries)
        assert states <= {"live"} and run.state == "live"
        watches = [target for _, target in run.proxy.requests if "watch=1" in target and "timeoutSeconds=1&" not in f"{target}&"]
        assert len(watches) == 2, "that of the list, and that of the details"


async def test_a_token_that_expires_is_renewed_by_the_plugin(held: Opening, tmp_path: Path) -> None:
    token, plugin = tmp_path / "token", tmp_path / "plugin"
    token.write_text("first")
    spoken = {"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential"}
    plugin.write_text(f'#!/bin/sh\nprintf \'%s\' \'{json.dumps(spoken)[:-1]}, "status": {{"token": "\'"$(cat {token})"\'"}}}}\'\n')
    plugin.chmod(plugin.stat().st_mode | stat.S_IXUSR)
    user = {"exec": {"apiVersion": spoken["apiVersion"], "command": str(plugin), "interactiveMode": "Never"}}
    async with held(user=user) as run:
        run.proxy.token = "second"
        run.proxy.cut()
        await until(lambda: run.state == "denied" and isinstance(run.store.health.error, Unauthorized))
        token.write_text("second")
        await run.pods.delete("goes")
        await until_answer(run.settled)


@pytest.mark.parametrize(("how", "days"), [("the API server answers 401", 2), ("TLS ends the connection", -1)])
@pytest.mark.parametrize("place", ["kubeconfig", "files"])
async def test_a_client_certificate_that_is_not_accepted_is_told_and_the_next_one_is_taken(
    held: Opening, how: str, days: int, place: str, kubeconfig: str, authority: Authority, tmp_path: Path
) -> None:
    def user() -> dict[str, Any]:
        files = {"client-certificate": tmp_path / "client.crt", "client-key": tmp_path / "client.key"}
        if place == "files":
            return {key: str(file) for key, file in files.items()}
        return {f"{key}-data": base64.b64encode(file.read_bytes()).decode() for key, file in files.items()}

    def given(name: str, days: int) -> None:
        for file in authority.issue(name, days=days):
            shutil.copy(file, tmp_path / f"client{file.suffix}")

    given("worn", days)
    async with held(user=user()) as run:
        await run.proxy.stop()
        run.proxy.client = "fresh"
        await run.proxy.start()
        run.begun = asyncio.get_running_loop().time()
        run.proxy.requests.clear()
        state, words = ("denied", "Unauthorized") if days > 0 else ("stale", "did not accept the client|closed the conn|reset the conn")
        await until(lambda: run.state == state and all(re.search(words, str(error)) for error in (run.store.health.error, run.live.error)))
        assert len(run.store.rows) == len(run.live.items) == 2, "what is known stays"
        await few_requests(run)
        given("fresh", 2)
        if place == "kubeconfig":
            run.proxy.kubeconfig(tmp_path, user=user())
        await run.pods.delete("goes")
        await until_answer(run.settled)


async def test_a_token_that_expires_is_taken_from_the_kubeconfig_after_another_login(held: Opening, tmp_path: Path) -> None:
    async with held(user={"token": "first"}) as run:
        run.proxy.token = "second"
        run.proxy.cut()
        await until(lambda: run.state == "denied" and isinstance(run.store.health.error, Unauthorized))
        run.proxy.kubeconfig(tmp_path, user={"token": "second"})
        await run.pods.delete("goes")
        await until_answer(run.settled)


@pytest.mark.parametrize("certificate", UNTRUSTED)
async def test_a_certificate_that_is_not_trusted_is_named_and_the_next_one_is_taken(held: Opening, certificate: str) -> None:
    async with held() as run:
        await run.proxy.stop()
        await run.proxy.start(certificate)
        said = re.compile(UNTRUSTED[certificate])
        await until(lambda: run.state == "stale" and all(said.search(str(error)) for error in (run.store.health.error, run.live.error)))
        with pytest.raises(ConnectionFailed, match=UNTRUSTED[certificate]):
            await run.discovery.all()
        assert len(run.store.rows) == 2, "what is known stays"
        await run.pods.delete("goes")
        await run.proxy.stop()
        await run.proxy.start()
        await until_answer(run.settled)


async def test_of_two_addresses_of_a_server_one_may_be_dead(held: Opening, half_dead_host: str) -> None:
    async with held(host=half_dead_host) as run:
        run.proxy.cut()
        await run.pods.delete("goes")
        await until_answer(run.settled)
