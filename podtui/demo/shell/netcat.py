"""busybox's `nc -l` for the simulated containers, so that there are programs to forward a port to.

It listens for one connection (-l) or for many (-ll), each with a command of its own (-e) or with its own input and output.
"""

from __future__ import annotations

from collections.abc import Callable

from podtui.demo.programs.program import Body, Connection, Task
from podtui.demo.shell.interpreter import Shell
from podtui.demo.shell.streams import Input, Streams


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


def nc(shell: Shell, words: list[str], io: Streams) -> Body:
    """`nc -l -p PORT` and `nc -ll -p PORT -e COMMAND...`."""
    letters, port, command = words[0] if words else "", "", []
    if words[1:2] == ["-p"]:
        port, rest = "".join(words[2:3]), words[3:]
        command = rest[1:] if rest[:1] == ["-e"] else []
    if not letters.startswith("-l") or not (port.isdigit() and 0 < int(port) < 65536):
        io.complain("nc: in a simulated container it only listens: nc -l -p PORT, nc -ll -p PORT -e COMMAND")
        return 1
    program = shell.context.program
    if program is None or program.listens(int(port)):
        io.complain("nc: bind: Address already in use")
        return 1
    if command:
        return (yield from _run_for_each(shell, int(port), command, io))
    return (yield from _take_one(shell, int(port), io))


def _run_for_each(shell: Shell, port: int, command: list[str], io: Streams) -> Body:
    """Listens until it is killed."""
    listeners, clock = shell.context.listeners, shell.context.clock
    working: dict[Socket, Task] = {}

    def accept() -> Connection:
        socket = Socket(_nothing)

        def ended(code: int) -> None:
            socket.end()
            working.pop(socket, None)

        streams = Streams(socket.input, socket.send, io.err)
        task = working[socket] = Task(clock, shell.child(streams).command(command), ended)
        socket.wake = task.wake
        task.step()
        return socket

    listeners[port] = accept
    try:
        while True:
            yield None
    finally:
        listeners.pop(port, None)
        for socket, task in list(working.items()):
            task.kill()
            socket.end()


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
