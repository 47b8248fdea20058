"""What a tab of the details is: it makes text of an object, and may work while it is on show."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Protocol

from textual.widget import Widget

from podtui.kube.resources import ObjectRef
from podtui.ui.widgets.text_document import Highlight, Line

if TYPE_CHECKING:
    from podtui.cluster.diagnose.findings import Action
    from podtui.cluster.session import Session


class TabText(NamedTuple):
    lines: Sequence[Line]
    highlight: Highlight | None = None


class TabHost(Protocol):
    """What a tab knows of the pane that it is in."""

    session: Session

    def refresh_tab(self) -> None:
        """The text of the tab is another one now."""

    def key_of(self, tab: str) -> str:
        """The key that shows another tab of the same object, "" when the kind has no such tab."""


class Tab(ABC):
    """A tab in one pane, whatever object it shows.

    A tab that is not `heavy` is asked for its text every second, since ages go on and `work` may have read something. The
    text of a heavy one comes of the object alone: it is made once for each version, in a thread when the object is large.
    """

    heavy: ClassVar[bool] = False
    at_end: ClassVar[bool] = False
    """Whether the newest lines are the last ones, and so are those to look at first."""
    ages_when_gone: ClassVar[bool] = True
    """Whether ages go on when the object is gone."""

    def __init__(self, host: TabHost) -> None:
        self.host = host

    @abstractmethod
    def text(self, obj: Mapping[str, Any], width: int) -> TabText:
        """The text now, prose folded at `width` columns."""

    @property
    def variant(self) -> Hashable:
        """Which of several texts of one version a heavy tab makes."""
        return None

    def topic(self, ref: ObjectRef, obj: Mapping[str, Any]) -> Hashable:
        """What `work` is about, None for no work: when it is something else, the work begins anew."""
        return None

    async def work(self, ref: ObjectRef, obj: Mapping[str, Any]) -> None:
        """Keep what `text` needs up to date, until it is cancelled or done. Runs only while the tab is on show."""
        return

    def forget(self) -> None:
        """Another object is shown: what is known of the last one does not count any more."""
        return

    def ask_again(self) -> None:
        """The user chose the tab once more."""
        return

    def toggle(self) -> bool:
        """Show or hide what the tab leaves out at first; False when there is no such thing."""
        return False

    @property
    def hint(self) -> str:
        """What stands at the right of the pane's first line, "" for nothing."""
        return ""

    @property
    def actions(self) -> Sequence[Action]:
        """What the user may choose to do."""
        return ()


@dataclass(frozen=True)
class TabDescription:
    """A tab that a kind of object has. `short` is its title where there is little room; `command` is the id of the command that
    shows it, whose key stands before the title."""

    name: str
    title: str
    command: str
    make: Callable[[TabHost], Tab]
    short: str = ""


class KindTabs(NamedTuple):
    """The tabs of a kind of object in their order. `default` stands for one that the kind does not have."""

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
        """Begin, go on with or end the work, as what is on show asks for: no tab, or no object, means none."""
        topic = tab.topic(ref, obj) if tab is not None and ref is not None and obj else None
        working = None if topic is None else (tab, topic)
        if working == self._working:
            return
        self._working = working
        self._pane.workers.cancel_group(self._pane, self.GROUP)
        if working is not None and tab is not None and ref is not None:
            self._pane.run_worker(tab.work(ref, obj), exclusive=True, group=self.GROUP, exit_on_error=False)
