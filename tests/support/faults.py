"""Faults for the proxy of `fault_proxy`: what networks, load balancers, proxies and servers do to a request."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
import re
import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.support.fault_proxy import Exchange, Fault, status


async def silence(exchange: Exchange) -> None:
    await exchange.hang()


async def reset(exchange: Exchange) -> None:
    exchange.reset()


async def trickle(exchange: Exchange) -> None:
    await exchange.begin()
    while True:
        await exchange.chunk(b" ")
        await asyncio.sleep(0.05)


def answers(code: int, body: bytes = b"", content_type: str = "application/json", **headers: str) -> Fault:
    async def fault(exchange: Exchange) -> None:
        await exchange.answer(code, body, content_type, **headers)

    return fault


def refuses(code: int, reason: str, **headers: str) -> Fault:
    return answers(code, status(code, reason), **headers)


def not_found(kind: str, name: str) -> Fault:
    return answers(404, status(404, "NotFound", kind=kind, name=name))


def of_watches(fault: Fault) -> Fault:
    async def chosen(exchange: Exchange) -> None:
        await (fault(exchange) if exchange.is_watch else exchange.pass_on())

    return chosen


def of_lists(fault: Fault) -> Fault:
    async def chosen(exchange: Exchange) -> None:
        await (exchange.pass_on() if exchange.is_watch else fault(exchange))

    return chosen


def of_pods(change: Callable[[list[Any]], list[Any] | None]) -> Fault:
    """Changes what each list of pods has, as a Table or as objects."""

    def changed(body: bytes) -> bytes:
        found = json.loads(body)
        key = "rows" if "rows" in found else "items"
        found[key] = change(found[key])
        return json.dumps(found).encode()

    async def fault(exchange: Exchange) -> None:
        is_list = "/pods?" in exchange.target and not exchange.is_watch and exchange.query.get("limit") != "1"
        await exchange.pass_on(changed if is_list else None)

    return fault


def without_metadata(items: list[Any]) -> list[Any]:
    for item in items:
        item.get("object", item)["metadata"] = None
    return items


def streams(*chunks: bytes) -> Fault:
    async def fault(exchange: Exchange) -> None:
        await exchange.begin()
        for chunk in (*chunks, b""):
            await exchange.chunk(chunk)

    return fault


async def endless_line(exchange: Exchange) -> None:
    await exchange.begin()
    for _ in range(8):  # twice the bound that the test sets
        await exchange.chunk(b"x" * 65536)
    await exchange.hang()


async def truncated(exchange: Exchange) -> None:
    await exchange.pass_on(lambda body: body[: len(body) // 2])


async def wrong_type(exchange: Exchange) -> None:
    await exchange.pass_on(content_type="text/plain")


async def twice_and_unknown(exchange: Exchange) -> None:
    def change(line: bytes) -> bytes:
        if not line.startswith(b'{"type":"MODIFIED"'):
            return line * 2
        unknown = re.sub(rb'"uid": ?"[^"]+"', b'"uid":"unknown"', line).replace(b"MODIFIED", b"DELETED", 1)
        return unknown + line * 2

    await exchange.pass_on(change if exchange.is_watch else None)


async def skewed_clock(exchange: Exchange) -> None:
    def change(data: bytes) -> bytes:
        return re.sub(rb'("creationTimestamp": ?")20\d\d', rb"\g<1>2999", data)

    await exchange.pass_on(change)


async def version_goes_back(exchange: Exchange) -> None:
    """What a list of one object says when etcd was restored; the list and the watch are right again."""

    def change(data: bytes) -> bytes:
        return re.sub(rb'("metadata": ?\{"resourceVersion": ?")\d+', rb"\g<1>1", data, count=1)

    await exchange.pass_on(change if exchange.query.get("limit") == "1" else None)


BOMB = gzip.compress(bytes(64 << 20))
GONE = json.dumps({"type": "ERROR", "object": json.loads(status(410, "Expired"))}).encode() + b"\n"
PAGE = b"<!doctype html><title>Sign in</title>"
UNKNOWN_PATH = b"404 page not found\n"
"""What an API server answers for a path that it does not serve, and some proxies without a server behind them for any."""


UNTRUSTED = {"expired": "certificate has expired", "elsewhere": "not valid for|mismatch", "stranger": "local issuer|self.signed"}
"""The certificates of a server that is not trusted, by the fixture `authority`, and in which words the user is told why."""


TWO_ADDRESSES = "api.example"
"""The host of a server with two addresses, by `two_addresses`."""
DEAD = ["refusing", "silent"]
"""How the first of them is dead: it refuses connections, or drops what asks for one, as that of a host that is switched off."""


@contextlib.contextmanager
def two_addresses(how: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The host TWO_ADDRESSES has two addresses of this machine: a dead one, and that of the proxy."""
    loop = asyncio.get_running_loop()
    original: Callable[..., Any] = loop.getaddrinfo

    async def two(host: str, port: int, **options: Any) -> Any:
        if host != TWO_ADDRESSES:
            return await original(host, port, **options)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", address) for address in (dead.getsockname(), ("127.0.0.1", port))]

    monkeypatch.setattr(loop, "getaddrinfo", two)
    with contextlib.ExitStack() as stack:
        dead = stack.enter_context(socket.socket())
        dead.bind(("127.0.0.2", 0))
        if how == "silent":
            dead.listen(0)
            waiting = None
            while waiting is None or waiting.connect_ex(dead.getsockname()) == 0:  # until its queue is full
                waiting = stack.enter_context(socket.socket())
                waiting.settimeout(0.1)
        yield


def of_upgrades(fault: Fault) -> Fault:
    async def chosen(exchange: Exchange) -> None:
        await (fault(exchange) if exchange.is_upgrade else exchange.pass_on())

    return chosen


def of_changes(fault: Fault) -> Fault:
    async def chosen(exchange: Exchange) -> None:
        await (fault(exchange) if exchange.is_change else exchange.pass_on())

    return chosen


def afterwards(fault: Fault) -> Fault:
    """The server does what is asked, and then the fault keeps its answer away."""

    async def done(exchange: Exchange) -> None:
        async with exchange.proxy.ask(exchange) as answer:
            await answer.read()
        await fault(exchange)

    return done
