"""Port-forwards to pods with real programs in them: the textbook's pod, many connections, large transfers, and what is refused."""

from __future__ import annotations

import asyncio
import hashlib
import os
import random
import subprocess
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from pytest import raises

from podtui.cluster.connection.connection import Connection
from podtui.cluster.forward import route
from podtui.cluster.forward.forward import Forward
from podtui.cluster.forward.manager import ForwardManager
from podtui.cluster.kubeconfig.contexts import Kubeconfig
from podtui.errors import Forbidden, NotFound, PodLost, PodtuiError, PortSpecError
from podtui.kube.resources import PODS, ObjectRef
from tests.contract.conftest import _kubectl_program
from tests.support.waiting import until

NAMESPACE_PREFIX = "fwd-"
IMAGE = "luksa/kubia"
# busybox's nc lets as many connections wait as it has `l`.
# 9000 echoes, 9001 sends 50 MB and closes, 9002 tells the checksum of what it got in the log, once it has got it slowly.
PROGRAMS = f"""
nc -{"l" * 200} -p 9000 -e cat &
nc -ll -p 9001 -e cat /data &
nc -ll -p 9002 -e sh -c 'sleep 3; md5sum >/proc/1/fd/1' &
head -c 20000000 /dev/urandom >/data; md5sum /data; wait
"""


def pod(name: str, node: str, command: list[str] | None = None, **container: Any) -> dict[str, Any]:
    described = {"name": "main", "image": IMAGE, **container, **({"command": command} if command else {})}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name},
        "spec": {"nodeName": node, "terminationGracePeriodSeconds": 0, "containers": [described]},
    }


async def run(connection: Connection, namespace: str, body: dict[str, Any]) -> ObjectRef:
    """Creates the pod and waits until it runs."""
    created = await connection.json("POST", PODS.path(namespace), body=body)
    ref = ObjectRef(PODS, created["metadata"]["name"], namespace, created["metadata"]["uid"])
    async with asyncio.timeout(60):
        while True:
            if (await connection.json("GET", ref.path))["status"].get("phase") == "Running":
                return ref
            await asyncio.sleep(0.2)


async def until_gone(connection: Connection, ref: ObjectRef) -> None:
    await connection.request("DELETE", ref.path)
    async with asyncio.timeout(60):
        while True:
            try:
                await connection.json("GET", ref.path)
            except NotFound:
                return
            await asyncio.sleep(0.2)


async def until_logged(connection: Connection, ref: ObjectRef, lines: int) -> list[str]:
    async with asyncio.timeout(60):
        while True:
            log = (await connection.request("GET", f"{ref.path}/log")).decode().splitlines()
            if len(log) >= lines:
                return log
            await asyncio.sleep(0.3)


