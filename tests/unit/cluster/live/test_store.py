"""The row store: scopes that change, outages, denied namespaces, batches; always ending with the server's set."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from podtui.cluster.live.store import Batch, Health, RowStore
from podtui.cluster.live.tables import Row
from podtui.cluster.live.view import View
from podtui.errors import ConnectionFailed, Forbidden
from podtui.kube.resources import NAMESPACES, PODS, Scope
from podtui.kube.selectors import parse
from tests.support.list_server import ListServer, error_event, refusal
from tests.support.waiting import until
from tests.unit.cluster.live.test_reflector import FAST, filled


@dataclass
class Watched:
    """A store, and a mirror that is made of nothing but its batches."""

    server: ListServer
    store: RowStore
    batches: list[Batch] = field(default_factory=list)
    healths: list[Health] = field(default_factory=list)
    mirror: dict[str, Row] = field(default_factory=dict)

    def take(self, batch: Batch) -> None:
        self.batches.append(batch)
        assert not batch.changed & batch.removed
        if batch.reset:
            self.mirror = dict(self.store.rows)
        for uid in batch.removed:
            self.mirror.pop(uid, None)
        for uid in batch.changed:
            self.mirror[uid] = self.store.rows[uid]

    @property
    def names(self) -> set[str]:
        return {row.name for row in self.store.rows.values()}

    @property
    def settled(self) -> bool:
        return self.store.health.state == "live" and self.store.known and self.right

    @property
    def right(self) -> bool:
        scope, things = self.store.scope, self.server.things
        wanted = {uid for name in scope.namespaces or ("",) for uid in self.server.uids(name, scope.selector)}
        here = {uid: row.resource_version for uid, row in self.store.rows.items()}
        return here == {uid: str(things[uid].version) for uid in wanted} and self.mirror == self.store.rows


@contextlib.asynccontextmanager
async def watched(server: ListServer, scope: Scope | None = None, start: bool = True, **timing: Any) -> AsyncIterator[Watched]:
    store = RowStore(PODS, scope, timing=replace(FAST, **timing))
    held = Watched(server, store)
    store.subscribe(held.take)
    store.subscribe_health(held.healths.append)
    if start:
        store.start(server)
    try:
        yield held
    finally:
        await store.close()
        assert len(asyncio.all_tasks()) == 1, "a task outlives the store"
        assert server.open_watches == 0
        count = len(held.batches)
        await asyncio.sleep(0.01)
        assert len(held.batches) == count, "a batch after the end"


async def test_a_store_comes_to_have_what_the_server_has() -> None:
    server = filled(8)
    async with watched(server) as run:
        assert (run.store.health.state, run.store.known) == ("connecting", False)
        await until(lambda: run.settled)
        assert [column.name for column in run.store.columns][:3] == ["Name", "Ready", "Status"]
        assert (run.store.health.loaded, run.store.health.remaining) == (8, 0)
        assert [health.state for health in run.healths if health.state == "live"]


async def test_no_rows_are_known_to_be_none_only_when_the_server_said_so() -> None:
    server = ListServer()
    server.down = True
    async with watched(server) as run:
        await until(lambda: run.store.health.state == "failed")
        assert not run.store.known
        assert run.store.health.retry_at is not None or run.store.health.error is not None
        server.down = False
        await until(lambda: run.store.known)
        assert run.store.rows == {}


async def test_several_namespaces_are_one_list() -> None:
    server = filled(9, namespaces=3)
    async with watched(server, Scope(("ns-0", "ns-2", "ns-0"))) as run:
        await until(lambda: run.settled)
        assert {row.namespace for row in run.store.rows.values()} == {"ns-0", "ns-2"}
        assert len(server.watches) == 2
        server.put("ns-2", "new")
        server.put("ns-1", "elsewhere")
        await until(lambda: run.settled and "new" in run.names)
        assert "elsewhere" not in run.names


async def test_a_kind_without_namespaces_is_listed_once() -> None:
    server = filled(3)
    store = RowStore(NAMESPACES, Scope(("a", "b")), timing=FAST)
    store.start(server)
    await until(lambda: store.known)
    assert {asked["path"] for asked in server.lists} == {"/api/v1/namespaces"}
    await store.close()


async def test_a_denied_namespace_does_not_hide_the_others() -> None:
    server = filled(6, namespaces=3)
    server.refusals["ns-1"] = refusal(403, "Forbidden")
    async with watched(server, Scope(("ns-0", "ns-1"))) as run:
        await until(lambda: run.store.health.state == "live" and run.store.denied)
        assert run.store.known and len(run.store.rows) == 2
        assert set(run.store.denied) == {"ns-1"} and isinstance(run.store.denied["ns-1"], Forbidden)
        server.refusals.clear()
        await until(lambda: run.settled)
        assert not run.store.denied


async def test_all_namespaces_denied_is_a_denied_list_that_knows_nothing() -> None:
    server = filled(3)
    server.refusals[""] = refusal(403, "Forbidden")
    async with watched(server) as run:
        await until(lambda: run.store.health.state == "denied")
        assert set(run.store.denied) == {""} and not run.store.known
        run.store.set_scope(Scope(("ns-0",)))
        await until(lambda: run.settled)
        assert not run.store.denied


async def test_a_subscriber_may_set_the_scope() -> None:
    server = filled(4)
    server.refusals[""] = refusal(403, "Forbidden")
    async with watched(server) as run:
        run.store.subscribe_health(lambda health: run.store.set_scope(Scope(("ns-0",))) if health.state == "denied" else None)
        await until(lambda: run.settled)
        assert run.store.scope == Scope(("ns-0",))


async def test_a_narrower_scope_is_shown_at_once_from_what_is_here() -> None:
    server = filled(8)
    async with watched(server) as run:
        await until(lambda: run.settled)
        server.held = asyncio.Event()
        server.down = True
        run.store.set_scope(Scope(("ns-1",), "app=web,n notin (1)"))
        assert run.names == {"pod-3", "pod-5", "pod-7"}
        assert (run.store.known, run.store.health.state) == (False, "loading")
        assert run.batches[-1].reset and run.mirror == run.store.rows
        server.put("ns-1", "pod-3", {"app": "db"})
        server.down = False
        server.held.set()
        await until(lambda: run.settled)
        assert run.names == {"pod-5", "pod-7"}


async def test_the_way_back_to_a_wider_scope_shows_what_was_there_and_resumes() -> None:
    server = filled(8)
    async with watched(server) as run:
        await until(lambda: run.settled)
        run.store.set_scope(Scope(("ns-1",)))
        await until(lambda: run.settled)
        lists = len(server.lists)
        server.put("ns-0", "new")
        server.delete("ns-1", "pod-1")
        run.store.set_scope(Scope())
        assert len(run.store.rows) == 8 and not run.store.known
        await until(lambda: run.settled)
        assert len(server.lists) == lists, "resumed by a watch, without a list"


async def test_what_was_left_long_ago_is_listed_anew() -> None:
    server = filled(8)
    async with watched(server, keep=0.02) as run:
        await until(lambda: run.settled)
        run.store.set_scope(Scope(("ns-1",)))
        await until(lambda: run.settled)
        await until(lambda: not run.store._kept)
        lists = len(server.lists)
        run.store.set_scope(Scope())
        assert len(run.store.rows) == 4, "what is here belongs to the wider scope too"
        await until(lambda: run.settled)
        assert len(server.lists) > lists


async def test_what_is_left_behind_and_gone_since_is_not_shown_again() -> None:
    server = filled(8)
    async with watched(server) as run:
        await until(lambda: run.settled)
        run.store.set_scope(Scope(("ns-1",)))
        await until(lambda: run.settled)
        server.delete("ns-1", "pod-3")
        await until(lambda: run.settled)
        run.store.set_scope(Scope((), "n in (2,3,5)"))
        assert run.names == {"pod-2", "pod-5"}
        await until(lambda: run.settled)


async def test_namespaces_that_both_scopes_have_go_on_undisturbed() -> None:
    server = filled(9, namespaces=3)
    async with watched(server, Scope(("ns-0", "ns-1"))) as run:
        await until(lambda: run.settled)
        run.store.set_scope(Scope(("ns-1", "ns-2")))
        await until(lambda: run.settled)
        assert [asked["path"].split("/")[4] for asked in server.watches].count("ns-1") == 1


async def test_scopes_that_change_faster_than_the_server_answers_end_with_the_last_one() -> None:
    server = filled(20, namespaces=4)
    async with watched(server) as run:
        for number in range(30):
            run.store.set_scope(Scope((f"ns-{number % 4}",), "app=web" if number % 3 else ""))
            if number % 5 == 0:
                await asyncio.sleep(0.003)
        await until(lambda: run.settled)
        assert run.store.scope == Scope(("ns-1",), "app=web")
        await until(lambda: server.open_watches == 1)


async def test_a_selector_that_does_not_parse_shows_nothing_and_leaves_the_verdict_to_the_server() -> None:
    server = filled(4)
    async with watched(server) as run:
        await until(lambda: run.settled)
        server.list_faults = [refusal(400, "BadRequest")] * 50
        run.store.set_scope(Scope((), "app in ("))
        assert not run.store.rows and not run.store.known
        await until(lambda: run.store.health.state == "failed")
        assert "BadRequest" in str(run.store.health.error)


async def test_another_scope_during_an_outage_does_not_make_the_rows_younger() -> None:
    server = filled(8)
    async with watched(server) as run:
        await until(lambda: run.settled)
        server.down = True
        server.cut(ConnectionFailed("refused"))
        await until(lambda: run.store.health.state == "stale")
        since = run.store.health.since
        run.store.set_scope(Scope(("ns-1",), "app=web"))
        await until(lambda: run.store.rows and run.store.health.state == "stale")
        assert run.store.health.since == since
        server.down = False
        await until(lambda: run.settled and run.store.health.state == "live")
        server.down = True
        server.cut(ConnectionFailed("refused"))
        await until(lambda: run.store.health.state == "stale")
        assert run.store.health.since > since


async def test_rows_stay_during_an_outage_with_how_long_they_have_been_stale() -> None:
    server = filled(5)
    async with watched(server) as run:
        await until(lambda: run.settled)
        server.down = True
        server.cut(ConnectionFailed("refused"))
        await until(lambda: run.store.health.state == "stale" and run.store.health.retry_at)
        since = run.store.health.since
        server.delete("ns-0", "pod-0")
        await asyncio.sleep(0.03)
        assert len(run.store.rows) == 5 and run.store.known and run.store.health.since == since
        server.down = False
        await until(lambda: run.settled)
        assert run.store.health.error is None and run.store.health.retry_at is None


async def test_one_namespace_that_is_live_again_ends_the_wait_of_the_others() -> None:
    server = filled(6, namespaces=3)
    async with watched(server, Scope(("ns-0", "ns-1", "ns-2")), backoff_first=60.0, backoff_most=60.0) as run:
        await until(lambda: run.settled)
        server.down = True
        server.cut(ConnectionFailed("reset"))
        await until(lambda: all(one.retry_at for one in run.store._active.values()))
        server.down = False
        next(iter(run.store._active.values())).retry()
        await until(lambda: run.settled)


async def test_a_kept_scope_whose_version_expired_is_not_known_until_it_is_listed() -> None:
    server = filled(4)
    async with watched(server, Scope((), "app=none")) as run:
        await until(lambda: run.settled)
        run.store.set_scope(Scope())
        await until(lambda: run.settled)
        server.put("ns-0", "first", {"app": "none"})
        server.compact()
        claims: list[str] = []
        run.store.subscribe_health(lambda health: claims.append(health.state) if run.store.known and not run.store.rows else None)
        run.store.set_scope(Scope((), "app=none"))
        await until(lambda: run.settled)
        assert run.names == {"first"} and not claims


async def test_a_scope_that_is_shown_again_has_its_own_rows_and_no_older_ones_of_another() -> None:
    server = filled(8)
    web, elsewhere = Scope(("ns-1",), "app=web"), Scope(("ns-0",))
    async with watched(server, Scope(("ns-1",))) as run:
        await until(lambda: run.settled)
        run.store.set_scope(elsewhere)
        server.put("ns-1", "pod-1", {"app": "db"})  # which the rows of ns-1 no longer learn
        for scope in (web, elsewhere):
            run.store.set_scope(scope)
            await until(lambda: run.settled)
        run.store.set_scope(web)
        assert run.names == {"pod-3", "pod-5", "pod-7"}
        await until(lambda: run.settled)


async def test_retrying_a_list_ends_its_wait_at_once() -> None:
    server = filled(2)
    server.down = True
    async with watched(server, backoff_first=60.0, backoff_most=60.0) as run:
        await until(lambda: run.store.health.retry_at)
        server.down = False
        run.store.retry()
        await until(lambda: run.settled)


async def test_a_scope_may_change_before_the_start_and_during_an_outage() -> None:
    server = filled(6)
    async with watched(server, start=False) as run:
        run.store.set_scope(Scope(("ns-1",)))
        run.store.start(server)
        await until(lambda: run.settled)
        server.down = True
        server.cut(ConnectionFailed("refused"))
        await until(lambda: run.store.health.state == "stale")
        run.store.set_scope(Scope(("ns-1",), "n=1"))
        await until(lambda: run.store.health.state == "stale")
        assert run.names == {"pod-1"} and not run.store.known
        server.down = False
        await until(lambda: run.settled)


async def test_many_changes_in_a_list_are_few_batches() -> None:
    server = filled(10)
    async with watched(server, page=50, batch=0.05) as run:
        await until(lambda: run.settled)
        count = len(run.batches)
        for turn in range(40):
            server.put("ns-0", f"pod-{turn % 10}", status=f"s{turn}")
            await asyncio.sleep(0.001)
        await until(lambda: run.settled)
        assert 1 <= len(run.batches) - count <= 4


async def test_a_row_that_leaves_the_selector_and_comes_back_in_one_batch_has_changed() -> None:
    server = filled(4)
    async with watched(server, Scope((), "app=web"), batch=0.1) as run:
        await until(lambda: run.settled)
        count = len(run.batches)
        server.put("ns-1", "pod-1", {"app": "db"})
        server.put("ns-1", "pod-1", {"app": "web"})
        server.put("ns-1", "pod-3", {"app": "web"})
        server.put("ns-1", "pod-3", {"app": "db"})
        await until(lambda: len(run.batches) > count)
        assert run.batches[count:] == [Batch(changed={"uid-12"}, removed={"uid-14"})]
        assert run.settled


async def test_the_first_page_does_not_wait_for_the_batch() -> None:
    server = filled(8)
    server.held = asyncio.Event()
    async with watched(server, batch=30.0) as run:
        await until(lambda: len(run.mirror) == 3)
        server.held.set()
        await until(lambda: len(run.mirror) == 8)


async def test_a_subscriber_that_fails_is_reported_and_the_others_are_called() -> None:
    server = filled(2)
    reported: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: reported.append(context))
    store = RowStore(PODS, timing=FAST)
    seen: list[Batch] = []

    def fail(batch: Batch) -> None:
        raise ValueError("a fault of the screen")

    unsubscribe = store.subscribe(fail)
    store.subscribe(seen.append)
    store.start(server)
    await until(lambda: store.known)
    assert seen and isinstance(reported[0]["exception"], ValueError)
    unsubscribe()
    unsubscribe()
    await store.close()
    await store.close()


async def test_a_fault_in_the_reflector_is_seen_and_not_a_frozen_list(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("podtui.cluster.live.tables.RowMaker.make", lambda *_: 1 // 0)
    async with watched(filled(2)) as run:
        await until(lambda: run.store.health.state == "failed")
        assert "ZeroDivisionError" in str(run.store.health.error)
        assert "like none that podtui knows" in caplog.text and "ZeroDivisionError" in caplog.text
        monkeypatch.undo()
        await until(lambda: run.settled)


async def test_a_store_is_started_once() -> None:
    async with watched(ListServer()) as run:
        with pytest.raises(RuntimeError):
            run.store.start(run.server)


# -- any sequence of events

NAMES = st.sampled_from([f"p{number}" for number in range(6)])
SPACES = st.sampled_from(["a", "b", "c"])
LABELS = st.fixed_dictionaries({}, optional={"app": st.sampled_from(["web", "db"]), "env": st.sampled_from(["prod", "dev"])})
SCOPES = st.builds(
    Scope,
    st.lists(SPACES, unique=True, max_size=3).map(tuple),
    st.sampled_from(["", "app=web", "app!=web", "!env", "env in (prod)", "app=db,env"]),
)
STEPS = st.one_of(
    st.tuples(st.just("put"), SPACES, NAMES, LABELS, st.sampled_from(["Running", "Error"])),
    st.tuples(st.just("put"), SPACES, NAMES, LABELS, st.sampled_from(["Running", "Error"])),
    st.tuples(st.just("delete"), st.integers(0, 99)),
    st.tuples(st.just("recreate"), st.integers(0, 99)),
    st.tuples(st.just("compact")),
    st.tuples(st.just("drop")),
    st.tuples(st.just("end")),
    st.tuples(st.just("half a line")),
    st.tuples(st.just("410 event")),
    st.tuples(st.just("503")),
    st.tuples(st.just("outage"), st.booleans()),
    st.tuples(st.just("scope"), SCOPES),
    st.tuples(st.just("sort"), st.sampled_from(["name", "status", "age", "restarts", "ready", "label:app"]), st.booleans()),
    st.tuples(st.just("wait"), st.sampled_from([0.0, 0.003])),
)


def act(step: tuple[Any, ...], run: Watched, view: View) -> None:
    server = run.server
    things = sorted(server.things.values(), key=lambda thing: thing.uid)
    match step:
        case ("put", namespace, name, labels, status):
            server.put(namespace, name, dict(labels), status=status, restarts=str(server.version % 3))
        case ("delete" | "recreate" as what, number) if things:
            thing = things[number % len(things)]
            server.delete(thing.namespace, thing.name)
            if what == "recreate":
                server.put(thing.namespace, thing.name, thing.labels)
        case ("compact",):
            server.compact()
        case ("drop",):
            server.cut(ConnectionFailed("reset"))
        case ("end",):
            server.cut()
        case ("half a line",):
            server.cut(b'{"type": "MODIFIED", "object": {"ki')
        case ("410 event",):
            server.cut(error_event(410, "Expired"))
        case ("503",):
            server.list_faults.append(refusal(503, "ServiceUnavailable"))
            server.watch_faults.append(refusal(503, "ServiceUnavailable"))
        case ("outage", down):
            server.down = down
        case ("scope", scope):
            run.store.set_scope(scope)
        case ("sort", sort, reverse):
            view.set_sort(sort, reverse)


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(STEPS, max_size=30), SCOPES)
def test_after_anything_that_happens_the_store_has_the_servers_set_and_the_view_its_order(steps: list[Any], scope: Scope) -> None:
    async def play() -> None:
        random.seed(1)
        server = ListServer()
        for number in range(7):
            server.put("abc"[number % 3], f"p{number}", {"app": "web"} if number % 2 else {})
        async with watched(server, scope, backoff_first=0.0005, backoff_most=0.004, denied=0.005, batch=0.001) as run:
            passes = parse("app").matches
            view = View(run.store)
            narrow = View(run.store, "status", True, lambda row: passes(row.labels))

            def update_both(batch: Batch) -> None:
                view.update(batch)
                narrow.update(batch)

            run.store.subscribe(update_both)
            for step in steps:
                act(step, run, view)
                await asyncio.sleep(step[1] if step[0] == "wait" else 0)
            server.down = False
            server.list_faults.clear()
            server.watch_faults.clear()
            await until(lambda: run.settled)
            await until(lambda: run.settled and not run.store._batch)
            for one in (view, narrow):
                fresh = View(run.store, one.sort, one.reverse, one.filter)
                assert one.uids == fresh.uids
            assert set(view.uids) == set(run.store.rows)

    asyncio.run(play())


# -- the pods of one node
async def test_a_node_narrows_the_pods_on_the_server() -> None:
    async with watched(ListServer(), Scope(("web",))) as each:
        each.server.put("web", "here", node="node-7")
        each.server.put("web", "there", node="node-8")
        await until(lambda: {"here", "there"} <= each.names)
        each.store.set_scope(Scope((), "", "node-7"))
        assert each.names == set()  # what is on which node is not known here
        await until(lambda: each.store.health.state == "live" and each.names == {"here"})
        assert each.server.lists[-1]["fieldSelector"] == each.server.watches[-1]["fieldSelector"] == "spec.nodeName=node-7"
        each.server.put("db", "late", node="node-7")
        each.server.put("web", "here", node="node-8")
        await until(lambda: each.names == {"late"})


async def test_leaving_a_node_shows_what_was_there_before_at_once() -> None:
    async with watched(ListServer(), Scope(("web",))) as each:
        each.server.put("web", "here", node="node-7")
        each.server.put("web", "there", node="node-8")
        await until(lambda: {"here", "there"} <= each.names)
        each.store.set_scope(Scope((), "", "node-7"))
        await until(lambda: each.names == {"here"})
        each.store.set_scope(Scope(("web",)))
        assert {"here", "there"} <= each.names
