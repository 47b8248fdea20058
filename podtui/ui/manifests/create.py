"""The create dialog: takes a file, a folder, a paste or the editor's text, checks each document on the server, and creates them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from typing import ClassVar, cast

from rich.text import Text
from textual import on
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.suggester import SuggestFromList
from textual.widget import Widget
from textual.widgets import Input, Label, Static

from podtui.cluster.changes.creation import Outcome
from podtui.cluster.changes.manifest import ManifestCreation
from podtui.cluster.session import Session
from podtui.errors import ManifestError, PodtuiError
from podtui.kube.manifests import documents as manifests
from podtui.kube.manifests.faults import Fault, faults
from podtui.text import counted, harmless
from podtui.ui.background import work_instead
from podtui.ui.commands import bindings
from podtui.ui.dialogs.choose import Chooser
from podtui.ui.dialogs.dialog import Dialog, confirmations
from podtui.ui.dialogs.differences import NOT_RECORDED
from podtui.ui.editor.editing import edit_text
from podtui.ui.editor.outside_editor import kept_words
from podtui.ui.manifests.outcomes import differs_in_secrets, outcome_text
from podtui.ui.manifests.path_input import PathInput
from podtui.ui.manifests.templates import TEMPLATES
from podtui.ui.terminal.app import Draft, TerminalApp
from podtui.ui.themes import palette
from podtui.ui.widgets.toggle import Toggle


class CreateDialog(Dialog[int]):
    """Creates the objects of a manifest, and changes existing ones on request. Dismissed with the number of objects.

    Enter first reads the file and has the server check every document in a dry run. The dialog then creates exactly what it read,
    even if the file changes meanwhile. Without a namespace each document goes to its own, or else to the context's.
    """

    change: ManifestCreation
    FIRST: ClassVar[str] = "#create-path"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("create")]

    DEFAULT_CSS = """
    CreateDialog #create-where { height: 1; }
    CreateDialog #create-where Label { width: 11; }
    CreateDialog #create-where Input { width: 1fr; }
    CreateDialog #create-hint { color: $text-muted; }
    """

    def __init__(self, session: Session, namespace: str) -> None:
        """`namespace` applies to all documents, as kubectl's -n does; "" leaves it to them."""
        super().__init__("Create", confirm="Check", asked=confirmations(session, 1, "objects"))
        self.session = session
        self.change = ManifestCreation(session.settings, "", namespace)
        self._preset = namespace
        self._text: str | None = None  # pasted, written in the editor, or left from another time; it counts while there is no path
        self._written = False  # whether it was changed in the editor
        self._listed: Sequence[Outcome] = ()
        self._values: dict[int, Sequence[str]] | None = None  # as for `outcome_text`

    def compose_body(self) -> Iterable[Widget]:
        yield PathInput(id="create-path", compact=True, placeholder=_PATH)
        yield Static(id="create-names")
        with Horizontal(id="create-where"):
            yield Label("Namespace:")
            yield Input(
                self._preset,
                id="create-namespace",
                compact=True,
                placeholder=f"each document's own, otherwise {harmless(self.session.settings.namespace)}",
                suggester=SuggestFromList(self.session.known_namespaces),
                select_on_focus=False,
            )
        yield Static(_HINT, id="create-hint", markup=False)
        yield Static(id="create-documents")
        yield Toggle("Apply the difference to existing objects (server-side apply)", id="create-apply")
        yield Toggle("Take over fields that other managers own", id="create-force")

    def on_mount(self) -> None:
        super().on_mount()
        self.put("#create-names", Text())
        if draft := self._app.drafts.pop(_NAME, None):
            self._offer(draft.text, "from before", written=draft.written)
        self._begin_anew()

    def on_unmount(self) -> None:
        self._leave_draft()

    # -- the manifest -----------------------------------------------------------------------------------------

    @property
    def path(self) -> str:
        return self.query_one("#create-path", Input).value.strip()

    @property
    def namespace(self) -> str:
        """The namespace of all documents; "" to leave it to them."""
        return self.query_one("#create-namespace", Input).value.strip()

    @property
    def _empty(self) -> bool:
        return not self.path and self._text is None

    @property
    def _uses_text(self) -> bool:
        return not self.path and self._text is not None

    @property
    def _app(self) -> TerminalApp:
        return cast(TerminalApp, self.app)

    def _toggled(self, name: str) -> bool:
        return self.query_one(f"#create-{name}", Toggle).value

    @on(Input.Changed, "#create-path")
    def _path_changed(self) -> None:
        self.put("#create-names", Text())
        self._begin_anew()

    @on(Input.Changed, "#create-namespace")
    def _namespace_changed(self) -> None:
        self._begin_anew()

    @on(PathInput.Candidates)
    def _candidates(self, event: PathInput.Candidates) -> None:
        names = "  ".join(harmless(name) for name in event.names)
        self.put("#create-names", Text(names, palette(self.app)["dim"]))

    @on(PathInput.Pasted)
    def _pasted(self, event: PathInput.Pasted) -> None:
        if self._written and self._text:
            self.notify(f"The pasted text replaces the previous one. {kept_words(self._app, self._text, _NAME)}", markup=False)
        self._take(event.text, written=False)

    def _take(self, text: str, *, written: bool) -> None:
        """Use a written or pasted text as the manifest, and check it at once."""
        self._offer(text, "of YAML", written=written)
        path = self.query_one("#create-path", PathInput)
        with self.prevent(Input.Changed):
            path.value = ""
        self._begin_anew()
        self.action_confirm()

    def _offer(self, text: str | None, origin: str = "", *, written: bool = False) -> None:
        """Use the text, or none, while there is no path."""
        self._text, self._written = text, written
        lines = f"{counted(len(text.splitlines()), 'line')} {origin}; a path replaces them" if text is not None else ""
        self.query_one("#create-path", PathInput).placeholder = lines or _PATH

    def action_put_aside(self) -> None:
        """Start without the text, which stays in a file."""
        if self._text is not None and not self.busy:
            self.notify(kept_words(self._app, self._text, _NAME), markup=False)
            self._offer(None)
            self._begin_anew()

    # -- the editor -------------------------------------------------------------------------------------------

    def action_editor(self) -> None:
        if not self.busy and not self.change.made:
            work_instead(self, "editor", self._edit)

    async def _edit(self) -> None:
        """Edit the text so far, the file's text, or a template."""
        text, written = (self._text, self._written) if self._uses_text else (None, False)
        if self.path:
            try:
                self._app.check_path(self.path)
                text = await asyncio.to_thread(manifests.text_of, self.path)
            except PodtuiError as error:
                self.show_error(error)
                return
        if text is None:
            chosen = await self.app.push_screen_wait(Chooser("Start from", list(TEMPLATES)))
            if chosen is None:
                return
            text = TEMPLATES[chosen]
        original = text if not written else ""  # the editor keeps text that differs from this
        title = f"Create in namespace {self.namespace}" if self.namespace else "Create"
        edited = await edit_text(self._app, text, _NAME, title, check=self._faults, heading=_HEADING, original=original)
        if edited is not None and edited.strip():
            self._take(edited, written=edited not in TEMPLATES.values())

    def _leave_draft(self) -> bool:
        """Leave a text that was not created to the next dialog; returns whether there is one."""
        text, self._text = self._text, None
        if text is None or text in TEMPLATES.values():
            return False
        self._app.drafts[_NAME] = Draft(text, self._written)
        return True

    def action_cancel(self) -> None:
        super().action_cancel()
        if not self.busy and self._leave_draft():
            self.app.notify(f"{'' if self.change.made else 'Nothing was created. '}The text is offered again next time.", markup=False)

    async def _faults(self, text: str) -> Sequence[Fault]:
        """The faults of a text in the editor."""
        try:
            documents = await asyncio.to_thread(manifests.parse, text)
        except ManifestError as error:
            return faults(error, text)
        outcomes = await ManifestCreation(self.session.settings, "-", self.namespace).check(self.session.objects, documents)
        refused = [outcome for outcome in outcomes if outcome.state == "refused"]
        return [fault for one in refused for fault in one.faults or (Fault(one.document.line, str(one.error)),)]

    # -- display ----------------------------------------------------------------------------------------------

    def _begin_anew(self) -> None:
        """The manifest or its namespace has changed: forget the check."""
        made = self.change.made
        self.change = ManifestCreation(self.session.settings, "-" if self._uses_text else self.path, self.namespace)
        self.change.made = made
        self._show(())
        self.show_error("")
        for name in ("apply", "force"):
            self.query_one(f"#create-{name}", Toggle).value = False
        self._phase()

    def _phase(self) -> None:
        """Show the widgets for the phase: a manifest to check, or checked documents to create or apply."""
        change = self.change
        change.apply, change.force = self._toggled("apply"), self._toggled("force")
        self.asking = bool(change.documents)
        for word in self.query(".dialog-word"):
            word.display = self.asking
        existing = change.existing
        hint = self.query_one("#create-hint", Static)
        hint.update(_TEXT_HINT if self._uses_text else _HINT)
        hint.display = not change.documents
        self.query_one("#create-apply").display = any(not preview.unchanged for preview in existing)
        self.query_one("#create-force").display = change.apply and any(preview.conflicts for preview in existing)
        count = f" {len(change.documents)} objects" if len(change.documents) > 1 else ""
        self.set_title(f"Create{count} in namespace {self.namespace}" if self.namespace else f"Create{count}")
        verb = "Apply" if change.apply and len(existing) == len(change.documents) else "Create"
        self.set_confirm(verb if change.documents else "Editor" if self._empty else "Check")
        self.show_commands(change.commands)

    @on(Toggle.Changed)
    def _choice_changed(self) -> None:
        self._phase()

    def _show(self, outcomes: Sequence[Outcome]) -> None:
        self._listed, self._values = outcomes, None
        self.put("#create-documents", outcome_text(outcomes, palette(self.app)))

    async def action_values(self) -> None:
        """Show or mask the values of Secrets in the differences."""
        listed, found = self._listed, dict[int, Sequence[str]]()
        if self.busy or not any(map(differs_in_secrets, listed)):
            return
        if self._app.recorded:
            self.show_note(NOT_RECORDED)
            return
        if self._values is None:
            for number, outcome in enumerate(listed):
                if differs_in_secrets(outcome) and outcome.preview is not None:
                    found[number] = await outcome.preview.difference(values=True)
        if self._listed is listed:
            self._values = found or None
            self.put("#create-documents", outcome_text(listed, palette(self.app), self._values))

    # -- the work ---------------------------------------------------------------------------------------------

    def acts(self, source: Input) -> bool:
        return not self.change.documents and (source.id == "create-path" or not self._empty)

    def blocked(self) -> str:
        return super().blocked() if self.change.documents else ""

    def action_confirm(self) -> None:
        if self._empty and not self.change.documents and not self.busy:
            self.action_editor()
        else:
            super().action_confirm()

    async def submit(self) -> None:
        if self.change.documents:
            await self._create()
        else:
            await self._check()

    async def _check(self) -> None:
        self.put("#create-documents", Text())
        self.show_note("Reading…")
        if self._uses_text and self._text is not None:
            documents = await asyncio.to_thread(manifests.parse, self._text)
        else:
            self._app.check_path(self.path)
            documents = await asyncio.to_thread(manifests.load, self.path)
        self._show([Outcome(document, "untried") for document in documents])
        self.show_note("Asking the server about them (dry run)…")
        outcomes = await self.change.check(self.session.objects, documents)
        self.show_note("")
        self._show(outcomes)
        refused = sum(outcome.state == "refused" for outcome in outcomes)
        if refused:
            count = f"{refused} of {len(outcomes)} " if len(outcomes) > 1 else ""
            self.show_error(f"{count}rejected; nothing was created. F4 edits it")
            return  # Enter checks the corrected file again
        self._phase()
        existing = sum(outcome.state == "exists" for outcome in outcomes)
        if existing:
            count = f"{existing} of {len(outcomes)} already exist, and stay as they are" if len(outcomes) > 1 else "It stays as it is"
            self.show_note(f"{count} unless you apply the difference.")
        choice = "#create-apply" if self.query_one("#create-apply").display else "#dialog-cancel"
        self.return_focus = self.query_one("#dialog-word-0" if self.asked else choice)

    async def _create(self) -> None:
        change = self.change
        await change.send(self.session.objects, self.show_note)
        self.show_note("")
        left = change.outcomes
        if not left:
            if self._uses_text:
                self._text = None
            self._notify_done()
            self.dismiss(len(change.made))
            return
        self._show([*change.made, *left])
        self._phase()
        self.set_confirm("Retry")
        self.return_focus = None
        if change.made:
            self.set_cancel("Close")
        done = ", ".join(f"{count} {word}" for word in ("created", "applied") if (count := self._count(word)))
        outcome = f"{done}, {len(left)} not" if done else "nothing was created"
        unsure = sum(outcome.state == "unknown" for outcome in left)
        self.show_error(f"{outcome}, {unsure} of them possibly" if unsure else outcome)

    def _count(self, state: str) -> int:
        return sum(outcome.state == state for outcome in self.change.made)

    def _notify_done(self) -> None:
        """In kubectl's words: `pod/kubia created`."""
        if len(self.change.made) > 5:
            words = {"created": "created", "applied": "serverside-applied", "unchanged": "unchanged", "left": "left alone"}
            summary = ", ".join(f"{counted(count, 'object')} {word}" for state, word in words.items() if (count := self._count(state)))
        else:
            summary = "\n".join(str(outcome) for outcome in self.change.made)
        warnings = [warning for outcome in self.change.made for warning in outcome.warnings]
        self.notify("\n".join([summary, *(f"Warning: {warning}" for warning in warnings[:3])]), markup=False)

    def left(self) -> None:
        if self.change.documents:
            done = f"{self._count('created') + self._count('applied')} done; podtui did not wait for {len(self.change.documents)}"
            self.notify(done, severity="warning", markup=False)


_NAME = "manifest.yaml"
_PATH = "the path of a YAML or JSON file, or of a folder; Tab completes it"
_HINT = "F4: write it in an editor, from a template. You can also paste YAML."
_TEXT_HINT = "F4 edits the text, F5 puts it aside in a file."
_HEADING = ("Save and leave to continue: the server checks it before podtui creates anything.",)
