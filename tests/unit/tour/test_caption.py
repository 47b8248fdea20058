"""The caption bar: how captions wrap, and that every line has exactly the width of the terminal."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from podtui.text import piled_marks, single_cells
from podtui.tour.caption import KEY, Caption, Line, bar_height, bar_lines, fitted, wrap


def plain(lines: list[Line]) -> list[str]:
    return ["".join(text for text, _ in line) for line in lines]


def test_a_caption_breaks_between_words() -> None:
    assert plain(wrap("one two  three\n four", 9)) == ["one two", "three", "four"]


def test_a_word_that_is_too_long_breaks_anywhere() -> None:
    assert plain(wrap("a bcdefgh", 4)) == ["a", "bcde", "fgh"]


def test_wide_characters_count_two_cells_and_are_never_cut() -> None:
    assert plain(wrap("파드를 봅니다", 7)) == ["파드를", "봅니다"]
    assert plain(wrap("파드를봅니다", 5)) == ["파드", "를봅", "니다"]


def test_what_is_in_backticks_is_styled_and_they_are_gone() -> None:
    assert wrap("press `l` or `ctrl d`.", 40) == [[("press ", ""), ("l", KEY), (" or ", ""), ("ctrl d", KEY), (".", "")]]


def test_control_characters_are_shown_not_obeyed() -> None:
    assert "\x1b" not in "".join(plain(wrap("a\x1b[2Jb", 40)))


@given(st.text(max_size=200), st.integers(4, 60))
def test_no_line_of_a_caption_is_wider_than_the_terminal(text: str, width: int) -> None:
    assert all(cell_len(line) <= width for line in plain(wrap(text, width)))


@given(st.text(max_size=80), st.text(max_size=80), st.integers(5, 120), st.integers(2, 5))
def test_every_line_of_the_bar_has_the_terminals_width(text: str, note: str, width: int, height: int) -> None:
    hints = (("F8", "다음"), ("F7", "again"), ("F9", "end"))
    lines = bar_lines(Caption(text, 1, 12, "playing", note, hints), width, height)
    assert len(lines) == height
    assert {cell_len(line) for line in plain(lines)} == {width}


HOSTILE = st.text(
    st.sampled_from("a` \t\n\x1b[2J\x07\x9b\x9d\u202e\xad\u3164\u200d\U000e0041\u0301\u0300가🚀\ud800\u2028{folder}"), max_size=120
)


@given(HOSTILE, HOSTILE, st.integers(2, 90), st.integers(2, 7))
def test_nothing_in_a_caption_commands_the_terminal(text: str, note: str, width: int, height: int) -> None:
    lines = plain(bar_lines(Caption(text, 1, 2, "failed", note, (("F8", "next"),)), width, height))
    assert len(lines) == height and {cell_len(line) for line in lines} == {width}
    assert all(single_cells(line) == line and piled_marks(line) == set() for line in lines)


def test_the_keys_of_the_bar_stand_at_the_right_as_long_as_there_is_room() -> None:
    hints = (("F8", "next"), ("F9", "end"))
    assert plain(bar_lines(Caption("c", 1, 2, "held", "", hints), 40, 2))[0].endswith(" F8 next  F9 end ")
    assert "F8" not in plain(bar_lines(Caption("c", 1, 2, "held", "", hints), 20, 2))[0]


def test_a_line_that_is_cut_ends_with_an_ellipsis() -> None:
    assert plain([fitted([("파드를", "")], 5)]) == ["파드…"]
    assert plain([fitted([("파드를", "")], 4)]) == ["파… "]


@pytest.mark.parametrize(("height", "expected"), [(10, 0), (15, 0), (16, 2), (24, 4), (36, 4)])
def test_the_bar_is_as_high_as_the_longest_caption_where_the_dashboard_keeps_its_room(height: int, expected: int) -> None:
    assert bar_height(["short", "word " * 40], 80, height) == expected


def test_a_caption_takes_five_lines_at_most() -> None:
    assert bar_height(["word " * 400], 80, 50) == 6
