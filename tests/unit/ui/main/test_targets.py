"""A command acts on the object of the pane that has the focus, or is dimmed with the reason: never on an object out of view."""

from __future__ import annotations

from typing import Any

import pytest

from podtui.cluster.logs.group import LogTarget
from podtui.kube.resources import PODS, ObjectRef
from podtui.ui.commands import BY_ID
from podtui.ui.main.app import PodtuiApp
from tests.support.waiting import shows, until
from tests.unit.ui.main.test_screen import Cluster, cluster, dimmed, options, running

__all__ = ["cluster"]  # the fixture

SIZES = [(80, 24), (120, 36)]


def refusal(app: PodtuiApp, command: str) -> str:
    return app.screen.refusal(command)  # type: ignore[attr-defined, no-any-return]


def objects(app: PodtuiApp, command: str) -> list[str]:
    """The names of the objects that a command would act on."""
    return [str(ref) for ref in app.screen.targets.objects(BY_ID[command])]  # type: ignore[attr-defined]


@pytest.fixture
def cluster_with_objects(cluster: Cluster) -> Cluster:
    """Its pods can be read, too."""
    for thing in cluster.pods.things.values():
        metadata = {"name": thing.name, "namespace": thing.namespace, "uid": thing.uid, "resourceVersion": str(thing.version)}
        cluster.objects[f"/api/v1/namespaces/{thing.namespace}/pods/{thing.name}"] = {"kind": "Pod", "metadata": metadata}
    return cluster


@pytest.mark.parametrize("size", SIZES)
async def test_with_the_namespaces_in_focus_the_commands_of_pods_say_where_the_pods_are(cluster: Cluster, size: tuple[int, int]) -> None:
    async with running(options("web"), size) as (app, pilot):
        await shows(app, lambda text: "web-1" in text and "live" in text)
        await pilot.press("shift+tab")
        await shows(app, lambda text: "all namespaces" in text)
        for command in ("logs", "previous-logs", "all-logs", "forward", "shell", "why"):
            assert refusal(app, f"main.{command}") == f"{BY_ID[f'main.{command}'].title}: only for pods; Tab goes to them"
        assert {"Logs", "Forward", "Shell", "Why"} <= dimmed(app)
        for key in "Fxslpc":
            await pilot.press(key)
            assert app.screen.id is None and not app.screen.is_modal, key
        await shows(app, lambda text: "all namespaces" in text)
        await pilot.press("tab")
        await until(lambda: dimmed(app).isdisjoint({"Logs", "Forward", "Shell", "Why"}))


async def test_with_the_namespaces_in_focus_the_others_act_on_the_namespace(cluster: Cluster) -> None:
    async with running(options("web"), (80, 24)) as (app, pilot):
        await shows(app, lambda text: "web-1" in text and "live" in text)
        await pilot.press("shift+tab", "g", "j")
        for command in ("label", "annotate", "edit", "yaml", "events", "delete"):
            await until(lambda command: objects(app, f"main.{command}") == ["namespace/db"], command)


@pytest.mark.parametrize("size", SIZES)
async def test_in_the_details_a_command_acts_on_what_they_show_and_not_on_marks_or_another_row(
    cluster_with_objects: Cluster, size: tuple[int, int]
) -> None:
    async with running(options("web"), size) as (app, pilot):
        await shows(app, lambda text: "web-1" in text and "live" in text)
        await pilot.press("G", "space", "g", "space", "enter")  # web-3 and web-1 are marked
        await until(lambda: objects(app, "main.delete") == ["pod/web-2"])
        for command in ("label", "logs", "shell", "forward", "yaml"):
            assert objects(app, f"main.{command}") == ["pod/web-2"]
        await pilot.press("escape")
        assert objects(app, "main.delete") == ["pod/web-1", "pod/web-3"]


@pytest.mark.parametrize("size", SIZES)
async def test_when_the_pod_of_the_details_goes_nothing_acts_on_the_pod_that_took_its_line(
    cluster_with_objects: Cluster, size: tuple[int, int]
) -> None:
    cluster = cluster_with_objects
    async with running(options("web"), size) as (app, pilot):
        await shows(app, lambda text: "web-1" in text and "live" in text)
        await pilot.press("g", "enter")
        await until(lambda: objects(app, "main.delete") == ["pod/web-1"])
        await shows(app, lambda text: "Describe" in text and "nothing selected" not in text)
        del cluster.objects["/api/v1/namespaces/web/pods/web-1"]
        cluster.pods.delete("web", "web-1")
        await shows(app, lambda text: "pod/web-1 is gone" in text)
        assert objects(app, "main.delete") == []
        assert refusal(app, "main.delete") == "Delete: pod/web-1 is gone"
        await until(lambda: "Delete" in dimmed(app))
        await pilot.press("y")  # its last known state can be read
        await shows(app, lambda text: "▸y YAML" in text and "name: web-1" in text and "pod/web-1 is gone" in text)


async def test_in_the_logs_a_command_acts_on_their_only_pod(cluster: Cluster) -> None:
    async with running(options("web"), (80, 24)) as (app, pilot):
        await shows(app, lambda text: "web-1" in text and "live" in text)
        await pilot.press("j", "l")
        await shows(app, lambda text: "[Logs]" in text)
        assert objects(app, "main.delete") == ["pod/web-2"]
        screen: Any = app.screen
        screen.lists.pods.table.move_to(0)  # as when rows change
        assert objects(app, "main.delete") == ["pod/web-2"]
        refs = tuple(ObjectRef(PODS, row.name, row.namespace, uid) for uid, row in app.session.pods.rows.items())
        screen.lower.by_name["logs"].follow(LogTarget(refs))
        assert refusal(app, "main.shell") == "Shell: these are the logs of 3 pods; select one in the list"
        assert refusal(app, "main.delete") == "Delete: these are the logs of 3 pods; select one in the list"


async def test_the_nodes_at_the_right_are_not_cordoned_from_the_namespaces(cluster: Cluster) -> None:
    cluster.tables["nodes"] = nodes = type(cluster.pods)()
    nodes.put("", "node-1")
    async with running(options("web"), (80, 24)) as (app, pilot):
        await shows(app, lambda text: "web-1" in text and "live" in text)
        await pilot.press("o")
        await shows(app, lambda text: "node-1" in text)
        assert objects(app, "main.cordon") == ["node/node-1"]
        await pilot.press("shift+tab")
        await shows(app, lambda text: "all namespaces" in text)
        assert refusal(app, "main.cordon") == "Cordon: only for nodes; Tab goes to them"
        assert refusal(app, "main.node-pods") == "Pods: only for nodes; Tab goes to them"
