"""The logs pane by its keys, over the small log server."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from textual.app import App, ComposeResult
from textual.binding import Binding
from textual.pilot import Pilot
from textual.widgets import Static

from podtui.cluster.logs.group import LogTarget
from podtui.errors import PodtuiError
from podtui.signals import Signal
from podtui.ui.logs.chart import LogChart
from podtui.ui.logs.pane import LogsPane
from podtui.ui.widgets.entry_bar import EntryBar
from podtui.ui.widgets.row_table import RowTable
from podtui.ui.widgets.text_line import TextLine
from tests.support.api_server import connected
from tests.support.log_server import REF, ContainerRun, LogServer
from tests.support.waiting import until
from tests.unit.cluster.logs.test_follower import numbered, stamp


class PaneApp(App[None]):
    BINDINGS = [Binding("escape,q", "back", "Back")]  # noqa: RUF012 - as Textual has it

    def __init__(self, session: Any, **options: Any) -> None:
        super().__init__()
        self.pane = LogsPane(session, **options)
        self.backs = 0

    def check_path(self, path: str) -> None:
        if path.endswith("forbidden"):
            raise PodtuiError("the walkthrough x may use files in its own folder only")

    def compose(self) -> ComposeResult:
        yield self.pane

    async def action_back(self) -> None:
        self.backs += 1

    @property
    def lines(self) -> list[str]:
        """The view's lines on the screen."""
        view = self.pane.view
        return ["".join(segment.text for segment in view.render_line(y))[2:-1].rstrip() for y in range(view.size.height)]

    @property
    def title_line(self) -> str:
        return self.pane.query_one("#logs-title", TextLine).text

    @property
    def foot(self) -> str:
        return self.pane.query_one("#logs-foot", TextLine).text

    @property
    def told(self) -> list[str]:
        return [notification.message for notification in self._notifications]


@asynccontextmanager
async def pane(server: LogServer, size: tuple[int, int] = (80, 12), **options: Any) -> AsyncIterator[tuple[PaneApp, Pilot[None]]]:
    async with connected(server) as connection:
        app = PaneApp(SimpleNamespace(connection=connection, error=None, opened_signal=Signal()), **options)
        async with app.run_test(size=size) as pilot:
            app.pane.focus()
            yield app, pilot


def running(count: int = 50) -> LogServer:
    server = LogServer()
    server.current = ContainerRun("c1", numbered(count))
    return server


async def test_the_end_of_the_log_is_followed() -> None:
    server = running()
    async with pane(server, log_tail=20) as (app, _):
        app.pane.follow(LogTarget((REF,)))
        await until(lambda: "line 49" in app.lines and "following" in app.title_line)
        assert "web-1  app (1 of 2)" in app.title_line
        assert "20 lines  last 20" in app.foot
        server.run.lines += numbered(1, start=50)
        server.changes()
        await until(lambda: app.lines[-1] == "line 50")


async def test_up_stands_still_and_says_how_much_came_since() -> None:
    server = running()
    async with pane(server) as (app, pilot):
        app.pane.follow(LogTarget((REF,)))
        await until(lambda: "line 49" in app.lines)
        await pilot.press("up")
        server.run.lines += numbered(5, start=50)
        server.changes()
        await until(lambda: "paused, 6 below" in app.title_line)
        assert app.lines[-1] == "line 48"
        await pilot.press("s")
        await until(lambda: "following" in app.title_line and app.lines[-1] == "line 54")
        await pilot.press("s")
        await until(lambda: "paused" in app.title_line)
        await pilot.press("G")
        await until(lambda: "following" in app.title_line)
        await pilot.press("g")
        await until(lambda: app.lines[0] == "line 0")


async def test_times_go_from_none_to_local_utc_and_relative_and_lines_wrap() -> None:
    server = LogServer()
    server.current = ContainerRun("c1", [(stamp(1), "x" * 60)])
    at = f"{stamp(1)[:23]}Z"
    async with pane(server, size=(53, 8)) as (app, pilot):
        app.pane.follow(LogTarget((REF,)))
        await until(lambda: app.lines[0] == "x" * 50)
        await pilot.press("t")
        assert app.foot.rstrip().endswith("times local")
        assert app.lines[0][10:19] == at[10:11] + app.lines[0][11:19] and app.lines[0].endswith("x" * 20)
        await pilot.press("t")
        assert app.lines[0] == f"{at} {'x' * 25}"
        await pilot.press("w")
        assert app.lines[:3] == [f"{at} {'x' * 25}", "x" * 35, ""]
        await pilot.press("t")
        assert app.foot.rstrip().endswith("times relative")
        assert app.lines[0].split()[0].endswith("d")
        await pilot.press("t", "w", "right")
        assert "column 13" in app.foot and "times" not in app.foot


