"""The program's entry: arguments, exit codes, and every error in a line or two on standard error.

`podtui --help` must answer at once. So this module imports nothing before it needs it: no Textual, kubernetes, YAML or
kubeconfig.
"""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Sequence

from podtui.cli import arguments
from podtui.cli.output import Output, tell
from podtui.errors import PodtuiError, SelectorError

INTERRUPTED = 130  # as a shell tells of a program that SIGINT ended


def main(words: Sequence[str] | None = None) -> int:
    """Run podtui with the words of the command line; returns the exit code: 0 success, 1 an error, 2 wrong usage."""
    _make_output_safe()
    real = sys.stdout
    output = Output(real)
    sys.stdout = output
    try:
        try:
            code = _run(*arguments.parse(sys.argv[1:] if words is None else words))
        finally:
            output.flush()  # also what argparse has printed before it exits: a help, the version
        return code
    except PodtuiError as error:
        tell(told(error))
        return error.exit_code
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:  # `podtui themes | head -1`: who reads has what they want
        output.give_up()
        return 1
    except Exception as error:
        from podtui.reports import log_to_file, unforeseen

        log_to_file()
        tell(told(unforeseen("podtui", error)))
        return 1
    finally:
        sys.stdout = real


def _run(command: str, options: Namespace) -> int:
    if command == "completion":
        return _completion(options.shell)
    if command == "themes":
        from podtui.cli.themes import run_themes

        return run_themes(options.check)
    if command == "doctor":
        from podtui.cli.doctor import run_doctor

        return run_doctor(options)
    if command == "demo":
        from podtui.cli.demo import run_demo

        return run_demo(options)
    if command == "snapshot":
        from podtui.cli.snapshot import run_snapshot

        return run_snapshot(options)
    if command == "tour":
        from podtui.cli.tour import run_tour

        return run_tour(options)
    from podtui.cli.launch import run_dashboard

    return run_dashboard(options)


def _completion(shell: str) -> int:
    import shtab

    print(shtab.complete(arguments.completion_parser(shtab.FILE), shell))
    return 0


def told(error: PodtuiError) -> str:
    """An error for standard error: one line, the hint after it; a selector with a caret under the place."""
    if isinstance(error, SelectorError):
        return f"podtui: --selector: {error.what}\n{_pointed(error)}" + (f"\n  {error.hint}" if error.hint else "")
    return f"podtui: {error.what}" + (f"\n  {error.hint}" if error.hint else "")


def _pointed(error: SelectorError) -> str:
    """The selector and a caret under the character at fault, also after wide and control characters."""
    import unicodedata

    from podtui.text import harmless

    before = harmless(error.text[: error.position])
    width = sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in before)
    return f"  {harmless(error.text)}\n  {' ' * width}^"


def _make_output_safe() -> None:
    """Replace characters that the locale cannot encode instead of failing."""
    for stream in (sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="replace")
