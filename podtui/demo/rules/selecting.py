"""Label and field selectors of a request, refused in the API server's words.

What a label selector means is in `podtui.kube.selectors`, which accepts exactly what the server does; here is only what the
server says of one that it does not accept (k8s.io/apimachinery/pkg/labels and pkg/fields).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from podtui.demo.storage import kinds
from podtui.demo.storage.errors import ApiError, bad_request, quoted
from podtui.demo.storage.kinds import Kind
from podtui.errors import SelectorError
from podtui.kube.names import key_faults, value_faults
from podtui.kube.selectors import Selector, parse

Object = Mapping[str, Any]
FieldMatch = Callable[[Object], bool]

_TOKEN = re.compile(r"[ \t\r\n]*(?:([!=<>]+|[(),])|([^!=<>(), \t\r\n]+)|$)")
_OPERATORS = {"=": "=", "==": "=", "!=": "!=", ">": ">", "<": "<", "!": "!", "(": "(", ")": ")", ",": ","}


def label_selector(text: str) -> Selector | None:
    """The selector of `labelSelector`, None for one that selects everything. ApiError 400."""
    if not text.strip(" \t\r\n"):
        return None
    try:
        return parse(text)
    except SelectorError as error:
        raise _refused(text, error) from None


def _refused(text: str, error: SelectorError) -> ApiError:
    fault = _Words(text).fault()
    return bad_request(f"unable to parse requirement: {fault or error}")


class _Words:
    """Reads a selector as the server does, only to find what it says of the first fault."""

    def __init__(self, text: str) -> None:
        self._tokens: list[tuple[str, str]] = []
        position = 0
        while position < len(text):
            match = _TOKEN.match(text, position)
            if match is None or match.end() == position:
                break
            position = match.end()
            sign, word = match.groups()
            if word is not None:
                self._tokens.append(("in" if word == "in" else "notin" if word == "notin" else "word", word))
            elif sign is not None:
                # Signs are read as long as they make an operator: `===` is `==` and `=`.
                while sign:
                    size = 2 if sign[:2] in _OPERATORS and len(sign) > 1 else 1
                    self._tokens.append((_OPERATORS.get(sign[:size], "error"), sign[:size]))
                    sign = sign[size:]
        self._at = 0

    def _peek(self, key: bool = False) -> tuple[str, str]:
        kind, text = self._tokens[self._at] if self._at < len(self._tokens) else ("end", "")
        return ("word", text) if key and kind in ("in", "notin") else (kind, text)

    def _take(self, key: bool = False) -> tuple[str, str]:
        token = self._peek(key)
        self._at += 1
        return token

    def fault(self) -> str:
        while True:
            kind, text = self._peek(True)
            if kind not in ("word", "!"):
                return "" if kind == "end" else f"found '{text}', expected: !, identifier, or 'end of string'"
            if fault := self._requirement():
                return fault
            kind, text = self._take()
            if kind == "end":
                return ""
            if kind != ",":
                return f"found '{text}', expected: ',' or 'end of string'"
            kind, text = self._peek(True)
            if kind not in ("word", "!"):
                return f"found '{text}', expected: identifier after ','"

    def _requirement(self) -> str:
        kind, key = self._take(True)
        negated = kind == "!"
        if negated:
            kind, key = self._take(True)
        if kind != "word":
            return f"found '{key}', expected: identifier"
        if faults := key_faults(key):
            return f"<nil>: Invalid value: {quoted(key)}: {'; '.join(faults)}"
        if negated or self._peek()[0] in ("end", ","):
            return ""
        operator, sign = self._take()
        if operator in ("in", "notin"):
            return self._list(key)
        if operator not in ("=", "!=", ">", "<"):
            return f"found '{sign}', expected: in, notin, =, ==, !=, gt, lt"
        kind, value = self._peek(True)
        if kind in ("end", ","):
            return "" if operator in ("=", "!=") else _number(key, "")
        self._at += 1
        if kind != "word":
            return f"found '{value}', expected: identifier"
        return _value(key, 0, value) or (_number(key, value) if operator in (">", "<") else "")

    def _list(self, key: str) -> str:
        kind, text = self._take(True)
        if kind != "(":
            return f"found '{text}' expected: '('"
        values: list[str] = []
        while True:
            kind, text = self._take(True)
            if kind == "word":
                values.append(text)
                kind, text = self._take(True)
            if kind == ")":
                break
            if kind != ",":
                return f"found '{text}', expected: ',' or ')'" if values else f"found '{text}', expected: ',', ')' or identifier"
        for index, value in enumerate(sorted(set(values))):
            if fault := _value(key, index, value):
                return fault
        return ""


def _value(key: str, index: int, value: str) -> str:
    faults = value_faults(value)
    return f"values[{index}][{key}]: Invalid value: {quoted(value)}: {'; '.join(faults)}" if faults else ""


def _number(key: str, value: str) -> str:
    told = "for 'Gt', 'Lt' operators, the value must be an integer"
    return f"values[0][{key}]: Invalid value: {quoted(value)}: {told}"


# -- fields


def _path(*keys: str) -> Callable[[Object], str]:
    def get(obj: Object) -> str:
        found: Any = obj
        for key in keys:
            found = found.get(key) if isinstance(found, Mapping) else None
        if isinstance(found, bool):
            return "true" if found else "false"
        return "" if found is None else str(found)

    return get


def _flag(*keys: str) -> Callable[[Object], str]:
    get = _path(*keys)
    return lambda obj: get(obj) or "false"


_NAME = {"metadata.name": _path("metadata", "name")}
_METADATA = {**_NAME, "metadata.namespace": _path("metadata", "namespace")}
_SPECIAL: dict[Kind, dict[str, Callable[[Object], str]]] = {
    kinds.PODS: {
        **_METADATA,
        "spec.nodeName": _path("spec", "nodeName"),
        "spec.restartPolicy": _path("spec", "restartPolicy"),
        "spec.schedulerName": _path("spec", "schedulerName"),
        "spec.serviceAccountName": _path("spec", "serviceAccountName"),
        "spec.hostNetwork": _flag("spec", "hostNetwork"),
        "status.phase": _path("status", "phase"),
        "status.podIP": _path("status", "podIP"),
        "status.nominatedNodeName": _path("status", "nominatedNodeName"),
    },
    kinds.NODES: {**_NAME, "spec.unschedulable": _flag("spec", "unschedulable")},
    kinds.NAMESPACES: {**_NAME, "status.phase": _path("status", "phase")},
    kinds.EVENTS: {
        **_METADATA,
        **{
            f"involvedObject.{field}": _path("involvedObject", field)
            for field in ("kind", "namespace", "name", "uid", "apiVersion", "resourceVersion", "fieldPath")
        },
        "reason": _path("reason"),
        "reportingComponent": lambda event: _path("reportingComponent")(event) or _path("source", "component")(event),
        "source": lambda event: _path("source", "component")(event) or _path("reportingComponent")(event),
        "type": _path("type"),
    },
    kinds.SERVICES: {**_METADATA, "spec.clusterIP": _path("spec", "clusterIP"), "spec.type": _path("spec", "type")},
    kinds.SECRETS: {**_METADATA, "type": _path("type")},
    kinds.REPLICASETS: {**_METADATA, "status.replicas": lambda obj: _path("status", "replicas")(obj) or "0"},
    kinds.JOBS: {**_METADATA, "status.successful": lambda obj: _path("status", "succeeded")(obj) or "0"},
}


def field_selector(kind: Kind, text: str) -> FieldMatch | None:
    """Whether an object has the fields of `fieldSelector`, None for one that selects everything. ApiError 400."""
    terms: list[tuple[Callable[[Object], str], bool, str]] = []
    for part in re.split(r"(?<!\\),", text):
        if not part:
            continue
        match = re.fullmatch(r"(.*?)(!=|==|=)(.*)", part, re.DOTALL)
        if match is None:
            raise bad_request(f"invalid selector: '{text}'; can't understand '{part}'")
        name, sign, value = match.groups()
        fields = _SPECIAL.get(kind) or _METADATA
        getter = fields.get(name)
        if getter is None:
            raise bad_request(_unknown(kind, name))
        terms.append((getter, sign != "!=", re.sub(r"\\([\\,=])", r"\1", value)))
    if not terms:
        return None
    return lambda obj: all((getter(obj) == value) is wanted for getter, wanted, value in terms)


def _unknown(kind: Kind, name: str) -> str:
    if kind is kinds.JOBS:
        return f'field label "{name}" not supported for Job'
    if kind in _SPECIAL and (not kind.group or kind is kinds.REPLICASETS):
        return f"field label not supported: {name}"
    return f'"{name}" is not a known field selector: only "metadata.name", "metadata.namespace"'