async def test_the_range_is_chosen_by_digits() -> None:
    server = running()
    async with pane(server, log_tail=7) as (app, pilot):
        app.pane.follow(LogTarget((REF,)))
        await until(lambda: "7 lines  last 7" in app.foot)
        await pilot.press("1")
        await until(lambda: "50 lines  from the beginning" in app.foot and app.lines[0] == "line 0")
        assert "paused" in app.title_line
        for key, words in zip("23456", ("minute", "5 minutes", "15 minutes", "30 minutes", "hour"), strict=True):
            await pilot.press(key)
            await until(lambda words: f"last {words}" in app.foot and "following" in app.title_line, words)
        await pilot.press("0")
        await until(lambda: "7 lines  last 7" in app.foot)
    asked = [(query.get("tailLines"), query.get("sinceSeconds")) for query in server.queries if "sinceTime" not in query]
    assert asked == [("7", None), (None, None), (None, "60"), (None, "300"), (None, "900"), (None, "1800"), (None, "3600"), ("7", None)]


async def test_the_container_is_chosen_from_a_list() -> None:
    server = running()
    async with pane(server) as (app, pilot):
        app.pane.follow(LogTarget((REF,), containers=("app",)))
        await until(lambda: "line 49" in app.lines)
        await pilot.press("c")
        await until(lambda: len(app.screen.query("#sources")) == 1)
        table = app.screen.query_one("#sources", RowTable)
        assert [key.split()[1] for key in table.keys] == ["app", "side"]
        assert [key.split()[1] for key in table.marked] == ["app"]
        await pilot.press("j", "enter")
        await until(lambda: "side (2 of 2)" in app.title_line and "line 49" in app.lines)
        await pilot.press("c")
        await until(lambda: len(app.screen.query("#sources")) == 1)
        await pilot.press("escape")
        assert "side (2 of 2)" in app.title_line
        assert app.backs == 0


async def test_containers_are_read_together_hidden_and_shown() -> None:
    server = running(5)
    async with pane(server) as (app, pilot):
        app.pane.follow(LogTarget((REF,)))
        await until(lambda: "line 4" in app.lines)
        await pilot.press("c", "j", "space", "escape")  # the other one too
        await until(lambda: "2 of 2 containers" in app.title_line and len(app.pane.view.browser.buffer) == 10)
        await until(lambda: app.lines.count("app │ line 4") == app.lines.count("side│ line 4") == 1)
        assert "10 lines" in app.foot
        await pilot.press("c")
        await until(lambda: len(app.screen.query("#sources")) == 1)
        await pilot.press("g", "space", "escape")
        await until(lambda: "side (2 of 2)" in app.title_line and app.lines[:5] == [f"line {number}" for number in range(5)])
        assert "5 of 10 lines" in app.foot
        await pilot.press("2")  # hidden stays hidden when it is read again
        await until(lambda: "5 of 10 lines  last minute" in app.foot and "side (2 of 2)" in app.title_line)
        await pilot.press("c")
        await until(lambda: len(app.screen.query("#sources")) == 1)
        await pilot.press("ctrl+a", "escape")
        await until(lambda: "2 of 2 containers" in app.title_line)


async def test_all_containers_and_back_by_one_key() -> None:
    server = running(5)
    async with pane(server) as (app, pilot):
        app.pane.follow(LogTarget((REF,)))
        await until(lambda: "line 4" in app.lines)
        await pilot.press("a")
        await until(lambda: "app │ line 4" in app.lines and "side│ line 4" in app.lines and "2 of 2 containers" in app.title_line)
        await pilot.press("a")
        await until(lambda: "app (1 of 2)" in app.title_line and app.lines[4] == "line 4")


