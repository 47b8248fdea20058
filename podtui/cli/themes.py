"""`podtui themes`: the list of themes, or everything that is wrong with one file."""

from __future__ import annotations

from pathlib import Path

from podtui.cli.output import tell
from podtui.text import harmless
from podtui.ui.theme_files import check_theme, load_themes, shipped_folder, user_folder
from podtui.ui.themes import default_theme


def run_themes(check: str | None) -> int:
    """Prints the themes; returns 1 when one is invalid."""
    if check is not None:
        return _check(Path(check).expanduser())
    themes, errors = load_themes()
    shipped, default = str(shipped_folder()), default_theme()
    for name, theme in sorted(themes.items()):
        told = ["16 colours" if theme.ansi else "dark" if theme.dark else "light"]
        if not theme.file.startswith(shipped):
            told.append(harmless(theme.file))
        if name == default:
            told.append("the default in this terminal")
        print(f"{name:<20} {', '.join(told)}")
    print(f"\nput your own themes in {harmless(str(user_folder()))}")
    for error in errors:
        tell(f"podtui: {error}")
    return 1 if errors else 0


def _check(path: Path) -> int:
    theme, problems = check_theme(path)
    for problem in problems:
        tell(f"{harmless(str(path))}:{problem.line}: {problem.text}")
    if theme is None:
        return 1
    print(f"{harmless(str(path))}: the theme {theme.name} is valid")
    return 0
