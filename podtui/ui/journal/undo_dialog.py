"""The undo dialog: what undoing changes will do now, with the kubectl commands, and why some changes cannot be undone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from rich.text import Text
from textual.widget import Widget
from textual.widgets import Static

from podtui.cluster.changes.journal import Entry
from podtui.cluster.changes.undo import Step, Undo, last_action
from podtui.cluster.session import Session
from podtui.errors import PodtuiError
from podtui.kube.ages import age
from podtui.kube.json_values import mapping
from podtui.kube.resources import NAMESPACES, PODS
from podtui.text import harmless
from podtui.ui.dialogs.dialog import Dialog, confirmations, shown
from podtui.ui.dialogs.differences import field_lines
from podtui.ui.dialogs.impact_note import ImpactNote
from podtui.ui.journal.text import described, made_at
from podtui.ui.terminal.app import TerminalApp
from podtui.ui.themes import palette

_SHOWN = 100  # listed entries
_MOST_PASSED = 3  # listed later changes


class UndoDialog(Dialog[int]):
    """Undoes entries of the journal, latest first. Dismissed with the number undone.

    `passed` are later changes that cannot be undone, with the reasons: the dialog then does not offer the latest change.
    """

    change: Undo

    def __init__(self, session: Session, entries: Sequence[Entry], passed: Sequence[tuple[Entry, str]] = ()) -> None:
        made = [entry.object.name for entry in entries if entry.form == "creates" and entry.object.kind == "Namespace"]
        title = f"Undo {described(entries[0])}?" if len(entries) == 1 else f"Undo {len(entries)} changes?"
        asked = confirmations(session, len(entries), "changes", made)
        super().__init__(title, confirm="Undo", danger=any(entry.form == "creates" for entry in entries), asked=asked)
        self.session = session
        self.change = Undo(entries, session.settings, passed)
        about = [entry.object.ref for entry in entries if _sets_off(entry)]
        self._impact = ImpactNote(session, about, adopters=True, id="undo-impact")

    def compose_body(self) -> Iterable[Widget]:
        yield Static(id="undo-steps")
        yield self._impact

    async def read(self) -> None:
        await self.change.read(self.session.objects)
        self.update()

    def update(self) -> None:
        self.query_one("#undo-steps", Static).update(self._text())
        self.show_commands(self.change.commands)
        self._impact.foretell(self.change.foretold)
        self.refresh_dialog()

    def _text(self) -> Text:
        styles, change = palette(self.app), self.change
        text = Text()
        for entry, why in change.passed[:_MOST_PASSED]:
            text.append(f"! A later change cannot be undone: {described(entry)}: {shown(why)}\n", styles["warn"])
        if len(change.passed) > _MOST_PASSED:
            text.append(f"! … and {len(change.passed) - _MOST_PASSED} more\n", styles["warn"])
        if change.reading:
            return text.append("reading the current state…", styles["dim"])
        for entry in change.done[:_SHOWN]:
            text.append(f"✓ {described(entry)}  undone\n", styles["ok"])
        for step in change.steps[:_SHOWN]:
            self._add(text, step)
        if len(change.steps) > _SHOWN:
            text.append(f"… and {len(change.steps) - _SHOWN} more", styles["dim"])
        text.rstrip()
        return text

    def _add(self, text: Text, step: Step) -> None:
        styles = palette(self.app)
        entry = step.entry
        seconds = (datetime.now(UTC) - made_at(entry)).total_seconds()
        text.append(described(entry), styles["title"]).append(f"  {age(seconds)} ago\n", styles["dim"])
        if (result := self.change.results.get(entry.id)) is not None:
            text.append(f"  ✗ {shown(result.words)}\n", styles["error"])
        if step.refusal:
            text.append(f"  ✗ cannot be undone: {shown(step.refusal)}\n", styles["error"])
        elif step.nothing:
            text.append(f"  = {shown(step.nothing)}\n", styles["dim"])
        elif entry.form == "creates":
            text.append(f"  - delete {harmless(str(step.ref))}\n", styles["error"])
        elif entry.form == "deletes":
            if step.value is not None:
                text.append(f"  + create {harmless(str(step.ref))}\n", styles["ok"])
            for pod in step.pods[:_SHOWN]:
                text.append(f"  + create pod/{harmless(str((pod.get('metadata') or {}).get('name')))}\n", styles["ok"])
        for change in step.changes:
            for line in field_lines(change.field, change.now, change.then):
                parts = [(line, "")] if isinstance(line, str) else line
                text.append("  ")
                for part, style in parts:
                    text.append(harmless(part), styles[style] if style else "")
                text.append("\n")
        for note in step.notes:
            text.append(f"  ! {shown(note)}\n", styles["warn"])

    # -- the work ---------------------------------------------------------------------------------------------
    async def submit(self) -> None:
        change = self.change
        try:
            await change.send(self.session.objects, self.show_note)
        except Exception:
            self._show_what_is_left()
            raise
        done, failed = change.done, change.failed
        if not failed:
            self.notify(f"undone: {described(done[0])}" if len(done) == 1 else f"{len(done)} changes undone", markup=False)
            self.dismiss(len(done))
            return
        self._show_what_is_left()
        self.show_error(failed[0].words if len(failed) == 1 else f"{len(done)} undone, {len(failed)} not")

    def _show_what_is_left(self) -> None:
        self.show_note("")
        self.update()
        if any(step.possible for step in self.change.steps):
            self.set_confirm("Retry")
        if self.change.done:
            self.set_cancel("Close")

    def left(self) -> None:
        words = f"{len(self.change.done)} of {len(self.change.entries)} undone; podtui did not wait for the others"
        self.notify(words, severity="warning", markup=False)


def _sets_off(entry: Entry) -> bool:
    """Whether undoing it may affect other objects: it deletes a pod or a namespace, or changes the labels of a pod."""
    if entry.form == "creates":
        return entry.object.ref.resource in (PODS, NAMESPACES)
    metadata = mapping(mapping(entry.before).get("metadata"))
    return entry.form == "changes" and entry.object.ref.resource == PODS and bool(metadata.get("labels"))


async def undo_last(app: TerminalApp, session: Session) -> None:
    """Show the dialog for the last action that can be undone, or say why there is none."""
    try:
        entries, _ = await session.journal.entries()
    except PodtuiError as error:
        app.notify(str(error), severity="error", markup=False)
        return
    found, passed = last_action(entries, session.settings)
    if found:
        app.push_screen(UndoDialog(session, found, passed))
    elif passed:
        entry, why = passed[0]
        app.notify(f"Nothing to undo. {described(entry)}: {why}", markup=False)
    else:
        app.notify("Nothing to undo: the journal has no change to this cluster", markup=False)
