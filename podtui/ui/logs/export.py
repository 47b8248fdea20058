"""Lines of a log for other programs: copied to the clipboard, saved to a file, opened in a pager."""

from __future__ import annotations

import asyncio
import os
import shlex
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast

from textual.widget import Widget

from podtui.cluster.logs.follower import LogOptions
from podtui.cluster.logs.group import LogGroup, LogLines
from podtui.errors import ConfigError, PodtuiError
from podtui.folders import in_state_folder
from podtui.text import as_file_name, counted, harmless
from podtui.ui.background import work, work_instead
from podtui.ui.logs import titles
from podtui.ui.logs.feed import LogFeed
from podtui.ui.logs.file import LogFile, pieces, write_log
from podtui.ui.logs.lines.text import time_text
from podtui.ui.logs.sources import SourceChoice
from podtui.ui.logs.view.view import LogView

if TYPE_CHECKING:
    from podtui.ui.terminal.app import TerminalApp

Scope = Literal["view", "buffer", "server"]
_NEXT: dict[Scope, Scope] = {"view": "buffer", "buffer": "server", "server": "view"}
COPY_LIMIT = 74_000  # bytes: many terminals take no more than 100,000 characters of OSC 52, and base64 adds a third
_PROGRESS = 0.25  # seconds between progress messages
Parts = Iterator[tuple[str, int]]


