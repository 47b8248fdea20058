"""A small server of one pod's logs, as the API server and the kubelet serve them, that fails where a test says."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from podtui.cluster.logs.stamps import nanoseconds
from podtui.kube.resources import PODS, ObjectRef
from tests.support.api_server import ApiServer, Request, not_found, refused, status

REF = ObjectRef(PODS, "web-1", "shop", "uid-1")


@dataclass
class ContainerRun:
    """What a container writes in one run: (time, text) of each line, of which `written` are there by now."""

    id: str
    lines: list[tuple[str, str]] = field(default_factory=list)
    written: int | None = None
    exit_code: int | None = None  # None: it runs
    reason: str = ""
    newline_at_end: bool = True

    @property
    def there(self) -> list[tuple[str, str]]:
        return self.lines[: self.written]

    def state(self) -> dict[str, Any]:
        started = self.lines[0][0][:19] + "Z" if self.lines and self.lines[0][0] else "2026-01-01T00:00:00Z"
        if self.exit_code is None:
            return {"running": {"startedAt": started}}
        return {"terminated": {"containerID": self.id, "startedAt": started, "exitCode": self.exit_code, "reason": self.reason}}


@dataclass
class Cut:
    """How one stream goes: lines that are there when it begins, at its end, and how it ends.

    `after`: bytes after which the connection breaks (None: it does not). `sizes`: of the chunks, over and over.
    `ends`: the server ends it properly although the container goes on.
    """

    begin: int
    end: int
    after: int | None = None
    sizes: tuple[int, ...] = (7,)
    ends: bool = False


class LogServer(ApiServer):
    """`current` and `previous` are the container's runs; each followed stream takes the next of `cuts`.

    After the last of them everything has been written.
    """

    def __init__(self) -> None:
        super().__init__({REF.path: self.get_pod})
        self.handlers[f"{REF.path}/log"] = self.get_log
        self.current: ContainerRun | None = None
        self.previous: ContainerRun | None = None
        self.waiting: dict[str, str] = {}
        self.annotations: dict[str, str] = {}
        self.uid = "uid-1"
        self.restarts = 0
        self.phase = "Running"
        self.told: dict[str, Any] | None = None  # a pod from before: its status is behind its containers
        self.gone = False
        self.refusals: list[tuple[int, str] | web.Response] = []  # for log requests: status and message
        self.complaint = b""  # the body of every answer to a log request, as a kubelet answers that finds no log
        self.pod_refusals: list[tuple[int, str]] = []
        self.cuts: list[Cut] = []
        self.when_cuts_end: Any = None
        self.queries: list[dict[str, str]] = []
        self.changed = asyncio.Event()
        self._was_cut = False
        self._transports: set[asyncio.Transport] = set()

    def changes(self) -> None:
        """Wake the followed streams: something was written, or the container ended."""
        self.changed.set()
        self.changed = asyncio.Event()

    def abort(self) -> None:
        """Break every open connection."""
        for transport in list(self._transports):
            transport.abort()

    @property
    def run(self) -> ContainerRun:
        """The container's run, which there is."""
        assert self.current is not None
        return self.current

    # -- the pod
    def pod(self) -> dict[str, Any]:
        told: dict[str, Any] = {"name": "app", "restartCount": self.restarts}
        if self.waiting:
            told["state"] = {"waiting": self.waiting}
        elif self.current is not None:
            told["state"] = self.current.state()
            told["containerID"] = self.current.id
        if self.previous is not None:
            told["lastState"] = self.previous.state()
        return {
            "metadata": {"name": REF.name, "namespace": REF.namespace, "uid": self.uid, "annotations": self.annotations},
            "spec": {"containers": [{"name": "app"}, {"name": "side"}]},
            "status": {"phase": self.phase, "containerStatuses": [told, {**told, "name": "side"}]},
        }

    def get_pod(self, _: Request) -> Any:
        if self.gone:
            return refused(not_found("pods", REF.name))
        if self.pod_refusals:
            return _refusal(*self.pod_refusals.pop(0))
        return self.told or self.pod()

    # -- the log
    async def get_log(self, request: web.Request) -> web.StreamResponse:
        query = dict(request.query)
        self.queries.append(query)
        if self.gone:
            return refused(not_found("pods", REF.name))
        if self.refusals:
            refusal = self.refusals.pop(0)
            return refusal if isinstance(refusal, web.Response) else _refusal(*refusal)
        if self.complaint:
            return web.Response(body=self.complaint, content_type="text/plain")
        run = self.previous if "previous" in query else self.current or self.previous
        if run is None:
            word = "previous terminated container" if "previous" in query else "container"
            reason = self.waiting.get("reason", "ContainerCreating")
            tail = "not found" if "previous" in query else f"is waiting to start: {reason}"
            return _refusal(400, f'{word} "app" in pod "web-1" {tail}')
        follow = query.get("follow") == "true"
        cut = self.cuts.pop(0) if follow and self.cuts else None
        if cut is None and self._was_cut:
            run.written = None
        if cut is not None:
            self._was_cut = True
            run.written = max(run.written or 0, cut.begin)
        if not self.cuts and self.when_cuts_end is not None and cut is None:
            self.when_cuts_end()
        response = web.StreamResponse()
        response.content_type = "text/plain"
        response.enable_chunked_encoding()
        await response.prepare(request)
        if request.transport is not None:
            self._transports.add(request.transport)
        pipe = _Pipe(request, response, cut)
        there = len(run.there)
        first = 0
        if "tailLines" in query:
            first = max(0, there - int(query["tailLines"]))
        since = float("-inf")
        if "sinceTime" in query:
            since = nanoseconds(query["sinceTime"]) // 10**9  # the API server cuts it down to seconds
        place = first
        if cut is not None:
            run.written = max(run.written or 0, cut.end)
        while True:
            while place < len(run.there):
                stamp, text = run.lines[place]
                if not stamp or nanoseconds(stamp) // 10**9 >= since:
                    last = place == len(run.lines) - 1 and not run.newline_at_end
                    if not await pipe.write((f"{stamp} {text}" if stamp else text).encode() + (b"" if last else b"\n")):
                        return response
                place += 1
            if cut is not None or not follow or run.exit_code is not None:
                break
            await self.changed.wait()
        if cut is not None and not cut.ends:
            pipe.abort()
        return response


class _Pipe:
    """Writes in chunks of the sizes that a cut names, and breaks the connection where it says."""

    def __init__(self, request: web.Request, response: web.StreamResponse, cut: Cut | None) -> None:
        self._request = request
        self._response = response
        self._cut = cut
        self._sent = 0
        self._turn = 0

    def abort(self) -> None:
        if self._request.transport is not None:
            self._request.transport.abort()

    async def write(self, data: bytes) -> bool:
        """False once the connection is broken."""
        cut = self._cut
        if cut is None:
            await self._response.write(data)
            return True
        while data:
            size = cut.sizes[self._turn % len(cut.sizes)]
            self._turn += 1
            part, data = data[:size], data[size:]
            if cut.after is not None and self._sent + len(part) >= cut.after:
                await self._response.write(part[: cut.after - self._sent])
                await asyncio.sleep(0)
                self.abort()
                return False
            await self._response.write(part)
            self._sent += len(part)
            await asyncio.sleep(0)
        return True


def _refusal(code: int, message: str) -> web.Response:
    reasons = {400: "BadRequest", 403: "Forbidden", 404: "NotFound", 500: "InternalError", 503: "ServiceUnavailable"}
    return status(code, reasons[code], message, details={"name": REF.name, "kind": "pods/log"})
