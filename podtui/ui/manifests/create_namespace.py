"""The dialog for a new namespace: its name, the server's word, done."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from textual import on
from textual.widget import Widget
from textual.widgets import Input

from podtui.errors import PodtuiError
from podtui.kube.kubectl import kubectl_create_namespace
from podtui.kube.manifests.documents import Document
from podtui.kube.names import namespace_faults
from podtui.ui.dialogs.dialog import Dialog, confirmations


class CreateNamespaceDialog(Dialog[str]):
    """Creates a namespace, as `kubectl create namespace NAME`. Dismissed with its name."""

    FIRST: ClassVar[str] = "#namespace-name"

    def __init__(self, session: Any) -> None:
        super().__init__("Create a namespace", confirm="Create", asked=confirmations(session, 1, "namespaces"))
        self.session = session

    def compose_body(self) -> Iterable[Widget]:
        yield Input(id="namespace-name", compact=True, placeholder="its name: a-z, 0-9 and -, at most 63 characters")

    @property
    def name_typed(self) -> str:
        return self.query_one("#namespace-name", Input).value.strip()

    @on(Input.Changed, "#namespace-name")
    def _changed(self) -> None:
        name, options = self.name_typed, self.session.settings.kubectl_options
        self.show_error("; ".join(namespace_faults(name)) if name else "")
        self.show_commands([kubectl_create_namespace(name, options=options)] if name else [])

    def blocked(self) -> str:
        if not self.name_typed:
            return "type its name"
        if namespace_faults(self.name_typed):
            return "that is no name of a namespace"
        return "it exists already" if self.name_typed in self.session.known_namespaces else ""

    async def submit(self) -> None:
        value = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": self.name_typed}}
        (outcome,) = await self.session.objects.create([Document("namespace", 1, value)], "")
        if outcome.state != "created":
            raise outcome.error or PodtuiError(f"{outcome.named} was not created")
        self.notify(str(outcome), markup=False)
        self.dismiss(self.name_typed)
