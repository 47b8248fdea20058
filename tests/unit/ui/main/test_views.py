"""Going back one, back and forth through the views, and to the last one."""

from __future__ import annotations

import pytest

from podtui.cluster.forward.forward import Forward
from podtui.config import Config
from podtui.kube.ports import PortSpec
from podtui.kube.resources import PODS, ObjectRef, Scope
from podtui.ui.main.app import PodtuiApp
from podtui.ui.main.views import MOST, View, Views
from podtui.ui.terminal.app import Draft
from tests.support.waiting import shows, until
from tests.unit.ui.main.test_screen import Cluster, cluster, options, running

__all__ = ["cluster"]

WIDE = (140, 40)


class Screen:
    """What shows a view: a kind, a namespace, and a filter."""

    def __init__(self) -> None:
        self.kind, self.namespace, self.filter = "pods", "a", ""
        self.views = Views(self.view)

    def view(self) -> View:
        return View(self.kind, Scope((self.namespace,)), self.filter)

    def go(self, namespace: str, kind: str = "pods", *, again: bool = False) -> None:
        with self.views.changing(again=again):
            self.kind, self.namespace, self.filter = kind, namespace, ""

    def step(self, by: int) -> str:
        view = self.views.step(by)
        assert view is not None and view.scope is not None
        self.go(view.scope.namespaces[0], view.kind, again=True)
        return self.namespace


def test_the_views_are_gone_through_back_and_forth() -> None:
    screen = Screen()
    for name in "bcd":
        screen.go(name)
    assert [screen.step(-1), screen.step(-1), screen.step(1), screen.step(-1), screen.step(-1)] == ["c", "b", "c", "b", "a"]
    assert screen.views.step(-1) is None


def test_a_view_that_was_seen_more_than_once_has_its_place_each_time() -> None:
    screen = Screen()
    for name in "bacad":
        screen.go(name)
    assert [screen.step(-1) for _ in range(5)] == list("acaba")
    assert [screen.step(1) for _ in range(5)] == list("bacad")
    assert screen.views.step(1) is None
    screen.go("a", again=True)  # as the last view is shown
    assert [screen.step(-1), screen.step(1), screen.step(1)] == ["c", "a", "d"]


def test_the_last_view_is_the_one_before_whatever_led_to_this_one() -> None:
    screen = Screen()
    screen.go("b")
    screen.go("c")
    screen.step(-1)
    assert screen.views.last == View("pods", Scope(("c",)))


def test_a_new_view_ends_the_way_forward() -> None:
    screen = Screen()
    for name in "bcd":
        screen.go(name)
    screen.step(-2)
    screen.go("e")
    assert screen.views.step(1) is None and screen.step(-1) == "b"


def test_a_view_keeps_the_filter_with_which_it_was_left() -> None:
    screen = Screen()
    screen.filter = "web"
    screen.go("b")
    assert screen.views.last == View("pods", Scope(("a",)), "web") == screen.views.step(-1)


def test_a_change_that_leads_to_the_same_view_is_none() -> None:
    screen = Screen()
    screen.go("a")
    assert screen.views.last is None and screen.views.step(-1) is None


def test_a_change_within_a_change_is_one() -> None:
    screen = Screen()
    with screen.views.changing():
        screen.go("b", "nodes")
        screen.go("c")
    assert screen.step(-1) == "a"


def test_the_oldest_views_are_forgotten() -> None:
    screen = Screen()
    for number in range(MOST * 2):
        screen.go(str(number))
    assert screen.step(1 - MOST) == str(MOST) and screen.views.step(-1) is None


async def test_minus_shows_the_last_view_and_brackets_go_through_all_of_them(cluster: Cluster) -> None:
    async with running(options("web"), WIDE) as (app, pilot):
        await shows(app, lambda text: "web-1" in text)
        await pilot.press("minus")
        await shows(app, lambda text: "there is no last view yet" in text)
        await pilot.press("slash", *"web-2", "enter", "0")
        await shows(app, lambda text: "Pods 1 of 4  /web-2" in text)
        await pilot.press("escape")
        await shows(app, lambda text: "db-1" in text)
        await pilot.press("minus")
        await shows(app, lambda text: "Pods 1 of 3  /web-2" in text and "db-1" not in text)
        await pilot.press("minus")
        await shows(app, lambda text: "db-1" in text)
        await pilot.press("=", *"app=db", "enter")
        await shows(app, lambda text: "-l app=db" in text and "web-1" not in text)
        await pilot.press("left_square_bracket", "left_square_bracket")
        await shows(app, lambda text: "/web-2" in text and "-l app" not in text)
        await pilot.press("left_square_bracket")
        await shows(app, lambda text: "there is no earlier view" in text)
        await pilot.press("right_square_bracket", "right_square_bracket")
        await shows(app, lambda text: "-l app=db" in text and "db-1" in text)


