"""What the decoded JSON of any object says about its controller and its conditions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from podtui.kube.json_values import mapping, mappings


def controller_of(obj: Mapping[str, Any]) -> Mapping[str, Any]:
    """The owner that controls an object (metav1.GetControllerOf); {} without one."""
    return next((owner for owner in mappings(mapping(obj.get("metadata")).get("ownerReferences")) if owner.get("controller") is True), {})


def condition_of(obj: Mapping[str, Any], kind: str) -> Mapping[str, Any]:
    """The condition of this type in an object's status; {} without one."""
    return next((one for one in mappings(mapping(obj.get("status")).get("conditions")) if one.get("type") == kind), {})


def is_true(obj: Mapping[str, Any], kind: str) -> bool:
    """Whether an object's status has this condition, and it is true."""
    return condition_of(obj, kind).get("status") == "True"
