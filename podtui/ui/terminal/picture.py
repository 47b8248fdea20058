"""The screen as a picture: lines of text, or SVG."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from rich.console import Console, RenderableType
from rich.segment import Segment
from textual._compositor import Compositor, CompositorUpdate, LayoutUpdate
from textual._context import active_app
from textual.app import App
from textual.screen import Screen

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


class _Undrawn(CompositorUpdate):
    """Stands for a change of the screen that nobody reads."""

    def __rich_console__(self, console: Any, options: Any) -> Iterator[Segment]:
        return iter(())

    def render_segments(self, console: Console) -> str:
        return ""


_UNDRAWN = _Undrawn()
_render_update = Compositor.render_update


def _render_when_read(
    self: Compositor, full: bool = False, screen_stack: list[Screen[Any]] | None = None, simplify: bool = False
) -> RenderableType | None:
    if full or not active_app.get().is_headless:
        return _render_update(self, full, screen_stack, simplify)
    changed = bool(self._dirty_regions)
    self._dirty_regions.clear()
    return _UNDRAWN if changed else None


def draw_only_when_read() -> None:
    """Draw a screen without a terminal only for who reads it, by one of the functions above: they draw all of it anyway.

    Textual would draw every change and throw it away. It holds for all applications of this process.
    """
    Compositor.render_update = _render_when_read  # type: ignore[method-assign]
