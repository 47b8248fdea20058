"""Many objects worked on a few at a time: a result for each, and an end to all when the server is lost."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Iterable
from dataclasses import dataclass, field
from typing import Generic, Literal, TypeVar

import msgspec

from podtui.errors import ConnectionFailed, CredentialError, PodtuiError, ReadOnlyError, Unauthorized

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

_AT_ONCE = 8
STOPS = (ConnectionFailed, CredentialError, Unauthorized, ReadOnlyError)
"""What one object meets with, all the others would meet with too."""


class Result(msgspec.Struct, frozen=True):
    """What became of one object: `done`; `already` so, or gone already; `failed`, and may be tried again; `lost`: it is gone, or another
    object has its name. `words` say more, harmless in one line each."""

    state: Literal["done", "already", "failed", "lost"]
    words: str = ""

    @property
    def well(self) -> bool:
        return self.state in ("done", "already")


@dataclass
class Results(Generic[K, V]):
    """What came of each key. Those in neither map were not begun: `stopped` is the error that kept them from it."""

    done: dict[K, V] = field(default_factory=dict)
    failed: dict[K, PodtuiError] = field(default_factory=dict)
    stopped: PodtuiError | None = None

    def error(self, key: K) -> PodtuiError | None:
        """Why there is no result for the key."""
        return None if key in self.done else self.failed.get(key, self.stopped)


async def each(keys: Iterable[K], work: Callable[[K], Awaitable[V]], *, note: Callable[[str], None] | None = None) -> Results[K, V]:
    """Do the work for each key, a few at a time. An error of STOPS keeps what has not begun from beginning; another one is that key's.

    `note` hears how far it is, when there are several. What is no PodtuiError is raised.
    """
    results: Results[K, V] = Results()
    gate = asyncio.Semaphore(_AT_ONCE)
    keys = list(keys)

    async def one(key: K) -> None:
        async with gate:
            if results.stopped is not None:
                return
            try:
                results.done[key] = await work(key)
            except PodtuiError as error:
                results.failed[key] = error
                if isinstance(error, STOPS):
                    results.stopped = results.stopped or error
            if note is not None and len(keys) > 1:
                note(f"{len(results.done) + len(results.failed)} of {len(keys)} answered")

    await asyncio.gather(*(one(key) for key in keys))
    return results
