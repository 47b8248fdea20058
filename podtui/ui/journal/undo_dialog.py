"""The undo dialog: what taking changes back will do now, with its own kubectl commands; what cannot be taken back says why."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from rich.text import Text
from textual.app import App
from textual.widget import Widget
from textual.widgets import Static

from podtui.cluster.changes.journal import Entry
from podtui.cluster.changes.undo import Step, carry_out, last_action, plan
from podtui.errors import ConnectionFailed, CredentialError, PodtuiError, ReadOnlyError, Unauthorized
from podtui.kube.ages import age
from podtui.text import harmless
from podtui.ui.dialogs.dialog import Dialog, confirmations, shown
from podtui.ui.dialogs.differences import field_lines
from podtui.ui.journal.text import described
from podtui.ui.themes import palette

_AT_ONCE = 8
_SHOWN = 100  # entries that are listed
_NOT_TAKEN = 3  # later changes that are named


class UndoDialog(Dialog[int]):
    """Takes entries of the journal back, the latest first. Dismissed with how many were.

    `passed` are later changes that cannot be taken back, with the reasons: what is offered is not the last thing that was done.
    """

    def __init__(self, session: Any, entries: Sequence[Entry], passed: Sequence[tuple[Entry, str]] = ()) -> None:
        made = [entry.object.name for entry in entries if entry.form == "creates" and entry.object.kind == "Namespace"]
        title = f"Undo {described(entries[0])}?" if len(entries) == 1 else f"Undo {len(entries)} changes?"
        asked = confirmations(session, len(entries), "changes", made)
        super().__init__(title, confirm="Undo", danger=any(entry.form == "creates" for entry in entries), asked=asked)
        self.session = session
        self.entries = list(entries)
        self.steps: list[Step] = []
        self.results: dict[str, str] = {}
        self.passed = list(passed)
        self._reading = True
        self._note = ""

    def compose_body(self) -> Iterable[Widget]:
        yield Static(id="undo-steps")

    def on_mount(self) -> None:
        super().on_mount()
        self._update()
        self.run_worker(self._look(), group="undo", exit_on_error=False)

    async def _look(self) -> None:
        """Read what is there now, to say what will happen."""
        gate = asyncio.Semaphore(_AT_ONCE)

        async def one(entry: Entry) -> Step:
            async with gate:
                try:
                    return await plan(self.session.objects, self.session.settings, entry)
                except PodtuiError as error:
                    return Step(entry, entry.object.ref, f"it could not be looked at: {error.what}")

        self.steps = list(await asyncio.gather(*(one(entry) for entry in self.entries if self.results.get(entry.id) != "✓ undone")))
        self._reading = False
        self._update()

    def blocked(self) -> str:
        if self._reading:
            return "reading what is there now…"
        return "" if any(step.possible for step in self.steps) else "nothing can be taken back"

    def _update(self) -> None:
        self.query_one("#undo-steps", Static).update(self._text())
        self.show_commands([command for step in self.steps if step.possible for command in step.commands])
        self.refresh_dialog()

    def _text(self) -> Text:
        styles = palette(self.app)
        text = Text()
        for entry, why in self.passed[:_NOT_TAKEN]:
            text.append(f"! Done later, and cannot be taken back: {described(entry)}: {shown(why)}\n", styles["warn"])
        if len(self.passed) > _NOT_TAKEN:
            text.append(f"! … and {len(self.passed) - _NOT_TAKEN} more\n", styles["warn"])
        if self._reading:
            return text.append("reading what is there now…", styles["dim"])
        for entry in self.entries[:_SHOWN]:
            if self.results.get(entry.id) == "✓ undone":
                text.append(f"✓ {described(entry)}  undone\n", styles["ok"])
        for step in self.steps[:_SHOWN]:
            self._add(text, step)
        if len(self.steps) > _SHOWN:
            text.append(f"… and {len(self.steps) - _SHOWN} more", styles["dim"])
        text.rstrip()
        return text

    def _add(self, text: Text, step: Step) -> None:
        styles = palette(self.app)
        entry = step.entry
        seconds = (datetime.now(UTC) - datetime.fromisoformat(entry.time)).total_seconds()
        text.append(described(entry), styles["title"]).append(f"  {age(seconds)} ago\n", styles["dim"])
        if result := self.results.get(entry.id):
            text.append(f"  {result}\n", styles["error"])
        if step.refusal:
            text.append(f"  ✗ cannot be taken back: {shown(step.refusal)}\n", styles["error"])
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
        """Every object by itself, several at once; the changes of one object in their order, the latest first."""
        by_object: dict[tuple[str, str, str, str], list[Step]] = {}
        for step in self.steps:
            if step.possible:
                target = step.entry.object
                by_object.setdefault((target.api_version, target.kind, target.namespace, target.name), []).append(step)
        gate = asyncio.Semaphore(_AT_ONCE)
        stop: list[PodtuiError] = []

        async def chain(steps: list[Step]) -> None:
            async with gate:
                for number, step in enumerate(steps):
                    if stop:
                        return
                    try:
                        if number:  # the one before has changed what there is
                            step = await plan(self.session.objects, self.session.settings, step.entry)
                            if not step.possible:
                                raise PodtuiError(step.refusal or step.nothing)
                        await carry_out(self.session.objects, self.session.settings, step, self.show_note)
                    except (ConnectionFailed, CredentialError, Unauthorized, ReadOnlyError) as error:
                        stop.append(error)
                        return
                    except PodtuiError as error:
                        self.results[step.entry.id] = f"✗ {shown(str(error))}"
                        return
                    self.results[step.entry.id] = "✓ undone"

        await asyncio.gather(*(chain(steps) for steps in by_object.values()))
        self.show_note("")
        done = [entry for entry in self.entries if self.results.get(entry.id) == "✓ undone"]
        failed = [result for result in self.results.values() if result.startswith("✗")]
        if not failed and not stop:
            self.notify(f"undone: {described(done[0])}" if len(done) == 1 else f"{len(done)} changes undone", markup=False)
            self.dismiss(len(done))
            return
        self._reading = True
        await self._look()
        if self.steps and any(step.possible for step in self.steps):
            self.set_confirm("Retry")
        if done:
            self.set_cancel("Close")
        if stop:
            raise stop[0]
        self.show_error(failed[0].removeprefix("✗ ") if len(failed) == 1 else f"{len(done)} undone, {len(failed)} not")

    def left(self) -> None:
        done = sum(result == "✓ undone" for result in self.results.values())
        words = f"{done} of {len(self.entries)} undone; no answer was awaited for the others"
        self.notify(words, severity="warning", markup=False)


async def undo_last(app: App[Any], session: Any) -> None:
    """`u`: the dialog for the last action that can be taken back, or why there is none."""
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
        app.notify("Nothing to undo: the journal has no change of this cluster", markup=False)
