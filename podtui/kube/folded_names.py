"""What a namespace may be called: the API server's rule, in its words, so that a name is checked while it is typed."""

from __future__ import annotations

import re

_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_LONGEST = 63


def namespace_faults(name: str) -> list[str]:
    """Why `name` is no name of a namespace (an RFC 1123 label); empty when it is one."""
    faults = [f"must be no more than {_LONGEST} bytes"] if len(name.encode()) > _LONGEST else []
    if not _LABEL.fullmatch(name):
        faults.append("must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character")
    return faults
