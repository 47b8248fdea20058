"""Logs of many containers as one, on real nodes: merged, with pods that come and go, through restarts of what serves them."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import Any

import pytest

from podtui.cluster.connection.connection import Connection
from podtui.cluster.logs.follower import LogOptions
from podtui.cluster.logs.group import LogGroup, LogTarget
from podtui.cluster.logs.stamps import local_time
from podtui.kube.resources import PODS, ObjectRef, Scope
from podtui.ui.logs.lines.text import time_text
from tests.contract.conftest import node_name
from tests.contract.test_logs import COUNT, container, create
from tests.support.taken_logs import TakenGroup
from tests.support.waiting import in_background, until

pytestmark = pytest.mark.usefixtures("real_node")


class View(TakenGroup):
    """What a group brings, by the pods and containers of its sources; its lines are `line N`."""

    def __init__(self, group: LogGroup) -> None:
        super().__init__()
        self.group = group

    @property
    def names(self) -> list[str]:
        return [f"{source.ref.name} {source.container}" for source in self.group.sources]

    def texts_of(self, name: str) -> list[str]:
        """The lines of one source, by its pod and container."""
        numbers = [place for place, each in enumerate(self.names) if each == name]
        return [text for source, text, _ in self.lines if source in numbers]

    def numbers(self, name: str) -> list[int]:
        return [int(text.split()[1]) for text in self.texts_of(name)]


@asynccontextmanager
async def following(connection: Connection, target: LogTarget, options: LogOptions | None = None) -> AsyncIterator[View]:
    group = LogGroup(connection, target, options)
    view = View(group)
    async with in_background(group.run(view)):
        yield view


async def labelled(connection: Connection, namespace: str, name: str, *containers: dict[str, Any], **spec: Any) -> ObjectRef:
    """A pod with the label app=web."""
    body = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {"app": "web"}},
        "spec": {"nodeName": node_name(), "terminationGracePeriodSeconds": 0, "containers": list(containers), **spec},
    }
    pod = await connection.json("POST", PODS.path(namespace), body=body)
    return ObjectRef(PODS, name, namespace, pod["metadata"]["uid"])


async def test_all_that_a_selector_matches_is_merged_and_pods_that_come_later_are_read_whole(
    connection: Connection, namespace: str
) -> None:
    containers = container("app", COUNT), container("side", COUNT)
    first = await labelled(connection, namespace, "web-1", *containers, initContainers=[container("setup", "echo line 0")])
    await labelled(connection, namespace, "web-2", container("app", COUNT))
    await create(connection, namespace, "other", container("app", COUNT))
    target = LogTarget(scope=Scope((namespace,), "app=web"), every=True)
    async with following(connection, target) as view:
        await until(lambda: len(view.numbers("web-1 side")) > 30 and len(view.numbers("web-2 app")) > 30)
        assert sorted(view.names) == ["web-1 app", "web-1 setup", "web-1 side", "web-2 app"]
        await labelled(connection, namespace, "web-3", container("app", COUNT))
        await until(lambda: len(view.numbers("web-3 app")) > 30)
        await connection.request("DELETE", first.path)
        await until(lambda: sum("the pod is gone" in source.status.why for source in view.group.sources if source.ref == first) == 3)
        seen = len(view.numbers("web-2 app"))
        await until(lambda: len(view.numbers("web-2 app")) > seen + 30)
    for name in ("web-1 app", "web-1 side", "web-2 app", "web-3 app"):
        numbers = view.numbers(name)
        assert numbers == list(range(len(numbers))), name
    assert view.texts_of("web-1 setup") == ["line 0"]
    times = [time for _, _, time in view.lines]
    assert sum(before > after for before, after in pairwise(times)) <= len(times) // 20  # late ones on a loaded machine


async def test_tails_come_in_the_exact_order_of_the_servers_times(connection: Connection, namespace: str) -> None:
    pods = [await labelled(connection, namespace, f"web-{number}", container("app", COUNT)) for number in range(3)]
    async with following(connection, LogTarget(tuple(pods))) as view:
        await until(lambda: all(len(view.numbers(f"web-{number} app")) > 100 for number in range(3)))
    async with following(connection, LogTarget(tuple(pods)), LogOptions(tail=40)) as view:
        await until(lambda: len(view.lines) >= 120)
    tails = view.lines[:120]
    assert tails == sorted(tails, key=lambda line: line[2])
    assert {source for source, _, _ in tails} == {0, 1, 2}


async def test_the_pod_that_a_deployment_makes_in_place_of_a_marked_one_is_followed(connection: Connection, namespace: str) -> None:
    path = f"/apis/apps/v1/namespaces/{namespace}/deployments"
    labels = {"app": "web"}
    template = {
        "metadata": {"labels": labels},
        "spec": {"nodeName": node_name(), "terminationGracePeriodSeconds": 0, "containers": [container("app", COUNT)]},
    }
    spec = {"replicas": 1, "selector": {"matchLabels": labels}, "template": template}
    await connection.json("POST", path, body={"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": spec})
    listed: list[Any] = []
    for _ in range(600):
        listed = (await connection.json("GET", PODS.path(namespace)))["items"]
        if listed:
            break
        await asyncio.sleep(0.1)
    first = ObjectRef(PODS, listed[0]["metadata"]["name"], namespace, listed[0]["metadata"]["uid"])
    async with following(connection, LogTarget((first,))) as view:
        await until(lambda: len(view.lines) > 20)
        await connection.request("DELETE", first.path)
        await until(lambda: len(view.group.sources) == 2 and len(view.numbers(view.names[1])) > 20)
        assert f"pod/{view.group.sources[1].ref.name} takes the place of pod/{first.name}" in [note for _, note in view.notes]
        for name in view.names:
            numbers = view.numbers(name)
            assert numbers == list(range(len(numbers)))


async def test_a_restart_of_the_api_server_loses_and_repeats_nothing(
    connection: Connection, namespace: str, cluster: Callable[[str, str], None]
) -> None:
    for number in range(4):
        await labelled(connection, namespace, f"web-{number}", container("app", COUNT), container("side", COUNT))
    async with following(connection, LogTarget(scope=Scope((namespace,), "app=web"), every=True)) as view:
        await until(lambda: len(view.names) == 8 and all(len(view.numbers(name)) > 30 for name in view.names))
        await asyncio.to_thread(cluster, "restart", "kube-apiserver")
        seen = {name: len(view.numbers(name)) for name in view.names}
        await until(lambda: all(len(view.numbers(name)) > seen[name] + 60 for name in view.names))
    for name in view.names:
        numbers = view.numbers(name)
        assert numbers == list(range(len(numbers))), name


CHATTY = (
    "i=0; x={}; while [ $i -lt 120000 ]; do j=0; while [ $j -lt 80 ]; do echo line $i $x; i=$((i+1)); j=$((j+1)); done; sleep 0.1; done"
)


def came(view: View) -> Counter[int]:
    """How many lines of each source have come."""
    return Counter(source for source, _, _ in view.lines)


def numbered(view: View, place: int) -> list[tuple[int, str]]:
    """The numbers of a source's lines, each with its local time."""
    return [(int(text.split()[1]), local_time(time_text(time))) for source, text, time in view.lines if source == place]


