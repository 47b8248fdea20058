"""The operating system that a pod's containers run on: signals, paths and shells differ between Linux and Windows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from podtui.kube.json_values import mapping, string

LABEL = "kubernetes.io/os"
"""The well-known label by which a node says its operating system, and a pod asks for one."""
WINDOWS = "windows"


def operating_system(pod: Mapping[str, Any], node: Mapping[str, Any] | None = None) -> str:
    """`linux`, `windows`, or "" when nothing says which.

    `spec.os.name` binds (the kubelet refuses a pod of another system); without it, the label of the pod's node, if that is known, and
    then what the pod's nodeSelector requires.
    """
    spec = mapping(pod.get("spec"))
    labels = mapping(mapping(node.get("metadata")).get("labels")) if node is not None else {}
    wanted = mapping(spec.get("nodeSelector"))
    return string(mapping(spec.get("os")).get("name")) or string(labels.get(LABEL)) or string(wanted.get(LABEL))


def is_windows(pod: Mapping[str, Any], node: Mapping[str, Any] | None = None) -> bool:
    return operating_system(pod, node) == WINDOWS
