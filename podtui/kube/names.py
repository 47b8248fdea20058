"""What a label's key and value may be, as `k8s.io/apimachinery/pkg/util/validation` has it, and errors that point.

A key is a qualified name: an optional prefix, which is a DNS subdomain of at most 253 characters, and '/', then a name. A name and a
value have at most 63 characters of A-Z a-z 0-9 - _ . with a letter or digit at both ends; a value may be empty.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from podtui.errors import SelectorError
from podtui.text import harmless

_NAME = re.compile(r"[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?")
_NAME_CHARACTERS = re.compile(r"[-A-Za-z0-9_.]*")
_DNS_LABEL = r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?"
_DNS_SUBDOMAIN = re.compile(rf"{_DNS_LABEL}(?:\.{_DNS_LABEL})*")
_DNS_CHARACTERS = re.compile(r"[-a-z0-9.]*")
NAME_LENGTH = 63  # of a value, and of a key without its prefix
PREFIX_LENGTH = 253


def check_key(key: str, text: str | None = None, offset: int = 0) -> None:
    """Raise SelectorError unless the server accepts `key` as a label key.

    `text` and `offset` say in which selector, and where, the key stands, for the error's position.
    """
    text = key if text is None else text
    start, name = offset, key
    if "/" in key:
        prefix, name = key.split("/", 1)
        start += len(prefix) + 1
        if "/" in name:
            raise SelectorError("a label key has at most one '/'", text, start + name.index("/"))
        if not prefix:
            raise SelectorError("the label key's prefix before '/' is empty", text, offset)
        if not _DNS_SUBDOMAIN.fullmatch(prefix):
            at, hint = _fault(_DNS_CHARACTERS, prefix), _character_hint(prefix)
            if at == len(prefix):
                at = _bad_dns_end(prefix)
            elif prefix.lower() != prefix and _DNS_SUBDOMAIN.fullmatch(prefix.lower()):
                hint = "the prefix is a DNS name: lower case only"
            raise SelectorError(f"the label key's prefix {quoted(prefix)} is no DNS name (a-z, 0-9, '-' and '.')", text, offset + at, hint)
        if len(prefix) > PREFIX_LENGTH:
            raise SelectorError(f"the label key's prefix is longer than {PREFIX_LENGTH} characters", text, offset + PREFIX_LENGTH)
    if not name:
        raise SelectorError("the label key's name after '/' is empty" if start > offset else "the label key is empty", text, start)
    _check_name(name, "label key", text, start)


def check_value(value: str, text: str | None = None, offset: int = 0) -> None:
    """Raise SelectorError unless the server accepts `value` as a label value; `text` and `offset` as in `check_key`."""
    if value:
        _check_name(value, "label value", value if text is None else text, offset)


def valid_key(key: str) -> bool:
    """Whether the server accepts `key` as a label key."""
    return _accepted(check_key, key)


def valid_value(value: str) -> bool:
    """Whether the server accepts `value` as a label value."""
    return _accepted(check_value, value)


def _accepted(check: Callable[[str], None], word: str) -> bool:
    try:
        check(word)
    except SelectorError:
        return False
    return True


def _check_name(name: str, what: str, text: str, offset: int) -> None:
    if not _NAME.fullmatch(name):
        at = _fault(_NAME_CHARACTERS, name)
        if at < len(name):
            raise SelectorError(f"{quoted(name[at])} cannot be in a {what}", text, offset + at, _character_hint(name))
        at = 0 if name[0] in "-_." else len(name) - 1
        raise SelectorError(f"a {what} {'ends' if at else 'begins'} with a letter or digit, not {quoted(name[at])}", text, offset + at)
    if len(name) > NAME_LENGTH:
        raise SelectorError(f"a {what} has at most {NAME_LENGTH} characters, this one {len(name)}", text, offset + NAME_LENGTH)


def _fault(good: re.Pattern[str], word: str) -> int:
    """The offset of the first character that is not `good`; the length when all are."""
    match = good.match(word)
    return match.end() if match else 0


def _bad_dns_end(prefix: str) -> int:
    """Where a DNS name of right characters is wrong: a part that is empty, or begins or ends with '-'."""
    offset = 0
    for part in prefix.split("."):
        if not part or part[0] == "-":
            return min(offset, len(prefix) - 1)
        if part[-1] == "-":
            return offset + len(part) - 1
        offset += len(part) + 1
    return 0


def _character_hint(word: str) -> str:
    if any(one.isspace() for one in word):
        return "this space is not a plain one; it came with pasted text"
    if any(mark in word for mark in "\"'`“”‘’„"):
        return "a selector takes no quotes"
    if "*" in word:
        return "there are no wildcards; the key alone selects every value"
    if any(mark in word for mark in "|&;"):
        return "requirements are separated by commas, and there is no 'or'"
    if ":" in word:
        return "a value is set off by '=': key=value"
    return ""


def quoted(word: str) -> str:
    """`word` in quotes for a message: harmless, and cut at 40 characters."""
    shown = "".join(one if one.isprintable() else f"<U+{ord(one):04X}>" for one in harmless(word))  # as a no-break space
    return f"'{shown if len(shown) <= 40 else shown[:39] + '…'}'"
