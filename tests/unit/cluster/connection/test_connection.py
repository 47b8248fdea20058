"""Requests, streams and WebSockets over a connection; what is sent, and what becomes of every kind of answer."""

from __future__ import annotations

import asyncio
import gzip
import json
import socket
import sys
import warnings
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
from aiohttp import WSMsgType, web

from podtui.cluster.connection.connection import Connection
from podtui.cluster.kubeconfig.settings import ConnectionSettings, ExecSpec, Impersonation, UserSpec
from podtui.errors import (
    ApiError,
    Conflict,
    ConnectionFailed,
    CredentialError,
    Forbidden,
    Gone,
    Invalid,
    NotFound,
    NotServed,
    PodtuiError,
    ReadOnlyError,
    ServerError,
    TooManyRequests,
    Unauthorized,
)
from tests.support.api_server import connected, raw_server, serving, settings, status
from tests.support.list_server import status as status_body


async def echo(request: web.Request) -> web.Response:
    """Tells what came."""
    body = await request.text()
    told = {"method": request.method, "path": request.raw_path, "query": list(request.query.items()), "body": body}
    return web.json_response({**told, "headers": [[key.title(), value] for key, value in request.headers.items()]})


def sent(told: dict[str, Any], name: str) -> list[str]:
    return [value for key, value in told["headers"] if key == name]


# --- what is sent


async def test_a_request_is_sent_as_it_is_asked_for() -> None:
    async with connected(echo) as connection:
        told = await connection.json(
            "PATCH",
            "/api/v1/namespaces/shop/pods/web",
            query=[("labelSelector", "a in (b,c),!x=é+&#/ "), ("x", "1"), ("x", "2")],
            body={"metadata": {"labels": {"a": None, "b": "한국"}}},
            accept="application/json;as=Table;v=v1;g=meta.k8s.io, application/json",
            content_type="application/merge-patch+json",
        )
    assert told["method"] == "PATCH"
    assert told["path"].startswith("/api/v1/namespaces/shop/pods/web?labelSelector=")
    assert told["query"] == [["labelSelector", "a in (b,c),!x=é+&#/ "], ["x", "1"], ["x", "2"]]
    assert json.loads(told["body"]) == {"metadata": {"labels": {"a": None, "b": "한국"}}}
    assert sent(told, "Accept") == ["application/json;as=Table;v=v1;g=meta.k8s.io, application/json"]
    assert sent(told, "Content-Type") == ["application/merge-patch+json"]
    assert sent(told, "User-Agent")[0].startswith("podtui/")
    assert sent(told, "Authorization") == [] and sent(told, "Cookie") == []


async def test_a_json_patch_stays_one_and_text_of_another_type_is_sent_as_it_is() -> None:
    async with connected(echo) as connection:
        operations = [{"op": "remove", "path": "/a"}]
        told = await connection.json("PATCH", "/x", body=operations, content_type="application/json-patch+json")
        assert (json.loads(told["body"]), sent(told, "Content-Type")) == (operations, ["application/json-patch+json"])
        told = await connection.json("POST", "/x", body="a: b\n", content_type="application/yaml")
        assert told["body"] == "a: b\n"


async def test_a_server_with_a_path_keeps_it() -> None:
    async with connected(echo, "/k8s/clusters/c-1") as connection:
        assert (await connection.json("GET", "/version"))["path"] == "/k8s/clusters/c-1/version"


async def test_every_group_to_impersonate_is_a_header() -> None:
    impersonation = Impersonation("alice", ("dev", "ops"), "7", {"scope": ("a", "b")})
    async with connected(echo, impersonation=impersonation) as connection:
        told = await connection.json("GET", "/version")
    assert sent(told, "Impersonate-User") == ["alice"]
    assert sent(told, "Impersonate-Uid") == ["7"]
    assert sent(told, "Impersonate-Group") == ["dev", "ops"]
    assert sent(told, "Impersonate-Extra-Scope") == ["a", "b"]


async def test_a_netrc_and_the_environments_proxy_are_not_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login a password b\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    async with connected(echo, credentials=UserSpec(token="t")) as connection:
        assert sent(await connection.json("GET", "/"), "Authorization") == ["Bearer t"]


