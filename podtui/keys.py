"""Keys as they are written down: in `--keys`, in the keymap of config.yaml and in walkthroughs."""

from __future__ import annotations

import re
import shlex

from podtui.errors import UsageError
from podtui.text import harmless
from podtui.yamlcheck import near


def keys_of(text: str) -> list[str]:
    """The keys of --keys: names of keys, and texts (quoted if they hold spaces) that are typed letter by letter."""
    return [key for word in key_words(text) for key in ([word] if is_key(word) else word)]


def key_words(text: str) -> list[str]:
    """The words of --keys. Raises UsageError for a quotation that does not end."""
    try:
        return shlex.split(text)
    except ValueError as error:
        raise UsageError(f"--keys: {str(error).lower()}") from None


_MODIFIERS = ("ctrl", "shift", "alt", "super", "meta", "hyper")
_MODIFIED = re.compile(rf"((?:(?:{'|'.join(_MODIFIERS)})\+)*)(.+)", re.DOTALL)


def is_key(word: str) -> bool:
    """Whether `word` is Textual's name of a key: enter, ctrl+d, question_mark, f5. A single character is a text."""
    modifiers, name = _parts(word)
    return (len(name) == 1 and bool(modifiers)) or _is_name(name)


def key_fault(word: str) -> str:
    """What is wrong with a key in a keymap, where a single character is a key too; "" if nothing is."""
    modifiers, name = _parts(word)
    if (len(name) > 1 and not _is_name(name)) or not name.isprintable():
        meant = _with_its_modifiers(word.lower())
        nearest = f", did you mean `{harmless(meant)}`?" if meant != word and not key_fault(meant) else near(name, _names())
        return f"unknown key `{harmless(word)}`{nearest or ' (use f5, ctrl+g, alt+x, space, or a character)'}"
    meant = f"{modifiers.removesuffix('shift+')}{name.upper()}" if modifiers.endswith("shift+") and "ctrl" not in modifiers else word
    if modifiers.endswith("ctrl+"):
        meant = f"{modifiers}{name.lower()}"
    if len(name) == 1 and name.isalpha() and meant != word:
        return f"no terminal sends `{harmless(word)}`: write `{harmless(meant)}`"
    return ""


def as_sent(word: str) -> str:
    """A key by the name with which it comes from the terminal: `?` is question_mark."""
    from textual.keys import _character_to_key

    return _character_to_key(word) if len(word) == 1 else word


def _parts(word: str) -> tuple[str, str]:
    """The modifiers, each with its plus sign, and the name of the key."""
    match = _MODIFIED.fullmatch(word)
    return (match[1], match[2]) if match else ("", word)


def _with_its_modifiers(word: str) -> str:
    """A key with the modifiers that it seems to name: `ctlr+x` is ctrl+x."""
    import difflib  # for a mistake alone

    *modifiers, name = word.split("+")
    likely = [difflib.get_close_matches(modifier, _MODIFIERS, n=1, cutoff=0.7) or [modifier] for modifier in modifiers]
    return "+".join([*(found[0] for found in likely), name])


def _names() -> set[str]:
    from textual.keys import KEY_NAME_REPLACEMENTS, Keys

    return {key.value for key in Keys if "+" not in key.value and key.value[0] != "<"} | set(KEY_NAME_REPLACEMENTS.values()) | {"space"}


def _is_name(name: str) -> bool:
    return name in _names() or name in {as_sent(chr(code)) for code in range(0x21, 0x7F) if not chr(code).isalnum()}
