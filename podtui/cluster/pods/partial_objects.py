"""Nodes and pods decoded only as far as a diagnosis and a node's page need them: dicts of the API's shape with most of it left out.

A whole node names every image on it, and ten thousand whole pods are 78 MB: msgspec skips fields that no TypedDict here declares
without building it.
"""

from __future__ import annotations

from typing import Any, TypedDict

import msgspec

from podtui.cluster.connection.listing import Page, Server, read_as, selecting
from podtui.kube.resources import PODS


class _Metadata(TypedDict, total=False):
    name: str
    namespace: str
    uid: str
    resourceVersion: str
    labels: dict[str, str] | None
    creationTimestamp: str


class _NodeSpec(TypedDict, total=False):
    unschedulable: bool | None
    taints: list[dict[str, Any]] | None


class _NodeStatus(TypedDict, total=False):
    allocatable: dict[str, Any] | None
    conditions: list[dict[str, Any]] | None


class Node(TypedDict, total=False):
    """The parts of a node that decide about pods."""

    metadata: _Metadata
    spec: _NodeSpec
    status: _NodeStatus


class _Resources(TypedDict, total=False):
    requests: dict[str, Any] | None
    limits: dict[str, Any] | None


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
    """The parts of a pod that count on its node."""

    metadata: _Metadata
    spec: _PodSpec
    status: _PodStatus


pod_on_node = msgspec.json.Decoder(PodOnNode)


async def pods_on_node(server: Server, name: str, limit: int) -> tuple[list[PodOnNode], bool]:
    """The pods bound to a node, `limit` at most, and whether there are more. Raises the errors of the request."""
    query = [*selecting(fields=f"spec.nodeName={name}"), ("limit", str(limit))]
    page = await read_as(server, PODS.path(), Page[PodOnNode], query=query)
    return page.items or [], bool(page.metadata.continue_token)