async def test_a_cookie_is_not_kept() -> None:
    async def handler(request: web.Request) -> web.Response:
        answer = await echo(request)
        answer.set_cookie("a", "b")
        return answer

    async with connected(handler) as connection:
        await connection.json("GET", "/")
        assert sent(await connection.json("GET", "/"), "Cookie") == []


async def test_no_compression_is_asked_of_a_server_on_this_machine() -> None:
    async with connected(echo) as connection:
        assert sent(await connection.json("GET", "/"), "Accept-Encoding") == ["identity"]


async def test_a_compressed_answer_is_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    async def handler(request: web.Request) -> web.Response:
        assert request.headers["Accept-Encoding"] == "gzip"
        return web.Response(body=gzip.compress(b'{"a": 1}'), headers={"Content-Encoding": "gzip"}, content_type="application/json")

    monkeypatch.setattr("podtui.cluster.connection.connection._is_loopback", lambda server: False)
    async with connected(handler) as connection:
        assert await connection.json("GET", "/") == {"a": 1}
    async with connected(echo, disable_compression=True) as connection:
        assert sent(await connection.json("GET", "/"), "Accept-Encoding") == ["identity"]


async def test_sockets_are_kept_alive() -> None:
    options: list[tuple[int, ...]] = []

    async def handler(request: web.Request) -> web.Response:
        connector = connection._pool.session.connector
        assert connector is not None
        for protocol in connector._acquired:
            assert protocol.transport is not None
            made = protocol.transport.get_extra_info("socket")
            names = ("TCP_KEEPIDLE", "TCP_KEEPINTVL", "TCP_KEEPCNT", "TCP_USER_TIMEOUT")
            alive = made.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
            options.append((alive, *(made.getsockopt(socket.IPPROTO_TCP, getattr(socket, name)) for name in names)))
        return await echo(request)

    async with connected(handler) as connection:
        await connection.json("GET", "/")
    assert options == [(1, 10, 3, 3, 20_000)]


# --- what comes back


@pytest.mark.parametrize(
    ("code", "reason", "kind"),
    [
        (400, "BadRequest", Invalid),
        (401, "Unauthorized", Unauthorized),
        (403, "Forbidden", Forbidden),
        (404, "NotFound", NotFound),
        (405, "MethodNotAllowed", ApiError),
        (409, "AlreadyExists", Conflict),
        (410, "Expired", Gone),
        (422, "Invalid", Invalid),
        (429, "TooManyRequests", TooManyRequests),
        (500, "InternalError", ServerError),
        (503, "ServiceUnavailable", ServerError),
    ],
)
async def test_a_status_becomes_its_error(code: int, reason: str, kind: type[ApiError]) -> None:
    async def handler(request: web.Request) -> web.Response:
        return status(code, reason, "no \x1b[31m\n way", details={"name": "web", "kind": "pods"})

    async with connected(handler) as connection:
        with pytest.raises(kind) as caught:
            await connection.json("GET", "/")
        with pytest.raises(kind):
            async with connection.stream("/"):
                pass
    error = caught.value
    assert type(error) is kind
    assert (error.status, error.reason, error.what) == (code, reason, "no ␛[31m way")
    assert error.details == {"name": "web", "kind": "pods"}


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ({**status_body(404, "NotFound", 'pods "web" not found'), "details": {"name": "web", "kind": "pods"}}, NotFound),
        ({**status_body(404, "NotFound", "the server could not find the requested resource"), "details": {}}, NotServed),
        ("404 page not found\n", NotServed),
        (status_body(404, "NotFound", 'Kubernetes cluster "dev" not found'), ServerError),
        (status_body(404, "", 'admission webhook "x" denied the request: no such team'), ServerError),
        ({"type": "error", "status": 404, "code": "NotFound", "details": {"name": "web", "kind": "pods"}}, ServerError),
        ("default backend - 404", ServerError),
        ("<html><title>Not found</title>", ServerError),
        ("", ServerError),
    ],
)
async def test_only_a_status_that_names_an_object_says_that_it_is_not_there(body: object, kind: type[ApiError]) -> None:
    async def handler(request: web.Request) -> web.Response:
        return web.Response(status=404, text=body if isinstance(body, str) else json.dumps(body))

    async with connected(handler) as connection:
        with pytest.raises(ApiError) as caught:
            await connection.json("GET", "/")
    assert type(caught.value) is kind and caught.value.status == 404


