"""A fake API server that a test scripts: it answers from objects by their paths, or as a function says, and fails on demand.

It stands where a Connection stands, without a network, or is served over HTTP (`connected`).
"""

from __future__ import annotations

import asyncio
import json
import re
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import msgspec
from aiohttp import web

from podtui.cluster.connection.connection import Connection
from podtui.cluster.connection.connection_errors import refusal
from podtui.cluster.kubeconfig.settings import ConnectionSettings
from podtui.errors import ApiError, ConnectionFailed, NotFound, PodtuiError, api_error
from podtui.kube.selectors import parse
from tests.support.list_server import ListServer
from tests.support.list_server import status as status_body

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Query = Sequence[tuple[str, str]]
_OBJECT = re.compile(r"/(?:api/v1|apis/[^/]+/[^/]+)(?:/namespaces/[^/]+)?/([^/]+)/([^/]+)")  # its kind and its name


def settings(server: str, **more: Any) -> ConnectionSettings:
    options = ("--context", "dev")
    return ConnectionSettings(context="dev", cluster="c", user="u", server=server, kubeconfig="config", kubectl_options=options, **more)


def status(code: int, reason: str, message: str, headers: dict[str, str] | None = None, **more: Any) -> web.Response:
    """A Status as the API server sends it."""
    return web.json_response({**status_body(code, reason, message), **more}, status=code, headers=headers)


def refused(error: ApiError) -> web.Response:
    return status(error.status, error.reason, error.message, details=dict(error.details))


def not_found(plural: str, name: str) -> NotFound:
    """The API server's own word that an object is not there."""
    return NotFound(404, "NotFound", f'{plural} "{name}" not found', {"name": name, "kind": plural})


def not_served() -> ApiError:
    """The API server's own word that it has no such path."""
    return api_error(404, "NotFound", "the server could not find the requested resource")


def page() -> ApiError:
    """What a Connection raises for the web page of a load balancer that has no server for the host."""
    return refusal(settings("http://127.0.0.1"), 404, "Not Found", {"Content-Type": "text/html"}, b"<html><title>No such host</title>")