async def test_several_sources_are_saved_with_their_names_those_kept_here_and_those_of_the_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    server = running(5)
    async with pane(server, log_tail=2) as (app, pilot):
        app.pane.follow(LogTarget((REF,)))
        await until(lambda: "line 4" in app.lines)
        await pilot.press("a")
        await until(lambda: len(app.pane.view.browser.buffer) == 4)
        path = tmp_path / "web-1-log.log"
        await pilot.press("ctrl+s", "enter")
        await until(lambda: path.exists() and app.told)
        assert sorted(path.read_text().splitlines()) == [f"[pod/web-1/{name}] line {line}" for name in ("app", "side") for line in (3, 4)]
        await pilot.press("ctrl+s", "ctrl+s", "ctrl+s", "enter", "enter")
        await until(lambda: len(app.told) == 2)
        lines = path.read_text().splitlines()
        assert sorted(lines) == [f"[pod/web-1/{name}] line {line}" for name in ("app", "side") for line in range(5)]
        assert [line[-1] for line in lines] == list("0011223344")  # in the order of their times


async def test_the_log_of_the_previous_run_is_shown_and_left_again() -> None:
    server = running(3)
    server.previous = ContainerRun("c0", [(stamp(0), "before")], exit_code=137, reason="OOMKilled")
    async with pane(server) as (app, pilot):
        app.pane.follow(LogTarget((REF,)), previous=True)
        await until(lambda: app.lines[0] == "before" and "ended" in app.title_line)
        assert "previous run" in app.title_line
        assert "ended: exit code 137, OOMKilled" in app.foot
        await pilot.press("p")
        await until(lambda: "line 2" in app.lines and "previous" not in app.title_line)
        await pilot.press("p")
        await until(lambda: app.lines[0] == "before")


async def test_searching_goes_by_keys_and_esc_ends_it_before_it_leaves() -> None:
    server = running()
    async with pane(server) as (app, pilot):
        app.pane.follow(LogTarget((REF,)))
        await until(lambda: "line 49" in app.lines)
        await pilot.press("slash")
        await pilot.press("0", "enter")  # a digit goes to the input, not to the range
        await until(lambda: "/0  5 of 5" in app.foot)
        await pilot.press("N")
        await until(lambda: "/0  4 of 5" in app.foot and "line 30" in app.lines)
        await pilot.press("n", "n")
        await until(lambda: "the search continued at the beginning" in app.foot)
        await pilot.press("ampersand")
        await until(lambda: app.lines[:6] == ["line 0", "line 10", "line 20", "line 30", "line 40", ""])
        assert "only matches" in app.foot
        await pilot.press("slash")
        await pilot.press("ctrl+u", *"nowhere", "enter")
        await until(lambda: app.lines[0].strip() == "" and any("no line matches nowhere" in line for line in app.lines))
        await pilot.press("slash")
        await pilot.press("ctrl+u", "0", "enter")
        await until(lambda: app.lines[1] == "line 10")
        await pilot.press("slash")
        assert app.pane.query_one("#logs-search", EntryBar).value == "0"
        await pilot.press("escape")
        assert app.lines[1] == "line 10"
        assert app.backs == 0
        await pilot.press("escape")
        await until(lambda: "only matches" not in app.foot and "/" not in app.foot)
        assert app.backs == 0
        await pilot.press("escape")
        assert app.backs == 1


async def test_a_wrong_expression_stays_in_the_input_with_its_error() -> None:
    async with pane(running()) as (app, pilot):
        app.pane.follow(LogTarget((REF,)))
        await until(lambda: "line 49" in app.lines)
        await pilot.press("slash", *"~a[")
        await pilot.press("enter")
        bar = app.pane.query_one("#logs-search", EntryBar)
        assert (bar.display, bar.value) == (True, "~a[")
        assert "not a regular expression" in str(bar.error)
        assert (
            app.pane.view.browser.cursor.pattern is not None and app.pane.view.browser.cursor.pattern.text == "~a"
        )  # what could be searched for while it was typed


async def test_keys_that_need_a_search_say_so() -> None:
    async with pane(running()) as (app, pilot):
        app.pane.follow(LogTarget((REF,)))
        await until(lambda: "line 49" in app.lines)
        await pilot.press("n")
        await until(lambda: "no search: / starts one" in app.foot)
        await pilot.press("ampersand")
        await until(lambda: "search with / first" in app.foot)


