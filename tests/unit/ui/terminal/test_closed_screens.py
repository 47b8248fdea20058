"""What is closed is let go of."""

from __future__ import annotations

import gc
import weakref

from textual.app import ComposeResult
from textual.events import Key
from textual.screen import ModalScreen
from textual.widgets import Static

from podtui.cluster.kubeconfig.contexts import Kubeconfig
from podtui.cluster.kubeconfig.settings import ConnectionSettings
from podtui.config import Config
from podtui.kube.resources import Scope
from podtui.ui.options import Options
from podtui.ui.terminal.app import TerminalApp
from tests.support.waiting import until


class Question(ModalScreen[None]):
    def compose(self) -> ComposeResult:
        yield Static("all the lines of a dialog")


def terminal_app() -> TerminalApp:
    return TerminalApp(Options(ConnectionSettings("here", "here", "me", "http://127.0.0.1:1"), Kubeconfig(), Scope(()), Config()))


async def test_a_key_that_comes_after_the_last_screen_has_closed_is_dropped() -> None:
    app = terminal_app()
    async with app.run_test():
        screens = app.screen_stack
        app._screen_stack.clear()
        await app.on_event(Key("q", "q"))
        assert not app.keys_wait
        app._screen_stack.extend(screens)


async def test_a_closed_screen_leaves_none_of_its_lines_in_memory() -> None:
    app = terminal_app()
    async with app.run_test(size=(80, 24)) as pilot:
        await app.push_screen(Question())
        await pilot.pause()
        painted = weakref.ref(app.screen.query_one(Static)._styles_cache)
        assert painted() is not None
        await app.pop_screen()

        def gone() -> bool:
            gc.collect()
            return painted() is None

        await until(gone, seconds=5)
