"""A log view's lines written to a file."""

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
    """The text of a snapshot, as the server sent it, and how many lines each part of it ends.

    Remarks are left out, times unless `times`. `chosen` are places by the first numbers of their blocks: only these lines.
    `clean` makes the text harmless, for a program that shows it. `prefixes` stand before the lines, by their sources.
    The pieces of a long line are one line again.
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
    """A file that takes its place whole or not at all, readable for the user alone (0600). Blocks: for a thread.

    `with LogFile(path) as file` writes, and `file.keep()` at the end puts it in its place. Raises PodtuiError.
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
        """Add text that ends so many lines."""
        with self._errors():
            self._opened.write(text)
        self.count += lines

    def keep(self) -> None:
        """It is whole."""
        with self._errors():
            self._opened.close()
            os.replace(self._temporary, self.path)
        self._temporary = ""

    def __exit__(self, *error: object) -> None:
        if self._temporary:
            with suppress(OSError):  # a full disk: what could not be written is thrown away anyhow
                self._opened.close()
            Path(self._temporary).unlink(missing_ok=True)

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise PodtuiError(f"cannot write {harmless(str(self.path))}: {error.strerror}") from error


def write_log(path: Path, parts: Iterable[tuple[str, int]], progress: Callable[[int], None] = lambda count: None) -> int:
    """Write parts (text, and how many lines it ends) to a file; the number of lines. `progress` gets how many were written so far.

    Raises PodtuiError. Blocks: for a thread.
    """
    with LogFile(path) as file:
        for text, lines in parts:
            file.write(text, lines)
            progress(file.count)
        file.keep()
    return file.count
