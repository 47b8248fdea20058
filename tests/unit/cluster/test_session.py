"""A session's own decisions, apart from what its lists and its connection do."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from podtui.cluster.connection.connection import Connection
from podtui.cluster.session import Session
from podtui.config import Config
from podtui.kube.resources import PODS, Scope
from tests.support.api_server import settings


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
