"""The refusals of the API server: a `Status` with code, reason, message and details, in the real server's words.

The words are those of `k8s.io/apimachinery/pkg/api/errors` and `pkg/util/validation/field`; clients print them, and some read them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol


class Named(Protocol):
    """What an error needs of a `Kind`: the API group, the kind and its plural."""

    @property
    def group(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def plural(self) -> str: ...


class ApiError(Exception):
    """A request that the server refuses. `code` is the HTTP status; `details` None leaves the Status's details out."""

    def __init__(self, code: int, reason: str, message: str, details: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.message = message
        self.details = None if details is None else dict(details)

    def status(self) -> dict[str, Any]:
        """The `Status` as the body of the answer, its fields in the real server's order."""
        body: dict[str, Any] = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": self.message}
        if self.reason:
            body["reason"] = self.reason
        if self.details is not None:
            body["details"] = self.details
        body["code"] = self.code
        return body


class Unreachable(Exception):
    """There is no such container to run a command in: the kubelet's words, which the API server passes on as they are, not as a Status."""


@dataclass(frozen=True, slots=True)
class Cause:
    """One fault of an invalid object: `reason` as in StatusCause ("FieldValueInvalid"), `message` without the field's path."""

    reason: str
    field: str
    message: str

    def __str__(self) -> str:
        return f"{self.field}: {self.message}" if self.field else self.message


def shown(value: Any) -> str:
    """A value as the server prints it inside a field error: strings quoted as Go's %q, all else as JSON."""
    if isinstance(value, str):
        return quoted(value)
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=isinstance(value, dict))


