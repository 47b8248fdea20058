"""The whole application without a terminal, on a cluster in memory: what its first line, its panes and its hints tell."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace as replace_field
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from textual import events
from textual.pilot import Pilot
from textual.widgets import Input

from podtui.cluster.connection.connection import Connection
from podtui.cluster.forward.forward import Forward
from podtui.cluster.kubeconfig.contexts import Kubeconfig
from podtui.config import Config
from podtui.errors import CredentialError, api_error
from podtui.kube.ports import PortSpec
from podtui.kube.resources import PODS, ObjectRef, Scope
from podtui.ui.main.app import PodtuiApp
from podtui.ui.main.list_pane import ListPane
from podtui.ui.main.lower_panes import LowerPanes
from podtui.ui.main.screen import MainScreen
from podtui.ui.manifests.create import CreateDialog
from podtui.ui.options import Options
from podtui.ui.widgets.key_hints import KeyHints
from podtui.ui.widgets.row_table import RowTable
from tests.support.api_server import ApiServer, Request, settings
from tests.support.list_server import ListServer
from tests.support.waiting import shows, until

NAMESPACE_COLUMNS = [{"name": name, "type": "string", "priority": 0} for name in ("Name", "Status", "Age")]


class Cluster(ApiServer):
    """Stands where a Connection stands: pods, namespaces, and what the user may do (`refused` has (verb, resource, namespace))."""

    def __init__(self) -> None:
        super().__init__({"/apis/authorization.k8s.io/v1/selfsubjectaccessreviews": self._review})
        self.pods = self.tables["pods"] = ListServer()
        self.namespaces = self.tables["namespaces"] = ListServer(columns=NAMESPACE_COLUMNS)
        self.refused: set[tuple[str, str, str]] = set()
        self.read_only = False
        self.waits_for: tuple[str, ...] = ()

    def _review(self, request: Request) -> object:
        asked = request.body["spec"]["resourceAttributes"]
        return {"status": {"allowed": (asked["verb"], asked["resource"], asked.get("namespace", "")) not in self.refused}}

    async def close(self) -> None:
        pass


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Cluster:
    """Three pods in `web` and one in `db`; every context leads to it."""
    made = Cluster()

    async def opened(*_: Any, read_only: bool = False, **__: Any) -> Any:
        made.read_only = read_only
        return made

    monkeypatch.setattr(Connection, "open", opened)
    for namespace in ("db", "web"):
        made.namespaces.put("", namespace)
    for name in ("web-1", "web-2", "web-3"):
        made.pods.put("web", name, {"app": "web"})
    made.pods.put("db", "db-1", {"app": "db"})
    return made


def options(*namespaces: str, config: Config | None = None, **more: Any) -> Options:
    return Options(settings("https://127.0.0.1:1"), Kubeconfig(), Scope(namespaces), config or Config(), **more)


@asynccontextmanager
async def running(start: Options, size: tuple[int, int] = (100, 24)) -> AsyncIterator[tuple[PodtuiApp, Pilot[int]]]:
    app = PodtuiApp(start)
    async with app.run_test(size=size) as pilot:
        yield app, pilot


def dimmed(app: PodtuiApp) -> set[str]:
    """The titles in the key hints that are dimmed; their keys stand in parentheses, as colour must not be the only sign."""
    hints = app.screen.query_one(KeyHints)
    parts = [(text.strip(), style) for text, style in (*hints._left, *hints._right) if text.strip()]
    found = set()
    for (key, _), (title, style) in zip(parts[::2], parts[1::2], strict=True):
        assert (style == "dim") == key.startswith("(")
        found |= {title} if style == "dim" else set()
    return found


# -- rights and read-only -----------------------------------------------------------------------------------------
async def test_read_only_dims_every_hint_that_changes_the_cluster(cluster: Cluster) -> None:
    async with running(options("web"), (120, 24)) as (app, pilot):
        await shows(app, lambda text: "web-1" in text and "live" in text)
        await until(lambda: dimmed(app) == set())
        await pilot.press("r")
        await until(lambda: dimmed(app) == {"Label", "Shell", "Delete", "New"})
        await pilot.press("r")
        await until(lambda: dimmed(app) == set())


@pytest.fixture
def no_tick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first line is not refreshed with each second."""
    every = MainScreen.set_interval

    def seldom(screen: MainScreen, seconds: float, *what: Any, **how: Any) -> Any:
        return every(screen, 3600 if seconds == 1 else seconds, *what, **how)

    monkeypatch.setattr(MainScreen, "set_interval", seldom)


