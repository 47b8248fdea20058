"""Strategies for answers like none that an API server sends: good JSON of which something is exchanged, dropped or broken off."""

from __future__ import annotations

import copy
import json
from typing import Any

from hypothesis import strategies as st

MONSTERS: list[Any] = [
    None, True, -1, 0, 2**70, 1e308, "", "\x1b[2J\x07", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "not a time", "⁦\u202e",
    "9" * 5000, [], {}, [None], [[]], {"": None}, {"metadata": None}, "x" * 70_000,
]  # fmt: skip
"""Values that something in an answer is exchanged for."""
DEEP = b"[" * 100_000
DIGITS = b"9" * 5000
"""Written into the bytes: no Python value is written so."""


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path] if path else []
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        found += _places(inner, (*path, key))
    return found


@st.composite
def mutated(draw: st.DrawFn, good: bytes) -> bytes:
    """`good`, a JSON text, with one to four things wrong."""
    value = json.loads(good)
    for _ in range(draw(st.integers(0, 3))):
        places = _places(value)
        if not places:
            break
        *way, last = draw(st.sampled_from(places))
        inner = value
        for key in way:
            inner = inner[key]
        what = draw(st.sampled_from(["exchange", "drop", "double"]))
        if what == "exchange":
            inner[last] = copy.deepcopy(draw(st.sampled_from(MONSTERS)))  # what is done to it next stays in this example
        elif what == "drop":
            del inner[last]
        elif isinstance(inner, list):
            inner.append(inner[last])
        else:
            inner[f"{last}2"] = inner[last]
    written = json.dumps(value).encode()
    at = draw(st.integers(0, len(written)))
    endings = [b"", DEEP + written[at:], DIGITS + written[at:], b"\xff\x00" + written[at:]]
    return draw(st.sampled_from([written, written, *(written[:at] + ending for ending in endings), written * 2, b"", b"null", b"[]"]))
