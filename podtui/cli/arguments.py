"""The command line as data: the options and commands, and how podtui parses a command line.

argparse alone cannot have both commands and a POD, with every option before and after the command. So podtui
first finds the command by the table below, and the command's own parser then reads all other words.
"""

from __future__ import annotations

import argparse
import itertools
import os
import re
import sys
from collections.abc import Sequence
from typing import Any, NamedTuple, NoReturn

from podtui import __version__
from podtui.errors import UsageError
from podtui.text import harmless


class Option(NamedTuple):
    """One option. `metavar` is "" for a flag; `many` collects every use of it; `file` means that it names a file."""

    flags: tuple[str, ...]
    metavar: str
    help: str
    many: bool = False
    choices: tuple[str, ...] = ()
    file: bool = False


class CommandLine(NamedTuple):
    """A command, or the dashboard itself (name ""): its own options, the meaning of a bare word, whether it takes the common options."""

    name: str
    summary: str
    options: tuple[Option, ...] = ()
    word: str = ""
    choices: tuple[str, ...] = ()
    common: bool = True


COMMON: tuple[Option, ...] = (
    Option(("-n", "--namespace"), "NS[,NS...]", "show the pods in these namespaces (default: the context's namespace)", many=True),
    Option(("-A", "--all-namespaces"), "", "show the pods in all namespaces"),
    Option(
        ("-l", "--selector"),
        "SELECTOR",
        "show only pods with these labels: k=v, k!=v, k, !k, 'k in (a,b)', 'k notin (a,b)', joined by commas",
    ),
    Option(("-L", "--label-columns"), "KEY,...", "show these labels as columns", many=True),
    Option(("--context",), "NAME", "the context of the kubeconfig to use"),
    Option(("--kubeconfig",), "FILE", "the kubeconfig file to use (default: KUBECONFIG, or ~/.kube/config)", file=True),
    Option(("--as",), "USER", "impersonate this user"),
    Option(("--as-group",), "GROUP", "impersonate this group; may be repeated", many=True),
    Option(("--request-timeout",), "T", "give up on a single request after this time: 5s, 2m, or seconds; 0 means no limit"),
    Option(("--read-only",), "", "refuse everything that would change the cluster"),
    Option(("--theme",), "NAME", "the theme to use; `podtui themes` lists them"),
    Option(("--no-mouse",), "", "leave the mouse to the terminal"),
    Option(("--config",), "FILE", "the configuration file to use", file=True),
)
SNAPSHOT = (
    Option(("--size",), "COLUMNSxROWS", "the size of the screen (default: 120x36)"),
    Option(("--format",), "svg|text", "the format to write (default: by the name of FILE, or text)", choices=("svg", "text")),
    Option(("-o", "--output"), "FILE", "the file to write (default: standard output)", file=True),
    Option(("--keys",), '"KEY ..."', "press these keys first: names such as enter or ctrl+d, or texts"),
)
_SPEED = Option(("--speed",), "X", "run the built-in cluster this many times faster than real time (default: 1)")
TOUR = (
    Option(("--play",), "", "play the walkthrough without waiting for keys"),
    Option(("--record",), "FILE", "record it: FILE.cast (asciicast v2), or FILE.svg and its named pictures FILE-NAME.svg", file=True),
    Option(("--lang",), "LANGUAGE", "the language of the captions: en, ko, ... (default: by LANG)"),
    Option(("--list",), "", "list the walkthroughs that come with podtui"),
    Option(("--size",), "COLUMNSxROWS", "the size of the screen without a terminal (default: 120x36)"),
    Option(("--from",), "N", "begin at step N, after doing the steps before it at once"),
    Option(("--yes",), "", "play a file that did not come with podtui without asking"),
    _SPEED,
)
_WORDS = {"POD": "the pod to open", "SHELL": "the shell", "TOUR": "the name of a walkthrough, or its file (default: first-steps)"}
DEMO = (
    Option(
        ("--scenario",), "NAME", "what the cluster contains: default, textbook, incident, logs, scale:N, scale:N,churn=R, or a file.yaml"
    ),
    Option(("--serve",), "", "open no screen: print the path of a kubeconfig for kubectl, and serve until Ctrl+C"),
    _SPEED,
    Option(("--seed",), "N", "a whole number; the same seed gives the same history (default: 0)"),
)
COMMANDS: dict[str, CommandLine] = {
    command.name: command
    for command in (
        CommandLine("", "the dashboard", word="POD"),
        CommandLine("demo", "open the dashboard on a built-in cluster, which needs nothing but podtui", DEMO, word="POD"),
        CommandLine("snapshot", "write one screen as a picture or text, without a terminal", SNAPSHOT, word="POD"),
        CommandLine("tour", "play a walkthrough on the built-in cluster, or on the one of --context or --kubeconfig", TOUR, word="TOUR"),
        CommandLine("doctor", "check the terminal, the kubeconfig, the connection and the permissions"),
        CommandLine(
            "themes", "list the themes, or check one", (Option(("--check",), "FILE", "check this theme file", file=True),), common=False
        ),
        CommandLine("completion", "print the completion script for a shell", word="SHELL", choices=("bash", "zsh", "fish"), common=False),
    )
}

_HELP = """
commands:
{commands}

`podtui COMMAND --help` lists the options of a command; options may come before or after it.
To open a pod that has the name of a command, use `podtui pod/NAME`.
exit codes: 0 success, 1 an error (described on standard error), 2 wrong usage.
"""


class _Parser(argparse.ArgumentParser):
    """An argparse parser that raises UsageError."""

    def error(self, message: str) -> NoReturn:
        message = re.sub(r"^argument (?:-\w/)?([\w-]+): ", r"\1: ", message)
        raise UsageError(harmless(message), f"see `{self.prog} --help`")


