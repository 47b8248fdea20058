"""Actions on the selected objects: each opens a dialog. Dialogs are imported when first needed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal, cast

from textual.screen import Screen

from podtui.cluster.exec.rows import why_not_yet
from podtui.cluster.session import Session
from podtui.kube.resources import NAMESPACES, PODS, ObjectRef
from podtui.ui.background import work_instead
from podtui.ui.commands import BY_ID
from podtui.ui.main.lists import Lists
from podtui.ui.main.rights import Rights
from podtui.ui.main.targets import Targets

if TYPE_CHECKING:
    from podtui.cluster.diagnose.findings import Action
    from podtui.kube.kubectl import Selected
    from podtui.ui.terminal.app import TerminalApp


class Actions:
    """A method for each command of the main screen that acts, called if `refusal` allows the command."""

    def __init__(self, screen: Screen[Any], session: Session, lists: Lists, targets: Targets, rights: Rights) -> None:
        self._screen = screen
        self._session = session
        self._lists = lists
        self._targets = targets
        self._rights = rights

    @property
    def _app(self) -> TerminalApp:
        return cast("TerminalApp", self._screen.app)

    # -- refusals -----------------------------------------------------------------------------------------------
    def refusal(self, command_id: str) -> str:
        """Why the command cannot be carried out now, or ""."""
        command = BY_ID.get(command_id)
        if command is None:
            return ""
        if refusal := self._targets.refusal(command):
            return refusal
        if command.permission is None:
            return self._rights.refusal(command_id, None)
        refs = self._targets.objects(command)
        one_of_each = {ref.namespace or ref.name: ref for ref in refs}.values()  # a right is the same for all objects of a namespace
        refusal = next((refusal for ref in one_of_each if (refusal := self._rights.refusal(command_id, ref))), "")
        if command_id == "main.shell" and not refusal and (why := self._no_shell(refs[0])):
            return f"{command.title}: {why}"
        return refusal

    def _no_shell(self, ref: ObjectRef) -> str:
        row = self._session.pods.rows.get(ref.uid)
        return why_not_yet(row, self._session.pods.columns) if row is not None else ""

    def is_refused(self, command_id: str, ref: ObjectRef) -> bool:
        """Whether the command is refused for an object that is not selected; shows the user the reason."""
        refusal = self._rights.refusal(command_id, ref)
        if refusal:
            self._app.notify(refusal, severity="warning", markup=False)
        return bool(refusal)

    def learn(self) -> None:
        """Look up the rights on the objects at the cursors, and on what the details or the logs are about."""
        namespace, current = self._lists.namespaces.current, self._lists.right.current
        for ref in (namespace, None if namespace is None else ObjectRef(PODS, "", namespace.name), current, self._targets.focused.current):
            if ref is not None:
                self._rights.learn(ref)

    # -- changes of objects -------------------------------------------------------------------------------------
    def _open(self, dialog: Screen[Any], then: Callable[[Any], None] | None = None) -> None:
        self._app.push_screen(dialog, then)

    def _selected(self, command_id: str) -> list[ObjectRef]:
        return self._targets.objects(BY_ID[command_id])

    def label(self, kind: Literal["labels", "annotations"]) -> None:
        from podtui.ui.dialogs.labels.dialog import LabelDialog

        self._open(LabelDialog(self._session, self._selected("main.label"), kind))

    def cordon(self) -> None:
        """Uncordon when all selected nodes are cordoned, otherwise cordon."""
        from podtui.ui.dialogs.cordon import CordonDialog

        refs, pane = self._selected("main.cordon"), self._lists.right
        status = {row.uid: pane.value(row, "Status") for row in pane.source.rows.values()}
        uncordon = all("SchedulingDisabled" in status.get(ref.uid, "") for ref in refs)
        usable = [row.name for row in pane.source.rows.values() if status[row.uid] == "Ready"]
        self._open(CordonDialog(self._session, refs, not uncordon, usable))

    def delete(self) -> None:
        from podtui.ui.dialogs.delete import DeleteDialog

        self._open(DeleteDialog(self._session, self._selected("main.delete")))

    def kill(self) -> None:
        """Delete as `delete` does, with the shortest grace period that still lets the kubelet end the containers: a second."""
        from podtui.ui.dialogs.delete import DeleteDialog

        self._open(DeleteDialog(self._session, self._selected("main.kill"), grace=1))

    def copy(self) -> None:
        from podtui.ui.main.copying import ask_and_copy

        refs = self._selected("main.copy")
        if refs:
            ask_and_copy(self._app, self._session, refs, self._lists.focused, self._rights.refusal("main.yaml", refs[0]))
        else:
            self._app.notify(f"Copy: {self._targets.focused.without}", severity="warning", markup=False)

    def delete_selected(self) -> None:
        """In the namespaces shown, with their selector; in the list of namespaces, in the marked or selected ones."""
        from podtui.ui.dialogs.select_pods import SelectPodsDialog

        namespaces, selector = self._session.pods.scope.namespaces, self._session.pods.scope.selector
        if self._lists.focused is self._lists.namespaces:
            namespaces, selector = tuple(ref.name for ref in self._lists.namespaces.targets), ""
        self._open(SelectPodsDialog(self._session, namespaces, selector), self._delete_found)

    def _delete_found(self, found: tuple[Selected, list[ObjectRef]] | None) -> None:
        from podtui.ui.dialogs.delete import DeleteDialog

        if found is not None:
            selected, refs = found
            self._open(DeleteDialog(self._session, refs, selected))

    def edit(self, built_in: bool) -> None:
        from podtui.ui.manifests.edit import start_editing

        start_editing(self._app, self._session, self._selected("main.edit")[0], built_in=built_in)

    def create(self) -> None:
        from podtui.ui.manifests.create import CreateDialog

        if self._lists.focused is self._lists.namespaces:
            self.create_namespace()
            return
        namespaces = self._session.pods.scope.namespaces
        self._open(CreateDialog(self._session, namespaces[0] if len(namespaces) == 1 else ""))

    def create_namespace(self) -> None:
        from podtui.ui.manifests.create_namespace import CreateNamespaceDialog

        if not self.is_refused("main.create-namespace", ObjectRef(NAMESPACES, "")):
            self._open(CreateNamespaceDialog(self._session))

    def undo(self) -> None:
        from podtui.ui.journal.undo_dialog import undo_last

        work_instead(self._screen, "undo", undo_last, self._app, self._session)

    def journal(self) -> None:
        from podtui.ui.journal.screen import JournalScreen

        self._open(JournalScreen(self._session))

    # -- ports, shells, read-only -------------------------------------------------------------------------------
    def forward(self) -> None:
        from podtui.ui.forwards.dialog import ForwardDialog

        self._open(ForwardDialog(self._session, self._selected("main.forward")[0]))

    def shell(self) -> None:
        from podtui.ui.dialogs.shell import start_shell

        start_shell(self._app, self._session, self._selected("main.shell")[0])

    def forwards(self, start: Sequence[str] = ()) -> None:
        """The list of forwards; `start` names saved ones to start at once."""
        from podtui.ui.forwards.screen import ForwardsScreen

        self._open(ForwardsScreen(self._session, start))

    def read_only(self) -> None:
        """Turn read-only on at any time; off unless the command line or the configuration requires it."""
        session, notify = self._session, self._app.notify
        if session.read_only and session.read_only_reason:
            notify(f"podtui stays read-only: {session.read_only_reason}", severity="warning", markup=False)
            return
        session.read_only = not session.read_only
        notify("read-only: podtui sends nothing that changes the cluster" if session.read_only else "read-only is off", markup=False)

    # -- actions of a diagnosis ---------------------------------------------------------------------------------
    def change(self, action: Action, done: Callable[[Any], None]) -> None:
        """Open the dialog for a change that a diagnosis suggests."""
        from podtui.ui.dialogs.cordon import CordonDialog
        from podtui.ui.dialogs.delete import DeleteDialog
        from podtui.ui.dialogs.labels.dialog import LabelDialog

        command = {"label-node": "main.label", "uncordon": "main.cordon", "delete": "main.delete"}[action.kind]
        if self.is_refused(command, action.ref):
            return
        if action.kind == "label-node":
            self._open(LabelDialog(self._session, [action.ref], "labels", action.text), done)
        elif action.kind == "uncordon":
            self._open(CordonDialog(self._session, [action.ref], False), done)
        else:
            self._open(DeleteDialog(self._session, [action.ref]), done)
