"""From the command line to a running screen: podtui reports every mistake before the screen opens."""

from __future__ import annotations

import gc
import os
import sys
from argparse import Namespace
from collections.abc import MutableMapping
from dataclasses import replace

from podtui import config as configuration
from podtui.cli.arguments import request_timeout, words_of
from podtui.cli.output import tell
from podtui.cluster.kubeconfig.contexts import Kubeconfig
from podtui.errors import PodtuiError, UsageError
from podtui.kube import selectors
from podtui.kube.names import namespaces
from podtui.kube.resources import Scope
from podtui.reports import log_to_file
from podtui.ui.options import Options

COLOUR_SYSTEMS = ("auto", "standard", "256", "truecolor", "windows")


def prepare(arguments: Namespace) -> Options:
    """The checked options of a run. Raises PodtuiError for any mistake in options, configuration and kubeconfig."""
    names = namespaces(arguments.namespace)
    if arguments.all_namespaces and names:
        raise UsageError(f"--namespace {','.join(names)} and --all-namespaces exclude each other", "use one of them")
    timeout = request_timeout(arguments.request_timeout)
    selector = (arguments.selector or "").strip()
    selectors.parse(selector)
    config = configuration.load(arguments.config)
    kubeconfig = Kubeconfig.load(arguments.kubeconfig)
    groups = tuple(arguments.as_group)
    settings = kubeconfig.settings(arguments.context, impersonate=getattr(arguments, "as") or "", impersonate_groups=groups)
    return Options(
        settings=settings,
        kubeconfig=kubeconfig,
        scope=Scope(() if arguments.all_namespaces else names or (settings.namespace,), selector),
        config=config,
        label_columns=words_of(arguments.label_columns) or tuple(config.label_columns),
        read_only=arguments.read_only,
        request_timeout=timeout,
        pod=_pod(getattr(arguments, "pod", "")),
        theme=arguments.theme,
        mouse=config.mouse and not arguments.no_mouse,
        impersonate=getattr(arguments, "as") or "",
        impersonate_groups=groups,
    )


def _pod(word: str) -> str:
    """`web-1`, or `pod/web-1` as kubectl prints it."""
    kind, slash, name = word.partition("/")
    if not slash:
        return word
    if kind not in ("pod", "pods", "po") or not name:
        raise UsageError(f"{word!r} is not a pod", "use its name, or pod/NAME")
    return name


def run_dashboard(arguments: Namespace) -> int:
    """Check the options, then run the dashboard on the terminal until the user quits. Returns the exit code."""
    options = prepare(arguments)
    check_terminal()
    prepare_environment(os.environ)
    log_to_file()
    gc.disable()  # until the session is open: while modules load, collecting finds nothing and takes a fifth of the time
    from podtui.ui.main.app import PodtuiApp  # Textual: 0.2 s
    from podtui.ui.themes import colours

    check_configuration(options, arguments.config)
    app = PodtuiApp(replace(options, colours=colours()))
    app.run(mouse=options.mouse)
    for words in app.farewell:
        tell(f"podtui: {words}")
    return app.return_code or 0


def check_configuration(options: Options, config: str | None) -> None:
    """Raises ConfigError for mistakes in the configuration that only the screen knows: commands, keys, views, the theme."""
    used = options.config
    if used.keymap or used.favourites != used.favourite_namespaces or (used.theme and options.theme is None):
        from podtui.ui.palette.config_faults import screen_faults

        configuration.load(config, lambda loaded: screen_faults(loaded, theme=options.theme is None))


def check_terminal() -> None:
    """Raises PodtuiError unless input and output are a terminal. (Textual draws on standard error.)"""
    for name, stream in (("input", sys.__stdin__), ("output", sys.__stdout__), ("error", sys.__stderr__)):
        if stream is None or stream.closed or not stream.isatty():
            raise PodtuiError(f"standard {name} is not a terminal", "podtui needs a terminal; `podtui snapshot` does not")


def prepare_environment(environ: MutableMapping[str, str]) -> None:
    """Set the environment so that Textual and rich read it as intended. Call this before importing them.

    TERM=dumb has no colours, where Textual would send 24-bit ones; an empty NO_COLOR is none (no-color.org); an unknown
    word in TEXTUAL_COLOR_SYSTEM would be a crash. COLUMNS and LINES are the size that some terminal had once (readline
    exports them): they would be believed more than the terminal itself, forever.
    """
    for stale in ("COLUMNS", "LINES"):
        environ.pop(stale, None)
    if environ.get("TERM", "") in ("dumb", "unknown"):
        environ["NO_COLOR"] = "1"
    if not environ.get("NO_COLOR", "1"):
        del environ["NO_COLOR"]
    if environ.get("TEXTUAL_COLOR_SYSTEM", "auto") not in COLOUR_SYSTEMS:
        environ["TEXTUAL_COLOR_SYSTEM"] = "auto"
