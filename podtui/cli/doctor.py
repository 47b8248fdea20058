"""`podtui doctor`: what works, what does not, and what to do, one line each. It changes nothing."""

from __future__ import annotations

import asyncio
import locale
import os
import shutil
import stat
import sys
import tempfile
import time
from argparse import Namespace
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from podtui import config as configuration
from podtui.cli.arguments import request_timeout
from podtui.cli.launch import COLOUR_SYSTEMS
from podtui.cluster.changes import journal
from podtui.cluster.connection.access import Access
from podtui.cluster.connection.connection import Connection
from podtui.cluster.kubeconfig.contexts import Kubeconfig
from podtui.errors import ConfigError, PodtuiError
from podtui.folders import open_own, private_folder, state_folder
from podtui.kube.names import namespaces
from podtui.reports import log_path, log_to_file, unforeseen
from podtui.text import harmless, redacted

if TYPE_CHECKING:
    from podtui.cluster.kubeconfig.settings import ConnectionSettings

PATIENCE = 10.0  # seconds for a request, unless --request-timeout says otherwise


@dataclass(frozen=True)
class Finding:
    """One line: the level, what was checked, and what to do ("" when there is nothing to do)."""

    level: Literal["ok", "warn", "fail"]
    what: str
    todo: str = ""

    def __str__(self) -> str:
        return redacted(f"{self.level:<5}{harmless(self.what)}" + (f" - {harmless(self.todo)}" if self.todo else ""))


def run_doctor(arguments: Namespace) -> int:
    """Print each finding as soon as it is known; returns 1 if one of them is a failure."""
    log_to_file()
    return asyncio.run(_examine(arguments, lambda finding: print(finding, flush=True)))


async def _examine(arguments: Namespace, tell: Callable[[Finding], None]) -> int:
    failed = False
    async for finding in _all_findings(arguments):
        tell(finding)
        failed = failed or finding.level == "fail"
    return 1 if failed else 0


async def _all_findings(arguments: Namespace) -> AsyncIterator[Finding]:
    """The findings; an unexpected error while looking for them is the last one."""
    try:
        async with aclosing(_findings(arguments)) as findings:
            async for finding in findings:
                yield finding
    except PodtuiError:
        raise
    except Exception as error:
        yield _failure("doctor", unforeseen("the check after the last line", error))


async def _findings(arguments: Namespace) -> AsyncGenerator[Finding, None]:
    names = namespaces(arguments.namespace)
    timeout = request_timeout(arguments.request_timeout)
    for finding in terminal(os.environ):
        yield finding
    for finding in _own_configuration(arguments):
        yield finding
    yield _state()
    try:
        kubeconfig = Kubeconfig.load(arguments.kubeconfig)
        for finding in _files(kubeconfig):
            yield finding
        groups = arguments.as_group
        settings = kubeconfig.settings(arguments.context, impersonate=getattr(arguments, "as") or "", impersonate_groups=groups)
    except PodtuiError as error:
        yield _failure("kubeconfig", error)
        return
    for finding in _context(settings):
        yield finding
    scope = ("",) if arguments.all_namespaces else names or (settings.namespace,)
    try:
        connection = await Connection.open(settings, request_timeout=timeout or PATIENCE, read_only=True)
    except PodtuiError as error:
        yield _failure("connection", error)
        return
    try:
        connected = True
        async for finding in _connection(connection):
            connected = connected and finding.level != "fail"
            yield finding
        if connected:
            async for finding in _permissions(Access(connection), scope):
                yield finding
        else:
            yield Finding("warn", "permissions: not checked", "fix the connection first")
    finally:
        await connection.close()


def _failure(what: str, error: PodtuiError) -> Finding:
    return Finding("fail", f"{what}: {error.what}", error.hint)


