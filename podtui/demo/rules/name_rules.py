"""What names, labels and keys may be, and what the API server says when they are not (`k8s.io/apimachinery/pkg/util/validation`).

Each check gives the faults as a list of the server's sentences, empty when there are none.
"""

from __future__ import annotations

import re

_LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN = f"{_LABEL}(\\.{_LABEL})*"
_LABEL_1035 = "[a-z]([-a-z0-9]*[a-z0-9])?"
_KEY = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_VALUE = "(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?"
_CONFIG_KEY = "[-._a-zA-Z0-9]+"

_LABEL_WORDS = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', "
    "and must start and end with an alphanumeric character"
)
_SUBDOMAIN_WORDS = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', "
    "and must start and end with an alphanumeric character"
)
_LABEL_1035_WORDS = (
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, "
    "and end with an alphanumeric character"
)
_KEY_WORDS = "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character"
_VALUE_WORDS = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', "
    "and must start and end with an alphanumeric character"
)
EMPTY = "must be non-empty"


def regex_fault(words: str, shape: str, *examples: str) -> str:
    """A sentence with what is right: examples and the expression."""
    told = " or ".join(f"'{example}', " for example in examples[:-1])
    told = f"{told} or '{examples[-1]}'" if told else f"'{examples[-1]}'"
    return f"{words} (e.g. {told}, regex used for validation is '{shape}')"


def too_long(limit: int) -> str:
    return f"must be no more than {limit} characters"


def between(low: int, high: int) -> str:
    return f"must be between {low} and {high}, inclusive"


def dns_label(text: str) -> list[str]:
    faults = [too_long(63)] if len(text.encode()) > 63 else []
    if not re.fullmatch(_LABEL, text):
        if re.fullmatch(_SUBDOMAIN, text):
            faults.append("must not contain dots")
        else:
            faults.append(regex_fault(_LABEL_WORDS, _LABEL, "my-name", "123-abc"))
    return faults


def dns_1035_label(text: str) -> list[str]:
    faults = [too_long(63)] if len(text.encode()) > 63 else []
    if not re.fullmatch(_LABEL_1035, text):
        faults.append(regex_fault(_LABEL_1035_WORDS, _LABEL_1035, "my-name", "abc-123"))
    return faults


def dns_subdomain(text: str) -> list[str]:
    faults = [too_long(253)] if len(text.encode()) > 253 else []
    if not re.fullmatch(_SUBDOMAIN, text):
        faults.append(regex_fault(_SUBDOMAIN_WORDS, _SUBDOMAIN, "example.com"))
    return faults


def path_segment(text: str) -> list[str]:
    """The names of roles and bindings."""
    if text in (".", ".."):
        return [f"may not be '{text}'"]
    return [f"may not contain '{one}'" for one in ("/", "%") if one in text]


def label_key(text: str) -> list[str]:
    """A qualified name: a label's key, and in lower case an annotation's."""
    parts = text.split("/")
    faults: list[str] = []
    if len(parts) > 2:
        return [
            f"a valid label key {regex_fault(_KEY_WORDS, _KEY, 'MyName', 'my.name', '123-abc')} "
            "with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"
        ]
    if len(parts) == 2:
        faults = [f"prefix part {EMPTY}"] if not parts[0] else [f"prefix part {fault}" for fault in _prefix(parts[0])]
    name = parts[-1]
    if not name:
        faults.append(f"name part {EMPTY}")
    elif len(name.encode()) > 63:
        faults.append(f"name part {_bytes(63)}")
    if not re.fullmatch(_KEY, name):
        faults.append(f"name part {regex_fault(_KEY_WORDS, _KEY, 'MyName', 'my.name', '123-abc')}")
    return faults


def _prefix(text: str) -> list[str]:
    return [fault.replace(too_long(253), _bytes(253)) for fault in dns_subdomain(text)]


def _bytes(limit: int) -> str:
    return f"must be no more than {limit} bytes"


def label_value(text: str) -> list[str]:
    faults = [_bytes(63)] if len(text.encode()) > 63 else []
    if not re.fullmatch(_VALUE, text):
        faults.append(regex_fault(_VALUE_WORDS, _VALUE, "MyValue", "my_value", "12345"))
    return faults


def config_key(text: str) -> list[str]:
    faults = [too_long(253)] if len(text.encode()) > 253 else []
    if not re.fullmatch(_CONFIG_KEY, text):
        words = "a valid config key must consist of alphanumeric characters, '-', '_' or '.'"
        faults.append(regex_fault(words, _CONFIG_KEY, "key.name", "KEY_NAME", "key-name"))
    if text in (".", "..") or text.startswith(".."):
        faults.append(f"must not be '{text}'" if text in (".", "..") else "must not start with '..'")
    return faults


def port_number(number: int) -> list[str]:
    return [] if 1 <= number <= 65535 else [between(1, 65535)]


def port_name(text: str) -> list[str]:
    faults = [too_long(15)] if len(text) > 15 else []
    if not re.fullmatch("[-a-z0-9]+", text):
        faults.append("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)")
    if not re.search("[a-z]", text):
        faults.append("must contain at least one letter (a-z)")
    if "--" in text:
        faults.append("must not contain consecutive hyphens")
    if text[:1] == "-" or text[-1:] == "-":
        faults.append("must not begin or end with a hyphen")
    return faults


def variable_name(text: str) -> list[str]:
    if not all(" " <= one <= "~" and one != "=" for one in text):
        return ["a valid environment variable name must consist only of printable ASCII characters other than '='"]
    return []
