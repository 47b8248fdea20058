"""The value of an annotation in an editor: any text of several lines, JSON laid out, and kept to the byte where it was not edited."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

from textual.app import App

from podtui.cluster.changes.label_edit import Target
from podtui.errors import ArgumentError
from podtui.kube.label_changes import words
from podtui.kube.manifests.json_layout import edited_back, indented, is_document
from podtui.ui.dialogs.choose import Chooser
from podtui.ui.editor.editing import edit_text

if TYPE_CHECKING:
    from podtui.ui.terminal.app import TerminalApp


def word_at(text: str, cursor: int) -> tuple[str, int, int]:
    """The word of the input at the cursor, unquoted, and where it begins and ends; "" when there is none."""
    try:
        found = [(word, start) for word, start in words(text)]
    except ArgumentError:
        return "", cursor, cursor
    for number, (word, start) in enumerate(found):
        end = found[number + 1][1] if number + 1 < len(found) else len(text)
        if start <= cursor <= end:
            return word, start, start + len(text[start:end].rstrip())
    return "", cursor, cursor


async def choose_key(app: App[Any], targets: Sequence[Target], edited: dict[str, str]) -> str | None:
    """One of the keys that the objects have, chosen by the user; None when they left."""
    keys = sorted({key for target in targets for key in target.current} | edited.keys())
    if len(keys) == 1:
        return keys[0]
    return await app.push_screen_wait(Chooser("Edit the annotation", keys)) if keys else None


async def edit_value(app: App[Any], key: str, original: str, title: str, *, built_in: bool) -> str | None:
    """The value as it was edited, equal to `original` when nothing was; None when the user left. To be awaited in a worker."""
    shown = indented(original)
    name = f"{key.rpartition('/')[2] or 'annotation'}.{'json' if is_document(original) else 'txt'}"
    edited = await edit_text(cast("TerminalApp", app), shown, name, title, built_in=built_in)
    return None if edited is None else edited_back(shown, edited, original)
