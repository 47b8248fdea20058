"""What is read of a container's log, and how a follower stands."""

from __future__ import annotations

from typing import Literal

import msgspec

from podtui.errors import PodtuiError


class LogOptions(msgspec.Struct, frozen=True):
    """What to read, as the flags of `kubectl logs`. `tail` in lines, None for all; `since` in seconds; `limit` in bytes.

    `tail`, `since` and `limit` are for the first run only; runs after a restart are read whole. Reading ends for
    good at `limit`, at the end of the previous run, and without `follow` at the end of what there is. `from_start` is for a pod
    that was made a moment ago: if its container was restarted before it was found, the run before is read first.
    """

    tail: int | None = None
    since: int | None = None
    previous: bool = False
    follow: bool = True
    limit: int | None = None
    from_start: bool = False


State = Literal["connecting", "waiting", "reading", "following", "reconnecting", "ended", "failed"]


class LogStatus(msgspec.Struct, frozen=True):
    """How it stands. `why` is in words for a person; `retry_at` is the time (`time.monotonic()`) of the next attempt.

    `waiting`: the container has not been started, `why` are the server's words. `reading`: the log of a run that
    ended is on its way. `ended`: the run ended, `why` says how; the follower goes on when the container is restarted,
    unless `final`. `failed` is always final.
    """

    state: State = "connecting"
    why: str = ""
    retry_at: float | None = None
    error: PodtuiError | None = None
    final: bool = False
