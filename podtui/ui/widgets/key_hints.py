"""The last line: the keys of what has the focus. What cannot be done now is dimmed, not missing."""

from __future__ import annotations

from podtui.ui.widgets.text_line import Part, TextLine

NAMES = {
    "question_mark": "?", "colon": ":", "slash": "/", "equals_sign": "=", "ampersand": "&", "escape": "Esc", "enter": "Enter",
    "space": "Space", "tab": "Tab", "shift+tab": "Shift+Tab", "plus": "+", "minus": "-", "greater_than_sign": ">", "less_than_sign": "<",
    "pageup": "PgUp", "pagedown": "PgDn", "up": "↑", "down": "↓", "left": "←", "right": "→", "home": "Home", "end": "End",
    "ctrl+backslash": "Ctrl+\\",
}  # fmt: skip


def key_name(key: str) -> str:
    """A Textual key as a person knows it: `ctrl+d` is `^D`, `slash` is `/`."""
    if key in NAMES:
        return NAMES[key]
    if key.startswith("ctrl+"):
        return f"^{key[5:].upper()}"
    return key


class KeyHints(TextLine):
    """Reads the screen's active bindings; those that are shown come first from the focused widget."""

    def on_mount(self) -> None:
        self.screen.bindings_updated_signal.subscribe(self, lambda _: self._tell())
        self._tell()

    def _tell(self) -> None:
        if not self.is_attached:
            return
        parts: list[Part] = []
        seen: set[str] = set()
        for active in self.screen.active_bindings.values():
            binding = active.binding
            if binding.show and binding.action not in seen:
                seen.add(binding.action)
                style = "" if active.enabled else "dim"
                parts += [(" ", ""), (key_name(binding.key), "label.key" if active.enabled else "dim"), (f" {binding.description} ", style)]
        self.show(parts)
