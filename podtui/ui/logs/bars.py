"""The bars of the logs pane: search, filter on fields, and times to go to or to read from."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

from podtui.cluster.logs.status import LogOptions
from podtui.errors import PodtuiError
from podtui.ui.logs.export import LogExport, check_path
from podtui.ui.logs.feed import LogFeed
from podtui.ui.logs.lines.times import SECOND, parse_time, time_words
from podtui.ui.logs.search.field_filter import FieldFilter
from podtui.ui.logs.search.matchers import Pattern
from podtui.ui.logs.view.browser import LogBrowser
from podtui.ui.logs.view.window import Row
from podtui.ui.widgets.entry_bar import EntryBar

if TYPE_CHECKING:
    from podtui.completion import Completion


class LogBar(EntryBar):
    """A bar that knows what to do with what is typed. Its owner tells it when the text changes, is entered or is cancelled."""

    def typed(self, text: str, valid: bool) -> None:
        """The text changes."""

    def entered(self, text: str) -> str | None:
        """The text is entered: a message about it, "" in the usual case; None while the bar must stay open."""
        raise NotImplementedError

    def give_up(self) -> None:
        """The bar is cancelled."""


class SearchBar(LogBar):
    """Searches as one types."""

    PROMPT = "/"
    PLACEHOLDER = "text, or ~ and a regular expression"

    def __init__(self, browser: LogBrowser) -> None:
        super().__init__(check=_check_pattern, id="logs-search")
        self._browser = browser
        self._before: tuple[tuple[Row, bool, int], str] | None = None  # the position and the search

    def begin(self) -> None:
        text = self._browser.cursor.pattern.text if self._browser.cursor.pattern else ""
        self._before = self._browser.place, text
        self.open(text)

    def typed(self, text: str, valid: bool) -> None:
        """Search; an invalid pattern leaves the matches as they are."""
        if self._before is not None and valid and self.display:
            place, _ = self._before
            self._browser.go_back(place)
            self._browser.search(text)

    def entered(self, text: str) -> str:
        self._before = None
        if not text:
            self._browser.end_search()
        elif self._browser.cursor.pattern is None or self._browser.cursor.pattern.text != text:
            self._browser.search(text)
        return ""

    def give_up(self) -> None:
        """Restore the previous search and the position."""
        if self._before is not None:
            place, text = self._before
            self._before = None
            self._browser.search(text)
            self._browser.go_back(place)


class FieldsBar(LogBar):
    """Filters the lines by their fields."""

    PROMPT = "fields"
    PLACEHOLDER = "level>=warn, status>=500, path~/cart; empty: every line"

    def __init__(self, browser: LogBrowser) -> None:
        super().__init__(self._complete, _check_filter, id="logs-filter")
        self._browser = browser

    def _complete(self, text: str, cursor: int) -> Completion:
        from podtui.ui.logs.completion import complete_filter  # not needed for the first paint

        return complete_filter(self._browser, text, cursor)

    def begin(self) -> None:
        fields = self._browser.choice.fields
        self.open(fields.text if fields is not None else "")

    def entered(self, text: str) -> str:
        self._browser.set_fields(FieldFilter(text) if text.strip() else None)
        return ""


class JumpBar(LogBar):
    """Goes to a time."""

    PROMPT = "to time"
    PLACEHOLDER = "14:05, 14:05:30Z, 2026-01-31T14:05:30Z, 10m (ago)"

    def __init__(self, browser: LogBrowser) -> None:
        super().__init__(check=_check_time, id="logs-jump")
        self._browser = browser

    def entered(self, text: str) -> str:
        return jump(self._browser, text)


class SinceBar(LogBar):
    """Reads the log again from a time on."""

    PROMPT = "since"
    PLACEHOLDER = "90m, 2h, 14:05, 2026-01-31T14:05:30Z"

    def __init__(self, feed: LogFeed) -> None:
        super().__init__(check=_check_time, id="logs-since")
        self._feed = feed

    def entered(self, text: str) -> str:
        """`sinceSeconds` counts from now by the server's clock, as kubectl's --since does."""
        if text.strip():
            at = parse_time(text)
            seconds = max(1, math.ceil(time.time() - at / SECOND))
            self._feed.read(LogOptions(since=seconds), f"since {time_words(at, 'local')[:19].replace('T', ' ')}")
        return ""


class SaveBar(LogBar):
    """Saves lines to a file. Begun again while it is open, it switches to the next scope."""

    PROMPT = "save to"
    PLACEHOLDER = "a file"

    def __init__(self, export: LogExport) -> None:
        super().__init__(check=check_path, id="logs-save")
        self._export = export

    def begin(self) -> None:
        path = self._export.ask_for_file(self.display)
        if path and not self.display:
            self.open(path)

    def typed(self, text: str, valid: bool) -> None:
        self._export.path_changed()

    def entered(self, text: str) -> str | None:
        return "" if self._export.save(text) else None


def jump(browser: LogBrowser, text: str) -> str:
    """Go to the first line at or after a time; returns a message about its position."""
    if not text.strip():
        return ""
    moment = parse_time(text)
    line = browser.buffer.line_at(moment)
    words = time_words(moment, "local")
    if line is None:
        return f"every line is older than {words}"
    browser.to_line(line)
    first = next((at for at in (browser.buffer.time(number) for number in range(browser.buffer.first, line + 1)) if at), 0)
    return f"{words} is before the oldest line, shown here" if first > moment else f"from {words} on"


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
