"""The texts of a label dialog: current labels, the fault in the input, the difference on each object, the room for annotations."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from rich.text import Text

from podtui.cluster.changes.label_edit import LabelEdit, LabelledObject
from podtui.errors import ArgumentError
from podtui.kube.label_changes import ANNOTATIONS_SIZE, LabelChange, abbreviated, annotations_size
from podtui.kube.names import Kind
from podtui.text import counted, harmless
from podtui.ui.dialogs.dialog import shown
from podtui.ui.dialogs.differences import field_lines
from podtui.ui.themes import Palette

_SHOWN = 100  # listed objects, or labels of one object
_METER = 20  # cells


def current_text(edit: LabelEdit, *, width: int, styles: Palette) -> Text:
    """The labels or annotations of the objects, each with the number of objects that have it unless all do."""
    text = Text(no_wrap=True, overflow="ellipsis")
    text.append(f"── {edit.kind} now ".ljust(24, "─"), styles["dim"])
    if edit.reading:
        return text.append("\nreading…", styles["dim"])
    read = [target for target in edit.objects if target.read and not target.lost]
    counted = Counter(item for target in read for item in target.current.items())
    pairs = sorted(counted.items())
    for (key, value), count in pairs[:_SHOWN]:
        text.append("\n").append(harmless(key), styles["label.key"]).append("=")
        text.append(abbreviated(value, max(12, width - len(key) - 12)), styles["label.value"])
        if count < len(read):
            text.append(f"  {count} of {len(read)}", styles["dim"])
    if len(pairs) > _SHOWN:
        text.append(f"\n… and {len(pairs) - _SHOWN} more", styles["dim"])
    return text if pairs else text.append("\nnone" if read else "\nunknown", styles["dim"])


def fault_text(fault: ArgumentError | None, *, width: int, styles: Palette) -> Text:
    """The input up to the fault, a caret under it, and the message."""
    if fault is None:
        return Text()
    before, here = harmless(fault.text[: fault.position]), harmless(fault.text[fault.position : fault.position + 20])
    what = fault.what.partition(", regex used for validation is")[0]
    if what != fault.what and "(e.g." in what:
        what += ")"
    start = before if len(before) + len(here) < width else "…" + before[-(width // 2) :]
    pointer = " " * Text(start).cell_len + "^"
    hint = f"\n{fault.hint}" if fault.hint else ""
    return Text(f"{start}{here}\n{pointer}\n✗ {what}{hint}", styles["error"])


def meter_text(edit: LabelEdit, styles: Palette) -> Text:
    """How much of the room for annotations the object with the most uses after the changes."""
    sizes = [annotations_size(edit.changes.after(target.current)) for target in edit.left if target.read]
    if not sizes:
        return Text()
    size = max(sizes)
    filled = min(_METER, -(-size * _METER // ANNOTATIONS_SIZE))
    style = styles["error" if size > ANNOTATIONS_SIZE else "warn" if size > ANNOTATIONS_SIZE * 9 // 10 else "dim"]
    most = " (the fullest)" if len(sizes) > 1 else ""
    percent = f"{size * 100 / ANNOTATIONS_SIZE:.0f} %" if size else "0 %"
    over = f": {counted(size - ANNOTATIONS_SIZE, 'byte')} too many" if size > ANNOTATIONS_SIZE else ""
    bar = "█" * filled + "░" * (_METER - filled)
    return Text(f"All annotations {bar} {size / 1024:.1f} of {ANNOTATIONS_SIZE >> 10} KiB, {percent}{most}{over}", style)


def difference_text(edit: LabelEdit, *, width: int, styles: Palette) -> Text:
    """What would change on each object; objects with the same changes are grouped."""
    text = Text()
    groups: dict[tuple[str, ...], tuple[list[Text], list[LabelledObject]]] = {}
    for target in edit.objects:
        lines = list(_lines(target, edit, width, styles))
        groups.setdefault(tuple(line.plain for line in lines), (lines, []))[1].append(target)
    for number, (lines, same) in enumerate(groups.values()):
        if number == _SHOWN:
            text.append(f"… and {len(groups) - _SHOWN} more\n", styles["dim"])
            break
        if len(edit.objects) > 1 and lines:
            names = ", ".join(harmless(target.ref.name) for target in same[:4])
            more = f" and {len(same) - 4} more" if len(same) > 4 else ""
            text.append(f"{names}{more}:\n" if len(groups) > 1 else f"all {len(same)}:\n", styles["title"])
        for line in lines:
            text.append("  " if len(edit.objects) > 1 else "").append_text(line).append("\n")
    text.rstrip()
    return text


def _lines(target: LabelledObject, edit: LabelEdit, width: int, styles: Palette) -> Iterator[Text]:
    """The lines for one object."""
    if target.done:
        yield Text("✓ done", styles["ok"])
        return
    if target.fault:
        yield Text(f"✗ {shown(target.fault)}", styles["error"])
    if target.lost or not target.read:
        return
    changes = edit.changes
    for change in target.since:
        for line in _change(change, changes.kind, width, styles):
            yield Text("! changed meanwhile: ", styles["warn"]).append_text(line)
    for change in changes.difference(target.current):
        yield from _change(change, changes.kind, width, styles)
    for refusal in changes.refusals(target.current, overwrite=edit.overwrite):
        yield Text(f"✗ {shown(refusal)}", styles["error"])


def _change(change: LabelChange, kind: Kind, width: int, styles: Palette) -> Iterator[Text]:
    room = max(12, (width - len(change.key) - 12) // 2)
    values = (change.before or "", change.after or "")
    of_lines = change.sign != "=" and any("\n" in value for value in values)
    if of_lines or (change.sign == "~" and any(len(value) > room for value in values)):
        for line in field_lines(harmless(change.key), change.before, change.after):
            parts = [(line, "")] if isinstance(line, str) else line
            text = Text()
            for part, style in parts:
                text.append(harmless(part), styles[style] if style else "")
            yield text
        return
    key, before, after = harmless(change.key), abbreviated(change.before or "", room), abbreviated(change.after or "", room)
    nothing = "''"
    if change.sign == "+":
        yield Text(f"+ {key}={after}", styles["ok"])
    elif change.sign == "-":
        yield Text(f"- {key}", styles["error"]).append(f" (was {before})" if before else "", styles["dim"])
    elif change.sign == "~":
        yield Text(f"~ {key}: {before or nothing} → {after or nothing}", styles["warn"])
    elif change.after is None:
        yield Text(f'= {kind[:-1]} "{key}" not found.', styles["dim"])
    else:
        yield Text(f"= {key}={after} already", styles["dim"])
