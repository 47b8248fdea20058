"""`podtui tour`: plays a walkthrough on a cluster step by step, by itself, recorded, or as a test."""

from __future__ import annotations

import asyncio
import os
import sys
from argparse import Namespace
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING

import msgspec

from podtui.cli.launch import check_configuration, check_terminal, prepare, prepare_environment
from podtui.errors import PodtuiError, UsageError
from podtui.reports import log_to_file
from podtui.text import counted, harmless
from podtui.tour import file
from podtui.tour.file import Tour
from podtui.ui.options import Options
from podtui.yamlcheck import near

if TYPE_CHECKING:
    from podtui.tour.player import Pace, Result
    from podtui.tour.recorder import Cast
    from podtui.tour.screen import TourApp

DEFAULT = "first-steps"
_LONGEST_GRACE = 2.0  # seconds
FAST = "10"  # seconds of the built-in cluster in one of ours


@dataclass(frozen=True)
class Way:
    """How a walkthrough is played. Without a terminal it is a test; `play` then only keeps real time for a recording."""

    terminal: bool
    play: bool
    record: Path | None
    size: tuple[int, int]
    first: int = 1  # the number of the step that it begins with

    @property
    def by_itself(self) -> bool:
        return self.play or not self.terminal


def run_tour(arguments: Namespace) -> int:
    """Play the walkthrough. Returns the exit code: 1 if a step failed (or, step by step, if the dashboard failed)."""
    if arguments.list:
        return _list(arguments.lang)
    way = _way(arguments)
    _prepare_environment(way)
    tour = file.load(arguments.tour or DEFAULT)
    language = language_of(tour, arguments.lang)
    if way.first > len(tour.scenes):
        raise UsageError(f"--from: {way.first}: {harmless(tour.name)} has {counted(len(tour.scenes), 'step')}")
    log_to_file()
    with ExitStack() as stack:
        real = bool(arguments.context or arguments.kubeconfig)
        if not tour.shipped and not arguments.yes:
            _ask(tour, way, real)
        if real and arguments.speed:
            raise UsageError("--speed: only the built-in cluster can run faster than real time")
        if not real:
            speed = "1" if way.terminal or way.play or way.record else FAST  # nobody watches
            arguments.kubeconfig = stack.enter_context(_built_in(tour, arguments, speed))
        arguments.label_columns = arguments.label_columns or tour.file.label_columns
        options = _options(arguments, way)
        if real and tour.file.empty:
            asyncio.run(_check_empty(options))
        return _run(tour, language, options, way, "built-in cluster" if not real else f"context {options.settings.context}")


def _run(tour: Tour, language: str, options: Options, way: Way, where: str) -> int:
    from podtui.tour.acts import SessionActs
    from podtui.tour.player import Player
    from podtui.tour.recorder import Cast, Pictures
    from podtui.tour.screen import TourApp
    from podtui.ui.terminal.picture import draw_only_when_read
    from podtui.ui.themes import colours

    draw_only_when_read()
    out = sys.stdout
    title = tour.title(language)
    namespace = options.scope.namespaces[0] if options.scope.namespaces else options.settings.namespace
    acts = SessionActs(lambda: app.session, namespace)
    cast, pictures = None, None
    if way.record is not None and way.record.suffix == ".cast":
        size = os.get_terminal_size(sys.__stdout__.fileno()) if way.terminal and sys.__stdout__ is not None else way.size
        cast = Cast(way.record, (size[0], size[1]), title)
    elif way.record is not None:
        pictures = Pictures(way.record)
    failed: list[Result] = []

    def tell(result: Result) -> None:
        if result.why:
            failed.append(result)
        if not way.terminal:
            print(_told(tour, result, app), file=out, flush=True)

    async def play(app: TourApp) -> int | None:
        verbs = () if not way.terminal else ("next", "end") if way.play else ("next", "again", "previous", "end")
        player = Player(tour, app, acts, language, pace=_pace(way, app, cast), tell=tell, hints=app.hints(*verbs))
        if way.by_itself:
            try:
                return 0 if await player.play(way.first) else 1
            except _Ended:
                pass
        else:
            await player.guide(app.wishes, way.first)
        app.hide_bar()
        app.confine(None)
        return None

    if way.terminal:
        options = replace(options, colours=colours())
    app = TourApp(options, tour, language, play, cast=cast, pictures=pictures, expand=acts.expand)
    if not tour.shipped:
        app.confine(Path(acts.expand("{folder}")), f"the walkthrough {harmless(tour.path.name)}")
    if not way.terminal:
        print(f"{harmless(tour.name)}: {harmless(title)} ({harmless(where)}, {way.size[0]}x{way.size[1]})", file=out, flush=True)
    try:
        app.run(headless=not way.terminal, size=None if way.terminal else way.size, mouse=options.mouse)
    finally:
        acts.close()
        if cast is not None:
            cast.close()
    if app.trouble is not None:
        raise app.trouble
    if pictures is not None and not way.terminal:
        print("\n".join(harmless(str(path)) for path in pictures.written), file=out)
    if way.terminal and way.by_itself and failed:
        raise PodtuiError(_told(tour, failed[0], None))
    return app.return_code or 0


