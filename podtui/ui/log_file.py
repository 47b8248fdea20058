"""A log view's lines written to a file."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from podtui.errors import PodtuiError
from podtui.text import harmless
from podtui.ui.widgets.log_buffer import Snapshot
from podtui.ui.widgets.log_search import Pattern
from podtui.ui.widgets.log_text import shown, time_text


def pieces(snapshot: Iterable[Snapshot], *, times: bool, only: Pattern | None = None) -> Iterator[tuple[str, int]]:
    """The text of a snapshot, as the server sent it, and how many lines each part of it ends.

    Remarks are left out, times unless `times`, with `only` the lines that do not match as they are shown. The pieces
    of a long line are one line again.
    """
    continues = False
    for block in snapshot:
        out: list[str] = []
        count = 0
        for place, line in enumerate(block.lines):
            piece, continues = continues, place in block.continued
            if place in block.notes or (only is not None and not only.matches(shown(line))):
                continue
            if times and not piece and block.times[place]:
                out.append(f"{time_text(block.times[place])} ")
            out.append(line)
            if not continues:
                out.append("\n")
                count += 1
        yield "".join(out), count


def write_log(path: Path, parts: Iterable[tuple[str, int]]) -> int:
    """Write the text whole or not at all, readable for the user alone (0600); returns the number of lines.

    Raises PodtuiError. Blocks: for a thread.
    """
    temporary = ""
    count = 0
    try:
        handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        with os.fdopen(handle, "w", encoding="utf-8", errors="replace", newline="") as opened:
            for text, lines in parts:
                opened.write(text)
                count += lines
        os.replace(temporary, path)
    except OSError as error:
        if temporary:
            Path(temporary).unlink(missing_ok=True)
        raise PodtuiError(f"cannot write {harmless(str(path))}: {error.strerror}") from error
    return count
