"""The log view: what a line looks like, the buffer's limit, the window's rows, the search, and the widget itself."""

from __future__ import annotations

import re
import threading
import time
from array import array
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from textual.app import App, ComposeResult
from textual.geometry import Region
from textual.pilot import Pilot

from podtui.cluster.logs.stamps import Times
from podtui.ui.logs.file import pieces, write_log
from podtui.ui.logs.lines.buffer import LogBuffer
from podtui.ui.logs.lines.text import Span, cut_spans, rows_of, shown, time_text, width_of
from podtui.ui.logs.search.matchers import Pattern
from podtui.ui.logs.search.search import Search
from podtui.ui.logs.view.source_names import SourceNames, shortened
from podtui.ui.logs.view.strips import thumb_of
from podtui.ui.logs.view.view import PAINT, LogView
from podtui.ui.logs.view.window import LogWindow, Row

TIME = "2026-01-01T00:00:00.123456789Z"
AT = 1_767_225_600_123_456_789
TEXTS = st.text("ab 한😀\t\x1b\x07é", max_size=30)

# -- what a line looks like -----------------------------------------------------------------------------------------


def test_a_time_is_shown_as_the_server_writes_it() -> None:
    assert time_text(AT) == TIME
    assert time_text(0) == ""


def test_colours_are_left_out_and_other_controls_are_shown_not_obeyed() -> None:
    assert shown("\x1b[1;31mERROR\x1b[0m done\r") == "ERROR done"
    assert shown("\x1b[2Jboo\x07\x9b") == "␛[2Jboo␇<9B>"


def test_tabs_go_to_the_next_multiple_of_eight() -> None:
    assert shown("a\tb") == "a       b"


@given(TEXTS, st.integers(1, 20))
def test_wrapped_rows_make_up_the_line_and_fit(text: str, width: int) -> None:
    text = shown(text)
    starts = rows_of(text, width)
    rows = [text[start:end] for start, end in zip(starts, [*starts[1:], len(text)], strict=True)]
    assert "".join(rows) == text
    assert starts[0] == 0
    for row, after in zip(rows, [*rows[1:], ""], strict=True):
        assert cell_len(row) <= max(width, 2)
        assert not after or cell_len(row) + cell_len(after[0]) > width  # no row ends before it is full


def test_a_later_span_lies_over_an_earlier_one() -> None:
    spans = [Span(0, 5, "log.error"), Span(3, 8, "match")]
    assert list(cut_spans(spans, 1, 10)) == [Span(1, 3, "log.error"), Span(3, 8, "match"), Span(8, 10, "")]


# -- the buffer -----------------------------------------------------------------------------------------------------


@given(st.lists(st.lists(TEXTS, max_size=50), max_size=12), st.integers(1, 40))
def test_the_buffer_holds_the_newest_lines_under_their_numbers(batches: list[list[str]], limit: int) -> None:
    buffer = LogBuffer(limit * 1000)
    everything: list[str] = []
    for batch in batches:
        before = buffer.first
        assert buffer.append(batch) == buffer.first - before
        everything += batch
        assert buffer.end == len(everything)
        assert [buffer.line(number) for number in range(buffer.first, buffer.end)] == everything[buffer.first :]
        assert buffer.size == sum(block.size for block in buffer.blocks)


def test_memory_stays_within_the_limit_and_the_newest_lines_stay() -> None:
    buffer = LogBuffer(1 << 20)
    for start in range(0, 100_000, 1000):
        buffer.append([f"line {number} {'x' * 50}" for number in range(start, start + 1000)])
        assert buffer.size <= 1 << 20
    assert buffer.line(99_999).startswith("line 99999 ")
    assert 10_000 < len(buffer) < 20_000
    with pytest.raises(IndexError):
        buffer.line(buffer.first - 1)


@given(st.lists(TEXTS, min_size=1, max_size=40), st.lists(st.lists(TEXTS, max_size=2500), max_size=4), st.integers(30, 400))
@settings(deadline=None)
def test_older_lines_come_before_the_others_as_far_as_there_is_room(lines: list[str], older: list[list[str]], limit: int) -> None:
    buffer = LogBuffer(limit * 1000)
    buffer.append(lines)
    everything = list(lines)
    for some in older:
        count = buffer.prepend(some, times=[7] * len(some), source=3)
        everything = some[len(some) - count :] + everything
        assert buffer.size <= buffer.limit
        assert (buffer.dropped, buffer.end) == (0, len(lines))
        assert [buffer.line(number) for number in range(buffer.first, buffer.end)] == everything
        assert count == len(some) or buffer.size > buffer.limit * 2 // 3
    if buffer.first < 0:
        assert (buffer.time(buffer.first), buffer.source(buffer.first)) == (7, 3)


