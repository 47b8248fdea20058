"""The panes under the list: the details of an object, or logs. Where one pane fills the screen, they take its place."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from textual.timer import Timer

from podtui.cluster.session import Session
from podtui.kube.resources import ObjectRef
from podtui.ui.background import import_in_thread
from podtui.ui.details.pane import DetailsPane
from podtui.ui.main.layout import Panes
from podtui.ui.main.lists import Lists

if TYPE_CHECKING:
    from podtui.ui.logs.pane import LogsPane

FOLLOW_DELAY = 0.2  # seconds that the cursor rests on an object before the details fetch it
LOGS = ("podtui.cluster.logs.group", "podtui.ui.logs.view.view", "podtui.ui.logs.pane")


class LowerPanes:
    """What the details and the logs show. At most one of them is open, the one that `Panes.lower` names."""

    def __init__(self, session: Session, panes: Panes, lists: Lists, go: Callable[[str], None], arrange: Callable[[], None]) -> None:
        """`go` shows a pane and gives it the focus, `arrange` shows what `panes` says."""
        self._session = session
        self._panes = panes
        self._lists = lists
        self._go = go
        self._arrange = arrange
        self.details = DetailsPane(session)
        self._logs: LogsPane | None = None  # created when the user first opens logs
        self.by_name: dict[str, DetailsPane | LogsPane] = {"details": self.details}
        self._following: Timer | None = None

    # -- details ------------------------------------------------------------------------------------------------
    def follow_cursor_soon(self) -> None:
        """Show the details of the object at the cursor once the cursor rests."""
        if self._following is not None:
            self._following.stop()
        if self._panes.lower == "details" and not self._panes.narrow:
            self._following = self.details.set_timer(FOLLOW_DELAY, self.follow_cursor)

    def follow_cursor(self) -> None:
        """Show the details of the object at the cursor, unless one is read: it stays, also when its row goes."""
        current = self._lists.right.current
        read = self._panes.current == "details" and self.details.shown is not None
        if self._panes.lower == "details" and current is not None and not read:
            self.details.show(current, self.details.tab)

    def show_details(self, ref: ObjectRef | None, tab: str) -> None:
        """Show an object (None: what is shown stays) on the tab of that name, or on its kind's default tab."""
        if ref is not None:
            self.details.show(ref, tab)
            self._end_logs()  # the details take their place: nobody would see the lines
            self._panes.lower = "details"
            if self._panes.narrow:
                self._go("details")
            else:
                self._arrange()

    def open_details(self, ref: ObjectRef | None, tab: str) -> None:
        """Show details of an object; again: go there, and repeat a diagnosis."""
        again = self._panes.lower == "details" and ref is not None and self.details.shows(ref, tab)
        if again and tab == "why":
            self.details.ask_again()
        self.show_details(ref, tab)
        if again:
            self._go("details")

    # -- logs ---------------------------------------------------------------------------------------------------
    async def show_logs(self, refs: Sequence[ObjectRef] | None, container: str = "", *, previous: bool = False) -> None:
        """Show the logs of these pods; None: of every pod in the list, including pods that join it later."""
        await import_in_thread(LOGS)
        from podtui.cluster.logs.group import LogTarget

        if refs is not None:
            target = LogTarget(tuple(refs), containers=(container,) if container else ())
        else:
            target = LogTarget(scope=self._session.pods.scope, every=True, passes=self._lists.pods.passes)
        if self._logs is None:
            from podtui.ui.logs.pane import LogsPane

            log = self._session.config.log
            self._logs = LogsPane(self._session, log_tail=log.tail, buffer_mb=log.buffer_mb, timestamps=log.timestamps, wrap=log.wrap)
            self.by_name["logs"] = self._logs
            await self.details.screen.get_widget_by_id("right").mount(self._logs)
        self._logs.follow(target, previous=previous)
        self._panes.lower = "logs"
        self._go("logs")

    def retry(self) -> None:
        """Ask again now for logs that are waited for after a failure."""
        if self._logs is not None:
            self._logs.retry()

    def _end_logs(self) -> None:
        if self._logs is not None:
            self._logs.follow(None)

    # -- both ---------------------------------------------------------------------------------------------------
    def close(self) -> bool:
        """Close what was opened below the list; details that are always there return to their first tab. False if nothing was."""
        panes, current = self._panes, self._lists.right.current
        if panes.lower == "logs":
            self._end_logs()
            panes.lower = "details" if panes.follows else ""
            self.follow_cursor()  # which moved beside the logs
        elif panes.lower and not panes.narrow and not panes.follows:
            panes.lower = ""
        elif panes.lower and not panes.narrow and current is not None and not self.details.shows(current, ""):
            self.details.show(current, "")
        else:
            return False
        self._arrange()
        return True
