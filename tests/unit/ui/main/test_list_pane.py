"""The list of pods by keys: what sorts it, which columns stand in it, what it leaves out."""

from __future__ import annotations

import re

import pytest

from podtui.config import Config
from podtui.ui.main.app import PodtuiApp
from podtui.ui.main.picture import as_text
from tests.support.waiting import until
from tests.unit.ui.main.test_screen import Cluster, cluster, options, running

__all__ = ["cluster"]  # the fixture


def header(app: PodtuiApp) -> str:
    """The titles of the columns of the pods, with one space between them."""
    line = next(line for line in as_text(app).splitlines() if "READY" in line)
    return " ".join(line.rpartition("│")[2].split())


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


async def test_a_column_that_sorts_the_rows_is_shown_as_long_as_it_does(cluster: Cluster) -> None:
    async with running(options("web", config=Config(columns=["Name", "Ready", "Status"])), (100, 24)) as (app, pilot):
        await until(lambda: len(order(app)) == 3)
        await pilot.press("O")
        await until(lambda: header(app) == "NAME READY STATUS NODE↑")
        await pilot.press("N")
        await until(lambda: header(app) == "NAME↑ READY STATUS")
