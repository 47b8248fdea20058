"""A choice of one word from a few, with the arrow keys or Space: `(•) background ( ) foreground`. One line high."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.text import Text
from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widget import Widget


class Choice(Widget, can_focus=True):
    """Marks the chosen word with a character, not just a colour."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("right,space", "step(1)", "Next", show=False),
        Binding("left", "step(-1)", "Previous", show=False),
    ]

    DEFAULT_CSS = """
    Choice { height: 1; width: auto; }
    Choice:focus { text-style: bold reverse; }
    """

    class Changed(Message):
        """The user chose another word."""

        def __init__(self, choice: Choice) -> None:
            super().__init__()
            self.choice = choice

    def __init__(self, words: Sequence[str], *, id: str | None = None) -> None:
        """Initially the first of `words` is chosen."""
        super().__init__(id=id)
        self.words = tuple(words)
        self.value = self.words[0]

    def render(self) -> Text:
        return Text("  ".join(f"({'•' if word == self.value else ' '}) {word}" for word in self.words), no_wrap=True)

    def action_step(self, by: int) -> None:
        self._choose((self.words.index(self.value) + by) % len(self.words))

    def on_click(self, event: events.Click) -> None:
        at = 0
        for place, word in enumerate(self.words):
            at += len(word) + 6
            if event.x < at:
                self._choose(place)
                return

    def _choose(self, place: int) -> None:
        if self.value != self.words[place]:
            self.value = self.words[place]
            self.refresh()
            self.post_message(self.Changed(self))
