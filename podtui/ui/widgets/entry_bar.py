"""A bar of one line for input, with checks while typing, completion and a history. Knows nothing about Kubernetes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from rich.cells import cell_len
from rich.highlighter import Highlighter
from rich.text import Text
from textual import events, on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input, Static

from podtui.completion import Candidate, Completion
from podtui.errors import PodtuiError
from podtui.text import harmless
from podtui.ui.commands import bindings
from podtui.ui.widgets.drop_down import DropDown

HISTORY = 100

Complete = Callable[[str, int], Completion]
Check = Callable[[str], object]  # raises a PodtuiError, possibly with a `position`; its result is not used


class Entry(Input):
    """The input of a bar. Its value is always harmless, so that positions in the value and on the screen agree."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings("bar")]
    COMPONENT_CLASSES: ClassVar[set[str]] = {"entry--fault"}

    DEFAULT_CSS = """
    Entry, Entry:focus { width: 1fr; height: 1; border: none; padding: 0; background: $panel; background-tint: transparent; }
    Entry > .entry--fault { color: $text-error; text-style: bold underline; }
    """

    def __init__(self, bar: EntryBar, placeholder: str) -> None:
        self._bar = bar
        self.fault: int | None = None
        super().__init__(placeholder=placeholder, select_on_focus=False, compact=True)
        self.cursor_blink = False  # an idle screen sends no bytes
        self.highlighter = _Fault(self)

    def validate_value(self, value: str) -> str:
        return harmless(value.replace("\t", " "))

    def watch_value(self) -> None:
        self._bar.edited()

    def watch_selection(self) -> None:
        self._bar.moved()

    def _on_paste(self, event: events.Paste) -> None:
        """Paste all lines, joined by spaces (Input itself would drop all but the first)."""
        event.stop()
        event.prevent_default()
        self.replace(harmless(" ".join(event.text.split("\n")).replace("\r", " ").replace("\t", " ").strip()), *self.selection)

    def action_complete(self) -> None:
        self._bar.take_candidate()

    async def action_submit(self) -> None:
        self._bar.submit()

    def action_cancel(self) -> None:
        self._bar.cancel()

    def action_next(self) -> None:
        self._bar.go_down()

    def action_previous(self) -> None:
        self._bar.go_up()


class _Fault(Highlighter):
    """Underlines the word at the error's position."""

    def __init__(self, entry: Entry) -> None:
        self._entry = entry

    def highlight(self, text: Text) -> None:
        start = self._entry.fault
        if start is None or start >= len(text.plain):
            return
        end = start + 1
        while end < len(text.plain) and text.plain[end] not in " ,()=!<>":
            end += 1
        text.stylize(self._entry.get_component_rich_style("entry--fault", partial=True), start, end)


class EntryMessage(Message):
    """A message of a bar, with the bar's value."""

    def __init__(self, bar: EntryBar, value: str) -> None:
        super().__init__()
        self.bar = bar
        self.value = value


