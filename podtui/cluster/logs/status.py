"""What to read of a container's log, and the state of a follower."""

from __future__ import annotations

from typing import Literal

import msgspec

from podtui.errors import PodtuiError


class LogOptions(msgspec.Struct, frozen=True):
    """What to read, as the flags of `kubectl logs`. `tail` in lines, None for all; `since` in seconds; `limit` in bytes.

    `tail`, `since` and `limit` apply only to the first run; runs after a restart are read whole. Reading ends
    permanently at `limit`, at the end of the previous run, and without `follow` at the end of the log. `from_start` is for a pod
    that was just created: if its container was restarted before it was found, the previous run is read first.
    """

    tail: int | None = None
    since: int | None = None
    previous: bool = False
    follow: bool = True
    limit: int | None = None
    from_start: bool = False


State = Literal["connecting", "waiting", "reading", "following", "reconnecting", "ended", "failed"]


class LogStatus(msgspec.Struct, frozen=True):
    """The state of a follower. `why` is for display; `retry_at` is the time (`time.monotonic()`) of the next attempt.

    `waiting`: the container has not been started, and `why` is the server's message. `reading`: the log of an ended run
    is arriving. `ended`: the run ended, and `why` says how; the follower continues when the container is restarted,
    unless `final`. `failed` is always final. `told`: `why` stands among the lines, or is a remark there.
    """

    state: State = "connecting"
    why: str = ""
    retry_at: float | None = None
    error: PodtuiError | None = None
    final: bool = False
    told: bool = False
