"""The dialog that creates a namespace."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual import on
from textual.widget import Widget
from textual.widgets import Input

from podtui.cluster.changes.manifest import NamespaceCreation
from podtui.cluster.session import Session
from podtui.ui.dialogs.dialog import Dialog, confirmations


class CreateNamespaceDialog(Dialog[str]):
    """Creates a namespace, as `kubectl create namespace NAME`. Dismissed with its name."""

    change: NamespaceCreation
    FIRST: ClassVar[str] = "#namespace-name"

    def __init__(self, session: Session) -> None:
        super().__init__("Create a namespace", confirm="Create", asked=confirmations(session, 1, "namespaces"))
        self.session = session
        self.change = NamespaceCreation(session.settings, session.known_namespaces)

    def compose_body(self) -> Iterable[Widget]:
        yield Input(id="namespace-name", compact=True, placeholder="its name: a-z, 0-9 and -, at most 63 characters")

    @on(Input.Changed, "#namespace-name")
    def _changed(self, event: Input.Changed) -> None:
        self.change.name = event.value.strip()
        self.show_error("; ".join(self.change.faults))
        self.show_commands(self.change.commands)

    async def submit(self) -> None:
        await self.change.send(self.session.objects)
        self.notify(str(self.change.outcome), markup=False)
        self.dismiss(self.change.name)
