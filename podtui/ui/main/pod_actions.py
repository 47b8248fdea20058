"""What is done to objects from the main screen: each action finds its objects, asks whether it may, and opens a dialog."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from textual.screen import Screen

from podtui.cluster.exec.shells import why_not_yet
from podtui.cluster.session import Session
from podtui.kube.resources import NAMESPACES, PODS, ObjectRef
from podtui.ui.commands import BY_ID
from podtui.ui.main.layout import Panes
from podtui.ui.main.namespaces_pane import NamespacesPane
from podtui.ui.main.pods_pane import PodsPane
from podtui.ui.main.rights import Rights

if TYPE_CHECKING:
    from podtui.cluster.changes.deletion import Selected
    from podtui.ui.terminal.app import TerminalApp


class PodActions(Screen[None]):
    """The part of the main screen that acts. Dialogs are imported when they are first needed."""

    app: TerminalApp

    def __init__(self, session: Session, label_columns: tuple[str, ...]) -> None:
        super().__init__()
        self.session = session
        self.panes = Panes()
        self.rights = Rights(session, self.may_have_changed)
        self._namespaces = NamespacesPane(session)
        self._pods = PodsPane(session, label_columns)

    def may_have_changed(self) -> None:
        """What may be done is something else than before: the screen tells it anew."""

    def refusal(self, command_id: str) -> str:
        """Why the command cannot be carried out now, or "": with it the palette and the key hints dim it."""
        command = BY_ID.get(command_id)
        if command is None:
            return ""
        if command.permission is None:
            return self.rights.refusal(command_id, None)
        # Logs and ports are a pod's, also while the namespaces have the focus.
        current = self._pods.current
        refs = self._targets() if not command.permission.subresource else [] if current is None else [current]
        if command_id == "main.delete-selected":  # of a namespace the pods in it are meant, not itself
            refs = [ObjectRef(PODS, "", ref.name) if ref.resource is NAMESPACES else ref for ref in refs]
        if command_id == "main.create-namespace":
            refs = [ObjectRef(NAMESPACES, "")]
        if not refs:
            return f"{command.title}: nothing is selected"
        one_of_each = {ref.namespace or ref.name: ref for ref in refs}.values()  # a right is the same for all pods of a namespace
        refusal = next((refusal for ref in one_of_each if (refusal := self.rights.refusal(command_id, ref))), "")
        if command_id == "main.shell" and not refusal and (why := self._no_shell(refs[0])):
            return f"{command.title}: {why}"
        return refusal

    def _no_shell(self, ref: ObjectRef) -> str:
        row = self.session.pods.rows.get(ref.uid)
        return why_not_yet(row, self.session.pods.columns) if row is not None else ""

    def _may(self, command: str, ref: ObjectRef | None) -> bool:
        """Whether the command can be offered for the object; if not, says why."""
        refusal = self.rights.refusal(command, ref)
        if refusal:
            self.app.notify(refusal, severity="warning", markup=False)
        return not refusal

    def _targets(self) -> list[ObjectRef]:
        return self._namespaces.targets if self.panes.current == "namespaces" else self._pods.targets

    def _act(self, command: str, dialog: Callable[[list[ObjectRef]], Screen[Any]]) -> None:
        refusal = self.refusal(command)
        if refusal:
            self.app.notify(refusal, severity="warning", markup=False)
        else:
            self.app.push_screen(dialog(self._targets()))

    def action_label(self) -> None:
        from podtui.ui.dialogs.labels.dialog import LabelDialog

        self._act("main.label", lambda refs: LabelDialog(self.session, refs, "labels"))

    def action_annotate(self) -> None:
        from podtui.ui.dialogs.labels.dialog import LabelDialog

        self._act("main.annotate", lambda refs: LabelDialog(self.session, refs, "annotations"))

    def action_delete(self) -> None:
        from podtui.ui.dialogs.delete import DeleteDialog

        self._act("main.delete", lambda refs: DeleteDialog(self.session, refs))

    def action_delete_selected(self) -> None:
        """`D`: of the namespaces on show with their selector; in the namespaces pane, of the marked ones or the one under the cursor."""
        from podtui.ui.dialogs.select_pods import SelectPodsDialog

        refusal = self.refusal("main.delete-selected")
        if refusal:
            self.app.notify(refusal, severity="warning", markup=False)
            return
        scope = self.session.pods.scope
        if self.panes.current == "namespaces":
            namespaces, selector = tuple(ref.name for ref in self._targets()), ""
        else:
            namespaces, selector = scope.namespaces, scope.selector
        self.app.push_screen(SelectPodsDialog(self.session, namespaces, selector), self._delete_found)

    def _delete_found(self, found: tuple[Selected, list[ObjectRef]] | None) -> None:
        from podtui.ui.dialogs.delete import DeleteDialog

        if found is not None:
            selected, refs = found
            self.app.push_screen(DeleteDialog(self.session, refs, selected))

    def action_forward(self) -> None:
        from podtui.ui.forwards.dialog import ForwardDialog

        ref = self._pods.current
        if ref is not None and self._may("main.forward", ref):
            self.app.push_screen(ForwardDialog(self.session, ref))

    def action_shell(self) -> None:
        from podtui.ui.dialogs.shell import start_shell

        refusal, ref = self.refusal("main.shell"), self._pods.current
        if refusal or ref is None:
            self.app.notify(refusal, severity="warning", markup=False)
        else:
            start_shell(self.app, self.session, ref)

    def action_forwards(self) -> None:
        self.open_forwards()

    def open_forwards(self, start: Sequence[str] = ()) -> None:
        """The list of forwards; `start` names saved ones that are started at once."""
        from podtui.ui.forwards.screen import ForwardsScreen

        self.app.push_screen(ForwardsScreen(self.session, start))

    def action_edit(self) -> None:
        self._edit("main.edit", built_in=False)

    def action_edit_here(self) -> None:
        self._edit("main.edit-here", built_in=True)

    def _edit(self, command: str, *, built_in: bool) -> None:
        from podtui.ui.manifests.edit import start_editing

        current = self._namespaces.current if self.panes.current == "namespaces" else self._pods.current
        if current is None:
            self.app.notify("nothing is selected", markup=False)
        elif self._may(command, current):
            start_editing(self.app, self.session, current, built_in=built_in)

    def action_create(self) -> None:
        from podtui.ui.manifests.create import CreateDialog

        if self.panes.current == "namespaces":
            self.action_create_namespace()
        elif self._may("main.create", None):
            namespaces = self.session.pods.scope.namespaces
            self.app.push_screen(CreateDialog(self.session, namespaces[0] if len(namespaces) == 1 else ""))

    def action_create_namespace(self) -> None:
        from podtui.ui.manifests.create_namespace import CreateNamespaceDialog

        if self._may("main.create-namespace", ObjectRef(NAMESPACES, "")):
            self.app.push_screen(CreateNamespaceDialog(self.session))

    def action_undo(self) -> None:
        from podtui.ui.journal.undo_dialog import undo_last

        if self._may("main.undo", None):
            self.run_worker(undo_last(self.app, self.session), group="undo", exclusive=True, exit_on_error=False)

    def action_journal(self) -> None:
        from podtui.ui.journal.screen import JournalScreen

        self.app.push_screen(JournalScreen(self.session))

    def action_read_only(self) -> None:
        """`r`: on at any time; off unless the command line or the configuration asked for read-only."""
        if self.session.read_only and self.session.read_only_reason:
            self.app.notify(f"podtui stays read-only: {self.session.read_only_reason}", severity="warning", markup=False)
            return
        self.session.read_only = not self.session.read_only
        self.app.notify(
            "read-only: podtui sends nothing that changes the cluster" if self.session.read_only else "read-only is off", markup=False
        )
        self.may_have_changed()
