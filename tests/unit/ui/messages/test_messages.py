"""What podtui tells stands in one line until the next key, and in the history afterwards."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any, ClassVar

import pytest
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.events import MouseDown
from textual.pilot import Pilot
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Input, Static

from podtui.cluster.kubeconfig.contexts import Kubeconfig
from podtui.config import Config
from podtui.kube.resources import Scope
from podtui.ui.dialogs.dialog import Dialog
from podtui.ui.messages.history import History
from podtui.ui.messages.line import MessageLine, message_lines
from podtui.ui.messages.screen import MessagesScreen
from podtui.ui.options import Options
from podtui.ui.terminal.app import TerminalApp
from podtui.ui.terminal.picture import as_text
from podtui.ui.widgets.key_hints import KeyHints
from tests.support.waiting import until


class Below(Screen[None]):
    """A screen with the hints in its last line."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("x", "note", "Note", show=True)]

    def compose(self) -> ComposeResult:
        yield Static("\n".join(f"line {number}" for number in range(40)), id="lines")
        yield KeyHints()

    def on_mount(self) -> None:
        self.query_one("#lines").styles.height = "1fr"

    def action_note(self) -> None:
        self.app.notify("noted")


class Asking(Dialog[bool]):
    FIRST: ClassVar[str] = "#field"

    def compose_body(self) -> Iterable[Widget]:
        yield Input(id="field", compact=True)
        yield Static("\n".join(f"effect {number}" for number in range(30)))


class MessagesApp(TerminalApp):
    def __init__(self, options: Options) -> None:
        super().__init__(options)

    def on_mount(self) -> None:
        self.push_screen(Below())


@pytest.fixture
def options(tmp_path: Any) -> Options:
    path = tmp_path / "config"
    path.write_text(
        "{apiVersion: v1, kind: Config, current-context: c, contexts: [{name: c, context: {cluster: c, user: u}}],"
        " clusters: [{name: c, cluster: {server: 'http://127.0.0.1:9'}}], users: [{name: u, user: {}}]}"
    )
    kubeconfig = Kubeconfig.load(str(path))
    return Options(kubeconfig.settings(), kubeconfig, Scope(()), Config())


@asynccontextmanager
async def started(options: Options, size: tuple[int, int] = (80, 24)) -> AsyncIterator[tuple[MessagesApp, Pilot[Any]]]:
    app = MessagesApp(options)
    async with app.run_test(size=size) as pilot:
        await until(lambda: "Note" in as_text(app))
        yield app, pilot


def last(app: MessagesApp) -> str:
    return as_text(app).rstrip("\n").split("\n")[-1].rstrip()


def shows(app: MessagesApp, line: str) -> bool:
    return last(app) == line


async def test_a_message_stands_in_place_of_the_hints_until_the_next_key_which_acts_as_always(options: Options) -> None:
    async with started(options) as (app, pilot):
        assert last(app).startswith(" x Note")
        app.notify("pod/web-1 labeled", markup=False)
        await until(lambda: last(app) == " · pod/web-1 labeled" and "line 22" in as_text(app))  # every line that was there still is
        await pilot.press("x")
        await until(lambda: last(app) == " · noted")
        await pilot.press("y")
        await until(lambda: last(app).startswith(" x Note"))
        assert [said.text for said in app.messages.all] == ["pod/web-1 labeled", "noted"]


async def test_the_same_message_counts_up_and_a_click_clears_it(options: Options) -> None:
    async with started(options) as (app, _):
        for _ in range(3):
            app.notify("refused", severity="warning", markup=False)
        await until(lambda: last(app) == " ! refused (×3)")
        app.post_message(MouseDown(None, 3, 3, 0, 0, 1, False, False, False))
        await until(lambda: last(app).startswith(" x Note"))
        app.notify("refused", severity="warning", markup=False)
        await until(lambda: last(app) == " ! refused (×4)")
        assert len(app.messages) == 1


async def test_in_a_dialog_it_covers_neither_the_buttons_nor_what_is_typed(options: Options) -> None:
    async with started(options) as (app, pilot):
        app.push_screen(Asking("Delete pod web-1"))
        await until(lambda: "Esc cancels" in as_text(app))
        app.notify("the forward to web-1 has ended: " + "its pod is gone " * 9, severity="error", markup=False)
        await until(lambda: "✗ the forward" in as_text(app))
        await pilot.press(*"ab")
        app.notify("and another", markup=False)
        await until(lambda: "· and another" in as_text(app))
        shown = as_text(app)
        assert "Cancel" in shown and "ab" in shown and "Delete pod web-1" in shown and "╯" in shown
        await pilot.press("escape")
        await until(lambda: last(app).startswith(" x Note"))


