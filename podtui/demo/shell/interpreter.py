"""A little shell for simulated containers: `sh -c` scripts of manifests, probes, and commands of `kubectl exec`.

Everything is a generator that yields how long it sleeps, so that a script takes simulated time and costs nothing while it waits.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Generator, Mapping

from podtui.demo.programs.program import Body, Context, Task
from podtui.demo.shell.expansion import Expansion
from podtui.demo.shell.lexer import ShellSyntaxError, Unfinished
from podtui.demo.shell.streams import Break, Continue, Exit, Input, Interrupted, Output, Streams
from podtui.demo.shell.syntax import AndOr, For, If, Node, Pipe, Redirect, Sequence, Simple, While, parse

Command = Callable[["Shell", list[str], Streams], "int | Body"]
SHELLS = ("sh", "bash", "ash", "/bin/sh", "/bin/bash", "/bin/ash")
LARGEST_FILE = 64 << 20
_FREE_TURNS, _TURN = 50, 0.01  # after so many turns of loops without any sleep, each takes so many seconds
_NOT_FOUND, _SYNTAX, _INTERRUPTED = 127, 2, 130


class Shell(Expansion):
    """One shell process with its variables, its working directory and the commands that it finds."""

    def __init__(self, context: Context, streams: Streams, commands: Mapping[str, Command], parent: Shell | None = None) -> None:
        super().__init__(context, parent)
        self.streams = streams
        self.commands = commands
        self._turns = 0  # of loops, since it slept
        self.left = False
        """`exit` was said."""
        self._running_jobs = 0

    def child(self, streams: Streams) -> Shell:
        """Another shell that begins with what this one has."""
        return Shell(self.context, streams, self.commands, self)

    # -- running

    def process(self, command: list[str]) -> Body:
        """What a command line does: a shell with its script or with what it reads, or a single command."""
        if command[0] not in SHELLS:
            return (yield from self.command(command))
        words = command[1:]
        while words and words[0].startswith("-"):
            option, *words = words
            if "c" in option:
                if not words:
                    self.streams.complain("sh: -c requires an argument")
                    return 2
                return (yield from self.script(words[0]))
        if words:
            self.streams.complain(f"sh: can't open '{words[0]}': this shell runs no files")
            return 2
        if self.streams.stdin.size is not None:
            return (yield from self._prompted())
        while line := (yield from self.streams.stdin.line()):
            yield from self.script(line.decode("utf-8", "replace"))
            if self.left:
                break
        return self.status

    def _prompted(self) -> Body:
        """Runs what is typed on a terminal, after a prompt like busybox's; a command may go on over several lines."""
        io, text = self.streams, ""
        while not self.left:
            here = "~" if self.cwd == self.variables.get("HOME") else self.cwd
            io.out(b"> " if text else f"{here} # ".encode())
            try:
                line = yield from io.stdin.line()
                if not line and not text:  # Ctrl+D
                    break
                text += line.decode("utf-8", "replace")
                if line and _is_unfinished(text):
                    continue
                yield from self.script(text)
            except Interrupted:
                io.out(b"\n")
                self.status = _INTERRUPTED
            text = ""
        return self.status

    def script(self, text: str) -> Body:
        """Runs a script to its end; gives its exit code."""
        try:
            yield from self.run(parse(text), self.streams)
        except ShellSyntaxError as error:
            self.streams.complain(f"sh: {error}")
            return _SYNTAX
        except Exit as end:
            self.status, self.left = end.code, True
        except Break:
            pass
        return self.status

    def command(self, words: list[str]) -> Body:
        """Runs one command as it stands."""
        try:
            self.status = yield from self.call(words, self.streams)
        except Exit as end:
            self.status = end.code
        except Break:
            pass
        return self.status

    def call(self, words: list[str], streams: Streams) -> Body:
        """A command, or `not found`."""
        name = words[0]
        if name in SHELLS:
            return (yield from self.child(streams).process(words))
        function = self.commands.get(name) or self.commands.get(posixpath.basename(name) if name.startswith("/") else "")
        if function is None:
            streams.complain(f"sh: {name}: not found")
            return _NOT_FOUND
        result = function(self, words[1:], streams)
        return result if isinstance(result, int) else (yield from result)

    def run(self, node: Node, streams: Streams) -> Body:
        """Runs a part of a script and gives its status, which is `$?` then."""
        if isinstance(node, Simple):
            self.status = yield from self._simple(node, streams)
        elif isinstance(node, Sequence):
            for item, background in node.items:
                if background:
                    self._background(item, streams)
                    continue
                yield from self.run(item, streams)
        elif isinstance(node, AndOr):
            yield from self.run(node.first, streams)
            for operator, other in node.rest:
                if (operator == "&&") == (self.status == 0):
                    yield from self.run(other, streams)
        elif isinstance(node, Pipe):
            yield from self._pipe(node.parts, streams)
        else:
            yield from self._compound(node, streams)
        return self.status

    def _compound(self, node: Node, streams: Streams) -> Body:
        if isinstance(node, If):
            for condition, body in node.branches:
                if (yield from self.run(condition, streams)) == 0:
                    return (yield from self.run(body, streams))
            self.status = 0
            if node.otherwise is not None:
                yield from self.run(node.otherwise, streams)
        elif isinstance(node, While):
            while (yield from self.run(node.condition, streams)) == 0:
                if (yield from self._turn(node.body, streams)):
                    break
            else:
                self.status = 0
        elif isinstance(node, For):
            for word in (yield from self.expand(node.words, streams)):
                self.variables[node.name] = word
                if (yield from self._turn(node.body, streams)):
                    break
        return self.status

    def _turn(self, body: Node, streams: Streams) -> Generator[float | None, None, bool]:
        """One turn of a loop; whether it is the last one."""
        slept = False
        work = self.run(body, streams)
        try:
            for wanted in work:
                slept = True
                yield wanted
        except Continue:
            pass
        except Break:
            return True
        self._turns = 0 if slept else self._turns + 1
        if self._turns > _FREE_TURNS:  # it would never let go
            yield _TURN
        return False

    def _pipe(self, parts: tuple[Node, ...], streams: Streams) -> Body:
        """The commands of a pipe side by side: each runs as far as it can whenever the one before it has slept or ended."""
        if len(parts) == 1:
            return (yield from self.child(streams).run(parts[0], streams))
        between = Input(closed=False)

        def pass_on(data: bytes) -> None:
            between.data += data

        first = Streams(streams.stdin, pass_on, streams.err)
        left = _status(self.child(first), parts[0], first)
        second = Streams(between, streams.out, streams.err)
        right = _status(self.child(second), parts[1], second)
        if len(parts) > 2:
            right = self.child(second)._pipe(parts[1:], second)
        try:
            for wanted in left:
                next(right)
                yield wanted
            between.closed = True
            self.status = yield from right
        except StopIteration as stop:  # the reader has enough
            left.close()
            self.status = int(stop.value or 0)
        return self.status

    def _background(self, node: Node, streams: Streams) -> None:
        child = self.child(streams)
        self._running_jobs += 1

        def ended(code: int) -> None:
            self._running_jobs -= 1
            self.context.jobs.remove(job)

        job = Task(self.context.clock, _status(child, node, streams), ended)
        self.context.jobs.append(job)
        job.step()
        self.status = 0

    def wait(self) -> Body:
        """Until all that runs in the background has ended."""
        while self._running_jobs:
            yield 0.1
        return 0

    def output_of(self, script: str, streams: Streams) -> Generator[float | None, None, str]:
        output = bytearray()
        self.status = yield from self.child(Streams(streams.stdin, output.extend, streams.err)).script(script)
        return output.decode("utf-8", "replace").rstrip("\n")

    def _simple(self, node: Simple, streams: Streams) -> Body:
        words = yield from self.expand(node.words, streams)
        values = {}
        for name, word in node.assignments:
            values[name] = yield from self.text(word, streams)
        inner = yield from self._redirected(node.redirects, streams)
        if inner is None:
            return 1
        if not words:
            self.variables.update(values)
            return self.status if any(part.kind == "command" for _, word in node.assignments for part in word) else 0
        before = self.variables
        if values:
            self.variables = {**before, **values}
        try:
            return (yield from self.call(words, inner))
        finally:
            if values:
                self.variables = before

    def _redirected(self, redirects: tuple[Redirect, ...], streams: Streams) -> Generator[float | None, None, Streams | None]:
        """The streams after redirection, None when a file is missing."""
        inner = Streams(streams.stdin, streams.out, streams.err)
        for redirect in redirects:
            operator = redirect.operator
            if operator == "2>&1":
                inner.err = inner.out
            elif operator == ">&2":
                inner.out = inner.err
            else:
                path = self.path((yield from self.text(redirect.target, streams)))
                if operator == "<":
                    if path not in self.context.files:
                        streams.complain(f"sh: can't open {path}: no such file")
                        return None
                    inner.stdin = Input(self.context.files[path])
                    continue
                output = self._file(path, append=operator == ">>")
                if operator == "2>":
                    inner.err = output
                else:
                    inner.out = output
        return inner

    def _file(self, path: str, *, append: bool) -> Output:
        files = self.context.files
        if path in ("/dev/null",):
            return lambda data: None
        if path in ("/dev/stdout", "/proc/1/fd/1"):
            return self.streams.out if path == "/dev/stdout" else self.context.write
        if path in ("/dev/stderr", "/proc/1/fd/2"):
            return self.streams.err if path == "/dev/stderr" else self.context.write
        files[path] = files.get(path, b"") if append else b""

        def add(data: bytes) -> None:
            files[path] = (files.get(path, b"") + data)[-LARGEST_FILE:]

        return add


def _is_unfinished(text: str) -> bool:
    try:
        parse(text)
    except Unfinished:
        return True
    except ShellSyntaxError:
        pass  # running it reports the error
    return False


def _status(shell: Shell, node: Node, streams: Streams) -> Body:
    """A part of a script in a shell of its own, whose end ends only that."""
    try:
        yield from shell.run(node, streams)
    except Exit as end:
        return end.code
    except Break:
        pass
    return shell.status
