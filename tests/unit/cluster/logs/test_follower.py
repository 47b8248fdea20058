"""The log follower against a server that drops, cuts, rotates and restarts."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import Any

import pytest
from aiohttp import web
from hypothesis import given, settings
from hypothesis import strategies as st

from podtui.cluster.connection import bounds
from podtui.cluster.logs import reader
from podtui.cluster.logs.batches import LogBatch
from podtui.cluster.logs.follower import LogFollower, LogOptions
from podtui.cluster.logs.lines import Lines, LineSplitter
from podtui.cluster.logs.position import Position, Resume
from podtui.cluster.logs.stamps import LogLine, local_time, nanoseconds, parse_line
from podtui.errors import Forbidden
from podtui.ui.logs.lines.buffer import LogBuffer
from tests.support.api_server import connected, status
from tests.support.log_server import REF, ContainerRun, Cut, LogServer
from tests.support.taken_logs import TakenLog, following_log
from tests.support.waiting import in_background, until


def stamp(nanoseconds: int) -> str:
    return f"2026-01-01T00:{nanoseconds // 10**9 // 60:02}:{nanoseconds // 10**9 % 60:02}.{nanoseconds % 10**9:09}Z"


def raw(lines: list[tuple[str, str]]) -> list[str]:
    return [f"{time} {text}" if time else text for time, text in lines]


def numbered(count: int, step: int = 1_000_000, start: int = 0) -> list[tuple[str, str]]:
    return [(stamp((start + i) * step), f"line {start + i}") for i in range(count)]


@asynccontextmanager
async def following(
    server: LogServer, container: str = "app", options: LogOptions | None = None, pace: float = 0.02, **more: Any
) -> AsyncIterator[tuple[LogFollower, TakenLog]]:
    """A follower of the server's pod at work, and what it brings."""
    async with connected(server) as connection, following_log(connection, REF, container, options, pace=pace, **more) as found:
        yield found


# -- lines ----------------------------------------------------------------------------------------------------------


def test_a_line_is_split_into_time_and_text() -> None:
    assert parse_line("2026-01-01T00:00:00.5Z hello there") == LogLine("2026-01-01T00:00:00.5Z", "hello there")
    assert parse_line("2026-01-01T00:00:00+09:00 x") == LogLine("2026-01-01T00:00:00+09:00", "x")
    assert parse_line("2026-01-01T00:00:00Z ") == LogLine("2026-01-01T00:00:00Z", "")
    assert parse_line("2026-01-01T00:00:00Z") == LogLine("2026-01-01T00:00:00Z", "")


@pytest.mark.parametrize("line", ["", "hello", "2026-01-01 hello", "2026-01-01T00:00:00Zhello", "2026-01-01T00:00:00 x"])
def test_a_line_whose_first_word_is_not_a_time_is_passed_whole(line: str) -> None:
    assert parse_line(line) == LogLine("", line)


def test_times_of_different_zones_and_precisions_compare() -> None:
    assert nanoseconds("2026-01-01T09:00:00.5+09:00") == nanoseconds("2026-01-01T00:00:00.500000000Z")
    assert nanoseconds("2026-01-01T00:00:00.000000002Z") > nanoseconds("2026-01-01T00:00:00.000000001Z")
    assert nanoseconds("2026-02-30T00:00:00Z") < nanoseconds("1970-01-01T00:00:00Z")


@given(st.text(), st.lists(st.integers(1, 9), min_size=1), st.integers(4, 12))
def test_however_chunks_are_cut_the_lines_are_the_same(text: str, sizes: list[int], limit: int) -> None:
    data, splitter = text.encode("utf-8", "surrogatepass"), LineSplitter(limit)
    whole = LineSplitter(limit).feed(data, final=True)
    lines: list[bytes] = []
    continued: set[int] = set()
    turn = 0
    while data:
        size = sizes[turn % len(sizes)]
        turn += 1
        came = splitter.feed(data[:size])
        continued.update(len(lines) + place for place in came.continued)
        lines += came.split()
        data = data[size:]
    came = splitter.feed(b"", final=True)
    continued.update(len(lines) + place for place in came.continued)
    lines += came.split()
    assert (lines, continued) == (whole.split(), set(whole.continued))
    assert all(limit - 3 <= len(line) <= limit for place, line in enumerate(lines) if place in continued)


@given(st.text("a한😀", max_size=40), st.integers(4, 12))
def test_no_character_of_a_long_line_is_cut_in_two(text: str, limit: int) -> None:
    assert "".join(piece.decode() for piece in LineSplitter(limit).feed(text.encode(), final=True).split()) == text


def test_bytes_that_are_not_text_do_no_harm() -> None:
    assert LogBatch(LineSplitter().feed(b"a\xff\xfeb\nc\n").data).lines == ["a��b", "c"]


def test_a_line_of_a_mebibyte_comes_in_pieces_that_make_it_up() -> None:
    splitter = LineSplitter()
    line = b"x" * (1 << 20)
    pieces: list[bytes] = []
    for start in range(0, len(line), 5000):
        pieces += splitter.feed(line[start : start + 5000]).split()
    pieces += splitter.feed(b"\n").split()
    assert b"".join(pieces) == line
    assert max(map(len, pieces)) == 65_536


