"""What of a text may be shown: nothing that a terminal interprets, and no secret of a URL.

Any text from a cluster may contain escape sequences, other control characters or characters
that reorder a line. podtui shows them as symbols and never interprets them.
"""

from __future__ import annotations

import re

# C0 and DEL, C1, line and paragraph separators, and the characters that change the direction of text
# (Unicode TR9), zero-width joiners and marks that hide text, and lone surrogates.
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]")
_URL = re.compile(r"""([A-Za-z][A-Za-z0-9+.-]*://)([^\s"'<>]+)""")
_SECRET = re.compile(r"(?i)([?&][^=&#]{0,40}(?:token|secret|passw|pwd|key|signature|sig|auth|cred)[^=&#]{0,40}=)[^&#]+")
_private: set[str] = set()  # of URLs whose paths are secret: scheme, host and port
_PRINTABLE_ASCII = re.compile(r"[\x20-\x7e]*\Z")


def _shown(match: re.Match[str]) -> str:
    code = ord(match[0])
    if code < 0x20:
        return chr(0x2400 + code)  # the symbol of the control character, one cell wide
    if code == 0x7F:
        return "\u2421"
    return f"<{code:02X}>" if code < 0x100 else f"<U+{code:04X}>" if code < 0xD800 or code > 0xDFFF else "\ufffd"


def single_cells(text: str) -> str:
    """`text` with one cell for each character that `harmless` would show: the last gate before the terminal, where all should be so."""
    return _UNSAFE.sub(lambda match: shown if len(shown := _shown(match)) == 1 else "\ufffd", text)


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


def conceal(url: str) -> None:
    """Show nothing of what follows the host in `url`, or in another URL of the same host, from now on.

    It is for the URLs of a kubeconfig and of the environment (servers, proxies): some have a secret as their path.
    """
    if (found := _URL.match(url)) is not None:
        rest = _without_user(found[2])
        place = re.split(r"[/?#]", rest, maxsplit=1)[0]
        if rest.rstrip("/") != place:
            _private.add(f"{found[1]}{place}".lower())


def redacted(text: str) -> str:
    """`text` without the secrets of the URLs in it: the user names and passwords of all, the values of parameters that are named like
    secrets, and whatever follows the host where `conceal` was called. Every message passes through it."""
    return _URL.sub(_redacted, text) if "://" in text else text


def _redacted(match: re.Match[str]) -> str:
    rest = _without_user(match[2])
    place = re.split(r"[/?#]", rest, maxsplit=1)[0].rstrip(".,:;)")
    if f"{match[1]}{place}".lower() in _private:
        return f"{match[1]}{place}/…" if len(rest) > len(place) else f"{match[1]}{place}"
    return match[1] + _SECRET.sub(r"\1…", rest)


def _without_user(rest: str) -> str:
    """What follows `scheme://`, without the user name and the password, in which a slash may stand that should be escaped."""
    authority = re.split(r"[/?#]", rest, maxsplit=1)[0]
    if "@" in authority:
        return rest[authority.rindex("@") + 1 :]
    password = authority.partition(":")[2]
    return rest.rpartition("@")[2] if password and not password.isdecimal() and not authority.startswith("[") else rest
