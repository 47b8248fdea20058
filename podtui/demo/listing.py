"""Lists: what a request asks for, which objects that selects, in which form and pages they are answered.

An answer is made of bytes that were encoded once for each stored object (see `state.Entry`), so a page of 500 rows costs little more
than their length.
"""

from __future__ import annotations

import base64
import binascii
import json
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import msgspec

from podtui.cluster.selectors import Selector
from podtui.demo import printing
from podtui.demo.errors import (
    ApiError,
    Cause,
    bad_request,
    expired,
    field_forbidden,
    invalid,
    invalid_value,
    not_acceptable,
    not_supported,
    too_large_version,
)
from podtui.demo.kinds import PODS, SECRETS, SERVICEACCOUNTS, Kind
from podtui.demo.selecting import FieldMatch, field_selector, label_selector
from podtui.demo.state import Entry, State

OBJECT, METADATA, TABLE = "", "PartialObjectMetadata", "Table"
"""The forms of an answer; each is the `as` of an Accept header, which for metadata may also name the list."""

CONTINUE_TOO_OLD = (
    "The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue "
    "parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided "
    "token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was "
    "returned and now may show up in the list."
)
_VERSION_TOO_OLD = "The resourceVersion for the provided list is too old."
_SERVED = ("application/json", "application/yaml", "application/vnd.kubernetes.protobuf")
_TRUE = ("true", "1", "t", "T", "TRUE", "True")
_FALSE = ("false", "0")

encode = msgspec.json.encode


class ContinueExpired(ApiError):
    """410 of a page whose version is forgotten; its Status holds a token to go on with, inconsistently."""

    def __init__(self, token: str) -> None:
        super().__init__(410, "Expired", CONTINUE_TOO_OLD)
        self.token = token

    def status(self) -> dict[str, Any]:
        return {**super().status(), "metadata": {"continue": self.token}}


class ListOptionsBody:
    """What the server calls the thing that invalid list options are in."""

    group, kind, plural = "meta.k8s.io", "ListOptions", ""


# -- what is asked for


def form_of(accept: str) -> str:
    """The form of the first media type of an Accept header that is served as JSON. ApiError 406 when none is."""
    if not accept.strip():
        return OBJECT
    refused = False
    for media in accept.split(","):
        name, *parameters = (part.strip() for part in media.split(";"))
        if name not in ("application/json", "application/*", "*/*"):
            continue
        given = dict(parameter.partition("=")[::2] for parameter in parameters)
        form = given.get("as", "").removesuffix("List")
        if not form:
            return OBJECT
        if form in (METADATA, TABLE) and given.get("g") == "meta.k8s.io" and given.get("v") == "v1":
            return form
        refused = True
    if refused:
        raise not_acceptable(_SERVED)
    raise ApiError(
        406,
        "NotAcceptable",
        "406: Not Acceptable\n\nAvailable representations: application/json, application/yaml, application/vnd.kubernetes.protobuf, "
        "application/json;stream=watch, application/vnd.kubernetes.protobuf;stream=watch",
    )


@dataclass(frozen=True)
class ListOptions:
    """The query of a list or a watch, read and checked."""

    namespace: str
    labels: Selector | None
    fields: FieldMatch | None
    limit: int
    token: str
    version: int | None
    """resourceVersion; None where none is given."""
    match: str
    watch: bool
    bookmarks: bool
    initial_events: bool | None
    timeout: int
    """Seconds; 0 where none is given."""
    include: str
    """What the rows of a Table hold beside the cells: Metadata, Object or None."""

    def selects(self, entry: Entry) -> bool:
        if self.labels is not None and not self.labels.matches(entry.labels):
            return False
        return self.fields is None or self.fields(entry.obj)


def list_options(kind: Kind, namespace: str, query: Mapping[str, str]) -> ListOptions:
    """Reads the query of a list or watch of `namespace` ("" for all). ApiError 400 or 422 in the server's words."""
    watch = flag(query, "watch") or False
    version = _version(query.get("resourceVersion", ""))
    options = ListOptions(
        namespace=namespace,
        labels=label_selector(query.get("labelSelector", "")),
        fields=field_selector(kind, query.get("fieldSelector", "")),
        limit=max(0, _integer(query.get("limit", ""))),
        token=query.get("continue", ""),
        version=version,
        match=query.get("resourceVersionMatch", ""),
        watch=watch,
        bookmarks=flag(query, "allowWatchBookmarks") or False,
        initial_events=flag(query, "sendInitialEvents"),
        timeout=max(0, _integer(query.get("timeoutSeconds", ""))),
        include=query.get("includeObject", "") or "Metadata",
    )
    if causes := _faults(options, "resourceVersion" in query and version is not None):
        raise invalid(ListOptionsBody(), "", causes)
    if options.include not in ("None", "Metadata", "Object"):
        fault = invalid_value("includeObject", options.include, "must be 'Metadata', 'Object', 'None', or empty")
        raise bad_request(f"Unable to convert to Table as requested: {fault}")
    return options


