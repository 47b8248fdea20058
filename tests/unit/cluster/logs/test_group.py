"""The logs of many containers as one, over pods in memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from podtui import tasks
from podtui.cluster.logs.follower import LogOptions
from podtui.cluster.logs.group import LogGroup, LogTarget
from podtui.cluster.logs.shared_reads import SharedReads
from podtui.errors import Forbidden, ServerError, api_error
from podtui.kube.resources import PODS, ObjectRef, Scope
from tests.support.api_server import page
from tests.support.list_server import refusal
from tests.support.log_cluster import BASE, FakePod, LogCluster
from tests.support.mutated_answers import mutated
from tests.support.taken_logs import TakenGroup
from tests.support.waiting import in_background, until


@asynccontextmanager
async def following(
    cluster: LogCluster, target: LogTarget, options: LogOptions | None = None, pace: float = 0.02, **more: Any
) -> AsyncIterator[tuple[LogGroup, TakenGroup]]:
    group, taken = LogGroup(cluster, target, options, pace=pace, **more), TakenGroup()  # type: ignore[arg-type]
    async with in_background(group.run(taken)):
        yield group, taken


@given(st.data())
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_no_answer_about_a_pod_ends_following_for_good(data: st.DataObject) -> None:
    """Whatever the server answers for a while, the next good answer heals: all lines come, once."""

    async def play() -> None:
        cluster = LogCluster()
        pod = cluster.pod("web-1", "app", "side")
        cluster.write(pod.containers["app"], "first")
        cluster.told[pod.uid] = mutated(data, pod.json())
        every = data.draw(st.booleans())
        async with following(cluster, LogTarget((pod.ref,), containers=() if every else ("app",), every=every), pace=0.001) as (
            group,
            taker,
        ):
            await until(lambda: cluster.pods_asked >= 2)
            cluster.told.clear()
            cluster.drop()
            cluster.write(pod.containers["app"], "second")
            # Another pod of the name, and a container that the pod does not have, are ends for good, whatever comes later.
            ends = "another one has its name", "has no container", "never ran"
            await until(lambda: taker.texts == ["first", "second"] or any(end in each.status.why for each in group.sources for end in ends))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tasks, "_DELAY_FIRST", 0.001)
        asyncio.run(play())


def names(group: LogGroup) -> list[str]:
    return [f"{source.ref.name} {source.container}" for source in group.sources]


async def test_all_containers_of_a_pod_are_read_init_and_ephemeral_ones_too_and_those_that_come_later() -> None:
    cluster = LogCluster()
    pod = cluster.pod("web-1", "app", "side")
    cluster.pod("web-1", "setup", kind="initContainers")
    cluster.write(pod.containers["setup"], "ready")
    cluster.exit(pod.containers["setup"])
    cluster.write(pod.containers["app"], "hello")
    async with following(cluster, LogTarget((pod.ref,), every=True)) as (group, taker):
        await until(lambda: "hello" in taker.texts)
        assert names(group) == ["web-1 app", "web-1 side", "web-1 setup"]
        cluster.pod("web-1", "debugger", kind="ephemeralContainers")
        cluster.write(pod.containers["debugger"], "sh")
        await until(lambda: taker.texts == ["ready", "hello", "sh"])
        assert names(group)[3] == "web-1 debugger"
        await until(lambda: taker.notes)
        assert taker.notes == [(2, "ended: exit code 0, Error")]


async def test_the_log_without_a_container_is_that_of_the_one_that_kubectl_takes() -> None:
    cluster = LogCluster()
    pod = cluster.pod("web-1", "app", "side")
    async with following(cluster, LogTarget((pod.ref,))) as (group, _):
        await until(lambda: names(group) == ["web-1 app"] and group.containers == ["app", "side"])


async def test_the_tails_of_marked_pods_are_merged_by_time_and_then_followed() -> None:
    cluster = LogCluster()
    pods = [cluster.pod(f"web-{number}") for number in range(3)]
    for number in range(30):
        cluster.write(pods[number % 3].containers["app"], f"line {number}")
    async with following(cluster, LogTarget(tuple(pod.ref for pod in pods)), LogOptions(tail=1000)) as (group, taker):
        await until(lambda: len(taker.lines) == 30)
        assert taker.texts == [f"line {number}" for number in range(30)]
        cluster.write(pods[1].containers["app"], "next")
        await until(lambda: taker.texts[-1] == "next")
        assert [source.lines for source in group.sources] == [10, 11, 10]


async def test_every_pod_that_a_selector_matches_is_read_those_that_come_later_from_their_beginning() -> None:
    cluster = LogCluster()
    first = cluster.pod("web-1", labels={"app": "web"})
    cluster.pod("db-1", labels={"app": "db"})
    cluster.write(first.containers["app"], *(f"old {number}" for number in range(20)))
    target = LogTarget(scope=Scope(("shop",), "app=web"), every=True)
    async with following(cluster, target, LogOptions(tail=5)) as (group, taker):
        await until(lambda: len(taker.lines) == 5)
        group._began = BASE / 1e9  # the fake pods' clock is not this machine's
        later = cluster.pod("web-2", "-app", labels={"app": "web"})
        await until(lambda: len(group.sources) == 2 and group.sources[1].status.state == "waiting")
        cluster.start(later.containers["app"])
        cluster.write(later.containers["app"], *(f"new {number}" for number in range(20)))
        await until(lambda: len(taker.of(1)) == 20)
        cluster.remove(later)
        await until(lambda: group.sources[1].final)
        assert group.sources[1].status.why == "the pod is gone"
        assert len(taker.of(1)) == 20  # they stay
        again = cluster.pod("web-2", labels={"app": "web"})
        cluster.write(again.containers["app"], "another pod of that name")
        await until(lambda: taker.of(2) == ["another pod of that name"])
    assert not cluster.open_watches


async def test_of_a_new_pod_that_was_restarted_before_it_was_found_both_runs_are_read_and_what_is_missing_is_reported() -> None:
    cluster = LogCluster()
    async with following(cluster, LogTarget(scope=Scope(("shop",)))) as (group, taker):
        await until(lambda: group.known)
        group._began = BASE / 1e9
        for name, restarts in (("web-1", 1), ("web-2", 3)):
            container = cluster.pod(name).containers["app"]
            cluster.write(container, f"{name} run 1")
            for number in range(restarts):
                cluster.exit(container, 1)
                cluster.start(container)
                cluster.write(container, f"{name} run {number + 2}")
        await until(lambda: len(taker.texts) == 4)
        await until(lambda: all(source.status.state == "following" for source in group.sources))
        once, often = (next(source.number for source in group.sources if source.ref.name == name) for name in ("web-1", "web-2"))
        assert taker.of(once) == ["web-1 run 1", "web-1 run 2"]
        assert taker.of(often) == ["web-2 run 3", "web-2 run 4"]
        assert [note for source, note in taker.notes if source == once] == ["container app restarted (exit code 1, Error)"]
        told, restarted = [note for source, note in taker.notes if source == often]
        assert told.startswith("container app was restarted before it was found; lines before ") and told.endswith(" may be missing")
        assert restarted == "container app restarted (exit code 1, Error)"


async def test_a_log_that_is_another_pods_since_the_name_was_taken_meanwhile_is_not_read_as_that_of_the_old_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cluster = LogCluster()
    old = cluster.pod("db-0")
    cluster.write(old.containers["app"], "old")
    stream = cluster.stream

    def replaced_first(path: str, **kw: Any) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        if path.endswith("/log") and ("shop", "db-0") in cluster.pods and cluster.pods["shop", "db-0"] is old:
            cluster.remove(old)
            cluster.write(cluster.pod("db-0").containers["app"], "new")
        return stream(path, **kw)

    async with following(cluster, LogTarget((old.ref,))) as (group, taker):
        await until(lambda: taker.texts == ["old"])
        monkeypatch.setattr(cluster, "stream", replaced_first)
        cluster.end()
        await until(lambda: group.sources[0].final)
        assert group.sources[0].status.why == "the pod is gone; another one has its name now"
    assert taker.texts == ["old"]
    assert [note.partition("2026-01-01T")[0] for _, note in taker.notes] == [
        "the pod was deleted while its log could not be read: lines after "
    ]


async def test_only_pods_whose_names_pass_are_read() -> None:
    cluster = LogCluster()
    for name in ("web-1", "db-1"):
        cluster.write(cluster.pod(name).containers["app"], f"from {name}")
    target = LogTarget(scope=Scope(("shop",)), passes=lambda namespace, name: name.startswith("web"))
    async with following(cluster, target) as (group, taker):
        await until(lambda: taker.texts == ["from web-1"])
        cluster.put("shop", "db-1")
        cluster.write(cluster.pod("web-2").containers["app"], "from web-2")
        await until(lambda: len(group.sources) == 2 and taker.texts[-1] == "from web-2")
        assert names(group) == ["web-1 app", "web-2 app"]


async def test_pods_above_the_limit_of_logs_are_counted_and_read_when_others_end() -> None:
    cluster = LogCluster()
    pods = [cluster.pod(f"web-{number}") for number in range(5)]
    for pod in pods:
        cluster.write(pod.containers["app"], f"from {pod.name}")
    async with following(cluster, LogTarget(tuple(pod.ref for pod in pods)), limit=3) as (group, taker):
        await until(lambda: len(taker.lines) == 3)
        assert group.left_out == ["web-3", "web-4"]
        assert group.streams == 3
        cluster.remove(pods[0])
        await until(lambda: "from web-3" in taker.texts)
        assert group.left_out == ["web-4"]
    assert cluster.most_open <= 3


async def test_two_hundred_streams_are_opened_a_few_at_a_time() -> None:
    cluster = LogCluster()
    pods = [cluster.pod(f"web-{number:03}") for number in range(205)]
    for pod in pods:
        cluster.write(pod.containers["app"], f"from {pod.name}")
    reads = SharedReads(cluster, rate=1e6)  # type: ignore[arg-type]
    async with following(cluster, LogTarget(scope=Scope(("shop",))), pace=1.0, reads=reads) as (group, taker):
        await until(lambda: len(taker.lines) == 200)
        assert len(group.left_out) == 5
        assert taker.texts == [f"from {pod.name}" for pod in pods[:200]]
        assert group.tail is None
        await until(lambda: len(cluster.open) == 200)
    assert cluster.most_opening <= 10


async def test_a_pod_that_the_list_tells_of_while_the_logs_are_closed_is_no_error() -> None:
    cluster = LogCluster()
    cluster.pod("web-1")
    async with following(cluster, LogTarget(scope=Scope(("shop",)))) as (group, _):
        await until(lambda: group.known)
    group.add_pod(ObjectRef(PODS, "web-2", "shop", "late"))


async def test_the_tails_of_many_logs_are_shorter_than_that_of_one() -> None:
    cluster = LogCluster()
    pods = [cluster.pod(f"web-{number:03}") for number in range(40)]
    async with following(cluster, LogTarget(tuple(pod.ref for pod in pods)), LogOptions(tail=1000)) as (group, _):
        await until(lambda: len(cluster.logs_asked) >= 40)
        assert group.tail == 500
        assert {asked["tailLines"] for asked in cluster.logs_asked} == {"500"}


async def test_an_outage_of_the_server_loses_and_repeats_nothing_of_any_source() -> None:
    cluster = LogCluster()
    pods = [cluster.pod(f"web-{number}", "app", "side") for number in range(4)]
    containers = [container for pod in pods for container in pod.containers.values()]
    async with following(cluster, LogTarget(scope=Scope(("shop",)), every=True)) as (group, taker):
        for turn in range(3):
            for place, container in enumerate(containers):
                cluster.write(container, f"{turn} {place}")
            await until(lambda turn: len(taker.lines) == 8 * (turn * 2 + 1), turn)
            cluster.down = True
            cluster.drop(torn=12)
            for place, container in enumerate(containers):
                cluster.write(container, f"{turn} {place} again")
            await until(lambda: all(source.status.state == "reconnecting" for source in group.sources))
            cluster.down = False
            cluster.log_faults = [ServerError(500, "InternalError", "etcd"), refusal(429, "TooManyRequests", 0.01)]
            await until(lambda turn: len(taker.lines) == 8 * (turn * 2 + 2), turn)
    for source in group.sources:
        texts = taker.of(source.number)
        assert len(set(texts)) == len(texts) == 6


async def test_containers_of_one_pod_share_what_is_asked_about_it() -> None:
    cluster = LogCluster()
    pod = cluster.pod("web-1", *(f"c{number}" for number in range(20)))
    async with following(cluster, LogTarget((pod.ref,), every=True), pace=1.0):
        await until(lambda: len(cluster.open) == 20)
        assert cluster.pods_asked <= 4


async def test_who_may_not_read_the_pod_still_gets_the_log_that_the_server_gives() -> None:
    cluster = LogCluster()
    pod = cluster.pod("web-1")
    cluster.write(pod.containers["app"], "hello")
    cluster.pod_faults = [api_error(403, "Forbidden", "no") for _ in range(20)]
    assert isinstance(cluster.pod_faults[0], Forbidden)
    async with following(cluster, LogTarget((pod.ref,), every=True)) as (group, taker):
        await until(lambda: taker.texts == ["hello"])
        assert len(group.sources) == 1


async def test_a_log_group_ends_when_no_more_lines_can_come() -> None:
    cluster = LogCluster()
    pods = [cluster.pod(f"job-{number}") for number in range(2)]
    for pod in pods:
        cluster.write(pod.containers["app"], f"from {pod.name}")
        cluster.exit(pod.containers["app"], 3)
        pod.phase = "Failed"
    taker = TakenGroup()
    group = LogGroup(cluster, LogTarget(tuple(pod.ref for pod in pods)), pace=0.02)  # type: ignore[arg-type]
    async with asyncio.timeout(30):
        await group.run(taker)
    assert taker.texts == ["from job-0", "from job-1"]
    assert [source.status.why for source in group.sources] == ["exit code 3, Error"] * 2
    assert sorted(taker.notes) == [(0, "ended: exit code 3, Error"), (1, "ended: exit code 3, Error")]


async def test_a_sink_that_fails_is_not_silent() -> None:
    cluster = LogCluster()
    pod = cluster.pod("web-1")
    cluster.write(pod.containers["app"], "hello")

    def sink(_: object) -> None:
        raise ValueError("the sink failed")

    group = LogGroup(cluster, LogTarget((pod.ref,)), pace=0.02)  # type: ignore[arg-type]
    try:
        async with asyncio.timeout(30):
            await group.run(sink)
    except ValueError as error:
        assert str(error) == "the sink failed"
    else:
        raise AssertionError("nothing was raised")


def controlled(cluster: LogCluster, name: str, replica_set: str, *containers: str) -> FakePod:
    """A pod of a ReplicaSet of the Deployment web."""
    path = f"/apis/apps/v1/namespaces/shop/replicasets/{replica_set}"
    deployment = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web", "uid": "deployment", "controller": True}
    cluster.objects[path] = {
        "metadata": {"name": replica_set, "uid": replica_set, "ownerReferences": [deployment]},
        "spec": {"selector": {"matchLabels": {"app": "web", "pod-template-hash": "x"}}},
    }
    pod = cluster.pod(name, *containers, labels={"app": "web"})
    pod.owner = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": replica_set, "uid": replica_set, "controller": True}
    cluster.put("shop", name)
    return pod


async def test_the_pod_that_takes_the_place_of_a_marked_one_is_followed_over_a_rollout_too() -> None:
    cluster = LogCluster()
    first, sibling, other = (controlled(cluster, f"web-{number}", "web-a", "app", "side") for number in range(3))
    target = LogTarget((first.ref, sibling.ref), containers=("side",))
    async with following(cluster, target) as (group, taker):
        await until(lambda: len(cluster.open) == 2)
        controlled(cluster, "web-3", "web-b", "app", "side")  # a surge pod: no place is free yet
        await asyncio.sleep(0.1)
        cluster.write(first.containers["side"], "the last words")
        cluster.remove(other)  # nobody follows it
        cluster.remove(first)
        await until(lambda: names(group) == ["web-0 side", "web-1 side", "web-3 side"])
        new = cluster.pods["shop", "web-3"]
        cluster.write(new.containers["side"], "the first words")
        await until(lambda: taker.texts == ["the last words", "the first words"])
        assert (2, "pod/web-3 takes the place of pod/web-0") in taker.notes
        controlled(cluster, "web-4", "web-b", "app", "side")  # all places are taken
        cluster.put("shop", "web-4")
        await asyncio.sleep(0.1)
        assert len(group.sources) == 3
        cluster.remove(new)  # and again
        await until(lambda: names(group)[3:] == ["web-4 side"])


async def test_a_page_with_404_hides_no_owner_and_so_no_successor() -> None:
    cluster = LogCluster()
    pod = controlled(cluster, "web-0", "web-a")
    first, second = (f"/apis/apps/v1/namespaces/shop/replicasets/web-{which}" for which in "ab")
    real, cluster.objects[first] = cluster.objects[first], page()
    async with following(cluster, LogTarget((pod.ref,))) as (group, _):
        await until(lambda: first in cluster.asked)
        cluster.objects[first] = real
        await until(lambda: cluster.asked.count(first) >= 2)
        controlled(cluster, "web-1", "web-b")
        real, cluster.objects[second] = cluster.objects[second], page()
        cluster.remove(pod)
        await until(lambda: second in cluster.asked)
        cluster.objects[second] = real
        await until(lambda: names(group) == ["web-0 app", "web-1 app"])


async def test_a_pod_without_a_controller_has_no_successor() -> None:
    cluster = LogCluster()
    pod = cluster.pod("web-0")
    async with following(cluster, LogTarget((pod.ref,))) as (group, _):
        await until(lambda: cluster.open)
        cluster.remove(pod)
        controlled(cluster, "web-1", "web-a")
        await until(lambda: group.sources[0].final)
        await asyncio.sleep(0.1)
        assert len(group.sources) == 1
