"""The bars of the logs pane: search, filter on fields, and times to go to or to read from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podtui.errors import PodtuiError
from podtui.ui.logs.export import check_path
from podtui.ui.logs.lines.times import parse_time, time_words
from podtui.ui.logs.search.field_filter import FieldFilter
from podtui.ui.logs.search.matchers import Pattern
from podtui.ui.logs.view.view import LogView
from podtui.ui.logs.view.window import Row
from podtui.ui.widgets.entry_bar import EntryBar

if TYPE_CHECKING:
    from podtui.ui.logs.completion import Completion


class SearchBar(EntryBar):
    """Searches as one types. Its owner reports when the text changes, is entered or is cancelled."""

    PROMPT = "/"
    PLACEHOLDER = "text, or ~ and a regular expression"

    def __init__(self, view: LogView) -> None:
        super().__init__(check=_check_pattern, id="logs-search")
        self._view = view
        self._before: tuple[tuple[Row, bool, int], str] | None = None  # the view's position and its search

    def begin(self) -> None:
        text = self._view.pattern.text if self._view.pattern else ""
        self._before = self._view.place, text
        self.open(text)

    def typed(self, text: str, valid: bool) -> None:
        """Search; an invalid pattern leaves the matches as they are."""
        if self._before is not None and valid and self.display:
            place, _ = self._before
            self._view.go_back(place)
            self._view.search(text)

    def entered(self, text: str) -> None:
        self._before = None
        if not text:
            self._view.end_search()
        elif self._view.pattern is None or self._view.pattern.text != text:
            self._view.search(text)

    def give_up(self) -> None:
        """Restore the previous search and the view's position."""
        if self._before is not None:
            place, text = self._before
            self._before = None
            self._view.search(text)
            self._view.go_back(place)


def fields_bar(view: LogView) -> EntryBar:
    def complete(text: str, cursor: int) -> Completion:
        from podtui.ui.logs.completion import complete_filter  # not needed for the first paint

        return complete_filter(view, text, cursor)

    return EntryBar(
        complete,
        _check_filter,
        prompt="fields",
        placeholder="level>=warn, status>=500, path~/cart; empty: every line",
        id="logs-filter",
    )


def jump_bar() -> EntryBar:
    examples = "14:05, 14:05:30Z, 2026-01-31T14:05:30Z, 10m (ago)"
    return EntryBar(check=_check_time, prompt="to time", placeholder=examples, id="logs-jump")


def since_bar() -> EntryBar:
    return EntryBar(check=_check_time, prompt="since", placeholder="90m, 2h, 14:05, 2026-01-31T14:05:30Z", id="logs-since")


def save_bar() -> EntryBar:
    return EntryBar(check=check_path, prompt="save to", placeholder="a file", id="logs-save")


def jump(view: LogView, text: str) -> str:
    """Go to the first line at or after a time; returns a message about its position."""
    if not text.strip():
        return ""
    time = parse_time(text)
    line = view.buffer.line_at(time)
    words = time_words(time, "local")
    if line is None:
        return f"every line is older than {words}"
    view.to_line(line)
    first = next((at for at in (view.buffer.time(number) for number in range(view.buffer.first, line + 1)) if at), 0)
    return f"{words} is before the oldest line, shown here" if first > time else f"from {words} on"


def _check_pattern(text: str) -> None:
    if text:
        try:
            Pattern(text)
        except ValueError as error:
            raise PodtuiError(str(error)) from error


def _check_filter(text: str) -> None:
    if text.strip():
        FieldFilter(text)


def _check_time(text: str) -> None:
    if text.strip():
        try:
            parse_time(text)
        except ValueError as error:
            raise PodtuiError(str(error)) from error
