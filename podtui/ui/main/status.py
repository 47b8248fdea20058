"""The first line: context, the server's state, scope, selector, counts, read-only, forwards. Always there, never colour alone."""

from __future__ import annotations

import time

from podtui.cluster.session import Session
from podtui.errors import CredentialError, Unauthorized
from podtui.kube.ages import age
from podtui.ui.widgets.text_document import Part

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
    """The parts at the left and at the right for a screen of that many columns.

    What may be long comes last or is cut in the middle, so that the state is in view at 80 columns whatever the selector.
    """
    settings, store = session.settings, session.pods
    health = store.health
    word, style = STATES[health.state]
    why = ""
    if session.error is not None and session.connection is None:
        word, why, style = "not connected", session.error.what, "status.error"
    elif health.state == "stale":
        word = f"stale for {age(time.time() - health.since)}"
        why = "" if health.error is None else health.error.what
    elif health.state == "denied" and isinstance(health.error, Unauthorized | CredentialError):
        word = "unauthorized"
    elif health.state == "failed" and isinstance(health.error, CredentialError):
        word = "no credentials"
    elif health.state == "connecting" and time.time() - health.since >= _LONG:
        word = f"connecting for {age(time.time() - health.since)}"
    elif health.state == "loading":
        word = f"loading {health.loaded}" + (f" of {health.loaded + health.remaining}" if health.remaining else "")
    scope = store.scope
    namespaces = "all namespaces" if scope.all_namespaces else ",".join(scope.namespaces)
    protected = session.config.is_protected(settings.context)
    left: list[Part] = [(" ", ""), (_cut(settings.context or settings.server, max(20, width // 3)), "title")]
    if protected:
        left.append((" PROTECTED", "danger"))
    left += [("  ", ""), (f"● {word}" if health.state == "live" else f"○ {word}", style)]
    if store.denied and health.state != "denied":
        left.append((f"  ✗ denied: {', '.join(sorted(store.denied))}", "status.error"))
    left += [("  ", ""), (namespaces, "label.key")]
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
    pods = "pod" if total == 1 else "pods"
    right.append((f"{shown}/{total} {pods} " if shown != total else f"{total} {pods} " if store.known or total else "", ""))
    return left, right


def _cut(name: str, most: int) -> str:
    """A name in at most that many characters, cut in the middle: its end tells it from others."""
    return name if len(name) <= most else f"{name[: most - 1 - most // 2]}…{name[-(most // 2) :]}"
