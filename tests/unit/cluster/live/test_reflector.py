"""The reflector: pages, watch, resume, relist, refusals, back-off; against a server in memory."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace

import pytest

from podtui.cluster.connection.decoding import UnreadableAnswer
from podtui.cluster.live.list_watch import is_older
from podtui.cluster.live.pacing import Timing
from podtui.cluster.live.reflector import Reflector
from podtui.cluster.live.tables import Column, NotATable, Row, RowMaker
from podtui.errors import ApiError, ConnectionFailed, Forbidden, PodtuiError, ServerAway, Unauthorized
from podtui.kube.resources import PODS
from tests.support.api_server import not_served
from tests.support.list_server import ListServer, bookmark, error_event, refusal
from tests.support.waiting import until

FAST = Timing(
    page=3,
    request=5.0,
    idle=5.0,
    pace=0.002,
    inquiry=0.05,
    poll=0.02,
    backoff_first=0.002,
    backoff_most=0.02,
    healthy=0.05,
    denied=0.02,
    batch=0.002,
    keep=1.0,
    watch=(30, 60),
)


@dataclass
class Heard:
    """Everything that a reflector tells."""

    told: list[tuple[str, str]] = field(default_factory=list)
    columns: list[list[Column]] = field(default_factory=list)
    pages: list[set[str]] = field(default_factory=list)
    states: list[str] = field(default_factory=list)
    errors: list[PodtuiError] = field(default_factory=list)

    def columns_changed(self, reflector: Reflector, columns: list[Column]) -> None:
        self.columns.append(columns)

    def row_put(self, reflector: Reflector, row: Row) -> None:
        self.told.append(("put", row.uid))

    def row_gone(self, reflector: Reflector, uid: str) -> None:
        self.told.append(("gone", uid))

    def page_done(self, reflector: Reflector) -> None:
        self.pages.append(set(reflector.rows))

    def state_changed(self, reflector: Reflector) -> None:
        if not self.states or self.states[-1] != reflector.state:
            self.states.append(reflector.state)
        if reflector.error is not None and (not self.errors or self.errors[-1] is not reflector.error):
            self.errors.append(reflector.error)


@dataclass
class Running:
    server: ListServer
    reflector: Reflector
    heard: Heard
    task: asyncio.Task[None]

    @property
    def live(self) -> bool:
        return self.reflector.state == "live" and self.server.open_watches == 1

    @property
    def equal(self) -> bool:
        """Whether the rows are the server's, in their present versions."""
        things = self.server.things
        here = {uid: row.resource_version for uid, row in self.reflector.rows.items()}
        return here == {uid: str(things[uid].version) for uid in self.server.uids(self.reflector.namespace, self.reflector.selector)}


@contextlib.asynccontextmanager
async def running(server: ListServer, namespace: str = "", selector: str = "", timing: Timing = FAST) -> AsyncIterator[Running]:
    heard = Heard()
    reflector = Reflector(PODS, namespace, selector, listener=heard, maker=RowMaker(), timing=timing)
    task = asyncio.create_task(reflector.run(server))
    try:
        yield Running(server, reflector, heard, task)
        assert not task.done(), task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert len(asyncio.all_tasks()) == 1, "a task outlives its reflector"
        assert server.open_watches == 0


def filled(count: int = 7, namespaces: int = 2) -> ListServer:
    server = ListServer()
    for number in range(count):
        server.put(f"ns-{number % namespaces}", f"pod-{number}", {"app": "web" if number % 2 else "db", "n": str(number)})
    return server


async def test_a_list_comes_in_pages_and_the_first_is_reported_at_once() -> None:
    server = filled(8)
    server.held = asyncio.Event()
    async with running(server) as run:
        await until(lambda: run.heard.pages)
        assert len(run.heard.pages[0]) == 3
        assert (run.reflector.known, run.reflector.state) == (False, "loading")
        assert (run.reflector.loaded, run.reflector.remaining) == (3, 5)
        server.held.set()
        await until(lambda: run.live)
        assert run.equal and run.reflector.known
        assert [asked.get("limit") for asked in server.lists] == ["3", "3", "3"]
        assert [len(page) for page in run.heard.pages] == [3, 8]
        assert run.heard.states == ["loading", "live"]
        assert len(run.heard.columns) == 1


