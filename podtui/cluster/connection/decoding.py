"""The gate through which every answer passes when it is taken apart: whatever is wrong with it becomes an UnreadableAnswer.

JSON from a server may be broken, nested too deeply, or of another shape than the API's. So its readers need not expect any of that.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, TypeVar, cast

import msgspec

from podtui.errors import ConnectionFailed, PodtuiError
from podtui.text import harmless

T = TypeVar("T")


class UnreadableAnswer(ConnectionFailed):
    """The answer cannot be decoded: it is not from an API server, or the server does not know the requested form."""


@contextmanager
def readable(what: str) -> Iterator[None]:
    """While the answer for `what` (a path or an object) is decoded and read: raises UnreadableAnswer for anything unexpected in it."""
    try:
        yield
    except PodtuiError:
        raise
    except Exception as error:  # of every kind: the content decides which
        if not isinstance(error, msgspec.MsgspecError | UnicodeError):
            logging.getLogger(__name__).warning("an answer for %s is like none that podtui knows", harmless(what), exc_info=error)
        raise unreadable(what, error) from error


def unreadable(what: str, error: Exception) -> UnreadableAnswer:
    """The error of an answer for `what` that raised `error` while it was taken apart."""
    if isinstance(error, RecursionError):
        words = "it is nested too deeply"
    elif isinstance(error, msgspec.ValidationError):
        words = harmless(str(error))[:120]
    elif isinstance(error, msgspec.MsgspecError | UnicodeError):
        words = f"it is not JSON ({harmless(str(error))[:120]})"
    else:
        words = f"it does not have the expected form ({type(error).__name__}: {harmless(str(error))[:80]})"
    return UnreadableAnswer(f"the API server's answer for {harmless(what)} cannot be read: {words}")


def decode(content: bytes | msgspec.Raw, form: type[T], what: str) -> T:
    """The answer for `what` (a path or an object), decoded by msgspec; raises UnreadableAnswer when it does not fit `form`."""
    try:
        return cast("T", _decoder(form).decode(content))  # type: ignore[arg-type]
    except Exception as error:  # RecursionError among them
        raise unreadable(what, error) from error


@cache
def _decoder(form: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(form)
