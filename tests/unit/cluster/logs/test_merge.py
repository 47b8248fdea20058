"""Lines of several logs in one order."""

from __future__ import annotations

import asyncio
import random
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from podtui.cluster.logs import merge
from podtui.cluster.logs.batches import LogBatch
from podtui.cluster.logs.merge import LogLines, Merger
from podtui.ui.logs.lines.text import time_text

BASE = 1_767_225_600_000_000_000


def line(at: int, text: str) -> str:
    return f"{time_text(BASE + at)} {text}"


def batch(lines: list[str], continued: set[int] | None = None) -> LogBatch:
    return LogBatch("".join(each + "\n" for each in lines).encode(), continued or set())


class Out:
    """What a merger hands on: of each line its source, text and time; and the notes among them."""

    def __init__(self) -> None:
        self.lines: list[tuple[int, str, int]] = []
        self.notes: list[str] = []
        self.continued: list[int] = []

    def __call__(self, came: LogLines) -> None:
        self.continued += [len(self.lines) + place for place in sorted(came.continued)]
        self.notes += [came.lines[place] for place in sorted(came.notes)]
        self.lines += [(source, text, time - BASE) for source, text, time in zip(came.sources, came.lines, came.times, strict=True)]

    @property
    def texts(self) -> list[str]:
        return [text for _, text, _ in self.lines]


async def test_one_source_never_waits() -> None:
    out = Out()
    merger = Merger(out)
    merger.add(0)
    await merger.put(0, batch([line(1, "a"), line(2, "b")]))
    assert out.lines == [(0, "a", 1), (0, "b", 2)]


async def test_all_lines_of_one_source_come_however_many_come_at_once() -> None:
    out = Out()
    merger = Merger(out)
    merger.add(0)
    await merger.put(0, batch([line(place, str(place)) for place in range(10_000)]))
    assert out.texts == [str(place) for place in range(10_000)]


async def test_tails_come_in_exact_order_however_late_one_of_them_is() -> None:
    out = Out()
    merger = Merger(out)
    for number in range(3):
        merger.add(number)
    await merger.put(0, batch([line(1, "a1"), line(4, "a4"), line(9, "a9")]))
    merger.flush()
    await merger.put(1, batch([line(2, "b2"), line(3, "b3")]))
    merger.caught_up(0)
    merger.flush()
    assert out.texts == []  # nothing is known of the third
    await merger.put(2, batch([line(3, "c3"), line(5, "c5")]))
    merger.caught_up(2)
    merger.flush()
    assert out.texts == ["a1", "b2", "b3", "c3"]  # as far as the second has come
    await merger.put(1, batch([line(6, "b6")]))
    merger.caught_up(1)
    merger.flush(everything=True)
    assert out.texts == ["a1", "b2", "b3", "c3", "a4", "c5", "b6", "a9"]


async def test_a_source_that_brings_nothing_is_waited_for_only_so_long() -> None:
    out = Out()
    merger = Merger(out, patience=0.0, window=0.0)
    merger.add(0)
    merger.add(1)
    await merger.put(0, batch([line(1, "a")]))
    merger.flush()
    assert out.texts == ["a"]


async def test_a_followed_line_waits_for_an_earlier_one_of_another_source() -> None:
    out = Out()
    merger = Merger(out, window=0.3)
    for number in range(2):
        merger.add(number, catching_up=False)
    task = asyncio.create_task(merger.run())
    try:
        await merger.put(0, batch([line(5, "later")]))
        await merger.put(1, batch([line(4, "earlier")]))
        for _ in range(1000):
            if len(out.lines) == 2:
                break
            await asyncio.sleep(0.02)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert out.texts == ["earlier", "later"]


async def test_a_remark_stands_after_the_lines_of_its_source() -> None:
    out = Out()
    merger = Merger(out)
    for number in range(2):
        merger.add(number)
    await merger.put(0, batch([line(1, "a"), line(5, "b")]))
    merger.note(0, "ended")
    await merger.put(1, batch([line(6, "c")]))
    merger.flush(everything=True)
    assert out.texts == ["a", "b", "ended", "c"]
    assert out.notes == ["ended"]


async def test_a_long_line_is_not_torn_by_lines_of_others() -> None:
    out = Out()
    merger = Merger(out, window=0.0)
    for number in range(2):
        merger.add(number, catching_up=False)
    await merger.put(0, batch([line(1, "long "), "line "], {0, 1}))
    await merger.put(1, batch([line(1, "short")]))
    merger.flush()
    assert out.texts == ["short"]
    await merger.put(0, batch(["at last", line(3, "next")]))
    merger.flush()
    assert out.texts == ["short", "long ", "line ", "at last", "next"]
    assert out.continued == [1, 2]
    await merger.put(0, batch([line(4, "never whole")], {0}))
    merger.end(0)
    merger.flush()
    assert out.texts[-1] == "never whole"
    assert out.continued == [1, 2]


async def test_while_too_much_waits_its_source_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(merge, "_MOST_OF_ONE", 10)
    out = Out()
    merger = Merger(out)
    for number in range(2):
        merger.add(number)
    waiting = asyncio.create_task(merger.put(0, batch([line(5, "0123456789a")])))
    await asyncio.sleep(0)
    merger.flush()
    await asyncio.sleep(0)
    assert not waiting.done()
    await merger.put(1, batch([line(6, "b")]))
    merger.flush()
    await asyncio.wait_for(waiting, 30)
    assert out.texts == ["0123456789a"]


async def test_much_that_is_due_at_once_goes_out_in_pieces_with_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(merge, "_AT_ONCE", 100)
    sizes: list[int] = []
    out = Out()

    def sink(came: LogLines) -> None:
        sizes.append(len(came.lines))
        out(came)

    merger = Merger(sink, window=0.0)
    for number in range(3):
        merger.add(number, catching_up=False)
    for number in range(3):
        await merger.put(number, batch([line(3 * place + number, f"{number}:{place}") for place in range(1000)]))
    while merger.flush():
        pass
    assert len(out.lines) == 3000
    assert max(sizes) <= 102
    assert [at for _, _, at in out.lines] == list(range(3000))


@given(st.data(), st.randoms(use_true_random=True))  # a source drawn one by one took most of the time
@settings(max_examples=60, deadline=None)
def test_nothing_is_lost_or_comes_twice_and_each_source_keeps_its_order(data: st.DataObject, chance: random.Random) -> None:
    count = data.draw(st.integers(1, 4))
    drawn = data.draw(st.lists(st.lists(st.integers(0, 30), max_size=25), min_size=count, max_size=count))
    logs = [[(at, f"{number}:{place}") for place, at in enumerate(times)] for number, times in enumerate(drawn)]
    orderly = data.draw(st.booleans())
    if orderly:
        logs = [sorted(log) for log in logs]
    out = Out()

    async def play() -> None:
        merger = Merger(out, window=0.0 if not orderly else 60.0, patience=60.0)
        for number in range(count):
            merger.add(number)
        left = {number: list(log) for number, log in enumerate(logs)}
        while left:
            number = chance.choice(sorted(left))
            size = chance.randint(0, 7)
            some, left[number] = left[number][:size], left[number][size:]
            await merger.put(number, batch([line(at, text) for at, text in some]))
            if not left[number]:
                del left[number]
                merger.caught_up(number)
            if chance.random() < 0.5:
                merger.flush()
        merger.flush(everything=True)

    asyncio.run(play())
    for number, log in enumerate(logs):
        assert [(text, at) for source, text, at in out.lines if source == number] == [(text, at) for at, text in log]
    if orderly:
        assert all(before[2] <= after[2] for before, after in pairwise(out.lines))
