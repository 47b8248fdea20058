"""The dashboard with a caption bar: what it does more than the dashboard alone, and nothing twice."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from podtui.cluster.kubeconfig.contexts import Kubeconfig
from podtui.cluster.session import Session
from podtui.config import Config
from podtui.kube.resources import Scope
from podtui.tour.file import check
from podtui.tour.screen import TourApp
from podtui.ui.main.screen import MainScreen
from podtui.ui.options import Options
from tests.support.api_server import settings


async def test_a_walkthrough_opens_one_dashboard_and_one_session_and_closes_it_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Textual runs the handlers of a class and of those it inherits from: one that calls the other runs it twice."""
    path = tmp_path / "t.yaml"
    path.write_text("title: T\nsteps: [{caption: c}]\n")
    calls: list[str] = []

    async def close(self: Session) -> None:
        calls.append("closed")

    monkeypatch.setattr(Session, "start", lambda self: calls.append("started"))
    monkeypatch.setattr(Session, "close", close)
    played = asyncio.Event()

    async def play(app: TourApp) -> None:
        played.set()

    app = TourApp(Options(settings("https://127.0.0.1:1"), Kubeconfig(), Scope(()), Config()), check(path), "en", play)
    monkeypatch.setattr(app, "settled", lambda: asyncio.sleep(0))
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        await played.wait()
        assert [type(screen) for screen in app.screen_stack].count(MainScreen) == 1
    assert calls == ["started", "closed"]
