"""The create dialog: a file's path, what the server says to each of its documents, then their creation."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

from rich.text import Text
from textual import on
from textual.widget import Widget
from textual.widgets import Input, Static

from podtui.cluster import manifests
from podtui.cluster.creation import Outcome
from podtui.cluster.kubectl_commands import kubectl_create
from podtui.cluster.manifests import Document
from podtui.text import harmless
from podtui.ui.screens.dialog import Dialog, confirmations, shown
from podtui.ui.screens.path_input import PathInput
from podtui.ui.themes import palette

_SHOWN = 200  # documents that are listed


class CreateDialog(Dialog[int]):
    """Creates what is in a file, in one namespace. Dismissed with how many objects were created.

    First the path: Enter reads the file and has the server try every document. What was read and tried is what is created,
    whatever becomes of the file meanwhile.
    """

    FIRST: ClassVar[str] = "#create-path"

    def __init__(self, session: Any, namespace: str) -> None:
        asked = confirmations(session, 1, "objects")
        super().__init__(f"Create in namespace {namespace}", confirm="Check", asked=asked)
        self.session = session
        self.namespace = namespace
        self.documents: list[Document] = []
        self.outcomes: list[Outcome] = []
        self._made: list[Outcome] = []

    def compose_body(self) -> Iterable[Widget]:
        yield PathInput(id="create-path", compact=True, placeholder="the path of a YAML or JSON file; Tab completes it")
        yield Static(id="create-names")
        yield Static(id="create-documents")

    def on_mount(self) -> None:
        super().on_mount()
        self._phase(False)
        self._path_changed()

    @property
    def path(self) -> str:
        return self.query_one("#create-path", Input).value.strip()

    def _phase(self, checked: bool) -> None:
        """Between the path, which is to be checked, and the documents, which can be created."""
        self.asking = checked
        for word in self.query(".dialog-word"):
            word.display = checked
        count = f" {len(self.documents)} objects" if len(self.documents) > 1 else ""
        self.set_title(f"Create{count} in namespace {self.namespace}")
        self.set_confirm("Create" if checked else "Check")

    @on(Input.Changed, "#create-path")
    def _path_changed(self) -> None:
        if self.documents:
            self.documents, self.outcomes = [], []
            self._phase(False)
        self._put("#create-names", Text())
        self._put("#create-documents", Text())
        self.show_error("")
        file, options = os.path.expanduser(self.path), self.session.settings.kubectl_options
        self.show_commands([kubectl_create(file, self.namespace, options=options)] if file else [])

    @on(PathInput.Candidates)
    def _candidates(self, event: PathInput.Candidates) -> None:
        names = "  ".join(harmless(name) for name in event.names)
        self._put("#create-names", Text(names, palette(self.app)["dim"]))

    def enters(self, source: Input) -> bool:
        return source.id == "create-path" and not self.documents

    def blocked(self) -> str:
        if not self.path:
            return "type the path of a file"
        if self.documents and any(outcome.state == "refused" for outcome in self.outcomes) and not self._made:
            return "the server refuses: correct the file, and check it again"
        return ""

    async def submit(self) -> None:
        if self.documents:
            await self._create()
        else:
            await self._check()

    async def _check(self) -> None:
        self._put("#create-documents", Text())
        self.show_note("Reading the file…")
        documents = await asyncio.to_thread(manifests.load, self.path)
        self._show([Outcome(document, "untried") for document in documents])
        self.show_note("Asking the server about them (dry run)…")
        outcomes = await self.session.objects.check(documents, self.namespace)
        self.show_note("")
        self._show(outcomes)
        refused = sum(outcome.state == "refused" for outcome in outcomes)
        if refused:
            count = f"{refused} of {len(outcomes)} " if len(outcomes) > 1 else ""
            self.show_error(f"{count}refused; nothing was created")
            return  # Enter checks the corrected file again
        self.documents, self.outcomes = documents, outcomes
        self._phase(True)
        self.return_focus = self.query_one("#dialog-word-0" if self.asked else "#dialog-cancel")

    async def _create(self) -> None:
        documents = self.documents
        self.show_note(f"Creating {len(documents)}…" if len(documents) > 1 else "Creating…")
        outcomes = await self.session.objects.create(documents, self.namespace)
        self.show_note("")
        self._made += [outcome for outcome in outcomes if outcome.state == "created"]
        left = [outcome for outcome in outcomes if outcome.state != "created"]
        if not left:
            self._tell()
            self.dismiss(len(self._made))
            return
        self.documents, self.outcomes = [outcome.document for outcome in left], left
        self._show([*self._made, *left])
        self.set_confirm("Retry")
        self.return_focus = None
        if self._made:
            self.set_cancel("Close")
        told = f"{len(self._made)} created, {len(left)} not" if self._made else "nothing was created"
        unsure = sum(outcome.state == "unknown" for outcome in left)
        self.show_error(f"{told}, {unsure} of them perhaps" if unsure else told)

    def _show(self, outcomes: Sequence[Outcome]) -> None:
        styles = palette(self.app)
        text = Text()
        signs = {"created": "✓", "checked": "✓", "unchecked": "?", "refused": "✗", "unknown": "?", "untried": "·"}
        for outcome in outcomes[:_SHOWN]:
            namespace = outcome.ref.namespace if outcome.ref is not None else outcome.document.namespace
            style = {"refused": styles["error"], "unknown": styles["warn"], "unchecked": styles["warn"], "untried": styles["dim"]}
            created = " created" if outcome.state == "created" else ""
            generated = "…" if outcome.document.generated and not created else ""
            text.append(f"{signs[outcome.state]} {outcome.named}{generated}{created}", style.get(outcome.state, styles["ok"]))
            told = [f"namespace {harmless(namespace)}"] if namespace else []
            told.append(f"line {outcome.document.line}")
            text.append(f"  {', '.join(told)}\n", styles["dim"])
            if outcome.error is not None:
                place = f"{outcome.document.source}:{outcome.document.line}: "
                text.append(f"  {shown(str(outcome.error).removeprefix(place))}\n".replace("\n", "\n  ").removesuffix("  "))
            for warning in outcome.warnings:
                text.append(f"  ! Warning: {warning}\n", styles["warn"])
        if len(outcomes) > _SHOWN:
            text.append(f"… and {len(outcomes) - _SHOWN} more", styles["dim"])
        text.rstrip()
        self._put("#create-documents", text)

    def _put(self, selector: str, text: Text) -> None:
        static = self.query_one(selector, Static)
        static.update(text)
        static.display = bool(text)

    def _tell(self) -> None:
        """In kubectl's words: `pod/kubia created`."""
        if len(self._made) > 5:
            told = f"{len(self._made)} objects created"
        else:
            told = "\n".join(str(outcome) for outcome in self._made)
        warnings = [warning for outcome in self._made for warning in outcome.warnings]
        self.notify("\n".join([told, *(f"Warning: {warning}" for warning in warnings[:3])]), markup=False)

    def left(self) -> None:
        if self.documents:
            told = f"{len(self._made)} created; no answer was awaited for {len(self.documents)}"
            self.notify(told, severity="warning", markup=False)
