"""Taking lines out of a log: selected and copied, saved to a file, given to a pager."""

from __future__ import annotations

import asyncio
import os
import shlex
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast

from textual import on
from textual.actions import SkipAction
from textual.app import ComposeResult

from podtui.errors import PodtuiError
from podtui.folders import state_folder
from podtui.text import harmless
from podtui.ui.logs.file import pieces, write_log
from podtui.ui.logs.keys import LogReading
from podtui.ui.logs.view.view import LogView
from podtui.ui.widgets.entry_bar import EntryBar

if TYPE_CHECKING:
    from podtui.ui.terminal.app import TerminalApp

Scope = Literal["view", "buffer", "server"]
COPY_LIMIT = 74_000  # bytes: many terminals take no more than 100,000 characters of OSC 52, and base64 adds a third
_TOLD = 0.25  # seconds between two words about progress
Parts = Iterator[tuple[str, int]]


class LogTaking(LogReading):
    """The part of the logs pane that hands lines on. The owner says what a file is called and reads the server's whole log."""

    def __init__(self, view: LogView, *, id: str | None = None) -> None:
        super().__init__(view, id=id)
        self._save_bar = EntryBar(check=_check_path, prompt="save to", placeholder="a file", id="logs-save")
        self._overwrite: Path | None = None  # a file that is there, and that Enter again overwrites
        self._scope: Scope = "view"
        self._written = 0  # lines of the file that is being written

    def compose(self) -> ComposeResult:
        yield from super().compose()
        yield self._save_bar

    def suggested_name(self) -> str:
        """A file's name for what is shown; "" when there is nothing."""
        raise NotImplementedError

    def prefixes(self) -> Sequence[str]:
        """What stands before each line for its source, by the sources' numbers; empty when there is one."""
        return ()

    async def write_whole(self, path: Path, told: Callable[[int], None]) -> int:
        """Write everything that the server has to a file, as it comes; the number of lines. Raises PodtuiError."""
        raise NotImplementedError

    # -- selecting and copying ------------------------------------------------------------------------------------------

    def action_select(self) -> None:
        if self.view.selection is not None:
            self.view.select(False)
            self._say("")
        elif self.view.select(True):
            self._tell_selection()
        else:
            self._say("there is no line to select")

    def _tell_selection(self) -> None:
        self._say("↑ ↓ PgUp PgDn g G select; Enter or y copies, Ctrl+S saves, | opens the pager, Esc leaves")

    def action_copy(self) -> None:
        """Copy the selected lines by OSC 52. The terminal gives no answer, so nothing more can be promised."""
        if self.view.selection is None:
            raise SkipAction()
        text = "".join(text for text, _ in self._parts())
        size = len(text.encode("utf-8", "replace"))
        count = text.count("\n")
        lines = f"{count:,} line{'' if count == 1 else 's'}"
        if size > COPY_LIMIT:
            self._say(f"{lines} are {size:,} bytes, more than terminals take from OSC 52 ({COPY_LIMIT:,}): Ctrl+S saves them to a file")
            return
        self.app.copy_to_clipboard(text)
        self.view.select(False)
        words = [f"{lines} sent to the terminal's clipboard (OSC 52)."]
        if os.environ.get("TMUX"):
            words.append("tmux hands it on only after `tmux set -s set-clipboard on`.")
        elif os.environ.get("STY"):
            words.append("GNU screen does not hand it on.")
        words.append("If nothing comes: select again, and Ctrl+S saves to a file.")
        self._say("")
        self.notify("\n".join(words), markup=False)

    # -- saving ---------------------------------------------------------------------------------------------------------

    def action_save(self) -> None:
        """Ask for a file; in that question: the next choice of what is saved."""
        name = self.suggested_name()
        if not name:
            return
        self._overwrite = None
        if self._save_bar.display:
            order: tuple[Scope, ...] = ("view", "buffer", "server")
            self._scope = order[(order.index(self._scope) + 1) % len(order)]
        else:
            self._scope = "view"
            self._save_bar.open(f"./{name}.log")
        self._say(f"Enter saves {self._scope_words()}; Ctrl+S again: {self._scope_words(further=True)}")

    def _scope_words(self, *, further: bool = False) -> str:
        scope = self._scope
        if further:
            scope = {"view": "buffer", "buffer": "server", "server": "view"}[scope]  # type: ignore[assignment]
        if scope == "server":
            return "everything the server has, read anew"
        if scope == "buffer":
            return f"all {len(self.view.buffer):,} lines kept here"
        if self.view.selection is not None:
            return f"the {len(self.view.selected()):,} selected lines"
        chosen = self.view.chosen
        return "the lines shown" if chosen is not None else f"the {len(self.view.buffer):,} lines shown"

    @on(EntryBar.Changed, "#logs-save")
    def _typed(self, event: EntryBar.Changed) -> None:
        event.stop()
        if self._overwrite is not None:
            self._overwrite = None
            self._say("")

    @on(EntryBar.Submitted, "#logs-save")
    def _save(self, event: EntryBar.Submitted) -> None:
        event.stop()
        path = Path(os.path.abspath(os.path.expanduser(event.value.strip())))
        if path.exists() and path != self._overwrite:
            self._overwrite = path
            self._say(f"{harmless(event.value.strip())} is there already: Enter again overwrites it, Esc leaves it")
            return
        self._overwrite = None
        scope = self._scope
        self._leave(self._save_bar)
        self.run_worker(self._write(path, scope), group="save", exit_on_error=False)

    async def _write(self, path: Path, scope: Scope) -> None:
        """Streams, tells how far it is, and says at the end what became of it."""
        self._written = 0
        progress = self.set_interval(_TOLD, lambda: self._say(f"saving to {harmless(str(path))}: {self._written:,} lines"))
        try:
            if scope == "server":
                count = await self.write_whole(path, self._wrote)
            else:
                parts = await self._all_parts() if scope == "view" else self._parts(everything=True)
                count = await asyncio.to_thread(write_log, path, parts, self._wrote)
        except PodtuiError as error:
            self.notify(str(error), severity="error", markup=False)
        else:
            chosen = scope == "view" and self.view.selection is None and self.view.chosen is not None
            kind = "selected " if scope == "view" and self.view.selection is not None else "shown " if chosen else ""
            told = f"{count:,} {kind}line{'' if count == 1 else 's'} saved to {harmless(str(path))}"
            self.notify(told, markup=False)
        finally:
            progress.stop()
            self._say("")

    def _wrote(self, count: int) -> None:
        """Heard from the thread that writes."""
        self._written = count

    async def _all_parts(self) -> Parts:
        """The shown lines, once all of them are known."""
        if self.view.selection is None:
            await self.view.looked.wait()
        return self._parts()

    def _parts(self, *, everything: bool = False, clean: bool = False) -> Parts:
        """The text of the selected lines, of those shown or of everything in the buffer, as the server sent it or harmless."""
        view = self.view
        chosen = None if everything else view.chosen_places()
        prefixes = [harmless(prefix) for prefix in self.prefixes()]
        return pieces(view.buffer.snapshot(), times=view.times != "off", chosen=chosen, clean=clean, prefixes=prefixes)

    # -- the pager ------------------------------------------------------------------------------------------------------

    def action_pager(self) -> None:
        if not self.suggested_name():
            return
        if not len(self.view.buffer):
            self._say("there is no line to read in a pager")
            return
        self.run_worker(self._page(), group="pager", exclusive=True, exit_on_error=False)

    async def _page(self) -> None:
        """The shown or selected lines in $PAGER, by a file that is gone afterwards: a pager may read it only in part."""
        app = cast("TerminalApp", self.app)
        folder = ""
        try:
            command = pager_command()
            if not app.terminal.usable:
                raise PodtuiError("there is no terminal that a pager could have", "Ctrl+S saves the lines to a file")
            folder = tempfile.mkdtemp(prefix="pager-", dir=state_folder())
            path = Path(folder) / f"{self.suggested_name()}.log"
            self._say("handing the lines to the pager ...")
            parts = await self._all_parts_clean()
            await asyncio.to_thread(write_log, path, parts)
            code = await app.terminal.run([*command, str(path)])
            if code > 0:
                self.notify(f"{harmless(command[0])} ended with exit code {code}", severity="warning", markup=False)
        except PodtuiError as error:
            self.notify(str(error), severity="error", markup=False)
        finally:
            if folder:
                shutil.rmtree(folder, ignore_errors=True)
            self._say("")

    async def _all_parts_clean(self) -> Parts:
        await self._all_parts()
        return self._parts(clean=True)


def pager_command() -> list[str]:
    """The words of $PAGER, less where it is not set. Raises PodtuiError for a quotation that does not end."""
    try:
        return shlex.split(os.environ.get("PAGER", "").strip()) or ["less"]
    except ValueError as error:
        raise PodtuiError(f"cannot read $PAGER: {str(error).lower()}") from None


def _check_path(text: str) -> None:
    path = Path(os.path.expanduser(text.strip()))
    if not text.strip():
        raise PodtuiError("a file's name is missing")
    if path.is_dir():
        raise PodtuiError(f"{harmless(str(path))} is a folder")
    if not path.parent.is_dir():
        raise PodtuiError(f"there is no folder {harmless(str(path.parent))}")
