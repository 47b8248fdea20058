"""Work on many objects, a few at a time: a result for each, and a stop for all when the server is lost."""

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
"""Errors for one object that all the others would meet too."""


class Result(msgspec.Struct, frozen=True):
    """The result for one object: `done`; `already` so, or already gone; `failed`, and may be retried; `lost`: it is gone, or another
    object has its name. `words` say more, each harmless and on one line."""

    state: Literal["done", "already", "failed", "lost"]
    words: str = ""

    @property
    def well(self) -> bool:
        return self.state in ("done", "already")


@dataclass
class Results(Generic[K, V]):
    """The result for each key. Keys in neither map were not started: `stopped` is the error that prevented it."""

    done: dict[K, V] = field(default_factory=dict)
    failed: dict[K, PodtuiError] = field(default_factory=dict)
    stopped: PodtuiError | None = None

    def error(self, key: K) -> PodtuiError | None:
        """Why the key has no result."""
        return None if key in self.done else self.failed.get(key, self.stopped)


async def each(keys: Iterable[K], work: Callable[[K], Awaitable[V]], *, note: Callable[[str], None] | None = None) -> Results[K, V]:
    """Do the work for each key, a few at a time. An error of STOPS prevents further keys from starting; any other belongs to its key.

    `note` gets the progress if there are several keys. Anything but a PodtuiError is raised.
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
