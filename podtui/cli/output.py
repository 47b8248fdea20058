"""Standard output whose failures are told in a line: it may be closed, or on a disk that is full."""

from __future__ import annotations

import os
import sys
from typing import Any, TextIO

from podtui.errors import PodtuiError
from podtui.text import redacted


class Output:
    """Stands where `sys.stdout` stands. A write that fails raises PodtuiError; BrokenPipeError stays: its reader has what it wants."""

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def isatty(self) -> bool:
        return self._stream is not None and not self._stream.closed and self._stream.isatty()

    def write(self, text: str) -> int:
        if self._stream is None or self._stream.closed:
            raise PodtuiError("standard output is closed")
        try:
            return self._stream.write(text)
        except BrokenPipeError:
            raise
        except OSError as error:
            raise self._failed(error) from None

    def flush(self) -> None:
        if self._stream is None or self._stream.closed:
            return
        try:
            self._stream.flush()
        except BrokenPipeError:
            raise
        except OSError as error:
            raise self._failed(error) from None

    def give_up(self) -> None:
        """Drop what could not be written: Python would complain when it flushes at the end."""
        if self._stream is not None and not self._stream.closed:
            os.dup2(os.open(os.devnull, os.O_WRONLY), self._stream.fileno())

    def _failed(self, error: OSError) -> PodtuiError:
        self.give_up()
        return PodtuiError(f"cannot write to standard output: {error.strerror}")


def tell(text: str) -> None:
    """A line on standard error, which may be closed or full too: then nobody can be told."""
    try:
        print(redacted(text), file=sys.stderr, flush=True)
    except (OSError, ValueError):
        pass
