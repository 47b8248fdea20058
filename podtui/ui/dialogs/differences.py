"""Differences as text: a field before and after, and the lines of a unified diff."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator, Sequence

from rich.text import Text

from podtui.kube.merge_patch import value_text
from podtui.text import counted
from podtui.ui.dialogs.dialog import shown
from podtui.ui.themes import Palette
from podtui.ui.widgets.text_document import Line

_LINES = 40  # of a value shown in full


def field_lines(name: str, old: object, new: object, *, known: bool = True) -> Iterator[Line]:
    """One field before and after; None means that it is absent. `known` is whether the value before is known."""
    if old == new and known:
        yield [(f"= {name}: {value_text(new)}", "dim")]
        return
    if not _is_long(old) and not _is_long(new):
        if old is None:
            yield [(f"+ {name}: {value_text(new)}" + ("" if known else "  (before: unknown)"), "ok")]
        elif new is None:
            yield [(f"- {name}: {value_text(old)}", "error")]
        else:
            yield [(f"~ {name}: ", "warn"), (value_text(old), "error"), (" → ", "dim"), (value_text(new), "ok")]
        return
    yield [(f"{'+' if old is None else '-' if new is None else '~'} {name}:", "warn")]
    changed = list(difflib.unified_diff(_text_lines(old), _text_lines(new), lineterm="", n=2))[2:]
    for line in changed[:_LINES]:
        yield [(f"  {line}", {"+": "ok", "-": "error"}.get(line[:1], "dim"))]
    if len(changed) > _LINES:
        yield [(f"  … {counted(len(changed) - _LINES, 'more line')}", "dim")]


def _is_long(value: object) -> bool:
    if isinstance(value, str):
        return "\n" in value or len(value) > 60
    return isinstance(value, (dict, list)) and len(json.dumps(value)) > 60


def _text_lines(value: object) -> Sequence[str]:
    """A value as lines to compare; JSON in a text is indented first."""
    if value is None:
        return []
    if not isinstance(value, str):
        return json.dumps(value, indent=2, ensure_ascii=False).split("\n")
    try:
        found = json.loads(value)
        laid_out = json.dumps(found, indent=2, ensure_ascii=False) if isinstance(found, (dict, list)) else value
    except (ValueError, RecursionError):  # not JSON, or nested deeply to make this fail
        laid_out = value
    return laid_out.split("\n")


NOT_RECORDED = "The values of Secrets are not shown where the screen is recorded"
_MASKED = {True: "The values of Secrets are masked; F6 shows them", False: "The values of Secrets are shown; F6 masks them"}


def add_masks(text: Text, styles: Palette, *, masked: bool) -> None:
    """The line that says whether the values of Secrets in a difference are masked."""
    text.append(f"{_MASKED[masked]}\n", styles["dim"])


def add_difference(text: Text, lines: Sequence[str], styles: Palette, indent: str = "") -> None:
    """The lines of a unified diff, in its signs and colours."""
    names = {"+": "ok", "-": "error", "@": "dim"}
    for line in lines:
        name = names.get(line[:1], "")
        text.append(f"{indent}{shown(line)}\n", styles[name] if name else "")