def program() -> str:
    """The name by which the user called the program, for its usage lines."""
    return "kubectl podtui" if os.path.basename(sys.argv[0]).startswith("kubectl-") else "podtui"


def parse(words: Sequence[str]) -> tuple[str, argparse.Namespace]:
    """The command ("" for the dashboard) and its options. Raises UsageError; exits for --help and --version."""
    name, rest = _command(words)
    parser = build_parser(COMMANDS[name])
    options, unknown = parser.parse_known_args(rest)
    if unknown:
        raise UsageError(_unknown(COMMANDS[name], unknown), f"see `{parser.prog} --help`")
    return name, options


def _command(words: Sequence[str]) -> tuple[str, list[str]]:
    """Find the command among `words`, the first that is neither an option nor an option's value, and return it with all other words."""
    takes = {flag: bool(option.metavar) for line in COMMANDS.values() for option in (*COMMON, *line.options) for flag in option.flags}
    name, rest, first = "", [], True
    left = iter(words)
    for word in left:
        if word == "--":
            rest += [word, *left]
        elif takes.get(word):
            rest += [word, *itertools.islice(left, 1)]
        elif word.startswith("-"):
            rest += _plain_flag(word)
        else:
            if first and word in COMMANDS and word:
                name = word
            else:
                rest.append(word)
            first = False
    return name, rest


def _plain_flag(word: str) -> list[str]:
    """`--all-namespaces=true` as kubectl takes it is `--all-namespaces`, with `false` it is nothing; argparse knows neither."""
    name, equals, value = word.partition("=")
    if equals and any(name in option.flags and not option.metavar for option in COMMON):
        if value.lower() in ("true", "t", "1"):
            return [name]
        if value.lower() in ("false", "f", "0"):
            return []
    return [word]


def _unknown(line: CommandLine, words: Sequence[str]) -> str:
    import difflib

    word = words[0]
    if not word.startswith("-"):
        return f"expected at most one {line.word}, not also {harmless(word)!r}" if line.word else f"unexpected argument {harmless(word)!r}"
    flags = [flag for option in (*(COMMON if line.common else ()), *line.options) for flag in option.flags if flag.startswith("--")]
    near = difflib.get_close_matches(word.partition("=")[0], [*flags, "--help", "--version"], n=1)
    return f"unknown option {harmless(word)}" + (f", did you mean {near[0]}?" if near else "")


def build_parser(line: CommandLine) -> argparse.ArgumentParser:
    """The parser of one command."""
    commands = "\n".join(f"  {command.name:<12}{command.summary}" for command in COMMANDS.values() if command.name)
    parser = _Parser(
        prog=f"{program()} {line.name}".rstrip(),
        description=line.summary[:1].upper() + line.summary[1:] + "." if line.name else "A dashboard for the Pods of a Kubernetes cluster.",
        epilog=None if line.name else _HELP.format(commands=commands).strip(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
        add_help=False,
    )
    if not line.name:
        parser.usage = f"{program()} [options] [POD]\n       {program()} COMMAND [options]"
    _add(parser, line)
    return parser


def _add(parser: argparse.ArgumentParser, line: CommandLine, files: object = None) -> None:
    if line.word:
        keywords: dict[str, Any] = {"choices": line.choices} if line.choices else {"nargs": "?", "default": ""}
        parser.add_argument(line.word.lower(), metavar=line.word, help=_WORDS[line.word], **keywords)
    for option in (*line.options, *(COMMON if line.common else ())):
        _add_option(parser, option, files)
    parser.add_argument("-h", "--help", action="help", help="show this help and exit")
    parser.add_argument("--version", action="version", version=f"podtui {__version__}", help="show the version and exit")


def _add_option(parser: argparse.ArgumentParser, option: Option, files: object) -> None:
    if not option.metavar:
        parser.add_argument(*option.flags, action="store_true", help=option.help)
        return
    keywords: dict[str, Any] = {"action": "append", "default": []} if option.many else {}
    if option.choices:
        keywords["choices"] = option.choices
    argument = parser.add_argument(*option.flags, metavar=option.metavar, help=option.help, **keywords)
    if option.file and files is not None:
        argument.complete = files  # type: ignore[attr-defined]  # where shtab looks for it


def completion_parser(files: object) -> argparse.ArgumentParser:
    """One parser with every command in it, from which shtab generates the completion scripts; `files` is its mark for file names."""
    parser = argparse.ArgumentParser(prog="podtui", add_help=False)
    commands = parser.add_subparsers()
    for line in COMMANDS.values():
        target = commands.add_parser(line.name, help=line.summary, add_help=False) if line.name else parser
        _add(target, line if line.name else CommandLine("", line.summary), files)
    return parser


_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_PART = r"([0-9]+\.?[0-9]*|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h)"  # compiled when used: `--help` need not wait for it


def request_timeout(text: str | None) -> float | None:
    """kubectl's --request-timeout in seconds: a whole number of seconds or a Go duration; None for 0, no limit.

    Raises UsageError where clientcmd.ParseTimeout returns an error.
    """
    if text is None:
        return None
    if re.fullmatch(r"\+?\d{1,10}", text, re.ASCII):
        return float(text) or None
    if not re.fullmatch(rf"\+?({_PART})+", text):
        raise UsageError(
            f"--request-timeout: {harmless(text)!r} is not a duration", "use whole seconds, or a number and a unit: 5s, 2m, 1h"
        )
    return sum(float(number) * _UNITS[unit] for number, unit in re.findall(_PART, text)) or None


def words_of(given: Sequence[str]) -> tuple[str, ...]:
    """The words of every use of an option whose value is a list with commas, once each."""
    return tuple(dict.fromkeys(word.strip() for text in given for word in text.split(",") if word.strip()))
