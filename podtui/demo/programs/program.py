"""What runs in a container: a body that sleeps and writes by the simulated clock, and what it answers on its ports."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Callable, Generator, Mapping, MutableMapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import ClassVar

from podtui.demo.storage.clock import Clock, Handle

Body = Generator[float | None, None, int]
"""Yields for how many seconds it sleeps (None: forever, without any timer); what it returns is the exit code."""
_SHORTEST = 0.001  # a body that never really sleeps must not keep the clock from going on
_LONGEST_HEAD = 64 * 1024


class Task:
    """A body at work. `ended` is called with its exit code, unless it is killed."""

    __slots__ = ("_body", "_clock", "_ended", "_handle")
    _running: ClassVar[Task | None] = None

    @classmethod
    def wake_running(cls) -> Callable[[], None]:
        """What wakes the task that asks this from its body, when it sleeps forever."""
        return cls._running.wake if cls._running is not None else lambda: None

    def __init__(self, clock: Clock, body: Body, ended: Callable[[int], None]) -> None:
        self._clock = clock
        self._body: Body | None = body
        self._ended = ended
        self._handle: Handle | None = None

    def step(self) -> None:
        """Runs it up to where it sleeps next."""
        self._go(next)

    def throw(self, error: Exception) -> None:
        """Raises an error in it where it sleeps, and runs it up to where it sleeps next."""
        if self._handle is not None:
            self._handle.cancel()
        self._go(lambda body: body.throw(error))

    def _go(self, resume: Callable[[Body], float | None]) -> None:
        body, self._handle = self._body, None
        if body is None:
            return
        before, Task._running = Task._running, self
        try:
            seconds = resume(body)
        except StopIteration as stop:
            if self._body is not None:
                self._body = None
                self._ended(stop.value or 0)
        else:
            if seconds is not None and self._body is not None:
                self._handle = self._clock.call_later(max(seconds, _SHORTEST), self.step)
        finally:
            Task._running = before

    def wake(self) -> None:
        """Goes on where it sleeps forever; a sleep with an end is slept out."""
        if self._handle is None:
            self.step()

    def kill(self) -> None:
        body, self._body = self._body, None
        if self._handle is not None:
            self._handle.cancel()
        if body is not None:
            with contextlib.suppress(ValueError):  # it is itself what kills it, and goes on to its next sleep
                body.close()


class Connection:
    """The program's end of a TCP connection. What is fed is taken at once; `read` gives what it sends, b"" at the end."""

    def __init__(self) -> None:
        self._out: asyncio.Queue[bytes] = asyncio.Queue()
        self._ended = False

    def feed(self, data: bytes) -> None:
        """Takes what the client sends; a plain connection ignores it."""

    def eof(self) -> None:
        """The client sends nothing more."""
        self.end()

    def close(self) -> None:
        while not self._out.empty():
            self._out.get_nowait()
        self._ended = True
        self._out.put_nowait(b"")

    def send(self, data: bytes) -> None:
        if data and not self._ended:
            self._out.put_nowait(data)

    def end(self) -> None:
        if not self._ended:
            self._ended = True
            self._out.put_nowait(b"")

    async def read(self) -> bytes:
        return await self._out.get()


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    """With names in lower case."""
    body: bytes = b""
    client: str = "127.0.0.1"


@dataclass(frozen=True)
class Answer:
    status: int
    body: str = ""
    content_type: str = "text/plain; charset=utf-8"


_REASONS = {200: "OK", 400: "Bad Request", 404: "Not Found", 500: "Internal Server Error", 503: "Service Unavailable"}


