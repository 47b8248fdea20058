"""An input for a path, with completion by Tab as in a shell."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from typing import ClassVar, cast

from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import Input

from podtui.errors import PodtuiError
from podtui.ui.background import work_instead
from podtui.ui.terminal.app import TerminalApp

_MOST = 2000  # entries of a folder to look at
_TOLD = 20


class PathInput(Input):
    """Tab completes the common prefix of all candidates, and posts their names; with nothing to complete it moves the focus."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("tab", "complete", "Complete", show=False)]

    class Candidates(Message):
        """The names that can continue the path; empty if there is no choice."""

        def __init__(self, names: Sequence[str]) -> None:
            super().__init__()
            self.names = names

    class Pasted(Message):
        """The user pasted several lines, or JSON: a manifest instead of a path."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    def _on_paste(self, event: events.Paste) -> None:
        """Runs before Input's own handler, which would take the first line alone. Terminals send a pasted line end as a carriage return."""
        text = event.text.replace("\r\n", "\n").replace("\r", "\n")
        if "\n" in text.strip() or text.lstrip().startswith("{"):
            event.prevent_default()
            event.stop()
            self.post_message(self.Pasted(text))

    def action_complete(self) -> None:
        work_instead(self, "complete", self._complete, self.value)

    async def _complete(self, before: str) -> None:
        try:
            cast(TerminalApp, self.app).check_path(os.path.dirname(before) or ".")
        except PodtuiError:
            return
        completed, names = await asyncio.to_thread(complete, before)
        if self.value != before:
            return  # the user has typed meanwhile
        if completed != before:
            self.value = completed
            self.cursor_position = len(completed)
        elif not names:
            self.screen.focus_next()
        if self.is_attached:
            self.post_message(self.Candidates(names))


def complete(path: str) -> tuple[str, list[str]]:
    """The path, extended as far as it is unambiguous, and the names that can continue it (none if it is complete).

    `~` stays as typed. Folders end with `/`. Hidden names count if the typed name begins with a dot.
    """
    if path.startswith("~") and "/" not in path:
        return (f"{path}/", []) if os.path.isdir(os.path.expanduser(path)) else (path, [])
    folder, begun = os.path.split(path)
    found: list[str] = []
    try:
        with os.scandir(os.path.expanduser(folder) or ".") as entries:
            for number, entry in enumerate(entries):
                if number == _MOST:
                    break
                if entry.name.startswith(begun) and (begun.startswith(".") or not entry.name.startswith(".")):
                    found.append(f"{entry.name}/" if _is_folder(entry) else entry.name)
    except (OSError, ValueError):
        return path, []
    if not found:
        return path, []
    least, most = min(found), max(found)  # the common prefix of these two is that of all
    same = next((at for at, (one, other) in enumerate(zip(least, most, strict=False)) if one != other), len(least))
    start = path[: len(path) - len(begun)]
    if len(found) == 1:
        return start + found[0], []
    return start + least[:same], sorted(found)[:_TOLD] + (["…"] if len(found) > _TOLD else [])


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False
