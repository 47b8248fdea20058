"""Themes on the screen: chooses the theme for a terminal, and provides the styles for the widgets."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from rich.style import Style
from textual.app import App
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


def install_themes(app: App[Any], name: str | None) -> None:
    """Set the theme of `app` by name, or the terminal's default.

    Without colours it is the one with 16, in which Textual's own widgets show the focus by other means.
    """
    chosen = find_theme(name or default_theme())
    if app.no_color and not chosen.ansi:
        chosen = find_theme(ANSI)
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