async def test_a_message_told_while_a_screen_closes_stands_on_the_screen_below(options: Options) -> None:
    async with started(options) as (app, _):
        dialog = Asking("Delete pod web-1")
        app.push_screen(dialog)
        await until(lambda: "Esc cancels" in as_text(app))
        dialog.notify("deleted", markup=False)
        dialog.dismiss(True)
        await until(lambda: last(app) == " · deleted")


async def test_below_a_dialog_no_message_stands_that_was_told_before_it_opened(options: Options) -> None:
    async with started(options) as (app, pilot):
        app.notify("noted", markup=False)
        await until(shows, app, " · noted")
        app.push_screen(Asking("Delete pod web-1"))
        await until(
            lambda: "· noted" in as_text(app) and "Esc cancels" in as_text(app) and not app.screen_stack[-2].query_one(MessageLine).display
        )
        assert app.screen_stack[-2].query_one(KeyHints).display, "it moved into the dialog, until the next key"
        await pilot.press("a")
        await until(lambda: "noted" not in as_text(app))
        await pilot.press("escape")
        await until(lambda: last(app).startswith(" x Note"))


async def test_all_messages_are_in_the_history_newest_first(options: Options) -> None:
    async with started(options, (60, 20)) as (app, pilot):
        app.messages.add("first\nits second line", "information")
        app.messages.add("second", "error")
        app.push_screen(MessagesScreen(app.messages.all))
        await until(lambda: "2 messages, newest first" in as_text(app) and "its second line" in as_text(app))
        lines = [line.rstrip() for line in as_text(app).split("\n")]
        assert lines[1][10:] == "✗ second" and lines[2][10:] == "· first" and lines[3] == " " * 12 + "its second line"
        await pilot.press("escape")
        await until(lambda: "Note" in last(app))


def shown(history: History, width: int) -> list[str]:
    return ["".join(text for text, _ in line).rstrip() for line in message_lines(history.new, width, "M")]


def test_what_does_not_fit_in_three_lines_is_in_the_history_and_the_line_names_its_key() -> None:
    history = History()
    history.add("kept in /home/me/.local/state/podtui/kept/pod.yaml", "information")
    assert shown(history, 80) == [" · kept in /home/me/.local/state/podtui/kept/pod.yaml"]
    assert shown(history, 30) == [" · kept in", "   /home/me/.local/state/podtu", "   i/kept/pod.yaml"]
    for number in range(4):
        history.add(f"message {number}", "warning")
    assert [" ".join(line.split()) for line in shown(history, 40)] == ["! message 1", "! message 2", "! message 3 … all: M"]
    assert all(len(line) <= 40 for line in shown(history, 40))
    history.read()
    assert history.new == [] and shown(history, 40) == []
    history.add("가나다 " * 40, "error")
    assert len(shown(history, 24)) == 3 and shown(history, 24)[2].endswith("… all: M")


def test_a_warning_is_not_hidden_by_what_is_told_after_it() -> None:
    history = History()
    history.add("label pod/web is not in the journal: cannot write /home/me/journal.jsonl: No space left on device\nno undo", "warning")
    history.add("pod/web labeled", "information")
    lines = shown(history, 60)
    assert lines[0] == " ! label pod/web is not in the journal: cannot write"
    assert len(lines) == 3 and lines[2].startswith(" · pod/web labeled ") and lines[2].endswith(" … all: M")


def test_a_message_is_harmless_and_one_among_the_new_ones_goes_to_their_end() -> None:
    history = History()
    for text in ("a", "b", "a"):
        history.add(text, "information")
    assert [said.words for said in history.new] == ["b", "a (×2)"]
    history.read()
    history.add("b", "information")
    assert [said.words for said in history.new] == ["b"] and len(history) == 3
    history.add("\x1b[31mred\x9b", "error")
    assert shown(history, 80)[-1] == " ✗ ␛[31mred<9B>"


def test_a_note_is_in_the_history_and_does_not_take_the_line() -> None:
    history = History()
    history.add("new", "information")
    history.note("pods: stale: refused", "warning")
    assert [said.text for said in history.all] == ["pods: stale: refused", "new"]
    assert [said.text for said in history.new] == ["new"]


async def test_there_is_one_line_however_often_it_is_needed(options: Options) -> None:
    async with started(options) as (app, pilot):
        for number in range(5):
            app.notify(f"message {number}", markup=False)
            await until(shows, app, f" · message {number}")
            await pilot.press("y")
        assert len(app.screen.query(MessageLine)) == 1
