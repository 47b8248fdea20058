"""The logs of one container of a pod: followed, searched, saved."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import ClassVar

from textual import on
from textual.actions import SkipAction
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.timer import Timer
from textual.worker import Worker, WorkerState

from podtui.cluster.log_times import Times
from podtui.cluster.logs import LogBatch, LogFollower, LogOptions, LogStatus
from podtui.cluster.resources import ObjectRef
from podtui.cluster.session import Session
from podtui.errors import PodtuiError
from podtui.text import harmless
from podtui.ui.commands import bindings
from podtui.ui.log_file import pieces, write_log
from podtui.ui.panes import logs_words
from podtui.ui.widgets.entry_bar import EntryBar
from podtui.ui.widgets.log_search import Pattern
from podtui.ui.widgets.log_view import LogView
from podtui.ui.widgets.text_line import TextLine


class LogsPane(Vertical):
    """`show()` a pod, or None. Bindings are the `logs` commands."""

    BINDINGS: ClassVar[list[Binding]] = bindings("logs")  # type: ignore[assignment]

    DEFAULT_CSS = """
    LogsPane { height: 1fr; }
    LogsPane > TextLine { background: $panel; }
    LogsPane:focus-within > #logs-title { background: $primary; color: $background; }
    LogsPane > EntryBar { display: none; }
    """

    def __init__(
        self,
        session: Session,
        *,
        log_tail: int = 1000,
        buffer_mb: int = 32,
        timestamps: bool = False,
        wrap: bool = False,
        id: str | None = None,
    ) -> None:
        """`log_tail` is how many lines are fetched at first, `buffer_mb` how many MiB of them are kept."""
        super().__init__(id=id)
        self.session = session
        self.ref: ObjectRef | None = None
        self.container = ""
        self.containers: list[str] = []
        self.previous = False
        self.status = LogStatus()
        self.view = LogView(max(1, buffer_mb) << 20, times=timestamps, wrap=wrap, id="logs-view")
        self._tail = log_tail
        self._range: LogOptions = LogOptions(tail=log_tail)
        self._range_words = ""
        self._title = TextLine(id="logs-title")
        self._foot = TextLine(id="logs-foot")
        self._search_bar = EntryBar(check=_check_pattern, prompt="/", placeholder="text, or ~ and a regular expression", id="logs-search")
        self._save_bar = EntryBar(check=_check_path, prompt="save to", placeholder="a file", id="logs-save")
        self._follower: LogFollower | None = None
        self._message = ""  # a word about the last key, until the next
        self._overwrite: Path | None = None  # a file that is there, and that Enter again overwrites
        self._ticker: Timer | None = None

    def compose(self) -> ComposeResult:
        yield self._title
        yield self.view
        yield self._search_bar
        yield self._save_bar
        yield self._foot

    def on_mount(self) -> None:
        self._choose_range(LogOptions(tail=self._tail), f"last {self._tail:,}")
        self._tell()

    def on_unmount(self) -> None:
        self._stop()

    def focus(self, scroll_visible: bool = True) -> LogsPane:
        self.view.focus(scroll_visible)
        return self

    # -- what is shown ----------------------------------------------------------------------------------------------

    def show(self, ref: ObjectRef | None, containers: Sequence[str] = (), container: str = "", previous: bool = False) -> None:
        """Follow the logs of a pod from the configured tail on; None stops. Without `container` it is kubectl's default."""
        self.ref = ref
        self.containers = list(containers)
        self.container = container
        self.previous = previous
        self._choose_range(LogOptions(tail=self._tail), f"last {self._tail:,}")
        if self.view.pattern is not None:
            self.view.search("")
        self._restart()

    def _choose_range(self, options: LogOptions, name: str) -> None:
        self._range, self._range_words = options, name

    def _restart(self) -> None:
        """Read anew what the pod, the container and the range say."""
        self._stop()
        self._message = ""
        self.status = LogStatus()
        self.view.clear()
        if self.ref is not None:
            self.run_worker(self._work(), group="logs", exclusive=True, exit_on_error=False)
        self._tell()

    def _stop(self) -> None:
        self._follower = None
        self.workers.cancel_group(self, "logs")

    async def _work(self) -> None:
        assert self.ref is not None
        session = self.session
        while session.connection is None:
            opened = asyncio.Event()
            end = session.opened_signal.subscribe(lambda _, opened=opened: opened.set())  # type: ignore[misc]
            try:
                if session.error is not None:
                    self._told(LogStatus("connecting", session.error.what))
                await opened.wait()
            finally:
                end()
        options = LogOptions(tail=self._range.tail, since=self._range.since, previous=self.previous)
        follower = self._follower = LogFollower(session.connection, self.ref, self.container, options)
        end = follower.subscribe(lambda status: self._told(status) if self._follower is follower else None)

        times = Times()

        async def take(batch: LogBatch) -> None:
            if batch.note:
                self.view.append(batch.lines, notes=range(len(batch.lines)))
            else:
                at, texts = times.part(batch.lines, batch.continued)
                self.view.append(texts, batch.continued, times=at)

        try:
            await follower.run(take)
        finally:
            end()

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """Nothing fails silently, not even what should never happen."""
        if event.state == WorkerState.ERROR and event.worker.node is self:
            error = event.worker.error
            words = error.what if isinstance(error, PodtuiError) else f"{type(error).__name__}: {error}"
            self._told(LogStatus("failed", harmless(words), final=True))

    def _told(self, status: LogStatus) -> None:
        self.status = status
        if self._follower is not None:
            self.container = self._follower.container
            self.containers = self._follower.containers or self.containers
        counts_down = status.retry_at is not None
        if counts_down and self._ticker is None:
            self._ticker = self.set_interval(1.0, self._tell)
        elif not counts_down and self._ticker is not None:
            self._ticker.stop()
            self._ticker = None
        self._tell()

    # -- title and foot ---------------------------------------------------------------------------------------------

    @on(LogView.Changed)
    def _changed(self) -> None:
        self._tell()

    def _tell(self) -> None:
        if not self.is_attached:
            return
        if self.ref is None:
            self._title.show([(" Logs", "title")])
            self._foot.show([])
            self.view.set_empty("no pod chosen")
            return
        container = (self.container, self.containers) if self.container else None
        state = f"{logs_words.state(self.status, self.view)} "
        self._title.show(logs_words.title(self.ref.name, container, self.previous), [(state, logs_words.style(self.status))])
        self._foot.show(
            [(f" {self._message}", "warn")] if self._message else logs_words.counts(self.status, self.view, self._range_words),
            logs_words.flags(self.view),
        )
        pattern = self.view.pattern if self.view.only_matches and len(self.view.buffer) else None
        self.view.set_empty(*logs_words.nothing(self.status, pattern.text if pattern else ""))

    def _say(self, text: str) -> None:
        """A word about the key that was pressed; the next key takes it away."""
        self._message = text
        self._tell()

    # -- which lines ------------------------------------------------------------------------------------------------

    def _read_again(self, options: LogOptions, name: str, *, from_top: bool = False) -> None:
        if self.ref is None:
            return
        self._choose_range(options, name)
        self.view.follow(not from_top)
        self._restart()

    def action_tail(self) -> None:
        self._read_again(LogOptions(tail=self._tail), f"last {self._tail:,}")

    def action_head(self) -> None:
        self._read_again(LogOptions(), "from the beginning", from_top=True)

    def _since(self, minutes: int, name: str) -> None:
        self._read_again(LogOptions(since=60 * minutes), f"last {name}")

    def action_since_1m(self) -> None:
        self._since(1, "minute")

    def action_since_5m(self) -> None:
        self._since(5, "5 minutes")

    def action_since_15m(self) -> None:
        self._since(15, "15 minutes")

    def action_since_30m(self) -> None:
        self._since(30, "30 minutes")

    def action_since_1h(self) -> None:
        self._since(60, "hour")

    def action_previous(self) -> None:
        if self.ref is not None:
            self.previous = not self.previous
            self.view.follow(True)
            self._restart()

    def action_container(self) -> None:
        if self.ref is None or not self.containers:
            return
        if len(self.containers) == 1:
            self._say(f"{self.ref} has one container: {self.containers[0]}")
            return
        from podtui.ui.screens.choose import Chooser

        self.app.push_screen(Chooser(f"Container of {self.ref}", self.containers, self.container), self._chosen)

    def _chosen(self, name: str | None) -> None:
        if name is not None and name != self.container:
            self.container = name
            self.view.follow(True)
            self._restart()

    # -- how they are shown -------------------------------------------------------------------------------------------

    def action_follow(self) -> None:
        self._message = ""
        self.view.follow(not self.view.following)

    def action_wrap(self) -> None:
        self._message = ""
        self.view.set_wrap(not self.view.wrap)

    def action_timestamps(self) -> None:
        self._message = ""
        self.view.set_times(not self.view.times)

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

    # -- searching ----------------------------------------------------------------------------------------------------

    def action_search(self) -> None:
        self._message = ""
        self._search_bar.open(self.view.pattern.text if self.view.pattern else "")

    @on(EntryBar.Submitted, "#logs-search")
    def _search(self, event: EntryBar.Submitted) -> None:
        event.stop()
        self._leave(self._search_bar)
        self.view.search(event.value)
        self._tell()

    @on(EntryBar.Cancelled)
    def _cancelled(self, event: EntryBar.Cancelled) -> None:
        event.stop()
        self._overwrite = None
        self._leave(event.bar)

    @on(EntryBar.Changed)
    def _typed(self, event: EntryBar.Changed) -> None:
        event.stop()
        if self._overwrite is not None:
            self._overwrite = None
            self._say("")

    def _leave(self, bar: EntryBar) -> None:
        bar.display = False
        self._message = ""
        self.view.focus()
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
            self.view.set_only_matches(not self.view.only_matches)

    def action_clear_search(self) -> None:
        if self.view.pattern is None:
            raise SkipAction()
        self._message = ""
        self.view.search("")

    # -- saving -------------------------------------------------------------------------------------------------------

    def action_save(self) -> None:
        if self.ref is None:
            return
        self._message = ""
        self._overwrite = None
        self._save_bar.open(f"./{self.ref.name}-{self.container or 'log'}.log")

    @on(EntryBar.Submitted, "#logs-save")
    def _save(self, event: EntryBar.Submitted) -> None:
        event.stop()
        path = Path(os.path.expanduser(event.value.strip()))
        if path.exists() and path != self._overwrite:
            self._overwrite = path
            self._say(f"{harmless(str(path))} is there already: Enter again overwrites it, Esc leaves it")
            return
        self._overwrite = None
        self._leave(self._save_bar)
        view = self.view
        only = view.pattern if view.only_matches else None
        parts = pieces(view.buffer.snapshot(), times=view.times, only=only)
        words = f"{'that match ' if only else ''}saved to {harmless(os.path.abspath(path))}"
        self.run_worker(self._write(path, parts, words), group="save", exit_on_error=False)

    async def _write(self, path: Path, parts: Iterator[tuple[str, int]], saved: str) -> None:
        try:
            count = await asyncio.to_thread(write_log, path, parts)
        except PodtuiError as error:
            self.notify(str(error), severity="error", markup=False)
        else:
            self.notify(f"{count:,} line{'' if count == 1 else 's'} {saved}", markup=False)


def _check_pattern(text: str) -> None:
    if text:
        try:
            Pattern(text)
        except ValueError as error:
            raise PodtuiError(str(error)) from error


def _check_path(text: str) -> None:
    path = Path(os.path.expanduser(text.strip()))
    if not text.strip():
        raise PodtuiError("a file's name is missing")
    if path.is_dir():
        raise PodtuiError(f"{harmless(str(path))} is a folder")
    if not path.parent.is_dir():
        raise PodtuiError(f"there is no folder {harmless(str(path.parent))}")