async def test_where_one_pane_fills_the_screen_the_namespaces_are_a_view(cluster: Cluster) -> None:
    async with running(options("web"), (80, 24)) as (app, pilot):
        await shows(app, lambda text: "web-1" in text)
        await pilot.press("colon", *"ns", "enter")
        await shows(app, lambda text: "[Namespaces]" in text and "web ←" in text)
        await pilot.press("g", "j", "enter")
        await shows(app, lambda text: "[Pods]" in text and "db-1" in text)
        await pilot.press("minus")
        await shows(app, lambda text: "[Namespaces]" in text and "db ←" in text)
        await pilot.press("left_square_bracket")
        await shows(app, lambda text: "[Pods]" in text and "web-1" in text)


async def test_a_favourite_may_be_a_view_as_in_the_palette(cluster: Cluster) -> None:
    config = Config(favourites=["db", ":po -A -l app=db", ":no"])
    async with running(options("web", config=config), WIDE) as (app, pilot):
        await shows(app, lambda text: "web-1" in text)
        await pilot.press("1")
        await shows(app, lambda text: "db-1" in text and "● live  db" in text)
        await pilot.press("2")
        await shows(app, lambda text: "-l app=db" in text and "all namespaces" in text.splitlines()[0])
        await pilot.press("3")
        await shows(app, lambda text: "Nodes" in text)
        await pilot.press("minus")
        await shows(app, lambda text: "-l app=db" in text and "db-1" in text)
        await pilot.press("4")
        await shows(app, lambda text: "there is no favourite 4" in text)


# -- Esc and q ------------------------------------------------------------------------------------------------------
async def test_escape_clears_the_filter_then_the_marks_then_the_selector_and_says_so(cluster: Cluster) -> None:
    async with running(options("web", config=Config()), (100, 24)) as (app, pilot):
        await shows(app, lambda text: "web-1" in text)
        await pilot.press("=", *"app=web", "enter", "slash", *"web-2", "enter", "space")
        await shows(app, lambda text: "-l app=web" in text and "/web-2  1 marked" in text)
        await pilot.press("escape")
        await shows(app, lambda text: "-l app=web" in text and "/web-2" not in text and "1 marked" in text)
        await pilot.press("escape")
        await shows(app, lambda text: "-l app=web" in text and "marked" not in text)
        await pilot.press("escape")
        await until(lambda: any("cleared the selector app=web (- brings it back)" in said.text for said in app.messages.all))
        assert app.session.pods.scope.selector == ""
        await pilot.press("minus")
        await shows(app, lambda text: "-l app=web" in text)


async def test_escape_leaves_what_was_opened_below_the_list_before_it_clears_the_selector(cluster: Cluster) -> None:
    async with running(options("web"), WIDE) as (app, pilot):
        await shows(app, lambda text: "web-1" in text)
        await pilot.press("=", *"app=web", "enter", "y")
        await shows(app, lambda text: "▸y YAML" in text and "-l app=web" in text)
        await pilot.press("escape")
        await shows(app, lambda text: "▸d Describe" in text and "-l app=web" in text)
        await pilot.press("escape")
        await shows(app, lambda text: "-l app=web" not in text)


@pytest.mark.parametrize("size", [WIDE, (80, 24)])
async def test_q_goes_back_one_from_the_details_and_leaves_on_the_list(cluster: Cluster, size: tuple[int, int]) -> None:
    cluster.objects["/api/v1/namespaces/web/pods/web-1"] = {"kind": "Pod", "metadata": {"name": "web-1", "uid": "uid-web-1"}}
    async with running(options("web"), size) as (app, pilot):
        await shows(app, lambda text: "web-1" in text)
        await pilot.press("enter")
        await shows(app, lambda text: "Describe" in text)
        await pilot.press("q")
        await shows(app, lambda text: "web-2" in text)
        assert app.is_running and app.screen.focused is not None and app.screen.focused.id == "pods"
        await pilot.press("q")
        assert app.return_code == 0