@pytest.mark.usefixtures("no_tick")
async def test_the_first_line_tells_at_once_what_a_key_has_changed(cluster: Cluster) -> None:
    """Not with the next second: whoever turns read-only off and on looks there."""
    async with running(replace_field(options("web"), scope=Scope(("web",), "app=web"))) as (app, pilot):
        await shows(app, lambda text: "web-1" in text and "live" in text and "app=web" in text.splitlines()[0])
        await pilot.press("r")
        await shows(app, lambda text: "read-only" in text.splitlines()[0])
        await pilot.press("r")
        await shows(app, lambda text: "read-only" not in text.splitlines()[0])
        await pilot.press("escape")
        await shows(app, lambda text: "app=web" not in text.splitlines()[0])


async def test_what_the_user_may_not_do_is_dimmed_and_the_palette_tells_the_right_that_is_missing(cluster: Cluster) -> None:
    cluster.refused = {("delete", "pods", "web"), ("get", "pods", "web")}
    async with running(options("web")) as (app, pilot):
        await until(lambda: {"Delete", "Logs"} <= dimmed(app) and "Label" not in dimmed(app))
        await pilot.press("colon", *"delete")
        await shows(app, lambda text: "you lack permission to delete pods in namespace web" in text)


async def test_a_right_that_was_granted_since_counts_after_asking_again(cluster: Cluster) -> None:
    cluster.refused = {("delete", "pods", "web")}
    async with running(options("web")) as (app, pilot):
        await until(lambda: "Delete" in dimmed(app))
        cluster.refused = set()
        await pilot.press("ctrl+r")
        await until(lambda: "Delete" not in dimmed(app))


async def test_of_a_namespace_its_pods_are_deleted_by_the_right_to_delete_pods(cluster: Cluster) -> None:
    cluster.refused = {("delete", "namespaces", "db"), ("delete", "pods", "web")}
    async with running(options("web"), (140, 24)) as (app, pilot):
        await shows(app, lambda text: "web-1" in text and "db " in text)
        await pilot.press("shift+tab", "down")
        await until(lambda: "Delete" in dimmed(app))
        await pilot.press("D")
        await shows(app, lambda text: "Delete pods by selector in db" in text)


async def test_without_a_pod_under_the_cursor_what_needs_one_is_dimmed(cluster: Cluster) -> None:
    async with running(options("empty")) as (app, _):
        await shows(app, lambda text: "no pods in empty" in text)
        assert {"Logs", "Label", "Delete"} <= dimmed(app) and "New" not in dimmed(app)


async def test_the_right_to_label_a_namespace_is_asked_for_that_namespace(cluster: Cluster) -> None:
    cluster.refused = {("patch", "namespaces", "db")}
    async with running(options("web"), (140, 24)) as (app, pilot):
        await shows(app, lambda text: "web-1" in text and "db " in text)
        await pilot.press("shift+tab", "down")
        await until(lambda: "Label" in dimmed(app))
        await pilot.press("down")
        await until(lambda: "Label" not in dimmed(app))


async def test_read_only_by_the_command_line_is_not_turned_off_by_a_key(cluster: Cluster) -> None:
    async with running(options("web", read_only=True)) as (app, pilot):
        await shows(app, lambda text: "web-1" in text)
        await pilot.press("r")
        await until(lambda: any("started with --read-only" in said.text for said in app.messages.all))
        assert app.session.read_only and cluster.read_only


async def test_read_only_by_the_key_is_kept_in_the_next_context(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Kubeconfig, "settings", lambda *_, **__: settings("https://127.0.0.1:2"))
    async with running(options("web")) as (app, pilot):
        await shows(app, lambda text: "web-1" in text)
        await pilot.press("r")
        await app.open_context("other")
        assert app.session.read_only
        await pilot.press("r")
        assert not app.session.read_only


