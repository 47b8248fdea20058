"""The editors: the user's own, as far as no terminal is needed, and podtui's."""

from __future__ import annotations

import errno
import os
import stat
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual import events
from textual.widgets import Static

from podtui.config import Config
from podtui.errors import ConnectionFailed, EditorFailed, EditorMissing
from podtui.kube.manifests.faults import Fault
from podtui.text import piled_marks
from podtui.ui.editor import editing
from podtui.ui.editor.edit_area import Substitutes
from podtui.ui.editor.outside_editor import edit_outside, editor_command, kept_words
from podtui.ui.editor.screen import EditorScreen
from tests.support import screens
from tests.support.waiting import settle

TEXT = "kind: Pod\nmetadata:\n  name: web\n"


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The state folder."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return tmp_path / "podtui"


# -- which editor -------------------------------------------------------------------------------------------------


def test_the_editor_is_kubectls_then_the_systems(tmp_path: Path) -> None:
    everything = {"KUBE_EDITOR": "a", "EDITOR": "b -w", "VISUAL": "c"}
    assert editor_command("", everything) == ["a"]
    assert editor_command("", {**everything, "KUBE_EDITOR": ""}) == ["b", "-w"]
    assert editor_command("'my editor' -x", everything) == ["my editor", "-x"]
    assert editor_command("built-in", everything) == editor_command("", {"EDITOR": "built-in"}) == []
    assert editor_command("", {"PATH": str(tmp_path)}) == []
    (tmp_path / "vi").touch(mode=0o755)
    assert editor_command("", {"PATH": str(tmp_path)}) == ["vi"]
    with pytest.raises(EditorMissing, match="closing quotation"):
        editor_command("", {"EDITOR": "'x"})


class Terminal:
    """In place of the terminal: each program is a function of the file."""

    usable = True

    def __init__(self, *programs: Any) -> None:
        self.programs = list(programs)
        self.seen: list[str] = []
        self.path = Path()

    async def run(self, command: Sequence[str]) -> int:
        self.path = Path(command[-1])
        assert stat.S_IMODE(self.path.stat().st_mode) == 0o600 and stat.S_IMODE(self.path.parent.stat().st_mode) == 0o700
        self.seen.append(self.path.read_text())
        made = self.programs.pop(0)(self.seen[-1])
        if isinstance(made, int):
            return made
        self.path.write_text(made)
        return 0


def app_with(*programs: Any) -> Any:
    told: list[str] = []
    return SimpleNamespace(
        terminal=Terminal(*programs),
        options=SimpleNamespace(config=Config(editor="ed")),
        farewell=[],
        told=told,
        notify=lambda text, **_: told.append(text),
    )


async def test_a_file_is_private_and_gone_afterwards(state: Path) -> None:
    app = app_with(lambda text: text.upper())
    assert await edit_outside(app, "a: 1\n", "../pod x.yaml", ["ed"]) == "A: 1\n"
    assert app.terminal.path.name == "pod-x.yaml" and state in app.terminal.path.parents
    assert os.listdir(state) == []


async def test_the_line_end_that_an_editor_adds_is_not_a_change() -> None:
    assert await edit_outside(app_with(lambda text: text + "\n"), "value", "x.txt", ["ed"]) == "value"
    assert await edit_outside(app_with(lambda text: text), "value\n", "x.txt", ["ed"]) == "value\n"


async def test_what_an_editor_wrote_before_it_failed_is_kept(state: Path) -> None:
    def crashing(text: str) -> int:
        app.terminal.path.write_text("typed")
        return -11

    app = app_with(crashing)
    with pytest.raises(EditorFailed, match="ed was killed by signal 11; nothing was changed") as caught:
        await edit_outside(app, "before", "x.yaml", ["ed"])
    (kept,) = (state / "kept").iterdir()
    assert kept.read_text() == "typed" and str(kept) in caught.value.hint and stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert app.farewell == [caught.value.hint]
    with pytest.raises(EditorFailed, match="ended with exit code 1") as caught:
        await edit_outside(app_with(lambda _: 1), "before", "x.yaml", ["ed"])
    assert caught.value.hint == ""


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder for temporary files, beside a state folder that takes nothing: a file is in its place."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


async def test_where_the_state_folder_takes_nothing_the_editors_file_is_a_temporary_one_and_that_is_said(temporary: Path) -> None:
    app = app_with(lambda text: text.upper())
    assert await edit_outside(app, "a: 1\n", "x.yaml", ["ed"]) == "A: 1\n"
    assert temporary in app.terminal.path.parents and os.listdir(temporary) == []
    (told,) = app.told
    assert "file/podtui: Not a directory. The editor's file is in " in told


