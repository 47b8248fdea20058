"""The look of a line of the log: source, time, level, the program's own colours, and laid-out records."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

from podtui.ui.logs.lines.buffer import LogBuffer
from podtui.ui.logs.lines.layout import Columns, Records, in_columns, indented
from podtui.ui.logs.lines.levels import Level, find_level
from podtui.ui.logs.lines.records import record_of
from podtui.ui.logs.lines.text import Span, coloured, rows_of, shown
from podtui.ui.logs.lines.times import Times, time_words
from podtui.ui.logs.view.source_names import SourceNames


class Shown(NamedTuple):
    """A line in the window: the whole text, the offsets of its rows, its styles, the offset of the line's own text (after source
    and time), and its level."""

    text: str
    parts: list[int]
    spans: list[Span]
    body: int
    level: Level | None


class LogLook:
    """The user's choices, and the text of lines that follows from them."""

    def __init__(self) -> None:
        self.names = SourceNames()
        self.times: Times = "off"
        self.records: Records = "raw"
        self.columns = Columns()

    def line(self, buffer: LogBuffer, number: int, width: int | None) -> Shown:
        """A line of the buffer, wrapped unless `width` is None."""
        head, spans = self.names.head(buffer.source(number))
        spans = list(spans)
        text = buffer.line(number)
        if buffer.is_note(number):
            words = f"── {shown(text)} ──"
            spans.append(Span(len(head), len(head) + len(words), "dim"))
            return _shown(head, words, spans, [0], None, width)
        if buffer.is_continuation(number):
            return self._text(head, text, spans, width)
        time = time_words(buffer.time(number), self.times)
        if time:
            spans.append(Span(len(head), len(head) + len(time), "log.time"))
            head += f"{time} "
        if self.records != "raw":
            plain = shown(text)
            record = record_of(plain)
            if record is not None:
                laid = indented(record) if self.records == "indented" else in_columns(record, self.columns)
                spans += [Span(start + len(head), end + len(head), style) for start, end, style in laid.spans]
                return _shown(head, laid.text, spans, laid.starts, record.level, width)
        return self._text(head, text, spans, width)

    def remark(self, words: str, width: int | None) -> Shown:
        """A line of podtui's own."""
        return _shown("", words, [Span(0, len(words), "dim")], [0], None, width)

    def _text(self, head: str, text: str, spans: list[Span], width: int | None) -> Shown:
        body, own = coloured(text)
        found = find_level(body)
        if found is not None:
            spans.append(Span(len(head) + found.start, len(head) + found.end, found.level.style))
        spans += [Span(start + len(head), end + len(head), style) for start, end, style in own]
        return _shown(head, body, spans, [0], found and found.level, width)


def _shown(head: str, body: str, spans: list[Span], starts: list[int], level: Level | None, width: int | None) -> Shown:
    text = head + body
    parts = [0, *(len(head) + start for start in starts[1:])]
    if width is not None:
        parts = [start + row for start, end in pairwise([*parts, len(text)]) for row in rows_of(text[start:end], width)]
    return Shown(text, parts, spans, len(head), level)
