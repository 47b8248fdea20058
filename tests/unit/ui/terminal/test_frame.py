"""Only cells that differ are written, and the terminal shows the same as if all had been."""

from __future__ import annotations

import pyte
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from textual._compositor import ChopsUpdate, LayoutUpdate
from textual.geometry import Region
from textual.strip import Strip

from podtui.ui.terminal.frame import Frame, cells_of

WIDTH, HEIGHT = 12, 3
CONSOLE = Console(force_terminal=True, color_system="256", width=WIDTH, height=HEIGHT)
STYLES = [None, Style(bold=True), Style(color="red"), Style(bgcolor="blue")]

segments = st.lists(st.tuples(st.text(st.sampled_from("ab 가🚀.é"), max_size=5), st.sampled_from(STYLES)), max_size=6)


def strip(parts: list[tuple[str, Style | None]]) -> Strip:
    return Strip([Segment(text, style) for text, style in parts]).adjust_cell_length(WIDTH).crop(0, WIDTH)


class Terminal:
    def __init__(self) -> None:
        self.screen = pyte.Screen(WIDTH, HEIGHT)
        self.stream = pyte.Stream(self.screen)
        self.written = 0

    def write(self, text: str) -> None:
        self.written += len(text)
        self.stream.feed(text)

    def shows(self) -> list[list[tuple[object, ...]]]:
        return [[(c.data, c.fg, c.bg, c.bold) for x in range(WIDTH) for c in [self.screen.buffer[y][x]]] for y in range(HEIGHT)]


def layout(lines: list[Strip]) -> LayoutUpdate:
    return LayoutUpdate([[line] for line in lines], Region(0, 0, WIDTH, HEIGHT))


@given(st.lists(st.lists(segments, min_size=HEIGHT, max_size=HEIGHT), min_size=1, max_size=5))
def test_differences_lead_to_the_same_screen_as_whole_frames(frames: list[list[list[tuple[str, Style | None]]]]) -> None:
    frame, thin = Frame(), Terminal()
    for lines in frames:
        whole = Terminal()
        strips = [strip(line) for line in lines]
        whole.write(layout(strips).render_segments(CONSOLE))
        update = frame.changes(layout(strips), CONSOLE, (WIDTH, HEIGHT))
        if update is not None:
            thin.write(update.render_segments(CONSOLE))
        assert thin.shows() == whole.shows()


@given(segments, segments, st.integers(0, WIDTH - 1), st.integers(1, WIDTH))
def test_a_partial_update_changes_its_span_only(
    before: list[tuple[str, Style | None]], after: list[tuple[str, Style | None]], x: int, length: int
) -> None:
    """With characters of one cell; where a wide one stands across the span's edge, it is written whole."""
    narrow = [(text.replace("가", "x").replace("🚀", "y"), style) for text, style in before]
    later = [(text.replace("가", "z").replace("🚀", "w"), style) for text, style in after]
    frame, terminal = Frame(), Terminal()
    update = frame.changes(layout([strip(narrow)] * HEIGHT), CONSOLE, (WIDTH, HEIGHT))
    assert update is not None
    terminal.write(update.render_segments(CONSOLE))
    old = terminal.shows()[1]
    end = min(WIDTH, x + length)
    chops = ChopsUpdate([{0: strip(later)}] * HEIGHT, [(1, x, end)], [[WIDTH]] * HEIGHT)
    changed = frame.changes(chops, CONSOLE, (WIDTH, HEIGHT))
    if changed is not None:
        terminal.write(changed.render_segments(CONSOLE))
    new = Terminal()
    new.write(layout([strip(later)] * HEIGHT).render_segments(CONSOLE))
    assert terminal.shows()[1] == old[:x] + new.shows()[1][x:end] + old[end:]