def test_lone_surrogates_do_no_harm() -> None:
    buffer = LogBuffer(1 << 20)
    buffer.append(["\ud800 x"] * 2000)
    assert buffer.line(0) == "? x"


@given(st.lists(st.lists(st.tuples(TEXTS, st.integers(0, 2**62), st.integers(0, 9)), max_size=40), max_size=40))
def test_each_line_keeps_its_time_and_its_source(batches: list[list[tuple[str, int, int]]]) -> None:
    buffer = LogBuffer(5000)
    for batch in batches:
        buffer.append([text for text, _, _ in batch], times=[time for _, time, _ in batch], sources=[source for _, _, source in batch])
    everything = [line for batch in batches for line in batch]
    kept = [(buffer.line(number), buffer.time(number), buffer.source(number)) for number in range(buffer.first, buffer.end)]
    assert kept == everything[buffer.first :]
    snapshot = list(buffer.snapshot())
    assert [time for block in snapshot for time in block.times] == [time for _, time, _ in kept]
    assert [source for block in snapshot for source in block.sources] == [source for _, _, source in kept]


TIMED = st.lists(st.tuples(TEXTS, st.integers(10**18, 2 * 10**18)), max_size=30)


@given(st.lists(st.tuples(TIMED, st.integers(0, 3), st.booleans(), st.booleans()), max_size=30), st.integers(4, 60))
def test_lines_that_came_as_bytes_are_those_that_came_as_texts(batches: list[Any], limit: int) -> None:
    """Whether somebody looks at them meanwhile, or other lines come between."""
    buffer, everything = LogBuffer(limit * 1000), []
    for lines, source, as_bytes, looks in batches:
        if as_bytes:
            before = buffer.first
            data = "".join(f"{time_text(time)} {text}\n" for text, time in lines).encode("utf-8", "replace")
            assert buffer.append_stamped(data, source) == buffer.first - before
        else:
            buffer.append([text for text, _ in lines], times=[time for _, time in lines], sources=source)
        everything += [(text.encode("utf-8", "replace").decode(), time, source) for text, time in lines]
        assert (buffer.end, buffer.size) == (len(everything), sum(block.size for block in buffer.blocks))
        if looks and len(buffer):
            assert buffer.line(buffer.end - 1) == everything[-1][0]
    kept = [(buffer.line(number), buffer.time(number), buffer.source(number)) for number in range(buffer.first, buffer.end)]
    assert kept == everything[buffer.first :]
    snapshot = list(buffer.snapshot())
    assert [line for block in snapshot for line in block.lines] == [text for text, _, _ in kept]


