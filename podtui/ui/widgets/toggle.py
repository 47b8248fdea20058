"""A checkbox that shows its state with a character, not just a colour."""

from __future__ import annotations

from textual.content import Content
from textual.geometry import Size
from textual.widgets import Checkbox


class Toggle(Checkbox):
    """`[x] label` or `[ ] label`; Space and Enter toggle it. One line high."""

    DEFAULT_CSS = """
    Toggle, Toggle:focus { height: 1; border: none; padding: 0; background: transparent; }
    Toggle:focus { text-style: bold reverse; }
    """

    def render(self) -> Content:
        label = self.label.stylize_before(self.get_visual_style("toggle--label"))
        return Content.assemble("[x] " if self.value else "[ ] ", label)

    def get_content_width(self, container: Size, viewport: Size) -> int:
        return 4 + self.label.cell_length
