"""What a row of the list of pods says about a shell, without asking: it is looked at for every key hint."""

from __future__ import annotations

import re
from collections.abc import Sequence

from podtui.cluster.live.tables import Column, Row
from podtui.text import harmless

_NOT_RUNNING = ("Pending", "Completed", "Succeeded", "Failed", "Evicted")  # STATUS values of pods in which nothing runs
_SURELY_NOT = re.compile(r"ContainerCreating|PodInitializing|Error|OOMKilled|.*(BackOff|Pull|Error|CannotRun|NeverPull)|InvalidImageName")


def why_not_yet(row: Row, columns: Sequence[Column]) -> str:
    """Why no shell can be opened in the pod of a row, if the row alone decides it; "" otherwise: the pod itself has the last word."""
    cells = {column.name: str(cell) for column, cell in zip(columns, row.cells, strict=False)}
    status, (ready, _, total) = cells.get("Status", ""), cells.get("Ready", "").partition("/")
    if ready == "0" and (status in _NOT_RUNNING or (total == "1" and _SURELY_NOT.fullmatch(status))):
        return f"pod {row.name} is not running ({harmless(status)})"
    return ""
