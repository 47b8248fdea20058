"""Every error that a user may see: what happened, to which object, and what to do next.

One hierarchy, so that the command line, a message and a dialog show the same message.
None of them is ever shown as a traceback.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from typing import Any

from podtui.text import harmless, redacted

UNKNOWN = "It may or may not have taken effect: look before you repeat it."
"""Said of a change that `may_be_done`."""


class PodtuiError(Exception):
    """An error with a message for the user, in which no URL shows its secrets.

    `what` says what happened and to which object, in one line without a full stop; `hint` says what to
    do about it, or is empty. `exit_code` is the exit code of the command line (1 an error, 2 wrong usage).
    `may_be_done`: a change was sent, and whether the server carried it out is unknown.
    """

    exit_code = 1
    may_be_done = False

    def __init__(self, what: str, hint: str = "") -> None:
        self.what = redacted(what)
        self.hint = redacted(hint)
        super().__init__(self.what)

    def __str__(self) -> str:
        return "\n".join(filter(None, [self.what, UNKNOWN if self.may_be_done else "", self.hint]))


class UsageError(PodtuiError):
    """The command line asks for something that does not exist."""

    exit_code = 2


class ConfigError(PodtuiError):
    """podtui's own configuration, or a theme, is wrong; `what` names the file and the line."""


class KubeconfigError(PodtuiError):
    """A kubeconfig is missing, unreadable or inconsistent; `what` names the file (and the line)."""


class CredentialError(PodtuiError):
    """No credentials: an exec plugin failed, a token file is gone."""


class TextError(PodtuiError):
    """A typed text does not parse or is invalid. `position` is the 0-based character at fault."""

    exit_code = 2

    def __init__(self, what: str, text: str, position: int, hint: str = "") -> None:
        super().__init__(what, hint)
        self.text = text
        self.position = position


class SelectorError(TextError):
    """A label selector does not parse."""

    def caret(self) -> str:
        """The selector, made harmless, with a caret under the position (wide characters take two columns), on two lines."""
        before = harmless(self.text[: self.position])
        columns = sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in before)
        return f"{harmless(self.text)}\n{' ' * columns}^"


class PortSpecError(PodtuiError):
    """A port to forward (`8888:8080`) does not parse, or is a name that the pod does not have."""

    exit_code = 2


class PortBusy(PodtuiError):
    """A local port is in use. `owner` names the program ("" if unreadable), `free` is a port to use instead (0: none found)."""

    def __init__(self, what: str, port: int, owner: str = "", free: int = 0) -> None:
        super().__init__(what, f"Port {free} is free" if free else "")
        self.port = port
        self.owner = owner
        self.free = free


class PodLost(PodtuiError):
    """The pod is gone, has finished, or has been replaced by another one of the same name."""


class ArgumentError(TextError):
    """Changes of labels or annotations (`env=prod app-`) do not parse or are invalid."""


class ManifestError(PodtuiError):
    """A manifest cannot be used; `what` begins with the place (`pod.yaml:12: `). `line` is 1-based, 0 for the whole file."""

    def __init__(self, source: str, line: int, what: str, hint: str = "") -> None:
        super().__init__(f"{source}:{line}: {what}" if line else f"{source}: {what}", hint)
        self.source = source
        self.line = line


class EditorFailed(PodtuiError):
    """The user's editor ended with an error; podtui discards the edit."""


class EditorMissing(EditorFailed):
    """The user's editor cannot be started; podtui's own may be used instead."""


class UnknownKind(PodtuiError):
    """The API server does not know this kind; `hint` has similar ones."""


class ReadOnlyError(PodtuiError):
    """A change was requested while podtui is read-only; podtui sent nothing."""


class ConnectionFailed(PodtuiError):
    """The API server is unreachable: DNS, TCP, TLS, proxy or time-out. `unsent`: it was not even connected to. `silent`: the
    seconds without an answer that were the limit."""

    unsent = False
    silent: float | None = None


class CertificateRefused(ConnectionFailed):
    """The server, or what speaks TLS in front of it, did not accept the client certificate: it has heard no request."""

    unsent = True


class ServerAway(ConnectionFailed):
    """Nothing listens at the API server's address: it has ended, and the one that comes back may be another one."""


class ApiError(PodtuiError):
    """The API server refused; fields as in its `Status` (meta/v1).

    `status` is the HTTP code, `reason` the machine-readable word (`NotFound`, `Conflict`, ...), `message`
    the server's message, `details` its `details` (name, kind, causes), `retry_after` is in seconds.
    """

    def __init__(
        self,
        status: int,
        reason: str,
        message: str,
        details: Mapping[str, Any] | None = None,
        retry_after: float | None = None,
        hint: str = "",
    ) -> None:
        super().__init__(message or f"the API server answered {status} {reason}".rstrip(), hint)
        self.status = status
        self.reason = reason
        self.message = redacted(message)
        self.details: Mapping[str, Any] = details or {}
        self.retry_after = retry_after


class Unauthorized(ApiError):
    """401: the server did not accept the credentials, not even after one refresh."""


class Forbidden(ApiError):
    """403: authenticated, but not allowed."""


class NotFound(ApiError):
    """404 of an API server: the object that `details` names does not exist (any more).

    Of a GET of an object, it is that object. Of a change, it may be its namespace, or what an admission webhook was looking for.
    """

    def names(self, plural: str, name: str) -> bool:
        """Whether it is the object of that kind (`pods`) and name."""
        return (self.details.get("kind"), self.details.get("name")) == (plural, name)


class NotServed(ApiError):
    """404 of an API server that does not serve the kind, in this version or at all. Some proxies without a server behind them answer
    the same: it says nothing about an object."""


class Conflict(ApiError):
    """409: it already exists, or was changed or replaced since it was read."""


class Changed(Conflict):
    """409: the object was changed since it was read; read it again and decide again."""


class Replaced(Conflict):
    """409: the object is gone, and another one has its name now, which podtui did not change."""


class Gone(ApiError):
    """410: a resourceVersion or a continue token has expired; list again."""


class Invalid(ApiError):
    """400 or 422: the server does not accept the object or the request."""


class TooManyRequests(ApiError):
    """429: slow down, `retry_after` says for how long."""


class ServerError(ApiError):
    """5xx, or a 404 that no API server has written: the server, or an intermediary, failed."""


PASSING = (ConnectionFailed, NotServed, ServerError, TooManyRequests)
"""What may pass by itself, so that asking again makes sense."""


def api_error(
    status: int,
    reason: str,
    message: str,
    details: Mapping[str, Any] | None = None,
    retry_after: float | None = None,
) -> ApiError:
    """The subclass of `ApiError` for an HTTP status and, of a 404, for what a Status says besides."""
    kinds = {400: Invalid, 401: Unauthorized, 403: Forbidden, 409: Conflict, 410: Gone, 422: Invalid, 429: TooManyRequests}
    kind = kinds.get(status, ServerError if status >= 500 or status == 404 else ApiError)
    if status == 404 and reason == "NotFound":
        if details and details.get("kind") and details.get("name"):
            kind = NotFound
        elif message == "the server could not find the requested resource":
            kind = NotServed
    return kind(status, reason, message, details, retry_after)
