"""What a terminal does to the program: it stops reading, changes its size, stops and kills it, knows little, or goes away.

Without an API server, or with one that each program starts for itself: none of this depends on a cluster.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
from pathlib import Path

import pytest

from tests.terminal.conftest import Open, program
from tests.terminal.pty_session import PtySession
from tests.terminal.test_offline import nowhere

__all__ = ["nowhere"]


def repainted(terminal: PtySession) -> str:
    """The screen, written whole once more: a program that continues cannot know what another one wrote."""
    terminal.screen.reset()
    os.kill(terminal.process.pid, signal.SIGCONT)
    terminal.wait_until(lambda: bool(terminal.text.strip()), "nothing was painted again")
    return terminal.settle()


def ageless(text: str) -> str:
    return re.sub(r"\(?(\d+[smhd])+( ago\))? *", "", text)


def state(pid: int) -> str:
    """R, S, T (stopped), Z, as in /proc."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def test_when_the_terminal_reads_again_the_screen_is_whole(open_podtui: Open) -> None:
    terminal = open_podtui("demo", "--speed", "0.01", size=(100, 30))
    terminal.wait_for("live")
    terminal.fill()
    terminal.write(b"?")
    terminal.resize(120, 36)
    terminal.fill()
    terminal.resize(100, 30)
    terminal.wait_for("WHAT IT DOES")
    shown = terminal.settle()
    assert ageless(shown) == ageless(repainted(terminal))
    terminal.press("escape", "q")
    assert terminal.wait_exit() == 0 and terminal.restored() == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT])
def test_a_signal_is_obeyed_at_once_though_the_terminal_does_not_read_and_it_gets_its_modes_back(
    open_podtui: Open, nowhere: str, number: signal.Signals
) -> None:
    terminal = open_podtui("--kubeconfig", nowhere)
    terminal.wait_for("unreachable")
    terminal.fill()
    terminal.process.send_signal(number)
    assert terminal.process.wait(10) == (-number if number == signal.SIGQUIT else 0)
    assert terminal.wait_exit() is not None  # reads what is left
    assert terminal.restored() == [] and terminal.processes() == []
    assert "Traceback" not in terminal.raw.decode(errors="replace")


def test_ctrl_z_gives_the_terminal_back_also_when_it_does_not_read_and_fg_takes_it_again(open_podtui: Open, nowhere: str) -> None:
    terminal = open_podtui("--kubeconfig", nowhere, size=(80, 24))
    terminal.wait_for("unreachable")
    for full in (False, True):
        if full:
            terminal.fill()
        os.kill(terminal.process.pid, signal.SIGTSTP)
        if full:
            os.waitid(os.P_PID, terminal.process.pid, os.WSTOPPED | os.WNOWAIT)
        terminal.wait_until(lambda: state(terminal.process.pid) == "T", "it has not stopped")
        terminal.settle()
        assert terminal.restored() == []
        terminal.screen.reset()
        os.kill(terminal.process.pid, signal.SIGCONT)
        terminal.wait_for("unreachable")
        terminal.wait_for(": Command")
        assert terminal.modes["1049"] and terminal.modes["2004"]
    terminal.press("q")
    assert terminal.wait_exit() == 0 and terminal.restored() == []


def test_any_size_any_time_leaves_a_whole_screen(open_podtui: Open) -> None:
    terminal = open_podtui("demo", "--speed", "0.01", size=(80, 24))
    terminal.wait_for("live")
    sizes = [(1, 1), (500, 200), (2, 1), (1, 50), (20, 5), (500, 2), (120, 8), (3, 200)]
    for keys in ((), ("l",), ("y",), ("?",), ("escape", "n"), ("escape", "L"), ("escape", "ctrl+d")):
        terminal.press(*keys)
        for columns, lines in sizes:
            terminal.resize(columns, lines)
            terminal.settle(0.01, 1)
    terminal.resize(120, 36)
    terminal.press("escape")
    terminal.wait_without("Delete pod")
    for columns, lines in ((80, 24), (120, 36)):
        terminal.resize(columns, lines)
        terminal.wait_for(": Command")
        shown = terminal.settle()
        assert ageless(shown) == ageless(repainted(terminal))
    terminal.press("q")
    assert terminal.wait_exit() == 0 and terminal.restored() == []


def test_after_sigkill_nothing_runs_on_and_the_next_podtui_leaves_the_terminal_in_order(open_podtui: Open, nowhere: str) -> None:
    terminal = open_podtui("demo")
    terminal.wait_for("live")
    terminal.process.kill()
    terminal.process.wait(10)
    terminal.wait_until(lambda: terminal.processes() == [], "the cluster runs on")
    assert terminal.modes["1049"], "SIGKILL leaves no time to reset anything"
    terminal.run([*program(), "--kubeconfig", nowhere])
    terminal.wait_for("unreachable")
    terminal.press("q")
    assert terminal.wait_exit() == 0
    assert [left for left in terminal.restored() if "line discipline" not in left] == [], "a shell restores that itself"


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "</dev/null", "<&- >&- 2>&-"])
def test_without_a_standard_stream_podtui_says_so_and_ends(nowhere: str, closed: str) -> None:
    command = " ".join([*program(), "--kubeconfig", nowhere, closed])
    ended = subprocess.run(["script", "-qec", command, "/dev/null"], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 1
    assert "Traceback" not in ended.stdout and (
        closed.endswith("2>&-") or re.search("standard (in|out)put is not a terminal", ended.stdout)
    )


TERMS = ("dumb", "unknown", "linux", "vt100", "screen", "tmux-256color", "xterm-16color", "no-such-terminal")


def test_every_terminal_shows_the_screen_and_gets_nothing_that_it_would_print(open_podtui: Open, nowhere: str) -> None:
    opened = {term: open_podtui("--kubeconfig", nowhere, size=(80, 24), env={"TERM": term, "COLORTERM": ""}) for term in TERMS}
    for term, terminal in opened.items():
        terminal.wait_for("unreachable")
        terminal.wait_for(": Command")
        terminal.press("q")
        assert terminal.wait_exit() == 0 and terminal.restored() == [], term
        sent = terminal.raw.decode()
        asks = bool(re.search(r"\x1b\[>\d+u|\x1b\[<u|\$p", sent))
        assert asks == (term not in ("dumb", "unknown", "linux", "vt100", "vt220")), term
        assert not re.search(r"\x1b\[[\d;]*[34]8;2;", sent), f"{term}: colours of 24 bits"
        assert bool(re.search(r"\x1b\[[\d;]*[34]8;5;", sent)) == term.endswith("256color"), term


def test_keys_that_are_not_utf_8_end_nothing_and_columns_stay_straight_in_another_locale(open_podtui: Open, nowhere: str) -> None:
    for env in ({"LANG": "C.UTF-8"}, {"LC_ALL": "POSIX"}, {"PYTHONIOENCODING": "latin-1"}):
        terminal = open_podtui("--kubeconfig", nowhere, size=(80, 24), env=env)
        terminal.wait_for("unreachable")
        terminal.write(b"\xff\xfe\xc3\xe9")
        terminal.press("?")
        terminal.wait_for("WHAT IT DOES")
        terminal.settle()
        right = {line.rindex(line[-1]) for line in terminal.lines if re.search(r"[│|┌┐└┘+]\Z", line)}
        assert len(right) == 1, terminal.framed()
        terminal.press("escape", "q")
        assert terminal.wait_exit() == 0 and terminal.restored() == []
        assert env != {"PYTHONIOENCODING": "latin-1"} or (max(terminal.raw) < 0x100 and "\\u" not in terminal.text)
