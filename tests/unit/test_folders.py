"""podtui's own folders and files: private, and written whole or not at all."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import pytest

from podtui import config
from podtui.errors import ConfigError
from podtui.folders import config_folder, open_own, private_folder, read_own, state_folder, write_private
from podtui.reports import log_path, log_to_file


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


# --- what someone else may have put there


@pytest.fixture
def foreign(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything belongs to another user than podtui's."""
    monkeypatch.setattr(os, "geteuid", lambda: 12345)


def trap(path: Path, kind: str, victim: Path) -> None:
    """Something at `path` that is not a plain file."""
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "link":
        path.symlink_to(victim)
    elif kind == "dangling link":
        path.symlink_to(victim.with_name("nothing"))
    elif kind == "folder":
        path.mkdir()
    else:
        path.symlink_to("/dev/zero")


WORDS = {
    "pipe": "a pipe",
    "link": "a symbolic link",
    "dangling link": "a symbolic link",
    "folder": "a folder",
    "device": "a symbolic link",
}


@pytest.mark.parametrize(("kind", "words"), WORDS.items())
@pytest.mark.parametrize("flags", [os.O_RDONLY, os.O_RDWR | os.O_CREAT | os.O_APPEND, os.O_WRONLY | os.O_CREAT])
def test_a_state_file_that_is_not_a_plain_file_is_refused(tmp_path: Path, kind: str, words: str, flags: int) -> None:
    victim = tmp_path / "victim"
    victim.write_text("mine")
    trap(tmp_path / "state", kind, victim)
    with pytest.raises(ConfigError, match=f"cannot use .*: it is {words}"):
        os.close(open_own(tmp_path / "state", flags))
    assert victim.read_text() == "mine" and not (tmp_path / "nothing").exists()


@pytest.mark.usefixtures("foreign")
def test_what_belongs_to_another_user_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(ConfigError, match="it belongs to"):
        open_own(tmp_path / "file")
    with pytest.raises(ConfigError, match=r"cannot use the folder .*: it belongs to"):
        private_folder(tmp_path)
    if os.stat(tmp_path).st_uid:  # what is root's may be read as configuration
        with pytest.raises(ConfigError, match="it belongs to"):
            read_own(tmp_path / "file")


def test_a_state_folder_that_is_a_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir(mode=0o755)
    (tmp_path / "podtui").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ConfigError, match=r"cannot use the folder .*: it is a symbolic link"):
        write_private(tmp_path / "podtui" / "x", "y")
    assert (list((tmp_path / "elsewhere").iterdir()), mode(tmp_path / "elsewhere")) == ([], 0o755)


@pytest.mark.parametrize(("kind", "words"), [("pipe", "a pipe"), ("folder", "a folder"), ("device", "a device or a socket")])
def test_a_configuration_that_is_not_a_plain_file_is_refused_and_never_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, words: str
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    (tmp_path / "podtui").mkdir()
    trap(config.default_path(), kind, tmp_path)
    with pytest.raises(ConfigError, match=f"config.yaml: it is {words}"):
        config.load()


def test_a_link_of_the_users_own_leads_to_the_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    (tmp_path / "podtui").mkdir()
    (tmp_path / "mine.yaml").write_text("mouse: false\n")
    config.default_path().symlink_to(tmp_path / "mine.yaml")
    assert config.load().mouse is False
    (tmp_path / "mine.yaml").unlink()
    with pytest.raises(ConfigError, match=r"cannot read .*config.yaml: No such file"):
        config.load()


@pytest.mark.parametrize("kind", WORDS)
def test_a_log_file_that_is_not_a_plain_file_is_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setattr(logging, "root", logging.RootLogger(logging.WARNING))
    monkeypatch.setattr(logging, "captureWarnings", lambda _: None)
    victim = tmp_path / "victim"
    victim.write_text("mine" * (1 << 19))
    log_path().parent.mkdir()
    trap(log_path(), kind, victim)
    log_to_file()
    assert [type(handler) for handler in logging.root.handlers] == [logging.NullHandler]
    assert victim.stat().st_size == 4 << 19