async def test_what_is_asked_of_the_server_is_rows_with_metadata_and_bookmarks() -> None:
    server = filled(2)
    async with running(server, "ns-1", "app=web") as run:
        await until(lambda: run.live)
        (listed,), (watched,) = server.lists, server.watches
        assert listed == {"path": "/api/v1/namespaces/ns-1/pods", "includeObject": "Metadata", "limit": "3", "labelSelector": "app=web"}
        assert 30 <= int(watched.pop("timeoutSeconds")) <= 60
        assert watched == {
            "path": "/api/v1/namespaces/ns-1/pods",
            "watch": "1",
            "includeObject": "Metadata",
            "allowWatchBookmarks": "true",
            "resourceVersion": "12",
            "labelSelector": "app=web",
        }


async def test_the_watch_brings_what_comes_changes_and_goes() -> None:
    server = filled(4)
    async with running(server, selector="app=web") as run:
        await until(lambda: run.live)
        new = server.put("ns-9", "pod-9", {"app": "web"})
        await until(lambda: run.equal)
        server.put("ns-9", "pod-9", status="Error")
        await until(lambda: run.equal)
        assert run.reflector.rows[new.uid].cells[2] == "Error"
        server.put("ns-9", "pod-9", {"app": "other"})  # leaves the selector
        await until(lambda: new.uid not in run.reflector.rows)
        server.put("ns-0", "pod-0", {"app": "web"})  # enters it
        await until(lambda: run.equal and "uid-11" in run.reflector.rows)
        server.delete("ns-1", "pod-1")
        again = server.put("ns-1", "pod-1", {"app": "web"})
        await until(lambda: run.equal and again.uid in run.reflector.rows)
        assert len(server.lists) == 1


async def test_a_dropped_watch_resumes_from_the_last_version_without_a_list() -> None:
    server = filled(4)
    async with running(server) as run:
        await until(lambda: run.live)
        server.put("ns-0", "later")
        await until(lambda: run.equal)
        seen = str(server.version)
        server.cut(ConnectionFailed("reset by peer"))
        server.put("ns-0", "missed")
        await until(lambda: run.equal and run.live)
        assert server.watches[1]["resourceVersion"] == seen
        assert len(server.lists) == 2, "two pages of the first list"
        assert "stale" in run.heard.states and str(run.heard.errors[0]) == "reset by peer"
        assert run.reflector.error is None


async def test_a_line_cut_in_the_middle_is_read_again_and_not_lost() -> None:
    server = filled(2)
    async with running(server) as run:
        await until(lambda: run.live)
        server.cut(b'{"type": "DELETED", "object": {"kind": "Tab')
        server.put("ns-0", "missed")
        await until(lambda: run.equal and run.live)
        assert len(server.lists) == 1


async def test_a_bookmark_moves_the_version_and_no_row() -> None:
    server = filled(2)
    server.version = 500
    server.watch_lines.append(bookmark(500))
    async with running(server) as run:
        await until(lambda: len(server.watches) == 2)
        assert server.watches[1]["resourceVersion"] == "500"
        assert run.equal


@pytest.mark.parametrize("way", ["status", "event", "token"])
async def test_a_relist_follows_a_410_while_the_rows_stay(way: str) -> None:
    server = filled(8)
    async with running(server) as run:
        if way == "token":
            server.held = asyncio.Event()
            await until(lambda: run.heard.pages and len(server.lists) == 2)
            server.compact()
            server.held.set()
        else:
            await until(lambda: run.live)
            server.down = True
            server.cut(ConnectionFailed("gone"))
            server.delete("ns-0", "pod-0")
            server.put("ns-0", "pod-new")
            await until(lambda: run.reflector.state == "stale")
            if way == "status":
                server.compact()
            else:
                server.watch_lines.append(error_event(410, "Expired"))
            assert len(run.reflector.rows) == 8
            server.down = False
        await until(lambda: run.live and run.equal)
        sizes = [len(run.reflector.rows)] + [len(page) for page in run.heard.pages[1:]]
        assert min(sizes) >= 3
        if way == "token":
            assert int(server.lists[2]["limit"]) == 6, "pages twice as large, for a token that does not live long enough"
        else:
            assert ("gone", "uid-11") in run.heard.told
            # Rows that the relist finds in the same version are not told again.
            assert run.heard.told.count(("put", "uid-12")) == 1


