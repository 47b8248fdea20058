"""The walkthroughs on the built-in cluster: each runs through as a test, is recorded, and is played to a viewer at a terminal."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pyte
import pytest

from podtui.tour.file import shipped, shipped_folder
from tests.terminal.conftest import Open, program
from tests.terminal.pty_session import KEYS, PtySession

KEYS |= {"f6": b"\x1b[17~", "f7": b"\x1b[18~", "f8": b"\x1b[19~", "f9": b"\x1b[20~"}

TWO_STEPS = """\
title: {en: Two steps, ko: 두 단계}
languages: [en, ko]
scenario: textbook
steps:
- caption: {en: "Create it: `n` and the path.", ko: "만들기: `n`과 경로."}
  run:
    files:
      kubia.yaml: "{apiVersion: v1, kind: Pod, metadata: {name: kubia}, spec: {containers: [{name: kubia, image: luksa/kubia}]}}"
  keys: n {folder}/kubia.yaml enter
  expect: ✓ pod/kubia
- keys: tab enter
  gone: Create in namespace
  expect: kubia 1/1 Running
- caption: {en: "Its labels: `W`.", ko: "레이블: `W`."}
  keys: W
  expect: LABELS
  within: 5
  picture: labels
"""


FAST = ("--speed", "10")
"""For what is played to a viewer: ten seconds of the built-in cluster pass in one, as they do in a test anyway."""


ASTRAY = """
import sys
from podtui.cli.main import main
from podtui.tour.player import Player

perform = Player._perform

async def anew(self, scene, pace=None):
    await self._acts.prepare(scene.parts[0])
    await self._begin(scene)
    return await perform(self, scene, pace)