def _ask(tour: Tour, way: Way, real: bool) -> None:
    """Ask whether to play a file that did not come with podtui. Raises PodtuiError when the answer is not yes, or cannot be given.

    Without a terminal the built-in cluster is all that it reaches, so that it may go without an answer.
    """
    if not way.terminal and not real:
        return
    told = f"{harmless(str(tour.path))} did not come with podtui"
    if not way.terminal or sys.stdin is None or not sys.stdin.isatty():
        raise PodtuiError(f"{told}, and may {next(_abilities(tour, real))}", "read it, and play it with --yes")
    width = min(100, os.get_terminal_size().columns)
    lines = [f"{told}. It presses keys in podtui as you would. So it may:", *(f"- {line}" for line in _abilities(tour, real))]
    lines.append("It uses no files but those in a folder of its own, and starts no editor, shell or pager.")
    print("\n".join(fill(line, width, subsequent_indent="  " * line.startswith("- ")) for line in lines))
    try:
        answer = input("Play it? [y/N] ")
    except EOFError:
        answer = ""
    if answer.strip().lower() not in ("y", "yes"):
        raise PodtuiError("the walkthrough was not played")


def _abilities(tour: Tour, real: bool) -> Iterator[str]:
    runs = [part.step.run for scene in tour.scenes for part in scene.parts]
    yield "create, change and delete what you may in your cluster" if real else "create, change and delete what is in the built-in cluster"
    yield "forward ports of this machine to pods, and send text to the terminal's clipboard"
    if nodes := sorted({harmless(run.label.node) for run in runs if run.label is not None}):
        yield f"label nodes: {', '.join(nodes)}"
    if addresses := sorted({harmless(run.http) for run in runs if run.http}):
        yield f"send HTTP requests to this machine: {', '.join(addresses)}"


# -- what is asked for ---------------------------------------------------------------------------------------------
def _way(arguments: Namespace) -> Way:
    from podtui.cli.snapshot import size_of

    terminal = sys.__stdout__ is not None and sys.__stdout__.isatty()
    if terminal:
        check_terminal()
    record = Path(arguments.record).expanduser() if arguments.record else None
    if record is not None and record.suffix not in (".cast", ".svg"):
        raise UsageError(f"--record: {harmless(arguments.record)} is neither a .cast nor a .svg file", "use FILE.cast or FILE.svg")
    if record is not None and not os.access(record.parent, os.W_OK):
        raise PodtuiError(f"--record: cannot write to the folder {harmless(str(record.parent))}")
    first = getattr(arguments, "from") or "1"
    if not (first.isascii() and first.isdigit() and int(first)):
        raise UsageError(f"--from: {harmless(first)!r} is not the number of a step", "`podtui tour --list` says how many there are")
    return Way(terminal, arguments.play, record, size_of(arguments.size or "120x36"), int(first))


def _prepare_environment(way: Way) -> None:
    """Without a terminal, record the colours of a common one, whatever TERM says."""
    if not way.terminal:
        os.environ.update(TERM="xterm-256color", COLORTERM="truecolor", TEXTUAL_COLOR_SYSTEM="truecolor")
    prepare_environment(os.environ)


def language_of(tour: Tour, asked: str | None, environ: Mapping[str, str] = os.environ) -> str:
    """The captions' language: the requested one, the locale's, or the file's first. Raises UsageError."""
    known = tour.file.languages
    if asked:
        if asked not in known:
            raise UsageError(f"--lang: {harmless(tour.name)} has no captions in {harmless(asked)!r}{near(asked, known)}")
        return asked
    spoken = locale_language(environ)
    return spoken if spoken in known else known[0]


def locale_language(environ: Mapping[str, str] = os.environ) -> str:
    """`ko` for LANG=ko_KR.UTF-8; the first of LC_ALL, LC_MESSAGES and LANG that is set counts."""
    locale = next((environ[name] for name in ("LC_ALL", "LC_MESSAGES", "LANG") if environ.get(name)), "")
    return locale.replace(".", "_").partition("_")[0].lower()