def untold_gaps(view: View) -> list[str]:
    """What is missing without a word about it."""
    notes = {note for _, note in view.notes}
    return [
        f"{name}: lines {before + 1} to {after - 1}, between {since} and {back}"
        for place, name in enumerate(view.names)
        for (before, since), (after, back) in pairwise(numbered(view, place))
        if after != before + 1 and f"lines from {since} to {back} may be missing: the log was rotated meanwhile" not in notes
    ]


async def test_a_chatty_log_that_is_rotated_through_restarts_of_api_server_and_kubelet(
    connection: Connection, namespace: str, cluster: Callable[[str, str], None], kubelet: Callable[[], None]
) -> None:
    """Some 160 KB a second and a new file at 1 MiB. What a rotation takes away while nobody reads is told; nothing comes twice."""
    for number in range(2):
        await labelled(connection, namespace, f"web-{number}", container("app", CHATTY.format("x" * 200)))

    async def more(view: View, lines: int) -> None:
        seen = came(view)  # in the view: the group may hold lines back, until it knows that none of another source is older
        await until(lambda: all(came(view)[place] > seen[place] + lines for place in range(2)), seconds=180)

    async with following(connection, LogTarget(scope=Scope((namespace,), "app=web"))) as view:
        await until(lambda: len(view.names) == 2)
        await more(view, 1000)
        await asyncio.to_thread(cluster, "restart", "kube-apiserver")
        await more(view, 1000)
        await asyncio.to_thread(kubelet)
        await more(view, 4000)
        await asyncio.to_thread(cluster, "stop", "kube-apiserver")
        await asyncio.sleep(10)  # long enough that a file goes
        await asyncio.to_thread(cluster, "start", "kube-apiserver")
        await more(view, 1000)
        await until(lambda: all(source.status.state == "following" for source in view.group.sources))
        with contextlib.suppress(AssertionError):
            await until(lambda: not untold_gaps(view))  # it is not sure at once that it was a rotation and no restart
    assert untold_gaps(view) == [], "\n".join(f"{view.names[place]}: {note}" for place, note in view.notes)
    for place, name in enumerate(view.names):
        assert all(before < after for (before, _), (after, _) in pairwise(numbered(view, place))), (
            f"{name}: a line came twice or out of order"
        )
    assert all(re.fullmatch(r"line \d+ x{200}", text) for _, text, _ in view.lines)
