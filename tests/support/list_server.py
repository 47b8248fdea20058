"""A small API server in memory for the live list: Table pages, watches with a history, and faults on demand.

It stands where a Connection stands (`request` and `stream`) and holds objects of one kind.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from podtui.errors import Gone, PodtuiError, ServerAway, api_error
from podtui.kube.selectors import parse

Query = Sequence[tuple[str, str]]

COLUMNS: list[dict[str, Any]] = [
    {"name": "Name", "type": "string", "priority": 0},
    {"name": "Ready", "type": "string", "priority": 0},
    {"name": "Status", "type": "string", "priority": 0},
    {"name": "Restarts", "type": "string", "priority": 0},
    {"name": "Age", "type": "string", "priority": 0},
    {"name": "IP", "type": "string", "priority": 1},
    {"name": "Node", "type": "string", "priority": 1},
]


@dataclass
class Thing:
    """An object; every change makes another one."""

    namespace: str
    name: str
    uid: str
    labels: dict[str, str]
    version: int
    status: str = "Running"
    restarts: str = "0"
    created: str = "2026-01-02T03:04:05Z"
    node: str = "node-1"

    def row(self) -> dict[str, Any]:
        return {
            "cells": [self.name, "1/1", self.status, self.restarts, "5m", "10.0.0.1", self.node],
            "object": {
                "kind": "PartialObjectMetadata",
                "apiVersion": "meta.k8s.io/v1",
                "metadata": {
                    "name": self.name,
                    "namespace": self.namespace,
                    "uid": self.uid,
                    "resourceVersion": str(self.version),
                    "creationTimestamp": self.created,
                    "labels": self.labels,
                    "annotations": {"note": "{}"},
                    "managedFields": [{"manager": "kubectl"}],
                },
            },
        }


def table(rows: list[dict[str, Any]], version: int, columns: list[dict[str, Any]] | None = COLUMNS, **metadata: Any) -> dict[str, Any]:
    return {
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": {"resourceVersion": str(version), **metadata},
        "columnDefinitions": columns,
        "rows": rows,
    }


def status(code: int, reason: str, message: str = "") -> dict[str, Any]:
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "code": code, "reason": reason, "message": message}


@dataclass
class ListServer:
    """The objects, what happened to them, and what is to go wrong.

    `refusals[namespace]` is raised by lists and watches of it ("" the cluster-wide ones); `list_faults` and `watch_faults` are
    raised one at a time by the next requests; a `watch_lines` entry is sent by the next watch, which then ends.
    """

    things: dict[str, Thing] = field(default_factory=dict)
    version: int = 10
    compacted: int = 0
    refusals: dict[str, PodtuiError] = field(default_factory=dict)
    watch_refusals: dict[str, PodtuiError] = field(default_factory=dict)
    list_faults: list[PodtuiError] = field(default_factory=list)
    watch_faults: list[PodtuiError] = field(default_factory=list)
    watch_lines: list[bytes] = field(default_factory=list)
    lists: list[dict[str, str]] = field(default_factory=list)
    compares: list[dict[str, str]] = field(default_factory=list)  # lists of one object, which ask for nothing but the version
    watches: list[dict[str, str]] = field(default_factory=list)
    requests: int = 0
    open_watches: int = 0
    columns: list[dict[str, Any]] = field(default_factory=lambda: list(COLUMNS))
    held: asyncio.Event | None = None  # pages after the first wait for it
    holds_all: bool = False  # so does the first page
    list_body: Callable[[], bytes] | None = None
    down: bool = False
    _incarnation: str = ""  # ends the UIDs of objects that were created after a `restore`
    _swallowed: int = 0  # how many watches are mute
    _history: list[tuple[int, Thing | None, Thing | None]] = field(default_factory=list)  # version, before, after
    _snapshots: dict[tuple[object, ...], list[Thing]] = field(default_factory=dict)  # of lists that go on, by version and what was asked
    _news: asyncio.Event = field(default_factory=asyncio.Event)
    _cut: list[tuple[asyncio.Event, list[PodtuiError | bytes | None]]] = field(default_factory=list)

    # -- what happens in the cluster

    def put(self, namespace: str, name: str, labels: dict[str, str] | None = None, **changes: Any) -> Thing:
        """Create or change an object."""
        self.version += 1
        before = next((thing for thing in self.things.values() if (thing.namespace, thing.name) == (namespace, name)), None)
        uid = before.uid if before else f"uid-{self.version}{self._incarnation}"
        kept = dict(before.labels) if before else {}
        after = Thing(namespace, name, uid, kept if labels is None else labels, self.version, **changes)
        self.things[uid] = after
        self._record(before, after)
        return after

    def delete(self, namespace: str, name: str) -> None:
        self.version += 1
        before = next(thing for thing in self.things.values() if (thing.namespace, thing.name) == (namespace, name))
        del self.things[before.uid]
        self._record(before, None)

    def compact(self) -> None:
        """Forget the history: new watches and continue tokens from before are too old. Open watches still tell what they owe."""
        self.compacted = self.version
        self._snapshots.clear()

    def backup(self) -> tuple[int, dict[str, Thing]]:
        """The present state, for `restore`."""
        return self.version, dict(self.things)

    def restore(self, saved: tuple[int, dict[str, Thing]]) -> None:
        """Go back to an earlier state, versions included, as an etcd that gets its old folder back. Watches from the future are silent."""
        self.version, self.things = saved[0], dict(saved[1])
        self._incarnation += "'"
        self._history.clear()
        self._snapshots.clear()

    def cut(self, ending: PodtuiError | bytes | None = None) -> None:
        """End every open watch: in good order, with an error, or with some bytes."""
        for event, endings in self._cut:
            endings.append(ending)
            event.set()

    def swallow(self) -> None:
        """Every watch that is open now stays open and says nothing more, as a half-open connection does."""
        self._swallowed = len(self.watches)

    def _record(self, before: Thing | None, after: Thing | None) -> None:
        self._history.append((self.version, before, after))
        news, self._news = self._news, asyncio.Event()
        news.set()

    def uids(self, namespace: str = "", selector: str = "") -> set[str]:
        matches = parse(selector).matches
        return {thing.uid for thing in self.things.values() if namespace in ("", thing.namespace) and matches(thing.labels)}

    # -- what a Connection does

    def _namespace(self, path: str) -> str:
        parts = path.split("/")
        return parts[parts.index("namespaces") + 1] if "namespaces" in parts[:-1] else ""

    async def request(
        self,
        method: str,
        path: str,
        *,
        query: Query = (),
        accept: str = "",
        timeout: float | None = None,  # noqa: ASYNC109
    ) -> bytes:
        assert method == "GET"
        asked = {"path": path, **dict(query)}
        self.requests += 1
        (self.compares if asked.get("limit") == "1" else self.lists).append(asked)
        await asyncio.sleep(0)
        self._refuse(self._namespace(path), self.refusals)
        if self.list_faults:
            raise self.list_faults.pop(0)
        if self.held is not None and (self.holds_all or "continue" in asked):
            await self.held.wait()
        if self.list_body is not None:
            return self.list_body()
        selector, on, namespace = asked.get("labelSelector", ""), _node(asked), self._namespace(path)
        at, start = map(int, asked["continue"].split(":")) if "continue" in asked else (self.version, 0)
        snapshot = (at, namespace, selector, on)
        if start and snapshot not in self._snapshots:
            raise Gone(410, "Expired", "The provided continue parameter is too old")
        found = self._snapshots[snapshot] if start else self._found(namespace, selector, on)
        limit = int(asked["limit"])
        page, rest = found[start : start + limit], len(found) - start - limit
        metadata: dict[str, Any] = {}
        if rest > 0:
            self._snapshots[snapshot] = found
            metadata["continue"] = f"{at}:{start + limit}"
            if "labelSelector" not in asked:
                metadata["remainingItemCount"] = rest
        return json.dumps(table([thing.row() for thing in page], at, self.columns, **metadata)).encode()

    def _found(self, namespace: str, selector: str, node: str) -> list[Thing]:
        chosen = self.uids(namespace, selector)
        found = (thing for thing in self.things.values() if thing.uid in chosen and node in ("", thing.node))
        return sorted(found, key=lambda thing: (thing.namespace, thing.name))

    def _refuse(self, namespace: str, refusals: dict[str, PodtuiError]) -> None:
        if self.down:
            raise ServerAway("connection refused")
        if namespace in refusals:
            raise refusals[namespace]

    @asynccontextmanager
    async def stream(
        self, path: str, *, query: Query = (), accept: str = "", idle_timeout: float | None = None
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        asked = {"path": path, **dict(query)}
        self.requests += 1
        self.watches.append(asked)
        await asyncio.sleep(0)
        self._refuse(self._namespace(path), self.refusals)
        self._refuse(self._namespace(path), self.watch_refusals)
        if self.watch_faults:
            raise self.watch_faults.pop(0)
        since = int(asked["resourceVersion"])
        if since < self.compacted:
            raise Gone(410, "Expired", "too old resource version")
        number = len(self.watches)
        self.open_watches += 1
        cut: tuple[asyncio.Event, list[PodtuiError | bytes | None]] = (asyncio.Event(), [])
        self._cut.append(cut)
        try:
            yield self._chunks(asked, since, number, *cut)
        finally:
            self._cut.remove(cut)
            self.open_watches -= 1

    async def _chunks(
        self, asked: dict[str, str], since: int, number: int, cut: asyncio.Event, endings: list[PodtuiError | bytes | None]
    ) -> AsyncIterator[bytes]:
        if self.watch_lines:
            yield self.watch_lines.pop(0)
            return
        matches, on = parse(asked.get("labelSelector", "")).matches, _node(asked)
        namespace = self._namespace(asked["path"])
        loop = asyncio.get_running_loop()
        ends = loop.time() + float(asked["timeoutSeconds"])
        columns: list[dict[str, Any]] | None = self.columns
        while True:
            news = self._news
            for version, before, after in list(self._history):
                if version <= since or number <= self._swallowed:
                    continue
                since = version
                was = before is not None and namespace in ("", before.namespace) and matches(before.labels) and on in ("", before.node)
                now = after is not None and namespace in ("", after.namespace) and matches(after.labels) and on in ("", after.node)
                if not was and not now:
                    continue
                thing = after if now else before
                assert thing is not None
                row = thing.row()
                row["object"]["metadata"]["resourceVersion"] = str(version)
                kind = "DELETED" if not now else "MODIFIED" if was else "ADDED"
                line = json.dumps({"type": kind, "object": table([row], version, columns)}).encode() + b"\n"
                columns = None
                half = len(line) // 2  # a chunk is not a line
                yield line[:half]
                yield line[half:]
            if not cut.is_set():
                waits = [asyncio.ensure_future(news.wait()), asyncio.ensure_future(cut.wait())]
                try:
                    done, _ = await asyncio.wait(waits, timeout=ends - loop.time(), return_when=asyncio.FIRST_COMPLETED)
                finally:
                    for wait in waits:
                        wait.cancel()
                if not done:
                    return  # its time is up
            if cut.is_set():
                ending = endings[0]
                if isinstance(ending, PodtuiError):
                    raise ending
                if ending is not None:
                    yield ending
                return


def _node(asked: dict[str, str]) -> str:
    """The node of a field selector, the only one that is known here."""
    return asked.get("fieldSelector", "").removeprefix("spec.nodeName=")


def bookmark(version: int) -> bytes:
    row = {"cells": ["", "", "", "", "<unknown>", "", ""], "object": {"metadata": {"resourceVersion": str(version)}}}
    return json.dumps({"type": "BOOKMARK", "object": table([row], version, None)}).encode() + b"\n"


def error_event(code: int, reason: str) -> bytes:
    return json.dumps({"type": "ERROR", "object": status(code, reason, f"{reason} it is")}).encode() + b"\n"


def refusal(code: int, reason: str, retry_after: float | None = None) -> PodtuiError:
    return api_error(code, reason, f"{reason} it is", retry_after=retry_after)
