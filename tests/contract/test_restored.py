"""An etcd that gets an earlier state back while podtui runs: the rows are those of the restored cluster, and no others are live."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from podtui.cluster.connection.connection import Connection
from podtui.cluster.live.pacing import Timing
from podtui.cluster.live.store import RowStore
from podtui.kube.resources import NAMESPACES, PODS, Scope
from tests.contract.test_live_list import Pods, is_live, live, names
from tests.support.waiting import until, until_answer

pytestmark = pytest.mark.real_cluster("the built-in cluster keeps no folder that could be put back")

FROM_ETCD = ("kwok", "kube-scheduler", "kube-controller-manager", "kube-apiserver", "etcd")
"""What must not run while the folder is copied, or would remember the state before it."""


@pytest.mark.parametrize("grows_past", [False, True], ids=["at once", "grown past the version that was seen"])
async def test_rows_are_those_of_an_etcd_that_was_restored(
    connection: Connection, kubeconfig: str, namespace: str, cluster: Callable[[str, str], None], tmp_path: Path, grows_past: bool
) -> None:
    pods = Pods(connection, namespace)
    folder, saved = Path(kubeconfig).with_name("etcd"), tmp_path / "etcd"

    def save() -> None:
        cluster("stop", "etcd")
        shutil.copytree(folder, saved)
        cluster("start", "etcd")

    def put_back() -> None:
        for component in FROM_ETCD:
            cluster("stop", component)
        shutil.rmtree(folder)
        shutil.copytree(saved, folder)
        for component in reversed(FROM_ETCD):
            cluster("start", component)

    await pods.create("kept")
    await pods.create("deleted-later")
    await asyncio.to_thread(save)
    timing = Timing(backoff_most=60.0 if grows_past else 1.0)
    async with live(connection, Scope((namespace,)), timing=timing) as store, live(connection, Scope(), NAMESPACES, timing) as spaces:
        await until(lambda: is_live(store) and is_live(spaces))
        for number in range(20):
            await pods.create(f"later-{number}")
        await pods.delete("deleted-later")
        await pods.label("kept", seen="later")
        await connection.json("POST", NAMESPACES.path(), body={"metadata": {"name": f"{namespace}-later"}})
        await until(lambda: len(store.rows) == 21 and f"{namespace}-later" in names(spaces))
        seen = max(int(row.resource_version) for row in store.rows.values())
        await asyncio.to_thread(put_back)
        if grows_past:
            for number in range(seen):
                await pods.create(f"other-{number}")
                made = await connection.json("GET", PODS.path(namespace, f"other-{number}"))
                if int(made["metadata"]["resourceVersion"]) > seen:
                    break
        store.retry()
        spaces.retry()
        await until(lambda: is_live(store) and is_live(spaces) and "deleted-later" in names(store))
        await until_answer(lambda: are_equal(connection, store, namespace))
        await until_answer(lambda: are_equal(connection, spaces))
        assert f"{namespace}-later" not in names(spaces)
        await pods.create("afterwards")
        await until(lambda: "afterwards" in names(store))


async def are_equal(connection: Connection, store: RowStore, namespace: str = "") -> bool:
    listed = await connection.json("GET", store.resource.path(namespace))
    theirs = {item["metadata"]["uid"]: item["metadata"]["resourceVersion"] for item in listed["items"]}
    return theirs == {uid: row.resource_version for uid, row in store.rows.items()}
