"""The terminal of a command in a simulated container: echo, editing, keys with a meaning, and the shell with its prompt on it."""

from __future__ import annotations

import random

import pytest

from podtui.demo.kubelet.images import program_of
from podtui.demo.programs.program import Context, Program
from podtui.demo.shell.processes import Process
from podtui.demo.shell.terminal import Terminal
from podtui.demo.storage.clock import Clock


def shown(*typed: str) -> tuple[str, list[bytes]]:
    """What the user sees of what they type, and the pieces that a command would read."""
    out = bytearray()
    terminal = Terminal(out.extend, lambda: out.extend(b"<interrupt>"))
    for text in typed:
        terminal.type(text.encode())
    return out.decode(), list(terminal.input._pieces)


@pytest.mark.parametrize(
    ("typed", "seen", "read"),
    [
        ("ls\r", "ls\r\n", [b"ls\n"]),
        ("한국\r", "한국\r\n", ["한국\n".encode()]),
        ("lx\x7fs\r", "lx\b \bs\r\n", [b"ls\n"]),
        ("\x7f\r", "\r\n", [b"\n"]),
        ("국\x7fa\r", "국\b \b\b \ba\r\n", [b"a\n"]),  # a wide character is two cells
        ("a bc \x17\r", "a bc \b \b\b \b\b \b\r\n", [b"a \n"]),
        ("abc\x15d\r", "abc\b \b\b \b\b \bd\r\n", [b"d\n"]),
        ("ab\x1b[A\x1bOBc\r", "abc\r\n", [b"abc\n"]),  # arrows
        ("a\x01\x7fb\r", "a^A\b \b\b \bb\r\n", [b"ab\n"]),
        ("\x04", "", [b""]),
        ("ab\x04", "ab", [b"ab"]),
        ("old\rnew\x03", "old\r\nnew^C<interrupt>", []),
    ],
)
def test_what_is_typed_is_echoed_edited_and_handed_on_by_the_line(typed: str, seen: str, read: list[bytes]) -> None:
    assert shown(typed) == (seen, read)


def test_a_line_feed_is_written_with_a_carriage_return() -> None:
    out = bytearray()
    Terminal(out.extend, lambda: None).write(b"one\ntwo\n")
    assert out == b"one\r\ntwo\r\n"


class Session:
    """A command on a terminal; `says()` is what it has written since it was asked last."""

    def __init__(self, *command: str, image: str = "busybox", tty: bool = True) -> None:
        self.clock = Clock(speed=0, start=1_800_000_000.0)
        environment = {"HOME": "/root", "NAME": "web"}
        context = Context(self.clock, lambda data: None, random.Random(1), image=image, hostname="web-1", env=environment)
        context.files["/etc/motd"] = b"hello\n"
        Program(context)
        self.process = Process(context, list(command or ["sh"]), tty=tty)

    def says(self) -> str:
        out = self.process._out
        pieces = [piece for _ in range(out.qsize()) if (piece := out.get_nowait()) is not None]
        assert {channel for channel, _ in pieces} <= {1}, "a terminal has no stderr"
        return b"".join(data for _, data in pieces).decode()

    def type(self, text: str) -> str:
        self.process.feed(text.encode())
        return self.says()


def test_a_shell_has_a_prompt_and_runs_what_is_typed() -> None:
    session = Session()
    assert session.says() == "/ # "
    assert session.type("echo hi $NAME\r") == "echo hi $NAME\r\nhi web\r\n/ # "
    assert session.type("nonsense\r") == "nonsense\r\nsh: nonsense: not found\r\n/ # "
    assert session.type("cd /etc; pwd; echo $?\r") == "cd /etc; pwd; echo $?\r\n/etc\r\n0\r\n/etc # "
    assert session.type("\r") == "\r\n/etc # "
    assert session.type("for i in 1 2\r") == "for i in 1 2\r\n> "
    assert session.type("do echo $i; done\r") == "do echo $i; done\r\n1\r\n2\r\n/etc # "
    assert session.type("done\r") == 'done\r\nsh: syntax error: unexpected "done"\r\n/etc # '
    assert session.type("echo 'a\r") == "echo 'a\r\n> "
    assert session.type("\x04") == "sh: syntax error: unterminated quoted string\r\n/etc # "
    assert session.type("exit 3\r") == "exit 3\r\n"
    assert session.process.exit_code == 3


def test_the_command_that_podtui_opens_a_shell_with_finds_one() -> None:
    from podtui.cluster.exec.shells import COMMAND

    session = Session(*COMMAND)
    assert session.says() == "/ # "
    assert session.type("exit\r") == "exit\r\n" and session.process.exit_code == 0


def test_ctrl_c_ends_what_runs_and_not_the_shell() -> None:
    session = Session()
    session.says()
    assert session.type("sleep 1000\r") == "sleep 1000\r\n"
    assert session.type("\x03") == "^C\r\n/ # "
    assert session.type("echo $?\r") == "echo $?\r\n130\r\n/ # "
    assert session.type("while true; do sleep 1; done | cat\r").endswith("cat\r\n")
    session.clock.advance(3)
    assert session.type("\x03") == "^C\r\n/ # "
    assert session.type("half a line\x03") == "half a line^C\r\n/ # "
    assert session.type("echo 'open\r") == "echo 'open\r\n> "
    assert session.type("\x03") == "^C\r\n/ # "
    assert session.type("echo never\r\x03") == "echo never\r\n^C\r\n/ # ", "what nobody has read yet is gone"
    assert session.process.exit_code is None


def test_ctrl_c_ends_a_command_without_a_shell() -> None:
    session = Session("sleep", "1000")
    assert session.type("\x03") == "^C" and session.process.exit_code == 130
    session.type("\x03")  # to nobody


def test_ctrl_d_ends_what_reads_and_then_the_shell() -> None:
    session = Session()
    session.says()
    assert session.type("cat\rone\r") == "cat\r\none\r\none\r\n"
    assert session.type("\x04") == "/ # "
    assert session.type("md5sum\ra\rb\r\x04") == "md5sum\r\na\r\nb\r\ndd8c6a395b5dd36c56d23275028f526c  -\r\n/ # "
    session.type("\x04")
    assert session.process.exit_code == 0


def test_a_command_knows_its_terminal_and_its_size() -> None:
    session = Session()
    session.says()
    session.process.resize(100, 30)
    assert session.type("stty size\r") == "stty size\r\n30 100\r\n/ # "
    assert session.type("echo | stty size\r").endswith("stty: standard input: Not a tty\r\n/ # ")
    assert session.type("command -v cd; command -v sleep\r").endswith("\r\ncd\r\n/bin/sleep\r\n/ # ")
    assert session.type("command -v bash || echo $?\r").endswith("\r\n127\r\n/ # ")


def test_a_shell_without_a_terminal_has_no_prompt() -> None:
    session = Session("sh", tty=False)
    assert session.type("echo hi\n") == "hi\n"
    session.process.eof()
    assert session.says() == "" and session.process.exit_code == 0


def test_a_client_that_goes_ends_the_shell() -> None:
    session = Session()
    session.process.eof()
    assert session.process.exit_code == 0


def test_some_images_have_nothing_but_their_own_program() -> None:
    session = Session(image="registry.k8s.io/pause:3.10")
    assert session.process.exit_code == 127 and 'exec: "sh": executable file not found in $PATH' in session.process.failure
    assert program_of("registry.k8s.io/pause:3.10", ["sh", "-c", "true"], own=False) == "sh"
    assert program_of("gcr.io/distroless/static", ["/app"], own=False) is Program