@pytest.mark.parametrize(
    ("headers", "details", "seconds"),
    [
        ({}, {}, None),
        ({"Retry-After": "7"}, {"retryAfterSeconds": 3}, 7.0),
        ({}, {"retryAfterSeconds": 3}, 3.0),
        ({"Retry-After": "soon"}, {}, None),
    ],
)
async def test_the_retry_after_of_a_refusal_is_in_its_error(
    headers: dict[str, str], details: dict[str, Any], seconds: float | None
) -> None:
    async def handler(request: web.Request) -> web.Response:
        return status(429, "TooManyRequests", "slow down", headers, details=details)

    async with connected(handler) as connection:
        with pytest.raises(TooManyRequests) as caught:
            await connection.json("GET", "/")
    assert caught.value.retry_after == seconds


async def test_retry_after_may_be_a_date() -> None:
    async def handler(request: web.Request) -> web.Response:
        return web.Response(status=503, headers={"Retry-After": format_datetime(datetime.now(UTC) + timedelta(seconds=100))})

    async with connected(handler) as connection:
        with pytest.raises(ServerError) as caught:
            await connection.json("GET", "/")
    assert caught.value.retry_after is not None and 0 < caught.value.retry_after <= 100


@pytest.mark.parametrize(
    ("body", "content_type", "words"),
    [
        (b"<html><head><title>502 Bad\nGateway</title></head>", "text/html", "answered 502 Bad Gateway: a web page, '502 Bad Gateway'"),
        (b"<!DOCTYPE html><p>x", "text/plain", "answered 502 Bad Gateway: a web page"),
        (b"", "text/plain", "answered 502 Bad Gateway"),
        (b"upstream \x1b[2Jgone\n", "text/plain", "answered 502 Bad Gateway: upstream ␛[2Jgone"),
        (b"\xff\xfe", "application/octet-stream", "answered 502 Bad Gateway: "),
        (b"{broken", "application/json", "answered 502 Bad Gateway: {broken"),
        (b'{"kind": "Other"}', "application/json", 'answered 502 Bad Gateway: {"kind": "Other"}'),
        (b"x" * 100_000, "text/plain", "answered 502 Bad Gateway: xxx"),
    ],
)
async def test_an_error_that_is_not_a_status_is_reported_with_the_servers_name(body: bytes, content_type: str, words: str) -> None:
    async def handler(request: web.Request) -> web.Response:
        return web.Response(status=502, body=body, content_type=content_type)

    async with connected(handler) as connection:
        with pytest.raises(ServerError) as caught:
            await connection.json("GET", "/")
        server = connection.settings.server.removeprefix("http://")
    assert caught.value.what.startswith(f"{server} {words}")
    assert len(caught.value.what) < 300


async def test_a_page_in_place_of_json_is_reported() -> None:
    async def handler(request: web.Request) -> web.Response:
        return web.Response(text="<html>log in", content_type="text/html")

    async with connected(handler) as connection:
        assert await connection.request("GET", "/") == b"<html>log in"
        with pytest.raises(ConnectionFailed, match=r"not JSON \(text/html") as caught:
            await connection.json("GET", "/")
    assert "login page" in caught.value.hint


async def test_a_time_out_is_reported_with_its_length() -> None:
    async def handler(request: web.Request) -> web.Response:
        await asyncio.sleep(30)
        return web.Response()

    async with connected(handler) as connection:
        with pytest.raises(ConnectionFailed, match=r"did not answer within 0\.1 s"):
            await connection.json("GET", "/", timeout=0.1)
    async with connected(handler, request_timeout=0.2) as connection:
        with pytest.raises(ConnectionFailed, match=r"did not answer within 0\.2 s"):
            await connection.json("GET", "/")


