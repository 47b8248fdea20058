"""What a list or a watch asks for, read from its Accept header and its query and checked as the server does (`ValidateListOptions`)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from podtui.demo.rules.selecting import FieldMatch, field_selector, label_selector
from podtui.demo.storage.errors import ApiError, Cause, bad_request, field_forbidden, invalid, invalid_value, not_acceptable, not_supported
from podtui.demo.storage.kinds import Kind
from podtui.demo.storage.state import Entry
from podtui.kube.selectors import Selector

OBJECT, METADATA, TABLE = "", "PartialObjectMetadata", "Table"
"""The forms of an answer; each is the `as` of an Accept header, which for metadata may also name the list."""

_SERVED = ("application/json", "application/yaml", "application/vnd.kubernetes.protobuf")
_FALSE = ("false", "0")


class ListOptionsBody:
    """What the server calls the thing that invalid list options are in."""

    group, kind, plural = "meta.k8s.io", "ListOptions", ""


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
