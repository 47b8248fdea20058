"""A text given to the editor that the user wants: their own, on the terminal, or podtui's."""

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
    """The text as it was saved, maybe unchanged; None when the user left, or gave up on one that `check` refuses.

    To be awaited in a worker. `name` is what its file is called (`pod-web.yaml`), `title` what is edited. `check` says what is wrong
    with it; then it is edited again, with the faults at their lines, or as comments at the top of a file. `heading` are lines of
    comment for the top of a file. `built_in` asks for podtui's own editor, which serves also where there is no terminal to hand over,
    and when the other one cannot be started. `original` is what `text` was at first, when it has been edited before: what is like it
    needs no `check`. What was typed and cannot be used is kept, and said where.
    """
    note = ""
    if not built_in and app.terminal.usable:
        try:
            command = editor_command(app.options.config.editor)
            if command:
                return await _outside(app, text, original, name, command, check, heading)
        except EditorMissing as error:
            note = f"{error}; this is podtui's own editor"
        except EditorFailed as error:
            app.notify(str(error), severity="error", markup=False, timeout=15)
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
            told = f"Cancelled, no valid changes were saved. {kept_words(app, edited, name)}"
            app.notify(told, severity="warning", markup=False, timeout=15)
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
    """Comments for the top of the file. A fault's line is counted in the file, below these comments."""
    if not lines and not faults:
        return ""
    above = [f"# {line}".rstrip() for line in lines] + ["#"]
    count = len(above) + len(faults) + (2 if faults else 0)
    told = [f"# line {fault.line + count}: {harmless(fault.words)}" if fault.line else f"# {harmless(fault.words)}" for fault in faults]
    return "".join(f"{line}\n" for line in [*above, *(["# Refused:", *told, "#"] if faults else [])])


def _without_heading(text: str) -> str:
    """The text below the comments at its very top: they were changed, or a part of them was taken away."""
    lines = text.split("\n")
    at = next((number for number, line in enumerate(lines) if not line.startswith("#")), len(lines))
    return "\n".join(lines[at:])
