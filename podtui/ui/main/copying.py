"""What can be copied of the selected objects: names, YAML, the kubectl command that shows them, addresses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from podtui.cluster.connection.reading import read_object
from podtui.cluster.session import Session
from podtui.errors import PodtuiError
from podtui.kube.kubectl import distinct, kubectl_get
from podtui.kube.manifests.yaml_writer import to_yaml
from podtui.kube.resources import ObjectRef
from podtui.text import counted
from podtui.ui.background import work_instead
from podtui.ui.dialogs.choose import Chooser
from podtui.ui.main.list_pane import ListPane

if TYPE_CHECKING:
    from podtui.ui.terminal.app import TerminalApp

NAME, FULL_NAME, YAML, COMMAND, ADDRESS = "name", "namespace/name", "YAML", "kubectl command", "address"
_ADDRESSES = ("IP", "Internal-IP")  # the server's columns for the address of a pod, of a node


def ask_and_copy(app: TerminalApp, session: Session, refs: Sequence[ObjectRef], pane: ListPane, refused: str) -> None:
    """Offer what can be copied of objects in the list of `pane`, and send what is chosen to the terminal's clipboard.

    `refused` is why their YAML may not be read, or "".
    """
    texts = {
        NAME: [ref.name for ref in refs],
        FULL_NAME: [f"{ref.namespace}/{ref.name}" for ref in refs if ref.namespace],
        COMMAND: distinct(kubectl_get(refs, options=session.settings.kubectl_options)),
        ADDRESS: _addresses(pane, refs),
    }
    notes = {what: lines[0] if len(lines) == 1 else f"{len(lines)} lines" for what, lines in texts.items()}
    notes[YAML] = refused or "as kubectl get -o yaml prints it"
    cannot = [YAML] if refused else []
    has_addresses = any(column.name in _ADDRESSES for column in pane.source.columns)
    for what, why in ((FULL_NAME, "it is in no namespace"), (ADDRESS, "it has none yet" if has_addresses else "it has none")):
        if not texts[what]:
            notes[what] = why
            cannot.append(what)

    async def copy_yaml() -> None:
        try:
            objects = [(await read_object(session.opened, ref))[0] for ref in refs]
        except PodtuiError as error:
            app.notify(str(error), severity="error", markup=False)
            return
        _send(app, "---\n".join(to_yaml(obj, managed_fields=False) for obj in objects), YAML)

    def chosen(what: str | None) -> None:
        if what == YAML:
            work_instead(pane, "copy", copy_yaml)
        elif what is not None:
            lines = texts[what]
            _send(app, "\n".join(lines), lines[0] if len(lines) == 1 else f"{len(lines)} lines")

    of = str(refs[0]) if len(refs) == 1 else counted(len(refs), pane.kind.singular)
    app.push_screen(Chooser(f"Copy of {of}", [NAME, FULL_NAME, YAML, COMMAND, ADDRESS], notes=notes, refused=cannot), chosen)


def _send(app: TerminalApp, text: str, what: str) -> None:
    app.copy_to_clipboard(text)
    app.notify(f"Sent {what} to the terminal's clipboard", markup=False)


def _addresses(pane: ListPane, refs: Sequence[ObjectRef]) -> list[str]:
    rows = [row for ref in refs if (row := pane.source.rows.get(ref.uid)) is not None]
    found = [pane.value(row, name) for row in rows for name in _ADDRESSES]
    return [address for address in found if address and address != "<none>"]