async def _say(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, text: bytes) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(text)
    await writer.drain()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"", "closed the connection"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", "the answer from .* broke off"),
        (b"SSH-2.0-OpenSSH_9.0\r\n", "is not HTTP: Bad status line"),
    ],
)
async def test_an_answer_that_breaks_off_is_reported(text: bytes, words: str) -> None:
    async with raw_server(lambda reader, writer: _say(reader, writer, text)) as address:
        connection = await Connection.open(settings(f"http://{address}"))
        with pytest.raises(ConnectionFailed, match=words):
            await connection.json("GET", "/")
        await connection.close()


@pytest.mark.parametrize("method", ["DELETE", "PUT", "PATCH", "POST"])
async def test_a_change_on_a_connection_that_breaks_is_sent_once(method: str) -> None:
    heard: list[str] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(OK + b"Content-Length: 2\r\n\r\n{}")
        heard.append((await reader.readuntil(b"\r\n\r\n")).decode().split(" ")[0])  # on the same connection, which then breaks

    async with raw_server(answer) as address:
        connection = await Connection.open(settings(f"http://{address}"))
        await connection.json("GET", "/")
        with pytest.raises(ConnectionFailed, match="closed the connection"):
            await connection.json(method, "/x")
        await connection.json("GET", "/")
        assert heard == [method]
        await connection.close()


OK = b"HTTP/1.1 200 OK\r\n"
FAULTS = {
    "a long header": OK + b"X: " + b"a" * 100_000 + b"\r\n\r\n",
    "many headers": OK + b"".join(b"X%d: a\r\n" % number for number in range(20_000)) + b"\r\n",
    "a long status line": b"HTTP/1.1 200 " + b"a" * 100_000 + b"\r\n\r\n",
    "a broken chunk": OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
    "a chunk without end": OK + b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n",
    "a negative length": OK + b"Content-Length: -5\r\n\r\n",
    "a length beyond all bounds": OK + b"Content-Length: 99999999999999999999\r\n\r\n{}",
    "two lengths": OK + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
    "a length and chunks": OK + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    "a NUL in a header": OK + b"X: a\0b\r\n\r\n",
    "a header without a name": OK + b"X Y: a\r\n\r\n",
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "no head": b"{}",
    "an unknown status": b"HTTP/1.1 99 X\r\n\r\n",
    "another protocol": b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nxxxx",
    "a circle": b"HTTP/1.1 302 M\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n",
    "a redirect to no URL": b"HTTP/1.1 302 M\r\nLocation: http://[::1\r\nContent-Length: 0\r\n\r\n",
    "a redirect to nowhere": b"HTTP/1.1 302 M\r\nContent-Length: 0\r\n\r\n",
    "a redirect to another protocol": b"HTTP/1.1 302 M\r\nLocation: ftp://h/\r\nContent-Length: 0\r\n\r\n",
    "UTF-16": "HTTP/1.1 200 OK\r\n\r\n".encode("utf-16"),
    "mail": b"220 mail.example ESMTP\r\n",
    "bytes": bytes(range(256)) * 100,
    "an escape sequence": b"HTTP/1.1 500 \x1b[2J\r\nContent-Length: 0\r\n\r\n",
    "deep nesting": OK + b"Content-Length: 200000\r\n\r\n" + b'{"a":' * 40_000,
}


@pytest.mark.parametrize("fault", FAULTS)
async def test_every_fault_of_an_answer_is_reported_in_words_of_podtui(fault: str) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            try:
                await reader.readuntil(b"\r\n\r\n")
            except asyncio.IncompleteReadError:
                return
            writer.write(FAULTS[fault])
            await writer.drain()
            if fault != "a circle":
                return

    async with raw_server(answer) as address:
        connection = await Connection.open(settings(f"http://{address}"))
        for method, body in (("GET", None), ("POST", {"kind": "Pod"})):
            with pytest.raises(PodtuiError) as caught:
                await connection.json(method, "/x", body=body)
            told = caught.value.what
            assert len(told) < 300 and not any(word in told for word in ("\x1b", "\n", "failed unexpectedly", "message=", "Errno", "b'"))
        await connection.close()


async def test_a_refused_connection_is_reported() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    connection = await Connection.open(settings(f"http://127.0.0.1:{port}"))
    with pytest.raises(ConnectionFailed, match=f"127.0.0.1:{port} refuses the connection"):
        await connection.json("GET", "/")
    await connection.close()


