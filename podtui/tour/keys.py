"""Names of keys: as a person reads them, and as the events that a terminal sends for them."""

from __future__ import annotations

import unicodedata

from textual.events import Key
from textual.keys import REPLACED_KEYS, _character_to_key, _get_unicode_name_from_key

from podtui.keys import is_key
from podtui.ui.widgets.key_hints import key_name


def spoken(word: str) -> str:
    """`ctrl+d` is ^D, `f8` is F8, `enter` is Enter; typed text stays as it is."""
    if not is_key(word):
        return word
    name = key_name(word)
    return name.upper() if name[1:].isdigit() else name.capitalize() if name.isalpha() and len(name) > 1 else name


def key_event(key: str) -> Key:
    """The event of a key by its name (`enter`, `ctrl+d`, `equals_sign`), or of one typed character."""
    if len(key) == 1:
        return Key(key if key.isalnum() else _character_to_key(key), key)
    try:
        character: str | None = unicodedata.lookup(_get_unicode_name_from_key(REPLACED_KEYS.get(key, key)))
    except KeyError:
        character = None
    return Key(key, character)
