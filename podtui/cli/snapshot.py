"""`podtui snapshot`: one screen as SVG or text. The same app runs without a terminal; keys may be pressed first."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from argparse import Namespace
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from podtui.cli.launch import check_configuration, prepare, prepare_environment
from podtui.cli.output import tell
from podtui.errors import PodtuiError, UsageError
from podtui.keys import keys_of
from podtui.reports import log_to_file
from podtui.text import harmless

if TYPE_CHECKING:
    from podtui.ui.main.app import PodtuiApp
    from podtui.ui.options import Options

_STEADY, _PATIENCE = 0.4, 5.0  # seconds without a change that end the wait after a key, and the longest wait


def run_snapshot(arguments: Namespace) -> int:
    """Write the screen. Returns 1, after a line on standard error, if it shows no live list of pods: the picture says why."""
    options = prepare(arguments)
    size = size_of(arguments.size or "120x36")
    written = arguments.format or ("svg" if (arguments.output or "").lower().endswith(".svg") else "text")
    prepare_environment(os.environ)
    log_to_file()
    from podtui.ui.themes import DARK

    if not (options.theme or options.config.theme):
        options = replace(options, theme=DARK)  # the picture is for everywhere, not for this terminal
    check_configuration(options, arguments.config)
    picture, trouble = asyncio.run(_picture(options, size, keys_of(arguments.keys or ""), written))
    if arguments.output:
        _write(Path(arguments.output).expanduser(), picture)
    else:
        sys.stdout.write(picture)
        sys.stdout.flush()  # what keeps it from being written comes before what is in it
    if trouble:
        tell(f"podtui: {trouble}")
    return 1 if trouble else 0


async def _picture(options: Options, size: tuple[int, int], keys: list[str], written: str) -> tuple[str, str]:
    """The screen after the keys, and what keeps the list of pods from being live ("" when nothing does)."""
    from podtui.ui.main.app import PodtuiApp
    from podtui.ui.terminal.picture import as_svg, as_text, draw_only_when_read

    draw_only_when_read()
    app = PodtuiApp(options)
    async with app.run_test(size=size) as pilot:
        await app.settled()
        await _steady(app)
        for key in keys:
            await pilot.press(key)
            if len(key) > 1:  # not within a text that is typed
                await _steady(app)
        if keys:
            await _steady(app)
        picture = as_svg(app) if written == "svg" else as_text(app)
        health = app.session.pods.health
        error = app.session.error or health.error
        live = app.session.pods.known and health.state in ("live", "polling")
        trouble = "" if live else error.what if error is not None else f"the list of pods is not live: {health.state}"
    return picture, trouble


async def _steady(app: PodtuiApp) -> None:
    """Wait until the screen has stopped changing for a moment."""
    from podtui.ui.terminal.picture import as_text

    loop = asyncio.get_running_loop()
    deadline = loop.time() + _PATIENCE
    before, since = "", loop.time()
    while loop.time() < deadline and loop.time() - since < _STEADY:
        await asyncio.sleep(0.05)
        now = as_text(app)
        if now != before:
            before, since = now, loop.time()


def size_of(text: str) -> tuple[int, int]:
    found = re.fullmatch(r"(\d{1,4})[xX](\d{1,4})", text, re.ASCII)
    if not found or not (20 <= int(found[1]) <= 1000 and 5 <= int(found[2]) <= 500):
        raise UsageError(f"--size: {harmless(text)!r} is not a size", "use COLUMNSxROWS, from 20x5 to 1000x500: 120x36")
    return int(found[1]), int(found[2])


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise PodtuiError(f"cannot write {harmless(str(path))}: {error.strerror}") from None
