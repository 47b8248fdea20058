"""Names that only an API server has to check, beside those of `podtui.kube.names` (`k8s.io/apimachinery/pkg/util/validation`).

Each check gives the faults as a list of the server's sentences, empty when there are none.
"""

from __future__ import annotations

import re

from podtui.kube.names import byte_length, regex_fault, too_long

_CONFIG_KEY = "[-._a-zA-Z0-9]+"


def between(low: int, high: int) -> str:
    return f"must be between {low} and {high}, inclusive"


def path_segment(text: str) -> list[str]:
    """The names of roles and bindings."""
    if text in (".", ".."):
        return [f"may not be '{text}'"]
    return [f"may not contain '{one}'" for one in ("/", "%") if one in text]


def config_key(text: str) -> list[str]:
    faults = [too_long(253)] if byte_length(text) > 253 else []
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
