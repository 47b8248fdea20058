"""A log's histogram on the screen: bars of lines, a row of errors, and a cursor that moves through time."""

from __future__ import annotations

from typing import ClassVar

from rich.segment import Segment
from textual.binding import BindingType
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip
from textual.timer import Timer
from textual.widget import Widget

from podtui.text import counted
from podtui.ui.commands import bindings
from podtui.ui.logs.histogram import Bucket, Histogram, bucket_at
from podtui.ui.logs.lines.buffer import LogBuffer
from podtui.ui.logs.lines.times import SECOND, time_words
from podtui.ui.themes import palette

ROWS = 3  # of the bars
_EIGHTHS = " ▁▂▃▄▅▆▇█"
_COUNT = 0.008  # seconds of counting in one step
_UPDATE = 1.0  # seconds between checks for new lines
_INDENT = 2


class LogChart(Widget, can_focus=True):
    """`show(buffer)` opens it, `show(None)` closes it. It posts the moves of its cursor."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings("histogram")]

    DEFAULT_CSS = """
    LogChart { height: 5; background: $surface; color: $foreground; display: none; }
    LogChart:focus { background: $panel; }
    """

    class Moved(Message):
        """The cursor moves to a span of time that begins at `moment`, in nanoseconds since the epoch."""

        def __init__(self, moment: int) -> None:
            super().__init__()
            self.moment = moment

    class Left(Message):
        """The user returns to the lines; `closed` is whether the chart closes."""

        def __init__(self, closed: bool) -> None:
            super().__init__()
            self.closed = closed

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._histogram: Histogram | None = None
        self._buckets: list[Bucket] = []
        self._at: int | None = None  # the start of the bucket at the cursor, in seconds; None: the newest
        self._timer: Timer | None = None

    @property
    def cursor(self) -> int:
        """The index of the bucket at the cursor."""
        return len(self._buckets) - 1 if self._at is None else bucket_at(self._buckets, self._at)

    @property
    def buckets(self) -> list[Bucket]:
        return self._buckets

    def show(self, buffer: LogBuffer | None) -> None:
        """Count this buffer's lines, and keep counting while the chart is shown."""
        self.display = buffer is not None
        self._histogram = Histogram(buffer) if buffer is not None else None
        self._buckets, self._at = [], None
        if self._timer is not None:
            self._timer.stop()
            self._timer = None
        self._update()

    def _update(self) -> None:
        """Count for one step; the next follows soon if there is more, otherwise when new lines may have arrived."""
        histogram = self._histogram
        if histogram is None or not self.is_attached:
            return
        more = histogram.count(_COUNT)
        before, self._buckets = self._buckets, histogram.buckets(max(1, self.size.width - 2 * _INDENT))
        if before != self._buckets:
            self.refresh()
        self._timer = self.set_timer(_COUNT if more else _UPDATE, self._update)

    def on_resize(self) -> None:
        if self._histogram is not None:
            self._buckets = self._histogram.buckets(max(1, self.size.width - 2 * _INDENT))
            self.refresh()

    # -- keys -----------------------------------------------------------------------------------------------------------

    def _go(self, place: int) -> None:
        if not self._buckets:
            return
        bucket = self._buckets[max(0, min(len(self._buckets) - 1, place))]
        self._at = bucket.begin
        self.refresh(Region(0, 0, self.size.width, self.size.height))
        self.post_message(self.Moved(bucket.begin * SECOND))

    def action_by(self, count: int) -> None:
        self._go(self.cursor + count)

    def action_first(self) -> None:
        self._go(0)

    def action_last(self) -> None:
        self._go(len(self._buckets) - 1)

    def action_errors(self, direction: int) -> None:
        places = range(self.cursor + direction, len(self._buckets) if direction > 0 else -1, direction)
        place = next((place for place in places if self._buckets[place].errors), None)
        if place is not None:
            self._go(place)

    def action_lines(self) -> None:
        self.post_message(self.Left(closed=False))

    def action_close(self) -> None:
        self.post_message(self.Left(closed=True))

    # -- painting -------------------------------------------------------------------------------------------------------

    def render_line(self, y: int) -> Strip:
        width, base, styles = self.size.width, self.rich_style, palette(self.app)
        dim = base + styles["dim"]
        if not self._buckets:
            words = "counting…" if self._histogram is not None and not self._histogram.done else "no line has a time"
            return Strip([Segment(" " * _INDENT + (words if y == 1 else ""), dim)]).crop_extend(0, width, base)
        if y == ROWS + 1:
            return self._axis(width)
        cursor, most = self.cursor, max(bucket.lines for bucket in self._buckets)
        segments = [Segment(" " * _INDENT, base)]
        for place, bucket in enumerate(self._buckets):
            style = base + styles["log.error" if bucket.errors else "dim"]
            if place == cursor:
                style = base + styles["cursor"]
            text = _errors_sign(bucket) if y == ROWS else _bar(bucket.lines, most, ROWS - 1 - y)
            segments.append(Segment(text, style))
        return Strip(segments).crop_extend(0, width, base).simplify()

    def _axis(self, width: int) -> Strip:
        base, styles = self.rich_style, palette(self.app)
        bucket = self._buckets[self.cursor]
        begin, at = (time_words(one.begin * SECOND, "local")[:19].replace("T", " ") for one in (self._buckets[0], bucket))
        end = time_words((self._buckets[-1].begin + bucket.size) * SECOND, "local")[11:19]
        errors = f", {counted(bucket.errors, 'error')}" if bucket.errors else ""
        words = f"{at} +{_size(bucket.size)}: {counted(bucket.lines, 'line')}{errors}"
        room = max(0, width - 2 * _INDENT - len(begin) - len(end) - 2)
        if room < len(words):
            begin = end = ""
            room = width - 2 * _INDENT - 2
        segments = [
            Segment(" " * _INDENT, base),
            Segment(begin, base + styles["dim"]),
            Segment(f" {words[:room].center(room)} ", base),
            Segment(end, base + styles["dim"]),
        ]
        return Strip(segments).crop_extend(0, width, base)


def _bar(value: int, most: int, row: int) -> str:
    """The part of a bar in one row, counted from the lowest; a count above 0 is always visible."""
    height = max(1, value * ROWS * 8 // most) if value else 0
    return _EIGHTHS[max(0, min(8, height - 8 * row))]


def _errors_sign(bucket: Bucket) -> str:
    return " " if not bucket.errors else str(bucket.errors) if bucket.errors < 10 else "✗"


def _size(seconds: int) -> str:
    for unit, size in (("d", 86_400), ("h", 3600), ("m", 60)):
        if seconds >= size:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"
