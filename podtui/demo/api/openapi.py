"""OpenAPI v3 as far as kubectl needs it: create and apply look up that the server validates fields, and how lists are merged.

The types are those of schema.txt; there are no descriptions.
"""

from __future__ import annotations

import hashlib
from functools import cache
from typing import Any

import msgspec

from podtui.demo.api.discovery import VERSION, groups
from podtui.demo.rules import schema
from podtui.demo.storage.kinds import KINDS, Kind

Object = dict[str, Any]

_SCALARS: dict[str, Object] = {
    "s": {"type": "string"},
    "b": {"type": "boolean"},
    "i": {"type": "integer", "format": "int32"},
    "l": {"type": "integer", "format": "int64"},
    "q": {"oneOf": [{"type": "string"}, {"type": "number"}]},
    "x": {"oneOf": [{"type": "integer"}, {"type": "string"}], "format": "int-or-string"},
    "t": {"type": "string", "format": "date-time"},
    "u": {"type": "string", "format": "date-time"},
    "y": {"type": "string", "format": "byte"},
    "o": {"type": "object"},
}
_QUERY = ("dryRun", "fieldManager", "fieldValidation")


def index(prefix: str) -> bytes:
    """The body of `/openapi/v3`: the path of each group version's document. `prefix` is what comes before `/openapi`."""
    paths = {}
    for group, version in groups():
        name = f"apis/{group}/{version}" if group else f"api/{version}"
        paths[name] = {"serverRelativeURL": f"{prefix}/openapi/v3/{name}?hash={_hash(name)}"}
    return msgspec.json.encode({"paths": paths})


def empty_v2() -> bytes:
    """The body of `/openapi/v2`: a document without a single type, in Google's protobuf of it (gnostic's openapi.v2.Document).

    kubectl looks for a kind there that OpenAPI v3 does not know, and says that there is none when it is not there either.
    """

    def text(number: int, value: bytes) -> bytes:
        return bytes([number << 3 | 2, len(value)]) + value

    return text(1, b"2.0") + text(2, text(1, b"Kubernetes") + text(2, str(VERSION["gitVersion"]).encode()))


def _hash(name: str) -> str:
    """Of what the document is made of, so that kubectl's cache of it holds as long as it is true."""
    source = f"{name} {VERSION['gitVersion']}".encode()
    return hashlib.sha512(source + _table()).hexdigest().upper()


@cache
def _table() -> bytes:
    from pathlib import Path

    folder = Path(__file__).parents[1]
    return b"".join((folder / name).read_bytes() for name in ("rules/schema.txt", "storage/kinds.py", "api/openapi.py"))


@cache
def document(group: str, version: str) -> bytes | None:
    """The body of `/openapi/v3/apis/GROUP/VERSION`, None when there is no such group version."""
    if (group, version) not in groups():
        return None
    schemas: dict[str, Object] = {}
    paths: Object = {}
    for kind in KINDS:
        if (kind.group, kind.version) == (group, version):
            _add_schema(kind.kind, schemas, kind)
            _add_paths(kind, paths)
    return msgspec.json.encode(
        {
            "openapi": "3.0.0",
            "info": {"title": "Kubernetes", "version": VERSION["gitVersion"]},
            "paths": paths,
            "components": {"schemas": schemas},
        }
    )


def _title(name: str, kind: Kind | None) -> str:
    group = (kind.group.partition(".")[0] or "core") if kind else "core"
    return f"io.k8s.api.{group}.v1.{name}"


def _add_paths(kind: Kind, paths: Object) -> None:
    where = {"group": kind.group, "version": kind.version, "kind": kind.kind}
    body = {"content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{_title(kind.kind, kind)}"}}}}
    answer = {"200": {"description": "OK", **body}}
    query = [{"name": name, "in": "query", "schema": {"type": "string", "uniqueItems": True}} for name in _QUERY]

    def operation(action: str, verb: str, *parameters: Object) -> Object:
        told: Object = {"operationId": f"{verb}{kind.kind}", "parameters": list(parameters), "responses": answer}
        return {**told, "x-kubernetes-action": action, "x-kubernetes-group-version-kind": where}

    collection = kind.path("{namespace}" if kind.namespaced else "")
    paths[collection] = {
        "get": operation("list", "list"),
        "post": {**operation("post", "create", *query), "requestBody": body},
    }
    paths[f"{collection}/{{name}}"] = {
        "get": operation("get", "read"),
        "put": {**operation("put", "replace", *query), "requestBody": body},
        "delete": operation("delete", "delete", query[0]),
        "patch": operation("patch", "patch", *query, {"name": "force", "in": "query", "schema": {"type": "boolean"}}),
    }


def _add_schema(name: str, schemas: dict[str, Object], kind: Kind | None = None) -> str:
    """Adds a type and those that it is made of; gives its title."""
    title = _title(name, kind)
    if title in schemas:
        return title
    told: Object = {"type": "object"}
    schemas[title] = told
    type_ = schema.type_of(name)
    properties: Object = {}
    needed = []
    for field in type_.fields.values():
        shape = _shape(field.type, schemas)
        if field.type.code == "[":
            shape |= _merging(field)
        properties[field.name] = shape
        if not (field.omitempty or field.omitzero or field.pointer):
            needed.append(field.name)
    if properties:
        told["properties"] = properties
    if needed:
        told["required"] = needed
    if type_.atomic:
        told["x-kubernetes-map-type"] = "atomic"
    if kind is not None:
        told["x-kubernetes-group-version-kind"] = [{"group": kind.group, "version": kind.version, "kind": kind.kind}]
    return title


def _shape(type_: schema.Type, schemas: dict[str, Object]) -> Object:
    if type_.code == "[" and type_.item is not None:
        return {"type": "array", "items": _shape(type_.item, schemas)}
    if type_.code == "{" and type_.item is not None:
        return {"type": "object", "additionalProperties": _shape(type_.item, schemas)}
    if type_.code:
        return dict(_SCALARS[type_.code])
    return {"allOf": [{"$ref": f"#/components/schemas/{_add_schema(type_.name, schemas)}"}]}


def _merging(field: schema.Field) -> Object:
    """How a patch merges a list, and what owns its items."""
    told: Object = {"x-kubernetes-list-type": field.list_type}
    if field.list_keys:
        told["x-kubernetes-list-map-keys"] = list(field.list_keys)
    if field.merge_key is not None:
        told["x-kubernetes-patch-strategy"] = "merge"
        if field.merge_key:
            told["x-kubernetes-patch-merge-key"] = field.merge_key
    return told
