"""Help with the input: completion from keys and values in use, and an editor for the value of an annotation.

The editor takes any multi-line text and indents JSON; unedited parts stay the same to the byte.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice

from textual.suggester import Suggester

from podtui.cluster.changes.label_edit import LabelledObject
from podtui.errors import ArgumentError
from podtui.kube.label_changes import words
from podtui.kube.manifests.json_layout import edited_back, indented, is_document
from podtui.ui.dialogs.choose import Chooser
from podtui.ui.terminal.app import TerminalApp

_SAMPLE = 2000  # objects to look at


class Keys(Suggester):
    """Completes the last word: a key in use, and after `=` its most frequent value. `in_use` returns the labels of objects."""

    def __init__(self, in_use: Callable[[], Iterable[Mapping[str, str]]]) -> None:
        super().__init__(use_cache=False, case_sensitive=True)
        self._in_use = in_use

    def candidates(self, value: str) -> list[tuple[str, int]]:
        """The completions of the last word, each with its number of objects: values by frequency, keys by name."""
        word = value.rpartition(" ")[2]
        if any(mark in word for mark in "'\"\\"):
            return []
        key, equals, begun = word.partition("=")
        counted: Counter[str] = Counter()
        for labels in islice(self._in_use(), _SAMPLE):
            if equals:
                counted.update(found for name, found in labels.items() if name == key and found.startswith(begun) and _plain(found))
            else:
                counted.update(name for name in labels if name.startswith(key))
        return sorted(counted.items(), key=lambda one: (-one[1], one[0]) if equals else (one[0],))

    async def get_suggestion(self, value: str) -> str | None:
        word = value.rpartition(" ")[2]
        found = self.candidates(value) if word else []
        if not found:
            return None
        _, equals, begun = word.partition("=")
        return f"{value}{found[0][0][len(begun) :]}" if equals else f"{value}{found[0][0][len(word) :]}="


def _plain(value: str) -> bool:
    """Whether a value is a word that needs no quotes and is short enough for a line."""
    return len(value) <= 63 and value.isascii() and all(c.isalnum() or c in "-_./:@,+" for c in value)


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


async def choose_key(app: TerminalApp, targets: Sequence[LabelledObject], edited: dict[str, str]) -> str | None:
    """One of the objects' keys, chosen by the user; None if they leave."""
    keys = sorted({key for target in targets for key in target.current} | edited.keys())
    if len(keys) == 1:
        return keys[0]
    return await app.push_screen_wait(Chooser("Edit the annotation", keys)) if keys else None


async def edit_value(app: TerminalApp, key: str, original: str, title: str, *, built_in: bool) -> str | None:
    """The edited value, equal to `original` if unchanged; None if the user leaves. Await it in a worker."""
    from podtui.ui.editor.editing import edit_text  # a megabyte, for few values

    shown = indented(original)
    name = f"{key.rpartition('/')[2] or 'annotation'}.{'json' if is_document(original) else 'txt'}"
    edited = await edit_text(app, shown, name, title, built_in=built_in)
    return None if edited is None else edited_back(shown, edited, original)
