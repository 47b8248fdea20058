"""A few live objects, while they are on show: those of a field selector, such as the events of one pod.

Long lists use RowStore and its Table rows. This is for small sets of whole objects.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import msgspec

from podtui.cluster.connection.connection_errors import status_error
from podtui.cluster.connection.decoding import UnreadableAnswer, decode
from podtui.cluster.connection.listing import METADATA, METADATA_LIST, Page, decode_page
from podtui.cluster.live.list_watch import ListWatch
from podtui.cluster.live.pacing import Timing
from podtui.errors import PodtuiError
from podtui.kube.json_values import mapping, string
from podtui.text import harmless


class Decoder(Protocol):
    """Decodes one object from JSON: a dict that has at least `metadata`."""

    def decode(self, content: bytes | msgspec.Raw, /) -> Any: ...


class _WatchEvent(msgspec.Struct):
    type: str
    object: msgspec.Raw


_whole = msgspec.json.Decoder()


class LiveObjects(ListWatch[Page[msgspec.Raw]]):
    """`items` by UID. `known` is True once the server has sent the complete set; `error` is the current error, or None.

    `changed` is called after each change of these three and of `trouble`. `decoder` decodes an object from JSON: one for a TypedDict omits
    unneeded fields.
    """

    def __init__(
        self,
        path: str,
        fields: str,
        changed: Callable[[], None],
        decoder: Decoder = _whole,
        *,
        selector: str = "",
        timing: Timing | None = None,
    ) -> None:
        """`path` is that of the collection, `fields` the field selector, `selector` the label selector; "" selects everything."""
        super().__init__(path, path, selector=selector, fields=fields, timing=timing)
        self.items: dict[str, Mapping[str, Any]] = {}
        self._changed = changed
        self._decoder = decoder
        self._coming: dict[str, Mapping[str, Any]] = {}  # from the list in progress
        self._dirty = False
        self._told: tuple[bool, PodtuiError | None, PodtuiError | None] = (False, None, None)

    @property
    def trouble(self) -> PodtuiError | None:
        """Why the items may not be the server's of now; None while they are, which those of a list that is polled are as well."""
        return None if self.known and self.state in ("live", "polling") else self.error

    @property
    def is_empty(self) -> bool:
        return not self.items

    def decode_page(self, content: bytes) -> Page[msgspec.Raw]:
        return decode_page(content, msgspec.Raw, self._path)

    async def take_page(self, page: Page[msgspec.Raw], first: bool) -> int:
        if first:
            self._coming = {}
        for raw in page.items or ():
            item = self._decode(raw, self._decoder)
            self._coming[self._uid(item)] = item
        return len(self._coming)

    def page_done(self) -> None:
        """Do not show an unfinished list."""

    def list_done(self) -> None:
        self.items, self._coming = self._coming, {}
        self._dirty = True

    def take_event(self, line: bytes) -> None:
        event = decode(line, _WatchEvent, self._path)
        if event.type == "ERROR":
            raise status_error(mapping(_whole.decode(event.object)))
        item = self._decode(event.object, _whole if event.type == "BOOKMARK" else self._decoder)
        self.advance(string(mapping(item.get("metadata")).get("resourceVersion")))
        if event.type in ("ADDED", "MODIFIED"):
            self.items[self._uid(item)] = item
            self._dirty = True
        elif event.type == "DELETED":
            self._dirty |= self.items.pop(self._uid(item), None) is not None

    def chunk_taken(self) -> None:
        if self._dirty:
            self.state_changed()

    def state_changed(self) -> None:
        told = (self.known, self.error, self.trouble)
        if self._dirty or self._told != told:
            self._dirty, self._told = False, told
            self._changed()

    def _decode(self, raw: msgspec.Raw, decoder: Decoder) -> Mapping[str, Any]:
        return mapping(decoder.decode(raw))

    def _uid(self, item: Mapping[str, Any]) -> str:
        metadata = item.get("metadata")
        if not isinstance(metadata, dict):
            raise UnreadableAnswer(f"the API server's answer for {harmless(self._path)} cannot be read: an object has no metadata")
        return string(metadata.get("uid"))


class LiveMetadata(LiveObjects):
    """Only the metadata of the objects: PartialObjectMetadata."""

    list_accept, watch_accept = METADATA_LIST, METADATA
