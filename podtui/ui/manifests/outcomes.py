"""The outcome for each document of a manifest, as text: a sign, its name, its namespace, its faults, what would change."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

from rich.text import Text

from podtui.cluster.changes.creation import Outcome
from podtui.text import counted, harmless
from podtui.ui.dialogs.dialog import shown
from podtui.ui.dialogs.differences import add_difference, add_masks
from podtui.ui.themes import Palette

_SHOWN = 200  # listed documents
_CONFLICTS = 20  # of one document
_LINES = 400  # of differences, over all documents
_SIGNS = {
    "created": "✓", "applied": "✓", "checked": "✓", "unchanged": "=", "left": "=", "exists": "~", "unchecked": "?", "unknown": "?",
    "refused": "✗", "untried": "·",
}  # fmt: skip
_STYLES = {
    "refused": "error", "unknown": "warn", "unchecked": "warn", "exists": "warn", "untried": "dim", "unchanged": "dim", "left": "dim",
}  # fmt: skip
_WORDS = {"created": " created", "applied": " applied", "unchanged": " unchanged", "left": " left as it was", "exists": " already exists"}


def outcome_text(outcomes: Sequence[Outcome], styles: Palette, values: Mapping[int, Sequence[str]] | None = None) -> Text:
    """The outcomes, one below the other. `values` has the differences with the values of Secrets, by the number of the outcome; without
    it they are masked."""
    text = Text()
    room = _LINES
    several = len({outcome.document.file for outcome in outcomes}) > 1
    for number, outcome in enumerate(outcomes[:_SHOWN]):
        lines = (values or {}).get(number, outcome.preview.lines if outcome.preview is not None else ())
        room = _add(text, outcome, lines, styles, room, os.path.basename(outcome.document.file) if several else "")
    if any(differs_in_secrets(outcome) for outcome in outcomes):
        add_masks(text, styles, masked=values is None)
    if len(outcomes) > _SHOWN:
        text.append(f"… and {len(outcomes) - _SHOWN} more", styles["dim"])
    text.rstrip()
    return text


def differs_in_secrets(outcome: Outcome) -> bool:
    """Whether the outcome shows the difference of a Secret."""
    return outcome.preview is not None and outcome.preview.secret and not outcome.preview.unchanged and not outcome.done


def _add(text: Text, outcome: Outcome, lines: Sequence[str], styles: Palette, room: int, file: str) -> int:
    """Adds one outcome, with the `lines` of its difference. `room` is the number of lines left for differences; returns what remains."""
    document, ref = outcome.document, outcome.ref
    namespace = ref.namespace if ref is not None else document.namespace
    generated = "…" if document.generated and outcome.state != "created" else ""
    words = " already exists, and cannot be changed into this" if outcome.existing else _WORDS.get(outcome.state, "")
    text.append(f"{_SIGNS[outcome.state]} {outcome.named}{generated}{words}", styles[_STYLES.get(outcome.state, "ok")])
    place = [f"namespace {harmless(namespace)}"] if namespace else []
    place.append(f"{harmless(file)} line {document.line}".lstrip())
    text.append(f"  {', '.join(place)}\n", styles["dim"])
    if outcome.faults:
        for fault in outcome.faults:
            text.append(f"  line {fault.line}: " if fault.line else "  ", styles["label.key"]).append(f"{shown(fault.words)}\n")
    elif outcome.error is not None:
        place_of = f"{document.source}:{document.line}: "
        text.append(f"  {shown(str(outcome.error).removeprefix(place_of))}\n".replace("\n", "\n  ").removesuffix("  "))
    for warning in outcome.warnings:
        text.append(f"  ! Warning: {warning}\n", styles["warn"])
    if outcome.preview is not None and not outcome.done:
        preview = outcome.preview
        if preview.unchanged:
            text.append("  no difference\n", styles["dim"])
        add_difference(text, lines[: max(0, room)], styles, indent="  ")
        if len(lines) > room:
            text.append(f"  … {counted(len(lines) - max(0, room), 'more line')}\n", styles["dim"])
        room -= len(lines)
        for conflict in preview.conflicts[:_CONFLICTS]:
            text.append(f"  ! {shown(conflict.field)} is owned by {shown(conflict.owner)}\n", styles["warn"])
        if len(preview.conflicts) > _CONFLICTS:
            text.append(f"  ! and {counted(len(preview.conflicts) - _CONFLICTS, 'more field')} with other owners\n", styles["warn"])
    return room
