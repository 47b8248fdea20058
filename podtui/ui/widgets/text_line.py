"""One line of styled text: titles, the status line, the key hints. Paints only from the first cell that changed."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len
from rich.segment import Segment
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from podtui.text import harmless
from podtui.ui.themes import filled, on, palette, plain_grounds
from podtui.ui.widgets.text_document import Part, cells_in_common


class TextLine(Widget):
    """Parts at the left, and parts at the right end. The left ones are cut if there is no room."""

    DEFAULT_CSS = """
    TextLine { height: 1; background: $panel; color: $foreground; }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._left: tuple[Part, ...] = ()
        self._right: tuple[Part, ...] = ()

    def show(self, left: Sequence[Part], right: Sequence[Part] = ()) -> None:
        """Show other text; equal cells are not painted again."""
        parts = tuple((harmless(text), style) for text, style in left), tuple((harmless(text), style) for text, style in right)
        if parts == (self._left, self._right):
            return
        before = self._cells()
        self._left, self._right = parts
        after = self._cells()
        if before == after:
            return
        x = cells_in_common(before, after)
        self.refresh(Region(x, 0, max(1, self.size.width - x), 1))

    @property
    def text(self) -> str:
        """The text on the screen, without styles."""
        return "".join(text for text, _ in self._cells())

    def fitting(self, room: int) -> Sequence[Part]:
        """The parts at the left in that many cells; what is longer is cut at the last cell."""
        return self._left

    def _cells(self) -> list[Part]:
        """Every character with its style, laid out in the current width."""
        width = self.size.width
        right = sum(cell_len(text) for text, _ in self._right)
        room = width - right if right < width else width
        cells: list[Part] = []
        used = 0
        for text, style in self.fitting(room - (1 if right and right < width else 0)):
            for character in text:
                size = cell_len(character)
                if used + size > room - (1 if right and right < width else 0):
                    break
                cells.append((character, style))
                used += size
            else:
                continue
            if used and cells:
                cells[-1] = ("…", style) if cell_len(cells[-1][0]) == 1 else cells[-1]
            break
        if right < width:
            cells += [(" ", "")] * (room - used)
            cells += [(character, style) for text, style in self._right for character in text]
        return cells

    def render_line(self, y: int) -> Strip:
        base = self.rich_style
        styles = palette(self.app)
        if base.bgcolor in plain_grounds(self.app):
            segments = [Segment(text, base + styles[style] if style else base) for text, style in self._cells()]
        else:
            base = filled(base)
            segments = [Segment(text, base + on(base, styles[style]) if style else base) for text, style in self._cells()]
        return Strip(segments).crop_extend(0, self.size.width, base).simplify()

    def on_resize(self) -> None:
        self.refresh()