_ESCAPES = {"\a": "\\a", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\v": "\\v", "\\": "\\\\", '"': '\\"'}


def quoted(text: str) -> str:
    """Go's %q."""
    found = []
    for character in text:
        if character in _ESCAPES:
            found.append(_ESCAPES[character])
        elif character.isprintable():
            found.append(character)
        elif ord(character) < 0x80:
            found.append(f"\\x{ord(character):02x}")
        elif ord(character) < 0x10000:
            found.append(f"\\u{ord(character):04x}")
        else:
            found.append(f"\\U{ord(character):08x}")
    return '"' + "".join(found) + '"'


def integer(text: str) -> int:
    """A number of a query. ApiError 400."""
    if not re.fullmatch("[+-]?[0-9]{1,99}", text):
        raise bad_request(f"strconv.ParseInt: parsing {quoted(text)}: invalid syntax")
    if not -(2**63) <= (number := int(text)) < 2**63:
        raise bad_request(f"strconv.ParseInt: parsing {quoted(text)}: value out of range")
    return number


# -- causes, as k8s.io/apimachinery/pkg/util/validation/field words them


def required(field: str, detail: str = "") -> Cause:
    return Cause("FieldValueRequired", field, "Required value" + (f": {detail}" if detail else ""))


def invalid_value(field: str, value: Any, detail: str) -> Cause:
    return Cause("FieldValueInvalid", field, f"Invalid value: {shown(value)}: {detail}" if detail else f"Invalid value: {shown(value)}")


def not_supported(field: str, value: Any, supported: Iterable[str]) -> Cause:
    return Cause(
        "FieldValueNotSupported", field, f"Unsupported value: {shown(value)}: supported values: {', '.join(map(quoted, sorted(supported)))}"
    )


def duplicate(field: str, value: Any) -> Cause:
    return Cause("FieldValueDuplicate", field, f"Duplicate value: {shown(value)}")


def value_not_found(field: str, value: Any) -> Cause:
    return Cause("FieldValueNotFound", field, f"Not found: {shown(value)}")


def field_forbidden(field: str, detail: str) -> Cause:
    return Cause("FieldValueForbidden", field, f"Forbidden: {detail}")


def too_long(field: str, limit: int) -> Cause:
    return Cause("FieldValueTooLong", field, f"Too long: may not be more than {limit} bytes")


# -- refusals


def _resource(kind: Named) -> str:
    return f"{kind.plural}.{kind.group}" if kind.group else kind.plural


def _details(kind: Named, name: str, **more: Any) -> dict[str, Any]:
    found = {"name": name, "group": kind.group, "kind": kind.plural, **more}
    return {key: value for key, value in found.items() if value}


def bad_request(message: str) -> ApiError:
    return ApiError(400, "BadRequest", message)


def unauthorized() -> ApiError:
    return ApiError(401, "Unauthorized", "Unauthorized")


def forbidden(kind: Named, name: str, why: str) -> ApiError:
    """403 with the reason after the resource: `pods "x" is forbidden: why`."""
    subject = f"{_resource(kind)} {quoted(name)}" if name else _resource(kind)
    return ApiError(403, "Forbidden", f"{subject} is forbidden: {why}", _details(kind, name))


def not_found(kind: Named, name: str) -> ApiError:
    return ApiError(404, "NotFound", f"{_resource(kind)} {quoted(name)} not found", _details(kind, name))


def path_not_found() -> ApiError:
    """404 for a path that no resource is served at."""
    return ApiError(404, "NotFound", "the server could not find the requested resource", {})


def not_acceptable(served: Sequence[str]) -> ApiError:
    return ApiError(406, "NotAcceptable", f"only the following media types are accepted: {', '.join(served)}")


def already_exists(kind: Named, name: str) -> ApiError:
    return ApiError(409, "AlreadyExists", f"{_resource(kind)} {quoted(name)} already exists", _details(kind, name))


MODIFIED = "the object has been modified; please apply your changes to the latest version and try again"


def conflict(kind: Named, name: str, why: str = MODIFIED) -> ApiError:
    """409: the object is not the one, or not in the version, that the request is about."""
    return ApiError(409, "Conflict", f"Operation cannot be fulfilled on {_resource(kind)} {quoted(name)}: {why}", _details(kind, name))


def apply_conflict(causes: Sequence[tuple[str, str]], message: str) -> ApiError:
    """409 of server-side apply; `causes` are pairs of a field and what is said about it."""
    told = [{"reason": "FieldManagerConflict", "message": words, "field": field} for field, words in causes]
    return ApiError(409, "Conflict", message, {"causes": told})


def expired(message: str = "The provided continue parameter is too old") -> ApiError:
    """410: what was asked for is no longer in the history."""
    return ApiError(410, "Expired", message)


def too_large_version(version: int, current: int) -> ApiError:
    """504 of a read that asks for a resourceVersion which does not exist yet."""
    return ApiError(
        504,
        "Timeout",
        f"Timeout: Too large resource version: {version}, current: {current}",
        {"causes": [{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}], "retryAfterSeconds": 1},
    )


def too_large() -> ApiError:
    """413: the request's body is over the limit of 3 MiB."""
    return ApiError(413, "RequestEntityTooLarge", "Request entity too large: limit is 3145728")


def unsupported_media_type(accepted: Sequence[str] = ()) -> ApiError:
    """415 of a body; without the accepted types, that of a patch."""
    if not accepted:
        return ApiError(415, "UnsupportedMediaType", "415: Unsupported Media Type", {})
    message = f"the body of the request was in an unknown format - accepted media types include: {', '.join(accepted)}"
    return ApiError(415, "UnsupportedMediaType", message)


def invalid(kind: Named, name: str, causes: Sequence[Cause]) -> ApiError:
    """422: `Pod "x" is invalid: [fault, fault]`, with one cause for each."""
    words = [str(cause) for cause in causes]
    told = "" if not words else words[0] if len(words) == 1 else f"[{', '.join(dict.fromkeys(words))}]"
    title = f"{kind.kind}.{kind.group}" if kind.group else kind.kind
    details: dict[str, Any] = {"name": name, "group": kind.group, "kind": kind.kind}
    details = {key: value for key, value in details.items() if value}
    if causes:
        details["causes"] = [{"reason": cause.reason, "message": cause.message, "field": cause.field} for cause in causes]
    return ApiError(422, "Invalid", f"{title} {quoted(name)} is invalid: {told}", details)


@dataclass(frozen=True, slots=True)
class Body:
    """Names what is invalid when it is not a stored kind: the options of a request, or a patch."""

    kind: str = ""
    group: str = "meta.k8s.io"
    plural: str = ""


def unprocessable() -> ApiError:
    """422 of a JSON patch that does not fit: the real server gives no word on what did not."""
    return ApiError(422, "Invalid", "the server rejected our request due to an error in our request", {})


def too_many_requests(message: str, retry_after: int = 0, causes: Sequence[Mapping[str, str]] = ()) -> ApiError:
    details: dict[str, Any] = {}
    if causes:
        details["causes"] = [dict(cause) for cause in causes]
    if retry_after:
        details["retryAfterSeconds"] = retry_after
    return ApiError(429, "TooManyRequests", message, details)


def internal_error(message: str) -> ApiError:
    return ApiError(500, "InternalError", f"Internal error occurred: {message}", {"causes": [{"message": message}]})
