"""Names, label keys and label values: the rules of `k8s.io/apimachinery/pkg/util/validation`, and errors that point.

The functions `..._faults` say what the API server says, one sentence a fault, empty when there is none; lengths are in bytes of UTF-8. The
functions `check_...` raise a SelectorError at the character that is wrong, for a selector that is being typed.

A key is a qualified name: an optional prefix, which is a DNS subdomain of at most 253 characters, and '/', then a name. A name and a
value have at most 63 characters of A-Z a-z 0-9 - _ . with a letter or digit at both ends; a value may be empty.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Literal

from podtui.errors import SelectorError, UsageError
from podtui.text import harmless

Kind = Literal["labels", "annotations"]

LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
"""The expression of an RFC 1123 label, as the API server's messages quote it; so are the next two."""
SUBDOMAIN = rf"{LABEL}(\.{LABEL})*"
QUALIFIED_NAME = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
NAME_LENGTH = 63  # of a value, and of a key without its prefix
PREFIX_LENGTH = 253

_NAME = re.compile(QUALIFIED_NAME)
_NAME_CHARACTERS = re.compile(r"[-A-Za-z0-9_.]*")
_SUBDOMAIN = re.compile(SUBDOMAIN)
_SUBDOMAIN_CHARACTERS = re.compile(r"[-a-z0-9.]*")
_ALPHANUMERIC_ENDS = "and must start and end with an alphanumeric character"


# -- the API server's sentences


def regex_fault(rule: str, expression: str, *examples: str) -> str:
    """The sentence `rule` with what is right: examples and the expression (`RegexError`)."""
    shown = " or ".join(f"'{example}', " for example in examples[:-1])
    shown = f"{shown} or '{examples[-1]}'" if shown else f"'{examples[-1]}'"
    return f"{rule} (e.g. {shown}, regex used for validation is '{expression}')"


def too_long(limit: int, unit: str = "characters") -> str:
    """The sentence for what is longer than `limit` (`MaxLenError`)."""
    return f"must be no more than {limit} {unit}"


def label_faults(name: str) -> list[str]:
    """Why `name` is not an RFC 1123 label, such as the name of a Service or a container."""
    faults = [too_long(NAME_LENGTH)] if byte_length(name) > NAME_LENGTH else []
    if re.fullmatch(LABEL, name):
        return faults
    if _SUBDOMAIN.fullmatch(name):
        return [*faults, "must not contain dots"]
    rule = f"a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', {_ALPHANUMERIC_ENDS}"
    return [*faults, regex_fault(rule, LABEL, "my-name", "123-abc")]


def subdomain_faults(name: str, unit: str = "characters") -> list[str]:
    """Why `name` is not an RFC 1123 subdomain, such as the name of a Pod."""
    faults = [too_long(PREFIX_LENGTH, unit)] if byte_length(name) > PREFIX_LENGTH else []
    if not _SUBDOMAIN.fullmatch(name):
        rule = f"a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', {_ALPHANUMERIC_ENDS}"
        faults.append(regex_fault(rule, SUBDOMAIN, "example.com"))
    return faults


def namespace_faults(name: str) -> list[str]:
    """Why `name` cannot name a namespace (an RFC 1123 label), in fewer words than the server's: for a name that is being typed."""
    faults = [too_long(NAME_LENGTH, "bytes")] if byte_length(name) > NAME_LENGTH else []
    if not re.fullmatch(LABEL, name):
        faults.append(f"must consist of lower case alphanumeric characters or '-', {_ALPHANUMERIC_ENDS}")
    return faults


def namespaces(given: Sequence[str]) -> tuple[str, ...]:
    """The namespaces of every -n, in their order and once each. Raises UsageError for what cannot be the name of a namespace."""
    names = [name.strip() for text in given for name in text.split(",")]
    for name in names:
        if name and namespace_faults(name):
            hint = "lower-case letters, digits and dashes, at most 63"
            raise UsageError(f"--namespace: {harmless(name)!r} is not a valid namespace name", hint)
    return tuple(dict.fromkeys(name for name in names if name))


def key_faults(key: str, kind: Kind = "labels") -> list[str]:
    """Why the server does not accept `key`. An annotation's key may have capitals in its prefix."""
    if kind == "annotations":
        key = key.lower()
    rule = f"must consist of alphanumeric characters, '-', '_' or '.', {_ALPHANUMERIC_ENDS}"
    qualified = regex_fault(rule, QUALIFIED_NAME, "MyName", "my.name", "123-abc")
    prefix, slash, name = key.rpartition("/")
    if "/" in prefix:
        return [f"a valid label key {qualified} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"]
    faults = []
    if slash:
        faults += [f"prefix part {fault}" for fault in subdomain_faults(prefix, "bytes")] if prefix else ["prefix part must be non-empty"]
    if not name:
        faults.append("name part must be non-empty")
    if byte_length(name) > NAME_LENGTH:
        faults.append(f"name part {too_long(NAME_LENGTH, 'bytes')}")
    if not _NAME.fullmatch(name):
        faults.append(f"name part {qualified}")
    return faults


def value_faults(value: str) -> list[str]:
    """Why the server does not accept `value` as a label's value."""
    faults = [too_long(NAME_LENGTH, "bytes")] if byte_length(value) > NAME_LENGTH else []
    if value and not _NAME.fullmatch(value):
        rule = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', "
        faults.append(regex_fault(rule + _ALPHANUMERIC_ENDS, f"({QUALIFIED_NAME})?", "MyValue", "my_value", "12345"))
    return faults


def byte_length(text: str) -> int:
    """Bytes of UTF-8, also of text that cannot be encoded (a lone surrogate)."""
    return len(text.encode("utf-8", "surrogatepass"))


# -- errors that point


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
        if not _SUBDOMAIN.fullmatch(prefix):
            at, hint = _fault(_SUBDOMAIN_CHARACTERS, prefix), _character_hint(prefix)
            if at == len(prefix):
                at = _bad_dns_end(prefix)
            elif prefix.lower() != prefix and _SUBDOMAIN.fullmatch(prefix.lower()):
                hint = "the prefix is a DNS name: lower case only"
            raise SelectorError(
                f"the label key's prefix {quoted(prefix)} is not a DNS name (a-z, 0-9, '-' and '.')", text, offset + at, hint
            )
        if len(prefix) > PREFIX_LENGTH:
            raise SelectorError(f"the label key's prefix is longer than {PREFIX_LENGTH} characters", text, offset + PREFIX_LENGTH)
    if not name:
        raise SelectorError("the label key's name after '/' is empty" if start > offset else "the label key is empty", text, start)
    _check_name(name, "label key", text, start)


def label_keys(text: str) -> tuple[str, ...]:
    """The label keys in a list with commas, as kubectl's `-L` takes it, once each. Raises SelectorError with the position of a fault."""
    found: list[str] = []
    at = 0
    for word in text.split(","):
        if key := word.strip():
            check_key(key, text, at + word.index(key))
            found.append(key)
        at += len(word) + 1
    return tuple(dict.fromkeys(found))


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
        return "this is not a plain space: it probably came with pasted text"
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
