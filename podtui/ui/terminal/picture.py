"""The screen as a picture: lines of text, or SVG."""

from __future__ import annotations

import re
from io import StringIO
from typing import Any

from rich.console import Console
from textual.app import App

from podtui.text import harmless
from podtui.ui.terminal.app import TerminalApp


def as_text(app: App[Any]) -> str:
    """The screen as lines of text, without the spaces at their ends; drawn as Textual's export_screenshot does."""
    width, height = app.size
    console = Console(width=width, height=height, file=StringIO(), force_terminal=True, record=True, legacy_windows=False, safe_box=False)
    console.print(app.screen._compositor.render_update(full=True, screen_stack=app._background_screens))
    return "".join(f"{line.rstrip()}\n" for line in console.export_text().split("\n")[:height])


def as_svg(app: TerminalApp) -> str:
    """The screen as SVG, without links to fonts on the web, so that viewing it sends no requests."""
    drawn = app.export_screenshot(title=f"podtui: {harmless(app.options.settings.context)}", simplify=True)
    return re.sub(r',\s*url\("https?://[^"]*"\) format\("\w+"\)', "", drawn)