def test_a_part_of_a_line_after_one_that_is_not_painted_is_painted() -> None:
    frame, terminal = Frame(), Terminal()
    update = frame.changes(layout([strip([("." * WIDTH, None)])] * HEIGHT), CONSOLE, (WIDTH, HEIGHT))
    assert update is not None
    terminal.write(update.render_segments(CONSOLE))
    ends, parts = [[4, 8, WIDTH]] * HEIGHT, {0: None, 4: Strip([Segment("left")]), 8: Strip([Segment("mids")])}
    changed = frame.changes(ChopsUpdate([parts] * HEIGHT, [(1, 8, WIDTH)], ends), CONSOLE, (WIDTH, HEIGHT))
    assert changed is not None
    terminal.write(changed.render_segments(CONSOLE))
    assert terminal.screen.display[1] == "........mids", "a part that is hidden, and one outside the span, end nothing"


def test_an_update_that_changes_nothing_writes_nothing() -> None:
    frame = Frame()
    lines = [strip([("abc", None)])] * HEIGHT
    assert frame.changes(layout(lines), CONSOLE, (WIDTH, HEIGHT)) is not None
    assert frame.changes(layout(lines), CONSOLE, (WIDTH, HEIGHT)) is None


def test_one_changed_cell_costs_a_few_bytes() -> None:
    frame = Frame()
    frame.changes(layout([strip([("5s running", None)])] * HEIGHT), CONSOLE, (WIDTH, HEIGHT))
    update = frame.changes(layout([strip([("6s running", None)]), *[strip([("5s running", None)])] * 2]), CONSOLE, (WIDTH, HEIGHT))
    assert update is not None
    assert len(update.render_segments(CONSOLE)) < 16


def test_after_another_size_or_forgetting_all_is_written_again() -> None:
    frame = Frame()
    lines = [strip([("abc", None)])] * HEIGHT
    frame.changes(layout(lines), CONSOLE, (WIDTH, HEIGHT))
    assert frame.changes(layout(lines), CONSOLE, (WIDTH, HEIGHT + 1)) is not None
    frame.forget()
    assert frame.changes(layout(lines), CONSOLE, (WIDTH, HEIGHT + 1)) is not None


def test_what_was_laid_out_for_a_larger_terminal_is_cut_to_this_one() -> None:
    terminal, frame = Terminal(), Frame()
    lines = [strip([(str(y), None)]) for y in range(HEIGHT + 3)]
    update = frame.changes(LayoutUpdate([[line] for line in lines], Region(0, 0, WIDTH, HEIGHT + 3)), CONSOLE, (WIDTH, HEIGHT))
    assert update is not None
    terminal.write(update.render_segments(CONSOLE))
    assert [line.strip() for line in terminal.screen.display] == [str(y) for y in range(HEIGHT)]


@pytest.mark.parametrize(
    ("text", "cells"),
    [
        ("a\x1b]0;x\x07", "a␛]0;x␇"),
        ("\x7f\t\n", "␡␉␊"),
        ("한\x1b\x9b\u202ex", "한␛��x"),
        ("한\u00a0\u3000é", "한\u00a0\u3000é"),
        ("xe" + "\u0301" * 60 + "y", "xe" + "\u0301" * 4 + "y"),
    ],
)
def test_no_control_character_passes_whatever_widget_drew_it(text: str, cells: str) -> None:
    assert "".join(character for character, _ in cells_of([Segment(text)])) == cells


def test_a_line_holds_no_caches_of_its_own() -> None:
    """Seven for each of the 1,700 lines of a large screen take 2 MB."""
    first, second = Strip([Segment("a b")], 3), Strip([Segment("c d")], 3)
    held = [
        getattr(line, name) for line in (first, second) for name in Strip.__slots__ if name.endswith("_cache") and name != "_render_cache"
    ]
    assert len(held) == 14
    assert len({id(cache) for cache in held}) == 1
    assert [part.text for part in first.divide([1, 3])] == ["a", " b"]
    assert (first.crop(0, 1).text, first.crop(2, 3).text, first.crop_extend(2, 5, None).text) == ("a", "b", "b  ")
