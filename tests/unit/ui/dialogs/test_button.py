"""Which button of a dialog has the focus is seen without colours, and Enter has one rhythm in all dialogs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

import pytest
from textual.widget import Widget
from textual.widgets import Button, Input, OptionList

from podtui.ui.dialogs.button import DialogButton
from podtui.ui.dialogs.choose import Chooser
from podtui.ui.dialogs.dialog import Confirmation, Dialog
from podtui.ui.terminal.picture import as_text
from podtui.ui.themes import install_themes
from tests.support.screens import Shown
from tests.support.waiting import settle


class Asking(Dialog[str]):
    """Two fields, of which the first must not be empty, and a number to type."""

    FIRST: ClassVar[str] = "#name"

    def __init__(self, *, asked: bool = True, danger: bool = True) -> None:
        super().__init__(
            "Delete?", confirm="Delete", danger=danger, asked=[Confirmation("Type 2, the number of pods:", "2")] if asked else []
        )

    def compose_body(self) -> Iterable[Widget]:
        yield Input(id="name", compact=True)
        yield Input(id="note", compact=True)

    def blocked(self) -> str:
        return "" if self.query_one("#name", Input).value else "the name is missing"

    async def submit(self) -> None:
        self.dismiss("done")


class Finding(Asking):
    CHANGES: ClassVar[bool] = False


def drawn(button: Button) -> tuple[str, bool]:
    """The text of a button, and whether it is filled: its colours are exchanged, which every terminal can."""
    strip = button.render_line(0)
    styles = [segment.style for segment in strip if segment.text.strip()]
    return strip.text.rstrip(), all(style is not None and bool(style.reverse) for style in styles)


@pytest.mark.parametrize("theme", ["podtui-dark", "podtui-light", "podtui-contrast", "podtui-ansi"])
async def test_the_button_with_the_focus_is_filled_and_marked_in_every_theme(theme: str) -> None:
    dialog = Asking()
    app = Shown(dialog)
    async with app.run_test(size=(80, 24)) as pilot:
        install_themes(app, theme)
        await settle(pilot)
        cancel, delete = (dialog.query_one(f"#dialog-{name}", DialogButton) for name in ("cancel", "confirm"))
        for focused, other in ((cancel, delete), (delete, cancel)):
            focused.focus()
            await pilot.pause()
            assert drawn(focused) == (f" ▸ {focused.label}", True)
            assert drawn(other) == (f"   {other.label}", False)
            assert other.rich_style.bgcolor == dialog.query_one("#dialog-hint").rich_style.bgcolor, "no ground of its own"


async def steps(dialog: Dialog[Any], *keys: str) -> list[str]:
    """The ids of the widgets that have the focus after each key; the error under the body, if there is one, in brackets."""
    app = Shown(dialog)
    found = []
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        for key in keys:
            await pilot.press(key)
            await settle(pilot)
            if not dialog.is_current:
                found.append(f"= {app.results}")
                break
            error = str(dialog.query_one("#dialog-status-text").render())
            found.append((dialog.focused.id or "" if dialog.focused else "") + (f" [{error}]" if error else ""))
    return found


async def test_enter_goes_to_what_is_missing_and_then_to_the_action() -> None:
    assert await steps(Asking(), "enter", "a", "enter", "enter", "2", "enter", "enter") == [
        "name [✗ the name is missing]",
        "name",
        "dialog-word-0",
        "dialog-word-0 [✗ type 2 to confirm]",
        "dialog-word-0",
        "dialog-confirm",
        "= ['done']",
    ]
    assert await steps(Asking(asked=False), "tab", "x", "enter", "a", "enter") == ["note", "note", "name", "name", "dialog-confirm"]


async def test_enter_carries_out_what_changes_nothing() -> None:
    assert await steps(Finding(asked=False), "a", "enter") == ["name", "= ['done']"]


async def test_the_arrows_go_from_one_button_to_the_other() -> None:
    assert await steps(Asking(asked=False), "tab", "tab", "right", "left", "left", "right") == [
        "note",
        "dialog-cancel",
        "dialog-confirm",
        "dialog-cancel",
        "dialog-confirm",
        "dialog-cancel",
    ]


@pytest.mark.parametrize(("width", "above"), [(120, 0), (80, 1)])
async def test_the_number_is_typed_beside_the_buttons_or_just_above_where_there_is_little_room(width: int, above: int) -> None:
    dialog = Asking()
    async with Shown(dialog).run_test(size=(width, 24)) as pilot:
        await settle(pilot)
        await pilot.press("a")
        await settle(pilot)
        word, buttons = dialog.query_one("#dialog-word-0").region, dialog.query_one("#dialog-buttons").region
        assert word.y == buttons.y - above and word.width > 5
        assert as_text(pilot.app).count("type 2 to confirm") == 1, "all of the line is in view"
        assert not any(field.cursor_blink for field in dialog.query(Input)), "each blink would send bytes to the terminal"
        assert [widget.id for widget in dialog.focus_chain] == ["name", "note", "dialog-word-0", "dialog-cancel", "dialog-confirm"]


async def test_the_name_that_enter_chooses_is_marked_without_colours() -> None:
    dialog = Chooser("Quit podtui? 1 port-forward ends", ["Stay", "Quit", "Wait"], "Quit")
    async with Shown(dialog).run_test(size=(80, 24)) as pilot:
        options = dialog.query_one(OptionList)
        for key, marked in (("", 1), ("j", 2), ("j", 0), ("k", 2)):
            await pilot.press(*key)
            await settle(pilot)
            names = [f"{'▸' if place == marked else ' '}{name}" for place, name in enumerate((" Stay", "●Quit", " Wait"))]
            assert [options.render_line(place).text.strip(" ") for place in range(3)] == [name.strip(" ") for name in names]


async def test_a_long_question_is_shown_whole() -> None:
    question = "Quit podtui? 1 port-forward ends, manifest.yaml was not sent and stays in a file"
    async with Shown(Chooser(question, ["Stay", "Quit"])).run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        assert "".join(as_text(pilot.app).split()).replace("│", "").count("".join(question.split())) == 1
