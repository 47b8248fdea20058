"""Theme files and the styles that the widgets paint with."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Literal

import pytest
from rich.color import Color as RichColor
from rich.color import ColorSystem
from rich.style import Style
from textual.app import App, ComposeResult
from textual.color import Color
from textual.theme import BUILTIN_THEMES
from textual.widgets import Static

from podtui.errors import ConfigError, UsageError
from podtui.ui.theme_files import (
    DEFAULT_STYLES,
    PodtuiTheme,
    check_theme,
    load_themes,
    read_theme,
    resolve,
    shipped_folder,
    theme_colours,
    theme_styles,
)
from podtui.ui.themes import colours, contrast, default_theme, filled, find_theme, install_themes, on, palette

SHIPPED = sorted(shipped_folder().glob("*.yaml"))


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's themes folder, empty."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    folder = tmp_path / "podtui" / "themes"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def problems(tmp_path: Path) -> Callable[[str], list[str]]:
    """What is wrong with a theme of this text, as `LINE: TEXT`."""

    def found(text: str) -> list[str]:
        path = tmp_path / "theme.yaml"
        path.write_text(text)
        theme, mistakes = check_theme(path)
        assert (theme is None) == bool(mistakes)
        return [f"{mistake.line}: {mistake.text}" for mistake in mistakes]

    return found


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_every_shipped_theme_is_good_and_bears_the_name_of_its_file(path: Path) -> None:
    theme, mistakes = check_theme(path)
    assert mistakes == []
    assert theme is not None and theme.name == path.stem


def test_dark_light_high_contrast_and_16_colours_are_shipped() -> None:
    assert {"podtui-dark", "podtui-light", "podtui-contrast", "podtui-ansi"} <= set(load_themes()[0])


Depth = Literal["truecolor", "256"]
DEPTHS: tuple[Depth, ...] = ("truecolor", "256")
IN_COLOURS = [("podtui-dark", 4.5), ("podtui-light", 4.5), ("podtui-contrast", 7.0)]


def theme_at(name: str, depth: Depth) -> PodtuiTheme:
    theme = load_themes()[0][name]
    if depth == "256":
        assert theme.in_256 is not None, "its 256 colours are chosen by hand"
        return theme.in_256
    return theme


def seen(colour: RichColor, depth: Depth) -> Color:
    """A colour as a terminal shows it."""
    if depth == "256":
        colour = colour.downgrade(ColorSystem.EIGHT_BIT)
    return Color.from_rich_color(colour)


def text_and_ground(ground: Style, style: Style, depth: Depth) -> tuple[Color, Color]:
    """The two colours of text in `style` on a ground."""
    whole = ground + style
    assert whole.color is not None and whole.bgcolor is not None
    colours = seen(whole.color, depth), seen(whole.bgcolor, depth)
    return colours[::-1] if whole.reverse else colours


def grounds_of(theme: PodtuiTheme) -> tuple[dict[str, Style], dict[str, Style]]:
    """The plain grounds of the screen, and those with a colour: the row at the cursor, the title of the focused pane, the first line for
    a protected context."""
    colours = theme_colours(theme)
    on_colour = {name: resolve(f"$background on ${name}", colours) for name in ("primary", "error")}
    plain = {name: resolve(f"$foreground on ${name}", colours) for name in ("background", "surface", "panel")}
    return plain, {"cursor": plain["surface"] + theme_styles(theme)["cursor"], **on_colour}


@pytest.mark.parametrize("depth", DEPTHS)
@pytest.mark.parametrize(("name", "least"), IN_COLOURS)
def test_every_style_can_be_read_on_each_ground_that_it_can_stand_on(name: str, least: float, depth: Depth) -> None:
    theme = theme_at(name, depth)
    plain, coloured = grounds_of(theme)
    for style_name, style in {"text": Style.null(), **theme_styles(theme)}.items():
        for ground_name, ground in plain.items():
            text, under = text_and_ground(ground, style, depth)
            assert contrast(text, under) >= least, f"{style_name} on {ground_name}: {text.hex} on {under.hex}"
        for ground_name, ground in coloured.items():
            if style_name == "cursor":
                continue  # it is a ground itself
            text, under = text_and_ground(ground, on(ground, style), depth)
            assert contrast(text, under) >= 4.5, f"{style_name} on {ground_name}: {text.hex} on {under.hex}"


WIDGETS = [  # what the widgets' CSS sets together: a colour and its ground
    ("text-muted", "surface"), ("text-muted", "panel"), ("text-error", "surface"), ("text-error", "panel"), ("text-warning", "surface"),
    ("text-accent", "panel"), ("warning", "panel"), ("foreground", "boost"), ("foreground", "panel-lighten-1"),
    ("text-error", "panel-lighten-1"), ("block-cursor-foreground", "block-cursor-background"),
]  # fmt: skip


class Pairs(App[None]):
    CSS = "".join(f"#p{number} {{ color: ${text}; background: ${ground}; }}" for number, (text, ground) in enumerate(WIDGETS))

    def compose(self) -> ComposeResult:
        for number in range(len(WIDGETS)):
            yield Static("x", id=f"p{number}")


@pytest.mark.parametrize(("depth", "number"), [("truecolor", 1 << 24), ("256", 256)])
async def test_the_text_of_dialogs_bars_and_lists_of_candidates_can_be_read_in_every_theme(depth: Depth, number: int) -> None:
    app = Pairs()
    async with app.run_test() as pilot:
        for name, _ in IN_COLOURS:
            install_themes(app, name, number)
            await pilot.pause()
            for place, pair in enumerate(WIDGETS):
                style = app.query_one(f"#p{place}").rich_style
                assert style.color is not None and style.bgcolor is not None
                assert contrast(seen(style.color, depth), seen(style.bgcolor, depth)) >= 4.5, (name, pair)


@pytest.mark.parametrize("depth", DEPTHS)
@pytest.mark.parametrize("name", [name for name, _ in IN_COLOURS])
def test_a_sick_status_keeps_its_colour_at_the_cursor(name: str, depth: Depth) -> None:
    theme = theme_at(name, depth)
    if name == "podtui-contrast":
        return  # the cursor's row is yellow: all text on it is black
    cursor, styles = grounds_of(theme)[1]["cursor"], theme_styles(theme)
    for style in ("status.error", "status.warn"):
        assert on(cursor, styles[style]).color == styles[style].color


@pytest.mark.parametrize("name", [name for name, _ in IN_COLOURS])
def test_the_256_colours_are_those_of_the_palette_so_that_none_becomes_another(name: str) -> None:
    theme = theme_at(name, "256")
    names = ("primary", "warning", "error", "success", "accent", "foreground", "background", "surface", "panel")
    parsed = [Color.parse(getattr(theme, name)).rich_color for name in names]
    parsed += [colour for style in theme_styles(theme).values() for colour in (style.color, style.bgcolor) if colour is not None]
    for colour in parsed:
        wanted, got = Color.from_rich_color(colour), seen(colour, "256")
        # rich takes the bright greys for the next darker one.
        assert max(abs(a - b) for a, b in zip(wanted.rgb, got.rgb, strict=True)) <= 10, f"{wanted.hex} becomes {got.hex}"


# What common terminals show for the 16 colours: black, red, green, yellow, blue, magenta, cyan, white, and the same bright.
TERMINALS = {
    "xterm": "000000 cd0000 00cd00 cdcd00 0000ee cd00cd 00cdcd e5e5e5 7f7f7f ff0000 00ff00 ffff00 5c5cff ff00ff 00ffff ffffff",
    "Linux console": "000000 aa0000 00aa00 aa5500 0000aa aa00aa 00aaaa aaaaaa 555555 ff5555 55ff55 ffff55 5555ff ff55ff 55ffff ffffff",
    "Windows Terminal": "0c0c0c c50f1f 13a10e c19c00 0037da 881798 3a96dd cccccc 767676 e74856 16c60c f9f1a5 3b78ff b4009e 61d6d6 f2f2f2",
}


def test_with_16_colours_a_ground_with_a_colour_has_one_colour_of_text_that_can_be_read() -> None:
    """The terminal decides how its 16 colours look: it shows its own text on its own ground, the two exchanged, or black or white."""
    theme = load_themes()[0]["podtui-ansi"]
    styles = theme_styles(theme)
    plain = Style.parse("default on default")
    colours = theme_colours(theme)
    for ground in (plain + styles["cursor"], *(filled(resolve(f"$background on ${name}", colours)) for name in ("primary", "error"))):
        for name, style in styles.items():
            whole = ground + on(ground, style)
            assert (whole.color, whole.bgcolor) == (ground.color, ground.bgcolor), name
        if not ground.reverse:
            assert ground.color is not None and ground.bgcolor is not None
            for terminal, shades in TERMINALS.items():
                text, under = (Color.parse(f"#{shades.split()[colour.number or 0]}") for colour in (ground.color, ground.bgcolor))
                assert contrast(text, under) >= 4.5, terminal


@pytest.mark.parametrize(("depth", "expected"), [(16, "podtui-ansi"), (256, "podtui-light"), (1 << 24, "podtui-light")])
async def test_a_theme_is_shown_as_the_terminal_can_show_it(depth: int, expected: str) -> None:
    async with App[None]().run_test() as pilot:
        install_themes(pilot.app, "podtui-light", depth)
        theme = pilot.app.current_theme
        assert theme.name == expected
        assert (theme.primary == "#005faf") == (depth == 256)
        assert palette(pilot.app)["status.ok"].color == RichColor.parse({16: "color(2)", 256: "#005f00", 1 << 24: "#116329"}[depth])


async def test_a_theme_without_a_256_colour_palette_is_used_as_it_is(own_folder: Path) -> None:
    (own_folder / "mine.yaml").write_text('name: mine\nprimary: "#61afef"\n')
    async with App[None]().run_test() as pilot:
        install_themes(pilot.app, "mine", 256)
        assert pilot.app.current_theme.primary == "#61afef"


def test_a_name_and_a_primary_colour_are_enough(problems: Callable[[str], list[str]]) -> None:
    assert problems('name: mine\nprimary: "#61afef"\n') == []


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("name: mine\n", "1: `primary` is missing"),
        ('primary: "#fff"\n', "1: `name` is missing"),
        ("name: mine\nprimary: blau\n", "2: `primary` is not a colour"),
        ('name: a b\nprimary: "#fff"\n', "1: `name` must consist of letters"),
        ('name: mine\nprimary: "#fff"\nsucces: red\n', "3: unknown key `succes`, did you mean `success`?"),
        ('name: mine\nprimary: "#fff"\nstyles:\n  log.eror: red\n', "4: unknown style `log.eror`, did you mean `log.error`?"),
        ('name: mine\nprimary: "#fff"\nstyles:\n  warn: $eror\n', "4: `styles.warn`: unknown colour $eror, did you mean `error`?"),
        ('name: mine\nprimary: "#fff"\nstyles:\n  log.error: bold rot\n', "4: `styles.log.error`:"),
        ('name: mine\nprimary: "#fff"\ncolours_256:\n  error: rot\n', "4: `error` is not a colour"),
        ('name: mine\nprimary: "#fff"\ncolours_256:\n  styles:\n    log.eror: red\n', "5: unknown style `log.eror`"),
        ('name: mine\nprimary: "#fff"\ncolours_256:\n  styles:\n    warn: $eror\n', "5: `styles.warn`: unknown colour $eror"),
        ('name: mine\nprimary: "#fff"\ncolours_256:\n  eror: red\n', "4: unknown key"),
        ('name: mine\nprimary: "#fff"\nstyles:\n  cursor: bold on #fff\n', "4: `styles.cursor`: no colour after `on` (quote the text"),
    ],
)
def test_a_mistake_is_reported_with_its_line(problems: Callable[[str], list[str]], text: str, told: str) -> None:
    assert [problem for problem in problems(text) if problem.startswith(told)]


def test_a_theme_of_the_user_replaces_the_shipped_one_of_its_name(own_folder: Path) -> None:
    (own_folder / "x.yaml").write_text('name: podtui-dark\nprimary: "#010203"\n')
    assert find_theme("podtui-dark").primary == "#010203"


def test_a_start_reads_only_the_shipped_theme_that_it_shows(own_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []

    def noted(path: Path) -> PodtuiTheme:
        read.append(path.name)
        return read_theme(path)

    monkeypatch.setattr("podtui.ui.themes.read_theme", noted)
    monkeypatch.setattr("podtui.ui.themes.load_themes", lambda: pytest.fail("reads all themes"))
    assert find_theme("podtui-light").name == "podtui-light"
    assert read == ["podtui-light.yaml"]


def test_a_broken_theme_of_the_user_hinders_only_who_chooses_it(own_folder: Path) -> None:
    (own_folder / "mine.yaml").write_text("name: mine\n")
    assert find_theme("podtui-light").name == "podtui-light"
    with pytest.raises(ConfigError, match=r"mine\.yaml:1: `primary` is missing"):
        find_theme("mine")


def test_an_unknown_theme_names_the_nearest_one() -> None:
    with pytest.raises(UsageError, match="did you mean `podtui-light`"):
        find_theme("podtui-ligth")


@pytest.mark.parametrize(
    ("environ", "number", "theme"),
    [
        ({"TERM": "xterm-256color", "COLORTERM": "truecolor"}, 1 << 24, "podtui-dark"),
        ({"TERM": "tmux-256color"}, 256, "podtui-dark"),
        ({"TERM": "xterm-kitty"}, 256, "podtui-dark"),
        ({"TERM": "screen"}, 16, "podtui-ansi"),
        ({"TERM": "linux"}, 16, "podtui-ansi"),
        ({}, 16, "podtui-ansi"),
        ({"TERM": "dumb", "COLORTERM": "truecolor"}, 0, "podtui-ansi"),
        ({"TERM": "xterm-256color", "NO_COLOR": "1"}, 0, "podtui-ansi"),
        ({"TERM": "xterm-256color", "NO_COLOR": ""}, 256, "podtui-dark"),
    ],
)
def test_the_theme_of_who_chose_none_depends_on_the_colours_of_the_terminal(environ: dict[str, str], number: int, theme: str) -> None:
    assert (colours(environ), default_theme(environ)) == (number, theme)


async def test_a_bare_app_gets_the_default_styles_in_its_own_colours() -> None:
    async with App[None]().run_test() as pilot:
        styles = palette(pilot.app)
        assert set(styles) == set(DEFAULT_STYLES)
        assert styles["status.error"].bold and styles["status.error"].color is not None
        assert palette(pilot.app) is styles


async def test_the_palette_follows_the_theme_of_the_app() -> None:
    async with App[None]().run_test() as pilot:
        install_themes(pilot.app, "podtui-light")
        assert pilot.app.theme == "podtui-light"
        light = palette(pilot.app)["status.ok"]
        install_themes(pilot.app, "podtui-ansi")
        assert palette(pilot.app)["status.ok"] != light
        assert palette(pilot.app)["status.ok"].color == RichColor.parse("color(2)")


async def test_without_colour_styles_differ_by_weight_and_lines_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with App[None](ansi_color=True).run_test() as pilot:
        styles = palette(pilot.app)
        assert all(style.color is None and style.bgcolor is None and not style.dim for style in styles.values())
        assert styles["cursor"].reverse and styles["status.error"] != styles["status.ok"]


@pytest.mark.parametrize("name", sorted(BUILTIN_THEMES))
def test_the_themes_of_textual_have_styles_too(name: str) -> None:
    assert set(theme_styles(BUILTIN_THEMES[name])) == set(DEFAULT_STYLES)
