"""The commands of simulated containers that belong to the shell itself: its variables, its directory, its end, other commands."""

from __future__ import annotations

import re

from podtui.demo.programs.program import Body
from podtui.demo.shell.interpreter import Command, Shell
from podtui.demo.shell.streams import Exit, Leave, Streams, options_of
from podtui.demo.shell.syntax import parse


def exit_(shell: Shell, words: list[str], io: Streams) -> int:
    raise Exit(int(words[0]) if words and words[0].lstrip("-").isdigit() else shell.status)


def _leave(kind: str) -> Command:
    def leave(shell: Shell, words: list[str], io: Streams) -> int:
        if kind == "return" and words and words[0].isdigit():
            shell.status = int(words[0]) & 255
        raise Leave(kind, int(words[0]) if kind != "return" and words and words[0].isdigit() else 1)

    return leave


def exec_(shell: Shell, words: list[str], io: Streams) -> Body:
    if not words:
        return 0
    raise Exit((yield from shell.call(words, io)))


def eval_(shell: Shell, words: list[str], io: Streams) -> Body:
    return (yield from shell.run(parse(" ".join(words)), io))


def set_(shell: Shell, words: list[str], io: Streams) -> int:
    for word in words:
        if re.fullmatch(r"[-+]\w*e\w*", word):
            shell.stops_on_error = word.startswith("-")
    if not words:
        for name, value in sorted(shell.variables.items()):
            io.say(f"{name}='{value}'")
    return 0


def export(shell: Shell, words: list[str], io: Streams) -> int:
    for word in words:
        name, found, value = word.partition("=")
        if found:
            shell.variables[name] = value
    return 0


def unset(shell: Shell, words: list[str], io: Streams) -> int:
    for word in words:
        shell.variables.pop(word, None)
    return 0


def shift(shell: Shell, words: list[str], io: Streams) -> int:
    del shell.arguments[1:2]
    return 0


def trap(shell: Shell, words: list[str], io: Streams) -> int:
    """`trap 'exit 3' TERM`: PID 1 listens to SIGTERM then."""
    program = shell.context.program
    if len(words) > 1 and program is not None and {"TERM", "SIGTERM", "15"} & set(words[1:]) and words[0] != "-":
        code = re.search(r"exit\s+(\d+)", words[0])
        program.stop_after, program.stop_code = 0.3, int(code[1]) & 255 if code else 0
    return 0


def read(shell: Shell, words: list[str], io: Streams) -> Body:
    _, names = options_of(words)
    line = yield from io.stdin.line()
    values = line.decode("utf-8", "replace").rstrip("\n").split(maxsplit=max(0, len(names) - 1)) if names else []
    for name, value in zip(names, [*values, *[""] * len(names)], strict=False):
        shell.variables[name] = value
    return 0 if line else 1


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


def which(shell: Shell, words: list[str], io: Streams) -> int:
    known = [word for word in words if word in shell.commands or word == "sh"]
    for word in known:
        io.say(f"/bin/{word}")
    return int(len(known) < len(words))


def command(shell: Shell, words: list[str], io: Streams) -> int | Body:
    """`command -v NAME` says where it is; otherwise runs it, whatever function has its name."""
    options, names = options_of(words)
    if not options:
        return shell.call(names, io) if names else 0
    found = next((name for name in names if name in shell.functions or name in shell.commands or name in ("sh", "ash")), "")
    if found:
        io.say(found if found in BUILTINS or found in shell.functions else f"/bin/{found}")
    return 0 if found else 127


def env(shell: Shell, words: list[str], io: Streams) -> int | Body:
    if words and words[0] in shell.commands:
        return shell.call(words, io)
    for name, value in shell.variables.items():
        io.say(f"{name}={value}")
    return 0


def printenv(shell: Shell, words: list[str], io: Streams) -> int:
    """The values of these variables, or all of them; 1 when one of them is not set."""
    if not words:
        for name, value in shell.variables.items():
            io.say(f"{name}={value}")
    for word in words:
        if word in shell.variables:
            io.say(shell.variables[word])
    return int(not all(word in shell.variables for word in words))


def wait(shell: Shell, words: list[str], io: Streams) -> Body:
    return shell.wait()


def timeout(shell: Shell, words: list[str], io: Streams) -> Body:
    """Runs a command for so many seconds at most."""
    _, words = options_of(words)
    left = float(words[0].rstrip("s")) if words and words[0].rstrip("s").replace(".", "", 1).isdigit() else 0.0
    body = shell.call(words[1:] or ["true"], io)
    for seconds in body:
        if seconds is None or seconds > left:
            yield left
            body.close()
            return 143
        left -= seconds
        yield seconds
    return shell.status


BUILTINS: dict[str, Command] = {
    "break": _leave("break"), "cd": cd, "command": command, "continue": _leave("continue"), "env": env, "eval": eval_, "exec": exec_,
    "exit": exit_, "export": export, "printenv": printenv, "pwd": pwd, "read": read, "return": _leave("return"), "set": set_,
    "shift": shift, "timeout": timeout, "trap": trap, "unset": unset, "wait": wait, "which": which,
}  # fmt: skip