Player._perform = anew
sys.exit(main(sys.argv[1:]))
"""
"""podtui for a viewer who presses F7 before each step."""


def run(home: Path, *words: str, timeout: float = 400, script: str = "") -> subprocess.CompletedProcess[str]:
    """`podtui tour WORDS` without a terminal, with an empty home; `script` stands in for podtui."""
    foreign = ("KUBE", "XDG_", "LC_", "TEXTUAL", "NO_COLOR", "PODTUI")
    clean = {key: value for key, value in os.environ.items() if not key.startswith(foreign)}
    root = str(Path(__file__).resolve().parents[2])
    environ = {**clean, "HOME": str(home), "LANG": "C.UTF-8", "TERM": "dumb", "PYTHONPATH": root}
    command = [*([sys.executable, "-c", script] if script else program()), "tour", *words]
    return subprocess.run(
        command, env=environ, stdin=subprocess.DEVNULL, capture_output=True, text=True, encoding="utf-8", timeout=timeout, check=False
    )


@pytest.fixture
def two_steps(tmp_path: Path) -> Path:
    path = tmp_path / "two.yaml"
    path.write_text(TWO_STEPS, encoding="utf-8")
    return path


HOLDS = [
    ("first-steps", "en", "80x24"),
    ("incident", "ko", "80x24"),
    ("logs", "en", "80x24"),
    ("textbook", "en", "120x30"),  # of this size are the pictures in the README
    ("textbook", "ko", "80x24"),
]


def test_every_shipped_walkthrough_is_played() -> None:
    assert {name for name, _, _ in HOLDS} == set(shipped())


@pytest.mark.parametrize(("name", "language", "size"), HOLDS)
def test_every_step_of_a_shipped_walkthrough_holds(home: Path, name: str, language: str, size: str) -> None:
    done = run(home, name, "--lang", language, "--size", size)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    lines = done.stdout.splitlines()
    assert "built-in cluster" in lines[0]
    assert lines[1:] and all(line.startswith("ok ") for line in lines[1:])


@pytest.mark.parametrize("name", ["first-steps", "incident", "logs"])
def test_every_step_may_be_begun_anew_from_whatever_is_on_the_screen(home: Path, name: str) -> None:
    done = run(home, name, "--lang", "en", "--size", "80x24", script=ASTRAY)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout


@pytest.fixture
def left_clean(kubectl: Callable[..., str]) -> Iterator[None]:
    """Takes away what a walkthrough that was broken off leaves outside its namespace."""
    yield
    kubectl("delete", "namespace", "custom-namespace", "--ignore-not-found", "--wait=false")
    kubectl("label", "nodes", "--all", "gpu-")


@pytest.mark.real_cluster("the walkthrough brings the built-in one itself")
@pytest.mark.usefixtures("left_clean")
def test_the_textbook_holds_on_a_real_cluster(home: Path, kubeconfig: str, namespace: str, real_node: str, tmp_path: Path) -> None:
    """With its pods on the node that has a real kubelet, but for the one that asks for a label."""
    text = (shipped_folder() / "textbook.yaml").read_text(encoding="utf-8")
    grace = r"\n( +)(terminationGracePeriodSeconds: 2\n)(?! +nodeSelector)"
    path = tmp_path / "textbook.yaml"
    path.write_text(re.sub(grace, rf"\n\1nodeName: {real_node}\n\1\2", text), encoding="utf-8")
    done = run(home, str(path), "--kubeconfig", kubeconfig, "-n", namespace, "--lang", "en", "--yes")
    assert (done.returncode, done.stderr) == (0, ""), done.stdout


def test_a_walkthrough_that_deletes_pods_is_not_let_loose_on_those_of_others(
    home: Path, kubeconfig: str, namespace: str, kubectl: Callable[..., str]
) -> None:
    kubectl("run", "precious", "-n", namespace, "--image", "example", "--restart", "Never")
    done = run(home, "textbook", "--kubeconfig", kubeconfig, "-n", namespace)
    assert (done.returncode, done.stdout) == (1, "")
    assert f"there are pods in namespace {namespace}, and this walkthrough deletes pods" in done.stderr


def test_a_failed_step_of_a_walkthrough_is_reported_with_its_line_and_the_screen(home: Path, two_steps: Path) -> None:
    two_steps.write_text(TWO_STEPS.replace("LABELS", "NOTHING").replace("within: 5", "within: 0.5"))
    done = run(home, str(two_steps), *FAST)
    assert done.returncode == 1
    assert f"{two_steps}:14: waiting for: NOTHING (within 0.5 s)" in done.stdout
    assert "kubia  1/1" in done.stdout
    assert "ok       1/2" in done.stdout and "FAILED   2/2" in done.stdout


def test_a_mistake_in_a_walkthroughs_file_is_reported_with_its_line(home: Path, two_steps: Path) -> None:
    two_steps.write_text(TWO_STEPS.replace("gone:", "gon:"))
    done = run(home, str(two_steps))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"podtui: {two_steps}:12: unknown key `steps[2].gon`, did you mean `gone`?\n"


def test_a_recording_plays_back_to_the_walkthroughs_last_screen(home: Path, two_steps: Path, tmp_path: Path) -> None:
    cast = tmp_path / "two.cast"
    done = run(home, str(two_steps), "--lang", "ko", "--size", "80x24", "--record", str(cast), *FAST)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    head, *events = [json.loads(line) for line in cast.read_text(encoding="utf-8").splitlines()]
    assert (head["version"], head["width"], head["height"], head["title"]) == (2, 80, 24, "두 단계")
    times = [at for at, _, _ in events]
    assert times == sorted(times)
    assert times[-1] > 8, "the pauses are in the recording"
    assert [text for _, kind, text in events if kind == "m"] == ["만들기: n과 경로.", "레이블: W."]
    screen = pyte.Screen(80, 24)
    stream = pyte.Stream(screen)
    for _, kind, text in events:
        if kind == "o":
            stream.feed(text)
    shown = "\n".join(screen.display)
    assert "LABELS" in shown and "kubia" in shown and "2/2 ✓" in shown and "W." in shown
    assert "connecting" not in shown


def test_pictures_are_written_for_the_end_and_for_named_steps(home: Path, two_steps: Path, tmp_path: Path) -> None:
    done = run(home, str(two_steps), "--record", str(tmp_path / "two.svg"), *FAST)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    for name in ("two.svg", "two-labels.svg"):
        drawn = (tmp_path / name).read_text(encoding="utf-8").replace("&#160;", " ")
        assert drawn.startswith("<svg") and "LABELS" in drawn and "Its labels: " in drawn
        assert 'url("http' not in drawn, "nothing is loaded from the net"


MISCHIEF = """\
title: Mischief
scenario: logs
steps:
- caption: It replaces a dot-file with a log.
  keys: l
  expect: following
- keys: ctrl+s ctrl+u ~/.profile enter enter
  expect: may use files in its own folder only
- keys: ctrl+u {folder}/../.profile enter enter
  expect: may use files in its own folder only
- keys: ctrl+u {folder}/log enter
  expect: saved to
- caption: It reads one.
  keys: escape escape n ~/.profile enter
  expect: may use files in its own folder only