# -- the terminal -------------------------------------------------------------------------------------------------
def terminal(environ: Mapping[str, str]) -> Iterator[Finding]:
    """What podtui finds out about its terminal."""
    from podtui.ui.themes import colours

    term = environ.get("TERM", "")
    if not all(stream is not None and stream.isatty() for stream in (sys.__stdin__, sys.__stdout__)):
        yield Finding("warn", "terminal: input or output is not a terminal", "run podtui in a terminal, or use `podtui snapshot`")
    else:
        size = os.get_terminal_size()
        small = size.columns < 80 or size.lines < 24
        told = f"terminal: {size.columns} columns, {size.lines} lines"
        yield Finding("warn", told, "make it at least 80 columns and 24 lines") if small else Finding("ok", told)
    number = colours(environ)
    told = f"TERM={term or '(not set)'}: {'24-bit' if number > 256 else number or 'no'} colours"
    if not term or term in ("dumb", "unknown"):
        yield Finding("warn", told, "set TERM to your terminal's name, such as xterm-256color")
    elif number == 0:
        yield Finding("ok", f"{told} (NO_COLOR is set)")
    elif number < 256:
        yield Finding(
            "ok", f"{told}, so the theme is podtui-ansi (if the terminal has more, set TERM=xterm-256color or COLORTERM=truecolor)"
        )
    else:
        yield Finding("ok", told)
    wrong = environ.get("TEXTUAL_COLOR_SYSTEM", "auto")
    if wrong not in COLOUR_SYSTEMS:
        yield Finding("warn", f"TEXTUAL_COLOR_SYSTEM={wrong} is ignored", f"one of {', '.join(COLOUR_SYSTEMS)}")
    if environ.get("TMUX") or term.startswith(("tmux", "screen")):
        yield Finding("ok", f"inside {'tmux' if environ.get('TMUX') else term}: copying needs `set -g set-clipboard on` in tmux")
    encoding = locale.getpreferredencoding(False)
    if encoding.lower().replace("-", "") == "utf8":
        yield Finding("ok", f"locale: {encoding}")
    else:
        yield Finding(
            "warn", f"locale: {encoding}, so lines and symbols become question marks", "set LANG to a UTF-8 locale, such as C.UTF-8"
        )


# -- files --------------------------------------------------------------------------------------------------------
def _own_configuration(arguments: Namespace) -> Iterator[Finding]:
    from podtui.ui.commands import FORMER
    from podtui.ui.palette.config_faults import screen_faults
    from podtui.ui.themes import find_theme

    path = arguments.config or configuration.default_path()
    if arguments.theme:
        try:
            find_theme(arguments.theme)
        except PodtuiError as error:
            yield _failure("--theme", error)
    if not arguments.config and not os.path.lexists(path):
        yield Finding("ok", f"configuration: none, podtui uses the defaults ({path})")
        return
    try:
        found = configuration.examined(arguments.config, screen_faults)
    except PodtuiError as error:
        yield _failure("configuration", error)
        return
    for problem in found.problems:
        yield Finding("fail", f"configuration: {path}:{problem.line}: {problem.text}")
    config = found.value
    if config is None:
        return
    yield Finding("ok", f"configuration: {path}")
    for former in config.keymap.keys() & FORMER.keys():
        yield Finding("warn", f"keymap: {former} is now {FORMER[former]}, and still works", "write the new id")


def _state() -> Finding:
    """Whether the log, the journal and a text that could not be used have a place."""
    folder = state_folder()
    try:
        private_folder(folder)
        for path in (log_path(), folder / journal.NAME):
            if os.path.lexists(path):
                os.close(open_own(path, os.O_RDWR))
        with tempfile.TemporaryFile(dir=folder, buffering=0) as probe:  # a full disk takes an empty file
            probe.write(bytes(4096))
    except ConfigError as error:
        problem = error.what
    except OSError as error:
        problem = f"cannot write to {folder}: {error.strerror}"
    else:
        return Finding("ok", f"state: {folder}")
    return Finding("warn", f"state: {problem}", "until podtui can write there, it keeps no log, and no journal to undo from")


def _files(kubeconfig: Kubeconfig) -> Iterator[Finding]:
    if not kubeconfig.files:
        yield Finding("ok", "kubeconfig: none, podtui uses the service account of this pod")
    for path in kubeconfig.files:
        if stat.S_IMODE(os.stat(path).st_mode) & 0o044:
            yield Finding("warn", f"kubeconfig: {path} is readable by other users", f"chmod 600 {path}")
        else:
            yield Finding("ok", f"kubeconfig: {path}")


