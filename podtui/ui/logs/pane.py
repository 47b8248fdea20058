"""The logs of one or many containers: the view with its title, foot, histogram and bars, and the keys of `logs`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, TypeVar

from rich.text import Text
from textual import on
from textual.actions import SkipAction
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.timer import Timer
from textual.widgets import Static
from textual.worker import Worker, WorkerState

from podtui.cluster.logs.follower import LogOptions, LogStatus
from podtui.cluster.logs.group import LogTarget
from podtui.cluster.session import Session
from podtui.kube.resources import PODS, ObjectRef, Resource
from podtui.text import harmless
from podtui.ui.commands import bindings
from podtui.ui.logs import titles
from podtui.ui.logs.bars import FieldsBar, JumpBar, LogBar, SaveBar, SearchBar, SinceBar
from podtui.ui.logs.chart import LogChart
from podtui.ui.logs.export import LogExport
from podtui.ui.logs.feed import LogFeed
from podtui.ui.logs.lines.layout import Records
from podtui.ui.logs.lines.times import TIMES
from podtui.ui.logs.sources import SourceChoice
from podtui.ui.logs.view.choice import MATCHES
from podtui.ui.logs.view.view import LogView
from podtui.ui.themes import palette
from podtui.ui.widgets.entry_bar import EntryBar
from podtui.ui.widgets.text_line import TextLine

_COUNTS = 40  # cells of the foot for the counts
CONTEXTS = (0, 1, 3, 10)  # lines around each match, in the order of the key
T = TypeVar("T")
_RECORDS: tuple[Records, ...] = ("raw", "columns", "indented")


class LogsPane(Vertical):
    """Call `follow()` with a target, or None. The pane turns keys into calls to its parts: the view, the feed that fills it, the choice
    of sources, the export of lines."""

    BINDINGS: ClassVar[list[Binding]] = bindings("logs")  # type: ignore[assignment]

    DEFAULT_CSS = """
    LogsPane { height: 1fr; }
    LogsPane > TextLine { background: $panel; }
    LogsPane:focus-within > #logs-title { background: $primary; color: $background; }
    LogsPane > #logs-why { height: auto; max-height: 5; background: $panel; display: none; }
    LogsPane > LogBar, LogsPane > #logs-columns { display: none; }
    """

    def __init__(
        self, session: Session, *, log_tail: int = 1000, buffer_mb: int = 32, timestamps: bool = False, wrap: bool = False
    ) -> None:
        """`log_tail` is the number of lines to fetch first, `buffer_mb` the memory for lines in MiB."""
        super().__init__()
        self.view = LogView(max(1, buffer_mb) << 20, times="local" if timestamps else "off", wrap=wrap, id="logs-view")
        self.browser = self.view.browser
        self._feed = LogFeed(self, session, self.view, log_tail, self._feed_changed, self._say)
        self._sources = SourceChoice(self._feed, self.browser, self._say)
        self._export = LogExport(self, self._feed, self._sources, self.view, self._say)
        self._title = TextLine(id="logs-title")
        self._why = Static(id="logs-why")  # a reason that is too long for the foot: its end is the cause
        self._foot = TextLine(id="logs-foot")
        self._columns = TextLine(id="logs-columns")
        self._chart = LogChart(id="logs-chart")
        self._search_bar = SearchBar(self.browser)
        self._fields_bar = FieldsBar(self.browser)
        self._jump_bar = JumpBar(self.browser)
        self._since_bar = SinceBar(self._feed)
        self._save_bar = SaveBar(self._export)
        self._message = ""  # about the last key, until the next one
        self._countdown: Timer | None = None

    def compose(self) -> ComposeResult:
        yield self._title
        yield self._chart
        yield self._columns
        yield self.view
        yield self._search_bar
        yield self._fields_bar
        yield self._jump_bar
        yield self._since_bar
        yield self._why
        yield self._foot
        yield self._save_bar

    def on_mount(self) -> None:
        self._refresh_texts()

    def on_unmount(self) -> None:
        self._feed.stop()

    def focus(self, scroll_visible: bool = True) -> LogsPane:
        self.view.focus(scroll_visible)
        return self

    # -- display ----------------------------------------------------------------------------------------------------

    @property
    def status(self) -> LogStatus:
        return self._feed.status

    @property
    def resource(self) -> Resource:
        return PODS

    @property
    def current(self) -> ObjectRef | None:
        """The pod of these logs; None if there are several."""
        refs = self._feed.pods
        return refs[0] if len(refs) == 1 else None

    @property
    def shown(self) -> ObjectRef | None:
        return self.current

    @property
    def targets(self) -> list[ObjectRef]:
        return [] if self.current is None else [self.current]

    @property
    def without(self) -> str:
        count = len(self._feed.pods)
        return f"these are the logs of {count} pods; select one in the list" if count else "no log is shown"

    def follow(self, target: LogTarget | None, *, previous: bool = False) -> None:
        """Follow logs, starting with the configured tail; None stops."""
        self._sources.show_all()
        if self.browser.cursor.pattern is not None:
            self.browser.end_search()
        self._feed.follow(target, previous=previous)

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        if event.state == WorkerState.ERROR and event.worker.node is self:
            self._feed.fail(event.worker.error)

    def retry(self) -> None:
        """Ask again now for what is waited for after a failure."""
        self._feed.retry()

    def _feed_changed(self) -> None:
        """The sources or the status changed; the status may count down to the next attempt."""
        self._sources.update_view()
        counts_down = self.status.retry_at is not None
        if counts_down and self._countdown is None:
            self._countdown = self.set_interval(1.0, self._refresh_texts)
        elif not counts_down and self._countdown is not None:
            self._countdown.stop()
            self._countdown = None
        self._refresh_texts()

    # -- title and foot ---------------------------------------------------------------------------------------------

    @on(LogView.Changed)
    def _refresh_texts(self) -> None:
        if not self.is_attached:
            return
        feed, view, browser = self._feed, self.view, self.browser
        if feed.target is None:
            self._title.show([(" Logs", "title")])
            self._foot.show([])
            view.set_empty("no pod selected")
            return
        title = titles.title_of(feed.target, feed.group, self._sources.hidden, feed.previous)
        self._title.show(title, [(f"{titles.state(feed.status, browser)} ", titles.style(feed.status))])
        why = titles.reason(feed.status)
        long = bool(len(browser.buffer)) and len(why) > self.size.width - _COUNTS  # without lines, it stands in their place
        self._why.display = long
        self._why.update(Text(f" {harmless(why)}" if long else "", style=palette(self.app)[titles.style(feed.status)]))
        counts = titles.counts(feed.status, browser, feed.range_name, "" if long else why)
        counts = [(f" {self._message}", "warn")] if self._message else counts
        self._foot.show(counts, [*titles.left_out_of(feed.group), *titles.flags(browser)])
        view.set_empty(*titles.nothing(feed.status, browser))
        header = browser.columns.header
        self._columns.display = bool(header)
        if header:  # the column titles align and scroll with the columns
            self._columns.show([(browser.over(header), "header")])

    def _say(self, text: str) -> None:
        """Show a message about the pressed key; the next key removes it."""
        self._message = text
        self._refresh_texts()

    # -- the bars ---------------------------------------------------------------------------------------------------

    @on(EntryBar.Cancelled)
    def _bar_cancelled(self, event: EntryBar.Cancelled) -> None:
        event.stop()
        if isinstance(event.bar, LogBar):
            event.bar.give_up()
            self._leave(event.bar, "")

    @on(EntryBar.Changed)
    def _bar_changed(self, event: EntryBar.Changed) -> None:
        event.stop()
        if isinstance(event.bar, LogBar):
            event.bar.typed(event.value, event.valid)
            self._refresh_texts()

    @on(EntryBar.Submitted)
    def _bar_entered(self, event: EntryBar.Submitted) -> None:
        event.stop()
        if isinstance(event.bar, LogBar) and (message := event.bar.entered(event.value)) is not None:
            self._leave(event.bar, message)

    def _leave(self, bar: LogBar, message: str) -> None:
        bar.display = False
        self.view.focus()
        self._say(message)

    # -- the range --------------------------------------------------------------------------------------------------

    @on(LogView.AtTop)
    def _at_top(self, event: LogView.AtTop) -> None:
        event.stop()
        self._feed.read_older()

    def action_tail(self) -> None:
        self._feed.read_last()

    def action_head(self) -> None:
        self._feed.read(LogOptions(), "from the beginning", from_top=True)

    def action_minutes(self, minutes: int) -> None:
        name = {1: "last minute", 60: "last hour"}.get(minutes, f"last {minutes} minutes")
        self._feed.read(LogOptions(since=minutes * 60), name)

    def action_since(self) -> None:
        if self._feed.target is not None:
            self._message = ""
            self._since_bar.open()

    def action_previous(self) -> None:
        self._feed.toggle_previous()

    def action_all_containers(self) -> None:
        self._sources.toggle_all()

    def action_container(self) -> None:
        if (screen := self._sources.screen()) is not None:
            self.app.push_screen(screen, self._sources.show_only)

    # -- moving -----------------------------------------------------------------------------------------------------

    def action_rows(self, by: int) -> None:
        self.browser.scroll_rows(by)

    def action_page(self, direction: int) -> None:
        self.browser.scroll_page(direction)

    def action_first(self) -> None:
        self.browser.to_first()

    def action_last(self) -> None:
        self.browser.to_last()

    def action_columns(self, direction: int) -> None:
        self.browser.scroll_columns(direction)

    def action_jump(self) -> None:
        self._message = ""
        self._jump_bar.open()

    # -- how lines are shown ----------------------------------------------------------------------------------------

    def action_follow(self) -> None:
        self._message = ""
        self.browser.follow(not self.browser.window.following)

    def action_wrap(self) -> None:
        self._message = ""
        self.browser.set_wrap(not self.browser.window.wrap)

    def action_timestamps(self) -> None:
        self._message = ""
        self.browser.set_times(_next(TIMES, self.browser.window.look.times))

    def action_records(self) -> None:
        self.browser.set_records(_next(_RECORDS, self.browser.window.look.records))
        without = self.browser.window.look.records == "columns" and not self.browser.columns.names
        self._say("no JSON, logfmt or klog records nearby: lines stay as they are" if without else "")

    # -- searching --------------------------------------------------------------------------------------------------

    def action_search(self) -> None:
        self._message = ""
        self._search_bar.begin()

    def action_match(self, direction: int) -> None:
        self._say(self.browser.next_match(direction))

    def action_only_matches(self) -> None:
        if self.browser.cursor.pattern is None:
            self._say("search with / first; then & shows only the lines that match")
        else:
            self._message = ""
            self.browser.show_matches(_next(MATCHES, self.browser.shown_matches))

    def action_context(self) -> None:
        browser = self.browser
        browser.set_context(_next(CONTEXTS, browser.choice.context))
        if browser.chosen is None or browser.shown_matches == "without":
            self._say(f"{browser.choice.context} lines around each match, once & or a filter (f) hides some")
        else:
            self._say("")

    def action_fields(self) -> None:
        self._message = ""
        self._fields_bar.begin()

    def action_clear_search(self) -> None:
        """Esc clears the selection, the search and the filter, one at a time."""
        browser = self.browser
        self._message = ""
        if browser.selection is not None:
            browser.select(False)
        elif browser.cursor.pattern is not None:
            browser.end_search()
        elif browser.choice.fields is not None:
            browser.set_fields(None)
        else:
            raise SkipAction()

    # -- the histogram ----------------------------------------------------------------------------------------------

    def action_histogram(self) -> None:
        """Open the histogram and give it the focus; pressed again in the lines, close it."""
        self._message = ""
        if self._chart.display:
            self._close_chart()
            return
        self._chart.show(self.browser.buffer)
        self._chart.focus()

    def _close_chart(self) -> None:
        self._chart.show(None)
        self.view.focus()

    @on(LogChart.Moved)
    def _chart_moved(self, event: LogChart.Moved) -> None:
        event.stop()
        line = self.browser.buffer.line_at(event.moment)
        if line is not None:
            self.browser.to_line(line)

    @on(LogChart.Left)
    def _chart_left(self, event: LogChart.Left) -> None:
        event.stop()
        if event.closed:
            self._close_chart()
        else:
            self.view.focus()

    # -- marks, and lines for other programs ------------------------------------------------------------------------

    def action_mark(self) -> None:
        marked = self.browser.toggle_mark()
        self._say("" if marked else "mark removed" if marked is not None else "no lines to mark")

    def action_to_mark(self, direction: int) -> None:
        self._say("" if self.browser.next_mark(direction) else "no line is marked: m marks one")

    def action_select(self) -> None:
        if self.browser.selection is not None:
            self.browser.select(False)
            self._say("")
        elif self.browser.select(True):
            self._say("↑ ↓ PgUp PgDn g G select; Enter or y copies, Ctrl+S saves, | opens the pager, Esc leaves")
        else:
            self._say("no lines to select")

    def action_copy(self) -> None:
        if self.browser.selection is None:
            raise SkipAction()
        self._export.copy()

    def action_save(self) -> None:
        """Ask for a file; pressed again meanwhile, switch to the next scope."""
        self._save_bar.begin()

    def action_pager(self) -> None:
        self._export.open_pager()


def _next(values: Sequence[T], value: T) -> T:
    """The value after `value`; after the last one, the first."""
    return values[(values.index(value) + 1) % len(values)]
