"""The names of keys as they stand in hints, in the help and in messages."""

from __future__ import annotations

import pytest

from podtui.ui.commands import COMMANDS
from podtui.ui.widgets.key_hints import KeyHints, key_name


@pytest.mark.parametrize(
    ("key", "name"),
    [
        ("ctrl+d", "^D"),
        ("ctrl+up", "Ctrl+↑"),
        ("ctrl+space", "Ctrl+Space"),
        ("ctrl+backslash", "Ctrl+\\"),
        ("shift+tab", "Shift+Tab"),
        ("alt+x", "Alt+x"),
        ("right_square_bracket", "]"),
        ("vertical_line", "|"),
        ("at", "@"),
        ("f5", "F5"),
        ("f", "f"),
        ("+", "+"),
        ("한", "한"),
    ],
)
def test_a_key_is_shown_as_it_stands_on_a_keyboard(key: str, name: str) -> None:
    assert key_name(key) == name


def test_no_key_of_a_command_is_shown_by_textuals_name() -> None:
    names = [key_name(key) for command in COMMANDS if command.key for key in command.key.split(",")]
    assert [name for name in names if "_" in name or (name.isalpha() and name.islower() and len(name) > 1)] == []


def test_a_hint_is_shown_whole_or_not_at_all() -> None:
    hints = KeyHints()
    hints._left = tuple((text, "") for text in (" ", "l", " Logs ", " ", "x", " Why "))
    assert "".join(text for text, _ in hints.fitting(15)) == " l Logs  x Why "
    assert "".join(text for text, _ in hints.fitting(14)) == " l Logs  …"
