"""A filter on the fields of a log's lines: `level>=warn`, `status>=500 path~/cart`, `user!=anna,duration>100ms`.

Spaces, commas or `and` separate conditions, and all of them must hold. A line without the field satisfies only `!field`.
Fields are those of JSON, logfmt and klog records, pairs `key=value` anywhere in a text, and the level of any line.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from operator import ge, gt, le, lt
from typing import Any, NamedTuple

from podtui.errors import PodtuiError
from podtui.ui.logs.lines.levels import LEVEL_KEYS, find_level, level_of
from podtui.ui.logs.lines.records import KLOG_FIELDS, pairs_in, record_of, value_of, written

_CONDITION = re.compile(
    r"""\s*(?P<field>!?[A-Za-z_@][\w.@/\-]*)
        (?:\s*(?P<operator>>=|<=|!=|!~|==|=|>|<|~)\s*(?P<value>"(?:[^"\\]|\\.)*"|'[^']*'|[^\s,"']+)?)?
        (?P<end>\s*(?:,|\s+and\s+|\s+|\Z)\s*)?""",
    re.VERBOSE | re.IGNORECASE,
)
_NUMBER = re.compile(r"([+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)\s*(ns|us|µs|ms|s|m|h|B|Ki?B|Mi?B|Gi?B|%)?\Z")
_UNITS = {
    "": 1.0, "%": 1.0, "ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0,
    "B": 1.0, "KB": 1e3, "kB": 1e3, "MB": 1e6, "GB": 1e9, "KiB": 1024.0, "MiB": 1024.0**2, "GiB": 1024.0**3,
}  # fmt: skip
_ORDERS: dict[str, Callable[[Any, Any], bool]] = {">=": ge, "<=": le, ">": gt, "<": lt}


class FilterError(PodtuiError):
    """A filter does not parse. `position` is the 0-based character at fault."""

    def __init__(self, what: str, position: int, hint: str = "") -> None:
        super().__init__(what, hint)
        self.position = position


class Condition(NamedTuple):
    """`operator` is "" for a field that must exist and "!" for one that must not."""

    field: str
    operator: str
    value: str

    def holds(self, found: Any) -> bool:
        """Whether a value of the field satisfies the condition; not called for a line without the field."""
        if self.operator in ("", "!"):
            return self.operator == ""
        if self.operator in ("~", "!~"):
            return (self.value.lower() in written(found).lower()) == (self.operator == "~")
        wanted: Any
        has: Any
        wanted, has = (level_of(self.value), level_of(found)) if self.field.lower() in LEVEL_KEYS else (None, None)
        if wanted is None or has is None:
            wanted, has = _number(self.value), _number(found)
        if wanted is None or has is None:
            wanted, has = self.value, written(found)
        if self.operator in _ORDERS:
            return _ORDERS[self.operator](has, wanted)
        return bool(has == wanted) == (self.operator != "!=")


def _number(value: Any) -> float | None:
    """A number, possibly with a unit of time or size (in seconds or bytes)."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return float(value)
    match = _NUMBER.match(value.strip()) if isinstance(value, str) else None
    return float(match[1]) * _UNITS[match[2] or ""] if match else None


class FieldFilter:
    """The conditions of a filter. Raises FilterError, with the place at fault."""

    def __init__(self, text: str) -> None:
        self.text = text.strip()
        self.conditions = parse(text)
        # A line that does not contain the name need not be parsed: most lines of most logs.
        self._needles = [
            condition.field.rpartition(".")[2].lower()
            for condition in self.conditions
            if condition.operator != "!" and condition.field.lower() not in (*LEVEL_KEYS, *KLOG_FIELDS)
        ]

    def matches(self, text: str) -> bool:
        """Whether a line, without colours and time, satisfies every condition."""
        if self._needles:
            lower = text.lower()
            if not all(needle in lower for needle in self._needles):
                return False
        fields: Any = None
        for condition in self.conditions:
            if condition.field.lower() in LEVEL_KEYS:
                found = find_level(text)
                if found is not None and condition.operator not in ("~", "!~"):
                    if not condition.holds(int(found.level) * 10):
                        return False
                    continue
            if fields is None:
                record = record_of(text)
                fields = record.fields if record is not None else {}
                if record is None or record.kind == "klog":  # klog's message may be any text
                    fields = {**dict(pairs_in(text)), **fields}
            try:
                value = value_of(fields, condition.field)
            except KeyError:
                if condition.operator != "!":
                    return False
            else:
                if not condition.holds(value):
                    return False
        return True


def parse(text: str) -> list[Condition]:
    """The conditions of a filter, at least one. Raises FilterError."""
    conditions: list[Condition] = []
    at = 0
    while at < len(text.rstrip()):
        match = _CONDITION.match(text, at)
        if match is None:
            start = at + len(text[at:]) - len(text[at:].lstrip())
            raise FilterError("a field name is expected here", start, "level>=warn, status>=500, path~/cart, user=anna, !error")
        field, operator, value = match["field"], match["operator"] or "", match["value"] or ""
        if operator and not match["value"]:
            raise FilterError(f"a value is expected after {operator}", match.end("operator"))
        if match["end"] is None:
            raise FilterError("this is not valid here", match.end(), 'put a value with spaces in "quotes"')
        if field.startswith("!"):
            if operator:
                raise FilterError(f"{field} cannot have a value", match.start("operator"), f"{field[1:]}!={value}")
            field, operator = field[1:], "!"
        value = value[1:-1] if value[:1] in ("'", '"') and len(value) > 1 else value
        if field.lower() in LEVEL_KEYS and operator in _ORDERS and level_of(value) is None:
            raise FilterError(f"unknown level {value}", match.start("value"), "trace, debug, info, warn, error, fatal")
        conditions.append(Condition(field, operator, value))
        at = match.end()
    if not conditions:
        raise FilterError("enter a filter such as level>=warn", 0)
    return conditions
