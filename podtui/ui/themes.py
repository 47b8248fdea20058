"""Themes on the screen: chooses the theme for a terminal, and provides the styles for the widgets."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from rich.color import Color as RichColor
from rich.color import ColorType
from rich.style import Style
from textual.app import App
from textual.color import Color
from textual.theme import Theme

from podtui.errors import UsageError
from podtui.text import harmless
from podtui.ui.theme_files import DEFAULT_STYLES, PodtuiTheme, load_themes, read_theme, shipped_folder, theme_paths, theme_styles
from podtui.yamlcheck import near

Palette = Mapping[str, Style]

DARK, ANSI = "podtui-dark", "podtui-ansi"

# Without colour a style is bold, reversed or underlined; the cursor and a match on it must differ.
_WITHOUT_COLOUR: Mapping[str, str] = {
    "status.warn": "underline",
    "status.error": "bold underline",
    "header": "bold",
    "sort": "bold underline",
    "cursor": "reverse",
    "mark": "bold",
    "match": "bold underline",
    "match.current": "bold reverse",
    "yaml.key": "bold",
    "log.error": "bold",
    "log.warn": "underline",
    "title": "bold",
    "warn": "underline",
    "error": "bold",
    "danger": "bold reverse",
}
_MONOCHROME: Palette = {name: Style.parse(_WITHOUT_COLOUR[name]) if name in _WITHOUT_COLOUR else Style() for name in DEFAULT_STYLES}
_palettes: dict[str, tuple[Theme, Palette]] = {}
_grounds: dict[str, tuple[Theme, frozenset[RichColor | None]]] = {}


def colours(environ: Mapping[str, str] = os.environ) -> int:
    """The number of colours of the terminal, from TERM and COLORTERM as rich reads them: 0, 16, 256 or 16777216.

    NO_COLOR (no-color.org: set and not empty) and TERM=dumb mean 0.
    """
    term = environ.get("TERM", "").strip().lower()
    if environ.get("NO_COLOR") or term in ("dumb", "unknown"):
        return 0
    if environ.get("COLORTERM", "").strip().lower() in ("truecolor", "24bit"):
        return 1 << 24
    return 256 if term.rpartition("-")[2] in ("256color", "kitty") else 16


def default_theme(environ: Mapping[str, str] = os.environ) -> str:
    """The theme for a user who has not chosen one: the terminal's own colours if it has 16 or fewer."""
    return DARK if colours(environ) >= 256 else ANSI


def find_theme(name: str) -> PodtuiTheme:
    """The theme of that name. Raises the ConfigError of its file, or UsageError with the nearest name.

    Reads one file where it can: a start would wait 30 ms for all of them. A user's file can hold a theme of any name.
    """
    files = theme_paths()
    if all(path.parent == shipped_folder() for path in files):
        for path in files:
            if path.stem == name:
                return read_theme(path)
    themes, errors = load_themes()
    if name in themes:
        return themes[name]
    for error in errors:
        if f"{name}.yaml:" in error.what:
            raise error
    raise UsageError(f"unknown theme {harmless(name)!r}{near(name, sorted(themes))}", "`podtui themes` lists them")


def install_themes(app: App[Any], name: str | None, depth: int = 1 << 24) -> None:
    """Set the theme of `app` by name, or the terminal's default, as it is on a terminal with `depth` colours.

    With fewer than 256 colours it is the one in the terminal's own, since the nearest ones of another could not be read; without colours
    too, since Textual's own widgets show the focus by other means then.
    """
    chosen = find_theme(name or default_theme())
    if (app.no_color or depth < 256) and not chosen.ansi:
        chosen = find_theme(ANSI)
    if depth == 256 and chosen.in_256 is not None:
        chosen = chosen.in_256
    app.register_theme(chosen)
    app.theme = chosen.name


def palette(app: App[Any]) -> Palette:
    """The style of each name in DEFAULT_STYLES in the app's theme, cached by theme."""
    if app.no_color:
        return _MONOCHROME
    theme = app.current_theme
    known = _palettes.get(theme.name)
    if known is None or known[0] is not theme:
        known = _palettes[theme.name] = (theme, theme_styles(theme))
    return known[1]


_DARK_OF_16 = (0, 1, 4, 5, 8)
LEAST = 4.5
"""The contrast of text to its ground that WCAG 2 requires."""


def contrast(one: Color, other: Color) -> float:
    """The contrast ratio of WCAG 2: from 1 to 21."""

    def luminance(color: Color) -> float:
        parts = [part / 255 for part in color.rgb]
        linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@lru_cache(64)
def filled(ground: Style) -> Style:
    """A ground with a colour, with text that can be read on it: on one of the terminal's own 16 colours black, or on a dark one white."""
    if ground.bgcolor is None or ground.bgcolor.type is not ColorType.STANDARD:
        return ground
    return ground + Style(color="color(15)" if ground.bgcolor.number in _DARK_OF_16 else "color(0)")


@lru_cache(1024)
def on(ground: Style, style: Style) -> Style:
    """`style` on a ground that is not one of the theme's plain ones: the row at the cursor, the title of the focused pane. Without its
    colour, if it could not be read there, or if the terminal decides how it looks. A style with a ground of its own stays as it is."""
    if style.bgcolor is not None:
        return style
    colour = style.color
    reversed_ = bool(ground.reverse) != bool(style.reverse)
    if colour is not None and colour.triplet is not None and ground.bgcolor is not None and ground.bgcolor.triplet is not None:
        if not reversed_ and contrast(Color.from_rich_color(colour), Color.from_rich_color(ground.bgcolor)) >= LEAST:
            return style
    return style.without_color + Style(dim=False)


def plain_grounds(app: App[Any]) -> frozenset[RichColor | None]:
    """The backgrounds for which the styles of the theme are made."""
    theme = app.current_theme
    known = _grounds.get(theme.name)
    if known is None or known[0] is not theme:
        colours = app.theme_variables
        found = frozenset(Color.parse(colours[name]).rich_color for name in ("background", "surface", "panel"))
        known = _grounds[theme.name] = (theme, found)
    return known[1]
