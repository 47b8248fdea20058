"""The log of a container as an answer that is written while it grows."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Protocol

from aiohttp import web


class Logs(Protocol):
    """What a log needs of a kubelet. Raises ApiError at once when there is no such log."""

    def log(self, namespace: str, pod: str, query: Mapping[str, str]) -> AsyncGenerator[bytes, None]: ...


async def log(request: web.Request, logs: Logs, namespace: str, pod: str) -> web.StreamResponse:
    """Serves `pods/log`. (The application must cancel a handler whose client has gone: a followed log may be silent forever.)"""
    chunks = logs.log(namespace, pod, request.query)
    response = web.StreamResponse(headers={"Content-Type": "text/plain"})
    await response.prepare(request)
    async with aclosing(chunks):
        with contextlib.suppress(ConnectionError):  # the client went
            async for chunk in chunks:
                await response.write(chunk)
    return response
