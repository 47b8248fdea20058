"""The texts of the logs' title and foot, and the names before lines. Each state is a word; its colour only helps."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Collection, Sequence

from podtui.cluster.logs.follower import LogStatus, State
from podtui.cluster.logs.group import LogGroup, LogSource, LogTarget
from podtui.text import counted
from podtui.ui.logs.view.browser import LogBrowser
from podtui.ui.widgets.text_document import Part

# The state of several sources is the first of these that any of them has.
_ORDER: tuple[State, ...] = ("following", "reconnecting", "reading", "connecting", "waiting", "failed", "ended")


def names_of(sources: Sequence[LogSource]) -> list[str]:
    """The shortest distinct names of the sources: containers of one pod, or pods if all have one container of the same name."""
    pods = {source.ref.uid for source in sources}
    containers = {source.container for source in sources}
    spaces = {source.ref.namespace for source in sources}
    several = len(pods) < len(sources) or len(containers) > 1
    names = []
    for source in sources:
        words = [source.ref.name] if len(pods) > 1 or not several else []
        if several:
            words.append(source.container or "...")
        name = " ".join(words)
        names.append(f"{source.ref.namespace}/{name}" if len(spaces) > 1 else name)
    return names


def prefixes_of(sources: Sequence[LogSource]) -> list[str]:
    """The prefix of each source's lines in a file, as `kubectl logs --prefix` writes it; none for a single source."""
    return [f"[pod/{source.ref.name}/{source.container}] " for source in sources] if len(sources) > 1 else []


def status_of(group: LogGroup) -> LogStatus:
    """One status for all sources: that of a single one, otherwise the most active, with the number in each state."""
    sources = group.sources
    if not sources:
        if group.error is not None:
            return LogStatus("reconnecting" if group.health.state != "denied" else "failed", group.error.what, error=group.error)
        return LogStatus("waiting", "no pod matches yet") if group.known and group.target.live else LogStatus()
    if len(sources) == 1:
        return sources[0].status
    counts = Counter(source.status.state for source in sources)
    state = next(state for state in _ORDER if counts[state])
    others = [f"{counts[each]} {each}" for each in _ORDER if counts[each] and each != state]
    why = ", ".join([f"{counts[state]} of {len(sources)}", *others]) if others else ""
    those = [source.status for source in sources if source.status.state == state]
    told = len(counts) == 1 and len({status.why for status in those}) == 1
    if told:
        why = those[0].why
    told = told and all(status.told for status in those)
    retries = [status.retry_at for status in those if status.retry_at is not None]
    final = all(source.final for source in sources) and not group.target.live
    error = next((status.error for status in those if status.error), None)
    return LogStatus(state, why, min(retries, default=None), error, final, told)


def title_of(target: LogTarget, group: LogGroup | None, hidden: Collection[int], previous: bool) -> list[Part]:
    """The sources: one container and its position among the pod's containers, or the numbers of pods and containers."""
    parts: list[Part] = [(" Logs ", "title")]
    sources = [] if group is None else group.sources
    shown = [source for source in sources if source.number not in hidden]
    if len(target.pods) == 1 and not target.live:
        pods = list(dict.fromkeys(source.ref for source in sources)) or [target.pods[0]]
        parts.append((pods[-1].name, "title"))
        if len(pods) > 1:
            parts.append((f" (after {pods[-2].name})", ""))
        known = [] if group is None else group.containers
        shown = [source for source in shown if source.ref == pods[-1]]
        if len(shown) == 1 and shown[0].container:
            name = shown[0].container
            parts += [("  ", ""), (name, "title")]
            if len(known) > 1 and name in known:
                parts.append((f" ({known.index(name) + 1} of {len(known)})", ""))
        elif len(sources) > 1:
            parts.append((f"  {len(shown)} of {max(len(known), len(shown))} containers", ""))
    else:
        if (scope := target.scope) is not None:
            where = f" on {scope.node}" if scope.node else f" in {', '.join(scope.namespaces) or 'all namespaces'}"
            parts.append(((scope.selector or "all pods") + where + "  ", "title"))
        count = len({source.ref.uid for source in shown})
        parts.append((f"{counted(count, 'pod')}, {counted(len(shown), 'container')}", ""))
        if len(shown) < len(sources):
            parts.append((f" ({len(sources) - len(shown)} hidden)", "warn"))
    if previous:
        parts.append(("  previous run", "warn"))
    return parts


