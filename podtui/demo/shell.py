"""A little shell for simulated containers: `sh -c` scripts of manifests, probes, and commands that somebody runs with exec.

Everything is a generator that yields how long it sleeps, so that a script takes simulated time and costs nothing while it waits.
"""

from __future__ import annotations

import fnmatch
import posixpath
import re
from collections.abc import Callable, Generator

from podtui.demo.programs import Body, Context, Task
from podtui.demo.shell_arithmetic import arithmetic
from podtui.demo.shell_syntax import (
    AndOr,
    Case,
    For,
    Function,
    Group,
    If,
    Node,
    Pipe,
    Redirect,
    Sequence,
    ShellSyntaxError,
    Simple,
    While,
    Word,
    parse,
    words_of,
)

Output = Callable[[bytes], None]
SHELLS = ("sh", "bash", "ash", "/bin/sh", "/bin/bash", "/bin/ash")
_FREE_TURNS, _TURN = 50, 0.01  # after so many turns of loops without any sleep, each takes so many seconds
_NOT_FOUND, _SYNTAX = 127, 2


class Exit(Exception):
    """The shell ends."""

    def __init__(self, code: int) -> None:
        self.code = code & 255


class Leave(Exception):
    """break, continue or return, out of so many loops."""

    def __init__(self, kind: str, levels: int = 1) -> None:
        self.kind = kind
        self.levels = levels


class Input:
    """What a command reads: fed from outside or by the command before it in a pipe."""

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


