"""The live list against a real API server: pages, watch, selectors, refusals, and the same rows that kubectl prints."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import secrets
import time
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import pytest

from podtui.cluster.connection.connection import Connection
from podtui.cluster.kubeconfig.contexts import Kubeconfig
from podtui.cluster.live.pacing import Timing
from podtui.cluster.live.pod_counts import PodCounts
from podtui.cluster.live.store import RowStore
from podtui.cluster.live.tables import age_text, text
from podtui.errors import ConnectionFailed, Forbidden, NotFound, PodtuiError
from podtui.kube.resources import NAMESPACES, NODES, PODS, Resource, Scope
from tests.support.waiting import until

NAMESPACE_PREFIX = "list-"
REAL_TIME = True

TIMING = Timing(page=3, denied=0.3, backoff_first=0.05, pace=0.1)


def pod(name: str, labels: dict[str, str]) -> dict[str, Any]:
    """A pod that no scheduler takes, so that nothing changes it but the test."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": labels},
        "spec": {"schedulerName": "nobody", "containers": [{"name": "main", "image": "none"}], "terminationGracePeriodSeconds": 0},
    }


class Pods:
    """What a test does to the pods of one namespace."""

    def __init__(self, connection: Connection, namespace: str) -> None:
        self.connection = connection
        self.namespace = namespace

    async def create(self, name: str, **labels: str) -> str:
        made = await self.connection.json("POST", PODS.path(self.namespace), body=pod(name, labels))
        uid: str = made["metadata"]["uid"]
        return uid

    async def label(self, name: str, **labels: str | None) -> None:
        body = {"metadata": {"labels": labels}}
        path = PODS.path(self.namespace, name)
        await self.connection.request("PATCH", path, body=body, content_type="application/merge-patch+json")

    async def delete(self, name: str) -> None:
        await self.connection.request("DELETE", PODS.path(self.namespace, name), query=[("gracePeriodSeconds", "0")])


@pytest.fixture
def pods(connection: Connection, namespace: str) -> Pods:
    return Pods(connection, namespace)


@contextlib.asynccontextmanager
async def live(server: Any, scope: Scope, resource: Resource = PODS, timing: Timing = TIMING) -> AsyncIterator[RowStore]:
    store = RowStore(resource, scope, timing=timing)
    store.start(server)
    try:
        yield store
    finally:
        await store.close()


def names(store: RowStore) -> set[str]:
    return {row.name for row in store.rows.values()}


def is_live(store: RowStore) -> bool:
    return store.known and store.health.state == "live"