@pytest.mark.parametrize("host", ["no-such-host.invalid", "a..b", "x" * 80 + ".invalid"])
async def test_a_name_that_is_unknown_is_reported(host: str) -> None:
    connection = await Connection.open(settings(f"http://{host}:1"))
    with pytest.raises(ConnectionFailed, match=r"cannot be resolved|not valid|failed"):
        await connection.json("GET", "/")
    await connection.close()


# --- credentials


async def test_a_401_refreshes_once_and_tries_again(tmp_path: Path) -> None:
    token, seen = tmp_path / "token", []
    token.write_text("old\n")

    async def handler(request: web.Request) -> web.Response:
        seen.append(request.headers["Authorization"])
        if seen[-1] == "Bearer new":
            return await echo(request)
        token.write_text("new\n")
        return status(401, "Unauthorized", "Unauthorized")

    async with connected(handler, credentials=UserSpec(token_file=str(token))) as connection:
        assert (await connection.json("POST", "/x", body={"a": 1}))["body"] == '{"a": 1}'
    assert seen == ["Bearer old", "Bearer new"]


async def test_a_second_401_is_the_error() -> None:
    asked = 0

    async def handler(request: web.Request) -> web.Response:
        nonlocal asked
        asked += 1
        return status(401, "Unauthorized", "Unauthorized")

    async with connected(handler, credentials=plugin("print(json.dumps(credential('t')))")) as connection:
        with pytest.raises(Unauthorized) as caught:
            await connection.json("GET", "/")
    assert asked == 2
    assert "user 'u'" in caught.value.hint and "log in" in caught.value.hint


def plugin(source: str) -> UserSpec:
    version = "client.authentication.k8s.io/v1"
    made = "{'kind': 'ExecCredential', 'apiVersion': %r, 'status': {'token': token}}" % version  # noqa: UP031
    program = f"import json, os, sys\ndef credential(token): return {made}\n{source}"
    return UserSpec(exec=ExecSpec(sys.executable, version, args=("-c", program)))


async def test_a_plugin_is_asked_again_after_a_401_of_a_stream_and_of_a_websocket() -> None:
    seen: list[str] = []

    async def handler(request: web.Request) -> web.StreamResponse:
        seen.append(request.headers["Authorization"])
        if len(seen) % 2:
            return status(401, "Unauthorized", "Unauthorized")
        if "Upgrade" in request.headers:
            upgraded = web.WebSocketResponse(protocols=["p"])
            await upgraded.prepare(request)
            return upgraded
        return web.Response(text="x")

    async with connected(handler, credentials=plugin("print(json.dumps(credential(str(os.getpid()))))")) as connection:
        async with connection.stream("/") as stream:
            assert [chunk async for chunk in stream] == [b"x"]
        async with connection.websocket("/", protocols=["p"]) as upgraded:
            assert upgraded.protocol == "p"
    assert len(seen) == 4
    assert seen[0] != seen[1] == seen[2] != seen[3]


async def test_nothing_is_sent_when_the_plugin_fails() -> None:
    asked: list[str] = []

    async def handler(request: web.Request) -> web.Response:
        asked.append(request.path)
        return web.Response()

    async with connected(handler, credentials=plugin("sys.exit('no session')")) as connection:
        with pytest.raises(CredentialError, match="no session"):
            await connection.json("GET", "/")
    assert asked == []


# --- streams


