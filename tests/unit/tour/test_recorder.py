"""Recordings: an asciicast that any player plays, and pictures beside each other."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyte
import pytest

from podtui.errors import PodtuiError
from podtui.tour.recorder import Cast, Pictures


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def cast(tmp_path: Path, clock: Clock) -> Cast:
    return Cast(tmp_path / "tour.cast", (20, 5), "파드", clock=clock, now=1_700_000_000.5)


def lines(tmp_path: Path) -> list[Any]:
    return [json.loads(line) for line in (tmp_path / "tour.cast").read_text(encoding="utf-8").splitlines()]


def played(events: list[Any], columns: int = 20, rows: int = 5) -> list[str]:
    """The screen of a terminal that has played the events."""
    screen = pyte.Screen(columns, rows)
    stream = pyte.Stream(screen)
    for _, kind, data in events:
        if kind == "o":
            stream.feed(data)
    return [line.rstrip() for line in screen.display]


def test_a_recording_begins_with_its_version_size_time_and_title(tmp_path: Path, cast: Cast) -> None:
    cast.close()
    head = lines(tmp_path)[0]
    assert (head["version"], head["width"], head["height"]) == (2, 20, 5)
    assert (head["timestamp"], head["title"]) == (1_700_000_000, "파드")


def test_each_output_is_recorded_with_the_seconds_since_the_start(tmp_path: Path, cast: Cast, clock: Clock) -> None:
    clock.now += 1.5
    cast.output("a")
    clock.now += 0.25
    cast.output("나")
    cast.close()
    assert lines(tmp_path)[2:4] == [[1.5, "o", "a"], [1.75, "o", "나"]]


def test_time_can_pass_in_the_recording_alone(tmp_path: Path, cast: Cast, clock: Clock) -> None:
    cast.skip(3)
    clock.now += 1
    cast.output("a")
    assert cast.seconds == 4
    cast.close()
    assert lines(tmp_path)[2] == [4.0, "o", "a"]


def test_the_last_picture_stands_at_the_end_with_the_cursor_shown(tmp_path: Path, cast: Cast) -> None:
    cast.output("\x1b[?1049h\x1b[2;3Hhello\x1b[5;1Hlast line")
    cast.close()
    events = lines(tmp_path)[1:]
    assert played(events) == ["", "  hello", "", "", "last line"]
    assert events[-1][2].endswith("\x1b[?25h")
    assert events[-1][0] == 2.0


def test_questions_to_the_terminal_and_its_modes_are_left_out(tmp_path: Path, cast: Cast) -> None:
    cast.output("\x1b[?1000h\x1b[?1003h\x1b[?1006h\x1b[?2004h\x1b[?1004h\x1b[?2026$p\x1b[?2048$p\x1b[>25u\x1b[<u\x1b[?1049l\x1b[c\x1b[6n")
    cast.output("\x1b[?2026hx\x1b[?2026l")
    cast.output("\x1b]52;c;c2VjcmV0\x07")
    cast.close()
    assert [event[2] for event in lines(tmp_path)[2:-1]] == ["x"]


def test_colours_and_movements_of_the_cursor_are_recorded(tmp_path: Path, cast: Cast) -> None:
    text = "\x1b7\x1b[3;1H\x1b[1;38;2;1;2;3mred\x1b[0m\x1b8"
    cast.output(text)
    cast.close()
    assert lines(tmp_path)[2][2] == text


def test_a_new_size_is_an_event_and_the_same_size_is_none(tmp_path: Path, cast: Cast) -> None:
    cast.resize(20, 5)
    cast.resize(30, 6)
    cast.marker("two")
    cast.close()
    assert [event[1:] for event in lines(tmp_path)[2:-1]] == [["r", "30x6"], ["m", "two"]]


def test_nothing_is_recorded_after_the_end(tmp_path: Path, cast: Cast) -> None:
    cast.close()
    before = lines(tmp_path)
    cast.output("late")
    cast.close()
    assert lines(tmp_path) == before


def test_a_recording_that_cannot_be_written_is_refused_by_its_path(tmp_path: Path) -> None:
    with pytest.raises(PodtuiError, match=r"cannot write .*: No such file or directory"):
        Cast(tmp_path / "none" / "x.cast", (80, 24), "")
    with pytest.raises(PodtuiError, match=r"cannot write .*: No such file or directory"):
        Pictures(tmp_path / "none" / "x.svg").write("", "<svg/>")


def test_named_pictures_stand_beside_the_one_of_the_end(tmp_path: Path) -> None:
    pictures = Pictures(tmp_path / "tour.svg")
    pictures.write("logs", "<svg>1</svg>")
    pictures.write("", "<svg>2</svg>")
    assert [path.name for path in pictures.written] == ["tour-logs.svg", "tour.svg"]
    assert (tmp_path / "tour-logs.svg").read_text() == "<svg>1</svg>"
