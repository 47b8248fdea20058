"""Commands of the simulated containers for bytes in bulk: dd and the checksums."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable

from podtui.demo.programs import Body
from podtui.demo.shell import Shell, Streams

_DISK = 64 << 20  # the most that a file may hold
_SUFFIXES = {"": 1, "c": 1, "w": 2, "b": 512, "k": 1 << 10, "K": 1 << 10, "kB": 1000, "M": 1 << 20, "MB": 1_000_000, "G": 1 << 30}
_PAUSE = 0.001  # simulated seconds for each block that is made, so that many of them hold nobody up


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
    if source in ("/dev/zero", "/dev/urandom", "/dev/random"):
        blocks = (lambda number: bytes(size)) if source == "/dev/zero" else (lambda number: shell.context.random.randbytes(size))
        made = True
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
