"""The logs of one container or of many: which ones, from where on, and how they stand."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import ClassVar

from textual import on
from textual.binding import Binding
from textual.timer import Timer
from textual.worker import Worker, WorkerState

from podtui.cluster.logs.follower import LogOptions, LogStatus
from podtui.cluster.logs.group import LogGroup, LogLines, LogTarget
from podtui.cluster.session import Session
from podtui.errors import PodtuiError
from podtui.kube.resources import ObjectRef
from podtui.text import harmless
from podtui.ui.commands import bindings
from podtui.ui.logs import titles
from podtui.ui.logs.file import LogFile
from podtui.ui.logs.lines.text import time_text
from podtui.ui.logs.lines.times import SECOND, parse_time, time_words
from podtui.ui.logs.logs_older import load_older
from podtui.ui.logs.sources import LogChoosing
from podtui.ui.logs.view.source_names import SourceNames
from podtui.ui.logs.view.view import LogView
from podtui.ui.widgets.entry_bar import EntryBar

TOLD = 0.1  # seconds between two words about how things stand: many sources change often


class LogsPane(LogChoosing):
    """`follow()` what is wanted, or None. Bindings are the `logs` commands."""

    BINDINGS: ClassVar[list[Binding]] = bindings("logs")  # type: ignore[assignment]

    DEFAULT_CSS = """
    LogsPane { height: 1fr; }
    LogsPane > TextLine { background: $panel; }
    LogsPane:focus-within > #logs-title { background: $primary; color: $background; }
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
        view = LogView(max(1, buffer_mb) << 20, times="local" if timestamps else "off", wrap=wrap, id="logs-view")
        super().__init__(view, id=id)
        self.session = session
        self.previous = False
        self.status = LogStatus()
        self._tail = log_tail
        self._range: LogOptions = LogOptions(tail=log_tail)
        self._range_words = ""
        self._ticker: Timer | None = None
        self._loading = False  # older lines
        self._teller: Timer | None = None

    def on_mount(self) -> None:
        self._choose_range(LogOptions(tail=self._tail), f"last {self._tail:,}")
        self._tell()

    def on_unmount(self) -> None:
        self._stop()

    # -- what is shown ----------------------------------------------------------------------------------------------

    def show(self, ref: ObjectRef | None, container: str = "", previous: bool = False) -> None:
        """Follow the logs of one pod; None stops. Without `container` it is kubectl's default."""
        self.follow(None if ref is None else LogTarget((ref,), containers=(container,) if container else ()), previous=previous)

    def follow(self, target: LogTarget | None, *, previous: bool = False) -> None:
        """Follow logs from the configured tail on; None stops."""
        self.target = target
        self.previous = previous
        self._hidden.clear()
        self._choose_range(LogOptions(tail=self._tail), f"last {self._tail:,}")
        if self.view.pattern is not None:
            self.view.end_search()
        self._restart()

    def _choose_range(self, options: LogOptions, name: str) -> None:
        self._range, self._range_words = options, name

    def _restart(self) -> None:
        """Read anew what the target and the range say."""
        self._stop()
        self._message = ""
        self.status = LogStatus()
        self.view.clear()
        self._names = []
        self.view.set_names(SourceNames())
        self.view.hide(())
        if self.target is not None:
            self.run_worker(self._work(self.target), group="logs", exclusive=True, exit_on_error=False)
        self._tell()

    def _stop(self) -> None:
        self.group = None
        self.workers.cancel_group(self, "logs")
        self.workers.cancel_group(self, "older")

    async def _work(self, target: LogTarget) -> None:
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
        group = self.group = LogGroup(session.connection, target, options)
        end = group.changed.subscribe(lambda _: self._changes(group))
        try:
            await group.run(self._take)
        finally:
            end()

    def _take(self, came: LogLines) -> None:
        self.view.append(came.lines, came.continued, times=came.times, sources=came.sources, notes=came.notes)

    def _changes(self, group: LogGroup) -> None:
        """The sources or their states are others: said soon, and not too often."""
        if self.group is not group:
            return
        if len(group.sources) == 1:
            self._sources_changed()
        elif self._teller is None:
            self._teller = self.set_timer(TOLD, self._sources_changed)

    def _sources_changed(self) -> None:
        self._teller = None
        if self.group is None:
            return
        self._show_names()
        self._told(titles.status_of(self.group))

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """Nothing fails silently, not even what should never happen."""
        if event.state == WorkerState.ERROR and event.worker.node is self:
            error = event.worker.error
            words = error.what if isinstance(error, PodtuiError) else f"{type(error).__name__}: {error}"
            self._told(LogStatus("failed", harmless(words), final=True))

    def _told(self, status: LogStatus) -> None:
        self.status = status
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
        if self.target is None:
            self._title.show([(" Logs", "title")])
            self._foot.show([])
            self.view.set_empty("no pod chosen")
            return
        state = f"{titles.state(self.status, self.view)} "
        title = titles.title_of(self.target, self.group, self._hidden_numbers, self.previous)
        self._title.show(title, [(state, titles.style(self.status))])
        counts = [(f" {self._message}", "warn")] if self._message else titles.counts(self.status, self.view, self._words_of_range)
        self._foot.show(counts, [*titles.left_out_of(self.group), *titles.flags(self.view)])
        self.view.set_empty(*titles.nothing(self.status, self.view))
        self._show_header()

    # -- which lines ------------------------------------------------------------------------------------------------

    @property
    def _words_of_range(self) -> str:
        group = self.group
        if group is not None and group.tail is not None and self._range.tail is not None and len(group.sources) > 1:
            return f"last {group.tail:,} of each"
        return self._range_words

    def _read_again(self, options: LogOptions, name: str, *, from_top: bool = False) -> None:
        if self.target is None:
            return
        self._choose_range(options, name)
        self.view.follow(not from_top)
        self._restart()

    @on(LogView.AtTop)
    def _at_top(self, event: LogView.AtTop) -> None:
        event.stop()
        group = self.group
        if group is None or not group.sources or self._loading:
            return
        if len(group.sources) == 1:
            self.run_worker(self._load(group), group="older", exit_on_error=False)
        elif self._range != LogOptions():
            self._say("older lines of several logs: 1 reads them from their beginnings")

    async def _load(self, group: LogGroup) -> None:
        assert self.session.connection is not None
        self._loading = True
        self._say("reading older lines ...")
        source = group.sources[0]
        try:
            words = await load_older(self.view, self.session.connection, source.ref, source.container, previous=self.previous)
        except PodtuiError as error:
            words = f"no older lines: {error.what}"
        finally:
            self._loading = False
        if self.group is group:
            self._say(words)

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

    def action_since(self) -> None:
        if self.target is not None:
            self._message = ""
            self._since_bar.open()

    @on(EntryBar.Submitted, "#logs-since")
    def _since_typed(self, event: EntryBar.Submitted) -> None:
        """`sinceSeconds` counts from now by the server's clock, as kubectl's --since does."""
        event.stop()
        self._leave(self._since_bar)
        if event.value.strip():
            at = parse_time(event.value)
            seconds = max(1, math.ceil(time.time() - at / SECOND))
            self._read_again(LogOptions(since=seconds), f"since {time_words(at, 'local')[:19].replace('T', ' ')}")

    def action_previous(self) -> None:
        if self.target is not None:
            self.previous = not self.previous
            self.view.follow(True)
            self._restart()

    # -- saving -------------------------------------------------------------------------------------------------------

    def suggested_name(self) -> str:
        if self.target is None:
            return ""
        pod, group = self._one_pod, self.group
        if pod is None:
            return f"{len(self.target.pods)}-pods" if self.target.pods else "pods"
        shown = [] if group is None else [source.container for source in group.sources if source.number not in self._hidden_numbers]
        return f"{pod.name}-{shown[0] or 'log' if len(shown) == 1 else 'log'}"

    def prefixes(self) -> Sequence[str]:
        return [] if self.group is None else titles.prefixes_of(self.group.sources)

    async def write_whole(self, path: Path, told: Callable[[int], None]) -> int:
        if self.target is None or self.session.connection is None:
            raise PodtuiError("there is no connection to the API server")
        shown = [] if self.group is None else [each for each in self.group.sources if each.number not in self._hidden_numbers]
        options = LogOptions(follow=False, previous=self.previous)
        group = LogGroup(self.session.connection, self.target.now(shown), options)
        with LogFile(path) as file:

            def take(came: LogLines) -> None:
                prefixes = titles.prefixes_of(group.sources)
                ends, piece = [], False
                for place, text in enumerate(came.lines):
                    if place in came.notes:
                        continue
                    time = f"{time_text(came.times[place])} " if self.view.times != "off" and not piece and came.times[place] else ""
                    prefix = prefixes[came.sources[place]] if prefixes and not piece else ""
                    piece = place in came.continued
                    ends.append(f"{prefix}{time}{text}" + ("" if piece else "\n"))
                file.write("".join(ends), len(ends) - len(came.continued))
                told(file.count)

            await group.run(take)
            failed = [source.status for source in group.sources if source.status.state == "failed"]
            if failed:
                raise failed[0].error or PodtuiError(failed[0].why)
            await asyncio.to_thread(file.keep)
        return file.count
