"""The list of pods by keys: what sorts it, which columns stand in it, what it leaves out."""

from __future__ import annotations

import re
from collections.abc import Sequence
from types import SimpleNamespace

import pytest

from podtui.config import Config
from podtui.ui.main import list_pane
from podtui.ui.main.app import PodtuiApp
from podtui.ui.terminal.picture import as_text
from podtui.ui.widgets.row_table import Cell
from tests.support.waiting import shows, until
from tests.unit.ui.main.test_screen import Cluster, cluster, options, running

__all__ = ["cluster"]  # the fixture


def header(app: PodtuiApp) -> str:
    """The titles of the columns of the pods, with one space between them."""
    lines = (line.rpartition("│")[2] for line in as_text(app).splitlines())
    return " ".join(next((line for line in lines if re.search(r"\bNAME\b", line)), "").split())


def order(app: PodtuiApp) -> list[str]:
    """The names of the pods from the top."""
    return re.findall(r"\b(?:web|db|a|b)-\d\b", as_text(app))


# -- sorting ------------------------------------------------------------------------------------------------------
async def test_with_all_namespaces_rows_are_sorted_by_namespace_until_n_sorts_them_by_name_alone(cluster: Cluster) -> None:
    cluster.pods.put("zoo", "a-1")
    async with running(options(), (100, 24)) as (app, pilot):
        await until(lambda: order(app) == ["db-1", "web-1", "web-2", "web-3", "a-1"])
        assert header(app).startswith("NAMESPACE↑ NAME READY")
        await pilot.press("N")
        await until(lambda: order(app) == ["a-1", "db-1", "web-1", "web-2", "web-3"])
        assert header(app).startswith("NAMESPACE NAME↑ READY")
        await pilot.press("N")
        await until(lambda: order(app) == ["web-3", "web-2", "web-1", "db-1", "a-1"])
        assert header(app).startswith("NAMESPACE NAME↓ READY")
        await pilot.press("P")
        await until(lambda: order(app) == ["db-1", "web-1", "web-2", "web-3", "a-1"])


async def test_in_one_namespace_the_name_sorts_from_the_start_and_n_reverses_it(cluster: Cluster) -> None:
    async with running(options("web"), (100, 24)) as (app, pilot):
        await until(lambda: order(app) == ["web-1", "web-2", "web-3"])
        assert header(app).startswith("NAME↑ READY")
        await pilot.press("N")
        await until(lambda: order(app) == ["web-3", "web-2", "web-1"])
        assert header(app).startswith("NAME↓ READY")


@pytest.mark.parametrize(
    ("key", "title", "first", "reversed_"),
    [
        ("R", "RESTARTS↓", ["web-2", "web-3", "web-1"], ["web-1", "web-3", "web-2"]),
        ("S", "STATUS↑", ["web-3", "web-2", "web-1"], ["web-1", "web-2", "web-3"]),
        ("T", "AGE↑", ["web-3", "web-1", "web-2"], ["web-2", "web-1", "web-3"]),
    ],
)
async def test_a_sort_starts_with_what_is_looked_for_and_is_reversed_by_its_key(
    cluster: Cluster, key: str, title: str, first: list[str], reversed_: list[str]
) -> None:
    cluster.pods.put("web", "web-1", created="2026-01-02T00:00:00Z")
    cluster.pods.put("web", "web-2", status="Pending", restarts="12 (3m ago)", created="2026-01-01T00:00:00Z")
    cluster.pods.put("web", "web-3", status="CrashLoopBackOff", restarts="2 (1m ago)", created="2026-01-03T00:00:00Z")
    async with running(options("web"), (100, 24)) as (app, pilot):
        await until(lambda: len(order(app)) == 3)
        await pilot.press(key)
        await until(lambda: order(app) == first)
        assert title in header(app)
        await pilot.press(key)
        await until(lambda: order(app) == reversed_)
        assert title.translate({ord("↑"): "↓", ord("↓"): "↑"}) in header(app)


async def test_sorting_at_the_top_leads_to_what_the_sort_starts_with_and_elsewhere_stays_on_the_pod(cluster: Cluster) -> None:
    for name, restarts in (("web-1", "0"), ("web-2", "1"), ("web-3", "9")):
        cluster.pods.put("web", name, restarts=restarts)
    async with running(options("web"), (100, 24)) as (app, pilot):
        await until(lambda: order(app) == ["web-1", "web-2", "web-3"])
        pods = app.screen.lists.pods  # type: ignore[attr-defined]
        for keys, name in (("R", "web-3"), ("N", "web-1"), ("jR", "web-2"), ("N", "web-2")):
            await pilot.press(*keys)
            await until(lambda name=name: pods.current.name == name)  # type: ignore[misc]


