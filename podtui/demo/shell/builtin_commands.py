"""The commands of simulated containers that belong to the shell itself: its variables, its directory, its end, other commands."""

from __future__ import annotations

import re

from podtui.demo.programs.program import Body
from podtui.demo.shell.interpreter import Command, Shell
from podtui.demo.shell.streams import Break, Continue, Exit, Streams, options_of


def exit_(shell: Shell, words: list[str], io: Streams) -> int:
    raise Exit(int(words[0]) if words and words[0].lstrip("-").isdigit() else shell.status)


def break_(shell: Shell, words: list[str], io: Streams) -> int:
    raise Break


def continue_(shell: Shell, words: list[str], io: Streams) -> int:
    raise Continue


def exec_(shell: Shell, words: list[str], io: Streams) -> Body:
    if not words:
        return 0
    raise Exit((yield from shell.call(words, io)))


def export(shell: Shell, words: list[str], io: Streams) -> int:
    for word in words:
        name, found, value = word.partition("=")
        if found:
            shell.variables[name] = value
    return 0


def trap(shell: Shell, words: list[str], io: Streams) -> int:
    """`trap 'exit 3' TERM`: PID 1 handles SIGTERM then."""
    program = shell.context.program
    if len(words) > 1 and program is not None and {"TERM", "SIGTERM", "15"} & set(words[1:]) and words[0] != "-":
        code = re.search(r"exit\s+(\d+)", words[0])
        program.stop_after, program.stop_code = 0.3, int(code[1]) & 255 if code else 0
    return 0


def cd(shell: Shell, words: list[str], io: Streams) -> int:
    path = shell.path(words[0] if words else shell.variables.get("HOME", "/"))
    if path != "/" and not any(name.startswith(path + "/") for name in shell.context.files):
        io.complain(f"sh: cd: can't cd to {words[0] if words else path}: No such file or directory")
        return 2
    shell.cwd = path
    return 0


def pwd(shell: Shell, words: list[str], io: Streams) -> int:
    io.say(shell.cwd)
    return 0


def command(shell: Shell, words: list[str], io: Streams) -> int | Body:
    """`command -v NAME` says where it is; otherwise runs it."""
    options, names = options_of(words)
    if not options:
        return shell.call(names, io) if names else 0
    found = next((name for name in names if name in shell.commands or name in ("sh", "ash")), "")
    if found:
        io.say(found if found in BUILTINS else f"/bin/{found}")
    return 0 if found else 127


def env(shell: Shell, words: list[str], io: Streams) -> int | Body:
    if words and words[0] in shell.commands:
        return shell.call(words, io)
    for name, value in shell.variables.items():
        io.say(f"{name}={value}")
    return 0


def wait(shell: Shell, words: list[str], io: Streams) -> Body:
    return shell.wait()


BUILTINS: dict[str, Command] = {
    "break": break_, "cd": cd, "command": command, "continue": continue_, "env": env, "exec": exec_, "exit": exit_,
    "export": export, "pwd": pwd, "trap": trap, "wait": wait,
}  # fmt: skip
