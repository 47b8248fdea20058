"""The current match of a search in a log window: finds the next one and brings it into view."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

from podtui.ui.logs.lines.text import width_of
from podtui.ui.logs.search.matchers import All, Matcher, Pattern
from podtui.ui.logs.search.search import Search
from podtui.ui.logs.view.window import LogWindow, Row


class MatchCursor:
    """A search (or none), its current match, and the first column in view (`left`, for lines that do not wrap)."""

    def __init__(self, window: LogWindow) -> None:
        self._window = window
        self.search: Search | None = None
        self.pattern: Pattern | None = None
        self.within: list[Matcher] = []  # conditions that a match must also satisfy
        self.line: int | None = None  # line of the current match
        self.seeking = False  # whether to show the first match as soon as it is found
        self.left = 0

    @property
    def place(self) -> tuple[int, int, bool]:
        """The current match counted from 1 (0: none), the number of matching lines, and whether the search is complete."""
        search, line = self.search, self.line
        if search is None:
            return 0, 0, True
        if line is None or not search.has(line):
            return 0, search.count, search.done
        return search.rank(line) + 1, search.count, search.done

    def look(self, pattern: Pattern | None) -> None:
        """Set another search, or none; it finds nothing until it scans."""
        self.line, self.seeking, self.pattern = None, pattern is not None, pattern
        self.search = None
        if pattern is not None:
            self.search = Search(self._window.buffer, All([*self.within, pattern]) if self.within else pattern)

    def again(self) -> None:
        """Restart the search, since the lines or their text changed."""
        line, seeking = self.line, self.seeking
        self.look(self.pattern)
        self.line, self.seeking = line, seeking and self.pattern is not None

    def go(self, direction: int, rows: Sequence[Row]) -> str:
        """Go to the next match below (1) or above (-1) the current one or, without one, the rows in view; returns a message, ""
        in the usual case."""
        search, buffer = self.search, self._window.buffer
        if search is None:
            return "no search: / starts one"
        if self.line is not None:
            start = self.line
        elif rows:
            start = rows[0].line - 1 if direction > 0 else rows[-1].line + 1
        else:
            start = buffer.end
        find, other_end = (search.after, buffer.first - 1) if direction > 0 else (search.before, buffer.end)
        found, word = find(start), ""
        if found is None:
            if not search.done:
                return "still searching"
            found = find(other_end)
            word = "no match" if found is None else f"the search continued at the {'beginning' if direction > 0 else 'end'}"
        if found is not None:
            self._show(found)
        return word

    def seek(self, rows: Sequence[Row]) -> bool:
        """Show the first match of a new search once it is known: one in view, else the newest above, else the first below.
        True if the view changed."""
        search, window = self.search, self._window
        if search is None or not self.seeking or not rows:
            return False
        found = search.before(rows[-1].line + 1)
        if found is None and search.done:
            self.seeking = False
            found = search.after(rows[-1].line)
        if found is None:
            return False
        if window.following and found >= rows[0].line:  # in view: no need to leave the end
            self.line, self.seeking = found, False
            self._show_columns(found, self._first(found))
        else:
            self._show(found)
        return True

    def _show(self, line: int) -> None:
        """Bring a match into view, with its row and column."""
        window = self._window
        self.line, self.seeking = line, False
        found = self._first(line)
        at = found[0] if found is not None else 0
        window.to_line(line, bisect_right(window.parts(line), at) - 1)
        self._show_columns(line, found)

    def _first(self, line: int) -> tuple[int, int] | None:
        """The span of the first match in the text of a line in the window."""
        body = self._window.body(line)
        found = None if self.pattern is None else self.pattern.first(self._window.text(line)[body:])
        return None if found is None else (body + found[0], body + found[1])

    def _show_columns(self, line: int, found: tuple[int, int] | None) -> None:
        """Scroll sideways if the first match in a line is not in view."""
        window = self._window
        if window.wrap or found is None:
            return
        text = window.text(line)
        row = window.parts(line)[bisect_right(window.parts(line), found[0]) - 1]
        start, end = width_of(text[row : found[0]]), width_of(text[row : found[1]])
        if start < self.left or end > self.left + window.width:
            self.left = max(0, start - window.width // 3) if end > window.width else 0

    def scroll_columns(self, direction: int, rows: Sequence[Row]) -> bool:
        """Scroll a quarter of the width to the right (1) or left (-1), up to the widest line in view. True if the view moved."""
        window = self._window
        if window.wrap:
            return False
        before, widest = self.left, max((width_of(window.text(row.line)) for row in rows if not window.wraps(row.line)), default=0)
        most = max(self.left, widest - window.width // 2) if direction > 0 and widest > window.width else self.left
        self.left = max(0, min(self.left + direction * max(8, window.width // 4), most))
        return self.left != before
