"""How severe a STATUS word is, for pods, nodes and namespaces: what gives it its colour and its sign."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Literal

Style = Literal["ok", "warn", "error", "done", "gone", "wait"]

_WORDS: dict[str, Style] = {
    "Running": "ok",
    "Active": "ok",
    "Ready": "ok",
    "Bound": "ok",
    "Available": "ok",
    "Completed": "done",
    "Succeeded": "done",
    "Complete": "done",
    "Terminating": "gone",
    "Pending": "wait",
    "ContainerCreating": "wait",
    "PodInitializing": "wait",
    "SchedulingGated": "wait",
    "Waiting": "wait",
    "NotReady": "warn",
    "Unknown": "warn",
    "SchedulingDisabled": "warn",
    "ContainerStatusUnknown": "warn",
    "Failed": "error",
    "Error": "error",
    "Evicted": "error",
    "Lost": "error",
}
# Words that kubelet, the container runtime and the control plane make, by how they end or begin.
_ERROR = re.compile(
    r"Err.*|Invalid.*|.*(?:Error|BackOff|Killed|Failed|Mismatch|CannotRun|Lost|Rejected)|(?:ExitCode|Signal):-?\d+"
    r"|DeadlineExceeded|OutOf.+|UnexpectedAdmission.*|NodeAffinity|NodeShutdown|Preempting|Preempted|Shutdown|.*Unavailable|.*NotSatisfied"
)
_INIT_COUNT = re.compile(r"\d+/\d+")


@lru_cache(4096)
def status_style(status: str, ready: str = "") -> Style:
    """The style of a STATUS cell; with a READY cell (`0/1`) a running pod that is not ready is "warn".

    ok: as it should be. wait: on its way. warn: look at it. error: it failed. done: ended well. gone: being deleted.
    A node's list (`Ready,SchedulingDisabled`) has the most severe of its words; words unknown here are "warn".
    """
    if "," in status:
        styles = {status_style(word.strip()) for word in status.split(",")}
        return next(style for style in ("error", "warn", "gone", "wait", "ok", "done") if style in styles)
    word = status.removeprefix("Init:")
    if word != status and _INIT_COUNT.fullmatch(word):
        return "wait"
    style = _WORDS.get(word)
    if style == "ok" and not _all_ready(ready):
        return "warn"
    if style is not None:
        return style
    return "error" if _ERROR.fullmatch(word) else "warn"


def _all_ready(ready: str) -> bool:
    count, slash, total = ready.partition("/")
    return not slash or count == total
