"""Characters that a terminal obeys, in a text that is edited: each is shown as another one, and put back at the end.

A text that was never touched comes back as it was, to the byte.
"""

from __future__ import annotations

from collections.abc import Iterator

from podtui.text import harmless

_FIRST_PRIVATE = 0xE000


class Substitutes:
    """One character for one character, chosen so that none of the text's own ones is taken. Line ends and tabs stay."""

    def __init__(self) -> None:
        self._forth: dict[int, str] = {}
        self._back: dict[int, str] = {}

    def put(self, text: str) -> str:
        """The text as it can be shown; may be called with more text later (a paste)."""
        taken = {*text, *self._forth.values()}
        for character in sorted(set(text)):
            if character not in "\n\t" and harmless(character) != character and ord(character) not in self._forth:
                substitute = next(found for found in _candidates(character) if found not in taken)
                taken.add(substitute)
                self._forth[ord(character)] = substitute
                self._back[ord(substitute)] = character
        return text.translate(self._forth)

    def back(self, text: str) -> str:
        return text.translate(self._back)

    @property
    def used(self) -> bool:
        """Whether the text has such characters."""
        return bool(self._forth)


def _candidates(character: str) -> Iterator[str]:
    picture = harmless(character)
    if len(picture) == 1:
        yield picture
    yield from map(chr, range(_FIRST_PRIVATE, 0xF8FF))