class Shell:
    """One shell process with its variables and its working directory."""

    def __init__(self, context: Context, streams: Streams, parent: Shell | None = None) -> None:
        self.context = context
        self.streams = streams
        self.variables: dict[str, str] = dict(parent.variables if parent else context.env)
        self.functions: dict[str, Node] = dict(parent.functions) if parent else {}
        self.arguments: list[str] = list(parent.arguments) if parent else ["sh"]
        self.cwd: str = parent.cwd if parent else "/"
        self.status = 0
        self._turns = 0  # of loops, since it slept
        self.left = False
        """`exit` was said."""
        self.stops_on_error = False
        self._running_jobs = 0

    # -- running

    def script(self, text: str) -> Body:
        """Runs a script to its end; gives its exit code."""
        try:
            yield from self.run(parse(text), self.streams)
        except ShellSyntaxError as error:
            self.streams.complain(f"sh: {error}")
            return _SYNTAX
        except Exit as end:
            self.status, self.left = end.code, True
        except Leave:
            pass
        return self.status

    def command(self, words: list[str]) -> Body:
        """Runs one command as it stands."""
        try:
            self.status = yield from self.call(words, self.streams)
        except Exit as end:
            self.status = end.code
        except Leave:
            pass
        return self.status

    def call(self, words: list[str], streams: Streams) -> Body:
        """A function, a command, or `not found`."""
        from podtui.demo.shell_commands import COMMANDS

        name = words[0]
        if name in SHELLS:
            from podtui.demo.processes import work

            return (yield from work(Shell(self.context, streams, self), words))
        if name in self.functions:
            before, self.arguments = self.arguments, words
            try:
                yield from self.run(self.functions[name], streams)
            except Leave as leave:
                if leave.kind != "return":
                    raise
            self.arguments = before
            return self.status
        function = COMMANDS.get(name) or COMMANDS.get(posixpath.basename(name) if name.startswith("/") else "")
        if function is None:
            path = self.path(name)
            if "/" in name and path in self.context.files:
                return (yield from Shell(self.context, streams, self).script(self.context.files[path].decode("utf-8", "replace")))
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
                if self.stops_on_error and self.status and not isinstance(item, (If, While, AndOr)):
                    raise Exit(self.status)
        elif isinstance(node, AndOr):
            yield from self.run(node.first, streams)
            for operator, other in node.rest:
                if (operator == "&&") == (self.status == 0):
                    yield from self.run(other, streams)
        elif isinstance(node, Pipe):
            yield from self._pipe(node.parts, streams)
            if node.negated:
                self.status = int(not self.status)
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
            while ((yield from self.run(node.condition, streams)) == 0) != node.until:
                if (yield from self._turn(node.body, streams)):
                    break
            else:
                self.status = 0
        elif isinstance(node, For):
            words = self.arguments[1:] if node.words is None else (yield from self.expand(node.words, streams))
            for word in words:
                self.variables[node.name] = word
                if (yield from self._turn(node.body, streams)):
                    break
        elif isinstance(node, Case):
            word = yield from self.text(node.word, streams)
            for patterns, body in node.branches:
                for pattern in patterns:
                    if fnmatch.fnmatchcase(word, (yield from self.text(pattern, streams))):
                        return (yield from self.run(body, streams))
            self.status = 0
        elif isinstance(node, Function):
            self.functions[node.name], self.status = node.body, 0
        elif isinstance(node, Group):
            inner, close = yield from self._redirected(node.redirects, streams)
            if inner is None:
                self.status = 1
            elif node.subshell:
                child = Shell(self.context, inner, self)
                try:
                    self.status = yield from child.run(node.body, inner)
                except Exit as end:
                    self.status = end.code
            else:
                yield from self.run(node.body, inner)
            close()
        return self.status

    def _turn(self, body: Node, streams: Streams) -> Generator[float | None, None, bool]:
        """One turn of a loop; whether it is the last one."""
        slept = False
        work = self.run(body, streams)
        try:
            for wanted in work:
                slept = True
                yield wanted
        except Leave as leave:
            if leave.kind == "return" or leave.levels > 1:
                raise Leave(leave.kind, leave.levels - 1 if leave.kind != "return" else 1) from None
            if leave.kind == "break":
                return True
        self._turns = 0 if slept else self._turns + 1
        if self._turns > _FREE_TURNS:  # it would never let go
            yield _TURN
        return False

    def _pipe(self, parts: tuple[Node, ...], streams: Streams) -> Body:
        """The commands of a pipe side by side: each runs as far as it can whenever the one before it has slept or ended."""
        if len(parts) == 1:
            return (yield from Shell(self.context, streams, self).run(parts[0], streams))
        between = Input(closed=False)

        def pass_on(data: bytes) -> None:
            between.data += data

        first = Streams(streams.stdin, pass_on, streams.err)
        left = _status(Shell(self.context, first, self), parts[0], first)
        second = Streams(between, streams.out, streams.err)
        right = _status(Shell(self.context, second, self), parts[1], second)
        if len(parts) > 2:
            right = Shell(self.context, second, self)._pipe(parts[1:], second)
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
        child = Shell(self.context, streams, self)
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

    def _simple(self, node: Simple, streams: Streams) -> Body:
        words = yield from self.expand(node.words, streams)
        values = {}
        for name, word in node.assignments:
            values[name] = yield from self.text(word, streams)
        inner, close = yield from self._redirected(node.redirects, streams)
        if inner is None:
            return 1
        if not words:
            self.variables.update(values)
            close()
            return self.status if any(part.kind == "command" for _, word in node.assignments for part in word) else 0
        before = self.variables
        if values:
            self.variables = {**before, **values}
        try:
            return (yield from self.call(words, inner))
        finally:
            if values:
                self.variables = before
            close()

    def _redirected(
        self, redirects: tuple[Redirect, ...], streams: Streams
    ) -> Generator[float | None, None, tuple[Streams | None, Callable[[], None]]]:
        """The streams after redirection, None when a file is missing; and what to do in the end."""
        inner = Streams(streams.stdin, streams.out, streams.err)
        for redirect in redirects:
            operator = redirect.operator
            if operator == "2>&1":
                inner.err = inner.out
            elif operator in (">&2", "1>&2"):
                inner.out = inner.err
            else:
                path = self.path((yield from self.text(redirect.target, streams)))
                if operator == "<":
                    if path not in self.context.files:
                        streams.complain(f"sh: can't open {path}: no such file")
                        return None, _nothing
                    inner.stdin = Input(self.context.files[path])
                    continue
                output = self._file(path, append=">>" in operator)
                if not operator.startswith("2"):
                    inner.out = output
                if operator.startswith(("2", "&")):
                    inner.err = output
        return inner, _nothing

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
            files[path] = (files.get(path, b"") + data)[-(1 << 20) :]

        return add

    # -- words

    def path(self, name: str) -> str:
        return posixpath.normpath(posixpath.join(self.cwd, name))

    def text(self, word: Word, streams: Streams) -> Generator[float | None, None, str]:
        """A word with everything put in, as one text."""
        pieces = []
        for part in word:
            pieces.append(part.text if part.kind == "text" else (yield from self._value(part.kind, part.text, streams)))
        return "".join(pieces)

    def expand(self, words: tuple[Word, ...], streams: Streams) -> Generator[float | None, None, list[str]]:
        """The fields that words come to: values that are not quoted are split at blanks, and names with * looked up."""
        found: list[str] = []
        for word in words:
            fields = [""]
            given = False  # whether there is something, were it only ""
            pattern = False
            for part in word:
                if part.kind == "text":
                    text = part.text
                    if not part.quoted:
                        pattern = pattern or "*" in text or "?" in text
                        if text.startswith("~") and part is word[0] and (text == "~" or text[1] == "/"):
                            text = self.variables.get("HOME", "/root") + text[1:]
                    fields[-1] += text
                    given = True
                    continue
                if part.kind == "variable" and part.text == "@" and part.quoted:
                    head, *rest = self.arguments[1:] or [""]
                    fields[-1] += head
                    fields += rest
                    given = given or len(self.arguments) > 1
                    continue
                value = yield from self._value(part.kind, part.text, streams)
                if part.quoted:
                    fields[-1] += value
                    given = True
                    continue
                pieces = value.split()
                if not pieces:
                    continue
                if value[0].isspace() and fields[-1]:
                    fields.append("")
                fields[-1] += pieces[0]
                fields += pieces[1:]
                if value[-1].isspace():
                    fields.append("")
                given = True
            if fields[-1] == "" and len(fields) > 1:
                fields.pop()
            if given:
                found += self._matching(fields[0]) if pattern and len(fields) == 1 else fields
        return found

    def _matching(self, pattern: str) -> list[str]:
        wanted = self.path(pattern)
        depth = wanted.count("/")
        names = {"/".join(path.split("/")[: depth + 1]) for path in self.context.files}
        found = sorted(name for name in names if fnmatch.fnmatchcase(name, wanted) and not posixpath.basename(name).startswith("."))
        return (found if pattern.startswith("/") else [posixpath.relpath(name, self.cwd) for name in found]) or [pattern]

    def _value(self, kind: str, text: str, streams: Streams) -> Generator[float | None, None, str]:
        if kind == "arithmetic":
            return str((yield from self._arithmetic(text, streams)))
        if kind == "command":
            output = bytearray()
            inner = Streams(streams.stdin, output.extend, streams.err)
            child = Shell(self.context, inner, self)
            self.status = yield from child.script(text)
            return output.decode("utf-8", "replace").rstrip("\n")
        if text.startswith("#") and len(text) > 1:
            return str(len(self._variable(text[1:])))
        match = re.fullmatch(r"(\w+|[?$#@*!])(?:(:?[-=+?]|%%|%|##|#)(.*))?", text, re.DOTALL)
        if match is None:
            return ""
        name, operator, word = match[1], match[2] or "", match[3] or ""
        value = self._variable(name)
        if operator.endswith(("-", "=", "+", "?")):
            other = yield from self._inner(word, streams)
            if operator.endswith("+"):
                return other if value else ""
            if value:
                return value
            if operator.endswith("?"):
                streams.complain(f"sh: {name}: {other or 'parameter not set'}")
                raise Exit(2)
            if operator.endswith("="):
                self.variables[name] = other
            return other
        if operator:
            return _trimmed(value, operator, (yield from self._inner(word, streams)))
        return value

    def _inner(self, word: str, streams: Streams) -> Generator[float | None, None, str]:
        """The word inside ${NAME:-word}."""
        return " ".join((yield from self.expand(words_of(word), streams))) if word else ""

    def _variable(self, name: str) -> str:
        special = {"?": str(self.status), "$": "1", "#": str(len(self.arguments) - 1), "!": "2"}
        if name in special:
            return special[name]
        if name in "@*":
            return " ".join(self.arguments[1:])
        if name.isdigit():
            return self.arguments[int(name)] if int(name) < len(self.arguments) else ""
        if name == "RANDOM":
            return str(self.context.random.randrange(32768))
        return self.cwd if name == "PWD" else self.variables.get(name, "")

    def _arithmetic(self, text: str, streams: Streams) -> Generator[float | None, None, int]:
        plain = " ".join((yield from self.expand(words_of(text), streams))) if "$" in text else text
        return arithmetic(plain, self._variable)


def _nothing() -> None:
    pass


def _status(shell: Shell, node: Node, streams: Streams) -> Body:
    """A part of a script in a shell of its own, whose end ends only that."""
    try:
        yield from shell.run(node, streams)
    except Exit as end:
        return end.code
    except Leave:
        pass
    return shell.status


def _trimmed(value: str, operator: str, pattern: str) -> str:
    """${name%pattern} and its kin."""
    lengths = range(len(value) + 1)
    if operator.startswith("%"):
        cuts = [cut for cut in lengths if fnmatch.fnmatchcase(value[cut:], pattern)]
        return value[: (cuts[-1] if operator == "%" else cuts[0])] if cuts else value
    cuts = [cut for cut in lengths if fnmatch.fnmatchcase(value[:cut], pattern)]
    return value[(cuts[0] if operator == "#" else cuts[-1]) :] if cuts else value
