"""Logs of real containers on the node `real`: numbering, restarts, drops and rotation, with no line lost or twice."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import pytest
import pytest_asyncio

from podtui.cluster.connection.connection import Connection
from podtui.cluster.kubeconfig.contexts import Kubeconfig
from podtui.cluster.logs.follower import LogOptions, parse_line
from podtui.cluster.logs.older_lines import OlderLines, OldestLine, older_lines
from podtui.cluster.logs.stamps import nanoseconds
from podtui.kube.resources import PODS, ObjectRef
from tests.contract.conftest import node_name
from tests.support.taken_logs import following_log
from tests.support.waiting import until

pytestmark = pytest.mark.usefixtures("real_node")  # kwok's logs are a file of its own
COUNT = "i=0; while true; do echo line $i; i=$((i+1)); sleep 0.01; done"


def container(name: str, script: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "image": "busybox", "command": ["sh", "-c", script], **more}


async def create(connection: Connection, namespace: str, name: str, *containers: dict[str, Any], **spec: Any) -> ObjectRef:
    body = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name},
        "spec": {"nodeName": node_name(), "terminationGracePeriodSeconds": 0, "containers": list(containers), **spec},
    }
    pod = await connection.json("POST", PODS.path(namespace), body=body)
    return ObjectRef(PODS, name, namespace, pod["metadata"]["uid"])


class Proxy:
    """A TCP proxy in front of the API server whose connections can be cut, and that can refuse new ones."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self.refuses = False

    async def start(self) -> int:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        return int(self._server.sockets[0].getsockname()[1])

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.refuses:
            writer.transport.abort()
            return
        there, back = await asyncio.open_connection(*self._target)
        self._writers |= {writer, back}
        await asyncio.gather(self._copy(reader, back), self._copy(there, writer))

    @staticmethod
    async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(1 << 16):
                writer.write(data)
                await writer.drain()
        except ConnectionError:
            pass  # it was cut
        finally:
            writer.close()

    def cut(self) -> None:
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()

    async def close(self) -> None:
        self._server.close()
        self.cut()
        await asyncio.gather(*self._tasks, return_exceptions=True)


@pytest_asyncio.fixture
async def proxied(kubeconfig: str) -> AsyncIterator[tuple[Proxy, Connection]]:
    """A connection through a proxy that a test can cut."""
    settings = Kubeconfig.load(kubeconfig).settings()
    url = urlsplit(settings.server)
    assert url.hostname is not None
    proxy = Proxy(url.hostname, url.port or 443)
    port = await proxy.start()
    connection = await Connection.open(
        replace(settings, server=f"{url.scheme}://127.0.0.1:{port}{url.path}", tls_server_name=settings.tls_server_name or url.hostname)
    )
    try:
        yield proxy, connection
    finally:
        await connection.close()
        await proxy.close()


async def test_every_line_of_a_container_comes_once_and_in_order(connection: Connection, namespace: str) -> None:
    ref = await create(connection, namespace, "count", container("app", COUNT))
    async with following_log(connection, ref) as (_, log):
        await until(lambda: len(log.lines) > 150)
    assert log.numbers == list(range(len(log.lines)))
    assert [status.state for status in log.states][-1] == "following"
    times = [parse_line(raw).time for raw in log.lines]
    assert times == sorted(times)
    assert all(times)


async def test_cut_connections_lose_and_repeat_nothing(proxied: tuple[Proxy, Connection], namespace: str) -> None:
    proxy, connection = proxied
    ref = await create(connection, namespace, "cut", container("app", COUNT))
    async with following_log(connection, ref) as (_, log):
        for turn in range(5):
            await until(lambda turn: len(log.lines) > 60 * (turn + 1), turn)
            proxy.refuses = turn % 2 == 1
            proxy.cut()
            await asyncio.sleep(0.4)
            proxy.refuses = False
        seen = len(log.lines)
        await until(lambda: len(log.lines) > seen + 100)
    assert log.numbers == list(range(len(log.lines)))
    assert "reconnecting" in [status.state for status in log.states]