def test_a_fast_log_is_not_taken_apart_before_somebody_looks_at_it(monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[int] = []
    real = Times.part

    def part(self: Times, lines: list[str]) -> tuple[array[int], list[str]]:
        taken.append(len(lines))
        return real(self, lines)

    monkeypatch.setattr(Times, "part", part)
    buffer = LogBuffer(1 << 20)
    for start in range(0, 20_000, 1000):
        buffer.append_stamped("".join(f"{time_text(10**18 + number)} line {number}\n" for number in range(start, start + 1000)).encode())
        assert buffer.size <= 1 << 20
    assert taken == []
    assert buffer.line(19_999) == "line 19999"
    assert len(taken) == 1 and taken[0] < 5000


def test_two_threads_may_look_at_a_block_that_grows() -> None:
    buffer = LogBuffer(64 << 20)
    seen: list[list[str]] = []
    stop = threading.Event()

    def look() -> None:
        while not stop.is_set():
            seen.append([line for block in buffer.snapshot() for line in block.lines])

    thread = threading.Thread(target=look)
    thread.start()
    for number in range(3000):
        buffer.append_stamped(f"{time_text(10**18 + number)} {number}\n".encode())
        if number % 7 == 0:
            assert buffer.line(number) == str(number)
    stop.set()
    thread.join()
    assert all(lines == [str(number) for number in range(len(lines))] for lines in seen)
    assert [buffer.line(number) for number in range(3000)] == [str(number) for number in range(3000)]


def test_pieces_and_notes_are_told_apart() -> None:
    buffer = LogBuffer(1 << 20)
    buffer.append(["a", "b", "c"], {1})
    buffer.append(["restarted"], notes=[0])
    assert [buffer.is_continuation(number) for number in range(4)] == [False, False, True, False]
    assert [buffer.is_note(number) for number in range(4)] == [False, False, False, True]


# -- the window -----------------------------------------------------------------------------------------------------


def naive(window: LogWindow) -> list[Row]:
    """Every row there is, counted one by one."""
    buffer = window.buffer
    lines = [number for number in range(buffer.first, buffer.end) if window.only is None or window.only.after(number - 1) == number]
    if window.head is not None:
        lines.insert(0, window.head)
    return [Row(line, part) for line in lines for part in range(len(window.parts(line)))]


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_the_window_shows_what_counting_every_row_would_show(data: st.DataObject) -> None:
    buffer = LogBuffer(5000)
    window = LogWindow(buffer)
    window.resize(10, 5)
    window.set_wrap(data.draw(st.booleans()))
    search = Search(buffer, Pattern("a"))
    top = 0
    for _ in range(data.draw(st.integers(1, 12))):
        action = data.draw(st.sampled_from(["append", "move", "first", "last", "wrap", "resize", "only", "line"]))
        before = window.rows()
        if action == "append":
            buffer.append(data.draw(st.lists(TEXTS, max_size=40)))
        elif action == "move":
            everything = naive(window)
            by = data.draw(st.integers(-15, 15))
            was = window.following
            window.move(by)
            if everything and not (was and by > 0):
                bottom = max(0, len(everything) - window.height)
                expected = min(bottom, max(0, everything.index(before[0]) + by))
                assert window.rows()[0] == everything[expected]
        elif action == "first":
            window.to_first()
        elif action == "last":
            window.following = True
        elif action == "wrap":
            window.set_wrap(not window.wrap)
        elif action == "resize":
            window.resize(data.draw(st.integers(1, 30)), data.draw(st.integers(1, 12)))
        elif action == "only":
            search.scan(1)
            window.only = None if window.only else search
        elif action == "line" and len(buffer):
            window.to_line(data.draw(st.integers(buffer.first, buffer.end - 1)))
        search.scan(1)
        rows, everything = window.rows(), naive(window)
        assert len(rows) == min(window.height, len(everything))
        if rows:
            top = everything.index(rows[0])
            assert rows == everything[top : top + window.height]
            if window.following:
                assert rows[-1] == everything[-1]


def test_what_is_read_stays_in_place_while_lines_come_and_go() -> None:
    buffer = LogBuffer(20_000)
    window = LogWindow(buffer)
    window.resize(20, 5)
    buffer.append([f"line {number}" for number in range(400)])
    window.rows()
    window.move(-10)
    before = [window.text(row.line) for row in window.rows()]
    buffer.append([f"line {number}" for number in range(400, 420)])
    assert [window.text(row.line) for row in window.rows()] == before
    buffer.append([f"line {number}" for number in range(420, 5000)])  # now it is gone
    assert window.text(window.rows()[0].line) == f"… {buffer.first:,} older lines dropped"


def test_the_thumb_is_at_the_ends_only_at_the_ends() -> None:
    assert thumb_of(10, 0, 90, 100) == (0, 1)
    assert thumb_of(10, 90, 0, 100) == (9, 1)
    assert thumb_of(10, 89, 1, 100) == (8, 1)
    assert thumb_of(10, 0, 0, 10) == (0, 10)


# -- names of sources ------------------------------------------------------------------------------------------------


def test_with_one_source_no_name_stands_before_the_lines() -> None:
    assert SourceNames([]).head(0) == ("", [])
    assert SourceNames(["web-1"]).head(0) == ("", [])


@given(st.lists(st.text("ab-1한😀\x1b", max_size=60), min_size=2, max_size=8), st.integers(1, 250))
def test_names_take_the_same_cells_and_at_most_a_quarter_of_the_window(texts: list[str], width: int) -> None:
    names = SourceNames(texts)
    names.fit(width)
    heads = [names.head(source)[0] for source in range(len(texts))]
    assert len({cell_len(head) for head in heads}) == 1
    assert cell_len(heads[0]) <= max(8, width // 4) + 2
    assert not any("\x1b" in head for head in heads)


def test_a_long_name_keeps_its_end_which_tells_it_from_others() -> None:
    assert shortened("web-7d9c5b6f4d-abcde", 20) == "web-7d9c5b6f4d-abcde"
    assert shortened("web-7d9c5b6f4d-abcde", 12) == "web…4d-abcde"
    assert shortened("한국어이름", 6) == "…이름"


def test_a_line_stands_after_its_source_and_its_time() -> None:
    buffer, window = LogBuffer(5000), None
    buffer.append(["one", "two"], times=[AT, 0], sources=[0, 1])
    buffer.append(["it restarted"], sources=1, notes=[0])
    window = LogWindow(buffer)
    window.set_names(SourceNames(["a", "web"]))
    assert [window.text(line) for line in range(3)] == ["a  │ one", "web│ two", "web│ ── it restarted ──"]
    window.set_times("utc")
    assert [window.text(line) for line in range(2)] == ["a  │ 2026-01-01T00:00:00.123Z one", "web│ two"]
    assert window.text(0)[window.body(0) :] == "one"
    assert window.shown(1).spans[0] == Span(0, 3, "log.source.2")


# -- the search -----------------------------------------------------------------------------------------------------


def reference(buffer: LogBuffer, text: str) -> list[int]:
    expression = re.compile(text[1:] if text.startswith("~") and len(text) > 1 else re.escape(text), re.IGNORECASE)
    return [number for number in range(buffer.first, buffer.end) if expression.search(shown(buffer.line(number)))]


@given(st.lists(TEXTS, max_size=60), st.data())
@settings(deadline=None)
def test_the_search_finds_what_a_look_at_every_line_finds(lines: list[str], data: st.DataObject) -> None:
    text = data.draw(st.sampled_from(["a", "A", "AB", "한", "é", "~a+b", "~^a", "~$", "b a", "\U0001f600a", " "]))
    buffer = LogBuffer(4000)
    search = Search(buffer, Pattern(text))
    place = 0
    while place < len(lines):
        size = data.draw(st.integers(1, 20))
        continued = {0} if data.draw(st.booleans()) else set()
        buffer.append(lines[place : place + size], continued)
        place += size
        search.scan(data.draw(st.sampled_from([0.0, 1.0])))
    while search.scan(0.001):
        pass
    expected = reference(buffer, text)
    found = []
    number = search.after(buffer.first - 1)
    while number is not None:
        found.append(number)
        assert search.rank(number) == len(found) - 1
        number = search.after(number)
    assert found == expected
    assert search.count == len(expected)
    backwards = []
    number = search.before(buffer.end)
    while number is not None:
        backwards.append(number)
        number = search.before(number)
    assert backwards == expected[::-1]


def test_a_wrong_expression_is_reported_in_words() -> None:
    with pytest.raises(ValueError, match="not a regular expression: unterminated"):
        Pattern("~a[")
    assert Pattern("a[").spans("xa[y", "match") == [Span(1, 3, "match")]


# -- the widget -----------------------------------------------------------------------------------------------------


class ViewApp(App[None]):
    CSS = "Screen { layout: vertical; }"

    def __init__(self, limit: int = 32 << 20) -> None:
        super().__init__()
        self.view = LogView(limit=limit)

    def compose(self) -> ComposeResult:
        yield self.view

    def screen_lines(self) -> list[str]:
        """What stands on the screen, without the scroll bar."""
        return ["".join(segment.text for segment in self.view.render_line(y))[2:-1].rstrip() for y in range(self.view.size.height)]


async def settled(pilot: Pilot[None]) -> None:
    await pilot.pause(0.25)


async def test_the_end_is_followed_until_one_scrolls_up_and_again_after_G() -> None:
    app = ViewApp()
    async with app.run_test(size=(40, 5)) as pilot:
        app.view.append([f"line {number}" for number in range(20)])
        await settled(pilot)
        assert app.screen_lines() == [f"line {number}" for number in range(15, 20)]
        app.view.browser.scroll_rows(-2)
        app.view.append(["line 20"])
        await settled(pilot)
        assert app.screen_lines() == [f"line {number}" for number in range(13, 18)]
        assert (app.view.browser.window.following, app.view.browser.below) == (False, 3)
        app.view.browser.to_last()
        assert app.screen_lines()[-1] == "line 20"
        assert app.view.browser.window.following


async def test_scrolling_up_when_everything_is_in_view_leaves_nothing() -> None:
    app = ViewApp()
    async with app.run_test(size=(40, 5)) as pilot:
        app.view.append(["one", "two"])
        await settled(pilot)
        app.view.browser.scroll_rows(-1)
        assert app.view.browser.window.following


async def test_long_lines_are_cut_or_wrapped_and_wide_characters_keep_the_columns() -> None:
    app = ViewApp()
    async with app.run_test(size=(13, 6)) as pilot:
        app.view.append(["한국어 로그 줄입니다", "plain"])
        await settled(pilot)
        assert app.screen_lines()[:2] == ["한국어 로", "plain"]
        app.view.browser.set_wrap(True)
        assert app.screen_lines()[:3] == ["한국어 로", "그 줄입니", "다"]
        for y in range(6):
            assert sum(cell_len(segment.text) for segment in app.view.render_line(y)) == 13


async def test_without_wrapping_one_scrolls_sideways_up_to_the_widest_line() -> None:
    app = ViewApp()
    async with app.run_test(size=(23, 4)) as pilot:
        app.view.append(["0123456789" * 4, "short"])
        await settled(pilot)
        app.view.browser.scroll_columns(1)
        assert (app.view.browser.cursor.left, app.screen_lines()[0]) == (8, "89012345678901234567")
        for _ in range(10):
            app.view.browser.scroll_columns(1)
        assert app.view.browser.cursor.left == 30
        for _ in range(10):
            app.view.browser.scroll_columns(-1)
        assert app.view.browser.cursor.left == 0


async def test_the_oldest_lines_go_and_the_view_says_how_many() -> None:
    app = ViewApp(limit=1 << 20)
    async with app.run_test(size=(60, 5)) as pilot:
        for start in range(0, 30_000, 1000):
            app.view.append([f"line {number} {'x' * 90}" for number in range(start, start + 1000)])
        await settled(pilot)
        app.view.browser.to_first()
        assert app.view.browser.buffer.dropped > 15_000
        assert app.screen_lines()[0] == f"… {app.view.browser.buffer.dropped:,} older lines dropped"
        assert app.screen_lines()[1].startswith(f"line {app.view.browser.buffer.dropped} ")


async def test_a_search_goes_to_the_newest_match_and_counts() -> None:
    app = ViewApp()
    async with app.run_test(size=(40, 5)) as pilot:
        app.view.append([f"line {number}{' Needle' if number % 30 == 0 else ''}" for number in range(100)])
        await settled(pilot)
        app.view.browser.search("needle")
        await settled(pilot)
        assert app.view.browser.cursor.place == (4, 4, True)
        assert "line 90 Needle" in app.screen_lines()
        assert not app.view.browser.window.following
        assert app.view.browser.next_match(-1) == ""
        assert app.view.browser.cursor.place == (3, 4, True)
        assert app.view.browser.next_match(1) == ""
        assert app.view.browser.next_match(1) == "the search continued at the beginning"
        assert app.view.browser.cursor.place == (1, 4, True)
        app.view.browser.show_matches("only")
        assert app.screen_lines()[:4] == [f"line {number} Needle" for number in (0, 30, 60, 90)]
        app.view.browser.search("")
        assert app.view.browser.cursor.pattern is None
        assert app.view.browser.shown_matches == "all"
        assert len([line for line in app.screen_lines() if line]) == 5


async def test_only_matches_goes_on_while_lines_come() -> None:
    app = ViewApp()
    async with app.run_test(size=(40, 5)) as pilot:
        app.view.append(["a 1", "b 2"])
        app.view.browser.search("a")
        app.view.browser.show_matches("only")
        app.view.browser.follow(True)
        app.view.append(["a 3", "b 4", "A 5"])
        await settled(pilot)
        assert app.screen_lines() == ["a 1", "a 3", "A 5", "", ""]


async def test_a_match_far_to_the_right_is_scrolled_into_view() -> None:
    app = ViewApp()
    async with app.run_test(size=(40, 5)) as pilot:
        app.view.append(["x" * 300 + "needle" + "y" * 300])
        await settled(pilot)
        app.view.browser.search("needle")
        await settled(pilot)
        assert "needle" in app.screen_lines()[0]


async def test_the_log_view_paints_at_most_five_times_a_second_while_lines_come(monkeypatch: pytest.MonkeyPatch) -> None:
    app = ViewApp()
    async with app.run_test(size=(40, 5)) as pilot:
        await settled(pilot)
        synced: list[float] = []
        real = app.view._sync

        def timed(**options: bool) -> None:
            synced.append(time.monotonic())
            real(**options)

        monkeypatch.setattr(app.view, "_sync", timed)
        for number in range(50):
            app.view.append([f"line {number}"])
            await pilot.pause(0.01)
        await settled(pilot)
        assert len(synced) >= 2
        assert all(later - earlier > 0.9 * PAINT for earlier, later in pairwise(synced))
        assert app.screen_lines()[-1] == "line 49"


async def test_a_paused_view_paints_nothing_that_did_not_change(monkeypatch: pytest.MonkeyPatch) -> None:
    app = ViewApp()
    async with app.run_test(size=(40, 5)) as pilot:
        app.view.append([f"line {number}" for number in range(50)])
        await settled(pilot)
        app.view.browser.scroll_rows(-20)
        await settled(pilot)
        painted: list[tuple[Region, ...]] = []
        monkeypatch.setattr(app.view, "refresh", lambda *regions, **kw: painted.append(regions))
        app.view.append(["more"])
        await settled(pilot)
        assert all(painted)  # never the whole widget
        assert {(region.x, region.width) for regions in painted for region in regions} <= {(39, 1)}
        assert len(painted) <= 2


async def test_the_bar_at_the_right_is_dragged() -> None:
    app = ViewApp()
    async with app.run_test(size=(40, 11)) as pilot:
        app.view.append([f"line {number}" for number in range(1000)])
        await settled(pilot)
        await pilot.mouse_down(app.view, offset=(39, 5))
        await pilot.mouse_up(app.view, offset=(39, 5))
        assert app.screen_lines()[0] == "line 500"
        await pilot.mouse_down(app.view, offset=(39, 10))
        await pilot.mouse_up(app.view, offset=(39, 10))
        assert app.screen_lines()[-1] == "line 999"


# -- to a file ------------------------------------------------------------------------------------------------------


def test_a_file_holds_the_lines_as_the_server_sent_them(tmp_path: Path) -> None:
    buffer = LogBuffer(1 << 20)
    buffer.append(["\x1b[1mone\x1b[0m", "lo", "ng", "three"], {1}, times=[AT] * 4)
    buffer.append(["restarted"], notes=[0])
    path = tmp_path / "x.log"
    assert write_log(path, pieces(buffer.snapshot(), times=False)) == 3
    assert path.read_text() == "\x1b[1mone\x1b[0m\nlong\nthree\n"
    assert path.stat().st_mode & 0o777 == 0o600
    assert write_log(path, pieces(buffer.snapshot(), times=True, chosen={0: [0]})) == 1
    assert path.read_text() == f"{TIME} \x1b[1mone\x1b[0m\n"
    assert list(tmp_path.iterdir()) == [path]


def test_in_a_file_the_lines_of_several_sources_say_whose_they_are(tmp_path: Path) -> None:
    buffer = LogBuffer(1 << 20)
    buffer.append(["one", "lo", "ng", "two"], {1}, times=[AT] * 4, sources=[0, 1, 1, 0])
    prefixes = ["[pod/a/app] ", "[pod/b/app] "]
    write_log(tmp_path / "x.log", pieces(buffer.snapshot(), times=False, prefixes=prefixes))
    assert (tmp_path / "x.log").read_text() == "[pod/a/app] one\n[pod/b/app] long\n[pod/a/app] two\n"
    write_log(tmp_path / "x.log", pieces(buffer.snapshot(), times=True, prefixes=prefixes))
    assert (tmp_path / "x.log").read_text().splitlines()[0] == f"[pod/a/app] {TIME} one"


def test_a_snapshot_does_not_change_with_the_buffer() -> None:
    buffer = LogBuffer(1 << 20)
    buffer.append(["one", "two"])
    snapshot = buffer.snapshot()
    buffer.append([f"line {number}" for number in range(3000)])
    assert "".join(text for text, _ in pieces(snapshot, times=False)) == "one\ntwo\n"


def test_the_width_counts_cells() -> None:
    assert (width_of("abc"), width_of("한국")) == (3, 4)


async def test_older_lines_leave_the_view_where_it_is_and_are_searched_too() -> None:
    app = ViewApp()
    async with app.run_test(size=(40, 5)) as pilot:
        app.view.append([f"new {number}" for number in range(20)])
        await settled(pilot)
        app.view.browser.to_first()
        app.view.browser.search("3")
        await settled(pilot)
        before = app.screen_lines()
        assert app.view.browser.prepend([f"old {number}" for number in range(30)], (), [0] * 30) == 30
        await settled(pilot)
        assert app.screen_lines() == before
        assert app.view.browser.cursor.place[1] == 2 + 3  # new 3 and 13; old 3, 13 and 23
        app.view.browser.to_first()
        assert app.screen_lines()[0] == "old 0"
