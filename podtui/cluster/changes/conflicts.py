"""What a 409 and a 404 of the API server mean for a change, and a retry on a newer version of the object.

The server answers the same for an object that changed and for another object of the same name; only the UID distinguishes them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

from podtui.errors import Changed, Conflict, Invalid, NotFound, Replaced
from podtui.kube.resources import NAMESPACES, ObjectRef
from podtui.text import harmless

T = TypeVar("T")

_ATTEMPTS = 5  # a busy object changes in other fields while podtui reads it


async def on_newest_version(ref: ObjectRef, send: Callable[[], Awaitable[T]], look_again: Callable[[], Awaitable[None]]) -> T:
    """The result of `send`, which raises Changed when the object is no longer in the version that was read.

    `look_again` then reads the newer version, and raises when the change no longer means the same there; otherwise, `send` is
    called again. Raises Changed when the object changes each time.
    """
    for _ in range(_ATTEMPTS):
        try:
            return await send()
        except Changed:
            await look_again()
    raise Changed(409, "Conflict", f"{harmless(str(ref))} keeps changing", hint="Try again")


def require_same(ref: ObjectRef, metadata: Mapping[str, Any]) -> None:
    """Raise Replaced when the object with this metadata does not have the UID of `ref`."""
    if ref.uid and metadata.get("uid") != ref.uid:
        raise replaced(ref)


def changed(ref: ObjectRef, error: Conflict) -> Changed:
    return Changed(error.status, error.reason, error.message, error.details, hint=f"{harmless(str(ref))} was changed since it was read")


def replaced(ref: ObjectRef, error: Conflict | Invalid | None = None) -> Replaced:
    """`error` is the server's answer that shows it."""
    what = f"{harmless(str(ref))} was deleted and recreated since: a different object has its name now"
    return Replaced(409, "Conflict", what, None if error is None else error.details, hint="it was not touched")


def is_gone(ref: ObjectRef, error: NotFound) -> bool:
    """Whether the answer to a change says that the object is not there, or its namespace."""
    return error.names(ref.resource.plural, ref.name) or error.names(NAMESPACES.plural, ref.namespace)
