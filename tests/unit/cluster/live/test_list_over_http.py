"""The live list through the real connection, against a small HTTP server that breaks in the ways that real ones do."""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from aiohttp import web

from podtui.cluster.connection.connection import Connection
from podtui.cluster.connection.listing import TABLE
from podtui.cluster.kubeconfig.contexts import Kubeconfig
from podtui.cluster.live.pacing import Timing
from podtui.cluster.live.store import Health, RowStore
from podtui.cluster.live.tables import NotATable
from podtui.errors import ApiError, ConnectionFailed, PodtuiError, TooManyRequests, Unauthorized
from podtui.kube.resources import PODS, Scope
from tests.support.api_server import ApiServer, serving
from tests.support.list_server import ListServer, status
from tests.support.waiting import until

TIMING = Timing(
    page=3,
    backoff_first=0.01,
    backoff_most=0.1,
    healthy=0.1,
    denied=0.05,
    batch=0.005,
    idle=0.4,
    answer=0.4,
    inquiry=1,
    pace=0.01,
    poll=0.05,
)


class HttpServer(ApiServer):
    """Serves pods over HTTP, where it can be stopped and started again; `answers` are sent instead, one a request."""

    def __init__(self) -> None:
        super().__init__()
        self.tables["pods"] = self.pods = ListServer()
        self.answers: list[web.Response] = []
        self.accepts: set[str] = set()
        self.url = ""
        self._served = contextlib.AsyncExitStack()

    async def start(self) -> None:
        self.url = await self._served.enter_async_context(serving(self, port=int(self.url.rpartition(":")[2] or 0)))

    async def stop(self) -> None:
        await self._served.aclose()

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        self.accepts.add(request.headers["Accept"])
        return self.answers.pop(0) if self.answers else await super().__call__(request)


@dataclass
class Held:
    server: HttpServer
    store: RowStore
    connection: Connection
    states: list[str] = field(default_factory=list)
    errors: list[PodtuiError] = field(default_factory=list)

    def start(self) -> None:
        self.store.start(self.connection)

    def hear(self, health: Health) -> None:
        self.states.append(health.state)
        if health.error is not None:
            self.errors.append(health.error)

    @property
    def right(self) -> bool:
        return self.store.known and self.store.health.state == "live" and set(self.store.rows) == self.server.pods.uids()


@contextlib.asynccontextmanager
async def held(tmp_path: Path, count: int = 5) -> AsyncIterator[Held]:
    server = HttpServer()
    for number in range(count):
        server.pods.put(f"ns-{number % 2}", f"pod-{number}", {"app": "web"})
    await server.start()
    config = {
        "clusters": [{"name": "c", "cluster": {"server": server.url}}],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
        "users": [{"name": "u", "user": {"token": "secret"}}],
        "current-context": "x",
    }
    path = tmp_path / "config"
    path.write_text(json.dumps(config))
    connection = await Connection.open(Kubeconfig.load(str(path), {}).settings())
    store = RowStore(PODS, Scope(), timing=TIMING)
    held = Held(server, store, connection)
    store.subscribe_health(held.hear)
    try:
        yield held
        await until(lambda: held.right)
    finally:
        await store.close()
        await connection.close()
        await server.stop()


async def test_rows_and_changes_come_over_http(tmp_path: Path) -> None:
    async with held(tmp_path) as run:
        run.start()
        await until(lambda: run.right)
        assert run.server.accepts == {TABLE}
        run.server.pods.put("ns-0", "new")
        run.server.pods.delete("ns-0", "pod-0")
        await until(lambda: run.right)


async def test_a_server_that_goes_away_and_comes_back_loses_nothing(tmp_path: Path) -> None:
    async with held(tmp_path) as run:
        run.start()
        await until(lambda: run.right)
        await run.server.stop()
        await until(lambda: run.store.health.state == "stale")
        assert len(run.store.rows) == 5 and isinstance(run.store.health.error, ConnectionFailed)
        run.server.pods.delete("ns-0", "pod-0")
        run.server.pods.put("ns-9", "new")
        await run.server.start()


async def test_a_server_that_is_not_there_at_the_start_is_failed_until_it_is(tmp_path: Path) -> None:
    async with held(tmp_path) as run:
        await run.server.stop()
        run.start()
        await until(lambda: run.store.health.state == "failed")
        assert not run.store.known and "refuses the connection" in str(run.store.health.error)
        await run.server.start()


async def test_a_connection_that_breaks_in_a_line_resumes(tmp_path: Path) -> None:
    async with held(tmp_path) as run:
        run.start()
        await until(lambda: run.right)
        run.server.pods.cut(b'{"type": "ADDED", "obj')
        run.server.pods.put("ns-9", "new")
        await until(lambda: run.right)
        run.server.pods.cut(ConnectionFailed("abort"))
        run.server.pods.put("ns-9", "newer")


async def test_a_watch_without_a_byte_is_stale_and_asked_for_again(tmp_path: Path) -> None:
    async with held(tmp_path) as run:
        run.server.silent = True
        run.start()
        await until(lambda: run.store.health.state == "live")
        run.server.pods.put("ns-9", "unheard")
        await until(lambda: run.store.health.state == "stale")
        assert isinstance(run.store.health.error, ConnectionFailed)
        run.server.silent = False


REFUSALS: list[tuple[int, str, dict[str, str], type[PodtuiError], str]] = [
    (401, "Unauthorized", {}, Unauthorized, "denied"),
    (429, "TooManyRequests", {"Retry-After": "1"}, TooManyRequests, "failed"),
    (500, "InternalError", {}, ApiError, "failed"),
    (504, "Timeout", {}, ApiError, "failed"),
]


@pytest.mark.parametrize(("code", "reason", "headers", "kind", "state"), REFUSALS)
async def test_refusals_of_the_first_list_are_reported_and_overcome(
    tmp_path: Path, code: int, reason: str, headers: dict[str, str], kind: type[PodtuiError], state: str
) -> None:
    async with held(tmp_path) as run:
        run.server.answers = [web.json_response(status(code, reason), status=code, headers=headers) for _ in range(2)]
        run.start()
        await until(lambda: run.right)
        assert isinstance(run.errors[0], kind)
        assert run.states[:2] == ["connecting", state]


async def test_a_login_page_instead_of_a_list_is_named(tmp_path: Path) -> None:
    async with held(tmp_path) as run:
        run.server.answers = [web.Response(text="<html>Log in</html>", content_type="text/html")]
        run.start()
        await until(lambda: run.errors)
        assert isinstance(run.errors[0], NotATable) and "HTML" in str(run.errors[0])


async def test_a_410_over_http_brings_a_list(tmp_path: Path) -> None:
    async with held(tmp_path) as run:
        run.start()
        await until(lambda: run.right)
        lists = len(run.server.pods.lists)
        await run.server.stop()
        run.server.pods.delete("ns-0", "pod-0")
        run.server.pods.compact()
        await run.server.start()
        await until(lambda: run.right)
        assert len(run.server.pods.lists) > lists