def test_where_the_state_folder_takes_nothing_a_text_is_kept_in_a_temporary_file_and_that_is_said(temporary: Path) -> None:
    app = app_with()
    words = kept_words(app, "typed", "x.yaml")
    (kept,) = temporary.glob("*/*")
    assert kept.read_text() == "typed" and stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert words.startswith(f"What you typed is kept in {kept} (cannot create the folder ") and app.farewell == [words]


def test_what_is_kept_has_no_values_of_secrets(state: Path, temporary: Path) -> None:
    app = app_with()
    words = kept_words(app, "kind: Secret\ndata: {k: aHVudGVyMg==}\n", "x.yaml")
    (kept,) = temporary.glob("*/*")
    assert kept.read_text() == "kind: Secret\ndata: {k: '***'}\n" and "is kept without the values of its Secrets in" in words
    os.remove(kept)
    os.rmdir(kept.parent)
    os.rmdir(temporary)
    kept_words(app, "kind: Secret\ndata: {k: aHVudGVyMg==}\n", "x.yaml")
    assert "aHVudGVyMg==" not in "".join(app.farewell)


async def test_where_no_folder_takes_anything_podtuis_own_editor_serves_and_a_text_is_printed_at_the_end(temporary: Path) -> None:
    os.rmdir(temporary)
    app = app_with()
    screens: list[EditorScreen] = []

    async def push(screen: EditorScreen) -> str:
        screens.append(screen)
        return "typed"

    app.push_screen_wait = push
    assert await editing.edit_text(app, "a: 1\n", "x.yaml", "x") == "typed"
    assert "cannot create the folder" in screens[0]._note and "this is podtui's own editor" in screens[0]._note
    assert kept_words(app, "ty\x1b[2Jped\nmore", "x.yaml").endswith("podtui prints it when it exits")
    assert app.farewell[0].endswith(":\nty␛[2Jped\nmore")


