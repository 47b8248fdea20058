"""The base of every dialog that changes something: it shows the change first, with the exact kubectl command.

A dialog does its work itself, in a worker, and is dismissed with the result; a cancelled one with None. During a request
nothing can be pressed twice; an error leaves all typed text in place.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, TypeVar

from rich.cells import cell_len
from rich.text import Text
from textual import events, on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.message import Message
from textual.screen import ModalScreen
from textual.widget import Widget
from textual.widgets import Button, Input, Label, Static

from podtui.cluster.changes.journal import new_action, one_action
from podtui.cluster.session import Session
from podtui.errors import PodtuiError, ReadOnlyError
from podtui.kube.resources import ObjectRef
from podtui.text import harmless
from podtui.ui.background import work
from podtui.ui.commands import bindings
from podtui.ui.dialogs.button import DialogButton

if TYPE_CHECKING:
    from podtui.cluster.changes.change import Change

T = TypeVar("T")
LEAST_COMMANDS = 4  # lines


@dataclass(frozen=True)
class Confirmation:
    """A word that the user must type before the dialog's button works: `prompt` asks for it, `word` is the expected text."""

    prompt: str
    word: str


def confirmations(session: Session, count: int, what: str, namespaces: Sequence[str] = ()) -> list[Confirmation]:
    """What the user must type before a change of `count` objects (`what` in the plural): the count if it is more than one,
    the name in `namespaces` if it is a single one, and the context's name if the context is protected."""
    asked = []
    if count > 1:
        asked.append(Confirmation(f"Type {count}, the number of {what}:", str(count)))
    elif len(namespaces) == 1:
        asked.append(Confirmation(f"Type {namespaces[0]}, the name of the namespace:", namespaces[0]))
    context = session.settings.context
    if session.config.is_protected(context):
        asked.append(Confirmation(f"Protected: type the context, {context}:", context))
    return asked


def plural(refs: Sequence[ObjectRef]) -> str:
    """`pods`, or `objects` when there are several kinds."""
    kinds = {ref.resource.plural for ref in refs}
    return kinds.pop() if len(kinds) == 1 else "objects"


def described(refs: Sequence[ObjectRef]) -> str:
    """`pod kubia in default`, `3 pods in default`, `3 pods in 2 namespaces`."""
    namespaces = sorted({ref.namespace for ref in refs if ref.namespace})
    where = f" in {harmless(namespaces[0])}" if len(namespaces) == 1 else f" in {len(namespaces)} namespaces" if namespaces else ""
    if len(refs) == 1:
        return f"{refs[0].resource.kind.lower()} {harmless(refs[0].name)}{where}"
    return f"{len(refs)} {plural(refs)}{where}"


def words(error: BaseException) -> str:
    """An error as a dialog shows it."""
    if isinstance(error, ReadOnlyError):
        return f"{error}" if error.hint else f"{error.what}\nPress Esc, then r to turn read-only off"
    if isinstance(error, PodtuiError):
        return str(error)
    return f"podtui itself failed: {type(error).__name__}: {error}"


def shown(text: str) -> str:
    """Several lines of untrusted text, each made harmless."""
    return "\n".join(harmless(line, tab=8) for line in text.split("\n"))


class Measured(Vertical):
    """A part of a dialog, as high as its content; it reports a change of its size."""

    class Resized(Message):
        pass

    def on_resize(self) -> None:
        self.post_message(self.Resized())