async def test_the_list_after_an_outage_does_not_wait_as_long_as_the_outage_made_the_attempts_wait() -> None:
    server = filled(2)
    async with running(server, timing=replace(FAST, backoff_most=1000.0)) as run:
        await until(lambda: run.live)
        server.down = True
        server.cut(ConnectionFailed("reset"))
        run.reflector._attempts = 30
        await until(lambda: run.reflector.retry_at is not None)
        server.delete("ns-0", "pod-0")
        server.watch_lines.append(error_event(410, "Expired"))
        server.down = False
        run.reflector.retry()
        await until(lambda: run.live and run.equal)


async def test_versions_that_expire_again_and_again_are_not_a_hot_loop() -> None:
    server = filled(2)
    server.watch_lines += [error_event(410, "Expired")] * 10_000
    async with running(server, timing=Timing(backoff_first=0.02, backoff_most=10.0)) as run:
        await asyncio.sleep(0.5)
        assert len(server.lists) <= 30
        assert run.reflector.known


async def test_a_relist_that_finds_a_changed_row_tells_it() -> None:
    server = filled(2)
    async with running(server) as run:
        await until(lambda: run.live)
        server.down = True
        server.cut()
        server.put("ns-0", "pod-0", status="Error")
        server.compact()
        server.down = False
        await until(lambda: run.live and run.equal)
        assert run.heard.told.count(("put", "uid-11")) == 2


@pytest.mark.parametrize("code", [401, 403])
async def test_a_refused_list_is_denied_and_tried_again_slowly(code: int) -> None:
    server = filled(2)
    server.refusals[""] = refusal(code, "Forbidden")
    async with running(server) as run:
        await until(lambda: len(server.lists) == 3)
        assert run.reflector.state == "denied"
        assert isinstance(run.reflector.error, Forbidden | Unauthorized)
        assert not run.reflector.known
        server.refusals.clear()
        await until(lambda: run.live and run.equal)
        assert run.heard.states == ["denied", "loading", "live"]


async def test_a_server_that_has_just_started_and_denies_what_it_allowed_is_not_believed_at_once() -> None:
    server = filled(2)
    async with running(server, timing=replace(FAST, denied=1000.0)) as run:
        await until(lambda: run.live)
        server.down = True
        server.cut(ConnectionFailed("reset"))
        await until(lambda: run.reflector.state == "stale")
        server.list_faults = [refusal(403, "Forbidden"), not_served(), refusal(403, "Forbidden")]
        server.put("ns-0", "missed")
        server.down = False
        await until(lambda: run.live and run.equal)
        assert "denied" not in run.heard.states and not server.list_faults
        server.down = True
        server.cut(ConnectionFailed("reset"))
        await until(lambda: run.reflector.state == "stale")
        server.refusals[""] = refusal(403, "Forbidden")
        server.down = False
        await until(lambda: run.reflector.state == "denied")


async def test_without_the_right_to_watch_the_list_is_asked_for_again_and_again() -> None:
    server = filled(2)
    server.watch_refusals[""] = refusal(403, "Forbidden")
    async with running(server) as run:
        await until(lambda: run.reflector.state == "polling")
        assert run.reflector.known and run.equal
        server.put("ns-0", "new")
        await until(lambda: run.equal)
        assert isinstance(run.heard.errors[0], Forbidden)
        assert run.heard.states == ["loading", "polling"]
        server.watch_refusals.clear()
        await until(lambda: run.live and run.equal)


async def test_a_list_is_asked_for_again_after_its_retry_after() -> None:
    server = filled(1)
    server.list_faults = [refusal(429, "TooManyRequests", 0.2), refusal(503, "ServiceUnavailable", 0.2)]
    async with running(server) as run:
        began = asyncio.get_running_loop().time()
        await until(lambda: run.live)
        assert asyncio.get_running_loop().time() - began >= 0.4
        assert run.heard.states == ["failed", "loading", "live"]


