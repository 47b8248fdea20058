"""Which panes the screen shows at a size, and the room of each. This module knows no widget."""

from __future__ import annotations

from dataclasses import dataclass

WIDE = 120  # columns from which the panes are side by side
TALL = 30  # rows from which the details are shown from the start


@dataclass(frozen=True)
class Shape:
    """The visible panes, and their sizes in cells."""

    visible: set[str]
    namespaces_width: int
    lower_height: int


class Panes:
    """The user's choice: the pane that has the focus, the pane under the list, full screen, and the shares."""

    def __init__(self) -> None:
        self.current = "list"
        self.titles = {"namespaces": "Namespaces", "list": "Pods", "details": "Details", "logs": "Logs"}
        self.lower = ""  # "", "details" or "logs"
        self.full = False
        self.narrow = True
        self.follows = False  # the details follow the cursor, since there is room for them
        self._share = 0.5
        self._side = 33
        self._sized = False

    def resize(self, width: int, height: int) -> None:
        self.narrow = width < WIDE
        self.full = self.full and not self.narrow  # one pane fills it anyway
        self.follows = not self.narrow and height >= TALL
        if not self._sized:
            self._sized = True
            if self.follows:
                self.lower = "details"

    def grow(self, lower: float = 0, side: int = 0) -> None:
        """Change the share of the lower pane (0.2 to 0.9 of the height) or the namespaces' width (16 to 60 cells)."""
        self._share = min(0.9, max(0.2, self._share + lower))
        self._side = min(60, max(16, self._side + side))

    @property
    def order(self) -> list[str]:
        """The panes that Tab cycles through."""
        return ["namespaces", "list", *([self.lower] if self.lower else [])]

    def go(self, pane: str) -> None:
        if pane in ("details", "logs"):
            self.lower = pane
        self.current = pane

    def step(self, by: int) -> str:
        order = self.order
        place = order.index(self.current) if self.current in order else 1
        return order[(place + by) % len(order)]

    @property
    def crumbs(self) -> list[str]:
        """The panes in order, the current one in brackets: shows the position when only one pane fits."""
        return [f"[{self.titles[name]}]" if name == self.current else self.titles[name] for name in self.order]

    def shape(self, height: int) -> Shape:
        if self.narrow or self.full:
            visible = {self.current}
        else:
            visible = set(self.order)
        return Shape(visible, self._side, max(4, round((height - 2) * self._share)))
