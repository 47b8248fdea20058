"""Keys as they are written down: in `--keys`, in the keymap of config.yaml and in walkthroughs."""

from __future__ import annotations

import re
import shlex
import unicodedata

from podtui.errors import UsageError


def keys_of(text: str) -> list[str]:
    """The keys of --keys: names of keys, and texts (quoted if they hold spaces) that are typed letter by letter."""
    return [key for word in key_words(text) for key in ([word] if is_key(word) else word)]


def key_words(text: str) -> list[str]:
    """The words of --keys. Raises UsageError for a quotation that does not end."""
    try:
        return shlex.split(text)
    except ValueError as error:
        raise UsageError(f"--keys: {str(error).lower()}") from None


def is_key(word: str) -> bool:
    """Whether `word` is Textual's name of a key: enter, ctrl+d, question_mark, f5."""
    from textual.keys import KEY_NAME_REPLACEMENTS, Keys

    name = re.sub(r"^((ctrl|shift|alt|super|meta)\+)+", "", word)
    if name != word:
        return bool(name)
    if name in {key.value for key in Keys} or name in KEY_NAME_REPLACEMENTS.values() or name == "space":
        return True
    try:
        return len(name) > 1 and unicodedata.lookup(name.replace("_", " ")).isascii()
    except KeyError:
        return False
