"""What the decoded JSON of an object says: its controller and its conditions, and to a pod's own containers its fields and resources."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from podtui.kube.json_values import mapping, mappings, string
from podtui.kube.quantities import value

_SUBSCRIPTED = re.compile(r"metadata\.(labels|annotations)\['(.*)'\]")
ALLOCATABLE = "node allocatable"  # what a limit that is not set is


def controller_of(obj: Mapping[str, Any]) -> Mapping[str, Any]:
    """The owner that controls an object (metav1.GetControllerOf); {} without one."""
    return next((owner for owner in mappings(mapping(obj.get("metadata")).get("ownerReferences")) if owner.get("controller") is True), {})


def condition_of(obj: Mapping[str, Any], kind: str) -> Mapping[str, Any]:
    """The condition of this type in an object's status; {} without one."""
    return next((one for one in mappings(mapping(obj.get("status")).get("conditions")) if one.get("type") == kind), {})


def is_true(obj: Mapping[str, Any], kind: str) -> bool:
    """Whether an object's status has this condition, and it is true."""
    return condition_of(obj, kind).get("status") == "True"


def field_value(path: str, pod: Mapping[str, Any]) -> str:
    """The pod's field of the downward API (ObjectFieldSelector of core/v1), "" while it is not known."""
    meta, spec, status = mapping(pod.get("metadata")), mapping(pod.get("spec")), mapping(pod.get("status"))
    if match := _SUBSCRIPTED.fullmatch(path):
        return string(mapping(meta.get(match[1])).get(match[2]))
    ips = {key: ",".join(string(ip.get("ip")) for ip in mappings(status.get(key))) for key in ("podIPs", "hostIPs")}
    known = {
        "metadata.name": meta.get("name"),
        "metadata.namespace": meta.get("namespace"),
        "metadata.uid": meta.get("uid"),
        "spec.nodeName": spec.get("nodeName"),
        "spec.serviceAccountName": spec.get("serviceAccountName"),
        "status.hostIP": status.get("hostIP"),
        "status.podIP": status.get("podIP"),
        "status.podIPs": ips["podIPs"],
        "status.hostIPs": ips["hostIPs"],
    }
    return string(known.get(path))


def resource_value(reference: Mapping[str, Any], container: Mapping[str, Any]) -> str:
    """A resource of the container itself in units of the divisor, rounded up; a limit that is not set is the node's allocatable."""
    if string(reference.get("containerName")) not in ("", string(container.get("name"))):
        return ""
    kind, _, name = string(reference.get("resource")).partition(".")
    text = string(mapping(mapping(container.get("resources")).get(kind)).get(name))
    if not text:
        return ALLOCATABLE if kind == "limits" and name in ("cpu", "memory") else "0"
    try:
        divisor = value(string(reference.get("divisor")) or "1") or Fraction(1)
        return str(math.ceil(value(text) / divisor))
    except ValueError:
        return ""
