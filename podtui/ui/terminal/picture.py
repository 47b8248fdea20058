"""The screen as a picture: lines of text, or SVG."""

from __future__ import annotations

import re
from typing import Any

from textual._compositor import LayoutUpdate
from textual.app import App

from podtui.text import harmless
from podtui.ui.terminal.app import TerminalApp


def as_text(app: App[Any]) -> str:
    """The screen as lines of text, without the spaces at their ends."""
    update = app.screen._compositor.render_update(full=True, screen_stack=app._background_screens)
    assert isinstance(update, LayoutUpdate)
    return "".join("".join(strip.text for strip in line).rstrip() + "\n" for line in update.strips)


def as_svg(app: TerminalApp) -> str:
    """The screen as SVG, without links to fonts on the web, so that viewing it sends no requests."""
    drawn = app.export_screenshot(title=f"podtui: {harmless(app.options.settings.context)}", simplify=True)
    return re.sub(r',\s*url\("https?://[^"]*"\) format\("\w+"\)', "", drawn)
