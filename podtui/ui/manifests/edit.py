"""Edits an object as YAML: opens the editor, shows the difference that the server would make, and sends it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from typing import ClassVar, Literal, cast

from rich.text import Text
from textual.binding import BindingType
from textual.widget import Widget
from textual.widgets import Static

from podtui.cluster.changes.edit import HEADING, Edit
from podtui.cluster.session import Session
from podtui.errors import PodtuiError
from podtui.kube.manifests.three_way import ABSENT, Clash
from podtui.kube.resources import ObjectRef
from podtui.text import counted, harmless
from podtui.ui.background import work_instead
from podtui.ui.commands import bindings
from podtui.ui.dialogs.dialog import Dialog, confirmations
from podtui.ui.dialogs.differences import NOT_RECORDED, add_difference, add_masks
from podtui.ui.dialogs.impact_note import ImpactNote
from podtui.ui.editor.editing import edit_text
from podtui.ui.editor.outside_editor import kept_words
from podtui.ui.terminal.app import TerminalApp
from podtui.ui.themes import palette

_LINES = 1000  # of the difference
_LONGEST = 60  # characters of a value that someone else changed


def start_editing(app: TerminalApp, session: Session, ref: ObjectRef, *, built_in: bool = False) -> None:
    """Start editing, in a worker of the application, so that it continues when its screen closes. One at a time: pressing the key
    again before the object is read means the same editor."""
    work_instead(app, "edit", edit_object, app, session, ref, built_in=built_in)


async def edit_object(app: TerminalApp, session: Session, ref: ObjectRef, *, built_in: bool = False) -> None:
    """Edit an object of any kind, as `kubectl edit`; `built_in` in podtui's own editor. Run it in a worker; it reports errors itself."""
    try:
        edit = await Edit.begin(session.objects, ref, session.settings.kubectl_options)
    except PodtuiError as error:
        app.notify(str(error), severity="error", markup=False)
        return
    text, title = edit.text, f"Edit {ref}" + (f" in namespace {ref.namespace}" if ref.namespace else "")
    while True:
        edited = await edit_text(app, text, edit.name, title, check=edit.check, heading=HEADING, built_in=built_in, original=edit.text)
        if edited is None:
            return  # the editor has reported why
        if not edit.patch:
            app.notify("Edit cancelled, no changes made.", markup=False)
            return
        try:
            result = await app.push_screen_wait(EditDialog(session, edit, title))
        except asyncio.CancelledError:  # podtui ends
            kept_words(app, edited, edit.name)
            raise
        if result == "again":
            text = edited
            continue
        if result is None:
            app.notify(f"Edit cancelled. {kept_words(app, edited, edit.name)}", markup=False)
        return


class EditDialog(Dialog[Literal["edited", "again"]]):
    """Shows the difference, and sends it. Dismissed with "edited", or "again" to continue editing; None keeps the text."""

    change: Edit
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("edit")]

    DEFAULT_CSS = """
    EditDialog #edit-hint { color: $text-muted; }
    """

    def __init__(self, session: Session, edit: Edit, title: str) -> None:
        super().__init__(title, confirm="Save", asked=confirmations(session, 1, "objects"))
        self.session = session
        self.change = edit
        self._shown: list[str] | None = None  # the difference with the values of a Secret; None: masked
        self._impact = ImpactNote(session, [edit.ref] if edit.label_changes else [], adopters=True)

    def compose_body(self) -> Iterable[Widget]:
        yield Static(id="edit-difference")
        yield self._impact
        yield Static("F4 continues editing; Esc cancels, and keeps the text in a file.", id="edit-hint", markup=False)

    def update(self) -> None:
        styles = palette(self.app)
        text = Text()
        masked = self.change.secret and self._shown is None
        for clash in self.change.clashes:
            versions = "" if masked and not clash.path.startswith("metadata.labels") else f": {_values(clash)}"
            text.append(f"! {harmless(clash.path)} was changed meanwhile{versions}\n", styles["warn"])
        lines = self.change.lines if self._shown is None else self._shown
        add_difference(text, lines[:_LINES], styles)
        if len(lines) > _LINES:
            text.append(f"… {counted(len(lines) - _LINES, 'more line')}\n", styles["dim"])
        if self.change.secret:
            add_masks(text, styles, masked=masked)
        text.rstrip()
        self.query_one("#edit-difference", Static).update(text)
        self.show_commands(self.change.commands)
        self._impact.foretell(self.change.foretold)
        self.refresh_dialog()

    async def action_values(self) -> None:
        """Show or mask the values of a Secret."""
        if not self.change.secret or self.busy:
            return
        if cast(TerminalApp, self.app).recorded:
            self.show_note(NOT_RECORDED)
            return
        self._shown = await self.change.difference(values=True) if self._shown is None else None
        self.update()

    async def submit(self) -> None:
        try:
            await self.change.send(self.session.objects)
        finally:
            self._shown = None  # it may be about a newer version now
            self.update()
        self.notify(f"{harmless(str(self.change.ref))} edited", markup=False)
        self.dismiss("edited")

    def left(self) -> None:
        self.notify("podtui did not wait for the answer: it may or may not have been edited", severity="warning", markup=False)

    def action_again(self) -> None:
        if not self.busy:
            self.dismiss("again")


def _values(clash: Clash) -> str:
    """Both versions of a field."""
    before, now = ("nothing" if value is ABSENT else harmless(json.dumps(value, ensure_ascii=False)) for value in (clash.before, clash.now))
    return " → ".join(value if len(value) <= _LONGEST else value[:_LONGEST] + "…" for value in (before, now))
