"""Tabs of the details whose text comes from more than the object: events, a diagnosis, the pods of a node.

Each asks the API server only while it is on show: `work` runs then, and is cancelled when another tab, another object or nothing is shown.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from textual.widget import Widget

from podtui.kube.resources import ObjectRef
from podtui.ui.widgets.text_document import Line

if TYPE_CHECKING:
    from podtui.cluster.session import Session

Changed = Callable[[], None]


class LiveTab(Protocol):
    """`changed`, given when it is made, is called when `lines` would say something else."""

    at_end: bool
    """Whether the newest lines are the last ones, and so are those to look at first."""

    def __init__(self, session: Session, changed: Changed) -> None: ...

    def topic(self, ref: ObjectRef, obj: Mapping[str, Any]) -> Hashable:
        """What the work is about: when it is something else, the work begins anew."""

    async def work(self, ref: ObjectRef, obj: Mapping[str, Any]) -> None:
        """Keep what `lines` needs up to date until it is cancelled, or done."""

    def lines(self, obj: Mapping[str, Any], width: int) -> list[Line]:
        """The text now, prose folded at `width` columns."""

    def forget(self) -> None:
        """Another object is shown: what is known of the last one does not count any more."""


class LiveTabs:
    """The live tabs of one pane, by their names: at most one of them works, as a worker of the pane."""

    GROUP = "details-live"

    def __init__(self, pane: Widget, tabs: Mapping[str, LiveTab]) -> None:
        self._pane = pane
        self._tabs = tabs
        self._working: Hashable = None

    def __contains__(self, name: str) -> bool:
        return name in self._tabs

    def __getitem__(self, name: str) -> LiveTab:
        return self._tabs[name]

    def forget(self) -> None:
        """Another object is shown."""
        for tab in self._tabs.values():
            tab.forget()

    def work(self, name: str, ref: ObjectRef | None, obj: Mapping[str, Any]) -> None:
        """Begin, go on with or end the work, as what is on show asks for: no tab of that name, or no object, means none."""
        tab = self._tabs.get(name) if obj else None
        working = (name, tab.topic(ref, obj)) if tab is not None and ref is not None else None
        if working == self._working:
            return
        self._working = working
        self._pane.workers.cancel_group(self._pane, self.GROUP)
        if tab is not None and ref is not None:
            self._pane.run_worker(tab.work(ref, obj), exclusive=True, group=self.GROUP, exit_on_error=False)
