"""The label and annotate dialog: it takes changes in kubectl's form, shows their difference on each object, and makes them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import ClassVar, cast

from rich.text import Text
from textual import on
from textual.binding import BindingType
from textual.widget import Widget
from textual.widgets import Input, Static

from podtui.cluster.changes.label_edit import LabelEdit
from podtui.cluster.session import Session
from podtui.errors import ArgumentError, PodtuiError
from podtui.kube.label_changes import LabelChanges, parse
from podtui.kube.names import Kind, key_faults
from podtui.kube.resources import NAMESPACES, PODS, ObjectRef
from podtui.text import harmless
from podtui.ui.background import work_instead
from podtui.ui.commands import bindings
from podtui.ui.dialogs.dialog import Dialog, confirmations, described, plural
from podtui.ui.dialogs.impact_note import ImpactNote
from podtui.ui.dialogs.labels.text import current_text, difference_text, fault_text, meter_text
from podtui.ui.dialogs.labels.values import Keys, choose_key, edit_value, word_at
from podtui.ui.terminal.app import TerminalApp
from podtui.ui.themes import palette
from podtui.ui.widgets.toggle import Toggle

_EDITOR_HINT = "F4: a value in your editor, F3: in podtui's; many lines, JSON"


class LabelDialog(Dialog[int]):
    """Sets, overwrites and removes labels or annotations of one or more objects. Dismissed with the number of changed objects."""

    change: LabelEdit
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("annotate")]
    FIRST: ClassVar[str] = "#label-changes"

    DEFAULT_CSS = """
    LabelDialog .label-hint, LabelDialog #label-candidates { color: $text-muted; }
    """

    def __init__(self, session: Session, refs: Sequence[ObjectRef], kind: Kind = "labels", text: str = "") -> None:
        """`text` is the initial text of the input: suggested changes."""
        verb = "Label" if kind == "labels" else "Annotate"
        super().__init__(f"{verb} {described(refs)}", confirm=verb, asked=confirmations(session, len(refs), plural(refs)))
        self.session = session
        self.kind: Kind = kind
        self.change = LabelEdit(refs, kind, session.settings.kubectl_options)
        self._suggested = text
        self.edited: dict[str, str] = {}  # values from the editor, by key
        self._others: list[dict[str, str]] = []
        self._keys = Keys(self._in_use)
        self._impact = ImpactNote(session, refs if kind == "labels" else [], adopters=True)
        self._fault: ArgumentError | None = None

    def compose_body(self) -> Iterable[Widget]:
        example = "env=prod tier=web old-" if self.kind == "labels" else "note='two words' old-"
        placeholder = f"key=value sets, key- removes: {example}"
        yield Input(self._suggested, id="label-changes", compact=True, placeholder=placeholder, suggester=self._keys)
        yield Static(id="label-candidates")
        yield Static(id="label-fault")
        yield Toggle("Overwrite existing values", id="label-overwrite")
        yield Static(id="label-meter")
        if self.kind == "annotations":
            yield Static(_EDITOR_HINT, classes="label-hint", markup=False)
        yield Static(id="label-difference")
        yield self._impact

    def compose_reference(self) -> Iterable[Widget]:
        yield Static(id="label-current")

    # -- reading ----------------------------------------------------------------------------------------------

    async def read(self) -> None:
        change = self.change
        await change.read(self.session.objects)
        if all(one.lost for one in change.objects):
            self.show_error(change.objects[0].fault)
        self.update()
        await self._read_others()

    async def _read_others(self) -> None:
        """Read the labels of other objects of the kind, for completion, if the lists on the screen do not have them."""
        ref = self.change.objects[0].ref
        if self.kind == "labels" and ref.resource in (PODS, NAMESPACES):
            return
        try:
            self._others = await self.session.objects.in_use(ref, self.kind)
        except PodtuiError:
            return  # without the right to list there is no completion
        self.update()

    # -- input ------------------------------------------------------------------------------------------------

    @on(Input.Changed, "#label-changes")
    @on(Toggle.Changed)
    def update(self) -> None:
        text, change = self.query_one("#label-changes", Input).value, self.change
        try:
            change.changes, self._fault = self._with_edited(parse(text, self.kind), text), None
        except ArgumentError as error:
            change.changes, self._fault = LabelChanges(kind=self.kind), error
        change.overwrite = self.query_one("#label-overwrite", Toggle).value
        styles, width = palette(self.app), max(30, min(self.size.width * 9 // 10, 110) - 8)
        annotations = self.kind == "annotations"
        self.put("#label-candidates", self._candidates_text(text, width))
        self.put("#label-current", current_text(change, width=width, styles=styles))
        self.put("#label-fault", fault_text(self._fault, width=width, styles=styles))
        self.put("#label-difference", difference_text(change, width=width, styles=styles))
        self.put("#label-meter", meter_text(change, styles) if annotations else Text())
        self._impact.foretell(change.foretold)
        self.show_commands(change.commands)
        self.refresh_dialog()

    def _with_edited(self, typed: LabelChanges, text: str) -> LabelChanges:
        """The typed changes together with the values from the editor."""
        if both := self.edited.keys() & typed.patch().keys():
            key = min(both)
            words = f'"{harmless(key)}" was edited in the editor'
            raise ArgumentError(words, text, text.find(key), "remove it here, or undo that edit")
        return LabelChanges({**typed.set, **self.edited}, typed.remove, self.kind)

    def blocked(self) -> str:
        if self._fault is not None and not self.change.reading and self.change.left:
            return "see the error below the input"
        return super().blocked()

    def missing(self) -> Widget | None:
        return self.query_one("#label-overwrite") if self._fault is None and self.change.needs_overwrite else super().missing()

    def _in_use(self) -> Iterator[Mapping[str, str]]:
        """The labels of the objects, and of others in the list, as candidates."""
        if self._others:
            yield from self._others
            return
        objects = self.change.objects
        yield from (one.current for one in objects)
        if self.kind == "labels":
            store = self.session.namespaces if objects[0].ref.resource == NAMESPACES else self.session.pods
            counted = {one.ref.uid for one in objects}
            yield from (row.labels for uid, row in store.rows.items() if uid not in counted)

    def _candidates_text(self, text: str, width: int) -> Text:
        """The candidates at the cursor, in one line; the right arrow accepts the first."""
        styles = palette(self.app)
        if self.change.reading or not (found := self._keys.candidates(text)):
            return Text()
        line = Text("in use: ", styles["dim"], no_wrap=True, overflow="ellipsis")
        for name, count in found:
            if line.cell_len > width:
                break
            line.append(f"{harmless(name)} ", styles["label.key"]).append(f"({count}) ", styles["dim"])
        return line

    # -- a value in the editor --------------------------------------------------------------------------------

    def action_editor(self) -> None:
        self._edit(built_in=False)

    def action_editor_here(self) -> None:
        self._edit(built_in=True)

    def _edit(self, *, built_in: bool) -> None:
        if not self.busy and not self.change.reading and self.kind == "annotations":
            work_instead(self, "value", self._try_to_edit, built_in)

    async def _try_to_edit(self, built_in: bool) -> None:
        try:
            await self._edit_value(built_in)
        except PodtuiError as error:
            self.show_error(error)

    async def _edit_value(self, built_in: bool) -> None:
        """Edit the annotation at the cursor, with the value typed there, or one that the user chooses."""
        app, entry = cast(TerminalApp, self.app), self.query_one("#label-changes", Input)
        word, start, end = word_at(entry.value, entry.cursor_position)
        key, equals, typed = word.partition("=")
        chosen = key if key and not key_faults(key, "annotations") else await choose_key(app, self.change.left, self.edited)
        if chosen is None:
            self.show_note("Type the key of the annotation to edit")
            return
        left = self.change.left
        values = {one.current.get(chosen) for one in left}
        original = next((one.current[chosen] for one in left if chosen in one.current), "")
        begun = typed if chosen == key and equals else self.edited.get(chosen, original)
        differs = " (one of several: the objects' values differ)" if len(values) > 1 and original else ""
        edited = await edit_value(app, chosen, begun, f"Annotation {chosen}{differs}", built_in=built_in)
        if edited is None:
            return
        if chosen == key:  # from now on the editor's value counts
            entry.value = f"{entry.value[:start].rstrip()} {entry.value[end:].lstrip()}".strip()
        self.edited.pop(chosen, None)
        if values != {edited}:
            self.edited[chosen] = edited
            if original:
                self.query_one("#label-overwrite", Toggle).value = True  # editing a value means replacing it
        self.update()

    # -- the work ---------------------------------------------------------------------------------------------

    async def submit(self) -> None:
        change = self.change
        try:
            await change.send(self.session.objects)
        except Exception:
            self._show_what_is_left()
            raise
        failed, count = change.failed, len(change.objects)
        if not failed:
            self._notify_done()
            self.dismiss(count)
            return
        self._show_what_is_left()
        self.show_error(f"{len(failed)} of {count} were not changed: see above" if count > 1 else failed[0].fault)

    def _show_what_is_left(self) -> None:
        self.update()
        if any(one.since for one in self.change.objects):
            self.set_confirm("Retry")  # with the version shown now
        if not self.change.left:
            self.set_cancel("Close")

    def _notify_done(self) -> None:
        """In kubectl's words: labeled, or unlabeled if labels were only removed; annotated."""
        word = "annotated" if self.kind == "annotations" else "labeled" if self.change.changes.set else "unlabeled"
        refs = [one.ref for one in self.change.objects]
        what = harmless(str(refs[0])) if len(refs) == 1 else f"{len(refs)} {plural(refs)}"
        self.notify(f"{what} {word}", markup=False)

    def left(self) -> None:
        count = len(self.change.objects)
        done = count - len(self.change.failed)
        self.notify(f"{done} of {count} changed; podtui did not wait for the others", severity="warning", markup=False)
