"""What the title and the foot of the logs say. Each state is a word; its colour only helps."""

from __future__ import annotations

import time
from collections.abc import Sequence

from podtui.cluster.logs.follower import LogStatus
from podtui.ui.logs.view.view import LogView
from podtui.ui.widgets.text_line import Part

_STYLES = {
    "connecting": "status.wait",
    "waiting": "status.wait",
    "reading": "status.wait",
    "following": "status.ok",
    "reconnecting": "status.warn",
    "ended": "status.done",
    "failed": "status.error",
}
_EMPTY = {
    "connecting": "connecting ...",
    "waiting": "no lines yet: the container has not been started",
    "reading": "reading ...",
    "following": "no lines yet",
    "reconnecting": "no lines yet",
    "ended": "no lines",
    "failed": "no logs",
}


def style(status: LogStatus) -> str:
    """The palette's name for a state."""
    return _STYLES[status.state]


def title(pod: str, container: tuple[str, Sequence[str]] | None, previous: bool) -> list[Part]:
    """The pod, its container and which one of how many it is."""
    parts: list[Part] = [(" Logs ", "title"), (pod, "title")]
    if container is not None:
        name, names = container
        parts += [("  ", ""), (name, "title")]
        if len(names) > 1 and name in names:
            parts.append((f" ({names.index(name) + 1} of {len(names)})", ""))
    if previous:
        parts.append(("  previous run", "warn"))
    return parts


def state(status: LogStatus, view: LogView) -> str:
    """The short word for the right end of the title."""
    if status.state == "reconnecting" and status.retry_at is not None:
        return f"reconnecting in {max(0, round(status.retry_at - time.monotonic()))} s"
    if status.state == "following" and not view.following:
        return f"paused, {view.below:,} below" if view.below else "paused"
    return status.state


def counts(status: LogStatus, view: LogView, range_words: str) -> list[Part]:
    """The search, why it stands as it stands, and how many lines there are."""
    parts: list[Part] = [(" ", "")]
    pattern = view.pattern
    if pattern is not None:
        current, count, done = view.matches
        parts += [("/", "dim"), (pattern.text, "match")]
        parts.append((f"  {f'{current:,} of ' if current else ''}{count:,}{'' if done else ' so far'}  ", ""))
        if pattern.given_up:
            parts.append(("given up: the expression takes too long on these lines  ", "warn"))
        elif pattern.slow:
            parts.append((f"{pattern.slow} left out: the expression takes too long on them  ", "warn"))
    if view.fields is not None:
        parts += [("fields ", "dim"), (view.fields.text, "match"), ("  ", "")]
    if status.why:
        parts += [(f"{status.state}: {status.why}  ", style(status))]
    count = len(view.buffer)
    if view.chosen is not None and (view.fields is not None or view.hidden):
        chosen, done = view.chosen
        parts.append((f"{chosen:,}{'' if done else ' so far'} of ", ""))
    parts.append((f"{count:,} line{'' if count == 1 else 's'}", ""))
    if view.dropped:
        parts.append((f" ({view.dropped:,} older ones dropped)", "warn"))
    parts.append((f"  {range_words}", "dim"))
    return parts


_MATCHES = {"all": "", "only": "only matches", "without": "no matches"}


def flags(view: LogView) -> list[Part]:
    """How the lines are shown, where it is not as usual."""
    marks = len(view.marks)
    words = [
        _MATCHES[view.shown_matches],
        f"±{view.context}" if view.context and view.chosen is not None else "",
        "" if view.records == "raw" else view.records,
        "wrap" if view.wrap else "",
        "" if view.times == "off" else f"times {view.times}",
        f"{marks} mark{'' if marks == 1 else 's'}" if marks else "",
        f"column {view.column + 1}" if view.column else "",
    ]
    text = "  ".join(filter(None, words))
    return [(f"{text} ", "dim")] if text else []


def nothing(status: LogStatus, view: LogView) -> list[str]:
    """What stands in the place of lines: why there are none, or why none is shown."""
    if len(view.buffer) and view.chosen is not None:
        pattern = view.pattern.text if view.pattern is not None else ""
        if view.shown_matches == "only":
            return [f"no line matches {pattern}: & shows other lines again"]
        if view.fields is not None:
            return [f"no line has {view.fields.text}: f changes the filter, Esc ends it"]
        return [f"every line matches {pattern}: & shows them again" if pattern else "the sources of all lines are hidden"]
    lines = [_EMPTY[status.state]]
    if status.why:
        lines.append(status.why)
    if status.error is not None and status.error.hint:
        lines.append(status.error.hint)
    return lines
