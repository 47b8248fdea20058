"""The table: the cursor, the marks and the view stay with their rows, and only what changed is painted."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from textual import on
from textual.app import App, ComposeResult
from textual.geometry import Region
from textual.pilot import Pilot

from podtui.ui.themes import install_themes
from podtui.ui.widgets.columns import fitted
from podtui.ui.widgets.row_table import Cell, RowTable, TableColumn
from podtui.ui.widgets.text_line import TextLine


class TableApp(App[None]):
    def __init__(self, rows: dict[str, list[str]]) -> None:
        super().__init__()
        self.rows = rows
        self.moves: list[str] = []
        self.headers: list[str] = []
        self.opened: list[str] = []
        self.table = RowTable(self.cells)

    def cells(self, key: str) -> Sequence[Cell]:
        return [Cell(text) for text in self.rows[key]]

    def compose(self) -> ComposeResult:
        yield self.table

    def on_mount(self) -> None:
        self.table.set_columns([TableColumn("name", "NAME", 20), TableColumn("status", "STATUS", 20)])
        self.table.set_keys(list(self.rows), anew=True)
        self.table.focus()

    def on_row_table_cursor_moved(self, event: RowTable.CursorMoved) -> None:
        self.moves.append(event.key)

    @on(RowTable.Opened)
    def open_row(self, event: RowTable.Opened) -> None:
        self.opened.append(event.key)

    def on_row_table_header_clicked(self, event: RowTable.HeaderClicked) -> None:
        self.headers.append(event.key)

    def line(self, y: int) -> str:
        return self.table.render_line(y).text.rstrip()


def many(count: int) -> dict[str, list[str]]:
    return {f"u{i}": [f"pod-{i}", "Running"] for i in range(count)}


def on_screen(app: TableApp) -> list[str]:
    return [app.line(y)[2:].split()[0] for y in range(1, app.table.size.height)]


async def test_the_cursor_stays_on_its_row_and_its_line_when_rows_come_above() -> None:
    app = TableApp(many(100))
    async with app.run_test(size=(60, 11)) as pilot:
        app.table.select("u50")
        before = on_screen(app).index("pod-50")
        app.rows["new"] = ["a-new-one", "Pending"]
        app.table.set_keys(["new", *[key for key in app.rows if key != "new"]])
        await pilot.pause()
        assert app.table.cursor_key == "u50"
        assert on_screen(app).index("pod-50") == before


async def test_when_the_row_under_the_cursor_goes_the_next_one_has_the_cursor() -> None:
    app = TableApp(many(10))
    async with app.run_test(size=(60, 11)) as pilot:
        app.table.select("u4")
        app.table.set_keys([key for key in app.rows if key != "u4"])
        await pilot.pause()
        assert app.table.cursor_key == "u5"
        app.table.set_keys([])
        await pilot.pause()
        assert app.table.cursor_key == ""
        assert app.moves[-1] == ""


async def test_marks_stay_with_rows_that_move_and_go_with_rows_that_go() -> None:
    app = TableApp(many(5))
    async with app.run_test(size=(60, 11)) as pilot:
        await press(pilot, "space", "space")
        assert app.table.marked == {"u0", "u1"}
        app.table.set_keys(["u4", "u3", "u2", "u1"])
        await pilot.pause()
        assert app.table.marked == {"u1"}
        assert "●" in app.line(4)
        await press(pilot, "ctrl+a")
        assert app.table.marked == {"u4", "u3", "u2", "u1"}
        await press(pilot, "ctrl+backslash")
        assert not app.table.marked


async def test_every_key_moves_as_it_says() -> None:
    app = TableApp(many(100))
    async with app.run_test(size=(60, 11)) as pilot:
        keys = {"j": 2, "down": 3, "k": 2, "G": 100, "up": 99, "pageup": 89, "g": 1, "pagedown": 11, "end": 100, "home": 1}
        for key, place in keys.items():
            await press(pilot, key)
            assert app.table.position == (place, 100), key


async def test_only_enter_and_a_double_click_open_a_row() -> None:
    app = TableApp(many(20))
    async with app.run_test(size=(60, 11)) as pilot:
        await press(pilot, "j", "j", "enter")
        assert app.opened == ["u2"]
        await pilot.click(RowTable, offset=(5, 5), times=2)
        await pilot.pause()
        assert app.opened == ["u2", "u4"]


async def test_a_changed_cell_repaints_its_line_from_that_cell_on(monkeypatch: pytest.MonkeyPatch) -> None:
    app = TableApp(many(5))
    async with app.run_test(size=(60, 11)) as pilot:
        regions: list[Region] = []
        monkeypatch.setattr(app.table, "refresh", lambda *changed, **_: regions.extend(changed))
        app.rows["u2"] = ["pod-2", "Failed"]
        app.table.refresh_rows(["u2"])
        await pilot.pause()
        assert regions == [Region(2 + 5 + 2, 3, 60 - 9, 1)]
        regions.clear()
        app.table.refresh_rows()
        assert regions == []


async def test_rows_out_of_view_cost_nothing() -> None:
    app = TableApp(many(10_000))
    async with app.run_test(size=(60, 11)):
        asked: list[str] = []
        cells = app.cells
        app.table._cells = lambda key: asked.append(key) or cells(key)  # type: ignore[func-returns-value]
        app.table.refresh_rows(["u5000"])
        assert asked == []
        app.table.refresh_rows(["u1"])
        assert len(asked) == 10


async def test_escape_sequences_and_markup_are_shown_not_obeyed() -> None:
    app = TableApp({"u": ["\x1b[2J[red]x[/red]", "파드🚀"]})
    async with app.run_test(size=(60, 11)):
        assert "␛[2J[red]x[/red]" in app.line(1)
        assert "\x1b" not in app.line(1)


async def test_wide_characters_keep_the_columns_straight() -> None:
    app = TableApp({"a": ["파드", "X"], "b": ["abcd", "X"]})
    async with app.run_test(size=(60, 11)):
        from rich.cells import cell_len

        ends = {cell_len(app.line(y)[: app.line(y).index("X")]) for y in (1, 2)}
        assert len(ends) == 1


async def test_a_text_that_is_too_long_is_cut_with_a_sign() -> None:
    app = TableApp({"a": ["n" * 50, "X"]})
    async with app.run_test(size=(60, 11)):
        assert f"{'n' * 19}… " in app.line(1)


async def test_a_flexible_column_gives_way_so_that_the_others_stay_in_view() -> None:
    app = TableApp({"a": ["n" * 60, "Running"]})
    async with app.run_test(size=(40, 11)):
        app.table.set_columns([TableColumn("name", "NAME", 63, flexible=True), TableColumn("status", "STATUS", 20)])
        assert app.line(1).endswith("n…" + "n" * 14 + "  Running"), "cut in the middle: a name's end tells it from others"


async def test_a_click_moves_the_cursor_and_a_click_on_the_header_names_its_column() -> None:
    app = TableApp(many(20))
    async with app.run_test(size=(60, 11)) as pilot:
        await pilot.click(RowTable, offset=(5, 4))
        assert app.table.cursor_key == "u3"
        await pilot.click(RowTable, offset=(11, 0))
        await pilot.pause()
    assert app.headers == ["status"]


async def test_no_rows_show_the_words_that_were_given() -> None:
    app = TableApp({})
    async with app.run_test(size=(60, 11)):
        app.table.set_empty("no pods in default")
        assert "no pods in default" in app.line(2)


async def press(pilot: Pilot[None], *keys: str) -> None:
    await pilot.press(*keys)
    await pilot.pause()


async def test_the_titles_are_painted_again_when_other_rows_need_other_widths() -> None:
    app = TableApp({"a": ["a-long-name-that-is", "Running"], "b": ["b", "Running"]})
    async with app.run_test(size=(60, 11)) as pilot:
        painted: list[tuple[Region, ...]] = []
        original = app.table.refresh
        app.table.refresh = lambda *regions, **more: painted.append(regions) or original(*regions, **more)  # type: ignore[method-assign, func-returns-value]
        app.table.set_keys(["b"], anew=True)
        assert () in painted, "the whole table, not only the lines that differ"
        await pilot.pause()
        assert app.line(0).index("STATUS") == app.line(1).index("Running")


def test_flexible_columns_give_way_the_widest_first_and_no_further_than_they_may() -> None:
    narrow, wide = TableColumn("ns", "NS", 32, flexible=True, least=10), TableColumn("name", "NAME", 63, flexible=True, least=20)
    columns = [narrow, wide, TableColumn("status", "STATUS")]
    assert fitted(columns, [14, 60, 20], 200) == [14, 60, 20]
    assert fitted(columns, [14, 60, 20], 80) == [14, 40, 20]
    assert fitted(columns, [14, 60, 20], 58) == [12, 20, 20]
    assert fitted(columns, [14, 60, 20], 20) == [10, 20, 20]


SIX = ("NAMESPACE", "NAME", "READY", "STATUS", "RESTARTS", "AGE", "NODE")


async def scrolled() -> TableApp:
    return TableApp({"a": ["shop", "checkout-7f9c4-x7k2p", "0/1", "CrashLoopBackOff", "12 (3m ago)", "5d20h", "node-with-a-long-name-1"]})


async def test_the_name_stays_while_the_columns_scroll_and_signs_say_where_there_is_more() -> None:
    app = await scrolled()
    async with app.run_test(size=(60, 11)) as pilot:
        columns = [TableColumn(title.lower(), title, frozen=title == "NAME", flexible=title == "NAME", least=20) for title in SIX]
        app.table.set_columns(columns, "name")
        assert app.line(0) == "  NAMESPACE   NAME↑                 READY" + " " * 18 + "›"
        await press(pilot, "right")
        assert app.line(0) == "‹ NAME↑                 READY   STATUS            RESTARTS ›".replace("RESTARTS ›", " " * 9 + "›")
        assert app.line(1).split() == ["▌", "checkout-7f9c4-x7k2p", "0/1", "CrashLoopBackOff"]
        await press(pilot, "right", "right", "right")
        assert app.line(0).split() == ["‹", "NAME↑", "AGE", "NODE"]
        assert app.line(1).split() == ["▌", "checkout-7f9c4-x7k2p", "5d20h", "node-with-a-long-name-1"]
        await press(pilot, "right")
        assert app.line(0).split() == ["‹", "NAME↑", "AGE", "NODE"], "there is no more"
        await pilot.click(RowTable, offset=(26, 0))
        await pilot.pause()
        assert app.headers == ["age"]
        await press(pilot, *["left"] * 9)
        assert app.line(0).startswith("  NAMESPACE")


async def test_when_columns_come_and_go_what_was_scrolled_to_stays_in_view_or_the_position_becomes_legal() -> None:
    app = await scrolled()
    async with app.run_test(size=(60, 11)) as pilot:
        columns = [TableColumn(title.lower(), title, frozen=title == "NAME", flexible=title == "NAME", least=20) for title in SIX]
        app.table.set_columns(columns)
        await press(pilot, "right", "right")
        assert app.line(0).split()[:3] == ["‹", "NAME", "STATUS"]
        app.table.set_columns(columns[1:])
        assert app.line(0).split()[:3] == ["‹", "NAME", "STATUS"]
        app.table.set_columns(columns[1:3])
        assert app.line(0).split() == ["NAME", "READY"]
        app.table.set_columns(columns)
        assert app.line(0).split()[:2] == ["NAMESPACE", "NAME"]


async def test_a_change_out_of_view_paints_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    app = await scrolled()
    async with app.run_test(size=(60, 11)) as pilot:
        app.table.set_columns([TableColumn(title.lower(), title, frozen=title == "NAME") for title in SIX])
        await pilot.pause()
        regions: list[Region] = []
        monkeypatch.setattr(app.table, "refresh", lambda *changed, **_: regions.extend(changed))
        app.rows["a"][5] = "5d21h"
        app.table.refresh_rows(["a"])
        assert regions == []
        app.rows["a"][2] = "1/1"
        app.table.refresh_rows(["a"])
        assert len(regions) == 1


async def test_the_title_of_a_narrow_column_keeps_the_sign_of_the_sort() -> None:
    app = TableApp({"a": ["n" * 60, "Running"]})
    async with app.run_test(size=(30, 11)):
        app.table.set_columns(
            [TableColumn("name", "A-LONG-TITLE-OF-A-COLUMN", 63, flexible=True), TableColumn("status", "STATUS", 20)], "name", True
        )
        assert app.line(0).split() == ["A-LONG-TITLE-OF-A…↓", "STATUS"]


@pytest.mark.parametrize("key", ["ctrl+@", "ctrl+space"])
async def test_a_range_is_marked_from_the_last_marked_row_to_this_one_in_both_directions(key: str) -> None:
    app = TableApp(many(20))
    async with app.run_test(size=(60, 11)) as pilot:
        await press(pilot, "j", key)
        assert app.table.marked == {"u1"}, "there is no row to begin with"
        await press(pilot, "j", "j", "space", "j", "j", key)
        assert app.table.marked == {"u1", "u3", "u4", "u5", "u6"}
        await press(pilot, "g", key)
        assert app.table.marked == {"u0", "u1", "u2", "u3", "u4", "u5", "u6"}
        await press(pilot, "ctrl+backslash", "G", key)
        assert app.table.marked == {"u19"}, "cleared marks begin no range"
        app.table.set_keys([f"u{i}" for i in range(19)])  # the row where a range would begin is gone
        await press(pilot, "g", key)
        assert app.table.marked == {"u0"}


@pytest.mark.parametrize(("theme", "depth"), [("podtui-ansi", 16), ("podtui-dark", 256), ("podtui-dark", 1 << 24), ("podtui-light", 256)])
async def test_the_row_at_the_cursor_has_one_ground_from_end_to_end(theme: str, depth: int) -> None:
    app = TableApp({"u": ["pod-1", "CrashLoopBackOff"]})
    app.cells = lambda key: [Cell(text, style) for text, style in zip(app.rows[key], ("dim", "status.error"), strict=True)]  # type: ignore[method-assign]
    app.table = RowTable(app.cells)
    async with app.run_test(size=(60, 11)) as pilot:
        install_themes(app, theme, depth)
        await pilot.pause()
        app.table.action_mark_all()
        segments = list(app.table.render_line(1))
        styles = [segment.style for segment in segments if segment.style is not None and segment.text][:-1]
        assert len({(style.bgcolor, bool(style.reverse)) for style in styles}) == 1
        if theme == "podtui-ansi":
            assert len({style.color for style in styles}) == 1, "reversed, a colour would be a ground"


async def test_what_a_title_says_with_a_colour_can_be_read_on_the_ground_of_the_focused_pane() -> None:
    for theme in ("podtui-ansi", "podtui-dark", "podtui-light", "podtui-contrast"):
        line = TextLine()
        app = Titled(line)
        async with app.run_test(size=(60, 3)) as pilot:
            install_themes(app, theme)
            await pilot.pause()
            line.show([("Pods 3", "title"), ("  2 marked", "mark"), ("  stale", "warn"), ("  /x", "dim")])
            styles = [segment.style for segment in line.render_line(0) if segment.text.strip() and segment.style is not None]
            assert len(styles) >= 2
            assert len({(style.color, style.bgcolor) for style in styles}) == 1, theme


class Titled(App[None]):
    CSS = "TextLine { background: $primary; color: $background; }"

    def __init__(self, line: TextLine) -> None:
        super().__init__()
        self.line = line

    def compose(self) -> ComposeResult:
        yield self.line


async def test_a_table_as_high_as_its_rows_grows_with_them() -> None:
    app = TableApp(many(1))
    async with app.run_test(size=(60, 11)) as pilot:
        app.table.styles.height = "auto"
        await pilot.pause()
        assert app.table.size.height == 2  # the header and a row
        app.rows |= many(4)
        app.table.set_keys(list(app.rows))
        await pilot.pause()
        assert on_screen(app) == ["pod-0", "pod-1", "pod-2", "pod-3"]
