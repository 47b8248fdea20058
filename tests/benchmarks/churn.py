"""Label changes on the pods of a real cluster, at a steady rate, from a process of their own. The pods get a label `bench`."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import Process

from podtui.cluster.connection.connection import Connection
from podtui.cluster.kubeconfig.contexts import Kubeconfig

_LONGEST = 600.0  # seconds, after which an orphan ends by itself
_AT_ONCE = 40  # requests: more would only wait in the server, until one of their connections has no answer in time


@contextmanager
def churning(kubeconfig: str, rate: int) -> Iterator[None]:
    """About `rate` label changes a second, or as many as the server takes, on pods of all namespaces meanwhile."""
    process = Process(target=_change, args=(kubeconfig, rate))
    process.start()
    try:
        yield
        if not process.is_alive():
            raise SystemExit("the changes ended before what they were made for: its figures are those of a quiet cluster")
    finally:
        process.terminate()
        process.join()


def _change(kubeconfig: str, rate: int) -> None:
    asyncio.run(_changes(kubeconfig, rate))


async def _changes(kubeconfig: str, rate: int) -> None:
    connection = await Connection.open(Kubeconfig.load(kubeconfig).settings())
    listed = await connection.json(
        "GET", "/api/v1/pods", query=[("limit", "2000")], accept="application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"
    )
    paths = [f"/api/v1/namespaces/{item['metadata']['namespace']}/pods/{item['metadata']['name']}" for item in listed["items"]]
    started, made = time.monotonic(), 0

    async def one(number: int) -> None:
        body = {"metadata": {"labels": {"bench": str(number)}}}
        await connection.request("PATCH", paths[number % len(paths)], body=body, content_type="application/merge-patch+json")

    try:
        while time.monotonic() - started < _LONGEST:
            due = min(_AT_ONCE, int((time.monotonic() - started) * rate) - made)
            await asyncio.gather(*(one(made + i) for i in range(due)))
            made += due
            await asyncio.sleep(0.02)
    finally:
        await connection.close()