def left_out_of(group: LogGroup | None) -> list[Part]:
    """The number of streams above the limit."""
    count = 0 if group is None else len(group.left_out)
    return [(f" {count} left out, c lists them ", "warn")] if count else []


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
    "connecting": "connecting…",
    "waiting": "no lines yet: the container has not started",
    "reading": "reading…",
    "following": "no lines yet",
    "reconnecting": "no lines yet",
    "ended": "no lines",
    "failed": "no logs",
}


def style(status: LogStatus) -> str:
    """The name of a state's style in the palette."""
    return _STYLES[status.state]


def state(status: LogStatus, browser: LogBrowser) -> str:
    """The short word for the right end of the title."""
    if status.state == "reconnecting" and status.retry_at is not None:
        return f"reconnecting in {max(0, round(status.retry_at - time.monotonic()))} s"
    if status.state == "following" and not browser.window.following:
        return f"paused, {browser.below:,} below" if browser.below else "paused"
    return status.state


def reason(status: LogStatus) -> str:
    """Why the status is what it is; "" when that needs no word, or stands among the lines."""
    return f"{status.state}: {status.why}" if status.why and not status.told else ""


def counts(status: LogStatus, browser: LogBrowser, range_words: str, why: str) -> list[Part]:
    """The search, the reason `why` for the status, and the number of lines."""
    parts: list[Part] = [(" ", "")]
    pattern = browser.cursor.pattern
    if pattern is not None:
        current, count, done = browser.cursor.place
        parts += [("/", "dim"), (pattern.text, "match")]
        parts.append((f"  {f'{current:,} of ' if current else ''}{count:,}{'' if done else ' so far'}  ", ""))
        if pattern.given_up:
            parts.append(("abandoned: the expression takes too long on these lines  ", "warn"))
        elif pattern.slow:
            parts.append((f"{pattern.slow} skipped: the expression takes too long on them  ", "warn"))
    if browser.choice.fields is not None:
        parts += [("fields ", "dim"), (browser.choice.fields.text, "match"), ("  ", "")]
    if why:
        parts.append((f"{why}  ", style(status)))
    count = len(browser.buffer) - sum(len(block.notes) for block in browser.buffer.blocks)
    if browser.chosen is not None and (browser.choice.fields is not None or browser.choice.hidden):
        chosen, done = browser.chosen
        parts.append((f"{chosen:,}{'' if done else ' so far'} of ", ""))
    parts.append((counted(count, "line"), ""))
    if browser.buffer.dropped:
        parts.append((f" ({browser.buffer.dropped:,} older ones dropped)", "warn"))
    parts.append((f"  {range_words}", "dim"))
    return parts


_MATCHES = {"all": "", "only": "only matches", "without": "no matches"}


def flags(browser: LogBrowser) -> list[Part]:
    """The display settings that differ from the defaults."""
    marks = len(browser.marks)
    words = [
        _MATCHES[browser.shown_matches],
        f"±{browser.choice.context}" if browser.choice.context and browser.chosen is not None else "",
        "" if browser.window.look.records == "raw" else browser.window.look.records,
        "wrap" if browser.window.wrap else "",
        "" if browser.window.look.times == "off" else f"times {browser.window.look.times}",
        counted(marks, "mark") if marks else "",
        f"column {browser.cursor.left + 1}" if browser.cursor.left else "",
    ]
    text = "  ".join(filter(None, words))
    return [(f"{text} ", "dim")] if text else []


def nothing(status: LogStatus, browser: LogBrowser) -> list[str]:
    """The text in place of lines: why there are none, or why none is shown."""
    if len(browser.buffer) and browser.chosen is not None:
        pattern = browser.cursor.pattern.text if browser.cursor.pattern is not None else ""
        if browser.shown_matches == "only":
            return [f"no line matches {pattern}: & shows other lines again"]
        if browser.choice.fields is not None:
            return [f"no line has {browser.choice.fields.text}: f changes the filter, Esc clears it"]
        return [f"every line matches {pattern}: & shows them again" if pattern else "the sources of all lines are hidden"]
    lines = [_EMPTY[status.state]]
    if status.why:
        lines.append(status.why)
    if status.error is not None and status.error.hint:
        lines.append(status.error.hint)
    return lines
