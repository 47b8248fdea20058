"""Nodes and pods read no further than a diagnosis and a node's page need: dicts of the API's shape with most of it left out.

A whole node names every image that it has, and ten thousand whole pods are 78 MB: msgspec passes over what no TypedDict here names
without building it.
"""

from __future__ import annotations

from typing import Any, TypedDict

import msgspec

from podtui.errors import PodtuiError
from podtui.text import harmless


class _Metadata(TypedDict, total=False):
    name: str
    namespace: str
    uid: str
    resourceVersion: str
    labels: dict[str, str] | None


class _NodeSpec(TypedDict, total=False):
    unschedulable: bool | None
    taints: list[dict[str, Any]] | None


class _NodeStatus(TypedDict, total=False):
    allocatable: dict[str, Any] | None
    conditions: list[dict[str, Any]] | None


class Node(TypedDict, total=False):
    """As much of a node as decides about pods."""

    metadata: _Metadata
    spec: _NodeSpec
    status: _NodeStatus


class _Resources(TypedDict, total=False):
    requests: dict[str, Any] | None


class _ContainerSpec(TypedDict, total=False):
    name: str
    restartPolicy: str
    resources: _Resources | None
    ports: list[dict[str, Any]] | None


class _PodSpec(TypedDict, total=False):
    nodeName: str
    containers: list[_ContainerSpec] | None
    initContainers: list[_ContainerSpec] | None
    overhead: dict[str, Any] | None
    resources: _Resources | None


class _ContainerStatus(TypedDict, total=False):
    ready: bool
    restartCount: int


class _PodStatus(TypedDict, total=False):
    phase: str
    reason: str
    containerStatuses: list[_ContainerStatus] | None


class PodOnNode(TypedDict, total=False):
    """As much of a pod as counts on its node."""

    metadata: _Metadata
    spec: _PodSpec
    status: _PodStatus


class ListMeta(msgspec.Struct):
    """`continue_token` is "" on the last page."""

    continue_token: str = msgspec.field(default="", name="continue")


class Nodes(msgspec.Struct):
    """A page of a list of nodes."""

    metadata: ListMeta = msgspec.field(default_factory=ListMeta)
    items: list[Node] | None = None


class Pods(msgspec.Struct):
    """A page of a list of pods."""

    metadata: ListMeta = msgspec.field(default_factory=ListMeta)
    items: list[PodOnNode] | None = None


pod_on_node = msgspec.json.Decoder(PodOnNode)
_nodes, _pods = msgspec.json.Decoder(Nodes), msgspec.json.Decoder(Pods)


def read_nodes(content: bytes) -> Nodes:
    """A page of a list of nodes; PodtuiError for anything else."""
    try:
        return _nodes.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _unreadable(error) from None


def read_pods(content: bytes) -> Pods:
    """A page of a list of pods; PodtuiError for anything else."""
    try:
        return _pods.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _unreadable(error) from None


def _unreadable(error: Exception) -> PodtuiError:
    return PodtuiError(f"the API server's answer cannot be read: {harmless(str(error))[:120]}")
