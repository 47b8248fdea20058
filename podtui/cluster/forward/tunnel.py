"""Carries one TCP connection to a port of a pod over a channel: a WebSocket of its own (`Channels`) or a stream in one (`multiplex`)."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import time
from collections.abc import Callable
from enum import Enum
from typing import Protocol

from podtui.cluster.forward.local_ports import Endpoint, TcpTable
from podtui.errors import PodtuiError
from podtui.tasks import end_tasks
from podtui.text import harmless

PROTOCOL = "v4.channel.k8s.io"
CHUNK = 256 << 10  # bytes read at once from the local side: as many as asyncio takes from a socket, since each chunk costs CPU of its own
DATA, ERROR = 0, 1
Message = tuple[int, "bytes | memoryview"]
"""DATA or ERROR, and the content. An error is text: the kubelet's, about a connection that failed."""
_LONGEST_ERROR = 4096
_DATA_PREFIX = bytes([DATA])

# The local end of data may come from a client that closed its socket and reads no more, or from one that only stopped sending (`nc -N`)
# and waits for an answer. The pod must not learn at once about the second: containerd, when one direction ends, gives the other one
# second and cuts it. Seconds of the pod's silence after which the connection is closed:
QUIET_CLOSED = 2.0  # the client closed its socket: data on its way may still arrive. At once where `orderly`
QUIET_ANSWERED = 3.0  # the client only stopped sending (`nc -N`), and the pod has answered since
QUIET_UNANSWERED = 10.0  # the same, and the answer is still due
_FIRST_LOOK, _LOOK = 0.05, 0.5  # the first check, and the interval of further ones
_FAREWELL = 1.0  # how long to read from a client after the pod closed, so that no reset overtakes the pod's last bytes


class Channel(Protocol):
    """What a tunnel needs: `receive` returns None when the pod has closed. All raise PodtuiError when it breaks.

    `orderly` says that `finish` can signal the end of the data to the pod, after all that was sent.
    """

    orderly: bool

    async def receive(self) -> Message | None: ...
    async def send(self, data: bytes) -> None: ...
    async def finish(self) -> None: ...


class Socket(Protocol):
    """What `Channels` needs of a WebSocket (podtui.cluster.connection.streams.WebSocket)."""

    async def receive(self) -> bytes | None: ...
    async def send(self, data: bytes) -> None: ...


class Channels:
    """One connection in one WebSocket of the protocol v4.channel.k8s.io, which servers before Kubernetes 1.30 speak.

    Each message begins with its channel: 0 is data, 1 is the error channel of the port. The first message on each channel is the port's
    number (2 bytes, little endian). The protocol has no half-close and no close for one port, so a WebSocket carries one connection.
    """

    orderly = False

    def __init__(self, socket: Socket) -> None:
        self._socket = socket
        self._opened: set[int] = set()

    async def receive(self) -> Message | None:
        while (message := await self._socket.receive()) is not None:
            if not message:
                continue
            kind, at = message[0], 1
            if kind not in self._opened:  # the port's number comes first
                self._opened.add(kind)
                at += struct.calcsize("<H")
            if len(message) > at:
                return kind, memoryview(message)[at:]
        return None

    async def send(self, data: bytes) -> None:
        await self._socket.send(_DATA_PREFIX + data)

    async def finish(self) -> None:
        """Does nothing: the protocol has no message for it."""


class End(Enum):
    """Why a connection ended."""

    POD = "the pod closed it"
    CLIENT = "the client closed it"
    BROKEN = "it broke on the way"


