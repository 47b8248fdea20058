"""The program in a terminal, with no server that answers: it opens, says what fails, and leaves the terminal as it was."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.terminal.conftest import Open

KUBECONFIG = """\
apiVersion: v1
kind: Config
current-context: nowhere
clusters: [{name: one, cluster: {server: "http://127.0.0.1:9"}}]
users: [{name: me, user: {}}]
contexts: [{name: nowhere, context: {cluster: one, user: me, namespace: web}}]
"""


@pytest.fixture
def nowhere(tmp_path: Path) -> str:
    """A good kubeconfig of a server that does not answer."""
    path = tmp_path / "nowhere"
    path.write_text(KUBECONFIG)
    return str(path)


def test_the_screen_says_that_the_server_does_not_answer(open_podtui: Open, nowhere: str, size: tuple[int, int]) -> None:
    terminal = open_podtui("--kubeconfig", nowhere, size=size)
    terminal.wait_for("nowhere")
    terminal.wait_for("unreachable|not connected|refused")
    assert not terminal.shows("[Nn]o pods")
    terminal.press("q")
    assert terminal.wait_exit() == 0
    assert terminal.restored() == []


@pytest.mark.parametrize("key", ["q", "ctrl+c"])
def test_quitting_leaves_the_terminal_as_it_was(open_podtui: Open, nowhere: str, key: str) -> None:
    terminal = open_podtui("--kubeconfig", nowhere)
    terminal.wait_for("nowhere")
    terminal.press(key)
    assert terminal.wait_exit() == 0
    assert terminal.restored() == []
    assert terminal.processes() == []
    assert "Traceback" not in terminal.raw.decode(errors="replace")


def test_no_mouse_leaves_the_mouse_to_the_terminal(open_podtui: Open, nowhere: str) -> None:
    terminal = open_podtui("--kubeconfig", nowhere, "--no-mouse")
    terminal.wait_for("nowhere")
    assert not any(terminal.modes.get(mode) for mode in ("1000", "1002", "1003"))


@pytest.mark.parametrize("env", [{"NO_COLOR": "1"}, {"TERM": "dumb"}], ids=["NO_COLOR", "TERM=dumb"])
def test_no_color_and_dumb_terminals_get_no_colour_at_all(open_podtui: Open, nowhere: str, env: dict[str, str]) -> None:
    terminal = open_podtui("--kubeconfig", nowhere, env=env)
    terminal.wait_for("nowhere")
    terminal.settle()
    cells = [cell for line in terminal.screen.buffer.values() for cell in line.values()]
    assert {(cell.fg, cell.bg) for cell in cells} <= {("default", "default")}


def test_a_terminal_of_16_colours_gets_only_those(open_podtui: Open, nowhere: str) -> None:
    terminal = open_podtui("--kubeconfig", nowhere, env={"TERM": "xterm", "COLORTERM": ""})
    terminal.wait_for("nowhere")
    terminal.settle()
    sent = terminal.raw.decode(errors="replace")
    assert "38;2;" not in sent and "38;5;" not in sent and "48;2;" not in sent and "48;5;" not in sent


@pytest.mark.parametrize("word", ["sepia", "true-color"])
def test_an_unknown_textual_color_system_does_not_crash_podtui(open_podtui: Open, nowhere: str, word: str) -> None:
    terminal = open_podtui("--kubeconfig", nowhere, env={"TEXTUAL_COLOR_SYSTEM": word})
    terminal.wait_for("nowhere")


def test_an_unknown_theme_exits_with_2_before_the_screen_opens(open_podtui: Open, nowhere: str) -> None:
    terminal = open_podtui("--kubeconfig", nowhere, "--theme", "podtui-drak")
    assert terminal.wait_exit() == 2
    assert "did you mean `podtui-dark`" in terminal.text
    assert "1049" not in terminal.modes


def test_an_unknown_command_in_the_keymap_exits_with_1_before_the_screen_opens(open_podtui: Open, nowhere: str, tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text("keymap:\n  main.lgos: f5\n")
    terminal = open_podtui("--kubeconfig", nowhere, "--config", str(config))
    assert terminal.wait_exit() == 1
    assert "did you mean `main.logs`" in terminal.text
    assert "1049" not in terminal.modes
