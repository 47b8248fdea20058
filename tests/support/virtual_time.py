"""An event loop whose time goes only while everything waits: minutes of a back-off pass at once, and are counted exactly."""

from __future__ import annotations

import asyncio
import selectors
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import pytest

Value = TypeVar("Value")


class _Selector(selectors.SelectSelector):
    """Instead of waiting for a timer it moves the time on. Nothing but timers may be waited for: there are no sockets."""

    now = 0.0

    def select(self, timeout: float | None = None) -> Any:
        assert timeout is not None, "everything waits for something that never comes"
        self.now += max(0.0, timeout)
        return super().select(0)


class _Loop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._virtual = _Selector()
        super().__init__(self._virtual)

    def time(self) -> float:
        return self._virtual.now


async def until(holds: Callable[[], object], seconds: float = 400) -> None:
    """Waits until it holds; looks four times in a second of virtual time."""
    deadline = asyncio.get_running_loop().time() + seconds
    while not holds():
        assert asyncio.get_running_loop().time() < deadline, f"not within {seconds:g} seconds"
        await asyncio.sleep(0.25)


def run(work: Coroutine[Any, Any, Value]) -> Value:
    """As asyncio.run, in virtual time: the loop's own, and what `time.time()` says."""
    with _wall_clock() as runner:
        return runner.run(work)


@contextmanager
def _wall_clock() -> Iterator[asyncio.Runner]:
    began = time.time()
    with pytest.MonkeyPatch.context() as patch, asyncio.Runner(loop_factory=_Loop) as runner:
        loop = runner.get_loop()
        patch.setattr(time, "time", lambda: began + loop.time())
        yield runner
