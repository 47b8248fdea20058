"""The bar of `=`: a selector, completed and checked by what is given to it."""

from __future__ import annotations

from collections.abc import Sequence

from podtui.ui.widgets.entry_bar import Check, Complete, EntryBar


class SelectorBar(EntryBar):
    """Esc restores the value that the bar was opened with."""

    class Changed(EntryBar.Changed):
        pass

    class Submitted(EntryBar.Submitted):
        pass

    class Cancelled(EntryBar.Cancelled):
        pass

    def __init__(
        self, complete: Complete | None = None, check: Check | None = None, *, history: Sequence[str] = (), id: str | None = None
    ) -> None:
        super().__init__(complete, check, prompt="=", placeholder="key=value, key in (a,b), !key", history=history, id=id)
