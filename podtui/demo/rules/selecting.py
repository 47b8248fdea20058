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


def _at(path: str, default: str = "") -> Callable[[Object], str]:
    """Reads the value at a path, as text."""

    def get(obj: Object) -> str:
        found: Any = obj
        for key in path.split("."):
            found = found.get(key) if isinstance(found, Mapping) else None
        if isinstance(found, bool):
            return "true" if found else "false"
        return default if found is None else str(found)

    return get


def _named(names: str) -> dict[str, Callable[[Object], str]]:
    """Fields whose names are their paths."""
    return {name: _at(name) for name in names.split()}


_METADATA = _named("metadata.name metadata.namespace")
_SPECIAL: dict[Kind, dict[str, Callable[[Object], str]]] = {
    kinds.PODS: {
        **_METADATA,
        **_named("spec.nodeName spec.restartPolicy spec.schedulerName spec.serviceAccountName"),
        **_named("status.phase status.podIP status.nominatedNodeName"),
        "spec.hostNetwork": _at("spec.hostNetwork", "false"),
    },
    kinds.NODES: {**_named("metadata.name"), "spec.unschedulable": _at("spec.unschedulable", "false")},
    kinds.NAMESPACES: _named("metadata.name status.phase"),
    kinds.EVENTS: {
        **_METADATA,
        **_named("involvedObject.kind involvedObject.namespace involvedObject.name involvedObject.uid involvedObject.apiVersion"),
        **_named("involvedObject.resourceVersion involvedObject.fieldPath reason type"),
        "reportingComponent": lambda event: _at("reportingComponent")(event) or _at("source.component")(event),
        "source": lambda event: _at("source.component")(event) or _at("reportingComponent")(event),
    },
    kinds.SERVICES: {**_METADATA, **_named("spec.clusterIP spec.type")},
    kinds.SECRETS: {**_METADATA, **_named("type")},
    kinds.REPLICASETS: {**_METADATA, "status.replicas": _at("status.replicas", "0")},
    kinds.JOBS: {**_METADATA, "status.successful": _at("status.succeeded", "0")},
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
