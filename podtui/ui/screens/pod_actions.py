"""What is done to objects from the main screen: each action finds its objects, asks whether it may, and opens a dialog."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from textual.screen import Screen

from podtui.cluster.resources import ObjectRef
from podtui.cluster.session import Session
from podtui.ui.layout import Panes
from podtui.ui.panes.namespaces import NamespacesPane
from podtui.ui.panes.pods import PodsPane
from podtui.ui.rights import Rights


class PodActions(Screen[None]):
    """The part of the main screen that acts. Dialogs are imported when they are first needed."""

    def __init__(self, session: Session, label_columns: tuple[str, ...]) -> None:
        super().__init__()
        self.session = session
        self.panes = Panes()
        self.rights = Rights(session)
        self._namespaces = NamespacesPane(session)
        self._pods = PodsPane(session, label_columns)

    def _may(self, command: str, ref: ObjectRef | None) -> bool:
        """Whether the command can be offered for the object; if not, says why."""
        refusal = self.rights.refusal(command, ref)
        if refusal:
            self.app.notify(refusal, severity="warning", markup=False)
        return not refusal

    def _targets(self) -> list[ObjectRef]:
        if self.panes.current == "namespaces":
            current = self._namespaces.current
            return [] if current is None else [current]
        return self._pods.targets

    def _act(self, command: str, dialog: Callable[[list[ObjectRef]], Screen[Any]]) -> None:
        targets = self._targets()
        if not targets:
            self.app.notify("nothing is under the cursor", markup=False)
        elif self._may(command, targets[0]):
            self.app.push_screen(dialog(targets))

    def action_label(self) -> None:
        from podtui.ui.screens.label import LabelDialog

        self._act("main.label", lambda refs: LabelDialog(self.session, refs, "labels"))

    def action_annotate(self) -> None:
        from podtui.ui.screens.label import LabelDialog

        self._act("main.annotate", lambda refs: LabelDialog(self.session, refs, "annotations"))

    def action_delete(self) -> None:
        from podtui.ui.screens.delete import DeleteDialog

        self._act("main.delete", lambda refs: DeleteDialog(self.session, refs))

    def action_forward(self) -> None:
        from podtui.ui.screens.forward import ForwardDialog

        ref = self._pods.current
        if ref is not None and self._may("main.forward", ref):
            self.app.push_screen(ForwardDialog(self.session, ref))

    def action_forwards(self) -> None:
        from podtui.ui.screens.forwards import ForwardsScreen

        self.app.push_screen(ForwardsScreen(self.session))

    def action_create(self) -> None:
        from podtui.ui.screens.create import CreateDialog

        namespaces = self.session.pods.scope.namespaces
        if self._may("main.create", None):
            self.app.push_screen(CreateDialog(self.session, namespaces[0] if len(namespaces) == 1 else self.session.settings.namespace))

    @property
    def subject_or_none(self) -> ObjectRef | None:
        """What an action would be on, for the palette to know what may be offered."""
        targets = self._targets()
        return targets[0] if targets else None

    def action_read_only(self) -> None:
        """`r`: on at any time; off unless the command line or the configuration asked for read-only."""
        if self.session.read_only and self.session.config.is_read_only(self.session.settings.context):
            self.app.notify("this context is read-only by config.yaml", severity="warning", markup=False)
            return
        self.session.read_only = not self.session.read_only
        self.app.notify(
            "read-only: nothing that changes the cluster is sent" if self.session.read_only else "read-only is off", markup=False
        )
