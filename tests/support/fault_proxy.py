"""A proxy between podtui and an API server, the built-in one or a real one, that does to requests what networks and load balancers do.

It speaks HTTPS with a certificate of its own, one request a connection. While `fault` is set, it decides what happens to each request.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import aiohttp
from yarl import URL

from podtui.cluster.connection.transport import tls
from podtui.cluster.kubeconfig.contexts import Kubeconfig
from podtui.cluster.kubeconfig.credentials import Credentials
from tests.support.tls import Authority

Change = Callable[[bytes], bytes]


@dataclass
class Exchange:
    """A request, and what may be answered to it."""

    proxy: FaultProxy
    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    @property
    def query(self) -> dict[str, str]:
        return dict(parse_qsl(urlsplit(self.target).query))

    @property
    def is_watch(self) -> bool:
        return "watch" in self.query

    @property
    def is_upgrade(self) -> bool:
        """Whether it asks for a WebSocket."""
        return "upgrade" in self.headers

    @property
    def is_change(self) -> bool:
        """Whether it may change an object."""
        reviews = "/apis/authorization.k8s.io/"
        return self.method != "GET" and "dryRun" not in self.query and not self.target.startswith(reviews)

    async def answer(self, status: int, body: bytes = b"", content_type: str = "application/json", **headers: str) -> None:
        """A whole answer."""
        sent = {"Content-Type": content_type, "Content-Length": str(len(body)), **{k.replace("_", "-"): v for k, v in headers.items()}}
        self._head(status, sent)
        await self.send(body)

    async def begin(self, content_type: str = "application/json") -> None:
        """The head of an answer whose body is sent in `chunk`s."""
        self._head(200, {"Content-Type": content_type, "Transfer-Encoding": "chunked"})
        await self.writer.drain()

    async def chunk(self, data: bytes) -> None:
        """A piece of the body; b"" ends it."""
        await self.send(b"%x\r\n%b\r\n" % (len(data), data))

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    def _head(self, status: int, headers: dict[str, str]) -> None:
        lines = [f"HTTP/1.1 {status} x", *(f"{key}: {value}" for key, value in headers.items()), "Connection: close", "", ""]
        self.writer.write("\r\n".join(lines).encode())

    def reset(self) -> None:
        self.writer.transport.abort()

    async def hang(self) -> None:
        await asyncio.Event().wait()

    async def pass_on(self, change: Change | None = None, content_type: str = "") -> None:
        """The server's own answer. `change` gets the body of a list, and each line of a watch. A WebSocket is carried as it is."""
        if self.is_upgrade:
            return await self._carry()
        async with self.proxy.ask(self) as answer:
            self._head(answer.status, {"Content-Type": content_type or answer.content_type, "Transfer-Encoding": "chunked"})
            await self.writer.drain()
            if change is None or not self.is_watch:
                async for data in answer.content.iter_any() if change is None else _whole(answer):
                    await self._deliver(data if change is None else change(data))
            else:
                async for line in answer.content:
                    await self._deliver(change(line))
        await self.chunk(b"")

    async def _carry(self) -> None:
        server = urlsplit(self.proxy.upstream)
        reader, writer = await asyncio.open_connection(server.hostname, server.port, ssl=self.proxy.upstream_tls)
        headers = {**self.headers, "host": server.netloc, "authorization": self.proxy.authorization}
        head = [f"{self.method} {server.path}{self.target} HTTP/1.1", *(f"{key}: {value}" for key, value in headers.items() if value)]
        writer.write("\r\n".join([*head, "", ""]).encode())
        try:
            await asyncio.gather(self._pump(self.reader, writer), self._pump(reader, self.writer))
        finally:
            writer.close()

    async def _pump(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        """Of a muted connection everything is taken and nothing is passed on, not even that the server has ended it."""
        while chunk := await source.read(65536):
            if self.writer not in self.proxy.muted:
                target.write(chunk)
                await target.drain()
        if source is self.reader or self.writer not in self.proxy.muted:
            target.close()

    async def begin_to_pass_on(self, size: int = 100) -> None:
        """The first bytes of the server's own answer."""
        async with self.proxy.ask(self) as answer:
            await self.begin(answer.content_type)
            await self.chunk(await answer.content.readexactly(size))

    async def _deliver(self, data: bytes) -> None:
        if self.writer in self.proxy.muted:
            await self.hang()
        if data:
            await self.chunk(data)


async def _whole(answer: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    yield await answer.read()


Fault = Callable[[Exchange], Awaitable[None]]


@dataclass
class FaultProxy:
    """`requests` has the loop time and the target of each request; `changes` is how many of them change something.

    `token`, when set, is the only one that is accepted; of client certificates, that of the subject `client`. TLS refuses an expired one.
    """

    upstream: str
    authorization: str
    upstream_tls: ssl.SSLContext | None
    authority: Authority
    fault: Fault | None = None
    token: str = ""
    client: str = ""
    requests: list[tuple[float, str]] = field(default_factory=list)
    changes: int = 0
    muted: set[asyncio.StreamWriter] = field(default_factory=set)
    port: int = 0
    _open: dict[asyncio.StreamWriter, asyncio.Task[Any]] = field(default_factory=dict)
    _server: asyncio.Server | None = None
    _session: aiohttp.ClientSession | None = None

    async def start(self, certificate: str = "server") -> None:
        """Listen, at the same port as before, with the certificate of that name."""
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=None), auto_decompress=False)
        pair = self.authority.folder / f"{certificate}.crt", self.authority.folder / f"{certificate}.key"
        context = self.authority.server_context(pair, client_certificates=bool(self.client))
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port, ssl=context, reuse_address=True)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Listen no longer, and end every connection."""
        if self._server is not None:
            self._server.close()
            self._server = None
        self.cut()
        await asyncio.gather(*self._open.values(), return_exceptions=True)

    async def close(self) -> None:
        await self.stop()
        if self._session is not None:
            await self._session.close()

    def cut(self) -> None:
        """Break every open connection off."""
        for writer, task in self._open.items():
            task.cancel()
            writer.transport.abort()

    def mute(self) -> None:
        """The open connections stay open and carry nothing more, as half-open ones do."""
        self.muted.update(self._open)

    def ask(self, exchange: Exchange) -> Any:
        """The server's answer; aiohttp's, to be entered."""
        assert self._session is not None
        headers = {key: value for key, value in exchange.headers.items() if key in ("accept", "content-type")}
        headers["Accept-Encoding"] = "identity"
        if self.authorization:
            headers["Authorization"] = self.authorization
        url, tls = URL(self.upstream + exchange.target, encoded=True), self.upstream_tls or False
        return self._session.request(exchange.method, url, headers=headers, data=exchange.body or None, ssl=tls)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open[writer] = task
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            headers = {key.lower(): value for key, _, value in (line.partition(": ") for line in head[1:])}
            method, target, _ = head[0].split(" ")
            body = await reader.readexactly(int(headers.get("content-length", 0)))
            exchange = Exchange(self, method, target, headers, body, reader, writer)
            self.requests.append((asyncio.get_running_loop().time(), exchange.target))
            self.changes += exchange.is_change
            subject = (writer.get_extra_info("peercert") or {}).get("subject")
            known = not self.client or subject == ((("commonName", self.client),),)
            if not known or (self.token and headers.get("authorization") != f"Bearer {self.token}"):
                await exchange.answer(401, status(401, "Unauthorized"))
            else:
                await (self.fault or Exchange.pass_on)(exchange)
        except (ConnectionError, asyncio.IncompleteReadError, aiohttp.ClientError, ssl.SSLError):
            pass  # one side went, as it may
        except asyncio.CancelledError:
            pass  # by `cut`
        finally:
            self._open.pop(writer, None)
            self.muted.discard(writer)
            writer.close()

    def kubeconfig(self, folder: Path, host: str = "127.0.0.1", user: dict[str, Any] | None = None) -> str:
        """The path of a kubeconfig that leads through the proxy."""
        server = f"https://{host}:{self.port}"
        cluster = {"server": server, "certificate-authority": str(self.authority.certificate)}
        config = {
            "clusters": [{"name": "c", "cluster": cluster}],
            "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
            "users": [{"name": "u", "user": user or {"token": "front"}}],
            "current-context": "x",
        }
        path = folder / "kubeconfig"
        path.write_text(json.dumps(config))
        return str(path)


def status(code: int, reason: str, **details: str) -> bytes:
    found = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "reason": reason, "message": reason}
    return json.dumps({**found, "details": details}).encode()


@asynccontextmanager
async def fault_proxy(kubeconfig: str, authority: Authority) -> AsyncIterator[FaultProxy]:
    """A proxy before the cluster of that kubeconfig. `authority` has issued `server`, for localhost and 127.0.0.1."""
    settings = Kubeconfig.load(kubeconfig).settings()
    credentials = Credentials(settings)
    credential = await credentials.get()
    context = tls.context_for(settings, credential.certificate) if settings.secure else None
    proxy = FaultProxy(settings.server, credential.authorization if settings.secure else "", context, authority)
    await proxy.start()
    try:
        yield proxy
    finally:
        with contextlib.suppress(asyncio.CancelledError):
            await proxy.close()
        await credentials.close()