class Tunnel:
    """`await run()` carries the connection until it ends. `error` then has the text of the error channel or of the break."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        channel: Channel,
        *,
        received: Callable[[int], None] = lambda count: None,
        sent: Callable[[int], None] = lambda count: None,
        table: TcpTable | None = None,
    ) -> None:
        """`received` and `sent` are called with the number of bytes from and to the pod as they pass."""
        self._reader = reader
        self._writer = writer
        self._channel = channel
        self._received = received
        self._sent = sent
        self._table = table
        self._answered_at = 0.0
        self._asked_at = 0.0
        self._delivering = False
        self._words = bytearray()
        self.error = ""

    async def run(self) -> End:
        """Carry both directions; on return, the local connection is closed and no task is left. The caller closes the channel.

        Each direction waits for its receiver, so that the tunnel never holds more than a few chunks.
        """
        up = asyncio.create_task(self._upward(), name="port-forward to the pod")
        down = asyncio.create_task(self._downward(), name="port-forward from the pod")
        try:
            end = await self._until_the_end(up, down)
            if end is End.POD and self._words:
                end = End.BROKEN
            self.error = self.error or harmless(self._words.decode("utf-8", "replace").strip())
            await end_tasks(up, down)
            if end is End.POD:
                await self._farewell()
            elif end is End.BROKEN:
                with contextlib.suppress(OSError):
                    async with asyncio.timeout(_FAREWELL):
                        await self._flush()
                reset_at_close(self._writer)
            return end
        except asyncio.CancelledError:
            reset_at_close(self._writer)
            raise
        finally:
            await end_tasks(up, down)
            self._writer.transport.abort()  # without waiting for a client that does not read

    async def _until_the_end(self, up: asyncio.Task[None], down: asyncio.Task[None]) -> End:
        await asyncio.wait({up, down}, return_when=asyncio.FIRST_COMPLETED)
        if not down.done():
            if (failure := up.exception()) is None:
                if not await self._linger(down):
                    return End.CLIENT
            elif isinstance(failure, OSError):
                return End.CLIENT  # reset by the client
            elif not isinstance(failure, PodtuiError):
                raise failure
            else:
                # The connection to the pod is closed, but its last data may still have to be delivered.
                await asyncio.wait({down})
        failure = down.exception()
        if failure is None:
            return End.POD
        if isinstance(failure, OSError):
            return End.CLIENT
        if not isinstance(failure, PodtuiError):
            raise failure
        self.error = harmless(failure.what)
        return End.BROKEN

    async def _upward(self) -> None:
        """From the client to the pod. OSError is the client's, PodtuiError the channel's."""
        reader, send, sent = self._reader, self._channel.send, self._sent
        while data := await reader.read(CHUNK):
            await send(data)
            self._asked_at = time.monotonic()
            sent(len(data))

    async def _downward(self) -> None:
        """From the pod to the client, until the channel is closed. OSError is the client's, PodtuiError the channel's."""
        receive, writer, received = self._channel.receive, self._writer, self._received
        while (message := await receive()) is not None:
            kind, data = message
            if kind == DATA:
                self._answered_at = time.monotonic()
                received(len(data))
                self._delivering = True
                writer.write(data)
                await writer.drain()
                self._delivering = False
            elif kind == ERROR and len(self._words) < _LONGEST_ERROR:
                self._words += data

    async def _linger(self, down: asyncio.Task[None]) -> bool:
        """After the client's end of data: True when the channel ended, False when the pod has been quiet for long enough."""
        began, look = time.monotonic(), _FIRST_LOOK if self._channel.orderly else _LOOK
        while True:
            if (await asyncio.wait({down}, timeout=look))[0]:
                return True
            look = _LOOK
            now = time.monotonic()
            if self._delivering:  # the pod is not quiet, the client is slow
                began = now
                continue
            quiet = now - max(began, self._answered_at)
            if (self._channel.orderly or quiet >= min(QUIET_CLOSED, QUIET_ANSWERED)) and quiet >= await self._patience():
                with contextlib.suppress(PodtuiError):  # broken: then it has ended too
                    await self._channel.finish()
                return False

    async def _patience(self) -> float:
        transport = self._writer.transport
        ours, client = transport.get_extra_info("sockname"), transport.get_extra_info("peername")
        if self._table and ours and client and await self._closed(self._table, ours[:2], client[:2]):
            return 0.0 if self._channel.orderly else QUIET_CLOSED
        return QUIET_ANSWERED if self._answered_at > self._asked_at else QUIET_UNANSWERED

    @staticmethod
    async def _closed(table: TcpTable, ours: Endpoint, client: Endpoint) -> bool | None:
        return table.client_closed(ours, client) if table.quick else await asyncio.to_thread(table.client_closed, ours, client)

    async def _farewell(self) -> None:
        """The pod has closed: deliver what is left, signal the end, and let the client close first.

        Closing at once with unread data from the client would reset the connection and could lose the pod's last bytes.
        """
        with contextlib.suppress(OSError):
            await self._flush()
            if self._writer.can_write_eof():
                self._writer.write_eof()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_FAREWELL):
                    while await self._reader.read(CHUNK):
                        pass

    async def _flush(self) -> None:
        """Wait until the transport has handed everything to the system."""
        self._writer.transport.set_write_buffer_limits(high=0)
        await self._writer.drain()


def reset_at_close(writer: asyncio.StreamWriter) -> None:
    """Reset the client's connection on close, so that the client does not take a part for the whole."""
    held = writer.get_extra_info("socket")
    if held is not None and held.fileno() >= 0:
        with contextlib.suppress(OSError):  # the client is already gone
            held.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
