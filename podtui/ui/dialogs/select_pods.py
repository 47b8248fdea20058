"""Asks the server which pods a selector matches, before an action on all of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.widget import Widget
from textual.widgets import Input, Static

from podtui.cluster.session import Session
from podtui.errors import PodtuiError, SelectorError
from podtui.kube.kubectl import Selected
from podtui.kube.resources import PODS, ObjectRef
from podtui.kube.selectors import parse
from podtui.text import harmless
from podtui.ui.dialogs.dialog import Dialog
from podtui.ui.themes import palette

Found = tuple[Selected, list[ObjectRef]]


class SelectPodsDialog(Dialog[Found]):
    """Changes nothing: dismissed with the selection and the pods, for the dialog that shows them and asks."""

    FIRST: ClassVar[str] = "#select-selector"
    CHANGES: ClassVar[bool] = False

    def __init__(self, session: Session, namespaces: tuple[str, ...], selector: str) -> None:
        """No `namespaces` means all of them. `selector` is the initial text of the field."""
        where = f"in {', '.join(map(harmless, namespaces))}" if namespaces else "in all namespaces"
        super().__init__(f"Delete pods by selector {where}", confirm="Find")
        self.session = session
        self.namespaces = namespaces
        self._first = selector
        self._fault: SelectorError | None = None

    def compose_body(self) -> Iterable[Widget]:
        placeholder = "as kubectl's -l: app=web,tier!=front; empty: every pod"
        yield Input(self._first, id="select-selector", compact=True, placeholder=placeholder)
        yield Static(id="select-fault")

    @property
    def selector(self) -> str:
        return self.query_one("#select-selector", Input).value.strip()

    @on(Input.Changed, "#select-selector")
    def update(self) -> None:
        try:
            parse(self.selector)
        except SelectorError as error:
            self._fault, styles = error, palette(self.app)
            line = Text(f"{error.caret()}\n✗ {error.what}" + (f"\n{error.hint}" if error.hint else ""), styles["error"])
        else:
            self._fault = None
            line = Text(self._meaning(), palette(self.app)["dim"])
        self.query_one("#select-fault", Static).update(line)
        self.show_error("")
        self.refresh_dialog()

    def _meaning(self) -> str:
        which = "the pods with these labels" if self.selector else "every pod"
        return f"Enter finds {which} on the server and lists them; it deletes nothing yet."

    def blocked(self) -> str:
        return "see the error in the selector" if self._fault is not None else ""

    async def submit(self) -> None:
        selector = self.selector
        refs = await self.session.objects.select(PODS, self.namespaces, selector)
        if not refs:
            where = f"in {', '.join(map(harmless, self.namespaces))}" if self.namespaces else "in all namespaces"
            raise PodtuiError(f"no pods {where}" + (f" with labels {harmless(selector)}" if selector else ""))
        self.dismiss((Selected(self.namespaces, selector), refs))
