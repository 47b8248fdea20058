"""What a request to write holds, read as an object of its kind, or refused in the words of the API server's decoder."""

from __future__ import annotations

from typing import Any

from podtui.demo.rules import defaults
from podtui.demo.rules.field_paths import keyed
from podtui.demo.rules.schema import DecodeError, decode, json_type
from podtui.demo.storage.errors import ApiError, bad_request, quoted
from podtui.demo.storage.kinds import Kind, kind_of
from podtui.demo.writes import patches
from podtui.yamltree import YamlFault, tree, value_of

Object = dict[str, Any]

_SCHEME = 'in scheme "pkg/runtime/scheme.go:111"'
_NAMESPACE_DIFFERS = "the namespace of the provided object does not match the namespace sent on the request"


def decoded(kind: Kind, obj: Any, field_validation: str) -> tuple[Object, list[str]]:
    """A request's object, and warnings. ApiError 400 in the words of the server's decoder."""
    if not isinstance(obj, dict):
        raise bad_request(f"the object provided is unrecognized (must be of type {kind.kind}): couldn't get version/kind")
    version, title = obj.get("apiVersion") or kind.api_version, obj.get("kind") or kind.kind
    if not isinstance(version, str) or not isinstance(title, str):
        raise bad_request(f"the object provided is unrecognized (must be of type {kind.kind}): couldn't get version/kind")
    said = f'{title} in version "{version.rpartition("/")[2]}" cannot be handled as a {kind.kind}: '
    if (version, title) != (kind.api_version, kind.kind):
        if kind_of(version, title) is None:
            raise bad_request(f'{said}no kind "{title}" is registered for version "{version}" {_SCHEME}')
        package = kind.group.partition(".")[0] or "core"
        raise bad_request(f"{said}converting ({version.rpartition('/')[2]}.{title}) to ({package}.{kind.kind}): unknown conversion")
    try:
        found, unknown = decode(kind.kind, obj)
    except DecodeError as error:
        raise bad_request(f"{said}{error}") from None
    found["kind"], found["apiVersion"] = kind.kind, kind.api_version
    found.setdefault("metadata", {})
    faults = [f"unknown field {quoted(field)}" for field in unknown]
    if faults and field_validation == "Strict":
        raise bad_request(f"{said}strict decoding error: {', '.join(faults)}")
    return found, faults if field_validation in ("Warn", "") else []


def normal(kind: Kind, obj: Object) -> Object:
    """A stored object as the server would read it: controllers and scenarios may have left out what is empty."""
    found, _ = decode(kind.kind, obj)
    found["kind"], found["apiVersion"] = kind.kind, kind.api_version
    defaults.set_defaults(kind.kind, found)
    return found


def applied(kind: Kind, namespace: str, name: str, body: bytes) -> Object:
    """What an apply request holds: an object of this kind, complete enough to be one."""
    try:
        config = value_of(tree(body), duplicates=True)
    except YamlFault as fault:
        raise bad_request(f"error encoding patch: yaml: {fault.words}") from None
    if not isinstance(config, dict):
        told = f"json: cannot unmarshal {json_type(config)} into Go value of type map[string]interface {{}}"
        raise bad_request(f"error decoding patch: {told}")
    version, title = config.get("apiVersion") or "", config.get("kind") or ""
    if not version or not title:
        group, _, short = str(version).rpartition("/")
        raise bad_request(f"invalid object type: {group}/{short}, Kind={title}")
    if (version, title) != (kind.api_version, kind.kind):
        raise bad_request(f'{title} in version "{version}" cannot be handled as a {kind.kind}')
    metadata = config.get("metadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    if metadata.get("managedFields"):
        raise bad_request("metadata.managedFields must be nil")
    full = f"{kind.group}/{kind.version}, Kind={kind.kind}"
    where = f"failed to create typed patch object ({metadata.get('namespace') or ''}/{metadata.get('name') or ''}; {full})"
    try:
        _, unknown = decode(kind.kind, config)
    except DecodeError as error:
        raise ApiError(500, "", f"{where}: {error}") from None
    if unknown:
        faults = [f"{keyed(kind.kind, config, field)}: field not declared in schema" for field in unknown]
        raise ApiError(500, "", f"{where}: " + (faults[0] if len(faults) == 1 else "errors:\n  " + "\n  ".join(faults)))
    if not metadata.get("name"):
        metadata = config["metadata"] = {**metadata, "name": name}
    check_name(kind, namespace, name, dict(metadata))
    return config


def patched(kind: Kind, base: Object, patch_type: str, body: bytes) -> tuple[Any, list[str]]:
    """The patched JSON, and faults of the patch itself."""
    if patch_type == patches.JSON_PATCH:
        return patches.json_patch(base, body)
    if patch_type == patches.MERGE_PATCH:
        return patches.merge_patch(base, body), []
    return patches.strategic_merge_patch(kind.kind, base, patches.parse(body)), []


def place(kind: Kind, namespace: str, metadata: Object) -> None:
    """Puts a new object into the namespace of the request."""
    if not kind.namespaced:
        metadata.pop("namespace", None)
        return
    if metadata.setdefault("namespace", namespace) != namespace:
        raise bad_request(_NAMESPACE_DIFFERS)


def check_name(kind: Kind, namespace: str, name: str, metadata: Object) -> None:
    """ApiError 400 unless the object is the one that the path names."""
    given = metadata.get("name")
    if not given:
        raise bad_request(f"the name of the object ({name} based on URL) was undeterminable: name must be provided")
    if given != name:
        raise bad_request(f"the name of the object ({given}) does not match the name on the URL ({name})")
    if not kind.namespaced:
        metadata.pop("namespace", None)
    elif (metadata.get("namespace") or namespace) != namespace:
        raise bad_request(_NAMESPACE_DIFFERS)
    else:
        metadata["namespace"] = namespace
