"""One aiohttp session and its requests in progress, so that closing it ends them all; its sockets, and where they may not lead."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from podtui.errors import ConnectionFailed
from podtui.text import conceal, harmless

if TYPE_CHECKING:
    import aiohttp

_OPTIONS: tuple[tuple[int, str, int], ...] = (
    (socket.SOL_SOCKET, "SO_KEEPALIVE", 1),
    (socket.IPPROTO_TCP, "TCP_NODELAY", 1),
    (socket.IPPROTO_TCP, "TCP_KEEPIDLE", 10),  # Linux: seconds of silence before the first probe
    (socket.IPPROTO_TCP, "TCP_KEEPALIVE", 10),  # macOS has it under this name
    (socket.IPPROTO_TCP, "TCP_KEEPINTVL", 3),
    (socket.IPPROTO_TCP, "TCP_KEEPCNT", 3),
    (socket.IPPROTO_TCP, "TCP_USER_TIMEOUT", 20_000),  # milliseconds that sent data may go unacknowledged
)


class Pool:
    """`session` with its connections. When aiohttp closes a session, it forgets the readers of bodies, which would wait forever."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self.session = session
        self._bodies: set[aiohttp.ClientResponse] = set()
        self._sockets: set[aiohttp.ClientWebSocketResponse] = set()
        self._sending = 0

    @property
    def idle(self) -> bool:
        """Whether no request is in progress."""
        return not (self._sending or self._bodies or self._sockets)

    @contextmanager
    def sending(self) -> Iterator[None]:
        """While a request waits for the head of its answer."""
        self._sending += 1
        try:
            yield
        finally:
            self._sending -= 1

    @contextmanager
    def reading(self, response: aiohttp.ClientResponse) -> Iterator[None]:
        """While the body of `response` is read; afterwards, drops the rest of it with its connection."""
        self._bodies.add(response)
        try:
            yield
        finally:
            self._bodies.discard(response)
            response.close()  # a connection whose answer was read to its end is already back in the pool

    @contextmanager
    def speaking(self, upgraded: aiohttp.ClientWebSocketResponse) -> Iterator[None]:
        """While a WebSocket is open."""
        self._sockets.add(upgraded)
        try:
            yield
        finally:
            self._sockets.discard(upgraded)

    async def close(self) -> None:
        """End everything and close the session; may be called again."""
        import aiohttp

        for response in self._bodies:
            response.content.set_exception(aiohttp.ClientConnectionError("closed"))
        await asyncio.gather(*(upgraded.close() for upgraded in self._sockets), return_exceptions=True)
        await self.session.close()


def bounded(server: str) -> aiohttp.TraceConfig:
    """Keeps aiohttp from what it would do of its own accord, for every request of a session. `server` names it, for the errors.

    Redirects are followed within the origin (scheme, host, port) of each request alone; another one raises ConnectionFailed. aiohttp takes
    only the Authorization header from a request that goes elsewhere: the body, which may be a Secret, and the user to impersonate would
    go along. An API server redirects nowhere else.

    A request that changes something is sent once. When a connection that was used before breaks, aiohttp sends a DELETE or PUT again,
    although the server may have carried it out: it would then answer that the object is not there, or was changed.
    """
    import aiohttp
    from yarl import URL

    async def begin(session: aiohttp.ClientSession, context: SimpleNamespace, request: aiohttp.TraceRequestStartParams) -> None:
        context.method, context.connected = request.method, False

    async def connect(session: aiohttp.ClientSession, context: SimpleNamespace, parameters: object) -> None:
        if context.connected and context.method not in ("GET", "HEAD"):
            raise ConnectionFailed(f"{server} closed the connection")
        context.connected = True

    async def redirect(session: aiohttp.ClientSession, context: SimpleNamespace, met: aiohttp.TraceRequestRedirectParams) -> None:
        context.connected = False  # a server that redirects has not carried the request out
        response = met.response
        location = response.headers.get("Location") or response.headers.get("URI") or ""
        try:
            target = response.url.join(URL(location))
            same = target.origin() == response.url.origin()
        except ValueError:
            return  # aiohttp says what is wrong with it
        if not same:
            response.close()
            conceal(str(target))
            raise ConnectionFailed(
                f"{server} redirects to {harmless(str(target))}, where podtui sends nothing",
                "Check the server's URL in the kubeconfig: a sign-in page may answer there, or https:// belongs at its beginning.",
            )

    found = aiohttp.TraceConfig()
    found.on_request_start.append(begin)
    found.on_connection_create_start.append(connect)
    found.on_connection_reuseconn.append(connect)
    found.on_request_redirect.append(redirect)
    return found


def keepalive_socket(info: tuple[Any, ...]) -> socket.socket:
    """A socket for an entry of getaddrinfo (family, type, protocol, name, address), with the keepalive options of this system:
    they detect a dead API server in about 20 s instead of hours."""
    family, kind, protocol = info[:3]
    made = socket.socket(family, kind, protocol)
    made.setblocking(False)
    keep_alive(made)
    return made


def keep_alive(opened: socket.socket) -> None:
    """Set the keepalive options of this system."""
    for level, name, value in _OPTIONS:
        option = getattr(socket, name, None)
        if option is not None:
            opened.setsockopt(level, option, value)


def patient(opened: socket.socket | None, seconds: float) -> None:
    """Let what a WebSocket has sent wait for that long. The program in the pod may read nothing for a while, and to the system, a server
    that takes nothing is as one that is gone."""
    option = getattr(socket, "TCP_USER_TIMEOUT", None)
    if opened is not None and option is not None:
        opened.setsockopt(socket.IPPROTO_TCP, option, int(seconds * 1000))