async def test_a_tail_is_resumed_where_it_was(proxied: tuple[Proxy, Connection], namespace: str) -> None:
    proxy, connection = proxied
    ref = await create(connection, namespace, "tail", container("app", COUNT))
    async with following_log(connection, ref) as (_, whole):
        await until(lambda: len(whole.lines) > 100)
    async with following_log(connection, ref, options=LogOptions(tail=10)) as (_, log):
        for turn in range(3):
            await until(lambda turn: len(log.lines) > 50 * (turn + 1), turn)
            proxy.cut()
        await until(lambda: len(log.lines) > 250)
    assert log.numbers[0] > 80
    assert log.numbers == list(range(log.numbers[0], log.numbers[0] + len(log.lines)))


async def test_lines_of_one_burst_come_once_through_cuts(proxied: tuple[Proxy, Connection], namespace: str) -> None:
    """12,000 lines at once, then the end: many within a second, which is all that `sinceTime` can tell apart."""
    proxy, connection = proxied
    script = "sleep 3; seq 0 11999; sleep 2; exit 7"
    ref = await create(connection, namespace, "burst", container("app", script), restartPolicy="Never")
    async with following_log(connection, ref) as (follower, log):
        for turn in range(4):
            await until(lambda turn: len(log.lines) > 2000 * turn, turn)
            proxy.cut()
        await until(lambda: follower.status.final)
    assert log.numbers == list(range(12_000))
    assert (follower.status.state, follower.status.why) == ("ended", "exit code 7, Error")


async def test_a_log_goes_on_over_its_rotation(connection: Connection, namespace: str) -> None:
    """The kubelet rotates at a size; a slow writer of long lines gets there without the follower falling behind."""
    script = f"x={'x' * 2000}; i=0; while [ $i -lt 1500 ]; do echo line $i $x; i=$((i+1)); sleep 0.01; done; sleep 1000"
    ref = await create(connection, namespace, "rotate", container("app", script))
    async with following_log(connection, ref) as (_, log):
        await until(lambda: len(log.lines) >= 1500, seconds=120)
    assert [int(text.split()[1]) for text in log.texts] == list(range(1500))


async def test_each_container_has_its_own_log(connection: Connection, namespace: str) -> None:
    ref = await create(
        connection, namespace, "two", container("one", "echo from one; sleep 1000"), container("two", "echo from two; sleep 1000")
    )
    for name, text in (("one", "from one"), ("two", "from two"), ("", "from one")):
        async with following_log(connection, ref, name) as (follower, log):
            await until(lambda log: log.lines, log)
            assert log.texts == [text]
            assert follower.containers == ["one", "two"]


async def test_a_restart_is_followed_and_the_previous_run_can_be_read(connection: Connection, namespace: str, pace: int) -> None:
    count = "n=$(cat /data/n 2>/dev/null || echo 0); echo $((n+1)) > /data/n"
    script = f"{count}; echo run $n begins; sleep {2 * pace}; echo run $n ends; [ $n -gt 0 ] && sleep 1000; exit 3"
    mount = {"volumeMounts": [{"name": "data", "mountPath": "/data"}]}
    ref = await create(connection, namespace, "restart", container("app", script, **mount), volumes=[{"name": "data", "emptyDir": {}}])
    async with following_log(connection, ref) as (_, log):
        await until(lambda: len(log.lines) == 4)
    assert log.texts == ["run 0 begins", "run 0 ends", "run 1 begins", "run 1 ends"]
    assert log.notes == ["container app restarted (exit code 3, Error)"]
    async with following_log(connection, ref, options=LogOptions(previous=True)) as (old, previous):
        await until(lambda: old.status.final)
    assert previous.texts == ["run 0 begins", "run 0 ends"]
    assert (old.status.state, old.status.why) == ("ended", "exit code 3, Error")


async def test_an_exit_without_a_newline_is_whole_and_tells_its_code(connection: Connection, namespace: str) -> None:
    ref = await create(connection, namespace, "exit", container("app", "printf 'no newline'; exit 42"), restartPolicy="Never")
    async with following_log(connection, ref) as (follower, log):
        await until(lambda: follower.status.final)
    assert log.texts == ["no newline"]
    assert follower.status.why == "exit code 42, Error"


