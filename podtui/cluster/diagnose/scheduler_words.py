"""Read and explain the scheduler's message about a pod that no node accepts.

`0/3 nodes are available: 1 Insufficient cpu, 2 node(s) had untolerated taint(s). preemption: ...` is FitError of kube-scheduler: each
reason with the number of nodes to which it applies. A reason without a number concerns the pod, and so every node.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_HEAD = re.compile(r"(\d+)/(\d+) nodes are available: ?")
_COUNTED = re.compile(r"(\d+) (\S.*)")
# A comma and a number begin the next reason; a comma within one (in a taint's value) is not followed by a number.
_NEXT = re.compile(r", (?=\d+ [A-Za-z])")

_EXPLAINED = (
    ("node affinity/selector", "they lack a label that its nodeSelector or node affinity requires"),
    ("untolerated taint", "they have a taint that the pod does not tolerate"),
    ("were unschedulable", "they are cordoned"),
    ("Too many pods", "they run as many pods as they can"),
    ("Insufficient", "they lack the free resources that the pod requests"),
    ("free ports", "a host port that it requests is in use there"),
    ("volume node affinity conflict", "its volume is on another node"),
    ("PersistentVolume's node affinity", "its volume is on another node"),
    ("persistent volumes to bind", "no PersistentVolume there fits its claim"),
    ("no available volume zone", "its volume is in another zone"),
    ("max volume count", "they have as many volumes as they can attach"),
    ("topology spread", "its topology spread constraints exclude them"),
    ("existing pods anti-affinity", "the anti-affinity of a pod there excludes it"),
    ("anti-affinity", "its anti-affinity excludes a pod there"),
    ("pod affinity", "its affinity requires a pod that is not there"),
    ("unbound immediate PersistentVolumeClaims", "a claim of the pod has no volume yet"),
    ("persistentvolumeclaim", "a claim of the pod does not exist or is not usable"),
)


@dataclass(frozen=True)
class SchedulerMessage:
    """The number of available nodes and of all nodes, and why the others were not available; 0 counts a reason without a number."""

    available: int
    total: int
    reasons: dict[str, int] = field(default_factory=dict)


def read_message(message: str) -> SchedulerMessage | None:
    """Parse the message of a FailedScheduling event or of the condition PodScheduled; None for one of another form."""
    match = _HEAD.match(message)
    if match is None:
        return None
    body = message[match.end() :].partition(". ")[0].removesuffix(".")  # the rest says why preemption does not help
    reasons: dict[str, int] = {}
    for part in _NEXT.split(body) if body else ():
        counted = _COUNTED.fullmatch(part)
        if counted:
            reasons[counted[2]] = reasons.get(counted[2], 0) + int(counted[1])
        else:
            reasons[part] = 0
    return SchedulerMessage(int(match[1]), int(match[2]), reasons)


def explained(reason: str) -> str:
    """What a reason means, in a few words; "" for an unknown one."""
    return next((words for part, words in _EXPLAINED if part in reason), "")
