"""Reading a log by keys: scrolling, searching, filtering, times, records, marks."""

from __future__ import annotations

from textual import on
from textual.actions import SkipAction
from textual.app import ComposeResult
from textual.containers import Vertical

from podtui.errors import PodtuiError
from podtui.ui.logs.chart import LogChart
from podtui.ui.logs.completion import complete_filter
from podtui.ui.logs.lines.layout import Records
from podtui.ui.logs.lines.times import TIMES, parse_time, time_words
from podtui.ui.logs.search.field_filter import FieldFilter
from podtui.ui.logs.search.matchers import Pattern
from podtui.ui.logs.view.choice import MATCHES
from podtui.ui.logs.view.view import LogView
from podtui.ui.logs.view.window import Row
from podtui.ui.widgets.entry_bar import EntryBar
from podtui.ui.widgets.text_line import TextLine

CONTEXTS = (0, 1, 3, 10)  # lines around each match, in the order of the key
_RECORDS: tuple[Records, ...] = ("raw", "columns", "indented")


class LogReading(Vertical):
    """The part of the logs pane that knows nothing of where lines come from. The bars hold what is typed."""

    DEFAULT_CSS = """
    LogReading > EntryBar, LogReading > #logs-columns { display: none; }
    """

    def __init__(self, view: LogView, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.view = view
        self._message = ""  # a word about the last key, until the next
        self._title = TextLine(id="logs-title")
        self._foot = TextLine(id="logs-foot")
        self._columns = TextLine(id="logs-columns")
        self._chart = LogChart(id="logs-chart")
        self._search_bar = EntryBar(check=_check_pattern, prompt="/", placeholder="text, or ~ and a regular expression", id="logs-search")
        self._filter_bar = EntryBar(
            lambda text, cursor: complete_filter(self.view, text, cursor),
            _check_filter,
            prompt="fields",
            placeholder="level>=warn, status>=500, path~/cart; nothing: every line",
            id="logs-filter",
        )
        self._jump_bar = EntryBar(
            check=_check_time, prompt="to time", placeholder="14:05, 14:05:30Z, 2026-01-31T14:05:30Z, 10m (ago)", id="logs-jump"
        )
        self._since_bar = EntryBar(check=_check_time, prompt="since", placeholder="90m, 2h, 14:05, 2026-01-31T14:05:30Z", id="logs-since")
        self._before: tuple[tuple[Row, bool, int], str] | None = None  # where the view stood and what was searched for

    def compose(self) -> ComposeResult:
        yield self._title
        yield self._chart
        yield self._columns
        yield self.view
        yield self._search_bar
        yield self._filter_bar
        yield self._jump_bar
        yield self._since_bar
        yield self._foot

    def focus(self, scroll_visible: bool = True) -> LogReading:
        self.view.focus(scroll_visible)
        return self

    def _tell(self) -> None:
        """Bring title and foot up to date."""
        raise NotImplementedError

    def _say(self, text: str) -> None:
        """A word about the key that was pressed; the next key takes it away."""
        self._message = text
        self._tell()

    def _leave(self, bar: EntryBar) -> None:
        bar.display = False
        self._message = ""
        self.view.focus()
        self._tell()

    @on(EntryBar.Cancelled)
    def _cancelled(self, event: EntryBar.Cancelled) -> None:
        event.stop()
        if event.bar is self._search_bar and self._before is not None:
            place, text = self._before
            self._before = None
            self.view.search(text)
            self.view.go_back(place)
        self._leave(event.bar)

    # -- moving -------------------------------------------------------------------------------------------------------

    def action_down(self) -> None:
        self.view.scroll_rows(1)

    def action_up(self) -> None:
        self.view.scroll_rows(-1)

    def action_page_down(self) -> None:
        self.view.scroll_page(1)

    def action_page_up(self) -> None:
        self.view.scroll_page(-1)

    def action_first(self) -> None:
        self.view.to_first()

    def action_last(self) -> None:
        self.view.to_last()

    def action_left(self) -> None:
        self.view.scroll_columns(-1)

    def action_right(self) -> None:
        self.view.scroll_columns(1)

    def action_jump(self) -> None:
        self._message = ""
        self._jump_bar.open()

    @on(EntryBar.Submitted, "#logs-jump")
    def _jump(self, event: EntryBar.Submitted) -> None:
        event.stop()
        self._leave(self._jump_bar)
        if not event.value.strip():
            return
        time = parse_time(event.value)
        line = self.view.line_at(time)
        words = time_words(time, "local")
        if line is None:
            self._say(f"every line is older than {words}")
            return
        self.view.to_line(line)
        first = next((at for at in (self.view.buffer.time(number) for number in range(self.view.buffer.first, line + 1)) if at), 0)
        self._say(f"{words} is before the oldest line: this is it" if first > time else f"from {words} on")

    # -- how lines are shown --------------------------------------------------------------------------------------------

    def action_follow(self) -> None:
        self._message = ""
        self.view.follow(not self.view.following)

    def action_wrap(self) -> None:
        self._message = ""
        self.view.set_wrap(not self.view.wrap)

    def action_timestamps(self) -> None:
        self._message = ""
        self.view.set_times(TIMES[(TIMES.index(self.view.times) + 1) % len(TIMES)])

    def action_records(self) -> None:
        self._message = ""
        self.view.set_records(_RECORDS[(_RECORDS.index(self.view.records) + 1) % len(_RECORDS)])
        if self.view.records == "columns" and not self.view.columns.names:
            self._message = "no JSON, logfmt or klog record is near: lines stay as they are"
        self._tell()

    def _show_header(self) -> None:
        """The names over the columns stand and scroll with them."""
        header = self.view.columns.header
        self._columns.display = bool(header)
        if header:
            self._columns.show([(self.view.over(header), "header")])

    # -- searching ------------------------------------------------------------------------------------------------------

    def action_search(self) -> None:
        self._message = ""
        text = self.view.pattern.text if self.view.pattern else ""
        self._before = self.view.place, text
        self._search_bar.open(text)

    @on(EntryBar.Changed, "#logs-search")
    def _search_typed(self, event: EntryBar.Changed) -> None:
        """Searched as it is typed: what cannot be searched for yet leaves the matches as they are."""
        event.stop()
        if self._before is None or not event.valid or not self._search_bar.display:
            return
        place, _ = self._before
        self.view.go_back(place)
        self.view.search(event.value)
        self._tell()

    @on(EntryBar.Submitted, "#logs-search")
    def _search(self, event: EntryBar.Submitted) -> None:
        event.stop()
        self._before = None
        self._leave(self._search_bar)
        if not event.value:
            self.view.end_search()
        elif self.view.pattern is None or self.view.pattern.text != event.value:
            self.view.search(event.value)
        self._tell()

    def action_next_match(self) -> None:
        self._say(self.view.next_match(1))

    def action_previous_match(self) -> None:
        self._say(self.view.next_match(-1))

    def action_only_matches(self) -> None:
        if self.view.pattern is None:
            self._say("search with / first, then & shows only the lines that match")
        else:
            self._message = ""
            self.view.show_matches(MATCHES[(MATCHES.index(self.view.shown_matches) + 1) % len(MATCHES)])

    def action_context(self) -> None:
        view = self.view
        view.set_context(CONTEXTS[(CONTEXTS.index(view.context) + 1) % len(CONTEXTS)])
        if view.chosen is None or view.shown_matches == "without":
            self._say(f"{view.context} lines around each, once & or a filter (f) leaves some out")
        else:
            self._say("")

    def action_fields(self) -> None:
        self._message = ""
        self._filter_bar.open(self.view.fields.text if self.view.fields is not None else "")

    @on(EntryBar.Submitted, "#logs-filter")
    def _filter(self, event: EntryBar.Submitted) -> None:
        event.stop()
        self._leave(self._filter_bar)
        self.view.set_fields(FieldFilter(event.value) if event.value.strip() else None)

    def action_clear_search(self) -> None:
        """Esc: the selection, the search and the filter, one after the other."""
        view = self.view
        self._message = ""
        if view.selection is not None:
            view.select(False)
        elif view.pattern is not None:
            view.end_search()
        elif view.fields is not None:
            view.set_fields(None)
        else:
            raise SkipAction()

    # -- the histogram --------------------------------------------------------------------------------------------------

    def action_histogram(self) -> None:
        """Open the histogram and go into it; from the lines again: close it."""
        self._message = ""
        if self._chart.display:
            self._close_chart()
            return
        self._chart.show(self.view.buffer)
        self._chart.focus()

    def _close_chart(self) -> None:
        self._chart.show(None)
        self.view.focus()

    @on(LogChart.Moved)
    def _chart_moved(self, event: LogChart.Moved) -> None:
        event.stop()
        line = self.view.line_at(event.moment)
        if line is not None:
            self.view.to_line(line)

    @on(LogChart.Left)
    def _chart_left(self, event: LogChart.Left) -> None:
        event.stop()
        if event.closed:
            self._close_chart()
        else:
            self.view.focus()

    # -- marks ----------------------------------------------------------------------------------------------------------

    def action_mark(self) -> None:
        marked = self.view.toggle_mark()
        self._say("" if marked else "the mark is taken away" if marked is not None else "there is no line to mark")

    def action_next_mark(self) -> None:
        self._go_to_mark(1)

    def action_previous_mark(self) -> None:
        self._go_to_mark(-1)

    def _go_to_mark(self, direction: int) -> None:
        self._say("" if self.view.next_mark(direction) else "no line is marked: m marks one")


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