@asynccontextmanager
async def serving(handler: Handler, tls: ssl.SSLContext | None = None, port: int = 0) -> AsyncIterator[str]:
    """Serves `handler` for every path on 127.0.0.1, on `port` again where a test stopped it; gives the base URL."""

    async def handle(request: web.Request) -> web.StreamResponse:
        return await handler(request)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handle)
    runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port, ssl_context=tls, reuse_address=True)
    await site.start()
    try:
        yield f"{'https' if tls else 'http'}://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def raw_server(
    answer: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]], tls: ssl.SSLContext | None = None
) -> AsyncIterator[str]:
    """A TCP server that does with each connection whatever `answer` does; gives HOST:PORT."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await answer(reader, writer)
        except ConnectionError:
            pass  # the client went first, as it may
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    try:
        yield "{}:{}".format(*server.sockets[0].getsockname()[:2])
    finally:
        server.close()


@dataclass(frozen=True)
class Request:
    """What a client asked for. `body` is decoded from JSON, None without one."""

    method: str
    path: str
    query: dict[str, str]
    body: Any = None
    accept: str = ""

    @property
    def path_qs(self) -> str:
        """The path with its query."""
        return f"{self.path}?{urlencode(self.query)}" if self.query else self.path


class ApiServer:
    """`objects` has by path what a request finds: an object, a list of objects, bytes, a response, an error that is raised, or a function
    that gives one of these for each Request. What is not in it is left to `answer`, which knows nothing at first (404).

    A list of objects has the `version`, is selected by `labelSelector` and served in pages of `page`; its watch sends what is put into
    `events`, an error breaks it, None ends it. `tables` has, by the plural of its kind, what is listed and watched as Tables. `handlers`
    serve paths over HTTP alone, as logs and WebSockets need it.

    Paths in `forbidden` are refused. `faults` end the next requests that are no watches, one each. While `gate` is not set, requests
    wait. A `silent` server sends nothing but the headers of a watch.
    """

    def __init__(self, objects: Mapping[str, Any] | None = None) -> None:
        self.objects: dict[str, Any] = dict(objects or {})
        self.answer: Callable[[Request, Any], Any] = lambda request, body: None
        self.handlers: dict[str, Handler] = {}
        self.tables: dict[str, ListServer] = {}
        self.requests: list[Request] = []
        self.forbidden: set[str] = set()
        self.faults: list[PodtuiError] = []
        self.page = 0
        self.version = "10"
        self.events: asyncio.Queue[bytes | PodtuiError | None] = asyncio.Queue()
        self.silent = False
        self.gate = asyncio.Event()
        self.gate.set()

    @property
    def sent(self) -> list[tuple[str, str, Any]]:
        """Method, path with query and body of the requests, but for discovery."""
        return [(request.method, request.path_qs, request.body) for request in self.requests if request.path not in ("/api", "/apis")]

    @property
    def asked(self) -> list[str]:
        """The paths that were asked for, with their queries."""
        return [request.path_qs for request in self.requests]

    @property
    def lists(self) -> list[dict[str, str]]:
        """The queries of the requests that are no watches."""
        return [request.query for request in self.requests if "watch" not in request.query]

    @property
    def watches(self) -> list[dict[str, str]]:
        return [request.query for request in self.requests if "watch" in request.query]

    def send(self, kind: str, obj: dict[str, Any]) -> None:
        """An event on the watch, in two chunks: a chunk is not a line."""
        line = json.dumps({"type": kind, "object": obj}).encode() + b"\n"
        for half in (line[: len(line) // 2], line[len(line) // 2 :]):
            self.events.put_nowait(half)

    async def _found(self, request: Request) -> Any:
        """What the request finds, a list still as it is; raises its error."""
        self.requests.append(request)
        await asyncio.sleep(0)
        await self.gate.wait()
        if self.faults and "watch" not in request.query:
            raise self.faults.pop(0)
        if request.path in self.forbidden:
            raise api_error(403, "Forbidden", f"{request.path} is forbidden")
        found = self.objects[request.path] if request.path in self.objects else self.answer(request, request.body)
        if callable(found):
            found = found(request)
        if found is None:
            named = _OBJECT.fullmatch(request.path)
            raise not_found(*named.groups()) if named else not_served()
        if isinstance(found, Exception):
            raise found
        return found

    def _listed(self, request: Request, items: list[dict[str, Any]]) -> dict[str, Any]:
        matches = parse(request.query.get("labelSelector", "")).matches
        items = [item for item in items if matches(item["metadata"].get("labels") or {})]
        metadata = {"resourceVersion": self.version}
        if self.page:
            start = int(request.query.get("continue", "0"))
            if start + self.page < len(items):
                metadata["continue"] = str(start + self.page)
            items = items[start : start + self.page]
        return {"kind": "List", "metadata": metadata, "items": items or None}  # as the server of a custom resource writes an empty list

    async def _events(self) -> AsyncIterator[bytes]:
        while (event := await self.events.get()) is not None:
            if isinstance(event, PodtuiError):
                raise event
            yield event

    # -- where a Connection stands
    async def json(self, method: str, path: str, *, query: Query = (), body: object = None, accept: str = "", **_: object) -> Any:
        request = Request(method, path, dict(query), body, accept)
        found = await self._found(request)
        return self._listed(request, found) if isinstance(found, list) else found

    async def request(self, method: str, path: str, *, query: Query = (), body: object = None, accept: str = "", **_: object) -> bytes:
        if (table := self.tables.get(path.rpartition("/")[2])) is not None:
            return await table.request(method, path, query=query, accept=accept)
        found = await self.json(method, path, query=query, body=body, accept=accept)
        return found if isinstance(found, bytes) else msgspec.json.encode(found)

    @asynccontextmanager
    async def stream(self, path: str, *, query: Query = (), accept: str = "", **_: object) -> AsyncIterator[AsyncIterator[bytes]]:
        if (table := self.tables.get(path.rpartition("/")[2])) is not None:
            async with table.stream(path, query=query, accept=accept) as chunks:
                yield chunks
            return
        await self._found(Request("GET", path, dict(query), None, accept))
        yield self._events()

    # -- over HTTP
    async def __call__(self, request: web.Request) -> web.StreamResponse:
        if (handler := self.handlers.get(request.path)) is not None:
            self.requests.append(Request(request.method, request.path, dict(request.query), None, request.headers.get("Accept", "")))
            return await handler(request)
        text = await request.text()
        asked = Request(
            request.method, request.path, dict(request.query), json.loads(text) if text else None, request.headers.get("Accept", "")
        )
        query = list(asked.query.items())
        try:
            if "watch" in asked.query:
                async with self.stream(asked.path, query=query, accept=asked.accept) as chunks:
                    return await self._streamed(request, chunks)
            if asked.path.rpartition("/")[2] in self.tables:
                body = await self.request(asked.method, asked.path, query=query, accept=asked.accept)
                return web.Response(body=body, content_type="application/json")
            found = await self._found(asked)
        except ApiError as error:
            return refused(error)
        except ConnectionFailed:  # the client's connection breaks
            assert request.transport is not None
            request.transport.close()
            return web.Response()
        if isinstance(found, web.StreamResponse):
            return found
        return web.json_response(self._listed(asked, found) if isinstance(found, list) else found)

    async def _streamed(self, request: web.Request, chunks: AsyncIterator[bytes]) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        response.enable_chunked_encoding()
        await response.prepare(request)
        if self.silent:
            await asyncio.Event().wait()
        try:
            async for chunk in chunks:
                await response.write(chunk)
        except ConnectionFailed:
            assert request.transport is not None
            request.transport.abort()
        return response


@asynccontextmanager
async def connected(handler: Handler, path: str = "", **more: Any) -> AsyncIterator[Connection]:
    """A connection to `handler`, served on 127.0.0.1; a change of the settings may be given, and options of `Connection.open`."""
    options = {key: more.pop(key) for key in ("request_timeout", "read_only") if key in more}
    async with serving(handler) as url:
        connection = await Connection.open(settings(url + path, **more), **options)
        try:
            yield connection
        finally:
            await connection.close()