async def test_the_log_of_a_container_that_cannot_start_waits_with_the_servers_words(connection: Connection, namespace: str) -> None:
    ref = await create(connection, namespace, "wait", {**container("app", "true"), "image": "registry.invalid/missing"})
    async with following_log(connection, ref) as (follower, _):
        await until(lambda: "failing to pull image" in follower.status.why or "ImagePullBackOff" in follower.status.why)
        assert follower.status.state == "waiting"


async def test_a_deleted_pod_ends_its_log_and_one_of_the_same_name_is_not_followed(connection: Connection, namespace: str) -> None:
    ref = await create(connection, namespace, "gone", container("app", COUNT))
    async with following_log(connection, ref) as (follower, log):
        await until(lambda: len(log.lines) > 10)
        await connection.request("DELETE", ref.path)
        await until(lambda: follower.status.final)
        assert follower.status.why == "the pod is gone"
    assert log.numbers == list(range(len(log.lines)))
    again = await create(connection, namespace, "gone", container("app", COUNT))
    assert again.uid != ref.uid
    async with following_log(connection, ref) as (follower, log):
        await until(lambda: follower.status.final)
        assert (log.lines, follower.status.why) == ([], "the pod is gone; another one has its name now")


async def test_very_long_lines_and_other_languages_come_whole(connection: Connection, namespace: str) -> None:
    # shorter than the size at which the test node's kubelet begins a new file, where a follower may lose what is between
    script = "x=xxxxxxxx; i=0; while [ $i -lt 16 ]; do x=$x$x; i=$((i+1)); done; echo $x; echo '한국어 😀 done'; sleep 1000"
    ref = await create(connection, namespace, "long", container("app", script))
    async with following_log(connection, ref) as (_, log):
        await until(lambda: len(log.lines) == 2)
        await asyncio.sleep(0.5)
    assert log.texts == ["x" * 524288, "한국어 😀 done"]


async def test_since_and_no_follow_are_left_to_the_server(connection: Connection, namespace: str) -> None:
    ref = await create(connection, namespace, "since", container("app", "echo old; sleep 6; echo new; sleep 1000"))
    async with following_log(connection, ref) as (follower, log):
        await until(lambda: len(log.lines) == 2)
    async with following_log(connection, ref, options=LogOptions(since=4, follow=False)) as (follower, log):
        await until(lambda: follower.status.final)
    assert log.texts == ["new"]


async def test_older_lines_are_read_up_to_the_oldest_known_one_while_the_container_writes(connection: Connection, namespace: str) -> None:
    script = 'i=0; while [ $i -lt 800 ]; do echo "line $i"; i=$((i+1)); done; echo long $(printf "%070000d" 7); '
    ref = await create(connection, namespace, "older", container("app", script + COUNT.replace("i=0; ", "")))

    def after_the_long_one(text: str) -> bool:
        return text.startswith("line ") and int(text[5:]) >= 800

    async with following_log(connection, ref, options=LogOptions(tail=20)) as (_, log):
        await until(lambda: any(map(after_the_long_one, log.texts)))  # which it is: that depends on when the log began
        place = next(place for place, text in enumerate(log.texts) if after_the_long_one(text))
        line = parse_line(log.lines[place])
        before = [*(f"line {n}" for n in range(800)), f"long {7:070000}", *(f"line {n}" for n in range(800, int(line.text[5:])))]
        known = len(log.lines) - place
        found = await older_lines(connection, ref, "app", OldestLine(nanoseconds(line.time), line.text, known), wanted=100)
        assert not found.whole
        assert 50 <= len(found.lines) < 300
        whole: list[OlderLines] = []
        oldest = found
        while oldest.lines:  # up to the beginning
            whole[:0] = [oldest]
            known = sum(len(part.lines) - len(part.continued) for part in whole) + len(log.lines)
            oldest = await older_lines(connection, ref, "app", OldestLine(oldest.times[0], oldest.lines[0], known), wanted=300)
        assert oldest.whole
    texts: list[str] = []
    for part in whole:
        for place, text in enumerate(part.lines):
            if place - 1 in part.continued:
                texts[-1] += text
            else:
                texts.append(text)
    assert texts == before
