"""What commands of simulated containers read and write, and the ways in which they leave a script."""

from __future__ import annotations

from collections.abc import Callable, Generator

Output = Callable[[bytes], None]


class Exit(Exception):
    """The shell ends."""

    def __init__(self, code: int) -> None:
        self.code = code & 255


class Break(Exception):
    """The loop ends."""


class Continue(Break):
    """This turn of the loop ends, the loop goes on."""


class Interrupted(Exception):
    """Ctrl+C was typed on the terminal: what runs in front ends."""


class Input:
    """What a command reads: fed from outside or by the command before it in a pipe."""

    size: tuple[int, int] | None = None
    """Columns and rows of a terminal; None: it is not one."""

    def __init__(self, data: bytes = b"", *, closed: bool = True) -> None:
        self.data = bytearray(data)
        self.closed = closed

    def line(self) -> Generator[float | None, None, bytes]:
        """The next line with its newline, b"" at the end."""
        seen = 0
        while (place := self.data.find(b"\n", seen)) < 0 and not self.closed:
            seen = len(self.data)
            yield None
        return self._take(place + 1 or len(self.data))

    def some(self) -> Generator[float | None, None, bytes]:
        """What is there, at least a byte; b"" at the end."""
        while not self.data and not self.closed:
            yield None
        return self._take(len(self.data))

    def all(self) -> Generator[float | None, None, bytes]:
        while not self.closed:
            yield None
        return self._take(len(self.data))

    def _take(self, size: int) -> bytes:
        taken = bytes(self.data[:size])
        del self.data[:size]
        return taken


class Streams:
    def __init__(self, stdin: Input, out: Output, err: Output) -> None:
        self.stdin, self.out, self.err = stdin, out, err

    def say(self, text: str) -> None:
        self.out(text.encode() + b"\n")

    def complain(self, text: str) -> None:
        self.err(text.encode() + b"\n")


def options_of(words: list[str]) -> tuple[str, list[str]]:
    """The letters of the options that come first, and the rest."""
    letters = ""
    while words and len(words[0]) > 1 and words[0].startswith("-"):
        word, *words = words
        if word == "--":
            break
        letters += word[1:]
    return letters, words
