"""What may be shown of a text: nothing that a terminal interprets, and no secret of a URL.

Any text from a cluster may contain escape sequences, other control characters or characters
that reorder a line. podtui shows them as symbols and never interprets them.
"""

from __future__ import annotations

import re
import unicodedata

# C0 and DEL, C1, line and paragraph separators, the characters that change the direction of text (Unicode TR9), annotations between
# lines, lone surrogates, and whatever a terminal shows as nothing (Default_Ignorable_Code_Point: soft hyphen, Hangul fillers, joiners,
# tags), except the selectors of a character's form, which emoji need.
_UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0"
    "\ufff0-\ufffb\ud800-\udfff\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
MARKS = 4  # marks on one character that real scripts need at most
_STACKS = re.compile(  # the blocks that have characters without a width of their own
    "[\u0300-\u1cff\u1dc0-\u1dff\u20d0-\u20ff\u2cef-\u2cf1\u2de0-\u2dff\u302a-\u302f\u3099\u309a\ua66f-\ua6ff\ua800-\uabff\ud7b0-\ud7ff\ufb1e"
    f"\ufe00-\ufe0f\ufe20-\ufe2f\U00010000-\U0001efff]{{{MARKS + 1},}}"
)
_URL = re.compile(r"""([A-Za-z][A-Za-z0-9+.-]*://)([^\s"'<>]+)""")
_SECRET = re.compile(r"(?i)([?&][^=&#]{0,40}(?:token|secret|passw|pwd|key|signature|sig|auth|cred)[^=&#]{0,40}=)[^&#]+")
_private: set[str] = set()  # of URLs whose paths are secret: scheme, host and port
_users: set[str] = set()  # user names and passwords of texts that should be URLs, up to their @
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

    Control characters become their Unicode symbols (ESC is `␛`), C1, bidirectional controls and invisible characters their code
    in angle brackets, so that a reader sees them; of more marks on one character than a script needs, the number. With `tab`, tabs
    become spaces up to the next multiple of that many columns (counted in characters).
    """
    if _PRINTABLE_ASCII.match(text):
        return text
    if tab and "\t" in text:
        text = text.expandtabs(tab)
    return _STACKS.sub(_unstacked, _UNSAFE.sub(_shown, text))


def piled_marks(text: str) -> set[str]:
    """The marks on those characters of `text` that have more of them than a script needs."""
    return {mark for found in _STACKS.finditer(text) if _unstacked(found) != found[0] for mark in found[0] if _is_mark(mark)}


def _is_mark(character: str) -> bool:
    return unicodedata.category(character) in ("Mn", "Me") or "\u1161" <= character <= "\u11ff" or "\ud7b0" <= character <= "\ud7ff"


def _unstacked(match: re.Match[str]) -> str:
    """Marks in any number are drawn over each other, and over other lines."""
    shown: list[str] = []
    run = 0
    for character in match[0]:
        if _is_mark(character):
            run += 1
            if run <= MARKS:
                shown.append(character)
            continue
        if run > MARKS:
            shown.append(f"<+{run - MARKS} marks>")
        run = 0
        shown.append(character)
    if run > MARKS:
        shown.append(f"<+{run - MARKS} marks>")
    return "".join(shown)


def pasteable(text: str) -> str:
    """`text` as it may go into a clipboard, and from there into any program: harmless but for its line ends and tabs.

    An escape would end a bracketed paste, and what follows would be typed; a carriage return would press Enter.
    """
    return "".join(part if part in ("\n", "\t") else harmless(part) for part in re.split("([\n\t])", text))


def as_file_name(text: str) -> str:
    """A name from a cluster as the name of a file: whatever is not in the names of Kubernetes becomes `_`, and none is hidden."""
    return re.sub(r"[^A-Za-z0-9._-]", "_", text)[:200].lstrip(".-") or "_"


def conceal(url: str) -> None:
    """Show nothing of what follows the host in `url`, or in another URL of the same host, from now on.

    It is for the URLs of a kubeconfig and of the environment (servers, proxies): some have a secret as their path. A mistake in one, such
    as a forgotten scheme or a space, does not show its password either.
    """
    rest = url.rpartition("://")[2]
    user = rest.removesuffix(_without_user(rest))
    if ":" in user and user in redacted(url):
        _users.update((user, harmless(user)))
    if (found := _URL.match(url)) is not None:
        rest = _without_user(found[2])
        place = re.split(r"[/?#]", rest, maxsplit=1)[0]
        if rest.rstrip("/") != place:
            _private.add(f"{found[1]}{place}".lower())


def redacted(text: str) -> str:
    """`text` without the secrets of the URLs in it: the user names and passwords of all, the values of parameters that are named like
    secrets, and whatever follows the host where `conceal` was called. Every message passes through it."""
    for user in _users:
        text = text.replace(user, "")
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
