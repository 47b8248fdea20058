"""Theme files: YAML with a name and a primary colour, read, checked and made into Textual themes.

    name: mine
    primary: "#61afef"
    styles:
      status.error: bold $error

Besides Textual's colours a theme has styles for content rather than widgets: a status, a log level, a match, a part of
YAML. Styles use rich's syntax (`bold red on black`), and `$error` is a colour of the theme. `colours_256` has what is different on a
terminal with 256 colours: without it, the nearest ones are taken, which may be hard to read.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import msgspec
from rich.errors import StyleSyntaxError
from rich.style import Style
from textual.color import Color, ColorParseError
from textual.theme import BUILTIN_THEMES, Theme

from podtui.errors import ConfigError
from podtui.folders import config_folder
from podtui.text import harmless
from podtui.yamlcheck import Checked, Problem, near, read

DEFAULT_STYLES: Mapping[str, str] = {
    "status.ok": "$success",
    "status.warn": "$warning",
    "status.error": "bold $error",
    "status.done": "dim",
    "status.gone": "italic dim",
    "status.wait": "$accent",
    "header": "bold $primary",
    "sort": "bold underline $primary",
    "cursor": "bold on $primary-muted",
    "mark": "bold $accent",
    "match": "bold underline $warning",
    "match.current": "bold reverse $warning",
    "label.key": "$primary",
    "label.value": "$foreground",
    "yaml.key": "$primary",
    "yaml.string": "$success",
    "yaml.number": "$accent",
    "yaml.keyword": "$warning",
    "yaml.punctuation": "dim",
    "log.error": "bold $error",
    "log.warn": "$warning",
    "log.info": "",
    "log.debug": "dim",
    "log.time": "dim $primary",
    "log.source.1": "$primary",
    "log.source.2": "$success",
    "log.source.3": "$accent",
    "log.source.4": "$warning",
    "log.source.5": "$secondary",
    "log.source.6": "bold",
    "dim": "dim",
    "title": "bold",  # it also stands on the primary colour, in the title of the focused pane
    "ok": "$success",
    "warn": "$warning",
    "error": "bold $error",
    "danger": "bold reverse $error",
}
"""Every style that a theme may set, with its default."""

_ANSI_STYLES: Mapping[str, str] = {"cursor": "bold reverse"}  # 16 colours include no muted one to use as a background


class _Colours(msgspec.Struct, frozen=True, kw_only=True):
    """The colours beside the primary one, as Textual names them, and the styles."""

    secondary: str | None = None
    warning: str | None = None
    error: str | None = None
    success: str | None = None
    accent: str | None = None
    foreground: str | None = None
    background: str | None = None
    surface: str | None = None
    panel: str | None = None
    boost: str | None = None
    styles: dict[str, str] = {}


class Shades(_Colours, frozen=True, kw_only=True):
    """The colours and styles of a theme on a terminal with 256 colours, where they differ."""

    primary: str | None = None


class ThemeFile(_Colours, frozen=True, kw_only=True):
    """The keys of a theme file; `ansi: true` selects the terminal's own 16 colours."""

    name: str
    primary: str
    dark: bool = True
    ansi: bool = False
    luminosity_spread: float = 0.15
    text_alpha: float = 0.95
    variables: dict[str, str] = {}
    colours_256: Shades | None = None


_COLOURS = ("primary", *(name for name in _Colours.__struct_fields__ if name != "styles"))
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*\Z")


@dataclass
class PodtuiTheme(Theme):
    """A theme of Textual with podtui's styles, its source, and the same theme for a terminal with 256 colours."""

    styles: dict[str, str] = field(default_factory=dict)
    file: str = ""
    in_256: PodtuiTheme | None = None


def shipped_folder() -> Path:
    """The themes that come with podtui: in the package if installed, beside it in a checkout."""
    package = Path(__file__).resolve().parent.parent
    installed = package / "themes"
    return installed if installed.is_dir() else package.parent / "themes"


def user_folder() -> Path:
    """The user's own themes; it may not exist."""
    return config_folder() / "themes"


def theme_paths() -> list[Path]:
    """The files of all themes, the shipped ones first."""
    return [path for folder in (shipped_folder(), user_folder()) if folder.is_dir() for path in sorted(folder.glob("*.yaml"))]


def check_theme(path: Path) -> tuple[PodtuiTheme | None, list[Problem]]:
    """The theme of a file and all mistakes in it; no theme if there is a mistake. Raises ConfigError if it cannot be read."""
    found = read(path, ThemeFile, own=path.parent == user_folder())
    if found.known is None:
        return None, found.problems
    problems = sorted([*found.problems, *_mistakes(found, found.known)], key=lambda problem: problem.line)
    return (None if problems else _theme(found.known, str(path))), problems


def read_theme(path: Path) -> PodtuiTheme:
    """The theme of a file. Raises ConfigError with the first mistake."""
    theme, problems = check_theme(path)
    if theme is None:
        raise Checked(str(path), None, problems, {}).error()
    return theme


