"""Many lines of text in little memory: blocks of UTF-8; at the limit the oldest blocks are dropped.

A line is identified by its number, counted from the first line ever added; dropping lines changes no number, and older
lines added before the first have negative numbers. Each has a time (nanoseconds since the epoch, 0 if unknown) and a source
(a number with a meaning for the owner).
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections import deque
from collections.abc import Collection, Iterator, Sequence
from itertools import accumulate
from threading import Lock
from typing import Literal, NamedTuple

from podtui.cluster.logs.stamps import Times

_BLOCK_LINES = 1024
_BLOCK_BYTES = 1 << 18
_PER_LINE = 14  # bytes of an offset, a time and a source
_PER_OPEN_LINE = 70  # bytes of a str besides its characters, plus a time and a source


def _array(code: Literal["q", "H"], numbers: Sequence[int]) -> array[int]:
    return numbers if isinstance(numbers, array) and numbers.typecode == code else array(code, numbers)


class Block:
    """Consecutive lines; `first` is the number of the first. Open while lines are added, then sealed.

    Lines that came as bytes with their times are taken apart when somebody looks at them: most of a fast log is never looked at.
    `times` and `sources` are indexed by the lines' places in the block; they only grow. Another thread may look at a block.
    """

    __slots__ = (
        "_count",
        "_data",
        "_lines",
        "_lock",
        "_source",
        "_sources",
        "_stamped",
        "_starts",
        "_times",
        "continued",
        "first",
        "is_sealed",
        "notes",
        "size",
    )

    def __init__(self, first: int) -> None:
        self.first = first
        self.size = 0
        self.is_sealed = False
        self.continued: set[int] = set()  # places of lines that continue in the next one
        self.notes: set[int] = set()
        self._count = 0
        self._times = array("q")
        self._sources = array("H")
        self._lines: list[str] | None = []
        self._stamped: list[bytes] = []  # the lines after these, as they came
        self._source = 0  # of those
        self._lock = Lock()
        self._data = b""
        self._starts = array("I")

    def __len__(self) -> int:
        return self._count

    @property
    def times(self) -> array[int]:
        self._take_apart()
        return self._times

    @property
    def sources(self) -> array[int]:
        self._take_apart()
        return self._sources

    def add(self, lines: Sequence[str], times: array[int], sources: array[int]) -> None:
        self._take_apart()
        assert self._lines is not None
        self._lines += lines
        self._times += times
        self._sources += sources
        self._count += len(lines)
        self.size += sum(map(len, lines)) + _PER_OPEN_LINE * len(lines)

    def add_stamped(self, data: bytes, source: int) -> None:
        """Add lines with their times, each with its newline."""
        if self._stamped and self._source != source:
            self._take_apart()
        with self._lock:
            self._stamped.append(data)
            self._source = source
        self._count += data.count(b"\n")
        self.size += len(data)

    def _take_apart(self) -> None:
        """Separate the times and the texts of the lines that came as bytes."""
        if not self._stamped:
            return
        with self._lock:
            if not self._stamped or self._lines is None:  # another thread was faster
                return
            lines = b"".join(self._stamped).decode("utf-8", "replace").split("\n")
            lines.pop()
            times, texts = Times().part(lines)
            self._times += times
            self._sources += array("H", (self._source,)) * len(texts)
            self._lines += texts
            if self.is_sealed:
                self._pack()
            self._stamped = []

    def seal(self) -> None:
        """No line is added any more. Lines in memory are packed: about a byte for each character, four for each line."""
        self.is_sealed = True
        if self._lines or not self._stamped:
            self._take_apart()
            if self._lines is not None:
                self._pack()
            self.size = len(self._data) + _PER_LINE * len(self._starts)
        else:
            self._stamped = [b"".join(self._stamped)]

    def _pack(self) -> None:
        assert self._lines is not None
        packed = [line.encode("utf-8", "replace") for line in self._lines]
        self._data = b"\n".join(packed)
        self._starts = array("I", accumulate((len(line) + 1 for line in packed[:-1]), initial=0) if packed else ())
        self._lines = None

    def line(self, place: int) -> str:
        self._take_apart()
        if self._lines is not None:
            return self._lines[place]
        end = self._starts[place + 1] - 1 if place + 1 < len(self._starts) else len(self._data)
        return self._data[self._starts[place] : end].decode()

    def lines(self, start: int = 0) -> list[str]:
        """The lines from a place on."""
        self._take_apart()
        if (lines := self._lines) is not None:
            return lines[start:]
        return self._data[self._starts[start] :].decode().split("\n") if start < len(self._starts) else []

    def packed(self, start: int = 0) -> bytes:
        """The lines from a place on as bytes, with newlines between them."""
        self._take_apart()
        if self._lines is not None:
            return "\n".join(self._lines[start:]).encode("utf-8", "replace")
        return self._data[self._starts[start] :] if start < len(self._starts) else b""


class Snapshot(NamedTuple):
    """A copy of a block: the number of its first line, its lines, the places of lines that continue in the next one and of notes,
    and times and sources by place."""

    first: int
    lines: list[str]
    continued: set[int]
    notes: set[int]
    times: array[int]
    sources: array[int]


class LogBuffer:
    """Lines in order. `limit` is in bytes; at least the newest block stays."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.size = 0
        self.blocks: deque[Block] = deque([Block(0)])
        self._firsts: list[int] = [0]  # first number of each block, to find a line's block
        self._block_bytes = max(1 << 12, min(_BLOCK_BYTES, limit // 16))

    @property
    def first(self) -> int:
        """The number of the oldest line in the buffer."""
        return self.blocks[0].first

    @property
    def dropped(self) -> int:
        """The number of lines dropped before the oldest one."""
        return max(0, self.first)

    @property
    def end(self) -> int:
        """The number that the next line will have."""
        last = self.blocks[-1]
        return last.first + len(last)

    def __len__(self) -> int:
        return self.end - self.first

    def append(
        self,
        lines: Sequence[str],
        continued: Collection[int] = (),
        *,
        times: Sequence[int] | None = None,
        sources: Sequence[int] | int = 0,
        notes: Collection[int] = (),
    ) -> int:
        """Add lines without newlines; returns the number of old lines dropped. `continued` are the places of lines that continue in
        the next one, `notes` the places of remarks between lines. There is a time for each line, and a source for each or for all."""
        start = self.end
        at = _array("q", [0] * len(lines) if times is None else times)
        of = _array("H", [sources] * len(lines) if isinstance(sources, int) else sources)
        place = 0
        while place < len(lines):
            block = self.blocks[-1]
            room = _BLOCK_LINES - len(block)
            some = lines[place : place + room]
            if len(some) > 64 or block.size > self._block_bytes // 2:
                some = self._fitting(some, self._block_bytes - block.size)
            before = block.size
            block.add(some, at[place : place + len(some)], of[place : place + len(some)])
            self.size += block.size - before
            place += len(some)
            if len(block) >= _BLOCK_LINES or block.size >= self._block_bytes:
                self._close(block)
        for index in continued:
            owner = self.block_of(start + index)
            owner.continued.add(start + index - owner.first)
        for index in notes:
            owner = self.block_of(start + index)
            owner.notes.add(start + index - owner.first)
        return self._drop()

    def prepend(self, lines: Sequence[str], continued: Collection[int] = (), *, times: Sequence[int] | None = None, source: int = 0) -> int:
        """Add the newest of some older lines before all others, as many as the limit allows; returns their number."""
        at = array("q", bytes(8 * len(lines))) if times is None else array("q", times)
        end = len(lines)
        while end and self.size < self.limit:
            start = max(0, end - _BLOCK_LINES)
            size = 0
            for place in range(end - 1, start - 1, -1):
                size += len(lines[place]) + _PER_OPEN_LINE
                if size > self._block_bytes:
                    start = min(place + 1, end - 1)
                    break
            block = Block(self.first - (end - start))
            block.add(lines[start:end], at[start:end], array("H", (source,)) * (end - start))
            block.continued = {place - start for place in continued if start <= place < end}
            block.seal()
            if self.size + block.size > self.limit:
                break
            self.blocks.appendleft(block)
            self._firsts.insert(0, block.first)
            self.size += block.size
            end = start
        return len(lines) - end

    def line_at(self, time: int) -> int | None:
        """The number of the first line at that time (nanoseconds since the epoch) or later; None if there is none."""
        for block in self.blocks:
            if max(block.times, default=0) >= time:
                return block.first + next(place for place, at in enumerate(block.times) if at >= time)
        return None

    def append_stamped(self, data: bytes, source: int = 0) -> int:
        """Add lines of one source as they came, with their times and newlines; returns the number of old lines dropped."""
        start = 0
        while start < len(data):
            block = self.blocks[-1]
            room = self._block_bytes - block.size
            end = len(data) if len(data) - start <= room else data.rfind(b"\n", start, start + max(0, room)) + 1
            if not end and len(block):
                self._close(block)
                continue
            end = end or data.find(b"\n", start) + 1
            block.add_stamped(data[start:end], source)
            self.size += end - start
            start = end
            if block.size >= self._block_bytes:
                self._close(block)
        return self._drop()

    @staticmethod
    def _fitting(lines: Sequence[str], room: int) -> Sequence[str]:
        """As many of the lines as fit into `room`, at least one."""
        for place, size in enumerate(accumulate(len(line) + _PER_OPEN_LINE for line in lines)):
            if size >= room:
                return lines[: place + 1]
        return lines

    def _close(self, block: Block) -> None:
        before = block.size
        block.seal()
        self.size += block.size - before
        self.blocks.append(Block(block.first + len(block)))
        self._firsts.append(self.blocks[-1].first)

    def _drop(self) -> int:
        before = self.first
        count = 0
        while self.size > self.limit and len(self.blocks) > 1:
            self.size -= self.blocks.popleft().size
            count += 1
        if count:
            del self._firsts[:count]
        return self.first - before

    def clear(self) -> None:
        """Drop all lines; numbers begin at 0 again."""
        self.size = 0
        self.blocks = deque([Block(0)])
        self._firsts = [0]

    def block_of(self, number: int) -> Block:
        if not self.first <= number < self.end:
            raise IndexError(number)
        return self.blocks[bisect_right(self._firsts, number) - 1]

    def line(self, number: int) -> str:
        block = self.block_of(number)
        return block.line(number - block.first)

    def time(self, number: int) -> int:
        """The time of the line, in nanoseconds since the epoch; 0 if unknown."""
        block = self.block_of(number)
        return block.times[number - block.first]

    def source(self, number: int) -> int:
        block = self.block_of(number)
        return block.sources[number - block.first]

    def is_note(self, number: int) -> bool:
        block = self.block_of(number)
        return number - block.first in block.notes

    def is_continuation(self, number: int) -> bool:
        """Whether the line continues the one before."""
        if number <= self.first:
            return False
        block = self.block_of(number - 1)
        return number - 1 - block.first in block.continued

    def snapshot(self) -> Iterator[Snapshot]:
        """A snapshot of all lines, for another thread: later changes do not affect it."""
        blocks = [(block, len(block), set(block.continued), set(block.notes)) for block in self.blocks]
        return (
            Snapshot(block.first, block.lines()[:count], continued, notes, block.times[:count], block.sources[:count])
            for block, count, continued, notes in blocks
        )
