"""Whether a pod can be forwarded to, as kubectl decides it, and whether it is still the intended one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from podtui.errors import ApiError, NotFound, PodLost, PodtuiError
from podtui.kube.json_values import mapping, string
from podtui.kube.resources import PODS, ObjectRef
from podtui.text import harmless

if TYPE_CHECKING:
    from podtui.cluster.connection.connection import Connection

Pod = dict[str, Any]
"""A v1 Pod as JSON."""


async def same_pod(connection: Connection, ref: ObjectRef, instead: str) -> Pod:
    """The pod, if it has `ref.uid` (any, when that is empty); else PodLost. `instead` is the hint for a different pod.

    Raises any error of the request except NotFound.
    """
    try:
        pod: Pod = await connection.json("GET", ref.path)
    except NotFound as error:
        raise PodLost(f"{ref} is gone", "Choose the pod that replaced it") from error
    uid = string(mapping(pod.get("metadata")).get("uid"))
    if ref.uid and uid != ref.uid:
        raise PodLost(f"{ref} was replaced by another pod of the same name", instead)
    return pod


async def running_pod(connection: Connection, ref: ObjectRef) -> Pod:
    """The pod, if it has `ref.uid` (any, when that is empty) and can be forwarded to; else PodLost.

    PodtuiError when it exists but is not running, by kubectl's rules, and any error of the request except NotFound.
    """
    pod = await same_pod(connection, ref, "Start a forward to the new one")
    phase = string(mapping(pod.get("status")).get("phase"))
    if phase in ("Succeeded", "Failed"):
        raise PodLost(f"{ref} has finished ({phase})", "Only a running pod can be forwarded to")
    if phase != "Running":
        raise PodtuiError(f"{ref} is not running (its phase is {harmless(phase) or 'unknown'})", "Wait until it runs")
    return pod


def ref_of(pod: Pod) -> ObjectRef:
    metadata = mapping(pod.get("metadata"))
    return ObjectRef(PODS, string(metadata.get("name")), string(metadata.get("namespace")), string(metadata.get("uid")))


def is_leaving(pod: Pod) -> bool:
    """Whether it is terminating."""
    return bool(mapping(pod.get("metadata")).get("deletionTimestamp"))


async def why_refused(connection: Connection, ref: ObjectRef, error: ApiError) -> PodtuiError:
    """The error behind a refused port-forward. Behind a 404, be it the API server's or the kubelet's, which is no Status, the pod is gone;
    or an intermediary does not support port-forwards."""
    if error.status != 404:
        return error
    try:
        await running_pod(connection, ref)
    except PodtuiError as why:
        return why
    return error
