"""What `c` copies of the selected pods, nodes and namespaces."""

from __future__ import annotations

import pytest
from textual.pilot import Pilot

from podtui.ui.main.app import PodtuiApp
from tests.support.waiting import shows
from tests.unit.ui.main.test_screen import Cluster, cluster, options, running

__all__ = ["cluster"]


async def copied(app: PodtuiApp, pilot: Pilot[int], *keys: str) -> str:
    await pilot.press("c")
    await shows(app, lambda text: "Copy of" in text and "kubectl command" in text)
    await pilot.press(*keys)
    await shows(app, lambda text: "Copy of" not in text and "clipboard" in text)
    return app.clipboard


@pytest.mark.parametrize(
    ("keys", "text"),
    [
        (("enter",), "web-1"),
        (("j", "enter"), "web/web-1"),
        (("j", "j", "j", "enter"), "kubectl --context dev get pod -n web web-1"),
        (("j", "j", "j", "j", "enter"), "10.0.0.1"),
    ],
)
async def test_c_copies_of_a_pod_its_name_first(cluster: Cluster, keys: tuple[str, ...], text: str) -> None:
    async with running(options("web")) as (app, pilot):
        await shows(app, lambda text: "web-1" in text)
        assert await copied(app, pilot, *keys) == text


async def test_of_marked_pods_every_line_is_copied(cluster: Cluster) -> None:
    async with running(options("web")) as (app, pilot):
        await shows(app, lambda text: "web-1" in text)
        await pilot.press("space", "space")
        await shows(app, lambda text: "2 marked" in text)
        await pilot.press("c")
        await shows(app, lambda text: "Copy of 2 pods" in text and "2 lines" in text)
        await pilot.press("escape")
        assert await copied(app, pilot, "j", "enter") == "web/web-1\nweb/web-2"


async def test_the_yaml_is_copied_as_kubectl_prints_it(cluster: Cluster) -> None:
    metadata = {"name": "web-1", "namespace": "web", "managedFields": [{"manager": "kubectl"}]}
    cluster.objects["/api/v1/namespaces/web/pods/web-1"] = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata}
    async with running(options("web")) as (app, pilot):
        await shows(app, lambda text: "web-1" in text)
        yaml = await copied(app, pilot, "j", "j", "enter")
        assert yaml == "apiVersion: v1\nkind: Pod\nmetadata:\n  name: web-1\n  namespace: web\n"


async def test_an_object_that_is_gone_copies_nothing_and_says_so(cluster: Cluster) -> None:
    async with running(options("web")) as (app, pilot):
        await shows(app, lambda text: "web-1" in text)
        await pilot.press("c", "j", "j", "enter")
        await shows(app, lambda text: "not found" in text)
        assert app.clipboard == ""


async def test_what_a_namespace_does_not_have_cannot_be_chosen(cluster: Cluster) -> None:
    cluster.refused = {("get", "namespaces", "web")}
    async with running(options("web"), (140, 24)) as (app, pilot):
        await shows(app, lambda text: "web ←" in text)
        await pilot.press("shift+tab", "G")
        await shows(app, lambda text: "▌ web ←" in text)
        await pilot.pause()
        await pilot.press("c")
        text = await shows(app, lambda text: "Copy of namespace/web" in text)
        assert "▸ name              web" in text and "  kubectl command   kubectl" in text  # one below the other
        assert "(namespace/name)  it is in no namespace" in text and "(address)         it has none" in text
        assert "(YAML)            YAML: you lack permission to get namespaces" in text
        await pilot.press("escape")
        assert await copied(app, pilot, "j", "enter") == "kubectl --context dev get namespace web"
