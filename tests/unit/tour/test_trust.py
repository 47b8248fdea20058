"""What a walkthrough may do that did not come with podtui."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from podtui.cli import tour as command
from podtui.cluster.kubeconfig.contexts import Kubeconfig
from podtui.config import Config
from podtui.errors import EditorMissing, PodtuiError
from podtui.kube.resources import Scope
from podtui.tour import file
from podtui.ui.main.app import PodtuiApp
from podtui.ui.options import Options
from tests.support.api_server import settings

OWN = """\
title: T
steps:
- caption: c
  keys: x
  run:
    label: {node: n1, labels: {a: b}}
    http: http://127.0.0.1:{port}/
    answer: a
"""


@pytest.fixture
def own(tmp_path: Path) -> file.Tour:
    path = tmp_path / "own.yaml"
    path.write_text(OWN)
    return file.load(str(path))


class Answering:
    def __init__(self, monkeypatch: pytest.MonkeyPatch, answer: str | None) -> None:
        monkeypatch.setattr(sys, "stdin", SimpleNamespace(isatty=lambda: True))
        monkeypatch.setattr(os, "get_terminal_size", lambda: os.terminal_size((80, 24)))
        monkeypatch.setattr("builtins.input", self.input)
        self.answer = answer

    def input(self, prompt: str) -> str:
        assert prompt == "Play it? [y/N] "
        if self.answer is None:
            raise EOFError
        return self.answer


def way(*, terminal: bool) -> command.Way:
    return command.Way(terminal, False, None, (80, 24))


@pytest.mark.parametrize(("answer", "played"), [("y", True), ("YES", True), ("", False), ("n", False), (None, False)])
def test_a_file_is_played_only_after_a_yes(
    own: file.Tour, answer: str | None, played: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Answering(monkeypatch, answer)
    if played:
        command._ask(own, way(terminal=True), real=False)
    else:
        with pytest.raises(PodtuiError, match="the walkthrough was not played"):
            command._ask(own, way(terminal=True), real=False)
    told = " ".join(capsys.readouterr().out.split())
    for ability in ("in the built-in cluster", "label nodes: n1", "HTTP requests to this machine: http://127.0.0.1:{port}/", "no editor"):
        assert ability in told


def test_without_a_terminal_only_the_built_in_cluster_needs_no_answer(own: file.Tour) -> None:
    command._ask(own, way(terminal=False), real=False)
    with pytest.raises(PodtuiError, match="in your cluster") as caught:
        command._ask(own, way(terminal=False), real=True)
    assert "--yes" in caught.value.hint


def test_a_shipped_walkthrough_is_trusted_and_a_copy_is_not(own: file.Tour, tmp_path: Path) -> None:
    assert all(file.load(name).shipped for name in file.shipped())
    assert not own.shipped
    (tmp_path / "textbook.yaml").write_text((file.shipped_folder() / "textbook.yaml").read_text())
    assert not file.load(str(tmp_path / "textbook.yaml")).shipped


async def test_an_application_that_is_confined_uses_no_path_outside_and_lends_its_terminal_to_nothing(tmp_path: Path) -> None:
    app = PodtuiApp(Options(settings("https://127.0.0.1:1"), Kubeconfig(), Scope(()), Config()))
    folder = tmp_path / "own"
    folder.mkdir()
    (folder / "link").symlink_to(tmp_path)
    app.confine(folder, "the walkthrough x")
    for inside in (str(folder), f"{folder}/a", f"{folder}/a/../b"):
        app.check_path(inside)
    for outside in (f"{folder}/../a", f"{folder}/link/a", f"{folder}2", "~/.profile", "x", "/", f"{folder}/*/../../a"):
        with pytest.raises(PodtuiError, match="the walkthrough x may use files in its own folder only"):
            app.check_path(outside)

    async def use(_: Any) -> None:
        raise AssertionError

    with pytest.raises(EditorMissing, match="may start no editor, shell or pager"):
        await app.terminal.run(["true"])
    with pytest.raises(PodtuiError, match="may start no editor, shell or pager"):
        await app.terminal.lend(use)
    app.confine(None)
    app.check_path("~/.profile")
    assert app.terminal.refusal == ""
