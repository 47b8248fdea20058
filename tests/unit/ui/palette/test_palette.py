"""The palette: what it offers and completes while one types, and what it says of what it does not know."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from podtui.config import Config, ForwardConfig
from podtui.ui.main.app import PodtuiApp
from podtui.ui.palette.completion import Names, complete_prompt
from tests.support.waiting import shows, until
from tests.unit.ui.main.test_screen import Cluster, cluster, options, running

__all__ = ["cluster"]


@asynccontextmanager
async def typed(text: str, *keys: str) -> AsyncIterator[tuple[PodtuiApp, Pilot[int]]]:
    start = options("web", config=Config(forwards={"shop-web": ForwardConfig(ports=["8080"], pod="web-1")}))
    start.kubeconfig.contexts.update(dict.fromkeys(("prod-eu", "prod-us", "dev")))  # type: ignore[arg-type]
    async with running(start) as (app, pilot):
        await shows(app, lambda text: "web-1" in text and "live" in text)
        await pilot.press("colon", *text, *keys)
        yield app, pilot


@pytest.mark.parametrize(
    ("text", "candidates"),
    [
        ("po", None),
        ("delete", None),
        ("delete po", None),
        ("ns ", ["all", "db", "web"]),
        ("ns w", ["web"]),
        ("ns db,", ["all", "db", "web"]),
        ("ns web", []),
        ("ctx prod", ["prod-eu", "prod-us"]),
        ("ctx us", ["prod-us"]),
        ("po -n d", ["db"]),
        ("po -n db,w", ["web"]),
        ("po d", ["db"]),
        ("po @de", ["dev"]),
        ("po -l ", ["app"]),
        ("po -l app=", ["web", "db"]),
        ("po -l 'app in (d", ["db"]),
        ("po -n web -l a", ["app"]),
        ("po -A", []),
        ("po -L ", ["app"]),
        ("po -n web -L x,a", ["app"]),
        ("po web ", []),
        ("no ", ["node-1"]),
        ("no nod", ["node-1"]),
        ("pf ", ["shop-web"]),
        ("q ", []),
    ],
)
async def test_what_may_follow_is_completed(cluster: Cluster, text: str, candidates: list[str] | None) -> None:
    async with typed("") as (app, _):
        app.session.show(namespaces=())
        await until(lambda: len(app.session.pods.rows) == 4)
        contexts = ["dev", "prod-eu", "prod-us"]
        found = complete_prompt(text, Names(app.session, contexts, lambda: {"node-1"}))
        assert (None if found is None else [one.text for one in found.candidates]) == candidates


async def test_tab_completes_and_enter_runs(cluster: Cluster) -> None:
    async with typed("ns d", "tab") as (app, pilot):
        await shows(app, lambda text: "ns db" in text)
        await pilot.press("enter")
        await shows(app, lambda text: "db-1" in text and "web-1" not in text)


async def test_a_candidate_that_the_arrow_keys_chose_is_run(cluster: Cluster) -> None:
    async with typed("ns ", "down", "enter") as (app, _):
        await shows(app, lambda text: "db-1" in text and "web-1" not in text)


async def test_a_selector_is_completed_from_the_pods(cluster: Cluster) -> None:
    async with typed("po -l a", "tab", "=", "tab") as (app, pilot):
        assert app.screen.query_one(Input).value == "po -l app=web"
        await pilot.press("enter")
        await shows(app, lambda text: "-l app=web" in text and "web-1" in text)


async def test_a_context_is_asked_for_with_the_list_of_them(cluster: Cluster) -> None:
    async with typed("ctx", "enter") as (app, _):
        await shows(app, lambda text: "✗ which context?" in text and "prod-eu" in text and "prod-us" in text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("ctx pord-eu", "there is no context `pord-eu`, did you mean `prod-eu`?"),
        ("pf shop-wbe", "there is no saved forward `shop-wbe`, did you mean `shop-web`?"),
        ("journl", "`journl` is not a command, did you mean `journal`?"),
        ("deploy", "`deploy` is not a command: podtui lists pods, nodes, namespaces"),
        ("secrets", "`secrets` is not a command: podtui lists pods, nodes, namespaces"),
        ("po -x", "`po` has no option -x"),
    ],
)
async def test_what_is_nothing_is_said_with_the_nearest_and_enter_does_nothing(cluster: Cluster, text: str, words: str) -> None:
    async with typed(text) as (app, pilot):
        await shows(app, lambda text: f"✗ {words}" in text)
        await pilot.press("enter")
        await shows(app, lambda text: f"✗ {words}" in text)


async def test_what_is_merely_unfinished_is_no_fault_before_enter(cluster: Cluster) -> None:
    async with typed("po -l app in (") as (app, pilot):
        await shows(app, lambda text: "po [NAMESPACE" in text and "✗" not in text)
        await pilot.press("enter")
        await shows(app, lambda text: "✗" in text)


async def test_tab_writes_the_name_of_a_command(cluster: Cluster) -> None:
    async with typed("journ", "tab") as (app, _):
        assert app.screen.query_one(Input).value == "journal"


async def test_hostile_names_of_contexts_are_shown_harmless(cluster: Cluster) -> None:
    start = options("web")
    start.kubeconfig.contexts["\x1b]0;x\x07[red]evil[/red]"] = None  # type: ignore[assignment]
    async with running(start) as (app, pilot):
        await shows(app, lambda text: "web-1" in text)
        await pilot.press("colon", *"ctx", "space")
        await shows(app, lambda text: "␛]0;x␇[red]evil[/red]" in text and "\x1b" not in text)