async def test_a_column_that_sorts_the_rows_is_shown_as_long_as_it_does(cluster: Cluster) -> None:
    async with running(options("web", config=Config(columns=["Name", "Ready", "Status"])), (100, 24)) as (app, pilot):
        await until(lambda: len(order(app)) == 3)
        await pilot.press("O")
        await until(lambda: header(app) == "NAME READY STATUS NODE↑")
        await pilot.press("N")
        await until(lambda: header(app) == "NAME↑ READY STATUS")


# -- label columns ------------------------------------------------------------------------------------------------
@pytest.fixture
def labelled(cluster: Cluster) -> Cluster:
    cluster.pods.put("web", "web-1", {"app": "web", "env": "prod", "tier": "front"})
    cluster.pods.put("web", "web-2", {"app": "web", "env": "test"})
    return cluster


async def test_w_cycles_through_none_the_chosen_all_and_a_question_for_keys(labelled: Cluster) -> None:
    async with running(options("web", label_columns=("env",)), (100, 24)) as (app, pilot):
        await until(lambda: header(app) == "NAME↑ READY STATUS RESTARTS AGE ENV")
        await pilot.press("W")
        await until(lambda: header(app) == "NAME↑ READY STATUS RESTARTS AGE LABELS")
        await pilot.press("W")
        await shows(app, lambda text: "Label columns: env" in text)
        await pilot.press("ctrl+u", *"ti")
        await shows(app, lambda text: "tier" in text and "Label columns: ti" in text)
        await pilot.press("tab", *",app", "enter")
        await until(lambda: header(app) == "NAME↑ READY STATUS RESTARTS AGE TIER APP")
        assert re.search(r"web-1 .* front +web\b", as_text(app)) and re.search(r"web-2 .* <none> +web\b", as_text(app))
        await pilot.press("W", "W")
        await shows(app, lambda text: "Label columns: tier,app" in text)
        await pilot.press("escape")
        await until(lambda: header(app) == "NAME↑ READY STATUS RESTARTS AGE")
        await pilot.press("W")  # the chosen ones are kept
        await until(lambda: header(app) == "NAME↑ READY STATUS RESTARTS AGE TIER APP")


async def test_the_keys_of_label_columns_are_offered_with_their_counts_and_checked(labelled: Cluster) -> None:
    async with running(options("web"), (100, 24)) as (app, pilot):
        await until(lambda: header(app) == "NAME↑ READY STATUS RESTARTS AGE")
        await pilot.press("W")
        await until(lambda: "LABELS" in header(app))
        await pilot.press("W")
        text = await shows(app, lambda text: "Label columns:" in text and "tier" in text)
        assert re.search(r"\bapp +3\b", text) and re.search(r"\benv +2\b", text) and re.search(r"\btier +1\b", text)
        await pilot.press("escape", *"env,-x", "enter")
        await shows(app, lambda text: "✗" in text and "label key" in text)
        await pilot.press("end", "ctrl+u", "enter")
        await until(lambda: header(app) == "NAME↑ READY STATUS RESTARTS AGE")


async def test_the_palette_takes_label_columns_as_kubectl_does(labelled: Cluster) -> None:
    async with running(options("web"), (100, 24)) as (app, pilot):
        await until(lambda: header(app) == "NAME↑ READY STATUS RESTARTS AGE")
        await pilot.press("colon", *"po -L env,tier -L app", "enter")
        await until(lambda: header(app) == "NAME↑ READY STATUS RESTARTS AGE ENV TIER APP")
        assert app.session.pods.scope.namespaces == ("web",)
        await pilot.press("colon", *"po -L bad,-x")
        await shows(app, lambda text: "bad,▸-x" in text)


async def test_labels_that_were_asked_for_are_in_view_at_80_columns_and_none_is_cut_to_a_wrong_age(labelled: Cluster) -> None:
    labelled.pods.put("web", "web-3", status="CreateContainerConfigError", restarts="12 (3m ago)")
    async with running(options(label_columns=("env", "example.com/release-of-this-month")), (80, 24)) as (app, pilot):
        await until(lambda: "ENV" in header(app))
        assert header(app).startswith("NAMESPACE↑ NAME ENV RELEASE-OF-THIS-MONTH")
        assert header(app).endswith("›")
        seen = set()
        for _ in range(8):
            seen |= set(header(app).split())
            for line in as_text(app).splitlines():
                assert not re.search(r"web-\d .*\b\d+ ›?$", line), "an age has its unit"
            assert "NAME" in header(app)
            await pilot.press("right")
        assert {"AGE", "STATUS", "RESTARTS", "READY"} <= seen


