"""Recordings: the output to the terminal as asciicast v2, and pictures (SVG) of the screen.

asciicast v2 (docs.asciinema.org/manual/asciicast/v2): a line of JSON with the size, then a line for each event: seconds,
"o" (output), "r" (a new size) or "m" (a marker), and a text.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from pathlib import Path

from podtui.errors import PodtuiError
from podtui.text import harmless

# Sequences meant only for the recorded terminal: queries; mouse, paste, focus and keyboard modes; and the alternate screen,
# since a player shows the last picture at the end and leaves its own terminal as it was.
_UNWANTED = re.compile(
    r"\x1b\[\?(?:9|1000|1002|1003|1004|1005|1006|1015|1016|1047|1048|1049|2004|2026|2048)[hl]"
    r"|\x1b\[\?\d+\$p|\x1b\[[<>=]\d*(?:;\d+)*u|\x1b\[\??[56]n|\x1b\[[>=]?0?c|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)"
)
_END = 2.0  # seconds that the last picture stays


class Cast:
    """An asciicast, written live. `skip` advances time in the recording alone."""

    def __init__(
        self, path: Path, size: tuple[int, int], title: str, *, clock: Callable[[], float] = time.monotonic, now: float | None = None
    ) -> None:
        """Raises PodtuiError when the file cannot be written. `now` is the Unix time of the start."""
        self._clock, self._skipped = clock, 0.0
        self._size = size
        try:
            self._file = path.open("w", encoding="utf-8")
        except OSError as error:
            raise PodtuiError(f"cannot write {harmless(str(path))}: {error.strerror}") from None
        started = int(time.time() if now is None else now)
        head = {"version": 2, "width": size[0], "height": size[1], "timestamp": started, "title": title, "env": {"TERM": "xterm-256color"}}
        self._line(head)
        self._began = clock()
        self._event("o", "\x1b[?25l\x1b[2J\x1b[H")

    @property
    def seconds(self) -> float:
        """The length of the recording so far, in seconds."""
        return self._clock() - self._began + self._skipped

    def output(self, text: str) -> None:
        """Record output to the terminal."""
        kept = _UNWANTED.sub("", text)
        if kept:
            self._event("o", kept)

    def resize(self, columns: int, rows: int) -> None:
        if (columns, rows) != self._size:
            self._size = (columns, rows)
            self._event("r", f"{columns}x{rows}")

    def marker(self, text: str) -> None:
        """Record a named place to jump to."""
        self._event("m", text)

    def skip(self, seconds: float) -> None:
        self._skipped += seconds

    def close(self) -> None:
        """End the recording. May be called again."""
        if self._file.closed:
            return
        self.skip(_END)
        self._event("o", f"\x1b[0m\x1b[?7h\x1b[{self._size[1]};1H\x1b[?25h")
        self._file.close()

    def _event(self, kind: str, text: str) -> None:
        if not self._file.closed:
            self._line([round(self.seconds, 6), kind, text])

    def _line(self, value: object) -> None:
        self._file.write(json.dumps(value, ensure_ascii=False) + "\n")


class Pictures:
    """SVG files: `path` for the final picture, and `STEM-NAME.svg` beside it for each named one."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.written: list[Path] = []

    def write(self, name: str, svg: str) -> None:
        """Raises PodtuiError when the file cannot be written."""
        path = self._path.with_name(f"{self._path.stem}-{name}.svg") if name else self._path
        try:
            path.write_text(svg, encoding="utf-8")
        except OSError as error:
            raise PodtuiError(f"cannot write {harmless(str(path))}: {error.strerror}") from None
        self.written.append(path)
