"""Signals: values that several objects watch without knowing one another."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Signal(Generic[T]):
    """Callbacks. An exception of one goes to the event loop's handler; the others are still called."""

    def __init__(self) -> None:
        self._callbacks: list[Callable[[T], None]] = []

    def subscribe(self, fn: Callable[[T], None]) -> Callable[[], None]:
        self._callbacks.append(fn)

        def unsubscribe() -> None:
            if fn in self._callbacks:
                self._callbacks.remove(fn)

        return unsubscribe

    def emit(self, value: T) -> None:
        for fn in tuple(self._callbacks):
            try:
                fn(value)
            except Exception as error:
                report("a subscriber of a signal failed", error)


def report(message: str, error: BaseException) -> None:
    """Give an error to the event loop's exception handler; without a running loop, raise it."""
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        raise error from None
    loop.call_exception_handler({"message": message, "exception": error})
