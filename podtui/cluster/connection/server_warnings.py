"""The API server's warnings (the Warning header of RFC 7234, code 299), collected on request.

`with heard() as warnings:` collects those of the requests made inside, in the same task or in tasks started there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from podtui.text import harmless

_listener: ContextVar[list[str] | None] = ContextVar("_listener", default=None)
_ONE = re.compile(r'\s*(\d{3}) \S+ "((?:[^"\\]|\\.)*)"(?: "[^"]*")?\s*,?')


@contextmanager
def heard() -> Iterator[list[str]]:
    """A list that grows by the warnings of the requests made inside, each once, harmless."""
    found: list[str] = []
    token = _listener.set(found)
    try:
        yield found
    finally:
        _listener.reset(token)


def hear(headers: Iterable[str]) -> None:
    """Collect the Warning headers of an answer."""
    listener = _listener.get()
    if listener is None:
        return
    for header in headers:
        for code, text in _ONE.findall(header):
            warning = harmless(re.sub(r"\\(.)", r"\1", text))
            if code == "299" and warning not in listener:
                listener.append(warning)
