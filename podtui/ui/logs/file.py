"""Writing a log view's lines to a file."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from podtui.errors import PodtuiError
from podtui.text import harmless
from podtui.ui.logs.lines.buffer import Snapshot
from podtui.ui.logs.lines.text import shown, time_text


def pieces(
    snapshot: Iterable[Snapshot],
    *,
    times: bool,
    chosen: Mapping[int, Collection[int]] | None = None,
    clean: bool = False,
    prefixes: Sequence[str] = (),
) -> Iterator[tuple[str, int]]:
    """The text of a snapshot in parts, as the server sent it, each with the number of lines that it ends.

    It omits remarks, and times unless `times`. `chosen` limits it to lines, given as indices by the first number of their block.
    `clean` makes the text harmless, for a program that shows it. `prefixes` stand before the lines, by source.
    The pieces of a long line are joined again.
    """
    continues = False
    for block in snapshot:
        out: list[str] = []
        count = 0
        wanted = None if chosen is None else chosen.get(block.first, ())
        for place, line in enumerate(block.lines):
            piece, continues = continues, place in block.continued
            if place in block.notes or (wanted is not None and place not in wanted):
                continue
            if prefixes and not piece:
                out.append(prefixes[block.sources[place]])
            if times and not piece and block.times[place]:
                out.append(f"{time_text(block.times[place])} ")
            out.append(shown(line) if clean else line)
            if not continues:
                out.append("\n")
                count += 1
        yield "".join(out), count


class LogFile:
    """A file written atomically, readable only by the user (0600). Blocks: for a thread.

    `with LogFile(path) as file` writes, and `file.keep()` at the end moves it to its path. Raises PodtuiError.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.count = 0  # lines
        self._temporary = ""

    def __enter__(self) -> LogFile:
        with self._errors():
            handle, self._temporary = tempfile.mkstemp(prefix=f".{self.path.name}.", dir=self.path.parent)
            self._opened = os.fdopen(handle, "w", encoding="utf-8", errors="replace", newline="")
        return self

    def write(self, text: str, lines: int) -> None:
        """Add text that ends `lines` lines."""
        with self._errors():
            self._opened.write(text)
        self.count += lines

    def keep(self) -> None:
        """Keep the file: it is complete."""
        with self._errors():
            self._opened.close()
            os.replace(self._temporary, self.path)
        self._temporary = ""

    def __exit__(self, *error: object) -> None:
        if self._temporary:
            with suppress(OSError):  # a full disk: the file is discarded anyway
                self._opened.close()
            Path(self._temporary).unlink(missing_ok=True)

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise PodtuiError(f"cannot write {harmless(str(self.path))}: {error.strerror}") from error


def write_log(path: Path, parts: Iterable[tuple[str, int]], progress: Callable[[int], None] = lambda count: None) -> int:
    """Write parts (text, number of lines it ends) to a file; returns the number of lines. `progress` receives the number so far.

    Raises PodtuiError. Blocks: for a thread."""
    with LogFile(path) as file:
        for text, lines in parts:
            file.write(text, lines)
            progress(file.count)
        file.keep()
    return file.count
