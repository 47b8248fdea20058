"""The journal of every change that podtui made or tried: filter, read in full, copy and undo."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.screen import ModalScreen

from podtui.cluster.changes.journal import Entry, taken_back
from podtui.cluster.changes.undo import why_not
from podtui.cluster.session import Session
from podtui.errors import PodtuiError
from podtui.text import counted
from podtui.ui.background import work_instead
from podtui.ui.commands import bindings
from podtui.ui.journal.text import COLUMNS, described, entry_lines, matches, row, searched
from podtui.ui.widgets.entry_bar import EntryBar
from podtui.ui.widgets.key_hints import KeyHints
from podtui.ui.widgets.row_table import Cell, RowTable
from podtui.ui.widgets.text_line import TextLine
from podtui.ui.widgets.text_view import TextView


class JournalFilter(EntryBar):
    """The filter bar: words that an entry must have, and `!word` for those it must not."""

    CANCEL_RESTORES = False
    PROMPT = "/"
    PLACEHOLDER = "words of an entry; !word: without it"


class JournalScreen(ModalScreen[None]):
    """Lies over the main screen: the entries, latest first, and below them the selected one."""

    BINDINGS: ClassVar[list[Binding]] = bindings("journal", "app.help")  # type: ignore[assignment]
    AUTO_FOCUS = "#journal"

    DEFAULT_CSS = """
    JournalScreen { background: $background; layout: vertical; }
    JournalScreen #journal { height: 1fr; min-height: 4; }
    JournalScreen #journal-entry { height: 1fr; border-top: solid $primary; background: $surface; }
    JournalScreen.-whole #journal { display: none; }
    JournalScreen.-whole #journal-entry { border-top: none; }
    """

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session
        self._entries: dict[str, Entry] = {}
        self._undone: set[str] = set()
        self._searched: dict[str, str] = {}
        self._broken = 0
        self._everywhere = False
        self._unread: PodtuiError | None = None  # why the journal cannot be read
        self._shown: tuple[object, ...] = ()
        self._bar = JournalFilter()
        self._table = RowTable(self._cells, id="journal")
        self._text = TextView(id="journal-entry")
        self._hints = KeyHints(self.refusal)
        self._ends: list[Callable[[], None]] = []

    def compose(self) -> ComposeResult:
        yield TextLine(id="journal-title")
        yield self._bar
        yield self._table
        yield self._text
        yield self._hints

    def on_mount(self) -> None:
        self._bar.display = False
        self._text.wrap = True
        self._table.set_columns(COLUMNS)
        self._table.set_empty("reading the journal…")
        self._ends = [
            self.session.journal.changed.subscribe(lambda _: self._read()),
            self.session.journal.troubles.subscribe(lambda _: self._show()),
        ]
        self._read()

    def on_unmount(self) -> None:
        for end in self._ends:
            end()

    # -- the entries --------------------------------------------------------------------------------------------
    def _read(self) -> None:
        work_instead(self, "journal", self._take)

    async def _take(self) -> None:
        try:
            entries, self._broken = await self.session.journal.entries()
        except PodtuiError as error:
            self._unread = error
            self._show()
            return
        self._unread = None
        self._undone = taken_back(entries)
        self._entries = {entry.id: entry for entry in reversed(entries)}
        self._searched = {entry.id: searched(entry, entry.id in self._undone, self._under_way(entry)) for entry in entries}
        self._show()

    def _under_way(self, entry: Entry) -> bool:
        return entry.id in self.session.journal.under_way

    def _show(self) -> None:
        filter = self._bar.value
        here = [entry for entry in self._entries.values() if self._everywhere or entry.server == self.session.settings.server]
        keys = [entry.id for entry in here if matches(self._searched[entry.id], filter)]
        if filter:
            self._table.set_empty("no entry has these words", "Esc in the filter clears it.")
        elif trouble := self._unread or self.session.journal.trouble:
            self._table.set_empty(*str(trouble).split("\n"))
        elif self._entries:
            self._table.set_empty("no change to this cluster", "a shows the changes to other clusters too.")
        else:
            self._table.set_empty("no change yet", "podtui records here what it changes in a cluster.")
        if list(self._table.keys) != keys:
            self._table.set_keys(keys, anew=True)
        else:
            self._table.refresh_rows()
        where = "all clusters" if self._everywhere else self.session.settings.context
        count = f"{len(keys)} of {len(here)}" if filter else str(len(keys))
        right = [(f"{counted(self._broken, 'unreadable line')} ", "warn")] if self._broken else []
        if self._unread or self.session.journal.trouble:
            right = [(f"! it cannot be {'read' if self._unread else 'written'} ", "warn")]
        if filter and not self._bar.display:
            right = [*right, (f"/{filter} ", "match")]
        words = f" {count} {'change' if len(here) == 1 else 'changes'} to {where} "
        self.query_one("#journal-title", TextLine).show([(" Journal ", "title"), (words, "")], right)
        self._show_entry()

    def _cells(self, key: str) -> Sequence[Cell]:
        entry = self._entries[key]
        return row(entry, key in self._undone, self._under_way(entry))

    @property
    def _current(self) -> Entry | None:
        return self._entries.get(self._table.cursor_key)

    def _why_not(self, entry: Entry) -> str:
        return why_not(entry, self.session.settings, self._undone)

    @on(RowTable.CursorMoved)
    def _show_entry(self) -> None:
        entry = self._current
        self._hints.refresh_hints()
        if entry is None:
            self._shown = ()
            self._text.set_lines([])
            return
        state = (entry, entry.id in self._undone, self._under_way(entry))
        if state == self._shown:
            return
        keep = bool(self._shown) and isinstance(self._shown[0], Entry) and self._shown[0].id == entry.id
        self._shown = state
        now = datetime.now().astimezone()
        undoes, why = self._entries.get(entry.undoes), self._why_not(entry)
        lines = entry_lines(entry, undone=state[1], under_way=state[2], why_not=why, now=now, undoes=undoes)
        self._text.set_lines(lines, keep=keep)

    # -- the work ----------------------------------------------------------------------------------------------
    def refusal(self, command_id: str) -> str:
        """Why the command cannot run now, for the key hints."""
        if command_id != "journal.undo":
            return ""
        if refusal := self.session.read_only_refusal:
            return f"Undo: {refusal}"
        chosen = self._chosen
        if not chosen:
            return "Undo: nothing is selected"
        return "" if any(not self._why_not(entry) for entry in chosen) else f"{described(chosen[0])}: {self._why_not(chosen[0])}"

    @property
    def _chosen(self) -> list[Entry]:
        """The marked entries, latest first, or the selected one."""
        marked = [self._entries[key] for key in self._table.keys if key in self._table.marked]
        return marked or [entry for entry in [self._current] if entry is not None]

    def action_undo(self) -> None:
        from podtui.ui.journal.undo_dialog import UndoDialog

        if refusal := self.refusal("journal.undo"):
            self.app.notify(refusal, severity="warning", markup=False)
            return
        chosen = self._chosen
        possible = [entry for entry in chosen if not self._why_not(entry)]
        passed = [(entry, self._why_not(entry)) for entry in chosen if self._why_not(entry)]
        self.app.push_screen(UndoDialog(self.session, possible, passed))

    def action_copy(self) -> None:
        commands = list(dict.fromkeys(entry.command for entry in reversed(self._chosen) if entry.command))
        if commands:
            self.app.copy_to_clipboard("\n".join(commands))
            count = "the command" if len(commands) == 1 else f"{len(commands)} commands"
            self.app.notify(f"Sent {count} to the terminal's clipboard", markup=False)
        else:
            self.app.notify("this entry has no kubectl command", markup=False)

    def action_everywhere(self) -> None:
        self._everywhere = not self._everywhere
        self._show()

    def action_filter(self) -> None:
        self._bar.open(self._bar.value)

    @on(EntryBar.Changed)
    def _filtered(self) -> None:
        self._show()

    @on(EntryBar.Submitted)
    @on(EntryBar.Cancelled)
    def _filter_left(self) -> None:
        self._bar.display = False
        self._table.focus()
        self._show()

    def action_switch(self) -> None:
        """Tab switches between the list and the entry."""
        if self._table.has_focus:
            self._text.focus()
        elif not self.has_class("-whole"):
            self._table.focus()

    @on(RowTable.Opened)
    def _opened(self) -> None:
        """Enter shows the entry on the whole screen."""
        self.add_class("-whole")
        self._text.focus()

    def action_close(self) -> None:
        if self.has_class("-whole"):
            self.remove_class("-whole")
            self._table.focus()
        elif self._bar.value:
            self._bar.open("")
            self._filter_left()
        else:
            self.dismiss()
