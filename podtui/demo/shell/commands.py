"""The commands of the simulated containers, as small as those of busybox: they know files, variables, time, and their own pod."""

from __future__ import annotations

import posixpath
import re
from datetime import UTC, datetime

from podtui.demo.programs.program import Body
from podtui.demo.shell.builtin_commands import BUILTINS
from podtui.demo.shell.files import FILE_COMMANDS
from podtui.demo.shell.interpreter import Command, Shell
from podtui.demo.shell.netcat import nc
from podtui.demo.shell.streams import Streams

_ESCAPES = {"n": "\n", "t": "\t", "\\": "\\", "r": "\r", "a": "\a", "e": "\x1b", "0": "\0", '"': '"'}


def _unescaped(text: str) -> str:
    return re.sub(r"\\([ntrae0\\\"])", lambda match: _ESCAPES[match[1]], text)


# -- words and numbers


def echo(shell: Shell, words: list[str], io: Streams) -> int:
    newline, escapes = True, False
    while words and re.fullmatch(r"-[neE]+", words[0]):
        newline, escapes = newline and "n" not in words[0], escapes or "e" in words[0]
        words = words[1:]
    text = " ".join(words)
    io.out(((_unescaped(text) if escapes else text) + ("\n" if newline else "")).encode())
    return 0


def printf(shell: Shell, words: list[str], io: Streams) -> int:
    if not words:
        return 2
    form, left = _unescaped(words[0]), words[1:]

    def put(match: re.Match[str]) -> str:
        if match[0] == "%%":
            return "%"
        word = left.pop(0) if left else ""
        if match[2] == "s":
            return f"%{match[1]}s" % word
        try:
            return f"%{match[1]}{match[2]}" % (float(word or 0) if match[2] in "feg" else int(word or 0))
        except ValueError:
            return "0"

    while True:
        before = len(left)
        io.out(re.sub(r"%%|%([-+ 0]*\d*(?:\.\d+)?)([sdifxge])", put, form).encode())
        if not left or len(left) == before:
            return 0


def sleep(shell: Shell, words: list[str], io: Streams) -> Body:
    total: float | None = 0.0
    for word in words:
        match = re.fullmatch(r"(\d*\.?\d+)([smhd]?)|(inf|infinity)", word)
        if match is None:
            io.complain(f"sleep: invalid number '{word}'")
            return 1
        if match[3]:
            total = None
        elif total is not None:
            total += float(match[1]) * {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}[match[2]]
    if not words:
        io.complain("sleep: missing operand")
        return 1
    if total is None:
        while True:
            yield None
    yield total
    return 0


def test(shell: Shell, words: list[str], io: Streams) -> int:
    if words and words[0] == "!":
        return int(not test(shell, words[1:], io))
    if len(words) == 3:
        left, operator, right = words
        if operator in ("=", "==", "!="):
            return int((left == right) == (operator == "!="))
        numbers = {"-eq": "==", "-ne": "!=", "-lt": "<", "-le": "<=", "-gt": ">", "-ge": ">="}
        if operator in numbers:
            if not all(re.fullmatch(r"\s*-?\d+\s*", word) for word in (left, right)):
                io.complain("sh: bad number")
                return 2
            a, b = int(left), int(right)
            return int(not {"-eq": a == b, "-ne": a != b, "-lt": a < b, "-le": a <= b, "-gt": a > b, "-ge": a >= b}[operator])
    if len(words) == 2:
        operator, word = words
        if operator in ("-z", "-n"):
            return int(bool(word) == (operator == "-z"))
        if operator in ("-e", "-f", "-s", "-r", "-x", "-d"):
            path, files = shell.path(word), shell.context.files
            folder = path == "/" or any(name.startswith(path + "/") for name in files)
            found = {"-d": folder, "-f": path in files, "-s": bool(files.get(path))}.get(operator, folder or path in files)
            return int(not found)
    return int(not (len(words) == 1 and words[0]))


def bracket(shell: Shell, words: list[str], io: Streams) -> int:
    if not words or words[-1] != "]":
        io.complain("sh: missing ]")
        return 2
    return test(shell, words[:-1], io)


def seq(shell: Shell, words: list[str], io: Streams) -> int:
    try:
        numbers = [int(word) for word in words]
    except ValueError:
        numbers = []
    if not 1 <= len(numbers) <= 3:
        io.complain("seq: invalid number")
        return 1
    first = numbers[0] if len(numbers) > 1 else 1
    step = numbers[1] if len(numbers) == 3 else 1
    for number in range(first, numbers[-1] + (1 if step > 0 else -1), step or 1)[:100_000]:
        io.say(str(number))
    return 0


def date(shell: Shell, words: list[str], io: Streams) -> int:
    now = datetime.fromtimestamp(shell.context.clock.now(), UTC)
    form = next((word[1:] for word in words if word.startswith("+")), "%a %b %e %H:%M:%S UTC %Y")
    io.say(now.strftime(form.replace("%s", str(int(now.timestamp()))).replace("%N", f"{now.microsecond * 1000:09}")))
    return 0


# -- the pod


def hostname(shell: Shell, words: list[str], io: Streams) -> int:
    io.say(shell.context.ip if "-i" in words else shell.context.hostname)
    return 0


def ps(shell: Shell, words: list[str], io: Streams) -> int:
    context = shell.context
    running = " ".join(context.command) or f"/{posixpath.basename(context.image.split(':')[0])}"
    io.say("PID   USER     TIME  COMMAND")
    io.say(f"    1 root      0:00 {running.replace(chr(10), ' ')}")
    io.say(f"   17 root      0:00 ps {' '.join(words)}".rstrip())
    return 0


# -- the terminal


def clear(shell: Shell, words: list[str], io: Streams) -> int:
    io.out(b"\x1b[H\x1b[J")
    return 0


def stty(shell: Shell, words: list[str], io: Streams) -> int:
    """`stty size`: rows and columns."""
    if io.stdin.size is None:
        io.complain("stty: standard input: Not a tty")
        return 1
    columns, rows = io.stdin.size
    io.say(f"{rows} {columns}" if words == ["size"] else f"speed 38400 baud; rows {rows}; columns {columns};")
    return 0


def _constant(code: int) -> Command:
    return lambda shell, words, io: code


COMMANDS: dict[str, Command] = {
    **BUILTINS, **FILE_COMMANDS,
    "[": bracket, ":": _constant(0), "clear": clear, "date": date, "echo": echo, "false": _constant(1), "hostname": hostname,
    "nc": nc, "printf": printf, "ps": ps, "seq": seq, "sleep": sleep, "stty": stty, "test": test, "true": _constant(0),
}  # fmt: skip