class Recorder:
    """A connection that notes what is asked and whose watches can be broken off."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.lists: list[dict[str, str]] = []
        self.compares: list[dict[str, str]] = []  # which ask for nothing but the version
        self.watches: list[dict[str, str]] = []
        self.broken = asyncio.Event()
        self.down = False

    async def request(self, method: str, path: str, *, query: Sequence[tuple[str, str]] = (), **options: Any) -> bytes:
        self._check()
        asked = dict(query)
        (self.compares if asked["limit"] == "1" else self.lists).append(asked)
        return await self.connection.request(method, path, query=query, **options)

    def _check(self) -> None:
        if self.down:
            raise ConnectionFailed("broken by the test")

    @contextlib.asynccontextmanager
    async def stream(self, path: str, *, query: Sequence[tuple[str, str]] = (), **options: Any) -> AsyncIterator[AsyncIterator[bytes]]:
        self._check()
        self.watches.append(dict(query))
        self.broken.clear()
        async with self.connection.stream(path, query=query, **options) as chunks:
            yield self._until_broken(chunks.__aiter__())

    async def _until_broken(self, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        broken = asyncio.ensure_future(self.broken.wait())
        chunk: asyncio.Future[bytes] | None = None
        try:
            while True:
                chunk = asyncio.ensure_future(anext(chunks))
                done, _ = await asyncio.wait([chunk, broken], return_when=asyncio.FIRST_COMPLETED)
                if chunk not in done:
                    raise ConnectionFailed("broken by the test")
                try:
                    yield chunk.result()
                except StopAsyncIteration:
                    return
        finally:
            broken.cancel()
            if chunk is not None and chunk.cancel():
                await asyncio.gather(chunk, return_exceptions=True)


async def test_a_set_larger_than_a_page_is_complete(connection: Connection, namespace: str, pods: Pods) -> None:
    uids = {await pods.create(f"p{number}", app="web") for number in range(8)}
    recorder = Recorder(connection)
    async with live(recorder, Scope((namespace,))) as store:
        shown: list[int] = []
        store.subscribe(lambda batch: shown.append(len(store.rows)))
        await until(lambda: is_live(store))
        assert set(store.rows) == uids
        assert [asked["limit"] for asked in recorder.lists] == ["3", "3", "3"]
        assert shown[0] == 3, "the first page at once"
        assert [column.name for column in store.columns][:5] == ["Name", "Ready", "Status", "Restarts", "Age"]


async def test_the_cells_of_the_rows_are_what_kubectl_prints(
    connection: Connection, namespace: str, pods: Pods, kubectl: Callable[..., str]
) -> None:
    for number in range(4):
        await pods.create(f"p{number}", app="web")
    async with live(connection, Scope((namespace,))) as store:
        await until(lambda: is_live(store))
        await until(lambda: all(age_text(row, time.time()) != "0s" for row in store.rows.values()))
        ages = store.columns.index(next(column for column in store.columns if column.name == "Age"))
        printed = kubectl("get", "pods", "-n", namespace, "-o", "wide", "--no-headers").splitlines()
        rows = sorted(store.rows.values(), key=lambda row: row.name)
        now = time.time()
        ours = [[text(row, index, column, now) for index, column in enumerate(store.columns)] for row in rows]
        theirs = [line.split() for line in printed]
        assert [line[:ages] + line[ages + 1 :] for line in ours] == [line[:ages] + line[ages + 1 :] for line in theirs]
        assert all(abs(int(our[ages][:-1]) - int(their[ages][:-1])) <= 3 for our, their in zip(ours, theirs, strict=True))


async def test_what_is_created_changed_and_deleted_arrives(connection: Connection, namespace: str, pods: Pods) -> None:
    async with live(connection, Scope((namespace,))) as store:
        await until(lambda: is_live(store))
        assert not store.rows
        uid = await pods.create("web", app="web")
        await until(lambda: uid in store.rows)
        version = store.rows[uid].resource_version
        await pods.label("web", tier="front")
        await until(lambda: store.rows[uid].labels == {"app": "web", "tier": "front"})
        assert store.rows[uid].resource_version != version
        await pods.delete("web")
        await until(lambda: not store.rows)


async def test_a_pod_whose_labels_leave_the_selector_is_removed_and_comes_back(connection: Connection, namespace: str, pods: Pods) -> None:
    uid = await pods.create("web", env="prod")
    await pods.create("other", env="dev")
    async with live(connection, Scope((namespace,), "env in (prod,debug),!canary")) as store:
        removed: set[str] = set()
        store.subscribe(lambda batch: removed.update(batch.removed))
        await until(lambda: is_live(store))
        assert names(store) == {"web"}
        await pods.label("web", canary="true")
        await until(lambda: not store.rows)
        assert removed == {uid}
        await pods.label("web", canary=None, env="debug")
        await until(lambda: uid in store.rows)


async def test_a_pod_made_again_under_the_same_name_is_another_row(connection: Connection, namespace: str, pods: Pods) -> None:
    first = await pods.create("web", app="web")
    async with live(connection, Scope((namespace,))) as store:
        await until(lambda: is_live(store))
        await pods.delete("web")
        second = await pods.create("web", app="web")
        await until(lambda: set(store.rows) == {second})
        assert first != second


async def test_a_broken_watch_resumes_and_misses_nothing(connection: Connection, namespace: str, pods: Pods) -> None:
    await pods.create("before", app="web")
    recorder = Recorder(connection)
    async with live(recorder, Scope((namespace,))) as store:
        await until(lambda: is_live(store))
        recorder.down = True
        recorder.broken.set()
        await until(lambda: store.health.state == "stale")
        assert names(store) == {"before"} and store.known
        await pods.delete("before")
        await pods.create("after", app="web")
        recorder.down = False
        store.retry()
        await until(lambda: is_live(store) and names(store) == {"after"})
        assert len(recorder.lists) == 1


async def has_version_1(connection: Connection, namespace: str) -> bool:
    """Whether a watch from version 1 is still possible: on a server that was never restarted since its etcd was new."""
    query = [("watch", "true"), ("resourceVersion", "1"), ("timeoutSeconds", "1")]
    return b'"code":410' not in await connection.request("GET", PODS.path(namespace), query=query)


async def resume_from_version_1(connection: Connection, namespace: str, pods: Pods) -> int:
    """A watch is broken off and resumed from a version of long ago; how many lists were asked for."""
    await pods.create("web", app="web")
    recorder = Recorder(connection)
    async with live(recorder, Scope((namespace,))) as store:
        await until(lambda: is_live(store))
        (reflector,) = store._active.values()
        recorder.down = True
        recorder.broken.set()
        await until(lambda: store.health.state == "stale")
        await pods.delete("web")
        reflector.resource_version = "1"  # compacted long ago, or older than the watch cache
        recorder.down = False
        store.retry()
        await until(lambda: is_live(store) and not store.rows)
    return len(recorder.lists)


async def test_an_old_version_that_the_server_still_has_brings_what_happened_since(
    connection: Connection, namespace: str, pods: Pods
) -> None:
    had = await has_version_1(connection, namespace)
    lists = await resume_from_version_1(connection, namespace, pods)
    has = await has_version_1(connection, namespace)  # the server forgets as it goes: it may have done so meanwhile
    assert lists in {(True, True): (1,), (True, False): (1, 2), (False, False): (2,)}[had, has]


async def test_a_version_that_the_server_has_no_more_brings_a_list(
    connection: Connection, namespace: str, pods: Pods, cluster: Callable[[str, str], None]
) -> None:
    cluster("restart", "kube-apiserver")
    assert not await has_version_1(connection, namespace)
    assert await resume_from_version_1(connection, namespace, pods) == 2


async def test_a_watch_whose_time_is_up_goes_on_unseen(connection: Connection, namespace: str, pods: Pods) -> None:
    recorder = Recorder(connection)
    async with live(recorder, Scope((namespace,)), timing=dataclasses.replace(TIMING, watch=(1, 1), healthy=0.5)) as store:
        await until(lambda: is_live(store))
        states: set[str] = set()
        store.subscribe_health(lambda health: states.add(health.state))
        await until(lambda: len(recorder.watches) >= 3)
        uid = await pods.create("web", app="web")
        await until(lambda: uid in store.rows)
        assert states <= {"live"} and len(recorder.lists) == 1


async def test_a_changed_scope_is_narrowed_here_and_then_by_the_server(connection: Connection, namespace: str, pods: Pods) -> None:
    for number in range(5):
        await pods.create(f"p{number}", n=str(number))
    async with live(connection, Scope((namespace,))) as store:
        await until(lambda: is_live(store))
        store.set_scope(Scope((namespace,), "n in (1,3)"))
        assert names(store) == {"p1", "p3"} and not store.known
        await until(lambda: is_live(store))
        assert names(store) == {"p1", "p3"}
        store.set_scope(Scope((namespace,)))
        assert len(store.rows) == 5
        await until(lambda: is_live(store))
        assert len(store.rows) == 5


async def test_a_selector_that_the_server_refuses_fails_with_the_servers_words(connection: Connection, namespace: str) -> None:
    async with live(connection, Scope((namespace,), "a in (")) as store:
        await until(lambda: store.health.state == "failed")
        assert isinstance(store.health.error, PodtuiError) and "parse" in str(store.health.error)
        assert not store.known


async def test_all_namespaces_and_several_are_merged_lists(connection: Connection, namespace: str, pods: Pods) -> None:
    other = f"{NAMESPACE_PREFIX}{secrets.token_hex(4)}"
    await connection.json("POST", NAMESPACES.path(), body={"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": other}})
    try:
        mark = secrets.token_hex(4)
        one = await pods.create("one", mark=mark)
        service_account = f"/api/v1/namespaces/{other}/serviceaccounts/default"
        for _ in range(100):
            try:
                await connection.request("GET", service_account)
                break
            except NotFound:
                await asyncio.sleep(0.1)
        two = await Pods(connection, other).create("two", mark=mark)
        async with live(connection, Scope((namespace, other))) as store:
            await until(lambda: is_live(store))
            assert set(store.rows) == {one, two}
            store.set_scope(Scope((), f"mark={mark}"))
            await until(lambda: is_live(store))
            assert {row.namespace for row in store.rows.values()} == {namespace, other}
        counts = PodCounts(RowStore(PODS, Scope((namespace,))))
        await counts.refresh(connection, [namespace, other])
        assert counts.counts == {namespace: 1, other: 1}
    finally:
        await connection.request("DELETE", NAMESPACES.path(name=other))


async def test_namespaces_and_nodes_are_live_lists_too(connection: Connection, namespace: str) -> None:
    async with live(connection, Scope(), NAMESPACES) as store, live(connection, Scope(), NODES) as nodes:
        await until(lambda: is_live(store) and is_live(nodes))
        assert {namespace, "kube-system"} <= names(store)
        assert nodes.rows and all(row.cells[1] for row in nodes.rows.values())


async def test_a_user_without_the_right_is_denied_until_it_is_granted(
    connection: Connection, kubeconfig: str, namespace: str, pods: Pods
) -> None:
    user = f"list-{secrets.token_hex(4)}"
    settings = Kubeconfig.load(kubeconfig).settings(impersonate=user)
    as_user = await Connection.open(settings)
    try:
        uid = await pods.create("web", app="web")
        async with live(as_user, Scope((namespace, "default"))) as store:
            await until(lambda: store.health.state == "denied")
            assert set(store.denied) == {namespace, "default"} and not store.known
            assert isinstance(store.denied[namespace], Forbidden) and user in str(store.denied[namespace])
            group = "/apis/rbac.authorization.k8s.io/v1"
            rules = [{"apiGroups": [""], "resources": ["pods"], "verbs": ["list", "watch"]}]
            await connection.json("POST", f"{group}/namespaces/{namespace}/roles", body={"metadata": {"name": "reader"}, "rules": rules})
            binding = {
                "metadata": {"name": "reader"},
                "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "reader"},
                "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user}],
            }
            await connection.json("POST", f"{group}/namespaces/{namespace}/rolebindings", body=binding)
            await until(lambda: is_live(store))
            assert set(store.rows) == {uid} and set(store.denied) == {"default"}
            counts = PodCounts(store)
            await counts.refresh(as_user, [namespace, "default"])
            assert counts.counts == {namespace: 1}
            counts.close()
    finally:
        await as_user.close()


async def test_nothing_is_left_open_after_the_end(connection: Connection, namespace: str) -> None:
    before = asyncio.all_tasks()
    store = RowStore(PODS, Scope((namespace, "default"), "app"), timing=TIMING)
    store.start(connection)
    await until(lambda: store.known)
    store.set_scope(Scope())
    await store.close()
    assert asyncio.all_tasks() == before
