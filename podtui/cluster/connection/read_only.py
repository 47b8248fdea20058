"""The rule that decides what podtui may send while it is read-only."""

from __future__ import annotations

import re
from collections.abc import Sequence
from urllib.parse import unquote

from podtui.errors import ReadOnlyError
from podtui.text import harmless

# Questions that are POST requests: they create nothing.
_QUESTIONS = re.compile(
    r"/apis/(authorization\.k8s\.io/v[0-9a-z]+/selfsubject(access|rules)reviews|authentication\.k8s\.io/v[0-9a-z]+/selfsubjectreviews)\Z"
)
# The collection of a kind that the API server itself serves, which is known to honour dryRun. Another group may be
# an aggregated server, which may ignore it.
_BUILT_IN_COLLECTION = re.compile(r"(/api/v1|/apis/([a-z]+|[a-z.]+\.k8s\.io)/v[0-9a-z]+)(/namespaces/[^/]+)?/[a-z]+\Z")
# Subresources through which a GET reaches into a container or to whatever a pod, a service or a node serves.
_DOORS = ("exec", "attach", "proxy")


def check(method: str, path: str, query: Sequence[tuple[str, str]] = (), *, reason: str = "") -> None:
    """Raise ReadOnlyError unless the request cannot change the cluster; called for every request while podtui is read-only.

    `reason` is why podtui stays read-only; it is the error's hint, "" where the user may turn it off.

    GET and HEAD pass, except to run something in a container (exec, attach) or through the API server's proxy.
    A port-forward passes: it is a connection, and the user decides what goes through it. Questions about
    the user's own rights pass, and so does a POST that only tries (`dryRun=All`) to create a built-in kind.
    """
    plain = unquote(path)  # as the server does before it splits the path
    parts = plain.split("/")
    odd = not path.startswith("/") or any(part in ("", ".", "..") for part in parts[1:-1]) or any(c in plain for c in "?#%\\")
    if not odd:
        if method in ("GET", "HEAD"):
            if not _is_door(parts[1:]):
                return
        elif method == "POST" and (_QUESTIONS.match(plain) or (_only_tries(query) and _BUILT_IN_COLLECTION.match(plain))):
            return
    raise ReadOnlyError(
        f"podtui is read-only: {harmless(method)} {harmless(path)} was not sent", reason and f"it stays read-only: {reason}"
    )


def _is_door(parts: list[str]) -> bool:
    """Whether the path is exec, attach or proxy of a pod, or proxy of a service or a node (or below)."""
    if parts[:1] == ["api"]:
        rest = parts[2:]
    elif parts[:1] == ["apis"]:
        rest = parts[3:]
    else:
        return False
    if rest[:1] == ["proxy"]:  # the oldest form, /api/v1/proxy/...
        return True
    if rest[:1] == ["namespaces"] and len(rest) > 2:
        rest = rest[2:]
    return len(rest) > 2 and rest[2] in _DOORS  # plural, name, subresource


def _only_tries(query: Sequence[tuple[str, str]]) -> bool:
    return [value for key, value in query if key == "dryRun"] == ["All"]
