"""Chooses the lines to show: by a filter, by hidden sources, and by a search that they match or do not match."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from podtui.ui.logs.search.field_filter import FieldFilter
from podtui.ui.logs.search.matchers import All, Fields, Matcher, Not, Without
from podtui.ui.logs.search.search import Search
from podtui.ui.logs.view.match_cursor import MatchCursor
from podtui.ui.logs.view.window import LogWindow, Row

Matches = Literal["all", "only", "without"]
MATCHES: tuple[Matches, ...] = ("all", "only", "without")


class LineChoice:
    """Set the attributes, then `apply()`, which sets the window's `only` and the lines that the cursor searches."""

    def __init__(self, window: LogWindow, cursor: MatchCursor) -> None:
        self._window = window
        self._cursor = cursor
        self.matches: Matches = "all"  # with a search: all lines, only matching ones, or only others
        self.context = 0  # lines shown around each chosen line
        self.fields: FieldFilter | None = None
        self.hidden: frozenset[int] = frozenset()  # sources
        self._within: tuple[FieldFilter | None, frozenset[int]] = None, frozenset()  # what the cursor searches in

    def apply(self, rows: Sequence[Row] = ()) -> None:
        """Choose again; `rows` are the rows in view, which stay there if possible."""
        window, cursor = self._window, self._cursor
        within: list[Matcher] = []
        if self.hidden:
            within.append(Without(self.hidden))
        if self.fields is not None:
            within.append(Fields(self.fields))
        if self._within != (self.fields, self.hidden):
            self._within = self.fields, self.hidden
            cursor.within = within
            cursor.again()
        window.only = self._search(within)
        if window.following:
            return
        if cursor.line is not None and self.matches == "all":
            window.top = Row(cursor.line, 0)
            window.move(-(window.height // 3))
        elif rows:
            window.top = rows[0]

    def _search(self, within: list[Matcher]) -> Search | None:
        cursor, pattern = self._cursor, self._cursor.pattern
        if pattern is None or self.matches == "all":
            wanted = within
        elif self.matches == "without":
            wanted = [*within, Not(pattern)]
        elif not self.context:
            return cursor.search
        else:
            wanted = [*within, pattern]
        if not wanted:
            return None
        context = 0 if self.matches == "without" and pattern is not None else self.context
        return Search(self._window.buffer, wanted[0] if len(wanted) == 1 else All(wanted), context)
