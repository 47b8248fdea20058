"""`pods/exec` over a WebSocket in the protocols v4 and v5.channel.k8s.io, as kubectl speaks them.

Each message begins with its channel: 0 stdin, 1 stdout, 2 stderr, 3 how it ended (a Status), 4 the terminal's size; in v5, 255
and a channel close that channel (k8s.io/apimachinery/pkg/util/remotecommand). On a terminal (`tty`) there is no stderr.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import Any, Protocol

from aiohttp import WSMsgType, web

from podtui.demo.storage.errors import ApiError, Unreachable
from podtui.tasks import end_tasks

PROTOCOLS = ("v5.channel.k8s.io", "v4.channel.k8s.io")
STDIN, STDOUT, STDERR, ENDED, _RESIZE, _CLOSE = 0, 1, 2, 3, 4, 255
_TRUE = ("true", "1")


class RunningCommand(Protocol):
    """A command at work. `read` gives (1 for stdout or 2 for stderr, bytes), and None when it has ended with `exit_code`."""

    exit_code: int | None
    failure: str
    """Why it could not be started; "" when it was."""

    def feed(self, data: bytes) -> None: ...
    def eof(self) -> None: ...
    def resize(self, columns: int, rows: int) -> None: ...
    async def read(self) -> tuple[int, bytes] | None: ...


class Shells(Protocol):
    """What exec needs of a kubelet. Raises ApiError for a pod and Unreachable for a container that does not run."""

    def check(self, namespace: str, pod: str, container: str) -> None: ...
    def shell(self, namespace: str, pod: str, container: str, command: list[str], *, tty: bool) -> RunningCommand: ...


async def exec_(request: web.Request, shells: Shells, namespace: str, pod: str) -> web.StreamResponse:
    """Serves the request until the command has ended or the client has gone."""
    query = request.query
    command = query.getall("command", [])
    if not command:
        raise ApiError(400, "BadRequest", "you must specify at least 1 command for the container")
    container = query.get("container", "")
    if not any(query.get(stream) in _TRUE for stream in ("stdin", "stdout", "stderr")):
        raise ApiError(400, "BadRequest", "you must specify at least 1 of stdin, stdout, stderr")
    try:
        if request.headers.get("Upgrade", "").lower() != "websocket":
            shells.check(namespace, pod, container)  # kubectl tries SPDY next, and prints the answer to that
            raise ApiError(400, "BadRequest", "Upgrade request required")
        process = shells.shell(namespace, pod, container, command, tty=query.get("tty") in _TRUE)
    except Unreachable as error:
        return web.Response(text=str(error), status=500)
    websocket = web.WebSocketResponse(protocols=PROTOCOLS, timeout=1.0)
    await websocket.prepare(request)
    if query.get("stdin") not in _TRUE:
        process.eof()
    reader = asyncio.create_task(_read(websocket, process))
    writer = asyncio.create_task(_write(websocket, process))
    try:
        await asyncio.wait((reader, writer), return_when=asyncio.FIRST_COMPLETED)
        if writer.done() and not writer.cancelled() and writer.exception() is None:
            with contextlib.suppress(ConnectionError):
                await websocket.send_bytes(bytes([ENDED]) + json.dumps(_status(process)).encode())
    finally:
        process.eof()
        await end_tasks(reader, writer)
    await websocket.close()
    return websocket


async def _read(websocket: web.WebSocketResponse, process: RunningCommand) -> None:
    async for message in websocket:
        if message.type is not WSMsgType.BINARY or not message.data:
            continue
        channel, data = message.data[0], message.data[1:]
        if channel == STDIN and data:
            process.feed(data)
        elif channel == _RESIZE:
            _resize(process, data)
        elif channel == _CLOSE and data[:1] == bytes([STDIN]):
            process.eof()


def _resize(process: RunningCommand, data: bytes) -> None:
    try:
        size = json.loads(data)
        process.resize(int(size["Width"]), int(size["Height"]))
    except (ValueError, TypeError, KeyError):
        pass  # the kubelet writes a line in its log and goes on


async def _write(websocket: web.WebSocketResponse, process: RunningCommand) -> None:
    while (piece := await process.read()) is not None:
        await websocket.send_bytes(bytes([piece[0]]) + piece[1])


def _status(process: RunningCommand) -> dict[str, Any]:
    exit_code = process.exit_code or 0
    if process.failure:
        words = f"Internal error occurred: error executing command in container: {process.failure}"
        told = {"status": "Failure", "message": f"Internal error occurred: {words}", "reason": "InternalError", "code": 500}
        return {"metadata": {}, **told, "details": {"causes": [{"message": words}]}}
    if not exit_code:
        return {"metadata": {}, "status": "Success"}
    return {
        "metadata": {},
        "status": "Failure",
        "message": f"command terminated with non-zero exit code: exit status {exit_code}",
        "reason": "NonZeroExitCode",
        "details": {"causes": [{"reason": "ExitCode", "message": str(exit_code)}]},
    }
