"""The environment variables of a container as its spec says them: values, and where values come from.

What a reference to a field or a resource stands for is worked out from the pod itself; the values of ConfigMaps and Secrets are not read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from podtui.kube.json_values import mapping, mappings, string
from podtui.kube.objects import field_value, resource_value


@dataclass(frozen=True)
class Variable:
    """`source` says where the value comes from, in words, "" when the spec has it. `value` is "" where only the kubelet knows it."""

    name: str
    value: str = ""
    source: str = ""


@dataclass(frozen=True)
class VariablesFrom:
    """All keys of a ConfigMap or a Secret (`kind`) as variables."""

    kind: str
    name: str
    prefix: str = ""
    optional: bool = False


def variables(container: Mapping[str, Any], pod: Mapping[str, Any]) -> tuple[Variable, ...]:
    """`env` of the container's spec, in order."""
    return tuple(_variable(one, container, pod) for one in mappings(container.get("env")))


def variables_from(container: Mapping[str, Any]) -> tuple[VariablesFrom, ...]:
    """`envFrom` of the container's spec, in order."""
    found = []
    for one in mappings(container.get("envFrom")):
        kind, key = next(((kind, key) for kind, key in _SOURCES if key in one), ("unknown", ""))
        source = mapping(one.get(key))
        found.append(VariablesFrom(kind, string(source.get("name")), string(one.get("prefix")), source.get("optional") is True))
    return tuple(found)


_SOURCES = (("ConfigMap", "configMapRef"), ("Secret", "secretRef"))


def _variable(one: Mapping[str, Any], container: Mapping[str, Any], pod: Mapping[str, Any]) -> Variable:
    name, source = string(one.get("name")), one.get("valueFrom")
    if not isinstance(source, dict):
        return Variable(name, string(one.get("value")))
    if isinstance(field := source.get("fieldRef"), dict):
        path = string(field.get("fieldPath"))
        return Variable(name, field_value(path, pod), f"{string(field.get('apiVersion')) or 'v1'}:{path}")
    if isinstance(resource := source.get("resourceFieldRef"), dict):
        return Variable(name, resource_value(resource, container), string(resource.get("resource")))
    for key, kind in (("configMapKeyRef", "ConfigMap"), ("secretKeyRef", "Secret")):
        if isinstance(reference := source.get(key), dict):
            optional = ", optional" if reference.get("optional") is True else ""
            return Variable(name, "", f"key {string(reference.get('key'))} of {kind}/{string(reference.get('name'))}{optional}")
    if isinstance(file := source.get("fileKeyRef"), dict):
        key, path, volume = (string(file.get(part)) for part in ("key", "path", "volumeName"))
        optional = ", optional" if file.get("optional") is True else ""
        return Variable(name, "", f"key {key} of the file {path} in volume {volume}{optional}")
    return Variable(name, "", f"{next(iter(source), 'nothing')}, which podtui does not know")
