"""Recreate a deleted object: its manifest without everything that the server and its controllers had set.

The result is a new object with another UID; the scheduler and the kubelet decide whether it runs where and as the old one did.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from podtui.kube.json_values import mappings
from podtui.kube.objects import controller_of
from podtui.kube.resources import ObjectRef

_OF_THIS_ONE = (
    *("uid", "resourceVersion", "generation", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds"),
    *("managedFields", "selfLink"),
)
_TOKEN_PATH = "/var/run/secrets/kubernetes.io/serviceaccount"
_MIRROR = "kubernetes.io/config.mirror"
_EMPTY_AGAIN = {"PersistentVolumeClaim", "PersistentVolume"}


def manifest(value: Mapping[str, Any]) -> dict[str, Any]:
    """The manifest that recreates the object: without `status`, without what only this very object had (UID, managedFields, ...),
    and without what was set after its creation: a pod's node and token, a service's addresses, a job's selector.
    """
    made = {key: part for key, part in value.items() if key != "status"}
    metadata = made.get("metadata")
    if isinstance(metadata, dict):
        made["metadata"] = {key: part for key, part in metadata.items() if key not in _OF_THIS_ONE}
    spec = made.get("spec")
    refine = {"Pod": _pod, "Service": _service, "Job": _job, "Namespace": _namespace}.get(str(value.get("kind")))
    if refine is not None and isinstance(spec, dict):
        made["spec"] = refine(spec, value)
    return made


def owner(value: Mapping[str, Any]) -> str:
    """The controller that owns the object and replaces it when it is deleted, as `ReplicaSet/web-5d4`; "" when there is none."""
    found = controller_of(value)
    return f"{found.get('kind')}/{found.get('name')}" if found else ""


def why_not(ref: ObjectRef, value: Mapping[str, Any]) -> str:
    """Why the object of this manifest cannot be recreated; "" when it can."""
    if owns := owner(value):
        return f"its {owns} creates another one"
    metadata = value.get("metadata")
    annotations = metadata.get("annotations") if isinstance(metadata, dict) else None
    if isinstance(annotations, dict) and _MIRROR in annotations:
        return "it is a static pod: the kubelet of its node creates it from a file there"
    if ref.resource.kind in _EMPTY_AGAIN and ref.resource.group == "":
        return "a new one would be empty: the journal does not have its data"
    if ref.resource.kind == "Secret" and ref.resource.group == "":
        return "the values of a Secret are not kept"
    return ""


def _pod(spec: dict[str, Any], value: Mapping[str, Any]) -> dict[str, Any]:
    # A new pod may not have ephemeral containers; the priority is computed from its class.
    made = {key: part for key, part in spec.items() if key not in ("ephemeralContainers", "priority", "serviceAccount")}
    if not _asked_for_node(value):
        made.pop("nodeName", None)
    tokens = {
        mount["name"]
        for container in _containers(spec)
        for mount in mappings(container.get("volumeMounts"))
        if mount.get("mountPath") == _TOKEN_PATH and str(mount.get("name")).startswith("kube-api-access-")
    }
    if tokens:  # admission added it, and adds it again
        made["volumes"] = [volume for volume in mappings(spec.get("volumes")) if volume.get("name") not in tokens]
        if not made["volumes"]:
            del made["volumes"]
        for kind in ("initContainers", "containers"):
            if kind in spec:
                made[kind] = [_without_mounts(container, tokens) for container in mappings(spec[kind])]
    return made


def _containers(spec: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [*mappings(spec.get("initContainers")), *mappings(spec.get("containers"))]


def _without_mounts(container: Mapping[str, Any], tokens: set[str]) -> dict[str, Any]:
    mounts = [mount for mount in mappings(container.get("volumeMounts")) if mount.get("name") not in tokens]
    made = {key: part for key, part in container.items() if key != "volumeMounts"}
    return {**made, "volumeMounts": mounts} if mounts else made


def _asked_for_node(value: Mapping[str, Any]) -> bool:
    """Whether the pod's author named the node. managedFields has no owner for what the scheduler's binding sets."""
    metadata = value.get("metadata")
    managed = metadata.get("managedFields") if isinstance(metadata, dict) else None
    for entry in managed or ():
        fields = entry.get("fieldsV1") if isinstance(entry, dict) else None
        if isinstance(fields, dict) and "f:nodeName" in (fields.get("f:spec") or {}):
            return True
    return False


def _service(spec: dict[str, Any], _: Mapping[str, Any]) -> dict[str, Any]:
    if spec.get("clusterIP") == "None":  # headless: the author chose it
        return spec
    return {key: part for key, part in spec.items() if key not in ("clusterIP", "clusterIPs", "healthCheckNodePort")}


def _job(spec: dict[str, Any], _: Mapping[str, Any]) -> dict[str, Any]:
    if spec.get("manualSelector"):
        return spec
    made = {key: part for key, part in spec.items() if key != "selector"}
    template = spec.get("template")
    metadata = template.get("metadata") if isinstance(template, dict) else None
    if isinstance(template, dict) and isinstance(metadata, dict):
        own = ("controller-uid", "batch.kubernetes.io/controller-uid", "job-name", "batch.kubernetes.io/job-name")
        labels = {key: text for key, text in (metadata.get("labels") or {}).items() if key not in own}
        made["template"] = {**template, "metadata": {**metadata, "labels": labels}}
    return made


def _namespace(spec: dict[str, Any], _: Mapping[str, Any]) -> dict[str, Any]:
    return {key: part for key, part in spec.items() if key != "finalizers"}
