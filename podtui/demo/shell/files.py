"""The commands of simulated containers for files, for lines of text and for bytes."""

from __future__ import annotations

import hashlib
import posixpath
import re
from collections.abc import Callable, Generator

from podtui.demo.programs.program import Body
from podtui.demo.shell.interpreter import Command, Shell
from podtui.demo.shell.streams import Streams, options_of

_DISK = 64 << 20  # the most that a file may hold
_SUFFIXES = {"": 1, "c": 1, "w": 2, "b": 512, "k": 1 << 10, "K": 1 << 10, "kB": 1000, "M": 1 << 20, "MB": 1_000_000, "G": 1 << 30}
_DEVICES: dict[str, Callable[[Shell, int], bytes]] = {
    "/dev/zero": lambda shell, size: bytes(size),
    "/dev/urandom": lambda shell, size: shell.context.random.randbytes(size),
    "/dev/random": lambda shell, size: shell.context.random.randbytes(size),
}
_PAUSE = 0.001  # simulated seconds for each block that is made, so that many of them hold nobody up


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


_TAIL = _filter("tail", lambda letters, given, lines: lines[-_number(given) :] if _number(given) else [], "nc")

FILE_COMMANDS: dict[str, Command] = {
    "cat": cat, "cp": cp, "dd": dd, "grep": _filter("grep", _grep, "e"), "head": head, "ls": ls, "md5sum": checksum("md5"), "mkdir": mkdir,
    "mv": mv, "rm": rm, "sha256sum": checksum("sha256"), "sort": _filter("sort", _sort), "tail": tail, "tee": tee, "touch": touch, "tr": tr,
    "wc": wc,
}  # fmt: skip
