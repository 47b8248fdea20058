"""The text view, its document and the YAML highlighter."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import ClassVar

import pytest
from rich.cells import cell_len
from textual import events
from textual.app import App, ComposeResult
from textual.geometry import Region
from textual.pilot import Pilot
from textual.widgets import Input

from podtui.kube.manifests.yaml_writer import to_yaml
from podtui.ui.widgets.text_body import TextBody
from podtui.ui.widgets.text_document import Document, Part, Prepared
from podtui.ui.widgets.text_view import TextView
from podtui.ui.widgets.yaml_highlight import YamlHighlight


class Window(App[None]):
    def compose(self) -> ComposeResult:
        yield TextView()


class Shown:
    """A view on a screen of a given size."""

    def __init__(self, pilot: Pilot[None]) -> None:
        self.pilot = pilot
        self.view = pilot.app.query_one(TextView)

    async def press(self, *keys: str) -> list[str]:
        await self.pilot.press(*keys)
        await self.pilot.pause()
        return self.rows

    @property
    def rows(self) -> list[str]:
        body = self.view.body
        return [body.render_line(y).text.rstrip() for y in range(body.size.height)]

    def styled(self, y: int, text: str) -> str:
        """The style in which a text stands on a row."""
        return next(str(segment.style) for segment in self.view.body.render_line(y) if text in segment.text)


@asynccontextmanager
async def window(lines: Sequence[object] = (), width: int = 20, height: int = 5) -> AsyncIterator[Shown]:
    app = Window()
    async with app.run_test(size=(width, height)) as pilot:
        shown = Shown(pilot)
        shown.view.focus()
        shown.view.set_lines(lines)  # type: ignore[arg-type]
        await pilot.pause()
        yield shown


# -- scrolling ----------------------------------------------------------------------------------------------------


async def test_keys_move_through_the_lines_and_stop_at_the_ends() -> None:
    async with window([f"line {n}" for n in range(100)]) as shown:
        assert shown.rows == [f"line {n}" for n in range(5)]
        assert (await shown.press("j", "down"))[0] == "line 2"
        assert (await shown.press("pagedown"))[0] == "line 6"
        assert (await shown.press("G"))[-1] == "line 99"
        assert (await shown.press("j"))[-1] == "line 99"
        assert (await shown.press("k"))[-1] == "line 98"
        assert (await shown.press("pageup"))[-1] == "line 94"
        assert (await shown.press("g", "up"))[0] == "line 0"


async def test_fewer_lines_than_rows_do_not_scroll() -> None:
    async with window(["a", "b"]) as shown:
        assert await shown.press("j", "G", "pagedown") == ["a", "b", "", "", ""]


async def test_an_empty_text_takes_every_key() -> None:
    async with window([]) as shown:
        assert await shown.press("j", "G", "g", "w", "right", "n", "pagedown", "pageup") == [""] * 5
        assert shown.view.shown == (0, 0, 0)


async def test_a_long_line_goes_on_to_the_right_and_says_so() -> None:
    async with window(["0123456789" * 5, "short"]) as shown:
        assert shown.rows[:2] == ["0123456789012345678›", "short"]
        assert shown.rows[0] == "0123456789012345678›"
        assert (await shown.press("right"))[:2] == ["‹123456789012345678›", "‹"]
        assert (await shown.press("right", "right", "right", "right"))[0] == "‹1234567890123456789"
        assert (await shown.press("left", "left", "left", "left", "left"))[0] == "0123456789012345678›"


async def test_the_lines_of_a_manifest_are_counted_from_one() -> None:
    async with window([f"line {n}" for n in range(100)]) as shown:
        assert shown.view.shown == (1, 5, 100)
        await shown.press("G")
        assert shown.view.shown == (96, 100, 100)


async def test_the_wheel_scrolls_down_and_with_shift_to_the_right() -> None:
    async with window([f"line {n}" + "x" * 50 for n in range(100)]) as shown:
        for shift in (False, True):
            shown.view.body.post_message(events.MouseScrollDown(shown.view.body, 1, 1, 0, 1, 0, shift, False, False))
            await shown.pilot.pause()
        assert shown.rows[0] == "‹xxxxxxxxxxxxxxxxxx›" and shown.view.shown[0] == 4


# -- wrapping -----------------------------------------------------------------------------------------------------


async def test_wrapping_shows_all_of_a_line() -> None:
    async with window(["0123456789" * 5, "next"]) as shown:
        assert await shown.press("w") == ["01234567890123456789"] * 2 + ["0123456789", "next", ""]
        assert (await shown.press("w"))[:2] == ["0123456789012345678›", "next"]


async def test_a_wrapped_line_is_scrolled_row_by_row() -> None:
    text = "".join(f"{n:<20}" for n in range(50))
    async with window([text, "end"]) as shown:
        await shown.press("w")
        assert (await shown.press("j", "j"))[0] == "2"
        assert (await shown.press("G"))[-2:] == ["49", "end"]
        assert (await shown.press("k"))[-1] == "49"


async def test_a_line_of_256_kib_is_shown_wrapped_and_not() -> None:
    line = "".join(f"{n:>8}" for n in range(32 * 1024))
    async with window(["first", line], width=80, height=24) as shown:
        await shown.press("w")
        assert shown.rows[1] == line[:80]
        assert (await shown.press("G"))[-1].endswith("   32767")
        assert (await shown.press("w"))[1].endswith("›")
        await shown.press(*["right"] * 20)
        assert shown.rows[1] == "‹" + line[801 : 800 + 79] + "›"


@pytest.mark.parametrize("text", ["한국어텍스트" * 20, "a한" * 60, "é" * 100, "👍🏽❤️🇰🇷" * 20, "e\u0301" * 100])
async def test_no_row_is_wider_than_the_view_whatever_its_characters(text: str) -> None:
    for width in (7, 20):
        async with window([text], width=width) as shown:
            for key in ("right", "w", "G"):
                await shown.press(key)
                assert all(shown.view.body.render_line(y).cell_length == width for y in range(5))
                assert all(cell_len(row) <= width for row in shown.rows)


def test_wide_characters_wrap_without_loss() -> None:
    text = "한a국어bb텍스트" * 9
    for width in range(2, 12):
        prepared = Prepared([(text, "")])
        rows = [prepared.row(number, width) for number in range(len(prepared.rows(width)))]
        assert "".join(text[start:end] for start, end in rows) == text
        assert all(cell_len(text[start:end]) <= width for start, end in rows)


# -- untrusted text -----------------------------------------------------------------------------------------------


async def test_control_characters_never_reach_the_terminal() -> None:
    async with window(["a\x1b[31mred\x9b\u202e", [("x\x07", "error")], "t\tx"]) as shown:
        assert shown.rows[:3] == ["a␛[31mred<9B><U+202E"[:19] + "›", "x␇", "t   x"]


async def test_markup_is_shown_as_it_is() -> None:
    async with window(["[red]x[/red]"]) as shown:
        assert shown.rows[0] == "[red]x[/red]"


# -- search -------------------------------------------------------------------------------------------------------


async def test_a_search_goes_to_the_first_match_and_n_to_the_next() -> None:
    lines = [f"line {n}" for n in range(100)]
    lines[50] = lines[70] = "a needle"
    async with window(lines) as shown:
        await shown.press("slash", *"needle")
        assert "a needle" in shown.rows
        await shown.press("enter")
        assert "1 of 2" in shown.view._search.count.text
        await shown.press("n")
        assert shown.view.body.current == (70, 2, 8)
        await shown.press("n")
        assert shown.view.body.current == (50, 2, 8)
        await shown.press("N")
        assert shown.view.body.current == (70, 2, 8)


async def test_letters_typed_into_the_search_are_no_commands() -> None:
    async with window(["wgn/G"]) as shown:
        await shown.press("slash", "w", "g", "n", "slash", "G")
        assert shown.view.query_one(Input).value == "wgn/G"
        assert not shown.view.wrap


async def test_matches_are_marked_and_the_current_one_differs() -> None:
    async with window(["a b a"]) as shown:
        plain = shown.styled(0, "b")
        shown.view.search("a")
        segments = [str(segment.style) for segment in shown.view.body.render_line(0) if segment.text.strip() == "a"]
        assert len(set(segments)) == 2 and plain not in segments


async def test_escape_ends_the_search_and_only_then_leaves() -> None:
    left = []

    class Around(Window):
        BINDINGS: ClassVar = [("escape", "leave", "")]

        def action_leave(self) -> None:
            left.append(True)

    async with Around().run_test(size=(20, 5)) as pilot:
        shown = Shown(pilot)
        shown.view.focus()
        shown.view.set_lines(["a"])
        await shown.press("slash", "a", "escape")
        assert not left and isinstance(pilot.app.focused, TextBody) and shown.view.body.matches == {}
        await shown.press("escape")
        assert left


async def test_small_letters_find_capitals_but_not_the_other_way_round() -> None:
    document = Document(["Error", "error", "ÉCLAIR"])
    assert [match[0] for match in document.find("error", 9)] == [0, 1]
    assert [match[0] for match in document.find("Error", 9)] == [0]
    assert [match[0] for match in document.find("éclair", 9)] == [2]


def test_the_search_stops_at_its_limit() -> None:
    assert len(Document(["a" * 100, "á" + "a" * 100]).find("a", 30)) == 30
    assert len(Document(["á" + "a" * 100]).find("a", 30)) == 30


async def test_a_match_far_to_the_right_is_scrolled_into_view() -> None:
    async with window(["x" * 5000 + "needle" + "y" * 5000]) as shown:
        shown.view.search("needle")
        assert "needle" in shown.rows[0]
        await shown.press("w")
        await shown.press("n")
        assert any("needle" in row or "need" in row for row in shown.rows)


async def test_a_search_without_a_match_says_so() -> None:
    async with window(["a"], width=60) as shown:
        await shown.press("slash", "z")
        assert "no match" in shown.view._search.count.text


# -- changes ------------------------------------------------------------------------------------------------------


async def test_new_lines_keep_the_readers_place() -> None:
    async with window([f"line {n}" for n in range(100)]) as shown:
        shown.view.scroll_to_line(50)
        shown.view.set_lines(["new", "newer", *(f"line {n}" for n in range(100))], keep=True)
        assert shown.rows[0] == "line 50"
        shown.view.set_lines(["other"] * 10, keep=True)
        assert shown.rows == ["other"] * 5
        shown.view.set_lines([f"line {n}" for n in range(100)])
        assert shown.rows[0] == "line 0"


async def test_a_change_of_one_line_repaints_from_where_it_differs(monkeypatch: pytest.MonkeyPatch) -> None:
    async with window(["one", "age 1s", "three"]) as shown:
        painted: list[Region] = []
        monkeypatch.setattr(shown.view.body, "refresh", lambda *regions, **_: painted.extend(regions))
        shown.view.set_lines([[("one", "")], "age 2s", "three"], keep=True)
        assert [(region.x, region.y, region.height) for region in painted] == [(0, 1, 1)]
        painted.clear()
        shown.view.set_lines([[("one", "")], [("age", "dim"), ("2s", "")], "three"], keep=True)
        shown.view.set_lines([[("one", "")], [("age", "dim"), ("3s", "")], "three"], keep=True)
        assert [(region.x, region.y) for region in painted][-1] == (3, 1)


async def test_a_line_is_highlighted_only_when_it_is_seen() -> None:
    asked = []

    def highlight(number: int, text: str) -> Sequence[Part]:
        asked.append(number)
        return [(text, "error")]

    async with window() as shown:
        shown.view.set_lines(["x"] * 50_000, highlight=highlight)
        assert sorted(set(asked)) == list(range(5))


async def test_a_dimmed_view_is_paler() -> None:
    async with window(["a"]) as shown:
        before = shown.styled(0, "a")
        shown.view.dimmed = True
        assert shown.styled(0, "a") != before and "dim" in shown.styled(0, "a")


# -- YAML ---------------------------------------------------------------------------------------------------------


def coloured(obj: dict[str, object]) -> list[Sequence[Part]]:
    lines = to_yaml(obj).splitlines()
    highlight = YamlHighlight(lines)
    parts = [highlight(number, line) for number, line in enumerate(lines)]
    assert ["".join(text for text, _ in line) for line in parts] == lines
    return parts


def test_yaml_keys_values_and_signs_have_their_styles() -> None:
    assert coloured({"k": ["a", 1, True, None, {}, {"x": "1"}]}) == [
        [("k", "yaml.key"), (":", "yaml.punctuation")],
        [("- ", "yaml.punctuation"), ("a", "yaml.string")],
        [("- ", "yaml.punctuation"), ("1", "yaml.number")],
        [("- ", "yaml.punctuation"), ("true", "yaml.keyword")],
        [("- ", "yaml.punctuation"), ("null", "yaml.keyword")],
        [("- ", "yaml.punctuation"), ("{}", "yaml.punctuation")],
        [("- ", "yaml.punctuation"), ("x", "yaml.key"), (": ", "yaml.punctuation"), ('"1"', "yaml.string")],
    ]


def test_lines_of_a_block_are_strings_whatever_they_look_like() -> None:
    styles = [{style for text, style in line if text.strip()} for line in coloured({"a": "x: 1\n- y\n\n# z", "b": ["p: 1\nq"], "c": 1})]
    assert styles[1:5] == [{"yaml.string"}, {"yaml.string"}, set(), {"yaml.string"}]
    assert styles[7:9] == [{"yaml.string"}] * 2
    assert "yaml.key" in styles[9]


def test_folded_text_stays_a_string_and_the_next_key_is_a_key() -> None:
    lines = coloured({"a": "it: is " * 30, "b": {"c": "word " * 30 + "end"}, "d": 1})
    kinds = ["key" if any(style == "yaml.key" for _, style in line) else "text" for line in lines]
    assert kinds == ["key", "text", "text", "key", "key", "text", "key"]


def test_keys_with_colons_quotes_and_great_length_are_keys() -> None:
    parts = coloured({"http://a:b": 1, "a: b": 2, '"q"': 3, "k" * 200: {"x": 1, "y": 2}})
    styles = [[style for text, style in line if text.strip()] for line in parts]
    assert styles.count(["yaml.key", "yaml.punctuation", "yaml.number"]) == 4  # y is the fourth
    assert ["yaml.punctuation", "yaml.string"] in styles