async def test_an_editors_file_that_the_disk_has_no_room_for_leaves_nothing_behind(
    state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    really, no_room = os.open, [OSError(errno.ENOSPC, "No space left on device")]

    def full(path: Any, *arguments: Any, **more: Any) -> int:
        if str(path).endswith("x.yaml") and no_room:
            raise no_room.pop()
        return really(path, *arguments, **more)

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(os, "open", full)
    app = app_with(lambda text: text)
    await edit_outside(app, "a: 1\n", "x.yaml", ["ed"])
    assert app.told[0].startswith(f"cannot write to {state}: No space left on device. The editor's file is in")
    assert os.listdir(state) == []


async def check(text: str) -> list[Fault]:
    return [Fault(2, "no such field")] if "bad" in text else []


async def test_a_refused_text_is_edited_again_with_the_faults_as_comments_at_their_lines() -> None:
    app = app_with(lambda text: text + "bad: 1\n", lambda text: text.replace("bad", "good"))
    edited = await editing.edit_text(app, "# mine\na: 1\n", "x.yaml", "x", check=check, heading=["Edit it."])
    assert edited == "# mine\na: 1\ngood: 1\n"
    assert app.terminal.seen[0] == "# Edit it.\n#\n# mine\na: 1\n"
    again = app.terminal.seen[1].split("\n")
    assert again[2:4] == ["# Refused:", "# line 7: no such field"] and again[7 - 1] == "a: 1"


async def test_a_refused_text_that_is_left_as_it_is_is_kept(state: Path) -> None:
    app = app_with(lambda text: text + "bad: 1\n", lambda text: text)
    assert await editing.edit_text(app, "a: 1\n", "x.yaml", "x", check=check) is None
    (kept,) = (state / "kept").iterdir()
    assert kept.read_text() == "a: 1\nbad: 1\n"
    assert app.told == [f"Cancelled, no valid changes were saved. What you typed is kept in {kept}"]


async def test_comments_that_the_user_changed_are_taken_away_too() -> None:
    app = app_with(lambda text: "# other\n" + text.partition("\n")[2])
    assert await editing.edit_text(app, "a: 1\n", "x.yaml", "x", heading=["Edit it."]) == "a: 1\n"


# -- characters ---------------------------------------------------------------------------------------------------


@given(st.text(), st.text())
def test_a_text_comes_back_from_its_substitutes_as_it_was(text: str, more: str) -> None:
    substitutes = Substitutes()
    shown = substitutes.put(text)
    assert substitutes.back(shown) == text and len(shown) == len(text)
    assert not any(character in shown for character in "\x1b\r\x85\u2028\u202e\x7f\x9b")


@given(st.text(st.sampled_from("eक\u0301\u0300\u093f\n\x1b\ue000"), max_size=60))
def test_marks_in_a_long_run_are_shown_side_by_side_and_come_back(text: str) -> None:
    substitutes = Substitutes()
    shown = substitutes.put(text + "\u0301" * 5)
    assert substitutes.back(shown) == text + "\u0301" * 5
    assert piled_marks(shown) == set() and substitutes.used
    assert Substitutes().put("क्षि ท่านี้ e\u0301") == "क्षि ท่านี้ e\u0301"


# -- podtui's own -------------------------------------------------------------------------------------------------


class Shown(screens.Shown):
    """Shows an editor, for which the terminal has `programs`."""

    def __init__(self, screen: EditorScreen, *programs: Any) -> None:
        super().__init__(screen)
        self.farewell: list[str] = []
        self.options = SimpleNamespace(config=Config(editor="ed"))
        self.terminal = Terminal(*programs)


def messages(screen: EditorScreen) -> str:
    return str(screen.query_one("#editor-messages", Static).render())


async def test_a_text_is_typed_checked_and_saved() -> None:
    asked: list[str] = []

    async def ask(text: str) -> list[Fault]:
        asked.append(text)
        return await check(text)

    screen = EditorScreen(TEXT, "pod-web.yaml", "pod/web", check=ask)
    async with Shown(screen).run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        await pilot.press(*"bad", "ctrl+s")
        await settle(pilot)
        assert messages(screen) == "✗ 2: no such field" and screen.area.cursor_location[0] == 1
        assert "no such field" in screen.area.render_line(1).text
        assert pilot.app.results == [] and screen.area.content == f"bad{TEXT}"  # type: ignore[attr-defined]
        await pilot.press("up", "home", "delete", "delete", "delete", "ctrl+s")
        await settle(pilot)
        assert asked == [f"bad{TEXT}", TEXT] and pilot.app.results == [TEXT]  # type: ignore[attr-defined]


async def test_a_changed_text_is_left_only_at_the_second_escape_and_kept(state: Path) -> None:
    screen = EditorScreen(TEXT, "pod-web.yaml", "pod/web")
    app = Shown(screen)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        await pilot.press("x", "escape")
        assert "Esc again leaves" in messages(screen) and app.results == []
        await pilot.press("escape")
        await pilot.pause()
        (kept,) = (state / "kept").iterdir()
        assert app.results == [None] and kept.read_text() == f"x{TEXT}" and str(kept) in app.told[0]
        assert kept.name.startswith("pod-web-") and kept.name.endswith(".yaml")


async def test_enter_keeps_the_indentation_and_tab_indents() -> None:
    screen = EditorScreen("spec:\n  a: 1\n", "x.yaml", "x")
    app = Shown(screen)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        await pilot.press("down", "end", "enter", *"b:", "enter", "tab", *"c", "up", "up", "up", "end", "enter", "ctrl+s")
        await settle(pilot)
        assert app.results == ["spec:\n\n  a: 1\n  b:\n    c\n"]


async def test_an_unchanged_text_is_left_at_once_and_not_kept(state: Path) -> None:
    app = Shown(EditorScreen(TEXT, "x.yaml", "x"))
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("escape")
        await pilot.pause()
        assert app.results == [None]
    assert not (state / "kept").exists()


async def test_quitting_podtui_keeps_what_was_typed(state: Path) -> None:
    app = Shown(EditorScreen(TEXT, "x.yaml", "x"))
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        await pilot.press("x")
        app.exit()
    (kept,) = (state / "kept").iterdir()
    assert kept.read_text() == f"x{TEXT}" and app.farewell == [f"What you typed is kept in {kept}"]


async def test_an_outage_while_a_text_is_checked_loses_nothing() -> None:
    async def ask(text: str) -> list[Fault]:
        raise ConnectionFailed("no route to it")

    screen = EditorScreen(TEXT, "x.yaml", "x", check=ask)
    async with Shown(screen).run_test(size=(80, 24)) as pilot:
        await pilot.press("ctrl+s")
        await settle(pilot)
        assert messages(screen) == "✗ no route to it" and screen.area.content == TEXT


async def test_bytes_are_kept_and_escape_sequences_never_reach_the_terminal() -> None:
    text = "a\x1b[2Jb\r\nc\x85d\u2028e\u202ef\ttab\x00"
    screen = EditorScreen(text, "x.txt", "x")
    app = Shown(screen)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        assert screen.area.content == text and "control characters" in messages(screen).lower()
        assert screen.area.document.line_count == 2 and screen.area.render_line(0).text.split()[1].startswith("a␛[2Jb␍")
        app.post_message(events.Paste("\x07p\r\nq"))
        await pilot.pause()
        await pilot.press("ctrl+s")
        await settle(pilot)
        assert app.results == [f"\x07p\nq{text}"]


async def test_the_text_can_be_given_to_the_users_own_editor_and_back() -> None:
    screen = EditorScreen(TEXT, "x.yaml", "x")
    app = Shown(screen, lambda text: f"{text}# more\n", lambda text: 1)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("f4")
        await settle(pilot)
        assert screen.area.content == f"{TEXT}# more\n" and app.results == []
        await pilot.press("f4")
        await settle(pilot)
        assert "ed ended with exit code 1" in messages(screen) and screen.area.content == f"{TEXT}# more\n"
