"""Answers as bytes, made once for each stored object (see `state.Entry`): a page of 500 rows costs little more than its length."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import msgspec

from podtui.demo.api.list_options import METADATA, OBJECT, TABLE
from podtui.demo.api.list_pages import Page
from podtui.demo.storage.kinds import PODS, SECRETS, SERVICEACCOUNTS, Kind
from podtui.demo.storage.state import Entry
from podtui.demo.tables import columns as printing

AT_ONCE = 250
encode = msgspec.json.encode


def metadata_bytes(entry: Entry) -> bytes:
    """The PartialObjectMetadata of an object."""
    if entry.metadata is None:
        entry.metadata = b'{"kind":"PartialObjectMetadata","apiVersion":"meta.k8s.io/v1","metadata":' + encode(entry.obj["metadata"]) + b"}"
    return entry.metadata


def item_bytes(entry: Entry) -> bytes:
    """The object as an item of a list: without kind and apiVersion, which the list says."""
    return encode({key: value for key, value in entry.obj.items() if key not in ("kind", "apiVersion")})


def row_bytes(kind: Kind, entry: Entry, now: float, include: str = "Metadata") -> bytes:
    """The object as a row of a Table at a time (seconds since 1970)."""
    if entry.cells is None or now >= entry.cells_until:
        cells, entry.cells_until = printing.cells(kind, entry.obj, now)
        begin = b'{"cells":' + encode(cells)
        if conditions := printing.row_conditions(kind, entry.obj):
            begin += b',"conditions":' + encode(conditions)
        entry.cells = begin + b',"object":'
    if include == "Metadata":
        return entry.cells + metadata_bytes(entry) + b"}"
    return entry.cells + (encode(entry.obj) if include == "Object" else b"null") + b"}"


_columns: dict[Kind, bytes] = {}


def columns_bytes(kind: Kind) -> bytes:
    if kind not in _columns:
        _columns[kind] = encode(printing.columns(kind))
    return _columns[kind]


def list_chunks(kind: Kind, found: Page, form: str, include: str, now: float) -> Iterator[bytes]:
    """The answer in pieces of some hundred objects each, so that nothing has to wait for a long list."""
    metadata: dict[str, Any] = {"resourceVersion": str(found.version)}
    if found.token:
        metadata["continue"] = found.token
        if found.remaining:
            metadata["remainingItemCount"] = found.remaining
    head = b'"metadata":' + encode(metadata)
    if form == TABLE:
        begin = b'{"kind":"Table","apiVersion":"meta.k8s.io/v1",' + head + b',"columnDefinitions":' + columns_bytes(kind) + b',"rows":['
    elif form == METADATA:
        begin = b'{"kind":"PartialObjectMetadataList","apiVersion":"meta.k8s.io/v1",' + head + b',"items":['
    else:
        begin = b'{"kind":' + encode(kind.list_kind) + b',"apiVersion":' + encode(kind.api_version) + b"," + head + b',"items":['
    entries = found.entries
    for index in range(0, len(entries), AT_ONCE):
        some = entries[index : index + AT_ONCE]
        if form == TABLE:
            parts = [row_bytes(kind, entry, now, include) for entry in some]
        else:
            parts = [metadata_bytes(entry) if form == METADATA else item_bytes(entry) for entry in some]
        yield begin + b",".join(parts)
        begin = b","
    yield b"]}\n" if entries else begin + b"]}\n"


@lru_cache(maxsize=1024)
def _object_json(entry: Entry) -> bytes:
    """The JSON of an object, shared by all watches that send the same change."""
    return encode(entry.obj)


def object_bytes(kind: Kind, entry: Entry, form: str, include: str, now: float, columns: bool = True) -> bytes:
    """One object in the form asked for. The columns are left out (null) in a watch after its first event."""
    if form == METADATA:
        return metadata_bytes(entry)
    if form == OBJECT:
        return _object_json(entry)
    version = encode(entry.obj["metadata"].get("resourceVersion", ""))
    head = b'{"kind":"Table","apiVersion":"meta.k8s.io/v1","metadata":{"resourceVersion":' + version + b'},"columnDefinitions":'
    return head + (columns_bytes(kind) if columns else b"null") + b',"rows":[' + row_bytes(kind, entry, now, include) + b"]}"


def bookmark(kind: Kind, version: int, initial: bool) -> Entry:
    """The nearly empty object of a BOOKMARK event."""
    metadata: dict[str, Any] = {"resourceVersion": str(version)}
    if initial:
        metadata["annotations"] = {"k8s.io/initial-events-end": "true"}
    obj: dict[str, Any] = {"kind": kind.kind, "apiVersion": kind.api_version, "metadata": metadata}
    if kind.subresources:
        obj |= {"spec": {"containers": None} if kind is PODS else {}, "status": {}}
    elif kind not in (SECRETS, SERVICEACCOUNTS):
        obj["spec"] = {}
    if not kind.subresources:
        obj.pop("spec", None)
    entry = Entry({**obj, "metadata": {**metadata, "name": ""}}, version)
    entry.obj = obj
    return entry