async def test_the_lines_are_saved_to_a_file_and_an_old_one_is_not_overwritten_unasked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with pane(running()) as (app, pilot):
        app.pane.follow(LogTarget((REF,)))
        await until(lambda: "line 49" in app.lines)
        await pilot.press("ctrl+s")
        assert app.pane.query_one("#logs-save", EntryBar).value == "./web-1-app.log"
        await pilot.press("enter")
        await until(lambda: app.told)
        path = tmp_path / "web-1-app.log"
        assert app.told == [f"50 lines saved to {path}"]
        assert path.read_text() == "".join(f"line {number}\n" for number in range(50))
        assert path.stat().st_mode & 0o777 == 0o600
        path.write_text("mine")
        await pilot.press("ctrl+s", "enter")
        await until(lambda: "already exists: Enter again overwrites it" in app.foot)
        assert path.read_text() == "mine"
        await pilot.press("enter")
        await until(lambda: len(app.told) == 2)
        assert path.read_text().endswith("line 49\n")


async def test_a_file_that_cannot_be_written_is_an_error_in_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    async with pane(running()) as (app, pilot):
        app.pane.follow(LogTarget((REF,)))
        await until(lambda: "line 49" in app.lines)
        await pilot.press("ctrl+s", "ctrl+u", *"nowhere/x.log", "enter")
        bar = app.pane.query_one("#logs-save", EntryBar)
        assert "there is no folder nowhere" in str(bar.error)
        assert app.told == []


async def test_an_error_of_the_log_stands_in_place_of_its_lines() -> None:
    server = LogServer()
    server.refusals = [(403, 'pods "web-1" is forbidden: User "ann" cannot get resource "pods/log"')]
    server.current = ContainerRun("c1")
    async with pane(server) as (app, _):
        app.pane.follow(LogTarget((REF,)))
        await until(lambda: "failed" in app.title_line)
        assert app.lines[1].strip() == "no logs"
        assert 'User "ann" cannot get resource' in app.lines[2]


async def test_a_waiting_container_is_reported_with_its_reason() -> None:
    server = LogServer()
    server.waiting = {"reason": "ImagePullBackOff"}
    async with pane(server) as (app, _):
        app.pane.follow(LogTarget((REF,)))
        await until(lambda: "waiting" in app.title_line)
        assert "is waiting to start: ImagePullBackOff" in app.foot
        assert app.lines[1].strip().startswith("no lines yet")


async def test_a_lost_server_is_counted_down_and_the_lines_stay() -> None:
    server = running(5)
    async with pane(server) as (app, _):
        app.pane.follow(LogTarget((REF,)))
        await until(lambda: "line 4" in app.lines)
        server.pod_refusals = [(503, "the server is not ready")] * 3
        server.run.exit_code = 0
        server.changes()
        await until(lambda: "reconnecting in" in app.title_line)
        assert "the server is not ready" in app.foot
        assert "line 4" in app.lines


async def test_another_pod_takes_the_place_of_the_first_and_none_stops() -> None:
    server = running(5)
    async with pane(server) as (app, pilot):
        app.pane.follow(LogTarget((REF,)))
        await until(lambda: "line 4" in app.lines)
        await pilot.press("slash")
        await pilot.press("4", "enter")
        app.pane.follow(LogTarget((REF,)))
        await until(lambda: "5 lines" in app.foot and "/4" not in app.foot)
        app.pane.follow(None)
        await pilot.pause(0.3)
        assert app.title_line.strip() == "Logs"
        assert app.lines[1].strip() == "no pod selected"
        assert not [worker for worker in app.workers if worker.group == "logs" and worker.is_running]


async def test_the_pane_waits_for_the_connection() -> None:
    server = running(3)
    async with connected(server) as connection:
        session = SimpleNamespace(connection=None, error=PodtuiError("token.txt is gone"), opened_signal=Signal())
        app = PaneApp(session)
        async with app.run_test(size=(80, 10)) as pilot:
            app.pane.follow(LogTarget((REF,)))
            await pilot.pause(0.3)
            assert "connecting: token.txt is gone" in app.foot
            session.connection = connection
            session.opened_signal.emit(None)
            for _ in range(100):
                if "line 2" in app.lines:
                    break
                await pilot.pause(0.02)
            assert app.lines[:3] == ["line 0", "line 1", "line 2"]


