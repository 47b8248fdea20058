"""Tabs of the details: a tab turns an object into text, and may work while it is shown."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Protocol

from textual.widget import Widget

from podtui.kube.resources import ObjectRef
from podtui.ui.background import work_instead
from podtui.ui.widgets.text_document import Highlight, Line

if TYPE_CHECKING:
    from podtui.cluster.diagnose.findings import Action
    from podtui.cluster.session import Session


class TabText(NamedTuple):
    lines: Sequence[Line]
    highlight: Highlight | None = None


class TabHost(Protocol):
    """What a tab knows about its pane."""

    session: Session

    def refresh_tab(self) -> None:
        """The text of the tab has changed."""

    def key_of(self, tab: str) -> str:
        """The key that shows another tab of the same object, "" when the kind has no such tab."""

    def key_of_command(self, command_id: str) -> str:
        """The key of any command."""


class Tab(ABC):
    """A tab in one pane, whatever object it shows.

    The pane asks a tab that is not `heavy` for its text every second, since ages grow and `work` may have read something.
    The text of a heavy tab depends on the object alone: it is made once for each version, in a thread when the object is large.
    """

    heavy: ClassVar[bool] = False
    at_end: ClassVar[bool] = False
    """Whether the newest lines come last, so that the text opens at its end."""
    ages_when_gone: ClassVar[bool] = True
    """Whether ages keep growing when the object is gone."""

    def __init__(self, host: TabHost) -> None:
        self.host = host

    @abstractmethod
    def text(self, obj: Mapping[str, Any], width: int) -> TabText:
        """The text now, prose folded at `width` columns."""

    @property
    def variant(self) -> Hashable:
        """Identifies which of several texts of one version a heavy tab makes."""
        return None

    def topic(self, ref: ObjectRef, obj: Mapping[str, Any]) -> Hashable:
        """Identifies what `work` is for, None for no work: when it changes, the work starts again."""
        return None

    async def work(self, ref: ObjectRef, obj: Mapping[str, Any]) -> None:
        """Keep what `text` needs up to date, until cancelled or done. Runs only while the tab is shown."""
        return

    def forget(self) -> None:
        """The pane shows another object: forget what is known about the last one."""
        return

    def ask_again(self) -> None:
        """The user chose the tab again."""
        return

    def toggle(self) -> bool:
        """Show or hide what the tab leaves out at first; False when there is nothing to toggle."""
        return False

    @property
    def hint(self) -> str:
        """The text at the right of the pane's first line, "" for none."""
        return ""

    @property
    def actions(self) -> Sequence[Action]:
        """The actions that the user may choose."""
        return ()


@dataclass(frozen=True)
class TabDescription:
    """A tab of a kind of object. `short` is its title where there is little room; `command` is the id of the command that shows it,
    whose key stands before the title."""

    name: str
    title: str
    command: str
    make: Callable[[TabHost], Tab]
    short: str = ""


class KindTabs(NamedTuple):
    """The tabs of a kind of object in order. `default` replaces a tab that the kind does not have."""

    tabs: Sequence[TabDescription]
    default: str

    def find(self, name: str) -> TabDescription | None:
        return next((tab for tab in self.tabs if tab.name == name), None)


class TabWork:
    """At most one tab of a pane works at a time, as a worker of the pane."""

    GROUP = "details-live"

    def __init__(self, pane: Widget) -> None:
        self._pane = pane
        self._working: Hashable = None

    def follow(self, tab: Tab | None, ref: ObjectRef | None, obj: Mapping[str, Any]) -> None:
        """Start, continue or end the work, depending on the tab and object shown: without either there is none."""
        topic = tab.topic(ref, obj) if tab is not None and ref is not None and obj else None
        working = None if topic is None else (tab, topic)
        if working == self._working:
            return
        self._working = working
        self._pane.workers.cancel_group(self._pane, self.GROUP)
        if working is not None and tab is not None and ref is not None:
            work_instead(self._pane, self.GROUP, tab.work, ref, obj)