async def test_forwards_that_end_with_their_context_are_reported(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Kubeconfig, "settings", lambda *_, **__: settings("https://127.0.0.1:2"))
    async with running(options("web")) as (app, _):
        await shows(app, lambda text: "web-1" in text)
        forward = Forward(1, ObjectRef(PODS, "web-1", "web"), PortSpec.parse("0:80"), "localhost", app.session.forwards)
        forward.state = "active"
        app.session.forwards.forwards.append(forward)
        await app.open_context("other")
        await until(lambda: any("1 port-forward of dev ended" in said.text for said in app.messages.all))


# -- who may not list everything ----------------------------------------------------------------------------------
FORBIDDEN = api_error(403, "Forbidden", 'pods is forbidden: User "u" cannot list resource "pods" in API group "" at the cluster scope')


async def test_of_several_namespaces_the_one_that_may_not_be_listed_is_named(cluster: Cluster) -> None:
    cluster.pods.refusals["db"] = FORBIDDEN
    async with running(options("web", "db"), (140, 24)) as (app, _):
        text = await shows(app, lambda text: "web-1" in text and "live" in text)
        assert "denied: db" in text.splitlines()[0] and "db ← denied" in text


async def test_who_may_not_list_all_namespaces_is_told_once_and_gets_what_was_shown_before(cluster: Cluster) -> None:
    cluster.pods.refusals[""] = FORBIDDEN
    async with running(options("web", "db")) as (app, pilot):
        await shows(app, lambda text: "web-1" in text)
        told: list[str] = []
        app.session.notices.subscribe(told.append)
        await pilot.press("0")
        await until(lambda: told and app.session.pods.scope.namespaces == ("web", "db"))
        await shows(app, lambda text: "db-1" in text)
        assert told == ["you may not list pods in all namespaces: showing web, db"]


async def test_pods_are_counted_also_for_who_may_not_list_namespaces(cluster: Cluster) -> None:
    cluster.namespaces.refusals[""] = FORBIDDEN
    async with running(options("web"), (140, 24)) as (app, _):
        text = await shows(app, lambda text: re.search(r"web ← +\d", text) is not None)
        assert re.search(rf"web ← +{app.session.counts.counts['web']}\b", text)
        assert re.search(r"all namespaces +\d", text) is None, "of those that nobody named it is not known"


