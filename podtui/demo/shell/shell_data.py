"""Commands of the simulated containers for bytes: head, wc, tr, dd and the checksums."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Generator

from podtui.demo.programs.program import Body
from podtui.demo.shell.interpreter import Shell
from podtui.demo.shell.streams import Streams

_DISK = 64 << 20  # the most that a file may hold
_SUFFIXES = {"": 1, "c": 1, "w": 2, "b": 512, "k": 1 << 10, "K": 1 << 10, "kB": 1000, "M": 1 << 20, "MB": 1_000_000, "G": 1 << 30}
_DEVICES: dict[str, Callable[[Shell, int], bytes]] = {
    "/dev/zero": lambda shell, size: bytes(size),
    "/dev/urandom": lambda shell, size: shell.context.random.randbytes(size),
    "/dev/random": lambda shell, size: shell.context.random.randbytes(size),
}
_PAUSE = 0.001  # simulated seconds for each block that is made, so that many of them hold nobody up


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


def dd(shell: Shell, words: list[str], io: Streams) -> Body:
    """`dd if= of= bs= count=`; /dev/zero and /dev/urandom never end by themselves."""
    operands = dict(word.partition("=")[::2] for word in words)
    unknown = [word for word in words if word.partition("=")[0] not in ("if", "of", "bs", "count", "conv", "status")]
    size, count = _bytes(operands.get("bs", "512")), _bytes(operands["count"]) if "count" in operands else None
    if unknown or not size or (count is None and "count" in operands):
        io.complain(f"dd: invalid argument '{(unknown or [operands.get('bs', ''), operands.get('count', '')])[0]}'")
        return 1
    source, target, files = operands.get("if", ""), operands.get("of", ""), shell.context.files
    blocks: Callable[[int], bytes]
    if source in _DEVICES:
        device = _DEVICES[source]
        blocks, made = (lambda number: device(shell, size)), True
    else:
        if source and shell.path(source) not in files:
            io.complain(f"dd: can't open '{source}': No such file or directory")
            return 1
        data = files[shell.path(source)] if source else (yield from io.stdin.all())
        blocks, made = (lambda number: data[number * size : (number + 1) * size]), False
    kept = bytearray()
    write = kept.extend if target else io.out
    number = whole = total = 0
    full = False
    while (count is None or number < count) and (block := blocks(number)):
        if target and target != "/dev/null" and total + len(block) > _DISK:
            io.complain(f"dd: error writing '{target}': No space left on device")
            full = True
            break
        if target != "/dev/null":
            write(block)
        number, whole, total = number + 1, whole + (len(block) == size), total + len(block)
        if made:
            yield _PAUSE
    if target and target != "/dev/null":
        files[shell.path(target)] = bytes(kept)
    if operands.get("status") != "none":
        told = f"{whole}+{number - whole} records"
        io.complain(f"{told} in\n{told} out\n{total} bytes copied")
    return int(full)


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
        data = _DEVICES[name](shell, min(count, _DISK)) if made and letter == "c" else (yield from read_file(shell, name, io, "head"))
        if data is None:
            status = 1
        else:
            io.out(data[:count] if letter == "c" else b"".join(data.splitlines(keepends=True)[:count]))
    return status


def wc(shell: Shell, words: list[str], io: Streams) -> Body:
    """`wc`, `wc -l`: lines, words and bytes, in busybox's columns."""
    letters = "".join(word[1:] for word in words if word.startswith("-") and word != "-")
    names, status = [word for word in words if not word.startswith("-") or word == "-"], 0
    for name in names or ["-"]:
        data = yield from read_file(shell, name, io, "wc")
        if data is None:
            status = 1
            continue
        counts = {"l": data.count(b"\n"), "w": len(data.split()), "c": len(data)}
        found = [str(counts[letter]) for letter in "lwc" if not letters or letter in letters]
        numbers = found[0] if len(found) == 1 else " ".join(number.rjust(9) for number in found)
        io.say(f"{numbers} {name}" if names else numbers)
    return status


def tr(shell: Shell, words: list[str], io: Streams) -> Body:
    """`tr a-z A-Z` and `tr -d '\\n'`."""
    deletes, words = words[:1] == ["-d"], [word for word in words if word != "-d"]
    sets = [_characters(word) for word in words]
    if len(sets) != (1 if deletes else 2) or not all(sets):
        io.complain("tr: write tr SET1 SET2, or tr -d SET1")
        return 1
    first = sets[0]
    second = b"" if deletes else sets[1].ljust(len(first), sets[1][-1:])[: len(first)]
    table = None if deletes else bytes.maketrans(first, second)
    while data := (yield from io.stdin.some()):
        io.out(data.translate(table, first if deletes else b""))
    return 0


def _characters(text: str) -> bytes:
    """The bytes that a set of tr names: escapes and ranges written out."""
    plain = re.sub(r"\\([0-7]{1,3}|.)", lambda found: _escaped(found[1]), text)
    spread = re.sub(r"(.)-(.)", lambda found: "".join(map(chr, range(ord(found[1]), ord(found[2]) + 1))), plain, flags=re.DOTALL)
    return spread.encode("latin-1", "replace")


def _escaped(name: str) -> str:
    return chr(int(name, 8) & 255) if name.isdigit() else {"n": "\n", "t": "\t", "r": "\r"}.get(name, name)


def _bytes(text: str) -> int | None:
    match = re.fullmatch(r"(\d+)([a-zA-Z]*)", text)
    return int(match[1]) * _SUFFIXES[match[2]] if match and match[2] in _SUFFIXES else None


def checksum(name: str) -> Callable[[Shell, list[str], Streams], Body]:
    """md5sum and its kin, by the name of the algorithm."""

    def run(shell: Shell, words: list[str], io: Streams) -> Body:
        status = 0
        for word in [word for word in words if word == "-" or not word.startswith("-")] or ["-"]:
            data = (yield from io.stdin.all()) if word == "-" else shell.context.files.get(shell.path(word))
            if data is None:
                io.complain(f"{name}sum: can't open '{word}': No such file or directory")
                status = 1
            else:
                io.say(f"{hashlib.new(name, data, usedforsecurity=False).hexdigest()}  {word}")
        return status

    return run
