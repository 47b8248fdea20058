"""The help: every command stands in it, with its keys and its id."""

from __future__ import annotations

import pytest
from rich.cells import cell_len
from textual.app import App

from podtui.ui.commands import COMMANDS
from podtui.ui.palette.help import HelpScreen, Row, help_lines, sections, side_by_side
from podtui.ui.terminal.picture import as_text


def texts(rows: list[Row]) -> list[str]:
    return ["".join(text for text, _ in row) for row in rows]


@pytest.mark.parametrize("width", [60, 78, 97, 98, 110, 160])
def test_every_command_stands_in_the_help_with_its_id_and_no_line_is_cut(width: int) -> None:
    rows = help_lines(sections((), lambda _: True), {}, width)
    whole = "\n".join(texts(rows))
    assert [command.id for command in COMMANDS if command.id not in whole] == []
    assert all(cell_len(line.rstrip()) <= width for line in texts(rows))


def test_what_has_the_focus_comes_first_from_the_inside_to_the_outside() -> None:
    found = sections(("logs", "main", "app"), lambda _: True)
    assert list(found)[:3] == ["Logs", "Main screen", "Everywhere"] and len(found) > 10


def test_the_keys_are_the_users() -> None:
    rows = texts(help_lines(sections((), lambda command: command.id == "main.logs"), {"main.logs": "f5,ctrl+up"}, 80))
    assert rows[0] == "Main screen" and rows[1].startswith("F5 Ctrl+↑      Follow the logs")


async def test_the_title_names_the_users_key_for_searching() -> None:
    app: App[None] = App()
    app.set_keymap({"text.search": "f3"})
    async with app.run_test(size=(120, 36)) as pilot:
        await app.push_screen(HelpScreen())
        await pilot.pause()
        assert "F3 searches, Esc goes back" in as_text(app)


def test_two_columns_lose_no_line_and_the_second_begins_with_a_heading() -> None:
    found = sections((), lambda _: True)
    rows = help_lines(found, {}, 78)
    both = texts(side_by_side(rows, 78))
    assert both[0][81:] in found
    parts = [part.strip() for line in both for part in (line[:78], line[81:])]
    assert sorted(filter(None, parts)) == sorted(line.strip() for line in texts(rows) if line)
