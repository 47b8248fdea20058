"""The lines of a container's log before those that were read: requests a longer tail from the API server.

`tailLines` counts from the end, which moves while the container writes, so the oldest known line is
searched in the answer, and reading stops there: it returns only older lines. The kubelet serves only the log's current file;
older files are unavailable after a rotation.
"""

from __future__ import annotations

from array import array
from collections import deque
from typing import TYPE_CHECKING, NamedTuple

from podtui.cluster.logs.lines import Lines, LineSplitter
from podtui.cluster.logs.stamps import Times
from podtui.errors import PodtuiError

if TYPE_CHECKING:
    from podtui.cluster.connection.connection import Connection
    from podtui.kube.resources import ObjectRef

WANTED = 2000  # lines at a time
_TRIES = 4  # each with a tail four times as long, since new lines may have been written
_HEAD = 4096  # bytes that contain the first line's time


class OldestLine(NamedTuple):
    """The oldest known line: its time (nanoseconds since the epoch), the beginning of its text, and the number of lines from it on."""

    time: int
    text: str
    lines: int


class OlderLines(NamedTuple):
    """Lines in order, directly before the oldest one, with their times; and the indices of those that go on in the next one.

    `whole`: there are no older lines than these, or none at all.
    """

    lines: list[str]
    times: array[int]
    continued: set[int]
    whole: bool


async def older_lines(
    connection: Connection, ref: ObjectRef, container: str, oldest: OldestLine, *, wanted: int = WANTED, previous: bool = False
) -> OlderLines:
    """About `wanted` lines before the oldest one. Raises PodtuiError."""
    tail = oldest.lines + wanted
    for _ in range(_TRIES):
        found = await _before(connection, ref, container, oldest, previous, tail, wanted)
        if found.lines:
            return found
        first = await _before(connection, ref, container, oldest, previous, None, 1, limit=_HEAD)
        if not first.lines:
            return OlderLines([], array("q"), set(), True)
        tail *= 4
    return await _before(connection, ref, container, oldest, previous, None, wanted)


async def _before(
    connection: Connection, ref: ObjectRef, container: str, oldest: OldestLine, previous: bool, tail: int | None, most: int, limit: int = 0
) -> OlderLines:
    """The last `most` lines before the oldest one, of a stream that begins `tail` lines before the log's end or at its beginning."""
    query = [("timestamps", "true")]
    if container:
        query.append(("container", container))
    if previous:
        query.append(("previous", "true"))
    if tail is not None:
        query.append(("tailLines", str(tail)))
    if limit:
        query.append(("limitBytes", str(limit)))
    splitter, times = LineSplitter(), Times()
    kept: deque[tuple[int, str, bool]] = deque(maxlen=2 * most)
    async with connection.stream(f"{ref.path}/log", query=query, accept="*/*") as stream:
        async for chunk in stream:
            if _take(splitter.feed(chunk), times, oldest, kept):
                break
        else:
            _take(splitter.feed(b"", final=True), times, oldest, kept)
    if kept and not any(at for at, _, _ in kept) and oldest.time:
        raise PodtuiError(f"the server answered: {kept[-1][1]}")  # the kubelet answers 200 before it finds out that it cannot read a log
    whole = tail is None and not limit and len(kept) < 2 * most
    places = {place for place, (_, _, goes_on) in enumerate(kept) if goes_on}
    return OlderLines([text for _, text, _ in kept], array("q", (at for at, _, _ in kept)), places, whole)


def _take(came: Lines, times: Times, oldest: OldestLine, kept: deque[tuple[int, str, bool]]) -> bool:
    """Keep older lines; True when the oldest line is reached."""
    at, texts = times.part([line.decode("utf-8", "replace") for line in came.split()], came.continued)
    for place, text in enumerate(texts):
        if at[place] > oldest.time or (at[place] == oldest.time and text.startswith(oldest.text)):
            return True
        kept.append((at[place], text, place in came.continued))
    return False
