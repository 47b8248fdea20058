"""A command on a terminal in a container: `pods/exec` over one WebSocket, in the protocols v5 and v4.channel.k8s.io.

Each message begins with its channel: 0 stdin, 1 stdout, 2 stderr, 3 the result (a Status), 4 the size of the
terminal as JSON. v5 also closes a channel, by 255 and its number. (k8s.io/apimachinery/pkg/util/remotecommand)

The command's output goes to the user's terminal unchanged, with every escape sequence, as with `kubectl exec`: editors and pagers
in the container need that. It is the only place where text of a cluster is not made harmless.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

import msgspec

from podtui.cluster.connection.connection_errors import status_error
from podtui.errors import ApiError, ConnectionFailed, PodtuiError
from podtui.kube.json_values import mapping, mappings, string
from podtui.kube.resources import ObjectRef
from podtui.tasks import end_tasks
from podtui.text import harmless

if TYPE_CHECKING:
    from podtui.cluster.connection.connection import Connection
    from podtui.cluster.connection.streams import WebSocket

PROTOCOLS = ("v5.channel.k8s.io", "v4.channel.k8s.io")  # servers before Kubernetes 1.30 know only the second
STDIN, STDOUT, STDERR, ENDED, RESIZE, CLOSE = 0, 1, 2, 3, 4, 255
INTERRUPT = b"\x03"
_AHEAD = 64 << 10  # bytes that may be typed before the command has started
_AGAIN = re.compile(r"\A(Internal error occurred: )+")  # the API server and the kubelet each prefix the other's message with it


class Terminal(Protocol):
    """The terminal on the user's side, in raw mode. `read` returns b"" when it is gone; `write` raises PodtuiError then."""

    @property
    def size(self) -> tuple[int, int]:
        """Columns and rows."""

    async def read(self) -> bytes: ...
    async def write(self, data: bytes) -> None: ...
    async def resized(self) -> None:
        """Returns when the size has changed."""


@dataclass(frozen=True)
class Ended:
    """How a command ended. `exit_code` is None when unknown: the command could not run (`failure` has the server's message), or the
    connection closed before the result came. `typed` is the number of bytes sent to it."""

    exit_code: int | None = None
    failure: ApiError | None = None
    typed: int = 0


def exec_query(container: str, command: Sequence[str]) -> list[tuple[str, str]]:
    """PodExecOptions (v1) of a command on a terminal, which has no stderr of its own."""
    words = [("command", word) for word in command]
    return [*words, ("container", container), ("stdin", "true"), ("stdout", "true"), ("tty", "true")]


async def run(connection: Connection, ref: ObjectRef, container: str, command: Sequence[str], terminal: Terminal) -> Ended:
    """Run the command with the user's terminal as its own, until it ends.

    The API has no precondition: the caller must check right before that the pod still has `ref.uid`. Raises the API server's
    refusal (Forbidden, NotFound, Invalid, ...), ReadOnlyError, ConnectionFailed when the connection breaks, and
    PodtuiError when Ctrl+C is pressed before it has started. It leaves nothing behind on this side.
    """
    return await _Execution(connection, ref, container, command, terminal).run()


class _Execution:
    def __init__(self, connection: Connection, ref: ObjectRef, container: str, command: Sequence[str], terminal: Terminal) -> None:
        self._connection = connection
        self._ref = ref
        self._query = exec_query(container, command)
        self._terminal = terminal
        self._socket: WebSocket | None = None
        self._opened = asyncio.Event()
        self._ahead = bytearray()  # what was typed before the WebSocket was open
        self._typed = 0

    async def run(self) -> Ended:
        work = asyncio.create_task(self._work(), name=f"exec in {self._ref}")
        others = [asyncio.create_task(each, name=f"exec in {self._ref}") for each in (self._upward(), self._sizes())]
        try:
            waiting = {work, *others}
            while not work.done():
                done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                for task in done - {work}:
                    error = task.exception()
                    if error is None:
                        return Ended(typed=self._typed)  # the terminal is gone
                    if not isinstance(error, ConnectionFailed):
                        raise error  # after a failed connection, the server's earlier messages remain to be read
            return work.result()
        finally:
            await end_tasks(work, *others)

    async def _work(self) -> Ended:
        async with self._connection.websocket(f"{self._ref.path}/exec", query=self._query, protocols=PROTOCOLS) as socket:
            self._socket = socket
            with contextlib.suppress(ConnectionFailed):  # the command has ended: its output remains to be read
                await self._resize(socket)  # before any output for another size
                while self._ahead:
                    data = bytes(self._ahead)
                    self._ahead.clear()
                    await self._send(socket, data)
            self._opened.set()
            status = b""
            while (message := await socket.receive()) is not None:
                channel, data = message[:1], message[1:]
                if channel in (bytes([STDOUT]), bytes([STDERR])) and data:
                    await self._terminal.write(data)
                elif channel == bytes([ENDED]):
                    status += data
                    if (ended := how_it_ended(status)) is not None:
                        return replace(ended, typed=self._typed)  # the last message; some API servers wait for us to close
            return Ended(typed=self._typed)

    async def _send(self, socket: WebSocket, data: bytes) -> None:
        await socket.send(bytes([STDIN]) + data)
        self._typed += len(data)

    async def _resize(self, socket: WebSocket) -> None:
        columns, rows = self._terminal.size
        await socket.send(bytes([RESIZE]) + msgspec.json.encode({"Width": columns, "Height": rows}))

    async def _upward(self) -> None:
        """Send what is typed, until the terminal is gone. Reads more only after the previous input was sent."""
        while data := await self._terminal.read():
            if self._opened.is_set():
                assert self._socket is not None
                await self._send(self._socket, data)
            elif INTERRUPT in data:
                raise PodtuiError(f"no command was run in {self._ref}: Ctrl+C was pressed before it could be")
            else:
                self._ahead += data
                if len(self._ahead) > _AHEAD:
                    await self._opened.wait()
        if self._socket is not None and self._socket.protocol == PROTOCOLS[0]:
            await self._socket.send(bytes([CLOSE, STDIN]))

    async def _sizes(self) -> None:
        await self._opened.wait()
        assert self._socket is not None
        while True:
            await self._terminal.resized()
            await self._resize(self._socket)


def how_it_ended(status: bytes) -> Ended | None:
    """Parse a Status as kubectl does; None when it is incomplete."""
    try:
        parsed = mapping(msgspec.json.decode(status))
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    if parsed.get("status") == "Success":
        return Ended(0)
    if parsed.get("reason") == "NonZeroExitCode":
        causes = mappings(mapping(parsed.get("details")).get("causes"))
        code = next((string(cause.get("message")) for cause in causes if cause.get("reason") == "ExitCode"), "")
        if code.isascii() and code.isdecimal():
            return Ended(int(code))
    return Ended(failure=status_error({**parsed, "message": _AGAIN.sub("", string(parsed.get("message"))) or harmless(status.decode())}))
