"""Fills a log view: the logs of a target, the range, and the status of reading."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from msgspec.structs import replace
from textual.timer import Timer
from textual.widget import Widget

from podtui.cluster.logs.follower import LogOptions, LogStatus
from podtui.cluster.logs.group import LogGroup, LogLines, LogTarget
from podtui.cluster.logs.older_lines import OldestLine, older_lines
from podtui.cluster.session import Session
from podtui.errors import PodtuiError
from podtui.kube.resources import ObjectRef
from podtui.text import counted, harmless
from podtui.ui.background import work, work_instead
from podtui.ui.logs.titles import status_of
from podtui.ui.logs.view.view import LogView

SETTLE = 0.1  # seconds between changes of the status: many sources change often
_FULL = "the buffer is full: it has no room for older lines (buffer_mb in config.yaml). Press Ctrl+S three times to save all lines"
_BEGINNING = "this is the beginning of the log that the server has"


class LogFeed:
    """Reads the logs of `target` into a view, as workers of a pane. `group` has the current logs, `status` their status."""

    def __init__(
        self, pane: Widget, session: Session, view: LogView, tail: int, changed: Callable[[], None], say: Callable[[str], None]
    ) -> None:
        """`tail` is the number of lines to fetch first; `changed` is called when the sources or the status change, `say` shows a message
        about the pressed key."""
        self.session = session
        self.target: LogTarget | None = None
        self.group: LogGroup | None = None
        self.previous = False
        self.status = LogStatus()
        self._pane = pane
        self._view = view
        self._changed = changed
        self._say = say
        self._tail = tail
        self._range, self._range_name = self._last_lines
        self._settling: Timer | None = None
        self._loading = False  # whether older lines are being read

    # -- reading ---------------------------------------------------------------------------------------------------

    @property
    def _last_lines(self) -> tuple[LogOptions, str]:
        return LogOptions(tail=self._tail), f"last {self._tail:,}"

    @property
    def range_name(self) -> str:
        """The range of the lines, in words."""
        group = self.group
        if group is not None and group.tail is not None and self._range.tail is not None and len(group.sources) > 1:
            return f"last {group.tail:,} of each"
        return self._range_name

    @property
    def pods(self) -> list[ObjectRef]:
        """The pods of the logs: those that are in the list of pods now, or all if none is."""
        target, group, rows = self.target, self.group, self.session.pods.rows
        if target is None:
            return []
        refs = {ref.uid: ref for ref in (*target.pods, *(source.ref for source in (group.sources if group is not None else ())))}
        found = [(ref, rows.get(uid)) for uid, ref in refs.items()]
        return [replace(ref, resource_version=row.resource_version) for ref, row in found if row is not None] or list(refs.values())

    def follow(self, target: LogTarget | None, *, previous: bool) -> None:
        """Follow other logs, starting with the configured tail; None stops."""
        self.target, self.previous = target, previous
        self._range, self._range_name = self._last_lines
        self.restart()

    def read_last(self) -> None:
        """Read again, starting with the configured tail."""
        self.read(*self._last_lines)

    def read(self, options: LogOptions, name: str, *, from_top: bool = False) -> None:
        """Read again with another range."""
        if self.target is not None:
            self._range, self._range_name = options, name
            self.read_target(self.target, follow=not from_top)

    def read_target(self, target: LogTarget, *, follow: bool = True) -> None:
        """Read other containers, or the same ones again, with the current range."""
        self.target = target
        self._view.browser.follow(follow)
        self.restart()

    def toggle_previous(self) -> None:
        """Read the container's previous run, or the current one again."""
        if self.target is not None:
            self.previous = not self.previous
            self.read_target(self.target)

    def restart(self) -> None:
        """Read the target and the range again."""
        self.stop()
        self.status = LogStatus()
        self._view.browser.clear()
        if self.target is not None:
            work_instead(self._pane, "logs", self._work, self.target)
        self._changed()
        self._say("")

    def retry(self) -> None:
        """Ask again now for what is waited for after a failure."""
        if self.group is not None:
            self.group.retry()

    def stop(self) -> None:
        self.group = None
        self._pane.workers.cancel_group(self._pane, "logs")
        self._pane.workers.cancel_group(self._pane, "older")

    async def _work(self, target: LogTarget) -> None:
        session = self.session
        while session.connection is None:
            opened = asyncio.Event()
            end = session.opened_signal.subscribe(lambda _, opened=opened: opened.set())  # type: ignore[misc]
            try:
                if session.error is not None:
                    self._set_status(LogStatus("connecting", session.error.what))
                await opened.wait()
            finally:
                end()
        options = LogOptions(tail=self._range.tail, since=self._range.since, previous=self.previous)
        group = self.group = LogGroup(session.connection, target, options)
        end = group.changed.subscribe(lambda _: self._group_changed(group))
        try:
            await group.run(self._append)
        finally:
            end()

    def _append(self, came: LogLines) -> None:
        if came.stamped:
            self._view.append_stamped(came.stamped, came.source)
            return
        self._view.append(came.lines, came.continued, times=came.times, sources=came.sources, notes=came.notes)

    # -- status -----------------------------------------------------------------------------------------------------

    def _group_changed(self, group: LogGroup) -> None:
        """The sources or their states changed: show that soon, but not too often."""
        if self.group is not group:
            return
        if len(group.sources) == 1:
            self.update_status()
        elif self._settling is None:
            self._settling = self._pane.set_timer(SETTLE, self.update_status)

    def update_status(self) -> None:
        self._settling = None
        if self.group is not None:
            self._set_status(status_of(self.group))

    def fail(self, error: BaseException | None) -> None:
        """A worker ended with an error: show it, even one that should never happen."""
        words = error.what if isinstance(error, PodtuiError) else f"{type(error).__name__}: {error}"
        self._set_status(LogStatus("failed", harmless(words), final=True))

    def _set_status(self, status: LogStatus) -> None:
        self.status = status
        self._changed()

    # -- older lines --------------------------------------------------------------------------------------------------

    def read_older(self) -> None:
        """Add older lines of the only source before the others."""
        group = self.group
        if group is None or not group.sources or self._loading:
            return
        if len(group.sources) == 1:
            work(self._pane, "older", self._load_older, group)
        elif self._range != LogOptions():
            self._say("several logs are shown: 1 reads them from their beginnings")

    async def _load_older(self, group: LogGroup) -> None:
        self._loading = True
        self._say("reading older lines…")
        try:
            message = await self._prepend_older(group)
        except PodtuiError as error:
            message = f"no older lines: {error.what}"
        finally:
            self._loading = False
        if self.group is group:
            self._say(message)

    async def _prepend_older(self, group: LogGroup) -> str:
        """Returns a message about the number of added lines. Raises PodtuiError."""
        view, source, connection = self._view, group.sources[0], self.session.connection
        assert connection is not None
        oldest = oldest_of(view)
        if oldest is None:
            return _BEGINNING
        if view.browser.buffer.size >= view.browser.buffer.limit * 15 // 16:
            return _FULL
        found = await older_lines(connection, source.ref, source.container, oldest, previous=self.previous)
        if not found.lines:
            return _BEGINNING
        count = view.browser.prepend(found.lines, found.continued, found.times)
        if count < len(found.lines):
            return _FULL
        return f"{counted(count, 'older line')} {'was' if count == 1 else 'were'} read" + (f"; {_BEGINNING}" if found.whole else "")


def oldest_of(view: LogView) -> OldestLine | None:
    """The oldest line with a time, and the number of lines in the buffer, not counting remarks and pieces."""
    buffer = view.browser.buffer
    count = sum(len(block) - len(block.notes) - len(block.continued) for block in buffer.blocks)
    for block in buffer.blocks:
        for place, at in enumerate(block.times):
            if at and place not in block.notes:
                return OldestLine(at, block.line(place), count)
    return None
