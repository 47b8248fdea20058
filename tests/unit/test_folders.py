"""podtui's own folders and files: private, and written whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from podtui.errors import ConfigError
from podtui.folders import config_folder, private_folder, state_folder, write_private


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_folders_follow_the_xdg_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", "/somewhere/c")
    monkeypatch.setenv("XDG_STATE_HOME", "/somewhere/s")
    assert (config_folder(), state_folder()) == (Path("/somewhere/c/podtui"), Path("/somewhere/s/podtui"))


def test_a_new_folder_is_for_the_user_alone_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        folder = private_folder(tmp_path / "a" / "podtui")
    finally:
        os.umask(before)
    assert (mode(folder), mode(folder.parent)) == (0o700, 0o700)


def test_a_folder_that_others_could_enter_is_closed(tmp_path: Path) -> None:
    (tmp_path / "podtui").mkdir()
    (tmp_path / "podtui").chmod(0o755)
    assert mode(private_folder(tmp_path / "podtui")) == 0o700


def test_a_file_is_written_for_the_user_alone(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        write_private(tmp_path / "podtui" / "history", "one\n")
    finally:
        os.umask(before)
    path = tmp_path / "podtui" / "history"
    assert (path.read_text(), mode(path), mode(path.parent)) == ("one\n", 0o600, 0o700)


def test_a_file_is_replaced_and_nothing_else_is_left(tmp_path: Path) -> None:
    folder = tmp_path / "podtui"
    write_private(folder / "history", "one\n")
    write_private(folder / "history", b"two\n")
    assert [path.name for path in folder.iterdir()] == ["history"]
    assert (folder / "history").read_text() == "two\n"


def test_a_write_that_fails_keeps_the_old_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "podtui" / "history"
    write_private(path, "one\n")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ConfigError, match=r"cannot write .*history: No space left on device"):
        write_private(path, "two\n")
    assert path.read_text() == "one\n"
    assert [found.name for found in path.parent.iterdir()] == ["history"]


def test_a_file_in_the_way_of_a_folder_is_reported(tmp_path: Path) -> None:
    (tmp_path / "podtui").write_text("")
    with pytest.raises(ConfigError, match="cannot"):
        write_private(tmp_path / "podtui" / "history", "one\n")
