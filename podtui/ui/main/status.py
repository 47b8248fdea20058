"""Status texts: the first line (context, state, scope, selector, counts, read-only, forwards), and the lines of an empty list."""

from __future__ import annotations

import time

from podtui.cluster.live.store import Health, RowStore
from podtui.cluster.session import Session
from podtui.errors import CredentialError, Unauthorized
from podtui.kube.ages import age
from podtui.kube.resources import Scope
from podtui.ui.main.kinds import Kind
from podtui.ui.widgets.text_document import Part

_STYLES = {"live": "status.ok", "polling": "status.wait", "loading": "status.wait", "connecting": "status.wait"}
_WORDS = {"failed": "unreachable"}  # where the word on the screen is another one
_LONG = 3.0  # seconds without an answer after which the text says for how long


def status_parts(session: Session, store: RowStore, kind: Kind, shown: int, width: int) -> tuple[list[Part], list[Part]]:
    """The parts at the left and at the right for a screen of that many columns, with that many rows of `store` shown.

    Long parts come last or are cut in the middle, so that the state is in view at 80 columns whatever the selector.
    """
    settings, health = session.settings, store.health
    word, why, _ = _state(session, store, kind)
    style = "status.error" if word == "not connected" else _STYLES.get(health.state, "status.error")
    scope = store.scope
    where = "all namespaces" if scope.all_namespaces else ",".join(scope.namespaces)
    protected = session.config.is_protected(settings.context)
    left: list[Part] = [(" ", ""), (_cut(settings.context or settings.shown_server, max(20, width // 3)), "title")]
    if protected:
        left.append((" PROTECTED", "danger"))
    left += [("  ", ""), (f"● {word}" if health.state == "live" else f"○ {word}", style)]
    if store.denied and health.state != "denied":
        left.append((f"  ✗ denied: {', '.join(sorted(store.denied))}", "status.error"))
    left += [("  ", ""), (where if kind.resource.namespaced else kind.plural, "label.key")]
    if kind.resource.namespaced:
        one = len(scope.namespaces) == 1
        left += [(f"  ✗ {why}" + ("" if one else f": {name}"), "status.error") for name, why in session.missing_namespaces.items()]
    if scope.selector:
        left += [("  -l ", "dim"), (scope.selector, "label.value")]
    if scope.node:
        left += [("  on node ", "dim"), (scope.node, "label.value")]
    if why:
        left += [("  ", ""), (why, style)]
    right: list[Part] = []
    states = [forward.state for forward in session.forwards.forwards if forward.running]
    if states:
        right.append((f"{len(states)} forward{'s' if len(states) > 1 else ''}", "label.value"))
        waiting = states.count("waiting")
        right.append((f", {waiting} waiting  " if waiting else "  ", "status.wait"))
    if session.read_only:
        right.append(("read-only  ", "warn"))
    total = len(store.rows)
    noun = kind.singular if total == 1 else kind.plural
    right.append((f"{shown}/{total} {noun} " if shown != total else f"{total} {noun} " if store.known or total else "", ""))
    return left, right


class StateNews:
    """Tells each change of a list's state with its whole reason, for which the first line may have no room."""

    def __init__(self) -> None:
        self._last = ""

    def news(self, session: Session, store: RowStore, kind: Kind) -> tuple[str, str] | None:
        """The words and their severity; None when there is nothing new."""
        health, error = store.health, store.health.error or (None if session.connection is not None else session.error)
        if health.state in ("stale", "failed", "denied", "polling") and error is not None:
            words, severity = f"{kind.plural}: {_WORDS.get(health.state, health.state)}: {error}", "warning"
        elif health.state == "live" and self._last:
            words, severity = f"{kind.plural}: live again", "information"
        else:
            return None
        new, self._last = words != self._last, words if severity == "warning" else ""
        return (words, severity) if new else None


def empty_words(session: Session, store: RowStore, kind: Kind) -> tuple[str, ...]:
    """The lines in place of rows; they say that there are none only once the server has said so."""
    health, scope, denied = store.health, store.scope, sorted(store.denied)
    if store.rows:
        return (f"no {kind.singular} matches the filter", "Esc clears it")
    if store.known and health.state in ("live", "polling", "stale"):
        heard = [name for name in scope.namespaces if name not in denied]
        with_ = f" with labels {scope.selector}" if scope.selector else ""
        with_ += f" on node {scope.node} (Esc: on any node)" if scope.node else ""
        lines = [f"no {kind.plural}{' in ' + ', '.join(heard) if heard else _where(kind, scope)}{with_}"]
        lines += [f"you may not list {kind.plural} in {', '.join(denied)}"] if denied else []
        for name, why in session.missing_namespaces.items() if kind.resource.namespaced else ():
            lines.append(f"namespace {name} was deleted" if why == "deleted" else f"there is no namespace {name}")
        return tuple(lines)
    return _state(session, store, kind)[2]


def loading_words(health: Health) -> str:
    return f"loading {health.loaded}" + (f" of {health.loaded + health.remaining}" if health.remaining else "")


def _state(session: Session, store: RowStore, kind: Kind) -> tuple[str, str, tuple[str, ...]]:
    """The state in a word, its reason ("" where the first line needs none), and the lines for a list without rows."""
    health, scope, error = store.health, store.scope, store.health.error
    reasons = tuple(word for word in (error.what, error.hint) if word) if error else ()
    waited = age(time.time() - health.since)
    if session.error is not None and session.connection is None:
        return "not connected", session.error.what, ("cannot connect yet; trying again", session.error.what, session.error.hint)
    if health.state == "denied" and isinstance(error, Unauthorized | CredentialError):
        return "unauthorized", "", ("the API server does not accept the credentials; trying again", *reasons)
    if health.state == "denied":
        return "denied", "", (f"you may not list {kind.plural}{_where(kind, scope)}", *reasons, kind.denied)
    if health.state in ("failed", "stale"):
        lacks = isinstance(error, CredentialError)
        why = "there are no credentials for the API server" if lacks else "the API server cannot be reached"
        word = f"stale for {waited}" if health.state == "stale" else "no credentials" if lacks else "unreachable"
        return word, error.what if error and health.state == "stale" else "", (f"{why}; trying again", *reasons)
    if health.state == "loading":
        return loading_words(health), "", (f"loading {kind.plural}…",)
    if health.state == "live":
        return "live", "", ()
    if health.state == "polling":
        return f"polling, {waited} ago", error.what if error else "", ()
    is_long = time.time() - health.since >= _LONG
    lines = (f"connecting to {session.settings.shown_server}…", *((f"no answer for {waited}",) if is_long else ()))
    if waits := session.waits_for:
        lines = (f"waiting for {waits[0]}…", *waits[1:])
    return f"connecting for {waited}" if is_long else "connecting", "", lines


def _where(kind: Kind, scope: Scope) -> str:
    return "" if not kind.resource.namespaced else f" in {', '.join(scope.namespaces) or 'all namespaces'}"


def _cut(name: str, most: int) -> str:
    """A name in at most that many characters, cut in the middle, since its end is what differs from others."""
    return name if len(name) <= most else f"{name[: most - 1 - most // 2]}…{name[-(most // 2) :]}"
