"""The first line: context, the server's state, scope, selector, counts, read-only, forwards. Always there, never colour alone."""

from __future__ import annotations

import time

from podtui.cluster.ages import age
from podtui.cluster.session import Session
from podtui.errors import CredentialError, Unauthorized
from podtui.ui.widgets.text_line import Part

STATES: dict[str, tuple[str, str]] = {
    "connecting": ("connecting", "status.wait"),
    "loading": ("loading", "status.wait"),
    "live": ("live", "status.ok"),
    "stale": ("stale", "status.error"),
    "denied": ("denied", "status.error"),
    "failed": ("unreachable", "status.error"),
}

_LONG = 3.0  # seconds after which it is said for how long there has been no answer


def status_parts(session: Session, shown: int, width: int) -> tuple[list[Part], list[Part]]:
    """The parts at the left and at the right for a screen of that many columns."""
    settings, store = session.settings, session.pods
    health = store.health
    word, style = STATES[health.state]
    if session.error is not None and session.connection is None:
        word, style = f"not connected: {session.error.what}", "status.error"
    elif health.state == "stale":
        word = f"stale for {age(time.time() - health.since)}"
        if health.error is not None:
            word += f": {health.error.what}"
    elif health.state == "denied" and isinstance(health.error, Unauthorized | CredentialError):
        word = "unauthorized"
    elif health.state == "connecting" and time.time() - health.since >= _LONG:
        word = f"connecting for {age(time.time() - health.since)}"
    elif health.state == "loading":
        word = f"loading {health.loaded}" + (f" of {health.loaded + health.remaining}" if health.remaining else "")
    scope = store.scope
    namespaces = "all namespaces" if scope.all_namespaces else ",".join(scope.namespaces)
    protected = session.config.is_protected(settings.context)
    left: list[Part] = [(" ", ""), (settings.context or settings.server, "title")]
    if protected:
        left.append((" PROTECTED", "danger"))
    left += [("  ", ""), (namespaces, "label.key")]
    if scope.selector:
        left += [("  -l ", "dim"), (scope.selector, "label.value")]
    left += [("  ", ""), (f"● {word}" if health.state == "live" else f"○ {word}", style)]
    if store.denied and health.state != "denied":
        left.append((f"  ✗ denied: {', '.join(sorted(store.denied))}", "status.error"))
    right: list[Part] = []
    running = sum(1 for forward in session.forwards.forwards if forward.state == "active")
    if running:
        right.append((f"{running} forward{'s' if running > 1 else ''}  ", "label.value"))
    if session.read_only:
        right.append(("read-only  ", "warn"))
    total = len(store.rows)
    right.append((f"{shown}/{total} pods " if shown != total else f"{total} pods " if store.known or total else "", ""))
    return left, right
