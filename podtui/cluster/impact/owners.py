"""What the controllers that own pods, or would adopt them, do when pods are deleted or change their labels.

A controller owns the pods whose controlling owner reference has its UID. It releases pods whose labels no longer match its selector,
adopts matching pods without a controller, and creates or deletes pods until it has the wanted number (the
ControllerRefManager of kube-controller-manager and the controllers of each kind).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Literal

from podtui.cluster.impact.objects import Controller, Pod
from podtui.cluster.impact.related import OWNERS, Surroundings
from podtui.cluster.pods.lineage import OwnerReference
from podtui.kube.selectors import Selector
from podtui.text import harmless

Found = tuple[str, str] | tuple[str, str, Literal["warning", "change", "same"]]
_KINDS = {resource.kind for resource in OWNERS}
_COUNTED = ("ReplicaSet", "ReplicationController")  # they want a number of pods, no particular ones
_ORDINAL = re.compile(r"(.*)-([0-9]+)")


def replaced(around: Surroundings, pods: Sequence[Pod]) -> Iterator[Found]:
    """Which controllers replace these pods when they are deleted, and which pods nothing recreates."""
    by_owner, bare = _owned(pods)
    for owner, owned in by_owner.items():
        yield _replaced(around, owner, owned)
    if bare:
        them = "it" if len(pods) == 1 else f"{'all' if len(bare) == len(pods) else len(bare)} of them"
        yield "", f"No controller owns {them}: nothing recreates {'it' if len(bare) == 1 else 'them'}", "warning"


def _owned(pods: Sequence[Pod]) -> tuple[dict[OwnerReference, list[Pod]], list[Pod]]:
    by_uid: dict[str, tuple[OwnerReference, list[Pod]]] = {}
    bare = []
    for pod in pods:
        owner = pod.metadata.controller
        if owner is None:
            bare.append(pod)
        else:
            by_uid.setdefault(owner.uid, (owner, []))[1].append(pod)
    return {owner: owned for owner, owned in by_uid.values()}, bare


def _replaced(around: Surroundings, owner: OwnerReference, pods: Sequence[Pod]) -> Found:
    about, controller = _named(around, owner)
    them = "it" if len(pods) == 1 else f"{len(pods)} of them"
    if owner.kind == "Node":
        return about, f"runs {them} as static pods: its kubelet keeps running {them}"
    if owner.kind not in _KINDS:
        return about, f"owns {them}, and may create {'another' if len(pods) == 1 else 'others'}"
    if controller is None:
        if owner.kind in around.looked_at:
            return about, f"owned {them} and is gone: the garbage collector deletes {them} anyway"
        return about, f"owns {them}: whether it creates {'another' if len(pods) == 1 else 'others'} is unknown"
    if controller.metadata.deletion_timestamp is not None:
        return about, f"owns {them} and is being deleted itself: it creates no other", "warning"
    return about, _made(owner.kind, controller, pods)


def _made(kind: str, controller: Controller, pods: Sequence[Pod]) -> str:
    """What a controller creates to replace its pods."""
    one = len(pods) == 1
    if kind in _COUNTED:
        active = sum(pod.active for pod in pods)
        want, have = _wanted(controller), controller.status.replicas
        made = min(active, max(0, want - (have - active)))
        if not made:
            return f"has {have} and wants {want}: it creates no other" if active else "creates no other: it has already done so"
        if made == 1:
            return "creates another in its place" if one else "creates 1 other"
        return f"creates {made} others"
    if kind == "StatefulSet":
        again = sum(_is_member(controller, pod.metadata.name, counted=True) for pod in pods)
        if not again:
            return f"wants {_wanted(controller)}, without {'it' if one else 'them'}: it creates no other"
        return "recreates it under the same name" if one else f"recreates {again} under the same names"
    if kind == "DaemonSet":
        return f"creates {'another on the same node' if one else 'others on the same nodes'}"
    if _ended(controller):
        return "has finished: it creates no other"
    if controller.spec.suspend:
        return "is suspended: it creates no other"
    running = sum(pod.active for pod in pods)
    if not running:
        return "creates no other: it has already counted the pod" if one else "creates no others: it has already counted the pods"
    return f"counts {'it' if one else running} as failed, and creates {'another' if running == 1 else 'others'} within its backoffLimit"


def handed_over(around: Surroundings, pods: Sequence[Pod], after: Callable[[Pod], Mapping[str, str] | None]) -> Iterator[Found]:
    """Which controllers release and adopt pods whose labels change."""
    selectors = {id(one): _selector(one) for _, one in around.owners}
    by_uid = {one.metadata.uid: one for _, one in around.owners}
    released: dict[str, list[Pod]] = {}
    adopted: dict[int, list[Pod]] = {}
    staying: dict[str, OwnerReference] = {}
    lonely: list[Pod] = []
    for pod in pods:
        owner, then = pod.metadata.controller, after(pod) or {}
        if owner is not None:
            controller = by_uid.get(owner.uid)
            selector = None if controller is None else selectors[id(controller)]
            if selector is None or selector.matches(then) or not selector.matches(pod.labels):
                staying[owner.uid] = owner
                continue
            released.setdefault(owner.uid, []).append(pod)
        takers = [
            one
            for kind, one in around.owners
            if (found := selectors[id(one)]) is not None
            and found.matches(then)
            and not (owner is None and found.matches(pod.labels))  # it would have adopted the pod long ago
            and _would_adopt(kind, one, pod)
        ]
        for one in takers:
            adopted.setdefault(id(one), []).append(pod)
        if owner is not None and not takers:
            lonely.append(pod)
    for uid, gone in released.items():
        kind, controller = next((kind, one) for kind, one in around.owners if one.metadata.uid == uid)
        yield _about(kind, controller), f"releases {_them(gone, pods)}, and {_left(kind, controller, gone)}"
    if lonely:
        again = "it" if len(lonely) == 1 else "them"
        yield "", f"No controller owns {_them(lonely, pods)} afterwards: nothing recreates {again}"
    for kind, one in around.owners:
        if (new := adopted.get(id(one))) is not None:
            yield _taken(around, kind, one, new, pods)
    for uid, owner in staying.items():
        if uid not in released:
            yield _staying(around, owner)


def _staying(around: Surroundings, owner: OwnerReference) -> Found:
    about, controller = _named(around, owner)
    if controller is None and owner.kind in _KINDS and owner.kind not in around.looked_at:
        return about, "owns it: whether it stays its owner is unknown"
    return about, "", "same"


def _left(kind: str, controller: Controller, pods: Sequence[Pod]) -> str:
    """What a controller does after it has released pods."""
    if controller.metadata.deletion_timestamp is not None:
        return "is being deleted itself"
    if kind == "StatefulSet":
        return "cannot create another while a pod has the name" if len(pods) == 1 else "cannot create others while pods have the names"
    return _made(kind, controller, pods).replace(" in its place", "")


def _taken(around: Surroundings, kind: str, controller: Controller, new: Sequence[Pod], pods: Sequence[Pod]) -> Found:
    about, words = _about(kind, controller), f"adopts {_them(new, pods)}"
    if kind in (*_COUNTED, "StatefulSet"):
        want, have = _wanted(controller), controller.status.replicas + len(new)
        if have > want:
            return about, f"{words}: with {have} pods and {want} wanted, it deletes {have - want}", "warning"
    if kind == "DaemonSet":
        return about, f"{words}: on a node that then has two of its pods, it deletes one", "warning"
    return about, words


def _would_adopt(kind: str, controller: Controller, pod: Pod) -> bool:
    if controller.metadata.deletion_timestamp is not None or pod.terminating:
        return False
    if kind in _COUNTED:
        return pod.active
    if kind == "StatefulSet":
        return _is_member(controller, pod.metadata.name)
    return kind != "Job" or not _ended(controller)


def _selector(controller: Controller) -> Selector | None:
    return None if controller.spec.selector is None else controller.spec.selector.compiled()


def _wanted(controller: Controller) -> int:
    return 1 if controller.spec.replicas is None else controller.spec.replicas


def _is_member(controller: Controller, name: str, *, counted: bool = False) -> bool:
    """Whether the name is one of this StatefulSet's pods; with `counted`, also one that it wants now."""
    found = _ORDINAL.fullmatch(name)
    if found is None or found[1] != controller.metadata.name:
        return False
    start = controller.spec.ordinals.start if controller.spec.ordinals is not None else 0
    return not counted or start <= int(found[2]) < start + _wanted(controller)


def _ended(job: Controller) -> bool:
    return any(one.type in ("Complete", "Failed") and one.status == "True" for one in job.status.conditions or ())


def _named(around: Surroundings, owner: OwnerReference) -> tuple[str, Controller | None]:
    """The name of the owner with its own owner, and the owner itself if it was read."""
    found = next((one for kind, one in around.owners if one.metadata.uid == owner.uid), None)
    return (harmless(str(owner)) if found is None else _about(owner.kind, found)), found


def _about(kind: str, controller: Controller) -> str:
    above = controller.metadata.controller
    name = f"{kind.lower()}/{controller.metadata.name}"
    return harmless(name if above is None else f"{name} ({above})")


def _them(some: Sequence[Pod], pods: Sequence[Pod]) -> str:
    return "it" if len(pods) == 1 else f"all {len(pods)}" if len(some) == len(pods) else f"{len(some)} of {len(pods)}"
