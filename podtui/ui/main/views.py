"""The views that the user came through, for going back, forth, and to the last one, as k9s's `[`, `]` and `-` do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from podtui.kube.resources import Scope

MOST = 50  # views that are kept


@dataclass(frozen=True)
class View:
    """What the screen lists: a kind (the plural of a list), which pods (None for another kind), and the filter that was typed.

    Two views with the same kind and scope are the same view.
    """

    kind: str
    scope: Scope | None
    filter: str = ""

    def is_like(self, other: View | None) -> bool:
        return other is not None and (self.kind, self.scope) == (other.kind, other.scope)


class Views:
    """The views in the order in which they were shown, and the place in it. Whatever changes the view does so within `changing`."""

    def __init__(self, current: Callable[[], View]) -> None:
        """`current` is what the screen shows now."""
        self._current = current
        self._seen = [current()]
        self._place = 0
        self._aim: int | None = None  # the place of the view that `step` returned, until that is shown
        self._is_changing = False
        self.last: View | None = None
        """The view before this one, whatever led from it to this one; None at first."""

    @contextmanager
    def changing(self, *, again: bool = False) -> Iterator[None]:
        """The view may be another one afterwards. `again`: it is one of those seen, so that their order stays."""
        if self._is_changing:  # a part of a larger change
            yield
            return
        self._is_changing = True
        before = self._seen[self._place] = self._current()  # with its filter, and where the scope changed by itself
        try:
            yield
        finally:
            self._is_changing = False
            after = self._current()
            if not after.is_like(before):
                self.last = before
            if again or not after.is_like(before):
                self._move(after, again)
            self._aim = None

    def _move(self, view: View, again: bool) -> None:
        """Go to the place of a view: of one that was seen more than once to where `step` went, otherwise to the nearest one."""
        places = [place for place, seen in enumerate(self._seen) if again and view.is_like(seen)]
        if self._aim in places:
            self._place = self._aim
        elif places:
            self._place = min(places, key=lambda place: abs(place - self._place))
        else:
            self._seen = [*self._seen[: self._place + 1], view][-MOST:]
            self._place = len(self._seen) - 1

    def step(self, by: int) -> View | None:
        """The view that many places later (negative: earlier), to be shown again; None when there is none."""
        place = self._place + by
        self._aim = place if 0 <= place < len(self._seen) else None
        return None if self._aim is None else self._seen[self._aim]
