"""A session's own decisions, apart from what its lists and its connection do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from podtui.cluster.connection.connection import Connection
from podtui.cluster.session import Session
from podtui.config import Config, ForwardConfig
from podtui.errors import ConnectionFailed
from podtui.kube.resources import PODS, Scope
from tests.support.api_server import ApiServer, serving, settings
from tests.support.list_server import ListServer, refusal
from tests.support.waiting import until


async def test_read_only_that_is_turned_on_while_the_connection_opens_still_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    opening, go = asyncio.Event(), asyncio.Event()
    original = Connection.open

    async def slow(*arguments: Any, **options: Any) -> Connection:
        opening.set()
        await go.wait()
        return await original(*arguments, **options)

    monkeypatch.setattr(Connection, "open", slow)
    session = Session(settings("http://127.0.0.1:1"), Scope(("web",)), config=Config())
    opened = asyncio.Event()
    session.opened_signal.subscribe(lambda _: opened.set())
    session.start()
    await opening.wait()
    assert not session.read_only and session.read_only_refusal == ""
    session.read_only = True
    go.set()
    await opened.wait()
    try:
        assert session.opened.read_only and session.read_only
        assert session.read_only_refusal == "podtui is read-only (r turns it off)"
    finally:
        await session.close()


async def test_a_session_that_is_left_before_it_starts_does_nothing(caplog: pytest.LogCaptureFixture) -> None:
    session = Session(settings("http://127.0.0.1:1"), Scope(("web",)), config=Config())
    await session.close()
    session.start()
    session.close_list(session.open_list(PODS))
    for _ in range(3):
        await asyncio.sleep(0)
    assert session.connection is None and len(asyncio.all_tasks()) == 1
    await session.close()
    assert caplog.records == []


@asynccontextmanager
async def opened(scope: Scope) -> AsyncIterator[tuple[Session, ListServer, ListServer]]:
    """A session with a server of pods in the namespaces `web` and `db`, and the two tables of the server."""
    server = ApiServer()
    server.tables["pods"], server.tables["namespaces"] = pods, namespaces = ListServer(), ListServer()
    for name in ("web", "db", "default"):
        namespaces.put("", name)
        pods.put(name, f"{name}-pod")
    async with serving(server) as url:
        session = Session(settings(url), scope, config=Config())
        session.start()
        try:
            yield session, pods, namespaces
        finally:
            await session.close()


def shown(session: Session) -> set[str]:
    return {row.name for row in session.pods.rows.values()} if session.pods.health.state == "live" else set()


@pytest.mark.parametrize("by_key", [False, True])
async def test_all_namespaces_that_are_refused_for_a_moment_come_back(by_key: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("podtui.cluster.session._ALL_AGAIN", 1000.0 if by_key else 0.05)
    async with opened(Scope()) as (session, pods, _):
        said: list[str] = []
        session.notices.subscribe(said.append)
        pods.refusals[""] = refusal(403, "Forbidden")
        await until(lambda: shown(session) == {"default-pod"})
        pods.refusals.clear()
        if by_key:
            session.refresh()
        await until(lambda: shown(session) == {"web-pod", "db-pod", "default-pod"})
        assert [line.partition(":")[0] for line in said] == [
            "you may not list pods in all namespaces",
            "you may list pods in all namespaces again",
        ]


async def test_a_namespace_that_the_user_chose_meanwhile_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("podtui.cluster.session._ALL_AGAIN", 0.05)
    async with opened(Scope()) as (session, pods, _):
        pods.refusals[""] = refusal(403, "Forbidden")
        await until(lambda: shown(session) == {"default-pod"})
        session.show(namespaces=("web",))
        pods.refusals.clear()
        await until(lambda: shown(session) == {"web-pod"})
        session.refresh()
        await asyncio.sleep(0.2)
        assert session.pods.scope.namespaces == ("web",)


async def test_a_namespace_that_was_there_is_called_deleted() -> None:
    async with opened(Scope(("web", "nope"))) as (session, pods, namespaces):
        assert session.missing_namespaces == {}, "nothing is known yet"
        await until(lambda: shown(session) and session.missing_namespaces == {"nope": "not found"})
        pods.delete("web", "web-pod")
        namespaces.delete("", "web")
        await until(lambda: session.missing_namespaces == {"web": "deleted", "nope": "not found"})


async def test_an_unexpected_error_while_connecting_is_told_and_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("podtui.tasks._DELAY_FIRST", 0.01)
    original, faults = Connection.open, [ZeroDivisionError("x"), RecursionError("y")]

    async def faulty(*arguments: Any, **options: Any) -> Connection:
        if faults:
            raise faults.pop(0)
        return await original(*arguments, **options)

    monkeypatch.setattr(Connection, "open", faulty)
    errors: list[str] = []
    async with opened(Scope(("web",))) as (session, _, _):
        session.opened_signal.subscribe(lambda error: errors.append("" if error is None else error.what))
        await until(lambda: shown(session) == {"web-pod"})
        assert [("ZeroDivisionError" in one, "RecursionError" in one) for one in errors] == [(True, False), (False, True), (False, False)]


async def test_lists_that_wake_each_other_keep_their_floor() -> None:
    """Both lists' watches are accepted and end at once: neither is asked for more often because the other was live for a moment."""
    async with opened(Scope(("web",))) as (session, pods, namespaces):
        await until(lambda: shown(session) and session.namespaces.known)
        for table in (pods, namespaces):
            table.watch_lines = [b""] * 1000
            table.cut(ConnectionFailed("reset"))
        before = [table.requests for table in (pods, namespaces)]
        await until(lambda: session.pods.health.state == session.namespaces.health.state == "polling")
        asked = [table.requests - count for table, count in zip((pods, namespaces), before, strict=True)]
        assert max(asked) <= 8


async def test_a_saved_forward_that_cannot_start_with_podtui_says_so() -> None:
    server = ApiServer()
    server.tables["pods"], server.tables["namespaces"] = ListServer(), ListServer()
    elsewhere = ForwardConfig(ports=["8080"], pod="db-0", context="prod-*", start=True)
    nowhere = ForwardConfig(ports=["0:8080"], pod="db-0", address="203.0.113.1", start=True)
    async with serving(server) as url:
        session = Session(settings(url), Scope(("web",)), config=Config(forwards={"away": elsewhere, "db": nowhere}))
        said: list[str] = []
        session.notices.subscribe(said.append)
        session.start()
        try:
            await until(lambda: any(line.startswith("forward db: ") for line in said))
        finally:
            await session.close()
    assert not any("away" in line for line in said)