async def test_a_retry_after_inside_the_watch_is_honoured() -> None:
    server = filled(1)
    line = error_event(429, "TooManyRequests").replace(b'"code": 429', b'"code": 429, "details": {"retryAfterSeconds": 7}')
    server.watch_lines.append(line)
    async with running(server) as run:
        await until(lambda: run.reflector.state == "stale" and run.reflector.retry_at)
        assert run.reflector.retry_at is not None and run.reflector.retry_at > time.time() + 5
        run.reflector.retry()
        await until(lambda: run.live)


@pytest.mark.parametrize(
    "garbage",
    [
        b"<html><body>bad gateway</body></html>\n",
        b'{"type": "ADDED", "object": {"kind": "Table", "rows": [{"cells": 3}]}}\n',
        b'{"type": "ADDED"}\n',
        b"null\n",
        b"\x00\xff\n",
        b'{"type": "ADDED", "object": {"kind": "Pod", "metadata": {"name": "x"}}}\n',
        b'{"type": "INVENTED", "object": {"kind": "Table", "rows": []}}\n',
        error_event(500, "InternalError"),
        error_event(0, ""),
    ],
)
async def test_garbage_in_a_watch_is_an_error_with_a_delay(garbage: bytes) -> None:
    server = filled(2)
    server.watch_lines += [garbage] * 3
    async with running(server) as run:
        await until(lambda: not server.watch_lines and run.live)
        assert run.equal
        assert "stale" in run.heard.states
        assert all(isinstance(error, NotATable | ApiError) for error in run.heard.errors)


async def test_an_empty_line_in_a_watch_is_nothing() -> None:
    server = filled(2)
    async with running(server) as run:
        await until(lambda: run.live)
        server.version = 77
        server.cut(b"\n\r\n" + bookmark(77))
        await until(lambda: run.reflector.resource_version == "77")


async def test_a_line_without_an_end_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("podtui.cluster.connection.bounds.LARGEST_EVENT", 1000)
    server = filled(2)
    server.watch_lines.append(b"x" * 1001)
    async with running(server) as run:
        await until(lambda: any(isinstance(error, UnreadableAnswer) for error in run.heard.errors))


async def test_a_list_that_is_not_a_table_fails_in_words_and_recovers() -> None:
    server = filled(2)
    server.list_body = lambda: b'{"kind": "PodList", "metadata": {"resourceVersion": "5"}, "items": []}'
    async with running(server) as run:
        await until(lambda: run.reflector.state == "failed")
        assert isinstance(run.reflector.error, NotATable)
        assert not run.reflector.known
        server.list_body = None
        await until(lambda: run.live and run.equal)


async def test_watches_that_end_at_once_are_not_asked_for_in_a_hot_loop() -> None:
    server = filled(2)
    server.watch_lines += [b"\n"] * 10_000
    timing = Timing(page=3, pace=0.01, backoff_first=0.02, backoff_most=0.1)
    async with running(server, timing=timing) as run:
        await until(lambda: run.reflector.state == "polling")
        assert run.equal and len(server.watches) == 2
        assert run.reflector.error is not None and "ends each watch" in run.reflector.error.what


async def test_a_failing_server_is_asked_less_and_less_often(monkeypatch: pytest.MonkeyPatch) -> None:
    spans: list[float] = []

    def most(low: float, high: float) -> float:
        spans.append(high)
        return 0.0

    monkeypatch.setattr(random, "uniform", most)
    server = filled(1)
    server.down = True
    async with running(server, timing=replace(FAST, pace=0.0, backoff_first=0.001, backoff_most=0.03)) as run:
        await until(lambda: len(spans) >= 8)
        assert spans[:8] == [0.001, 0.002, 0.004, 0.008, 0.016, 0.03, 0.03, 0.03]
        assert run.reflector.state == "failed"
        assert not run.reflector.known and not run.reflector.rows


async def test_the_back_off_begins_anew_after_a_healthy_watch() -> None:
    server = filled(1)
    async with running(server) as run:
        server.down = True
        await until(lambda: run.reflector._attempts >= 4)
        server.down = False
        await until(lambda: run.live)
        assert run.reflector._attempts >= 4
        await asyncio.sleep(FAST.healthy + 0.02)
        server.cut()
        await until(lambda: len(server.watches) == 2)
        assert run.reflector._attempts == 1