class LogExport:
    """Exports lines of a view: the selected or shown ones, the whole buffer, or all that the server has."""

    def __init__(self, pane: Widget, feed: LogFeed, sources: SourceChoice, view: LogView, say: Callable[[str], None]) -> None:
        """`say` shows a message about the pressed key."""
        self._pane = pane
        self._feed = feed
        self._sources = sources
        self._view = view
        self._browser = view.browser
        self._say = say
        self._overwrite: Path | None = None  # an existing file, which Enter again overwrites
        self._scope: Scope = "view"
        self._written = 0  # lines written to the file so far

    @property
    def file_name(self) -> str:
        """A file name for the lines, without extension; "" when no logs are chosen."""
        target, pod, group = self._feed.target, self._sources.only_pod, self._feed.group
        if target is None:
            return ""
        if pod is None:
            return f"{len(target.pods)}-pods" if target.pods else "pods"
        hidden = self._sources.hidden
        shown = [] if group is None else [source.container for source in group.sources if source.number not in hidden]
        return as_file_name(f"{pod.name}-{shown[0] or 'log' if len(shown) == 1 else 'log'}")

    # -- copying --------------------------------------------------------------------------------------------------------

    def copy(self) -> None:
        """Copy the selected lines by OSC 52. The terminal does not answer, so success is unknown."""
        text = "".join(text for text, _ in self._parts())
        size = len(text.encode("utf-8", "replace"))
        lines = counted(text.count("\n"), "line")
        if size > COPY_LIMIT:
            self._say(f"{lines} are {size:,} bytes, more than terminals accept by OSC 52 ({COPY_LIMIT:,}): Ctrl+S saves them to a file")
            return
        self._pane.app.copy_to_clipboard(text)
        self._browser.select(False)
        words = [f"{lines} sent to the terminal's clipboard (OSC 52)."]
        if os.environ.get("TMUX"):
            words.append("tmux passes it on only after `tmux set -s set-clipboard on`.")
        elif os.environ.get("STY"):
            words.append("GNU screen does not pass it on.")
        words.append("If the clipboard stays empty, select again and save to a file with Ctrl+S.")
        self._say("")
        self._pane.notify("\n".join(words), markup=False)

    # -- saving ---------------------------------------------------------------------------------------------------------

    def ask_for_file(self, again: bool) -> str:
        """Start asking for a file, or with `again` switch to the next scope; returns the suggested path, "" without lines."""
        name = self.file_name
        if not name:
            return ""
        self._overwrite = None
        self._scope = _NEXT[self._scope] if again else "view"
        self._say(f"Enter saves {self._scope_words(self._scope)}; Ctrl+S again: {self._scope_words(_NEXT[self._scope])}")
        return f"./{name}.log"

    def _scope_words(self, scope: Scope) -> str:
        if scope == "server":
            return "all that the server has, read again"
        if scope == "buffer":
            return f"all {counted(len(self._browser.buffer), 'line')} kept here"
        if self._browser.selection is not None:
            return f"the {counted(len(self._browser.selected()), 'selected line')}"
        chosen = self._browser.chosen
        return "the lines shown" if chosen is not None else f"the {counted(len(self._browser.buffer), 'line')} shown"

    def path_changed(self) -> None:
        """The path changed: a confirmed overwrite does not apply to the new path."""
        if self._overwrite is not None:
            self._overwrite = None
            self._say("")

    def save(self, text: str) -> bool:
        """Save to a typed path; False if the file exists and the user has yet to confirm."""
        path = Path(os.path.abspath(os.path.expanduser(text.strip())))
        try:
            cast("TerminalApp", self._pane.app).check_path(str(path))
        except PodtuiError as error:
            self._say(error.what)
            return False
        if path.exists() and path != self._overwrite:
            self._overwrite = path
            self._say(f"{harmless(text.strip())} already exists: Enter again overwrites it, Esc leaves it")
            return False
        self._overwrite = None
        work(self._pane, "save", self._write, path, self._scope)
        return True

    async def _write(self, path: Path, scope: Scope) -> None:
        """Write the lines as they arrive, with messages about the progress and the result."""
        self._written = 0
        progress = self._pane.set_interval(
            _PROGRESS, lambda: self._say(f"saving to {harmless(str(path))}: {counted(self._written, 'line')}")
        )
        try:
            if scope == "server":
                count = await self._write_whole(path)
            else:
                parts = await self._all_parts() if scope == "view" else self._parts(everything=True)
                count = await asyncio.to_thread(write_log, path, parts, self._wrote)
        except PodtuiError as error:
            self._pane.notify(str(error), severity="error", markup=False)
        else:
            chosen = scope == "view" and self._browser.selection is None and self._browser.chosen is not None
            kind = "selected " if scope == "view" and self._browser.selection is not None else "shown " if chosen else ""
            message = f"{counted(count, f'{kind}line')} saved to {harmless(str(path))}"
            self._pane.notify(message, markup=False)
        finally:
            progress.stop()
            self._say("")

    def _wrote(self, count: int) -> None:
        """Called in the thread that writes."""
        self._written = count

    async def _write_whole(self, path: Path) -> int:
        """Write all that the server has to a file, as it arrives; returns the number of lines. Raises PodtuiError."""
        feed, times = self._feed, self._browser.window.look.times != "off"
        if feed.target is None or feed.session.connection is None:
            raise PodtuiError("there is no connection to the API server")
        hidden = self._sources.hidden
        shown = [] if feed.group is None else [source for source in feed.group.sources if source.number not in hidden]
        group = LogGroup(feed.session.connection, feed.target.now(shown), LogOptions(follow=False, previous=feed.previous))
        with LogFile(path) as file:

            def take(came: LogLines) -> None:
                prefixes = titles.prefixes_of(group.sources)
                ends, piece = [], False
                for place, text in enumerate(came.lines):
                    if place in came.notes:
                        continue
                    time = f"{time_text(came.times[place])} " if times and not piece and came.times[place] else ""
                    prefix = prefixes[came.sources[place]] if prefixes and not piece else ""
                    piece = place in came.continued
                    ends.append(f"{prefix}{time}{text}" + ("" if piece else "\n"))
                file.write("".join(ends), len(ends) - len(came.continued))
                self._written = file.count

            await group.run(take)
            failed = [source.status for source in group.sources if source.status.state == "failed"]
            if failed:
                raise failed[0].error or PodtuiError(failed[0].why)
            await asyncio.to_thread(file.keep)
        return file.count

    async def _all_parts(self) -> Parts:
        """The shown lines, once all of them are known."""
        if self._browser.selection is None:
            await self._view.choosing_done()
        return self._parts()

    def _parts(self, *, everything: bool = False, clean: bool = False) -> Parts:
        """The text of the selected lines, the shown lines or the whole buffer, as the server sent it or made harmless."""
        browser = self._browser
        chosen = None if everything else browser.chosen_places()
        sources = [] if self._feed.group is None else self._feed.group.sources
        prefixes = [harmless(prefix) for prefix in titles.prefixes_of(sources)]
        return pieces(browser.buffer.snapshot(), times=browser.window.look.times != "off", chosen=chosen, clean=clean, prefixes=prefixes)

    # -- the pager ------------------------------------------------------------------------------------------------------

    def open_pager(self) -> None:
        if not self.file_name:
            return
        if not len(self._browser.buffer):
            self._say("no lines to read in a pager")
            return
        work_instead(self._pane, "pager", self._page)

    async def _page(self) -> None:
        """Show the shown or selected lines in $PAGER, from a temporary file, since a pager may read only a part."""
        app = cast("TerminalApp", self._pane.app)
        folder = ""
        try:
            command = pager_command()
            if not app.terminal.usable:
                raise PodtuiError("there is no terminal for a pager", "Ctrl+S saves the lines to a file")
            self._say("sending the lines to the pager…")
            await self._all_parts()
            texts = [self._parts(clean=True) for _ in ("state folder", "temporary files")]
            name = f"{self.file_name}.log"
            path, problem = await asyncio.to_thread(in_state_folder, lambda state: _paged(texts.pop(), name, state))
            folder = str(path.parent)
            if problem:
                self._pane.notify(f"{problem}. The pager's file is in {harmless(folder)}", severity="warning", markup=False)
            code = await app.terminal.run([*command, str(path)])
            if code > 0:
                self._pane.notify(f"{harmless(command[0])} ended with exit code {code}", severity="warning", markup=False)
        except PodtuiError as error:
            self._pane.notify(str(error), severity="error", markup=False)
        finally:
            if folder:
                shutil.rmtree(folder, ignore_errors=True)
            self._say("")


def pager_command() -> list[str]:
    """The arguments of $PAGER, `less` if it is not set. Raises PodtuiError for an unclosed quotation."""
    try:
        return shlex.split(os.environ.get("PAGER", "").strip()) or ["less"]
    except ValueError as error:
        raise PodtuiError(f"cannot read $PAGER: {str(error).lower()}") from None


def _paged(parts: Parts, name: str, state: Path | None) -> Path:
    """The lines in a file for the pager, in a folder of its own that is deleted afterwards. Raises ConfigError. Blocks: for a thread."""
    folder = Path(tempfile.mkdtemp(prefix="pager-" if state else "podtui-pager-", dir=state))
    try:
        write_log(folder / name, parts)
    except PodtuiError as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise ConfigError(error.what) from None
    return folder / name


def check_path(text: str) -> None:
    """Raise PodtuiError if no file can be written there."""
    path = Path(os.path.expanduser(text.strip()))
    if not text.strip():
        raise PodtuiError("the file name is missing")
    if path.is_dir():
        raise PodtuiError(f"{harmless(str(path))} is a folder")
    if not path.parent.is_dir():
        raise PodtuiError(f"there is no folder {harmless(str(path.parent))}")