class EntryBar(Widget):
    """A prompt and an entry, with the candidates and the fault below. An owner of several tells them apart by `bar` of their messages.

    `open(value)` shows it with the focus; on Submitted or Cancelled the owner hides it (`display = False`) and moves the focus.
    A value that `check` refuses is not submitted: it stays, with the cursor at the fault and the message under it.
    """

    DEFAULT_CSS = """
    EntryBar { height: 1; layout: vertical; background: $panel; }
    EntryBar > Horizontal { height: 1; }
    EntryBar .entry-prompt { width: auto; padding: 0 1; background: $panel; color: $text-accent; text-style: bold; }
    """

    class Changed(EntryMessage):
        """The text changed. `valid` is whether it can be submitted."""

        def __init__(self, bar: EntryBar, value: str, valid: bool) -> None:
            super().__init__(bar, value)
            self.valid = valid

    class Submitted(EntryMessage):
        """The user entered the value, and `check` accepts it."""

    class Cancelled(EntryMessage):
        """The user left the bar; `value` is what it holds now: the value it was opened with, or ""."""

    CANCEL_RESTORES: ClassVar[bool] = True  # whether Esc restores the old value; otherwise it clears the bar
    PROMPT: ClassVar[str] = ""
    PLACEHOLDER: ClassVar[str] = ""

    def __init__(
        self,
        complete: Complete | None = None,
        check: Check | None = None,
        *,
        history: Sequence[str] = (),
        id: str | None = None,
    ) -> None:
        super().__init__(id=id)
        self.complete = complete
        self.check = check
        self.history = list(history)
        self.error: PodtuiError | None = None
        self._entry = Entry(self, self.PLACEHOLDER)
        self._drop = DropDown()
        self._completion: Completion | None = None
        self._old = ""  # what Esc restores
        self._draft = ""  # the typed text before a step into the history
        self._past: int | None = None  # the position in the history
        self._announced = ""  # the value of the last Changed
        self._wanted = False  # whether to show candidates
        self._chosen = False  # whether the arrow keys moved the mark
        self._refused = False  # Enter was pressed on what `check` refuses
        self._dirty = False

    def compose(self) -> ComposeResult:
        with Horizontal():
            yield Static(Text(self.PROMPT), classes="entry-prompt")
            yield self._entry
        yield self._drop

    # -- for the owner

    @property
    def value(self) -> str:
        return self._entry.value

    @property
    def candidates(self) -> Sequence[Candidate]:
        """The candidates shown."""
        return self._completion.candidates if self._completion else ()

    def open(self, value: str = "") -> None:
        """Show the bar with `value` and give it the focus. Without a value it first shows the candidates."""
        self.display = True
        self._old = self._announced = self._draft = harmless(value)
        self._past = None
        self._set(value, wanted=not value)
        self._entry.focus()

    # -- from the input

    def edited(self) -> None:
        """The text changed, by typing unless `_set` overrides that."""
        self._wanted, self._refused, self._past = True, False, None
        self._later()

    def moved(self) -> None:
        """The cursor moved, so other candidates may fit."""
        self._later()

    def _later(self) -> None:
        """Update once after all changes of a key (text and cursor)."""
        if not self._dirty:
            self._dirty = True
            self.call_next(self._update)

    def _set(self, value: str, cursor: int | None = None, *, wanted: bool) -> None:
        past = self._past
        self._entry.value = value
        self._entry.cursor_position = len(self._entry.value) if cursor is None else cursor
        self._wanted, self._refused, self._past = wanted, False, past
        self._dirty = True
        self._update()

    def _update(self) -> None:
        if not self._dirty:
            return
        self._dirty = False
        value = self._entry.value
        self.error = self._fault(value)
        if value != self._announced:
            self._announced = value
            self.post_message(self.Changed(self, value, self.error is None))
        self._completion = self.complete(value, self._entry.cursor_position) if self._wanted and self.complete else None
        self._chosen = False
        self._show()

    def _fault(self, value: str) -> PodtuiError | None:
        if self.check is None:
            return None
        try:
            self.check(value)
        except PodtuiError as error:
            return error
        return None

    def _show(self) -> None:
        """Show the candidates and the error: as a hint while the text is merely unfinished at its end, otherwise as a fault."""
        words: list[tuple[str, bool]] = []
        self._entry.fault = None
        if self.error is not None:
            position = _position(self.error, self.value)
            unfinished = position >= len(self.value.rstrip()) and not self._refused
            if not unfinished:
                self._entry.fault = position
            words.append((f"{'…' if unfinished else '✗'} {self.error.what}", not unfinished))
            if self.error.hint and not unfinished:
                words.append((f"  {self.error.hint}", False))
        self._drop.show([(one.text, one.count) for one in self.candidates], 0, words)
        self._entry.refresh()
        self.call_after_refresh(self._place)

    def _place(self) -> None:
        """Put the drop-down under the word that it completes, or above it if there is no room."""
        start = self._completion.start if self.candidates and self._completion else 0
        column = cell_len(self.PROMPT) + 2 + cell_len(self.value[:start]) - self._entry.scroll_offset.x
        rows, room = self._drop.rows, self.app.size.height - self.region.bottom
        below = rows <= room or room >= self.region.y
        # The drop-down's margin of two columns puts its text under the word.
        self._drop.styles.offset = (max(0, column - 2), 0 if below else -rows - 1)

    def on_resize(self) -> None:
        self._place()

    def on_descendant_blur(self) -> None:
        self._close()

    def _close(self) -> None:
        self._wanted, self._completion = False, None
        self._show()

    # -- keys

    def take_candidate(self) -> None:
        """Tab: insert the marked candidate; if none are shown, show the candidates at the cursor."""
        self._update()
        if self._completion is None or not self.candidates:
            self._wanted = self._dirty = True
            self._update()
            return
        candidate = self.candidates[self._drop.marked]
        start, end, value = self._completion.start, self._completion.end, self.value
        self._past = None
        self._set(value[:start] + candidate.text + value[end:], start + len(candidate.text), wanted=True)

    def submit(self) -> None:
        """Enter: submit, or first insert a candidate that the arrow keys selected."""
        self._update()
        if self._chosen and self.candidates:
            self.take_candidate()
            return
        if self.error is not None:
            self._refused = True
            self._wanted, self._completion = False, None
            self._entry.cursor_position = _position(self.error, self.value)
            self._show()
            return
        value = self.value
        self._remember(value)
        self._old = value
        self._close()
        self.post_message(self.Submitted(self, value))

    def cancel(self) -> None:
        """Esc: close the candidates; again: leave the bar."""
        self._update()
        if self.candidates:
            self._close()
            return
        self._past = None
        self._set(self._old if self.CANCEL_RESTORES else "", wanted=False)
        self._drop.display = False
        self.post_message(self.Cancelled(self, self.value))

    def go_down(self) -> None:
        self._update()
        if self.candidates:
            self._drop.mark(self._drop.marked + 1)
            self._chosen = True
        elif self._past is not None:
            self._recall(self._past + 1)
        else:
            self.take_candidate()

    def go_up(self) -> None:
        """Go to the candidate above; from the first, or without candidates, go into the history."""
        self._update()
        if self.candidates and self._drop.marked:
            self._drop.mark(self._drop.marked - 1)
            self._chosen = True
        elif self.history:
            self._recall((len(self.history) if self._past is None else self._past) - 1)

    def _recall(self, past: int) -> None:
        """Show entry `past` of the history; the one after the last is the draft."""
        if past < 0:
            return
        if self._past is None:
            self._draft = self.value
        self._past = past if past < len(self.history) else None
        self._set(self._draft if self._past is None else self.history[past], wanted=False)

    def _remember(self, value: str) -> None:
        if value.strip():
            self.history = [*(old for old in self.history if old != value), value][-HISTORY:]

    @on(DropDown.Picked)
    def _picked(self, event: DropDown.Picked) -> None:
        event.stop()
        self._drop.mark(event.index)
        self.take_candidate()

    @on(Input.Changed)
    @on(Input.Submitted)
    def _own(self, event: Message) -> None:
        event.stop()  # the bar posts messages of its own


def _position(error: PodtuiError, value: str) -> int:
    return max(0, min(int(getattr(error, "position", len(value))), len(value)))
