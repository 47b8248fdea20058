"""The subresource `scale` of what has replicas: `kubectl scale` reads and writes it as a Scale of autoscaling/v1."""

from __future__ import annotations

import json
from typing import Any

from podtui.demo.storage.errors import Body, bad_request, conflict, invalid, invalid_value, unsupported_media_type
from podtui.demo.storage.kinds import Kind
from podtui.demo.writes import patches
from podtui.demo.writes.writes import WriteOptions, Writes

Object = dict[str, Any]

_KEPT = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")


def scale_of(obj: Object) -> Object:
    """The Scale of a Deployment or a ReplicaSet."""
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    selector = ",".join(f"{key}={value}" for key, value in sorted(((spec.get("selector") or {}).get("matchLabels") or {}).items()))
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {key: obj["metadata"][key] for key in _KEPT if key in obj["metadata"]},
        "spec": {"replicas": replicas} if (replicas := spec.get("replicas", 1)) else {},
        "status": {"replicas": status.get("replicas", 0), "selector": selector},
    }


def change(
    writes: Writes, kind: Kind, namespace: str, name: str, content_type: str, new: Object | None, body: bytes, options: WriteOptions
) -> Object:
    """The Scale after a PUT (`new`) or a PATCH (`body`). ApiError 400, 404, 409, 415 or 422."""
    scale = scale_of(writes.state.existing(kind, namespace, name))
    if new is None:
        if content_type not in (patches.MERGE_PATCH, patches.STRATEGIC_MERGE_PATCH):
            raise unsupported_media_type()
        new = patches.merge_patch(scale, body)
    metadata = new.get("metadata") if isinstance(new, dict) else None
    replicas = (new.get("spec") or {}).get("replicas", 0) if isinstance(new, dict) and isinstance(new.get("spec") or {}, dict) else None
    if not isinstance(replicas, int) or isinstance(replicas, bool):
        raise bad_request('Scale in version "v1" cannot be handled as a Scale: json: cannot unmarshal into Go value of type int32')
    if replicas < 0:
        words = "must be greater than or equal to 0"
        raise invalid(Body("Scale", "autoscaling"), name, [invalid_value("spec.replicas", replicas, words)])
    version = metadata.get("resourceVersion") if isinstance(metadata, dict) else None
    if version and version != scale["metadata"]["resourceVersion"]:
        raise conflict(kind, name)
    changed, _, _ = writes.patch(
        kind, namespace, name, patches.MERGE_PATCH, json.dumps({"spec": {"replicas": replicas}}).encode(), **options
    )
    return scale_of(changed)
