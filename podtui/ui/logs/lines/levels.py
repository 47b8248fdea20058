"""The level of a line, as its logger wrote it in one of the usual ways.

These are a field of JSON or logfmt (`"level":"warn"`, `severity=ERROR`, pino's numbers), klog's first letter (`E0102 `),
and a word in upper case or where a logger would write it (`[warn]`, `INFO  `, `| error |`).
"""

from __future__ import annotations

import re
from enum import IntEnum
from typing import NamedTuple


class Level(IntEnum):
    TRACE = 1
    DEBUG = 2
    INFO = 3
    WARN = 4
    ERROR = 5
    FATAL = 6

    @property
    def word(self) -> str:
        return self.name.lower()

    @property
    def style(self) -> str:
        """The name of its style in the palette."""
        return _STYLES[self]

    @property
    def sign(self) -> str:
        """One character that shows the level without a colour; " " for levels that need no attention."""
        return _SIGNS[self]


_STYLES = {
    Level.TRACE: "log.debug",
    Level.DEBUG: "log.debug",
    Level.INFO: "log.info",
    Level.WARN: "log.warn",
    Level.ERROR: "log.error",
    Level.FATAL: "log.error",
}
_SIGNS = {Level.TRACE: " ", Level.DEBUG: " ", Level.INFO: " ", Level.WARN: "!", Level.ERROR: "✗", Level.FATAL: "✗"}

LEVEL_KEYS = ("level", "lvl", "severity", "loglevel", "log_level", "log.level", "levelname", "severitytext", "@l")
"""Fields in which loggers write the level, in lower case."""

_WORDS = {
    **dict.fromkeys(("trace", "verbose", "finest", "finer", "all"), Level.TRACE),
    **dict.fromkeys(("debug", "dbg", "fine"), Level.DEBUG),
    **dict.fromkeys(("info", "information", "informational", "notice", "inf", "config"), Level.INFO),
    **dict.fromkeys(("warn", "warning", "wrn"), Level.WARN),
    **dict.fromkeys(("error", "err", "severe", "eror"), Level.ERROR),
    **dict.fromkeys(("fatal", "panic", "dpanic", "critical", "crit", "alert", "emerg", "emergency", "ftl"), Level.FATAL),
}
_KLOG = {"I": Level.INFO, "W": Level.WARN, "E": Level.ERROR, "F": Level.FATAL, "D": Level.DEBUG}
_WINDOW = 160  # characters to search for a word
_FIELD_WINDOW = 2000  # characters to search for a field

_FIELD = re.compile(
    r"""(?:"(?:level|lvl|severity|severitytext|log_?level|log\.level|levelname|@l)"\s*:\s*"?
       |(?:^|(?<=[\s\[{(]))(?:level|lvl|severity|log_?level|log\.level|levelname)=["']?)(\w+)""",
    re.VERBOSE | re.IGNORECASE,
)
_KLOG_HEAD = re.compile(r"([IWEFD])\d{4} \d\d:")
_WORD = re.compile(
    r"\b(?:trace|verbose|debug|dbg|info|notice|warn|warning|error|err|severe|fatal|panic|critical|crit|alert|emerg)\b", re.IGNORECASE
)
_PLACE = re.compile(r"level\W*\Z|[\[<|(]\s*\Z", re.IGNORECASE)  # before a lower-case word that is a level, not part of a sentence


class Found(NamedTuple):
    """A level, and the span of its word."""

    level: Level
    start: int
    end: int


def level_of(value: object) -> Level | None:
    """The level in a field's value: a word, or a number of pino and bunyan (30 is info)."""
    if isinstance(value, str):
        known = _WORDS.get(value.strip().lower())
        return known if known is not None or not value.strip().isdecimal() else _of_number(int(value[:9]))
    return _of_number(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _of_number(number: float) -> Level | None:
    return Level(max(1, min(6, int(number) // 10))) if 10 <= number <= 69 else None


def find_level(text: str) -> Found | None:
    """The level of a line, and where it says so."""
    field = _FIELD.search(text, 0, _FIELD_WINDOW) if "=" in text or '"' in text else None
    if field is not None and (level := level_of(field[1])) is not None:
        return Found(level, *field.span(1))
    if text.startswith("{"):
        return None  # outside such a field, a word in JSON belongs to a message
    klog = _KLOG_HEAD.match(text)
    if klog is not None:
        return Found(_KLOG[klog[1]], 0, 1)
    for match in _WORD.finditer(text, 0, _WINDOW):
        word = match[0]
        if word.isupper() or _PLACE.search(text, max(0, match.start() - 8), match.start()):
            return Found(_WORDS[word.lower()], match.start(), match.end())
    return None
