"""The last line: the keys of the focused widget. A command that cannot run now is not hidden but dimmed, its key in parentheses."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import Any

from rich.cells import cell_len
from textual.app import App
from textual.binding import Binding

from podtui.ui.commands import BY_ID
from podtui.ui.widgets.text_document import Part
from podtui.ui.widgets.text_line import TextLine

NAMES = {
    "question_mark": "?", "colon": ":", "slash": "/", "equals_sign": "=", "ampersand": "&", "escape": "Esc", "enter": "Enter",
    "space": "Space", "tab": "Tab", "shift+tab": "Shift+Tab", "plus": "+", "minus": "-", "greater_than_sign": ">", "less_than_sign": "<",
    "pageup": "PgUp", "pagedown": "PgDn", "up": "↑", "down": "↓", "left": "←", "right": "→", "home": "Home", "end": "End",
    "at": "@", "backslash": "\\", "backspace": "Backspace", "delete": "Del", "ctrl+@": "Ctrl+Space",
}  # fmt: skip
_PARTS = 3  # of a hint
_MORE: Part = (" …", "dim")
_MODIFIERS = {"ctrl": "Ctrl", "shift": "Shift", "alt": "Alt", "super": "Super", "meta": "Meta"}


def key_name(key: str) -> str:
    """A Textual key as users know it: `ctrl+d` is `^D`, `ctrl+up` is `Ctrl+↑`, `slash` is `/`."""
    if key in NAMES:
        return NAMES[key]
    modifier, plus, rest = key.partition("+")
    if plus and rest and modifier in _MODIFIERS:
        return f"^{rest.upper()}" if modifier == "ctrl" and len(rest) == 1 else f"{_MODIFIERS[modifier]}+{key_name(rest)}"
    if key[:1] == "f" and key[1:].isdecimal():
        return key.upper()
    try:
        return unicodedata.lookup(key.replace("_", " ")) if "_" in key else key
    except KeyError:
        return key


def first_key(app: App[Any], command_id: str) -> str:
    """The first key of a command as users know it, from the user's keymap if set there."""
    return key_name((app._keymap.get(command_id) or BY_ID[command_id].key).split(",")[0].strip())


class KeyHints(TextLine):
    """Shows the screen's active bindings; those of the focused widget come first, those of the whole program stand at the right.

    `refusal` returns why the command with that id cannot run now, or ""; commands that are `foreign` here come last.
    """

    def __init__(self, refusal: Callable[[str], str] = lambda _: "", foreign: Callable[[str], bool] = lambda _: False) -> None:
        super().__init__()
        self._refusal = refusal
        self._foreign = foreign
        self._hinted: list[tuple[Binding, bool]] = []

    def on_mount(self) -> None:
        self.screen.bindings_updated_signal.subscribe(self, lambda _: self._read())
        self._read()

    def _read(self) -> None:
        """Read the bindings again, for example when another widget has the focus."""
        if not self.is_attached:
            return
        focused = self.screen.focused
        self._hinted = []
        seen: set[str] = set()
        for key, active in self.screen.active_bindings.items():
            binding = active.binding
            character = NAMES.get(key, key)
            typed = focused is not None and focused.check_consume_key(key, character if len(character) == 1 else None)
            if binding.show and binding.action not in seen and not typed:
                seen.add(binding.action)
                self._hinted.append((binding, active.enabled))
        self._hinted.sort(key=lambda hint: self._foreign(hint[0].id or ""))
        self.refresh_hints()

    def fitting(self, room: int) -> Sequence[Part]:
        """Whole hints: the rest of one would not be understood."""
        sizes = [sum(cell_len(text) for text, _ in self._left[start : start + _PARTS]) for start in range(0, len(self._left), _PARTS)]
        if sum(sizes) <= room:
            return self._left
        kept = [end for end, used in enumerate(accumulate(sizes), 1) if used + cell_len(_MORE[0]) <= room]
        return (*self._left[: kept[-1] * _PARTS], _MORE) if kept else self._left

    def refresh_hints(self) -> None:
        """Show the hints again, as refusals may have changed."""
        left: list[Part] = []
        right: list[Part] = []
        for binding, enabled in self._hinted:
            enabled = enabled and not self._refusal(binding.id or "")
            parts = right if binding.id in BY_ID and BY_ID[binding.id].where == "app" else left
            name = key_name(binding.key)
            key: Part = (name, "label.key") if enabled else (f"({name})", "dim")  # visible without colours
            parts += [(" ", ""), key, (f" {binding.description} ", "" if enabled else "dim")]
        self.show(left, right)
