"""Candidates for a filter on fields: the names and values in the lines near the view."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from podtui.completion import Candidate, Completion
from podtui.ui.logs.lines.levels import LEVEL_KEYS, Level
from podtui.ui.logs.lines.records import pairs_in, record_of, value_of, written
from podtui.ui.logs.lines.text import shown
from podtui.ui.logs.view.browser import LogBrowser

_SAMPLE = 300  # lines
_MOST = 12
_LONGEST = 30  # characters of a candidate value
_WORD = re.compile(r"(?P<field>!?[\w.@/\-]*)(?P<operator>>=|<=|!=|!~|==|=|>|<|~)?(?P<value>[^\s,]*)\Z")


def complete_filter(browser: LogBrowser, text: str, cursor: int) -> Completion:
    """The candidates at the cursor, each with the number of lines near the view that have it."""
    start = max(text.rfind(" ", 0, cursor), text.rfind(",", 0, cursor)) + 1
    word = _WORD.match(text[start:cursor])
    if word is None:
        return Completion(cursor, cursor)
    if word["operator"] is None:
        begin = word["field"].removeprefix("!")
        names = Counter(name for fields in _records(browser) for name in _names(fields))
        level = [] if any(name.lower() in LEVEL_KEYS for name in names) else [Candidate("level")]
        found = [*level, *(Candidate(name, count) for name, count in names.most_common())]
        wanted = [one for one in found if one.text.lower().startswith(begin.lower()) and one.text != begin]
        return Completion(cursor - len(begin), cursor, wanted[:_MOST])
    value = word["value"]
    if word["field"].lower() in LEVEL_KEYS:
        offered = [Candidate(level.word) for level in Level]
    else:
        counts: Counter[str] = Counter()
        for fields in _records(browser):
            try:
                counts[written(value_of(fields, word["field"]))] += 1
            except KeyError:
                continue
        offered = [Candidate(f'"{one}"' if re.search(r"[\s,]", one) else one, count) for one, count in counts.most_common()]
    fits = [one for one in offered if one.text.strip('"').startswith(value) and one.text != value and len(one.text) <= _LONGEST]
    return Completion(cursor - len(value), cursor, fits[:_MOST])


def _records(browser: LogBrowser) -> Iterator[dict[str, Any]]:
    for line in browser.sample(_SAMPLE):
        plain = shown(line)
        record = record_of(plain)
        fields = dict(record.fields) if record is not None else dict(pairs_in(plain))
        if fields:
            yield fields


def _names(fields: dict[str, Any], prefix: str = "", depth: int = 0) -> Iterator[str]:
    for name, value in fields.items():
        if isinstance(value, dict) and depth < 3:
            yield from _names(value, f"{prefix}{name}.", depth + 1)
        elif re.fullmatch(r"[A-Za-z_@][\w.@/\-]*", name):
            yield f"{prefix}{name}"