def load_themes() -> tuple[dict[str, PodtuiTheme], list[ConfigError]]:
    """Every theme by name, and an error for each invalid file. A user's theme replaces a shipped one with the same name."""
    themes: dict[str, PodtuiTheme] = {}
    errors: list[ConfigError] = []
    for path in theme_paths():
        try:
            theme = read_theme(path)
        except ConfigError as error:
            errors.append(error)
        else:
            themes[theme.name] = theme
    return themes, errors


def _theme(file: ThemeFile, path: str) -> PodtuiTheme:
    variables = dict(file.variables)
    if file.ansi:  # Textual's own widgets need variables that it does not generate for 16 colours
        variables = {**BUILTIN_THEMES["ansi-dark" if file.dark else "ansi-light"].variables, **variables}
    in_256 = None if file.colours_256 is None else _theme(_merged(file, file.colours_256), path)
    known = {**msgspec.structs.asdict(file), "variables": variables, "styles": dict(file.styles)}
    del known["colours_256"]
    return PodtuiTheme(**known, file=path, in_256=in_256)


def _merged(file: ThemeFile, shades: Shades) -> ThemeFile:
    own = {name: colour for name in _COLOURS if (colour := getattr(shades, name)) is not None}
    return msgspec.structs.replace(file, **own, styles={**file.styles, **shades.styles}, colours_256=None)


def _mistakes(found: Checked[ThemeFile], file: ThemeFile) -> list[Problem]:
    """Mistakes beyond the types: unknown colours, unknown styles, styles that do not parse."""
    problems: list[Problem] = []

    def note(text: str, *path: str) -> None:
        problems.append(Problem(found.line(*path), text))

    if not _NAME.match(file.name):
        note(f'`name` must consist of letters, digits, dots, dashes and underscores, not "{harmless(file.name)}"', "name")
    shades = file.colours_256 or Shades()
    for source, prefix in ((file, ()), (shades, ("colours_256",))):
        for name in _COLOURS:
            colour = getattr(source, name)
            if colour is not None and not _is_colour(colour):
                words = f'`{name}` is not a colour: "{harmless(colour)}" (use "#rrggbb", a name, or ansi_red and the like)'
                note(words, *prefix, name)
        for name in source.styles:
            if name not in DEFAULT_STYLES:
                note(f"unknown style `{harmless(name)}`{near(name, DEFAULT_STYLES)}", *prefix, "styles", name)
    if problems:
        return problems
    for merged, styles, prefix in ((file, file.styles, ()), (_merged(file, shades), shades.styles, ("colours_256",))):
        colours = theme_colours(_theme(merged, found.path))
        for name, text in styles.items():
            try:
                resolve(text, colours)
            except ValueError as error:
                note(f"`styles.{name}`: {harmless(str(error))}", *prefix, "styles", name)
    return problems


@cache
def _is_colour(text: str) -> bool:
    """Cached, and words like `auto 60%` refused at once, since Textual takes 5 ms to refuse: it searches for a similar colour."""
    if " " in text.partition("(")[0].strip():
        return False
    try:
        Color.parse(text)
    except ColorParseError:
        return False
    return True


def theme_colours(theme: Theme) -> dict[str, str]:
    """The colours that `$name` can refer to in a style of `theme`, in rich's notation."""
    generated = theme.to_color_system().generate()
    background = Color.parse(generated["background"])
    colours: dict[str, str] = {}
    for name, value in generated.items():
        if "-style" in name or not _is_colour(value):
            continue  # `bold` and the like, or `auto`, which depends on the background
        colour = Color.parse(value)
        if colour.auto:
            continue
        if colour.ansi is not None:
            colours[name] = "default" if colour.ansi < 0 else f"color({colour.ansi})"
        else:
            colours[name] = (background.blend(colour, colour.a, 1.0) if colour.a < 1 else colour).hex6
    return colours


def resolve(text: str, colours: Mapping[str, str]) -> Style:
    """A style's text as rich's Style. Raises ValueError with a message."""
    words = []
    for word in text.split():
        if word.startswith("$"):
            if word[1:] not in colours:
                raise ValueError(f"unknown colour {word}{near(word[1:], [n for n in colours if '-' not in n])}")
            word = colours[word[1:]]
        elif word.startswith("ansi_"):
            word = word.removeprefix("ansi_")
        words.append(word)
    if words and words[-1] == "on":
        raise ValueError("no colour after `on` (quote the text: in YAML a # after a space begins a comment)")
    try:
        return Style.parse(" ".join(words)) if words else Style()
    except StyleSyntaxError as error:
        raise ValueError(str(error)) from None


def theme_styles(theme: Theme) -> dict[str, Style]:
    """The styles of a theme; for one of Textual's own, which has only colours, the defaults in its colours."""
    texts = {**DEFAULT_STYLES, **(_ANSI_STYLES if theme.ansi else {}), **(theme.styles if isinstance(theme, PodtuiTheme) else {})}
    colours = theme_colours(theme)
    return {name: resolve(text, colours) for name, text in texts.items()}
