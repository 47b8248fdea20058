"""Records laid out for reading: in aligned columns, or with one field on each row.

A layout is one text and the offsets of its rows, so that scrolling, wrapping and searching need not know about it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal, NamedTuple

from rich.cells import cell_len, chop_cells

from podtui.text import harmless
from podtui.ui.logs.lines.levels import Level
from podtui.ui.logs.lines.records import Record, record_of, written
from podtui.ui.logs.lines.text import TAB, Span

Records = Literal["raw", "columns", "indented"]

LEVEL_WIDTH = 5
_WIDEST, _WIDEST_MESSAGE = 24, 48  # cells of a column
_MOST_COLUMNS = 5
_SHARE = 0.5  # of the records must have a field to give it a column
_GAP = "  "
_MOST_ROWS = 300  # of one record, indented
_DEEPEST = 12  # levels of indented objects; deeper ones stay on one row


class Laid(NamedTuple):
    """The text on the screen, its styles, and where its rows begin."""

    text: str
    spans: list[Span]
    starts: list[int]


class Columns(NamedTuple):
    """The fields with a column, and the width of each. The name of the message's column is ""."""

    names: tuple[str, ...] = ()
    widths: tuple[int, ...] = ()

    @property
    def header(self) -> str:
        """The column titles."""
        if not self.names:
            return ""
        cells = [_fit("LEVEL", LEVEL_WIDTH)]
        cells += [_fit((name or "message").upper(), width) for name, width in zip(self.names, self.widths, strict=True)]
        return harmless(_GAP.join(cells).rstrip())


def learn(lines: Iterable[str]) -> Columns:
    """Columns that suit these lines (without colours): the message and the fields that most of the records have."""
    counts: Counter[str] = Counter()
    widths: Counter[str] = Counter()
    records, messages = 0, 0
    for line in lines:
        record = record_of(line)
        if record is None:
            continue
        records += 1
        for name, value in _flat(dict(record.rest())):
            counts[name] += 1
            widths[name] = max(widths[name], cell_len(name), cell_len(written(value)))
        if record.message_key:
            messages = max(messages, cell_len(record.message))
    names = [name for name, count in counts.items() if count >= records * _SHARE and widths[name] <= _WIDEST]
    names = sorted(names, key=lambda name: -counts[name])[:_MOST_COLUMNS]
    if not records:
        return Columns()
    return Columns(("", *names), (max(7, min(messages, _WIDEST_MESSAGE)), *(widths[name] for name in names)))


def in_columns(record: Record, columns: Columns) -> Laid:
    """A record on one row: level, the columns, and then the other fields as `key=value`."""
    build = _Build()
    build.level(record.level)
    fields = dict(_flat(dict(record.rest())))
    for name, width in zip(columns.names, columns.widths, strict=True):
        build.add(_GAP)
        style = "" if name else _style(record.level)
        value = record.message if not name else written(fields.pop(name)) if name in fields else ""
        # A message is never cut: it pushes the columns after it to the right.
        build.add(_pad(value, width) if not name else _fit(value, width), style)
    build.pairs(fields)
    return build.laid()


def indented(record: Record) -> Laid:
    """A record on many rows: level and message on the first, then one for each field, objects under their name."""
    build = _Build()
    build.level(record.level)
    build.add(_GAP)
    first, *more = record.message.split("\n")
    build.add(first, _style(record.level))
    for line in more:
        build.row("      ")
        build.add(line)
    fields = dict(record.rest())
    if record.time_key:
        fields = {record.time_key: record.fields[record.time_key], **fields}
    _object(build, fields, 1)
    return build.laid()


def _object(build: _Build, fields: Mapping[str, Any], depth: int) -> None:
    for key, value in fields.items():
        if not build.row("    " * depth):
            return
        build.add(f"{key}:", "label.key")
        _value(build, value, depth)


def _value(build: _Build, value: Any, depth: int) -> None:
    if depth < _DEEPEST and isinstance(value, dict) and value:
        _object(build, value, depth + 1)
    elif depth < _DEEPEST and isinstance(value, list) and any(isinstance(one, dict | list) for one in value):
        for one in value:
            if not build.row("    " * (depth + 1)):
                return
            build.add("-", "dim")
            _value(build, one, depth + 1)
    else:
        text = written(value)
        if "\n" not in text.strip("\n"):
            build.add(f" {text}", _value_style(value))
            return
        for line in text.rstrip("\n").split("\n"):
            if not build.row("    " * (depth + 1)):
                return
            build.add(line, _value_style(value))


def _value_style(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return "yaml.keyword"
    return "yaml.number" if isinstance(value, int | float) else ""


def _style(level: Level | None) -> str:
    return level.style if level is not None and level >= Level.WARN else ""


def _flat(fields: Mapping[str, Any], prefix: str = "", depth: int = 0) -> Iterator[tuple[str, Any]]:
    """Flattens objects: their fields by path, such as `http.status`."""
    for key, value in fields.items():
        if isinstance(value, dict) and value and depth < 3:
            yield from _flat(value, f"{prefix}{key}.", depth + 1)
        else:
            yield f"{prefix}{key}", value


def _fit(text: str, width: int) -> str:
    """Exactly `width` cells."""
    if cell_len(text) > width:
        text = (chop_cells(text, max(1, width - 1)) or [""])[0] + "…"
    return _pad(text, width)


def _pad(text: str, width: int) -> str:
    return text + " " * (width - cell_len(text))


class _Build:
    """Builds a layout."""

    def __init__(self) -> None:
        self._texts: list[str] = []
        self._length = 0
        self._spans: list[Span] = []
        self._starts = [0]

    def add(self, text: str, style: str = "") -> None:
        text = harmless(text, tab=TAB)
        if style and text:
            self._spans.append(Span(self._length, self._length + len(text), style))
        self._texts.append(text)
        self._length += len(text)

    def level(self, level: Level | None) -> None:
        self.add(_pad(level.word if level is not None else "", LEVEL_WIDTH), level.style if level is not None else "")

    def pairs(self, fields: Mapping[str, Any]) -> None:
        for name, value in fields.items():
            self.add(f"{_GAP}{name}=", "dim")
            self.add(written(value))

    def row(self, indent: str) -> bool:
        """Begin another row; False if there are too many."""
        if len(self._starts) > _MOST_ROWS:
            return False
        self._starts.append(self._length)
        self.add(indent if len(self._starts) <= _MOST_ROWS else "    …")
        return len(self._starts) <= _MOST_ROWS

    def laid(self) -> Laid:
        return Laid("".join(self._texts), self._spans, self._starts)