async def test_a_watch_that_ends_in_good_order_leaves_the_list_live() -> None:
    server = filled(1)
    async with running(server) as run:
        for count in range(1, 4):
            await until(lambda count: run.live and len(server.watches) == count, count)
            server.put("ns-0", "again", status=str(server.version))
            await until(lambda: run.equal)
            server.cut()
        await until(lambda: run.live)
        assert run.heard.states == ["loading", "live"]


async def test_an_outage_is_stale_since_it_began_not_since_the_last_attempt() -> None:
    server = filled(2)
    async with running(server) as run:
        await until(lambda: run.live)
        server.down = True
        server.cut(ConnectionFailed("refused"))
        await until(lambda: run.reflector.state == "stale")
        since = run.reflector.since
        await until(lambda: server.requests > 6)
        assert run.reflector.since == since
        assert len(run.reflector.rows) == 2 and run.reflector.known
        server.down = False
        await until(lambda: run.live)


async def test_a_stalled_watch_is_stale_since_its_last_byte() -> None:
    server = filled(2)
    timing = replace(FAST, idle=0.1)
    async with running(server, timing=timing) as run:
        await until(lambda: run.live)
        heard = run.reflector.heard
        server.down = True
        await until(lambda: run.reflector.state == "stale")
        assert run.reflector.since == heard


async def test_columns_that_change_bring_every_row_anew() -> None:
    server = filled(2)
    async with running(server) as run:
        await until(lambda: run.live)
        server.cut()
        server.columns = [*server.columns, {"name": "Extra", "type": "string", "priority": 0}]
        server.put("ns-0", "pod-0")
        await until(lambda: len(run.heard.columns) == 2 and run.live)
        assert run.equal
        assert run.heard.told.count(("put", "uid-12")) == 2, "unchanged, but its cells go with other columns"


async def test_many_lists_at_once_wait_for_their_turn() -> None:
    server = filled(8)
    server.held = asyncio.Event()
    turn = asyncio.Semaphore(1)
    reflectors = [
        Reflector(PODS, name, "", listener=Heard(), maker=RowMaker(), timing=replace(FAST, page=2), turn=turn) for name in ("ns-0", "ns-1")
    ]
    tasks = [asyncio.create_task(reflector.run(server)) for reflector in reflectors]
    await until(lambda: len(server.lists) == 2)
    await asyncio.sleep(0.02)
    assert {asked["path"] for asked in server.lists} == {"/api/v1/namespaces/ns-0/pods"}
    server.held.set()
    await until(lambda: all(reflector.known for reflector in reflectors))
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


# -- a server that was restored to an earlier state


@pytest.mark.parametrize("way", ["the watch ends", "the server was away", "a bookmark", "a kept version", "the key"])
async def test_a_server_that_goes_back_to_an_earlier_state_is_listed_again(way: str) -> None:
    server = filled(4)
    saved = server.backup()
    for number in range(3):
        server.put("ns-0", f"later-{number}")
    async with running(server) as run:
        await until(lambda: run.live and run.equal)
        server.restore(saved)
        gone = set(run.reflector.rows) - server.uids()
        assert len(gone) == 3
        if way == "a bookmark":
            server.cut(bookmark(server.version))
        elif way == "the key":
            run.reflector.refresh()
        else:
            server.down = way == "the server was away"
            server.cut(None if way == "the watch ends" else ConnectionFailed("reset"))
            if server.down:
                await until(lambda: isinstance(run.reflector.error, ServerAway))
                server.put("ns-0", "pod-0", status="Error")  # another history up to the version that is here, and past it
                for number in range(4):
                    server.put("ns-0", f"other-{number}")
            server.down = False
        await until(lambda: run.live and run.equal)
        assert not gone & set(run.reflector.rows)
        assert server.watches[-1]["resourceVersion"] == str(server.version)


async def test_after_a_long_silence_no_version_is_trusted() -> None:
    server = filled(4)
    async with running(server, timing=replace(FAST, trusted=0.05)) as run:
        await until(lambda: run.live)
        lists = len(server.lists)
        await asyncio.sleep(0.06)
        server.cut()
        await until(lambda: len(server.lists) > lists and run.live and run.equal)


