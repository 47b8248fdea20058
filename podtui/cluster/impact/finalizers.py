"""Finalizers: names on an object whose owners have to take them off before the API server removes a deleted object.

Force changes the grace period alone: with finalizers left, the object stays, marked as deleted (registry/generic of
k8s.io/apiserver).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from podtui.cluster.impact.objects import Pod
from podtui.kube.json_values import mapping, mappings, string, strings
from podtui.text import harmless

_COLLECTOR = ("foregroundDeletion", "orphan")  # the garbage collector takes them off when it has dealt with what the object owns
_JOB_TRACKING = "batch.kubernetes.io/job-tracking"  # on every pod of a Job, until the Job controller has counted it


def holders(pods: Sequence[Pod]) -> Iterator[tuple[str, str] | tuple[str, str, Any]]:
    """Effects: which finalizers hold the pods when they are deleted, and who has set them, as far as managedFields tell."""
    held: dict[str, list[Pod]] = {}
    for pod in pods:
        for finalizer in pod.metadata.finalizers or ():
            if finalizer not in _COLLECTOR:
                held.setdefault(finalizer, []).append(pod)
    counted = held.pop(_JOB_TRACKING, None)
    if held:
        keeping = {id(pod) for found in held.values() for pod in found}
        one = len(keeping) == 1
        them = "it" if len(pods) == 1 else f"all {len(pods)}" if len(keeping) == len(pods) else f"{len(keeping)} of {len(pods)}"
        names = ", ".join(_named(finalizer, found) for finalizer, found in held.items())
        hold = "A finalizer holds" if len(held) == 1 else "Finalizers hold"
        stay = "it stays" if one else "they stay"
        off = "takes it off" if len(held) == 1 else "takes them off"
        yield "", f"{hold} {them}: {names}: {stay} Terminating until its controller {off}, and force does not change that", "warning"
    if counted:
        them = "it" if len(pods) == 1 else f"{len(counted)} of them"
        yield "", f"The Job controller takes its finalizer off {them} once it has counted {'it' if len(counted) == 1 else 'them'}", "same"


def _named(finalizer: str, pods: Sequence[Pod]) -> str:
    entries = (one for pod in pods for one in pod.metadata.managed_fields or ())
    managers = dict.fromkeys(one.manager for one in entries if one.manager and one.owns_finalizer(finalizer))
    return harmless(finalizer + (f" (set by {', '.join(managers)})" if managers else ""))


def what_holds_namespace(namespace: Mapping[str, Any]) -> list[str]:
    """Why a namespace (decoded JSON of core/v1) that is being deleted is still there, in the words of the namespace controller's
    conditions; [] for one that is not being deleted."""
    meta, status = mapping(namespace.get("metadata")), mapping(namespace.get("status"))
    if not meta.get("deletionTimestamp"):
        return []
    found = []
    for condition in mappings(status.get("conditions")):
        if condition.get("status") == "True":
            found.append(harmless(string(condition.get("message")) or string(condition.get("reason")) or string(condition.get("type"))))
    own = [*strings(meta.get("finalizers")), *strings(mapping(namespace.get("spec")).get("finalizers"))]
    own = [one for one in own if one != "kubernetes"]  # that of the namespace controller itself
    if own:
        found.append(harmless(f"The namespace itself has finalizers: {', '.join(own)}"))
    return found