async def test_what_a_plugin_tells_stands_there_while_it_is_waited_for(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    async def silence(*_: Any, **__: Any) -> bytes:
        return await asyncio.Future()

    monkeypatch.setattr(cluster, "request", silence)
    cluster.waits_for = ("the exec plugin login", "open https://x and enter ABC")
    async with running(options("web")) as (app, _):
        text = await shows(app, lambda text: "waiting for the exec plugin login…" in text)
        assert "open https://x and enter ABC" in text and "no answer" not in text


async def test_without_credentials_nothing_is_said_of_the_server(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    async def none(*_: Any, **__: Any) -> bytes:
        raise CredentialError("the exec plugin login failed with exit code 3: no login")

    monkeypatch.setattr(cluster, "request", none)
    async with running(options("web")) as (app, _):
        text = await shows(app, lambda text: "no credentials" in text.splitlines()[0])
        assert "there are no credentials for the API server" in text and "no login" in text and "reached" not in text


async def test_a_refusal_is_shown_in_full_on_a_narrow_screen_with_what_to_do(cluster: Cluster) -> None:
    cluster.pods.refusals["web"] = FORBIDDEN
    async with running(options("web"), (60, 20)) as (app, _):
        text = await shows(app, lambda text: "you may not list pods in web" in text)
        words = " ".join(text.split())
        assert FORBIDDEN.what in words and ":ns NAMESPACE" in words


async def test_credentials_that_are_not_accepted_are_no_lack_of_rights(cluster: Cluster) -> None:
    cluster.pods.refusals[""] = api_error(401, "Unauthorized", "Unauthorized")
    async with running(options()) as (app, _):
        text = await shows(app, lambda text: "unauthorized" in text)
        assert "does not accept the credentials" in text and "you may not" not in text and "all namespaces" in text.splitlines()[0]


async def test_no_number_of_pods_is_reported_before_the_server_has_told_one(cluster: Cluster) -> None:
    cluster.pods.down = True
    async with running(options("web")) as (app, _):
        text = await shows(app, lambda text: "cannot be reached" in text)
        assert "Pods 0" not in text
        cluster.pods.down = False
        app.session.pods.retry()
        await shows(app, lambda text: "Pods 3" in text)


# -- 80 columns ---------------------------------------------------------------------------------------------------
LONG = "checkout-frontend-with-a-name-of-many-words-5f7d9c6b8d-x7k2p"


async def test_a_long_name_leaves_the_state_of_the_pods_in_view_and_keeps_its_end(cluster: Cluster) -> None:
    cluster.pods.put("web", LONG, status="CrashLoopBackOff", restarts="12 (3m ago)")
    async with running(options(), (80, 24)) as (app, _):
        text = await shows(app, lambda text: "CrashLoopBackOff" in text)
        line = next(line for line in text.splitlines() if "CrashLoopBackOff" in line)
        assert "12 (3m ago)" in line and "b8d-x7k2p" in line and "AGE" in text


async def test_the_palette_shows_what_is_typed_and_puts_the_command_of_that_name_first(cluster: Cluster) -> None:
    async with running(options("web"), (80, 24)) as (app, pilot):
        await shows(app, lambda text: "web-1" in text)
        await pilot.press("colon", *"label")
        text = await shows(app, lambda text: "Set, overwrite or remove labels" in text)
        assert app.screen.query_one(Input).region.height == 1 and text.count("label") > 1
        rows = [line for line in text.splitlines() if "▌" in line]
        assert "Set, overwrite or remove labels" in rows[0]
        await pilot.press("enter")
        await shows(app, lambda text: "Label pod web-1 in web" in text)


async def test_the_state_is_in_view_at_80_columns_whatever_the_context_and_the_selector(cluster: Cluster) -> None:
    long = replace_field(settings("https://127.0.0.1:1"), context="arn:aws:eks:eu-central-1:123456789012:cluster/production-shop")
    selector = "app=web,env notin (test,staging),tier in (front,back,middle),!canary"
    start = replace_field(options("web"), settings=long, scope=Scope(("web",), selector))
    async with running(start, (80, 24)) as (app, _):
        text = await shows(app, lambda text: "● live" in text.splitlines()[0])
        first = text.splitlines()[0]
        assert "arn:aws:eks" in first and "ction-shop" in first
        assert " web  -l app=web" in first and first.endswith("0 pods")


async def test_the_palette_names_the_contexts(cluster: Cluster) -> None:
    start = options("web", config=None)
    start.kubeconfig.contexts.update(dict.fromkeys(("prod", "dev")))  # type: ignore[arg-type]
    async with running(start, (80, 24)) as (app, pilot):
        await shows(app, lambda text: "web-1" in text)
        await pilot.press("colon", *"ctx", "space")
        await shows(app, lambda text: "dev" in text and "▌ dev" in text and "prod" in text)
        await pilot.press("p")
        await shows(app, lambda text: "▌ prod" in text and "  dev" not in text.split("NAME", 1)[1])


async def test_a_namespace_that_does_not_exist_is_reported(cluster: Cluster) -> None:
    async with running(options("web", "nope")) as (app, pilot):
        await shows(app, lambda text: "web-1" in text)
        await pilot.press("colon", *"ns", "space", *"nope", "enter")
        await shows(app, lambda text: "no pods in nope" in text and "there is no namespace nope" in text)


async def test_a_namespace_that_is_deleted_is_called_deleted(cluster: Cluster) -> None:
    async with running(options("db"), (80, 24)) as (app, _):
        await shows(app, lambda text: "● live  db" in text.splitlines()[0])
        for pod in [thing.name for thing in cluster.pods.things.values() if thing.namespace == "db"]:
            cluster.pods.delete("db", pod)
        cluster.namespaces.delete("", "db")
        await shows(app, lambda text: "db  ✗ deleted" in text.splitlines()[0] and "namespace db was deleted" in text)


async def test_watches_that_do_not_work_are_polled_and_the_first_line_says_so(cluster: Cluster) -> None:
    cluster.pods.watch_refusals[""] = cluster.pods.watch_refusals["web"] = api_error(403, "Forbidden", "you may not watch pods")
    async with running(options("web"), (80, 24)) as (app, _):
        text = await shows(app, lambda text: "○ polling, " in text.splitlines()[0] and "web-1" in text)
        assert "you may not watch" in text.splitlines()[0] and text.splitlines()[0].rstrip().endswith("3 pods")


async def test_n_creates_a_namespace_in_the_namespaces_and_an_object_elsewhere(cluster: Cluster) -> None:
    async with running(options("web"), (140, 24)) as (app, pilot):
        await shows(app, lambda text: "web-1" in text and "db " in text)
        await pilot.press("n")
        await shows(app, lambda text: "Create in namespace web" in text)
        await pilot.press("escape", "shift+tab", "n")
        await shows(app, lambda text: "Create a namespace" in text)


async def test_the_filter_of_the_namespaces_narrows_their_list_and_esc_clears_it(cluster: Cluster) -> None:
    async with running(options("web"), (140, 24)) as (app, pilot):
        await shows(app, lambda text: "web-1" in text and "db " in text)
        await pilot.press("shift+tab", "slash", *"db", "enter")
        await shows(app, lambda text: "Namespaces 1 of 2  /db" in text and "all namespaces" in text and "web ←" not in text)
        assert app.session.pods.scope.namespaces == ("web",)
        await pilot.press("escape")
        await shows(app, lambda text: "web ←" in text and "Pods 3" in text)


async def test_help_can_be_read_and_found_at_80_columns(cluster: Cluster) -> None:
    async with running(options("web"), (80, 24)) as (app, pilot):
        text = await shows(app, lambda text: "web-1" in text)
        assert text.splitlines()[23].endswith("? Help  : Command")
        await pilot.press("question_mark")
        text = await shows(app, lambda text: "WHAT IT DOES" in text and "list.wide" in text)
        assert "│Lists" in text.splitlines()[4] and "table.mark" in text  # of the focused pane first, each with its id
        await pilot.press("G")
        await shows(app, lambda text: "choose nothing" in text and "choose.cancel" in text)  # the dialogs' keys are listed too
        await pilot.press("slash", *"as kubectl's -l does", "enter")
        await shows(app, lambda text: "Select pods by their labels, as kubectl's -l does" in text)
        await pilot.press("q")
        await shows(app, lambda text: "WHAT IT DOES" in text and "1 of 1" not in text)
        await pilot.press("q")
        await shows(app, lambda text: "WHAT IT DOES" not in text and "web-1" in text)


@pytest.mark.parametrize(("key", "heading"), [("f", "Port-forwards"), ("J", "Journal"), ("M", "Messages")])
async def test_a_list_over_the_main_screen_has_its_own_help_first(cluster: Cluster, key: str, heading: str) -> None:
    async with running(options("web"), (100, 30)) as (app, pilot):
        await shows(app, lambda text: "web-1" in text)
        await pilot.press(key)
        await until(lambda: not isinstance(app.screen, MainScreen))
        await shows(app, lambda text: " ? Help" in text)
        await pilot.press("question_mark")
        await shows(app, lambda text: "WHAT IT DOES" in text and heading in text)
        await pilot.press("question_mark")
        await shows(app, lambda text: "WHAT IT DOES" not in text)


async def test_help_stands_in_two_columns_from_160_and_begins_with_the_focused_pane(cluster: Cluster) -> None:
    cluster.objects["/api/v1/namespaces/web/pods/web-1"] = {"kind": "Pod", "metadata": {"name": "web-1", "uid": "uid-web-1"}}
    async with running(options("web"), (160, 40)) as (app, pilot):
        await shows(app, lambda text: "web-1" in text)
        await pilot.press("y", "y", "question_mark")
        text = await shows(app, lambda text: "WHAT IT DOES" in text and "Texts" in text)
        lines = text.splitlines()
        first = next(line for line in lines if "│Texts" in line)
        assert "Logs" in first and "Search the text  text.search" in text  # beside it stands the second column


async def test_a_bar_offers_no_keys_that_it_would_take_for_text(cluster: Cluster) -> None:
    async with running(options("web")) as (app, pilot):
        await shows(app, lambda text: "web-1" in text)
        await pilot.press("equals_sign")
        text = await shows(app, lambda text: "Apply" in text)
        assert "/ Filter" not in text


# -- the configuration --------------------------------------------------------------------------------------------
async def test_the_columns_of_the_configuration_are_shown_in_their_order_and_w_shows_all(cluster: Cluster) -> None:
    config = Config(columns=["name", "node", "Status", "Nope"])
    async with running(options("web", config=config)) as (app, pilot):
        text = await shows(app, lambda text: "web-1" in text)
        assert " ".join(next(line for line in text.splitlines() if "NODE" in line).split()) == "NAME↑ NODE STATUS"
        await pilot.press("w")
        await shows(app, lambda text: "RESTARTS" in text and "IP" in text)


def test_the_screen_has_a_refusal_for_every_command_that_changes_the_cluster(cluster: Cluster) -> None:
    from podtui.cluster.session import Session
    from podtui.ui.commands import COMMANDS

    session = Session(settings("https://127.0.0.1:1"), Scope(("web",)), config=Config(), read_only=True)
    screen = MainScreen(session)
    for command in COMMANDS:
        if command.changes:
            assert "read-only" in screen.rights.refusal(command.id, None), command.id


async def test_a_server_that_takes_the_connection_and_never_answers_is_reported_with_the_time(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def silence(*_: Any, **__: Any) -> bytes:
        return await asyncio.Future()

    monkeypatch.setattr(cluster, "request", silence)
    async with running(options("web")) as (app, _):
        await shows(app, lambda text: "connecting to https://127.0.0.1:1…" in text)
        app.session.pods.health = replace(app.session.pods.health, since=app.session.pods.health.since - 60)
        await shows(app, lambda text: "no answer for" in text and "connecting for" in text.splitlines()[0])


async def test_a_draft_is_kept_in_a_file_when_podtui_ends(cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    async with running(options("web")) as (app, pilot):
        await shows(app, lambda screen: "web-1" in screen)
        await pilot.press("n")
        await until(lambda: isinstance(app.screen, CreateDialog))
        await pilot.pause()
        app.post_message(events.Paste("kind: Pod\nmetadata: {}\n"))
        await shows(app, lambda screen: "apiVersion not set" in screen)
        app.exit(0)
    (kept,) = (tmp_path / "podtui" / "kept").iterdir()
    assert kept.read_text() == "kind: Pod\nmetadata: {}\n" and app.farewell == [f"What you typed is kept in {kept}"]


@pytest.mark.usefixtures("cluster")
async def test_below_a_dialog_no_age_is_painted_until_it_closes(monkeypatch: pytest.MonkeyPatch) -> None:
    async with running(options("web"), (120, 40)) as (app, pilot):
        await shows(app, lambda text: "live" in text)
        painted: list[str] = []
        monkeypatch.setattr(RowTable, "refresh_rows", lambda table, keys=None: painted.append(table.id or ""))
        await pilot.press("question_mark")
        await shows(app, lambda text: "WHAT IT DOES" in text)
        painted.clear()
        for pane in app.screen_stack[1].query(ListPane):
            pane._tick()
        panes = len(app.screen_stack[1].query(ListPane))
        assert panes >= 2 and painted == []
        await pilot.press("escape")
        await until(lambda: {"pods", "namespaces"} <= {*painted})


async def test_a_new_screen_on_a_session_with_its_rows_shows_the_details_of_the_first(cluster: Cluster) -> None:
    """As a walkthrough begins a step again."""
    async with running(options("web"), (120, 36)) as (app, _):
        await shows(app, lambda text: "x Why  web-1" in text)
        await app.switch_screen(MainScreen(app.session))
        await shows(app, lambda text: "x Why  web-1" in text)


async def test_the_details_behind_closed_logs_are_about_the_pod_at_the_cursor(cluster: Cluster) -> None:
    async with running(options("web"), (120, 36)) as (app, pilot):
        await shows(app, lambda text: "x Why  web-1" in text)
        await pilot.press("l")
        await shows(app, lambda text: "Logs web-1" in text)
        await pilot.press("shift+tab", "down", "escape")
        await shows(app, lambda text: "x Why  web-2" in text)


async def test_tab_leads_to_the_details_of_the_pod_at_the_cursor_also_where_they_were_out_of_view(cluster: Cluster) -> None:
    async with running(options("web"), (120, 36)) as (app, pilot):
        await shows(app, lambda text: "x Why  web-1" in text)
        await pilot.resize_terminal(80, 24)
        await shows(app, lambda text: "[Pods] › Details" in text)
        await pilot.press("down", "tab")
        await shows(app, lambda text: "x Why  web-2" in text)
        await pilot.press("shift+tab", "down")
        await pilot.resize_terminal(120, 36)
        await shows(app, lambda text: "x Why  web-3" in text)


async def test_the_details_of_a_pod_that_was_deleted_while_they_were_read_follow_the_cursor_again_from_the_list(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    follow, followed = LowerPanes.follow_cursor, list[str]()

    def following(panes: LowerPanes) -> None:
        follow(panes)
        followed.append(panes._panes.current)

    monkeypatch.setattr(LowerPanes, "follow_cursor", following)
    async with running(options("web"), (120, 36)) as (app, pilot):
        await shows(app, lambda text: "x Why  web-1" in text)
        await pilot.press("tab")
        followed.clear()
        cluster.pods.delete("web", "web-1")
        await until(lambda: followed == ["details"])
        await shows(app, lambda text: "x Why  web-1" in text)  # they are read
        await pilot.press("escape")
        await shows(app, lambda text: "x Why  web-2" in text)


async def test_details_that_have_the_focus_and_show_nothing_show_the_first_pod_that_comes(cluster: Cluster) -> None:
    async with running(options("empty"), (120, 36)) as (app, pilot):
        await shows(app, lambda text: "nothing selected" in text)
        await pilot.press("tab")
        cluster.pods.put("empty", "late-1", {})
        await shows(app, lambda text: "x Why  late-1" in text)


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ("shift+tab R", "Sort by restarts: only for pods"),
        ("shift+tab P", "Sort by namespace: only for pods"),
        ("d Z", "Faulty: only in the lists"),
        ("d n", "no search yet; / searches"),
        ("d m", "managedFields: only in the YAML (y)"),
        ("z", "one pane fills the screen below 120 columns; Tab shows the next"),
        ("less_than_sign", "one pane fills the screen below 120 columns; Tab shows the next"),
    ],
)
async def test_a_key_that_does_nothing_here_says_why(cluster: Cluster, keys: str, said: str) -> None:
    async with running(options("web")) as (app, pilot):
        await shows(app, lambda text: "web-1" in text)
        for key in keys.split():
            await pilot.press(key)
            await pilot.pause()
        await shows(app, lambda text: said in text)


async def test_where_one_pane_fills_the_screen_full_screen_is_nothing_that_esc_must_leave_first(cluster: Cluster) -> None:
    async with running(options("web"), (120, 36)) as (app, pilot):
        await shows(app, lambda text: "x Why  web-1" in text)
        await pilot.press("z")
        await pilot.resize_terminal(80, 24)
        await pilot.press("d", "z", "escape")
        await shows(app, lambda text: "[Pods]" in text)


async def test_details_that_esc_has_left_are_no_pane_of_a_narrow_screen_any_more(cluster: Cluster) -> None:
    async with running(options("web"), (80, 24)) as (app, pilot):
        await shows(app, lambda text: "[Pods]" in text and "web-1" in text)
        await pilot.press("d")
        await shows(app, lambda text: "Pods › [Details]" in text)
        await pilot.press("escape")
        await shows(app, lambda text: "[Pods]" in text and "[Pods] ›" not in text)


async def test_the_row_for_all_namespaces_is_no_object_that_can_be_marked(cluster: Cluster) -> None:
    async with running(options("web")) as (app, pilot):
        await shows(app, lambda text: "web-1" in text)
        await pilot.press("shift+tab", "g", "space")
        await shows(app, lambda text: "all namespaces" in text and "marked" not in text)
        await pilot.press("ctrl+a")
        await shows(app, lambda text: "Namespaces 2  2 marked" in text)
        await pilot.press("enter")
        await shows(app, lambda text: "all namespaces" in text.splitlines()[0] and "Pods 4" in text)
