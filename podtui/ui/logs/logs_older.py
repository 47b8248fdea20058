"""Lines before those that are shown, read from the server when somebody scrolls up to the oldest one."""

from __future__ import annotations

from podtui.cluster.connection.connection import Connection
from podtui.cluster.logs.older_lines import OldestLine, older_lines
from podtui.kube.resources import ObjectRef
from podtui.ui.logs.view.view import LogView

FULL = "the buffer is full: older lines have no room in it (buffer_mb in config.yaml). Ctrl+S, three times: save all that the server has"
BEGINNING = "this is the beginning of the log, as far as the server has it"


def oldest_of(view: LogView) -> OldestLine | None:
    """The oldest line with a time, and how many lines of the log are there; remarks and pieces do not count."""
    buffer = view.buffer
    count = sum(len(block) - len(block.notes) - len(block.continued) for block in buffer.blocks)
    for block in buffer.blocks:
        for place, at in enumerate(block.times):
            if at and place not in block.notes:
                return OldestLine(at, block.line(place), count)
    return None


async def load_older(view: LogView, connection: Connection, ref: ObjectRef, container: str, *, previous: bool) -> str:
    """Put older lines before those in view, and say how many. Raises PodtuiError."""
    oldest = oldest_of(view)
    if oldest is None:
        return BEGINNING
    if view.buffer.size >= view.buffer.limit * 15 // 16:
        return FULL
    found = await older_lines(connection, ref, container, oldest, previous=previous)
    if not found.lines:
        return BEGINNING
    count = view.prepend(found.lines, found.continued, found.times)
    if count < len(found.lines):
        return FULL
    return f"{count:,} older lines were read" + (f"; {BEGINNING}" if found.whole else "")