"""


def test_a_walkthrough_of_unknown_origin_cannot_touch_files_outside_its_folder(home: Path, tmp_path: Path) -> None:
    (home / ".profile").write_text("mine\n")
    (tmp_path / "mischief.yaml").write_text(MISCHIEF)
    done = run(home, str(tmp_path / "mischief.yaml"), *FAST)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert (home / ".profile").read_text() == "mine\n"


def test_a_walkthrough_of_unknown_origin_is_not_played_on_a_real_cluster_without_an_answer(home: Path, two_steps: Path) -> None:
    (home / "kubeconfig").touch()
    done = run(home, str(two_steps), "--kubeconfig", str(home / "kubeconfig"))
    assert (done.returncode, done.stdout) == (1, "")
    assert "did not come with podtui, and may create, change and delete what you may in your cluster" in done.stderr
    assert "play it with --yes" in done.stderr


def shows_first_step(terminal: PtySession) -> None:
    terminal.wait_for("no pods", 30)
    terminal.wait_for(r" 1/2 ▸ n ")


def test_a_viewer_goes_step_by_step_and_comes_back_after_going_astray(open_podtui: Open, two_steps: Path, size: tuple[int, int]) -> None:
    terminal = open_podtui("tour", str(two_steps), *FAST, size=size)
    terminal.wait_for(r"Play it\? \[y/N\]")
    terminal.type("y")
    terminal.press("enter")
    shows_first_step(terminal)
    assert "Create it: n and the path." in terminal.text
    assert terminal.lines[-2].startswith(" 1/2 ▸ n ") and "F8 next  F7 restart step  F6 back  F9 end" in terminal.lines[-2]
    assert "/ Filter" in terminal.lines[-3], "the bar hides nothing of the dashboard"
    terminal.press("f8")
    terminal.wait_for(r"kubia +1/1 +Running(.|\n)* 1/2 ✓")
    terminal.press("ctrl+n")
    terminal.wait_for(r" 2/2 ▸ W")
    terminal.press("r", "/")  # a viewer who goes astray
    terminal.type("nothing")
    terminal.press("enter", "?")
    terminal.wait_for("WHAT IT DOES")
    terminal.press("f6")
    terminal.wait_for(r"kubia +1/1 +Running(.|\n)* 1/2 ▸ n ")
    terminal.press("n")
    terminal.wait_for("Create in namespace")
    terminal.press("f7")
    terminal.wait_for(r"kubia +1/1 +Running(.|\n)* 1/2 ▸ n ")
    assert "read-only" not in terminal.lines[0]
    terminal.press("f9")


def test_a_viewer_begins_at_a_later_step_and_may_do_a_step_by_hand(open_podtui: Open, two_steps: Path) -> None:
    terminal = open_podtui("tour", str(two_steps), "--yes", "--from", "2", *FAST, size=(80, 24))
    terminal.wait_for(r"kubia +1/1 +Running(.|\n)* 2/2 ▸ W", 60)
    terminal.press("W")
    terminal.wait_for(r" 2/2 ✓")
    terminal.press("f9")
    terminal.wait_without(r" 2/2 ")
    terminal.settle()
    assert "/ Filter" in terminal.lines[-1], "the dashboard has the whole terminal"
    terminal.press("q")
    assert terminal.wait_exit() == 0
    assert terminal.restored() == []


def test_the_bar_stays_at_the_bottom_when_the_terminal_changes_its_size(open_podtui: Open, two_steps: Path) -> None:
    terminal = open_podtui("tour", str(two_steps), "--yes", *FAST, size=(80, 24))
    shows_first_step(terminal)
    for columns, lines in ((120, 36), (60, 20)):
        terminal.resize(columns, lines)
        terminal.wait_until(lambda: " 1/2 ▸ n " in terminal.lines[-2], "the bar is not in the last two lines")
        terminal.wait_until(lambda: "/ Filter" in terminal.lines[-3], "the dashboard does not end above it")
    terminal.press("?")
    terminal.wait_for("WHAT IT DOES")
    assert " 1/2 ▸ n " in terminal.lines[-2]
    terminal.press("ctrl+c")
    assert terminal.wait_exit() == 0
    assert terminal.restored() == []


def test_a_walkthrough_plays_by_itself_and_leaves_the_terminal_as_it_was(open_podtui: Open, two_steps: Path, tmp_path: Path) -> None:
    cast = tmp_path / "played.cast"
    terminal = open_podtui("tour", str(two_steps), "--yes", "--play", "--record", str(cast), *FAST, size=(80, 24))
    terminal.wait_for(r" 2/2 ✓", 60)
    assert terminal.wait_exit(30) == 0
    assert terminal.restored() == []
    assert "2/2" in cast.read_text(encoding="utf-8")
