"""The connection against a real API server."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from podtui.cluster.connection.connection import Connection
from podtui.cluster.kubeconfig.contexts import Kubeconfig
from podtui.cluster.kubeconfig.settings import UserSpec
from podtui.errors import Conflict, Forbidden, NotFound, ReadOnlyError, Unauthorized

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


async def test_the_server_sees_podtui_and_kubectl_as_the_same_user(connection: Connection, kubectl: Callable[..., str]) -> None:
    review = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
    told = await connection.json("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", body=review)
    assert told["status"]["userInfo"] == json.loads(kubectl("auth", "whoami", "-o", "json"))["status"]["userInfo"]


async def test_impersonation_gives_the_same_user_as_kubectl_does(kubeconfig: str, kubectl: Callable[..., str]) -> None:
    groups = ["dev", "system:authenticated"]
    connection = await Connection.open(Kubeconfig.load(kubeconfig).settings(impersonate="alice", impersonate_groups=groups))
    try:
        review = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
        told = await connection.json("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", body=review)
    finally:
        await connection.close()
    flags = ["--as=alice", *(f"--as-group={group}" for group in groups)]
    assert told["status"]["userInfo"] == json.loads(kubectl("auth", "whoami", "-o", "json", *flags))["status"]["userInfo"]
    assert told["status"]["userInfo"]["groups"] == groups


async def test_a_forbidden_request_raises_the_servers_words(kubeconfig: str, namespace: str) -> None:
    connection = await Connection.open(Kubeconfig.load(kubeconfig).settings(impersonate="nobody-known"))
    path = f"/api/v1/namespaces/{namespace}/pods"
    try:
        with pytest.raises(Forbidden, match='User "nobody-known" cannot list resource "pods"'):
            await connection.json("GET", path)
        with pytest.raises(Forbidden, match='User "nobody-known" cannot watch resource "pods"'):
            async with connection.stream(path, query=[("watch", "true")]):
                pass
        with pytest.raises(Forbidden, match=r'User "nobody-known" cannot (get|create) resource "pods/portforward"'):
            async with connection.websocket(f"{path}/x/portforward", query=[("ports", "80")], protocols=["v4.channel.k8s.io"]):
                pass
    finally:
        await connection.close()


@pytest.mark.parametrize("verb", ["create", "get"])
async def test_a_websocket_needs_the_rights_to_get_and_to_create(
    connection: Connection, kubeconfig: str, namespace: str, verb: str
) -> None:
    """The API server tells only that `get` is missing; without `create` it refuses and gives no reason."""
    words = {"create": f'User "may-only-{verb}" cannot get resource "pods/exec" in API group "" in the namespace "{namespace}"', "get": ""}
    user, rbac = f"may-only-{verb}", f"/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}"
    rules = [{"apiGroups": [""], "resources": ["pods/exec"], "verbs": [verb]}]
    await connection.json("POST", f"{rbac}/roles", body={"metadata": {"name": user}, "rules": rules})
    granted = {
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": user},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user}],
    }
    await connection.json("POST", f"{rbac}/rolebindings", body={"metadata": {"name": user}, **granted})
    limited = await Connection.open(Kubeconfig.load(kubeconfig).settings(impersonate=user))
    path, query = f"/api/v1/namespaces/{namespace}/pods/none/exec", [("command", "true"), ("stdout", "true")]
    told = ""
    try:
        async with asyncio.timeout(30):
            while told != f'pods "none" is forbidden: {words[verb]}'.rstrip():  # until the API server's authorizer has seen the binding
                with pytest.raises(Forbidden) as refused:
                    async with limited.websocket(path, query=query, protocols=["v5.channel.k8s.io"]):
                        pass
                told = refused.value.what.rstrip()
                await asyncio.sleep(0.1)
    finally:
        await limited.close()


@pytest.mark.real_cluster("the built-in one speaks http, over which no token is sent")
async def test_a_wrong_token_raises_an_error_with_a_hint(connection: Connection) -> None:
    wrong = await Connection.open(replace(connection.settings, credentials=UserSpec(token="wrong"), reread=None))
    try:
        with pytest.raises(Unauthorized) as caught:
            await wrong.json("GET", "/api/v1/namespaces")
    finally:
        await wrong.close()
    assert "log in again" in caught.value.hint


async def test_read_only_asks_about_rights_but_changes_nothing(connection: Connection, namespace: str) -> None:
    connection.read_only = True
    path = f"/api/v1/namespaces/{namespace}/configmaps"
    with pytest.raises(ReadOnlyError):
        await connection.json("POST", path, body={"metadata": {"name": "a"}})
    tried = await connection.json("POST", path, query=[("dryRun", "All")], body={"metadata": {"name": "a"}})
    assert tried["metadata"]["name"] == "a"
    with pytest.raises(NotFound):
        await connection.json("GET", f"{path}/a")
    attributes = {"namespace": namespace, "verb": "list", "resource": "pods"}
    review = {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview", "spec": {"resourceAttributes": attributes}}
    assert (await connection.json("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", body=review))["status"]["allowed"]


async def test_a_compressed_list_equals_an_uncompressed_one(connection: Connection, namespace: str) -> None:
    path = f"/api/v1/namespaces/{namespace}/configmaps/big"
    body = {"metadata": {"name": "big"}, "data": {"text": "한국 " * 50_000}}
    made = await connection.json("POST", path.rpartition("/")[0], body=body)
    connection._compression = True  # the server packs answers of more than 128 KiB
    assert await connection.json("GET", path) == made
    connection._compression = False
    assert await connection.json("GET", path) == made


async def test_closing_ends_a_stream_that_is_being_read(connection: Connection) -> None:
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
