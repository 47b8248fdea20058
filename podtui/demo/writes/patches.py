"""Patches of an object's JSON: RFC 6902, RFC 7386 and the strategic merge patch, as the API server applies them.

All three give a new object and leave the old one as it is. What a strategic merge patch does with a list is in the schema: a list
with a merge key is merged item by item, any other is replaced. Its directives (`$patch`, `$retainKeys`, `$setElementOrder/...`,
`$deleteFromPrimitiveList/...`) are those that kubectl sends.
"""

from __future__ import annotations

import json
from typing import Any

from podtui.demo.rules.schema import Field, Type, clone, json_type, type_of
from podtui.demo.storage.errors import ApiError, bad_request, unprocessable
from podtui.kube.merge_patch import merged, same

JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"
STRATEGIC_MERGE_PATCH = "application/strategic-merge-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"
PATCH_TYPES = (JSON_PATCH, MERGE_PATCH, STRATEGIC_MERGE_PATCH, APPLY_PATCH)

_OPERATION_FIELDS = {"op", "path", "from", "value"}
_MISSING = object()


def parse(body: bytes) -> Any:
    """The patch's JSON. ApiError 400 when it is not JSON."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise bad_request("invalid JSON patch") from None


# -- RFC 6902


def json_patch(obj: dict[str, Any], body: bytes) -> tuple[Any, list[str]]:
    """The patched object, and the unknown fields of the operations. ApiError 400 if it is not a JSON patch, 422 if it does not fit."""
    operations = parse(body)
    if not isinstance(operations, list):
        told = f"json: cannot unmarshal {json_type(operations)} into Go value of type []handlers.jsonPatchOp"
        raise bad_request(f"error decoding patch: {told}")
    document: Any = clone(obj)
    unknown: list[str] = []
    for index, operation in enumerate(operations):
        if not isinstance(operation, dict):
            told = f"json: cannot unmarshal {json_type(operation)} into Go value of type handlers.jsonPatchOp"
            raise bad_request(f"error decoding patch: {told}")
        unknown += [f'json patch unknown field "[{index}].{key}"' for key in operation if key not in _OPERATION_FIELDS]
        document = _operate(document, operation)
    return document, unknown


def _operate(document: Any, operation: dict[str, Any]) -> Any:
    op, path, source = operation.get("op"), operation.get("path"), operation.get("from")
    if not isinstance(path, str):
        raise unprocessable()
    root = {"": document}  # in which the whole document has a place too: the one of the path ""
    match op:
        case "add" | "replace":
            _put(root, path, clone(operation.get("value")), add=op == "add")
        case "test":
            if not same(_at(*_place(root, path), None), operation.get("value")):
                raise unprocessable()
        case "remove":
            _take(root, path)
        case "copy" | "move" if isinstance(source, str):
            value = clone(_at(*_place(root, source), None if op == "copy" else _MISSING))
            if op == "move":
                _take(root, source)
            _put(root, path, value, add=True)
        case _:
            raise unprocessable()
    return root[""]


def _place(root: Any, path: str) -> tuple[Any, str]:
    """The map or the list that a path leads to, and its last key there."""
    first, *tokens = (token.replace("~1", "/").replace("~0", "~") for token in path.split("/"))
    if first:
        raise unprocessable()
    *above, last = ["", *tokens]
    for token in above:
        root = _at(root, token)
    return root, last


def _index(token: str, length: int) -> int:
    """The server's library counts from the end for negative numbers."""
    digits = token[1:] if token.startswith("-") else token
    if not digits.isascii() or not digits.isdigit():
        raise unprocessable()
    found = int(token)
    if found < 0:
        found += length
    if not 0 <= found < length:
        raise unprocessable()
    return found


def _at(value: Any, token: str, default: Any = _MISSING) -> Any:
    """What a map or a list holds at a key. One that is missing in a map gives `default`; anything else that is missing is refused."""
    if isinstance(value, dict) and (token in value or default is not _MISSING):
        return value.get(token, default)
    if isinstance(value, list):
        return value[_index(token, len(value))]
    raise unprocessable()


def _put(root: Any, path: str, value: Any, *, add: bool) -> None:
    parent, last = _place(root, path)
    if isinstance(parent, dict):
        parent[last] = value
    elif not isinstance(parent, list):
        raise unprocessable()
    elif not add:
        parent[_index(last, len(parent))] = value
    elif last == "-":
        parent.append(value)
    else:
        parent.insert(_index(last, len(parent) + 1), value)


def _take(root: Any, path: str) -> None:
    parent, last = _place(root, path)
    if isinstance(parent, dict) and last in parent and parent is not root:
        del parent[last]
    elif isinstance(parent, list):
        del parent[_index(last, len(parent))]
    else:
        raise unprocessable()


# -- RFC 7386


def merge_patch(obj: dict[str, Any], body: bytes) -> dict[str, Any]:
    """The object with the patch merged into it; null takes a key away. ApiError 400 for a body that is not an object."""
    patch = parse(body)
    if patch is None:
        raise bad_request("Invalid JSON Patch")
    if not isinstance(patch, dict):
        told = f"json: cannot unmarshal {json_type(patch)} into Go value of type map[string]interface {{}}"
        raise bad_request(f"error decoding patch: {told}")
    return merged(clone(obj), patch)


