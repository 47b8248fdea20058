"""The objects that a list selects, in pages, with continue tokens and their expiry."""

from __future__ import annotations

import base64
import json
from bisect import bisect_left
from dataclasses import dataclass

from podtui.demo.api.list_options import ListOptions
from podtui.demo.storage.errors import ApiError, bad_request, expired, too_large_version
from podtui.demo.storage.kinds import Kind
from podtui.demo.storage.state import Entry, State

_CONTINUE_TOO_OLD = (
    "The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue "
    "parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided "
    "token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was "
    "returned and now may show up in the list."
)


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
        version, start = _read_token(options.token, options.namespace)
    elif options.version is not None and options.version > state.version:
        raise too_large_version(options.version, state.version)
    try:
        entries = state.entries_at(kind, options.namespace, version)
    except ApiError:
        raise expired(_CONTINUE_TOO_OLD) from None
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


def _token(kind: Kind, version: int, last: Entry, namespace: str) -> str:
    """Where the next page begins, as the server writes it: relative to what is listed."""
    start = last.name + "\0"
    if not kind.namespaced or not namespace:
        start = f"{last.namespace}/{start}"
    text = json.dumps({"v": "meta.k8s.io/v1", "rv": version, "start": start}, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _read_token(token: str, namespace: str) -> tuple[int, tuple[str, str]]:
    refused = bad_request("invalid continue token: continue key is not valid")
    try:
        given = json.loads(base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True))
        coding, version, start = given["v"], given["rv"], given["start"]
    except (ValueError, TypeError, KeyError):
        raise refused from None
    if coding != "meta.k8s.io/v1" or type(version) is not int or version < 1 or not isinstance(start, str) or not start:
        raise refused
    where, _, name = start.rpartition("/")
    return version, (namespace or where, name)
