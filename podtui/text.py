"""Make untrusted text harmless before it can reach a terminal.

Any text from a cluster may contain escape sequences, other control characters or characters
that reorder a line. podtui shows them as symbols and never interprets them.
"""

from __future__ import annotations

import re

# C0 and DEL, C1, line and paragraph separators, and the characters that change the direction of text
# (Unicode TR9), zero-width joiners and marks that hide text, and lone surrogates.
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]")
_PRINTABLE_ASCII = re.compile(r"[\x20-\x7e]*\Z")


def _shown(match: re.Match[str]) -> str:
    code = ord(match[0])
    if code < 0x20:
        return chr(0x2400 + code)  # the symbol of the control character, one cell wide
    if code == 0x7F:
        return "\u2421"
    return f"<{code:02X}>" if code < 0x100 else f"<U+{code:04X}>" if code < 0xD800 or code > 0xDFFF else "\ufffd"


def counted(count: int, noun: str) -> str:
    """`1 pod`, `12 pods`, `1,200 lines`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def harmless(text: str, *, tab: int = 0) -> str:
    """`text` on one line without anything that a terminal interprets.

    Control characters become their Unicode symbols (ESC is `␛`), C1 and bidirectional controls their code
    in angle brackets, so that a reader sees them. With `tab`, tabs become spaces up to the
    next multiple of that many columns (counted in characters).
    """
    if _PRINTABLE_ASCII.match(text):
        return text
    if tab and "\t" in text:
        text = text.expandtabs(tab)
    return _UNSAFE.sub(_shown, text)
