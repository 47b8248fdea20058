"""What the main screen does with nodes, and with what a diagnosis offers: each opens the view or the dialog for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from textual import on
from textual.screen import Screen

from podtui.cluster.diagnose.findings import Action
from podtui.cluster.live.name_filter import parse_filter
from podtui.cluster.session import Session
from podtui.kube.resources import ObjectRef
from podtui.ui.details.pane import DetailsPane
from podtui.ui.main.pod_actions import PodActions


class NodeActions(PodActions):
    """The part of the main screen that knows of nodes and of the diagnosis."""

    def __init__(self, session: Session, label_columns: tuple[str, ...]) -> None:
        super().__init__(session, label_columns)
        self._details = DetailsPane(session)
        self._before_node = session.pods.scope  # what was shown before the pods of a node

    def go(self, pane: str) -> None:
        """Give a pane the focus, and show it."""

    def rescoped(self) -> None:
        """The scope of the pods is another one."""

    def open_logs(self, previous: bool, ref: ObjectRef | None = None, container: str = "") -> None:
        """The logs of a pod (None: of what is under the cursor), of its previous run too."""

    # -- nodes --------------------------------------------------------------------------------------------------
    def action_nodes(self) -> None:
        """The nodes, with the cursor on that of the pod."""
        row = self.session.pods.rows.get(self._pods.table.cursor_key)
        place = next((place for place, column in enumerate(self.session.pods.columns) if column.name == "Node"), -1)
        node = str(row.cells[place]) if row is not None and 0 <= place < len(row.cells) else ""
        self.show_nodes("" if node == "<none>" else node)

    def show_nodes(self, node: str = "") -> None:
        """The nodes, with the cursor on one; from there one may come back to the pods of a node."""
        from podtui.ui.main.nodes_screen import NodesScreen

        self.app.push_screen(NodesScreen(self.session, node), self._node_chosen)

    def _node_chosen(self, node: str | None) -> None:
        if not node:
            return
        if not self.session.pods.scope.node:
            self._before_node = self.session.pods.scope
        self._pods.set_filter(parse_filter(""))
        self.session.show(namespaces=(), selector="", node=node)
        self.rescoped()
        self.go("pods")

    def leave_node(self) -> None:
        """From the pods of a node back to those that were shown before."""
        before = self._before_node
        self.session.show(namespaces=before.namespaces, selector=before.selector, node="")
        self.rescoped()

    # -- what a diagnosis offers --------------------------------------------------------------------------------
    @on(DetailsPane.Offered)
    def _offered(self, event: DetailsPane.Offered) -> None:
        from podtui.ui.dialogs.choose import Chooser

        def chosen(title: str | None) -> None:
            action = next((action for action in event.actions if action.title == title), None)
            if action is not None:
                self._do(action)

        self.app.push_screen(Chooser("Suggested actions", [action.title for action in event.actions]), chosen)

    def _do(self, action: Action) -> None:
        """Open what does it; whether it may be done is asked there as ever."""
        if action.kind == "show-node":
            self.show_nodes(action.ref.name)
        elif action.kind in ("logs", "previous-logs"):
            self.open_logs(action.kind == "previous-logs", action.ref, action.text)
        else:
            self._change(action, lambda _: self._details.ask_again())

    def _change(self, action: Action, done: Callable[[Any], None]) -> None:
        """Open the dialog of a change that a diagnosis offers."""
        from podtui.ui.dialogs.cordon import CordonDialog
        from podtui.ui.dialogs.delete import DeleteDialog
        from podtui.ui.dialogs.labels.dialog import LabelDialog

        commands = {"label-node": "nodes.label", "uncordon": "nodes.cordon", "delete": "main.delete"}
        if not self._may(commands[action.kind], action.ref):
            return
        if action.kind == "label-node":
            dialog: Screen[Any] = LabelDialog(self.session, [action.ref], "labels", action.text)
        elif action.kind == "uncordon":
            dialog = CordonDialog(self.session, [action.ref], False)
        else:
            dialog = DeleteDialog(self.session, [action.ref])
        self.app.push_screen(dialog, done)