class Dialog(ModalScreen[T | None]):
    """A modal dialog: title, body, words to type as confirmation, the kubectl commands, an error and two buttons.

    A subclass provides `compose_body` (and `compose_reference`), overrides `submit` (does the work, then `self.dismiss(result)`) and
    `update`, which it calls again when its input changes. With a `change`, it is blocked while the change is refused. `FIRST` is the
    selector of the widget with the initial focus: Cancel, unless the dialog begins with an input.
    """

    BINDINGS: ClassVar[list[BindingType]] = [*bindings("dialog")]
    AUTO_FOCUS = ""
    FIRST: ClassVar[str] = "#dialog-cancel"
    change: Change | None = None
    CHANGES: ClassVar[bool] = True  # whether the action changes the cluster: then Enter in a field does not carry it out yet

    DEFAULT_CSS = """
    Dialog { align: center middle; }
    Dialog > #dialog {
        width: 90%; max-width: 110; height: auto; max-height: 100%;
        border: round $primary; background: $surface; padding: 0 1;
    }
    Dialog > #dialog.-danger { border: heavy $error; }
    Dialog #dialog-title { text-style: bold; height: auto; max-height: 2; }
    Dialog .-danger #dialog-title { color: $text-error; }
    Dialog Measured { height: auto; }
    Dialog #dialog-foot MessageLine { dock: none; }
    Dialog #dialog-body { height: auto; scrollbar-size-vertical: 1; }
    Dialog #dialog-content > * { height: auto; }
    Dialog .dialog-word { height: auto; }
    Dialog .dialog-word Label { width: auto; max-width: 60%; height: auto; padding-right: 1; }
    Dialog .dialog-word Input { width: 1fr; }
    Dialog #dialog-answer { height: auto; }
    Dialog #dialog-answer.-beside { layout: horizontal; }
    Dialog .-beside .dialog-word { width: auto; max-width: 70%; margin-right: 1; }
    Dialog .-beside .dialog-word Label { max-width: 100%; }
    Dialog .-beside #dialog-buttons { width: 1fr; }
    Dialog Input { height: 1; background: $boost; }
    Dialog Input:focus { background: $panel; }
    Dialog .dialog-scroll { height: auto; max-height: 4; scrollbar-size-vertical: 1; }
    Dialog .dialog-scroll Static { height: auto; }
    Dialog #dialog-commands { color: $text-muted; }
    Dialog #dialog-status { color: $text-error; }
    Dialog #dialog-status.-note { color: $text-muted; }
    Dialog #dialog-buttons { height: 1; }
    Dialog #dialog-hint { width: 1fr; text-align: right; color: $text-muted; }
    """

    def __init__(self, title: str, *, confirm: str = "OK", danger: bool = False, asked: Sequence[Confirmation] = ()) -> None:
        """`confirm` is the button's label; `asked` is what the user must type before it works."""
        super().__init__()
        self.dialog_title = title
        self.confirm_label = confirm
        self.danger = danger
        self.asked: tuple[Confirmation, ...] = tuple(asked)
        self.commands: list[str] = []
        self.busy = False
        self.asking = True  # whether the words of `asked` are required now
        self.action_id = new_action()  # shared by all changes of the dialog, retries included: they are undone together
        self.return_focus: Widget | None = None  # gets the focus back if the work fails
        self._leaving = False
        self._shown_why = ""  # why it cannot be confirmed, while the status shows that
        self._drawn = False  # Textual's is_mounted is still False in on_mount

    # -- for subclasses ---------------------------------------------------------------------------------------

    def compose_body(self) -> Iterable[Widget]:
        """The widgets of the body."""
        return ()

    def compose_reference(self) -> Iterable[Widget]:
        """Widgets for reference, below all inputs: they may be long."""
        return ()

    def update(self) -> None:
        """Show what the dialog is about to do; first called when it opens."""
        self.refresh_dialog()

    async def read(self) -> None:
        """Read what the dialog shows of the objects; runs in a worker when it opens."""

    def blocked(self) -> str:
        """Why the dialog cannot be confirmed now, in a few words; "" when it can."""
        return "" if self.change is None else self.change.refusal

    async def submit(self) -> None:
        """Do the work and `dismiss`. A PodtuiError is shown, and the dialog stays as it is."""
        raise NotImplementedError

    def missing(self) -> Widget | None:
        """The widget in which something is missing or wrong while the dialog cannot be confirmed; None: no one widget."""
        if self.blocked():
            return next(iter(self.query(self.FIRST).results(Input)), None)
        return next((field for field, word in self._words() if field.value.strip() != word), None)

    def acts(self, source: Input) -> bool:
        """Whether Enter in this input carries out the action at once, as far as nothing is missing."""
        return not self.CHANGES

    def left(self) -> None:
        """Called when the user leaves without waiting for an answer: reports what is known to be done."""

    def show_commands(self, commands: Sequence[str]) -> None:
        """Show the exact kubectl commands for what the dialog is about to do, one a line."""
        self.commands = list(commands)
        if self._drawn:
            self._static("#dialog-command-text", "\n".join(f"$ {harmless(command)}" for command in self.commands))

    def put(self, selector: str, text: Text) -> None:
        """Show a text in the body; without any, its place is not there."""
        static = self.query_one(selector, Static)
        static.update(text)
        static.display = bool(text)

    def show_error(self, error: BaseException | str) -> None:
        """Show an error under the body; all typed text stays."""
        self._status(words(error) if isinstance(error, BaseException) else error, note=False)

    def show_note(self, text: str) -> None:
        """Show the progress in place of errors; "" clears it."""
        self._status(text, note=True)

    def set_title(self, title: str) -> None:
        self.dialog_title = title
        self.query_one("#dialog-title", Static).update(Text(harmless(title)))

    def set_confirm(self, label: str) -> None:
        """Change the label of the confirm button."""
        self.confirm_label = label
        self.query_one("#dialog-confirm", Button).label = Text(label)
        self.refresh_dialog()

    def set_cancel(self, label: str) -> None:
        """Change the label of the cancel button, to `Close` when there is nothing left to cancel."""
        self.query_one("#dialog-cancel", Button).label = Text(label)

    def refresh_dialog(self) -> None:
        """Show whether the confirm button works, and if not, why.

        A blocked button can still have the focus, so that Tab and Enter always do the same; pressed, it says why it is blocked.
        """
        if not self._drawn:
            return
        why = "" if self.busy else self._why_not()
        confirm = self.query_one("#dialog-confirm", Button)
        confirm.disabled = self.busy
        confirm.set_class(bool(why), "-blocked")
        if self._shown_why not in ("", why):
            self.show_note("")
        hint = "waiting for the server…" if self.busy else why or "Esc cancels"
        self.query_one("#dialog-hint", Static).update(Text(harmless(hint), no_wrap=True, overflow="ellipsis"))

    # -- the frame --------------------------------------------------------------------------------------------

    def compose(self) -> ComposeResult:
        with Vertical(id="dialog", classes="-danger" if self.danger else ""):
            with Measured(id="dialog-head"):
                yield Static(Text(("! " if self.danger else "") + harmless(self.dialog_title)), id="dialog-title")
            with VerticalScroll(id="dialog-body", can_focus=False), Measured(id="dialog-content"):
                yield from self.compose_body()
                yield from self.compose_reference()
            with Measured(id="dialog-foot"):
                with VerticalScroll(id="dialog-commands", classes="dialog-scroll", can_focus=False):
                    yield Static(id="dialog-command-text")
                with VerticalScroll(id="dialog-status", classes="dialog-scroll", can_focus=False):
                    yield Static(id="dialog-status-text")
                with Vertical(id="dialog-answer"):
                    for number, confirmation in enumerate(self.asked):
                        with Horizontal(classes="dialog-word"):
                            yield Label(Text(harmless(confirmation.prompt)))
                            # Focus does not select the text: the letter that moved the focus there stays.
                            yield Input(id=f"dialog-word-{number}", compact=True, select_on_focus=False)
                    with Horizontal(id="dialog-buttons"):
                        yield DialogButton("Cancel", id="dialog-cancel", compact=True)
                        yield DialogButton(
                            Text(self.confirm_label),
                            id="dialog-confirm",
                            compact=True,
                            classes="-danger" if self.danger else "",
                        )
                        yield Static(id="dialog-hint")

    def on_mount(self) -> None:
        if self._drawn:
            return  # a dialog's own calls it first, and Textual runs it again after that
        self._drawn = True
        for field in self.query(Input):
            field.cursor_blink = False  # each blink would send bytes to the terminal
        self.show_commands(self.commands)
        self._status("", note=True)
        self.update()
        work(self, "read", self.read)
        self.query(self.FIRST).first(Widget).focus()

    @on(Measured.Resized)
    def on_resize(self) -> None:
        """Keep the buttons, the commands and the error inside the screen: the commands have the room that the body leaves, or scroll."""
        self._put_word_beside()
        commands, wanted = self.query_one("#dialog-commands"), self.query_one("#dialog-command-text").outer_size.height
        fixed = sum(self.query_one(part).outer_size.height for part in ("#dialog-head", "#dialog-foot")) - commands.outer_size.height
        room = self.size.height - 2 - fixed
        most = max(LEAST_COMMANDS, room - self.query_one("#dialog-content").outer_size.height)
        commands.styles.max_height = most
        self.query_one("#dialog-body").styles.max_height = max(3, room - (min(wanted, most) if commands.display else 0))
        if self.focused is not None:
            self.call_after_refresh(self.focused.scroll_visible, animate=False)

    def _put_word_beside(self) -> None:
        """The field of the one word to type stands beside the buttons if all fits in a line, else above them."""
        answer = self.query_one("#dialog-answer")
        if len(self.asked) != 1:
            return
        prompt, field = cell_len(harmless(self.asked[0].prompt)) + 1, max(8, cell_len(self.asked[0].word) + 2)
        buttons = sum(cell_len(label) + 6 for label in ("Cancel", self.confirm_label))
        beside = prompt + field + 1 + buttons + cell_len(f"type {self.asked[0].word} to confirm") <= answer.size.width
        answer.set_class(beside, "-beside")
        self.query_one("#dialog-word-0").styles.width = field if beside else "1fr"

    def _static(self, selector: str, text: str) -> None:
        if self._drawn:
            self.query_one(selector, Static).update(Text(text))
            scroll = self.query_one(selector, Static).parent
            assert isinstance(scroll, Widget)
            scroll.display = bool(text)

    def _status(self, text: str, *, note: bool) -> None:
        self._shown_why = ""
        if self._drawn:
            self.query_one("#dialog-status").set_class(note, "-note")
            self._static("#dialog-status-text", shown(text) if note or not text else f"✗ {shown(text)}")

    # -- input ------------------------------------------------------------------------------------------------

    def _why_not(self) -> str:
        """Why the button does not work now: also, which confirmation is missing."""
        untyped = (f"type {word} to confirm" for field, word in self._words() if field.value.strip() != word)
        return self.blocked() or next(untyped, "")

    def _words(self) -> Iterable[tuple[Input, str]]:
        """The fields of the confirmations that are required now, with the words that they must have."""
        for number, confirmation in enumerate(self.asked if self.asking else ()):
            yield self.query_one(f"#dialog-word-{number}", Input), confirmation.word

    def on_key(self, event: events.Key) -> None:
        """While a button has the focus (Cancel has it at first), letters go to the field of the confirmation."""
        wanted = isinstance(self.focused, Button) and self.asked and self.asking and not self.busy
        if wanted and event.character and event.character.isalnum():
            field = self.query_one("#dialog-word-0", Input)
            event.stop()
            field.focus()
            field.insert_text_at_cursor(event.character)

    @on(Input.Changed)
    def _typed(self) -> None:
        self.refresh_dialog()

    @on(Input.Submitted)
    def _entered(self, event: Input.Submitted) -> None:
        """The same in all dialogs: Enter goes to what is missing, then to the action. It carries out one that changes nothing."""
        if self.busy:
            return
        why, missing = self._why_not(), self.missing()
        if why and missing is not None and missing is not event.input:
            missing.focus()
        elif why or self.acts(event.input):
            self.action_confirm()  # or shows why it is blocked
        else:
            self.query_one("#dialog-confirm", Button).focus()

    @on(Button.Pressed, "#dialog-cancel")
    def _cancel_pressed(self) -> None:
        self.action_cancel()

    @on(Button.Pressed, "#dialog-confirm")
    def _confirm_pressed(self) -> None:
        self.action_confirm()

    def action_cancel(self) -> None:
        if self.busy and not self._leaving:
            self._leaving = True
            self.show_note("The request is in progress. Esc again closes the dialog without its answer: it may or may not succeed.")
            return
        if self.busy:
            self.left()
        self.dismiss(None)

    def action_copy(self) -> None:
        """Copy the kubectl commands (OSC 52: the terminal does not answer, so success is unknown)."""
        if self.commands:
            self.app.copy_to_clipboard("\n".join(self.commands))
            self.notify("Sent the command to the terminal's clipboard", markup=False)

    def action_page_down(self) -> None:
        """Scroll the body, then the commands, then the error: each to its end."""
        if area := next((area for area in self._areas() if area.scroll_y < area.max_scroll_y), None):
            area.scroll_page_down(animate=False)

    def action_page_up(self) -> None:
        if area := next((area for area in reversed(self._areas()) if area.scroll_y > 0), None):
            area.scroll_page_up(animate=False)

    def _areas(self) -> list[VerticalScroll]:
        """What scrolls, from the top."""
        return [area for area in self.query(VerticalScroll) if area.display]

    def action_confirm(self) -> None:
        """Start the work, unless it is running already or something is missing."""
        if self.busy:
            return
        if why := self._why_not():
            self.show_error(why)
            self._shown_why = why
            return
        self.busy, self._leaving = True, False
        self.show_note("")
        self.return_focus = self.focused
        self._disable_fields(True)
        self.set_focus(None)  # a second Enter must not press anything
        self.refresh_dialog()
        work(self, "dialog", self._work)

    def _disable_fields(self, disabled: bool) -> None:
        for part in self.query("#dialog-body, .dialog-word"):
            part.disabled = disabled

    async def _work(self) -> None:
        error: Exception | None = None
        try:
            with one_action(self.action_id):
                await self.submit()
        except Exception as caught:  # the user sees any error, and the typed text stays
            error = caught
            self.log.error(repr(caught))
        self.busy = False
        if not self.is_attached or not self.is_current:
            return  # dismissed
        self._disable_fields(False)
        self.refresh_dialog()
        if error is not None:
            self.show_error(error)
        if self.focused is None:
            back = self.return_focus
            back = back if back is not None and back.focusable else self.query_one("#dialog-cancel")
            back.focus()
            self.call_after_refresh(back.scroll_visible, animate=False)  # below what the work has brought
