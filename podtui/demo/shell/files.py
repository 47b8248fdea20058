"""The commands of simulated containers for files, for lines of text and for bytes."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Generator

from podtui.demo.programs.program import Body
from podtui.demo.shell.interpreter import LARGEST_FILE, Command, Shell
from podtui.demo.shell.streams import Streams, options_of

_SUFFIXES = {"": 1, "c": 1, "w": 2, "b": 512, "k": 1 << 10, "K": 1 << 10, "kB": 1000, "M": 1 << 20, "MB": 1_000_000, "G": 1 << 30}
_DEVICES: dict[str, Callable[[Shell, int], bytes]] = {
    "/dev/zero": lambda shell, size: bytes(size),
    "/dev/urandom": lambda shell, size: shell.context.random.randbytes(size),
    "/dev/random": lambda shell, size: shell.context.random.randbytes(size),
}
_BLOCK = 1 << 16  # bytes that are written at once


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
            _write(content, io)
    return status


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


# -- bytes


def read_file(shell: Shell, name: str, io: Streams, command: str) -> Generator[float | None, None, bytes | None]:
    """What a file holds, or all that comes from standard input ("-"); None, with a complaint, when there is none."""
    if name == "-":
        return (yield from io.stdin.all())
    path, files = shell.path(name), shell.context.files
    if path in files:
        return files[path]
    if any(one.startswith(path + "/") for one in files):
        io.complain(f"{command}: read error: Is a directory")
    else:
        io.complain(f"{command}: can't open '{name}': No such file or directory")
    return None


def _write(data: bytes, io: Streams) -> None:
    for at in range(0, len(data), _BLOCK):
        io.out(data[at : at + _BLOCK])


def head(shell: Shell, words: list[str], io: Streams) -> Body:
    """`head -n 3`, `head -3`, `head -c 64k`, of files, devices and standard input."""
    letter, number, words = "n", "10", list(words)
    while words and words[0].startswith("-") and words[0] != "-":
        word = words.pop(0)[1:]
        letter, number = ("n", word) if word[0].isdigit() else (word[0], word[1:] or (words.pop(0) if words else ""))
    count = _bytes(number)
    if letter not in ("n", "c") or count is None:
        io.complain(f"head: invalid number '{number}'" if letter in ("n", "c") else f"head: unrecognized option: {letter}")
        return 1
    status = 0
    for name in words or ["-"]:
        made = name in _DEVICES
        data = (
            _DEVICES[name](shell, min(count, LARGEST_FILE)) if made and letter == "c" else (yield from read_file(shell, name, io, "head"))
        )
        if data is None:
            status = 1
        else:
            _write(data[:count] if letter == "c" else b"".join(data.splitlines(keepends=True)[:count]), io)
    return status


def _bytes(text: str) -> int | None:
    match = re.fullmatch(r"(\d+)([a-zA-Z]*)", text)
    return int(match[1]) * _SUFFIXES[match[2]] if match and match[2] in _SUFFIXES else None


def md5sum(shell: Shell, words: list[str], io: Streams) -> Body:
    status = 0
    for name in words or ["-"]:
        data = yield from read_file(shell, name, io, "md5sum")
        if data is None:
            status = 1
        else:
            io.say(f"{hashlib.md5(data, usedforsecurity=False).hexdigest()}  {name}")
    return status


FILE_COMMANDS: dict[str, Command] = {
    "cat": cat, "head": head, "ls": ls, "md5sum": md5sum, "mkdir": mkdir, "rm": rm, "touch": touch,
}  # fmt: skip