@pytest_asyncio.fixture
async def manager(connection: Connection, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[ForwardManager]:
    """Nobody tells it of changes of pods, as the list of the dashboard does: it looks often."""
    monkeypatch.setattr(route, "POLL", 0.3)
    monkeypatch.setattr(route, "RETRY", 0.3)
    made = ForwardManager(lambda: connection)
    try:
        yield made
    finally:
        await made.close()


async def get(forward: Forward, host: str = "127.0.0.1") -> bytes:
    """The answer to an HTTP GET, from a program that closes after it."""
    reader, writer = await asyncio.open_connection(host, forward.local_port)
    writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    async with asyncio.timeout(30):
        answer = await reader.read()
    writer.close()
    return answer


async def echoed(forward: Forward, data: bytes) -> bool:
    """Whether an echo gives `data` back, sent and read at the same time."""
    reader, writer = await asyncio.open_connection("127.0.0.1", forward.local_port)

    async def send() -> None:
        writer.write(data)
        await writer.drain()

    sending = asyncio.create_task(send())
    async with asyncio.timeout(120):
        answer = await reader.readexactly(len(data))
    await sending
    writer.close()
    return answer == data


async def test_the_textbooks_pod_answers_http_through_a_forward(
    connection: Connection, namespace: str, manager: ForwardManager, real_node: str
) -> None:
    ref = await run(connection, namespace, pod("kubia", real_node, ports=[{"containerPort": 8080, "name": "http"}]))
    forward = await manager.start(ref, ":http")
    assert (forward.remote_port, forward.state) == (8080, "active")
    answers = await asyncio.gather(*(get(forward) for _ in range(20)))
    assert all(answer.endswith(b"You've hit kubia\n") for answer in answers)
    assert forward.error == ""
    with raises(PortSpecError, match=r"pod/kubia has no port named 'https'"):
        await manager.start(ref, ":https")


async def test_kubectl_forwards_to_the_same_pod(connection: Connection, namespace: str, kubeconfig: str, real_node: str) -> None:
    """Through a tunnel of SPDY, which podtui does not use."""
    await run(connection, namespace, pod("kubia", real_node, ports=[{"containerPort": 8080}]))
    command = [_kubectl_program(), f"--kubeconfig={kubeconfig}", "port-forward", "-n", namespace, "pod/kubia", ":8080"]
    process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        async with asyncio.timeout(60):
            line = (await process.stdout.readline()).decode()
            assert line.startswith("Forwarding from 127.0.0.1:") and line.endswith(" -> 8080\n"), line
            for _ in range(2):
                reader, writer = await asyncio.open_connection("127.0.0.1", int(line.split(":")[1].split()[0]))
                writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                assert (await reader.read()).endswith(b"You've hit kubia\n")
                writer.close()
    finally:
        process.terminate()
        await process.wait()


async def test_bytes_survive_many_connections_and_large_transfers(
    connection: Connection, namespace: str, manager: ForwardManager, real_node: str
) -> None:
    ref = await run(connection, namespace, pod("programs", real_node, ["sh", "-c", PROGRAMS]))
    echo, source, sink = await manager.start_all(ref, ":9000 :9001 :9002")
    checksum = (await until_logged(connection, ref, 1))[0].split()[0]

    data = random.Random(1).randbytes(10_000_000)
    assert await echoed(echo, data)
    assert (echo.bytes_in, echo.bytes_out) == (len(data), len(data))
    assert all(await asyncio.gather(*(echoed(echo, data[i * 1000 :][: 20_000 + i]) for i in range(200))))

    reader, writer = await asyncio.open_connection("127.0.0.1", source.local_port)
    got = hashlib.md5()
    while chunk := await reader.read(1 << 20):
        got.update(chunk)
    writer.close()
    assert got.hexdigest() == checksum

    _, writer = await asyncio.open_connection("127.0.0.1", sink.local_port)
    writer.write(data)
    await writer.drain()
    writer.close()
    assert (await until_logged(connection, ref, 2))[1].split()[0] == hashlib.md5(data).hexdigest()
    assert (echo.error, source.error, sink.error) == ("", "", "")


async def test_a_forward_to_a_port_without_a_listener_reports_it_and_goes_on(
    connection: Connection, namespace: str, manager: ForwardManager, real_node: str
) -> None:
    ref = await run(connection, namespace, pod("late", real_node, ["sh", "-c", "sleep 5; exec nc -ll -p 9000 -e cat"]))
    forward = await manager.start(ref, ":9000")
    reader, _ = await asyncio.open_connection("127.0.0.1", forward.local_port)
    with raises(ConnectionResetError):
        await reader.read()
    await until(lambda: forward.error)
    assert forward.error.startswith("nothing listens on port 9000 in pod/late: ")
    assert "connection refused" in forward.error
    async with asyncio.timeout(60):
        while True:
            try:
                assert await echoed(forward, b"now")
                break
            except (ConnectionResetError, asyncio.IncompleteReadError):
                await asyncio.sleep(0.5)
    assert forward.state == "active"


async def test_a_pod_that_takes_one_connection_still_has_it_after_the_start(
    connection: Connection, namespace: str, manager: ForwardManager, real_node: str
) -> None:
    ref = await run(connection, namespace, pod("once", real_node, ["sh", "-c", "echo hello | nc -l -p 9000; sleep 60"]))
    forward = await manager.start(ref, ":9000")
    await asyncio.sleep(1)
    reader, writer = await asyncio.open_connection("127.0.0.1", forward.local_port)
    assert await reader.readline() == b"hello\n"
    writer.close()


async def test_a_deleted_pod_is_lost_and_its_successor_is_not_taken_for_it(
    connection: Connection, namespace: str, manager: ForwardManager, real_node: str
) -> None:
    body = pod("kubia", real_node)
    ref = await run(connection, namespace, body)
    forward = await manager.start(ref, ":8080")
    assert await get(forward)
    await until_gone(connection, ref)
    successor = await run(connection, namespace, body)
    try:
        assert await get(forward) == b""
    except OSError:
        pass  # closed or reset: either says no
    await until(lambda: forward.state == "lost")
    assert forward.error in ("pod/kubia is gone", "pod/kubia was replaced by another pod of the same name")
    with raises(PodLost, match=r"pod/kubia was replaced by another pod of the same name"):
        await manager.restart(forward.id)
    assert b"You've hit" in await get(await manager.start(successor, ":8080"))


async def test_an_open_connection_ends_with_its_pod(
    connection: Connection, namespace: str, manager: ForwardManager, real_node: str
) -> None:
    ref = await run(connection, namespace, pod("echo", real_node, ["nc", "-ll", "-p", "9000", "-e", "cat"]))
    forward = await manager.start(ref, ":9000")
    reader, writer = await asyncio.open_connection("127.0.0.1", forward.local_port)
    writer.write(b"x")
    assert await reader.readexactly(1) == b"x"
    await until_gone(connection, ref)
    try:
        async with asyncio.timeout(30):
            assert await reader.read() == b""
    except ConnectionResetError:
        pass
    await until(lambda: forward.state == "lost" and forward.connections == 0)


async def test_a_user_without_the_right_to_forward_is_refused_at_the_start(
    kubeconfig: str, connection: Connection, namespace: str, real_node: str
) -> None:
    ref = await run(connection, namespace, pod("kubia", real_node))
    rbac = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}"
    rules = [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]
    role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": {"name": "reader"}, "rules": rules}
    subject = {"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": "fwd-reader"}
    binding = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": {"name": "reader"},
        "subjects": [subject],
        "roleRef": {"kind": "Role", "name": "reader", "apiGroup": "rbac.authorization.k8s.io"},
    }
    limited = await Connection.open(Kubeconfig.load(kubeconfig).settings(impersonate="fwd-reader"))
    manager = ForwardManager(lambda: limited)
    try:
        with raises(Forbidden, match='User "fwd-reader" cannot get resource "pods"'):
            await manager.start(ref, ":8080")
        await connection.json("POST", f"{rbac}/roles", body=role)
        await connection.json("POST", f"{rbac}/rolebindings", body=binding)
        async with asyncio.timeout(30):  # until the API server's authorizer has seen the binding
            while True:
                try:
                    await limited.json("GET", ref.path)
                    break
                except Forbidden:
                    await asyncio.sleep(0.1)
        with raises(Forbidden, match=r'User "fwd-reader" cannot (get|create) resource "pods/portforward"'):
            await manager.start(ref, ":8080")
        assert manager.forwards == []
    finally:
        await manager.close()
        await limited.close()


async def test_what_cannot_be_forwarded_to_is_refused(connection: Connection, namespace: str, manager: ForwardManager) -> None:
    with raises(PodLost, match="pod/none is gone"):
        await manager.start(ObjectRef(PODS, "none", namespace), ":8080")
    unscheduled = pod("waiting", "")
    unscheduled["spec"]["nodeSelector"] = {"podtui.test/no-such-node": os.urandom(4).hex()}
    del unscheduled["spec"]["nodeName"]
    created = await connection.json("POST", PODS.path(namespace), body=unscheduled)
    with raises(PodtuiError, match=r"pod/waiting is not running \(its phase is Pending\)"):
        await manager.start(ObjectRef(PODS, "waiting", namespace, created["metadata"]["uid"]), ":8080")
    assert manager.forwards == []
