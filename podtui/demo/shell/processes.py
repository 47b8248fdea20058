"""Commands as processes: the one that is a container's PID 1, a probe's, and those of `kubectl exec`."""

from __future__ import annotations

import asyncio
import posixpath

from podtui.demo.programs.program import Body, Context, Program, Task
from podtui.demo.shell.commands import COMMANDS
from podtui.demo.shell.interpreter import SHELLS, Shell
from podtui.demo.shell.streams import Input, Interrupted, Streams
from podtui.demo.shell.terminal import Terminal

_PATIENCE = 1.0  # simulated seconds that a probe's command may sleep
_STEPS = 10_000
_INTERRUPTED, _KILLED = 130, 137
_BARE = ("registry.k8s.io/", "gcr.io/distroless/")  # how images begin in which there is nothing but their own program


def knows(word: str) -> bool:
    """Whether there is such a command."""
    return word in SHELLS or word in COMMANDS or (word.startswith("/") and posixpath.basename(word) in COMMANDS)


def is_bare(image: str) -> bool:
    """Whether there is neither a shell nor any command in the image."""
    return image.startswith(_BARE)


class Script(Program):
    """A command of the container's spec as PID 1. Without a `trap` for TERM it does not handle SIGTERM."""

    stop_after = None

    @property
    def ports(self) -> tuple[int, ...]:
        """None: what listens is a command."""
        return ()

    def run(self) -> Body:
        streams = Streams(Input(), self.context.write, self.context.write)
        return (yield from Shell(self.context, streams, COMMANDS).process(self.context.command or ["sh"]))


def run_at_once(context: Context, command: list[str]) -> tuple[int, bytes]:
    """Exit code and output of a command that may not sleep, such as a probe's."""
    output = bytearray()
    streams = Streams(Input(), output.extend, output.extend)
    body = Shell(context, streams, COMMANDS).process(command or ["true"])
    slept = 0.0
    try:
        for _ in range(_STEPS):
            seconds = next(body)
            slept += _PATIENCE if seconds is None else seconds
            if slept >= _PATIENCE:
                break
    except StopIteration as stop:
        return int(stop.value or 0), bytes(output)
    body.close()
    return 1, f"command timed out: {' '.join(command)!r} timed out after {_PATIENCE:.0f}s".encode()


class Process:
    """A command that `kubectl exec` runs in a container. `read` gives (1 for stdout or 2 for stderr, bytes), None when it has ended."""

    def __init__(self, context: Context, command: list[str], *, tty: bool = False) -> None:
        """With `tty` it has a terminal, on which stdout and stderr are one."""
        self.exit_code: int | None = None
        self.failure = ""
        """Why it could not be started, in the words of the runtime."""
        self._out: asyncio.Queue[tuple[int, bytes] | None] = asyncio.Queue()
        self._terminal = Terminal(lambda data: self._put(1, data), self._interrupt) if tty else None
        self._input = self._terminal.input if self._terminal is not None else Input(closed=False)
        if is_bare(context.image) or (not knows(command[0]) and command[0] not in context.files):
            self.failure = (
                f'failed to exec in container: failed to start exec "{context.random.getrandbits(256):064x}": OCI runtime exec failed: '
                f'exec failed: unable to start container process: exec: "{command[0]}": executable file not found in $PATH'
            )
            self._ended(127)
            return
        if self._terminal is not None:
            streams = Streams(self._input, self._terminal.write, self._terminal.write)
        else:
            streams = Streams(self._input, lambda data: self._put(1, data), lambda data: self._put(2, data))
        self._task = Task(context.clock, _until_interrupted(Shell(context, streams, COMMANDS).process(command)), self._ended)
        self._task.step()

    def feed(self, data: bytes) -> None:
        if self._terminal is not None:
            self._terminal.type(data)
        else:
            self._input.data += data
        self._wake()

    def resize(self, columns: int, rows: int) -> None:
        if self._terminal is not None:
            self._terminal.resize(columns, rows)

    def _interrupt(self) -> None:
        if self.exit_code is None:
            self._task.throw(Interrupted())

    def eof(self) -> None:
        self._input.closed = True
        self._wake()

    def end(self) -> None:
        """Its container has ended, and it with it."""
        if self.exit_code is None:
            self._task.kill()
            self._ended(_KILLED)

    async def read(self) -> tuple[int, bytes] | None:
        return await self._out.get()

    def _wake(self) -> None:
        if self.exit_code is None:
            self._task.wake()

    def _put(self, channel: int, data: bytes) -> None:
        if data:
            self._out.put_nowait((channel, bytes(data)))

    def _ended(self, code: int) -> None:
        self.exit_code = code
        self._out.put_nowait(None)


def _until_interrupted(body: Body) -> Body:
    """What it does not catch ends it, as SIGINT ends a program that does not handle it."""
    try:
        return (yield from body)
    except Interrupted:
        return _INTERRUPTED
