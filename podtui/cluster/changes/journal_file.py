"""A file of JSON lines to which several processes append: never half a line in the middle, never larger than a bound.

Each line is written by one `write` to a file opened for appending, under a lock (flock), so that two podtui processes do not mix
their lines. When the file is full it becomes `NAME.1.jsonl`, the one before `NAME.2.jsonl`, and the oldest is dropped. A line that
a crash cut off, or that someone broke by hand, is skipped when reading, and counted.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from podtui.errors import ConfigError
from podtui.folders import open_own, private_folder
from podtui.kube.json_values import is_deeper_than
from podtui.text import harmless

FULL = 4 << 20
"""Bytes after which podtui begins a new file."""
KEPT = 3
"""Full files to keep beside the one in use."""
DEEPEST = 100
"""Levels of objects and lists in a line; what is deeper was not written by podtui."""


def append(path: Path, line: dict[str, Any], *, full: int = FULL, kept: int = KEPT) -> None:
    """Write one line; creates the file (0600, in a folder of 0700) when it is missing. Blocks; raises ConfigError.

    A line that was written only in part (the disk is full) is removed.
    """
    data = msgspec.json.encode(line) + b"\n"
    private_folder(path.parent)
    try:
        with _locked(path, full, kept) as descriptor:
            size = os.fstat(descriptor).st_size
            if size and os.pread(descriptor, 1, size - 1) != b"\n":
                data = b"\n" + data  # after the rest of a line from a crash
            written = os.write(descriptor, data)
            if written != len(data):
                os.ftruncate(descriptor, size)
                raise OSError(28, "No space left on device")
    except OSError as error:
        raise ConfigError(f"cannot write {harmless(str(path))}: {error.strerror}") from None


def read(path: Path, *, kept: int = KEPT) -> tuple[list[dict[str, Any]], int]:
    """Every kept line, oldest first, and how many could not be read. Blocks; raises ConfigError."""
    lines: list[dict[str, Any]] = []
    broken = 0
    for file in (*(_older(path, number) for number in range(kept, 0, -1)), path):
        try:
            with os.fdopen(open_own(file), "rb") as opened:
                content = opened.read()
        except FileNotFoundError:
            continue
        except OSError as error:
            raise ConfigError(f"cannot read {harmless(str(file))}: {error.strerror}") from None
        for text in content.split(b"\n"):
            if not text.strip():
                continue
            try:
                value = msgspec.json.decode(text)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                value = None
            if isinstance(value, dict) and not (text.count(b"{") + text.count(b"[") > DEEPEST and is_deeper_than(value, DEEPEST)):
                lines.append(value)
            else:
                broken += 1
    return lines, broken


@contextmanager
def _locked(path: Path, full: int, kept: int) -> Iterator[int]:
    """The file, open for appending and locked; a full one is rotated first."""
    while True:
        descriptor = open_own(path, os.O_RDWR | os.O_APPEND | os.O_CREAT)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)  # released on close
            ours = os.fstat(descriptor)
            try:
                moved = not os.path.samestat(ours, os.stat(path))
            except FileNotFoundError:
                moved = True
            if moved:
                continue  # another process rotated it while we waited
            if ours.st_size >= full:
                for number in range(kept, 1, -1):
                    if _older(path, number - 1).exists():
                        os.replace(_older(path, number - 1), _older(path, number))
                os.replace(path, _older(path, 1))
                continue
            if ours.st_mode & 0o077:
                os.fchmod(descriptor, 0o600)
            yield descriptor
            return
        finally:
            os.close(descriptor)


def _older(path: Path, number: int) -> Path:
    return path.with_name(f"{path.stem}.{number}{path.suffix}")