async def test_q_asks_while_forwards_run(cluster: Cluster) -> None:
    async with running(options("web")) as (app, pilot):
        await shows(app, lambda text: "web-1" in text)
        forward = Forward(1, ObjectRef(PODS, "web-1", "web"), PortSpec.parse("0:80"), "localhost", app.session.forwards)
        forward.state = "active"
        app.session.forwards.forwards.append(forward)
        await pilot.press("q")
        await shows(app, lambda text: "Quit podtui? 1 port-forward ends" in text)
        await pilot.press("enter")
        await shows(app, lambda text: "port-forward ends" not in text)
        await pilot.press("q", "j", "enter")
        assert app.return_code == 0


async def test_q_asks_while_a_dialog_was_left_with_a_text_and_a_colon_q_with_a_mark_does_not(cluster: Cluster) -> None:
    async with running(options("web")) as (app, pilot):
        await shows(app, lambda text: "web-1" in text)
        app.drafts["manifest.yaml"] = Draft("kind: Pod", True)
        await pilot.press("colon", "q", "enter")
        await shows(app, lambda text: "Quit podtui? manifest.yaml was not sent and stays in a file" in text)
        await pilot.press("escape", "colon", "q", "!", "enter")
        assert app.return_code == 0


# -- keys of k9s ----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("key", "words"), [("t", "kubectl cp copies files; s opens a shell"), ("ctrl+e", "z gives the pane"), ("X", "no metrics")]
)
async def test_a_key_that_only_k9s_has_says_what_is_podtuis(cluster: Cluster, key: str, words: str) -> None:
    async with running(options("web")) as (app, pilot):
        await shows(app, lambda text: "web-1" in text)
        await pilot.press(key)
        await shows(app, lambda text: words in text)


async def test_a_key_of_k9s_says_the_key_of_the_users_keymap_and_does_what_it_is_bound_to(cluster: Cluster) -> None:
    async with running(options("web", config=Config(keymap={"main.full": "f5", "list.wide": "t"}))) as (app, pilot):
        await shows(app, lambda text: "web-1" in text)
        await pilot.press("ctrl+e")
        await shows(app, lambda text: "F5 gives the pane the whole screen" in text)
        await pilot.press("t")
        await shows(app, lambda text: "NODE" in text and "kubectl cp" not in text)


async def test_ctrl_q_does_not_end_podtui(cluster: Cluster) -> None:
    async with running(options("web")) as (app, pilot):
        await shows(app, lambda text: "web-1" in text)
        await pilot.press("ctrl+q")
        await shows(app, lambda text: "Esc clears the filter" in text)
        assert app.is_running


async def test_a_command_without_a_key_gets_one_from_the_keymap(cluster: Cluster) -> None:
    async with running(options("web", config=Config(keymap={"main.create-namespace": "f6"})), WIDE) as (app, pilot):
        await shows(app, lambda text: "web-1" in text)
        await pilot.press("f6")
        await shows(app, lambda text: "Create a namespace" in text)


@pytest.mark.parametrize("keys", [(), ("ctrl+d",), ("colon",), ("f",), ("question_mark",), ("c",)])
async def test_ctrl_z_suspends_podtui_from_every_screen(cluster: Cluster, keys: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    suspended: list[bool] = []
    monkeypatch.setattr(PodtuiApp, "action_suspend_process", lambda _: suspended.append(True))
    async with running(options("web")) as (app, pilot):
        await shows(app, lambda text: "web-1" in text)
        await pilot.press(*keys, "ctrl+z")
        await until(lambda: suspended == [True])


# -- Ctrl+K ---------------------------------------------------------------------------------------------------------
async def test_ctrl_k_deletes_with_a_grace_period_of_a_second(cluster: Cluster) -> None:
    async with running(options("web")) as (app, pilot):
        await shows(app, lambda text: "web-1" in text)
        await pilot.press("ctrl+k")
        await shows(app, lambda text: "Delete pod web-1 in web?" in text and "--grace-period=1" in text)
