"""The bar of `/`: filters as one types."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from podtui.ui.widgets.entry_bar import Check, Complete, EntryBar


class FilterBar(EntryBar):
    """Every change is told at once; Esc clears the filter."""

    CANCEL_RESTORES: ClassVar[bool] = False

    class Changed(EntryBar.Changed):
        pass

    class Submitted(EntryBar.Submitted):
        pass

    class Cancelled(EntryBar.Cancelled):
        pass

    def __init__(
        self, complete: Complete | None = None, check: Check | None = None, *, history: Sequence[str] = (), id: str | None = None
    ) -> None:
        super().__init__(complete, check, prompt="/", placeholder="name, !others, -f fuzzy, -l selector", history=history, id=id)