async def test_a_server_whose_versions_are_in_no_order_is_followed_as_it_is() -> None:
    server = filled(2)
    async with running(server) as run:
        await until(lambda: run.live)
        for version in (8, 9, 8):
            server.cut(bookmark(version))
            await until(lambda watches: len(server.watches) > watches and run.live, len(server.watches))
        server.put("ns-0", "new")
        await until(lambda: run.live and run.equal)


@pytest.mark.parametrize(
    ("version", "than", "older"),
    [
        ("9", "10", True),
        ("10", "9", False),
        ("10", "10", False),
        ("99", "100", True),
        ("", "5", False),
        ("5", "", False),
        ("a1", "a2", False),
    ],
)
def test_only_numbers_are_older_than_others(version: str, than: str, older: bool) -> None:
    assert is_older(version, than) is older


# -- what hangs, and what is silent


async def test_the_key_ends_a_request_that_hangs() -> None:
    server = filled(8)
    server.held = asyncio.Event()
    async with running(server) as run:
        await until(lambda: len(server.lists) == 2)
        server.held = None
        run.reflector.refresh()
        await until(lambda: run.live and run.equal)


async def test_a_list_that_the_key_began_and_that_hangs_is_not_called_live() -> None:
    server = filled(2)
    async with running(server, timing=replace(FAST, late=0.02)) as run:
        await until(lambda: run.live)
        server.held, server.holds_all = asyncio.Event(), True
        run.reflector.refresh()
        await until(lambda: run.reflector.state == "loading")
        assert run.equal, "the rows stay"
        server.held.set()
        await until(lambda: run.live and run.equal)


async def test_while_the_list_is_polled_the_key_tries_a_watch_at_once() -> None:
    server = filled(2)
    server.watch_refusals[""] = refusal(403, "Forbidden")
    async with running(server, timing=replace(FAST, denied=1000.0)) as run:
        await until(lambda: run.reflector.state == "polling")
        server.watch_refusals.clear()
        run.reflector.refresh()
        await until(lambda: run.live and run.equal)


async def test_the_key_lists_again_though_all_is_well_and_rows_that_are_unknown_to_the_server_go() -> None:
    server = filled(4)
    async with running(server) as run:
        await until(lambda: run.live)
        lists = len(server.lists)
        (uid, *_) = run.reflector.rows
        del server.things[uid]  # no event tells
        run.reflector.refresh()
        await until(lambda: run.live and run.equal and len(server.lists) > lists)
        assert "stale" not in run.heard.states


async def test_a_watch_that_swallows_changes_is_found_out_and_replaced() -> None:
    server = filled(2)
    async with running(server, timing=replace(FAST, idle=0.05)) as run:
        await until(lambda: run.live)
        server.swallow()
        server.put("ns-0", "unheard")
        await until(lambda: run.live and run.equal)
        assert "stale" in run.heard.states and "silent" in str(run.heard.errors[0])


async def test_a_silent_watch_of_a_quiet_list_stays_and_is_live() -> None:
    server = filled(2)
    async with running(server, timing=replace(FAST, idle=0.03)) as run:
        await until(lambda: run.live)
        await until(lambda: len(server.compares) >= 3)
        assert run.heard.states == ["loading", "live"]
        server.put("ns-0", "new")
        await until(lambda: run.equal)
        assert sum(asked["timeoutSeconds"] != "0.05" for asked in server.watches) == 1


async def test_a_busy_server_does_not_end_a_silent_watch() -> None:
    server = filled(2)
    async with running(server, timing=replace(FAST, idle=0.03)) as run:
        await until(lambda: run.live)
        server.list_faults = [refusal(429, "TooManyRequests")] * 3
        await until(lambda: not server.list_faults)
        assert run.heard.states == ["loading", "live"] and len(server.watches) >= 1


async def test_the_key_lists_again_though_an_event_comes_at_that_moment() -> None:
    server = filled(4)
    async with running(server) as run:
        await until(lambda: run.live)
        lists = len(server.lists)
        server.put("ns-0", "new")
        run.reflector.refresh()
        await until(lambda: run.live and run.equal)
        assert len(server.lists) > lists
