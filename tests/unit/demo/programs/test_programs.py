"""What runs in the containers of the built-in cluster: the little shell, the sample images, and what they answer."""

from __future__ import annotations

import random
from typing import Any

import pytest

from podtui.demo.kubelet.images import program_of, unpullable
from podtui.demo.programs.program import Context, Program, Task
from podtui.demo.programs.samples import Kubia, SlowStart, Web
from podtui.demo.shell.processes import Process, Script, run_at_once
from podtui.demo.storage.clock import Clock


class Container:
    """A program with its log and its end."""

    def __init__(self, *command: str, program: type[Program] = Script, **more: Any) -> None:
        self.clock = Clock(speed=0, start=1_800_000_000.0)
        self.written = bytearray()
        self.code: int | None = None
        settings: dict[str, Any] = {
            "hostname": "web-1",
            "pod": "web-1",
            "image": "busybox",
            "env": {"HOME": "/root", "NAME": "web"},
            **more,
        }
        self.context = Context(self.clock, self.written.extend, random.Random(1), command=list(command), **settings)
        self.program = program(self.context)
        self.task = Task(self.clock, self.program.run(), self._ended)
        self.task.step()

    def _ended(self, code: int) -> None:
        self.code = code

    @property
    def text(self) -> str:
        return self.written.decode()


def sh(script: str, seconds: float = 0.0) -> tuple[str, int | None]:
    """What a script writes in so many seconds, and its exit code."""
    container = Container("sh", "-c", script)
    container.clock.advance(seconds)
    return container.text, container.code


@pytest.mark.parametrize(
    ("script", "text", "code"),
    [
        ("echo hello", "hello\n", 0),
        ("echo one; echo 'two  words'; echo \"$NAME is $((1 + 2 * 3))\"", "one\ntwo  words\nweb is 7\n", 0),
        ("exit 3", "", 3),
        ("false || echo saved && echo both", "saved\nboth\n", 0),
        ("false; echo $?", "1\n", 0),
        ("head -c 1k /nowhere", "head: can't open '/nowhere': No such file or directory\n", 1),
        ("nonsense", "sh: nonsense: not found\n", 127),
        ("if [ -f /etc/hosts ]; then echo there; elif true; then echo else; fi", "else\n", 0),
        ("for n in a b 'c d'; do echo \"<$n>\"; done", "<a>\n<b>\n<c d>\n", 0),
        ("i=0; while [ $i -lt 3 ]; do i=$((i+1)); [ $i -eq 2 ] && continue; echo $i; done", "1\n3\n", 0),
        ("echo a > /tmp/f; echo b >> /tmp/f; cat /tmp/f; cat < /tmp/f | head -n 1", "a\nb\na\n", 0),
        ("cat /none", "cat: can't open '/none': No such file or directory\n", 1),
        ("cat /none 2>/dev/null", "", 1),
        ("printf '%s has %d\\n' pod 3; seq 2 4 | head -n 1", "pod has 3\n2\n", 0),
        ("head -c 3 /dev/zero | md5sum; X=1 env; echo [$X]", "693e9af84d3dfcc71e640e005bdc5e2e  -\nHOME=/root\nNAME=web\nX=1\n[]\n", 0),
        ("# only a comment\necho 'of # none'", "of # none\n", 0),
        ("if true; then echo", "sh: syntax error: unexpected end of file\n", 2),
        ("sh -c 'echo nested; exit 6'", "nested\n", 6),
        ("exec echo last; echo never", "last\n", 0),
        ("A='x  y'; echo $A; echo \"${A}\"", "x y\nx  y\n", 0),
        ("echo ${A:-x}", "sh: syntax error: bad substitution: ${A:-x}\n", 2),
        ("echo $1", "sh: syntax error: this shell has no $1\n", 2),
        ("echo `date`", "sh: syntax error: write $(...) instead of `...`\n", 2),
        ("sh /tmp/f", "sh: can't open '/tmp/f': this shell runs no files\n", 2),
    ],
)
def test_scripts_do_what_a_shell_does(script: str, text: str, code: int) -> None:
    assert sh(script) == (text, code)


def test_a_script_takes_the_time_that_it_sleeps() -> None:
    container = Container("sh", "-c", "echo begin; sleep 5; echo end; exit 3")
    assert (container.text, container.code) == ("begin\n", None)
    container.clock.advance(4.9)
    assert container.text == "begin\n"
    container.clock.advance(0.2)
    assert (container.text, container.code) == ("begin\nend\n", 3)


def test_a_loop_without_an_end_writes_a_line_at_each_turn() -> None:
    text, code = sh("while true; do echo tick; sleep 10; done", 35)
    assert (text, code) == ("tick\n" * 4, None)


def test_a_loop_that_never_sleeps_does_not_stop_the_clock() -> None:
    text, code = sh("while true; do :; done", 1)
    assert (text, code) == ("", None)


def test_a_pipe_passes_lines_on_while_both_sides_run() -> None:
    text, _ = sh("while true; do echo tick; sleep 1; done | cat", 2.5)
    assert text == "tick\n" * 3


def test_what_runs_in_the_background_does_not_hold_up_the_script() -> None:
    text, code = sh("sh -c 'sleep 2; echo late' & echo early; wait; echo done", 3)
    assert (text, code) == ("early\nlate\ndone\n", 0)


def test_a_script_listens_to_sigterm_only_with_a_trap() -> None:
    assert Container("sh", "-c", "sleep 100").program.stop_after is None
    trapped = Container("sh", "-c", "trap 'exit 7' TERM; sleep 100").program
    assert trapped.stop_after is not None
    assert trapped.stop_code == 7


