"""The bars of `=` and `/` in a small app, at both sizes, keys through Textual's pilot."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from rich.cells import cell_len
from textual.app import App, ComposeResult
from textual.events import Paste
from textual.pilot import Pilot
from textual.widgets import Button, Static

from podtui.cluster.live.name_filter import check_filter
from podtui.cluster.live.selector_completion import LabelCounts, complete, complete_filter
from podtui.completion import Candidate, Completion
from podtui.kube.selectors import parse
from podtui.ui.main.bars import FilterBar, SelectorBar
from podtui.ui.widgets.drop_down import ROWS, DropDown
from podtui.ui.widgets.entry_bar import Entry, EntryBar

SIZES = [(80, 24), (120, 36)]
COUNTS = LabelCounts(
    [
        *[{"app": "web", "env": "prod"}] * 3,
        *[{"app": "db", "env": "dev"}] * 2,
        {"app": "webhook"},
        *({"pod": f"p{n:02}"} for n in range(20)),
    ]
)


class Bars(App[None]):
    """One bar under a line, with rows below, and everything it says kept in `heard`."""

    CSS = "#rows { height: 1fr; }"

    def __init__(self, bar: EntryBar, at_bottom: bool = False) -> None:
        super().__init__()
        self.bar = bar
        self.at_bottom = at_bottom
        self.heard: list[tuple[str, ...]] = []

    def compose(self) -> ComposeResult:
        rows = Static("\n".join("." * 200 for _ in range(60)), id="rows", markup=False)
        yield Button("first", compact=True)
        yield from (rows, self.bar) if self.at_bottom else (self.bar, rows)

    def on_entry_bar_changed(self, event: EntryBar.Changed) -> None:
        self.heard.append(("changed", event.value, "valid" if event.valid else "wrong"))

    def on_entry_bar_submitted(self, event: EntryBar.Submitted) -> None:
        self.heard.append(("submitted", event.value))

    def on_entry_bar_cancelled(self, event: EntryBar.Cancelled) -> None:
        self.heard.append(("cancelled", event.value))

    @property
    def lines(self) -> list[str]:
        """What is on the screen."""
        return ["".join(segment.text for segment in strip) for strip in self.screen._compositor.render_strips()]

    @property
    def list(self) -> list[str]:
        """The rows of the drop-down, as shown."""
        drop = self.bar.query_one(DropDown)
        if not drop.display:
            return []
        x, y, width, height = drop.region
        return [line[x : x + width].rstrip() for line in self.lines[y : y + height]]

    @property
    def entry(self) -> Entry:
        return self.bar.query_one(Entry)

    def last(self, kind: str) -> tuple[str, ...] | None:
        return next((one for one in reversed(self.heard) if one[0] == kind), None)


def selector_bar(counts: LabelCounts = COUNTS, history: tuple[str, ...] = ()) -> SelectorBar:
    return SelectorBar(lambda text, cursor: complete(text, cursor, counts), parse, history=history)


def filter_bar() -> FilterBar:
    return FilterBar(lambda text, cursor: complete_filter(text, cursor, COUNTS), check_filter)


class Keys:
    """Types words and keys, and waits until all is painted."""

    def __init__(self, pilot: Pilot[None]) -> None:
        self.pilot = pilot

    async def __call__(self, *keys: str, text: str = "") -> None:
        names = {",": "comma", " ": "space", "=": "equals_sign", "!": "exclamation_mark", "(": "left_parenthesis", ")": "right_parenthesis"}
        await self.pilot.press(*(names.get(one, one) for one in text), *keys)
        await self.pilot.pause()


@asynccontextmanager
async def running(
    bar: EntryBar, value: str = "", size: tuple[int, int] = (80, 24), at_bottom: bool = False
) -> AsyncIterator[tuple[Bars, Keys]]:
    app = Bars(bar, at_bottom)
    async with app.run_test(size=size) as pilot:
        bar.open(value)
        await pilot.pause()
        yield app, Keys(pilot)


@pytest.mark.parametrize("size", SIZES)
async def test_a_bar_takes_one_line_and_shows_its_candidates_under_it(size: tuple[int, int]) -> None:
    async with running(selector_bar(), size=size) as (app, _):
        assert app.bar.size == (size[0], 1)
        assert app.lines[1].startswith(" = key=value, key in (a,b), !key")
        assert app.list == ["› pod  20", "  app   6", "  env   5"]
        assert app.heard == []


@pytest.mark.parametrize("size", SIZES)
async def test_tab_goes_from_a_key_to_an_operator_to_a_value_to_the_answer(size: tuple[int, int]) -> None:
    async with running(selector_bar(), size=size) as (app, keys):
        await keys(text="ap")
        assert app.list == ["› app  6"]
        await keys("tab")
        assert app.list == ["› app=", "  app!=", "  app in (", "  app notin ("]
        await keys("tab")
        assert app.list == ["› web      3", "  db       2", "  webhook  1"]
        await keys("down", "tab")
        assert (app.bar.value, app.list) == ("app=db", [])
        assert app.focused is app.entry
        await keys("enter")
        assert app.last("submitted") == ("submitted", "app=db")


async def test_candidates_stand_under_the_word_that_they_complete() -> None:
    async with running(selector_bar()) as (app, keys):
        await keys(text="env=prod,app=w")
        column = app.lines[1].index("=w") + 1
        assert [line[column:].split()[0] for line in app.lines[2:4]] == ["web", "webhook"]


async def test_values_in_a_list_are_offered_once() -> None:
    async with running(selector_bar()) as (app, keys):
        await keys(text="app in (web,")
        assert [line.split()[-2:] for line in app.list[:2]] == [["db", "2"], ["webhook", "1"]]
        await keys("tab")
        await keys(text="),")
        assert [line.split()[-2] for line in app.list[:3]] == ["pod", "env", "app"]


async def test_a_long_list_scrolls_and_says_where_it_is() -> None:
    async with running(selector_bar()) as (app, keys):
        await keys(text="pod=")
        assert (len(app.list), app.list[0], app.list[-1]) == (ROWS + 1, "› p00    1", "   1 of 20")
        await keys(*["down"] * 10)
        assert (app.list[ROWS - 1], app.list[-1]) == ("› p10    1", "  11 of 20")
        await keys(*["down"] * 30)
        assert app.list[ROWS - 1] == "› p19    1"
        await keys("up", "tab")
        assert app.bar.value == "pod=p18"


async def test_enter_submits_what_was_typed_but_first_takes_a_candidate_that_the_arrows_went_to() -> None:
    async with running(selector_bar()) as (app, keys):
        await keys(text="app=we")
        await keys("enter")
        assert app.last("submitted") == ("submitted", "app=we")
        app.bar.open("app=")
        await keys("tab", "down", "enter")
        assert app.bar.value == "app=db"
        assert app.last("submitted") == ("submitted", "app=we")
        await keys("enter")
        assert app.last("submitted") == ("submitted", "app=db")


async def test_escape_closes_the_candidates_then_brings_the_old_value_back() -> None:
    async with running(selector_bar(), "env=prod") as (app, keys):
        assert app.list == []
        await keys(text=",ap")
        assert app.list == ["› app  6"]
        await keys("escape")
        assert (app.list, app.bar.value, app.last("cancelled")) == ([], "env=prod,ap", None)
        await keys("escape")
        assert app.last("cancelled") == ("cancelled", "env=prod")
        assert (app.bar.value, app.last("changed")) == ("env=prod", ("changed", "env=prod", "valid"))


async def test_an_old_value_is_kept_when_one_types_on() -> None:
    async with running(selector_bar(), "env=prod") as (app, keys):
        await keys(text=",app")
        assert app.bar.value == "env=prod,app"


async def test_what_is_unfinished_is_reported_calmly_and_what_is_wrong_under_its_place() -> None:
    async with running(selector_bar()) as (app, keys):
        await keys(text="app in ")
        assert app.list[-1] == "  … expected '(' here"
        assert app.entry.fault is None
        assert app.last("changed") == ("changed", "app in ", "wrong")
        await keys(text="web x")
        assert app.list == ["  ✗ expected '(' here, found 'web'", "    'in' takes a list: app in (a,b)"]
        assert app.entry.fault == 7
        underlined = [segment.text for segment in app.entry.render_line(0) if segment.style and segment.style.underline]
        assert underlined == ["web"]
        await keys(*["backspace"] * 5)
        await keys(text="(web)")
        assert (app.list, app.entry.fault, app.last("changed")) == ([], None, ("changed", "app in (web)", "valid"))


@pytest.mark.parametrize("size", SIZES)
async def test_a_wrong_selector_is_refused_and_nothing_is_lost(size: tuple[int, int]) -> None:
    async with running(selector_bar(), size=size) as (app, keys):
        await keys(text="app=web env=prod")
        await keys("enter")
        assert app.last("submitted") is None
        assert (app.bar.value, app.entry.cursor_position, app.focused) == ("app=web env=prod", 8, app.entry)
        assert app.list == ["  ✗ expected ',' or the end here, found 'env'", "    requirements are separated by commas"]
        await keys("backspace", "comma", "enter")
        assert app.last("submitted") == ("submitted", "app=web,env=prod")


async def test_what_is_unfinished_is_refused_too() -> None:
    async with running(selector_bar()) as (app, keys):
        await keys(text="app in (web")
        await keys("enter")
        assert app.last("submitted") is None
        assert app.list == ["  ✗ expected ',' or ')' here"]


async def test_words_wider_than_the_screen_are_cut() -> None:
    async with running(selector_bar(), size=(40, 24)) as (app, keys):
        await keys(text="a b")
        assert all(cell_len(line) <= 40 for line in app.lines)
        assert app.list[0].endswith("…")


async def test_the_history_comes_with_up_and_goes_with_down() -> None:
    async with running(selector_bar(history=("a=1", "b=2")), "c=3") as (app, keys):
        await keys("backspace")
        values = []
        for key in ("up", "up", "up", "down", "down"):
            await keys(key)
            values.append(app.bar.value)
        assert values == ["b=2", "a=1", "a=1", "b=2", "c="]
        assert app.list == []
        await keys("up", "enter")
        assert (app.last("submitted"), app.bar.history) == (("submitted", "b=2"), ["a=1", "b=2"])


async def test_up_from_the_first_candidate_leads_into_the_history() -> None:
    async with running(selector_bar(history=("a=1",))) as (app, keys):
        assert app.list
        await keys("up")
        assert (app.bar.value, app.list) == ("a=1", [])
        await keys("down")
        assert app.bar.value == ""


async def test_a_submitted_text_is_in_the_history_once() -> None:
    async with running(selector_bar()) as (app, keys):
        for text in ("a", "b", "a", ""):
            app.bar.open()
            await keys(text=text)
            await keys("enter")
        assert app.bar.history == ["b", "a"]
        assert app.last("submitted") == ("submitted", "")


async def test_tab_opens_the_candidates_and_keeps_the_focus() -> None:
    async with running(selector_bar(), "app=") as (app, keys):
        assert app.list == []
        await keys("tab")
        assert app.list[0] == "› web      3"
        await keys("escape")
        await keys("down")
        assert app.list[0] == "› web      3"
        await keys(*["backspace"] * 4)
        await keys(text="nothing")
        await keys("tab")
        assert (app.list, app.focused) == ([], app.entry)


async def test_candidates_follow_the_cursor() -> None:
    async with running(selector_bar()) as (app, keys):
        await keys(text="app=w,env=")
        assert app.list[0].split() == ["›", "prod", "3"]
        await keys(*["left"] * 5)
        assert app.list[0].split() == ["›", "web", "3"]
        await keys("tab")
        assert (app.bar.value, app.entry.cursor_position) == ("app=web,env=", 7)


async def test_a_click_takes_a_candidate() -> None:
    async with running(selector_bar()) as (app, keys):
        await keys(text="app=")
        await keys.pilot.click(DropDown, offset=(4, 1))
        await keys.pilot.pause()
        assert (app.bar.value, app.focused) == ("app=db", app.entry)


async def test_losing_the_focus_closes_the_candidates() -> None:
    async with running(selector_bar()) as (app, keys):
        await keys(text="app=")
        app.query_one(Button).focus()
        await keys.pilot.pause()
        assert (app.list, app.bar.value) == ([], "app=")


async def test_at_the_bottom_the_candidates_stand_above() -> None:
    async with running(selector_bar(), at_bottom=True) as (app, keys):
        await keys(text="app=")
        assert app.bar.region.y == 23
        assert app.list == ["› web      3", "  db       2", "  webhook  1"]
        assert app.bar.query_one(DropDown).region.bottom == 23


async def test_the_list_stays_on_the_screen_after_a_resize() -> None:
    async with running(selector_bar(), size=(120, 36)) as (app, keys):
        await keys(text="aaaaaaaaaaaaaaaaaaaaaaa,bbbbbbbbbbbbbbbbbbbbbbb,app=")
        await keys.pilot.resize_terminal(60, 20)
        await keys.pilot.pause()
        assert app.bar.query_one(DropDown).region.right <= 60
        assert app.list[0].split() == ["›", "web", "3"]


async def test_nothing_from_a_label_is_markup_or_a_control_sequence() -> None:
    evil = Completion(0, 0, (Candidate("\x1b[31m[bold]x[/]", 1),))
    async with running(SelectorBar(lambda text, cursor: evil, parse)) as (app, keys):
        assert app.list == ["› ␛[31m[bold]x[/]  1"]
        await keys("tab")
        assert app.bar.value == "␛[31m[bold]x[/]"
        assert "\x1b" not in "".join(app.lines)


async def test_pasted_text_is_one_harmless_line() -> None:
    async with running(selector_bar()) as (app, keys):
        app.post_message(Paste("app in (web,\n\tdb)\r\n"))
        await keys.pilot.pause()
        assert app.bar.value == "app in (web,  db)"
        await keys("enter")
        assert app.last("submitted") == ("submitted", "app in (web,  db)")


async def test_wide_characters_keep_the_candidates_under_their_word() -> None:
    async with running(selector_bar()) as (app, keys):
        app.entry.value = "한글=,app="
        app.entry.cursor_position = 8
        await keys("end")
        assert app.bar.query_one(DropDown).region.x == 3 + cell_len("한글=,app=") - 2


async def test_the_filter_bar_tells_each_change_and_escape_clears() -> None:
    async with running(filter_bar(), "old") as (app, keys):
        await keys(*["backspace"] * 3)
        await keys(text="!w")
        assert [one[1] for one in app.heard] == ["ol", "o", "", "!", "!w"]
        assert app.list == []
        await keys("escape")
        assert app.heard[-2:] == [("changed", "", "valid"), ("cancelled", "")]
        assert app.bar.value == ""


async def test_the_filter_bar_completes_and_checks_a_selector() -> None:
    async with running(filter_bar()) as (app, keys):
        assert app.lines[1].startswith(" / name, !others")
        await keys(text="-l app=d")
        assert [line.split() for line in app.list] == [["›", "db", "2"]]
        await keys("tab")
        await keys(text=" x")
        await keys("enter")
        assert (app.last("submitted"), app.entry.cursor_position) == (None, 10)
        await keys("delete", "backspace", "enter")
        assert app.last("submitted") == ("submitted", "-l app=db")


async def test_a_filter_bar_needs_neither_completion_nor_check() -> None:
    async with running(FilterBar()) as (app, keys):
        await keys(text="web")
        await keys("tab", "down", "up", "enter")
        assert (app.last("submitted"), app.bar.history) == (("submitted", "web"), ["web"])


async def test_the_candidates_are_counted_once_for_a_key() -> None:
    asked: list[tuple[str, int]] = []

    def counted(text: str, cursor: int) -> object:
        asked.append((text, cursor))
        return complete(text, cursor, COUNTS)

    bar = SelectorBar(counted, parse)  # type: ignore[arg-type]
    async with running(bar) as (_, keys):
        asked.clear()
        await keys(text="a")
        assert asked == [("a", 1)]
