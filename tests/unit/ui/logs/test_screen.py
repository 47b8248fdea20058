"""Logs opened from the pod list: of the marked pods, and of all that are shown, in the whole application."""

from __future__ import annotations

from typing import Any

import pytest

from podtui.errors import api_error
from tests.support.log_cluster import LogCluster
from tests.support.waiting import shows, until
from tests.unit.ui.main.test_screen import Cluster, cluster, options, running

__all__ = ["cluster"]  # the fixture


@pytest.fixture
def logs(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> LogCluster:
    """Three pods with two containers each in the namespace shop, that have written a line."""
    made = LogCluster()
    cluster.pods = cluster.tables["pods"] = cluster.tables["log"] = made
    cluster.namespaces.put("", "shop")
    for name in ("web-1", "web-2", "db-1"):
        pod = made.pod(name, "app", "side")
        for container in pod.containers.values():
            made.write(container, f"hello from {name} {container.name}")
    access = cluster.json

    async def json(method: str, path: str, **more: Any) -> Any:
        return await (made.json(method, path) if method == "GET" else access(method, path, **more))

    monkeypatch.setattr(cluster, "json", json)
    return made


async def test_the_key_l_follows_the_marked_pods_in_one_view(logs: LogCluster) -> None:
    async with running(options("shop"), (120, 30)) as (app, pilot):
        await shows(app, lambda text: "web-2" in text and "live" in text)
        await pilot.press("G", "space", "k", "space", "l")  # web-2 and web-1
        await shows(app, lambda text: "web-1│ hello from web-1 app" in text and "web-2│ hello from web-2 app" in text)
        text = await shows(app, lambda text: "2 pods, 2 containers" in text)
        assert "from db-1" not in text
        await pilot.press("a")
        await shows(app, lambda text: "web-1 side│ hello from web-1 side" in text and "2 pods, 4 containers" in text)
        await pilot.press("escape")
        await until(lambda: not logs.open)  # nothing is read behind the user's back


async def test_ctrl_l_follows_every_pod_that_is_shown_and_those_that_come(logs: LogCluster) -> None:
    async with running(options("shop"), (120, 30)) as (app, pilot):
        await shows(app, lambda text: "web-2" in text and "live" in text)
        await pilot.press("slash", *"web", "enter", "ctrl+l")
        await shows(app, lambda text: "all pods in shop  2 pods, 4 containers" in text and "hello from web-2 side" in text)
        logs.write(logs.pod("db-2").containers["app"], "not this one")
        logs.write(logs.pod("web-3").containers["app"], "but this one")
        text = await shows(app, lambda text: "web-3 app │ but this one" in text and "3 pods, 5 containers" in text)
        assert "not this one" not in text


async def test_who_may_not_read_logs_in_one_of_the_namespaces_is_told_and_nothing_is_opened(cluster: Cluster, logs: LogCluster) -> None:
    cluster.refused = {("get", "pods", "shop")}
    async with running(options("shop"), (120, 30)) as (app, pilot):
        await shows(app, lambda text: "web-2" in text and "live" in text)
        await until(lambda: "get pods/log" in app.screen.refusal("main.logs"))  # type: ignore[attr-defined]
        await pilot.press("ctrl+a", "l")
        await until(lambda: [said.text for said in app.messages.all])
        assert [said.text for said in app.messages.all] == ["Logs: you lack permission to get pods/log in namespace shop"]
        assert not logs.logs_asked


async def test_a_refused_list_of_pods_is_said_in_place_of_lines(cluster: Cluster, logs: LogCluster) -> None:
    async with running(options("shop"), (120, 30)) as (app, pilot):
        await shows(app, lambda text: "web-2" in text and "live" in text)
        logs.refusals["shop"] = api_error(403, "Forbidden", 'pods is forbidden: User "ann" cannot list resource "pods"')
        await pilot.press("ctrl+l")
        await shows(app, lambda text: "no logs" in text and 'User "ann" cannot list resource' in text)
