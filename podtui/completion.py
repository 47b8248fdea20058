"""What may follow at a place of a typed text, whoever knows it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Candidate:
    """`count` is how many objects or lines have it; None where that means nothing, as for an operator."""

    text: str
    count: int | None = None


@dataclass(frozen=True, slots=True)
class Completion:
    """`text[start:end]` is what a candidate replaces; the best candidate comes first."""

    start: int
    end: int
    candidates: Sequence[Candidate] = ()
