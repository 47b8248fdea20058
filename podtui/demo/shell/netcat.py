"""busybox's `nc` for the simulated containers, so that there are programs to forward a port to.

It listens for one connection (-l) or for many (-ll, -k), each with a command of its own (-e) or with its own input and output, and it
looks whether something listens in the pod (-z).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from podtui.demo.programs.program import Body, Connection, Task
from podtui.demo.shell.interpreter import Shell
from podtui.demo.shell.streams import Input, Streams

_WITH_VALUE = "pwis"


class Socket(Connection):
    """A connection whose bytes are the standard input and output of a command."""

    def __init__(self, wake: Callable[[], None]) -> None:
        super().__init__()
        self.input = Input(closed=False)
        self.wake = wake

    def feed(self, data: bytes) -> None:
        self.input.data += data
        self.wake()

    def eof(self) -> None:
        self.input.closed = True
        self.wake()

    def close(self) -> None:
        super().close()
        self.eof()


@dataclass
class _Options:
    letters: str = ""
    port: str = ""
    command: list[str] = field(default_factory=list)
    words: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, words: list[str]) -> _Options:
        found, left = cls(), list(words)
        while left:
            word = left.pop(0)
            if not word.startswith("-") or word == "-":
                found.words.append(word)
                continue
            for place, letter in enumerate(word[1:], 2):
                if letter == "e":  # all the rest is the command
                    found.command = ([word[place:]] if word[place:] else []) + left
                    return found
                if letter in _WITH_VALUE:
                    value = word[place:] or (left.pop(0) if left else "")
                    found.port = value if letter == "p" else found.port
                    break
                found.letters += letter
        if "l" in found.letters and not found.port and found.words:
            found.port = found.words[-1]
        return found


def nc(shell: Shell, words: list[str], io: Streams) -> Body:
    options, program = _Options.of(words), shell.context.program
    listens = "l" in options.letters
    port = options.port if listens else options.words[-1] if len(options.words) == 2 else ""
    if not (port.isdigit() and 0 < int(port) < 65536):
        io.complain("nc: no port to listen on: nc -l -p PORT" if listens else "nc: no address: nc -z HOST PORT")
        return 1
    if not listens:
        return _look(shell, options, int(port), io)
    if program is None or program.listens(int(port)):
        io.complain("nc: bind: Address already in use")
        return 1
    many = "k" in options.letters or options.letters.count("l") > 1
    if options.command:
        return (yield from _run_for_each(shell, int(port), options.command, io, many=many))
    while True:
        yield from _take_one(shell, int(port), io)
        if not many:
            return 0


def _look(shell: Shell, options: _Options, port: int, io: Streams) -> int:
    host, context = options.words[0], shell.context
    if host not in ("localhost", "127.0.0.1", context.ip, context.hostname):
        io.complain(f"nc: bad address '{host}'")
        return 1
    if context.program is None or not context.program.listens(port):
        io.complain(f"nc: can't connect to remote host ({host}): Connection refused")
        return 1
    if "z" not in options.letters:
        io.complain("nc: in a simulated container it listens (-l) and looks for ports (-z); it sends nothing")
        return 1
    return 0


def _run_for_each(shell: Shell, port: int, command: list[str], io: Streams, *, many: bool) -> Body:
    """Listens until it is killed, or until the command of its only connection has ended."""
    listeners, clock, wake = shell.context.listeners, shell.context.clock, Task.wake_running()
    working: dict[Socket, Task] = {}
    served = False

    def accept() -> Connection:
        nonlocal served
        if not many:
            listeners.pop(port, None)
        socket = Socket(_nothing)

        def ended(code: int) -> None:
            nonlocal served
            socket.end()
            working.pop(socket, None)
            served = not many
            if served:
                wake()

        streams = Streams(socket.input, socket.send, io.err)
        task = working[socket] = Task(clock, shell.child(streams).command(command), ended)
        socket.wake = task.wake
        task.step()
        return socket

    listeners[port] = accept
    try:
        while not served:
            yield None
    finally:
        if listeners.get(port) is accept:
            del listeners[port]
        for socket, task in list(working.items()):
            task.kill()
            socket.end()
    return 0


def _take_one(shell: Shell, port: int, io: Streams) -> Body:
    """One connection: what is read is sent, what comes is written, until the client has gone."""
    listeners, wake = shell.context.listeners, Task.wake_running()
    socket: Socket | None = None

    def accept() -> Connection:
        nonlocal socket
        listeners.pop(port, None)
        taken = socket = Socket(wake)
        wake()
        return taken

    listeners[port] = accept
    try:
        while socket is None:
            yield None
        while True:
            for source, sink in ((io.stdin, socket.send), (socket.input, io.out)):
                if source.data:
                    sink(bytes(source.data))
                    source.data.clear()
            if io.stdin.closed:
                socket.end()
            if socket.input.closed:
                return 0
            yield None
    finally:
        if listeners.get(port) is accept:
            del listeners[port]
        if socket is not None:
            socket.end()


def _nothing() -> None:
    pass
