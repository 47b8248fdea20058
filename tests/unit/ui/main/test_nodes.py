"""Events, Why and the nodes in the whole application, on a built-in cluster in the same process."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from podtui.cluster.kubeconfig.contexts import Kubeconfig
from podtui.config import Config
from podtui.demo.scenarios import loading
from podtui.demo.server import DemoServer
from podtui.demo.storage.kinds import NODES, PODS
from podtui.kube import resources
from podtui.kube.resources import Scope
from podtui.ui.logs.pane import LogsPane
from podtui.ui.main.app import PodtuiApp
from podtui.ui.main.kinds import NODE_LIST, Kind
from podtui.ui.main.screen import MainScreen
from podtui.ui.options import Options
from podtui.ui.terminal.picture import as_text
from tests.support.waiting import shows, until
from tests.unit.ui.main.test_screen import dimmed, running

MERGE_PATCH = "application/merge-patch+json"
GPU = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "kubia-gpu", "namespace": "default"},
    "spec": {"nodeSelector": {"gpu": "true"}, "containers": [{"name": "kubia", "image": "luksa/kubia"}]},
}


@pytest.fixture(scope="module")
def demo() -> Iterator[DemoServer]:
    with DemoServer(loading.load("textbook"), speed=20) as server:
        yield server


@pytest.fixture(autouse=True)
def state_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))


class Opened:
    def __init__(self, app: PodtuiApp, pilot: Pilot[int]) -> None:
        self.app, self.pilot = app, pilot

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)

    async def shows(self, *words: str) -> str:
        return await shows(self.app, lambda text: all(word in text for word in words))


@asynccontextmanager
async def opened(demo: DemoServer, size: tuple[int, int] = (120, 40), user: str = "") -> AsyncIterator[Opened]:
    settings = Kubeconfig.load(demo.kubeconfig).settings()
    if user:
        settings = replace(settings, impersonation=replace(settings.impersonation, user=user))
    start = Options(settings, Kubeconfig.load(demo.kubeconfig), Scope(("default",)), Config())
    async with running(start, size) as (app, pilot):
        await until(lambda: app.session.pods.known)
        yield Opened(app, pilot)


async def call(app: PodtuiApp, method: str, path: str, **more: Any) -> Any:
    return await app.session.opened.json(method, path, **more)


async def test_a_pending_pod_is_explained_and_runs_when_a_node_gets_the_label_that_is_offered(demo: DemoServer) -> None:
    async with opened(demo) as each:
        await call(each.app, "POST", "/api/v1/namespaces/default/pods", body=GPU)
        await each.shows("kubia-gpu", "Pending", "x explains why")
        await each.press("x")
        await each.shows("✗ No node takes it", "Of 3 nodes: 3 without a label that it requires", "Label a node (gpu=true)")
        await each.shows("› label node node-1 gpu=true")
        await each.press("v")
        await each.shows("! FailedScheduling", "0/3 nodes are available")
        await each.press("x", "x", "enter")
        await each.shows("Suggested actions")
        await each.press("j", "enter")
        await each.shows("Label node node-2", "+ gpu=true", "label node node-2 gpu=true")
        await each.press("enter", "enter")  # from the input to the button, and there
        await each.shows("Running", "No problem found")  # judged anew by itself
        assert demo.state.get(NODES, "", "node-2")["metadata"]["labels"]["gpu"] == "true"  # type: ignore[index]
        assert demo.state.get(PODS, "default", "kubia-gpu")["spec"]["nodeName"] == "node-2"  # type: ignore[index]
        await each.press("v")
        await each.shows("FailedScheduling", "Scheduled", "Pulled", "Started")


async def test_the_nodes_are_listed_while_they_are_shown_and_cordoned(demo: DemoServer) -> None:
    async with opened(demo) as each:
        session = each.app.session
        assert session._lists == set()
        await each.press("o")
        await each.shows("NAME", "STATUS", "VERSION", "node-1", "node-3", "Resources", "requests", "▸d Describe")
        await each.press("g")
        await each.shows("▌ node-1", "node/node-1", "kubernetes.io/hostname=node-1")
        (store,) = session._lists
        await until(lambda: store.health.state == "live")
        await each.press("C")
        await each.shows("Cordon node node-1", "Ready → Ready,SchedulingDisabled", "2 nodes left", "cordon node-1")
        await each.press("enter")  # the safe answer has the focus
        await each.shows("▸d Describe")
        assert "unschedulable" not in demo.state.get(NODES, "", "node-1")["spec"]  # type: ignore[index]
        await each.press("C")
        await each.shows("Cordon node node-1", "0 pods there")
        await each.press("tab", "enter")
        await each.shows("node-1  Ready,SchedulingDisabled")
        assert demo.state.get(NODES, "", "node-1")["spec"]["unschedulable"] is True  # type: ignore[index]
        await each.press("C")
        await each.shows("Uncordon node node-1", "uncordon node-1", "Ready,SchedulingDisabled → Ready")
        await each.press("tab", "enter")
        await until(lambda: not demo.state.get(NODES, "", "node-1")["spec"].get("unschedulable"))  # type: ignore[index]
        entries, _ = await session.journal.entries()
        assert [entry.verb for entry in entries] == ["cordon", "uncordon"]
        await each.press("escape")
        await until(lambda: session._lists == set() and not store._tasks)


async def test_the_pods_of_a_node_are_shown_in_the_main_list_and_left_again(demo: DemoServer) -> None:
    async with opened(demo) as each:
        for name, node in (("on-1", "node-1"), ("on-3", "node-3")):
            body = {"metadata": {"name": name}, "spec": {"nodeName": node, "containers": [{"name": "c", "image": "luksa/kubia"}]}}
            await call(each.app, "POST", "/api/v1/namespaces/default/pods", body=body)
        await each.shows("on-1", "on-3")
        await each.press("o")
        await each.shows("node-3", "Resources")
        await each.press("G")
        await each.shows("node/node-3")
        await each.press("tab", "G")
        await each.shows("default/on-3")  # the pods on it stand on its page
        await each.press("p")
        text = await shows(each.app, lambda text: "on node node-3" in text and "on-3" in text and "on-1" not in text)
        assert "all namespaces" in text
        await each.press("escape", "escape")
        await shows(each.app, lambda text: "on node" not in text and "on-1" in text and "on-3" in text)
        assert each.app.session.pods.scope == Scope(("default",))


async def test_the_palette_goes_to_a_node(demo: DemoServer) -> None:
    async with opened(demo, (80, 24)) as each:
        await each.press("colon", *"no node-2", "enter")
        await each.shows("▌ node-2")
        await each.press("enter")  # one pane at a time
        await shows(each.app, lambda text: "▸d Describe" in text and "node-1" not in text.split("Resources")[0])
        await each.press("y")
        await each.shows("kind: Node", "▸y YAML")
        await each.press("p")  # of the node whose page is shown
        await shows(each.app, lambda text: "on node node-2" in text)
        await each.press("escape")
        await shows(each.app, lambda text: "on node" not in text and "[Pods]" in text)
        await each.press("shift+tab", "colon", *"no node-3", "enter")  # also from the namespaces
        await each.shows("▌ node-3")
        await each.press("p")
        await shows(each.app, lambda text: "on node node-3" in text)


async def test_the_nodes_are_filtered_by_name_and_by_label(demo: DemoServer) -> None:
    async with opened(demo, (80, 24)) as each:
        await each.press("o")
        await each.shows("node-1", "node-3")
        await each.press("slash", *"-3")
        await shows(each.app, lambda text: "1 of 3" in text and "node-1" not in text)
        await each.press("ctrl+u", *"disktype=ssd", "enter")
        await shows(each.app, lambda text: "/disktype=ssd" in text and "▌ node-1" in text and "node-3" not in text)
        await each.press("escape")
        await each.shows("node-1", "node-3")
        await each.press("escape")
        await shows(each.app, lambda text: "Pods" in text and "VERSION" not in text)


async def test_who_may_not_list_nodes_is_told_so_and_what_may_not_be_done_is_dimmed(demo: DemoServer) -> None:
    async with opened(demo) as admin:
        rules = [
            {"apiGroups": [""], "resources": ["pods", "namespaces"], "verbs": ["get", "list", "watch"]},
        ]
        await grant(admin.app, "few", rules)
        await grant(admin.app, "viewer", [*rules, {"apiGroups": [""], "resources": ["nodes"], "verbs": ["get", "list", "watch"]}])
    async with opened(demo, user="few") as each:
        await each.press("o")
        await each.shows("you may not list nodes")
    async with opened(demo, user="viewer") as each:
        await each.press("o")
        await each.shows("node-1", "Resources")
        await until(lambda: {"Label", "Cordon"} <= dimmed(each.app))
        await each.press("C")
        await each.shows("Cordon: you lack permission to patch nodes")


async def grant(app: PodtuiApp, user: str, rules: list[dict[str, Any]]) -> None:
    path, api = "/apis/rbac.authorization.k8s.io/v1", "rbac.authorization.k8s.io"
    role = {"apiVersion": f"{api}/v1", "kind": "ClusterRole", "metadata": {"name": user}, "rules": rules}
    await call(app, "POST", f"{path}/clusterroles", body=role)
    subject = {"kind": "User", "name": user, "apiGroup": api}
    reference = {"kind": "ClusterRole", "name": user, "apiGroup": api}
    binding = {
        "apiVersion": f"{api}/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": user},
        "subjects": [subject],
        "roleRef": reference,
    }
    await call(app, "POST", f"{path}/clusterrolebindings", body=binding)


async def test_nothing_asks_for_events_once_they_are_not_on_show(demo: DemoServer) -> None:
    async with opened(demo) as each:
        body = {"metadata": {"name": "quiet"}, "spec": {"containers": [{"name": "c", "image": "luksa/kubia"}]}}
        await call(each.app, "POST", "/api/v1/namespaces/default/pods", body=body)
        await each.press("slash", *"quiet", "enter")
        await each.shows("quiet", "Running")
        await each.press("v")
        await each.shows("· Scheduled")
        assert working(each.app) == 1
        for keys, there in ((("y",), 0), (("v",), 1), (("l",), 0)):
            await each.press(*keys)
            await until(lambda there: working(each.app) == there, there)


def working(app: PodtuiApp) -> int:
    return sum(worker.group == "details-live" and worker.is_running for worker in app.workers)


@pytest.mark.parametrize("key", ["escape", "q", "o"])
async def test_from_the_nodes_the_pods_come_back_with_cursor_marks_filter_and_scroll(demo: DemoServer, key: str) -> None:
    async with opened(demo, (120, 24)) as each:
        names = [f"row-{key}-{number:02}" for number in range(40)]
        for name in names:
            body = {"metadata": {"name": name}, "spec": {"containers": [{"name": "c", "image": "luksa/kubia"}]}}
            await call(each.app, "POST", "/api/v1/namespaces/default/pods", body=body)
        await each.press("slash", *f"row-{key}", "enter", "G", "up", "space")
        await each.shows(f" /row-{key}  1 marked", f"▌ {names[39]}", f"●{names[38]}")
        before = pods_shown(as_text(each.app))
        await each.press("o")
        await each.shows("Nodes 3", "node-1")
        await call(each.app, "DELETE", f"/api/v1/namespaces/default/pods/{names[0]}")  # the list of the pods goes on unseen
        pods = each.app.session.pods
        await until(lambda: all(row.name != names[0] or row.deleted for row in pods.rows.values()))
        await each.press(key)
        text = await each.shows("1 marked", f"▌ {names[39]}")
        assert [line.split()[0] for line in pods_shown(text)] == [line.split()[0] for line in before]
        assert each.app.session._lists == set()
        for name in names[1:]:
            await call(each.app, "DELETE", f"/api/v1/namespaces/default/pods/{name}", query=[("gracePeriodSeconds", "0")])


def pods_shown(text: str) -> list[str]:
    """The rows of the pods, without what stands at their left."""
    return [line.split("│", 1)[-1] for line in text.splitlines() if "row-" in line and "/row" not in line]


async def test_logs_are_not_followed_behind_the_details_that_took_their_place(demo: DemoServer) -> None:
    async with opened(demo) as each:
        logged = {**GPU, "metadata": {"name": "logged", "namespace": "default"}}
        await call(each.app, "POST", "/api/v1/namespaces/default/pods", body=logged)
        await each.shows("logged")
        await each.press("l")
        await until(lambda: each.app.screen.query(LogsPane))
        logs = each.app.screen.query_one(LogsPane)
        await until(lambda: logs.targets)
        await each.press("y")
        assert not logs.targets
        await call(each.app, "DELETE", "/api/v1/namespaces/default/pods/logged")


async def test_on_the_nodes_the_commands_of_pods_are_dimmed_and_say_what_they_are_for(demo: DemoServer) -> None:
    async with opened(demo, (140, 40)) as each:
        assert "Cordon" not in as_text(each.app).splitlines()[-1]
        await each.press("o")
        await each.shows("node-1", "Resources")
        await until(lambda: {"Logs", "Why", "Forward", "Shell", "Delete", "Selector"} <= dimmed(each.app))
        assert dimmed(each.app).isdisjoint({"Label", "Cordon", "Pods", "Filter", "Back"})
        await each.press("l")
        await each.shows("Logs: only for pods")
        await each.press("colon", *"shell")
        await each.shows("Shell: only for pods")


async def test_the_help_has_the_commands_of_the_kind_on_show(demo: DemoServer) -> None:
    async with opened(demo, (120, 100)) as each:
        await each.press("question_mark")
        text = await each.shows("Open a shell", "Set, overwrite or remove labels")
        assert "Keep new pods off" not in text
        await each.press("escape", "o")
        await each.shows("node-1", "VERSION")
        await each.press("question_mark")
        text = await each.shows("Keep new pods off", "Set, overwrite or remove labels")
        assert "Open a shell" not in text and "Sort by node" not in text


async def test_a_node_that_is_not_there_is_told(demo: DemoServer) -> None:
    async with opened(demo) as each:
        await each.press("colon", *"no nope", "enter")
        await each.shows("there is no node nope here")


async def test_the_details_of_a_node_follow_its_changes(demo: DemoServer) -> None:
    async with opened(demo, (120, 50)) as each:
        await each.press("colon", *"no node-2", "enter")
        await each.shows("▌ node-2", "node/node-2")
        await call(each.app, "PATCH", "/api/v1/nodes/node-2", body={"metadata": {"labels": {"seen": "now"}}}, content_type=MERGE_PATCH)
        await each.shows("seen=now")


async def test_nodes_that_are_known_before_their_list_is_mounted_show_their_details(
    demo: DemoServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(demo) as each:
        nodes = each.app.session.open_list(resources.NODES)
        await until(lambda: nodes.known)
        monkeypatch.setattr(each.app.session, "open_list", lambda resource: nodes)
        await each.press("o")
        await each.shows("▸d Describe", "Resources")


async def test_the_nodes_come_with_their_own_tab_and_the_pods_with_the_one_that_they_had(demo: DemoServer) -> None:
    async with opened(demo) as each:
        body = {"metadata": {"name": "tabbed"}, "spec": {"containers": [{"name": "c", "image": "luksa/kubia"}]}}
        await call(each.app, "POST", "/api/v1/namespaces/default/pods", body=body)
        await each.press("slash", *"tabbed", "enter", "v")
        await each.shows("▸v Events  x Why  tabbed")
        await each.press("o")
        await each.shows("▸d Describe", "Resources")
        await each.press("y")
        await each.shows("▸y YAML")
        await each.press("enter")
        await each.shows("▸d Describe", "Resources")
        await each.press("escape", "escape")
        await each.shows("▸v Events  x Why  tabbed")


SERVICES = Kind(resources.Resource("", "v1", "services", "Service"))


async def test_any_kind_is_listed_in_place_of_the_pods_and_the_commands_for_any_kind_work_on_it(demo: DemoServer) -> None:
    async with opened(demo) as each:
        screen = each.app.screen
        assert isinstance(screen, MainScreen)
        await screen.show_kind(SERVICES, "kubernetes")
        first = (await each.shows("Services", "CLUSTER-IP", "▌ default", "kubernetes", "▸y YAML")).splitlines()[0]
        assert "1 service" in first
        await each.press("L")
        await each.shows("Label service kubernetes in default", "labels now")
        await each.press("escape", "slash", *"nothing", "enter")
        await each.shows("0 of 1", "no service matches the filter")
        await each.press("escape", "l")
        await each.shows("Logs: only for pods")
        await screen.show_kind(NODE_LIST)
        await each.shows("Nodes", "node-1", "▸d Describe")
        await each.press("escape")
        await each.shows("Pods", "▸d Describe")
