"""Split a log's bytes into whole lines. They stay bytes until somebody looks at a line.

The API server sends a log as plain bytes; chunks may end anywhere, even within a character.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

MAX_LINE = 65_536  # bytes; a longer line comes in several pieces


class Lines(NamedTuple):
    """Lines in order, each with its newline. Those whose index is in `continued` go on in the next one: pieces of one long line."""

    data: bytes = b""
    continued: Collection[int] = ()

    def split(self) -> list[bytes]:
        """The lines without their newlines."""
        lines = self.data.split(b"\n")
        lines.pop()
        return lines


class LineSplitter:
    """Splits chunks of bytes after the last complete line. `rest` is the beginning of the next one.

    A line of more than `limit` bytes (at least 4) comes in pieces, the same ones however the chunks were cut; a piece ends at the end of
    a UTF-8 character.
    """

    def __init__(self, limit: int = MAX_LINE) -> None:
        self.rest = b""
        self._limit = limit

    def feed(self, chunk: bytes, *, final: bool = False) -> Lines:
        """The lines that are complete with `chunk`. With `final`, an unfinished last line too."""
        data = self.rest + chunk if self.rest else chunk
        end = data.rfind(b"\n") + 1
        data, self.rest = data[:end], data[end:]
        if final and self.rest:
            data, self.rest = data + self.rest + b"\n", b""
        if len(self.rest) <= self._limit and not self._has_longer(data):
            return Lines(data)
        return self._cut(data)

    def _has_longer(self, data: bytes) -> bool:
        """Whether a line of `data` is above the limit. Looks only at some of the newlines."""
        limit, start = self._limit, 0
        while start + limit < len(data):
            start = data.rfind(b"\n", start, start + limit + 1) + 1
            if not start:
                return True
        return False

    def _cut(self, data: bytes) -> Lines:
        pieces: list[bytes] = []
        continued: set[int] = set()
        for line in Lines(data).split():
            pieces.append(self._shorten(line, pieces, continued))
        self.rest = self._shorten(self.rest, pieces, continued)
        return Lines(b"".join(piece + b"\n" for piece in pieces), continued)

    def _shorten(self, line: bytes, pieces: list[bytes], continued: set[int]) -> bytes:
        """Add the pieces of a line; returns what is left of it, which is not above the limit."""
        while len(line) > self._limit:
            end = next((end for end in range(self._limit, self._limit - 4, -1) if line[end] & 0xC0 != 0x80), self._limit)
            continued.add(len(pieces))
            pieces.append(line[:end])
            line = line[end:]
        return line
