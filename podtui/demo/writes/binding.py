"""Binding: how a scheduler puts a Pod on a node."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from podtui.demo.storage.errors import Body, conflict, invalid, not_found, not_supported, required
from podtui.demo.storage.kinds import PODS
from podtui.demo.storage.state import State
from podtui.demo.writes.eviction import SUCCESS

Object = dict[str, Any]


class _PodBinding:
    group, kind, plural = "", "Binding", "pods/binding"


def bind(state: State, namespace: str, name: str, body: Mapping[str, Any], *, dry_run: bool = False) -> Object:
    """Puts a pod on a node, as a scheduler does. ApiError 404, 409 when it is on one already, 422 without a target."""
    pod = state.get(PODS, namespace, name)
    if pod is None:
        raise not_found(PODS, name)
    target = body.get("target") or {}
    if not target.get("name"):
        raise invalid(Body("Binding", "", "bindings"), name, [required("target.name")])
    if target.get("kind") not in (None, "", "Node"):
        raise invalid(Body("Binding", "", "bindings"), name, [not_supported("target.kind", target["kind"], ["Node", "<empty>"])])
    spec = pod.get("spec") or {}
    if spec.get("nodeName"):
        raise conflict(_PodBinding(), name, f'pod {name} is already assigned to node "{spec["nodeName"]}"')
    if "deletionTimestamp" in pod["metadata"]:
        raise conflict(_PodBinding(), name, f"pod {name} is being deleted, cannot be assigned to a host")
    if not dry_run:
        status = pod.get("status") or {}
        scheduled: Object = {"type": "PodScheduled", "status": "True", "lastProbeTime": None}
        scheduled["lastTransitionTime"] = state.clock.timestamp()
        others = [one for one in status.get("conditions") or () if one.get("type") != "PodScheduled"]
        bound = {**pod, "spec": {**spec, "nodeName": target["name"]}, "status": {**status, "conditions": [*others, scheduled]}}
        state.update(PODS, bound)
    return dict(SUCCESS)
