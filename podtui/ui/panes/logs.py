"""The logs of one container of a pod: followed, searched, saved."""

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

from podtui.cluster.log_times import Times
from podtui.cluster.logs import LogBatch, LogFollower, LogOptions, LogStatus
from podtui.cluster.resources import ObjectRef
from podtui.cluster.session import Session
from podtui.errors import PodtuiError
from podtui.text import harmless
from podtui.ui.commands import bindings
from podtui.ui.log_file import LogFile
from podtui.ui.panes import logs_words
from podtui.ui.panes.logs_older import load_older
from podtui.ui.panes.logs_taking import LogTaking
from podtui.ui.widgets.entry_bar import EntryBar
from podtui.ui.widgets.log_times import SECOND, parse_time, time_words
from podtui.ui.widgets.log_view import LogView


class LogsPane(LogTaking):
    """`show()` a pod, or None. Bindings are the `logs` commands."""

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
        self.ref: ObjectRef | None = None
        self.container = ""
        self.containers: list[str] = []
        self.previous = False
        self.status = LogStatus()
        self._tail = log_tail
        self._range: LogOptions = LogOptions(tail=log_tail)
        self._range_words = ""
        self._follower: LogFollower | None = None
        self._ticker: Timer | None = None
        self._loading = False  # older lines

    def on_mount(self) -> None:
        self._choose_range(LogOptions(tail=self._tail), f"last {self._tail:,}")
        self._tell()

    def on_unmount(self) -> None:
        self._stop()

    # -- what is shown ----------------------------------------------------------------------------------------------

    def show(self, ref: ObjectRef | None, containers: Sequence[str] = (), container: str = "", previous: bool = False) -> None:
        """Follow the logs of a pod from the configured tail on; None stops. Without `container` it is kubectl's default."""
        self.ref = ref
        self.containers = list(containers)
        self.container = container
        self.previous = previous
        self._choose_range(LogOptions(tail=self._tail), f"last {self._tail:,}")
        if self.view.pattern is not None:
            self.view.end_search()
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
        self.workers.cancel_group(self, "older")

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
        self.view.set_empty(*logs_words.nothing(self.status, self.view))
        self._show_header()

    # -- which lines ------------------------------------------------------------------------------------------------

    def _read_again(self, options: LogOptions, name: str, *, from_top: bool = False) -> None:
        if self.ref is None:
            return
        self._choose_range(options, name)
        self.view.follow(not from_top)
        self._restart()

    @on(LogView.AtTop)
    def _at_top(self, event: LogView.AtTop) -> None:
        event.stop()
        if self.ref is not None and self.session.connection is not None and not self._loading:
            self.run_worker(self._load(self.ref), group="older", exit_on_error=False)

    async def _load(self, ref: ObjectRef) -> None:
        assert self.session.connection is not None
        self._loading = True
        self._say("reading older lines ...")
        try:
            words = await load_older(self.view, self.session.connection, ref, self.container, previous=self.previous)
        except PodtuiError as error:
            words = f"no older lines: {error.what}"
        finally:
            self._loading = False
        if self.ref == ref:
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
        if self.ref is not None:
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

    # -- saving -------------------------------------------------------------------------------------------------------

    def suggested_name(self) -> str:
        return f"{self.ref.name}-{self.container or 'log'}" if self.ref is not None else ""

    async def write_whole(self, path: Path, told: Callable[[int], None]) -> int:
        if self.ref is None or self.session.connection is None:
            raise PodtuiError("there is no connection to the API server")
        options = LogOptions(follow=False, previous=self.previous)
        follower = LogFollower(self.session.connection, self.ref, self.container, options)
        with LogFile(path) as file:

            async def take(batch: LogBatch) -> None:
                if batch.note:
                    return
                texts = batch.lines if self.view.times != "off" else Times().part(batch.lines, batch.continued)[1]
                ends = [text + ("" if place in batch.continued else "\n") for place, text in enumerate(texts)]
                await asyncio.to_thread(file.write, "".join(ends), len(ends) - len(batch.continued))
                told(file.count)

            await follower.run(take)
            if follower.status.state == "failed":
                raise follower.status.error or PodtuiError(follower.status.why)
            await asyncio.to_thread(file.keep)
        return file.count