class HttpConnection(Connection):
    """HTTP/1.1, one answer for each request; the connection is kept unless the client asks to close it."""

    def __init__(self, program: Program) -> None:
        super().__init__()
        self._program = program
        self._in = b""

    def feed(self, data: bytes) -> None:
        self._in += data
        while not self._ended and self._answer_next():
            pass

    def _answer_next(self) -> bool:
        """Whether a whole request was there; it is answered."""
        head, found, rest = self._in.partition(b"\r\n\r\n")
        if not found:
            if len(head) > _LONGEST_HEAD:
                self._answer(Answer(400, "bad request\n"), "GET", close=True)
            return False
        first, *lines = head.decode("latin-1").split("\r\n")
        words = first.split(" ")
        headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        length = headers.get("content-length", "0")
        if len(words) != 3 or not words[2].startswith("HTTP/1.") or not length.isdigit():
            self._answer(Answer(400, "bad request\n"), "GET", close=True)
            return False
        if len(rest) < int(length):
            return False
        body, self._in = rest[: int(length)], rest[int(length) :]
        asked = headers.get("connection", "").lower()
        close = asked == "close" or (words[2] == "HTTP/1.0" and asked != "keep-alive")
        self._answer(self._program.answer(Request(words[0], words[1], headers, body)), words[0], close=close)
        return True

    def _answer(self, answer: Answer, method: str, *, close: bool) -> None:
        body = answer.body.encode()
        now = datetime.fromtimestamp(self._program.context.clock.now(), UTC)
        head = (
            f"HTTP/1.1 {answer.status} {_REASONS.get(answer.status, 'Unknown')}\r\nDate: {now:%a, %d %b %Y %H:%M:%S} GMT\r\n"
            f"Content-Type: {answer.content_type}\r\n"
            f"Content-Length: {len(body)}\r\nConnection: {'close' if close else 'keep-alive'}\r\n\r\n"
        )
        self.send(head.encode() + (b"" if method == "HEAD" else body))
        if close:
            self.end()


@dataclass
class Context:
    """What a program sees of its container."""

    clock: Clock
    write: Callable[[bytes], None]
    """Adds to the container's log."""
    random: random.Random
    image: str = ""
    pod: str = ""
    namespace: str = ""
    container: str = ""
    hostname: str = ""
    ip: str = ""
    env: dict[str, str] = field(default_factory=dict)
    command: list[str] = field(default_factory=list)
    """`command` and `args` of the container, with $(VARIABLES) put in; empty: what the image does by itself."""
    ports: tuple[int, ...] = ()
    """Its containerPorts."""
    files: MutableMapping[str, bytes] = field(default_factory=dict)
    """The container's files by absolute path, shared by all that runs in it."""

    program: Program | None = None
    """What runs there as PID 1."""
    listeners: dict[int, Callable[[], Connection]] = field(default_factory=dict)
    """What takes a connection to a port that a command listens on."""
    jobs: list[Task] = field(default_factory=list)
    """What shells run in the background."""

    def say(self, *lines: str) -> None:
        self.write("\n".join((*lines, "")).encode())


class Program:
    """What an image does. This base class just runs, and answers HTTP on the ports that its container declares."""

    stop_after: float | None = 0.2
    """Seconds from SIGTERM to its end; None: as PID 1 it never handles it, and is killed when the grace period is over."""
    stop_code = 0
    reason = ""
    """Why it ended, where that is neither Completed nor Error: OOMKilled."""

    def __init__(self, context: Context) -> None:
        self.context = context
        context.program = self

    port: int | None = None
    """Where it listens when its container declares no port."""

    @property
    def ports(self) -> tuple[int, ...]:
        """Where it listens by itself; commands may listen on more."""
        return self.context.ports or (() if self.port is None else (self.port,))

    def listens(self, port: int) -> bool:
        """Whether something in its container takes connections to a port."""
        return port in self.context.listeners or port in self.ports

    def run(self) -> Body:
        yield None
        return 0

    def answer(self, request: Request) -> Answer:
        if request.path.split("?")[0] in ("/healthz", "/ready", "/readyz", "/livez"):
            return Answer(200, "ok\n")
        return Answer(200, f"{self.context.image} in pod {self.context.hostname}\n")

    def probe(self, path: str, port: int) -> Answer:
        """What a probe gets: as `answer`, but nothing of it is in the log. Raises ConnectionRefusedError."""
        if not self.listens(port):
            raise ConnectionRefusedError
        write, self.context.write = self.context.write, _ignore
        try:
            return self.answer(Request("GET", path, {"user-agent": "kube-probe/1.37"}))
        finally:
            self.context.write = write

    def connect(self, port: int) -> Connection:
        """A connection to one of its ports. Raises ConnectionRefusedError."""
        if (accept := self.context.listeners.get(port)) is not None:
            return accept()
        if port not in self.ports:
            raise ConnectionRefusedError
        return self.accept()

    def accept(self) -> Connection:
        """What it makes of a connection to a port of its own."""
        return HttpConnection(self)


def _ignore(data: bytes) -> None:
    pass