async def test_untrusted_lines_reach_the_screen_harmless() -> None:
    server = LogServer()
    server.current = ContainerRun("c1", [(stamp(0), "[bold]a[/] \x1b[31mred\x1b[0m \x1b]0;title\x07 \u202eevil")])
    async with pane(server) as (app, _):
        app.pane.follow(LogTarget((REF,)))
        await until(lambda: app.lines[0])
        assert app.lines[0] == "[bold]a[/] red ␛]0;title␇ <U+202E>evil"


def written(*texts: str) -> LogServer:
    """A running container that wrote these lines, one a minute."""
    server = LogServer()
    server.current = ContainerRun("c1", [(stamp(60 * 10**9 * place), text) for place, text in enumerate(texts)])
    return server


JSON = [
    '{"level":"info","msg":"served","status":200,"path":"/"}',
    '{"level":"error","msg":"failed","status":503,"path":"/cart"}',
    '{"level":"info","msg":"served","status":200,"path":"/cart"}',
    '{"level":"warn","msg":"slow","status":200,"path":"/x"}',
]


async def test_a_filter_on_fields_leaves_lines_out_and_shows_some_around_again() -> None:
    async with pane(written(*JSON, "no record")) as (app, pilot):
        app.pane.follow(LogTarget((REF,)))
        await until(lambda: "no record" in app.lines)
        await pilot.press("f", *"sta")
        await until(lambda: app.pane.query_one("#logs-filter", EntryBar).candidates)
        await pilot.press("tab", *">=500", "enter")
        await until(lambda: app.lines[:2] == [JSON[1], ""])
        assert "fields status>=500  1 of 5 lines" in app.foot
        await pilot.press("C")
        await until(lambda: app.lines[:4] == [*JSON[:3], ""])
        assert "±1" in app.foot
        assert "fields status>=500  1 of 5 lines" in app.foot  # the lines around it do not satisfy the filter
        await pilot.press("f", "ctrl+u", *"level>=", "enter")
        assert app.pane.query_one("#logs-filter", EntryBar).display
        await pilot.press(*"fatal", "enter")
        await until(lambda: any("no line has level>=fatal" in line for line in app.lines))
        await pilot.press("escape")
        await until(lambda: "no record" in app.lines)
        assert app.backs == 0


LONG = (
    'failed to try resolving symlinks in path "/var/log/pods/shop_web-1_0a1b2c/app/0.log": lstat /var/log/pods/shop_web-1/app/0.log: gone'
)


async def test_a_complaint_is_shown_to_its_end_among_the_lines_and_not_again_at_the_foot() -> None:
    """Its end is the cause."""
    server = running()
    async with pane(server) as (app, pilot):
        app.pane.follow(LogTarget((REF,)))
        await until(lambda: "line 49" in app.lines)
        server.complaint = LONG.encode()
        server.abort()
        await until(lambda: app.pane.status.state == "reconnecting" and "gone" in app.pane.status.why)
        await until(lambda: "".join(app.lines).replace(" ", "").endswith("gone──"))
        assert not app.pane.query_one("#logs-why", Static).display
        assert "gone" not in app.foot and "50 lines" in app.foot
        await pilot.press("right")  # lines scroll sideways, a remark stays whole
        assert "".join(app.lines).replace(" ", "").endswith("gone──")


async def test_a_long_error_that_is_not_among_the_lines_is_shown_to_its_end_at_the_foot() -> None:
    server = running()
    async with pane(server) as (app, _):
        app.pane.follow(LogTarget((REF,)))
        await until(lambda: "line 49" in app.lines)
        server.refusals = [(500, LONG)] * 100
        server.abort()
        why = app.pane.query_one("#logs-why", Static)
        await until(lambda: why.display and str(why.render()).strip() == f"reconnecting: {LONG}")
        assert "gone" not in app.foot and "50 lines" in app.foot


async def test_a_long_error_in_place_of_lines_is_wrapped() -> None:
    server = LogServer()
    server.current = ContainerRun("c1", numbered(1))
    server.refusals = [(403, LONG)]
    async with pane(server) as (app, _):
        app.pane.follow(LogTarget((REF,)))
        await until(lambda: any(line.endswith("gone") for line in app.lines))
        assert not app.pane.query_one("#logs-why", Static).display