def test_a_probe_s_command_sees_the_files_of_its_container() -> None:
    container = Container("sh", "-c", "sleep 5; touch /tmp/ready; sleep 100")
    assert run_at_once(container.context, ["cat", "/tmp/ready"]) == (1, b"cat: can't open '/tmp/ready': No such file or directory\n")
    container.clock.advance(6)
    assert run_at_once(container.context, ["cat", "/tmp/ready"]) == (0, b"")
    assert run_at_once(container.context, ["sleep", "60"])[0] == 1


async def _all(process: Process) -> str:
    pieces = []
    while (piece := await process.read()) is not None:
        pieces.append(piece[1])
    return b"".join(pieces).decode()


async def test_a_command_in_a_container_gives_its_output_and_its_exit_code() -> None:
    context = Container("sleep", "100").context
    process = Process(context, ["sh", "-c", "hostname; echo oops >&2; exit 4"])
    assert await process.read() == (1, b"web-1\n")
    assert await process.read() == (2, b"oops\n")
    assert await process.read() is None
    assert process.exit_code == 4


async def test_a_shell_reads_its_commands_from_its_input() -> None:
    process = Process(Container("sleep", "100").context, ["sh"])
    process.feed(b"echo one\nX=2; ec")
    process.feed(b"ho $X\n")
    process.eof()
    assert await _all(process) == "one\n2\n"
    assert process.exit_code == 0


async def test_a_shell_ends_when_exit_is_typed() -> None:
    process = Process(Container("sleep", "100").context, ["sh"])
    process.feed(b"exit 9\n")
    assert await _all(process) == ""
    assert process.exit_code == 9


async def test_an_unknown_command_fails_in_the_words_of_the_container_runtime() -> None:
    process = Process(Container("sleep", "100").context, ["nonsense"])
    assert await _all(process) == ""
    assert process.failure.endswith('exec: "nonsense": executable file not found in $PATH')
    assert (process.exit_code, Process(Container("sleep", "100").context, ["true"]).failure) == (127, "")


# -- images


@pytest.mark.parametrize("image", ["luksa/kubia", "docker.io/luksa/kubia:latest", "example/my-kubia:v2"])
def test_every_kubia_is_the_textbook_s_web_server(image: str) -> None:
    assert program_of(image, [], own=True) is Kubia


def test_only_images_of_a_registry_that_cannot_be_are_not_pulled() -> None:
    assert unpullable("luksa/kubia") == ""
    assert "lookup registry.invalid: no such host" in unpullable("registry.invalid/shop/mailer:2.3")


def test_a_command_that_the_image_does_not_have_cannot_be_started() -> None:
    assert program_of("busybox", ["nonsense"], own=False) == "nonsense"
    assert program_of("busybox", ["sleep", "1"], own=False) is Script


async def test_kubia_says_whom_you_have_hit_and_logs_the_request() -> None:
    container = Container(program=Kubia)
    assert container.text == "Kubia server starting...\n"
    connection = container.program.connect(8080)
    connection.feed(b"GET / HTTP/1.1\r\nHost: local")
    connection.feed(b"host\r\nConnection: close\r\n\r\n")
    answer = await connection.read()
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert answer.endswith(b"\r\n\r\nYou've hit web-1\n")
    assert await connection.read() == b""
    assert container.text.endswith("Received request from ::ffff:127.0.0.1\n")
    with pytest.raises(ConnectionRefusedError):
        container.program.connect(80)


async def test_a_connection_is_kept_for_the_next_request() -> None:
    connection = Container(program=Kubia).program.connect(8080)
    connection.feed(b"GET /a HTTP/1.1\r\n\r\nPOST /b HTTP/1.1\r\nContent-Length: 3\r\n\r\nxyz")
    assert (await connection.read()).count(b"You've hit") == 1
    assert (await connection.read()).count(b"You've hit") == 1
    connection.feed(b"nonsense\r\n\r\n")
    assert (await connection.read()).startswith(b"HTTP/1.1 400 Bad Request")
    assert await connection.read() == b""


def test_a_web_server_logs_those_who_come_but_not_the_probes() -> None:
    container = Container(program=Web, image="example/web:1.8.2", ports=(8080,))
    before = container.text
    assert container.program.probe("/healthz", 8080).status == 200
    assert container.text == before
    container.clock.advance(60)
    assert container.text.count('HTTP/1.1"') > 3


def test_a_slow_starter_is_ready_after_a_minute() -> None:
    container = Container(program=SlowStart, ports=(8080,))
    assert container.program.probe("/ready", 8080).status == 503
    container.clock.advance(61)
    assert container.program.probe("/ready", 8080).status == 200


async def test_a_port_is_listened_on_by_nc_with_a_command_for_each_connection() -> None:
    container = Container("sh", "-c", "nc -ll -p 9000 -e sh -c 'echo hello; cat' & nc -l -p 9000; wait")
    assert container.text == "nc: bind: Address already in use\n"
    first, second = container.program.connect(9000), container.program.connect(9000)
    first.feed(b"one\n")
    second.feed(b"two\n")
    assert [await second.read(), await second.read()] == [b"hello\n", b"two\n"]
    assert [await first.read(), await first.read()] == [b"hello\n", b"one\n"]
    first.eof()
    assert await first.read() == b""
    with pytest.raises(ConnectionRefusedError):
        container.program.connect(9001)


async def test_a_port_that_nc_listens_on_for_one_connection_is_closed_after_it() -> None:
    container = Container("sh", "-c", "echo hello | nc -l -p 9000; echo over")
    connection = container.program.connect(9000)
    assert await connection.read() == b"hello\n"
    connection.feed(b"heard\n")
    connection.eof()
    container.clock.advance(1)
    assert (container.text, container.code) == ("heard\nover\n", 0)
    with pytest.raises(ConnectionRefusedError):
        container.program.connect(9000)
