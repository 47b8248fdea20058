"""Pods with logs in memory, as the API server and the kubelet serve them, that fail where a test says.

It stands where a Connection stands: the list of pods is that of `ListServer`, beside it are the pods themselves (`json`) and their logs.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from podtui.cluster.logs.stamps import nanoseconds
from podtui.errors import ConnectionFailed, PodtuiError, api_error
from podtui.kube.resources import PODS, ObjectRef
from podtui.ui.logs.lines.text import time_text
from tests.support.api_server import not_found, not_served
from tests.support.list_server import ListServer, Query

BASE = 1_767_225_600_000_000_000  # 2026-01-01


@dataclass
class FakeRun:
    """One run of a container: its lines with their times, and with which one the current file begins."""

    id: str
    started: int
    lines: list[tuple[int, str]] = field(default_factory=list)
    file: int = 0
    exit_code: int | None = None

    def state(self) -> dict[str, Any]:
        started = time_text(self.started)[:19] + "Z"
        if self.exit_code is None:
            return {"running": {"startedAt": started}}
        return {"terminated": {"containerID": self.id, "startedAt": started, "exitCode": self.exit_code, "reason": "Error"}}


@dataclass
class FakeContainer:
    name: str
    kind: str = "containers"  # or initContainers, ephemeralContainers
    runs: list[FakeRun] = field(default_factory=list)
    seen: int = 0  # how many of the last run's lines any follower has certainly got


@dataclass
class FakePod:
    namespace: str
    name: str
    uid: str
    containers: dict[str, FakeContainer] = field(default_factory=dict)
    phase: str = "Running"
    owner: dict[str, Any] | None = None

    @property
    def metadata(self) -> dict[str, Any]:
        owners = [self.owner] if self.owner else []
        return {
            "name": self.name, "namespace": self.namespace, "uid": self.uid, "generateName": f"{self.name[:-1]}", "ownerReferences": owners,
        }  # fmt: skip

    @property
    def ref(self) -> ObjectRef:
        return ObjectRef(PODS, self.name, self.namespace, self.uid)

    def json(self) -> dict[str, Any]:
        spec: dict[str, list[Any]] = {"containers": []}
        status: dict[str, Any] = {"phase": self.phase}
        for container in self.containers.values():
            spec.setdefault(container.kind, []).append({"name": container.name})
            told: dict[str, Any] = {"name": container.name, "restartCount": max(0, len(container.runs) - 1)}
            if container.runs:
                told["state"], told["containerID"] = container.runs[-1].state(), container.runs[-1].id
            else:
                told["state"] = {"waiting": {"reason": "PodInitializing"}}
            if len(container.runs) > 1:
                told["lastState"] = container.runs[-2].state()
            status.setdefault(container.kind.removesuffix("s") + "Statuses", []).append(told)
        return {"metadata": self.metadata, "spec": spec, "status": status}


@dataclass(eq=False)  # a container may have two at once
class _Open:
    """A log stream that is open: what will become of it."""

    pod: FakePod
    container: FakeContainer
    followed: bool
    fault: PodtuiError | None = None
    ends: bool = False
    torn: int = 0  # bytes of the next line that still come before the fault


class LogCluster(ListServer):
    """Faults: streams `drop` or `end`, are `stalled`; the next requests raise `log_faults` and `pod_faults`; with `ignores_since`
    lines come again that were not asked for, `told` is a pod as it was before.
    """

    def __init__(self) -> None:
        super().__init__()
        self.pods: dict[tuple[str, str], FakePod] = {}
        self.objects: dict[str, dict[str, Any] | PodtuiError] = {}  # others, by their paths
        self.asked: list[str] = []  # of these
        self.now = BASE
        self.log_faults: list[PodtuiError] = []
        self.pod_faults: list[PodtuiError] = []
        self.ignores_since = False
        self.stalled = False
        self.told: dict[str, dict[str, Any]] = {}  # by UID: a status that is behind
        self.open: list[_Open] = []
        self.most_open = 0
        self.opening = 0
        self.most_opening = 0
        self.logs_asked: list[dict[str, str]] = []
        self.pods_asked = 0
        self._changed = asyncio.Event()
        self._runs = 0

    # -- what happens

    def changes(self) -> None:
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    def pod(self, name: str, *containers: str, labels: dict[str, str] | None = None, kind: str = "containers") -> FakePod:
        """A new pod, or more containers of one that is there; they run, `-name` does not yet."""
        namespace = "shop"
        thing = self.put(namespace, name, labels, created=time_text(self.now)[:19] + "Z")
        pod = self.pods.setdefault((namespace, name), FakePod(namespace, name, thing.uid))
        for each in containers or ("app",):
            container = pod.containers[each.removeprefix("-")] = FakeContainer(each.removeprefix("-"), kind)
            if not each.startswith("-"):
                self.start(container)
        return pod

    def start(self, container: FakeContainer) -> None:
        """Another run of the container."""
        self._runs += 1
        if container.runs and container.runs[-1].exit_code is None:
            container.runs[-1].exit_code = 1
        container.runs.append(FakeRun(f"run-{self._runs}", self.now))
        self.changes()

    def write(self, container: FakeContainer, *texts: str, step: int = 1_000_000) -> None:
        for text in texts:
            self.now += step
            container.runs[-1].lines.append((self.now, text))
        self.changes()

    def exit(self, container: FakeContainer, code: int = 0) -> None:
        container.runs[-1].exit_code = code
        self.changes()

    def remove(self, pod: FakePod) -> None:
        """Its containers end, their streams come to their ends, and it is gone."""
        for container in pod.containers.values():
            if container.runs:
                container.runs[-1].exit_code = 137
        del self.pods[pod.namespace, pod.name]
        self.delete(pod.namespace, pod.name)
        self.changes()

    def drop(self, torn: int = 0) -> None:
        """Every open stream breaks, after so many bytes of its next line."""
        for stream in self.open:
            stream.fault, stream.torn = ConnectionFailed("the connection broke"), torn
        self.changes()

    def end(self) -> None:
        """Every open stream ends in good order though its container goes on."""
        for stream in self.open:
            stream.ends = True
        self.changes()

    # -- what a Connection does

    async def json(self, method: str, path: str, **_: Any) -> Any:
        assert method == "GET"
        await asyncio.sleep(0)
        if self.down:
            raise ConnectionFailed("connection refused")
        if path in self.objects:
            self.asked.append(path)
            if isinstance(found := self.objects[path], PodtuiError):
                raise found
            return found
        self.pods_asked += 1
        if self.pod_faults:
            raise self.pod_faults.pop(0)
        pod = self._find(path)
        return self.told.get(pod.uid) or pod.json()

    async def request(
        self,
        method: str,
        path: str,
        *,
        query: Query = (),
        accept: str = "",
        timeout: float | None = None,  # noqa: ASYNC109
    ) -> bytes:
        if not path.endswith("/pods"):
            raise not_served()
        if "PartialObjectMetadata" not in accept:
            return await super().request(method, path, query=query, accept=accept)
        await asyncio.sleep(0)
        return json.dumps({"items": [{"metadata": pod.metadata} for pod in self.pods.values()]}).encode()

    async def _news_of(self) -> AsyncIterator[bytes]:
        while True:
            news = self._news
            yield b'{"type": "MODIFIED", "object": {"metadata": {"uid": "one", "resourceVersion": "1"}}}\n'
            await news.wait()

    def _find(self, path: str) -> FakePod:
        namespace, _, name = path.removeprefix("/api/v1/namespaces/").partition("/pods/")
        pod = self.pods.get((namespace, name.removesuffix("/log")))
        if pod is None:
            raise not_found("pods", name)
        return pod

    @asynccontextmanager
    async def stream(
        self, path: str, *, query: Query = (), accept: str = "", idle_timeout: float | None = None
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        if "PartialObjectMetadata" in accept:
            yield self._news_of()
            return
        if not path.endswith("/log"):
            async with super().stream(path, query=query, accept=accept, idle_timeout=idle_timeout) as watch:
                yield watch
            return
        asked = dict(query)
        self.logs_asked.append(asked)
        self.opening += 1
        self.most_opening = max(self.most_opening, self.opening)
        await asyncio.sleep(0)
        self.opening -= 1
        if self.down:
            raise ConnectionFailed("connection refused")
        if self.log_faults:
            raise self.log_faults.pop(0)
        pod = self._find(path)
        name = asked.get("container", next(iter(pod.containers)))
        if name not in pod.containers:
            raise api_error(400, "BadRequest", f"container {name} is not valid for pod {pod.name}")
        container = pod.containers[name]
        at = -2 if "previous" in asked else -1
        if len(container.runs) < -at:
            raise api_error(400, "BadRequest", f'container "{container.name}" in pod "{pod.name}" is waiting to start: PodInitializing')
        opened = _Open(pod, container, followed="follow" in asked)
        self.open.append(opened)
        self.most_open = max(self.most_open, sum(each.followed for each in self.open))
        try:
            yield self._log(opened, container.runs[at], asked)
        finally:
            self.open.remove(opened)

    async def _log(self, opened: _Open, run: FakeRun, asked: dict[str, str]) -> AsyncIterator[bytes]:
        place = run.file
        if "tailLines" in asked:
            place = max(place, len(run.lines) - int(asked["tailLines"]))
        since = nanoseconds(asked["sinceTime"]) // 10**9 if "sinceTime" in asked and not self.ignores_since else float("-inf")
        while True:
            while place < len(run.lines) and not self.stalled:
                at, text = run.lines[place]
                data = f"{time_text(at)} {text}\n".encode()
                if opened.fault is not None:
                    break
                if at // 10**9 >= since:
                    half = len(data) // 2
                    yield data[:half]
                    yield data[half:]
                place += 1
            if opened.fault is not None:
                if place < len(run.lines) and opened.torn:
                    at, text = run.lines[place]
                    yield f"{time_text(at)} {text}\n".encode()[: opened.torn]
                raise opened.fault
            if opened.ends:
                return
            if place >= len(run.lines) and (run.exit_code is not None or asked.get("follow") != "true"):
                return
            await self._changed.wait()
