"""The label and annotate dialog: changes typed in kubectl's form, their difference on each object, then made."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from rich.text import Text
from textual import on
from textual.widget import Widget
from textual.widgets import Input, Static

from podtui.cluster.kubectl_commands import kubectl_label
from podtui.cluster.label_changes import Change, Kind, LabelChanges, abbreviated, parse
from podtui.cluster.resources import ObjectRef
from podtui.errors import ArgumentError, Changed, ConnectionFailed, CredentialError, PodtuiError, ReadOnlyError, Replaced, Unauthorized
from podtui.text import harmless
from podtui.ui.screens.dialog import Dialog, confirmations, shown
from podtui.ui.screens.impact_note import ImpactNote
from podtui.ui.screens.label_keys import Keys
from podtui.ui.screens.targets import described, plural
from podtui.ui.themes import palette
from podtui.ui.widgets.toggle import Toggle

_AT_ONCE = 8
_ATTEMPTS = 5  # a busy object changes while we look at it; what was typed is about other fields then
_SHOWN = 100  # objects, or labels of one object, that are listed


@dataclass
class Target:
    """One object: what it has now, and what became of it."""

    ref: ObjectRef  # with the UID and resourceVersion that were read last
    current: dict[str, str] = field(default_factory=dict)
    read: bool = False
    done: bool = False
    fault: str = ""
    lost: bool = False  # gone, or another object has its name: nothing to try again
    since: list[Change] = field(default_factory=list)  # what others changed since it was shown


class LabelDialog(Dialog[int]):
    """Sets, overwrites and removes labels or annotations of one or several objects. Dismissed with how many were changed."""

    FIRST: ClassVar[str] = "#label-changes"

    def __init__(self, session: Any, refs: Sequence[ObjectRef], kind: Kind = "labels", text: str = "") -> None:
        """`text` is what stands in the input at first: changes that somebody suggests."""
        verb = "Label" if kind == "labels" else "Annotate"
        super().__init__(f"{verb} {described(refs)}", confirm=verb, asked=confirmations(session, len(refs), plural(refs)))
        self.session = session
        self.kind: Kind = kind
        self._suggested = text
        self.targets = [Target(ref) for ref in refs]
        self.changes = LabelChanges(kind=kind)
        self._impact = ImpactNote(session, refs if kind == "labels" else [], adopters=True)
        self._fault: ArgumentError | None = None
        self._reading = True

    def compose_body(self) -> Iterable[Widget]:
        example = "env=prod tier=web old-" if self.kind == "labels" else "note='two words' old-"
        placeholder = f"key=value sets, key- removes: {example}"
        yield Input(self._suggested, id="label-changes", compact=True, placeholder=placeholder, suggester=Keys(self._in_use))
        yield Static(id="label-fault")
        yield Toggle("Overwrite what is there", id="label-overwrite")
        yield Static(id="label-difference")
        yield self._impact

    def compose_reference(self) -> Iterable[Widget]:
        yield Static(id="label-current")

    def on_mount(self) -> None:
        super().on_mount()
        self._update()
        self.run_worker(self._read(), group="read", exit_on_error=False)

    # -- reading ----------------------------------------------------------------------------------------------

    async def _read(self) -> None:
        gate = asyncio.Semaphore(_AT_ONCE)

        async def one(target: Target) -> None:
            async with gate:
                try:
                    await self._read_one(target)
                except PodtuiError as error:
                    target.fault, target.lost = error.what, True

        await asyncio.gather(*(one(target) for target in self.targets))
        self._reading = False
        faults = [target.fault for target in self.targets if target.fault]
        if len(faults) == len(self.targets):
            self.show_error(faults[0])
        self._update()

    async def _read_one(self, target: Target) -> None:
        """What the object has now, with what changed since the last time. Replaced when it is another object."""
        metadata: Mapping[str, Any] = await self.session.objects.metadata(target.ref)
        ref = target.ref
        if ref.uid and metadata.get("uid") != ref.uid:
            words = f"{harmless(str(ref))} was deleted and created anew since: this is another one"
            raise Replaced(409, "Conflict", words, hint="it was not touched")
        current = {key: str(value) for key, value in (metadata.get(self.kind) or {}).items()}
        if target.read:
            keys = sorted(current.keys() | target.current.keys())
            changed = [Change(key, target.current.get(key), current.get(key)) for key in keys]
            target.since = [change for change in changed if change.sign != "="]
        target.ref = ObjectRef(ref.resource, ref.name, ref.namespace, metadata.get("uid", ""), metadata.get("resourceVersion", ""))
        target.current, target.read = current, True

    # -- what is typed ----------------------------------------------------------------------------------------

    @property
    def overwrite(self) -> bool:
        return self.query_one("#label-overwrite", Toggle).value

    @on(Input.Changed, "#label-changes")
    @on(Toggle.Changed)
    def _update(self) -> None:
        text = self.query_one("#label-changes", Input).value
        try:
            self.changes, self._fault = parse(text, self.kind), None
        except ArgumentError as error:
            self.changes, self._fault = LabelChanges(kind=self.kind), error
        for selector, content in (
            ("#label-current", self._current_text()),
            ("#label-fault", self._fault_text()),
            ("#label-difference", self._difference_text()),
        ):
            static = self.query_one(selector, Static)
            static.update(content)
            static.display = bool(content.plain)
        self._impact.relabel(self.changes.patch())
        refs = [target.ref for target in self._open()]
        options = self.session.settings.kubectl_options
        self.show_commands(kubectl_label(refs, self.changes, overwrite=self.overwrite, options=options) if self.changes and refs else [])
        self.refresh_dialog()

    def _open(self) -> list[Target]:
        return [target for target in self.targets if not target.done and not target.lost]

    def blocked(self) -> str:
        if self._reading:
            return f"reading the {self.kind}…"
        if not self._open():
            return "there is nothing left to change"
        if self._fault is not None:
            return "see the fault under what you typed"
        if not self.changes:
            return "type a change"
        if any(self._refusals(target) for target in self._open()):
            return "refused: see above"
        if not any(self._effective(target) for target in self._open()):
            return "nothing would change"
        return ""

    def _refusals(self, target: Target) -> list[str]:
        return self.changes.refusals(target.current, overwrite=self.overwrite)

    def _effective(self, target: Target) -> bool:
        return any(change.sign != "=" for change in self.changes.difference(target.current))

    def _in_use(self) -> Iterator[Mapping[str, str]]:
        """The labels of the objects, and of others in the list: what may be meant."""
        yield from (target.current for target in self.targets)
        if self.kind == "labels":
            yield from (row.labels for row in self.session.pods.rows.values())

    # -- what is shown ----------------------------------------------------------------------------------------

    def _width(self) -> int:
        return max(30, min(self.size.width * 9 // 10, 110) - 8)

    def _current_text(self) -> Text:
        styles = palette(self.app)
        text = Text(no_wrap=True, overflow="ellipsis")
        text.append(f"── {self.kind} now ".ljust(24, "─"), styles["dim"])
        read = [target for target in self.targets if target.read and not target.lost]
        if self._reading:
            return text.append("\nreading…", styles["dim"])
        if len(read) == 1:
            pairs = [(key, value, 1) for key, value in sorted(read[0].current.items())]
        else:
            counted = Counter(item for target in read for item in target.current.items())
            pairs = [(key, value, count) for (key, value), count in sorted(counted.items())]
        for key, value, count in pairs[:_SHOWN]:
            text.append("\n").append(harmless(key), styles["label.key"]).append("=")
            text.append(abbreviated(value, max(12, self._width() - len(key) - 12)), styles["label.value"])
            if count < len(read):
                text.append(f"  {count} of {len(read)}", styles["dim"])
        if len(pairs) > _SHOWN:
            text.append(f"\n… and {len(pairs) - _SHOWN} more", styles["dim"])
        return text if pairs else text.append("\nnone" if read else "\nunknown", styles["dim"])

    def _fault_text(self) -> Text:
        if self._fault is None:
            return Text()
        typed, at = self._fault.text, self._fault.position
        before, width = harmless(typed[:at]), self._width()
        here = harmless(typed[at : at + 20])
        told = self._fault.what.partition(", regex used for validation is")[0]
        if told != self._fault.what and "(e.g." in told:
            told += ")"
        start = before if len(before) + len(here) < width else "…" + before[-(width // 2) :]
        pointer = " " * Text(start).cell_len + "^"
        hint = f"\n{self._fault.hint}" if self._fault.hint else ""
        return Text(f"{start}{here}\n{pointer}\n✗ {told}{hint}", palette(self.app)["error"])

    def _difference_text(self) -> Text:
        styles = palette(self.app)
        text = Text()
        groups: dict[tuple[str, ...], list[Target]] = {}
        described_lines: dict[tuple[str, ...], list[Text]] = {}
        for target in self.targets:
            lines = list(self._lines(target))
            key = tuple(line.plain for line in lines)
            groups.setdefault(key, []).append(target)
            described_lines[key] = lines
        for number, (key, targets) in enumerate(groups.items()):
            if number == _SHOWN:
                text.append(f"… and {len(groups) - _SHOWN} more\n", styles["dim"])
                break
            if len(self.targets) > 1 and key:
                names = ", ".join(harmless(target.ref.name) for target in targets[:4])
                more = f" and {len(targets) - 4} more" if len(targets) > 4 else ""
                text.append(f"{names}{more}:\n" if len(groups) > 1 else f"all {len(targets)}:\n", styles["title"])
            for line in described_lines[key]:
                text.append("  " if len(self.targets) > 1 else "").append_text(line).append("\n")
        text.rstrip()
        return text

    def _lines(self, target: Target) -> Iterator[Text]:
        """What is told of one object."""
        styles = palette(self.app)
        if target.done:
            yield Text("✓ done", styles["ok"])
            return
        if target.fault:
            yield Text(f"✗ {shown(target.fault)}", styles["error"])
        if target.lost or not target.read:
            return
        for change in target.since:
            yield Text("! changed meanwhile: ", styles["warn"]).append_text(self._line(change))
        for change in self.changes.difference(target.current):
            yield self._line(change)
        for refusal in self._refusals(target):
            yield Text(f"✗ {shown(refusal)}", styles["error"])

    def _line(self, change: Change) -> Text:
        styles = palette(self.app)
        width = max(12, (self._width() - len(change.key) - 12) // 2)
        key, before, after = harmless(change.key), abbreviated(change.before or "", width), abbreviated(change.after or "", width)
        nothing = "''"
        if change.sign == "+":
            return Text(f"+ {key}={after}", styles["ok"])
        if change.sign == "-":
            return Text(f"- {key}", styles["error"]).append(f" (was {before})" if before else "", styles["dim"])
        if change.sign == "~":
            return Text(f"~ {key}: {before or nothing} → {after or nothing}", styles["warn"])
        if change.after is None:
            return Text(f'= {self.kind[:-1]} "{key}" not found.', styles["dim"])
        return Text(f"= {key}={after} already", styles["dim"])

    # -- the work ---------------------------------------------------------------------------------------------

    async def submit(self) -> None:
        changes, overwrite = self.changes, self.overwrite
        todo = self._open()
        gate = asyncio.Semaphore(_AT_ONCE)
        stop: list[PodtuiError] = []

        async def one(target: Target) -> None:
            async with gate:
                if stop:
                    return
                target.fault, target.since = "", []
                try:
                    await self._change(target, changes, overwrite)
                except (ConnectionFailed, CredentialError, Unauthorized, ReadOnlyError) as error:
                    stop.append(error)
                except PodtuiError as error:
                    target.fault = error.what
                    target.lost = isinstance(error, Replaced)

        await asyncio.gather(*(one(target) for target in todo))
        if all(target.done for target in self.targets):
            self._tell(changes)
            self.dismiss(len(self.targets))
            return
        self._update()
        if stop:
            raise stop[0]
        failed = [target for target in self.targets if not target.done]
        if len(self.targets) > 1:
            self.show_error(f"{len(failed)} of {len(self.targets)} were not changed: see each one above")
        else:
            self.show_error(failed[0].fault)
        if not self._open():
            self.set_cancel("Close")

    async def _change(self, target: Target, changes: LabelChanges, overwrite: bool) -> None:
        """Patch one object; when it was changed meanwhile but not in what this is about, again on the newer one."""
        patch = changes.patch()
        if not self._effective(target):
            target.done = True
            return
        for attempt in range(_ATTEMPTS):
            try:
                if self.kind == "labels":
                    await self.session.objects.patch_metadata(target.ref, labels=patch)
                else:
                    await self.session.objects.patch_metadata(target.ref, annotations=patch)
            except Changed:
                before = {key: target.current.get(key) for key in patch}
                await self._read_one(target)
                target.since = [change for change in target.since if change.key in patch]
                if before != {key: target.current.get(key) for key in patch}:
                    raise PodtuiError("it was changed meanwhile: look at the difference anew, and confirm again") from None
                if attempt + 1 == _ATTEMPTS or changes.refusals(target.current, overwrite=overwrite):
                    raise PodtuiError("it keeps changing; confirm again") from None
            else:
                target.done = True
                return

    def _tell(self, changes: LabelChanges) -> None:
        """In kubectl's words: labeled, unlabeled when something was only removed; annotated."""
        word = "annotated" if self.kind == "annotations" else "labeled" if changes.set else "unlabeled"
        refs = [target.ref for target in self.targets]
        what = harmless(str(refs[0])) if len(refs) == 1 else f"{len(refs)} {plural(refs)}"
        self.notify(f"{what} {word}", markup=False)

    def left(self) -> None:
        done = sum(target.done for target in self.targets)
        self.notify(f"{done} of {len(self.targets)} changed; no answer was awaited for the others", severity="warning", markup=False)
