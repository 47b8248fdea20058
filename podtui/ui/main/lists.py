"""The lists on the screen: the namespaces at the left; at the right the pods, or temporarily another kind."""

from __future__ import annotations

from collections.abc import Sequence

from podtui.cluster.live.name_filter import parse_filter
from podtui.cluster.session import Session
from podtui.kube.resources import NODES, Scope
from podtui.ui.commands import Command
from podtui.ui.main.kinds import NAMESPACE_LIST, POD_LIST, Kind
from podtui.ui.main.layout import Panes
from podtui.ui.main.list_pane import ListPane
from podtui.ui.main.views import View


class Lists:
    """The list panes of a session, and the way from the pods to another kind, or to the pods of a node, and back."""

    def __init__(self, session: Session, panes: Panes, label_columns: Sequence[str]) -> None:
        self.session = session
        self.namespaces = ListPane(session, session.namespaces, NAMESPACE_LIST)
        self.pods = ListPane(session, session.pods, POD_LIST, columns=session.config.columns, label_columns=label_columns)
        self.right = self.pods
        self._panes = panes
        self._before_node: Scope | None = None

    @property
    def focused(self) -> ListPane:
        """The list that has the focus, or had it before the details or the logs."""
        return self.namespaces if self._panes.current == "namespaces" else self.right

    def of(self, command: Command) -> ListPane | None:
        """The list that a command applies to: the focused one, otherwise the one at the right; None if it is for other kinds."""
        return next((pane for pane in (self.focused, self.right) if command.is_for(pane.kind.plural)), None)

    def view(self) -> View:
        """What is listed now. Where one pane fills the screen, the namespaces are a view of their own."""
        pane = self.focused if self._panes.narrow else self.right
        scope = self.session.pods.scope if pane is self.pods else None
        return View(pane.kind.plural, scope, pane.filter.text)

    def known_nodes(self) -> set[str]:
        """The names of the nodes as far as the lists know them."""
        on = {self.pods.value(row, "Node") for row in self.pods.source.rows.values()}
        return (on | {row.name for row in self.right.source.rows.values() if self.right.resource == NODES}) - {"", "<none>"}

    # -- kinds --------------------------------------------------------------------------------------------------
    async def open(self, kind: Kind) -> ListPane:
        """Show another kind in place of the pods. Its list is live until `close`; the list of pods stays live, hidden."""
        if (gone := self.close()) is not None:
            await gone.remove()
        self.right = ListPane(self.session, self.session.open_list(kind.resource), kind)
        await self.pods.screen.get_widget_by_id("right").mount(self.right, after=self.pods)
        return self.right

    def close(self) -> ListPane | None:
        """Make the pods the list at the right again, as they were; returns the pane of the other kind, to be removed."""
        if self.right is self.pods:
            return None
        gone, self.right = self.right, self.pods
        self.session.close_list(gone.store)
        return gone

    # -- the pods of a node -------------------------------------------------------------------------------------
    def show_node(self, node: str) -> None:
        """Show the pods on a node, in all namespaces; `leave_node` leads back."""
        if not self.session.pods.scope.node:
            self._before_node = self.session.pods.scope
        self.pods.set_filter(parse_filter(""))
        self.session.show(namespaces=(), selector="", node=node)

    def leave_node(self) -> bool:
        """Go from the pods of a node back to those shown before; False if the list does not show a node's pods."""
        before = self._before_node
        if before is None or not self.session.pods.scope.node:
            return False
        self.session.show(namespaces=before.namespaces, selector=before.selector, node="")
        return True