async def test_q_goes_back_one_as_esc_does() -> None:
    async with pane(written(*JSON)) as (app, pilot):
        app.pane.follow(LogTarget((REF,)))
        await until(lambda: len(app.lines) >= 4 and app.lines[3])
        await pilot.press("slash", *"cart", "enter", "f", *"level>=warn", "enter", "v", "H")
        await until(lambda: app.pane.query_one(LogChart).has_focus)
        await pilot.press("q")
        assert not app.pane.query_one(LogChart).display
        for still in ((True, True), (False, True), (False, False)):
            await pilot.press("q")
            assert app.pane.view.browser.selection is None
            assert (app.pane.view.browser.cursor.pattern is not None, app.pane.view.browser.choice.fields is not None) == still
            assert app.backs == 0
        await pilot.press("q")
        assert app.backs == 1


async def test_what_matches_is_shown_alone_left_out_or_with_lines_around() -> None:
    async with pane(running()) as (app, pilot):
        app.pane.follow(LogTarget((REF,)))
        await until(lambda: "line 49" in app.lines)
        await pilot.press("slash", *"line 30")
        await until(lambda: "line 30" in app.lines)  # while it is typed
        await pilot.press("enter", "ampersand", "C")
        await until(lambda: app.lines[:4] == ["line 29", "line 30", "line 31", ""])
        await pilot.press("ampersand")
        await until(lambda: "no matches" in app.foot)
        await pilot.press("G")
        assert "line 49" in app.lines
        await pilot.press("pageup", "pageup")
        assert "line 29" in app.lines and "line 30" not in app.lines and "line 31" in app.lines
        await pilot.press("ampersand")
        assert "no matches" not in app.foot


async def test_leaving_the_search_brings_the_view_back_to_where_it_was() -> None:
    async with pane(running()) as (app, pilot):
        app.pane.follow(LogTarget((REF,)))
        await until(lambda: "line 49" in app.lines)
        await pilot.press("slash", *"line 3")
        await until(lambda: "line 39" in app.lines and not app.pane.view.browser.window.following)
        await pilot.press("escape")
        await until(lambda: "line 49" in app.lines)
        assert app.pane.view.browser.window.following and app.pane.view.browser.cursor.pattern is None


async def test_an_expression_that_takes_too_long_is_given_up_and_keys_go_on() -> None:
    async with pane(written(*["a" * 60 + "b"] * 8)) as (app, pilot):
        app.pane.follow(LogTarget((REF,)))
        await until(lambda: "8 lines" in app.foot)
        await pilot.press("slash", *"~(a+)+$", "enter")
        await until(lambda: "abandoned: the expression takes too long" in app.foot)
        await pilot.press("w")
        assert "wrap" in app.foot


async def test_records_stand_in_columns_or_indented() -> None:
    async with pane(written(*JSON, "no record"), size=(80, 34)) as (app, pilot):
        app.pane.follow(LogTarget((REF,)))
        await until(lambda: "no record" in app.lines)
        await pilot.press("j")
        columns = app.pane.query_one("#logs-columns", TextLine)
        assert columns.text.split() == ["LEVEL", "MESSAGE", "STATUS", "PATH"]
        assert app.lines[:2] == ["info   served   200     /", "error  failed   503     /cart"]
        assert "columns" in app.foot
        await pilot.press("j")
        assert not columns.display
        assert app.lines[:4] == ["info   served", "    status: 200", "    path: /", "error  failed"]
        await pilot.press("j")
        assert app.lines[0] == JSON[0]


async def test_severe_lines_have_a_sign_beside_the_colour() -> None:
    async with pane(written("INFO a", "WARN b", "\x1b[31mERROR\x1b[0m c")) as (app, _):
        app.pane.follow(LogTarget((REF,)))
        await until(lambda: "ERROR c" in app.lines)
        strips = [app.pane.view.render_line(y) for y in range(3)]
        assert ["".join(segment.text for segment in strip)[:2] for strip in strips] == ["  ", " !", " ✗"]
        own = next(segment for segment in strips[2] if segment.text == "ERROR")
        assert (
            own.style is not None and own.style.color is not None and own.style.color.number == 1
        )  # the program's own red lies over that of the level