# -- strategic merge patch

_ORDER = "$setElementOrder/"
_DROP = "$deleteFromPrimitiveList/"


def strategic_merge_patch(kind: str, obj: dict[str, Any], patch: Any) -> dict[str, Any]:
    """The object of this kind with the patch merged into it. ApiError 400 or 500, as the server's, for a patch that cannot be."""
    if not isinstance(patch, dict):
        raise bad_request(f"json: cannot unmarshal {json_type(patch)} into Go value of type map[string]interface {{}}")
    return _merged(type_of(kind), clone(obj), patch)


def _field(kind: Type | None, key: str) -> Field | None:
    return kind.fields.get(key) if kind is not None else None


def _merged(kind: Type | None, target: dict[str, Any], patch: dict[str, Any]) -> dict[str, Any]:
    directive = patch.get("$patch")
    if directive == "replace":
        return {key: clone(value) for key, value in patch.items() if key != "$patch"}
    if directive == "delete":
        return {}
    if directive not in (None, "merge"):
        raise ApiError(500, "", f"Unknown patch type found: {directive}")
    retained = patch.get("$retainKeys")
    if retained is not None:
        if not isinstance(retained, list):
            raise ApiError(500, "", "incorrect patch format for retainKeys")
        target = {key: value for key, value in target.items() if key in retained}
    for key, value in patch.items():
        if key in ("$patch", "$retainKeys"):
            continue
        if key.startswith(_DROP):
            name = key[len(_DROP) :]
            if isinstance(target.get(name), list) and isinstance(value, list):
                target[name] = [one for one in target[name] if one not in value]
            continue
        if key.startswith(_ORDER):
            name = key[len(_ORDER) :]
            if name not in patch and isinstance(target.get(name), list):  # only the order was changed
                target[name] = _ordered(_field(kind, name), target[name], target[name], value if isinstance(value, list) else [])
            continue
        target_value = target.get(key)
        if value is None:
            target.pop(key, None)
        elif isinstance(value, dict):
            inner = _field(kind, key)
            base = target_value if isinstance(target_value, dict) else {}
            merged = _merged(inner.type if inner else None, base, value)
            if value.get("$patch") == "delete":
                target.pop(key, None)
            else:
                target[key] = merged
        elif isinstance(value, list):
            declared = _field(kind, key)
            target[key] = _merged_list(declared, target_value, value, patch.get(_ORDER + key))
        else:
            target[key] = value
    return target


def _merged_list(declared: Field | None, target: Any, patch: list[Any], order: Any) -> list[Any]:
    if declared is None or declared.merge_key is None:
        return [one for one in clone(patch) if not _replaces(one)]
    live = list(target) if isinstance(target, list) else []
    old = list(live)
    if not declared.merge_key:  # a list of scalars that is merged as a set
        merged = old + [one for index, one in enumerate(patch) if one not in old and one not in patch[:index]]
        return _ordered(declared, merged, live, order if isinstance(order, list) else patch)
    key, item = declared.merge_key, declared.type.item
    if any(_replaces(one) for one in patch):
        return [clone(one) for one in patch if not _replaces(one)]
    for one in patch:
        if not isinstance(one, dict):
            raise ApiError(500, "", f"expected map, got {json_type(one)}")
        if key not in one:
            raise ApiError(500, "", f"map: {_go_map(one)} does not contain declared merge key: {key}")
        places = [index for index, other in enumerate(old) if isinstance(other, dict) and same(other.get(key), one[key])]
        if one.get("$patch") == "delete":
            old = [other for index, other in enumerate(old) if index not in places]
        elif places:
            old[places[0]] = _merged(item, old[places[0]], one)
        else:
            old.append(_merged(item, {}, one))
    return _ordered(declared, old, live, order if isinstance(order, list) else patch)


def _replaces(one: Any) -> bool:
    return isinstance(one, dict) and one.get("$patch") == "replace"


def _ordered(declared: Field | None, merged: list[Any], live: list[Any], order: list[Any]) -> list[Any]:
    """What the order names comes in that order; what only the server has keeps its place before what follows it there."""
    if declared is None or declared.merge_key is None:
        return merged
    key = declared.merge_key
    wanted = {_name(one, key): place for place, one in enumerate(order)}
    places = {_name(one, key): place for place, one in enumerate(live)}
    result = sorted((one for one in merged if _name(one, key) in wanted), key=lambda one: wanted[_name(one, key)])
    position = 0
    for one in merged:
        name = _name(one, key)
        if name in wanted:
            continue
        while position < len(result) and places.get(_name(result[position], key), -1) <= places.get(name, -1):
            position += 1
        result.insert(position, one)
        position += 1
    return result


def _name(one: Any, key: str) -> str:
    return json.dumps(one.get(key) if key and isinstance(one, dict) else one, sort_keys=True)


def _go_map(value: Any) -> str:
    """A value as Go's %v prints it: map[a:1 b:[x y]]."""
    if isinstance(value, dict):
        return f"map[{' '.join(f'{key}:{_go_map(one)}' for key, one in sorted(value.items()))}]"
    if isinstance(value, list):
        return f"[{' '.join(map(_go_map, value))}]"
    if value is None:
        return "<nil>"
    return str(value).lower() if isinstance(value, bool) else str(value)
