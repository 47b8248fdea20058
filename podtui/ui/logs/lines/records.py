"""Structured lines: JSON, logfmt or klog parsed into fields."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Literal, NamedTuple

import msgspec

from podtui.ui.logs.lines.levels import LEVEL_KEYS, Level, level_of

Kind = Literal["json", "logfmt", "klog"]

MESSAGE_KEYS = ("msg", "message", "@m", "@mt", "short_message", "text", "event", "body")
TIME_KEYS = ("time", "ts", "timestamp", "@timestamp", "@t", "t", "datetime", "date")
MOST = 65_536  # characters of the longest line to parse

# A key stands at the beginning or after a space; its value is a quoted string or ends at the next space.
_PAIR = re.compile(r'(?<!\S)([A-Za-z_@][\w.@/\-]*)=("(?:[^"\\]|\\.)*+"|[^\s"]*+)(?!\S)')
KLOG_FIELDS = ("msg", "source", "thread", "time")
"""Fields of a klog record whose names are not in its line; besides the level."""
# Severity, month and day, time, thread, file and line: k8s.io/klog's header.
_KLOG = re.compile(r"([IWEFD])(\d{4}) (\d\d:\d\d:\d\d(?:\.\d+)?)\s+(\d+) ([^\s\]]+:\d+)\] ?")
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*+"')


class Record(NamedTuple):
    """A line's fields in order. The keys are the logger's; `message_key` is "" without a message."""

    kind: Kind
    fields: Mapping[str, Any]
    level: Level | None
    level_key: str
    message_key: str
    time_key: str

    @property
    def message(self) -> str:
        return written(self.fields[self.message_key]) if self.message_key else ""

    def rest(self) -> Iterator[tuple[str, Any]]:
        """The fields besides level, time and message."""
        known = (self.level_key, self.message_key, self.time_key)
        return ((key, value) for key, value in self.fields.items() if key not in known)


def record_of(text: str) -> Record | None:
    """The record in a line, or None. `text` is without colours. Never raises, whatever the text."""
    text = text[:MOST].strip()
    if text.startswith("{"):
        fields = _json(text)
        return None if fields is None else _record("json", fields)
    if (klog := _KLOG.match(text)) is not None:
        return _klog(klog, text[klog.end() :])
    if "=" in text:
        fields = _logfmt(text)
        if fields is not None:
            return _record("logfmt", fields)
    return None


def _json(text: str) -> dict[str, Any] | None:
    try:
        found = msgspec.json.decode(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) and found else None


def _logfmt(text: str) -> dict[str, Any] | None:
    """Only pairs, and at least two of them; a single one may be anything."""
    pairs = list(_PAIR.finditer(text))
    if len(pairs) < 2 or _PAIR.sub("", text).strip():
        return None
    return {pair[1]: unquoted(pair[2]) for pair in pairs}


def _klog(head: re.Match[str], rest: str) -> Record:
    """A header and a message; pairs may follow a quoted message (structured logging)."""
    level, date, time, thread, place = head.groups()
    fields: dict[str, Any] = {"level": level, "time": f"{date} {time}"}
    quoted = _QUOTED.match(rest)
    if quoted is not None:
        fields["msg"] = unquoted(quoted[0])
        fields.update((pair[1], unquoted(pair[2])) for pair in _PAIR.finditer(rest, quoted.end()))
    else:
        fields["msg"] = rest
    fields.update(source=place, thread=thread)
    letters = {"I": Level.INFO, "W": Level.WARN, "E": Level.ERROR, "F": Level.FATAL, "D": Level.DEBUG}
    return Record("klog", fields, letters[level], "level", "msg", "time")


def _record(kind: Kind, fields: dict[str, Any]) -> Record:
    lower = {key.lower(): key for key in reversed(fields)}
    level, level_key = None, ""
    for name in LEVEL_KEYS:
        key = lower.get(name)
        if key is not None and (level := level_of(fields[key])) is not None:
            level_key = key
            break
    return Record(kind, fields, level, level_key, _first(lower, MESSAGE_KEYS), _first(lower, TIME_KEYS))


def _first(lower: Mapping[str, str], names: tuple[str, ...]) -> str:
    return next((lower[name] for name in names if name in lower), "")


def pairs_in(text: str) -> Iterator[tuple[str, str]]:
    """Pairs of key and value anywhere in a line that is not a record: `INFO served status=200`."""
    return ((match[1], unquoted(match[2])) for match in _PAIR.finditer(text[:MOST]))


def unquoted(value: str) -> str:
    """The value of a pair without its quotes."""
    if not value.startswith('"'):
        return value
    try:
        return msgspec.json.decode(value, type=str)
    except ValueError:
        return value[1:-1]


def written(value: Any) -> str:
    """A field's value as text: a string as it is, everything else as JSON."""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def value_of(fields: Mapping[str, Any], name: str) -> Any:
    """A field by its name, ignoring case, or by a dotted path into objects (`http.status`).

    Raises KeyError if there is none.
    """
    if name in fields:
        return fields[name]
    lower = name.lower()
    for key, value in fields.items():
        folded = key.lower()
        if folded == lower:
            return value
        if isinstance(value, dict) and lower.startswith(f"{folded}."):
            try:
                return value_of(value, name[len(key) + 1 :])
            except KeyError:
                continue
    raise KeyError(name)
