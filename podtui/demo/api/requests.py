"""What a request says: its path read as a resource, its options, its body; refused in the API server's words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
from aiohttp import web

from podtui.demo.api import protobuf
from podtui.demo.api.protobuf import WireError
from podtui.demo.rules.schema import json_type
from podtui.demo.storage.errors import (
    ApiError,
    Body,
    bad_request,
    integer,
    invalid,
    not_supported,
    path_not_found,
    too_large,
    unsupported_media_type,
)
from podtui.demo.storage.kinds import Kind
from podtui.demo.writes.writes import WriteOptions
from podtui.yamltree import YamlFault, tree, value_of

Object = dict[str, Any]

BODY_LIMIT = 3 * 1024 * 1024
_JSON = "application/json"
_YAML = "application/yaml"
_PROTOBUF = "application/vnd.kubernetes.protobuf"
_BODY_TYPES = (_JSON, _YAML, _PROTOBUF)
_NOT_BELOW = ("status", "finalize")


class Target(NamedTuple):
    """What a path names. `name` is "" for a collection, `namespace` "" for all of them or for cluster-scoped kinds."""

    group: str
    version: str
    plural: str
    namespace: str = ""
    name: str = ""
    subresource: str = ""


def target_of(segments: Sequence[str]) -> Target | None:
    """What `/api/v1/namespaces/default/pods/x/log`, split at its slashes, names; None for any other path."""
    if len(segments) >= 3 and segments[0] == "api":
        group, version, rest = "", segments[1], list(segments[2:])
    elif len(segments) >= 4 and segments[0] == "apis":
        group, version, rest = segments[1], segments[2], list(segments[3:])
    else:
        return None
    namespace = ""
    if rest[0] == "namespaces" and len(rest) >= 3 and rest[2] not in _NOT_BELOW:
        namespace = rest[1]
        rest = rest[2:]
    if not all(rest) or len(rest) > 3:
        return None
    plural, name, subresource = (*rest, "", "")[:3]
    return Target(group, version, plural, namespace, name, subresource)


_OPTIONS = {"create": "CreateOptions", "update": "UpdateOptions", "patch": "PatchOptions"}


def write_options(verb: str, query: Mapping[str, str]) -> WriteOptions:
    """Reads dryRun, fieldManager, fieldValidation and force. ApiError 422."""
    body = Body(_OPTIONS.get(verb, "DeleteOptions"))
    dry_run = query.get("dryRun", "")
    if dry_run not in ("", "All"):
        raise invalid(body, "", [not_supported("dryRun", [dry_run], ["All"])])
    validation = query.get("fieldValidation", "")
    if validation not in ("", "Ignore", "Warn", "Strict"):
        raise invalid(body, "", [not_supported("fieldValidation", validation, ["", "Ignore", "Strict", "Warn"])])
    return {
        "dry_run": bool(dry_run),
        "field_manager": query.get("fieldManager", ""),
        "field_validation": validation or "Warn",
        "force": verb == "patch" and query.get("force", "") in ("true", "1"),
    }


async def read_body(request: web.Request) -> bytes:
    """The body, at most BODY_LIMIT bytes of it. ApiError 413 as soon as it is known to be longer."""
    if (request.content_length or 0) > BODY_LIMIT:
        raise too_large()
    parts: list[bytes] = []
    size = 0
    async for part in request.content.iter_any():
        size += len(part)
        if size > BODY_LIMIT:
            raise too_large()
        parts.append(part)
    return b"".join(parts)


def decoded(kind: str, content_type: str, body: bytes) -> Any:
    """The value of a JSON or YAML body. ApiError 400 or 415; `kind` is what it should hold."""
    if content_type == _YAML:
        try:
            return value_of(tree(body), duplicates=True)
        except YamlFault as fault:
            raise _unrecognized(kind, f"yaml: {fault.words}") from None
    if content_type == _PROTOBUF:
        try:
            return protobuf.decode(body)
        except WireError as error:
            raise _unrecognized(kind, str(error)) from None
    if content_type not in ("", _JSON, "application/octet-stream"):
        raise unsupported_media_type(_BODY_TYPES)
    try:
        value = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _unrecognized(kind, f"json parse error: {error}") from None
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise _unrecognized(kind, f"json parse error: json: cannot unmarshal {json_type(value)} into Go value of type struct")
    return value


def _unrecognized(kind: str, why: str) -> ApiError:
    return bad_request(f"the object provided is unrecognized (must be of type {kind}): couldn't get version/kind; {why}")


def delete_options(query: Mapping[str, str], content_type: str, body: bytes) -> Object:
    """The DeleteOptions of a body, or of the query when there is none. ApiError 400 or 415."""
    if body.strip():
        found: Object = decoded("DeleteOptions", content_type, body)
        if found.get("kind") not in (None, "DeleteOptions"):
            version = str(found.get("apiVersion", "")).rpartition("/")[2]
            raise bad_request(f'{found["kind"]} in version "{version}" cannot be handled as a DeleteOptions: unknown conversion')
        return found
    options: Object = {}
    if "gracePeriodSeconds" in query:
        options["gracePeriodSeconds"] = integer(query["gracePeriodSeconds"])
    if query.get("propagationPolicy"):
        options["propagationPolicy"] = query["propagationPolicy"]
    return options


def verb_of(method: str, kind: Kind | None, target: Target, watching: bool) -> str:
    """The RBAC verb of a request. ApiError 404 or 405 for what no resource serves."""
    if kind is None:
        raise path_not_found()
    if method == "GET":
        return "get" if target.name else "watch" if watching else "list"
    if method == "POST" and (target.subresource or not target.name):
        return "create"
    if target.name:
        found = {"PUT": "update", "PATCH": "patch", "DELETE": "delete"}.get(method)
        if found and not (found == "delete" and target.subresource):
            return found
    elif method == "DELETE" and "deletecollection" in kind.verbs:
        return "deletecollection"
    raise ApiError(405, "MethodNotAllowed", "the server does not allow this method on the requested resource")