# -- only what is faulty ------------------------------------------------------------------------------------------
async def test_z_shows_only_what_is_faulty_and_esc_shows_all(cluster: Cluster) -> None:
    cluster.pods.put("web", "web-1", status="CrashLoopBackOff")
    cluster.pods.put("web", "web-2", status="Completed")
    cluster.pods.put("web", "a-1", status="Pending")
    async with running(options("web"), (100, 24)) as (app, pilot):
        await until(lambda: order(app) == ["a-1", "web-1", "web-2", "web-3"])
        await pilot.press("Z")
        await until(lambda: order(app) == ["a-1", "web-1"])
        await shows(app, lambda text: "Pods 2 of 4  only faulty" in text and "2/4 pods" in text)
        cluster.pods.put("web", "web-3", status="ImagePullBackOff")
        await until(lambda: order(app) == ["a-1", "web-1", "web-3"])
        cluster.pods.put("web", "web-1", status="Running")
        await until(lambda: order(app) == ["a-1", "web-3"])
        await pilot.press("slash", *"web", "enter")
        await until(lambda: order(app) == ["web-3"])
        passes = app.screen.lists.pods.passes  # type: ignore[attr-defined]
        assert [passes("web", name) for name in ("a-1", "web-1", "web-3")] == [False, False, True]
        await pilot.press("escape")
        await until(lambda: order(app) == ["a-1", "web-3"])
        await pilot.press("escape")
        await until(lambda: order(app) == ["a-1", "web-1", "web-2", "web-3"])


async def test_when_nothing_is_faulty_that_is_said_and_how_to_see_all(cluster: Cluster) -> None:
    async with running(options("web"), (100, 24)) as (app, pilot):
        await until(lambda: len(order(app)) == 3)
        await pilot.press("Z")
        await shows(app, lambda text: "no pod is faulty" in text and "Esc shows all" in text)
        await pilot.press("Z")
        await until(lambda: len(order(app)) == 3)


async def test_the_sizes_of_the_panes_follow_ctrl_and_the_arrows(cluster: Cluster) -> None:
    async with running(options("web"), (140, 40)) as (app, pilot):
        await until(lambda: len(order(app)) >= 3)  # the details may name one again
        left = app.screen.query_one("#left")
        width = left.region.width
        await pilot.press("ctrl+right")
        await until(lambda: left.region.width == width + 4)
        await pilot.press("ctrl+left", "ctrl+left")
        await until(lambda: left.region.width == width - 4)
        details = app.screen.lower.details  # type: ignore[attr-defined]
        height = details.region.height
        await pilot.press("ctrl+up")
        await until(lambda: details.region.height > height)
        await pilot.press("ctrl+down", "ctrl+down")
        await until(lambda: details.region.height < height)


# -- colours ------------------------------------------------------------------------------------------------------
async def test_only_what_is_sick_has_a_colour_beside_the_status(cluster: Cluster) -> None:
    for name, status in (("web-1", "Running"), ("web-2", "CrashLoopBackOff"), ("web-3", "Pending"), ("a-1", "Completed")):
        cluster.pods.put("web", name, status=status, restarts="3")
    async with running(options("web"), (100, 24)) as (app, _):
        await until(lambda: len(order(app)) == 4)
        pane = app.screen.lists.pods  # type: ignore[attr-defined]
        styles = {row.name: [cell.style for cell in pane._cells(uid)] for uid, row in app.session.pods.rows.items()}
        assert styles == {
            "web-1": ["", "", "status.ok", "", ""],
            "web-2": ["status.error", "status.error", "status.error", "status.error", ""],
            "web-3": ["", "", "status.wait", "", ""],
            "a-1": ["", "", "status.done", "", ""],
        }


# -- time ---------------------------------------------------------------------------------------------------------
async def test_a_second_that_changes_no_age_in_view_makes_no_row_anew(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = SimpleNamespace(now=1767225600.0 + 3 * 3600)
    monkeypatch.setattr(list_pane, "time", SimpleNamespace(time=lambda: clock.now))
    for name in ("web-1", "web-2", "web-3"):
        cluster.pods.put("web", name, restarts="0", created="2026-01-01T00:00:00Z")
    async with running(options("web"), (100, 24)) as (app, _):
        await until(lambda: len(re.findall(r" 3h\b", as_text(app))) == 3)
        pane = app.screen.query_one("#pods").parent
        assert isinstance(pane, list_pane.ListPane)
        made: list[str] = []
        cells = pane.table._cells

        def counted(key: str) -> Sequence[Cell]:
            made.append(key)
            return cells(key)

        pane.table._cells = counted
        pane._tick()
        made.clear()
        pane._tick()
        assert made == []
        clock.now += 5 * 3600
        pane._tick()
        assert len(made) == 3
        await until(lambda: len(re.findall(r" 8h\b", as_text(app))) == 3)
