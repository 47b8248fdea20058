"""Edits a text in the editor that the user wants: their own, on the terminal, or podtui's."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from podtui.errors import EditorFailed, EditorMissing, PodtuiError
from podtui.kube.manifests.faults import Fault
from podtui.text import harmless
from podtui.ui.editor.outside_editor import edit_outside, editor_command, kept_words
from podtui.ui.editor.screen import Check, EditorScreen
from podtui.ui.terminal.app import TerminalApp


async def edit_text(
    app: TerminalApp,
    text: str,
    name: str,
    title: str,
    *,
    check: Check | None = None,
    heading: Sequence[str] = (),
    built_in: bool = False,
    original: str | None = None,
) -> str | None:
    """The saved text, possibly unchanged; None if the user leaves, or gives up on a text that `check` refuses.

    Await it in a worker. `name` is the name of the file (`pod-web.yaml`), `title` describes the text. `check` returns the faults; the user
    then edits again, with the faults at their lines, or as comments at the top of the file. `heading` has comment lines for the top of the
    file. `built_in` asks for podtui's own editor, which is also used where there is no terminal to lend, and when the other editor cannot
    be started. `original` is the first version of a `text` edited before: a text equal to it needs no `check`. Text that cannot be used
    is kept in a file, and a message says where.
    """
    note = ""
    if not built_in and app.terminal.usable:
        try:
            command = editor_command(app.options.config.editor)
            if command:
                return await _outside(app, text, original, name, command, check, heading)
        except EditorMissing as error:
            note = f"{error}; this is podtui's own editor instead"
        except EditorFailed as error:
            app.notify(str(error), severity="error", markup=False)
            return None
    return await app.push_screen_wait(EditorScreen(text, name, title, check=check, original=original, note=note))


async def _outside(
    app: TerminalApp, text: str, original: str | None, name: str, command: list[str], check: Check | None, heading: Sequence[str]
) -> str | None:
    shown, faults = text, list[Fault]()
    while True:
        top = _heading(heading, faults)
        edited = await edit_outside(app, top + shown, name, command)
        edited = edited[len(top) :] if edited.startswith(top) else _without_heading(edited)
        if faults and edited == shown:
            message = f"Cancelled, no valid changes were saved. {kept_words(app, edited, name)}"
            app.notify(message, severity="warning", markup=False)
            return None
        if check is None or edited == (text if original is None else original):
            return edited
        try:
            faults = list(await check(edited))
        except asyncio.CancelledError:  # podtui ends
            kept_words(app, edited, name)
            raise
        except PodtuiError as error:
            faults = [Fault(0, str(error).replace("\n", " - "))]
        if not faults:
            return edited
        shown = edited


def _heading(lines: Sequence[str], faults: Sequence[Fault]) -> str:
    """Comments for the top of the file. Line numbers of faults count these comments too."""
    if not lines and not faults:
        return ""
    above = [f"# {line}".rstrip() for line in lines] + ["#"]
    count = len(above) + len(faults) + (2 if faults else 0)
    notes = [f"# line {fault.line + count}: {harmless(fault.words)}" if fault.line else f"# {harmless(fault.words)}" for fault in faults]
    return "".join(f"{line}\n" for line in [*above, *(["# Refused:", *notes, "#"] if faults else [])])


def _without_heading(text: str) -> str:
    """The text below the comments at its top, for when the user changed or removed some of them."""
    lines = text.split("\n")
    at = next((number for number, line in enumerate(lines) if not line.startswith("#")), len(lines))
    return "\n".join(lines[at:])
