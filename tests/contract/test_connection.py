"""The connection against a real API server."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable

import pytest

from podtui.cluster.connection import Connection
from podtui.errors import Conflict, NotFound

NAMESPACE_PREFIX = "conn-"


async def test_an_object_is_created_read_and_deleted(connection: Connection, namespace: str) -> None:
    path = f"/api/v1/namespaces/{namespace}/configmaps"
    made = await connection.json("POST", path, body={"metadata": {"name": "a"}, "data": {"k": "v ☃"}})
    assert (await connection.json("GET", f"{path}/a"))["metadata"]["uid"] == made["metadata"]["uid"]
    with pytest.raises(Conflict):
        await connection.json("POST", path, body={"metadata": {"name": "a"}})
    body = {"kind": "DeleteOptions", "apiVersion": "v1", "preconditions": {"uid": made["metadata"]["uid"]}}
    await connection.request("DELETE", f"{path}/a", body=body)
    with pytest.raises(NotFound) as caught:
        await connection.json("GET", f"{path}/a")
    assert caught.value.what == 'configmaps "a" not found'


async def test_a_watch_delivers_each_change_at_once(connection: Connection, namespace: str) -> None:
    path = f"/api/v1/namespaces/{namespace}/configmaps"
    version = (await connection.json("GET", path))["metadata"]["resourceVersion"]
    async with connection.stream(path, query=[("watch", "true"), ("resourceVersion", version)], idle_timeout=30) as stream:
        await connection.json("POST", path, body={"metadata": {"name": "seen"}})
        buffer = b""
        async for chunk in stream:
            buffer += chunk
            if b"\n" in buffer and b'"seen"' in buffer:
                break
    assert json.loads(buffer.split(b"\n")[0])["type"] == "ADDED"


async def test_the_server_sees_the_same_user_as_of_kubectl(connection: Connection, kubectl: Callable[..., str]) -> None:
    review = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
    told = await connection.json("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", body=review)
    assert told["status"]["userInfo"] == json.loads(kubectl("auth", "whoami", "-o", "json"))["status"]["userInfo"]


async def test_closing_ends_a_stream_that_is_being_read(kubeconfig: str, connection: Connection) -> None:
    started = asyncio.Event()

    async def read() -> None:
        async with connection.stream("/api/v1/namespaces", query=[("watch", "true")]) as stream:
            async for _ in stream:
                started.set()

    task = asyncio.create_task(read())
    await started.wait()
    await connection.close()
    with pytest.raises(Exception, match="closed"):
        await task
