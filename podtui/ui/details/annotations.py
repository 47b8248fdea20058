"""The labels and annotations of any object."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from podtui.kube.json_values import mapping, string
from podtui.ui.details.tabs import Tab, TabText
from podtui.ui.details.text import size
from podtui.ui.widgets.text_document import Line, Part

MOST_ANNOTATIONS = 256 * 1024  # bytes: keys and values together (TotalAnnotationSizeLimitB of apimachinery)
_SHORT = 100  # characters: a value up to this length stays on the line of its key


class AnnotationsTab(Tab):
    heavy = True

    def text(self, obj: Mapping[str, Any], width: int) -> TabText:
        return TabText(annotation_lines(obj))


def annotation_lines(obj: Mapping[str, object]) -> list[Line]:
    """Labels and annotations of any object; JSON and multi-line values stand indented under their key."""
    meta = mapping(obj.get("metadata"))
    labels = {key: string(value) for key, value in sorted(mapping(meta.get("labels")).items())}
    annotations = {key: string(value) for key, value in sorted(mapping(meta.get("annotations")).items())}
    lines: list[Line] = [[("Labels", "title"), (f"  {len(labels)}" if labels else "  none", "dim")]]
    width = max(map(len, labels), default=0)
    for key, value in labels.items():
        lines.append([(f"  {key:<{min(width, 48)}}  ", "label.key"), (value, "label.value")])
    sizes = {key: len(key.encode(errors="replace")) + len(value.encode(errors="replace")) for key, value in annotations.items()}
    total = sum(sizes.values())
    lines += ["", [("Annotations", "title"), (f"  {len(annotations)}, {size(total)} of 256 KiB" if annotations else "  none", "dim")]]
    if total > MOST_ANNOTATIONS * 9 // 10:
        lines.append([("  ! nearly full: the API server accepts at most 256 KiB of annotations", "warn")])
    for key, value in annotations.items():
        lines += _annotation(key, value)
    return lines


def _annotation(key: str, value: str) -> Sequence[Line]:
    count = len(value.encode(errors="replace"))
    head: list[Part] = [(f"  {key}", "label.key")]
    tree = _as_json(value)
    if tree is not None:
        return [[*head, (f"  {size(count)}, JSON", "dim")], *([("      " + line, "label.value")] for line in tree)]
    if "\n" in value:
        lines = value.removesuffix("\n").split("\n")
        return [[*head, (f"  {size(count)}, {len(lines)} lines", "dim")], *([("      " + line, "label.value")] for line in lines)]
    if len(value) > _SHORT:
        return [[*head, (f"  {size(count)}", "dim")], [("      " + value, "label.value")]]
    return [[*head, ("  ", ""), (value, "label.value") if value else ("empty", "dim")]]


def _as_json(value: str) -> list[str] | None:
    """The indented lines of a JSON object or array that is large enough to need them, its tokens unchanged."""
    if value[:1] not in ("{", "[") or len(value) < 3:
        return None
    try:
        return msgspec.json.format(value.strip(), indent=2).split("\n")
    except (msgspec.DecodeError, UnicodeEncodeError):
        return None