def as_read(came: Lines) -> str:
    """The lines as text, their pieces put together again."""
    lines = [line.decode() for line in came.split()]
    return "".join(line + ("" if place in came.continued else "\n") for place, line in enumerate(lines))


@given(st.data())
def test_resuming_anywhere_neither_loses_nor_repeats(data: st.DataObject) -> None:
    """The position alone, without a server: read some pieces, drop, read the log again from the second of `since`.

    Times go back by a little, as those of stdout and stderr do.
    """
    times = sorted(data.draw(st.lists(st.integers(0, 40), max_size=30)))
    back = data.draw(st.lists(st.integers(0, 8), min_size=len(times), max_size=len(times)))
    texts = data.draw(st.lists(st.text("ab\u20ac", max_size=12), min_size=len(times), max_size=len(times)))
    log = [
        f"{stamp(10**9 + max(0, time - less) * 100_000_000)} {place} {text}"
        for place, (time, less, text) in enumerate(zip(times, back, texts, strict=True))
    ]
    position, got, splitter = Position(), "", LineSplitter(34)

    def stream() -> bytes:
        begin = nanoseconds(position.since) // 10**9
        return "".join(line + "\n" for line in log if nanoseconds(line) // 10**9 >= begin).encode()

    for _ in range(4):
        answer = stream()
        end = data.draw(st.integers(0, len(answer)))
        splitter, resume = LineSplitter(34), Resume(position)
        for start in range(0, end, 11):
            came = resume.drop(splitter.feed(answer[start : min(end, start + 11)]))
            assert not resume.gap
            position.take(came)
            got += as_read(came)
        assert "".join(line + "\n" for line in log).startswith(got)
    got += as_read(Resume(position).drop(LineSplitter(34).feed(stream())))
    assert got == "".join(line + "\n" for line in log)


@given(st.data())
def test_lines_of_one_time_are_told_apart_by_their_number(data: st.DataObject) -> None:
    times = sorted(data.draw(st.lists(st.integers(0, 3), max_size=30)))
    log = [f"{stamp(10**9 + time * 400_000_000)} same".encode() + b"\n" for time in times]
    read = data.draw(st.integers(0, len(log)))
    position = Position()
    position.take(Lines(b"".join(log[:read])))
    assert Resume(position).drop(Lines(b"".join(log))).data == b"".join(log[read:])


STAMPS = st.sampled_from(
    [b"2026-01-01T00:00:00Z ", b"0001-01-01T00:00:00+23:59 ", b"9999-12-31T23:59:59.9-23:59 ", b"2026-13-45T99:99:99Z ", b""]
)


@given(st.lists(st.tuples(STAMPS, st.binary(max_size=20), st.sampled_from([b"\n", b""])), max_size=20), st.integers(1, 30))
def test_no_bytes_of_a_log_are_too_strange_to_read_and_to_resume(lines: list[tuple[bytes, bytes, bytes]], size: int) -> None:
    log = b"".join(stamp + text + end for stamp, text, end in lines)
    position, buffer = Position(), LogBuffer(1 << 20)
    for _ in range(2):
        splitter, resume = LineSplitter(16), Resume(position)
        for start in range(0, len(log), size):
            came = resume.drop(splitter.feed(log[start : start + size]))
            position.take(came)
            if not came.continued:
                buffer.append_stamped(came.data)
        assert position.since == "" or nanoseconds(position.since) <= nanoseconds(position.reached)
        assert local_time(position.reached) or not position.reached
    assert len([buffer.line(number) for number in range(buffer.end)]) == len(buffer)


def test_the_usual_way_of_taking_lines_agrees_with_the_careful_one() -> None:
    lines = [f"{stamp(time)} {i}" for i, time in enumerate([1, 1, 2, 3, 3, 3])] + ["no time", "nor here"]
    for end in range(1, len(lines) + 1):
        at_once, each = Position(), Position()
        at_once.take(Lines("".join(line + "\n" for line in lines[:end]).encode()))
        for line in lines[:end]:
            each.take(Lines(f"{line}\n".encode()))
        assert (at_once.stamp, at_once.count, at_once.unstamped) == (each.stamp, each.count, each.unstamped)


# -- following ------------------------------------------------------------------------------------------------------


async def test_lines_come_as_they_are_written() -> None:
    server = LogServer()
    server.current = run = ContainerRun("c1", numbered(3))
    async with following(server) as (follower, taker):
        await until(lambda: len(taker.lines) == 3)
        assert follower.status.state == "following"
        run.lines += numbered(2, start=3)
        server.changes()
        await until(lambda: len(taker.lines) == 5)
    assert taker.lines == raw(run.lines)


async def test_a_default_container_that_the_pod_does_not_have_is_noted_once() -> None:
    server = LogServer()
    server.annotations = {"kubectl.kubernetes.io/default-container": "gone"}
    server.current = ContainerRun("c1", numbered(3))
    async with following(server, container="") as (follower, taker):
        await until(lambda: len(taker.lines) == 3)
        server.changes()
        await until(lambda: follower.status.state == "following")
    assert taker.notes == ["default container gone (kubectl.kubernetes.io/default-container) is not in the pod: app is used"]


LOG = st.lists(st.tuples(st.integers(0, 12), st.text("a한😀 \t\x1b", max_size=20)), max_size=40)


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_however_often_the_connection_breaks_every_line_comes_once(data: st.DataObject) -> None:
    drawn = sorted(data.draw(LOG), key=lambda line: line[0])  # few different times: many lines bear the same
    lines = [(stamp(time * 300_000_000), text) for time, text in drawn]
    server = LogServer()
    server.current = ContainerRun("c1", lines, newline_at_end=data.draw(st.booleans()))
    at = sorted(data.draw(st.lists(st.integers(0, len(lines)), min_size=2, max_size=8)))
    size = sum(len(line.encode()) + 1 for line in raw(lines))
    for begin, end in pairwise(at):
        after = data.draw(st.one_of(st.none(), st.integers(0, size)))
        sizes = tuple(data.draw(st.lists(st.integers(1, 40), min_size=1, max_size=3)))
        server.cuts.append(Cut(begin, end, after, sizes, ends=data.draw(st.booleans())))

    def finish() -> None:
        assert server.current is not None
        server.current.written, server.current.exit_code, server.current.reason = None, 0, "Completed"
        server.phase = "Succeeded"

    server.when_cuts_end = finish

    async def play() -> TakenLog:
        taker = TakenLog()
        async with connected(server) as connection:
            follower = LogFollower(connection, REF, "app", pace=0.0, line_limit=48)
            async with asyncio.timeout(30):
                await follower.run(taker)
            assert (follower.status.state, follower.status.why) == ("ended", "exit code 0, Completed")
        return taker

    taker = asyncio.run(play())
    assert taker.lines == raw(lines)


@given(st.data())
@settings(max_examples=40, deadline=None)
def test_a_tail_is_resumed_too_when_it_begins_within_lines_of_one_time(data: st.DataObject) -> None:
    times = sorted(data.draw(st.lists(st.integers(0, 3), min_size=1, max_size=25)))
    lines = [(stamp(time * 300_000_000), f"line {i}") for i, time in enumerate(times)]
    tail = data.draw(st.integers(1, 8))
    at = sorted(data.draw(st.lists(st.integers(0, len(lines)), min_size=2, max_size=6)))
    server = LogServer()
    server.current = ContainerRun("c1", lines, written=at[0])
    server.cuts = [Cut(begin, end, sizes=(50,)) for begin, end in pairwise(at)]

    def finish() -> None:
        assert server.current is not None
        server.current.written, server.current.exit_code = None, 0
        server.phase = "Succeeded"

    server.when_cuts_end = finish

    async def play() -> TakenLog:
        taker = TakenLog()
        async with connected(server) as connection:
            async with asyncio.timeout(30):
                await LogFollower(connection, REF, "app", LogOptions(tail=tail), pace=0.0).run(taker)
        return taker

    taker = asyncio.run(play())
    assert taker.lines == raw(lines)[max(0, _there_at_first_answer(server, at, len(lines)) - tail) :]


def _there_at_first_answer(server: LogServer, at: list[int], total: int) -> int:
    """How many lines there were when the last request without `sinceTime` was answered."""
    asked = sum("tailLines" in query and "limitBytes" not in query for query in server.queries)
    return at[asked - 1] if asked < len(at) else total


async def test_a_log_without_times_is_resumed_by_the_number_of_its_lines() -> None:
    server = LogServer()
    server.current = ContainerRun("c1", [("", f"line {i}") for i in range(20)])
    server.cuts = [Cut(5, 9, after=60), Cut(9, 14)]
    async with following(server) as (_, taker):
        await until(lambda: len(taker.lines) >= 20)
        await asyncio.sleep(0.2)
    assert taker.lines == raw(server.current.lines)


async def test_a_stream_that_ends_while_the_container_runs_is_asked_for_again() -> None:
    server = LogServer()
    server.current = ContainerRun("c1", numbered(9))
    server.cuts = [Cut(3, 4, ends=True), Cut(5, 6, ends=True)]
    async with following(server) as (follower, taker):
        await until(lambda: len(taker.lines) == 9)
        assert follower.status.state == "following"
        assert "ended" not in [status.state for status in taker.states]
    assert taker.lines == raw(server.current.lines)
    assert [query.get("sinceTime", "") for query in server.queries] == ["", "2025-12-31T23:59:59Z", "2025-12-31T23:59:59Z"]


async def test_a_time_with_an_offset_is_sent_back_in_utc_a_second_earlier() -> None:
    server = LogServer()
    lines = [(f"2026-01-01T09:00:0{i}.5+09:00", f"line {i}") for i in range(6)]
    server.current = ContainerRun("c1", lines)
    server.cuts = [Cut(2, 3)]
    async with following(server) as (_, taker):
        await until(lambda: len(taker.lines) == 6)
    assert taker.lines == raw(lines)
    assert server.queries[1]["sinceTime"] == "2026-01-01T00:00:01Z"


async def test_a_moment_in_which_the_kubelet_refuses_is_passed_over() -> None:
    server = LogServer()
    server.current = ContainerRun("c1", numbered(2))
    server.refusals = [(400, 'container "app" in pod "web-1" is waiting to start: ContainerCreating')] * 2
    async with following(server) as (follower, taker):
        await until(lambda: len(taker.lines) == 2)
        assert follower.status.state == "following"


async def test_what_the_server_keeps_refusing_fails_with_its_words() -> None:
    server = LogServer()
    server.current = ContainerRun("c1", numbered(2))
    server.refusals = [(400, "no")] * 20
    async with following(server) as (follower, _):
        await until(lambda: follower.status.final)
        assert (follower.status.state, follower.status.why) == ("failed", "no")
    assert len(server.queries) == 6


# -- answers that are no logs, and times that go back ------------------------------------------------------------------

COMPLAINT = b'failed to try resolving symlinks in path "/var/log/pods/shop_web-1/app/0.log": lstat: no such file or directory'


@pytest.mark.parametrize("end", [b"", b"\n"], ids=["no newline", "newline"])
@pytest.mark.parametrize("options", [LogOptions(), LogOptions(tail=10)], ids=["whole", "tail"])
async def test_a_complaint_of_the_kubelet_in_place_of_a_log_is_shown_once_and_asked_for_again_ever_later(
    end: bytes, options: LogOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(random, "uniform", lambda least, most: most)
    monkeypatch.setattr(reader, "ACCEPTED_AFTER", 60.0)  # a slow machine's answer is no quiet log
    server = LogServer()
    server.current = ContainerRun("c1", numbered(3))
    server.complaint = COMPLAINT + end
    async with following(server, options=options) as (_, taker):
        await until(lambda: len(server.queries) >= 6)
        said = [*taker.lines, *(note.removeprefix("the server ended the log: ") for note in taker.notes)]
        assert said == [COMPLAINT.decode()]
        retries = [status.retry_at for status in taker.states if status.state == "reconnecting" and status.why == COMPLAINT.decode()]
        waits = [later - earlier for earlier, later in pairwise(filter(None, retries))]
        assert [status.state for status in taker.states].count("following") == 1  # at first
        assert len(waits) >= 3 and all(wait >= 0.02 * 0.25 * 2**turn for turn, wait in enumerate(waits, 1))
        server.complaint = b""
        await until(lambda: parse_line(taker.lines[-1]).text == "line 2" if taker.lines else False)
    assert taker.lines[-3:] == raw(server.current.lines)


async def test_a_wish_ends_the_wait_after_a_failure_however_long_it_is() -> None:
    server = LogServer()
    server.current = run = ContainerRun("c1", numbered(3))
    server.refusals = [web.json_response({"kind": "Status", "message": "slow down"}, status=429, headers={"Retry-After": "200"})]
    async with following(server) as (follower, taker):
        await until(lambda: follower.status.state == "reconnecting")

        def wished() -> bool:
            follower.retry()  # the first wish may come within the floor
            return taker.lines == raw(run.lines)

        await until(wished)


async def test_a_complaint_after_lines_is_shown_once_and_no_line_twice() -> None:
    """As a kubelet ends each followed stream when it cannot watch files any more."""
    server = LogServer()
    server.current = run = ContainerRun("c1", numbered(2))
    server.handlers[f"{REF.path}/log"] = complaining = _complaining(server, b"failed to create fsnotify watcher: too many open files")
    async with following(server) as (_, taker):
        for count in (4, 6, 8):
            await until(lambda count: len(complaining.answers) >= count, count)
            run.lines += numbered(1, start=count * 100)
        await until(lambda: len(taker.lines) == 5)
    assert taker.lines == raw(run.lines)
    assert taker.notes == ["the server ended the log: failed to create fsnotify watcher: too many open files"]


class _complaining:
    """A handler that answers with the lines that there are and a complaint after them."""

    def __init__(self, server: LogServer, complaint: bytes) -> None:
        self.answers: list[bytes] = []
        self._server = server
        self._complaint = complaint

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        since = nanoseconds(request.query["sinceTime"]) if "sinceTime" in request.query else 0
        lines = [line for line in raw(self._server.run.lines) if nanoseconds(line) >= since]
        self.answers.append("".join(line + "\n" for line in lines).encode() + self._complaint)
        return web.Response(body=self.answers[-1], content_type="text/plain")


async def test_a_server_that_ends_every_stream_at_once_is_asked_ever_later_though_each_brings_a_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    slept: list[float] = []
    server = LogServer()
    server.current = ContainerRun("c1", numbered(9))
    server.cuts = [Cut(place, place + 1, sizes=(99,), ends=True) for place in range(8)]
    async with connected(server) as connection:
        follower, taker = LogFollower(connection, REF, "app", pace=0.0113), TakenLog()
        monkeypatch.setattr(asyncio, "sleep", _noted(slept))
        async with in_background(follower.run(taker)):
            await until(lambda: len(taker.lines) == 9)
    waits = [turn for seconds in slept for turn, wait in enumerate((0.2, 0.4, 0.8, 1.6, 3.2, 5.0)) if seconds == 0.0113 * wait]
    assert waits == [0, 1, 2, 3, 4, 5, 5, 5]


def _noted(slept: list[float]) -> Callable[[float], Awaitable[None]]:
    real = asyncio.sleep

    async def sleep(seconds: float, result: object = None) -> None:
        slept.append(seconds)
        await real(seconds)

    return sleep


async def test_no_server_makes_a_follower_wait_for_hours() -> None:
    server = LogServer()
    server.current = ContainerRun("c1", numbered(1))
    server.refusals = [status(429, "TooManyRequests", "later", headers={"Retry-After": "999999999"})]
    async with following(server) as (follower, _):
        await until(lambda: follower.status.state == "reconnecting")
        assert follower.status.retry_at is not None and follower.status.retry_at - time.monotonic() <= bounds.LONGEST_WAIT


@given(st.data())
@settings(max_examples=20, deadline=None)
def test_lines_of_two_streams_whose_times_go_back_come_once_however_often_the_connection_breaks(data: st.DataObject) -> None:
    """containerd takes the times of stdout and stderr in two goroutines."""
    drawn = sorted(data.draw(st.lists(st.tuples(st.integers(9, 30), st.integers(0, 9)), max_size=30)))
    lines = [(stamp((time - less) * 100_000_000), f"line {place}") for place, (time, less) in enumerate(drawn)]
    server = LogServer()
    server.current = ContainerRun("c1", lines)
    at = sorted(data.draw(st.lists(st.integers(0, len(lines)), min_size=2, max_size=6)))
    size = sum(len(line) + 1 for line in raw(lines))
    server.cuts = [Cut(begin, end, data.draw(st.one_of(st.none(), st.integers(0, size)))) for begin, end in pairwise(at)]

    def finish() -> None:
        server.run.written, server.run.exit_code, server.phase = None, 0, "Succeeded"

    server.when_cuts_end = finish

    async def play() -> TakenLog:
        taker = TakenLog()
        async with connected(server) as connection, asyncio.timeout(30):
            await LogFollower(connection, REF, "app", pace=0.0).run(taker)
        return taker

    taker = asyncio.run(play())
    assert (taker.lines, taker.notes) == (raw(lines), [])


def hours(hour: int, start: int, count: int) -> list[tuple[str, str]]:
    """Lines of an hour of a clock, a second apart."""
    return [(f"2026-01-01T{hour:02}:00:{place:02}.5Z", f"line {place}") for place in range(start, start + count)]


async def test_a_clock_set_back_by_an_hour_neither_repeats_lines_nor_looks_like_a_rotation() -> None:
    server = LogServer()
    server.current = ContainerRun("c1", [*hours(10, 0, 6), *hours(9, 6, 6)])
    server.cuts = [Cut(6, 8), Cut(8, 9), Cut(9, 10, after=80)]
    async with following(server) as (follower, taker):
        await until(lambda: len(taker.lines) >= 12)
        await until(lambda: follower.status.state == "following")
    assert taker.lines == raw(server.current.lines)
    assert taker.notes == []


async def test_a_clock_set_back_while_nothing_was_heard_hides_no_line() -> None:
    """`sinceTime` leaves out what was written since, until the clock has reached it again."""
    server = LogServer()
    server.current = run = ContainerRun("c1", hours(10, 0, 6))
    async with following(server) as (_, taker):
        await until(lambda: len(taker.lines) == 6)
        run.lines += hours(9, 6, 3)
        server.abort()
        await until(lambda: len(taker.lines) == 9)
        run.lines += hours(9, 9, 2)
        server.changes()
        await until(lambda: len(taker.lines) == 11)
    assert taker.lines == raw(run.lines)
    assert taker.notes == []


async def test_a_rotation_after_a_clock_was_set_back_is_reported_and_its_lines_come() -> None:
    server = LogServer()
    server.current = run = ContainerRun("c1", [*hours(10, 0, 6), *hours(9, 6, 2)])
    async with following(server) as (_, taker):
        await until(lambda: len(taker.lines) == 8)
        run.lines[:] = hours(9, 20, 3)
        server.abort()
        await until(lambda: len(taker.lines) == 11 and taker.notes)
    assert [parse_line(line).text for line in taker.lines[8:]] == ["line 20", "line 21", "line 22"]
    assert taker.notes == [f"lines after {local_time('2026-01-01T09:00:07.5Z')} may be missing: the log was rotated meanwhile"]


async def test_an_end_tells_the_exit_code_and_the_reason() -> None:
    server = LogServer()
    server.current = ContainerRun("c1", numbered(2), exit_code=137, reason="OOMKilled")
    async with following(server) as (follower, taker):
        await until(lambda: follower.status.state == "ended")
        assert (follower.status.why, follower.status.final) == ("exit code 137, OOMKilled", False)
    assert taker.lines == raw(server.current.lines)


async def test_a_restart_brings_the_rest_of_the_old_run_a_note_and_the_new_run() -> None:
    server = LogServer()
    server.current = first = ContainerRun("c1", numbered(4), written=2)
    async with following(server) as (follower, taker):
        await until(lambda: len(taker.lines) == 2)
        first.written, first.exit_code, first.reason = None, 3, "Error"
        second = ContainerRun("c2", numbered(3, start=100))
        server.current, server.previous = second, first
        server.cuts = [Cut(0, 0)]  # the connection broke; what the old run wrote at the end was not sent
        server.changes()
        await until(lambda: len(taker.lines) == 7)
        assert follower.status.state == "following"
    assert taker.lines == raw(first.lines) + raw(second.lines)
    assert taker.notes == ["container app restarted (exit code 3, Error)"]


@pytest.mark.parametrize("times", [2, 4])
async def test_a_refusal_of_the_old_runs_log_right_after_a_restart_is_believed_only_when_it_stays(times: int) -> None:
    server = LogServer()
    server.current = first = ContainerRun("c1", numbered(4), written=2)
    async with following(server) as (_, taker):
        await until(lambda: len(taker.lines) == 2)
        first.written, first.exit_code, first.reason = None, 3, "Error"
        server.current, server.previous = ContainerRun("c2", numbered(3, start=9000)), first
        server.refusals = [(404, "the kubelet does not know it yet")] * times
        server.abort()
        await until(lambda: len(taker.lines) == (7 if times == 2 else 5))
    *before, restarted = taker.notes
    assert restarted == "container app restarted (exit code 3, Error)" and len(before) == (times == 4)
    assert all("the rest of the previous run is missing" in note and "the kubelet does not know it yet" in note for note in before)


@pytest.mark.parametrize("apart", [1, 3_000_000_000])
@pytest.mark.parametrize("told", ["running", "ended"])
async def test_lines_of_a_new_run_that_come_before_the_status_tells_of_it_come_once(told: str, apart: int) -> None:
    server = LogServer()
    server.current = first = ContainerRun("c1", numbered(4), written=2)
    second = ContainerRun("c2", [(stamp(3_000_000 + apart + i), f"new {i}") for i in range(4)], written=2)
    async with following(server) as (_, taker):
        await until(lambda: len(taker.lines) == 2)
        if told == "running":
            server.told = server.pod()
        first.exit_code, first.reason = 3, "Error"
        if told == "ended":
            server.told = server.pod()
        server.current, server.previous = second, first
        server.cuts = [Cut(2, 2, ends=True)]
        server.changes()
        await until(lambda: len(taker.lines) >= 4)
        first.written, second.written, server.told = None, None, None
        server.changes()
        await until(lambda: len(taker.lines) >= 8)
    assert sorted(taker.lines) == sorted(raw(first.lines) + raw(second.lines))
    assert taker.notes == ["container app restarted (exit code 3, Error)"]


async def test_after_an_end_the_next_run_is_followed() -> None:
    server = LogServer()
    server.current = first = ContainerRun("c1", numbered(2), exit_code=1, reason="Error")
    async with following(server) as (follower, taker):
        await until(lambda: follower.status.state == "ended")
        server.current, server.previous, server.waiting = None, first, {"reason": "CrashLoopBackOff", "message": "back-off 10s"}
        await until(lambda: follower.status.why == "exit code 1, Error; CrashLoopBackOff")
        server.current, server.waiting = ContainerRun("c2", numbered(2, start=5000)), {}
        await until(lambda: len(taker.lines) == 4)
        await until(lambda: follower.status.state == "following")
    assert [query.get("previous") for query in server.queries] == [None, None]


async def test_what_a_rotation_took_away_while_the_stream_was_cut_is_reported_with_its_times() -> None:
    server = LogServer()
    server.current = run = ContainerRun("c1", numbered(3, step=10**9))
    async with following(server) as (_, taker):
        await until(lambda: len(taker.lines) == 3)
        run.lines[:] = numbered(2, step=10**9, start=7)  # what was in between went with the old file
        server.abort()
        await until(lambda: len(taker.lines) == 5 and taker.notes)
    between = f"from {local_time(stamp(2 * 10**9))} to {local_time(stamp(7 * 10**9))}"
    assert taker.notes == [f"lines {between} may be missing: the log was rotated meanwhile"]
    assert [text for _, text in map(parse_line, taker.lines)] == ["line 0", "line 1", "line 2", "line 7", "line 8"]


async def test_a_second_rotation_before_the_first_one_was_told_is_told_too() -> None:
    server = LogServer()
    server.current = run = ContainerRun("c1", numbered(3, step=10**9))
    async with following(server) as (_, taker):
        await until(lambda: len(taker.lines) == 3)
        for count, start in ((5, 7), (7, 20)):
            run.lines[:] = numbered(2, step=10**9, start=start)
            server.abort()
            await until(lambda count: len(taker.lines) == count, count)
        await until(lambda: len(taker.notes) == 2)
    gaps = [(2, 7), (8, 20)]
    words = [f"from {local_time(stamp(since * 10**9))} to {local_time(stamp(until * 10**9))}" for since, until in gaps]
    assert taker.notes == [f"lines {between} may be missing: the log was rotated meanwhile" for between in words]


async def test_an_old_run_whose_log_does_not_even_hold_the_last_line_that_was_read_was_rotated_and_that_is_local_time() -> None:
    server = LogServer()
    server.current = first = ContainerRun("c1", numbered(3))
    async with following(server) as (_, taker):
        await until(lambda: len(taker.lines) == 3)
        first.lines, first.exit_code, first.reason = [], 1, "Error"  # what came after the third line went with the old file
        server.current, server.previous, server.restarts = ContainerRun("c2", numbered(2, start=9000)), first, 1
        server.abort()
        await until(lambda: len(taker.lines) == 5)
    gap, restart = taker.notes
    assert gap == f"lines after {local_time(stamp(2))} may be missing: the log was rotated meanwhile" and restart.startswith(
        "container app restarted"
    )


async def test_what_there_is_at_first_is_read_to_its_end_before_it_is_followed() -> None:
    server = LogServer()
    server.current = run = ContainerRun("c1", numbered(5))
    ends: list[int] = []
    taker = TakenLog()
    async with connected(server) as connection:
        follower = LogFollower(connection, REF, "app", LogOptions(tail=3), pace=0.02, caught_up=lambda: ends.append(len(taker.lines)))
        async with in_background(follower.run(taker)):
            await until(lambda: ends)
            run.lines += numbered(2, start=5)
            server.changes()
            await until(lambda: len(taker.lines) == 5)
    assert ends == [3]
    assert taker.lines == raw(run.lines[2:])
    assert ["follow" in query for query in server.queries] == [False, True]


async def test_a_pod_that_went_while_it_was_not_heard_may_have_written_more() -> None:
    server = LogServer()
    server.current = ContainerRun("c1", numbered(2))
    async with following(server) as (follower, taker):
        await until(lambda: len(taker.lines) == 2)
        server.gone = True
        server.abort()
        await until(lambda: follower.status.final)
    assert taker.notes == [f"the pod was deleted while its log could not be read: lines after {local_time(stamp(0))} may be missing"]


async def test_runs_that_were_missed_are_reported_and_the_last_of_them_is_read() -> None:
    server = LogServer()
    server.current = ContainerRun("c1", numbered(1), exit_code=1)
    async with following(server) as (follower, taker):
        await until(lambda: follower.status.state == "ended")
        server.previous = ContainerRun("c4", numbered(1, step=10**9, start=8), exit_code=4, reason="Error")
        server.current, server.restarts = ContainerRun("c5", numbered(1, step=10**9, start=9)), 4
        await until(lambda: len(taker.lines) == 3)
    assert [parse_line(line).text for line in taker.lines] == ["line 0", "line 8", "line 9"]
    words = "container app was restarted several times; lines in between may be missing"
    between = f"{local_time(stamp(0))} to {local_time(stamp(8 * 10**9))}"
    assert taker.notes == [f"{words} ({between})", "container app restarted (exit code 4, Error)"]


async def test_of_two_restarts_in_a_row_nothing_is_missing() -> None:
    server = LogServer()
    server.current = ContainerRun("c1", numbered(1), exit_code=1)
    async with following(server) as (follower, taker):
        await until(lambda: follower.status.state == "ended")
        server.previous = ContainerRun("c2", numbered(1, start=8), exit_code=4, reason="Error")
        server.current, server.restarts = ContainerRun("c3", numbered(1, start=9)), 2
        await until(lambda: len(taker.lines) == 3)
    assert taker.notes == ["container app restarted (exit code 4, Error)"]


async def test_a_container_that_waits_is_reported_with_the_servers_words_and_followed_when_it_starts() -> None:
    server = LogServer()
    server.waiting = {"reason": "ContainerCreating"}
    async with following(server) as (follower, taker):
        await until(lambda: follower.status.state == "waiting")
        assert follower.status.why == 'container "app" in pod "web-1" is waiting to start: ContainerCreating'
        server.current, server.waiting = ContainerRun("c1", numbered(2)), {}
        await until(lambda: len(taker.lines) == 2)


async def test_a_pod_that_is_gone_ends_it_and_the_lines_stay() -> None:
    server = LogServer()
    server.current = ContainerRun("c1", numbered(2))
    server.cuts = [Cut(2, 2, ends=True)]
    async with following(server) as (follower, taker):
        await until(lambda: len(taker.lines) == 2)
        server.gone = True
        server.current.exit_code = 0
        server.changes()
        await until(lambda: follower.status.final)
        assert (follower.status.state, follower.status.why) == ("ended", "the pod is gone")


async def test_a_pod_of_the_same_name_is_another_pod() -> None:
    server = LogServer()
    server.current = ContainerRun("c1", numbered(2))
    server.uid = "uid-2"
    async with following(server) as (follower, taker):
        await until(lambda: follower.status.final)
        assert follower.status.why == "the pod is gone; another one has its name now"
    assert (taker.lines, server.queries) == ([], [])


async def test_who_may_not_read_logs_is_told_so_and_nothing_is_tried_again() -> None:
    server = LogServer()
    server.current = ContainerRun("c1", numbered(1))
    server.refusals = [(403, 'pods "web-1" is forbidden: User "ann" cannot get resource "pods/log"')]
    async with following(server) as (follower, _):
        await until(lambda: follower.status.final)
        assert follower.status.state == "failed"
        assert "cannot get resource" in follower.status.why
        assert isinstance(follower.status.error, Forbidden)
    assert len(server.queries) == 1


async def test_who_may_read_logs_but_not_pods_still_follows() -> None:
    server = LogServer()
    server.current = ContainerRun("c1", numbered(6))
    server.pod_refusals = [(403, "pods is forbidden")] * 50
    server.cuts = [Cut(3, 4)]
    async with following(server) as (_, taker):
        await until(lambda: len(taker.lines) == 6)
    assert taker.lines == raw(server.current.lines)


async def test_a_server_that_fails_is_asked_again_later() -> None:
    server = LogServer()
    server.current = ContainerRun("c1", numbered(2))
    server.refusals = [(500, "dial tcp 10.0.0.1:10250: connect: connection refused"), (503, "the server is starting")]
    async with following(server) as (follower, taker):
        await until(lambda: len(taker.lines) == 2)
        await until(lambda: follower.status.state == "following")
    waits = [status for status in taker.states if status.state == "reconnecting"]
    assert [status.why for status in waits] == ["dial tcp 10.0.0.1:10250: connect: connection refused", "the server is starting"]
    assert all(status.retry_at is not None for status in waits)


async def test_the_previous_run_is_read_to_its_end() -> None:
    server = LogServer()
    server.previous = ContainerRun("c1", numbered(5), exit_code=2, reason="Error")
    server.current = ContainerRun("c2", numbered(1, start=70))
    async with following(server, options=LogOptions(tail=3, previous=True)) as (follower, taker):
        await until(lambda: follower.status.final)
        assert (follower.status.state, follower.status.why) == ("ended", "exit code 2, Error")
    assert taker.lines == raw(server.previous.lines)[2:]


async def test_a_previous_run_that_never_was_is_refused_with_the_servers_words() -> None:
    server = LogServer()
    server.current = ContainerRun("c1", numbered(1))
    async with following(server, options=LogOptions(previous=True)) as (follower, _):
        await until(lambda: follower.status.final)
        assert (follower.status.state, follower.status.why) == ("failed", 'previous terminated container "app" in pod "web-1" not found')


async def test_a_container_that_the_pod_does_not_have_is_an_error() -> None:
    server = LogServer()
    async with following(server, "nope") as (follower, _):
        await until(lambda: follower.status.final)
        assert (follower.status.state, follower.status.why) == ("failed", "pod/web-1 has no container nope")


async def test_the_log_without_a_container_is_that_of_the_first() -> None:
    server = LogServer()
    server.current = ContainerRun("c1", numbered(1))
    async with following(server, "") as (follower, taker):
        await until(lambda: taker.lines)
        assert (follower.container, follower.containers) == ("app", ["app", "side"])
    assert server.queries[0]["container"] == "app"


async def test_a_log_that_is_not_followed_ends_with_its_last_line() -> None:
    server = LogServer()
    server.current = ContainerRun("c1", numbered(4))
    async with following(server, options=LogOptions(follow=False)) as (follower, taker):
        await until(lambda: follower.status.final)
        assert follower.status.state == "ended"
    assert taker.lines == raw(server.current.lines)


async def test_a_stream_that_fell_silent_is_asked_for_again_without_a_word() -> None:
    server = LogServer()
    server.current = run = ContainerRun("c1", numbered(2))
    async with following(server, quiet=1.2) as (_, taker):
        await until(lambda: len(taker.lines) == 2)
        run.lines += numbered(1, start=2)  # written, but no event wakes the stream: a lost inotify event
        await until(lambda: len(taker.lines) == 3)
    assert "reconnecting" not in [status.state for status in taker.states]


async def test_a_slow_sink_slows_the_reading_down() -> None:
    server = LogServer()
    server.current = ContainerRun("c1", [(stamp(i), "x" * 6_000) for i in range(2_000)])
    free = asyncio.Event()
    sizes: list[int] = []

    async with connected(server) as connection:

        async def sink(batch: LogBatch) -> None:
            sizes.append(sum(map(len, batch.lines)))
            await free.wait()

        async with in_background(LogFollower(connection, REF, "app").run(sink)):
            for _ in range(200):
                await asyncio.sleep(0.005)
            assert len(sizes) == 1
            free.set()
            await until(lambda: sum(sizes) >= 2_000 * 6_031)
    assert sum(sizes) == 2_000 * 6_031
    assert max(sizes) < 3 << 20


async def test_an_error_of_the_sink_ends_the_log_group_and_is_raised() -> None:
    server = LogServer()
    server.current = ContainerRun("c1", numbered(2))

    async def sink(batch: LogBatch) -> None:
        raise ValueError("full")

    async with connected(server) as connection:
        with pytest.raises(ValueError, match="full"):
            await LogFollower(connection, REF, "app").run(sink)