async def test_marks_are_gone_to_and_a_time_is_jumped_to() -> None:
    async with pane(written(*(f"line {number}" for number in range(40)))) as (app, pilot):
        app.pane.follow(LogTarget((REF,)))
        await until(lambda: "line 39" in app.lines)
        await pilot.press("m")  # the last line, while the end is followed
        await pilot.press("at", *"2026-01-01T00:10:00Z", "enter")
        await until(lambda: "line 10" in app.lines and "from 2026-" in app.foot)
        await pilot.press("g", "m")
        assert "2 marks" in app.foot
        await pilot.press("right_square_bracket")
        await until(lambda: "line 39" in app.lines)
        await pilot.press("left_square_bracket")
        await until(lambda: app.lines[0] == "line 0")
        await pilot.press("at", *"2025-01-01", "enter")
        await until(lambda: "before the oldest line" in app.foot)


async def test_selected_lines_are_copied_or_saved_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TMUX", "/tmp/tmux-0/default")
    async with pane(running()) as (app, pilot):
        copied: list[str] = []
        monkeypatch.setattr(app, "copy_to_clipboard", copied.append)
        app.pane.follow(LogTarget((REF,)))
        await until(lambda: "line 49" in app.lines)
        await pilot.press("v", "up", "up")
        await pilot.press("enter")
        assert copied == ["line 47\nline 48\nline 49\n"]
        assert "3 lines sent" in app.told[0] and "tmux set -s set-clipboard on" in app.told[0]
        await pilot.press("v", "g", "ctrl+s")
        assert "the 41 selected lines" in app.foot  # from the first one in view up to the oldest
        await pilot.press("enter")
        await until(lambda: len(app.told) > 1)
        assert (tmp_path / "web-1-app.log").read_text().startswith("line 0\nline 1\n")
        await pilot.press("escape")
        assert app.pane.view.browser.selection is None and app.backs == 0


async def test_the_whole_log_of_the_server_is_saved_whatever_is_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    async with pane(running(), log_tail=5) as (app, pilot):
        app.pane.follow(LogTarget((REF,)))
        await until(lambda: "5 lines" in app.foot)
        server_end = numbered(50)
        await pilot.press("slash", *"line 47", "enter", "ampersand")
        await pilot.press("ctrl+s")
        await pilot.press("enter")
        await until(lambda: app.told)
        assert (tmp_path / "web-1-app.log").read_text() == "line 47\n"
        await pilot.press("ctrl+s", "ctrl+s", "ctrl+s", *"2", "enter")
        await until(lambda: len(app.told) == 2)
        assert (tmp_path / "web-1-app.log2").read_text() == "".join(f"{text}\n" for _, text in server_end)


async def test_scrolling_up_at_the_oldest_line_reads_older_ones_from_the_server() -> None:
    async with pane(running(30), log_tail=20) as (app, pilot):
        app.pane.follow(LogTarget((REF,)))
        await until(lambda: "20 lines" in app.foot)
        await pilot.press("g")
        await until(lambda: "10 older lines were read" in app.foot)
        assert app.lines[0] == "line 10"  # what was in view
        await pilot.press("g")
        await until(lambda: "beginning of the log" in app.foot)
        assert app.lines[0] == "line 0"
        assert app.pane.view.browser.buffer.end - app.pane.view.browser.buffer.first == 30


async def test_the_histogram_moves_the_view_through_time() -> None:
    lines = [f"{'ERROR' if number in (7, 20) else 'INFO'} line {number}" for number in range(40)]
    async with pane(written(*lines), size=(80, 18)) as (app, pilot):
        app.pane.follow(LogTarget((REF,)))
        await until(lambda: any("line 39" in line for line in app.lines))
        await pilot.press("H")
        chart = app.pane.query_one("#logs-chart", LogChart)
        await until(lambda: sum(bucket.lines for bucket in chart.buckets) == 40)
        await pilot.press("N")
        await until(lambda: "ERROR line 20" in app.lines)
        axis = "".join(segment.text for segment in chart.render_line(4))
        assert "1 line, 1 error" in axis
        await pilot.press("N", "left")
        await until(lambda: any("line 7" in line for line in app.lines))
        await pilot.press("enter", "slash")  # back at the lines
        assert app.pane.query_one("#logs-search", EntryBar).display and chart.display
        await pilot.press("escape", "H")
        assert not chart.display


async def test_lines_are_read_again_since_a_time() -> None:
    server = running()
    async with pane(server) as (app, pilot):
        app.pane.follow(LogTarget((REF,)))
        await until(lambda: "line 49" in app.lines)
        await pilot.press("S", *"90m", "enter")
        await until(lambda: any(query.get("sinceSeconds") in ("5400", "5401") for query in server.queries))
        assert "since 20" in app.foot
