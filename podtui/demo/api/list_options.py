"""What a list or a watch asks for, read from its Accept header and its query."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from podtui.demo.rules.selecting import FieldMatch, field_selector, label_selector
from podtui.demo.storage.errors import bad_request, integer, invalid_value, not_acceptable
from podtui.demo.storage.kinds import Kind
from podtui.demo.storage.state import Entry
from podtui.kube.selectors import Selector

OBJECT, METADATA, TABLE = "", "PartialObjectMetadata", "Table"
"""The forms of an answer; each is the `as` of an Accept header, which for metadata may also name the list."""

_SERVED = ("application/json", "application/yaml", "application/vnd.kubernetes.protobuf")
_FALSE = ("false", "0")


def form_of(accept: str) -> str:
    """The form of the first media type of an Accept header that is served as JSON. ApiError 406 when none is."""
    if not accept.strip():
        return OBJECT
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
    raise not_acceptable(_SERVED)


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
    """Reads the query of a list or watch of `namespace` ("" for all). ApiError 400 in the server's words."""
    watch = flag(query, "watch") or False
    version = _version(query.get("resourceVersion", ""))
    return ListOptions(
        namespace=namespace,
        labels=label_selector(query.get("labelSelector", "")),
        fields=field_selector(kind, query.get("fieldSelector", "")),
        limit=max(0, integer(query.get("limit") or "0")),
        token=query.get("continue", ""),
        version=version,
        watch=watch,
        bookmarks=flag(query, "allowWatchBookmarks") or False,
        initial_events=flag(query, "sendInitialEvents"),
        timeout=max(0, integer(query.get("timeoutSeconds") or "0")),
        include=query.get("includeObject", "") or "Metadata",
    )


def flag(query: Mapping[str, str], name: str) -> bool | None:
    """A boolean as the server reads it from a query: anything but false and 0 is true, also nothing at all."""
    return None if name not in query else query[name] not in _FALSE


def _version(text: str) -> int | None:
    if not text:
        return None
    if not (text.isascii() and text.isdigit()):
        fault = invalid_value("resourceVersion", text, f"strconv.ParseUint: parsing {json.dumps(text)}: invalid syntax")
        raise bad_request(f"invalid resource version: {fault}")
    return int(text)
