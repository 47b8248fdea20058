"""Theme files and the styles that the widgets paint with."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from rich.color import Color as RichColor
from textual.app import App
from textual.color import Color
from textual.theme import BUILTIN_THEMES

from podtui.errors import ConfigError, UsageError
from podtui.ui.theme_files import DEFAULT_STYLES, PodtuiTheme, check_theme, load_themes, read_theme, shipped_folder, theme_styles
from podtui.ui.themes import colours, default_theme, find_theme, install_themes, palette

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


@pytest.mark.parametrize(("name", "least"), [("podtui-dark", 4.5), ("podtui-light", 4.5), ("podtui-contrast", 7.0)])
def test_every_style_can_be_read_on_the_grounds_of_its_theme(name: str, least: float) -> None:
    theme = load_themes()[0][name]
    styles = theme_styles(theme)
    grounds = [Color.parse(theme.background or ""), Color.parse(theme.surface or ""), Color.parse(theme.panel or "")]
    for style_name, style in styles.items():
        text = Color.parse(theme.foreground or "") if style.color is None else Color.from_rich_color(style.color)
        for ground in [Color.from_rich_color(style.bgcolor)] if style.bgcolor is not None else grounds:
            assert contrast(text, ground) >= least, f"{style_name} on {ground.hex}"


def contrast(one: Color, other: Color) -> float:
    """The contrast ratio of WCAG 2."""

    def luminance(color: Color) -> float:
        parts = [part / 255 for part in color.rgb]
        linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


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
