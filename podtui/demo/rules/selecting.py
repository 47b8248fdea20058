"""Label and field selectors of a request.

A label selector is read by `podtui.kube.selectors`, which accepts exactly what the server does
(k8s.io/apimachinery/pkg/labels and pkg/fields).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from podtui.demo.storage import kinds
from podtui.demo.storage.errors import bad_request
from podtui.demo.storage.kinds import Kind
from podtui.errors import SelectorError
from podtui.kube.selectors import Selector, parse

Object = Mapping[str, Any]
FieldMatch = Callable[[Object], bool]


def label_selector(text: str) -> Selector | None:
    """The selector of `labelSelector`, None for one that selects everything. ApiError 400."""
    if not text.strip(" \t\r\n"):
        return None
    try:
        return parse(text)
    except SelectorError as error:
        raise bad_request(f"unable to parse requirement: {error}") from None


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
