"""Many connections to one pod over a few WebSockets: tunnelled SPDY/3.1, the protocol `SPDY/3.1+portforward.k8s.io` (KEP-4006).

Opening a WebSocket takes two TLS handshakes, to the API server and from it to the kubelet; opening a stream in it takes none. So a
WebSocket (a line) stays open for a while after its connection has ended, and serves the next one. The protocol has no flow control
for its streams: a stream whose client does not read must block the whole line. Therefore connections share lines only when there are
more connections than lines may be open, and a blocked line gets no new ones.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from podtui.cluster.forward.tunnel import DATA, ERROR
from podtui.errors import ConnectionFailed, PodtuiError
from podtui.kube.resources import ObjectRef
from podtui.kube.spdy import Closing, Received, Reset, Session, SpdyError
from podtui.tasks import end_tasks

if TYPE_CHECKING:
    from podtui.cluster.connection.connection import Connection
    from podtui.cluster.connection.streams import WebSocket

PROTOCOL = "SPDY/3.1+portforward.k8s.io"
MOST = 8
"""The most open lines of a forward; further connections share them."""
IDLE = 20.0
"""Seconds for which a line without a connection stays open."""
HELD = 1 << 20
"""Bytes waiting for a client above which its line is not read."""


class Stream:
    """One connection in a line: a channel of a Tunnel. Its data stream and its error stream have consecutive odd numbers."""

    orderly = True

    def __init__(self, line: Line, number: int) -> None:
        self.number = number
        self._line = line
        self._messages: deque[tuple[int, bytes]] = deque()
        self._waiting = 0  # bytes in `_messages`
        self._news = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()
        self._going = {number, number - 2}  # those of its two streams that are still open
        self._ended = False
        self._failure: PodtuiError | None = None
        self.finished = False  # whether the end of the data was sent to the pod

    async def receive(self) -> tuple[int, bytes] | None:
        while not self._messages:
            if self._failure is not None:
                raise self._failure
            if self._ended:
                return None
            self._news.clear()
            await self._news.wait()
        kind, data = self._messages.popleft()
        if len(self._messages) > 1 and all(each == kind for each, _ in self._messages):  # the client is slower: write more at once
            data = b"".join([data, *(more for _, more in self._messages)])
            self._messages.clear()
        self._waiting -= len(data)
        if self._waiting < HELD:
            self._room.set()
        return kind, data

    async def send(self, data: bytes) -> None:
        if self._failure is not None:
            raise self._failure
        await self._line.send(Session.data(self.number, data))

    async def finish(self) -> None:
        if self._failure is not None:
            raise self._failure
        await self._line.send(Session.data(self.number, b"", final=True))
        self.finished = True

    # -- for the line
    async def put(self, kind: int, data: bytes) -> None:
        """Take a message from the line; returns when there is room for more."""
        if self._failure is None and not self._ended:
            self._messages.append((kind, data))
            self._waiting += len(data)
            self._news.set()
            if self._waiting >= HELD:
                self._room.clear()
                await self._room.wait()

    def final(self, number: int) -> None:
        """One of its streams has ended. The error may come after the end of the data, as containerd sends it."""
        self._going.discard(number)
        if not self._going:
            self.end()

    def end(self, failure: PodtuiError | None = None) -> None:
        """Both streams have ended."""
        self._ended, self._failure = True, self._failure or failure
        self._news.set()
        self._room.set()

    @property
    def ended(self) -> bool:
        return self._ended


class Line:
    """One WebSocket to a pod. `streams` has its connections, by the numbers of both of their streams."""

    def __init__(self, ref: ObjectRef, websocket: WebSocket) -> None:
        self.ref = ref
        self.streams: dict[int, Stream] = {}
        self.held_up = False
        self.over = False
        self._websocket = websocket
        self._session = Session()
        self._sending = asyncio.Lock()
        self._next = 1
        self._opened = False
        self._empty_since = asyncio.get_running_loop().time()

    @property
    def connections(self) -> int:
        return len(self.streams) // 2

    @property
    def used(self) -> bool:
        """Whether a connection was ever opened in it."""
        return self._opened

    async def open(self, port: int) -> Stream:
        """Open a connection to a port of the pod. ConnectionFailed when the line has broken in the meantime."""
        async with self._sending:  # streams must be opened in the order of their numbers
            errors, data = self._next, self._next + 2
            self._next += 4
            stream = Stream(self, data)
            self.streams[errors] = self.streams[data] = stream
            headers = {"port": str(port), "requestid": str(errors)}
            opened = self._session.open(errors, {"streamtype": "error", **headers}) + Session.data(errors, b"", final=True)
            try:
                await self._websocket.send(opened + self._session.open(data, {"streamtype": "data", **headers}))
            except BaseException:
                self._forget(stream)
                raise
        self._opened = True
        return stream

    async def close(self, stream: Stream) -> None:
        """End a connection, whatever the pod still sends. Data sent before `finish` still arrives."""
        ended = stream.ended
        self._forget(stream)
        stream.end()
        if not stream.finished:
            last = Session.data(stream.number, b"", final=True)
            with contextlib.suppress(PodtuiError):  # the line has broken: so is the connection
                await self.send(last if ended else last + Session.reset(stream.number) + Session.reset(stream.number - 2))

    async def send(self, data: bytes) -> None:
        async with self._sending:
            await self._websocket.send(data)

    def _forget(self, stream: Stream) -> None:
        self.streams.pop(stream.number, None)
        self.streams.pop(stream.number - 2, None)
        self._empty_since = asyncio.get_running_loop().time()

    async def run(self) -> None:
        """Read until the line ends, or has been without a connection for long."""
        failure: PodtuiError = ConnectionFailed(f"the API server closed the connection to {self.ref}")
        reading = asyncio.create_task(self._read(), name=f"line to {self.ref}")
        try:
            while not reading.done():
                idle = asyncio.get_running_loop().time() - self._empty_since
                if not self.streams and idle >= IDLE:
                    return
                await asyncio.wait({reading}, timeout=IDLE if self.streams else IDLE - idle)
            reading.result()
        except PodtuiError as error:
            failure = error
        except SpdyError as error:
            failure = ConnectionFailed(f"the data from {self.ref} is not SPDY: {error}")
        finally:
            self.over = True
            reading.cancel()
            for stream in list(self.streams.values()):
                stream.end(failure)
            await asyncio.gather(reading, return_exceptions=True)

    async def _read(self) -> None:
        while (message := await self._websocket.receive()) is not None:
            for event in self._session.feed(message):
                if isinstance(event, Closing):
                    self.over = True  # for new connections
                elif isinstance(event, Received | Reset) and (stream := self.streams.get(event.stream)) is not None:
                    await self._take(stream, event)
            if self._session.answers:
                answers = bytes(self._session.answers)
                self._session.answers.clear()
                await self.send(answers)

    async def _take(self, stream: Stream, event: Received | Reset) -> None:
        if isinstance(event, Received) and event.data:
            self.held_up = True
            await stream.put(DATA if event.stream == stream.number else ERROR, event.data)
            self.held_up = False
        if isinstance(event, Reset) or event.final:
            stream.final(event.stream)


class LinePool:
    """The lines of one forward. `stream` opens a connection over one of them."""

    def __init__(self) -> None:
        self._lines: set[Line] = set()
        self._opening: set[asyncio.Future[Line]] = set()
        self._tasks: set[asyncio.Task[None]] = set()  # one per line, open or opening

    @contextlib.asynccontextmanager
    async def stream(self, connection: Connection, ref: ObjectRef, port: int) -> AsyncIterator[Stream]:
        """A connection to a port of the pod. Raises the API server's refusals and ConnectionFailed."""
        line, stream = await self._open(connection, ref, port)
        try:
            yield stream
        finally:
            await line.close(stream)

    async def _open(self, connection: Connection, ref: ObjectRef, port: int) -> tuple[Line, Stream]:
        while True:
            usable = [line for line in self._lines if line.ref.uid == ref.uid and not line.over and not line.held_up]
            line = min(usable, key=lambda line: line.connections, default=None)
            if line is None or (line.connections and len(usable) + len(self._opening) < MOST):
                if len(self._opening) >= MOST:
                    await asyncio.wait(self._opening, return_when=asyncio.FIRST_COMPLETED)
                    continue
                line = await self._new(connection, ref)
            try:
                return line, await line.open(port)
            except PodtuiError:
                if not line.used:
                    raise
                line.over = True  # it broke while unused

    async def _new(self, connection: Connection, ref: ObjectRef) -> Line:
        opened: asyncio.Future[Line] = asyncio.get_running_loop().create_future()
        task = asyncio.create_task(self._keep(connection, ref, opened), name=f"line to {ref}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        self._opening.add(opened)
        opened.add_done_callback(self._opening.discard)
        try:
            return await asyncio.shield(opened)
        except asyncio.CancelledError:
            task.cancel()
            raise

    async def _keep(self, connection: Connection, ref: ObjectRef, opened: asyncio.Future[Line]) -> None:
        """Open a line and keep it until it ends. `opened` gets the API server's refusal."""
        line: Line | None = None
        try:
            async with connection.websocket(f"{ref.path}/portforward", protocols=[PROTOCOL]) as websocket:
                line = Line(ref, websocket)
                self._lines.add(line)
                opened.set_result(line)
                await line.run()
        except Exception as error:
            if opened.done():
                raise
            opened.set_exception(error)
        finally:
            if line is not None:
                self._lines.discard(line)
            if not opened.done():
                opened.cancel()

    async def close(self) -> None:
        """End every line; nothing of them is left on return."""
        await end_tasks(*self._tasks)