def _list(asked: str | None) -> int:
    for name in file.shipped():
        tour = file.load(name)
        language = asked if asked in tour.file.languages else language_of(tour, None)
        print(f"{name:<14}{harmless(tour.title(language))} ({counted(len(tour.scenes), 'step')}; {', '.join(tour.file.languages)})")
    print("\n`podtui tour NAME` waits for a key at each step; with --play it does not. For your own file: `podtui tour ./FILE.yaml`")
    return 0


# -- the cluster and the dashboard's options ---------------------------------------------------------------------------
@contextmanager
def _built_in(tour: Tour, arguments: Namespace, speed: str) -> Iterator[str]:
    """Starts the built-in cluster with the tour's scenario; gives its kubeconfig. Its namespaces are shown, unless others are asked for."""
    from podtui.cli.demo import running, speed_of
    from podtui.demo.scenarios import loading

    name = tour.file.scenario
    if "/" in name or name.endswith((".yaml", ".yml")):
        name = str(tour.path.parent / name)
    scenario = loading.load(name)
    if scenario.show == "all":
        arguments.all_namespaces = arguments.all_namespaces or not arguments.namespace
    elif scenario.show and not (arguments.all_namespaces or arguments.namespace):
        arguments.namespace = [scenario.show]
    with running(name, speed_of(arguments.speed or speed), longest_grace=_LONGEST_GRACE) as kubeconfig:
        yield kubeconfig


def _options(arguments: Namespace, way: Way) -> Options:
    """The dashboard's options. Of the user's keymap only the bar's keys count: the steps press the keys that the captions name."""
    from podtui.ui.themes import DARK

    options = prepare(arguments)
    check_configuration(options, arguments.config)
    keymap = {name: keys for name, keys in options.config.keymap.items() if name.startswith("tour.")}
    options = replace(options, config=msgspec.structs.replace(options.config, keymap=keymap))
    if not way.terminal and not (options.theme or options.config.theme):
        options = replace(options, theme=DARK)
    return options


async def _check_empty(options: Options) -> None:
    """Refuse to run a walkthrough that deletes every pod on other people's pods. Raises PodtuiError."""
    from podtui.cluster.connection.connection import Connection
    from podtui.kube.resources import PODS

    if len(options.scope.namespaces) != 1:
        raise UsageError("this walkthrough deletes pods: it needs a single namespace of its own", "choose an empty namespace with -n")
    (namespace,) = options.scope.namespaces
    connection = await Connection.open(options.settings, request_timeout=options.request_timeout)
    try:
        found = await connection.json("GET", PODS.path(namespace), query=[("limit", "1")])
    finally:
        await connection.close()
    if found.get("items"):
        words = f"there are pods in namespace {namespace}, and this walkthrough deletes pods"
        raise PodtuiError(words, "choose an empty namespace with -n: kubectl create namespace podtui-tour")


# -- how it is played ------------------------------------------------------------------------------------------------
class _Ended(Exception):
    """The viewer ended a walkthrough that plays by itself."""


def _pace(way: Way, app: TourApp, cast: Cast | None) -> Pace:
    from podtui.tour.player import AT_ONCE, WATCHED

    async def wait_on_screen(seconds: float) -> None:
        try:
            wish = await asyncio.wait_for(app.wishes.get(), seconds)
        except TimeoutError:
            return
        if wish == "end":
            raise _Ended

    async def wait_in_recording(seconds: float) -> None:
        if cast is not None:
            cast.skip(seconds)

    if way.terminal:
        return replace(WATCHED, wait=wait_on_screen)
    if way.play:
        return WATCHED
    return AT_ONCE if cast is None else replace(WATCHED, wait=wait_in_recording)


def _told(tour: Tour, result: Result, app: TourApp | None) -> str:
    """A line for a step; for one that failed also why, its line in the file, and the screen."""
    count, caption = len(tour.scenes), harmless(" ".join(result.caption.replace("`", "").split()))
    if not result.why:
        return f"ok      {result.number:>2}/{count}  {caption}"
    place = f"{harmless(str(tour.path))}:{result.part.line}"
    after = f" (within {result.part.step.within:g} s)" if result.part.expect or result.part.gone else ""
    told = f"FAILED  {result.number:>2}/{count}  {caption}\n  {place}: {harmless(result.why)}{after}"
    return told if app is None else f"{told}\n{_framed(app.frame(), app._terminal[0])}"


def _framed(text: str, width: int) -> str:
    from rich.cells import cell_len

    lines = (f"│{line}{' ' * max(0, width - cell_len(line))}│" for line in text.splitlines())
    return "\n".join([f"┌{'─' * width}┐", *lines, f"└{'─' * width}┘"])
