"""A few objects kept equal to the server's while somebody looks: those of a field selector, such as the events of one pod.

The long lists are a RowStore's, as Table rows. This is for what is small and wanted whole: it lists, watches from there, and lists again
only when the server says that it must (410). `run` goes on until it is cancelled.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import msgspec

from podtui.cluster.connection.connection_errors import status_error
from podtui.cluster.live.reflector import Chunks, Query, Server
from podtui.errors import ConnectionFailed, Forbidden, Gone, Invalid, NotFound, PodtuiError
from podtui.kube.json_values import mapping, string

_PAGE = 500
_FIRST, _LONGEST = 0.5, 30.0  # seconds of the back-off
_IDLE = 90.0  # seconds without a byte: bookmarks come about once a minute
_SLOW = (Forbidden, NotFound, Invalid)  # what only somebody else can mend
_LONGEST_LINE = 8 << 20


class Decoder(Protocol):
    """Makes one object of its JSON: a dict that has at least `metadata`."""

    def decode(self, content: bytes | msgspec.Raw, /) -> Any: ...


class _Meta(msgspec.Struct):
    resource_version: str = msgspec.field(default="", name="resourceVersion")
    continue_token: str = msgspec.field(default="", name="continue")


class _List(msgspec.Struct):
    metadata: _Meta = msgspec.field(default_factory=_Meta)
    items: list[msgspec.Raw] | None = None


class _Change(msgspec.Struct):
    type: str
    object: msgspec.Raw


_list, _change = msgspec.json.Decoder(_List), msgspec.json.Decoder(_Change)
_whole = msgspec.json.Decoder()


class LiveObjects:
    """`items` by UID. `known` is True once the server has told the complete set; `error` is what is wrong now, None while all is well.

    `changed` is called after each change of these three. `decoder` makes an object of its JSON: one for a TypedDict leaves out
    whatever is not needed.
    """

    def __init__(self, path: str, fields: str, changed: Callable[[], None], decoder: Decoder = _whole, pace: float = 1.0) -> None:
        """`path` is that of the collection, `fields` the field selector; `pace` makes the delays shorter in tests."""
        self.items: dict[str, Mapping[str, Any]] = {}
        self.known = False
        self.error: PodtuiError | None = None
        self._path, self._fields = path, fields
        self._changed = changed
        self._decoder = decoder
        self._pace = pace
        self._version = ""
        self._attempts = 0

    async def run(self, server: Server) -> None:
        while True:
            error: PodtuiError | None = None
            try:
                if not self._version:
                    await self._list(server)
                await self._watch(server)
            except Gone:
                self._version = ""
            except PodtuiError as caught:
                error = caught
            except (msgspec.DecodeError, UnicodeDecodeError) as caught:
                error = ConnectionFailed(f"what came for {self._path} cannot be read: {caught}")
            if error is not None:
                self._version = ""
                self.error = error
                self._changed()
            await self._pause(error)

    async def _pause(self, error: PodtuiError | None) -> None:
        longest = min(_LONGEST, _FIRST * 2.0**self._attempts)
        delay = _LONGEST if isinstance(error, _SLOW) else random.uniform(longest / 2, longest)
        self._attempts = min(self._attempts + 1, 10)
        await asyncio.sleep(self._pace * (getattr(error, "retry_after", None) or delay))

    async def _list(self, server: Server) -> None:
        found: dict[str, Mapping[str, Any]] = {}
        token, first = "", True
        while token or first:
            first = False
            query = [("fieldSelector", self._fields), ("limit", str(_PAGE))]
            page = _list.decode(await server.request("GET", self._path, query=[*query, ("continue", token)] if token else query))
            for raw in page.items or ():
                item = mapping(self._decoder.decode(raw))
                found[_uid(item)] = item
            token, self._version = page.metadata.continue_token, page.metadata.resource_version
        self.items, self.known, self.error = found, True, None
        self._changed()

    async def _watch(self, server: Server) -> None:
        query: Query = [
            ("watch", "1"),
            ("allowWatchBookmarks", "true"),
            ("fieldSelector", self._fields),
            ("resourceVersion", self._version),
            ("timeoutSeconds", str(random.randint(290, 590))),
        ]
        async with server.stream(self._path, query=query, idle_timeout=_IDLE) as stream:
            if self.error is not None:
                self.error = None
                self._changed()
            self._attempts = 0
            await self._follow(stream)

    async def _follow(self, stream: Chunks) -> None:
        rest = b""
        async for chunk in stream:
            *lines, rest = (rest + chunk).split(b"\n")
            if len(rest) > _LONGEST_LINE:
                raise ConnectionFailed(f"the watch of {self._path} brought a line without an end")
            changes = [self._take(_change.decode(line)) for line in lines if line.strip()]
            if any(changes):
                self._changed()

    def _take(self, change: _Change) -> bool:
        """One event of the watch; whether it changed `items`."""
        if change.type == "ERROR":
            raise status_error(mapping(_whole.decode(change.object)))
        item = mapping(_whole.decode(change.object) if change.type == "BOOKMARK" else self._decoder.decode(change.object))
        self._version = string(mapping(item.get("metadata")).get("resourceVersion")) or self._version
        if change.type in ("ADDED", "MODIFIED"):
            self.items[_uid(item)] = item
            return True
        return change.type == "DELETED" and self.items.pop(_uid(item), None) is not None


def _uid(item: Mapping[str, Any]) -> str:
    return string(mapping(item.get("metadata")).get("uid"))