def _context(settings: ConnectionSettings) -> Iterator[Finding]:
    told = f"context: {settings.context} (cluster {settings.cluster}, user {settings.user or 'none'}, namespace {settings.namespace})"
    yield Finding("ok", told)
    if settings.impersonation.user:
        yield Finding("ok", f"impersonating {settings.impersonation.user} {' '.join(settings.impersonation.groups)}".rstrip())
    plugin = settings.credentials.exec
    if plugin is not None:
        if shutil.which(plugin.command):
            yield Finding("ok", f"credentials: from the plugin {plugin.command}")
        else:
            yield Finding("fail", f"credentials: the plugin {plugin.command} is not installed", plugin.install_hint or "install it")


# -- the server ---------------------------------------------------------------------------------------------------
async def _connection(connection: Connection) -> AsyncIterator[Finding]:
    settings = connection.settings
    way = f" through the proxy {settings.proxy}" if settings.proxy else ""
    try:
        version = await connection.json("GET", "/version")
        started = time.monotonic()
        await connection.request("GET", "/version")
        taken = (time.monotonic() - started) * 1000
    except PodtuiError as error:
        yield _failure(f"connection to {settings.server}{way}", error)
        return
    name = version.get("gitVersion") if isinstance(version, dict) else None
    told = f"connection to {settings.server}{way}: Kubernetes {name or '(unknown version)'}, {taken:.0f} ms per request"
    yield Finding("warn", told, "keys that wait for the server will feel slow") if taken > 500 else Finding("ok", told)
    if not settings.secure:
        yield Finding("warn", "not encrypted: the server uses http, and podtui sends no credentials", "use https")
    elif settings.insecure_skip_tls_verify:
        todo = "set certificate-authority instead of insecure-skip-tls-verify"
        yield Finding("warn", "TLS: the server's certificate is not verified", todo)
    else:
        own = settings.certificate_authority or settings.certificate_authority_data
        yield Finding("ok", f"TLS: the certificate is verified against the authorities of the {'kubeconfig' if own else 'system'}")


_WANTED = (
    ("list", "namespaces", "", "the namespaces pane shows only those given by -n or in favourites"),
    ("get", "pods", "", "podtui cannot show details and YAML"),
    ("get", "pods", "log", "podtui cannot show logs"),
    ("create", "pods", "portforward", "podtui cannot forward ports"),
    ("get", "pods", "portforward", "podtui cannot forward ports: a WebSocket starts with a GET request"),
    ("create", "pods", "exec", "podtui cannot open a shell"),
    ("get", "pods", "exec", "podtui cannot open a shell: a WebSocket starts with a GET request"),
    ("patch", "pods", "", "podtui cannot change labels and annotations"),
    ("delete", "pods", "", "podtui cannot delete pods"),
    ("create", "pods", "", "podtui cannot create pods"),
)


async def _permissions(access: Access, scope: tuple[str, ...]) -> AsyncIterator[Finding]:
    """What the user may do in each of the namespaces ("" for all)."""
    for namespace in scope:
        where = f"in namespace {namespace}" if namespace else "in all namespaces"
        for verb in ("list", "watch"):
            allowed = await access.review(verb, "pods", namespace)
            what = f"may {verb} pods {where}"
            if allowed is None:
                yield Finding("warn", f"podtui could not check whether you {what}", "the server does not answer SelfSubjectAccessReviews")
            elif allowed:
                yield Finding("ok", f"you {what}")
            else:
                yield Finding("fail", f"you may not {verb} pods {where}", "ask for this permission, or choose another namespace with -n")
        for verb, resource, subresource, lost in _WANTED:
            target = f"{resource}/{subresource}" if subresource else resource
            there = "" if resource == "namespaces" else f" {where}"
            if resource == "namespaces" and namespace != scope[0]:
                continue
            allowed = await access.review(verb, resource, "" if resource == "namespaces" else namespace, subresource)
            if allowed is False:
                yield Finding("warn", f"you may not {verb} {target}{there}", lost)
            elif allowed:
                yield Finding("ok", f"you may {verb} {target}{there}")
