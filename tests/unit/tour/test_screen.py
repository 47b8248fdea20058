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
from podtui.ui.dialogs.dialog import Dialog
from podtui.ui.main.screen import MainScreen
from podtui.ui.options import Options
from tests.support.api_server import settings
from tests.support.waiting import until


class Asking(Dialog[None]):
    """A dialog whose server answers when it is told to."""

    def __init__(self) -> None:
        super().__init__("Ask", confirm="Ask")
        self.answer = asyncio.Event()

    async def submit(self) -> None:
        await self.answer.wait()
        self.dismiss()


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TourApp:
    """One whose walkthrough ends at once."""
    path = tmp_path / "t.yaml"
    path.write_text("title: T\nsteps: [{caption: c}]\n")

    async def play(app: TourApp) -> None:
        pass

    app = TourApp(Options(settings("https://127.0.0.1:1"), Kubeconfig(), Scope(()), Config()), check(path), "en", play)
    monkeypatch.setattr(app, "settled", lambda: asyncio.sleep(0))
    return app


async def test_a_walkthrough_opens_one_dashboard_and_one_session_and_closes_it_once(app: TourApp, monkeypatch: pytest.MonkeyPatch) -> None:
    """Textual runs the handlers of a class and of those it inherits from: one that calls the other runs it twice."""
    calls: list[str] = []

    async def close(self: Session) -> None:
        calls.append("closed")

    monkeypatch.setattr(Session, "start", lambda self: calls.append("started"))
    monkeypatch.setattr(Session, "close", close)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        assert app._playing is not None
        await app._playing
        assert [type(screen) for screen in app.screen_stack].count(MainScreen) == 1
    assert calls == ["started", "closed"]


async def test_no_key_is_pressed_into_a_dialog_that_waits_for_the_server(app: TourApp) -> None:
    dialog = Asking()
    async with app.run_test(size=(80, 24)) as pilot:
        app.push_screen(dialog)
        await pilot.pause()
        dialog.action_confirm()
        ready = asyncio.create_task(app.ready(60))
        await until(lambda: dialog.busy)
        await pilot.pause()
        assert not ready.done()
        dialog.answer.set()
        await ready
        assert app.screen is not dialog
