"""The commands of simulated containers for files and for lines of text."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable

from podtui.demo.programs.program import Body
from podtui.demo.shell.interpreter import Command, Shell
from podtui.demo.shell.shell_data import read_file
from podtui.demo.shell.streams import Streams, options_of


def _filter(name: str, change: Callable[[str, list[str], list[str]], list[str]], values: str = "") -> Command:
    """A command that makes lines of lines. `change` gets its option letters, its other words but the files, and the lines.

    `values` are the options that take a value, which is given among the words.
    """

    def run(shell: Shell, words: list[str], io: Streams) -> Body:
        letters, given = "", []
        words = list(words)
        while words and len(words[0]) > 1 and words[0].startswith("-"):
            word = words.pop(0)[1:]
            if word[0].isdigit():
                letters, given = letters + "n", [word]
            elif word[0] in values:
                letters += word[0]
                given.append(word[1:] if len(word) > 1 else words.pop(0) if words else "")
            else:
                letters += word
        if name == "grep" and words:
            given.append(words.pop(0))
        text, status = b"", 0
        for file in words or ["-"]:
            content = yield from read_file(shell, file, io, name)
            if content is None:
                status = 1
            else:
                text += content
        lines = text.decode("utf-8", "replace").splitlines()
        changed = change(letters, given, lines)
        if changed and not (name == "grep" and "q" in letters):
            io.out("".join(line + "\n" for line in changed).encode())
        return int(not changed) if name == "grep" else status

    return run


def _number(given: list[str], default: int = 10) -> int:
    return int(given[-1].lstrip("-+")) if given and given[-1].lstrip("-+").isdigit() else default


def _grep(letters: str, given: list[str], lines: list[str]) -> list[str]:
    pattern = given[-1] if given else ""
    try:
        wanted = re.compile(re.escape(pattern) if "F" in letters else pattern, re.IGNORECASE if "i" in letters else 0)
    except re.error:
        wanted = re.compile(re.escape(pattern))
    found = [line for line in lines if bool(wanted.search(line)) != ("v" in letters)]
    return [str(len(found))] if "c" in letters else found


def _sort(letters: str, given: list[str], lines: list[str]) -> list[str]:
    def number(line: str) -> tuple[float, str]:
        match = re.match(r"\s*-?\d+(\.\d+)?", line)
        return (float(match[0]) if match else 0.0, line)

    found = sorted(set(lines) if "u" in letters else lines, key=number if "n" in letters else None)
    return found[::-1] if "r" in letters else found


def cat(shell: Shell, words: list[str], io: Streams) -> Body:
    _, words = options_of(words)
    status = 0
    if not words:
        while data := (yield from io.stdin.some()):
            io.out(data)
    for name in words:
        content = yield from read_file(shell, name, io, "cat")
        if content is None:
            status = 1
        else:
            io.out(content)
    return status


def tail(shell: Shell, words: list[str], io: Streams) -> Body:
    """`tail -f` waits for what is added, once a second."""
    follow = [word for word in words if word in ("-f", "-F")]
    plain = [word for word in words if word not in follow]
    status = yield from _TAIL(shell, plain, io)  # type: ignore[misc]
    name = next((word for word in plain if not word.startswith("-") and not word.isdigit()), "")
    seen = len(shell.context.files.get(shell.path(name), b"")) if name else 0
    while follow:
        if not name or shell.path(name) in ("/dev/null",):
            yield None
            continue
        yield 1.0
        content = shell.context.files.get(shell.path(name), b"")
        if len(content) > seen:
            io.out(content[seen:])
        seen = len(content)
    return int(status)


def ls(shell: Shell, words: list[str], io: Streams) -> int:
    letters, words = options_of(words)
    status = 0
    for word in words or ["."]:
        path, files = shell.path(word), shell.context.files
        if path in files:
            names, top = [word], ""
        else:
            top = "" if path == "/" else path
            names = sorted({name[len(top) + 1 :].split("/")[0] for name in files if name.startswith(top + "/")})
            if not names:
                io.complain(f"ls: {word}: No such file or directory")
                status = 1
                continue
        if len(words) > 1:
            io.say(f"{word}:")
        for name in names:
            if name.startswith(".") and "a" not in letters:
                continue
            full = f"{top}/{name}" if top or path == "/" else path
            if "l" not in letters:
                io.say(name)
            elif full in files:
                io.say(f"-rw-r--r--    1 root     root     {len(files[full]):9} {name}")
            else:
                io.say(f"drwxr-xr-x    2 root     root          4096 {name}")
    return status


def touch(shell: Shell, words: list[str], io: Streams) -> int:
    for word in options_of(words)[1]:
        shell.context.files.setdefault(shell.path(word), b"")
    return 0


def mkdir(shell: Shell, words: list[str], io: Streams) -> int:
    for word in options_of(words)[1]:
        shell.context.files.setdefault(shell.path(word) + "/.keep", b"")
    return 0


def rm(shell: Shell, words: list[str], io: Streams) -> int:
    letters, words = options_of(words)
    status = 0
    for word in words:
        path, files = shell.path(word), shell.context.files
        found = [name for name in files if name == path or ("r" in letters.lower() and name.startswith(path + "/"))]
        for name in found:
            del files[name]
        if not found and "f" not in letters:
            io.complain(f"rm: can't remove '{word}': No such file or directory")
            status = 1
    return status


def cp(shell: Shell, words: list[str], io: Streams, *, move: bool = False) -> int:
    _, words = options_of(words)
    files = shell.context.files
    for word in words[:-1]:
        source, target = shell.path(word), shell.path(words[-1])
        if source not in files:
            io.complain(f"cp: can't stat '{word}': No such file or directory")
            return 1
        if any(name.startswith(target + "/") for name in files):
            target = f"{target}/{posixpath.basename(source)}"
        files[target] = files[source]
        if move and target != source:
            del files[source]
    return 0


def mv(shell: Shell, words: list[str], io: Streams) -> int:
    return cp(shell, words, io, move=True)


def tee(shell: Shell, words: list[str], io: Streams) -> Body:
    letters, words = options_of(words)
    files = shell.context.files
    for word in words:
        files[shell.path(word)] = files.get(shell.path(word), b"") if "a" in letters else b""
    while line := (yield from io.stdin.line()):
        io.out(line)
        for word in words:
            files[shell.path(word)] = (files.get(shell.path(word), b"") + line)[-(1 << 20) :]
    return 0


_TAIL = _filter("tail", lambda letters, given, lines: lines[-_number(given) :] if _number(given) else [], "nc")

FILE_COMMANDS: dict[str, Command] = {
    "cat": cat, "cp": cp, "grep": _filter("grep", _grep, "e"), "ls": ls, "mkdir": mkdir, "mv": mv, "rm": rm, "sort": _filter("sort", _sort),
    "tail": tail, "tee": tee, "touch": touch,
}  # fmt: skip
