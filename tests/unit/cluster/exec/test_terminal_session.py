"""Commands on a terminal in a container: the messages, their ends, and what is told when they cannot be run."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import WSMsgType, web

from podtui.cluster.connection import bounds
from podtui.cluster.connection.connection import Connection
from podtui.cluster.connection.streams import WebSocket
from podtui.cluster.exec import shells, terminal_session
from podtui.cluster.exec.rows import why_not_yet
from podtui.cluster.exec.shells import Place
from podtui.cluster.exec.terminal_session import Ended
from podtui.cluster.live.tables import NO_LABELS, Column, Row
from podtui.errors import ApiError, ConnectionFailed, Forbidden, Invalid, PodLost, PodtuiError, ReadOnlyError, ServerError
from podtui.kube.resources import PODS, ObjectRef
from tests.support.api_server import ApiServer, Request, connected, not_found, refused, status
from tests.support.forward_server import descriptors
from tests.support.user_terminal import UserTerminal
from tests.support.waiting import until

REF = ObjectRef(PODS, "web-1", "shop", "uid-1")
MAIN = Place("main", "container", id="run-1")
V5, V4 = terminal_session.PROTOCOLS
Program = Callable[[web.WebSocketResponse], Awaitable[None]]
SUCCESS = {"metadata": {}, "status": "Success"}


def exited(code: int) -> dict[str, Any]:
    causes = [{"reason": "ExitCode", "message": str(code)}]
    told = f"command terminated with non-zero exit code: exit status {code}"
    return {"status": "Failure", "reason": "NonZeroExitCode", "message": told, "details": {"causes": causes}}


def missing(word: str) -> dict[str, Any]:
    """What an API server tells when containerd finds no such program."""
    words = f'OCI runtime exec failed: exec failed: unable to start container process: exec: "{word}": executable file not found in $PATH'
    told = f"error executing command in container: failed to exec in container: failed to start exec: {words}: unknown"
    message = f"Internal error occurred: Internal error occurred: {told}"
    return {"status": "Failure", "reason": "InternalError", "message": message, "code": 500}


class Cluster(ApiServer):
    """An API server with the pod web-1. `program` is what its `exec` does with an open WebSocket."""

    def __init__(self, program: Program | None = None, protocols: tuple[str, ...] = (V5, V4)) -> None:
        super().__init__({REF.path: self.pod})
        self.handlers[f"{REF.path}/exec"] = self.execute
        self.program = program
        self.protocols = protocols
        self.refusal: web.Response | None = None
        self.commands: list[web.Request] = []
        self.open = 0
        self.exists = True
        self.uid, self.run = "uid-1", "run-1"
        self.metadata: dict[str, Any] = {}
        self.state: dict[str, Any] = {"running": {}}
        self.spec: dict[str, Any] = {"containers": [{"name": "main"}]}
        self.phase = "Running"

    def pod(self, _: Request) -> dict[str, Any]:
        if not self.exists:
            raise not_found("pods", "web-1")
        statuses = [{"name": "main", "state": self.state, "containerID": self.run}]
        metadata = {"name": "web-1", "namespace": "shop", "uid": self.uid, **self.metadata}
        return {"metadata": metadata, "spec": self.spec, "status": {"phase": self.phase, "containerStatuses": statuses}}

    async def execute(self, request: web.Request) -> web.StreamResponse:
        self.commands.append(request)
        if not self.exists:
            return refused(not_found("pods", "web-1"))
        assert self.program is not None
        await self.gate.wait()
        if self.refusal is not None:
            return self.refusal
        socket = web.WebSocketResponse(protocols=self.protocols, timeout=0.2, autoping=False)
        await socket.prepare(request)
        self.open += 1
        try:
            await self.program(socket)
        except ConnectionError:
            pass  # the other side went
        finally:
            self.open -= 1
        await socket.close()
        return socket


async def received(socket: web.WebSocketResponse) -> bytes:
    """The next message, b"" at the end."""
    message = await socket.receive()
    return message.data if message.type is WSMsgType.BINARY else b""


async def tell(socket: web.WebSocketResponse, told: dict[str, Any]) -> None:
    await socket.send_bytes(b"\3" + json.dumps(told).encode())


async def echo(socket: web.WebSocketResponse) -> None:
    """Says its size, sends back what it gets in upper case, and ends at `q` with exit code 3."""
    while data := await received(socket):
        if data[0] == terminal_session.RESIZE:
            size = json.loads(data[1:])
            await socket.send_bytes(b"\1size %d %d;" % (size["Width"], size["Height"]))
        elif data == b"\0q":
            await tell(socket, exited(3))
            return
        else:
            await socket.send_bytes(b"\1" + data[1:].upper())


# -- the messages


@pytest.mark.parametrize("protocols", [(V5, V4), (V4,)], ids=["v5", "v4"])
async def test_what_is_typed_arrives_and_what_is_written_comes_back(protocols: tuple[str, ...]) -> None:
    cluster, terminal = Cluster(echo, protocols), UserTerminal(100, 30)
    async with connected(cluster) as connection:
        running = asyncio.create_task(terminal_session.run(connection, REF, "main", ["sh", "-c", "a b"], terminal))
        await terminal.shows("size 100 30;")
        terminal.type("한국\r")
        await terminal.shows("한국\r")
        terminal.resize(80, 24)
        await terminal.shows("size 80 24;")
        terminal.type("q")
        assert await running == Ended(3, typed=len("한국\rq".encode()))
        assert not terminal.written
    (request,) = cluster.commands
    assert len(cluster.requests) == 1
    query = [("command", "sh"), ("command", "-c"), ("command", "a b"), ("container", "main")]
    assert list(request.query.items()) == [*query, ("stdin", "true"), ("stdout", "true"), ("tty", "true")]
    assert request.headers["Sec-WebSocket-Protocol"].replace(" ", "") == f"{V5},{V4}"


@pytest.mark.parametrize(
    ("told", "ended"),
    [
        (SUCCESS, Ended(0)),
        (exited(3), Ended(3)),
        (exited(137), Ended(137)),
        ({"status": "Failure", "reason": "NonZeroExitCode", "message": "no cause", "details": {}}, None),
        ({"status": "Failure", "reason": "InternalError", "code": 500, "message": "Internal error occurred: no \x1b[31mluck"}, None),
        ({"kind": "Other"}, None),
        ([], None),
    ],
)
def test_a_status_is_read_as_kubectl_reads_it(told: object, ended: Ended | None) -> None:
    read = terminal_session.how_it_ended(json.dumps(told).encode())
    assert read is not None
    if ended is not None:
        assert read == ended
    else:
        assert read.exit_code is None and isinstance(read.failure, ApiError)
        assert read.failure.what and "\x1b" not in read.failure.what and "Internal error" not in read.failure.what


async def test_a_command_that_has_ended_before_its_terminal_was_told_the_size_is_read_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    async def program(socket: web.WebSocketResponse) -> None:
        await socket.send_bytes(b"\1out")
        await tell(socket, exited(4))

    cluster, terminal = Cluster(program), UserTerminal()
    async with connected(cluster) as connection:
        websocket = connection.websocket

        @asynccontextmanager
        async def closed(path: str, **asked: Any) -> AsyncIterator[WebSocket]:
            async with websocket(path, **asked) as socket:
                with pytest.raises(ConnectionFailed):
                    async with asyncio.timeout(20):
                        while True:
                            await socket.send(b"\0")
                            await asyncio.sleep(0.01)
                yield socket

        monkeypatch.setattr(connection, "websocket", closed)
        assert await terminal_session.run(connection, REF, "main", ["x"], terminal) == Ended(4)
        assert bytes(terminal.written) == b"out"


async def test_a_status_in_two_pieces_is_one() -> None:
    async def program(socket: web.WebSocketResponse) -> None:
        whole = json.dumps(exited(3)).encode()
        for piece in (whole[:10], whole[10:]):
            await socket.send_bytes(b"\3" + piece)
        await received(socket)

    async with connected(Cluster(program)) as connection:
        assert (await terminal_session.run(connection, REF, "main", ["sh"], UserTerminal())).exit_code == 3


async def test_a_server_that_waits_for_us_to_close_is_not_waited_for() -> None:
    closed = asyncio.Event()

    async def program(socket: web.WebSocketResponse) -> None:
        await tell(socket, SUCCESS)
        while await received(socket):
            pass
        closed.set()

    async with connected(Cluster(program)) as connection:
        assert await terminal_session.run(connection, REF, "main", ["sh"], UserTerminal()) == Ended(0)
        await closed.wait()


async def test_the_end_of_the_terminal_is_reported_where_the_protocol_can_and_ends_it() -> None:
    heard: list[bytes] = []

    async def program(socket: web.WebSocketResponse) -> None:
        while data := await received(socket):
            heard.append(data)

    for protocols in ((V5, V4), (V4,)):
        terminal = UserTerminal()
        async with connected(cluster := Cluster(program, protocols)) as connection:
            running = asyncio.create_task(terminal_session.run(connection, REF, "main", ["sh"], terminal))
            await until(lambda heard: heard, heard)
            terminal.type("")
            assert (await running).exit_code is None
            await until(lambda cluster: not cluster.open, cluster)
        assert (b"\xff\0" in heard) == (V5 in protocols)
        heard.clear()


async def test_a_shell_in_which_nothing_happens_is_kept_open_by_pings(monkeypatch: pytest.MonkeyPatch) -> None:
    async def program(socket: web.WebSocketResponse) -> None:
        for _ in range(3):
            while (message := await socket.receive()).type is not WSMsgType.PING:
                pass
            await socket.pong(message.data)
        await tell(socket, SUCCESS)

    monkeypatch.setattr(bounds, "PING_INTERVAL", 0.01)
    async with connected(Cluster(program)) as connection, asyncio.timeout(30):
        assert (await terminal_session.run(connection, REF, "main", ["sh"], UserTerminal())).exit_code == 0


# -- before it is open


async def test_keys_typed_before_the_command_runs_are_sent_when_it_does() -> None:
    cluster, terminal = Cluster(echo), UserTerminal()
    cluster.gate.clear()
    async with connected(cluster) as connection:
        running = asyncio.create_task(terminal_session.run(connection, REF, "main", ["sh"], terminal))
        terminal.type("ls")
        terminal.type("\r")
        await until(lambda: terminal.reads == 3)
        cluster.gate.set()
        await terminal.shows("LS\r")
        terminal.type("q")
        assert (await running).exit_code == 3


async def test_ctrl_c_gives_up_what_is_not_open_yet() -> None:
    cluster, terminal = Cluster(echo), UserTerminal()
    cluster.gate.clear()
    async with connected(cluster) as connection:
        running = asyncio.create_task(terminal_session.run(connection, REF, "main", ["sh"], terminal))
        terminal.type("\x03")
        with pytest.raises(PodtuiError, match="no command was run in pod/web-1: Ctrl"):
            await running
        cluster.gate.set()


@pytest.mark.parametrize(
    ("code", "kind"),
    [(403, Forbidden), (404, ServerError), (400, Invalid), (500, ApiError)],
)
async def test_what_the_server_says_instead_is_reported(code: int, kind: type[ApiError]) -> None:
    cluster = Cluster(echo)
    cluster.refusal = status(code, "Reason", "the server's words")
    async with connected(cluster) as connection:
        with pytest.raises(kind, match="the server's words"):
            await terminal_session.run(connection, REF, "main", ["sh"], UserTerminal())


async def test_nothing_is_sent_while_podtui_is_read_only() -> None:
    cluster = Cluster(echo)
    async with connected(cluster, read_only=True) as connection:
        with pytest.raises(ReadOnlyError, match="exec was not sent"):
            await terminal_session.run(connection, REF, "main", ["sh"], UserTerminal())
        with pytest.raises(ReadOnlyError):
            await shells.run(connection, REF, MAIN, UserTerminal())
    assert not cluster.requests


# -- its end on this side


async def test_a_connection_that_breaks_is_reported_and_what_came_before_is_shown() -> None:
    async def program(socket: web.WebSocketResponse) -> None:
        await socket.send_bytes(b"\1last words")
        await received(socket)
        assert socket._req is not None and socket._req.transport is not None
        socket._req.transport.close()

    terminal = UserTerminal()
    async with connected(Cluster(program)) as connection:
        with pytest.raises(ConnectionFailed):
            await terminal_session.run(connection, REF, "main", ["sh"], terminal)
    assert terminal.written == b"last words"


async def test_a_cancelled_command_leaves_no_task_and_no_socket() -> None:
    cluster, terminal = Cluster(echo), UserTerminal()
    async with connected(cluster) as connection:
        await connection.json("GET", REF.path)
        tasks, files = len(asyncio.all_tasks()), descriptors()
        running = asyncio.create_task(terminal_session.run(connection, REF, "main", ["sh"], terminal))
        await terminal.shows("size")
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        await until(lambda: not cluster.open)
        await until(lambda: len(asyncio.all_tasks()) <= tasks and descriptors() <= files)


async def test_a_terminal_that_takes_nothing_holds_up_the_command() -> None:
    sent = [0]

    async def program(socket: web.WebSocketResponse) -> None:
        for _ in range(256):
            await socket.send_bytes(b"\1" + bytes(256 << 10))
            sent[0] += 1
        await tell(socket, SUCCESS)

    terminal = UserTerminal()
    terminal.hold(True)
    async with connected(Cluster(program)) as connection:
        running = asyncio.create_task(terminal_session.run(connection, REF, "main", ["sh"], terminal))
        await until(lambda: sent[0])
        await still(lambda: sent[0])
        assert sent[0] < 128, "it went on although nobody took it"
        terminal.hold(False)
        assert await running == Ended(0)
    assert len(terminal.written) == 256 * (256 << 10)


async def test_a_command_that_reads_nothing_holds_up_what_is_typed() -> None:
    reads, go_on = [0], asyncio.Event()

    class Pasting(UserTerminal):
        async def read(self) -> bytes:
            reads[0] += 1
            await asyncio.sleep(0)
            return bytes(256 << 10)

    async def program(socket: web.WebSocketResponse) -> None:
        await go_on.wait()
        await tell(socket, SUCCESS)

    async with connected(Cluster(program)) as connection:
        running = asyncio.create_task(terminal_session.run(connection, REF, "main", ["sh"], Pasting()))
        await until(lambda: reads[0])
        await still(lambda: reads[0])
        assert reads[0] < 256
        go_on.set()
        assert (await running).exit_code == 0


async def still(count: Callable[[], int]) -> None:
    """Waits until a number does not change for a while."""
    before = -1
    while before != (before := count()):  # noqa: ASYNC110 - what is waited for is that nothing happens
        await asyncio.sleep(0.3)


# -- where a shell can be opened


async def test_the_default_container_comes_first_and_what_does_not_run_says_why() -> None:
    cluster = Cluster()
    cluster.spec = {
        "initContainers": [{"name": "setup"}, {"name": "proxy", "restartPolicy": "Always"}],
        "containers": [{"name": "main"}, {"name": "web"}, {"name": "late"}],
        "ephemeralContainers": [{"name": "debugger"}],
    }
    cluster.metadata = {"annotations": {"kubectl.kubernetes.io/default-container": "web"}}
    pod = cluster.pod(Request("GET", REF.path, {}))
    ended = {"terminated": {"reason": "Completed", "exitCode": 0}}
    pod["status"]["initContainerStatuses"] = [{"name": "setup", "state": ended}, {"name": "proxy", "state": {"running": {}}}]
    pod["status"]["containerStatuses"].append({"name": "web", "state": {"waiting": {"reason": "CrashLoopBackOff"}}})
    cluster.objects[REF.path] = pod
    async with connected(cluster) as connection:
        assert [(place.name, place.kind, place.refusal) for place in await shells.places(connection, REF)] == [
            ("web", "container", "is waiting (CrashLoopBackOff)"),
            ("main", "container", ""),
            ("late", "container", "has not started yet"),
            ("setup", "init", "has ended (Completed, exit code 0)"),
            ("proxy", "sidecar", ""),
            ("debugger", "ephemeral", "has not started yet"),
        ]


async def test_a_default_container_that_the_pod_does_not_have_is_told_with_the_one_that_is_used() -> None:
    cluster = Cluster()
    cluster.metadata = {"annotations": {"kubectl.kubernetes.io/default-container": "gone\x1b"}}
    async with connected(cluster) as connection:
        (place,) = await shells.places(connection, REF)
    assert place.warning == (
        "default container gone\N{SYMBOL FOR ESCAPE} (kubectl.kubernetes.io/default-container) is not in the pod: main is used"
    )


async def test_a_pod_that_is_gone_replaced_or_at_its_end_has_no_place_for_a_shell() -> None:
    cluster = Cluster()
    async with connected(cluster) as connection:
        cluster.state = {"waiting": {"reason": "ImagePullBackOff"}}
        with pytest.raises(PodtuiError, match=r"no container of pod/web-1 is running: main is waiting \(ImagePullBackOff\)"):
            await shells.places(connection, REF)
        cluster.phase = "Failed"
        with pytest.raises(PodtuiError, match=r"pod/web-1 has finished \(Failed\)"):
            await shells.places(connection, REF)
        cluster.uid = "uid-2"
        with pytest.raises(PodLost, match="replaced by another pod"):
            await shells.places(connection, REF)
        cluster.exists = False
        with pytest.raises(PodLost, match="pod/web-1 is gone"):
            await shells.places(connection, REF)


@pytest.mark.parametrize(
    ("ready", "word", "refused"),
    [
        ("1/1", "Running", False),
        ("0/1", "Running", False),
        ("0/1", "Pending", True),
        ("0/2", "Pending", True),
        ("0/1", "Completed", True),
        ("0/1", "ContainerCreating", True),
        ("0/1", "CrashLoopBackOff", True),
        ("0/2", "CrashLoopBackOff", False),
        ("1/2", "Error", False),
        ("0/1", "Init:0/1", False),
        ("0/1", "Terminating", False),
    ],
)
def test_a_row_tells_for_sure_only_what_it_knows(ready: str, word: str, refused: bool) -> None:
    columns = [Column("Name", "string"), Column("Ready", "string"), Column("Status", "string")]
    row = Row("uid-1", "shop", "web-1", "1", NO_LABELS, 0.0, False, ("web-1", ready, word))
    assert why_not_yet(row, columns) == (f"pod web-1 is not running ({word})" if refused else "")


# -- how its end is told


async def ending(connection: Connection, ended: Ended) -> str:
    """What is said of it, as an error or not."""
    try:
        return await shells.how_it_ended(connection, REF, MAIN, ended)
    except PodtuiError as error:
        return f"✗ {error}"


async def test_an_exit_says_nothing_and_an_exit_code_is_reported() -> None:
    async with connected(Cluster()) as connection:
        assert await ending(connection, Ended(0)) == ""
        assert await ending(connection, Ended(1)) == "the shell in container main of pod/web-1 ended with exit code 1"
        assert await ending(connection, Ended(127, typed=9)) == "the shell in container main of pod/web-1 ended with exit code 127"
        assert await ending(connection, Ended(137, typed=9)) == "the shell in container main of pod/web-1 ended with exit code 137"


async def test_an_image_without_a_shell_is_reported_with_what_to_do() -> None:
    crun = "executable file `sh` not found in $PATH: No such file or directory"
    failures = [
        terminal_session.how_it_ended(json.dumps(told).encode()) for told in (missing("sh"), {"status": "Failure", "message": crun})
    ]
    async with connected(Cluster()) as connection:
        for ended in (*failures, Ended(126), Ended(127)):
            assert ended is not None
            assert await ending(connection, ended) == (
                "✗ there is no shell in the image of container main of pod/web-1\nThis adds a container that has one: "
                "kubectl --context dev debug -it -n shop web-1 --image=busybox --target=main"
            )


async def test_another_failure_is_reported_in_the_servers_words() -> None:
    ended = terminal_session.how_it_ended(json.dumps(missing("bash")).encode())
    assert ended is not None
    async with connected(Cluster()) as connection:
        assert (await ending(connection, ended)).startswith("✗ error executing command in container: failed to exec")


async def test_what_became_of_the_pod_is_reported_instead_of_a_broken_connection() -> None:
    cluster, began = Cluster(), "✗ the shell in container main of pod/web-1 has ended: "
    async with connected(cluster) as connection:
        cut = "✗ the connection to the shell in container main of pod/web-1 was closed before the shell had ended"
        assert await ending(connection, Ended()) == cut
        cluster.run = "run-2"
        assert await ending(connection, Ended()) == f"{began}container main was started again"
        cluster.state = {"terminated": {"reason": "OOMKilled", "exitCode": 137}}
        assert await ending(connection, Ended()) == f"{began}container main has ended (OOMKilled, exit code 137)"
        told = "the shell in container main of pod/web-1 ended with exit code 137: container main has ended (OOMKilled, exit code 137)"
        assert await ending(connection, Ended(137)) == told
        cluster.metadata = {"deletionTimestamp": "2026-01-01T00:00:00Z"}
        assert await ending(connection, Ended()) == f"{began}pod/web-1 is being deleted"
        cluster.uid = "uid-2"
        assert await ending(connection, Ended()) == f"{began}pod/web-1 was replaced by another pod of the same name"
        cluster.exists = False
        lost = await shells.explained(connection, REF, MAIN, not_found("pods", "web-1"))
        assert isinstance(lost, PodLost) and lost.what.endswith("pod/web-1 is gone")
        denied = await shells.explained(connection, REF, MAIN, Forbidden(403, "Forbidden", "words"))
        assert isinstance(denied, Forbidden) and denied.what == "words", "a pod that is gone is not what is behind it"


# -- Windows


def lacking(program: str) -> dict[str, Any]:
    """What an API server tells when containerd on Windows finds no such program."""
    words = f"hcs::System::CreateProcess {program}: The system cannot find the file specified.: unknown"
    told = f'failed to exec in container: failed to start exec "a1": {words}'
    return {"status": "Failure", "reason": "InternalError", "message": f"Internal error occurred: {told}", "code": 500}


class WindowsCluster(Cluster):
    """Its container has the `shells`; each greets with its name and exits with 0."""

    def __init__(self, *shells: str) -> None:
        super().__init__(self.start)
        self.shells = shells

    async def start(self, socket: web.WebSocketResponse) -> None:
        program = self.tried[-1]
        if program in self.shells:
            await socket.send_bytes(b"\1" + program.encode() + b"> ")
            await tell(socket, SUCCESS)
        else:
            await tell(socket, lacking(program))

    @property
    def tried(self) -> list[str]:
        return [request.query["command"] for request in self.commands]


async def shell_in(cluster: Cluster, terminal: UserTerminal) -> Ended:
    async with connected(cluster) as connection:
        (place,) = await shells.places(connection, REF)
        return await shells.run(connection, REF, place, terminal)


@pytest.mark.parametrize(("has", "tried"), [(("powershell", "cmd"), ["powershell"]), (("cmd",), ["powershell", "cmd"])])
@pytest.mark.parametrize("spec", [{"os": {"name": "windows"}}, {"nodeSelector": {"kubernetes.io/os": "windows"}}])
async def test_in_a_windows_pod_powershell_and_then_cmd_is_tried(has: tuple[str, ...], tried: list[str], spec: dict[str, Any]) -> None:
    cluster, terminal = WindowsCluster(*has), UserTerminal()
    cluster.spec |= spec
    assert await shell_in(cluster, terminal) == Ended(0)
    assert cluster.tried == tried and terminal.written == f"{tried[-1]}> ".encode()


async def test_each_command_that_is_tried_in_place_of_another_is_told() -> None:
    cluster, tried = WindowsCluster("cmd"), []

    async def instead(command: Any) -> None:
        tried.append(command)

    async with connected(cluster) as connection:
        (place,) = await shells.places(connection, REF)
        assert await shells.run(connection, REF, place, UserTerminal(), instead) == Ended(0)
    assert tried == [("powershell",), ("cmd",)]


async def test_a_pod_that_does_not_name_its_system_is_known_by_the_words_of_its_node() -> None:
    cluster, terminal = WindowsCluster("cmd"), UserTerminal()
    assert await shell_in(cluster, terminal) == Ended(0)
    assert cluster.tried == ["sh", "powershell", "cmd"] and "/api/v1/nodes" not in str(cluster.asked)


@pytest.mark.parametrize(("system", "tried"), [("windows", ["sh", "powershell"]), ("linux", ["sh"]), ("", ["sh"])])
async def test_other_words_are_judged_by_the_label_of_the_node(system: str, tried: list[str]) -> None:
    async def program(socket: web.WebSocketResponse) -> None:
        word = cluster.commands[-1].query["command"]
        await tell(socket, SUCCESS if word == "powershell" else missing(word))

    cluster = Cluster(program)
    cluster.spec["nodeName"] = "n1"
    if system:
        cluster.objects["/api/v1/nodes/n1"] = {"metadata": {"labels": {"kubernetes.io/os": system}}}
    ended = await shell_in(cluster, UserTerminal())
    assert [request.query["command"] for request in cluster.commands] == tried
    assert (ended.exit_code == 0) is (system == "windows")


async def test_a_windows_image_without_a_shell_is_reported_without_words_of_linux() -> None:
    cluster = WindowsCluster()
    cluster.spec["os"] = {"name": "windows"}
    async with connected(cluster) as connection:
        (place,) = await shells.places(connection, REF)
        ended = await shells.run(connection, REF, place, UserTerminal())
        with pytest.raises(PodtuiError) as error:
            await shells.how_it_ended(connection, REF, place, ended)
    assert str(error.value).startswith("there is no powershell and no cmd in the image of container main of pod/web-1")
    assert "busybox" not in str(error.value)


async def test_a_runtime_that_refuses_before_the_websocket_is_open_is_understood_too() -> None:
    tried = []

    async def refuse(request: web.Request) -> web.StreamResponse:
        tried.append(request.query["command"])
        return status(500, "InternalError", lacking(tried[-1])["message"])

    cluster = Cluster()
    cluster.spec["os"] = {"name": "windows"}
    cluster.handlers[f"{REF.path}/exec"] = refuse
    ended = await shell_in(cluster, UserTerminal())
    assert ended.failure is not None and tried == ["powershell", "cmd"]