def _faults(options: ListOptions, versioned: bool) -> list[Cause]:
    """What ValidateListOptions refuses."""
    match, causes = options.match, []
    if options.watch:
        if options.initial_events is not None:
            if match != "NotOlderThan":
                causes.append(
                    field_forbidden("resourceVersionMatch", "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan")
                )
            if match and match != "NotOlderThan":
                causes.append(not_supported("resourceVersionMatch", match, ["NotOlderThan"]))
        elif match:
            causes.append(
                field_forbidden("resourceVersionMatch", "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided")
            )
        return causes
    if options.initial_events is not None:
        causes.append(field_forbidden("sendInitialEvents", "sendInitialEvents is forbidden for list"))
    if not match:
        return causes
    if not versioned:
        causes.append(field_forbidden("resourceVersionMatch", "resourceVersionMatch is forbidden unless resourceVersion is provided"))
    if options.token:
        causes.append(field_forbidden("resourceVersionMatch", "resourceVersionMatch is forbidden when continue is provided"))
    if match not in ("Exact", "NotOlderThan"):
        causes.append(Cause("FieldValueNotSupported", "resourceVersionMatch", _MATCHES.format(json.dumps(match))))
    if match == "Exact" and options.version == 0:
        causes.append(field_forbidden("resourceVersionMatch", 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"'))
    return causes


_MATCHES = 'Unsupported value: {}: supported values: "Exact", "NotOlderThan", ""'


def flag(query: Mapping[str, str], name: str) -> bool | None:
    """A boolean as the server reads it from a query: anything but false and 0 is true, also nothing at all."""
    return None if name not in query else query[name] not in _FALSE


def _integer(text: str) -> int:
    if not text:
        return 0
    try:
        number = int(text) if text.isascii() else None
    except ValueError:
        number = None
    if number is None or "_" in text or text != text.strip():
        raise bad_request(f"strconv.ParseInt: parsing {json.dumps(text)}: invalid syntax")
    if not -(2**63) <= number < 2**63:
        raise bad_request(f"strconv.ParseInt: parsing {json.dumps(text)}: value out of range")
    return number


def _version(text: str) -> int | None:
    if not text:
        return None
    if not (text.isascii() and text.isdigit()):
        fault = invalid_value("resourceVersion", text, f"strconv.ParseUint: parsing {json.dumps(text)}: invalid syntax")
        raise bad_request(f"invalid resource version: {fault}")
    return int(text)


# -- pages


@dataclass(frozen=True)
class Page:
    """Some of the selected objects, the version of the whole list, how to go on ("" at the end), how many are left if that is known."""

    entries: list[Entry]
    version: int
    token: str = ""
    remaining: int | None = None


def page(state: State, kind: Kind, options: ListOptions) -> Page:
    """The page that is asked for. ApiError 400 for a bad token, 410 for one too old, 504 for a version that is not there yet."""
    version, start = state.version, ("", "")
    if options.token:
        if options.version:
            raise bad_request("specifying resource version is not allowed when using continue")
        asked, start = _read_token(options.token, options.namespace)
        version = asked if asked > 0 else state.version
    elif options.version is not None:
        if options.version > state.version:
            raise too_large_version(options.version, state.version)
        if options.match == "Exact" or (options.limit and options.version > 0 and not options.match):
            version = options.version
    entries = _entries_at(state, kind, options, version, start)
    limit = options.limit
    if options.version == 0 and not options.token:
        limit = 0  # such a list comes out of the cache, whole
    begin = bisect_left(entries, start, key=lambda entry: entry.key) if start != ("", "") else 0
    if options.labels is None and options.fields is None:
        found = entries[begin : begin + limit] if limit else entries[begin:]
        left = len(entries) - begin - len(found)
        return Page(found, version, _token(kind, version, found[-1], options.namespace) if left else "", left or None)
    found = []
    for entry in entries[begin:] if begin else entries:
        if not options.selects(entry):
            continue
        if limit and len(found) == limit:
            return Page(found, version, _token(kind, version, found[-1], options.namespace))
        found.append(entry)
    return Page(found, version)


def _entries_at(state: State, kind: Kind, options: ListOptions, version: int, start: tuple[str, str]) -> list[Entry]:
    try:
        return state.entries_at(kind, options.namespace, version)
    except ApiError as error:
        if error.code != 410:
            raise
        if options.token:
            raise ContinueExpired(_packed(-1, _start(kind, start, options.namespace))) from None
        raise expired(_VERSION_TOO_OLD) from None


def _token(kind: Kind, version: int, last: Entry, namespace: str) -> str:
    return _packed(version, _start(kind, (last.namespace, last.name + "\0"), namespace))


def _start(kind: Kind, key: tuple[str, str], namespace: str) -> str:
    """Where the next page begins, as the server writes it: relative to what is listed."""
    if not kind.namespaced:
        return f"/{key[1]}"
    return key[1] if namespace else f"{key[0]}/{key[1]}"


def _packed(version: int, start: str) -> str:
    text = json.dumps({"v": "meta.k8s.io/v1", "rv": version, "start": start}, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _read_token(token: str, namespace: str) -> tuple[int, tuple[str, str]]:
    def refused(why: str) -> ApiError:
        return bad_request(f"invalid continue token: continue key is not valid: {why}")

    try:
        text = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise refused("illegal base64 data at input byte 0") from None
    try:
        given = json.loads(text)
        version, start = given["rv"], given["start"]
    except (ValueError, TypeError, KeyError):
        first = text[:1].decode("ascii", "replace")
        raise refused(f"invalid character '{first}' looking for beginning of value") from None
    if given.get("v") != "meta.k8s.io/v1":
        raise bad_request(
            "invalid continue token: continue key is not valid: server does not recognize this encoded version "
            + json.dumps(given.get("v"))
        )
    if not isinstance(version, int) or isinstance(version, bool) or not isinstance(start, str) or not start or version == 0 or version < -1:
        raise refused("incorrect encoded start resourceVersion (version meta.k8s.io/v1)")
    if start.startswith("/"):
        return version, ("", start[1:])
    where, slash, name = start.rpartition("/")
    if slash and not namespace:
        return version, (where, name)
    return version, (namespace, name if slash else start)


# -- encoding


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


AT_ONCE = 250


@lru_cache(maxsize=1024)
def _object_json(entry: Entry) -> bytes:
    """Shared by all who watch: each of them gets each change."""
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