async def test_a_stream_gives_each_chunk_as_it_comes() -> None:
    more = asyncio.Event()

    async def handler(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse(headers={"X-Test": "yes"})
        await answer.prepare(request)
        await answer.write(b"one\ntw")
        await more.wait()
        await answer.write(b"o\n")
        return answer

    async with connected(handler) as connection, connection.stream("/", query=[("follow", "true")]) as stream:
        assert stream.headers["X-Test"] == "yes"
        chunks = []
        async for chunk in stream:
            chunks.append(chunk)
            more.set()
    assert chunks == [b"one\ntw", b"o\n"]


async def test_a_stream_that_falls_silent_is_reported() -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse()
        await answer.prepare(request)
        await answer.write(b"one")
        await asyncio.sleep(30)
        return answer

    async with connected(handler) as connection, connection.stream("/", idle_timeout=1.0) as stream:
        chunks = []
        with pytest.raises(ConnectionFailed, match="did not answer within 1 s"):
            async for chunk in stream:
                chunks.append(chunk)
    assert chunks == [b"one"]


async def test_a_stream_outlives_the_request_timeout() -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse()
        await answer.prepare(request)
        await asyncio.sleep(1.5)
        await answer.write(b"late")
        return answer

    async with connected(handler, request_timeout=1.0) as connection, connection.stream("/") as stream:
        assert [chunk async for chunk in stream] == [b"late"]


async def test_a_stream_that_breaks_off_is_reported() -> None:
    text = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n"
    async with raw_server(lambda reader, writer: _say(reader, writer, text)) as address:
        connection = await Connection.open(settings(f"http://{address}"))
        chunks = []
        with pytest.raises(ConnectionFailed, match="broke off"):
            async with connection.stream("/") as stream:
                async for chunk in stream:
                    chunks.append(chunk)
        assert chunks == [b"one"]
        await connection.close()


async def test_leaving_a_stream_closes_its_connection() -> None:
    gone = asyncio.Event()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _say(reader, writer, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n")
        await reader.read()
        gone.set()

    async with raw_server(answer) as address:
        connection = await Connection.open(settings(f"http://{address}"))
        async with connection.stream("/") as stream:
            async for _ in stream:
                break
        async with asyncio.timeout(10):
            await gone.wait()
        await connection.close()


# --- WebSockets


async def test_a_websocket_carries_messages_both_ways() -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        assert request.query["ports"] == "80" and request.headers["X-Test"] == "yes"
        assert request.headers["Authorization"] == "Bearer t"
        upgraded = web.WebSocketResponse(protocols=["v4.channel.k8s.io"])
        await upgraded.prepare(request)
        async for message in upgraded:
            assert message.type is WSMsgType.BINARY
            await upgraded.send_bytes(message.data[::-1])
            await upgraded.send_str("text")
            await upgraded.close()
        return upgraded

    async with connected(handler, credentials=UserSpec(token="t")) as connection:
        protocols = ["v5.channel.k8s.io", "v4.channel.k8s.io"]
        async with connection.websocket("/x", query=[("ports", "80")], protocols=protocols, headers=[("X-Test", "yes")]) as upgraded:
            assert upgraded.protocol == "v4.channel.k8s.io"
            await upgraded.send(b"abc")
            assert [await upgraded.receive() for _ in range(4)] == [b"cba", b"text", None, None]
            with pytest.raises(ConnectionFailed):
                await upgraded.send(b"late")
            await upgraded.close()


@pytest.mark.parametrize(("code", "reason", "kind"), [(403, "X", Forbidden), (404, "NotFound", NotFound), (500, "X", ServerError)])
async def test_a_refused_websocket_tells_the_servers_own_words(code: int, reason: str, kind: type[ApiError]) -> None:
    async def handler(request: web.Request) -> web.Response:
        return status(code, reason, "you may not", details={"name": "web", "kind": "pods"})

    async with connected(handler) as connection:
        with pytest.raises(kind, match="you may not") as caught:
            async with connection.websocket("/api/v1/namespaces/shop/pods/web/exec", protocols=["p"]):
                pass
    assert caught.value.status == code
    assert caught.value.hint == ("A WebSocket needs permission to get and to create pods/exec" if code == 403 else "")


async def test_a_refusal_without_words_and_an_answer_that_is_not_a_websocket_are_reported() -> None:
    async def handler(request: web.Request) -> web.Response:
        return web.Response(status=502 if request.path == "/bad" else 200, text="")

    async with connected(handler) as connection:
        with pytest.raises(ServerError, match="answered 502 Bad Gateway"):
            async with connection.websocket("/bad", protocols=["p"]):
                pass
        with pytest.raises(ConnectionFailed, match="did not open a WebSocket"):
            async with connection.websocket("/fine", protocols=["p"]):
                pass


async def test_a_server_that_speaks_none_of_the_protocols_is_an_error() -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        upgraded = web.WebSocketResponse()
        await upgraded.prepare(request)
        await upgraded.receive()
        return upgraded

    async with connected(handler) as connection:
        with pytest.raises(ConnectionFailed, match="none of the protocols p, q"):
            async with connection.websocket("/", protocols=["p", "q"]):
                pass


async def test_a_websocket_that_breaks_is_reported() -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        upgraded = web.WebSocketResponse(protocols=["p"])
        await upgraded.prepare(request)
        assert request.transport is not None
        request.transport.abort()
        return upgraded

    async with connected(handler) as connection:
        async with connection.websocket("/", protocols=["p"]) as upgraded:
            with pytest.raises(ConnectionFailed, match=r"closed the connection|reset|broke"):
                await upgraded.receive()


# --- read-only


async def test_read_only_sends_no_change_and_may_be_switched(tmp_path: Path) -> None:
    asked: list[str] = []

    async def handler(request: web.Request) -> web.Response:
        asked.append(f"{request.method} {request.path}")
        return web.json_response({})

    async with connected(handler, read_only=True) as connection:
        await connection.json("GET", "/api/v1/pods")
        for method in ("POST", "PUT", "PATCH", "DELETE"):
            with pytest.raises(ReadOnlyError):
                await connection.json(method, "/api/v1/namespaces/shop/pods", body={})
            with pytest.raises(ReadOnlyError):
                await connection.request(method, "/api/v1/namespaces/shop/pods")
        for door in ("exec", "attach", "proxy"):
            with pytest.raises(ReadOnlyError):
                async with connection.websocket(f"/api/v1/namespaces/shop/pods/web/{door}", protocols=["p"]):
                    pass
            with pytest.raises(ReadOnlyError):
                async with connection.stream(f"/api/v1/namespaces/shop/pods/web/{door}"):
                    pass
        connection.read_only = False
        await connection.json("DELETE", "/api/v1/namespaces/shop/pods/web")
    assert asked == ["GET /api/v1/pods", "DELETE /api/v1/namespaces/shop/pods/web"]


async def test_read_only_that_is_set_while_a_plugin_runs_still_holds(tmp_path: Path) -> None:
    started, go_on = tmp_path / "started", tmp_path / "go-on"
    source = f"""
import time
open({str(started)!r}, 'w').close()
while not os.path.exists({str(go_on)!r}): time.sleep(0.01)
print(json.dumps(credential('t')))"""
    asked: list[str] = []

    async def handler(request: web.Request) -> web.Response:
        asked.append(request.path)
        return web.json_response({})

    async with connected(handler, credentials=plugin(source)) as connection:
        change = asyncio.create_task(connection.json("DELETE", "/api/v1/namespaces/shop/pods/web"))
        for _ in range(2000):
            if started.exists():
                break
            await asyncio.sleep(0.01)
        connection.read_only = True
        go_on.touch()
        with pytest.raises(ReadOnlyError):
            await change
    assert asked == []


# --- the end


async def test_closing_ends_everything_without_a_warning() -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse()
        await answer.prepare(request)
        await answer.write(b"x")
        await asyncio.sleep(30)
        return answer

    reading = asyncio.Event()

    async def read(connection: Connection) -> None:
        async with connection.stream("/") as stream:
            async for _ in stream:
                reading.set()

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        async with connected(handler) as connection:
            task = asyncio.create_task(read(connection))
            await reading.wait()
            await connection.close()
            await connection.close()
            with pytest.raises(ConnectionFailed, match="closed"):
                await task
            for call in (connection.json("GET", "/"), connection.request("GET", "/")):
                with pytest.raises(ConnectionFailed, match="was closed"):
                    await call
            with pytest.raises(ConnectionFailed, match="was closed"):
                async with connection.websocket("/", protocols=["p"]):
                    pass


async def test_opening_sends_nothing_and_needs_no_server() -> None:
    connection = await Connection.open(settings("https://127.0.0.1:1"))
    assert isinstance(connection.settings, ConnectionSettings) and not connection.read_only
    await connection.close()


async def test_cancelling_a_request_is_no_error_of_podtui() -> None:
    arrived = asyncio.Event()

    async def handler(request: web.Request) -> web.Response:
        arrived.set()
        await asyncio.sleep(30)
        return web.Response()

    async with connected(handler) as connection:
        task = asyncio.create_task(connection.json("GET", "/"))
        await arrived.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert task.cancelled()


async def test_closing_ends_a_request_that_waits_and_a_websocket_that_listens() -> None:
    arrived = asyncio.Event()

    async def handler(request: web.Request) -> web.StreamResponse:
        if "Upgrade" in request.headers:
            upgraded = web.WebSocketResponse(protocols=["p"])
            await upgraded.prepare(request)
            await upgraded.receive()
            return upgraded
        arrived.set()
        await asyncio.sleep(30)
        return web.Response()

    listening = asyncio.Event()

    async def listen(connection: Connection) -> bytes | None:
        async with connection.websocket("/", protocols=["p"]) as upgraded:
            listening.set()
            return await upgraded.receive()

    async with connected(handler) as connection:
        request, websocket = asyncio.create_task(connection.json("GET", "/")), asyncio.create_task(listen(connection))
        await arrived.wait()
        await listening.wait()
        await connection.close()
        async with asyncio.timeout(10):
            with pytest.raises(ConnectionFailed, match="was closed"):
                await request
            assert await websocket is None


# --- redirects


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
async def test_a_redirect_to_another_host_carries_nothing_there(code: int) -> None:
    came: list[str] = []

    async def elsewhere(request: web.Request) -> web.Response:
        came.append(request.path)
        return web.json_response({})

    async with serving(elsewhere) as other:

        async def handler(request: web.Request) -> web.Response:
            return web.Response(status=code, headers={"Location": f"{other}/login?token=hush"})

        impersonation = Impersonation("alice", ("dev",))
        async with connected(handler, impersonation=impersonation, credentials=UserSpec(token="t")) as connection:
            for sent_by in (
                connection.json("GET", "/x"),
                connection.json("POST", "/x", body={"kind": "Secret"}),
                connection.request("PATCH", "/x", body={}, content_type="application/merge-patch+json"),
                connection.stream("/x").__aenter__(),
                connection.websocket("/x", protocols=["p"]).__aenter__(),
            ):
                with pytest.raises(ConnectionFailed, match=r"redirects to http://127.0.0.1:.*where podtui sends nothing") as caught:
                    await sent_by
                assert "hush" not in str(caught.value)
    assert came == []


async def test_a_redirect_on_the_same_host_is_followed_as_kubectl_does() -> None:
    async def handler(request: web.Request) -> web.Response:
        if request.path == "/x":
            return web.Response(status=307, headers={"Location": "/y"})
        return await echo(request)

    async with connected(handler, impersonation=Impersonation("alice")) as connection:
        told = await connection.json("POST", "/x", body={"a": 1})
    assert (told["method"], told["path"], told["body"], sent(told, "Impersonate-User")) == ("POST", "/y", '{"a": 1}', ["alice"])


@pytest.mark.parametrize("location", ["", "http://[", "ftp://h/", "/x"])
async def test_a_redirect_that_leads_nowhere_is_reported(location: str) -> None:
    async def handler(request: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": location} if location else {})

    async with connected(handler) as connection:
        with pytest.raises(PodtuiError) as caught:
            await connection.json("GET", "/x")
    assert "failed unexpectedly" not in caught.value.what


# --- unexpected errors


async def test_whatever_goes_wrong_while_the_connection_is_made_is_told_with_the_place_of_its_report(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> None:
        raise LookupError("no\x1b such thing")

    monkeypatch.setattr("podtui.cluster.connection.transport.client_import.load", broken)
    with pytest.raises(PodtuiError, match=r"preparing the connection to h failed unexpectedly: LookupError: no␛ such thing") as caught:
        await Connection.open(settings("http://h"))
    assert "bug in podtui" in caught.value.hint and "\x1b" not in str(caught.value)
    assert any(record.exc_info for record in caplog.records)


async def test_whatever_goes_wrong_in_a_request_is_told_and_the_next_one_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    async with connected(echo) as connection:
        with monkeypatch.context() as patch:
            patch.setattr("podtui.cluster.connection.connection.read_whole", lambda *_, **__: 1 / 0)
            with pytest.raises(PodtuiError, match=r"GET /x at 127.0.0.1:\d+ failed unexpectedly: ZeroDivisionError"):
                await connection.json("GET", "/x")
        assert (await connection.json("GET", "/x"))["path"] == "/x"
